"""One URL's turn: it is asked for as far as it may be, and what it says is committed.

Nothing is kept between turns but the photos that are about to be read.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from django.db import transaction

from vultus.acquire import optout
from vultus.acquire.asking import Asking, Manners, said_in_headers, said_in_picture
from vultus.acquire.fetch import Fetcher, Response, condition_headers
from vultus.acquire.found import Beside, Item, Link, Role
from vultus.acquire.retry import MAX_REFUSALS, REFUSALS
from vultus.acquire.robots import Answer
from vultus.acquire.said import Said
from vultus.acquire.signal import Place, Signal, unreadable
from vultus.acquire.url import parse_url
from vultus.actions.enrol import digest_index
from vultus.actions.frontier import Frontier, Lease, Turn
from vultus.actions.home import Home
from vultus.actions.readers import read_many
from vultus.actions.settle import (
    ELSEWHERE,
    GONE,
    Settled,
    Settling,
    WebVisit,
    forget_indexes,
    is_told,
    items_of,
    settle,
    shown_at,
    write,
)
from vultus.actions.told import opened, tell
from vultus.errors import InputError, RefusedError, UnavailableError, VultusError
from vultus.records.models import FrontierUrl, Photo, Round

TRIES_MAX = 2  # of a URL that is answered with 429 or 503, in one round
IN_PICTURE = {Place.IMAGE, Place.IMAGE_HEADER}


@dataclass
class Crawl:
    """What a worker has in hand. `left` are hosts that ask to be left alone for this visit.

    `pending` are photos with their bytes, of the host that is leased; `limit` is how many more
    photos may be asked for.
    """

    home: Home
    frontier: Frontier
    visit: WebVisit
    fetcher: Fetcher
    pause: Callable[[float, str], None]
    limit: int | None = None
    left: set[int] = field(default_factory=set)
    pending: list[tuple[Settling, bytes]] = field(default_factory=list)
    new: set[int] = field(default_factory=set)
    removed: int = 0
    n_requests: int = 0

    def asking(self, lease: Lease, url: str) -> Asking:
        """The host of the lease, asked with every request booked first."""

        def before(seconds: float) -> None:
            self.frontier.book(lease, seconds)
            self.n_requests += 1
            if seconds > 0:
                self.pause(seconds, lease.host)

        manners = Manners(
            self.home.settings.acquire_wait_s_max, MAX_REFUSALS, before,
            kept=lambda: self.frontier.keep_files(lease), since=self.frontier.begun,
        )  # fmt: skip
        return Asking(self.fetcher, parse_url(url), lease.memory, manners)

    @contextmanager
    def committing(self, lease: Lease) -> Iterator[None]:
        """The transaction in which a turn ends, while the host is still ours."""
        with transaction.atomic():
            self.home.log.hold()
            self.frontier.require_lease(lease)
            yield

    def say_silent(self) -> None:
        """A host did not answer: at the end of this round nothing is swept."""
        Round.objects.filter(pk=self.frontier.source.id).update(silent=True)


def answered(asking: Asking, url: str) -> Answer:
    """What robots.txt says. Raises UnavailableError `permit.delay` outside of its times."""
    answer = asking.answer(url)
    if answer.rule == "robots.visit_time":
        raise UnavailableError("permit.delay", "The site is visited at its own times only.", "")
    return answer


def validated(said: Said, response: Response) -> Said:
    """With ETag and Last-Modified of a response, as far as they can be sent back."""
    etag = next(iter(response.values("etag")), None)
    last_modified = next(iter(response.values("last-modified")), None)
    with suppress(InputError):
        condition_headers(etag, None)
        said = replace(said, etag=etag)
    with suppress(InputError):
        condition_headers(None, last_modified)
        said = replace(said, last_modified=last_modified)
    return said


def joined(*parts: "list[Signal] | tuple[Signal, ...]") -> tuple[Signal, ...]:
    """Signals in order, each once."""
    return tuple(dict.fromkeys(found for part in parts for found in part))


# --- photos -----------------------------------------------------------------------------------


def photo_turn(crawl: Crawl, lease: Lease, turn: Turn) -> None:
    """A photo: decided about with what is known, asked for where that may lead to something."""
    frontier = crawl.frontier
    with crawl.committing(lease):
        if not is_told(turn):
            return
        if turn.asked_round == frontier.number and turn.said is not None:
            if turn.said.problem == ELSEWHERE:
                lead_away(crawl, turn, turn.said.links[0].url)
            settle_now(crawl, [Settling(turn, turn.said, fresh=False)])
            frontier.end_turn(turn, None, asked=True)
            return
    asking = crawl.asking(lease, turn.url)
    answer = answered(asking, turn.url)
    signals = optout.of_robots(answer)
    if answer.allowed:
        signals += asking.site_files(turn.url, answer)
    base = Said(answer, tuple(signals), silent=asking.silent)
    shown = shown_at(frontier, turn.url, base, items_of(turn, fresh=True))
    if any(place.decision.may_enrol for place in shown):
        fetch_photo(crawl, lease, turn, asking, base)
        return
    with crawl.committing(lease):
        if base.silent:
            crawl.say_silent()
        settle_now(crawl, [Settling(turn, base, fresh=True)])
        kept = base.silent and turn.said is not None
        frontier.end_turn(turn, None if kept else base, asked=base.silent)


def fetch_photo(crawl: Crawl, lease: Lease, turn: Turn, asking: Asking, base: Said) -> None:
    """Ask for a photo that may be enrolled, unless something in it says otherwise."""
    if crawl.limit is not None and crawl.limit <= 0:
        raise UnavailableError("visit.limit", "As many photos were read as were asked for.", "")
    crawl.frontier.count_photo()
    if crawl.limit is not None:
        crawl.limit -= 1
    before = turn.said if turn.said and is_held(turn.said) else None
    try:
        response = asking.get(
            turn.url, crawl.home.settings.photo_bytes_max, stay=True,
            etag=before.etag if before else None,
            last_modified=before.last_modified if before else None,
        )  # fmt: skip
    except (RefusedError, UnavailableError) as error:
        require_of_fetch(error)
        photo_not_had(crawl, lease, turn, asking.away, base, error)
        return
    status = response.status
    if status == 304 and before is not None:
        old = [found for found in before.signals if found.place in IN_PICTURE]
        headers = said_in_headers(response, Place.IMAGE_HEADER)
        said = replace(
            before, answer=base.answer, signals=joined(base.signals, old, headers),
            silent=base.silent,
        )  # fmt: skip
        commit_photo(crawl, lease, Settling(turn, said, fresh=True))
    elif status in {200, 203}:
        named = tuple(asking.licences_of(turn.url, response))
        base = replace(base, signals=joined(base.signals, named), silent=asking.silent)
        take_photo(crawl, lease, turn, base, response)
    elif status in {404, 410}:
        said = replace(base, problem=GONE)
        commit_photo(crawl, lease, Settling(turn, said, fresh=True))
    elif status in REFUSALS and turn.n_refused + 1 < TRIES_MAX:
        try_again(crawl, lease, turn)
    elif status in REFUSALS or status >= 500:
        commit_silent_photo(crawl, lease, turn, base, "fetch.status")
    else:
        deny_photo(crawl, lease, turn, base, f"it answered {status}")


def require_of_fetch(error: VultusError) -> None:
    """Go on only where it is the fetch that failed, not the visit."""
    if not error.code.startswith("fetch."):
        raise error


def is_held(said: Said) -> bool:
    """Whether the bytes that a photo had are held, so that it need not be read again."""
    return said.digest is not None and Photo.objects.filter(digest_index=said.digest).exists()


def take_photo(crawl: Crawl, lease: Lease, turn: Turn, base: Said, response: Response) -> None:
    """The bytes have come: what they say of themselves counts before any face is looked for."""
    body = response.body
    inside = [] if response.truncated else said_in_picture(body)
    headers = said_in_headers(response, Place.IMAGE_HEADER)
    said = replace(base, signals=joined(base.signals, headers, inside), n_bytes=len(body))
    if response.truncated:
        said = replace(said, problem="photo.too_many_bytes")
        commit_photo(crawl, lease, Settling(turn, said, fresh=True), n_bytes=len(body))
        return
    shown = shown_at(crawl.frontier, turn.url, said, items_of(turn, fresh=True))
    if not any(place.decision.may_enrol for place in shown):
        commit_photo(crawl, lease, Settling(turn, said, fresh=True), n_bytes=len(body))
        return
    sha256 = hashlib.sha256(body).hexdigest()
    said = validated(replace(said, digest=digest_index(crawl.home, sha256)), response)
    crawl.pending.append((Settling(turn, said, fresh=True, sha256=sha256), body))


def photo_not_had(
    crawl: Crawl, lease: Lease, turn: Turn, away: str | None, base: Said, error: VultusError
) -> None:
    """A photo's URL leads elsewhere, or there was no answer."""
    if away is None:
        if isinstance(error, UnavailableError):
            commit_silent_photo(crawl, lease, turn, base, error.code)
        else:
            deny_photo(crawl, lease, turn, base, error.message)
        return
    if crawl.frontier.parsed(away) is None:
        deny_photo(crawl, lease, turn, base, "it leads to a host that is not allowed")
        return
    with crawl.committing(lease):
        lead_away(crawl, turn, away)
        said = replace(base, problem=ELSEWHERE, links=(Link(Role.PHOTO, away),))
        settle_now(crawl, [Settling(turn, said, fresh=True)])
        crawl.frontier.end_turn(turn, said, asked=True)


