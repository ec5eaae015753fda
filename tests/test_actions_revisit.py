"""The other direction: what has changed, gone or been withdrawn at a site since the last visit."""

import pytest
from homes import BOTH, log_of, portrait, require_clean, visit
from sites import (
    ENROLLED,
    LACKS,
    add_site,
    allowed,
    counts,
    listed,
    picture,
    rules,
    serving,
    sitemap,
)  # fmt: skip
from trap_web import answer, redirect

from vultus.actions.home import local_account

both = pytest.mark.parametrize("home", BOTH, indirect=True)
NOINDEX = '<meta name="robots" content="noindex">'


class Unchanged:
    """Makes a site answer 304 to whoever names the ETag, and 200 to others; counts the 304."""

    def __init__(self, site):
        self.site, self.n = site, 0
        for path, whole in list(site.answers.items()):
            if isinstance(whole, bytes) and path != "/robots.txt":
                self.tag(path, whole)

    def tag(self, path, whole):
        head, _, body = whole.partition(b"\r\n\r\n")
        tag = f'ETag: "{path}"'
        tagged = head + f"\r\n{tag}".encode() + b"\r\n\r\n" + body
        unchanged = answer(b"", tag, status="304 Not Modified")

        def send(sendall, pause):
            head = next(h for h in reversed(self.site.heads) if h[0].split()[1] == path)
            knows = f'if-none-match: "{path}"' in {line.lower() for line in head}
            self.n += knows
            sendall(unchanged if knows else tagged)

        self.site[path] = send


@pytest.fixture
def visited(home, request):
    """(home, site): a page with two pictures and a second page with a third, visited once."""
    with serving() as site:
        site.page("/", site.picture("/a.jpg", 0), site.picture("/b.jpg", 1), links=["/c"])
        site.page("/c", site.picture("/c.jpg", 2))
        home = allowed(home, site)
        add_site(home, site)
        assert counts(visit(home)) == (3, 0, 0, 0, 0)
        site.forget()
        yield home, site


def vanished(home):
    """The reasons that the log gives for what is gone."""
    return [(said or {}).get("reason") for kind, said in log_of(home) if kind == "photo.vanished"]


@both
def test_what_has_not_changed_is_asked_for_with_its_etag_and_stays(home):
    """RFC 9110 section 13."""
    with serving() as site:
        site.page("/", site.picture("/a.jpg", 0), links=["/c"])
        site.page("/c", site.picture("/c.jpg", 2))
        unchanged = Unchanged(site)
        home = allowed(home, site)
        add_site(home, site)
        assert counts(visit(home)) == (2, 0, 0, 0, 0)
        before = {url: row["sightings"] for url, row in listed(home).items()}
        site.forget()
        assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 0)
        assert unchanged.n == 4
        assert max(site.counts.values()) == 1
        assert {url: row["sightings"] for url, row in listed(home).items()} == before
        require_clean(home)


@both
def test_a_picture_that_is_gone_is_removed_at_once(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg", 0), site.picture("/b.jpg", 1))
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        site["/a.jpg"] = answer(b"", status="410 Gone")
        assert counts(visit(home, revisit=True)) == (0, 1, 0, 0, 1)
        assert rules(home, site) == {"/b.jpg": ENROLLED}
        assert vanished(home) == ["fetch.gone"]
        require_clean(home)


def test_a_page_that_shows_it_no_more_lets_go_of_a_picture(visited):
    home, site = visited
    site.page("/", "/a.jpg", links=["/c"])
    assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 1)
    assert set(rules(home, site)) == {"/a.jpg", "/c.jpg"}
    assert "/b.jpg" not in site.paths
    assert vanished(home) == ["page.shows_it_no_more"]


def test_a_page_that_is_gone_takes_its_pictures_with_it(visited):
    home, site = visited
    site["/c"] = LACKS
    assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 1)
    assert "/c.jpg" not in site.paths
    require_clean(home)


def test_a_page_to_which_nothing_leads_any_more_is_asked_all_the_same(visited):
    home, site = visited
    site.page("/", "/a.jpg", "/b.jpg")
    assert counts(visit(home, revisit=True)) == (0, 3, 0, 0, 0)
    site["/c"] = LACKS
    assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 1)


def test_a_picture_that_one_of_two_pages_shows_no_more_stays_through_the_other(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"), links=["/c"])
        site.page("/c", "/a.jpg")
        home = allowed(home, site)
        add_site(home, site)
        assert visit(home).places == 2
        site.page("/c")
        got = visit(home, revisit=True)
        assert (counts(got), got.places) == ((0, 1, 0, 0, 0), 1)


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("robots", "robots.disallow"),
        ("header", "x-robots-tag.noindex"),
        ("page", "meta-robots.noindex"),
        ("tdmrep", "tdm-reservation.reserved"),
        ("page's robots", "meta-robots.unreadable"),
    ],
)
def test_an_opt_out_that_appears_removes_what_is_held(visited, what, rule):
    home, site = visited
    match what:
        case "robots":
            site["/robots.txt"] = answer(b"User-agent: *\nDisallow: /c.jpg")
        case "header":
            site.picture("/c.jpg", 2, 0, "X-Robots-Tag: noindex")
        case "page":
            site.page("/c", "/c.jpg", head=NOINDEX)
        case "tdmrep":
            body = b'[{"location": "/c.jpg", "tdm-reservation": 1}]'
            site["/.well-known/tdmrep.json"] = answer(body)
        case "page's robots":
            site["/robots.txt"] = answer(b"User-agent: *\nDisallow: /c$")
    got = visit(home, revisit=True)
    assert counts(got) == (0, 2, 1, 0, 1)
    assert got.refused == {rule: 1}
    assert rules(home, site)["/c.jpg"] == (False, rule)
    assert vanished(home) == [rule]
    assert ("/c.jpg" in site.paths) == (what == "header")
    require_clean(home)
    site.forget()
    assert counts(visit(home, revisit=True)) == (0, 2, 1, 0, 0)  # and it stays so
    assert vanished(home) == [rule]


