"""Everything that is taken from one photo, in one pass: faces, crops, metadata, digest."""

import hashlib
import os
from dataclasses import dataclass

import cv2
import numpy as np

from vultus.errors import UnavailableError, VultusError
from vultus.faces.crop import Crop, cut_crop, encode_jpeg
from vultus.faces.metadata import Metadata, read_metadata
from vultus.faces.photo import decode
from vultus.faces.reader import Face, FaceReader, read_file


@dataclass(frozen=True)
class Reading:
    """What one photo gave. `crops` are those of `faces`, in the same order; `sha256` is the hex
    digest of the file's bytes; `width` and `height` are of the upright photo.
    """

    sha256: str
    n_bytes: int
    format: str
    width: int
    height: int
    metadata: Metadata
    faces: list[Face]
    crops: list[Crop]


def read_photo(reader: FaceReader, photo: str | os.PathLike[str] | bytes) -> Reading:
    """Read one photo, given as its path or its bytes. Raises what `FaceReader.read` raises."""
    data = photo if isinstance(photo, bytes) else read_file(photo, reader.max_bytes)
    decoded = decode(data, reader.max_bytes, reader.max_pixels)
    faces = reader.read_pixels(decoded)
    return Reading(
        sha256=hashlib.sha256(data).hexdigest(),
        n_bytes=len(data),
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        metadata=read_metadata(data),
        faces=faces,
        crops=[cut_crop(decoded.pixels, face.box, face.landmarks) for face in faces],
    )


@dataclass(frozen=True)
class Shown:
    """An upright photo re-encoded as JPEG, to be looked at: nothing of the file is left in it."""

    jpeg: bytes
    width: int
    height: int


def show_photo(reader: FaceReader, photo: str | os.PathLike[str] | bytes, side_max: int) -> Shown:
    """The photo at most `side_max` px a side. Raises what `photo.decode` raises."""
    data = photo if isinstance(photo, bytes) else read_file(photo, reader.max_bytes)
    pixels = decode(data, reader.max_bytes, reader.max_pixels).pixels
    height, width = pixels.shape[:2]
    scale = min(1.0, side_max / max(width, height))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return Shown(encode_jpeg(pixels), pixels.shape[1], pixels.shape[0])


def read_or_say_why(
    reader: FaceReader, photo: str | os.PathLike[str] | bytes, show_side_max: int | None = None
) -> "Reading | Shown | VultusError":
    """Read one photo (or show it), or return the named error that says why it cannot be read."""
    try:
        if show_side_max is not None:
            return show_photo(reader, photo, show_side_max)
        return read_photo(reader, photo)
    except VultusError as error:
        return error
    except Exception as error:  # noqa: BLE001 one photo must not end the reading of the others
        return UnavailableError(
            "photo.reader_failed",
            f"Reading this photo failed in a way that was not foreseen ({type(error).__name__}).",
            "Read it again; if it fails again, report it as a fault of Vultus.",
        )
