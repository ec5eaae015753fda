"""Any photo becomes upright RGB, and whatever is not a good photo becomes a named error."""

import io
import struct

import numpy as np
import pytest
from hostile import ANYTHING, READ, exif_block, picture, saved
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from vultus.errors import InputError
from vultus.faces.photo import MAX_PIXELS, decode

RNG = np.random.default_rng(7)
IMAGE = picture(RNG)
RGB = np.asarray(IMAGE)


def corners() -> Image.Image:
    """A picture whose corners say how it is turned: red, green, blue, white, clockwise."""
    pixels = np.full((64, 96, 3), 90, np.uint8)
    pixels[:24, :24], pixels[:24, -24:] = (250, 0, 0), (0, 250, 0)
    pixels[-24:, -24:], pixels[-24:, :24] = (0, 0, 250), (250, 250, 250)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("form", "options", "most"),
    [
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("BMP", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95}, 40),
        ("JPEG", {"quality": 95, "progressive": True}, 40),
        ("GIF", {}, 130),
        ("AVIF", {"quality": 95}, 60),
        ("HEIF", {"quality": 95}, 60),
    ],
)
def test_formats(form: str, options: dict, most: int) -> None:
    photo = decode(saved(IMAGE, form, **options))
    assert photo.format == form
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape == (photo.height, photo.width, 3) == RGB.shape
    assert np.abs(photo.pixels.astype(int) - RGB).max() <= most


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation(form: str, orientation: int) -> None:
    """A photo stored turned comes out upright, whatever of the eight ways it was turned."""
    upright = corners()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions, inverted
    stored = upright if orientation == 1 else upright.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, form, exif=exif, **({"quality": 95} if form != "TIFF" else {}))
    pixels = decode(data).pixels
    assert pixels.shape == (64, 96, 3)
    assert np.abs(pixels.astype(int) - np.asarray(upright))[4:12, 4:12].max() < 40
    assert np.abs(pixels.astype(int) - np.asarray(upright))[-12:-4, -12:-4].max() < 40


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_impossible_orientation_is_upright(orientation: int) -> None:
    assert decode(saved(IMAGE, "JPEG", exif=exif_block(orientation))).width == IMAGE.width


def test_transparency_is_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert (decode(saved(clear, "PNG")).pixels == 255).all()
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0] + [0, 0, 0] * 255)
    assert (decode(saved(palette, "PNG", transparency=0)).pixels == 255).all()


def test_grey_values_of_any_depth() -> None:
    """8, 16 and 32 bit and float grey of the same picture look the same."""
    grey = np.asarray(IMAGE.convert("L"))
    for stored in (
        Image.fromarray(grey.astype(np.uint16) * 257),
        Image.fromarray(grey.astype(np.int32) * 257),
        Image.fromarray(grey.astype(np.float32) / 255),
    ):
        pixels = decode(saved(stored, "TIFF")).pixels
        assert np.abs(pixels[..., 0].astype(int) - grey).max() <= 1
        assert (pixels[..., 0] == pixels[..., 2]).all()


def test_a_colour_profile_is_followed() -> None:
    """By a profile that calls red green and green red, a red picture is green in sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp.", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"tmp.", b"gXYZ", 1)
    red = Image.new("RGB", (8, 8), (250, 10, 10))
    assert decode(saved(red, "PNG", icc_profile=srgb)).pixels[0, 0].tolist() == [250, 10, 10]
    assert decode(saved(red, "PNG", icc_profile=swapped)).pixels[0, 0].tolist() == [10, 250, 10]


def test_a_profile_of_no_use_is_left_alone() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"junk" * 99):
        assert (decode(saved(IMAGE, "PNG", icc_profile=profile)).pixels == RGB).all()


def test_cmyk_is_not_inverted() -> None:
    pixels = decode(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")).pixels
    assert pixels[..., 0].min() > 200
    assert pixels[..., 1:].max() < 60


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "photo.empty"),
        (b"no photo", "photo.not_a_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo.not_a_photo"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "photo.not_a_photo"),
        (saved(IMAGE, "JPEG")[:1500], "photo.truncated"),
        (saved(IMAGE, "PNG")[:5000], "photo.truncated"),
        (saved(IMAGE, "WEBP")[:900], "photo.truncated"),
        (saved(IMAGE, "HEIF")[:700], "photo.truncated"),
        (b"\xff\xd8\xff\xe0" + b"\x01" * 400, "photo.damaged"),
    ],
)
def test_bad_files_are_named(data: bytes, code: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(data)
    assert caught.value.code == code
    assert caught.value.message
    assert caught.value.hint


def test_limits_hold_at_the_limit() -> None:
    data = saved(IMAGE, "PNG")
    assert decode(data, max_bytes=len(data), max_pixels=96 * 80).width == 96
    with pytest.raises(InputError) as caught:
        decode(data, max_bytes=len(data) - 1)
    assert caught.value.code == "photo.too_many_bytes"
    with pytest.raises(InputError) as caught:
        decode(data, max_pixels=96 * 80 - 1)
    assert caught.value.code == "photo.too_many_pixels"
    with pytest.raises(ValueError, match="max_pixels"):
        decode(data, max_pixels=10**9)


def test_a_claimed_size_is_refused_before_anything_is_decoded() -> None:
    data = bytearray(saved(IMAGE, "BMP"))
    data[18:26] = struct.pack("<ii", MAX_PIXELS // 1000 + 1, 1000)
    with pytest.raises(InputError) as caught:
        decode(bytes(data))
    assert caught.value.code == "photo.too_many_pixels"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0"]))
def test_any_bytes_give_a_photo_or_a_named_error(data: bytes, begin: bytes) -> None:
    assert outcome(begin + data) in ANYTHING


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=5),
)
def test_any_damage_gives_a_photo_or_a_named_error(form: str, damage: list) -> None:
    data = bytearray(GOOD[form])
    for place, value in damage:
        data[place % len(data)] ^= value
    assert outcome(bytes(data)) in ANYTHING


GOOD = {
    form: saved(IMAGE.resize((24, 20)), form)
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF", "AVIF")
}


def outcome(data: bytes) -> str:
    try:
        photo = decode(data, max_pixels=4_000_000)
    except InputError as error:
        return error.code
    assert photo.pixels.shape == (photo.height, photo.width, 3)
    return READ


def test_pixels_can_be_written_to_a_file_again() -> None:
    stream = io.BytesIO()
    Image.fromarray(decode(saved(IMAGE, "PNG")).pixels).save(stream, "PNG")
    assert (decode(stream.getvalue()).pixels == RGB).all()
