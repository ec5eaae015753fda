"""The layout of a segment file (docs/formats/index.md): header, sections, pages."""

import hashlib
import re
import struct
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vultus.errors import IntegrityError
from vultus.index.codes import BLOCK, Coding, RowKind

MAGIC = b"VULTUSIX"
VERSION = 2
MAX_COUNT = 2**31 - 1
IDS_A_PAGE, BLOCKS_A_PAGE, MORE_A_PAGE = 8192, 1024, 1024
DIGEST_BYTES = 16
_FIELDS = struct.Struct("<8sIIQBBBBI32s64s32s")
HEADER_SIZE = _FIELDS.size + 32
NAME = re.compile(r"[a-z0-9-]{1,64}")
ROW_KINDS: dict[int, RowKind] = {1: "float32", 2: "int8"}
RESTORE = "Keep the file as it is and restore it from a backup, or enrol its photos again."


class PageCipher(Protocol):
    """Seals the pages of one segment under a key of its own; see `vultus.vault`."""

    overhead: int  # bytes that a page grows by

    def seal(self, page: int, plain: bytes) -> bytes:
        """The page sealed, `overhead` bytes longer."""
        ...

    def unseal(self, page: int, sealed: bytes) -> bytes:
        """What was sealed as this page; IntegrityError for anything else."""
        ...


class Keyring(Protocol):
    """The keys of an index's segments, by the segments' names."""

    def new(self, name: str) -> PageCipher:
        """Make and keep a fresh key."""
        ...

    def cipher(self, name: str) -> PageCipher:
        """The cipher of a segment that exists; IntegrityError where its key is gone."""
        ...

    def destroy(self, name: str) -> None:
        """Forget the key for ever. A name without a key is passed over."""
        ...

    def names(self) -> set[str]:
        """Whose keys there are."""
        ...


@dataclass(frozen=True)
class Section:
    """Where a section lies: items of `item` bytes, `a_page` of them a page."""

    item: int
    a_page: int
    n: int
    first_page: int
    offset: int
    overhead: int

    @property
    def n_pages(self) -> int:
        return -(-self.n // self.a_page) if self.item else 0

    @property
    def size(self) -> int:
        return self.n * self.item + self.n_pages * self.overhead

    def place(self, page: int) -> tuple[int, int]:
        """Offset and stored bytes of a page, counted from the section's first."""
        stride = self.a_page * self.item + self.overhead
        n = min(self.a_page, self.n - page * self.a_page)
        return self.offset + page * stride, n * self.item + self.overhead


def sections(coding: Coding, n: int, overhead: int) -> list[Section]:
    """Ids, codes, factors, more and rows of a file of n references."""
    n_blocks = -(-n // BLOCK)
    more = coding.n_more_bytes + 4 if coding.more_bits else 0
    shapes = [
        (8, IDS_A_PAGE, n),
        (coding.n_bytes * BLOCK, BLOCKS_A_PAGE, n_blocks),
        (2 * BLOCK, BLOCKS_A_PAGE, n_blocks),
        (more, MORE_A_PAGE, n),
        (coding.dim * coding.row_dtype.itemsize, BLOCK, n),
    ]
    made, page, offset = [], 0, HEADER_SIZE
    for item, a_page, count in shapes:
        section = Section(item, a_page, count, page, offset, overhead)
        made.append(section)
        page, offset = page + section.n_pages, offset + section.size
    return made


class Header(NamedTuple):
    """What a segment file says of itself."""

    name: str
    coding: Coding
    n: int
    sealed: bool
    overhead: int
    table_digest: bytes

    def encode(self) -> bytes:
        """The header's bytes."""
        coding = self.coding
        kind = next(number for number, kind in ROW_KINDS.items() if kind == coding.rows)
        fields = _FIELDS.pack(
            MAGIC, VERSION, coding.dim, self.n, kind, coding.first_bits, coding.more_bits,
            self.sealed, self.overhead, coding.seed, self.name.encode(), self.table_digest,
        )  # fmt: skip
        return fields + hashlib.sha256(fields).digest()

    @classmethod
    def decode(cls, data: bytes) -> "Header":
        """The header at the beginning of a file. Raises IntegrityError."""
        if data[: len(MAGIC)] != MAGIC or len(data) < HEADER_SIZE:
            raise IntegrityError(
                "index.magic", "This is not an index file.", "Look whether the path is right."
            )
        fields = data[: _FIELDS.size]
        _, version, dim, n, kind, first, more, sealed, overhead, seed, name, digest = (
            _FIELDS.unpack(fields)
        )
        if version != VERSION:
            raise IntegrityError(
                "index.version",
                f"The index file has version {version}; this program reads version {VERSION}.",
                "Use the program that wrote it, or enrol its photos again.",
            )
        if hashlib.sha256(fields).digest() != data[_FIELDS.size : HEADER_SIZE]:
            raise IntegrityError("index.header", "The index file's header is damaged.", RESTORE)
        try:
            text = name.rstrip(b"\0").decode("ascii")
            coding = Coding(dim, ROW_KINDS[kind], first, more, seed)
        except (KeyError, ValueError):
            coding, text = None, ""
        # Encoding it again finds what a field may not hold: it would come out as something else.
        if coding is None or n > MAX_COUNT or not NAME.fullmatch(text):
            raise IntegrityError(
                "index.header", f"The index file claims {n} references of {dim} numbers.", RESTORE
            )
        header = cls(text, coding, n, bool(sealed), overhead, digest)
        if header.encode()[:HEADER_SIZE] != data[:HEADER_SIZE] or (overhead and not sealed):
            raise IntegrityError("index.header", "The index file's header is damaged.", RESTORE)
        return header
