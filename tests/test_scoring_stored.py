"""A stored calibration: one spelling, and nothing else is read (docs/formats/calibration.md)."""

import json
import math

import numpy as np
import pytest
from scoring_people import MODEL, people

from vultus.errors import IntegrityError
from vultus.scoring import Calibration, fit_calibration


@pytest.fixture(scope="module")
def calibration():
    vectors, _ = people(40, 2, seed=1)
    return fit_calibration(vectors, None, model=MODEL, rng=np.random.default_rng(0))


def test_round_trip(calibration):
    text = json.dumps(calibration.to_json())
    again = Calibration.from_json(json.loads(text))
    assert again == calibration
    assert json.dumps(again.to_json()) == text


def test_holds_nothing_of_a_face(calibration):
    assert len(json.dumps(calibration.to_json())) < 4000


CHANGES = {
    "format": ["vultus-calibration-2", None],
    "model": ["", 3, None],
    "fingerprint": ["0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n", 0],
    "n_references": [-1, 79, 80.0, True, "80", None],
    "n_sampled": [81, -1, 80.0],
    "n_duplicates": [81, -1, 1.0],
    "n_pairs": [3161, -1, 10.0],
    "n_certain_pairs": [3161, -1, False],
    "centre": [0, math.nan, math.inf, "0.1", None],
    "scale": [0.0, -0.1, 1, math.nan],
    "bends": [
        [0.0] * 7,
        [0.0] * 9,
        [0.0] * 7 + [0],
        [0.0] * 7 + [101.0],
        [math.nan] * 8,
        0.0,
        None,
    ],
    "mated_share": [-0.1, 1.1, 1],
    "mated_centre": [1, math.nan],
    "mated_scale": [0.0, -1.0],
    "observed_up_to": [1, -math.inf],
    "covariance": [
        [],
        np.eye(9).tolist(),
        np.eye(10)[:9].tolist(),
        np.eye(10)[:, :9].tolist(),
        (np.eye(10) + 0.5 * np.eye(10, k=1)).tolist(),
        (np.eye(10) + 2.0 * np.eye(10, k=1) + 2.0 * np.eye(10, k=-1)).tolist(),
        np.eye(10, dtype=int).tolist(),
        (math.nan * np.eye(10)).tolist(),
        None,
    ],
}


def test_every_key_is_tried(calibration):
    assert set(CHANGES) == set(calibration.to_json())


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, vs in CHANGES.items() for v in vs])
def test_refuses_a_changed_value(calibration, key, value):
    with pytest.raises(IntegrityError) as caught:
        Calibration.from_json({**calibration.to_json(), key: value})
    assert caught.value.code == "calibration.malformed"


@pytest.mark.parametrize("key", sorted(CHANGES))
def test_refuses_a_missing_key(calibration, key):
    document = calibration.to_json()
    del document[key]
    with pytest.raises(IntegrityError):
        Calibration.from_json(document)


@pytest.mark.parametrize("document", [None, [], "{}", 3])
def test_refuses_what_is_no_object(document):
    with pytest.raises(IntegrityError):
        Calibration.from_json(document)


def test_refuses_an_unknown_key(calibration):
    with pytest.raises(IntegrityError):
        Calibration.from_json({**calibration.to_json(), "more": 1})
