"""What single elements of a record's metadata say: texts, names, URLs of images."""

import re
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

from vultus.acquire.archive_date import written_date
from vultus.acquire.linked import linked
from vultus.acquire.wording import (
    MAX_MARKUP,
    MAX_TEXT,
    Wording,
    language_tag,
    plain_text,
    preferred,
)
from vultus.faces.dates import Date

MAX_VALUES = 200  # of one property
MAX_PERSONS = 200
MAX_NAME = 200  # characters
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_IMAGE = re.compile(r"\.(?:jpe?g|jpe|png|gif|webp|tiff?|bmp|jp2|hei[cf]|avif|jxl)", re.IGNORECASE)
_SMALL = re.compile(r"thumb|preview|icon|vignette", re.IGNORECASE)


def said(elements: Iterable[Element]) -> list[Wording]:
    """The texts of elements and their languages, those without text left out."""
    found: list[Wording] = []
    for element in elements:
        text = plain_text(text_in(element))
        if text:
            found.append(Wording(text, language_tag(element.get(LANGUAGE))))
        if len(found) >= MAX_VALUES:
            break
    return found


def text_in(element: Element) -> str:
    """All text in an element, as far as a text is looked at."""
    pieces: list[str] = []
    n_left = MAX_MARKUP
    for piece in element.itertext():
        pieces.append(piece[:n_left])
        n_left -= len(piece)
        if n_left <= 0:
            break
    return "".join(pieces)


def worded(elements: Iterable[Element]) -> Wording | None:
    """The text in the preferred language; several in one language are joined."""
    there = said(elements)
    chosen = preferred(there)
    if chosen is None:
        return None
    same = [wording.text for wording in there if wording.language == chosen.language]
    return Wording("; ".join(dict.fromkeys(same))[:MAX_TEXT].rstrip(), chosen.language)


def names(texts: Iterable[str]) -> tuple[str, ...]:
    """Names of persons, each once."""
    usable = (name for text in texts if 0 < len(name := plain_text(text)) <= MAX_NAME)
    return tuple(dict.fromkeys(usable))[:MAX_PERSONS]


def place(base: str, text: str | None) -> str | None:
    """An http or https URL that is written in full; identifiers of other kinds are none."""
    text = (text or "").strip()
    return linked(base, text) if text.lower().startswith(("http://", "https://")) else None


def is_image(url: str) -> bool:
    """Whether the name of what the URL names ends as that of an image."""
    name = url.partition("?")[0].rpartition("/")[2]
    return _IMAGE.fullmatch(name, max(name.rfind("."), 0)) is not None


def largest(urls: Sequence[str]) -> list[str]:
    """Those that do not say that they are small, each once; all where all do."""
    return list(dict.fromkeys(url for url in urls if not is_small(url))) or list(
        dict.fromkeys(urls)
    )


def is_small(text: str) -> bool:
    return _SMALL.search(text) is not None


def licence(texts: Iterable[str]) -> str | None:
    """The first that is a URL, since it names the licence exactly, else the first."""
    there = [plain for text in texts if (plain := plain_text(text))]
    urls = [text for text in there if text.startswith(("http://", "https://"))]
    return next(iter(urls or there), None)


def dated(sources: Iterable[tuple[str, Iterable[str]]]) -> tuple[Date | None, str | None]:
    """The first date that can be read, and the name of its source."""
    for source, texts in sources:
        for text in texts:
            found = written_date(text)
            if found is not None:
                return found, source
    return None, None
