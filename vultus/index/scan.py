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
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IntegrityError
from vultus.index import oracle
from vultus.index.codes import (
    BLOCK,
    Coding,
    cells,
    deviation,
    dither,
    hazard,
    nibble_levels,
    rotation_over_root,
)
from vultus.index.part import Part
from vultus.index.rows import Rows
from vultus.index.segment_format import RESTORE

_PROBES_AT_ONCE = 64
_SAMPLE = 8  # the part of the rows that is searched first when the best are asked for
_SAMPLE_BLOCKS = 2048  # no fewer, so that a small index is searched once
_ALONE = 2**21  # code bytes times probes that one thread reads sooner than a second is started
_ROWS_ALONE = 2**13  # rows that one thread scores sooner than a second is started

_NONE_KEPT = np.empty((0, 0), np.uint16)

T = TypeVar("T")
# What `kernels.near` returns: see `compiled.Near`.
Near = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
# What `kernels.reaching_only` returns: probe numbers, rows, scores, how many rows are damaged.
Reaching = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]


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

    def chances(self, coding: Coding) -> tuple[float, float]:
        """Of missing a row by its first bits, and by its further bits.

        The first get the most: of the many rows that they let through each costs.
        """
        further = self.max_miss / 4 if coding.more_bits else 0.0
        return self.max_miss - further, further

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
            parts = self.exact, turn, levels, dither(coding.seed, 2 * coding.n_bytes)
            made = Prepared(*compiled_kernels().prepare(*parts))
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
    if len(probes) == 1 and limits.k != 0:
        return _ranked(_search(parts, masks, Asked(probes), limits), 1, limits)
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
    m, k = len(asked.probes), limits.best
    at_least = limits.needed(np.full(m, -np.inf, np.float32))
    if kernels() is None:
        both = zip(parts, masks, strict=True)
        return _joined([_reaching_numpy(part, mask, asked, at_least) for part, mask in both])
    n = sum(part.n_alive for part in parts)
    sampled = k is not None and 4 * k < n
    places = [_Place(part, mask, sampled=sampled) for part, mask in zip(parts, masks, strict=True)]
    if k is None or not sampled:
        return _joined([place.reaching(asked, at_least, limits) for place in places])
    # Of the k best of all, the rows of the sample hold their share, give or take.
    share = k * sum(place.n_sampled for place in places) / max(sum(p.n for p in places), 1)
    guess = min(k, math.ceil(share + 1.8 * math.sqrt(share) + 1)) if share < k else k
    need = limits.needed(_best_of(places, asked, guess))
    found = _joined([place.reaching(asked, need, limits) for place in places])
    # What needs no more than it needs at least cannot have been guessed wrong.
    n_found = counts(found.owners, m)
    short = np.array([j for j in range(m) if n_found[j] < k and need[j] > at_least[j]])
    if len(short):
        some = asked.some(short)
        kth = compiled_kernels().kth(found.owners, found.scores, m, k)[short]
        need = limits.needed(np.maximum(kth, _best_of(places, some, k)))
        again = _joined([place.reaching(some, need, limits) for place in places])
        found = _instead(found, short, again)
        # Now k rows are known to reach what was needed: where fewer were found, some were missed.
        for chance in (limits.max_miss**3, 0.0):
            missed = (counts(again.owners, len(short)) < k) & (need > at_least[short])
            if not missed.any():
                break
            short, need = short[missed], need[missed]
            some, stricter = asked.some(short), replace(limits, max_miss=chance)
            places = [_Place(*both, sampled=False) for both in zip(parts, masks, strict=True)]
            again = _joined([place.reaching(some, need, stricter) for place in places])
            found = _instead(found, short, again)
    return found


def _instead(found: Found, numbers: NDArray[np.int64], again: Found) -> Found:
    """These candidates, with those of the probes `numbers` (m,) as another search found them."""
    again = again._replace(owners=numbers[again.owners])
    return _joined([found.only(~np.isin(found.owners, numbers)), again])


