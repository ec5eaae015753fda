"""How fast and when a host may be asked, and when it is left alone.

A host that answers 429 or 503 is asked half as often from then on; after the third such answer of
a visit it is not asked again. What it names in Retry-After is kept, whatever the pace.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MIN_INTERVAL_S = 1.0
MAX_INTERVAL_S = 30 * 86_400.0
MAX_REFUSALS = 3
REFUSALS = frozenset({429, 503})

_RATE = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})\s*([smh]?)(?:\s.*)?", re.ASCII | re.DOTALL)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
_TIMES = re.compile(r"([01]\d|2[0-3])([0-5]\d)\s*-\s*([01]\d|2[0-3])([0-5]\d)", re.ASCII)


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds from `now` that a Retry-After header asks for (RFC 9110 section 10.2.3).

    Whole seconds, or a date in any of the three forms of HTTP; one that has passed is 0. At most
    MAX_INTERVAL_S. None for anything else: the pace alone counts then. `now` has a zone
    (ValueError else).
    """
    _check_zone(now)
    text = value.strip()[:100]
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_INTERVAL_S)
    try:
        time = parsedate_to_datetime(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        seconds = (time - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_INTERVAL_S)


@dataclass(frozen=True)
class Pace:
    """The pace at one host during one visit.

    `interval_s` lies between two requests, `n_refusals` answers were 429 or 503, and before
    `not_before` nothing is asked, by this visit or a later one.
    """

    interval_s: float = MIN_INTERVAL_S
    n_refusals: int = 0
    not_before: datetime | None = None

    @classmethod
    def of(cls, *lower_bounds_s: float, not_before: datetime | None = None) -> "Pace":
        """The pace at the start of a visit: the largest of these intervals and MIN_INTERVAL_S."""
        bounds = [bound for bound in lower_bounds_s if bound == bound]  # noqa: PLR0124 (not a NaN)
        return cls(min(max([MIN_INTERVAL_S, *bounds]), MAX_INTERVAL_S), 0, not_before)

    @property
    def stopped(self) -> bool:
        """Whether the host has refused so often that this visit leaves it alone."""
        return self.n_refusals >= MAX_REFUSALS

    def after(self, status: int, retry_after_header: str | None, now: datetime) -> "Pace":
        """The pace after an answer at `now`.

        429 and 503 double the interval. Retry-After is kept with any status; one that cannot be
        read, or says less than the interval, shortens nothing. An answer that is fine does not
        speed up a visit. Raises ValueError where `now` has no zone.
        """
        _check_zone(now)
        refused = status in REFUSALS
        interval_s = min(self.interval_s * 2, MAX_INTERVAL_S) if refused else self.interval_s
        asked_s = None if retry_after_header is None else retry_after(retry_after_header, now)
        waits = [] if self.not_before is None else [self.not_before]
        if refused or asked_s is not None:
            waits.append(now + timedelta(seconds=max(asked_s or 0.0, interval_s)))
        return replace(
            self,
            interval_s=interval_s,
            n_refusals=self.n_refusals + refused,
            not_before=max(waits, default=None),
        )

    def next_request(self, last_request: datetime | None, now: datetime) -> datetime | None:
        """When the next request may be sent, `now` or later; None once the visit has stopped."""
        _check_zone(now)
        if self.stopped:
            return None
        times = [now]
        if last_request is not None:
            times.append(last_request + timedelta(seconds=self.interval_s))
        if self.not_before is not None:
            times.append(self.not_before)
        return max(times)


def crawl_delay(text: str) -> float | None:
    """Seconds between two requests, at most MAX_INTERVAL_S; None for what is no number."""
    if not re.fullmatch(r"[0-9]{1,300}(\.[0-9]{0,300})?", text):
        return None
    return min(float(text), MAX_INTERVAL_S)


def request_rate(text: str) -> float | None:
    """Seconds between two requests of `documents/seconds`, `1/5`, `30/1h`; None for nonsense.

    A time of day behind it is left aside: the rate is kept at every hour.
    """
    rate = _RATE.fullmatch(text.strip().lower())
    if rate is None or not int(rate[1]) or not int(rate[2]):
        return None
    return min(int(rate[2]) * _SECONDS[rate[3]] / int(rate[1]), MAX_INTERVAL_S)


def visit_time(text: str) -> tuple[int, int] | None:
    """Minutes of the day in UTC, first and last, of `0600-0845`; None for nonsense."""
    times = _TIMES.fullmatch(text.strip())
    if times is None:
        return None
    hour, minute, last_hour, last_minute = (int(part) for part in times.groups())
    return (hour * 60 + minute, last_hour * 60 + last_minute)


def open_at(visit_times: Sequence[tuple[int, int]], at: datetime) -> bool:
    """Whether a host may be visited at `at`: within one of its times, or at any where it has none.

    A time that ends before it begins goes past midnight. Raises ValueError where `at` has no zone.
    """
    _check_zone(at)
    utc = at.astimezone(UTC)
    minute = utc.hour * 60 + utc.minute
    return not visit_times or any(
        first <= minute <= last if first <= last else minute >= first or minute <= last
        for first, last in visit_times
    )


def _check_zone(time: datetime) -> None:
    if time.utcoffset() is None:
        raise ValueError(f"a time has a zone, got {time}")
