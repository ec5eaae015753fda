"""Web archives: which records are photos, what is told of them, and what is wrong with them."""

import gzip
import hashlib
import io
import zlib

import brotli
import pytest
from archives import (
    DATE,
    JPEG,
    PAGE,
    PNG,
    archive,
    http,
    problems,
    record,
    response,
    sha1,
    told,
    zipped,
)
from fastwarc.warc import ArchiveIterator as FastIterator
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from vultus.acquire.found import Beside
from vultus.acquire.recorded import Answer, date_of, dechunked
from vultus.acquire.warc import WebArchive
from vultus.acquire.warc_record import Damage, Record, records
from vultus.errors import RefusedError, UnavailableError

URL = "https://site.example/a.jpg"


def opened(one):
    return [one.open(stored.place) for stored in one.list() if stored.problem is None]


def refused(code, one, place):
    with pytest.raises((RefusedError, UnavailableError)) as raised:
        one.open(place)
    assert raised.value.code == code
    assert raised.value.hint


# --- what another tool wrote --------------------------------------------------------------------


def written_by_warcio(*, gzip, version):
    """A page, its photo with request and Referer, a missing photo, a resource and a revisit."""
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=gzip, warc_version=version)
    writer.write_record(writer.create_warcinfo_record("x.warc", {"software": "a test"}))

    def answered(url, body, media_type, status="200 OK", **more):
        head = StatusAndHeaders(status, [("Content-Type", media_type)], protocol="HTTP/1.1")
        return writer.create_warc_record(
            url, "response", payload=io.BytesIO(body), http_headers=head,
            warc_headers_dict={"WARC-Date": DATE}, **more,
        )  # fmt: skip

    writer.write_record(answered("https://site.example/", PAGE, "text/html; charset=utf-8"))
    photo = answered(URL, JPEG, "image/jpeg")
    asked = StatusAndHeaders(
        "GET /a.jpg HTTP/1.1", [("Referer", "https://site.example/#top")], is_http_request=True
    )
    writer.write_request_response_pair(
        writer.create_warc_record(URL, "request", http_headers=asked), photo
    )
    writer.write_record(answered("https://site.example/b.jpg", JPEG, "image/jpeg", "404 No"))
    writer.write_record(
        writer.create_warc_record(
            "https://site.example/c.png", "resource", payload=io.BytesIO(PNG),
            warc_content_type="image/png", warc_headers_dict={"WARC-Date": DATE},
        )
    )  # fmt: skip
    writer.write_record(
        writer.create_revisit_record(
            "https://site.example/d.jpg", photo.rec_headers.get_header("WARC-Payload-Digest"),
            URL, DATE,
        )
    )  # fmt: skip
    return file.getvalue()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_what_warcio_wrote(tmp_path, name, version):
    data = written_by_warcio(gzip=name.endswith("gz"), version=version)
    one = archive(tmp_path, data, name)
    listed = list(one.list())
    assert [stored.item.url for stored in listed] == [
        URL, "https://site.example/c.png", "https://site.example/d.jpg",
    ]  # fmt: skip
    assert [stored.problem for stored in listed] == [None] * 3
    assert [stored.n_bytes for stored in listed] == [len(JPEG), len(PNG), len(JPEG)]
    assert opened(one) == [JPEG, PNG, JPEG]
    assert listed[0].item.page_url == "https://site.example/"
    assert listed[0].item.beside == Beside(
        date=DATE, date_precision="second", date_source="warc:date"
    )
    assert len({stored.changed for stored in listed}) == 3
    assert list(one.list()) == listed
    (page,) = one.documents()
    assert (page.url, page.body, page.date) == ("https://site.example/", PAGE, DATE)
    assert ("content-type", "text/html; charset=utf-8") in page.headers


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_offsets_are_those_of_other_readers(tmp_path, name):
    data = written_by_warcio(gzip=name.endswith("gz"), version="1.1")
    ours = [one.offset for one in records(io.BytesIO(data), 10)]
    theirs = []
    reader = ArchiveIterator(io.BytesIO(data))
    for one in reader:
        one.raw_stream.read()
        theirs.append(reader.get_record_offset())
    assert ours == theirs
    assert ours == [one.stream_pos for one in FastIterator(io.BytesIO(data))]


