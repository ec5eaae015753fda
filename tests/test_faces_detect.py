"""Faces are found in photos of any size, at any size and angle, where OpenCV finds them too."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portraits import portrait_photos

from vultus.faces.detect import OVERLAP, Detector, suppress
from vultus.faces.photo import decode
from vultus.faces.weights import YUNET, weights_folder


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def portraits() -> list[np.ndarray]:
    photos = portrait_photos()
    return [decode(path.read_bytes()).pixels for path in photos[:: max(1, len(photos) // 12)]]


def crowd(width: int, height: int, faces: list, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey photo with portraits `side` px wide in a loose grid, and the middles of them."""
    rng = np.random.default_rng(9)
    photo = np.full((height, width, 3), 120, np.uint8)
    middles = []
    for number, face in enumerate(faces):
        small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        x = int((number + 0.5) * width / len(faces)) - side // 2
        y = int(rng.integers(0, height - side))
        photo[y : y + side, x : x + side] = small
        middles.append((x + side / 2, y + side / 2))
    return photo, np.array(middles)


def middles_of(rows: np.ndarray) -> np.ndarray:
    return rows[:, :2] + rows[:, 2:4] / 2


@pytest.mark.parametrize("size", [(250, 250), (320, 200), (431, 577), (640, 640)])
def test_one_pass_agrees_with_opencv(detector, portraits, size) -> None:
    """Same photo, size and threshold: boxes and landmarks within a pixel, scores as well."""
    theirs = cv2.FaceDetectorYN.create(
        str(weights_folder() / YUNET.file), "", size, detector.threshold, OVERLAP, 5000
    )
    n_faces = 0
    for portrait in portraits:
        photo = cv2.resize(portrait, size)
        rows = detector.single(photo)
        found = theirs.detect(np.ascontiguousarray(photo[..., ::-1]))[1]
        expected = np.empty((0, 15)) if found is None else found[np.argsort(-found[:, 14])]
        assert len(rows) == len(expected)
        n_faces += len(rows)
        np.testing.assert_allclose(rows[:, :14], expected[:, :14], atol=1.0)
        np.testing.assert_allclose(rows[:, 14], expected[:, 14], atol=1e-3)
    assert n_faces >= len(portraits)


def test_small_faces_in_a_photo_of_24_megapixels(detector, portraits) -> None:
    """Portraits 110 px wide hold faces of about 40 px."""
    photo, middles = crowd(6000, 4000, portraits, 110)
    found = middles_of(detector.detect(photo))
    near = np.abs(found[:, None] - middles[None]).max(axis=2) < 30
    assert near.any(axis=0).sum() >= 0.9 * len(middles)
    assert (near.sum(axis=0) <= 1).all()  # none is found twice


def test_a_face_that_fills_a_large_photo(detector, portraits) -> None:
    for portrait in portraits[:4]:
        row = detector.single(portrait)[0]
        photo = cv2.resize(portrait, (3000, 3000), interpolation=cv2.INTER_CUBIC)
        rows = detector.detect(photo)
        assert len(rows) == 1
        # The network sees it several times as large, and is less exact there.
        times = 3000 / portrait.shape[0]
        np.testing.assert_allclose(rows[0, 4:14] / times, row[4:14], atol=0.2 * row[3])


def test_faces_at_the_seams_of_tiles_are_found_once(detector, portraits) -> None:
    photo, middles = crowd(2600, 1500, (portraits * 2)[:16], 160)
    found = middles_of(detector.detect(photo))
    near = np.abs(found[:, None] - middles[None]).max(axis=2) < 40
    assert (near.sum(axis=0) == 1).all()


@pytest.mark.parametrize("degrees", [20, 45, 90, 135, 180, 225, 270, 315])
def test_turned_faces_are_found_with_landmarks_in_their_places(
    detector, portraits, degrees
) -> None:
    good = 0
    for portrait in portraits:
        upright = detector.single(portrait)[0]
        matrix = cv2.getRotationMatrix2D((124.5, 124.5), degrees, 1.0)
        matrix[:, 2] += 50
        photo = cv2.warpAffine(portrait, matrix, (350, 350))
        rows = detector.detect(photo)
        marks = upright[4:14].reshape(5, 2) @ matrix[:, :2].T + matrix[:, 2]
        eyes = np.linalg.norm(marks[1] - marks[0])
        for row in rows:  # a box goes round its face and is as large as it was
            points = row[4:14].reshape(5, 2)
            assert (points > row[:2]).all()
            assert (points < row[:2] + row[2:4]).all()
            assert 0.5 < row[2] * row[3] / (upright[2] * upright[3]) < 2
        off = [np.abs(row[4:14].reshape(5, 2) - marks).mean() / eyes for row in rows]
        good += bool(off) and min(off) < 0.25
    assert good >= 0.75 * len(portraits)


def test_no_face_where_there_is_none(detector) -> None:
    rng = np.random.default_rng(2)
    noise = rng.integers(0, 255, (300, 400, 3)).astype(np.uint8)
    for photo in (noise, np.zeros((40, 40, 3), np.uint8), np.full((1, 1, 3), 9, np.uint8)):
        assert detector.detect(photo).shape == (0, 15)


def test_other_arrays_are_refused(detector) -> None:
    with pytest.raises(TypeError, match="expected uint8"):
        detector.detect(np.zeros((9, 9), np.uint8))


SIDES = st.floats(1, 50)
ROWS = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60), SIDES, SIDES, st.floats(0, 1)))


@settings(deadline=None)
@given(ROWS)
def test_suppression_leaves_no_doubles_and_loses_no_face(boxes: list) -> None:
    rows = np.zeros((len(boxes), 15), np.float32)
    for row, box in zip(rows, boxes, strict=True):
        row[:4], row[14] = box[:4], box[4]
    kept = suppress(rows)
    assert (np.diff(kept[:, 14]) <= 0).all()
    for index, row in enumerate(kept):
        assert any((row == other).all() for other in rows)
        for other in kept[:index]:
            assert shared(row, other) <= OVERLAP + 1e-4
    for row in rows:  # whatever is gone has a better one over it
        assert any((shared(row, best) > OVERLAP - 1e-4 or inside(row, best) > 0.7 - 1e-4)
                   and best[14] >= row[14] for best in kept)  # fmt: skip


def intersection(a: np.ndarray, b: np.ndarray) -> float:
    low = np.maximum(a[:2], b[:2])
    high = np.minimum(a[:2] + a[2:4], b[:2] + b[2:4])
    return float(np.prod(np.maximum(high - low, 0)))


def shared(a: np.ndarray, b: np.ndarray) -> float:
    both = intersection(a, b)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def inside(a: np.ndarray, b: np.ndarray) -> float:
    return intersection(a, b) / (a[2] * a[3])
