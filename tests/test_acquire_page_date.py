"""When what a page shows was made or published: each place, its order, and what is no such date."""

# ruff: noqa: E501 pages stand as sites write them

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.page import read_page
from vultus.acquire.page_date import known_date, of_address, single_date

URL = "https://site.example/page.html"
IMG = "<img src=a.jpg>"


def short(value: object) -> str:
    return repr(value)[:40]


def dated(html: str, url: str = URL) -> tuple[str | None, str | None, str | None]:
    beside = read_page(url, html.encode()).photos[0].beside
    return beside.date, beside.date_precision, beside.date_source


def ld(**document: object) -> str:
    return f'<script type="application/ld+json">{json.dumps({"@type": "Article", **document})}</script>'


def image(**said: object) -> str:
    return ld(**{"@type": "ImageObject", "contentUrl": "a.jpg", **said})


PUBLISHED = ld(datePublished="2021-05-03T10:11:12+02:00", dateModified="2022-01-01")
META = '<meta property="article:published_time" content="2021-05-03">'


@pytest.mark.parametrize(
    ("html", "text", "precision", "source"),
    [
        (image(dateCreated="1931", datePublished="2020-01-01") + PUBLISHED, "1931", "year",
         "schema.org:ImageObject:dateCreated"),
        (image(datePublished="2020-01") + PUBLISHED, "2020-01", "month",
         "schema.org:ImageObject:datePublished"),
        (f"<figure>{IMG}<time datetime=2020-02-02></time></figure>" + PUBLISHED, "2020-02-02", "day",
         "time"),
        (PUBLISHED + META + IMG, "2021-05-03T10:11:12+02:00", "second", "schema.org:datePublished"),
        (ld(**{"@type": "WebPage", "datePublished": "2020-01-01"}) + PUBLISHED + IMG,
         "2021-05-03T10:11:12+02:00", "second", "schema.org:datePublished"),
        (META + "<time datetime=2020-01-01></time>" + IMG, "2021-05-03", "day",
         "meta:article:published_time"),
        ("<meta name=DC.date content=1931-05>" + IMG, "1931-05", "month", "meta:dc.date"),
        ("<meta name=pubdate content=20210503>" + IMG, "2021-05-03", "day", "meta:pubdate"),
        ("<span property=schema:dateCreated content=2021-05-03>x</span>" + IMG, "2021-05-03", "day",
         "meta:schema:datecreated"),
        ("<time datetime=2021-05-03T10:11>x</time>" + IMG, "2021-05-03", "day", "time"),
        ("<time>3 mai 2021</time>" + IMG, "2021-05-03", "day", "time"),
        ("<time>3. März 2020</time>" + IMG, "2020-03-03", "day", "time"),
        ("<article><time>1 mei 2021</time></article><article><time>2 mei 2021</time>" + IMG,
         "2021-05-02", "day", "time"),
        (f"{IMG}<dl><dt>Datum<dd>3 mei 1964</dl>", "1964-05-03", "day", "term:datum"),
        (f"{IMG}<p>Publié le 3 mai 2021 à 10h</p>", "2021-05-03", "day", "text"),
        (f"{IMG}<p>Taken on May 3, 2021</p>", "2021-05-03", "day", "text"),
        (f"<figure>{IMG}<figcaption>Ada, 3 May 2021, Ghent</figcaption></figure>", "2021-05-03",
         "day", "figcaption"),
        (ld(dateModified="2022-01-01") + IMG, "2022-01-01", "day", "schema.org:dateModified"),
        ('<meta property="article:modified_time" content="2022-01-01">' + IMG, "2022-01-01", "day",
         "meta:article:modified_time"),
    ],
    ids=short,
)  # fmt: skip
def test_the_date_its_precision_and_where_it_stood(html, text, precision, source):
    assert dated(html) == (text, precision, source)


