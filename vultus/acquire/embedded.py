"""What a picture holds in itself about its use: XMP (IPTC and PLUS) and content credentials.

No reader raises; what cannot be read denies. A picture that holds neither gives no signal.
"""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from vultus.acquire.signal import Place, Signal, signal, unreadable

MAX_XMP_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 200
PLUS_NAMESPACE = "http://ns.useplus.org/ldf/xmp/1.0/"
_RDF_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"

# PLUS data mining, IPTC Photo Metadata 2023.1. The two about training alone do not speak of
# search; the three that point elsewhere point to text, which no program can be sure to keep.
_DATA_MINING = {
    "DMI-UNSPECIFIED": "unspecified",
    "DMI-ALLOWED": "allowed",
    "DMI-PROHIBITED": "prohibited",
    "DMI-PROHIBITED-AIMLTRAINING": "training_only",
    "DMI-PROHIBITED-GENAIMLTRAINING": "training_only",
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": "prohibited",
    "DMI-PROHIBITED-SEECONSTRAINT": "constrained",
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR": "constrained",
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR": "constrained",
}
# CAWG training and data mining 1.1; before it the same keys began with c2pa.
_OUR_ENTRIES = {"data_mining", "ai_inference"}
_TRAINING_ENTRIES = {"ai_training", "ai_generative_training"}
_USES = {"allowed": "allowed", "notAllowed": "not_allowed", "constrained": "constrained"}


def data_mining(value: str) -> Signal:
    """The signal of one value of plus:DataMining, with or without the address of the vocabulary."""
    term = value.strip().rstrip("/").rpartition("/")[2].upper()
    rule = _DATA_MINING.get(term, "unreadable")
    return signal(f"iptc-data-mining.{rule}", Place.IMAGE, value)


def xmp(packet: bytes) -> list[Signal]:
    """What an XMP packet says of data mining; nothing where it has no such property."""
    if len(packet) > MAX_XMP_BYTES:
        return [
            unreadable("iptc-data-mining", Place.IMAGE, f"an XMP packet of {len(packet)} bytes")
        ]
    try:
        root = fromstring(packet.strip(b" \t\r\n\0"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return [
            unreadable("iptc-data-mining", Place.IMAGE, "the XMP packet is no XML that is read")
        ]
    values = dict.fromkeys(_data_mining_values(root))
    if len(values) > MAX_ENTRIES:
        return [unreadable("iptc-data-mining", Place.IMAGE, "more values than are read")]
    return [data_mining(value) for value in values]


def _data_mining_values(root: Element) -> Iterator[str]:
    """XMP may write a property as an attribute, as text, as a resource, or as a list of one."""
    tag = f"{{{PLUS_NAMESPACE}}}DataMining"
    for element in root.iter():
        if tag in element.attrib:
            yield element.attrib[tag]
        if element.tag == tag:
            listed = " ".join(item.text or "" for bag in element for item in bag)
            yield element.get(_RDF_RESOURCE) or (element.text or "").strip() or listed


def training_mining(assertion: object) -> list[Signal]:
    """The signals of a CAWG or C2PA training-mining assertion, as its JSON is in Python.

    Its entries, under `entries` or bare, say `allowed`, `notAllowed` or `constrained`, either as
    `{"use": ...}` or as text. Data mining and inference are what we do; training is not.
    """
    name = "c2pa-training-mining"
    entries = assertion.get("entries", assertion) if isinstance(assertion, Mapping) else None
    if not isinstance(entries, Mapping) or not 0 < len(entries) <= MAX_ENTRIES:
        return [unreadable(name, Place.IMAGE, "no entries, or too many")]
    found: list[Signal] = []
    trains = False
    for key, entry in entries.items():
        if not isinstance(key, str):
            return [unreadable(name, Place.IMAGE, "an entry without a name")]
        kind = key.rpartition(".")[2]
        trains = trains or kind in _TRAINING_ENTRIES
        if kind in _OUR_ENTRIES:
            use = entry.get("use") if isinstance(entry, Mapping) else entry
            rule = _USES.get(use, "unreadable") if isinstance(use, str) else "unreadable"
            raw = f"{key}: {use}" if isinstance(use, str) else key
            found.append(signal(f"{name}.{rule}", Place.IMAGE, raw))
    if not found:
        rule = "training_only" if trains else "not_said"
        return [signal(f"{name}.{rule}", Place.IMAGE, ", ".join(list(entries)[:10]))]
    return found
