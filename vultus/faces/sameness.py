"""Are two photos one photo, in another size, compression, crop or grey? Sure of yes, or no.

A false yes would hide a photo, a false no only shows it twice. So whatever places one photo on
the other is only believed where, placed to a part of a pixel, the two agree all over: in every
neighbourhood of the part that both show. Two frames of a burst, two portraits of a person before
one wall, or another person before that wall do not.

Placing: keypoints (D. Lowe, Distinctive image features from scale-invariant keypoints, IJCV 60,
2004; described as in R. Arandjelovic and A. Zisserman, Three things everyone should know to
improve object retrieval, CVPR 2012), a similarity by RANSAC, refined to an affinity by ECC
(G. Evangelidis and E. Psarakis, Parametric image alignment using enhanced correlation coefficient
maximization, IEEE PAMI 30, 2008). Agreeing: the product of contrast and structure of SSIM
(Z. Wang et al., Image quality assessment, IEEE TIP 13, 2004), on pictures brought to one
brightness and contrast, and the difference of their levels.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vultus.faces.likeness import Likeness

N_KEYPOINTS = 250
MIN_KEYPOINTS = 7  # that lie where one similarity says
ALIKE = 0.75  # cosine of two keypoints' descriptions, at least
RATIO = 0.85  # of distances: nearest to second nearest, at most
REACH_PX = 3.0  # of a keypoint from where the similarity puts it
STRETCH_MAX = 1.03  # of one direction over the other
SCALE_MAX = 6.0
SIDE_MIN = 24  # px of the shorter side of the part that both show, in the coarser picture
SHOWN_MIN = 0.4  # of one photo that the other shows, at least, and
SHOWN_MIN_OF_ONE = 0.75  # of the one of which more is shown
AGREEMENT_MIN = 0.6  # of a neighbourhood
WINDOW_PX = 5  # side of a neighbourhood
SPREAD = 50.0  # standard deviation to which both pictures are brought
STEADY = 30.0  # variance (of SPREAD squared) below which a neighbourhood counts as flat
LEVEL_MAX = 0.8 * SPREAD  # by which the levels of a neighbourhood may differ
TEXTURED_MIN = 0.05  # of the part that both show must not be flat
SPREAD_MIN = 4.0  # grey levels: below, a picture is blank
DIFFERENT_MAX = 0.12  # of the part that both show may be covered by writing
WRITING_MIN = 0.95  # of what differs is lighter, or darker: writing, not another picture
EDGE_PX = 3  # of the coarser picture, at the border of the part that both show, are not compared
SPECK_PX = 2  # so few pixels of the coarser picture are no difference

Grey = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[float, float, float, float]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sameness:
    """How photo b lies on photo a.

    `matrix` (2, 3) carries a point of b to its place in a, both in pixels of the upright photos;
    `mirrored`: b is a mirror image. `shown_a` and `shown_b` are the shares of each photo that the
    other shows too, `different` the share of that part in which something is written over one of
    them. `agrees` (h, w) is b, scaled: True where it is the same as a.
    """

    matrix: Matrix
    mirrored: bool
    shown_a: float
    shown_b: float
    different: float
    agrees: Mask
    width_b: int
    height_b: int

    def box_in_a(self, box: Box) -> Box:
        """The box in a that holds a box of b, both [x, y, width, height]."""
        x, y, width, height = box
        corners = np.array(
            [[x, y], [x + width, y], [x, y + height], [x + width, y + height]], dtype=np.float64
        )
        placed = corners @ self.matrix[:, :2].T + self.matrix[:, 2]
        low, high = placed.min(axis=0), placed.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    def holds(self, box: Box) -> bool:
        """Whether all that a box of b shows is shown, unchanged, in a too.

        A face of b for which this is false is not known from a and must not be left out: it is
        outside a, or written over, or too near the edge of what both show to be compared.
        """
        rows, columns = self.agrees.shape
        across, down = columns / self.width_b, rows / self.height_b
        x, y, width, height = box
        left, top = int(np.floor(x * across)), int(np.floor(y * down))
        right, bottom = int(np.ceil((x + width) * across)), int(np.ceil((y + height) * down))
        if left < 0 or top < 0 or right > columns or bottom > rows:
            return False
        part = self.agrees[top:bottom, left:right]
        return bool(part.size and part.all())


@dataclass(frozen=True)
class Keypoints:
    """`points` float32 (n, 2), `descriptions` float32 (n, 128) of unit length."""

    points: Plane
    descriptions: Plane


def same_photo(a: Likeness, b: Likeness) -> Sameness | None:
    """Say how photo b lies on photo a where they are one photo, else None.

    One photo: resized, saved again, grey, brighter or darker, turned, mirrored, cropped (to
    SHOWN_MIN of its area), bordered, or written over a little. Blank pictures are none.
    """
    keypoints = find_keypoints(a.picture)
    for mirrored in (False, True):
        picture = np.ascontiguousarray(b.picture[:, ::-1]) if mirrored else b.picture
        matrix = place(keypoints, find_keypoints(picture))
        if matrix is None:
            continue
        compared = _compare(a.picture, picture, matrix)
        if compared is None or not compared.same:
            continue
        return _sameness(a, b, compared, mirrored=mirrored)
    return None


def find_keypoints(picture: Grey) -> Keypoints:
    """At most N_KEYPOINTS of a picture, grey uint8 (h, w), in its pixels; none of a tiny one."""
    if min(picture.shape) < SIDE_MIN:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    finder = cv2.SIFT.create(nfeatures=N_KEYPOINTS, contrastThreshold=0.01, edgeThreshold=20)
    found, raw = finder.detectAndCompute(picture, None)
    if raw is None:
        return Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    points = np.array([each.pt for each in found[:N_KEYPOINTS]], dtype=np.float32)
    raw = raw[:N_KEYPOINTS]
    descriptions = np.sqrt(raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-6))
    return Keypoints(points, descriptions.astype(np.float32, copy=False))


def _pairs(a: Keypoints, b: Keypoints) -> tuple[Plane, Plane]:
    """Points of b and points of a that look alike, each the other's nearest."""
    if min(len(a.points), len(b.points)) < MIN_KEYPOINTS:
        return b.points[:0], a.points[:0]
    scores = b.descriptions @ a.descriptions.T
    rows = np.arange(len(scores))
    best = scores.argmax(axis=1)
    score = scores[rows, best]
    mutual = scores.argmax(axis=0)[best] == rows
    scores[rows, best] = -1
    second = scores.max(axis=1)
    clear = (1 - score) <= RATIO**2 * (1 - second)
    chosen = np.flatnonzero(mutual & clear & (score >= ALIKE))
    return b.points[chosen], a.points[best[chosen]]


