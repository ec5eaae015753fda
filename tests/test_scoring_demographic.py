"""Rates by labels that the operator supplies, at one threshold."""

import numpy as np
import pytest
from scoring_people import people

from vultus.scoring.demographic import PEOPLE_MIN, rates_by_label
from vultus.scoring.interval import Interval, clopper_pearson
from vultus.scoring.rates import false_non_match_rate
from vultus.scoring.verification import compare_people


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def two_groups():
    """Forty people each; the second are more alike, and their photos less."""
    one, p = people(40, 4, seed=1, likeness=0.1, mated=0.7)
    other, q = people(40, 4, seed=2, likeness=0.35, mated=0.55)
    persons = np.concatenate([p, q + 40])
    return compare_people(np.concatenate([one, other]), persons, np.full(80, 4))


def test_each_group_is_counted_alone(two_groups):
    c, threshold = two_groups, 0.35
    rows = rates_by_label(c, ["b"] * 40 + ["a"] * 40, threshold, rng())
    assert [row.label for row in rows] == ["a", "b"]
    for row, inside in zip(rows, (np.arange(80) >= 40, np.arange(80) < 40), strict=True):
        mated = c.mated[inside[c.mated_people]]
        non_mated = c.high[inside[c.high_people].all(axis=1)]
        assert (row.n_people, row.n_mated, row.n_non_mated) == (40, 240, 780 * 16)
        assert threshold >= c.floor  # lower scores are counted and not kept
        assert row.fnmr == false_non_match_rate(mated, np.float32(threshold))
        assert row.fmr == (non_mated >= np.float32(threshold)).sum() / row.n_non_mated
        assert row.fnmr_interval.low <= row.fnmr <= row.fnmr_interval.high
        assert row.fmr_interval.low <= row.fmr <= row.fmr_interval.high
        assert not row.too_small
    alike, apart = rows
    assert alike.fmr_interval.low > apart.fmr_interval.high


def test_a_score_at_the_threshold_is_accepted():
    vectors = np.array([[1, 0], [0.6, 0.8], [0.6, 0.8]], np.float32)
    c = compare_people(vectors, np.array([0, 0, 1]), np.array([2, 1]))
    at = float(c.mated[0])
    above = float(np.nextafter(np.float32(at), np.float32(1)))
    (row,) = rates_by_label(c, ["a", "a"], at, rng())
    assert (row.fnmr, row.fmr) == (0.0, 1.0)
    (row,) = rates_by_label(c, ["a", "a"], above, rng())
    assert (row.fnmr, row.fmr) == (1.0, 0.5)


def test_small_groups_are_said_to_be(two_groups):
    labels = ["few"] * (PEOPLE_MIN - 1) + [None] + ["enough"] * PEOPLE_MIN + [None] * 20
    rows = rates_by_label(two_groups, labels, 0.45, rng())
    assert [(row.label, row.n_people, row.too_small) for row in rows] == [
        ("enough", PEOPLE_MIN, False), ("few", PEOPLE_MIN - 1, True),
    ]  # fmt: skip


def test_a_person_alone_has_no_rate():
    vectors, persons = people(3, 1, seed=3)
    c = compare_people(vectors, persons, np.ones(3, int))
    (row,) = rates_by_label(c, ["a", None, None], 0.5, rng())
    assert (row.fnmr, row.fmr, row.too_small) == (None, None, True)
    assert row.fnmr_interval == row.fmr_interval == Interval(0.0, 1.0)
    assert rates_by_label(c, [None] * 3, 0.5, rng()) == []


def test_no_error_is_not_certainty(two_groups):
    (row,) = rates_by_label(two_groups, ["a"] * 40 + [None] * 40, 1.01, rng())
    assert row.fmr_interval == clopper_pearson(0, 20)  # 20 pairs of people share nobody
    assert row.fnmr_interval == clopper_pearson(40, 40)


def test_refuses_junk(two_groups):
    with pytest.raises(ValueError, match="80 labels, got 1"):
        rates_by_label(two_groups, ["a"], 0.45, rng())
    vectors, persons = people(30, 2, seed=4)
    some = compare_people(vectors, persons, np.full(30, 2), 0.1, 0)
    with pytest.raises(ValueError, match="a threshold from"):
        rates_by_label(some, ["a"] * 30, some.floor - 0.1, rng())
