"""Aligned faces become unit vectors, as OpenCV's recogniser makes them, mirror-averaged."""

import cv2
import numpy as np
import pytest
from portraits import person_of, portrait_photos

from vultus.faces.align import align
from vultus.faces.detect import Detector
from vultus.faces.embed import BATCH, Embedder
from vultus.faces.photo import decode
from vultus.faces.weights import SFACE, weights_folder


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="module")
def crops() -> tuple[np.ndarray, list[str]]:
    detector, cut, people = Detector(), [], []
    for path in sorted(portrait_photos(), key=person_of)[:24]:
        pixels = decode(path.read_bytes()).pixels
        cut.append(align(pixels, detector.detect(pixels)[0, 4:14].reshape(5, 2)))
        people.append(person_of(path))
    return np.stack(cut), people


def test_it_agrees_with_opencv_on_the_same_crop(embedder, crops) -> None:
    recogniser = cv2.FaceRecognizerSF.create(str(weights_folder() / SFACE.file), "")
    vectors, lengths = embedder.embed(crops[0], mirror=False)
    for crop, vector, length in zip(crops[0], vectors, lengths, strict=True):
        theirs = recogniser.feature(np.ascontiguousarray(crop[..., ::-1]))[0]
        np.testing.assert_allclose(vector * length, theirs, atol=1e-4)


def test_vectors_are_unit_and_lengths_are_kept(embedder, crops) -> None:
    vectors, lengths = embedder.embed(crops[0])
    assert vectors.dtype == lengths.dtype == np.float32
    assert vectors.shape == (len(crops[0]), SFACE.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert (lengths > 5).all()


def test_a_face_and_its_mirror_image_have_one_template(embedder, crops) -> None:
    ours, _ = embedder.embed(crops[0][:3])
    mirrored, _ = embedder.embed(np.ascontiguousarray(crops[0][:3, :, ::-1]))
    np.testing.assert_allclose(ours, mirrored, atol=1e-5)
    single = [embedder.embed(each, mirror=False) for each in (crops[0][:1], crops[0][:1, :, ::-1])]
    mean = sum(vector[0] * length[0] for vector, length in single) / 2
    np.testing.assert_allclose(ours[0], mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1])
def test_a_batch_gives_what_one_gives(embedder, crops, count) -> None:
    together, lengths = embedder.embed(crops[0][:count])
    assert together.shape == (count, SFACE.dimension)
    for index in range(count):
        alone, length = embedder.embed(crops[0][index : index + 1])
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)
        assert lengths[index] == pytest.approx(length[0], rel=1e-5)


def test_one_person_is_more_alike_than_two(embedder, crops) -> None:
    vectors, _ = embedder.embed(crops[0])
    people = np.array(crops[1])
    same = people[:, None] == people[None]
    scores = vectors @ vectors.T
    mated = scores[same & ~np.eye(len(people), dtype=bool)]
    assert mated.mean() > scores[~same].mean() + 0.2


def test_other_arrays_are_refused(embedder) -> None:
    with pytest.raises(TypeError, match=r"expected uint8 \(n, 112, 112, 3\)"):
        embedder.embed(np.zeros((1, 112, 112, 3), np.float32))
