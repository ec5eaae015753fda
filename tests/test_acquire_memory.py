"""What a host has said is kept for as long as it may be used, and survives being stored."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.memory import MIN_AGE, SILENT_FOR, Kept, Memory, usable_until

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAYS = (datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - the zone is given beside them
TIMES = st.datetimes(*DAYS, timezones=st.just(UTC))
KEPT = st.builds(
    Kept,
    st.none() | st.integers(100, 599), st.text(), st.binary(), st.booleans(), st.integers(0, 5),
    st.sampled_from(["", "fetch.timeout", "fetch.redirect", "fetch.encoding"]), st.text(), TIMES,
    TIMES,
)  # fmt: skip


def kept(status=200, body=b"", code="", until=NOW + timedelta(hours=24), fetched_at=NOW):
    return Kept(status, "text/plain", body, False, 0, code, "", fetched_at, until)


@given(st.dictionaries(st.text(), KEPT))
def test_a_memory_that_was_stored_is_the_same(files):
    memory = Memory(dict(files))
    again = Memory()
    again.load(json.loads(json.dumps(memory.to_json())))
    assert again.files == files


@given(KEPT)
def test_any_answer_means_something_as_robots_txt_and_never_permits_unread(found):
    robots = found.robots()
    if found.status is None:
        assert not robots.answer("https://a.example/").allowed


def test_an_answer_is_used_until_its_time_and_not_from_before_the_visit():
    memory = Memory({"u": kept()})
    assert memory.file("u", NOW + timedelta(hours=23), None)
    assert memory.file("u", NOW, NOW)
    assert not memory.file("u", NOW + timedelta(hours=24), None)
    assert not memory.file("u", NOW, NOW + timedelta(seconds=1))
    assert not memory.file("v", NOW, None)


def test_robots_txt_is_read_anew_when_it_was_asked_for_anew():
    memory = Memory({"u": kept(body=b"User-agent: *\nDisallow: /")})
    assert not memory.robots("u").answer("https://a.example/b").allowed
    memory.keep("u", kept(body=b"User-agent: *\nDisallow:"))
    assert memory.robots("u").answer("https://a.example/b").allowed


@pytest.mark.parametrize(
    ("control", "silent", "age"),
    [
        ("", False, timedelta(hours=24)),
        ("max-age=7200", False, timedelta(hours=2)),
        ("max-age=999999", False, timedelta(hours=24)),
        ("no-cache", False, MIN_AGE),
        ("max-age=1", False, MIN_AGE),
        ("max-age=999999", True, SILENT_FOR),
    ],
)
def test_how_long_a_file_is_used(control, silent, age):
    """RFC 9309 section 2.4: at most 24 hours; a host that did not answer is asked sooner."""
    assert usable_until(NOW, control, silent=silent) == NOW + age


@pytest.mark.parametrize(
    ("found", "silent", "rule"),
    [
        (kept(status=503), True, "robots.unreachable"),
        (kept(status=429), True, "robots.forbidden"),
        (kept(status=403), False, "robots.forbidden"),
        (kept(status=404), False, "robots.absent"),
        (kept(status=None, code="fetch.timeout"), True, "robots.unreachable"),
        (kept(status=None, code="fetch.redirect"), False, "robots.redirects"),
        (kept(status=None, code="fetch.encoding"), False, "robots.unreadable"),
    ],
)
def test_a_host_that_is_silent_is_not_one_that_says_no(found, silent, rule):
    assert (found.silent, found.robots().rule) == (silent, rule)


def test_the_pace_only_slows_down():
    memory = Memory()
    memory.at_least(3.0)
    memory.at_least(1.0)
    assert memory.pace.interval_s == 3.0
