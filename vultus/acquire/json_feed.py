"""JSON Feed 1.1: the entries of one, and where it goes on.

Its items have no place for a photo's credit or licence.
"""

import json
from collections.abc import Iterator
from typing import Any

from vultus.acquire.entry import Entry, dated, short
from vultus.acquire.figure import figures
from vultus.acquire.found import Beside
from vultus.acquire.linked import linked
from vultus.acquire.tags import pieces

_VERSIONS = ("https://jsonfeed.org/version/", "http://jsonfeed.org/version/")


def read(url: str, body: bytes, n_entries: int) -> tuple[list[Entry], list[str]]:
    """At most `n_entries` entries, and the URL of the next part as written. Raises nothing."""
    try:
        feed = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return [], []
    if not isinstance(feed, dict) or not _string(feed, "version").startswith(_VERSIONS):
        return [], []
    items = feed.get("items")
    language = short(_string(feed, "language"))
    listed = items[:n_entries] if isinstance(items, list) else []
    entries = [_entry(url, item, language) for item in listed if isinstance(item, dict)]
    return entries, [_string(feed, "next_url")]


def _string(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _entry(url: str, item: dict[str, Any], language: str | None) -> Entry:
    key = item.get("id")
    entry = Entry(key=str(key) if isinstance(key, int) else _string(item, "id"))
    entry.page_url = linked(url, _string(item, "url"))
    entry.changed = _string(item, "date_modified") or _string(item, "date_published")
    beside = Beside(
        title=short(_string(item, "title")), language=short(_string(item, "language")) or language
    )
    for name in ("date_published", "date_modified"):
        beside = dated(beside, _string(item, name), f"json:{name}")
    entry.beside = beside
    base = entry.page_url or url
    for written, title in _sent(item):
        entry.add(base, written, Beside(title=title))
    for figure in figures(pieces(_string(item, "content_html"))):
        shown = Beside(caption=figure.caption, caption_source=figure.caption_source)
        entry.add(base, figure.written, shown)
    return entry


def _sent(item: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The pictures that an item is sent with, as written, each with a title of its own."""
    for name in ("image", "banner_image"):
        yield _string(item, name), None
    attachments = item.get("attachments")
    for sent in attachments if isinstance(attachments, list) else []:
        kind = _string(sent, "mime_type") if isinstance(sent, dict) else ""
        if kind.lower().startswith("image/"):
            yield _string(sent, "url"), short(_string(sent, "title"))
