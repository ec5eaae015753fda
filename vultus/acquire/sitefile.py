"""Files that speak for a whole site: tdmrep.json, an RSL licence, ai.txt.

Each reader takes the file's bytes, as a 2xx response gave them, and the URL of the picture, and
says what the file says about it. No reader raises; what cannot be read denies. Where a site has no
such file (404, 410), there is nothing to read and no signal.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from vultus.acquire.pattern import Pattern, path_of
from vultus.acquire.robots import PRODUCT_TOKEN, parse
from vultus.acquire.signal import Place, Signal, signal, unreadable

MAX_FILE_BYTES = 1024 * 1024
MAX_ENTRIES = 10_000
RSL_NAMESPACE = "https://rslstandard.org/rsl"

_PLACE = Place.SITE_FILE
_PICTURES = (
    "jpg", "jpeg", "jpe", "png", "gif", "webp", "bmp", "tif", "tiff", "heic", "heif", "avif", "jxl",
)  # fmt: skip
# RSL 1.0 section 3.4: what a usage of this name would include of what we do.
_OUR_USES = {"all", "ai-all", "ai-index", "search"}


def tdmrep(body: bytes, url: str) -> Signal:
    """What /.well-known/tdmrep.json says of `url` (TDMRep, file on the origin server).

    The first entry whose location covers the path counts. An entry before it that cannot be
    understood might have been the one, and denies.
    """
    name = "tdm-reservation"
    path = path_of(url)
    if len(body) > MAX_FILE_BYTES or path is None:
        return unreadable(name, _PLACE, f"a tdmrep.json of {len(body)} bytes")
    try:
        entries = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return unreadable(name, _PLACE, "tdmrep.json is no JSON")
    if isinstance(entries, dict):
        entries = [entries]
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        return unreadable(name, _PLACE, "tdmrep.json is no list of entries, or too long a one")
    for entry in entries:
        location = entry.get("location") if isinstance(entry, dict) else None
        if not isinstance(location, str) or not location.startswith(("/", "*")):
            return unreadable(name, _PLACE, _shown(entry))
        if Pattern.of(location.encode("utf-8", "replace")).covers(path):
            reserved = entry.get("tdm-reservation")
            if type(reserved) is not int or reserved not in {0, 1}:
                return unreadable(name, _PLACE, _shown(entry))
            rule = "reserved" if reserved else "not_reserved"
            return signal(f"{name}.{rule}", _PLACE, _shown(entry))
    return signal(f"{name}.not_said", _PLACE, "tdmrep.json has no entry for this path")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that comes twice has no meaning."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _shown(entry: object) -> str:
    try:
        return json.dumps(entry, ensure_ascii=False)[:1_000]
    except (ValueError, RecursionError):
        return "an entry that cannot be shown"


def rsl(body: bytes, url: str) -> list[Signal]:
    """What an RSL document, which stands on the site of `url`, says of it.

    All contents that cover the URL count, and all licences in each, although RSL lets a reader
    choose among licences: the strictest decides. A payment of any kind but free and attribution
    was not made; a licence for certain users or places is not known to be for us; a licence
    server has not been asked; encrypted content is not for us.
    """
    path = path_of(url)
    if len(body) > MAX_FILE_BYTES or path is None:
        return [unreadable("rsl", _PLACE, f"an RSL document of {len(body)} bytes")]
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return [unreadable("rsl", _PLACE, "the RSL document is no XML that is read")]
    contents = [element for element in root.iter() if element.tag == _tag("content")]
    if not contents or len(contents) > MAX_ENTRIES:
        return [unreadable("rsl", _PLACE, "no content, or too many, in the namespace of RSL")]
    n_licences = sum(len(content.findall(_tag("license"))) for content in contents)
    if n_licences < sum(element.tag == _tag("license") for element in root.iter()):
        return [unreadable("rsl", _PLACE, "a license that stands in no content")]
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    rules: dict[str, str] = {}
    for content in contents:
        if _rsl_covers(content.get("url", ""), host, path):
            for rule, raw in _content_rules(content):
                rules.setdefault(rule, raw)
    if not rules:
        rules = {"rsl.not_said": "the RSL document has no content for this URL"}
    return [signal(rule, _PLACE, raw) for rule, raw in rules.items()]


def _tag(name: str) -> str:
    return f"{{{RSL_NAMESPACE}}}{name}"


def _rsl_covers(written: str, host: str, path: bytes) -> bool:
    """Whether a content's url, a path or a whole URL with stars, covers ours; in doubt, yes."""
    scheme, found, rest = written.partition("://")
    if found and scheme.lower() in {"http", "https"}:
        theirs, slash, tail = rest.partition("/")
        if "*" not in theirs and theirs.rpartition("@")[2].lower() != host:
            return False
        written = slash + tail
    if not written.startswith(("/", "*")):
        return True
    return Pattern.of(written.encode("utf-8", "replace")).covers(path)


