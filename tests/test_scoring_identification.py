"""1:N: rank and threshold, ties against the mate, failures as misses, against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_people import people

from vultus.scoring import identification
from vultus.scoring.det import threshold_at
from vultus.scoring.identification import (
    Searches,
    identification_table,
    investigation_table,
    search_mated,
    search_non_mated,
)
from vultus.scoring.interval import clopper_pearson, drawn_people
from vultus.scoring.rates import fnir, fpir

values = st.sampled_from([-np.inf, 0.125, 0.25, 0.5, 1.0])


def rng(seed=0):
    return np.random.default_rng(seed)


def searches_of(mated, non_mated, n=100):
    """`mated`: (score, rank, person) of each search; `non_mated`: (best score, person)."""
    scores, ranks, persons = zip(*mated, strict=True)
    best, others = zip(*non_mated, strict=True)
    return Searches(
        n, np.array(scores, np.float32), np.array(ranks), np.array(persons),
        np.array(best, np.float32), np.array(others),
    )  # fmt: skip


def test_rank_and_score_by_hand():
    references = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], np.float32)
    probes = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    scores, ranks = search_mated(references, np.array([0, 1, 2]), probes, np.array([1, 0, 2, 9]))
    assert scores.tolist() == pytest.approx([0.8, 1.0, 0.8, -np.inf])
    assert ranks.tolist() == [2, 1, 1, 4]
    best, counts = search_non_mated(references, probes, [0.6, 0.8])
    assert best.tolist() == pytest.approx([1.0, 1.0, 0.8, 1.0])
    assert counts.tolist() == [[3, 2], [3, 2], [2, 1], [3, 2]]  # a score at the threshold counts


def test_ties_count_against_the_mate():
    references = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    _, ranks = search_mated(references, np.array([0, 1, 2]), references[:1], np.array([1]))
    assert ranks.tolist() == [2]


def test_several_references_of_one_person_are_one_mate():
    references = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    scores, ranks = search_mated(references, np.array([0, 0, 1]), references[:1], np.array([0]))
    assert (scores.tolist(), ranks.tolist()) == ([1.0], [1])


def test_blocks_and_empty_galleries(monkeypatch):
    vectors, persons = people(30, 3, seed=1)
    whole = search_mated(vectors[::3], persons[::3], vectors, persons)
    best = search_non_mated(vectors[::3], vectors, [0.3])
    monkeypatch.setattr(identification, "BLOCK", 7)
    for one, other in zip(whole, search_mated(vectors[::3], persons[::3], vectors, persons),
                          strict=True):  # fmt: skip
        assert one == pytest.approx(other, abs=1e-6)
    assert (search_non_mated(vectors[::3], vectors, [0.3])[1] == best[1]).all()
    scores, ranks = search_mated(vectors[:0], persons[:0], vectors[:2], persons[:2])
    assert (scores == -np.inf).all()
    assert ranks.tolist() == [1, 1]
    assert (search_non_mated(vectors[:0], vectors[:2])[0] == -np.inf).all()


@given(
    st.lists(st.tuples(values, st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=12),
    st.lists(st.tuples(values, st.integers(0, 5)), min_size=1, max_size=12),
    st.sampled_from([0.003, 0.1, 0.3]),
    st.integers(0, 5),
)
@settings(max_examples=200)
def test_tables_and_replicates_are_those_of_plain_rates(mated, non_mated, wanted, seed):
    found = searches_of(mated, non_mated, n=4)
    n_people = int(max(found.mated_people.max(), found.non_mated_people.max())) + 1
    (weights,) = drawn_people(n_people, rng(seed), 1)
    once = np.ones(n_people, int)
    for w, check in ((once, "rate"), (weights, "replicate")):
        mine, theirs = w[found.mated_people], w[found.non_mated_people]
        if not mine.sum() or not theirs.sum():
            continue
        scores, ranks = np.repeat(found.mate_scores, mine), np.repeat(found.mate_ranks, mine)
        best = np.repeat(found.best_scores, theirs)
        threshold = np.float32(threshold_at(best, wanted))
        assert fpir(best, threshold) <= wanted
        for row in identification_table(found, rng(seed), [wanted], n_replicates=1):
            expected = fnir(scores, ranks, threshold, row.rank)
            if check == "rate":
                assert (row.fnir, row.threshold) == (expected, threshold)
            elif 0 < row.fnir < 1:
                assert row.interval.low == row.interval.high == expected
        for row in investigation_table(found, rng(seed), [1, 3], n_replicates=1):
            expected = fnir(scores, ranks, 0.0, row.rank)
            if check == "rate":
                assert row.fnir == expected
            elif 0 < row.fnir < 1:
                assert row.interval.low == row.interval.high == expected


def test_the_tables_have_nist_s_form():
    mated = [(0.5, 1, person) for person in range(8)] + [(0.25, 2, 8), (-np.inf, 101, 9)]
    found = searches_of(mated, [(0.3, 10 + person % 50) for person in range(400)])
    rows = identification_table(found, rng())
    assert [(row.fpir, row.rank) for row in rows] == [
        (fpir, rank) for fpir in (0.003, 0.01, 0.1) for rank in (1, 100)
    ]
    assert {row.n for row in rows} == {100}
    assert [row.fnir for row in rows] == [0.2] * 6
    rows = investigation_table(found, rng())
    assert [(row.rank, row.threshold, row.fnir) for row in rows] == [
        (1, 0.0, 0.2), (10, 0.0, 0.1), (50, 0.0, 0.1),
    ]  # fmt: skip
    assert all(row.fpir is None for row in rows)


def test_a_mate_at_the_threshold_is_found():
    at = float(np.nextafter(np.float32(0.25), np.float32(1)))
    found = searches_of([(at, 1, 0), (0.25, 1, 1), (0.0, 1, 2)], [(0.25, 3)])
    row = identification_table(found, rng(), [0.1])[0]
    assert (row.threshold, row.fnir) == (at, pytest.approx(2 / 3))
    assert investigation_table(found, rng(), [1])[0].fnir == 0.0  # a score of 0 too


def test_a_failed_search_is_a_miss_and_never_a_false_positive():
    mated = [(0.5, 1, 0), (-np.inf, 1, 1)]
    found = searches_of(mated, [(-np.inf, 2), (0.25, 3)])
    (row,) = investigation_table(found, rng(), [1])
    assert row.fnir == 0.5
    (row, _) = identification_table(found, rng(), [0.5])
    assert row.threshold == np.finfo(np.float32).min
    assert row.fnir == 0.5


def test_the_interval_is_of_people_and_not_of_searches():
    """One person has 300 of 340 searches, and is missed in half of them."""
    mated = [(0.5 if n % 2 else 0.1, 1, 0) for n in range(300)]
    mated += [(0.5, 1, 1 + n) for n in range(40)]
    found = searches_of(mated, [(0.2, 100 + n) for n in range(60)])
    row = identification_table(found, rng(), [0.01])[0]
    over_searches = 2 * 1.96 * np.sqrt(row.fnir * (1 - row.fnir) / 340)
    assert row.interval.high - row.interval.low > 4 * over_searches
    assert row.interval.low == 0.0


def test_no_miss_gives_the_exact_binomial_of_people():
    mated = [(0.5, 1, person) for person in range(20) for _ in range(5)]
    row = investigation_table(searches_of(mated, [(0.2, 0)]), rng(), [1])[0]
    assert row.interval == clopper_pearson(0, 20)


def test_rounds_are_joined():
    one = searches_of([(0.5, 1, 0)], [(0.25, 1)], n=5)
    other = searches_of([(0.125, 7, 1)], [(0.5, 0)], n=6)
    both = one.and_also(other)
    assert both.n_references == 6
    assert both.mate_scores.tolist() == [0.5, 0.125]
    assert both.non_mated_people.tolist() == [1, 0]
    scores, numbers = np.empty(0, np.float32), np.empty(0, int)
    with pytest.raises(ValueError, match="at least one of each"):
        identification_table(Searches(1, scores, numbers, numbers, scores, numbers), rng())
