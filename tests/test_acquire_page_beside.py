"""What stands beside a photo of a page: caption, credit, licence, persons, title, language."""

# ruff: noqa: E501 pages stand as sites write them

import json

import pytest

from vultus.acquire.found import Beside
from vultus.acquire.page import read_page

URL = "https://site.example/news/page.html"
WHO = "Ada Verbeke opens the library"


def short(value: object) -> str:
    return repr(value)[:40]


def beside(html: str, nth: int = 0) -> Beside:
    return read_page(URL, html.encode()).photos[nth].beside


def ld(document: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(document)}</script>'


def image(**said: object) -> str:
    return ld({"@type": "ImageObject", "contentUrl": "a.jpg", **said})


# --- caption -------------------------------------------------------------------------------------

FIGURE = f"<figure><img src=a.jpg alt='The alt text'><figcaption>{WHO}</figcaption></figure>"


@pytest.mark.parametrize(
    ("html", "caption", "source"),
    [
        (image(caption="Told & done") + FIGURE, "Told & done", "schema.org:caption"),
        (image(caption="A &amp; <b>B</b>"), "A & B", "schema.org:caption"),
        (image(description="Told") + FIGURE, "Told", "schema.org:description"),
        (('<div itemscope itemtype="https://schema.org/ImageObject"><img itemprop=contentUrl '
         "src=a.jpg><p itemprop=caption>Told</p></div>"), "Told", "schema.org:caption"),
        (FIGURE, WHO, "figcaption"),
        ("<figure><img src=a.jpg><figcaption> </figcaption></figure>", None, None),
        (f'<div class="wp-caption"><img src=a.jpg><p class="wp-caption-text">{WHO}</p></div>',
         WHO, "caption"),
        (f'<div><img src=a.jpg></div><p class="bijschrift">{WHO}</p>', WHO, "caption"),
        (f"<a href=b.jpg data-title='{WHO}'><img src=a.jpg></a>", WHO, "data-caption"),
        (f"<a href=b.jpg title='{WHO}'><img src=a.jpg></a>", WHO, "a:title"),
        (f"<a href=b.jpg data-sub-html='<h4>{WHO}</h4>'><img src=a.jpg></a>", WHO, "data-caption"),
        (f"<img src=a.jpg><dl><dt>Description:</dt><dd>{WHO}</dd></dl>", WHO, "term"),
        (f"<img src=a.jpg alt='{WHO}' title='Something else'>", WHO, "img:alt"),
        (f"<img src=a.jpg alt='IMG_1.jpg' title='{WHO}'>", WHO, "img:title"),
        (f"<table><td><img src=a.jpg><br><i>{WHO}</i></table>", WHO, "text"),
        (f"<ul><li><img src=a.jpg> {WHO}<li><img src=b.jpg> Another</ul>", WHO, "text"),
        (f"<p><img src=a.jpg></p><p><em>{WHO}</em></p><p>Long text.</p>", WHO, "text"),
        (f"<table><tr><td><img src=a.jpg><td><img src=b.jpg></tr><tr><td>{WHO}<td>B</table>",
         WHO, "text"),
    ],
    ids=short,
)  # fmt: skip
def test_the_caption_and_where_it_stood(html, caption, source):
    found = beside(html)
    assert (found.caption, found.caption_source) == (caption, source)


@pytest.mark.parametrize(
    "alt",
    ["", "a.jpg", "DSC_0012.JPG", "photo", "Image 3", "IMG 1234", "Foto 2 van 7", "Ada", "12345",
     "click to enlarge"],
)  # fmt: skip
def test_an_alt_text_that_says_nothing_is_no_caption(alt):
    assert beside(f'<img src="/x/a.jpg" alt="{alt}">').caption is None


def test_an_alt_text_that_is_the_files_name_is_no_caption():
    assert beside('<img src="/x/ada-at-school.jpg" alt="Ada at school">').caption is None


