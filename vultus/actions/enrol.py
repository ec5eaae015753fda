"""Enrol: turn what was read at places of a source into records, references and log entries.

One call is one transaction. A photo is its bytes: the same bytes at a second place add the
place, not the photo. A place whose bytes have changed lets go of the old photo.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from django.db import transaction

from vultus.acquire.folder import Place
from vultus.actions.answers import SourceAnswer
from vultus.actions.face import face_fields, template_bytes
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.faces import Face
from vultus.faces.crop import Crop as FaceCrop
from vultus.faces.metadata import Metadata
from vultus.faces.reading import Reading
from vultus.records.log import NewEntry
from vultus.records.models import Crop, Decision, Erasure, Photo, Reference, Sighting
from vultus.records.segment import mark_stale
from vultus.records.sequence import gallery_changed, take

NO_FACE = "no_face"
ERASED = "photo.erased"
REFUSED_PLACES = {"place.link_out_of_source"}


@dataclass(frozen=True)
class Known:
    """What the last visit left of a place."""

    sighting_id: int
    photo_id: int
    n_bytes: int
    changed: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What reading a place gave: a reading, or the code of what went wrong.

    Of a web place also what stands beside it there and the decision about it
    (docs/formats/permit.md). With `digest` alone, a blind index, it is a further place of a photo
    that is held. `refused`: the problem is a rule's, and the photo has no bytes here.
    """

    place: Place
    reading: Reading | None
    problem: str | None
    sha256: str | None
    beside: dict[str, Any] | None = None
    decision: bytes | None = None
    evidence: str | None = None
    digest: bytes | None = None
    refused: bool = False


@dataclass
class Visit:
    """One source being visited. `not_held`: reason -> places that leave no record at all."""

    home: Home
    source: SourceAnswer
    not_held: dict[str, list[str]] = field(default_factory=dict)

    def place_index(self, name: bytes) -> bytes:
        """The blind index of a place, bound to its source."""
        return self.home.vault.blind("sighting/place", b"%d\n%b" % (self.source.id, name))

    def digest_index(self, outcome: Outcome) -> bytes:
        """The blind index of a photo: of its bytes, or of its place when they are unknown."""
        if outcome.digest is not None:
            return outcome.digest
        if outcome.sha256 is None:
            name = b"%d\n%b" % (self.source.id, self.unread_name(outcome.place.name))
            return self.home.vault.blind("photo/unread-place", name)
        return digest_index(self.home, outcome.sha256)

    def unread_name(self, name: bytes) -> bytes:
        """What stands for a photo whose bytes are unknown."""
        return name

    def path(self, name: bytes) -> str:
        place = name.decode("utf-8", "backslashreplace")
        return str(Path(self.source.location) / place)

    def page_url(self, name: bytes) -> str | None:
        """The page of a photo: the source's prefix and the place, as an address."""
        prefix = self.source.page_url_prefix
        return prefix + quote(name, safe="/") if prefix is not None else None

    def place_names(self, sighting_ids: list[int]) -> dict[int, bytes]:
        names: dict[int, bytes] = {}
        for start in range(0, len(sighting_ids), 500):
            rows = Sighting.objects.filter(id__in=sighting_ids[start : start + 500])
            for number, sealed in rows.values_list("id", "sealed"):
                names[number] = open_place(self.home, number, bytes(sealed))
        return names

    def names_of_photos(self, photo_ids: list[int]) -> list[tuple[int, str]]:
        """(photo, path) for every place of these photos in this source."""
        names: list[tuple[int, str]] = []
        for start in range(0, len(photo_ids), 500):
            rows = Sighting.objects.filter(
                source_id=self.source.id, photo_id__in=photo_ids[start : start + 500]
            )
            names += [
                (photo, self.path(open_place(self.home, number, bytes(sealed))))
                for number, photo, sealed in rows.order_by("id").values_list(
                    "id", "photo_id", "sealed"
                )
            ]
        return names


def digest_index(home: Home, sha256: str) -> bytes:
    return home.vault.blind("photo/digest", sha256.lower())


