"""A visit that is killed, again and again, and one that several processes share.

Nothing is lost, nothing is written twice, and nothing is asked for twice but what was under way.
"""

import os
import random
import secrets
import subprocess
import sys
import threading

import pytest
from homes import POSTGRES, REPOSITORY, SQLITE, close_database, opened, require_clean, visit
from sites import SITE_FILES, add_site, allowed, listed, serving
from test_actions_crash import MARK, left_over, one_story, verified

N_PAGES, N_PICTURES = 60, 12
# The process kills itself at the n-th statement or commit; see test_actions_crash.
DRIVER = """
import os, signal, sys
from pathlib import Path
import homes
from vultus.actions.home import open_home

settings = {k: v for k, v in os.environ.items() if k.startswith("VULTUS_ACQUIRE")}
home = open_home(Path(sys.argv[1]), settings | {"VULTUS_N_WORKERS": "1"})
from django.db import connection

left = int(sys.argv[2])

def event():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def statement(execute, *arguments):
    event()
    result = execute(*arguments)
    event()
    return result

commit = connection._commit
connection._commit = lambda: statement(commit)
with connection.execute_wrapper(statement):
    answer = homes.visit(home)
home.close()
print(answer.requests)
"""


def build(one, two):
    """Sixty pages on two hosts, which lead to each other, and twelve pictures, shown five times."""
    sites = (one, two)
    pictures = [
        f"{sites[n % 2].url}{sites[n % 2].picture(f'/{n}.jpg', n)}" for n in range(N_PICTURES)
    ]
    urls = [f"{sites[n % 2].url}/page/{n}" for n in range(N_PAGES)]
    one.page("/", links=urls[:10])
    for n in range(N_PAGES):
        further = [urls[i] for i in (2 * n + 10, 2 * n + 11) if i < N_PAGES]
        shown = [pictures[n % N_PICTURES]]
        sites[n % 2].page(f"/page/{n}", (shown[0], f"Caption {n}"), links=further)
    return sites


def contents(home):
    """What `vultus photos` lists, but for times."""
    found = {}
    for url, row in listed(home).items():
        row["decision"].pop("time")
        row["sightings"].sort(key=lambda place: (place["url"], place["page_url"]))
        # Which place is shown first depends on the order in which the hosts answered.
        found[url] = {
            key: value
            for key, value in row.items()
            if key not in {"path_or_url", "page_url", "caption", "caption_source"}
        }
    return found


def start(home, sites, n=0):
    """The driver as a process of its own, to be killed at event n."""
    environ = {
        **os.environ,
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}",
        "VULTUS_ACQUIRE_CONTACT": "https://operator.example/crawler",
        "VULTUS_ACQUIRE_TEST_HOSTS": ",".join(site.host for site in sites),
        MARK: secrets.token_hex(8),
    }
    command = [sys.executable, "-c", DRIVER, str(home.path), str(n)]
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    return process, environ[MARK]


def ended(process, mark):
    """The exit status, once the processes that read for it are gone too."""
    _, said = process.communicate()
    assert process.returncode in {0, -9}, said
    waiting = threading.Event()
    for _ in range(200):
        if not left_over(mark):
            return process.returncode
        waiting.wait(0.05)
    raise AssertionError("a reading process outlived the process it read for")


def excess(sites):
    """How many requests were made more often than once."""
    return sum(n - 1 for site in sites for n in site.counts.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "n_kills"),
    [(SQLITE, 5), pytest.param(POSTGRES, 1, marks=pytest.mark.postgres)],
)
def test_a_visit_that_is_killed_again_and_again_ends_as_one_that_was_not(
    request, tmp_path, database, n_kills
):
    rng = random.Random(secrets.randbits(32))
    with serving(2) as sites:
        build(*sites)
        with opened(request, tmp_path / "whole", SQLITE, filled=False) as home:
            ready = allowed(home, *sites)
            add_site(ready, *sites)
            visit(ready)
            assert excess(sites) == 0
            whole, story = contents(ready), sorted(map(str, one_story(ready)))
            n_requests = sum(len(site.log) for site in sites)
            assert len(whole) == N_PICTURES
        for site in sites:
            site.forget()
        with opened(request, tmp_path / "killed", database, filled=False) as home:
            add_site(allowed(home, *sites), *sites)
            killed, status = 0, -9
            while status == -9:
                close_database()
                n = rng.randint(1, 900) if killed < n_kills else 0
                status = ended(*start(home, sites, n))
                killed += status == -9
            after = verified(home)
            assert contents(after) == whole
            assert sorted(map(str, one_story(after))) == story
            assert excess(sites) <= killed
            assert sum(len(site.log) for site in sites) <= n_requests + killed
            require_clean(after)


class Alone:
    """Makes a host notice when it is asked for two things at once."""

    def __init__(self, site):
        self.n, self.most, self.lock = 0, 0, threading.Lock()
        for path, whole in list(site.answers.items()):
            site[path] = self.answering(whole)

    def answering(self, whole):
        def send(sendall, pause):
            with self.lock:
                self.n += 1
                self.most = max(self.most, self.n)
            pause()
            with self.lock:
                self.n -= 1
            sendall(whole)

        return send


@pytest.mark.slow
@pytest.mark.parametrize("database", [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.postgres)])
def test_two_processes_share_a_visit_and_ask_each_host_one_thing_at_a_time(
    request, tmp_path, database
):
    with serving(2) as sites, opened(request, tmp_path / "home", database, filled=False) as home:
        build(*sites)
        alone = [Alone(site) for site in sites]
        add_site(allowed(home, *sites), *sites)
        close_database()
        workers = [start(home, sites) for _ in range(2)]
        assert [ended(*worker) for worker in workers] == [0, 0]
        assert [host.most for host in alone] == [1, 1]
        assert excess(sites) == 0
        after = verified(home)
        assert len(contents(after)) == N_PICTURES
        assert sum(len(row["sightings"]) for row in contents(after).values()) == N_PAGES
        assert all(site.counts[file] == 1 for site in sites for file in SITE_FILES)
        require_clean(after)
