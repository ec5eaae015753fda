"""What headers, pages, site files and pictures say about their use: each document, each trap."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import embedded, optout, sitefile
from vultus.acquire.robots import parse
from vultus.acquire.rule import RULES, Says
from vultus.acquire.signal import MAX_RAW, Place, Signal, signal, unreadable
from vultus.acquire.structured import MAX_MEMBERS, dictionary

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


# --- structured fields ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", []), ("a=1", [("a", "1")]), ("a", [("a", "?1")]), ("a;q=1", [("a", "?1")]),
        ("a=1, b=2", [("a", "1"), ("b", "2")]), ("a=1\t,\tb=2", [("a", "1"), ("b", "2")]),
        ("a=1,a=2", [("a", "1"), ("a", "2")]), ('a="x, b=\\"1"', [("a", '"x, b=\\"1"')]),
        ("a=(1 tok);x, b=?0", [("a", "(1 tok)"), ("b", "?0")]), ("a=()", [("a", "()")]),
        ("a=:aGk=:", [("a", ":aGk=:")]), ("a=@12", [("a", "@12")]),
        ("*a.b-c_1=-1.5", [("*a.b-c_1", "-1.5")]),
        ('a=%"f%c3%bc"', [("a", '%"f%c3%bc"')]), ("a=y;x=1;y, b=n", [("a", "y"), ("b", "n")]),
    ],
)  # fmt: skip
def test_rfc_9651_4_2_2_dictionaries(text, members):
    assert dictionary(text) == members


@pytest.mark.parametrize("text", [
    "A=1", "a=", "a=1,", "a=1 b=2", "a==1", ",a", "a=1,,b", "1=a", 'a="x', 'a="\\x"', "a=(1",
    "a=(1,2)", "a=1.", "a=1.2345", "a=1234567890123456", "a=é", "a=?2", "a= 1", "a =1", "a;",
    "a;=1", "a=1;B",
    "a=:é:", "\ta", "a=1\x00", "a=(1)b", "a=1.5.2",
])  # fmt: skip
def test_rfc_9651_what_is_no_dictionary(text):
    with pytest.raises(ValueError):
        dictionary(text)


def test_rfc_9651_more_than_is_read():
    for text in ("a" * 10_000, ",".join(["a"] * (MAX_MEMBERS + 1))):
        with pytest.raises(ValueError, match="at most"):
            dictionary(text)


@given(st.text() | st.text('aA=,;()"\\:?@%* 01.-\t'))
def test_rfc_9651_nothing_else_is_raised(text):
    try:
        members = dictionary(text)
    except ValueError:
        return
    assert all(key and value for key, value in members)


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


# --- RSL -----------------------------------------------------------------------------------------


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


# --- ai.txt --------------------------------------------------------------------------------------


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


# --- IPTC and PLUS -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("DMI-PROHIBITED", "prohibited"), ("DMI-ALLOWED", "allowed"),
        ("DMI-UNSPECIFIED", "unspecified"), ("DMI-PROHIBITED-AIMLTRAINING", "training_only"),
        ("DMI-PROHIBITED-GENAIMLTRAINING", "training_only"),
        ("DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING", "prohibited"),
        ("DMI-PROHIBITED-SEECONSTRAINT", "constrained"),
        ("DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR", "constrained"),
        ("DMI-PROHIBITED-SEELINKEDRIGHTSEXPR", "constrained"),
        ("http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED", "prohibited"),
        (" dmi-allowed ", "allowed"), ("DMI-SOMETHING", "unreadable"), ("", "unreadable"),
    ],
)  # fmt: skip
def test_iptc_data_mining(value, rule):
    """IPTC Photo Metadata 2023.1, Data Mining (PLUS vocabulary)."""
    assert embedded.data_mining(value).rule == f"iptc-data-mining.{rule}"


XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" %s</rdf:Description></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
VALUE = "http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"


@pytest.mark.parametrize(
    "inside",
    [
        f'plus:DataMining="{VALUE}">',
        f"><plus:DataMining> {VALUE} </plus:DataMining>",
        f'><plus:DataMining rdf:resource="{VALUE}"/>',
        f"><plus:DataMining><rdf:Bag><rdf:li>{VALUE}</rdf:li></rdf:Bag></plus:DataMining>",
    ],
    ids=["attribute", "text", "resource", "list"],
)
def test_xmp_writes_a_property_in_several_ways(inside):
    packet = (XMP % inside).encode() + b" " * 100 + b"\0"
    assert rules(embedded.xmp(packet)) == ["iptc-data-mining.prohibited"]


def test_xmp_without_the_property_says_nothing_and_with_two_values_says_both():
    assert embedded.xmp((XMP % ">").encode()) == []
    both = 'plus:DataMining="DMI-ALLOWED"><plus:DataMining>DMI-PROHIBITED</plus:DataMining>'
    assert rules(embedded.xmp((XMP % both).encode())) == [
        "iptc-data-mining.allowed", "iptc-data-mining.prohibited",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"not xml", b"<a><!-- ", b"<!DOCTYPE a><a/>", b"<a>" * 100_000, b"\0\0",
        b"<a/>" + b" " * embedded.MAX_XMP_BYTES + b"<", (XMP % "><plus:DataMining/>").encode(),
    ],
    ids=short,
)  # fmt: skip
def test_xmp_that_cannot_be_read_denies(packet):
    assert rules(embedded.xmp(packet)) == ["iptc-data-mining.unreadable"]


# --- C2PA and CAWG -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"cawg.data_mining": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"cawg.ai_inference": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"c2pa.data_mining": {"use": "notAllowed"}}, ["not_allowed"]),
        ({"cawg.data_mining": "notAllowed"}, ["not_allowed"]),
        ({"cawg.data_mining": {"use": "constrained", "constraint_info": "ask"}}, ["constrained"]),
        ({"cawg.data_mining": {"use": "allowed"}}, ["allowed"]),
        ({"cawg.data_mining": {"use": "allowed"}, "cawg.ai_inference": {"use": "notAllowed"}},
         ["allowed", "not_allowed"]),
        ({"cawg.ai_training": {"use": "notAllowed"}}, ["training_only"]),
        ({"cawg.ai_generative_training": {"use": "notAllowed"}}, ["training_only"]),
        ({"example.other": {"use": "notAllowed"}}, ["not_said"]),
        ({"cawg.data_mining": {"use": "notallowed"}}, ["unreadable"]),
        ({"cawg.data_mining": {}}, ["unreadable"]), ({"cawg.data_mining": None}, ["unreadable"]),
        ({"cawg.data_mining": {"use": ["allowed"]}}, ["unreadable"]),
        ({}, ["unreadable"]), ([], ["unreadable"]), ({1: "allowed"}, ["unreadable"]),
        ({str(n): "allowed" for n in range(201)}, ["unreadable"]),
    ],
    ids=short,
)  # fmt: skip
def test_cawg_training_and_data_mining(entries, found):
    """CAWG training and data mining assertion 1.1, and its c2pa forerunner."""
    expected = [f"c2pa-training-mining.{word}" for word in found]
    assert rules(embedded.training_mining({"entries": entries})) == expected
    if isinstance(entries, dict) and entries:
        assert rules(embedded.training_mining(entries)) == expected


def test_cawg_what_is_no_assertion_denies():
    for assertion in (None, "allowed", [], 1, {"entries": None}):
        assert denied(embedded.training_mining(assertion))


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


@given(st.binary() | XML | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_file_and_no_packet_raises(body):
    for found in (sitefile.tdmrep(body, URL), sitefile.ai_txt(body, URL)):
        check([found])
    for signals in (sitefile.rsl(body, URL), embedded.xmp(body)):
        check(signals)
    assert sitefile.rsl(body, URL)


@given(JSON)
def test_no_assertion_raises(value):
    found = embedded.training_mining(value)
    check(found)
    assert found


@given(st.text())
def test_no_url_raises(url):
    assert sitefile.tdmrep(b"[]", url).rule in {
        "tdm-reservation.not_said",
        "tdm-reservation.unreadable",
    }
    check(sitefile.rsl(b"<rsl/>", url))
    check([sitefile.ai_txt(b"", url)])
    check([sitefile.ai_txt(b"User-agent: *\nDisallow: *.jpg", f"https://x.example/{url}")])
