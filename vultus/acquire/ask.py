"""Ask a site what it allows for one URL, and decide.

robots.txt comes first, and nothing is asked for that it forbids: no site file, not the URL, and
nothing that a redirect leads to before the robots.txt of that place has been read. Then come
tdmrep.json, ai.txt and the licences that robots.txt names, and at last the URL itself with its
headers, the page or picture that it is, and the licences that these name. Between two requests at
least the time passes that robots.txt asks for. What cannot be had counts as a no.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from vultus.acquire import c2pa, embedded, optout, sitefile
from vultus.acquire.decision import Decision
from vultus.acquire.fetch import Fetcher, Hop, Response
from vultus.acquire.linked import linked
from vultus.acquire.permit import decide
from vultus.acquire.retry import REFUSALS, open_at
from vultus.acquire.robots import MAX_ROBOTS_BYTES, Answer, Robots, of_response
from vultus.acquire.signal import Place, Signal, unreadable
from vultus.acquire.url import parse_url
from vultus.errors import RefusedError, UnavailableError, VultusError
from vultus.faces.metadata import read_metadata

MAX_WAIT_S = 60.0
MAX_LICENCES = 10
MIN_BYTES = max(MAX_ROBOTS_BYTES, sitefile.MAX_FILE_BYTES) + 1
_STRAY = {"fetch.redirect", "fetch.host", "fetch.scheme"}


@dataclass(frozen=True)
class Finding:
    """The decision, every request that was made for it, and what the URL itself answered.

    `status` is None where the URL was not asked for, or did not answer: `problem` then says why.
    """

    decision: Decision
    asked: tuple[Hop, ...]
    status: int | None
    problem: str | None


def ask(
    fetcher: Fetcher,
    url: str,
    *,
    licence: bool = False,
    pause: Callable[[float], None] = time.sleep,
) -> Finding:
    """Ask the host of `url`, and no other, and decide.

    `fetcher` takes MIN_BYTES at least (ValueError else): a robots.txt of which a part is missing
    is none. Raises InputError `fetch.url`; RefusedError `fetch.address`, `fetch.port` for a host
    of which nothing is asked at all. Every other failure is part of the finding.
    """
    if fetcher.bytes_max < MIN_BYTES:
        raise ValueError(f"a fetcher of {MIN_BYTES} bytes or more expected")
    parsed = parse_url(url)
    url = parsed.text  # what is compared with the rules is what is asked for
    asking = _Asking(fetcher, frozenset({parsed.host}), pause)
    answer = asking.answer(url)
    signals = optout.of_robots(answer)
    status = problem = None
    if answer.allowed:
        signals += asking.site_files(url, answer)
        try:
            response = asking.get(url, fetcher.bytes_max)
            status = response.status
            signals += _said_by(response)
            signals += asking.licences_of(url, response)
        except (RefusedError, UnavailableError) as error:
            problem = error.message
            signals.append(unreadable("x-robots-tag", Place.PAGE_HEADER, error.message))
    decision = decide(url, answer, signals, licence=licence, at=datetime.now(UTC))
    return Finding(decision, tuple(asking.asked), status, problem)


class _Asking:
    """What has been asked of the hosts so far, and the robots.txt of each place."""

    def __init__(
        self, fetcher: Fetcher, hosts: frozenset[str], pause: Callable[[float], None]
    ) -> None:
        self.fetcher, self.hosts, self.pause = fetcher, hosts, pause
        self.asked: list[Hop] = []
        self.robots: dict[str, Robots] = {}
        self.delay_s = 0.0
        self.refused = False
        self.licences: set[str] = set()  # those that were asked for

    def answer(self, url: str) -> Answer:
        """What robots.txt says of a URL; it is asked for where it has not been."""
        place = _place(url)
        if place not in self.robots:
            self.robots[place] = self._robots_of(place)
        answer = self.robots[place].answer(url)
        self.delay_s = max(self.delay_s, answer.delay_s)
        if answer.allowed and not open_at(answer.visit_times, datetime.now(UTC)):
            return Answer(False, "robots.visit_time", body_sha256=answer.body_sha256)
        return answer

    def _robots_of(self, place: str) -> Robots:
        try:
            response = self._fetch(f"{place}/robots.txt", MAX_ROBOTS_BYTES + 1, lambda _: None)
        except UnavailableError:
            return of_response(None)
        except RefusedError as error:
            if error.code == "fetch.encoding":
                return Robots("robots.unreadable")
            if error.code in _STRAY:
                return Robots("robots.redirects")
            raise
        content_type = ", ".join(response.values("content-type"))
        return of_response(response.status, response.body, content_type, len(response.hops) - 1)

    def get(self, url: str, bytes_max: int) -> Response:
        """A URL that robots.txt allows, and redirects as far as it allows them."""
        return self._fetch(url, bytes_max, self._follow)

    def _follow(self, url: str) -> None:
        if not self.answer(url).allowed:
            raise RefusedError(
                "fetch.redirect",
                "It leads to an address that robots.txt forbids.",
                "Nothing was asked of that address.",
            )

    def _fetch(self, url: str, bytes_max: int, follow: Callable[[str], None]) -> Response:
        if self.refused:
            raise UnavailableError(
                "permit.refused", "The site asks to be left alone for now.", "Try later."
            )
        if self.delay_s > MAX_WAIT_S:
            raise UnavailableError(
                "permit.delay",
                f"The site asks for {self.delay_s:.0f} seconds between two requests.",
                f"More than {MAX_WAIT_S:.0f} are not waited for here.",
            )
        if self.asked and self.delay_s:
            self.pause(self.delay_s)
        response = self.fetcher.get(url, hosts=self.hosts, bytes_max=bytes_max, follow=follow)
        self.asked += response.hops
        self.refused = response.status in REFUSALS
        return response

    def site_files(self, url: str, answer: Answer) -> list[Signal]:
        """What tdmrep.json, ai.txt and the licences that robots.txt names say of a URL."""
        place = _place(url)
        files = [
            (f"{place}/.well-known/tdmrep.json", "tdm-reservation", sitefile.tdmrep),
            (f"{place}/ai.txt", "ai-txt", sitefile.ai_txt),
        ]
        found = [signal for file in files for signal in self._site_file(url, *file, may_lack=True)]
        return found + self._licences(url, url, answer.licences)

    def licences_of(self, url: str, response: Response) -> list[Signal]:
        """What the licences say of a URL that its answer names: in its headers, or as a page."""
        if not 200 <= response.status < 300 or response.truncated:
            return []
        kind = _kind(response)
        place = Place.IMAGE_HEADER if kind.startswith("image/") else Place.PAGE_HEADER
        named = [optout.licences_of_headers(response.values("link"), place)]
        if "html" in kind:
            named.append(optout.licences_of_page(response.body))
        found: list[Signal] = []
        for licences in named:
            found += licences.signals
            for whole in licences.whole:
                found += [replace(said, place=Place.PAGE) for said in sitefile.rsl(whole, url)]
            base = linked(response.final_url, licences.base) or response.final_url
            found += self._licences(url, base, licences.urls)
        return found

    def _licences(self, url: str, base: str, written: Sequence[str]) -> list[Signal]:
        """What these licences say of `url`, each written as a URL; none is asked for twice."""
        found: list[Signal] = []
        for text in written:
            where = linked(base, text)
            if where in self.licences:
                continue
            if where is None or len(self.licences) == MAX_LICENCES:
                what = f"more licences than are read, or one at what is no URL: {text}"
                return [*found, unreadable("rsl", Place.SITE_FILE, what)]
            self.licences.add(where)
            found += self._site_file(url, where, "rsl", sitefile.rsl, may_lack=False)
        return found

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
            if file.host not in self.hosts or not self.answer(file.text).allowed:
                return [unreadable(name, Place.SITE_FILE, f"{where} may not be asked for")]
            response = self.get(file.text, sitefile.MAX_FILE_BYTES + 1)
        except VultusError as error:
            return [unreadable(name, Place.SITE_FILE, f"{where}: {error.message}")]
        # Many sites answer with a page of their own where they have no such file.
        is_page = "html" in ", ".join(response.values("content-type")).lower()
        if may_lack and (response.status in {404, 410} or (response.status == 200 and is_page)):
            return []
        if not 200 <= response.status < 300 or response.truncated:
            return [unreadable(name, Place.SITE_FILE, f"{where} answered {response.status}")]
        said = read(response.body, url)
        return said if isinstance(said, list) else [said]


def _place(url: str) -> str:
    parsed = parse_url(url)
    return f"{parsed.scheme}://{parsed.authority}"


def _kind(response: Response) -> str:
    """The media type of a response, lower case, without parameters."""
    return ", ".join(response.values("content-type")).partition(";")[0].strip().lower()


def _said_by(response: Response) -> list[Signal]:
    """What the headers and the body of a response say."""
    kind = _kind(response)
    is_image = kind.startswith("image/")
    place = Place.IMAGE_HEADER if is_image else Place.PAGE_HEADER
    said = [
        *optout.robots_tag(response.values("x-robots-tag"), place),
        *optout.tdm_header(response.values("tdm-reservation"), place),
        *optout.content_usage(response.values("content-usage"), place),
        *optout.content_signal(response.values("content-signal"), place),
    ]
    if not 200 <= response.status < 300:
        return [*said, unreadable("x-robots-tag", place, f"it answered {response.status}")]
    if response.truncated:
        return [*said, unreadable("x-robots-tag", place, "more than is read")]
    if is_image:
        return said + _said_in_picture(response.body)
    return said + (optout.page(response.body) if "html" in kind else [])


def _said_in_picture(body: bytes) -> list[Signal]:
    """What a picture says in itself: its content credentials, and plus:DataMining of its XMP."""
    said = c2pa.content_credentials(body)
    metadata = read_metadata(body)
    if "xmp" in metadata.unreadable:
        said.append(unreadable("iptc-data-mining", Place.IMAGE, "XMP that cannot be read"))
    elif metadata.data_mining is not None:
        said.append(embedded.data_mining(metadata.data_mining))
    return said
