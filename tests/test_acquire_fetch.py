"""The guarded fetch: what it asks for, what it refuses to ask for, and where it does not follow."""

import socket
import ssl
import threading
import warnings
from datetime import UTC

import pytest
from fetches import CODES, LOOPBACK, SITE, SOON, Names, answered, fetcher, get, refused
from hypothesis import given
from hypothesis import strategies as st
from trap_web import TrapWeb, answer, certificate, redirect, server_tls

from vultus.acquire.fetch import Fetcher
from vultus.errors import VultusError

# --- a fetch that goes well ---------------------------------------------------------------------


def test_what_is_asked_and_what_comes_back():
    page = answer(b"hello", "Content-Type: text/plain", "X-Robots-Tag: noindex", "x-robots-tag: a")
    with TrapWeb({"/a?b=1": page}) as web:
        response = get(web, "/a?b=1#part")
    assert web.heads == [[
        "GET /a?b=1 HTTP/1.1",
        f"Host: {SITE}:{web.port}",
        "User-Agent: Vultus/0.1 (+https://site.example/about)",
        "Accept: */*",
        "Accept-Encoding: gzip, identity",
        "Connection: close",
    ]]  # fmt: skip
    assert response.body == b"hello"
    assert (response.status, response.truncated, response.address) == (200, False, "127.0.0.1")
    assert response.url == f"http://{SITE}:{web.port}/a?b=1#part"
    assert response.final_url == f"http://{SITE}:{web.port}/a?b=1"
    assert [(hop.url, hop.status) for hop in response.hops] == [(response.final_url, 200)]
    assert response.headers[0] == ("content-type", "text/plain")
    assert response.values("x-robots-tag") == ["noindex", "a"]
    assert response.fetched_at.tzinfo is UTC


@pytest.mark.parametrize("status", ["404 Not Found", "503", "300 Multiple Choices", "500 "])
def test_a_status_is_an_answer(status):
    with TrapWeb({"/": answer(b"sorry", status=status)}) as web:
        response = get(web)
    assert (response.status, response.body) == (int(status[:3]), b"sorry")


def test_names_of_other_scripts_are_asked_for_by_idna():
    with TrapWeb({"/K%C3%B6ln": answer(b"x")}) as web:
        name = "xn--bcher-kva.example"
        one = fetcher(web, lambda *a, **k: [(0, 0, 0, "", ("127.0.0.1", 0))], names=[name])
        one.get(f"http://BÜCHER.example:{web.port}/Köln", hosts=frozenset(["bücher.example"]))
    assert web.heads[0][1] == f"Host: {name}:{web.port}"


def test_ipv6_literals():
    try:
        web = TrapWeb({"/": answer(b"x")}, address="::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with web:
        one = fetcher(web, names=["[::1]"])
        response = one.get(f"http://[0:0::1]:{web.port}/", hosts=frozenset(["[::1]"]))
    assert response.address == "::1"
    assert web.heads[0][1] == f"Host: [::1]:{web.port}"


def test_the_next_address_is_tried_when_one_does_not_answer():
    with TrapWeb({"/": answer(b"x")}) as web:
        one = fetcher(web, Names(site_example=["::1", "127.0.0.1"]))
        assert one.get(f"http://{SITE}:{web.port}/", hosts=frozenset([SITE])).body == b"x"


def test_cookies_are_never_sent():
    cookie = "Set-Cookie: visitor=1; Path=/"
    with TrapWeb({"/": answer(b"", cookie, "Location: /b", status="302 Found"),
                  "/b": answer(b"", cookie)}) as web:  # fmt: skip
        one = fetcher(web)
        for _ in range(2):
            one.get(f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))
    assert len(web.log) == 4
    assert "cookie" not in str(web.heads).lower()


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with TrapWeb({"/": answer(b"x")}) as web, TrapWeb({}) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert get(web).body == b"x"
    assert proxy.log == []


def test_a_conditional_get_and_its_304():
    """RFC 9110 section 15.4.5: 304 has no body, whatever its headers say."""
    unchanged = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 50\r\n\r\n'
    with TrapWeb({"/": unchanged}) as web:
        date = "Tue, 24 Nov 2026 10:00:00 GMT"
        response = get(web, etag='W/"a"', last_modified=date)
        assert (response.status, response.body, response.truncated) == (304, b"", False)
        assert web.heads[0][-2:] == ['If-None-Match: W/"a"', f"If-Modified-Since: {date}"]
        refused("fetch.response", get, web)  # nothing was said to be known