# --- which records ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "block", "fields", "is_photo"), [
    ("response", http(JPEG), {}, True),
    ("response", http(JPEG, media_type="IMAGE/JPEG; q=1"), {}, True),
    ("response", http(JPEG, media_type="application/octet-stream"), {}, True),
    ("response", http(JPEG, media_type=None), {}, True),
    ("response", http(JPEG, media_type="text/plain"),
     {"warc_identified_payload_type": "image/jpeg"}, True),
    ("response", http(b"hello", media_type="application/octet-stream"), {}, False),
    ("response", http(PAGE, media_type="text/html"), {}, False),
    ("response", http(b"<svg/>", media_type="image/svg+xml"), {}, False),
    ("response", http(JPEG, status="404 Not Found"), {}, False),
    ("response", http(JPEG, status="206 Partial Content"), {}, False),
    ("response", http(b"", status="304 Not Modified"), {}, False),
    ("response", b"", {}, False),
    ("resource", JPEG, {"content_type": "image/jpeg"}, True),
    ("resource", JPEG, {"content_type": None}, True),
    ("resource", b"text", {"content_type": "text/plain"}, False),
    ("request", b"GET /a.jpg HTTP/1.1\r\n\r\n", {}, False),
    ("metadata", JPEG, {"content_type": "image/jpeg"}, False),
    ("conversion", JPEG, {"content_type": "image/jpeg"}, False),
    ("warcinfo", b"", {}, False),
])  # fmt: skip
def test_what_is_a_photo(tmp_path, kind, block, fields, is_photo):
    one = archive(tmp_path, zipped(record(kind, block, **fields)))
    assert told(one) == ([("a.warc.gz!0", URL, None)] if is_photo else [])
    assert opened(one) == ([JPEG] if is_photo else [])


@pytest.mark.parametrize(("written", "url"), [
    ("<https://site.example/a.jpg>", URL),  # as WARC 1.0 files often have it
    ("HTTPS://SITE.example:443/x/../a.jpg#top", URL),
])  # fmt: skip
def test_urls_come_in_one_spelling(tmp_path, written, url):
    assert told(archive(tmp_path, zipped(response(warc_target_uri=written))))[0][1] == url


@pytest.mark.parametrize(
    "written", ["dns:site.example", "https://u:p@site.example/a.jpg", None, ""]
)
def test_a_photo_at_no_usable_url(tmp_path, written):
    one = archive(tmp_path, zipped(response(warc_target_uri=written)))
    assert told(one) == [("a.warc.gz!0", "a.warc.gz!0", "warc.url")]


@pytest.mark.parametrize(("written", "date", "precision"), [
    ("2026-03-01T10:11:12Z", "2026-03-01T10:11:12Z", "second"),
    ("2026-03-01T10:11:12.123456789Z", "2026-03-01T10:11:12Z", "second"),
    ("2026-03-01", "2026-03-01", "day"), ("2026-03", "2026-03", "month"), ("2026", "2026", "year"),
    ("2026-02-30T10:11:12Z", None, None), ("2026-13", None, None), ("20260301101112", None, None),
    ("2026-03-01T10:11:12", None, None), ("", None, None), (None, None, None),
])  # fmt: skip
def test_the_date_seen_and_how_precise_it_is(written, date, precision):
    """WARC 1.1 section 5.4."""
    assert date_of(written) == (date, precision)


