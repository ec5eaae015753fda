"""An index on disk: what is in it, who may open it, what is removed, and what is left behind."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from index_folders import TEMPLATES, D, create, filled, is_whole, names, no_more_than_needed
from index_galleries import seed
from index_keys import KeyFolder

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index import FaceIndex
from vultus.index import index as index_of


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def keyring(request, tmp_path):
    return KeyFolder(tmp_path / "keys") if request.param else None


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 40)


# --- created and opened -------------------------------------------------------------------------


def test_a_new_index_is_empty_and_says_how_rows_are_kept(folder, keyring):
    with create(folder, keyring, rows="float32", first_bits=1, more_bits=2) as index:
        assert (len(index), index.dim) == (0, D)
        coding = index.coding
    with FaceIndex.open(folder, keyring=keyring) as index:
        assert index.coding == coding
        assert (coding.rows, coding.first_bits, coding.more_bits) == ("float32", 1, 2)
        assert coding.seed == seed(1)
        is_whole(index, [])


def test_the_seed_is_drawn_and_kept(tmp_path):
    seeds = set()
    for name in ("a", "b"):
        with FaceIndex.create(tmp_path / name, D) as index:
            seeds.add(index.coding.seed)
            assert index.coding.rows == "int8"
        assert FaceIndex.open(tmp_path / name).coding.seed in seeds
    assert len(seeds) == 2


def test_nobody_else_may_read_it(folder):
    filled(folder, n=25).close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_an_index_is_made_only_in_an_empty_folder(folder):
    folder.mkdir()
    (folder / "letter.txt").touch()
    with pytest.raises(InputError) as caught:
        create(folder)
    assert caught.value.code == "index.exists"
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]
    (folder / "letter.txt").unlink()
    create(folder).close()
    with pytest.raises(InputError):
        create(folder)


def test_a_creation_that_was_killed_can_be_done_again(folder):
    folder.mkdir()
    (folder / "index.db.new").write_bytes(b"half")
    (folder / "index.db.new-journal").write_bytes(b"half")
    with pytest.raises(InputError):
        FaceIndex.open(folder)
    with create(folder) as index:
        index.add(3, TEMPLATES[3])
    is_whole(FaceIndex.open(folder), [3])


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError) as caught:
        create(tmp_path / "file" / "index")
    assert caught.value.code == "index.unwritable"


def test_a_folder_without_an_index_is_the_callers_to_mend(tmp_path):
    with pytest.raises(InputError) as caught:
        FaceIndex.open(tmp_path)
    assert caught.value.code == "index.unreadable"
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys
from vultus.index import FaceIndex
with FaceIndex.open(sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time(folder):
    index = create(folder)
    with pytest.raises(UnavailableError) as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.in_use"
    index.close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    ) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UnavailableError):
            FaceIndex.open(folder)
        other.stdin.close()
        assert other.wait() == 0
    FaceIndex.open(folder).close()


def test_an_index_that_does_not_open_is_not_kept_locked(folder):
    filled(folder, n=25).close()
    (segment,) = folder.glob("*.segment")
    data = segment.read_bytes()
    segment.write_bytes(data[:-1])
    with pytest.raises(IntegrityError):
        FaceIndex.open(folder)
    segment.write_bytes(data)
    is_whole(FaceIndex.open(folder), range(25))


def test_the_keys_of_another_index_do_not_open_it(folder, tmp_path):
    keyring = KeyFolder(tmp_path / "keys")
    filled(folder, keyring).close()
    for wrong in (None, KeyFolder(tmp_path / "others")):
        with pytest.raises(IntegrityError):
            FaceIndex.open(folder, keyring=wrong)
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, range(100))


# --- added --------------------------------------------------------------------------------------


def test_what_was_flushed_is_there_when_it_is_opened_again(folder, keyring):
    index = filled(folder, keyring)
    index.add(np.arange(100, 110), TEMPLATES[100:110])
    is_whole(index, range(110))
    index.close()
    assert len(no_more_than_needed(folder, keyring)) == 5
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, range(110))


def test_what_was_not_flushed_is_in_memory_alone(folder, keyring):
    index = filled(folder, keyring, n=25)
    index.add(np.arange(25, 39), TEMPLATES[25:39])
    is_whole(index, range(39))
    assert len(names(folder)) == 1
    index.flush()
    assert len(names(folder)) == 2
    index.flush()
    assert len(names(folder)) == 2
    is_whole(index, range(39))


@pytest.mark.parametrize("sizes", [[400], [39, 1, 360], [1] * 90, [100, 100, 100, 100], [41, 41]])
def test_a_stream_becomes_segments_by_itself(folder, keyring, small_segments, sizes):
    index, n = create(folder, keyring), 0
    order = np.random.default_rng(1).permutation(400)
    for size in sizes:
        index.add(order[n : n + size], TEMPLATES[order[n : n + size]])
        n += size
        assert index._fresh.n_alive < 40
    is_whole(index, order[:n].tolist())
    index.close()
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, order[:n].tolist())
        assert {part.n for part in index._segments} <= set(range(1, 41))


def test_bad_references_add_nothing(folder, small_segments):
    index = filled(folder)
    before = names(folder)
    bad = TEMPLATES[100:200].copy()
    bad[99] *= 2
    with pytest.raises(ValueError, match="row 99"):
        index.add(np.arange(100, 200), bad)
    with pytest.raises(ValueError, match="id 99 is present"):
        index.add(np.arange(99, 199), TEMPLATES[99:199])
    assert names(folder) == before
    is_whole(index, range(100))


def test_the_best_of_many_segments(folder, keyring):
    index = filled(folder, keyring, n=400)
    alone = FaceIndex(D, rows="int8", seed=seed(2))
    alone.add(np.arange(400), TEMPLATES)
    for limits in ({"k": 30}, {"threshold": 0.6}, {"k": 9, "allow": range(0, 400, 3)}):
        got, want = index.search(TEMPLATES[:7], **limits), alone.search(TEMPLATES[:7], **limits)
        np.testing.assert_array_equal(got.ids, want.ids)
        np.testing.assert_array_equal(got.scores, want.scores)


# --- removed ------------------------------------------------------------------------------------


def test_removed_is_hidden_at_once_and_for_good(folder, keyring):
    index = filled(folder, keyring)
    index.add([300, 301], TEMPLATES[300:302])
    assert index.remove([0, 24, 25, 99, 300, 350]) == 5
    assert index.remove([0, 300]) == 0
    left = (set(range(100)) | {301}) - {0, 24, 25, 99}
    is_whole(index, left)
    assert len(index.search(TEMPLATES[0], allow=[0, 24])[0]) == 0
    with pytest.raises(ValueError, match="id 25 is not present"):
        index.templates([3, 25])
    index.close()
    for _ in range(2):
        with FaceIndex.open(folder, keyring=keyring) as index:
            is_whole(index, left)


def test_a_removed_id_can_be_added_again_with_another_template(folder, keyring):
    index = filled(folder, keyring)
    for template in (TEMPLATES[200], TEMPLATES[201]):
        index.remove(30)
        index.add(30, template)
        index.flush()
        assert index.search(template, k=1)[0].ids.tolist() == [30]
    index.close()
    with FaceIndex.open(folder, keyring=keyring) as index:
        assert index.search(TEMPLATES[201], k=1)[0].ids.tolist() == [30]
        np.testing.assert_allclose(index.templates([30])[0], TEMPLATES[201], atol=1e-2)
        assert index.ids.tolist() == list(range(100))
        index.compact(0)
        np.testing.assert_allclose(index.templates([30])[0], TEMPLATES[201], atol=1e-2)
        assert index.ids.tolist() == list(range(100))
        index.fsck()


def test_all_can_be_removed(folder, keyring):
    index = filled(folder, keyring)
    assert index.remove(np.arange(400)) == 100
    is_whole(index, [])
    index.compact()
    assert names(folder) == set()
    is_whole(index, [])
    index.add(5, TEMPLATES[5])
    index.close()
    no_more_than_needed(folder, keyring)
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, [5])


# --- compacted ----------------------------------------------------------------------------------


def test_compact_rewrites_what_is_more_than_a_share_dead(folder, keyring, monkeypatch):
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 40)  # segments of 25 are not small
    index = filled(folder, keyring)
    before = {part.name for part in index._segments}
    index.remove([0, 1, *range(25, 28), *range(50, 75)])  # 8 %, 12 % and all
    left = set(range(100)) - {0, 1, 25, 26, 27, *range(50, 75)}
    assert index.compact(0.13) == 1
    assert len(before & names(folder)) == 3
    assert index.compact(0.1) == 1
    assert index.compact(0.1) == 0
    is_whole(index, left)
    assert no_more_than_needed(folder, keyring) == {part.name for part in index._segments}
    assert len(before & names(folder)) == 2
    assert index.compact(0) == 1
    index.close()
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, left)
        assert sum(part.n for part in index._segments) == len(left)


def test_compact_puts_small_segments_together(folder, keyring, monkeypatch):
    index = filled(folder, keyring, a_segment=10)
    assert len(names(folder)) == 10
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 35)
    assert index.compact() == 10
    assert sorted(part.n for part in index._segments) == [10, 30, 30, 30]
    assert index.compact() == 0
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 1000)
    assert index.compact() == 4
    assert index.compact() == 0
    assert len(no_more_than_needed(folder, keyring)) == 1
    is_whole(index, range(100))


def test_what_was_removed_and_compacted_is_in_no_file(folder):
    index = filled(folder)
    rows = [(127 * t / np.abs(t).max()).round().astype(np.int8).tobytes() for t in TEMPLATES[:100]]

    def shown():
        data = b"".join(path.read_bytes() for path in folder.glob("*"))
        return [i for i, row in enumerate(rows) if row in data]

    gone = [0, 30, 99]
    index.remove(gone)
    assert shown() == list(range(100))
    index.compact(0)
    assert shown() == [i for i in range(100) if i not in gone]


def test_compact_destroys_the_old_keys(folder, tmp_path):
    keyring = KeyFolder(tmp_path / "keys")
    index = filled(folder, keyring)
    old = {path.name: path.read_bytes() for path in folder.glob("*.segment")}
    before = keyring.names()
    index.remove([3])
    index.compact(0)
    rewritten = before - keyring.names()
    assert rewritten
    index.close()
    for name in rewritten:  # a copy of the old file, from a backup, is of no use
        (folder / f"{name}.segment").write_bytes(old[f"{name}.segment"])
        with pytest.raises(IntegrityError, match="is gone"):
            keyring.cipher(name)
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, set(range(100)) - {3})
    no_more_than_needed(folder, keyring)


def test_searches_and_bitmaps_go_on_after_a_compaction(folder, keyring):
    index = filled(folder, keyring)
    allow = index.allowed(range(0, 100, 2))
    index.remove(np.arange(0, 100, 5))
    want = [i for i in range(0, 100, 2) if i % 5]
    assert sorted(index.search(TEMPLATES[2], allow=allow)[0].ids.tolist()) == want
    index.compact()
    assert sorted(index.search(TEMPLATES[2], allow=allow)[0].ids.tolist()) == want


# --- closed -------------------------------------------------------------------------------------

CALLS = {
    "search": lambda index: index.search(TEMPLATES[0]),
    "search with k": lambda index: index.search(TEMPLATES[0], k=1),
    "add": lambda index: index.add(399, TEMPLATES[399]),
    "remove": lambda index: index.remove(3),
    "templates": lambda index: index.templates([3]),
    "allowed": lambda index: index.allowed([3]),
    "ids": lambda index: index.ids,
    "segments": lambda index: index.segments,
    "len": len,
    "in": lambda index: 3 in index,
    "flush": lambda index: index.flush(),
    "compact": lambda index: index.compact(),
    "fsck": lambda index: index.fsck(),
    "memory": lambda index: index.memory(),
    "save": lambda index: index.save("/nowhere"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_closed_index_says_so(folder, keyring, call):
    """And does not answer that nothing is there."""
    index = filled(folder, keyring, n=25)
    index.close()
    index.close()
    with pytest.raises(ValueError, match="this index is closed"):
        call(index)
    assert repr(index) == f"<FaceIndex closed, dim {D}>"


def test_leaving_the_context_flushes_and_closes(folder, keyring):
    with create(folder, keyring) as index:
        index.add(np.arange(9), TEMPLATES[:9])
    handle = os.open(folder / "index.lock", os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)
    with pytest.raises(ValueError, match="closed"):
        len(index)
    with FaceIndex.open(folder, keyring=keyring) as index:
        is_whole(index, range(9))


def test_an_index_in_memory_has_no_folder_to_flush():
    index = FaceIndex(D)
    for call in (index.flush, index.compact):
        with pytest.raises(ValueError, match="not in a folder"):
            call()
    index.close()
    with pytest.raises(ValueError, match="closed"):
        index.search(TEMPLATES[0])


# --- memory -------------------------------------------------------------------------------------


def test_the_cache_is_shared_out_among_the_segments(folder, tmp_path):
    keyring = KeyFolder(tmp_path / "keys")
    filled(folder, keyring, n=400, a_segment=100).close()
    page = 32 * D
    for cache_bytes, n_pages in ((0, 4), (4 * 2 * page, 8), (2**20, 16)):
        with FaceIndex.open(folder, keyring=keyring, cache_bytes=cache_bytes) as index:
            is_whole(index, range(400))
            slots = 4 * 4 * 4  # four numbers a segment say where its pages lie
            assert index.memory()["cache"] == n_pages * page + slots


def test_memory_by_kind(folder):
    index = filled(folder)
    memory = index.memory()
    assert set(memory) == {"codes", "factors", "bitmaps", "ids", "cache", "rows"}
    assert memory["ids"] == 4 * 100
    assert memory["codes"] == 4 * 32 * D // 4
    assert memory["rows"] == memory["cache"] == 0
    index.add(np.arange(100, 300), TEMPLATES[100:300])
    assert index.memory()["rows"] >= 200 * D
