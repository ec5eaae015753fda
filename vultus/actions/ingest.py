"""Ingest: visit the sources, enrol what is new, and let go of what has vanished.

Here is the visit of a folder; that of a source on the web is in `visit.py`.

A visit can be killed at any moment. Photos are read by other processes and come back in
the order of the listing; every few photos, records and log entries are committed together
in that order, so that the next visit goes on where this one ended: nothing is lost,
nothing is enrolled twice, and the log tells the same story.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.db import transaction

from vultus.acquire.folder import Listing, Place, list_folder
from vultus.actions.answers import IngestAnswer, SourceAnswer
from vultus.actions.count import count
from vultus.actions.enrol import Known, Outcome, Visit, commit_outcomes, forget_places
from vultus.actions.entitlement import FOLDER
from vultus.actions.home import Home
from vultus.actions.lock import one_of_many, only_one
from vultus.actions.probe import erase_old_probes
from vultus.actions.readers import pool, read_many
from vultus.actions.segment import tend
from vultus.actions.source import list_sources, source_named
from vultus.actions.visit import Note, visit_web
from vultus.audit.entry import EntryKind
from vultus.errors import InputError, RefusedError, UnavailableError
from vultus.faces.reading import Reading
from vultus.records.models import Account, Sighting, Source
from vultus.records.sequence import gallery_changed

BATCH_PHOTOS = 64
BATCH_SECONDS = 2.0
logger = logging.getLogger("vultus.ingest")
Progress = Callable[[str, int, int], None]  # source, places done, places in all


def ingest(
    home: Home,
    actor: Account,
    *,
    source_name: str | None = None,
    limit: int | None = None,
    revisit: bool = False,
    progress: Progress | None = None,
    note: Note | None = None,
) -> IngestAnswer:
    """Visit one source, or all that have not expired.

    `limit`: read at most this many photos, then stop (vanished ones are not looked for).
    `revisit`: read every photo of a folder again, and visit a web source though it is not due;
    all rules are kept. `note` is told what is waited for. Several processes may visit a web
    source together. Raises RefusedError `source.expired`, UnavailableError `ingest.running`,
    `source.unreachable`, `source.empty`, InputError `acquire.contact`.
    """
    started = time.monotonic()
    if limit is not None and limit < 0:
        raise InputError("ingest.limit", "The limit is below 0.", "Give the number of photos.")
    sources = [source_named(home, source_name)] if source_name else list_sources(home, actor)
    if not sources:
        raise InputError(
            "source.none", "There is no source to visit.", "Register one: `vultus source add`."
        )
    due = [source for source in sources if not source.expired]
    if not due:
        raise RefusedError(
            "source.expired",
            "The entitlement of what was to be visited has expired.",
            "Its references are hidden. Register the source anew when the entitlement is renewed.",
        )
    pool(home)  # the reading processes get ready while the folder is listed
    erase_old_probes(home)
    total = IngestAnswer()
    folders = [source for source in due if source.kind == FOLDER]
    if folders:
        with only_one(home.path):
            for source in folders:
                limit = visit_source(home, actor, source, limit, revisit, progress, total)
    with one_of_many(home.path):
        for source in due:
            if source.kind != FOLDER:
                limit = visit_web(
                    home, actor, source, limit=limit, revisit=revisit, total=total,
                    progress=progress, note=note,
                )  # fmt: skip
    keep_index(home)
    total.seconds = round(time.monotonic() - started, 3)
    return total


def keep_index(home: Home) -> None:
    """Take what came into the index's files, and let go of what went; photos are held already."""
    try:
        tend(home)
    except UnavailableError as error:
        logger.warning("%s %s", error.message, error.hint)


def visit_source(
    home: Home,
    actor: Account,
    source: SourceAnswer,
    limit: int | None,
    revisit: bool,
    progress: Progress | None,
    total: IngestAnswer,
) -> int | None:
    """One source's visit; adds to `total` and returns what is left of the limit."""
    listing = list_folder(Path(source.location))
    known = known_places(source)
    refuse_sudden_emptiness(source, listing, known)
    visit = Visit(home, source)
    indexes = [visit.place_index(place.name) for place in listing.places]
    to_read = [
        place
        for place, index in zip(listing.places, indexes, strict=True)
        if revisit or is_due(place, known.get(index))
    ]
    cut = limit is not None and len(to_read) > limit
    if cut:
        to_read = to_read[:limit]
    done = len(listing.places) - len(to_read)
    if progress:
        progress(source.name, done, len(listing.places))
    new = read_and_commit(visit, to_read, known, progress, done, len(listing.places))
    vanished = [] if cut else vanished_places(visit, listing, set(indexes), known)
    finish(home, actor, visit, vanished, new, total, listing)
    return None if limit is None else limit - len(to_read)


