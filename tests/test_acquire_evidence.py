"""Evidence of our own fetches: what other tools read in it, what is sealed, what a crash leaves."""

import datetime
import errno
import gzip
import io
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from archives import JPEG
from fastwarc.warc import ArchiveIterator as FastIterator
from fetches import get
from homes import REPOSITORY
from hypothesis import given
from hypothesis import strategies as st
from trap_web import TrapWeb, redirect, zipped
from warcio.archiveiterator import ArchiveIterator

from vultus.acquire import evidence
from vultus.acquire.evidence import EvidenceWriter, opened, read_evidence
from vultus.acquire.fetch import Hop, Response
from vultus.acquire.warc import WebArchive
from vultus.errors import IntegrityError, UnavailableError
from vultus.vault.page import PageCipher

NOW = datetime.datetime(2026, 3, 1, 10, 11, 12, 345, tzinfo=datetime.UTC)
URL = "https://site.example/a.jpg"


def response(body=JPEG, *headers, hops=(), truncated=False, url=URL):
    headers = (("content-type", "image/jpeg"), *headers)
    hops = tuple(hops) or (Hop(url, 200),)
    return Response(url, url, 200, headers, body, truncated, hops, NOW, "192.0.2.1")


class Keys:
    """The ciphers of evidence files, as the records of a home would keep their keys."""

    def __init__(self):
        self.by_name = {}

    def __call__(self, name):
        assert name not in self.by_name
        self.by_name[name] = PageCipher.new(name)
        return self.by_name[name]


def written(folder, *responses, keys=None, **more):
    with EvidenceWriter(folder, "Vultus/0.1", cipher_of=keys, **more) as writer:
        return [writer.append(one) for one in responses]


def code_of(error, call, *arguments):
    with pytest.raises(error) as raised:
        call(*arguments)
    assert raised.value.hint
    return raised.value.code


# --- what is kept, and what others read ---------------------------------------------------------


def test_a_fetch_with_its_redirect_request_and_encoding_as_other_tools_read_it(tmp_path):
    with TrapWeb({"/": redirect("/b"), "/b": zipped(b"hello", "X-Robots-Tag: noai")}) as web:
        answered = get(web)
    asked = b"GET /b HTTP/1.1\r\nHost: site.example\r\n\r\n"
    with EvidenceWriter(tmp_path, "Vultus/0.1") as writer:
        kept = writer.append(answered, asked)
    (path,) = tmp_path.iterdir()
    assert path.name == kept.file == "evidence-000001.warc.gz"
    with path.open("rb") as file:
        found = [(one.rec_type, one.rec_headers, one.http_headers, one.raw_stream.read())
                 for one in ArchiveIterator(file, check_digests="raise")]  # fmt: skip
    assert [kind for kind, *_ in found] == ["warcinfo", "response", "request", "metadata"]
    _, head, http, body = found[1]
    assert (body, http.get_statuscode(), http.get_header("x-robots-tag")) == (
        b"hello",
        "200",
        "noai",
    )
    assert http.get_header("x-crawl-content-encoding") == "gzip"
    assert (http.get_header("content-encoding"), http.get_header("content-length")) == (None, "5")
    assert head.get_header("WARC-Record-ID") == f"<{kept.record_id}>"
    assert head.get_header("WARC-Block-Digest") == kept.digest
    assert head.get_header("WARC-Target-URI") == answered.final_url
    assert head.get_header("WARC-IP-Address") == "127.0.0.1"
    assert found[2][1].get_header("WARC-Concurrent-To") == f"<{kept.record_id}>"
    hops = "".join(f"hop: {hop.status} {hop.url}\r\n" for hop in answered.hops)
    assert found[3][3].decode() == hops
    assert len(answered.hops) == 2


