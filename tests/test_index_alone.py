"""The index as a plain library: quick to import, and searching without numba and after a fork."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from index_galleries import face_like

from vultus.index import FaceIndex, scan

HERE = Path(__file__).parent


def python(code, **environment):
    """What a fresh Python prints."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_all_but_a_search_does_without_numba(tmp_path):
    code = """
import sys
import numpy as np
from vultus.index import FaceIndex
index = FaceIndex(2)
index.add([1], [[0.6, 0.8]])
index.save(FILE + ".index")
FaceIndex.open(FILE + ".index")
with FaceIndex.create(FILE, 2) as index:
    index.add([1, 2], [[0.6, 0.8], [1, 0]])
    index.flush()
    index.remove(1)
    index.compact()
    index.fsck()
heavy = {"numba", "django", "cryptography", "onnxruntime", "cv2"} & set(sys.modules)
print(sorted(heavy))
""".replace("FILE", repr(str(tmp_path / "a")))
    assert python(code)[0] == "[]\n"


def test_prepare_returns_the_seconds_it_took():
    first, second = FaceIndex.prepare(), FaceIndex.prepare()
    assert isinstance(first, float)
    assert first >= 0
    assert second >= 0
    assert scan.kernels() is not None, "numba is installed here and must compile"


SEARCH = """
import sys
if BLOCKED: sys.modules["numba"] = None
import numpy as np
from index_galleries import face_like, seed
from vultus.index import FaceIndex
templates = face_like(np.random.default_rng(0), 500, 64)
for rows, more_bits in (("float32", 0), ("int8", 1)):
    index = FaceIndex(64, rows=rows, more_bits=more_bits, seed=seed(1))
    index.add(np.arange(500), templates)
    index.remove(range(100, 120))
    for limits in (
        {"k": 7},
        {"threshold": 0.4},
        {"threshold": 0.9, "first": 5},
        {"k": 3, "threshold": 0.5, "allow": range(250)},
        {},
    ):
        lists = index.search(templates[:9], **limits)
        print(limits, lists.ids.tolist(), lists.scores.tobytes().hex())
"""


def test_without_numba_the_answers_are_the_same_and_it_is_said_once():
    with_numba = python("BLOCKED = False" + SEARCH)
    without = python("BLOCKED = True" + SEARCH)
    assert without[0] == with_numba[0] != ""
    assert "searches run in NumPy" not in with_numba[1]
    assert without[1].count("searches run in NumPy, without numba") == 1


def test_a_kernel_that_does_not_compile_is_done_without():
    broken = """
BLOCKED = False
import numba
def njit(*_, **__):
    raise numba.core.errors.NumbaError("cannot compile")
numba.njit = njit
"""
    answers, said = python(broken + SEARCH)
    assert answers == python("BLOCKED = False" + SEARCH)[0]
    assert said.count("without numba: cannot compile") == 1


FULL_DISK = """
import resource, signal
from vultus.index.compiled import compiled
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
@compiled("int64(int64)")
def twice(a):
    return 2 * a
print(twice(21))
"""


@pytest.mark.parametrize("room", [0, 1000])
def test_a_disk_that_is_full_keeps_no_kernel_from_being_compiled(tmp_path, room):
    file = tmp_path / "kernel.py"
    file.write_text(FULL_DISK.replace("ROOM", str(room)))
    code = f"import runpy; runpy.run_path({str(file)!r})"
    kept = tmp_path / "kept"
    assert python(code, NUMBA_CACHE_DIR=str(kept))[0] == "42\n"
    assert not [path for path in kept.rglob("*") if path.suffix == ".nbc"]


def test_a_search_after_a_fork():
    """The threads of a search end with it: a forked worker does not wait for them for ever."""
    rng = np.random.default_rng(1)
    rows = face_like(rng, 4000, 512)
    index = FaceIndex(512)
    index.add(np.arange(4000), rows)
    assert 4000 * index.coding.n_bytes * 32 > scan._ALONE
    want = index.search(rows[:32], k=5).ids.tolist()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = index.search(rows[:32], k=5).ids.tolist() == want
            os.write(write_end, b"same" if same else b"different")
        finally:
            os._exit(0)
    os.close(write_end)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read_end, 20) == b"same"
    os.close(read_end)
