"""The index's files: sealed segments under HOME/index (docs/formats/segments.md).

All of it is derived from the references' sealed templates. So what does not verify is
dropped and written anew, and to erase is to write what stays under a new key and to delete the
old one. A file is written first, and becomes part of the index with its row; a file without a
row is left over from a crash, opens no more, and is removed.
"""

import contextlib
import hashlib
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from django.db import transaction

from vultus.actions.gallery import Ids, held_references, unsealed_templates
from vultus.actions.home import Home
from vultus.actions.lock import is_held, only_writer
from vultus.errors import InputError, IntegrityError, UnavailableError, VultusError
from vultus.index import FaceIndex
from vultus.index.codes import Coding, RowKind
from vultus.index.rows import stored, unit
from vultus.index.segment import Segment, Written, write
from vultus.index.segment_format import HEADER_SIZE
from vultus.records.database import empty_journal
from vultus.records.keyring import SegmentKeys
from vultus.records.models import Reference
from vultus.records.models import Segment as Row
from vultus.records.segment import runs_of
from vultus.records.sequence import gallery_changed

FOLDER = "index"
CACHE_BYTES = 256 * 2**20  # of opened rows, all segments together
MORE_BITS = 2
logger = logging.getLogger("vultus.index")


@dataclass(frozen=True)
class IndexAnswer:
    """The segments and what they hold; `n_loose` references are in none and load one by one.

    `damaged`: segments that did not verify, and were therefore written anew.
    """

    n_segments: int
    n_references: int
    n_loose: int
    n_bytes: int
    damaged: tuple[str, ...] = ()


def compact(home: Home) -> IndexAnswer:
    """Write references that are in no segment, and those of small segments, into segments.

    So are those of segments that are missing or were written under other settings. Raises
    UnavailableError `index.busy`, and `index.unwritable` where there is no room.
    """
    with only_writer(home.path):
        drop(home, open_segments(home, {})[1])
        tidy(home)
        small = [row.name for row in Row.objects.all() if row.n < half(home)]
        if len(small) > 1 or (small and len(loose(home))):
            drop(home, small)
        write_loose(home, least=1)
    return summary(home)


def verify(home: Home) -> IndexAnswer:
    """Re-derive every page and code of every segment. Raises IntegrityError `index.damaged`."""
    problems = all_problems(home)
    if problems:
        raise IntegrityError(
            "index.damaged",
            f"{len(problems)} of {Row.objects.count()} index segments do not verify: "
            + " ".join(problems.values()),
            "Nothing is lost: `vultus index rebuild` writes them anew from what is held.",
        )
    return summary(home)


def rebuild(home: Home) -> IndexAnswer:
    """Write anew the segments that do not verify.

    Raises UnavailableError `index.busy`, and `index.unwritable` where there is no room.
    """
    with only_writer(home.path):
        problems = all_problems(home)
        drop(home, problems)
        tidy(home)
        write_loose(home, least=1 if problems else home.settings.index_segment_references)
    return summary(home, tuple(sorted(problems)))


def all_problems(home: Home) -> dict[str, str]:
    """What is wrong with segments, by name, every byte of them read."""
    segments, problems = open_segments(home, {})
    for name, segment in segments.items():
        try:
            segment.verify()
        except (IntegrityError, InputError) as error:
            if Row.objects.filter(pk=name).exists():  # else it was written anew meanwhile
                problems[name] = f"{name}: {error.message}"
    return problems


def summary(home: Home, damaged: tuple[str, ...] = ()) -> IndexAnswer:
    rows = list(Row.objects.all())
    return IndexAnswer(
        n_segments=len(rows),
        n_references=sum(row.n for row in rows),
        n_loose=len(loose(home)),
        n_bytes=sum(row.n_bytes for row in rows),
        damaged=damaged,
    )


