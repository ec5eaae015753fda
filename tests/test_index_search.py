"""A search returns exactly what the oracle returns: the same ids, scores and order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_galleries import KINDS, face_like, isotropic, unit

from vultus.index import FaceIndex, oracle, scan
from vultus.index.codes import encode_rows
from vultus.index.codes import unit as scaled

DIMS = [1, 2, 3, 31, 64, 100, 128, 129, 512]


def built(ids, rows):
    index = FaceIndex(rows.shape[1])
    index.add(ids, rows)
    return index


def same_as_oracle(index, ids, rows, probes, *, k, threshold, allow):
    lists = index.search(probes, k=k, threshold=threshold, allow=allow)
    assert len(lists) == len(probes)
    rows, probes = scaled(rows, "row"), scaled(probes, "probe")
    only = None if allow is None else np.array(sorted(allow), np.int64)
    for candidates, probe in zip(lists, probes, strict=True):
        want_ids, want_scores = oracle.search(
            ids, rows, probe, k=k, threshold=threshold, allow=only
        )
        np.testing.assert_array_equal(candidates.ids, want_ids)
        np.testing.assert_array_equal(candidates.scores, want_scores)
        assert candidates.ids.dtype == np.int64
        assert candidates.scores.dtype == np.float32


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_data_at_every_size(kind, d):
    rng = np.random.default_rng(d)
    n = 300
    rows = kind(rng, n, d)
    ids = rng.permutation(10 * n)[:n].astype(np.int64) - n
    probes = np.concatenate((rows[:3], -rows[3:4], isotropic(rng, 3, d)))
    index = built(ids, rows)
    scores = oracle.score(scaled(rows, "row"), scaled(probes, "probe")[1])
    middle = float(np.sort(scores)[-7])
    allow = set(ids[::3].tolist()) | {10**12}
    for k in (None, 0, 1, 10, 75, n + 5):
        for threshold in (None, 0.4, middle, 1.5):
            for only in (None, allow):
                same_as_oracle(index, ids, rows, probes, k=k, threshold=threshold, allow=only)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_index_after_any_changes(data):
    """Random kinds, sizes, limits and removals, against the oracle of what should be left."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    d = data.draw(st.integers(1, 40))
    index, left = FaceIndex(d), {}
    for _ in range(data.draw(st.integers(0, 4))):
        rows = data.draw(st.sampled_from(KINDS))(rng, data.draw(st.integers(1, 40)), d)
        ids = rng.choice(200, len(rows), replace=False) - 100
        fresh = np.array([i not in left for i in ids.tolist()])
        index.add(ids[fresh], rows[fresh])
        left.update(zip(ids[fresh].tolist(), rows[fresh], strict=True))
        gone = rng.integers(-100, 100, data.draw(st.integers(0, 60)))
        assert index.remove(gone) == sum(left.pop(i, None) is not None for i in set(gone.tolist()))
    ids = np.array(list(left), np.int64)
    rows = np.array(list(left.values()), np.float32).reshape(-1, d)
    same_as_oracle(
        index,
        ids,
        rows,
        isotropic(rng, data.draw(st.integers(0, 4)), d),
        k=data.draw(st.none() | st.integers(0, 50)),
        threshold=data.draw(st.none() | st.floats(-1, 1, width=32)),
        allow=data.draw(st.none() | st.sets(st.integers(-120, 120))),
    )
    assert len(index) == len(left)
    np.testing.assert_array_equal(index.ids, np.sort(ids))


def test_large_enough_for_several_threads():
    rng = np.random.default_rng(1)
    n, d, m = 4000, 512, 32
    rows = face_like(rng, n, d)
    ids = rng.permutation(n).astype(np.int64)
    assert n * d * m > 2 * scan._ALONE
    index = built(ids, rows)
    probes = rows[:m]
    same_as_oracle(index, ids, rows, probes, k=50, threshold=0.45, allow=None)
    same_as_oracle(index, ids, rows, probes, k=20, threshold=None, allow=set(range(0, n, 2)))
    same_as_oracle(index, ids, rows, probes, k=None, threshold=0.3, allow=None)


