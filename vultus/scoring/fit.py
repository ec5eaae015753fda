"""Fit the tail of non-mated scores to pairs of which some are mated.

The counts of a gallery's pairs by score are a mixture: non-mated pairs, whose tail is
`tail.Tail`, and an unknown, small share of mated pairs, taken as normally distributed.
Fitted by scoring (iteratively reweighted least squares) with a Gaussian prior on a
quasi-likelihood (Wedderburn 1974): the variance of a bin is larger than its mean, since
pairs share references and the curve is only nearly right. So neither the millions of pairs
in the bulk nor a few in the tail decide alone, and the prior gives way as references
accumulate.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vultus.scoring.pairs import FINE, Counts
from vultus.scoring.prior import Prior
from vultus.scoring.tail import KNOTS, Reals, Tail, angle, upper_tail

STEP = 0.25  # width of a bin of the fit, in standard deviations of the non-mated scores
SHARED = 2.0  # variance of a count over its mean: photos of one person score alike
MISFIT = 0.05  # how far the curve may be off in any bin, relative
SAMPLING = 1.0  # a bin's relative variance from n people drawn by chance is this over n
N_ROUNDS = 60
KINK = 0.05  # how far a bend may be from the common one: the scale of a Student distribution
KINKS = slice(6, None)  # of the parameters, in the order of `_read`
LONGEST = 0.3  # step in any parameter: all are logarithms, slopes or radians
OPEN = 1e6  # a ceiling above every score


@dataclass(frozen=True)
class Pairs:
    """A gallery's pairs by score, int64 (N_BINS,), of `n` people as far as they are told apart.

    `certain` are pairs of one photo, never mated; `unlabelled` may be, and lie below
    `ceiling`: those above it were taken out as mated.
    """

    n: int
    unlabelled: Counts
    certain: Counts
    ceiling: float = OPEN


@dataclass(frozen=True)
class Mated:
    """The mated pairs: their share of all, and the normal distribution of their angles."""

    share: float
    centre: float
    scale: float


@dataclass(frozen=True)
class Mixture:
    """What the pairs show. `covariance` is of (centre, log scale, bends)."""

    tail: Tail
    covariance: Reals
    mated: Mated
    observed_up_to: float
    parameters: Reals  # as `fit_mixture` orders them


@dataclass(frozen=True)
class _Bins:
    edges: Reals  # (b,) lower edges of all bins but the lowest, which is open, in radians
    within: npt.NDArray[np.bool_]  # (b + 1,) the bins below the ceiling
    unlabelled: Reals  # (b + 1,) pairs
    certain: Reals


def fit_mixture(pairs: Pairs, prior: Prior, first: Mixture | None = None) -> Mixture:
    """Fit the mixture to `pairs`, with a model's `prior`; again after a `first` fit.

    The mated pairs' scores are then taken from the first fit, and the climb begins there.

    The parameters are (log share, centre, log scale) of the mated pairs, (centre, log scale)
    of the tail, its common bend and how far each bend is from that. The covariance is the
    inverse information.
    """
    middle, deviation = _bulk(pairs, prior)
    bins = _coarse(pairs, middle, deviation)
    centre = float(angle(middle))
    scale = float(angle(min(middle + deviation, 1.0))) - centre
    room = max(math.pi / 2 - centre, 1e-3)
    if first is None:
        about = [-math.log(max(pairs.n, 2)), centre + 0.5 * room, math.log(0.09 * room)]
        around = [1.5, 0.12 * room, 0.3]
    else:
        about = first.parameters[:3].tolist()
        around = [1.5, 0.05 * first.mated.scale, 0.05]
    kinks = [0.0] * len(KNOTS)
    mean = np.array([*about, prior.mean, math.log(prior.deviation), prior.bend, *kinks])
    spread = np.array([*around, *prior.spread, *[KINK] * len(KNOTS)])
    start = np.array([*about, centre, math.log(scale), prior.bend, *kinks])
    start = start if first is None else first.parameters
    noise = MISFIT**2 + SAMPLING / max(pairs.n, 1)
    found, information = _climb(bins, start, mean, spread, noise)
    to_tail = np.eye(len(found))[3:]
    to_tail = np.delete(to_tail, 2, axis=0)  # each bend is the common bend and its kink
    to_tail[2:, 5] = 1.0
    covariance = np.asarray(to_tail @ np.linalg.inv(information) @ to_tail.T, np.float64)
    tail, mates = _read(found)
    seen = _observed_up_to(pairs, tail, mates)
    return Mixture(tail, (covariance + covariance.T) / 2, mates, seen, found)


def _bulk(pairs: Pairs, prior: Prior) -> tuple[float, float]:
    """Return a first centre and deviation, from the median and the 84th percentile."""
    every = np.cumsum(pairs.unlabelled + pairs.certain)
    if every[-1] < 10:
        return prior.mean, prior.deviation
    middle, upper = (np.searchsorted(every, every[-1] * np.array([0.5, 0.8413])) - 1) / FINE - 1
    middle = min(float(middle), 0.99)
    return middle, max(float(upper) - middle, 5 / FINE)


def _coarse(pairs: Pairs, middle: float, deviation: float) -> _Bins:
    width = max(round(STEP * deviation * FINE), 1)
    first = round((middle + 1) * FINE) + 1
    top = min(round((pairs.ceiling + 1) * FINE) + 1, len(pairs.unlabelled) - 1)
    at = np.append(np.arange(first, top, width), top)
    within = (
        np.arange(len(at) + 1) < len(at) if pairs.ceiling < OPEN else np.full(len(at) + 1, True)
    )

    def merged(fine: Counts) -> Reals:
        below = np.concatenate([[0], np.cumsum(fine)])
        return np.asarray(np.diff(below[np.concatenate([[0], at, [len(fine)]])]), np.float64)

    unlabelled = np.where(within, np.maximum(merged(pairs.unlabelled), 0), 0)
    return _Bins(angle((at - 1) / FINE - 1), within, unlabelled, merged(pairs.certain))


def _expected(bins: _Bins, at: Reals) -> Reals:
    """Return the mean count of every bin at the parameters: unlabelled, then certain ones."""
    tail, mated = _read(at)
    strangers = _shares(upper_tail(tail.z_of_angle(bins.edges)))
    mates = _shares(upper_tail((bins.edges - mated.centre) / mated.scale))
    both = (1 - mated.share) * strangers + mated.share * mates
    both = np.where(bins.within, both, 0.0)
    unlabelled = bins.unlabelled.sum() * both / both.sum()
    return np.concatenate([unlabelled, bins.certain.sum() * strangers])


def _read(at: Reals) -> tuple[Tail, Mated]:
    share, centre, log_scale = float(at[0]), float(at[1]), float(at[2])
    mated = Mated(math.exp(min(share, -0.01)), centre, math.exp(log_scale))
    return Tail(float(at[3]), math.exp(at[4]), tuple((at[5] + at[6:]).tolist())), mated


def _shares(at_or_above: Reals) -> Reals:
    return -np.diff(np.concatenate([[1.0], at_or_above, [0.0]]))


def _climb(
    bins: _Bins, start: Reals, mean: Reals, spread: Reals, noise: float
) -> tuple[Reals, Reals]:
    """Return the parameters of greatest penalised quasi-likelihood, and the information."""
    counts = np.concatenate([bins.unlabelled, bins.certain])
    at, damping = start, 1e-3
    information: Reals = np.diag(spread**-2.0)
    for _ in range(N_ROUNDS):
        expected = _expected(bins, at)
        variance = SHARED * expected + noise * expected**2 + 1e-9
        # kinks: Student's t with one degree of freedom, so that a few may be large
        weights = spread**-2.0
        weights[KINKS] *= 2 / (1 + ((at - mean)[KINKS] / spread[KINKS]) ** 2)
        precision = np.diag(weights)

        def merit(at: Reals, variance: Reals = variance, weights: Reals = weights) -> float:
            off = (counts - _expected(bins, at)) ** 2 / variance
            return float(off.sum() + ((at - mean) ** 2 * weights).sum())

        jacobian = np.stack([
            (_expected(bins, at + step) - expected) / 1e-6 for step in 1e-6 * np.eye(len(at))
        ], axis=1)  # fmt: skip
        information = np.asarray(jacobian.T @ (jacobian / variance[:, None]) + precision)
        gradient = jacobian.T @ ((counts - expected) / variance) - precision @ (at - mean)
        before = merit(at)
        step = np.zeros_like(at)
        for _ in range(12):
            damped = information + damping * np.diag(np.diag(information))
            step = np.asarray(np.linalg.solve(damped, gradient), np.float64)
            step *= min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-12))
            if merit(at + step) <= before:
                break
            damping = max(damping, 1e-4) * 8
        else:
            break
        at, damping = at + step, damping / 4
        if np.abs(step / spread).max() < 1e-6:
            break
    return at, information


def _observed_up_to(pairs: Pairs, tail: Tail, mated: Mated) -> float:
    """Return the score up to which the gallery's own pairs bear the curve out.

    The highest at or above which ten non-mated pairs are expected, and where no more pairs
    are mated than not; -1 without pairs.
    """
    n_unlabelled = int(pairs.unlabelled.sum())
    edges = np.arange(-FINE, FINE + 1) / FINE
    mates = mated.share * n_unlabelled * upper_tail((angle(edges) - mated.centre) / mated.scale)
    strangers = ((1 - mated.share) * n_unlabelled + int(pairs.certain.sum())) * tail.rate(edges)
    seen = (strangers[:-1] >= 10) & (np.diff(strangers) <= np.diff(mates))
    seen &= edges[:-1] < pairs.ceiling
    return float(edges[:-1][seen].max()) if seen.any() else -1.0
