"""One photo is known again in another size, compression or crop; another photo never is."""

import csv
import io

import cv2
import numpy as np
import portraits
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vultus.errors import IntegrityError
from vultus.faces.likeness import (
    PICTURE_SIDE,
    Likeness,
    PictureHash,
    decode_likeness,
    encode_likeness,
    hash_words,
    near_hashes,
    picture_hash,
    read_likeness,
    small_size,
)
from vultus.faces.photo import decode
from vultus.faces.sameness import same_photo

# --- photos -----------------------------------------------------------------------------------


def photo(person: int = 0, number: int = 0) -> np.ndarray:
    by_person: dict[str, list] = {}
    for path in portraits.portrait_photos():
        by_person.setdefault(portraits.person_of(path), []).append(path)
    paths = sorted(by_person.items())[person][1]
    return decode(sorted(paths)[number].read_bytes()).pixels


def resized(pixels, scale):
    size = tuple(round(side * scale) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def saved(pixels, quality):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return decode(out.getvalue()).pixels


def cropped(pixels, area, across=0.5, down=0.5):
    rows, columns = (round(side * area**0.5) for side in pixels.shape[:2])
    top, left = round((pixels.shape[0] - rows) * down), round((pixels.shape[1] - columns) * across)
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])


def grey(pixels):
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def framed(pixels, top=0, bottom=0, sides=0):
    return cv2.copyMakeBorder(
        pixels, top, bottom, sides, sides, cv2.BORDER_CONSTANT, value=(245, 245, 245)
    )


