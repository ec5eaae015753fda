"""One pair: its cosine, and the model's own table of how often strangers score so high."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_people import MODEL, people

from vultus.scoring import cosine, false_match_rate
from vultus.scoring.prior import PRIORS, SFACE, UNKNOWN, prior_of

A = np.array([1.0, 0.0], np.float32)


def test_cosine():
    assert cosine(A, A) == 1.0
    assert cosine(A, -A) == -1.0
    assert cosine(A, np.array([0.6, 0.8], np.float32)) == np.float32(0.6)
    one, other = people(2, 1, seed=1)[0]
    assert cosine(one, other) == cosine(other, one) == np.float32(one @ other)


@pytest.mark.parametrize("b", [[1.0, 0.0], np.array([1.0, 0.0])])
def test_cosine_refuses_another_type(b):
    with pytest.raises(TypeError, match="expected b: float32"):
        cosine(A, b)


@pytest.mark.parametrize(
    "b", [np.eye(3, dtype=np.float32)[0], A[None], 2 * A, np.full(2, np.nan, np.float32)]
)
def test_cosine_refuses_another_shape_or_length(b):
    with pytest.raises(ValueError, match="expected b of"):
        cosine(A, b)


@pytest.mark.parametrize(("score", "rate"), SFACE.rates)
def test_rate_is_the_table_s(score, rate):
    assert false_match_rate(score, MODEL) == pytest.approx(rate, rel=1e-9)


def test_rate_between_entries_is_their_geometric_mean():
    middle = math.sqrt(4.4e-5 * 9.5e-6)
    assert false_match_rate(0.475, MODEL) == pytest.approx(middle, rel=1e-9)


def test_rate_beyond_the_table_goes_on_straight():
    last = 2.6e-6 / 9.5e-6
    assert false_match_rate(0.60, MODEL) == pytest.approx(2.6e-6 * last, rel=1e-9)


def test_rate_at_the_mean_is_a_half():
    assert false_match_rate(SFACE.mean, MODEL) == pytest.approx(0.5)


@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([*PRIORS, "unknown"]))
def test_rate_falls_with_the_score(one, other, model):
    low, high = sorted((one, other))
    assert 1 >= false_match_rate(low, model) >= false_match_rate(high, model) > 0


def test_every_table_can_be_read():
    for prior in (*PRIORS.values(), UNKNOWN):
        scores, rates = zip(*prior.rates, strict=True)
        assert list(scores) == sorted(set(scores))
        assert list(rates) == sorted(set(rates), reverse=True)
        assert prior.mean + prior.deviation < scores[0]
        assert prior.source
    assert prior_of("nobody measured this") is UNKNOWN


@pytest.mark.parametrize("score", ["0.5", None, True])
def test_rate_refuses_what_is_no_number(score):
    with pytest.raises(TypeError, match="expected score"):
        false_match_rate(score, MODEL)


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_rate_refuses_what_is_not_finite(score):
    with pytest.raises(ValueError, match="finite"):
        false_match_rate(score, MODEL)