def test_fastwarc_finds_the_digests_right_and_our_own_reader_the_photo(tmp_path):
    kept = written(tmp_path, response(), response(b"", truncated=True))
    data = (tmp_path / kept[0].file).read_bytes()
    for one in FastIterator(io.BytesIO(data), parse_http=False):
        assert one.verify_block_digest()
    archive = WebArchive(tmp_path, bytes_max=100_000)
    listed = list(archive.list())
    assert [one.problem for one in listed] == [None, "warc.truncated"]
    assert listed[0].place == f"{kept[0].file}!{kept[0].offset}"
    assert archive.open(listed[0].place) == JPEG


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.booleans())
def test_what_was_kept_is_read(bodies, is_sealed):
    with tempfile.TemporaryDirectory() as name:
        folder, keys = Path(name), Keys() if is_sealed else None
        kept = written(folder, *map(response, bodies), keys=keys)
        for body, one in zip(bodies, kept, strict=True):
            cipher = keys.by_name[one.file] if keys else None
            record = read_evidence(folder, one, cipher)
            assert record.block.endswith(b"\r\n\r\n" + body)
            assert record.value("warc-date") == "2026-03-01T10:11:12.000345Z"


def test_files_begin_anew_by_size_and_with_each_writer(tmp_path):
    kept = written(tmp_path, *[response(os.urandom(600)) for _ in range(5)], file_bytes_max=3000)
    more = written(tmp_path, response())
    names = sorted({one.file for one in kept})
    assert len(names) > 1
    assert all((tmp_path / name).stat().st_size < 3000 + 2000 for name in names)
    assert more[0].file > names[-1]


def test_two_writers_do_not_write_into_one_file(tmp_path):
    one, two = (EvidenceWriter(tmp_path, "Vultus/0.1") for _ in range(2))
    kept = [writer.append(response()) for writer in (one, two, one, two)]
    assert [k.file[9:15] for k in kept] == ["000001", "000002", "000001", "000002"]
    with EvidenceWriter(tmp_path, "Vultus/0.1"):  # nor cuts what the other has open
        pass
    for k in kept:
        read_evidence(tmp_path, k)
    one.close()
    two.close()


# --- sealed -------------------------------------------------------------------------------------


def test_nothing_of_a_sealed_file_can_be_read_and_opened_it_is_the_plain_one(tmp_path):
    keys = Keys()
    (kept,) = written(tmp_path, response(b"Jane Example " * 9), keys=keys)
    path = tmp_path / kept.file
    assert path.name == "evidence-000001.warc.sealed"
    assert all(word not in path.read_bytes() for word in (b"Jane", b"site.example", b"WARC"))
    plain = b"".join(opened(path, keys.by_name[kept.file]))
    assert [one.rec_type for one in ArchiveIterator(io.BytesIO(plain))] == ["warcinfo", "response"]
    with pytest.raises(ValueError, match="cipher is expected"):
        read_evidence(tmp_path, kept)


def test_another_key_or_another_place_does_not_open(tmp_path):
    keys = Keys()
    one, two = written(tmp_path, response(b"1"), response(b"2"), keys=keys)
    cipher = keys.by_name[one.file]
    wrong = evidence.Kept(one.file, two.number, one.offset, one.n_bytes, one.record_id, one.digest)
    assert code_of(IntegrityError, read_evidence, tmp_path, wrong, cipher) == "sealed.does_not_open"
    other = PageCipher.new(one.file)
    assert code_of(IntegrityError, read_evidence, tmp_path, one, other) == "sealed.does_not_open"


@pytest.mark.parametrize("is_sealed", [True, False])
def test_every_changed_byte_is_noticed(tmp_path, is_sealed):
    keys = Keys() if is_sealed else None
    (kept,) = written(tmp_path, response(b"hello"), keys=keys)
    cipher = keys.by_name[kept.file] if keys else None
    path = tmp_path / kept.file
    data = path.read_bytes()
    gzip_head = range(kept.offset + 3, kept.offset + 10)  # text or not, time, system
    for at in range(kept.offset, kept.offset + kept.n_bytes):
        if not is_sealed and at in gzip_head:
            continue
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        code = code_of(IntegrityError, read_evidence, tmp_path, kept, cipher)
        assert code == "evidence.damaged", at
    path.unlink()
    assert code_of(UnavailableError, read_evidence, tmp_path, kept, cipher) == "evidence.gone"


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    wrong = evidence.Kept("../evidence-000001.warc.gz", 0, 0, 1, "urn:uuid:x", "sha256:")
    assert code_of(IntegrityError, read_evidence, tmp_path, wrong) == "evidence.damaged"