def written_over(pixels):
    marked, place = pixels.copy(), (pixels.shape[1] // 12, pixels.shape[0] // 8)
    cv2.putText(marked, "AGENCY", place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    return cv2.addWeighted(pixels, 0.5, marked, 0.5, 0)


def mirrored(pixels):
    return np.ascontiguousarray(pixels[:, ::-1])


def brighter(pixels):
    return (255 * (pixels / 255) ** 0.7).astype(np.uint8)


def sameness(a, b):
    return same_photo(read_likeness(a), read_likeness(b))


def bits_apart(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


COPIES = {
    "itself": lambda p: p,
    "half the size": lambda p: resized(p, 1 / 2),
    "a third": lambda p: resized(p, 1 / 3),
    "a quarter": lambda p: resized(p, 1 / 4),
    "twice the size": lambda p: cv2.resize(p, None, fx=2, fy=2),
    "JPEG 30": lambda p: saved(p, 30),
    "grey": grey,
    "brighter": brighter,
    "mirrored": mirrored,
    "on its side": lambda p: np.ascontiguousarray(np.rot90(p)),
    "written over": written_over,
    "a crop of 75 %": lambda p: cropped(p, 0.75, 0.2, 0.9),
    "a crop of 50 %": lambda p: cropped(p, 0.5, 0.8, 0.1),
    "a crop of 60 %, small, JPEG 50": lambda p: saved(resized(cropped(p, 0.6), 0.5), 50),
    "bordered": lambda p: framed(p, 14, 14, 14),
    "with a caption bar": lambda p: framed(p, bottom=40),
}
HASHED_ALIKE = {
    "itself", "half the size", "a third", "a quarter", "twice the size", "JPEG 30", "grey",
    "brighter", "written over",
}  # fmt: skip


# --- one photo --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_photo(name) -> None:
    for person in (0, 3):
        pixels = photo(person)
        assert sameness(pixels, COPIES[name](pixels)) is not None
        assert sameness(COPIES[name](pixels), pixels) is not None


@pytest.mark.parametrize("name", sorted(HASHED_ALIKE))
def test_its_hash_is_near(name) -> None:
    pixels = photo(1)
    there, here = picture_hash(pixels).value, picture_hash(COPIES[name](pixels)).value
    assert bits_apart(there, here) <= 40


def test_the_hash_of_the_mirror_image_comes_with_it() -> None:
    pixels = photo(1)
    there, here = picture_hash(pixels), picture_hash(mirrored(pixels))
    assert bits_apart(there.mirrored, here.value) <= 40
    assert bits_apart(there.value, here.mirrored) <= 40
    assert bits_apart(there.value, here.value) > 60


def test_a_crop_says_where_it_lies() -> None:
    pixels = photo(2)
    crop = cropped(pixels, 0.6, 0.25, 0.75)
    top, left = (
        round((a - b) * share)
        for a, b, share in zip(pixels.shape[:2], crop.shape[:2], (0.75, 0.25), strict=True)
    )
    found = sameness(pixels, crop)
    np.testing.assert_allclose(
        found.box_in_a((20, 30, 50, 60)), (left + 20, top + 30, 50, 60), atol=1
    )
    assert found.shown_a == pytest.approx(0.6, abs=0.05)
    assert found.shown_b > 0.9
    assert not found.mirrored


def test_so_does_a_mirror_image_of_half_the_size() -> None:
    pixels = photo(2)
    found = sameness(pixels, resized(mirrored(pixels), 0.5))
    assert found.mirrored
    width = pixels.shape[1]
    np.testing.assert_allclose(found.box_in_a((10, 20, 30, 40)), (width - 80, 40, 60, 80), atol=2.5)


def test_a_face_that_the_crop_lacks_is_not_held() -> None:
    """The photo on file is the crop: what the wider one shows beyond it is new."""
    pixels = photo(4)
    found = sameness(cropped(pixels, 0.6, 0, 0), pixels)
    side = pixels.shape[0]
    assert found.holds((side * 0.2, side * 0.2, side * 0.3, side * 0.3))
    assert not found.holds((side * 0.7, side * 0.7, side * 0.2, side * 0.2))
    assert not found.holds((-10, -10, 40, 40))


def test_what_is_written_over_is_not_held() -> None:
    pixels = photo(4)
    found = sameness(pixels, written_over(pixels))
    height, width = pixels.shape[:2]
    assert found.different > 0
    assert not found.holds((width / 12, height / 24, width / 3, height / 10))
    assert found.holds((width * 0.3, height * 0.3, width * 0.4, height * 0.4))


# --- another photo ----------------------------------------------------------------------------


def test_two_portraits_of_a_person_are_two_photos() -> None:
    for person in range(6):
        known = [read_likeness(photo(person, n)) for n in range(3)]
        for n, a in enumerate(known):
            assert not [b for b in known[:n] if same_photo(a, b)]


def test_another_person_before_the_same_wall_is_another_photo() -> None:
    """The hardest: only the face is exchanged, in place, in the tone of the one that was there."""
    table = portraits.REPOSITORY / "demo" / "people.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "portrait"]
    folder = portraits.portrait_folder()
    if folder is None or not (folder / rows[0]["photo"]).exists():
        pytest.skip("needs demo/photos")
    for one, other in zip(rows[:24:2], rows[1:24:2], strict=True):
        pixels, face = (decode((folder / r["photo"]).read_bytes()).pixels for r in (one, other))
        x, y, width, height = (round(float(one[k])) for k in ("x", "y", "width", "height"))
        left, top, wide, high = (round(float(other[k])) for k in ("x", "y", "width", "height"))
        patch = cv2.resize(face[top : top + high, left : left + wide], (width, height)).astype(
            float
        )
        there = pixels[y : y + height, x : x + width].astype(float)
        oval = np.zeros((height, width, 1))
        cv2.ellipse(
            oval, (width // 2, height // 2), (width // 2 - 2, height // 2 - 2), 0, 0, 360, 1, -1
        )
        patch += there.mean(axis=(0, 1)) - patch.mean(axis=(0, 1))
        changed = pixels.copy()
        changed[y : y + height, x : x + width] = np.clip(there + oval * (patch - there), 0, 255)
        assert sameness(pixels, changed) is None


def test_the_same_writing_on_two_photos_does_not_make_them_one() -> None:
    assert sameness(written_over(photo(0)), written_over(photo(1))) is None
    assert sameness(framed(photo(0), 30, 30, 30), framed(photo(1), 30, 30, 30)) is None


@pytest.mark.parametrize("size", [(300, 300), (1, 1), (1, 3000), (3000, 1), (40, 300)])
@pytest.mark.parametrize("value", [0, 127, 255])
def test_a_blank_picture_is_the_same_as_none(size, value) -> None:
    blank = np.full((*size, 3), value, np.uint8)
    assert sameness(blank, blank) is None
    assert sameness(blank, photo(0)) is None
    assert picture_hash(blank).quality == 0


def test_noise_is_not_the_same_as_other_noise() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (200, 260, 3), dtype=np.uint8) for _ in range(2))
    assert sameness(a, b) is None


def test_a_small_part_of_a_photo_is_not_the_photo() -> None:
    pixels = resized(photo(0), 2)
    assert sameness(pixels, cropped(pixels, 0.2)) is None


# --- candidates -------------------------------------------------------------------------------

HASHES = st.binary(min_size=32, max_size=32)


@given(st.lists(HASHES, max_size=30), HASHES, st.integers(0, 256))
def test_every_hash_within_the_distance_is_found(hashes, value, distance_max) -> None:
    rows = np.array([hash_words(each) for each in hashes], np.uint64).reshape(-1, 4)
    found, distances = near_hashes(rows, value, distance_max)
    expected = sorted((bits_apart(each, value), n) for n, each in enumerate(hashes))
    expected = [(distance, n) for distance, n in expected if distance <= distance_max]
    assert list(zip(distances.tolist(), found.tolist(), strict=True)) == expected


def test_a_hash_is_found_among_many() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2**64, (50_000, 4), dtype=np.uint64)
    value = bytearray(rows[40_000].astype("<u8").tobytes())
    value[7] ^= 0b10101
    found, distances = near_hashes(rows, bytes(value), 31)
    assert found.tolist() == [40_000]
    assert distances.tolist() == [3]


def test_a_wrong_array_of_hashes_is_refused() -> None:
    with pytest.raises(ValueError, match="uint64"):
        near_hashes(np.zeros((3, 32), np.uint8), bytes(32), 1)
    with pytest.raises(ValueError, match="32 bytes"):
        near_hashes(np.zeros((3, 4), np.uint64), bytes(31), 1)


# --- what is stored ---------------------------------------------------------------------------


@st.composite
def likenesses(draw):
    width, height = (draw(st.integers(1, 65_535)) for _ in range(2))
    columns, rows = small_size(width, height)
    seed = draw(st.integers(0, 2**32 - 1))
    picture = np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)
    value = PictureHash(draw(HASHES), draw(HASHES), draw(st.integers(0, 100)))
    return Likeness(value, width, height, picture)


