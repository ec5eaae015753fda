"""A URL as a document writes it, made absolute, in the one spelling of `acquire.url`."""

from urllib.parse import urljoin

from vultus.acquire.url import LENGTH_MAX, parse_url
from vultus.errors import VultusError


def linked(base: str, written: str) -> str | None:
    """The URL that `written` names in a document whose base is `base` (RFC 3986 section 5).

    Blanks around it are dropped. None where it is no URL that can be fetched.
    """
    written = written.strip(" \t\r\n\f")
    if not written or len(written) > LENGTH_MAX:
        return None
    try:
        return parse_url(urljoin(base, written)).text
    except (VultusError, ValueError):  # urljoin refuses brackets that hold no address
        return None
