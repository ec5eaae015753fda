"""The codes: nothing that is needed can be lost in the first pass."""

import numpy as np
import pytest
from index_galleries import KINDS, isotropic

from vultus.index import oracle
from vultus.index.codes import MAX_DIM, encode_probes, encode_rows, unit


@pytest.mark.parametrize("d", [1, 3, 64, 128, 512, MAX_DIM])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_bound_is_never_below_the_score(kind, d):
    rng = np.random.default_rng(d)
    rows = unit(kind(rng, 60, d), "row")
    probes = unit(np.concatenate((rows[:5], -rows[:5], isotropic(rng, 5, d))), "probe")
    codes, scales, errors = encode_rows(rows)
    probe_codes, probe_scales, slacks = encode_probes(probes)
    products = codes.astype(np.int64) @ probe_codes.astype(np.int64).T
    assert np.abs(products).max() < 2**31
    bounds = scales[:, None].astype(np.float64) * probe_scales * products
    bounds += errors[:, None] + slacks
    for j, probe in enumerate(probes):
        assert (oracle.score(rows, probe) <= bounds[:, j]).all()


def test_the_worst_product_fits_int32():
    for d in (1, 512, 521, 1024, MAX_DIM):
        equal = np.full((1, d), d**-0.5, np.float32)
        code, probe = encode_rows(equal)[0], encode_probes(equal)[0]
        assert (code == 127).all()
        assert 2**24 < code.astype(np.int64)[0] @ probe.astype(np.int64)[0] < 2**31 or d == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_error_is_what_was_lost(kind):
    rows = unit(kind(np.random.default_rng(0), 200, 128), "row")
    codes, scales, errors = encode_rows(rows)
    lost = np.linalg.norm(
        rows.astype(np.longdouble) - codes * scales[:, None].astype(float), axis=1
    )
    assert (errors >= lost).all()
    assert (errors <= lost * (1 + 1e-6) + 1e-12).all()


def test_face_like_rows_lose_little():
    """What makes the first pass worth its while: the bound is some 0.007 above the score."""
    rows = unit(KINDS[1](np.random.default_rng(1), 2000, 128), "row")
    assert np.median(encode_rows(rows)[2]) < 0.01


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.01, 0.0])
def test_unit_names_the_bad_row(bad):
    rows = isotropic(np.random.default_rng(2), 9000, 4)
    rows[8765] *= bad if np.isfinite(bad) else 1
    if not np.isfinite(bad):
        rows[8765, 2] = bad
    with pytest.raises(ValueError, match=r"template row 8765: expected finite .* unit length"):
        unit(rows, "template")


def test_unit_accepts_lengths_within_a_thousandth():
    rows = isotropic(np.random.default_rng(3), 2, 64) * np.array([[0.9991], [1.0009]], np.float32)
    lengths = np.linalg.norm(unit(rows.astype(np.float32), "row").astype(np.float64), axis=1)
    assert np.abs(lengths - 1).max() < 1e-7
