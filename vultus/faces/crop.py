"""A small picture of one face, to show it and to align it again with another network later."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

LONGEST_SIDE = 320  # px
BOX_SIDES = 2.0  # side of the crop in longer sides of the face's box
JPEG_QUALITY = 90
GREY = (128, 128, 128)


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
    border = cv2.BORDER_CONSTANT
    picture = cv2.copyMakeBorder(inside, top, bottom, left, right, border, value=GREY)
    side = min(reach, LONGEST_SIDE)
    if side < reach:
        picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1].tobytes()
    scale = side / reach
    marks = (landmarks - corner + 0.5) * scale - 0.5  # a pixel's middle is its whole number
    place = (float(corner[0]), float(corner[1]), float(reach), float(reach))
    return Crop(jpeg, side, place, marks.astype(np.float32))
