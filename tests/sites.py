"""Small sites on loopback for the tests of visits: hosts, pages with portraits, and their logs."""

import contextlib
from collections import Counter
from pathlib import Path

from homes import portrait, reopen
from trap_web import TrapWeb, answer

from vultus.actions.home import local_account

LACKS = answer(b"", status="404 Not Found")
ALLOWS = answer(b"User-agent: *\nDisallow:\n", "Content-Type: text/plain")
ENROLLED = (True, "permit.allowed")
SITE_FILES = ["/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"]


def counts(answer):
    """(new, unchanged, refused, failed, removed), once the sums hold."""
    refused, failed = sum(answer.refused.values()), sum(answer.failed.values())
    assert answer.photos == answer.new + answer.unchanged + refused + failed
    return answer.new, answer.unchanged, refused, failed, answer.removed


class Paths(dict):
    """What a host answers; 404 where nothing is."""

    def __missing__(self, path):
        return LACKS


class Site(TrapWeb):
    """One host: `site["/path"] = answer`; what it was asked is in `paths`."""

    def __init__(self):
        super().__init__(Paths({"/robots.txt": ALLOWS}))
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"

    def __setitem__(self, path, what):
        self.answers[path] = what

    def __delitem__(self, path):
        del self.answers[path]

    def page(self, path, *shown, head="", headers=(), links=()):
        """A page that shows pictures (URL, or (URL, caption)) and leads to links."""
        self[path] = page(*shown, head=head, headers=headers, links=links)

    def picture(self, path, person=0, photo=0, *headers):
        """A portrait at a path, as it is in the demo; returns the path."""
        self[path] = picture(portrait(person, photo), *headers)
        return path

    @property
    def paths(self):
        return [line.split()[1] for line in self.log]

    @property
    def counts(self):
        return Counter(self.paths)

    def asked(self, *but):
        """What it was asked besides its site files and `but`, in order."""
        return [path for path in self.paths if path not in {*SITE_FILES, *but}]

    def forget(self):
        """The log begins anew: what is asked from now on."""
        self.log.clear()
        self.heads.clear()


def page(*shown, head="", headers=(), links=()):
    figures = []
    for item in shown:
        url, caption = item if isinstance(item, tuple) else (item, "")
        figures.append(
            f'<figure><img src="{url}"><figcaption>{caption}</figcaption></figure>'
            if caption
            else f'<p><img src="{url}"></p>'
        )
    anchors = [f'<p><a href="{link}">on</a></p>' for link in links]
    body = f"<html><head><title>A page</title>{head}</head><body>{''.join(figures + anchors)}"
    kind = "Content-Type: text/html; charset=utf-8"
    return answer(f"{body}</body></html>".encode(), kind, *headers)


def picture(path, *headers):
    return answer(Path(path).read_bytes(), "Content-Type: image/jpeg", *headers)


def sitemap(*urls):
    places = "".join(f"<url><loc>{url}</loc></url>" for url in urls)
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{places}</urlset>'
    return answer(text.encode(), "Content-Type: application/xml")


@contextlib.contextmanager
def serving(n=1):
    """So many hosts, one alone or all in a list."""
    with contextlib.ExitStack() as stack:
        sites = [stack.enter_context(Site()) for _ in range(n)]
        yield sites[0] if n == 1 else sites


def allowed(home, *sites, **environ):
    """The home as one that may fetch from these hosts."""
    return reopen(
        home,
        VULTUS_ACQUIRE_CONTACT="https://operator.example/crawler",
        VULTUS_ACQUIRE_TEST_HOSTS=",".join(site.host for site in sites),
        VULTUS_N_WORKERS="1",
        **environ,
    )


def add_site(home, *sites, name="site", kind="site", path="/", terms=None, **more):
    """Register a source that begins at the first of the sites and may ask all of them."""
    from vultus.actions.answers import Terms
    from vultus.actions.source import add_source

    given = {"collection": "c", "legal_basis": "A licence", **more}
    return add_source(
        home, local_account(home), name=name, kind=kind, location=sites[0].url + path,
        allow_hosts=tuple(site.host for site in sites), terms=terms or Terms(), **given,
    )  # fmt: skip


def listed(home):
    """URL -> the row of `vultus photos`, as the contract has it, of every place of every photo."""
    from vultus.actions.document import held_document
    from vultus.actions.photo import list_photos

    rows = [held_document(held) for held in list_photos(home, local_account(home))]
    return {place["url"]: row for row in rows for place in row["sightings"]}


def rules(home, site):
    """path -> (enrolled, rule) of every photo at a host."""
    return {
        url.removeprefix(site.url): (row["enrolled"], row["decision"]["rule"])
        for url, row in listed(home).items()
        if url.startswith(site.url)
    }


def many(site, n):
    """A page that leads to so many others, each with a picture of its own."""
    site.page("/", links=[f"/{i}" for i in range(n)])
    for i in range(n):
        site.page(f"/{i}", site.picture(f"/{i}.jpg", i))
