"""Answers that drown, drip, bomb, break off or lie, and what is made of each (RFC 9112)."""

import gzip
import random
import socket
import zlib

import pytest
from fetches import SOON, answered, get
from hypothesis import given, settings
from hypothesis import strategies as st
from trap_web import TrapWeb, answer, zipped

from vultus.acquire.exchange import (
    PIECE,
    Bounded,
    Connection,
    Deadline,
    gunzipped,
    read_body,
    read_head,
)
from vultus.errors import RefusedError, UnavailableError

# --- drowning -----------------------------------------------------------------------------------


def dripping(before, drip):
    def drips(send, pause):
        send(before)
        while True:
            send(drip)
            pause()

    return drips


def flooding(before, drop):
    def floods(send, _):
        send(before)
        while True:
            send(drop)

    return floods


@pytest.mark.parametrize(("before", "drip"), [
    (b"", b"H"),
    (b"HTTP/1.1 200 OK\r\n", b"a"),
    (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"a"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"", mtime=0)),
], ids=["status", "header", "to the end", "length", "chunks", "trailers", "members"])  # fmt: skip
def test_a_slow_drip_ends_at_the_deadline(before, drip):
    """Slowloris, turned round: each byte arrives in time, the whole never."""
    answered("fetch.timeout", dripping(before, drip), seconds=SOON)


def test_silence_ends_at_the_deadline():
    answered("fetch.timeout", lambda _, pause: [pause() for _ in range(100)], seconds=SOON)


@pytest.mark.parametrize(("before", "drop"), [
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    (b"HTTP/1.1 200 OK\r\n", b"a" * 4096),
    (b"HTTP/1.1 200 OK\r\na: b\r\n", b" folded\r\n"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 4096),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 4096),
], ids=["interim", "headers", "one line", "folded", "trailers", "size", "extension"])  # fmt: skip
def test_what_never_ends_is_stopped(before, drop):
    answered("fetch.response", flooding(before, drop))


def test_the_number_of_headers_is_bounded():
    many = [f"a{n}: b" for n in range(199)]
    with TrapWeb({"/": answer(b"x", *many)}) as web:
        assert len(get(web).headers) == 200
    answered("fetch.response", answer(b"x", *many, "one: more"))


@pytest.mark.parametrize("before", [
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
], ids=["to the end", "length", "chunk"])  # fmt: skip
def test_an_endless_body_is_cut_off_and_that_is_said(before):
    with TrapWeb({"/": flooding(before, b"abcd" * 1000)}) as web:
        response = get(web, bytes_max=10_001)
    assert response.truncated
    assert response.body == (b"abcd" * 3000)[:10_001]


@pytest.mark.parametrize("pack", [answer, zipped, lambda b: answer(b, length=False)])
def test_the_bound_is_exact(pack):
    body = bytes(range(256)) * 200
    with TrapWeb({"/": pack(body)}) as web:
        whole = get(web, bytes_max=len(body))
        assert (whole.body, whole.truncated) == (body, False)
        less = get(web, bytes_max=len(body) - 1)
        assert (less.body, less.truncated) == (body[:-1], True)
        least = get(web, bytes_max=1_000, seconds=5)
        assert least.truncated
        assert body.startswith(least.body)


def test_a_gzip_bomb_stops_at_the_bound():
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)
    assert len(bomb) < 100_000
    with TrapWeb({"/": answer(bomb, "Content-Encoding: gzip")}) as web:
        response = get(web, bytes_max=100_000)
    assert response.truncated
    assert response.body == b"\0" * 100_000
    assert all(len(piece) <= PIECE for piece in gunzipped(Bounded(iter([bomb]), len(bomb))))


def test_gzip_that_does_not_shrink_is_bounded_as_sent():
    body = random.Random(1).randbytes(5_000)
    with TrapWeb({"/": zipped(body)}) as web:
        response = get(web, bytes_max=4_000)
    assert response.truncated
    assert 3_000 < len(response.body) < 4_000
    assert body.startswith(response.body)


def test_gzip_that_only_grows_is_bounded_as_sent():
    """Empty members decode to nothing for ever (RFC 1952 section 2.2)."""
    before = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with TrapWeb({"/": flooding(before, gzip.compress(b"", mtime=0) * 100)}) as web:
        response = get(web, bytes_max=10_000)
    assert (response.body, response.truncated) == (b"", True)


# --- bodies that are not what they say ----------------------------------------------------------


def test_gzip_is_decoded_member_by_member():
    two = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0)
    with TrapWeb({"/": answer(two, "Content-Encoding: GZip"),
                  "/none": answer(b"", "Content-Encoding: gzip"),
                  "/large": zipped(bytes(range(256)) * 300)}) as web:  # fmt: skip
        assert get(web).body == b"one two"
        assert get(web, "/none").body == b""
        assert get(web, "/large").body == bytes(range(256)) * 300


@pytest.mark.parametrize("body", [
    gzip.compress(b"hello" * 100, mtime=0)[:-1], gzip.compress(b"hello" * 100, mtime=0)[:-9],
    b"\x1f",
    gzip.compress(b"hello", mtime=0)[:-8] + b"\0" * 8, gzip.compress(b"hello", mtime=0) + b"x",
    gzip.compress(b"hello", mtime=0) + b"\0" * 20, zlib.compress(b"hello"), b"hello",
])  # fmt: skip
def test_a_broken_gzip_stream_is_an_error(body):
    answered("fetch.response", answer(body, "Content-Encoding: gzip"))


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "x"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding):
    answered("fetch.encoding", answer(b"hello", f"Content-Encoding: {encoding}"))


