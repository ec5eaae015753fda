"""How far a measured rate may be from the true one: people drawn again, or the exact binomial.

Comparisons of one person are alike, so chance lies in which people were measured and not in
which pairs: people are drawn again, with all their photos (a bootstrap over subjects, Bolle et
al., Error analysis of pattern recognition systems: the subsets bootstrap, 2004). Drawing p
people of p with replacement and counting anew is the same in distribution as giving each a
weight from the multinomial distribution and counting by weight, and that is what is done.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
N_REPLICATES = 1000
Weights = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, two-sided, of level 0.95 unless said otherwise."""

    low: float
    high: float


def clopper_pearson(n_errors: int, n_trials: int, level: float = LEVEL) -> Interval:
    """Return the exact interval of a share of independent trials (Clopper and Pearson, 1934).

    `low` is the share p at which n_errors or more have the probability (1 - level) / 2, `high`
    that at which n_errors or fewer have it; 0 and 1 where there is no such share.
    """
    if not 0 <= n_errors <= n_trials or n_trials < 1:
        raise ValueError(f"expected 0 <= n_errors <= n_trials >= 1, got {n_errors}, {n_trials}")
    if not 0 < level < 1:
        raise ValueError(f"expected a level between 0 and 1, got {level}")
    tail = (1 - level) / 2
    high = 1.0 if n_errors == n_trials else _share_at(n_errors, n_trials, tail)
    low = 0.0 if n_errors == 0 else 1 - _share_at(n_trials - n_errors, n_trials, tail)
    return Interval(low, high)


def _share_at(n_errors: int, n_trials: int, tail: float) -> float:
    """Return the share at which n_errors or fewer have the probability `tail`, by bisection."""
    counts = np.arange(n_errors + 1, dtype=np.float64)
    steps = np.log((n_trials - counts[:-1]) / (counts[:-1] + 1))
    log_ways = np.concatenate([[0.0], np.cumsum(steps)])
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        terms = log_ways + counts * math.log(middle) + (n_trials - counts) * math.log1p(-middle)
        if float(np.exp(terms).sum()) > tail:
            low = middle
        else:
            high = middle


def drawn_people(
    n_people: int, rng: np.random.Generator, n_replicates: int = N_REPLICATES
) -> Iterator[Weights]:
    """Yield weights int64 (n_people,): how often each person is drawn, n_people in all."""
    if n_people < 1:
        raise ValueError(f"expected at least one person, got {n_people}")
    for _ in range(n_replicates):
        yield np.bincount(rng.integers(n_people, size=n_people), minlength=n_people)


def percentiles(replicates: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """Return the percentile interval of rates of replicates (r,).

    A replicate in which nobody could have erred is NaN and passed over; when all are, nothing
    is known: 0 to 1.
    """
    rates = np.asarray(replicates, np.float64)
    rates = rates[~np.isnan(rates)]
    if not len(rates):
        return Interval(0.0, 1.0)
    low, high = np.quantile(rates, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def or_exact(rate: float, n_people: int, bootstrap: Interval) -> Interval:
    """Return `bootstrap`, but the exact binomial of `n_people` where nobody or everybody erred.

    There every replicate is the same, and an interval of no width would claim certainty. Each
    person counts as one trial: that their photos are independent is not known.
    """
    if 0 < rate < 1:
        return bootstrap
    return clopper_pearson(0 if rate <= 0 else n_people, n_people)


def mean_interval(
    sums: npt.ArrayLike,
    trials: npt.ArrayLike,
    rng: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> Interval:
    """Return the interval of a mean: what was counted, over trials, both summed over people.

    `sums` and `trials` whole numbers (p,), 0 or more, for each person. People without a trial
    are drawn like the others, and tell nothing. Where nothing was counted at all, it is that of
    `or_exact`.
    """
    counted, tried = np.asarray(sums), np.asarray(trials)
    if counted.dtype.kind not in "iu" or tried.dtype.kind not in "iu":
        raise TypeError(f"expected whole numbers, got {counted.dtype} and {tried.dtype}")
    if counted.ndim != 1 or counted.shape != tried.shape or not tried.any():
        raise ValueError(f"expected shapes (p,) with a trial, got {counted.shape}, {tried.shape}")
    if (counted < 0).any() or (tried < 0).any():
        raise ValueError("expected counts of 0 or more")
    if not counted.any():
        return or_exact(0.0, int(np.count_nonzero(tried)), Interval(0.0, 0.0))
    weights = drawn_people(len(counted), rng, n_replicates)
    table = np.array([(w @ counted, w @ tried) for w in weights], np.float64)
    with np.errstate(invalid="ignore"):
        return percentiles(table[:, 0] / table[:, 1])


def share_interval(
    errors: npt.ArrayLike,
    trials: npt.ArrayLike,
    rng: np.random.Generator,
    n_replicates: int = N_REPLICATES,
) -> Interval:
    """Return the interval of a share: as `mean_interval`, with at most one error a trial.

    Also exact where every trial is an error.
    """
    interval = mean_interval(errors, trials, rng, n_replicates)
    wrong, tried = np.asarray(errors), np.asarray(trials)
    if (wrong > tried).any():
        raise ValueError("expected 0 <= errors <= trials for each person")
    return or_exact(float(wrong.sum() / tried.sum()), int(np.count_nonzero(tried)), interval)
