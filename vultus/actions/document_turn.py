"""The turn of a page, sitemap, feed or other document: where it leads, and what photos it tells."""

from dataclasses import replace

from vultus.acquire.asking import Asking, media_type, said_by, said_in_headers
from vultus.acquire.fetch import Response
from vultus.acquire.found import Found, Link, Role
from vultus.acquire.linked import linked
from vultus.acquire.nofollow import may_follow
from vultus.acquire.reader import READERS, bytes_max, is_followed
from vultus.acquire.retry import REFUSALS
from vultus.acquire.robots import Answer
from vultus.acquire.said import Said
from vultus.acquire.signal import Place, Signal, unreadable
from vultus.acquire.wall import is_login_place, is_login_wall
from vultus.actions.frontier import Frontier, Lead, Lease, Turn
from vultus.actions.settle import ELSEWHERE, GONE, forget_indexes
from vultus.actions.told import confirm, page_says, tell, untell_gone
from vultus.actions.turn import (
    TRIES_MAX,
    Crawl,
    answered,
    joined,
    require_of_fetch,
    try_again,
    validated,
)
from vultus.errors import InputError, RefusedError, UnavailableError
from vultus.records.models import FrontierItem

UNSHOWN = "page.shows_it_no_more"
LINKS_MAX = 5000  # of one document that are kept for when it says that it has not changed


def document_turn(crawl: Crawl, lease: Lease, turn: Turn) -> None:
    """Ask for a document, if that is permitted, and commit what it tells."""
    asking = crawl.asking(lease, turn.url)
    answer = answered(asking, turn.url)
    if not answer.allowed:
        if asking.silent:
            commit_silent(crawl, lease, turn, answer, answer.rule)
        else:
            commit(crawl, lease, turn, Said(answer), None)
        return
    before = turn.said if turn.said and turn.said.problem is None else None
    try:
        response = asking.get(
            turn.url, min(bytes_max(turn.role), crawl.fetcher.bytes_max), stay=True,
            etag=before.etag if before else None,
            last_modified=before.last_modified if before else None,
        )  # fmt: skip
    except (RefusedError, UnavailableError) as error:
        require_of_fetch(error)
        if asking.away is not None:
            commit_redirect(crawl, lease, turn, answer, asking.away)
        elif isinstance(error, UnavailableError):
            commit_silent(crawl, lease, turn, answer, error.code)
        else:
            commit(crawl, lease, turn, none_there(answer, error.code), Found())
        return
    take_response(crawl, lease, turn, answer, asking, response)


def take_response(
    crawl: Crawl, lease: Lease, turn: Turn, answer: Answer, asking: Asking, response: Response
) -> None:
    """A document was asked for: it is read, or has not changed, or is not there."""
    status = response.status
    seeds = seeds_of(crawl, turn, asking)
    before = turn.said if turn.said and turn.said.problem is None else None
    wall = is_login_wall(turn.url, status, response.headers, response.body)
    if status == 304 and before is not None:
        headers = said_in_headers(response, Place.PAGE_HEADER)
        said = replace(before, answer=answer, signals=joined(before.signals, headers))
        commit(crawl, lease, turn, said, None, seeds=seeds)
    elif wall is not None:
        commit(crawl, lease, turn, none_there(answer, wall), Found())
    elif status in {200, 203}:
        try:
            found = read(turn, response)
        except (InputError, UnavailableError) as error:
            commit_silent(crawl, lease, turn, answer, error.code)
            return
        tags = response.values("x-robots-tag")
        links = found.links if turn.role is not Role.PAGE or may_follow(tags) else ()
        signals = joined(said_by(response), list(asking.licences_of(turn.url, response)))
        said = Said(answer, signals, links[:LINKS_MAX], silent=asking.silent)
        said = validated(said, response)
        if len(links) > LINKS_MAX:  # a 304 could not be answered from what is kept
            said = replace(said, etag=None, last_modified=None)
        n_bytes = len(response.body)
        commit(crawl, lease, turn, said, found, seeds=seeds, n_bytes=n_bytes)
    elif status in REFUSALS and turn.n_refused + 1 < TRIES_MAX:
        try_again(crawl, lease, turn)
    elif status in REFUSALS or status >= 500:
        commit_silent(crawl, lease, turn, answer, "fetch.status")
    else:
        problem = GONE if status in {404, 410} else "fetch.status"
        commit(crawl, lease, turn, none_there(answer, problem), Found())


