"""What a search answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray


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

    `ids` and `scores` hold all lists end to end; `counts` (m,) their lengths. `missing` names
    the segments that did not answer in time, of an index on several machines: where it is not
    empty, the answer is partial.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    counts: NDArray[np.int64]
    missing: tuple[str, ...] = ()

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
