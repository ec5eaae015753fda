"""What a page says of itself as a whole: title, licence, persons, language."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from vultus.acquire.linked import linked
from vultus.acquire.page_data import Thing
from vultus.acquire.page_date import ARTICLES, WORKS
from vultus.acquire.page_tree import Node, one_line
from vultus.faces.metadata import MAX_PERSONS


def persons_of(thing: Thing) -> list[str]:
    """The persons that a thing is about, or mentions, by name."""
    return [
        name
        for other in thing.things("about", "mentions", "mainEntity", "character", "subject")
        if "Person" in other.types and (name := other.text("name"))
    ][:MAX_PERSONS]


def portraits(things: list[Thing], base: str) -> dict[str, list[str]]:
    """The persons whose `image` a URL is."""
    found: dict[str, list[str]] = {}
    for thing in things:
        if "Person" in thing.types and (name := thing.text("name")):
            for value in thing.said.get("image", ()):
                written = value if isinstance(value, str) else value.text("contentUrl", "url")
                if url := linked(base, written or ""):
                    found.setdefault(url, []).append(name)
    return found


def title_of(root: Node) -> str | None:
    """og:title, else the title element."""
    title = None
    for node in root.walk():
        named = node.name == "meta" and node.get("property").lower() == "og:title"
        if named and (text := one_line(node.get("content"))):
            return text
        if node.name == "title" and title is None:
            title = node.text() or None
    return title


def licence_in(nodes: Iterator[Node]) -> str | None:
    """The first link with rel=license or to a licence of Creative Commons, as it is written."""
    for node in nodes:
        if node.name in {"a", "link"} and node.get("href"):
            href = node.get("href")
            parts = urlsplit(href) if len(href) < 2_000 and "[" not in href else None
            free = parts is not None and (
                parts.netloc.removeprefix("www.") == "creativecommons.org"
                and parts.path.startswith(("/licenses/", "/publicdomain/"))
            )
            if free or "license" in node.get("rel").lower().split():
                return one_line(href)
    return None


def licence_of(root: Node, things: list[Thing]) -> str | None:
    """What the article says of its licence, else the first link to one on the page."""
    for thing in things:
        if thing.types & (ARTICLES | WORKS) and (text := thing.text("license")):
            return text
    return licence_in(root.walk())


def language_at(node: Node | None) -> str | None:
    """The lang attribute nearest around an element."""
    for up in (node, *node.above()) if node is not None else ():
        if found := up.get("lang") or up.get("xml:lang"):
            return found[:50]
    return None


def language_of(root: Node) -> str | None:
    """The language of the page, as the page writes it."""
    for node in root.walk():
        if node.name == "html" and (found := node.get("lang") or node.get("xml:lang")):
            return found[:50]
        name = (node.get("name") or node.get("http-equiv") or node.get("property")).lower()
        if node.name == "meta" and name in {"content-language", "dc.language", "og:locale"}:
            return one_line(node.get("content"))[:50] or None
    return None