def _content_rules(content: Element) -> Iterator[tuple[str, str]]:
    """Every rule that one content gives, with what it says there."""
    if content.get("encrypted", "false").strip().lower() != "false":
        yield "rsl.licence_server", "encrypted"
    licences = content.findall(_tag("license"))
    asked = [e for parent in (content, *licences) for e in parent.findall(_tag("server"))]
    if content.get("server") or asked:
        yield "rsl.licence_server", content.get("server", "server")
    for licence in licences:
        yield from _licence_rules(licence)


def _licence_rules(licence: Element) -> Iterator[tuple[str, str]]:
    permitted: set[str] | None = None
    prohibited: set[str] = set()
    denied = False
    for element in licence:
        words = set((element.text or "").lower().replace(",", " ").split())
        kind = element.get("type", "usage").strip().lower()
        raw = f"{element.tag.rpartition('}')[2]} {kind}: {' '.join(sorted(words))}"
        if element.tag == _tag("payment"):
            kind = element.get("type", "free" if not len(element) and not words else "?")
            if kind not in {"free", "attribution"}:
                denied = True
                yield "rsl.payment", f"payment {kind}"
        elif element.tag in {_tag("permits"), _tag("prohibits")} and kind != "usage":
            denied = True
            yield "rsl.limited", raw
        elif element.tag == _tag("permits"):
            permitted = (permitted or set()) | words
        elif element.tag == _tag("prohibits"):
            prohibited |= words
    if _OUR_USES & prohibited:
        yield "rsl.prohibits", " ".join(sorted(prohibited))
    elif permitted is not None and not _OUR_USES & permitted:
        yield "rsl.not_permitted", " ".join(sorted(permitted))
    elif permitted is not None and not denied:
        yield "rsl.permits", " ".join(sorted(permitted))


def ai_txt(body: bytes, url: str, product_token: str = PRODUCT_TOKEN) -> Signal:
    """What ai.txt says of the picture at `url`: written like robots.txt, and read like it.

    A Disallow of one kind of picture file forbids, too, the pictures whose URL shows no kind.
    """
    path = path_of(url)
    if len(body) > MAX_FILE_BYTES or path is None:
        return unreadable("ai-txt", _PLACE, f"an ai.txt of {len(body)} bytes")
    robots = parse(body)
    if robots.rule != "robots.read" or robots.truncated:
        return unreadable("ai-txt", _PLACE, "ai.txt is not written like a robots.txt")
    found = robots.answer(url, product_token)
    if not found.allowed:
        return signal("ai-txt.disallowed", _PLACE, found.line)
    if path.partition(b"?")[0].rpartition(b".")[2].lower().decode("ascii") not in _PICTURES:
        for group in robots.groups_for(product_token):
            for rule in group.rules:
                if not rule.allow and rule.line.text.lower().rstrip("$").endswith(_PICTURES):
                    return signal("ai-txt.images", _PLACE, str(rule.line))
    return signal("ai-txt.allowed" if found.line else "ai-txt.not_said", _PLACE, found.line)
