"""The audit log's entries: the leaf that the tree holds, and its sealed payload beside it."""

from django.db import models


class Entry(models.Model):
    """`leaf` and `leaf_hash` never change. `sealed_payload` may be forgotten (null)."""

    index = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=40)
    leaf = models.BinaryField()
    leaf_hash = models.BinaryField(max_length=32)
    sealed_payload = models.BinaryField(null=True)  # salt, then canonical JSON
    photo_id = models.BigIntegerField(null=True, db_index=True)  # whose erasure forgets it


class LogState(models.Model):
    """One row: the tree's frontier and its latest signed checkpoint."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField()
    checkpoint = models.TextField(blank=True)
