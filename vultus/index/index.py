"""`FaceIndex`: the references of a gallery in RAM, searched exhaustively and exactly.

What a search guarantees, and the file, are written down in docs/formats/index.md.
"""

import operator
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vultus.index import scan, segment
from vultus.index.codes import MAX_DIM, encode_rows, unit

Ids: TypeAlias = int | np.integer[Any] | Iterable[int] | NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class CandidateList:
    """The candidates of one probe, best first; equal scores by id ascending."""

    ids: NDArray[np.int64]  # (c,)
    scores: NDArray[np.float32]  # (c,) cosines

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class CandidateLists(Sequence[CandidateList]):
    """One `CandidateList` a probe, in the order of the probes. The arrays cannot be written.

    `ids` and `scores` hold all lists end to end; `counts` (m,) their lengths.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        for array in (self.ids, self.scores, self.counts):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.counts)

    @overload
    def __getitem__(self, number: int) -> CandidateList: ...
    @overload
    def __getitem__(self, number: slice) -> list[CandidateList]: ...
    def __getitem__(self, number: int | slice) -> CandidateList | list[CandidateList]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        start = int(self.counts[:number].sum())
        part = slice(start, start + int(self.counts[number]))
        return CandidateList(self.ids[part], self.scores[part])


class FaceIndex:
    """Templates of one dimension by reference id.

    Any thread may call any method at any time: each call sees the index wholly before or
    wholly after another thread's `add` or `remove`, which wait for running searches.
    """

    def __init__(self, dim: int) -> None:
        """An empty index for templates of `dim` numbers, 1 to 4096."""
        dim = operator.index(dim)
        if not 1 <= dim <= MAX_DIM:
            raise ValueError(f"expected a dim from 1 to {MAX_DIM}, got {dim}")
        self._dim = dim
        self._n = 0
        self._arrays = _empty(0, dim)  # only the first n rows of each array are references
        self._position: dict[int, int] = {}
        self._turn = _Turn()
        self._saving = threading.Lock()

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "FaceIndex":
        """The index that was saved at this path.

        Raises InputError where there is no file to read, IntegrityError where it does not
        verify.
        """
        return cls.from_bytes(segment.read(Path(path)))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray) -> "FaceIndex":
        """The index whose `to_bytes` this is. Raises IntegrityError."""
        ids, rows = segment.decode(data)
        index = cls(rows.shape[1])
        index._append(ids, rows)
        return index

    @staticmethod
    def prepare() -> float:
        """Compile the search or load it from numba's cache; returns the seconds it took.

        The first search does the same by itself: call this before, where a person would
        wonder at the wait, and say so. Later calls cost nothing.
        """
        start = time.perf_counter()
        scan.kernels()
        return time.perf_counter() - start

    @property
    def dim(self) -> int:
        """The number of numbers in a template."""
        return self._dim

    @property
    def ids(self) -> NDArray[np.int64]:
        """All ids, ascending (a copy)."""
        with self._turn.reading():
            return np.sort(self._arrays.ids[: self._n])

    def __len__(self) -> int:
        return self._n

    def __contains__(self, id_: object) -> bool:
        return id_ in self._position

    def __repr__(self) -> str:
        return f"<FaceIndex of {self._n} references, dim {self._dim}>"

    def add(self, ids: Ids, templates: ArrayLike) -> None:
        """Add references: ids (n,), any int64, and their templates (n, d); or one id and (d,).

        A template is finite and of unit length within 1e-3; it is scaled to unit length and
        kept as float32. All are added or, with an error, none.

        Raises ValueError for an id that is present or given twice, and for a template that
        is not as said, naming the row; TypeError for ids that are not integers.
        """
        given = _ids(ids)
        rows = unit(_vectors(templates, self._dim), "template")
        if len(given) != len(rows):
            raise ValueError(f"expected as many ids as templates, got {len(given)}, {len(rows)}")
        values, counts = np.unique(given, return_counts=True)
        if len(values) < len(given):
            raise ValueError(f"id {values[np.argmax(counts > 1)]} is given twice")
        self._append(given, rows)

    def _append(self, ids: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        codes, scales, errors = encode_rows(rows)
        numbers = ids.tolist()
        with self._turn.writing():
            present = next((i for i in numbers if i in self._position), None)
            if present is not None:
                raise ValueError(f"id {present} is present; remove it first to replace it")
            end = self._n + len(ids)
            self._reserve(end)
            new = scan.Gallery(ids, rows, codes, scales, errors)
            for array, part in zip(self._arrays.arrays(), new.arrays(), strict=True):
                array[self._n : end] = part
            self._position.update(zip(numbers, range(self._n, end), strict=True))
            self._n = end

    def _reserve(self, n: int) -> None:
        """Make room for n rows; what is left behind is overwritten."""
        if n <= len(self._arrays.ids):
            return
        if n > segment.MAX_COUNT:
            raise ValueError(f"expected at most {segment.MAX_COUNT} references, got {n}")
        larger = _empty(max(n, min(2 * self._n, segment.MAX_COUNT)), self._dim)
        for old, new in zip(self._arrays.arrays(), larger.arrays(), strict=True):
            new[: self._n] = old[: self._n]
            old.fill(0)
        self._arrays = larger

    def remove(self, ids: Ids) -> int:
        """Remove references: ids (n,) or one. Ids that are not present are passed over.

        When this returns, no search returns them and their templates are overwritten in the
        index's memory; a file keeps them until the next `save`. Returns how many there were.
        """
        numbers = set(_ids(ids).tolist())
        with self._turn.writing():
            gone = sorted(self._position[i] for i in numbers if i in self._position)
            end = self._n - len(gone)
            # The rows behind the new end that stay move into the holes before it.
            holes = np.array([p for p in gone if p < end], np.int64)
            behind = np.ones(len(gone), np.bool_)
            behind[[p - end for p in gone if p >= end]] = False
            movers = end + np.flatnonzero(behind)
            for array in self._arrays.arrays():
                array[holes] = array[movers]
                array[end : self._n] = 0
            for i in numbers:
                self._position.pop(i, None)
            self._position.update(
                zip(self._arrays.ids[holes].tolist(), holes.tolist(), strict=True)
            )
            self._n = end
        return len(gone)

    def search(
        self,
        probes: ArrayLike,
        *,
        k: int | None = None,
        threshold: float | None = None,
        allow: Ids | None = None,
    ) -> CandidateLists:
        """The candidates of each probe (m, d), or of one probe (d,): one list a probe.

        A candidate scores >= float32(threshold) and its id is in `allow` (an array, set or
        sequence of ids; ids that are not present are passed over). The first k are returned.
        A limit that is None does not limit: with all three left out, every reference comes
        back, ranked. The result is exact, see docs/formats/index.md.

        Raises ValueError for a probe that is not finite or not of unit length within 1e-3,
        for a negative k and for a threshold that is NaN.
        """
        asked = unit(_vectors(probes, self._dim), "probe")
        if k is not None and (k := operator.index(k)) < 0:
            raise ValueError(f"expected a k of 0 or more, got {k}")
        # No cosine lies outside -2 to 2: the clip only keeps float32 from overflowing.
        least = -np.inf if threshold is None else float(np.float32(np.clip(threshold, -2, 2)))
        if np.isnan(least):
            raise ValueError("expected a threshold that is a number, got NaN")
        permitted = None if allow is None else _ids(allow)
        with self._turn.reading():
            gallery = self._arrays.first(self._n)
            chosen = None if permitted is None else self._chosen(permitted)
            owners, ids, scores = scan.scan(gallery, asked, chosen, k, least)
        counts = np.bincount(owners, minlength=len(asked)).astype(np.int64)
        return CandidateLists(ids, scores, counts)

    def _chosen(self, permitted: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The positions of these ids, ascending; None where they are all there are."""
        if len(permitted) * 16 < self._n:
            known = (self._position.get(i) for i in set(permitted.tolist()))
            chosen = np.array(sorted(p for p in known if p is not None), np.int64)
        else:
            chosen = np.flatnonzero(np.isin(self._arrays.ids[: self._n], permitted))
        return None if len(chosen) == self._n else chosen

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file at this path: wholly or not at all, on disk when this returns.

        The file holds the references of the moment at which the save began; saves of one
        index follow each other, so a later one never loses to an earlier one.
        Raises UnavailableError where it cannot be written; the old file is then kept.
        """
        with self._saving:
            ids, rows = self._sorted()
            try:
                segment.write(Path(path), segment.encode(ids, rows))
            finally:
                rows.fill(0)  # a template may be removed meanwhile: leave no copy of it

    def to_bytes(self) -> bytes:
        """The file's bytes, for a caller that seals them."""
        return b"".join(segment.encode(*self._sorted()))

    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Copies of ids and rows, by id ascending."""
        with self._turn.reading():
            order = np.argsort(self._arrays.ids[: self._n])
            return self._arrays.ids[order], self._arrays.rows[order]


class _Turn:
    """Many readers or one writer; a writer who waits goes before readers who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_reading = 0
        self._n_writers = 0  # waiting and writing
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._n_writers == 0)
            self._n_reading += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_reading -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._changed:
            self._n_writers += 1
            try:
                self._changed.wait_for(lambda: self._n_reading == 0 and not self._writing)
            except BaseException:
                self._n_writers -= 1
                self._changed.notify_all()
                raise
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._n_writers -= 1
                self._writing = False
                self._changed.notify_all()


def _empty(n: int, dim: int) -> scan.Gallery:
    return scan.Gallery(
        np.zeros(n, np.int64),
        np.zeros((n, dim), np.float32),
        np.zeros((n, dim), np.int8),
        np.zeros(n, np.float32),
        np.zeros(n, np.float32),
    )


def _ids(given: Ids) -> NDArray[np.int64]:
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


def _vectors(given: ArrayLike, dim: int) -> NDArray[np.float32]:
    """Vectors (n, dim) float32, C-contiguous, of numbers in shape (n, dim) or (dim,)."""
    array = np.asarray(given)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"expected an array of numbers, got {array.dtype}")
    if array.shape == (0,):
        array = array.reshape(0, dim)
    if array.ndim == 0 or array.ndim > 2 or array.shape[-1] != dim:
        raise ValueError(f"expected shape (n, {dim}) or ({dim},), got {array.shape}")
    with np.errstate(over="ignore"):  # becomes infinite, and is refused as not of unit length
        return np.ascontiguousarray(np.atleast_2d(array), np.float32)
