"""An index on disk: a folder of segments with its manifest (docs/formats/index.md)."""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index import segment
from vultus.index.codes import Coding
from vultus.index.folder_manifest import FolderManifest
from vultus.index.rows import Rows
from vultus.index.segment import Segment
from vultus.index.segment_format import Keyring

MANIFEST = "index.db"


class Folder:
    """The manifest and the files of one index. One process has it open for writing."""

    def __init__(self, path: Path, keyring: Keyring | None) -> None:
        self.path, self.keyring = path, keyring
        self._lock_handle = self._locked()
        try:
            self._manifest = FolderManifest(path / MANIFEST)
            self.coding = self._manifest.coding
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
            FolderManifest.create(temporary, coding)
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

    def tidy(self) -> None:
        """Delete files and keys that the manifest does not name: a crash or a rewrite left them."""
        names = set(self.names())
        if self.keyring is not None:
            for name in self.keyring.names() - names:
                self.keyring.destroy(name)
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
        return list(self._manifest.counts())

    def open_segments(self, cache_bytes: int) -> list[Segment]:
        """All segments, what was removed hidden; the cache is shared out among them.

        What the manifest does not name is deleted only after all that it names has opened.
        """
        counts = self._manifest.counts()
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
        cipher = None if self.keyring is None else self.keyring.cipher(name)
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
        hidden = part.positions(self._manifest.removed(name))
        part.hide(hidden[hidden >= 0])

    def _file(self, name: str) -> Path:
        return self.path / f"{name}.segment"

    def write(self, ids: NDArray[np.int64], rows: Rows) -> str:
        """Write a segment that does not count yet; ids ascending. Returns its name."""
        name = secrets.token_hex(16)
        cipher = None if self.keyring is None else self.keyring.new(name)
        segment.write(self._file(name), name, self.coding, ids, rows, cipher=cipher)
        return name

    def exchange(self, old: Sequence[str], new: Sequence[tuple[str, int]]) -> None:
        """In one transaction, let segments (name, n) count in the place of others."""
        self._manifest.exchange(old, new)

    def remove(self, gone: Sequence[tuple[str, NDArray[np.int64]]]) -> None:
        """Hide ids of segments, for good: committed when this returns."""
        self._manifest.remove(gone)

    def verify(self) -> None:
        """Compare the manifest with its digests. Raises IntegrityError at a fault."""
        self._manifest.verify()

    def close(self) -> None:
        """Let another process have it."""
        if hasattr(self, "_manifest"):
            self._manifest.close()
        if self._lock_handle >= 0:
            os.close(self._lock_handle)
            self._lock_handle = -1
