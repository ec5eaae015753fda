"""Sitemaps: the pages of a site, the pictures on them, and further sitemaps.

Protocol 0.9 of sitemaps.org (urlset, sitemapindex, plain text), Google's image extension 1.1 with
the elements that Google has dropped since (caption, title, license). News, video and language
links are passed over. A place on another host is told like any other: whoever visits a source has
its list of hosts.

The protocol's bounds are kept: of more than 50,000 places or 52,428,800 bytes, unpacked, the first
are read and the rest is not. So a URL that is not told any more says nothing; a sitemap is no list
of what is gone.

This is written here since ultimate-sitemap-parser fetches by itself.
"""

import re
import zlib
from collections.abc import Iterator
from datetime import date

from vultus.acquire.elements import Node, visit
from vultus.acquire.feed import read_feed
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.linked import linked

MAX_BYTES = 52_428_800
MAX_PLACES = 50_000
MAX_PHOTOS_OF_PAGE = 1_000
MAX_PHOTOS = 100_000  # the pages of any others are told, and show them
MAX_TEXT = 10_000

FAMILIES = {
    "http://www.sitemaps.org/schemas/sitemap/0.9": "",
    "http://www.google.com/schemas/sitemap-image/1.1": "image",
    "http://www.google.com/schemas/sitemap-news/0.9": "news",
    "http://www.google.com/schemas/sitemap-video/1.1": "video",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_CONTAINERS = {"urlset", "sitemapindex"}
_GZIP = b"\x1f\x8b"
_NOTHING = Beside()
# W3C date and time: year, month, day, then minutes, seconds or parts of them, with a zone.
_W3C = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})"
    r"(?:T([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?)?)?",
    re.ASCII,
)


def read_sitemap(url: str, body: bytes) -> Found:
    """What the sitemap of these bytes, which `url` answered, tells. Raises nothing.

    Its pages and sitemaps are links; its pictures are photos, each with its page and with that
    page's lastmod as version. A file packed with gzip is unpacked. A feed may stand in the place of
    a sitemap (sitemaps.org, other formats), and is read as one.
    """
    reading = _read(url, body)
    if not reading.n_places:
        return read_feed(url, unpacked(body))
    return Found(tuple(reading.photos), tuple(reading.links))


def read_versions(url: str, body: bytes) -> dict[str, str]:
    """When the pages and sitemaps that a sitemap tells were last changed, as it says itself.

    By their URLs as in `read_sitemap`; lastmod is W3C date and time as written, with as much of
    it as is known (`2024`, `2024-05`, `2024-05-06`, to the minute, to the second). A place
    without one, or with one of another form, is not in it. Raises nothing.
    """
    return _read(url, body).versions


class _Reading:
    """What one sitemap has told so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.links: dict[Link, None] = {}
        self.photos: list[Item] = []
        self.versions: dict[str, str] = {}
        self.n_places = 0

    def take(self, node: Node) -> bool:
        if node.name in _CONTAINERS:
            return True
        if node.name not in {"url", "sitemap"}:
            return True
        self.n_places += 1
        if self.n_places > MAX_PLACES:
            return False
        written = _first(node, "loc")
        place = linked(self.url, written) if written else None
        if place is None:
            return True
        role = Role.PAGE if node.name == "url" else Role.SITEMAP
        version = w3c_date(_first(node, "lastmod") or "")
        self.links[Link(role, place)] = None
        if version is not None:
            self.versions.setdefault(place, version)
        if role is Role.PAGE:
            self.take_photos(node, place, version)
        return True

    def take_photos(self, node: Node, page_url: str, version: str | None) -> None:
        told: set[str] = set()
        for image in list(node.children("image:image"))[:MAX_PHOTOS_OF_PAGE]:
            written = _first(image, "image:loc")
            place = linked(self.url, written) if written else None
            if place is None or place in told or len(self.photos) >= MAX_PHOTOS:
                continue
            told.add(place)
            self.photos.append(Item(place, page_url, version, _beside(image)))


def _read(url: str, body: bytes) -> _Reading:
    reading = _Reading(url)
    body = unpacked(body)
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        visit(body, FAMILIES, _CONTAINERS, reading.take)
    else:
        _take_lines(reading, body)
    return reading


def _take_lines(reading: _Reading, body: bytes) -> None:
    """A sitemap of plain text: UTF-8, one whole URL a line, nothing else."""
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    for line in _lines(text):
        written = line.strip()
        if not written.lower().startswith(("http://", "https://")):
            continue
        reading.n_places += 1
        if reading.n_places > MAX_PLACES:
            return
        place = linked(reading.url, written)
        if place is not None:
            reading.links[Link(Role.PAGE, place)] = None


def _lines(text: str) -> Iterator[str]:
    return (line[0] for line in re.finditer(r"[^\r\n]+", text))


def unpacked(body: bytes) -> bytes:
    """At most MAX_BYTES of the body, unpacked where it is gzip (RFC 1952); cut gzip gives a part.

    Of a file with several members all are read; what is packed twice is not.
    """
    if not body.startswith(_GZIP):
        return body[:MAX_BYTES]
    pieces: list[bytes] = []
    left = MAX_BYTES
    try:
        while body.startswith(_GZIP) and left:
            member = zlib.decompressobj(16 + zlib.MAX_WBITS)
            pieces.append(member.decompress(body, left))
            left -= len(pieces[-1])
            body = member.unused_data
    except zlib.error:
        pass  # what came before the fault is read
    return b"".join(pieces)


def w3c_date(written: str) -> str | None:
    """`written` where it is a date, or date and time, of W3C's form and of the calendar."""
    found = _W3C.fullmatch(written)
    if found is None:
        return None
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
    return written


def _first(node: Node, name: str) -> str | None:
    """The text of the first child of this name, at most MAX_TEXT characters; None where empty."""
    for child in node.children(name):
        return child.text[:MAX_TEXT].strip() or None
    return None


def _beside(image: Node) -> Beside:
    caption = _first(image, "image:caption")
    title = _first(image, "image:title")
    licence = _first(image, "image:license")
    if caption is title is licence is None:
        return _NOTHING
    source = None if caption is None else "image:caption"
    return Beside(title=title, caption=caption, caption_source=source, licence=licence)