@pytest.mark.parametrize(
    "html",
    [
        IMG + "<footer>© 2014-2021 Us</footer>",
        IMG + "<p>The battle of 3 May 1915 was long.</p>",
        IMG + "<div class=comments><time datetime=2021-05-03></time></div>",
        IMG + "<aside><time datetime=2021-05-03></time></aside>",
        IMG + "<p>Last updated: 3 May 2021</p>",
        IMG + "<p>Bijgewerkt op 3 mei 2021</p>",
        IMG + "<p>Mis à jour le <time>3 mai 2021</time></p>",
        IMG + "<p>Stand: <time>3. Mai 2021</time></p>",
        IMG + "<time class=updated datetime=2021-05-03></time>",
        IMG + "<time datetime=18:02></time>",
        IMG + "<a href=/2019/03/04/x>before</a>",
        IMG + "<meta name=date content='about 1931'>",
        IMG + "<meta name=date content=2021-02-31>",
        IMG + ld(datePublished="2021-05-03") + ld(datePublished="2020-05-03"),  # a list of articles
        "<img src=/2021/05/03/a.jpg>",
        "<figure><img src=a.jpg><figcaption>From 3 May 2021 to 5 May 2021</figcaption></figure>",
        "<figure><img src=a.jpg><figcaption>Ada in the year 2021</figcaption></figure>",
        (
            '<img src=a.jpg><div itemscope itemtype="https://schema.org/ImageObject"><img src=b.jpg>'
            "<time itemprop=datePublished datetime=2021-05-03></time></div>"
        ),
    ],
    ids=short,
)
def test_no_date_is_invented(html):
    assert dated(html) == (None, None, None)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/2021/05/03/title", "2021-05-03"), ("/2021/5/3/title", "2021-05-03"),
        ("/2021/may/03/title", "2021-05-03"), ("/a-2021-05-03-title", "2021-05-03"),
        ("/2021/05/title", "2021-05"), ("/2021/13/title", None), ("/2021/title", None),
        ("/2021/02/31/title", "2021-02"), ("/12021/05/03", None), ("/page?d=/2021/05/03/", None),
        ("/photos/2021/05-1234/", None),
    ],
)  # fmt: skip
def test_the_address_of_a_page(url, text):
    found = of_address(f"https://site.example{url}")
    assert (found and found[0].text) == text
    assert dated(IMG, f"https://site.example{url}")[0] == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("2021-05-03T10:11:12+0200", "2021-05-03T10:11:12+02:00"),
        ("2021-05-03 10:11:12 UTC", "2021-05-03T10:11:12+00:00"),
        ("2021-05-03T10:11:12.000Z", "2021-05-03T10:11:12+00:00"),
        ("Mon, 03 May 2021 10:11:12 GMT", "2021-05-03"), ("03-05-2021", "2021-05-03"),
        ("2021", "2021"), ("05/03/2021", "2021"), ("", None), ("yesterday", None),
        ("2021-05-03 and 2021-05-04", None),
    ],
)  # fmt: skip
def test_dates_as_programs_write_them(written, text):
    found = known_date(written)
    assert (found and found.text) == text


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("Ada on 3 May 2021.", "2021-05-03"), ("Ada, 3 May 2021, and 3 May 2021", "2021-05-03"),
        ("May 2021: Ada", "2021-05"), ("3 May 2021 and 4 May 2021", None), ("in 2021", None),
        ("on 03/05/2021", None), ("on 13/05/2021", "2021-05-13"), ("Bram 4 Ada 2021", None),
    ],
)  # fmt: skip
def test_the_one_date_in_a_sentence(sentence, text):
    found = single_date(sentence)
    assert (found and found.text) == text


@given(st.text(max_size=100))
def test_no_text_makes_them_raise(text):
    known_date(text)
    single_date(text)


@given(st.dates(min_value=date(1800, 1, 1)))
def test_a_day_is_read_back(day):
    if day.year <= 2199:
        found = known_date(str(day))
        assert found is not None
        assert (found.text, found.precision) == (str(day), "day")
