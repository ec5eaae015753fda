"""The guarded fetch: one GET of one URL that cannot be turned against the operator's network.

On the first URL and again on every redirect, in this order, before a byte is sent: the scheme,
the host (it must be in the source's allow-list), the port, then every address that the name
leads to. The connection goes to an address that was looked at; the name is not resolved again.
No cookies, no proxy, no password, no encoding but gzip; certificates are verified.

InputError         fetch.url         the URL cannot be used, or is read in two ways
                   fetch.agent       product, version or contact cannot be sent
                   fetch.condition   the ETag or date of the last fetch cannot be sent
                   fetch.test_host   a test host is not written HOST:PORT
RefusedError       fetch.scheme      neither https nor http
                   fetch.host        not in the source's allow-list
                   fetch.port        neither 443 nor 80
                   fetch.address     private, loopback or otherwise not public
                   fetch.redirect    too many, in a loop, from https to http, or to no URL
                   fetch.encoding    an encoding of the body that was not asked for
                   fetch.range       something else than the part that was asked for
UnavailableError   fetch.name        the name leads to no address now
                   fetch.connection  refused or cut
                   fetch.tls         a certificate or TLS version that cannot be trusted
                   fetch.timeout     not complete at the deadline
                   fetch.response    not HTTP, or not what it says (length, chunks, gzip)

A status such as 404 or 503 is no error here: it is an answer, and the caller's to judge.
`address.py` says which addresses, `url.py` reads URLs, `exchange.py` speaks HTTP.
"""

import re
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from urllib.parse import quote, urljoin

from vultus.acquire.address import Address, reachable
from vultus.acquire.exchange import (
    Connection,
    Deadline,
    Head,
    malformed,
    read_body,
    read_head,
    said,
)
from vultus.acquire.url import UNUSABLE, Url, host_name, parse_url
from vultus.errors import InputError, RefusedError, UnavailableError

REDIRECTS = {301, 302, 303, 307, 308}
ADDRESSES_TRIED_MAX = 4
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
CONTACT = re.compile(r"(?:https?://|mailto:)[\x21-\x27\x2a-\x5b\x5d-\x7e]{1,200}")
ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]{0,1000}"')
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
HTTP_DATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,:+-]{0,63}")
Resolve = Callable[..., Iterable[tuple[Any, Any, Any, Any, Any]]]


@dataclass(frozen=True)
class Hop:
    """One exchange of a fetch: the URL that was asked for and the status of its answer."""

    url: str
    status: int


@dataclass(frozen=True)
class Response:
    """The answer at the end of all redirects.

    `url` is as it was asked for, `final_url` the one that answered. `headers` are in the order
    sent, names in lower case. `body` is decoded; `truncated` when there was more than was
    allowed. `hops` are all exchanges, the last is this answer. `address` is the one that gave it.
    """

    url: str
    final_url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    hops: tuple[Hop, ...]
    fetched_at: datetime
    address: str

    def values(self, name: str) -> list[str]:
        """All values of the header `name` (lower case)."""
        return [value for other, value in self.headers if other == name]


