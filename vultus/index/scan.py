"""One search of an index's parts for a batch of probes: compiled where numba works, else in NumPy.

Rows whose bound reaches the threshold are found by their codes and scored by what is stored.
Where the best k are asked for, the threshold is the k-th best score: guessed from an eighth
of the rows, which are looked at first, and lowered if fewer than k turn out to reach it.
"""

import functools
import logging
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IntegrityError
from vultus.index import oracle
from vultus.index.codes import (
    ALONG_FROM,
    BLOCK,
    FACTOR_SCALE,
    SLACK,
    Coding,
    cells,
    margin,
    nibble_levels,
    rotation_over_root,
)
from vultus.index.part import Part
from vultus.index.segment_format import RESTORE

_PROBES_AT_ONCE = 64
_SAMPLE = 8  # the part of the rows that is searched first when the best are asked for
_SAMPLE_BLOCKS = 2048  # no fewer, so that a small index is searched once
_ALONE = 2**21  # code bytes times probes that one thread reads sooner than a second is started
_ROWS_ALONE = 2**13  # rows that one thread scores sooner than a second is started

T = TypeVar("T")


class Found(NamedTuple):
    """Candidates of a batch: probe numbers, ids and scores."""

    owners: NDArray[np.int64]
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def only(self, kept: NDArray[np.bool_]) -> "Found":
        """Those that are kept."""
        return Found(self.owners[kept], self.ids[kept], self.scores[kept])