def known_places(source: SourceAnswer) -> dict[bytes, Known]:
    """What the last visits left: place index -> what is known of it."""
    rows = Sighting.objects.filter(source_id=source.id).values_list(
        "place_index", "id", "photo_id", "n_bytes", "changed_ns", "photo__reason"
    )
    return {bytes(row[0]): Known(*row[1:]) for row in rows.iterator(chunk_size=5000)}


def is_due(place: Place, known: Known | None) -> bool:
    """Whether a place must be read: new, changed, or not readable the last time."""
    return (
        known is None
        or known.reason == "photo.unreadable"
        or (known.n_bytes, known.changed) != (place.n_bytes, place.changed)
    )


def refuse_sudden_emptiness(
    source: SourceAnswer, listing: Listing, known: dict[bytes, Known]
) -> None:
    """An empty folder where photos were held is more often an unmounted disk than a wish."""
    if known and not listing.places:
        raise UnavailableError(
            "source.empty",
            f"The folder of {source.name} is empty, though {len(known)} places of it are known.",
            "Nothing was removed. Mount it again; or, if it is meant, erase the source.",
        )


def read_and_commit(
    visit: Visit,
    to_read: list[Place],
    known: dict[bytes, Known],
    progress: Progress | None,
    done: int,
    n_places: int,
) -> set[int]:
    """Read the places and commit batch by batch; returns the numbers of newly enrolled photos."""
    new: set[int] = set()
    batch: list[Outcome] = []
    last = time.monotonic()
    for outcome in outcomes(visit, to_read):
        batch.append(outcome)
        if len(batch) >= BATCH_PHOTOS or time.monotonic() - last >= BATCH_SECONDS:
            new |= commit_outcomes(visit, batch, known)
            done += len(batch)
            batch, last = [], time.monotonic()
            if progress:
                progress(visit.source.name, done, n_places)
    if batch:
        new |= commit_outcomes(visit, batch, known)
        if progress:
            progress(visit.source.name, done + len(batch), n_places)
    return new


def outcomes(visit: Visit, to_read: list[Place]) -> Iterator[Outcome]:
    """What reading each place gave, in the order of the listing."""
    root = Path(visit.source.location)
    readable = ((place, root / place.file_name) for place in to_read if not place.problem)
    readings = read_many(visit.home, readable)
    for place in to_read:
        if place.problem:
            yield Outcome(place, None, place.problem, sha256=None)
            continue
        got, result = next(readings)
        assert got is place
        if isinstance(result, Reading):
            yield Outcome(place, result, None, sha256=result.sha256)
        else:
            unreadable = result.code == "photo.unreadable"
            sha256 = None if unreadable else digest_of(root / place.file_name, visit.home)
            yield Outcome(place, None, result.code, sha256=sha256)


def digest_of(path: Path, home: Home) -> str | None:
    """The digest of a file that could not be read as a photo, when it is not too large."""
    limit = home.settings.photo_bytes_max
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError:
        return None
    return hashlib.sha256(data).hexdigest() if len(data) <= limit else None


def vanished_places(
    visit: Visit, listing: Listing, seen: set[bytes], known: dict[bytes, Known]
) -> list[Known]:
    """Known places that are gone; not those in folders that could not be listed."""
    gone = [item for index, item in known.items() if index not in seen]
    if not gone or not listing.unreadable_folders:
        return gone
    hidden = tuple(folder + b"/" for folder in listing.unreadable_folders)
    names = visit.place_names([item.sighting_id for item in gone])
    return [item for item in gone if not names[item.sighting_id].startswith(hidden)]


def finish(
    home: Home,
    actor: Account,
    visit: Visit,
    vanished: list[Known],
    new: set[int],
    total: IngestAnswer,
    listing: Listing,
) -> None:
    """Let go of what has vanished, count, and write the end of the visit into the log."""
    with transaction.atomic():
        home.log.hold()
        removed = forget_places(visit, vanished, EntryKind.PHOTO_VANISHED)
        if vanished:
            gallery_changed()
        Source.objects.filter(pk=visit.source.id).update(visited=datetime.now(UTC))
        mine = count(visit, new, removed, total)
        total.places += len(listing.places)
        home.log.append(
            EntryKind.INGEST_FINISHED,
            {"source": visit.source.id, "by": actor.pk, **mine},
        )