def tend(home: Home) -> None:
    """After an ingest or an erasure: let go of what is gone, and take in what has come.

    Where another process is at it, it is left to that one. Raises UnavailableError where a
    file cannot be written; nothing is lost by that.
    """
    try:
        with only_writer(home.path):
            tidy(home)
            write_loose(home, least=home.settings.index_segment_references)
    except UnavailableError as error:
        if error.code != "index.busy":
            raise


def forget_in_index(home: Home) -> None:
    """When this returns, no segment that held what was erased can be opened by anybody.

    Where segments cannot be written anew (a full disk, another process is writing), they are
    dropped, and what else they held is read from the sealed templates until they can be.
    """
    try:
        tend(home)
    except VultusError as error:
        logger.warning("%s %s", error.message, error.hint)
    drop(home, Row.objects.filter(stale=True).values_list("name", flat=True))


def settle(home: Home) -> None:
    """Finish what a process that was killed left undone; an ingest that runs does it itself."""
    if not leftovers(home) and not Row.objects.filter(stale=True).exists():
        return
    if is_held(home.path / "ingest.lock"):
        return
    try:
        with only_writer(home.path):
            tidy(home)
    except UnavailableError as error:
        logger.warning("%s %s", error.message, error.hint)


def tidy(home: Home) -> None:
    """Remove leftovers, and write anew what holds references that are gone."""
    for path in leftovers(home):
        remove(path)
    for row in Row.objects.filter(stale=True):
        ids = held_among(row.ids)
        if len(ids) >= half(home):
            write_segment(home, ids, instead_of=row.name)
        drop(home, [row.name])


def write_loose(home: Home, *, least: int) -> None:
    """Write references that no segment holds, as long as there are at least so many."""
    ids, size = loose(home), home.settings.index_segment_references
    while len(ids) >= max(least, 1):
        write_segment(home, ids[:size])
        ids = ids[size:]


def write_segment(home: Home, ids: Ids, *, instead_of: str | None = None) -> None:
    """One segment of these references: first the file, then its row, which replaces another's.

    Nothing comes of it when one of them was erased meanwhile: they stay in no segment until
    the next time.
    """
    ids, values = unsealed_templates(home, ids)
    if not len(ids):
        return
    name, keys = secrets.token_hex(8), SegmentKeys(home.vault)
    path = path_of(home, name)
    coding = coding_of(home, values.shape[1] - 1)
    rows = stored(unit(np.ascontiguousarray(values[:, 1:]), "template"), coding.rows)
    in_place = False
    try:
        make_folder(path.parent)
        written = write(path, name, coding, ids, rows, cipher=keys.new(name))
        with transaction.atomic():
            home.log.hold()  # an erasure comes wholly before this, or finds the segment's row
            if len(held_among(ids)) == len(ids):
                put_in_place(home, name, ids, written, keys.wrapped(name), instead_of)
                in_place = True
    finally:
        if not in_place:
            remove(path)


def put_in_place(
    home: Home, name: str, ids: Ids, written: Written, wrapped: bytes, instead_of: str | None
) -> None:
    """The row of a segment that was written; call it in a transaction."""
    Row.objects.create(
        name=name,
        model=model_of(),
        runs=runs_of(ids),
        n=written.n,
        n_bytes=written.n_bytes,
        digest=written.digest,
        sealed_key=wrapped,
        created=datetime.now(UTC),
    )
    if instead_of is not None:
        SegmentKeys(home.vault).destroy(instead_of)
    gallery_changed()


def drop(home: Home, names: Iterable[str]) -> None:
    """Destroy the keys of segments, and remove their files."""
    names = list(names)
    if not names:
        return
    keys = SegmentKeys(home.vault)
    with transaction.atomic():
        home.log.hold()
        for name in names:
            keys.destroy(name)
        gallery_changed()
    for name in names:
        remove(path_of(home, name))
    empty_journal()


