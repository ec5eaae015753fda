"""What is known of a model's non-mated scores before a gallery has shown any.

Data, with its source. A gallery of few references is calibrated by this; as its own pairs
accumulate they take over (see `fit.py`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Prior:
    """A model's non-mated scores on photographs of different people.

    `rates` holds (score, share of non-mated scores at or above it), rising in the score.
    `bend` is that of the tail at each knot (see `tail.py`). `spread` is how far galleries lie
    from it: standard deviations of (centre, log scale, bend).
    """

    mean: float
    deviation: float
    bend: float
    rates: tuple[tuple[float, float], ...]
    spread: tuple[float, float, float]
    source: str


SFACE = Prior(
    mean=0.08,
    deviation=0.09,
    # agrees with the first two rates to 1.12 and lies below the last two, by 2.3 and 8: above
    # 0.5 a good part of these pairs are label errors
    bend=-0.037,
    rates=((0.40, 2.7e-4), (0.45, 4.4e-5), (0.50, 9.5e-6), (0.55, 2.6e-6)),
    # rendered portraits lie at 0.38 +- 0.10: two to three deviations
    spread=(0.12, 0.25, 0.06),
    source=(
        "87.3 million pairs of different names of Labeled Faces in the Wild, templates averaged "
        "over photo and mirror image; label errors not dropped"
    ),
)

UNKNOWN = Prior(
    mean=0.10,
    deviation=0.10,
    bend=0.0,
    rates=((0.30, 2.275e-2), (0.40, 1.35e-3), (0.50, 3.17e-5), (0.60, 2.87e-7)),
    spread=(0.30, 0.50, 0.06),
    source="no measurement: a normal distribution, assumed, which a gallery's own pairs replace",
)

PRIORS = {"sface-2021dec": SFACE}


def prior_of(model: str) -> Prior:
    """Return what is known of a model; `UNKNOWN` where nothing was measured."""
    return PRIORS.get(model, UNKNOWN)