def test_the_page_is_told_by_the_request_whichever_names_the_other(tmp_path):
    def asked(page, **fields):
        block = f"GET /a.jpg HTTP/1.1\r\nHost: site.example\r\nReferer: {page}\r\n\r\n".encode()
        return record("request", block, **fields)

    one = archive(tmp_path, zipped(
        asked("https://site.example/1", warc_record_id="<r:1>", warc_concurrent_to="<p:1>"),
        response(warc_record_id="<p:1>"),
        response(warc_record_id="<p:2>", warc_concurrent_to="<r:2>"),
        asked("https://site.example/2", warc_record_id="<r:2>"),
        response(warc_record_id="<p:3>"),
        asked("javascript:alert(1)", warc_record_id="<r:4>", warc_concurrent_to="<p:4>"),
        response(warc_record_id="<p:4>"),
    ))  # fmt: skip
    assert [stored.item.page_url for stored in one.list()] == [
        "https://site.example/1", "https://site.example/2", None, None,
    ]  # fmt: skip


def test_several_files_are_one_set_in_order_of_name(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.WARC.GZ").write_bytes(zipped(response()))
    (tmp_path / "b.warc").write_bytes(response())
    (tmp_path / "notes.txt").write_bytes(b"no archive")
    one = archive(tmp_path, zipped(response(), response()))
    second = len(zipped(response()))
    assert [place for place, _, _ in told(one)] == [
        "a.warc.gz!0", f"a.warc.gz!{second}", "b.warc!0", "sub/c.WARC.GZ!0",
    ]  # fmt: skip
    alone = WebArchive(tmp_path / "b.warc", bytes_max=100_000)
    assert alone.open("b.warc!0") == JPEG


def test_nothing_outside_of_the_folder_is_opened(tmp_path):
    (tmp_path / "outside.warc").write_bytes(response())
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.warc").symlink_to(tmp_path / "outside.warc")
    one = WebArchive(inner, bytes_max=100_000)
    assert problems(one) == ["place.link_out_of_source"]
    for place in ("../outside.warc!0", "link.warc!0", "outside.warc!0", "x", "", "!", "a!-1",
                  f"{tmp_path}/outside.warc!0"):  # fmt: skip
        refused("place.gone", one, place)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError, match="cannot be read"):
        list(WebArchive(tmp_path / "none", bytes_max=1).list())
    with pytest.raises(ValueError, match="1 byte or more"):
        WebArchive(tmp_path, bytes_max=0)


# --- revisits -----------------------------------------------------------------------------------


def revisit(block=b"", **fields):
    fields = {"warc_target_uri": "https://site.example/again.jpg"} | fields
    return record("revisit", block, **fields)


@pytest.mark.parametrize("fields", [
    {"warc_refers_to": "<p:1>"},
    {"warc_refers_to_target_uri": URL, "warc_refers_to_date": DATE},
    {"warc_payload_digest": sha1(JPEG)},
])  # fmt: skip
@pytest.mark.parametrize("block", [b"", http(b"", status="304 Not Modified", media_type=None)])
def test_a_revisit_gives_its_original_which_may_come_later(tmp_path, fields, block):
    (tmp_path / "z.warc").write_bytes(
        response(warc_record_id="<p:1>", warc_payload_digest=sha1(JPEG))
    )
    one = archive(tmp_path, zipped(revisit(block, **fields)))
    assert told(one)[0] == ("a.warc.gz!0", "https://site.example/again.jpg", None)
    assert opened(one) == [JPEG, JPEG]
    assert WebArchive(tmp_path, bytes_max=100_000).open("a.warc.gz!0") == JPEG  # not listed before


def test_a_revisit_whose_original_is_not_here(tmp_path):
    one = archive(tmp_path, zipped(revisit(http(b""), warc_refers_to="<p:1>"), revisit()))
    assert problems(one) == ["warc.original_gone"]  # the other may have been of anything
    refused("place.gone", one, "a.warc.gz!0")


def test_a_revisit_is_not_given_what_has_another_digest(tmp_path):
    one = archive(tmp_path, zipped(
        response(warc_record_id="<p:1>", warc_payload_digest=sha1(JPEG)),
        revisit(http(b""), warc_refers_to="<p:1>", warc_payload_digest=sha1(PNG)),
    ))  # fmt: skip
    assert problems(one) == [None, "warc.original_gone"]


