"""The largest rendition of an image in a IIIF document, as one URL.

IIIF Image API 3.0 section 4 and 5, 2.1 section 4 and 5, 1.1 section 4; IIIF Authorization Flow
API 2.0 and Authentication API 1.0. The size is left to the server (`max`, before 2.1 `full`) unless
the document says that the image has more pixels than are ever decoded; then a smaller one is asked
for, where the server says that it makes them. The format is JPEG, which every server gives.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from vultus.acquire.document import mappings, text_of, texts
from vultus.acquire.linked import linked

MAX_PIXELS = 100_000_000  # what a photo may have to be decoded
_VERSION = re.compile(
    r"/image(?:-api)?/([123])(?:\.[0-9])?/|\bImageService([123])\b|/image-api/compliance"
)
_LEVEL = re.compile(r"level([0-2])\b")


@dataclass(frozen=True)
class Rendition:
    """`needs_login`: the image says that it is behind a log-in, a click or a place (IIIF Auth)."""

    url: str
    needs_login: bool


def rendition(base: str, resource: Mapping[str, object]) -> Rendition | None:
    """The largest rendition of an image resource of a document at `base`; None where it names none.

    Of several image APIs the newest counts; without one, the URL of the resource itself.
    """
    apis = list(nested_apis(resource))
    needs_login = any(is_login(api) for api in apis)
    best = max(apis, key=image_version, default=resource)
    version = image_version(best)
    named = text_of(best, "id", "@id").partition("#")[0].rstrip("/")
    if not version:
        static = linked(base, text_of(resource, "id", "@id"))
        return Rendition(static, needs_login) if static else None
    place = linked(base, f"{named}/") if named else None
    if place is None:
        return None
    quality = "native" if version == 1 else "default"
    size = size_of(best, resource, version)
    return Rendition(f"{place}full/{size}/0/{quality}.jpg", needs_login)


def nested_apis(resource: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """What stands under `service`, at any depth."""
    pending = mappings(resource.get("service"))
    while pending:
        api = pending.pop()
        yield api
        pending += mappings(api.get("service"))


def image_version(api: Mapping[str, object]) -> int:
    """1, 2 or 3 by what the API says of itself; 0 where it is not an API of images."""
    for key in ("type", "@type", "@context", "profile"):
        for text in texts(api.get(key)):
            found = _VERSION.search(text)
            if found is not None:
                return int(found[1] or found[2] or 1)
            if key == "profile" and _LEVEL.fullmatch(text):
                return 3  # 3.0 names the level alone
    return 0


def is_login(api: Mapping[str, object]) -> bool:
    """Whether this is part of a flow of authorization (Auth 0.9, 1.0 and 2.0)."""
    types = [text for key in ("type", "@type") for text in texts(api.get(key))]
    named = [text for key in ("profile", "@context") for text in texts(api.get(key))]
    return any(re.fullmatch(r"Auth[A-Z][A-Za-z]*[0-9]", text) for text in types) or any(
        "iiif.io/api/auth/" in text for text in named
    )


def size_of(api: Mapping[str, object], resource: Mapping[str, object], version: int) -> str:
    """The size part of the URL."""
    stated = [api, *mappings(api.get("profile"))]
    limits = {
        key: min(found)
        for key in ("maxWidth", "maxHeight", "maxArea")
        if (found := [n for part in stated if (n := number(part.get(key)))])
    }
    largest = "max" if version == 3 or (version == 2 and limits) else "full"
    width = number(api.get("width")) or number(resource.get("width"))
    height = number(api.get("height")) or number(resource.get("height"))
    if not width or not height or served(width, height, limits) <= MAX_PIXELS:
        return largest
    profile = " ".join(texts(api.get("profile")))
    level = _LEVEL.search(profile)
    if level is not None and level[1] != "0":
        return f"{int(width * sqrt(MAX_PIXELS / (width * height)))},"
    sizes = [(number(size.get("width")), number(size.get("height")))
             for size in mappings(api.get("sizes"))]  # fmt: skip
    fitting = [(w, h) for w, h in sizes if w and h and w * h <= MAX_PIXELS]
    if not fitting:
        return largest
    width, height = max(fitting, key=lambda size: size[0] * size[1])
    return f"{width},{height}" if version == 3 else f"{width},"


def served(width: int, height: int, limits: Mapping[str, int]) -> float:
    """How many pixels `max` has (3.0 section 5.2): the largest within what is stated."""
    max_width = limits.get("maxWidth", width)
    max_height = limits.get("maxHeight", limits.get("maxWidth", height))
    scale = min(1.0, max_width / width, max_height / height)
    return min(width * height * scale * scale, limits.get("maxArea", width * height))


def number(value: object) -> int:
    """A positive whole number that could count pixels, else 0."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and isinstance(value, int) and 0 < value < 10**9 else 0
