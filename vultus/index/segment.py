"""The index file (docs/formats/index.md): bytes and back, strictly; written atomically."""

import glob
import hashlib
import os
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index.codes import MAX_DIM

MAGIC = b"VULTUSIX"
VERSION = 1
MAX_COUNT = 2**31 - 1
_FIELDS = struct.Struct("<8sIIQ32s32s")
HEADER_SIZE = _FIELDS.size + 32
_UNIT_TOLERANCE = 1e-6
_ROWS_AT_ONCE = 4096
_RESTORE = "Keep the file as it is and restore it from a backup, or enrol its photos again."


def encode(ids: NDArray[np.int64], rows: NDArray[np.float32]) -> list[bytes | memoryview]:
    """The file of references (n,) and their unit rows (n, d), as parts to be joined.

    ids must be strictly ascending. The parts share the memory of the arrays.
    """
    parts = [
        np.ascontiguousarray(ids, "<i8").view(np.uint8).data,
        np.ascontiguousarray(rows, "<f4").reshape(-1).view(np.uint8).data,
    ]
    digests = [hashlib.sha256(part).digest() for part in parts]
    fields = _FIELDS.pack(MAGIC, VERSION, rows.shape[1], len(ids), *digests)
    return [fields + hashlib.sha256(fields).digest(), *parts]


def decode(data: bytes | bytearray) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """ids (n,) and rows (n, d) of a whole file; the arrays share its memory.

    Raises IntegrityError for anything that `encode` does not write.
    """
    if data[: len(MAGIC)] != MAGIC or len(data) < HEADER_SIZE:
        raise IntegrityError(
            "index.magic", "This is not an index file.", "Look whether the path is right."
        )
    fields = data[: _FIELDS.size]
    _, version, d, n, ids_digest, rows_digest = _FIELDS.unpack(fields)
    if version != VERSION:
        raise IntegrityError(
            "index.version",
            f"The index file has version {version}; this program reads version {VERSION}.",
            "Use the program that wrote it, or a newer one.",
        )
    if hashlib.sha256(fields).digest() != data[_FIELDS.size : HEADER_SIZE]:
        raise IntegrityError("index.header", "The index file's header is damaged.", _RESTORE)
    if not 1 <= d <= MAX_DIM or n > MAX_COUNT:
        raise IntegrityError(
            "index.header", f"The index file claims {n} references of {d} numbers.", _RESTORE
        )
    rows_at = HEADER_SIZE + 8 * n
    size = rows_at + 4 * n * d
    if len(data) != size:
        raise IntegrityError(
            "index.length",
            f"The index file has {len(data)} bytes; its header says {size}.",
            _RESTORE,
        )
    view = memoryview(data)
    if hashlib.sha256(view[HEADER_SIZE:rows_at]).digest() != ids_digest:
        raise IntegrityError("index.checksum", "The index file's ids are damaged.", _RESTORE)
    if hashlib.sha256(view[rows_at:]).digest() != rows_digest:
        raise IntegrityError("index.checksum", "The index file's rows are damaged.", _RESTORE)
    ids = np.frombuffer(data, "<i8", n, HEADER_SIZE).astype(np.int64, copy=False)
    rows = np.frombuffer(data, "<f4", n * d, rows_at).astype(np.float32, copy=False)
    rows = rows.reshape(n, d)
    _check(ids, rows)
    return ids, rows


def _check(ids: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
    """Raise IntegrityError unless the ids ascend and the rows are of unit length."""
    if not (ids[1:] > ids[:-1]).all():
        raise IntegrityError(
            "index.ids", "The index file's ids are repeated or out of order.", _RESTORE
        )
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE].astype(np.float64)
        length = np.sqrt(np.square(block).sum(axis=1))
        if not (np.abs(length - 1.0) <= _UNIT_TOLERANCE).all():
            raise IntegrityError(
                "index.rows", "The index file holds a row that is not of unit length.", _RESTORE
            )


def read(path: Path) -> bytearray:
    """The bytes of an index file. Raises InputError where there is none to read."""
    try:
        with path.open("rb") as file:
            data = bytearray(os.fstat(file.fileno()).st_size)
            n_read = file.readinto(data)
            data.extend(file.read())
    except OSError as exc:
        raise InputError(
            "index.unreadable",
            f"The index file cannot be read: {exc.strerror}.",
            "Look whether the path is right and may be read by this account.",
        ) from exc
    if n_read < len(data):
        del data[n_read:]  # a file that shrank meanwhile: the decoder refuses its length
    return data


def write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Put the parts under this name: wholly or not at all, and on disk when this returns.

    Raises UnavailableError where the disk refuses. Then the old file is in place, except
    where only the last flush of the folder failed: then the new one is, wholly.
    """
    try:
        for left_behind in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
            left_behind.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)
    except OSError as exc:
        raise UnavailableError(
            "index.unwritable",
            f"The index file could not be written: {exc.strerror}.",
            "Make room or mend the folder, then save again; what was saved before is kept.",
        ) from exc


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
