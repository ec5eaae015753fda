"""What one document of a source tells: photos, further documents, and what is gone.

A connector is a pure function from a document (its URL and its bytes) to `Found`; it asks for
nothing itself. Whoever visits the source asks for the links, as far as that is permitted, and
gives each answer to the reader of its role.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a URL of a source is asked for as, and so which reader gets the answer."""

    PAGE = "page"
    SITEMAP = "sitemap"
    FEED = "feed"
    IIIF = "iiif"
    OAI = "oai"
    COMMONS = "commons"
    COMMON_CRAWL = "common_crawl"
    PHOTO = "photo"


@dataclass(frozen=True)
class Link:
    """A further document: an absolute URL in the one spelling of `acquire.url.parse_url`."""

    role: Role
    url: str


@dataclass(frozen=True)
class Beside:
    """What stands beside a photo, as text, stripped; None where nothing does.

    `caption_source` and `date_source` say where it stood, such as `figcaption`, `img:alt`,
    `schema.org:datePublished`, `media:description`. `date` is ISO 8601 as far as it is known,
    `date_precision` year, month, day or second (as in `faces.metadata`). `language` is a BCP 47
    tag as it was written.
    """

    title: str | None = None
    caption: str | None = None
    caption_source: str | None = None
    credit: str | None = None
    licence: str | None = None
    date: str | None = None
    date_precision: str | None = None
    date_source: str | None = None
    persons: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class Item:
    """One photo at one place: its URL, the page that shows it, and what stands beside it there.

    `origin` is the name of the record that told of the photo, where a source tells of records: an
    OAI identifier, a IIIF manifest's id, the page of a file. A record may tell of several photos;
    when it is read again and tells of one no longer, that one is gone. A record that tells of none
    is in `Found.gone` itself.
    `version` changes when the source says that the photo or what stands beside it has changed
    (a datestamp, a digest); None where the source says nothing of it.
    """

    url: str
    page_url: str | None = None
    version: str | None = None
    beside: Beside = field(default_factory=Beside)
    origin: str | None = None


@dataclass(frozen=True)
class Refused:
    """A place that a document tells of and that is not to be asked for; `code` says why, such as
    `iiif.login`."""

    url: str
    code: str


@dataclass(frozen=True)
class Found:
    """What a document tells, in its order. `gone`: what the source has deleted, or over which it
    has withdrawn the rights, by the names told before: a place, a page or an `Item.origin`."""

    photos: tuple[Item, ...] = ()
    links: tuple[Link, ...] = ()
    gone: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
