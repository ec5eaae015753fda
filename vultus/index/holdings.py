"""Which shard holds which segment at this moment: placed, watched, and placed anew.

One lock guards the table; a thread asks the shards whether they live and makes up for those
that do not.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError

from vultus.errors import UnavailableError, VultusError
from vultus.index.fleet import Fleet, ShardSettings
from vultus.index.placement import Move, plan
from vultus.index.scatter import Remote, Replica
from vultus.index.shard import Opened
from vultus.index.shard_manifest import Entry

log = logging.getLogger(__name__)
NONE = np.empty(0, np.int64)
SOON_S = 0.5  # between looks at the fleet while shards start or replicas are missing


@dataclass(eq=False)
class Held:
    """A segment of the index: its ids ascending, those removed in order, and who holds it."""

    entry: Entry
    ids: NDArray[np.int64] | None  # None until a shard has opened it
    gone: NDArray[np.int64]
    replicas: list[Replica] = field(default_factory=list)
    fault: VultusError | None = None  # why it has too few replicas

    @property
    def n_alive(self) -> int:
        """References that are not removed."""
        return self.entry.n - len(self.gone)

    def present(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some ids (ascending, each once) that are here and not removed."""
        assert self.ids is not None
        if not len(self.ids):
            return self.ids
        first = np.searchsorted(ids, self.ids[0])
        near = ids[first : np.searchsorted(ids, self.ids[-1], "right")]
        here: NDArray[np.int64] = near[self.ids[np.searchsorted(self.ids, near)] == near]
        return here[~np.isin(here, self.gone)]

    def without(self, gone: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ids less some that were removed, ascending."""
        assert self.ids is not None
        return self.ids[~np.isin(self.ids, gone)]


class Holdings:
    """Segments by name and the shards that hold them. `changed` guards both.

    `structure` is held by whoever changes which segments there are or who holds them.
    """

    def __init__(self, fleet: Fleet, settings: ShardSettings) -> None:
        self.fleet, self._settings = fleet, settings
        self.segments: dict[str, Held] = {}
        self.structure = threading.RLock()
        self.changed = threading.Condition()
        self.generation = 0  # grows when a search may find more than before
        self._wake, self._closed = threading.Event(), False
        self._watcher = threading.Thread(target=self._watch, name="vultus-shards", daemon=True)

    def watch(self) -> None:
        """From now on make up for shards that are lost."""
        self._watcher.start()

    def close(self) -> None:
        """Stop watching and end the shards."""
        self._closed = True
        self._wake.set()
        self.fleet.close()  # also ends what the watcher may wait for
        if self._watcher.is_alive():
            self._watcher.join()

    def snapshot(self) -> tuple[int, dict[str, NDArray[np.int64]]]:
        """The generation, and the segments, each with what was removed from it so far."""
        with self.changed:
            return self.generation, {name: held.gone for name, held in self.segments.items()}

    def replicas(self, name: str) -> list[Replica] | None:
        """Where a segment is; None where it is no longer part of the index."""
        with self.changed:
            held = self.segments.get(name)
            return None if held is None else held.replicas

    def wait_for_more(self, seen: int, missing: Iterable[str], deadline: float) -> bool:
        """Whether a search that missed some segments may find more before the deadline.

        Waits for it; False at once where a segment is known to be out of reach.
        """

        def hopeless() -> bool:
            held = [self.segments.get(name) for name in missing]
            return any(each is not None and each.fault is not None for each in held)

        with self.changed:
            self.changed.wait_for(
                lambda: self.generation != seen or hopeless(),
                timeout=max(0.0, deadline - time.monotonic()),
            )
            return self.generation != seen and time.monotonic() < deadline

    def present(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Where some ids (ascending, each once) are."""
        with self.changed:
            segments = list(self.segments.items())
        found = {name: held.present(ids) for name, held in segments}
        return {name: here for name, here in found.items() if len(here)}

    def switch(self, new: Iterable[Held], gone: Iterable[str] = ()) -> list[Replica]:
        """Take segments in and leave others out; returns the replicas of those left out."""
        with self.changed:
            left = [self.segments.pop(name) for name in gone]
            for held in new:
                self.segments[held.entry.name] = held
                # A shard may have died since it opened the segment.
                living = self.fleet.shards
                held.replicas = [r for r in held.replicas if r.shard.name in living]
            self._grown()
            return [replica for held in left for replica in held.replicas]

    def drop(self, name: str, shard: Remote, error: VultusError) -> None:
        """Give a replica up that cannot answer; the segment is placed anew by the watcher."""
        log.error("segment %s on shard %s: %s", name, shard.name, error.message)
        with self.changed:
            if held := self.segments.get(name):
                held.replicas = [r for r in held.replicas if r.shard is not shard]
        tell(shard, "close", [name])
        self._wake.set()

    def lose(self, shard: Remote) -> None:
        """Give a shard up; what it held is placed anew by the watcher."""
        with self.changed:
            self.fleet.lose(shard)
            for held in self.segments.values():
                held.replicas = [r for r in held.replicas if r.shard is not shard]
        self._wake.set()

    def arrange(self) -> None:
        """Open, move and close until every segment is where the placement wants it."""
        with self.structure:
            self._carry_out(self._plan(self.segments))

    def place(self, new: Mapping[str, Held]) -> None:
        """Open new segments that no search sees yet. Raises where one is opened nowhere."""
        moves = [m for m in self._plan({**self.segments, **new}) if m.segment in new]
        self._carry_out(moves, new)
        for held in new.values():
            if not held.replicas:
                raise held.fault or no_shards()

    def _plan(self, segments: Mapping[str, Held]) -> list[Move]:
        with self.changed:
            return plan(
                {name: held.entry.n for name, held in segments.items()},
                {n: [r.shard.name for r in held.replicas] for n, held in segments.items()},
                self.fleet.nodes,
                self._settings.n_replicas,
            )

    def _carry_out(self, moves: list[Move], new: Mapping[str, Held] | None = None) -> None:
        segments = {**self.segments, **(new or {})}
        opening: dict[Any, tuple[Move, Remote, int]] = {}
        for move in moves:
            held, shard = segments[move.segment], self.fleet.shards.get(move.to)
            if shard is not None:
                gone = held.gone
                reference = shard.actor.open.options(concurrency_group="files").remote(
                    held.entry, gone, want_ids=held.ids is None
                )
                opening[reference] = move, shard, len(gone)
        while opening and not self._closed:
            done, _ = ray.wait(list(opening), num_returns=1, timeout=self._settings.open_limit_s)
            for reference in done or list(opening):
                move, shard, told = opening.pop(reference)
                self._opened(segments[move.segment], move, Replica(shard, told), reference)

    def _opened(self, held: Held, move: Move, replica: Replica, reference: Any) -> None:  # noqa: ANN401
        try:
            result: Opened | VultusError = ray.get(reference, timeout=0)
        except RayTaskError as error:
            raise error.cause from error
        except TimeoutError:
            result = UnavailableError(
                "index.shard_slow",
                f"A shard did not open segment {move.segment} in time.",
                "Look at the network and the store, or allow more time.",
            )
        except RayError:
            self.lose(replica.shard)
            return
        with self.changed:
            if isinstance(result, VultusError):
                log.error("segment %s: %s", move.segment, result.message)
                held.fault = result
            elif replica.shard.name in self.fleet.shards:
                held.fault = None
                if held.ids is None:
                    held.ids = result.ids.copy()  # what came is a view of Ray's store
                held.replicas = [
                    *(r for r in held.replicas if r.shard.name != move.instead_of), replica,
                ]  # fmt: skip
                self._grown()
                if before := self.fleet.shards.get(move.instead_of or ""):
                    tell(before, "close", [move.segment])
            self.changed.notify_all()

    def _grown(self) -> None:
        self.generation += 1
        self.changed.notify_all()

    def _thin(self) -> list[Held]:
        """The segments that have fewer replicas than there could be."""
        wanted = min(self._settings.n_replicas, len(self.fleet.shards))
        return [held for held in self.segments.values() if len(held.replicas) < wanted]

    def _watch(self) -> None:
        while not self._closed:
            with self.changed:
                # What failed for a reason is tried again with the next round, not before.
                soon = self.fleet.starting or any(held.fault is None for held in self._thin())
            self._wake.wait(SOON_S if soon else self._settings.watch_s)
            self._wake.clear()
            if self._closed:
                return
            try:
                self.mend()
            except Exception:
                if not self._closed:
                    log.exception("the shards could not be looked after")

    def mend(self, wait_s: float = 0.0, *, arrange: bool = False) -> None:
        """Give up dead shards, start new ones (wait so long for them), place what has too few
        replicas; with `arrange`, level the load too, if nothing else does. Raises
        UnavailableError where no shard lives.
        """
        with self.structure:
            for shard in self.fleet.silent():
                self.lose(shard)
            before = set(self.fleet.shards)
            self.fleet.start()
            self.fleet.welcome(wait_s)
            if not self.fleet.shards:
                raise no_shards()
            if arrange or self._thin() or set(self.fleet.shards) != before:
                self.arrange()


def tell(shard: Remote, word: str, *arguments: object) -> None:
    """Send a shard a word that needs no answer; one that it misses does no harm."""
    getattr(shard.actor, word).options(concurrency_group="words").remote(*arguments)


def no_shards() -> UnavailableError:
    """What is raised where a shard is needed and none lives."""
    return UnavailableError(
        "index.no_shards",
        "No living shard could take the segment.",
        "Add nodes, or wait until those that failed are replaced.",
    )
