"""One process, a folder or shards: the same face, the same answers, those of the oracle."""

import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import ray_cluster
from index_answers import agrees
from index_galleries import KINDS, face_like, isotropic
from index_keys import KeyFolder

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index import FaceIndex
from vultus.index.arguments import limits_of
from vultus.index.fleet import Fleet, ShardSettings
from vultus.index.holdings import Holdings
from vultus.index.shard import Question, ShardKeys, merged
from vultus.index.shard_manifest import Manifest
from vultus.index.shard_writer import Writer
from vultus.index.shards import ShardedIndex, joined, local_ray
from vultus.index.store import Store

DIM = 32
SETTINGS = ShardSettings(
    shards_per_node=2, rows_per_segment=150, memory_bytes=2**28, limit_s=60.0, cache_bytes=2**20
)


@pytest.fixture(scope="module")
def ray_here():
    local_ray(8)  # cores that the shards of several indexes may ask for
    yield
    ray_cluster.ray.shutdown()


@pytest.fixture(scope="module")
def of_kind(tmp_path_factory, ray_here):
    """An index a kind; a test finds it empty."""
    folder = tmp_path_factory.mktemp("shards")
    with (
        ShardedIndex.create(
            folder / "manifest", f"file://{folder}/store", DIM, settings=SETTINGS
        ) as sharded,
        FaceIndex.create(folder / "index", DIM) as in_folder,
    ):
        yield {"memory": FaceIndex(DIM, rows="int8"), "folder": in_folder, "sharded": sharded}


@pytest.fixture(params=["memory", "folder", "sharded"])
def index(request, of_kind):
    made = of_kind[request.param]
    yield made
    made.remove(made.ids)
    if request.param != "memory":
        made.compact(0.0)
    assert len(made) == 0


def filled(index, rng, n=400, kind=face_like):
    rows = kind(rng, n, DIM)
    ids = rng.permutation(10 * n)[:n].astype(np.int64) - n
    index.add(ids, rows)
    if isinstance(index, FaceIndex) and index._folder is not None:
        index.flush()
    return dict(zip(ids.tolist(), rows, strict=True))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_limit_on_every_kind_of_data(index, kind):
    rng = np.random.default_rng(1)
    left = filled(index, rng, kind=kind)
    probes = np.concatenate((np.array(list(left.values()))[:3], isotropic(rng, 2, DIM)))
    some = [*list(left)[::7], 10**12]
    for limits in (
        {},
        {"k": 0},
        {"k": 10},
        {"threshold": 0.4},
        {"k": 5, "threshold": 0.2},
        {"threshold": 0.9, "first": 3},
        {"threshold": 0.1, "first": 3, "k": 8},
        {"k": 5, "allow": some},
        {"threshold": 0.3, "allow": some},
    ):
        agrees(index, left, probes, **limits)


def test_any_changes(index):
    rng = np.random.default_rng(2)
    left = {}
    for _ in range(12):
        ids = rng.choice(300, rng.integers(1, 200), replace=False) - 100
        fresh = np.array([i for i in ids.tolist() if i not in left], np.int64)
        rows = face_like(rng, len(fresh), DIM)
        index.add(fresh, rows)
        left.update(zip(fresh.tolist(), rows, strict=True))
        gone = rng.integers(-100, 200, rng.integers(0, 150))
        assert index.remove(gone) == sum(left.pop(i, None) is not None for i in set(gone.tolist()))
        assert len(index) == len(left)
        np.testing.assert_array_equal(index.ids, np.sort(np.array(list(left), np.int64)))
        agrees(index, left, isotropic(rng, 2, DIM), k=20, threshold=0.0)
    present = next(iter(left))
    assert present in index
    assert np.int64(present) in index
    for absent in (99999, "1", 1.5, 2**70, None):
        assert absent not in index


def test_what_is_removed_can_be_added_anew_with_another_template(index):
    rng = np.random.default_rng(3)
    left = filled(index, rng)
    replaced = list(left)[:50]
    index.remove(replaced)
    rows = face_like(rng, 50, DIM)
    index.add(replaced, rows)
    left |= dict(zip(replaced, rows, strict=True))
    agrees(index, left, rows[:4], k=5)
    assert index.remove(replaced) == 50
    assert replaced[0] not in index


