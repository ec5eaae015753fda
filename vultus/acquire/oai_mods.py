"""MODS 3 and METS 1: raw objects of a bibliographic record, and the files of a digitised work.

The groups of files of METS are named as in the application profiles of the DFG Viewer and of
the Library of Congress; of one work only the group with the largest images is told.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

from vultus.acquire.found import Beside, Item
from vultus.acquire.oai_element import (
    dated,
    is_image,
    largest,
    licence,
    names,
    place,
    said,
    text_in,
    worded,
)
from vultus.acquire.wording import language_tag

MODS = "{http://www.loc.gov/mods/v3}"
METS = "{http://www.loc.gov/METS/}"
VIEWER = "{http://dfg-viewer.de/}"
HREF = "{http://www.w3.org/1999/xlink}href"
_GROUPS = ("max", "original", "master", "reference", "default", "presentation", "download")
_SMALL_GROUP = re.compile(r"thumb|min$|preview|icon|teaser", re.IGNORECASE)
_MAKERS = ("pht", "photographer", "fotograf", "photographe", "fotograaf", "cre", "creator", "art",
           "artist", "aut", "author")  # fmt: skip
_DEPICTED = {"dpc", "depicted", "sitter", "dargestellt", "depicted person"}
_UNSURE = {"approximate", "questionable"}


def read_mods(url: str, root: Element) -> list[Item]:
    """The photos of a mods or of each mods of a modsCollection."""
    found: list[Item] = []
    for record in [root] if root.tag == f"{MODS}mods" else root.findall(f"{MODS}mods"):
        places = [
            (address, element)
            for element in record.findall(f"{MODS}location/{MODS}url")
            if (address := place(url, text_in(element))) is not None
        ]
        raw = [address for address, e in places if e.get("access") == "raw object"]
        kinds = [text.text for text in said(record.iter(f"{MODS}internetMediaType"))]
        if kinds and not any(kind.startswith("image/") for kind in kinds):
            raw = [address for address in raw if is_image(address)]
        images = largest(raw or [address for address, _ in places if is_image(address)])
        shown = {*raw, *images}
        pages = sorted(
            (e.get("access") != "object in context", not (e.get("usage") or ""), n, address)
            for n, (address, e) in enumerate(places)
            if address not in shown
        )
        if images:
            page, beside = pages[0][-1] if pages else None, beside_mods(record)
            found += [Item(image, page, beside=beside) for image in images]
    return found


def beside_mods(record: Element) -> Beside:
    """What a mods says."""
    title = worded(
        [part for info in record.findall(f"{MODS}titleInfo") if not info.get("type")
         for part in info.findall(f"{MODS}title")]
    )  # fmt: skip
    caption = worded(record.findall(f"{MODS}abstract"))
    date, date_source = dated(
        (f"oai:mods:{name}", dates(record, name))
        for name in ("dateCreated", "dateCaptured", "dateIssued")
    )
    conditions = record.findall(f"{MODS}accessCondition")
    spoken = [language_tag(text.text) for text in said(record.iter(f"{MODS}languageTerm"))]
    said_in = caption or title
    return Beside(
        title=title.text if title else None,
        caption=caption.text if caption else None,
        caption_source="oai:mods:abstract" if caption else None,
        credit="; ".join(makers(record)) or None,
        licence=licence(
            text
            for condition in conditions
            for text in (condition.get(HREF, ""), text_in(condition))
        ),
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source=date_source,
        persons=names(depicted(record)),
        language=(said_in.language if said_in else None) or next((s for s in spoken if s), None),
    )


def dates(record: Element, name: str) -> list[str]:
    """Single dates, then the span between two; not those that are marked as unsure."""
    there = [element for element in record.findall(f"{MODS}originInfo/{MODS}{name}")
             if element.get("qualifier") not in _UNSURE]  # fmt: skip
    single = [element for element in there if element.get("point") is None]
    single.sort(key=lambda element: element.get("encoding") is None)
    ends = [text_in(element).strip() for point in ("start", "end") for element in there
            if element.get("point") == point]  # fmt: skip
    return [text_in(element) for element in single] + (["/".join(ends)] if len(ends) == 2 else [])


def makers(record: Element) -> tuple[str, ...]:
    """The names with the first role of those who make a photo; a name without any role is one."""
    by_role: dict[str, list[str]] = {}
    for name in record.findall(f"{MODS}name"):
        for role in roles(name) or {"creator"}:
            by_role.setdefault(role, []).append(name_of(name))
    return next((names(by_role[role]) for role in _MAKERS if role in by_role), ())


def depicted(record: Element) -> Iterator[str]:
    """Persons that are a subject, or whose role is to be depicted."""
    for name in record.findall(f"{MODS}subject/{MODS}name"):
        if name.get("type", "personal") == "personal":
            yield name_of(name)
    for name in record.findall(f"{MODS}name"):
        if roles(name) & _DEPICTED:
            yield name_of(name)


def roles(name: Element) -> set[str]:
    return {text_in(term).strip().lower() for term in name.findall(f"{MODS}role/{MODS}roleTerm")}


def name_of(name: Element) -> str:
    """As it is displayed, else given name and family name, else its parts without dates."""
    for shown in name.findall(f"{MODS}displayForm"):
        return text_in(shown)
    parts = [(part.get("type"), text_in(part).strip()) for part in name.findall(f"{MODS}namePart")]
    both = [text for kind in ("given", "family") for found, text in parts if found == kind]
    return " ".join(both or [text for kind, text in parts if kind is None])


def read_mets(url: str, root: Element) -> list[Item]:
    """The images of the group of files that has the largest ones, in order."""
    groups: dict[str, list[str]] = {}
    for use, file in files(root):
        kind = file.get("MIMETYPE", "")
        for location in file.findall(f"{METS}FLocat"):
            address = place(url, location.get(HREF))
            if address and (kind.startswith("image/") or (not kind and is_image(address))):
                groups.setdefault(use, []).append(address)
    if not groups:
        return []
    chosen = min(groups, key=rank)
    record = next(root.iter(f"{MODS}mods"), None)
    beside = beside_mods(record) if record is not None else Beside()
    owners, licences, pages = (
        [text_in(element) for element in root.iter(f"{VIEWER}{name}")]
        for name in ("owner", "license", "presentation")
    )
    beside = replace(
        beside,
        licence=beside.licence or licence(licences),
        credit=beside.credit or next(iter(names(owners)), None),
    )
    page = next((found for text in pages if (found := place(url, text)) is not None), None)
    return [Item(image, page, beside=beside) for image in dict.fromkeys(groups[chosen])]


def rank(use: str) -> tuple[bool, int]:
    """Lower is larger; a group of a name that is not known stands behind those that are."""
    place_of = {name: n for n, name in enumerate(_GROUPS)}
    words = [place_of[word] for word in re.findall("[a-z]+", use.lower()) if word in place_of]
    return _SMALL_GROUP.search(use) is not None, min(words, default=len(_GROUPS))


def files(root: Element) -> Iterator[tuple[str, Element]]:
    """Every file with the use of its group, or of the nearest group around that says one."""
    pending = deque(("", group) for group in root.findall(f"{METS}fileSec/{METS}fileGrp"))
    while pending:
        around, group = pending.popleft()
        use = group.get("USE") or around
        for file in group.findall(f"{METS}file"):
            yield file.get("USE") or use, file
        pending += [(use, inner) for inner in group.findall(f"{METS}fileGrp")]
