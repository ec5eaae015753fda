"""1:1: all pairs in blocks, failures counted, intervals over people, against brute force."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_people import people, unit

from vultus.scoring import pairs, verification
from vultus.scoring.det import threshold_at
from vultus.scoring.interval import drawn_people, share_interval
from vultus.scoring.rates import false_match_rate, false_non_match_rate
from vultus.scoring.verification import Comparisons, compare_people, fnmr_at_fmr


def rng(seed=0):
    return np.random.default_rng(seed)


def brute(vectors, persons, drawn, failed):
    """Mated and non-mated scores of people drawn (with copies), failures as -inf.

    `failed`: photos without a template, for each person. Copies of one person are two lots of
    mated pairs and are not compared with each other.
    """
    mated, non_mated = [], []
    photos = [
        (copy, person, row)
        for copy, person in enumerate(drawn)
        for row in [*np.flatnonzero(persons == person), *[None] * failed[person]]
    ]
    for (copy, person, a), (other, stranger, b) in combinations(photos, 2):
        score = -np.inf if a is None or b is None else vectors[a] @ vectors[b]
        if copy == other:
            mated.append(score)
        elif person != stranger:
            non_mated.append(score)
    return np.array(mated, np.float32), np.array(non_mated, np.float32)


@st.composite
def evaluations(draw):
    """(templates, people, failed): few people, few dimensions, so that scores are equal."""
    n = draw(st.lists(st.integers(0, 3), min_size=2, max_size=5))
    failed = draw(st.lists(st.integers(0, 1), min_size=len(n), max_size=len(n)))
    persons = np.repeat(np.arange(len(n)), n)
    axes = draw(st.lists(st.integers(0, 2), min_size=len(persons), max_size=len(persons)))
    vectors = np.eye(3, dtype=np.float32)[np.array(axes, int)].reshape(-1, 3)
    return vectors, persons, np.array(n) + failed, failed


@given(evaluations(), st.sampled_from([0.0, 0.01, 0.2, 0.5]), st.integers(0, 9))
@settings(max_examples=150)
def test_rates_and_replicates_are_those_of_brute_force(evaluation, fmr, seed):
    vectors, persons, n_photos, failed = evaluation
    c = compare_people(vectors, persons, n_photos)
    everyone = range(len(n_photos))
    mated, non_mated = brute(vectors, persons, everyone, failed)
    assert (c.n_mated(), c.n_non_mated()) == (len(mated), len(non_mated))
    if not len(mated) or not len(non_mated):
        return
    (row,) = fnmr_at_fmr(c, rng(), [fmr], n_replicates=1)
    if len(c.high):
        assert row.threshold == pytest.approx(max(threshold_at(non_mated, fmr), -2.0))
    assert row.fnmr == false_non_match_rate(mated, np.float32(row.threshold))
    assert row.n_accepted == np.count_nonzero(non_mated >= np.float32(row.threshold))
    (weights,) = drawn_people(len(n_photos), rng(seed), 1)
    mated, non_mated = brute(vectors, persons, np.repeat(everyone, weights), failed)
    assert (c.n_mated(weights), c.n_non_mated(weights)) == (len(mated), len(non_mated))
    if len(mated) and len(non_mated):
        expected = false_non_match_rate(
            mated, np.float32(max(threshold_at(non_mated, fmr), c.floor))
        )
        (row,) = fnmr_at_fmr(c, rng(seed), [fmr], n_replicates=1)
        if 0 < row.fnmr < 1:
            assert row.interval.low == row.interval.high == expected


def test_what_is_not_kept_changes_nothing(monkeypatch):
    for module in (pairs, verification):
        monkeypatch.setattr(module, "BLOCK", 64)
    vectors, persons = people(60, 5, seed=1)
    n = np.full(60, 5)
    all_, some = compare_people(vectors, persons, n), compare_people(vectors, persons, n, 0.03, 0)
    assert len(all_.high) == all_.n_non_mated() == 60 * 59 // 2 * 25
    assert 0.03 <= len(some.high) / len(all_.high) < 0.05
    assert (all_.high >= np.float32(some.floor)).sum() == len(some.high)
    assert fnmr_at_fmr(all_, rng()) == fnmr_at_fmr(some, rng())
    scores = np.array([vectors[a] @ vectors[b] for a, b in some.high_photos])
    assert some.high == pytest.approx(scores, abs=1e-6)
    assert (some.people[some.high_photos[:, 0]] != some.people[some.high_photos[:, 1]]).all()
    cut = all_.det.thresholds >= some.floor
    assert some.det.fmr[-100:] == pytest.approx(all_.det.fmr[-100:])
    assert np.isin(all_.det.thresholds[cut], some.det.thresholds).all()


def lopsided(seed=2):
    """Forty people with two photos each; one of a hundred, poor ones; scores as of a model."""
    vectors, persons = people(41, 100, seed=seed)
    poor = unit(vectors[:100] + 0.9 * unit(rng(seed).normal(size=(100, 128))))
    vectors[:100] = poor.astype(np.float32)
    kept = (persons == 0) | (np.arange(len(persons)) % 100 < 2)
    persons = persons[kept]
    return vectors[kept], persons, np.bincount(persons)


def test_the_interval_is_of_people_and_not_of_pairs():
    """4,950 of 4,990 mated pairs are one person's: over pairs it would be a tenth as wide."""
    vectors, persons, n = lopsided()
    c = compare_people(vectors, persons, n)
    (row,) = fnmr_at_fmr(c, rng(), [0.01])
    assert 0.1 < row.fnmr < 0.99
    over_pairs = 2 * 1.96 * np.sqrt(row.fnmr * (1 - row.fnmr) / c.n_mated())
    width = row.interval.high - row.interval.low
    assert width > 10 * over_pairs
    assert row.interval.low < 0.1  # without that person hardly anything is wrong
    literal = []
    for seed in range(300):
        weights = np.bincount(rng(seed).integers(41, size=41), minlength=41)
        left, right = c.high_people.T
        threshold = threshold_at(np.repeat(c.high, weights[left] * weights[right]), 0.01)
        mated = np.repeat(c.mated, weights[c.mated_people])
        literal.append(false_non_match_rate(mated, np.float32(threshold)))
    low, high = np.quantile(literal, [0.025, 0.975])
    assert width == pytest.approx(high - low, rel=0.15)


