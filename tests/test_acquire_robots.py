"""robots.txt: RFC 9309 section by section, and where Vultus is stricter."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import robots
from vultus.acquire.pattern import MAX_URL_BYTES, Pattern, normalise, path_of
from vultus.acquire.retry import MAX_INTERVAL_S, open_at
from vultus.acquire.robots import MAX_ROBOTS_BYTES, Answer, expires, of_response, parse

HOST = "https://photos.example"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def short(value: object) -> str:
    """The id of a case, which is not as long as its value."""
    return repr(value)[:40]


def answer(text: str | bytes, path: str = "/", token: str = "vultus") -> Answer:
    body = text.encode() if isinstance(text, str) else text
    return parse(body).answer(HOST + path, token)


def allowed(text: str | bytes, path: str = "/", token: str = "vultus") -> bool:
    return answer(text, path, token).allowed


# --- section 2.1 and 2.2: lines and groups -------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=["LF", "CR", "CRLF"])
def test_2_2_lines_end_in_three_ways(end):
    text = end.join(["# hello", "User-agent: *", "", "Disallow: /private # not here", ""])
    assert not allowed(text, "/private/a.jpg")
    assert allowed(text, "/public/a.jpg")


def test_2_2_a_byte_order_mark_does_not_hide_the_first_line():
    assert not allowed(b"\xef\xbb\xbfUser-agent: *\nDisallow: /")


def test_2_2_unicode_line_separators_are_no_ends_of_lines():
    assert allowed("User-agent: *\nAllow: /\n# note\u2028Disallow: /private", "/private")
    assert allowed("User-agent: *\nAllow: /\n# note\x0bDisallow: /private", "/private")


def test_2_2_broken_utf_8_is_replaced_in_text_and_compared_as_octets():
    text = b"User-agent: *\nDisallow: /caf\xe9/\nSitemap: /caf\xe9"
    assert not allowed(text, "/caf%E9/a.jpg")
    assert parse(text).sitemaps == ("/caf\ufffd",)


@pytest.mark.parametrize(
    "line", ["DISALLOW: /a", " disallow : /a", "Disallow:/a", "\tDisAllow:\t/a"]
)
def test_2_2_keys_are_case_insensitive_and_spaces_around_do_not_count(line):
    assert not allowed(f"user-AGENT: *\n{line}", "/a")


def test_2_2_1_the_product_token_is_compared_whole_and_without_case():
    text = "User-agent: VULTUS\nDisallow: /a\n\nUser-agent: *\nDisallow: /b"
    assert not allowed(text, "/a")
    assert allowed(text, "/b")
    for other in ["vult", "vultus2", "vultus-news"]:
        assert allowed(text, "/a", other)
        assert not allowed(text, "/b", other)


def test_2_2_1_a_version_behind_the_token_does_not_hide_it():
    assert not allowed("User-agent: Vultus/1.0 (+https://v.example)\nDisallow: /")


def test_2_2_1_groups_for_one_agent_are_merged():
    text = (
        "User-agent: vultus\nDisallow: /a\n\nUser-agent: other\nDisallow: /b\n\n"
        "User-agent: Vultus\nDisallow: /c"
    )
    assert [allowed(text, path) for path in ["/a", "/b", "/c"]] == [False, True, False]


def test_2_2_1_groups_for_everybody_are_merged_too_and_left_aside_where_we_are_named():
    text = "User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: *\nDisallow: /c"
    assert [allowed(text, path) for path in ["/a", "/b", "/c"]] == [False, True, False]
    assert allowed(text + "\nUser-agent: vultus\nDisallow: /d", "/a")


def test_2_2_1_several_agents_share_a_group():
    text = "User-agent: a\nUser-agent: vultus\nUser-agent: b\nDisallow: /x"
    assert [allowed(text, "/x", token) for token in ["a", "vultus", "b", "c"]] == [
        False, False, False, True,
    ]  # fmt: skip


def test_2_2_4_other_lines_do_not_end_a_group():
    text = (
        "User-agent: vultus\nSitemap: https://photos.example/s.xml\nnonsense\n\nX-What: 1\n"
        "Crawl-delay: 2\nUser-agent: b\nDisallow: /x\nHost: photos.example\nDisallow: /y"
    )
    assert not allowed(text, "/x")
    assert not allowed(text, "/y")
    assert not allowed(text, "/x", "b")


def test_a_group_that_names_nobody_is_for_nobody():
    text = "User-agent: *\nDisallow: /a\nUser-agent:\nDisallow: /b"
    assert [allowed(text, path) for path in ["/a", "/b"]] == [False, True]


# --- section 2.2.2 and 2.2.3: paths --------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz"),
        ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar"),
        ("/foo/bar?baz=https%3A%2F%2Ffoo.bar", "/foo/bar?baz=https://foo.bar"),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84"),
        ("/foo/bar/%E3%83%84", "/foo/bar/ツ"),
        ("/foo/bar/%e3%83%84", "/foo/bar/%E3%83%84"),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz"),
        ("/foo/bar/baz", "/foo/bar/%62%61%7A"),
        ("/a%20b", "/a b".replace(" ", "%20")),
        ("/a b", "/a%20b"),
        ("/100%", "/100%25"),
    ],
)
def test_2_2_2_both_sides_have_one_percent_encoding(pattern, path):
    assert not allowed(f"User-agent: *\nDisallow: {pattern}", path)


@pytest.mark.parametrize(
    ("pattern", "path"), [("/a%2Fb", "/a/b"), ("/a/b", "/a%2Fb"), ("/Foo", "/foo")]
)
def test_2_2_2_an_escaped_slash_is_no_slash_and_paths_have_case(pattern, path):
    assert allowed(f"User-agent: *\nDisallow: {pattern}", path)


@pytest.mark.parametrize(
    ("pattern", "covers", "not_covers"),
    [
        ("/*.gif$", ["/a.gif", "/b/c.gif"], ["/a.gif?x", "/a.gifs"]),
        ("/*.gif", ["/a.gif?x", "/a.gifs"], ["/agif"]),
        ("/this/*/exactly", ["/this/path/exactly", "/this/a/b/exactly/x"], ["/this/exactly"]),
        ("/fish*", ["/fish", "/fisherman"], ["/Fish", "/a/fish"]),
        ("/a$", ["/a"], ["/a/", "/a?b"]),
        ("*/secret", ["/secret", "/a/secret"], ["/secre"]),
        ("/a**b", ["/ab", "/axxb"], ["/a"]),
        ("/*b*b", ["/bb", "/bxb"], ["/b", "/ab"]),
        ("/ab*ba$", ["/abba", "/abxba"], ["/aba"]),
        ("/$", ["/"], ["/a"]),
        ("/a$b", ["/a$b", "/a%24b"], ["/a"]),
        ("/*?", ["/?", "/a?b"], ["/a"]),
    ],
)
def test_2_2_3_stars_and_the_dollar(pattern, covers, not_covers):
    text = f"User-agent: *\nDisallow: {pattern}"
    assert not [path for path in covers if allowed(text, path)]
    assert not [path for path in not_covers if not allowed(text, path)]


def test_2_2_3_escaped_star_and_dollar_are_characters():
    assert not allowed("User-agent: *\nDisallow: /file-with-a-%2A.html", "/file-with-a-*.html")
    assert allowed("User-agent: *\nDisallow: /file-with-a-%2A.html", "/file-with-a-b.html")
    assert not allowed("User-agent: *\nDisallow: /foo-%24", "/foo-$1")


def test_2_2_2_the_longest_pattern_decides():
    text = (
        "User-agent: *\nDisallow: /example/page/\nAllow: /example/page/disallowed/\n"
        "Disallow: /*.gif$"
    )
    assert not allowed(text, "/example/page/a")
    assert allowed(text, "/example/page/disallowed/a.gif")
    assert answer(text, "/a.gif").line == "disallow: /*.gif$"
    assert answer(text, "/a.gif").line_number == 4


def test_2_2_2_longest_is_counted_in_octets():
    assert not allowed("User-agent: *\nDisallow: /éé\nAllow: /%C3%A9*", "/éé")


@pytest.mark.parametrize("lines", ["Allow: /a\nDisallow: /a", "Disallow: /a\nAllow: /a"])
def test_2_2_2_allow_wins_where_both_are_as_long(lines):
    assert allowed(f"User-agent: *\n{lines}", "/a")


def test_2_2_2_no_rule_and_empty_patterns_allow():
    assert answer("User-agent: *\nDisallow: /a", "/b").rule == "robots.no_rule"
    assert allowed("User-agent: *\nDisallow:")
    assert allowed("")
    assert allowed("# nothing but a comment")


def test_2_2_2_robots_txt_itself_is_always_allowed():
    assert answer("User-agent: *\nDisallow: /", "/robots.txt").rule == "robots.itself"
    assert of_response(503).answer(f"{HOST}/robots.txt").allowed
    assert not allowed("User-agent: *\nDisallow: /", "/robots.txt.jpg")


# --- stricter than the RFC, on purpose -----------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Dissallow: /",
        "Disalow: /",
        "Disallow /",
        "disallow\t/",
        "Disallow: https://photos.example/",
    ],
)
def test_a_disallow_that_anybody_understands_counts(line):
    assert not allowed(f"User-agent: *\n{line}", "/a")
    assert not allowed(f"User agent *\n{line}", "/a")


def test_a_disallow_without_its_first_slash_counts_and_such_an_allow_does_not():
    text = "User-agent: *\nDisallow: /\nAllow: open\nDisallow: images"
    assert not allowed(text, "/open/a.jpg")
    assert not allowed("User-agent: *\nDisallow: images", "/images/a.jpg")
    assert "Line 3 is no path: allow: open" in answer(text).said


def test_what_forbids_before_any_user_agent_counts_for_all_and_what_allows_does_not():
    assert not allowed("Disallow: /a\nUser-agent: vultus\nAllow: /b", "/a")
    assert not allowed("Allow: /a\nUser-agent: *\nDisallow: /a", "/a")


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html>User-agent: *\nAllow: /",
        b"\n\n  \t<html><body>503</body></html>",
        b"\xef\xbb\xbf  <html>",
        "User-agent: *\nDisallow: /".encode("utf-16"),
        b'{"error": "not found"}',
        b"Not found",
        b"\x1f\x8b\x08\x00gzip",
        b"User-agent: *\nAllow: /\n\0",
    ],
    ids=["html", "spaces", "mark", "utf-16", "json", "text", "gzip", "NUL"],
)
def test_what_is_no_robots_txt_denies(body):
    found = answer(body)
    assert (found.allowed, found.rule) == (False, "robots.unreadable")


@pytest.mark.parametrize("url", [
    "", "photos.example/a", "ftp://photos.example/a", "https:///a", "https://photos.example/a b",
    "https://photos.example/\n", "https://photos.example:x/", "https://[/", "https://h/\ud800",
    "https://photos.example/" + "a" * MAX_URL_BYTES,
    "https://photos.example/a/../private", "https://photos.example/a/%2e%2E/private",
], ids=short)  # fmt: skip
def test_a_url_that_cannot_be_compared_is_denied(url):
    assert parse(b"User-agent: *\nAllow: /").answer(url).rule == "robots.url"


def test_more_rules_than_are_read_deny():
    body = b"User-agent: *\n" + b"Allow: /\n" * (robots.MAX_RULES + 1)
    assert answer(body).rule == "robots.too_many_rules"


# --- section 2.3.1: what an answer means ---------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "rule", "may"),
    [
        (200, "robots.no_rule", True), (204, "robots.no_rule", True),
        (206, "robots.unreachable", False), (100, "robots.unreachable", False),
        (301, "robots.redirects", False), (304, "robots.redirects", False),
        (400, "robots.absent", True), (404, "robots.absent", True), (410, "robots.absent", True),
        (451, "robots.absent", True), (401, "robots.forbidden", False),
        (403, "robots.forbidden", False), (429, "robots.forbidden", False),
        (500, "robots.unreachable", False), (503, "robots.unreachable", False),
        (599, "robots.unreachable", False), (600, "robots.unreachable", False),
        (0, "robots.unreachable", False), (None, "robots.unreachable", False),
    ],
)  # fmt: skip
def test_2_3_1_the_classes_of_status(status, rule, may):
    found = of_response(status).answer(f"{HOST}/a.jpg")
    assert (found.rule, found.allowed) == (rule, may)


def test_2_3_1_3_the_body_of_a_404_is_not_read():
    assert of_response(404, b"User-agent: *\nDisallow: /").answer(f"{HOST}/a").allowed


def test_2_3_1_4_the_body_of_a_503_is_not_read():
    assert not of_response(503, b"User-agent: *\nAllow: /").answer(f"{HOST}/a").allowed


def test_2_3_1_2_five_redirects_are_followed_and_six_deny():
    assert of_response(200, n_redirects=5).answer(HOST).allowed
    assert of_response(200, n_redirects=6).answer(HOST).rule == "robots.redirects"
    assert of_response(404, n_redirects=6).answer(HOST).rule == "robots.redirects"


def test_html_by_its_content_type_is_no_robots_txt():
    found = of_response(200, b"User-agent: *\nAllow: /", "Text/HTML; charset=utf-8")
    assert found.answer(HOST).rule == "robots.unreadable"


# --- section 2.4: how long -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 86_400), ("public", 86_400), ("max-age=600", 600), ("max-age=999999999999", 86_400),
        ('Max-Age="60"', 60), ("max-age=600, max-age=60", 60), ("max-age=-1", 0),
        ("max-age=soon", 0), ("no-store", 0), ("no-cache, max-age=600", 0), ("s-maxage=5", 86_400),
    ],
)  # fmt: skip
def test_2_4_a_copy_is_used_for_a_day_at_most(cache_control, seconds):
    assert expires(NOW, cache_control) == NOW + timedelta(seconds=seconds)


@given(st.text())
def test_2_4_no_header_makes_it_longer(cache_control):
    assert NOW <= expires(NOW, cache_control) <= NOW + timedelta(hours=24)


# --- section 2.5: how much -----------------------------------------------------------------------


def padded(n_bytes: int, end: bytes) -> bytes:
    """A file of comments whose last line, complete, ends at n_bytes."""
    head = b"User-agent: *\n"
    return head + b"#" * (n_bytes - len(head) - len(end)) + end


def test_2_5_what_lies_behind_the_limit_is_not_read_and_it_is_said():
    found = parse(padded(MAX_ROBOTS_BYTES, b"\n") + b"Disallow: /\n")
    assert found.truncated
    assert found.answer(f"{HOST}/a").allowed
    assert any("512000" in text for text in found.said)


def test_2_5_a_line_that_the_limit_cuts_is_dropped():
    cut = padded(MAX_ROBOTS_BYTES - 12, b"\n") + b"Disallow: /a" + b"bc\n"
    assert parse(cut).answer(f"{HOST}/abc").rule == "robots.no_rule"
    whole = padded(MAX_ROBOTS_BYTES - 12, b"\n") + b"Disallow: /a" + b"\n#\n"
    assert parse(whole).answer(f"{HOST}/abc").rule == "robots.disallow"
    exact = padded(MAX_ROBOTS_BYTES - 12, b"\n") + b"Disallow: /a"
    assert not parse(exact).truncated
    assert parse(exact).answer(f"{HOST}/abc").rule == "robots.disallow"


# --- what else the file says ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("Crawl-delay: 5", 5.0), ("Crawl-delay: 0.5", 0.5), ("Crawl-delay: 0", 0.0),
        ("Request-rate: 1/10", 10.0), ("Request-rate: 30/1m", 2.0), ("Request-rate: 1/1h", 3600.0),
        ("Request-rate: 1/30s 0600-0845", 30.0), ("Crawl-delay: 5\nRequest-rate: 1/10", 10.0),
        ("Crawl-delay: 20\nRequest-rate: 1/10\nCrawl-delay: 3", 20.0),
        ("Crawl-delay: " + "9" * 200, MAX_INTERVAL_S),
    ],
    ids=short,
)  # fmt: skip
def test_the_larger_pause_counts(lines, seconds):
    assert answer(f"User-agent: *\n{lines}").delay_s == seconds


@pytest.mark.parametrize("line", [
    "Crawl-delay: soon", "Crawl-delay: -1", "Crawl-delay: nan", "Crawl-delay: inf",
    "Crawl-delay: 1e3", "Crawl-delay: ٣", "Crawl-delay:", "Request-rate: 0/5", "Request-rate: 1/0",
    "Request-rate: 5", "Request-rate: a/b",
])  # fmt: skip
def test_a_pause_that_is_nonsense_is_said_and_leaves_the_other_one(line):
    found = answer(f"User-agent: *\nCrawl-delay: 7\n{line}")
    assert found.delay_s == 7.0
    assert any("cannot be read" in text for text in found.said)


@pytest.mark.parametrize(
    ("lines", "hours"),
    [
        ("", range(24)), ("Visit-time: 0600-0845", [6, 7, 8]),
        ("Visit-time: 2200-0130", [0, 1, 22, 23]),
        ("Visit-time: 0600-0645\nVisit-time: 2300-2359", [6, 23]),
    ],
)  # fmt: skip
def test_the_times_of_day_of_a_host_are_in_utc(lines, hours):
    found = answer(f"User-agent: *\n{lines}")
    midnight = NOW.replace(hour=0)
    open_hours = [h for h in range(24) if open_at(found.visit_times, midnight + timedelta(hours=h))]
    assert open_hours == list(hours)
    west = (midnight + timedelta(hours=open_hours[0])).astimezone(timezone(timedelta(hours=-5)))
    assert open_at(found.visit_times, west)


@pytest.mark.parametrize("value", ["", "6-8", "2400-0100", "0600-0860", "0600", "always"])
def test_a_time_of_day_that_is_nonsense_is_said(value):
    found = answer(f"User-agent: *\nVisit-time: {value}")
    assert found.visit_times == ()
    assert any("cannot be read" in text for text in found.said)


def test_the_pause_of_another_agent_is_not_ours():
    assert answer("User-agent: a\nDisallow:\nCrawl-delay: 9\nUser-agent: *\nDisallow:").delay_s == 0


def test_aipref_attach_content_usage_goes_by_the_longest_path():
    """draft-ietf-aipref-attach-05 section 3."""
    text = (
        "User-Agent: *\nAllow: /\nDisallow: /never/\nContent-Usage: / train-ai=n\n"
        "Content-Usage: /ai-ok/\ttrain-ai=y\n\nUser-Agent: ExampleBot\nContent-Usage: / search=y"
    )
    assert answer(text, "/test").usages == ("train-ai=n",)
    assert answer(text, "/ai-ok/test").usages == ("train-ai=y",)
    assert answer(text, "/ai-ok/test", "examplebot").usages == ("search=y",)


def test_aipref_attach_conflicts_and_lines_without_a_path_are_all_given():
    text = "User-agent: *\nContent-Usage: search=n\nContent-Usage: / a=y\nContent-Usage: / a=n"
    assert answer(text, "/x").usages == ("search=n", "a=y", "a=n")


def test_content_signals_are_of_the_group_and_licences_and_sitemaps_of_the_file():
    text = (
        "License: https://photos.example/1.xml\nUser-agent: *\nContent-Signal: search=yes\n"
        "Disallow:\n\nUser-agent: b\nContent-Signal: search=no\nLicense: /2.xml\nSitemap: /s.xml"
    )
    assert answer(text).content_signals == ("search=yes",)
    assert answer(text).licences == ("https://photos.example/1.xml", "/2.xml")
    assert [group.licences for group in parse(text.encode()).groups_for("vultus")] == [
        ["https://photos.example/1.xml"], [],
    ]  # fmt: skip
    assert parse(text.encode()).sitemaps == ("/s.xml",)


# --- properties ----------------------------------------------------------------------------------

LINES = st.lists(
    st.builds(
        lambda key, value: f"{key}: {value}",
        st.sampled_from(["User-agent", "Allow", "Disallow", "Sitemap", "X", "Crawl-delay"]),
        st.sampled_from(["*", "vultus", "/", "/a", "/a*", "/*b$", "5", ""]),
    ),
    max_size=12,
)
PATHS = st.sampled_from(["/", "/a", "/ab", "/b", "/aab?b"])


@given(st.binary(), st.text(), st.text(max_size=9))
def test_no_bytes_raise_anything(body, url, token):
    assert isinstance(parse(body).answer(url, token), Answer)
    assert isinstance(parse(body).answer(f"{HOST}/{url}", token), Answer)


@given(st.one_of(st.none(), st.integers()), st.binary(), st.text(), st.integers(0, 9))
def test_no_response_raises_and_only_2xx_and_4xx_can_allow(status, body, kind, n_redirects):
    found = of_response(status, body, kind, n_redirects).answer(f"{HOST}/a")
    if found.allowed:
        assert n_redirects <= 5
        assert status is not None
        assert status // 100 in {2, 4}


@given(LINES, PATHS)
def test_rubbish_beside_a_denying_file_does_not_allow(lines, path):
    """Whatever other lines there are, what forbids all and cannot be outdone forbids."""
    text = "\n".join(line for line in lines if not line.startswith("Allow"))
    assert not allowed(f"Disallow: /\n{text}", path)
    assert not allowed(f"{text}\nUser-agent: vultus\nDisallow: /\n", path)


@given(LINES, PATHS, st.randoms())
def test_2_2_2_the_order_of_rules_within_a_group_means_nothing(lines, path, random):
    rules = [line for line in lines if line.startswith(("Allow", "Disallow"))]
    shuffled = random.sample(rules, len(rules))
    head = "User-agent: *\n"
    assert allowed(head + "\n".join(rules), path) == allowed(head + "\n".join(shuffled), path)


@given(st.binary(max_size=60))
def test_2_2_2_normalising_twice_changes_nothing(path):
    assert normalise(normalise(path)) == normalise(path)


def slow_covers(pattern: bytes, path: bytes, anchored: bool) -> bool:
    """The oracle: a table of which ends of the pattern cover which ends of the path."""
    row = [anchored is False or end == len(path) for end in range(len(path) + 1)]
    for octet in reversed(pattern):
        if octet == 0x2A:
            row = [any(row[end:]) for end in range(len(path) + 1)]
        else:
            row = [
                end < len(path) and path[end] == octet and row[end + 1]
                for end in range(len(path) + 1)
            ]
    return row[0]


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10), st.booleans())
def test_2_2_3_patterns_cover_what_the_oracle_says(written, path, anchored):
    pattern = Pattern.of(b"/" + written.encode() + (b"$" if anchored else b""))
    octets = path_of(f"{HOST}/{path}")
    assert pattern.covers(octets) == slow_covers(b"/" + written.encode(), octets, anchored)


def test_hostile_patterns_look_at_each_octet_of_the_path_a_bounded_number_of_times():
    """Linear by construction: each piece is looked for from where the last one ended."""

    class Counted(bytes):
        looked = 0

        def find(self, piece, start=0):
            place = super().find(piece, start)
            Counted.looked += (len(self) if place < 0 else place + len(piece)) - start
            return place

    path = Counted(b"/" + b"a" * 4_000)
    assert not Pattern.of(b"/" + b"*a" * 3_000 + b"*b").covers(path)
    assert Counted.looked <= 2 * len(path)