class _Place:
    """A part to be searched; the sums of its first blocks, the sample, can be kept."""

    def __init__(self, part: Part, mask: NDArray[np.uint32], *, sampled: bool) -> None:
        self._part, self._mask, self._stop = part, mask, part.n_blocks
        self._coded = part.codes.blocks, part.codes.factors
        self._start = self._middle = self.n = self.n_sampled = 0
        self._kept = np.empty((0, 0), np.uint16)
        if sampled:
            self.n, self.n_sampled, self._start, self._middle = compiled_kernels().sample(
                mask[: self._stop], _SAMPLE, _SAMPLE_BLOCKS
            )

    def best(self, asked: Asked, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Probes and scores of rows of the sample that are, by their codes, among the best."""
        n_rows = BLOCK * (self._middle - self._start)
        self._kept = np.empty((len(asked.probes), n_rows), np.uint16)
        made, stored = asked.prepared(self._part.coding), self._part.rows_at_hand()
        what = self._coded, self._mask, made.first, self._start, self._middle, k, self._kept
        if stored is not None:
            scored: tuple[NDArray[np.int64], NDArray[np.float32]] = compiled_kernels().best_scores(
                *what, _scoring(stored, made, asked)
            )
            return scored
        owners, rows = compiled_kernels().best(*what)
        return owners, _scores(self._part, owners, rows, asked)

    def reaching(self, asked: Asked, need: NDArray[np.float32], limits: Limits) -> Found:
        """What scores at least `need` (m,); with a sample, only after `best` of these probes.

        Of what does not count among the best that are asked for, some may be left out.
        """
        if np.isnan(need.sum()):  # the best of the sample, and one of them has no score
            raise _damaged()
        tests = self._tests(asked, need, limits)
        near = self._near(asked, tests)
        further = self._further(asked, limits, tests)
        wanted = limits.best or 0, limits.threshold, limits.first > 0
        stored = self._part.rows_at_hand()
        if stored is not None and len(near[1]) < 2 * _ROWS_ALONE:
            scoring = _scoring(stored, asked.prepared(self._part.coding), asked)
            found = compiled_kernels().reaching_of_near(near, scoring, need, further, wanted)
        else:
            found = self._reaching_of_near(near, asked, need, further, wanted)
        owners, rows, scores, n_damaged = found
        if n_damaged:
            raise _damaged()
        return Found(owners, self._part.ids_at(rows), scores)

    def _reaching_of_near(
        self,
        near: Near,
        asked: Asked,
        need: NDArray[np.float32],
        further: tuple[Any, ...],
        wanted: tuple[int, float, bool],
    ) -> Reaching:
        """As the kernel of this name, with rows that must be fetched, or by several threads."""
        compiled, part, k = compiled_kernels(), self._part, wanted[0]
        owners, rows, spare = near
        scored, end, made = np.empty(0, np.float32), len(rows), asked.prepared(part.coding)
        if k:
            n = compiled.foremost(near, further[3][0])
            scored = _scores(part, owners[:n], rows[:n], asked)
            higher = compiled.raised(owners[:n], scored, need, wanted)
            end = compiled.nearer(near, n, need, higher, made.steps)
            need = higher
        n = len(scored)
        if part.coding.more_bits:
            end = compiled.still_near((owners[:end], rows[:end], spare[:end]), n, need, further)
        owners, rows = owners[:end], rows[:end]
        rest = _scores(part, owners[n:], rows[n:], asked)
        scores = np.concatenate((scored, rest))
        reaching: Reaching = compiled.reaching_only(owners, rows, scores, need)
        return reaching

    def _tests(self, asked: Asked, need: NDArray[np.float32], limits: Limits) -> NDArray[np.uint16]:
        """What sums are compared with, see `bounds.tests`."""
        coding, made = self._part.coding, asked.prepared(self._part.coding)
        chance = limits.chances(coding)[0]
        reach, rate = deviation(coding.dim, chance), hazard(coding.dim, chance)
        tests: NDArray[np.uint16] = compiled_kernels().tests(
            need, made.steps, made.bases, reach, rate, 2 * coding.n_bytes
        )
        return tests

    def _further(self, asked: Asked, limits: Limits, tests: NDArray[np.uint16]) -> tuple[Any, ...]:
        """What `near.still_near` needs to know: see `compiled.FURTHER`."""
        coding, codes, made = self._part.coding, self._part.codes, asked.prepared(self._part.coding)
        levels = cells(coding.first_bits, coding.more_bits)[1].astype(np.float32)
        chance = limits.chances(coding)[1]
        return (
            (codes.blocks, codes.more, codes.more_factors),
            (coding.first_bits, coding.more_bits, levels),
            (made.first, made.steps, made.bases, made.turned),
            (tests, deviation(coding.dim, chance), hazard(coding.dim, chance)),
        )

    def _near(self, asked: Asked, tests: NDArray[np.uint16]) -> Near:
        """Rows whose sums pass these tests."""
        compiled, coding = compiled_kernels(), self._part.coding
        wanted = asked.prepared(coding).first, tests
        work = (self._stop - self._middle) * BLOCK * coding.n_bytes * len(tests)

        def some(start: int, stop: int) -> Near:
            first = start == self._start
            found: Near = compiled.near(
                self._coded, self._mask, wanted, start, stop, self._kept if first else _NONE_KEPT
            )
            return found

        near = _in_threads(some, self._start, self._stop, work // _ALONE)
        if len(near) == 1:
            return near[0]
        owners, rows, spare = (np.concatenate(arrays) for arrays in zip(*near, strict=True))
        return owners, rows, spare


def _best_of(places: Sequence[_Place], asked: Asked, k: int) -> NDArray[np.float32]:
    """A score (m,) that k rows of the samples reach, and few more; -inf where there are fewer.

    The estimates that choose the rows are off by some percent, so more than k are scored.
    """
    parts = [place.best(asked, 4 * k + 32) for place in places]
    owners, scores = parts[0]
    if len(parts) > 1:
        owners = np.concatenate([owners for owners, _ in parts])
        scores = np.concatenate([scores for _, scores in parts])
    kth: NDArray[np.float32] = compiled_kernels().kth(owners, scores, len(asked.probes), k)
    return kth


def _scoring(stored: Rows, made: Prepared, asked: Asked) -> tuple[NDArray[Any], ...]:
    """What `kernels.scores` needs of rows at hand and of the probes."""
    none = np.empty((0, stored.shape[1]), np.float32 if stored.dtype == np.int8 else np.int8)
    rows = (stored, none) if stored.dtype == np.int8 else (none, stored)
    return *rows, made.halves, made.units, asked.exact


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
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _damaged() -> IntegrityError:
    """A row of zeros has no score, and would rank anywhere or nowhere."""
    return IntegrityError("index.rows", "A row of the index is damaged.", RESTORE)


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
            scores = oracle.score(stored[at], asked.probes[j])
            if np.isnan(scores).any():
                raise _damaged()
            kept = scores >= need[j]
            found.append(Found(np.full(kept.sum(), j), part.ids_at(some[kept]), scores[kept]))
    return _joined(found)


def _in_threads(call: Callable[[int, int], T], start: int, stop: int, n_wished: int) -> list[T]:
    """Split start to stop among as many threads as pay, this one among them.

    They end with the call, so that a fork is safe.
    """
    n = min(stop - start, n_wished)
    if n <= 1 or (n := min(n, len(os.sched_getaffinity(0)))) == 1:
        return [call(start, stop)]
    edges = [start + (stop - start) * i // n for i in range(n + 1)]
    with ThreadPoolExecutor(n - 1) as pool:
        others = [pool.submit(call, *edges[i : i + 2]) for i in range(1, n)]
        first = call(*edges[:2])
        return [first, *(other.result() for other in others)]


def counts(owners: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    """How many there are of each of m probes."""
    return np.array([len(owners)]) if m == 1 else np.bincount(owners, minlength=m)


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
    if m == 1:
        enough = np.count_nonzero(scores >= np.float32(limits.threshold))
        order = np.lexsort((ids, -scores))[: max(enough, limits.first)][: limits.k]
        return Found(owners[: len(order)], ids[order], scores[order])
    order = np.lexsort((ids, -scores, owners))
    n = counts(owners, m)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(n) - n, n)
    wanted = (scores[order] >= np.float32(limits.threshold)) | (rank < limits.first)
    if limits.k is not None:
        wanted &= rank < limits.k
    order = order[wanted]
    return Found(owners[order], ids[order], scores[order])
