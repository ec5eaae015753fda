"""What a gallery's own scores say of a score: strangers a search, with mates unlabelled."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_people import MODEL, people, strangers, unit

from vultus.scoring import Calibration, expected_to_once_in, fit_calibration
from vultus.scoring.pairs import MAX_SAMPLED
from vultus.scoring.prior import SFACE


def fit(vectors, photo_ids=None, seed=0, model=MODEL):
    return fit_calibration(vectors, photo_ids, model=model, rng=np.random.default_rng(seed))


def calibration(centre=0.1, scale=0.1, bends=(0.0,) * 8):
    rows = tuple(map(tuple, (1e-4 * np.eye(10)).tolist()))
    return Calibration(
        MODEL, 9, 9, 0, 36, 0, "0" * 64, centre, scale, bends, rows, 0.01, 0.9, 0.1, 0.3
    )  # fmt: skip


@pytest.fixture(scope="module")
def gallery():
    return people(500, 2, seed=1)


@pytest.fixture(scope="module")
def fitted(gallery):
    return fit(gallery[0])


curves = st.builds(
    calibration,
    centre=st.floats(-0.2, 0.6),
    scale=st.floats(0.03, 0.3),
    bends=st.tuples(*[st.floats(-0.6, 0.6)] * 8),
)
cosines = st.floats(-1, 1, width=32)


# The prediction


@pytest.mark.parametrize(("expected", "factor"), [(10, 1.2), (1, 1.3), (0.1, 1.5), (0.01, 2)])
def test_predicts_the_strangers_that_other_people_meet(gallery, fitted, expected, factor):
    probes, _ = people(4000, 1, seed=2)
    threshold = fitted.threshold(expected, 1000)
    seen = strangers(gallery[0], probes, threshold)
    assert expected / factor <= seen <= expected * factor


@pytest.mark.parametrize("likeness", [0.05, 0.38])
@pytest.mark.parametrize("n_photos", [1, 4])
def test_follows_the_gallery_and_not_the_model_alone(likeness, n_photos):
    vectors, _ = people(400 // n_photos, n_photos, seed=3, likeness=likeness, mated=0.8)
    probes, _ = people(2000, 1, seed=4, likeness=likeness, mated=0.8)
    seen = strangers(vectors, probes, fit(vectors).threshold(0.1, 400))
    assert 0.1 / 2 <= seen <= 0.1 * 2


def test_mates_left_in_move_the_prediction_little(gallery, fitted):
    alone = fit(gallery[0][::2])
    naive = gallery[0] @ gallery[0].T
    for expected, factor in [(1, 1.25), (0.1, 1.4), (0.01, 1.6)]:
        threshold = fitted.threshold(expected, 1000)
        again = alone.expected_false_positives(threshold, 1000)
        assert expected / factor <= again <= expected * factor
    # the plain count, which takes mates for strangers, is off by far: this test can fail
    assert (naive[np.triu_indices(1000, 1)] >= threshold).sum() / 500 > 50 * 0.01


def test_many_photos_of_each_person_move_the_prediction_little():
    vectors, persons = people(60, 6, seed=5, likeness=0.3, mated=0.8)
    one = fit(np.concatenate([vectors[persons == p][:1] for p in range(60)]))
    all_ = fit(vectors)
    ratio = all_.expected_false_positives(one.threshold(1, 360), 360)
    assert 1 / 2 <= ratio <= 2
    assert all_.mated_share * all_.n_pairs == pytest.approx(60 * 15, rel=0.3)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_copies_of_five_percent_move_the_prediction_little(gallery, fitted, noise):
    rng = np.random.default_rng(6)
    copies = gallery[0][::20] + noise * rng.normal(size=(50, 128))
    both = np.concatenate([gallery[0], unit(copies).astype(np.float32)])
    again = fit(both)
    assert noise > 0.01 or again.n_duplicates == 50
    for expected in (1, 0.1, 0.01):
        ratio = again.expected_false_positives(fitted.threshold(expected, 1000), 1000) / expected
        assert 1 / 1.15 <= ratio <= 1.15


def test_one_photo_enrolled_many_times_counts_once(gallery, fitted):
    vectors = np.concatenate([gallery[0], np.repeat(gallery[0][:10], 100, axis=0)])
    again = fit(vectors)
    assert again.n_duplicates == 1000
    assert again.n_references == 2000
    assert (again.centre, again.scale) == pytest.approx((fitted.centre, fitted.scale), rel=1e-6)


def test_two_faces_of_one_photo_are_two_people():
    """Relatives photographed together are strangers who look alike, not one person."""
    rng = np.random.default_rng(7)
    vectors, _ = people(300, 1, seed=7)
    alike = unit(0.75 * vectors[:100] + 0.06 * rng.normal(size=(100, 128))).astype(np.float32)
    both = np.concatenate([vectors, alike])
    photos = np.concatenate([np.arange(300), np.arange(100)]).astype(np.int64)
    told, untold = fit(both, photos), fit(both)
    assert told.n_certain_pairs == 100
    assert untold.n_certain_pairs == 0
    assert told.false_match_rate(0.6) > 3 * untold.false_match_rate(0.6)


def test_a_copy_of_a_group_photo_leaves_its_people_apart():
    vectors, _ = people(100, 1, seed=8)
    photos = np.repeat(np.arange(50), 2).astype(np.int64)
    twice = fit(np.concatenate([vectors, vectors]), np.concatenate([photos, photos + 50]))
    assert twice.n_duplicates == 100
    assert twice.n_certain_pairs == 50


# Small galleries


@pytest.mark.parametrize("n", [0, 1])
def test_without_pairs_the_model_s_own_table_speaks(n):
    prior = fit(people(n, 1, seed=9)[0].reshape(n, 128))
    assert prior.n_pairs == 0
    for score, rate in SFACE.rates[:2]:  # above 0.5 the table holds label errors
        assert rate / 1.25 <= prior.false_match_rate(score) <= rate * 1.25
    assert prior.extrapolated(-0.5)


def test_evidence_takes_over_as_pairs_accumulate():
    vectors, _ = people(400, 1, seed=10, likeness=0.38, mated=0.8)
    off = [abs(fit(vectors[:n]).centre - fit(vectors).centre) for n in (0, 3, 10, 50, 200)]
    assert off[0] > 0.25
    assert off[0] > off[1] > off[2] > off[3]
    assert off[4] < 0.01
    wide = [float(np.divide(*fit(vectors[:n]).interval(0.6, 400)[::-1])) for n in (10, 50, 400)]
    assert wide[0] > wide[1] > wide[2]


def test_an_unknown_model_is_learned_from_the_gallery_alone(gallery, fitted):
    unknown = fit(gallery[0], model="another")
    ratio = unknown.expected_false_positives(fitted.threshold(0.1, 1000), 1000) / 0.1
    assert 1 / 1.3 <= ratio <= 1.3


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(0, 30), d=st.integers(2, 40), n_kinds=st.integers(1, 30),
    flip=st.booleans(), n_photos=st.integers(1, 30), seed=st.integers(0, 1000),
)  # fmt: skip
def test_any_gallery_gives_a_calibration(n, d, n_kinds, flip, n_photos, seed):
    """Also one photo many times over, opposite vectors, two dimensions, one group photo."""
    rng = np.random.default_rng(seed)
    kinds = unit(rng.normal(size=(n_kinds, d)))
    vectors = (
        kinds[rng.integers(0, n_kinds, n)] * np.where(flip & (rng.random(n) < 0.5), -1, 1)[:, None]
    )
    photos = rng.integers(0, n_photos, n)
    found = fit(vectors.astype(np.float32).reshape(n, d), photos)
    assert Calibration.from_json(json.loads(json.dumps(found.to_json()))) == found
    threshold = found.threshold(0.01, 100)
    assert math.isfinite(threshold)
    assert found.expected_false_positives(threshold, 100) <= 0.01


# The same data, the same answer


def test_same_seed_and_data_same_calibration():
    vectors, _ = people(MAX_SAMPLED + 500, 1, seed=11)
    first, second = fit(vectors, seed=3), fit(vectors, seed=3)
    assert first == second
    other = fit(vectors, seed=4)
    assert first.n_sampled == other.n_sampled == MAX_SAMPLED
    assert first.fingerprint == other.fingerprint
    assert first.centre != other.centre
    assert other.expected_false_positives(first.threshold(0.1, 1000), 1000) == pytest.approx(
        0.1, rel=0.2
    )


def test_order_of_references_changes_nothing_but_the_fingerprint(gallery, fitted):
    order = np.random.default_rng(12).permutation(1000)
    again = fit(gallery[0][order])
    assert again.fingerprint != fitted.fingerprint
    scores = np.linspace(-1, 1, 50)
    assert again.false_match_rate(scores) == pytest.approx(
        fitted.false_match_rate(scores), rel=1e-3
    )


def test_fingerprint_is_of_model_and_data(gallery, fitted):
    changed = gallery[0].copy()
    changed[[3, 4]] = changed[[4, 3]]
    assert fit(gallery[0]).fingerprint == fitted.fingerprint
    assert fit(changed).fingerprint != fitted.fingerprint
    assert fit(gallery[0], model="another").fingerprint != fitted.fingerprint


# The questions asked of it


@given(curves, st.lists(cosines, min_size=2, max_size=20))
def test_expected_strangers_never_rise_with_the_score(curve, scores):
    found = curve.expected_false_positives(np.sort(np.array(scores, np.float32)), 1000)
    assert found.dtype == np.float64
    assert (np.diff(found) <= 0).all()
    assert (found >= 0).all() and (found <= 1000).all()


@given(curves, cosines, st.integers(0, 10**9))
def test_expected_strangers_are_proportional_to_the_gallery(curve, score, n):
    assert curve.expected_false_positives(score, n) == n * curve.expected_false_positives(score, 1)
    assert curve.expected_false_positives(score, 1) == curve.false_match_rate(score)


@given(curves, st.floats(1e-9, 1e3), st.integers(1, 10**9))
def test_threshold_is_the_smallest_float32_score_allowed(curve, allowed, n):
    """A score equal to it is accepted, so the expectation at it counts, and not one below."""
    threshold = curve.threshold(allowed, n)
    assert threshold == np.float32(threshold)
    assert curve.expected_false_positives(np.float32(threshold), n) <= allowed
    below = np.nextafter(np.float32(threshold), np.float32(-2))
    assert below < -1 or curve.expected_false_positives(below, n) > allowed


def test_threshold_of_an_empty_gallery_accepts_everything():
    assert calibration().threshold(0.01, 0) == -1.0


@given(curves, st.lists(cosines, min_size=1, max_size=9))
def test_interval_holds_the_expectation(curve, scores):
    low, high = curve.interval(scores, 500)
    found = curve.expected_false_positives(scores, 500)
    assert (low <= found).all() and (found <= high).all() and (high <= 500).all()


def test_interval_widens_into_the_tail(fitted):
    low, high = fitted.interval(np.array([0.2, 0.3, 0.4, 0.5, 0.6]), 1000)
    assert (np.diff(high / low) > 0).all()


def test_says_where_it_extrapolates(gallery, fitted):
    scores = gallery[0] @ gallery[0].T
    apart = gallery[1][:, None] < gallery[1][None]
    assert not fitted.extrapolated(0.3)
    assert fitted.extrapolated(0.6)
    beyond = np.count_nonzero(scores[apart] >= fitted.observed_up_to)
    assert 2 <= beyond <= 30  # about ten were asked for


def test_once_in_so_many_searches():
    assert expected_to_once_in(0.01) == pytest.approx(100.5, rel=1e-4)
    assert expected_to_once_in(30.0) == pytest.approx(1)
    assert expected_to_once_in(0.0) == math.inf


# Junk


@pytest.mark.parametrize(
    ("templates", "photos", "error", "words"),
    [
        ([[1.0, 0.0]], None, TypeError, "float32 .n, d., got list"),
        (np.eye(3), None, TypeError, "float32 .n, d., got float64"),
        (np.ones(3, np.float32), None, ValueError, r"\(n, d\), got \(3,\)"),
        (np.ones((2, 3), np.float32), None, ValueError, "unit vectors, got length 1.732 at 0"),
        (np.full((2, 3), np.nan, np.float32), None, ValueError, "unit vectors, got length nan"),
        (np.eye(3, dtype=np.float32), np.arange(2), ValueError, r"\(3,\), got \(2,\)"),
        (np.eye(3, dtype=np.float32), np.zeros(3), TypeError, "int64 .n,., got float64"),
        (np.eye(3, dtype=np.float32), [1, 2, 3], TypeError, "int64 .n,., got list"),
    ],
)
def test_refuses_what_are_not_templates(templates, photos, error, words):
    with pytest.raises(error, match=words):
        fit(templates, photos)


@pytest.mark.parametrize("model", ["", None, 3])
def test_refuses_a_model_without_a_name(model):
    with pytest.raises(TypeError, match="expected model"):
        fit(np.eye(3, dtype=np.float32), model=model)


def test_refuses_what_is_no_score_or_number():
    curve = calibration()
    with pytest.raises(TypeError, match="real numbers, got <U"):
        curve.expected_false_positives("0.5", 3)
    with pytest.raises(ValueError, match="got NaN"):
        curve.interval([0.1, math.nan], 3)
    with pytest.raises(TypeError, match="n_references: int, got float"):
        curve.expected_false_positives(0.5, 3.0)
    with pytest.raises(TypeError, match="n_references: int, got bool"):
        curve.expected_false_positives(0.5, True)
    with pytest.raises(ValueError, match="0 or more, got -1"):
        curve.threshold(0.5, -1)
    for allowed in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="above 0 and finite"):
            curve.threshold(allowed, 3)
    with pytest.raises(TypeError, match="max_false_positives"):
        curve.threshold("1", 3)
    with pytest.raises(ValueError, match="0 or more, got -1"):
        expected_to_once_in(-1.0)
