"""Rows that are near: which are scored first, and what their scores rule out of the rest."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.index.bounds import RAISED_TO, SLACK, margin, rounding
from vultus.index.compiled import (
    ASKED,
    FLOAT32S,
    FURTHER,
    INT64S,
    NEAR,
    REACHING,
    SCORING,
    UINT8S3,
    Further,
    Limits,
    Near,
    Reaching,
    Scoring,
    compiled,
    nb,
)
from vultus.index.scores import kth, reaching_only, scores
from vultus.index.simd import (
    ALONG_FROM,
    BLOCK,
    FACTOR_SCALE,
    LEAST_BESIDE,
    NEVER_RULED_OUT,
    ask_for,
    sum_where,
)

MOST_SPARE = 2**24 - 1
_MORE_STEP = 2.0**-15  # as in codes.py
_OF_ONE_BIT = math.sqrt(2 / math.pi)  # the level of a single bit, as of `codes.cells`
_SOON = 32  # rows: how far before its use a row's bits are asked of memory


@compiled(nb.int64(nb.int64, nb.int64, nb.uint16[::1]))
def _needed(along: int, beside: int, test: NDArray[np.uint16]) -> Any:
    """What a sum needs, see `bounds.whole_test`."""
    wide = np.int64(max(beside, LEAST_BESIDE))
    more = np.int64(test[0]) + (np.int64(along) * np.int64(test[1]) >> 8)
    return more - np.int64(test[2]) - (wide * np.int64(test[3]) >> 8)


@compiled(nb.int64(nb.int64, nb.int64, nb.int64, nb.uint16[::1]))
def spare_of(total: int, along: int, beside: int, test: NDArray[np.uint16]) -> Any:
    """What a sum has above what it needs, at most MOST_SPARE, and behind it the two factors.

    At least 0: the test that let the row through rounds a little otherwise.
    """
    above = np.int64(MOST_SPARE)
    if beside != NEVER_RULED_OUT and test[2] != 65535:
        above = max(np.int64(0), total - _needed(along, beside, test))
    return above << 16 | beside << 8 | along


@compiled(nb.int64(nb.int64, nb.uint16[::1]))
def total_of(spare: int, test: NDArray[np.uint16]) -> Any:
    """The sum of which this is the spare, or a little more; not where that is MOST_SPARE."""
    return (spare >> 16) + _needed(spare & 0xFF, spare >> 8 & 0xFF, test)


@compiled(nb.int64(NEAR, nb.uint16[:, ::1]))
def foremost(near: Near, tests: NDArray[np.uint16]) -> int:
    """Put first the rows whose sum would be enough without a margin, about; how many they are."""
    owners, rows, spare = near
    n = 0
    for i in range(len(rows)):
        j = owners[i]
        wide = max(spare[i] >> 8 & 0xFF, LEAST_BESIDE)
        if spare[i] >> 16 >= wide * np.int64(tests[j, 3]) >> 8:
            owners[i], owners[n] = owners[n], j
            rows[i], rows[n] = rows[n], rows[i]
            spare[i], spare[n] = spare[n], spare[i]
            n += 1
    return n


@compiled(nb.int64(NEAR, nb.int64, FLOAT32S, FLOAT32S, FLOAT32S))
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
        above, along = spare[i] >> 16, spare[i] & 0xFF
        owners[n], rows[n], spare[n] = j, rows[i], spare[i]
        n += above + 1 >= more * (ALONG_FROM * FACTOR_SCALE + along) or above == MOST_SPARE
    return n


@compiled(
    nb.float64(
        UINT8S3, nb.uint8[:, ::1], nb.float32[:, ::1], FLOAT32S,
        nb.int64, nb.int64, nb.int64, nb.int64,
    )
)  # fmt: skip
def _by_dimension(
    blocks: NDArray[np.uint8],
    more: NDArray[np.uint8],
    turned: NDArray[np.float32],
    levels: NDArray[np.float32],
    first_bits: int,
    more_bits: int,
    row: Any,
    j: Any,
) -> float:
    """The product of a turned probe with the levels of all of a row's bits."""
    low, high = 2**more_bits - 1, 2**first_bits - 1
    b, lane = row // BLOCK, row % BLOCK
    product = 0.0
    for x in range(turned.shape[1]):
        at = x * first_bits
        cell = (blocks[b, at >> 3, lane] >> (at & 7)) & high
        at = x * more_bits
        fine = np.int64(more[row, at >> 3]) >> (at & 7)
        if (at & 7) + more_bits > 8:
            fine |= np.int64(more[row, (at >> 3) + 1]) << (8 - (at & 7))
        product += levels[(np.int64(cell) << more_bits) | (fine & low)] * turned[j, x]
    return product


