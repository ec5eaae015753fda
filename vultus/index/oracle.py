"""What a search is, in plain NumPy: the definition that everything faster is tested against."""

import numpy as np
from numpy.typing import NDArray


def score(rows: NDArray[np.float32], probe: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores (n,) float32 of the rows (n, d) with one probe (d,).

    A product of two float32 numbers is exact in float64; the products are added in float64
    in the order of the dimensions, and the sum is rounded once. So the result has one
    right value to the last bit, with or without fused multiplication and addition.
    """
    total = np.zeros(len(rows))
    for column, number in zip(rows.T, probe.astype(np.float64), strict=True):
        total += column.astype(np.float64) * number
    return total.astype(np.float32)


def search(
    ids: NDArray[np.int64],
    rows: NDArray[np.float32],
    probe: NDArray[np.float32],
    *,
    k: int | None = None,
    threshold: float | None = None,
    allow: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The candidates of one probe: ids and scores, best first, equal scores by id ascending.

    Accepted is what scores >= float32(threshold) and is in `allow`; the first k are returned.
    Each limit that is None does not limit.
    """
    scores = score(rows, probe)
    accepted = np.ones(len(ids), np.bool_)
    if threshold is not None:
        accepted &= scores >= np.float32(threshold)
    if allow is not None:
        accepted &= np.isin(ids, allow)
    order = np.lexsort((ids[accepted], -scores[accepted]))[:k]
    return ids[accepted][order], scores[accepted][order]
