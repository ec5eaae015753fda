"""A shard: one process of the cluster that holds segments and searches them.

It is a plain class; `vultus.index.shards` runs it as a Ray actor. It keeps nothing of its own:
whatever it holds lies in the store, so a shard that dies is replaced by an empty one.
"""

import hashlib
import os
import resource
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IntegrityError, UnavailableError, VultusError
from vultus.index import scan, segment
from vultus.index.candidates import CandidateLists
from vultus.index.codes import Coding
from vultus.index.index import FaceIndex
from vultus.index.rows import stored
from vultus.index.scan import Limits
from vultus.index.segment import Segment, Written
from vultus.index.segment_format import HEADER_SIZE, RESTORE, Keyring, PageCipher
from vultus.index.shard_manifest import Entry
from vultus.index.store import Store

Ciphers = Callable[[str], PageCipher]
GALLERIES_KEPT = 8  # prepared galleries that a segment keeps


@dataclass(frozen=True)
class ShardKeys:
    """The keys of sealed segments: `keyring` makes and destroys them at the coordinator;
    `ciphers`, sent to every shard, gives the cipher of a segment by its name. It must know where
    keys are, and not hold them: Ray keeps it.
    """

    keyring: Keyring
    ciphers: Ciphers


@dataclass(frozen=True, eq=False)
class Gallery:
    """A prepared `allow`: ids in Ray's store, found there once a shard and kept under the key.

    `ids` holds one reference; it stands in a tuple so that Ray does not resolve it. A gallery
    with an empty key is of one search and is not kept.
    """

    key: str
    ids: tuple[Any]


@dataclass(frozen=True, eq=False)
class Question:
    """What `FaceIndex.search` is asked; probes (m, d) of unit length."""

    probes: NDArray[np.float32]
    limits: Limits
    allow: NDArray[np.int64] | Gallery | None


@dataclass(frozen=True, eq=False)
class Answer:
    """The merged lists of `names`; what else was asked is absent, behind, or has failed."""

    lists: CandidateLists
    names: set[str]
    absent: set[str]
    failed: dict[str, VultusError]


@dataclass(frozen=True)
class Opened:
    """What opening a segment told: its ids ascending, and the RAM that it takes."""

    ids: NDArray[np.int64]
    n_bytes: int


class _Held:
    """A segment in this process, and how many of its removals have arrived."""

    def __init__(self, segment: Segment, gone: NDArray[np.int64]) -> None:
        self.segment = segment
        self.version = 0
        self.lock = threading.Lock()
        self.masks: OrderedDict[str, NDArray[np.uint32]] = OrderedDict()
        self.hide(0, gone)

    def hide(self, start: int, gone: NDArray[np.int64]) -> bool:
        """Hide what is new of removals `start`, start + 1, …; False where some before them
        have not arrived.
        """
        with self.lock:
            if self.version < start:
                return False
            fresh = gone[self.version - start :]
            if len(fresh):
                at = self.segment.positions(fresh)
                self.segment.hide(at[at >= 0])
                self.version += len(fresh)
            return True

    def mask(self, allow: NDArray[np.int64] | Gallery | None) -> NDArray[np.uint32]:
        """What of the segment may be found: a copy, whatever is removed from now on."""
        with self.lock:
            if allow is None:
                return self.segment.alive.copy()
            if not isinstance(allow, Gallery):
                return self._mask(allow) & self.segment.alive
            if allow.key not in self.masks:
                import ray

                made = self._mask(ray.get(allow.ids[0]))
                if not allow.key:
                    return made & self.segment.alive
                self.masks[allow.key] = made
                if len(self.masks) > GALLERIES_KEPT:
                    self.masks.popitem(last=False)
            self.masks.move_to_end(allow.key)
            return self.masks[allow.key] & self.segment.alive

    def _mask(self, ids: NDArray[np.int64]) -> NDArray[np.uint32]:
        at = self.segment.positions(ids)
        return self.segment.mask(at[at >= 0])


