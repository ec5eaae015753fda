"""`ShardedIndex`: one index over many processes or machines, with the face of `FaceIndex`.

It answers what one `FaceIndex` of the same references would, or says which segments are missing
from the answer. The parts, from the outside in:

- The **store** (`store.py`) holds the segments: immutable files in any fsspec file system, the
  one place where templates lie, sealed when the caller has a keyring.
- The **manifest** (`shard_manifest.py`) lies with the coordinator: which files of the store
  belong to the index, and which of their references are removed. Every change is one
  transaction of it. A file that it does not name is left over from a crash.
- A **shard** (`shard.py`) is a Ray actor that fetches segments, holds them opened and searches
  them. It has no memory of its own that matters.
- The **fleet** (`fleet.py`) keeps a number of shards on every node. Actors are never restarted
  by Ray (max_restarts is 0): a restarted one would be empty without anybody's knowing. A shard
  that died or stays silent is given up, and a new one is told what to hold.
- The **placement** (`placement.py`) says which shard holds what: every segment on two shards
  of different nodes (where there are two), least loaded first, loads level within a tenth.
- The **scatter** (`scatter.py`) asks each segment of one replica, the less busy one; if it has
  not answered after the time in which 95 of 100 answers come, also of the other (Dean and
  Barroso, The tail at scale, 2013); at once if the shard died. The first answer counts; lists
  are merged by score and id, so that the result does not depend on who answered.
- `ShardedIndex` is the coordinator: it lives in the process that made it, holds the ids of all
  references (8 bytes each) and a thread that watches the fleet.

**A search** takes a snapshot of segments and removals, and is gathered until it is complete or
`limit_s` is over, from whoever holds a segment at the moment when it is asked for. While a
segment has no replica but can have one (its shards just died, and the store has the file), the
search waits for it within the limit. What is still unanswered is named in
`CandidateLists.missing`: a partial answer is never silent.

**A removal** is committed to the manifest, then told to the shards. Every question carries the
removals that its shard has not yet confirmed, counted per segment; a shard applies them before
it searches, and one that has missed earlier ones refuses and is told all. So a replica that
was cut off for an hour cannot bring a removed reference back. A search that ran while one of
its candidates was removed is made again: when `remove` has returned, no search returns it.

**An addition** is written as new segments to the store, opened on two shards, committed, and
then seen by searches. Add thousands of references at a time: each call makes a segment, and
`compact` joins small ones. `compact` rewrites segments on the shards, switches in one
transaction, and destroys the old keys and files.

**What enters Ray.** Probes travel inside the call, in parts below 100 KB, so they are never in
Ray's object store, which may reach a disk; nor are templates, which only lie in segments. Ids
and scores may be. `ShardKeys.ciphers` is called on each shard with a segment's name and gives
its page cipher: it is pickled and kept by Ray as long as the index is open, so it must know
where keys are (a file on each node, a key service), and not hold them. Ray itself must be
reachable only by the index's own machines: whoever can talk to it runs code on them.
"""

import os
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
import ray
from numpy.typing import ArrayLike, NDArray

from vultus.errors import VultusError
from vultus.index.arguments import Ids, coding_of, ids_of, limits_of, vectors_of
from vultus.index.candidates import CandidateLists
from vultus.index.codes import Coding, RowKind
from vultus.index.fleet import Fleet, ShardSettings
from vultus.index.holdings import Holdings
from vultus.index.index import MAX_MISS
from vultus.index.rows import stored, unit
from vultus.index.scatter import Gathering, probes_a_question
from vultus.index.shard import Gallery, Question, ShardKeys, merged
from vultus.index.shard_manifest import Manifest
from vultus.index.shard_writer import Writer
from vultus.index.store import Store

HEDGE_S, HEDGE_LEAST_S = 0.5, 0.005  # before N_ANSWERS were seen, and the least after
N_ANSWERS = 20
ALLOW_INLINE_BYTES = 8_000  # a longer `allow` goes through Ray's store, once
NONE = np.empty(0, np.int64)
Removed: TypeAlias = NDArray[np.int64]  # ids of a segment, in the order of their removal


