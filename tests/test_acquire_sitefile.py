"""Files that speak for a whole site: tdmrep.json, RSL, ai.txt; each document, each trap."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import sitefile
from vultus.acquire.rule import RULES, Says
from vultus.acquire.signal import MAX_RAW, Signal

URL = "https://photos.example/album/a.jpg"


def short(value: object) -> str:
    """The id of a case, which is not as long as its value."""
    return repr(value)[:40]


def rules(signals: list[Signal]) -> list[str]:
    return [found.rule for found in signals]


# --- TDMRep ---------------------------------------------------------------------------------------


def tdmrep(*entries: object, url: str = URL) -> str:
    return sitefile.tdmrep(json.dumps(entries).encode(), url).rule.partition(".")[2]


def entry(location: object, reserved: object) -> dict[str, object]:
    return {"location": location, "tdm-reservation": reserved}


def test_tdmrep_file_the_first_entry_that_covers_the_path_counts():
    """TDMRep, TDM file on the origin server."""
    assert tdmrep(entry("/album/", 1), entry("/", 0)) == "reserved"
    assert tdmrep(entry("/", 0), entry("/album/", 1)) == "not_reserved"
    assert tdmrep(entry("/other/", 0), entry("/album/*.jpg$", 1)) == "reserved"
    assert tdmrep(entry("/other/", 1)) == "not_said"
    assert tdmrep() == "not_said"
    assert tdmrep(entry("/%61lbum/", 1)) == "reserved"


@pytest.mark.parametrize(
    "bad",
    [
        entry("/", 2), entry("/", "1"), entry("/", True), entry("/", False), entry("/", None),
        {"location": "/"}, {"tdm-reservation": 0}, entry(1, 0), entry("album", 0), [], "x", None,
        entry("https://photos.example/", 0),
    ],
)  # fmt: skip
def test_tdmrep_file_an_entry_that_cannot_be_understood_denies(bad):
    assert tdmrep(bad, entry("/", 0)) == "unreadable"
    assert tdmrep(entry("/", 0), bad) == "not_reserved"


def test_tdmrep_file_one_entry_may_stand_without_a_list():
    assert sitefile.tdmrep(b'{"location": "/", "tdm-reservation": 1}', URL).says is Says.DENY


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"1", b"null", b"[", b"[" * 100_000, b"\xff", b"[" + b"1" * 5_000 + b"]",
        b'[{"location": "/", "tdm-reservation": 1, "tdm-reservation": 0}]', b" " * 2_000_000,
        b"[" + b'{"location":"/x","tdm-reservation":0},' * 10_001 + b"1]",
    ],
    ids=short,
)  # fmt: skip
def test_tdmrep_file_that_cannot_be_read_denies(body):
    assert sitefile.tdmrep(body, URL).rule == "tdm-reservation.unreadable"


# --- RSL ----------------------------------------------------------------------------------------


def rsl(inside: str, content: str = 'url="/"') -> list[str]:
    text = f'<rsl xmlns="https://rslstandard.org/rsl"><content {content}>{inside}</content></rsl>'
    return [rule.partition(".")[2] for rule in rules(sitefile.rsl(text.encode(), URL))]


def licence(inside: str) -> str:
    return f"<license>{inside}</license>"


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ('<prohibits type="usage">search</prohibits>', ["prohibits"]),
        ('<prohibits type="usage">ai-train, ai-index</prohibits>', ["prohibits"]),
        ('<prohibits type="usage">all</prohibits>', ["prohibits"]),
        ("<prohibits>ai-all</prohibits>", ["prohibits"]),
        ('<prohibits type="usage">ai-train</prohibits>', ["not_said"]),
        ('<permits type="usage">search</permits>', ["permits"]),
        ('<permits type="usage">ai-train</permits>', ["not_permitted"]),
        ('<permits type="usage">all</permits><prohibits type="usage">search</prohibits>',
         ["prohibits"]),
        ('<permits type="usage">search</permits><payment type="free"/>', ["permits"]),
        ('<permits type="usage">search</permits><payment type="attribution"/>', ["permits"]),
        ('<permits type="usage">search</permits><payment type="use"/>', ["payment"]),
        ('<permits type="usage">all</permits><payment><standard>x</standard></payment>',
         ["payment"]),
        ('<payment type="Free"/>', ["payment"]), ("<payment/>", ["not_said"]),
        ('<permits type="usage">search</permits><permits type="geo">US</permits>', ["limited"]),
        ('<prohibits type="user">commercial</prohibits>', ["limited"]),
    ],
)  # fmt: skip
def test_rsl_licences(inside, found):
    """RSL 1.0, sections on license, permits, prohibits and payment."""
    assert rsl(licence(inside)) == found


def test_rsl_of_several_licences_the_strictest_counts_although_one_might_choose():
    free = licence('<permits type="usage">search</permits>')
    assert rsl(free + licence('<payment type="use"/>')) == ["permits", "payment"]


@pytest.mark.parametrize(
    "content", ['url="/" server="https://l.example"', 'url="/" encrypted="true"']
)
def test_rsl_a_licence_server_or_encryption_asks_for_a_licence(content):
    assert rsl(licence("<permits>search</permits>"), content) == ["licence_server", "permits"]


@pytest.mark.parametrize(
    ("url", "covers"),
    [
        ("/album/", True), ("/album/*.jpg$", True), ("/other/", False), ("*", True), ("", True),
        ("https://photos.example/", True), ("https://photos.example", True),
        ("https://PHOTOS.example/album/*", True), ("https://photos.example/other", False),
        ("https://other.example/", False), ("https://*.example/album", True), ("album", True),
    ],
)  # fmt: skip
def test_rsl_a_content_covers_paths_or_urls_as_robots_txt_does(url, covers):
    found = rsl(licence("<prohibits>search</prohibits>"), f'url="{url}"')
    assert found == (["prohibits"] if covers else ["not_said"])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<", b"<html/>", b"<rsl><content url='/'/></rsl>", b"\xff\xfe<", b" " * 2_000_000,
        b'<rsl xmlns="https://rslstandard.org/rsl"/>',
        b'<!DOCTYPE rsl [<!ENTITY a "a">]><rsl xmlns="https://rslstandard.org/rsl">&a;</rsl>',
        b'<?xml version="1.0" encoding="none-such"?><rsl/>', b"<a>" * 100_000,
        b'<rsl xmlns="https://rslstandard.org/rsl"><content url="/"/><license/></rsl>',
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
    ],
    ids=short,
)  # fmt: skip
def test_rsl_that_cannot_be_read_denies(body):
    assert rules(sitefile.rsl(body, URL)) == ["rsl.unreadable"]


def test_rsl_in_a_feed_is_found():
    body = (
        b'<rss xmlns:rsl="https://rslstandard.org/rsl"><channel><item><rsl:content url="/album/">'
        b"<rsl:license><rsl:prohibits>search</rsl:prohibits></rsl:license></rsl:content></item>"
        b"</channel></rss>"
    )
    assert rules(sitefile.rsl(body, URL)) == ["rsl.prohibits"]


# --- ai.txt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("User-Agent: *\nDisallow: *.jpg\nAllow: /", "disallowed"),
        ("User-Agent: *\nDisallow: /", "disallowed"),
        ("User-Agent: *\nDisallow: *.txt\nAllow: *.jpg", "allowed"),
        ("User-Agent: *\nDisallow: *.txt", "not_said"), ("", "not_said"), ("# nothing", "not_said"),
        ("User-Agent: other\nDisallow: /", "not_said"), ("<html>", "unreadable"),
        ("Not found", "unreadable"), ("#" * 600_000, "unreadable"), ("#" * 2_000_000, "unreadable"),
    ],
    ids=short,
)  # fmt: skip
def test_ai_txt(text, rule):
    """Spawning's ai.txt: written like robots.txt, with a pattern for each kind of file."""
    assert sitefile.ai_txt(text.encode(), URL).rule == f"ai-txt.{rule}"


