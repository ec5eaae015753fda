"""Exact search of face templates: a plain library. numba is imported by the first search."""

from vultus.index.index import CandidateList, CandidateLists, FaceIndex

__all__ = ["CandidateList", "CandidateLists", "FaceIndex"]
