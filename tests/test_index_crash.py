"""Whatever stops a write, the index is as before it or as after it: each durable step, each way.

A child process is killed before each line of ours that it comes to, and at any moment by the
clock; what it had confirmed until then is there, what it had removed never comes back.
"""

import contextlib
import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from index_folders import TEMPLATES, D, filled, is_whole, no_more_than_needed
from index_galleries import isotropic, seed
from index_keys import KeyFolder

from vultus.errors import UnavailableError
from vultus.index import FaceIndex
from vultus.index import index as index_of

HERE = Path(__file__).parent
# Between the lines of all others nothing on the disk changes.
DURABLE = {"index.py", "folder.py", "folder_manifest.py", "segment.py", "index_keys.py"}
DURABLE |= {"remove", "_rewrite", "_write", "compact", "close", "write", "exchange", "tidy"}
DURABLE |= {"_changing", "_transaction", "_write_file", "flush_folder", "new", "destroy"}


def saved(n):
    index = FaceIndex(32, seed=seed(n))
    index.add(np.arange(n), isotropic(np.random.default_rng(n), n, 32))
    return index


def is_folder(handle):
    return stat.S_ISDIR(os.fstat(handle).st_mode)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# --- a file that is saved -----------------------------------------------------------------------


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_save_that_fails_before_the_rename_keeps_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "a.index"
    saved(5).save(path)
    old, new = path.read_bytes(), saved(9)
    with monkeypatch.context() as broken:
        broken.setattr(os, step, full_disk)
        with pytest.raises(UnavailableError, match="No space left") as caught:
            new.save(path)
    assert caught.value.code == "index.unwritable"
    assert path.read_bytes() == old
    assert names(tmp_path) == ["a.index"]
    new.save(path)
    assert len(FaceIndex.open(path)) == 9


def test_a_save_that_fails_after_the_rename_leaves_the_new_file(tmp_path, monkeypatch):
    path = tmp_path / "a.index"
    saved(5).save(path)
    flush = os.fsync

    def folder_fails(handle):
        if is_folder(handle):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(handle)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", folder_fails)
        with pytest.raises(UnavailableError):
            saved(9).save(path)
    assert len(FaceIndex.open(path)) == 9
    assert names(tmp_path) == ["a.index"]


def test_the_file_and_the_folder_are_flushed(tmp_path, monkeypatch):
    flushed = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda h: (flushed.append(is_folder(h)), flush(h)))
    saved(3).save(tmp_path / "a.index")
    assert flushed == [False, True]


def test_an_interrupted_save_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            saved(3).save(tmp_path / "a.index")
    assert names(tmp_path) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UnavailableError) as caught:
        saved(3).save(tmp_path / "none" / "a.index")
    assert caught.value.hint


def python(code, *arguments):
    """A fresh Python at work."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )


SAVE_FOR_EVER = """
import sys
from test_index_crash import saved
states = [saved(n) for n in (3000, 9000)]
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
    states = {}
    for n in (3000, 9000):
        saved(n).save(path)
        states[n] = path.read_bytes()
    rng = np.random.default_rng()
    for _ in range(5):
        with python(SAVE_FOR_EVER, path) as process:
            assert process.stdout.readline() == b"saving\n"
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert path.read_bytes() == states[len(FaceIndex.open(path))]
        saved(4).save(path)
        assert names(tmp_path) == sorted([*bystanders, path.name])


# --- a folder -----------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def keyring(request, tmp_path):
    return KeyFolder(tmp_path / "keys") if request.param else None


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "index"


def holed(folder, keyring):
    """A hundred references in four segments of which some were removed; open."""
    index = filled(folder, keyring)
    index.remove([0, 26, 27, *range(50, 75)])
    return index


LEFT = set(range(100)) - {0, 26, 27, *range(50, 75)}


class Failing:
    """Lets the n-th of some calls fail, before it does its work or after."""

    def __init__(self, call, n, *, after):
        self._call, self._n, self._after, self.n_calls = call, n, after, 0

    def __call__(self, *arguments, **named):
        self.n_calls += 1
        now = self.n_calls == self._n
        if now and not self._after:
            full_disk()
        result = self._call(*arguments, **named)
        if now:
            full_disk()
        return result


