"""Doctor: re-check everything that the home holds, and say what to do about what is wrong."""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.db import connection
from django.db.models import Count, F, Q

from vultus.actions.audit import require_own_public_key
from vultus.actions.erase import write_missing_receipts
from vultus.actions.home import Home
from vultus.actions.photo import all_sources
from vultus.actions.segment import leftovers, open_segments, settle, summary
from vultus.errors import IntegrityError, VultusError
from vultus.faces.weights import verify_all
from vultus.records.log import check
from vultus.records.models import (
    Account,
    Calibration,
    Case,
    Collection,
    Crop,
    Decision,
    Entry,
    FrontierHost,
    FrontierItem,
    FrontierUrl,
    Photo,
    Probe,
    Reference,
    Search,
    Segment,
    Sighting,
    Source,
)

DISK_FREE_MIN_BYTES = 1 << 30
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Check:
    """`failed` means that stored data is wrong; `warning` that something should be looked at."""

    name: str
    state: Literal["ok", "warning", "failed"]
    detail: str


def doctor(home: Home, progress: Progress | None = None) -> list[Check]:
    """Every check, in order. None changes stored data; what a crash left behind is removed, and
    receipts that it prevented are written.
    """
    checks: list[tuple[str, Callable[[Home], Check]]] = [
        ("weights", check_weights),
        ("permissions", check_permissions),
        ("database", check_database),
        ("log", check_log),
        ("seals", check_seals),
        ("records", check_records),
        ("index", check_index),
        ("leftovers", check_leftovers),
        ("receipts", check_receipts),
        ("sources", check_sources),
        ("disk", check_disk),
    ]
    results = []
    for name, run in checks:
        if progress:
            progress(name)
        try:
            results.append(run(home))
        except VultusError as error:
            results.append(Check(name, "failed", f"{error.message} {error.hint}".strip()))
    return results


def check_weights(home: Home) -> Check:
    names = verify_all()
    return Check("weights", "ok", f"{', '.join(names)} have the digests of the manifest")


def check_permissions(home: Home) -> Check:
    mode = stat.S_IMODE(home.path.stat().st_mode)
    if mode & 0o077:
        return Check(
            "permissions", "warning", f"others may read the home; `chmod 700 {home.path}` ends that"
        )
    return Check("permissions", "ok", "only its owner can read the home")


def check_database(home: Home) -> Check:
    if connection.vendor != "sqlite":
        return Check("database", "ok", f"{connection.vendor} answers")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        found = [row[0] for row in cursor.fetchall()]
        cursor.execute("PRAGMA foreign_key_check")
        dangling = cursor.fetchall()
    if found != ["ok"] or dangling:
        return Check("database", "failed", "the database file is damaged; restore a backup")
    return Check("database", "ok", "the database file is whole")


def check_log(home: Home) -> Check:
    require_own_public_key(home)
    verified = check(home.path / "log", home.log.verifier_key)
    home.log.check_payloads()
    return Check("log", "ok", f"{verified.size} entries verify")


def check_seals(home: Home) -> Check:
    """Open everything that is sealed, as the record that it is said to be."""
    n = 0
    for purpose, identity, sealed in sealed_values():
        try:
            home.vault.unseal(purpose, identity, sealed)
        except IntegrityError:
            return Check("seals", "failed", f"{identity} does not open; restore a backup")
        n += 1
    return Check("seals", "ok", f"{n} sealed values open")


