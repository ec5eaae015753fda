"""Error rates of groups of people at one threshold (NIST FRTE part 3, ISO/IEC 19795-10).

The operator says who belongs to which group; nothing is ever inferred from a face. False
matches are counted within a group, where they are most frequent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vultus.scoring.interval import (
    N_REPLICATES,
    Interval,
    Weights,
    drawn_people,
    or_exact,
    percentiles,
)
from vultus.scoring.verification import Comparisons

PEOPLE_MIN = 30  # of a group: below, an interval over people says more of chance than of the group


@dataclass(frozen=True)
class GroupRow:
    """Generalised rates of one group at the threshold.

    `too_small`: fewer than PEOPLE_MIN people, or fewer than so many of whom there are two
    photos; then its rates should not be read as those of the group. A rate is None, and its
    interval 0 to 1, where there are no comparisons.
    """

    label: str
    n_people: int
    n_mated: int
    fnmr: float | None
    fnmr_interval: Interval
    n_non_mated: int
    fmr: float | None
    fmr_interval: Interval
    too_small: bool


def rates_by_label(
    comparisons: Comparisons,
    labels: Sequence[str | None],
    threshold: float,
    rng: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> list[GroupRow]:
    """Return FNMR and FMR of every group at `threshold`, which is at least the floor.

    `labels`: one for each person of `comparisons`, None for people of no group.
    """
    if len(labels) != len(comparisons.n_photos):
        raise ValueError(f"expected {len(comparisons.n_photos)} labels, got {len(labels)}")
    if threshold < comparisons.floor:
        raise ValueError(f"expected a threshold from {comparisons.floor}, got {threshold}")
    given = sorted({label for label in labels if label is not None})
    groups = np.array([given.index(label) if label is not None else -1 for label in labels])
    return [
        _group(comparisons, label, groups == k, threshold, rng, n_replicates)
        for k, label in enumerate(given)
    ]


def _group(
    comparisons: Comparisons,
    label: str,
    inside: npt.NDArray[np.bool_],
    threshold: float,
    rng: np.random.Generator,
    n_replicates: int,
) -> GroupRow:
    members = np.flatnonzero(inside)
    number = np.cumsum(inside) - 1  # of a member within the group
    photos = comparisons.n_photos[members]
    own = photos * (photos - 1) // 2
    accepted = number[
        comparisons.mated_people[
            inside[comparisons.mated_people] & (comparisons.mated >= np.float32(threshold))
        ]
    ]
    among = (
        inside[comparisons.high_people].all(axis=1) if len(comparisons.high) else np.empty(0, bool)
    )
    left, right = number[
        comparisons.high_people[among & (comparisons.high >= np.float32(threshold))]
    ].T

    def counts(weights: Weights) -> tuple[int, int, int, int]:
        drawn = weights * photos
        n_others = int(drawn.sum() ** 2 - (drawn**2).sum()) // 2
        n_mated = int(weights @ own)
        n_wrong = n_mated - int(weights[accepted].sum())
        return n_wrong, n_mated, int((weights[left] * weights[right]).sum()), n_others

    n_wrong, n_mated, n_accepted, n_others = counts(np.ones(len(members), np.int64))
    table = np.array([counts(w) for w in drawn_people(len(members), rng, n_replicates)], float)
    with np.errstate(invalid="ignore"):
        drawn_fnmr, drawn_fmr = table[:, 0] / table[:, 1], table[:, 2] / table[:, 3]
    fnmr = n_wrong / n_mated if n_mated else None
    fmr = n_accepted / n_others if n_others else None
    n_with_mates = int(np.count_nonzero(own))
    unknown = Interval(0.0, 1.0)
    return GroupRow(
        label=label,
        n_people=len(members),
        n_mated=n_mated,
        fnmr=fnmr,
        fnmr_interval=unknown
        if fnmr is None
        else or_exact(fnmr, n_with_mates, percentiles(drawn_fnmr)),
        n_non_mated=n_others,
        fmr=fmr,
        # people in pairs, each once, are the comparisons that are surely independent
        fmr_interval=unknown
        if fmr is None
        else or_exact(fmr, max(len(members) // 2, 1), percentiles(drawn_fmr)),
        too_small=min(len(members), n_with_mates) < PEOPLE_MIN,
    )
