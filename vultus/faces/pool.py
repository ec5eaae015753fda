"""Many photos at once, each read in a process that may die of it without harm to the others."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from vultus.errors import InputError, UnavailableError, VultusError
from vultus.faces.photo import MAX_BYTES, MAX_PIXELS
from vultus.faces.reader import FaceReader
from vultus.faces.reading import Reading, Shown, read_or_say_why
from vultus.faces.worker import WorkerSettings

K = TypeVar("K")
Photo = Path | bytes


@dataclass(frozen=True)
class Show:
    """A photo that is only to be shown, at most `side_max` px a side."""

    photo: Photo
    side_max: int


SECONDS_MAX = 30.0
AHEAD = 3  # photos that lie with a worker, the one it reads among them
WINDOW = 16  # photos a worker under way or waiting for an earlier one, in the whole pool
GRACE = 5.0  # seconds a worker gets to die of its own alarm
STARTS = 3  # failed starts in a row before the pool gives up


class _Worker:
    """One process, its socket, and the numbers of the photos that lie with it, oldest first."""

    def __init__(self, settings: WorkerSettings) -> None:
        ours, theirs = Pipe()
        paths = [str(Path(entry or ".").resolve()) for entry in sys.path]
        environment = {
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # weights on large pages: 1 % faster
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(  # noqa: S603 our own interpreter and module
            [sys.executable, "-P", "-m", "vultus.faces.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        self.connection: Connection[Any, Any] = ours
        self.numbers: deque[int] = deque()
        self.ready = False
        self.since = time.monotonic()  # when the oldest photo can have been begun
        with contextlib.suppress(OSError):  # it died at once: its socket says so when it is read
            ours.send(settings)

    def give(self, number: int, item: Photo | Show) -> None:
        if not self.numbers:
            self.since = time.monotonic()
        self.numbers.append(number)
        photo, side = (item.photo, item.side_max) if isinstance(item, Show) else (item, None)
        kind, content = (
            ("bytes", photo)
            if isinstance(photo, bytes)
            else ("path", os.fsencode(photo.absolute()))
        )
        self.connection.send((number, kind, content, side))

    def end(self, patience: float) -> int:
        """Close the socket, which ends the process; kill it after `patience` seconds."""
        self.connection.close()
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class ReaderPool:
    """Reads photos in `n_workers` processes (default: one a core), in the order given.

    A photo that kills its process gives InputError `photo.crashed_decoder`, one that takes
    longer than `seconds_max` InputError `photo.took_too_long`; the process is replaced and no
    other photo is lost. With `n_workers` 0 photos are read in this process, without that
    protection. The processes end when the pool is closed or this process ends, however it ends.
    Use it as a context manager, from one thread.
    """

    def __init__(
        self,
        n_workers: int | None = None,
        seconds_max: float = SECONDS_MAX,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        if n_workers is not None and n_workers < 0:
            message = f"expected n_workers of at least 0, got {n_workers}"
            raise ValueError(message)
        if not seconds_max > 0:
            message = f"expected seconds_max above 0, got {seconds_max}"
            raise ValueError(message)
        self.n_workers = len(os.sched_getaffinity(0)) if n_workers is None else n_workers
        self._settings = WorkerSettings(seconds_max, max_bytes, max_pixels)
        self._workers: list[_Worker] = []
        self._reader: FaceReader | None = None
        self._photos: dict[int, Photo | Show] = {}  # given and not yet read
        self._again: deque[int] = deque()  # lay with a worker that died of another photo
        self._results: dict[int, Reading | Shown | VultusError] = {}
        self._next = 0
        self._failed_starts = 0
        self._reading = False

    def __enter__(self) -> Self:
        """Start the processes."""
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self.close()

    def open(self) -> None:
        """Start the processes; they get ready while the first photos are given."""
        self._workers = [_Worker(self._settings) for _ in range(self.n_workers)]

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.end(2.0)
        self._workers = []

    def show(self, photo: Photo, side_max: int) -> Shown:
        """The photo re-encoded, upright, at most `side_max` px a side. Raises its error."""
        ((_, result),) = self._results_of([(0, Show(photo, side_max))])
        if isinstance(result, VultusError):
            raise result
        assert isinstance(result, Shown)
        return result

    def read_many(
        self, items: Iterable[tuple[K, Photo]]
    ) -> Iterator[tuple[K, Reading | VultusError]]:
        """Yield each item's key with its reading, or the error that says why there is none.

        In the order given, at most WINDOW photos a worker ahead of the one yielded last.
        Raises UnavailableError or IntegrityError when the workers cannot start at all.
        """
        for key, result in self._results_of(items):
            assert not isinstance(result, Shown)
            yield key, result

    def _results_of(
        self, items: Iterable[tuple[K, Photo | Show]]
    ) -> Iterator[tuple[K, Reading | Shown | VultusError]]:
        if self.n_workers == 0:
            yield from self._read_here(items)
            return
        if not self._workers or self._reading:
            message = "expected an open pool that reads nothing else"
            raise ValueError(message)
        self._reading = True
        try:
            yield from self._read(iter(items))
        finally:
            self._reading = False
            self._photos.clear()  # what still lies with workers is read for nothing
            self._again.clear()
            self._results.clear()

    def _read_here(
        self, items: Iterable[tuple[K, Photo | Show]]
    ) -> Iterator[tuple[K, Reading | Shown | VultusError]]:
        settings = self._settings
        self._reader = self._reader or FaceReader(
            1, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels
        )
        for key, item in items:
            if isinstance(item, Show):
                yield key, read_or_say_why(self._reader, item.photo, item.side_max)
            else:
                yield key, read_or_say_why(self._reader, item)

    def _read(
        self, items: Iterator[tuple[K, Photo | Show]]
    ) -> Iterator[tuple[K, Reading | Shown | VultusError]]:
        keys: deque[tuple[int, K]] = deque()
        more = True
        while more or keys:
            while more and len(keys) < WINDOW * self.n_workers and self._idlest() is not None:
                item = next(items, None)
                if item is None:
                    more = False
                    break
                keys.append((self._next, item[0]))
                self._photos[self._next] = item[1]
                self._give(self._next)
                self._next += 1
            if keys and keys[0][0] in self._results:
                number, key = keys.popleft()
                yield key, self._results.pop(number)
            elif keys or more:  # without keys, workers are still at what was left off before
                self._collect()

    def _idlest(self) -> _Worker | None:
        worker = min(self._workers, key=lambda each: len(each.numbers))
        return worker if len(worker.numbers) < AHEAD else None

    def _give(self, number: int) -> None:
        worker = min(self._workers, key=lambda each: len(each.numbers))
        try:
            worker.give(number, self._photos[number])
        except OSError:
            worker.numbers.remove(number)  # it was never begun
            self._again.append(number)
            self._replace(worker)

    def _collect(self) -> None:
        """Wait for what workers send, or for one to die or to run out of time."""
        busy = [worker for worker in self._workers if worker.numbers or not worker.ready]
        now = time.monotonic()
        ends = [worker.since + self._settings.seconds_max + GRACE for worker in busy]
        by_connection = {worker.connection: worker for worker in busy}
        arrived = wait(list(by_connection), timeout=max(0.0, min(ends) - now))
        for connection in arrived:
            worker = by_connection[connection]  # type: ignore[index]
            try:
                self._take(worker, *worker.connection.recv())
            except (EOFError, OSError):
                self._replace(worker)
        if not arrived:
            for worker, end in zip(busy, ends, strict=True):
                if time.monotonic() >= end:
                    worker.process.send_signal(signal.SIGKILL)
                    self._replace(worker, late=True)
        while self._again and self._idlest() is not None:
            self._give(self._again.popleft())

    def _take(
        self, worker: _Worker, number: int | str, result: Reading | Shown | VultusError
    ) -> None:
        worker.since = time.monotonic()
        if number == "failed":
            raise result  # type: ignore[misc]
        if number == "ready":
            worker.ready = True
            self._failed_starts = 0
            return
        done = worker.numbers.popleft()
        if self._photos.pop(done, None) is not None:
            self._results[done] = result

    def _replace(self, worker: _Worker, *, late: bool = False) -> None:
        """Start another worker for one that died; its oldest photo is to blame."""
        try:
            while worker.connection.poll():  # what it had finished before
                self._take(worker, *worker.connection.recv())
        except (EOFError, OSError):
            pass
        status = worker.end(GRACE)
        late = late or status == -signal.SIGALRM
        if worker.ready and worker.numbers:
            number = worker.numbers.popleft()
            if self._photos.pop(number, None) is not None:
                self._results[number] = _death(late=late)
        elif not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise UnavailableError(
                    "photo.no_reader",
                    "The processes that read photos do not start.",
                    "Check memory and the installation with `vultus doctor`.",
                )
        self._again.extend(number for number in worker.numbers if number in self._photos)
        self._workers[self._workers.index(worker)] = _Worker(self._settings)


def _death(*, late: bool) -> InputError:
    if late:
        return InputError(
            "photo.took_too_long",
            "Reading this photo took longer than is allowed.",
            "Save the photo smaller or in another format.",
        )
    return InputError(
        "photo.crashed_decoder",
        "This photo crashed the process that read it, or needed too much memory.",
        "Open the photo in an image program and save it again, or smaller.",
    )