@pytest.mark.parametrize(
    ("ids", "change", "said"),
    [
        ([1, 2, 1], None, "id 1 is given twice"),
        ([1, 2], None, "expected as many ids as templates"),
        ([1, 2, 777], None, "id 777 is present"),
        ([1, 2, 3], (1, 0, 2.0), "template row 1"),
        ([1, 2, 3], (2, 5, np.nan), "template row 2"),
    ],
)
def test_a_refused_addition_adds_nothing(index, ids, change, said):
    rng = np.random.default_rng(4)
    index.add(777, isotropic(rng, 1, DIM)[0])
    rows = isotropic(rng, 3, DIM)
    if change is not None:
        rows[change[:2]] = change[2]
    with pytest.raises(ValueError, match=said):
        index.add(ids, rows)
    assert index.ids.tolist() == [777]


@pytest.mark.parametrize(
    "limits", [{"k": -1}, {"threshold": np.nan}, {"first": -1}, {"max_miss": 0.5}]
)
def test_impossible_limits_are_refused(index, limits):
    with pytest.raises(ValueError, match="expected"):
        index.search(isotropic(np.random.default_rng(5), 1, DIM), **limits)


def test_probes_of_another_size_are_refused(index):
    with pytest.raises(ValueError, match="expected shape"):
        index.search(isotropic(np.random.default_rng(6), 1, DIM + 1))
    with pytest.raises(TypeError, match="integer ids"):
        index.remove([1.5])


def test_an_empty_index_gives_empty_lists(index):
    probes = isotropic(np.random.default_rng(7), 3, DIM)
    assert [len(candidates) for candidates in index.search(probes, k=3)] == [0, 0, 0]
    assert len(index.search(probes[:0])) == 0
    assert len(index.search(probes[0], threshold=0.1)) == 1


def test_a_batch_of_more_probes_than_travel_in_one_call(index):
    rng = np.random.default_rng(8)
    left = filled(index, rng, 60)
    agrees(index, left, isotropic(rng, 1500, DIM), k=3)


def test_a_gallery_is_prepared_once_for_many_searches(index):
    rng = np.random.default_rng(9)
    left = filled(index, rng)
    some = list(left)[:100]
    gallery = index.allowed([*some, 10**9])
    probe = isotropic(rng, 1, DIM)
    for _ in range(2):
        found = index.search(probe, allow=gallery)[0]
        assert sorted(found.ids.tolist()) == sorted(some)
    index.remove(some[:40])
    assert sorted(index.search(probe, allow=gallery)[0].ids.tolist()) == sorted(some[40:])
    index.add(10**9, isotropic(rng, 1, DIM)[0])  # was not there when the gallery was prepared
    assert sorted(index.search(probe, allow=gallery)[0].ids.tolist()) == sorted(some[40:])
    index.remove(10**9)
    many = range(-5000, 5000)  # a list of ids that is too long to travel in the call
    agrees(index, {i: left[i] for i in list(left)[40:]}, probe, k=30, allow=many)


def test_a_gallery_of_whole_segments(of_kind, ray_here):
    index = of_kind["sharded"]
    rng = np.random.default_rng(19)
    left = filled(index, rng)
    one = min(index.placed)
    held = index._held.segments[one].ids.tolist()
    index.remove(held[:3])
    extra = next(i for i in left if i not in held)
    found = index.search(isotropic(rng, 1, DIM), allow=index.allowed([extra], segments=[one]))[0]
    assert sorted(found.ids.tolist()) == sorted([*held[3:], extra])
    with pytest.raises(ValueError, match="nowhere is not in this index"):
        index.allowed(segments=["nowhere"])
    index.remove(index.ids)
    index.compact(0.0)


def test_compaction_changes_no_answer(index):
    rng = np.random.default_rng(10)
    left = filled(index, rng)
    for i in list(left)[::3]:
        del left[i]
        index.remove(i)
    probes = isotropic(rng, 3, DIM)
    agrees(index, left, probes, k=50)
    if isinstance(index, FaceIndex) and index._folder is None:
        return
    assert index.compact(0.1) > 0
    agrees(index, left, probes, k=50)
    assert index.compact(0.1) == 0


# --- of shards alone ----------------------------------------------------------------------------


