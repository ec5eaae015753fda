"""A search returns exactly what the oracle returns: the same ids, scores and order."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_galleries import (
    BITS,
    KINDS,
    face_like,
    isotropic,
    kept,
    lattice,
    named,
    normed,
    one_number,
    seed,
)

from vultus.index import FaceIndex, oracle, scan
from vultus.index.codes import unit_rows
from vultus.index.rows import unit

DIMS = [1, 2, 3, 7, 31, 64, 100, 128, 129, 512, 1024]
ROWS = ["float32", "int8"]


def built(ids, templates, rows="float32", bits=(2, 0), number=2):
    first_bits, more_bits = bits
    index = FaceIndex(
        templates.shape[1],
        rows=rows,
        first_bits=first_bits,
        more_bits=more_bits,
        seed=seed(number),
    )
    index.add(ids, templates)
    return index


def wanted(ids, templates, probes, limits, rows="float32"):
    """What the oracle finds, one (ids, scores) a probe."""
    allow = limits.get("allow")
    limits = limits | {"allow": None if allow is None else np.array(sorted(allow), np.int64)}
    stored = kept(templates, rows)
    return [oracle.search(ids, stored, probe, **limits) for probe in unit(probes, "probe")]


def assert_same(lists, want, what=""):
    assert len(lists) == len(want)
    for candidates, (ids, scores) in zip(lists, want, strict=True):
        np.testing.assert_array_equal(candidates.ids, ids, what)
        np.testing.assert_array_equal(candidates.scores, scores, what)
        assert candidates.ids.dtype == np.int64
        assert candidates.scores.dtype == np.float32


def same_as_oracle(index, ids, templates, probes, **limits):
    """With a chance of missing one, for this seed, and without."""
    want = wanted(ids, templates, probes, limits, index.coding.rows)
    for max_miss in (1e-4, 0):
        assert_same(index.search(probes, max_miss=max_miss, **limits), want)


def every_limit(ids, middle):
    allow = set(ids[::3].tolist()) | {10**12}
    return [
        {},
        {"k": 0},
        {"k": 1},
        {"k": 10},
        {"k": len(ids) + 5},
        {"threshold": 0.4},
        {"threshold": middle},
        {"threshold": -0.2},
        {"threshold": 1.5},
        {"threshold": 1.5, "first": 3},
        {"threshold": middle, "first": 12},
        {"k": 5, "threshold": middle},
        {"k": 20, "threshold": middle, "first": 12},
        {"k": 4, "threshold": 0.4, "first": 9},
        {"k": 10, "allow": allow},
        {"threshold": middle, "allow": allow},
        {"k": 5, "threshold": middle, "first": 2, "allow": allow},
        {"k": 3, "allow": set()},
    ]


@pytest.mark.parametrize("d", DIMS)
def test_every_kind_of_data_at_every_size(d):
    """All kinds in one test: a rotation of 1,024 dimensions takes a second to draw."""
    for kind in KINDS:
        rng = np.random.default_rng(d)
        n = 200
        templates = kind(rng, n, d)
        ids = rng.permutation(10 * n)[:n].astype(np.int64) - n
        probes = np.concatenate((templates[:2], -templates[2:3], isotropic(rng, 1, d)))
        scores = oracle.score(kept(templates), unit(probes, "probe")[1])
        limits = every_limit(ids, float(np.sort(scores)[-7]))
        for i, rows in enumerate(ROWS):
            want = [wanted(ids, templates, probes, each, rows) for each in limits]
            for bits in BITS[(2 * i + DIMS.index(d)) % 4 :: 4]:  # all: test_every_way_to_keep_rows
                index = built(ids, templates, rows, bits)
                for each, right in zip(limits, want, strict=True):
                    for max_miss in (1e-4, 0):
                        lists = index.search(probes, max_miss=max_miss, **each)
                        assert_same(lists, right, f"{named(kind)} {rows} {bits} {max_miss}")


@pytest.mark.parametrize("bits", BITS, ids=str)
@pytest.mark.parametrize("rows", ROWS)
def test_every_way_to_keep_rows(rows, bits):
    rng = np.random.default_rng(1)
    n, d = 700, 128
    kinds = [kind(rng, n // 7, d) for kind in (isotropic, face_like, lattice, one_number)]
    templates = np.concatenate((*kinds, *kinds))[:n]
    ids = rng.permutation(n).astype(np.int64)
    index = built(ids, templates, rows, bits)
    for limits in every_limit(ids, 0.3):
        same_as_oracle(index, ids, templates, templates[:300:30], **limits)


@pytest.mark.parametrize("rows", ROWS)
def test_the_best_are_guessed_from_a_part_of_the_rows_and_are_all_the_same_the_best(
    rows, monkeypatch
):
    """Where the first eighth holds too many or too few of the best, the guess is mended."""
    monkeypatch.setattr(scan, "_SAMPLE_BLOCKS", 4)
    rng = np.random.default_rng(2)
    d, n = 64, 4000
    templates = face_like(rng, n, d)
    probe = templates[7]
    near = normed(probe + 0.5 * isotropic(rng, 300, d))
    for place in (0, 1000, n - 300):  # all the best in the first part, in the middle, in the last
        mixed = templates.copy()
        mixed[place : place + 300] = near
        index = built(np.arange(n), mixed, rows, (1, 1))
        probes = np.concatenate((probe[None], templates[2000:2003], -probe[None]))
        for limits in (
            {"k": 1},
            {"k": 250},
            {"k": 60, "threshold": 0.5},
            {"threshold": 0.9, "first": 40},
            {"k": 30, "allow": set(range(0, n, 3))},
            {"k": 30, "allow": {5, 900, 901, 3999}},
            {"k": 3, "allow": set(range(3900, n))},
        ):
            same_as_oracle(index, np.arange(n), mixed, probes, **limits)


def test_references_in_several_segments_and_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "_SAMPLE_BLOCKS", 2)
    rng = np.random.default_rng(3)
    n, d = 3000, 32
    templates = face_like(rng, n, d)
    ids = rng.permutation(n).astype(np.int64) - 50
    with FaceIndex.create(tmp_path, d, rows="int8", seed=seed(3)) as index:
        for start in range(0, 2500, 500):
            index.add(ids[start : start + 500], templates[start : start + 500])
            index.flush()
        index.add(ids[2500:], templates[2500:])
        gone = rng.choice(ids, 700, replace=False)
        index.remove(gone)
        left = ~np.isin(ids, gone)
        for limits in every_limit(ids[left], 0.35):
            same_as_oracle(index, ids[left], templates[left], templates[:5], **limits)


@settings(max_examples=60)
@given(data=st.data())
def test_any_index_after_any_changes(data):
    """Random kinds, sizes, limits and removals, against the oracle of what should be left."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    d = data.draw(st.integers(1, 40))
    kind_of_rows = data.draw(st.sampled_from(ROWS))
    index = built([], np.empty((0, d)), kind_of_rows, data.draw(st.sampled_from(BITS)))
    left = {}
    for _ in range(data.draw(st.integers(0, 4))):
        rows = data.draw(st.sampled_from(KINDS))(rng, data.draw(st.integers(1, 40)), d)
        ids = rng.choice(200, len(rows), replace=False) - 100
        fresh = np.array([i not in left for i in ids.tolist()])
        index.add(ids[fresh], rows[fresh])
        left.update(zip(ids[fresh].tolist(), rows[fresh], strict=True))
        gone = rng.integers(-100, 100, data.draw(st.integers(0, 60)))
        assert index.remove(gone) == sum(left.pop(i, None) is not None for i in set(gone.tolist()))
    ids = np.array(list(left), np.int64)
    templates = np.array(list(left.values()), np.float32).reshape(-1, d)
    limits = {
        "k": data.draw(st.none() | st.integers(0, 50)),
        "threshold": data.draw(st.none() | st.floats(-1, 1, width=32)),
        "first": data.draw(st.integers(0, 9)),
        "allow": data.draw(st.none() | st.sets(st.integers(-120, 120))),
    }
    probes = isotropic(rng, data.draw(st.integers(0, 4)), d)
    want = wanted(ids, templates, probes, limits, kind_of_rows)
    # Certain, because hypothesis looks for the one rotation in thousands that misses a row.
    assert_same(index.search(probes, max_miss=0, **limits), want)
    assert len(index) == len(left)
    np.testing.assert_array_equal(index.ids, np.sort(ids))


