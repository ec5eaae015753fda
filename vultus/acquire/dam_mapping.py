"""Which column of an export says what (docs/formats/dam-mapping.md)."""

import datetime
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from vultus.errors import InputError

MAPPING_BYTES_MAX = 64 * 2**10
KINDS = {"csv", "json", "jsonl"}
ENCODINGS = {"utf-8", "utf-16-le", "utf-16-be", "windows-1252"}
DELIMITERS = (",", ";", "\t", "|")
COLUMNS = (
    "id", "file", "url", "title", "caption", "credit", "licence", "date", "persons", "language",
    "version",
)  # fmt: skip
KEYS = {"vultus_mapping", "kind", "encoding", "delimiter", "records", "columns", "date", "persons",
        "withdrawn"}  # fmt: skip
DIRECTIVES = re.compile(r"%(.)")
KNOWN_DIRECTIVES = set("YmdbBjHIMSfzp")
Path_ = tuple[str, ...]  # the keys that lead to a value; of a CSV one, the column


@dataclass(frozen=True)
class Withdrawn:
    """A record with one of `values` (in lower case) in this column is gone."""

    column: Path_
    values: frozenset[str]


@dataclass(frozen=True)
class Mapping:
    """A mapping as it was read; `columns` by what they say."""

    columns: dict[str, Path_]
    kind: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    records: Path_ = ()
    date_format: str | None = None
    separator: str | None = None
    withdrawn: tuple[Withdrawn, ...] = ()

    @property
    def named(self) -> set[Path_]:
        """Every column that the export must have."""
        return {*self.columns.values(), *(one.column for one in self.withdrawn)}


def read_mapping(data: bytes) -> Mapping:
    """The mapping in a TOML file. Raises InputError `dam.mapping`."""
    if len(data) > MAPPING_BYTES_MAX:
        raise unusable("it is larger than 64 KiB")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise unusable("it is no TOML in UTF-8") from error
    _only(table, KEYS, "the mapping")
    if table.get("vultus_mapping") != 1 or table["vultus_mapping"] is True:
        raise unusable("vultus_mapping is not 1")
    date, persons = _table(table, "date", {"format"}), _table(table, "persons", {"separator"})
    mapping = Mapping(
        columns=_columns(table),
        kind=_one_of(table, "kind", KINDS),
        encoding=_one_of(table, "encoding", ENCODINGS),
        delimiter=_one_of(table, "delimiter", set(DELIMITERS)),
        records=_path(table["records"], "records") if "records" in table else (),
        date_format=_date_format(date["format"]) if "format" in date else None,
        separator=_text(persons["separator"], "persons.separator", strip=False)
        if "separator" in persons
        else None,
        withdrawn=_withdrawn(table.get("withdrawn", [])),
    )
    for name, is_given in (("date", bool(date)), ("persons", bool(persons))):
        if is_given and name not in mapping.columns:
            raise unusable(f"{name} is described, but columns.{name} is not given")
    return mapping


def _columns(table: dict[str, Any]) -> dict[str, Path_]:
    given = _table(table, "columns", set(COLUMNS))
    if "id" not in given or not {"file", "url"} & set(given):
        raise unusable("columns.id, and columns.file or columns.url, are needed")
    return {name: _path(value, f"columns.{name}") for name, value in given.items()}


def _withdrawn(given: Any) -> tuple[Withdrawn, ...]:  # noqa: ANN401
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise unusable("withdrawn is no list of tables")
    found = []
    for one in given:
        _only(one, {"column", "values"}, "withdrawn")
        values = one.get("values")
        if "column" not in one or not isinstance(values, list) or not values:
            raise unusable("withdrawn needs a column and values")
        texts = {_text(value, "withdrawn.values").casefold() for value in values}
        found.append(Withdrawn(_path(one["column"], "withdrawn.column"), frozenset(texts)))
    return tuple(found)


def _date_format(given: Any) -> str:  # noqa: ANN401
    """A format of strptime that gives back what it is given."""
    text = _text(given, "date.format")
    directives = DIRECTIVES.findall(text)
    # strptime itself fails oddly on some others, and where one comes twice.
    known = len(set(directives)) == len(directives) and set(directives) <= KNOWN_DIRECTIVES
    one = datetime.datetime(2026, 11, 24, 13, 14, 15, tzinfo=datetime.UTC)
    try:
        if known and "Y" in directives:
            datetime.datetime.strptime(one.strftime(text), text)  # noqa: DTZ007
            return text
    except ValueError:
        pass
    raise unusable("date.format is no format of strptime that has %Y, each directive once")


def _path(value: Any, name: str) -> Path_:  # noqa: ANN401
    if isinstance(value, list) and value:
        return tuple(_text(part, name, strip=False) for part in value)
    return (_text(value, name, strip=False),)


def _text(value: Any, name: str, *, strip: bool = True) -> str:  # noqa: ANN401
    if not isinstance(value, str) or not value.strip():
        raise unusable(f"{name} is no text, or an empty one")
    return value.strip() if strip else value


def _one_of(table: dict[str, Any], name: str, choices: set[str]) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or value not in choices):
        raise unusable(f"{name} is none of {', '.join(map(repr, sorted(choices)))}")
    return value


def _table(table: dict[str, Any], name: str, keys: set[str]) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise unusable(f"{name} is no table")
    _only(value, keys, name)
    return value


def _only(table: dict[str, Any], keys: set[str], name: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise unusable(f"{name} has a key that is not known: {unknown[0]!r}")


def unusable(what: str) -> InputError:
    return InputError(
        "dam.mapping",
        f"The mapping cannot be used: {what}.",
        "Mend it; docs/formats/dam-mapping.md says what it may hold.",
    )
