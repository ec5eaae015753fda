"""From a gallery's own scores to what a score means in a search of this gallery.

The count of a gallery's non-mated scores at or above a threshold, scaled to one search,
predicts how many strangers a search returns. A real gallery does not say which of its
pairs are non-mated; `fit.py` finds the tail of those that are.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vultus.scoring.fit import Mixture, Pairs, fit_mixture
from vultus.scoring.pairs import (
    Ids,
    Vectors,
    clusters,
    count_pairs,
    count_within,
    first_copies,
    sample,
)
from vultus.scoring.prior import Prior, prior_of
from vultus.scoring.stored import FORMAT, read_calibration
from vultus.scoring.tail import Reals, Tail, smallest_score

N_FINGERPRINTED = 65_536  # references, evenly spaced
LINKS = 0.5  # non-mated pairs of the whole gallery that may be expected to be linked
MIN_LINKED = 3000  # pairs a small gallery is taken to have for that
SURE = 1.96 * 1.2  # of a 95 % interval; by 1.2 the plain one was measured to be too narrow


@dataclass(frozen=True)
class Calibration:
    """The meaning of scores of `model` in one gallery. Stored as docs/formats/calibration.md.

    Scores are cosines, higher is more alike; a score equal to the threshold is accepted, so
    every rate is of scores at or above.
    """

    model: str
    n_references: int
    n_sampled: int
    n_duplicates: int
    n_pairs: int
    n_certain_pairs: int
    fingerprint: str
    centre: float
    scale: float
    bends: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    mated_share: float
    mated_centre: float
    mated_scale: float
    observed_up_to: float

    @property
    def tail(self) -> Tail:
        """The distribution of the gallery's non-mated scores."""
        return Tail(self.centre, self.scale, self.bends)

    def false_match_rate(self, scores: npt.ArrayLike) -> Reals:
        """Return the share of non-mated comparisons that score at or above each of `scores`.

        Real numbers of any shape; float64 of that shape. Raises TypeError or ValueError for
        what is not a finite real number.
        """
        return self.tail.rate(_real_scores(scores))

    def expected_false_positives(self, scores: npt.ArrayLike, n_references: int) -> Reals:
        """Return the expected number of non-mated references at or above each score.

        In one search of a gallery of `n_references` like the one fitted, by a probe of none
        of its people. Float64 of the shape of `scores`; never rises with the score and is
        proportional to `n_references`.
        """
        return _whole("n_references", n_references) * self.false_match_rate(scores)

    def interval(self, scores: npt.ArrayLike, n_references: int) -> tuple[Reals, Reals]:
        """Return (low, high), about a 95 % interval of `expected_false_positives`.

        Of the expectation, not of the number one search returns. Normal on the scale of its
        logarithm, by the delta method from the covariance of the fit, which covers chance in
        the references seen, mates that cannot be told apart, and a misfit of the curve.
        """
        scores = _real_scores(scores)
        expected = self.expected_false_positives(scores, n_references)
        gradient = self.tail.log_gradient(scores.ravel())
        variance = np.einsum("mi,ij,mj->m", gradient, np.array(self.covariance), gradient)
        factor = np.exp(np.minimum(SURE * np.sqrt(np.maximum(variance, 0.0)), 700.0))
        factor = factor.reshape(scores.shape)
        return expected / factor, np.minimum(expected * factor, float(n_references))

    def threshold(self, max_false_positives: float, n_references: int) -> float:
        """Return the smallest score at which at most so many strangers are expected a search.

        It is exact in float32, so that a float32 score equal to it is accepted and the next
        one below expects more than `max_false_positives` (above 0). Not below -1. Above 1 it
        means that no candidate of such a gallery can be told from strangers so strictly.
        """
        allowed = _positive("max_false_positives", max_false_positives)
        return smallest_score(self.tail, allowed, _whole("n_references", n_references))

    def extrapolated(self, score: float) -> bool:
        """Say whether `score` lies above what the gallery's own pairs bear out.

        There fewer than ten of its pairs are expected to be non-mated, or most are mated.
        """
        return bool(_real_scores(score) > self.observed_up_to)

    def to_json(self) -> dict[str, Any]:
        """Return it as docs/formats/calibration.md has it."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {"bends": list(self.bends), "covariance": [list(row) for row in self.covariance]}
        return {"format": FORMAT, **values, **lists}

    @classmethod
    def from_json(cls, document: object) -> "Calibration":
        """Read what `to_json` wrote, and nothing else.

        Raises IntegrityError (`calibration.malformed`).
        """
        return cls(**read_calibration(document))


def fit_calibration(
    templates: npt.NDArray[np.float32],
    photo_ids: npt.NDArray[np.int64] | None,
    *,
    model: str,
    rng: np.random.Generator,
) -> Calibration:
    """Learn from a gallery what its scores mean; nobody need be labelled.

    `templates` float32 (n, d), unit vectors (those looked at are checked), n of 0 or more;
    `photo_ids` int64 (n,) says which are faces of one photo and so of different people, None
    that each has a photo of its own. The gallery may hold several photos of one person and
    copies. Up to `pairs.MAX_SAMPLED` references are looked at, all when there are no more,
    else those that `rng` draws. The same data and seed give the same result.

    Raises TypeError or ValueError for arrays of another type or shape, or not of unit length.
    """
    _check_arrays(templates, photo_ids)
    if not isinstance(model, str) or not model:
        raise TypeError(f"expected model: str, not empty, got {model!r}")
    n = len(templates)
    chosen = sample(n, rng)
    vectors = np.ascontiguousarray(templates[chosen])
    squares = np.einsum("nd,nd->n", vectors, vectors)
    wrong = np.flatnonzero(~(np.abs(squares - 1) < 2e-3))
    if len(wrong):
        length = math.sqrt(squares[wrong[0]])
        raise ValueError(f"expected unit vectors, got length {length:.4g} at {chosen[wrong[0]]}")
    ids = np.arange(n, dtype=np.int64) if photo_ids is None else photo_ids
    ids = ids[chosen]
    kept = first_copies(vectors, ids)
    pairs, found = _fit(vectors[kept], ids[kept], prior_of(model))
    n_certain = int(pairs.certain.sum())
    return Calibration(
        model=model,
        n_references=n,
        n_sampled=len(kept),
        n_duplicates=int(np.count_nonzero(~kept)),
        n_pairs=int(pairs.unlabelled.sum()) + n_certain,
        n_certain_pairs=n_certain,
        fingerprint=_fingerprint(templates, model),
        centre=found.tail.centre,
        scale=found.tail.scale,
        bends=found.tail.bends,
        covariance=tuple(map(tuple, found.covariance.tolist())),
        mated_share=found.mated.share,
        mated_centre=found.mated.centre,
        mated_scale=found.mated.scale,
        observed_up_to=found.observed_up_to,
    )


def _fit(vectors: Vectors, photo_ids: Ids, prior: Prior) -> tuple[Pairs, Mixture]:
    """Fit twice: on all pairs, then without those that the first fit shows to be mated.

    A score so high that no stranger in the whole gallery is expected to reach it links two
    references, and linked references are one person. Their pairs are taken out, the low
    ones too, and the rest is fitted up to that score.
    """
    certain = count_within(vectors, photo_ids)
    every = Pairs(len(vectors), count_pairs(vectors) - certain, certain)
    first = fit_mixture(every, prior)
    n_pairs = max(int(every.unlabelled.sum()), 1)
    link = smallest_score(first.tail, LINKS, max(n_pairs, MIN_LINKED))
    if link >= 1:
        return every, first
    person = clusters(vectors, photo_ids, link)
    unlabelled = every.unlabelled - count_within(vectors, person, photo_ids)
    rest = Pairs(len(np.unique(person)), unlabelled, certain, link)
    second = fit_mixture(rest, prior, first)
    return rest, replace(second, mated=first.mated)


def expected_to_once_in(expected: float) -> float:
    """Return the number of searches in which one of them is expected to show a stranger.

    `expected` strangers a search, 0 or more. Numbers of strangers are taken as Poisson, so a
    search shows at least one with probability 1 - exp(-expected): about 1/expected where it
    is small, never below 1, infinite at 0.
    """
    expected = float(_real_scores(expected))
    if expected < 0:
        raise ValueError(f"expected a number of 0 or more, got {expected}")
    shown = -math.expm1(-expected)
    return 1 / shown if shown > 1e-300 else math.inf


def _check_arrays(templates: object, photo_ids: object) -> None:
    if not isinstance(templates, np.ndarray) or templates.dtype != np.float32:
        got = getattr(templates, "dtype", type(templates).__name__)
        raise TypeError(f"expected templates float32 (n, d), got {got}")
    if templates.ndim != 2 or templates.shape[1] < 2:
        raise ValueError(f"expected templates of shape (n, d), got {templates.shape}")
    if photo_ids is None:
        return
    if not isinstance(photo_ids, np.ndarray) or photo_ids.dtype != np.int64:
        got = getattr(photo_ids, "dtype", type(photo_ids).__name__)
        raise TypeError(f"expected photo_ids int64 (n,), got {got}")
    if photo_ids.shape != (len(templates),):
        raise ValueError(f"expected photo_ids of shape ({len(templates)},), got {photo_ids.shape}")


def _real_scores(scores: npt.ArrayLike) -> Reals:
    found = np.asarray(scores)
    if found.dtype.kind not in "fiu":
        raise TypeError(f"expected real numbers, got {found.dtype}")
    if not np.isfinite(found).all():
        raise ValueError("expected finite numbers, got NaN or infinity")
    return found.astype(np.float64)


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"expected {name}: int, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"expected {name} of 0 or more, got {value}")
    return int(value)


def _positive(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise TypeError(f"expected {name}: a real number, got {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"expected {name} above 0 and finite, got {value}")
    return float(value)


def _fingerprint(templates: npt.NDArray[np.float32], model: str) -> str:
    n = len(templates)
    digest = hashlib.sha256(f"{model}\n{n} {templates.shape[1]}\n".encode())
    rows = (
        np.arange(n) if n <= N_FINGERPRINTED else np.arange(N_FINGERPRINTED) * n // N_FINGERPRINTED
    )
    digest.update(np.ascontiguousarray(templates[rows], "<f4").tobytes())
    return digest.hexdigest()