@given(likenesses())
def test_what_is_written_is_read(likeness) -> None:
    data = encode_likeness(likeness)
    again = decode_likeness(data)
    assert (again.hash, again.width, again.height) == (
        likeness.hash, likeness.width, likeness.height,
    )  # fmt: skip
    assert np.array_equal(again.picture, likeness.picture)
    assert encode_likeness(again) == data


def is_read_as_it_stands(data: bytes) -> None:
    try:
        likeness = decode_likeness(data)
    except IntegrityError as error:
        assert error.code == "likeness.malformed"
    else:
        assert encode_likeness(likeness) == data


@given(st.binary(max_size=400))
def test_what_is_read_has_one_spelling(data) -> None:
    is_read_as_it_stands(data)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_so_has_what_was_changed(width, height, data) -> None:
    picture = np.zeros((height, width), np.uint8)
    written = bytearray(
        encode_likeness(Likeness(PictureHash(bytes(32), bytes(32), 7), width, height, picture))
    )
    written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    is_read_as_it_stands(bytes(written) + data.draw(st.binary(max_size=2)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[:-1],
        lambda d: d + b"\0",
        lambda d: b"\2" + d[1:],
        lambda d: d[:1] + b"\x65" + d[2:],
        lambda d: d[:2] + b"\0\0" + d[4:],
        lambda d: d[:69],
        lambda d: b"",
    ],
)
def test_another_spelling_is_refused(change) -> None:
    data = encode_likeness(read_likeness(photo(0)))
    with pytest.raises(IntegrityError) as refused:
        decode_likeness(change(data))
    assert refused.value.code == "likeness.malformed"


def test_what_is_stored_is_as_good_as_what_was_read() -> None:
    pixels = photo(5)
    stored = decode_likeness(encode_likeness(read_likeness(resized(pixels, 2))))
    assert same_photo(stored, read_likeness(pixels))
    assert max(stored.picture.shape) <= PICTURE_SIDE


def test_a_picture_of_another_size_cannot_be_stored() -> None:
    value = PictureHash(bytes(32), bytes(32), 0)
    with pytest.raises(ValueError, match="picture"):
        encode_likeness(Likeness(value, 10, 10, np.zeros((9, 10), np.uint8)))


def test_only_rgb_is_read() -> None:
    with pytest.raises(ValueError, match="height, width, 3"):
        read_likeness(np.zeros((4, 4), np.uint8))
    with pytest.raises(TypeError, match="uint8"):
        picture_hash(np.zeros((4, 4, 3), np.float32))


# --- the hash itself --------------------------------------------------------------------------


def test_the_hash_is_that_of_its_definition() -> None:
    """A second writing, as slow and plain as docs/formats/likeness.md has it."""
    pixels = resized(photo(6), 0.5)
    rows, columns = pixels.shape[:2]
    plane = [[float(np.dot(p, (0.299, 0.587, 0.114))) for p in row] for row in pixels]

    def boxed(line):
        window = (len(line) + 127) // 128
        after = (window + 2) // 2
        parts = [line[max(0, n - window + after) : n + after] for n in range(len(line))]
        return [sum(part) / len(part) for part in parts]

    for _ in range(2):
        plane = [boxed(row) for row in plane]
        plane = [
            list(row) for row in zip(*[boxed(c) for c in zip(*plane, strict=True)], strict=True)
        ]
    cells = [
        [plane[int((i + 0.5) * rows / 64)][int((j + 0.5) * columns / 64)] for j in range(64)]
        for i in range(64)
    ]
    basis = [[np.cos(np.pi * k * (2 * n + 1) / 128) for n in range(64)] for k in range(1, 17)]
    waves = (np.array(basis) @ np.array(cells) @ np.array(basis).T).ravel().tolist()
    middle = sorted(waves)[127]
    value = sum(1 << n for n, wave in enumerate(waves) if wave > middle)
    assert picture_hash(pixels).value == value.to_bytes(32, "big")
