"""Photos read on a cluster: as the pool reads them, and none lost with a reader or a machine."""

import os
import threading

import numpy as np
import pytest
import ray_cluster
from hostile import picture, saved
from portraits import portrait_photos
from ray_cluster import NODE, Stopped, until

from vultus.errors import UnavailableError, VultusError
from vultus.faces import cluster as reading
from vultus.faces.cluster import ClusterReader
from vultus.faces.pool import WINDOW, ReaderPool

PICTURE = saved(picture(np.random.default_rng(11)), "PNG")
MEMORY = 2**29


def outcome(result):
    return result.code if isinstance(result, VultusError) else "read"


@pytest.fixture(scope="module")
def cluster():
    started = ray_cluster.start(1)
    yield started
    ray_cluster.stop(started)


@pytest.fixture(scope="module")
def readers(cluster):
    with ClusterReader(2, memory_bytes=MEMORY) as opened:
        yield opened


def pid(remote):
    """The process of a reader."""
    return ray_cluster.ray.get(remote.actor.__ray_call__.remote(lambda _: os.getpid()))


def test_photos_read_as_in_a_pool(readers, tmp_path):
    paths = portrait_photos()[:4]
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(paths[0].read_bytes()[:500])
    items = [*((path, path) for path in paths), ("missing", tmp_path / "none.jpg"), ("cut", cut)]
    items += [("bytes", paths[0].read_bytes()), ("none", b"no photo")]
    with ReaderPool(1) as pool:
        expected = list(pool.read_many(items))
    for (key, ours), (same, theirs) in zip(readers.read_many(items), expected, strict=True):
        assert key == same
        assert outcome(ours) == outcome(theirs)
        if outcome(ours) == "read":
            assert ours.sha256 == theirs.sha256
            assert ours.crops[0].jpeg == theirs.crops[0].jpeg
            vectors = [each.faces[0].template.vector for each in (ours, theirs)]
            np.testing.assert_allclose(*vectors, atol=1e-6)


def test_a_photo_is_shown(readers):
    shown = readers.show(PICTURE, 40)
    assert max(shown.width, shown.height) == 40
    with pytest.raises(VultusError) as caught:
        readers.show(b"no photo", 40)
    assert caught.value.code == "photo.not_a_photo"


def test_what_is_taken_in_ahead_is_bounded_and_may_be_left_off(readers):
    taken = 0

    def items():
        nonlocal taken
        for number in range(300):
            taken += 1
            yield number, b"no photo"

    for key, _ in readers.read_many(items()):
        assert taken <= key + 1 + WINDOW * readers.n_readers
        if key == 40:
            break
    again = list(readers.read_many((number, b"no photo") for number in range(5)))
    assert [(k, outcome(r)) for k, r in again] == [(n, "photo.not_a_photo") for n in range(5)]


def test_a_killed_reader_loses_no_photo(readers):
    results, victim = [], None
    for key, result in readers.read_many((number, PICTURE) for number in range(20)):
        results.append((key, outcome(result)))
        if key == 2:
            victim = next(each for each in readers._readers if each.numbers)
            ray_cluster.ray.kill(victim.actor)
    assert results == [(number, "read") for number in range(20)]
    assert victim not in readers._readers


def test_a_photo_that_loses_two_readers_is_reported(cluster):
    """The photo takes long to read; whoever has it is killed, twice."""
    slow = saved(picture(np.random.default_rng(1), 6000, 5000), "JPEG")
    with ClusterReader(1, memory_bytes=MEMORY) as readers:

        def kill_twice():
            for _ in range(2):
                until(lambda: readers._readers[0].numbers)
                victim = readers._readers[0]
                ray_cluster.ray.kill(victim.actor)
                until(lambda victim=victim: readers._readers[0] is not victim)

        killing = threading.Thread(target=kill_twice)
        killing.start()
        results = [(k, outcome(r)) for k, r in readers.read_many([(0, slow), (1, b"no photo")])]
        killing.join()
        assert results[0] == (0, "photo.reader_lost")
        again = [(k, outcome(r)) for k, r in readers.read_many([(1, PICTURE)])]
        assert again == [(1, "read")]


def test_a_reader_that_falls_silent_is_replaced(cluster, monkeypatch):
    monkeypatch.setattr(reading, "GRACE", 0.5)
    with ClusterReader(1, seconds_max=4.0, memory_bytes=MEMORY) as readers:
        assert outcome(next(iter(readers.read_many([(0, b"no photo")])))[1]) == "photo.not_a_photo"
        with Stopped(pid(readers._readers[0])):
            results = [outcome(r) for _, r in readers.read_many([(0, b"no photo")])]
    assert results == ["photo.not_a_photo"]


def test_a_lost_machine_loses_no_photo(cluster):
    node = cluster.add_node(**NODE)
    with ClusterReader(2, memory_bytes=MEMORY) as readers:
        results = []
        for key, result in readers.read_many((number, PICTURE) for number in range(30)):
            results.append((key, outcome(result)))
            if key == 2:
                cluster.remove_node(node, allow_graceful=False)
    assert results == [(number, "read") for number in range(30)]


def test_without_a_place_on_the_cluster_it_says_so(cluster, monkeypatch):
    monkeypatch.setattr(reading, "START_S", 1.0)
    with (
        ClusterReader(1, memory_bytes=2**45) as readers,
        pytest.raises(UnavailableError) as caught,
    ):
        list(readers.read_many([(0, PICTURE)]))
    assert caught.value.code == "photo.no_reader"


@pytest.mark.parametrize("wrong", [{"n_readers": 0}, {"seconds_max": 0}])
def test_wrong_limits_are_refused(cluster, wrong):
    with pytest.raises(ValueError, match="expected"):
        ClusterReader(**wrong)
