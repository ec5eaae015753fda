"""Leaf, payload and commitment of an audit entry (docs/formats/audit-log.md)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import vectors

from vultus.audit.entry import (
    MAX_LEAF_BYTES,
    MAX_PAYLOAD_BYTES,
    Leaf,
    commit,
    decode_payload,
    encode_payload,
    new_salt,
    verify_commitment,
)
from vultus.audit.kind import EntryKind
from vultus.audit.merkle import leaf_hash
from vultus.errors import IntegrityError

VECTORS = vectors("leaf")
TIME = datetime(2026, 11, 24, 8, 7, 38, 123000, tzinfo=UTC)
KIND = EntryKind.SEARCH_RUN
LEAVES = st.builds(
    Leaf,
    st.sampled_from(EntryKind),
    st.datetimes(timezones=st.just(UTC)).map(
        lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)
    ),
    st.binary(min_size=32, max_size=32),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def malformed(function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    return raised.value.code


# Leaf


@given(LEAVES)
def test_a_leaf_reads_back(leaf):
    data = leaf.to_bytes()
    assert Leaf.from_bytes(data) == leaf
    assert len(data) <= MAX_LEAF_BYTES


@pytest.mark.parametrize("vector", VECTORS["leaves"], ids=lambda v: v["kind"])
def test_leaf_vectors(vector):
    data = bytes.fromhex(vector["leaf"])
    leaf = Leaf.from_bytes(data)
    assert leaf.kind == vector["kind"]
    assert leaf.time == datetime.fromtimestamp(vector["time_ms"] // 1000, UTC) + timedelta(
        milliseconds=vector["time_ms"] % 1000
    )
    assert leaf.commitment.hex() == vector["commitment"]
    assert leaf.to_bytes() == data
    assert leaf_hash(data).hex() == vector["leaf_hash"]


@pytest.mark.parametrize("vector", VECTORS["malformed"], ids=lambda v: v["name"])
def test_malformed_leaves_are_refused(vector):
    assert malformed(Leaf.from_bytes, bytes.fromhex(vector["leaf"])) == vector["error"]


@given(LEAVES, st.data())
def test_a_changed_byte_never_reads_as_the_same_leaf(leaf, data):
    encoded = leaf.to_bytes()
    position = data.draw(st.integers(0, len(encoded) - 1))
    value = data.draw(st.integers(0, 255))
    changed = encoded[:position] + bytes([value]) + encoded[position + 1 :]
    try:
        assert (Leaf.from_bytes(changed) == leaf) == (changed == encoded)
    except IntegrityError:
        assert changed != encoded


@given(st.binary(max_size=300))
def test_any_bytes_are_a_leaf_or_refused(data):
    assert malformed(Leaf.from_bytes, data) == "leaf.malformed"


@pytest.mark.parametrize(
    "time",
    [
        TIME.replace(tzinfo=None),
        TIME.replace(microsecond=1),
        TIME.astimezone(timezone(timedelta(hours=1))),
    ],
)
def test_a_leaf_of_another_time_is_a_mistake(time):
    with pytest.raises(ValueError):
        Leaf(KIND, time, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_commitment_of_another_length_is_a_mistake(length):
    with pytest.raises(ValueError):
        Leaf(KIND, TIME, bytes(length))


def test_the_time_is_cut_to_milliseconds_of_utc():
    local = datetime(2026, 11, 24, 9, 7, 38, 123999, tzinfo=timezone(timedelta(hours=1)))
    leaf = Leaf.of(KIND, local, bytes(32), b"{}")
    assert leaf == Leaf(KIND, TIME, commit(bytes(32), b"{}"))
    assert b"2026-11-24T08:07:38.123Z" in leaf.to_bytes()


def test_the_leaf_holds_nothing_of_the_payload():
    payload = encode_payload(EntryKind.CASE_OPENED, {"case": 1, "reference": "ann@example.org"})
    salt = new_salt()
    data = Leaf.of(EntryKind.CASE_OPENED, TIME, salt, payload).to_bytes()
    assert b"ann" not in data
    assert salt.hex().encode() not in data


# Commitment


@pytest.mark.parametrize("vector", VECTORS["commitments"], ids=lambda v: v["salt"][:8])
def test_commitment_vectors(vector):
    salt, payload = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["payload"])
    assert commit(salt, payload).hex() == vector["commitment"]


def test_a_commitment_binds_salt_and_payload():
    salt = new_salt()
    leaf = Leaf.of(KIND, TIME, salt, b'{"by":1}')
    verify_commitment(leaf, salt, b'{"by":1}')
    for wrong_salt, payload in [(salt, b'{"by":2}'), (new_salt(), b'{"by":1}'), (b"", b'{"by":1}')]:
        assert malformed(verify_commitment, leaf, wrong_salt, payload) == "commitment.wrong"


def test_salts_are_32_random_bytes():
    assert len(new_salt()) == 32
    assert new_salt() != new_salt()
    with pytest.raises(ValueError):
        commit(bytes(31), b"")


# Payload


@given(st.dictionaries(st.sampled_from(["by", "case", "search"]), VALUES))
def test_a_payload_reads_back(payload):
    assert decode_payload(KIND, encode_payload(KIND, payload)) == payload


def test_an_undeclared_field_is_a_mistake_when_written_and_malformed_when_read():
    with pytest.raises(ValueError, match="email"):
        encode_payload(KIND, {"email": "x"})
    assert malformed(decode_payload, KIND, b'{"email":"x"}') == "payload.malformed"


@pytest.mark.parametrize("value", [0.5, [0.5], {"a": [1.0]}, float("nan")])
def test_fractions_are_written_as_text(value):
    with pytest.raises(TypeError):
        encode_payload(KIND, {"by": value})
    assert malformed(decode_payload, KIND, b'{"by":0.5}') == "payload.malformed"


@pytest.mark.parametrize("value", [2**53, -(2**53), [2**53], {"a": 2**60}])
def test_numbers_that_other_languages_round_are_refused(value):
    with pytest.raises(ValueError):
        encode_payload(KIND, {"by": value})


def test_a_payload_has_a_limit():
    with pytest.raises(ValueError):
        encode_payload(KIND, {"by": "x" * MAX_PAYLOAD_BYTES})


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"1", b'{"by": 1}', b'{"search":1,"by":1}', b'{"by":1,"by":1}', b"\xff"]
)
def test_another_spelling_of_a_payload_is_refused(data):
    assert malformed(decode_payload, KIND, data) == "payload.malformed"
