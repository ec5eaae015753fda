"""An index that is saved as one sealed file: at every moment the file that is there has its key."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_folders import TEMPLATES, D, filled
from index_galleries import face_like, seed
from index_keys import KeyFolder
from test_index_crash import full_disk, is_folder, python

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index import FaceIndex


@pytest.fixture
def keys(tmp_path):
    return KeyFolder(tmp_path / "keys")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.index"


def of(n, rows="int8"):
    index = FaceIndex(D, rows=rows, seed=seed(1))
    index.add(np.arange(n), TEMPLATES[:n])
    return index


def holds(path, keys, n):
    """The file opens with its key, the only one that there is, and holds the first n."""
    with FaceIndex.open(path, keyring=keys) as index:
        assert {index.segments[0]} == keys.names()
        assert index.ids.tolist() == list(range(n))
        np.testing.assert_array_equal(index.templates(range(n)), of(n).templates(range(n)))
        index.fsck()


@settings(max_examples=30, deadline=None)
@given(
    ids=st.sets(st.integers(-(2**63), 2**63 - 1), max_size=60),
    rows=st.sampled_from(["float32", "int8"]),
    bits=st.sampled_from([(1, 0), (2, 1), (1, 1)]),
)
def test_a_sealed_file_comes_back_as_it_was(tmp_path_factory, ids, rows, bits):
    place = tmp_path_factory.mktemp("sealed")
    keys, ids = KeyFolder(place / "keys"), np.array(list(ids), np.int64)
    index = FaceIndex(D, rows=rows, first_bits=bits[0], more_bits=bits[1])
    index.add(ids, face_like(np.random.default_rng(len(ids)), len(ids), D))
    index.save(place / "a", keyring=keys)
    with FaceIndex.open(str(place / "a"), keyring=keys) as again:
        assert again.coding == index.coding
        assert again.ids.tolist() == sorted(ids.tolist())
        np.testing.assert_array_equal(again.templates(ids), index.templates(ids))
        got, want = (each.search(TEMPLATES[:3], k=9, max_miss=0) for each in (again, index))
        np.testing.assert_array_equal(got.ids, want.ids)
        np.testing.assert_array_equal(got.scores, want.scores)
        again.fsck()


def test_it_shows_nothing_of_a_template(path, keys):
    index = of(64)
    index.save(path, keyring=keys)
    rows = [row.tobytes() for row in index._fresh.rows_at_hand()[:64]]
    assert not any(row in path.read_bytes() for row in rows)
    index.save(path)
    assert all(row in path.read_bytes() for row in rows)


def test_it_opens_with_its_keys_alone(path, keys, tmp_path):
    of(5).save(path, keyring=keys)
    for wrong, code in ((None, "index.sealed"), (KeyFolder(tmp_path / "others"), "vault.key")):
        with pytest.raises(IntegrityError) as caught:
            FaceIndex.open(path, keyring=wrong)
        assert caught.value.code == code
    holds(path, keys, 5)


def test_a_file_that_is_not_sealed_does_not_pass_for_one_that_is(path, keys):
    of(5).save(path)
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.open(path, keyring=keys)
    assert caught.value.code == "index.sealed"
    assert len(FaceIndex.open(path)) == 5


def test_what_cannot_be_read_is_said(path, keys):
    with pytest.raises(InputError) as caught:
        FaceIndex.open(path, keyring=keys)
    assert caught.value.code == "index.unreadable"
    path.write_bytes(b"")
    with pytest.raises(IntegrityError) as error:
        FaceIndex.open(path, keyring=keys)
    assert error.value.code == "index.magic"


def test_a_file_that_is_saved_anew_has_a_new_key_and_the_old_one_is_destroyed(path, keys):
    index = of(9)
    index.save(path, keyring=keys)
    old, old_keys = path.read_bytes(), keys.names()
    index.remove(8)
    index.save(path, keyring=keys)
    holds(path, keys, 8)
    assert not old_keys & keys.names()
    path.write_bytes(old)  # a copy, from a backup, is of no use
    with pytest.raises(IntegrityError):
        FaceIndex.open(path, keyring=keys)


def test_files_share_a_keyring(tmp_path, keys):
    for n in (3, 4, 5, 3):
        of(n).save(tmp_path / f"{n}", keyring=keys)
    assert len(keys.names()) == 3
    for n in (3, 4, 5):
        assert len(FaceIndex.open(tmp_path / f"{n}", keyring=keys)) == n


def test_in_the_place_of_a_file_that_is_not_sealed(path, keys):
    keys.new("index")  # as the other is named
    of(3).save(path)
    of(4).save(path, keyring=keys)
    assert len(FaceIndex.open(path, keyring=keys)) == 4
    assert len(keys.names() - {"index"}) == 1
    assert "index" in keys.names()


def test_an_index_is_saved_over_the_file_that_it_is_read_from(path, keys):
    of(9).save(path, keyring=keys)
    with FaceIndex.open(path, keyring=keys, cache_bytes=0) as index:
        for left in (8, 7):
            index.remove(left)
            index.save(path, keyring=keys)
            holds(path, keys, left)
            np.testing.assert_array_equal(index.templates([3]), of(9).templates([3]))


def test_the_keyring_of_a_folder_is_refused(tmp_path, path, keys):
    """It destroys the keys that its folder does not name."""
    index = filled(tmp_path / "index", keys, n=25)
    with pytest.raises(ValueError, match="another keyring"):
        index.save(path, keyring=keys)
    assert not path.exists()
    own = KeyFolder(tmp_path / "own")
    index.save(path, keyring=own)
    index.compact()
    holds(path, own, 25)


# --- crashes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_before_the_rename_keeps_the_old_file_and_its_key(
    path, keys, monkeypatch, step
):
    of(5).save(path, keyring=keys)
    with monkeypatch.context() as broken:
        broken.setattr(os, step, full_disk)
        with pytest.raises(UnavailableError):
            of(9).save(path, keyring=keys)
    holds(path, keys, 5)


def test_a_save_that_fails_after_the_rename_keeps_both_keys(path, keys, monkeypatch):
    """The disk may yet bring the old file back."""
    of(5).save(path, keyring=keys)
    old, flush = path.read_bytes(), os.fsync

    def folder_fails(handle):
        if is_folder(handle):
            full_disk()
        flush(handle)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", folder_fails)
        with pytest.raises(UnavailableError):
            of(9).save(path, keyring=keys)
    assert len(FaceIndex.open(path, keyring=keys)) == 9
    path.write_bytes(old)
    assert len(FaceIndex.open(path, keyring=keys)) == 5


@pytest.mark.parametrize("step", ["new", "destroy"])
def test_a_keyring_that_fails(path, keys, monkeypatch, step):
    of(5).save(path, keyring=keys)
    with monkeypatch.context() as broken:
        broken.setattr(KeyFolder, step, full_disk)
        with pytest.raises(OSError, match="No space"):
            of(9).save(path, keyring=keys)
    assert len(FaceIndex.open(path, keyring=keys)) == (5 if step == "new" else 9)


SAVE_FOR_EVER = """
import sys
from index_keys import KeyFolder
from test_index_sealed_file import of
keys, states = KeyFolder(sys.argv[2]), [of(100), of(400)]
states[0].save(sys.argv[1], keyring=keys)
print("saving", flush=True)
while True:
    for index in states:
        index.save(sys.argv[1], keyring=keys)
"""


def test_a_killed_save_leaves_a_file_that_has_its_key(path, keys):
    rng = np.random.default_rng()
    for _ in range(5):
        with python(SAVE_FOR_EVER, path, keys.folder) as process:
            assert process.stdout.readline() == b"saving\n"
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        with contextlib.closing(FaceIndex.open(path, keyring=keys)) as index:
            n = len(index)
            assert n in {100, 400}
            np.testing.assert_array_equal(index.templates(range(n)), of(n).templates(range(n)))
            index.fsck()
