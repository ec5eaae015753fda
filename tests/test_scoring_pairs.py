"""Pairs of references, counted by score against a plain double loop."""

import numpy as np
import pytest
from scoring_people import people, unit

from vultus.scoring import pairs


def test_counts_every_pair_once(monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK", 7)  # 30 references make blocks of all kinds
    vectors, persons = people(10, 3, seed=1)
    scores = (vectors @ vectors.T)[np.triu_indices(30, 1)]
    counts = pairs.count_pairs(vectors)
    assert counts.sum() == 435
    for threshold in (0.0, 0.2, 0.5):
        first = round((threshold + 1) * pairs.FINE) + 1
        assert counts[first:].sum() == np.count_nonzero(scores >= threshold)
    assert pairs.count_within(vectors, persons).sum() == 10 * 3


def test_counts_pairs_of_a_group_without_those_of_one_photo():
    vectors, _ = people(6, 1, seed=2)
    groups = np.array([5, 1, 5, 5, 1, 2])
    assert pairs.count_within(vectors, groups).sum() == 3 + 1
    photos = np.array([9, 8, 9, 7, 6, 9])
    assert pairs.count_within(vectors, groups, photos).sum() == 2 + 1


def test_scores_of_one_and_minus_one_are_counted():
    vectors = np.array([[1, 0], [1, 0], [-1, 0]], np.float32)
    counts = pairs.count_pairs(vectors)
    assert counts[1] == 2
    assert counts[2 * pairs.FINE + 1] == 1


def test_links_chain_but_never_within_a_photo(monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK", 2)
    angles = np.array([0, 20, 40, 60, 180, 300])  # degrees: neighbours at 0.94, 0 and 60 at 0.5
    radians = np.deg2rad(angles)
    vectors = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    alone = np.arange(6)
    assert pairs.clusters(vectors, alone, 0.9).tolist() == [0, 0, 0, 0, 4, 5]
    assert pairs.clusters(vectors, np.array([0, 1, 1, 3, 4, 5]), 0.9).tolist() == [0, 0, 2, 2, 4, 5]
    assert pairs.clusters(vectors, alone, 0.99).tolist() == [0, 1, 2, 3, 4, 5]


def test_first_copy_is_kept():
    vectors, _ = people(20, 1, seed=3)
    noise = 0.005 * np.random.default_rng(3).normal(size=(20, 128))
    again = unit(vectors + noise).astype(np.float32)
    kept = pairs.first_copies(np.concatenate([vectors, again]), np.arange(40))
    assert kept.tolist() == [True] * 20 + [False] * 20


def test_two_faces_of_one_photo_are_never_copies():
    vectors = np.repeat(people(1, 1, seed=4)[0], 3, axis=0)
    assert pairs.first_copies(vectors, np.array([1, 1, 2])).tolist() == [True, True, False]


@pytest.mark.parametrize("n", [0, 1, pairs.MAX_SAMPLED, pairs.MAX_SAMPLED + 1, 10**6])
def test_samples_are_distinct_rising_and_bounded(n):
    found = pairs.sample(n, np.random.default_rng(5))
    assert len(found) == min(n, pairs.MAX_SAMPLED)
    assert (np.diff(found) > 0).all()
    assert not len(found) or (found[0] >= 0 and found[-1] < n)
