"""A whole document of a source, JSON or XML of anyone's making, read within bounds.

A document is read as a whole or not at all: what was left out would look as if it were gone.
"""

import json
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError, TreeBuilder  # parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

MAX_BYTES = 16 * 1024 * 1024
MAX_VALUES = 2_000_000  # of JSON: a value takes up to some hundred bytes of memory
MAX_ELEMENTS = 400_000  # of XML, attributes counted too
MAX_DEPTH = 100
MAX_NAME = 300  # characters of an element's or attribute's name, with its namespace


def read_json(body: bytes) -> object:
    """The value of a JSON document in UTF-8, UTF-16 or UTF-32 (RFC 8259).

    Raises ValueError for what is none, and for more than MAX_BYTES or MAX_VALUES.
    """
    checked_length(body)
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise ValueError(f"expected at most {MAX_VALUES} values")
    try:
        value: object = json.loads(body)
    except RecursionError:
        raise ValueError("values are nested too deeply") from None
    return value


def text_of(value: Mapping[str, object], *keys: str) -> str:
    """The first of these of an object that is a text, else nothing."""
    return next((text for key in keys if isinstance(text := value.get(key), str)), "")


def texts(value: object) -> list[str]:
    """A text, or the texts of a list."""
    listed = value if isinstance(value, list) else [value]
    return [text for text in listed if isinstance(text, str)]


def mappings(value: object) -> list[Mapping[str, object]]:
    """An object, or the objects of a list."""
    listed = value if isinstance(value, list) else [value]
    return [part for part in listed if isinstance(part, dict)]


def read_xml(body: bytes) -> Element:
    """The root of an XML document, without document type, entities or network.

    Raises ValueError for what is none, and for more than MAX_BYTES, MAX_ELEMENTS, MAX_DEPTH or
    MAX_NAME: a short prefix may stand for a long namespace, again in each name.
    """
    checked_length(body)
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(body.strip(b" \t\r\n\0"))
        root = parser.close()
    except (ParseError, DefusedXmlException, LookupError, UnicodeError) as error:
        raise ValueError(f"expected well-formed XML, got {type(error).__name__}") from error
    assert isinstance(root, Element)
    return root


def checked_length(body: bytes) -> None:
    if len(body) > MAX_BYTES:
        raise ValueError(f"expected at most {MAX_BYTES} bytes, got {len(body)}")


class _BoundedBuilder(TreeBuilder):
    """Builds the tree as long as it stays within the bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.n_elements = self.depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self.n_elements += 1 + len(attrs)
        self.depth += 1
        if self.depth > MAX_DEPTH or self.n_elements > MAX_ELEMENTS:
            raise ValueError("more elements, or nested deeper, than are read")
        if any(len(name) > MAX_NAME for name in (tag, *attrs)):
            raise ValueError("a longer name than are read")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self.depth -= 1
        return super().end(tag)
