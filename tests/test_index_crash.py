"""Saving: whatever stops it, the file is the whole old one or the whole new one."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from index_galleries import isotropic

from vultus.errors import UnavailableError
from vultus.index import FaceIndex


def index_of(n):
    index = FaceIndex(32)
    index.add(np.arange(n), isotropic(np.random.default_rng(n), n, 32))
    return index


def is_folder(handle):
    return stat.S_ISDIR(os.fstat(handle).st_mode)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_before_the_rename_keeps_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "a.index"
    index_of(5).save(path)
    old, new = path.read_bytes(), index_of(9)

    def full_disk(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, step, full_disk)
        with pytest.raises(UnavailableError, match="No space left") as caught:
            new.save(path)
    assert caught.value.code == "index.unwritable"
    assert path.read_bytes() == old
    assert names(tmp_path) == ["a.index"]
    new.save(path)
    assert path.read_bytes() == new.to_bytes()


def test_a_save_that_fails_after_the_rename_leaves_the_new_file(tmp_path, monkeypatch):
    path = tmp_path / "a.index"
    index_of(5).save(path)
    new = index_of(9)
    flush = os.fsync

    def folder_fails(handle):
        if is_folder(handle):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(handle)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", folder_fails)
        with pytest.raises(UnavailableError):
            new.save(path)
    assert path.read_bytes() == new.to_bytes()
    assert names(tmp_path) == ["a.index"]


def test_the_file_and_the_folder_are_flushed(tmp_path, monkeypatch):
    flushed = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda h: (flushed.append(is_folder(h)), flush(h)))
    index_of(3).save(tmp_path / "a.index")
    assert flushed == [False, True]


def test_an_interrupted_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            index_of(3).save(tmp_path / "a.index")
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError) as caught:
        index_of(3).save(tmp_path / "none" / "a.index")
    assert caught.value.hint


SAVE_FOR_EVER = """
import sys
import numpy as np
from index_galleries import isotropic
from vultus.index import FaceIndex
states = []
for n in (3000, 9000):
    index = FaceIndex(32)
    index.add(np.arange(n), isotropic(np.random.default_rng(n), n, 32))
    states.append(index)
states[0].save(sys.argv[1])
print("saving", flush=True)
while True:
    for index in states:
        index.save(sys.argv[1])
"""


def test_a_killed_save_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "a*[1].index"  # a name that is also a pattern
    (tmp_path / "a2.index").touch()
    (tmp_path / ".a22.index.abcdefgh.tmp").touch()  # another's: stays
    bystanders = names(tmp_path)
    states = {n: index_of(n).to_bytes() for n in (3000, 9000)}
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    rng = np.random.default_rng()
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, str(path)],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout.readline() == b"saving\n"
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert path.read_bytes() == states[len(FaceIndex.open(path))]
        index_of(4).save(path)
        assert names(tmp_path) == sorted([*bystanders, path.name])
    assert len(FaceIndex.open(path)) == 4
