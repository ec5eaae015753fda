"""What a page shows and links: which pictures, in which rendition, and which pages next."""

# ruff: noqa: E501 pages stand as sites write them

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vultus.acquire import page_photo, page_tree
from vultus.acquire.found import Found, Link, Role
from vultus.acquire.page import read_page
from vultus.acquire.page_photo import srcset
from vultus.acquire.page_tree import decode, parse_page
from vultus.acquire.url import parse_url

URL = "https://site.example/news/page.html"
PLACE = "https://site.example/news/"


def short(value: object) -> str:
    return repr(value)[:40]


def read(html: str | bytes, url: str = URL, content_type: str = "text/html") -> Found:
    return read_page(url, html if isinstance(html, bytes) else html.encode(), content_type)


def photos(html: str) -> list[str]:
    """The photos of a page, relative to its own place where they lie there."""
    return [item.url.removeprefix(PLACE) for item in read(html).photos]


def links(html: str) -> list[str]:
    found = read(html).links
    assert all(link.role is Role.PAGE for link in found)
    return [link.url.removeprefix(PLACE) for link in found]


# --- links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="a.html">', ["a.html"]),
        ('<a href=" a.html#top ">', ["a.html"]),
        ('<a href="a.html"><a href="a.html#b">', ["a.html"]),
        ('<a href="b"><a href="a">', ["b", "a"]),
        ('<area href="a">', ["a"]),
        ('<link rel=next href="2"><link rel=canonical href=c>', ["2", "c"]),
        ('<link rel=stylesheet href="s">', []),
        ('<a href="a" rel="external NOFOLLOW">', []),
        ('<a href="a" rel="noopener">', ["a"]),
        ('<a href="#a"><a href=""><a>', []),
        ('<a href="page.html"><a href="/news/page.html#x">', []),  # itself
        ('<a href="mailto:a@b.example"><a href="javascript:x()"><a href="ftp://a.example/">', []),
        ('<a href="http://user@host.example/"><a href="http://[">', []),
        ('<a href="//other.example/x">', ["https://other.example/x"]),
        ('<a href="a b">', ["a%20b"]),
        ('<a href="a.pdf"><a href="b.JPG"><a href="c.mp4?x"><a href="d.zip">', []),
        ('<a href="/wiki/File:A.jpg">', ["https://site.example/wiki/File:A.jpg"]),
        ('<base href="/other/"><a href="a">', ["https://site.example/other/a"]),
        ('<base href="/x/"><base href="/y/"><a href="a">', ["https://site.example/x/a"]),
        ('<base href="http://["><a href="a">', ["a"]),
    ],
    ids=short,
)  # fmt: skip
def test_links_that_a_visit_may_follow(html, found):
    assert links(html) == found


@pytest.mark.parametrize(
    ("meta", "follows"),
    [
        ('<meta name="robots" content="nofollow">', False),
        ('<meta name="ROBOTS" content="noindex, NoFollow">', False),
        ('<meta name="robots" content="none">', False),
        ('<meta name="vultus" content="nofollow">', False),
        ('<meta name="googlebot" content="nofollow">', True),
        ('<meta name="robots" content="noindex">', True),
        ('<!-- <meta name="robots" content="nofollow"> -->', True),
    ],
)
def test_a_page_may_ask_that_none_is_followed(meta, follows):
    assert bool(links(meta + '<a href="a">')) is follows


def test_links_are_bounded():
    html = "".join(f'<a href="{n}">x</a>' for n in range(6_000))
    assert len(links(html)) == 5_000


def test_a_page_without_an_address_tells_nothing():
    assert read('<img src="/a.jpg">', url="ftp://site.example/") == Found()
    assert read('<img src="/a.jpg">', url="page.html") == Found()


