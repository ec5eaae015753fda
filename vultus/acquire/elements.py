"""The children of an XML document's root, one at a time, so that a large document costs little.

Document types and entities stop the reading (defusedxml), as do UTF-16 and whatever is beyond the
bounds below.
What was read before a fault stands: a feed that is cut, or breaks off in rubbish, has told what
came before. Sitemaps and feeds are written with namespaces that are old, wrong or not declared, so
a name is known by its namespace or else by its usual prefix.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from xml.sax import SAXException  # the types only: parsing is defusedxml's
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

MAX_DEPTH = 60
MAX_NODES = 20_000  # of one child; what is beyond is left out of it
MAX_CHARACTERS = 1_000_000  # likewise
MAX_ALL_NODES = 1_500_000  # of a document
MAX_STRETCH = 1 << 20  # bytes from one < to the next: of attributes, all are held at once
_LEADING = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass
class Node:
    """An element: its usual name such as `media:content`, and its texts and elements in order.

    The names of attributes without a prefix are as written, others like those of elements.
    """

    name: str
    attributes: dict[str, str]
    parts: list["Node | str"] = field(default_factory=list)

    def children(self, *names: str) -> Iterator["Node"]:
        """The direct children of these names, in order; all of them where none is given."""
        for part in self.parts:
            if isinstance(part, Node) and (not names or part.name in names):
                yield part

    @property
    def text(self) -> str:
        """All text in it, at any depth, stripped."""
        return "".join(_texts(self)).strip()


def _texts(node: Node) -> Iterator[str]:
    for part in node.parts:
        if isinstance(part, str):
            yield part
        else:
            yield from _texts(part)


def visit(
    body: bytes,
    families: Mapping[str, str],
    containers: Collection[str],
    take: Callable[[Node], bool],
) -> None:
    """Give `take` each child of the root, whole, in order, until it returns False.

    `families` gives the usual prefix of each namespace, empty for the document's own. An element
    named in `containers`, the root or within such, is given as it begins, without parts, and then
    each of its children. Raises nothing but what `take` raises; an end of reading says nothing.
    """
    reading = _Reading(families, containers, take)
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(reading)
    try:
        # In one piece: expat before 2.6 reads a long token anew with every piece that it is given.
        parser.feed(_bounded(body.removeprefix(_BYTE_ORDER_MARK).lstrip(_LEADING)))
    except (SAXException, DefusedXmlException, ValueError, LookupError, _EnoughError):
        return  # ValueError and LookupError: encodings that are none


def _bounded(body: bytes) -> bytes:
    """The document up to the first stretch that is too long; none of it in UTF-16."""
    if b"\0" in body[:4] or body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return b""
    start = 0
    for _ in range(2 * MAX_ALL_NODES + 1):
        end = body.find(b"<", start + 1)
        if end < 0:
            end = len(body)
        if end - start > MAX_STRETCH:
            return body[:start]
        if end == len(body):
            return body
        start = end
    return body[:start]


class _EnoughError(Exception):
    """Nothing further is read."""


class _Reading(ContentHandler):
    """What is open while a document is read."""

    def __init__(
        self,
        families: Mapping[str, str],
        containers: Collection[str],
        take: Callable[[Node], bool],
    ) -> None:
        super().__init__()
        self.families, self.containers, self.take = families, containers, take
        self.prefixes = frozenset(families.values()) - {""}
        self.scopes: list[dict[str, str]] = [{}]  # namespaces by prefix, one for each open element
        self.open: list[Node] = []  # those of one child
        self.n_all = self.n_nodes = self.n_characters = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 (SAX's)
        written = dict(attrs.items())
        scope = self.scopes[-1]
        declared = {
            key.partition(":")[2]: value
            for key, value in written.items()
            if key == "xmlns" or key.startswith("xmlns:")
        }
        self.scopes.append(scope | declared if declared else scope)
        self.n_all += 1
        if len(self.scopes) > MAX_DEPTH or self.n_all > MAX_ALL_NODES:
            raise _EnoughError
        attributes = {
            self.usual(key) if ":" in key else key: value
            for key, value in written.items()
            if not key.startswith("xmlns")
        }
        node = Node(self.usual(name), attributes)
        if not self.open and node.name in self.containers:
            self.give(node)
            return
        if not self.open:
            self.n_nodes = self.n_characters = 0
        self.n_nodes += 1
        self.n_characters += sum(len(value) for value in written.values())
        if self.open and self.n_nodes <= MAX_NODES and self.n_characters <= MAX_CHARACTERS:
            self.open[-1].parts.append(node)
        self.open.append(node)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802 (SAX's)
        self.scopes.pop()
        if not self.open:
            return  # a container
        node = self.open.pop()
        if not self.open:
            self.give(node)

    def characters(self, content: str) -> None:
        if self.open and self.n_characters <= MAX_CHARACTERS:
            self.n_characters += len(content)
            self.open[-1].parts.append(content)

    def give(self, node: Node) -> None:
        if not self.take(node):
            raise _EnoughError

    def usual(self, written: str) -> str:
        """A name with the usual prefix of its namespace; with its own where that is unknown."""
        prefix, _, local = written.rpartition(":")
        namespace = self.scopes[-1].get(prefix, "").strip()
        usual = self.families.get(namespace)
        if usual is None:
            usual = prefix if prefix in self.prefixes or prefix == "xml" else ""
            if prefix and not usual:
                return written  # of a namespace that nobody here reads
        return f"{usual}:{local}" if usual else local
