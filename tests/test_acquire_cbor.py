"""CBOR (RFC 8949): what is read, and that there is one spelling of it."""

import struct
from contextlib import suppress

import pytest
from content_credentials import cbor, head
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.cbor import MAX_BYTES, MAX_DEPTH, MAX_VALUES, decode


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("00", 0), ("17", 23), ("1818", 24), ("1903e8", 1000), ("1a000f4240", 1_000_000),
        ("1b000000e8d4a51000", 10**12), ("1bffffffffffffffff", 2**64 - 1), ("20", -1),
        ("3903e7", -1000), ("f90000", 0.0), ("f93c00", 1.0), ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1), ("f4", False), ("f5", True), ("f6", None),
        ("40", b""), ("4401020304", b"\1\2\3\4"), ("60", ""), ("62c3bc", "ü"),
        ("83010203", [1, 2, 3]), ("a0", {}), ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
    ],
)  # fmt: skip
def test_the_standards_examples(data, value):
    """RFC 8949 appendix A; of a tag the content is kept."""
    assert decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    [
        "", "18", "1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", "5803010203",
        "9f01ff", "bf6161ff", "5f4101ff", "7f6161ff", "1c", "1f", "ff", "e0", "f7", "f818", "f820",
        "0000", "61ff", "62c3", "a1", "a161", "a26161016161 02", "a18001", "a1f501f5",
        "a1f93c0001", "9bffffffffffffffff", "bbffffffffffffffff", "7bffffffffffffffff",
    ],
)  # fmt: skip
def test_what_is_cut_reserved_indefinite_or_in_another_spelling_is_refused(data):
    with pytest.raises(ValueError, match=r".+"):
        decode(bytes.fromhex(data))


def test_bounds():
    assert decode(b"\x81" * MAX_DEPTH + b"\0") is not None
    for data in (
        b"\x81" * (MAX_DEPTH + 1) + b"\0",
        b"\x81" * 1_000_000,
        head(4, MAX_VALUES) + b"\0" * MAX_VALUES,
        head(2, MAX_BYTES) + b"\0" * MAX_BYTES,
    ):
        with pytest.raises(ValueError, match="read"):
            decode(data)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.text() | st.binary()
    | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text() | st.integers(0, 9) | st.binary(), inner, max_size=4)
    ),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_round_trip_through_a_writer_of_the_tests(value):
    assert decode(cbor(value)) == value


@given(st.integers(0, 2**64 - 1))
def test_a_number_has_one_spelling(number):
    shortest = cbor(number)
    for low, form in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        try:
            other = bytes([low]) + struct.pack(form, number)
        except struct.error:
            continue
        if other != shortest:
            with pytest.raises(ValueError, match="shortest"):
                decode(other)


@given(st.binary())
def test_any_bytes_are_a_value_or_a_value_error(data):
    with suppress(ValueError):
        decode(data)
