"""The loops over all rows, compiled by numba. Importing this module imports numba and compiles.

Nothing here checks its arguments: `scan.py` is the only caller. The kernels release the
interpreter lock and start no threads (numba's threading layers abort the process when two
threads enter them, or after a fork); `scan.py` gives each of its threads a range of blocks.
Signatures are fixed, so that every kernel is compiled once and kept on disk; all of them
stand in this one file.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from vultus.index.simd import (
    BLOCK,
    ask_for,
    bit,
    largest,
    products,
    reaching,
    sums_of_block,
    sums_of_two,
)

# Changed with every change of simd.py, because numba's cache looks at this file only.
SIMD_SHA256 = "147b520f203a11b60ea44c75b46b36d052665445d6d87c14cc067b6029b8c786"

nb: Any = numba  # its types are made as it runs
_TOGETHER = 256 * 1024  # bytes of codes that stay in the second cache for all probes
_SOON = 12  # rows: how far before its use a row is asked of memory
_RUN = 64  # blocks whose sums are made before they are looked at
_MORE_STEP = np.float32(2.0**-15)  # as in codes.py

F = TypeVar("F", bound=Callable[..., object])
_tuple = nb.types.Tuple
_uint8s3 = nb.uint8[:, :, ::1]
_uint32s = nb.uint32[::1]
_int64s = nb.int64[::1]
_float32s = nb.float32[::1]
_coded = _tuple((_uint8s3, _uint8s3))  # blocks and factors of `codes.Codes`
_wanted = _tuple((_uint8s3, nb.uint16[:, ::1]))  # tables and tests, see `scan.whole_test`
_found = _tuple((_int64s, _int64s))

Coded = tuple[NDArray[np.uint8], NDArray[np.uint8]]
Wanted = tuple[NDArray[np.uint8], NDArray[np.uint16]]
Found = tuple[NDArray[np.int64], NDArray[np.int64]]


def _compiled(signature: object) -> Callable[[F], F]:
    """Compile for this signature, cached on disk where numba finds a folder to write."""
    # As NumPy divides: a row that cannot be scored gets NaN, which `scan.py` finds.
    options = {"nogil": True, "error_model": "numpy"}

    def decorate(function: F) -> F:
        try:
            compiled = nb.njit(signature, **options, cache=True)(function)
        except RuntimeError:  # "no locator available": nowhere to keep the cache
            compiled = nb.njit(signature, **options)(function)
        return cast("F", compiled)

    return decorate


_prepared = _tuple(
    (_uint8s3, _float32s, _float32s, nb.float32[:, ::1], nb.int16[:, :, ::1], nb.float64[::1])
)


@_compiled(_prepared(nb.float64[:, ::1], nb.float64[:, ::1], nb.float64[:, ::1], nb.int64))
def prepare(
    probes: NDArray[np.float64],
    turn: NDArray[np.float64],
    levels: NDArray[np.float64],
    n_bytes: int,
) -> tuple[NDArray[Any], ...]:
    """Of unit probes (m, d): tables (m, 2 n_bytes, 16), steps, bases, turned, halves, units.

    turn: `codes.rotation_over_root`; levels: `codes.nibble_levels`. The product of a turned
    probe with the levels of a row's code is at most step * sum + base, where sum adds one
    entry of the table a nibble: what rounding to a byte takes from the largest entries is
    added to the base. halves and units are those of `oracle.whole_probes`.
    """
    m, d = probes.shape
    per_nibble, n_nibbles = len(levels), 2 * n_bytes
    tables = np.zeros((m, n_nibbles, 16), np.uint8)
    steps, bases = np.empty(m, np.float32), np.empty(m, np.float32)
    turned = np.zeros((m, n_nibbles * per_nibble))
    halves, units = np.empty((m, 2, d), np.int16), np.empty(m)
    exact = np.empty((n_nibbles, 16))
    most = min(255, 65535 // n_nibbles)  # the sum of all entries fits 16 bits
    for j in range(m):
        largest_number = 0.0
        for i in range(d):
            largest_number = max(largest_number, abs(probes[j, i]))
            for x in range(d):
                turned[j, x] += probes[j, i] * turn[i, x]
        units[j] = largest_number / (2.0**30 - 2.0**15)
        for i in range(d):
            whole = np.int64(np.rint(probes[j, i] / units[j]))
            halves[j, 0, i] = (whole + 2**14) >> 15
            halves[j, 1, i] = whole - ((whole + 2**14) >> 15 << 15)
        base, widest = 0.0, 0.0
        for g in range(n_nibbles):
            for v in range(16):
                total = 0.0
                for i in range(per_nibble):
                    total += turned[j, g * per_nibble + i] * levels[i, v]
                exact[g, v] = total
            lowest = exact[g].min()
            exact[g] -= lowest
            base += lowest
            widest = max(widest, exact[g].max())
        step = widest / most if widest > 0 else 1.0
        for g in range(n_nibbles):
            lost = 0.0
            for v in range(16):
                entry = np.rint(exact[g, v] / step)
                tables[j, g, v] = np.uint8(entry)
                lost = max(lost, exact[g, v] - entry * step)
            base += lost
        steps[j], bases[j] = step, base
    return tables, steps, bases, turned[:, :d].astype(np.float32), halves, units


@_compiled(
    nb.types.UniTuple(nb.int64, 2)(
        _coded, _uint32s, nb.uint8[:, ::1], nb.uint16[::1], nb.uint16[::1], nb.boolean,
        nb.int64, nb.int64, _int64s, nb.int64,
    )
)  # fmt: skip
def _near_blocks(
    coded: Coded,
    mask: NDArray[np.uint32],
    table: NDArray[np.uint8],
    test: NDArray[np.uint16],
    sums: NDArray[np.uint16],
    known: bool,
    start: int,
    stop: int,
    rows: NDArray[np.int64],
    n: int,
) -> tuple[int, int]:
    """Put rows of blocks start to stop whose sum is enough into `rows`, from n on.

    Returns the block at which `rows` was full, or stop, and the new n. `sums` holds the sums
    of all blocks from start on if they are `known`, and else has room for _RUN blocks.
    Nothing here makes an array or a view of one in a loop: counting references costs more
    than a block.
    """
    blocks, factors = coded
    n_bytes = blocks.shape[1]
    # As int64: an unsigned address and a signed offset would add up to a float64.
    codes_at, factors_at = np.int64(blocks.ctypes.data), np.int64(factors.ctypes.data)
    table_at, test_at = np.int64(table.ctypes.data), np.int64(test.ctypes.data)
    place = np.int64(sums.ctypes.data)
    near, near_bits = np.empty(_RUN, np.int64), np.empty(_RUN, np.uint32)
    for first in range(start, stop, _RUN):
        if n + _RUN * BLOCK > len(rows):
            return first, n
        length = min(_RUN, stop - first)
        if known:
            place = np.int64(sums.ctypes.data) + 2 * BLOCK * (first - start)
        else:
            for i in range(0, length - 1, 2):
                if mask[first + i] or mask[first + i + 1]:
                    at = codes_at + (first + i) * n_bytes * BLOCK
                    sums_of_two(at, table_at, n_bytes, place + 2 * BLOCK * i)
            if length % 2:
                at = codes_at + (first + length - 1) * n_bytes * BLOCK
                sums_of_block(at, table_at, n_bytes, place + 2 * BLOCK * (length - 1))
        n_near = 0
        for i in range(length):
            bits = reaching(place + 2 * BLOCK * i, factors_at + (first + i) * 2 * BLOCK, test_at)
            bits &= mask[first + i]
            # Without a branch: which blocks have such rows cannot be foreseen.
            near[n_near], near_bits[n_near] = first + i, bits
            n_near += bits != 0
        for i in range(n_near):
            bits = near_bits[i]
            while bits:
                low = bits & (~bits + np.uint32(1))
                rows[n] = near[i] * BLOCK + bit(low)
                n += 1
                bits ^= low
    return stop, n


@_compiled(_found(_coded, _uint32s, _wanted, nb.int64, nb.int64))
def near(coded: Coded, mask: NDArray[np.uint32], wanted: Wanted, start: int, stop: int) -> Found:
    """Rows of blocks start to stop whose sum is enough for a probe: probe numbers and rows.

    Bit i of mask[b] says whether row 32 b + i may be found.
    """
    tables, tests = wanted
    sums = np.empty(_RUN * BLOCK, np.uint16)
    owners, rows = np.empty(2 * _RUN * BLOCK, np.int64), np.empty(2 * _RUN * BLOCK, np.int64)
    m, n = len(tables), 0
    together = max(1, stop - start) if m == 1 else max(1, _TOGETHER // (coded[0].shape[1] * BLOCK))
    for first in range(start, stop, together):
        last = min(first + together, stop)
        for j in range(m):
            before, at = n, first
            while True:
                at, n = _near_blocks(
                    coded, mask, tables[j], tests[j], sums, False, at, last, rows, n
                )
                if at == last:
                    break
                rows = np.concatenate((rows, rows))
                owners = np.concatenate((owners, owners))
            owners[before:n] = j
    return owners[:n], rows[:n]


@_compiled(
    nb.void(_coded, _uint32s, nb.uint8[:, ::1], nb.int64, nb.int64, nb.uint16[::1], nb.uint16[::1])
)
def _sums_of_blocks(
    coded: Coded,
    mask: NDArray[np.uint32],
    table: NDArray[np.uint8],
    start: int,
    stop: int,
    sums: NDArray[np.uint16],
    highest: NDArray[np.uint16],
) -> None:
    """The sums of blocks start to stop, and the highest of each block, 0 where none counts."""
    blocks = coded[0]
    size = blocks.shape[1] * BLOCK
    codes_at, table_at = np.int64(blocks.ctypes.data), np.int64(table.ctypes.data)
    sums_at = np.int64(sums.ctypes.data)
    n = stop - start
    for i in range(0, n - 1, 2):
        if mask[start + i] or mask[start + i + 1]:
            at = sums_at + 2 * BLOCK * i
            sums_of_two(codes_at + (start + i) * size, table_at, blocks.shape[1], at)
            highest[i] = largest(at, mask[start + i])
            highest[i + 1] = largest(at + 2 * BLOCK, mask[start + i + 1])
    if n % 2 and mask[stop - 1]:
        at = sums_at + 2 * BLOCK * (n - 1)
        sums_of_block(codes_at + (stop - 1) * size, table_at, blocks.shape[1], at)
        highest[n - 1] = largest(at, mask[stop - 1])


@_compiled(nb.uint16(nb.uint16[::1], nb.int64))
def _reached_by(numbers: NDArray[np.uint16], k: int) -> int:
    """A number above 0 that k of these reach, and few more; 1 where no other does."""
    counts = np.zeros(4096, np.int64)  # of 16 numbers together
    for i in range(len(numbers)):
        counts[numbers[i] >> 4] += 1
    n, i = counts[4095], 4095
    while n < k and i > 0:
        i -= 1
        n += counts[i]
    return max(16 * i, 1)


@_compiled(_found(_coded, _uint32s, _uint8s3, nb.int64, nb.int64, nb.int64, nb.uint16[:, ::1]))
def best(
    coded: Coded,
    mask: NDArray[np.uint32],
    tables: NDArray[np.uint8],
    start: int,
    stop: int,
    k: int,
    kept: NDArray[np.uint16],
) -> Found:
    """Rows of the highest sums, at least k of each probe where there are as many blocks.

    They are those that reach about the k-th highest of the blocks' highest sums. The sums of the
    rows of blocks start to stop are left in `kept` (m, 32 * (stop - start)) for `near_kept`.
    """
    m, n_blocks = len(tables), stop - start
    highest = np.zeros((m, n_blocks), np.uint16)
    together = max(1, n_blocks if m == 1 else _TOGETHER // (coded[0].shape[1] * BLOCK))
    for first in range(0, n_blocks, together):
        last = min(first + together, n_blocks)
        for j in range(m):
            _sums_of_blocks(
                coded, mask, tables[j], start + first, start + last,
                kept[j, first * BLOCK :], highest[j, first:],
            )  # fmt: skip
    owners, rows = np.empty(m * 8 * k, np.int64), np.empty(m * 8 * k, np.int64)
    n = 0
    for j in range(m):
        least = _reached_by(highest[j], k)
        end = n + 8 * k
        for b in range(n_blocks):
            if highest[j, b] < least:
                continue
            for i in range(BLOCK):
                counts = (mask[start + b] >> np.uint32(i)) & np.uint32(1)
                if counts and kept[j, b * BLOCK + i] >= least and n < end:
                    owners[n], rows[n] = j, (start + b) * BLOCK + i
                    n += 1
    return owners[:n], rows[:n]


@_compiled(_found(_coded, _uint32s, _wanted, nb.int64, nb.int64, nb.uint16[:, ::1]))
def near_kept(
    coded: Coded,
    mask: NDArray[np.uint32],
    wanted: Wanted,
    start: int,
    stop: int,
    kept: NDArray[np.uint16],
) -> Found:
    """As `near`, from the sums that `best` left."""
    tables, tests = wanted
    owners, rows = np.empty(2 * _RUN * BLOCK, np.int64), np.empty(2 * _RUN * BLOCK, np.int64)
    n = 0
    for j in range(len(tables)):
        before, at = n, start
        while True:
            known = kept[j, (at - start) * BLOCK :]
            at, n = _near_blocks(coded, mask, tables[j], tests[j], known, True, at, stop, rows, n)
            if at == stop:
                break
            rows = np.concatenate((rows, rows))
            owners = np.concatenate((owners, owners))
        owners[before:n] = j
    return owners[:n], rows[:n]


@_compiled(
    nb.boolean[::1](
        _uint8s3, nb.uint8[:, ::1], nb.uint16[:, ::1], nb.float32[:, ::1], _float32s,
        nb.int64, nb.int64, _float32s, _float32s, _int64s, _int64s,
    )
)  # fmt: skip
def still_near(
    blocks: NDArray[np.uint8],
    more: NDArray[np.uint8],
    more_factors: NDArray[np.uint16],
    turned: NDArray[np.float32],
    levels: NDArray[np.float32],
    first_bits: int,
    more_bits: int,
    least: NDArray[np.float32],
    margins: NDArray[np.float32],
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which of these rows still reach their probe's threshold by all their bits."""
    kept = np.empty(len(rows), np.bool_)
    low, high = 2**more_bits - 1, 2**first_bits - 1
    for i in range(len(rows)):
        row, j = rows[i], owners[i]
        b, lane = row // BLOCK, row % BLOCK
        product = np.float32(0)
        for x in range(turned.shape[1]):
            at = x * first_bits
            cell = (blocks[b, at >> 3, lane] >> (at & 7)) & high
            at = x * more_bits
            fine = np.int64(more[row, at >> 3]) >> (at & 7)
            if (at & 7) + more_bits > 8:
                fine |= np.int64(more[row, (at >> 3) + 1]) << (8 - (at & 7))
            product += levels[(np.int64(cell) << more_bits) | (fine & low)] * turned[j, x]
        need = least[j] * (_MORE_STEP * more_factors[row, 0])
        need -= margins[j] * (_MORE_STEP * more_factors[row, 1])
        kept[i] = product >= need or least[j] <= 0 or more_factors[row, 1] == 65535
    return kept


