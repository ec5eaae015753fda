"""One request and its response over an open connection, strict and bounded (RFC 9112).

Everything that a server sends is limited: in time by one deadline, the head by lines and bytes,
the body in bytes as sent and as decoded. What can be read in two ways is an error.
"""

import re
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vultus.errors import RefusedError, UnavailableError

HEAD_BYTES_MAX = 64 * 2**10  # with interim responses and trailers
HEAD_LINES_MAX = 200
CHUNK_LINE_MAX = 128  # a size and its extensions, which nobody uses
PIECE = 16 * 2**10
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r")
LENGTH = re.compile(r"[0-9]{1,18}")


class Deadline:
    """The one moment at which a fetch ends, whatever it is doing."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, more than 0. Raises UnavailableError `fetch.timeout`."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> UnavailableError:
        return UnavailableError(
            "fetch.timeout",
            f"The answer was not complete after {self.seconds:g} seconds.",
            "Try later; a server that is slow every time needs a longer limit.",
        )


@contextmanager
def said(deadline: Deadline) -> Iterator[None]:
    """The network's errors as ours: `fetch.timeout`, `fetch.tls`, `fetch.connection`."""
    try:
        yield
    except TimeoutError:
        raise deadline.passed() from None
    except ssl.SSLError as error:
        what = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
        raise UnavailableError(
            "fetch.tls",
            f"There is no secure connection: {what or error.reason or 'it was cut'}.",
            "Nothing is fetched around a broken certificate or old TLS; the site must mend it.",
        ) from error
    except OSError as error:
        raise UnavailableError(
            "fetch.connection",
            f"The connection failed: {error.strerror or 'refused or cut'}.",
            "Try later.",
        ) from error