def read(turn: Turn, response: Response) -> Found:
    """What the document tells; nothing where only a part of it came, or a page is none.

    Raises InputError or UnavailableError where it is none of its kind, or says that it cannot.
    """
    is_page = turn.role is Role.PAGE
    if response.truncated or (is_page and "html" not in media_type(response)):
        return Found()
    content_type = ", ".join(response.values("content-type"))
    return READERS[turn.role](turn.url, response.body, content_type)


def none_there(answer: Answer, problem: str) -> Said:
    """Where a document should be there is none: about pictures on it that counts as a no."""
    denial = unreadable("x-robots-tag", Place.PAGE_HEADER, f"there is no document: {problem}")
    return Said(answer, (denial,), problem=problem)


def seeds_of(crawl: Crawl, turn: Turn, asking: Asking) -> list[Link]:
    """Where a site begins besides its location: the sitemaps that its robots.txt names."""
    if crawl.frontier.source.kind != "site" or turn.depth:
        return []
    written = asking.robots(turn.url).sitemaps
    urls = (linked(turn.url, text) for text in written[:100])
    return [Link(Role.SITEMAP, url) for url in urls if url]


def commit(
    crawl: Crawl,
    lease: Lease,
    turn: Turn,
    said: Said,
    found: Found | None,
    *,
    seeds: list[Link] | None = None,
    n_bytes: int = 0,
) -> None:
    """End the turn: `found` is what the document tells now; None: what it told before."""
    frontier, visit = crawl.frontier, crawl.visit
    with crawl.committing(lease):
        frontier.add([*leads(frontier, turn, said.links), *map(beginning, seeds or [])])
        frontier.end_turn(turn, said, asked=True, n_bytes=n_bytes)
        if found is None:
            confirm(frontier, turn)
        else:
            gone = tell(frontier, turn, found.photos) | untell_gone(frontier, found.gone)
            reason = GONE if said.problem == GONE else UNSHOWN
            crawl.removed += forget_indexes(visit, frontier, gone, reason)
        if turn.said is None or said_of_pictures(turn.said, turn) != said_of_pictures(said, turn):
            page_says(frontier, turn)


def said_of_pictures(said: Said, turn: Turn) -> list[Signal]:
    return said.of_its_pictures(turn.role)


def beginning(link: Link) -> Lead:
    return Lead(link.role, link.url, depth=1)


def leads(frontier: Frontier, turn: Turn, links: tuple[Link, ...]) -> list[Lead]:
    """What a document leads to, as far as a source of this kind follows it."""
    kind = frontier.source.kind
    return [
        Lead(link.role, link.url, turn.depth + 1)
        for link in links
        if is_followed(kind, turn.role, link)
    ]


def commit_silent(crawl: Crawl, lease: Lease, turn: Turn, answer: Answer, code: str) -> None:
    """No answer: what was told before stands; what was never said counts as a no for now."""
    with crawl.committing(lease):
        crawl.say_silent()
        confirm(crawl.frontier, turn)
        said = None
        if turn.said is None:
            denial = unreadable("x-robots-tag", Place.PAGE_HEADER, f"there was no answer: {code}")
            said = Said(replace(answer, allowed=True), (denial,), problem=code, silent=True)
        crawl.frontier.end_turn(turn, said, asked=True)
        if said is not None:
            page_says(crawl.frontier, turn)


def commit_redirect(crawl: Crawl, lease: Lease, turn: Turn, answer: Answer, away: str) -> None:
    """A document is elsewhere: that is asked for in its turn, if it may be."""
    frontier = crawl.frontier
    if is_login_place(away):
        commit(crawl, lease, turn, none_there(answer, "wall.redirect"), Found())
        return
    with crawl.committing(lease):
        lead = Lead(turn.role, away, turn.depth, turn.n_redirects + 1)
        row = frontier.add([lead]).get(away)
        said = none_there(answer, ELSEWHERE if row else "fetch.host")
        if row is not None:  # its word counts for the photos that others tell of this page
            FrontierItem.objects.filter(page=turn.id).exclude(teller=turn.id).update(page=row)
            if row.sealed_said is not None:
                page_says(frontier, frontier.turn(row))
        frontier.end_turn(turn, said, asked=True)
        gone = tell(frontier, turn, ())
        crawl.removed += forget_indexes(crawl.visit, frontier, gone, UNSHOWN)
        page_says(frontier, turn)