def sealed_values() -> Iterator[tuple[str, str, bytes]]:
    """(purpose, identity, sealed) of every sealed value in the database."""
    fields: list[tuple[Any, str, str, str]] = [
        (Account, "sealed", "account", "account"),
        (Collection, "sealed", "collection", "collection"),
        (Source, "sealed", "source", "source"),
        (Photo, "sealed", "photo", "photo"),
        (Sighting, "sealed", "sighting", "sighting"),
        (Sighting, "sealed_decision", "decision", "decision"),
        (FrontierHost, "sealed", "frontier", "frontier-host"),
        (FrontierHost, "sealed_files", "frontier", "frontier-files"),
        (FrontierUrl, "sealed", "frontier", "frontier-url"),
        (FrontierUrl, "sealed_said", "frontier", "frontier-said"),
        (FrontierItem, "sealed", "frontier", "frontier-item"),
        (Reference, "sealed", "reference", "reference"),
        (Reference, "sealed_template", "template", "reference"),
        (Crop, "sealed", "crop", "crop"),
        (Crop, "sealed_place", "crop", "crop-place"),
        (Case, "sealed", "case", "case"),
        (Probe, "sealed", "probe", "probe"),
        (Probe, "sealed_templates", "probe-template", "probe"),
        (Probe, "sealed_photo", "probe-photo", "probe"),
        (Search, "sealed_result", "search", "search"),
        (Entry, "sealed_payload", "entry", "entry"),
        (Segment, "sealed_key", "segment-key", "segment"),
    ]
    for model, column, purpose, kind in fields:
        rows = model.objects.filter(**{f"{column}__isnull": False}).order_by("pk")
        for number, sealed in rows.values_list("pk", column).iterator(chunk_size=500):
            yield purpose, f"{kind}:{number}", bytes(sealed)
    for index, sealed in Calibration.objects.values_list("gallery_index", "sealed"):
        yield "calibration", f"calibration:{bytes(index).hex()}", bytes(sealed)


def check_records(home: Home) -> Check:
    """What must be true of photos, places, references and crops together."""
    counted = Photo.objects.annotate(n=Count("references"))
    wrong = {
        "photos whose number of faces is not their number of references": counted.filter(
            ~Q(n=F("n_faces"))
        ).count(),
        "photos without a place": Photo.objects.filter(sightings__isnull=True).count(),
        "references of photos that are not enrolled": Reference.objects.exclude(
            photo__decision=Decision.ENROLLED
        ).count(),
        "references without a crop": Reference.objects.filter(crop__isnull=True).count(),
    }
    found = [f"{n} {what}" for what, n in wrong.items() if n]
    if found:
        return Check("records", "failed", "; ".join(found) + "; ingest with --revisit")
    return Check(
        "records", "ok", f"{Photo.objects.count()} photos, {Reference.objects.count()} references"
    )


def check_index(home: Home) -> Check:
    """Every segment opens and is what its record says; `vultus index verify` reads all of it.

    References in no segment are well: searches read their templates one by one.
    """
    _, problems = open_segments(home, {})
    if problems:
        return Check(
            "index",
            "failed",
            f"{len(problems)} segments do not verify ({'; '.join(problems.values())}); nothing is "
            "lost: `vultus index rebuild` writes them anew",
        )
    answer = summary(home)
    many = answer.n_loose > 2 * home.settings.index_segment_references
    return Check(
        "index",
        "warning" if many else "ok",
        f"{answer.n_segments} segments hold {answer.n_references} references, "
        f"{answer.n_loose} are in none" + ("; write them: `vultus index compact`" if many else ""),
    )


def check_leftovers(home: Home) -> Check:
    """Files of a process that was killed, which no record knows, and what it left half done."""
    parts = [*home.path.glob("log/*.part"), *home.path.glob("receipts/*.part")]
    for path in parts:
        path.unlink(missing_ok=True)
    n = len(parts) + len(leftovers(home))
    settle(home)
    n -= len(leftovers(home))
    return Check("leftovers", "ok", f"{n} removed" if n else "none")


def check_receipts(home: Home) -> Check:
    written = write_missing_receipts(home)
    return Check("receipts", "ok", f"{written} that were missing are written" if written else "all")


def check_sources(home: Home) -> Check:
    sources = all_sources(home)
    notes = [f"{s.name}: its entitlement has expired" for s in sources if s.expired]
    notes += [
        f"{s.name}: its folder cannot be reached"
        for s in sources
        if not s.expired and not Path(s.location).is_dir()
    ]
    if notes:
        return Check("sources", "warning", "; ".join(notes))
    return Check("sources", "ok", f"{len(sources)} can be visited")


def check_disk(home: Home) -> Check:
    free = shutil.disk_usage(home.path).free
    if free < DISK_FREE_MIN_BYTES:
        return Check("disk", "warning", f"only {free >> 20} MiB are free")
    return Check("disk", "ok", f"{free >> 30} GiB are free")
