"""The answer in a record of a web archive: its head, and its body decoded and bounded.

Archives hold what servers sent twenty years ago, and some writers keep headers that no longer fit
the body they stored. So a header that cannot be read is passed over, and a body that begins as a
photo does, or is not encoded as it says, is taken as it is.
"""

import base64
import binascii
import hashlib
import re
import zlib
from dataclasses import dataclass
from datetime import datetime

import brotli

from vultus.acquire.url import parse_url
from vultus.acquire.warc_record import HEAD_BYTES_MAX, HEAD_LINES_MAX, Record
from vultus.errors import InputError, RefusedError
from vultus.faces.photo import BEGINNINGS

STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])? +([1-5][0-9]{2})(?: .*)?", re.DOTALL)
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)", re.DOTALL)
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
HEAD_END = re.compile(rb"\r?\n\r?\n")
DIGESTS = {"sha1": 20, "sha256": 32, "sha512": 64, "md5": 16}
CODINGS_MAX = 2
DATE = re.compile(
    r"([0-9]{4})(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z)?)?)?", re.ASCII
)
PRECISIONS = {0: "year", 1: "month", 2: "day", 3: "second"}
UNTOLD_TYPES = {"", "application/octet-stream", "binary/octet-stream", "application/unknown"}


@dataclass(frozen=True)
class Answer:
    """Status and headers (names in lower case) of an HTTP answer, and its body as stored."""

    status: int
    headers: tuple[tuple[str, str], ...]
    stored: bytes

    def value(self, name: str) -> str:
        """All values of the header `name` (lower case), joined as RFC 9110 section 5.3 has it."""
        return ", ".join(value for other, value in self.headers if other == name)

    @property
    def media_type(self) -> str:
        return self.value("content-type").partition(";")[0].strip().lower()

    @property
    def encoded(self) -> bool:
        """Whether the body may be stored in another form than it has."""
        return bool(self.value("transfer-encoding") or self.value("content-encoding"))

    @property
    def unchunked(self) -> bytes:
        """The body without the framing of the connection that it came over."""
        if "chunked" in self.value("transfer-encoding").lower() and not is_photo(self.stored):
            found = dechunked(self.stored)
            return self.stored if found is None else found
        return self.stored

    def body(self, bytes_max: int) -> bytes | str:
        """The decoded body, or the code of why there is none.

        `photo.too_many_bytes` more than `bytes_max`, `warc.encoding` an encoding that is not
        read, or broken.
        """
        body = self.unchunked
        codings = [part.strip() for part in self.value("content-encoding").lower().split(",")]
        codings = [coding for coding in codings if coding not in {"", "identity"}]
        if is_photo(body):
            codings = []
        if len(codings) > CODINGS_MAX:
            return "warc.encoding"
        for coding in reversed(codings):
            found = decoded(coding, body, bytes_max)
            if isinstance(found, str):
                return found
            body = found
        return body if len(body) <= bytes_max else "photo.too_many_bytes"


def answer_of(record: Record) -> Answer | None:
    """The answer that a `response`, `resource` or `revisit` record holds; None where none is."""
    if record.value("warc-type") == "resource":
        media_type = record.value("content-type") or ""
        return Answer(200, (("content-type", media_type),), record.block)
    return read_answer(record.block)


def says_image(answer: Answer | None, record: Record) -> bool:
    """Whether the record is said to hold an image, or holds one of which nothing is said."""
    told = {record.value("warc-identified-payload-type") or "", answer.media_type if answer else ""}
    if any(media_type.lower().startswith("image/") for media_type in told):
        return not any("svg" in media_type.lower() for media_type in told)  # a drawing
    return answer is not None and answer.media_type in UNTOLD_TYPES and is_photo(answer.unchunked)


def problem_of(record: Record, answer: Answer | None) -> str | None:
    """The code of why the payload of a record is not to be used; None where nothing is wrong.

    `warc.truncated` its writer cut it, or left it in several records; `photo.too_many_bytes` it
    was not kept whole; `warc.digest`; `warc.http` the answer cannot be read.
    """
    if record.value("warc-truncated") or record.value("warc-segment-number"):
        return "warc.truncated"
    if not record.whole:
        return "photo.too_many_bytes"
    if wrong_digest(record, answer):
        return "warc.digest"
    if answer is None and record.value("warc-type") != "revisit":
        return "warc.http"
    return None


def payload_of(record: Record, bytes_max: int) -> bytes:
    """The decoded payload of a record, once everything about it is right.

    Raises RefusedError with a code of `problem_of` or `Answer.body`.
    """
    answer = answer_of(record)
    problem = problem_of(record, answer)
    body: bytes | str = problem or (answer.body(bytes_max) if answer else "warc.http")
    if isinstance(body, str):
        raise RefusedError(
            body,
            "The record of the archive cannot be used.",
            "Its code says why; another copy of the archive may have it whole.",
        )
    return body


def url_of(written: str | None) -> str | None:
    """The one spelling of a URL in a record; None for none, or one that is not read."""
    try:
        return parse_url((written or "").removeprefix("<").removesuffix(">")).text
    except (InputError, RefusedError):
        return None


