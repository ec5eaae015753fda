"""Invented archives, places and events, and captions that tell of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.photo import Caption

LICENCE = "CC0 1.0 (rendered; shows nobody)"


@dataclass(frozen=True)
class Archive:
    """One of the collections the set pretends to come from."""

    folder: str
    credit: str
    source: str
    creators: tuple[str, ...]
    years: tuple[int, int]


ARCHIVES = (
    Archive(
        "harbour-gazette",
        "The Harbour Gazette",
        "Harbour Gazette picture desk",
        ("L. Brackenridge", "T. Osterveld", "M. Aduya-Finch"),
        (2015, 2024),
    ),
    Archive(
        "city-archive",
        "City Archive of Oudhaven",
        "Oudhaven municipal photo service",
        ("Municipal photographer", "P. Quillfeather"),
        (2008, 2022),
    ),
    Archive(
        "relief-office",
        "Lowland Relief Office",
        "Relief Office field communications",
        ("R. Tamsworth", "Field team 3", "Field team 5"),
        (2016, 2024),
    ),
)
PLACES = (
    "Oudhaven",
    "Port Marrow",
    "Sint-Aldwin",
    "Grey Locks",
    "Vellenbeek",
    "Upper Tarn",
    "Nieuwe Sluis",
    "Castermere",
    "Halfmoon Quay",
)
EVENTS = {
    "harbour-gazette": (
        "the reopening of the fish market",
        "a public hearing on the ferry timetable",
        "the winter swimmers' breakfast",
        "the dockers' union congress",
        "a rehearsal of the harbour choir",
        "the launch of the pilot boat",
        "the new reading room",
        "the storm clean-up on the east pier",
        "a strike meeting at the grain terminal",
        "the regatta prize giving",
        "the bakers' night shift",
        "the school sailing day",
    ),
    "city-archive": (
        "the swearing-in of new council clerks",
        "the residents' evening on the tram line",
        "a retirement reception at the water works",
        "the census volunteers' day",
        "the opening of the allotment gardens",
        "the fire brigade's anniversary",
        "the inauguration of the north library",
        "the museum's open storage day",
        "a naturalisation ceremony",
        "the evening school's graduation",
        "the street names committee",
    ),
    "relief-office": (
        "the distribution of winter blankets",
        "the opening of the river clinic",
        "the flood volunteers' training",
        "a visit to the temporary school",
        "the well committee's first meeting",
        "the evacuation drill",
        "the food bank's stock count",
        "the return of the mobile library",
        "the first-aid course in the sports hall",
        "the registration desk on arrival day",
    ),
}
ROLES = (
    "engineer",
    "teacher",
    "nurse",
    "councillor",
    "volunteer",
    "librarian",
    "carpenter",
    "driver",
    "shopkeeper",
    "student",
    "translator",
    "cook",
    "fisher",
    "accountant",
)


def date_of(year: int, rng: np.random.Generator) -> str:
    """A date in the year, known to the day, to the month or only to the year."""
    kind = rng.random()
    month, day = int(rng.integers(1, 13)), int(rng.integers(1, 29))
    return (
        f"{year}"
        if kind < 0.15
        else f"{year}-{month:02d}"
        if kind < 0.25
        else f"{year}-{month:02d}-{day:02d}"
    )


def write(
    archive: Archive,
    year: int,
    people: list[str],
    child: bool,
    named: bool,
    rng: np.random.Generator,
    group: bool = False,
) -> Caption:
    """A caption; `named` says whether the people are named in it."""
    event, place = str(rng.choice(EVENTS[archive.folder])), str(rng.choice(PLACES))
    role = "pupil" if child else str(rng.choice(ROLES))
    if group:
        shown = ", ".join(people) if named else f"{len(people)} people"
        text = f"{shown} at {event}, {place}."
    elif named:
        text = str(
            rng.choice(
                [
                    f"{people[0]}, {role}, at {event} in {place}.",
                    f"{people[0]} during {event}, {place}.",
                    f"{role.capitalize()} {people[0]} speaks at {event} in {place}.",
                ]
            )
        )
    else:
        text = str(
            rng.choice(
                [
                    f"A {role} at {event}, {place}.",
                    f"Portrait made during {event} in {place}.",
                    f"One of the guests at {event}, {place}.",
                    f"{event[0].upper()}{event[1:]}, {place}.",
                ]
            )
        )
    text = text.replace("A accountant", "An accountant").replace("A engineer", "An engineer")
    time = f"{rng.integers(8, 21):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    return Caption(
        f"{event[0].upper()}{event[1:]}",
        text,
        archive.credit,
        str(rng.choice(archive.creators)),
        archive.source,
        LICENCE,
        date_of(year, rng),
        time,
        place,
        list(people) if named else [],
    )


def file_name(archive: Archive, year: int, number: int, date: str) -> str:
    """A path as such archives name their files; it never names the person."""
    if archive.folder == "harbour-gazette":
        day = date.replace("-", "") if len(date) == 10 else f"{year}0000"
        return f"{archive.folder}/{year}/hg-{day}-{number:04d}"
    if archive.folder == "city-archive":
        return f"{archive.folder}/box-{11 + number % 7}/CA_{4000 + 3 * number:06d}"
    return f"{archive.folder}/field-{year}/IMG_{2000 + 7 * number % 7919:04d}"
