"""The pictures of an HTML fragment, each with what is written to it: figcaption, or else alt."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vultus.acquire.tags import Tag

MIN_SIDE = 3  # a picture whose width or height is said to be less counts visits, and shows nothing
MAX_TEXT = 10_000
_BREAKS = {"p", "br", "div", "li", "span"}


@dataclass(frozen=True)
class Figure:
    """`written` is the picture's URL as it stands there, the largest of its srcset.

    `caption_source` is `figcaption`, `img:alt` or None.
    """

    written: str
    caption: str | None
    caption_source: str | None


def figures(pieces: Iterable[Tag | str]) -> Iterator[Figure]:
    """The pictures in their order, those of a figure when it ends, with its caption."""
    reading = _Reading()
    for piece in pieces:
        if isinstance(piece, str):
            if reading.caption is not None:
                reading.caption.append(piece)
        else:
            yield from reading.take(piece)
    yield from _captioned(reading.held, reading.captions)


class _Reading:
    """What is open: figures within figures are one, `held` are its pictures so far."""

    def __init__(self) -> None:
        self.depth = 0
        self.held: list[Figure] = []
        self.caption: list[str] | None = None  # what is open of one
        self.captions: list[str] = []
        self.sources: list[str] = []  # srcset of the sources before a picture's img

    def take(self, tag: Tag) -> Iterator[Figure]:
        match tag.name:
            case "figure":
                self.depth = max(0, self.depth + (-1 if tag.closes else 1))
                if self.depth == 0:
                    yield from _captioned(self.held, self.captions)
                    self.held, self.captions, self.caption = [], [], None
            case "figcaption":
                if self.caption is not None:
                    self.captions.append("".join(self.caption))
                self.caption = None if tag.closes or not self.depth else []
            case "picture":
                self.sources = []
            case "source" if not tag.closes:
                self.sources.append(tag.attributes.get("srcset", ""))
            case "img" if not tag.closes:
                figure = _figure(tag, self.sources)
                self.sources = []
                if figure is not None and self.depth:
                    self.held.append(figure)
                elif figure is not None:
                    yield figure
            case name if self.caption is not None and name in _BREAKS:
                self.caption.append(" ")


def _captioned(held: list[Figure], captions: list[str]) -> Iterator[Figure]:
    text = " ".join(" ".join(captions).split())[:MAX_TEXT]
    for figure in held:
        yield Figure(figure.written, text, "figcaption") if text else figure


def _figure(img: Tag, sources: list[str]) -> Figure | None:
    attributes = img.attributes
    for name in ("width", "height"):
        side = attributes.get(name, "").strip().removesuffix("px")
        if side.isascii() and side.isdigit() and len(side) < 5 and int(side) < MIN_SIDE:
            return None
    written = largest([attributes.get("srcset", ""), *sources]) or attributes.get("src", "").strip()
    if not written or written.lower().startswith("data:"):
        return None
    alt = " ".join(attributes.get("alt", "").split())[:MAX_TEXT]
    return Figure(written, alt or None, "img:alt" if alt else None)


def largest(srcsets: list[str]) -> str | None:
    """The URL with the largest width, or else density, in srcset attributes (HTML 4.8.4.2.1).

    Of two as large the first. A candidate without a size has density 1. None where there is none.
    """
    best: tuple[int, float] = (0, 0.0)
    found = None
    for srcset in srcsets:
        for written, descriptor in _candidates(srcset):
            unit = descriptor[-1:]
            number = descriptor[:-1]
            plain = number.isascii() and number.replace(".", "", 1).isdigit() and len(number) < 10
            size = (int(unit == "w"), float(number) if plain and unit in {"w", "x"} else 1.0)
            if size > best and not written.lower().startswith("data:"):
                best, found = size, written
    return found


def _candidates(srcset: str) -> Iterator[tuple[str, str]]:
    """Each URL with its width or density; a comma ends a URL only where a blank follows it."""
    written = size = ""
    for word in srcset.split():
        descriptor, comma, tail = word.partition(",") if written else ("", "", word)
        if descriptor.endswith(("w", "x")):
            size = descriptor
        if comma:
            yield written, size
            written = size = ""
        if not written and (text := tail.strip(",")):
            written = text
            if tail.endswith(","):
                yield written, size
                written = ""
    if written:
        yield written, size
