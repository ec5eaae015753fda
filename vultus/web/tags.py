"""Template filters: numbers, dates and states as a page writes them."""

from datetime import UTC, date, datetime

from django import template
from django.utils.dates import MONTHS
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from vultus.web import words

register = template.Library()
register.filter("whole", words.whole)

SHAPES = {
    "done": '<circle class="solid" cx="5" cy="5" r="4.2"/>',
    "half": '<circle cx="5" cy="5" r="4.2"/><path class="solid" d="M5 .8a4.2 4.2 0 0 1 0 8.4z"/>',
    "waiting": '<circle cx="5" cy="5" r="4.2"/>',
    "stopped": '<circle cx="5" cy="5" r="4.2"/><path d="M2 8l6-6"/>',
    "failed": '<path d="M1 1l8 8M9 1l-8 8"/>',
}


@register.filter
def score(value: float) -> str:
    """A cosine with three decimals, as the language writes them."""
    return number_format(value, decimal_pos=3, use_l10n=True)


@register.filter
def two_decimals(value: float) -> str:
    return number_format(value, decimal_pos=2, use_l10n=True)


@register.filter
def file_name(path: str) -> str:
    """The last part of a path: the command line gives paths, a browser only names."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


@register.filter
def day(value: date | datetime | None) -> str:
    """24 November 2026."""
    return date_format(value, "j F Y") if value else ""


@register.filter
def moment(value: datetime) -> SafeString:
    """A time in UTC; the script writes it in the reader's own zone."""
    stamp = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" data-local>{}, {} UTC</time>',
        stamp.strftime("%Y-%m-%dT%H:%M:%SZ"),
        date_format(stamp, "j F Y"),
        stamp.strftime("%H:%M"),
    )


@register.filter
def iso_day(text: str) -> str:
    """A photo's date, ISO 8601 and as precise as it is known, in words: 2019, April 2019."""
    parts = text[:10].split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return parts[0]
        if len(numbers) == 2:
            return f"{MONTHS[numbers[1]]} {parts[0]}"
        return date_format(date(*numbers), "j F Y")
    except (ValueError, KeyError, TypeError):
        return text


@register.filter
def days_left(expires: date) -> int:
    """Days until the last day of a case, UTC; 0 on that day, negative after."""
    return (expires - datetime.now(UTC).date()).days


@register.simple_tag
def state(shape: str, text: str) -> SafeString:
    """A shape and a word, never a colour."""
    mark = SafeString(SHAPES[shape])
    return format_html(
        '<span class="state"><svg viewBox="0 0 10 10" aria-hidden="true">{}</svg>{}</span>',
        mark,
        text,
    )


@register.filter
def commands(text: str) -> SafeString:
    """What stands between backticks, as a command to type."""
    pieces = enumerate(str(text).split("`"))
    return format_html_join("", "{}", ((as_code(p) if i % 2 else p,) for i, p in pieces))


def as_code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text)


@register.filter
def host_and_path(url: str) -> str:
    """An address without its scheme, as a reader says it."""
    return url.removeprefix("https://").removeprefix("http://").rstrip("/")


@register.filter
def is_link(url: str | None) -> bool:
    """Only web addresses become links; a path on a disk, or `javascript:`, does not."""
    return bool(url) and str(url).startswith(("https://", "http://"))


@register.filter
def quoted(text: str) -> str:
    """A caption between the language's quotation marks, without its own."""
    return _("“%(text)s”") % {"text": text.strip().strip('“”"')}
