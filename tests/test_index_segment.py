"""The index file, version 1 (docs/formats/index.md): one spelling, and no other is read."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from index_galleries import KINDS, isotropic

from vultus.errors import InputError, IntegrityError
from vultus.index import FaceIndex
from vultus.index.segment import HEADER_SIZE, decode, encode

# Two references of dimension 2: 0.6, 0.8 under id -1 and 0, 1 under id 2.
GOLDEN = (
    "56554c5455534958"  # VULTUSIX
    "01000000"
    "02000000"
    "0200000000000000"
)
GOLDEN_BODY = "ffffffffffffffff02000000000000009a99193fcdcc4c3f000000000000803f"


def sha256(data):
    return hashlib.sha256(data).digest()


def spelled(ids, rows, *, magic=b"VULTUSIX", version=1, d=None, n=None):
    """A file written by hand, from the document alone."""
    ids = np.asarray(ids, "<i8").tobytes()
    body = np.asarray(rows, "<f4").tobytes()
    d = np.shape(rows)[1] if d is None else d
    n = len(ids) // 8 if n is None else n
    header = magic + struct.pack("<IIQ", version, d, n) + sha256(ids) + sha256(body)
    return header + sha256(header) + ids + body


def refused(data, code):
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.from_bytes(data)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.fixture
def data():
    index = FaceIndex(5)
    index.add([3, 1, 2], isotropic(np.random.default_rng(0), 3, 5))
    return index.to_bytes()


def test_the_bytes_of_a_small_file():
    index = FaceIndex(2)
    index.add([2, -1], [[0, 1], [0.6, 0.8]])
    body = bytes.fromhex(GOLDEN_BODY)
    header = bytes.fromhex(GOLDEN) + sha256(body[:16]) + sha256(body[16:])
    assert index.to_bytes() == header + sha256(header) + body
    assert len(header) + 32 == HEADER_SIZE == 120


def test_an_empty_index_is_the_header_alone(tmp_path):
    FaceIndex(128).save(tmp_path / "empty.index")
    assert (tmp_path / "empty.index").stat().st_size == HEADER_SIZE
    index = FaceIndex.open(tmp_path / "empty.index")
    assert (len(index), index.dim) == (0, 128)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    d=st.integers(1, 70),
    ids=st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1, max_size=30),
)
def test_round_trip(seed, kind, d, ids):
    rows = kind(np.random.default_rng(seed), len(ids), d)
    index, backwards = FaceIndex(d), FaceIndex(d)
    index.add(ids, rows)
    backwards.add(ids[::-1], rows[::-1])
    data = index.to_bytes()
    assert backwards.to_bytes() == data
    again = FaceIndex.from_bytes(data)
    assert again.to_bytes() == data
    want, got = index.search(rows[:3]), again.search(rows[:3])
    np.testing.assert_array_equal(want.ids, got.ids)
    np.testing.assert_array_equal(want.scores, got.scores)


@settings(deadline=None)
@given(
    ids=st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=9).map(sorted),
    d=st.integers(1, 9),
)
def test_decode_inverts_encode(ids, d):
    rows = isotropic(np.random.default_rng(len(ids)), len(ids), d)
    data = b"".join(encode(np.array(ids, np.int64), rows))
    assert data == spelled(ids, rows.reshape(-1, d))
    got_ids, got_rows = decode(data)
    np.testing.assert_array_equal(got_ids, np.array(ids, np.int64))
    np.testing.assert_array_equal(got_rows, rows)


def test_save_and_open(tmp_path):
    index = FaceIndex(64)
    rows = isotropic(np.random.default_rng(1), 200, 64)
    index.add(np.arange(200), rows)
    index.save(tmp_path / "a.index")
    index.save(str(tmp_path / "a.index"))
    again = FaceIndex.open(str(tmp_path / "a.index"))
    assert again.to_bytes() == (tmp_path / "a.index").read_bytes() == index.to_bytes()
    again.add(500, -rows[0])
    again.remove(0)
    assert again.search(-rows[0], k=1)[0].ids.tolist() == [500]
    assert (tmp_path / "a.index").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["a.index"]


def test_a_removed_template_is_not_in_a_file_saved_afterwards(tmp_path):
    index = FaceIndex(64)
    index.add(np.arange(50), isotropic(np.random.default_rng(2), 50, 64))
    templates = [row.tobytes() for row in decode(index.to_bytes())[1]]
    index.save(tmp_path / "a.index")
    index.remove([7, 49])
    index.save(tmp_path / "a.index")
    saved = (tmp_path / "a.index").read_bytes()
    assert [i for i, template in enumerate(templates) if template not in saved] == [7, 49]
    assert FaceIndex.open(tmp_path / "a.index").ids.tolist() == [
        i for i in range(50) if i not in (7, 49)
    ]


def test_every_changed_bit_is_noticed(data):
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            with pytest.raises(IntegrityError):
                FaceIndex.from_bytes(changed)


def test_every_shorter_and_longer_file_is_refused(data):
    for size in range(len(data)):
        with pytest.raises(IntegrityError):
            FaceIndex.from_bytes(data[:size])
    refused(data[:-1], "index.length")
    refused(data[:119], "index.magic")
    refused(data + b"\0", "index.length")
    refused(data + data, "index.length")


@settings(deadline=None)
@given(st.binary(max_size=300))
@example(b"")
@example(b"VULTUSIX")
def test_noise_is_refused(noise):
    with pytest.raises(IntegrityError):
        FaceIndex.from_bytes(noise)


def test_each_fault_has_its_code(data):
    ids, rows = [1, 2], np.eye(2, 3)
    assert FaceIndex.from_bytes(spelled(ids, rows)).ids.tolist() == ids
    refused(spelled(ids, rows, magic=b"VULTUSIY"), "index.magic")
    refused(spelled(ids, rows, version=0), "index.version")
    refused(spelled(ids, rows, version=2), "index.version")
    refused(spelled(ids, rows, version=1 << 24), "index.version")
    refused(spelled(ids, rows, d=0), "index.header")
    refused(spelled(ids, rows, d=4097), "index.header")
    refused(spelled(ids, rows, n=2**31), "index.header")
    refused(spelled(ids, rows, n=2**64 - 1), "index.header")
    refused(spelled(ids, rows, n=3), "index.length")
    refused(spelled(ids, rows, n=2**31 - 1, d=4096), "index.length")
    refused(spelled(ids, rows, d=2), "index.length")
    refused(data[:88] + bytes(32) + data[120:], "index.header")
    refused(data[:-1] + bytes([data[-1] ^ 1]), "index.checksum")
    refused(data[:120] + bytes([data[120] ^ 1]) + data[121:], "index.checksum")
    refused(spelled([2, 1], rows), "index.ids")
    refused(spelled([1, 1], rows), "index.ids")
    refused(spelled([2**63 - 1, -(2**63)], rows), "index.ids")


@pytest.mark.parametrize("bad", [0.0, 0.99999, 1.00001, -0.5, np.nan, np.inf])
def test_a_row_that_is_not_of_unit_length_is_refused(bad):
    rows = np.eye(2, 3)
    rows[1, 1] = bad
    refused(spelled([1, 2], rows), "index.rows")


def test_the_ids_and_rows_of_another_file_are_refused(data):
    index = FaceIndex(5)
    index.add([3, 1, 2], isotropic(np.random.default_rng(9), 3, 5))
    other = index.to_bytes()
    refused(data[:144] + other[144:], "index.checksum")
    refused(data[:120] + other[120:], "index.checksum")


def test_a_missing_file_is_the_callers_to_mend(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError) as caught:
            FaceIndex.open(path)
        assert caught.value.code == "index.unreadable"
        assert caught.value.hint
