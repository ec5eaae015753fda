"""Common Crawl: what its index tells of allowed hosts, and the record that it leads to."""

import json

import pytest
from archives import DATE, JPEG, PNG, response, sha1, zipped
from fetches import SITE, get
from hypothesis import given
from hypothesis import strategies as st
from trap_web import TrapWeb, answer

from vultus.acquire.common_crawl import (
    CRAWLS_URL,
    Capture,
    Crawl,
    n_pages_url,
    photo_of,
    range_of,
    read_crawls,
    read_index,
    read_n_pages,
    start_url,
)
from vultus.acquire.found import Beside
from vultus.acquire.url import parse_url
from vultus.errors import InputError, RefusedError

INDEX = "https://index.commoncrawl.org/CC-MAIN-2026-08-index?url=site.example/*&output=json"
FILE = "crawl-data/CC-MAIN-2026-08/segments/1771/warc/CC-MAIN-20260301-00001.warc.gz"
URL = "https://site.example/a.jpg"
ENTRY = {
    "urlkey": "example,site)/a.jpg", "timestamp": "20260301101112", "url": URL,
    "mime": "application/octet-stream", "mime-detected": "image/jpeg", "status": "200",
    "digest": sha1(JPEG)[5:], "length": "700", "offset": "12345", "filename": FILE,
}  # fmt: skip
CAPTURE = Capture(FILE, 12345, 700, URL, "image/jpeg", sha1(JPEG)[5:], "20260301101112")
HOSTS = frozenset([SITE])


def lines(*entries):
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)


def code_of(error, call, *arguments, **named):
    with pytest.raises(error) as raised:
        call(*arguments, **named)
    assert raised.value.hint
    return raised.value.code


# --- what is asked ------------------------------------------------------------------------------


def test_what_is_asked_of_the_index():
    assert CRAWLS_URL == "https://index.commoncrawl.org/collinfo.json"
    base = (
        "https://index.commoncrawl.org/CC-MAIN-2026-08-index?url=site.example/*&output=json"
        "&filter=%3Dstatus:200&filter=~mime:image/.*"
    )
    assert start_url("SITE.example", "CC-MAIN-2026-08") == base + "&page=0"
    assert start_url(SITE, "CC-MAIN-2026-08", 3) == base + "&page=3"
    assert n_pages_url(SITE, "CC-MAIN-2026-08") == base + "&showNumPages=true"
    assert start_url(SITE, "CC-MAIN-2009-2010")
    assert parse_url(start_url(SITE, "CC-MAIN-2012")).text == start_url(SITE, "CC-MAIN-2012")


def test_nothing_else_can_be_asked_by_a_host_or_a_crawl():
    for host in ("site.example/*&url=other.example", "a b", "*.example", "", "site.example:80"):
        assert code_of(InputError, start_url, host, "CC-MAIN-2026-08") == "fetch.url"
    for crawl in ("", "CC-MAIN", "../collinfo", "CC-MAIN-2026-08/x", "CC-MAIN-2026-08\n"):
        assert code_of(InputError, start_url, SITE, crawl) == "common_crawl.crawl"


def test_the_list_of_crawls():
    body = [
        {"id": "CC-MAIN-2026-08", "name": "February 2026", "cdx-api": "https://evil.example/"},
        {"id": "CC-MAIN-2026-05"}, {"id": "../x"}, {"id": 5}, "x", None,
        {"id": "CC-MAIN-2012", "name": 5}, {"id": "CC-MAIN-2026-05"},
    ]  # fmt: skip
    assert read_crawls(json.dumps(body).encode()) == (
        Crawl("CC-MAIN-2026-08", "February 2026"), Crawl("CC-MAIN-2026-05", "CC-MAIN-2026-05"),
        Crawl("CC-MAIN-2012", "CC-MAIN-2012"),
    )  # fmt: skip
    for junk in (b"", b"{}", b"[" * 100_000, b"\xff", b"5"):
        assert read_crawls(junk) == ()


@pytest.mark.parametrize(("body", "n_pages"), [
    (b'{"pages": 3, "pageSize": 5, "blocks": 12}', 3), (b"", 0), (b"[]", 0), (b'{"pages": "3"}', 0),
    (b'{"pages": -1}', 0), (b'{"pages": true}', 0), (b'{"pages": 10000000}', 0), (b"\xff", 0),
])  # fmt: skip
def test_how_many_pages(body, n_pages):
    assert read_n_pages(body) == n_pages


# --- what the index tells -----------------------------------------------------------------------


def test_json_lines_and_cdxj_tell_the_same():
    assert read_index(INDEX, lines(ENTRY), HOSTS) == (CAPTURE,)
    rest = {name: value for name, value in ENTRY.items() if name not in {"urlkey", "timestamp"}}
    cdxj = b"example,site)/a.jpg 20260301101112 " + lines(rest)
    assert read_index(INDEX, cdxj, HOSTS) == (CAPTURE,)
    assert read_index(INDEX, lines(ENTRY | {"offset": 12345, "status": 200}), HOSTS) == (CAPTURE,)


