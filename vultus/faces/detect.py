"""Faces in a photo of any size: YuNet, our own decoding, a pyramid of tiles, turned photos.

A detection is a row of 15 float32: x, y, width, height of the box, then x, y of right eye,
left eye, nose, right and left corner of the mouth (the person's own right), then the score.
All in pixels of the photo given. The same row as OpenCV's FaceDetectorYN gives.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from vultus.faces.network import open_network
from vultus.faces.turn import straighten, turned_photo
from vultus.faces.weights import YUNET, Weights

THRESHOLD = 0.7  # a score equal to it is accepted
OVERLAP = 0.3  # intersection over union above this: one face found twice
MOST = 5000  # rows that enter the suppression of doubles

STRIDES = (8, 16, 32)
MULTIPLE = 32  # px; width and height of what the network sees

FULL_PIXELS = 9_000_000  # a photo of more pixels is first made this small
SMALLEST_LEVEL = 640  # px; no level of the pyramid below a longer side of this
TILE = 1280  # px
TILE_OVERLAP = 160  # px; a face larger than this is found at the next level of the pyramid

Pixels = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.float32]


def suppress(rows: Rows, overlap: float = OVERLAP) -> Rows:
    """Keep the best of each face found twice: rows (n, 15) in, best score first.

    A row is dropped where its box and a better one share more than `overlap` of their union,
    or where a better one holds more than 70 % of it (part of a face at the edge of a tile).
    """
    rows = rows[np.argsort(-rows[:, 14], kind="stable")][:MOST]
    corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    areas = rows[:, 2] * rows[:, 3]
    left = np.ones(len(rows), bool)
    kept = []
    for index in range(len(rows)):
        if not left[index]:
            continue
        kept.append(index)
        low = np.maximum(corners[index, :2], corners[:, :2])
        high = np.minimum(corners[index, 2:], corners[:, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        union = areas[index] + areas - shared
        left &= (shared <= overlap * union) & (shared <= 0.7 * areas)
    return rows[kept]


class Detector:
    """The face detector. Not to be shared between threads that run it at once."""

    def __init__(
        self, threshold: float = THRESHOLD, weights: Weights = YUNET, n_threads: int = 1
    ) -> None:
        """Load the network. Raises what `read_weights` raises."""
        self.threshold = threshold
        self._network = open_network(weights, n_threads)
        self._input = weights.input
        self._outputs = [f"{part}_{s}" for part in ("cls", "obj", "bbox", "kps") for s in STRIDES]

    def detect(self, pixels: Pixels) -> Rows:
        """Find all faces of a photo, RGB uint8 (h, w, 3): rows (n, 15), best score first.

        Faces may stand at any angle (see `turn.py`). Where none is found, the photo is searched
        with a border around it, turned in steps of 45 degrees.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            message = f"expected uint8 (h, w, 3), got {pixels.dtype} {pixels.shape}"
            raise TypeError(message)
        rows = self._pyramid(pixels)
        if not len(rows):
            rows = turned_photo(pixels, self.single)
        return suppress(straighten(pixels, rows, self.single))

    def single(self, pixels: Pixels) -> Rows:
        """Find the faces in one pass at the photo's own size, as FaceDetectorYN does."""
        return suppress(self._pass(pixels))

    def _pass(self, pixels: Pixels) -> Rows:
        down, right = (-side % MULTIPLE for side in pixels.shape[:2])
        if down or right:
            padded = cv2.copyMakeBorder(pixels, 0, down, 0, right, cv2.BORDER_CONSTANT)
            pixels = np.asarray(padded, np.uint8)
        picture = cv2.dnn.blobFromImage(pixels, swapRB=True)
        outputs = self._network.run(self._outputs, {self._input: picture})
        parts = [np.concatenate(outputs[i : i + 3], axis=1)[0] for i in range(0, 12, 3)]
        return _decode(parts, picture.shape[:1:-1], self.threshold)

    def _pyramid(self, pixels: Pixels) -> Rows:
        found = []
        scale = min(1.0, (FULL_PIXELS / (pixels.shape[0] * pixels.shape[1])) ** 0.5)
        level = _scaled(pixels, scale)
        while True:
            ratio = np.array([pixels.shape[1] / level.shape[1], pixels.shape[0] / level.shape[0]])
            for rows in self._tiles(level):
                rows[:, :14] *= np.tile(ratio, 7).astype(np.float32)
                # A pixel's middle is its whole number: half a large pixel is more than half a
                # small one.
                rows[:, :2] += (ratio - 1) / 2
                rows[:, 4:14] += np.tile((ratio - 1) / 2, 5)
                found.append(rows)
            if max(level.shape[:2]) <= SMALLEST_LEVEL:
                return suppress(np.concatenate(found))
            level = _scaled(level, max(0.5, SMALLEST_LEVEL / max(level.shape[:2])))

    def _tiles(self, level: Pixels) -> Iterator[Rows]:
        """Search a level tile by tile; what an inner edge of a tile cuts is left to others."""
        high, wide = level.shape[:2]
        for top in _starts(high):
            for left in _starts(wide):
                tile = level[top : top + TILE, left : left + TILE]
                rows = self._pass(tile)
                low, end = rows[:, :2], rows[:, :2] + rows[:, 2:4]
                whole = np.ones(len(rows), bool)
                for axis, (start, side, full) in enumerate(
                    ((left, tile.shape[1], wide), (top, tile.shape[0], high))
                ):
                    whole &= (low[:, axis] >= 1) | (start == 0)
                    whole &= (end[:, axis] <= side - 1) | (start + side >= full)
                rows = rows[whole]
                rows[:, [0, 4, 6, 8, 10, 12]] += left
                rows[:, [1, 5, 7, 9, 11, 13]] += top
                yield rows


def _decode(parts: list[Rows], size: tuple[int, ...], threshold: float) -> Rows:
    """Turn the outputs into rows whose score reaches the threshold.

    `parts` are class, objectness, boxes and landmarks of all cells, those of the smallest
    stride first, `size` the width and height of the picture. Centre and landmarks are offsets
    from their cell in strides, width and height logarithms of strides, and the score is the
    geometric mean of class and objectness.
    """
    face, there, boxes, marks = parts
    scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(there[:, 0], 0, 1))
    chosen = np.flatnonzero(scores >= threshold)
    counts = [(size[0] // stride) * (size[1] // stride) for stride in STRIDES]
    level = np.searchsorted(np.cumsum(counts), chosen, side="right")
    stride = np.array(STRIDES)[level]
    cell, columns = chosen - (np.cumsum(counts) - counts)[level], size[0] // stride
    cells = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32)
    stride = stride[:, None].astype(np.float32)
    rows = np.empty((len(chosen), 15), np.float32)
    sides = np.exp(boxes[chosen, 2:]) * stride
    rows[:, :2] = (cells + boxes[chosen, :2]) * stride - sides / 2
    rows[:, 2:4] = sides
    rows[:, 4:14] = (marks[chosen] + np.tile(cells, 5)) * stride
    rows[:, 14] = scores[chosen]
    return rows


def _starts(side: int) -> list[int]:
    """Return where tiles begin along a side: evenly, overlapping by at least TILE_OVERLAP."""
    if side <= TILE:
        return [0]
    count = -(-(side - TILE_OVERLAP) // (TILE - TILE_OVERLAP))
    return [round(i * (side - TILE) / (count - 1)) for i in range(count)]


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    if scale >= 1.0:
        return pixels
    size = [max(1, round(side * scale)) for side in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
