"""Shards that are slow, cut off or killed: no wrong answer, none missing that is not named."""

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import ray_cluster
from index_answers import agrees, is_oracle
from index_galleries import face_like, normed
from ray_cluster import NODE, Searching, Stopped, pid, until

from vultus.errors import IntegrityError
from vultus.index.fleet import ShardSettings
from vultus.index.placement import Move
from vultus.index.shards import ShardedIndex

DIM, N = 32, 1200
SETTINGS = ShardSettings(
    memory_bytes=2**28,
    rows_per_segment=200,
    limit_s=60.0,
    hedge_after_s=0.3,
    watch_s=0.5,
)
ROWS = face_like(np.random.default_rng(1), N, DIM)
LEFT = dict(enumerate(ROWS))
PROBES = ROWS[:3]
LIMITS = {"k": 30, "threshold": 0.2}


@pytest.fixture(scope="module")
def cluster():
    started = ray_cluster.start(3)
    yield started
    ray_cluster.stop(started)


@pytest.fixture
def node(cluster):
    """A fourth node, which the test may take away."""
    added = cluster.add_node(**NODE)
    yield added
    if added in cluster.worker_nodes:
        cluster.remove_node(added, allow_graceful=False)


@pytest.fixture(scope="module")
def shared(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    with ShardedIndex.create(
        folder / "manifest", f"file://{folder}/store", DIM, settings=SETTINGS
    ) as made:
        made.add(np.arange(N), ROWS)
        yield made


@pytest.fixture
def index(shared):
    """N references in six segments on three nodes; it mends itself before the next test."""
    until(lambda: len(shards(shared)) == 3 and whole(shared))
    yield shared
    shared.remove(shared.ids[shared.ids >= N])
    if len(lost := np.setdiff1d(np.arange(N), shared.ids)):
        shared.add(lost, ROWS[lost])
    shared.compact(0.0)


@contextmanager
def changed(index, **settings):
    """Other settings for a while."""
    places = (index, index._held, index._held.fleet)
    before = index._settings
    for place in places:
        place._settings = replace(before, **settings)
    yield
    for place in places:
        place._settings = before


def shards(index):
    return index._held.fleet.shards


def whole(index):
    """Every segment is held twice."""
    return all(len(held) == 2 for held in index.placed.values())


def references_of(index, names):
    """What some segments hold."""
    with index._held.changed:
        ids = [index._held.segments[name].ids for name in names]
    return {i: LEFT[i] for i in np.concatenate(ids).tolist()}


def answers_are_whole(searching):
    """All answers of a while, each complete and right to the last bit."""
    assert searching.answers
    first = searching.answers[0]
    is_oracle(first, LEFT, PROBES, **LIMITS)
    for lists in searching.answers:
        assert lists.missing == ()
        assert lists.ids.tolist() == first.ids.tolist()
        assert lists.scores.tobytes() == first.scores.tobytes()


def searching(index):
    return Searching(lambda: index.search(PROBES, max_miss=0, **LIMITS))


def test_every_segment_lies_on_two_nodes_and_the_load_is_level(index):
    index.rebalance()
    for held in index.placed.values():
        assert len({shards(index)[name].node for name in held}) == 2
    load = dict.fromkeys(shards(index), 0)
    for name, held in index.placed.items():
        for shard in held:
            load[shard] += index._held.segments[name].entry.n
    assert max(load.values()) - min(load.values()) <= SETTINGS.rows_per_segment
    agrees(index, LEFT, PROBES, **LIMITS)


def test_a_node_killed_under_load_changes_no_answer(index, cluster, node):
    until(lambda: len(shards(index)) == 4)
    until(lambda: whole(index))
    lost = {name for name, shard in shards(index).items() if shard.node == node.node_id}
    until(lambda: any(lost & set(held) for held in index.placed.values()))
    with searching(index) as under_load:
        until(lambda: len(under_load.answers) > 10)
        cluster.remove_node(node, allow_graceful=False)
        until(lambda: not lost & set(shards(index)))
        until(lambda: whole(index))
        n_before = len(under_load.answers)
        until(lambda: len(under_load.answers) > n_before + 10)
    answers_are_whole(under_load)
    assert not any(lost & set(held) for held in index.placed.values())


def test_a_killed_process_is_replaced_from_the_store(index):
    victim = next(iter(shards(index).values()))
    with searching(index) as under_load:
        until(lambda: len(under_load.answers) > 10)
        os.kill(pid(victim), signal.SIGKILL)
        until(lambda: victim.name not in shards(index))
        until(lambda: len(shards(index)) == 3)
        until(lambda: whole(index))
    answers_are_whole(under_load)


def test_a_shard_found_dead_without_any_search_is_replaced(index):
    victim = next(iter(shards(index).values()))
    os.kill(pid(victim), signal.SIGKILL)
    until(lambda: victim.name not in shards(index) and len(shards(index)) == 3 and whole(index))
    agrees(index, LEFT, PROBES, **LIMITS)


def test_a_silent_shard_is_replaced(index):
    victim = next(iter(shards(index).values()))
    with changed(index, lost_after_s=1.0), Stopped(pid(victim)):
        until(lambda: victim.name not in shards(index))
        until(lambda: len(shards(index)) == 3 and whole(index))
    agrees(index, LEFT, PROBES, **LIMITS)


@pytest.mark.parametrize("hedge_after_s", [0.3, None])
def test_the_second_replica_answers_when_the_first_is_slow(index, hedge_after_s):
    """Whichever shard it is; the stopped one never answers while it is searched."""
    for shard in shards(index).values():
        with changed(index, hedge_after_s=hedge_after_s), Stopped(pid(shard)):
            for _ in range(3):
                agrees(index, LEFT, PROBES, **LIMITS)


def test_without_both_replicas_the_answer_is_partial_and_says_what_is_missing(index):
    one, two, _ = shards(index).values()
    missing = {n for n, held in index.placed.items() if set(held) == {one.name, two.name}}
    assert missing
    with changed(index, limit_s=1.5), Stopped(pid(one), pid(two)):
        lists = index.search(PROBES, max_miss=0, **LIMITS)
        assert lists.missing == tuple(sorted(missing))
        is_oracle(lists, references_of(index, set(index.placed) - missing), PROBES, **LIMITS)
    until(lambda: index.search(PROBES).missing == ())
    agrees(index, LEFT, PROBES, **LIMITS)


def test_while_both_replicas_are_fetched_anew_a_search_waits_for_them(index):
    one, two, _ = shards(index).values()
    for shard in (one, two):
        os.kill(pid(shard), signal.SIGKILL)
    agrees(index, LEFT, PROBES, **LIMITS)


def test_a_segment_that_the_store_lost_is_named(cluster, tmp_path):
    where, store = (tmp_path / "manifest", f"file://{tmp_path}/store"), tmp_path / "store"
    with ShardedIndex.create(*where, DIM, settings=SETTINGS) as index:
        index.add(np.arange(N), ROWS)
        name, held = next(iter(index.placed.items()))
        (store / f"{name}.segment").rename(tmp_path / "lost")
        agrees(index, LEFT, PROBES, **LIMITS)  # the shards have it still
        for shard in held:
            os.kill(pid(shards(index)[shard]), signal.SIGKILL)
        until(lambda: name in index.faults)
        until(lambda: all(len(h) == 2 for n, h in index.placed.items() if n != name))
        lists = index.search(PROBES, max_miss=0, **LIMITS)
        assert lists.missing == (name,)
        is_oracle(lists, references_of(index, set(index.placed) - {name}), PROBES, **LIMITS)
        with pytest.raises(IntegrityError, match=f"no longer has segment {name}") as caught:
            index.rebalance()
        assert caught.value.code == "index.segment_gone"
        (tmp_path / "lost").rename(store / f"{name}.segment")
        index.rebalance()
        agrees(index, LEFT, PROBES, **LIMITS)
    other = next(each for each in store.iterdir() if each.stem != name)
    (store / f"{name}.segment").write_bytes(other.read_bytes())
    with pytest.raises(IntegrityError, match=f"{name} is another one"):
        ShardedIndex.open(*where, settings=SETTINGS)
    (store / f"{name}.segment").unlink()
    with pytest.raises(IntegrityError, match=f"no longer has segment {name}"):
        ShardedIndex.open(*where, settings=SETTINGS)


def test_what_is_removed_never_comes_back_with_a_replica_that_was_cut_off(index):
    """The stopped shard misses the removal; then it alone is left to answer."""
    cut_off, *others = shards(index).values()
    its_own = [name for name, held in index.placed.items() if cut_off.name in held]
    left = references_of(index, its_own)
    with Stopped(pid(cut_off)):
        agrees(index, LEFT, PROBES, **LIMITS)
        gone = sorted(left)[::2]
        assert index.remove(gone) == len(gone)
        agrees(index, {i: t for i, t in LEFT.items() if i not in gone}, PROBES, **LIMITS)
    left = {i: t for i, t in left.items() if i not in gone}
    with changed(index, limit_s=3.0), Stopped(*(pid(shard) for shard in others)):
        lists = index.search(PROBES, max_miss=0, **LIMITS)
    assert not set(its_own) & set(lists.missing)
    assert not set(gone) & set(lists.ids.tolist())
    is_oracle(lists, left, PROBES, **LIMITS)


def test_a_search_that_a_removal_overtook_does_not_return_what_was_removed(index):
    found = []
    search = threading.Thread(
        target=lambda: found.append(index.search(PROBES, max_miss=0, **LIMITS))
    )
    with Stopped(*(pid(shard) for shard in shards(index).values())):
        search.start()
        until(lambda: any(shard.unanswered for shard in shards(index).values()))
        assert index.remove([0, 1, 2]) == 3
    search.join()
    is_oracle(found[0], {i: t for i, t in LEFT.items() if i > 2}, PROBES, **LIMITS)


def test_a_search_finds_a_segment_that_moves_while_its_other_shard_is_slow(index):
    """The slow shard is asked first; when the other is asked, it no longer has the segment."""
    slow = next(iter(shards(index).values()))
    found = []
    search = threading.Thread(
        target=lambda: found.append(index.search(PROBES, max_miss=0, **LIMITS))
    )
    with changed(index, hedge_after_s=3.0), Stopped(pid(slow)):
        search.start()
        until(lambda: slow.unanswered)
        moves = []
        for name, held in index.placed.items():
            if slow.name in held:
                (other,) = {*held} - {slow.name}
                (third,) = {*shards(index)} - {*held}
                moves.append(Move(name, third, other))
        with index._held.structure:
            index._held._carry_out(moves)
        search.join()
    assert found[0].missing == ()
    is_oracle(found[0], LEFT, PROBES, **LIMITS)


def test_a_new_node_takes_its_part(index, cluster, node):
    with searching(index) as under_load:
        until(lambda: len(shards(index)) == 4)
        index.rebalance()
        (new,) = (name for name, shard in shards(index).items() if shard.node == node.node_id)
        assert any(new in held for held in index.placed.values())
        assert whole(index)
    answers_are_whole(under_load)
    cluster.remove_node(node, allow_graceful=False)
    until(lambda: new not in shards(index) and whole(index))
    agrees(index, LEFT, PROBES, **LIMITS)


def test_additions_compaction_and_moves_disturb_no_search(index):
    # Of what is added nothing comes near the probes.
    noise = np.random.default_rng(2).standard_normal((600, DIM))
    far = normed(0.05 * noise - PROBES.sum(axis=0))
    with searching(index) as under_load:
        for start in range(0, 600, 200):
            ids = np.arange(5000 + start, 5200 + start)
            index.add(ids, far[start : start + 200])
            index.remove(ids[:100])
            assert index.compact() > 0
        index.remove(np.arange(5000, 6000))
        index.compact()
        index.rebalance()
    answers_are_whole(under_load)
    assert len(index) == N
    assert whole(index)
