"""Sources: where photos may come from, with the entitlement to hold and search them."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction

from vultus.actions.answers import SourceAnswer, Terms
from vultus.actions.case import today
from vultus.actions.entitlement import (
    check_entitlement,
    check_kind,
    check_prefix,
    check_terms,
    place_of,
)
from vultus.actions.home import Home
from vultus.audit.entry import EntryKind
from vultus.errors import InputError
from vultus.records.models import Account, Collection, Source
from vultus.records.sequence import take


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
    terms: Terms = Terms(),  # noqa: B008 - frozen
) -> SourceAnswer:
    """Register a source and, when it is new, its collection.

    `allow_hosts`: the hosts that a source of the web may ask, HOST or HOST:PORT, exactly these;
    without any, the one of its location.

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
    check_prefix(kind, page_url_prefix)
    place, hosts = place_of(kind, location, allow_hosts)
    sealed: dict[str, Any] = {
        "name": texts["name"],
        "location": place,
        "legal_basis": texts["legal_basis"],
        "page_url_prefix": page_url_prefix,
        "allow_hosts": list(hosts),
        **asdict(check_terms(kind, terms)),
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
        allow_hosts=tuple(opened.get("allow_hosts", ())),  # what is older has none of these
        terms=Terms(**{name: opened.get(name) for name in asdict(Terms())}),
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
