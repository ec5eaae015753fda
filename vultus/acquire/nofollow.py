"""Whether the links of a document may be followed: nofollow and none, in header and page."""

import re
from collections.abc import Sequence

from vultus.acquire.optout import MAX_PAGE_BYTES
from vultus.acquire.robots import PRODUCT_TOKEN
from vultus.acquire.tags import Tag, pieces

_DENYING = {"nofollow", "none"}
_WITH_VALUE = {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
_AGENT = re.compile(r"\s*([a-z0-9_*.-]+)\s*:(.*)", re.DOTALL)


def may_follow(x_robots_tags: Sequence[str], body: bytes) -> bool:
    """Whether neither an X-Robots-Tag header nor a robots meta element of the page says no.

    What is addressed to another robot is not for us. A page that is longer than is read says no.
    Raises nothing.
    """
    if any(_denies(value, agents=True) for value in x_robots_tags):
        return False
    if len(body) > MAX_PAGE_BYTES:
        return False
    for piece in pieces(body.decode("utf-8", "replace")):
        if not isinstance(piece, Tag) or piece.name != "meta" or piece.closes:
            continue
        if piece.attributes.get("name", "").strip().lower() in {"robots", PRODUCT_TOKEN} and (
            _denies(piece.attributes.get("content", ""), agents=False)
        ):
            return False
    return True


def _denies(value: str, *, agents: bool) -> bool:
    """Whether a list of instructions says nofollow to us; with `agents` it may name robots."""
    ours = True
    for part in value.lower().split(","):
        named = _AGENT.fullmatch(part) if agents else None
        words = part
        if named is not None and named[1] not in _WITH_VALUE:
            ours, words = named[1] in {"*", "robots", PRODUCT_TOKEN}, named[2]
        if ours and _DENYING & set(re.findall(r"[a-z0-9_-]+", words)):
            return True
    return False
