"""One entry of a feed, of whatever format: a page, and the photos that are told with it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from vultus.acquire.found import Beside, Item
from vultus.acquire.linked import linked
from vultus.faces.dates import Date, read_date

MAX_TEXT = 10_000
MAX_VERSION = 1_000
MAX_PHOTOS_OF_ENTRY = 1_000


@dataclass
class Entry:
    """What an entry says of all its photos (`beside` and the rest), and its photos by URL.

    `key` is how the feed names it (atom:id, guid); `changed` when it was last changed, as written.
    """

    key: str = ""
    page_url: str | None = None
    changed: str = ""
    beside: Beside = field(default_factory=Beside)
    photos: dict[str, Item] = field(default_factory=dict)

    @property
    def version(self) -> str | None:
        """Name and last change; None where the entry has neither."""
        return " ".join(filter(None, (self.key, self.changed)))[:MAX_VERSION] or None

    def add(self, base: str, written: str, beside: Beside) -> None:
        """A photo, with what is said of it alone; where that is nothing, the entry's counts.

        One that is told already keeps what it has, and takes what it lacks.
        """
        url = linked(base, written)
        if url is None or (url not in self.photos and len(self.photos) >= MAX_PHOTOS_OF_ENTRY):
            return
        told = self.photos.get(url)
        known = beside if told is None else filled(told.beside, beside)
        self.photos[url] = Item(url, self.page_url, self.version, known)

    def items(self) -> list[Item]:
        """The photos with all that is said of them."""
        return [
            replace(item, beside=filled(item.beside, self.beside)) for item in self.photos.values()
        ]


def filled(near: Beside, far: Beside) -> Beside:
    """`near`, and from `far` what it lacks; a text and where it stood are one."""
    caption = near if near.caption is not None else far
    date = near if near.date is not None else far
    return Beside(
        title=near.title or far.title,
        caption=caption.caption,
        caption_source=caption.caption_source,
        credit=near.credit or far.credit,
        licence=near.licence or far.licence,
        date=date.date,
        date_precision=date.date_precision,
        date_source=date.date_source,
        persons=near.persons or far.persons,
        language=near.language or far.language,
    )


def dated(beside: Beside, written: str, source: str) -> Beside:
    """`beside` with the date that is written there, where it has none yet and this is one."""
    found = None if beside.date is not None else any_date(written)
    if found is None:
        return beside
    return replace(beside, date=found.text, date_precision=found.precision, date_source=source)


def any_date(written: str) -> Date | None:
    """A date of ISO 8601 (RFC 3339), or of RFC 5322 section 3.3; None where it is neither.

    In RFC 5322's form a day may stand without a time.
    """
    written = written.strip()
    found = read_date(written) if len(written) <= 100 else None
    if found is not None or not written or len(written) > 100:
        return found
    try:
        moment = parsedate_to_datetime(written if ":" in written else written + " 00:00:00")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    text = moment.isoformat(timespec="seconds")
    return read_date(text if ":" in written else text[:10])


def moment_of(written: str) -> datetime | None:
    """The moment that is written, to compare it with others; None where it has no time or zone."""
    found = any_date(written)
    if found is None or found.precision != "second":
        return None
    moment = datetime.fromisoformat(found.text)
    return None if moment.utcoffset() is None else moment


def short(text: str | None) -> str | None:
    """A text with blanks run together, at most MAX_TEXT characters; None where nothing is left."""
    return " ".join((text or "").split())[:MAX_TEXT] or None