def place(a: Keypoints, b: Keypoints) -> Matrix | None:
    """The similarity (2, 3) from b's pixels to a's that most keypoints agree on, None if few do.

    `same_photo` says of no pair that it is one for which this is None, straight and mirrored.
    """
    from_b, to_a = _pairs(a, b)
    if len(from_b) < MIN_KEYPOINTS:
        return None
    matrix: Any  # None where there is none
    matrix, kept = cv2.estimateAffinePartial2D(
        from_b, to_a, method=cv2.RANSAC, ransacReprojThreshold=REACH_PX, maxIters=500,
        confidence=0.995,
    )  # fmt: skip
    if matrix is None or int(kept.sum()) < MIN_KEYPOINTS:
        return None
    return np.asarray(matrix, dtype=np.float64)


@dataclass(frozen=True)
class _Compared:
    """`matrix` from pixels of b's small picture to a's; planes lie in the grid of `on_b`."""

    matrix: Matrix
    on_b: bool  # the grid compared in is b's, else a's
    shared: Mask
    differs: Mask
    shown_a: float
    shown_b: float
    same: bool


def _compare(a: Grey, b: Grey, matrix: Matrix) -> _Compared | None:
    """Lay the finer picture on the coarser and tell where they differ; None if they cannot be."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))  # px of a for one of b
    if not 1 / SCALE_MAX <= scale <= SCALE_MAX:
        return None
    on_b = scale >= 1
    fine, coarse = (a, b) if on_b else (b, a)
    to_fine = matrix if on_b else _inverse(matrix)
    shrunk = _shrunk(fine, max(scale, 1 / scale))
    shrink = _shrinking(fine, shrunk)
    x, y = _soft(shrunk), _soft(coarse)
    refined = _refine(x, y, _chain(shrink, to_fine))
    if refined is None:
        return None
    strengths = np.linalg.svd(refined[:, :2])[1]
    if strengths[0] > STRETCH_MAX * strengths[1] or np.linalg.det(refined[:, :2]) <= 0:
        return None
    laid, shared = _lay(x, refined, y.shape)
    part = float(shared.sum())
    shown_coarse = part / y.size
    shown_fine = part * float(np.prod(strengths)) / x.size
    ys, xs = np.nonzero(shared)
    if part == 0 or min(np.ptp(xs), np.ptp(ys)) + 1 < SIDE_MIN:
        return None
    differs, textured, rest = _differences(laid, y, shared)
    shown_a, shown_b = (shown_fine, shown_coarse) if on_b else (shown_coarse, shown_fine)
    same = (
        min(shown_a, shown_b) >= SHOWN_MIN
        and max(shown_a, shown_b) >= SHOWN_MIN_OF_ONE
        and textured >= TEXTURED_MIN
        and float(differs.sum()) <= DIFFERENT_MAX * part
        and _is_writing(differs, rest)
    )
    placed = _chain(_inverse(shrink), refined)
    placed = placed if on_b else _inverse(placed)
    return _Compared(placed, on_b, shared, differs, min(1.0, shown_a), min(1.0, shown_b), same)


def _shrunk(fine: Grey, scale: float) -> Grey:
    """The finer picture in about the coarser one's pixels."""
    if scale < 1.02:
        return fine
    size = tuple(max(1, round(side / scale)) for side in fine.shape[1::-1])
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _shrinking(before: Grey, after: Grey) -> Matrix:
    """What `_shrunk` did to a point; a pixel's middle is its whole number."""
    across, down = after.shape[1] / before.shape[1], after.shape[0] / before.shape[0]
    return np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5]])