# --- photos and renditions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<img src=a.jpg>", ["a.jpg"]),
        ("<img src=a.jpg><img src=b.jpg><img src=a.jpg>", ["a.jpg", "b.jpg"]),
        ('<img src=a.jpg srcset="b.jpg 300w, c.jpg 900w, d.jpg 600w">', ["c.jpg"]),
        ('<img src=a.jpg srcset="b.jpg, c.jpg 2x">', ["c.jpg"]),
        ('<img src=a.jpg width=300 srcset="b.jpg 1x,c.jpg 1.5x">', ["c.jpg"]),
        ('<img src="data:image/gif;base64,R0" data-src=a.jpg>', ["a.jpg"]),
        ('<img src=blank.png data-srcset="a.jpg 100w, b.jpg 200w">', ["b.jpg"]),
        ("<img src=grey.png data-src=a.jpg><img src=grey.png data-src=b.jpg>", ["a.jpg", "b.jpg"]),
        ("<img data-lazy-src=a.jpg>", ["a.jpg"]),
        ("<amp-img src=a.jpg></amp-img>", ["a.jpg"]),
        ('<noscript><img src=a.jpg></noscript><img src=x.gif data-src=a.jpg>', ["a.jpg"]),
        (('<picture><source srcset="a.webp 900w"><source srcset="b.jpg 1200w">'
         "<img src=c.jpg></picture>"), ["b.jpg"]),
        ('<picture><source srcset="a.avif 900w"><img srcset="a.jpg 900w"></picture>', ["a.jpg"]),
        ("<a href=big.jpg><img src=a.jpg></a>", ["big.jpg"]),
        ('<a href=big.jpg><img srcset="a.jpg 4000w"></a>', ["big.jpg"]),
        ("<a href=page2.html><img src=a.jpg></a>", ["a.jpg"]),
        ("<a href=/wiki/File:A.jpg><img src=a.jpg></a>", ["a.jpg"]),
        ("<img src=a.jpg data-full-url=full.jpg>", ["full.jpg"]),
        ("<img src=a.jpg data-full=true>", ["a.jpg"]),
        ('<meta property="og:image" content="o.jpg">', ["o.jpg"]),
        ('<meta property="og:image" content="a.jpg"><img src=a.jpg>', ["a.jpg"]),
        ('<meta property="og:image" content="a-1200x630.jpg"><img src=a.jpg>', ["a.jpg"]),
        ('<meta property="og:image" content="logo.png">', []),
        ("<img src=a.jpg srcset=\"data:image/png;base64,AA 2x\">", ["a.jpg"]),
        ("<img src='http://['><img>", []),
    ],
    ids=short,
)  # fmt: skip
def test_one_item_a_picture_at_its_largest_rendition(html, found):
    assert photos(html) == found


@pytest.mark.parametrize(
    "html",
    [
        '<img src="data:image/png;base64,AAAA" width=500>', "<img src=a.svg>", "<img src=a.ico>",
        "<img src=a.jpg width=63 height=200>", "<img src=a.jpg width=200 height=63px>",
        '<img src=a.jpg style="width: 20px">', "<img src=/pixel?id=1 width=1 height=1>",
        "<img src=/logo.png>", "<img src=/img/sprite-icons@2x.png>", "<img class=avatar src=a.jpg>",
        '<img class="site-logo big" src=a.jpg>', '<a href="/"><img src=a.jpg></a>',
        "<img src=/spacer.gif width=600 height=400>",
    ],
    ids=short,
)  # fmt: skip
def test_decoration_is_no_photo(html):
    assert photos(html) == []


@pytest.mark.parametrize(
    "html",
    [
        "<img src=a.jpg width=64 height=64>", "<img src=a.jpg width=100%>",
        "<img src=logo-opening.jpg>", '<img src=a.jpg style="max-width: 20px">',
        '<img class="icon-zoom wp-image" src=a.jpg>',
    ],
    ids=short,
)  # fmt: skip
def test_what_might_be_a_photo_is_one(html):
    assert len(photos(html)) == 1


