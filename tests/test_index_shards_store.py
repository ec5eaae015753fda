"""The store of segments, in any fsspec file system."""

import pickle
import uuid

import pytest

pytest.importorskip("fsspec", reason="needs the extra: pip install 'vultus[cluster]'")

from vultus.errors import IntegrityError, UnavailableError
from vultus.index.store import Store


@pytest.fixture(params=["file", "memory", "dir"])
def store(request, tmp_path):
    if request.param == "file":
        return Store(f"file://{tmp_path}/a/folder")
    if request.param == "memory":
        return Store(f"memory://{uuid.uuid4()}/folder")
    return Store("dir://folder", {"path": str(tmp_path), "target_protocol": "file"})


def test_a_segment_comes_back_as_it_was(store, tmp_path):
    one, two, copy = (tmp_path / name for name in ("one", "two", "copy"))
    one.write_bytes(bytes(range(256)) * 999)
    two.write_bytes(b"")
    assert store.names() == set()
    store.put(one, "ab-1")
    store.put(two, "ab-2")
    assert store.names() == {"ab-1", "ab-2"}
    for name, path in (("ab-1", one), ("ab-2", two)):
        store.fetch(name, copy)
        assert copy.read_bytes() == path.read_bytes()
    store.delete("ab-1")
    store.delete("ab-1")
    assert store.names() == {"ab-2"}
    with pytest.raises(IntegrityError) as caught:
        store.fetch("ab-1", copy)
    assert caught.value.code == "index.segment_gone"


def test_a_store_travels_to_another_process(tmp_path):
    store = Store(f"file://{tmp_path}", {"auto_mkdir": True})
    (tmp_path / "one").write_bytes(b"1")
    store.put(tmp_path / "one", "x")
    again = pickle.loads(pickle.dumps(store))
    assert (again.url, again.options) == (store.url, store.options)
    assert again.names() == {"x"}


def test_other_files_of_the_folder_are_none_of_ours(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"")
    (tmp_path / "x.segment").write_bytes(b"")
    assert Store(f"file://{tmp_path}").names() == {"x"}


def test_a_store_that_refuses_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    store = Store(f"file://{tmp_path}/file/folder")
    with pytest.raises(UnavailableError) as caught:
        store.put(tmp_path / "file", "x")
    assert caught.value.code == "index.store"
    with pytest.raises(ValueError, match="not known"):
        Store("nosuchprotocol://bucket").names()
