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

from vultus.index import FaceIndex, bounds, codes, compiled, oracle, scan, simd
from vultus.index.rows import unit

HERE = Path(__file__).parent


def test_the_cache_on_disk_knows_of_every_change():
    """numba looks at the file of a function only, and these call each other."""
    folder = Path(compiled.__file__).parent
    digest = hashlib.sha256(b"".join((folder / n).read_bytes() for n in compiled.SOURCES))
    written = {Path(simd.__file__).name, Path(compiled.__file__).name}
    for kernel in vars(scan.kernels()).values():
        if hasattr(kernel, "signatures"):
            assert kernel.py_func.__qualname__.endswith(f"_{digest.hexdigest()[:16]}")
            written.add(Path(kernel.py_func.__code__.co_filename).name)
    assert written == set(compiled.SOURCES)


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


def test_what_stands_in_two_files_is_the_same():
    for name in ("BLOCK", "FACTOR_SCALE", "ALONG_FROM", "LEAST_BESIDE", "NEVER_RULED_OUT"):
        assert getattr(simd, name) == getattr(codes, name), name


# --- instructions -------------------------------------------------------------------------------


class Instructions:
    """What simd.py makes, compiled for a processor with AVX2 or without."""

    def __init__(self):
        @numba.njit("void(uint8[:, :, ::1], uint8[:, ::1], uint16[:, ::1])")
        def sums(blocks, table, sums):
            n, n_bytes, _ = blocks.shape
            at, table_at = np.int64(blocks.ctypes.data), np.int64(table.ctypes.data)
            for b in range(n):
                place = np.int64(sums[b].ctypes.data)
                simd.sums_of_block(at + b * n_bytes * 32, table_at, n_bytes, place)

        @numba.njit("void(uint8[:, :, ::1], uint8[:, ::1], uint16[:, ::1])")
        def sums_in_pairs(blocks, table, sums):
            n, n_bytes, _ = blocks.shape
            at, table_at = np.int64(blocks.ctypes.data), np.int64(table.ctypes.data)
            for b in range(0, n - 1, 2):
                place = np.int64(sums[b].ctypes.data)
                simd.sums_of_two(at + b * n_bytes * 32, table_at, n_bytes, place)

        @numba.njit("void(int8[::1], int16[::1], int16[::1], int64[::1])")
        def products(row, high, low, out):
            simd.products(
                np.int64(row.ctypes.data),
                np.int64(high.ctypes.data),
                np.int64(low.ctypes.data),
                len(row),
                np.int64(out.ctypes.data),
            )

        @numba.njit(
            "void(uint8[:, :, ::1], uint8[:, ::1], uint8[:, :, ::1], uint16[::1], uint16[:, ::1], "
            "uint64[::1])"
        )
        def reaching_in_pairs(blocks, table, factors, test, sums, bits):
            n, n_bytes, _ = blocks.shape
            at, table_at = np.int64(blocks.ctypes.data), np.int64(table.ctypes.data)
            factors_at, test_at = np.int64(factors.ctypes.data), np.int64(test.ctypes.data)
            for b in range(0, n - 1, 2):
                bits[b // 2] = simd.reaching_of_two(
                    at + b * n_bytes * 32, table_at, n_bytes, np.int64(sums[b].ctypes.data),
                    factors_at + b * 64, test_at,
                )  # fmt: skip

        @numba.njit("uint32(uint16[::1], uint8[:, ::1], uint16[::1])")
        def reaching(sums, factors, test):
            return simd.reaching(
                np.int64(sums.ctypes.data),
                np.int64(factors.ctypes.data),
                np.int64(test.ctypes.data),
            )

        @numba.njit("int64(uint8[::1], int16[::1])")
        def sum_where(bits, numbers):
            at = np.int64(bits.ctypes.data), np.int64(numbers.ctypes.data)
            return simd.sum_where(at[0], at[1], len(numbers))

        self.sums, self.sums_in_pairs, self.products = sums, sums_in_pairs, products
        self.sum_where = sum_where
        self.reaching, self.reaching_in_pairs = reaching, reaching_in_pairs


@pytest.fixture(scope="module", params=[True, False], ids=["avx2", "portable"])
def instructions(request):
    if request.param and not simd._has_avx2():
        pytest.skip("needs a processor with AVX2")
    with pytest.MonkeyPatch.context() as processor:
        processor.setattr(simd, "_has_avx2", lambda: request.param)
        return Instructions()