CHANGES = {
    "flush": (lambda index: (index.add([200, 201], TEMPLATES[200:202]), index.flush()), {200, 201}),
    "compact": (lambda index: index.compact(0), set()),
    "stream": (
        lambda index: index.add(np.arange(200, 320), TEMPLATES[200:320]),
        {*range(200, 320)},
    ),
}
STEPS = {
    "write": (os, "fsync"),
    "rename": (os, "replace"),
    "new key": (KeyFolder, "new"),
    "destroyed key": (KeyFolder, "destroy"),
    "deleted file": (Path, "unlink"),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_step_that_fails(folder, tmp_path, monkeypatch, change, step, after):
    """The change is made or not made, in memory as on the disk; and it can be done again."""
    monkeypatch.setattr(index_of, "ROWS_A_SEGMENT", 50)
    keyring = KeyFolder(tmp_path / "keys")
    index = holed(folder, keyring)
    (call, added), (owner, name) = CHANGES[change], step
    done = False
    for n in range(1, 12):
        failing = Failing(getattr(owner, name), n, after=after)
        with monkeypatch.context() as broken:
            broken.setattr(owner, name, lambda *a, failing=failing, **k: failing(*a, **k))
            try:
                call(index)
                done = True
            except (UnavailableError, OSError):
                assert failing.n_calls >= n
        now = set(index.ids.tolist())
        # What was added stays in memory where only the flush failed.
        assert now - LEFT in (set(), added)
        is_whole(index, now)
        if done:
            break
        index.close()
        with FaceIndex.open(folder, keyring=keyring) as again:
            assert set(again.ids.tolist()) == now
            no_more_than_needed(folder, keyring)
            again.remove(sorted(added))
        index = FaceIndex.open(folder, keyring=keyring)
        is_whole(index, LEFT)
    assert done, "there are more steps than were tried"
    index.compact(0)
    is_whole(index, LEFT | added)
    no_more_than_needed(folder, keyring)


def test_after_a_key_that_was_not_destroyed_the_next_compact_destroys_it(
    folder, tmp_path, monkeypatch
):
    keyring = KeyFolder(tmp_path / "keys")
    index = holed(folder, keyring)
    with monkeypatch.context() as broken:
        broken.setattr(KeyFolder, "destroy", full_disk)
        with pytest.raises(OSError, match="No space"):
            index.compact(0)
    is_whole(index, LEFT)
    assert index.remove([1, 2]) == 2
    index.compact(1)
    no_more_than_needed(folder, keyring)
    index.close()
    with FaceIndex.open(folder, keyring=keyring) as again:
        is_whole(again, LEFT - {1, 2})


@pytest.fixture
def no_room():
    """From the call on no file of this process grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda n: resource.setrlimit(resource.RLIMIT_FSIZE, (n, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("room", [0, 100, 600, 3000, 9000])
def test_a_disk_that_is_full_for_a_while(folder, keyring, no_room, room):
    """A real fault, in SQLite's writes as in ours."""
    index = holed(folder, keyring)
    left = set(LEFT)
    index.add([300], TEMPLATES[300:301])
    no_room(room)
    for _ in range(2):
        try:
            index.remove([1, 30])
            left -= {1, 30}
        except UnavailableError as error:
            assert error.code == "index.unwritable"
        is_whole(index, left | {300})
        for call in (index.flush, lambda: index.compact(0)):
            with contextlib.suppress(UnavailableError, OSError):
                call()
        is_whole(index, left | {300})
    no_room(resource.RLIM_INFINITY)
    assert index.remove([2, 31]) == 2
    index.compact(0)
    left -= {2, 31}
    is_whole(index, left | {300})
    no_more_than_needed(folder, keyring)
    index.close()
    with FaceIndex.open(folder, keyring=keyring) as again:
        is_whole(again, left | {300})


# --- killed -------------------------------------------------------------------------------------


def work(folder, keys, say):
    """All that an index does on the disk; each line that is said was confirmed before."""
    index_of.ROWS_A_SEGMENT = 50
    keyring = None if keys is None else KeyFolder(keys)
    index = FaceIndex.open(folder, keyring=keyring)
    say("begun")
    index.remove([1, 30])
    say("removed 1 30")
    index.add([200, 201], TEMPLATES[200:202])
    index.flush()
    say("added 200 201")
    index.add(np.arange(210, 330), TEMPLATES[210:330])
    index.flush()
    say("added", *range(210, 330))
    index.remove([200, 99, 215])
    say("removed 200 99 215")
    index.add(99, TEMPLATES[99])
    index.flush()
    say("added 99")
    index.compact(0)
    say("compacted")
    index.remove([99])
    say("removed 99")
    index.close()
    say("closed")


def states(said):
    """The sets of ids that may be there after what was said: of then, or of one step later."""
    steps = ["begun", "removed 1 30", "added 200 201"]
    steps += [f"added {' '.join(map(str, range(210, 330)))}", "removed 200 99 215", "added 99"]
    steps += ["compacted", "removed 99", "closed", ""]
    at = len(said)
    assert said == steps[:at]
    after = []
    ids = set(LEFT)
    for i, step in enumerate(steps[: at + 1]):
        word, *numbers = step.split() or [""]
        if word == "removed":
            ids = ids - set(map(int, numbers))
        elif word == "added":
            before, ids = ids, ids | set(map(int, numbers))
            if i == at and len(numbers) > 99:  # two segments at once, and then the flush
                after.append(before | set(range(210, 310)))
        after.append(ids)
    return after[max(at - 1, 0) :] if said else [LEFT]


def line_of(words):
    return f"{' '.join(map(str, words))}\n".encode()


def killed_after(n_lines, folder, keys):
    """What a child had said when it was killed before its n-th line; and whether it ended."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            count = 0

            def lines(frame, event, _):
                nonlocal count
                if event == "line":
                    count += 1
                    if count >= n_lines:
                        os.kill(os.getpid(), signal.SIGKILL)
                return lines

            def calls(frame, event, _):
                code = frame.f_code
                ours = {code.co_name, code.co_filename.rsplit("/", 1)[-1]} <= DURABLE
                return lines if ours else None

            sys.settrace(calls)
            work(
                folder,
                keys,
                lambda *words: os.write(write_end, f"{' '.join(map(str, words))}\n".encode()),
            )
        finally:
            os._exit(1)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        said = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return said, not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)


def copied(folder, fresh):
    """A new copy of a folder under another name."""
    fresh.mkdir()
    for path in folder.iterdir():
        (fresh / path.name).write_bytes(path.read_bytes())
    return fresh


def test_killed_before_any_line(tmp_path, keyring):
    keys = None if keyring is None else tmp_path / "keys"
    holed(tmp_path / "index", keyring).close()
    ended, n_lines, seen = False, 1, set()
    while not ended:
        folder = copied(tmp_path / "index", tmp_path / f"index-{n_lines}")
        own_keys = None if keys is None else copied(keys, tmp_path / f"keys-{n_lines}")
        said, ended = killed_after(n_lines, folder, own_keys)
        seen.add(len(said))
        ring = None if keys is None else KeyFolder(own_keys)
        with FaceIndex.open(folder, keyring=ring) as index:
            now = set(index.ids.tolist())
            assert now in states(said), f"before line {n_lines}"
            is_whole(index, now)
            no_more_than_needed(folder, ring)
        n_lines += 19 if keyring is None else 23
    assert len(said) == 9
    assert seen == set(range(10))


CHANGE_FOR_EVER = """
import os, sys
import numpy as np
from index_keys import KeyFolder
from test_index_crash import TEMPLATES, line_of
from vultus.index import FaceIndex, index as index_of
index_of.ROWS_A_SEGMENT = 60
folder, keys, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
index = FaceIndex.open(folder, keyring=KeyFolder(keys))
rng = np.random.default_rng(start)
def say(*words):  # in one piece, which a pipe takes wholly or not at all
    os.write(1, line_of(words))
say("begun")
while True:
    present = index.ids
    absent = np.setdiff1d(np.arange(400), present)
    if len(absent):
        ids = rng.permutation(absent)[: rng.integers(1, 90)]
        say("adding", *ids)
        index.add(ids, TEMPLATES[ids])
        index.flush()
        say("added", *ids)
    if len(present):
        ids = rng.permutation(present)[: rng.integers(1, 60)]
        say("removing", *ids)
        index.remove(ids)
        say("removed", *ids)
    index.compact(float(rng.choice([0, 0.3, 0.9])))
"""


def test_killed_at_any_moment(tmp_path):
    """Ten lives of one index, each ended by the clock, also inside SQLite."""
    folder, keyring = tmp_path / "index", KeyFolder(tmp_path / "keys")
    FaceIndex.create(folder, D, seed=seed(1), keyring=keyring).close()
    rng = np.random.default_rng()
    present = set()
    for life in range(10):
        with python(CHANGE_FOR_EVER, folder, keyring.folder, life) as process:
            assert process.stdout.readline() == b"begun\n"
            time.sleep(rng.uniform(0.01, 0.4))
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().decode()
        may = set()
        for line in said.splitlines():
            word, *numbers = line.split()
            ids = set(map(int, numbers))
            if word == "added":
                present, may = present | ids, set()
            elif word == "removed":
                present, may = present - ids, set()
            else:
                may = ids
        with FaceIndex.open(folder, keyring=keyring) as index:
            now = set(index.ids.tolist())
            assert now ^ present <= may
            is_whole(index, now)
            no_more_than_needed(folder, keyring)
        present = now
