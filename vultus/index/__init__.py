"""Exhaustive search of face templates: a plain library. numba is imported by the first search."""

from vultus.index.candidates import CandidateList, CandidateLists
from vultus.index.index import Allow, FaceIndex
from vultus.index.segment import Segment
from vultus.index.segment_format import Keyring, PageCipher

__all__ = [
    "Allow", "CandidateList", "CandidateLists", "FaceIndex", "Keyring", "PageCipher", "Segment",
]  # fmt: skip
