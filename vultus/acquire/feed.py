"""Feeds: RSS 2.0 and 1.0, Atom (RFC 4287), with Media RSS and Dublin Core; JSON Feed beside it.

A feed tells of each entry its page and its photos: enclosures, Media RSS, and the pictures in its
text. Deleted entries of Atom (RFC 6721) are gone; the next page of a feed, or its archive (RFC
5005), is a further feed. What stands before a fault, or within the bounds, is read; an entry that
is not told any more says nothing.

feedparser was tried (6.0.14) and is not used: it puts the captions and credits of several
media:content of one entry into one list, so that nobody knows whose they are, drops srcset, and
knows neither deleted entries nor JSON Feed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from vultus.acquire import json_feed
from vultus.acquire.elements import Node, visit
from vultus.acquire.entry import Entry, dated, filled, moment_of, short
from vultus.acquire.figure import figures
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.linked import linked
from vultus.acquire.media import media, said
from vultus.acquire.tags import Tag, pieces, plain

MAX_BYTES = 10 * 1024 * 1024
MAX_ENTRIES = 10_000
MAX_PHOTOS = 50_000

FAMILIES = {
    "http://www.w3.org/2005/Atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://purl.org/rss/1.0/": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://backend.userland.com/rss2": "",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://creativecommons.org/ns#": "cc",
    "http://web.resource.org/cc/": "cc",
    "http://backend.userland.com/creativeCommonsRssModule": "creativeCommons",
    "http://purl.org/atompub/tombstones/1.0": "at",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_CONTAINERS = {"rss", "channel", "rdf:RDF", "RDF", "feed", "atom:feed"}
_ENTRIES = {"item", "entry", "atom:entry"}
_LINKS = ("link", "atom:link")
_FURTHER = {"next", "prev-archive"}  # RFC 5005 sections 3 and 4
_RIGHTS = ("dc:rights", "dcterms:rights", "atom:rights", "rights", "copyright")


def read_feed(url: str, body: bytes) -> Found:
    """What the feed of these bytes, which `url` answered, tells. Raises nothing.

    The page of each entry is a link, its photos are items of that page. An item's version is the
    entry's name (guid, atom:id) and the date of its last change. Where a text says nothing else
    of a photo, its caption is the entry's description: `caption_source` says so.
    """
    body = body[:MAX_BYTES]
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        entries, further = json_feed.read(url, body, MAX_ENTRIES)
        return found_in(url, entries, further, ())
    reading = _Reading(url)
    visit(body, FAMILIES, _CONTAINERS, reading.take)
    entries = [entry for entry in reading.entries if not reading.is_gone(entry)]
    return found_in(url, entries, reading.further, reading.gone_places())


def found_in(url: str, entries: list[Entry], further: list[str], gone: tuple[str, ...]) -> Found:
    """What these entries and further feeds, as written in the feed at `url`, make together."""
    links: dict[Link, None] = {}
    photos: list[Item] = []
    for entry in entries:
        if entry.page_url is not None:
            links[Link(Role.PAGE, entry.page_url)] = None
        photos += entry.items()[: MAX_PHOTOS - len(photos)]
    for written in further:
        place = linked(url, written)
        if place is not None and place != linked(url, url):
            links[Link(Role.FEED, place)] = None
    return Found(tuple(photos), tuple(links), gone)


@dataclass
class _Reading:
    """What one feed has told so far; `beside` is what it says of everything in it."""

    url: str
    base: str = ""
    beside: Beside = field(default_factory=Beside)
    entries: list[Entry] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    deleted: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def take(self, node: Node) -> bool:
        base = self.base or self.url
        if node.name in _CONTAINERS:
            self.base = based(base, node)
            self.beside = filled(self.beside, Beside(language=node.attributes.get("xml:lang")))
        elif node.name in _ENTRIES:
            self.entries.append(_entry(node, base, self.beside))
        elif node.name == "at:deleted-entry":
            self.take_deleted(node, based(base, node))
        elif node.name in _LINKS:
            if _FURTHER & _relations(node):
                self.further.append(linked(base, node.attributes.get("href", "")) or "")
        else:
            self.beside = filled(self.beside, _of_feed(node))
        return len(self.entries) + len(self.deleted) + len(self.further) < MAX_ENTRIES

    def take_deleted(self, node: Node, base: str) -> None:
        """RFC 6721 section 3: `ref` is the atom:id, which need not be a place; links may be."""
        key = node.attributes.get("ref", "").strip()
        told = [linked(base, link.attributes.get("href", "")) for link in node.children(*_LINKS)]
        urls = [url for url in (_identified(key), *told) if url is not None]
        self.deleted[key] = (node.attributes.get("when", ""), urls)

    def is_gone(self, entry: Entry) -> bool:
        """Whether an entry was deleted, and not changed since (RFC 6721 section 4)."""
        if entry.key not in self.deleted:
            return False
        changed, deleted = moment_of(entry.changed), moment_of(self.deleted[entry.key][0])
        return changed is None or deleted is None or changed <= deleted

    def gone_places(self) -> tuple[str, ...]:
        """The places of deleted entries, and the pages of those that stand here all the same."""
        back = {entry.key for entry in self.entries if not self.is_gone(entry)}
        gone: dict[str, None] = {}
        for key, (_, urls) in self.deleted.items():
            if key not in back:
                gone |= dict.fromkeys(urls)
        for entry in self.entries:
            if entry.page_url is not None and self.is_gone(entry):
                gone[entry.page_url] = None
        return tuple(gone)


def based(base: str, node: Node) -> str:
    """The base of what stands in an element (XML Base)."""
    return linked(base, node.attributes.get("xml:base", "")) or base


def _relations(link: Node) -> set[str]:
    """The relations of a link; without any it leads to the page (RFC 4287 section 4.2.7.2)."""
    return set(link.attributes.get("rel", "alternate").lower().split())


def _of_feed(node: Node) -> Beside:
    """What an element of the feed itself says of all its entries."""
    text = short(node.text)
    if node.name in {"language", "dc:language"}:
        return Beside(language=text)
    wrapped = Node("", {}, [node])
    near = said(wrapped)
    return Beside(credit=near.credit, licence=near.licence or _licence(wrapped))


def _entry(node: Node, base: str, feed: Beside) -> Entry:
    base = based(base, node)
    entry = Entry(key=_text(node, "guid", "atom:id", "id") or node.attributes.get("rdf:about", ""))
    entry.page_url = _page(node, base)
    beside = Beside(title=_title(node), language=node.attributes.get("xml:lang"))
    for source in ("atom:published", "published", "pubDate", "dc:date", "dcterms:created",
                   "atom:issued", "atom:updated", "updated"):  # fmt: skip
        prefix = "" if ":" in source else "rss:" if source == "pubDate" else "atom:"
        beside = dated(beside, _text(node, source) or "", prefix + source)
    entry.changed = (
        _text(node, "atom:updated", "updated", "dcterms:modified", "atom:modified") or
        _text(node, "pubDate", "dc:date", "atom:published", "published") or ""
    )  # fmt: skip
    licence = _licence_link(node, base) or _licence(node)
    beside = filled(beside, Beside(licence=licence, language=_text(node, "dc:language")))
    entry.beside = filled(beside, replace(feed, credit=None))
    near = said(node)
    # Whom Media RSS credits made what the entry is sent with, and not what its text shows.
    own = replace(_described(node, near), credit=near.credit or feed.credit, licence=near.licence)
    for photo in media(node):
        entry.add(base, photo.written, filled(photo.beside, own))
    for written in _enclosed(node, base):
        entry.add(base, written, own)
    is_rss = node.name == "item"
    for text, text_base in _contents(node, base):
        for figure in figures(text):
            shown = Beside(caption=figure.caption, caption_source=figure.caption_source)
            entry.add(
                (entry.page_url if is_rss and text_base == base else None) or text_base,
                figure.written,
                shown,
            )
    return entry


def _described(node: Node, near: Beside) -> Beside:
    """What the entry says of the photos that it is sent with: Media RSS, else its description."""
    if near.caption is not None:
        return Beside(title=near.title, caption=near.caption, caption_source=near.caption_source)
    for name in ("description", "dc:description", "atom:summary", "summary"):
        for child in node.children(name):
            text = short(plain(child.text))
            if text is not None:
                prefix = {"description": "rss:", "summary": "atom:"}.get(name, "")
                return Beside(title=near.title, caption=text, caption_source=prefix + name)
    return Beside(title=near.title)


def _text(node: Node, *names: str) -> str | None:
    """The first text of the first of these names that has one."""
    for name in names:
        for child in node.children(name):
            text = short(child.text)
            if text is not None:
                return text
    return None


def _title(node: Node) -> str | None:
    for child in node.children("atom:title", "title", "dc:title"):
        return short(plain(child.text) if child.attributes.get("type") == "html" else child.text)
    return None


def _page(node: Node, base: str) -> str | None:
    """The entry's page: the link to it; in RSS also a guid that is said, or taken, to be one."""
    for child in node.children(*_LINKS):
        written = child.attributes.get("href") or (child.text if child.name == "link" else "")
        if "alternate" in _relations(child):
            place = linked(based(base, child), written)
            if place is not None:
                return place
    for child in node.children("guid"):
        if child.attributes.get("isPermaLink", "true").strip().lower() == "true":
            return _identified(child.text)
    return _identified(node.attributes.get("rdf:about", ""))


