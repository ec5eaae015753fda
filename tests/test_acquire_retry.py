"""Retry-After (RFC 9110 section 10.2.3), and the pace at a host that refuses."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.retry import MAX_INTERVAL_S, MAX_REFUSALS, MIN_INTERVAL_S, Pace, retry_after

NOW = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC)
STATUSES = st.sampled_from([200, 304, 404, 429, 500, 503])
HEADERS = st.none() | st.text(max_size=30) | st.integers(-5, 10**12).map(str)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("value", "seconds"), [
    ("120", 120.0), (" 120 ", 120.0), ("0", 0.0), ("9" * 300, MAX_INTERVAL_S),
], ids=["plain", "spaces", "none", "huge"])  # fmt: skip
def test_10_2_3_seconds(value, seconds):
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ],
    ids=["IMF-fixdate", "RFC 850", "asctime"],
)
def test_5_6_7_the_three_dates_of_http(value):
    assert retry_after(value, NOW) == 30.0
    assert retry_after(value, NOW.astimezone(timezone(timedelta(hours=9)))) == 30.0
    assert retry_after(value, later(60)) == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "Sun, 99 Nov 1994 08:49:37 GMT"])
def test_anything_else_says_nothing(value):
    assert retry_after(value, NOW) is None


@given(st.text())
def test_no_text_raises_or_asks_for_less_than_nothing(value):
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= MAX_INTERVAL_S


def test_a_time_without_a_zone_is_a_mistake():
    with pytest.raises(ValueError, match="zone"):
        retry_after("1", NOW.replace(tzinfo=None))


def test_the_pace_is_the_slowest_that_anybody_asks_for():
    assert Pace.of().interval_s == MIN_INTERVAL_S
    assert Pace.of(0.0, 0.1, -3.0, float("nan")).interval_s == MIN_INTERVAL_S
    assert Pace.of(5.0, 20.0).interval_s == 20.0
    assert Pace.of(float("inf")).interval_s == MAX_INTERVAL_S


@pytest.mark.parametrize("status", [429, 503])
def test_each_refusal_halves_the_rate_and_the_third_ends_the_visit(status):
    pace, seen = Pace.of(2.0), []
    for _ in range(MAX_REFUSALS):
        assert pace.next_request(None, NOW) is not None
        pace = pace.after(status, None, NOW)
        seen.append(pace.interval_s)
    assert seen == [4.0, 8.0, 16.0]
    assert pace.stopped
    assert pace.next_request(None, later(10**6)) is None


def test_an_answer_that_is_fine_does_not_speed_up_the_visit():
    pace = Pace.of(2.0).after(503, None, NOW).after(200, None, later(60))
    assert (pace.interval_s, pace.n_refusals) == (4.0, 1)


def test_other_errors_are_no_refusals():
    assert Pace.of(2.0).after(500, None, NOW) == Pace.of(2.0)
    assert Pace.of(2.0).after(404, None, NOW) == Pace.of(2.0)


def test_retry_after_is_kept_and_cannot_shorten_the_pause():
    assert Pace.of(2.0).after(503, "120", NOW).next_request(NOW, NOW) == later(120)
    assert Pace.of(2.0).after(503, "1", NOW).next_request(NOW, NOW) == later(4)
    assert Pace.of(2.0).after(503, "1", NOW).next_request(None, NOW) == later(4)
    assert Pace.of(2.0).after(503, "nonsense", NOW).next_request(NOW, NOW) == later(4)
    assert Pace.of(2.0).after(200, "120", NOW).next_request(NOW, NOW) == later(120)


def test_a_later_visit_keeps_what_was_asked_for():
    pace = Pace.of(2.0).after(503, "120", NOW)
    next_visit = Pace.of(2.0, not_before=pace.not_before)
    assert not next_visit.stopped
    assert next_visit.next_request(None, later(1)) == later(120)


def test_an_earlier_retry_after_does_not_take_back_a_later_one():
    pace = Pace.of().after(503, "120", NOW).after(503, "5", later(1))
    assert pace.next_request(later(1), later(1)) == later(120)


@given(st.lists(st.tuples(STATUSES, HEADERS), max_size=8), st.floats(0, 1e9))
def test_no_answer_makes_the_pace_faster(answers, bound):
    pace = Pace.of(bound)
    for status, header in answers:
        changed = pace.after(status, header, NOW)
        assert changed.interval_s >= pace.interval_s >= MIN_INTERVAL_S
        assert changed.n_refusals >= pace.n_refusals
        assert pace.not_before is None or changed.not_before >= pace.not_before
        pace = changed
    time = pace.next_request(NOW, NOW)
    assert time is None or time >= later(pace.interval_s)
