"""The frontier: what a visit of a web source has yet to ask, has asked, and was told.

It is in the database, so that a visit survives whatever ends it and several workers share it
(docs/formats/frontier.md). A host is leased to one worker at a time, and only that one asks it.
"""

from datetime import datetime

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q, QuerySet

from vultus.records.source import Source


class Round(models.Model):
    """One pass over a source, and what it has cost so far."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, primary_key=True)
    number = models.BigIntegerField(default=0)
    open = models.BooleanField(default=False)  # something is left to ask
    spent = models.BooleanField(default=False)  # a budget ended it; the rest waits until it is due
    silent = models.BooleanField(default=False)  # a document could not be had: nothing is swept
    begun = models.DateTimeField()
    n_requests = models.BigIntegerField(default=0)
    n_bytes = models.BigIntegerField(default=0)
    n_photos = models.BigIntegerField(default=0)


class FrontierHost(models.Model):
    """One host, for all sources: when it may be asked next, who asks it, what it has said.

    `interval_s`, `n_refusals`, `not_before` and `last_request` are its pace (acquire/retry.py).
    """

    id = models.BigIntegerField(primary_key=True)
    host_index = models.BinaryField(max_length=32, unique=True)
    sealed = models.BinaryField()  # {host}: HOST, or HOST:PORT
    next_at = models.DateTimeField(db_index=True)
    leased_by = models.CharField(max_length=32, blank=True)
    leased_until = models.DateTimeField(null=True)
    interval_s = models.FloatField(default=0.0)
    n_refusals = models.BigIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    last_request = models.DateTimeField(null=True)
    sealed_files = models.BinaryField(null=True)  # robots.txt and the other files, by URL


class FrontierUrl(models.Model):
    """One URL of a source. `due`: there is something to do; `turn`: in this order.

    `found_round` is the last round in which it was told, `asked_round` that in which it was asked.
    """

    id = models.BigIntegerField(primary_key=True)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="urls")
    host = models.ForeignKey(FrontierHost, on_delete=models.PROTECT, related_name="urls")
    url_index = models.BinaryField(max_length=32)
    path_index = models.BinaryField(max_length=32)  # of the URL without what follows the ?
    role = models.CharField(max_length=16)
    depth = models.BigIntegerField()
    n_redirects = models.BigIntegerField(default=0)
    due = models.BooleanField(default=True)
    turn = models.BigIntegerField()
    found_round = models.BigIntegerField()
    asked_round = models.BigIntegerField(default=0)
    n_refused = models.BigIntegerField(default=0)  # 429 and 503 in this round
    sealed = models.BinaryField()  # {url}
    sealed_said = models.BinaryField(null=True)  # what it said when it was last asked

    class Meta:
        constraints = [  # noqa: RUF012
            models.UniqueConstraint(fields=["source", "url_index"], name="one_row_a_url")
        ]
        indexes = [  # noqa: RUF012
            models.Index(fields=["source", "due", "host", "turn"], name="due_of_source"),
            models.Index(fields=["source", "path_index"], name="urls_of_path"),
        ]


class FrontierItem(models.Model):
    """A document (`teller`) tells that a page shows a photo. `page` is the document whose word
    on the page's pictures counts: the page, where it is asked for, else the teller.
    """

    id = models.BigIntegerField(primary_key=True)
    teller = models.ForeignKey(FrontierUrl, on_delete=models.CASCADE, related_name="told")
    page = models.ForeignKey(FrontierUrl, on_delete=models.CASCADE, related_name="items")
    photo = models.ForeignKey(FrontierUrl, on_delete=models.CASCADE, related_name="shown")
    place_index = models.BinaryField(max_length=32)  # that of the sighting
    page_index = models.BinaryField(max_length=32, db_index=True)  # of the page's URL
    round = models.BigIntegerField()
    due = models.BooleanField(default=True)  # not settled since it was told or the page was asked
    digest = models.BinaryField(max_length=32)  # blind, of what was told
    sealed = models.BinaryField()  # {page_url, beside, version}

    class Meta:
        constraints = [  # noqa: RUF012
            models.UniqueConstraint(fields=["teller", "place_index"], name="told_once")
        ]


def free_hosts(source_id: int, worker: str, now: datetime) -> QuerySet[FrontierHost]:
    """Hosts that hold something due of the source, and that no other worker has leased."""
    due = FrontierUrl.objects.filter(source_id=source_id, due=True, host=OuterRef("pk"))
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now) | Q(leased_by=worker)
    return FrontierHost.objects.filter(free, Exists(due)).order_by("next_at", "id")


def for_update(rows: QuerySet[FrontierHost]) -> QuerySet[FrontierHost]:
    """The rows, locked: those that another transaction holds are passed over on PostgreSQL.

    SQLite has one writer at a time, so there they are nobody else's already.
    """
    locks = connection.features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=True, of=("self",)) if locks else rows
