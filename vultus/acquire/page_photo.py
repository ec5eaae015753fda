"""The pictures of an HTML page, each once, with all its renditions.

A picture is an `img` (or `amp-img`) with what its `picture` offers, what it loads later
(`data-src`, `data-srcset` and the like) and the larger picture that the link around it leads to; a
schema.org ImageObject; or the page's og:image. Two that share a rendition are one. Its URL is that
of the largest rendition: of an ImageObject's contentUrl, the link's, a "full size" attribute's,
then the widest of the srcsets (by `w`, else by `x` times the declared width), then `src`.

No picture of ours is: a `data:` URL; SVG and ICO; one declared smaller than MIN_SIDE on a side
(width, height, style), which tells spacers and tracking pixels, unless it has a larger rendition;
one whose class or file is named as decoration only (DECORATION), which tells avatars, logos, icons
and sprites; one that links to the site's own front page. What stands in for a picture that is
loaded later is no rendition.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vultus.acquire.linked import linked
from vultus.acquire.page_data import Thing, within
from vultus.acquire.page_tree import Node

MIN_SIDE = 64  # pixels
MAX_PHOTOS = 2_000
MAX_SRCSET = 50_000  # characters
MAX_CANDIDATES = 100
MAX_NAMED = 50  # pictures that one thing names
MAX_LIKENESSES = 5  # URLs of one ImageObject under one name

# `/wiki/File:A.jpg` is a page about a picture, and no picture.
PICTURE_FILE = re.compile(
    r"(?:^|/)[^/:]*\.(?:jpe?g|jpe|png|webp|avif|gif|tiff?|heic|bmp|jxl)$", re.IGNORECASE
)
DRAWING_FILE = re.compile(r"\.(?:svgz?|ico|cur)$", re.IGNORECASE)
DECORATION = frozenset({
    "arrow", "avatar", "avatars", "badge", "badges", "blank", "bullet", "button", "captcha",
    "counter", "divider", "emoji", "emoticon", "favicon", "flag", "flags", "gravatar", "home",
    "icon", "icons", "line", "loader", "loading", "logo", "logos", "pixel", "placeholder", "rss",
    "smiley", "spacer", "spinner", "sprite", "sprites", "tracking", "transparent",
})  # fmt: skip
DECORATING_CLASSES = DECORATION - {
    "arrow", "button", "home", "line", "loading", "loader", "placeholder", "flag", "blank",
    "transparent", "tracking", "counter", "badge", "icon",
}  # fmt: skip
# Where scripts find what they show later, the largest first.
FULL_SIZE = ("data-full-url", "data-full", "data-orig-file", "data-large_image", "data-large-file",
             "data-zoom-image", "data-zoom-src", "data-hires", "data-highres", "data-fullsrc",
             "data-large", "data-image-full")  # fmt: skip
LATER = ("data-src", "data-lazy-src", "data-original", "data-lazy", "data-echo",
         "data-img-src", "data-image")  # fmt: skip
SRCSETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set")
LIKENESSES = ("contentUrl", "url", "embedUrl", "thumbnailUrl", "thumbnail")
NUMBER = re.compile(r"\s*([0-9]{1,6})(?:\.[0-9]{1,9})?\s*(?:px)?\s*")
SIDES = re.compile(r"(?:^|;)\s*(?:width|height)\s*:\s*([0-9]{1,6})(?:\.[0-9]{1,9})?px")
NOT_SHOWN = {"logo", "publisher", "author", "creator", "provider", "copyrightHolder", "editor",
             "brand", "sourceOrganization", "isPartOf", "comment", "review",
             "contributor"}  # fmt: skip
CANDIDATE = re.compile(r"[\s,]*([^\s,]\S*)([^,]*)(?:,|$)")
# Kinds of renditions, the largest last; widths count only within `PLAIN`.
NAMED, PLAIN, FULL, LINKED, TOLD = range(5)


@dataclass(eq=False)
class Picture:
    """`renditions` has each URL with (kind, width, whether most programs can read it).

    `node` is its element, None for one that only the page's data tell; `thing` its ImageObject;
    `link` the page that a click on it leads to.
    """

    renditions: dict[str, tuple[int, float, bool]] = field(default_factory=dict)
    node: Node | None = None
    thing: Thing | None = None
    link: str | None = None

    def add(self, url: str | None, kind: int, width: float = 0.0) -> None:
        if url is not None and not DRAWING_FILE.search(urlsplit(url).path):
            size = (kind, width, not url.lower().endswith((".avif", ".jxl")))
            self.renditions[url] = max(size, self.renditions.get(url, size))

    @property
    def url(self) -> str:
        """The largest rendition; of several as large the first that is told."""
        return max(self.renditions, key=lambda url: self.renditions[url])


class Pictures:
    """The pictures of a page, in its order, joined where they share a rendition."""

    def __init__(self) -> None:
        self.found: list[Picture] = []
        self.of_url: dict[str, Picture] = {}
        self.of_node: dict[Node, Picture] = {}
        self.stems: set[str] = set()

    def add(self, picture: Picture) -> Picture | None:
        """Take a picture up, or what is new of it; None where there are too many, or nothing is."""
        known = next((self.of_url[u] for u in picture.renditions if u in self.of_url), None)
        if known is None:
            if not picture.renditions or len(self.found) >= MAX_PHOTOS:
                return None
            known = picture
            self.found.append(picture)
        else:
            for url, size in picture.renditions.items():
                known.renditions[url] = max(size, known.renditions.get(url, size))
            hidden = known.node is None or any(n.name == "noscript" for n in known.node.above())
            known.node = picture.node if hidden and picture.node is not None else known.node
            known.thing = known.thing or picture.thing
            known.link = known.link or picture.link
        for url in picture.renditions:
            self.of_url.setdefault(url, known)
            self.stems.add(_stem(url))
        if picture.node is not None:
            self.of_node[picture.node] = known
        return known


def is_picture(url: str) -> bool:
    """Whether a URL is, by its name, that of a picture."""
    return PICTURE_FILE.search(urlsplit(url).path) is not None


def read_pictures(root: Node, base: str, things: list[Thing]) -> Pictures:
    """The pictures of a page whose links are relative to `base`."""
    pictures = Pictures()
    for node in root.walk():
        if len(pictures.found) == MAX_PHOTOS:
            break
        if node.name in {"img", "amp-img"}:
            picture = _of_element(node, base)
            if picture is not None:
                pictures.add(picture)
    for thing in things:
        if "ImageObject" in thing.types or "Photograph" in thing.types:
            _add_thing(pictures, thing, base)
    n_named = MAX_PHOTOS
    for thing in things:
        # A picture named by its URL alone, or by a person or an article whose it is.
        shows = not (thing.types & {"Organization", "WebSite", "Person"}) and _is_shown(thing)
        for written in thing.said.get("image", ())[:MAX_NAMED] if shows and n_named > 0 else ():
            if isinstance(written, str):
                n_named -= 1
                _add_named(pictures, linked(base, written))
    for node in root.walk():
        if node.name == "meta" and node.get("property").lower() in {
            "og:image", "og:image:url", "og:image:secure_url",
        }:  # fmt: skip
            _add_named(pictures, linked(base, node.get("content")))
    return pictures


def _add_named(pictures: Pictures, url: str | None) -> None:
    """A picture that the page names as its own: new only where no other has the same file."""
    if url is None or is_decoration(url):
        return
    if url not in pictures.of_url and _stem(url) in pictures.stems:
        return
    picture = Picture()
    picture.add(url, NAMED)
    pictures.add(picture)


def _stem(url: str) -> str:
    """A URL without what names the size of a rendition."""
    parts = urlsplit(url)
    path = re.sub(r"(?:-[0-9]{1,5}x[0-9]{1,5}|-scaled|@[23]x)(?=\.[a-z]{3,4}$)", "", parts.path)
    return f"{parts.netloc}{path}"


def _add_thing(pictures: Pictures, thing: Thing, base: str) -> None:
    picture = Picture(thing=thing)
    for name in LIKENESSES:
        for written in thing.texts(name)[:MAX_LIKENESSES]:
            kind = TOLD if name == "contentUrl" else NAMED
            picture.add(linked(base, written), kind)
    if thing.node is not None:
        inside = [pictures.of_node[n] for n in thing.node.walk() if n in pictures.of_node]
        if len(set(inside)) == 1:
            for url, size in inside[0].renditions.items():
                picture.renditions.setdefault(url, size)
    known = any(url in pictures.of_url for url in picture.renditions)
    if not known and (not _is_shown(thing) or _is_small(thing)):
        return
    if known or not all(is_decoration(url) for url in picture.renditions):
        pictures.add(picture)


def _is_shown(thing: Thing) -> bool:
    """Whether it is told as what the page shows, and not as someone's logo or portrait."""
    around = [thing, *within(thing)]
    return not any(one.role in NOT_SHOWN for one in around) and not any(
        one.types & {"Organization", "WebSite"} or ("Person" in one.types and not one.role)
        for one in around[1:]
    )


