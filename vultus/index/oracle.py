"""What a search is, in plain NumPy: the definition that everything faster is tested against."""

import numpy as np
from numpy.typing import NDArray

from vultus.index.rows import Rows

_HALF = 15  # bits of a probe's lower half
_PROBE_BITS = 30


def whole_probes(
    probes: NDArray[np.float32],
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Halves (m, 2, d) int16 and units (m,) of probes (m, d): unit * (2^15 * high + low).

    A number is off by at most half a unit, which is 2^-29 of the probe's largest number.
    """
    exact = probes.astype(np.float64)
    units = np.abs(exact).max(axis=1, initial=0.0) / (2**_PROBE_BITS - 2**_HALF)
    whole = np.rint(exact / units[:, None]).astype(np.int64)
    high = (whole + 2 ** (_HALF - 1)) >> _HALF
    return np.stack((high, whole - (high << _HALF)), axis=1).astype(np.int16), units


def score(rows: Rows, probe: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores (n,) float32 of stored rows (n, d) with one unit probe (d,).

    float32 rows: a product of two float32 numbers is exact in float64; the products are added
    in float64 in eight sums (dimensions i, i + 8, ...), those in pairs 0 + 4, 2 + 6, 1 + 5 and
    3 + 7, those in order, then the products beyond the last multiple of eight; the result is
    rounded once. So it has one right value to the last bit, with or without fused
    multiplication and addition.

    int8 rows: the probe is taken in whole numbers of 31 bits, the products are added exactly,
    and the sum is scaled by the probe's unit and the row's length.
    """
    if rows.dtype == np.int8:
        (halves,), (unit,) = whole_probes(probe[None])
        whole = (halves[0].astype(np.int64) << _HALF) + halves[1]
        numbers = rows.astype(np.int64)
        length = np.sqrt(np.square(numbers).sum(axis=1).astype(np.float64))
        with np.errstate(invalid="ignore"):
            exact: NDArray[np.float64] = (numbers @ whole).astype(np.float64) * unit / length
        return exact.astype(np.float32)
    n, d = rows.shape
    products = rows.astype(np.float64) * probe.astype(np.float64)
    lanes = np.zeros((n, 8))
    for start in range(0, d - d % 8, 8):
        lanes += products[:, start : start + 8]
    a, b, c, e, f, g, h, k = lanes.T
    rest = np.zeros(n)
    for x in range(d - d % 8, d):
        rest += products[:, x]
    total: NDArray[np.float64] = ((a + f) + (c + h)) + ((b + g) + (e + k)) + rest
    return total.astype(np.float32)


def search(
    ids: NDArray[np.int64],
    rows: Rows,
    probe: NDArray[np.float32],
    *,
    k: int | None = None,
    threshold: float | None = None,
    first: int = 0,
    allow: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The candidates of one probe: ids and scores, best first, equal scores by id ascending.

    Accepted is what scores >= float32(threshold) or is among the `first` best, and is in
    `allow`; the first k are returned. Each limit that is None does not limit.
    """
    scores = score(rows, probe)
    asked = np.ones(len(ids), np.bool_) if allow is None else np.isin(ids, allow)
    ids, scores = ids[asked], scores[asked]
    order = np.lexsort((ids, -scores))
    ids, scores = ids[order], scores[order]
    n = len(ids) if threshold is None else int((scores >= np.float32(threshold)).sum())
    n = max(n, min(first, len(ids)))
    n = n if k is None else min(n, k)
    return ids[:n], scores[:n]