@pytest.mark.parametrize(
    "html",
    [
        f"<p>{WHO}</p><img src=a.jpg><p>{WHO}</p>",
        f"<article><figure><img src=a.jpg></figure><p>{WHO}</p></article>",
        f"<div><img src=a.jpg><p>{'Much more is said in this paragraph. ' * 5}</p></div>",
        "<div><img src=a.jpg>" + f"{WHO}. " * 20 + "</div>",
        f"<p><img src=a.jpg></p><p><em>{WHO}</em> and so on</p>",
        f"<p><img src=a.jpg></p>And<p><em>{WHO}</em></p>",
        f"<figure><img src=b.jpg><figcaption>{WHO}</figcaption></figure><img src=a.jpg>",
        f"<div><img src=a.jpg><script>{WHO}</script><style>{WHO}</style></div>",
    ],
    ids=short,
)
def test_the_running_text_is_no_caption(html):
    found = [i.beside for i in read_page(URL, html.encode()).photos if i.url.endswith("a.jpg")]
    assert [one.caption for one in found] == [None]


def test_each_photo_has_its_own_caption():
    html = "".join(
        f"<figure><img src={n}.jpg><figcaption>Number {n} here</figcaption></figure>"
        for n in range(5)
    )
    found = read_page(URL, html.encode()).photos
    assert [item.beside.caption for item in found] == [f"Number {n} here" for n in range(5)]


def test_texts_are_one_line_without_control_characters_and_bounded():
    text = "a\x01 b\n\tc" + "x" * 20_000
    caption = beside(f"<figure><img src=a.jpg><figcaption>{text}</figcaption></figure>").caption
    assert caption is not None
    assert caption.startswith("a b cxx")
    assert len(caption) <= 10_000


# --- credit --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "credit", "caption"),
    [
        (image(creditText="Ada/Wire", creator={"@type": "Person", "name": "Ada"}), "Ada/Wire", None),
        (image(creator={"@type": "Person", "name": "Ada"}), "Ada", None),
        (image(copyrightNotice="© Ada"), "© Ada", None),
        ((f"<figure><img src=a.jpg><figcaption>{WHO} <span class=credit>Photo: Ada O.</span>"
         "</figcaption></figure>"), "Ada O.", WHO),
        (f"<figure><img src=a.jpg><figcaption>{WHO} <cite>Ada</cite></figcaption></figure>",
         "Ada", WHO),
        (f"<figure><img src=a.jpg><figcaption>{WHO}. Foto: Ada O.</figcaption></figure>",
         "Ada O", f"{WHO}. Foto: Ada O."),
        (f"<figure><img src=a.jpg><figcaption>{WHO} (Photo by Ada/Wire)</figcaption></figure>",
         "Ada/Wire", f"{WHO} (Photo by Ada/Wire)"),
        (f"<figure><img src=a.jpg><figcaption>{WHO} © Ada</figcaption></figure>",
         "© Ada", f"{WHO} © Ada"),
        (("<figure><img src=a.jpg><figcaption><span class=credits>Crédit photo : Ada</span>"
         "</figcaption></figure>"), "Ada", None),
        ("<img src=a.jpg><table><tr><th>Photographer</th><td>Ada</td></tr></table>", "Ada", None),
        ("<meta name=author content=Bram><img src=a.jpg><footer class=copyright>© Us</footer>",
         None, None),
        (FIGURE, None, WHO),
    ],
    ids=short,
)  # fmt: skip
def test_the_credit(html, credit, caption):
    found = beside(html)
    assert (found.credit, found.caption) == (credit, caption)


# --- licence, persons, title, language -----------------------------------------------------------

