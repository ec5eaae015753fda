"""The manifest of an index folder knows what it holds: a value that changed is found."""

import hashlib
import os
import resource
import shutil
import signal
import sqlite3
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from index_folders import TEMPLATES, D, filled, is_whole
from index_galleries import coding

from vultus.errors import IntegrityError, UnavailableError
from vultus.index import FaceIndex
from vultus.index.folder_manifest import FolderManifest, id_sum

HOW = coding(D, "int8")
NAMES = [f"{number:032x}" for number in (3, 2**126, 2**127 + 5)]
REMOVED = {NAMES[0]: [1, 2, 5, 300], NAMES[1]: [-(2**63), -7, 2**40], NAMES[2]: []}


def said(manifest):
    """All that a manifest tells."""
    counts = manifest.counts()
    return manifest.coding, counts, {name: manifest.removed(name).tolist() for name in counts}


def changed(manifest):
    """What it tells after further work."""
    manifest.remove([(NAMES[2], np.array([9])), (NAMES[1], np.array([-7, 8]))])
    manifest.exchange([NAMES[0]], [("a" * 32, 3)])
    return said(manifest)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A manifest of three segments: its bytes, what it tells, and what after further work."""
    path = tmp_path_factory.mktemp("small") / "index.db"
    FolderManifest.create(path, HOW)
    manifest = FolderManifest(path)
    manifest.exchange([], [(name, 400 + i) for i, name in enumerate(NAMES)])
    manifest.remove((name, np.array(ids, np.int64)) for name, ids in REMOVED.items())
    data, before = path.read_bytes(), said(manifest)
    after = changed(manifest)
    manifest.close()
    assert before[2] == REMOVED
    assert after[2] == {"a" * 32: [], NAMES[1]: [*REMOVED[NAMES[1]][:2], 8, 2**40], NAMES[2]: [9]}
    return data, before, after


def test_the_sum_is_the_documents():
    def mix(i):
        x = (i + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    assert mix(0) == 0xE220A8397B1DCDAF  # SplitMix64's first number from the state 0
    for ids in ([], [0], [5], [-1], [-(2**63), 2**63 - 1, 0, 7]):
        total = sum(map(mix, ids)) % 2**64
        assert id_sum(np.array(ids, np.int64)) == (total + 2**63) % 2**64 - 2**63
    some, more = np.arange(-50, 50), np.arange(1000, 1200)
    assert id_sum(more, id_sum(some)) == id_sum(np.concatenate((more, some)))
    assert isinstance(id_sum(some), int)


def test_the_digest_is_the_documents(small, tmp_path):
    (tmp_path / "index.db").write_bytes(small[0])
    with sqlite3.connect(tmp_path / "index.db") as db:
        (stored,) = db.execute("SELECT sha256 FROM digest").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    lines = [f"{D} 'int8' 2 0 X'{HOW.seed.hex().upper()}'"]
    for i, name in enumerate(NAMES):
        lines.append(f"'{name}' {400 + i} {id_sum(np.array(REMOVED[name], np.int64))}")
    assert stored == hashlib.sha256("\n".join(lines).encode()).digest()
    assert version == 2


def found_or_harmless(path, small, at, bit):
    """A manifest with one bit flipped is refused, or tells all and serves as before."""
    data, before, after = small
    flipped = bytearray(data)
    flipped[at] ^= 1 << bit
    path.write_bytes(flipped)
    try:
        manifest = FolderManifest(path)
    except IntegrityError as error:
        assert error.code in {"index.manifest", "index.version"}
        return "found"
    try:
        try:
            told = said(manifest)
        except IntegrityError as error:
            assert error.code == "index.manifest"
            with pytest.raises(IntegrityError):
                manifest.verify()
            return "found"
        assert told == before
        manifest.verify()
        try:
            assert changed(manifest) == after
        except UnavailableError:  # a format that SQLite reads, but does not write
            assert at == 18
            return "found"
    finally:
        manifest.close()
    manifest = FolderManifest(path)
    assert said(manifest) == after
    manifest.verify()
    manifest.close()
    return "harmless"


def test_bits_of_what_is_in_use(small, tmp_path):
    rng = np.random.default_rng()
    in_use = rng.permutation(np.flatnonzero(np.frombuffer(small[0], np.uint8)))
    found = [
        found_or_harmless(tmp_path / "index.db", small, at, int(rng.integers(8)))
        for at in in_use[:400].tolist()
    ]
    assert found.count("found") > 0.9 * len(found)


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 6 * 4096 - 1), bit=st.integers(0, 7))
@example(at=18, bit=1)
@example(at=63, bit=1)
def test_any_bit_that_is_flipped_is_found_or_harmless(small, tmp_path_factory, at, bit):
    assert len(small[0]) == 6 * 4096
    path = tmp_path_factory.mktemp("flipped") / "index.db"
    found_or_harmless(path, small, at, bit)
    shutil.rmtree(path.parent)


# --- a folder -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


LEFT = set(range(100)) - {0, 26, 27, 60}


def holed(folder):
    index = filled(folder)
    index.remove([0, 26, 27, 60])
    return index


def change(folder, *statements):
    with sqlite3.connect(folder / "index.db") as db:
        for statement in statements:
            db.execute(statement)
    db.close()


CHANGES = [
    "UPDATE removed SET id = id + 1 WHERE id = 27",
    "UPDATE removed SET segment = (SELECT name FROM segment WHERE name <> segment) WHERE id = 0",
    "DELETE FROM removed WHERE id = 60",
    "DELETE FROM removed",
    "INSERT INTO removed SELECT name, 7 FROM segment",
    "UPDATE removed_sum SET sum = sum + 1",
    "DELETE FROM removed_sum",
    "UPDATE coding SET seed = zeroblob(32)",
    "UPDATE coding SET seed = cast(seed AS TEXT)",
    "UPDATE coding SET rows = 'float32'",
    "DELETE FROM segment WHERE n = 25 AND name = (SELECT max(name) FROM segment)",
    "UPDATE digest SET sha256 = zeroblob(32)",
    "DELETE FROM digest",
    "INSERT INTO digest SELECT * FROM digest",
    "CREATE TABLE further (x)",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_a_value_that_changed_is_found_when_it_is_opened(folder, statement):
    holed(folder).close()
    before = {path.name for path in folder.glob("*.segment")}
    change(folder, statement)
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.manifest"
    assert {path.name for path in folder.glob("*.segment")} == before


@pytest.mark.parametrize("statement", CHANGES)
def test_fsck_finds_it_in_an_index_that_is_open(folder, statement):
    index = holed(folder)
    index.fsck()
    change(folder, statement)
    with pytest.raises(IntegrityError) as caught:
        index.fsck()
    assert caught.value.code == "index.manifest"


def test_fsck_reads_what_lies_on_the_disk(folder):
    """Not what SQLite has in memory."""
    index = holed(folder)
    path = folder / "index.db"
    data = path.read_bytes()
    name = max(index.segments).encode()
    with path.open("r+b") as file:
        file.seek(data.index(name))
        file.write(bytes([name[0] ^ 1]))
    with pytest.raises(IntegrityError):
        index.fsck()


def test_no_change_is_built_upon_a_digest_that_is_wrong(folder):
    index = holed(folder)
    change(folder, "UPDATE segment SET n = n + 1 WHERE name = (SELECT min(name) FROM segment)")
    before = (folder / "index.db").read_bytes()
    index.add(200, TEMPLATES[200])
    for call in (lambda: index.remove([1]), index.flush):
        with pytest.raises(IntegrityError) as caught:
            call()
        assert caught.value.code == "index.manifest"
    assert (folder / "index.db").read_bytes() == before
    assert 1 in index


def test_a_removal_that_was_there_already_is_counted_once(folder):
    """As after a commit that failed once it had been made."""
    index = holed(folder)
    index._folder.remove([(part.name, part.ids_at(np.array([3]))) for part in index._segments])
    assert index.remove([3, 4, 28]) == 3
    index.close()
    with FaceIndex.open(folder) as again:
        is_whole(again, LEFT - {3, 4, 28, 53, 78})


# --- a folder of version 1 ----------------------------------------------------------------------

FIRST = """
CREATE TABLE coding (dim INTEGER NOT NULL, rows TEXT NOT NULL, first_bits INTEGER NOT NULL,
  more_bits INTEGER NOT NULL, seed BLOB NOT NULL);
