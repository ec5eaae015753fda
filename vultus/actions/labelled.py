"""Photos whose people are known, for measuring: one folder a person, read as a source is.

docs/evaluate.md says what counts as a photo, which face is taken, and what fails.
"""

import csv
import math
import mimetypes
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vultus.acquire.folder import Place, list_folder, path_text
from vultus.actions.home import Home
from vultus.actions.readers import read_many
from vultus.errors import InputError, VultusError
from vultus.faces import Face
from vultus.faces.reading import Reading

Progress = Callable[[str, int, int], None]  # what, done, in all
PAIR = re.compile(r"([^\s,:;/]+) / ([^\s,:;/]+)")


@dataclass(frozen=True, eq=False)
class LabelledPhoto:
    """A photo of a person, and the face taken of it; `face` is None where `reason` says why.

    `name` is the path below the folder, as bytes; `person` is its first part.
    """

    person: bytes
    name: bytes
    face: Face | None
    reason: str | None

    @property
    def refused(self) -> bool:
        """Whether a rule refused it; else what failed was the photo."""
        return self.reason is not None and self.reason.startswith(("quality.", "place."))


@dataclass
class Labelled:
    """What a folder gave: photos by name, and how many copies were left out."""

    photos: list[LabelledPhoto] = field(default_factory=list)
    n_copies: int = 0

    def failures(self) -> tuple[Counter[str], Counter[str]]:
        """Reasons of refused and of failed photos, with how many of each."""
        bad = [photo for photo in self.photos if photo.reason is not None]
        refused = Counter(photo.reason or "" for photo in bad if photo.refused)
        return refused, Counter(photo.reason or "" for photo in bad if not photo.refused)

    def files(self) -> dict[str, list[str]]:
        """Which photos were refused or have failed, by reason."""
        named: dict[str, list[str]] = {}
        for photo in self.photos:
            if photo.reason is not None:
                named.setdefault(photo.reason, []).append(path_text(photo.name))
        return named

    def without(self, pairs: list[tuple[str, str]]) -> "Labelled":
        """The same without what is wrongly labelled; each pair is of people or of photos.

        Of two people that are one the second goes; of photos each that is named.
        """
        people = {path_text(photo.person) for photo in self.photos}
        gone = {b for a, b in pairs if {a, b} <= people}
        gone_photos = {name for pair in pairs for name in pair if name not in people}
        kept = [
            photo
            for photo in self.photos
            if path_text(photo.person) not in gone and stem(photo.name) not in gone_photos
        ]
        return Labelled(kept, self.n_copies)


def stem(name: bytes) -> str:
    """The file's name without its ending, as text."""
    return path_text(Path(os.fsdecode(name)).stem)


def list_people(folder: Path) -> list[Place]:
    """The files of everybody's folder, by name. Raises InputError `evaluate.no_folder`,
    `evaluate.no_people`, `evaluate.unreadable`.
    """
    if not folder.is_dir():
        raise InputError(
            "evaluate.no_folder", f"There is no folder {path_text(folder)}.", "Name another."
        )
    listing = list_folder(folder)
    if listing.unreadable_folders:
        raise InputError(
            "evaluate.unreadable",
            f"{path_text(listing.unreadable_folders[0])} cannot be listed.",
            "Mend its permissions: rates without its photos would be those of another set.",
        )
    places = [place for place in listing.places if is_of_a_person(place.name)]
    if not places:
        raise InputError(
            "evaluate.no_people",
            f"{path_text(folder)} holds no folder with photos.",
            "Put the photos of each person into a folder of their own, all of them into this one.",
        )
    return places


def is_of_a_person(name: bytes) -> bool:
    parts = name.split(b"/")
    return len(parts) > 1 and not any(part.startswith(b".") for part in parts)


def read_people(home: Home, folder: Path, places: list[Place], progress: Progress) -> Labelled:
    """Read every photo; a copy within one person's folder, and what is no photo, is left out."""
    found = Labelled()
    seen: set[tuple[bytes, str]] = set()
    for n, (place, result) in enumerate(results(home, folder, places), 1):
        progress("reading", n, len(places))
        person = place.name.partition(b"/")[0]
        if isinstance(result, Reading):
            if (person, result.sha256) in seen:
                found.n_copies += 1
                continue
            seen.add((person, result.sha256))
            found.photos.append(photo_of(person, place.name, result))
        elif result != "photo.not_a_photo" or named_as_photo(place.name):
            found.photos.append(LabelledPhoto(person, place.name, None, result))
    return found


def results(home: Home, folder: Path, places: list[Place]) -> Iterator[tuple[Place, Reading | str]]:
    """Each place with its reading, or the code of why there is none."""
    readable = ((place, folder / place.file_name) for place in places if not place.problem)
    readings = read_many(home, readable)
    for place in places:
        if place.problem:
            yield place, place.problem
            continue
        got, result = next(readings)
        assert got is place
        yield place, result.code if isinstance(result, VultusError) else result


def photo_of(person: bytes, name: bytes, reading: Reading) -> LabelledPhoto:
    """The photo with the face nearest the middle, unless it has none or that is refused."""
    number = middle_face(reading)
    if number is None:
        return LabelledPhoto(person, name, None, "photo.no_face")
    face = reading.faces[number]
    if face.quality.refused is not None:
        return LabelledPhoto(person, name, None, f"quality.{face.quality.refused}")
    return LabelledPhoto(person, name, face, None)


def middle_face(reading: Reading) -> int | None:
    """Which face is nearest the middle, from 0, where its width counts for it."""

    def off(face: Face) -> float:
        x, y, width, height = face.box
        across = x + width / 2 - reading.width / 2
        return math.hypot(across, y + height / 2 - reading.height / 2) - width

    faces = range(len(reading.faces))
    return min(faces, key=lambda n: off(reading.faces[n])) if faces else None


def named_as_photo(name: bytes) -> bool:
    kind, _ = mimetypes.guess_type(Path(os.fsdecode(name)).name)
    return kind is not None and kind.startswith("image/")


def read_label_errors(path: Path) -> list[tuple[str, str]]:
    """The pairs `A / B` of a text. Raises InputError `evaluate.label_errors`."""
    text = text_of(path, "evaluate.label_errors")
    pairs = [(a, b.rstrip(".")) for a, b in PAIR.findall(text)]
    if not pairs:
        raise InputError(
            "evaluate.label_errors",
            f"{path_text(path)} holds no pair of names.",
            "Write pairs as NAME / NAME, with commas between them.",
        )
    return pairs


def read_labels(path: Path) -> dict[str, str]:
    """The label of each person. Raises InputError `evaluate.labels`."""
    rows = csv.DictReader(text_of(path, "evaluate.labels").splitlines())
    if not {"person", "label"} <= set(rows.fieldnames or []):
        raise InputError(
            "evaluate.labels",
            f"{path_text(path)} has no columns `person` and `label`.",
            "Write a CSV table with these in its first row.",
        )
    return {row["person"]: row["label"] for row in rows if row["person"] and row["label"]}


def text_of(path: Path, code: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            code, f"{path_text(path)} cannot be read as text.", "Name a file in UTF-8."
        ) from error
