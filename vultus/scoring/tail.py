"""The upper tail of non-mated scores: a normal curve over angles, that may bend.

A cosine is bounded, an angle is what it measures: scores are taken as arcsin(score), the
angle by which two templates are nearer than at right angles. With
x = (arcsin(score) - centre) / scale, the share of non-mated scores at or above a score is
Q(z(x)), where Q is the upper tail of the standard normal distribution and z is made of
straight pieces: its slope is 1 up to the first knot, and changes by a factor exp(bend) at
every knot. Without bends it is the normal distribution; bends below 0 make a heavier tail,
as a gallery of several kinds of photos has, bends above 0 a lighter one.
z is the probit of the false match rate, in which detection error trade-off curves are drawn
because they are nearly straight (Martin et al., The DET curve in assessment of detection
task performance, 1997).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

# one value at a time: a score must mean the same alone and anywhere in an array
_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_asin = np.vectorize(math.asin, otypes=[np.float64])
FAR = 40.0  # Q(40) is 0 in float64
KNOTS = 0.75 * np.arange(1, 9)  # in standard deviations; beyond the last z goes on straight


def upper_tail(z: npt.ArrayLike) -> Reals:
    """Return Q(z), the share of a standard normal distribution at or above `z`."""
    tail: Reals = 0.5 * _erfc(np.clip(np.asarray(z, np.float64), -FAR, FAR) / math.sqrt(2))
    return tail


def log_slope(z: npt.ArrayLike) -> Reals:
    """Return -d log Q(z) / dz, the hazard of the standard normal distribution, above 0."""
    z = np.clip(np.asarray(z, np.float64), -FAR, FAR)
    far = z > 25  # there Q leaves float64's comfort; z + 1/z is right to 1e-5
    near = np.where(far, 0.0, z)
    hazard = np.exp(-0.5 * near**2) / math.sqrt(2 * math.pi) / upper_tail(near)
    return np.where(far, z + 1 / np.where(far, z, 1.0), hazard)


def angle(scores: npt.ArrayLike) -> Reals:
    """Return arcsin(score) in radians, float64; beyond 1 it goes on with slope 1.

    So a threshold that no score can reach is still a number.
    """
    scores = np.asarray(scores, np.float64)
    inside = np.clip(scores, -1.0, 1.0)
    turned: Reals = _asin(inside) + (scores - inside)
    return turned


@dataclass(frozen=True)
class Tail:
    """The distribution of one gallery's non-mated scores; `centre` and `scale` in radians.

    `bends`: one for each knot, the change of the logarithm of the slope of z there.
    """

    centre: float
    scale: float
    bends: tuple[float, ...]

    def z(self, scores: npt.ArrayLike) -> Reals:
        """Return z for scores of any shape, float64; it grows with the score everywhere."""
        return self.z_of_angle(angle(scores))

    def z_of_angle(self, angles: Reals) -> Reals:
        """Return z for angles in radians."""
        x = np.asarray((angles - self.centre) / self.scale, np.float64)
        slopes, at_knots = self._pieces()
        piece = np.searchsorted(KNOTS, x, side="right")
        begin = np.concatenate([[0.0], KNOTS])[piece]
        value = np.concatenate([[0.0], at_knots])[piece]
        ceiling = np.append(at_knots, np.inf)[piece]  # rounding must not pass the next knot
        bent: Reals = np.minimum(value + slopes[piece] * (x - begin), ceiling)
        return bent

    def rate(self, scores: npt.ArrayLike) -> Reals:
        """Return the share of non-mated scores at or above each score, float64."""
        return upper_tail(self.z(scores))

    def log_gradient(self, scores: npt.ArrayLike) -> Reals:
        """Return d log rate / d (centre, log scale, bends), float64 (m, 2 + n_knots)."""
        angles = np.atleast_1d(angle(scores))
        x = (angles - self.centre) / self.scale
        z = self.z_of_angle(angles)
        slopes, at_knots = self._pieces()
        slope = slopes[np.searchsorted(KNOTS, x, side="right")]
        bends = np.maximum(z[:, None] - at_knots, 0.0)
        dz = np.concatenate([(-slope / self.scale)[:, None], (-slope * x)[:, None], bends], axis=1)
        gradient: Reals = -log_slope(z)[:, None] * dz
        return gradient

    def _pieces(self) -> tuple[Reals, Reals]:
        """Return the slope of every piece of z, and z at every knot."""
        slopes = np.exp(np.cumsum((0.0, *self.bends)))
        return slopes, np.cumsum(slopes[:-1] * np.diff(KNOTS, prepend=0.0))


def smallest_score(tail: Tail, allowed: float, n: int) -> float:
    """Return the smallest float32 score, from -1, at which n times the rate is at most `allowed`.

    `allowed` is above 0. The score may lie above 1.
    """
    low, high = np.float32(-1), np.float32(1 << 20)
    if n * tail.rate(low) <= allowed:
        return float(low)
    while np.nextafter(low, high) < high:
        between = np.float32((float(low) + float(high)) / 2)
        if between in (low, high):
            between = np.nextafter(low, high)
        if n * tail.rate(between) <= allowed:
            high = between
        else:
            low = between
    return float(high)
