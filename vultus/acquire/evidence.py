"""Our own fetches, kept as WARC records, sealed or plain (docs/formats/evidence.md)."""

import fcntl
import gzip
import hashlib
import io
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from vultus.acquire.fetch import Response
from vultus.acquire.warc_record import Damage, Record, records
from vultus.errors import IntegrityError, UnavailableError

FILE_BYTES_MAX = 256 * 2**20
NAME = re.compile(r"evidence-([0-9]{6})\.warc\.(gz|sealed)")
FRAME = 4 + 32  # length and digest
SEALED_MAX = 2**31 - 1
RESTATED = {"content-encoding", "transfer-encoding", "content-length"}


class RecordCipher(Protocol):
    """Seals the records of one file under a key of its own, as `vault.page.PageCipher` does."""

    def seal(self, page: int, plain: bytes) -> bytes:
        """Record number `page`, from 0, sealed; never asked for the same number again."""
        ...

    def unseal(self, page: int, sealed: bytes) -> bytes:
        """What was sealed as this record; IntegrityError for anything else."""
        ...


CipherOf = Callable[[str], RecordCipher]


@dataclass(frozen=True)
class Kept:
    """Where a response is: the file's name, the record's number in it from 0, its offset and length
    there; its record id, such as `urn:uuid:…`, and the digest of its block, `sha256:` and 64 hex
    digits."""

    file: str
    number: int
    offset: int
    n_bytes: int
    record_id: str
    digest: str


class EvidenceWriter:
    """Appends fetches to a file of its own in a folder; not to be shared among threads.

    Of each fetch all records are kept or none, and they are on disk when `append` returns.
    """

    def __init__(
        self,
        folder: Path,
        software: str,
        *,
        cipher_of: CipherOf | None = None,
        file_bytes_max: int = FILE_BYTES_MAX,
    ) -> None:
        """`cipher_of` makes and keeps the key of a new file, by its name; without it all is plain.

        What a crash left at the end of the last file is cut off. Raises UnavailableError
        `evidence.unwritable`.
        """
        self.folder, self.software = folder, software
        self.cipher_of, self.file_bytes_max = cipher_of, file_bytes_max
        self._file: BinaryIO | None = None
        self._name = ""
        self._size = self._n_records = 0  # of the file
        self._cipher: RecordCipher | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            names = _names(folder)
            if names:
                _cut_torn(folder / names[-1])
        except OSError as error:
            raise _unwritable(error) from error

    def append(self, response: Response, request: bytes | None = None) -> Kept:
        """Keep an answer, the redirects that led to it, and the bytes of the last request.

        Raises UnavailableError `evidence.unwritable`: then nothing of it is kept, and the next
        fetch begins a new file.
        """
        record_id = f"urn:uuid:{uuid.uuid4()}"
        block, fields = _answer(response)
        written = [_record("response", record_id, response.fetched_at, block, fields)]
        digest = _sha256(block)
        beside = {"WARC-Target-URI": response.final_url, "WARC-Concurrent-To": f"<{record_id}>"}
        if request is not None:
            fields = beside | {"Content-Type": "application/http; msgtype=request"}
            written.append(_record("request", None, response.fetched_at, request, fields))
        if len(response.hops) > 1:
            lines = "".join(f"hop: {hop.status} {hop.url}\r\n" for hop in response.hops)
            fields = beside | {"Content-Type": "application/warc-fields"}
            written.append(_record("metadata", None, response.fetched_at, lines.encode(), fields))
        try:
            if self._file is not None and self._size >= self.file_bytes_max:
                self.close()
            if self._file is None:
                self._begin()
            number, (offset, n_bytes) = self._n_records, self._write(written)
        except OSError as error:
            self._give_up()
            raise _unwritable(error) from error
        return Kept(self._name, number, offset, n_bytes, record_id, digest)

    def _begin(self) -> None:
        """Begin the next file that nobody else has."""
        names = _names(self.folder)
        number = int(NAME.fullmatch(names[-1])[1]) if names else 0  # type: ignore[index]
        while self._file is None:
            number += 1
            self._name = f"evidence-{number:06d}.warc.{'sealed' if self.cipher_of else 'gz'}"
            with suppress(FileExistsError):
                self._file = (self.folder / self._name).open("xb")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size = self._n_records = 0
        self._cipher = self.cipher_of(self._name) if self.cipher_of else None
        info = f"software: {self.software}\r\nformat: WARC File Format 1.1\r\n".encode()
        fields = {"WARC-Filename": self._name, "Content-Type": "application/warc-fields"}
        self._write([_record("warcinfo", None, datetime.now(UTC), info, fields)])
        _flush_folder(self.folder)

    def _write(self, written: list[bytes]) -> tuple[int, int]:
        """Put records at the end; returns offset and length of the first once all are on disk."""
        assert self._file is not None
        stored = []
        for n, one in enumerate(written):
            stored.append(self._stored(self._n_records + n, gzip.compress(one, mtime=0)))
        self._file.write(b"".join(stored))
        self._file.flush()
        os.fsync(self._file.fileno())
        offset = self._size
        self._size += sum(map(len, stored))
        self._n_records += len(stored)
        return offset, len(stored[0])

    def _stored(self, number: int, member: bytes) -> bytes:
        if self._cipher is None:
            return member
        sealed = self._cipher.seal(number, member)
        return len(sealed).to_bytes(4) + hashlib.sha256(sealed).digest() + sealed

    def _give_up(self) -> None:
        """Leave the file as it was before the last write; what cannot be is cut when reopened."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                os.ftruncate(file.fileno(), self._size)
                os.fsync(file.fileno())
            with suppress(OSError):
                file.close()  # it may try to write what it still holds

    def close(self) -> None:
        """End the file; the writer may still be used, and then begins another."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def __enter__(self) -> "EvidenceWriter":
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def read_evidence(folder: Path, kept: Kept, cipher: RecordCipher | None = None) -> Record:
    """The response that was kept there.

    Raises UnavailableError `evidence.gone`, IntegrityError `evidence.damaged`, and what the
    cipher raises; ValueError where a sealed file is given no cipher, or a plain one has one.
    """
    if not NAME.fullmatch(kept.file) or kept.offset < 0:
        raise _damaged(kept.file)
    if kept.file.endswith(".sealed") != (cipher is not None):
        raise ValueError("a cipher is expected for a sealed file, and for no other")
    try:
        with (folder / kept.file).open("rb") as file:
            file.seek(kept.offset)
            member = file.read(kept.n_bytes)
    except OSError as error:
        raise UnavailableError(
            "evidence.gone",
            f"The evidence file {kept.file} cannot be read.",
            "Bring it back from a copy of the home; its records are named by decisions.",
        ) from error
    if cipher is not None:
        ((_, n_bytes, sealed), *_) = [*_frames(io.BytesIO(member)), (0, 0, None)]
        if sealed is None or n_bytes != kept.n_bytes:
            raise _damaged(kept.file)
        member = cipher.unseal(kept.number, sealed)
    found = list(records(io.BytesIO(member), SEALED_MAX))
    if (
        len(found) == 1
        and isinstance(found[0], Record)
        and found[0].value("warc-record-id") == f"<{kept.record_id}>"
        and _sha256(found[0].block) == kept.digest
    ):
        return found[0]
    raise _damaged(kept.file)


