"""An HTML page as a tree that can be walked, whatever the bytes are.

Parsed by libxml2's HTML parser (lxml), as events and not as its tree. Measured on junk: lxml's
tree ends at a depth of 256 and takes 2.9 s for a tag with 40,000 attributes, four times that for
twice as many; selectolax takes more than a minute for 10 MB of `<div>`; the events, in pieces of
16 KiB so that reading can end, took 0.7 s at most for the 4 MiB that are read, over some fifty
kinds of junk.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from vultus.acquire.optout import MAX_PAGE_BYTES

MAX_NODES = 100_000
MAX_TEXTS = 200_000  # pieces of text between elements and entities
MAX_DEPTH = 300
MAX_ATTRIBUTES = 100  # of an element; one with more has none
MAX_TEXT = 10_000  # characters of a text; the rest is cut
MAX_WALK = 400  # nodes of one text; the rest is cut
PIECE = 16 * 1024
PRESCAN = 4096  # bytes in which a page names its character set (HTML 13.2.3.2 has 1024)

SILENT = {"script", "style", "template", "noscript", "svg", "select", "textarea", "iframe"}
INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "em", "font", "i", "ins",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
}  # fmt: skip
# Elements without content (HTML 13.1.2); libxml2 does not know `source` as one.
VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
}  # fmt: skip
BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# What browsers read as Windows-1252 (WHATWG Encoding, 4.2); others that no page has are not read.
AS_WINDOWS = {"iso-8859-1", "latin1", "latin-1", "ascii", "us-ascii", "iso8859-1", "cp1252"}
READABLE = re.compile(
    r"utf-?8|iso-?8859-(?:[2-8]|1[03-6])|windows-125[0-8]|koi8-[ru]|macintosh|big5|gbk|gb2312"
    r"|gb18030|euc-jp|euc-kr|shift_jis|iso-2022-jp|utf-16(?:le|be)?"
)
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{1,40})", re.IGNORECASE)
META_CHARSET = re.compile(rb"<meta[^>]{0,500}?" + CHARSET.pattern.encode(), re.IGNORECASE)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(eq=False, slots=True)
class Node:
    """One element; `children` holds texts too, both in the order of the page."""

    name: str
    attributes: dict[str, str]
    parent: "Node | None"
    children: "list[Node | str]" = field(default_factory=list)
    named: frozenset[str] | None = None
    whole: "list[Node] | None" = None  # of a page's root: all of it in order, walked often

    def get(self, name: str) -> str:
        """An attribute without the spaces around it; empty where absent."""
        return self.attributes.get(name, "").strip()

    def walk(self, n_max: int = MAX_NODES) -> Iterator["Node"]:
        """This element and all below it, in the order of the page, `n_max` at most."""
        if self.whole is not None:
            yield from self.whole[:n_max]
            return
        stack = [self]
        while stack and n_max > 0:
            node = stack.pop()
            n_max -= 1
            yield node
            stack.extend(child for child in reversed(node.children) if isinstance(child, Node))

    def above(self) -> Iterator["Node"]:
        """The elements that this one stands in, innermost first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def text(self, without: frozenset["Node"] = frozenset()) -> str:
        """What a reader sees of it: one line, a space between blocks, cut at MAX_TEXT and MAX_WALK.

        Scripts and the like are silent, as are the elements of `without`.
        """
        parts: list[str] = []
        length = 0
        stack: list[Node | str] = [self]
        for _ in range(MAX_WALK):
            if not stack or length > MAX_TEXT:
                break
            child = stack.pop()
            if isinstance(child, str):
                parts.append(child[:MAX_TEXT])
                length += len(parts[-1])
            elif child.name not in SILENT and child not in without:
                if child.name not in INLINE:
                    parts.append(" ")
                    stack.append(" ")
                stack.extend(reversed(child.children))
        return one_line("".join(parts))

    def words(self) -> frozenset[str]:
        """The lower-case words of its class and id, such as wp, caption, text."""
        if self.named is None:
            written = f"{self.attributes.get('class', '')} {self.attributes.get('id', '')}"
            self.named = frozenset(re.findall(r"[^\W\d_]+", written[:1000].lower()))
        return self.named


def one_line(text: str) -> str:
    """Without control characters, the spaces squeezed, cut at MAX_TEXT."""
    return " ".join(CONTROLS.sub("", text[:MAX_TEXT]).split())


class _Full(Exception):  # noqa: N818 it is no error: enough has been read
    pass


class _Reader:
    """What the parser tells, as nodes; ends the reading where there is too much."""

    def __init__(self) -> None:
        self.root = self.node = Node("", {}, None)
        self.root.whole = self.whole = [self.root]
        self.n_texts = self.depth = 0

    def start(self, name: object, attributes: dict[str, str]) -> None:
        self.depth += 1
        if len(self.whole) > MAX_NODES or self.depth > MAX_DEPTH:
            raise _Full
        few = dict(attributes) if len(attributes) <= MAX_ATTRIBUTES else {}
        node = Node(str(name).lower(), few, self.node)
        self.whole.append(node)
        self.node.children.append(node)
        if node.name not in VOID:
            self.node = node

    def end(self, name: object) -> None:
        self.depth -= 1
        if self.node.parent is not None and str(name).lower() not in VOID:
            self.node = self.node.parent

    def data(self, text: str) -> None:
        self.n_texts += 1
        if self.n_texts > MAX_TEXTS:
            raise _Full
        self.node.children.append(text)

    def close(self) -> Node:
        return self.root


def parse_page(body: bytes, content_type: str = "") -> Node:
    """The tree of a page: of its first MAX_PAGE_BYTES, MAX_NODES elements, and up to the first that
    stands deeper than MAX_DEPTH. Its root has no name. Never raises."""
    data = decode(body[:MAX_PAGE_BYTES], content_type).replace("\0", "").encode("utf-8", "replace")
    reader = _Reader()
    parser = etree.HTMLParser(
        target=reader, encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True,
        huge_tree=False,
    )  # fmt: skip
    try:
        for start in range(0, len(data), PIECE):
            parser.feed(data[start : start + PIECE])
        parser.close()
    except (_Full, etree.LxmlError):
        pass  # what has been read so far counts
    return reader.root


def decode(body: bytes, content_type: str = "") -> str:
    """The text of a page: by its byte order mark, the header, its own meta element, else UTF-8.

    The order is that of HTML (13.2.3.2); what cannot be decoded is replaced.
    """
    for mark, name in BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    header = CHARSET.search(content_type[:1000])
    if header is not None and (named := _readable(header[1])):
        return body.decode(named, "replace")
    meta = META_CHARSET.search(body[:PRESCAN])
    if meta is not None and (named := _readable(meta[1].decode("ascii"))):
        # A page that could be read so far is not in UTF-16, whatever it says.
        return body.decode("utf-8" if named.startswith("utf-16") else named, "replace")
    return body.decode("utf-8", "replace")


def _readable(label: str) -> str | None:
    """The codec of a label; None for one that is not known."""
    label = label.lower()
    if label in AS_WINDOWS:
        return "cp1252"
    return label if READABLE.fullmatch(label) else None
