"""The log: written before anything is shown, and what is done to it afterwards is found."""

import json
import os
import shutil
from contextlib import contextmanager

import pytest
from homes import BOTH, N_PHOTOS, close_database, log_of, portrait, probe_of, reopen, spawn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vultus.actions.audit import canonical_form, verify_receipt
from vultus.actions.home import local_account
from vultus.audit.receipt import verify_receipt as verify_document
from vultus.errors import IntegrityError, VultusError

both = pytest.mark.parametrize("filled", BOTH, indirect=True)


def run(statement, *values):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount != 0, "nothing was tampered with"


def value(column, index):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {column} FROM records_entry WHERE "index" = %s', [index])
        return bytes(cursor.fetchone()[0])


def set_entry(column, index, to):
    run(f'UPDATE records_entry SET {column} = %s WHERE "index" = %s', to, index)


def flipped(data, place=-1):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def search(home, person=0):
    from vultus.actions.search import search_photos

    return search_photos(home, local_account(home), [probe_of(person)], case_id=1)


# --- before anything is shown -------------------------------------------------------------------


@both
def test_a_search_whose_index_fails_stays_in_the_log(filled, monkeypatch, vultus):
    from vultus.actions.view import list_searches, view_search
    from vultus.index import FaceIndex

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(FaceIndex, "search", fail)
    with pytest.raises(MemoryError):
        search(filled)
    kind, said = log_of(filled)[-1]
    assert (kind, said["search"], said["case"]) == ("search.run", 1, 1)
    actor = local_account(filled)
    assert list_searches(filled, actor, 1) == []
    with pytest.raises(VultusError) as caught:
        view_search(filled, actor, 1)
    assert caught.value.code == "search.unfinished"
    said = vultus("search", probe_of(0), "--case", 1, "--json", home=filled)
    assert (said.code, said.error) == (1, "internal")
    assert vultus("audit", "verify", home=filled).code == 0


@both
def test_without_the_log_the_index_is_not_asked(filled, monkeypatch, vultus):
    from vultus.index import FaceIndex
    from vultus.records.models import Entry, Search

    n_entries = Entry.objects.count()
    asked = []
    monkeypatch.setattr(FaceIndex, "search", lambda *_, **__: asked.append(1))
    run("UPDATE records_logstate SET frontier = %s", b"")
    said = vultus("search", probe_of(0), "--case", 1, "--json", home=filled)
    assert said.code == 4
    assert said.error
    assert (asked, Search.objects.count(), Entry.objects.count()) == ([], 0, n_entries)


@both
def test_every_action_is_told_in_the_log(filled, vultus):
    from vultus.actions.erase import erase

    answer = search(filled)
    erase(filled, local_account(filled), reference=answer.probes[0].candidates[0].reference)
    kinds = [kind for kind, _ in log_of(filled)]
    assert kinds[:3] == ["home.created", "account.added", "source.added"]
    assert kinds[-6:] == [
        "ingest.finished", "case.opened", "case.approved", "probe.received", "search.run",
        "reference.erased",
    ]  # fmt: skip
    said = log_of(filled)[-2][1]
    assert answer.entry_index == len(kinds) - 2
    assert said["gallery_references"] == answer.gallery.n_references
    assert [probe["probe"] for probe in said["probes"]] == [answer.probes[0].probe_id]


# --- afterwards ---------------------------------------------------------------------------------


def changed_consistently():
    from vultus.audit.merkle import leaf_hash

    leaf = value("leaf", 4).replace(b'"time":"2', b'"time":"1')
    set_entry("leaf", 4, leaf)
    set_entry("leaf_hash", 4, leaf_hash(leaf))


def swapped(a, b):
    run('UPDATE records_entry SET "index" = 1000 WHERE "index" = %s', a)
    run('UPDATE records_entry SET "index" = %s WHERE "index" = %s', a, b)
    run('UPDATE records_entry SET "index" = %s WHERE "index" = 1000', b)


def inserted(at):
    if at <= last():
        run('UPDATE records_entry SET "index" = "index" + 1000 WHERE "index" >= %s', at)
        run('UPDATE records_entry SET "index" = "index" - 999 WHERE "index" >= 1000')
    run(
        'INSERT INTO records_entry ("index", kind, leaf, leaf_hash, sealed_payload, photo_id) '
        "SELECT %s, kind, leaf, leaf_hash, sealed_payload, photo_id FROM records_entry "
        'WHERE "index" = 3',
        at,
    )


