"""Bytes of a photo become upright RGB pixels, or a named error.

Only the formats in `FORMATS` are opened, recognised by content and never by name. Bytes and
pixels are bounded before anything is decoded. What cannot be bounded here (a decoder that
crashes or never ends) is why `pool.py` reads each photo in a process of its own.
"""

import contextlib
import functools
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

from vultus.errors import InputError

MAX_BYTES = 64 * 2**20
MAX_PIXELS = 100_000_000
MOST_PIXELS = 178_956_970  # above this Pillow itself refuses
LONGEST_SIDE = 65_535  # px; what a JPEG can hold
MAX_PROFILE_BYTES = 4 * 2**20
MAX_SCANS = 200  # of a progressive JPEG: each costs a pass over all pixels
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "HEIF", "BMP")

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112

# The first bytes of the formats above: tells a damaged photo from something that never was one.
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF8")

_heif_lock = threading.Lock()
_heif_ready = False


@dataclass(frozen=True)
class Photo:
    """A decoded photo: `pixels` uint8 (height, width, 3), RGB, upright; `format` as in FORMATS."""

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str


def decode(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode a photo (its first frame) to upright RGB.

    Orientation is taken from EXIF, colours are brought to sRGB where a readable profile is
    embedded, transparency is laid on white, 16-bit values become 8-bit.

    Raises InputError: `photo.empty`, `photo.too_many_bytes`, `photo.too_many_pixels`,
    `photo.not_a_photo`, `photo.truncated`, `photo.damaged`, `photo.too_many_scans`,
    `photo.out_of_memory`.
    """
    check_bytes(len(data), max_bytes)
    if not 0 < max_pixels <= MOST_PIXELS:
        message = f"expected max_pixels from 1 to {MOST_PIXELS}, got {max_pixels}"
        raise ValueError(message)
    try:
        with quiet():
            image = open_image(data)
            _check_pixels(image.size, max_pixels)
            name = "JPEG" if image.format == "MPO" else str(image.format)
            if name == "JPEG":
                _check_scans(data)
            image.load()
            _check_pixels(image.size, max_pixels)  # a GIF frame may be larger than its screen
            pixels = np.array(_turned(_rgb(image), _orientation(image)), dtype=np.uint8)
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            "photo.out_of_memory",
            "Decoding this photo needs more memory than there is.",
            "Make the photo smaller, or read it on a machine with more memory.",
        ) from error
    except Exception as error:
        raise _named(error, data) from error
    return Photo(pixels, pixels.shape[1], pixels.shape[0], name)


def check_bytes(n_bytes: int, max_bytes: int) -> None:
    """Raise InputError `photo.empty` or `photo.too_many_bytes` unless 0 < n_bytes <= max_bytes."""
    if n_bytes == 0:
        raise InputError("photo.empty", "This file is empty.", "Give the photo itself.")
    if n_bytes > max_bytes:
        raise InputError(
            "photo.too_many_bytes",
            f"This file is larger than {max_bytes / 2**20:.0f} MiB.",
            "Save the photo smaller, or raise the limit.",
        )


def open_image(data: bytes) -> ImageFile.ImageFile:
    """Open a photo without decoding its pixels. Raises whatever Pillow raises."""
    _register_heif()
    image: ImageFile.ImageFile = Image.open(io.BytesIO(data), formats=FORMATS)
    return image


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow from warning about sizes, which we bound, and about odd metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _register_heif() -> None:
    global _heif_ready  # noqa: PLW0603 once a process
    with _heif_lock:
        if not _heif_ready:
            import pi_heif

            pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
            pi_heif.options.DECODE_THREADS = 1
            _heif_ready = True


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels or max(size) > LONGEST_SIDE:
        raise InputError(
            "photo.too_many_pixels",
            f"This photo claims {size[0]} x {size[1]} pixels; at most "
            f"{max_pixels / 1e6:g} million are read.",
            "Save the photo smaller, or raise the limit.",
        )


def _check_scans(data: bytes) -> None:
    if data.count(b"\xff\xda") > MAX_SCANS:
        raise InputError(
            "photo.too_many_scans",
            f"This JPEG has more than {MAX_SCANS} scans, which no camera writes.",
            "Open the photo in an image program and save it again.",
        )


def _named(error: Exception, data: bytes) -> InputError:
    """Name what a decoder could not do."""
    if isinstance(error, Image.DecompressionBombError):
        return InputError(
            "photo.too_many_pixels",
            "This photo claims more pixels than are read.",
            "Save the photo smaller.",
        )
    begins = data.startswith(BEGINNINGS) or data[4:8] == b"ftyp" or data[:2] == b"BM"
    if isinstance(error, UnidentifiedImageError) and not begins:
        return InputError(
            "photo.not_a_photo",
            "This file is not a photo that can be read.",
            "Give a JPEG, PNG, WebP, TIFF, GIF, HEIC, AVIF or BMP file.",
        )
    if "truncat" in str(error).lower() or isinstance(error, EOFError) or _ends_early(data):
        return InputError(
            "photo.truncated", "This photo ends too early.", "Copy or download the file again."
        )
    return InputError(
        "photo.damaged",
        "This photo is damaged and cannot be decoded.",
        "Copy or download the file again, or save it anew in an image program.",
    )


def _ends_early(data: bytes) -> bool:
    """Tell from lengths and end marks that the end of a photo is missing."""
    n_bytes = len(data)
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8 > n_bytes
    if data.startswith((b"II*\0", b"MM\0*")):
        return int.from_bytes(data[4:8], "little" if data[:1] == b"I" else "big") > n_bytes
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-1000:]
    place = 0
    while data[4:8] == b"ftyp" and place + 8 <= n_bytes:  # the boxes of HEIC and AVIF
        length = int.from_bytes(data[place : place + 4], "big")
        if length < 8:  # to the end, or 64 bits long
            return False
        place += length
    return place > n_bytes or n_bytes < 12


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where it is absent or unreadable."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 junk EXIF is no reason to refuse a photo
        return 1
    return value if isinstance(value, int) else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _rgb(image: Image.Image) -> Image.Image:
    """Bring any mode of Pillow's to 8-bit sRGB."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return _srgb(image)


def _eight_bit(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Scale grey values of any type: integers from 16 bits, floats from 0..1 or their range."""
    grey = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    if values.dtype.kind in "iu":
        top = 255.0 if grey.max() <= 255.0 else max(65535.0, float(grey.max()))
        low = 0.0
    else:
        low, top = min(0.0, float(grey.min())), max(1.0, float(grey.max()))
    scaled: npt.NDArray[np.uint8] = np.clip((grey - low) * (255.0 / (top - low)), 0, 255).astype(
        np.uint8
    )
    return scaled


def _srgb(image: Image.Image) -> Image.Image:
    """Convert by the embedded colour profile where it is readable, plainly where not."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES:
        try:
            converted = ImageCms.applyTransform(image, _transform(profile, image.mode))
        except Exception:  # noqa: BLE001 a bad profile is no reason to refuse a photo
            converted = None
        if converted is not None:
            return converted
    if image.mode == "LAB":
        converted = ImageCms.applyTransform(image, _transform(b"", "LAB"))
        if converted is not None:
            return converted
    return image.convert("RGB")


@functools.lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """Return the way from a profile (empty: standard LAB) to sRGB; photos share few profiles."""
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    else:
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
