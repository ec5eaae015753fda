"""Photos as they are shown: what was found beside them, and every place where they lie."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vultus.actions.answers import HeldPhoto, PhotoAnswer, PlaceAnswer, SourceAnswer
from vultus.actions.enrol import open_place
from vultus.actions.home import Home
from vultus.actions.source import list_sources, source_named
from vultus.records.models import Account, Photo, Sighting


def photo_answers(home: Home, photo_ids: Iterable[int]) -> dict[int, PhotoAnswer]:
    """The photos that may be shown today: number -> answer.

    A photo whose every source has expired is not among them.
    """
    wanted = list(photo_ids)
    places = places_of(home, wanted, {s.id: s for s in entitled_sources(home)})
    rows = Photo.objects.filter(pk__in=list(places))
    return {row.pk: photo_answer(home, row, places[row.pk]) for row in rows}


def entitled_sources(home: Home) -> list[SourceAnswer]:
    return [s for s in all_sources(home) if not s.expired]


def all_sources(home: Home) -> list[SourceAnswer]:
    from vultus.actions.home import local_account

    return list_sources(home, local_account(home))


def places_of(
    home: Home, photo_ids: list[int], sources: dict[int, SourceAnswer]
) -> dict[int, list[PlaceAnswer]]:
    """photo -> its places in these sources, oldest first; photos without one are left out."""
    answers: dict[int, list[PlaceAnswer]] = {}
    for start in range(0, len(photo_ids), 500):
        rows = Sighting.objects.filter(
            photo_id__in=photo_ids[start : start + 500], source_id__in=list(sources)
        )
        for row in rows.order_by("id"):
            answers.setdefault(row.photo_id, []).append(
                place_answer(home, row, sources[row.source_id])
            )
    return answers


def place_answer(home: Home, row: Sighting, source: SourceAnswer) -> PlaceAnswer:
    name = open_place(home, row.pk, bytes(row.sealed))
    opened = home.vault.unseal_json("sighting", f"sighting:{row.pk}", bytes(row.sealed))
    return PlaceAnswer(
        path_or_url=str(Path(source.location) / name.decode("utf-8", "backslashreplace")),
        page_url=opened["page_url"],
        source=source.name,
        collection=source.collection,
        legal_basis=source.legal_basis,
        expires=source.expires,
        seen=row.seen,
    )


def photo_answer(home: Home, row: Photo, places: list[PlaceAnswer]) -> PhotoAnswer:
    found: dict[str, Any] = home.vault.unseal_json("photo", f"photo:{row.pk}", bytes(row.sealed))
    return PhotoAnswer(
        sha256=found["sha256"] or "",
        width=found.get("width", 0),
        height=found.get("height", 0),
        title=found.get("title"),
        caption=found.get("caption"),
        caption_source=found.get("caption_source"),
        date=found.get("date"),
        date_precision=found.get("date_precision"),
        date_source=found.get("date_source"),
        credit=found.get("credit"),
        licence=found.get("licence"),
        persons=tuple(found.get("persons", ())),
        places=tuple(places),
    )


def list_photos(
    home: Home, actor: Account, *, source_name: str | None = None
) -> Iterator[HeldPhoto]:
    """Every photo that is held, was refused or has failed, in the order of enrolment.

    Raises InputError `source.not_found`.
    """
    chosen = [source_named(home, source_name)] if source_name else all_sources(home)
    sources = {source.id: source for source in chosen}
    numbers = list(
        Photo.objects.filter(sightings__source_id__in=list(sources))
        .distinct()
        .order_by("id")
        .values_list("id", flat=True)
    )
    for start in range(0, len(numbers), 500):
        part = numbers[start : start + 500]
        places = places_of(home, part, sources)
        for row in Photo.objects.filter(pk__in=part).order_by("id"):
            yield HeldPhoto(
                photo=photo_answer(home, row, places[row.pk]),
                enrolled=row.decision == "enrolled",
                n_faces=row.n_faces,
                decision=row.decision,
                reason=row.reason or None,
                time=row.seen,
            )
