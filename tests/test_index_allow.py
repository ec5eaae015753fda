"""A gallery as a set of segments, alone or with single references."""

import numpy as np
import pytest
from index_galleries import face_like, seed

from vultus.index import FaceIndex

D = 16
TEMPLATES = face_like(np.random.default_rng(0), 100, D)


@pytest.fixture
def index(tmp_path):
    """A hundred references in four segments, in the order of their ids."""
    with FaceIndex.create(tmp_path / "index", D, seed=seed(1)) as index:
        for start in range(0, 100, 25):
            index.add(np.arange(start, start + 25), TEMPLATES[start : start + 25])
            index.flush()
        yield index


def found(index, allow):
    return sorted(index.search(TEMPLATES[:1], allow=allow)[0].ids.tolist())


def test_whole_segments_are_allowed(index):
    second, fourth = index.segments[1], index.segments[3]
    assert len(index.segments) == 4
    assert found(index, index.allowed(segments=[second])) == list(range(25, 50))
    both = index.allowed(segments={second, fourth})
    assert found(index, both) == [*range(25, 50), *range(75, 100)]


def test_segments_and_references_together(index):
    allow = index.allowed([3, 30, 999], segments=[index.segments[1]])
    assert found(index, allow) == [3, *range(25, 50)]
    assert found(index, index.allowed()) == []


def test_what_is_removed_from_an_allowed_segment_is_gone(index):
    allow = index.allowed(segments=index.segments[:1])
    index.remove(range(20))
    assert found(index, allow) == list(range(20, 25))
    index.compact()
    assert found(index, allow) == list(range(20, 25))


def test_a_segment_that_is_not_there(index):
    with pytest.raises(ValueError, match="segment nobody is not in this index"):
        index.allowed(segments=["nobody"])
