"""The manifest of a sharded index (docs/formats/shards.md): which segments there are, and which
of their references are removed. One SQLite file that lies with the coordinator.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index.codes import Coding, RowKind

VERSION = 1
APPLICATION_ID = 0x56554C53  # "VULS"
_TABLES = [
    """CREATE TABLE coding (dim INTEGER NOT NULL, stored TEXT NOT NULL, first_bits INTEGER NOT NULL,
    more_bits INTEGER NOT NULL, seed BLOB NOT NULL) STRICT""",
    """CREATE TABLE segment (name TEXT PRIMARY KEY, n INTEGER NOT NULL, n_bytes INTEGER NOT NULL,
    digest BLOB NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE removed (segment TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (segment, id))
    STRICT, WITHOUT ROWID""",
]


@dataclass(frozen=True)
class Entry:
    """A segment that belongs to the index."""

    name: str
    n: int
    n_bytes: int
    digest: bytes


class Manifest:
    """An open manifest; no other process can open it meanwhile. Calls must not overlap."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection
        self.coding = self._coding()
        # A commit outlives a loss of power: the folder is flushed after the journal's end too.
        connection.execute("PRAGMA synchronous = EXTRA")

    @classmethod
    def create(cls, path: Path, coding: Coding) -> "Manifest":
        """A manifest of no segments. Raises InputError where the file exists."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError as error:
            raise InputError(
                "index.exists", "There is an index at this path already.", "Open it."
            ) from error
        except OSError as error:
            raise _unavailable(error) from error
        connection = _connected(path)
        with _changing(connection):
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO coding VALUES (?, ?, ?, ?, ?)",
                (coding.dim, coding.rows, coding.first_bits, coding.more_bits, coding.seed),
            )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> "Manifest":
        """The manifest at this path.

        Raises InputError where there is none, IntegrityError where it is no manifest of this
        version or is damaged, UnavailableError where another process has it open.
        """
        if not path.is_file():
            raise InputError(
                "index.unreadable", "There is no index at this path.", "Look whether it is right."
            )
        connection = _connected(path)
        try:
            with _changing(connection):  # nobody else can open it from here on
                facts = [
                    connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("application_id", "user_version", "quick_check(1)")
                ]
                tables = connection.execute("SELECT sql FROM sqlite_schema ORDER BY rowid")
                facts += [sql for (sql,) in tables]
            if facts == [APPLICATION_ID, VERSION, "ok", *_TABLES]:
                return cls(path, connection)
        except BaseException:
            connection.close()
            raise
        connection.close()
        raise _damaged()

    def _coding(self) -> Coding:
        with _changing(self._connection) as connection:
            rows = connection.execute("SELECT * FROM coding").fetchall()
        try:
            ((dim, stored, first_bits, more_bits, seed),) = rows
            kind: RowKind = stored
            return Coding(dim, kind, first_bits, more_bits, seed)
        except ValueError as error:
            raise _damaged() from error

    def segments(self) -> list[Entry]:
        """All segments, by name."""
        with _changing(self._connection) as connection:
            rows = connection.execute("SELECT name, n, n_bytes, digest FROM segment ORDER BY name")
            return [Entry(*row) for row in rows]

    def removed(self) -> dict[str, NDArray[np.int64]]:
        """The removed ids of each segment that has any, ascending."""
        by_segment: dict[str, list[int]] = {}
        with _changing(self._connection) as connection:
            for name, id_ in connection.execute("SELECT segment, id FROM removed"):
                by_segment.setdefault(name, []).append(id_)
        return {name: np.array(ids, np.int64) for name, ids in by_segment.items()}

    def remove(self, ids: Mapping[str, NDArray[np.int64]]) -> None:
        """Note ids of segments as removed: on disk when this returns."""
        with _changing(self._connection) as connection:
            _note_removed(connection, ids)

    def switch(
        self,
        new: Sequence[Entry],
        gone: Sequence[str] = (),
        removed: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> None:
        """Take segments in and leave others out, at once: on disk when this returns.

        `removed` are ids of the new segments that are removed already.
        """
        with _changing(self._connection) as connection:
            for name in gone:
                connection.execute("DELETE FROM segment WHERE name = ?", (name,))
                connection.execute("DELETE FROM removed WHERE segment = ?", (name,))
            connection.executemany(
                "INSERT INTO segment VALUES (?, ?, ?, ?)",
                [(each.name, each.n, each.n_bytes, each.digest) for each in new],
            )
            _note_removed(connection, removed or {})

    def close(self) -> None:
        """Let another process open it."""
        self._connection.close()


def _note_removed(connection: sqlite3.Connection, ids: Mapping[str, NDArray[np.int64]]) -> None:
    for name, gone in ids.items():
        connection.executemany(
            "INSERT OR IGNORE INTO removed VALUES (?, ?)", [(name, id_) for id_ in gone.tolist()]
        )


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    # The lock of the first transaction is kept until the connection is closed.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


@contextmanager
def _changing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One transaction: committed at the end, or undone."""
    try:
        connection.execute("BEGIN EXCLUSIVE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.OperationalError as error:
        raise _unavailable(error) from error
    except sqlite3.DatabaseError as error:
        raise _damaged() from error


def _damaged() -> IntegrityError:
    return IntegrityError(
        "index.manifest",
        "The index's list of segments is damaged, or is none.",
        "Keep the file as it is and restore it from a backup.",
    )


def _unavailable(error: Exception) -> UnavailableError:
    locked = "locked" in str(error)
    return UnavailableError(
        "index.locked" if locked else "index.unwritable",
        "Another process has this index open."
        if locked
        else f"The index's list of segments could not be read or written: {error}.",
        "End the other process first." if locked else "Make room or mend the disk, then try again.",
    )
