"""FaceIndex: what may be added, what removing does, and what its answers are made of."""

import numpy as np
import pytest
from index_galleries import face_like, isotropic

from vultus.index import CandidateList, CandidateLists, FaceIndex


@pytest.fixture
def rows():
    return face_like(np.random.default_rng(0), 100, 64)


@pytest.fixture
def index(rows):
    index = FaceIndex(64)
    index.add(np.arange(100), rows)
    return index


def bytes_in_memory(index):
    return b"".join(array.tobytes() for array in index._arrays)


def test_a_new_index_is_empty():
    index = FaceIndex(128)
    assert (len(index), index.dim, 0 in index) == (0, 128, False)
    assert index.ids.tolist() == []


@pytest.mark.parametrize("dim", [0, -1, 4097])
def test_a_dim_out_of_range_is_an_error(dim):
    with pytest.raises(ValueError, match="from 1 to 4096"):
        FaceIndex(dim)


def test_a_dim_that_is_not_a_whole_number_is_an_error():
    with pytest.raises(TypeError):
        FaceIndex(128.0)


def test_what_was_added_is_found(index, rows):
    assert len(index) == 100
    assert 99 in index
    assert np.int64(99) in index
    assert 100 not in index
    lists = index.search(rows, k=1)
    assert lists.ids.tolist() == list(range(100))
    np.testing.assert_allclose(lists.scores, 1, atol=2e-7)


def test_ids_are_any_int64(rows):
    index = FaceIndex(64)
    ends = [np.iinfo(np.int64).min, -1, 0, np.iinfo(np.int64).max]
    index.add(ends, rows[:4])
    assert index.ids.tolist() == ends
    for k in (None, 1, 4):
        assert index.search(rows[3], k=k)[0].ids[0] == ends[3]
    assert sorted(index.search(rows[3])[0].ids.tolist()) == ends


def test_one_id_with_one_template(rows):
    index = FaceIndex(64)
    index.add(7, rows[0])
    index.add(np.int64(8), rows[1:2])
    assert index.ids.tolist() == [7, 8]


def test_nothing_added_is_nothing(index):
    index.add([], [])
    index.add(np.empty(0, np.int64), np.empty((0, 64), np.float32))
    assert len(index) == 100


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([100, 42], ValueError, "id 42 is present"),
        ([100, 100], ValueError, "id 100 is given twice"),
        ([100], ValueError, "as many ids as templates, got 1, 2"),
        ([100, 101, 102], ValueError, "as many ids as templates"),
        ([[100, 101]], ValueError, r"shape \(n,\), got \(1, 2\)"),
        ([1.0, 2.0], TypeError, "integer ids of 64 bits, got float64"),
        (["100", "101"], TypeError, "integer ids"),
        ([True, False], TypeError, "got bool"),
        ([100, 2**70], TypeError, "64 bits"),
        (np.array([100, 2**63], np.uint64), ValueError, "below 2"),
    ],
)
def test_bad_ids_add_nothing(index, rows, ids, error, message):
    before = index.to_bytes()
    with pytest.raises(error, match=message):
        index.add(ids, isotropic(np.random.default_rng(1), 2, 64))
    assert index.to_bytes() == before
    assert 100 not in index
    assert len(index.search(rows[0])[0]) == 100


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda t: t[:, :63], ValueError),
        (lambda t: t[None], ValueError),
        (lambda t: t * 1.002, ValueError),
        (lambda t: t * 0, ValueError),
        (lambda t: np.where(t == t[1, 5], np.nan, t), ValueError),
        (lambda t: np.where(t == t[1, 5], np.inf, t), ValueError),
        (lambda t: t.astype(np.float64) * 1e300, ValueError),
        (lambda t: t.astype(complex), TypeError),
        (lambda t: t.astype(str), TypeError),
        (lambda t: t > 0, TypeError),
    ],
)
def test_bad_templates_and_probes_are_errors(index, change, error):
    given = change(isotropic(np.random.default_rng(2), 2, 64))
    with pytest.raises(error):
        index.add([100, 101], given)
    assert len(index) == 100
    with pytest.raises(error):
        index.search(given)


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda t: np.repeat(t, 2, axis=1)[:, ::2],
        lambda t: t[::-1].copy()[::-1],
        lambda t: t.astype(np.float64),
        lambda t: t.astype(">f4"),
        lambda t: t.tolist(),
        lambda t: np.frombuffer(t.tobytes(), np.float32).reshape(t.shape),
    ],
)
def test_the_layout_of_the_input_does_not_matter(index, rows, layout):
    other = FaceIndex(64)
    other.add(list(range(100)), layout(rows))
    assert other.to_bytes() == index.to_bytes()
    want, got = index.search(rows[:9], k=5), other.search(layout(rows[:9]), k=5)
    np.testing.assert_array_equal(want.ids, got.ids)
    np.testing.assert_array_equal(want.scores, got.scores)


