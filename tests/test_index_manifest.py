"""The manifest of an index folder: what it does not name goes; if it is damaged, nothing does."""

import sqlite3

import numpy as np
import pytest
from index_folders import TEMPLATES, D, create, filled, is_whole, names, no_more_than_needed
from index_galleries import seed
from index_keys import KeyFolder

from vultus.errors import IntegrityError
from vultus.index import FaceIndex


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


def test_what_the_manifest_does_not_name_is_deleted_when_it_is_opened(folder, tmp_path):
    keyring = KeyFolder(tmp_path / "keys")
    filled(folder, keyring).close()
    (folder / f"{'0' * 32}.segment").write_bytes(b"left by a crash")
    (folder / f".{'0' * 32}.segment.abcdefgh.tmp").touch()
    keyring.new("0" * 32)
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, range(100))
        no_more_than_needed(folder, keyring)


def test_nothing_is_deleted_from_an_index_that_does_not_open(folder, tmp_path):
    """Of a manifest that lost a name, or has a wrong one, the files are all that is left."""
    keyring = KeyFolder(tmp_path / "keys")
    filled(folder, keyring).close()
    before, keys = names(folder), keyring.names()
    with sqlite3.connect(folder / "index.db") as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("UPDATE segment SET name = 'f' || substr(name, 2) WHERE name = (?)",
                   [min(before)])  # fmt: skip
        changed = db.execute("SELECT changes()").fetchone()
    db.close()
    assert changed == (1,)
    if min(before)[0] == "f":
        pytest.skip("the drawn name begins with f already")
    for _ in range(2):
        with pytest.raises(IntegrityError):
            FaceIndex.open(folder, keyring=keyring)
    assert (names(folder), keyring.names()) == (before, keys)


def test_a_missing_segment_is_said(folder):
    filled(folder).close()
    gone = sorted(folder.glob("*.segment"))[1]
    gone.unlink()
    with pytest.raises(IntegrityError, match=f"{gone.stem} is missing") as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.manifest"


def test_a_segment_under_the_name_of_another_is_refused(folder):
    filled(folder).close()
    one, two, *_ = sorted(folder.glob("*.segment"))
    one.write_bytes(two.read_bytes())
    with pytest.raises(IntegrityError, match="is another one") as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.manifest"


def test_a_segment_of_another_index_is_refused(folder, tmp_path):
    filled(folder, n=25).close()
    other = FaceIndex.create(tmp_path / "other", D, seed=seed(2))
    other.add(np.arange(25), TEMPLATES[:25])
    other.close()
    (mine,), (theirs,) = folder.glob("*.segment"), (tmp_path / "other").glob("*.segment")
    data = theirs.read_bytes().replace(theirs.stem.encode(), mine.stem.encode())
    mine.write_bytes(data)
    with pytest.raises(IntegrityError):
        FaceIndex.open(folder)


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE segment",
        "DROP TABLE removed",
        "DROP TABLE coding",
        "DELETE FROM coding",
        "INSERT INTO coding SELECT * FROM coding",
        "UPDATE coding SET dim = 0",
        "UPDATE coding SET dim = 'x'",
        "UPDATE coding SET rows = 'float16'",
        "UPDATE coding SET seed = x'00'",
        "UPDATE coding SET seed = 5",
        "UPDATE coding SET first_bits = 2 - (first_bits - 1)",
        "UPDATE coding SET more_bits = 1",
        "UPDATE segment SET n = n + 1",
        "UPDATE segment SET n = 'x'",
        "UPDATE segment SET name = '../' || name",
        "UPDATE segment SET name = x'00'",
        "INSERT INTO segment VALUES ('a', 3)",
        "INSERT INTO removed SELECT name, 'x' FROM segment",
    ],
)
def test_a_damaged_manifest_is_said(folder, damage):
    filled(folder, n=25).close()
    before = names(folder)
    with sqlite3.connect(folder / "index.db") as db:
        db.execute(damage)
    db.close()
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.manifest"
    assert caught.value.hint
    assert names(folder) == before


def test_a_manifest_of_another_version_is_said(folder):
    create(folder).close()
    with sqlite3.connect(folder / "index.db") as db:
        db.execute("PRAGMA user_version = 3")
    db.close()
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.version"


def test_a_manifest_that_is_noise_or_cut_is_said(folder):
    filled(folder).close()
    before, data = names(folder), (folder / "index.db").read_bytes()
    rng = np.random.default_rng(3)
    damaged = [b"", b"noise" * 2000, data[:4096], data[:1], data[: len(data) // 2]]
    for _ in range(40):  # a run of bytes, as a bad disk leaves it
        at = rng.integers(0, len(data) - 600)
        damaged.append(data[:at] + rng.bytes(600) + data[at + 600 :])
    for bad in damaged:
        (folder / "index.db").write_bytes(bad)
        try:
            index = FaceIndex.open(folder)
        except IntegrityError as error:
            assert error.code in {"index.manifest", "index.version"}
            assert names(folder) == before
        else:  # the run lay in an unused part of a page
            is_whole(index, range(100))
            index.close()
    (folder / "index.db").write_bytes(data)
    is_whole(FaceIndex.open(folder), range(100))


def test_fsck_finds_a_changed_row(folder):
    index = filled(folder)
    index.fsck()
    path = max(folder.glob("*.segment"))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    with path.open("r+b") as file:  # in place: what was opened sees it
        file.write(data)
    with pytest.raises(IntegrityError):
        index.fsck()


def test_fsck_finds_a_reference_that_two_segments_hold(folder):
    index = filled(folder)
    with index._turn.writing():  # as no call does
        index._fresh.add(np.array([7]), index._segments[0].rows_at(np.array([0]))[0][:1])
    with pytest.raises(IntegrityError) as caught:
        index.fsck()
    assert caught.value.code == "index.ids"
