"""Error rates: a score equal to the threshold is accepted, in all four."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.scoring.rates import (
    failure_rate,
    false_match_rate,
    false_non_match_rate,
    fnir,
    fpir,
)

T = np.float32(0.4)  # not a float64 of that name: precision must not decide
AT, ABOVE, BELOW = T, np.nextafter(T, np.float32(1)), np.nextafter(T, np.float32(0))
SCORES = np.array([BELOW, AT, ABOVE, ABOVE], np.float32)
lists = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30)


def test_fmr_counts_the_score_at_the_threshold():
    assert false_match_rate(SCORES, T) == 0.75


def test_fnmr_does_not_count_the_score_at_the_threshold():
    assert false_non_match_rate(SCORES, T) == 0.25


def test_fpir_counts_the_search_whose_best_is_at_the_threshold():
    assert fpir(SCORES, T) == 0.75


def test_fnir_finds_the_mate_at_the_threshold_and_at_the_rank():
    assert fnir(SCORES, [1, 1, 1, 1], T, 1) == 0.25
    assert fnir(SCORES, [1, 5, 5, 6], T, 5) == 0.5
    assert fnir(SCORES, [1, 5, 5, 6], T, 4) == 1.0
    assert fnir(SCORES, [1, 2, 3, 4], -math.inf, 4) == 0.0  # investigation: rank alone


@given(lists, st.floats(-1, 1, width=32))
def test_what_is_not_accepted_is_rejected(scores, threshold):
    accepted = false_match_rate(scores, threshold)
    assert accepted + false_non_match_rate(scores, threshold) == pytest.approx(1)
    assert accepted == sum(score >= threshold for score in scores) / len(scores)


@given(lists, st.floats(-1, 1), st.floats(-1, 1))
def test_a_stricter_threshold_trades_one_error_for_the_other(scores, one, other):
    low, high = sorted((one, other))
    ranks = np.ones(len(scores), int)
    assert fpir(scores, low) >= fpir(scores, high)
    assert fnir(scores, ranks, low, 1) <= fnir(scores, ranks, high, 1)


@pytest.mark.parametrize("rate", [false_match_rate, false_non_match_rate, fpir])
def test_refuses_junk(rate):
    with pytest.raises(ValueError, match="at least one, got"):
        rate(np.empty(0), 0.4)
    with pytest.raises(ValueError, match=r"got \(2, 2\)"):
        rate(np.zeros((2, 2)), 0.4)
    with pytest.raises(ValueError, match="NaN"):
        rate([0.1, math.nan], 0.4)
    with pytest.raises(ValueError, match="NaN"):
        rate([0.1], math.nan)
    with pytest.raises(TypeError, match="real numbers, got"):
        rate(["0.1"], 0.4)
    with pytest.raises(TypeError, match="threshold: a real number, got str"):
        rate([0.1], "0.4")


def test_fnir_refuses_junk_ranks():
    with pytest.raises(TypeError, match="whole numbers, got float64"):
        fnir([0.5], [1.0], 0.4, 1)
    with pytest.raises(ValueError, match="from 1 of shape"):
        fnir([0.5], [0], 0.4, 1)
    with pytest.raises(ValueError, match="from 1 of shape"):
        fnir([0.5], [1, 2], 0.4, 1)
    with pytest.raises(ValueError, match="from 1, got 0"):
        fnir([0.5], [1], 0.4, 0)
    with pytest.raises(TypeError, match="rank: int, got float"):
        fnir([0.5], [1], 0.4, 1.0)


def test_failures_over_attempts():
    assert failure_rate(1, 4) == 0.25
    for failed, tried in ((0, 0), (2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="n_failed"):
            failure_rate(failed, tried)


def test_a_failure_is_a_false_non_match_and_no_false_match():
    scores = np.array([-np.inf, 0.5], np.float32)
    assert false_non_match_rate(scores, T) == 0.5
    assert false_match_rate(scores, T) == fpir(scores, T) == 0.5
    assert fnir(scores, [9, 1], T, 9) == 0.5