def _soft(picture: Grey) -> Plane:
    """Without what compression leaves in single pixels."""
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0), dtype=np.float32)


def _refine(fine: Plane, coarse: Plane, to_fine: Matrix) -> Matrix | None:
    """Place `coarse` on `fine` to a part of a pixel; None where the two do not come together."""
    inside = np.full(fine.shape, 255, np.uint8)
    steps = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, refined = cv2.findTransformECC(
            coarse, fine, to_fine.astype(np.float32), cv2.MOTION_AFFINE, steps, inside, 3
        )
    except cv2.error:  # what it says where the overlap is empty, or it runs away
        return None
    return np.asarray(refined, dtype=np.float64)


def _lay(fine: Plane, to_fine: Matrix, shape: tuple[int, int]) -> tuple[Plane, Mask]:
    """`fine` in the grid of the coarser picture, and where that grid is inside it."""
    size, flags = shape[::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = to_fine.astype(np.float32)
    border = cv2.BORDER_REPLICATE
    laid = cv2.warpAffine(fine, matrix, size, flags=flags, borderMode=border)
    inside = np.full(fine.shape, 255, np.uint8)
    shared = cv2.warpAffine(inside, matrix, size, flags=flags)
    edge = np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)
    return np.asarray(laid, dtype=np.float32), cv2.erode((shared == 255).astype(np.uint8), edge) > 0


