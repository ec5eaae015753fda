"""The list of a sharded index's segments: each change is on disk wholly or not at all."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vultus.errors import InputError, IntegrityError, UnavailableError
from vultus.index.codes import Coding
from vultus.index.shard_manifest import Entry, Manifest

REPOSITORY = Path(__file__).resolve().parent.parent
CODING = Coding(16, "int8", 2, 0, bytes(range(32)))
ONE, TWO, THREE = (
    Entry(name, n, 10 * n, bytes([n] * 32)) for name, n in (("a", 1), ("b", 2), ("c", 3))
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manifest"


def held(path):
    """What another process would find there."""
    manifest = Manifest.open(path)
    try:
        removed = {name: ids.tolist() for name, ids in manifest.removed().items()}
        return [entry.name for entry in manifest.segments()], removed
    finally:
        manifest.close()


def test_what_is_written_is_read(path):
    manifest = Manifest.create(path, CODING)
    manifest.switch([ONE, TWO])
    manifest.remove({"a": np.array([5, -(2**63)]), "b": np.array([2**63 - 1])})
    manifest.remove({"a": np.array([5])})
    manifest.close()
    again = Manifest.open(path)
    assert again.coding == CODING
    assert again.segments() == [ONE, TWO]
    assert {n: i.tolist() for n, i in again.removed().items()} == {
        "a": [-(2**63), 5], "b": [2**63 - 1],
    }  # fmt: skip
    again.switch([THREE], ["a", "b"], {"c": np.array([7])})
    again.close()
    assert held(path) == (["c"], {"c": [7]})


def test_it_is_readable_by_its_owner_alone(path):
    Manifest.create(path, CODING).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_none_is_made_where_there_is_one(path):
    Manifest.create(path, CODING).close()
    with pytest.raises(InputError):
        Manifest.create(path, CODING)
    with pytest.raises(UnavailableError):
        Manifest.create(path / "below", CODING)


def test_only_one_has_it_open(path):
    manifest = Manifest.create(path, CODING)
    with pytest.raises(UnavailableError) as caught:
        Manifest.open(path)
    assert caught.value.code == "index.locked"
    manifest.close()
    Manifest.open(path).close()


def test_what_is_no_manifest_is_refused(path):
    with pytest.raises(InputError):
        Manifest.open(path)
    for content in (b"", b"no database at all" * 100):
        path.write_bytes(content)
        with pytest.raises(IntegrityError):
            Manifest.open(path)


@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA user_version = 2",
        "PRAGMA application_id = 1",
        "DELETE FROM coding",
        "UPDATE coding SET stored = 'float64'",
        "UPDATE coding SET seed = x'00'",
        "INSERT INTO coding SELECT * FROM coding",
        "DROP TABLE coding",
    ],
)
def test_a_changed_manifest_is_refused(path, change):
    Manifest.create(path, CODING).close()
    database = sqlite3.connect(path)
    database.execute(change)
    database.commit()
    database.close()
    with pytest.raises(IntegrityError) as caught:
        Manifest.open(path)
    assert caught.value.code == "index.manifest"


def test_a_damaged_page_is_refused(path):
    manifest = Manifest.create(path, CODING)
    manifest.switch([Entry(f"{i:016x}", 1, 1, bytes(32)) for i in range(500)])
    manifest.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(IntegrityError):
        manifest = Manifest.open(path)
        manifest.segments()


def test_a_change_that_fails_half_way_changes_nothing(path):
    manifest = Manifest.create(path, CODING)
    manifest.switch([ONE, TWO])
    with pytest.raises(IntegrityError):
        manifest.switch([THREE, ONE], ["b"])  # ONE is there: refused after THREE was put in
    manifest.close()
    assert held(path) == (["a", "b"], {})


@pytest.mark.parametrize(
    ("dies_at", "left"),
    [
        ("COMMIT", (["a", "b"], {"a": [1]})),  # killed before it
        ("", (["c"], {"c": [9]})),  # killed after it
    ],
)
def test_killed_before_or_after_the_commit(path, dies_at, left):
    """A statement of the change ends the process, as a loss of power would."""
    program = f"""
import os, signal
from pathlib import Path
import numpy as np
from vultus.index.codes import Coding
from vultus.index.shard_manifest import Entry, Manifest
manifest = Manifest.create(Path({str(path)!r}), Coding(16, "int8", 2, 0, bytes(32)))
manifest.switch([Entry("a", 1, 1, b""), Entry("b", 1, 1, b"")])
manifest.remove({{"a": np.array([1])}})
def traced(statement):
    if {dies_at!r} and statement == {dies_at!r}:
        os.kill(os.getpid(), signal.SIGKILL)
manifest._connection.set_trace_callback(traced)
manifest.switch([Entry("c", 1, 1, b"")], ["a", "b"], {{"c": np.array([9])}})
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == -9
    assert held(path) == left


def test_a_full_disk_is_named_and_changes_nothing(path):
    manifest = Manifest.create(path, CODING)
    manifest.switch([ONE])
    manifest._connection.execute("PRAGMA max_page_count = 5")
    with pytest.raises(UnavailableError) as caught:
        manifest.remove({"a": np.arange(10**5)})
    assert caught.value.code == "index.unwritable"
    manifest.close()
    assert held(path) == (["a"], {})


def test_without_the_extra_everything_else_imports():
    """Ray is imported by the modules that run on it, and by nobody who imports the packages."""
    program = """
import sys
import vultus.cli.main, vultus.faces.reader, vultus.index, vultus.index.placement
import vultus.index.shard, vultus.index.shard_manifest, vultus.index.store
print(sorted({"ray", "fsspec"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
