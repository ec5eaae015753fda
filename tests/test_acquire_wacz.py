"""WACZ 1.1.1: archives in a zip file, what it says of them, and zip files made to do harm."""

import hashlib
import io
import json
import struct
import zipfile

import pytest
from archives import DATE, JPEG, PNG, record, response, told, zipped
from hypothesis import given
from hypothesis import strategies as st

from vultus.acquire import wacz
from vultus.acquire.wacz import read_wacz
from vultus.acquire.warc import WebArchive

URL = "https://site.example/a.jpg"
ARCHIVE = zipped(
    record("request", b"GET /a.jpg HTTP/1.1\r\nReferer: https://site.example/\r\n\r\n",
           warc_concurrent_to="<p:1>"),
    response(warc_record_id="<p:1>"),
)  # fmt: skip
PAGES = (
    b'{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}\n'
    b'{"url": "HTTPS://site.example", "ts": "2026-03-01T10:11:12Z", "title": " The front page "}\n'
    b"no JSON\n"
)
FIRST = "a.wacz!archive/data.warc.gz!" + str(len(zipped(
    record("request", b"GET /a.jpg HTTP/1.1\r\nReferer: https://site.example/\r\n\r\n",
           warc_concurrent_to="<p:1>")
)))  # fmt: skip


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def package(files, **more):
    resources = [
        {"name": name.rpartition("/")[2], "path": name, "hash": sha256(data), "bytes": len(data)}
        for name, data in files.items()
    ]
    return json.dumps({"profile": "data-package", "wacz_version": "1.1.1",
                       "resources": resources} | more).encode()  # fmt: skip


def packed(files, *, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            kind = method if name.startswith("archive/") else zipfile.ZIP_DEFLATED
            archive.writestr(name, data, kind)
    return file.getvalue()


FILES = {
    "archive/data.warc.gz": ARCHIVE,
    "indexes/index.cdx": b"",
    "pages/pages.jsonl": PAGES,
}


def whole(files=FILES, **more):
    described = files | {"datapackage.json": package(files, **more)}
    seal = {"path": "datapackage.json", "hash": sha256(described["datapackage.json"])}
    return packed(described | {"datapackage-digest.json": json.dumps(seal).encode()})


def archive(tmp_path, data):
    (tmp_path / "a.wacz").write_bytes(data)
    return WebArchive(tmp_path, bytes_max=100_000)


def test_a_whole_wacz(tmp_path):
    one = archive(tmp_path, whole())
    (stored,) = one.list()
    assert (stored.place, stored.item.url, stored.problem) == (FIRST, URL, None)
    assert stored.item.page_url == "https://site.example/"
    assert stored.item.beside.title == "The front page"
    assert stored.item.beside.date == DATE
    assert one.open(FIRST) == JPEG
    assert WebArchive(tmp_path / "a.wacz", bytes_max=100_000).open(FIRST) == JPEG


def test_archives_of_a_folder_and_of_several_wacz_are_one_set(tmp_path):
    (tmp_path / "b.wacz").write_bytes(packed({
        "archive/2.warc": record("revisit", b"", warc_refers_to="<p:1>"),
        "archive/1.warc": response(PNG, media_type="image/png"),
    }))  # fmt: skip
    one = archive(tmp_path, whole())
    assert [(place, problem) for place, _, problem in told(one)] == [
        (FIRST, None), ("b.wacz!archive/1.warc!0", None), ("b.wacz!archive/2.warc!0", None),
    ]  # fmt: skip
    assert one.open("b.wacz!archive/2.warc!0") == JPEG


def test_nothing_of_the_package_need_be_there(tmp_path):
    assert [p for *_, p in told(archive(tmp_path, packed({"archive/a.warc": response()})))] == [
        None
    ]


# --- what it says of its files ------------------------------------------------------------------


@pytest.mark.parametrize("hash_", [sha256(b"another"), "sha256:", "SHA256:" + "0" * 64])
def test_an_archive_that_is_not_what_the_package_says(tmp_path, hash_):
    resources = [{"path": "archive/data.warc.gz", "hash": hash_}]
    one = archive(tmp_path, whole(resources=resources))
    name = "a.wacz!archive/data.warc.gz"
    assert told(one) == [(name, name, "wacz.digest")]


def test_a_package_that_is_not_what_its_digest_says(tmp_path):
    files = FILES | {"datapackage.json": package(FILES)}
    seal = {"path": "datapackage.json", "hash": sha256(b"another")}
    for said in (seal, [], "x", {}):
        data = packed(files | {"datapackage-digest.json": json.dumps(said).encode()})
        assert told(archive(tmp_path, data)) == [("a.wacz", "a.wacz", "wacz.digest")]


@pytest.mark.parametrize("said", [
    b"", b"[]", b"{", b'{"resources": 5}', b"[" * 100_000, b"\xff", b'"\\ud800"',
])  # fmt: skip
def test_a_package_that_cannot_be_read(tmp_path, said):
    one = archive(tmp_path, packed(FILES | {"datapackage.json": said}))
    assert told(one) == [("a.wacz", "a.wacz", "wacz.damaged")]


def test_resources_of_another_kind_say_nothing(tmp_path):
    resources = ["x", {"path": 5}, {"path": "archive/data.warc.gz", "hash": "md5:0"}, None]
    assert told(archive(tmp_path, whole(resources=resources)))[0][2] is None


# --- zip files made to do harm ------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "../archive/a.warc", "archive/../../a.warc", "/archive/a.warc", "archive\\a.warc",
    "archive/sub/a.warc", "archive/.a.warc", "archive/a!b.warc", "archive/a\x01.warc",
    "ARCHIVE/a.warc", "archive/a.warc.zst", "archive/" + "a" * 300 + ".warc",
])  # fmt: skip
def test_names_that_lead_elsewhere_are_no_archives(tmp_path, name):
    before = set(tmp_path.rglob("*"))
    assert told(archive(tmp_path, packed({name: response()}))) == []
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "a.wacz"}