def _differences(x: Plane, y: Plane, shared: Mask) -> tuple[Mask, float, Plane]:
    """Where two pictures differ, what share of them is not flat, and y less x there.

    Both are brought to one mean and standard deviation, first by all that they share, then by
    what did not differ.
    """
    differs, textured, rest = np.zeros_like(shared), 0.0, np.zeros_like(x)
    for _ in range(2):
        alike = shared & ~differs
        if alike.sum() < SIDE_MIN**2 or min(x[alike].std(), y[alike].std()) < SPREAD_MIN:
            return shared, 0.0, rest
        x = (x - x[alike].mean()) * (SPREAD / x[alike].std())
        y = (y - y[alike].mean()) * (SPREAD / y[alike].std())
        weight = shared.astype(np.float32)
        mean_x, mean_y = _mean(x, weight), _mean(y, weight)
        variance_x = _mean(x * x, weight) - mean_x**2
        variance_y = _mean(y * y, weight) - mean_y**2
        covariance = _mean(x * y, weight) - mean_x * mean_y
        agreement = (2 * covariance + STEADY) / (variance_x + variance_y + STEADY)
        rest = y - x
        differs = (agreement < AGREEMENT_MIN) | (abs(mean_y - mean_x) > LEVEL_MAX)
        differs &= shared
        textured = float((np.maximum(variance_x, variance_y) > 2 * STEADY)[shared].mean())
    return differs, textured, rest


def _mean(plane: Plane, weight: Plane) -> Plane:
    """Mean of each pixel's neighbourhood, of what has weight."""
    window, border = (WINDOW_PX, WINDOW_PX), cv2.BORDER_CONSTANT
    total = cv2.boxFilter(plane * weight, -1, window, borderType=border)
    part = cv2.boxFilter(weight, -1, window, borderType=border)
    return np.asarray(total / np.maximum(part, 1e-3), dtype=np.float32)


def _is_writing(differs: Mask, rest: Plane) -> bool:
    """Whether all that differs is lighter, or all darker: something was written over one photo.

    Where another face or another moment is shown, some of it is lighter and some darker.
    """
    n, areas = cv2.connectedComponents(differs.astype(np.uint8), connectivity=8)
    for area in range(1, n):
        part = rest[areas == area]
        if len(part) <= SPECK_PX:
            continue
        lighter, darker = float(part[part > 0].sum()), float(-part[part < 0].sum())
        if max(lighter, darker) < WRITING_MIN * (lighter + darker):
            return False
    return True


def _sameness(a: Likeness, b: Likeness, compared: _Compared, *, mirrored: bool) -> Sameness:
    """What was found in the small pictures, in pixels of the photos."""
    agrees = compared.shared & ~compared.differs
    if not compared.on_b:  # the grid is a's: bring it to b's
        size, flags = b.picture.shape[::-1], cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        agrees = cv2.warpAffine(agrees.astype(np.uint8), compared.matrix, size, flags=flags) > 0
    grow_a = _growing(a)
    matrix = _chain(grow_a, _chain(compared.matrix, _inverse(_growing(b))))
    if mirrored:
        agrees = agrees[:, ::-1]
        matrix = _chain(matrix, np.array([[-1.0, 0, b.width], [0, 1.0, 0]]))
    share = float(compared.differs.sum() / compared.shared.sum())
    return Sameness(
        matrix, mirrored, compared.shown_a, compared.shown_b, share, agrees, b.width, b.height
    )


def _growing(likeness: Likeness) -> Matrix:
    """From a pixel's middle in the small picture to a point of the photo, whose corner is 0, 0."""
    rows, columns = likeness.picture.shape
    across, down = likeness.width / columns, likeness.height / rows
    return np.array([[across, 0, across / 2], [0, down, down / 2]])


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)


def _chain(last: Matrix, first: Matrix) -> Matrix:
    """First the one, then the other."""
    turn = last[:, :2] @ first[:, :2]
    return np.hstack([turn, (last[:, :2] @ first[:, 2] + last[:, 2])[:, None]])
