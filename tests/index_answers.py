"""What any index must answer: the oracle's lists, bit by bit."""

import numpy as np

from vultus.index import oracle
from vultus.index.rows import stored
from vultus.index.rows import unit as scaled


def agrees(index, left, probes, **limits):
    """A search gives what the oracle gives for the references that are left (id: template)."""
    lists = index.search(probes, max_miss=0, **limits)
    assert lists.missing == ()
    is_oracle(lists, left, probes, **limits)


def is_oracle(lists, left, probes, *, allow=None, **limits):
    """These lists are those of the oracle; the rows are kept as int8."""
    ids = np.array(list(left), np.int64)
    templates = np.array(list(left.values()), np.float32).reshape(-1, probes.shape[1])
    rows = stored(scaled(templates, "row"), "int8")
    only = None if allow is None else np.unique(np.array(list(allow), np.int64))
    assert len(lists) == len(probes)
    for candidates, probe in zip(lists, scaled(probes, "probe"), strict=True):
        want_ids, want_scores = oracle.search(ids, rows, probe, allow=only, **limits)
        np.testing.assert_array_equal(candidates.ids, want_ids)
        np.testing.assert_array_equal(candidates.scores, want_scores)
