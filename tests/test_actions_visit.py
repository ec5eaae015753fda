"""A visit of a site: what is asked, what is held, and what never happens.

Every count of requests is taken from the servers' own logs.
"""

from datetime import UTC, datetime, timedelta

import pytest
from homes import BOTH, log_of, require_clean, visit, wall
from sites import (
    ENROLLED,
    LACKS,
    SITE_FILES,
    add_site,
    allowed,
    counts,
    listed,
    many,
    page,
    picture,
    rules,
    serving,
    sitemap,
)
from trap_web import answer, redirect

from vultus.actions.answers import Terms
from vultus.errors import InputError, RefusedError

both = pytest.mark.parametrize("home", BOTH, indirect=True)


@both
def test_a_site_is_visited_and_a_second_visit_asks_nothing(home):
    with serving() as site:
        site.page("/", ("/a.jpg", "The harbour"), links=["/b"])
        site.page("/b", site.picture("/b.jpg", 1), links=["/"])
        site.picture("/a.jpg", 0)
        home = allowed(home, site)
        add_site(home, site)
        answer = visit(home)
        assert counts(answer) == (2, 0, 0, 0, 0)
        assert (answer.faces, answer.places, answer.requests) == (2, 2, 7)
        assert sorted(site.asked()) == ["/", "/a.jpg", "/b", "/b.jpg"]
        assert max(site.counts.values()) == 1
        assert rules(home, site) == {"/a.jpg": ENROLLED, "/b.jpg": ENROLLED}
        row = listed(home)[f"{site.url}/a.jpg"]
        assert (row["caption"], row["caption_source"]) == ("The harbour", "figcaption")
        assert row["page_url"] == f"{site.url}/"
        site.forget()
        again = visit(home)
        assert counts(again) == (0, 2, 0, 0, 0)
        assert (again.requests, site.log) == (0, [])
        kinds = [kind for kind, _ in log_of(home)]
        assert kinds.count("photo.enrolled") == 2
        assert kinds.count("ingest.finished") == 1
        require_clean(home)


# --- robots.txt ---------------------------------------------------------------------------------


def test_what_robots_txt_forbids_is_never_asked_for_and_the_refusal_is_on_record(home):
    """RFC 9309 section 2.2.2."""
    with serving() as site:
        site["/robots.txt"] = answer(b"User-agent: *\nDisallow: /private/\nDisallow: /b")
        site.page("/", site.picture("/private/a.jpg"), site.picture("/c.jpg", 1), links=["/b"])
        site.page("/b", site.picture("/d.jpg", 2))
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert sorted(site.asked()) == ["/", "/c.jpg"]
        assert got.refused == {"robots.disallow": 1}
        assert rules(home, site) == {
            "/c.jpg": ENROLLED,
            "/private/a.jpg": (False, "robots.disallow"),
        }
        refused = listed(home)[f"{site.url}/private/a.jpg"]
        assert refused["decision"]["signal"] == "robots.txt"
        assert refused["decision"]["value"] == "disallow: /private/"
        assert refused["sha256"] is None


