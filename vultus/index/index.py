"""`FaceIndex`: references, searched exhaustively: in memory, from a file, or in a folder.

What a search guarantees, and the files, are written down in docs/formats/index.md.
"""

import contextlib
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vultus.errors import IntegrityError, VultusError
from vultus.index import scan, sealed_file, segment
from vultus.index.arguments import Ids, coding_of, ids_of, limits_of, vectors_of
from vultus.index.candidates import CandidateLists
from vultus.index.codes import Coding, RowKind, unit_rows
from vultus.index.folder import Folder
from vultus.index.part import Part, RamPart
from vultus.index.rows import Rows, stored, unit
from vultus.index.segment import CACHE_BYTES, Segment
from vultus.index.segment_format import MAX_COUNT, RESTORE, Keyring
from vultus.index.turn import Turn

MAX_MISS = 1e-4
ROWS_A_SEGMENT = 2**20
_ROWS_AT_ONCE = 2**17


@dataclass(frozen=True, eq=False)
class Allow:
    """The references of an index that a search may return, as bitmaps; see `allowed`."""

    ids: NDArray[np.int64]
    masks: tuple[NDArray[np.uint32], ...]
    state: tuple[object, int]


class FaceIndex:
    """Templates of one dimension by reference id.

    Any thread may call any method at any time: each call sees the index wholly before or
    wholly after another thread's change, which waits for running searches.
    """

    def __init__(
        self,
        dim: int,
        *,
        rows: RowKind = "float32",
        first_bits: int | None = None,
        more_bits: int | None = None,
        seed: bytes | None = None,
    ) -> None:
        """An empty index in memory for templates of `dim` numbers, 1 to 4096.

        rows: "float32" keeps the templates as they are, "int8" in a quarter of the room; then
        the reference is the rounded template (at 128 dimensions a score moves by about 6e-4).
        first_bits: bits a dimension that every search reads, 1 or 2; 2 below 256 dimensions if
        not given. more_bits: further bits a dimension, in memory, that spare reading rows; if
        not given so many that there are two in all. seed: 32 bytes that draw the rotation of
        the codes; by default the operating system draws them.
        """
        self._begin(coding_of(dim, rows, first_bits, more_bits, seed), [], None)

    def _begin(self, coding: Coding, segments: Sequence[Segment], folder: Folder | None) -> None:
        self._coding, self._folder = coding, folder
        self._fresh = RamPart(coding)
        self._segments = list(segments)
        self._turn = Turn()
        self._saving = threading.Lock()
        self._changes = 0  # a bitmap made before a change of positions is made anew
        self._closed = False

    @classmethod
    def create(
        cls,
        folder: str | PathLike[str],
        dim: int,
        *,
        rows: RowKind = "int8",
        first_bits: int | None = None,
        more_bits: int | None = None,
        seed: bytes | None = None,
        keyring: Keyring | None = None,
    ) -> "FaceIndex":
        """A new index in an empty folder, sealed where there is a keyring.

        Raises InputError where the folder is not empty, UnavailableError where it cannot be
        written.
        """
        coding = coding_of(dim, rows, first_bits, more_bits, seed)
        return cls._over(Folder.create(Path(folder), coding, keyring), CACHE_BYTES)

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        *,
        keyring: Keyring | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> "FaceIndex":
        """The index in this folder, or the one that was saved as this file; with the keyring
        that it was sealed with, and without one where it was not.

        Codes are read into memory, rows stay on the disk; of sealed rows about `cache_bytes`
        are kept in memory. Raises InputError where there is nothing to read, IntegrityError
        where it does not verify, UnavailableError where another process has the folder.
        """
        where = Path(path)
        if where.is_dir():
            return cls._over(Folder(where, keyring), cache_bytes)
        cipher = None if keyring is None else sealed_file.cipher_of(where, keyring)
        return cls.of([Segment.open(where, cipher=cipher, cache_bytes=cache_bytes)])

    @classmethod
    def _over(cls, folder: Folder, cache_bytes: int) -> "FaceIndex":
        try:
            segments = folder.open_segments(cache_bytes)
        except BaseException:
            folder.close()
            raise
        index = cls.__new__(cls)
        index._begin(folder.coding, segments, folder)  # noqa: SLF001
        return index

    @classmethod
    def of(cls, segments: Sequence[Segment], *, coding: Coding | None = None) -> "FaceIndex":
        """An index of opened segments; what is added later is in memory.

        The segments must hold different ids, of one dimension and kind of rows. `coding` says
        how further references are kept; by default as in the first segment.
        """
        if coding is None:
            if not segments:
                raise ValueError("expected a segment, or a coding for what will be added")
            coding = segments[0].coding
        for part in segments:
            if (part.coding.dim, part.coding.rows) != (coding.dim, coding.rows):
                raise ValueError(f"segment {part.name} holds other rows than the index")
        index = cls.__new__(cls)
        index._begin(coding, segments, None)  # noqa: SLF001
        return index

    @staticmethod
    def prepare() -> float:
        """Compile the search or load it from numba's cache; returns the seconds it took.

        The first search does the same by itself: call this before, where a person would
        wonder at the wait, and say so. Later calls cost nothing.
        """
        start = time.perf_counter()
        scan.kernels()
        return time.perf_counter() - start

    @property
    def dim(self) -> int:
        """The number of numbers in a template."""
        return self._coding.dim

    @property
    def coding(self) -> Coding:
        """How references are kept."""
        return self._coding

    @property
    def ids(self) -> NDArray[np.int64]:
        """All ids, ascending (a copy)."""
        with self._turn.reading():
            parts = [part.ids_at(part.alive_positions()) for part in self._parts]
        return np.sort(np.concatenate(parts))

    @property
    def _parts(self) -> list[Part]:
        if self._closed:
            raise ValueError("this index is closed")
        return [*self._segments, self._fresh]

    def __len__(self) -> int:
        return sum(part.n_alive for part in self._parts)

    def __contains__(self, id_: object) -> bool:
        if not isinstance(id_, int | np.integer) or not -(2**63) <= int(id_) < 2**63:
            return False
        with self._turn.reading():
            return any(at[0] >= 0 for at in self._positions(np.array([int(id_)])))

    def __repr__(self) -> str:
        of = "closed" if self._closed else f"of {len(self)} references"
        return f"<FaceIndex {of}, dim {self.dim}>"

    def __enter__(self) -> "FaceIndex":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _positions(self, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """For each part, positions (n,) of ids (n,) in it, or -1."""
        return [part.positions(ids) for part in self._parts]

    def add(self, ids: Ids, templates: ArrayLike) -> None:
        """Add references: ids (n,), any int64, and their templates (n, d); or one id and (d,).

        A template is finite and of unit length within 1e-3; it is scaled to unit length. All
        are added or, with an error, none. In a folder they are on disk after `flush`, which
        happens by itself for each million.

        Raises ValueError for an id that is present or given twice, and for a template that
        is not as said, naming the row; TypeError for ids that are not integers.
        """
        given = ids_of(ids)
        vectors = unit(vectors_of(templates, self.dim), "template")
        if len(given) != len(vectors):
            raise ValueError(f"expected as many ids as templates, got {len(given)}, {len(vectors)}")
        values, counts = np.unique(given, return_counts=True)
        if len(values) < len(given):
            raise ValueError(f"id {values[np.argmax(counts > 1)]} is given twice")
        rows = stored(vectors, self._coding.rows)
        with self._turn.writing():
            self._refuse_present(given)
            if len(self) + len(given) > MAX_COUNT:
                raise ValueError(f"expected at most {MAX_COUNT} references")
            n_written = 0
            if self._folder is not None and self._fresh.n_alive + len(given) >= ROWS_A_SEGMENT:
                self._flush(self._folder)
                n_written = len(given) - len(given) % ROWS_A_SEGMENT
                self._write(self._folder, _cut(given[:n_written], rows), [])
            self._fresh.add(given[n_written:], rows[n_written:])
            self._changes += 1

    def _refuse_present(self, ids: NDArray[np.int64]) -> None:
        for at in self._positions(ids):
            if (at >= 0).any():
                present = ids[np.argmax(at >= 0)]
                raise ValueError(f"id {present} is present; remove it first to replace it")

    def remove(self, ids: Ids) -> int:
        """Remove references: ids (n,) or one. Ids that are not present are passed over.

        When this returns, no search returns them. In memory they are overwritten; a file or a
        folder hides them, a folder for good, and keeps their bytes until it is saved anew or
        `compact` rewrites the segment. Returns how many there were.
        """
        given = np.unique(ids_of(ids))
        with self._turn.writing():
            *in_segments, in_fresh = self._positions(given)
            if self._folder is not None:
                gone = [
                    (part.name, given[at >= 0])
                    for part, at in zip(self._segments, in_segments, strict=True)
                    if (at >= 0).any()
                ]
                if gone:
                    self._folder.remove(gone)
            for part, at in zip(self._segments, in_segments, strict=True):
                part.hide(at[at >= 0])
            fresh = in_fresh[in_fresh >= 0]
            if len(fresh):
                self._fresh.remove(fresh)
                self._changes += 1
        return int(sum((at >= 0).sum() for at in (*in_segments, in_fresh)))

    @property
    def segments(self) -> tuple[str, ...]:
        """The names of the segments, of a folder or of those that the index was made of."""
        with self._turn.reading():
            return tuple(part.name for part in self._parts if isinstance(part, Segment))

    def allowed(self, ids: Ids = (), *, segments: Collection[str] = ()) -> Allow:
        """A bitmap of these references, and of all in these segments, made for many searches.

        Ids that are not present are passed over. After a change of the index it still holds:
        what was removed is not returned, and what was added is not either (but for an id that
        was here, was removed and was added again). Raises ValueError for a segment that is not
        in the index.
        """
        with self._turn.reading():
            chosen = [part for part in self._segments if part.name in segments]
            unknown = set(segments) - {part.name for part in chosen}
            if unknown:
                raise ValueError(f"segment {min(unknown)} is not in this index")
            given = [ids_of(ids), *(part.ids for part in chosen)]
            return self._allow(np.unique(np.concatenate(given)))

    def _allow(self, ids: NDArray[np.int64]) -> Allow:
        masks, present = [], np.zeros(len(ids), np.bool_)
        for part in self._parts:
            at = part.positions(ids)
            present |= at >= 0
            masks.append(part.mask(at[at >= 0]))
        return Allow(ids[present], tuple(masks), (self, self._changes))

    def search(
        self,
        probes: ArrayLike,
        *,
        k: int | None = None,
        threshold: float | None = None,
        first: int = 0,
        allow: Allow | Ids | None = None,
        max_miss: float = MAX_MISS,
    ) -> CandidateLists:
        """The candidates of each probe (m, d), or of one probe (d,): one list a probe.

        A candidate scores >= float32(threshold), or is among the `first` best, and it is in
        `allow` (ids, or what `allowed` made of them; ids that are not present are passed
        over). The first k are returned. A limit that is None does not limit: with all left
        out, every reference comes back, ranked.

        A reference that scores what is needed is missed with a chance of at most `max_miss`,
        0 to below 0.5; 0 is certain, and slower. See docs/formats/index.md.

        Raises ValueError for a probe that is not finite or not of unit length within 1e-3,
        for a negative k or first, and for a threshold that is NaN; IntegrityError where a page
        of the file does not verify.
        """
        asked = unit(vectors_of(probes, self.dim), "probe")
        limits = limits_of(k, threshold, first, max_miss)
        with self._turn.reading():
            parts = self._parts
            if allow is None:
                masks: Sequence[NDArray[np.uint32]] = [part.alive for part in parts]
            else:
                if not isinstance(allow, Allow):
                    allow = self._allow(np.unique(ids_of(allow)))
                elif allow.state != (self, self._changes):
                    allow = self._allow(allow.ids)
                masks = [mask & part.alive for mask, part in zip(allow.masks, parts, strict=True)]
            some = [i for i, part in enumerate(parts) if part.n_alive]
            found = scan.search([parts[i] for i in some], [masks[i] for i in some], asked, limits)
        counts = scan.counts(found.owners, len(asked))
        return CandidateLists(found.ids, found.scores, counts)

    def templates(self, ids: Ids) -> NDArray[np.float32]:
        """Templates (n, d) of unit length of these ids, as they are kept, in this order.

        Raises ValueError for an id that is not present.
        """
        given = ids_of(ids)
        vectors = np.empty((len(given), self.dim), np.float32)
        known = np.zeros(len(given), np.bool_)
        with self._turn.reading():
            for part in self._parts:
                at = part.positions(given)
                here = np.flatnonzero(at >= 0)
                for start in range(0, len(here), _ROWS_AT_ONCE):
                    some = here[start : start + _ROWS_AT_ONCE]
                    rows, where = part.rows_at(at[some])
                    vectors[some] = unit_rows(rows[where])
                known[here] = True
        if not known.all():
            raise ValueError(f"id {given[np.argmin(known)]} is not present")
        return vectors

    def save(self, path: str | PathLike[str], *, keyring: Keyring | None = None) -> None:
        """Write all references as one file: wholly or not at all, on disk when this returns.

        The file holds ids, codes and rows of the moment at which the save began. It is sealed
        under a new key of `keyring` where one is given, and else it is **not sealed, also if
        this index is**: anyone who reads it has the templates. When a sealed file is saved in
        the place of another, the other's key is destroyed. The keyring must be another one than
        that of an index folder, which destroys the keys that it does not know.

        Saves of one index follow each other, so a later one never loses to an earlier one.
        Raises UnavailableError where it cannot be written; the old file is then kept.
        """
        if self._folder is not None and keyring is not None and keyring is self._folder.keyring:
            raise ValueError("expected another keyring than that of the index's folder")
        with self._saving:
            with self._turn.reading():
                ids, rows = self._sorted(self._parts)
            try:
                if keyring is None:
                    segment.write(Path(path), "index", self._coding, ids, rows)
                else:
                    sealed_file.write(Path(path), self._coding, ids, rows, keyring)
            finally:
                rows.fill(0)  # a template may be removed meanwhile: leave no copy of it

    def _sorted(self, parts: Sequence[Part]) -> tuple[NDArray[np.int64], Rows]:
        """Copies of ids and rows of some parts, by id ascending."""
        at = [part.alive_positions() for part in parts]
        ids = np.concatenate([part.ids_at(some) for part, some in zip(parts, at, strict=True)])
        order = np.argsort(ids)
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        rows: Rows = np.empty((len(ids), self.dim), self._coding.row_dtype)
        begin = 0
        for part, some in zip(parts, at, strict=True):
            for start in range(0, len(some), _ROWS_AT_ONCE):
                chunk = some[start : start + _ROWS_AT_ONCE]
                found, where = part.rows_at(chunk)
                rows[place[begin + start : begin + start + len(chunk)]] = found[where]
            begin += len(some)
        return ids[order], rows

    def flush(self) -> None:
        """Have what was added on disk. Raises UnavailableError where it cannot be written.

        Raises ValueError for an index that is not in a folder.
        """
        folder = self._in_folder()
        with self._turn.writing():
            self._flush(folder)

    def _flush(self, folder: Folder) -> None:
        if self._fresh.n_alive:
            self._rewrite(folder, [], [self._fresh])

    def compact(self, share: float = 0.1) -> int:
        """Rewrite the segments of which more than this share was removed, and the small ones.

        The old files are deleted and their keys destroyed: what was removed is gone. Small
        segments are put together. Returns how many segments were rewritten.
        """
        folder = self._in_folder()
        with self._turn.writing():
            self._flush(folder)
            old = [part for part in self._segments if part.n - part.n_alive > share * part.n]
            small = [part for part in self._segments if part.n_alive < ROWS_A_SEGMENT // 2]
            if len(small) > 1:
                old += [part for part in small if part not in old]
            group: list[Segment] = []
            for i, part in enumerate(old):
                group.append(part)
                n = sum(other.n_alive for other in group)
                last = i + 1 == len(old)
                if last or n + old[i + 1].n_alive > ROWS_A_SEGMENT:
                    self._rewrite(folder, group, group)
                    group = []
            folder.tidy()  # what an earlier call could not delete
            return len(old)

    def _rewrite(self, folder: Folder, old: Sequence[Segment], parts: Sequence[Part]) -> None:
        """Put the living references of parts into one new segment in the place of `old`."""
        ids, rows = self._sorted(parts)
        try:
            self._write(folder, [(ids, rows)] if len(ids) else [], old)
        finally:
            rows.fill(0)
        if self._fresh in parts:
            self._fresh.clear()
        if old:
            folder.tidy()

    def _write(
        self,
        folder: Folder,
        written: Iterable[tuple[NDArray[np.int64], Rows]],
        old: Sequence[Segment],
    ) -> None:
        """Write segments, ids ascending, and let them count in the place of `old`.

        All of them or, with an error, none. What is left over, `folder.tidy` deletes.
        """
        cache = sum(part.cache_bytes for part in old) or CACHE_BYTES // 8
        new: list[Segment] = []
        try:
            for ids, rows in written:
                # Opened before it counts: what cannot be read must not replace what can.
                new.append(folder.open_one(folder.write(ids, rows), len(ids), cache))
            folder.exchange([part.name for part in old], [(part.name, part.n) for part in new])
        except BaseException:
            for part in new:
                part.close()
            with contextlib.suppress(VultusError, OSError):  # else the next opening does it
                folder.tidy()
            raise
        self._segments = [part for part in self._segments if part not in old] + new
        self._changes += 1
        for part in old:
            part.close()

    def fsck(self) -> None:
        """Read everything and derive every code anew. Raises IntegrityError at a fault."""
        with self._turn.reading():
            parts = self._parts
            if self._folder is not None:
                self._folder.verify()
            ids = np.sort(np.concatenate([part.ids_at(part.alive_positions()) for part in parts]))
            for part in self._segments:
                part.verify()
        if (ids[1:] == ids[:-1]).any():
            raise IntegrityError(
                "index.ids", "Two segments of the index hold one reference.", RESTORE
            )

    def memory(self) -> dict[str, int]:
        """Bytes in memory by kind."""
        total: dict[str, int] = {}
        with self._turn.reading():
            for part in self._parts:
                for kind, n in part.memory().items():
                    total[kind] = total.get(kind, 0) + n
        return total

    def close(self) -> None:
        """Let go of files and, after a `flush`, of the folder. The index is of no use then."""
        with self._turn.writing():
            if self._folder is not None:
                self._flush(self._folder)
                self._folder.close()
                self._folder = None
            for part in self._segments:
                part.close()
            self._segments = []
            self._fresh.clear()
            self._closed = True

    def _in_folder(self) -> Folder:
        if self._closed:
            raise ValueError("this index is closed")
        if self._folder is None:
            raise ValueError("this index is not in a folder: see FaceIndex.create")
        return self._folder


def _cut(ids: NDArray[np.int64], rows: Rows) -> Iterable[tuple[NDArray[np.int64], Rows]]:
    """References in pieces of a segment's size, the ids of each ascending."""
    for start in range(0, len(ids), ROWS_A_SEGMENT):
        order = start + np.argsort(ids[start : start + ROWS_A_SEGMENT])
        yield ids[order], rows[order]
