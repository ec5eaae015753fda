"""When what a page shows was made or published, from the surest place to the least sure.

    what the ImageObject of the picture says: dateCreated, datePublished, uploadDate
    `time` elements within the picture's own block
    JSON-LD or microdata: datePublished, dateCreated of the article, else of the page
    meta elements: PUBLISHED, in that order
    `time` elements of the article, the nearest around the picture
    what stands beside a label: "Published", "Publié le", "Datum", "Aufgenommen am", in a line, a
      list of terms or a table
    the page's address: /2021/05/03/, /2021/05/, 2021-05-03
    one single date in the picture's figcaption
    the day of the last change, which its source then says

Comments, asides, footers and other articles do not date a page; years of copyright, bare dates in
running text and anything that archive_date does not know for certain never do. htmldate is not
used: it took a comment's day for the page's, made 1 January of a copyright year and 24 May of
`2011-05`; eval/beside.py counts how often.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from vultus.acquire.archive_date import written_date
from vultus.acquire.page_data import Thing
from vultus.acquire.page_tree import Node
from vultus.faces.dates import Date, read_date

Dated = tuple[Date, str]  # with where it stood

MAX_TIMES = 500
PUBLISHED = (
    "article:published_time", "article:published", "og:article:published_time",
    "og:published_time", "citation_publication_date", "citation_date", "parsely-pub-date",
    "sailthru.date", "pubdate", "publishdate", "publish-date", "publication_date", "published",
    "date.published", "datepublished",
    "schema:datepublished", "schema:datecreated", "dc.date.issued", "dcterms.issued",
    "dc.date.created",
    "dcterms.created", "dc.date", "dcterms.date", "dc:date", "dcterms:date", "date",
    "creation_date",
)  # fmt: skip
MODIFIED = ("article:modified_time", "og:updated_time", "dcterms.modified", "last-modified")
ARTICLES = {"Article", "NewsArticle", "BlogPosting", "ReportageNewsArticle", "SocialMediaPosting",
            "Report", "ScholarlyArticle", "AnalysisNewsArticle", "LiveBlogPosting",
            "OpinionNewsArticle", "ImageGallery", "Photograph", "VisualArtwork"}  # fmt: skip
WORKS = {"WebPage", "ItemPage", "AboutPage", "ProfilePage", "CollectionPage", "CreativeWork",
         "MediaGallery", "Collection", "Event", "ArchiveComponent"}  # fmt: skip
ELSEWHERE = frozenset({
    "comment", "comments", "commentlist", "respond", "reply", "replies", "reactions", "reacties",
    "commentaires", "kommentare", "related", "recommended", "sidebar", "widget", "teaser",
    "teasers", "promo", "similar", "upcoming", "events", "readmore", "popular", "trending",
})  # fmt: skip
CHANGED = re.compile(
    r"\b(?:updated?|modified|edited|revised|changed|mis(?:e)? à jour|modifié|actualisé"
    r"|bijgewerkt|gewijzigd|aktualisiert|geändert|stand)\b[^.!?]{0,40}$",
    re.IGNORECASE,
)
CHANGED_WORDS = frozenset({"updated", "modified", "edited", "update", "changed"})
LABEL = re.compile(
    r"(?:^|[\s(])(?:published|posted|first published|taken|photographed|date taken|date created"
    r"|publication date|date|publiée?|date de publication|prise?|mise? en ligne|photographiée?"
    r"|gepubliceerd|geplaatst|genomen|gefotografeerd|datum|datering|publicatiedatum"
    r"|veröffentlicht|aufgenommen|erschienen|aufnahmedatum|erscheinungsdatum)"
    r"(?:\s+(?:on|at|le|en|op|am|in|:))?\s*:?\s*(?=[0-9]|[^\W\d_]{3,9}\.?\s[0-9])",
    re.IGNORECASE,
)
TERM = frozenset({
    "date", "date created", "date taken", "created", "published", "date published", "taken",
    "date de création", "date de publication", "datation", "date de prise de vue", "datum",
    "datering", "opnamedatum", "publicatiedatum", "vervaardigingsdatum", "datierung",
    "aufnahmedatum", "erscheinungsdatum", "entstehungsdatum", "year", "année", "jaar", "jahr",
})  # fmt: skip
IN_TEXT = re.compile(
    r"(?<![\w./-])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{8}(?:Z|[+-][0-9:]{5})?)?"
    r"|[0-9]{1,2}(?:st|nd|rd|th|er|e|\.)?\s{1,3}(?:of\s|de\s)?[^\W\d_]{3,9}\.?,?\s{1,3}[0-9]{4}"
    r"|[^\W\d_]{3,9}\.?\s{1,3}[0-9]{1,2}(?:st|nd|rd|th)?,\s{0,3}[0-9]{4}"
    r"|[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}|[^\W\d_]{3,9}\.?\s{1,3}[0-9]{4})(?![\w/-])",
)
ADDRESS_DAY = re.compile(
    r"(?<![0-9])((?:18|19|20)[0-9]{2})([/-])([01]?[0-9]|[a-z]{3})\2([0-3]?[0-9])(?![0-9])",
    re.IGNORECASE,
)
ADDRESS_MONTH = re.compile(r"/((?:18|19|20)[0-9]{2})/([01][0-9])(?=/)")
ZONE = re.compile(r"([+-][0-9]{2})([0-9]{2})$|\s*(?:UTC|GMT)$")


def known_date(written: str) -> Date | None:
    """The date that an attribute or a field gives; None where it gives none for certain.

    A year alone is one; the zone may be written without its colon, as some programs do.
    """
    written = written.strip()[:80]
    zoned = ZONE.sub(lambda z: f"{z[1]}:{z[2]}" if z[1] else "+00:00", written)
    zoned = re.sub(r"(?<=[0-9])\s+(?=[+-][0-9]{2}:)", "", zoned)
    return read_date(zoned) or written_date(written) or _rfc(written)


def _rfc(written: str) -> Date | None:
    """The day of `Mon, 03 May 2021 10:11:12 GMT` or `2021-05-03, 10:11`."""
    found = IN_TEXT.search(written)
    day = written_date(found[0]) if found and re.search(r"[0-9]:[0-9]{2}", written) else None
    return day if day is not None and day.precision == "day" else None


def single_date(text: str) -> Date | None:
    """The one date in a sentence, to the month at least; None where there is none or two."""
    found = {date for part in IN_TEXT.findall(text[:2_000]) if (date := written_date(part))}
    known = [date for date in found if date.precision != "year"]
    return known[0] if len(known) == 1 else None


def date_of_thing(thing: Thing) -> Dated | None:
    """What an ImageObject says of itself."""
    for name in ("dateCreated", "datePublished", "uploadDate"):
        for text in thing.texts(name):
            if (date := known_date(text)) is not None:
                return date, f"schema.org:ImageObject:{name}"
    return None


class PageDates:
    """What dates a page, read once; `of_page` is the same for all its pictures."""

    def __init__(
        self, root: Node, url: str, things: list[Thing], terms: Iterable[tuple[str, str]]
    ) -> None:
        metas = _metas(root)
        times = _times(root)
        # The first `time` within each element around one.
        self.within: dict[Node, Date] = {}
        for node, date in times:
            for up in node.above():
                self.within.setdefault(up, date)
        self.before = (
            _of_things(things, ARTICLES, ("datePublished", "dateCreated"))
            or _of_things(things, WORKS, ("datePublished", "dateCreated"))
            or _first(metas, PUBLISHED, "meta")
        )
        self.after = _of_terms(terms) or _labelled(root) or of_address(url)
        self.changed = _of_things(things, ARTICLES | WORKS, ("dateModified",)) or _first(
            metas, MODIFIED, "meta"
        )

    def near(self, block: Node | None) -> Dated | None:
        """The `time` within the picture's own block."""
        date = self.within.get(block) if block is not None else None
        return (date, "time") if date is not None else None

    def of_page(self, node: Node | None) -> Dated | None:
        """What dates the page, seen from a picture in it; None where only its last change does."""
        if self.before is not None:
            return self.before
        if node is not None:
            for up in node.above():
                if up in self.within:
                    return self.within[up], "time"
        return self.after


