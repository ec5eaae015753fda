"""Erase: a face, a photo or a source is gone, does not come back, and a receipt proves it."""

import hashlib
import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from vultus.actions.enrol import digest_index, face_index, let_go
from vultus.actions.home import Home
from vultus.actions.lock import nobody_visits
from vultus.actions.segment import forget_in_index
from vultus.actions.source import source_named
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, UnavailableError
from vultus.ids import ReferenceId
from vultus.records.database import empty_journal
from vultus.records.log import OF_A_PHOTO
from vultus.records.models import (
    Account,
    Calibration,
    Entry,
    Erasure,
    FrontierHost,
    FrontierItem,
    FrontierUrl,
    LogState,
    Photo,
    Reference,
    Sighting,
    Source,
)
from vultus.records.segment import mark_stale
from vultus.records.sequence import gallery_changed


@dataclass(frozen=True)
class EraseAnswer:
    """What was erased, counted, and where the receipt lies."""

    photos: int
    references: int
    places: int
    receipt: Path


def erase(
    home: Home,
    actor: Account,
    *,
    photo: str | None = None,
    reference: ReferenceId | None = None,
    source: str | None = None,
) -> EraseAnswer:
    """Erase exactly one of: a photo by its SHA-256, a reference by number, a source by name.

    The templates, crops, captions, places and what the log said of the photo are deleted,
    and an erased photo is refused by later visits. Raises InputError `erase.choose_one`,
    `photo.not_held`, `reference.not_held`, `source.not_found`; UnavailableError
    `ingest.running` for a source, `receipt.not_written`.
    """
    given = [value for value in (photo, reference, source) if value is not None]
    if len(given) != 1:
        raise InputError(
            "erase.choose_one",
            "Name exactly one thing to erase.",
            "Use --photo SHA256, --reference ID or --source NAME.",
        )
    with ExitStack() as stack:
        if source is not None:
            stack.enter_context(nobody_visits(home.path))
        stack.enter_context(transaction.atomic())
        home.log.hold()
        if photo is not None:
            index, counts = erase_photo(home, actor, photo)
        elif reference is not None:
            index, counts = erase_reference(home, actor, reference)
        else:
            assert source is not None
            index, counts = erase_source(home, actor, source)
        Calibration.objects.all().delete()
        gallery_changed()
    forget_in_index(home)
    empty_journal()
    return EraseAnswer(*counts, receipt=write_receipt(home, index))


Counts = tuple[int, int, int]  # photos, references, places


def erase_photo(home: Home, actor: Account, sha256: str) -> tuple[int, Counts]:
    row = Photo.objects.filter(digest_index=digest_index(home, sha256.strip())).first()
    if row is None:
        raise InputError(
            "photo.not_held",
            "No photo with this SHA-256 is held.",
            "List them: `vultus photos --json`.",
        )
    counts = (1, row.references.count(), row.sightings.count())
    keep_out([bytes(row.digest_index)])
    forget_in_frontier(row)
    mark_stale(row.references.all())
    earlier = earlier_numbers(home, {sha256.strip().lower()})
    Photo.objects.filter(pk=row.pk).delete()
    forget([row.pk, *earlier])
    index = home.log.append(
        EntryKind.PHOTO_ERASED,
        {
            "by": actor.pk,
            "photo": row.pk,
            "photo_digest": receipt_digest(sha256),
            "references": counts[1],
            "places": counts[2],
        },
    )
    return index, counts


def forget_in_frontier(photo: Photo) -> None:
    """What visits of web sources remember of a photo: where it lies, and what stands beside it."""
    for source, place in photo.sightings.values_list("source_id", "place_index"):
        items = FrontierItem.objects.filter(place_index=bytes(place), teller__source_id=source)
        urls = set(items.values_list("photo_id", flat=True))
        FrontierUrl.objects.filter(pk__in=urls).delete()


def receipt_digest(sha256: str) -> str:
    """What a receipt says of a photo: who holds the photo can check it, nobody can invert it."""
    return hashlib.sha256(f"vultus/erased-photo/{sha256.strip().lower()}".encode()).hexdigest()


