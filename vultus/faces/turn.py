"""Faces that do not stand upright: the photo, or one face, is turned until they do.

The detector finds many turned faces, but it puts their landmarks where an upright face would
have them. Such a face gives itself away by a weak score, and scores higher turned upright.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]
Points = npt.NDArray[Any]
Find = Callable[[Pixels], Rows]

GREY = (128, 128, 128)

QUARTERS, EIGHTHS = (0, 90, 270, 180), (45, 315, 135, 225)  # degrees, anticlockwise
PHOTO_SIDE = 640  # px; longer side of a photo when it is turned
WINDOW_SIDE = 192  # px; of a window around one face
TRY_SIDE = 96  # px; of that window while its turn is looked for
WINDOW = 2.4  # sides of its box
WEAK = 0.905  # of upright faces of LFW about one in forty scores less
GAIN = 0.01  # what another turn must score more,
HOPE = 0.05  # and how much less it may score while it is tried small
TILT = 20.0  # degrees between the eyes above which a face is found once more, level
MOST_STRAIGHTENED = 32  # faces of one photo, best first


def turned_photo(pixels: Pixels, find: Find) -> Rows:
    """Search a photo with a border around it, turned by quarters, then by eighths.

    Return the rows (n, 15) of the turn whose scores have the largest sum, in pixels of the
    photo as it is given.
    """
    small, ratio = pixels, np.ones(2)
    if max(pixels.shape[:2]) > PHOTO_SIDE:
        scale = PHOTO_SIDE / max(pixels.shape[:2])
        size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
        small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        ratio = np.array(pixels.shape[1::-1]) / size
    best = np.empty((0, 15), np.float32)
    for turns in (QUARTERS, EIGHTHS):
        for degrees in turns:
            frame, back = _turn(small, degrees)
            rows = _carry(find(frame), back, ratio)
            if rows[:, 14].sum() > best[:, 14].sum():
                best = rows
        if len(best):
            break
    return best


def straighten(pixels: Pixels, rows: Rows, find: Find) -> Rows:
    """Find weak or tilted faces again in turned windows; return the rows (n, 15) mended."""
    rows = rows.copy()
    for index in range(min(len(rows), MOST_STRAIGHTENED)):
        row = rows[index]
        if row[14] < WEAK:
            best = _best_turn(pixels, row, find)
            if best is not None and best[14] >= row[14] + GAIN:
                row = best
        across, down = row[6:8] - row[4:6]
        tilt = float(np.degrees(np.arctan2(down, across)))
        if abs(tilt) > TILT:
            level = _found_again(pixels, row, tilt, find)
            if level is not None and level[14] >= row[14] - GAIN:
                row = level
        rows[index] = row
    return rows


def _best_turn(pixels: Pixels, row: Rows, find: Find) -> Rows | None:
    """Return the face of `row` turned as it scores best: tried small, then found as usual."""
    window, low, ratio = _window(pixels, row, TRY_SIDE)
    if min(window.shape) == 0:
        return None
    turns = [each for each in (*QUARTERS, *EIGHTHS) if each]
    centre = (row[:2] + row[2:4] / 2 - low) / ratio
    tiles = []
    for turn in turns:  # side by side, so that the network runs once
        matrix = cv2.getRotationMatrix2D(centre.tolist(), turn, 1.0)
        matrix[:, 2] = matrix[:, 2] + TRY_SIDE / 2 - centre
        tiles.append(cv2.warpAffine(window, matrix, (TRY_SIDE, TRY_SIDE), borderValue=GREY))
    rows = find(np.concatenate(tiles, axis=1, dtype=np.uint8))
    middles = rows[:, :2] + rows[:, 2:4] / 2
    away = np.abs(middles % TRY_SIDE - TRY_SIDE / 2).max(axis=1, initial=0)
    rows, middles = rows[away < TRY_SIDE / 4], middles[away < TRY_SIDE / 4]
    if not len(rows) or rows[:, 14].max() < row[14] - HOPE:
        return None
    best = int(middles[rows[:, 14].argmax(), 0]) // TRY_SIDE
    return _found_again(pixels, row, turns[best], find)


def _window(pixels: Pixels, row: Rows, side: int) -> tuple[Pixels, Points, Points]:
    """Cut the surroundings of a face out, at most about `side` px large.

    Return them with their upper left corner in the photo and the size of their pixels there.
    """
    reach = float(WINDOW * max(row[2:4].max(), 1))
    corner = np.floor(row[:2] + row[2:4] / 2 - reach / 2).astype(int)
    low = np.clip(corner, 0, pixels.shape[1::-1])
    high = np.clip(corner + int(reach) + 1, low, pixels.shape[1::-1])
    window = pixels[low[1] : high[1], low[0] : high[0]]
    if reach > side and min(window.shape) > 0:
        size = np.maximum(np.round((high - low) * (side / reach)), 1).astype(int)
        window = cv2.resize(window, size.tolist(), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return window, low, (high - low) / np.maximum(window.shape[1::-1], 1)


def _found_again(pixels: Pixels, row: Rows, degrees: float, find: Find) -> Rows | None:
    """Return the face of `row` as it is found with the photo turned, None where it is not."""
    window, low, ratio = _window(pixels, row, WINDOW_SIDE)
    if min(window.shape) == 0:
        return None
    frame, back = _turn(window, degrees)
    found = _carry(find(frame), back, ratio)
    found[:, :2] += low
    found[:, 4:14] += np.tile(low, 5)
    away = np.abs(found[:, :2] + found[:, 2:4] / 2 - row[:2] - row[2:4] / 2).max(axis=1, initial=0)
    found = found[away < row[2:4].max() / 2]
    return found[found[:, 14].argmax()] if len(found) else None


def _turn(pixels: Pixels, degrees: float) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """Turn a picture about its centre into a grey frame that holds it with an eighth of border.

    Return the frame and the matrix (2, 3) that carries its points back.
    """
    sides = np.array(pixels.shape[1::-1], dtype=np.float64)
    matrix = cv2.getRotationMatrix2D(((sides - 1) / 2).tolist(), degrees, 1.0)
    frame_sides = np.ceil(np.abs(matrix[:, :2]) @ sides + sides.max() / 4)
    matrix[:, 2] += (frame_sides - sides) / 2
    frame = cv2.warpAffine(pixels, matrix, frame_sides.astype(int).tolist(), borderValue=GREY)
    return np.asarray(frame, np.uint8), np.asarray(cv2.invertAffineTransform(matrix))


def _carry(rows: Rows, matrix: npt.NDArray[np.float64], ratio: npt.NDArray[np.float64]) -> Rows:
    """Carry rows of a turned frame back: points exactly, a box to an upright one as large."""
    turn, shift = matrix[:, :2], matrix[:, 2]
    half = (ratio - 1) / 2  # a pixel's middle is its whole number
    marks = (rows[:, 4:14].reshape(-1, 5, 2) @ turn.T + shift) * ratio + half
    centres = ((rows[:, :2] + rows[:, 2:4] / 2) @ turn.T + shift) * ratio + half
    sides = rows[:, 2:4] @ np.abs(turn).T
    shrink = np.sqrt(rows[:, 2:4].prod(axis=1) / np.maximum(sides.prod(axis=1), 1e-6))
    sides = sides * shrink[:, None] * ratio
    parts = [centres - sides / 2, sides, marks.reshape(-1, 10), rows[:, 14:]]
    return np.concatenate(parts, axis=1).astype(np.float32)
