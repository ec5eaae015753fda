"""Hosts that are never a source, by whole labels; and what only looks like one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import forbidden
from vultus.acquire.forbidden import Kind, forbidden_kind, refuse_forbidden_host
from vultus.acquire.url import host_name
from vultus.errors import InputError, RefusedError

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
DOMAIN = st.sampled_from(sorted(forbidden._KINDS))


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("facebook.com", "social network"), ("scontent.xx.fbcdn.net", "social network"),
        ("www.instagram.com", "social network"), ("scontent.cdninstagram.com", "social network"),
        ("www.threads.net", "social network"), ("p16.tiktokcdn.com", "social network"),
        ("x.com", "social network"), ("pbs.twimg.com", "social network"),
        ("sun9-1.userapi.com", "social network"), ("i.mycdn.me", "social network"),
        ("media.licdn.com", "social network"), ("cf-st.sc-cdn.net", "social network"),
        ("i.pinimg.com", "social network"), ("preview.redd.it", "social network"),
        ("wx1.sinaimg.cn", "social network"), ("i.ytimg.com", "social network"),
        ("somebody.tumblr.com", "social network"), ("cdn.bsky.app", "social network"),
        ("mmbiz.qpic.cn", "messenger"), ("t.me", "messenger"), ("cdn4.telesco.pe", "messenger"),
        ("pps.whatsapp.net", "messenger"), ("cdn.discordapp.com", "messenger"),
        ("images-ssl.gotinder.com", "dating site"), ("www.spokeo.com", "people search"),
        ("www.whitepages.com", "people search"), ("www.truepeoplesearch.com", "people search"),
        ("www.beenverified.com", "people search"), ("pimeyes.com", "face search"),
        ("facecheck.id", "face search"), ("search4faces.com", "face search"),
        ("www.clearview.ai", "face search"),
    ],
)  # fmt: skip
def test_the_table(host, kind):
    assert forbidden_kind(host) == kind
    with pytest.raises(RefusedError) as refused:
        refuse_forbidden_host(host)
    assert refused.value.code == "source.forbidden_host"


@pytest.mark.parametrize(
    "host",
    ["m.facebook.com.", "FaceBook.COM", "m.facebook.com..", "ｆａｃｅｂｏｏｋ.com",
     "m。facebook。com", "Facebook．com｡", "a.b.c.d.facebook.com", "xn--bcher-kva.facebook.com"],
)  # fmt: skip
def test_other_spellings_of_the_same_host(host):
    """IDNA (RFC 3490 section 3.1) reads wide letters and dots as plain ones."""
    with pytest.raises(RefusedError):
        refuse_forbidden_host(host)


@pytest.mark.parametrize(
    "host",
    ["notfacebook.com", "facebook.com.example.org", "facebook.example", "com", "x.com.example",
     "ex.com", "at.me", "xn--fcebook-2fg.com", "faceb\u043e\u043ek.com", "127.0.0.1", "[::1]",
     "newspaper.example", "facebook-photos.example", "book.com", "commons.wikimedia.org"],
)  # fmt: skip
def test_what_only_looks_like_one_is_fine(host):
    assert forbidden_kind(host) is None
    refuse_forbidden_host(host)


def test_the_refusal_says_which_rule_and_what_to_do():
    for domain, kind in forbidden._KINDS.items():
        with pytest.raises(RefusedError) as refused:
            refuse_forbidden_host(domain)
        message = refused.value.message
        assert message.startswith(f"{domain} is a {kind} ")
        for article in ("AI Act art. 5(1)(e)", "GDPR art. 5(1)(b) and (c), 6 and 9", "terms"):
            assert article in message
        assert "licence" in refused.value.hint


@pytest.mark.parametrize(
    "host", ["", ".", "a b", "a..b", "-a.com", "a/b", "1.2.3", "ß.facebook.com"]
)
def test_what_is_no_host_is_said(host):
    with pytest.raises(InputError) as wrong:
        refuse_forbidden_host(host)
    assert wrong.value.code == "fetch.url"


def test_the_table_is_in_the_one_spelling_and_says_nothing_twice():
    listed = [d for domains in forbidden._DOMAINS.values() for d in domains.split()]
    assert len(listed) == len(set(listed)) == len(forbidden._KINDS)
    assert set(forbidden._DOMAINS) == set(Kind)
    for domain in listed:
        assert host_name(domain) == domain
        parents = [domain.split(".", n)[-1] for n in range(1, domain.count(".") + 1)]
        assert not set(parents) & set(listed)


# --- properties ---------------------------------------------------------------------------------


@given(DOMAIN, st.lists(LABEL, max_size=3), st.sampled_from(["", "."]))
def test_every_subdomain_in_every_case_is_refused(domain, labels, dot):
    host = ".".join([*labels, domain])
    if len(host) <= 253:
        assert forbidden_kind(host + dot) == forbidden_kind(host.upper()) == forbidden_kind(domain)


@given(DOMAIN, LABEL, LABEL)
def test_no_other_label_is_taken_for_one(domain, before, after):
    assert forbidden_kind(f"{domain}.{after}.example") is None
    assert forbidden_kind(f"{before}-{domain}") is None


@given(st.text(max_size=20))
def test_any_text_is_a_host_or_is_said_to_be_none(text):
    try:
        assert forbidden_kind(text) in {None, *Kind}
    except InputError as error:
        assert error.code == "fetch.url"
