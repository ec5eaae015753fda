"""How the loops over all rows are compiled: once, for fixed types, and kept on disk.

The functions of SOURCES call each other, and numba's cache looks for changes in the file of a
function only; so each is kept under a name that has the digest of all of these files in it.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

SOURCES = ("bounds.py", "compiled.py", "kernels.py", "near.py", "scores.py", "simd.py")

nb: Any = numba  # its types are made as it runs
F = TypeVar("F", bound=Callable[..., object])

# Types of arguments as numba has them, and beneath as Python does.
tuple_of = nb.types.Tuple
UINT8S3 = nb.uint8[:, :, ::1]
UINT32S = nb.uint32[::1]
INT64S = nb.int64[::1]
FLOAT32S = nb.float32[::1]
FLOAT64S2 = nb.float64[:, ::1]
CODED = tuple_of((UINT8S3, UINT8S3))  # blocks and factors of `codes.Codes`
WANTED = tuple_of((UINT8S3, nb.uint16[:, ::1]))  # tables and tests, see `bounds.whole_test`
FOUND = tuple_of((INT64S, INT64S))
NEAR = tuple_of((INT64S, INT64S, INT64S))
REACHING = tuple_of((INT64S, INT64S, FLOAT32S, nb.int64))
# Rows as int8 or else as float32; then what `prepare` made of the probes, and the probes.
SCORING = tuple_of(
    (nb.int8[:, ::1], nb.float32[:, ::1], nb.int16[:, :, ::1], nb.float64[::1], FLOAT64S2)
)
# What `near.still_near` looks at: blocks, further bits and their factors; the numbers of first
# and further bits and the levels; what `prepare` made of the probes, and the turned probes; the
# tests of `bounds.tests`, and `codes.deviation` and `codes.hazard` for the further bits.
FURTHER = tuple_of(
    (
        tuple_of((UINT8S3, nb.uint8[:, ::1], nb.uint16[:, ::1])),
        tuple_of((nb.int64, nb.int64, FLOAT32S)),
        tuple_of((UINT8S3, FLOAT32S, FLOAT32S, nb.float32[:, ::1])),
        tuple_of((nb.uint16[:, ::1], nb.float64, nb.float64)),
    )
)
ASKED = tuple_of((nb.int64, nb.float32, nb.boolean))  # k or 0, threshold, whether it is `first`

Coded = tuple[NDArray[np.uint8], NDArray[np.uint8]]
Wanted = tuple[NDArray[np.uint8], NDArray[np.uint16]]
Found = tuple[NDArray[np.int64], NDArray[np.int64]]
# Probe numbers, rows, and what a sum has above what it needs, with the factors: `spare_of`.
Near = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
# Probe numbers, rows, scores, and how many rows have no score.
Reaching = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], int]
Scoring = tuple[NDArray[Any], ...]
Further = tuple[Any, ...]
Limits = tuple[int, float, bool]


def _digest() -> str:
    """Of all sources; of none where they cannot be read, and then nothing is kept on disk."""
    folder = Path(__file__).parent
    try:
        return hashlib.sha256(b"".join((folder / n).read_bytes() for n in SOURCES)).hexdigest()
    except OSError:
        return ""


DIGEST = _digest()


def compiled(signature: object) -> Callable[[F], F]:
    """Compile for this signature, cached on disk where numba finds a folder to write."""
    # As NumPy divides: a row that cannot be scored gets NaN, which is looked for.
    options = {"nogil": True, "error_model": "numpy"}

    def decorate(function: F) -> F:
        cast("Any", function).__qualname__ += f"_{DIGEST[:16]}"
        try:
            made = nb.njit(signature, **options, cache=bool(DIGEST))(function)
        except (RuntimeError, OSError):
            # Nowhere to keep it ("no locator available"), or the disk is full as it is written.
            made = nb.njit(signature, **options)(function)
        return cast("F", made)

    return decorate
