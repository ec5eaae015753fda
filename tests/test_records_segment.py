"""Which references a segment holds: runs of neighbouring numbers, in one spelling; and its keys."""

from datetime import UTC, datetime

import numpy as np
import pytest
from homes import BOTH
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import IntegrityError

both = pytest.mark.parametrize("home", BOTH, indirect=True)
IDS = st.sets(st.one_of(st.integers(0, 40), st.integers(0, 2**62))).map(sorted)


@pytest.fixture(scope="module", autouse=True)
def django(templates):
    """Models can be imported only once a home was opened."""
    templates("sqlite", False)


@given(IDS)
def test_ids_come_back_from_their_runs(numbers):
    from vultus.records.segment import ids_of, runs_of

    ids = np.array(numbers, np.int64)
    assert ids_of(runs_of(ids), len(ids)).tolist() == numbers


def test_neighbours_are_one_run():
    from vultus.records.segment import runs_of

    assert runs_of(np.arange(5, 100_000)) == np.array([5, 99_995], "<i8").tobytes()
    assert len(runs_of(np.array([1, 2, 4, 5, 9]))) == 3 * 16


@pytest.mark.parametrize(
    "runs",
    [
        [1], [1, 0], [1, -1], [1, 2, 3, 1], [1, 3, 2, 1], [5, 1, 1, 1], [2**63 - 1, 2],
        [1, 2**62, 2**62 + 9, 2**62],
    ],
    ids=str,
)  # fmt: skip
def test_no_other_spelling_is_read(runs):
    from vultus.records.segment import ids_of

    for n in (0, 1, 3):
        with pytest.raises(IntegrityError) as raised:
            ids_of(np.array(runs, "<i8").tobytes(), n)
        assert raised.value.code == "segment.runs"


def add(keys, name, ids):
    from vultus.records.models import Segment
    from vultus.records.segment import runs_of

    cipher = keys.new(name)
    Segment.objects.create(
        name=name, model="m", runs=runs_of(np.array(ids)), n=len(ids), n_bytes=1, digest=bytes(32),
        sealed_key=keys.wrapped(name), created=datetime.now(UTC),
    )  # fmt: skip
    return cipher


@both
def test_a_key_that_was_destroyed_is_gone(home):
    from vultus.records.keyring import SegmentKeys

    keys = SegmentKeys(home.vault)
    sealed = add(keys, "a", [1]).seal(0, b"rows")
    add(keys, "b", [2])
    assert keys.names() == {"a", "b"}
    assert keys.cipher("a").unseal(0, sealed) == b"rows"
    keys.destroy("a")
    keys.destroy("a")
    assert keys.names() == {"b"}
    with pytest.raises(IntegrityError) as raised:
        keys.cipher("a")
    assert raised.value.code == "segment.key_gone"
    with pytest.raises(KeyError):
        keys.wrapped("b")  # it was kept in its row, and nowhere else


@pytest.mark.parametrize("filled", BOTH, indirect=True)
def test_the_segments_of_what_goes_are_marked(filled):
    from vultus.records.keyring import SegmentKeys
    from vultus.records.models import Reference, Segment
    from vultus.records.segment import mark_stale

    keys = SegmentKeys(filled.vault)
    add(keys, "a", [1, 2, 3, 9])
    add(keys, "b", [4, 6])
    add(keys, "c", [10])
    for gone, stale in (([], ""), ([5, 11], ""), ([4], "b"), ([9, 10], "abc")):
        mark_stale(Reference.objects.filter(pk__in=gone))
        assert "".join(sorted(s.name for s in Segment.objects.filter(stale=True))) == stale