# --- crashes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_torn_last_record_is_cut_off_and_no_other(tmp_path, is_sealed):
    keys = Keys() if is_sealed else None
    one, two = written(tmp_path, response(b"1" * 50), response(b"2" * 50), keys=keys)
    cipher = keys.by_name[one.file] if keys else None
    path = tmp_path / one.file
    data = path.read_bytes()
    for n_bytes in range(two.offset, len(data)):
        path.write_bytes(data[:n_bytes])
        with EvidenceWriter(tmp_path, "Vultus/0.1", cipher_of=keys):
            pass
        assert path.read_bytes() == data[: two.offset], n_bytes
        read_evidence(tmp_path, one, cipher)
    with EvidenceWriter(tmp_path, "Vultus/0.1", cipher_of=keys):
        pass
    path.write_bytes(data)
    with EvidenceWriter(tmp_path, "Vultus/0.1", cipher_of=keys):
        pass
    assert path.read_bytes() == data


def test_damage_elsewhere_is_left_for_people_to_look_at(tmp_path):
    keys = Keys()
    one, _ = written(tmp_path, response(b"1"), response(b"2"), keys=keys)
    path = tmp_path / one.file
    data = bytearray(path.read_bytes())
    data[one.offset + 50] ^= 1
    path.write_bytes(data)
    written(tmp_path, response(), keys=keys)
    assert path.read_bytes() == data


@pytest.mark.parametrize("is_sealed", [True, False])
@pytest.mark.parametrize("happened", ["before", "after"])
def test_a_disk_that_refuses_keeps_nothing_of_this_fetch(
    tmp_path, monkeypatch, is_sealed, happened
):
    """Failed before, and failed after the bytes were there."""
    keys = Keys() if is_sealed else None
    writer = EvidenceWriter(tmp_path, "Vultus/0.1", cipher_of=keys)
    one = writer.append(response(b"1"))
    before = (tmp_path / one.file).read_bytes()
    real, failing = os.fsync, [True]

    def fsync(handle):
        if failing and failing.pop():
            if happened == "after":
                real(handle)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert code_of(UnavailableError, writer.append, response(b"2")) == "evidence.unwritable"
    assert (tmp_path / one.file).read_bytes() == before
    three = writer.append(response(b"3"))
    assert three.file > one.file
    writer.close()
    for kept in (one, three):
        read_evidence(tmp_path, kept, keys.by_name[kept.file] if keys else None)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert (
        code_of(UnavailableError, EvidenceWriter, tmp_path / "file", "x") == "evidence.unwritable"
    )


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from test_acquire_evidence import EvidenceWriter, response
writer = EvidenceWriter(Path(sys.argv[1]), "Vultus/0.1")
while True:
    kept = writer.append(response(b"x" * 5000))
    print(*kept.__dict__.values(), flush=True)
"""


def test_a_writer_that_is_killed_has_kept_all_that_it_said(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE,
        text=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    lines = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    lines += [line for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    with EvidenceWriter(tmp_path, "Vultus/0.1") as writer:
        writer.append(response())
    for line in lines:
        file, number, offset, n_bytes, record_id, digest = line.split()
        kept = evidence.Kept(file, int(number), int(offset), int(n_bytes), record_id, digest)
        assert read_evidence(tmp_path, kept).block.endswith(b"x" * 5000)
    whole = gzip.decompress((tmp_path / "evidence-000001.warc.gz").read_bytes())
    assert whole.count(b"WARC-Type: response") >= 20
