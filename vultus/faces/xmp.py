"""XMP: the properties that Vultus reads, out of a packet of RDF/XML.

The packet is parsed without document type, entities or network (defusedxml) and bounded.
Source: ISO 16684-1 (XMP), IPTC Photo Metadata Standard, PLUS license data format.
"""

import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

from defusedxml.ElementTree import fromstring

MAX_XMP_BYTES = 1 << 20
MAX_VALUES = 500  # of one property

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
NAMESPACES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://creativecommons.org/ns#": "cc",
    "http://web.resource.org/cc/": "cc",
    "http://ns.useplus.org/ldf/xmp/1.0/": "plus",
}


def read_xmp(packet: bytes) -> dict[str, list[str]]:
    """Return the texts of each property by its usual name, such as `dc:title`.

    A language alternative gives its default first. Raises ValueError when the packet is longer
    than MAX_XMP_BYTES or is not well-formed.
    """
    if len(packet) > MAX_XMP_BYTES:
        message = f"expected at most {MAX_XMP_BYTES} bytes of XMP, got {len(packet)}"
        raise ValueError(message)
    try:
        root = fromstring(packet.rstrip(b"\0"), forbid_dtd=True)
    except (ET.ParseError, LookupError, RecursionError, OverflowError) as error:
        message = f"expected well-formed XMP, got {type(error).__name__}"
        raise ValueError(message) from error
    found: dict[str, list[str]] = {}
    rdf = next(root.iter(f"{RDF}RDF"), ())  # only its own children: nesting must cost nothing
    for about in rdf:
        for tag, text in about.attrib.items():
            _keep(found, tag, [text])
        for child in about:
            _keep(found, child.tag, _values(child))
    return found


def _keep(found: dict[str, list[str]], tag: str, values: list[str]) -> None:
    space, _, name = tag.removeprefix("{").partition("}")
    if space in NAMESPACES:
        kept = found.setdefault(f"{NAMESPACES[space]}:{name}", [])
        kept.extend(values[: MAX_VALUES - len(kept)])


def _values(node: Element) -> list[str]:
    """Return the texts of a property: plain, a link, a list, or a list of structures' names."""
    lists = [kind for kind in node if kind.tag.startswith(RDF)]
    items = [item for kind in lists for item in kind if item.tag == f"{RDF}li"]
    if not items:
        return [node.attrib.get(f"{RDF}resource") or (node.text or "")]
    items.sort(key=lambda item: item.attrib.get(LANGUAGE) != "x-default")
    texts = []
    for item in items[:MAX_VALUES]:
        name = next((part for part in item if part.tag.endswith("}PersonName")), item)
        filled = (leaf.text for leaf in name.iter() if leaf.text and leaf.text.strip())
        texts.append(next(filled, ""))
    return texts
