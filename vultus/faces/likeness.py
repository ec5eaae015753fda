"""What is kept of a photo so that the same photo is known again elsewhere: a hash and a small
grey picture.

Photos that may be the same are found by `near_hashes`, and told to be the same, or not, from
their small pictures by `sameness.py`; the photos themselves need not be read again. The hash is
PDQ (Meta, The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm, 2019),
written here in NumPy because the package `pdqhash` is published as source that needs a compiler.
"""

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vultus.errors import IntegrityError
from vultus.faces.photo import LONGEST_SIDE

HASH_BYTES = 32
PICTURE_SIDE = 256  # px, the longer side of the small picture
HASHED_SIDE = 512  # px; larger photos are made smaller before they are hashed
GRID = 64  # cells a side that PDQ takes from the blurred photo
WAVES = 16  # cosines a side, from the second on
GRADIENT_UNIT = 90  # of summed differences in percent: one point of quality
VERSION = 1
HEADER = struct.Struct("<BBHH32s32s")  # version, quality, width, height, hash, mirrored hash
BLOCK = 16_384  # hashes compared at a time

Plane = npt.NDArray[np.float64]
_COSINES = np.sqrt(2 / GRID) * np.cos(
    np.pi / (2 * GRID) * np.outer(np.arange(1, WAVES + 1), 2 * np.arange(GRID) + 1)
)
_MIRRORED = np.where(np.arange(1, WAVES + 1) % 2, -1.0, 1.0)  # odd cosines change their sign


@dataclass(frozen=True)
class PictureHash:
    """The PDQ hash of a photo and that of its mirror image, 32 bytes each, first bit first;
    `quality`, 0 to 100: how much there was to hash. Below 50 PDQ's authors advise against use.
    """

    value: bytes
    mirrored: bytes
    quality: int


@dataclass(frozen=True)
class Likeness:
    """`hash` is the photo's; `width` and `height` are the photo's, in pixels; `picture` uint8
    (h, w) is the photo in grey, of `small_size`.
    """

    hash: PictureHash
    width: int
    height: int
    picture: npt.NDArray[np.uint8]


def read_likeness(pixels: npt.NDArray[np.uint8]) -> Likeness:
    """What to keep of a photo, upright RGB uint8 (h, w, 3). Raises TypeError, ValueError."""
    _check_pixels(pixels)
    height, width = pixels.shape[:2]
    hashed = _shrunk(pixels, HASHED_SIDE)
    value = _pdq(_luminance(hashed))
    grey = cv2.cvtColor(hashed, cv2.COLOR_RGB2GRAY)
    picture = _shrunk(np.asarray(grey, dtype=np.uint8), PICTURE_SIDE)
    return Likeness(value, width, height, picture)


def picture_hash(pixels: npt.NDArray[np.uint8]) -> PictureHash:
    """The PDQ hash of RGB uint8 (h, w, 3). Larger photos are first brought to HASHED_SIDE px.

    Copies of a photo differ in few of the 256 bits, other photos in about half.
    Raises TypeError, ValueError.
    """
    _check_pixels(pixels)
    return _pdq(_luminance(_shrunk(pixels, HASHED_SIDE)))


