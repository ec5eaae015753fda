"""Dictionaries of structured fields: RFC 9651 section 4.2.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.structured import MAX_MEMBERS, dictionary


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", []), ("a=1", [("a", "1")]), ("a", [("a", "?1")]), ("a;q=1", [("a", "?1")]),
        ("a=1, b=2", [("a", "1"), ("b", "2")]), ("a=1\t,\tb=2", [("a", "1"), ("b", "2")]),
        ("a=1,a=2", [("a", "1"), ("a", "2")]), ('a="x, b=\\"1"', [("a", '"x, b=\\"1"')]),
        ("a=(1 tok);x, b=?0", [("a", "(1 tok)"), ("b", "?0")]), ("a=()", [("a", "()")]),
        ("a=:aGk=:", [("a", ":aGk=:")]), ("a=@12", [("a", "@12")]),
        ("*a.b-c_1=-1.5", [("*a.b-c_1", "-1.5")]),
        ('a=%"f%c3%bc"', [("a", '%"f%c3%bc"')]), ("a=y;x=1;y, b=n", [("a", "y"), ("b", "n")]),
    ],
)  # fmt: skip
def test_rfc_9651_4_2_2_dictionaries(text, members):
    assert dictionary(text) == members


@pytest.mark.parametrize("text", [
    "A=1", "a=", "a=1,", "a=1 b=2", "a==1", ",a", "a=1,,b", "1=a", 'a="x', 'a="\\x"', "a=(1",
    "a=(1,2)", "a=1.", "a=1.2345", "a=1234567890123456", "a=é", "a=?2", "a= 1", "a =1", "a;",
    "a;=1", "a=1;B",
    "a=:é:", "\ta", "a=1\x00", "a=(1)b", "a=1.5.2",
])  # fmt: skip
def test_rfc_9651_what_is_no_dictionary(text):
    with pytest.raises(ValueError):
        dictionary(text)


def test_rfc_9651_more_than_is_read():
    for text in ("a" * 10_000, ",".join(["a"] * (MAX_MEMBERS + 1))):
        with pytest.raises(ValueError, match="at most"):
            dictionary(text)


@given(st.text() | st.text('aA=,;()"\\:?@%* 01.-\t'))
def test_rfc_9651_nothing_else_is_raised(text):
    try:
        members = dictionary(text)
    except ValueError:
        return
    assert all(key and value for key, value in members)
