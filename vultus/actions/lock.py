"""What only one process of a home may do at a time; the system frees a lock however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vultus.errors import UnavailableError


@contextmanager
def only_one(home_path: Path) -> Iterator[None]:
    """One ingest of folders at a time, and no erasing of a source while one runs.

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
def one_of_many(home_path: Path) -> Iterator[None]:
    """Any number of processes visit web sources, but none while a source is being erased.

    Raises UnavailableError `ingest.running`.
    """
    with held(home_path / "visit.lock", shared=True) as free:
        if not free:
            raise UnavailableError(
                "ingest.running", "A source of this home is being erased.", "Wait until it ends."
            )
        yield


@contextmanager
def nobody_visits(home_path: Path) -> Iterator[None]:
    """No ingest runs, of folders or of the web. Raises UnavailableError `ingest.running`."""
    with only_one(home_path), held(home_path / "visit.lock") as free:
        if not free:
            raise UnavailableError(
                "ingest.running", "An ingest of this home is running.", "Wait until it ends."
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
def held(path: Path, *, wait: bool = False, shared: bool = False) -> Iterator[bool]:
    """Hold the lock at `path`; says whether it was free. `wait`: until it is.

    `shared`: with others that share it, and with nobody who holds it alone.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with path.open("w") as file:
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_held(path: Path) -> bool:
    """Whether another process holds the lock at `path` now."""
    with held(path) as free:
        return not free