def test_a_body_shorter_than_its_length_is_an_error():
    answered("fetch.response", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")


def test_what_comes_after_the_length_is_not_read():
    with TrapWeb({"/": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more"}) as web:
        assert get(web).body == b"hello"


def test_a_chunked_body():
    """RFC 9112 section 7.1, with an extension, leading zeros and a trailer."""
    body = b"5\r\nhello\r\n0000B ; a=b\r\n and others\r\n0\r\nDigest: x\r\n\r\n"
    with TrapWeb({"/": answer(body, "Transfer-Encoding: Chunked", length=False)}) as web:
        response = get(web)
    assert response.body == b"hello and others"
    assert response.values("digest") == []


@pytest.mark.parametrize("body", [
    b"", b"5\r\nhello", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello!\r\n0\r\n\r\n",
    b"6\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"5_0\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n", b"x\r\nhello\r\n0\r\n\r\n", b"f" * 16 + b"\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\n0\n\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n",
    b"5;" + b"a" * 200 + b"\r\nhello\r\n0\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nnot a trailer\r\n\r\n",
])  # fmt: skip
def test_chunks_that_cannot_be_read(body):
    answered("fetch.response", answer(body, "Transfer-Encoding: chunked", length=False))


@pytest.mark.parametrize("headers", [
    ["Content-Length: 5", "Transfer-Encoding: chunked"], ["Transfer-Encoding: gzip, chunked"],
    ["Transfer-Encoding: identity"], ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Content-Length: 5", "Content-Length: 6"], ["Content-Length: 5, 6"], ["Content-Length: -5"],
    ["Content-Length: +5"], ["Content-Length: 5_0"], ["Content-Length: 0x5"], ["Content-Length:"],
    ["Content-Length: ²"], ["Content-Length: " + "9" * 19],
])  # fmt: skip
def test_a_length_given_in_two_ways_is_an_error(headers):
    """RFC 9112 section 6.3: what smuggles a second response past a careless reader."""
    answered("fetch.response", answer(b"5\r\nhello\r\n0\r\n\r\n", *headers, length=False))


def test_chunks_are_of_http_1_1():
    """RFC 9112 section 6.1: in HTTP/1.0 nobody can tell who added the header."""
    head = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answered("fetch.response", head + b"5\r\nhello\r\n0\r\n\r\n")


def test_204_has_no_body():
    with TrapWeb({"/": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"}) as web:
        assert (get(web).status, get(web).body) == (204, b"")


def test_the_same_length_twice_is_one_length():
    with TrapWeb({"/": answer(b"hello", "Content-Length: 5, 5")}) as web:
        assert get(web).body == b"hello"


@pytest.mark.parametrize("head", [
    b"", b"\r\n\r\n", b"hello\r\n\r\n", b"<html>hello", b"SSH-2.0-OpenSSH_9.2\r\n",
    b"220 mail.example ESMTP\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/0.9 200 OK\r\n\r\n",
    b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\n\r\n", b"HTTP/1.1  200 OK\r\n\r\n", b"http/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\na: b",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", b"HTTP/1.1 200 OK\r\na : b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", b"HTTP/1.1 200 OK\r\n first: folded\r\n\r\n",
    b"HTTP/1.1 200 OK\r\na: b\x00\r\n\r\n", b"HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
])  # fmt: skip
def test_what_is_no_http_is_an_error(head):
    answered("fetch.response", head)


def test_interim_responses_folded_lines_and_bare_newlines_are_read():
    head = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.0 200\na:  b \t\n\tc\nD:\n\nhello"
    with TrapWeb({"/": head}) as web:
        response = get(web)
    assert response.headers == (("a", "b c"), ("d", ""))
    assert response.body == b"hello"


# --- properties --------------------------------------------------------------------------------

PIECES = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404\r\n", b"HTTP/1.1 100 x\r\n\r\n", b"\r\n", b"\n", b"a: b",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n",
    b"5\r\nhello\r\n", b"0\r\n\r\n", gzip.compress(b"hello", mtime=0),
    gzip.compress(b"hello" * 99, mtime=0)[:20],
])  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES | st.binary(max_size=8), max_size=8).map(b"".join), st.integers(1, 40))
def test_no_answer_whatever_ends_in_another_error_or_beyond_the_bound(sent, bytes_max):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        connection = Connection(ours, Deadline(5))
        try:
            head = read_head(connection)
            body, truncated = read_body(connection, head, bytes_max)
        except (RefusedError, UnavailableError) as error:
            assert error.code in {"fetch.response", "fetch.encoding"}
        else:
            assert len(body) <= bytes_max
            assert truncated or head.status in {204, 304} or len(body) <= len(sent) * 1100


@settings(max_examples=50)
@given(st.binary(max_size=3000), st.lists(st.integers(1, 700), max_size=5), st.booleans())
def test_every_body_comes_back_as_it_was_sent(body, sizes, is_zipped):
    """Chunked anyhow, zipped or not."""
    packed = gzip.compress(body, mtime=0) if is_zipped else body
    sent, at = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", 0
    sent += b"Content-Encoding: gzip\r\n\r\n" if is_zipped else b"\r\n"
    for size in [*sizes, len(packed) + 1]:
        piece = packed[at : at + size]
        at += len(piece)
        sent += b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent + b"0\r\n\r\n")
        connection = Connection(ours, Deadline(5))
        assert read_body(connection, read_head(connection), 4000) == (body, False)