def test_float32_rows_in_sealed_segments_open_again(tmp_path, ray_here):
    """Closed, opened, a file left over from a crash, other keys: refused or made good."""
    keyring = KeyFolder(tmp_path / "keys")
    keys = ShardKeys(keyring, keyring.cipher)
    manifest, store = tmp_path / "manifest", f"file://{tmp_path}/store"
    rows = isotropic(np.random.default_rng(11), 300, DIM)
    with ShardedIndex.create(
        manifest, store, DIM, rows="float32", settings=SETTINGS, keys=keys
    ) as index:
        index.add(np.arange(300), rows)
        index.remove([5, 6])
        with pytest.raises(InputError):
            ShardedIndex.create(manifest, store, DIM, settings=SETTINGS)
    files = sorted((tmp_path / "store").iterdir())
    assert not any(row.tobytes() in file.read_bytes() for file in files for row in rows[:20])
    left_over = files[0].with_name(f"{files[0].name[:9]}{'0' * 16}.segment")
    left_over.write_bytes(b"half a segment")
    foreign = files[0].with_name("another-index.segment")
    foreign.write_bytes(b"not ours")
    with ShardedIndex.open(manifest, store, settings=SETTINGS, keys=keys) as index:
        assert len(index) == 298
        assert not left_over.exists()
        assert foreign.exists()
        found = index.search(rows[5], k=300)[0]
        assert len(found) == 298
        assert not {5, 6} & set(found.ids.tolist())
    with pytest.raises(IntegrityError):
        ShardedIndex.open(manifest, store, settings=SETTINGS)


def test_compaction_destroys_keys_and_files(tmp_path, ray_here):
    keyring = KeyFolder(tmp_path / "keys")
    keys = ShardKeys(keyring, keyring.cipher)
    with ShardedIndex.create(
        tmp_path / "manifest", f"file://{tmp_path}/store", DIM, settings=SETTINGS, keys=keys
    ) as index:
        index.add(np.arange(300), isotropic(np.random.default_rng(12), 300, DIM))
        before = keyring.names()
        index.remove(np.arange(0, 300, 2))
        assert index.compact() == 2
        assert not before & keyring.names()
        files = {path.stem for path in (tmp_path / "store").iterdir()}
        assert files == keyring.names() == set(index.placed)
        index.remove(np.arange(300))
        assert index.compact() == 1
        assert not keyring.names()
        assert index.placed == {}


def broken(*_, **__):
    raise UnavailableError("test.refused", "No.")


@pytest.mark.parametrize("persisted", [False, True])
def test_an_addition_whose_commit_fails(tmp_path, ray_here, monkeypatch, persisted):
    """Before the commit nothing is left of it; after it, it is there when opened again."""
    where = tmp_path / "manifest", f"file://{tmp_path}/store"
    rows = isotropic(np.random.default_rng(16), 150, DIM)
    commit = Manifest.switch

    def fails(*arguments):
        if persisted:
            commit(*arguments)
        broken()

    with ShardedIndex.create(*where, DIM, settings=SETTINGS) as index:
        index.add(np.arange(100), rows[:100])
        monkeypatch.setattr(Manifest, "switch", fails)
        with pytest.raises(UnavailableError, match="No"):
            index.add(np.arange(100, 150), rows[100:])
        assert index.ids.tolist() == list(range(100))
        assert len(index.search(rows[0])[0]) == 100
        monkeypatch.undo()
    with ShardedIndex.open(*where, settings=SETTINGS) as index:
        n = 150 if persisted else 100
        assert index.ids.tolist() == list(range(n))
        agrees(index, dict(enumerate(rows[:n])), rows[:2], k=5)
        assert {path.stem for path in (tmp_path / "store").iterdir()} == set(index.placed)


