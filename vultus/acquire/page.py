"""An HTML page as a source of photos: its pictures, what is said beside each, and its links.

Which pictures count is said in `page_photo`, what is beside them in `page_beside`, when it was
in `page_date`; how much of a page is read, and by what, in `page_tree`. Nothing is asked for, no
script runs, and no bytes make it raise.
"""

import re
from collections.abc import Iterator

from vultus.acquire.found import Found, Item, Link, Role
from vultus.acquire.linked import linked
from vultus.acquire.page_beside import BesideReader
from vultus.acquire.page_data import read_data
from vultus.acquire.page_photo import read_pictures
from vultus.acquire.page_tree import Node, parse_page
from vultus.acquire.robots import PRODUCT_TOKEN

MAX_LINKS = 5_000
MAX_ELEMENTS = 20_000  # links that are looked at
# Names of files that are no pages; `/wiki/File:A.jpg` is one.
NO_PAGE = re.compile(
    r"/[^/:?]*\.(?:jpe?g|jpe|png|webp|avif|gif|tiff?|heic|bmp|jxl|svgz?|ico|css|js|mjs|json|xml|rss|atom"
    r"|pdf|docx?|xlsx?|pptx?|odt|ods|epub|zip|gz|tgz|bz2|xz|7z|rar|tar|exe|dmg|iso|apk|mp3|mp4|m4a"
    r"|m4v|ogg|ogv|wav|flac|avi|mov|mkv|webm|woff2?|ttf|eot)(?:\?|$)",
    re.IGNORECASE,
)


def read_page(url: str, body: bytes, content_type: str = "") -> Found:
    """The photos of a page, in its order, and the pages that it links, each once.

    `url` is where the page was fetched; where it is no URL that can be fetched, nothing is found.
    Photos whose largest rendition is no such URL are left out. A link marked `nofollow` is not
    told, and none is where a robots meta element says `nofollow` or `none`. Never raises.
    """
    page_url = linked(url, url)
    if page_url is None:
        return Found()
    root = parse_page(body, content_type)
    base = _base(root, page_url)
    things = read_data(root)
    pictures = read_pictures(root, base, things)
    reader = BesideReader(root, page_url, base, things, pictures)
    photos = tuple(
        Item(url=picture.url, page_url=page_url, beside=reader.read(picture))
        for picture in pictures.found
    )
    return Found(
        photos=photos, links=() if _no_follow(root) else tuple(_links(root, base, page_url))
    )


def _base(root: Node, url: str) -> str:
    """The first base element with an address counts (HTML 4.2.3)."""
    for node in root.walk():
        if node.name == "base" and node.get("href"):
            return linked(url, node.get("href")) or url
    return url


def _no_follow(root: Node) -> bool:
    for node in root.walk():
        if node.name == "meta" and node.get("name").lower() in {"robots", PRODUCT_TOKEN.lower()}:
            said = re.findall(r"[a-z]+", node.get("content")[:1000].lower())
            if "nofollow" in said or "none" in said:
                return True
    return False


def _links(root: Node, base: str, page_url: str) -> Iterator[Link]:
    seen = {page_url}
    n_elements = 0
    for node in root.walk():
        relations = node.get("rel").lower().split()
        follows = node.name == "link" and {"next", "prev", "canonical"} & set(relations)
        if not (follows or node.name in {"a", "area"}) or "nofollow" in relations:
            continue
        written = node.get("href")
        if not written or written.startswith("#"):
            continue
        n_elements += 1
        if n_elements > MAX_ELEMENTS or len(seen) > MAX_LINKS:
            return
        url = linked(base, written)
        if url is not None and url not in seen and not NO_PAGE.search(url):
            seen.add(url)
            yield Link(Role.PAGE, url)