def as_kept(by_row):
    """Sums of rows (..., 32) as they are kept: those of the even rows, then of the odd rows."""
    return np.concatenate((by_row[..., 0::2], by_row[..., 1::2]), axis=-1)


def table_of(rng, n_bytes, highest):
    """Entries of which two that belong to one byte make `highest` at most."""
    of_low = rng.integers(0, highest + 1, (n_bytes, 1))
    table = np.stack((of_low, highest - of_low), axis=1)
    return rng.integers(0, table + 1, (n_bytes, 2, 16)).astype(np.uint8).reshape(-1, 16)


@pytest.mark.parametrize("n_bytes", [1, 2, 3, 16, 31, 128])
def test_both_ways_to_look_up_give_the_sum_of_the_entries(instructions, n_bytes):
    rng = np.random.default_rng(n_bytes)
    blocks = rng.integers(0, 256, (8, n_bytes, 32), np.uint8)
    for highest in (255, 1, 0):
        table = table_of(rng, n_bytes, highest)
        want = np.zeros((8, 32), np.int64)
        for j in range(n_bytes):
            low, high = blocks[:, j] & 15, blocks[:, j] >> 4
            want += table[2 * j][low].astype(int) + table[2 * j + 1][high]
        for sums_of in (instructions.sums, instructions.sums_in_pairs):
            sums = np.full((8, 32), 777, np.uint16)
            sums_of(blocks, table, sums)
            np.testing.assert_array_equal(sums, as_kept(want))


def test_sums_that_fill_sixteen_bits(instructions):
    """65,535 in every other lane, and 0 beside it: no lane spills into the next."""
    table = np.zeros((2 * 257, 16), np.uint8)
    table[0::2, 15], table[1::2, 15] = 128, 127
    blocks = np.zeros((2, 257, 32), np.uint8)
    blocks[0, :, ::2] = 0xFF
    blocks[1, :, 1::2] = 0xFF
    for sums_of in (instructions.sums, instructions.sums_in_pairs):
        sums = np.empty((2, 32), np.uint16)
        sums_of(blocks, table, sums)
        np.testing.assert_array_equal(sums, as_kept(np.array([[65535, 0] * 16, [0, 65535] * 16])))


@pytest.mark.parametrize("n", [16, 32, 512, 4096])
def test_both_ways_to_multiply_give_exact_sums(instructions, n):
    rng = np.random.default_rng(n)
    for size in (127, 3):
        row = rng.integers(-size, size + 1, n).astype(np.int8)
        high = rng.integers(-(2**15), 2**15, n).astype(np.int16)
        low = rng.integers(-(2**14), 2**14, n).astype(np.int16)
        out = np.empty(3, np.int64)
        instructions.products(row, high, low, out)
        numbers = row.astype(np.int64)
        assert out.tolist() == [int(numbers @ high), int(numbers @ low), int(numbers @ numbers)]


def test_the_largest_products_do_not_overflow(instructions):
    row, high = np.full(4096, 127, np.int8), np.full(4096, 32767, np.int16)
    for sign in (1, -1):
        out = np.empty(3, np.int64)
        instructions.products(row, sign * high, sign * high, out)
        total = sign * 4096 * 127 * 32767
        assert out.tolist() == [total, total, 4096 * 127 * 127]


