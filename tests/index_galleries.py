"""Synthetic templates for the tests of the index: nobody's face, every kind of trouble."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vultus.index.codes import Coding
from vultus.index.rows import stored, unit

Templates = NDArray[np.float32]

BITS = [(1, 0), (2, 0), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]  # first_bits, more_bits


def seed(number: int) -> bytes:
    """The seed of one rotation; a test that names it fails always or never."""
    return number.to_bytes(32, "big")


def coding(dim, rows="float32", bits=(2, 0), number=1):
    return Coding(dim, rows, *bits, seed(number))


def kept(templates, kind="float32"):
    """The rows that an index keeps of templates."""
    return stored(unit(templates, "template"), kind)


def normed(rows: NDArray[np.floating]) -> Templates:
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def isotropic(rng: np.random.Generator, n: int, d: int) -> Templates:
    return normed(rng.standard_normal((n, d)))


def face_like(rng: np.random.Generator, n: int, d: int) -> Templates:
    """Persons of an uneven spectrum with a common mean, one to eight photos each."""
    spread = np.arange(1, d + 1) ** -0.25
    person = np.repeat(np.arange(n), rng.integers(1, 9, n))[:n]
    persons = normed(rng.standard_normal((n, d)) * spread)
    noise = normed(rng.standard_normal((n, d)) * spread)
    c = np.clip(rng.normal(0.79, 0.075, (n, 1)), 0.0, 1.0)
    return normed(c * persons[person] + np.sqrt(1 - c**2) * noise + 0.1 / np.sqrt(d))


def duplicates(rng: np.random.Generator, n: int, d: int) -> Templates:
    return isotropic(rng, 5, d)[rng.integers(0, 5, n)]


def all_equal(rng: np.random.Generator, n: int, d: int) -> Templates:
    return np.repeat(isotropic(rng, 1, d), n, axis=0)


def opposite(rng: np.random.Generator, n: int, d: int) -> Templates:
    half = isotropic(rng, n // 2 + 1, d)
    return np.concatenate((half, -half))[:n]


def tiny_differences(rng: np.random.Generator, n: int, d: int) -> Templates:
    """One template, disturbed by 1e-3 down to 1e-8: finer than int8, finer than float32."""
    size = 10.0 ** rng.uniform(-8, -3, (n, 1))
    return normed(isotropic(rng, 1, d) + size * rng.standard_normal((n, d)))


def half_steps(rng: np.random.Generator, n: int, d: int) -> Templates:
    """The most that int8 can lose: one large number, the others in the middle of two codes."""
    rows = (rng.integers(0, 4, (n, d)) + 0.5) * rng.choice([-1.0, 1.0], (n, d))
    rows[:, 0] = 127
    return normed(rows)


def one_number(rng: np.random.Generator, n: int, d: int) -> Templates:
    """A single 1 or -1; some with a rest so small that float32 holds it as a subnormal."""
    rows = np.zeros((n, d), np.float32)
    rows[:, -1] = 1e-42
    rows[np.arange(n), rng.integers(0, d, n)] = rng.choice([-1.0, 1.0], n)
    return rows


def lattice(rng: np.random.Generator, n: int, d: int) -> Templates:
    """Corners of the cube, and points with most numbers zero: as far from normal as can be."""
    rows = rng.choice([-1.0, 1.0], (n, d))
    rows[::2] *= rng.uniform(size=rows[::2].shape) < 0.1
    rows[:, 0] = np.where(rows.any(axis=1), rows[:, 0], 1)
    return normed(rows)


def at_threshold(rng: np.random.Generator, n: int, d: int) -> Templates:
    """Rows that score 0.4 with the first template, to the last bits of float32."""
    (first,) = isotropic(rng, 1, d).astype(np.float64)
    beside = rng.standard_normal((n, d))
    beside -= np.outer(beside @ first, first)
    length = np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-300)
    rows = 0.4 * first + np.sqrt(1 - 0.4**2) * beside / length
    rows[0] = first
    return normed(rows)


KINDS: list[Callable[[np.random.Generator, int, int], Templates]] = [
    isotropic,
    face_like,
    duplicates,
    all_equal,
    opposite,
    tiny_differences,
    half_steps,
    one_number,
    lattice,
    at_threshold,
]


def named(kind) -> str:
    return kind.__name__