def test_large_enough_for_several_threads():
    rng = np.random.default_rng(4)
    n, d, m = 70_000, 128, 3
    templates = face_like(rng, n, d)
    ids = rng.permutation(n).astype(np.int64)
    index = built(ids, templates, bits=(1, 1))
    assert n * index.coding.n_bytes * m > scan._ALONE
    probes = templates[:m]
    same_as_oracle(index, ids, templates, probes, k=50, threshold=0.45)
    same_as_oracle(index, ids, templates, probes, k=20, allow=set(range(0, n, 2)))
    same_as_oracle(index, ids, templates, probes, threshold=0.3)


def test_more_probes_than_are_searched_at_once():
    rng = np.random.default_rng(5)
    templates = face_like(rng, 300, 31)
    probes = templates[:150]
    assert len(probes) > 2 * scan._PROBES_AT_ONCE
    index = built(np.arange(300), templates)
    same_as_oracle(index, np.arange(300), templates, probes, k=4, threshold=0.2)


def test_more_candidates_than_the_first_buffer_holds():
    rng = np.random.default_rng(6)
    templates = isotropic(rng, 9000, 8)
    index = built(np.arange(9000), templates, "int8", (1, 0))
    same_as_oracle(index, np.arange(9000), templates, templates[:2], threshold=-0.5)
    same_as_oracle(index, np.arange(9000), templates, templates[:2], k=2000)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_the_search_without_numba_gives_the_same(kind, rows, monkeypatch):
    rng = np.random.default_rng(7)
    templates = kind(rng, 300, 100)
    ids = rng.permutation(300).astype(np.int64)
    index = built(ids, templates, rows, (1, 2))
    monkeypatch.setattr(scan, "kernels", lambda: None)
    for limits in every_limit(ids, 0.3):
        same_as_oracle(index, ids, templates, templates[:3], **limits)