@pytest.mark.parametrize("n", [16, 32, 512, 4096])
def test_both_ways_to_add_where_a_bit_is_set(instructions, n):
    rng = np.random.default_rng(n)
    some = rng.integers(-(2**15), 2**15, n).astype(np.int16)
    for numbers in (some, np.full(n, 32767, np.int16), np.full(n, -32768, np.int16)):
        for bits in (rng.integers(0, 256, n // 8, np.uint8), np.full(n // 8, 255, np.uint8)):
            chosen = np.unpackbits(bits, bitorder="little").astype(np.int64)
            assert instructions.sum_where(bits, numbers) == int(chosen @ numbers)


@numba.njit
def largest(sums, mask):
    return simd.largest(np.int64(sums.ctypes.data), mask)


def bits_of(word):
    return [bool(word >> i & 1) for i in range(32)]


def test_the_largest_sum_of_those_that_count():
    rng = np.random.default_rng(0)
    for _ in range(50):
        sums = rng.integers(0, 65536, 32).astype(np.uint16)
        mask = np.uint32(rng.integers(0, 2**32))
        counted = sums[as_kept(np.array(bits_of(int(mask))))]
        assert largest(sums, mask) == counted.max(initial=0)
    assert largest(sums, np.uint32(0)) == 0


def enough(sums, factors, test):
    """The inequality of `simd.reaching`, in words of NumPy; sums (32,) by row."""
    f, g = factors.astype(int)
    c, p, d, q = test.tolist()
    more = np.minimum(c + (256 * f * p >> 16), 65535)
    less = np.minimum(d + (256 * np.maximum(g, codes.LEAST_BESIDE) * q >> 16), 65535)
    return (sums >= np.maximum(more - less, 0)) | (g == 255)


def test_the_test_of_a_sum_is_as_written(instructions):
    rng = np.random.default_rng(1)
    for _ in range(300):
        sums = rng.integers(0, 65536, 32).astype(np.uint16)
        factors = rng.integers(0, 256, (2, 32)).astype(np.uint8)
        factors[1, :2] = 255, 254
        test = (65535 * rng.uniform(size=4) ** 3).astype(np.uint16)
        bits = bits_of(instructions.reaching(as_kept(sums), factors, test))
        assert bits == enough(sums, factors, test).tolist()


def test_sums_and_their_test_in_one_step_are_those_of_two(instructions):
    rng = np.random.default_rng(3)
    for n_bytes in (1, 31, 32):
        blocks = rng.integers(0, 256, (6, n_bytes, 32), np.uint8)
        factors = rng.integers(0, 256, (6, 2, 32)).astype(np.uint8)
        table = table_of(rng, n_bytes, 255)
        sums, want, bits = *np.empty((2, 6, 32), np.uint16), np.empty(3, np.uint64)
        instructions.sums(blocks, table, want)
        test = np.array([np.median(want), 300, 5, 200], np.uint16)
        instructions.reaching_in_pairs(blocks, table, factors, test, sums, bits)
        np.testing.assert_array_equal(sums, want)
        for b in range(6):
            word = int(bits[b // 2]) >> (32 * (b % 2)) & 0xFFFFFFFF
            assert word == instructions.reaching(want[b], factors[b], test)


def test_no_row_whose_bound_reaches_what_is_needed_is_ruled_out(instructions):
    """Whole numbers in the place of the inequality: rounded so that too many pass, and few."""
    rng = np.random.default_rng(2)
    n_passed = n_reaching = 0
    for _ in range(3000):
        need = np.float32(rng.choice([rng.uniform(-1, 1), 0.0, 0.45, 1.0, -0.3]))
        margin = np.float32(rng.choice([rng.uniform(0, 0.5), 0.0, 1.0]))
        step = np.float32(10.0 ** rng.uniform(-5, -2))
        base = np.float32(-rng.uniform(0, 1.6))
        test = np.empty(4, np.uint16)
        bounds.whole_test(need, margin, step, base, test)
        sums = rng.integers(0, 65536, 32).astype(np.uint16)
        factors = rng.integers(0, 255, (2, 32)).astype(np.uint8)
        along = codes.ALONG_FROM + (factors[0] + rng.uniform(0, 1, 32)) / codes.FACTOR_SCALE
        beside = np.maximum(factors[1], codes.LEAST_BESIDE) / codes.FACTOR_SCALE
        # Half of the rows reach what is needed barely.
        near = np.rint((float(need) * along - float(margin) * beside - float(base)) / float(step))
        sums[::2] = np.clip(near + 1, 0, 65535)[::2]
        bound = float(step) * sums + float(base) + float(margin) * beside
        reaching = bound >= float(need) * along
        passed = np.array(bits_of(instructions.reaching(as_kept(sums), factors, test)))
        assert passed[reaching].all()
        n_passed, n_reaching = n_passed + passed.sum(), n_reaching + reaching.sum()
    assert n_passed < 1.2 * n_reaching


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
if NOWHERE:
    from numba.core import caching
    caching.CacheImpl._locator_classes = []
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


def searches(*, nowhere, **environment):
    """What a fresh Python finds, and whether it had AVX2."""
    done = subprocess.run(
        [sys.executable, "-c", f"NOWHERE, HERE = {nowhere}, {str(HERE)!r}\n{SEARCHES}"],
        env=os.environ | {"PYTHONPATH": str(HERE.parent)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.strip()


@pytest.mark.slow
def test_a_processor_without_avx2_and_a_cache_without_a_folder_find_the_same():
    """Compiled anew for the plainest processor of this kind; nothing is said of the cache."""
    plain = searches(nowhere=True, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert plain[1] == "False"
    assert plain[0] == searches(nowhere=False)[0] != ""
