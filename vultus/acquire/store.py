"""Places with bytes: what a store that is no website offers to a visit.

A web archive, a bucket, an export: each lists its places in one fixed order with a mark that
tells a changed place from an unchanged one, and gives the bytes of one place when asked for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from vultus.acquire.found import Item
from vultus.errors import UnavailableError


@dataclass(frozen=True)
class Stored:
    """One place of a store.

    `place` names it within the store and is what `open` takes. `n_bytes` is the size of the photo
    where it is known without reading it. `changed` differs once the place holds something else.
    `problem` is the code of why it is not opened, or None. `item.url` is where the photo was
    published; where the store knows no such URL, it is the place.
    """

    place: str
    n_bytes: int | None
    changed: str
    problem: str | None
    item: Item


class Store(Protocol):
    """Places with bytes, of which none holds more than a limit given when the store was made."""

    def list(self) -> Iterator[Stored]:
        """Every place, in the same order whenever nothing has changed.

        Raises UnavailableError or RefusedError where the store as a whole cannot be listed; what
        is wrong with one place is its `problem`.
        """
        ...

    def open(self, place: str) -> bytes:
        """The photo at a place that was listed.

        Raises UnavailableError `place.gone`, RefusedError `photo.too_many_bytes`, and what each
        store adds to them.
        """
        ...


def gone(place: str) -> UnavailableError:
    """There is nothing at a place, or nothing any more."""
    return UnavailableError(
        "place.gone", f"There is nothing at {place}.", "List the source again: it has changed."
    )
