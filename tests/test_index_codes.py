"""Codes and what they say: nothing that is needed is ruled out, and how a row is coded is fixed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from index_galleries import BITS, KINDS, coding, face_like, isotropic, kept, lattice, named, seed

from vultus.index import bounds, scan
from vultus.index import codes as codes_of
from vultus.index.codes import (
    ALONG_FROM,
    BLOCK,
    FACTOR_SCALE,
    LEAST_BESIDE,
    MORE_STEP,
    NEVER_RULED_OUT,
    Coding,
    cells,
    deviation,
    encode,
    hazard,
    rotation,
    unit_rows,
    unpacked,
)
from vultus.index.rows import faulty, unit

DIMS = [1, 2, 3, 7, 64, 100, 129]


def by_row(blocks, n):
    """(n, bytes): what lies in blocks, a row after the other."""
    return blocks.transpose(0, 2, 1).reshape(-1, blocks.shape[1])[:n]


def said(coded, how, n):
    """Cells by the first and by all bits, and both pairs of factors, of n coded rows."""
    coarse = unpacked(by_row(coded.blocks, n), how.first_bits, how.dim)
    first = by_row(coded.factors, n)
    if not how.more_bits:
        return coarse, coarse, first, first
    fine = unpacked(coded.more, how.more_bits, how.dim)
    return coarse, (coarse << np.uint8(how.more_bits)) | fine, first, coded.more_factors


# --- the rotation -------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 31, 128, 513])
def test_a_rotation_is_orthogonal(d):
    turn = rotation(seed(5), d)
    np.testing.assert_allclose(turn @ turn.T, np.eye(d), atol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        turn[0, 0] = 0


def test_the_rotation_of_a_seed_never_changes():
    """It is part of the format: every code that was ever written depends on it."""
    np.testing.assert_allclose(
        rotation(bytes(32), 3),
        [
            [-0.15151332161975684, -0.9310799646427835, -0.3318641481277256],
            [0.9547676018385002, -0.2247592696380244, 0.19468460953896954],
            [0.2558564829182706, 0.28735582498459067, -0.9230190084695536],
        ],
        atol=1e-12,
    )
    np.testing.assert_allclose(
        rotation(bytes(range(32)), 128)[[0, 0, 64, 127], [0, 1, 64, 127]],
        [-0.16327810555109656, 0.11433371969280699, 0.00831461120017292, 0.004709929602860104],
        atol=1e-12,
    )


def test_a_rotation_prefers_no_direction():
    """The first number of what a fixed row becomes, over seeds: normal but for its tails."""
    first = np.array([rotation(seed(i), 16)[0, 3] for i in range(4000)]) * 4
    assert abs(first.mean()) < 5 / math.sqrt(4000)
    assert abs(np.square(first).mean() - 1) < 5 * math.sqrt(2 / 4000)
    # Of a uniform point: the fourth moment is 3 d / (d + 2).
    assert abs((first**4).mean() - 3 * 16 / 18) < 0.5


# --- the cells ----------------------------------------------------------------------------------


def test_the_cells_are_those_of_lloyd_and_max():
    """Max 1960, table 1: four levels at 0.4528 and 1.510; two at 0.7980."""
    np.testing.assert_allclose(cells(1, 0)[1], [-0.7979, 0.7979], atol=1e-4)
    np.testing.assert_allclose(cells(2, 0)[0], [-0.9816, 0, 0.9816], atol=1e-4)
    np.testing.assert_allclose(cells(2, 0)[1], [-1.510, -0.4528, 0.4528, 1.510], atol=5e-4)


@pytest.mark.parametrize("bits", BITS, ids=str)
def test_the_cells_of_all_bits_lie_inside_those_of_the_first(bits):
    (few, _), (edges, levels) = cells(bits[0], 0), cells(*bits)
    assert set(few) <= set(edges)
    assert len(levels) == len(edges) + 1 == 2 ** sum(bits)
    assert (np.diff(edges) > 0).all()
    assert ((levels[:-1] < edges) & (edges < levels[1:])).all()
    np.testing.assert_allclose(levels, -levels[::-1], atol=1e-9)
    assert few.tolist() == edges[2 ** bits[1] - 1 :: 2 ** bits[1]].tolist()


# --- codes --------------------------------------------------------------------------------------


@given(data=st.data())
def test_packing_is_undone_by_unpacking(data):
    bits = data.draw(st.sampled_from([1, 2, 3]))
    n, d = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    numbers = rng.integers(0, 2**bits, (n, d)).astype(np.uint8)
    packed = codes_of._packed(numbers, bits, -(-d * bits // 8))
    assert packed.shape == (n, -(-d * bits // 8))
    np.testing.assert_array_equal(unpacked(packed, bits, d), numbers)
    tail = np.unpackbits(packed, axis=1, bitorder="little")[:, d * bits :]
    assert not tail.any()


def test_low_bits_and_dimensions_come_first():
    assert codes_of._packed(np.array([[1, 0, 0, 1, 0, 0, 0, 0, 1]], np.uint8), 1, 2).tolist() == [
        [0b00001001, 1]
    ]
    assert codes_of._packed(np.array([[1, 2, 3, 0, 2]], np.uint8), 2, 2).tolist() == [
        [0b00111001, 2]
    ]
    assert codes_of._packed(np.array([[1, 2, 7]], np.uint8), 3, 2).tolist() == [[0b11010001, 1]]


@pytest.mark.parametrize("bits", BITS, ids=str)
@pytest.mark.parametrize("rows", ["float32", "int8"])
@pytest.mark.parametrize("d", DIMS)
def test_a_code_says_in_which_cells_the_turned_row_lies(d, rows, bits):
    how = coding(d, rows, bits)
    stored = kept(isotropic(np.random.default_rng(d), 77, d), rows)
    coded = encode(stored, how)
    assert coded.blocks.shape == (3, how.n_bytes, BLOCK)
    turned = unit_rows(stored).astype(np.float64) @ rotation(how.seed, d).T * math.sqrt(d)
    coarse, fine, _, _ = said(coded, how, 77)
    for cell, edges in ((coarse, cells(bits[0], 0)[0]), (fine, cells(*bits)[0])):
        right = np.searchsorted(edges, turned)
        near = np.abs(turned[..., None] - edges).min(axis=2) < 1e-5
        assert ((cell == right) | near).all()


def bounds_said(first, more, bits):
    """What both pairs of factors say of x'.x (at least) and of the length beside (at most)."""
    yield ALONG_FROM + first[:, 0] / FACTOR_SCALE, first[:, 1] / FACTOR_SCALE, 1 / FACTOR_SCALE
    if bits[1]:
        yield more[:, 0] * MORE_STEP, more[:, 1] * MORE_STEP, MORE_STEP


