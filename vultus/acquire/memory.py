"""What one host has said, for as long as it may be used, and the pace at which it is asked.

It can be stored: `files` as text in `to_json`, the pace as its three numbers and times. So a visit
that was killed, or another machine, goes on with it and asks for nothing twice.
"""

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from vultus.acquire.retry import Pace
from vultus.acquire.robots import Robots, expires, of_response

# A robots.txt that may not be cached at all is asked for again after this, not before each URL.
MIN_AGE = timedelta(minutes=10)
SILENT_FOR = timedelta(hours=1)  # a host that does not answer for its robots.txt is left alone


@dataclass(frozen=True)
class Kept:
    """An answer to the request for robots.txt or another file that speaks for the site.

    `status` is None where there was none that can be used: `code` and `problem` are those of the
    error then.
    """

    status: int | None
    content_type: str
    body: bytes
    truncated: bool
    n_redirects: int
    code: str
    problem: str
    fetched_at: datetime
    until: datetime

    @property
    def silent(self) -> bool:
        """The host did not answer, as opposed to what it may have answered."""
        if self.status is None:
            return self.code in {
                "fetch.name", "fetch.connection", "fetch.tls", "fetch.timeout", "fetch.response",
            }  # fmt: skip
        return self.status == 429 or self.status >= 500

    def robots(self) -> Robots:
        """What it means as a robots.txt."""
        if self.status is not None:
            return of_response(self.status, self.body, self.content_type, self.n_redirects)
        if self.code == "fetch.encoding":
            return Robots("robots.unreadable")
        return of_response(None) if self.silent else Robots("robots.redirects")


@dataclass
class Memory:
    """Of one host: its files by URL, its pace, when it was last asked; robots.txt as read."""

    files: dict[str, Kept] = field(default_factory=dict)
    pace: Pace = field(default_factory=lambda: Pace(0.0))
    last_request: datetime | None = None
    read: dict[str, Robots] = field(default_factory=dict)

    def file(self, url: str, now: datetime, since: datetime | None) -> Kept | None:
        """The answer for `url` that may still be used: not too old, nor from before `since`."""
        kept = self.files.get(url)
        if kept is None or kept.until <= now or (since is not None and kept.fetched_at < since):
            return None
        return kept

    def keep(self, url: str, kept: Kept) -> None:
        """Keep an answer; what was kept for this URL before goes."""
        self.files[url] = kept
        self.read.pop(url, None)

    def robots(self, url: str) -> Robots:
        """The kept robots.txt at `url`, read once."""
        if url not in self.read:
            self.read[url] = self.files[url].robots()
        return self.read[url]

    def at_least(self, interval_s: float) -> None:
        """Between two requests lie at least so many seconds from now on."""
        self.pace = replace(self.pace, interval_s=max(self.pace.interval_s, interval_s))

    def to_json(self) -> dict[str, Any]:
        """The files, as JSON can hold them."""
        return {
            url: {
                "status": kept.status,
                "content_type": kept.content_type,
                "body": base64.b64encode(kept.body).decode("ascii"),
                "truncated": kept.truncated,
                "n_redirects": kept.n_redirects,
                "code": kept.code,
                "problem": kept.problem,
                "fetched_at": kept.fetched_at.isoformat(),
                "until": kept.until.isoformat(),
            }
            for url, kept in self.files.items()
        }

    def load(self, files: dict[str, Any]) -> None:
        """Take in what `to_json` gave."""
        for url, said in files.items():
            times = {key: datetime.fromisoformat(said[key]) for key in ("fetched_at", "until")}
            self.files[url] = Kept(**(said | times | {"body": base64.b64decode(said["body"])}))


def usable_until(fetched_at: datetime, cache_control: str, *, silent: bool) -> datetime:
    """Until when a file of a site is used: at most 24 hours (RFC 9309 section 2.4)."""
    if silent:
        return fetched_at + SILENT_FOR
    return max(expires(fetched_at, cache_control), fetched_at + MIN_AGE)


def now_utc() -> datetime:
    return datetime.now(UTC)
