"""The loops over all rows, compiled by numba. Importing this module imports numba and compiles.

Nothing here checks its arguments: `scan.py` is the only caller. The kernels release the
interpreter lock and start no threads (numba's threading layers abort the process when two
threads enter them, or after a fork); `scan.py` gives each of its threads a range of blocks.
Signatures are fixed, so that every kernel is compiled once and kept on disk; all of them
stand in this one file.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from vultus.index.simd import (
    ALONG_FROM,
    BLOCK,
    FACTOR_SCALE,
    LEAST_BESIDE,
    NEVER_RULED_OUT,
    ask_for,
    bit,
    count,
    largest,
    products,
    reaching,
    reaching_of_two,
    sums_of_block,
    sums_of_two,
)

# Changed with every change of simd.py, because numba's cache looks at this file only.
SIMD_SHA256 = "99af87e84f2861139571e22a11ed4b6b5f941d4b535d2f66f9e95139973048db"

nb: Any = numba  # its types are made as it runs
_TOGETHER = 256 * 1024  # bytes of codes that stay in the second cache for all probes
SLACK = 1e-5  # for the rounding of rotations and products in float32
_SCORE_ROUNDING = 2e-6
_RAISED_TO = 0.9  # while it searches, a search raises what it needs no higher
_SOON = 16
_RUN = 64  # blocks whose sums are made before they are looked at
_MOST_SPARE = 2**24 - 1
_ROOM = 6 * _RUN * BLOCK  # rows that are near, at first
_MORE_STEP = np.float32(2.0**-15)  # as in codes.py

F = TypeVar("F", bound=Callable[..., object])
_tuple = nb.types.Tuple
_uint8s3 = nb.uint8[:, :, ::1]
_uint32s = nb.uint32[::1]
_int64s = nb.int64[::1]
_float32s = nb.float32[::1]
_coded = _tuple((_uint8s3, _uint8s3))  # blocks and factors of `codes.Codes`
_wanted = _tuple((_uint8s3, nb.uint16[:, ::1]))  # tables and tests, see `whole_test`
_found = _tuple((_int64s, _int64s))
_near = _tuple((_int64s, _int64s, _int64s))
_reaching = _tuple((_int64s, _int64s, _float32s, nb.int64))
# Rows as int8 or else as float32; then what `prepare` made of the probes, and the probes.
_scoring = _tuple(
    (nb.int8[:, ::1], nb.float32[:, ::1], nb.int16[:, :, ::1], nb.float64[::1], nb.float64[:, ::1])
)
_asked = _tuple((nb.int64, nb.float32, nb.boolean))  # k or 0, threshold, whether it is `first`

Coded = tuple[NDArray[np.uint8], NDArray[np.uint8]]
Wanted = tuple[NDArray[np.uint8], NDArray[np.uint16]]
Found = tuple[NDArray[np.int64], NDArray[np.int64]]
# Probe numbers, rows, and 256 times what a sum has above what it needs, plus the factor along.
Scoring = tuple[NDArray[Any], ...]
Limits = tuple[int, float, bool]
Reaching = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]
Near = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


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


_float64s2 = nb.float64[:, ::1]


@_compiled(_prepared(_float64s2, _float64s2, _float64s2, _float64s2))
def prepare(
    probes: NDArray[np.float64],
    turn: NDArray[np.float64],
    levels: NDArray[np.float64],
    dither: NDArray[np.float64],
) -> tuple[NDArray[Any], ...]:
    """Of unit probes (m, d): tables (m, n_nibbles, 16), steps, bases, turned, halves, units.

    turn: `codes.rotation_over_root`; levels: `codes.nibble_levels`; dither: `codes.dither`. The
    product of a turned probe with the levels of a row's code is step * sum + base but for the
    rounding of the entries to whole steps (`codes.rounding`), where sum adds one entry of the
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