def test_a_revisit_shares_the_fate_of_its_original(tmp_path):
    one = archive(tmp_path, zipped(
        response(warc_record_id="<p:1>", warc_payload_digest=sha1(PNG)),
        revisit(warc_refers_to="<p:1>"),
    ))  # fmt: skip
    assert problems(one) == ["warc.digest", "warc.digest"]


# --- digests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("digest", "right"), [
    (sha1(JPEG), True), (sha1(JPEG).lower(), True), (sha1(PNG), False),
    ("sha1:", False), ("sha1:x", False), ("SHA-1:" + sha1(JPEG)[5:], True),
    ("sha256:" + hashlib.sha256(JPEG).hexdigest(), True),
    ("sha256:" + "0" * 64, False),
    ("xyz:abc", True),  # an algorithm that is not known tells nothing
])  # fmt: skip
def test_digests_are_checked(tmp_path, digest, right):
    one = archive(tmp_path, zipped(response(warc_payload_digest=digest)))
    assert problems(one) == [None if right else "warc.digest"]
    if right:
        assert opened(one) == [JPEG]
    else:
        refused("warc.digest", one, "a.warc.gz!0")


def test_the_digest_of_the_block_is_checked_too(tmp_path):
    right, wrong = sha1(http(JPEG)), sha1(JPEG)
    one = archive(tmp_path, zipped(
        response(warc_block_digest=right), response(warc_block_digest=wrong)
    ))  # fmt: skip
    assert problems(one) == [None, "warc.digest"]


def test_a_payload_digest_with_or_without_the_framing(tmp_path):
    """Writers differ: warcio takes the chunks in, others do not."""
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(JPEG), JPEG)
    one = archive(tmp_path, zipped(*(
        response(chunked, "Transfer-Encoding: chunked", warc_payload_digest=sha1(body))
        for body in (chunked, JPEG, PNG)
    )))  # fmt: skip
    assert problems(one) == [None, None, "warc.digest"]


# --- bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "headers"), [
    (b"3\r\n%s\r\n%x;x=y\r\n%s\r\n0\r\nX: y\r\n\r\n" % (JPEG[:3], len(JPEG) - 3, JPEG[3:]),
     ["Transfer-Encoding: chunked"]),
    (gzip.compress(JPEG), ["Content-Encoding: gzip"]),
    (gzip.compress(JPEG[:9]) + gzip.compress(JPEG[9:]), ["Content-Encoding: x-gzip"]),
    (zlib.compress(JPEG), ["Content-Encoding: deflate"]),
    (zlib.compress(JPEG)[2:-4], ["Content-Encoding: deflate"]),
    (brotli.compress(JPEG), ["Content-Encoding: br"]),
    (brotli.compress(gzip.compress(JPEG)), ["Content-Encoding: gzip, br"]),
    (b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(JPEG)), gzip.compress(JPEG)),
     ["Transfer-Encoding: chunked", "Content-Encoding: gzip"]),
    (JPEG, ["Transfer-Encoding: chunked"]),  # the writer undid it and kept the header
    (JPEG, ["Content-Encoding: gzip"]),
    (JPEG, ["Content-Encoding: br"]),
    (JPEG, ["Content-Encoding: identity", "A header that is none", "Other\xff: \xfe"]),
])  # fmt: skip
def test_bodies_are_decoded(tmp_path, body, headers):
    one = archive(tmp_path, zipped(response(body, *headers)))
    assert opened(one) == [JPEG]
    assert next(one.list()).n_bytes is None  # it may not be what is stored


