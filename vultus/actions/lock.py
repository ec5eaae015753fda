"""What only one process of a home may do at a time; the system frees a lock however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vultus.errors import UnavailableError


@contextmanager
def only_one(home_path: Path) -> Iterator[None]:
    """One ingest at a time, and no erasing of a source while one runs.

    Raises UnavailableError `ingest.running`.
    """
    with held(home_path / "ingest.lock") as free:
        if not free:
            raise UnavailableError(
                "ingest.running",
                "Another ingest of this home is running.",
                "Wait until it ends.",
            )
        yield


@contextmanager
def only_writer(home_path: Path) -> Iterator[None]:
    """One process at a time writes segments of the index, or clears away what one left behind.

    Raises UnavailableError `index.busy`.
    """
    with held(home_path / "index.lock") as free:
        if not free:
            raise UnavailableError(
                "index.busy",
                "The index of this home is being written by another process.",
                "Wait until it ends.",
            )
        yield


@contextmanager
def held(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock at `path`; says whether it was free. `wait`: until it is."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_held(path: Path) -> bool:
    """Whether another process holds the lock at `path` now."""
    with held(path) as free:
        return not free
