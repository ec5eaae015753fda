"""What a page says of itself in schema.org terms, as JSON-LD or as microdata.

JSON-LD (W3C, 1.1) is read as plain JSON: as lists, under `@graph`, with references by `@id`, in
comments; other contexts than schema.org's are not resolved. Microdata is read as HTML section 5
has it, without `itemref`. What is too much or cannot be read is left out.
"""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vultus.acquire.page_tree import Node, one_line

MAX_SCRIPT = 1 << 20  # characters of one script
MAX_SCRIPTS = 50
MAX_THINGS = 5_000
MAX_DEPTH = 20
MAX_VALUES = 200  # of one property of a thing
MAX_PROPERTIES = 10_000

PREFIX = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)")
AROUND = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)|(?://\s*)?(?:-->|\]\]>)\s*;?\s*$")
TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")
PLACES = {"a": "href", "area": "href", "link": "href", "object": "data", "data": "value",
          "time": "datetime", "meter": "value"}  # fmt: skip
SHOWING = {"img", "source", "embed", "audio", "video", "iframe", "track", "amp-img"}


@dataclass(eq=False)
class Thing:
    """`types` without the vocabulary, such as ImageObject; `node` is its element in microdata.

    `inside` is the thing that names this one, under the property `role`.
    """

    types: frozenset[str] = frozenset()
    identity: str = ""
    said: dict[str, list["str | Thing"]] = field(default_factory=dict)
    node: Node | None = None
    inside: "Thing | None" = None
    role: str = ""

    def texts(self, *names: str) -> list[str]:
        """What stands under the first of these properties that says anything, as plain text.

        Of a thing its name counts, else its text, its URL or its `@id`.
        """
        for name in names:
            found = [plain(value) for value in self.said.get(name, ())[:MAX_VALUES]]
            if found := [text for text in found if text]:
                return found
        return []

    def text(self, *names: str) -> str | None:
        return next(iter(self.texts(*names)), None)

    def things(self, *names: str) -> list["Thing"]:
        return [v for name in names for v in self.said.get(name, ()) if isinstance(v, Thing)]


def plain(value: "str | Thing") -> str:
    """A value as one line of text: without tags and entities, a thing by its name."""
    if isinstance(value, Thing):
        for name in ("name", "text", "url", "contentUrl"):
            for inner in value.said.get(name, ()):
                if isinstance(inner, str) and (found := plain(inner)):
                    return found
        return value.identity
    if "<" in value or "&" in value:
        value = html.unescape(TAG.sub(" ", html.unescape(value)))
    return one_line(value)


def read_data(root: Node) -> list[Thing]:
    """Every thing of the page, outer before inner, MAX_THINGS at most. Never raises."""
    things: list[Thing] = []
    n_scripts = 0
    for node in root.walk():
        if node.name == "script" and "ld+json" in node.get("type").lower():
            n_scripts += 1
            if n_scripts <= MAX_SCRIPTS:
                text = "".join(child for child in node.children if isinstance(child, str))
                read_json(text, things)
    _resolve(things)
    read_microdata(root, things)
    return things


def read_json(text: str, things: list[Thing]) -> None:
    """Add the things of one script of JSON-LD."""
    if len(text) > MAX_SCRIPT:
        return
    try:
        document = json.loads(AROUND.sub("", text.strip()), strict=False)
    except (ValueError, RecursionError):
        return
    _add(document, None, "", things, 0)


def _add(
    value: object, inside: Thing | None, role: str, things: list[Thing], depth: int
) -> list[str | Thing]:
    """Make a value of JSON-LD ours: texts and things, lists opened."""
    if len(things) >= MAX_THINGS or depth > MAX_DEPTH:
        return []
    if isinstance(value, list):
        return [
            kept
            for item in value[:MAX_THINGS]
            for kept in _add(item, inside, role, things, depth + 1)
        ]
    if isinstance(value, dict):
        return _add_object(value, inside, role, things, depth)
    if isinstance(value, str):
        return [value]
    return [str(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _add_object(
    value: dict[str, object], inside: Thing | None, role: str, things: list[Thing], depth: int
) -> list[str | Thing]:
    if "@value" in value:
        return _add(value["@value"], inside, role, things, depth + 1)
    thing = Thing(inside=inside, role=role)
    if set(value) - {"@context", "@graph"}:
        things.append(thing)
    for key, inner in value.items():
        name = PREFIX.sub("", key)
        if name == "@graph":
            _add(inner, None, "", things, depth + 1)
        elif name == "@type":
            listed = inner if isinstance(inner, list) else [inner]
            thing.types = frozenset(PREFIX.sub("", t) for t in listed if isinstance(t, str))
        elif name == "@id" and isinstance(inner, str):
            thing.identity = inner
        elif not name.startswith("@"):
            thing.said.setdefault(name, []).extend(_add(inner, thing, name, things, depth + 1))
    return [thing]


def _resolve(things: list[Thing]) -> None:
    """Put the thing that is told elsewhere on the page where only its `@id` stands."""
    told = {thing.identity: thing for thing in things if thing.identity and thing.said}
    for thing in things:
        for values in thing.said.values():
            for n, value in enumerate(values):
                if isinstance(value, Thing) and not value.said and value.identity in told:
                    values[n] = told[value.identity]


def read_microdata(root: Node, things: list[Thing]) -> None:
    """Add the things of a page's own elements."""
    of_node: dict[Node, Thing] = {}
    n_properties = 0
    for node in root.walk():
        scoped, names = "itemscope" in node.attributes, node.get("itemprop").split()[:10]
        if not (scoped or names) or n_properties > MAX_PROPERTIES:
            continue
        outer = next((of_node[up] for up in node.above() if up in of_node), None)
        value: str | Thing
        if scoped:
            if len(things) >= MAX_THINGS:
                return
            types = frozenset(PREFIX.sub("", t) for t in node.get("itemtype").split())
            value = of_node[node] = Thing(types, node.get("itemid"), node=node, inside=outer)
            value.role = names[0] if names else ""
            things.append(value)
        else:
            value = _written(node)
        for name in names:
            n_properties += 1
            if outer is not None:
                outer.said.setdefault(PREFIX.sub("", name), []).append(value)


def _written(node: Node) -> str:
    """The value of an element's property (HTML section 5.2.4)."""
    if "content" in node.attributes:
        return node.get("content")
    if node.name in SHOWING:
        return node.get("src")
    attribute = PLACES.get(node.name)
    if attribute is not None and attribute in node.attributes:
        return node.get(attribute)
    return node.text()


def within(thing: Thing) -> Iterator[Thing]:
    """The things that a thing stands in, innermost first, MAX_DEPTH at most."""
    for _ in range(MAX_DEPTH):
        if thing.inside is None:
            return
        thing = thing.inside
        yield thing