CC = "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(
    ("html", "licence"),
    [
        (image(license=CC, copyrightNotice="© Ada"), CC),
        (image(license={"@type": "CreativeWork", "url": CC}), CC),
        (image(copyrightNotice="© Ada"), "© Ada"),
        (image(acquireLicensePage="https://site.example/buy"), "https://site.example/buy"),
        (f"<img src=a.jpg><a rel=license href={CC}>CC</a>", CC),
        (f"<img src=a.jpg><a href={CC}>CC</a>", CC),
        ("<link rel=license href=/terms><img src=a.jpg>", "/terms"),
        (f"<link rel=license href=/terms><figure><img src=a.jpg><a href={CC}>CC</a></figure>", CC),
        (ld({"@type": "Article", "license": CC}) + "<img src=a.jpg>", CC),
        ("<a href=https://creativecommons.org/about>CC</a><img src=a.jpg>", None),
        ("<a href='https://creativecommons.org.example/licenses/by'>CC</a><img src=a.jpg>", None),
    ],
    ids=short,
)
def test_the_licence(html, licence):
    assert beside(html).licence == licence


@pytest.mark.parametrize(
    ("document", "persons"),
    [
        ({"@type": "ImageObject", "contentUrl": "a.jpg",
          "about": [{"@type": "Person", "name": "Ada"}, {"@type": "Place", "name": "Ghent"}]},
         ("Ada",)),
        ({"@type": "Article", "image": "a.jpg", "mentions": {"@type": "Person", "name": "Bram"}},
         ("Bram",)),
        ({"@type": "Person", "name": "Chloé", "image": "a.jpg"}, ("Chloé",)),
        ({"@type": "Article", "author": {"@type": "Person", "name": "Bram"}}, ()),
        ({"@graph": [{"@type": "Article", "about": {"@id": "#p"}},
                     {"@type": "Person", "@id": "#p", "name": "Dirk"}]}, ("Dirk",)),
    ],
)  # fmt: skip
def test_persons_that_are_named(document, persons):
    assert beside(ld(document) + "<img src=a.jpg>").persons == persons


def test_the_persons_of_a_photo_come_before_those_of_its_page():
    article = {"@type": "Article", "about": {"@type": "Person", "name": "Bram"}}
    own = image(about={"@type": "Person", "name": "Ada"})
    html = ld(article) + own + "<img src=a.jpg><img src=b.jpg>"
    assert beside(html, 0).persons == ("Ada",)
    assert beside(html, 1).persons == ("Bram",)


@pytest.mark.parametrize(
    ("html", "title"),
    [
        (image(name="The photo") + "<title>Page</title>", "The photo"),
        ('<title>Page</title><meta property="og:title" content="Open"><img src=a.jpg>', "Open"),
        ("<title> The\npage </title><img src=a.jpg>", "The page"),
        ("<img src=a.jpg>", None),
    ],
)
def test_the_title(html, title):
    assert beside(html).title == title


@pytest.mark.parametrize(
    ("html", "language"),
    [
        ("<html lang=nl><body><div lang=fr-BE><img src=a.jpg>", "fr-BE"),
        ("<html lang=nl><body><img src=a.jpg>", "nl"),
        ("<meta http-equiv=content-language content=de><img src=a.jpg>", "de"),
        ('<meta property="og:locale" content="en_GB"><img src=a.jpg>', "en_GB"),
        ("<html><img src=a.jpg>", None),
    ],
)
def test_the_language(html, language):
    assert beside(html).language == language


@pytest.mark.parametrize(
    "teaser",
    [
        "<aside><img src=t.jpg></aside>", "<a href=/other><img src=t.jpg></a>",
        "<div class='related-posts'><img src=t.jpg></div>",
        "<article><article><a href=/x><img src=t.jpg></a></article></article>",
        "<footer><img src=t.jpg></footer>",
    ],
    ids=short,
)  # fmt: skip
def test_what_is_said_of_the_page_is_not_said_of_anothers_picture(teaser):
    page = {"@type": "Article", "datePublished": "2021-05-03", "license": CC,
            "about": {"@type": "Person", "name": "Ada"}}  # fmt: skip
    found = beside(f"<title>Page</title>{ld(page)}{teaser}")
    assert (found.title, found.date, found.licence, found.persons) == (None, None, None, ())


def test_a_link_to_the_photos_own_page_leaves_it_the_pages():
    html = "<title>T</title><figure><a href=/p><img src=a.jpg></a><figcaption>Ada</figcaption></figure>"
    assert beside(html).title == "T"
