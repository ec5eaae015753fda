"""Dates as photo metadata spells them, brought to ISO 8601 with how much of them is known."""

import re
from dataclasses import dataclass
from datetime import datetime

OLDEST, NEWEST = 1800, 2199  # years; others are a camera's or a typing error
# EXIF writes 2019:05:04 10:11:12, XMP 2019-05-04T10:11:12.5+02:00 and any beginning of it.
WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:[-:](?P<month>\d{2})(?:[-:](?P<day>\d{2})"
    r"(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,12})?)?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)
IPTC_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
IPTC_TIME = re.compile(r"(\d{2}):?(\d{2}):?(\d{2})(?:([+-]\d{2}):?(\d{2}))?", re.ASCII)


@dataclass(frozen=True)
class Date:
    """`text` is ISO 8601 as far as known; `precision` is year, month, day or second."""

    text: str
    precision: str


def read_date(written: str) -> Date | None:
    """Read a date of EXIF or XMP; None where it is not one. Minutes without seconds are dropped."""
    found = WRITTEN.fullmatch(written.strip().strip("\0"))
    if found is None:
        return None
    part = found.groupdict()
    time = ""
    if part["second"] is not None:
        zone = {"Z": "+00:00", None: ""}.get(part["zone"], part["zone"])
        time = f"{part['hour']}:{part['minute']}:{part['second']}{zone}"
    return _checked(part["year"], part["month"] or "00", part["day"] or "00", time)


def read_iptc_date(day: str, time: str = "") -> Date | None:
    """Read IPTC 2:55 (CCYYMMDD, 00 where unknown) and 2:60 (HHMMSS+HHMM); None where it is none."""
    found = IPTC_DATE.fullmatch(day.strip())
    if found is None:
        return None
    clock = IPTC_TIME.fullmatch(time.strip())
    written = ""
    if clock is not None:
        hour, minute, second, zone_hours, zone_minutes = clock.groups()
        written = f"{hour}:{minute}:{second}"
        written += f"{zone_hours}:{zone_minutes}" if zone_hours else ""
    return _checked(found[1], found[2], found[3], written)


def _checked(year: str, month: str, day: str, time: str) -> Date | None:
    if not OLDEST <= int(year) <= NEWEST:
        return None
    if month == "00":
        return Date(year, "year")
    try:
        if day == "00":
            datetime.fromisoformat(f"{year}-{month}-01")
            return Date(f"{year}-{month}", "month")
        whole = f"{year}-{month}-{day}"
        datetime.fromisoformat(whole)
    except ValueError:
        return None
    try:
        if time:
            datetime.fromisoformat(f"{whole}T{time}")
            return Date(f"{whole}T{time}", "second")
    except ValueError:
        pass  # a broken time leaves a good day
    return Date(whole, "day")