def test_the_threshold_is_drawn_anew_too():
    """Non-mated scores of one look-alike pair move the threshold, and so the interval."""
    vectors, persons = people(30, 4, seed=4, likeness=0.3, mated=0.6)
    c = compare_people(vectors, persons, np.full(30, 4))
    (row,) = fnmr_at_fmr(c, rng(), [0.001])
    assert 0 < row.fnmr < 1
    fixed = np.bincount(c.mated_people[c.mated < np.float32(row.threshold)], minlength=30)
    held = share_interval(fixed, np.full(30, 6), rng())
    assert row.interval.high - row.interval.low > held.high - held.low


def test_a_mated_score_at_the_threshold_is_accepted():
    score = np.float32(0.3)
    at = np.nextafter(score, np.float32(1))  # the smallest threshold that refuses `score`
    c = Comparisons(
        np.array([0, 0, 0, 1]), np.array([3, 1]), np.array([score, at, at], np.float32),
        np.array([[0, 1], [0, 2], [1, 2]]), np.array([score, 0.1, 0.1], np.float32),
        np.array([[0, 3], [1, 3], [2, 3]]), -2.0,
    )  # fmt: skip
    (row,) = fnmr_at_fmr(c, rng(), [0.0], 10)
    assert (row.threshold, row.n_accepted) == (at, 0)
    assert row.fnmr == pytest.approx(1 / 3)


def test_failures_raise_fnmr_and_lower_fmr():
    vectors, persons = people(20, 3, seed=5)
    whole = compare_people(vectors, persons, np.full(20, 3))
    lost = compare_people(vectors, persons, np.full(20, 4))  # one photo of each has failed
    before, after = fnmr_at_fmr(whole, rng())[0], fnmr_at_fmr(lost, rng())[0]
    assert after.fnmr >= before.fnmr / 2 + 0.5  # three of six pairs have failed
    assert after.threshold < before.threshold
    fmr = false_match_rate(whole.high, np.float32(after.threshold))
    assert fmr * whole.n_non_mated() / lost.n_non_mated() <= 0.01 < fmr


def test_no_error_gives_the_exact_binomial_of_people():
    vectors = np.repeat(np.eye(10, dtype=np.float32), 3, axis=0)
    c = compare_people(vectors, np.repeat(np.arange(10), 3), np.full(10, 3))
    (row,) = fnmr_at_fmr(c, rng(), [0.01])
    assert row.fnmr == 0
    assert row.interval.high == pytest.approx(1 - 0.025 ** (1 / 10))


def test_refuses_what_cannot_be_compared():
    vectors, persons = people(3, 1, seed=6)
    with pytest.raises(ValueError, match="two photos"):
        fnmr_at_fmr(compare_people(vectors, persons, np.ones(3, int)), rng())
    with pytest.raises(ValueError, match="n_photos"):
        compare_people(vectors, persons, np.array([1, 1]))
    with pytest.raises(ValueError, match="n_photos"):
        compare_people(vectors, persons, np.array([1, 1, 0]))
