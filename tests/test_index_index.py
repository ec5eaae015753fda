"""FaceIndex: what may be added, what removing does, and what its answers are made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_galleries import BITS, coding, face_like, isotropic, kept, seed
from index_keys import Pages

from vultus.index import CandidateList, CandidateLists, FaceIndex, Segment
from vultus.index.segment import write


def new(**change):
    return FaceIndex(64, **{"seed": seed(1)} | change)


@pytest.fixture
def rows():
    return face_like(np.random.default_rng(0), 100, 64)


@pytest.fixture
def index(rows):
    index = new()
    index.add(np.arange(100), rows)
    return index


@pytest.fixture
def saved(tmp_path):
    """The bytes of a file that an index is saved to: all that it holds."""

    def of(index):
        index.save(tmp_path / "saved")
        return (tmp_path / "saved").read_bytes()

    return of


def arrays(index):
    """Every array in memory that says something of a template."""
    part = index._fresh
    return [part._ids, part._rows, *part.codes]


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


def test_bits_and_seed_are_chosen_where_they_are_left_out():
    assert [FaceIndex(d).coding.first_bits for d in (1, 128, 255, 256, 512)] == [2, 2, 2, 1, 1]
    assert (FaceIndex(8).coding.rows, FaceIndex(8).coding.more_bits) == ("float32", 0)
    assert len({FaceIndex(8).coding.seed for _ in range(5)}) == 5
    assert FaceIndex(8, seed=seed(7)).coding.seed == seed(7)


@pytest.mark.parametrize(
    "change",
    [{"rows": "float16"}, {"first_bits": 3}, {"more_bits": 3}, {"seed": b"short"}],
    ids=str,
)
def test_a_way_to_keep_rows_that_is_none_is_an_error(change):
    with pytest.raises(ValueError, match="expected"):
        new(**change)


def test_what_was_added_is_found(index, rows):
    assert len(index) == 100
    assert 99 in index
    assert np.int64(99) in index
    assert 100 not in index
    lists = index.search(rows, k=1)
    assert lists.ids.tolist() == list(range(100))
    np.testing.assert_allclose(lists.scores, 1, atol=2e-7)


def test_ids_are_any_int64(rows):
    index = new()
    ends = [np.iinfo(np.int64).min, -1, 0, np.iinfo(np.int64).max]
    index.add(ends, rows[:4])
    assert index.ids.tolist() == ends
    for k in (None, 1, 4):
        assert index.search(rows[3], k=k)[0].ids[0] == ends[3]
    assert sorted(index.search(rows[3])[0].ids.tolist()) == ends


def test_one_id_with_one_template(rows):
    index = new()
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
def test_bad_ids_add_nothing(index, rows, saved, ids, error, message):
    before = saved(index)
    with pytest.raises(error, match=message):
        index.add(ids, isotropic(np.random.default_rng(1), 2, 64))
    assert saved(index) == before
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
def test_the_layout_of_the_input_does_not_matter(index, rows, saved, layout):
    other = new()
    other.add(list(range(100)), layout(rows))
    assert saved(other) == saved(index)
    want, got = index.search(rows[:9], k=5), other.search(layout(rows[:9]), k=5)
    np.testing.assert_array_equal(want.ids, got.ids)
    np.testing.assert_array_equal(want.scores, got.scores)


def test_the_input_is_not_changed_and_not_kept(rows, saved):
    index = new()
    given = rows.copy()
    index.add(np.arange(100), given)
    np.testing.assert_array_equal(given, rows)
    before = saved(index)
    given[:] = 0
    assert saved(index) == before


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_removed_is_hidden_at_once_and_overwritten(rows, kind):
    index = new(rows=kind, more_bits=2)
    index.add(np.arange(100), rows)
    templates = [row.tobytes() for row in kept(rows, kind)]
    codes = [code.tobytes() for code in index._fresh.codes.more[:100]]
    gone = [0, 50, 98, 99]
    assert index.remove(gone) == 4
    assert len(index) == 96
    assert index.ids.tolist() == [i for i in range(100) if i not in gone]
    assert not any(i in index for i in gone)
    for candidates in index.search(rows[gone]):
        assert len(candidates) == 96
        assert not set(gone) & set(candidates.ids.tolist())
    assert len(index.search(rows[0], allow=gone)[0]) == 0
    memory = b"".join(array.tobytes() for array in arrays(index))
    assert [i for i in range(100) if templates[i] not in memory] == gone
    assert [i for i in range(100) if codes[i] not in memory] == gone


def test_what_is_left_behind_is_overwritten(index, rows):
    """By growing, by closing up after many removals, and by clearing."""
    index = new(rows="int8", more_bits=1)
    index.add(np.arange(100), rows)
    old = arrays(index)
    index.add(np.arange(100, 300), isotropic(np.random.default_rng(3), 200, 64))
    assert not any(array.any() for array in old)
    old = arrays(index)
    index.remove(np.arange(60, 300))
    assert not any(array.any() for array in old)
    assert len(index._fresh._ids) < 100
    assert index.search(rows[3], k=1)[0].ids.tolist() == [3]
    old = arrays(index)
    index.close()
    assert not any(array.any() for array in old)


@given(data=st.data())
def test_codes_in_memory_are_those_of_the_rows(data):
    """However they came there: in parts, beside removed ones, moved."""
    bits = data.draw(st.sampled_from(BITS))
    index = FaceIndex(20, rows="int8", first_bits=bits[0], more_bits=bits[1], seed=seed(1))
    rng, n = np.random.default_rng(0), 0
    for size, share in data.draw(
        st.lists(st.tuples(st.integers(0, 70), st.sampled_from([0, 0.1, 0.7])), max_size=5)
    ):
        index.add(np.arange(n, n + size), isotropic(rng, size, 20))
        n += size
        index.remove(rng.permutation(n)[: int(share * n)])
    part = index._fresh
    at = part.alive_positions()
    whole = FaceIndex(20, rows="int8", first_bits=bits[0], more_bits=bits[1], seed=seed(1))._fresh
    whole.add(np.arange(len(at)), part._rows[at])
    where = np.arange(len(at))
    for name in ("blocks", "factors"):
        got, right = getattr(part.codes, name), getattr(whole.codes, name)
        got, right = got[at // 32, :, at % 32], right[where // 32, :, where % 32]
        np.testing.assert_allclose(got.astype(int), right, atol=1 if name == "factors" else 0)
    np.testing.assert_array_equal(part.codes.more[at], whole.codes.more[: len(at)])
    assert len(at) == len(index) == part.n_alive


def test_removing_what_is_not_there_is_passed_over(index):
    assert index.remove([100, -5]) == 0
    assert index.remove([]) == 0
    assert index.remove(3) == 1
    assert index.remove([3, 4, 4]) == 1
    assert len(index) == 98


def test_all_can_be_removed_and_added_again(index, rows, saved):
    before = saved(index)
    assert index.remove(index.ids) == 100
    assert len(index.search(rows[0])[0]) == 0
    assert not any(array.any() for array in arrays(index))
    index.add(np.arange(100)[::-1], rows[::-1])
    assert saved(index) == before


def test_an_id_is_replaced_by_removing_it_first(index, rows):
    index.remove(5)
    index.add(5, -rows[5])
    assert index.search(-rows[5], k=1)[0].ids.tolist() == [5]


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"k": -1}, ValueError),
        ({"k": 2.0}, TypeError),
        ({"first": -1, "threshold": 0.5}, ValueError),
        ({"first": 1.5}, TypeError),
        ({"max_miss": -1e-9}, ValueError),
        ({"max_miss": 0.5}, ValueError),
        ({"max_miss": float("nan")}, ValueError),
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


def test_first_adds_the_best_to_those_that_reach_the_threshold(index, rows):
    everything = index.search(rows[0])[0]
    for first in (0, 1, 40, 200):
        for threshold in (2.0, float(everything.scores[9]), -2.0):
            got = index.search(rows[0], threshold=threshold, first=first)[0]
            n = max(int((everything.scores >= np.float32(threshold)).sum()), min(first, 100))
            assert got.ids.tolist() == everything.ids[:n].tolist()
    assert len(index.search(rows[0], first=3)[0]) == 100


# --- what is allowed ----------------------------------------------------------------------------


def found(index, probe, allow, **limits):
    return sorted(index.search(probe, allow=allow, **limits)[0].ids.tolist())


def test_a_bitmap_holds_after_any_change(index, rows):
    allow = index.allowed([1, 5, 40, 99, 300])
    assert found(index, rows[0], allow) == [1, 5, 40, 99]
    index.remove([5, 6])
    assert found(index, rows[0], allow) == [1, 40, 99]
    index.add(np.arange(200, 250), isotropic(np.random.default_rng(4), 50, 64))
    assert found(index, rows[0], allow) == [1, 40, 99]
    index.remove(np.arange(2, 39))  # and more, so that what is left moves
    index.remove(np.arange(41, 99))
    index.remove(np.arange(200, 240))
    assert found(index, rows[0], allow) == [1, 40, 99]
    assert found(index, rows[0], allow, k=2, threshold=-2.0) != []


def test_what_is_added_later_is_not_allowed(index, rows):
    allow = index.allowed([1, 300])
    index.add(300, -rows[0])
    assert found(index, rows[0], allow) == [1]
    assert found(index, rows[0], index.allowed([1, 300])) == [1, 300]


def test_a_bitmap_of_another_index_is_read_by_its_ids(index, rows):
    other = new(seed=seed(9))
    other.add([99, 3, 500], rows[:3])
    assert found(index, rows[0], other.allowed([3, 99, 500])) == [3, 99]


def test_nothing_allowed_once(index, rows):
    assert found(index, rows[0], index.allowed([])) == []
    assert found(index, rows[0], index.allowed([1000])) == []
    assert found(index, rows[0], index.allowed(iter(range(100)))) == list(range(100))


# --- templates ----------------------------------------------------------------------------------


def test_templates_come_in_the_order_asked(index, rows):
    got = index.templates([7, 3, 7])
    assert (got.dtype, got.shape) == (np.float32, (3, 64))
    np.testing.assert_allclose(got, rows[[7, 3, 7]], atol=1e-7)
    assert index.templates(7).shape == (1, 64)
    assert index.templates([]).shape == (0, 64)
    with pytest.raises(ValueError, match="id 100 is not present"):
        index.templates([7, 100, 101])


def test_templates_are_copies(index, rows):
    index.templates([3])[:] = 0
    np.testing.assert_allclose(index.templates([3])[0], rows[3], atol=1e-7)


# --- over segments ------------------------------------------------------------------------------


def segment(path, ids, templates, *, cipher=None, name="a", number=1, kind="int8"):
    how = coding(templates.shape[1], kind, number=number)
    write(path / name, name, how, np.array(ids, np.int64), kept(templates, kind), cipher=cipher)
    return Segment.open(path / name, cipher=cipher)


def test_an_index_over_segments(tmp_path, rows):
    """Of other rotations, plain and sealed; what is added stays in memory, files do not change."""
    one = segment(tmp_path, np.arange(40), rows[:40], number=1)
    two = segment(tmp_path, np.arange(40, 90), rows[40:90], name="b", number=2,
                  cipher=Pages(bytes(32)))  # fmt: skip
    before = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    alone = new(rows="int8")
    with FaceIndex.of([one, two]) as index:
        assert index.coding == one.coding
        index.add(np.arange(90, 100), rows[90:])
        alone.add(np.arange(100), rows)
        for changed in (
            lambda i: None,
            lambda i: i.remove([0, 41, 95]),
            lambda i: i.add(0, rows[5]),
        ):
            changed(index)
            changed(alone)
            assert index.ids.tolist() == alone.ids.tolist()
            for limits in ({}, {"k": 7}, {"threshold": 0.3}, {"k": 3, "allow": range(0, 100, 2)}):
                got, want = index.search(rows[:9], **limits), alone.search(rows[:9], **limits)
                np.testing.assert_array_equal(got.ids, want.ids)
                np.testing.assert_array_equal(got.scores, want.scores)
        with pytest.raises(ValueError, match="id 3 is present"):
            index.add(3, rows[3])
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == before
    again = FaceIndex.of([Segment.open(tmp_path / "a")])
    assert again.ids.tolist() == list(range(40)), "what was hidden was hidden in memory alone"


def test_segments_that_do_not_fit_together_are_an_error(tmp_path, rows):
    one = segment(tmp_path, [1], rows[:1])
    shorter = segment(tmp_path, [2], isotropic(np.random.default_rng(0), 1, 32), name="b")
    exact = segment(tmp_path, [3], rows[2:3], name="c", kind="float32")
    for other in (shorter, exact):
        with pytest.raises(ValueError, match="holds other rows"):
            FaceIndex.of([one, other])
    with pytest.raises(ValueError, match="expected a segment, or a coding"):
        FaceIndex.of([])
    empty = FaceIndex.of([], coding=coding(64, "int8"))
    empty.add(1, rows[0])
    assert empty.search(rows[0], k=1)[0].ids.tolist() == [1]
