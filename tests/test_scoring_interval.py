"""Intervals: people are drawn and not pairs; exact where nobody erred."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.scoring.interval import (
    Interval,
    clopper_pearson,
    drawn_people,
    or_exact,
    percentiles,
    share_interval,
)


def binomial(n, p, counts):
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in counts)


@given(st.integers(1, 60), st.data())
def test_the_exact_interval_leaves_a_fortieth_at_either_end(n, data):
    k = data.draw(st.integers(0, n))
    found = clopper_pearson(k, n)
    assert 0 <= found.low <= k / n <= found.high <= 1
    if k:
        assert binomial(n, found.low, range(k, n + 1)) == pytest.approx(0.025)
    if k < n:
        assert binomial(n, found.high, range(k + 1)) == pytest.approx(0.025)


def test_exact_values_that_are_printed_elsewhere():
    assert clopper_pearson(0, 10) == Interval(0.0, pytest.approx(1 - 0.025 ** (1 / 10)))
    assert clopper_pearson(10, 10) == Interval(pytest.approx(0.025 ** (1 / 10)), 1.0)
    found = clopper_pearson(5, 10)
    assert (found.low, found.high) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    found = clopper_pearson(3, 100_000)
    assert (found.low, found.high) == pytest.approx((6.187e-6, 8.767e-5), rel=1e-3)


def test_people_are_drawn_with_replacement():
    """Weights are multinomial: each sums to the number of people; mean 1, variance 1 - 1/p."""
    weights = np.stack(list(drawn_people(20, np.random.default_rng(0), 20_000)))
    assert (weights.sum(axis=1) == 20).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(20), abs=0.03)
    assert weights.var(axis=0) == pytest.approx(np.full(20, 0.95), abs=0.05)
    covariance = np.cov(weights[:, 0], weights[:, 1])[0, 1]
    assert covariance == pytest.approx(-1 / 20, abs=0.03)


def test_the_same_seed_gives_the_same_interval():
    errors, trials = np.arange(30) % 7, np.arange(30) + 10
    drawn = [share_interval(errors, trials, np.random.default_rng(s)) for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_person_with_many_photos_makes_it_wide():
    """Drawn over trials it would be ten times too narrow: 1,000 of 1,049 are of one person."""
    errors = np.array([500] + [0] * 49)
    trials = np.array([1000] + [1] * 49)
    found = share_interval(errors, trials, np.random.default_rng(0))
    over_trials = 4 * math.sqrt(0.25 / 1049)
    assert found.low == 0.0  # in a third of the draws that person is absent
    assert found.high - found.low > 4 * over_trials


def test_it_covers_the_truth_as_often_as_it_says():
    """People err at rates of their own (mean 0.2); four hundred studies of 60 people."""
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        own = rng.beta(0.4, 1.6, 60)
        trials = rng.integers(1, 30, 60)
        found = share_interval(rng.binomial(trials, own), trials, rng, 200)
        covered += found.low <= 0.2 <= found.high
    assert 0.88 <= covered / 400 <= 0.98


def test_no_error_is_not_certainty():
    trials = np.full(40, 50)
    none = share_interval(np.zeros(40, int), trials, np.random.default_rng(0))
    assert none == clopper_pearson(0, 40)  # people, not their 2,000 trials
    assert share_interval(trials, trials, np.random.default_rng(0)) == clopper_pearson(40, 40)
    some = Interval(0.1, 0.2)
    assert or_exact(0.15, 40, some) == some


def test_replicates_that_tell_nothing_are_passed_over():
    assert percentiles([math.nan, 0.5, 0.5]) == Interval(0.5, 0.5)
    assert percentiles([math.nan]) == Interval(0.0, 1.0)
    assert percentiles(np.arange(1001) / 1000) == Interval(
        pytest.approx(0.025), pytest.approx(0.975)
    )


def test_refuses_junk():
    rng = np.random.default_rng(0)
    for errors, trials in ([[2], [1]], [[-1], [1]], [[0], [0]], [[0, 1], [1]], [[], []]):
        with pytest.raises((ValueError, TypeError)):
            share_interval(errors, trials, rng)
    with pytest.raises(TypeError, match="whole numbers"):
        share_interval([0.5], [1], rng)
    with pytest.raises(ValueError, match="n_errors"):
        clopper_pearson(2, 1)
    with pytest.raises(ValueError, match="level"):
        clopper_pearson(1, 2, 1.0)
    with pytest.raises(ValueError, match="one person"):
        list(drawn_people(0, rng))
