"""What callers of an index give: checked, and brought into the form that the index works with."""

import operator
import secrets
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vultus.index import scan
from vultus.index.codes import Coding, RowKind

Ids: TypeAlias = int | np.integer[Any] | Iterable[int] | NDArray[np.integer[Any]]


def coding_of(
    dim: int, rows: RowKind, first_bits: int | None, more_bits: int | None, seed: bytes | None
) -> Coding:
    """How an index of these templates is kept; what is not given is chosen.

    Raises ValueError for what a `Coding` cannot be, TypeError for a dim that is no whole number.
    """
    dim = operator.index(dim)
    if first_bits is None:
        first_bits = 2 if dim < 256 else 1
    if more_bits is None:
        more_bits = 2 - first_bits
    return Coding(
        dim, rows, first_bits, more_bits, secrets.token_bytes(32) if seed is None else seed
    )


def limits_of(k: int | None, threshold: float | None, first: int, max_miss: float) -> scan.Limits:
    """What `FaceIndex.search` is asked. Raises ValueError for what it cannot be."""
    if k is not None and (k := operator.index(k)) < 0:
        raise ValueError(f"expected a k of 0 or more, got {k}")
    if (first := operator.index(first)) < 0:
        raise ValueError(f"expected a first of 0 or more, got {first}")
    if not 0 <= max_miss < 0.5:
        raise ValueError(f"expected a max_miss from 0 to below 0.5, got {max_miss}")
    if threshold is None:
        return scan.Limits(k, -np.inf, 0, max_miss)
    if threshold != threshold:  # noqa: PLR0124  NaN alone differs from itself
        raise ValueError("expected a threshold that is a number, got NaN")
    # No cosine lies outside -2 to 2: the limit only keeps float32 from overflowing.
    least = float(np.float32(min(max(threshold, -2.0), 2.0)))
    return scan.Limits(k, least, first, max_miss)


def ids_of(given: Ids) -> NDArray[np.int64]:
    """Ids (n,) int64 of an array, a sequence, a set or a single id."""
    if isinstance(given, np.ndarray) or not isinstance(given, Iterable):
        array = np.asarray(given)
    else:
        array = np.asarray(list(given))
    if array.size == 0 and array.ndim == 1:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected integer ids of 64 bits, got {array.dtype}")
    if array.ndim > 1:
        raise ValueError(f"expected ids of shape (n,), got {array.shape}")
    if array.dtype.kind == "u" and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"expected ids below 2^63, got {array.max()}")
    return np.atleast_1d(array).astype(np.int64)


def vectors_of(given: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Vectors (n, dim) float32, C-contiguous, of numbers in shape (n, dim) or (dim,)."""
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"expected an array of numbers, got {array.dtype}")
    if array.shape == (0,):
        array = array.reshape(0, dim)
    if array.ndim == 0 or array.ndim > 2 or array.shape[-1] != dim:
        raise ValueError(f"expected shape (n, {dim}) or ({dim},), got {array.shape}")
    if array.dtype == np.float32:
        return np.ascontiguousarray(np.atleast_2d(array))
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as not of unit length
        return np.ascontiguousarray(np.atleast_2d(array), np.float32)