def test_only_allowed_hosts_each_photo_once_in_order():
    def entry(url):
        return ENTRY | {"url": url}

    body = lines(
        entry("https://site.example/b.jpg"), entry("https://www.site.example/a.jpg"),
        entry("https://other.example/a.jpg"), entry("https://site.example@other.example/a.jpg"),
        entry("HTTPS://SITE.example/a.jpg#x"), entry("https://site.example/b.jpg"),
        entry("https://site.example.evil.example/"), entry("ftp://site.example/a.jpg"),
    )  # fmt: skip
    assert [one.url for one in read_index(INDEX, body, HOSTS)] == [
        "https://site.example/b.jpg", URL,
    ]  # fmt: skip
    assert read_index(INDEX, body, frozenset()) == ()


@pytest.mark.parametrize("changed", [
    {"status": "404"}, {"status": "301"}, {"status": "-"}, {"status": None},
    {"mime-detected": "text/html"}, {"mime-detected": "image/svg+xml"},
    {"mime-detected": None, "mime": "text/html"},
    {"filename": "../../etc/passwd"}, {"filename": "https://evil.example/a.warc.gz"},
    {"filename": "crawl-data/../../a.warc.gz"}, {"filename": "crawl-data/a.warc.gz?x"},
    {"filename": "crawl-data/.a.warc.gz"}, {"filename": "/crawl-data/a.warc.gz"},
    {"filename": "crawl-data/a.wat.gz"}, {"filename": 5}, {"filename": None},
    {"offset": "-1"}, {"offset": "1e3"}, {"offset": None}, {"offset": "9" * 20},
    {"length": "0"}, {"length": "x"}, {"length": str(2**40)}, {"length": []},
    {"digest": "x"}, {"digest": None}, {"timestamp": "2026"}, {"timestamp": None},
    {"url": None}, {"url": "x"}, {"truncated": "length"},
])  # fmt: skip
def test_lines_that_tell_of_no_photo(changed):
    assert read_index(INDEX, lines(ENTRY | changed, ENTRY), HOSTS) == (CAPTURE,)


@pytest.mark.parametrize("url", [
    "https://evil.example/", "http://index.commoncrawl.org/", "https://index.commoncrawl.org:444/",
    "https://data.commoncrawl.org/", "x", "",
])  # fmt: skip
def test_nobody_else_tells(url):
    assert read_index(url, lines(ENTRY), HOSTS) == ()


def test_what_the_server_says_when_it_holds_nothing():
    body = b'{"message": "No Captures found for: site.example/*"}'
    assert read_index(INDEX, body, HOSTS) == ()


# --- the record ---------------------------------------------------------------------------------

RECORD = zipped(response(warc_payload_digest=sha1(JPEG)))


def test_where_the_record_is():
    assert range_of(CAPTURE) == (f"https://data.commoncrawl.org/{FILE}", (12345, 13044))


def test_the_one_record_is_fetched_out_of_the_middle_of_a_file():
    other = zipped(response(PNG, warc_payload_digest=sha1(PNG)))
    whole = other + RECORD + other
    capture = Capture(
        FILE, len(other), len(RECORD), URL, "image/jpeg", sha1(JPEG)[5:], "20260301101112"
    )
    _, (first, last) = range_of(capture)
    part = answer(
        whole[first : last + 1], f"Content-Range: bytes {first}-{last}/{len(whole)}",
        "Content-Type: application/octet-stream", status="206 Partial Content",
    )  # fmt: skip
    with TrapWeb({"/" + FILE: part}) as web:
        found = get(web, "/" + FILE, byte_range=(first, last))
    item, photo = photo_of(capture, found.body, bytes_max=100_000)
    assert photo == JPEG
    assert (item.url, item.version) == (URL, capture.digest)
    assert item.beside == Beside(date=DATE, date_precision="second", date_source="warc:date")


@pytest.mark.parametrize("body", [
    b"", b"hello", RECORD[:-1], RECORD + RECORD, RECORD[1:],
    zipped(response(PNG, warc_payload_digest=sha1(PNG))),
    zipped(response()),  # without a digest
    zipped(response(warc_payload_digest=sha1(JPEG), warc_target_uri="https://site.example/b.jpg")),
    zipped(response(warc_payload_digest=sha1(JPEG), status="404 Not Found")),
    zipped(response(warc_payload_digest=sha1(JPEG), media_type="text/html")),
])  # fmt: skip
def test_what_is_not_the_record_that_the_index_told_of(body):
    assert (
        code_of(RefusedError, photo_of, CAPTURE, body, bytes_max=100_000) == "common_crawl.record"
    )


def test_a_record_whose_bytes_are_others_or_too_many():
    forged = zipped(response(PNG, warc_payload_digest=sha1(JPEG)))
    assert code_of(RefusedError, photo_of, CAPTURE, forged, bytes_max=100_000) == "warc.digest"
    assert code_of(RefusedError, photo_of, CAPTURE, RECORD, bytes_max=9) == "photo.too_many_bytes"


# --- properties ---------------------------------------------------------------------------------

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.none())


@given(st.dictionaries(st.sampled_from(sorted(ENTRY)), VALUES))
def test_any_entry_is_a_photo_of_an_allowed_host_or_none(changed):
    for capture in read_index(INDEX, lines(ENTRY | changed), HOSTS):
        assert parse_url(capture.url).host == SITE
        url, (first, last) = range_of(capture)
        assert url.startswith("https://data.commoncrawl.org/crawl-data/")
        assert 0 <= first <= last


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data):
    for body in (data, b"{" + data, lines(ENTRY) + data):
        read_index(INDEX, body, HOSTS)
        read_crawls(body)
        read_n_pages(body)
        with pytest.raises(RefusedError):
            photo_of(CAPTURE, body, bytes_max=100)
