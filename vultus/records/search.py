"""Probes, searches, and the calibration that gives a score its meaning."""

from django.db import models

from vultus.records.account import Account
from vultus.records.case import Case


class Probe(models.Model):
    """A photo submitted in a case. The photo is erased after its retention."""

    id = models.BigIntegerField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="probes")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    received = models.DateTimeField()
    sealed = models.BinaryField()  # {name, sha256, width, height, faces}
    sealed_templates = models.BinaryField(null=True)
    sealed_photo = models.BinaryField(null=True)


class Search(models.Model):
    """Written, with its log entry, before the index is asked; `sealed_result` follows."""

    id = models.BigIntegerField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="searches")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    run = models.DateTimeField()
    entry_index = models.BigIntegerField()
    sealed_result = models.BinaryField(null=True)


class Calibration(models.Model):
    """What a gallery's own scores say, kept until the gallery changes."""

    gallery_index = models.BinaryField(max_length=32, primary_key=True)
    sealed = models.BinaryField()
    fitted = models.DateTimeField()