class Connection:
    """The bytes of an open socket, read and written before the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        self.unread = bytearray()
        self.head_left = HEAD_BYTES_MAX

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        with said(self.deadline):
            self.sock.settimeout(self.deadline.left())
            self.sock.sendall(data)

    def receive(self) -> bool:
        """Wait for more; false when the other side has ended."""
        with said(self.deadline):
            self.sock.settimeout(self.deadline.left())
            data = self.sock.recv(PIECE)
        self.unread += data
        return bool(data)

    def line(self, most: int) -> bytes:
        """The next line without its newline, of `most` bytes at most with it."""
        searched = 0
        while (end := self.unread.find(b"\n", searched, most)) < 0:
            searched = len(self.unread)
            if searched >= most:
                raise malformed("its head or one of its lines is too long")
            if not self.receive():
                raise malformed("it ends early" if self.unread else "there is none")
        line = bytes(self.unread[:end])
        del self.unread[: end + 1]
        return line

    def head_line(self) -> bytes:
        """The next line of a head or trailer; all of them share one bound.

        It may end in a newline alone (RFC 9112 section 2.2); the lines of chunks may not, since
        there a byte more or less is what smuggling is made of.
        """
        line = self.line(self.head_left)
        self.head_left -= len(line) + 1
        return line.removesuffix(b"\r")

    def piece(self, most: int) -> bytes:
        """Between 1 and `most` bytes; none at the end."""
        if not self.unread:
            self.receive()
        data = bytes(self.unread[: min(most, PIECE)])
        del self.unread[: len(data)]
        return data


@dataclass(frozen=True)
class Head:
    """Status and headers: names in lower case, values as Latin-1, in the order sent."""

    minor: int  # of HTTP/1.x
    status: int
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """All values of the header `name` (lower case)."""
        return [value for other, value in self.headers if other == name]


def read_head(connection: Connection) -> Head:
    """The head of the final response; interim ones (1xx) are passed over.

    Raises UnavailableError `fetch.response`, `fetch.timeout`, `fetch.connection`, `fetch.tls`.
    """
    while True:
        found = STATUS_LINE.fullmatch(connection.head_line())
        if found is None:
            raise malformed("it is not HTTP/1.0 or HTTP/1.1")
        head = Head(int(found[1]), int(found[2]), tuple(read_headers(connection)))
        if head.status == 101:
            raise malformed("it changes the protocol, unasked")
        if head.status >= 200:
            return head


def read_headers(connection: Connection) -> list[tuple[str, str]]:
    """Header lines up to the empty one. A folded line (RFC 9112 section 5.2) is joined."""
    lines: list[bytes] = []
    while line := connection.head_line():
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] = lines[-1].rstrip(b" \t") + b" " + line.strip(b" \t")
        elif len(lines) < HEAD_LINES_MAX:
            lines.append(line)
        else:
            raise malformed(f"it has more than {HEAD_LINES_MAX} headers")
    found = [HEADER.fullmatch(line) for line in lines]
    pairs = [
        (f[1].decode("ascii").lower(), f[2].strip(b" \t").decode("latin-1")) for f in found if f
    ]
    if len(pairs) < len(lines):
        raise malformed("a header cannot be read")
    return pairs


def read_body(connection: Connection, head: Head, bytes_max: int) -> tuple[bytes, bool]:
    """The decoded body, and whether it was cut off.

    It is cut off where more than `bytes_max` bytes were sent or decoded, whichever comes first.
    Raises RefusedError `fetch.encoding` for an encoding that was not asked for, UnavailableError
    `fetch.response` when body and head disagree or gzip is broken, and as `read_head` does.
    """
    if head.status in {204, 304}:
        return b"", False
    encoding = ", ".join(head.values("content-encoding")).lower()
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise RefusedError(
            "fetch.encoding",
            "The body is encoded in a way that was not asked for.",
            "Only gzip is read. The site must heed Accept-Encoding.",
        )
    sent = Bounded(sent_pieces(connection, head), bytes_max)
    pieces = gunzipped(sent) if encoding.endswith("gzip") else iter(sent)
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > bytes_max:
            return bytes(body[:bytes_max]), True
    return bytes(body), sent.cut


class Bounded:
    """Pieces up to `bytes_max` bytes in all; `cut` tells afterwards whether there were more."""

    def __init__(self, pieces: Iterator[bytes], bytes_max: int) -> None:
        self.pieces = pieces
        self.left = bytes_max
        self.cut = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.cut = len(piece) > self.left
            yield piece[: self.left]
            self.left -= len(piece)
            if self.cut:
                return


def sent_pieces(connection: Connection, head: Head) -> Iterator[bytes]:
    """The body as sent, by its framing (RFC 9112 section 6.3)."""
    codings, lengths = head.values("transfer-encoding"), head.values("content-length")
    if codings:
        if lengths or head.minor == 0 or [c.lower() for c in codings] != ["chunked"]:
            raise malformed("its length is given in two ways or in an unknown one")
        yield from chunks(connection)
    elif lengths:
        given = {part.strip(" \t") for value in lengths for part in value.split(",")}
        length = given.pop()
        if given or not LENGTH.fullmatch(length):
            raise malformed("its Content-Length cannot be read")
        yield from exactly(connection, int(length))
    else:
        while piece := connection.piece(PIECE):
            yield piece


def exactly(connection: Connection, length: int) -> Iterator[bytes]:
    """The next `length` bytes."""
    while length:
        piece = connection.piece(length)
        if not piece:
            raise malformed("its body is shorter than it says")
        length -= len(piece)
        yield piece


def chunks(connection: Connection) -> Iterator[bytes]:
    """A chunked body (RFC 9112 section 7.1); trailers are read and dropped."""
    while True:
        found = CHUNK_SIZE.fullmatch(connection.line(CHUNK_LINE_MAX))
        if found is None:
            raise malformed("the size of a chunk cannot be read")
        size = int(found[1], 16)
        if size == 0:
            read_headers(connection)
            return
        yield from exactly(connection, size)
        if connection.line(2) != b"\r":
            raise malformed("a chunk is longer than it says")


def gunzipped(sent: Bounded) -> Iterator[bytes]:
    """The body decoded, some bytes at a time: nothing grows beyond what is taken.

    A gzip stream may have several members (RFC 1952 section 2.2). Where `sent` was cut off the
    last one may be incomplete; otherwise that is an error. No bytes at all decode to none.
    """
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    begun = False
    try:
        for piece in sent:
            begun = True
            while piece:
                if reader.eof:
                    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
                yield reader.decompress(piece, PIECE)
                piece = reader.unconsumed_tail or reader.unused_data  # noqa: PLW2901
    except zlib.error as error:
        raise malformed("its gzip stream is broken") from error
    if begun and not reader.eof and not sent.cut:
        raise malformed("its gzip stream ends early")


def malformed(what: str) -> UnavailableError:
    return UnavailableError(
        "fetch.response",
        f"The answer cannot be used: {what}.",
        "Nothing of it was kept. Try later; if it stays, the site must mend it.",
    )