def open_segments(
    home: Home, opened: Mapping[str, Segment]
) -> tuple[dict[str, Segment], dict[str, str]]:
    """(segments, problems) by name; those in `opened` are taken as they are.

    A problem is a segment that is missing, does not verify, belongs to another model or whose
    key does not open.
    """
    segments: dict[str, Segment] = {}
    problems: dict[str, str] = {}
    rows = list(Row.objects.order_by("created", "name"))
    for row in rows:
        try:
            segments[row.name] = opened.get(row.name) or open_segment(
                home, row, CACHE_BYTES // len(rows)
            )
        except (IntegrityError, InputError) as error:
            if not Row.objects.filter(pk=row.name).exists():  # it was written anew meanwhile
                return open_segments(home, opened)
            problems[row.name] = f"{row.name}: {error.message}"
    return segments, problems


def open_segment(home: Home, row: Row, cache_bytes: int) -> Segment:
    """The segment of a row. Raises IntegrityError, or InputError where there is no file."""
    path, cipher = path_of(home, row.name), SegmentKeys(home.vault).cipher(row.name)
    segment = Segment.open(path, cipher=cipher, cache_bytes=cache_bytes)
    said = (segment.name, header_digest(path), segment.coding, row.model)
    wanted = (row.name, bytes(row.digest), coding_of(home, segment.coding.dim), model_of())
    if said != wanted or not np.array_equal(segment.ids, row.ids):
        segment.close()
        raise IntegrityError(
            "segment.another",
            "It is not what its record says, or was written under other settings.",
            "Nothing is lost: `vultus index compact` writes it anew from what is held.",
        )
    return segment


def header_digest(path: Path) -> bytes:
    """SHA-256 of a file's header, which is not sealed and says how to read the codes."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(HEADER_SIZE)).digest()
    except OSError:  # it was written anew meanwhile
        return b""


def leftovers(home: Home) -> list[Path]:
    """Files that belong to no segment: a crash left them, and no key opens them."""
    known = {path_of(home, name) for name in SegmentKeys(home.vault).names()}
    return [path for path in (home.path / FOLDER).glob("*") if path not in known]


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            "index.unwritable",
            f"The folder {folder} cannot be made: {error.strerror}.",
            "Make room, or let this account write to the home.",
        ) from error


def remove(path: Path) -> None:
    """Delete a file that opens no more; where that fails it is a leftover, for the next time."""
    with contextlib.suppress(OSError):
        path.unlink()


def path_of(home: Home, name: str) -> Path:
    return home.path / FOLDER / f"{name}.segment"


def loose(home: Home) -> Ids:
    """References that are in no segment, by rising id."""
    ids = held_references(home).ids
    for row in Row.objects.all():
        ids = ids[~np.isin(ids, row.ids, assume_unique=True)]
    return ids


def held_among(ids: Ids) -> Ids:
    """Those of some ascending ids that the database holds now."""
    if not len(ids):
        return ids
    rows = Reference.objects.filter(id__range=(int(ids[0]), int(ids[-1]))).order_by("id")
    held = np.fromiter(rows.values_list("id", flat=True).iterator(chunk_size=10_000), np.int64)
    return ids[np.isin(ids, held, assume_unique=True)]


def half(home: Home) -> float:
    """Fewer references than this do not make a segment of their own, unless that is asked for."""
    return home.settings.index_segment_references / 2


def model_of() -> str:
    """The model of the home's templates."""
    return Reference.objects.order_by("id").values_list("model", flat=True).first() or ""


def coding_of(home: Home, dim: int) -> Coding:
    """How this home's index is coded; who only chooses photos does not know its rotation."""
    rows: RowKind = "int8" if home.settings.index_rows == "int8" else "float32"
    seed = home.vault.blind("index", "rotation")
    # Further bits in memory, because a sealed row costs a page that is opened to read it.
    return FaceIndex(dim, rows=rows, more_bits=MORE_BITS, seed=seed).coding