def lead_away(crawl: Crawl, turn: Turn, away: str) -> None:
    """A photo's URL leads to another one: there is the photo, on the same pages."""
    items: list[Item] = []
    pages: dict[str, FrontierUrl] = {}
    for row in items_of(turn, fresh=True):
        told = opened(crawl.frontier, row)
        beside = Beside(**(told["beside"] | {"persons": tuple(told["beside"].get("persons", ()))}))
        items.append(Item(away, told["page_url"], told["version"], beside))
        pages[told["page_url"] or ""] = row.page
    n_redirects = turn.n_redirects + 1
    gone = tell(crawl.frontier, turn, items, pages=pages, n_redirects=n_redirects)
    crawl.removed += forget_indexes(crawl.visit, crawl.frontier, gone, ELSEWHERE)


def deny_photo(crawl: Crawl, lease: Lease, turn: Turn, base: Said, what: str) -> None:
    """What came in the place of a photo is none, and counts as a no."""
    denial = unreadable("x-robots-tag", Place.IMAGE_HEADER, what)
    said = replace(base, signals=joined(base.signals, [denial]))
    commit_photo(crawl, lease, Settling(turn, said, fresh=True))


def commit_silent_photo(crawl: Crawl, lease: Lease, turn: Turn, base: Said, code: str) -> None:
    """Nothing was answered: what is held stays, as far as nothing else denies."""
    old = turn.said.signals if turn.said else ()
    inside = [found for found in old if found.place in IN_PICTURE]
    said = replace(base, signals=joined(base.signals, inside))
    with crawl.committing(lease):
        crawl.say_silent()
        settle_now(crawl, [Settling(turn, said, fresh=True, silent=code)])
        crawl.frontier.end_turn(turn, None if turn.said else said, asked=True)


