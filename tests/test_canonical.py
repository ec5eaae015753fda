"""JSON with one spelling (docs/formats/sealed.md, "Canonical JSON")."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus import canonical

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_what_was_encoded_decodes_to_the_same(value):
    assert canonical.decode(canonical.encode(value)) == value


def test_the_spelling():
    value = {"b": [1, 2.5, None, True], "a": "é\U0001f600\n/"}
    expected = b'{"a":"\\u00e9\\ud83d\\ude00\\n/","b":[1,2.5,null,true]}'
    assert canonical.encode(value) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1\n",
        b"01",
        b"1.50",
        b"1e2",
        b"-0",
        b"NaN",
        b"Infinity",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'"\\u0041"',
        b'"\\u00E9"',
        '"é"'.encode(),
        b'"\\/"',
        b'"\\ud800"',
        b"[1,]",
        b"[1]x",
        b"\xef\xbb\xbf1",
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_second_spelling_is_refused(data):
    with pytest.raises(ValueError):
        canonical.decode(data)


@pytest.mark.parametrize("value", [{1: 2}, {"a": {None: 1}}, [{True: 1}], b"x", {1, 2}])
def test_what_json_cannot_hold_is_a_type_error(value):
    with pytest.raises(TypeError):
        canonical.encode(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}])
def test_what_has_no_spelling_is_a_value_error(value):
    with pytest.raises(ValueError):
        canonical.encode(value)
