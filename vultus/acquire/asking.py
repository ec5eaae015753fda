"""Asking one host, by its rules: robots.txt first, at its pace, and nothing that it forbids.

Both the check of one address and a visit that lasts for days ask through this class, so that there
is one place where it is decided what may be asked. What the host said is in its `Memory`.

RefusedError       fetch.*          as `fetch.py` says
UnavailableError   fetch.*          as `fetch.py` says
                   permit.refused   the host has refused too often: it is left alone
                   permit.delay     it asks for a longer pause than is waited for
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vultus.acquire import c2pa, embedded, optout, sitefile
from vultus.acquire.fetch import Fetcher, Hop, Response
from vultus.acquire.linked import linked
from vultus.acquire.memory import Kept, Memory, now_utc, usable_until
from vultus.acquire.retry import open_at
from vultus.acquire.robots import MAX_ROBOTS_BYTES, Answer, Robots
from vultus.acquire.signal import Place, Signal, unreadable
from vultus.acquire.url import Url, parse_url
from vultus.errors import InputError, RefusedError, UnavailableError
from vultus.faces.metadata import read_metadata

MAX_LICENCES = 10
MIN_BYTES = max(MAX_ROBOTS_BYTES, sitefile.MAX_FILE_BYTES) + 1
_NO_ANSWER = {"fetch.name", "fetch.connection", "fetch.tls", "fetch.timeout"}  # as if 503
_STRAY = {"fetch.redirect", "fetch.host", "fetch.scheme", "fetch.encoding"}


@dataclass(frozen=True)
class Manners:
    """How a host is asked: what is waited for, when it is given up, and what happens around it.

    `before` is called with the seconds to wait before each request, `kept` after each file of the
    site that was asked for. Nothing from before `since` is used.
    """

    wait_s_max: float
    refusals_max: int
    before: Callable[[float], None]
    kept: Callable[[], None] = lambda: None
    since: datetime | None = None


class Asking:
    """One host being asked. `asked` are all exchanges; `silent` says whether a file was asked for
    in vain; `away` is where the last redirect led that was not followed.
    """

    def __init__(self, fetcher: Fetcher, host: Url, memory: Memory, manners: Manners) -> None:
        """`fetcher` takes MIN_BYTES at least (ValueError else): a robots.txt of which a part is
        missing is none. `host` is any URL of the host, and nothing of another one is asked.
        """
        if fetcher.bytes_max < MIN_BYTES:
            raise ValueError(f"a fetcher of {MIN_BYTES} bytes or more expected")
        self.fetcher, self.host, self.memory, self.manners = fetcher, host, memory, manners
        self.asked: list[Hop] = []
        self.silent = False
        self.away: str | None = None
        self.licences: set[str] = set()  # those that were asked for

    def robots(self, url: str) -> Robots:
        """The robots.txt for a URL; it is asked for where it is not known."""
        robots_url = f"{place_of(url)}/robots.txt"
        self._file(robots_url, MAX_ROBOTS_BYTES + 1, self._go_on)
        return self.memory.robots(robots_url)

    def answer(self, url: str) -> Answer:
        """What robots.txt says of a URL."""
        answer = self.robots(url).answer(url)
        self.memory.at_least(answer.delay_s)
        if answer.allowed and not open_at(answer.visit_times, now_utc()):
            return Answer(False, "robots.visit_time", body_sha256=answer.body_sha256)
        return answer

    def get(
        self,
        url: str,
        bytes_max: int,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        stay: bool = False,
    ) -> Response:
        """A URL that robots.txt allows, and redirects as far as it allows them.

        With `stay` no redirect is followed: RefusedError `fetch.redirect`, and `away` says where.
        """
        self.away = None
        follow = self._stay if stay else self._follow
        return self._fetch(url, bytes_max, follow, etag=etag, last_modified=last_modified)

    def _stay(self, url: str) -> None:
        self.away = url
        raise RefusedError("fetch.redirect", "It leads to another address.")

    def _go_on(self, url: str) -> None:
        """Follow a redirect within the host, at its pace."""
        if parse_url(url).authority != self.host.authority:
            raise RefusedError("fetch.redirect", "It leads to another host.")
        self.memory.last_request = now_utc()
        self._wait()

    def _follow(self, url: str) -> None:
        if parse_url(url).authority == self.host.authority and not self.answer(url).allowed:
            raise RefusedError(
                "fetch.redirect",
                "It leads to an address that robots.txt forbids.",
                "Nothing was asked of that address.",
            )
        self._go_on(url)

    def _wait(self) -> None:
        """Let the time pass that the host asks for. Raises `permit.refused`, `permit.delay`."""
        pace, now = self.memory.pace, now_utc()
        at = pace.next_request(self.memory.last_request, now)
        if at is None or pace.n_refusals >= self.manners.refusals_max:
            raise UnavailableError(
                "permit.refused", "The site asks to be left alone for now.", "Try later."
            )
        seconds = (at - now).total_seconds()
        if seconds > self.manners.wait_s_max:
            raise UnavailableError(
                "permit.delay",
                f"The site asks for {seconds:.0f} seconds between two requests.",
                f"More than {self.manners.wait_s_max:.0f} are not waited for here.",
            )
        self.manners.before(seconds)

    def _fetch(
        self,
        url: str,
        bytes_max: int,
        follow: Callable[[str], None],
        *,
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> Response:
        self._wait()
        try:
            response = self.fetcher.get(
                url, hosts=frozenset({self.host.host}), bytes_max=bytes_max, follow=follow,
                etag=etag, last_modified=last_modified,
            )  # fmt: skip
        except UnavailableError as error:
            if error.code in _NO_ANSWER:
                self.memory.pace = self.memory.pace.after(503, None, now_utc())
            raise
        finally:
            self.memory.last_request = now_utc()
        self.asked += response.hops
        said = response.values("retry-after")
        self.memory.pace = self.memory.pace.after(
            response.status, said[0] if said else None, self.memory.last_request
        )
        return response

    def _file(self, url: str, bytes_max: int, follow: Callable[[str], None]) -> Kept:
        """A file that speaks for the site: what is known of it, or asked for now and kept."""
        kept = self.memory.file(url, now_utc(), self.manners.since)
        if kept is None:
            kept = self._asked_file(url, bytes_max, follow)
            self.memory.keep(url, kept)
            self.manners.kept()
        self.silent = self.silent or kept.silent
        return kept

    def _asked_file(self, url: str, bytes_max: int, follow: Callable[[str], None]) -> Kept:
        try:
            response = self._fetch(url, bytes_max, follow)
        except (RefusedError, UnavailableError) as error:
            if isinstance(error, RefusedError) and error.code not in _STRAY:
                raise  # of this host nothing is asked at all
            if not error.code.startswith("fetch."):
                raise
            now = now_utc()
            kept = Kept(None, "", b"", False, 0, error.code, error.message, now, now)
            return replace(kept, until=usable_until(now, "", silent=kept.silent))
        content_type, control = (
            ", ".join(response.values(name)) for name in ("content-type", "cache-control")
        )
        now = response.fetched_at
        n_redirects = len(response.hops) - 1
        kept = Kept(
            response.status, content_type, response.body, response.truncated, n_redirects, "", "",
            now, now,
        )  # fmt: skip
        return replace(kept, until=usable_until(now, control, silent=kept.silent))

    def site_files(self, url: str, answer: Answer) -> Iterator[Signal]:
        """What tdmrep.json, ai.txt and the licences that robots.txt names say of a URL."""
        place = place_of(url)
        tdmrep = f"{place}/.well-known/tdmrep.json"
        yield from self._site_file(url, tdmrep, "tdm-reservation", sitefile.tdmrep, may_lack=True)
        ai_txt = f"{place}/ai.txt"
        yield from self._site_file(url, ai_txt, "ai-txt", sitefile.ai_txt, may_lack=True)
        yield from self._licences(url, url, answer.licences)

    def licences_of(self, url: str, response: Response) -> Iterator[Signal]:
        """What the licences say of a URL that its answer names: in its headers, or as a page."""
        if not 200 <= response.status < 300 or response.truncated:
            return
        kind = media_type(response)
        place = Place.IMAGE_HEADER if kind.startswith("image/") else Place.PAGE_HEADER
        named = [optout.licences_of_headers(response.values("link"), place)]
        if "html" in kind:
            named.append(optout.licences_of_page(response.body))
        for licences in named:
            yield from licences.signals
            for whole in licences.whole:
                yield from (replace(said, place=Place.PAGE) for said in sitefile.rsl(whole, url))
            base = linked(response.final_url, licences.base) or response.final_url
            yield from self._licences(url, base, licences.urls)

    def _licences(self, url: str, base: str, written: Sequence[str]) -> Iterator[Signal]:
        """What these licences say of `url`, each written as a URL; none is asked for twice."""
        for text in written:
            where = linked(base, text)
            if where in self.licences:
                continue
            if where is None or len(self.licences) == MAX_LICENCES:
                what = f"more licences than are read, or one at what is no URL: {text}"
                yield unreadable("rsl", Place.SITE_FILE, what)
                return
            self.licences.add(where)
            yield from self._site_file(url, where, "rsl", sitefile.rsl, may_lack=False)

    def _site_file(
        self,
        url: str,
        where: str,
        name: str,
        read: Callable[[bytes, str], Signal | list[Signal]],
        *,
        may_lack: bool,
    ) -> list[Signal]:
        """What one file says of `url`; nothing where the site has none and need not have."""
        try:
            file = parse_url(where)
            same = file.authority == self.host.authority
            if not same or not self.answer(file.text).allowed:
                return [unreadable(name, Place.SITE_FILE, f"{where} may not be asked for")]
            kept = self._file(file.text, sitefile.MAX_FILE_BYTES + 1, self._follow)
        except (InputError, RefusedError, ValueError) as error:
            return [unreadable(name, Place.SITE_FILE, f"{where}: {error}")]
        if kept.status is None:
            return [unreadable(name, Place.SITE_FILE, f"{where}: {kept.problem}")]
        # Many sites answer with a page of their own where they have no such file.
        is_page = "html" in kept.content_type.lower()
        if may_lack and (kept.status in {404, 410} or (kept.status == 200 and is_page)):
            return []
        if not 200 <= kept.status < 300 or kept.truncated:
            return [unreadable(name, Place.SITE_FILE, f"{where} answered {kept.status}")]
        said = read(kept.body, url)
        return said if isinstance(said, list) else [said]


def place_of(url: str) -> str:
    """Scheme, host and port of a URL: what has a robots.txt of its own."""
    parsed = parse_url(url)
    return f"{parsed.scheme}://{parsed.authority}"


def waits(pause: Callable[[float], None] = time.sleep) -> Callable[[float], None]:
    """`Manners.before` that only waits, where there is something to wait for."""
    return lambda seconds: pause(seconds) if seconds > 0 else None


def said_by(response: Response) -> list[Signal]:
    """What the headers and the body of a response say."""
    kind = media_type(response)
    place = Place.IMAGE_HEADER if kind.startswith("image/") else Place.PAGE_HEADER
    said = said_in_headers(response, place)
    if not 200 <= response.status < 300:
        return [*said, unreadable("x-robots-tag", place, f"it answered {response.status}")]
    if response.truncated:
        return [*said, unreadable("x-robots-tag", place, "more than is read")]
    if place is Place.IMAGE_HEADER:
        return said + said_in_picture(response.body)
    return said + (optout.page(response.body) if "html" in kind else [])


def media_type(response: Response) -> str:
    """The type of a response's body, lower case, without parameters."""
    return ", ".join(response.values("content-type")).partition(";")[0].strip().lower()


def said_in_headers(response: Response, place: Place) -> list[Signal]:
    """What the headers of a response say."""
    return [
        *optout.robots_tag(response.values("x-robots-tag"), place),
        *optout.tdm_header(response.values("tdm-reservation"), place),
        *optout.content_usage(response.values("content-usage"), place),
        *optout.content_signal(response.values("content-signal"), place),
    ]


def said_in_picture(body: bytes) -> list[Signal]:
    """What a picture says in itself: its content credentials, and plus:DataMining of its XMP."""
    said = c2pa.content_credentials(body)
    metadata = read_metadata(body)
    if "xmp" in metadata.unreadable:
        said.append(unreadable("iptc-data-mining", Place.IMAGE, "XMP that cannot be read"))
    elif metadata.data_mining is not None:
        said.append(embedded.data_mining(metadata.data_mining))
    return said
