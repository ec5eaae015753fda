"""Which reader gets the answer to a URL, and where a source of each kind begins.

A source can be of a kind whose readers are all here.
"""

from collections.abc import Callable, Mapping

from vultus.acquire import commons, oai
from vultus.acquire.feed import read_feed
from vultus.acquire.found import Found, Link, Role
from vultus.acquire.iiif import read_iiif
from vultus.acquire.optout import MAX_PAGE_BYTES
from vultus.acquire.page import read_page
from vultus.acquire.sitemap import read_sitemap

Reader = Callable[[str, bytes, str], Found]  # URL, body, content type

# Lists are read whole at each visit, so that what they tell no longer is known to be gone.
READERS: Mapping[Role, Reader] = {
    Role.PAGE: read_page,
    Role.FEED: lambda url, body, _: read_feed(url, body),
    Role.SITEMAP: lambda url, body, _: read_sitemap(url, body),
    Role.IIIF: lambda url, body, _: read_iiif(url, body),
    Role.OAI: lambda url, body, _: oai.read_oai(url, body, None),
    Role.COMMONS: lambda url, body, _: commons.read_commons(url, body),
}
# What a source of a kind is first asked for, and what else its documents may lead to.
KINDS: Mapping[str, tuple[Role, frozenset[Role]]] = {
    "site": (Role.PAGE, frozenset({Role.SITEMAP})),
    "sitemap": (Role.SITEMAP, frozenset({Role.PAGE})),
    "feed": (Role.FEED, frozenset({Role.PAGE})),
    "iiif": (Role.IIIF, frozenset()),
    "oai": (Role.OAI, frozenset()),
    "commons": (Role.COMMONS, frozenset()),
}
MAX_BYTES = 52_428_800  # of a document that is no page, as the protocol of sitemaps has it


def web_kinds() -> tuple[str, ...]:
    """The kinds of sources on the web that can be visited."""
    return tuple(
        kind for kind, (first, others) in KINDS.items() if {first, *others} <= READERS.keys()
    )


def first_link(kind: str, location: str) -> Link:
    """Where the visit of a source begins.

    Raises InputError `oai.location`, `commons.category`.
    """
    if kind == "oai":
        location = oai.first_url(location)
    elif kind == "commons":
        location = commons.start_url(location)
    return Link(KINDS[kind][0], location)


def is_followed(kind: str, teller: Role, link: Link) -> bool:
    """Whether what a document of role `teller` leads to is asked for, in a source of this kind.

    The links of pages are followed where the source is a whole site; elsewhere a page shows its
    photos, and the sitemap or feed says which pages there are.
    """
    if teller is Role.PAGE:
        return kind == "site" and link.role is Role.PAGE
    return link.role in READERS


def bytes_max(role: Role) -> int:
    """The most bytes of a document that are read."""
    return MAX_PAGE_BYTES if role is Role.PAGE else MAX_BYTES
