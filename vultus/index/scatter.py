"""One search over many shards: every segment is asked of one replica, of the second where the
first is slow or gone, and the lists that come back are merged exactly.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import RayError, RayTaskError

from vultus.errors import VultusError
from vultus.index.candidates import CandidateLists
from vultus.index.shard import Answer, Question

POLL_S = 0.05  # between looks for a new replica while all that were asked are slow
INLINE_BYTES = 90_000  # below 100 KiB Ray sends an argument in the call, not through its store


@dataclass(eq=False)
class Remote:
    """A shard as the coordinator sees it."""

    name: str
    node: str
    actor: Any  # ray.actor.ActorHandle of a `Shard`
    unanswered: set[Any] = field(default_factory=set)  # references to answers under way
    late: set[Any] = field(default_factory=set)  # those of them that nobody waits for

    def n_waiting(self) -> int:
        """How many answers it owes, less the late ones that have come meanwhile."""
        if late := list(self.late):
            done, _ = ray.wait(late, num_returns=len(late), timeout=0, fetch_local=False)
            self.late.difference_update(done)
            self.unanswered.difference_update(done)
        return len(self.unanswered)


@dataclass(eq=False)
class Replica:
    """A segment opened on a shard; `told` of its removals are known to have arrived there."""

    shard: Remote
    told: int


class Table(Protocol):
    """Who holds what at this moment; see `holdings.py`."""

    def replicas(self, name: str) -> Sequence[Replica] | None:
        """Where a segment is; None where it is no longer part of the index."""
        ...

    def lose(self, shard: Remote) -> None:
        """Give up a shard that died."""
        ...

    def drop(self, name: str, shard: Remote, error: VultusError) -> None:
        """Give up a replica that cannot answer."""
        ...


@dataclass
class _Call:
    shard: Remote
    told: dict[str, int]  # names asked, with the removals that this call carries
    since: float
    hedged: bool = False


class Gathering:
    """One round: sends the question for all segments and takes the answers until a deadline.

    `segments` are those to search, each with its removals so far. Replicas are looked up when
    one is needed, so a segment that moves meanwhile is found where it went. Afterwards `parts`
    are the lists that came, and `left` the segments for which none did.
    """

    def __init__(
        self,
        table: Table,
        segments: Mapping[str, NDArray[np.int64]],
        question: Question,
        *,
        hedge_after_s: float,
        deadline: float,
        answered_in: Callable[[float], None],
    ) -> None:
        self.table, self.segments, self.question = table, segments, question
        self.hedge_after_s, self.deadline, self.answered_in = hedge_after_s, deadline, answered_in
        self.parts: list[CandidateLists] = []
        self.left = set(segments)
        self._wanting = set(segments)  # those for which one more replica is to be asked
        self._asked: dict[str, set[Remote]] = {name: set() for name in segments}
        self._calls: dict[Any, _Call] = {}

    def run(self) -> None:
        """Return when all have answered, nothing more can come, or the time is over."""
        while self.left and time.monotonic() < self.deadline:
            gone = self._send()
            if gone or not self._calls:
                break
            done, _ = ray.wait(list(self._calls), num_returns=1, timeout=self._patience())
            for reference in done:
                self._take(reference)
            self._hedge()
        # Not cancelled: with Ray 2.60 that held up later calls to the same actor for 10 to 30 s.
        for reference, call in self._calls.items():
            call.shard.late.add(reference)

    def _patience(self) -> float:
        """Seconds until something is to be done even if no answer comes."""
        ends = [self.deadline]
        ends += [c.since + self.hedge_after_s for c in self._calls.values() if not c.hedged]
        if self._wanting & self.left:
            ends.append(time.monotonic() + POLL_S)
        return max(0.0, min(ends) - time.monotonic())

    def _hedge(self) -> None:
        """Want another replica for what was asked too long ago."""
        now = time.monotonic()
        for call in self._calls.values():
            if not call.hedged and now >= call.since + self.hedge_after_s:
                call.hedged = True
                self._wanting |= call.told.keys()

    def _send(self) -> bool:
        """Ask for each segment that wants one the least busy replica not yet asked, if any.

        Returns whether one is no longer part of the index: the search is to be begun again.
        """
        by_shard: dict[Remote, dict[str, tuple[int, NDArray[np.int64]]]] = defaultdict(dict)
        for name in sorted(self._wanting & self.left):
            replicas = self.table.replicas(name)
            if replicas is None:
                return True
            free = [r for r in replicas if r.shard not in self._asked[name]]
            if free:
                best = min(free, key=lambda r: (r.shard.n_waiting(), len(by_shard[r.shard])))
                by_shard[best.shard][name] = (best.told, self.segments[name][best.told :])
                self._asked[name].add(best.shard)
                self._wanting.discard(name)
        for shard, asked in by_shard.items():
            if asked:
                search = shard.actor.search.options(concurrency_group="searches")
                reference = search.remote(self.question, asked)
                shard.unanswered.add(reference)
                told = {name: start + len(gone) for name, (start, gone) in asked.items()}
                self._calls[reference] = _Call(shard, told, time.monotonic())
        return False

    def _take(self, reference: Any) -> None:  # noqa: ANN401 Ray's own type says no more
        call = self._calls.pop(reference)
        call.shard.unanswered.discard(reference)
        try:
            answer: Answer = ray.get(reference)
        except RayTaskError as error:
            raise error.cause from error  # a fault of ours: the same on every replica
        except RayError:
            self.table.lose(call.shard)
            self._wanting |= call.told.keys()
            return
        self.answered_in(time.monotonic() - call.since)
        if useful := self.left & answer.names:
            self.parts.append(answer.lists)
            self.left -= useful
        for name, fault in answer.failed.items():
            self.table.drop(name, call.shard, fault)
        self._wanting |= answer.failed.keys() | answer.absent
        self._note(call, answer)

    def _note(self, call: _Call, answer: Answer) -> None:
        """Remember what the shard knows: of what it is behind with, nothing."""
        for name in answer.names | answer.absent:
            for replica in self.table.replicas(name) or ():
                if replica.shard is call.shard and name in answer.names:
                    replica.told = max(replica.told, call.told[name])
                elif replica.shard is call.shard and replica.told:
                    replica.told = 0
                    self._asked[name].discard(call.shard)


def probes_a_question(dim: int) -> int:
    """How many probes travel in the call itself, so that no template enters Ray's store."""
    return max(1, INLINE_BYTES // (4 * dim))
