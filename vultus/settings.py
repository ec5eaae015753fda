"""The settings of one home: read once, typed, unknown keys refused.

Order: the defaults below, then `vultus.toml` in the home, then the environment
(`VULTUS_` and the field's name in capitals). Anything that reads settings is given the
`Settings` object; nothing reads files or the environment again.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from vultus.errors import InputError, UnavailableError

FILE_NAME = "vultus.toml"
NUMBER_MAX = 10**12
# Read before there are settings, so they are no fields: where the home lies.
NOT_SETTINGS = {"VULTUS_HOME"}


def setting(
    default: Any,  # noqa: ANN401
    says: str,
    *,
    least: float = 0,
    choices: tuple[str, ...] = (),
) -> Any:  # noqa: ANN401
    """A field with its one-sentence description, shown by `docs/settings.md`."""
    return field(default=default, metadata={"says": says, "least": least, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """All that an operator may set."""

    home_id: str = setting("", "Names this home in its key file and log; written by `init`.")
    key_file: str = setting("", "Path of the key file, outside the home; written by `init`.")
    database_url: str = setting("", "`postgresql://USER@HOST/NAME`; empty: SQLite in the home.")
    n_workers: int = setting(0, "Processes that read photos; 0: one for each core.")
    photo_bytes_max: int = setting(64 * 2**20, "Larger files are refused, bytes.", least=1)
    photo_pixels_max: int = setting(100_000_000, "Photos with more pixels are refused.", least=1)
    photo_seconds_max: int = setting(60, "Reading one photo ends after this, seconds.", least=1)
    max_false_positives: float = setting(
        0.01,
        "Strangers that one search may be expected to return, unless it says otherwise.",
        least=1e-9,
    )
    candidates_max: int = setting(50, "Candidates that one probe returns at most.", least=1)
    index_segment_references: int = setting(
        50_000, "References in one file of the index; fewer than these stay in memory.", least=1
    )
    # As int8 a reference takes 128 bytes on disk instead of 512. Its scores differ by 0.0005
    # (standard deviation; at most 0.0023 over all pairs of 162 of the demo's faces), which
    # changes what is expected of strangers by some two per cent, but can move a candidate that
    # stands at the threshold. So exact scores are the default, and int8 is for who needs room.
    index_rows: str = setting(
        "float32",
        "The index's files hold templates as `float32`, exact, or `int8`, a quarter of the size; "
        "after a change run `vultus index compact`.",
        choices=("float32", "int8"),
    )
    probe_retention_days: int = setting(30, "Probe photos are erased after this, days.")
    web_hosts: tuple[str, ...] = setting(
        ("localhost", "127.0.0.1", "[::1]"), "Host names under which the page may be asked for."
    )
    web_over_tls: bool = setting(False, "Set when a TLS proxy stands in front: secure cookies.")
    acquire_contact: str = setting(
        "",
        "Page, or `mailto:`, that tells site owners who fetches and why; nothing is fetched "
        "without it.",
    )
    acquire_seconds_max: int = setting(
        30, "Fetching one address ends after this, seconds.", least=1
    )
    acquire_delay_s: float = setting(
        1.0, "Between two requests to one host pass at least so many seconds.", least=1
    )
    acquire_wait_s_max: int = setting(
        600, "A visit waits so long for a host that asks for it, seconds; then the next goes on."
    )
    acquire_depth_max: int = setting(
        50, "So many links away from where a source begins a page is still asked for.", least=1
    )
    acquire_urls_max: int = setting(
        2_000_000, "So many addresses of one source are kept at most.", least=1
    )
    acquire_test_hosts: tuple[str, ...] = setting(
        (), "Loopback hosts, `HOST:PORT`, that fetching may reach in tests, and nothing else there."
    )


def load_settings(home: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the home at `home`.

    Raises UnavailableError `home.missing` when there is none, InputError `settings.*` for an
    unknown key or a value of the wrong type, naming the key and where it stands.
    """
    path = home / FILE_NAME
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnavailableError(
            "home.missing",
            f"There is no home at {home}.",
            f"Create one with `vultus --home {home} init`, or name another with --home.",
        ) from error
    except OSError as error:
        raise UnavailableError(
            "home.unreadable",
            f"{path} cannot be read: {error.strerror}.",
            "Run as the account that owns the home.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "settings.malformed", f"{path} is not valid TOML: {error}", "Mend the named line."
        ) from error
    known = {f.name: f for f in fields(Settings)}
    for key in values:
        if key not in known:
            raise unknown(key, str(path))
    for name, text in environ.items():
        if not name.startswith("VULTUS_") or name in NOT_SETTINGS:
            continue
        key = name.removeprefix("VULTUS_").lower()
        if key not in known:
            raise unknown(name, "the environment")
        values[key] = from_text(name, text, known[key].default)
    usable: dict[str, Any] = {key: checked(known[key], value) for key, value in values.items()}
    return Settings(**usable)


def unknown(key: str, place: str) -> InputError:
    names = ", ".join(f.name for f in fields(Settings))
    return InputError(
        "settings.unknown", f"{place} holds an unknown setting, {key}.", f"Known settings: {names}."
    )


def from_text(name: str, text: str, default: object) -> object:
    """A value given as text in the environment, in the type of its default."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, int | float):
            return type(default)(text)
    except (KeyError, ValueError) as error:
        raise wrong_type(name, default) from error
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def checked(setting: "Field[Any]", value: object) -> Any:  # noqa: ANN401 - any field's type
    """The value if its type is that of the default and its number can be used."""
    key, default, least = setting.name, setting.default, setting.metadata["least"]
    if isinstance(default, tuple) and isinstance(value, list):
        value = tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(default):
        raise wrong_type(key, default)
    if isinstance(value, tuple) and not all(isinstance(part, str) for part in value):
        raise wrong_type(key, default)
    choices = setting.metadata["choices"]
    if choices and value not in choices:
        raise InputError(
            "settings.not_a_choice",
            f"{key} is none of {', '.join(choices)}.",
            "Mend its value.",
        )
    if isinstance(value, int | float) and not least <= value <= NUMBER_MAX:  # nor NaN
        raise InputError(
            "settings.out_of_range",
            f"{key} is not a number from {least:g} to {NUMBER_MAX:g}.",
            "Mend its value.",
        )
    return value


def wrong_type(key: str, default: object) -> InputError:
    kind = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        tuple: "a list of texts",
    }
    return InputError(
        "settings.wrong_type",
        f"{key} is not {kind.get(type(default), 'a text')}.",
        "Mend its value.",
    )


def n_workers(settings: Settings) -> int:
    """Processes to start for reading photos."""
    return settings.n_workers or n_cores()


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def settings_page() -> str:
    """`docs/settings.md`, generated so that it cannot be out of date (a test compares)."""
    rows = [f"| `{f.name}` | `{f.default!r}` | {f.metadata['says']} |" for f in fields(Settings)]
    return "\n".join(
        [
            "# Settings",
            "",
            "In `vultus.toml` in the home, or in the environment as `VULTUS_` and the name in",
            "capitals (lists separated by commas), which wins. An unknown key stops the start.",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )
