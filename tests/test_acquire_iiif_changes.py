"""IIIF Change Discovery API 1.0: the walk backwards through what has changed."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from vultus.acquire.found import Found, Link, Role
from vultus.acquire.iiif import read_iiif
from vultus.acquire.iiif_changes import read_changes
from vultus.errors import InputError

URL = "https://archive.example/activity/page-1"
STREAM = "https://archive.example/activity/all-changes"
BEFORE = "https://archive.example/activity/page-0"


def at(day):
    return datetime(2024, 5, day, tzinfo=UTC)


def manifest(name):
    return {"id": f"https://archive.example/{name}", "type": "Manifest"}


def activity(kind, name=None, day=None, **more):
    made = {"type": kind} | more
    if name is not None:
        made["object"] = manifest(name)
    if day is not None:
        made["startTime" if kind == "Refresh" else "endTime"] = f"2024-05-{day:02}T00:00:00Z"
    return made


def page(*activities):
    return {"@context": "http://iiif.io/api/discovery/1/context.json", "id": URL,
            "type": "OrderedCollectionPage", "orderedItems": list(activities),
            "partOf": {"id": STREAM, "type": "OrderedCollection"},
            "prev": {"id": BEFORE, "type": "OrderedCollectionPage"}}  # fmt: skip


def read(document, since=None):
    return read_changes(URL, json.dumps(document).encode(), since)


def told(found):
    """The names of manifests there and gone, and whether the walk goes on."""
    links = [link.url.rpartition("/")[2] for link in found.links if link.url != BEFORE]
    gone = [place.rpartition("/")[2] for place in found.gone]
    return links, gone, Link(Role.IIIF, BEFORE) in found.links


def test_3_1_a_collection_leads_to_its_last_page():
    document = {
        "id": STREAM,
        "type": "OrderedCollection",
        "totalItems": 9,
        "first": {"id": BEFORE},
        "last": {"id": URL, "type": "OrderedCollectionPage"},
    }
    assert read(document) == Found(links=(Link(Role.IIIF, URL),))
    assert read_iiif(STREAM, json.dumps(document).encode()) == read(document)


def test_3_5_2_newest_first_and_each_manifest_once():
    found = read(page(activity("Create", "a", 1), activity("Update", "b", 2),
                      activity("Update", "a", 3), activity("Add", "c", 4)))  # fmt: skip
    assert told(found) == (["c", "a", "b"], [], True)


def test_3_5_2_deleted_removed_and_moved_manifests_are_gone():
    found = read(page(activity("Create", "a", 1), activity("Delete", "a", 2),
                      activity("Remove", "b", 3),
                      activity("Move", "c", 4, target=manifest("d"))))  # fmt: skip
    assert told(found) == (["d"], ["c", "b", "a"], True)


def test_2_1_3_what_is_made_again_after_it_was_deleted_is_there():
    found = read(page(activity("Delete", "a", 1), activity("Create", "a", 2)))
    assert told(found) == (["a"], [], True)


def test_2_1_2_the_walk_ends_at_an_activity_older_than_the_last_visit():
    document = page(activity("Update", "a", 1), activity("Delete", "b", 2),
                    activity("Update", "c", 3))  # fmt: skip
    assert told(read(document, at(3))) == (["c"], [], False)
    assert told(read(document, at(2))) == (["c"], ["b"], False)
    assert told(read(document, at(1))) == (["c", "a"], ["b"], True)
    assert told(read(document, at(4))) == ([], [], False)
    east = at(2).astimezone(timezone(timedelta(hours=9)))
    assert read(document, east) == read(document, at(2))


def test_2_1_1_without_times_all_is_read():
    document = page(activity("Update", "a"), activity("Update", "b"))
    assert told(read(document, at(9))) == (["b", "a"], [], True)
    untimed = page(activity("Update", "a") | {"endTime": "yesterday"})
    assert told(read(untimed, at(9))) == (["a"], [], True)


def test_3_5_2_at_a_refresh_the_first_visit_ends_and_a_later_one_reads_on_for_deletions():
    document = page(activity("Update", "a", 1), activity("Delete", "b", 2),
                    activity("Refresh", day=3), activity("Update", "c", 4))  # fmt: skip
    assert told(read(document)) == (["c"], [], False)
    assert told(read(document, at(1))) == (["c"], ["b"], True)
    assert told(read(document, at(4))) == (["c"], [], False)


def test_2_1_4_only_what_is_added_to_or_removed_from_this_stream():
    here, other = {"id": STREAM}, {"id": "https://other.example/stream"}
    document = page(activity("Add", "a", 1, target=here), activity("Add", "b", 1, target=other),
                    activity("Remove", "c", 1, origin=here),
                    activity("Remove", "d", 1, origin=other))  # fmt: skip
    assert told(read(document)) == (["a"], ["c"], True)


def test_3_3_other_classes_and_activities_are_passed_over():
    image = {"id": "https://archive.example/i", "type": "Image"}
    document = page({"type": "Update", "object": image}, activity("View", "a"), {"type": "Create"},
                    activity("Create", "b") | {"object": "https://archive.example/b"})  # fmt: skip
    assert told(read(document)) == ([], [], True)


def test_the_first_page_has_none_before_it():
    document = page(activity("Create", "a", 1))
    del document["prev"]
    assert told(read(document)) == (["a"], [], False)


def test_a_walk_over_two_pages_by_links_alone():
    documents = {
        STREAM: {"type": "OrderedCollection", "last": {"id": URL}},
        URL: page(activity("Update", "c", 3), activity("Delete", "a", 4)),
        BEFORE: {"type": "OrderedCollectionPage", "orderedItems": [
            activity("Create", "a", 1), activity("Create", "b", 2)]},
    }  # fmt: skip
    pending, there, gone = [STREAM], [], []
    while pending:
        url = pending.pop()
        found = read_changes(url, json.dumps(documents[url]).encode(), None)
        gone += [place for place in found.gone if place not in there]
        for link in found.links:
            if link.url in documents:
                pending.append(link.url)
            elif link.url not in gone:
                there.append(link.url)
    assert (there, gone) == (
        ["https://archive.example/c", "https://archive.example/b"], ["https://archive.example/a"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"type": "Manifest"}', b'{"type": "OrderedCollection"}',
             b'{"type": "OrderedCollection", "last": "ftp://a.example/"}'],
)  # fmt: skip
def test_what_is_no_list_of_changes(body):
    with pytest.raises(InputError) as caught:
        read_changes(URL, body, None)
    assert caught.value.code == "iiif.unreadable"


def test_a_time_without_a_zone_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="zone"):
        read_changes(URL, b"{}", datetime(2024, 5, 1))  # noqa: DTZ001 that is the test
