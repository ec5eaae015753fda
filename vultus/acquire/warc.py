"""Web archives as a store: the photos in WARC 1.0/1.1 and WACZ 1.1.1 files.

One file, or every `.warc`, `.warc.gz` and `.wacz` file below a folder, is one set. A place is
FILE!OFFSET, in a WACZ file FILE!archive/NAME!OFFSET. Listed are responses with status 200 and
resources that hold an image, and revisits of them, wherever in the set the original is.

Where the page that shows a photo is not told by the request's Referer, the pages themselves tell:
`documents` gives them to whoever reads pages.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from vultus.acquire.folder import list_folder
from vultus.acquire.found import Beside, Item
from vultus.acquire.recorded import (
    answer_of,
    date_of,
    fields,
    payload_of,
    problem_of,
    says_image,
    url_of,
)
from vultus.acquire.store import Stored, gone
from vultus.acquire.wacz import Window, read_wacz
from vultus.acquire.warc_record import HEAD_BYTES_MAX, Damage, Record, records
from vultus.errors import UnavailableError

ENDINGS = (".warc", ".warc.gz", ".wacz", ".warc.zst")
PAGE_TYPES = {"text/html", "application/xhtml+xml"}


@dataclass(frozen=True)
class Document:
    """A page in the archive: its URL, the headers of its answer, its body, and when it was seen."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    date: str | None


@dataclass(frozen=True)
class _Volume:
    """One WARC file: `n_bytes` (None: to its end) of the file at `path` from `start` on."""

    path: Path
    start: int = 0
    n_bytes: int | None = None
    changed: str = ""
    problem: str | None = None


@dataclass(frozen=True)
class _Sighted:
    """A record of a photo, or a revisit of what may be one, as it is before others are read.

    `ids` are its own and that of the record it belongs with; `payload` is the digest of its
    payload as written; `seen` its URL and date as written. A revisit has the id, URL and date of
    its original, as far as they are told.
    """

    stored: Stored
    is_image: bool
    ids: tuple[str | None, str | None]
    payload: str | None
    seen: tuple[str | None, str | None]
    original: tuple[str | None, tuple[str | None, str | None]] | None


