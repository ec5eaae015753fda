"""FNMR against FMR, and the threshold of a wanted error rate.

The detection error trade-off curve of ISO/IEC 19795-1 (Martin et al., The DET curve in
assessment of detection task performance, 1997). A score equal to the threshold is accepted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vultus.scoring.rates import checked_scores

Reals = npt.NDArray[np.float64]
Scores = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class DetCurve:
    """FMR(T) and FNMR(T), float64 (k,), at `thresholds` (k,): every distinct score, rising."""

    thresholds: Scores
    fmr: Reals
    fnmr: Reals


def det_curve(
    mated: npt.ArrayLike, non_mated: npt.ArrayLike, n_non_mated: int | None = None
) -> DetCurve:
    """Return both error rates at every distinct score of `mated` (m,) and `non_mated` (k,).

    Where only the highest non-mated scores were kept, `n_non_mated` says how many comparisons
    there were, and the curve is true from the lowest one kept. A comparison of a photo that
    failed has the score -inf (see `rates`); -inf is no threshold. Raises TypeError or
    ValueError for what is not scores.
    """
    mates = np.sort(checked_scores("mated", mated))
    others = np.sort(checked_scores("non_mated", non_mated))
    n = len(others) if n_non_mated is None else n_non_mated
    if n < len(others):
        raise ValueError(f"expected n_non_mated of at least {len(others)}, got {n}")
    at = np.unique(np.concatenate([mates, others]))
    at = at[np.isfinite(at)]
    below = np.searchsorted(mates, at.astype(mates.dtype), side="left")
    accepted = len(others) - np.searchsorted(others, at.astype(others.dtype), side="left")
    return DetCurve(at, accepted / n, below / len(mates))


class HighScores:
    """Non-mated scores from the highest down, to find thresholds under many weightings.

    `order` int64 (k,) sorts the scores given; weights are handed over in that order.
    """

    def __init__(self, scores: npt.ArrayLike, floor: float | None = None) -> None:
        """`scores` (k,), which may be all or only those at or above `floor`."""
        found = np.asarray(scores)
        self.order = np.argsort(-found, kind="stable")
        falling = found[self.order]
        last = np.ones(len(falling), np.bool_)
        last[:-1] = falling[1:] != falling[:-1]
        self._ends = np.flatnonzero(last)
        self._distinct = falling[last]
        self._lowest = float(np.finfo(found.dtype).min) if floor is None else floor

    def threshold(
        self, rates: npt.ArrayLike, weights: npt.NDArray[np.integer], total: int
    ) -> Reals:
        """Return, for each wanted rate, the smallest threshold at which it is not exceeded.

        `weights` whole numbers (k,) in the order of `order`, of `total` with the scores that
        are not here. Smallest means next above the highest score at which the weight at or
        above it, over the total, is more than the rate: in the scores' own precision, so ties
        are taken whole. The floor, where even all of these scores do not exceed the rate.
        """
        wanted = np.asarray(rates, np.float64)
        reached = np.cumsum(weights)[self._ends] / total
        first_above = np.searchsorted(reached, wanted, side="right")
        following = np.nextafter(self._distinct, self._distinct.dtype.type(np.inf))
        following = np.maximum(following, self._lowest)  # -inf is no threshold
        return np.append(following, self._lowest)[first_above].astype(np.float64)


def threshold_at(scores: npt.ArrayLike, rate: float) -> float:
    """Return the smallest threshold at which at most `rate` of `scores` (m,) are accepted.

    For non-mated scores the threshold of an FMR, for the best scores of non-mated searches
    that of an FPIR. It is the smallest in the precision of the scores: one of them is the next
    number below it, and is accepted by no threshold that keeps to the rate. `rate` from 0 to
    below 1.
    """
    found = checked_scores("scores", scores)
    if not 0 <= rate < 1:
        raise ValueError(f"expected a rate from 0 to below 1, got {rate}")
    ones = np.ones(len(found), np.int64)
    return float(HighScores(found).threshold(rate, ones, len(found)))
