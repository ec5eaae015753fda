"""The contract: a photo in, its faces out, left to right, with everything that is known."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile import exif_block, picture, saved
from PIL import Image
from portraits import portrait_photos

from vultus.errors import InputError
from vultus.faces import FaceReader
from vultus.faces.photo import decode
from vultus.faces.reader import read_file

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def reader() -> FaceReader:
    return FaceReader()


def side_by_side(n_faces: int) -> tuple[np.ndarray, list[int]]:
    """Portraits in a row, the lowest in the middle, and the x of each one's middle."""
    photos = portrait_photos()[:: max(1, len(portrait_photos()) // n_faces)][:n_faces]
    wide = np.full((420, 260 * n_faces, 3), 128, np.uint8)
    for number, path in enumerate(photos):
        face = cv2.resize(decode(path.read_bytes()).pixels, (250, 250))
        top = 160 if number == 1 else 10
        wide[top : top + 250, 260 * number : 260 * number + 250] = face
    return wide, [260 * number + 125 for number in range(n_faces)]


def test_a_face_has_all_its_parts(reader) -> None:
    path = portrait_photos()[0]
    (face,) = reader.read(path)
    width, height = Image.open(path).size
    assert all(isinstance(value, float) for value in face.box)
    x, y, wide, high = face.box
    assert 0 <= x < x + wide <= width
    assert 0 <= y < y + high <= height
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float32
    assert ((face.landmarks > (x, y)) & (face.landmarks < (x + wide, y + high))).all()
    assert face.landmarks[0, 0] < face.landmarks[1, 0]  # right eye stands left in the photo
    assert 0.7 <= face.detection_score <= 1
    assert face.template.vector.shape == (128,)
    assert face.template.vector.dtype == np.float32
    assert face.template.model == "sface-2021dec"
    assert np.linalg.norm(face.template.vector) == pytest.approx(1, abs=1e-6)
    assert face.template.raw_length > 5


def test_path_text_and_bytes_give_the_same(reader) -> None:
    path = portrait_photos()[1]
    boxes = {reader.read(each)[0].box for each in (path, str(path), path.read_bytes())}
    assert len(boxes) == 1


def test_faces_come_left_to_right(reader) -> None:
    photo, middles = side_by_side(4)
    faces = reader.read(saved(Image.fromarray(photo), "PNG"))
    assert [round((face.box[0] + face.box[2] / 2 - 125) / 260) for face in faces] == [0, 1, 2, 3]
    assert len(middles) == len(faces)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_boxes_are_in_pixels_of_the_upright_photo(reader, orientation) -> None:
    path = portrait_photos()[2]
    (upright,) = reader.read(path)
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90,
            8: Image.Transpose.ROTATE_270}[orientation]  # fmt: skip
    stored = Image.open(path).convert("RGB").transpose(turn)
    (face,) = reader.read(saved(stored, "PNG", exif=exif_block(orientation)))
    np.testing.assert_allclose(face.box, upright.box, atol=0.01)
    assert float(face.template.vector @ upright.template.vector) > 0.999


def test_no_face_is_an_empty_list(reader) -> None:
    assert reader.read(saved(picture(np.random.default_rng(0)), "PNG")) == []


@pytest.mark.parametrize("name", ["folder.jpg", "pipe.jpg", "loop.jpg", "missing.jpg", "a\0b.jpg"])
def test_what_is_no_file_is_refused_without_waiting(reader, tmp_path, name) -> None:
    path = tmp_path / name
    if name == "folder.jpg":
        path.mkdir()
    elif name == "pipe.jpg":
        os.mkfifo(path)
    elif name == "loop.jpg":
        path.symlink_to(name)
    with pytest.raises(InputError) as caught:
        reader.read(path)
    assert caught.value.code == "photo.unreadable"


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_not(tmp_path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(InputError) as caught:
        read_file(path, 4)
    assert caught.value.code == "photo.too_many_bytes"


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        "import sys, vultus.faces\n"
        "heavy = {'numpy', 'cv2', 'PIL', 'onnx', 'onnxruntime', 'django'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from vultus.faces import FaceReader, ReaderPool, decode, read_metadata\n"
        "assert 'django' not in sys.modules and 'onnxruntime' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_every_public_name_is_there() -> None:
    import vultus.faces as faces

    for name in faces.__all__:
        assert getattr(faces, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        faces.nothing  # noqa: B018
