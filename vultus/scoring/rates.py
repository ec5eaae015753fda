"""Error rates of comparisons (1:1) and of searches (1:N), by ISO/IEC 19795-1 and NIST FRTE.

A score equal to the threshold is accepted, everywhere. A rate of nothing is refused rather
than guessed.

Failures are counted as NIST counts them (FRTE 1:1 and 1:N), which makes the rates generalised
ones in the sense of ISO/IEC 19795-1: a comparison or search in which a photo gave no template
takes place with the score -inf. Mated, it is a false non-match or a miss; non-mated, it is no
false match and no false positive, but counts in the denominator. A mated search misses whether
its probe was not acquired or its reference was not enrolled. Leave such comparisons out, and
the same functions give the rates of templates alone.
"""

import numpy as np
import numpy.typing as npt


def false_match_rate(non_mated: npt.ArrayLike, threshold: float) -> float:
    """Return FMR(T): the share of `non_mated` comparisons (m,) with score >= threshold."""
    return float(np.mean(checked_scores("non_mated", non_mated) >= _threshold(threshold)))


def false_non_match_rate(mated: npt.ArrayLike, threshold: float) -> float:
    """Return FNMR(T): the share of `mated` comparisons (m,) with score < threshold."""
    return float(np.mean(checked_scores("mated", mated) < _threshold(threshold)))


def fpir(best_scores: npt.ArrayLike, threshold: float) -> float:
    """Return FPIR(N, T): the share of non-mated searches with a candidate at the threshold.

    `best_scores` (m,): the highest score each non-mated search found in the gallery of N
    references. A search counts when it is >= threshold.
    """
    return float(np.mean(checked_scores("best_scores", best_scores) >= _threshold(threshold)))


def fnir(
    mate_scores: npt.ArrayLike, mate_ranks: npt.ArrayLike, threshold: float, rank: int
) -> float:
    """Return FNIR(N, R, T): the share of mated searches that miss their mate.

    `mate_scores` (m,) and `mate_ranks` (m,), whole numbers from 1: score and rank of the best
    mate of each mated search in the gallery of N references. It is found when its score is
    >= threshold and its rank <= `rank`.
    """
    scores = checked_scores("mate_scores", mate_scores)
    ranks = np.asarray(mate_ranks)
    if ranks.dtype.kind not in "iu":
        raise TypeError(f"expected mate_ranks: whole numbers, got {ranks.dtype}")
    if ranks.shape != scores.shape or ranks.min() < 1:
        raise ValueError(f"expected mate_ranks from 1 of shape {scores.shape}, got {ranks.shape}")
    if isinstance(rank, bool) or not isinstance(rank, int | np.integer):
        raise TypeError(f"expected rank: int, got {type(rank).__name__}")
    if rank < 1:
        raise ValueError(f"expected a rank from 1, got {rank}")
    return float(np.mean(~((scores >= _threshold(threshold)) & (ranks <= rank))))


def failure_rate(n_failed: int, n_tried: int) -> float:
    """Return the rate of failures to acquire (of probes) or to enrol (of references).

    A photo fails when it is refused (policy, quality) or gives no template (no face, bad file).
    """
    if not 0 <= n_failed <= n_tried or n_tried < 1:
        raise ValueError(
            f"expected 0 <= n_failed <= n_tried, n_tried >= 1, got {n_failed}, {n_tried}"
        )
    return n_failed / n_tried


def checked_scores(name: str, scores: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Return scores (m,), m >= 1, in their own precision: float32 is compared as float32.

    Raises TypeError or ValueError, naming the argument.
    """
    found = np.asarray(scores)
    if found.dtype.kind != "f":
        raise TypeError(f"expected {name}: real numbers, got {found.dtype}")
    if found.ndim != 1 or not len(found):
        raise ValueError(f"expected {name} of shape (m,), at least one, got {found.shape}")
    if np.isnan(found).any():
        raise ValueError(f"expected {name} without NaN")
    return found


def _threshold(threshold: float) -> float:
    if isinstance(threshold, bool) or not isinstance(threshold, int | float | np.floating):
        raise TypeError(f"expected threshold: a real number, got {type(threshold).__name__}")
    if np.isnan(threshold):
        raise ValueError("expected a threshold, got NaN")
    return float(threshold)
