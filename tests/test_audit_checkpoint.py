"""Signed checkpoints: C2SP tlog-checkpoint and signed-note (docs/formats/audit-log.md)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import vectors

from vultus.audit.checkpoint import (
    MAX_NOTE_BYTES,
    Checkpoint,
    generate_signing_key,
    sign,
    verifier_key,
    verify_checkpoint,
)
from vultus.audit.merkle import EMPTY_ROOT
from vultus.errors import InputError, IntegrityError

VECTORS = vectors("checkpoint")
SEED = bytes.fromhex(VECTORS["signing_key"])
NAME, KEY = VECTORS["name"], VECTORS["verifier_key"]
GOOD = VECTORS["opens"][0]


def named(vector):
    return vector["name"]


def refused(note, key=KEY):
    with pytest.raises(IntegrityError) as raised:
        verify_checkpoint(note, key)
    return raised.value.code


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_was_signed_verifies(size, root):
    checkpoint = Checkpoint(NAME, size, root)
    assert verify_checkpoint(sign(checkpoint, SEED, NAME), KEY) == checkpoint


def test_signing_is_the_documented_one():
    checkpoint = Checkpoint(NAME, GOOD["size"], bytes.fromhex(GOOD["root"]))
    assert sign(checkpoint, SEED, NAME) == GOOD["note"]
    assert verifier_key(SEED, NAME) == KEY


@pytest.mark.parametrize("vector", VECTORS["opens"], ids=named)
def test_vectors_that_verify(vector):
    expected = Checkpoint(NAME, vector["size"], bytes.fromhex(vector["root"]))
    assert verify_checkpoint(vector["note"], KEY) == expected


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=named)
def test_vectors_that_are_refused(vector):
    assert vector["note"] != GOOD["note"]
    assert refused(vector["note"]) == vector["error"]


@pytest.mark.parametrize("vector", VECTORS["verifier_keys_refused"], ids=named)
def test_verifier_keys_that_are_refused(vector):
    with pytest.raises(InputError) as raised:
        verify_checkpoint(GOOD["note"], vector["verifier_key"])
    assert raised.value.code == vector["error"]


@pytest.mark.parametrize(
    "published",
    [
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_keys_that_others_published_are_read(published):
    assert refused(GOOD["note"], published) == "checkpoint.signature_wrong"


@given(st.data())
def test_no_changed_character_verifies(data):
    note = GOOD["note"]
    position = data.draw(st.integers(0, len(note) - 1))
    char = data.draw(st.characters(exclude_categories=[]))
    changed = note[:position] + char + note[position + 1 :]
    if changed != note:
        assert refused(changed) in ("checkpoint.malformed", "checkpoint.signature_wrong")


@given(st.text())
def test_any_text_is_refused(text):
    assert refused(text) == "checkpoint.malformed"


def test_a_note_has_a_limit():
    assert refused("x" * MAX_NOTE_BYTES + GOOD["note"]) == "checkpoint.malformed"
    assert refused("\ud800" + GOOD["note"]) == "checkpoint.malformed"


def test_another_home_does_not_pass():
    other = generate_signing_key()
    note = sign(Checkpoint("vultus/other", 0, EMPTY_ROOT), other, "vultus/other")
    assert refused(note) == "checkpoint.signature_wrong"
    assert verify_checkpoint(note, verifier_key(other, "vultus/other")).size == 0


def test_a_key_signs_only_for_the_log_of_its_name():
    with pytest.raises(ValueError):
        sign(Checkpoint(NAME, 0, EMPTY_ROOT), SEED, "vultus/other")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "é", "a\x7f", "x" * 256])
def test_a_name_that_no_note_can_hold_is_a_mistake(name):
    with pytest.raises(ValueError):
        Checkpoint(name, 0, EMPTY_ROOT)
    with pytest.raises(ValueError):
        verifier_key(SEED, name)


@pytest.mark.parametrize(
    ("size", "root"), [(-1, bytes(32)), (2**63, bytes(32)), (1, bytes(31)), (0, bytes(32))]
)
def test_a_checkpoint_that_cannot_be_is_a_mistake(size, root):
    with pytest.raises(ValueError):
        Checkpoint(NAME, size, root)


def test_signing_keys_differ():
    assert len(generate_signing_key()) == 32
    assert generate_signing_key() != generate_signing_key()
