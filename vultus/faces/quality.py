"""How much a face is worth for comparing, and why a face is refused.

Nothing here says anything about the person: only about the picture of the face. The limits
were measured on the development half of LFW, degraded step by step: the cosine between the
template of a degraded face and of the same face as it was falls below 0.4 where they lie.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vultus.faces.align import FRAME, similarity

EYE_PX = float(np.linalg.norm(FRAME[1] - FRAME[0]))  # between the eyes in the aligned frame
CORE = (slice(24, 104), slice(20, 92))  # rows and columns of the frame that hold the face only

SMALLEST_PX = 7.0  # between the eyes of a frontal face of this size
DARKEST, BRIGHTEST = 8.0, 247.0  # mean grey of the core
SHORTEST = 7.0  # raw vectors of faces: 12.2 in the median, 7.5 the least of 1,756 of LFW
NO_FACE = 4.5  # raw vectors of patterns that are no face

# Each component rises from 0 at the first value to 1 at the second.
RAW_LENGTH = (5.0, 14.0)
SIZE_PX = (5.0, 24.0)
SHARPNESS = (math.log(0.001), math.log(0.04))
TURN = (1.1, 0.25)  # nose's way from the middle of the eyes, in distances between the eyes
NOD = (0.30, 0.10)  # nose's way from its usual place between eyes and mouth, of that distance
DARK, BRIGHT, FLAT = (5.0, 60.0), (252.0, 215.0), (2.0, 20.0)
USUAL_NOSE = 0.55

REASONS = {
    "size": "too_small",
    "sharpness": "too_blurred",
    "pose": "turned_away",
    "exposure": "badly_lit",
}


@dataclass(frozen=True)
class Quality:
    """`score` and each of `components` from 0, worthless, to 1; `refused` is None or a reason.

    Components: raw_length, size, sharpness, pose, exposure. Reasons: too_small, too_dark,
    too_bright, too_blurred, turned_away, badly_lit, not_a_face.
    """

    score: float
    components: dict[str, float]
    refused: str | None


def judge(
    crop: npt.NDArray[np.uint8],
    landmarks: npt.NDArray[np.float32],
    raw_length: float,
) -> Quality:
    """Judge an aligned crop, uint8 (112, 112, 3) RGB, with its landmarks (5, 2) in the photo.

    The score is the raw vector's length, weighed down by the worst of the other components:
    the length alone correlates by 0.57 with the score of mated pairs, the others by less than
    0.2.
    """
    matrix = similarity(landmarks, FRAME)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    size_px = EYE_PX / scale if scale > 0 else 0.0
    core = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[CORE]
    mean, contrast = _mean_and_deviation(core)
    detail = _mean_and_deviation(cv2.Laplacian(core, cv2.CV_32F))[1] ** 2 / max(contrast**2, 1.0)
    exposure = min(_ramp(mean, DARK), _ramp(mean, BRIGHT), _ramp(contrast, FLAT))
    components = {
        "raw_length": _ramp(raw_length, RAW_LENGTH),
        "size": _ramp(size_px, SIZE_PX),
        "sharpness": _ramp(math.log(max(detail, 1e-9)), SHARPNESS),
        "pose": _pose(landmarks @ matrix[:, :2].T + matrix[:, 2]),
        "exposure": exposure,
    }
    worst = min((value, name) for name, value in components.items() if name != "raw_length")
    score = components["raw_length"] * (0.5 + 0.5 * worst[0])
    refused = None
    if size_px < SMALLEST_PX:
        refused = "too_small"
    elif mean < DARKEST:
        refused = "too_dark"
    elif mean > BRIGHTEST:
        refused = "too_bright"
    elif raw_length < SHORTEST:
        refused = REASONS[worst[1]] if raw_length > NO_FACE and worst[0] < 0.5 else "not_a_face"
    return Quality(score, components, refused)


def _mean_and_deviation(grey: npt.NDArray[Any]) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(grey)
    return float(mean[0, 0]), float(deviation[0, 0])


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)


def _pose(marks: npt.NDArray[np.float64]) -> float:
    """Tell from landmarks in the frame how far the face looks towards the camera."""
    eyes, mouth = marks[:2].mean(axis=0), marks[3:].mean(axis=0)
    across = max(float(np.linalg.norm(marks[1] - marks[0])), 1e-6)
    down = max(float(mouth[1] - eyes[1]), 1e-6)
    turn = abs(float(marks[2, 0] - (eyes[0] + mouth[0]) / 2)) / across
    nod = abs(float(marks[2, 1] - eyes[1]) / down - USUAL_NOSE)
    return min(_ramp(turn, TURN), _ramp(nod, NOD))
