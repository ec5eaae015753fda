"""The segment file, version 2 (docs/formats/index.md): one spelling, and no other is read."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from index_files import KEY, pages_of, refused, sha256, small, spelled, verify
from index_galleries import BITS, KINDS, coding, face_like, isotropic, kept, seed
from index_keys import Pages

from vultus.errors import InputError, IntegrityError
from vultus.index import FaceIndex, Segment, scan
from vultus.index.codes import encode
from vultus.index.segment import write
from vultus.index.segment_format import HEADER_SIZE, MAX_COUNT, sections

ENDS = [-(2**63), -(2**63) + 1, -1, 0, 5, 2**63 - 1]


# --- what is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("bits", BITS, ids=str)
@pytest.mark.parametrize("rows", ["float32", "int8"])
def test_the_bytes_are_those_of_the_document(tmp_path, rows, bits):
    how, n = coding(5, rows, bits), 70
    ids = np.arange(n) * 3 - 10
    stored = kept(isotropic(np.random.default_rng(0), n, 5), rows)
    written = write(tmp_path / "a", "a-1", how, ids, stored)
    coded = encode(stored, how)
    more = b"".join(
        code.tobytes() + factors.astype("<u2").tobytes()
        for code, factors in zip(coded.more, coded.more_factors, strict=False)
    )
    pages = [ids.astype("<i8").tobytes(), coded.blocks.tobytes()]
    pages += [coded.factors.tobytes(), *([more] if bits[1] else [])]
    pages += [stored[start : start + 32].tobytes() for start in (0, 32, 64)]
    data = (tmp_path / "a").read_bytes()
    assert data == spelled(how, n, pages)
    assert (written.n, written.n_bytes) == (n, len(data))
    assert written.digest == sha256(data[:HEADER_SIZE])
    assert HEADER_SIZE == 192


def test_the_same_references_are_the_same_bytes(tmp_path):
    for cipher in (None, Pages(KEY)):
        how = coding(33, "int8", (1, 3))
        one = small(tmp_path / "one", how, range(100), cipher=cipher)
        assert small(tmp_path / "two", how, range(100), cipher=cipher) == one
    index, backwards = (FaceIndex(33, seed=seed(1)) for _ in range(2))
    rows = isotropic(np.random.default_rng(0), 50, 33)
    index.add(np.arange(50), rows)
    backwards.add(np.arange(50)[::-1], rows[::-1])
    for path, each in ((tmp_path / "a", index), (tmp_path / "b", backwards)):
        each.save(path)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_empty_segment_is_the_header_alone(tmp_path):
    for cipher in (None, Pages(KEY)):
        data = small(tmp_path / "a", coding(128, bits=(1, 2)), [], cipher=cipher)
        assert len(data) == HEADER_SIZE
        opened = Segment.open(tmp_path / "a", cipher=cipher)
        opened.verify()
        assert (len(opened.ids), opened.n, opened.n_alive) == (0, 0, 0)
        assert opened.positions(np.array([0, 5])).tolist() == [-1, -1]
        index = FaceIndex.of([opened])
        assert [len(c) for c in index.search(np.eye(2, 128), k=3)] == [0, 0]
        assert (len(index), index.dim) == (0, 128)


@pytest.mark.parametrize("name", ["", "A", "a" * 65, "a.b", "a/b", "ä", "a\n"])
def test_a_name_that_is_none_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match="expected a name"):
        small(tmp_path / "a", coding(4), name=name)
    assert list(tmp_path.iterdir()) == []


def test_names_of_every_length(tmp_path):
    for name in ("a", "0123456789abcdef-" * 3, "z" * 64):
        small(tmp_path / "a", coding(4), name=name)
        assert Segment.open(tmp_path / "a").name == name


# --- round trip ---------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    number=st.integers(0, 99),
    kind=st.sampled_from(KINDS),
    d=st.integers(1, 70),
    rows=st.sampled_from(["float32", "int8"]),
    bits=st.sampled_from(BITS),
    sealed=st.booleans(),
    ids=st.lists(
        st.integers(-(2**63), 2**63 - 1) | st.integers(0, 200) | st.sampled_from(ENDS),
        unique=True,
        max_size=90,
    ).map(sorted),
)
def test_what_was_written_is_read(tmp_path_factory, number, kind, d, rows, bits, sealed, ids):
    path = tmp_path_factory.mktemp("segment") / "a"
    how = coding(d, rows, bits, number % 3)
    given_ids = np.array(ids, np.int64)
    stored = kept(kind(np.random.default_rng(number), max(len(ids), 2), d), rows)[: len(ids)]
    cipher = Pages(KEY) if sealed else None
    write(path, "b", how, given_ids, stored, cipher=cipher)
    opened = Segment.open(path, cipher=cipher, cache_bytes=0)
    opened.verify()
    assert (opened.name, opened.coding, opened.n) == ("b", how, len(ids))
    np.testing.assert_array_equal(opened.ids, given_ids)
    order = np.random.default_rng(number).permutation(len(ids))
    np.testing.assert_array_equal(opened.positions(given_ids[order]), order)
    absent = np.array([i for i in (*ENDS, 3, 77) if i not in ids], np.int64)
    assert (opened.positions(absent) == -1).all()
    found, at = opened.rows_at(order)
    np.testing.assert_array_equal(found[at], stored[order])
    coded = encode(stored, how)
    for got, right in zip(opened.codes, coded, strict=True):
        np.testing.assert_array_equal(got, right)
    opened.close()


@pytest.mark.parametrize("ids", [ENDS, ENDS[:2], ENDS[2:], ENDS[1:], [0, 2**32 - 1], [0, 2**32]])
def test_ids_at_the_ends_of_int64(tmp_path, ids):
    small(tmp_path / "a", coding(16), ids)
    opened = Segment.open(tmp_path / "a")
    assert opened.ids.tolist() == ids
    asked = np.array(sorted({*ENDS, *ids, 2**32 - 1, 2**32, 2**62, -(2**62)}), np.int64)
    want = [ids.index(i) if i in ids else -1 for i in asked.tolist()]
    assert opened.positions(asked).tolist() == want


def test_ids_that_lie_close_take_four_bytes(tmp_path):
    small(tmp_path / "a", coding(16), range(10**15, 10**15 + 100))
    assert Segment.open(tmp_path / "a").memory()["ids"] == 400
    small(tmp_path / "b", coding(16), [0, 2**40])
    assert Segment.open(tmp_path / "b").memory()["ids"] == 16


def test_sections_of_several_pages(tmp_path):
    n, how = 40_000, coding(8, "int8", (1, 1))
    rows = kept(face_like(np.random.default_rng(1), n, 8), "int8")
    for cipher in (None, Pages(KEY)):
        write(tmp_path / "a", "a-1", how, np.arange(n), rows, cipher=cipher)
        opened = Segment.open(tmp_path / "a", cipher=cipher)
        assert [s.n_pages for s in opened._sections] == [5, 2, 2, 40, 1250]
        opened.verify()
        some = np.random.default_rng(2).integers(0, n, 500)
        found, at = opened.rows_at(some)
        np.testing.assert_array_equal(found[at], rows[some])
        assert opened.ids_at(some).tolist() == some.tolist()


def test_a_saved_index_is_a_segment(tmp_path):
    templates = isotropic(np.random.default_rng(3), 200, 64)
    index = FaceIndex(64, more_bits=1, seed=seed(3))
    index.add(np.arange(200), templates)
    index.save(tmp_path / "a.index")
    index.save(str(tmp_path / "a.index"))
    again = FaceIndex.open(str(tmp_path / "a.index"))
    assert again.coding == index.coding
    again.save(tmp_path / "b.index")
    assert (tmp_path / "b.index").read_bytes() == (tmp_path / "a.index").read_bytes()
    again.add(500, -templates[0])
    again.remove(0)
    assert again.search(-templates[0], k=1)[0].ids.tolist() == [500]
    assert (tmp_path / "a.index").stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.index", "b.index"]


def test_a_removed_template_is_not_in_a_file_saved_afterwards(tmp_path):
    index = FaceIndex(64, seed=seed(4))
    index.add(np.arange(50), isotropic(np.random.default_rng(2), 50, 64))
    templates = [row.tobytes() for row in index.templates(np.arange(50))]
    index.save(tmp_path / "a.index")
    opened = FaceIndex.open(tmp_path / "a.index")
    assert opened.remove([7, 49]) == 2
    opened.save(tmp_path / "a.index")
    saved = (tmp_path / "a.index").read_bytes()
    assert [i for i, template in enumerate(templates) if template not in saved] == [7, 49]
    left = [i for i in range(50) if i not in (7, 49)]
    assert FaceIndex.open(tmp_path / "a.index").ids.tolist() == left


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [(2, 0), (1, 3)], ids=str)
def test_every_changed_bit_of_a_plain_file_is_found(tmp_path, bits):
    how = coding(5, "int8", bits)
    data = small(tmp_path / "a", how)
    rows_at = sections(how, 3, 0)[4]
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        (tmp_path / "b").write_bytes(changed)
        in_rows = rows_at.offset <= at < rows_at.offset + rows_at.size
        with pytest.raises(IntegrityError):
            opened = Segment.open(tmp_path / "b")
            assert in_rows, f"byte {at}"
            opened.verify()


def test_every_changed_byte_of_a_sealed_file_is_found(tmp_path):
    how, cipher = coding(5, "int8", (1, 1)), Pages(KEY)
    data = small(tmp_path / "a", how, cipher=cipher)
    rows_at = sections(how, 3, 16)[4]
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        (tmp_path / "b").write_bytes(changed)
        in_rows = rows_at.offset <= at < rows_at.offset + rows_at.size
        with pytest.raises(IntegrityError):
            opened = Segment.open(tmp_path / "b", cipher=cipher)
            assert in_rows, f"byte {at}"
            opened.rows_at(np.array([1]))


def test_a_changed_row_is_found_by_the_search_that_reads_it_where_it_is_sealed(tmp_path):
    how, cipher = coding(16, "int8"), Pages(KEY)
    data = bytearray(small(tmp_path / "a", how, range(100), cipher=cipher))
    data[-16 * 8 - 20] ^= 1  # in the last page of rows
    (tmp_path / "a").write_bytes(data)
    index = FaceIndex.of([Segment.open(tmp_path / "a", cipher=cipher)])
    with pytest.raises(IntegrityError, match="does not open"):
        index.search(np.eye(1, 16))
    with pytest.raises(IntegrityError):
        index.templates([99])
    assert len(index.templates([0])) == 1


@pytest.mark.parametrize("sealed", [False, True])
def test_a_file_cut_at_any_place_is_refused(tmp_path, sealed):
    how, cipher = coding(5, "float32", (1, 2)), Pages(KEY) if sealed else None
    data = small(tmp_path / "a", how, range(40), cipher=cipher)
    edges = {section.offset for section in sections(how, 40, 16 if sealed else 0)}
    edges |= {0, 1, 7, 8, HEADER_SIZE - 1, HEADER_SIZE, len(data) - 16, len(data) - 1}
    for size in sorted(edges):
        code = "index.magic" if size < HEADER_SIZE else "index.length"
        refused(tmp_path / "b", data[:size], code, cipher=cipher)
    refused(tmp_path / "b", data + b"\0", "index.length", cipher=cipher)
    refused(tmp_path / "b", data + data, "index.length", cipher=cipher)


@given(st.binary(max_size=400))
@example(b"")
@example(b"VULTUSIX")
@example(b"VULTUSIX" + bytes(400))
def test_noise_is_refused(tmp_path_factory, noise):
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(noise)
    with pytest.raises(IntegrityError):
        FaceIndex.open(path)


HUGE = {"n": MAX_COUNT, "dim": 4096}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"magic": b"VULTUSIY"}, "index.magic"),
        ({"version": 0}, "index.version"),
        ({"version": 1}, "index.version"),
        ({"version": 3}, "index.version"),
        ({"version": 2 << 24}, "index.version"),
        ({"dim": 0}, "index.header"),
        ({"dim": 4097}, "index.header"),
        ({"n": 2**31}, "index.header"),
        ({"n": 2**64 - 1}, "index.header"),
        ({"rows": 0}, "index.header"),
        ({"rows": 3}, "index.header"),
        ({"first": 0}, "index.header"),
        ({"first": 3}, "index.header"),
        ({"more": 4}, "index.header"),
        ({"more": 255}, "index.header"),
        ({"sealed": 2}, "index.header"),
        ({"sealed": 255, "overhead": 16}, "index.header"),
        ({"overhead": 16}, "index.header"),
        ({"name": b""}, "index.header"),
        ({"name": b"A"}, "index.header"),
        ({"name": b"a\0b"}, "index.header"),
        ({"name": b"\0a"}, "index.header"),
        ({"name": b"\xff"}, "index.header"),
        ({"name": b"a\n"}, "index.header"),
        ({"sealed": 1, "overhead": 16}, "index.sealed"),
        ({"n": 4}, "index.length"),
        ({"n": 2}, "index.length"),
        ({"dim": 6}, "index.length"),
        ({"rows": 1}, "index.length"),
        ({"more": 1}, "index.length"),
        (HUGE, "index.length"),
        (HUGE | {"rows": 1, "more": 2}, "index.length"),
        ({"table": bytes(32)}, "index.checksum"),
    ],
    ids=str,
)
def test_a_header_that_is_out_of_range_is_refused(tmp_path, change, code):
    how = coding(5, "int8")
    data = small(tmp_path / "a", how)
    pages = [page for _, page in pages_of(data, how, 3)]
    assert spelled(how, 3, pages) == data
    refused(tmp_path / "a", spelled(how, 3, pages, **change), code)


def test_another_seed_is_another_rotation(tmp_path):
    how = coding(64, "int8")
    data = small(tmp_path / "a", how, range(100))
    pages = [page for _, page in pages_of(data, how, 100)]
    other = spelled(how, 100, pages, seed=seed(99))
    refused(tmp_path / "a", other, "index.codes", reading=verify)


@pytest.mark.parametrize("ids", [[2, 1], [1, 1], [2**63 - 1, -(2**63)], [0, -1]])
def test_ids_that_do_not_ascend_are_refused(tmp_path, ids):
    how = coding(5, "int8")
    data = small(tmp_path / "a", how, [1, 2])
    _, *rest = (page for _, page in pages_of(data, how, 2))
    forged = spelled(how, 2, [np.array(ids, "<i8").tobytes(), *rest])
    refused(tmp_path / "a", forged, "index.ids")


def forged(path, how, n, change):
    """A file with right digests of which one section was changed: change(section, pages)."""
    data = small(path, how, range(n))
    pages = [(number, bytearray(page)) for number, page in pages_of(data, how, n)]
    change({i: [page for number, page in pages if number == i] for i in range(5)})
    return spelled(how, n, [bytes(page) for _, page in pages])


def test_bits_behind_the_last_reference_are_refused(tmp_path):
    for section in (1, 2):

        def change(pages, section=section):
            pages[section][0][-1] = 1

        refused(tmp_path / "a", forged(tmp_path / "a", coding(8), 31, change), "index.codes")


@pytest.mark.parametrize("bits", BITS, ids=str)
def test_the_tail_of_a_code_is_zero(tmp_path, bits):
    """5 dimensions fill no byte to the end: what is behind them has one spelling."""
    how = coding(5, bits=bits)

    def first(pages):
        pages[1][0][(how.n_bytes - 1) * 32 + 3] |= 0x80

    refused(tmp_path / "a", forged(tmp_path / "a", how, 4, first), "index.codes")
    if bits[1]:

        def more(pages):
            pages[3][0][how.n_more_bytes - 1] |= 0x80

        refused(tmp_path / "a", forged(tmp_path / "a", how, 4, more), "index.codes")


@pytest.mark.parametrize("bad", [0, 126, -128])
def test_an_int8_row_whose_largest_number_is_not_127_is_found_by_verify(tmp_path, bad):
    how = coding(5, "int8")

    def change(pages):
        row = np.frombuffer(pages[4][1], np.int8)[5:10]
        row[:] = np.where(np.abs(row.astype(int)) == 127, bad, row)

    data = forged(tmp_path / "a", how, 40, change)
    refused(tmp_path / "a", data, "index.rows", reading=verify)


@pytest.mark.parametrize("factor", [0.0, 0.99999, 1.00001, -1.1, np.nan, np.inf])
def test_a_float32_row_that_is_not_of_unit_length_is_found_by_verify(tmp_path, factor):
    how = coding(5, "float32")

    def change(pages):
        row = np.frombuffer(pages[4][1], np.float32)[5:10]
        row *= np.float32(factor)

    data = forged(tmp_path / "a", how, 40, change)
    refused(tmp_path / "a", data, "index.rows", reading=verify)


@pytest.mark.parametrize("bits", [(1, 0), (2, 0), (2, 1)], ids=str)
@pytest.mark.parametrize("rows", ["float32", "int8"])
def test_codes_that_do_not_fit_the_rows_are_found_by_verify(tmp_path, rows, bits):
    """With right digests: only deriving them anew shows it."""
    how = coding(64, rows, bits)

    def other_row(pages):
        page = np.frombuffer(pages[4][1], how.row_dtype).reshape(-1, 64)
        page[3] = kept(isotropic(np.random.default_rng(9), 1, 64), rows)[0]

    def other_code(pages):
        pages[1][0][7] ^= 0x55

    def other_along(pages):
        pages[2][0][5] += 3

    def other_beside(pages):
        pages[2][0][32 + 5] -= 3

    def never_ruled_out(pages):
        pages[2][0][5], pages[2][0][32 + 5] = 0, 255

    changes = [other_row, other_code, other_along, other_beside, never_ruled_out]
    if bits[1]:
        size = how.n_more_bytes + 4

        def other_more(pages):
            pages[3][0][6 * size + 2] ^= 0x55

        def other_more_beside(pages):
            np.frombuffer(pages[3][0], np.uint8)[7 * size - 2 : 7 * size] = 3

        def more_never_ruled_out(pages):
            np.frombuffer(pages[3][0], np.uint8)[7 * size - 4 : 7 * size] = [0, 0, 255, 255]

        changes += [other_more, other_more_beside, more_never_ruled_out]
    for change in changes:
        data = forged(tmp_path / "a", how, 70, change)
        refused(tmp_path / "a", data, "index.codes", reading=verify)
    forged_without_a_change = forged(tmp_path / "a", how, 70, lambda pages: None)
    (tmp_path / "a").write_bytes(forged_without_a_change)
    Segment.open(tmp_path / "a").verify()


def test_the_ids_and_rows_of_another_file_are_refused(tmp_path):
    how = coding(5)
    one, two = small(tmp_path / "a", how, range(40)), small(tmp_path / "b", how, range(41, 81))
    first = sections(how, 40, 0)[0]
    cut = first.offset + first.size
    refused(tmp_path / "a", one[:cut] + two[cut:], "index.checksum")
    refused(tmp_path / "a", one[:HEADER_SIZE] + two[HEADER_SIZE:], "index.checksum")


# --- the file itself ----------------------------------------------------------------------------


def test_a_missing_file_is_the_callers_to_mend(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError) as caught:
            Segment.open(path)
        assert caught.value.code == "index.unreadable"
        assert caught.value.hint


def test_a_segment_that_was_written_anew_leaves_the_opened_one_as_it_was(tmp_path):
    how = coding(16)
    small(tmp_path / "a", how, range(50))
    opened = Segment.open(tmp_path / "a")
    before = opened.rows_at(np.arange(50))[0].copy()
    small(tmp_path / "a", how, range(20))
    np.testing.assert_array_equal(opened.rows_at(np.arange(50))[0], before)
    assert Segment.open(tmp_path / "a").n == 20


@pytest.mark.parametrize("sealed", [False, True])
def test_a_closed_segment_says_so(tmp_path, sealed):
    cipher = Pages(KEY) if sealed else None
    small(tmp_path / "a", coding(16), range(50), cipher=cipher)
    opened = Segment.open(tmp_path / "a", cipher=cipher)
    index = FaceIndex.of([opened])
    assert len(index.search(np.eye(1, 16))[0]) == 50
    opened.close()
    opened.close()
    with pytest.raises(ValueError, match="segment a-1 is closed"):
        opened.rows_at(np.array([3]))
    with pytest.raises(ValueError, match="closed"):
        index.search(np.eye(1, 16))
    with pytest.raises(ValueError, match="closed"):
        index.templates([3])


def test_rows_in_somebodys_hands_outlive_the_segment(tmp_path):
    small(tmp_path / "a", coding(16), range(50))
    opened = Segment.open(tmp_path / "a")
    rows, at = opened.rows_at(np.array([3]))
    want = rows[at].copy()
    opened.close()
    np.testing.assert_array_equal(rows[at], want)


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "numpy"])
@pytest.mark.parametrize("limits", [{}, {"k": 1}, {"threshold": -1.0}])
def test_a_row_without_a_score_is_not_a_candidate(tmp_path, monkeypatch, limits, compiled):
    """A row that was zeroed on the disk, unsealed: no digest is compared when it is read."""
    if not compiled:
        monkeypatch.setattr(scan, "kernels", lambda: None)
    how = coding(16, "int8")
    data = bytearray(small(tmp_path / "a", how))
    rows = sections(how, 3, 0)[4]
    data[rows.offset : rows.offset + how.dim] = bytes(how.dim)
    (tmp_path / "a").write_bytes(data)
    with FaceIndex.open(tmp_path / "a") as index, pytest.raises(IntegrityError) as caught:
        index.search(isotropic(np.random.default_rng(1), 1, how.dim), **limits)
    assert caught.value.code == "index.rows"
