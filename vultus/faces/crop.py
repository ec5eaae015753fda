"""A small picture of one face, to show it and to align it again with another network later."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

LONGEST_SIDE = 320  # px
BOX_SIDES = 2.0  # side of the crop in longer sides of the face's box
JPEG_QUALITY = 90
GREY = (128, 128, 128)
EYES_APART = 0.285  # of the width, and
EYES_DOWN = 0.43  # of the height: where the page's eye line is drawn


@dataclass(frozen=True)
class Crop:
    """`jpeg` is a square picture of `side` px; `box` is its place (x, y, width, height) in pixels
    of the upright photo and may reach beyond it (neutral grey); `landmarks` float32 (5, 2) are
    those of the face, in pixels of the crop.
    """

    jpeg: bytes
    side: int
    box: tuple[float, float, float, float]
    landmarks: npt.NDArray[np.float32]


def cut_crop(
    pixels: npt.NDArray[np.uint8],
    box: tuple[float, float, float, float],
    landmarks: npt.NDArray[np.float32],
) -> Crop:
    """Cut the crop around a face out of a photo, RGB uint8 (h, w, 3).

    It is never enlarged, and at most LONGEST_SIDE px a side.
    """
    x, y, width, height = box
    reach = max(1, round(BOX_SIDES * max(width, height)))
    corner = np.floor(np.array([x + width / 2, y + height / 2]) - reach / 2).astype(int)
    low = np.clip(corner, 0, pixels.shape[1::-1])
    high = np.clip(corner + reach, low, pixels.shape[1::-1])
    before, after = low - corner, corner + reach - high
    inside = np.ascontiguousarray(pixels[low[1] : high[1], low[0] : high[0]])
    left, top, right, bottom = (int(side) for side in (*before, *after))
    picture: npt.NDArray[Any] = np.full((reach, reach, 3), GREY, np.uint8)
    if inside.size:
        border = cv2.BORDER_CONSTANT
        picture = cv2.copyMakeBorder(inside, top, bottom, left, right, border, value=GREY)
    side = min(reach, LONGEST_SIDE)
    if side < reach:
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    scale = side / reach
    marks = (landmarks - corner + 0.5) * scale - 0.5  # a pixel's middle is its whole number
    place = (float(corner[0]), float(corner[1]), float(reach), float(reach))
    return Crop(encode_jpeg(picture), side, place, marks.astype(np.float32))


def encode_jpeg(pixels: npt.NDArray[Any]) -> bytes:
    """RGB uint8 (h, w, 3) as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def level_eyes(
    jpeg: bytes, landmarks: npt.NDArray[np.floating[Any]], width: int, height: int
) -> bytes:
    """The face of a crop as JPEG of `width` x `height` px with level eyes, EYES_APART of the width
    apart and at EYES_DOWN of the height: any two faces compare at the same eye distance.

    What lies outside the crop is neutral grey.
    """
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None  # we wrote it, and its seal has been checked
    pixels = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    right, left = landmarks[0].astype(float), landmarks[1].astype(float)
    across = left - right
    apart = max(float(np.hypot(*across)), 1.0)
    scale = EYES_APART * width / apart
    cos, sin = across / apart * scale
    middle = (right + left) / 2
    turn = np.array([[cos, sin], [-sin, cos]])
    shift = np.array([width / 2, height * EYES_DOWN]) - turn @ middle
    matrix = np.hstack([turn, shift[:, None]])
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    level = cv2.warpAffine(
        pixels, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT,
        borderValue=GREY,
    )  # fmt: skip
    return encode_jpeg(level)