@compiled(nb.types.UniTuple(nb.float64, 2)(FLOAT32S, nb.int16[::1]))
def _in_whole(numbers: NDArray[np.float32], whole: NDArray[np.int16]) -> tuple[float, float]:
    """Numbers in whole units, into `whole`; returns the unit and their sum."""
    largest = total = 0.0
    for x in range(len(numbers)):
        largest = max(largest, abs(numbers[x]))
        total += numbers[x]
    unit = max(largest, 1e-30) / 32767
    for x in range(len(numbers)):
        whole[x] = np.int16(np.rint(numbers[x] / unit))
    return unit, total


@compiled(nb.int64(NEAR, nb.int64, FLOAT32S, FURTHER))
def still_near(near: Near, start: int, least: NDArray[np.float32], further: Further) -> int:
    """Of the rows from `start` on keep those whose further bits, too, let them reach `least` (m,).

    Those that are kept are moved up; returns where they end. With one first and one further bit
    the four levels are symmetric, so a level is a number for the one bit plus a number for the
    other: the first bits' product is known from their sum (docs/formats/index.md).
    """
    (blocks, more, of_rows), (first_bits, more_bits, levels), made, (tests, reach, rate) = further
    tables, steps, bases, turned = made
    owners, rows, spare = near
    n, j, n_bytes, last = start, np.int64(-1), np.int64(more.shape[1]), len(rows) - 1
    apart = first_bits == more_bits == 1 and n_bytes % 2 == 0
    ratio, height = (levels[2] - levels[0]) / (2 * _OF_ONE_BIT), levels[1] - levels[0]
    whole, unit, total, rounded = np.zeros(8 * n_bytes, np.int16), 0.0, 0.0, 0.0
    more_at, of_rows_at = np.int64(more.ctypes.data), np.int64(of_rows.ctypes.data)
    whole_at = np.int64(whole.ctypes.data)
    short = 0.0
    for i in range(start, len(rows)):
        soon = rows[min(i + _SOON, last)]
        ask_for(more_at + soon * n_bytes)
        ask_for(more_at + soon * n_bytes + n_bytes - 1)
        ask_for(of_rows_at + 4 * soon)
        if owners[i] != j:
            j = owners[i]
            short = margin(least[j], reach)
            if apart:
                unit, total = _in_whole(turned[j], whole)
                rounded = rounding(least[j], rate, ratio * steps[j], tables.shape[1])
                rounded += height * unit * turned.shape[1] / 2
        row, beside = rows[i], _MORE_STEP * of_rows[rows[i], 1]
        if apart:
            product = ratio * (steps[j] * total_of(spare[i], tests[j]) + bases[j]) + rounded
            where = np.float64(sum_where(more_at + row * n_bytes, whole_at, 8 * n_bytes))
            product += height * (unit * where - total / 2)
            beside = max(beside, LEAST_BESIDE / FACTOR_SCALE)  # see `rounding`
        else:
            product = _by_dimension(blocks, more, turned, levels, first_bits, more_bits, row, j)
        need = (least[j] - SLACK) * _MORE_STEP * of_rows[row, 0] - short * beside
        kept = product >= need or least[j] <= SLACK or of_rows[row, 1] == 65535
        owners[n], rows[n], spare[n] = j, row, spare[i]
        n += kept or spare[n] >> 16 == MOST_SPARE
    return n


@compiled(FLOAT32S(INT64S, FLOAT32S, FLOAT32S, ASKED))
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
            higher[j] = max(min(reach, np.float32(RAISED_TO)), need[j])
    return higher


@compiled(REACHING(NEAR, SCORING, FLOAT32S, FURTHER, ASKED))
def reaching_of_near(
    near: Near, scoring: Scoring, need: NDArray[np.float32], further: Further, asked: Limits
) -> Reaching:
    """Score rows that are near, the best first: what they reach can rule out many of the rest.

    The same in one step as `scan._Place` does step by step where rows are not at hand.
    """
    owners, rows, spare = near
    _, (_, more_bits, _), (_, steps, _, _), (tests, _, _) = further
    n, n_first = len(rows), 0
    scored = np.empty(n, np.float32)
    if asked[0]:
        n_first = foremost(near, tests)
        scored[:n_first] = scores(scoring, rows[:n_first], owners[:n_first])
        higher = raised(owners[:n_first], scored[:n_first], need, asked)
        n = nearer(near, n_first, need, higher, steps)
        need = higher
    if more_bits:
        n = still_near((owners[:n], rows[:n], spare[:n]), n_first, need, further)
    scored[n_first:n] = scores(scoring, rows[n_first:n], owners[n_first:n])
    return reaching_only(owners[:n], rows[:n], scored[:n], need)
