"""One pair of templates: its score, and how often strangers score so high (1:1)."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from vultus.scoring.prior import Prior, prior_of


def cosine(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Return the score of two templates, float32 unit vectors (d,): their cosine.

    Higher is more alike; between -1 and 1, rounded to float32 as everywhere. Raises TypeError
    or ValueError for arrays of another type or shape, or not of unit length.
    """
    for name, vector in (("a", a), ("b", b)):
        if not isinstance(vector, np.ndarray) or vector.dtype != np.float32:
            got = getattr(vector, "dtype", type(vector).__name__)
            raise TypeError(f"expected {name}: float32 (d,), got {got}")
        if vector.ndim != 1 or vector.shape != a.shape:
            raise ValueError(f"expected {name} of shape {a.shape[:1]}, got {vector.shape}")
        if not abs(float(vector @ vector) - 1) < 2e-3:
            raise ValueError(f"expected {name} of unit length, got squared {vector @ vector}")
    return float(np.float32(min(max(float(a @ b), -1.0), 1.0)))


def false_match_rate(score: float, model: str) -> float:
    """Return the share of non-mated pairs of `model` that score at or above `score`.

    From the model's own table (`prior.py`), between its entries by a straight line in the
    logarithm of the rate. Below the table by the normal distribution with the table's mean
    and standard deviation up to one deviation above the mean, and a straight line from there;
    above the table the last two entries' line goes on, which overstates the rate since the
    tail is lighter than exponential. Raises TypeError or ValueError for what is not a finite
    real number.
    """
    if isinstance(score, bool) or not isinstance(score, int | float | np.floating):
        raise TypeError(f"expected score: a real number, got {type(score).__name__}")
    if not math.isfinite(score):
        raise ValueError(f"expected a finite score, got {score}")
    prior = prior_of(model)
    knee = prior.mean + prior.deviation
    if score <= knee:
        return _normal(float(score), prior)
    knots = [(knee, math.log(_normal(knee, prior)))]
    knots += [(at, math.log(rate)) for at, rate in prior.rates]
    above = next((k for k in range(1, len(knots)) if score <= knots[k][0]), len(knots) - 1)
    (low, at_low), (high, at_high) = knots[above - 1], knots[above]
    return math.exp(at_low + (at_high - at_low) * (float(score) - low) / (high - low))


def _normal(score: float, prior: Prior) -> float:
    return NormalDist().cdf(-(score - prior.mean) / prior.deviation)
