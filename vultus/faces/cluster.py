"""Photos read on the machines of a Ray cluster, with the call of `ReaderPool` (extra `cluster`).

Each reader is a Ray actor with one core that holds a `ReaderPool` of one process, so a photo
that kills its process kills no actor. The driver reads the files: the machines need no access
to them. Photos and readings pass through Ray's object store, which may write to Ray's temporary
folder when it is full: keep that folder on an encrypted disk or in memory.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from vultus.errors import UnavailableError, VultusError
from vultus.faces.photo import MAX_BYTES, MAX_PIXELS
from vultus.faces.pool import GRACE, SECONDS_MAX, STARTS, WINDOW, Photo, ReaderPool
from vultus.faces.reader import read_file
from vultus.faces.reading import Reading, Shown

K = TypeVar("K")
AHEAD = 2  # photos that lie with a reader, the one it reads among them
START_S = 60.0  # without any reader for so long, reading is given up
MEMORY_BYTES = 2 * 2**30  # a reader with its process, at the largest photo that is allowed
READS_MAX = 2  # readers that a photo may lose before it is reported


class _Reader:
    """What runs on the cluster: one photo after the other."""

    def __init__(self, seconds_max: float, max_bytes: int, max_pixels: int) -> None:
        self._pool = ReaderPool(1, seconds_max, max_bytes, max_pixels)
        self._pool.open()

    def alive(self) -> None:
        """Return: it has started."""

    def read(self, photo: bytes) -> Reading | VultusError:
        ((_, result),) = self._pool.read_many([(0, photo)])
        return result

    def show(self, photo: bytes, side_max: int) -> Shown | VultusError:
        try:
            return self._pool.show(photo, side_max)
        except VultusError as error:
            return error


@dataclass(eq=False)
class _Remote:
    actor: Any
    started: Any  # the reference to its first answer; None when that has come
    since: float  # when it was made, or gave its last answer
    numbers: dict[Any, int] = field(default_factory=dict)  # the photos that lie with it


class ClusterReader:
    """Reads photos with `n_readers` actors (default: one a core of the cluster), in the order
    given. This process must be connected to Ray.

    A photo's own failure is named as by `ReaderPool`. A photo whose reader died or fell silent
    (its machine failed) is given once to another reader; if that one is lost too, it gets
    UnavailableError `photo.reader_lost`. Readers that were lost are replaced as long as the
    cluster has a place for them. Use it as a context manager, from one thread.
    """

    def __init__(
        self,
        n_readers: int | None = None,
        seconds_max: float = SECONDS_MAX,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = MAX_PIXELS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        if n_readers is not None and n_readers < 1:
            raise ValueError(f"expected n_readers of at least 1, got {n_readers}")
        if not seconds_max > 0:
            raise ValueError(f"expected seconds_max above 0, got {seconds_max}")
        if not ray.is_initialized():
            raise ValueError("expected a connection to Ray: call ray.init first")
        cores = int(ray.cluster_resources().get("CPU", 0))
        self.n_readers = max(1, cores) if n_readers is None else n_readers
        self._limits = seconds_max, max_bytes, max_pixels
        # Ray does not restart a reader: its photos must be counted first.
        self._actor = ray.remote(
            num_cpus=1,
            memory=memory_bytes,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )(_Reader)
        self._readers: list[_Remote] = []

    def __enter__(self) -> Self:
        """Start the readers."""
        self._readers = [self._start() for _ in range(self.n_readers)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the readers."""
        for reader in self._readers:
            ray.kill(reader.actor)
        self._readers = []

    def _start(self) -> _Remote:
        actor: Any = self._actor.remote(*self._limits)
        return _Remote(actor, actor.alive.remote(), time.monotonic())

    def show(self, photo: Photo, side_max: int) -> Shown:
        """The photo re-encoded, upright, at most `side_max` px a side. Raises its error."""
        ((_, result),) = self._results_of([(0, photo)], side_max)
        if isinstance(result, VultusError):
            raise result
        assert isinstance(result, Shown)
        return result

    def read_many(
        self, items: Iterable[tuple[K, Photo]]
    ) -> Iterator[tuple[K, Reading | VultusError]]:
        """Yield each item's key with its reading, or the error that says why there is none.

        In the order given, at most WINDOW photos a reader ahead of the one yielded last.
        Raises UnavailableError when no reader starts.
        """
        for key, result in self._results_of(items, None):
            assert not isinstance(result, Shown)
            yield key, result

    def _results_of(
        self, items: Iterable[tuple[K, Photo]], side_max: int | None
    ) -> Iterator[tuple[K, Reading | Shown | VultusError]]:
        if not self._readers:
            raise ValueError("expected an open reader")
        seconds_max, max_bytes, _ = self._limits
        # What an earlier call left behind may still be read first.
        patience = AHEAD * seconds_max + 2 * GRACE
        run = _Run(self._readers, self._start, max_bytes, patience, side_max)
        keys: deque[tuple[int, K]] = deque()
        source = iter(items)
        more = True
        try:
            while more or keys:
                while more and len(keys) < WINDOW * self.n_readers and run.idlest() is not None:
                    item = next(source, None)
                    if item is None:
                        more = False
                        break
                    keys.append((run.give(item[1]), item[0]))
                if keys and keys[0][0] in run.results:
                    number, key = keys.popleft()
                    yield key, run.results.pop(number)
                elif keys or more:
                    run.collect()
        finally:
            for reader in self._readers:
                reader.numbers.clear()  # what still lies with readers is read for nothing


