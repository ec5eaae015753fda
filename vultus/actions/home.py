"""A home is everything that one operator runs: create it, open it.

`Home` is what every action is given: settings, vault, log. One home a process.
"""

import contextlib
import getpass
import os
import pkgutil
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vultus.actions.lock import held
from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.records.database import configure, disconnect
from vultus.settings import FILE_NAME, Settings, load_settings
from vultus.vault.key import MasterKey
from vultus.vault.seal import Vault

if TYPE_CHECKING:
    from vultus.actions.gallery import Held
    from vultus.actions.index import LoadedIndex
    from vultus.faces.pool import ReaderPool
    from vultus.records.account import Account
    from vultus.records.log import Log

KEY_CHECK = b"vultus key check"
RESTORE = "Restore the home from a backup, or point VULTUS_KEY_FILE to the key it was made with."


@dataclass
class Home:
    """An opened home. `held`, `index` and `readers` are loaded when they are first needed."""

    path: Path
    settings: Settings
    vault: Vault
    log: "Log"
    lock: threading.RLock = field(default_factory=threading.RLock)
    reading: threading.Lock = field(default_factory=threading.Lock)
    held: "Held | None" = None
    index: "LoadedIndex | None" = None
    readers: "ReaderPool | None" = None

    def close(self) -> None:
        """End the reading processes; call it before the process ends."""
        if self.readers is not None:
            self.readers.close()
            self.readers = None


@dataclass(frozen=True)
class CreatedHome:
    home: Path
    key_file: Path
    verifier_key: str


def default_key_file(home_id: str, environ: Mapping[str, str]) -> Path:
    """In the account's configuration folder: a copy of the home does not carry it."""
    config = environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "vultus" / "keys" / f"{home_id}.key"


def init_home(
    path: Path, environ: Mapping[str, str], *, key_file: Path | None = None, database_url: str = ""
) -> CreatedHome:
    """Create the home: key file, database, log with its first entry.

    Raises InputError `home.exists` when the folder holds anything already; `key.exists`,
    `key.inside_home` for a key file that cannot be used; UnavailableError `key.not_written`,
    `home.not_written`. What was begun is removed again.
    """
    path = path.absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(
            "home.exists",
            f"{path} exists already and is left as it is.",
            "Choose another folder with --home, or go on with the home that is there. What an "
            "interrupted `init` left holds no vultus.toml and can be removed.",
        )
    home_id = secrets.token_hex(8)
    named = key_file or (Path(environ["VULTUS_KEY_FILE"]) if "VULTUS_KEY_FILE" in environ else None)
    key_path = (named or default_key_file(home_id, environ)).absolute()
    if key_path.resolve().is_relative_to(path.resolve()):
        raise InputError(
            "key.inside_home",
            "The key file would lie inside the home, and be stolen with it.",
            "Name a place outside the home with --key-file.",
        )
    master = MasterKey.generate()
    master.create_file(key_path)
    try:
        build_home(path, master, home_id, key_path, database_url)
        home = open_home(path, environ)
        home.close()
    except BaseException as error:
        with contextlib.suppress(OSError):
            key_path.unlink()
        disconnect()
        remove_files(path)
        if database_url and type(error).__name__ == "OperationalError":
            raise unreachable() from error
        if isinstance(error, OSError):
            raise UnavailableError(
                "home.not_written",
                f"The home could not be written to {path}: {error.strerror}.",
                "Check the folder and the space on the disk, then try again.",
            ) from error
        raise
    return CreatedHome(path, key_path, home.log.verifier_key)