def face_index(home: Home, sha256: str, box: Sequence[float]) -> bytes:
    """The blind index of one face of a photo: what an erased face is known by."""
    pixels = ",".join(str(round(v)) for v in box)
    return home.vault.blind("photo/face", f"{sha256.lower()}\n{pixels}")


def open_place(home: Home, sighting_id: int, sealed: bytes) -> bytes:
    """The name of a place below its source, as bytes."""
    opened = home.vault.unseal_json("sighting", f"sighting:{sighting_id}", sealed)
    return bytes.fromhex(opened["name"])


def commit_outcomes(
    visit: Visit, outcomes: Sequence[Outcome], known: dict[bytes, Known]
) -> set[int]:
    """Write a batch; returns the numbers of photos that were newly enrolled."""
    with transaction.atomic():
        batch = Batch(visit, outcomes, known)
        for outcome in outcomes:
            batch.take_in(outcome)
        batch.write()
    known.update(batch.known)
    return batch.new


class Batch:
    """The rows and log entries of some outcomes, gathered and then written at once."""

    def __init__(
        self, visit: Visit, outcomes: Sequence[Outcome], known: dict[bytes, Known]
    ) -> None:
        self.visit, self.home, self.before = visit, visit.home, known
        self.now = datetime.now(UTC)
        self.new: set[int] = set()
        self.known: dict[bytes, Known] = {}
        self.entries: list[NewEntry] = []
        self.photos: list[Photo] = []
        self.decided_again: list[Photo] = []
        self.references: list[Reference] = []
        self.crops: list[Crop] = []
        self.sightings: list[Sighting] = []
        self.left: list[Known] = []  # places whose earlier photo is let go
        self.home.log.hold()  # an erasure comes wholly before this batch, or after it
        indexes = {visit.digest_index(outcome) for outcome in outcomes}
        faces = [
            face_index(self.home, o.reading.sha256, face_fields(face)["box"])
            for o in outcomes
            if o.reading
            for face in o.reading.faces
        ]
        self.held = {
            bytes(photo.digest_index): photo
            for photo in Photo.objects.filter(digest_index__in=list(indexes))
        }
        self.erased = {
            bytes(index)
            for index in Erasure.objects.filter(digest_index__in=[*indexes, *faces]).values_list(
                "digest_index", flat=True
            )
        }
        n_faces = sum(len(o.reading.faces) for o in outcomes if o.reading)
        self.photo_ids = iter(take("photo", len(outcomes)))
        self.sighting_ids = iter(take("sighting", len(outcomes)))
        self.reference_ids = iter(take("reference", n_faces)) if n_faces else iter(())

    def take_in(self, outcome: Outcome) -> None:
        """Gather what one place means."""
        place_index = self.visit.place_index(outcome.place.name)
        before = self.known.get(place_index) or self.before.get(place_index)
        digest = self.visit.digest_index(outcome)
        if digest in self.erased:
            names = self.visit.not_held.setdefault(ERASED, [])
            names.append(self.visit.path(outcome.place.name))
            if before:
                self.left.append(before)
            return
        photo = self.held.get(digest)
        if outcome.digest is not None and photo is None:
            return  # it was erased since; a later visit reads the place again
        if photo is None:
            photo = self.add_photo(outcome, digest, next(self.photo_ids))
            self.photos.append(photo)
        elif (
            outcome.digest is None and before and (photo.decision, photo.reason) != decide(outcome)
        ):
            photo = self.add_photo(outcome, digest, photo.pk)  # read again, decided anew
            self.decided_again.append(photo)
        self.held[digest] = photo
        if before and before.photo_id == photo.pk:
            sighting_id = before.sighting_id
            self.see_again(sighting_id, outcome)
        else:
            if before:
                self.left.append(before)
            sighting_id = self.add_sighting(photo, outcome, place_index)
        self.known[place_index] = Known(
            sighting_id, photo.pk, outcome.place.n_bytes, outcome.place.changed, photo.reason
        )

    def add_photo(self, outcome: Outcome, digest: bytes, number: int) -> Photo:
        """A photo with its references, and the log entry of the decision."""
        decision, reason = decide(outcome)
        faces: list[tuple[Face, FaceCrop]] = []
        if outcome.reading and decision == Decision.ENROLLED:
            pairs = zip(outcome.reading.faces, outcome.reading.crops, strict=True)
            faces = [
                (face, crop)
                for face, crop in pairs
                if face.quality.refused is None and not self.is_erased(outcome.reading, face)
            ]
        photo = Photo(
            id=number,
            digest_index=digest,
            decision=decision,
            reason=reason,
            n_faces=len(faces),
            seen=self.now,
            sealed=self.home.vault.seal_json("photo", f"photo:{number}", found(outcome)),
        )
        references = [self.add_reference(number, face, crop) for face, crop in faces]
        if decision == Decision.ENROLLED:
            self.new.add(number)
        self.entries.append(
            NewEntry(
                ENTRY_OF[decision],
                {
                    "photo": number,
                    "sha256": outcome.sha256,
                    "source": self.visit.source.id,
                    "reason": reason or None,
                    "references": references,
                    **({"evidence": outcome.evidence} if outcome.evidence else {}),
                },
                photo_id=number,
            )
        )
        return photo

    def is_erased(self, reading: Reading, face: Face) -> bool:
        return face_index(self.home, reading.sha256, face_fields(face)["box"]) in self.erased

    def add_reference(self, photo_id: int, face: Face, crop: FaceCrop) -> int:
        number = next(self.reference_ids)
        vault, identity = self.home.vault, f"reference:{number}"
        self.references.append(
            Reference(
                id=number,
                photo_id=photo_id,
                model=face.template.model,
                sealed_template=vault.seal("template", identity, template_bytes(face)),
                sealed=vault.seal_json("reference", identity, face_fields(face)),
            )
        )
        place = {
            "box": [float(v) for v in crop.box],
            "landmarks": np.asarray(crop.landmarks, float).tolist(),
        }
        self.crops.append(
            Crop(
                reference_id=number,
                sealed=vault.seal("crop", f"crop:{number}", crop.jpeg),
                sealed_place=vault.seal_json("crop", f"crop-place:{number}", place),
            )
        )
        return number

    def add_sighting(self, photo: Photo, outcome: Outcome, place_index: bytes) -> int:
        number = next(self.sighting_ids)
        self.sightings.append(
            Sighting(
                id=number,
                photo_id=photo.pk,
                source_id=self.visit.source.id,
                place_index=place_index,
                n_bytes=outcome.place.n_bytes,
                changed_ns=outcome.place.changed,
                seen=self.now,
                **self.sealed_sighting(number, outcome),
            )
        )
        return number

    def see_again(self, number: int, outcome: Outcome) -> None:
        """A place holds the same photo as before; what is said of it there may have changed."""
        place = outcome.place
        said = {} if outcome.decision is None else self.sealed_sighting(number, outcome)
        fresh = {"n_bytes": place.n_bytes, "changed_ns": place.changed, "seen": self.now, **said}
        unwritten = next((item for item in self.sightings if item.pk == number), None)
        if unwritten is None:
            Sighting.objects.filter(pk=number).update(**fresh)
        for name, value in fresh.items() if unwritten else ():
            setattr(unwritten, name, value)

    def sealed_sighting(self, number: int, outcome: Outcome) -> dict[str, Any]:
        vault, name = self.home.vault, outcome.place.name
        sealed: dict[str, Any] = {"name": name.hex(), "page_url": self.visit.page_url(name)}
        if outcome.beside is not None:
            sealed["beside"] = outcome.beside
        decision = outcome.decision
        return {
            "sealed": vault.seal_json("sighting", f"sighting:{number}", sealed),
            "sealed_decision": decision and vault.seal("decision", f"decision:{number}", decision),
        }

    def write(self) -> None:
        """Everything into the database: what is let go first, since places are unique."""
        Sighting.objects.filter(id__in=[item.sighting_id for item in self.left]).delete()
        Photo.objects.bulk_create(self.photos)
        for photo in self.decided_again:
            references = Reference.objects.filter(photo_id=photo.pk)
            mark_stale(references)
            references.delete()
            photo.save()
        Reference.objects.bulk_create(self.references)
        Crop.objects.bulk_create(self.crops)
        Sighting.objects.bulk_create(self.sightings)
        gone = let_go({item.photo_id for item in self.left})
        self.entries += [entry_of_loss(EntryKind.PHOTO_CHANGED, self.visit, n) for n in gone]
        self.home.log.append_many(self.entries)
        gallery_changed()