CREATE TABLE segment (name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE removed (segment TEXT NOT NULL REFERENCES segment ON DELETE CASCADE,
  id INTEGER NOT NULL, PRIMARY KEY (segment, id)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def aged(folder):
    """Make the manifest one as version 1 wrote it."""
    new, old = folder / "index.db", folder.parent / "old.db"
    with sqlite3.connect(old) as db:
        db.executescript(FIRST)
        db.execute("ATTACH ? AS new", (str(new),))
        for table in ("coding", "segment", "removed"):
            db.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
    db.close()
    old.replace(new)
    new.chmod(0o600)


def version(folder):
    with sqlite3.connect(folder / "index.db") as db:
        (number,) = db.execute("PRAGMA user_version").fetchone()
    db.close()
    return number


def test_a_folder_of_version_1_becomes_one_of_version_2(folder):
    holed(folder).close()
    aged(folder)
    assert version(folder) == 1
    for left in (LEFT, LEFT - {1}):
        with FaceIndex.open(folder) as index:
            is_whole(index, left)
            index.remove([1])
        assert version(folder) == 2
    change(folder, CHANGES[2])
    with pytest.raises(IntegrityError):
        FaceIndex.open(folder)


@pytest.mark.parametrize(
    "damage", ["DROP TABLE removed", "CREATE TABLE digest (sha256 BLOB)", "DELETE FROM coding"]
)
def test_what_is_no_folder_of_version_1_stays_as_it_is(folder, damage):
    holed(folder).close()
    aged(folder)
    change(folder, damage)
    before = (folder / "index.db").read_bytes()
    with pytest.raises(IntegrityError) as caught:
        FaceIndex.open(folder)
    assert caught.value.code == "index.manifest"
    assert (folder / "index.db").read_bytes() == before


def killed_before(n_lines, folder):
    """Whether a child that opens a folder was killed before its n-th line of the upgrade."""
    child = os.fork()
    if child == 0:
        try:
            count = 0

            def lines(frame, event, _):
                nonlocal count
                count += event == "line"
                if count == n_lines:
                    os.kill(os.getpid(), signal.SIGKILL)
                return lines

            def calls(frame, event, _):
                return lines if frame.f_code.co_name in {"_upgrade", "_transaction"} else None

            sys.settrace(calls)
            FaceIndex.open(folder)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_before_any_line_of_the_upgrade(folder, tmp_path):
    holed(folder).close()
    aged(folder)
    n_lines, seen = 1, set()
    while True:
        copy = shutil.copytree(folder, tmp_path / f"copy-{n_lines}")
        killed = killed_before(n_lines, copy)
        seen.add(version(copy))
        with FaceIndex.open(copy) as index:
            is_whole(index, LEFT)
        assert version(copy) == 2
        if not killed:
            break
        n_lines += 1
    assert n_lines > 10
    assert seen == {1, 2}


@pytest.mark.parametrize("room", [0, 100, 4096, 12288, 20480])
def test_an_upgrade_for_which_there_is_no_room(folder, room):
    holed(folder).close()
    aged(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
        with pytest.raises(UnavailableError) as caught:
            FaceIndex.open(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.code == "index.unwritable"
    assert version(folder) == 1
    with FaceIndex.open(folder) as index:
        is_whole(index, LEFT)
