"""Index folders for the tests: filled, looked through, and left tidy."""

import sqlite3

import numpy as np
from index_galleries import face_like, seed

from vultus.index import FaceIndex

D = 16
TEMPLATES = face_like(np.random.default_rng(0), 400, D)


def create(folder, keyring=None, **change):
    return FaceIndex.create(folder, D, keyring=keyring, **{"seed": seed(1)} | change)


def filled(folder, keyring=None, *, n=100, a_segment=25):
    """An index of n references in segments of 25, open."""
    index = create(folder, keyring)
    for start in range(0, n, a_segment):
        index.add(np.arange(start, start + a_segment), TEMPLATES[start : start + a_segment])
        index.flush()
    return index


def names(folder):
    return {path.stem for path in folder.glob("*.segment")}


def is_whole(index, ids):
    """The index holds these references of TEMPLATES, finds each, and verifies."""
    ids = sorted(ids)
    assert index.ids.tolist() == ids
    assert len(index) == len(ids)
    if ids:
        best = index.search(TEMPLATES[ids], k=1)
        np.testing.assert_allclose(best.scores, 1, atol=1e-3)
        np.testing.assert_allclose(index.templates(ids), TEMPLATES[ids], atol=1e-2)
    assert {i for i in range(400) if i in index} == set(ids)
    index.fsck()


def no_more_than_needed(folder, keyring):
    """Files and keys are those of the segments that count."""
    with sqlite3.connect(folder / "index.db") as db:
        counting = {name for (name,) in db.execute("SELECT name FROM segment")}
    db.close()
    assert names(folder) == counting
    allowed = {"index.db", "index.lock"} | {f"{name}.segment" for name in counting}
    # SQLite lets an empty journal of a killed process lie until it writes again.
    assert {path.name for path in folder.iterdir()} - {"index.db-journal"} == allowed
    if keyring is not None:
        assert keyring.names() == counting
    return counting
