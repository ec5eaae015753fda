"""Portraits of people who do not exist, for every test that needs a face.

`demo/photos` of the repository is used when it is there, else `../shared/data/portraits`.
Tests that need portraits call `portrait_photos()`, which skips them where there are none.
"""

import csv
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = next(
    (folder for folder in (REPOSITORY.parent / "shared", REPOSITORY / "shared") if folder.is_dir()),
    REPOSITORY.parent / "shared",
)
PLACES = (REPOSITORY / "demo" / "photos", SHARED / "data" / "portraits")
LFW = SHARED / "data" / "lfw-dev"


@cache
def portrait_folder() -> Path | None:
    """Return the folder that holds the portraits, None where there is none."""
    return next((place for place in PLACES if any(place.glob("**/*.jpg"))), None)


def portrait_photos() -> list[Path]:
    """Return the photos of one person alone, in a stable order; skip the test where there are
    none.
    """
    folder = portrait_folder()
    if folder is None:
        pytest.skip("needs demo/photos or ../shared/data/portraits")
    known = _people()
    every = sorted(folder.glob("**/*.jpg"))
    return [path for path in every if not known or path.relative_to(folder).as_posix() in known]


@cache
def _people() -> dict[str, str]:
    """Return who is in each portrait of demo/photos, by its path there, as demo/people.csv says."""
    table = REPOSITORY / "demo" / "people.csv"
    if portrait_folder() != PLACES[0]:
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return {row["photo"]: row["person"] for row in rows if row["kind"] == "portrait"}


def person_of(path: Path) -> str:
    """Return the person of a portrait: as demo/people.csv says, else the name of its folder."""
    folder = portrait_folder()
    name = path.relative_to(folder).as_posix() if folder and path.is_relative_to(folder) else ""
    return _people().get(name) or path.parent.name


def lfw_photos() -> list[Path]:
    """Return the photos of LFW's development half; skip the test that asks where it is absent."""
    if not LFW.is_dir():
        pytest.skip("needs ../shared/data/lfw-dev")
    return sorted(LFW.glob("*/*.jpg"))
