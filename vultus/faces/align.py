"""Five landmarks bring a face into the 112 x 112 px frame that the template network expects."""

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 112  # px
# Right eye, left eye, nose, right and left corner of the mouth of the mean face, as published
# with ArcFace (Deng et al., 2019) for a frame of 112 x 112 px; right is the person's own right.
FRAME = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float64,
)
WIDEST = 32_000  # px; cv2.warpAffine takes no source with a side of 32,767 or more


def similarity(source: npt.ArrayLike, target: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the least-squares similarity that carries `source` points to `target` points.

    Both (n, 2), n >= 2; the result is (2, 3): rotation and scale in the first two columns,
    shift in the third; never a reflection. Where all source points coincide, the scale is 0.
    Source: S. Umeyama, Least-squares estimation of transformation parameters between two point
    patterns, IEEE PAMI 13(4), 1991, equations 40 to 42.
    """
    points, goals = (np.asarray(each, dtype=np.float64) for each in (source, target))
    if points.ndim != 2 or points.shape[1] != 2 or points.shape != goals.shape or len(points) < 2:
        message = f"expected two arrays (n, 2), n >= 2, got {points.shape} and {goals.shape}"
        raise ValueError(message)
    centre, goal_centre = points.mean(axis=0), goals.mean(axis=0)
    spread, goal_spread = points - centre, goals - goal_centre
    covariance = goal_spread.T @ spread / len(points)
    left, strengths, right = np.linalg.svd(covariance)
    sign = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    rotation = left @ np.diag(sign) @ right
    variance = (spread**2).sum() / len(points)
    scale = float((strengths * sign).sum() / variance) if variance > 0 else 0.0
    shift = goal_centre - scale * rotation @ centre
    return np.column_stack([scale * rotation, shift])


def align(pixels: npt.NDArray[np.uint8], landmarks: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Cut a face out of a photo into the frame.

    `pixels` uint8 (h, w, 3), `landmarks` (5, 2) in its pixels, in the order of `FRAME`; the
    result is uint8 (112, 112, 3), black where the photo ends.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    matrix = similarity(points, FRAME)
    if max(pixels.shape[:2]) > WIDEST:
        reach = 2 * np.ptp(points, axis=0).max() + SIDE
        x, y = np.clip(points.min(axis=0) - reach, 0, None).astype(int)
        right, bottom = (points.max(axis=0) + reach).astype(int)
        pixels = pixels[y : max(bottom, y + 1), x : max(right, x + 1)]
        matrix[:, 2] += matrix[:, :2] @ (x, y)
    frame = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return np.asarray(frame, dtype=np.uint8)