def test_a_wrong_crc(tmp_path):
    data = packed({"archive/a.warc": response()})
    at = data.index(JPEG)
    one = archive(tmp_path, data[:at] + b"X" + data[at + 1 :])
    assert [problem for *_, problem in told(one)] == ["wacz.crc"]


def test_archives_that_are_compressed_again_are_not_read(tmp_path):
    """WACZ 1.1.1, "Zip Compression": nothing could be read from its place."""
    bomb = packed({"archive/a.warc": bytes(50 * 2**20)}, method=zipfile.ZIP_DEFLATED)
    assert [problem for *_, problem in told(archive(tmp_path, bomb))] == ["wacz.compressed"]


@pytest.mark.parametrize("name", ["datapackage.json", "pages/pages.jsonl"])
def test_a_bomb_among_the_texts(tmp_path, monkeypatch, name):
    monkeypatch.setattr(wacz, "JSON_BYTES_MAX", 1000)
    assert told(archive(tmp_path, packed({name: b" " * 1001})))[0][2] == "wacz.damaged"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice(tmp_path):
    """Two readers would see two archives."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zip_file:
        for body in (JPEG, PNG):
            zip_file.writestr("archive/a.warc", response(body))
    assert [p for *_, p in told(archive(tmp_path, file.getvalue()))] == ["wacz.name_twice"]


def test_an_encrypted_archive(tmp_path):
    data = bytearray(packed({"archive/a.warc": response()}))
    data[6] |= 1  # general purpose flags, in both headers
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert [p for *_, p in told(archive(tmp_path, bytes(data)))] == ["wacz.encrypted"]


def test_a_directory_that_is_larger_than_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(wacz, "DIRECTORY_BYTES_MAX", 1000)
    data = packed({f"archive/{n}.warc": b"" for n in range(30)})
    assert told(archive(tmp_path, data))[0][2] == "wacz.damaged"


def test_too_many_entries(tmp_path, monkeypatch):
    monkeypatch.setattr(wacz, "ENTRIES_MAX", 5)
    data = packed({f"archive/{n}.warc": b"" for n in range(6)})
    assert told(archive(tmp_path, data))[0][2] == "wacz.damaged"


def test_entries_that_lie_over_one_another(tmp_path):
    """A file of some kilobytes must not be read for hours."""
    data = packed({"archive/a.warc": response(), "archive/b.warc": response()})
    directory = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", directory + 1)
    end = data.index(b"PK\x05\x06")
    entry = data[directory:second]
    entries = b"".join(entry.replace(b"archive/a", b"archive/%c" % n) for n in b"abcdefghij")
    tail = struct.pack("<HHHHIIH", 0, 0, 10, 10, len(entries), directory, 0)
    one = archive(tmp_path, data[:directory] + entries + data[end : end + 4] + tail)
    assert told(one)[0][2] == "wacz.damaged"


def test_an_archive_that_claims_more_than_there_is(tmp_path):
    data = bytearray(packed({"archive/a.warc": response()}))
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<II", 10**9, 10**9)
    assert told(archive(tmp_path, bytes(data)))[0][2] in {"wacz.crc", "wacz.damaged"}


def test_a_wacz_that_is_cut(tmp_path):
    data = whole()
    for n_bytes in range(0, len(data), 97):
        assert told(archive(tmp_path, data[:n_bytes])) == [("a.wacz", "a.wacz", "wacz.damaged")]


@given(at=st.integers(0, len(whole()) - 1), value=st.integers(0, 255))
def test_any_changed_byte_is_noticed_or_changes_no_photo(tmp_path_factory, at, value):
    path = tmp_path_factory.getbasetemp() / "a.wacz"
    data = bytearray(whole())
    data[at] = value
    path.write_bytes(data)
    one = WebArchive(path, bytes_max=100_000)
    for stored in one.list():
        if stored.problem is None:
            assert one.open(stored.place) == JPEG


@given(data=st.binary(max_size=500))
def test_any_bytes_are_a_wacz_or_none(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.wacz"
    path.write_bytes(data + b"PK\x05\x06" + data)
    read_wacz(path)
