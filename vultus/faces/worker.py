"""A process that reads photos for a `ReaderPool`, one after the other, until its pool is gone.

It is started as `python -P -m vultus.faces.worker DESCRIPTOR`, the descriptor being its end of
a socket pair. First it gets its settings, then (number, kind, bytes, side) of each photo,
side being None or that of the picture to show; it answers ("ready", None) once, then (number,
Reading, Shown or VultusError) in the same order.

It may be killed by a photo: by a crash in a decoder, by the system for want of memory, or by
its own alarm when the time for one photo is over. So the alarm is left to the system, which
needs no help of a decoder that never returns.
"""

import contextlib
import os
import queue
import resource
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vultus.errors import VultusError

Task = tuple[int, str, bytes, int | None]


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker must know before its first photo."""

    seconds_max: float
    max_bytes: int
    max_pixels: int


def main(descriptor: int) -> None:
    """Read photos until the other end of the socket is closed, by the pool or by its death."""
    connection: Connection[Any, Any] = Connection(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pool's business
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the photo
    with contextlib.suppress(OSError):  # if memory runs out, this process goes, not the pool's
        Path("/proc/self/oom_score_adj").write_text("1000")
    settings: WorkerSettings = connection.recv()
    photos: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, photos), daemon=True).start()
    try:
        _work(connection, settings, photos)
    except (BrokenPipeError, ConnectionError):
        os._exit(0)


def _listen(connection: "Connection[Any, Any]", photos: "queue.SimpleQueue[Task]") -> None:
    """Take photos in while another is read; end the process when the pool is gone."""
    try:
        while True:
            photos.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)


def _work(
    connection: "Connection[Any, Any]",
    settings: WorkerSettings,
    photos: "queue.SimpleQueue[Task]",
) -> None:
    import cv2

    from vultus.faces.reader import FaceReader
    from vultus.faces.reading import read_or_say_why

    cv2.setNumThreads(1)
    try:
        reader = FaceReader(1, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    except VultusError as error:
        connection.send(("failed", error))
        return
    connection.send(("ready", None))
    while True:
        number, kind, content, side = photos.get()
        signal.setitimer(signal.ITIMER_REAL, settings.seconds_max)
        photo = os.fsdecode(content) if kind == "path" else content
        result = read_or_say_why(reader, photo, side)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send((number, result))


if __name__ == "__main__":
    main(int(sys.argv[1]))
