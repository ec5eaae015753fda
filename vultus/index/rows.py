"""Stored rows: what an index keeps of a template, and what is scored.

`float32`: the template itself, scaled to unit length. `int8`: whole numbers from -127 to 127
of which the largest is 127 in size; the reference then is that vector, scaled to unit length.
"""

import numpy as np
from numpy.typing import NDArray

from vultus.index.codes import RowKind

LENGTH_TOLERANCE = 1e-3
Rows = NDArray[np.float32] | NDArray[np.int8]
_ROWS_AT_ONCE = 4096  # keeps the float64 copies small


def unit(vectors: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """Scale (n, d) vectors to unit length: computed in float64, returned as float32.

    Raises ValueError, naming the first bad row, where a number is not finite or a length
    differs from 1 by more than 1e-3. `what` names the rows in the message.
    """
    scaled = np.empty_like(vectors, order="C")
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = vectors[start : start + _ROWS_AT_ONCE].astype(np.float64)
        length = np.sqrt(np.einsum("ij,ij->i", block, block))
        off = np.abs(length - 1.0)
        if not off.max() <= LENGTH_TOLERANCE:  # a NaN compares false, and is caught as well
            row = int(np.argmin(off <= LENGTH_TOLERANCE))
            raise ValueError(
                f"{what} row {start + row}: expected finite numbers of unit length within "
                f"{LENGTH_TOLERANCE}, got length {length[row]:.6g}"
            )
        scaled[start : start + len(block)] = block / length[:, None]
    return scaled


def stored(templates: NDArray[np.float32], kind: RowKind) -> Rows:
    """The rows (n, d) that are kept of unit templates (n, d)."""
    if kind == "float32":
        return templates
    rows = np.empty(templates.shape, np.int8)
    for start in range(0, len(templates), _ROWS_AT_ONCE):
        block = templates[start : start + _ROWS_AT_ONCE]
        largest = np.abs(block).max(axis=1, keepdims=True)
        rows[start : start + len(block)] = np.rint(block * (np.float32(127) / largest))
    return rows


def faulty(rows: Rows) -> int | None:
    """The first row that `stored` does not make, or None."""
    if rows.dtype == np.int8:
        good = np.abs(rows.astype(np.int16)).max(axis=1, initial=0) == 127
    else:
        exact = rows.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            good = np.abs(np.sqrt(np.einsum("ij,ij->i", exact, exact)) - 1.0) <= 1e-6
    return None if good.all() else int(np.argmin(good))