def elsewhere(node: Node) -> bool:
    """Whether an element stands in what is not about the page: comments, asides, other articles."""
    n_articles = 0
    for up in (node, *node.above()):
        named = up.words() & ELSEWHERE and up.name not in {"body", "html"}
        if named or up.name in {"aside", "nav", "footer"}:
            return True
        n_articles += up.name == "article"
    return n_articles > 1


def _metas(root: Node) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in root.walk():
        # RDFa puts what is meant for programs on any element.
        if node.name == "meta" or "property" in node.attributes:
            name = node.get("property") or node.get("name")
            found.setdefault(name.lower(), []).append(node.get("content"))
    return found


def _first(metas: dict[str, list[str]], names: Iterable[str], kind: str) -> Dated | None:
    for name in names:
        for text in metas.get(name, ()):
            if (date := known_date(text)) is not None:
                return date, f"{kind}:{name}"
    return None


def _of_things(things: list[Thing], types: set[str], names: Iterable[str]) -> Dated | None:
    """The date on which all things of these types agree; None where they do not."""
    for name in names:
        dates = {
            date
            for thing in things
            if thing.types & types and thing.role in {"", "mainEntity", "mainEntityOfPage"}
            for text in thing.texts(name)
            if (date := known_date(text)) is not None
        }
        if len({date.text[:10] for date in dates}) == 1:
            return max(dates, key=lambda date: len(date.text)), f"schema.org:{name}"
        if dates:
            return None
    return None


