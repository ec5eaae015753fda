"""The home's own record: its name and the log's signing key."""

from django.db import models


class Home(models.Model):
    """One row. `key_check` opens only with the right key file."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    created = models.DateTimeField()
    verifier_key = models.TextField()
    sealed_signing_key = models.BinaryField()
    key_check = models.BinaryField()
