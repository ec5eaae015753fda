"""Visit a source on the web: ask what may be asked, host by host, until nothing is due.

A visit can be killed at any moment and shared by several workers: what is left to do is in the
frontier, and what a URL said is committed with the end of its turn (docs/formats/frontier.md).

UnavailableError   visit.budget      a budget of the source is spent
                   visit.limit       as many photos were read as were asked for
                   visit.host_waits  a host asks to be left alone for longer than is waited
                   visit.lease       another worker has taken the host over
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from vultus.acquire.found import Role
from vultus.acquire.memory import now_utc
from vultus.acquire.reader import first_link
from vultus.actions.answers import IngestAnswer, SourceAnswer
from vultus.actions.case import today
from vultus.actions.count import count
from vultus.actions.document_turn import UNSHOWN, document_turn
from vultus.actions.frontier import Frontier, Lead, Lease
from vultus.actions.home import Home
from vultus.actions.permit import fetcher_of
from vultus.actions.settle import WebVisit, forget_indexes
from vultus.actions.told import untell
from vultus.actions.turn import Crawl, flush, photo_turn
from vultus.actions.worker import free_leases_of_the_dead, working
from vultus.audit.entry import EntryKind
from vultus.errors import UnavailableError
from vultus.records.models import (
    Account,
    FrontierHost,
    FrontierItem,
    FrontierUrl,
    Round,
    Sighting,
    Source,
)
from vultus.settings import n_workers

TURNS_MAX = 50  # of one lease
POLL_S = 0.2  # while other workers have what is left
SILENT_DAYS = 1  # after a round in which a host did not answer, the source is due again so soon
HOST_NOT_ALLOWED = "source.host_not_allowed"
Progress = Callable[[str, int, int], None]
Note = Callable[[str], None]


def visit_web(
    home: Home,
    actor: Account,
    source: SourceAnswer,
    *,
    limit: int | None,
    revisit: bool,
    total: IngestAnswer,
    progress: Progress | None = None,
    note: Note | None = None,
) -> int | None:
    """One source's visit, or our share of it; adds to `total` and returns what is left of `limit`.

    Nothing is asked while the source is not due, unless `revisit` is set. Raises InputError
    `acquire.contact`.
    """
    fetcher = fetcher_of(home)
    visit = WebVisit(home, source)
    with working(home.path) as worker:
        frontier = Frontier(home, source, worker)
        if not begin(frontier, visit, revisit=revisit):
            count_web(visit, set(), 0, total)
            return limit

        def pause(seconds: float, host: str) -> None:
            if note and seconds > 5:
                note(f"{source.name}: waiting {seconds:.0f} seconds for {host}")
            time.sleep(seconds)

        crawl = Crawl(home, frontier, visit, fetcher, pause, limit)
        reason = run(crawl, progress)
        while reason is None and not end(crawl, actor, total):
            reason = run(crawl, progress)
        if reason is not None:
            end_early(crawl, actor, total, reason)
    total.requests += crawl.n_requests
    return crawl.limit


# --- the round ----------------------------------------------------------------------------------


def begin(frontier: Frontier, visit: WebVisit, *, revisit: bool) -> bool:
    """Begin a round, or go on with the one that is open; False when the source is not due."""
    source = frontier.source
    with transaction.atomic():
        frontier.home.log.hold()
        Round.objects.get_or_create(source_id=source.id, defaults={"begun": now_utc()})
        row = Round.objects.select_for_update().get(pk=source.id)
        fresh = not row.open
        if (fresh or row.spent) and not (revisit or is_due(source, row)):
            return False
        if fresh or row.spent:
            row.begun, row.open, row.spent = now_utc(), True, False
            row.n_requests = row.n_bytes = row.n_photos = 0
        if fresh:
            row.number, row.silent = row.number + 1, False
        row.save()
        frontier.number, frontier.begun = row.number, row.begun
        forget_forbidden(frontier, visit)
        if fresh:
            fill(frontier)
    return True


def is_due(source: SourceAnswer, row: Round) -> bool:
    """Whether the time between two visits has passed."""
    if source.visited is None:
        return True
    days = source.terms.revisit_days or 0
    if row.silent:
        days = min(days, SILENT_DAYS)
    return source.visited + timedelta(days=days) <= datetime.now(UTC)


def fill(frontier: Frontier) -> None:
    """What a round begins with: the beginning, all pages that show photos, and the photos."""
    rows = FrontierUrl.objects.filter(source_id=frontier.source.id)
    rows.update(due=False, n_refused=0)
    shows = Exists(FrontierItem.objects.filter(Q(teller=OuterRef("pk")) | Q(page=OuterRef("pk"))))
    shown = Exists(FrontierItem.objects.filter(photo=OuterRef("pk")))
    again = rows.filter(Q(shows, role=Role.PAGE) | Q(shown, role=Role.PHOTO))
    again.update(due=True, found_round=frontier.number)
    link = first_link(frontier.source.kind, frontier.source.location)
    frontier.add([Lead(link.role, link.url)])


def forget_forbidden(frontier: Frontier, visit: WebVisit) -> None:
    """What lies at a host that this source may not ask any more is let go of."""
    rows = FrontierUrl.objects.filter(source_id=frontier.source.id)
    for host in FrontierHost.objects.filter(Exists(rows.filter(host=OuterRef("pk")))):
        identity = f"frontier-host:{host.pk}"
        opened = frontier.home.vault.unseal_json("frontier", identity, bytes(host.sealed))
        urls = (f"{scheme}://{opened['host']}/" for scheme in ("https", "http"))
        if any(frontier.parsed(url) for url in urls):
            continue
        there = rows.filter(host=host)
        items = FrontierItem.objects.filter(
            Q(photo__in=there) | Q(page__in=there) | Q(teller__in=there)
        )
        numbers = list(items.values_list("pk", flat=True))
        gone = untell(frontier, FrontierItem.objects.filter(id__in=numbers))
        visit.gone += forget_indexes(visit, frontier, gone, HOST_NOT_ALLOWED)
        there.delete()


def end(crawl: Crawl, actor: Account, total: IngestAnswer) -> bool:
    """Close the round when nothing is due; False when another worker has found more meanwhile."""
    frontier, visit = crawl.frontier, crawl.visit
    with transaction.atomic():
        crawl.home.log.hold()
        rows = FrontierUrl.objects.filter(source_id=frontier.source.id)
        if rows.filter(due=True).exists():
            return False
        row = Round.objects.select_for_update().get(pk=frontier.source.id)
        if row.open and row.number == frontier.number:
            if not row.silent:
                sweep(crawl)
            if rows.filter(due=True).exists():
                return False
            row.open = False
            row.save(update_fields=["open"])
            finish(crawl, actor, total, None)
        else:  # another worker of this round was first
            count_web(visit, crawl.new, crawl.removed, total)
    return True


def sweep(crawl: Crawl) -> None:
    """Let go of what no document has told in this round. What has left a feed is not gone."""
    frontier = crawl.frontier
    items = FrontierItem.objects.filter(
        teller__source_id=frontier.source.id, round__lt=frontier.number
    ).exclude(teller__role=Role.FEED)
    numbers = list(items.values_list("pk", flat=True))
    for start in range(0, len(numbers), 500):
        part = FrontierItem.objects.filter(id__in=numbers[start : start + 500])
        gone = untell(frontier, part)
        crawl.removed += forget_indexes(crawl.visit, frontier, gone, UNSHOWN)
    used = FrontierItem.objects.filter(
        Q(teller=OuterRef("pk")) | Q(page=OuterRef("pk")) | Q(photo=OuterRef("pk"))
    )
    rows = FrontierUrl.objects.filter(
        ~Exists(used), source_id=frontier.source.id, found_round__lt=frontier.number, due=False
    )
    rows.delete()


def end_early(crawl: Crawl, actor: Account, total: IngestAnswer, reason: str) -> None:
    """The round stays open: the next visit goes on with what is left."""
    frontier = crawl.frontier
    total.unfinished[frontier.source.name] = reason
    with transaction.atomic():
        crawl.home.log.hold()
        Round.objects.filter(pk=frontier.source.id).update(spent=reason == "visit.budget")
        mine = FrontierUrl.objects.filter(source_id=frontier.source.id, host=OuterRef("pk"))
        hosts = FrontierHost.objects.filter(Exists(mine), leased_by="")
        hosts.update(n_refusals=0, interval_s=0.0)  # what it asked for is in `not_before`
        finish(crawl, actor, total, reason)


def finish(crawl: Crawl, actor: Account, total: IngestAnswer, reason: str | None) -> None:
    """Count, and write the end of the visit into the log."""
    source = crawl.frontier.source
    Source.objects.filter(pk=source.id).update(visited=datetime.now(UTC))
    mine = count_web(crawl.visit, crawl.new, crawl.removed + crawl.visit.gone, total)
    crawl.home.log.append(
        EntryKind.INGEST_FINISHED,
        {
            "source": source.id,
            "by": actor.pk,
            "requests": crawl.n_requests,
            **({"unfinished": reason} if reason else {}),
            **mine,
        },
    )


def count_web(visit: WebVisit, new: set[int], removed: int, total: IngestAnswer) -> dict[str, int]:
    """Count what the source holds, and its places."""
    total.places += Sighting.objects.filter(source_id=visit.source.id).count()
    return count(visit, new, removed, total)


# --- one worker's share ---------------------------------------------------------------------------


def run(crawl: Crawl, progress: Progress | None) -> str | None:
    """Take hosts and ask them until nothing is due: None. Or the reason why it ends before."""
    told = Told(crawl, progress)
    while True:
        told.say()
        expires = crawl.frontier.source.expires
        if expires is not None and expires < today():
            return "source.expired"
        found = crawl.frontier.take_host(crawl.left)
        if found is None:
            told.say(at_once=True)
            return "visit.host_waits" if crawl.left and is_left(crawl) else None
        if isinstance(found, datetime):
            seconds = (found - now_utc()).total_seconds()
            if seconds > crawl.home.settings.acquire_wait_s_max:
                return "visit.host_waits"
            free_leases_of_the_dead(crawl.home.path)
            crawl.pause(min(max(seconds, POLL_S), 5.0), "")
            continue
        try:
            ask_host(crawl, found, told)
        except UnavailableError as error:
            crawl.pending.clear()
            if error.code in {"permit.refused", "permit.delay"}:
                crawl.left.add(found.host_id)
            elif error.code in {"visit.budget", "visit.limit"}:
                return error.code
            elif error.code != "visit.lease":
                raise
        finally:
            crawl.frontier.release(found)


def is_left(crawl: Crawl) -> bool:
    """Whether the hosts that were left hold something that is due."""
    rows = FrontierUrl.objects.filter(source_id=crawl.frontier.source.id, due=True)
    return rows.exists()


def ask_host(crawl: Crawl, lease: Lease, told: "Told") -> None:
    """Turns of one host for as long as it need not be waited for. Photos are read in between."""
    n_together = n_workers(crawl.home.settings)
    try:
        for _ in range(TURNS_MAX):
            under_way = [job.turn.id for job, _ in crawl.pending]
            turn = crawl.frontier.next_url(lease, under_way)
            if turn is None:
                break
            if turn.role is Role.PHOTO:
                photo_turn(crawl, lease, turn)
            else:
                document_turn(crawl, lease, turn)
            if len(crawl.pending) >= n_together:
                flush(crawl, lease)
            told.say()
            if not crawl.frontier.is_time(lease):
                break
    except UnavailableError:
        flush(crawl, lease)
        raise
    flush(crawl, lease)


class Told:
    """What is told of the progress of a visit, once a second."""

    def __init__(self, crawl: Crawl, progress: Progress | None) -> None:
        self.crawl, self.progress = crawl, progress
        self.last = 0.0

    def say(self, *, at_once: bool = False) -> None:
        """Pages and photos, done and found so far in this round."""
        if self.progress is None or (not at_once and time.monotonic() - self.last < 1):
            return
        self.last = time.monotonic()
        frontier = self.crawl.frontier
        rows = FrontierUrl.objects.filter(source_id=frontier.source.id, found_round=frontier.number)
        pages = rows.exclude(role=Role.PHOTO)
        for what, some in (("pages", pages), ("photos", rows.filter(role=Role.PHOTO))):
            n_left = some.filter(due=True).count()
            n = some.count()
            self.progress(f"{frontier.source.name}: {what}", n - n_left, n)
