"""Pages of a segment: sealed once, opened only at their place (docs/formats/sealed.md)."""

import pickle

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from vultus.errors import IntegrityError
from vultus.vault.key import MasterKey
from vultus.vault.page import PAGE_MAX, PageCipher
from vultus.vault.seal import OVERHEAD_BYTES, Vault

KEY = bytes(range(32))
VAULT = Vault(MasterKey(KEY))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=63)
PAGES = st.integers(0, PAGE_MAX)


def writing(name="a", key=KEY):
    return PageCipher(name, key, fresh=True)


def refuses(function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    assert raised.value.code == "sealed.does_not_open"


@given(NAMES, PAGES, st.binary(max_size=300))
def test_what_was_sealed_opens_at_its_place(name, page, plain):
    sealed = writing(name).seal(page, plain)
    assert len(sealed) == len(plain) + PageCipher.overhead
    assert PageCipher(name, KEY).unseal(page, sealed) == plain


@given(NAMES, NAMES, PAGES, PAGES, st.binary(max_size=60))
def test_at_another_place_or_in_another_segment_it_does_not(name, other, page, another, plain):
    assume((name, page) != (other, another))
    refuses(PageCipher(other, KEY).unseal, another, writing(name).seal(page, plain))


def test_under_another_key_it_does_not():
    sealed = writing().seal(3, b"rows")
    refuses(PageCipher("a", bytes(32)).unseal, 3, sealed)
    refuses(PageCipher.new("a").unseal, 3, sealed)


def test_no_changed_bit_and_no_cut_opens():
    sealed, cipher = writing().seal(7, b"four"), PageCipher("a", KEY)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        refuses(cipher.unseal, 7, bytes(changed))
    for end in range(len(sealed)):
        refuses(cipher.unseal, 7, sealed[:end])
    refuses(cipher.unseal, 7, sealed + b"\0")


def test_the_format_is_the_documented_one():
    sealed = writing("été").seal(258, b"rows")
    number = bytes([0, 0, 0, 0, 0, 0, 1, 2])
    associated = b"vultus/1/page" + number + "été".encode()
    assert AESGCM(KEY).decrypt(bytes(4) + number, sealed, associated) == b"rows"


def test_no_nonce_is_used_twice_under_a_key():
    cipher = writing()
    cipher.seal(0, b"a")
    with pytest.raises(ValueError, match="sealed before"):
        cipher.seal(0, b"a")
    cipher.seal(1, b"a")
    read_back = PageCipher.unwrap(VAULT, "a", cipher.wrap(VAULT))
    with pytest.raises(ValueError, match="only opens"):
        read_back.seal(2, b"a")


def test_every_segment_has_a_key_of_its_own():
    assert PageCipher.new("a").seal(0, b"same") != PageCipher.new("a").seal(0, b"same")


def test_the_key_is_kept_sealed_and_bound_to_its_name():
    cipher = PageCipher.new("a")
    wrapped = cipher.wrap(VAULT)
    assert len(wrapped) == 32 + OVERHEAD_BYTES
    sealed = cipher.seal(5, b"rows")
    assert PageCipher.unwrap(VAULT, "a", wrapped).unseal(5, sealed) == b"rows"
    refuses(PageCipher.unwrap, VAULT, "b", wrapped)
    refuses(PageCipher.unwrap, Vault(MasterKey(bytes(32))), "a", wrapped)
    refuses(PageCipher.unwrap, VAULT, "a", VAULT.seal("segment-key", "segment:a", b"short"))


@pytest.mark.parametrize("page", [-1, PAGE_MAX + 1])
def test_a_page_out_of_range_is_a_mistake(page):
    for call in (writing().seal, writing().unseal):
        with pytest.raises(ValueError, match="expected a page"):
            call(page, bytes(20))


@pytest.mark.parametrize(("name", "key"), [("", KEY), ("x" * 256, KEY), ("a", b"short")])
def test_a_name_or_key_that_cannot_be_is_a_mistake(name, key):
    with pytest.raises(ValueError, match="got"):
        PageCipher(name, key)


def test_the_key_shows_itself_nowhere():
    cipher = PageCipher("a", KEY)
    assert KEY.hex() not in repr(cipher) + str(cipher)
    with pytest.raises(TypeError):
        pickle.dumps(cipher)