@pytest.mark.parametrize("named", [
    {"etag": '"a"\r\nX: y'}, {"etag": "a"}, {"etag": '"a", "b"'}, {"etag": '"€"'},
    {"etag": '"a\n"'},
    {"last_modified": "x\r\nX: y"}, {"last_modified": ""}, {"last_modified": "x\n"},
])  # fmt: skip
def test_no_header_is_injected_by_a_condition(named):
    with TrapWeb({"/": answer(b"x")}) as web:
        refused("fetch.condition", get, web, **named)
    assert web.log == []


# --- a part of something ------------------------------------------------------------------------


def part(body, content_range, *headers, status="206 Partial Content", length=True):
    return answer(body, f"Content-Range: {content_range}", *headers, status=status, length=length)


@pytest.mark.parametrize("content_range", ["bytes 3-7/100", "bytes 3-7/8", "bytes 3-7/*"])
@pytest.mark.parametrize("length", [True, False])
def test_a_part_is_asked_for_and_comes_as_it_lies_there(content_range, length):
    """RFC 9110 sections 14.2 and 15.3.7."""
    with TrapWeb({"/": redirect("/b"), "/b": part(b"34567", content_range, length=length)}) as web:
        response = get(web, byte_range=(3, 7), bytes_max=5)
    assert (response.status, response.body, response.truncated) == (206, b"34567", False)
    for head in web.heads:
        assert head[-1] == "Range: bytes=3-7"
        assert "Accept-Encoding: identity" in head


@pytest.mark.parametrize(("code", "response"), [
    ("fetch.range", answer(b"0123456789")),  # the server knows no parts
    ("fetch.range", answer(b"34567")),
    ("fetch.range", answer(b"34567", status="206 Partial Content")),
    ("fetch.range", part(b"34567", "bytes 3-7/100", status="200 OK")),
    ("fetch.range", part(b"34567", "bytes 2-6/100")), ("fetch.range", part(b"3456", "bytes 3-6/7")),
    ("fetch.range", part(b"345678", "bytes 3-8/100")),
    ("fetch.range", part(b"34567", "bytes 3-7/7")),
    ("fetch.range", part(b"34567", "bytes */100")), ("fetch.range", part(b"34567", "items 3-7/9")),
    ("fetch.range", part(b"34567", "bytes 3-7")), ("fetch.range", part(b"34567", "bytes 3-7/9, x")),
    ("fetch.range", part(b"34567", "bytes 3-7/9", "Content-Range: bytes 3-7/9")),
    ("fetch.range", part(b"3456", "bytes 3-7/100")),
    ("fetch.range", part(b"345678", "bytes 3-7/9")),
    ("fetch.response", part(b"3456", "bytes 3-7/100", length=False)),
    ("fetch.response", part(b"345678", "bytes 3-7/100", length=False)),
    ("fetch.range", answer(b"", "Content-Type: multipart/byteranges; boundary=x",
                           status="206 Partial Content")),
    ("fetch.encoding", part(b"34567", "bytes 3-7/100", "Content-Encoding: gzip")),
    ("fetch.range", answer(b"", status="204 No Content", length=False)),
])  # fmt: skip
@pytest.mark.parametrize("bytes_max", [5, 100_000])
def test_what_is_not_the_part_that_was_asked_for(code, response, bytes_max):
    answered(code, response, byte_range=(3, 7), bytes_max=bytes_max)


@pytest.mark.parametrize("status", ["404 Not Found", "416 Range Not Satisfiable", "503 Busy"])
def test_another_status_is_an_answer_to_this_too(status):
    with TrapWeb({"/": answer(b"sorry", "Retry-After: 9", status=status)}) as web:
        response = get(web, byte_range=(3, 7))
    assert (response.status, response.values("retry-after")) == (int(status[:3]), ["9"])


def test_what_is_no_part():
    with TrapWeb({"/": answer(b"x")}) as web:
        for byte_range in ((-1, 3), (3, 2), (0, 100_000), (10**18, 10**18)):
            with pytest.raises(ValueError, match="bytes from 0 on expected"):
                get(web, byte_range=byte_range)
    assert web.log == []