def test_an_addition_or_compaction_that_the_store_refuses(tmp_path, ray_here, monkeypatch):
    keyring = KeyFolder(tmp_path / "keys")
    rows = isotropic(np.random.default_rng(17), 150, DIM)
    with ShardedIndex.create(
        tmp_path / "manifest",
        f"file://{tmp_path}/store",
        DIM,
        settings=SETTINGS,
        keys=ShardKeys(keyring, keyring.cipher),
    ) as index:
        index.add(np.arange(100), rows[:100])
        before = index.placed
        monkeypatch.setattr(Store, "put", broken)
        with pytest.raises(UnavailableError):
            index.add(np.arange(100, 150), rows[100:])
        monkeypatch.undo()
        index.remove(np.arange(50))
        monkeypatch.setattr(Manifest, "switch", broken)
        with pytest.raises(UnavailableError):
            index.compact()
        monkeypatch.undo()
        assert index.placed == before
        assert index.ids.tolist() == list(range(50, 100))
        agrees(index, dict(list(enumerate(rows[:100]))[50:]), rows[:2], k=5)
        index.compact()
        assert keyring.names() > set(index.placed)  # of what was not switched, until opened
    with ShardedIndex.open(
        tmp_path / "manifest",
        f"file://{tmp_path}/store",
        settings=SETTINGS,
        keys=ShardKeys(keyring, keyring.cipher),
    ) as index:
        assert keyring.names() == set(index.placed)


def test_a_coordinator_killed_before_its_commit_leaves_nothing_of_the_addition(tmp_path):
    """A process of its own, with its own Ray: its shards end with it."""
    program = f"""
import os, signal
import numpy as np
from index_galleries import isotropic
from vultus.index.shard_manifest import Manifest
from vultus.index.shards import ShardedIndex, local_ray
local_ray(2)
index = ShardedIndex.create({str(tmp_path / "manifest")!r}, "file://{tmp_path}/store", {DIM})
rows = isotropic(np.random.default_rng(18), 150, {DIM})
index.add(np.arange(100), rows[:100])
Manifest.switch = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
index.add(np.arange(100, 150), rows[100:])
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert len(list((tmp_path / "store").iterdir())) == 2
    writer = Writer(
        Holdings(Fleet(SETTINGS, Store("memory://"), None), SETTINGS),
        Manifest.open(tmp_path / "manifest"),
        Store(f"file://{tmp_path}/store"),
        None,
        SETTINGS,
    )
    writer.begin()
    assert len(list((tmp_path / "store").iterdir())) == 1


def test_one_process_at_a_time(tmp_path, ray_here):
    manifest, store = tmp_path / "manifest", f"file://{tmp_path}/store"
    with ShardedIndex.create(manifest, store, DIM, settings=SETTINGS):
        with pytest.raises(UnavailableError) as caught:
            ShardedIndex.open(manifest, store, settings=SETTINGS)
        assert caught.value.code == "index.locked"


def test_a_shard_takes_no_more_than_its_memory(tmp_path, ray_here):
    small = replace(SETTINGS, memory_bytes=2**23, rows_per_segment=2**20)
    with ShardedIndex.create(
        tmp_path / "manifest", f"file://{tmp_path}/store", DIM, settings=small
    ) as index:
        index.add(np.arange(1000), isotropic(np.random.default_rng(13), 1000, DIM))
        with pytest.raises(UnavailableError) as caught:
            index.add(np.arange(1000, 10**6), isotropic(np.random.default_rng(14), 999_000, DIM))
        assert caught.value.code == "index.no_room"
        assert len(index) == 1000
        assert len(list((tmp_path / "store").iterdir())) == 1


def test_the_merge_of_parts_is_the_search_of_the_whole():
    """With parts that overlap, as when both replicas answered for some segments."""
    rng = np.random.default_rng(15)
    rows, ids = isotropic(rng, 200, DIM), rng.permutation(200)
    whole = FaceIndex(DIM)
    whole.add(ids, rows)
    parts = []
    for some in (slice(0, 120), slice(80, 160), slice(150, 200)):
        parts.append(FaceIndex(DIM))
        parts[-1].add(ids[some], rows[some])
    probes = isotropic(rng, 4, DIM)
    for limits in ({}, {"k": 7}, {"threshold": 0.1}, {"threshold": 0.3, "first": 5, "k": 6}):
        want = whole.search(probes, **limits, max_miss=0)
        filled_in = {"k": None, "threshold": None, "first": 0, "max_miss": 0} | limits
        question = Question(probes, limits_of(**filled_in), None)
        got = merged([part.search(probes, **limits, max_miss=0) for part in parts], question)
        for name in ("ids", "scores", "counts"):
            np.testing.assert_array_equal(getattr(got, name), getattr(want, name))
    assert joined([got, got], ["b", "a"]).missing == ("a", "b")
