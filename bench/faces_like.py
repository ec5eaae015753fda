"""Templates distributed like those of faces; nobody's. Made in pieces, each from its number.

A person is normal with variance i^-a in dimension i; a photo is c * person +
sqrt(1 - c^2) * noise of the same spectrum, c normal with mean 0.79 and deviation 0.075;
all is rotated at random and gets a common mean; one to eight photos a person. a is 0.5 for
128 dimensions (83 of them count, 1 / mean squared cosine of strangers) and 0.65 for 512 (156).
A person's photos lie within one piece, in random order; a piece is made again from its number
alone, so no gallery, however large, is ever held as float32.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PIECE = 1 << 16
SEED = 20261124


def unit(rows):
    rows /= np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return rows


class FacesLike:
    """The references 0 .. n-1 of one gallery, and probes for it."""

    def __init__(self, dim: int, n: int) -> None:
        self.dim, self.n = dim, n
        rng = np.random.default_rng((SEED, dim))
        self._rotation = np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32)
        self._mean = 0.11 * unit(rng.standard_normal((1, dim))).astype(np.float32)
        exponent = 0.65 if dim >= 512 else 0.5
        self._spread = (np.arange(1, dim + 1) ** (-exponent / 2)).astype(np.float32)
        self.n_pieces = -(-n // PIECE)

    def _vectors(self, rng, n):
        return unit(rng.standard_normal((n, self.dim), dtype=np.float32) * self._spread)

    def _photos(self, rng, people):
        c = np.clip(rng.normal(0.79, 0.075, (len(people), 1)), 0, 1).astype(np.float32)
        photos = c * people + np.sqrt(1 - c**2) * self._vectors(rng, len(people))
        return unit(unit(photos) @ self._rotation + self._mean)

    def _whose(self, piece):
        """Whose each row of the piece is, counted from 0 within it."""
        rng = np.random.default_rng((SEED, self.dim, piece))
        n = min(PIECE, self.n - piece * PIECE)
        return rng, rng.permutation(np.repeat(np.arange(n), rng.integers(1, 9, n))[:n])

    def _people(self, piece):
        """The piece's people (m, d), and whose each of its rows is, an index into them."""
        rng, person = self._whose(piece)
        return rng, self._vectors(rng, person.max() + 1), person

    def references_of(self, person: int) -> np.ndarray:
        """Ids of all photos of a person."""
        piece, within = divmod(int(person), PIECE)
        return piece * PIECE + np.flatnonzero(self._whose(piece)[1] == within)

    def piece(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows (m, d) float32 of unit length and the person (m,) of each, unlike in any other."""
        rng, people, person = self._people(number)
        return self._photos(rng, people[person]), person + number * PIECE

    def pieces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pieces in order, made by as many threads as there are cores."""
        threads = len(os.sched_getaffinity(0))
        with ThreadPoolExecutor(threads) as pool:
            for first in range(0, self.n_pieces, threads):
                yield from pool.map(self.piece, range(first, min(first + threads, self.n_pieces)))

    def probes(self, n_mated: int, n_non_mated: int) -> tuple[np.ndarray, np.ndarray]:
        """New photos: of `n_mated` people of the gallery, then of strangers (person -1)."""
        rng = np.random.default_rng((SEED, self.dim, self.n, 1))
        pieces = np.sort(rng.integers(0, self.n_pieces, n_mated))
        photos, whose = [], []
        for piece, n in zip(*np.unique(pieces, return_counts=True), strict=True):
            _, people, person = self._people(int(piece))
            chosen = rng.choice(person, n)
            photos.append(self._photos(rng, people[chosen]))
            whose.append(chosen + piece * PIECE)
        photos.append(self._photos(rng, self._vectors(rng, n_non_mated)))
        whose.append(np.full(n_non_mated, -1))
        return np.concatenate(photos), np.concatenate(whose)
