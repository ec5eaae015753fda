"""WACZ 1.1.1: web archives in a zip file, with a list of what they must be and of their pages.

Archives are stored in the zip as they are (section "Zip Compression"), so each is a window of the
file and nothing is ever unpacked to a disk. Names are never paths of ours.
"""

import hashlib
import json
import os
import re
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

ENTRIES_MAX = 100_000
DIRECTORY_BYTES_MAX = 32 * 2**20  # of the zip file, which is read into memory
JSON_BYTES_MAX = 32 * 2**20
PAGES_MAX = 1_000_000
TITLE_MAX = 1_000
PIECE = 2**20
ARCHIVE = re.compile(r"archive/(?!\.)[^/\\\x00-\x1f\x7f!]{1,200}\.warc(?:\.gz)?")
PAGES = re.compile(r"pages/[^/\\\x00-\x1f\x7f]{1,200}\.jsonl")
LOCAL_HEADER = 30  # bytes of a zip entry's own header before its name
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, ValueError, RuntimeError,
    NotImplementedError, UnicodeDecodeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One archive in the zip file: `n_bytes` from `start` on; or `problem`, and they are 0."""

    name: str
    start: int
    n_bytes: int
    problem: str | None = None


@dataclass(frozen=True)
class Wacz:
    """The archives in the zip file by name, and the titles of its pages by URL.

    `problem` concerns the whole file: `wacz.damaged` no zip file, or not one of this kind;
    `wacz.digest` datapackage.json is not what datapackage-digest.json says. An archive has
    `wacz.digest` (as datapackage.json has it) or `wacz.crc` for wrong bytes, `wacz.compressed`,
    `wacz.encrypted`, `wacz.name_twice`.
    """

    archives: tuple[Entry, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


class Window:
    """`n_bytes` of a file from `start` on, as a file of its own that is only read."""

    def __init__(self, file: BinaryIO, start: int, n_bytes: int) -> None:
        self.file, self.start, self.n_bytes, self.at = file, start, n_bytes, 0

    def seek(self, offset: int) -> int:
        self.at = offset
        return offset

    def read(self, size: int) -> bytes:
        self.file.seek(self.start + self.at)
        data = self.file.read(max(0, min(size, self.n_bytes - self.at)))
        self.at += len(data)
        return data


class _Sparing:
    """A file for `zipfile`, which reads a directory at once, whatever its size."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        most = DIRECTORY_BYTES_MAX + 1
        data = self.file.read(most if size < 0 else min(size, most))
        if max(size, len(data)) > DIRECTORY_BYTES_MAX:
            raise zipfile.BadZipFile("more than is read at once")
        return data


def read_wacz(path: Path) -> Wacz:
    """What a WACZ file holds. Raises OSError."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(cast("BinaryIO", _Sparing(file))) as archive:
                return _read(file, archive)
        except _BROKEN:
            return Wacz(problem="wacz.damaged")


def _read(file: BinaryIO, archive: zipfile.ZipFile) -> Wacz:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    # Entries that lie over one another could make a small file very long to read.
    too_long = sum(info.compress_size for info in infos) > file.seek(0, os.SEEK_END)
    if too_long or len(infos) > ENTRIES_MAX or names.count("datapackage.json") > 1:
        return Wacz(problem="wacz.damaged")
    said: dict[str, str] = {}
    if "datapackage.json" in names:
        package = _small(archive, "datapackage.json")
        if "datapackage-digest.json" in names:
            seal = json.loads(_small(archive, "datapackage-digest.json"))
            if not isinstance(seal, dict) or seal.get("hash") != _sha256(package):
                return Wacz(problem="wacz.digest")
        said = _digests(json.loads(package))
    twice = {name for name, n in Counter(names).items() if n > 1}
    entries = []
    for info in sorted(infos, key=lambda info: info.filename):
        if ARCHIVE.fullmatch(info.filename):
            problem = "wacz.name_twice" if info.filename in twice else _problem(archive, info, said)
            start = 0 if problem else _start(file, info)
            entries.append(Entry(info.filename, start, 0 if problem else info.file_size, problem))
    titles: dict[str, str] = {}
    for name in sorted(set(filter(PAGES.fullmatch, names))):
        _pages(_small(archive, name), titles)
    return Wacz(tuple(entries), titles)


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    """One of the zip file's texts. Raises ValueError where it is larger than is read."""
    with archive.open(name) as file:
        data = file.read(JSON_BYTES_MAX + 1)
    if len(data) > JSON_BYTES_MAX:
        raise ValueError("larger than is read")
    return data


def _sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _digests(package: Any) -> dict[str, str]:  # noqa: ANN401
    """Path -> digest, as datapackage.json lists them. Raises ValueError."""
    resources = package.get("resources", []) if isinstance(package, dict) else None
    if not isinstance(resources, list):
        raise ValueError("no list of resources")  # noqa: TRY004 - of the file, not of an argument
    said: dict[str, str] = {}
    for resource in resources:
        path = resource.get("path") if isinstance(resource, dict) else None
        digest = resource.get("hash") if isinstance(resource, dict) else None
        if isinstance(path, str) and isinstance(digest, str):
            said[path] = digest.lower()
    return said


def _problem(archive: zipfile.ZipFile, info: zipfile.ZipInfo, said: dict[str, str]) -> str | None:
    """What is wrong with an archive; reads all of it."""
    if info.flag_bits & 1:
        return "wacz.encrypted"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "wacz.compressed"
    digest = hashlib.sha256()
    try:
        with archive.open(info) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except _BROKEN:
        return "wacz.crc"
    expected = said.get(info.filename)
    if expected is None or not expected.startswith("sha256:"):
        return None  # nothing that can be checked
    return None if expected == "sha256:" + digest.hexdigest() else "wacz.digest"


def _start(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry begin (APPNOTE.TXT section 4.3.7)."""
    file.seek(info.header_offset)
    header = file.read(LOCAL_HEADER)
    return (
        info.header_offset
        + LOCAL_HEADER
        + int.from_bytes(header[26:28], "little")
        + int.from_bytes(header[28:30], "little")
    )


def _pages(data: bytes, titles: dict[str, str]) -> None:
    """Add the pages of one list to the titles; a line that cannot be read is passed over."""
    for line in data.splitlines():
        try:
            page = json.loads(line)
        except (ValueError, RecursionError):
            continue
        url, title = (
            (page.get("url"), page.get("title")) if isinstance(page, dict) else (None, None)
        )
        if isinstance(url, str) and isinstance(title, str) and title.strip():
            if len(titles) >= PAGES_MAX:
                return
            titles.setdefault(url, title.strip()[:TITLE_MAX])
