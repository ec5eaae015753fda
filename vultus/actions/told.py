"""What the documents of a source tell of photos: which page shows which, and what stands beside it.

A photo is at a place: its URL on a page. It is there for as long as any document tells it. Every
function is to be called in a transaction that holds the log.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from vultus import canonical
from vultus.acquire.found import Beside, Item, Role
from vultus.actions.frontier import Frontier, Lead, Turn
from vultus.records.models import FrontierItem, FrontierUrl
from vultus.records.sequence import take

PAGES_ASKED = {"site", "sitemap", "feed"}  # kinds whose pages are asked for what they say
Places = set[bytes]  # place indexes


def place_name(photo_url: str, page_url: str | None) -> bytes:
    """The name of a web place: a URL has no newline."""
    return f"{photo_url}\n{page_url or ''}".encode()


def place_index(frontier: Frontier, name: bytes) -> bytes:
    """The blind index of a place, the same as that of its sighting."""
    return frontier.home.vault.blind("sighting/place", b"%d\n%b" % (frontier.source.id, name))


def tell(
    frontier: Frontier,
    turn: Turn,
    items: Iterable[Item],
    *,
    pages: dict[str, FrontierUrl] | None = None,
    n_redirects: int = 0,
) -> Places:
    """A document has told these photos; returns places that it told before and no one does now.

    `pages`: the documents whose word counts, by the page's URL, where that is not the teller's.
    Only a page says by its silence that a photo is gone, and a photo that leads elsewhere that it
    leads there no more; the others may be parts of a list.
    """
    told: dict[bytes, Item] = {}
    for item in items:
        if frontier.parsed(item.url) is not None:
            name = place_name(item.url, item.page_url)
            told.setdefault(place_index(frontier, name), item)
    if pages is None:
        pages = pages_of(frontier, turn, told.values())
    leads = [Lead(Role.PHOTO, item.url, turn.depth, n_redirects) for item in told.values()]
    photos = frontier.add(leads, due=False)
    before = {bytes(i.place_index): i for i in FrontierItem.objects.filter(teller=turn.id)}
    fresh: set[int] = set()
    new: list[tuple[bytes, Item, FrontierUrl, FrontierUrl | None]] = []
    for index, item in told.items():
        photo = photos.get(item.url)
        if photo is None:
            continue  # no room for it
        if index in before:
            if tell_again(frontier, before[index], item):
                fresh.add(photo.pk)
        else:
            new.append((index, item, photo, pages.get(item.page_url or "")))
    fresh |= tell_first(frontier, turn, new)
    frontier.make_due(fresh)
    if turn.role not in {Role.PAGE, Role.PHOTO}:
        return set()
    silent = [item.pk for index, item in before.items() if index not in told]
    return untell(frontier, FrontierItem.objects.filter(id__in=silent)) if silent else set()


def pages_of(frontier: Frontier, turn: Turn, items: Iterable[Item]) -> dict[str, FrontierUrl]:
    """The pages that are asked what they say before the photos on them are."""
    if turn.role is Role.PAGE or frontier.source.kind not in PAGES_ASKED:
        return {}
    urls = dict.fromkeys(item.page_url for item in items if item.page_url)
    return frontier.add([Lead(Role.PAGE, url, turn.depth + 1) for url in urls])


def tell_first(
    frontier: Frontier,
    turn: Turn,
    new: list[tuple[bytes, Item, FrontierUrl, FrontierUrl | None]],
) -> set[int]:
    """Rows of what is told for the first time; returns the photos about which can be decided."""
    if not new:
        return set()
    rows = []
    for number, (index, item, photo, page) in zip(
        take("frontier_item", len(new)), new, strict=True
    ):
        rows.append(
            FrontierItem(
                id=number,
                teller_id=turn.id,
                page_id=turn.id if page is None else page.pk,
                photo_id=photo.pk,
                place_index=index,
                page_index=frontier.index("page", item.page_url or ""),
                round=frontier.number,
                digest=digest_of(frontier, item),
                sealed=sealed(frontier, number, item),
            )
        )
    FrontierItem.objects.bulk_create(rows)
    return {row.photo_id for row in rows}


def tell_again(frontier: Frontier, row: FrontierItem, item: Item) -> bool:
    """What was told before is told again; says whether anything else stands beside it now."""
    row.round = frontier.number
    digest = digest_of(frontier, item)
    changed = digest != bytes(row.digest)
    if changed:
        row.digest, row.due = digest, True
        row.sealed = sealed(frontier, row.pk, item)
    row.save()
    return changed


def confirm(frontier: Frontier, turn: Turn) -> None:
    """A document has not changed: it tells what it told before."""
    FrontierItem.objects.filter(teller=turn.id).update(round=frontier.number)


def untell(frontier: Frontier, rows: "QuerySet[FrontierItem]") -> Places:
    """These are told no longer; returns the places that no other document tells either."""
    places, photos = set(), set()
    for row in rows.only("place_index", "photo_id"):
        places.add(bytes(row.place_index))
        photos.add(row.photo_id)
    rows.delete()
    frontier.make_due(photos)
    return places - still_told(frontier, places)


def still_told(frontier: Frontier, places: Places) -> Places:
    """Those of the places that some document of the source tells."""
    found: Places = set()
    every = list(places)
    for start in range(0, len(every), 500):
        rows = FrontierItem.objects.filter(
            place_index__in=every[start : start + 500], teller__source_id=frontier.source.id
        )
        found |= {bytes(index) for index in rows.values_list("place_index", flat=True)}
    return found


def untell_gone(frontier: Frontier, urls: Iterable[str]) -> Places:
    """The source says that these are deleted: a document, a page or a photo."""
    places: Places = set()
    for url in urls:
        items = FrontierItem.objects.filter(teller__source_id=frontier.source.id)
        row = frontier.find(url)
        on_page = items.filter(page_index=frontier.index("page", url))
        places |= untell(frontier, on_page)
        if row is not None:
            places |= untell(frontier, items.filter(photo=row)) | untell(
                frontier, items.filter(teller=row)
            )
    return places


def page_says(frontier: Frontier, turn: Turn) -> None:
    """What a page says of its pictures is new or has changed: it is decided about all of them."""
    rows = FrontierItem.objects.filter(page=turn.id)
    if not rows.update(due=True):
        return
    frontier.make_due(set(rows.values_list("photo_id", flat=True)))


def digest_of(frontier: Frontier, item: Item) -> bytes:
    said = canonical.encode([beside_fields(item.beside), item.version])
    return frontier.home.vault.blind("frontier/told", said)


def sealed(frontier: Frontier, number: int, item: Item) -> bytes:
    fields: dict[str, Any] = {
        "url": item.url,
        "page_url": item.page_url,
        "beside": beside_fields(item.beside),
        "version": item.version,
    }
    return frontier.home.vault.seal_json("frontier", f"frontier-item:{number}", fields)


def beside_fields(beside: Beside) -> dict[str, Any]:
    """What stands beside a photo, without what does not."""
    return {name: value for name, value in asdict(beside).items() if value not in (None, ())}


def opened(frontier: Frontier, row: FrontierItem) -> dict[str, Any]:
    """{url, page_url, beside, version} of a row."""
    found: dict[str, Any] = frontier.home.vault.unseal_json(
        "frontier", f"frontier-item:{row.pk}", bytes(row.sealed)
    )
    return found
