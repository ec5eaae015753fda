"""1:1: every photo of an evaluation against every other, and FNMR at a wanted FMR.

People are numbered from 0. The scores of non-mated comparisons are many and only the highest
decide, so only those are kept; the others are counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vultus.scoring.det import DetCurve, HighScores, det_curve
from vultus.scoring.interval import (
    N_REPLICATES,
    Interval,
    Weights,
    drawn_people,
    or_exact,
    percentiles,
)
from vultus.scoring.pairs import BLOCK, FINE, Ids, Vectors, count_pairs, count_within

KEPT_SHARE = 0.03  # of the non-mated scores: thrice the highest FMR that is asked for
KEPT_MIN = 50_000  # so many are always kept, and so all of a small evaluation
FMRS = (1e-2, 1e-3, 1e-4, 1e-5)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """All comparisons of an evaluation.

    `people` int64 (n,): the person of each template. `n_photos` int64 (p,): photos of each
    person, with those that gave no template. `mated` float32 (m,) and `mated_photos` int64
    (m, 2): scores and which templates; `high` and `high_photos` the same of those non-mated
    comparisons that score at or above `floor`.
    """

    people: Ids
    n_photos: Ids
    mated: Vectors
    mated_photos: Ids
    high: Vectors
    high_photos: Ids
    floor: float

    def n_mated(self, weights: Weights | None = None) -> int:
        """Return how many mated comparisons there are, by weight of each person (p,)."""
        own = self.n_photos * (self.n_photos - 1) // 2
        return int(own.sum() if weights is None else weights @ own)

    def n_non_mated(self, weights: Weights | None = None) -> int:
        """Return how many non-mated comparisons there are: of two people, weight by weight."""
        photos = self.n_photos if weights is None else weights * self.n_photos
        return int(photos.sum() ** 2 - (photos**2).sum()) // 2

    @cached_property
    def mated_people(self) -> Ids:
        """The person of each mated comparison, (m,)."""
        return self.people[self.mated_photos[:, 0]]

    @cached_property
    def high_people(self) -> Ids:
        """The two people of each high non-mated comparison, (k, 2)."""
        return self.people[self.high_photos]

    @cached_property
    def det(self) -> DetCurve:
        """The curve of generalised rates, true from the floor on."""
        failed = np.full(self.n_mated() - len(self.mated), -np.inf, np.float32)
        return det_curve(np.concatenate([self.mated, failed]), self.high, self.n_non_mated())


@dataclass(frozen=True)
class FnmrAtFmr:
    """FNMR(T) with its interval, where T is the smallest threshold with FMR(T) <= `fmr`.

    `n_accepted`: the non-mated comparisons that score at or above T.
    """

    fmr: float
    threshold: float
    fnmr: float
    interval: Interval
    n_accepted: int


def compare_people(
    templates: Vectors,
    people: Ids,
    n_photos: Ids,
    kept_share: float = KEPT_SHARE,
    kept_min: int = KEPT_MIN,
) -> Comparisons:
    """Compare all `templates`, float32 (n, d), of `people` int64 (n,), from 0.

    `n_photos` int64 (p,): photos of each person, with those that failed. Of the non-mated
    scores at least `kept_share` and at least `kept_min` are kept, the highest. Scores are made
    in blocks, so memory does not grow with their number.
    """
    found = np.bincount(people, minlength=len(n_photos))
    if len(found) != len(n_photos) or (found > n_photos).any():
        raise ValueError("expected n_photos to count every template of people from 0")
    mated_photos = _mated_pairs(people)
    mated = np.einsum("md,md->m", *(templates[mated_photos[:, side]] for side in (0, 1)))
    n_others = len(people) * (len(people) - 1) // 2 - len(mated)
    n_kept = max(round(kept_share * n_others), kept_min)
    floor = -2.0
    if n_kept < n_others:
        counts = count_pairs(templates) - count_within(templates, people)
        at_or_above = np.cumsum(counts[::-1])[::-1]
        # one bin lower: the bins' edges are true to float32's rounding only
        floor = (int(np.flatnonzero(at_or_above >= n_kept)[-1]) - 2) / FINE - 1
    high, high_photos = _high_pairs(templates, people, floor)
    return Comparisons(
        people, n_photos, mated.astype(np.float32), mated_photos, high, high_photos, floor
    )


def _mated_pairs(people: Ids) -> Ids:
    order = np.argsort(people, kind="stable")
    pairs = [np.empty((0, 2), np.int64)]
    for lag in range(1, len(people)):
        alike = people[order[lag:]] == people[order[:-lag]]
        if not alike.any():
            break
        pairs.append(np.stack([order[:-lag][alike], order[lag:][alike]], axis=1))
    return np.concatenate(pairs)


def _high_pairs(templates: Vectors, people: Ids, floor: float) -> tuple[Vectors, Ids]:
    scores, photos = [np.empty(0, np.float32)], [np.empty((0, 2), np.int64)]
    for top in range(0, len(templates), BLOCK):
        for left in range(top, len(templates), BLOCK):
            block = templates[top : top + BLOCK] @ templates[left : left + BLOCK].T
            row, column = np.divmod(np.flatnonzero(block >= np.float32(floor)), block.shape[1])
            a, b = row + top, column + left
            apart = (a < b) & (people[a] != people[b])
            scores.append(block[row[apart], column[apart]])
            photos.append(np.stack([a[apart], b[apart]], axis=1))
    return np.concatenate(scores), np.concatenate(photos)


def fnmr_at_fmr(
    comparisons: Comparisons,
    rng: np.random.Generator,
    fmrs: Sequence[float] = FMRS,
    n_replicates: int = N_REPLICATES,
) -> list[FnmrAtFmr]:
    """Return generalised FNMR at each wanted FMR, from 0 to 0.01, with intervals over people.

    In a replicate a non-mated comparison of two people counts as often as one was drawn times
    the other, and the threshold is found anew. Copies of one person are not compared.
    """
    n_people = len(comparisons.n_photos)
    n_with_mates = int(np.count_nonzero(comparisons.n_photos > 1))
    if not n_with_mates or n_people < 2:
        raise ValueError("expected two people, and two photos of one of them")
    high = HighScores(comparisons.high, comparisons.floor)
    left, right = comparisons.high_people[high.order].T
    order = np.argsort(comparisons.mated)
    mated, mated_people = comparisons.mated[order], comparisons.mated_people[order]

    def counted(weights: Weights) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        n_mated, n_others = comparisons.n_mated(weights), comparisons.n_non_mated(weights)
        if not n_mated or not n_others:
            return np.full(len(fmrs), np.nan), np.full(len(fmrs), np.nan)
        thresholds = high.threshold(fmrs, weights[left] * weights[right], n_others)
        accepted = np.concatenate([np.cumsum(weights[mated_people][::-1])[::-1], [0]])
        at = np.searchsorted(mated, thresholds.astype(np.float32), side="left")
        return thresholds, (n_mated - accepted[at]) / n_mated

    thresholds, rates = counted(np.ones(n_people, np.int64))
    replicates = [counted(w)[1] for w in drawn_people(n_people, rng, n_replicates)]
    rows = []
    for fmr, threshold, rate, drawn in zip(
        fmrs, thresholds, rates, np.transpose(replicates), strict=True
    ):
        interval = or_exact(float(rate), n_with_mates, percentiles(drawn))
        n_accepted = int(np.count_nonzero(comparisons.high >= np.float32(threshold)))
        rows.append(FnmrAtFmr(fmr, float(threshold), float(rate), interval, n_accepted))
    return rows
