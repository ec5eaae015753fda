"""The upper tail of non-mated scores: a normal curve over angles, that may bend.

A cosine is bounded, an angle is what it measures: scores are taken as arcsin(score), the
angle by which two templates are nearer than at right angles. With
x = (arcsin(score) - centre) / scale, the share of non-mated scores at or above a score is
Q(z), z = x + curvature * x**2, where Q is the upper tail of the standard normal
distribution. Curvature 0 is the normal distribution, below 0 is heavier, above 0 lighter.
z is the probit of the false match rate, in which detection error trade-off curves are drawn
because they are nearly straight (Martin et al., The DET curve in assessment of detection
task performance, 1997).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]

_erfc = np.vectorize(math.erfc, otypes=[np.float64])
FAR = 40.0  # Q(40) is 0 in float64
GENTLEST = 0.3  # the least slope of z in x: below it the curve goes on straight


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
    turned: Reals = np.arcsin(inside) + (scores - inside)
    return turned


@dataclass(frozen=True)
class Tail:
    """The distribution of one gallery's non-mated scores; `centre` and `scale` in radians."""

    centre: float
    scale: float
    curvature: float

    def z(self, scores: npt.ArrayLike) -> Reals:
        """Return z for scores of any shape, float64; it grows with the score everywhere.

        Below the centre the line has slope 1: only the upper tail is modelled. With a
        negative curvature the parabola would turn back far out; where its slope has fallen
        to `GENTLEST` it goes on straight.
        """
        return self.z_of_angle(angle(scores))

    def z_of_angle(self, angles: Reals) -> Reals:
        """Return z for angles in radians."""
        x = (angles - self.centre) / self.scale
        bend = self._end()
        inside = np.clip(x, 0.0, bend)
        beyond = np.maximum(x - bend, 0.0)
        return np.minimum(x, 0.0) + inside + self.curvature * inside**2 + GENTLEST * beyond

    def rate(self, scores: npt.ArrayLike) -> Reals:
        """Return the share of non-mated scores at or above each score, float64."""
        return upper_tail(self.z(scores))

    def log_gradient(self, scores: npt.ArrayLike) -> Reals:
        """Return d log rate / d (centre, log scale, curvature), float64 (m, 3)."""
        angles = np.atleast_1d(angle(scores))
        x = (angles - self.centre) / self.scale
        bend = self._end()
        inside = np.clip(x, 0.0, bend)
        slope = np.where(x > bend, GENTLEST, 1 + 2 * self.curvature * inside)
        dz = np.stack([-slope / self.scale, -slope * x, inside**2], axis=1)
        gradient: Reals = -log_slope(self.z_of_angle(angles))[:, None] * dz
        return gradient

    def _end(self) -> float:
        if self.curvature >= 0:
            return math.inf
        return (1 - GENTLEST) / (-2 * self.curvature)


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