def near_hashes(
    hashes: npt.NDArray[np.uint64], value: bytes, distance_max: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of `hashes` (n, 4) at most `distance_max` bits from a hash, and their distances.

    Every such row, nearest first, then by row. All are compared, which finds all at any distance
    and takes new rows at no cost; a table by sixteen parts of the hash is ten times as fast at a
    million, but finds all only up to 31 bits. Raises ValueError.
    """
    if hashes.ndim != 2 or hashes.shape[1] != 4 or hashes.dtype != np.uint64:
        message = f"expected uint64 (n, 4), got {hashes.dtype} {hashes.shape}"
        raise ValueError(message)
    words = hash_words(value)
    found, distances = [], []
    for start in range(0, len(hashes), BLOCK):  # a block stays in the cache
        apart = np.bitwise_count(hashes[start : start + BLOCK] ^ words)
        counts = apart.view(np.uint32)[:, 0]  # four counts of up to 64, added up at once
        total = (counts & 0xFF) + (counts >> 8 & 0xFF) + (counts >> 16 & 0xFF) + (counts >> 24)
        near = np.flatnonzero(total <= distance_max)
        found.append(near + start)
        distances.append(total[near])
    rows = np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)
    all_distances = np.concatenate([np.zeros(0, np.int64), *distances]).astype(np.int64)
    order = np.argsort(all_distances, kind="stable")
    return rows[order], all_distances[order]


def hash_words(value: bytes) -> npt.NDArray[np.uint64]:
    """One row for `near_hashes`: uint64 (4,) of a hash of 32 bytes. Raises ValueError."""
    if len(value) != HASH_BYTES:
        message = f"expected a hash of {HASH_BYTES} bytes, got {len(value)}"
        raise ValueError(message)
    return np.frombuffer(value, dtype="<u8").astype(np.uint64)


def encode_likeness(likeness: Likeness) -> bytes:
    """As docs/formats/likeness.md says. Raises ValueError for what cannot be said in it."""
    rows, columns = likeness.picture.shape
    if (columns, rows) != small_size(likeness.width, likeness.height):
        message = f"expected a picture of {small_size(likeness.width, likeness.height)}"
        raise ValueError(message)
    value = likeness.hash
    header = HEADER.pack(
        VERSION, value.quality, likeness.width, likeness.height, value.value, value.mirrored
    )
    return header + likeness.picture.tobytes()


def decode_likeness(data: bytes) -> Likeness:
    """Read what `encode_likeness` wrote. Raises IntegrityError `likeness.malformed`."""
    if len(data) < HEADER.size:
        raise _malformed()
    version, quality, width, height, value, mirrored = HEADER.unpack_from(data)
    if version != VERSION or quality > 100 or not width or not height:
        raise _malformed()
    columns, rows = small_size(width, height)
    if len(data) != HEADER.size + columns * rows:
        raise _malformed()
    picture = np.frombuffer(data, np.uint8, offset=HEADER.size).reshape(rows, columns)
    return Likeness(PictureHash(value, mirrored, quality), width, height, picture)


def small_size(width: int, height: int, side_max: int = PICTURE_SIDE) -> tuple[int, int]:
    """Columns and rows of a picture brought to `side_max` px a side, never enlarged.

    In whole numbers, halves upwards: what is stored is checked by it.
    """
    longer = max(width, height)
    if longer <= side_max:
        return width, height
    columns, rows = ((2 * side * side_max + longer) // (2 * longer) for side in (width, height))
    return max(1, columns), max(1, rows)


def _malformed() -> IntegrityError:
    return IntegrityError(
        "likeness.malformed",
        "What is kept of a photo to know it again is not in its one spelling.",
        "Restore it from a backup, or read the photo again.",
    )


def _check_pixels(pixels: npt.NDArray[Any]) -> None:
    if pixels.dtype != np.uint8:
        message = f"expected uint8, got {pixels.dtype}"
        raise TypeError(message)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or min(pixels.shape) == 0:
        message = f"expected (height, width, 3), got {pixels.shape}"
        raise ValueError(message)
    if max(pixels.shape) > LONGEST_SIDE:
        message = f"expected at most {LONGEST_SIDE} px a side, got {pixels.shape}"
        raise ValueError(message)


def _shrunk(pixels: npt.NDArray[np.uint8], side_max: int) -> npt.NDArray[np.uint8]:
    size = small_size(pixels.shape[1], pixels.shape[0], side_max)
    if size == pixels.shape[1::-1]:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _luminance(pixels: npt.NDArray[np.uint8]) -> Plane:
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114]), dtype=np.float64)


def _pdq(luminance: Plane) -> PictureHash:
    """Of float64 (h, w)."""
    for _ in range(2):  # two passes of two boxes: about a tent
        luminance = _boxed(_boxed(luminance, axis=1), axis=0)
    rows, columns = (
        ((np.arange(GRID) + 0.5) * side / GRID).astype(int) for side in luminance.shape
    )
    grid = luminance[np.ix_(rows, columns)]
    steps = sum(np.abs(np.trunc(np.diff(grid, axis=n) * 100 / 255)).sum() for n in (0, 1))
    waves = _COSINES @ grid @ _COSINES.T
    quality = min(100, int(steps / GRADIENT_UNIT))
    return PictureHash(_bits(waves), _bits(waves * _MIRRORED), quality)


def _bits(waves: Plane) -> bytes:
    """Which of the waves are above the lower median; the last is the first bit."""
    bits = waves.ravel() > np.partition(waves.ravel(), 127)[127]
    return np.packbits(bits[::-1]).tobytes()


def _boxed(plane: Plane, axis: int) -> Plane:
    """Means over a window of about a 128th of the side; at the border of what there is of it."""
    n = plane.shape[axis]
    window = (n + 2 * GRID - 1) // (2 * GRID)
    after = (window + 2) // 2  # of which the pixel itself is one
    sums = np.cumsum(np.insert(plane, 0, 0, axis=axis), axis=axis)
    places = np.arange(n)
    low, high = np.maximum(places - (window - after), 0), np.minimum(places + after, n)
    shape = (-1, 1) if axis == 0 else (1, -1)
    width = (high - low).reshape(shape)
    return np.asarray((sums.take(high, axis) - sums.take(low, axis)) / width)
