"""Synthetic templates for the tests of the index: nobody's face, every kind of trouble."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Rows:
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def isotropic(rng: np.random.Generator, n: int, d: int) -> Rows:
    return unit(rng.standard_normal((n, d)))


def face_like(rng: np.random.Generator, n: int, d: int) -> Rows:
    """Persons of an uneven spectrum with a common mean, one to eight photos each."""
    spread = np.arange(1, d + 1) ** -0.25
    person = np.repeat(np.arange(n), rng.integers(1, 9, n))[:n]
    persons = unit(rng.standard_normal((n, d)) * spread)
    noise = unit(rng.standard_normal((n, d)) * spread)
    c = np.clip(rng.normal(0.79, 0.075, (n, 1)), 0.0, 1.0)
    return unit(c * persons[person] + np.sqrt(1 - c**2) * noise + 0.1 / np.sqrt(d))


def duplicates(rng: np.random.Generator, n: int, d: int) -> Rows:
    return isotropic(rng, 5, d)[rng.integers(0, 5, n)]


def all_equal(rng: np.random.Generator, n: int, d: int) -> Rows:
    return np.repeat(isotropic(rng, 1, d), n, axis=0)


def opposite(rng: np.random.Generator, n: int, d: int) -> Rows:
    half = isotropic(rng, n // 2 + 1, d)
    return np.concatenate((half, -half))[:n]


def tiny_differences(rng: np.random.Generator, n: int, d: int) -> Rows:
    """One template, disturbed by 1e-3 down to 1e-8: finer than int8, finer than float32."""
    size = 10.0 ** rng.uniform(-8, -3, (n, 1))
    return unit(isotropic(rng, 1, d) + size * rng.standard_normal((n, d)))


def half_steps(rng: np.random.Generator, n: int, d: int) -> Rows:
    """The most that int8 can lose: one large number, the others in the middle of two codes."""
    rows = (rng.integers(0, 4, (n, d)) + 0.5) * rng.choice([-1.0, 1.0], (n, d))
    rows[:, 0] = 127
    return unit(rows)


def one_number(rng: np.random.Generator, n: int, d: int) -> Rows:
    """A single 1 or -1; some with a rest so small that float32 holds it as a subnormal."""
    rows = np.zeros((n, d), np.float32)
    rows[:, -1] = 1e-42
    rows[np.arange(n), rng.integers(0, d, n)] = rng.choice([-1.0, 1.0], n)
    return rows


KINDS: list[Callable[[np.random.Generator, int, int], Rows]] = [
    isotropic,
    face_like,
    duplicates,
    all_equal,
    opposite,
    tiny_differences,
    half_steps,
    one_number,
]
