"""A segment: a file of references that do not change (docs/formats/index.md).

Ids, codes and factors are read into memory when it is opened; rows stay on the disk, mapped
where the file is not sealed, and else opened a page at a time into a bounded cache.
"""

import contextlib
import glob
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index.codes import (
    BLOCK,
    Codes,
    Coding,
    along_and_beside,
    cells,
    encode,
    factors,
    more_factors,
    rotation,
    unit_rows,
    unpacked,
)
from vultus.index.part import Part, aligned, all_alive, code_memory
from vultus.index.row_cache import RowCache
from vultus.index.rows import Rows, faulty
from vultus.index.segment_format import (
    DIGEST_BYTES,
    HEADER_SIZE,
    NAME,
    RESTORE,
    Header,
    PageCipher,
    Section,
    sections,
)

CACHE_BYTES = 64 * 2**20
_LARGE_PAGES = 4  # a file of up to this part of the memory is read in large pages
_TOLERANCE = 1e-5  # float32 sums differ from machine to machine


@dataclass(frozen=True)
class Written:
    """A segment that was written: `digest` is the SHA-256 of its header."""

    n: int
    n_bytes: int
    digest: bytes


def write(
    path: Path,
    name: str,
    coding: Coding,
    ids: NDArray[np.int64],
    rows: Rows,
    *,
    cipher: PageCipher | None = None,
) -> Written:
    """Write a segment: ids (n,) strictly ascending, stored rows (n, d).

    Wholly or not at all, and on disk when this returns. Raises UnavailableError where the disk
    refuses: then the old file is in place, except where only the last flush of the folder
    failed: then the new one is, wholly.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"expected a name of 1 to 64 of a-z, 0-9 and -, got {name!r}")
    coded = encode(rows, coding)
    more = coded.more
    if coding.more_bits:
        more = np.concatenate((more, coded.more_factors.astype("<u2").view(np.uint8)), axis=1)
    arrays = (ids.astype("<i8"), coded.blocks, coded.factors, more, rows)
    overhead = cipher.overhead if cipher else 0
    digests: list[bytes] = []

    def pages() -> Iterator[bytes]:
        for section, array in zip(sections(coding, len(ids), overhead), arrays, strict=True):
            flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            size = section.item * section.a_page
            for page in range(section.n_pages):
                plain = flat[page * size : (page + 1) * size].tobytes()
                stored = cipher.seal(section.first_page + page, plain) if cipher else plain
                digests.append(hashlib.sha256(stored).digest()[:DIGEST_BYTES])
                yield stored

    def header() -> bytes:
        table = hashlib.sha256(b"".join(digests)).digest()
        return Header(name, coding, len(ids), cipher is not None, overhead, table).encode()

    n_bytes, first = _write_file(path, pages(), digests, header)
    return Written(len(ids), n_bytes, hashlib.sha256(first).digest())


def _write_file(
    path: Path, pages: Iterable[bytes], digests: list[bytes], header: Callable[[], bytes]
) -> tuple[int, bytes]:
    """Put header, pages and their digests under this name; returns the size and the header."""
    try:
        for left_behind in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
            left_behind.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(".tmp", f".{path.name}.", path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(bytes(HEADER_SIZE))
                file.writelines(pages)
                file.writelines(digests)
                n_bytes = file.tell()
                first = header()
                file.seek(0)
                file.write(first)
                file.flush()
                os.fsync(file.fileno())
                # So that it is read back in the large pages that `_mapped` asks for.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)
    except OSError as exc:
        raise UnavailableError(
            "index.unwritable",
            f"The index file could not be written: {exc.strerror}.",
            "Make room or mend the folder, then save again; what was saved before is kept.",
        ) from exc
    return n_bytes, first


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Segment(Part):
    """An opened segment. Searches may hide references; the file does not change."""

    def __init__(self, path: Path, cipher: PageCipher | None, cache_bytes: int) -> None:
        self.path, self.cache_bytes = path, cache_bytes
        self._cipher = cipher
        self._cache: RowCache | None = None
        self._closed = False
        self._map = _mapped(path)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls, path: Path, *, cipher: PageCipher | None = None, cache_bytes: int = CACHE_BYTES
    ) -> "Segment":
        """Open a segment file; its rows take at most about `cache_bytes` of memory if sealed.

        Raises InputError where there is no file to read, IntegrityError where it does not
        verify.
        """
        return cls(path, cipher, cache_bytes)

    def _read(self) -> None:
        header = Header.decode(self._map[:HEADER_SIZE])
        overhead = self._cipher.overhead if self._cipher else 0
        if header.sealed != (self._cipher is not None) or header.overhead != overhead:
            raise otherwise_sealed(header)
        self.name, self.coding, self.n = header.name, header.coding, header.n
        self.n_alive = self.n
        self._sections = sections(self.coding, self.n, overhead)
        last = self._sections[-1]
        table_at, n_pages = last.offset + last.size, last.first_page + last.n_pages
        size = table_at + DIGEST_BYTES * n_pages
        if len(self._map) != size:
            raise IntegrityError(
                "index.length",
                f"The index file has {len(self._map)} bytes; its header says {size}.",
                RESTORE,
            )
        table = self._map[table_at:]
        if hashlib.sha256(table).digest() != header.table_digest:
            raise IntegrityError("index.checksum", "The index file's digests are damaged.", RESTORE)
        self._digests = [table[i : i + DIGEST_BYTES] for i in range(0, len(table), DIGEST_BYTES)]
        self._read_ids()
        self._read_codes()
        self.alive = all_alive(self.n)
        rows, kind = self._sections[4], self.coding.row_dtype
        shape = (self.n, self.coding.dim)
        if self._cipher is None:
            n_numbers = self.n * self.coding.dim
            flat: NDArray[Any] = np.frombuffer(self._map, kind, n_numbers, rows.offset)
            self._rows: Rows = flat.reshape(shape)
        else:
            self._cache = RowCache(self._page_of_rows, self.n, self.coding, self.cache_bytes)
        self._digests = self._digests[rows.first_page :] if self._cipher is None else []

    def _read_ids(self) -> None:
        data = np.concatenate([np.empty(0, np.uint8), *self._pages(self._sections[0])])
        ids = data.view("<i8").astype(np.int64, copy=False)
        if not (ids[1:] > ids[:-1]).all():
            raise IntegrityError(
                "index.ids", "The index file's ids are repeated or out of order.", RESTORE
            )
        # Four bytes an id where they lie close, as the numbers of a database do.
        self._base = int(ids[0]) if self.n else 0
        near = self.n == 0 or int(ids[-1]) - self._base < 2**32
        self._ids = (ids - self._base).astype(np.uint32) if near else ids - self._base
        if not near and int(ids[-1]) - self._base >= 2**63:
            self._base, self._ids = 0, ids

    def _read_codes(self) -> None:
        coding, n_blocks = self.coding, self.n_blocks
        blocks = aligned((n_blocks, coding.n_bytes, BLOCK), np.uint8)
        numbers = aligned((n_blocks, 2, BLOCK), np.uint8)
        for array, section in ((blocks, self._sections[1]), (numbers, self._sections[2])):
            flat, at = array.reshape(-1).view(np.uint8), 0
            for page in self._pages(section):
                flat[at : at + len(page)] = page
                at += len(page)
        more = np.zeros((self.n, coding.n_more_bytes), np.uint8)
        more_factors = np.zeros((self.n if coding.more_bits else 0, 2), np.uint16)
        if coding.more_bits:
            pages = [np.empty(0, np.uint8), *self._pages(self._sections[3])]
            both = np.concatenate(pages).reshape(self.n, coding.n_more_bytes + 4)
            more[:] = both[:, :-4]
            more_factors[:] = np.ascontiguousarray(both[:, -4:]).view("<u2")
        behind = self.n % BLOCK
        if (
            (behind and (blocks[-1, :, behind:].any() or numbers[-1, :, behind:].any()))
            or _has_tail(blocks.transpose(0, 2, 1), coding.dim * coding.first_bits)
            or _has_tail(more, coding.dim * coding.more_bits)
        ):
            raise IntegrityError("index.codes", "The index file's codes are damaged.", RESTORE)
        self.codes = Codes(blocks, numbers, more, more_factors)

    def _pages(self, section: Section) -> Iterator[NDArray[np.uint8]]:
        """A section's pages, checked."""
        for page in range(section.n_pages):
            yield np.frombuffer(self._page(section, page, check=True), np.uint8)

    def _page(self, section: Section, page: int, *, check: bool) -> bytes:
        """One page, opened; a sealed page that was changed does not open."""
        offset, size = section.place(page)
        number = section.first_page + page
        stored = self._map[offset : offset + size]
        if check and hashlib.sha256(stored).digest()[:DIGEST_BYTES] != self._digests[number]:
            raise IntegrityError(
                "index.checksum", f"Page {number} of the index file is damaged.", RESTORE
            )
        if self._cipher is None:
            return stored
        plain = self._cipher.unseal(number, stored)
        if len(plain) != size - section.overhead:
            raise IntegrityError("index.sealed", f"Page {number} has another length.", RESTORE)
        return plain

    def _page_of_rows(self, page: int) -> bytes:
        return self._page(self._sections[4], page, check=False)

    @property
    def ids(self) -> NDArray[np.int64]:
        """All ids that were not removed, ascending (a copy)."""
        return self.ids_at(self.alive_positions())

    def ids_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids (m,) at positions (m,)."""
        return self._ids[positions].astype(np.int64) + self._base

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions (m,) of ids (m,); -1 for one that is not here, or was removed."""
        if not self.n:
            return np.full(len(ids), -1)
        lowest, highest = (int(end) + self._base for end in self._ids[[0, -1]])
        inside = (ids >= lowest) & (ids <= highest)
        offsets = np.where(inside, ids, lowest) - self._base
        at = np.searchsorted(self._ids, offsets.astype(self._ids.dtype))
        alive = (self.alive[at // BLOCK] >> (at % BLOCK).astype(np.uint32)) & np.uint32(1)
        return np.where(inside & (self._ids[at] == offsets) & (alive == 1), at, -1)

    def rows_at(self, positions: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
        """Stored rows and the indices in them at which those of positions (m,) are."""
        if (rows := self.rows_at_hand()) is not None:
            return rows, positions
        assert self._cache is not None
        return self._cache.gather(positions), np.arange(len(positions))

    def rows_at_hand(self) -> Rows | None:
        """All stored rows by position; None of a sealed segment. Raises ValueError if closed."""
        if self._closed:
            raise ValueError(f"segment {self.name} is closed")
        return self._rows if self._cache is None else None

    def memory(self) -> dict[str, int]:
        """Bytes in memory by kind; mapped rows are the system's to keep or drop."""
        cache = self._cache.n_bytes if self._cache else 0
        return {**code_memory(self), "ids": self._ids.nbytes, "cache": cache}

    def verify(self) -> None:
        """Read every page and derive every code anew. Raises IntegrityError at a fault."""
        again = Segment(self.path, self._cipher, 0)
        try:
            again._verify_rows()
        finally:
            again.close()

    def _verify_rows(self) -> None:
        section, coding = self._sections[4], self.coding
        if self._cipher is None:
            self._digests = [b""] * section.first_page + self._digests
        turn = (rotation(coding.seed, coding.dim).T * np.sqrt(coding.dim)).astype(np.float32)
        for page in range(0, section.n_pages, 128):
            pages = range(page, min(page + 128, section.n_pages))
            check = self._cipher is None
            data = b"".join(self._page(section, number, check=check) for number in pages)
            flat: NDArray[Any] = np.frombuffer(data, coding.row_dtype)
            rows: Rows = flat.reshape(-1, coding.dim)
            if (bad := faulty(rows)) is not None:
                raise IntegrityError(
                    "index.rows", f"Row {page * BLOCK + bad} of the index file is damaged.", RESTORE
                )
            self._verify_codes(page * BLOCK, unit_rows(rows) @ turn)

    def _verify_codes(self, start: int, turned: NDArray[np.float32]) -> None:
        """Compare what the codes from a block's first row on say of these rows with the rows."""
        coding, n = self.coding, len(turned)
        part = slice(start // BLOCK, -(-(start + n) // BLOCK))
        packed = self.codes.blocks[part].transpose(0, 2, 1).reshape(-1, coding.n_bytes)[:n]
        cell = unpacked(packed, coding.first_bits, coding.dim)
        said = self.codes.factors[part].transpose(0, 2, 1).reshape(-1, 2)[:n]
        self._verify_factors(factors, said, turned, cells(coding.first_bits, 0)[1][cell])
        if coding.more_bits:
            fine = unpacked(self.codes.more[start : start + n], coding.more_bits, coding.dim)
            cell = (cell << np.uint8(coding.more_bits)) | fine
            levels = cells(coding.first_bits, coding.more_bits)[1]
            more = self.codes.more_factors[start : start + n]
            self._verify_factors(more_factors, more, turned, levels[cell])

    @staticmethod
    def _verify_factors(
        made: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[Any]],
        said: NDArray[Any],
        turned: NDArray[np.float32],
        coded: NDArray[np.float64],
    ) -> None:
        """Raise unless the factors are those that are made of these rows."""
        along, beside = along_and_beside(turned, coded.astype(np.float32))
        loose = made(along - _TOLERANCE, beside + _TOLERANCE)
        tight = made(along + _TOLERANCE, beside - _TOLERANCE)
        if ((said != loose) & (said != tight)).any():
            raise IntegrityError("index.codes", "The index file's codes are damaged.", RESTORE)

    def close(self) -> None:
        """Let go of the file; a search that still runs keeps it until it ends."""
        self._closed = True
        self._rows = np.empty((0, 0), np.int8)
        if self._cache is not None:
            self._cache.forget()
        with contextlib.suppress(BufferError):  # mapped rows are still in somebody's hands
            self._map.close()


def otherwise_sealed(header: Header) -> IntegrityError:
    """What is raised where keys were given for a file without, or the other way round."""
    state = "sealed" if header.sealed else "not sealed"
    return IntegrityError(
        "index.sealed",
        f"The index file is {state}, and was opened as if it were otherwise.",
        "Open it with the keys of the index that it belongs to.",
    )


def _has_tail(packed: NDArray[np.uint8], n_bits: int) -> bool:
    """Whether bits are set behind the first `n_bits` of packed bytes (..., n_bytes)."""
    return n_bits % 8 > 0 and bool((packed[..., -1] >> np.uint8(n_bits % 8)).any())


def _mapped(path: Path) -> mmap.mmap:
    """The file in memory, read only."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise IntegrityError(
                    "index.magic", "This is not an index file.", "Look whether the path is right."
                )
            # A private copy, never written: the kernels take arrays that could be.
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            # In large pages the processor finds a row's address sooner; but a row that is not
            # in memory then brings 2 MiB with it, which is right only where all has room.
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            if _LARGE_PAGES * len(mapped) <= memory:
                with contextlib.suppress(OSError):  # a kernel without them
                    mapped.madvise(mmap.MADV_HUGEPAGE)
            return mapped
    except OSError as exc:
        raise _unreadable(exc) from exc


def header_of(path: Path) -> Header:
    """What a file says of itself. Raises InputError, IntegrityError."""
    try:
        with path.open("rb") as file:
            return Header.decode(file.read(HEADER_SIZE))
    except OSError as exc:
        raise _unreadable(exc) from exc


def _unreadable(error: OSError) -> InputError:
    return InputError(
        "index.unreadable",
        f"The index file cannot be read: {error.strerror}.",
        "Look whether the path is right and may be read by this account.",
    )
