"""Whether the links of a document may be followed, as its X-Robots-Tag headers have it.

What a page itself says of its links its reader keeps to.
"""

import re
from collections.abc import Sequence

from vultus.acquire.robots import PRODUCT_TOKEN

_DENYING = {"nofollow", "none"}
_WITH_VALUE = {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
_AGENT = re.compile(r"\s*([a-z0-9_*.-]+)\s*:(.*)", re.DOTALL)


def may_follow(x_robots_tags: Sequence[str]) -> bool:
    """Whether no X-Robots-Tag header says nofollow or none to us.

    What is addressed to another robot, by its name and a colon, is not for us. Raises nothing.
    """
    return not any(_denies(value) for value in x_robots_tags)


def _denies(value: str) -> bool:
    ours = True
    for part in value.lower().split(","):
        named = _AGENT.fullmatch(part)
        words = part
        if named is not None and named[1] not in _WITH_VALUE:
            ours, words = named[1] in {"*", "robots", PRODUCT_TOKEN}, named[2]
        if ours and _DENYING & set(re.findall(r"[a-z0-9_-]+", words)):
            return True
    return False
