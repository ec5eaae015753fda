"""Segments of the index: files under HOME/index/ that hold the templates of many references.

A segment is derived from the references' sealed templates and can be written anew at any time.
Its row holds what the file does not: the wrapped key, without which the file opens no more.
"""

import numpy as np
import numpy.typing as npt
from django.db import models

from vultus.errors import IntegrityError
from vultus.records.photo import Reference

Ids = npt.NDArray[np.int64]


class Segment(models.Model):
    """`stale`: to be written anew, since it holds references that are gone or does not verify."""

    name = models.CharField(max_length=32, primary_key=True)
    model = models.CharField(max_length=40)
    runs = models.BinaryField()  # which references it holds: `runs_of`
    n = models.BigIntegerField()
    n_bytes = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)
    sealed_key = models.BinaryField()
    stale = models.BooleanField(default=False)
    created = models.DateTimeField()

    @property
    def ids(self) -> Ids:
        """The references that it holds, ascending."""
        return ids_of(bytes(self.runs), self.n)


def runs_of(ids: Ids) -> bytes:
    """Ascending ids (n,) as runs of neighbours: first and length of each, int64 little-endian."""
    starts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - 2) != 1)
    lengths = np.diff(starts, append=len(ids))
    return np.stack([ids[starts], lengths], axis=1).astype("<i8").tobytes()


def ids_of(runs: bytes, n: int) -> Ids:
    """The `n` ids that `runs_of` was given; else IntegrityError `segment.runs`."""
    if len(runs) % 16:
        raise _malformed()
    first, lengths = np.frombuffer(runs, "<i8").astype(np.int64).reshape(-1, 2).T
    ends = first + lengths
    if (lengths < 1).any() or (ends < first).any() or (first[1:] <= ends[:-1]).any():
        raise _malformed()
    if sum(lengths.tolist()) != n:
        raise _malformed()
    return np.repeat(first - (np.cumsum(lengths) - lengths), lengths) + np.arange(n)


def mark_stale(references: models.QuerySet[Reference]) -> None:
    """References that are about to be deleted: segments that hold them are to be written anew.

    Call it in the transaction that deletes them, after the log was held.
    """
    gone = np.fromiter(references.values_list("id", flat=True), np.int64)
    if not len(gone):
        return
    rows = Segment.objects.filter(stale=False)
    holding = [row.pk for row in rows if np.isin(gone, row.ids).any()]
    Segment.objects.filter(pk__in=holding).update(stale=True)


def _malformed() -> IntegrityError:
    return IntegrityError(
        "segment.runs",
        "What an index segment is said to hold does not verify.",
        "Restore the database from a backup.",
    )