def payloads_swapped():
    a, b = value("sealed_payload", 3), value("sealed_payload", 4)
    set_entry("sealed_payload", 3, b)
    set_entry("sealed_payload", 4, a)


def last():
    from vultus.records.models import Entry

    return Entry.objects.count() - 1


def cut_short():
    """The last entry is gone, and size, frontier and nothing else say so."""
    from vultus.audit.merkle import Frontier
    from vultus.records.log import leaf_hashes
    from vultus.records.models import LogState

    n = last()
    frontier = Frontier()
    for digest in leaf_hashes(n):
        frontier.append(digest)
    run('DELETE FROM records_entry WHERE "index" = %s', n)
    LogState.objects.update(size=n, frontier=frontier.to_bytes())


def delete(index):
    run('DELETE FROM records_entry WHERE "index" = %s', index)


TAMPERINGS = {
    "leaf, a bit": lambda: set_entry("leaf", 3, flipped(value("leaf", 3), 20)),
    "leaf of another entry": lambda: set_entry("leaf", 3, value("leaf", 4)),
    "leaf with its hash": changed_consistently,
    "leaf hash": lambda: set_entry("leaf_hash", 3, flipped(value("leaf_hash", 3))),
    "kind": lambda: set_entry("kind", 3, "photo.failed"),
    "payload, a bit": lambda: set_entry("sealed_payload", 3, flipped(value("sealed_payload", 3))),
    "payload, empty": lambda: set_entry("sealed_payload", 3, b""),
    "payloads swapped": payloads_swapped,
    "payload of a photo gone": lambda: set_entry("sealed_payload", 3, None),
    "payload of a case gone": lambda: set_entry("sealed_payload", last(), None),
    "photo of another entry": lambda: set_entry("photo_id", 3, 7),
    "photo of none": lambda: set_entry("photo_id", 3, None),
    "photo where none is": lambda: set_entry("photo_id", 2, 1),
    "first deleted": lambda: delete(0),
    "one in the middle deleted": lambda: delete(9),
    "last deleted": lambda: delete(last()),
    "all deleted": lambda: run("DELETE FROM records_entry"),
    "swapped": lambda: swapped(3, 4),
    "inserted first": lambda: inserted(0),
    "inserted in the middle": lambda: inserted(9),
    "inserted last": lambda: inserted(last() + 1),
    "state: size": lambda: run("UPDATE records_logstate SET size = size - 1"),
    "state: frontier": lambda: run("UPDATE records_logstate SET frontier = %s", b"\x00" * 41),
    "state: no frontier": lambda: run("UPDATE records_logstate SET frontier = %s", b""),
    "state: checkpoint": lambda: run(
        "UPDATE records_logstate SET checkpoint = replace(checkpoint, 'vultus', 'vultur')"
    ),
    "state: no checkpoint": lambda: run("UPDATE records_logstate SET checkpoint = ''"),
    "state gone": lambda: run("DELETE FROM records_logstate"),
    "cut short": cut_short,
    "public key": lambda: run("UPDATE records_home SET verifier_key = 'vultus/0+1+AA'"),
    "signing key": lambda: run("UPDATE records_home SET sealed_signing_key = %s", b"\x01" * 80),
    "home gone": lambda: run("DELETE FROM records_home"),
}


