"""Scores of rows, exactly as `oracle.score`, and which of them reach what is needed."""

import numpy as np
from numpy.typing import NDArray

from vultus.index.compiled import (
    FLOAT32S,
    INT64S,
    REACHING,
    SCORING,
    Reaching,
    Scoring,
    compiled,
    nb,
)
from vultus.index.simd import ask_for, products

_SOON = 16  # rows: how far before its use a row is asked of memory


@compiled(FLOAT32S(nb.float32[:, ::1], INT64S, nb.float64[:, ::1], INT64S))
def scores_float32(
    stored: NDArray[np.float32],
    rows: NDArray[np.int64],
    probes: NDArray[np.float64],
    owners: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Scores of stored[rows[i]] with probes[owners[i]], bit for bit as `oracle.score`."""
    n, d = len(rows), stored.shape[1]
    scores = np.empty(n, np.float32)
    whole = d - d % 8
    at, size = np.int64(stored.ctypes.data), 4 * d
    for i in range(n):
        soon = at + rows[min(i + _SOON, n - 1)] * size
        for line in range(0, size, 64):
            ask_for(soon + line)
        row, probe = stored[rows[i]], probes[owners[i]]
        a = b = c = e = f = g = h = k = 0.0
        for x in range(0, whole, 8):
            a += np.float64(row[x]) * probe[x]
            b += np.float64(row[x + 1]) * probe[x + 1]
            c += np.float64(row[x + 2]) * probe[x + 2]
            e += np.float64(row[x + 3]) * probe[x + 3]
            f += np.float64(row[x + 4]) * probe[x + 4]
            g += np.float64(row[x + 5]) * probe[x + 5]
            h += np.float64(row[x + 6]) * probe[x + 6]
            k += np.float64(row[x + 7]) * probe[x + 7]
        rest = 0.0
        for x in range(whole, d):
            rest += np.float64(row[x]) * probe[x]
        scores[i] = np.float32(((a + f) + (c + h)) + ((b + g) + (e + k)) + rest)
    return scores


@compiled(FLOAT32S(nb.int8[:, ::1], INT64S, nb.int16[:, :, ::1], INT64S, nb.float64[::1]))
def scores_int8(
    stored: NDArray[np.int8],
    rows: NDArray[np.int64],
    probes: NDArray[np.int16],
    owners: NDArray[np.int64],
    units: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Scores of int8 rows, bit for bit as `oracle.score`: whole numbers, added exactly.

    probes (m, 2, d): the high and the low half of each probe in units of `units` (m,).
    """
    n, d = len(rows), stored.shape[1]
    scores, sums = np.empty(n, np.float32), np.empty((n, 3), np.int64)
    at, halves_at = np.int64(stored.ctypes.data), np.int64(probes.ctypes.data)
    sums_at, whole = np.int64(sums.ctypes.data), d - d % 16
    for i in range(n):
        row, j = rows[i], owners[i]
        soon = at + rows[min(i + _SOON, n - 1)] * d
        for line in range(0, d, 64):
            ask_for(soon + line)
        ask_for(soon + d - 1)
        high_at = halves_at + 4 * d * j
        products(at + row * d, high_at, high_at + 2 * d, whole, sums_at + 24 * i)
        for x in range(whole, d):
            number = np.int64(stored[row, x])
            sums[i, 0] += number * np.int64(probes[j, 0, x])
            sums[i, 1] += number * np.int64(probes[j, 1, x])
            sums[i, 2] += number * number
    for i in range(n):  # a loop of its own: a row need not wait for another's root
        total = (sums[i, 0] << 15) + sums[i, 1]
        length = np.sqrt(np.float64(sums[i, 2]))
        scores[i] = np.float32(np.float64(total) * units[owners[i]] / length)
    return scores


@compiled(FLOAT32S(SCORING, INT64S, INT64S))
def scores(
    scoring: Scoring, rows: NDArray[np.int64], owners: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Scores of rows with their probes, exactly as `oracle.score`."""
    of_int8, of_float32, halves, units, probes = scoring
    if len(of_int8):
        return scores_int8(of_int8, rows, halves, owners, units)
    return scores_float32(of_float32, rows, probes, owners)


@compiled(FLOAT32S(INT64S, FLOAT32S, nb.int64, nb.int64))
def kth(
    owners: NDArray[np.int64], scores: NDArray[np.float32], m: int, k: int
) -> NDArray[np.float32]:
    """The k-th best score of each probe (m,); -inf where there are fewer, NaN where one is."""
    best = np.full(m, -np.inf, np.float32)
    own = np.empty(len(scores), np.float32)
    for j in range(m):
        n = 0
        for i in range(len(scores)):
            if owners[i] == j:
                own[n] = scores[i]
                n += 1
        if np.isnan(own[:n]).any():
            best[j] = np.nan
        elif n >= k:
            best[j] = np.partition(own[:n], n - k)[n - k]
    return best


@compiled(REACHING(INT64S, INT64S, FLOAT32S, FLOAT32S))
def reaching_only(
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    need: NDArray[np.float32],
) -> Reaching:
    """Those that score at least what their probe needs. Overwrites what it is given.

    The last number counts those that have no score.
    """
    n = n_damaged = 0
    for i in range(len(scores)):
        n_damaged += np.isnan(scores[i])
        if scores[i] >= need[owners[i]]:
            owners[n], rows[n], scores[n] = owners[i], rows[i], scores[i]
            n += 1
    return owners[:n].copy(), rows[:n].copy(), scores[:n].copy(), n_damaged