@pytest.mark.parametrize("bits", BITS, ids=str)
@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_factors_bound_what_they_stand_for_and_closely(kind, bits):
    n, d = 60, 100
    how = coding(d, "float32", bits)
    stored = kept(kind(np.random.default_rng(1), n, d))
    coarse, fine, first, more = said(encode(stored, how), how, n)
    turned = stored.astype(np.float64) @ rotation(how.seed, d).T
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    assert (first[:, 1] < NEVER_RULED_OUT).all()
    levels = (cells(bits[0], 0)[1][coarse], cells(*bits)[1][fine])
    for (low, high, step), coded in zip(bounds_said(first, more, bits), levels, strict=False):
        along = np.einsum("ij,ij->i", coded, turned) / math.sqrt(d)
        beside = np.linalg.norm(coded / math.sqrt(d) - along[:, None] * turned, axis=1)
        assert ((along - 2.1 * step <= low) & (low <= along)).all()
        assert ((beside <= high) & (high <= beside + 2.1 * step)).all()


def test_further_bits_narrow_the_bound():
    d = 128
    stored = kept(face_like(np.random.default_rng(2), 500, d))
    tangents = []
    for bits in ((1, 0), (2, 0), (2, 1), (2, 2)):
        how = coding(d, bits=bits)
        _, _, first, more = said(encode(stored, how), how, 500)
        *_, (low, high, _) = bounds_said(first, more, bits)
        tangents.append(np.median(high / low))
    assert tangents == sorted(tangents, reverse=True)
    # sqrt(1 / c^2 - 1), c^2 the share of its variance that a normal number's level keeps: Max
    # 1960, table 1.
    want = np.sqrt([1 / 0.6366 - 1, 1 / 0.8825 - 1])
    np.testing.assert_allclose(tangents[:2], want, rtol=0.05)


