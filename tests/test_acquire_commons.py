"""A category of Wikimedia Commons: what is asked for, and what the MediaWiki API answers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import commons
from vultus.acquire.commons import read_commons, start_url
from vultus.acquire.found import Beside, Found, Item, Link, Role
from vultus.acquire.url import parse_url
from vultus.errors import InputError, UnavailableError

URL = start_url("Portraits of nobody")
WIKI = "https://commons.wikimedia.org/wiki"
FILES = "https://upload.wikimedia.org/wikipedia/commons/a/ab"
SHA1 = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"


def read(document, url=URL):
    return read_commons(url, json.dumps(document).encode())


def file(name="Desk_1978.jpg", mime="image/jpeg", said=None, **more):
    extended = {key: {"value": value, "source": "x"} for key, value in (said or {}).items()}
    info = {
        "timestamp": "2020-01-01T00:00:00Z", "size": 9, "width": 3, "height": 2,
        "url": f"{FILES}/{name}", "descriptionurl": f"{WIKI}/File:{name}", "sha1": SHA1,
        "mime": mime,
        "extmetadata": extended,
    }  # fmt: skip
    return {"pageid": 7, "ns": 6, "title": f"File:{name.replace('_', ' ')}",
            "imageinfo": [info], "lastrevid": 12} | more  # fmt: skip


def answer(*pages, **more):
    return {"batchcomplete": True, "query": {"pages": list(pages)}} | more


def beside(**said):
    (photo,) = read(answer(file(said=said))).photos
    return photo.beside


def code_of(document, url=URL):
    with pytest.raises((InputError, UnavailableError)) as caught:
        read(document, url)
    return caught.value.code, caught.value.message


# --- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "category",
    ["Portraits of nobody", "Category:Portraits of nobody", " category:Portraits_of__nobody ",
     f"{WIKI}/Category:Portraits_of_nobody", f"{WIKI}/Category:Portraits%20of_nobody#mw-pages",
     "https://commons.m.wikimedia.org/wiki/Category:Portraits_of_nobody",
     "https://commons.wikimedia.org/w/index.php?title=Category:Portraits_of_nobody&action=view"],
)  # fmt: skip
def test_a_category_by_its_name_or_its_page(category):
    url = start_url(category)
    assert url == URL == parse_url(url).text
    assert urlsplit(url)[:3] == ("https", "commons.wikimedia.org", "/w/api.php")
    asked = {key: value for key, (value,) in parse_qs(urlsplit(url).query).items()}
    assert asked["gcmtitle"] == "Category:Portraits of nobody"
    assert (asked["generator"], asked["gcmtype"]) == ("categorymembers", "file")
    assert (asked["maxlag"], asked["formatversion"]) == ("5", "2")
    assert set(asked["iiprop"].split("|")) == {
        "url", "sha1", "mime", "size", "timestamp", "extmetadata",
    }  # fmt: skip


def test_another_wiki_and_other_scripts():
    url = start_url("http://wiki.example:8080/wiki/Category:Porträts")
    assert url.startswith("http://wiki.example:8080/w/api.php?action=query&")
    assert parse_qs(urlsplit(url).query)["gcmtitle"] == ["Category:Porträts"]


@pytest.mark.parametrize(
    "category",
    ["", "Category:", " ", "a|b", "a#b", "a" * 256, "a\0", "\ud800", f"{WIKI}/File:A.jpg",
     "https://commons.wikimedia.org/", "https://commons.wikimedia.org/w/index.php", "https://",
     f"{WIKI}/Category:a%7Cb", f"{WIKI}/Category:%FF"],
)  # fmt: skip
def test_what_is_no_category(category):
    with pytest.raises(InputError) as caught:
        start_url(category)
    assert caught.value.code == "commons.category"


# --- what is read ---------------------------------------------------------------------------------


def test_a_file_and_what_its_page_says():
    said = {
        "ObjectName": "Desk 1978",
        "ImageDescription": '<div class="description en" lang="en"><b>Two</b> women</div>',
        "Artist": '<a href="//commons.wikimedia.org/wiki/User:A">A. Example</a>',
        "Credit": "<span>Own work</span>",
        "LicenseShortName": "CC BY-SA 4.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/4.0",
        "DateTimeOriginal": "1978-05-12",
        "Categories": "Portraits of nobody|Desks",
        "Restrictions": "personality|trademarked",
    }
    assert read(answer(file(said=said))) == Found((
        Item(
            f"{FILES}/Desk_1978.jpg",
            f"{WIKI}/File:Desk_1978.jpg",
            version=f"{SHA1}/12",
            origin=f"{WIKI}/File:Desk_1978.jpg",
            beside=Beside(
                "Desk 1978", "Two women", "commons:ImageDescription", "A. Example",
                "CC BY-SA 4.0; https://creativecommons.org/licenses/by-sa/4.0; "
                "restrictions: personality, trademarked",
                "1978-05-12", "day", "commons:DateTimeOriginal", (), "en",
            ),
        ),
    ))  # fmt: skip


def test_a_file_of_which_little_is_said():
    assert beside() == Beside(title="Desk 1978")
    assert beside(Credit="A museum").credit == "A museum"
    assert beside(Artist="B", Attribution="As B asks").credit == "As B asks"
    assert beside(UsageTerms="Public domain", Restrictions=" ").licence == "Public domain"


@pytest.mark.parametrize(
    ("written", "date", "precision"),
    [
        ("1978", "1978", "year"), ("2019-05-04 10:11:12", "2019-05-04T10:11:12", "second"),
        ('<time class="dtstart" datetime="1978-05-12">12 May 1978</time>', "1978-05-12", "day"),
        ('<time datetime="1978-05">Wonnemonat 1978</time>', "1978-05", "month"),
        ('12 May 1978<div style="display: none;">date QS:P571,+1978-05-12T00:00:00Z/11</div>',
         "1978-05-12", "day"),
        ('spring<div style="display: none;">date QS:P571,+1978-00-00T00:00:00Z/9</div>',
         "1978", "year"),
        ('Mayo<div style="display: none;">date QS:P571,+1978-05-00T00:00:00Z/10</div>',
         "1978-05", "month"),
        ("c. 1978<div style='display: none;'>date QS:P571,+1978-00-00T00:00:00Z/9,P1480,Q1</div>",
         None, None),
        ("circa 1978", None, None), ("", None, None),
    ],
)  # fmt: skip
def test_dates_as_templates_write_them(written, date, precision):
    said = beside(DateTimeOriginal=written)
    assert (said.date, said.date_precision) == (date, precision)


def test_only_bitmaps_are_photos():
    kinds = ["image/svg+xml", "application/pdf", "video/webm", "image/vnd.djvu", "image/x-xcf", ""]
    assert read(answer(*(file(mime=kind) for kind in kinds))) == Found()
    bitmaps = sorted(commons.BITMAPS)
    assert len(read(answer(*(file(f"{n}.x", kind) for n, kind in enumerate(bitmaps)))).photos) == 5


def test_hidden_missing_and_deleted_files_are_gone():
    """API:Imageinfo: a revision that is deleted has filehidden and no address."""
    hidden = file("A_(1).jpg") | {"imageinfo": [{"filehidden": True}]}
    lost = file("B.jpg") | {"imageinfo": [{"filemissing": True}]}
    missing = {"ns": 6, "title": "File:Ü?.jpg", "missing": True}
    found = read(answer(hidden, lost, missing, file("C.jpg")))
    assert found.gone == (f"{WIKI}/File:A_(1).jpg", f"{WIKI}/File:B.jpg",
                          f"{WIKI}/File:%C3%9C%3F.jpg")  # fmt: skip
    assert [photo.url for photo in found.photos] == [f"{FILES}/C.jpg"]


def test_api_continue_all_of_it_is_added_to_the_first_url_only():
    more = {"continue": {"gcmcontinue": "file|a b&c|9", "continue": "gcmcontinue||"}}
    (link,) = read(answer(file(), **more)).links
    assert link == Link(Role.COMMONS, f"{URL}&gcmcontinue=file%7Ca%20b%26c%7C9"
                                      "&continue=gcmcontinue%7C%7C")  # fmt: skip
    more = {"continue": {"iicontinue": "x", "continue": "||info"}}
    (link,) = read(answer(**more), link.url).links
    assert link.url == f"{URL}&iicontinue=x&continue=%7C%7Cinfo"
    assert code_of(answer(**more), link.url)[0] == "commons.unreadable"
    assert read(answer(**{"continue": {"gcmtitle": "Category:Other", "a": 3}})).links == ()


def test_a_page_whose_details_come_with_the_next_part_is_no_photo_yet():
    page = file()
    del page["imageinfo"]
    assert read(answer(page)) == Found()


def test_subcategories_only_where_they_are_asked_for():
    within = {"pageid": 8, "ns": 14, "title": "Category:Desks of nobody"}
    assert read(answer(within)) == Found()
    url = start_url("Portraits of nobody", subcategories=True)
    assert parse_qs(urlsplit(url).query)["gcmtype"] == ["file|subcat"]
    assert read(answer(within), url).links == (
        Link(Role.COMMONS, start_url("Desks of nobody", subcategories=True)),
    )
    assert read(answer(within | {"title": "Category:|"}), url) == Found()


def test_an_empty_category():
    assert read({"batchcomplete": True}) == Found()


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"error": {"code": "maxlag", "info": "Waiting for a: 7.2 seconds lagged", "lag": 7.2}}, 8),
        ({"error": {"code": "maxlag", "lag": 1}}, 5), ({"error": {"code": "maxlag"}}, 5),
        ({"error": {"code": "maxlag", "lag": "9"}}, 5),
        ({"error": {"code": "maxlag", "lag": float("inf")}}, 5),
        ({"error": {"code": "maxlag", "lag": 10**400}}, 5),
        ({"errors": [{"code": "maxlag", "data": {"lag": 30}}]}, 30),
        ({"error": {"code": "ratelimited", "info": "Too many"}}, 60),
    ],
)  # fmt: skip
def test_manual_maxlag_the_seconds_to_wait(error, seconds):
    assert code_of(error) == (
        "commons.lagged", f"The servers of the wiki are busy and ask to wait {seconds} seconds.",
    )  # fmt: skip


def test_other_errors_of_the_api_by_their_code_alone():
    document = {"error": {"code": "readonly", "info": "https://evil.example/"}, "query": {}}
    assert code_of(document) == ("commons.error", "The wiki answers with an error: readonly.")
    assert code_of({"errors": [{"code": "<b>"}]})[1].endswith("unknown.")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b"null", b'{"parse": {}}', b"[" * 9**5]
)
def test_what_is_no_answer(body):
    with pytest.raises(InputError) as caught:
        read_commons(URL, body)
    assert caught.value.code == "commons.unreadable"


def test_an_answer_is_read_to_its_end_or_not_at_all(monkeypatch):
    monkeypatch.setattr(commons, "MAX_PAGES", 2)
    assert len(read(answer(file("1.jpg"), file("2.jpg"))).photos) == 2
    assert code_of(answer(file(), file(), file()))[0] == "commons.unreadable"


KEYS = ["query", "pages", "title", "ns", "imageinfo", "url", "mime", "sha1", "extmetadata", "value",
        "continue", "gcmcontinue", "missing", "filehidden", "error", "errors", "code", "lag",
        "DateTimeOriginal", "ImageDescription", "descriptionurl", "lastrevid"]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(["File:A.jpg", "image/jpeg", f"{FILES}/A.jpg", "x", "", "\ud800", "http://[",
                     "maxlag", "1978", "Category:A", 6, 14, True, None, 1e999])
    | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), VALUES), st.lists(VALUES, max_size=4))
def test_any_answer_is_read_or_an_error_of_ours(document, pages):
    for told in (
        document,
        answer(*pages),
        answer({"ns": 6, "title": "File:A", "imageinfo": pages}),
    ):
        try:
            found = read(told, start_url("A", subcategories=True))
        except (InputError, UnavailableError) as error:
            assert error.code in {"commons.unreadable", "commons.lagged", "commons.error"}
            continue
        places = [photo.url for photo in found.photos] + [link.url for link in found.links]
        assert all(parse_url(place).text == place for place in [*places, *found.gone])


@given(st.text())
def test_any_text_is_a_category_or_none(category):
    try:
        url = start_url(category)
    except InputError as error:
        assert error.code == "commons.category"
        return
    assert parse_url(url).text == url