@pytest.mark.parametrize(("body", "headers"), [
    (gzip.compress(JPEG)[:-9], ["Content-Encoding: gzip"]),
    (gzip.compress(JPEG)[:9] + b"x" * 50, ["Content-Encoding: gzip"]),
    (brotli.compress(JPEG)[:-5], ["Content-Encoding: br"]),
    (b"junk" * 9, ["Content-Encoding: br"]),
    (b"junk" * 9, ["Content-Encoding: zstd"]),
    (b"junk" * 9, ["Content-Encoding: gzip, gzip, gzip"]),
])  # fmt: skip
def test_an_encoding_that_is_broken_or_not_read(tmp_path, body, headers):
    refused("warc.encoding", archive(tmp_path, zipped(response(body, *headers))), "a.warc.gz!0")


@pytest.mark.parametrize(("compress", "coding"), [
    (gzip.compress, "gzip"), (zlib.compress, "deflate"), (brotli.compress, "br"),
    (lambda data: gzip.compress(gzip.compress(data)), "gzip, gzip"),
])  # fmt: skip
def test_a_bomb_is_not_decoded(tmp_path, compress, coding):
    body = compress(bytes(20_000_000))
    one = archive(tmp_path, zipped(response(body, f"Content-Encoding: {coding}")))
    refused("photo.too_many_bytes", one, "a.warc.gz!0")


def test_a_photo_that_is_too_large_is_listed_and_not_opened(tmp_path):
    large, limit = JPEG + bytes(200_000), 100_000
    one = archive(tmp_path, zipped(response(large), response()), bytes_max=limit)
    assert problems(one) == ["photo.too_many_bytes", None]
    refused("photo.too_many_bytes", one, "a.warc.gz!0")
    exactly = (JPEG + bytes(limit))[:limit]
    assert opened(archive(tmp_path, zipped(response(exactly)))) == [exactly]


def test_what_the_crawler_cut_is_no_photo(tmp_path):
    one = archive(tmp_path, zipped(
        response(warc_truncated="length"), response(warc_segment_number="1")
    ))  # fmt: skip
    assert problems(one) == ["warc.truncated", "warc.truncated"]
    refused("warc.truncated", one, "a.warc.gz!0")


def test_pages_that_are_no_good_are_passed_over(tmp_path):
    def page(body=PAGE, *headers, **fields):
        fields = {"warc_target_uri": "https://site.example/"} | fields
        return response(body, *headers, media_type="text/html", **fields)

    one = archive(tmp_path, zipped(
        page(), page(gzip.compress(PAGE), "Content-Encoding: gzip"),
        page(warc_payload_digest=sha1(JPEG)), page(bytes(300_000)),
        page(warc_target_uri="about:blank"), page(status="404 Not Found"),
        page(gzip.compress(bytes(300_000)), "Content-Encoding: gzip"), page(warc_truncated="time"),
    ))  # fmt: skip
    assert [document.body for document in one.documents()] == [PAGE, PAGE]


# --- files that are cut, broken or hostile ------------------------------------------------------


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_what_came_before_a_cut_is_kept_and_the_cut_is_said(tmp_path, name):
    write = zipped if name.endswith("gz") else lambda *records: b"".join(records)
    one, two = write(response()), write(response(), response())
    for n_bytes in range(len(one), len(two) - (4 if name == "a.warc" else 0), 7):
        archived = archive(tmp_path, two[:n_bytes], name)
        places = told(archived)
        assert places[0] == (f"{name}!0", URL, None)
        assert places[1:] == (
            [] if n_bytes == len(one)
            else [(f"{name}!{len(one)}", f"{name}!{len(one)}", "warc.truncated")]
        )  # fmt: skip
        assert archived.open(f"{name}!0") == JPEG