def build_home(
    path: Path, master: MasterKey, home_id: str, key_path: Path, database_url: str
) -> None:
    """Folders, settings and database of a new home."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    for name in ("log", "receipts"):
        (path / name).mkdir(mode=0o700, exist_ok=True)
    vault = Vault(master)
    configure(path, database_url, django_secret(master))

    from django.core.management import call_command
    from django.db import transaction

    from vultus.actions.account import create_local_account
    from vultus.audit.checkpoint import generate_signing_key, verifier_key
    from vultus.audit.entry import EntryKind
    from vultus.audit.merkle import Frontier
    from vultus.records.log import Log
    from vultus.records.models import Home as HomeRow
    from vultus.records.models import LogState

    call_command("migrate", verbosity=0)
    origin = log_origin(home_id)
    signing_key = generate_signing_key()
    public = verifier_key(signing_key, origin)
    (path / "log" / "public-key").write_text(public + "\n", encoding="ascii")
    with transaction.atomic():
        if HomeRow.objects.exists():
            raise InputError(
                "home.database_in_use",
                "The database already holds another home.",
                "Give this home an empty database of its own.",
            )
        HomeRow.objects.create(
            created=datetime.now(UTC),
            verifier_key=public,
            sealed_signing_key=vault.seal("home", "home:signing-key", signing_key),
            key_check=vault.seal("home", "home:key-check", KEY_CHECK),
        )
        LogState.objects.create(frontier=Frontier().to_bytes())
        log = Log(vault, signing_key, public, origin, path / "log")
        log.append(EntryKind.HOME_CREATED, {"home": home_id})
        create_local_account(vault, log, login_name())
    lines = [f'home_id = "{home_id}"', f"key_file = {toml_text(str(key_path))}"]
    if database_url:
        lines.append(f"database_url = {toml_text(database_url)}")
    write_settings(path / FILE_NAME, "\n".join(lines) + "\n")


def write_settings(path: Path, text: str) -> None:
    """The settings file, whole or not at all. It comes last: without it there is no home."""
    beside = path.with_suffix(".part")
    beside.touch(mode=0o600)
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def open_home(
    path: Path, environ: Mapping[str, str], *, django: Mapping[str, Any] | None = None
) -> Home:
    """Open an existing home for this process.

    A home that an older version made gets the tables of this one; nothing in it is changed.
    `django`: further Django settings that the page needs. Raises UnavailableError
    `home.missing`, `key.missing`, `home.database_missing`, `home.newer`; IntegrityError
    `home.wrong_key`, `home.public_key_changed`.
    """
    path = path.absolute()
    settings = load_settings(path, environ)
    master = MasterKey.load(Path(settings.key_file))
    vault = Vault(master)
    configure(path, settings.database_url, django_secret(master), django)

    from vultus.audit.checkpoint import verifier_key
    from vultus.records.log import Log
    from vultus.records.models import Home as HomeRow

    row = require_database(path, settings)
    assert isinstance(row, HomeRow)
    try:
        vault.unseal("home", "home:key-check", bytes(row.key_check))
        signing_key = vault.unseal("home", "home:signing-key", bytes(row.sealed_signing_key))
    except IntegrityError as error:
        raise IntegrityError(
            "home.wrong_key", "The key file is not the one this home was made with.", RESTORE
        ) from error
    origin = log_origin(settings.home_id)
    public = verifier_key(signing_key, origin)
    if public != row.verifier_key:
        raise IntegrityError(
            "home.public_key_changed", "The log's public key was changed.", RESTORE
        )
    bring_up_to_date(path)
    log = Log(vault, signing_key, public, origin, path / "log")
    return Home(path, settings, vault, log)


def bring_up_to_date(path: Path) -> None:
    """Apply the migrations that the home's database does not have yet.

    Raises UnavailableError `home.newer` for a home that a later version has worked with.
    """
    if not missing_migrations():
        return
    from django.core.management import call_command

    with held(path / "migrate.lock", wait=True):
        if missing_migrations():
            call_command("migrate", verbosity=0)


def missing_migrations() -> set[str]:
    """Names of migrations that the database lacks. Raises UnavailableError `home.newer`."""
    from django.db.migrations.recorder import MigrationRecorder

    from vultus.records import migrations

    rows = MigrationRecorder.Migration.objects.filter(app="records")
    applied = set(rows.values_list("name", flat=True))
    known = {module.name for module in pkgutil.iter_modules(migrations.__path__)}
    if applied - known:
        raise UnavailableError(
            "home.newer",
            "A later version of Vultus has worked with this home.",
            "Use that version, or restore the backup that was made before it.",
        )
    return known - applied


def open_database(path: Path, environ: Mapping[str, str]) -> Path:
    """Open only the readable part of a home, without its key: for checking and proving the log.

    Returns the home's absolute path.
    """
    path = path.absolute()
    settings = load_settings(path, environ)
    configure(path, settings.database_url, secrets.token_hex(32))
    require_database(path, settings)
    return path


def require_database(path: Path, settings: Settings) -> object:
    """The home's own row; raises when the database is absent or cannot be read."""
    from django.db import DatabaseError

    from vultus.records.database import FILE_NAME as DATABASE_NAME
    from vultus.records.models import Home as HomeRow

    if not settings.database_url and not (path / DATABASE_NAME).is_file():
        raise UnavailableError(
            "home.database_missing", f"{path} holds no {DATABASE_NAME}.", "Restore a backup."
        )
    try:
        row = HomeRow.objects.filter(id=1).first()
    except DatabaseError as error:
        if settings.database_url:
            raise unreachable() from error
        if "locked" in str(error):
            raise UnavailableError(
                "home.database_busy", "The database is busy.", "Try again in a moment."
            ) from error
        raise IntegrityError(
            "home.database_damaged", "The database cannot be read.", "Restore a backup."
        ) from error
    if row is None:
        raise IntegrityError("home.row_missing", "The home's own record is gone.", RESTORE)
    return row


def unreachable() -> UnavailableError:
    return UnavailableError(
        "home.database_unreachable",
        "The database of the home does not answer.",
        "Check `database_url`, and that PostgreSQL runs and holds this database.",
    )


def local_account(home: Home) -> "Account":
    """The operator's own account, as which the command line acts."""
    from vultus.actions.account import named
    from vultus.records.models import Account, AccountKind

    return named(home.vault, Account.objects.get(kind=AccountKind.LOCAL))


def login_name() -> str:
    """The operating system's name of who runs this, for the local account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return f"uid {os.getuid()}"


def log_origin(home_id: str) -> str:
    return f"vultus/{home_id}"


def django_secret(master: MasterKey) -> str:
    return master.derive("django").hex()


def toml_text(text: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    import json

    return json.dumps(text, ensure_ascii=False)


def remove_files(path: Path) -> None:
    """Take back what a failed `init` has written; nothing else can be in the folder."""
    import shutil

    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
