"""Common Crawl: which photos of the hosts of a source it holds, and the one record of each.

The index server answers with JSON Lines, or with CDXJ (a key, a time and JSON on each line). Only
photos of allowed hosts that answered 200 are told. Nothing is fetched here: the index is asked at
`start_url`, and each record at `range_of`, by whoever visits the source, and read by `photo_of`.
"""

import io
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from vultus.acquire.found import Beside, Item
from vultus.acquire.recorded import answer_of as answer_in
from vultus.acquire.recorded import date_of, payload_of, says_image, url_of
from vultus.acquire.url import host_name, parse_url
from vultus.acquire.warc_record import HEAD_BYTES_MAX, Record, records
from vultus.errors import InputError, RefusedError

INDEX_HOST = "index.commoncrawl.org"
DATA_HOST = "data.commoncrawl.org"
CRAWLS_URL = f"https://{INDEX_HOST}/collinfo.json"
INDEX_BYTES_MAX = 64 * 2**20
LINE_BYTES_MAX = 32 * 2**10
CAPTURES_MAX = 200_000
CRAWLS_MAX = 10_000
RECORD_BYTES_MAX = 64 * 2**20
CRAWL = re.compile(r"CC-MAIN-[0-9]{4}(?:-[0-9]{2,4})?")
WARC_FILE = re.compile(r"crawl-data(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
NUMBER = re.compile(r"[0-9]{1,13}")
TIME = re.compile(r"[0-9]{14}")
DIGEST = re.compile(r"[A-Z2-7]{32}")  # SHA-1 in base 32


@dataclass(frozen=True)
class Crawl:
    """One crawl, such as `CC-MAIN-2026-08`, and how it is called."""

    crawl_id: str
    name: str


@dataclass(frozen=True)
class Capture:
    """One photo in a crawl: `length` bytes of a WARC file from `offset` on are its record.

    `url` is in the spelling of `parse_url`, `digest` the SHA-1 of its payload in base 32,
    `timestamp` fourteen digits, UTC.
    """

    warc_file: str
    offset: int
    length: int
    url: str
    mime: str
    digest: str
    timestamp: str


def read_crawls(body: bytes) -> tuple[Crawl, ...]:
    """The crawls that collinfo.json lists, in its order; none where it cannot be read."""
    found = _parsed(body) if len(body) <= INDEX_BYTES_MAX else None
    crawls = []
    for entry in found[:CRAWLS_MAX] if isinstance(found, list) else ():
        crawl_id = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(crawl_id, str) and CRAWL.fullmatch(crawl_id):
            name = entry.get("name")
            crawls.append(Crawl(crawl_id, name[:200] if isinstance(name, str) else crawl_id))
    return tuple(dict.fromkeys(crawls))


def start_url(host: str, crawl: str, page: int = 0) -> str:
    """Where the index tells of the photos of a host in a crawl, one page of its answer.

    Raises InputError `fetch.url` for what is no host, `common_crawl.crawl`.
    """
    return parse_url(f"{_asked(host, crawl)}&page={page}").text


def n_pages_url(host: str, crawl: str) -> str:
    """Where the index tells how many pages its answer has. Raises as `start_url`."""
    return parse_url(f"{_asked(host, crawl)}&showNumPages=true").text


def read_n_pages(body: bytes) -> int:
    """How many pages the answer has; 0 where that cannot be read."""
    found = _parsed(body[:LINE_BYTES_MAX])
    n_pages = found.get("pages") if isinstance(found, dict) else None
    return n_pages if type(n_pages) is int and 0 < n_pages < 10**6 else 0


def _asked(host: str, crawl: str) -> str:
    if not CRAWL.fullmatch(crawl):
        raise InputError(
            "common_crawl.crawl",
            "That is no name of a crawl.",
            "They are listed as read_crawls reads them, such as CC-MAIN-2026-08.",
        )
    where = quote(host_name(host), safe="")
    # Crawls before 2018 have no mime-detected.
    filters = "&filter=%3Dstatus:200&filter=~mime:image/.*"
    return f"https://{INDEX_HOST}/{crawl}-index?url={where}/*&output=json{filters}"


def read_index(url: str, body: bytes, allow_hosts: frozenset[str]) -> tuple[Capture, ...]:
    """The photos of allowed hosts that an answer of the index at `url` tells, each once, in order.

    Lines that cannot be read are passed over, as is what was cut when it was crawled.
    """
    try:
        asked = parse_url(url)
    except (InputError, RefusedError):
        return ()
    if (asked.scheme, asked.authority) != ("https", INDEX_HOST) or len(body) > INDEX_BYTES_MAX:
        return ()
    found: dict[Capture, None] = {}
    for line in body.split(b"\n"):
        capture = _capture(line) if len(line) <= LINE_BYTES_MAX else None
        if capture is not None and parse_url(capture.url).host in allow_hosts:
            found[capture] = None
            if len(found) == CAPTURES_MAX:
                break
    return tuple(found)


def _capture(line: bytes) -> Capture | None:
    """One line of the index; None for what is not a photo that was crawled whole."""
    before, brace, rest = line.partition(b"{")
    entry = _parsed(brace + rest)
    if not isinstance(entry, dict) or entry.get("truncated"):
        return None
    told = before.split()
    said = {name: value if isinstance(value, str) else "" for name, value in entry.items()}
    timestamp = said.get("timestamp") or (told[1].decode("latin-1") if len(told) == 2 else "")
    mime = (said.get("mime-detected") or said.get("mime", "")).lower()
    offset, length = (str(entry.get(name, "")) for name in ("offset", "length"))
    url = url_of(said.get("url"))
    if (
        url is None
        or str(entry.get("status")) != "200"
        or not mime.startswith("image/")
        or "svg" in mime
        or not WARC_FILE.fullmatch(said.get("filename", ""))
        or not said["filename"].endswith(".warc.gz")
        or not DIGEST.fullmatch(said.get("digest", "").removeprefix("sha1:"))
        or not (TIME.fullmatch(timestamp) and NUMBER.fullmatch(offset) and NUMBER.fullmatch(length))
        or not 0 < int(length) <= RECORD_BYTES_MAX
    ):
        return None
    digest = said["digest"].removeprefix("sha1:")
    return Capture(said["filename"], int(offset), int(length), url, mime, digest, timestamp)


def _parsed(data: bytes) -> Any:  # noqa: ANN401
    """JSON; None for what is none."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def range_of(capture: Capture) -> tuple[str, tuple[int, int]]:
    """URL and byte range (first and last) of a photo's record, as `Fetcher.get` takes them."""
    url = parse_url(f"https://{DATA_HOST}/{capture.warc_file}").text
    return url, (capture.offset, capture.offset + capture.length - 1)


def photo_of(capture: Capture, body: bytes, *, bytes_max: int) -> tuple[Item, bytes]:
    """The photo in the record that was fetched for a capture, and what is told of it.

    Raises RefusedError `common_crawl.record` where it is not the record that the index told of,
    and with the codes of `recorded.payload_of`.
    """
    found = list(records(io.BytesIO(body), bytes_max + HEAD_BYTES_MAX))
    record = found[0] if len(found) == 1 else None
    answer = answer_in(record) if isinstance(record, Record) else None
    if (
        not isinstance(record, Record)
        or answer is None
        or record.value("warc-type") != "response"
        or url_of(record.value("warc-target-uri")) != capture.url
        or record.value("warc-payload-digest") != f"sha1:{capture.digest}"
        or answer.status != 200
        or not says_image(answer, record)
    ):
        raise RefusedError(
            "common_crawl.record",
            "The record is not the photo that the index told of.",
            "Ask the index again; it and its files may have been exchanged.",
        )
    date, precision = date_of(record.value("warc-date"))
    beside = Beside(date=date, date_precision=precision, date_source="warc:date" if date else None)
    photo = payload_of(record, bytes_max)
    return Item(capture.url, version=capture.digest, beside=beside), photo
