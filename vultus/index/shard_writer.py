"""Changes of a sharded index: what is added, removed and rewritten, and committed.

One lock after the other, always in this order: `Holdings.structure` for which segments there
are, `_committing` for the manifest, `Holdings.changed` for what searches see.
"""

import contextlib
import hashlib
import secrets
import tempfile
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError

from vultus.errors import UnavailableError, VultusError
from vultus.index import segment
from vultus.index.fleet import ShardSettings
from vultus.index.holdings import NONE, Held, Holdings, no_shards, tell
from vultus.index.rows import Rows
from vultus.index.scatter import Remote
from vultus.index.segment import Written
from vultus.index.segment_format import Keyring
from vultus.index.shard_manifest import Entry, Manifest
from vultus.index.store import Store


class Writer:
    """Changes the manifest, the store and what the shards hold, each in its turn."""

    def __init__(
        self,
        holdings: Holdings,
        manifest: Manifest,
        store: Store,
        keyring: Keyring | None,
        settings: ShardSettings,
    ) -> None:
        self._held, self._manifest, self._store = holdings, manifest, store
        self._keyring, self._settings = keyring, settings
        self._committing = threading.Lock()  # one change of the manifest at a time
        # What begins with it belongs to this index, whatever else lies in the store.
        self._prefix = hashlib.sha256(manifest.coding.seed).hexdigest()[:8] + "-"

    def begin(self) -> None:
        """Read the manifest; delete files and keys that it does not name: a crash left them."""
        segments, removed = self._held.segments, self._manifest.removed()
        for entry in self._manifest.segments():
            segments[entry.name] = Held(entry, None, removed.get(entry.name, NONE))
        for name in self._left_over(self._store.names()):
            self._store.delete(name)
        if self._keyring is not None:
            for name in self._left_over(self._keyring.names()):
                self._keyring.destroy(name)

    def _left_over(self, names: Collection[str]) -> list[str]:
        known = self._held.segments
        return [name for name in names if name.startswith(self._prefix) and name not in known]

    def _new_name(self) -> str:
        return self._prefix + secrets.token_hex(8)

    def add(self, ids: NDArray[np.int64], rows: Rows) -> None:
        """Add stored rows (n, d) under ids (n,), ascending and each once."""
        with self._held.structure:
            if present := self._held.present(ids):
                id_ = next(iter(present.values()))[0]
                raise ValueError(f"id {id_} is present; remove it first to replace it")
            new: dict[str, Held] = {}
            try:
                for start in range(0, len(ids), self._settings.rows_per_segment):
                    part = slice(start, start + self._settings.rows_per_segment)
                    held = self._written(ids[part], rows[part])
                    new[held.entry.name] = held
                self._held.place(new)
            except BaseException:
                self._discard(new)
                raise
            # From here on the manifest decides, also where its commit fails half-way: files
            # that it does not name are deleted when it is next opened.
            with self._committing:
                self._manifest.switch([held.entry for held in new.values()])
                self._held.switch(new.values())

    def _written(self, ids: NDArray[np.int64], rows: Rows) -> Held:
        """A new segment in the store."""
        coding, name = self._manifest.coding, self._new_name()
        cipher = None if self._keyring is None else self._keyring.new(name)
        try:
            with tempfile.TemporaryDirectory(prefix="vultus-shards-") as folder:
                path = Path(folder) / name
                written = segment.write(path, name, coding, ids, rows, cipher=cipher)
                self._store.put(path, name)
        except BaseException:
            self._discard([name])
            raise
        return Held(_entry(name, written), ids, NONE)

    def _discard(self, names: Collection[str]) -> None:
        """Undo what was written for segments that will not be."""
        for shard in list(self._held.fleet.shards.values()):
            tell(shard, "close", list(names))
        for name in names:
            if self._keyring is not None:
                self._keyring.destroy(name)
            with contextlib.suppress(UnavailableError):  # deleted when the index is next opened
                self._store.delete(name)

    def remove(self, ids: NDArray[np.int64]) -> int:
        """Commit the removal of ids (ascending, each once), then tell the shards; how many."""
        with self._committing:
            found = self._held.present(ids)
            self._manifest.remove(found)
            told: dict[Remote, dict[str, tuple[int, NDArray[np.int64]]]] = defaultdict(dict)
            with self._held.changed:
                for name, gone in found.items():
                    held = self._held.segments[name]
                    for replica in held.replicas:
                        told[replica.shard][name] = len(held.gone), gone
                    held.gone = np.concatenate((held.gone, gone))
        for shard, removals in told.items():
            tell(shard, "hide", removals)
        return sum(len(gone) for gone in found.values())

    def compact(self, share: float = 0.1) -> int:
        """Rewrite segments; see `ShardedIndex.compact`."""
        with self._held.structure:
            groups = self._to_rewrite(share)
            for group in groups:
                self._rewrite(group)
        return sum(len(group) for group in groups)

    def _to_rewrite(self, share: float) -> list[list[Held]]:
        """Segments to rewrite, each list as one new segment of at most the usual size."""
        most = self._settings.rows_per_segment
        held = sorted(self._held.segments.values(), key=lambda each: each.entry.name)
        dead = [each for each in held if len(each.gone) > share * each.entry.n]
        small = [each for each in held if each not in dead and each.n_alive <= most // 2]
        groups: list[list[Held]] = []
        for each in dead + (small if len(dead) + len(small) > 1 else []):
            if groups and sum(other.n_alive for other in groups[-1]) + each.n_alive <= most:
                groups[-1].append(each)
            else:
                groups.append([each])
        return [group for group in groups if len(group) > 1 or group[0] in dead]

    def _rewrite(self, group: Sequence[Held]) -> None:
        before = {held.entry.name: held.gone for held in group}
        new: dict[str, Held] = {}
        if any(held.n_alive for held in group):
            held = self._rewritten(group, before)
            new[held.entry.name] = held
            try:
                self._held.place(new)
            except BaseException:
                self._discard(new)
                raise
        with self._committing:
            for held in new.values():  # what was removed while it was rewritten
                late = [each.gone[len(before[each.entry.name]) :] for each in group]
                held.gone = np.concatenate([NONE, *late])
            removed = {name: held.gone for name, held in new.items()}
            self._manifest.switch([held.entry for held in new.values()], list(before), removed)
            self._held.switch(new.values(), before)
        self._discard(before)

    def _rewritten(self, group: Sequence[Held], gone: Mapping[str, NDArray[np.int64]]) -> Held:
        """A shard writes the new segment, so that no template passes through here."""
        name = self._new_name()
        if self._keyring is not None:
            self._keyring.new(name)
        sources = [(held.entry, gone[held.entry.name]) for held in group]
        written = self._written_by_a_shard(sources, name)
        if isinstance(written, VultusError):
            self._discard([name])
            raise written
        ids = [each.without(gone[each.entry.name]) for each in group]
        return Held(_entry(name, written), np.sort(np.concatenate(ids)), NONE)

    def _written_by_a_shard(
        self, sources: Sequence[tuple[Entry, NDArray[np.int64]]], name: str
    ) -> Written | VultusError:
        shards = self._held.fleet.shards.values()
        shard = min(shards, key=lambda each: len(each.unanswered), default=None)
        if shard is None:
            return no_shards()
        write = shard.actor.rewrite.options(concurrency_group="files")
        try:
            result: Written | VultusError = ray.get(
                write.remote(sources, name, self._manifest.coding),
                timeout=self._settings.open_limit_s,
            )
        except RayTaskError as error:
            raise error.cause from error
        except RayError:
            return no_shards()
        return result


def _entry(name: str, written: Written) -> Entry:
    return Entry(name, written.n, written.n_bytes, written.digest)
