"""LIDO 1.0 and 1.1: the resources of a museum's object, each in its largest representation."""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element  # the type only: parsing is defusedxml's

from vultus.acquire.archive_date import written_date
from vultus.acquire.found import Beside, Item
from vultus.acquire.oai_element import (
    dated,
    is_small,
    licence,
    names,
    place,
    text_in,
    worded,
)

LIDO = "{http://www.lido-schema.org}"
# Production and creation by the terms of LIDO, and what archives call them.
_MADE = re.compile(
    r"lido0*(?:7|12)\b|produ[ck]|creat|photogra|fotogra|aufnahme|herstell|vervaardig|créat|réalis",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(r"corp|organi|körper|group|family|familie|instel", re.IGNORECASE)
_IMAGE_FORM = re.compile(r"^image|jpe?g|png|tiff?|gif|webp|jp2", re.IGNORECASE)


def read_lido(url: str, root: Element) -> list[Item]:
    """The photos of a lido or of each lido of a lidoWrap."""
    records = [root] if root.tag == f"{LIDO}lido" else root.findall(f"{LIDO}lido")
    return [photo for record in records for photo in photos_of_one(url, record)]


def photos_of_one(url: str, record: Element) -> list[Item]:
    resources = [(resource, image) for resource in below(record, "administrativeMetadata",
                 "resourceWrap", "resourceSet") if (image := largest(url, resource))]  # fmt: skip
    if not resources:
        return []
    whole = beside_of(record)
    pages = [page for link in record.iter(f"{LIDO}recordInfoLink")
             if (page := place(url, text_in(link))) is not None]  # fmt: skip
    found: list[Item] = []
    for resource, image in resources:
        own = {
            "licence": rights(below(resource, "rightsResource")),
            "credit": credit(resource),
            **caption_of(resource),
        }
        beside = Beside(**{**vars(whole), **{key: value for key, value in own.items() if value}})
        found.append(Item(image, pages[0] if pages else None, beside=beside))
    return found


def below(element: Element, *path: str) -> list[Element]:
    """The elements at the end of a path of LIDO's names."""
    return element.findall("/".join(f"{LIDO}{name}" for name in path))


def largest(url: str, resource: Element) -> str | None:
    """The widest representation that may be an image; where widths are unsaid, one not small."""
    best: tuple[tuple[float, bool], str] | None = None
    for representation in below(resource, "resourceRepresentation"):
        for link in below(representation, "linkResource"):
            found = place(url, text_in(link))
            form = link.get(f"{LIDO}formatResource", "")
            if found is None or (form and _IMAGE_FORM.search(form) is None):
                continue
            kind = representation.get(f"{LIDO}type", "")
            rank = (width_of(representation), not is_small(f"{kind} {found}"))
            if best is None or rank > best[0]:
                best = rank, found
    return best[1] if best else None


def width_of(representation: Element) -> float:
    for measured in below(representation, "resourceMeasurementsSet"):
        kinds = " ".join(text_in(kind) for kind in below(measured, "measurementType")).lower()
        values = [text_in(value).strip() for value in below(measured, "measurementValue")]
        if ("width" in kinds or "breite" in kinds) and values and values[0][:9].isdecimal():
            return float(values[0][:9])
    return 0.0


def beside_of(record: Element) -> Beside:
    """What the record says of the object."""
    described = ("descriptiveMetadata", "objectIdentificationWrap")
    title = worded(below(record, *described, "titleWrap", "titleSet", "appellationValue"))
    caption = worded(
        below(record, *described, "objectDescriptionWrap", "objectDescriptionSet",
              "descriptiveNoteValue")
    )  # fmt: skip
    event = made(record)
    date, date_source = dated([
        ("oai:lido:eventDate", list(dates(event)) if event is not None else []),
        ("oai:lido:resourceDateTaken", [text for taken in record.iter(f"{LIDO}resourceDateTaken")
                                        for text in dates(taken)]),
    ])  # fmt: skip
    makers = names(
        name for actor in (event.iter(f"{LIDO}actor") if event is not None else ())
        for name in name_of(actor)
    )  # fmt: skip
    persons = names(
        name
        for subject in record.iter(f"{LIDO}subjectActor")
        for actor in below(subject, "actor")
        if not _ORGANISATION.search(actor.get(f"{LIDO}type", ""))
        for name in name_of(actor)
    )
    said_in = caption or title
    return Beside(
        title=title.text if title else None,
        caption=caption.text if caption else None,
        caption_source="oai:lido:descriptiveNoteValue" if caption else None,
        credit="; ".join(makers) or None,
        licence=rights(below(record, "administrativeMetadata", "rightsWorkWrap", "rightsWorkSet")),
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source=date_source,
        persons=persons,
        language=said_in.language if said_in else None,
    )


def made(record: Element) -> Element | None:
    """The event of making, else the only event there is."""
    events = list(record.iter(f"{LIDO}event"))
    for event in events:
        if any(_MADE.search(text_in(kind)) for kind in below(event, "eventType")):
            return event
    return events[0] if len(events) == 1 else None


def dates(event: Element) -> Iterator[str]:
    """What is shown, then what both ends of the span have in common."""
    for shown in event.iter(f"{LIDO}displayDate"):
        if written_date(text_in(shown)) is not None:
            yield text_in(shown)
    for span in event.iter(f"{LIDO}date"):
        ends = [text_in(end).strip() for name in ("earliestDate", "latestDate")
                for end in below(span, name)]  # fmt: skip
        yield "/".join(ends[:2])


def name_of(actor: Element) -> list[str]:
    """The first name of an actor; the others are spellings of it."""
    return [text_in(name) for name in below(actor, "nameActorSet", "appellationValue")[:1]]


def rights(parts: list[Element]) -> str | None:
    """The type of the rights by its concept or its term."""
    return licence(
        text_in(element)
        for part in parts
        for kind in below(part, "rightsType")
        for element in kind.iter()
        if not len(element)
    )


def credit(resource: Element) -> str | None:
    lines = worded([line for part in below(resource, "rightsResource")
                    for line in below(part, "creditLine")])  # fmt: skip
    return lines.text if lines else None


def caption_of(resource: Element) -> dict[str, str | None]:
    """A description of the photo itself says more than one of the object."""
    found = worded(below(resource, "resourceDescription"))
    if found is None:
        return {}
    return {"caption": found.text, "caption_source": "oai:lido:resourceDescription",
            "language": found.language}  # fmt: skip
