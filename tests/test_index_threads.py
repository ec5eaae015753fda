"""Many threads at one index: every answer is of before a change or of after it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from index_galleries import isotropic

from vultus.index import FaceIndex
from vultus.index.index import _Turn

GROUP = 64


def test_a_search_sees_a_change_wholly_or_not_at_all(tmp_path):
    """Groups of 64 come and go while three threads search, save and count."""
    rng = np.random.default_rng(0)
    d = 32
    groups = [isotropic(rng, GROUP, d) for _ in range(6)]
    index = FaceIndex(d)
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


def test_searches_run_at_the_same_time_and_a_writer_waits_for_them():
    turn = _Turn()
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
    turn = _Turn()
    for enter in (turn.reading, turn.writing, turn.reading):
        with pytest.raises(RuntimeError), enter():
            raise RuntimeError
    assert (turn._n_reading, turn._n_writers, turn._writing) == (0, 0, False)
