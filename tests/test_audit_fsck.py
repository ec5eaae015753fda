"""Checking a whole log against what was stored and signed (docs/formats/audit-log.md)."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors.audit import generate, vectors

from vultus.audit.fsck import check_extends, check_log
from vultus.audit.merkle import Frontier
from vultus.errors import InputError, IntegrityError

VECTORS = vectors("log")
KEY = VECTORS["verifier_key"]
WHOLE = VECTORS["logs"][0]
LEAVES = [generate.leaf_of(i) for i in range(40)]
HASHES = [generate.leaf_hash(leaf) for leaf in LEAVES]


def rows(entries):
    return ((index, bytes.fromhex(leaf), bytes.fromhex(stored)) for index, leaf, stored in entries)


def note_of(hashes):
    return generate.note(generate.text_of(len(hashes), generate.root(hashes)))


def code_of(function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    return raised.value.code


@pytest.mark.parametrize("log", VECTORS["logs"], ids=lambda log: log["name"])
def test_the_vectors(log):
    arguments = rows(log["entries"]), bytes.fromhex(log["frontier"]), log["note"], KEY
    if log["error"] is None:
        assert check_log(*arguments).size == len(log["entries"])
    else:
        assert code_of(check_log, *arguments) == log["error"]


def test_a_message_names_the_entry():
    entries = [row for row in WHOLE["entries"] if row[0] != 3]
    with pytest.raises(IntegrityError, match="Entry 3 "):
        check_log(rows(entries), bytes.fromhex(WHOLE["frontier"]), WHOLE["note"], KEY)


def test_a_bad_key_is_bad_input():
    with pytest.raises(InputError):
        check_log([], b"", WHOLE["note"], "no key")


@given(st.data())
def test_no_changed_byte_of_a_log_goes_unseen(data):
    entries = [
        [index, bytearray.fromhex(leaf), bytearray.fromhex(stored)]
        for index, leaf, stored in WHOLE["entries"]
    ]
    frontier = bytearray.fromhex(WHOLE["frontier"])
    place = data.draw(st.sampled_from([frontier] + [part for row in entries for part in row[1:]]))
    place[data.draw(st.integers(0, len(place) - 1))] ^= data.draw(st.integers(1, 255))
    stored = ((index, bytes(leaf), bytes(hashed)) for index, leaf, hashed in entries)
    code_of(check_log, stored, bytes(frontier), WHOLE["note"], KEY)


@given(st.permutations(range(5)), st.integers(0, 5))
def test_no_other_order_or_choice_of_entries_goes_unseen(order, n):
    chosen = [WHOLE["entries"][i] for i in order[:n]]
    arguments = bytes.fromhex(WHOLE["frontier"]), WHOLE["note"], KEY
    if chosen == WHOLE["entries"]:
        check_log(rows(chosen), *arguments)
    else:
        code_of(check_log, rows(chosen), *arguments)


def test_entries_are_read_one_at_a_time():
    n = 3000
    frontier = Frontier()
    for i in range(n):
        frontier.append(generate.leaf_hash(generate.leaf_of(i)))
    note = generate.note(generate.text_of(n, frontier.root()))
    edge = frontier.to_bytes()
    entries = ((i, generate.leaf_of(i), generate.leaf_hash(generate.leaf_of(i))) for i in range(n))
    tracemalloc.start()
    check_log(entries, edge, note, KEY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000  # the 3,000 leaves alone are more than 450,000 bytes


# One checkpoint after another


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(0, 40))
def test_a_log_that_grew_extends_the_earlier_checkpoint(a, b):
    old, new = sorted((a, b))
    proof = generate.subproof(old, HASHES[:new], True) if old else []
    notes = note_of(HASHES[:old]), note_of(HASHES[:new])
    assert check_extends(*notes, proof, KEY).size == new


def test_a_log_that_was_rewritten_does_not():
    rewritten = [generate.leaf_hash(b"x"), *HASHES[1:20]]
    proof = generate.subproof(7, rewritten, True)
    notes = note_of(HASHES[:7]), note_of(rewritten)
    assert code_of(check_extends, *notes, proof, KEY) == "log.history_differs"


def test_two_checkpoints_of_one_size_must_be_the_same():
    notes = note_of(HASHES[:7]), note_of(HASHES[1:8])
    assert code_of(check_extends, *notes, [], KEY) == "log.history_differs"


def test_a_log_that_shrank_was_truncated():
    notes = note_of(HASHES[:8]), note_of(HASHES[:7])
    assert code_of(check_extends, *notes, [], KEY) == "log.truncated"


@pytest.mark.parametrize("which", [0, 1])
def test_both_checkpoints_must_be_signed(which):
    notes = [note_of(HASHES[:7]), note_of(HASHES[:7])]
    forged = generate.text_of(7, generate.root(HASHES[:7]))
    notes[which] = generate.note(forged, generate.NAME, generate.WITNESS_SEED)
    assert code_of(check_extends, *notes, [], KEY) == "log.signature_wrong"
    notes[which] = "x"
    assert code_of(check_extends, *notes, [], KEY) == "log.checkpoint_malformed"
