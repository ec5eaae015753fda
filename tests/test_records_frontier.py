"""The frontier in both databases: hosts are leased to one worker, and what is told is bounded."""

from datetime import UTC, datetime, timedelta

import pytest
from homes import BOTH, visit
from sites import add_site, allowed, serving

from vultus.acquire.found import Role
from vultus.errors import UnavailableError

both = pytest.mark.parametrize("home", BOTH, indirect=True)


@pytest.fixture
def site(home):
    with serving() as site:
        site.page("/", site.picture("/a.jpg"))
        yield site


def frontier(home, worker):
    """The frontier of the only source, as a worker has it that has begun or joined a visit."""
    from vultus.actions.frontier import Frontier
    from vultus.actions.settle import WebVisit
    from vultus.actions.source import source_named
    from vultus.actions.visit import begin

    source = source_named(home, "site")
    made = Frontier(home, source, worker)
    assert begin(made, WebVisit(home, source), revisit=False)
    return made


def add(made, *leads, **more):
    from django.db import transaction

    with transaction.atomic():
        made.home.log.hold()
        return made.add(leads, **more)


@both
def test_a_lease_that_has_run_out_is_taken_over_and_one_that_runs_is_not(home, site):
    """Of a worker on another machine: nothing here says that it has died."""
    from vultus.records.models import FrontierHost

    home = allowed(home, site)
    add_site(home, site)
    other, ours = frontier(home, "elsewhere"), frontier(home, "here")
    lease = other.take_host(())
    assert lease.host == site.host
    assert isinstance(ours.take_host(()), datetime)  # it is to be waited for
    assert ours.take_host([lease.host_id]) is None
    FrontierHost.objects.update(leased_until=datetime.now(UTC) - timedelta(seconds=1))
    assert ours.take_host(()).host == site.host
    with pytest.raises(UnavailableError) as caught:
        other.book(lease, 0.0)
    assert caught.value.code == "visit.lease"
    assert site.log == []
    ours.release(lease)
    assert visit(home).new == 1


@both
def test_the_time_of_a_request_and_what_it_costs_are_kept_before_it_is_made(home, site):
    from vultus.records.models import FrontierHost, Round

    home = allowed(home, site)
    add_site(home, site)
    made = frontier(home, "here")
    lease = made.take_host(())
    lease.memory.at_least(30.0)
    made.book(lease, 10.0)
    row = FrontierHost.objects.get()
    assert Round.objects.get().n_requests == 1
    later = datetime.now(UTC) + timedelta(seconds=35)
    assert row.last_request < later < row.next_at
    assert row.leased_until > datetime.now(UTC) + timedelta(seconds=10)
    made.release(lease)
    found = frontier(home, "there").take_host(())
    assert isinstance(found, datetime)
    assert found > datetime.now(UTC)


@both
def test_a_url_is_one_row_however_often_it_is_told(home, site):
    from vultus.actions.frontier import Lead
    from vultus.records.models import FrontierUrl

    home = allowed(home, site)
    add_site(home, site)
    made = frontier(home, "here")
    url = f"{site.url}/x"
    for depth in (3, 1, 2):
        rows = add(made, Lead(Role.PAGE, url, depth), Lead(Role.PAGE, url, depth + 1))
        assert list(rows) == [url]
    assert FrontierUrl.objects.count() == 2  # with the beginning
    assert rows[url].depth == 1
    assert add(made, Lead(Role.PHOTO, url))[url].role == Role.PHOTO
    assert add(made, Lead(Role.PAGE, url))[url].role == Role.PHOTO


@both
def test_what_a_source_may_not_ask_or_what_leads_too_far_is_not_kept(home, site):
    from vultus.actions.frontier import QUERIES_OF_PATH_MAX, Lead
    from vultus.records.models import FrontierUrl

    home = allowed(home, site, VULTUS_ACQUIRE_URLS_MAX="2100", VULTUS_ACQUIRE_DEPTH_MAX="3")
    add_site(home, site)
    made = frontier(home, "here")
    none = [
        Lead(Role.PAGE, "https://elsewhere.example/"),
        Lead(Role.PAGE, "http://www.facebook.com/"),
        Lead(Role.PAGE, "ftp://127.0.0.1/"),
        Lead(Role.PAGE, f"{site.url}/deep", depth=4),
        Lead(Role.PAGE, f"{site.url}/round", n_redirects=6),
    ]
    assert add(made, *none) == {}
    many = [Lead(Role.PAGE, f"{site.url}/s?q={n}") for n in range(QUERIES_OF_PATH_MAX + 20)]
    assert len(add(made, *many)) == QUERIES_OF_PATH_MAX
    assert add(made, Lead(Role.PAGE, f"{site.url}/s?q=more")) == {}
    photos = [Lead(Role.PHOTO, f"{site.url}/{n}.jpg") for n in range(200)]
    add(made, *photos)
    assert FrontierUrl.objects.count() == 2100


@both
def test_a_host_has_one_row_for_all_sources(home, site):
    from vultus.records.models import FrontierHost

    home = allowed(home, site)
    add_site(home, site)
    add_site(home, site, name="again", collection="d")
    got = visit(home)
    assert (got.photos, got.places) == (1, 2)
    assert FrontierHost.objects.count() == 1


def test_the_leases_of_a_worker_that_has_died_here_are_free_at_once(home, site):
    """Its lock is free: no end of a lease is waited for."""
    from vultus.actions.worker import FOLDER, free_leases_of_the_dead, working
    from vultus.records.models import FrontierHost

    home = allowed(home, site)
    add_site(home, site)
    with working(home.path) as alive:
        made = frontier(home, alive)
        assert made.take_host(()).host == site.host
        free_leases_of_the_dead(home.path)
        assert FrontierHost.objects.get().leased_by == alive
        dead = home.path / FOLDER / f"{'0' * 32}.lock"
        dead.touch()
        FrontierHost.objects.update(leased_by="0" * 32)
        free_leases_of_the_dead(home.path)
        assert FrontierHost.objects.get().leased_by == ""
        assert not dead.exists()
    assert not list((home.path / FOLDER).iterdir())
    assert visit(home).new == 1
