"""Short codes of templates: a few bits a dimension, and what they say about a score.

A row x and a probe q of unit length are turned by one random rotation. Of the turned row each
dimension keeps only which of 2 or 4 cells of the normal distribution it lies in; x' is made of
the cells' levels. With a = x'.x and b the length of what x' has beside x, x'.q is
a (x.q) + b sqrt(1 - (x.q)^2) w, where w is one coordinate of a point drawn uniformly from the
sphere in d - 1 dimensions: the rotation was drawn at random, so what is left of q beside x
points anywhere. This is exact, not a limit; docs/formats/index.md has the derivation. The
family of codes is that of RaBitQ (Gao and Long, SIGMOD 2024 and 2025).
"""

import functools
import hashlib
import itertools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_DIM = 4096
BLOCK = 32  # rows that are coded side by side
FACTOR_SCALE = 400  # factors are bytes in steps of 1 / 400
ALONG_FROM = 0.5  # the least x'.x that a factor can say
NEVER_RULED_OUT = 255  # the second factor of a row whose factors do not fit
LEAST_BESIDE = 100  # a smaller second factor counts as this: see `bounds.rounding`
MORE_STEP = 2.0**-15
_ROWS_AT_ONCE = 4096

RowKind = Literal["float32", "int8"]


@dataclass(frozen=True)
class Coding:
    """How the rows of an index are stored and coded: recorded with every segment.

    `first_bits` (1 or 2) a dimension are read for every row; `more_bits` more (4 in all at
    most) for those that the first did not rule out. `seed` draws the rotation: keep it from
    whoever chooses templates and means to hide them.
    """

    dim: int
    rows: RowKind
    first_bits: int
    more_bits: int
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.dim <= MAX_DIM:
            raise ValueError(f"expected a dim from 1 to {MAX_DIM}, got {self.dim}")
        if self.rows not in ("float32", "int8"):
            raise ValueError(f"expected rows of float32 or int8, got {self.rows!r}")
        if self.first_bits not in (1, 2) or not 0 <= self.more_bits <= 4 - self.first_bits:
            raise ValueError(
                "expected first_bits of 1 or 2 and at most 4 bits with more_bits, "
                f"got {self.first_bits} and {self.more_bits}"
            )
        if len(self.seed) != 32:
            raise ValueError(f"expected a seed of 32 bytes, got {len(self.seed)}")

    @property
    def n_bytes(self) -> int:
        """First code bytes of a row: two nibbles a byte, 4 / first_bits dimensions a nibble."""
        return -(-self.dim * self.first_bits // 8)

    @property
    def n_more_bytes(self) -> int:
        """Bytes of a row's further bits."""
        return -(-self.dim * self.more_bits // 8)

    @property
    def row_dtype(self) -> "np.dtype[np.float32] | np.dtype[np.int8]":
        """How a number of a stored row is written."""
        return np.dtype("<f4") if self.rows == "float32" else np.dtype(np.int8)


class Codes(NamedTuple):
    """Codes of n rows in blocks of 32: block b, lane i is row 32 b + i; lanes behind n are 0."""

    blocks: NDArray[np.uint8]  # (n_blocks, n_bytes, 32)
    factors: NDArray[np.uint8]  # (n_blocks, 2, 32): see `factors`
    more: NDArray[np.uint8]  # (n, n_more_bytes)
    more_factors: NDArray[np.uint16]  # (n, 2), or (0, 2) without further bits: see there


@functools.lru_cache(maxsize=4)
def rotation(seed: bytes, dim: int) -> NDArray[np.float64]:
    """The orthogonal matrix (d, d) that a seed draws, uniformly (Haar's measure).

    QR of a matrix of normal numbers with the signs of R's diagonal (Mezzadri 2007, section 5);
    the normal numbers come from SHAKE-256 by Box and Muller, so that no library's generator
    is part of the format.
    """
    n = dim * dim + dim % 2
    raw = np.frombuffer(hashlib.shake_256(seed).digest(8 * n), "<u8")
    uniform = ((raw >> np.uint64(11)) + 0.5) * 2.0**-53
    length, angle = np.sqrt(-2 * np.log(uniform[0::2])), 2 * np.pi * uniform[1::2]
    normal = np.concatenate((length * np.cos(angle), length * np.sin(angle)))[: dim * dim]
    q, r = np.linalg.qr(normal.reshape(dim, dim))
    turned = q * np.sign(np.diag(r))
    turned.flags.writeable = False
    return turned


@functools.lru_cache(maxsize=4)
def rotation_over_root(seed: bytes, dim: int) -> NDArray[np.float64]:
    """The rotation transposed and divided by sqrt(d): what turns a probe, row after row."""
    return np.ascontiguousarray(rotation(seed, dim).T) / math.sqrt(dim)


@functools.lru_cache(maxsize=16)
def cells(first_bits: int, more_bits: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges and levels of the quantiser of a normal number (Lloyd 1982, Max 1960).

    The edges (2^b - 1) ascend, b = first_bits + more_bits; the levels (2^b) are the means of
    the cells. The cells of all bits lie inside those of the first.
    """
    edges = [-math.inf, math.inf]
    for bits in (first_bits, more_bits):
        inner = [_split(a, b, 2**bits) for a, b in itertools.pairwise(edges)]
        edges = sorted({*edges, *(edge for parts in inner for edge in parts)})
    levels = [_mean(a, b) for a, b in itertools.pairwise(edges)]
    return np.array(edges[1:-1]), np.array(levels)


def _split(low: float, high: float, n: int) -> list[float]:
    """The n - 1 edges that cut a piece of the normal distribution best into n cells."""
    a, b = max(low, -5.0), min(high, 5.0)
    edges = [a + (b - a) * i / n for i in range(1, n)]
    for _ in range(400):
        around = [low, *edges, high]
        levels = [_mean(x, y) for x, y in itertools.pairwise(around)]
        edges = [(x + y) / 2 for x, y in itertools.pairwise(levels)]
    return [0.0 if abs(edge) < 1e-9 else edge for edge in edges]


def _mean(low: float, high: float) -> float:
    """The mean of a normal number that lies between low and high."""

    def density(x: float) -> float:
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    share = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    return (density(low) - density(high)) / share


def encode(rows: NDArray[np.float32] | NDArray[np.int8], coding: Coding) -> Codes:
    """Codes of stored rows (n, d), as `coding` says they are stored."""
    n = len(rows)
    n_blocks = -(-n // BLOCK)
    codes = Codes(
        np.zeros((n_blocks, coding.n_bytes, BLOCK), np.uint8),
        np.zeros((n_blocks, 2, BLOCK), np.uint8),
        np.zeros((n, coding.n_more_bytes), np.uint8),
        np.zeros((n if coding.more_bits else 0, 2), np.uint16),
    )
    turn = (rotation(coding.seed, coding.dim).T * math.sqrt(coding.dim)).astype(np.float32)

    def some(start: int) -> None:
        block = unit_rows(rows[start : start + _ROWS_AT_ONCE])
        _encode_part(block @ turn, coding, codes, start)

    n_threads = min(len(os.sched_getaffinity(0)), -(-n // (8 * _ROWS_AT_ONCE)))
    if n_threads > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(some, range(0, n, _ROWS_AT_ONCE)))
    else:
        for start in range(0, n, _ROWS_AT_ONCE):
            some(start)
    return codes


def _encode_part(turned: NDArray[np.float32], coding: Coding, codes: Codes, start: int) -> None:
    """Code some turned rows, each number in standard deviations, from row `start` on."""
    n = len(turned)
    first, stop = start // BLOCK, -(-(start + n) // BLOCK)
    edges, levels = cells(coding.first_bits, coding.more_bits)
    cell = np.zeros(turned.shape, np.uint8)
    for edge in edges.astype(np.float32):
        cell += turned > edge
    coarse = (cell >> np.uint8(coding.more_bits)).astype(np.uint8)
    padded = np.zeros(((stop - first) * BLOCK, coding.n_bytes), np.uint8)
    padded[:n] = _packed(coarse, coding.first_bits, coding.n_bytes)
    codes.blocks[first:stop] = padded.reshape(-1, BLOCK, coding.n_bytes).transpose(0, 2, 1)
    numbers = np.zeros(((stop - first) * BLOCK, 2), np.uint8)
    numbers[:n] = factors(
        *along_and_beside(turned, cells(coding.first_bits, 0)[1].astype(np.float32)[coarse])
    )
    codes.factors[first:stop] = numbers.reshape(-1, BLOCK, 2).transpose(0, 2, 1)
    if coding.more_bits:
        fine = cell & np.uint8(2**coding.more_bits - 1)
        part = slice(start, start + n)
        codes.more[part] = _packed(fine, coding.more_bits, coding.n_more_bytes)
        fine_levels = levels.astype(np.float32)[cell]
        codes.more_factors[part] = more_factors(*along_and_beside(turned, fine_levels))


def along_and_beside(
    turned: NDArray[np.float32], coded: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n,) each: x'.x, and the length of what x' has beside x. Both (n, d) in deviations."""
    d = turned.shape[1]
    along = np.einsum("ij,ij->i", coded, turned, dtype=np.float64) / d
    square = np.einsum("ij,ij->i", coded, coded, dtype=np.float64) / d
    length = np.einsum("ij,ij->i", turned, turned, dtype=np.float64) / d
    return along, np.sqrt(np.maximum(square - along**2 / length, 0))


def factors(along: NDArray[np.float64], beside: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(n, 2): x'.x above 0.5, rounded down, and the length beside, rounded up, in 400ths.

    A row whose factors do not fit gets 0 and 255, so that no search rules it out.
    """
    low = np.floor((along - ALONG_FROM) * FACTOR_SCALE - 0.01)
    high = np.ceil(beside * FACTOR_SCALE + 0.01)
    fits = (low >= 0) & (low <= 255) & (high < NEVER_RULED_OUT)
    return np.where(fits[:, None], np.stack((low, high), axis=1), (0, NEVER_RULED_OUT)).astype(
        np.uint8
    )


def more_factors(along: NDArray[np.float64], beside: NDArray[np.float64]) -> NDArray[np.uint16]:
    """(n, 2): x'.x rounded down and the length beside rounded up, in steps of 2^-15."""
    low = np.floor(along / MORE_STEP - 0.5)
    high = np.ceil(beside / MORE_STEP + 0.5)
    fits = (low >= 0) & (low <= 65535) & (high < 65535)
    return np.where(fits[:, None], np.stack((low, high), axis=1), (0, 65535)).astype(np.uint16)


def _packed(numbers: NDArray[np.uint8], bits: int, n_bytes: int) -> NDArray[np.uint8]:
    """(n, n_bytes): numbers (n, d) of 1, 2 or 3 bits one after the other, low bits first."""
    n, d = numbers.shape
    if bits == 3:  # the only width that crosses bytes
        single = (numbers[:, :, None] >> np.arange(3, dtype=np.uint8)) & np.uint8(1)
        return np.packbits(single.reshape(n, 3 * d), axis=1, bitorder="little")
    per_byte = 8 // bits
    padded = np.zeros((n, n_bytes * per_byte), np.uint8)
    padded[:, :d] = numbers
    packed: NDArray[np.uint8] = padded[:, 0::per_byte].copy()
    for i in range(1, per_byte):
        packed |= padded[:, i::per_byte] << np.uint8(bits * i)
    return packed


def unpacked(packed: NDArray[np.uint8], bits: int, dim: int) -> NDArray[np.uint8]:
    """The numbers (n, d) of packed bytes (n, n_bytes)."""
    single = np.unpackbits(packed, axis=1, bitorder="little")[:, : dim * bits]
    weights = (1 << np.arange(bits)).astype(np.uint8)
    numbers: NDArray[np.uint8] = (single.reshape(len(packed), dim, bits) * weights).sum(
        axis=2, dtype=np.uint8
    )
    return numbers


@functools.cache
def nibble_levels(bits: int) -> NDArray[np.float64]:
    """(4 / bits, 16): the levels of a nibble's dimensions for each of its 16 values."""
    levels = cells(bits, 0)[1]
    values = np.arange(16)
    return np.stack([levels[(values >> (bits * i)) & (2**bits - 1)] for i in range(4 // bits)])


@functools.lru_cache(maxsize=4)
def dither(seed: bytes, n_nibbles: int) -> NDArray[np.float64]:
    """(n_nibbles, 16): uniform numbers from 0 to below 1, by which tables are rounded.

    An entry of e steps becomes floor(e + u): e in the mean, whatever rows are coded.
    """
    raw = hashlib.shake_256(seed + b"dither").digest(8 * 16 * n_nibbles)
    whole = (np.frombuffer(raw, "<u8") >> np.uint64(11)).astype(np.float64)
    return (whole * 2.0**-53).reshape(n_nibbles, 16)


@functools.lru_cache(maxsize=8)
def _tails(dim: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Angles a from 0 to a right one; the density of w = sin(a) there, and P(w >= sin(a))."""
    angle = np.linspace(0, np.pi / 2, 200_001)
    density = np.cos(angle) ** (dim - 3)
    weight = (density[1:] + density[:-1]) / 2
    # Summed from the far end, so that small tails keep their digits.
    tail = np.append(np.cumsum(weight[::-1])[::-1], 0.0)
    whole = 2 * tail[0]
    return angle, density / (whole * angle[1] * np.maximum(np.cos(angle), 1e-9)), tail / whole


@functools.lru_cache(maxsize=64)
def deviation(dim: int, chance: float) -> float:
    """The w that one coordinate of a uniform point of the sphere in dim - 1 dimensions reaches
    or exceeds with this chance; 1 for a chance of 0, since none exceeds it.

    The density of w = sin(a) is proportional to cos(a)^(dim - 3) da.
    """
    if not 0 <= chance < 0.5:
        raise ValueError(f"expected a chance from 0 to below 0.5, got {chance}")
    if chance == 0 or dim <= 2:
        return 1.0
    angle, _, tail = _tails(dim)
    # The first angle whose tail is small enough: rounded up.
    return float(np.sin(angle[int(np.argmax(tail <= chance))]))


@functools.lru_cache(maxsize=64)
def hazard(dim: int, chance: float) -> float:
    """Density over tail of that coordinate at `deviation`; infinite where it has no tail.

    From 4 dimensions on the logarithm of the tail is concave and falls by this, or faster,
    for every 1 that w grows.
    """
    if chance == 0 or dim < 4:
        return math.inf
    _, density, tail = _tails(dim)
    at = int(np.argmax(tail <= chance))
    return float(density[at] / tail[at]) if tail[at] > 0 else math.inf


def unit_rows(rows: NDArray[np.float32] | NDArray[np.int8]) -> NDArray[np.float32]:
    """The templates (n, d) float32 of unit length that stored rows stand for."""
    if rows.dtype == np.int8:
        whole = rows.astype(np.float32)
        length = np.sqrt(np.einsum("ij,ij->i", whole, whole, dtype=np.float64))
        scaled: NDArray[np.float64] = whole / length[:, None]
        return scaled.astype(np.float32)
    return np.asarray(rows, np.float32)
