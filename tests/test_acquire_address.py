"""Which addresses and which spellings of a host may be reached: the public internet only."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire.address import reachable, special_use
from vultus.acquire.url import host_name, parse_url
from vultus.errors import InputError, RefusedError

PUBLIC = ["93.184.216.34", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]
REFUSED = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private (RFC 1918, 4193)": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                                 "fd00::1"],
    "link-local": ["169.254.0.1", "fe80::1"],
    "cloud metadata": ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192",
                       "168.63.129.16"],
    "shared (RFC 6598)": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "4000::1", "fec0::1", "5f00::1", "100::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "IPv4-mapped and -compatible": ["::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1"],
    "6to4": ["2002:7f00:1::1", "2002:5db8:d822::1"],
    "NAT64": ["64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b:1::a00:1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "ISATAP": ["2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1"],
}  # fmt: skip


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_reached(text):
    assert reachable([text], "site.example") == (ip_address(text),)


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in REFUSED.items() for text in texts]
)
def test_all_others_are_refused(kind, text):
    with pytest.raises(RefusedError) as refused:
        reachable([text], "site.example")
    assert refused.value.code == "fetch.address"
    assert refused.value.hint


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address)
       | st.integers(2**125, 2**126 - 1).map(IPv6Address))  # fmt: skip
def test_nothing_but_global_unicast_is_ever_accepted(address):
    if special_use(address) is None:
        assert address.is_global
        assert not (address.is_multicast or address.is_reserved or address.is_private)
        assert address.version == 4 or not (
            address.ipv4_mapped or address.sixtofour or address.teredo
        )


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.sampled_from([
    "::", "::ffff:0:0", "64:ff9b::", "64:ff9b:1::", "fe80::5efe:0:0", "fe80::", "fc00::"
]))  # fmt: skip
def test_no_form_with_an_ipv4_address_inside_is_accepted(inside, prefix):
    assert special_use(IPv6Address(int(IPv6Address(prefix)) | int(inside)))
    assert special_use(IPv6Address((0x2002 << 112) | int(inside) << 80))


def test_one_bad_address_among_good_ones_refuses_all():
    for bad in ("10.0.0.1", "::1", "nonsense", "fe80::1%eth0", "2606:4700::1%eth0"):
        with pytest.raises(RefusedError):
            reachable([*PUBLIC, bad], "site.example")
        with pytest.raises(RefusedError):
            reachable([bad, *PUBLIC], "site.example")


def test_each_address_is_given_once_and_in_order():
    found = reachable([*PUBLIC, *reversed(PUBLIC)], "site.example")
    assert [str(address) for address in found] == PUBLIC


def test_a_test_host_is_loopback_and_nothing_else():
    found = reachable(["127.0.0.1", "::1"], "localhost", loopback=True)
    assert [str(address) for address in found] == ["127.0.0.1", "::1"]
    for other in ("93.184.216.34", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"):
        with pytest.raises(RefusedError):
            reachable(["127.0.0.1", other], "localhost", loopback=True)


# --- how a host may be written ------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1",
    "127.0.0.01", "127.0.0.1.", "1.2.3.4.5", "256.1.1.1", "site.0x7f", "site.123", "0x",
    "１２７.0.0.1", "127。0。0。1", "[127.0.0.1]", "[::1", "[fe80::1%25eth0]", "[fe80::1%eth0]",
    "::1", "[]",
])  # fmt: skip
def test_addresses_in_odd_forms_are_refused(text):
    """What inet_aton takes and a check by name does not see."""
    with pytest.raises(InputError) as refused:
        host_name(text)
    assert refused.value.code == "fetch.url"


@pytest.mark.parametrize(("text", "spelled"), [
    ("Site.EXAMPLE", "site.example"),
    ("93.184.216.34", "93.184.216.34"),
    ("[2606:4700:0:0::1111]", "[2606:4700::1111]"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER。example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("ＳＩＴＥ.example", "site.example"),
    ("日本語.example", "xn--wgv71a119e.example"),
])  # fmt: skip
def test_a_host_has_one_spelling(text, spelled):
    assert host_name(text) == spelled
    assert host_name(spelled) == spelled


@pytest.mark.parametrize("text", [
    "", ".", "site..example", "site.example.", "-site.example", "site-.example", "si_te.example",
    "site.example%2eevil.example", "a" * 64 + ".example", ".".join(["abcdefg"] * 40), "*.example",
    "straße.example", "a\u200db.example", "site\u2024", "site／evil.example", "site.example：80",
    "ü" * 300,
])  # fmt: skip
def test_what_is_no_name_is_refused(text):
    """Among them full-width / and : (RFC 3490), and letters that editions of IDNA differ on."""
    with pytest.raises(InputError):
        host_name(text)


# --- URLs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "spelled"), [
    ("HTTP://Site.example", "http://site.example/"),
    ("https://site.example:443/a", "https://site.example/a"),
    ("http://site.example:443/", "http://site.example:443/"),
    ("http://site.example?b[]=1", "http://site.example/?b[]=1"),
    ("http://site.example/a/./b/../c#part", "http://site.example/a/c"),
    ("http://site.example/a/%2E%2e/%2e", "http://site.example/"),
    ("http://site.example/../../x/..", "http://site.example/"),
    ("http://site.example//a//b", "http://site.example//a//b"),
    ("http://site.example/Köln?ä", "http://site.example/K%C3%B6ln?%C3%A4"),
    ("http://site.example/%41%zz", "http://site.example/%41%zz"),
    ("http://site.example/a?http://x@y/../", "http://site.example/a?http://x@y/../"),
    ("http://[2606:4700::1]:80/", "http://[2606:4700::1]/"),
])  # fmt: skip
def test_a_url_has_one_spelling(text, spelled):
    assert parse_url(text).text == spelled
    assert parse_url(spelled).text == spelled


@pytest.mark.parametrize("text", [
    "", "site.example", "//site.example/", "http:", "http:/site.example", "http://", "http:///a",
    "http://:80/", "http://site.example:/", "http://site.example:080/", "http://site.example:65536/",
    "http://site.example:0/", "http://site.example:8x/", "http://a:b:80/", "http://[::1]x/",
    "http://user@site.example/", "http://user:secret@site.example/", "http://@site.example/",
    "http://site.example\\@evil.example/", "http://site.example/\\evil", " http://site.example/",
    "http://site.example/a b", "http://site.example/\tb", "http://site.example/\x00",
    "http://site.example/ HTTP/1.1\r\nX: y", "http://site.example/\r\nCookie: a=b", "http://si\nte/",
    "http://site.example/\ud800", "http://site.example/\x7f", "http://site.example/" + "a" * 8000,
    "http://site.example/#" + "a" * 8000,
    "http://site.example/" + "日" * 2000,
])  # fmt: skip
def test_what_can_be_read_in_two_ways_is_no_url(text):
    with pytest.raises(InputError) as refused:
        parse_url(text)
    assert refused.value.code == "fetch.url"
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "data", "javascript", "ws", "httpx"])
def test_other_schemes_are_refused(scheme):
    with pytest.raises(RefusedError) as refused:
        parse_url(f"{scheme}://site.example/")
    assert refused.value.code == "fetch.scheme"


@given(st.text() | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP:", "http:/", "ftp://"]),
    st.text(alphabet="a1.:[]@%x-ü。ß日", max_size=12), st.sampled_from(["", ":80", ":0", "/"]),
    st.text(max_size=12),
))  # fmt: skip
def test_any_text_is_a_url_in_one_spelling_or_refused(text):
    try:
        url = parse_url(text)
    except (InputError, RefusedError) as refused:
        assert refused.code in {"fetch.url", "fetch.scheme"}
        return
    assert parse_url(url.text) == url
    assert url.text.isascii()
    assert url.text.isprintable()
    assert " " not in url.text
    assert "#" not in url.text
