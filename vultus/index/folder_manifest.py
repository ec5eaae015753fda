"""The manifest of an index folder (docs/formats/index.md): which segments count, and which of their
references are removed. A SQLite database that knows what it holds: a flipped bit is found.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import IntegrityError, UnavailableError
from vultus.index.codes import Coding
from vultus.index.segment_format import NAME

VERSION = 2
_FIRST_TABLES = [
    """CREATE TABLE coding (dim INTEGER NOT NULL, rows TEXT NOT NULL, first_bits INTEGER NOT NULL,
  more_bits INTEGER NOT NULL, seed BLOB NOT NULL)""",
    "CREATE TABLE segment (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE removed (segment TEXT NOT NULL REFERENCES segment ON DELETE CASCADE,
  id INTEGER NOT NULL, PRIMARY KEY (segment, id)) WITHOUT ROWID""",
]
_DIGEST_TABLES = [
    """CREATE TABLE removed_sum (segment TEXT PRIMARY KEY REFERENCES segment ON DELETE CASCADE,
  sum INTEGER NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE digest (sha256 BLOB NOT NULL)",
]
_TABLES = {1: _FIRST_TABLES, VERSION: _FIRST_TABLES + _DIGEST_TABLES}
_CODING_LINES = """SELECT quote(dim) || ' ' || quote(rows) || ' ' || quote(first_bits) || ' ' ||
  quote(more_bits) || ' ' || quote(seed) FROM coding"""
_SEGMENT_LINES = """SELECT quote(name) || ' ' || quote(n) || ' ' || quote(coalesce(sum, 0))
  FROM segment LEFT JOIN removed_sum ON segment = name ORDER BY name"""
# SQLite's words for a disk or another process in the way; anything else is damage.
_IN_THE_WAY = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY,
}  # fmt: skip


class FolderManifest:
    """An open manifest. Calls that change it must not overlap."""

    def __init__(self, path: Path) -> None:
        """Open a manifest; one of version 1 becomes one of version 2.

        Raises IntegrityError where it is damaged or of another version, UnavailableError where
        it cannot be read.
        """
        self._path = path
        self._db = _connected(path)
        try:
            with _errors():
                if (version := _version(self._db)) != VERSION:
                    _upgrade(self._db, version)
            self.coding = _checked(self._db)
        except BaseException:
            self._db.close()
            raise

    @staticmethod
    def create(path: Path, coding: Coding) -> None:
        """A manifest of no segments. Raises what SQLite raises."""
        with contextlib.closing(_connected(path)) as db:
            db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES[VERSION]:
                db.execute(statement)
            db.execute(
                "INSERT INTO coding VALUES (?, ?, ?, ?, ?)",
                (coding.dim, coding.rows, coding.first_bits, coding.more_bits, coding.seed),
            )
            db.execute("INSERT INTO digest VALUES (?)", (_digest(db),))
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")

    def counts(self) -> dict[str, int]:
        """The number of references of each segment, by name; those removed are counted too."""
        with _errors():
            return _counts(self._db)

    def removed(self, name: str) -> NDArray[np.int64]:
        """The removed ids of a segment, ascending. Raises IntegrityError where one has changed."""
        with _errors():
            return _removed(self._db, name)

    def exchange(self, old: Sequence[str], new: Sequence[tuple[str, int]]) -> None:
        """In one transaction, let segments (name, n) count in the place of others."""
        with self._changing() as db:
            db.executemany("DELETE FROM segment WHERE name = ?", [(name,) for name in old])
            db.executemany("INSERT INTO segment VALUES (?, ?)", new)

    def remove(self, gone: Iterable[tuple[str, NDArray[np.int64]]]) -> None:
        """Note ids of segments as removed: on disk when this returns."""
        insert = "INSERT OR IGNORE INTO removed VALUES (?, ?)"
        with self._changing() as db:
            for name, ids in gone:
                # An id can be there already, where a commit failed after it had been made.
                new = [i for i in ids.tolist() if db.execute(insert, (name, i)).rowcount]
                total = id_sum(np.array(new, np.int64), _sum(db, name))
                db.execute("REPLACE INTO removed_sum VALUES (?, ?)", (name, total))

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end with its digest, or undone."""
        with _errors(), _transaction(self._db) as db:
            _check_digest(db)
            yield db
            db.execute("UPDATE digest SET sha256 = ?", (_digest(db),))

    def verify(self) -> None:
        """Compare all that the file says with its digests. Raises IntegrityError at a fault."""
        # Another connection: this one would take for read what it has in memory.
        with contextlib.closing(_connected(self._path)) as db:
            coding = _checked(db)
            with _errors():
                if coding != self.coding or _version(db) != VERSION:
                    raise ValueError
                for name in _counts(db):
                    _removed(db, name)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def id_sum(ids: NDArray[np.int64], before: int = 0) -> int:
    """A sum, from -2^63 to below 2^63, with what these ids add to it: see the document."""
    x = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    total = int((x ^ (x >> np.uint64(31))).sum(dtype=np.uint64))
    return (before + total + 2**63) % 2**64 - 2**63


def _connected(path: Path) -> sqlite3.Connection:
    with _errors():
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            # FULL would let a power cut bring back the journal of what was committed.
            db.execute("PRAGMA synchronous = EXTRA")
        except BaseException:
            db.close()
            raise
        return db


def _version(db: sqlite3.Connection) -> int:
    """The version, if this program reads it."""
    version: int
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in _TABLES:
        raise IntegrityError(
            "index.version",
            f"The index has version {version}; this program reads version {VERSION}.",
            "Use the program that wrote it, or a newer one.",
        )
    return version


def _checked(db: sqlite3.Connection) -> Coding:
    """The coding, after all but the removed ids was compared with the digest."""
    with _errors():
        _check_form(db, VERSION)
        _check_digest(db)
        return _coding(db)


def _check_form(db: sqlite3.Connection, version: int) -> None:
    if db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
        raise ValueError
    tables = db.execute("SELECT sql FROM sqlite_schema ORDER BY rowid").fetchall()
    if [sql for (sql,) in tables] != _TABLES[version]:
        raise ValueError


def _check_digest(db: sqlite3.Connection) -> None:
    if db.execute("SELECT sha256 FROM digest").fetchall() != [(_digest(db),)]:
        raise ValueError


def _coding(db: sqlite3.Connection) -> Coding:
    (row,) = db.execute("SELECT * FROM coding").fetchall()
    coding = Coding(*row)
    if not isinstance(row[-1], bytes):
        raise TypeError
    return coding


def _digest(db: sqlite3.Connection) -> bytes:
    lines = db.execute(_CODING_LINES).fetchall() + db.execute(_SEGMENT_LINES).fetchall()
    return hashlib.sha256("\n".join(line for (line,) in lines).encode()).digest()


def _counts(db: sqlite3.Connection) -> dict[str, int]:
    counts = dict(db.execute("SELECT name, n FROM segment ORDER BY name").fetchall())
    if not all(NAME.fullmatch(name) and isinstance(counts[name], int) for name in counts):
        raise ValueError
    return counts


def _sum(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT sum FROM removed_sum WHERE segment = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])


def _removed(db: sqlite3.Connection, name: str) -> NDArray[np.int64]:
    rows = db.execute("SELECT id FROM removed WHERE segment = ?", (name,))
    removed = np.array([i for (i,) in rows], np.int64)
    if id_sum(removed) != _sum(db, name):
        raise ValueError
    return removed


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    """Make one of version 2 of one of version 1."""
    _check_form(db, version)
    _coding(db)
    with _transaction(db):
        for statement in _DIGEST_TABLES:
            db.execute(statement)
        gone: dict[str, list[int]] = {}
        for name, i in db.execute("SELECT segment, id FROM removed"):
            gone.setdefault(name, []).append(i)
        sums = [(name, id_sum(np.array(ids, np.int64))) for name, ids in gone.items()]
        db.executemany("INSERT INTO removed_sum VALUES (?, ?)", sums)
        db.execute("INSERT INTO digest VALUES (?)", (_digest(db),))
        db.execute(f"PRAGMA user_version = {VERSION}")


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _errors() -> Iterator[None]:
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