class Fetcher:
    """Fetches with one name, one set of limits and no memory from one fetch to the next."""

    def __init__(
        self,
        product: str,
        version: str,
        contact: str,
        *,
        test_hosts: frozenset[str] = frozenset(),
        seconds: float,
        bytes_max: int,
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        """`contact` is the page, or mailto:, where site owners learn who fetches and why.

        `seconds` and `bytes_max` bound one whole fetch. `test_hosts` (HOST:PORT) may be
        loopback, and nothing else. `resolve` is asked as `socket.getaddrinfo` is.
        Certificates are verified against those that the system trusts.
        Raises InputError `fetch.agent`, `fetch.test_host`; ValueError for a limit below 1 byte
        or not above 0 seconds.
        """
        if not seconds > 0 or bytes_max < 1:
            raise ValueError(f"limits above 0 expected, got {seconds} s and {bytes_max} bytes")
        if not (TOKEN.fullmatch(product) and TOKEN.fullmatch(version)):
            raise unsendable("fetch.agent", "The product's name or version")
        if not CONTACT.fullmatch(contact):
            raise unsendable("fetch.agent", "The contact page")
        self.agent = f"{product}/{version} (+{contact})"
        self.test_hosts = frozenset(map(host_and_port, test_hosts))
        self.seconds = seconds
        self.bytes_max = bytes_max
        self.resolve = resolve
        self.tls = ssl.create_default_context()
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        # Python lets a connection that was cut look like one that was ended, unless told not to.
        self.tls.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        self.tls.set_alpn_protocols(["http/1.1"])

    def get(
        self,
        url: str,
        *,
        hosts: frozenset[str],
        etag: str | None = None,
        last_modified: str | None = None,
        bytes_max: int | None = None,
        hops_max: int = 5,
        byte_range: tuple[int, int] | None = None,
        follow: Callable[[str], None] | None = None,
    ) -> Response:
        """The response to one GET of `url`, after `hops_max` redirects at most.

        `hosts` is the source's allow-list, each spelled as in a URL and without port; exactly
        these, no subdomains. With `etag` or `last_modified` of an earlier response the answer
        may be 304 with no body. `bytes_max` may only lower the fetcher's own. `follow` is told
        each URL that a redirect leads to before anything is asked of it, and raises to stop.
        With `byte_range` (first and last, from 0) a status of 200 to 299 is 206 and the body
        exactly these bytes, as they lie there; anything else of these is refused.
        Raises as the table at the top of this file says; ValueError for `bytes_max`, `hops_max`
        and a `byte_range` of no bytes or more than `bytes_max`.
        """
        most = self.bytes_max if bytes_max is None else bytes_max
        if not 1 <= most <= self.bytes_max or hops_max < 0:
            raise ValueError(
                f"1 to {self.bytes_max} bytes and 0 or more hops expected, "
                f"got {most} and {hops_max}"
            )
        part = range_headers(byte_range, most)
        deadline = Deadline(self.seconds)
        allowed = frozenset(map(host_name, hosts))
        conditions = condition_headers(etag, last_modified)
        current = parse_url(url)
        hops: list[Hop] = []
        while True:
            addresses = self.look_up(current, allowed, deadline)
            with self.connect(current, addresses, deadline) as sock:
                with said(deadline):
                    address = str(sock.getpeername()[0])
                connection = Connection(sock, deadline)
                connection.send(self.request(current, conditions + part))
                head = read_head(connection)
                hops.append(Hop(current.text, head.status))
                if head.status not in REDIRECTS:
                    if head.status == 304 and not conditions:
                        raise malformed("it says that nothing changed, unasked")
                    check_part(head, byte_range)
                    body, truncated = read_body(connection, head, most)
                    if byte_range is not None and head.status == 206:
                        check_length(body, byte_range, truncated=truncated)
                    return Response(
                        url, current.text, head.status, head.headers, body, truncated,
                        tuple(hops), datetime.now(UTC), address,
                    )  # fmt: skip
            current = redirected(current, head, hops, hops_max)
            if follow is not None:
                follow(current.text)

    def look_up(self, url: Url, allowed: frozenset[str], deadline: Deadline) -> tuple[Address, ...]:
        """The addresses of the URL's host, all of which may be reached.

        Raises RefusedError `fetch.host`, `fetch.port`, `fetch.address`, UnavailableError
        `fetch.name`, `fetch.timeout`.
        """
        if url.host not in allowed:
            raise RefusedError(
                "fetch.host",
                f"{url.host} is not among the hosts of this source.",
                "Fetch it under a source whose entitlement covers that host.",
            )
        is_test = f"{url.host}:{url.port}" in self.test_hosts
        if url.port not in {80, 443} and not is_test:
            raise RefusedError(
                "fetch.port", f"Nothing is fetched from port {url.port}.", "Ports are 443 and 80."
            )
        literal = url.host.strip("[]")
        if url.host.startswith("[") or literal.rpartition(".")[2].isdigit():
            return reachable([literal], url.host, loopback=is_test)
        return reachable(self.resolved(url, deadline), url.host, loopback=is_test)

    def resolved(self, url: Url, deadline: Deadline) -> list[str]:
        """The addresses that the name leads to now, as texts.

        The system's resolver knows no deadline, so it is asked in a thread of its own, which
        ends when the resolver gives up. Raises UnavailableError `fetch.name`, `fetch.timeout`.
        """
        answer: Future[list[str]] = Future()

        def ask() -> None:
            try:
                found = self.resolve(url.host, url.port, type=socket.SOCK_STREAM)
                answer.set_result([str(entry[4][0]) for entry in found])
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        try:
            addresses = answer.result(deadline.left())
        except TimeoutError:
            raise deadline.passed() from None
        except (OSError, UnicodeError) as error:
            raise nameless(url.host) from error
        if not addresses:
            raise nameless(url.host)
        return addresses

    def connect(
        self, url: Url, addresses: tuple[Address, ...], deadline: Deadline
    ) -> socket.socket:
        """A connection to the first of `addresses` that answers, over TLS for https.

        Raises UnavailableError `fetch.connection`, `fetch.tls`, `fetch.timeout`.
        """
        tried = addresses[:ADDRESSES_TRIED_MAX]
        for n, address in enumerate(tried, 1):
            try:
                with said(deadline):
                    sock = opened(address, url.port, deadline.left() / (len(tried) - n + 1))
            except UnavailableError:
                if n == len(tried):
                    raise
            else:
                return self.secured(sock, url, deadline) if url.scheme == "https" else sock
        raise AssertionError("no address to try")

    def secured(self, sock: socket.socket, url: Url, deadline: Deadline) -> socket.socket:
        """TLS over `sock`, with the URL's name in it. A body that is cut is noticed."""
        try:
            with said(deadline):
                sock.settimeout(deadline.left())
                return self.tls.wrap_socket(
                    sock, server_hostname=url.host.strip("[]"), suppress_ragged_eofs=False
                )
        except UnavailableError:
            sock.close()
            raise

    def request(self, url: Url, more: list[tuple[str, str]]) -> bytes:
        """The request's bytes with `more` headers; every part was looked at before."""
        # A part of what was compressed on the way would be a part of something else.
        encodings = "identity" if "Range" in dict(more) else "gzip, identity"
        headers = [
            ("Host", url.authority),
            ("User-Agent", self.agent),
            ("Accept", "*/*"),
            ("Accept-Encoding", encodings),
            ("Connection", "close"),
            *more,
        ]
        lines = [f"GET {url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def opened(address: Address, port: int, seconds: float) -> socket.socket:
    """A connection to exactly this address: numbers, so that no name is resolved again."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


def redirected(url: Url, head: Head, hops: list[Hop], hops_max: int) -> Url:
    """Where the redirect leads; whether that may be fetched is looked at like any URL.

    Raises RefusedError `fetch.redirect`, `fetch.scheme`.
    """
    locations = head.values("location")
    if len(locations) != 1 or UNUSABLE.search(locations[0]):
        raise astray("The redirect names no one place.")
    if len(hops) > hops_max:
        raise astray(f"There are more than {hops_max} redirects.")
    # Bytes beyond ASCII are percent-encoded as they came, in whatever encoding.
    location = quote(locations[0].encode("latin-1"), safe="".join(map(chr, range(0x21, 0x7F))))
    try:
        following = parse_url(urljoin(url.text, location))
    except (InputError, ValueError) as error:
        raise astray("The redirect leads to what is no usable URL.") from error
    if url.scheme == "https" and following.scheme == "http":
        raise astray("The redirect leads from https to http.")
    if following.text in {hop.url for hop in hops}:
        raise astray("The redirects go round in a loop.")
    return following


def condition_headers(etag: str | None, last_modified: str | None) -> list[tuple[str, str]]:
    """The headers of a conditional GET (RFC 9110 section 13). Raises InputError."""
    if etag is not None and not ENTITY_TAG.fullmatch(etag):
        raise unsendable("fetch.condition", "The ETag")
    if last_modified is not None and not HTTP_DATE.fullmatch(last_modified):
        raise unsendable("fetch.condition", "The date of the last change")
    pairs = (("If-None-Match", etag), ("If-Modified-Since", last_modified))
    return [(name, value) for name, value in pairs if value is not None]


def range_headers(byte_range: tuple[int, int] | None, most: int) -> list[tuple[str, str]]:
    """The header that asks for a part (RFC 9110 section 14.2). ValueError for what is none."""
    if byte_range is None:
        return []
    first, last = byte_range
    if not 0 <= first <= last < 10**18 or last - first >= most:
        raise ValueError(f"1 to {most} bytes from 0 on expected, got {first} to {last}")
    return [("Range", f"bytes={first}-{last}")]


def check_part(head: Head, byte_range: tuple[int, int] | None) -> None:
    """See that a response is the part that was asked for, before its body is read.

    Raises RefusedError `fetch.range`, `fetch.encoding`.
    """
    if byte_range is None or not 200 <= head.status < 300:
        return
    first, last = byte_range
    said_ranges = head.values("content-range")
    found = CONTENT_RANGE.fullmatch(said_ranges[0]) if len(said_ranges) == 1 else None
    if (
        head.status != 206
        or found is None
        or (int(found[1]), int(found[2])) != byte_range
        or (found[3] != "*" and int(found[3]) <= last)
        or any(value != str(last - first + 1) for value in head.values("content-length"))
    ):
        raise RefusedError(
            "fetch.range",
            "The answer is not the part that was asked for.",
            "Nothing of it was read. The place may have changed, or its server knows no parts.",
        )
    if any(value.lower() != "identity" for value in head.values("content-encoding")):
        raise RefusedError(
            "fetch.encoding",
            "The part is encoded in a way that was not asked for.",
            "A part of something that is encoded cannot be read. The site must heed the request.",
        )


def check_length(body: bytes, byte_range: tuple[int, int], *, truncated: bool) -> None:
    """See that the part is whole. Raises UnavailableError `fetch.response`."""
    first, last = byte_range
    if truncated or len(body) != last - first + 1:
        raise malformed("the part is not as long as it says")


def host_and_port(text: str) -> str:
    """HOST:PORT in one spelling. Raises InputError `fetch.test_host`."""
    host, _, port = text.rpartition(":")
    try:
        if re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= 65535:
            return f"{host_name(host)}:{port}"
    except InputError:
        pass
    raise InputError(
        "fetch.test_host",
        "A test host is not written HOST:PORT.",
        "Mend acquire_test_hosts: for example 127.0.0.1:8080.",
    )


def unsendable(code: str, what: str) -> InputError:
    return InputError(
        code,
        f"{what} cannot be sent as it is.",
        "Give it as the standard has it: name and version of letters and digits, contact a URL, "
        "the ETag in its quotes, the date as the server sent it.",
    )


def nameless(host: str) -> UnavailableError:
    return UnavailableError(
        "fetch.name", f"{host} leads to no address now.", "Look at its spelling, or try later."
    )


def astray(what: str) -> RefusedError:
    return RefusedError(
        "fetch.redirect", what, "It was not followed. Fetch the place that it should lead to."
    )
