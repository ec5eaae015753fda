"""The shards of a cluster: one or more actors on every node, started, watched and replaced."""

import itertools
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vultus.index.index import ROWS_A_SEGMENT
from vultus.index.scatter import Remote
from vultus.index.shard import Ciphers, Shard
from vultus.index.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardSettings:
    """How an index is spread; every limit is explicit, none is Ray's default."""

    cpus: int = 1  # cores of a shard: Ray's num_cpus, and the threads of its searches
    memory_bytes: int = 2 * 2**30  # RAM of a shard: Ray's memory, and what it accepts to hold
    cache_bytes: int = 16 * 2**20  # rows that a segment keeps in RAM
    shards_per_node: int = 1
    n_replicas: int = 2
    rows_per_segment: int = ROWS_A_SEGMENT  # a larger `add` becomes several segments
    limit_s: float = 10.0  # a search returns by then with what it has
    hedge_after_s: float | None = None  # None: the 95th percentile of the latest answers
    start_limit_s: float = 180.0  # for a shard to start, compiling included
    open_limit_s: float = 600.0  # for a shard to fetch and open a segment
    watch_s: float = 10.0  # how often shards are asked whether they live
    lost_after_s: float = 60.0  # silent for so long, a shard is replaced
    scratch: str | None = None  # folder on each node for fetched segments; None: its own default

    def __post_init__(self) -> None:
        for name in ("cpus", "memory_bytes", "shards_per_node", "n_replicas", "rows_per_segment"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of 1 or more, got {getattr(self, name)}")


@dataclass(eq=False)
class _Starting:
    remote: Remote
    answer: Any
    since: float


class Fleet:
    """The living shards by name. Only `lose` may be called while another call runs; `shards` is
    never changed, but put in its own place anew.
    """

    def __init__(self, settings: ShardSettings, store: Store, ciphers: Ciphers | None) -> None:
        self.shards: dict[str, Remote] = {}
        self._settings, self._arguments = settings, (store, ciphers)
        self._starting: dict[tuple[str, int], _Starting] = {}
        self._slots: dict[Remote, tuple[str, int]] = {}
        self._serial = itertools.count()
        self._lock = threading.Lock()
        self._closed = False
        self._asked: dict[Remote, tuple[Any, float]] = {}
        # One thread opens, so that searches go on; words arrive whatever else goes on.
        groups = {"searches": 2, "files": 1, "words": 1}
        self._actor = ray.remote(concurrency_groups=groups)(Shard)  # type: ignore[call-overload]

    @property
    def nodes(self) -> dict[str, str]:
        """The node of each living shard."""
        return {name: shard.node for name, shard in self.shards.items()}

    @property
    def starting(self) -> bool:
        """Whether shards are on their way."""
        return bool(self._starting)

    def start(self) -> None:
        """Begin to start a shard wherever a node has a place for one."""
        if self._closed:
            return
        with self._lock:
            taken = {*self._slots.values(), *self._starting}
        for node in ray.nodes():
            fit = min(
                int(node["Resources"].get("CPU", 0) / self._settings.cpus),
                int(node["Resources"].get("memory", 0) / self._settings.memory_bytes),
                self._settings.shards_per_node,
            )
            for slot in range(fit if node["Alive"] else 0):
                if (node["NodeID"], slot) not in taken:
                    self._begin(node["NodeID"], slot)

    def _begin(self, node: str, slot: int) -> None:
        settings = self._settings
        actor = self._actor.options(
            num_cpus=settings.cpus,
            memory=settings.memory_bytes,
            max_restarts=0,  # a restarted shard would be empty: ours are told what to hold
            max_task_retries=0,
            allow_out_of_order_execution=True,  # no call waits for another
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        ).remote(
            *self._arguments,
            settings.memory_bytes,
            settings.cache_bytes,
            settings.scratch,
            (settings.cpus, slot * settings.cpus),
        )
        remote = Remote(f"{node[:8]}-{slot}-{next(self._serial)}", node, actor)
        answer = actor.alive.options(concurrency_group="words").remote()
        self._starting[node, slot] = _Starting(remote, answer, time.monotonic())

    def welcome(self, wait_s: float = 0.0) -> None:
        """Take in the shards that have started; wait for those under way, at most so long."""
        if answers := [each.answer for each in self._starting.values()]:
            ray.wait(answers, num_returns=len(answers), timeout=wait_s)
        for place, each in list(self._starting.items()):
            done, _ = ray.wait([each.answer], timeout=0)
            late = time.monotonic() - each.since > self._settings.start_limit_s
            if not done and not late:
                continue
            del self._starting[place]
            try:
                ray.get(each.answer, timeout=0)
            except RayError as error:  # GetTimeoutError is one
                log.warning("a shard did not start on node %s: %s", place[0], error)
                ray.kill(each.remote.actor)
            else:
                with self._lock:
                    self._slots[each.remote] = place
                    self.shards = {**self.shards, each.remote.name: each.remote}

    def lose(self, shard: Remote) -> None:
        """Give a shard up; one that was given up before is passed over."""
        with self._lock:
            if shard.name not in self.shards:
                return
            self.shards = {n: each for n, each in self.shards.items() if each is not shard}
            del self._slots[shard]
        log.warning("shard %s is lost", shard.name)
        ray.kill(shard.actor)

    def silent(self) -> list[Remote]:
        """Ask every shard whether it lives; return those that died or stay silent for long."""
        gone = []
        self._asked = {s: asked for s, asked in self._asked.items() if s.name in self.shards}
        for shard in self.shards.values():
            answer, since = self._asked.get(shard, (None, 0.0))
            if answer is not None:
                done, _ = ray.wait([answer], timeout=0)
                if not done:
                    if time.monotonic() - since > self._settings.lost_after_s:
                        gone.append(shard)
                    continue
                try:
                    ray.get(answer)
                except RayError:
                    gone.append(shard)
                    continue
            answer = shard.actor.alive.options(concurrency_group="words").remote()
            self._asked[shard] = answer, time.monotonic()
        return gone

    def close(self) -> None:
        """End all shards, and start no more."""
        self._closed = True
        starting = [each.remote for each in list(self._starting.values())]
        for shard in [*self.shards.values(), *starting]:
            ray.kill(shard.actor)