def _identified(name: str) -> str | None:
    """The place that a name of an entry is; many are only names, and none is relative."""
    return linked("", name)


def _licence_link(node: Node, base: str) -> str | None:
    """A link to a licence (RFC 4946)."""
    for link in node.children(*_LINKS):
        if "license" in _relations(link):
            return linked(based(base, link), link.attributes.get("href", ""))
    return None


def _licence(node: Node) -> str | None:
    """The address of a Creative Commons licence, else a statement of rights."""
    for child in node.children("cc:license", "creativeCommons:license"):
        text = short(child.attributes.get("rdf:resource") or child.text)
        if text is not None:
            return text
    return _text(node, *_RIGHTS)


def _enclosed(node: Node, base: str) -> Iterator[str]:
    """The pictures that an entry is sent with, as written."""
    for child in node.children("enclosure", *_LINKS, "atom:content", "content"):
        kind = child.attributes.get("type", "").strip().lower()
        if not kind.startswith("image/"):
            continue
        if child.name in _LINKS and "enclosure" in _relations(child):
            yield linked(based(base, child), child.attributes.get("href", "")) or ""
        elif child.name == "enclosure":
            yield child.attributes.get("url", "")
        elif child.name not in _LINKS:
            yield child.attributes.get("src", "")  # RFC 4287 section 4.1.3.2


def _contents(node: Node, base: str) -> Iterator[tuple[Iterator[Tag | str], str]]:
    """The entry's texts in HTML, as tags and texts, each with its base."""
    names = ("content:encoded", "atom:content", "content", "description", "atom:summary", "summary")
    for name in names:
        for child in node.children(name):
            if any(isinstance(part, Node) for part in child.parts):
                yield _pieces_of(child), based(base, child)
            else:
                yield pieces(child.text), based(base, child)


def _pieces_of(node: Node) -> Iterator[Tag | str]:
    """The tags and texts of XHTML."""
    for part in node.parts:
        if isinstance(part, str):
            yield part
        else:
            name = part.name.removeprefix("xhtml:").lower()
            yield Tag(name, part.attributes)
            yield from _pieces_of(part)
            yield Tag(name, {}, closes=True)
