"""What headers and pages say about the use of pictures, as signals.

Each reader takes what one place holds and returns what it says, at least one signal where the
place says anything at all; no reader raises. What cannot be read, or is longer than is read,
denies. Within one place the strictest value counts, so a reader may return several signals.
Site files are read by `sitefile`, what a picture holds in itself by `embedded`.
"""

import html
import re
from collections.abc import Iterator, Sequence

from vultus.acquire.robots import PRODUCT_TOKEN, Answer
from vultus.acquire.signal import Place, Signal, signal, unreadable
from vultus.acquire.structured import MAX_FIELD_CHARACTERS, dictionary

MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_METAS = 200
MAX_HEADERS = 100

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
    wide = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = body.decode("utf-16" if wide else "utf-8", "replace")
    if "\0" in text:
        return [unreadable("meta-robots", Place.PAGE, "a page in an encoding that is not read")]
    found: list[Signal] = []
    n_metas = 0
    for attributes in _metas(text):
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


_START = re.compile(r"<!--|<meta(?=[\s/>])", re.IGNORECASE)
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?"""
)
_WANTED = {"name", "http-equiv", "content"}


def _metas(text: str) -> Iterator[dict[str, str]]:
    """The attributes of each meta element that is not in a comment.

    A comment without an end hides nothing, and a script hides nothing either: what might be an
    instruction counts. The end of a comment is looked for from its start, and in vain only once;
    an attribute is read to its end, in vain only once for each kind of quote: the work is linear.
    """
    position = 0
    endless = False
    while (start := _START.search(text, position)) is not None:
        position = start.end()
        if start.group() != "<!--":
            attributes, position = _attributes(text, position)
            yield attributes
        elif not endless:
            end = _COMMENT_END.search(text, position - 2)  # `<!-->` is a whole comment
            endless = end is None
            position = position if end is None else max(position, end.end())


def _attributes(text: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes of a tag and where it ends; of two with one name the first counts (HTML)."""
    attributes: dict[str, str] = {}
    while (found := _ATTRIBUTE.match(text, position)) is not None:
        position = found.end()
        name = found[1].lower()
        if name in _WANTED and name not in attributes:
            attributes[name] = html.unescape(found[2] or found[3] or found[4] or "")
    return attributes, position
