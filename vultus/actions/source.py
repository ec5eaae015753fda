"""Sources: where photos may come from, with the entitlement to hold and search them."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from vultus.acquire.folder import path_text
from vultus.actions.answers import SourceAnswer
from vultus.actions.case import today
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import InputError
from vultus.records.models import Account, Collection, Source
from vultus.records.sequence import take

KINDS = ("folder",)
NAME_LENGTH_MAX = 200
PREFIX_LENGTH_MAX = 1000


def add_source(
    home: Home,
    actor: Account,
    *,
    name: str,
    kind: str,
    location: str,
    collection: str,
    legal_basis: str,
    expires: date | None = None,
    page_url_prefix: str | None = None,
    allow_hosts: tuple[str, ...] = (),
) -> SourceAnswer:
    """Register a source and, when it is new, its collection.

    A source that has expired is registered anew, under its number, when the name and the
    location are the same: what it holds may be searched again at once. Raises InputError
    `source.*` when a field is missing, unknown or taken.
    """
    texts = {
        "name": name.strip(),
        "collection": collection.strip(),
        "legal_basis": legal_basis.strip(),
    }
    check_entitlement(texts, expires)
    check_kind(kind)
    if allow_hosts:
        raise InputError(
            "source.hosts_of_a_folder",
            "A folder has no hosts to allow.",
            "Leave --allow-host out for a folder.",
        )
    if page_url_prefix is not None:
        check_prefix(page_url_prefix)
    sealed: dict[str, Any] = {
        "name": texts["name"],
        "location": folder_location(location),
        "legal_basis": texts["legal_basis"],
        "page_url_prefix": page_url_prefix,
    }
    with transaction.atomic():
        index = home.vault.blind("source/name", texts["name"])
        expired = expired_source(home, index, kind, sealed["location"])
        number = expired.id if expired else take("source")[0]
        Source.objects.update_or_create(
            id=number,
            defaults={
                "kind": kind,
                "collection": find_or_add_collection(home, texts["collection"]),
                "name_index": index,
                "sealed": home.vault.seal_json("source", f"source:{number}", sealed),
                "added": datetime.now(UTC),
                "expires": expires,
            },
        )
        home.log.append(
            EntryKind.SOURCE_ADDED,
            {
                "source": number,
                "by": actor.pk,
                "kind": kind,
                "collection": texts["collection"],
                "expires": expires.isoformat() if expires else None,
                **sealed,
            },
        )
    return source_named(home, texts["name"])


def expired_source(home: Home, index: bytes, kind: str, location: str) -> SourceAnswer | None:
    """The source of this name that may be registered anew. Raises InputError `source.exists`."""
    row = Source.objects.select_related("collection").filter(name_index=index).first()
    if row is None:
        return None
    source = answer(home, row)
    if not source.expired or (source.kind, source.location) != (kind, location):
        raise InputError(
            "source.exists",
            f"There is a source {source.name} already.",
            "Choose another name. When it has expired, register it anew with its location.",
        )
    return source


def list_sources(home: Home, actor: Account) -> list[SourceAnswer]:
    """All sources in the order in which they were added."""
    return [answer(home, row) for row in Source.objects.select_related("collection").order_by("id")]


def source_named(home: Home, name: str) -> SourceAnswer:
    """One source. Raises InputError `source.not_found`."""
    index = home.vault.blind("source/name", name.strip())
    row = Source.objects.select_related("collection").filter(name_index=index).first()
    if row is None:
        raise InputError(
            "source.not_found", f"There is no source {name}.", "List them: `vultus source list`."
        )
    return answer(home, row)


def answer(home: Home, row: Source) -> SourceAnswer:
    opened = home.vault.unseal_json("source", f"source:{row.pk}", bytes(row.sealed))
    return SourceAnswer(
        id=row.pk,
        name=opened["name"],
        kind=row.kind,
        location=opened["location"],
        collection=collection_name(home, row.collection),
        legal_basis=opened["legal_basis"],
        page_url_prefix=opened["page_url_prefix"],
        expires=row.expires,
        expired=row.expires is not None and row.expires < today(),
        visited=row.visited,
    )


def collection_name(home: Home, row: Collection) -> str:
    opened = home.vault.unseal_json("collection", f"collection:{row.pk}", bytes(row.sealed))
    name: str = opened["name"]
    return name


def find_collection(home: Home, name: str) -> Collection:
    """Raises InputError `collection.not_found`."""
    index = home.vault.blind("collection/name", name.strip())
    row = Collection.objects.filter(name_index=index).first()
    if row is None:
        raise InputError(
            "collection.not_found",
            f"There is no collection {name}.",
            "The collections are named by `vultus source list`.",
        )
    return row


def find_or_add_collection(home: Home, name: str) -> Collection:
    index = home.vault.blind("collection/name", name)
    row = Collection.objects.filter(name_index=index).first()
    if row is None:
        number = take("collection")[0]
        row = Collection.objects.create(
            id=number,
            name_index=index,
            sealed=home.vault.seal_json("collection", f"collection:{number}", {"name": name}),
        )
    return row


def check_entitlement(texts: dict[str, str], expires: date | None) -> None:
    """Every text is there and of reasonable length, and the entitlement still runs."""
    for key, text in texts.items():
        if not 1 <= len(text) <= NAME_LENGTH_MAX * (5 if key == "legal_basis" else 1):
            raise InputError(
                "source.incomplete",
                f"A source needs a {key.replace('_', ' ')} of reasonable length.",
                "No source without entitlement: say on what legal basis its photos are held.",
            )
    if expires is not None and expires < today():
        raise InputError(
            "source.expires_in_the_past", "The entitlement has expired already.", "Renew it first."
        )


def check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InputError(
            "source.kind",
            f"A source of kind {kind} cannot be visited by this version.",
            f"Known kinds: {', '.join(KINDS)}.",
        )


def folder_location(location: str) -> str:
    """The folder's absolute path. Raises InputError `source.no_folder`, `source.location`."""
    path = Path(os.path.abspath(location))  # noqa: PTH100 - `..` goes, links stay as given
    if path_text(path) != str(path):
        raise InputError(
            "source.location",
            "The path of the folder is not UTF-8.",
            "Rename the folder or name it by a link; what lies in it may have any name.",
        )
    if not path.is_dir():
        raise InputError(
            "source.no_folder", f"{location} is not a folder.", "Give a folder that can be read."
        )
    return str(path)


def check_prefix(prefix: str) -> None:
    parts = urlsplit(prefix)
    proper = parts.scheme in {"http", "https"} and parts.netloc and not parts.username
    if not proper or len(prefix) > PREFIX_LENGTH_MAX:
        raise InputError(
            "source.page_url_prefix",
            "The page address prefix is not an http or https address.",
            "For instance https://archive.example/photos/ .",
        )