def test_the_input_is_not_changed_and_not_kept(rows):
    index = FaceIndex(64)
    given = rows.copy()
    index.add(np.arange(100), given)
    np.testing.assert_array_equal(given, rows)
    before = index.to_bytes()
    given[:] = 0
    assert index.to_bytes() == before


def test_removed_is_hidden_at_once_and_overwritten(index, rows):
    templates = {i: index._arrays.rows[i].tobytes() for i in range(100)}
    gone = [0, 50, 98, 99]
    assert index.remove(gone) == 4
    assert len(index) == 96
    assert index.ids.tolist() == [i for i in range(100) if i not in gone]
    assert not any(i in index for i in gone)
    for candidates in index.search(rows[gone]):
        assert len(candidates) == 96
        assert not set(gone) & set(candidates.ids.tolist())
    assert len(index.search(rows[0], allow=gone)[0]) == 0
    memory = bytes_in_memory(index)
    assert [i for i in templates if templates[i] not in memory] == gone


def test_growing_leaves_no_copy_behind(index, rows):
    old = index._arrays
    index.add(np.arange(100, 200), isotropic(np.random.default_rng(3), 100, 64))
    assert not any(array.any() for array in old)
    assert index.search(rows[3], k=1)[0].ids.tolist() == [3]


def test_removing_what_is_not_there_is_passed_over(index):
    assert index.remove([100, -5]) == 0
    assert index.remove([]) == 0
    assert index.remove(3) == 1
    assert index.remove([3, 4, 4]) == 1
    assert len(index) == 98


def test_all_can_be_removed_and_added_again(index, rows):
    before = index.to_bytes()
    assert index.remove(index.ids) == 100
    assert len(index.search(rows[0])[0]) == 0
    assert not any(array.any() for array in index._arrays)
    index.add(np.arange(100)[::-1], rows[::-1])
    assert index.to_bytes() == before


def test_an_id_is_replaced_by_removing_it_first(index, rows):
    index.remove(5)
    index.add(5, -rows[5])
    assert index.search(-rows[5], k=1)[0].ids.tolist() == [5]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"k": -1}, ValueError),
        ({"k": 2.0}, TypeError),
        ({"threshold": float("nan")}, ValueError),
        ({"threshold": "0.4"}, TypeError),
        ({"allow": np.ones(100, bool)}, TypeError),
        ({"allow": [1.5]}, TypeError),
        ({"allow": "12"}, TypeError),
    ],
)
def test_bad_limits_are_errors(index, rows, limits, error):
    with pytest.raises(error):
        index.search(rows[0], **limits)


def test_candidate_lists_are_a_sequence(index, rows):
    lists = index.search(rows[:5], threshold=0.4)
    assert isinstance(lists, CandidateLists)
    assert len(lists) == 5
    assert [c.ids.tolist() for c in lists] == [lists[i].ids.tolist() for i in range(5)]
    assert lists[-1].ids.tolist() == lists[4].ids.tolist()
    assert [c.ids.tolist() for c in lists[1:4:2]] == [lists[i].ids.tolist() for i in (1, 3)]
    assert isinstance(lists[0], CandidateList)
    assert len(lists[0]) == len(lists[0].ids) == len(lists[0].scores)
    assert lists.counts.tolist() == [len(c) for c in lists]
    for number in (5, -6):
        with pytest.raises(IndexError):
            lists[number]


def test_an_answer_cannot_be_written(index, rows):
    lists = index.search(rows[0])
    for array in (lists.ids, lists.scores, lists[0].ids, lists[0].scores):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_one_probe_is_a_batch_of_one(index, rows):
    assert len(index.search(rows[0])) == 1
    assert index.search(rows[0])[0].ids.tolist() == index.search(rows[:1])[0].ids.tolist()


def test_a_threshold_beyond_any_cosine(index, rows):
    for everything in (-1e300, -np.inf, -2):
        assert len(index.search(rows[0], threshold=everything)[0]) == 100
    for nothing in (1e300, np.inf, 2):
        assert len(index.search(rows[0], threshold=nothing)[0]) == 0
