"""Records of a WARC file (ISO 28500:2017, WARC 1.1; and 1.0), one after the other and bounded.

warcio reads a header line of any length into memory (255 KiB of gzip took it 790 MiB) and fastwarc
is native code on hostile bytes: so this is our own, and both of them are its tests' peers.

A file is plain, or each record is a gzip member of its own (annex D of the standard), so that a
record can be read from its offset alone. Where a file is cut or broken, what came before stands.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

HEAD_BYTES_MAX = 64 * 2**10
HEAD_LINES_MAX = 200
PIECE = 64 * 2**10
# Deflate shrinks zeros 1032 times and what people write about four times. A large record that
# shrank more than this is no photo and no page.
BOMB_BYTES, BOMB_RATIO = 64 * 2**20, 200
GZIP, ZSTD = (
    b"\x1f\x8b",
    (b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"),
)  # zstd: RFC 8878; with dictionary
VERSION = re.compile(rb"WARC/1\.[01]")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)", re.DOTALL)
LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Record:
    """One record: `offset` of it, or of its gzip member, in the file.

    `headers` have names in lower case. `block` is what follows them, as far as it was to be kept;
    `n_bytes` is how long it is in truth.
    """

    offset: int
    headers: tuple[tuple[str, str], ...]
    block: bytes
    n_bytes: int

    def value(self, name: str) -> str | None:
        """The first value of the header `name` (lower case)."""
        return next((value for other, value in self.headers if other == name), None)

    @property
    def whole(self) -> bool:
        return len(self.block) == self.n_bytes


@dataclass(frozen=True)
class Damage:
    """Why nothing is read from `offset` on.

    `warc.truncated` the file ends within a record; `warc.damaged` there is no record, or its gzip
    stream is broken; `warc.gzip_whole` a gzip member holds several records; `warc.bomb`;
    `warc.zstd` the file is compressed in a way that is not read.
    """

    offset: int
    code: str


class _BrokenError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def records(file: BinaryIO, keep: int, offset: int = 0) -> Iterator[Record | Damage]:
    """The records from `offset` on, with the first `keep` bytes of each block; Damage comes last.

    Raises only what `file` raises.
    """
    file.seek(offset)
    begins = file.read(4)
    file.seek(offset)
    if begins in ZSTD:
        yield Damage(offset, "warc.zstd")
        return
    reader = _Reader(file, offset, zipped=begins.startswith(GZIP))
    while True:
        try:
            if not reader.begin():
                return
            record = _record(reader, keep)
            reader.end()
        except _BrokenError as broken:
            yield Damage(reader.start, broken.code)
            return
        yield record


class _Reader:
    """Bytes of records: those of one gzip member, or of a plain file from a record on."""

    def __init__(self, file: BinaryIO, offset: int, *, zipped: bool) -> None:
        self.file, self.zipped = file, zipped
        self.start = offset  # of the record at hand
        self.sent, self.sent_at = b"", offset  # read and not yet decoded
        self.unread = bytearray()  # decoded and not yet taken
        self.inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.n_sent = self.n_decoded = 0  # of this gzip member

    def begin(self) -> bool:
        """Come to the next record; false at the end of the file."""
        if self.zipped:
            self.inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
            self.n_sent = self.n_decoded = 0
            self.start = self.sent_at
            return bool(self.sent) or self._read()
        while not self.unread.lstrip(b"\r\n"):
            self.unread.clear()
            if not self.more():
                return False
        del self.unread[: len(self.unread) - len(self.unread.lstrip(b"\r\n"))]
        self.start = self.sent_at - len(self.unread)
        return True

    def end(self) -> None:
        """See that nothing but empty lines is left of the gzip member."""
        while self.zipped and self.more():
            if self.unread.strip(b"\r\n"):
                raise _BrokenError("warc.gzip_whole")
            self.unread.clear()
        if self.zipped and self.unread.strip(b"\r\n"):
            raise _BrokenError("warc.gzip_whole")
        if self.zipped:
            self.unread.clear()

    def line(self, most: int) -> bytes:
        """The next line without its end, of `most` bytes at most with it."""
        searched = 0
        while (end := self.unread.find(b"\n", searched, most)) < 0:
            searched = len(self.unread)
            if searched >= most:
                raise _BrokenError("warc.damaged")
            if not self.more():
                raise _BrokenError("warc.truncated")
        line = bytes(self.unread[:end])
        del self.unread[: end + 1]
        return line.removesuffix(b"\r")

    def block(self, length: int, keep: int) -> bytes:
        """Go over `length` bytes, and give the first `keep` of them."""
        kept = bytearray()
        while length:
            if not self.unread and not self.more():
                raise _BrokenError("warc.truncated")
            taken = self.unread[:length]
            del self.unread[: len(taken)]
            length -= len(taken)
            kept += taken[: keep - len(kept)]
        return bytes(kept)

    def more(self) -> bool:
        """Decode some more; false at the end of the gzip member, or of a plain file."""
        while True:
            if self.zipped and self.inflater.eof:
                return False
            if not self.sent and not self._read():
                if self.zipped:
                    raise _BrokenError("warc.truncated")
                return False
            piece = self._inflated() if self.zipped else self.sent
            if not self.zipped:
                self.sent_at += len(self.sent)
                self.sent = b""
            self.unread += piece
            if piece:
                return True

    def _read(self) -> bool:
        self.sent = self.file.read(PIECE)
        return bool(self.sent)

    def _inflated(self) -> bytes:
        before = len(self.sent)
        try:
            piece = self.inflater.decompress(self.sent, PIECE)
        except zlib.error:
            raise _BrokenError("warc.damaged") from None
        self.sent = self.inflater.unconsumed_tail or self.inflater.unused_data
        self.sent_at += before - len(self.sent)
        self.n_sent += before - len(self.sent)
        self.n_decoded += len(piece)
        if self.n_decoded > BOMB_BYTES and self.n_decoded > BOMB_RATIO * self.n_sent:
            raise _BrokenError("warc.bomb")
        return piece


def _record(reader: _Reader, keep: int) -> Record:
    if not VERSION.fullmatch(reader.line(HEAD_BYTES_MAX)):
        raise _BrokenError("warc.damaged")
    headers = _headers(reader)
    lengths = [value for name, value in headers if name == "content-length"]
    if len(lengths) != 1 or not LENGTH.fullmatch(lengths[0]):
        raise _BrokenError("warc.damaged")
    n_bytes = int(lengths[0])
    return Record(reader.start, headers, reader.block(n_bytes, keep), n_bytes)


def _headers(reader: _Reader) -> tuple[tuple[str, str], ...]:
    """Named fields up to the empty line (section 4); a folded line is joined to its first."""
    lines: list[bytes] = []
    left = HEAD_BYTES_MAX
    while line := reader.line(left):
        left -= len(line) + 1
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] += b" " + line.strip(b" \t")
        elif len(lines) < HEAD_LINES_MAX:
            lines.append(line)
        else:
            raise _BrokenError("warc.damaged")
    found = [FIELD.fullmatch(line) for line in lines]
    pairs = [
        (f[1].decode("ascii").lower(), f[2].strip(b" \t").decode("utf-8", "replace"))
        for f in found
        if f
    ]
    if len(pairs) < len(lines):
        raise _BrokenError("warc.damaged")
    return tuple(pairs)
