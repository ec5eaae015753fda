"""Dates as archives write them for people, brought to ISO 8601 with how much of them is known.

A date that the archive itself does not know (about, before, between, a question mark) is none.
"""

import re

from vultus.faces.dates import Date, read_date, read_iptc_date

MAX_WRITTEN = 60  # characters; what is longer is a sentence
_MONTHS = {
    name: number
    for number, names in enumerate((
        "january jan janvier janv januari januar jänner",
        "february feb février fevrier févr fevr februari februar",
        "march mar mars maart mrt märz maerz",
        "april apr avril avr",
        "may mai mei",
        "june jun juin juni",
        "july jul juillet juil juli",
        "august aug août aout augustus",
        "september sept sep septembre",
        "october oct octobre oktober okt",
        "november nov novembre",
        "december dec décembre decembre déc dezember dez",
    ), 1)
    for name in names.split()
}  # fmt: skip
_DAY = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er|e|\.)?"
_NAME = r"(?P<name>[^\W\d_]{3,9})\.?"
_YEAR = r"(?P<year>[0-9]{4})"
_WORDED = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_DAY}\s+(?:of\s+|de\s+)?{_NAME},?\s+{_YEAR}",
        rf"{_NAME}\s+{_DAY},?\s+{_YEAR}",
        rf"{_NAME}(?P<day>),?\s+{_YEAR}",
        rf"{_YEAR},?\s+{_NAME}(?:\s+{_DAY})?",
    )
]
_NUMBERED = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[./]([0-9]{1,2})(?:[./]([0-9]{1,2}))?")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{4})")
_WEEKDAY = re.compile(r"^[^\W\d_]{2,9}\.?,\s*(?=[0-9])")
_PARTS = {"year": 4, "month": 7, "day": 10}  # characters of each precision


def written_date(written: str) -> Date | None:
    """The date that `written` names; None where it names none, or none for certain.

    English, French, Dutch and German names of months are read. Of two numbers with a slash that
    could both be the month, neither is believed: the year alone is known. Of a span of time the
    part that both ends share is known.
    """
    text = " ".join(written.split())
    if len(text) > MAX_WRITTEN:
        return None
    text = text.strip("[]()., ")
    first, slash, last = text.partition("/")
    if slash and len(first) >= 4 and len(last) >= 4:
        return _shared(_single(first.strip()), _single(last.strip())) or _single(text)
    return _single(text)


def _shared(first: Date | None, last: Date | None) -> Date | None:
    """What two dates have in common: the year, the month or the day."""
    for precision, n in reversed(_PARTS.items()):
        known = first and last and min(len(first.text), len(last.text)) >= n
        if first and last and known and first.text[:n] == last.text[:n]:
            return Date(first.text[:n], precision)
    return None


def _single(text: str) -> Date | None:
    read = read_date(text) or (read_iptc_date(text) if len(text) == 8 else None)
    if read is not None:
        return read
    text = _WEEKDAY.sub("", text, count=1)
    for form in _WORDED:
        found = form.fullmatch(text)
        if found is not None:
            number = _MONTHS.get(found["name"].lower())
            return _dated(found["year"], str(number), found["day"]) if number else None
    found = _YEAR_FIRST.fullmatch(text)
    if found is not None:
        return _dated(found[1], found[2], found[3])
    found = _MONTH_FIRST.fullmatch(text)
    if found is not None:
        return _dated(found[2], found[1], None)
    found = _NUMBERED.fullmatch(text)
    if found is None:
        return None
    day, month = found[1], found[3]
    if found[2] == "/" and int(day) <= 12 and day.zfill(2) != month.zfill(2):
        if int(month) <= 12:
            return _dated(found[4], None, None)
        day, month = month, day  # the American order
    return _dated(found[4], month, day)


def _dated(year: str, month: str | None, day: str | None) -> Date | None:
    parts = [year] + [part.zfill(2) for part in (month, day) if part]
    return read_date("-".join(parts))
