"""A URL as a document writes it, made absolute, in the one spelling of `acquire.url`."""

import re
from urllib.parse import urljoin

from vultus.acquire.url import LENGTH_MAX, UNUSABLE, parse_url
from vultus.errors import VultusError

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


def linked(base: str, written: str) -> str | None:
    """The URL that `written` names in a document whose base is `base` (RFC 3986 section 5).

    Blanks around it are dropped, spaces within encoded, as browsers do. None where it is no URL
    that can be fetched, or can be read in two ways. Raises nothing.
    """
    written = written.strip(" \t\r\n\f").replace(" ", "%20")
    if not written or len(written) > LENGTH_MAX or UNUSABLE.search(written):
        return None
    try:
        absolute = written if _ABSOLUTE.match(written) else urljoin(base, written)
        return parse_url(absolute).text
    except (VultusError, ValueError):  # urljoin refuses brackets that hold no address
        return None