def test_an_opt_out_in_the_header_of_a_304_counts(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"))
        Unchanged(site)
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        said = answer(b"", 'ETag: "x"', "X-Robots-Tag: noindex", status="304 Not Modified")
        site["/a.jpg"] = said
        assert counts(visit(home, revisit=True)) == (0, 0, 1, 0, 1)


def test_an_opt_out_that_is_taken_back_lets_the_picture_in_again(visited):
    home, site = visited
    site.page("/c", "/c.jpg", head=NOINDEX)
    visit(home, revisit=True)
    site.page("/c", "/c.jpg")
    assert counts(visit(home, revisit=True)) == (1, 2, 0, 0, 0)
    assert rules(home, site)["/c.jpg"] == ENROLLED
    require_clean(home)


BROKEN = answer(b"", status="500 Internal Server Error")


@pytest.mark.parametrize(
    ("where", "silence"),
    [
        ("/", BROKEN),
        ("/c", b"not HTTP"),
        ("/c.jpg", BROKEN),
        ("/robots.txt", b""),
        ("/ai.txt", answer(b"", status="502 Bad Gateway")),
    ],
)
def test_a_host_that_does_not_answer_removes_nothing(visited, where, silence):
    home, site = visited
    before = rules(home, site)
    site[where] = silence
    got = visit(home, revisit=True)
    assert counts(got) == (0, 3, 0, 0, 0)
    assert rules(home, site) == before
    if where == "/robots.txt":
        assert set(site.paths) == {"/robots.txt"}


def test_a_host_that_refuses_removes_nothing(visited):
    home, site = visited
    status = "429 Too Many Requests"
    for path in ("/", "/c", "/a.jpg", "/b.jpg", "/c.jpg"):
        site[path] = answer(b"", status=status)
    got = visit(home, revisit=True)
    assert (counts(got), got.unfinished) == ((0, 3, 0, 0, 0), {"site": "visit.host_waits"})
    assert len(site.asked()) == 3


def test_a_host_that_is_gone_removes_nothing(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
    got = visit(home, revisit=True)
    assert counts(got)[1:] == (1, 0, 0, 0)


def test_a_picture_that_has_changed_is_another_one(visited):
    home, site = visited
    before = listed(home)[f"{site.url}/c.jpg"]["sha256"]
    site["/c.jpg"] = picture(portrait(5))
    assert counts(visit(home, revisit=True)) == (1, 2, 0, 0, 0)
    assert listed(home)[f"{site.url}/c.jpg"]["sha256"] != before
    assert [kind for kind, _ in log_of(home)].count("photo.changed") == 1


def test_what_stands_beside_a_picture_is_as_it_stands_today(visited):
    home, site = visited
    site.page("/c", ("/c.jpg", "A new caption"))
    assert counts(visit(home, revisit=True)) == (0, 3, 0, 0, 0)
    assert listed(home)[f"{site.url}/c.jpg"]["caption"] == "A new caption"
    site.page("/c", "/c.jpg")
    visit(home, revisit=True)
    assert listed(home)[f"{site.url}/c.jpg"]["caption"] != "A new caption"  # the file has its own


def test_what_a_sitemap_no_longer_tells_is_gone_once_its_page_is(home):
    with serving() as site:
        site["/s.xml"] = sitemap(f"{site.url}/one", f"{site.url}/two")
        site.page("/one", site.picture("/a.jpg"))
        site.page("/two", site.picture("/b.jpg", 1))
        home = allowed(home, site)
        add_site(home, site, kind="sitemap", path="/s.xml")
        assert visit(home).new == 2
        site["/s.xml"] = sitemap(f"{site.url}/one")
        assert counts(visit(home, revisit=True)) == (0, 2, 0, 0, 0)
        site["/two"] = LACKS
        assert counts(visit(home, revisit=True)) == (0, 1, 0, 0, 1)


def test_an_erased_photo_does_not_come_back_and_its_address_is_forgotten(visited):

    from vultus.actions.erase import erase
    from vultus.records.models import FrontierUrl

    home, site = visited
    n = FrontierUrl.objects.count()
    erase(home, local_account(home), photo=listed(home)[f"{site.url}/c.jpg"]["sha256"])
    assert FrontierUrl.objects.count() == n - 1
    got = visit(home, revisit=True)
    assert (got.photos, got.refused) == (3, {"photo.erased": 1})
    assert "/c.jpg" not in rules(home, site)


def test_nothing_of_an_erased_source_is_left_in_the_frontier(visited):

    from vultus.actions.erase import erase
    from vultus.records.models import FrontierHost, FrontierItem, FrontierUrl, Round

    home, _ = visited
    erase(home, local_account(home), source="site")
    for model in (FrontierHost, FrontierItem, FrontierUrl, Round):
        assert not model.objects.exists()
    require_clean(home)


def test_a_picture_that_moves_is_the_same_photo(visited):
    home, site = visited
    site["/c.jpg"] = redirect("/moved.jpg")
    site.picture("/moved.jpg", 2)
    got = visit(home, revisit=True)
    assert (got.photos, got.faces) == (3, 3)
    assert "/moved.jpg" in rules(home, site)
    assert "/c.jpg" not in rules(home, site)
