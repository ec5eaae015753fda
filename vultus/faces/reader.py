"""One photo in, its faces out: found, aligned, judged, as templates."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vultus.errors import InputError
from vultus.faces.align import align
from vultus.faces.detect import THRESHOLD, Detector
from vultus.faces.embed import Embedder, Template
from vultus.faces.photo import MAX_BYTES, MAX_PIXELS, Photo, check_bytes, decode
from vultus.faces.quality import Quality, judge
from vultus.faces.weights import SFACE, YUNET, Weights


@dataclass(frozen=True)
class Face:
    """One face: `box` is (x, y, width, height) and `landmarks` float32 (5, 2), both in pixels
    of the upright photo; the landmarks are right eye, left eye, nose, right and left corner of
    the mouth (the person's own right).
    """

    box: tuple[float, float, float, float]
    landmarks: npt.NDArray[np.float32]
    detection_score: float
    quality: Quality
    template: Template


class FaceReader:
    """Reads photos one at a time. Not to be shared between threads that read at once."""

    def __init__(
        self,
        n_threads: int = 1,
        detection_threshold: float = THRESHOLD,
        max_bytes: int = MAX_BYTES,
        max_pixels: int = MAX_PIXELS,
        detector: Weights = YUNET,
        embedder: Weights = SFACE,
    ) -> None:
        """Load the networks (about half a second).

        Raises UnavailableError (`weights.missing`) and IntegrityError (`weights.wrong_digest`).
        """
        self.max_bytes, self.max_pixels = max_bytes, max_pixels
        self._detector = Detector(detection_threshold, detector, n_threads)
        self._embedder = Embedder(embedder, n_threads)

    def read(self, photo: str | os.PathLike[str] | bytes) -> list[Face]:
        """Return all faces of a photo, given as its path or its bytes, left to right.

        Refused faces are among them: `quality.refused` says why. The order is that of the
        boxes' left edges, then of their upper edges.

        Raises InputError with the codes of `photo.decode`, `photo.unreadable` for a path.
        """
        data = photo if isinstance(photo, bytes) else read_file(photo, self.max_bytes)
        return self.read_pixels(decode(data, self.max_bytes, self.max_pixels))

    def read_pixels(self, photo: Photo) -> list[Face]:
        """Return all faces of a decoded photo, in the order of `read`."""
        rows = self._detector.detect(photo.pixels)
        if not len(rows):
            return []
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        landmarks = rows[:, 4:14].reshape(-1, 5, 2)
        crops = np.stack([align(photo.pixels, marks) for marks in landmarks])
        vectors, lengths = self._embedder.embed(crops)
        model = self._embedder.weights.model
        return [
            Face(
                box=(float(row[0]), float(row[1]), float(row[2]), float(row[3])),
                landmarks=marks.copy(),
                detection_score=float(row[14]),
                quality=judge(crop, marks, float(length)),
                template=Template(vector, model, float(length)),
            )
            for row, marks, crop, vector, length in zip(
                rows, landmarks, crops, vectors, lengths, strict=True
            )
        ]


def read_file(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a regular file of at most `max_bytes`.

    Never waits: a pipe, device, socket or folder is refused. Raises InputError
    `photo.unreadable`, `photo.empty`, `photo.too_many_bytes`.
    """
    try:
        handle = os.open(Path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with os.fdopen(handle, "rb") as file:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise InputError(
                    "photo.unreadable",
                    "This is not a file: a folder, pipe or device holds no photo.",
                    "Give the file itself.",
                )
            check_bytes(before.st_size, max_bytes)
            data = file.read(max_bytes + 1)
            after = os.fstat(handle)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        raise InputError(
            "photo.unreadable",
            f"This file cannot be read ({getattr(error, 'strerror', None) or 'bad name'}).",
            "Check that it is there and that its permissions allow reading.",
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != before.st_size:
        raise InputError(
            "photo.unreadable", "This file changed while it was read.", "Read it again later."
        )
    return data