@pytest.mark.parametrize(
    "robots",
    [
        answer(b"", status="500 Internal Server Error"),
        answer(b"", status="429 Too Many Requests"),
        answer(b"<html>Welcome</html>", "Content-Type: text/html"),
        redirect("/robots.txt"),
    ],
)
def test_without_a_readable_robots_txt_nothing_else_is_asked(home, robots):
    with serving() as site:
        site["/robots.txt"] = robots
        site.page("/", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        assert visit(home).photos == 0
        assert set(site.paths) == {"/robots.txt"}


def test_a_picture_host_that_is_silent_costs_its_pictures_only_and_they_are_refused(home):
    with serving(2) as (site, pictures):
        pictures["/robots.txt"] = answer(b"", status="500 Internal Server Error")
        shown = [f"{pictures.url}{pictures.picture(f'/{n}.jpg', n)}" for n in range(3)]
        site.page("/", *shown, site.picture("/own.jpg", 4))
        home = allowed(home, site, pictures)
        add_site(home, site, pictures)
        got = visit(home)
        assert pictures.paths == ["/robots.txt"]
        assert got.refused == {"robots.unreachable": 3}
        assert rules(home, site) == {"/own.jpg": ENROLLED}
        del pictures["/robots.txt"]
        assert visit(home).requests == 0  # not before the source is due again
        got = visit(home, revisit=True)
        assert counts(got) == (3, 1, 0, 0, 0)


def test_the_sitemaps_that_robots_txt_names_are_read(home):
    with serving() as site:
        lines = f"Sitemap: {site.url}/s.xml\nSitemap: https://elsewhere.example/s.xml\n"
        site["/robots.txt"] = answer(f"User-agent: *\nDisallow:\n{lines}".encode())
        site["/s.xml"] = sitemap(f"{site.url}/hidden", "https://elsewhere.example/")
        site.page("/")
        site.page("/hidden", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        assert visit(home).new == 1
        assert sorted(site.asked()) == ["/", "/a.jpg", "/hidden", "/s.xml"]


def test_in_a_sitemap_source_pages_lead_nowhere(home):
    with serving() as site:
        site["/s.xml"] = sitemap(f"{site.url}/one")
        site.page("/one", site.picture("/a.jpg"), links=["/two"])
        site.page("/two", site.picture("/b.jpg", 1))
        home = allowed(home, site)
        add_site(home, site, kind="sitemap", path="/s.xml")
        assert visit(home).new == 1
        assert sorted(site.asked()) == ["/a.jpg", "/one", "/s.xml"]


# --- what a page or picture says ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "headers", "rule"),
    [
        ('<meta name="robots" content="noindex">', (), "meta-robots.noindex"),
        ('<meta name="robots" content="noimageindex">', (), "meta-robots.noimageindex"),
        ('<meta name="vultus" content="noai">', (), "meta-robots.noai"),
        ("", ("X-Robots-Tag: noindex",), "x-robots-tag.noindex"),
        ("", ("tdm-reservation: 1",), "tdm-reservation.reserved"),
    ],
)
def test_a_page_that_says_no_keeps_its_pictures_out_unasked(home, head, headers, rule):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"), head=head, headers=headers, links=["/b"])
        site.page("/b", site.picture("/b.jpg", 1))
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert got.refused == {rule: 1}
        assert "/a.jpg" not in site.paths
        assert rules(home, site) == {"/a.jpg": (False, rule), "/b.jpg": ENROLLED}


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        (("X-Robots-Tag: noindex",), "x-robots-tag.noindex"),
        (("tdm-reservation: 1",), "tdm-reservation.reserved"),
        (("Content-Signal: search=no",), "content-signal.denied"),
    ],
)
def test_a_picture_that_says_no_in_its_headers_is_not_held(home, headers, rule):
    with serving() as site:
        site.page("/", site.picture("/a.jpg", 0, 0, *headers))
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert got.refused == {rule: 1}
        row = listed(home)[f"{site.url}/a.jpg"]
        assert (row["enrolled"], row["sha256"], row["n_faces"]) == (False, None, 0)
        assert row["decision"]["value"] == headers[0].partition(": ")[2]


@pytest.mark.parametrize(
    ("path", "body", "rule"),
    [
        ("/.well-known/tdmrep.json", b'[{"location": "*", "tdm-reservation": 1}]',
         "tdm-reservation.reserved"),
        ("/ai.txt", b"User-agent: *\nDisallow: *.jpg", "ai-txt.disallowed"),
    ],
)  # fmt: skip
def test_a_file_of_the_site_keeps_pictures_out_and_is_asked_for_once(home, path, body, rule):
    with serving() as site:
        site[path] = answer(body)
        site.page("/", *(site.picture(f"/{n}.jpg", n) for n in range(3)))
        home = allowed(home, site)
        add_site(home, site)
        assert visit(home).refused == {rule: 3}
        assert site.asked() == ["/"]
        assert [site.counts[file] for file in SITE_FILES] == [1, 1, 1]


def test_a_licence_on_record_outweighs_a_reservation_and_nothing_else(home):
    with serving() as site:
        reserved = site.picture("/reserved.jpg", 0, 0, "tdm-reservation: 1")
        hidden = site.picture("/hidden.jpg", 1, 0, "X-Robots-Tag: noindex")
        site.page("/", reserved, hidden)
        home = allowed(home, site)
        add_site(home, site, terms=Terms(licence="Agreement of 3 March"))
        visit(home)
        assert rules(home, site) == {
            "/reserved.jpg": (True, "permit.licence"),
            "/hidden.jpg": (False, "x-robots-tag.noindex"),
        }


