"""The photos that the metadata of one record tells of: which format it is, and two of the formats.

oai_dc (Dublin Core 1.1) and EDM (Europeana Data Model, definition 5.2.8) here, LIDO, MODS and METS
in their own files. That a subject of Dublin Core is a person nobody says, so it is not taken for
one; where it points to an agent of EDM it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
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
from vultus.acquire.oai_lido import LIDO, read_lido
from vultus.acquire.oai_mods import METS, MODS, read_mets, read_mods
from vultus.acquire.wording import language_tag

DC = "{http://purl.org/dc/elements/1.1/}"
DCTERMS = "{http://purl.org/dc/terms/}"
EDM = "{http://www.europeana.eu/schemas/edm/}"
ORE = "{http://www.openarchives.org/ore/terms/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
PREFERRED_LABEL = "{http://www.w3.org/2004/02/skos/core#}prefLabel"
MIME_TYPE = "{http://www.ebu.ch/metadata/ontologies/ebucore/ebucore#}hasMimeType"
MAX_ALIKE = 20  # resources about the same, and values of one property
# These name a page about a thing and lead elsewhere.
RESOLVERS = ("://doi.org/", "://dx.doi.org/", "://hdl.handle.net/", "://n2t.net/")


def photos_of(url: str, metadata: Element | None) -> list[Item]:
    """The photos of a record from a list at `url`, without origin and version."""
    found: list[Item] = []
    for root in metadata if metadata is not None else ():
        if root.tag.startswith(LIDO):
            found += read_lido(url, root)
        elif root.tag.startswith(METS):
            found += read_mets(url, root)
        elif root.tag.startswith(MODS):
            found += read_mods(url, root)
        elif root.tag.startswith(RDF):
            found += read_edm(url, root)
        else:
            found += read_dc(url, root)
    return list({photo.url: photo for photo in reversed(found)}.values())[::-1]


def read_dc(url: str, root: Element) -> list[Item]:
    """Images are URLs in identifier, relation or source that end as such; where the format is an
    image and none does, the identifiers that are URLs of the archive itself."""
    places = {
        name: [found for element in root.iter(f"{DC}{name}")
               if (found := place(url, text_in(element))) is not None]
        for name in ("identifier", "relation", "source")
    }  # fmt: skip
    images = largest([found for listed in places.values() for found in listed if is_image(found)])
    formats = [text.text.lower() for text in said(root.iter(f"{DC}format"))]
    if not images and any(text.startswith("image/") for text in formats):
        images = [found for found in places["identifier"]
                  if not any(part in found for part in RESOLVERS)]  # fmt: skip
    pictured = set(images)
    pages = [found for found in places["identifier"] if found not in pictured]
    beside = beside_dc([root]) if images else Beside()
    return [Item(image, pages[0] if pages else None, beside=beside) for image in images]


def beside_dc(parts: Sequence[Element], creators: Iterable[str] | None = None) -> Beside:
    """What the properties of Dublin Core below these elements say."""

    def all_of(space: str, name: str) -> list[Element]:
        return [element for part in parts for element in part.iter(f"{space}{name}")]

    title, caption = worded(all_of(DC, "title")), worded(all_of(DC, "description"))
    date, date_source = dated(
        (f"oai:{prefix}:{name}", [text.text for text in said(all_of(space, name))])
        for prefix, space, name in (
            ("dcterms", DCTERMS, "created"), ("dc", DC, "date"), ("dcterms", DCTERMS, "issued"),
        )
    )  # fmt: skip
    spoken = [language_tag(text.text) for text in said(all_of(DC, "language"))]
    said_in = (caption.language if caption else title.language if title else None) or next(
        (language for language in spoken if language), None
    )
    written = [text.text for text in said(all_of(DC, "creator"))]
    return Beside(
        title=title.text if title else None,
        caption=caption.text if caption else None,
        caption_source="oai:dc:description" if caption else None,
        credit="; ".join(names(written if creators is None else creators)) or None,
        licence=licence(text.text for text in said(all_of(DC, "rights"))),
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source=date_source,
        language=said_in,
    )


class Graph:
    """The resources of an RDF document by what they are about; each is looked at once."""

    def __init__(self, root: Element) -> None:
        self.resources: dict[str, list[Element]] = {}
        for resource in root:
            proxied = [proxy.get(f"{RDF}resource", "") for proxy in
                       resource.findall(f"{ORE}proxyFor")[:MAX_ALIKE]]  # fmt: skip
            for name in {resource.get(f"{RDF}about", ""), *proxied} - {""}:
                alike = self.resources.setdefault(name, [])
                if len(alike) < MAX_ALIKE:
                    alike.append(resource)
        self.agent = cache(self._agent)
        self.image = cache(self._image)
        self.thing = cache(self._thing)

    def about(self, name: str) -> list[Element]:
        return self.resources.get(name, [])

    def labels(self, elements: Iterable[Element]) -> list[str]:
        """The texts of a property: its own, or the name of the agent that it points to."""
        found = []
        for element in elements:
            inner = list(element.iter(PREFERRED_LABEL))
            own = worded(inner) if inner else worded([element])
            found.append(own.text if own else self.agent(element.get(f"{RDF}resource", ""))[0])
        return found

    def persons(self, elements: Iterable[Element]) -> list[str]:
        """The names of those that are agents."""
        return self.labels(
            element for element in elements
            if element.find(f"{EDM}Agent") is not None
            or self.agent(element.get(f"{RDF}resource", ""))[1]
        )  # fmt: skip

    def _agent(self, name: str) -> tuple[str, bool]:
        """The preferred label, and whether it is one of an agent."""
        parts = self.about(name)
        label = worded(label for part in parts for label in part.iter(PREFERRED_LABEL))
        return label.text if label else "", any(part.tag == f"{EDM}Agent" for part in parts)

    def _image(self, name: str) -> tuple[str, str | None]:
        """The media type in lower case, if it is said, and the licence."""
        kinds = [text_in(kind).strip().lower() for part in self.about(name)
                 for kind in part.findall(MIME_TYPE)[:1]]  # fmt: skip
        rights = [text for part in self.about(name) for text in rights_of(part)]
        return next(iter(kinds), ""), licence(rights)

    def _thing(self, name: str) -> tuple[Beside, bool]:
        """What is said of a thing by itself and its proxies, and whether its type, if it is said,
        is one that is shown by images."""
        parts = self.about(name)
        makers = self.labels(element for part in parts
                             for element in part.findall(f"{DC}creator")[:MAX_ALIKE])  # fmt: skip
        persons = self.persons(element for part in parts
                               for element in part.findall(f"{DC}subject"))  # fmt: skip
        kinds = {text_in(kind).strip().upper()
                 for part in parts for kind in part.findall(f"{EDM}type")}  # fmt: skip
        beside = replace(beside_dc(parts, makers), persons=names(persons))
        return beside, not kinds & {"VIDEO", "SOUND", "3D"}


def read_edm(url: str, root: Element) -> list[Item]:
    """Of each aggregation: what it is shown by and its further views, else its object."""
    graph = Graph(root)
    found: list[Item] = []
    for aggregation in root.findall(f"{ORE}Aggregation"):
        whole = aggregation.find(f"{EDM}aggregatedCHO")
        beside, may_be_image = graph.thing(value_of(whole) if whole is not None else "")
        page = aggregation.find(f"{EDM}isShownAt")
        page_url = place(url, value_of(page)) if page is not None else None
        providers = graph.labels(aggregation.findall(f"{EDM}dataProvider")[:MAX_ALIKE])
        credit = beside.credit or next(iter(names(providers)), None)
        around = licence(rights_of(aggregation)) or beside.licence
        for image in shown(url, aggregation):
            kind, own = graph.image(image)
            if kind.startswith("image/") if kind else may_be_image or is_image(image):
                said_here = replace(beside, credit=credit, licence=own or around)
                found.append(Item(image, page_url, beside=said_here))
    return found


def shown(url: str, aggregation: Element) -> list[str]:
    for tags in (("isShownBy", "hasView"), ("object",)):
        there = [found for tag in tags for element in aggregation.findall(f"{EDM}{tag}")
                 if (found := place(url, value_of(element))) is not None]  # fmt: skip
        if there:
            return list(dict.fromkeys(there))
    return []


def rights_of(resource: Element) -> list[str]:
    return [value_of(element) for tag in (f"{EDM}rights", f"{DC}rights")
            for element in resource.findall(tag)[:MAX_ALIKE]]  # fmt: skip


def value_of(element: Element) -> str:
    return element.get(f"{RDF}resource") or text_in(element)
