"""1:N: searches of a gallery, and NIST's two tables of them (FRTE 1:N).

Identification: the threshold is set so that few non-mated searches return a candidate.
Investigation: there is none (0), people look at a fixed number of candidates, rank decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vultus.scoring.det import HighScores
from vultus.scoring.interval import (
    N_REPLICATES,
    Interval,
    Weights,
    drawn_people,
    or_exact,
    percentiles,
)
from vultus.scoring.pairs import BLOCK, Ids, Vectors

FPIRS = (0.003, 0.01, 0.1)
N_CANDIDATES = 50
RANKS = (1, 10, N_CANDIDATES)
FAILED = np.float32(-np.inf)
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Searches:
    """Searches of galleries of `n_references` each.

    Mated: score and rank (from 1) of the best mate, and the person of the probe, all (m,).
    Non-mated: the best score, and the person, both (s,). A search whose probe failed, or
    whose mate was not enrolled, has the score -inf (see `rates`).
    """

    n_references: int
    mate_scores: Vectors
    mate_ranks: Numbers
    mated_people: Ids
    best_scores: Vectors
    non_mated_people: Ids

    def and_also(self, other: "Searches") -> "Searches":
        """Return both as one; N is that of the larger gallery."""
        arrays = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("mate_scores", "mate_ranks", "mated_people", "best_scores",
                         "non_mated_people")
        }  # fmt: skip
        return replace(self, n_references=max(self.n_references, other.n_references), **arrays)


@dataclass(frozen=True)
class FnirRow:
    """FNIR(N, R, T) with its interval: N is `n`, R is `rank`, T is `threshold`.

    `fpir` is the FPIR that T was set for; None where T was given.
    """

    n: int
    rank: int
    fpir: float | None
    threshold: float
    fnir: float
    interval: Interval


def search_mated(
    references: Vectors, reference_people: Ids, probes: Vectors, probe_people: Ids
) -> tuple[Vectors, Numbers]:
    """Return score and rank of each probe's best mate: float32 (m,), int64 (m,).

    `references` float32 (n, d), `probes` float32 (m, d). The rank is one more than the number
    of other people's references that score as high or higher: ties count against the mate.
    Without a mate in the gallery the score is -inf, and the rank n + 1.
    """
    scores = np.full(len(probes), FAILED, np.float32)
    ranks = np.full(len(probes), len(references) + 1, np.int64)
    for start in range(0, len(probes) if len(references) else 0, BLOCK):
        part = slice(start, start + BLOCK)
        block = probes[part] @ references.T
        mate = probe_people[part, None] == reference_people[None]
        best = np.where(mate, block, FAILED).max(axis=1)
        scores[part] = best
        ranks[part] = 1 + np.count_nonzero(~mate & (block >= best[:, None]), axis=1)
    return scores, ranks


def search_non_mated(
    references: Vectors, probes: Vectors, thresholds: npt.ArrayLike = ()
) -> tuple[Vectors, Numbers]:
    """Return each probe's best score, and its candidates at each threshold.

    float32 (s,) and int64 (s, t); `probes` float32 (s, d) are of none of the gallery's people.
    -inf in an empty gallery.
    """
    at = np.asarray(thresholds, np.float32)
    best = np.full(len(probes), FAILED, np.float32)
    counts = np.zeros((len(probes), len(at)), np.int64)
    for start in range(0, len(probes) if len(references) else 0, BLOCK):
        part = slice(start, start + BLOCK)
        block = probes[part] @ references.T
        best[part] = block.max(axis=1)
        for column, threshold in enumerate(at):
            counts[part, column] = np.count_nonzero(block >= threshold, axis=1)
    return best, counts


def identification_table(
    searches: Searches,
    rng: np.random.Generator,
    fpirs: Sequence[float] = FPIRS,
    n_replicates: int = N_REPLICATES,
) -> list[FnirRow]:
    """Return FNIR(N, R, T) for ranks 1 and N, T being the smallest threshold of each FPIR.

    Intervals by drawing the probes' people again (the gallery stays), T found anew each time.
    """
    high = HighScores(searches.best_scores)
    others = searches.non_mated_people[high.order]
    ranks = sorted({1, searches.n_references})

    def thresholds(weights: Weights) -> npt.NDArray[np.float64]:
        n = int(weights[others].sum())
        return high.threshold(fpirs, weights[others], n) if n else np.full(len(fpirs), np.nan)

    points = [(rank, k) for k in range(len(fpirs)) for rank in ranks]
    found = thresholds(np.ones(_n_people(searches), np.int64))

    def rates(weights: Weights) -> list[float]:
        at = thresholds(weights)
        return [_fnir(searches, weights, at[k], rank) for rank, k in points]

    intervals = _intervals(searches, rates, rng, n_replicates)
    return [
        FnirRow(searches.n_references, rank, fpirs[k], float(found[k]), rate, interval)
        for (rank, k), (rate, interval) in zip(points, intervals, strict=True)
    ]


def investigation_table(
    searches: Searches,
    rng: np.random.Generator,
    ranks: Sequence[int] = RANKS,
    threshold: float = 0.0,
    n_replicates: int = N_REPLICATES,
) -> list[FnirRow]:
    """Return FNIR(N, R, 0) for each rank R up to the number of candidates that people look at."""

    def rates(weights: Weights) -> list[float]:
        return [_fnir(searches, weights, threshold, rank) for rank in ranks]

    intervals = _intervals(searches, rates, rng, n_replicates)
    return [
        FnirRow(searches.n_references, rank, None, threshold, rate, interval)
        for rank, (rate, interval) in zip(ranks, intervals, strict=True)
    ]


def _fnir(searches: Searches, weights: Weights, threshold: float, rank: int) -> float:
    """FNIR with searches counted by the weight of their person; as `rates.fnir` for ones."""
    mine = weights[searches.mated_people]
    n = int(mine.sum())
    if not n or np.isnan(threshold):
        return np.nan
    reached = searches.mate_scores >= np.float32(threshold)
    return (n - int(mine[reached & (searches.mate_ranks <= rank)].sum())) / n


def _intervals(
    searches: Searches,
    rates: Callable[[Weights], list[float]],
    rng: np.random.Generator,
    n_replicates: int,
) -> list[tuple[float, Interval]]:
    n_people = _n_people(searches)
    drawn = np.array([rates(w) for w in drawn_people(n_people, rng, n_replicates)])
    n_mated_people = len(np.unique(searches.mated_people))
    return [
        (rate, or_exact(rate, n_mated_people, percentiles(column)))
        for rate, column in zip(rates(np.ones(n_people, np.int64)), drawn.T, strict=True)
    ]


def _n_people(searches: Searches) -> int:
    if not len(searches.mate_scores) or not len(searches.best_scores):
        raise ValueError("expected mated and non-mated searches, at least one of each")
    return int(max(searches.mated_people.max(), searches.non_mated_people.max())) + 1