@pytest.mark.parametrize("rows", ROWS)
def test_the_score_is_the_cosine_of_what_is_kept(rows):
    """The oracle itself against exact sums, for lengths that are off by the most allowed."""
    rng = np.random.default_rng(8)
    templates = isotropic(rng, 50, 128) * rng.uniform(0.9991, 1.0009, (50, 1))
    templates = templates.astype(np.float32)
    probe = (isotropic(rng, 1, 128)[0] * 1.0009).astype(np.float32)
    vectors = templates if rows == "float32" else kept(templates, "int8").astype(np.float64)
    candidates = built(np.arange(50), templates, rows).search(probe)[0]
    for i, score in zip(candidates.ids, candidates.scores, strict=True):
        a, b = vectors[i].tolist(), probe.tolist()
        cosine = math.fsum(x * y for x, y in zip(a, b, strict=True))
        cosine /= math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(x * x for x in b))
        assert abs(score - cosine) < 2e-7


def test_int8_moves_a_score_by_little():
    rng = np.random.default_rng(9)
    templates = face_like(rng, 2000, 128)
    exact = built(np.arange(2000), templates).search(templates[0])[0]
    rounded = built(np.arange(2000), templates, "int8").search(templates[0])[0]
    off = exact.scores[np.argsort(exact.ids)] - rounded.scores[np.argsort(rounded.ids)]
    assert 1e-5 < np.sqrt(np.mean(np.square(off.astype(np.float64)))) < 1e-3


def test_a_score_equal_to_the_threshold_is_accepted():
    rng = np.random.default_rng(10)
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


def test_equal_scores_are_ordered_by_id_also_where_the_list_is_cut():
    templates = np.repeat(normed(np.ones((1, 64))), 100, axis=0)
    ids = np.random.default_rng(11).permutation(100) - 50
    index = built(ids, templates)
    assert index.search(templates[0])[0].ids.tolist() == list(range(-50, 50))
    assert index.search(templates[0], k=10)[0].ids.tolist() == list(range(-50, -40))
    some = index.search(templates[0], threshold=2, first=3)[0]
    assert some.ids.tolist() == [-50, -49, -48]


def test_the_batch_does_not_change_a_list():
    rng = np.random.default_rng(12)
    templates = face_like(rng, 1000, 100)
    index = built(np.arange(1000), templates, bits=(1, 1))
    probes = templates[:37]
    for rows in ROWS:
        index = built(np.arange(1000), templates, rows, (1, 1))
        together = index.search(probes, k=9, threshold=0.2)
        for candidates, probe in zip(together, probes, strict=True):
            alone = index.search(probe, k=9, threshold=0.2)[0]
            np.testing.assert_array_equal(candidates.ids, alone.ids)
            np.testing.assert_array_equal(candidates.scores, alone.scores)


