"""What headers and pages say about the use of pictures: each document, each trap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import optout
from vultus.acquire.robots import parse
from vultus.acquire.rule import RULES, Says
from vultus.acquire.signal import MAX_RAW, Place, Signal, signal, unreadable

URL = "https://photos.example/album/a.jpg"
HEADER, PAGE, FILE = Place.IMAGE_HEADER, Place.PAGE, Place.SITE_FILE


def short(value: object) -> str:
    """The id of a case, which is not as long as its value."""
    return repr(value)[:40]


def rules(signals: list[Signal]) -> list[str]:
    return [found.rule for found in signals]


def denied(signals: list[Signal]) -> bool:
    return any(found.says is Says.DENY for found in signals)


# --- a signal ------------------------------------------------------------------------------------


def test_a_signal_takes_its_name_and_its_meaning_from_the_table():
    assert signal("rsl.payment", FILE, "payment use") == Signal(
        "rsl", FILE, "payment use", Says.DENY, "rsl.payment"
    )
    assert unreadable("ai-txt", FILE, "no answer").rule == "ai-txt.unreadable"


def test_the_raw_value_is_bounded_and_can_be_kept():
    raw = signal("rsl.payment", FILE, "\ud800" + "x" * 1_000).raw
    assert len(raw) == MAX_RAW
    assert raw.startswith("?x")
    assert raw.endswith("…")


# --- X-Robots-Tag and meta robots ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["noindex"], ["noindex"]), (["NoIndex, NOFOLLOW"], ["noindex"]), (["none"], ["none"]),
        (["noimageindex"], ["noimageindex"]), (["noai, noimageai"], ["noai", "noimageai"]),
        (["all"], ["all"]), (["nofollow", "noindex"], ["not_said", "noindex"]),
        (["index, noindex"], ["all", "noindex"]), (["noindex nofollow"], ["noindex"]),
        (["noindex;nofollow"], ["noindex"]), (["max-snippet: 20, noindex"], ["noindex"]),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], ["unavailable_after"]),
        (["unavailable_after: Fri, 25 Jun 2010 15:00:00 GMT, noindex"],
         ["unavailable_after", "noindex"]),
        (["vultus: noindex"], ["noindex"]), (["VULTUS : noindex"], ["noindex"]),
        (["*: noindex"], ["noindex"]), (["noindex: 1"], ["noindex"]),
        (["Vultus/1.0: noindex"], ["noindex"]),
        (["googlebot: noindex"], ["other_agent"]),
        (["googlebot: nofollow, noindex"], ["other_agent"]),
        (["noindex, googlebot: none"], ["noindex"]),
        (["googlebot: none, vultus: noimageindex"], ["noimageindex"]),
        (["googlebot: all", "noindex"], ["other_agent", "noindex"]),
        (["noindexing"], ["not_said"]), ([""], ["not_said"]), ([], []),
    ],
    ids=short,
)  # fmt: skip
def test_x_robots_tag(values, found):
    """Robots meta tag and X-Robots-Tag, the convention that search engines document."""
    assert rules(optout.robots_tag(values, HEADER)) == [f"x-robots-tag.{word}" for word in found]


def test_x_robots_tag_names_the_robot_that_we_are():
    assert rules(optout.robots_tag(["other: noindex"], HEADER, "Other")) == ["x-robots-tag.noindex"]


def test_x_robots_tag_more_than_is_read_denies():
    for values in (["x"] * 101, ["x" * 10_000]):
        assert rules(optout.robots_tag(values, HEADER)) == ["x-robots-tag.unreadable"]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<meta name="robots" content="noindex">', ["noindex"]),
        ("<META NAME=Robots CONTENT=NoIndex>", ["noindex"]),
        ("<meta content='none' name='robots'/>", ["none"]),
        ("<meta\nname = 'robots'\n content = 'noimageindex'>", ["noimageindex"]),
        ('<meta name="vultus" content="noindex">', ["noindex"]),
        ('<meta name="googlebot" content="noindex">', []),
        ('<meta name="robots" content="googlebot: noindex">', ["noindex"]),
        ('<meta name="robots" content="all"><meta name="robots" content="noai">', ["all", "noai"]),
        ('<meta name="robots" content="&#110;oindex">', ["noindex"]),
        ('<meta http-equiv="X-Robots-Tag" content="noindex">', ["noindex"]),
        ('<meta name="robots" content="nofollow">', ["not_said"]),
        ('<meta name="description" content="noindex">', []),
        ('<metadata name="robots" content="noindex">', []),
        ('<meta =x name="robots" content="noindex">', ["noindex"]),
        ('<meta name="robots" name="x" content="noindex" content="all">', ["noindex"]),
        ('<meta name="robots" content="noindex', ["noindex"]),
        ('<p title=">"><meta name="robots" content="noindex">', ["noindex"]),
    ],
)
def test_meta_robots(page, found):
    assert rules(optout.page(page.encode())) == [f"meta-robots.{word}" for word in found]


@pytest.mark.parametrize(
    ("page", "counts"),
    [
        ("<!-- {} -->", False),
        ("<!-->{}<!-- x -->", True),
        ("<!--->{}<!-- x -->", True),
        ("<!-- x --!>{}-->", True),
        ("<!-- without an end {}", True),
        ("<!-- a -->{}<!-- b -->", True),
        ("<script>document.write('{}')</script>", True),
    ],
)
def test_html_a_comment_hides_only_what_a_browser_would_not_see(page, counts):
    """HTML standard, section 13.2.5.43 and following; in doubt it counts."""
    text = page.replace("{}", '<meta name="robots" content="noindex">')
    assert denied(optout.page(text.encode())) == counts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_html_in_any_encoding_that_keeps_ascii_or_says_what_it_is(encoding):
    page = '<title>é</title><meta name="robots" content="noindex">'
    assert denied(optout.page(page.encode(encoding)))


def test_html_that_cannot_be_read_denies():
    assert rules(optout.page("<meta>".encode("utf-16-le"))) == ["meta-robots.unreadable"]
    assert rules(optout.page(b" " * (optout.MAX_PAGE_BYTES + 1))) == ["meta-robots.unreadable"]
    many = b'<meta name="robots" content="all">' * (optout.MAX_METAS + 1)
    assert rules(optout.page(many))[-1] == "meta-robots.unreadable"


# --- TDMRep --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1"], ["reserved"]), (["0"], ["not_reserved"]), ([" 1 "], ["reserved"]),
        (["0, 1"], ["not_reserved", "reserved"]), (["yes"], ["unreadable"]), ([""], ["unreadable"]),
        (["1;x"], ["unreadable"]), (["0"] * 101, ["unreadable"]), ([], []),
    ],
    ids=short,
)  # fmt: skip
def test_tdmrep_header(values, found):
    """TDMRep final report of 10 May 2024, header field."""
    assert rules(optout.tdm_header(values, HEADER)) == [f"tdm-reservation.{word}" for word in found]


@pytest.mark.parametrize(
    ("content", "rule"), [("1", "page_only"), ("0", "not_said"), ("x", "page_only")]
)
def test_tdmrep_html_meta_does_not_cover_the_pictures_that_the_page_links(content, rule):
    """TDMRep techniques, HTML meta element."""
    page = f'<meta name="tdm-reservation" content="{content}">'.encode()
    (found,) = optout.page(page)
    assert (found.rule, found.says) == (f"tdm-reservation.{rule}", Says.SILENT)


# --- Content-Usage and Content-Signal ------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("search=n", "denied"), ("search=y", "allowed"), ("ai-use=n", "denied"),
        ("train-ai=n", "training_only"), ("train-ai=n, search=y", "allowed"),
        ("search=y, ai-use=n", "denied"), ("search=n, search=y", "denied"), ("bots=n", "denied"),
        ("new-key=n", "not_said"), ("new-key=n, search=y;q=1", "allowed"), ("", "not_said"),
        ("search", "unreadable"), ("search=?0", "unreadable"), ('search="y"', "unreadable"),
        ("search=yes", "unreadable"), ("search=y, ai-use=maybe", "unreadable"),
        ("Search=n", "unreadable"), ("search: n", "unreadable"), ("search=y,", "unreadable"),
        ("x" * 10_000, "unreadable"),
    ],
    ids=short,
)  # fmt: skip
def test_aipref_content_usage(value, rule):
    """draft-ietf-aipref-vocab-08, and its older keys; unknown keys mean nothing."""
    assert rules(optout.content_usage([value], HEADER)) == [f"content-usage.{rule}"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("search=yes, ai-train=no", "allowed"), ("search=no", "denied"),
        ("ai-train=no", "training_only"),
        ("search=yes, ai-input=no", "denied"), ("Search=No", "denied"),
        ("use=reference", "not_said"),
        ("search=maybe", "unreadable"), ("search=yes ai-input=no", "unreadable"), ("", "not_said"),
    ],
)  # fmt: skip
def test_content_signal(value, rule):
    """draft-romm-aipref-contentsignals-00."""
    assert rules(optout.content_signal([value], FILE)) == [f"content-signal.{rule}"]


def test_robots_txt_hands_on_what_it_says_of_use():
    """draft-ietf-aipref-attach-05 section 3."""
    body = b"User-agent: *\nContent-Usage: /album/ search=n\nContent-Signal: search=yes\nAllow: /\n"
    found = optout.of_robots(parse(body).answer(URL))
    assert rules(found) == ["content-usage.denied", "content-signal.allowed"]
    assert {signal.place for signal in found} == {FILE}
    assert optout.of_robots(parse(b"").answer(URL)) == []


# --- licences of RSL ----------------------------------------------------------------------------

RSL = 'rel="license"; type="application/rsl+xml"'


@pytest.mark.parametrize(
    ("values", "urls"),
    [
        ([f"</l.xml>; {RSL}"], ["/l.xml"]),
        ([f"<https://a.example/l>;{RSL}"], ["https://a.example/l"]),
        (['</l>;REL=License;TYPE="Application/RSL+xml; charset=utf-8"'], ["/l"]),
        (['</a>; rel="x license" ; type=application/rsl+xml; title="x, \\"y\\"", </b>; rel=next'],
         ["/a"]),
        ([f"</a>; {RSL}, </b>; {RSL}", f"</c>;;{RSL};"], ["/a", "/b", "/c"]),
        ([f"</a>; {RSL}", f"</a>; {RSL}"], ["/a"]), ([f'</a>; {RSL}; anchor="#x"'], ["/a"]),
        (["</l.xml>; rel=license"], ["/l.xml"]), (["</l.RSL?x#y>; rel=license"], ["/l.RSL?x#y"]),
        (["<https://cc.example/by/4.0/>; rel=license"], []), (["</l.html>; rel=license"], []),
        (['</l.xml>; rel="license"; type="text/html"'], []), ([f"</l.xml>; rel=next; {RSL}"], []),
        (["</style.css>; rel=preload; as=style", ""], []), (["nonsense", "</a"], []), ([], []),
    ],
    ids=short,
)  # fmt: skip
def test_a_link_header_names_licences(values, urls):
    """RFC 8288 section 3 (the first of two rel counts), RSL 1.0 on HTTP headers."""
    found = optout.licences_of_headers(values, HEADER)
    assert (list(found.urls), found.signals) == (urls, ())


@pytest.mark.parametrize(
    "value",
    [f"/l.xml; {RSL}", f"</l.xml; {RSL}", f"</l.xml>; {RSL}; title='a b'", f'</l.xml>; {RSL}; x="',
     f"</a>; rel=next </l.xml>; {RSL}", f"</l.xml>; {RSL}" + " " * 9_000,
     ", ".join(f"</{n}>; {RSL}" for n in range(11))],
    ids=short,
)  # fmt: skip
def test_a_link_header_that_speaks_of_a_licence_and_cannot_be_read_denies(value):
    found = optout.licences_of_headers([value], HEADER)
    assert rules(list(found.signals)) == ["rsl.unreadable"]
    assert found.urls == ()


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ('<link rel="license" type="application/rsl+xml" href="/l">', ["/l"]),
        ("<LINK REL=license HREF=l.xml>", ["l.xml"]),
        ('<link rel="x license" type="application/rsl+xml" href="?a=1&amp;b=2">', ["?a=1&b=2"]),
        ('<link rel="license" href="https://cc.example/by/4.0/">', []),
        ('<link rel="stylesheet" type="application/rsl+xml" href="/l">', []),
        ('<!-- <link rel="license" type="application/rsl+xml" href="/l"> -->', []),
        ('<a rel="license" type="application/rsl+xml" href="/l">', []),
    ],
    ids=short,
)  # fmt: skip
def test_a_page_names_licences(text, urls):
    """RSL 1.0 on web pages."""
    found = optout.licences_of_page(text.encode())
    assert (list(found.urls), found.whole, found.signals) == (urls, (), ())


def test_a_page_holds_licences_and_says_where_its_links_begin():
    text = (
        "<base href='/a/'><base href='/b/'><link rel=license href=l.rsl>"
        "<script type='application/rsl+xml'> <rsl>\u0130</rsl> </SCRIPT><script>var x</script>"
        '<script type="application/rsl+xml"><rsl>'
    )
    for encoding in ("utf-8", "utf-16"):
        found = optout.licences_of_page(text.encode(encoding))
        assert (found.base, found.urls) == ("/a/", ("l.rsl",))
        assert found.whole == ("<rsl>\u0130</rsl>".encode(), b"<rsl>")
    many = optout.licences_of_page(b"<script type=application/rsl+xml></script>" * 11)
    assert rules(list(many.signals)) == ["rsl.unreadable"]


def test_a_character_reference_of_any_length_is_read():
    """Python refuses to make a number of more than 4,300 digits."""
    body = b'<meta name="robots" content="&#' + b"1" * 5_000 + b'; &#0000110;oindex">'
    assert rules(optout.page(body)) == ["meta-robots.noindex"]


# --- properties ----------------------------------------------------------------------------------

VALUES = st.lists(st.text(max_size=30), max_size=4)
HTML = st.lists(
    st.sampled_from(
        [
            "<meta",
            " name=",
            '"robots"',
            "'",
            '"',
            " content=",
            "noindex",
            ">",
            "<!--",
            "-->",
            " ",
            "x",
        ]
    ),
    max_size=25,
).map("".join)


def check(signals: list[Signal]) -> None:
    for found in signals:
        assert found.says is RULES[found.rule].says
        assert found.rule.startswith(found.name + ".")
        assert len(found.raw) <= MAX_RAW


@given(VALUES)
def test_no_header_raises(values):
    for reader in (
        optout.robots_tag,
        optout.tdm_header,
        optout.content_usage,
        optout.content_signal,
    ):
        found = reader(values, HEADER)
        check(found)
        assert bool(found) == bool(values)


@given(st.binary() | HTML.map(str.encode))
def test_no_page_raises(body):
    check(optout.page(body))


@given(HTML)
def test_no_rubbish_behind_a_noindex_hides_it(rubbish):
    assert denied(optout.page(f'<meta name="robots" content="noindex">{rubbish}'.encode()))


@given(VALUES, st.sampled_from(["noindex", "vultus: none", "*: noimageindex"]))
def test_no_other_header_hides_a_noindex(values, value):
    assert denied(optout.robots_tag([*values, value], HEADER))


@given(st.text(max_size=30), st.sampled_from(["search=n", "ai-use=n"]))
def test_no_rubbish_in_a_content_usage_turns_a_no_into_a_yes(rubbish, value):
    for text in (f"{value}, {rubbish}", f"{rubbish}, {value}"):
        assert optout.content_usage([text], HEADER)[0].says is not Says.ALLOW


@given(st.lists(st.text() | st.text('<>;,=" \\relicnstypa/+xm').map(lambda text: f"</a>{text}")))
def test_no_link_header_raises(values):
    found = optout.licences_of_headers(values, HEADER)
    check(list(found.signals))
    assert len(found.urls) <= optout.MAX_LICENCES


@given(st.binary() | st.text().map(lambda text: f"<link rel=license href={text}".encode()))
def test_no_page_raises_as_it_is_read_for_licences(body):
    found = optout.licences_of_page(body)
    assert len(found.urls) + len(found.whole) <= optout.MAX_LICENCES
