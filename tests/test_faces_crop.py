"""A crop shows the face, says where it was, and can be aligned again."""

import cv2
import numpy as np
import pytest
from portraits import portrait_photos

from vultus.faces import FaceReader
from vultus.faces.align import align
from vultus.faces.crop import LONGEST_SIDE, cut_crop
from vultus.faces.embed import Embedder
from vultus.faces.photo import Photo, decode

MARKS = np.array([[40, 40], [60, 40], [50, 50], [43, 60], [57, 60]], np.float32)


@pytest.mark.parametrize(
    "box", [(30.0, 25.0, 40.0, 50.0), (-20.0, -10.0, 60.0, 60.0), (900.0, 500.0, 400.0, 500.0)]
)
def test_a_crop_is_a_square_of_twice_the_longer_side(box) -> None:
    pixels = np.full((600, 1000, 3), 200, np.uint8)
    crop = cut_crop(pixels, box, MARKS)
    picture = decode(crop.jpeg).pixels
    side = min(round(2 * max(box[2:])), LONGEST_SIDE)
    assert picture.shape == (side, side, 3)
    assert crop.side == side
    assert crop.box[2] == crop.box[3] == 2 * max(box[2:])
    assert abs(crop.box[0] + crop.box[2] / 2 - box[0] - box[2] / 2) <= 1
    assert abs(crop.box[1] + crop.box[3] / 2 - box[1] - box[3] / 2) <= 1


def test_beyond_the_photo_it_is_grey() -> None:
    crop = cut_crop(np.full((600, 600, 3), 250, np.uint8), (0.0, 0.0, 80.0, 80.0), MARKS)
    picture = decode(crop.jpeg).pixels
    assert abs(picture[:30, :30].astype(int) - 128).max() <= 3
    assert picture[60:, 60:].min() > 240


def test_a_box_outside_the_photo_gives_grey() -> None:
    crop = cut_crop(np.zeros((50, 50, 3), np.uint8), (500.0, 500.0, 20.0, 20.0), MARKS)
    assert abs(decode(crop.jpeg).pixels.astype(int) - 128).max() <= 3


def test_landmarks_point_at_the_same_spot() -> None:
    pixels = np.zeros((1200, 1200, 3), np.uint8)
    spot = (701, 502)
    cv2.circle(pixels, spot, 6, (255, 255, 255), -1)
    marks = np.tile(np.array(spot, np.float32), (5, 1))
    crop = cut_crop(pixels, (500.0, 400.0, 300.0, 400.0), marks)
    weight = decode(crop.jpeg).pixels[..., 0].astype(float)
    weight[weight < 60] = 0
    y, x = np.indices(weight.shape)
    middle = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(crop.landmarks[0], middle, atol=0.3)


@pytest.mark.parametrize("enlarge", [1, 4])
def test_a_crop_can_be_aligned_again(enlarge) -> None:
    """The template made from the crop is the template made from the photo, but for the JPEG."""
    reader, embedder = FaceReader(), Embedder()
    for path in portrait_photos()[::90]:
        pixels = decode(path.read_bytes()).pixels
        pixels = cv2.resize(pixels, None, fx=enlarge, fy=enlarge, interpolation=cv2.INTER_CUBIC)
        face = reader.read_pixels(Photo(pixels, pixels.shape[1], pixels.shape[0], "PNG"))[0]
        crop = cut_crop(pixels, face.box, face.landmarks)
        again = align(decode(crop.jpeg).pixels, crop.landmarks)
        vector = embedder.embed(again[None])[0][0]
        assert float(vector @ face.template.vector) > 0.95
