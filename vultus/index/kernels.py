"""The scan over all rows, compiled by numba. Importing this module imports numba and compiles.

Nothing here checks its arguments: `scan.py` is the only caller. The kernels release the
interpreter lock and start no threads (numba's threading layers abort the process when two
threads enter them, or after a fork); `scan.py` gives each of its threads a range of rows.
Signatures are fixed, so that every kernel is compiled once and kept on disk; all of them
stand in this one file, because numba's cache looks at one file only.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba as nb
import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 16384  # codes of one block of rows: they stay in the first cache for all probes
_NO_ID = np.iinfo(np.int64).max

_ids = nb.int64[::1]
_float32s = nb.float32[::1]
_float64s = nb.float64[::1]
_tuple: Callable[[tuple[object, ...]], Callable[..., object]] = nb.types.Tuple
# In the order of `scan.Gallery`, and of `codes.encode_probes` after the probes themselves.
_gallery = _tuple((_ids, nb.float32[:, ::1], nb.int8[:, ::1], _float32s, _float32s))
_probes = _tuple((nb.float64[:, ::1], nb.int16[:, ::1], _float64s, _float64s))
_found = _tuple((_ids, _ids, _float32s))

F = TypeVar("F", bound=Callable[..., object])
Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
GalleryArrays = tuple[NDArray[np.int64], Float32s, NDArray[np.int8], Float32s, Float32s]
ProbeArrays = tuple[Float64s, NDArray[np.int16], Float64s, Float64s]
Found = tuple[NDArray[np.int64], NDArray[np.int64], Float32s]


def _compiled(signature: object) -> Callable[[F], F]:
    """Compile for this signature, cached on disk where numba finds a folder to write."""

    def decorate(function: F) -> F:
        try:
            compiled = nb.njit(signature, nogil=True, cache=True)(function)
        except RuntimeError:  # "no locator available": nowhere to keep the cache
            compiled = nb.njit(signature, nogil=True)(function)
        return cast("F", compiled)

    return decorate


@_compiled(nb.void(nb.int8[:, ::1], nb.int16[::1], nb.int32[::1]))
def _multiply(
    codes: NDArray[np.int8], probe: NDArray[np.int16], products: NDArray[np.int32]
) -> None:
    """The product of the probe with each row; with the test of the bound inside, it is slower."""
    for i in range(len(codes)):
        total = np.int32(0)
        for x in range(len(probe)):
            # The outer int32 keeps numba from widening the sum to int64.
            total = np.int32(total + np.int32(codes[i, x]) * np.int32(probe[x]))
        products[i] = total


@_compiled(nb.int64(nb.int32[::1], _float32s, _float32s, nb.float64, nb.float64))
def _n_near(
    products: NDArray[np.int32], scales: Float32s, errors: Float32s, scale: float, enough: float
) -> int:
    """How many rows of a block reach `enough`: mostly none, and without a branch it is quick."""
    n = 0
    for i in range(len(scales)):
        n += scales[i] * scale * products[i] + errors[i] >= enough
    return n


@_compiled(nb.float32(_float32s, _float64s))
def _score(row: NDArray[np.float32], probe: NDArray[np.float64]) -> np.float32:
    """As `oracle.score`, bit for bit: without fastmath the order of the sum is kept."""
    total = 0.0
    for i in range(len(row)):
        total += np.float64(row[i]) * probe[i]
    return np.float32(total)


@_compiled(_found(_gallery, _probes, _ids, nb.int64, nb.int64, nb.float64))
def scan_range(
    gallery: GalleryArrays,
    asked: ProbeArrays,
    chosen: NDArray[np.int64],
    start: int,
    stop: int,
    threshold: float,
) -> Found:
    """All with score >= threshold, unordered: probe numbers, ids and scores.

    Rows start to stop of `chosen` are looked at; an empty `chosen` stands for all rows.
    """
    ids, rows, codes, scales, errors = gallery
    probes, probe_codes, probe_scales, slacks = asked
    n_found = 0
    owners = np.empty(256, np.int64)
    found = np.empty(256, np.int64)
    scores = np.empty(256, np.float32)
    step = max(1, _BLOCK_BYTES // codes.shape[1])
    products = np.empty(step, np.int32)
    for first in range(start, stop, step):
        last = min(first + step, stop)
        which = chosen[first:last] if len(chosen) else np.arange(first, last)
        block, scale, error = codes[first:last], scales[first:last], errors[first:last]
        if len(chosen):
            block, scale, error = codes[which], scales[which], errors[which]
        for j in range(len(probes)):
            _multiply(block, probe_codes[j], products)
            enough = threshold - slacks[j]
            if not _n_near(products, scale, error, probe_scales[j], enough):
                continue
            for i in range(last - first):
                if scale[i] * probe_scales[j] * products[i] + error[i] < enough:
                    continue
                r = which[i]
                score = _score(rows[r], probes[j])
                if score < threshold:
                    continue
                if n_found == len(found):
                    owners = np.concatenate((owners, owners))
                    found = np.concatenate((found, found))
                    scores = np.concatenate((scores, scores))
                owners[n_found], found[n_found], scores[n_found] = j, ids[r], score
                n_found += 1
    return owners[:n_found], found[:n_found], scores[:n_found]


@_compiled(nb.boolean(nb.float32, nb.int64, nb.float32, nb.int64))
def _ranks_after(score: np.float32, id_: int, other_score: np.float32, other_id: int) -> bool:
    return bool(score < other_score or (score == other_score and id_ > other_id))


@_compiled(nb.void(_ids, _float32s, nb.int64, nb.float32))
def _replace_last(
    found: NDArray[np.int64], scores: NDArray[np.float32], id_: int, score: np.float32
) -> None:
    """Put a candidate in the place of the last-ranked one, which a heap keeps at [0]."""
    k = len(found)
    hole = 0
    while True:
        child = 2 * hole + 1
        if child + 1 < k and _ranks_after(
            scores[child + 1], found[child + 1], scores[child], found[child]
        ):
            child += 1
        if child >= k or not _ranks_after(scores[child], found[child], score, id_):
            break
        scores[hole], found[hole] = scores[child], found[child]
        hole = child
    scores[hole], found[hole] = score, id_


@_compiled(_found(_gallery, _probes, _ids, nb.int64, nb.int64, nb.float64, nb.int64))
def scan_top(
    gallery: GalleryArrays,
    asked: ProbeArrays,
    chosen: NDArray[np.int64],
    start: int,
    stop: int,
    threshold: float,
    k: int,
) -> Found:
    """As `scan_range`, but of each probe only the k that rank first; k >= 1."""
    ids, rows, codes, scales, errors = gallery
    probes, probe_codes, probe_scales, slacks = asked
    m = len(probes)
    # Filled with what every candidate ranks before, so that the heaps are always full.
    found = np.full((m, k), _NO_ID, np.int64)
    scores = np.full((m, k), -np.inf, np.float32)
    step = max(1, _BLOCK_BYTES // codes.shape[1])
    products = np.empty(step, np.int32)
    for first in range(start, stop, step):
        last = min(first + step, stop)
        which = chosen[first:last] if len(chosen) else np.arange(first, last)
        block, scale, error = codes[first:last], scales[first:last], errors[first:last]
        if len(chosen):
            block, scale, error = codes[which], scales[which], errors[which]
        for j in range(m):
            _multiply(block, probe_codes[j], products)
            enough = max(threshold, scores[j, 0]) - slacks[j]
            if not _n_near(products, scale, error, probe_scales[j], enough):
                continue
            for i in range(last - first):
                if scale[i] * probe_scales[j] * products[i] + error[i] < enough:
                    continue
                r = which[i]
                score = _score(rows[r], probes[j])
                if score >= threshold and _ranks_after(scores[j, 0], found[j, 0], score, ids[r]):
                    _replace_last(found[j], scores[j], ids[r], score)
                    enough = max(threshold, scores[j, 0]) - slacks[j]
    kept = scores.reshape(-1) > -np.inf
    owners = np.flatnonzero(kept) // k
    return owners, found.reshape(-1)[kept], scores.reshape(-1)[kept]