@pytest.mark.parametrize(("data", "code"), [
    (b"hello", "warc.truncated"), (b"hello\n", "warc.damaged"),
    (b"x" * 100_000, "warc.damaged"),
    (b"\x1f\x8b" + b"x" * 100, "warc.damaged"),
    (b"WARC/2.0\r\n\r\n", "warc.damaged"), (b"WARC/1.1\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nno field\r\nContent-Length: 0\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nContent-Length: -1\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nContent-Length: 999999999999999999\r\n\r\n", "warc.truncated"),
    (b"WARC/1.1\r\n" + b"A: b\r\n" * 300 + b"Content-Length: 0\r\n\r\n", "warc.damaged"),
    (b"WARC/1.1\r\nA: " + b"b" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n", "warc.damaged"),
    (gzip.compress(response() + response()), "warc.gzip_whole"),
    (b"\x28\xb5\x2f\xfdabc", "warc.zstd"), (b"\x5d\x2a\x4d\x18abc", "warc.zstd"),
])  # fmt: skip
def test_what_is_no_record_is_said(tmp_path, data, code):
    good = b"" if code in {"warc.gzip_whole", "warc.zstd"} or data[:1] == b"\x1f" else response()
    one = archive(tmp_path, good + data, "a.warc")
    assert problems(one) == [None] * bool(good) + [code]


def test_zstd_is_said_clearly_by_name(tmp_path):
    one = archive(tmp_path, b"", "a.warc.zst")
    assert problems(one) == ["warc.zstd"]


def test_a_bomb_among_the_records_ends_the_file(tmp_path):
    bomb = gzip.compress(response(bytes(100 * 2**20)), 9, mtime=0)
    one = archive(tmp_path, zipped(response()) + bomb + zipped(response()))
    assert problems(one) == [None, "warc.bomb"]


def test_a_line_without_end_takes_no_memory():
    """warcio would hold all of it."""
    bomb = gzip.compress(b"WARC/1.1\r\nA: " + bytes(50 * 2**20), 9)
    assert list(records(io.BytesIO(bomb), 10)) == [Damage(0, "warc.damaged")]


# --- properties ---------------------------------------------------------------------------------

PIECES = st.sampled_from([
    b"WARC/1.1\r\n", b"\r\n", b"Content-Length: 5\r\n", b"WARC-Type: response\r\n", b"HTTP/1.1 200",
    response(), zipped(response()), b"\x1f\x8b\x08", JPEG[:9],
])  # fmt: skip
BYTES = st.binary(max_size=300) | st.lists(PIECES | st.binary(max_size=9)).map(b"".join)


@given(BYTES)
def test_any_bytes_give_records_and_at_most_one_damage_at_the_end(data):
    found = list(records(io.BytesIO(data), 100))
    assert all(isinstance(one, Record) for one in found[:-1])
    offsets = [one.offset for one in found]
    assert offsets == sorted(set(offsets))
    for one in found[:-1]:
        assert next(records(io.BytesIO(data), 100, one.offset)) == one


@given(data=BYTES)
def test_any_bytes_are_an_archive_with_something_or_nothing_in_it(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.warc.gz"
    path.write_bytes(data)
    one = WebArchive(path, bytes_max=1_000)
    for stored in one.list():
        if stored.problem is None:
            try:
                assert isinstance(one.open(stored.place), bytes)
            except RefusedError as error:
                assert error.code in {"warc.encoding", "photo.too_many_bytes"}
    list(one.documents())


@given(st.binary(max_size=200), st.lists(st.sampled_from(["gzip", "br", "deflate", "x", ""])))
def test_no_body_is_longer_than_the_limit(body, codings):
    headers = (("content-encoding", ",".join(codings)), ("transfer-encoding", "chunked"))
    found = Answer(200, headers, body).body(50)
    assert found in {"warc.encoding", "photo.too_many_bytes"} or len(found) <= 50


@given(st.lists(st.binary(min_size=1, max_size=20)))
def test_chunks_come_together(parts):
    data = b"".join(b"%X\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert dechunked(data) == b"".join(parts)


@given(st.lists(st.binary(max_size=300), max_size=5), st.booleans())
def test_what_warcio_writes_is_read(bodies, is_zipped):
    file = io.BytesIO()
    writer = WARCWriter(file, gzip=is_zipped)
    for body in bodies:
        writer.write_record(writer.create_warc_record(
            URL, "resource", payload=io.BytesIO(body), warc_content_type="image/jpeg"
        ))  # fmt: skip
    found = list(records(file, 1000))
    assert [one.block for one in found] == bodies