# --- what may be asked --------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "url"), [
    ("fetch.host", "http://other.example:{port}/"),
    ("fetch.host", "http://sub.site.example:{port}/"),
    ("fetch.host", "http://127.0.0.1:{port}/"),
    ("fetch.port", "http://site.example:8080/"),
    ("fetch.port", "http://site.example:22/"),
    ("fetch.address", "http://site.example/"),  # loopback is allowed on the test port only
    ("fetch.scheme", "ftp://site.example:{port}/"),
    ("fetch.url", "http://user:password@site.example:{port}/"),
    ("fetch.url", "http://site.example:{port}/ HTTP/1.1\r\nX: y\r\n\r\nGET /b"),
    ("fetch.url", "http://site.example:{port}/a b"),
    ("fetch.url", "http://2130706433:{port}/"),
    ("fetch.url", "http://0x7f.1:{port}/"),
])  # fmt: skip
def test_what_is_refused_before_anything_is_sent(code, url):
    with TrapWeb({"/": answer(b"x")}) as web:
        refused(code, fetcher(web).get, url.format(port=web.port), hosts=frozenset([SITE]))
    assert web.log == []


def test_loopback_without_test_hosts_is_refused_by_name_and_by_number():
    names = Names(site_example=["127.0.0.1"], localhost=["127.0.0.1"])
    one = Fetcher("Vultus", "0.1", "mailto:a@b.example", seconds=1, bytes_max=1, resolve=names)
    for host in (SITE, "localhost", "127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1",
                 "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"):  # fmt: skip
        refused("fetch.address", one.get, f"http://{host}/", hosts=frozenset([host]))


def test_a_test_host_may_be_loopback_only():
    with TrapWeb({"/": answer(b"x")}) as web:
        one = fetcher(web, Names(site_example=["93.184.216.34"]))
        refused("fetch.address", one.get, f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))


def test_any_private_address_among_public_ones_refuses_the_name():
    """The client that tries another address after a failure would reach the private one."""
    for found in (["93.184.216.34", "10.0.0.1"], ["::1", "2606:4700::1111"]):
        one = Fetcher(
            "Vultus", "0.1", "https://a.example/", seconds=1, bytes_max=1,
            resolve=Names(site_example=found),
        )  # fmt: skip
        refused("fetch.address", one.get, f"https://{SITE}/", hosts=frozenset([SITE]))


def test_the_name_is_resolved_once_and_the_connection_goes_where_was_looked(monkeypatch):
    """DNS rebinding: an answer that changes between the check and the connection."""
    names = Names(site_example=[["127.0.0.1"], ["169.254.169.254"]])
    with TrapWeb({"/": answer(b"x")}) as web:
        monkeypatch.setattr(socket, "getaddrinfo", None)  # nor by the system, behind our back
        one = fetcher(web, names)
        assert one.get(f"http://{SITE}:{web.port}/", hosts=frozenset([SITE])).body == b"x"
        assert names.asked == [SITE]
        refused("fetch.address", one.get, f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))
    assert len(web.log) == 1


def test_the_name_is_looked_at_again_on_a_redirect():
    names = Names(site_example=[["127.0.0.1"], ["10.0.0.1"]])
    with TrapWeb({"/": redirect("/b"), "/b": answer(b"x")}) as web:
        one = fetcher(web, names)
        refused("fetch.address", one.get, f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))
    assert web.log == ["GET / HTTP/1.1"]


def test_a_name_that_leads_nowhere():
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with TrapWeb({}) as web:
        for names in (unknown, Names(site_example=[])):
            one = fetcher(web, names)
            refused("fetch.name", one.get, f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))


def test_a_resolver_that_hangs_ends_at_the_deadline():
    over = threading.Event()
    with TrapWeb({}) as web:
        one = fetcher(web, lambda *_, **__: over.wait(5) and [], seconds=SOON)
        refused("fetch.timeout", one.get, f"http://{SITE}:{web.port}/", hosts=frozenset([SITE]))
        over.set()


def test_nobody_listens():
    with TrapWeb({}) as web:
        pass
    refused("fetch.connection", get, web)


def test_what_cannot_be_sent_as_a_name():
    def named(product="Vultus", version="0.1", contact="https://a.example/", tests=()):
        return Fetcher(product, version, contact, test_hosts=frozenset(tests), seconds=1,
                       bytes_max=1)  # fmt: skip

    for wrong in ({"product": "a b"}, {"product": ""}, {"version": "1\r\nX: y"}, {"version": "1\n"},
                  {"contact": "nobody"}, {"contact": "https://a.example/)"},
                  {"contact": "https://a.example/\nX: y"}):  # fmt: skip
        refused("fetch.agent", named, **wrong)
    for wrong in ("127.0.0.1", "127.0.0.1:", "127.0.0.1:0", ":80", "::1:80", "a b:80", "a:99999"):
        refused("fetch.test_host", named, tests=[wrong])
    named(tests=["[::1]:8080", "localhost:80"])