def _is_small(thing: Thing) -> bool:
    sides = [NUMBER.fullmatch(thing.text(name) or "") for name in ("width", "height")]
    return any(side is not None and int(side[1]) < MIN_SIDE for side in sides)


def is_decoration(url: str) -> bool:
    """Whether every word of the file's name is one of DECORATION, or it is a drawing."""
    path = urlsplit(url).path
    if DRAWING_FILE.search(path):
        return True
    words = re.findall(r"[a-z]{2,}", path.rpartition("/")[2].rpartition(".")[0].lower())
    return bool(words) and all(word in DECORATION for word in words)


def _of_element(node: Node, base: str) -> Picture | None:
    """The picture of an `img`; None for decoration."""
    picture = Picture(node=node)
    width = NUMBER.fullmatch(node.get("width"))
    declared = float(width[1]) if width else 0.0
    offers = [node]
    if node.parent is not None and node.parent.name == "picture":
        offers += [n for n in node.parent.children if isinstance(n, Node) and n.name == "source"][
            :MAX_CANDIDATES
        ]
    for offer in offers:
        for name in SRCSETS:
            for url, size in srcset(offer.attributes.get(name, ""), declared):
                picture.add(linked(base, url), PLAIN, size)
    later = [node.get(name) for name in LATER if "/" in node.get(name) or "." in node.get(name)]
    for written in later[:1]:
        picture.add(linked(base, written), PLAIN, declared)
    # Where something comes later, what is there first stands in, often the same for all pictures.
    if not later and not (set(SRCSETS[1:]) & set(node.attributes) and picture.renditions):
        picture.add(linked(base, node.get("src")), PLAIN, declared)
    for place, name in enumerate(FULL_SIZE):
        if "/" in node.get(name) or "." in node.get(name):
            picture.add(linked(base, node.get(name)), FULL, -place)
    around = next((up for up in node.above() if up.name == "a" and up.get("href")), None)
    to = linked(base, around.get("href")) if around is not None else None
    if to is not None and is_picture(to):
        picture.add(to, LINKED)
    else:
        picture.link = to
    return None if not picture.renditions or _decorates(picture, base) else picture