def test_a_small_thumbnail_of_a_larger_picture_is_a_photo():
    assert photos("<a href=big.jpg><img src=a.jpg width=40 height=40></a>") == ["big.jpg"]
    assert photos('<img width=40 src=a.jpg srcset="b.jpg 800w">') == ["b.jpg"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ('{"@type":"ImageObject","contentUrl":"a.jpg"}', ["a.jpg"]),
        ('[{"@type":["Thing","ImageObject"],"url":"a.jpg"}]', ["a.jpg"]),
        ('{"@graph":[{"@type":"schema:ImageObject","schema:contentUrl":"a.jpg"}]}', ["a.jpg"]),
        ('<!-- {"@type":"http://schema.org/ImageObject","contentUrl":"a.jpg"} -->', ["a.jpg"]),
        ('{"@type":"Article","image":"a.jpg"}', ["a.jpg"]),
        ('{"@type":"Article","image":["a.jpg","b.jpg"]}', ["a.jpg", "b.jpg"]),
        ('{"@type":"Article","image":{"@type":"ImageObject","url":"a.jpg"}}', ["a.jpg"]),
        (('{"@type":"Article","publisher":{"@type":"Organization","logo":'
         '{"@type":"ImageObject","url":"a.jpg"}}}'), []),
        ('{"@type":"Article","author":{"@type":"Person","image":"a.jpg"}}', []),
        ('{"@type":"ImageObject","contentUrl":"a.jpg","width":32}', []),
        ('{"@type":"ImageObject","thumbnailUrl":"t.jpg","contentUrl":"a.jpg"}', ["a.jpg"]),
        ('{"@type":"ImageObject","contentUrl":"a.jpg"', []),
        ("[" * 100_000, []), ("9" * 10_000, []), ("null", []), ("", []),
    ],
    ids=short,
)  # fmt: skip
def test_photos_that_only_json_ld_tells(document, found):
    assert photos(f'<script type="application/ld+json">{document}</script>') == found


def test_an_image_object_and_its_thumbnail_on_the_page_are_one():
    data = '{"@type":"ImageObject","thumbnailUrl":"t.jpg","contentUrl":"full.jpg"}'
    html = f'<script type="application/ld+json">{data}</script><img src=t.jpg>'
    assert photos(html) == ["full.jpg"]


def test_microdata():
    html = (
        '<div itemscope itemtype="https://schema.org/ImageObject"><a itemprop=contentUrl '
        "href=full.jpeg?x=1><img itemprop=thumbnail src=t.jpg></a></div>"
        '<div itemscope itemtype="http://schema.org/ImageObject"><meta itemprop=contentUrl '
        "content=two.jpg><img src=t2.jpg></div>"
    )
    assert photos(html) == ["full.jpeg?x=1", "two.jpg"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.jpg", [("a.jpg", 1.0)]), ("a.jpg,b.jpg 2x", [("a.jpg,b.jpg", 2.0)]),
        ("a.jpg, b.jpg 2x", [("a.jpg", 1.0), ("b.jpg", 2.0)]),
        ("a.jpg 1x,b.jpg 2x", [("a.jpg", 1.0), ("b.jpg", 2.0)]),
        ("/full/600,/0/a.jpg 600w, /full/9,/0/a.jpg 9w", [("/full/600,/0/a.jpg", 600.0),
                                                          ("/full/9,/0/a.jpg", 9.0)]),
        (" , a 10w 5h ,", [("a", 10.0)]), ("a 10q", [("a", 1.0)]), ("", []), (" ,,, ", []),
    ],
    ids=short,
)  # fmt: skip
def test_srcset(text, found):
    """HTML section 4.8.4.2.1: a comma may stand in a URL, not at its end."""
    assert list(srcset(text)) == found


# --- character sets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "", "é"), ("é".encode(), "text/html; charset=utf-8", "é"),
        (b"\xe9", "text/html; charset=ISO-8859-1", "é"), (b"\x92", "charset=latin1", "’"),
        (b"<meta charset=windows-1252>\xe9", "", "é"),
        (b"<META http-equiv=Content-Type content='text/html; charset=iso-8859-1'>\xe9", "", "é"),
        (b"<meta charset=utf-16>\xc3\xa9", "", "é"), (b"\xe9", "", "�"),
        (b"\xef\xbb\xbf\xc3\xa9", "charset=latin1", "é"), (b"\xff\xfe\xe9\0", "", "é"),
        (b"\xc3\xa9", "charset=zip", "é"), (b"\xc3\xa9", "charset=idna", "é"),
        (b"<meta charset=nonsense>\xc3\xa9", "", "é"),
        (b"<meta charset=utf-8>\xe9", "charset=windows-1252", "é"),
    ],
    ids=short,
)  # fmt: skip
def test_the_character_set_is_the_marks_the_headers_the_pages_or_utf_8(body, content_type, text):
    assert decode(body, content_type).endswith(text)


