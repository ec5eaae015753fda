"""Web archives that a test writes by hand, byte by byte, so that they may be wrong."""

import base64
import gzip
import hashlib

from vultus.acquire.warc import WebArchive

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 50
PAGE = b"<!doctype html><img src=/a.jpg>"
DATE = "2026-03-01T10:11:12Z"


def sha1(data):
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def http(body, *headers, status="200 OK", media_type="image/jpeg"):
    lines = [
        f"HTTP/1.1 {status}",
        *([f"Content-Type: {media_type}"] if media_type else []),
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def record(kind, block, **fields):
    """A record; `fields` by their names in lower case with _ for -, None leaves one out."""
    fields = {"warc_date": DATE, "warc_target_uri": "https://site.example/a.jpg"} | fields
    fields = {"content_type": "application/http"} | fields if kind != "warcinfo" else fields
    lines = ["WARC/1.1", f"WARC-Type: {kind}"]
    lines += [f"{n.replace('_', '-')}: {v}" for n, v in fields.items() if v is not None]
    lines += [f"Content-Length: {len(block)}"] if "content_length" not in fields else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def response(body=JPEG, *headers, status="200 OK", media_type="image/jpeg", **fields):
    return record("response", http(body, *headers, status=status, media_type=media_type), **fields)


def zipped(*records):
    """Each a gzip member of its own."""
    return b"".join(gzip.compress(one, mtime=0) for one in records)


def archive(tmp_path, data, name="a.warc.gz", bytes_max=100_000):
    """The archive at `tmp_path` with a file of these bytes."""
    (tmp_path / name).write_bytes(data)
    return WebArchive(tmp_path, bytes_max=bytes_max)


def told(one):
    """Place, URL and problem of each place."""
    return [(stored.place, stored.item.url, stored.problem) for stored in one.list()]


def problems(one):
    return [stored.problem for stored in one.list()]