def test_limits_are_checked():
    for seconds, bytes_max in ((0, 1), (-1, 1), (float("nan"), 1), (1, 0)):
        with pytest.raises(ValueError, match="expected"):
            Fetcher("a", "1", "https://a.example/", seconds=seconds, bytes_max=bytes_max)
    one = Fetcher("a", "1", "https://a.example/", seconds=1, bytes_max=10)
    for wrong in ({"bytes_max": 11}, {"bytes_max": 0}, {"hops_max": -1}):
        with pytest.raises(ValueError, match="expected"):
            one.get("https://a.example/", hosts=frozenset(["a.example"]), **wrong)


# --- redirects ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status):
    with TrapWeb({"/a/b": redirect("../c?d#e", f"{status} x"), "/c?d": answer(b"x")}) as web:
        response = get(web, "/a/b")
    assert web.log == ["GET /a/b HTTP/1.1", "GET /c?d HTTP/1.1"]
    assert response.final_url == f"http://{SITE}:{web.port}/c?d"
    assert [hop.status for hop in response.hops] == [status, 200]


def test_to_another_host_of_the_list():
    answers = {}
    with TrapWeb({"/b": answer(b"x")}) as other, TrapWeb(answers) as web:
        answers["/"] = redirect(f"//other.example:{other.port}/b")
        one = Fetcher(
            "Vultus", "0.1", "https://a.example/", seconds=5, bytes_max=9, resolve=LOOPBACK,
            test_hosts=frozenset([f"{SITE}:{web.port}", f"other.example:{other.port}"]),
        )  # fmt: skip
        url = f"http://{SITE}:{web.port}/"
        assert one.get(url, hosts=frozenset([SITE, "other.example"])).body == b"x"
        refused("fetch.host", one.get, url, hosts=frozenset([SITE]))
    assert len(other.log) == 1


@pytest.mark.parametrize(("code", "to"), [
    ("fetch.host", "http://other.example/"),
    ("fetch.host", "//other.example/"),
    ("fetch.host", "http://127.0.0.1:{port}/b"),
    ("fetch.host", "http://169.254.169.254/latest/meta-data/"),
    ("fetch.host", "http://[::1]:{port}/b"),
    ("fetch.port", "http://site.example:6379/"),
    ("fetch.address", "http://site.example/b"),
    ("fetch.scheme", "file:///etc/passwd"),
    ("fetch.scheme", "gopher://site.example:{port}/"),
    ("fetch.redirect", "http://user@site.example:{port}/b"),
    ("fetch.redirect", "http://2130706433:{port}/b"),
    ("fetch.redirect", "http://site.example:{port}\\@evil.example/b"),
    ("fetch.redirect", "/b c"),
    ("fetch.redirect", "http://[/b"),
    ("fetch.redirect", "http://\xff.example/b"),
    ("fetch.redirect", "/"),
    ("fetch.redirect", "#part"),
    ("fetch.redirect", ""),
])  # fmt: skip
def test_redirects_elsewhere_are_refused(code, to):
    answers = {"/b": answer(b"x")}
    with TrapWeb(answers) as web:
        answers["/"] = redirect(to.format(port=web.port))
        refused(code, get, web)
    assert web.log == ["GET / HTTP/1.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"])
def test_not_even_an_allowed_host_may_be_the_operators_own(host):
    with TrapWeb({"/": redirect(f"http://{host}/")}) as web:
        refused("fetch.address", get, web, hosts=(SITE, host))


def test_other_letters_in_a_location_are_encoded_as_they_came():
    with TrapWeb({"/": b"HTTP/1.1 302 x\r\nLocation: /K\xc3\xb6ln\r\n\r\n",
                  "/K%C3%B6ln": answer(b"x")}) as web:  # fmt: skip
        assert get(web).body == b"x"


def test_a_redirect_to_no_place_or_to_two():
    answered("fetch.redirect", answer(status="302 Found"))
    answered("fetch.redirect", answer(b"", "Location: /a", "Location: /b", status="302 Found"))


def test_a_loop_is_noticed():
    with TrapWeb({"/": redirect("/b"), "/b": redirect("/c"), "/c": redirect("/b#x")}) as web:
        refused("fetch.redirect", get, web)
    assert len(web.log) == 3


