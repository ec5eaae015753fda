"""Feeds: RSS 2.0 and 1.0, Atom, Media RSS, JSON Feed, and what is neither."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import elements
from vultus.acquire import feed as feeds
from vultus.acquire.entry import any_date
from vultus.acquire.feed import read_feed
from vultus.acquire.found import Beside, Found, Link, Role
from vultus.acquire.sitemap import read_sitemap
from vultus.acquire.url import parse_url

URL = "https://wire.example/feeds/pictures.xml"
PAGE, PHOTO = "https://wire.example/1.html", "https://wire.example/1.jpg"
PREFIXES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:at="http://purl.org/atompub/tombstones/1.0"'
)


def rss(inside, channel=""):
    item = f"<item><link>{PAGE}</link>{inside}</item>" if inside is not None else ""
    return f'<rss version="2.0" {PREFIXES}><channel>{channel}{item}</channel></rss>'.encode()


def atom(inside, feed="", root=""):
    entry = f"<entry><link href='{PAGE}'/>{inside}</entry>" if inside is not None else ""
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" {PREFIXES} {root}>{feed}{entry}</feed>'
    ).encode()


def photos(body):
    return read_feed(URL, body).photos


def only(body):
    (item,) = photos(body)
    return item


def told(body):
    """What is shown of each photo: URL, caption and where it stood."""
    return [(p.url, p.beside.caption, p.beside.caption_source) for p in photos(body)]


# --- RSS ----------------------------------------------------------------------------------------

ENCLOSURE = f'<enclosure url="{PHOTO}" type="image/jpeg" length="1"/>'


def test_an_entry_of_rss_with_all_that_stands_beside_its_photo():
    """RSS 2.0, Media RSS 1.5.1."""
    inside = (
        "<title>Ghent</title><guid>g1</guid><pubDate>Mon, 06 May 2024 07:08:09 +0200</pubDate>"
        f'<media:content url="{PHOTO}" type="image/jpeg" lang="nl">'
        "<media:title>Mayor</media:title><media:description>The mayor speaks.</media:description>"
        '<media:credit role="photographer">An Peeters</media:credit>'
        "<media:credit>Wire</media:credit>"
        '<media:license href="https://wire.example/l">L</media:license></media:content>'
    )
    item = only(rss(inside))
    assert (item.url, item.page_url) == (PHOTO, PAGE)
    assert item.version == "g1 Mon, 06 May 2024 07:08:09 +0200"
    assert item.beside == Beside(
        title="Mayor", caption="The mayor speaks.", caption_source="media:description",
        credit="An Peeters, Wire", licence="https://wire.example/l",
        date="2024-05-06T07:08:09+02:00", date_precision="second", date_source="rss:pubDate",
        language="nl",
    )  # fmt: skip


def test_enclosures_that_are_pictures_take_the_entrys_description():
    audio = '<enclosure url="/1.mp3" type="audio/mpeg" length="1"/>'
    description = "<description>&lt;p&gt;The  mayor &amp;amp; others&lt;/p&gt;</description>"
    body = rss(audio + ENCLOSURE + description)
    assert told(body) == [(PHOTO, "The mayor & others", "rss:description")]


def test_each_entry_is_a_page_also_without_a_photo():
    two = (
        f"<item><guid>{PAGE}?2</guid></item><item><guid isPermaLink='false'>{PAGE}?3</guid></item>"
    )
    found = read_feed(URL, rss("<title>T</title>", two))
    assert found == Found(links=(Link(Role.PAGE, f"{PAGE}?2"), Link(Role.PAGE, PAGE)))


@pytest.mark.parametrize(
    ("inside", "licence"),
    [
        ('<media:copyright url="https://wire.example/c">© Wire</media:copyright>', "© Wire"),
        ('<cc:license rdf:resource="https://cc.example/by"/>', "https://cc.example/by"),
        ("<dc:rights>All rights reserved</dc:rights>", "All rights reserved"),
        ('<atom:link rel="license" href="/l"/>', "https://wire.example/l"),
        ("<media:license>CC BY</media:license><dc:rights>R</dc:rights>", "CC BY"),
        ("", "© the feed"),
    ],
)
def test_licences_and_rights(inside, licence):
    body = rss(ENCLOSURE + inside, "<copyright>© the feed</copyright><language>nl-be</language>")
    beside = only(body).beside
    assert (beside.licence, beside.language) == (licence, "nl-be")


def test_rss_1_0():
    """RDF Site Summary 1.0: items stand beside the channel."""
    body = (
        f'<rdf:RDF xmlns="http://purl.org/rss/1.0/" {PREFIXES}>'
        f'<channel rdf:about="{URL}"><dc:language>fr</dc:language></channel>'
        f'<item rdf:about="{PAGE}"><title>T</title><dc:date>2024-05</dc:date>'
        f'<media:content url="{PHOTO}"/></item></rdf:RDF>'
    )
    item = only(body.encode())
    assert (item.page_url, item.version) == (PAGE, f"{PAGE} 2024-05")
    assert (item.beside.date, item.beside.date_precision) == ("2024-05", "month")
    assert (item.beside.date_source, item.beside.language) == ("dc:date", "fr")


# --- Media RSS ----------------------------------------------------------------------------------


def content(name, more="", inside=""):
    return f'<media:content url="/{name}" {more}>{inside}</media:content>'


def test_of_a_group_the_largest_counts_and_films_do_not():
    group = (
        content("s.jpg", 'type="image/jpeg" width="100" height="50"')
        + content("l.jpg", 'type="image/jpeg" width="300" height="200"')
        + content("m.jpg", 'type="image/jpeg" width="200" height="200"')
        + content("f.mp4", 'type="video/mp4" width="900" height="900"')
    )
    assert told(rss(f"<media:group>{group}</media:group>")) == [
        ("https://wire.example/l.jpg", None, None)
    ]
    group = content("a.jpg", 'fileSize="10"') + content("b.jpg", 'fileSize="20"')
    assert only(rss(f"<media:group>{group}</media:group>")).url == "https://wire.example/b.jpg"


def test_photos_of_one_entry_keep_their_own_captions_and_credits():
    """The nearest counts: content, group, entry, feed (Media RSS, optional elements)."""

    def said(name):
        return f"<media:description>{name}</media:description><media:credit>{name}</media:credit>"

    inside = (
        said("entry") + content("1.jpg", inside=said("one")) + content("2.jpg")
        + f"<media:group>{said('group')}{content('3.jpg')}{content('4.txt')}</media:group>"
    )  # fmt: skip
    items = photos(rss(inside, "<media:credit>feed</media:credit>"))
    assert [(p.beside.caption, p.beside.credit) for p in items] == [
        ("one", "one"), ("entry", "entry"), ("group", "group"),
    ]  # fmt: skip
    assert only(rss(content("1.jpg"), "<media:credit>feed</media:credit>")).beside.credit == "feed"


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ('medium="image"', True), ('type="image/png"', True), ("", True), ('medium="video"', False),
        ('type="video/mp4"', False), ('medium="video" type="image/jpeg"', False),
        ('medium="image" type="application/octet-stream"', True),
    ],
)  # fmt: skip
def test_what_is_a_picture(more, counts):
    assert bool(photos(rss(content("1.jpg?w=9", more)))) == counts


def test_a_thumbnail_counts_where_there_is_no_picture():
    small, large = (
        '<media:thumbnail url="/s.jpg" width="9" height="9"/>',
        ('<media:thumbnail url="/l.jpg" width="99" height="9"/>'),
    )
    film = content("f.mp4", 'medium="video"', small + large)
    assert [p.url for p in photos(rss(film))] == ["https://wire.example/l.jpg"]
    assert [p.url for p in photos(rss(small + large))] == ["https://wire.example/l.jpg"]
    assert [p.url for p in photos(rss(small + content("1.jpg")))] == [PHOTO]


# --- Atom ---------------------------------------------------------------------------------------


def test_an_entry_of_atom():
    inside = (
        "<id>tag:wire.example,2024:1</id><title type='html'>&lt;b&gt;A&lt;/b&gt; day</title>"
        "<published>2024-05-06T07:08:09Z</published><updated>2024-05-07T00:00:00Z</updated>"
        '<link rel="enclosure" type="image/jpeg" href="/1.jpg"/><summary>S</summary>'
        "<rights>R</rights>"
    )
    item = only(atom(inside, root='xml:lang="de"'))
    assert (item.url, item.page_url) == (PHOTO, PAGE)
    assert item.version == "tag:wire.example,2024:1 2024-05-07T00:00:00Z"
    assert item.beside == Beside(
        title="A day", caption="S", caption_source="atom:summary", licence="R",
        date="2024-05-06T07:08:09+00:00", date_precision="second", date_source="atom:published",
        language="de",
    )  # fmt: skip
    later = only(atom(inside.replace("published>", "other>"))).beside
    assert (later.date, later.date_source) == ("2024-05-07T00:00:00+00:00", "atom:updated")


FIGURE = '<figure><img src="1.jpg"/><figcaption>The <b>mayor</b></figcaption></figure>'
PREFIXED = re.sub("(</?)", r"\1h:", FIGURE)
ESCAPED = FIGURE.replace("<", "&lt;")


@pytest.mark.parametrize(
    "inside",
    [
        f'<content type="html">{ESCAPED}</content>',
        f'<content type="html"><![CDATA[{FIGURE}]]></content>',
        f'<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{FIGURE}</div></content>',
        f'<content type="xhtml" xmlns:h="http://www.w3.org/1999/xhtml">{PREFIXED}</content>',
        f'<summary type="html">{ESCAPED}</summary>',
    ],
)
def test_atom_content_shows_its_pictures(inside):
    assert told(atom(inside)) == [("https://wire.example/feeds/1.jpg", "The mayor", "figcaption")]


def test_pictures_in_the_text_of_rss_stand_on_the_entrys_page():
    body = rss(f"<content:encoded><![CDATA[{FIGURE}]]></content:encoded>")
    assert told(body) == [(PHOTO, "The mayor", "figcaption")]


def test_a_link_to_a_picture_is_a_photo_only_as_an_enclosure():
    """RFC 4287 section 4.2.7.2; content out of line, section 4.1.3.2."""
    icon = '<link rel="icon" type="image/png" href="/i.png"/>'
    outside = f'<content type="image/jpeg" src="{PHOTO}"/>'
    assert [p.url for p in photos(atom(icon + outside))] == [PHOTO]


def test_texts_of_media_rss_are_plain_unless_they_say_html():
    """Media RSS, type of title and description."""
    text = "&lt;b&gt;A&lt;/b&gt; &amp;amp; B"
    inside = content("1.jpg", inside=f"<media:description>{text}</media:description>")
    assert only(rss(inside)).beside.caption == "<b>A</b> &amp; B"
    html = inside.replace("<media:description>", '<media:description type="html">')
    assert only(rss(html)).beside.caption == "A & B"


def test_a_text_that_is_longer_than_is_read_is_cut(monkeypatch):
    long = f"<title>{'é' * 20_000}</title>{ENCLOSURE}"
    assert only(rss(long)).beside.title == "é" * 10_000
    monkeypatch.setattr(elements, "MAX_CHARACTERS", 100)
    assert photos(rss(ENCLOSURE + f"<title>{'é' * 200}</title>{content('2.jpg')}"))[0].url == PHOTO
    assert len(photos(rss(f"<title>{'é' * 200}</title>{content('2.jpg')}"))) == 0


def test_a_credit_is_for_what_the_entry_is_sent_with_and_a_licence_for_all_of_it():
    inside = (
        "<media:credit>An</media:credit><media:copyright>© An</media:copyright>"
        f"<dc:rights>© Wire</dc:rights>{ENCLOSURE}"
        "<content:encoded>&lt;img src='2.jpg'&gt;</content:encoded>"
    )
    told = [(p.beside.credit, p.beside.licence) for p in photos(rss(inside))]
    assert told == [("An", "© An"), (None, "© Wire")]


@pytest.mark.parametrize("name", ["g1", "1.html", "/1.html", "tag:wire.example,2024:1", "urn:x"])
def test_a_name_that_is_no_place_is_no_page(name):
    """RSS 2.0 has every guid for a permanent link unless it says otherwise; many are none."""
    item = f"<item><guid>{name}</guid></item><item rdf:about='{name}'/>"
    assert read_feed(URL, rss(None, item)) == Found()
    assert read_feed(URL, atom(None, deleted(name))) == Found()


def test_xml_base():
    """XML Base, as RFC 4287 section 2 has it."""
    inside = f'<content xml:base="b/" type="html">{ESCAPED}</content>'
    assert only(atom(inside, root='xml:base="/a/"')).url == "https://wire.example/a/b/1.jpg"


def test_a_feed_of_atom_without_its_namespace_is_read():
    body = atom(f'<link rel="enclosure" type="image/jpeg" href="{PHOTO}"/><id>1</id>')
    bare = body.replace(b'xmlns="http://www.w3.org/2005/Atom"', b"")
    assert read_feed(URL, bare) == read_feed(URL, body) != Found()


# --- what is gone, and what follows -------------------------------------------------------------


def deleted(ref, when="2024-05-06T00:00:00Z", inside=""):
    return f'<at:deleted-entry ref="{ref}" when="{when}">{inside}</at:deleted-entry>'


def test_deleted_entries_are_gone():
    """RFC 6721: `ref` is an atom:id, which need not be a place."""
    feed = (
        deleted(PAGE)
        + deleted("tag:wire.example,2024:1")
        + deleted("urn:x", inside="<link href='/2.html'/>")
    )
    found = read_feed(URL, atom(None, feed))
    assert found.gone == (PAGE, "https://wire.example/2.html")


@pytest.mark.parametrize(
    ("updated", "gone"),
    [
        ("2024-05-05T00:00:00Z", True), ("2024-05-06T00:00:00Z", True),
        ("2024-05-06T01:00:00Z", False), ("2024-05-06T01:00:00+02:00", True),
        ("2024-05-07", True), ("", True),
    ],
)  # fmt: skip
def test_an_entry_that_came_back_is_not_gone(updated, gone):
    """RFC 6721 section 4; where it cannot be known which came later, it is gone."""
    inside = f"<id>tag:x</id><updated>{updated}</updated>"
    found = read_feed(URL, atom(inside, deleted("tag:x")))
    assert found.gone == ((PAGE,) if gone else ())
    assert found.links == (() if gone else (Link(Role.PAGE, PAGE),))


@pytest.mark.parametrize(
    "body",
    [
        atom(None, '<link rel="next" href="?page=2"/><link rel="self" href=""/>'),
        rss(None, '<atom:link rel="next" href="?page=2"/><link>https://wire.example/</link>'),
        atom(None, '<link rel="prev-archive" href="?page=2"/><link rel="next" href=""/>'),
        json.dumps({"version": "https://jsonfeed.org/version/1.1", "next_url": "?page=2"}).encode(),
    ],
)
def test_feeds_go_on(body):
    """RFC 5005 sections 3 and 4; JSON Feed, next_url."""
    assert read_feed(URL, body) == Found(links=(Link(Role.FEED, f"{URL}?page=2"),))


# --- JSON Feed ----------------------------------------------------------------------------------


def test_json_feed():
    feed = {
        "version": "https://jsonfeed.org/version/1.1", "language": "nl",
        "items": [
            {
                "id": "1", "url": PAGE, "title": "T", "image": "/1.jpg", "banner_image": "/b.jpg",
                "date_published": "2024-05-06T07:08:09+02:00",
                "content_html": FIGURE + '<img src="2.jpg" alt="A hall">',
                "attachments": [
                    {"url": "/3.jpg", "mime_type": "image/jpeg", "title": "Three"},
                    {"url": "/4.mp3", "mime_type": "audio/mpeg"}, "x",
                ],
            },
            None, {"id": 2, "language": "fr", "image": "https://wire.example/5.jpg"},
        ],
    }  # fmt: skip
    body = json.dumps(feed).encode()
    assert told(body) == [
        (PHOTO, "The mayor", "figcaption"),
        ("https://wire.example/b.jpg", None, None),
        ("https://wire.example/3.jpg", None, None),
        ("https://wire.example/2.jpg", "A hall", "img:alt"),
        ("https://wire.example/5.jpg", None, None),
    ]
    items = photos(body)
    assert items[0].version == "1 2024-05-06T07:08:09+02:00"
    assert items[0].beside.date_source == "json:date_published"
    assert [item.beside.language for item in items] == ["nl"] * 4 + ["fr"]
    assert [item.beside.title for item in items] == ["T", "T", "Three", "T", None]
    assert read_feed(URL, b"\xef\xbb\xbf" + body) == read_feed(URL, body)


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "date", "precision"),
    [
        ("Mon, 06 May 2024 07:08:09 GMT", "2024-05-06T07:08:09+00:00", "second"),
        ("6 May 24 07:08 +0200", "2024-05-06T07:08:00+02:00", "second"),
        ("Mon, 06 May 2024 07:08:09 EST", "2024-05-06T07:08:09-05:00", "second"),
        ("Mon, 06 May 2024", "2024-05-06", "day"), ("2024", "2024", "year"),
        ("2024-05-06T07:08:09.5Z", "2024-05-06T07:08:09+00:00", "second"),
        ("2024-05-06T07:08Z", "2024-05-06", "day"), ("yesterday", None, None), ("", None, None),
        ("Mon, 99 May 2024 07:08:09 GMT", None, None), ("6 May 2024" + " " * 200 + "x", None, None),
    ],
)  # fmt: skip
def test_dates_have_the_precision_that_is_written(written, date, precision):
    found = any_date(written)
    assert (found and found.text, found and found.precision) == (date, precision)


# --- what is none -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'{"items": [{"url": "/1"}]}', b"<html/>", b"text",
        b'{"version": "https://jsonfeed.org/version/1", "items": {}}', b"{" * 100_000,
        b'{"a":' * 50_000, b'{"version": 1' + b"1" * 5_000 + b"}", b"<rss><channel/></rss>",
        b'<!DOCTYPE rss [<!ENTITY x "y">]>' + rss(ENCLOSURE),
        b"<rss><channel><item><link>https://[::1/</link></item></channel></rss>",
    ],
    ids=lambda body: repr(body)[:40],
)  # fmt: skip
def test_what_is_no_feed_tells_nothing(body):
    assert read_feed(URL, body) == Found()


def test_what_stands_before_a_fault_or_a_bound_is_told(monkeypatch):
    body = rss(ENCLOSURE, f"<item><link>{PAGE}?2</link></item>")
    assert len(read_feed(URL, body[:-40]).links) == 1
    monkeypatch.setattr(feeds, "MAX_ENTRIES", 1)
    assert len(read_feed(URL, body).links) == 1
    monkeypatch.undo()
    monkeypatch.setattr(feeds, "MAX_PHOTOS", 1)
    found = read_feed(URL, rss(ENCLOSURE + content("2.jpg")))
    assert (len(found.photos), len(found.links)) == (1, 1)


def test_a_feed_may_stand_in_the_place_of_a_sitemap():
    """sitemaps.org, other sitemap formats."""
    for body in (rss(ENCLOSURE), atom("<id>1</id>")):
        assert read_sitemap(URL, body) == read_feed(URL, body) != Found()


# --- properties ---------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["item", "link", "guid", "title", "description", "enclosure", "media:content", "media:group",
     "media:thumbnail", "media:credit", "content:encoded", "atom:link", "at:deleted-entry", "entry",
     "content", "summary", "id", "updated", "pubDate", "dc:date", "x:y", "language"]
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", PAGE, "/1.jpg", "&lt;img src=x&gt;", "2024", "6 May 2024", "&lt;figure", "nl", "&#60;!--",
     "&amp;#1111111111;", "&lt;img srcset='a 1w, b 2x'&gt;"]
)  # fmt: skip
ATTRIBUTES = st.sampled_from(
    ["", f'url="{PHOTO}"', 'href="/2"', 'rel="next"', 'type="image/png"', 'width="9"',
     'xml:base="/b/"', 'ref="/1"', 'type="html"', 'xmlns="urn:x"', 'xmlns:media="urn:x"']
)  # fmt: skip
MARKUP = st.recursive(
    TEXTS,
    lambda inner: st.builds(
        lambda name, attribute, inside: f"<{name} {attribute}>{''.join(inside)}</{name}>",
        NAMES, ATTRIBUTES, st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.sampled_from([PAGE, "2024", FIGURE, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "url", "image", "content_html", "attachments", "mime_type"]),
            inner,
        )
    ),
    max_leaves=8,
)


def check(found):
    for url in [*(link.url for link in found.links), *(p.url for p in found.photos), *found.gone]:
        assert parse_url(url).text == url
    pages = [link.url for link in found.links if link.role is Role.PAGE]
    for item in found.photos:
        assert item.page_url is None or item.page_url in pages
        assert (item.beside.caption is None) == (item.beside.caption_source is None)
        assert (item.beside.date is None) == (item.beside.date_source is None)


@given(st.binary() | st.binary().map(lambda data: b"<rss><channel>" + data))
def test_no_bytes_raise(body):
    check(read_feed(URL, body))


@given(MARKUP)
def test_no_markup_raises(text):
    check(read_feed(URL, rss(text, text)))
    check(read_feed(URL, atom(text, text)))


@given(JSON)
def test_no_json_raises(items):
    feed = {"version": "https://jsonfeed.org/version/1.1", "items": items, "next_url": items}
    check(read_feed(URL, json.dumps(feed).encode()))
