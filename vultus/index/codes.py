"""Short codes of templates: int8 numbers, a scale, and a proven bound on what they lost.

The bound and its proof are in docs/formats/index.md, "What a search guarantees".
"""

import numpy as np
from numpy.typing import NDArray

MAX_DIM = 4096
LENGTH_TOLERANCE = 1e-3
_ROWS_AT_ONCE = 4096  # keeps the float64 copies of `encode_rows` small


def unit(vectors: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """Scale (n, d) vectors to unit length: computed in float64, returned as float32.

    Raises ValueError, naming the first bad row, where a number is not finite or a length
    differs from 1 by more than 1e-3. `what` names the rows in the message.
    """
    scaled = np.empty_like(vectors, order="C")
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = vectors[start : start + _ROWS_AT_ONCE].astype(np.float64)
        length = np.sqrt(np.square(block).sum(axis=1))
        # A NaN compares false, so it is caught by the same line.
        good = np.abs(length - 1.0) <= LENGTH_TOLERANCE
        if not good.all():
            row = int(np.argmin(good))
            raise ValueError(
                f"{what} row {start + row}: expected finite numbers of unit length within "
                f"{LENGTH_TOLERANCE}, got length {length[row]:.6g}"
            )
        scaled[start : start + len(block)] = block / length[:, None]
    return scaled


def encode_rows(
    rows: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Codes (n, d) int8, scales (n,) and errors (n,) float32 of unit rows (n, d) float32.

    errors[i] >= |rows[i] - scales[i] * codes[i]|, Euclidean, rounded up.
    """
    codes = np.empty(rows.shape, np.int8)
    scales = np.empty(len(rows), np.float32)
    errors = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        block = rows[part].astype(np.float64)
        scale = (np.abs(block).max(axis=1) / 127).astype(np.float32)
        whole = np.clip(np.rint(block / scale[:, None]), -127, 127)
        lost = np.sqrt(np.square(block - whole * scale[:, None]).sum(axis=1))
        codes[part] = whole
        scales[part] = scale
        errors[part] = _rounded_up(lost)
    return codes, scales, errors


def encode_probes(
    probes: NDArray[np.float32],
) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]:
    """Codes (m, d) int16, scales (m,) and slacks (m,) float64 of unit probes (m, d) float32.

    The slack bounds everything that is not the row's own error, see the format's document:
    score <= row_scale * scale * (row_code . code) + row_error + slack.
    """
    d = probes.shape[1]
    limit = min(32767, (2**31 - 1) // (127 * d))  # the product with an int8 row fits int32
    exact = probes.astype(np.float64)
    scales = np.abs(exact).max(axis=1, initial=0.0) / limit
    whole = np.clip(np.rint(exact / scales[:, None]), -limit, limit)
    lost = np.sqrt(np.square(exact - whole * scales[:, None]).sum(axis=1))
    return whole.astype(np.int16), scales, 1.26 * lost + 1e-6


def _rounded_up(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The float32 above; the factor covers the rounding of the float64 sum itself."""
    return np.nextafter((values * (1 + 1e-9)).astype(np.float32), np.float32(np.inf))
