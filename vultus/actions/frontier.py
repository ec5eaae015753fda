"""The frontier of one source, as a worker uses it: leases, requests that are counted, URLs.

Every method is a transaction of its own, or says that it is to be called in one. They take locks
in one order: the log, then hosts, then the rest (docs/formats/frontier.md).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F

from vultus.acquire.allowed import AllowList
from vultus.acquire.forbidden import forbidden_kind
from vultus.acquire.found import Role
from vultus.acquire.memory import Memory, now_utc
from vultus.acquire.retry import Pace
from vultus.acquire.said import Said
from vultus.acquire.url import Url, parse_url
from vultus.actions.answers import SourceAnswer
from vultus.actions.home import Home
from vultus.errors import UnavailableError, VultusError
from vultus.records.frontier import for_update, free_hosts
from vultus.records.models import FrontierHost, FrontierUrl, Round
from vultus.records.sequence import take

NUMBERS = "frontier_url"  # of rows, and of turns: what is new comes behind all that waits
REDIRECTS_MAX = 5
SEGMENTS_ALIKE_MAX = 3
PARAMETERS_MAX = 12
QUERIES_OF_PATH_MAX = 2000
LEASE_S = 60.0  # beyond what a request may take


@dataclass
class Lease:
    """A host that this worker alone may ask for now. `kept`: its files as they are stored."""

    host_id: int
    host: str
    memory: Memory
    until: datetime


@dataclass(frozen=True)
class Turn:
    """A URL whose turn it is."""

    id: int
    role: Role
    url: str
    depth: int
    n_redirects: int
    asked_round: int
    n_refused: int
    said: Said | None


@dataclass(frozen=True)
class Lead:
    """A URL that was told: what it is asked for as, and how far from the beginning it is."""

    role: Role
    url: str
    depth: int = 0
    n_redirects: int = 0


@dataclass
class Frontier:
    """One source's frontier. `number` is that of the round, which began at `begun`."""

    home: Home
    source: SourceAnswer
    worker: str
    number: int = 0
    begun: datetime = field(default_factory=now_utc)
    n_urls: int = 0  # of the source, once they were counted; others may have added some since
    hosts: dict[str, int] = field(default_factory=dict)  # name -> number, as far as it was asked

    def __post_init__(self) -> None:
        self.allowed = AllowList(self.source.allow_hosts)
        self.test_hosts = set(self.home.settings.acquire_test_hosts)

    # --- what is asked next ---------------------------------------------------------------------

    def take_host(self, left: Iterable[int]) -> Lease | datetime | None:
        """A host to ask now; or when one may be asked; None when nothing is due but at `left`."""
        now = now_utc()
        with transaction.atomic():
            rows = free_hosts(self.source.id, self.worker, now).exclude(id__in=list(left))
            row = for_update(rows).first()
            if row is None:
                others = FrontierUrl.objects.filter(source_id=self.source.id, due=True)
                return now if others.exclude(host_id__in=list(left)).exists() else None
            if row.next_at > now:
                return row.next_at
            lease = self.opened(row)
            row.leased_by, row.leased_until = self.worker, lease.until
            row.save(update_fields=["leased_by", "leased_until"])
        return lease

    def opened(self, row: FrontierHost) -> Lease:
        """The lease of a row, with what the host has said."""
        vault = self.home.vault
        opened = vault.unseal_json("frontier", f"frontier-host:{row.pk}", bytes(row.sealed))
        memory = Memory(
            pace=Pace(row.interval_s, row.n_refusals, row.not_before),
            last_request=row.last_request,
        )
        if row.sealed_files is not None:
            identity = f"frontier-files:{row.pk}"
            memory.load(vault.unseal_json("frontier", identity, bytes(row.sealed_files)))
        memory.at_least(self.delay_s(opened["host"]))
        return Lease(row.pk, opened["host"], memory, self.lease_end(0.0))

    def delay_s(self, host: str) -> float:
        """The pause between two requests that we keep to ourselves; none at a test host."""
        return 0.0 if host in self.test_hosts else self.home.settings.acquire_delay_s

    def lease_end(self, seconds: float) -> datetime:
        more = seconds + self.home.settings.acquire_seconds_max + LEASE_S
        return now_utc() + timedelta(seconds=more)

    def next_url(self, lease: Lease, under_way: Iterable[int]) -> Turn | None:
        """The URL of this host whose turn it is, but for those that are under way."""
        rows = FrontierUrl.objects.filter(source_id=self.source.id, due=True, host=lease.host_id)
        row = rows.exclude(id__in=list(under_way)).order_by("turn", "id").first()
        return None if row is None else self.turn(row)

    def turn(self, row: FrontierUrl) -> Turn:
        return Turn(
            row.pk, Role(row.role), self.url_of(row), row.depth, row.n_redirects,
            row.asked_round, row.n_refused, self.said_of(row),
        )  # fmt: skip

    def url_of(self, row: FrontierUrl) -> str:
        identity = f"frontier-url:{row.pk}"
        opened = self.home.vault.unseal_json("frontier", identity, bytes(row.sealed))
        url: str = opened["url"]
        return url

    def said_of(self, row: FrontierUrl) -> Said | None:
        if row.sealed_said is None:
            return None
        identity = f"frontier-said:{row.pk}"
        said = self.home.vault.unseal_json("frontier", identity, bytes(row.sealed_said))
        return Said.from_json(said)

    # --- a request is counted before it is made -------------------------------------------------

    def book(self, lease: Lease, seconds: float) -> None:
        """Before a request that is made in `seconds`: it counts, and the host's time is set.

        Raises UnavailableError `visit.budget`, `visit.lease`.
        """
        terms = self.source.terms
        at = now_utc() + timedelta(seconds=seconds)
        pace = lease.memory.pace
        with transaction.atomic():
            lease.until = self.lease_end(seconds)
            mine = FrontierHost.objects.filter(pk=lease.host_id, leased_by=self.worker).update(
                leased_until=lease.until,
                next_at=at + timedelta(seconds=pace.interval_s),
                last_request=at,
                **paced(pace),
            )
            within = Round.objects.filter(pk=self.source.id)
            if terms.requests_max is not None:
                within = within.filter(n_requests__lt=terms.requests_max)
            if terms.bytes_max is not None:
                within = within.filter(n_bytes__lt=terms.bytes_max)
            if not mine:
                raise lease_lost()
            lease.memory.last_request = at
            if not within.update(n_requests=F("n_requests") + 1):
                raise budget_spent()

    def count_photo(self) -> None:
        """Before a photo is asked for. Raises UnavailableError `visit.budget`."""
        within = Round.objects.filter(pk=self.source.id)
        if self.source.terms.photos_max is not None:
            within = within.filter(n_photos__lt=self.source.terms.photos_max)
        if not within.update(n_photos=F("n_photos") + 1):
            raise budget_spent()

    def keep_files(self, lease: Lease) -> None:
        """Keep what the host said for the whole site: nobody asks for it again."""
        identity = f"frontier-files:{lease.host_id}"
        sealed = self.home.vault.seal_json("frontier", identity, lease.memory.to_json())
        self.mine(lease).update(sealed_files=sealed, **self.when(lease))

    def release(self, lease: Lease) -> None:
        """Let others ask the host, from its next time on."""
        self.mine(lease).update(leased_by="", leased_until=None, **self.when(lease))

    def is_time(self, lease: Lease) -> bool:
        """Whether the host may be asked again right now."""
        pace, now = lease.memory.pace, now_utc()
        at = pace.next_request(lease.memory.last_request, now)
        return at is not None and at <= now

    def mine(self, lease: Lease) -> Any:  # noqa: ANN401 - a QuerySet
        return FrontierHost.objects.filter(pk=lease.host_id, leased_by=self.worker)

    def when(self, lease: Lease) -> dict[str, Any]:
        """The columns that say when the host may be asked next."""
        memory = lease.memory
        at = memory.pace.next_request(memory.last_request, now_utc())
        later = now_utc() if at is None else at
        return {"next_at": later, "last_request": memory.last_request, **paced(memory.pace)}

    def require_lease(self, lease: Lease) -> None:
        """Call it in the transaction that commits a turn. Raises UnavailableError `visit.lease`."""
        if not self.mine(lease).exists():
            raise lease_lost()

    # --- what was told --------------------------------------------------------------------------

    def parsed(self, url: str) -> Url | None:
        """The URL taken apart, if this source may ask for it."""
        with suppress(VultusError):
            parsed = parse_url(url)
            if self.allowed.covers(parsed) and forbidden_kind(parsed.host) is None:
                return parsed
        return None

    def index(self, purpose: str, text: str) -> bytes:
        """A blind index bound to the source."""
        return self.home.vault.blind(f"frontier/{purpose}", f"{self.source.id}\n{text}")

    def find(self, url: str) -> FrontierUrl | None:
        """The row of a URL."""
        index = self.index("url", url)
        return FrontierUrl.objects.filter(source_id=self.source.id, url_index=index).first()

    def add(self, leads: Sequence[Lead], *, due: bool = True) -> dict[str, FrontierUrl]:
        """Rows of the leads that may be asked for, by URL; those that are new are made.

        With `due` each is due if it was not asked in this round. What leads too far is left out.
        Call it in a transaction that holds the log.
        """
        wanted: dict[str, tuple[Lead, Url]] = {}
        for lead in leads:
            parsed = self.parsed(lead.url)
            if parsed is not None and lead.url not in wanted and is_near(self.home, lead):
                wanted[lead.url] = (lead, parsed)
        known = self.rows(wanted)
        new = [pair for url, pair in wanted.items() if url not in known]
        for url, row in known.items():
            self.find_again(row, wanted[url][0], due=due)
        made = self.make(self.within_bounds(new), due=due)
        return known | made

    def rows(self, urls: Iterable[str]) -> dict[str, FrontierUrl]:
        """The rows that there are of some URLs."""
        by_index = {self.index("url", url): url for url in urls}
        indexes = list(by_index)
        found: dict[str, FrontierUrl] = {}
        for start in range(0, len(indexes), 500):
            part = FrontierUrl.objects.filter(
                source_id=self.source.id, url_index__in=indexes[start : start + 500]
            ).defer("sealed", "sealed_said")
            found |= {by_index[bytes(row.url_index)]: row for row in part}
        return found

    def find_again(self, row: FrontierUrl, lead: Lead, *, due: bool) -> None:
        """A known URL is told: due in this round, nearer perhaps, and a photo once it was one."""
        fresh: dict[str, Any] = {
            "depth": min(row.depth, lead.depth),
            "n_redirects": min(row.n_redirects, lead.n_redirects),
            "found_round": self.number,
        }
        if lead.role is Role.PHOTO and row.role != Role.PHOTO:
            fresh |= {"role": Role.PHOTO.value, "asked_round": 0, "sealed_said": None}
        if due and not row.due and row.asked_round < self.number:
            fresh |= {"due": True, "turn": take(NUMBERS)[0]}
        changed = {name: value for name, value in fresh.items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        if changed:
            row.save(update_fields=list(changed))

    def within_bounds(self, new: list[tuple[Lead, Url]]) -> list[tuple[Lead, Url]]:
        """Those of the new URLs for which there is room: in all, and of one path."""
        if not new:
            return []
        if not self.n_urls:
            self.n_urls = FrontierUrl.objects.filter(source_id=self.source.id).count()
        n_left = self.home.settings.acquire_urls_max - self.n_urls
        kept: list[tuple[Lead, Url]] = []
        counts: dict[bytes, int] = {}
        for lead, url in new[: max(n_left, 0)]:
            if "?" in url.path and lead.role is Role.PAGE:
                path = self.path_index(url)
                if path not in counts:
                    rows = FrontierUrl.objects.filter(source_id=self.source.id, path_index=path)
                    counts[path] = rows.count()
                counts[path] += 1
                if counts[path] > QUERIES_OF_PATH_MAX:
                    continue
            kept.append((lead, url))
        return kept

    def path_index(self, url: Url) -> bytes:
        return self.index("path", url.text.partition("?")[0])

    def make(self, new: list[tuple[Lead, Url]], *, due: bool) -> dict[str, FrontierUrl]:
        """Rows of URLs that are told for the first time."""
        if not new:
            return {}
        hosts = {url.authority: self.host(url.authority) for _, url in new}
        numbers = take(NUMBERS, len(new))
        vault = self.home.vault
        rows = [
            FrontierUrl(
                id=number,
                source_id=self.source.id,
                host_id=hosts[url.authority],
                url_index=self.index("url", lead.url),
                path_index=self.path_index(url),
                role=lead.role,
                depth=lead.depth,
                n_redirects=lead.n_redirects,
                due=due,
                turn=number,
                found_round=self.number,
                sealed=vault.seal_json("frontier", f"frontier-url:{number}", {"url": lead.url}),
            )
            for number, (lead, url) in zip(numbers, new, strict=True)
        ]
        FrontierUrl.objects.bulk_create(rows)
        self.n_urls += len(rows)
        return {lead.url: row for row, (lead, _) in zip(rows, new, strict=True)}

    def host(self, name: str) -> int:
        """The number of a host's row, made where there is none."""
        if name in self.hosts:
            return self.hosts[name]
        index = self.home.vault.blind("frontier/host", name)
        number = FrontierHost.objects.filter(host_index=index).values_list("pk", flat=True).first()
        if number is None:
            number = take("frontier_host")[0]
            sealed = self.home.vault.seal_json(
                "frontier", f"frontier-host:{number}", {"host": name}
            )
            FrontierHost.objects.create(
                id=number, host_index=index, sealed=sealed, next_at=now_utc()
            )
        else:  # one that was made just now may yet be undone
            self.hosts[name] = number
        return number

    def make_due(self, numbers: Iterable[int]) -> None:
        """There is something to do about these rows again, behind all others."""
        wanted = list(numbers)
        for start in range(0, len(wanted), 500):
            rows = FrontierUrl.objects.filter(id__in=wanted[start : start + 500], due=False)
            rows.update(due=True, turn=take(NUMBERS)[0])

    def end_turn(
        self,
        turn: Turn,
        said: Said | None,
        *,
        asked: bool,
        again: bool = False,
        n_bytes: int = 0,
    ) -> None:
        """Note what a URL said, in `n_bytes`. `again`: it is due still, behind all others."""
        values: dict[str, Any] = {"due": again, "n_refused": turn.n_refused + 1 if again else 0}
        if again:
            values["turn"] = take(NUMBERS)[0]
        if asked:
            values["asked_round"] = self.number
        if said is not None:
            identity = f"frontier-said:{turn.id}"
            sealed = self.home.vault.seal_json("frontier", identity, said.to_json())
            values["sealed_said"] = sealed
        FrontierUrl.objects.filter(pk=turn.id).update(**values)
        if n_bytes:
            Round.objects.filter(pk=self.source.id).update(n_bytes=F("n_bytes") + n_bytes)


def paced(pace: Pace) -> dict[str, Any]:
    """A pace as the columns of a host."""
    return {
        "interval_s": pace.interval_s,
        "n_refusals": pace.n_refusals,
        "not_before": pace.not_before,
    }


def is_near(home: Home, lead: Lead) -> bool:
    """Whether a URL is not one of the endless ones that some sites make up as they are asked.

    Calendars lead on for ever, relative links nest, and searches combine: so depth is bounded, and
    how often a part of the path comes again, and how many parameters there are.
    """
    if lead.n_redirects > REDIRECTS_MAX:
        return False
    if lead.role is Role.PHOTO:
        return True
    parts = urlsplit(lead.url)
    segments = [part for part in parts.path.split("/") if part]
    alike = max((segments.count(part) for part in set(segments)), default=0)
    in_a_row = any(a == b == c for (a, b), (_, c) in pairwise(pairwise(segments)))
    return (
        lead.depth <= home.settings.acquire_depth_max
        and alike <= SEGMENTS_ALIKE_MAX
        and not in_a_row
        and parts.query.count("&") < PARAMETERS_MAX
    )


def lease_lost() -> UnavailableError:
    return UnavailableError("visit.lease", "Another worker asks this host now.", "")


def budget_spent() -> UnavailableError:
    return UnavailableError(
        "visit.budget",
        "A budget of the source is spent.",
        "The visit goes on with what is left when it is next due.",
    )
