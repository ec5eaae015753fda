"""The curve of non-mated scores: falling everywhere, its slope right, its tail accurate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.scoring.tail import Tail, angle, log_slope, smallest_score, upper_tail

tails = st.builds(Tail, st.floats(-0.3, 0.6), st.floats(0.03, 0.4), st.floats(-0.3, 0.3))


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


@given(tails, st.floats(-0.9, 0.95))
def test_gradient_is_the_derivative(tail, score):
    def log_rate(centre, log_scale, curvature):
        return np.log(Tail(centre, np.exp(log_scale), curvature).rate(score))

    at = np.array([tail.centre, np.log(tail.scale), tail.curvature])
    if tail.z(score) > 30 or abs((angle(score) - tail.centre) / tail.scale) < 1e-3:
        return  # no log of a rate of nearly 0; at the centre the curvature sets in
    for k, found in enumerate(tail.log_gradient(score)[0]):
        step = 1e-6 * np.eye(3)[k]
        by_hand = (log_rate(*(at + step)) - log_rate(*(at - step))) / 2e-6
        assert found == pytest.approx(by_hand, rel=2e-3, abs=1e-3)


def test_curvature_bends_the_tail():
    heavy, straight, light = (Tail(0.1, 0.1, c).rate(0.5) for c in (-0.05, 0, 0.05))
    assert heavy > 3 * straight > 9 * light


def test_smallest_score_may_lie_beyond_every_cosine():
    assert smallest_score(Tail(0.1, 0.5, 0.0), 1e-9, 10**6) > 1
    assert smallest_score(Tail(0.1, 0.1, 0.0), 5.0, 3) == -1