def decide(outcome: Outcome) -> tuple[Decision, str]:
    """Enrolled; or refused (policy, quality) or failed (no face, bad file), with the code."""
    if outcome.reading is None:
        assert outcome.problem
        is_refused = outcome.refused or outcome.problem in REFUSED_PLACES
        return (Decision.REFUSED if is_refused else Decision.FAILED), outcome.problem
    faces = outcome.reading.faces
    if not faces:
        return Decision.FAILED, NO_FACE
    reasons = [face.quality.refused for face in faces]
    if all(reasons):
        most = Counter(reasons).most_common(1)[0][0]
        return Decision.REFUSED, f"quality.{most}"
    return Decision.ENROLLED, ""


ENTRY_OF = {
    Decision.ENROLLED: EntryKind.PHOTO_ENROLLED,
    Decision.REFUSED: EntryKind.PHOTO_REFUSED,
    Decision.FAILED: EntryKind.PHOTO_FAILED,
}


def found(outcome: Outcome) -> dict[str, Any]:
    """What was found in and beside a photo."""
    reading = outcome.reading
    if reading is None:
        return {"sha256": outcome.sha256}
    metadata = reading.metadata
    return {
        "sha256": reading.sha256,
        "n_bytes": reading.n_bytes,
        "format": reading.format,
        "width": reading.width,
        "height": reading.height,
        "title": metadata.title,
        "caption": metadata.caption,
        "caption_source": metadata.caption_source,
        "credit": metadata.credit,
        "date": metadata.date,
        "date_precision": metadata.date_precision,
        "date_source": metadata.date_source,
        "persons": list(metadata.persons),
        "licence": rights_of(metadata),
        "data_mining": metadata.data_mining,
    }


