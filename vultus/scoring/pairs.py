"""The scores of a gallery's own references against each other, counted.

Counts are kept in fine bins; scores themselves are never stored.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]

MAX_SAMPLED = 3072  # references looked at: 4.7 million pairs; more do not make the curve truer
BLOCK = 1024
FINE = 1000  # bins to one unit of cosine
N_BINS = 2 * FINE + 3  # one below -1, 2,000 from -1, one for 1 itself and one for rounding
COPY = 0.06  # a copy's score lies within this part of the way from the middle score up to 1


def sample(n: int, rng: np.random.Generator) -> Ids:
    """Return which of `n` references are looked at, int64, rising; all when they are few."""
    if n <= MAX_SAMPLED:
        return np.arange(n, dtype=np.int64)
    return np.sort(rng.choice(n, MAX_SAMPLED, replace=False, shuffle=False)).astype(np.int64)


def count_pairs(vectors: Vectors) -> Counts:
    """Count the scores of all pairs of `vectors` float32 (k, d): int64 (N_BINS,).

    Bin b begins at (b - 1) / FINE - 1, to float32's rounding.
    """
    counts = np.zeros(N_BINS, np.int64)
    for top, left, scores in _blocks(vectors):
        later = np.triu_indices(len(scores), 1) if top == left else None
        counts += _counted(scores.ravel() if later is None else scores[later])
    return counts


def count_within(vectors: Vectors, groups: Ids, photo_ids: Ids | None = None) -> Counts:
    """Count the scores of pairs of one group (`groups` int64 (k,)), as `count_pairs` does.

    With `photo_ids` int64 (k,) without the pairs of one photo.
    """
    counts = np.zeros(N_BINS, np.int64)
    order = np.argsort(groups, kind="stable")
    for lag in range(1, len(groups)):
        alike = groups[order[lag:]] == groups[order[:-lag]]
        if not alike.any():
            break
        a, b = order[lag:][alike], order[:-lag][alike]
        if photo_ids is not None:
            apart = photo_ids[a] != photo_ids[b]
            a, b = a[apart], b[apart]
        counts += _counted(np.einsum("nd,nd->n", vectors[a], vectors[b]))
    return counts


def first_copies(vectors: Vectors, photo_ids: Ids) -> npt.NDArray[np.bool_]:
    """Return which references are not the copy of an earlier one that is kept, bool (k,).

    Copies (the same photo again, or re-encoded) would count one look-alike several times.
    Two faces of one photo are never copies of each other.
    """
    n = len(vectors)
    kept = np.ones(n, np.bool_)
    some = vectors[:: max(1, n // 256)]
    between = (some @ some.T)[np.triu_indices(len(some), 1)]
    middle = float(np.median(between)) if len(between) else 0.0
    limit = 1 - max(COPY * (1 - middle), 1e-3)  # a gallery may be one photo many times over
    later, earlier = _pairs_from(vectors, limit)
    apart = photo_ids[later] != photo_ids[earlier]
    later, earlier = later[apart], earlier[apart]
    starts = np.searchsorted(later, np.arange(n + 1))
    for i in np.unique(later):
        kept[i] = not kept[earlier[starts[i] : starts[i + 1]]].any()
    return kept


def clusters(vectors: Vectors, photo_ids: Ids, link: float) -> Ids:
    """Return a number for every reference, int64 (k,): one for all that are linked.

    References of different photos with a score of `link` or more are linked, and so are
    those that a chain of links joins.
    """
    later, earlier = _pairs_from(vectors, link)
    apart = photo_ids[later] != photo_ids[earlier]
    later, earlier = later[apart], earlier[apart]
    number = np.arange(len(vectors), dtype=np.int64)
    while True:
        least = np.minimum(number[later], number[earlier])
        lower = number.copy()
        np.minimum.at(lower, later, least)
        np.minimum.at(lower, earlier, least)
        lower = lower[lower]
        if (lower == number).all():
            return number
        number = lower


def _blocks(vectors: Vectors) -> Iterator[tuple[int, int, Vectors]]:
    """Yield (first row, first column, scores) of the blocks on and right of the diagonal."""
    for top in range(0, len(vectors), BLOCK):
        for left in range(top, len(vectors), BLOCK):
            yield top, left, vectors[top : top + BLOCK] @ vectors[left : left + BLOCK].T


def _pairs_from(vectors: Vectors, score: float) -> tuple[Ids, Ids]:
    """Return the pairs that score at or above `score`: (later, earlier), by the later one."""
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for top, left, scores in _blocks(vectors):
        row, column = np.divmod(np.flatnonzero(scores >= np.float32(score)), scores.shape[1])
        keep = row + top < column + left
        rows.append(row[keep] + top)
        columns.append(column[keep] + left)
    earlier, later = np.concatenate(rows), np.concatenate(columns)
    order = np.lexsort((earlier, later))
    return later[order], earlier[order]


def _counted(scores: Vectors) -> Counts:
    bins = (scores * np.float32(FINE) + np.float32(FINE + 1)).astype(np.int64)
    return np.bincount(np.clip(bins, 0, N_BINS - 1, out=bins), minlength=N_BINS)
