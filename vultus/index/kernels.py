"""The loops over all rows, compiled by numba. Importing this module imports numba and compiles.

Nothing here checks its arguments: `scan.py` is the only caller. The kernels release the
interpreter lock and start no threads (numba's threading layers abort the process when two
threads enter them, or after a fork); `scan.py` gives each of its threads a range of blocks.
`scan.py` finds all kernels here, those of `bounds`, `scores` and `near` too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.index.bounds import tests
from vultus.index.compiled import (
    CODED,
    FLOAT32S,
    FLOAT64S2,
    FOUND,
    INT64S,
    NEAR,
    SCORING,
    UINT8S3,
    UINT32S,
    WANTED,
    Coded,
    Found,
    Near,
    Scoring,
    Wanted,
    compiled,
    nb,
    tuple_of,
)
from vultus.index.near import (
    foremost,
    nearer,
    raised,
    reaching_of_near,
    spare_of,
    still_near,
)
from vultus.index.scores import kth, reaching_only, scores, scores_float32, scores_int8
from vultus.index.simd import (
    BLOCK,
    bit,
    count,
    largest,
    reaching,
    reaching_of_two,
    sums_of_block,
    sums_of_two,
)

__all__ = [
    "best", "best_scores", "foremost", "kth", "near", "nearer", "prepare", "raised",
    "reaching_of_near", "reaching_only", "sample", "scores_float32", "scores_int8", "still_near",
    "tests",
]  # fmt: skip

_TOGETHER = 256 * 1024  # bytes of codes that stay in the second cache for all probes
_RUN = 64  # blocks whose sums are made before they are looked at
_ROOM = 6 * _RUN * BLOCK  # rows that are near, at first

_prepared = tuple_of(
    (UINT8S3, FLOAT32S, FLOAT32S, nb.float32[:, ::1], nb.int16[:, :, ::1], nb.float64[::1])
)


@compiled(_prepared(FLOAT64S2, FLOAT64S2, FLOAT64S2, FLOAT64S2))
def prepare(
    probes: NDArray[np.float64],
    turn: NDArray[np.float64],
    levels: NDArray[np.float64],
    dither: NDArray[np.float64],
) -> tuple[NDArray[Any], ...]:
    """Of unit probes (m, d): tables (m, n_nibbles, 16), steps, bases, turned, halves, units.

    turn: `codes.rotation_over_root`; levels: `codes.nibble_levels`; dither: `codes.dither`. The
    product of a turned probe with the levels of a row's code is step * sum + base but for the
    rounding of the entries to whole steps (`bounds.rounding`), where sum adds one entry of the
    table a nibble. halves and units are those of `oracle.whole_probes`.
    """
    m, d = probes.shape
    per_nibble, n_nibbles = len(levels), len(dither)
    tables = np.zeros((m, n_nibbles, 16), np.uint8)
    steps, bases = np.empty(m, np.float32), np.empty(m, np.float32)
    turned = np.zeros((m, n_nibbles * per_nibble))
    halves, units = np.empty((m, 2, d), np.int16), np.empty(m)
    exact = np.empty((n_nibbles, 16))
    widths = np.empty(n_nibbles)
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
        base = 0.0
        for g in range(n_nibbles):
            for v in range(16):
                total = 0.0
                for i in range(per_nibble):
                    total += turned[j, g * per_nibble + i] * levels[i, v]
                exact[g, v] = total
            lowest = exact[g].min()
            exact[g] -= lowest
            base += lowest
            widths[g] = exact[g].max()
        # The two entries of a byte's nibbles fit a byte, each rounded up, and all 16 bits.
        step = max((widths[::2] + widths[1::2]).max() / 253, widths.sum() / (65535 - n_nibbles))
        if step == 0:
            step = 1.0
        for g in range(n_nibbles):
            for v in range(16):
                tables[j, g, v] = np.uint8(np.floor(exact[g, v] / step + dither[g, v]))
        steps[j], bases[j] = step, base
    return tables, steps, bases, turned[:, :d].astype(np.float32), halves, units


@compiled(nb.int64(nb.int64))
def _place_of(lane: int) -> int:
    """Where the sum of a row is among its block's: first the even rows', then the odd rows'."""
    return lane % 2 * (BLOCK // 2) + lane // 2


@compiled(nb.int64(CODED))
def _together(coded: Coded) -> int:
    """Blocks that stay in the second cache while all probes look at them."""
    n: int = _TOGETHER // (coded[0].shape[1] * BLOCK)
    return max(1, n)


@compiled(nb.types.UniTuple(nb.int64, 4)(UINT32S, nb.int64, nb.int64))
def sample(mask: NDArray[np.uint32], part: int, least: int) -> tuple[int, int, int, int]:
    """How many blocks are in use, how many of them are the sample, and where it starts and stops.

    The sample is one in `part` of them, and at least `least`.
    """
    n = 0
    for b in range(len(mask)):
        n += mask[b] != 0
    n_sampled = min(max(-(-n // part), least), n)
    start = stop = count = 0
    while count < n_sampled:
        if mask[stop]:
            count += 1
            if count == 1:
                start = stop
        stop += 1
    return n, n_sampled, start, stop


@compiled(
    nb.types.UniTuple(nb.int64, 2)(
        CODED, UINT32S, nb.uint8[:, ::1], nb.uint16[::1], nb.uint16[::1], nb.boolean,
        nb.int64, nb.int64, INT64S, INT64S, nb.int64,
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
    spare: NDArray[np.int64],
    n: int,
) -> tuple[int, int]:
    """Put rows of blocks start to stop whose sum is enough into `rows` and `spare`, from n on.

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
    near, near_bits = np.empty(_RUN, np.int64), np.zeros(_RUN, np.uint64)
    for first in range(start, stop, _RUN):
        if n + _RUN * BLOCK > len(rows):
            return first, n
        last = min(first + _RUN, stop)
        if known:
            place = np.int64(sums.ctypes.data) + 2 * BLOCK * (first - start)
        n_near = n_found = np.int64(0)
        for b in range(first, last, 2):
            here = place + 2 * BLOCK * (b - first)
            at, factors_here = codes_at + b * n_bytes * BLOCK, factors_at + 2 * BLOCK * b
            bits = np.uint64(mask[b])
            if b + 1 < last:
                bits |= np.uint64(mask[b + 1]) << np.uint64(32)
            if bits:
                if known or b + 1 == last:
                    if not known:
                        sums_of_block(at, table_at, n_bytes, here)
                    enough = np.uint64(reaching(here, factors_here, test_at))
                    if b + 1 < last:
                        second = reaching(here + 2 * BLOCK, factors_here + 2 * BLOCK, test_at)
                        enough |= np.uint64(second) << np.uint64(32)
                else:
                    enough = reaching_of_two(at, table_at, n_bytes, here, factors_here, test_at)
                bits &= enough
            # Without a branch: which blocks have such rows cannot be foreseen.
            near[n_near], near_bits[n_near] = b, bits
            n_near += bits != 0
            n_found += count(bits)
        sums_from = start if known else first
        i, bits = np.int64(0), near_bits[0]
        for _ in range(n_found):
            row = near[i] * BLOCK + bit(bits)
            b = row // BLOCK
            bits &= bits - np.uint64(1)
            i += bits == 0  # again without a branch
            bits = bits or near_bits[i]
            lane = row % BLOCK
            along, beside = int(factors[b, 0, lane]), int(factors[b, 1, lane])
            total = int(sums[(b - sums_from) * BLOCK + _place_of(lane)])
            rows[n], spare[n] = row, spare_of(total, along, beside, test)
            n += 1
    return stop, n


@compiled(NEAR(CODED, UINT32S, WANTED, nb.int64, nb.int64, nb.uint16[:, ::1]))
def near(
    coded: Coded,
    mask: NDArray[np.uint32],
    wanted: Wanted,
    start: int,
    stop: int,
    kept: NDArray[np.uint16],
) -> Near:
    """Rows of blocks start to stop whose sum is enough for a probe.

    Bit i of mask[b] says whether row 32 b + i may be found. kept (m, 32 * n): the sums of the
    first n blocks, which `best` left.
    """
    tables, tests = wanted
    sums = np.empty(_RUN * BLOCK, np.uint16)
    owners, rows = np.empty(_ROOM, np.int64), np.empty(_ROOM, np.int64)
    spare = np.empty(_ROOM, np.int64)
    m, n = len(tables), 0
    first, last, known = start, min(start + kept.shape[1] // BLOCK, stop), True
    while first < stop:
        for j in range(m):
            before, at = n, first
            while at < last:
                here = kept[j, (at - start) * BLOCK :] if known else sums
                at, n = _near_blocks(
                    coded, mask, tables[j], tests[j], here, known, at, last, rows, spare, n
                )
                if at < last:
                    owners = np.concatenate((owners, owners))
                    rows, spare = np.concatenate((rows, rows)), np.concatenate((spare, spare))
            owners[before:n] = j
        first, known = last, False
        last = stop if m == 1 else min(first + _together(coded), stop)
    return owners[:n], rows[:n], spare[:n]


@compiled(
    nb.void(CODED, UINT32S, nb.uint8[:, ::1], nb.int64, nb.int64, nb.uint16[::1], nb.uint16[::1])
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


@compiled(nb.uint16(nb.uint16[::1], nb.int64))
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


@compiled(FOUND(CODED, UINT32S, UINT8S3, nb.int64, nb.int64, nb.int64, nb.uint16[:, ::1]))
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
    rows of blocks start to stop are left in `kept` (m, 32 * (stop - start)) for `near`.
    """
    m, n_blocks = len(tables), stop - start
    highest = np.zeros((m, n_blocks), np.uint16)
    together = max(1, n_blocks if m == 1 else _together(coded))
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
                if counts and kept[j, b * BLOCK + _place_of(i)] >= least and n < end:
                    owners[n], rows[n] = j, (start + b) * BLOCK + i
                    n += 1
    return owners[:n], rows[:n]


@compiled(
    tuple_of((INT64S, FLOAT32S))(
        CODED, UINT32S, UINT8S3, nb.int64, nb.int64, nb.int64, nb.uint16[:, ::1], SCORING
    )
)
def best_scores(
    coded: Coded,
    mask: NDArray[np.uint32],
    tables: NDArray[np.uint8],
    start: int,
    stop: int,
    k: int,
    kept: NDArray[np.uint16],
    scoring: Scoring,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Probe numbers and scores of the rows that are `best`."""
    owners, rows = best(coded, mask, tables, start, stop, k, kept)
    return owners, scores(scoring, rows, owners)