def try_again(crawl: Crawl, lease: Lease, turn: Turn) -> None:
    """The host is busy: later, behind all others."""
    with crawl.committing(lease):
        crawl.frontier.end_turn(turn, None, asked=False, again=True)


def commit_photo(crawl: Crawl, lease: Lease, job: Settling, *, n_bytes: int = 0) -> None:
    """What a photo's turn has given, without reading its bytes."""
    with crawl.committing(lease):
        if job.said.silent:
            crawl.say_silent()
        settle_now(crawl, [job])
        crawl.frontier.end_turn(job.turn, job.said, asked=True, n_bytes=n_bytes)


def flush(crawl: Crawl, lease: Lease) -> None:
    """Read the photos that have come, and commit what they are, all at once."""
    if not crawl.pending:
        return
    pending, crawl.pending = crawl.pending, []
    jobs: list[Settling] = []
    for (job, _), (_, result) in zip(
        pending, read_many(crawl.home, ((n, body) for n, (_, body) in enumerate(pending))),
        strict=True,
    ):  # fmt: skip
        job.reading = result
        if isinstance(result, VultusError):
            job.said = replace(job.said, problem=result.code)
        jobs.append(job)
    with crawl.committing(lease):
        settle_now(crawl, jobs)
        for job in jobs:
            if job.said.silent:
                crawl.say_silent()
            crawl.frontier.end_turn(job.turn, job.said, asked=True, n_bytes=job.said.n_bytes)


def settle_now(crawl: Crawl, jobs: list[Settling]) -> None:
    """Decide about photos and write it. Call it while committing."""
    settled = Settled()
    for job in jobs:
        settle(crawl.frontier, job, settled)
    new, removed = write(crawl.visit, settled)
    crawl.new |= new
    crawl.removed += removed
