"""The records of an export, CSV or JSON, as texts by column (docs/formats/dam-mapping.md)."""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from vultus.acquire.dam_mapping import DELIMITERS, Mapping, Path_
from vultus.errors import InputError

EXPORT_BYTES_MAX = 512 * 2**20
RECORDS_MAX = 2_000_000
VALUE_MAX = 10_000  # characters
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
Value = str | tuple[str, ...] | None  # a tuple for a list in JSON
Row = dict[Path_, Value]


def rows(data: bytes, name: str, mapping: Mapping) -> Iterator[tuple[int, Row]]:
    """Row number and values, stripped, None for an empty one, of every record of an export.

    `name` is the file's, whose ending says its kind where the mapping does not. Raises InputError
    `dam.export`, `dam.row`.
    """
    kind = mapping.kind or {"csv": "csv", "tsv": "csv", "txt": "csv", "json": "json",
                            "jsonl": "jsonl", "ndjson": "jsonl"}.get(
        name.rpartition(".")[2].lower()
    )  # fmt: skip
    if kind is None:
        raise unreadable("its name does not tell its kind", "Name it in the mapping: kind.")
    if len(data) > EXPORT_BYTES_MAX:
        raise unreadable(f"it is larger than {EXPORT_BYTES_MAX} bytes", "Export it in parts.")
    found = {"csv": _csv_rows, "json": _json_rows, "jsonl": _line_rows}[kind](data, mapping)
    for n, (number, row) in enumerate(found):
        if n >= RECORDS_MAX:
            raise unreadable(f"it has more than {RECORDS_MAX} records", "Export it in parts.")
        yield number, row


def decoded(data: bytes, encoding: str | None) -> str:
    """The text of a CSV, by the rule of dam-mapping.md. Raises InputError `dam.export`."""
    marked = next((name for bom, name in BOMS if data.startswith(bom)), None)
    for name in (marked or encoding,) if marked or encoding else ("utf-8", "windows-1252"):
        try:
            text = data.decode(name or "")
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise unreadable(
        "its encoding cannot be told, or is not what is said",
        "Export it as UTF-8, or name its encoding in the mapping.",
    )


def delimiter_of(first: str, mapping: Mapping) -> str:
    """The delimiter of a CSV, from its first line. Raises InputError `dam.export`."""
    if mapping.delimiter:
        return mapping.delimiter
    needed = {path[0] for path in mapping.named}
    sizes = {}
    for delimiter in DELIMITERS:
        try:
            header = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except csv.Error:
            continue
        if needed <= {column.strip() for column in header}:
            sizes[delimiter] = len(header)
    best = [one for one, size in sizes.items() if size == max(sizes.values())]
    if len(best) != 1:
        raise unreadable(
            "its first line does not hold the columns of the mapping with one delimiter alone",
            "Compare the names in the mapping with those in the file, or name the delimiter.",
        )
    return best[0]


def _csv_rows(data: bytes, mapping: Mapping) -> Iterator[tuple[int, Row]]:
    if any(len(path) > 1 for path in mapping.named):
        raise unreadable("a column of a CSV is named by a list of keys", "Name it by a text.")
    text = decoded(data, mapping.encoding)
    header_line = text.partition("\n")[0].rstrip("\r")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter_of(header_line, mapping), strict=True
    )
    number = 0
    header: list[str] = []
    try:
        for number, record in enumerate(reader, 1):
            if number == 1:
                header = [column.strip() for column in record]
                _check_header(header, mapping)
            elif record:
                if len(record) != len(header):
                    raise bad_row(number, None, f"it has {len(record)} fields of {len(header)}")
                at = {path: record[header.index(path[0])] for path in mapping.named}
                yield number, {path: text_of(value, number, path) for path, value in at.items()}
    except csv.Error as error:
        raise bad_row(number + 1, None, "its quotes are broken, or a field is too long") from error
    if not header:
        raise unreadable("it is empty", "Export it again.")


def _check_header(header: list[str], mapping: Mapping) -> None:
    for path in sorted(mapping.named):
        if header.count(path[0]) != 1:
            raise unreadable(
                f"the column {path[0]!r} is not there once", "Look at the names in the mapping."
            )


def _json_rows(data: bytes, mapping: Mapping) -> Iterator[tuple[int, Row]]:
    found = _parsed(data, None)
    for key in mapping.records:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise unreadable("it is no list of records", "Say where the list is: records.")
    for number, record in enumerate(found, 1):
        yield number, _json_row(record, number, mapping)


def _line_rows(data: bytes, mapping: Mapping) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if line.strip():
            yield number, _json_row(_parsed(line, number), number, mapping)


def _parsed(data: bytes, number: int | None) -> Any:  # noqa: ANN401
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if number is not None:
            raise bad_row(number, None, "it is no JSON in UTF-8, or a key comes twice") from error
        raise unreadable(
            "it is no JSON in UTF-8, or a key comes twice", "Export it again."
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that comes twice has no meaning."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _json_row(record: Any, number: int, mapping: Mapping) -> Row:  # noqa: ANN401
    if not isinstance(record, dict):
        raise bad_row(number, None, "it is no JSON object")
    row: Row = {}
    for path in mapping.named:
        value: Any = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, list) and path == mapping.columns.get("persons"):
            texts = (text_of(one, number, path) for one in value)
            row[path] = tuple(text for text in texts if text)
        else:
            row[path] = text_of(value, number, path)
    return row


def text_of(value: Any, number: int, path: Path_) -> str | None:  # noqa: ANN401
    """One value as stripped text; None for an empty one. Raises InputError `dam.row`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 10**18:
        return str(value)
    if not isinstance(value, str):
        raise bad_row(number, path, "it is neither a text nor a whole number")
    if len(value) > VALUE_MAX:
        raise bad_row(number, path, f"it is longer than {VALUE_MAX} characters")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise bad_row(number, path, "it holds half a character") from error
    return value.strip() or None


def bad_row(number: int, path: Path_ | None, what: str) -> InputError:
    """A record that cannot be used, by its row and column."""
    where = f"row {number}" + (f", column {'.'.join(path)!r}" if path else "")
    return InputError(
        "dam.row",
        f"The export cannot be used: {where}: {what}.",
        "Mend the record, then try again.",
    )


def unreadable(what: str, hint: str) -> InputError:
    """An export that cannot be read as a whole."""
    return InputError("dam.export", f"The export cannot be read: {what}.", hint)
