"""Where photos come from, and the collections that they go to."""

from django.db import models


class Collection(models.Model):
    id = models.BigIntegerField(primary_key=True)
    name_index = models.BinaryField(max_length=32, unique=True)
    sealed = models.BinaryField()  # {name}


class Source(models.Model):
    """A registered origin with its entitlement. After `expires` its references are hidden."""

    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=20)
    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="sources")
    name_index = models.BinaryField(max_length=32, unique=True)
    sealed = models.BinaryField()  # {name, location, legal_basis, page_url_prefix, hosts, terms}
    added = models.DateTimeField()
    expires = models.DateField(null=True)
    visited = models.DateTimeField(null=True)  # when an ingest of it last came to its end
