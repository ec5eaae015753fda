"""The register of sources on the web: who may be asked, on what terms, and that it is on record."""

from datetime import UTC, datetime, timedelta

import pytest
from homes import BOTH, log_of

from vultus.actions.home import local_account

both = pytest.mark.parametrize("home", BOTH, indirect=True)
GIVEN = ["--collection", "c", "--legal-basis", "An agreement", "--kind", "site"]
WHERE = ["--location", "https://Archive.example/Start"]


@both
def test_a_site_is_registered_with_its_hosts_and_terms(home, done):
    more = [
        "--allow-host", "archive.example", "--allow-host", "IMG.archive.example:443",
        "--licence", "Agreement of 3 March", "--contact", "desk@archive.example",
        "--revisit-days", 3, "--photos-max", 10, "--requests-max", 20, "--bytes-max", 30,
    ]  # fmt: skip
    document = done(home, "source", "add", "A", *GIVEN, *WHERE, *more)
    terms = {
        "licence": "Agreement of 3 March", "contact": "desk@archive.example", "revisit_days": 3,
        "photos_max": 10, "requests_max": 20, "bytes_max": 30,
    }  # fmt: skip
    hosts = ["archive.example", "img.archive.example:443"]
    expected = terms | {"location": "https://archive.example/Start", "allow_hosts": hosts}
    assert {key: document[key] for key in expected} == expected
    assert done(home, "source", "list") == {"sources": [document]}
    said = log_of(home)[-1]
    assert said[0] == "source.added"
    assert {key: said[1][key] for key in expected} == expected


def test_without_a_list_the_host_of_the_location_may_be_asked_and_it_is_due_after_days(home, done):
    document = done(home, "source", "add", "A", *GIVEN, *WHERE)
    assert document["allow_hosts"] == ["archive.example"]
    assert (document["revisit_days"], document["requests_max"]) == (7, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (["--location", "archive.example"], (2, "fetch.url")),
        (["--location", "ftp://archive.example/"], (3, "fetch.scheme")),
        (["--location", "/srv/photos"], (2, "fetch.url")),
        (["--allow-host", "other.example"], (2, "source.host_of_location")),
        (["--allow-host", "https://archive.example/"], (2, "source.allow_host")),
        (["--page-url-prefix", "https://a.example/"], (2, "source.page_url_prefix")),
        (["--kind", "bucket"], (2, "source.kind")),
        (["--kind", "folder"], (2, "source.no_folder")),
        (["--revisit-days", "-1"], (2, "source.terms")),
        (["--photos-max", "0"], (2, "source.terms")),
        (["--licence", "  "], (2, "source.terms")),
        (["--contact", "x" * 2000], (2, "source.terms")),
        (["--legal-basis", ""], (2, "source.incomplete")),
    ],
)
def test_what_is_no_source_is_refused(home, vultus, change, code):
    said = vultus("source", "add", "A", *GIVEN, *WHERE, *change, "--json", home=home)
    assert (said.code, said.error) == code
    assert vultus("source", "list", "--json", home=home).document == {"sources": []}


def test_a_source_that_expired_is_registered_anew_with_other_terms(home, done):
    from vultus.actions.source import list_sources
    from vultus.records.models import Source

    done(home, "source", "add", "A", *GIVEN, *WHERE, "--expires", "2999-01-01")
    Source.objects.update(expires=datetime.now(UTC).date() - timedelta(days=1))
    done(home, "source", "add", "A", *GIVEN, *WHERE, "--licence", "A new one")
    (source,) = list_sources(home, local_account(home))
    assert (source.id, source.terms.licence, source.expired) == (1, "A new one", False)


def test_the_list_is_for_people_too(home, vultus):
    vultus("source", "add", "A", *GIVEN, *WHERE, "--expires", "2999-01-01", home=home)
    said = vultus("source", "list", home=home)
    assert all(text in said.out for text in ("archive.example", "site", "2999-01-01", "never"))
