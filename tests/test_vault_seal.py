"""Sealed bytes, and the vault over them (docs/formats/sealed.md)."""

import hmac
import json
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import IntegrityError
from vultus.vault.key import MasterKey
from vultus.vault.seal import OVERHEAD_BYTES, Sealer, Vault, seal, unseal

KEY = bytes(range(32))
IDENTITY = "reference:123:template"
VECTORS = json.loads((Path(__file__).parent / "vectors" / "vault" / "sealed.json").read_text())
IDENTITIES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=63)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture(scope="module")
def vault():
    return Vault(MasterKey(KEY))


def refuses(function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    assert raised.value.code == "sealed.does_not_open"
    return raised.value


# Sealed bytes


@given(st.binary(max_size=300), IDENTITIES)
def test_what_was_sealed_opens(plaintext, identity):
    sealed = seal(KEY, plaintext, identity)
    assert unseal(KEY, sealed, identity) == plaintext
    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES


def test_sealing_twice_gives_other_bytes():
    assert seal(KEY, b"same", IDENTITY) != seal(KEY, b"same", IDENTITY)


def test_the_format_is_the_documented_one():
    sealed = seal(KEY, b"a template", IDENTITY)
    info = b"vultus/1/message" + sealed[1:17]
    key = HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(KEY)
    assert sealed[0] == 1
    assert AESGCM(key).decrypt(sealed[17:29], sealed[29:], IDENTITY.encode()) == b"a template"


@pytest.mark.parametrize("vector", VECTORS["opens"], ids=lambda v: v["name"])
def test_vectors_that_open(vector):
    sealed = bytes.fromhex(vector["sealed"])
    key = bytes.fromhex(vector["key"])
    assert unseal(key, sealed, vector["identity"]).hex() == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["does_not_open"], ids=lambda v: v["name"])
def test_vectors_that_do_not_open(vector):
    sealed = bytes.fromhex(vector["sealed"])
    refuses(unseal, bytes.fromhex(vector["key"]), sealed, vector["identity"])


def test_no_changed_bit_opens():
    sealed = seal(KEY, b"four", IDENTITY)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        refuses(unseal, KEY, bytes(changed), IDENTITY)


def test_no_cut_and_no_extension_opens():
    sealed = seal(KEY, b"four", IDENTITY)
    for end in range(len(sealed)):
        refuses(unseal, KEY, sealed[:end], IDENTITY)
    refuses(unseal, KEY, sealed + b"\0", IDENTITY)
    refuses(unseal, KEY, sealed[1:], IDENTITY)


def test_another_identity_or_key_does_not_open_and_the_error_does_not_say_which():
    sealed = seal(KEY, b"four", IDENTITY)
    wrong_identity = refuses(unseal, KEY, sealed, "reference:124:template")
    wrong_key = refuses(unseal, bytes(32), sealed, IDENTITY)
    assert (wrong_identity.message, wrong_identity.hint) == (wrong_key.message, wrong_key.hint)


@pytest.mark.parametrize("identity", ["", "x" * 256, "é" * 128])
def test_an_identity_is_1_to_255_bytes(identity):
    with pytest.raises(ValueError):
        seal(KEY, b"", identity)
    with pytest.raises(ValueError):
        unseal(KEY, bytes([1]) + bytes(100), identity)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_a_mistake(length):
    with pytest.raises(ValueError):
        Sealer(bytes(length))


# The vault


def test_purposes_do_not_open_each_other(vault):
    sealed = vault.seal("template", IDENTITY, b"x")
    assert vault.unseal("template", IDENTITY, sealed) == b"x"
    refuses(vault.unseal, "caption", IDENTITY, sealed)
    refuses(Vault(MasterKey(bytes(32))).unseal, "template", IDENTITY, sealed)


def test_the_vault_uses_the_documented_key(vault):
    key = MasterKey(KEY).derive("seal/template")
    assert unseal(key, vault.seal("template", IDENTITY, b"x"), IDENTITY) == b"x"


@given(TEXTS)
def test_text_round_trip(text):
    vault = Vault(MasterKey(KEY))
    assert vault.unseal_text("t", "i", vault.seal_text("t", "i", text)) == text


@given(st.dictionaries(TEXTS, st.integers() | TEXTS | st.none() | st.lists(st.floats(-1, 1))))
def test_json_round_trip(value):
    vault = Vault(MasterKey(KEY))
    assert vault.unseal_json("t", "i", vault.seal_json("t", "i", value)) == value


@pytest.mark.parametrize(("length", "padded"), [(0, 32), (1, 32), (31, 32), (32, 64), (63, 64)])
def test_a_short_text_shows_its_length_only_in_steps(vault, length, padded):
    assert len(vault.seal_text("t", "i", "x" * length)) == padded + OVERHEAD_BYTES


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(32),
        b"text",
        b"text\x80",
        b"text\x80" + bytes(26),
        b"text\x80" + bytes(28),
        b"text\x80" + bytes(27 + 32),
        b"text\x80" + bytes(26) + b"\x01",
        b"text" + bytes(28),
        b"\xff\x80" + bytes(30),
    ],
)
def test_other_padding_does_not_open_as_text(vault, padded):
    refuses(vault.unseal_text, "t", "i", vault.seal("t", "i", padded))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', '{"b":1,"a":1}', "NaN"])
def test_other_spellings_do_not_open_as_json(vault, text):
    refuses(vault.unseal_json, "t", "i", vault.seal_text("t", "i", text))


# The blind index


def test_the_blind_index_is_the_documented_one(vault):
    expected = hmac.digest(MasterKey(KEY).derive("blind/email"), b"a@example.org", "sha256")
    assert vault.blind("email", "a@example.org") == expected
    assert vault.blind("email", b"a@example.org") == expected
    assert vault.blind("email", "b@example.org") != expected
    assert vault.blind("name", "a@example.org") != expected


def test_blind_and_seal_use_different_keys():
    assert MasterKey(KEY).derive("blind/x") != MasterKey(KEY).derive("seal/x")


def test_keys_show_nowhere(vault):
    for thing in (vault, Sealer(KEY)):
        assert repr(thing) == str(thing) == f"{type(thing).__name__}(…)"
        with pytest.raises(TypeError):
            pickle.dumps(thing)