def date_of(written: str | None) -> tuple[str | None, str | None]:
    """A WARC-Date (WARC 1.1 section 5.4) and its precision; fractions of a second are dropped."""
    found = DATE.fullmatch(written or "")
    if found is None:
        return None, None
    text = re.sub(r"\.[0-9]+", "", found[0])
    try:
        datetime.fromisoformat({4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text))
    except ValueError:
        return None, None
    return text, PRECISIONS[sum(part is not None for part in found.groups()[1:])]


def read_answer(block: bytes) -> Answer | None:
    """The HTTP answer in the block of a `response` record; None where it is none."""
    end = HEAD_END.search(block, 0, HEAD_BYTES_MAX)
    lines = (block[: end.start()] if end else block[:HEAD_BYTES_MAX]).split(b"\n")
    status = STATUS.fullmatch(lines[0].rstrip(b"\r"))
    if status is None:
        return None
    return Answer(int(status[1]), fields(lines[1:]), block[end.end() :] if end else b"")


def fields(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    """Header lines that can be read, names in lower case, values as Latin-1."""
    found = (FIELD.fullmatch(line.rstrip(b"\r")) for line in lines[:HEAD_LINES_MAX])
    return tuple(
        (f[1].decode("ascii").lower(), f[2].strip(b" \t").decode("latin-1")) for f in found if f
    )


def is_photo(data: bytes) -> bool:
    """Whether data begins as a photo of a kind that is read does."""
    return data.startswith(BEGINNINGS) or data[4:8] == b"ftyp"


def dechunked(data: bytes) -> bytes | None:
    """A chunked body (RFC 9112 section 7.1) put together; None where it is not chunked."""
    body, at = bytearray(), 0
    while True:
        size = CHUNK.match(data, at)
        if size is None:
            return None
        length = int(size[1], 16)
        at = size.end()
        if length == 0:
            return bytes(body)
        if at + length > len(data):
            return None
        body += data[at : at + length]
        at += length
        at += 2 if data[at : at + 2] == b"\r\n" else data[at : at + 1] == b"\n"


def decoded(coding: str, data: bytes, bytes_max: int) -> bytes | str:
    """`data` without one content coding (RFC 9110 section 8.4.1), or a code as in `body`."""
    try:
        if coding in {"gzip", "x-gzip"}:
            return (
                inflated(data, 16 + zlib.MAX_WBITS, bytes_max) if data[:2] == b"\x1f\x8b" else data
            )
        if coding == "deflate":  # some servers leave out the wrapper that the RFC asks for
            is_zlib = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2]) % 31 == 0
            return inflated(data, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, bytes_max)
        if coding == "br":
            return unbrotlied(data, bytes_max)
    except (zlib.error, brotli.error):
        pass
    return "warc.encoding"


def inflated(data: bytes, wbits: int, bytes_max: int) -> bytes | str:
    """Deflated data in one form, of several members where it is gzip. Raises zlib.error."""
    body = bytearray()
    while data:
        reader = zlib.decompressobj(wbits)
        body += reader.decompress(data, bytes_max + 1 - len(body))
        if len(body) > bytes_max:
            return "photo.too_many_bytes"
        if not reader.eof:
            return "warc.encoding"
        data = reader.unused_data if wbits > zlib.MAX_WBITS else b""
        if data[:2] != b"\x1f\x8b":
            break
    return bytes(body)


def unbrotlied(data: bytes, bytes_max: int) -> bytes | str:
    """Brotli data (RFC 7932). Raises brotli.error."""
    reader = brotli.Decompressor()
    body = bytearray(reader.process(data, output_buffer_limit=bytes_max + 1))
    while not reader.is_finished() and len(body) <= bytes_max:
        piece = reader.process(b"", output_buffer_limit=bytes_max + 1 - len(body))
        if not piece:
            return "warc.encoding"  # it ends early
        body += piece
    return "photo.too_many_bytes" if len(body) > bytes_max else bytes(body)


def wrong_digest(record: Record, answer: Answer | None) -> bool:
    """Whether a digest that the record gives (WARC 1.1 section 5.8, 5.9) is not that of its bytes.

    Writers differ on whether the framing of the connection is part of the payload, so both are
    taken. A digest by another algorithm tells nothing. The record must be whole.
    """
    payloads = [record.block] if answer is None else [answer.stored, answer.unchunked]
    payload = record.value("warc-payload-digest")
    if record.value("warc-type") == "revisit":
        payload = None  # it is that of the record which this one refers to
    return not (
        agrees(record.value("warc-block-digest"), [record.block]) and agrees(payload, payloads)
    )


def agrees(label: str | None, candidates: list[bytes]) -> bool:
    """Whether `label`, an algorithm, a colon and a value in base 32 or hex, is right for one."""
    algorithm, _, value = (label or "").partition(":")
    algorithm = algorithm.strip().lower().replace("-", "")
    if algorithm not in DIGESTS:
        return True
    digest = digest_of(value.strip(), DIGESTS[algorithm])
    return any(hashlib.new(algorithm, data).digest() == digest for data in candidates)


def digest_of(value: str, n_bytes: int) -> bytes | None:
    """The digest that is written here; None where it is none of that size."""
    try:
        if len(value) == 2 * n_bytes:
            return bytes.fromhex(value)
        digest = base64.b32decode(value.upper() + "=" * (-len(value) % 8))
    except (ValueError, binascii.Error):
        return None
    return digest if len(digest) == n_bytes else None