def test_a_row_whose_factors_do_not_fit_is_never_ruled_out():
    """In few dimensions a code can be too long, or, were the rotation unlucky, too short."""
    along = np.array([0.51, 0.49, 0.8, 0.8, 1.2, -1.0, 1.13])
    beside = np.array([0.1, 0.1, 0.63, 0.64, 0.1, 0.1, 0.0])
    got = codes_of.factors(along, beside)
    assert got.dtype == np.uint8
    never = [0, NEVER_RULED_OUT]
    assert got.tolist() == [[3, 41], never, [119, 253], never, never, never, [251, 1]]
    got = codes_of.more_factors(np.array([1.0, -0.1, 2.1, 1.0]), np.array([0.5, 0.5, 0.5, 2.0]))
    assert got.dtype == np.uint16
    assert got.tolist() == [[32767, 16385], [0, 65535], [0, 65535], [0, 65535]]


@pytest.mark.parametrize("d", [1, 2, 3])
def test_few_dimensions_are_searched_all_the_same(d):
    """Of one dimension two bits say 1.51, which no factor holds."""
    stored = kept(isotropic(np.random.default_rng(d), 50, d))
    how = coding(d)
    never = by_row(encode(stored, how).factors, 50)[:, 1] == NEVER_RULED_OUT
    assert never.all() if d == 1 else not never.all()


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 64])
def test_lanes_behind_the_last_row_are_zero(n):
    for bits in BITS:
        coded = encode(kept(isotropic(np.random.default_rng(n), n, 10)), coding(10, bits=bits))
        for array in (coded.blocks, coded.factors):
            assert len(array) == -(-n // BLOCK)
            assert not array.transpose(0, 2, 1).reshape(-1, array.shape[1])[n:].any()
        assert coded.more.shape == (n, -(-10 * bits[1] // 8))
        assert coded.more_factors.shape == (n if bits[1] else 0, 2)


def test_a_row_is_coded_the_same_whatever_stands_beside_it():
    stored = kept(face_like(np.random.default_rng(3), 5000, 64))
    how = coding(64, bits=(1, 3))
    whole, part = encode(stored, how), encode(stored[4090:4200], how)
    for a, b in zip(said(whole, how, 5000), said(part, how, 110), strict=True):
        differ = np.abs(a[4090:4200].astype(int) - b)
        assert differ.max() <= 1
        assert (differ > 0).mean() < 1e-3  # float32 sums of another order


# --- look-up tables -----------------------------------------------------------------------------


def looked_up(coded, tables, how, n):
    """(m, n): step * sum + base for coded rows."""
    packed = by_row(coded.blocks, n)
    nibbles = np.stack((packed & 15, packed >> 4), axis=2).reshape(n, -1)
    places = np.arange(nibbles.shape[1])
    sums = np.stack([first[places, nibbles].sum(axis=1, dtype=int) for first in tables.first])
    assert sums.max() <= 65535
    return sums * tables.steps[:, None].astype(np.float64) + tables.bases[:, None]


def off(d, first_bits, kind, n_probes=4):
    """How far look-ups are from the products, in steps, of rows that are kept and probes."""
    rng = np.random.default_rng(d)
    n, how = 50, coding(d, bits=(first_bits, 0))
    stored = kept(kind(rng, n, d))
    probes = unit(np.concatenate((stored[:4], -stored[:4], isotropic(rng, n_probes, d))), "probe")
    coded = encode(stored, how)
    levels = cells(first_bits, 0)[1][said(coded, how, n)[0]] / math.sqrt(d)
    exact = probes.astype(np.float64) @ rotation(how.seed, d).T @ levels.T
    tables = scan.Asked(probes).prepared(how)
    return (looked_up(coded, tables, how, n) - exact) / tables.steps[:, None], tables


@pytest.mark.parametrize("first_bits", [1, 2])
@pytest.mark.parametrize("d", [*DIMS, 512])
def test_each_entry_of_a_table_is_off_by_less_than_a_step(d, first_bits):
    for kind in KINDS:
        steps, tables = off(d, first_bits, kind)
        assert np.abs(steps).max() < tables.first.shape[1] + 1e-2, named(kind)
        assert (np.abs(steps) * tables.steps[:, None]).max() < 0.05, named(kind)


@pytest.mark.parametrize("first_bits", [1, 2])
def test_entries_are_rounded_without_a_leaning(first_bits):
    """Of many rows and probes the mean is 0, and the spread what Hoeffding's lemma allows."""
    d = 512
    steps, tables = off(d, first_bits, isotropic, n_probes=200)
    spread = math.sqrt(tables.first.shape[1]) / 2
    of_probes = steps[8:].mean(axis=1)
    assert abs(of_probes.mean()) < 5 * spread / math.sqrt(len(of_probes))
    assert np.square(steps[8:]).mean() < spread**2


def test_the_entries_of_two_nibbles_fit_a_byte_and_the_highest_sum_sixteen_bits():
    for d in (1, 128, 1024, 4096):
        for bits in ((1, 0), (2, 0)):
            probes = unit(lattice(np.random.default_rng(d), 3, d), "probe")
            highest = scan.Asked(probes).prepared(coding(d, bits=bits)).first.max(axis=2)
            assert highest.astype(int).reshape(3, -1, 2).sum(axis=2).max() <= 255
            assert highest.sum(axis=1, dtype=int).max() <= 65535


# --- the chance ---------------------------------------------------------------------------------


@pytest.mark.parametrize("chance", [1e-4, 1e-3, 1e-2, 0.1, 0.3, 0.49])
def test_a_coordinate_of_a_circle_and_of_a_sphere(chance):
    """In 2 dimensions the angle is uniform, in 3 (Archimedes) the coordinate itself."""
    for got, right in (
        (deviation(3, chance), math.cos(math.pi * chance)),
        (deviation(4, chance), 1 - 2 * chance),
    ):
        assert right - 1e-12 <= got <= right + 1e-4
    assert deviation(4, chance) <= 1 - 2 * chance + 1e-5 or chance > 0.4


@pytest.mark.parametrize("d", [3, 5, 8, 33, 129])
def test_the_chance_is_what_random_points_say(d):
    points = np.random.default_rng(d).standard_normal((400_000, d - 1), np.float32)
    first = points[:, 0] / np.linalg.norm(points, axis=1)
    for chance in (1e-3, 1e-2, 1e-1):
        expected = chance * len(first)
        assert abs((first >= deviation(d, chance)).sum() - expected) < 5 * math.sqrt(expected)


def test_a_smaller_chance_reaches_farther_and_more_dimensions_less_far():
    chances = [0.4, 0.1, 1e-2, 1e-4, 1e-6, 1e-9]
    for d in (3, 10, 128, 4096):
        reach = [deviation(d, chance) for chance in chances]
        assert reach == sorted(reach)
        assert len(set(reach)) > 4
        assert 0 < reach[0] <= reach[-1] <= 1
    for chance in chances:
        reach = [deviation(d, chance) for d in (3, 4, 10, 64, 1024, 4096)]
        assert reach == sorted(reach, reverse=True)
    # A normal number of variance 1 / d exceeds 3.719 deviations with a chance of 1e-4.
    assert abs(deviation(4096, 1e-4) * 64 - 3.719) < 0.02


@pytest.mark.parametrize("d", [1, 2, 3, 128])
def test_no_chance_is_certainty(d):
    assert deviation(d, 0) == 1
    if d <= 2:
        assert deviation(d, 0.1) == 1


@pytest.mark.parametrize("chance", [-1e-9, 0.5, 1.0, math.nan])
def test_a_chance_out_of_range_is_an_error(chance):
    with pytest.raises(ValueError, match="from 0 to below"):
        deviation(128, chance)


def test_the_margin_has_room_for_a_score_that_was_rounded():
    """A cosine of 1 - 3e-8 is 1 in float32, and the root of 1 - s^2 is then not 0 but 2e-4."""
    assert bounds.margin(1.0, 1.0) > math.sqrt(1 - (1 - 6e-8) ** 2)
    assert bounds.margin(0.4, 1.0) == pytest.approx(math.sqrt(1 - 0.4**2), abs=1e-5)
    assert bounds.margin(-0.5, 1.0) == bounds.margin(0.0, 1.0) == 1
    assert bounds.margin(0.4, 0.3) == pytest.approx(0.3 * bounds.margin(0.4, 1.0))


@pytest.mark.parametrize("d", [4, 5, 33, 128, 512])
def test_the_tail_falls_at_the_hazard_or_faster(d):
    points = [deviation(d, chance) for chance in (1e-2, 1e-3, 1e-4, 1e-6)]
    for chance, near, far in zip((1e-2, 1e-3, 1e-4), points, points[1:], strict=False):
        fell = math.log(chance / {1e-2: 1e-3, 1e-3: 1e-4, 1e-4: 1e-6}[chance])
        assert fell >= hazard(d, chance) * (far - near) * (1 - 1e-2)
    assert hazard(d, 0) == hazard(3, 0.1) == math.inf


@pytest.mark.parametrize("chance", [1e-2, 1e-3])
@pytest.mark.parametrize("step", [1e-5, 4e-4, 2e-3, 1e-2])
def test_rounding_and_code_together_miss_no_more_than_the_code_may(step, chance):
    """Even where entries are rounded down with the chance that spreads their sum most."""
    d, n_nibbles, n, rng = 128, 64, 1_000_000, np.random.default_rng(5)
    rounded = step * (rng.binomial(n_nibbles, 0.5, n) - n_nibbles / 2)
    points = rng.standard_normal(n), np.sqrt(rng.chisquare(d - 2, n))
    w = points[0] / np.hypot(*points)
    for need in (0.0, 0.4, 0.89):
        reach, rate = deviation(d, chance), hazard(d, chance)
        margin, slack = bounds.margin(need, reach), bounds.rounding(need, rate, step, n_nibbles)
        assert 0 < slack <= n_nibbles * step
        for beside in (LEAST_BESIDE / FACTOR_SCALE, 0.32, 0.5):
            short = beside * math.sqrt(1 - need**2) * w + rounded
            n_missed = (short >= margin * beside + slack).sum()
            assert n_missed <= chance * n + 5 * math.sqrt(chance * n)


def test_where_nothing_may_be_missed_rounding_takes_what_it_can_at_most():
    assert bounds.rounding(0.4, math.inf, 1e-3, 64) == 64e-3
    assert bounds.rounding(1.0, 100.0, 1e-3, 64) <= 64e-3


# --- rows and codings ---------------------------------------------------------------------------


def test_int8_rows_use_the_whole_range():
    for kind in KINDS:
        templates = unit(kind(np.random.default_rng(4), 50, 100), "template")
        stored = kept(templates, "int8")
        assert (np.abs(stored.astype(int)).max(axis=1) == 127).all()
        assert faulty(stored) is None
        back = unit_rows(stored)
        np.testing.assert_allclose(np.linalg.norm(back.astype(float), axis=1), 1, atol=1e-6)
        # A number is off by half a step; the row's length changes little.
        largest = np.abs(templates).max(axis=1, keepdims=True)
        unscaled = stored * (largest / 127)
        assert (np.abs(unscaled - templates) <= largest * (0.5001 / 127)).all()


@pytest.mark.parametrize("bad", [-128, 126, 0])
def test_the_first_int8_row_that_is_none_is_named(bad):
    stored = kept(isotropic(np.random.default_rng(5), 9, 8), "int8").copy()
    stored[6] = np.clip(stored[6], -100, 100)
    stored[6, 0] = bad
    assert faulty(stored) == 6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.01, 0.0])
def test_unit_names_the_bad_row(bad):
    rows = isotropic(np.random.default_rng(6), 9000, 4)
    rows[8765] *= bad if np.isfinite(bad) else 1
    if not np.isfinite(bad):
        rows[8765, 2] = bad
    with pytest.raises(ValueError, match=r"template row 8765: expected finite .* unit length"):
        unit(rows, "template")


def test_unit_accepts_lengths_within_a_thousandth():
    rows = isotropic(np.random.default_rng(7), 2, 64) * np.array([[0.9991], [1.0009]], np.float32)
    lengths = np.linalg.norm(unit(rows.astype(np.float32), "row").astype(np.float64), axis=1)
    assert np.abs(lengths - 1).max() < 1e-7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "from 1 to 4096, got 0"),
        ({"dim": 4097}, "from 1 to 4096"),
        ({"rows": "float16"}, "float32 or int8, got 'float16'"),
        ({"first_bits": 0}, "first_bits of 1 or 2"),
        ({"first_bits": 3}, "first_bits of 1 or 2"),
        ({"more_bits": -1}, "at most 4 bits"),
        ({"first_bits": 1, "more_bits": 4}, "at most 4 bits"),
        ({"first_bits": 2, "more_bits": 3}, "at most 4 bits"),
        ({"seed": bytes(31)}, "32 bytes, got 31"),
    ],
)
def test_a_coding_that_cannot_be_is_an_error(change, message):
    right = {"dim": 128, "rows": "int8", "first_bits": 2, "more_bits": 0, "seed": bytes(32)}
    Coding(**right)
    with pytest.raises(ValueError, match=message):
        Coding(**right | change)


def test_a_coding_does_not_show_its_seed():
    assert "seed" not in repr(coding(128))
