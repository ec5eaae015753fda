"""Sitemaps: protocol 0.9 of sitemaps.org, Google's image extension 1.1, and what is neither."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import elements, sitemap
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.sitemap import read_sitemap, read_versions, unpacked, w3c_date
from vultus.acquire.url import parse_url

URL = "https://photos.example/maps/sitemap.xml"
PAGE, PHOTO = "https://photos.example/1.html", "https://photos.example/1.jpg"
NAMESPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'
)


def urlset(inside, namespaces=NAMESPACES):
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {namespaces}>{inside}</urlset>'.encode()


def entry(loc=PAGE, more=""):
    return f"<url><loc>{loc}</loc>{more}</url>"


def image(loc=PHOTO, more=""):
    return f"<image:image><image:loc>{loc}</image:loc>{more}</image:image>"


def pages(found):
    return [link.url for link in found.links]


# --- the protocol -------------------------------------------------------------------------------


def test_a_urlset_tells_pages_in_order_and_none_twice():
    found = read_sitemap(URL, urlset(entry("https://photos.example/2") + entry() + entry()))
    two = Link(Role.PAGE, "https://photos.example/2")
    assert found == Found(links=(two, Link(Role.PAGE, PAGE)))


def test_an_index_tells_sitemaps():
    inside = "<sitemap><loc>https://photos.example/a.xml.gz</loc><lastmod>2024</lastmod></sitemap>"
    body = f"<sitemapindex {NAMESPACES}>{inside}</sitemapindex>".encode()
    assert read_sitemap(URL, body).links == (Link(Role.SITEMAP, "https://photos.example/a.xml.gz"),)
    assert read_versions(URL, body) == {"https://photos.example/a.xml.gz": "2024"}


def test_a_picture_is_told_with_its_page_and_what_stands_beside_it():
    """Image sitemaps, with the elements that Google reads no more."""
    more = (
        "<image:caption> A &amp; B </image:caption><image:title>T</image:title>"
        "<image:license>https://photos.example/l</image:license>"
        "<image:geo_location>Ghent</image:geo_location>"
    )
    body = urlset(entry(more=f"<lastmod>2024-05-06</lastmod>{image(more=more)}"))
    beside = Beside(
        title="T", caption="A & B", caption_source="image:caption",
        licence="https://photos.example/l",
    )  # fmt: skip
    assert read_sitemap(URL, body).photos == (Item(PHOTO, PAGE, "2024-05-06", beside),)


def test_one_picture_on_two_pages_is_told_twice_and_on_one_page_once():
    body = urlset(entry(more=image() + image()) + entry("https://photos.example/2", image()))
    told = [(item.url, item.page_url) for item in read_sitemap(URL, body).photos]
    assert told == [(PHOTO, PAGE), (PHOTO, "https://photos.example/2")]


def test_places_on_other_hosts_are_told_and_left_to_the_allow_list():
    body = urlset(entry("http://elsewhere.example:8080/x", image("https://cdn.example/1.jpg")))
    found = read_sitemap(URL, body)
    assert pages(found) == ["http://elsewhere.example:8080/x"]
    assert found.photos[0].url == "https://cdn.example/1.jpg"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("HTTPS://Photos.Example:443/a/../1.html#top", PAGE),
        ("\n  https://photos.example/1.html\n ", PAGE),
        ("<![CDATA[https://photos.example/1.html]]>", PAGE),
        ("/1.html", PAGE), ("//photos.example/1.html", PAGE),
        ("https://photos.example/é", "https://photos.example/%C3%A9"),
        ("https://photos.example/?a=1&amp;b=2", "https://photos.example/?a=1&b=2"),
        ("ftp://photos.example/1", None), ("https://u:p@photos.example/", None),
        ("https://photos.example\\@evil.example/", None), ("https://[::1/", None),
        ("https://2130706433/", None), ("data:text/html,x", None), ("", None),
        ("https://photos.example/" + "a" * 8_000, None),
    ],
)  # fmt: skip
def test_places_are_absolute_and_in_one_spelling(written, told):
    found = read_sitemap(URL, urlset(entry(written, image(written))))
    assert pages(found) == ([] if told is None else [told])
    assert [item.url for item in found.photos] == ([] if told is None else [told])


def test_an_entry_without_a_place_tells_nothing():
    assert read_sitemap(URL, urlset(f"<url><lastmod>2024</lastmod>{image()}</url>")) == Found()


@pytest.mark.parametrize(
    ("written", "good"),
    [
        ("2024", True), ("2024-05", True), ("2024-05-06", True), ("2024-05-06T07:08Z", True),
        ("2024-05-06T07:08:09+02:00", True), ("2024-05-06T07:08:09.5-05:30", True),
        ("2024-02-30", False), ("2024-13", False), ("2024-05-06T24:00Z", False),
        ("2024-05-06T07:08", False), ("2024-05-06 07:08:09", False), ("6 May 2024", False),
        ("yesterday", False), ("", False), ("0000", False), ("٢٠٢٤", False),
    ],
)  # fmt: skip
def test_lastmod_is_the_version_with_as_much_of_it_as_is_known(written, good):
    """W3C note on date and time formats."""
    assert w3c_date(written) == (written if good else None)
    body = urlset(entry(more=f"<lastmod> {written} </lastmod>{image()}"))
    assert read_sitemap(URL, body).photos[0].version == (written if good else None)
    assert read_versions(URL, body) == ({PAGE: written} if good else {})


def test_news_videos_and_languages_are_passed_over():
    more = (
        '<news:news xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">'
        "<news:title>N</news:title><loc>https://photos.example/no</loc></news:news>"
        '<video:video xmlns:video="http://www.google.com/schemas/sitemap-video/1.1">'
        "<video:thumbnail_loc>https://photos.example/no.jpg</video:thumbnail_loc></video:video>"
        '<xhtml:link xmlns:xhtml="http://www.w3.org/1999/xhtml" rel="alternate" href="/no"/>'
    )
    assert read_sitemap(URL, urlset(entry(more=more))) == read_sitemap(URL, urlset(entry()))


# --- as they come -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "namespaces",
    [
        "",
        'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9/"',
        'xmlns="https://www.sitemaps.org/schemas/sitemap/0.9"',
        'xmlns="http://www.google.com/schemas/sitemap/0.84"',
        'xmlns:image="http://www.google.com/schemas/sitemap-image/1.0"',
        'xmlns="" xmlns:image=""',
    ],
)
def test_namespaces_that_are_wrong_or_missing_change_nothing(namespaces):
    inside = entry(more=image(more="<image:caption>C</image:caption>"))
    assert read_sitemap(URL, urlset(inside, namespaces)) == read_sitemap(URL, urlset(inside))


def test_the_prefix_is_the_authors_choice():
    body = (
        '<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:i="http://www.google.com/schemas/sitemap-image/1.1">'
        f"<s:url><s:loc>{PAGE}</s:loc><i:image><i:loc>{PHOTO}</i:loc></i:image></s:url></s:urlset>"
    )
    found = read_sitemap(URL, body.encode())
    assert (pages(found), found.photos[0].url) == ([PAGE], PHOTO)


def test_a_namespace_ends_with_its_element():
    wrong = '<loc xmlns="urn:other" xmlns:image="urn:other">https://photos.example/1.html</loc>'
    other = '<q:loc xmlns:q="urn:other">https://photos.example/no</q:loc>'
    assert pages(read_sitemap(URL, urlset(f"<url>{other}{wrong}</url>{entry()}"))) == [PAGE]


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n \t", b"\xef\xbb\xbf\r\n"])
def test_a_byte_order_mark_and_blanks_before_the_declaration(before):
    assert pages(read_sitemap(URL, before + urlset(entry()))) == [PAGE]
    assert pages(read_sitemap(URL, before + PAGE.encode())) == [PAGE]


def test_a_sitemap_of_plain_text():
    """sitemaps.org, text file: one URL a line, UTF-8; anything else is no place."""
    lines = [
        PAGE,
        "",
        "  https://photos.example/é  ",
        "HTTPS://PHOTOS.EXAMPLE/3",
        "/4",
        "a: b",
        PAGE,
    ]
    expected = [PAGE, "https://photos.example/%C3%A9", "https://photos.example/3"]
    for end in ("\n", "\r\n", "\r"):
        assert pages(read_sitemap(URL, end.join(lines).encode())) == expected


def test_gzip_is_unpacked_also_in_members_and_as_far_as_it_goes():
    """RFC 1952 section 2.2; a .gz file is often served without Content-Encoding."""
    body = urlset(entry() + entry("https://photos.example/2"))
    packed = gzip.compress(body, mtime=0)
    assert read_sitemap(URL, packed) == read_sitemap(URL, body)
    members = gzip.compress(body[:100], mtime=0) + gzip.compress(body[100:], mtime=0)
    assert read_sitemap(URL, members) == read_sitemap(URL, body)
    assert read_sitemap(URL, packed + b"tail") == read_sitemap(URL, body)
    assert read_sitemap(URL, packed[:15]) == Found()
    assert read_sitemap(URL, gzip.compress(packed, mtime=0)) == Found()


# --- bounds -------------------------------------------------------------------------------------


def test_a_bomb_is_unpacked_to_the_bound_and_no_further():
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    zeros = b"<" * (1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(80)) + packer.flush()
    assert len(packed) < 200_000
    assert len(unpacked(packed)) == sitemap.MAX_BYTES
    assert len(unpacked(b" " * (sitemap.MAX_BYTES + 1))) == sitemap.MAX_BYTES


def test_of_more_places_than_the_protocol_has_the_first_are_read(monkeypatch):
    monkeypatch.setattr(sitemap, "MAX_PLACES", 3)
    places = [f"https://photos.example/{n}" for n in range(5)]
    assert pages(read_sitemap(URL, urlset("".join(map(entry, places))))) == places[:3]
    assert pages(read_sitemap(URL, "\n".join(places).encode())) == places[:3]
    wrong = urlset("<url/>" * 3 + entry())  # an entry without a place is an entry
    assert pages(read_sitemap(URL, wrong)) == []


def test_pictures_are_bounded_and_their_pages_told(monkeypatch):
    """Google: at most 1,000 pictures an entry."""
    pictures = "".join(image(f"/{n}.jpg") for n in range(1_001))
    assert len(read_sitemap(URL, urlset(entry(more=pictures))).photos) == 1_000
    monkeypatch.setattr(sitemap, "MAX_PHOTOS", 2)
    found = read_sitemap(URL, urlset(entry(more=pictures) + entry("/2", pictures)))
    assert (len(found.photos), len(found.links)) == (2, 2)


def test_what_stands_before_a_fault_is_told():
    whole = urlset(entry() + entry("https://photos.example/2"))
    assert pages(read_sitemap(URL, whole[:-30])) == [PAGE]
    assert pages(read_sitemap(URL, urlset(entry() + "<url>&nope;</url>" + entry("/3")))) == [PAGE]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0", b"<", b"<html><body>Not found</body></html>", b"%PDF-1.7", b"\x1f\x8b",
        b'<!DOCTYPE urlset [<!ENTITY a "https://photos.example/">]><urlset><url><loc>&a;</loc>',
        b'<!DOCTYPE urlset SYSTEM "file:///etc/passwd"><urlset><url><loc>/1</loc></url></urlset>',
        b'<?xml version="1.0" encoding="utf-99"?><urlset/>',
        urlset(entry()).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"<urlset><url>" + b"<a>" * 10_000, b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<url><loc>https://photos.example/1</loc></url>",
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_what_is_no_sitemap_tells_nothing(body):
    found = read_sitemap(URL, body)
    assert found.photos == ()
    assert all(link.url == "https://photos.example/1" for link in found.links)


def test_an_entry_of_too_many_parts_ends_with_the_last_that_is_read(monkeypatch):
    monkeypatch.setattr(elements, "MAX_NODES", 4)
    more = image("/1.jpg") + image("/2.jpg")  # url, loc, and two elements a picture
    found = read_sitemap(URL, urlset(entry(more=more) + entry("https://photos.example/2")))
    assert [item.url for item in found.photos] == ["https://photos.example/1.jpg"]
    assert len(found.links) == 2


def test_a_document_ends_where_it_has_more_elements_or_longer_ones_than_are_read(monkeypatch):
    body = urlset(entry() + entry("/2") + f"<url a='{'x' * 300}'><loc>/3</loc></url>" + entry("/4"))
    monkeypatch.setattr(elements, "MAX_STRETCH", 299)
    assert len(read_sitemap(URL, body).links) == 2
    monkeypatch.undo()
    monkeypatch.setattr(elements, "MAX_ALL_NODES", 5)
    assert len(read_sitemap(URL, body).links) == 2


# --- properties ---------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="<&>"), max_size=9)
PIECES = st.lists(
    st.sampled_from(
        ["<urlset>", "</urlset>", "<url>", "</url>", "<loc>", "</loc>", "<image:image>", "&amp;",
         "</image:image>", "<image:loc>", "</image:loc>", "<!--", "-->", "<![CDATA[", "]]>", PAGE,
         "<lastmod>2024</lastmod>", "xmlns:image='x'", '<url xmlns="y">', "<?x", "\0", "é", "/1"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


def check(found):
    for url in [*pages(found), *(item.url for item in found.photos)]:
        assert parse_url(url).text == url
    assert all(item.page_url in pages(found) for item in found.photos)
    assert len(set(found.links)) == len(found.links)


@given(st.binary() | st.binary().map(lambda data: b"\x1f\x8b\x08\0" + data))
def test_no_bytes_raise(body):
    check(read_sitemap(URL, body))


@given(PIECES)
def test_no_markup_raises(text):
    check(read_sitemap(URL, text.encode()))
    check(read_sitemap(URL, b"<urlset>" + text.encode()))


@given(st.lists(st.tuples(st.integers(0, 99), st.none() | TEXT), max_size=6))
def test_what_is_written_is_told(rows):
    """Round trip through a writer that the standard describes."""
    inside = "".join(
        entry(f"/{n}", image(f"/{n}.jpg", f"<image:caption>{c}</image:caption>" if c else ""))
        for n, c in rows
    )
    found = read_sitemap(URL, urlset(inside))
    assert pages(found) == list(dict.fromkeys(f"https://photos.example/{n}" for n, _ in rows))
    told = [(item.url, item.beside.caption) for item in found.photos]
    assert told == [(f"https://photos.example/{n}.jpg", (c or "").strip() or None) for n, c in rows]


@given(st.binary(max_size=400), st.integers(0, 500))
def test_gzip_gives_what_was_packed_or_its_beginning(data, n):
    packed = gzip.compress(data, mtime=0)
    assert unpacked(packed) == data
    assert data.startswith(unpacked(packed[: max(2, n)]))
