"""Cases: why a search may exist."""

from django.db import models

from vultus.records.account import Account


class Case(models.Model):
    id = models.BigIntegerField(primary_key=True)
    sealed = models.BinaryField()  # {reference, purpose, legal_basis}
    opened = models.DateTimeField()
    opened_by = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    approved = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, related_name="+")
    expires = models.DateField(null=True)  # the last day, UTC, on which it may search