@_compiled(_float32s(nb.float32[:, ::1], _int64s, nb.float64[:, ::1], _int64s))
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


@_compiled(_float32s(nb.int8[:, ::1], _int64s, nb.int16[:, :, ::1], _int64s, nb.float64[::1]))
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
    scores, sums = np.empty(n, np.float32), np.empty(3, np.int64)
    at, halves_at = np.int64(stored.ctypes.data), np.int64(probes.ctypes.data)
    sums_at, whole = np.int64(sums.ctypes.data), d - d % 16
    for i in range(n):
        row, j = rows[i], owners[i]
        soon = at + rows[min(i + _SOON, n - 1)] * d
        for line in range(0, d + 63, 64):
            ask_for(soon + line)
        high_at = halves_at + 4 * d * j
        products(at + row * d, high_at, high_at + 2 * d, whole, sums_at)
        for x in range(whole, d):
            number = np.int64(stored[row, x])
            sums[0] += number * np.int64(probes[j, 0, x])
            sums[1] += number * np.int64(probes[j, 1, x])
            sums[2] += number * number
        total = (sums[0] << 15) + sums[1]
        scores[i] = np.float32(np.float64(total) * units[j] / np.sqrt(np.float64(sums[2])))
    return scores


@_compiled(_tuple((_int64s, _int64s, _float32s))(_int64s, _int64s, _float32s, _float32s))
def reaching_only(
    owners: NDArray[np.int64],
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    need: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Those that score at least what their probe needs. Overwrites what it is given."""
    n = 0
    for i in range(len(scores)):
        if scores[i] >= need[owners[i]]:
            owners[n], rows[n], scores[n] = owners[i], rows[i], scores[i]
            n += 1
    return owners[:n].copy(), rows[:n].copy(), scores[:n].copy()