class WebArchive:
    """The photos of one set of web archives. Nothing is written, nothing is unpacked."""

    def __init__(self, root: Path, *, bytes_max: int) -> None:
        """`bytes_max` bounds one photo or page, as stored and as decoded."""
        if bytes_max < 1:
            raise ValueError(f"a limit of 1 byte or more expected, got {bytes_max}")
        self.root, self.bytes_max = root, bytes_max
        self._volumes: dict[str, _Volume] = {}
        self._titles: dict[str, str] = {}
        self._originals: dict[str, Stored] = {}  # of revisits, by place

    def list(self) -> Iterator[Stored]:
        """Every photo, by file name and offset; then what is wrong with a file, at its offset.

        Raises UnavailableError `source.unreachable`.
        """
        self._look()
        referers: dict[str, str] = {}
        listed: list[Stored | _Sighted] = []
        for name, volume in self._volumes.items():
            if volume.problem:
                listed.append(_wrong(name, volume.changed, volume.problem))
                continue
            for record in self._records(volume, self.bytes_max + HEAD_BYTES_MAX):
                place = f"{name}!{record.offset}"
                if isinstance(record, Damage):
                    listed.append(_wrong(place, volume.changed, record.code))
                elif record.value("warc-type") == "request":
                    _note_referer(record, referers)
                elif (sighted := _sighted(place, record)) is not None:
                    listed.append(sighted)
        self._originals = _originals([one for one in listed if isinstance(one, _Sighted)])
        for one in listed:
            if isinstance(one, Stored):
                yield one
            elif (stored := self._told(one, referers)) is not None:
                yield stored

    def open(self, place: str) -> bytes:
        """The photo at a place, decoded; its digests are looked at again.

        Raises UnavailableError `place.gone`, `source.unreachable`; RefusedError with the code of
        the problem: `photo.too_many_bytes`, `warc.digest`, `warc.encoding`, `warc.http`.
        """
        if not self._volumes:
            self._look()
        name, _, offset = place.rpartition("!")
        volume = self._volumes.get(name)
        if volume is None or volume.problem or not re.fullmatch("[0-9]{1,15}", offset):
            raise gone(place)
        record = next(self._records(volume, self.bytes_max + HEAD_BYTES_MAX, int(offset)), None)
        if not isinstance(record, Record):
            raise gone(place)
        if record.value("warc-type") == "revisit":
            if place not in self._originals:
                for _ in self.list():
                    pass
            if place not in self._originals:
                raise gone(place)
            return self.open(self._originals[place].place)
        return payload_of(record, self.bytes_max)

    def documents(self) -> Iterator[Document]:
        """The pages that answered 200, in the order of the archives.

        Those are passed over that are larger than is read, damaged, or at no usable URL. Raises
        UnavailableError `source.unreachable`.
        """
        self._look()
        for volume in self._volumes.values():
            if volume.problem:
                continue
            for record in self._records(volume, self.bytes_max + HEAD_BYTES_MAX):
                if isinstance(record, Record) and (document := self._document(record)):
                    yield document

    def _document(self, record: Record) -> Document | None:
        kind, url = record.value("warc-type"), url_of(record.value("warc-target-uri"))
        answer = answer_of(record)
        if kind not in {"response", "resource"} or url is None or answer is None:
            return None
        if answer.status != 200 or answer.media_type not in PAGE_TYPES:
            return None
        if problem_of(record, answer):
            return None
        body = answer.body(self.bytes_max)
        date = date_of(record.value("warc-date"))[0]
        return None if isinstance(body, str) else Document(url, answer.headers, body, date)

    def _look(self) -> None:
        """See which files there are, and what the WACZ files among them hold."""
        self._volumes, self._titles = {}, {}
        for name, path, changed, problem in _files(self.root):
            if problem or name.endswith(".warc.zst"):
                self._volumes[name] = _Volume(path, changed=changed, problem=problem or "warc.zstd")
            elif not name.endswith(".wacz"):
                self._volumes[name] = _Volume(path, changed=changed)
            else:
                with _reachable(self.root):
                    wacz = read_wacz(path)
                if wacz.problem:
                    self._volumes[name] = _Volume(path, changed=changed, problem=wacz.problem)
                for entry in wacz.archives:
                    self._volumes[f"{name}!{entry.name}"] = _Volume(
                        path, entry.start, entry.n_bytes, changed, entry.problem
                    )
                for url, title in wacz.titles.items():
                    if (page := url_of(url)) is not None:
                        self._titles.setdefault(page, title)

    def _records(self, volume: _Volume, keep: int, offset: int = 0) -> Iterator[Record | Damage]:
        with _reachable(self.root), volume.path.open("rb") as file:
            part: BinaryIO = file
            if volume.n_bytes is not None:
                part = cast("BinaryIO", Window(file, volume.start, volume.n_bytes))
            yield from records(part, keep, offset)

    def _told(self, one: _Sighted, referers: dict[str, str]) -> Stored | None:
        """The place with what other records tell; None for a revisit of what is no photo."""
        stored = one.stored
        if one.original is not None:
            original = self._originals.get(stored.place)
            if original is None and not one.is_image:
                return None
            problem = original.problem if original else "warc.original_gone"
            n_bytes = original.n_bytes if original else None
            stored = replace(stored, n_bytes=n_bytes, problem=stored.problem or problem)
        page = next((referers[i] for i in one.ids if i in referers), None)
        if page is None:
            return stored
        beside = replace(stored.item.beside, title=self._titles.get(page))
        return replace(stored, item=replace(stored.item, page_url=page, beside=beside))