def rights_of(metadata: Metadata) -> str | None:
    """All that a file says of its rights, each thing once; the licence first."""
    said = (metadata.licence, metadata.usage_terms, metadata.rights, metadata.web_statement)
    return "; ".join(dict.fromkeys(text for text in said if text)) or None


def forget_places(
    visit: Visit, places: Iterable[Known], kind: EntryKind, reason: str | None = None
) -> int:
    """Remove places, and the photos that no place holds any more; returns how many photos.

    `reason`: the rule or event that a web source's log names.
    """
    items = list(places)
    for start in range(0, len(items), 500):
        part = [item.sighting_id for item in items[start : start + 500]]
        Sighting.objects.filter(id__in=part).delete()
    gone = let_go({item.photo_id for item in items})
    visit.home.log.append_many([entry_of_loss(kind, visit, number, reason) for number in gone])
    return len(gone)


def let_go(photo_ids: set[int]) -> list[int]:
    """Remove those of the photos that no place holds any more; their numbers, in order."""
    gone: list[int] = []
    ordered = sorted(photo_ids)
    for start in range(0, len(ordered), 500):
        rows = Photo.objects.filter(id__in=ordered[start : start + 500], sightings__isnull=True)
        part = list(rows.order_by("id").values_list("id", flat=True))
        mark_stale(Reference.objects.filter(photo_id__in=part))
        Photo.objects.filter(id__in=part).delete()
        gone += part
    return gone


def entry_of_loss(
    kind: EntryKind, visit: Visit, photo_id: int, reason: str | None = None
) -> NewEntry:
    said: dict[str, Any] = {"photo": photo_id, "source": visit.source.id}
    return NewEntry(kind, said | ({"reason": reason} if reason else {}), photo_id=photo_id)
