"""Photos as they are shown: what was found beside them, and every place where they lie."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vultus.acquire.decision import Decision
from vultus.actions.answers import HeldPhoto, PhotoAnswer, PlaceAnswer, SourceAnswer
from vultus.actions.entitlement import FOLDER
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
    opened = home.vault.unseal_json("sighting", f"sighting:{row.pk}", bytes(row.sealed))
    text = bytes.fromhex(opened["name"]).decode("utf-8", "backslashreplace")
    return PlaceAnswer(
        path_or_url=(
            str(Path(source.location) / text)
            if source.kind == FOLDER
            else text.partition("\n")[0]  # before the page's URL
        ),
        page_url=opened["page_url"],
        source=source.name,
        collection=source.collection,
        legal_basis=source.legal_basis,
        expires=source.expires,
        seen=row.seen,
        beside=opened.get("beside", {}),
    )


def photo_answer(home: Home, row: Photo, places: list[PlaceAnswer]) -> PhotoAnswer:
    """A photo with what its file says, and what stands beside it at its places.

    The caption of a page comes first, since it is about this photo on this page; all else is
    taken from the file, and from a page where the file lacks it.
    """
    file: dict[str, Any] = home.vault.unseal_json("photo", f"photo:{row.pk}", bytes(row.sealed))
    pages = [place.beside for place in places]
    captioned = first_with("caption", [*pages, file])
    dated = first_with("date", [file, *pages])
    title, credit, licence, persons = (
        first_with(name, [file, *pages]).get(name)
        for name in ("title", "credit", "licence", "persons")
    )
    return PhotoAnswer(
        sha256=file["sha256"] or "",
        width=file.get("width", 0),
        height=file.get("height", 0),
        title=title,
        caption=captioned.get("caption"),
        caption_source=captioned.get("caption_source"),
        date=dated.get("date"),
        date_precision=dated.get("date_precision"),
        date_source=dated.get("date_source"),
        credit=credit,
        licence=licence,
        persons=tuple(persons or ()),
        places=tuple(places),
    )


def first_with(name: str, besides: list[dict[str, Any]]) -> dict[str, Any]:
    """The first of these that says `name`."""
    return next((beside for beside in besides if beside.get(name)), {})


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
        decisions = decisions_of(home, part, sources)
        for row in Photo.objects.filter(pk__in=part).order_by("id"):
            yield held_photo(row, photo_answer(home, row, places[row.pk]), decisions.get(row.pk))


def held_photo(row: Photo, photo: PhotoAnswer, decision: Decision | None) -> HeldPhoto:
    """A photo with the decision about it: what a site said, or what was found in its pixels."""
    signal, value = decision.decided_by() if decision else ("", "")
    rule = row.reason or row.decision
    return HeldPhoto(
        photo=photo,
        enrolled=row.decision == "enrolled",
        n_faces=row.n_faces,
        decision=row.decision,
        reason=row.reason or None,
        time=decision.time if decision else row.seen,
        # A permitted photo can still have no face, or none that is good enough.
        rule=decision.rule if decision and not (decision.may_enrol and row.reason) else rule,
        signal=signal or None,
        value=value or None,
        document=decision.to_bytes() if decision else None,
    )


def decisions_of(
    home: Home, photo_ids: list[int], sources: dict[int, SourceAnswer]
) -> dict[int, Decision]:
    """photo -> the decision about its first place, of those on the web."""
    rows = Sighting.objects.filter(
        photo_id__in=photo_ids, source_id__in=list(sources), sealed_decision__isnull=False
    ).order_by("-id")
    return {
        photo: Decision.from_bytes(
            home.vault.unseal("decision", f"decision:{number}", bytes(sealed))
        )
        for number, photo, sealed in rows.values_list("id", "photo_id", "sealed_decision")
        if sealed is not None
    }