def test_ai_txt_a_kind_of_picture_stands_for_pictures_whose_url_shows_no_kind():
    text = b"User-Agent: *\nDisallow: *.JPG$\nAllow: /"
    assert sitefile.ai_txt(text, "https://photos.example/show?id=7").rule == "ai-txt.images"
    assert sitefile.ai_txt(text, "https://photos.example/a.png").rule == "ai-txt.allowed"


# --- properties -----------------------------------------------------------------------------------

XML = st.lists(
    st.sampled_from(
        ["<rsl xmlns='https://rslstandard.org/rsl'>", "<content url='/'>", "<license>", "<permits>",
         "search", "</permits>", "</license>", "</content>", "</rsl>", "<payment/>", "&", "<"]
    ),
    max_size=12,
).map(lambda parts: "".join(parts).encode())  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["location", "tdm-reservation", "entries", "use", "x"]), inner
        )
    ),
    max_leaves=8,
)


def check(signals: list[Signal]) -> None:
    for found in signals:
        assert found.says is RULES[found.rule].says
        assert found.rule.startswith(found.name + ".")
        assert len(found.raw) <= MAX_RAW


@given(st.binary() | XML | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_file_raises(body):
    for found in (sitefile.tdmrep(body, URL), sitefile.ai_txt(body, URL)):
        check([found])
    check(sitefile.rsl(body, URL))
    assert sitefile.rsl(body, URL)


@given(st.text())
def test_no_url_raises(url):
    assert sitefile.tdmrep(b"[]", url).rule in {
        "tdm-reservation.not_said",
        "tdm-reservation.unreadable",
    }
    check(sitefile.rsl(b"<rsl/>", url))
    check([sitefile.ai_txt(b"", url)])
    check([sitefile.ai_txt(b"User-agent: *\nDisallow: *.jpg", f"https://x.example/{url}")])