@contextmanager
def undone():
    """What happens inside has not happened afterwards."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@both
def test_whatever_is_done_to_the_database_is_found(filled, vultus):
    for name, tamper in TAMPERINGS.items():
        with undone():
            tamper()
            said = vultus("audit", "verify", "--json", home=filled)
            assert (said.code, bool(said.error)) == (4, True), f"{name}: {said.out}"
        assert vultus("audit", "verify", home=filled).code == 0, name


WITHOUT_KEY = set(TAMPERINGS) - {
    "payload, a bit", "payload, empty", "payloads swapped",  # sealed: nobody else can say
    "photo of another entry", "photo of none", "photo where none is",
    "public key", "signing key", "home gone",  # the log itself is as it was
}  # fmt: skip


@both
def test_most_of_it_is_found_without_the_key_file(filled, vultus):
    key = filled.path.parent / "key"
    key.rename(key.with_name("away"))
    document = vultus("audit", "verify", "--json", home=filled).document
    assert (document["verified"], document["payloads_checked"]) == (True, False)
    for name in sorted(WITHOUT_KEY):
        with undone():
            TAMPERINGS[name]()
            said = vultus("audit", "verify", "--json", home=filled)
            assert said.code == 4, f"{name}: {said.out}"


FILES = {
    "checkpoint, a letter": lambda log: (log / "checkpoint").write_text(
        (log / "checkpoint").read_text().replace("\n", "\nx", 1)
    ),
    "checkpoint, no text": lambda log: (log / "checkpoint").write_bytes(b"\xff" * 100),
    "checkpoint, empty": lambda log: (log / "checkpoint").write_bytes(b""),
    "checkpoint gone": lambda log: (log / "checkpoint").unlink(),
    "another public key": lambda log: (log / "public-key").write_text(another_key()),
}


def another_key():
    from vultus.audit.checkpoint import generate_signing_key, verifier_key

    return verifier_key(generate_signing_key(), "vultus/0123456789abcdef") + "\n"


@pytest.mark.parametrize("name", FILES)
def test_whatever_is_done_to_the_files_of_the_log_is_found(home, vultus, name):
    assert vultus("audit", "verify", home=home).code == 0
    FILES[name](home.path / "log")
    said = vultus("audit", "verify", "--json", home=home)
    assert said.code == 4
    assert said.error
    assert vultus("doctor", home=home).code == 4


def open_case(home):
    from homes import CASE_TEXTS

    from vultus.actions.case import open_case as open_one

    return open_one(home, local_account(home), **CASE_TEXTS)


def test_an_older_database_put_back_is_found_and_nothing_is_added_to_it(home, vultus):
    open_case(home)
    close_database()
    shutil.copy(home.path / "vultus.db", home.path.parent / "older.db")
    assert vultus("audit", "verify", home=home).code == 0
    open_case(home)
    close_database()
    assert not (home.path / "vultus.db-wal").exists()
    shutil.copy(home.path.parent / "older.db", home.path / "vultus.db")
    for _ in range(2):
        said = vultus("audit", "verify", "--json", home=home)
        assert (said.code, said.error) == (4, "log.truncated")
        # Further entries would hide it.
        with pytest.raises(IntegrityError) as caught:
            open_case(reopen(home))
        assert caught.value.code == "log.truncated"


def test_a_log_that_was_written_anew_is_found(home, vultus):
    """Even by somebody who holds the key: the checkpoint beside the database is of another log."""
    from vultus.records.models import Entry

    close_database()
    shutil.copy(home.path / "vultus.db", home.path.parent / "older.db")
    open_case(home)
    kept = (home.path / "log" / "checkpoint").read_text()
    close_database()
    shutil.copy(home.path.parent / "older.db", home.path / "vultus.db")
    (home.path / "log" / "checkpoint").unlink()
    again = reopen(home)
    open_case(again)
    open_case(again)
    assert Entry.objects.count() == 4
    (home.path / "log" / "checkpoint").write_text(kept)
    said = vultus("audit", "verify", "--json", home=home)
    assert (said.code, said.error) == (4, "log.history_differs")
    with pytest.raises(IntegrityError):
        open_case(reopen(home))


def test_an_older_checkpoint_is_no_fault(home, vultus):
    """A crash between the commit and the file leaves one; the log is an extension of it."""
    first = (home.path / "log" / "checkpoint").read_bytes()
    open_case(home)
    (home.path / "log" / "checkpoint").write_bytes(first)
    assert vultus("audit", "verify", home=home).code == 0
    open_case(reopen(home))
    assert (home.path / "log" / "checkpoint").read_bytes() != first
    assert vultus("audit", "verify", home=home).code == 0


def test_a_checkpoint_that_cannot_be_written_undoes_no_work(home, vultus):
    checkpoint = home.path / "log" / "checkpoint"
    kept = checkpoint.read_bytes()
    shutil.move(home.path / "log", home.path / "gone")
    case = open_case(home)
    shutil.move(home.path / "gone", home.path / "log")
    assert checkpoint.read_bytes() == kept
    assert vultus("audit", "verify", home=home).code == 0
    assert vultus("case", "list", "--json", home=home).document["cases"][0]["case"] == case.id


# --- proofs and receipts ------------------------------------------------------------------------


@both
def test_every_entry_is_proved_with_the_public_key_alone(filled, vultus, tmp_path):
    n = len(log_of(filled))
    public = tmp_path / "public-key"
    shutil.copy(filled.path / "log" / "public-key", public)
    (filled.path.parent / "key").rename(filled.path.parent / "away")
    for index in (0, 3, n - 1):
        proof = tmp_path / f"{index}.json"
        said = vultus("audit", "prove", index, "--json", home=filled)
        assert said.code == 0
        proof.write_text(said.out)
        nowhere = tmp_path / "nowhere"
        checked = vultus("receipt", "verify", proof, "--public-key", public, "--json", home=nowhere)
        assert checked.code == 0
        document = checked.document
        assert (document["verified"], document["index"], document["size"]) == (True, index, n)
        assert document["what"] is None
    for index in (-1, n, 10**30):
        said = vultus("audit", "prove", "--json", "--", index, home=filled)
        assert (said.code, said.error) == (2, "log.not_found")
    other = tmp_path / "other-key"
    other.write_text(another_key())
    said = vultus("receipt", "verify", proof, "--public-key", other, "--json")
    assert said.code == 4


@both
def test_a_receipt_says_what_was_erased_and_to_whom_it_can_be_proved(filled, vultus, tmp_path):
    from vultus.actions.erase import receipt_digest

    photos = vultus("photos", "--json", home=filled).document["photos"]
    sha256 = photos[0]["sha256"]
    said = vultus("erase", "--photo", sha256, "--json", home=filled)
    assert said.document["erased"] == {"photos": 1, "references": 1, "places": 1}
    receipt = said.document["receipt"]
    close_database()
    public = tmp_path / "public-key"
    shutil.copy(filled.path / "log" / "public-key", public)
    shutil.copy(receipt, tmp_path / "receipt.json")
    checked = spawn(
        "receipt", "verify", tmp_path / "receipt.json", "--public-key", public, "--json",
        VULTUS_HOME=str(tmp_path / "nowhere"),
    )  # fmt: skip
    assert checked.code == 0, checked.out
    document = checked.document
    assert document["kind"] == "photo.erased"
    assert document["what"]["references"] == 1
    # Who holds the photo can tell that it is the one; the receipt does not give it away.
    assert document["what"]["photo_digest"] == receipt_digest(sha256)
    assert sha256 not in (tmp_path / "receipt.json").read_text()


@pytest.fixture(scope="module")
def receipt(tmp_path_factory, request):
    """(receipt, public key) of one erasure."""
    from homes import opened

    with opened(request, tmp_path_factory.mktemp("receipt"), "sqlite", filled=True) as home:
        from vultus.actions.erase import erase

        answer = erase(home, local_account(home), reference=1)
        return answer.receipt.read_bytes(), home.log.verifier_key


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 6))
def test_a_changed_receipt_does_not_verify(receipt, place, bit):
    data, key = receipt
    verify_document(data, key)
    changed = bytearray(data)
    changed[int(place * len(data))] ^= 1 << bit
    with pytest.raises(IntegrityError):
        verify_document(canonical_form(bytes(changed)), key)


def test_a_receipt_may_be_printed_and_indented_but_nothing_else(receipt, tmp_path):
    data, key = receipt
    path = tmp_path / "receipt.json"
    document = json.loads(data)
    path.write_text(json.dumps(document, indent=4))
    assert verify_receipt(path, key).what["reference"] == 1
    for field in document:
        path.write_text(json.dumps({k: v for k, v in document.items() if k != field}))
        with pytest.raises(IntegrityError):
            verify_receipt(path, key)
    path.write_text(json.dumps(document | {"further": 1}))
    with pytest.raises(IntegrityError):
        verify_receipt(path, key)
    path.write_bytes(data[:-1] + b',"index":0}')
    with pytest.raises(IntegrityError):
        verify_receipt(path, key)
    for wrong in (b"", b"[]", b"{" * 100_000, b"\xff", b" " * (2 << 20), os.urandom(1000)):
        path.write_bytes(wrong)
        with pytest.raises(IntegrityError):
            verify_receipt(path, key)


def test_a_receipt_that_is_not_there_is_bad_input(home, vultus, tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        said = vultus("receipt", "verify", path, "--json", home=home)
        assert (said.code, said.error) == (2, "receipt.unreadable")
    said = vultus("receipt", "verify", path, "--public-key", portrait(), "--json", home=home)
    assert (said.code, said.error) == (2, "receipt.public_key")


def test_candidates_of_the_filled_home_are_found(filled):
    """What the tests above rely on."""
    assert len(search(filled).probes[0].candidates) == N_PHOTOS