@dataclass(frozen=True)
class Limits:
    """What is asked: see `FaceIndex.search`."""

    k: int | None
    threshold: float  # a float32 value, -inf for none
    first: int
    max_miss: float

    @property
    def best(self) -> int | None:
        """How many of the best fix the threshold; None where it is given."""
        if self.first and self.threshold > -math.inf:
            return self.first if self.k is None else min(self.k, self.first)
        return self.k

    def needed(self, kth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores (m,) to reach, if the best that are asked for reach `kth` (m,)."""
        fixed = np.float32(self.threshold)
        return np.minimum(fixed, kth) if self.first else np.maximum(fixed, kth)


class Prepared(NamedTuple):
    """What is made of m probes once: their tables, and the probes as the scores need them."""

    first: NDArray[np.uint8]
    steps: NDArray[np.float32]
    bases: NDArray[np.float32]
    turned: NDArray[np.float32]
    halves: NDArray[np.int16]
    units: NDArray[np.float64]


class Asked:
    """Unit probes (m, d), and all that is made of them once."""

    def __init__(self, probes: NDArray[np.float32]) -> None:
        self.probes = probes
        self.exact = probes.astype(np.float64)
        self._prepared: dict[Coding, Prepared] = {}

    def prepared(self, coding: Coding) -> Prepared:
        """What a search of this coding needs of the probes."""
        made = self._prepared.get(coding)
        if made is None:
            turn, levels = (
                rotation_over_root(coding.seed, coding.dim),
                nibble_levels(coding.first_bits),
            )
            made = Prepared(*compiled_kernels().prepare(self.exact, turn, levels, coding.n_bytes))
            self._prepared[coding] = made
        return made

    def some(self, numbers: NDArray[np.int64]) -> "Asked":
        """These probes alone."""
        return Asked(self.probes[numbers])


@functools.cache
def kernels() -> ModuleType | None:
    """The compiled kernels, or None where numba cannot be imported or cannot compile."""
    try:
        from vultus.index import kernels as compiled
    except Exception as exc:  # noqa: BLE001  a search must not depend on a compiler
        logging.getLogger(__name__).warning("searches run in NumPy, without numba: %s", exc)
        return None
    return compiled


def compiled_kernels() -> ModuleType:
    """The compiled kernels, where it is known that there are some."""
    compiled = kernels()
    assert compiled is not None
    return compiled


def search(
    parts: Sequence[Part],
    masks: Sequence[NDArray[np.uint32]],
    probes: NDArray[np.float32],
    limits: Limits,
) -> Found:
    """All candidates, by probe and then by rank. masks[i]: the positions of parts[i] to look at."""
    results: list[Found] = []
    n_probes = 0 if limits.k == 0 else len(probes)
    for start in range(0, n_probes, _PROBES_AT_ONCE):
        asked = Asked(probes[start : start + _PROBES_AT_ONCE])
        found = _ranked(_search(parts, masks, asked, limits), len(asked.probes), limits)
        results.append(found._replace(owners=found.owners + start))
    return _joined(results)


def _search(
    parts: Sequence[Part], masks: Sequence[NDArray[np.uint32]], asked: Asked, limits: Limits
) -> Found:
    """Candidates of some probes, in no order, and perhaps some that are not wanted."""
    m, k, miss = len(asked.probes), limits.best, limits.max_miss
    if kernels() is None:
        need = np.full(m, limits.threshold if k is None else -math.inf, np.float32)
        both = zip(parts, masks, strict=True)
        return _joined([_reaching_numpy(part, mask, asked, need) for part, mask in both])
    n = sum(part.n_alive for part in parts)
    sampled = k is not None and 4 * k < n
    places = [_Place(part, mask, sampled=sampled) for part, mask in zip(parts, masks, strict=True)]
    if k is None or not sampled:
        need = np.full(m, limits.threshold if k is None else -math.inf, np.float32)
        return _joined([place.reaching(asked, need, miss) for place in places])
    # Of the k best of all, the rows of the sample hold their share, give or take.
    share = k * sum(place.n_sampled for place in places) / max(sum(p.n for p in places), 1)
    guess = min(k, math.ceil(share + 1.8 * math.sqrt(share) + 1)) if share < k else k
    need = limits.needed(_best_of(places, asked, guess))
    found = _joined([place.reaching(asked, need, miss) for place in places])
    kth = _kth(found.owners, found.scores, m, k)
    short = np.flatnonzero(limits.needed(kth) < need)
    if len(short):
        some = asked.some(short)
        need = limits.needed(np.maximum(kth[short], _best_of(places, some, k)))
        again = _joined([place.reaching(some, need, miss) for place in places])
        again = again._replace(owners=short[again.owners])
        found = _joined([found.only(~np.isin(found.owners, short)), again])
    return found


class _Place:
    """A part to be searched; the sums of its first blocks, the sample, can be kept."""

    def __init__(self, part: Part, mask: NDArray[np.uint32], *, sampled: bool) -> None:
        self._part, self._mask, self._stop = part, mask, part.n_blocks
        self._coded = part.codes.blocks, part.codes.factors
        self._start = self._middle = self.n = self.n_sampled = 0
        self._kept = np.empty((0, 0), np.uint16)
        if sampled and len(used := np.flatnonzero(mask[: self._stop])):
            self.n = len(used)
            self.n_sampled = min(max(-(-self.n // _SAMPLE), _SAMPLE_BLOCKS), self.n)
            self._start, self._middle = int(used[0]), int(used[self.n_sampled - 1]) + 1

    def best(self, asked: Asked, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Probes and scores of rows of the sample that are, by their codes, among the best."""
        n_rows = BLOCK * (self._middle - self._start)
        self._kept = np.empty((len(asked.probes), n_rows), np.uint16)
        tables = asked.prepared(self._part.coding).first
        owners, rows = compiled_kernels().best(
            self._coded, self._mask, tables, self._start, self._middle, k, self._kept
        )
        return owners, _scores(self._part, owners, rows, asked)

    def reaching(self, asked: Asked, need: NDArray[np.float32], max_miss: float) -> Found:
        """What scores at least `need` (m,); with a sample, only after `best` of these probes."""
        compiled, part = compiled_kernels(), self._part
        chance = max_miss / 2 if part.coding.more_bits else max_miss
        made, dim = asked.prepared(part.coding), part.coding.dim
        margins = np.array([margin(score, dim, chance) for score in need.tolist()], np.float32)
        wanted = made.first, whole_test(need, margins, made.steps, made.bases)
        near: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        if self._middle > self._start:
            near.append(
                compiled.near_kept(
                    self._coded, self._mask, wanted, self._start, self._middle, self._kept
                )
            )
        if self._stop > self._middle:
            work = (self._stop - self._middle) * BLOCK * part.coding.n_bytes * len(need)
            near += _in_threads(
                lambda start, stop: compiled.near(self._coded, self._mask, wanted, start, stop),
                self._middle,
                self._stop,
                work // _ALONE,
            )
        if not near:
            return _joined([])
        owners, rows = near[0]
        if len(near) > 1:
            owners, rows = (np.concatenate(arrays) for arrays in zip(*near, strict=True))
        if part.coding.more_bits and len(rows):
            still = self._still_near(asked, need, margins, owners, rows)
            owners, rows = owners[still], rows[still]
        scores = _scores(part, owners, rows, asked)
        owners, rows, scores = compiled.reaching_only(owners, rows, scores, need)
        return Found(owners, part.ids_at(rows), scores)

    def _still_near(
        self,
        asked: Asked,
        need: NDArray[np.float32],
        margins: NDArray[np.float32],
        owners: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Which rows still reach what is wanted by all their bits."""
        coding, codes = self._part.coding, self._part.codes
        levels = cells(coding.first_bits, coding.more_bits)[1].astype(np.float32)
        still: NDArray[np.bool_] = compiled_kernels().still_near(
            codes.blocks, codes.more, codes.more_factors, asked.prepared(coding).turned, levels,
            coding.first_bits, coding.more_bits, need - np.float32(SLACK), margins, owners, rows,
        )  # fmt: skip
        return still


def _best_of(places: Sequence[_Place], asked: Asked, k: int) -> NDArray[np.float32]:
    """A score (m,) that k rows of the samples reach, and few more; -inf where there are fewer.

    The estimates that choose the rows are off by some percent, so more than k are scored.
    """
    parts = [place.best(asked, 4 * k + 32) for place in places]
    owners, scores = parts[0]
    if len(parts) > 1:
        owners = np.concatenate([owners for owners, _ in parts])
        scores = np.concatenate([scores for _, scores in parts])
    return _kth(owners, scores, len(asked.probes), k)


def _scores(
    part: Part, owners: NDArray[np.int64], positions: NDArray[np.int64], asked: Asked
) -> NDArray[np.float32]:
    """Scores of positions with their probes, exactly as `oracle.score`."""
    if not len(positions):
        return np.empty(0, np.float32)
    stored, at = part.rows_at(positions)
    prepared, compiled = asked.prepared(part.coding), compiled_kernels()

    def score(start: int, stop: int) -> NDArray[np.float32]:
        some, probes = at[start:stop], owners[start:stop]
        result: NDArray[np.float32] = (
            compiled.scores_int8(stored, some, prepared.halves, probes, prepared.units)
            if stored.dtype == np.int8
            else compiled.scores_float32(stored, some, asked.exact, probes)
        )
        return result

    parts = _in_threads(score, 0, len(at), len(at) // _ROWS_ALONE)
    return _are_numbers(np.concatenate(parts) if len(parts) > 1 else parts[0])


def _are_numbers(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores, if all are; a row of zeros has none, and would rank anywhere or nowhere."""
    if np.isnan(scores).any():
        raise IntegrityError("index.rows", "A row of the index is damaged.", RESTORE)
    return scores


def _reaching_numpy(
    part: Part, mask: NDArray[np.uint32], asked: Asked, need: NDArray[np.float32]
) -> Found:
    """The search without numba: every row that is permitted is scored."""
    bits = np.unpackbits(mask[: part.n_blocks].view(np.uint8), bitorder="little")
    positions = np.flatnonzero(bits)
    found = []
    for j in range(len(need)):
        for start in range(0, len(positions), 2**16):
            some = positions[start : start + 2**16]
            stored, at = part.rows_at(some)
            scores = _are_numbers(oracle.score(stored[at], asked.probes[j]))
            kept = scores >= need[j]
            found.append(Found(np.full(kept.sum(), j), part.ids_at(some[kept]), scores[kept]))
    return _joined(found)


def whole_test(
    need: NDArray[np.float32],
    margins: NDArray[np.float32],
    steps: NDArray[np.float32],
    bases: NDArray[np.float32],
) -> NDArray[np.uint16]:
    """Four numbers a probe (m, 4) by which `simd.reaching` tests sums against factors.

    A row with x'.x = a and a length b beside needs step * sum + base >= need * a - margin * b.
    With the factors' steps of 1 / 400 that is sum >= c + f * p - g * q. Everything is rounded
    so that the test passes too many rather than too few.
    """
    tests = []
    for threshold, margin_, step, base in zip(
        need.tolist(), margins.tolist(), steps.tolist(), bases.tolist(), strict=True
    ):
        least = threshold - SLACK
        q = math.ceil(256 * margin_ / (FACTOR_SCALE * step))
        if least < -2 or q > 65535:
            tests.append((0, 0, 65535, 0))  # all pass
            continue
        # Below 0 a larger x'.x needs less: then the largest that a factor says stands for all.
        along = ALONG_FROM if least >= 0 else ALONG_FROM + 256 / FACTOR_SCALE
        p = min(math.floor(256 * max(least, 0.0) / (FACTOR_SCALE * step)), 65535)
        c = math.floor((least * along - base) / step) - 2  # 2 for what the halves lose
        tests.append((min(max(c, 0), 65535), p, min(max(-c, 0), 65535), q))
    return np.array(tests, np.uint16).reshape(-1, 4)


def _in_threads(call: Callable[[int, int], T], start: int, stop: int, n_wished: int) -> list[T]:
    """Split start to stop among as many threads as pay.

    They end with the call, so that a fork is safe.
    """
    n = max(1, min(len(os.sched_getaffinity(0)), stop - start, n_wished))
    if n == 1:
        return [call(start, stop)]
    edges = [start + (stop - start) * i // n for i in range(n + 1)]
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(call, edges[:-1], edges[1:]))


def _kth(
    owners: NDArray[np.int64], scores: NDArray[np.float32], m: int, k: int
) -> NDArray[np.float32]:
    """The k-th best score of each probe (m,); -inf where there are fewer."""
    best = np.full(m, -np.inf, np.float32)
    for j in range(m):
        own = scores if m == 1 else scores[owners == j]
        if len(own) >= k:
            best[j] = np.partition(own, len(own) - k)[len(own) - k]
    return best


def _joined(found: Sequence[Found]) -> Found:
    if len(found) == 1:
        return found[0]
    if not found:
        return Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    owners, ids, scores = zip(*found, strict=True)
    return Found(np.concatenate(owners), np.concatenate(ids), np.concatenate(scores))


def _ranked(found: Found, m: int, limits: Limits) -> Found:
    """By probe, then score descending, then id ascending; cut to what was asked for."""
    owners, ids, scores = found
    if not len(owners):
        return found
    order = np.lexsort((ids, -scores) if m == 1 else (ids, -scores, owners))
    counts = np.bincount(owners, minlength=m)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    wanted = (scores[order] >= np.float32(limits.threshold)) | (rank < limits.first)
    if limits.k is not None:
        wanted &= rank < limits.k
    order = order[wanted]
    return Found(owners[order], ids[order], scores[order])