def _sighted(place: str, record: Record) -> _Sighted | None:
    """What one record tells of a photo; None where it holds none.

    Whether a revisit is one of a photo may only be known once its original is found.
    """
    kind = record.value("warc-type")
    if kind not in {"response", "resource", "revisit"}:
        return None
    answer = answer_of(record)
    # A revisit may stand for the answer that nothing has changed.
    if answer is not None and answer.status != 200 and (kind, answer.status) != ("revisit", 304):
        return None
    is_image = says_image(answer, record)
    if kind != "revisit" and not is_image:
        return None
    url = url_of(record.value("warc-target-uri"))
    date, precision = date_of(record.value("warc-date"))
    problem = problem_of(record, answer) or (None if url else "warc.url")
    known = answer is not None and record.whole and not answer.encoded and kind != "revisit"
    changed = hashlib.sha256(repr(record.headers).encode("utf-8", "replace")).hexdigest()[:32]
    source = "warc:date" if date else None
    beside = Beside(date=date, date_precision=precision, date_source=source)
    n_bytes = len(answer.stored) if known and answer else None
    seen_before = (record.value("warc-refers-to-target-uri"), record.value("warc-refers-to-date"))
    return _Sighted(
        Stored(place, n_bytes, changed, problem, Item(url or place, beside=beside)),
        is_image,
        (record.value("warc-record-id"), record.value("warc-concurrent-to")),
        record.value("warc-payload-digest"),
        (record.value("warc-target-uri"), record.value("warc-date")),
        (record.value("warc-refers-to"), seen_before) if kind == "revisit" else None,
    )


def _originals(sighted: list[_Sighted]) -> dict[str, Stored]:
    """The original of each revisit, by its place: by id, by URL and date, or by digest.

    One whose payload has another digest than the revisit says is not the original.
    """
    photos = [one for one in reversed(sighted) if one.original is None]  # the first one counts
    by_id = {one.ids[0]: one for one in photos}
    by_seen = {one.seen: one for one in photos}
    by_payload = {one.payload: one for one in photos}
    for unknown in (by_id, by_payload):
        unknown.pop(None, None)
    by_seen.pop((None, None), None)
    found = {}
    for one in sighted:
        if one.original is not None:
            record_id, seen = one.original
            for other in (by_id.get(record_id), by_seen.get(seen), by_payload.get(one.payload)):
                if other and (one.payload is None or other.payload in {None, one.payload}):
                    found[one.stored.place] = other.stored
                    break
    return found


def _note_referer(record: Record, referers: dict[str, str]) -> None:
    """Keep the page that a request named, for the answer that belongs with it."""
    head = record.block[:HEAD_BYTES_MAX].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    named = [value for name, value in fields(head.split(b"\n")[1:]) if name == "referer"]
    page = url_of(named[0]) if len(named) == 1 else None
    if page is not None:
        for key in ("warc-record-id", "warc-concurrent-to"):
            if (value := record.value(key)) is not None:
                referers.setdefault(value, page)


def _wrong(place: str, changed: str, code: str) -> Stored:
    return Stored(place, None, changed, code, Item(place))


def _files(root: Path) -> Iterator[tuple[str, Path, str, str | None]]:
    """Name, path, mark and problem of each archive, in order of the names.

    Raises UnavailableError `source.unreachable`.
    """
    if root.is_file():
        with _reachable(root):
            status = root.stat()
        yield root.name, root, f"{status.st_mtime_ns}/{status.st_ctime_ns}", None
        return
    for place in list_folder(root).places:
        if place.file_name.lower().endswith(ENDINGS):
            is_text = place.text == place.file_name and "!" not in place.text
            problem = place.problem or (None if is_text else "place.name")
            yield place.text, root / place.file_name, place.changed, problem


@contextlib.contextmanager
def _reachable(root: Path) -> Iterator[None]:
    """The disk's errors as ours."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            "source.unreachable",
            f"The archives at {root} cannot be read: {error.strerror}.",
            "Nothing was changed. Mount the disk again or mend its permissions.",
        ) from error
