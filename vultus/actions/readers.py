"""The processes that read photos for this home: started when first needed, then kept."""

from vultus.actions.home import Home
from vultus.faces.pool import ReaderPool
from vultus.settings import n_workers


def readers(home: Home) -> ReaderPool:
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
        return home.readers
