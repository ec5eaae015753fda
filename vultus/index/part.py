"""A part of an index: references that lie together, with what a search needs of them.

`RamPart` holds its rows in memory and grows; `vultus.index.segment.Segment` is a file.
"""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vultus.index import codes as coding_of
from vultus.index.codes import BLOCK, Codes, Coding
from vultus.index.rows import Rows

_ALL = np.uint32(0xFFFFFFFF)


class Part(ABC):
    """References by position: position p is lane p % 32 of block p // 32."""

    coding: Coding
    n: int  # positions in use, removed ones included
    n_alive: int
    codes: Codes
    alive: NDArray[np.uint32]  # (n_blocks,): bit i of block b is lane i

    @property
    def n_blocks(self) -> int:
        """How many blocks the positions in use fill."""
        return -(-self.n // BLOCK)

    @abstractmethod
    def ids_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids (m,) at positions (m,)."""

    @abstractmethod
    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions (m,) of ids (m,); -1 for one that is not here, or was removed."""

    @abstractmethod
    def rows_at(self, positions: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
        """Stored rows and the indices in them at which those of positions (m,) are."""

    @abstractmethod
    def rows_at_hand(self) -> Rows | None:
        """All stored rows by position; None where they have to be fetched by `rows_at`."""

    @abstractmethod
    def memory(self) -> dict[str, int]:
        """Bytes in memory by kind."""

    def alive_positions(self) -> NDArray[np.int64]:
        """Positions that were not removed, ascending."""
        bits = np.unpackbits(self.alive[: self.n_blocks].view(np.uint8), bitorder="little")
        return np.flatnonzero(bits)

    def mask(self, positions: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Bits of these positions in the form of `alive`."""
        words = np.zeros(len(self.alive), np.uint32)
        np.bitwise_or.at(
            words, positions // BLOCK, np.uint32(1) << (positions % BLOCK).astype(np.uint32)
        )
        return words

    def hide(self, positions: NDArray[np.int64]) -> None:
        """Take positions that are alive out of all searches."""
        self.alive &= ~self.mask(positions)
        self.n_alive -= len(positions)


class RamPart(Part):
    """References in memory; they can be added, and are overwritten when removed."""

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self._reset()

    def _reset(self) -> None:
        self.n = self.n_alive = 0
        self._ids = np.empty(0, np.int64)
        self._rows: Rows = np.empty((0, self.coding.dim), self.coding.row_dtype)
        self._position: dict[int, int] = {}
        self.codes = _room(self.coding, 0)
        self.alive = np.empty(0, np.uint32)

    def add(self, ids: NDArray[np.int64], rows: Rows, coded: Codes | None = None) -> None:
        """Add references that are not here: ids (n,), stored rows (n, d), their codes if known."""
        start, end = self.n, self.n + len(ids)
        self._reserve(end)
        self._ids[start:end], self._rows[start:end] = ids, rows
        new = coding_of.encode(rows, self.coding) if coded is None else coded
        at = np.arange(start, end)
        if start % BLOCK == 0:
            blocks = slice(start // BLOCK, -(-end // BLOCK))
            self.codes.blocks[blocks], self.codes.factors[blocks] = new.blocks, new.factors
        else:
            for old, part in ((self.codes.blocks, new.blocks), (self.codes.factors, new.factors)):
                flat = part.transpose(0, 2, 1).reshape(-1, part.shape[1])[: len(ids)]
                old[at // BLOCK, :, at % BLOCK] = flat
        self.codes.more[start:end] = new.more
        if self.coding.more_bits:
            self.codes.more_factors[start:end] = new.more_factors
        self.n, self.n_alive = end, self.n_alive + len(ids)
        self._position.update(zip(ids.tolist(), range(start, end), strict=True))
        self.alive |= self.mask(at)

    def _reserve(self, n: int) -> None:
        """Make room for n positions; what is left behind is overwritten."""
        if n <= len(self._ids):
            return
        room = BLOCK * -(-max(n, 2 * len(self._ids)) // BLOCK)
        blocks = room // BLOCK
        old: list[NDArray[Any]] = [self._ids, self._rows, *self.codes, self.alive]
        codes = _room(self.coding, room)
        new: list[NDArray[Any]] = [
            np.zeros(room, np.int64),
            np.zeros((room, self.coding.dim), self.coding.row_dtype),
            *codes,
            np.zeros(blocks, np.uint32),
        ]
        for before, after in zip(old, new, strict=True):
            after[: len(before)] = before
            before.fill(0)
        self._ids, self._rows, self.alive = new[0], new[1], new[-1]
        self.codes = codes

    def remove(self, positions: NDArray[np.int64]) -> None:
        """Remove what is alive at these positions: its memory is overwritten."""
        self.hide(positions)
        for i in self._ids[positions].tolist():
            del self._position[i]
        self._ids[positions], self._rows[positions] = 0, 0
        self.codes.more[positions] = 0
        if self.coding.more_bits:
            self.codes.more_factors[positions] = 0
        for array in (self.codes.blocks, self.codes.factors):
            array[positions // BLOCK, :, positions % BLOCK] = 0
        if 2 * self.n_alive < self.n:
            self._close_up()

    def clear(self) -> None:
        """Remove everything."""
        for array in (self._ids, self._rows, *self.codes):
            array.fill(0)
        self._reset()

    def _close_up(self) -> None:
        """Give back the room of removed references."""
        at = self.alive_positions()
        ids, rows = self._ids[at], self._rows[at]
        self.clear()
        if len(ids):
            self.add(ids, rows)
        rows.fill(0)

    def ids_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Ids (m,) at positions (m,)."""
        return self._ids[positions]

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions (m,) of ids (m,); -1 for one that is not here, or was removed."""
        found = (self._position.get(i, -1) for i in ids.tolist())
        return np.fromiter(found, np.int64, len(ids))

    def rows_at(self, positions: NDArray[np.int64]) -> tuple[Rows, NDArray[np.int64]]:
        """Stored rows and the indices in them at which those of positions (m,) are."""
        return self._rows, positions

    def rows_at_hand(self) -> Rows:
        """All stored rows by position."""
        return self._rows

    def memory(self) -> dict[str, int]:
        """Bytes in memory by kind."""
        return {
            **code_memory(self),
            "rows": self._rows.nbytes,
            "ids": self._ids.nbytes + 100 * len(self._position),  # a dict's entry, about
        }


def code_memory(part: Part) -> dict[str, int]:
    """Bytes in memory of what every part has."""
    codes = part.codes
    return {
        "codes": codes.blocks.nbytes + codes.more.nbytes,
        "factors": codes.factors.nbytes + codes.more_factors.nbytes,
        "bitmaps": part.alive.nbytes,
    }


def all_alive(n: int) -> NDArray[np.uint32]:
    """The bitmap of n positions, none of them removed."""
    words = np.full(-(-n // BLOCK), _ALL)
    if n % BLOCK:
        words[-1] = (1 << (n % BLOCK)) - 1
    return words


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:  # noqa: ANN401
    """Zeros whose first byte begins a line of the cache: a block then lies in few lines."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    whole: NDArray[Any] = raw[start : start + size].view(dtype)
    return whole.reshape(shape)


def _room(coding: Coding, n: int) -> Codes:
    """Codes of n positions, a multiple of 32, all zero."""
    return Codes(
        aligned((n // BLOCK, coding.n_bytes, BLOCK), np.uint8),
        aligned((n // BLOCK, 2, BLOCK), np.uint8),
        np.zeros((n, coding.n_more_bytes), np.uint8),
        np.zeros((n if coding.more_bits else 0, 2), np.uint16),
    )
