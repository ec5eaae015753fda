"""Rows that are near: which are scored first, and what their scores rule out of the rest."""

import numpy as np
from numpy.typing import NDArray

from vultus.index.bounds import RAISED_TO, SLACK
from vultus.index.compiled import (
    ASKED,
    FLOAT32S,
    INT64S,
    NEAR,
    REACHING,
    SCORING,
    UINT8S3,
    Limits,
    Near,
    Reaching,
    Scoring,
    compiled,
    nb,
)
from vultus.index.scores import kth, reaching_only, scores
from vultus.index.simd import ALONG_FROM, BLOCK, FACTOR_SCALE

MOST_SPARE = 2**24 - 1
_MORE_STEP = np.float32(2.0**-15)  # as in codes.py


@compiled(nb.int64(NEAR, nb.uint16[:, ::1]))
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
        above, along = spare[i] >> 8, spare[i] & 0xFF
        owners[n], rows[n] = j, rows[i]
        n += above + 1 >= more * (ALONG_FROM * FACTOR_SCALE + along) or above == MOST_SPARE
    return n


@compiled(
    nb.boolean[::1](
        UINT8S3, nb.uint8[:, ::1], nb.uint16[:, ::1], nb.float32[:, ::1], FLOAT32S,
        nb.int64, nb.int64, FLOAT32S, FLOAT32S, INT64S, INT64S,
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


@compiled(REACHING(NEAR, SCORING, FLOAT32S, nb.uint16[:, ::1], FLOAT32S, ASKED))
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
