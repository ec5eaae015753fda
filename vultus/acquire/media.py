"""Media RSS 1.5.1: the photos of an entry, whichever feed it stands in.

Of a group, which shows one thing in several sizes, the largest counts. What is said of a photo
stands in its media:content, else in its group, else in the entry, else in the feed. Ratings,
keywords, hashes and prices are passed over: nothing here has a place for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vultus.acquire.elements import Node
from vultus.acquire.entry import filled, short
from vultus.acquire.found import Beside
from vultus.acquire.tags import plain

MAX_CREDITS = 20
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif", ".avif", ".tif", ".tiff")


@dataclass(frozen=True)
class Media:
    """A photo: its URL as written, and what Media RSS says of it alone."""

    written: str
    beside: Beside


def media(entry: Node) -> Iterator[Media]:
    """The photos of an entry in their order.

    A thumbnail counts where what it stands for is no photo: a film, or nothing at all.
    """
    found = False
    for child in entry.children("media:group", "media:content"):
        contents = list(child.children("media:content")) if child.name == "media:group" else [child]
        pictures = [content for content in contents if is_picture(content)]
        if pictures:
            best = max(pictures, key=_size)
            found = True
            near = said(best)
            far = said(child) if child is not best else Beside()
            yield Media(best.attributes.get("url", ""), filled(near, far))
        else:
            thumbnail = _thumbnail([child, *contents])
            if thumbnail is not None:
                found = True
                yield Media(thumbnail, said(child))
    thumbnail = None if found else _thumbnail([entry])
    if thumbnail is not None:
        yield Media(thumbnail, Beside())


def said(node: Node) -> Beside:
    """What the direct children of a content, group, entry or feed say by Media RSS."""
    title = _text(node, "media:title")
    caption = _text(node, "media:description")
    credited = [short(plain(child.text)) for child in node.children("media:credit")][:MAX_CREDITS]
    language = node.attributes.get("lang", "") if node.name == "media:content" else ""
    return Beside(
        title=title,
        caption=caption,
        caption_source=None if caption is None else "media:description",
        credit=short(", ".join(dict.fromkeys(filter(None, credited)))),
        licence=_licence(node),
        language=short(language),
    )


def is_picture(content: Node) -> bool:
    """Whether a media:content is a picture, as medium or type say, or else its URL's ending."""
    medium = content.attributes.get("medium", "").strip().lower()
    kind = content.attributes.get("type", "").strip().lower()
    if medium or kind:
        return medium == "image" or (not medium and kind.startswith("image/"))
    path = content.attributes.get("url", "").partition("?")[0]
    return path.strip().lower().endswith(_PICTURES)


def _size(content: Node) -> tuple[int, int]:
    numbers = [whole(content.attributes.get(name, "")) for name in ("width", "height", "fileSize")]
    return (numbers[0] * max(1, numbers[1]), numbers[2])


def whole(text: str) -> int:
    """A whole number of at most nine digits; 0 for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def _thumbnail(nodes: list[Node]) -> str | None:
    """The largest thumbnail of these, as written."""
    found = [thumbnail for node in nodes for thumbnail in node.children("media:thumbnail")]
    best = max(found, key=_size, default=None)
    return None if best is None else best.attributes.get("url")


def _text(node: Node, name: str) -> str | None:
    for child in node.children(name):
        return short(plain(child.text) if child.attributes.get("type") == "html" else child.text)
    return None


def _licence(node: Node) -> str | None:
    """The address of a licence, else its name, else to whom the rights belong."""
    for name, attribute in (("media:license", "href"), ("media:copyright", "url")):
        for child in node.children(name):
            text = short(child.text)
            link = short(child.attributes.get(attribute))
            if (link or text) is not None:
                return (link or text) if name == "media:license" else (text or link)
    return None
