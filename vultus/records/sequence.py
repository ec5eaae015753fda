"""Numbers for records, given out before the record is written and never given out twice.

A sealed field is bound to its record's number (so that nobody can move a caption from one
photo to another), so the number must be known before the insert; and a number that once
stood in a receipt or in the log must never mean another record.
"""

from django.db import models


class Sequence(models.Model):
    name = models.CharField(max_length=40, primary_key=True)
    next = models.BigIntegerField(default=1)


def take(name: str, n: int = 1) -> range:
    """`n` new numbers. Call it inside the transaction that uses them."""
    row, _ = Sequence.objects.select_for_update().get_or_create(name=name)
    first = row.next
    row.next = first + n
    row.save(update_fields=["next"])
    return range(first, first + n)


def gallery_changed() -> None:
    """Say that references or their places change, or how the index holds them.

    Call it in the transaction that changes them, after the log was held or written: everybody
    takes the two locks in that order.
    """
    take("gallery")


def gallery_version() -> int:
    """A number that rises with each such change; read it before what it stands for."""
    return Sequence.objects.filter(name="gallery").values_list("next", flat=True).first() or 0