def test_five_redirects_are_followed_and_six_are_not():
    """RFC 9309 section 2.3.1.2 asks for five at least."""
    answers = {f"/{n}": redirect(f"/{n + 1}") for n in range(6)} | {"/6": answer(b"x")}
    with TrapWeb(answers) as web:
        assert len(get(web, "/1").hops) == 6
        web.log.clear()
        refused("fetch.redirect", get, web, "/0")
        assert len(web.log) == 6
        web.log.clear()
        refused("fetch.redirect", get, web, "/5", hops_max=0)
        assert len(web.log) == 1


def test_the_deadline_is_one_for_all_redirects():
    def slow(send, pause):
        for _ in range(8):
            pause()
        send(redirect(f"/{len(web.log)}"))

    answers = {f"/{n}": slow for n in range(200)}
    with TrapWeb(answers) as web:
        refused("fetch.timeout", get, web, "/0", seconds=SOON, hops_max=150)


# --- TLS ----------------------------------------------------------------------------------------


def test_a_self_signed_certificate_is_refused(tmp_path):
    with TrapWeb({"/": answer(b"x")}, tls=server_tls(certificate(tmp_path, SITE))) as web:
        error = refused("fetch.tls", get, web, scheme="https")
    assert "self-signed" in error.message
    assert web.log == []


def test_a_trusted_certificate_must_be_for_the_name(tmp_path, monkeypatch):
    """The name stays the name though the connection goes to a number: SNI and the check."""
    path = certificate(tmp_path, SITE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tls = server_tls(path)
    asked = []
    tls.sni_callback = lambda _, name, __: asked.append(name)
    with TrapWeb({"/": answer(b"hello")}, tls=tls) as web:
        assert get(web, scheme="https").body == b"hello"
        one = fetcher(web, names=["other.example"])
        url = f"https://other.example:{web.port}/"
        refused("fetch.tls", one.get, url, hosts=frozenset(["other.example"]))
    assert asked == [SITE, "other.example"]
    assert len(web.log) == 1


def test_from_https_to_http_is_not_followed(tmp_path, monkeypatch):
    path = certificate(tmp_path, SITE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    answers = {"/b": answer(b"x")}
    with TrapWeb(answers, tls=server_tls(path)) as web:
        answers["/"] = redirect(f"http://{SITE}:{web.port}/b")
        refused("fetch.redirect", get, web, scheme="https")
    assert len(web.log) == 1


def test_a_body_over_tls_that_is_cut_is_an_error(tmp_path, monkeypatch):
    """RFC 9112 section 9.8: without close_notify, whoever cut the line chose the end."""
    path = certificate(tmp_path, SITE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with TrapWeb({"/": answer(b"hello", length=False)}, tls=server_tls(path)) as web:
        refused("fetch.tls", get, web, scheme="https")
        assert not fetcher(web).tls.options & ssl.OP_IGNORE_UNEXPECTED_EOF


def test_old_tls_is_refused(tmp_path, monkeypatch):
    path = certificate(tmp_path, SITE)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    tls = server_tls(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with TrapWeb({"/": answer(b"x")}, tls=tls) as web:
        refused("fetch.tls", get, web, scheme="https")
    assert web.log == []


def test_plain_text_behind_https():
    def listen():
        sock, _ = listening.accept()
        with sock:
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            sock.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=listen)
        thread.start()
        port = listening.getsockname()[1]
        one = Fetcher(
            "Vultus", "0.1", "https://a.example/", seconds=5, bytes_max=9, resolve=LOOPBACK,
            test_hosts=frozenset([f"{SITE}:{port}"]),
        )  # fmt: skip
        refused("fetch.tls", one.get, f"https://{SITE}:{port}/", hosts=frozenset([SITE]))
        thread.join()


# --- properties ---------------------------------------------------------------------------------

PRIVATE = Fetcher(
    "Vultus", "0.1", "https://a.example/", seconds=5, bytes_max=1,
    resolve=lambda *_, **__: [(0, 0, 0, "", ("10.0.0.1", 0))],
)  # fmt: skip


@given(st.text() | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "ftp://", "//"]),
    st.sampled_from([SITE, "[::1]", "10.0.0.1", "SITE.example", "a@site.example", "site。example"])
    | st.text(max_size=8),
    st.sampled_from(["", ":80", ":443", ":22"]), st.text(max_size=20),
))  # fmt: skip
def test_no_url_whatever_ends_in_another_error(url):
    with pytest.raises(VultusError) as raised:
        PRIVATE.get(url, hosts=frozenset([SITE, "[::1]", "10.0.0.1"]))
    assert raised.value.code in CODES[type(raised.value)] - {"fetch.timeout", "fetch.connection"}
