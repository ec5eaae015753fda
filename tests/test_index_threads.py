"""Many threads at one index: every answer is of before a change or of after it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from index_galleries import isotropic, seed
from index_keys import KeyFolder

from vultus.index import FaceIndex
from vultus.index import index as index_of
from vultus.index.turn import Turn

GROUP = 64


def test_a_search_sees_a_change_wholly_or_not_at_all(tmp_path):
    """Groups of 64 come and go while three threads search, save and count."""
    rng = np.random.default_rng(0)
    d = 32
    groups = [isotropic(rng, GROUP, d) for _ in range(6)]
    index = FaceIndex(d, seed=seed(1))
    index.add(np.arange(GROUP), groups[0])
    probes = np.concatenate([group[:2] for group in groups])
    FaceIndex.prepare()
    done = threading.Event()

    def change():
        try:
            for _ in range(60):
                for number in range(1, 6):
                    ids = np.arange(GROUP) + number * GROUP
                    index.add(ids, groups[number])
                for number in (3, 1, 5, 2, 4):
                    index.remove(np.arange(GROUP) + number * GROUP)
        finally:
            done.set()

    def look(limits):
        n_answers = 0
        while not done.is_set() or n_answers == 0:
            lists = index.search(probes, **limits)
            seen = {tuple(np.bincount(c.ids // GROUP, minlength=6)) for c in lists}
            assert len(seen) == 1, "the probes of one batch saw different references"
            assert set(seen.pop()) <= {0, GROUP}, "a group was seen in part"
            n_answers += 1
        return n_answers

    def scores_are_right():
        n_answers = 0
        while not done.is_set() or n_answers == 0:
            for j, candidates in enumerate(index.search(probes, k=5)):
                exact = np.concatenate(groups)[candidates.ids] @ probes[j]
                np.testing.assert_allclose(candidates.scores, exact, atol=1e-6)
            n_answers += 1
        return n_answers

    def save():
        n_answers = 0
        while not done.is_set() or n_answers == 0:
            index.save(tmp_path / "a.index")
            ids = FaceIndex.open(tmp_path / "a.index").ids
            assert set(np.bincount(ids // GROUP)) <= {0, GROUP}
            n_answers += 1
        return n_answers

    with ThreadPoolExecutor(5) as pool:
        changing = pool.submit(change)
        looking = [
            pool.submit(look, {}),
            pool.submit(look, {"threshold": -2.0}),
            pool.submit(scores_are_right),
            pool.submit(save),
        ]
        changing.result()
        assert all(future.result() > 0 for future in looking)
    assert index.ids.tolist() == list(range(GROUP))


def come_and_go(index, templates, done):
    """Groups 1 to 5 are added and removed, flushed and compacted, eight times; then say so."""
    group = np.arange(GROUP)
    try:
        for turn in range(8):
            for number in range(1, 6):
                ids = group + number * GROUP
                index.add(ids, templates[ids])
                if turn % 2:
                    index.flush()
            index.compact(0.3)
            for number in (3, 1, 5, 2, 4):
                index.remove(group + number * GROUP)
                if turn % 3 == 0:
                    index.compact(0)
    finally:
        done.set()


@pytest.mark.parametrize("sealed", [False, True])
def test_a_folder_is_searched_while_it_is_changed_and_compacted(tmp_path, monkeypatch, sealed):
    """Groups come, go and come back under the same ids; segments are rewritten below them."""
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 3 * GROUP)
    keyring = KeyFolder(tmp_path / "keys") if sealed else None
    d, rng = 32, np.random.default_rng(1)
    templates = isotropic(rng, 6 * GROUP, d)
    group = np.arange(GROUP)
    FaceIndex.create(tmp_path / "index", d, seed=seed(1), keyring=keyring).close()
    FaceIndex.prepare()
    index = FaceIndex.open(tmp_path / "index", keyring=keyring, cache_bytes=2 * 32 * d)
    index.add(group, templates[:GROUP])
    allow = index.allowed(group)
    probes = templates[::GROUP]
    done = threading.Event()

    def repeat(look):
        n_answers = 0
        while not done.is_set() or n_answers == 0:
            look()
            n_answers += 1
        return n_answers

    def whole_groups():
        lists = index.search(probes)
        seen = {tuple(np.bincount(c.ids // GROUP, minlength=6)) for c in lists}
        assert len(seen) == 1
        assert set(seen.pop()) <= {0, GROUP}

    def scores_are_right():
        for probe, c in zip(probes, index.search(probes, k=9, threshold=-1), strict=True):
            np.testing.assert_allclose(c.scores, templates[c.ids] @ probe, atol=0.02)

    def allowed_are_there():
        (candidates,) = index.search(probes[0], allow=allow)
        assert sorted(candidates.ids.tolist()) == group.tolist()
        np.testing.assert_allclose(index.templates(group), templates[:GROUP], atol=0.02)
        index.memory()

    def fsck():
        index.fsck()
        assert set(np.bincount(index.ids // GROUP)) <= {0, GROUP}

    with ThreadPoolExecutor(5) as pool:
        changing = pool.submit(come_and_go, index, templates, done)
        looks = (whole_groups, scores_are_right, allowed_are_there, fsck)
        looking = [pool.submit(repeat, look) for look in looks]
        changing.result()
        assert all(future.result() > 0 for future in looking)
    index.close()
    with FaceIndex.open(tmp_path / "index", keyring=keyring) as again:
        assert again.ids.tolist() == group.tolist()
        again.fsck()


@pytest.mark.parametrize("sealed", [False, True])
def test_an_index_that_is_closed_under_searches_answers_wholly_or_says_so(tmp_path, sealed):
    keyring = KeyFolder(tmp_path / "keys") if sealed else None
    d = 32
    templates = isotropic(np.random.default_rng(2), 3000, d)
    index = FaceIndex.create(tmp_path / "index", d, seed=seed(1), keyring=keyring)
    index.add(np.arange(3000), templates)
    index.flush()
    begun = threading.Barrier(4)

    def search(limits):
        begun.wait(timeout=60)
        n_answers = 0
        while True:
            try:
                lists = index.search(templates[:3], **limits)
            except ValueError as error:
                assert str(error) == "this index is closed"
                return n_answers
            assert lists.counts.tolist() == [limits.get("k", 3000)] * 3
            n_answers += 1

    with ThreadPoolExecutor(3) as pool:
        searching = [pool.submit(search, limits) for limits in ({}, {"k": 5}, {"threshold": -2})]
        begun.wait(timeout=60)
        index.search(templates[0])
        index.close()
        for future in searching:
            future.result()


def test_searches_run_at_the_same_time_and_a_writer_waits_for_them():
    turn = Turn()
    inside = threading.Barrier(2)
    order = []

    def read(name):
        with turn.reading():
            inside.wait(timeout=30)  # passes only when both readers are inside
            order.append(name)

    def write():
        with turn.writing():
            order.append("writer")

    with turn.reading():
        writer = threading.Thread(target=write)
        writer.start()
        while not turn._n_writers:
            pass
        late = threading.Thread(target=lambda: read("late"))
        late.start()  # comes after the waiting writer
        assert order == []
    writer.join()
    other = threading.Thread(target=lambda: read("other"))
    other.start()
    late.join()
    other.join()
    assert order[0] == "writer"
    assert sorted(order[1:]) == ["late", "other"]


def test_an_error_inside_gives_the_turn_back():
    turn = Turn()
    for enter in (turn.reading, turn.writing, turn.reading):
        with pytest.raises(RuntimeError), enter():
            raise RuntimeError
    assert (turn._n_reading, turn._n_writers, turn._writing) == (0, 0, False)