def _decorates(picture: Picture, base: str) -> bool:
    kind, width, _ = picture.renditions[picture.url]
    node = picture.node
    assert node is not None
    if node.words() & DECORATING_CLASSES or is_decoration(picture.url):
        return True
    if picture.link is not None and picture.link != linked(base, base):
        parts = urlsplit(picture.link)
        if parts.path == "/" and not parts.query and parts.netloc == urlsplit(base).netloc:
            return True
    if kind >= FULL or (width >= MIN_SIDE and len(picture.renditions) > 1):
        return False
    sides = [NUMBER.fullmatch(node.get(name)) for name in ("width", "height")]
    declared = [int(side[1]) for side in sides if side]
    declared += [int(side) for side in SIDES.findall(node.get("style")[:1000])]
    return any(side < MIN_SIDE for side in declared)


def srcset(text: str, declared: float = 0.0) -> Iterator[tuple[str, float]]:
    """The candidates of a srcset (HTML 4.8.4.2.1), each URL with its width in pixels.

    `x` counts as that many times the declared width (1 where none is), none at all as `1x`. A comma
    may stand in a URL, but not at its end.
    """
    position, text = 0, text[:MAX_SRCSET]
    for _ in range(MAX_CANDIDATES):
        found = CANDIDATE.match(text, position)
        if found is None:
            return
        url, descriptor, position = found[1], found[2].strip(), found.end()
        if url.endswith(","):
            url, descriptor, position = url.rstrip(","), "", found.end(1)
        size = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([wx])(?:\s+[0-9]{1,6}h)?", descriptor)
        if size is None:
            yield url, declared or 1.0
        else:
            yield url, float(size[1]) * (1.0 if size[2] == "w" else declared or 1.0)
