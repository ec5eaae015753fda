"""What headers and pages say about the use of pictures, as signals.

Each reader takes what one place holds and returns what it says, at least one signal where the
place says anything at all; no reader raises. What cannot be read, or is longer than is read,
denies. Within one place the strictest value counts, so a reader may return several signals.
Site files are read by `sitefile`, what a picture holds in itself by `embedded`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vultus.acquire.robots import PRODUCT_TOKEN, Answer
from vultus.acquire.signal import Place, Signal, signal, unreadable
from vultus.acquire.structured import MAX_FIELD_CHARACTERS, dictionary
from vultus.acquire.tags import attributes_of

MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_METAS = 200
MAX_HEADERS = 100
MAX_LICENCES = 10
RSL_TYPE = "application/rsl+xml"

_DENYING_WORDS = {
    "noindex": "noindex", "none": "none", "noimageindex": "noimageindex", "noai": "noai",
    "noimageai": "noimageai", "unavailable_after": "unavailable_after",
}  # fmt: skip
_ALLOWING_WORDS = {"all", "index"}
_WITH_VALUE = {"max-snippet", "max-image-preview", "max-video-preview"}
# draft-ietf-aipref-vocab-08 has search, ai-use and train-ai; older drafts the others.
_USAGE_KEYS = {"search", "ai-use", "ai-output", "inference", "bots", "all", "tdm", "ai"}
_USAGE_TRAINING = {"train-ai", "train-genai", "genai"}
_CONTENT_SIGNAL_KEYS = {"search", "ai-input", "search-ai"}
_CONTENT_SIGNAL_TRAINING = {"ai-train"}


def robots_tag(
    values: Sequence[str], place: Place, product_token: str = PRODUCT_TOKEN
) -> list[Signal]:
    """The X-Robots-Tag headers of one response, each as it came.

    A name and a colon before a value make it, and what follows up to the next name, an
    instruction for that robot only.
    """
    name = "x-robots-tag"
    if too_long(values):
        return [unreadable(name, place, "more X-Robots-Tag headers than are read")]
    return [found for value in values for found in _words(name, value, place, product_token)]


def _words(name: str, value: str, place: Place, product_token: str | None) -> list[Signal]:
    """The signals of one list of instructions; one that is not for us is silent.

    Where `product_token` is None, the list cannot name robots and all of it is for us.
    """
    rules: dict[str, None] = {}
    others = False
    ours = True
    for part in value.lower().split(","):
        words = part
        head, colon, tail = part.partition(":")
        agent = head.strip()
        if colon and re.fullmatch(r"[a-z0-9_*.-]+", agent) and agent not in _DENYING_WORDS:
            if agent in _WITH_VALUE:
                continue
            if product_token is not None:
                ours, words = agent in {"*", "robots", product_token.lower()}, tail
        if not ours:
            others = True
            continue
        for word in re.findall(r"[a-z0-9_-]+", words):
            if word in _DENYING_WORDS:
                rules[f"{name}.{word}"] = None
            elif word in _ALLOWING_WORDS:
                rules[f"{name}.all"] = None
    if not rules:
        rules[f"{name}.other_agent" if others else f"{name}.not_said"] = None
    return [signal(rule, place, value) for rule in rules]


def tdm_header(values: Sequence[str], place: Place) -> list[Signal]:
    """The tdm-reservation headers of one response (TDMRep, header fields): 1 denies, 0 allows."""
    if too_long(values):
        return [unreadable("tdm-reservation", place, "more tdm-reservation headers than are read")]
    rules = {
        "1": "tdm-reservation.reserved",
        "0": "tdm-reservation.not_reserved",
    }
    return [
        signal(rules.get(part.strip(), "tdm-reservation.unreadable"), place, value)
        for value in values
        for part in value.split(",")
    ]


def content_usage(values: Sequence[str], place: Place) -> list[Signal]:
    """Content-Usage headers of one response, or such lines of robots.txt (AIPREF drafts)."""
    keys = (_USAGE_KEYS, _USAGE_TRAINING)
    return _preferences("content-usage", values, place, keys, {"y": True, "n": False})


def content_signal(values: Sequence[str], place: Place) -> list[Signal]:
    """Content-Signal headers or lines of robots.txt (draft-romm-aipref-contentsignals-00)."""
    keys = (_CONTENT_SIGNAL_KEYS, _CONTENT_SIGNAL_TRAINING)
    lower = [value.lower() for value in values]
    return _preferences("content-signal", lower, place, keys, {"yes": True, "no": False})


def _preferences(
    name: str,
    values: Sequence[str],
    place: Place,
    keys: tuple[set[str], set[str]],
    meanings: dict[str, bool],
) -> list[Signal]:
    """Each value is a dictionary of keys with a yes or a no; keys that are not known mean nothing.

    A yes and a no in one value, for different uses or for the same, are a no.
    """
    if too_long(values):
        return [unreadable(name, place, f"more {name} values than are read")]
    found: list[Signal] = []
    ours, training = keys
    for value in values:
        try:
            members = dictionary(value)
        except ValueError:
            found.append(unreadable(name, place, value))
            continue
        said = [meanings.get(written) for key, written in members if key in ours]
        if False in said:
            rule = "denied"
        elif None in said:
            rule = "unreadable"
        elif said:
            rule = "allowed"
        else:
            trains = any(key in training for key, _ in members)
            rule = "training_only" if trains else "not_said"
        found.append(signal(f"{name}.{rule}", place, value))
    return found


def of_robots(answer: Answer) -> list[Signal]:
    """What robots.txt says about the use of what it lets be fetched.

    Each licence that it names is to be fetched and read with `sitefile.rsl`; where that fails,
    `signal.unreadable("rsl", ...)` is what to tell the decision.
    """
    return [
        *content_usage(answer.usages, Place.SITE_FILE),
        *content_signal(answer.content_signals, Place.SITE_FILE),
    ]


def page(body: bytes, product_token: str = PRODUCT_TOKEN) -> list[Signal]:
    """The meta elements of an HTML page: robots, our own name, tdm-reservation.

    TDMRep in a page is for its text and not for the pictures that it links (techniques, HTML meta
    element), so it is kept as a silent signal. What is commented out does not count.
    """
    if len(body) > MAX_PAGE_BYTES:
        return [unreadable("meta-robots", Place.PAGE, f"a page of {len(body)} bytes")]
    text = _text(body)
    if "\0" in text:
        return [unreadable("meta-robots", Place.PAGE, "a page in an encoding that is not read")]
    found: list[Signal] = []
    n_metas = 0
    for kind, attributes, _ in _elements(text):
        if kind != "meta":
            continue
        name = (attributes.get("name") or attributes.get("http-equiv", "")).strip().lower()
        content = attributes.get("content", "")
        if name not in {"robots", "x-robots-tag", "tdm-reservation", product_token.lower()}:
            continue
        n_metas += 1
        if n_metas > MAX_METAS or len(content) > MAX_FIELD_CHARACTERS:
            return [
                *found,
                unreadable("meta-robots", Place.PAGE, "more meta elements than are read"),
            ]
        if name != "tdm-reservation":
            found += _words("meta-robots", content, Place.PAGE, None)
        elif content.strip() == "0":
            found.append(signal("tdm-reservation.not_said", Place.PAGE, content))
        else:
            found.append(signal("tdm-reservation.page_only", Place.PAGE, content))
    return found


def too_long(values: Sequence[str]) -> bool:
    """Whether these are more headers, or longer ones, than are read."""
    return len(values) > MAX_HEADERS or any(len(v) > MAX_FIELD_CHARACTERS for v in values)


_START = re.compile(r"<!--|<(meta|link|base|script)(?=[\s/>])", re.IGNORECASE)
_COMMENT_END = re.compile(r"--!?>")
_SCRIPT_END = re.compile(r"</script", re.IGNORECASE)


def _text(body: bytes) -> str:
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    return body.decode("utf-16" if wide else "utf-8", "replace")


def _elements(text: str) -> Iterator[tuple[str, dict[str, str], int]]:
    """Name, attributes and end of each such element's tag that is not in a comment.

    A comment without an end hides nothing, and a script hides nothing either: what might be an
    instruction counts. The end of a comment is looked for from its start, and in vain only once:
    the work is linear.
    """
    position = 0
    endless = False
    while (start := _START.search(text, position)) is not None:
        position = start.end()
        if start[1] is not None:
            attributes, position = attributes_of(text, position)
            yield start[1].lower(), attributes, position
        elif not endless:
            end = _COMMENT_END.search(text, position - 2)  # `<!-->` is a whole comment
            endless = end is None
            position = position if end is None else max(position, end.end())


# --- licences of RSL ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Licences:
    """The RSL licences that an answer names: each by its URL as written, or whole.

    `base` is that of the URLs, as written in a page, or empty. `signals` say what could not be
    read.
    """

    urls: tuple[str, ...] = ()
    whole: tuple[bytes, ...] = ()
    base: str = ""
    signals: tuple[Signal, ...] = ()


def licences_of_headers(values: Sequence[str], place: Place) -> Licences:
    """Those that the Link headers of one response name (RFC 8288, RSL 1.0 section 4).

    A link with an anchor, which is about another place, counts as one about this. A header that
    speaks of a licence and cannot be read denies.
    """
    urls: list[str] = []
    for value in values:
        links = None if len(value) > MAX_FIELD_CHARACTERS else _links(value)
        if links is None:
            if "license" in value.lower() or "rsl" in value.lower():
                return Licences(signals=(unreadable("rsl", place, value),))
            continue
        urls += [url for url, fields in links if _is_rsl(fields, url)]
    return _bounded(urls, [], "", place)


def licences_of_page(body: bytes) -> Licences:
    """Those that an HTML page names in a link element, or holds in a script (RSL 1.0 section 4).

    A page that is too long, or in an encoding that is not read, is the business of `page`.
    """
    urls: list[str] = []
    whole: list[bytes] = []
    base = None
    text = _text(body[:MAX_PAGE_BYTES])
    for kind, attributes, position in _elements(text):
        if kind == "base" and base is None:
            base = attributes.get("href")
        elif kind == "link" and _is_rsl(attributes, attributes.get("href", "")):
            urls.append(attributes.get("href", ""))
        elif kind == "script" and _type(attributes) == RSL_TYPE and len(whole) <= MAX_LICENCES:
            start = text.find(">", position) + 1 or len(text)
            end = _SCRIPT_END.search(text, start)
            inside = text[start : len(text) if end is None else end.start()]
            whole.append(inside.strip().encode("utf-8", "replace"))
    return _bounded(urls, whole, base or "", Place.PAGE)


def _bounded(urls: list[str], whole: list[bytes], base: str, place: Place) -> Licences:
    urls = list(dict.fromkeys(urls))
    if len(urls) + len(whole) > MAX_LICENCES:
        return Licences(signals=(unreadable("rsl", place, "more licences than are read"),))
    return Licences(tuple(urls), tuple(whole), base)


def _is_rsl(fields: dict[str, str], url: str) -> bool:
    """Whether a link is to an RSL licence: its type says so, or none does and it ends like one."""
    if "license" not in fields.get("rel", "").lower().split():
        return False
    if "type" in fields:
        return _type(fields) == RSL_TYPE
    return url.partition("?")[0].partition("#")[0].lower().endswith((".rsl", ".xml"))


def _type(fields: dict[str, str]) -> str:
    return fields.get("type", "").partition(";")[0].strip().lower()


_LINK = re.compile(r"[\s,]*<([^<>]*)>")
_PARAMETER = re.compile(
    r"""\s*;\s*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?"""
)
_LINK_END = re.compile(r"\s*(?:,|$)")


def _links(value: str) -> list[tuple[str, dict[str, str]]] | None:
    """The links of a header, each URL with its parameters, of which the first of a name counts."""
    links: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(value.rstrip(" \t,")):
        link = _LINK.match(value, position)
        if link is None:
            return None
        position = link.end()
        fields: dict[str, str] = {}
        while (found := _PARAMETER.match(value, position)) is not None:
            position = found.end()
            if found[1]:
                text = re.sub(r"\\(.)", r"\1", found[2]) if found[2] is not None else found[3] or ""
                fields.setdefault(found[1].lower(), text)
        end = _LINK_END.match(value, position)
        if end is None:
            return None
        position = end.end()
        links.append((link[1].strip(), fields))
    return links