class _Run:
    """The photos of one call: with readers, to be given again, and done."""

    def __init__(
        self,
        readers: list[_Remote],
        start: Callable[[], _Remote],
        max_bytes: int,
        patience: float,
        side_max: int | None,
    ) -> None:
        self.results: dict[int, Reading | Shown | VultusError] = {}
        self._readers, self._start = readers, start
        self._max_bytes, self._patience, self._side_max = max_bytes, patience, side_max
        self._photos: dict[int, bytes] = {}
        self._losses: Counter[int] = Counter()
        self._again: deque[int] = deque()
        self._next = 0
        self._failed_starts = 0

    def idlest(self) -> _Remote | None:
        """The started reader with the fewest photos, if it may have another."""
        ready = [reader for reader in self._readers if reader.started is None]
        reader = min(ready, key=lambda each: len(each.numbers), default=None)
        return reader if reader is not None and len(reader.numbers) < AHEAD else None

    def give(self, photo: Photo) -> int:
        """Give a photo to the reader that has least to do; returns its number."""
        number = self._next
        self._next += 1
        try:
            data = photo if isinstance(photo, bytes) else read_file(photo, self._max_bytes)
        except VultusError as error:
            self.results[number] = error
        else:
            self._photos[number] = data
            self._give(number)
        return number

    def _give(self, number: int) -> None:
        reader = self.idlest()
        if reader is None:
            self._again.append(number)
            return
        if not reader.numbers:
            reader.since = time.monotonic()
        photo = self._photos[number]
        reference = (
            reader.actor.read.remote(photo)
            if self._side_max is None
            else reader.actor.show.remote(photo, self._side_max)
        )
        reader.numbers[reference] = number

    def collect(self) -> None:
        """Wait for an answer, for a reader to start, or for one to die or run out of time."""
        readers = self._readers
        waiting = {reference: each for each in readers for reference in each.numbers}
        waiting |= {each.started: each for each in readers if each.started is not None}
        busy = [each for each in readers if each.numbers]
        patience = self._patience if busy else START_S
        since = min(each.since for each in busy or readers)
        left = max(0.0, since + patience - time.monotonic())
        done, _ = ray.wait(list(waiting), num_returns=1, timeout=left)
        for reference in done:
            self._take(waiting[reference], reference)
        if not done and not busy:
            raise _no_reader()
        if not done:
            for reader in busy:
                if time.monotonic() >= reader.since + patience:
                    ray.kill(reader.actor)  # its answers become errors
        while self._again and self.idlest() is not None:
            self._give(self._again.popleft())

    def _take(self, reader: _Remote, reference: Any) -> None:  # noqa: ANN401 a reference of Ray
        number = reader.numbers.pop(reference, None)
        reader.since = time.monotonic()
        try:
            result = ray.get(reference)
        except RayTaskError as error:
            raise error.cause from error
        except RayError:
            self._lost(reader, number)
            return
        if number is None:
            reader.started, self._failed_starts = None, 0
        else:
            del self._photos[number]
            self.results[number] = result

    def _lost(self, reader: _Remote, number: int | None) -> None:
        """Put another reader in the place of one that died, and give its photo again, once."""
        if reader.started is not None:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise _no_reader()
        numbers = [*reader.numbers.values(), *([] if number is None else [number])]
        reader.numbers.clear()
        self._readers[self._readers.index(reader)] = self._start()
        for each in sorted(numbers):
            self._losses[each] += 1
            if self._losses[each] < READS_MAX:
                self._again.append(each)
            else:
                del self._photos[each]
                self.results[each] = UnavailableError(
                    "photo.reader_lost",
                    "The processes that read this photo were lost twice.",
                    "Look at the machines of the cluster, then read it again.",
                )


def _no_reader() -> UnavailableError:
    return UnavailableError(
        "photo.no_reader",
        "The processes that read photos do not start.",
        "Check that the cluster has cores and memory free, and what each machine has installed.",
    )
