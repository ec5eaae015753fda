"""Receipts: proofs that verify offline (docs/formats/receipt.md)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import generate, vectors

from vultus.audit.entry import Leaf
from vultus.audit.receipt import MAX_RECEIPT_BYTES, make_receipt, verify_receipt
from vultus.errors import InputError, IntegrityError

VECTORS = vectors("receipt")
KEY = VECTORS["verifier_key"]
N = 11
LEAVES = [generate.leaf_of(i) for i in range(N)]
HASHES = [generate.leaf_hash(leaf) for leaf in LEAVES]
NOTE = generate.note(generate.text_of(N, generate.root(HASHES)))
GOOD = VECTORS["opens"][0]["receipt"].encode()


def named(vector):
    return vector["name"]


def made(entry, **changes):
    arguments = {
        "leaf": LEAVES[entry],
        "index": entry,
        "proof": generate.path(entry, HASHES),
        "note": NOTE,
        "verifier_key": KEY,
        "payload": generate.canonical(generate.payload_of(entry)),
        "salt": generate.salt_of(entry),
    }
    return make_receipt(**{**arguments, **changes})


def code_of(function, *arguments, **named_arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments, **named_arguments)
    return raised.value.code


@pytest.mark.parametrize("index", range(N))
def test_a_receipt_that_was_made_verifies(index):
    receipt = verify_receipt(made(index), KEY)
    assert receipt.index == index
    assert receipt.leaf == Leaf.from_bytes(LEAVES[index])
    assert receipt.what == generate.payload_of(index)
    assert receipt.checkpoint.size == N


def test_making_is_the_documented_one():
    assert made(9) == GOOD
    assert made(9, payload=None, salt=None) == VECTORS["opens"][1]["receipt"].encode()


@pytest.mark.parametrize("vector", VECTORS["opens"], ids=named)
def test_vectors_that_verify(vector):
    receipt = verify_receipt(vector["receipt"].encode(), KEY)
    assert receipt.index == vector["index"]
    assert (receipt.what is not None) == vector["what"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=named)
def test_vectors_that_are_refused(vector):
    assert code_of(verify_receipt, vector["receipt"].encode(), KEY) == vector["error"]


@given(st.data())
def test_no_changed_byte_verifies(data):
    position = data.draw(st.integers(0, len(GOOD) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != GOOD[position]))
    code_of(verify_receipt, GOOD[:position] + bytes([value]) + GOOD[position + 1 :], KEY)


@given(st.binary())
def test_any_bytes_are_refused(data):
    assert code_of(verify_receipt, data, KEY) == "receipt.malformed"


@given(
    st.dictionaries(
        st.sampled_from(sorted(json.loads(GOOD))),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4),
        min_size=1,
    )
)
def test_any_change_of_a_value_is_refused_and_nothing_else_is_raised(changes):
    changed = generate.canonical({**json.loads(GOOD), **changes})
    if changed != GOOD:
        code_of(verify_receipt, changed, KEY)


def test_a_receipt_has_a_limit():
    long = generate.canonical({**json.loads(GOOD), "what": {"x": "y" * MAX_RECEIPT_BYTES}})
    assert code_of(verify_receipt, long, KEY) == "receipt.malformed"


def test_another_home_s_key_does_not_verify_it():
    other = generate.verifier_key(generate.NAME, generate.WITNESS_SEED)
    assert code_of(verify_receipt, GOOD, other) == "checkpoint.signature_wrong"
    with pytest.raises(InputError):
        verify_receipt(GOOD, "no key")


def test_a_receipt_that_would_not_verify_is_never_made():
    assert code_of(made, 9, index=8) == "proof.inclusion_wrong"
    assert code_of(made, 9, proof=[]) == "proof.inclusion_wrong"
    assert code_of(made, 9, payload=b"{}") == "commitment.wrong"
    assert code_of(made, 9, salt=bytes(32)) == "commitment.wrong"
    assert code_of(made, 9, note=NOTE[:-1]) == "checkpoint.malformed"
    assert code_of(made, 9, leaf=b"{") == "receipt.malformed"
    assert code_of(made, 9, payload=b'{"by": 1}') == "receipt.malformed"


@pytest.mark.parametrize("left_out", ["payload", "salt"])
def test_payload_and_salt_come_both_or_neither(left_out):
    with pytest.raises(ValueError):
        made(9, **{left_out: None})


def test_a_receipt_shows_nothing_once_what_and_salt_are_left_out():
    receipt = verify_receipt(made(9, payload=None, salt=None), KEY)
    assert receipt.what is None
    assert receipt.leaf.kind == "search.run"