def _times(root: Node) -> list[tuple[Node, Date]]:
    """The `time` elements that may be a day of publication, in order."""
    found: list[tuple[Node, Date]] = []
    n = 0
    for node in root.walk():
        if node.name != "time":
            continue
        n += 1
        if n > MAX_TIMES:
            break
        if node.words() & CHANGED_WORDS or "dateModified" in node.get("itemprop"):
            continue
        written = node.get("datetime")
        date = known_date(written) if written else known_date(node.text())
        of_picture = any("ImageObject" in up.get("itemtype") for up in node.above())
        if (
            date is not None
            and not of_picture
            and not elsewhere(node)
            and not CHANGED.search(_before(node))
        ):
            found.append((node, date))
    return found


def _before(node: Node) -> str:
    """The text that stands directly before an element, in the element around it."""
    parts: list[str] = []
    if node.parent is not None:
        for child in node.parent.children[:200]:
            if child is node:
                break
            parts.append(child if isinstance(child, str) else child.text())
            if isinstance(child, Node) and child.name == "time":
                parts.clear()
    return " ".join("".join(parts).split())[-80:]


def _of_terms(terms: Iterable[tuple[str, str]]) -> Dated | None:
    for label, text in terms:
        if label in TERM and (date := known_date(text)) is not None:
            return date, f"term:{label}"
    return None


def _labelled(root: Node) -> Dated | None:
    """The first short line that says "Published on 3 May 2021", in any of four languages."""
    for node in root.walk():
        for child in node.children:
            if not isinstance(child, str) or len(child) > 200:
                continue
            line = " ".join(child.split())
            label = LABEL.search(line)
            if label is None or elsewhere(node) or CHANGED.search(line[: label.end()]):
                continue
            found = IN_TEXT.match(line, label.end())
            date = written_date(found[0]) if found else None
            if date is not None and date.precision != "year":
                return date, "text"
    return None


def of_address(url: str) -> Dated | None:
    """The day or month in a page's address."""
    path = urlsplit(url).path
    for found in ADDRESS_DAY.finditer(path):
        year, _, month, day = found.groups()
        written = f"{day} {month} {year}" if month.isalpha() else f"{year}/{month}/{day}"
        if (date := written_date(written)) is not None:
            return date, "url"
    for found in ADDRESS_MONTH.finditer(path):
        if (date := read_date(f"{found[1]}-{found[2]}")) is not None:
            return date, "url"
    return None
