"""Does a quality predict errors? FNMR when the worst photos are discarded.

Error-versus-discard characteristic (Grother and Tabassi, Performance of biometric quality
measures, 2007; ISO/IEC 29794-1), with photos discarded and not pairs, as a gallery or a camera
discards them. The threshold stays where it was set with all photos.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vultus.scoring.verification import Comparisons

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class DiscardRow:
    """The worst `discarded` of all templates are gone: what is left among the mated comparisons.

    `removed_errors` and `removed_mated`: the share of the false non-matches, and of all mated
    comparisons, that went. A quality that knows nothing removes as much of both.
    """

    discarded: float
    fnmr: float | None
    n_mated: int
    removed_errors: float
    removed_mated: float


def error_versus_discard(
    comparisons: Comparisons,
    quality: npt.ArrayLike,
    threshold: float,
    shares: Sequence[float] = SHARES,
) -> list[DiscardRow]:
    """Return FNMR(threshold) among templates that are left, for each share discarded.

    `quality` (n,) of the templates of `comparisons`, higher is better; of equal ones the later
    goes first. A comparison goes with either of its photos. Failures are not counted here:
    they were discarded already. FNMR is None where no mated comparison is left.
    """
    values = np.asarray(quality, np.float64)
    if values.shape != comparisons.people.shape or np.isnan(values).any():
        raise ValueError(f"expected quality of shape {comparisons.people.shape} without NaN")
    place = np.empty(len(values), np.int64)
    place[np.lexsort((-np.arange(len(values)), values))] = np.arange(len(values))
    worse = place[comparisons.mated_photos].min(axis=1)
    wrong = comparisons.mated < np.float32(threshold)
    rows = []
    for share in shares:
        left = worse >= round(share * len(values))
        n, n_wrong = int(left.sum()), int((left & wrong).sum())
        rows.append(
            DiscardRow(
                discarded=share,
                fnmr=n_wrong / n if n else None,
                n_mated=n,
                removed_errors=1 - n_wrong / max(int(wrong.sum()), 1),
                removed_mated=1 - n / max(len(wrong), 1),
            )
        )
    return rows
