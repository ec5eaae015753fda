"""The numeric packages import and work where the application cannot be imported."""

import os
import subprocess
import sys

import pytest
from homes import REPOSITORY, portrait

BLOCKED = (
    "django", "cryptography", "rich", "granian", "psycopg", "vultus.settings", "vultus.records",
    "vultus.vault", "vultus.audit", "vultus.acquire", "vultus.actions", "vultus.web", "vultus.cli",
)  # fmt: skip
WORK = {
    "faces": """
from pathlib import Path
from vultus.faces import FaceReader
(face,) = FaceReader().read(PHOTO)
assert face.template.vector.shape == (128,), face.template.vector.shape
assert len(face.box) == 4
from vultus.faces.pool import ReaderPool
with ReaderPool(n_workers=1) as pool:
    ((key, reading),) = pool.read_many([(7, Path(PHOTO))])
assert key == 7 and len(reading.faces) == 1
""",
    "index": """
import numpy as np
from vultus.index import FaceIndex
index = FaceIndex(4)
index.add([5, 6], np.eye(4, dtype=np.float32)[:2])
(found,) = index.search(np.eye(4, dtype=np.float32)[1], k=1)
assert found.ids.tolist() == [6]
""",
    "scoring": """
import numpy as np
from vultus.scoring.calibration import fit_calibration
from vultus.scoring.comparison import cosine, false_match_rate
rng = np.random.default_rng(1)
rows = rng.normal(size=(50, 128)).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
fitted = fit_calibration(rows, None, model="sface-2021dec", rng=rng)
assert -1 <= fitted.threshold(0.01, 50)
assert 0 <= false_match_rate(0.5, "sface-2021dec") < 1
""",
}
BLOCK = """
import sys
for name in NAMES:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
"""
TOLD = """
others = {"vultus.faces", "vultus.index", "vultus.scoring"} - {"vultus.PACKAGE"}
assert not others & set(sys.modules), others & set(sys.modules)
print("worked")
"""


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("package", WORK)
def test_a_numeric_package_works_alone(package):
    work = WORK[package].replace("PHOTO", repr(str(portrait())))
    program = BLOCK.replace("NAMES", repr(BLOCKED)) + work + TOLD.replace("PACKAGE", package)
    done = run(program)
    assert (done.returncode, done.stdout) == (0, "worked\n"), done.stderr


def test_the_block_does_block():
    done = run(BLOCK.replace("NAMES", repr(BLOCKED)) + "import vultus.actions.home")
    assert done.returncode != 0
    assert "ModuleNotFoundError" in done.stderr