def local_ray(n_cpus: int, object_store_bytes: int = 100 * 2**20) -> None:
    """Start Ray on this machine alone, for an index of several processes; ended with this one.

    No dashboard, no usage statistics, nothing spilled to disk.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=n_cpus,
        object_store_memory=object_store_bytes,
        include_dashboard=False,
        log_to_driver=False,
        _system_config={"automatic_object_spilling_enabled": False},
    )


class ShardedIndex:
    """Templates by reference id over the shards of a Ray cluster, to which this process must be
    connected (`ray.init(address=...)` or `local_ray`).

    Any thread may call any method. `add`, `compact` and `rebalance` take turns; searches and
    removals do not wait for them.
    """

    def __init__(
        self,
        manifest: Manifest,
        store: Store,
        settings: ShardSettings,
        keys: ShardKeys | None,
    ) -> None:
        """Use `create` or `open`."""
        self._manifest, self._settings = manifest, settings
        self._held = Holdings(Fleet(settings, store, keys.ciphers if keys else None), settings)
        keyring = keys.keyring if keys else None
        self._writer = Writer(self._held, manifest, store, keyring, settings)
        self._seconds: deque[float] = deque(maxlen=256)  # that the latest answers took

    @classmethod
    def create(
        cls,
        manifest: str | PathLike[str],
        store: str | Store,
        dim: int,
        *,
        rows: RowKind = "int8",
        first_bits: int | None = None,
        more_bits: int | None = None,
        settings: ShardSettings | None = None,
        keys: ShardKeys | None = None,
    ) -> "ShardedIndex":
        """An empty index; `rows` and bits as in `FaceIndex.create`.

        `manifest` is a file of this machine; `store` a folder in any fsspec file system, where
        other indexes may lie too: its URL, or a `Store` where fsspec needs options. With `keys`
        the segments are sealed.

        Raises InputError where the manifest exists, UnavailableError where no shard starts.
        """
        _check_connected()
        made = Manifest.create(Path(manifest), coding_of(dim, rows, first_bits, more_bits, None))
        return cls._started(made, store, settings, keys)

    @classmethod
    def open(
        cls,
        manifest: str | PathLike[str],
        store: str | Store,
        *,
        settings: ShardSettings | None = None,
        keys: ShardKeys | None = None,
    ) -> "ShardedIndex":
        """The index of this manifest, all of its segments placed.

        Files and keys of this index that the manifest does not name are deleted. Raises
        InputError where there is no manifest, IntegrityError where it or a segment does not
        verify or a segment is gone from the store, UnavailableError where another process has
        the index open, no shard starts or the store cannot be read.
        """
        _check_connected()
        opened = Manifest.open(Path(manifest))
        return cls._started(opened, store, settings, keys)

    @classmethod
    def _started(
        cls,
        manifest: Manifest,
        store: str | Store,
        settings: ShardSettings | None,
        keys: ShardKeys | None,
    ) -> "ShardedIndex":
        place = Store(store) if isinstance(store, str) else store
        index = cls(manifest, place, settings or ShardSettings(), keys)
        try:
            index._writer.begin()
            index.rebalance()
            index._held.watch()
        except BaseException:
            index.close()
            raise
        return index

    def close(self) -> None:
        """End the shards and let another process open the index."""
        self._held.close()
        self._manifest.close()

    def __enter__(self) -> Self:
        """The index itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @property
    def dim(self) -> int:
        """The number of numbers in a template."""
        return self._manifest.coding.dim

    @property
    def coding(self) -> Coding:
        """How references are kept."""
        return self._manifest.coding

    @property
    def ids(self) -> NDArray[np.int64]:
        """All ids, ascending (a copy)."""
        with self._held.changed:
            held = [(each, each.gone) for each in self._held.segments.values()]
        alive = [each.without(gone) for each, gone in held]
        return np.sort(np.concatenate([NONE, *alive]))

    def __len__(self) -> int:
        with self._held.changed:
            return sum(held.n_alive for held in self._held.segments.values())

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, int | np.integer) and bool(
            -(2**63) <= id_ < 2**63 and self._held.present(np.array([id_], np.int64))
        )

    def __repr__(self) -> str:
        return f"<ShardedIndex of {len(self)} references, dim {self.dim}>"

    @property
    def shards(self) -> dict[str, str]:
        """The node of each living shard."""
        return self._held.fleet.nodes

    @property
    def placed(self) -> dict[str, list[str]]:
        """The names of the shards that hold each segment."""
        with self._held.changed:
            return {
                name: [replica.shard.name for replica in held.replicas]
                for name, held in self._held.segments.items()
            }

    @property
    def faults(self) -> dict[str, VultusError]:
        """Why segments have fewer replicas than they should."""
        with self._held.changed:
            return {n: s.fault for n, s in self._held.segments.items() if s.fault is not None}

    def add(self, ids: Ids, templates: ArrayLike) -> None:
        """Add references as `FaceIndex.add` does: as new segments, searchable on return.

        Add thousands at a time. All are added or, with an error, none. Raises what
        `FaceIndex.add` raises, and UnavailableError where the store or the shards refuse.
        """
        given = ids_of(ids)
        rows = unit(vectors_of(templates, self.dim), "template")
        if len(given) != len(rows):
            raise ValueError(f"expected as many ids as templates, got {len(given)}, {len(rows)}")
        values, counts = np.unique(given, return_counts=True)
        if len(values) < len(given):
            raise ValueError(f"id {values[np.argmax(counts > 1)]} is given twice")
        order = np.argsort(given)
        self._writer.add(given[order], stored(rows[order], self._manifest.coding.rows))

    def remove(self, ids: Ids) -> int:
        """Remove references: ids (n,) or one. Ids that are not present are passed over.

        When this returns, the removal is on disk and no search returns them any more. Their
        templates lie in the store until `compact`. Returns how many there were. Raises
        UnavailableError where the removal cannot be written down; then nothing is removed.
        """
        return self._writer.remove(np.unique(ids_of(ids)))

    def allowed(self, ids: Ids = (), *, segments: Collection[str] = ()) -> Gallery:
        """These references, and all in these segments (see `placed`), prepared for many searches
        that allow them: sent to each shard once.

        Ids that are not present are passed over. After a change of the index it still holds, as
        that of `FaceIndex` does. Raises ValueError for a segment that is not in the index.
        """
        present = list(self._held.present(np.unique(ids_of(ids))).values())
        with self._held.changed:
            held = self._held.segments
            if unknown := set(segments) - held.keys():
                raise ValueError(f"segment {min(unknown)} is not in this index")
            present += [held[name].without(held[name].gone) for name in segments]
        return Gallery(uuid.uuid4().hex, (ray.put(np.unique(np.concatenate([NONE, *present]))),))

    def search(
        self,
        probes: ArrayLike,
        *,
        k: int | None = None,
        threshold: float | None = None,
        first: int = 0,
        allow: Gallery | Ids | None = None,
        max_miss: float = MAX_MISS,
    ) -> CandidateLists:
        """The candidates of each probe, as `FaceIndex.search` gives them.

        Returns within the settings' `limit_s`; segments that did not answer by then are named
        in `missing`, and nothing else is left out. Raises what `FaceIndex.search` raises.
        """
        asked = unit(vectors_of(probes, self.dim), "probe")
        limits = limits_of(k, threshold, first, max_miss)
        if allow is not None and not isinstance(allow, Gallery):
            ids = np.unique(ids_of(allow))
            long = ids.nbytes > ALLOW_INLINE_BYTES
            allow = Gallery("", (ray.put(ids),)) if long else ids
        size = probes_a_question(self.dim)
        questions = [
            Question(asked[start : start + size], limits, allow)
            for start in range(0, len(asked), size)
        ]
        while True:
            lists, segments = self._gathered(questions)
            with self._held.changed:
                if not self._removed_since(segments, lists):
                    return lists

    def _gathered(self, questions: Sequence[Question]) -> tuple[CandidateLists, dict[str, Removed]]:
        """The answer, and the segments as they were when it was begun."""
        deadline = time.monotonic() + self._settings.limit_s
        while True:
            generation, segments = self._held.snapshot()
            parts, missing = [], set()
            for question in questions:
                found = Gathering(
                    self._held,
                    segments,
                    question,
                    hedge_after_s=self._hedge_after_s(),
                    deadline=deadline,
                    answered_in=self._seconds.append,
                )
                found.run()
                parts.append(merged(found.parts, question))
                missing |= found.left
            if not missing or not self._held.wait_for_more(generation, missing, deadline):
                return joined(parts, missing), segments

    def _hedge_after_s(self) -> float:
        """When a second replica is asked: the 95th percentile of the latest answers."""
        if self._settings.hedge_after_s is not None:
            return self._settings.hedge_after_s
        seconds = list(self._seconds)
        if len(seconds) < N_ANSWERS:
            return HEDGE_S
        return max(HEDGE_LEAST_S, float(np.quantile(seconds, 0.95)))

    def _removed_since(self, segments: Mapping[str, Removed], lists: CandidateLists) -> bool:
        """Whether a candidate was removed while it was searched for."""
        late = [NONE]
        for name, held in self._held.segments.items():
            late.append(held.gone[len(segments[name]) if name in segments else 0 :])
        return bool(np.isin(lists.ids, np.concatenate(late)).any())

    def compact(self, share: float = 0.1) -> int:
        """Rewrite the segments of which more than `share` is removed, and join small ones.

        When this returns, no file of the store holds a removed template of those segments, and
        their old keys are destroyed. Searches and removals go on meanwhile. Returns how many
        segments were rewritten. Raises UnavailableError, IntegrityError; what was not switched
        by then stays as it was.
        """
        return self._writer.compact(share)

    def rebalance(self) -> None:
        """Start shards on new nodes, make up for lost ones and level the load; then return.

        The same happens by itself when a shard is lost or a node comes. Raises UnavailableError
        where no shard lives, and the first fault that keeps a segment from being held as often
        as it should, after all else is done.
        """
        self._held.mend(self._settings.start_limit_s, arrange=True)
        for fault in self.faults.values():
            raise fault


def joined(parts: Sequence[CandidateLists], missing: Iterable[str]) -> CandidateLists:
    """The lists of all probes, of those of some probes each."""
    return CandidateLists(
        np.concatenate([NONE, *(part.ids for part in parts)]),
        np.concatenate([np.empty(0, np.float32), *(part.scores for part in parts)]),
        np.concatenate([NONE, *(part.counts for part in parts)]),
        tuple(sorted(missing)),
    )


def _check_connected() -> None:
    if not ray.is_initialized():
        raise ValueError("expected a connection to Ray: call ray.init or local_ray first")
