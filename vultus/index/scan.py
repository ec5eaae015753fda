"""One scan of a gallery for a batch of probes: compiled where numba works, else in NumPy.

Both give the oracle's result to the last bit.
"""

import functools
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vultus.index import oracle
from vultus.index.codes import encode_probes

Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
_ALONE = 2**24  # int8 products that one thread does sooner than a second one is started


class Gallery(NamedTuple):
    """References as they are scanned; row i of each array belongs to ids[i]."""

    ids: NDArray[np.int64]  # (n,)
    rows: NDArray[np.float32]  # (n, d), unit length
    codes: NDArray[np.int8]  # (n, d)
    scales: NDArray[np.float32]  # (n,)
    errors: NDArray[np.float32]  # (n,)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The five, for what is done to each alike."""
        return tuple(self)

    def first(self, n: int) -> "Gallery":
        """The first n references; shares the memory."""
        return Gallery(
            self.ids[:n], self.rows[:n], self.codes[:n], self.scales[:n], self.errors[:n]
        )


@functools.cache
def kernels() -> ModuleType | None:
    """The compiled kernels, or None where numba cannot be imported or cannot compile."""
    try:
        from vultus.index import kernels as compiled
    except Exception as exc:  # noqa: BLE001  a search must not depend on a compiler
        logging.getLogger(__name__).warning("searches run in NumPy, without numba: %s", exc)
        return None
    return compiled


def scan(
    gallery: Gallery,
    probes: NDArray[np.float32],
    chosen: NDArray[np.int64] | None,
    k: int | None,
    threshold: float,
) -> Found:
    """Probe numbers, ids and scores of all candidates, by probe and then by rank.

    Looked at are the rows numbered in `chosen`, or all where it is None. Accepted is a
    score >= threshold (a float32 value, -inf for all); the first k a probe are returned.
    """
    n = len(gallery.ids) if chosen is None else len(chosen)
    if k == 0 or n == 0 or len(probes) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    compiled = kernels()
    if compiled is None:
        found = scan_numpy(gallery, probes, chosen, k, threshold)
    else:
        found = _scan_compiled(compiled, gallery, probes, chosen, k, threshold)
    return _ranked(found, len(probes), k)


def _scan_compiled(
    compiled: ModuleType,
    gallery: Gallery,
    probes: NDArray[np.float32],
    chosen: NDArray[np.int64] | None,
    k: int | None,
    threshold: float,
) -> Found:
    n = len(gallery.ids) if chosen is None else len(chosen)
    asked = (probes.astype(np.float64), *encode_probes(probes))
    which = np.empty(0, np.int64) if chosen is None else chosen

    def part(start: int, stop: int) -> Found:
        # A heap for a quarter of the rows costs more than sorting what was found.
        found: Found = (
            compiled.scan_range(tuple(gallery), asked, which, start, stop, threshold)
            if k is None or 4 * k >= n
            else compiled.scan_top(tuple(gallery), asked, which, start, stop, threshold, k)
        )
        return found

    return _in_threads(part, n, len(probes) * probes.shape[1])


def _in_threads(part: Callable[[int, int], Found], n: int, work_per_row: int) -> Found:
    """Split n rows among as many threads as pay; they end with the call, so a fork is safe."""
    n_threads = min(len(os.sched_getaffinity(0)), n, max(1, n * work_per_row // _ALONE))
    if n_threads == 1:
        return part(0, n)
    edges = [n * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        parts = list(pool.map(part, edges[:-1], edges[1:]))
    owners, ids, scores = zip(*parts, strict=True)
    return np.concatenate(owners), np.concatenate(ids), np.concatenate(scores)


def scan_numpy(
    gallery: Gallery,
    probes: NDArray[np.float32],
    chosen: NDArray[np.int64] | None,
    k: int | None,
    threshold: float,
) -> Found:
    """The scan without numba: float32 products first, then the oracle's score of what remains.

    A float32 sum of d products of unit vectors is off by at most d * 2^-24 / (1 - d * 2^-24),
    in whatever order it is added (Higham, Accuracy and Stability, section 3.1).
    """
    ids, rows = gallery.ids, gallery.rows
    if chosen is not None:
        ids, rows = ids[chosen], rows[chosen]
    margin = rows.shape[1] * 2.0**-23 + 1e-6
    parts: list[Found] = []
    for j, probe in enumerate(probes):
        rough = rows @ probe
        enough = threshold - margin
        if k is not None and k < len(rows):
            # k rows score at least the k-th rough score less the margin.
            enough = max(enough, float(np.partition(rough, -k)[-k]) - 2 * margin)
        near = np.flatnonzero(rough >= enough)
        scores = oracle.score(rows[near], probe)
        accepted = scores >= threshold
        near, scores = near[accepted], scores[accepted]
        parts.append((np.full(len(near), j, np.int64), ids[near], scores))
    owners, found, scored = zip(*parts, strict=True)
    return np.concatenate(owners), np.concatenate(found), np.concatenate(scored)


def _ranked(found: Found, m: int, k: int | None) -> Found:
    """By probe, then score descending, then id ascending; cut after k of each probe."""
    owners, ids, scores = found
    order = np.lexsort((ids, -scores, owners))
    if k is not None:
        counts = np.bincount(owners, minlength=m)
        rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        order = order[rank < k]
    return owners[order], ids[order], scores[order]
