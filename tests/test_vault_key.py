"""The master key and its file (docs/formats/key-file.md)."""

import base64
import copy
import errno
import os
import pickle
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vultus.errors import InputError, IntegrityError, RefusedError, UnavailableError
from vultus.vault import key as key_module
from vultus.vault.key import MasterKey

SECRET = bytes(range(32))


def write(path, data, mode=0o600):
    path.write_bytes(data)
    path.chmod(mode)
    return path


def code_of(error_type, path):
    with pytest.raises(error_type) as raised:
        MasterKey.load(path)
    assert raised.value.hint
    return raised.value.code


# The file


def test_a_written_key_loads_as_the_same_key(tmp_path):
    master = MasterKey.generate()
    path = tmp_path / "new" / "folder" / "master.key"
    master.create_file(path)
    assert MasterKey.load(path) == master
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_the_file_is_the_documented_one(tmp_path):
    path = tmp_path / "key"
    MasterKey(SECRET).create_file(path)
    assert path.read_bytes() == b"vultus-key-1\n" + base64.b64encode(SECRET) + b"\n"


def test_the_mode_is_narrow_from_the_first_byte(tmp_path, monkeypatch):
    modes = []
    link = os.link
    monkeypatch.setattr(os, "link", lambda a, b: (modes.append(a.stat().st_mode), link(a, b)))
    old = os.umask(0)
    try:
        MasterKey(SECRET).create_file(tmp_path / "key")
    finally:
        os.umask(old)
    assert [mode & 0o7777 for mode in modes] == [0o600]


@pytest.mark.parametrize("standing", [b"", b"something else"])
def test_nothing_is_ever_overwritten(tmp_path, standing):
    path = write(tmp_path / "key", standing)
    with pytest.raises(InputError) as raised:
        MasterKey.generate().create_file(path)
    assert raised.value.code == "key.exists"
    assert path.read_bytes() == standing
    assert len(list(tmp_path.iterdir())) == 1


def test_a_dangling_link_counts_as_something_that_stands(tmp_path):
    path = tmp_path / "key"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError):
        MasterKey.generate().create_file(path)
    assert not (tmp_path / "nowhere").exists()


def test_a_missing_key_names_its_place_and_the_setting(tmp_path):
    path = tmp_path / "no.key"
    with pytest.raises(UnavailableError) as raised:
        MasterKey.load(path)
    assert raised.value.code == "key.missing"
    assert str(path) in raised.value.message
    assert "VULTUS_KEY_FILE" in raised.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o700, 0o4600, 0o644])
def test_a_key_that_others_may_read_is_refused_with_the_command(tmp_path, mode):
    path = tmp_path / "a key"
    MasterKey(SECRET).create_file(path)
    path.chmod(mode)
    with pytest.raises(RefusedError) as raised:
        MasterKey.load(path)
    assert raised.value.code == "key.too_open"
    assert raised.value.hint == f"Run: chmod 600 '{path}'"


def test_a_read_only_key_is_fine(tmp_path):
    path = tmp_path / "key"
    MasterKey(SECRET).create_file(path)
    path.chmod(0o400)
    assert MasterKey.load(path) == MasterKey(SECRET)


GOOD = b"vultus-key-1\n" + base64.b64encode(SECRET) + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOOD,
        b" " + GOOD,
        GOOD.replace(b"key-1", b"key-2"),
        GOOD.replace(b"=", b""),
        GOOD.replace(b"Hh8=", b"Hh9="),  # the unused bits of the last character
        b"vultus-key-1\n" + base64.b64encode(b"\xfb" * 32).replace(b"+", b"-") + b"\n",
        b"vultus-key-1\n" + base64.b64encode(SECRET[:-1]) + b"\n",
        b"vultus-key-1\n" + base64.b64encode(SECRET + b"x") + b"\n",
        GOOD * 1000,
    ],
)
def test_a_second_spelling_is_refused(tmp_path, data):
    assert code_of(IntegrityError, write(tmp_path / "key", data)) == "key.malformed"


def test_a_folder_or_a_pipe_is_no_key(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert code_of(IntegrityError, tmp_path / "folder") == "key.malformed"
    assert code_of(IntegrityError, tmp_path / "pipe") == "key.malformed"


@given(position=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_no_changed_byte_gives_the_same_key(tmp_path_factory, position, value):
    data = GOOD[:position] + bytes([value]) + GOOD[position + 1 :]
    path = write(tmp_path_factory.mktemp("key") / "key", data)
    try:
        assert (MasterKey.load(path) == MasterKey(SECRET)) == (data == GOOD)
    except IntegrityError:
        assert data != GOOD


# A crash while it is written


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, call):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(UnavailableError) as raised:
        MasterKey(SECRET).create_file(tmp_path / "key")
    assert raised.value.code == "key.not_written"
    assert list(tmp_path.iterdir()) == []


def test_a_failure_after_the_link_leaves_the_whole_key(tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(key_module, "_sync_folder", fail)
    with pytest.raises(UnavailableError):
        MasterKey(SECRET).create_file(tmp_path / "key")
    assert MasterKey.load(tmp_path / "key") == MasterKey(SECRET)


@pytest.mark.parametrize(
    ("call", "is_there"), [("fsync", False), ("link", False), ("unlink", True)]
)
def test_a_killed_process_leaves_nothing_or_the_whole_key(tmp_path, call, is_there):
    path = tmp_path / "key"
    child = os.fork()
    if child == 0:
        try:
            setattr(os, call, lambda *_args, **_kwargs: os.kill(os.getpid(), signal.SIGKILL))
            MasterKey(SECRET).create_file(path)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert path.exists() == is_there
    if not is_there:
        MasterKey(SECRET).create_file(path)  # what was left behind is in nobody's way
    assert MasterKey.load(path) == MasterKey(SECRET)


# What it shows


def test_the_secret_shows_nowhere():
    master = MasterKey(b"\x41" * 32)
    for text in (repr(master), str(master), f"{master}", f"{[master]}"):
        assert text.strip("[]") == "MasterKey(…)"
    assert not hasattr(master, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(master)
    with pytest.raises(TypeError):
        copy.deepcopy(master)
    with pytest.raises(TypeError):
        hash(master)


def test_equality_compares_keys_only():
    assert MasterKey(SECRET) == MasterKey(SECRET)
    assert MasterKey(SECRET) != MasterKey(bytes(32))
    assert MasterKey(SECRET) != SECRET


def test_generated_keys_differ():
    assert MasterKey.generate() != MasterKey.generate()


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_a_mistake(length):
    with pytest.raises(ValueError):
        MasterKey(bytes(length))


# Derived keys


def test_the_known_answer():
    expected = "01bc21ba457b4b832c68a916c469680438593e406fb646f98af4b09b4fe63242"
    assert MasterKey(SECRET).derive("seal/example").hex() == expected


def test_purposes_give_unrelated_keys():
    master = MasterKey(SECRET)
    keys = {master.derive(p) for p in ("a", "b", "a/b", "a-b", "a_b", "ab")}
    assert len(keys) == 6
    assert {len(k) for k in keys} == {32}
    assert master.derive("a") == master.derive("a") != MasterKey(bytes(32)).derive("a")


@pytest.mark.parametrize(
    "purpose", ["", "/", "a/", "/a", "a//b", "A", "a b", "a.b", "é", "a\n", "a" * 129]
)
def test_a_purpose_has_one_spelling(purpose):
    with pytest.raises(ValueError):
        MasterKey(SECRET).derive(purpose)
