"""Opened pages of a sealed segment's rows, in a bounded memory."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vultus.index.codes import BLOCK, Coding
from vultus.index.rows import Rows


class RowCache:
    """Rows by position, a page of 32 at a time; the page that came first goes first.

    Safe among threads. At least one page is kept, whatever the bound.
    """

    def __init__(
        self, page: Callable[[int], bytes], n: int, coding: Coding, cache_bytes: int
    ) -> None:
        self._page, self._n, self._coding = page, n, coding
        n_pages = -(-n // BLOCK)
        page_bytes = BLOCK * coding.dim * coding.row_dtype.itemsize
        self._n_slots = max(1, min(n_pages, cache_bytes // page_bytes))
        self._lock = threading.Lock()
        self._slot_of = np.full(n_pages, -1, np.int32)
        self._page_in = np.full(self._n_slots, -1, np.int64)
        # Untouched memory costs nothing: it grows with what is read.
        self._rows: Rows = np.empty((self._n_slots, BLOCK, coding.dim), coding.row_dtype)
        self._next = 0

    @property
    def n_bytes(self) -> int:
        """Bytes in use."""
        used = int((self._page_in >= 0).sum()) * BLOCK * self._coding.dim
        return used * self._coding.row_dtype.itemsize + self._slot_of.nbytes

    def gather(self, positions: NDArray[np.int64]) -> Rows:
        """Copies of the rows at positions (m,). Raises what opening a page raises."""
        rows = np.empty((len(positions), self._coding.dim), self._coding.row_dtype)
        wanted = positions // BLOCK
        with self._lock:
            slots = self._slot_of[wanted]
            here = slots >= 0
            rows[here] = self._rows[slots[here], positions[here] % BLOCK]
            missing = np.flatnonzero(~here)
            order = missing[np.argsort(wanted[missing], kind="stable")]
            pages, starts = np.unique(wanted[order], return_index=True)
            ends = np.append(starts, len(order))[1:]
            for page, start, end in zip(pages.tolist(), starts, ends, strict=True):
                which = order[start:end]
                rows[which] = self._rows[self._load(page), positions[which] % BLOCK]
        return rows

    def _load(self, page: int) -> int:
        """The slot in which a page was put."""
        data = np.frombuffer(self._page(page), self._coding.row_dtype)
        slot = self._next
        self._next = (slot + 1) % self._n_slots
        if (old := self._page_in[slot]) >= 0:
            self._slot_of[old] = -1
        part = self._rows[slot].reshape(-1)
        part[: len(data)] = data
        self._page_in[slot], self._slot_of[page] = page, slot
        return slot

    def forget(self) -> None:
        """Overwrite what was opened."""
        with self._lock:
            self._slot_of.fill(-1)
            self._page_in.fill(-1)
            self._rows.fill(0)