class Shard:
    """Holds segments by name. Any thread may call any method."""

    def __init__(
        self,
        store: Store,
        ciphers: Ciphers | None,
        memory_bytes: int,
        cache_bytes: int,
        scratch: str | None,
        cores: tuple[int, int],
    ) -> None:
        """`cores`: how many a search may use, and how many other shards of this machine use."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold templates
        n_cores, n_before = cores
        here = sorted(os.sched_getaffinity(0))
        with suppress(OSError):
            os.sched_setaffinity(0, {here[(n_before + i) % len(here)] for i in range(n_cores)})
        FaceIndex.prepare()
        self._store, self._ciphers = store, ciphers
        self._memory_bytes, self._cache_bytes = memory_bytes, cache_bytes
        self._scratch = scratch
        self._held: dict[str, _Held] = {}

    def alive(self) -> None:
        """Return: this process answers."""

    def open(
        self, entry: Entry, gone: NDArray[np.int64], *, want_ids: bool
    ) -> Opened | VultusError:
        """Fetch a segment from the store, open it and hide what was removed from it.

        The copy in the scratch folder loses its name at once: nothing is left of it when this
        process ends, however it ends. Returns the error where this fails.
        """
        try:
            opened = self._fetched(entry)
            ids = opened.ids if want_ids else np.empty(0, np.int64)
            held = _Held(opened, gone)
            n_bytes = sum(opened.memory().values())
            others = sum(sum(each.segment.memory().values()) for each in self._held.values())
            if n_bytes + others > self._memory_bytes:
                return UnavailableError(
                    "index.no_room",
                    f"Segment {entry.name} needs {n_bytes} bytes; the shard holds {others} of the "
                    f"{self._memory_bytes} that it may.",
                    "Add nodes, or give each shard more memory.",
                )
            self._held = {**self._held, entry.name: held}
            return Opened(ids, n_bytes)
        except VultusError as error:
            return error

    def _fetched(self, entry: Entry) -> Segment:
        with tempfile.TemporaryDirectory(prefix="vultus-shard-", dir=self._scratch) as folder:
            path = Path(folder) / entry.name
            self._store.fetch(entry.name, path)
            with path.open("rb") as file:
                digest = hashlib.sha256(file.read(HEADER_SIZE)).digest()
            if digest != entry.digest:
                raise IntegrityError(
                    "index.manifest", f"The store's file of {entry.name} is another one.", RESTORE
                )
            cipher = None if self._ciphers is None else self._ciphers(entry.name)
            return Segment.open(path, cipher=cipher, cache_bytes=self._cache_bytes)

    def rewrite(
        self, sources: Sequence[tuple[Entry, NDArray[np.int64]]], name: str, coding: Coding
    ) -> Written | VultusError:
        """Write the references of some segments, less those removed from each, as a new one,
        and put it into the store. Returns the error where this fails.
        """
        try:
            return self._rewritten(sources, name, coding)
        except VultusError as error:
            return error

    def _rewritten(
        self, sources: Sequence[tuple[Entry, NDArray[np.int64]]], name: str, coding: Coding
    ) -> Written:
        indexes = []
        for source, gone in sources:
            indexes.append(FaceIndex.of([self._fetched(source)]))
            indexes[-1].remove(gone)
        ids = np.concatenate([index.ids for index in indexes])
        rows = stored(
            np.concatenate([index.templates(index.ids) for index in indexes]), coding.rows
        )
        order = np.argsort(ids)
        with tempfile.TemporaryDirectory(prefix="vultus-shard-", dir=self._scratch) as folder:
            path = Path(folder) / name
            cipher = None if self._ciphers is None else self._ciphers(name)
            written = segment.write(path, name, coding, ids[order], rows[order], cipher=cipher)
            self._store.put(path, name)
        return written

    def close(self, names: Collection[str]) -> None:
        """Let go of segments; those that are not held are passed over. A search that still reads
        one keeps its file until it ends.
        """
        for name in names:
            self._held.pop(name, None)

    def hide(self, removals: Mapping[str, tuple[int, NDArray[np.int64]]]) -> None:
        """Hear of removals: name, number of the first, ids. Searches carry them as well."""
        for name, (start, gone) in removals.items():
            if held := self._held.get(name):
                held.hide(start, gone)

    def search(
        self, question: Question, segments: Mapping[str, tuple[int, NDArray[np.int64]]]
    ) -> Answer:
        """Search the named segments, each after the removals that come with its name."""
        held, absent = {}, set()
        for name, (start, gone) in segments.items():
            here = self._held.get(name)
            if here is not None and here.hide(start, gone):
                held[name] = here
            else:
                absent.add(name)
        try:
            return Answer(_searched(list(held.values()), question), set(held), absent, {})
        except VultusError:
            # A page that does not verify, for one: find out which segment is to blame.
            parts, failed = [], {}
            for name, each in held.items():
                try:
                    parts.append(_searched([each], question))
                except VultusError as error:
                    failed[name] = error
            names = held.keys() - failed.keys()
            return Answer(merged(parts, question), names, absent, failed)


def _searched(held: Sequence[_Held], question: Question) -> CandidateLists:
    """One search over all of these segments."""
    both = [(each.segment, each.mask(question.allow)) for each in held if each.segment.n_alive]
    parts, masks = [part for part, _ in both], [mask for _, mask in both]
    found = scan.search(parts, masks, question.probes, question.limits)
    counts = np.bincount(found.owners, minlength=len(question.probes)).astype(np.int64)
    return CandidateLists(found.ids, found.scores, counts)


def merged(parts: Sequence[CandidateLists], question: Question) -> CandidateLists:
    """The lists of disjoint or repeated segments as one search of all would give them.

    By score descending, then id ascending; an id that several parts give counts once. Kept
    are scores >= threshold and the `first` best; the first k of those.
    """
    m = len(question.probes)
    if not parts:
        return CandidateLists(np.empty(0, np.int64), np.empty(0, np.float32), np.zeros(m, np.int64))
    owners = np.concatenate([np.repeat(np.arange(m), part.counts) for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    _, once = np.unique(np.stack((owners, ids)), axis=1, return_index=True)
    order = once[np.lexsort((ids[once], -scores[once], owners[once]))]
    owners, ids, scores = owners[order], ids[order], scores[order]
    counts = np.bincount(owners, minlength=m)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    limits = question.limits
    kept = (scores >= np.float32(limits.threshold)) | (rank < limits.first)
    if limits.k is not None:
        kept &= rank < limits.k
    counts = np.bincount(owners[kept], minlength=m).astype(np.int64)
    return CandidateLists(ids[kept], scores[kept], counts)
