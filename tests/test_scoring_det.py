"""DET curves and thresholds: inclusive, and exact where scores are equal."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.scoring.det import HighScores, det_curve, threshold_at
from vultus.scoring.rates import false_match_rate, false_non_match_rate

# few distinct values, so that ties are the rule
scores = st.lists(st.sampled_from([-0.5, 0.0, 0.125, 0.25, 0.5, 1.0]), min_size=1, max_size=25)
rates = st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.25, 1 / 3, 0.5, 0.9])


def float32(values):
    return np.array(values, np.float32)


def test_a_curve_by_hand():
    curve = det_curve(float32([0.25, 0.5]), float32([0.0, 0.25, 0.25, 0.125]))
    assert curve.thresholds.tolist() == [0.0, 0.125, 0.25, 0.5]
    assert curve.fmr.tolist() == [1.0, 0.75, 0.5, 0.0]  # both that are equal to 0.25
    assert curve.fnmr.tolist() == [0.0, 0.0, 0.0, 0.5]  # the mated one at 0.25 is accepted


@given(scores, scores)
def test_every_point_is_the_plain_rate(mated, non_mated):
    curve = det_curve(float32(mated), float32(non_mated))
    assert curve.thresholds.tolist() == sorted({*mated, *non_mated})
    for threshold, fmr, fnmr in zip(curve.thresholds, curve.fmr, curve.fnmr, strict=True):
        assert fmr == false_match_rate(float32(non_mated), threshold)
        assert fnmr == false_non_match_rate(float32(mated), threshold)


def test_what_was_not_kept_is_counted():
    curve = det_curve(float32([0.5]), float32([0.25, 0.5]), 8)
    assert curve.fmr.tolist() == [0.25, 0.125]
    with pytest.raises(ValueError, match="at least 2"):
        det_curve(float32([0.5]), float32([0.25, 0.5]), 1)


def test_failures_are_false_non_matches_and_no_false_matches():
    curve = det_curve(float32([-np.inf, 0.5]), float32([-np.inf, 0.25]))
    assert curve.thresholds.tolist() == [0.25, 0.5]
    assert curve.fnmr.tolist() == [0.5, 0.5]
    assert curve.fmr.tolist() == [0.5, 0.0]


@given(scores, rates)
def test_the_threshold_is_the_smallest_that_keeps_to_the_rate(non_mated, rate):
    others = float32(non_mated)
    threshold = np.float32(threshold_at(others, rate))
    assert false_match_rate(others, threshold) <= rate
    assert false_match_rate(others, np.nextafter(threshold, np.float32(-2))) > rate


def test_ties_go_together():
    others = float32([0.5, 0.5, 0.25, 0.0])
    just_above = float(np.nextafter(np.float32(0.5), np.float32(1)))
    assert threshold_at(others, 0.25) == just_above  # one of both cannot be taken alone
    assert threshold_at(others, 0.5) == float(np.nextafter(np.float32(0.25), np.float32(1)))
    assert threshold_at(others, 0.0) == just_above


def test_a_rate_that_is_reached_exactly_is_kept_to():
    """3 of 30,000 are not more than 1e-4, whatever floating point makes of the product."""
    others = float32([0.9, 0.8, 0.7, 0.6] + [0.0] * 29_996)
    assert threshold_at(others, 1e-4) == float(np.nextafter(np.float32(0.6), np.float32(1)))


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5]), st.integers(0, 4)), min_size=1), rates)
def test_weights_are_repetitions(pairs, rate):
    values = float32([score for score, _ in pairs])
    weights = np.array([weight for _, weight in pairs])
    if not weights.sum():
        return
    high = HighScores(values)
    (found,) = high.threshold([rate], weights[high.order], int(weights.sum()))
    assert found == threshold_at(np.repeat(values, weights), rate)


def test_the_floor_where_all_that_was_kept_is_too_little():
    high = HighScores(float32([0.5, 0.25]), floor=0.25)
    assert high.threshold([0.5], np.ones(2, int), 4).tolist() == [0.25]
    assert threshold_at(float32([-np.inf, -np.inf, 0.5]), 0.5) == np.finfo(np.float32).min


def test_refuses_junk():
    with pytest.raises(ValueError, match="from 0 to below 1"):
        threshold_at([0.5], 1.0)
    with pytest.raises(ValueError, match="from 0 to below 1"):
        threshold_at([0.5], math.nan)
    with pytest.raises(ValueError, match="mated"):
        det_curve([], [0.5])
