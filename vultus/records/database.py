"""Django, configured for one home: the catalogue in SQLite or PostgreSQL, and nothing else.

The page passes what it needs on top (`more`); command line and scripts need none of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings as django_settings
from django.db import connection, connections

from vultus.errors import InputError

FILE_NAME = "vultus.db"


def sqlite(path: Path) -> dict[str, Any]:
    """SQLite as a catalogue: durable commits, deleted bytes overwritten, writers in a queue."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            # A reader that turns writer fails at once; so every transaction starts as a writer.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                "PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;"
            ),
        },
    }


def postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise InputError(
            "settings.database_url",
            "database_url is not an address of a PostgreSQL database.",
            "Write postgresql://USER:PASSWORD@HOST:PORT/NAME, or leave it empty for SQLite.",
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
    }


def configure(
    home: Path, database_url: str, secret_key: str, more: Mapping[str, Any] | None = None
) -> None:
    """Set Django up for this home. A process works with one home at a time.

    Called again for another home, it closes the first one's connection and turns to the other.
    """
    database = postgresql(database_url) if database_url else sqlite(home / FILE_NAME)
    if django_settings.configured:
        turn_to(database, secret_key)
        return
    extra = dict(more or {})
    django_settings.configure(
        DATABASES={"default": database},
        SECRET_KEY=secret_key,
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "vultus.records.apps.RecordsConfig",
            *extra.pop("INSTALLED_APPS", []),
        ],
        AUTH_USER_MODEL="records.Account",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.Argon2PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        **extra,
    )
    django.setup()


def empty_journal() -> None:
    """SQLite overwrites deleted rows, but its journal still holds the old pages: empty it."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def disconnect() -> None:
    """Close this thread's connection; the next use opens another."""
    if django_settings.configured:
        connections.close_all()


def turn_to(database: dict[str, Any], secret_key: str) -> None:
    """Point this process's connection at another database."""
    current = connections.settings["default"]
    if (current["ENGINE"], current["NAME"]) == (database["ENGINE"], database["NAME"]):
        return
    connections["default"].close()  # made here if this thread had none yet
    connections.settings = connections.configure_settings({"default": database})
    del connections["default"]
    django_settings.SECRET_KEY = secret_key
