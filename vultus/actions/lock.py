"""One ingest of a home at a time, and no erasing of a source while one runs."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vultus.errors import UnavailableError


@contextmanager
def only_one(home_path: Path) -> Iterator[None]:
    """Hold the home's ingest lock; the system frees it however this process ends."""
    with (home_path / "ingest.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(
                "ingest.running", "Another ingest of this home is running.", "Wait until it ends."
            ) from error
        yield
