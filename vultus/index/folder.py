"""An index on disk: a folder of segments with its manifest (docs/formats/index.md)."""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index import segment
from vultus.index.codes import Coding
from vultus.index.rows import Rows
from vultus.index.segment import Segment
from vultus.index.segment_format import NAME, Keyring

MANIFEST = "index.db"
VERSION = 1
_SCHEMA = f"""
CREATE TABLE coding (dim INTEGER NOT NULL, rows TEXT NOT NULL, first_bits INTEGER NOT NULL,
  more_bits INTEGER NOT NULL, seed BLOB NOT NULL);
CREATE TABLE segment (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE removed (segment TEXT NOT NULL REFERENCES segment ON DELETE CASCADE,
  id INTEGER NOT NULL, PRIMARY KEY (segment, id)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""


class Folder:
    """The manifest and the files of one index. One process has it open for writing."""

    def __init__(self, path: Path, keyring: Keyring | None) -> None:
        self.path, self._keyring = path, keyring
        self._lock_handle = self._locked()
        try:
            self._db = sqlite3.connect(
                path / MANIFEST, isolation_level=None, check_same_thread=False
            )
            self.coding = self._coding()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, path: Path, coding: Coding, keyring: Keyring | None) -> "Folder":
        """A new, empty index. Raises InputError where there is one, or other files."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path / f"{MANIFEST}.new"  # a killed call can leave it, and its journal
            if any(not file.name.startswith(temporary.name) for file in path.iterdir()):
                raise InputError(
                    "index.exists",
                    "The folder for the new index is not empty.",
                    "Name an empty folder, or open the index that lies there.",
                )
            for left_behind in path.iterdir():
                left_behind.unlink()
            temporary.touch(mode=0o600)  # it holds the seed
            with contextlib.closing(sqlite3.connect(temporary)) as db, db:
                db.executescript(_SCHEMA)
                db.execute(
                    "INSERT INTO coding VALUES (?, ?, ?, ?, ?)",
                    (coding.dim, coding.rows, coding.first_bits, coding.more_bits, coding.seed),
                )
            temporary.replace(path / MANIFEST)
            segment.flush_folder(path)
        except (OSError, sqlite3.OperationalError) as exc:
            raise UnavailableError(
                "index.unwritable",
                f"The index cannot be made: {getattr(exc, 'strerror', None) or exc}.",
                "Make room or mend the folder, then try again.",
            ) from exc
        return cls(path, keyring)

    def _locked(self) -> int:
        if not (self.path / MANIFEST).is_file():
            raise InputError(
                "index.unreadable",
                "There is no index in this folder.",
                "Look whether the path is right, or make an index with FaceIndex.create.",
            )
        handle = os.open(self.path / "index.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise UnavailableError(
                "index.in_use",
                "Another process has this index open.",
                "Wait until it ends, or search through it.",
            ) from None
        return handle

    def _coding(self) -> Coding:
        with _manifest():
            self._db.execute("PRAGMA foreign_keys = ON")
            # FULL would let a power cut bring back the journal of what was committed.
            self._db.execute("PRAGMA synchronous = EXTRA")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                raise IntegrityError(
                    "index.version",
                    f"The index has version {version}; this program reads version {VERSION}.",
                    "Use the program that wrote it, or a newer one.",
                )
            if self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError
            (row,) = self._db.execute("SELECT * FROM coding").fetchall()
            return Coding(*row)

    def tidy(self) -> None:
        """Delete files and keys that the manifest does not name: a crash or a rewrite left them."""
        names = set(self.names())
        if self._keyring is not None:
            for name in self._keyring.names() - names:
                self._keyring.destroy(name)
        try:
            for file in self.path.glob("*.segment"):
                if file.stem not in names:
                    file.unlink(missing_ok=True)
            for file in self.path.glob(".*.segment.*.tmp"):
                file.unlink(missing_ok=True)
        except OSError as exc:
            raise UnavailableError(
                "index.unwritable",
                f"A file that the index left behind cannot be deleted: {exc.strerror}.",
                "Mend the folder, then compact the index.",
            ) from exc

    def names(self) -> list[str]:
        """The segments' names."""
        return list(self._counts())

    def _counts(self) -> dict[str, int]:
        with _manifest():
            counts = dict(self._db.execute("SELECT name, n FROM segment ORDER BY name").fetchall())
            if not all(NAME.fullmatch(name) and isinstance(counts[name], int) for name in counts):
                raise ValueError
            return counts

    def open_segments(self, cache_bytes: int) -> list[Segment]:
        """All segments, what was removed hidden; the cache is shared out among them.

        What the manifest does not name is deleted only after all that it names has opened.
        """
        counts = self._counts()
        total = max(sum(counts.values()), 1)
        opened: list[Segment] = []
        try:
            for name, n in counts.items():
                opened.append(self.open_one(name, n, cache_bytes * n // total))
            self.tidy()
        except BaseException:
            for part in opened:
                part.close()
            raise
        return opened

    def open_one(self, name: str, n: int, cache_bytes: int) -> Segment:
        """One segment that counts, of n references, what was removed hidden."""
        if not self._file(name).exists():
            raise IntegrityError(
                "index.manifest",
                f"The file of segment {name} is missing.",
                "Restore the folder from a backup.",
            )
        cipher = None if self._keyring is None else self._keyring.cipher(name)
        part = Segment.open(self._file(name), cipher=cipher, cache_bytes=cache_bytes)
        try:
            self._hide_removed(part, name, n)
        except BaseException:
            part.close()
            raise
        return part

    def _hide_removed(self, part: Segment, name: str, n: int) -> None:
        """Hide what was removed of a segment; first see that it is the one of this name."""
        if part.name != name or part.n != n or part.coding != self.coding:
            raise IntegrityError(
                "index.manifest",
                f"The file of segment {name} is another one.",
                "Keep the folder as it is and restore it from a backup.",
            )
        with _manifest():
            rows = self._db.execute("SELECT id FROM removed WHERE segment = ?", (name,))
            removed = np.array([i for (i,) in rows], np.int64)
        hidden = part.positions(removed)
        part.hide(hidden[hidden >= 0])

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.segment"

    def write(self, ids: NDArray[np.int64], rows: Rows) -> str:
        """Write a segment that does not count yet; ids ascending. Returns its name."""
        name = secrets.token_hex(16)
        cipher = None if self._keyring is None else self._keyring.new(name)
        segment.write(self._file(name), name, self.coding, ids, rows, cipher=cipher)
        return name

    def exchange(self, old: Sequence[str], new: Sequence[tuple[str, int]]) -> None:
        """In one transaction, let segments (name, n) count in the place of others."""
        with self._transaction():
            self._db.executemany("DELETE FROM segment WHERE name = ?", [(name,) for name in old])
            self._db.executemany("INSERT INTO segment VALUES (?, ?)", new)

    def remove(self, gone: Sequence[tuple[str, NDArray[np.int64]]]) -> None:
        """Hide ids of segments, for good: committed when this returns."""
        with self._transaction():
            for name, ids in gone:
                rows = ((name, i) for i in ids.tolist())
                self._db.executemany("INSERT OR IGNORE INTO removed VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _manifest():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let another process have it."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock_handle >= 0:
            os.close(self._lock_handle)
            self._lock_handle = -1


# SQLite's words for a disk or another process in the way; anything else is damage.
_IN_THE_WAY = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
}  # fmt: skip


@contextlib.contextmanager
def _manifest() -> Iterator[None]:
    """Raise what goes wrong with the manifest as an error of ours."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _IN_THE_WAY:
            raise UnavailableError(
                "index.unwritable",
                f"The manifest of the index cannot be read or written: {exc}.",
                "Make room or mend the folder, then try again; nothing was changed.",
            ) from exc
        raise IntegrityError(
            "index.manifest",
            "The manifest of the index is damaged.",
            "Keep the folder as it is and restore it from a backup.",
        ) from exc
