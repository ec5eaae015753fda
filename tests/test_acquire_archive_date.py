"""Dates as archives write them, and how much of them is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.archive_date import MAX_WRITTEN, written_date


@pytest.mark.parametrize(
    ("written", "text", "precision"),
    [
        ("1978", "1978", "year"), ("1978.", "1978", "year"), ("[1978]", "1978", "year"),
        ("1978-05", "1978-05", "month"), ("1978-05-12", "1978-05-12", "day"),
        ("1978-05-12T10:11:12Z", "1978-05-12T10:11:12+00:00", "second"),
        ("1978:05:12 10:11:12", "1978-05-12T10:11:12", "second"),
        ("19780512", "1978-05-12", "day"), ("1978/05/12", "1978-05-12", "day"),
        ("1978.5", "1978-05", "month"), ("05/1978", "1978-05", "month"),
        ("12 May 1978", "1978-05-12", "day"), ("12th of May, 1978", "1978-05-12", "day"),
        ("May 12, 1978", "1978-05-12", "day"), ("May 1978", "1978-05", "month"),
        ("Friday, 12 May 1978", "1978-05-12", "day"), ("1978 May 12", "1978-05-12", "day"),
        ("1978, May", "1978-05", "month"), ("Sept. 1978", "1978-09", "month"),
        ("12 mai 1978", "1978-05-12", "day"), ("1er août 1978", "1978-08-01", "day"),
        ("12 DÉCEMBRE 1978", "1978-12-12", "day"), ("12 mei 1978", "1978-05-12", "day"),
        ("vr., 12 mrt 1978", "1978-03-12", "day"), ("12. März 1978", "1978-03-12", "day"),
        ("12.05.1978", "1978-05-12", "day"), ("12-5-1978", "1978-05-12", "day"),
        ("31/12/1978", "1978-12-31", "day"), ("12/31/1978", "1978-12-31", "day"),
        ("05/05/1978", "1978-05-05", "day"), ("05/12/1978", "1978", "year"),
        ("1978-05-12/1978-05-14", "1978-05", "month"), ("1978-05/1978-06", "1978", "year"),
        ("1978-05-12/1978-05-12", "1978-05-12", "day"),
    ],
)  # fmt: skip
def test_dates_that_are_known(written, text, precision):
    date = written_date(written)
    assert date is not None
    assert (date.text, date.precision) == (text, precision)


@pytest.mark.parametrize(
    "written",
    [
        "", "undated", "s.d.", "c. 1978", "ca 1978", "circa 1978", "about May 1978", "vers 1978",
        "um 1978", "omstreeks 1978", "1978?", "[1978?]", "1978~", "197X", "1970s", "before 1978",
        "after 1978", "between 1970 and 1978", "1970/1978", "1970-1978", "19th century",
        "31 February 1978", "12 Brumaire 1978", "40 May 1978", "1978-13", "0978", "12 May 78",
        "12 May 1978 and 13 May 1978", "1978" * 20, "٤ May 1978", "7/1978/5",
    ],
)  # fmt: skip
def test_what_the_archive_does_not_know_is_not_known(written):
    assert written_date(written) is None


@given(st.text(max_size=MAX_WRITTEN + 5) | st.text(st.sampled_from("0123456789./- May,[]?")))
def test_any_text_is_read(written):
    date = written_date(written)
    if date is not None and date.precision != "second":
        assert written_date(date.text) == date
