"""IIIF Change Discovery API 1.0: which manifests were made, changed, moved or deleted since.

Section 3.5.2, walked backwards from the last page. Each page is read by itself, so whoever walks
keeps to what was told first of a manifest: it is the newest.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from vultus.acquire.document import mappings, read_json, text_of
from vultus.acquire.found import Found, Link, Role
from vultus.acquire.linked import linked
from vultus.errors import InputError

MAX_ACTIVITIES = 100_000
_KNOWN = {"Manifest", "Collection"}
_MADE = {"Create", "Update", "Add"}
_ENDED = {"Delete", "Remove"}
Resource = Mapping[str, object]


def read_changes(url: str, body: bytes, since: datetime | None) -> Found:
    """What an OrderedCollection or one of its pages tells of the time from `since` on.

    A collection gives a link to its last page. A page gives links to manifests and collections
    that were made or changed, `gone` for those deleted, removed from this stream or moved away,
    and, unless an activity was older than `since`, a link to the page before it. Activities
    without a time (level 0) are never older. At a Refresh the first visit (`since` is None) ends:
    all that there is has been told after it; a later visit reads on, for deletions only.
    Raises InputError `iiif.unreadable`, ValueError for a `since` without a zone.
    """
    if since is not None and since.tzinfo is None:
        raise ValueError("expected a time with its zone")
    try:
        document = read_json(body)
    except ValueError as error:
        raise unreadable(f"The document cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise unreadable("The document is no JSON object.")
    kind = text_of(document, "type", "@type")
    if kind == "OrderedCollection":
        return collection(url, document)
    if kind == "OrderedCollectionPage":
        return page(url, document, since)
    raise unreadable("The document is no list of changes.")


def collection(url: str, document: Resource) -> Found:
    last = named(url, document.get("last"))
    if last is None:
        raise unreadable("The list of changes does not name its last page.")
    return Found(links=(Link(Role.IIIF, last),))


def page(url: str, document: Resource, since: datetime | None) -> Found:
    activities = mappings(document.get("orderedItems"))
    if len(activities) > MAX_ACTIVITIES:
        raise unreadable(f"The page has more than {MAX_ACTIVITIES} activities.")
    stream = named(url, document.get("partOf"))
    told: dict[str, bool] = {}  # whether it is there, newest first
    before = named(url, document.get("prev"))
    only_deletions = False
    for activity in reversed(activities):
        kind = text_of(activity, "type", "@type")
        time = time_of(activity)
        if since is not None and time is not None and time < since:
            before = None
            break
        if kind == "Refresh":
            only_deletions = True
            if since is None:
                before = None
                break
        for place, there in said(url, activity, kind, stream):
            if not (only_deletions and there):
                told.setdefault(place, there)
    links = [Link(Role.IIIF, place) for place, there in told.items() if there]
    if before is not None:
        links.append(Link(Role.IIIF, before))
    return Found(links=tuple(links), gone=tuple(place for place in told if not told[place]))


def said(url: str, activity: Resource, kind: str, stream: str | None) -> list[tuple[str, bool]]:
    """What an activity says to be there (True) or gone (False)."""
    place = known(url, activity.get("object"))
    if place is None:
        return []
    if kind == "Move":
        moved = known(url, activity.get("target"))
        return [(place, False), *([(moved, True)] if moved else [])]
    other = {"Add": "target", "Remove": "origin"}.get(kind)
    of = named(url, activity.get(other)) if other else None
    if of is not None and stream is not None and of != stream:
        return []  # of another stream than this
    return [(place, kind in _MADE)] if kind in _MADE | _ENDED else []


def known(url: str, resource: object) -> str | None:
    """The URL of a manifest or collection; other classes of things are not read."""
    kinds = [text_of(part, "type", "@type") for part in mappings(resource)]
    return named(url, resource) if kinds and kinds[0].rpartition(":")[2] in _KNOWN else None


def named(url: str, resource: object) -> str | None:
    if isinstance(resource, str):
        return linked(url, resource)
    parts = mappings(resource)
    return linked(url, text_of(parts[0], "id", "@id")) if parts else None


def time_of(activity: Resource) -> datetime | None:
    """When it ended, or of a Refresh began; in UTC where no zone is written, as it must be."""
    for key in ("endTime", "startTime"):
        try:
            time = datetime.fromisoformat(text_of(activity, key))
        except ValueError:
            continue
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


def unreadable(what: str) -> InputError:
    return InputError(
        "iiif.unreadable",
        what,
        "Give the address of a IIIF manifest, collection or list of changes.",
    )
