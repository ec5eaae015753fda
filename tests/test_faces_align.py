"""Five landmarks bring a face into the frame: the least-squares similarity, and nothing else."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from portraits import portrait_photos

from vultus.faces.align import FRAME, SIDE, align, similarity
from vultus.faces.detect import Detector
from vultus.faces.photo import decode
from vultus.faces.weights import SFACE, weights_folder

COORDINATES = st.floats(-1e4, 1e4, allow_nan=False)
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=5, max_size=5)


@given(POINTS, st.floats(-3.14, 3.14), st.floats(0.01, 100), st.tuples(COORDINATES, COORDINATES))
def test_a_known_similarity_is_recovered(
    points: list, angle: float, scale: float, shift: tuple
) -> None:
    source = np.array(points)
    if source.std(axis=0).max() < 1:
        source += FRAME
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(source, source @ turn.T + shift)
    np.testing.assert_allclose(source @ found[:, :2].T + found[:, 2],
                               source @ turn.T + shift, atol=1e-4 * scale + 1e-4)  # fmt: skip
    if source.std(axis=0).min() > 1:
        np.testing.assert_allclose(found[:, :2], turn, atol=1e-5 * scale + 1e-7)


@given(POINTS, POINTS)
def test_it_is_a_similarity_and_no_other_one_is_better(points: list, goals: list) -> None:
    source, target = np.array(points), np.array(goals)
    found = similarity(source, target)
    (a, b), (c, d) = found[:, :2]
    assert a == pytest.approx(d, abs=1e-6)  # a reflection would have a = -d
    assert b == pytest.approx(-c, abs=1e-6)

    def loss(matrix: np.ndarray) -> float:
        return float(((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum())

    least = loss(found)
    for change in (0.999, 1.001):
        other = found.copy()
        other[:, :2] *= change
        other[:, 2] = target.mean(axis=0) - other[:, :2] @ source.mean(axis=0)
        assert loss(other) >= least - 1e-6 * max(1.0, least)


def test_points_in_one_place_give_scale_nought() -> None:
    assert similarity(np.zeros((5, 2)), FRAME)[:, :2].tolist() == [[0, 0], [0, 0]]


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected two arrays \(n, 2\)"):
        similarity(np.zeros((5, 3)), np.zeros((5, 3)))


def test_a_mark_lands_where_the_frame_has_it() -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    marks = FRAME * 1.7 + (60, 40)
    cv2.circle(pixels, np.round(marks[2]).astype(int).tolist(), 3, (255, 255, 255), -1)
    crop = align(pixels, marks)
    assert crop.shape == (SIDE, SIDE, 3)
    y, x = np.unravel_index(crop[..., 0].argmax(), (SIDE, SIDE))
    assert np.abs(FRAME[2] - (x, y)).max() < 3


def test_a_photo_wider_than_opencv_takes_gives_the_same_crop() -> None:
    rng = np.random.default_rng(3)
    wide = rng.integers(0, 255, (120, 33_000, 3)).astype(np.uint8)
    marks = FRAME + np.array([32_500, 3])
    part = align(wide[:, 32_000:], marks - np.array([32_000, 0]))
    np.testing.assert_array_equal(align(wide, marks), part)


def test_it_agrees_with_opencv() -> None:
    recogniser = cv2.FaceRecognizerSF.create(str(weights_folder() / SFACE.file), "")
    detector = Detector()
    for path in portrait_photos()[::30]:
        pixels = decode(path.read_bytes()).pixels
        row = detector.detect(pixels)[0]
        theirs = recogniser.alignCrop(np.ascontiguousarray(pixels[..., ::-1]), row)[..., ::-1]
        ours = align(pixels, row[4:14].reshape(5, 2))
        assert np.abs(ours.astype(int) - theirs).mean() < 0.5