@pytest.mark.parametrize("denying_first", [True, False])
def test_a_picture_is_held_through_the_page_that_permits_it(home, denying_first):
    """Whichever is asked first: what a page says is about the page and its pictures there."""
    with serving() as site:
        denying, permitting = ("/b", "/c") if denying_first else ("/c", "/b")
        site.page("/", links=["/b", "/c"])
        picture_path = site.picture("/a.jpg")
        site.page(denying, picture_path, head='<meta name="robots" content="noindex">')
        site.page(permitting, picture_path)
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert counts(got) == (1, 0, 0, 0, 0)
        (row,) = listed(home).values()
        assert [place["page_url"] for place in row["sightings"]] == [site.url + permitting]
        assert site.counts["/a.jpg"] == 1
        require_clean(home)


# --- where it leads -----------------------------------------------------------------------------


def test_nothing_is_asked_off_the_allow_list_by_link_picture_or_redirect(home):
    with serving(2) as (site, other):
        site.page(
            "/",
            f"{other.url}/a.jpg",
            "/moved.jpg",
            "/metadata.jpg",
            site.picture("/own.jpg"),
            links=[f"{other.url}/", "/away"],
        )
        site["/away"] = redirect(f"{other.url}/")
        site["/moved.jpg"] = redirect(f"{other.url}/a.jpg")
        site["/metadata.jpg"] = redirect("http://169.254.169.254/latest/")
        other.page("/", other.picture("/a.jpg"))
        home = allowed(home, site, other)
        add_site(home, site)
        visit(home)
        assert other.log == []
        assert rules(home, site) == {
            "/own.jpg": ENROLLED,
            "/moved.jpg": (False, "x-robots-tag.unreadable"),
            "/metadata.jpg": (False, "x-robots-tag.unreadable"),
        }


def test_a_redirect_within_the_list_is_followed_by_the_rules_of_the_place_it_leads_to(home):
    with serving(2) as (site, other):
        other["/robots.txt"] = answer(b"User-agent: *\nDisallow: /closed/")
        site.page("/", ("/a.jpg", "The quay"), "/b.jpg", links=["/old"])
        site["/a.jpg"] = redirect(f"{other.url}/a.jpg")
        site["/b.jpg"] = redirect(f"{other.url}/closed/b.jpg")
        site["/old"] = redirect("/new", status="301 Moved Permanently")
        site.page("/new", site.picture("/c.jpg", 2))
        other.picture("/a.jpg", 0)
        other.picture("/closed/b.jpg", 1)
        home = allowed(home, site, other)
        add_site(home, site, other)
        got = visit(home)
        assert counts(got) == (2, 0, 1, 0, 0)
        assert other.asked() == ["/a.jpg"]
        row = listed(home)[f"{other.url}/a.jpg"]
        assert (row["page_url"], row["caption"]) == (f"{site.url}/", "The quay")
        assert rules(home, other)["/closed/b.jpg"] == (False, "robots.disallow")
        site.forget()
        other.forget()
        again = visit(home, revisit=True)
        assert counts(again) == (0, 2, 1, 0, 0)
        assert max(site.counts.values()) == max(other.counts.values()) == 1


def test_redirects_in_a_loop_end(home):
    with serving() as site:
        site.page("/", "/a.jpg", links=["/x"])
        site["/x"], site["/y"] = redirect("/y"), redirect("/x")
        site["/a.jpg"], site["/b.jpg"] = redirect("/b.jpg"), redirect("/a.jpg")
        home = allowed(home, site)
        add_site(home, site)
        assert visit(home).photos == 0
        assert max(site.counts.values()) == 1