def opened(path: Path, cipher: RecordCipher) -> Iterator[bytes]:
    """The records of a sealed file; put together they are the plain `.warc.gz` file.

    Raises OSError, IntegrityError `evidence.damaged`, and what the cipher raises.
    """
    with path.open("rb") as file:
        for number, (_, _, sealed) in enumerate(_frames(file)):
            if sealed is None:
                raise _damaged(path.name)
            yield cipher.unseal(number, sealed)


def _frames(file: BinaryIO) -> Iterator[tuple[int, int, bytes | None]]:
    """Offset, length and sealed bytes of each frame; None for the last where it is not whole."""
    size = file.seek(0, os.SEEK_END)
    offset = 0
    while offset < size:
        file.seek(offset)
        head = file.read(FRAME)
        n_sealed = int.from_bytes(head[:4])
        n_bytes = FRAME + n_sealed
        if len(head) < FRAME or not 0 < n_sealed <= SEALED_MAX or offset + n_bytes > size:
            yield offset, size - offset, None
            return
        sealed = file.read(n_sealed)
        is_whole = hashlib.sha256(sealed).digest() == head[4:]
        yield offset, n_bytes, sealed if is_whole else None
        offset += n_bytes


def _cut_torn(path: Path) -> None:
    """Cut off the last record of a file where it is not whole. Raises OSError."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # its writer is at work
        size = file.seek(0, os.SEEK_END)
        if path.name.endswith(".gz"):
            torn = [
                one.offset
                for one in records(file, 0)
                if isinstance(one, Damage) and one.code == "warc.truncated"
            ]
        else:
            torn = [at for at, n, sealed in _frames(file) if sealed is None and at + n == size]
        if torn:
            os.ftruncate(file.fileno(), torn[-1])
            os.fsync(file.fileno())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if NAME.fullmatch(path.name))


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _answer(response: Response) -> tuple[bytes, dict[str, str]]:
    """The block of a response, and the fields that only it has."""
    lines = [f"HTTP/1.1 {response.status} "]
    for name, value in response.headers:
        lines.append(f"{'x-crawl-' if name in RESTATED else ''}{name}: {value}")
    lines.append(f"content-length: {len(response.body)}")
    fields = {
        "WARC-Target-URI": response.final_url,
        "WARC-IP-Address": response.address,
        "WARC-Payload-Digest": _sha256(response.body),
        "Content-Type": "application/http; msgtype=response",
    }
    if response.truncated:
        fields["WARC-Truncated"] = "length"
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body, fields


def _record(
    kind: str, record_id: str | None, at: datetime, block: bytes, fields: dict[str, str]
) -> bytes:
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<{record_id or f'urn:uuid:{uuid.uuid4()}'}>",
        "WARC-Date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        **fields,
        "WARC-Block-Digest": _sha256(block),
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"WARC/1.1\r\n{head}\r\n".encode() + block + b"\r\n\r\n"


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _unwritable(error: OSError) -> UnavailableError:
    return UnavailableError(
        "evidence.unwritable",
        f"The evidence of a fetch could not be written: {error.strerror}.",
        "Make room or mend the folder, then fetch again; what was kept before is whole.",
    )


def _damaged(name: str) -> IntegrityError:
    return IntegrityError(
        "evidence.damaged",
        f"The evidence file {name} does not hold what was kept in it.",
        "Change nothing; compare it with a copy of the home.",
    )