# --- whatever the bytes are ----------------------------------------------------------------------

BYTES_MAX = 10_000_000


@pytest.mark.parametrize(
    "piece",
    [
        b"<div>", b"<b><p>", b"<a href=x>", b"<table><tr><td>", b"<", b"&amp", b"<!--", b"<![CDATA[",
        b"<script>", b"\0", b"<li>", b"</p>", b"<div></x></p>", b"<svg><p>", b"<select><option>",
        b"<div itemscope><b itemprop=a>", b"<figure><img src=a.jpg>", b"<time>3 May 2021 ",
    ],
    ids=short,
)  # fmt: skip
def test_ten_megabytes_of_anything_are_read_within_bounds(piece):
    found = read(piece * (BYTES_MAX // len(piece)))
    assert len(found.photos) <= page_photo.MAX_PHOTOS


def test_one_element_with_many_attributes():
    html = (
        b"<img src=a.jpg " + b"".join(b"a%d=1 " % n for n in range(300_000)) + b"><img src=b.jpg>"
    )
    assert [item.url for item in read(html).photos] == [f"{PLACE}b.jpg"]


def test_what_stands_before_the_bounds_counts():
    assert photos("<img src=a.jpg>" + "<div>" * 1_000 + "<img src=b.jpg>") == ["a.jpg"]
    root = parse_page(b"<p>" * (page_tree.MAX_NODES + 10))
    assert sum(1 for _ in root.walk(10 * page_tree.MAX_NODES)) <= page_tree.MAX_NODES + 1
    late = b" " * page_tree.MAX_PAGE_BYTES + b"<img src=a.jpg>"
    assert read(late).photos == ()


def test_photos_are_bounded():
    assert len(photos("".join(f"<img src={n}.jpg>" for n in range(3_000)))) == 2_000


def well_formed(found: Found) -> None:
    for item in found.photos:
        assert parse_url(item.url).text == item.url
        assert item.page_url == URL
        assert item.version is None
        beside = item.beside
        assert (beside.date is None) == (beside.date_precision is None)
        assert (beside.caption is None) == (beside.caption_source is None)
        for text in (beside.title, beside.caption, beside.credit, beside.licence):
            assert text is None or (text and text == " ".join(text.split()))
    assert len({item.url for item in found.photos}) == len(found.photos)
    assert len(set(found.links)) == len(found.links)
    assert all(
        isinstance(link, Link) and parse_url(link.url).text == link.url for link in found.links
    )


@given(st.binary(max_size=2_000), st.text(max_size=60))
@settings(max_examples=200)
def test_no_bytes_make_it_raise(body, content_type):
    well_formed(read(body, content_type=content_type))


PIECES = [
    "<img src=a.jpg>", "<img data-src='b.jpg' alt='Ada and Bram' width=", "<figure>", "</figure>",
    "<figcaption>", "</figcaption>", "<picture>", "<source srcset='", "a.jpg 2x, b.jpg 9w", "'>",
    "<a href=", "big.jpg>", "</a>", "<article>", "<time datetime=", "2021-05-03", "3 mai 2021", "<td>",
    "<tr>", "<dl><dt>Datum</dt><dd>", "Photo: Ada", "<script type=application/ld+json>", "</script>",
    '{"@type":"ImageObject","contentUrl":"c.jpg","caption":', '"A & b <i>"}', "[", "]", "{", "}", ",",
    "<div itemscope itemtype=https://schema.org/ImageObject>", "<p itemprop=caption>", "</div>",
    "<meta property=og:image content=", "<meta name=date content=", "<base href=", "<p class=caption>",
    "\0", "\ud7ff", "é", "&#x110000;", "&nbsp;", "<!--", "-->", "<html lang=fr>", "http://[", "<noscript>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=400, deadline=None)
def test_no_page_makes_it_raise(pieces):
    html = "".join(pieces).encode()
    found = read(html)
    well_formed(found)
    assert found == read(html)