def test_neither_bits_nor_seed_change_a_list():
    rng = np.random.default_rng(13)
    templates = face_like(rng, 500, 64)
    ways = itertools.product(BITS, (1, 2))
    indexes = [built(np.arange(500), templates, "int8", bits, number) for bits, number in ways]
    lists = [index.search(templates[:9], threshold=0.3) for index in indexes]
    for each in lists[1:]:
        np.testing.assert_array_equal(each.ids, lists[0].ids)
        np.testing.assert_array_equal(each.scores, lists[0].scores)


@pytest.mark.parametrize("limits", [{}, {"k": 3}, {"threshold": 0.1}, {"allow": [1]}])
def test_an_empty_index_gives_empty_lists(limits):
    lists = FaceIndex(128).search(isotropic(np.random.default_rng(14), 3, 128), **limits)
    assert [len(candidates) for candidates in lists] == [0, 0, 0]


def test_no_probe_gives_no_list():
    index = built([1], isotropic(np.random.default_rng(15), 1, 16))
    for limits in ({}, {"k": 3}, {"threshold": 0.1}):
        assert len(index.search(np.empty((0, 16), np.float32), **limits)) == 0


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
    index = built([1, 2, 3, 4, 5], isotropic(np.random.default_rng(16), 5, 8))
    probe = isotropic(np.random.default_rng(17), 1, 8)
    assert sorted(index.search(probe, allow=allow)[0].ids.tolist()) == [2, 4]


@pytest.mark.parametrize("allow", [[], set(), np.empty(0, np.int64), [99]])
def test_nothing_allowed_gives_nothing(allow):
    index = built([1, 2], isotropic(np.random.default_rng(18), 2, 8))
    probe = isotropic(np.random.default_rng(19), 1, 8)
    for limits in ({}, {"k": 1}, {"threshold": -1}, {"threshold": 1, "first": 2}):
        assert len(index.search(probe, allow=allow, **limits)[0]) == 0


@pytest.mark.parametrize("rows", ROWS)
def test_what_is_allowed_once_serves_many_searches(rows):
    rng = np.random.default_rng(20)
    templates = face_like(rng, 2000, 32)
    ids = rng.permutation(2000).astype(np.int64)
    index = built(ids, templates, rows)
    for chosen in ({3, 500, 1999, 5000}, set(range(0, 2000, 7)), set(range(2000))):
        allow = index.allowed(chosen)
        for limits in ({"k": 2}, {"threshold": 0.3}, {"k": 5, "threshold": 0.9, "first": 3}):
            want = wanted(ids, templates, templates[:5], limits | {"allow": chosen}, rows)
            assert_same(index.search(templates[:5], allow=allow, **limits), want)


def test_a_template_comes_back_as_it_is_kept():
    templates = face_like(np.random.default_rng(21), 40, 100)
    asked = np.array([39, 0, 7, 7])
    exact, rounded = built(np.arange(40), templates), built(np.arange(40), templates, "int8")
    np.testing.assert_array_equal(exact.templates(asked), kept(templates)[asked])
    back = rounded.templates(asked)
    np.testing.assert_array_equal(back, unit_rows(kept(templates, "int8"))[asked])
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(back, templates[asked], atol=2e-3)


@pytest.mark.parametrize("n", [300, 6000])
@pytest.mark.parametrize("k", [None, 1, 20, 250])
@pytest.mark.parametrize("first", [0, 5])
@pytest.mark.parametrize("threshold", [0.3, 0.92, 0.97, 2.0])
def test_one_probe_is_answered_as_it_is_among_others(n, k, first, threshold):
    """Above what a search raises its needs to as well, and with more wanted than there are."""
    rng = np.random.default_rng(n)
    probe = rng.standard_normal(32)
    probe /= np.linalg.norm(probe)
    rows = probe + rng.standard_normal((n, 32)) * np.linspace(0, 0.3, n)[:, None]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = FaceIndex(32, seed=seed(1))
    index.add(np.arange(n), rows.astype(np.float32))
    probes = np.stack((probe, rows[n // 2])).astype(np.float32)
    asked = {"k": k, "first": first, "threshold": threshold, "max_miss": 0}
    for one, among in zip(probes, index.search(probes, **asked), strict=True):
        (alone,) = index.search(one, **asked)
        np.testing.assert_array_equal(alone.ids, among.ids)
        np.testing.assert_array_equal(alone.scores, among.scores)
        assert (alone.scores[first:] >= np.float32(threshold)).all()
