"""What a IIIF document says beside an image, from the image itself up to the manifest.

IIIF Presentation API 3.0 section 3.1 and 4.4 (language maps), 2.1 section 3.1 and 4.3 (language of
property values). The specifications leave the labels of `metadata` to the archive, so those that
are known here are the usual ones in English, French, Dutch and German.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vultus.acquire.archive_date import written_date
from vultus.acquire.document import mappings, text_of, texts
from vultus.acquire.found import Beside
from vultus.acquire.linked import linked
from vultus.acquire.wording import MAX_TEXT, Wording, language_tag, plain_text, preferred
from vultus.faces.dates import Date, read_date

MAX_WORDINGS = 200  # of one value
MAX_ROWS = 500
MAX_PERSONS = 200
MAX_TITLE = 1_000  # characters
MAX_NAME = 200
MAX_LABEL = 60
Value = TypeVar("Value")
Resource = Mapping[str, object]

_DATE_LABELS = (
    ("date taken", "date of photograph", "photograph date", "date de prise de vue", "opnamedatum",
     "datum opname", "aufnahmedatum"),
    ("date created", "creation date", "created", "date of creation", "date de création",
     "datum vervaardiging", "vervaardigingsdatum", "entstehungsdatum", "entstehungszeit"),
    ("date", "dates", "datum", "date published", "publication date", "date issued",
     "date de publication", "datering", "datierung", "erscheinungsdatum", "publicatiedatum",
     "year", "année", "jaar", "jahr"),
)  # fmt: skip
_CREDIT_LABELS = (
    ("photographer", "photographers", "photographe", "fotograaf", "fotograf", "fotografin",
     "fotograf/in"),
    ("creator", "creators", "author", "artist", "maker", "créateur", "auteur", "artiste",
     "vervaardiger", "kunstenaar", "urheber", "künstler", "autor"),
)  # fmt: skip
_PERSON_LABELS = (
    ("depicted", "depicts", "depicted person", "depicted persons", "depicted people",
     "person depicted", "persons depicted", "people depicted", "person shown", "persons shown",
     "sitter", "sitters", "personne représentée", "personnes représentées", "modèle",
     "afgebeeld", "afgebeelde persoon", "afgebeelde personen", "geportretteerde",
     "dargestellte person", "dargestellte personen", "abgebildete person",
     "abgebildete personen", "dargestellt"),
)  # fmt: skip
_CAPTION_LABELS = (
    "caption", "description", "légende", "bijschrift", "omschrijving", "beschrijving",
    "bildunterschrift", "beschreibung",
)  # fmt: skip
_LICENCE_LABELS = (
    ("licence", "license", "rights", "rights statement", "droits", "licentie", "rechten",
     "lizenz", "rechte", "nutzungsrechte"),
)  # fmt: skip
Rows = list[tuple[list[Wording], list[Wording]]]


@dataclass(frozen=True)
class Said:
    """What one resource says of what it holds. `page` is the page for people."""

    label: Wording | None = None
    caption: tuple[Wording, str] | None = None  # with its source, as of the date
    statement: str | None = None
    creator: str | None = None
    provider: str | None = None
    licence: str | None = None
    date: tuple[Date, str] | None = None
    navigation_date: tuple[Date, str] | None = None
    persons: tuple[str, ...] = ()
    page: str | None = None


def said_by(url: str, resource: Resource) -> Said:
    """What a resource of a document at `url` says."""
    rows = rows_of(resource)
    creators, _ = labelled(rows, _CREDIT_LABELS)
    names = [name.strip() for text in labelled(rows, _PERSON_LABELS)[0] for name in text.split(";")]
    navigation = read_navigation_date(text_of(resource, "navDate"))
    return Said(
        label=worded(resource.get("label"), MAX_TITLE),
        caption=caption_of(resource, rows),
        statement=statement_of(resource),
        creator="; ".join(dict.fromkeys(creators))[:MAX_TEXT] or None,
        provider=provider_of(resource),
        licence=licence_of(resource, rows),
        date=date_of(rows),
        navigation_date=(navigation, "iiif:navDate") if navigation else None,
        persons=tuple(dict.fromkeys(name for name in names if 0 < len(name) <= MAX_NAME))[
            :MAX_PERSONS
        ],
        page=page_of(url, resource),
    )


def beside(image: Said, canvas: Said, manifest: Said, title: Wording | None) -> Beside:
    """What stands beside an image: what is said nearest to it counts.

    The required statement goes before the name of a photographer, since the archive asks for it,
    and a row of `metadata` before navDate, which may only say where to put the image in time.
    """
    chain = (image, canvas, manifest)
    caption, caption_source = first([said.caption for said in chain]) or (None, None)
    date, date_source = first(
        [*(said.date for said in chain), *(said.navigation_date for said in chain)]
    ) or (None, None)
    said_in = caption or title
    return Beside(
        title=title.text if title else None,
        caption=caption.text if caption else None,
        caption_source=caption_source,
        credit=first([
            *(said.statement for said in chain),
            *(said.creator for said in chain),
            *(said.provider for said in chain),
        ]),
        licence=first([said.licence for said in chain]),
        date=date.text if date else None,
        date_precision=date.precision if date else None,
        date_source=date_source,
        persons=first([said.persons or None for said in chain]) or (),
        language=said_in.language if said_in else None,
    )  # fmt: skip


def first(values: Sequence[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def wordings(value: object) -> list[Wording]:
    """The texts of a property: a language map of 3.0, or what 2.1 allows instead."""
    found: list[Wording] = []
    pending = list(value) if isinstance(value, list) else [value]
    for part in pending[:MAX_WORDINGS]:
        if isinstance(part, str):
            found.append(Wording(plain_text(part)))
        elif isinstance(part, dict) and "@value" in part:
            plain = plain_text(text_of(part, "@value"))
            found.append(Wording(plain, language_tag(part.get("@language"))))
        elif isinstance(part, dict):
            found += [
                Wording(plain_text(text), language_tag(language))
                for language, listed in list(part.items())[:MAX_WORDINGS]
                for text in texts(listed)[:MAX_WORDINGS]
            ]
    return [wording for wording in found[:MAX_WORDINGS] if wording.text]


def worded(value: object, most: int = MAX_TEXT) -> Wording | None:
    """The texts of a property in the preferred language, as one of at most so many characters."""
    there = wordings(value)
    chosen = preferred(there)
    if chosen is None:
        return None
    same = [wording.text for wording in there if wording.language == chosen.language]
    return Wording("; ".join(dict.fromkeys(same))[:most].rstrip(), chosen.language)


def rows_of(resource: Resource) -> Rows:
    return [
        (wordings(row.get("label")), wordings(row.get("value")))
        for row in mappings(resource.get("metadata"))[:MAX_ROWS]
    ]


def labelled(rows: Rows, labels: Sequence[Sequence[str]]) -> tuple[list[str], str]:
    """The values of the rows with the first of these labels that is there, and that label."""
    for alike in labels:
        values: list[str] = []
        said = ""
        for names, there in rows:
            label = next((name.text for name in names if plain_label(name.text) in alike), "")
            chosen = preferred(there)
            if label and chosen:
                said = said or label
                values += [w.text for w in there if w.language == chosen.language]
        if values:
            return values, said
    return [], ""


def plain_label(label: str) -> str:
    return re.sub(r"\(s\)|[:\s]+$", "", label).strip().lower()


def caption_of(resource: Resource, rows: Rows) -> tuple[Wording, str] | None:
    for key in ("summary", "description"):
        found = worded(resource.get(key))
        if found is not None:
            return found, f"iiif:{key}"
    for names, there in rows:
        label = next((n.text for n in names if plain_label(n.text) in _CAPTION_LABELS), "")
        chosen = preferred(there)
        if label and chosen:
            return chosen, row_source(label)
    return None


def date_of(rows: Rows) -> tuple[Date, str] | None:
    for alike in _DATE_LABELS:
        values, label = labelled(rows, [alike])
        for value in values:
            found = written_date(value)
            if found is not None:
                return found, row_source(label)
    return None


def row_source(label: str) -> str:
    return f"iiif:metadata:{label[:MAX_LABEL]}"


def read_navigation_date(written: str) -> Date | None:
    """navDate must be written to the second, so its zeros are what was not known."""
    found = read_date(written)
    if found is None or found.precision != "second":
        return found
    day, _, clock = found.text.partition("T")
    if not clock.startswith("00:00:00"):
        return found
    return Date(day[:4], "year") if day.endswith("-01-01") else Date(day, "day")


def statement_of(resource: Resource) -> str | None:
    """requiredStatement of 3.0, attribution of 2.1."""
    required = mappings(resource.get("requiredStatement"))
    found = worded(required[0].get("value")) if required else None
    found = found or worded(resource.get("attribution"))
    return found.text if found else None


def provider_of(resource: Resource) -> str | None:
    providers = mappings(resource.get("provider"))
    found = worded(providers[0].get("label")) if providers else None
    return found.text if found else None


def licence_of(resource: Resource, rows: Rows) -> str | None:
    """`rights` of 3.0, `license` of 2.1, else what a row says."""
    for key in ("rights", "license"):
        for text in texts(resource.get(key)):
            if plain := plain_text(text):
                return plain
    values, _ = labelled(rows, _LICENCE_LABELS)
    return values[0] if values else None


def page_of(url: str, resource: Resource) -> str | None:
    """The page for people: homepage of 3.0, related of 2.1, in the preferred language."""
    pages: list[Wording] = []
    for key in ("homepage", "related"):
        pages += [Wording(text) for text in texts(resource.get(key))]
        for page in mappings(resource.get(key)):
            form = text_of(page, "format")
            languages = [
                *texts(page.get("language")),
                *(w.language for w in wordings(page.get("label")) if w.language),
            ]
            if not form or "html" in form:
                place = text_of(page, "id", "@id")
                pages.append(Wording(place, languages[0] if languages else None))
    usable = [
        Wording(usable_url, written.language)
        for written in pages[:MAX_WORDINGS]
        if (usable_url := linked(url, written.text)) is not None
    ]
    chosen = preferred(usable)
    return chosen.text if chosen else None
