"""The processes that read photos for this home: started when first needed, then kept.

A pool serves one caller at a time; the page's threads take turns.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from vultus.actions.home import Home
from vultus.errors import VultusError
from vultus.faces.pool import ReaderPool
from vultus.faces.reading import Reading, Shown
from vultus.settings import n_workers

K = TypeVar("K")


def read_many(
    home: Home, items: Iterable[tuple[K, Path | bytes]]
) -> Iterator[tuple[K, Reading | VultusError]]:
    """Each item's key with its reading or error, in the order given; see `ReaderPool`."""
    with home.reading:
        yield from pool(home).read_many(items)


def show(home: Home, photo: Path | bytes, side_max: int) -> Shown:
    """The photo re-encoded to be looked at. Raises its error."""
    with home.reading:
        return pool(home).show(photo, side_max)


def pool(home: Home) -> ReaderPool:
    """The home's pool of reading processes."""
    with home.lock:
        if home.readers is None:
            settings = home.settings
            home.readers = ReaderPool(
                n_workers=n_workers(settings),
                seconds_max=settings.photo_seconds_max,
                max_bytes=settings.photo_bytes_max,
                max_pixels=settings.photo_pixels_max,
            )
            home.readers.open()
        return home.readers