def erase_reference(home: Home, actor: Account, number: int) -> tuple[int, Counts]:
    row = Reference.objects.select_related("photo").filter(pk=number).first()
    if row is None:
        raise InputError(
            "reference.not_held",
            f"There is no reference {number}.",
            "The reference stands beside each candidate: `vultus search … --json`.",
        )
    photo_id = row.photo_id
    found = home.vault.unseal_json("photo", f"photo:{photo_id}", bytes(row.photo.sealed))
    face = home.vault.unseal_json("reference", f"reference:{number}", bytes(row.sealed))
    keep_out([face_index(home, found["sha256"], face["box"])])
    mark_stale(Reference.objects.filter(pk=number))
    row.delete()
    left = Reference.objects.filter(photo_id=photo_id).count()
    Photo.objects.filter(pk=photo_id).update(n_faces=left)
    index = home.log.append(
        EntryKind.REFERENCE_ERASED, {"by": actor.pk, "reference": number, "photo": photo_id}
    )
    return index, (0, 1, 0)


def erase_source(home: Home, actor: Account, name: str) -> tuple[int, Counts]:
    """The source with all its places, and the photos that lie nowhere else.

    What the log says of the source's entitlement stays: on what basis photos were held.
    """
    source = source_named(home, name)
    photo_ids = set(Sighting.objects.filter(source_id=source.id).values_list("photo_id", flat=True))
    n_places = Sighting.objects.filter(source_id=source.id).delete()[0]
    left = Photo.objects.filter(sightings__isnull=True)  # only those that lay only here
    n_references = Reference.objects.filter(photo__in=left).count()
    digests = {
        home.vault.unseal_json("photo", f"photo:{number}", bytes(sealed))["sha256"]
        for number, sealed in left.values_list("id", "sealed")
    }
    gone = let_go(photo_ids)
    forget([*gone, *earlier_numbers(home, digests - {None})])
    row = Source.objects.select_related("collection").get(pk=source.id)
    collection = row.collection
    row.delete()
    FrontierHost.objects.filter(urls__isnull=True).delete()
    if not collection.sources.exists():
        collection.delete()
    index = home.log.append(
        EntryKind.SOURCE_ERASED,
        {
            "by": actor.pk,
            "source": source.id,
            "photos": len(gone),
            "references": n_references,
            "places": n_places,
        },
    )
    return index, (len(gone), n_references, n_places)


def earlier_numbers(home: Home, digests: set[str]) -> list[int]:
    """Numbers under which these photos were held before, vanished, and came back."""
    rows = Entry.objects.filter(
        kind__in=[kind.value for kind in OF_A_PHOTO],
        sealed_payload__isnull=False,
        photo_id__isnull=False,
    ).exclude(photo_id__in=Photo.objects.values("id"))
    found: list[int] = []
    for index, number in rows.values_list("index", "photo_id").order_by("index"):
        said = home.log.payload(index) or {}
        if number is not None and said.get("sha256") in digests:
            found.append(number)
    return found


def keep_out(indexes: list[bytes]) -> None:
    """Note what later visits must not enrol again."""
    now = datetime.now(UTC)
    Erasure.objects.bulk_create(
        [Erasure(digest_index=index, time=now) for index in indexes], ignore_conflicts=True
    )


def forget(photo_ids: list[int]) -> None:
    """Delete what the log said of these photos; the tree keeps its leaves and still verifies."""
    for start in range(0, len(photo_ids), 500):
        Entry.objects.filter(photo_id__in=photo_ids[start : start + 500]).update(
            sealed_payload=None
        )


def write_receipt(home: Home, index: int) -> Path:
    """The proof of the erasure's log entry, as a file; the erasure itself is committed already.

    Raises UnavailableError `receipt.not_written`.
    """
    size = LogState.objects.values_list("size", flat=True).get(id=1)
    path = home.path / "receipts" / f"erasure-{index}-of-{size}.json"
    temporary = path.with_suffix(".part")
    receipt = home.log.receipt(index)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(receipt)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UnavailableError(
            "receipt.not_written",
            f"What was named is erased, but the receipt could not be written: {error.strerror}.",
            "Make room, then run `vultus doctor`, which writes receipts that are missing.",
        ) from error
    return path


def write_missing_receipts(home: Home) -> int:
    """Receipts that a crash or a full disk prevented; returns how many were written."""
    erasures = (EntryKind.PHOTO_ERASED, EntryKind.REFERENCE_ERASED, EntryKind.SOURCE_ERASED)
    rows = Entry.objects.filter(kind__in=[kind.value for kind in erasures]).order_by("index")
    folder = home.path / "receipts"
    missing = [
        index
        for index in rows.values_list("index", flat=True)
        if not any(folder.glob(f"erasure-{index}-of-*.json"))
    ]
    if missing:
        forget_in_index(home)
    for index in missing:
        write_receipt(home, index)
    return len(missing)
