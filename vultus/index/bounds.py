"""What a sum has to reach: margins, what rounding takes, and the test in whole numbers.

docs/formats/index.md derives them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vultus.index.compiled import FLOAT32S, compiled, nb
from vultus.index.simd import ALONG_FROM, FACTOR_SCALE, LEAST_BESIDE

SLACK = 1e-5  # for the rounding of rotations and products in float32
SCORE_ROUNDING = 2e-6
RAISED_TO = 0.9  # while it searches, a search raises what it needs no higher


@compiled(nb.float64(nb.float64))
def _across(threshold: float) -> float:
    """sqrt(1 - s^2), at most, for a score s >= threshold.

    A score and the lengths of row and probe are rounded to float32: near 1 the root shows it.
    """
    least = min(max(threshold - SCORE_ROUNDING, 0.0), 1.0)
    return math.sqrt(1 - least**2)


@compiled(nb.float64(nb.float64, nb.float64))
def margin(threshold: float, reach: float) -> float:
    """What times a row's length beside an estimate may fall short, at a score >= threshold.

    reach: `codes.deviation` of the chance.
    """
    return reach * _across(threshold)


@compiled(nb.float64(nb.float64, nb.float64, nb.float64, nb.int64))
def rounding(threshold: float, rate: float, step: float, n_nibbles: int) -> float:
    """What an estimate may fall short beyond `margin`, because tables are rounded to `step`.

    Each entry is off by a number of mean 0 between two that lie a step apart, so the sum R of
    all falls r short with a chance of at most exp(-r^2 / 2 s^2), s = step sqrt(n_nibbles) / 2
    (Hoeffding 1963). With the tail of `margin` falling at a rate of h, a row is then missed
    with the same chance once log(E exp(h R)) / h is added (docs/formats/index.md).

    rate: `codes.hazard` of the chance. Enough for every threshold up to RAISED_TO, too.
    """
    across = _across(max(threshold, RAISED_TO))
    worst = n_nibbles * step
    if across == 0:
        return worst
    h = rate / (LEAST_BESIDE / FACTOR_SCALE * across)
    x = h * step * math.sqrt(n_nibbles) / 2
    if not x < 30:
        return worst
    mean = 1 + x * math.exp(x * x / 2) * math.sqrt(math.pi / 2) * (1 + math.erf(x / math.sqrt(2)))
    return min(math.log(mean) / h, worst)


@compiled(nb.void(nb.float64, nb.float64, nb.float64, nb.float64, nb.uint16[::1]))
def whole_test(
    need: float, margin: float, step: float, base: float, test: NDArray[np.uint16]
) -> None:
    """Four numbers by which `simd.reaching` tests sums against factors, into `test`.

    A row with x'.x = a and a length b beside needs step * sum + base >= need * a - margin * b.
    With the factors' steps of 1 / 400 that is sum >= c + f * p - g * q. Everything is rounded
    so that the test passes too many rather than too few.
    """
    least = need - SLACK
    q = math.ceil(256 * margin / (FACTOR_SCALE * step))
    if not least >= -2 or q > 65535:
        test[:] = 0
        test[2] = 65535  # all pass
        return
    # Below 0 a larger x'.x needs less: then the largest that a factor says stands for all.
    along = ALONG_FROM if least >= 0 else ALONG_FROM + 256 / FACTOR_SCALE
    p = math.floor(256 * max(least, 0.0) / (FACTOR_SCALE * step))
    c = math.floor((least * along - base) / step) - 2  # 2 for what the halves lose
    test[0], test[1] = min(max(c, 0), 65535), min(p, 65535)
    test[2], test[3] = min(max(-c, 0), 65535), q


@compiled(nb.uint16[:, ::1](FLOAT32S, FLOAT32S, FLOAT32S, nb.float64, nb.float64, nb.int64))
def tests(
    need: NDArray[np.float32],
    steps: NDArray[np.float32],
    bases: NDArray[np.float32],
    reach: float,
    rate: float,
    n_nibbles: int,
) -> NDArray[np.uint16]:
    """`whole_test` (m, 4) of each probe."""
    whole = np.empty((len(need), 4), np.uint16)
    for j in range(len(need)):
        base = bases[j] + rounding(need[j], rate, steps[j], n_nibbles)
        whole_test(need[j], margin(need[j], reach), steps[j], base, whole[j])
    return whole