def test_nofollow_is_kept_to(home):
    with serving() as site:
        site.page("/", links=["/b"], head='<meta name="robots" content="nofollow">')
        site.page("/b", site.picture("/b.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        assert site.asked() == ["/"]


def test_nofollow_in_the_header_is_kept_to(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"), links=["/b"], headers=["X-Robots-Tag: nofollow"])
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        assert sorted(site.asked()) == ["/", "/a.jpg"]


def test_a_calendar_without_end_ends(home):
    with serving() as site:
        depth = 12

        class Endless(dict):
            def __missing__(self, path):
                n = int(path.rpartition("/")[2].partition("?")[0])
                return page(links=[f"/calendar/{n + 1}", f"/calendar/{n + 1}?view=week"])

        site.answers = Endless(site.answers | dict.fromkeys(SITE_FILES[1:], LACKS))
        home = allowed(home, site, VULTUS_ACQUIRE_DEPTH_MAX=str(depth))
        add_site(home, site, path="/calendar/0")
        visit(home)
        assert len(site.asked()) <= 2 * depth + 1


def test_addresses_that_nest_or_combine_without_end_are_left_out(home):
    from vultus.acquire.found import Role
    from vultus.actions.frontier import Lead, is_near

    def near(path):
        return is_near(home, Lead(Role.PAGE, f"https://a.example{path}"))

    assert near("/2026/11/24/a?page=2&sort=date")
    assert near("/a/b/a/b/a/b")
    assert not near("/a/b/a/b/a/b/a/b")
    assert not near("/x/x/x")
    assert not near("/?" + "&".join(f"f{n}=1" for n in range(20)))


# --- one photo, many places ---------------------------------------------------------------------


def test_a_picture_on_many_pages_is_asked_for_once_and_seen_on_each(home):
    with serving() as site:
        site.page("/", links=[f"/{n}" for n in range(6)])
        site.picture("/a.jpg")
        for n in range(6):
            site.page(f"/{n}", ("/a.jpg", f"Caption {n}"))
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert (counts(got), got.places, got.faces) == ((1, 0, 0, 0, 0), 6, 1)
        assert site.counts["/a.jpg"] == 1
        (row,) = listed(home).values()
        assert {place["page_url"] for place in row["sightings"]} == {
            f"{site.url}/{n}" for n in range(6)
        }


def test_the_same_bytes_at_two_addresses_are_one_photo(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"), site.picture("/copy.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert (counts(got), got.places) == ((1, 0, 0, 0, 0), 2)


def test_what_is_no_photo_or_has_no_face_has_failed_and_what_is_not_there_is_not(home, tmp_path):
    with serving() as site:
        site.page("/", "/text.jpg", "/wall.png", "/none.jpg", "/busy.jpg")
        site["/text.jpg"] = answer(b"no photo", "Content-Type: image/jpeg")
        site["/wall.png"] = picture(wall(tmp_path / "wall.png"))
        site["/busy.jpg"] = answer(b"", status="500 Internal Server Error")
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert got.failed == {"photo.not_a_photo": 1, "no_face": 1, "fetch.status": 1}
        assert counts(got) == (0, 0, 0, 3, 0)
        assert counts(visit(home, revisit=True)) == (0, 0, 0, 3, 0)


# --- entitlement --------------------------------------------------------------------------------


def test_a_forbidden_host_is_no_source(home, vultus):
    host = "www.facebook.com"
    given = ["--collection", "c", "--legal-basis", "b", "--kind", "site"]
    where = ["--location", f"https://{host}/", "--json"]
    said = vultus("source", "add", "a", *given, *where, home=home)
    assert (said.code, said.error) == (3, "source.forbidden_host")
    where = ["--location", "https://a.example/", "--allow-host", "a.example", "--allow-host", host]
    said = vultus("source", "add", "a", *given, *where, "--json", home=home)
    assert (said.code, said.error) == (3, "source.forbidden_host")


def test_a_host_that_has_become_forbidden_is_asked_nothing_and_its_photos_go(home, monkeypatch):
    from vultus.actions import frontier

    with serving(2) as (site, pictures):
        site.page("/", f"{pictures.url}{pictures.picture('/a.jpg')}", site.picture("/b.jpg", 1))
        home = allowed(home, site, pictures)
        add_site(home, site, pictures)
        assert counts(visit(home)) == (2, 0, 0, 0, 0)
        site.forget()
        pictures.forget()
        monkeypatch.setattr(frontier.AllowList, "covers", lambda _, url: url.port == site.port)
        assert counts(visit(home, revisit=True)) == (0, 1, 0, 0, 1)
        assert pictures.log == []
        said = [said for kind, said in log_of(home) if kind == "photo.vanished"]
        assert said[0]["reason"] == "source.host_not_allowed"


def test_a_source_that_has_expired_is_not_visited_and_its_photos_are_hidden(home):
    from vultus.actions.gallery import open_gallery
    from vultus.records.models import Source

    with serving() as site:
        site.page("/", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site, expires=datetime.now(UTC).date())
        visit(home)
        assert len(open_gallery(home, None).ids) == 1
        site.forget()
        Source.objects.update(expires=datetime.now(UTC).date() - timedelta(days=1))
        with pytest.raises(RefusedError) as caught:
            visit(home, revisit=True)
        assert caught.value.code == "source.expired"
        assert site.log == []
        assert len(open_gallery(home, None).ids) == 0


def test_nothing_is_asked_without_a_contact_page(home):
    with serving() as site:
        add_site(allowed(home, site), site)
        from homes import reopen

        with pytest.raises(InputError) as caught:
            visit(reopen(home, VULTUS_ACQUIRE_TEST_HOSTS=site.host))
        assert caught.value.code == "acquire.contact"
        assert site.log == []


# --- for the operator ---------------------------------------------------------------------------


def test_the_command_line_tells_what_is_done_refused_and_left(home, vultus, monkeypatch):
    with serving() as site:
        many(site, 3)
        site.page("/3", site.picture("/3.jpg", 3), head='<meta name="robots" content="noindex">')
        site.page("/", links=[f"/{n}" for n in range(4)])
        monkeypatch.setenv("VULTUS_ACQUIRE_CONTACT", "https://operator.example/crawler")
        monkeypatch.setenv("VULTUS_ACQUIRE_TEST_HOSTS", site.host)
        add_site(home, site, terms=Terms(requests_max=6))
        said = vultus("ingest", home=home)
        assert said.code == 0
        assert "site: pages:" in said.err
        assert "a budget of the source is spent" in said.out
        for _ in range(4):
            said = vultus("ingest", "--revisit", "--files", home=home)
        assert "1 meta-robots.noindex" in said.out
        assert f"{site.url}/3.jpg" in said.out
        document = vultus("ingest", "--json", home=home).document
        assert (document["photos"], document["requests"]) == (4, 0)
        assert document["refused"] == {"meta-robots.noindex": 1}
        assert document["unfinished"] == {}
        photos = vultus("photos", "--json", home=home).document["photos"]
        assert {photo["decision"]["rule"] for photo in photos} == {
            "permit.allowed", "meta-robots.noindex",
        }  # fmt: skip
        assert site.host in vultus("photos", home=home).out


def test_nothing_of_a_visit_is_readable_in_the_home(home):
    from test_sealed import require_unreadable

    with serving() as site:
        site.page("/archive-of-harbour", ("/lantern-bearer.jpg", "Bartholomew Sevenoaks, fisher"))
        site.picture("/lantern-bearer.jpg")
        home = allowed(home, site)
        add_site(home, site, path="/archive-of-harbour", terms=Terms(licence="Licence of Zeedorp"))
        visit(home)
        texts = ("archive-of-harbour", "lantern-bearer", "Sevenoaks", "Zeedorp", site.host)
        require_unreadable(home, {text: text.encode() for text in texts})


def test_nothing_of_an_erased_photo_is_left_in_what_visits_remember(home):
    from vultus.actions.doctor import sealed_values
    from vultus.actions.erase import erase
    from vultus.actions.home import local_account

    def unsealed():
        return b"\n".join(home.vault.unseal(*value) for value in sealed_values())

    with serving() as site:
        site.page("/", ("/lantern-bearer.jpg", "Bartholomew Sevenoaks"), site.picture("/b.jpg", 1))
        site.picture("/lantern-bearer.jpg")
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        texts = (b"lantern-bearer", b"Sevenoaks")
        assert all(text in unsealed() for text in texts)
        sha256 = listed(home)[f"{site.url}/lantern-bearer.jpg"]["sha256"]
        erase(home, local_account(home), photo=sha256)
        assert not any(text in unsealed() for text in texts)
