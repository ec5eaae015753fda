"""The export of a digital asset manager as a store: a file of records, and photos below its folder.

Records whose photo is at a URL and not in a file are told as `found`, for the fetch.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vultus.acquire.dam_mapping import DIRECTIVES, Mapping
from vultus.acquire.dam_rows import EXPORT_BYTES_MAX, Row, bad_row, rows
from vultus.acquire.folder import inside
from vultus.acquire.found import Beside, Found, Item
from vultus.acquire.store import Stored, gone
from vultus.acquire.url import parse_url
from vultus.errors import InputError, RefusedError, UnavailableError

UNUSABLE_PART = re.compile(r"[\x00-\x1f\x7f:]")
ISO_DATE = re.compile(
    r"([0-9]{4})(-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?", re.ASCII
)  # fmt: skip


@dataclass(frozen=True)
class Asset:
    """One record: its row and id, the file below the folder, the photo and what is beside it."""

    row: int
    asset_id: str
    file: str | None
    item: Item
    withdrawn: bool


class DamExport:
    """The photos of one export; read once, when it is made."""

    def __init__(self, export: Path, mapping: Mapping, *, bytes_max: int) -> None:
        """`bytes_max` bounds one photo (ValueError below 1).

        Raises InputError `dam.export`, `dam.row`, `dam.twice`; UnavailableError
        `source.unreachable`.
        """
        if bytes_max < 1:
            raise ValueError(f"a limit of 1 byte or more expected, got {bytes_max}")
        self.folder, self.bytes_max = export.parent, bytes_max
        try:
            with export.open("rb") as file:
                data = file.read(EXPORT_BYTES_MAX + 1)
        except OSError as error:
            raise _unreachable(error) from error
        self.assets = read_assets(data, export.name, mapping)
        self._files = {one.file for one in self.assets if one.file and not one.withdrawn}

    def list(self) -> Iterator[Stored]:
        """Every file of a record that was not withdrawn, in order of the names in UTF-8."""
        held = [one for one in self.assets if one.file in self._files and not one.withdrawn]
        for asset in sorted(held, key=lambda one: (one.file or "").encode()):
            assert asset.file is not None
            n_bytes, changed, problem = self._look(asset.file)
            digest = hashlib.sha256(repr(asset.item).encode()).hexdigest()[:16]
            yield Stored(asset.file, n_bytes, f"{changed}/{digest}", problem, asset.item)

    def found(self) -> Found:
        """The photos that are to be fetched, in the export's order, and all that was withdrawn.

        What is gone is told as its URL, or its file where it has none.
        """
        return Found(
            photos=tuple(one.item for one in self.assets if one.file is None and not one.withdrawn),
            gone=tuple(one.item.url for one in self.assets if one.withdrawn),
        )

    def open(self, place: str) -> bytes:
        """The file of a record that was not withdrawn.

        Raises UnavailableError `place.gone`, `source.unreachable`; RefusedError
        `photo.too_many_bytes`.
        """
        if place not in self._files:
            raise gone(place)
        if self._look(place)[2] is not None:
            raise gone(place)
        try:
            with (self.folder / place).open("rb") as file:
                data = file.read(self.bytes_max + 1)
        except OSError as error:
            raise _unreachable(error) from error
        if len(data) > self.bytes_max:
            raise RefusedError(
                "photo.too_many_bytes",
                f"The file is larger than {self.bytes_max} bytes.",
                "Raise photo_bytes_max if it is meant to be this large.",
            )
        return data

    def _look(self, place: str) -> tuple[int | None, str, str | None]:
        """Size, mark and problem of a file, without opening it."""
        path = self.folder / place
        root = os.path.realpath(os.fsencode(self.folder))
        if not inside(os.path.realpath(os.fsencode(path)), root):
            return None, "", "place.link_out_of_source"
        try:
            status = path.stat()
        except OSError:
            return None, "", "photo.unreadable"
        changed = f"{status.st_mtime_ns}/{status.st_ctime_ns}"
        if not stat.S_ISREG(status.st_mode):
            return None, changed, "place.not_a_file"
        return status.st_size, changed, None


def read_assets(data: bytes, name: str, mapping: Mapping) -> tuple[Asset, ...]:
    """The records of an export, in its order. Raises InputError as `DamExport` does."""
    seen: dict[tuple[str, str], int] = {}
    assets = []
    for number, row in rows(data, name, mapping):
        asset = _asset(number, row, mapping)
        url = None if asset.item.url == asset.file else asset.item.url
        for what, value in (("id", asset.asset_id), ("file", asset.file), ("url", url)):
            first = seen.setdefault((what, value), number) if value is not None else number
            if first != number:
                raise InputError(
                    "dam.twice",
                    f"The export cannot be used: rows {first} and {number} have the same {what}.",
                    "Every record has an id, a file and a URL of its own; mend the export.",
                )
        assets.append(asset)
    return tuple(assets)


def _asset(number: int, row: Row, mapping: Mapping) -> Asset:
    def text(name: str) -> str | None:
        path = mapping.columns.get(name)
        value = row[path] if path else None
        return value if isinstance(value, str) else None

    asset_id, written, url = text("id"), text("file"), text("url")
    if asset_id is None:
        raise bad_row(number, mapping.columns["id"], "it is empty")
    file = None if written is None else _file(number, written, mapping)
    if url is not None:
        try:
            url = parse_url(url).text
        except (InputError, RefusedError) as error:
            raise bad_row(number, mapping.columns["url"], "it is no URL of the web") from error
    place = url or file
    if place is None:
        paths = [mapping.columns[name] for name in ("file", "url") if name in mapping.columns]
        raise bad_row(number, paths[0], "it is empty, and no other column says where the photo is")
    withdrawn = any(
        isinstance(value := row[one.column], str) and value.casefold() in one.values
        for one in mapping.withdrawn
    )
    beside = Beside() if withdrawn else _beside(number, row, mapping)
    digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]
    item = Item(place, version=text("version") or digest, beside=beside)
    return Asset(number, asset_id, file, item, withdrawn)


def _file(number: int, written: str, mapping: Mapping) -> str:
    """The path of a file below the folder, with slashes."""
    parts = written.replace("\\", "/").split("/")
    if {"", ".", ".."} & set(parts) or any(UNUSABLE_PART.search(part) for part in parts):
        raise bad_row(number, mapping.columns["file"], "it is no path below the export's folder")
    return "/".join(parts)


def _beside(number: int, row: Row, mapping: Mapping) -> Beside:
    texts: dict[str, str] = {}
    for name in ("title", "caption", "credit", "licence", "language"):
        value = row[mapping.columns[name]] if name in mapping.columns else None
        if isinstance(value, str):
            texts[name] = value
    date = precision = None
    written = row[mapping.columns["date"]] if "date" in mapping.columns else None
    if isinstance(written, str):
        try:
            date, precision = date_of(written, mapping.date_format)
        except ValueError as error:
            raise bad_row(number, mapping.columns["date"], "it is no date as described") from error
    return Beside(
        **texts,
        caption_source=_source("caption", mapping) if "caption" in texts else None,
        date=date,
        date_precision=precision,
        date_source=_source("date", mapping) if date else None,
        persons=_persons(row, mapping),
    )


def _source(name: str, mapping: Mapping) -> str:
    return "dam:" + ".".join(mapping.columns[name])


def _persons(row: Row, mapping: Mapping) -> tuple[str, ...]:
    """The persons named, each once, in their order."""
    value = row[mapping.columns["persons"]] if "persons" in mapping.columns else None
    if value is None:
        return ()
    given = (value,) if isinstance(value, str) else value
    if mapping.separator is not None:
        given = tuple(part for one in given for part in one.split(mapping.separator))
    return tuple(dict.fromkeys(one.strip() for one in given if one.strip()))


def date_of(written: str, date_format: str | None) -> tuple[str, str]:
    """A date in ISO 8601 and its precision: year, month, day or second. Raises ValueError."""
    if date_format is None:
        found = ISO_DATE.fullmatch(written)
        if found is None:
            raise ValueError("not ISO 8601")
        length = len(written)
        at = datetime.fromisoformat(written + {4: "-01-01", 7: "-01"}.get(length, ""))
        precision = {4: "year", 7: "month", 10: "day"}.get(length, "second")
    else:
        at = datetime.strptime(written, date_format)  # noqa: DTZ007 - the zone may not be told
        told = set(DIRECTIVES.findall(date_format))
        precision = (
            "second" if told & {"H", "I"} else
            "day" if told & {"d", "j"} else
            "month" if told & {"m", "b", "B"} else "year"
        )  # fmt: skip
    if at.tzinfo is not None:
        at = at.astimezone(UTC)
    text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return text[: {"year": 4, "month": 7, "day": 10}.get(precision, 25)], precision


def _unreachable(error: OSError) -> UnavailableError:
    return UnavailableError(
        "source.unreachable",
        f"The export or one of its files cannot be read: {error.strerror}.",
        "Nothing was changed. Mount its folder or mend its permissions, then try again.",
    )