def test_more_candidates_than_the_first_buffer_holds():
    rng = np.random.default_rng(2)
    rows = isotropic(rng, 5000, 8)
    index = built(np.arange(5000), rows)
    same_as_oracle(index, np.arange(5000), rows, rows[:2], k=None, threshold=-0.5, allow=None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("k", [None, 1, 20, 400])
@pytest.mark.parametrize("threshold", [-np.inf, 0.4, 1.0])
def test_the_scan_without_numba_gives_the_same(kind, k, threshold):
    rng = np.random.default_rng(3)
    rows = scaled(kind(rng, 300, 100), "row")
    ids = rng.permutation(300).astype(np.int64)
    gallery = scan.Gallery(ids, rows, *encode_rows(rows))
    probes = rows[:4]
    chosen = np.flatnonzero(ids % 3)
    for which in (None, chosen):
        want = scan.scan(gallery, probes, which, k, threshold)
        found = scan.scan_numpy(gallery, probes, which, k, threshold)
        for a, b in zip(scan._ranked(found, 4, k), want, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_score_is_the_cosine_of_what_was_given():
    """The oracle itself against exact sums, for lengths that are off by the most allowed."""
    rng = np.random.default_rng(4)
    rows = (isotropic(rng, 50, 128) * rng.uniform(0.9991, 1.0009, (50, 1))).astype(np.float32)
    probe = (isotropic(rng, 1, 128)[0] * 1.0009).astype(np.float32)
    candidates = built(np.arange(50), rows).search(probe)[0]
    for i, score in zip(candidates.ids, candidates.scores, strict=True):
        a, b = rows[i].tolist(), probe.tolist()
        cosine = (
            math.sumprod(a, b)
            if hasattr(math, "sumprod")
            else math.fsum(x * y for x, y in zip(a, b, strict=True))
        )
        cosine /= math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
        assert abs(score - cosine) < 2e-7


def test_a_score_equal_to_the_threshold_is_accepted():
    rng = np.random.default_rng(5)
    index = built(np.arange(500), face_like(rng, 500, 128))
    probe = isotropic(rng, 1, 128)
    everything = index.search(probe)[0]
    for rank in (0, 7, 250, 499):
        score = everything.scores[rank]
        at = index.search(probe, threshold=float(score))[0]
        above = index.search(probe, threshold=float(np.nextafter(score, np.float32(2))))[0]
        assert at.ids.tolist() == everything.ids[: len(at)].tolist()
        assert rank < len(at)
        assert len(above) <= rank


def test_a_threshold_is_rounded_to_float32():
    """0.7 is a little more than float32(0.7): the score that prints as 0.7 is accepted."""
    near = np.float32(0.7)
    index = built([1], np.array([[near, np.sqrt(1 - float(near) ** 2)]], np.float32))
    score = float(index.search([1.0, 0.0])[0].scores[0])
    assert score == float(near) < 0.7
    assert len(index.search([1.0, 0.0], threshold=0.7)[0]) == 1


def test_equal_scores_are_ordered_by_id():
    rows = np.repeat(unit(np.ones((1, 64))), 100, axis=0)
    ids = np.random.default_rng(6).permutation(100) - 50
    index = built(ids, rows)
    assert index.search(rows[0])[0].ids.tolist() == list(range(-50, 50))
    assert index.search(rows[0], k=10)[0].ids.tolist() == list(range(-50, -40))


def test_the_batch_does_not_change_a_list():
    rng = np.random.default_rng(7)
    rows = face_like(rng, 1000, 100)
    index = built(np.arange(1000), rows)
    probes = rows[:37]
    together = index.search(probes, k=9, threshold=0.2)
    for candidates, probe in zip(together, probes, strict=True):
        alone = index.search(probe, k=9, threshold=0.2)[0]
        np.testing.assert_array_equal(candidates.ids, alone.ids)
        np.testing.assert_array_equal(candidates.scores, alone.scores)


@pytest.mark.parametrize("limits", [{}, {"k": 3}, {"threshold": 0.1}, {"allow": [1]}])
def test_an_empty_index_gives_empty_lists(limits):
    lists = FaceIndex(128).search(isotropic(np.random.default_rng(8), 3, 128), **limits)
    assert [len(candidates) for candidates in lists] == [0, 0, 0]


def test_no_probe_gives_no_list():
    index = built([1], isotropic(np.random.default_rng(9), 1, 16))
    assert len(index.search(np.empty((0, 16), np.float32))) == 0


@pytest.mark.parametrize(
    "allow",
    [
        np.array([4, 2, 2, 99]),
        np.array([4, 2], np.int32),
        np.array([4, 2], np.uint64),
        [2, 4],
        (2, 4, -7),
        {2, 4, 10**15},
        frozenset({2, 4}),
        range(2, 5, 2),
        (i for i in (2, 4)),
        {2: "a", 4: "b"}.keys(),
    ],
    ids=lambda allow: type(allow).__name__,
)
def test_allow_takes_ids_in_any_container(allow):
    index = built([1, 2, 3, 4, 5], isotropic(np.random.default_rng(10), 5, 8))
    probe = isotropic(np.random.default_rng(11), 1, 8)
    assert sorted(index.search(probe, allow=allow)[0].ids.tolist()) == [2, 4]


@pytest.mark.parametrize("allow", [[], set(), np.empty(0, np.int64), [99]])
def test_nothing_allowed_gives_nothing(allow):
    index = built([1, 2], isotropic(np.random.default_rng(12), 2, 8))
    probe = isotropic(np.random.default_rng(13), 1, 8)
    assert len(index.search(probe, allow=allow)[0]) == 0


def test_a_few_allowed_of_many():
    rng = np.random.default_rng(14)
    rows = isotropic(rng, 2000, 32)
    ids = rng.permutation(2000).astype(np.int64)
    allow = {3, 500, 1999, 5000}
    same_as_oracle(built(ids, rows), ids, rows, rows[:5], k=2, threshold=None, allow=allow)