@_compiled(nb.int64(nb.int64))
def _place_of(lane: int) -> int:
    """Where the sum of a row is among its block's: first the even rows', then the odd rows'."""
    return lane % 2 * (BLOCK // 2) + lane // 2


@_compiled(nb.int64(nb.int64, nb.int64, nb.int64, nb.uint16[::1]))
def _spare(total: int, along: int, beside: int, test: NDArray[np.uint16]) -> Any:
    """256 times what a sum has above what it needs, plus the factor along: see `Near`."""
    above: Any = _MOST_SPARE
    if beside != NEVER_RULED_OUT and test[2] != 65535:
        wide = np.int64(max(beside, LEAST_BESIDE))
        more = np.int64(test[0]) + (np.int64(along) * np.int64(test[1]) >> 8)
        less = np.int64(test[2]) + (wide * np.int64(test[3]) >> 8)
        above = max(0, total - more + less)
    return above << 8 | along


@_compiled(nb.int64(_coded))
def _together(coded: Coded) -> int:
    """Blocks that stay in the second cache while all probes look at them."""
    n: int = _TOGETHER // (coded[0].shape[1] * BLOCK)
    return max(1, n)


@_compiled(nb.types.UniTuple(nb.int64, 4)(_uint32s, nb.int64, nb.int64))
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


@_compiled(nb.float64(nb.float64))
def _across(threshold: float) -> float:
    """sqrt(1 - s^2), at most, for a score s >= threshold.

    A score and the lengths of row and probe are rounded to float32: near 1 the root shows it.
    """
    least = min(max(threshold - _SCORE_ROUNDING, 0.0), 1.0)
    return math.sqrt(1 - least**2)


@_compiled(nb.float64(nb.float64, nb.float64))
def margin(threshold: float, reach: float) -> float:
    """What times a row's length beside an estimate may fall short, at a score >= threshold.

    reach: `codes.deviation` of the chance.
    """
    return reach * _across(threshold)


@_compiled(nb.float64(nb.float64, nb.float64, nb.float64, nb.int64))
def rounding(threshold: float, rate: float, step: float, n_nibbles: int) -> float:
    """What an estimate may fall short beyond `margin`, because tables are rounded to `step`.

    Each entry is off by a number of mean 0 between two that lie a step apart, so the sum R of
    all falls r short with a chance of at most exp(-r^2 / 2 s^2), s = step sqrt(n_nibbles) / 2
    (Hoeffding 1963). With the tail of `margin` falling at a rate of h, a row is then missed
    with the same chance once log(E exp(h R)) / h is added (docs/formats/index.md).

    rate: `codes.hazard` of the chance. Enough for every threshold up to _RAISED_TO, too.
    """
    across = _across(max(threshold, _RAISED_TO))
    worst = n_nibbles * step
    if across == 0:
        return worst
    h = rate / (LEAST_BESIDE / FACTOR_SCALE * across)
    x = h * step * math.sqrt(n_nibbles) / 2
    if not x < 30:
        return worst
    mean = 1 + x * math.exp(x * x / 2) * math.sqrt(math.pi / 2) * (1 + math.erf(x / math.sqrt(2)))
    return min(math.log(mean) / h, worst)


@_compiled(nb.void(nb.float64, nb.float64, nb.float64, nb.float64, nb.uint16[::1]))
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


@_compiled(
    _tuple((nb.uint16[:, ::1], _float32s))(
        _float32s, _float32s, _float32s, nb.float64, nb.float64, nb.int64
    )
)
def tests(
    need: NDArray[np.float32],
    steps: NDArray[np.float32],
    bases: NDArray[np.float32],
    reach: float,
    rate: float,
    n_nibbles: int,
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """`whole_test` (m, 4) and `margin` (m,) of each probe."""
    whole, margins = np.empty((len(need), 4), np.uint16), np.empty(len(need), np.float32)
    for j in range(len(need)):
        margins[j] = margin(need[j], reach)
        base = bases[j] + rounding(need[j], rate, steps[j], n_nibbles)
        whole_test(need[j], margins[j], steps[j], base, whole[j])
    return whole, margins


@_compiled(
    nb.types.UniTuple(nb.int64, 2)(
        _coded, _uint32s, nb.uint8[:, ::1], nb.uint16[::1], nb.uint16[::1], nb.boolean,
        nb.int64, nb.int64, _int64s, _int64s, nb.int64,
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
            rows[n], spare[n] = row, _spare(total, along, beside, test)
            n += 1
    return stop, n


@_compiled(_near(_coded, _uint32s, _wanted, nb.int64, nb.int64, nb.uint16[:, ::1]))
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


@_compiled(nb.int64(_near, nb.uint16[:, ::1]))
def foremost(near: Near, tests: NDArray[np.uint16]) -> int:
    """Put first the rows whose sum would be enough without a margin, about; how many they are."""
    owners, rows, spare = near
    n, j, least = 0, np.int64(-1), np.int64(0)
    for i in range(len(rows)):
        if owners[i] != j:
            j = owners[i]
            least = np.int64(tests[j, 3]) << 7  # of a row whose factor beside is 128
        if spare[i] >= least:
            owners[i], owners[n] = owners[n], j
            rows[i], rows[n] = rows[n], rows[i]
            spare[i], spare[n] = spare[n], spare[i]
            n += 1
    return n


@_compiled(nb.int64(_near, nb.int64, _float32s, _float32s, _float32s))
def nearer(
    near: Near,
    start: int,
    before: NDArray[np.float32],
    need: NDArray[np.float32],
    steps: NDArray[np.float32],
) -> int:
    """Of the rows from `start` on keep those that may still reach `need` (m,), not only `before`.

    A row with x'.x = a needs (need - before) a more, as margins do not grow. Those that are
    kept are moved up; returns where they end.
    """
    owners, rows, spare = near
    n, j, more = start, np.int64(-1), 0.0
    for i in range(start, len(rows)):
        if owners[i] != j:
            j = owners[i]
            more = (np.float64(need[j]) - before[j]) / (np.float64(FACTOR_SCALE) * steps[j])
        above, along = spare[i] >> 8, spare[i] & 0xFF
        owners[n], rows[n] = j, rows[i]
        n += above + 1 >= more * (ALONG_FROM * FACTOR_SCALE + along) or above == _MOST_SPARE
    return n


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
        need = (least[j] - np.float32(SLACK)) * (_MORE_STEP * more_factors[row, 0])
        need -= margins[j] * (_MORE_STEP * more_factors[row, 1])
        kept[i] = product >= need or least[j] <= SLACK or more_factors[row, 1] == 65535
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


@_compiled(_float32s(_scoring, _int64s, _int64s))
def scores(
    scoring: Scoring, rows: NDArray[np.int64], owners: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Scores of rows with their probes, exactly as `oracle.score`."""
    of_int8, of_float32, halves, units, probes = scoring
    if len(of_int8):
        return scores_int8(of_int8, rows, halves, owners, units)
    return scores_float32(of_float32, rows, probes, owners)


@_compiled(_float32s(_int64s, _float32s, nb.int64, nb.int64))
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


@_compiled(_reaching(_int64s, _int64s, _float32s, _float32s))
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


@_compiled(
    _tuple((_int64s, _float32s))(
        _coded, _uint32s, _uint8s3, nb.int64, nb.int64, nb.int64, nb.uint16[:, ::1], _scoring
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


@_compiled(_float32s(_int64s, _float32s, _float32s, _asked))
def raised(
    owners: NDArray[np.int64],
    scores: NDArray[np.float32],
    need: NDArray[np.float32],
    asked: Limits,
) -> NDArray[np.float32]:
    """What must be reached (m,) where these are among the scores, if not `need` (m,) alone."""
    k, threshold, first = asked
    higher = need.copy()
    best = kth(owners, scores, len(need), k)
    for j in range(len(need)):
        reach = min(best[j], threshold) if first else max(best[j], threshold)
        if reach > need[j]:  # not where it is NaN
            higher[j] = max(min(reach, np.float32(_RAISED_TO)), need[j])
    return higher


@_compiled(_reaching(_near, _scoring, _float32s, nb.uint16[:, ::1], _float32s, _asked))
def reaching_of_near(
    near: Near,
    scoring: Scoring,
    need: NDArray[np.float32],
    tests: NDArray[np.uint16],
    steps: NDArray[np.float32],
    asked: Limits,
) -> Reaching:
    """Score rows that are near, the best first: what they reach can rule out many of the rest.

    The same in one step as `scan._Place` does step by step where rows are not at hand.
    """
    owners, rows, _ = near
    n, n_first = len(rows), 0
    scored = np.empty(n, np.float32)
    if asked[0]:
        n_first = foremost(near, tests)
        scored[:n_first] = scores(scoring, rows[:n_first], owners[:n_first])
        higher = raised(owners[:n_first], scored[:n_first], need, asked)
        n = nearer(near, n_first, need, higher, steps)
        need = higher
    scored[n_first:n] = scores(scoring, rows[n_first:n], owners[n_first:n])
    return reaching_only(owners[:n], rows[:n], scored[:n], need)
