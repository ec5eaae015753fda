"""A visit keeps to its budgets and to the pace that a site asks for, and goes on where it ended."""

import pytest
from homes import log_of, require_clean, visit
from sites import add_site, allowed, many, serving
from trap_web import answer

from vultus.actions.answers import Terms

# --- budgets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "n_requests"),
    [(Terms(requests_max=8), 8), (Terms(photos_max=2), None), (Terms(bytes_max=30_000), None)],
)
def test_a_budget_ends_a_visit_and_the_next_goes_on(home, terms, n_requests):
    with serving() as site:
        many(site, 5)
        home = allowed(home, site)
        add_site(home, site, terms=terms)
        first = visit(home)
        assert first.unfinished == {"site": "visit.budget"}
        assert n_requests in {None, len(site.log)}
        assert terms.photos_max in {None, first.new}
        assert visit(home).requests == 0  # it is not due
        for _ in range(6):
            last = visit(home, revisit=True)
            if not last.unfinished:
                break
        assert last.photos == 5
        said = [said for kind, said in log_of(home) if kind == "ingest.finished"]
        assert said[0]["unfinished"] == "visit.budget"
        assert [site.counts[f"/{n}.jpg"] for n in range(5)] == [1] * 5
        require_clean(home)


def test_a_limit_reads_so_many_photos_and_the_next_visit_goes_on(home):
    with serving() as site:
        many(site, 5)
        home = allowed(home, site)
        add_site(home, site)
        for n in (2, 4):
            got = visit(home, limit=2)
            assert (got.photos, got.unfinished) == (n, {"site": "visit.limit"})
        assert visit(home).photos == 5
        assert max(site.counts.values()) == 1


# --- pace ---------------------------------------------------------------------------------------


def test_a_site_that_asks_for_a_pause_gets_it(home, monkeypatch):
    """The pauses that are made add up; no clock is looked at but the one that makes them."""
    from vultus.actions import visit as visiting

    waited = []
    sleep = visiting.time.sleep
    monkeypatch.setattr(visiting.time, "sleep", lambda s: (waited.append(s), sleep(s)))
    with serving() as site:
        site["/robots.txt"] = answer(b"User-agent: *\nCrawl-delay: 0.2")
        site.page("/", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        visit(home)
        assert len(site.log) == 5
        assert sum(waited) > 0.2 * 4 * 0.9


def test_a_site_that_asks_for_a_longer_pause_than_is_waited_for_is_left_for_the_next_visit(home):
    with serving() as site:
        site["/robots.txt"] = answer(b"User-agent: *\nCrawl-delay: 3600")
        site.page("/", site.picture("/a.jpg"))
        home = allowed(home, site)
        add_site(home, site)
        for _ in range(2):
            assert visit(home).unfinished == {"site": "visit.host_waits"}
            assert site.paths == ["/robots.txt"]


def test_a_site_that_refuses_is_asked_less_and_then_not_at_all(home):
    status = "503 Service Unavailable"
    with serving() as site:
        site.page("/", links=[f"/{n}" for n in range(9)])
        for n in range(9):
            site[f"/{n}"] = answer(b"", "Retry-After: 0", status=status)
        home = allowed(home, site)
        add_site(home, site)
        got = visit(home)
        assert got.unfinished == {"site": "visit.host_waits"}
        assert len(site.asked("/")) == 3
