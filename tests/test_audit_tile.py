"""The exported log: C2SP tlog-tiles (docs/formats/audit-log.md)."""

import errno
import os
import shutil
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.audit import generate, vectors

from vultus.audit.checkpoint import Checkpoint, sign
from vultus.audit.merkle import leaf_hash, root_of
from vultus.audit.tile import decode_bundle, encode_bundle, read_tiles, tile_path, write_tiles
from vultus.errors import IntegrityError, UnavailableError

VECTORS = vectors("tile")
NAME, SEED = generate.NAME, generate.SEED
KEY = generate.verifier_key(NAME, SEED)
LEAVES = [generate.leaf_of(i) for i in range(600)]


def note_of(leaves):
    root = root_of(leaf_hash(leaf) for leaf in leaves)
    return sign(Checkpoint(NAME, len(leaves), root), SEED, NAME)


def export(folder, n):
    return write_tiles(folder, iter(LEAVES[:n]), note_of(LEAVES[:n]), KEY)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def code_of(function, *arguments):
    with pytest.raises(IntegrityError) as raised:
        function(*arguments)
    return raised.value.code


# Paths and bundles


@pytest.mark.parametrize("vector", VECTORS["paths"], ids=lambda v: v["path"])
def test_path_vectors(vector):
    assert tile_path(vector["level"], vector["index"], vector["width"]) == vector["path"]


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), ("entry", 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_there_is_no_such_tile(level, index, width):
    with pytest.raises(ValueError):
        tile_path(level, index, width)


def test_bundle_vectors():
    bundle = VECTORS["bundle"]
    leaves = [bytes.fromhex(leaf) for leaf in bundle["leaves"]]
    assert encode_bundle(leaves).hex() == bundle["bytes"]
    assert decode_bundle(bytes.fromhex(bundle["bytes"]), len(leaves)) == leaves


@pytest.mark.parametrize("bad", VECTORS["bad_bundles"], ids=lambda bad: bad["name"])
def test_malformed_bundles_are_refused(bad):
    assert code_of(decode_bundle, bytes.fromhex(bad["bytes"]), bad["width"]) == bad["error"]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back(leaves):
    assert decode_bundle(encode_bundle(leaves), len(leaves)) == leaves


@given(st.binary(max_size=40), st.integers(0, 5))
def test_a_bundle_has_one_spelling(data, width):
    try:
        leaves = decode_bundle(data, width)
    except IntegrityError:
        return
    assert encode_bundle(leaves) == data


def test_a_leaf_beyond_uint16_is_a_mistake():
    assert len(encode_bundle([bytes(65535)])) == 65537
    with pytest.raises(ValueError):
        encode_bundle([bytes(65536)])


# The export


@pytest.mark.parametrize("n", [0, 1, 2, 255, 256, 257, 511, 512, 600])
def test_an_exported_log_reads_back(tmp_path, n):
    checkpoint = export(tmp_path, n)
    assert checkpoint.size == n
    assert read_tiles(tmp_path, KEY) == (checkpoint, LEAVES[:n])


def test_the_files_are_those_of_the_specification(tmp_path):
    export(tmp_path, 600)
    hashes = [generate.leaf_hash(leaf) for leaf in LEAVES]
    bundles = [LEAVES[:256], LEAVES[256:512], LEAVES[512:]]
    assert files(tmp_path) == {
        "checkpoint": note_of(LEAVES).encode(),
        "tile/0/000": b"".join(hashes[:256]),
        "tile/0/001": b"".join(hashes[256:512]),
        "tile/0/002.p/88": b"".join(hashes[512:]),
        "tile/1/000.p/2": generate.root(hashes[:256]) + generate.root(hashes[256:512]),
        "tile/entries/000": encode_bundle(bundles[0]),
        "tile/entries/001": encode_bundle(bundles[1]),
        "tile/entries/002.p/88": encode_bundle(bundles[2]),
    }


def test_the_specification_s_example_of_70_000(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # durability is tested on small logs
    leaves = [i.to_bytes(4, "big") for i in range(70_000)]
    write_tiles(tmp_path, leaves, note_of(leaves), KEY)
    names = files(tmp_path).keys()
    assert len([name for name in names if name.startswith("tile/0/")]) == 274
    last = {f"tile/{v['level'][5:]}": v for v in VECTORS["last_tiles"] if v["size"] == 70_000}
    assert {tile_path(int(n[5:]), v["index"], v["width"]) for n, v in last.items()} <= names
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= names
    assert read_tiles(tmp_path, KEY)[1] == leaves


def test_a_grown_log_is_added_to_what_was_exported(tmp_path):
    export(tmp_path, 100)
    early = files(tmp_path)
    export(tmp_path, 600)
    late = files(tmp_path)
    assert {**late, **early, "checkpoint": late["checkpoint"]} == late
    assert read_tiles(tmp_path, KEY)[1] == LEAVES
    assert export(tmp_path, 600).size == 600
    assert files(tmp_path) == late


def test_leaves_other_than_those_signed_for_get_no_checkpoint(tmp_path):
    assert code_of(write_tiles, tmp_path, LEAVES[:9], note_of(LEAVES[:10]), KEY) == (
        "tile.root_differs"
    )
    assert not (tmp_path / "checkpoint").exists()


def test_a_file_of_another_log_is_never_overwritten(tmp_path):
    export(tmp_path, 300)
    (tmp_path / "tile/0/000").write_bytes(bytes(8192))
    before = files(tmp_path)
    assert code_of(export, tmp_path, 301) == "tile.differs"
    assert before.items() <= files(tmp_path).items()


def test_an_unsigned_log_is_not_exported(tmp_path):
    other = generate.verifier_key(NAME, generate.WITNESS_SEED)
    code = code_of(write_tiles, tmp_path, LEAVES[:9], note_of(LEAVES[:9]), other)
    assert code == "checkpoint.signature_wrong"
    assert files(tmp_path) == {}


# The reader


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    export(folder, 600)
    return folder


NAMES = [
    "checkpoint",
    "tile/0/000",
    "tile/0/002.p/88",
    "tile/1/000.p/2",
    "tile/entries/001",
    "tile/entries/002.p/88",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["gone", "cut", "longer", "first byte", "last byte"])
def test_a_file_that_was_touched_is_found(exported, tmp_path, name, how):
    folder = tmp_path / "copy"
    shutil.copytree(exported, folder)
    path = folder / name
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        changed = {
            "cut": data[:-1],
            "longer": data + b"\0",
            "first byte": bytes([data[0] ^ 1]) + data[1:],
            "last byte": data[:-1] + bytes([data[-1] ^ 1]),
        }
        path.write_bytes(changed[how])
    code = code_of(read_tiles, folder, KEY)
    assert (code == "tile.missing") == (how == "gone")


def test_a_log_rewritten_as_a_whole_is_found_without_the_key(exported, tmp_path):
    folder = tmp_path / "copy"
    rewritten = [*LEAVES[:299], generate.leaf_of(999), *LEAVES[300:]]
    write_tiles(folder, rewritten, note_of(rewritten), KEY)
    shutil.copy(exported / "checkpoint", folder / "checkpoint")
    assert code_of(read_tiles, folder, KEY) == "tile.root_differs"


# A crash while it is written


# Eight files are new, each is synced, named and its folder synced; the checkpoint comes last.
@pytest.mark.parametrize(
    ("call", "n_calls", "n_held"),
    [
        ("fsync", 0, 100),
        ("fsync", 1, 100),
        ("fsync", 9, 100),
        ("fsync", 15, 600),
        ("replace", 0, 100),
        ("replace", 1, 100),
        ("replace", 7, 100),
    ],
)
def test_a_failed_export_leaves_a_whole_log_and_is_mended(
    tmp_path, monkeypatch, call, n_calls, n_held
):
    export(tmp_path, 100)
    real, calls = getattr(os, call), []

    def fail_later(*arguments, **named):
        calls.append(arguments)
        if len(calls) > n_calls:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail_later)
        with pytest.raises(UnavailableError) as raised:
            export(tmp_path, 600)
    assert raised.value.code == "tile.not_written"
    assert read_tiles(tmp_path, KEY)[1] == LEAVES[:n_held]
    assert not [name for name in files(tmp_path) if "/." in name]
    export(tmp_path, 600)
    assert read_tiles(tmp_path, KEY)[1] == LEAVES


@pytest.mark.parametrize(("n_calls", "n_held"), [(0, 100), (7, 100), (14, 100), (15, 600)])
def test_a_killed_export_leaves_a_whole_log_and_is_mended(tmp_path, n_calls, n_held):
    export(tmp_path, 100)
    child = os.fork()
    if child == 0:
        try:
            real, calls = os.fsync, []

            def kill_later(descriptor):
                calls.append(descriptor)
                if len(calls) > n_calls:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(descriptor)

            os.fsync = kill_later
            export(tmp_path, 600)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert read_tiles(tmp_path, KEY)[1] == LEAVES[:n_held]
    export(tmp_path, 600)
    assert read_tiles(tmp_path, KEY)[1] == LEAVES
