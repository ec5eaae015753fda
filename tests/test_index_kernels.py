"""What is compiled: one answer on every processor, and nothing compiled twice or kept too long."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from index_galleries import face_like, kept, seed

from vultus.index import FaceIndex, codes, oracle, scan, simd
from vultus.index.rows import unit

HERE = Path(__file__).parent


def test_the_cache_on_disk_knows_of_every_change_of_simd():
    """numba looks at kernels.py alone: with an old digest it would run old instructions."""
    source = Path(simd.__file__).read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    assert digest == scan.kernels().SIMD_SHA256, (
        f"simd.py was changed: write SIMD_SHA256 = {digest!r} into vultus/index/kernels.py"
    )


def test_each_kernel_is_compiled_once():
    """A second signature would be a second wait, and would not be in the cache."""
    compiled = scan.kernels()
    dispatchers = {
        name: kernel for name, kernel in vars(compiled).items() if hasattr(kernel, "signatures")
    }
    assert len(dispatchers) > 5
    probe = np.frombuffer(np.eye(1, 8, dtype=np.float32).tobytes(), np.float32)
    for rows in ("float32", "int8"):
        for more_bits in (0, 2):
            index = FaceIndex(8, rows=rows, first_bits=1, more_bits=more_bits, seed=seed(1))
            index.add(np.arange(50), face_like(np.random.default_rng(0), 50, 8))
            for limits in ({}, {"k": 2}, {"threshold": 0.1, "allow": [1, 2, 3, 4, 5]}):
                index.search(probe, **limits)
    assert {name for name, kernel in dispatchers.items() if len(kernel.signatures) != 1} == set()


# --- sums of a block ----------------------------------------------------------------------------


def sums_by(emit):
    """A compiled function of blocks (n, n_bytes, 32), a table and sums (n, 32), made by `emit`."""

    @simd.intrinsic
    def sums_of_block(typing, block, table, n_bytes, sums):
        def generate(context, builder, sig, args):
            emit(builder, *args)
            return context.get_dummy_value()

        return numba.types.void(*[numba.types.intp] * 4), generate

    @numba.njit
    def all_sums(blocks, table, sums):
        n, n_bytes, _ = blocks.shape
        at, table_at = np.int64(blocks.ctypes.data), np.int64(table.ctypes.data)
        for b in range(n):
            sums_of_block(at + b * n_bytes * 32, table_at, n_bytes, np.int64(sums[b].ctypes.data))

    return all_sums


@pytest.fixture(scope="module", params=["shuffle", "portable"])
def sums_of(request):
    if request.param == "portable":
        return sums_by(simd._emit_sums_portable)
    if not simd._has_avx2():
        pytest.skip("needs a processor with AVX2")
    return sums_by(simd._emit_sums)


@pytest.mark.parametrize("n_bytes", [1, 2, 3, 16, 31, 128])
def test_both_ways_to_look_up_give_the_sum_of_the_entries(sums_of, n_bytes):
    rng = np.random.default_rng(n_bytes)
    blocks = rng.integers(0, 256, (7, n_bytes, 32), np.uint8)
    for highest in (255, 1, 0):
        table = rng.integers(0, highest + 1, (2 * n_bytes, 16)).astype(np.uint8)
        want = np.zeros((7, 32), np.int64)
        for j in range(n_bytes):
            want += (
                table[2 * j][blocks[:, j] & 15].astype(int) + table[2 * j + 1][blocks[:, j] >> 4]
            )
        sums = np.full((7, 32), 777, np.uint16)
        sums_of(blocks, table, sums)
        np.testing.assert_array_equal(sums, want)


def test_sums_that_fill_sixteen_bits(sums_of):
    """65,535 in every other lane, and 0 beside it: no lane spills into the next."""
    table = np.zeros((2 * 129, 16), np.uint8)
    table[1:, 15] = 255
    blocks = np.zeros((2, 129, 32), np.uint8)
    blocks[0, :, ::2] = 0xFF
    blocks[1, :, 1::2] = 0xFF
    sums = np.empty((2, 32), np.uint16)
    sums_of(blocks, table, sums)
    assert sums.tolist() == [[65535, 0] * 16, [0, 65535] * 16]


# --- scores -------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 7, 8, 9, 255, 256, 257, 512, 1000])
def test_scores_are_the_oracles_to_the_last_bit(d):
    rng = np.random.default_rng(d)
    templates, probes = face_like(rng, 40, d), unit(face_like(rng, 3, d), "probe")
    at = rng.integers(0, 40, 100)
    owners = rng.integers(0, 3, 100)
    compiled = scan.kernels()
    halves, units = oracle.whole_probes(probes)
    for rows in (kept(templates), kept(templates, "int8")):
        got = (
            compiled.scores_int8(rows, at, halves, owners, units)
            if rows.dtype == np.int8
            else compiled.scores_float32(rows, at, probes.astype(np.float64), owners)
        )
        want = [oracle.score(rows[[i]], probes[j])[0] for i, j in zip(at, owners, strict=True)]
        np.testing.assert_array_equal(got, np.array(want))


def test_the_largest_whole_numbers_do_not_overflow():
    d = codes.MAX_DIM
    rows = np.full((2, d), 127, np.int8)
    rows[1] = -127
    probe = np.full((1, d), np.float32(d**-0.5), np.float32)
    halves, units = oracle.whole_probes(probe)
    got = scan.kernels().scores_int8(rows, np.arange(2), halves, np.zeros(2, np.int64), units)
    np.testing.assert_array_equal(got, oracle.score(rows, probe[0]))
    np.testing.assert_allclose(got, [1, -1], atol=1e-6)


@pytest.mark.parametrize("d", [1, 5, 128])
def test_a_probe_in_whole_numbers_is_off_by_half_a_unit(d):
    probes = unit(face_like(np.random.default_rng(d), 20, d), "probe")
    halves, units = oracle.whole_probes(probes)
    assert halves.dtype == np.int16
    back = (halves[:, 0].astype(np.int64) * 2**15 + halves[:, 1]) * units[:, None]
    assert (np.abs(back - probes) <= 0.501 * units[:, None]).all()
    assert (units <= np.abs(probes).max(axis=1) * 2**-29).all()


# --- processors ---------------------------------------------------------------------------------

SEARCHES = """
import sys
sys.path.insert(0, HERE)
import numpy as np
from index_galleries import BITS, face_like, seed
from vultus.index import FaceIndex, scan, simd
assert scan.kernels() is not None
print(simd._has_avx2(), file=sys.stderr)
templates = face_like(np.random.default_rng(0), 700, 100)
for first_bits, more_bits in BITS:
    for rows in ("float32", "int8"):
        index = FaceIndex(100, rows=rows, first_bits=first_bits, more_bits=more_bits, seed=seed(1))
        index.add(np.arange(700), templates)
        for limits in ({"k": 7}, {"threshold": 0.4}, {"k": 3, "threshold": 0.5, "first": 2}):
            lists = index.search(templates[:9], **limits)
            print(lists.ids.tolist(), lists.scores.tobytes().hex())
"""


def searches(**environment):
    """What a fresh Python finds, and whether it had AVX2."""
    done = subprocess.run(
        [sys.executable, "-c", SEARCHES.replace("HERE", repr(str(HERE)))],
        env=os.environ | {"PYTHONPATH": str(HERE.parent)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.strip()


@pytest.mark.slow
def test_a_processor_without_avx2_finds_the_same(tmp_path):
    """Compiled anew for the plainest processor of this kind, in a cache of its own."""
    plain = searches(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path))
    assert plain[1] == "False"
    assert plain[0] == searches()[0] != ""
