"""The hosts that a source may ask are exactly those that are written, in whatever spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.allowed import HOSTS_MAX, AllowList
from vultus.acquire.url import parse_url
from vultus.errors import InputError


def covers(hosts, url):
    return AllowList.of(hosts).covers(parse_url(url))


@pytest.mark.parametrize(
    ("hosts", "url", "is_covered"),
    [
        (["a.example"], "https://a.example/x", True),
        (["a.example"], "http://a.example/x", True),
        (["A.Example"], "https://a.example/", True),
        (["a.example"], "https://b.a.example/", False),
        (["a.example"], "https://a.example.evil.example/", False),
        (["b.a.example"], "https://a.example/", False),
        (["a.example"], "https://a.example:8443/", True),
        (["a.example:443"], "https://a.example/", True),
        (["a.example:443"], "http://a.example/", False),
        (["a.example:8443"], "https://a.example/", False),
        (["127.0.0.1:81"], "http://127.0.0.1:82/", False),
        (["[::1]:81"], "http://[::1]:81/", True),
        (["[0:0::1]"], "http://[::1]/", True),
        (["bücher.example"], "https://xn--bcher-kva.example/", True),
        (["x.example", "a.example"], "https://a.example/", True),
    ],
)
def test_which_urls_are_covered(hosts, url, is_covered):
    assert covers(hosts, url) is is_covered


@pytest.mark.parametrize(
    "hosts",
    [
        [], [""], ["https://a.example"], ["a.example/x"], ["a.example:"], ["a.example:0"],
        ["a.example:65536"], ["a b"], ["*.a.example"], ["::1"], ["user@a.example"], ["0x7f.1"],
        [f"h{n}.example" for n in range(HOSTS_MAX + 1)],
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(hosts):
    with pytest.raises(InputError) as caught:
        AllowList.of(hosts)
    assert caught.value.code == "source.allow_host"


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_is_a_list_or_an_error_and_a_list_is_its_own_spelling(texts):
    try:
        allowed = AllowList.of(texts)
    except InputError:
        return
    assert AllowList.of(allowed.hosts) == allowed
    assert len(allowed.names) <= len(allowed.hosts)


def test_the_host_of_a_location_alone():
    assert AllowList.only(parse_url("https://a.example/x")).hosts == ("a.example",)
    assert AllowList.only(parse_url("http://127.0.0.1:81/")).hosts == ("127.0.0.1:81",)
