"""Error versus discard: which errors go when the worst photos go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_people import people

from vultus.scoring.discard import error_versus_discard
from vultus.scoring.verification import compare_people


def comparisons(seed=0):
    vectors, persons = people(20, 5, seed=seed, mated=0.45)
    return compare_people(vectors, persons, np.full(20, 5))


def test_the_worst_go_first_and_with_them_their_pairs():
    vectors = np.array([[1, 0], [1, 0], [0.6, 0.8], [0, 1]], np.float32)
    c = compare_people(vectors, np.array([0, 0, 0, 1]), np.array([3, 1]))
    rows = error_versus_discard(c, [0.9, 0.8, 0.1, 0.7], 0.61, [0.0, 0.25, 0.75])
    assert [row.fnmr for row in rows] == [pytest.approx(2 / 3), 0.0, None]
    assert [row.n_mated for row in rows] == [3, 1, 0]
    assert [row.removed_errors for row in rows] == [0, 1, 1]
    assert [row.removed_mated for row in rows] == pytest.approx([0, 2 / 3, 1])


def test_a_score_at_the_threshold_is_no_error():
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    c = compare_people(vectors, np.array([0, 0, 1]), np.array([2, 1]))
    assert error_versus_discard(c, [1, 1, 1], float(c.mated[0]), [0])[0].fnmr == 0
    above = float(np.nextafter(c.mated[0], np.float32(1)))
    assert error_versus_discard(c, [1, 1, 1], above, [0])[0].fnmr == 1


@given(st.permutations(range(100)), st.floats(0, 1))
def test_is_what_leaving_them_out_gives(quality, share):
    c = comparisons()
    threshold = float(np.median(c.mated))
    (row,) = error_versus_discard(c, quality, threshold, [share])
    kept = np.array(quality) >= round(share * 100)
    left = kept[c.mated_photos].all(axis=1)
    assert row.n_mated == left.sum()
    if left.any():
        assert row.fnmr == np.mean(c.mated[left] < np.float32(threshold))


def test_knowing_nothing_removes_errors_as_it_removes_pairs():
    c = comparisons(1)
    threshold = float(np.quantile(c.mated, 0.4))
    rows = [
        error_versus_discard(c, np.random.default_rng(n).random(100), threshold, [0.3])[0]
        for n in range(60)
    ]
    errors = np.mean([row.removed_errors for row in rows])
    assert errors == pytest.approx(np.mean([row.removed_mated for row in rows]), abs=0.05)


def test_of_equal_ones_the_later_goes_first():
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    c = compare_people(vectors, np.array([0, 0, 1]), np.array([2, 1]))
    assert error_versus_discard(c, [0, 0, 0], 0.5, [1 / 3])[0].n_mated == 1


def test_refuses_junk():
    with pytest.raises(ValueError, match="quality of shape"):
        error_versus_discard(comparisons(), [1.0], 0.5)
    with pytest.raises(ValueError, match="NaN"):
        error_versus_discard(comparisons(), [np.nan] * 100, 0.5)
