"""The curve of non-mated scores: falling everywhere, its slope right, its tail accurate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.scoring.tail import KNOTS, Tail, angle, log_slope, smallest_score, upper_tail

STRAIGHT = (0.0,) * len(KNOTS)
bends = st.tuples(*[st.floats(-0.6, 0.6)] * len(KNOTS))
tails = st.builds(Tail, st.floats(-0.3, 0.6), st.floats(0.03, 0.4), bends)


@pytest.mark.parametrize(
    ("z", "share"),  # tables of the normal distribution
    [(0, 0.5), (1, 0.158655254), (-1, 0.841344746), (3, 1.349898e-3), (6, 9.865876e-10)],
)
def test_upper_tail(z, share):
    assert upper_tail(z) == pytest.approx(share, rel=1e-6)


@pytest.mark.parametrize("z", [-3.0, 0.0, 2.0, 8.0, 24.0, 26.0])
def test_log_slope_is_the_derivative(z):
    step = 1e-4
    by_hand = (np.log(upper_tail(z - step)) - np.log(upper_tail(z + step))) / (2 * step)
    assert log_slope(z) == pytest.approx(by_hand, rel=2e-4)


def test_angle_goes_on_beyond_one():
    assert angle([0.0, 0.5, 1.0, 1.5]) == pytest.approx([0, np.pi / 6, np.pi / 2, np.pi / 2 + 0.5])


@given(tails)
def test_z_rises_with_the_score_everywhere(tail):
    assert (np.diff(tail.z(np.linspace(-1, 2, 400))) > 0).all()


@given(tails, st.integers(1, 40), st.floats(-1, 1))
def test_a_score_means_the_same_anywhere_in_an_array(tail, n, score):
    scores = np.append(np.linspace(-1, 1, n), score)
    assert tail.rate(scores)[-1] == tail.rate(score) == tail.rate(scores[::-1])[0]


@given(tails)
def test_z_is_the_sum_of_its_pieces(tail):
    x, slopes = np.linspace(0, 8, 33), np.exp(np.cumsum((0, *tail.bends)))
    by_hand = x + np.maximum(x[:, None] - KNOTS, 0) @ np.diff(slopes)
    assert tail.z_of_angle(tail.centre + tail.scale * x) == pytest.approx(by_hand)


@given(tails, st.floats(-0.9, 0.95))
def test_gradient_is_the_derivative(tail, score):
    def log_rate(at):
        return np.log(Tail(at[0], np.exp(at[1]), tuple(at[2:])).rate(score))

    at = np.array([tail.centre, np.log(tail.scale), *tail.bends])
    x = (angle(score) - tail.centre) / tail.scale
    if tail.z(score) > 30 or np.abs(KNOTS - x).min() < 1e-3:
        return  # no log of a rate of nearly 0; at a knot the slope changes
    for k, found in enumerate(tail.log_gradient(score)[0]):
        step = 1e-6 * np.eye(len(at))[k]
        by_hand = (log_rate(at + step) - log_rate(at - step)) / 2e-6
        assert found == pytest.approx(by_hand, rel=2e-3, abs=1e-3)


def test_bends_move_the_tail_and_not_the_bulk():
    heavy, straight, light = (Tail(0.1, 0.1, (b,) * 8) for b in (-0.1, 0.0, 0.1))
    assert heavy.rate(0.5) > 3 * straight.rate(0.5) > 9 * light.rate(0.5)
    assert heavy.rate(0.17) == straight.rate(0.17) == light.rate(0.17)
    assert straight.rate(np.sin(0.3)) == pytest.approx(upper_tail(2.0))


def test_smallest_score_may_lie_beyond_every_cosine():
    assert smallest_score(Tail(0.1, 0.5, STRAIGHT), 1e-9, 10**6) > 1
    assert smallest_score(Tail(0.1, 0.1, STRAIGHT), 5.0, 3) == -1
