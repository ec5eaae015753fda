"""Many readers or one writer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """Many readers or one writer; a writer who waits goes before readers who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_reading = 0
        self._n_writers = 0  # waiting and writing
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold off writers."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_writers == 0)
            self._n_reading += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_reading -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold off everybody."""
        with self._changed:
            self._n_writers += 1
            try:
                self._changed.wait_for(lambda: self._n_reading == 0 and not self._writing)
            except BaseException:
                self._n_writers -= 1
                self._changed.notify_all()
                raise
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._n_writers -= 1
                self._writing = False
                self._changed.notify_all()
