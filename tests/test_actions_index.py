"""The index's files: what they hold is what is held; what is gone from there opens no more."""

import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest
from homes import (
    BOTH,
    N_PEOPLE,
    N_PHOTOS,
    add_folder,
    close_database,
    fill_folder,
    probe_of,
    reopen,
    require_clean,
    settle,
    visit,
)
from test_actions_search import found, search

from vultus.actions.home import local_account
from vultus.actions.lock import only_writer
from vultus.errors import IntegrityError, UnavailableError
from vultus.index.segment_format import Header, sections

both = pytest.mark.parametrize("filled", BOTH, indirect=True)
N = N_PEOPLE * N_PHOTOS


def cut(home, size=10, **settings):
    """The home as another process opens it, with segments of `size`, written by a visit."""
    settle(home, "index_segment_references", str(size))
    for name, value in settings.items():
        settle(home, name, f'"{value}"')
    again = reopen(home)
    visit(again)
    return again


def rows():
    """name -> ids of every segment."""
    from vultus.records.models import Segment

    return {row.name: row.ids.tolist() for row in Segment.objects.order_by("created", "name")}


def files(home):
    return {path.stem for path in (home.path / "index").glob("*")}


def numbers(answer):
    return [
        (p.verdict, p.best_expected, [(c.reference, c.score) for c in p.candidates])
        for p in answer.probes
    ]


def ask(home):
    """A search that finds somebody, and one that does not."""
    return numbers(search(home, probe_of(0), probe_of(N_PEOPLE), max_false_positives=1.0))


def require_same(home):
    """Index and database hold the same references, with the same templates; returns how many."""
    from vultus.actions.gallery import unsealed_templates
    from vultus.actions.index import loaded_index
    from vultus.records.models import Reference

    faces = loaded_index(home).faces
    ids, values = unsealed_templates(home, np.array(Reference.objects.values_list("id", flat=True)))
    assert faces.ids.tolist() == ids.tolist()
    if len(ids):
        assert np.allclose(faces.templates(ids), values[:, 1:], atol=1e-6)
    held = [number for numbers in rows().values() for number in numbers]
    assert len(held) == len(set(held))
    assert set(held) <= set(ids.tolist())
    assert files(home) == set(rows())
    return len(ids)


def damage(home, name, part="rows"):
    """Change one byte of a segment's file: in a section's first page, or of its header."""
    path = home.path / "index" / f"{name}.segment"
    data = bytearray(path.read_bytes())
    header = Header.decode(bytes(data))
    found = dict(zip(("ids", "codes", "factors", "more", "rows"), sections(
        header.coding, header.n, header.overhead), strict=True))  # fmt: skip
    data[found[part].offset + 5 if part != "header" else 40] ^= 1
    path.write_bytes(data)


# --- written ------------------------------------------------------------------------------------


@both
def test_a_visit_writes_segments_and_searches_answer_as_before(filled, monkeypatch):
    before = ask(filled)
    home = cut(filled)
    assert [len(ids) for ids in rows().values()] == [10, 10, 10]
    assert (home.path / "index").stat().st_mode & 0o777 == 0o700
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in (home.path / "index").iterdir())
    from vultus.actions import index

    unsealed = []
    real = index.unsealed_templates
    monkeypatch.setattr(
        index, "unsealed_templates", lambda home, ids: unsealed.extend(ids) or real(home, ids)
    )
    assert ask(home) == before  # to the last bit
    assert len(unsealed) == N - 30  # only what no segment holds
    assert require_same(home) == N
    names = set(rows())
    visit(home)
    assert set(rows()) == names  # nothing to do
    require_clean(home)


def test_a_home_of_few_references_has_no_segments(filled):
    visit(filled)
    assert rows() == {}
    assert not (filled.path / "index").exists()
    require_same(filled)


def test_doctor_says_when_much_is_in_no_segment(filled, done):
    settle(filled, "index_segment_references", "10")
    checks = {c["name"]: c for c in done(filled, "doctor")["checks"]}
    assert checks["index"]["state"] == "warning"
    assert "vultus index compact" in checks["index"]["detail"]
    done(filled, "index", "compact")
    checks = {c["name"]: c for c in done(filled, "doctor")["checks"]}
    assert checks["index"]["state"] == "ok"


def test_where_segments_cannot_be_written_photos_are_enrolled_all_the_same(
    filled, photos, caplog, vultus
):
    settle(filled, "index_segment_references", "10")
    home = reopen(filled)
    in_the_way = home.path / "index"
    in_the_way.write_text("a file")
    add_folder(home, photos)
    fill_folder(photos, 1, 2, first=N_PEOPLE)
    assert visit(home).new == 2
    assert "cannot be made" in caplog.text
    assert rows() == {}
    said = vultus("index", "compact", "--json", home=home)
    assert (said.code, said.error) == (5, "index.unwritable")
    assert found(search(home, probe_of(N_PEOPLE)).probes[0])
    in_the_way.unlink()
    visit(home)
    assert len(rows()) == 3
    assert require_same(home) == N + 2


@both
def test_what_is_in_no_segment_and_small_ones_are_put_together(filled, photos):
    from vultus.actions.segment import compact, verify

    home = cut(filled, 20)
    assert [len(ids) for ids in rows().values()] == [20]
    assert (compact(home).n_segments, verify(home).n_loose) == (2, 0)
    assert [len(ids) for ids in rows().values()] == [20, 16]
    names = list(rows())
    compact(home)
    assert list(rows()) == names
    add_folder(home, photos)
    for n in (2, 4):
        fill_folder(photos, n // 2, 2, first=N_PEOPLE)
        visit(home)
        assert (verify(home).n_references, verify(home).n_loose) == (N + n - 2, 2)
        answer = compact(home)
        assert [len(ids) for ids in rows().values()] == [20, 16, n]
        assert list(rows())[:2] == names
        assert answer.n_bytes == sum(p.stat().st_size for p in (home.path / "index").iterdir())
    assert require_same(home) == N + 4
    require_clean(home)


def test_an_empty_home_has_an_index_too(home):
    from vultus.actions.segment import compact, rebuild, verify

    for act in (verify, compact, rebuild):
        answer = act(home)
        assert (answer.n_segments, answer.n_references, answer.n_loose) == (0, 0, 0)


@both
def test_segments_that_another_process_writes_are_taken_over(filled, photos):
    from vultus.actions.index import loaded_index

    home = cut(filled)
    other = replace(home, held=None, index=None)
    assert require_same(home) == N
    kept = loaded_index(home).segments
    add_folder(other, photos)
    fill_folder(photos, 2, 3, first=N_PEOPLE)
    visit(other)
    assert len(rows()) == 4
    assert found(search(home, probe_of(N_PEOPLE)).probes[0])
    now = loaded_index(home).segments
    assert set(now) == set(rows())
    assert all(now[name] is segment for name, segment in kept.items())  # not opened again
    assert require_same(home) == N + 6
    from vultus.actions.erase import erase

    erase(other, local_account(other), source="a")
    assert search(home, probe_of(N_PEOPLE)).probes[0].verdict == "no_likely_match"
    assert require_same(home) == N


@both
def test_templates_may_be_held_as_int8(filled):
    exact = ask(filled)
    home = cut(filled, index_rows="int8")
    assert len(rows()) == 3
    rounded = ask(home)
    for (verdict, _, a), (rounded_verdict, _, b) in zip(exact, rounded, strict=True):
        assert verdict == rounded_verdict
        assert abs(len(a) - len(b)) <= 1  # one may stand at the threshold
        scores = dict(b)
        assert all(abs(score - scores.get(n, score)) < 0.005 for n, score in a)
    # Another setting: what was written under the old one is read from the database until it is
    # written anew.
    settle(home, "index_rows", '"float32"')
    home = reopen(home)
    assert ask(home) == exact
    assert rows() == {}
    from vultus.actions.segment import compact

    compact(home)
    assert ask(home) == exact
    assert require_same(home) == N


# --- gone ---------------------------------------------------------------------------------------


def key_of(name):
    from vultus.records.models import Segment

    return bytes(Segment.objects.get(name=name).sealed_key)


@both
def test_erasing_destroys_the_key_of_the_segment_that_held_it(filled):
    from vultus.actions.erase import erase
    from vultus.records.keyring import SegmentKeys

    home = cut(filled)
    assert require_same(home) == N
    before = rows()
    (old, *others) = before
    key, gone = key_of(old), before[old][3]
    erase(home, local_account(home), reference=gone)
    assert old not in rows()
    assert set(others) <= set(rows())
    (new,) = set(rows()) - set(others)
    assert rows()[new] == [n for n in before[old] if n != gone]
    assert key_of(new) != key
    with pytest.raises(IntegrityError) as raised:
        SegmentKeys(home.vault).cipher(old)
    assert raised.value.code == "segment.key_gone"
    assert require_same(home) == N - 1
    assert require_same(reopen(home)) == N - 1
    require_clean(home)


@both
def test_erasing_a_source_leaves_no_segment_of_it(filled, photos):
    from vultus.actions.erase import erase

    home = cut(filled)
    add_folder(home, photos)
    fill_folder(photos, 2, 6, first=N_PEOPLE)
    visit(home)
    assert len(rows()) == 4
    erase(home, local_account(home), source="portraits")
    assert require_same(home) == 12
    assert len(rows()) == 1
    erase(home, local_account(home), source="a")
    assert require_same(home) == 0
    assert (rows(), files(home)) == ({}, set())
    require_clean(home)


@pytest.mark.parametrize("home", BOTH, indirect=True)
def test_what_a_visit_lets_go_of_leaves_the_segments_too(home, photos):
    settle(home, "index_segment_references", "6")
    home = reopen(home)
    made = fill_folder(photos, 4, 3)
    add_folder(home, photos)
    visit(home)
    assert [len(ids) for ids in rows().values()] == [6, 6]
    before = rows()
    made[0].unlink()
    shutil.copy(probe_of(5), made[7])
    visit(home)
    assert require_same(home) == 12 - 2 + 1
    assert not set(before) & set(rows())
    visit(home, revisit=True)
    assert require_same(home) == 11
    require_clean(home)


@pytest.mark.parametrize("why", ["no room", "no flush", "busy", "another's template does not open"])
def test_an_erasure_that_cannot_write_segments_anew_drops_them(filled, monkeypatch, why):
    """The key is gone before the receipt says so, whatever becomes of the rest."""
    from vultus.actions import segment
    from vultus.actions.erase import erase
    from vultus.records.models import Reference

    home = cut(filled)
    before = rows()
    old = next(iter(before))
    first, second = before[old][:2]
    with monkeypatch.context() as broken:
        if why.startswith("no "):

            def fail(*arguments, **more):
                if why == "no flush":  # the file is there, whole, with its name
                    real(*arguments, **more)
                raise UnavailableError("index.unwritable", "No room.", "Make some.")

            real = segment.write
            broken.setattr(segment, "write", fail)
        if why == "another's template does not open":
            sealed = Reference.objects.get(pk=second).sealed_template
            Reference.objects.filter(pk=second).update(sealed_template=bytes(700))
        if why == "busy":
            with only_writer(home.path):
                erase(home, local_account(home), reference=first)
        else:
            erase(home, local_account(home), reference=first)
    assert set(rows()) == set(before) - {old}
    assert files(home) == set(rows())
    assert len(list((home.path / "receipts").iterdir())) == 1
    if why == "another's template does not open":
        Reference.objects.filter(pk=second).update(sealed_template=sealed)
    assert require_same(home) == N - 1
    visit(home)
    assert len(rows()) == 3
    assert require_same(reopen(home)) == N - 1
    require_clean(home)


def test_a_segment_is_not_put_in_place_when_something_in_it_was_erased_meanwhile(
    filled, monkeypatch
):
    from vultus.actions import segment
    from vultus.actions.erase import erase
    from vultus.records.models import Reference

    settle(filled, "index_segment_references", "10")
    home = reopen(filled)
    other = replace(home, held=None, index=None)
    real, erased = segment.write, []

    def write(path, name, coding, ids, rows, *, cipher):
        written = real(path, name, coding, ids, rows, cipher=cipher)
        if not erased:
            erased.append(int(ids[4]))
            erase(other, local_account(other), reference=erased[0])
        return written

    monkeypatch.setattr(segment, "write", write)
    visit(home)
    assert erased
    assert not Reference.objects.filter(pk=erased[0]).exists()
    assert len(rows()) == 2
    assert require_same(home) == N - 1
    assert require_same(reopen(home)) == N - 1


# --- damaged ------------------------------------------------------------------------------------


def lose(home, names):
    (home.path / "index" / f"{names[0]}.segment").unlink()


def empty(home, names):
    (home.path / "index" / f"{names[0]}.segment").write_bytes(b"")


def cut_short(home, names):
    path = home.path / "index" / f"{names[0]}.segment"
    path.write_bytes(path.read_bytes()[:-1])


def change_header(home, names):
    damage(home, names[0], "header")


def change_codes(home, names):
    damage(home, names[0], "codes")


def swap(home, names):
    one, other = (home.path / "index" / f"{name}.segment" for name in names[:2])
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def change_key(home, names):
    from vultus.records.models import Segment

    Segment.objects.filter(pk=names[0]).update(sealed_key=key_of(names[1]))


def change_model(home, names):
    from vultus.records.models import Segment

    Segment.objects.filter(pk=names[0]).update(model="another")


def change_runs(home, names):
    from vultus.records.models import Segment
    from vultus.records.segment import runs_of

    ids = np.array(rows()[names[0]]) + 1000
    Segment.objects.filter(pk=names[0]).update(runs=runs_of(ids))


DAMAGES = [
    lose, empty, cut_short, change_header, change_codes, swap, change_key, change_model,
    change_runs,
]  # fmt: skip


@pytest.mark.parametrize("harm", DAMAGES, ids=lambda harm: harm.__name__)
def test_a_damaged_segment_costs_nothing_but_time(filled, harm, caplog, vultus):
    from vultus.actions.segment import rebuild, verify

    home = cut(filled)
    before, names = ask(home), list(rows())
    harm(home, names)
    said = vultus("doctor", "--json", home=home)
    (check,) = [c for c in said.document["checks"] if c["name"] == "index"]
    assert (said.code, check["state"]) == (4, "failed")
    assert "rebuild" in check["detail"]
    with pytest.raises(IntegrityError) as raised:
        verify(reopen(home))
    assert raised.value.code == "index.damaged"
    assert names[0] in raised.value.message
    with caplog.at_level(logging.WARNING):
        assert ask(reopen(home)) == before
    assert names[0] in caplog.text
    assert names[0] not in rows()
    assert require_same(reopen(home)) == N
    require_clean(reopen(home))
    visit(reopen(home))
    assert len(rows()) == 3
    harm(home, list(rows()))
    assert rebuild(reopen(home)).damaged
    assert require_same(reopen(home)) == N
    assert verify(home).n_loose == 0
    assert ask(home) == before


@both
def test_a_damaged_row_is_found_by_the_search_that_reads_it(filled, caplog):
    from vultus.actions.segment import verify

    home = cut(filled)
    before, names = ask(home), list(rows())
    damage(home, names[0], "rows")
    with pytest.raises(IntegrityError) as raised:
        verify(reopen(home))
    assert raised.value.code == "index.damaged"
    with caplog.at_level(logging.WARNING):
        assert ask(reopen(home)) == before
    assert "damaged" in caplog.text
    assert names[0] not in rows()
    assert verify(home).n_loose == 16
    visit(home)
    assert (len(rows()), verify(home).n_loose) == (3, 6)
    assert require_same(reopen(home)) == N
    require_clean(home)


def test_a_file_that_belongs_to_no_segment_is_removed(filled):
    home = cut(filled)
    for name in ("0123456789abcdef.segment", ".0123456789abcdef.segment.xxxxxxxx.tmp", "other"):
        (home.path / "index" / name).write_bytes(b"left over")
    assert require_same(reopen(home)) == N
    (home.path / "index" / "other").write_bytes(b"left over")
    require_clean(home)
    assert files(home) == set(rows())


def test_while_an_ingest_runs_or_the_index_is_written_others_leave_the_files_alone(filled):
    from vultus.actions.index import loaded_index
    from vultus.actions.lock import only_one
    from vultus.actions.segment import compact, rebuild

    home = cut(filled)
    other = home.path / "index" / "0123456789abcdef.segment"
    other.write_bytes(b"being written")
    for lock in (only_one, only_writer):
        with lock(home.path):
            loaded_index(reopen(home))
            assert other.exists()
    with only_writer(home.path):
        for act in (compact, rebuild):
            with pytest.raises(UnavailableError) as raised:
                act(home)
            assert raised.value.code == "index.busy"
        visit(home)  # it leaves the index to the other
    loaded_index(reopen(home))
    assert not other.exists()


# --- the command line ---------------------------------------------------------------------------


def test_the_index_on_the_command_line(filled, vultus, done):
    home = cut(filled)
    close_database()
    n_bytes = sum(path.stat().st_size for path in (home.path / "index").iterdir())
    shown = {"segments": 3, "references": 30, "in_no_segment": 6, "bytes": n_bytes}
    assert done(home, "index", "verify") == {"verified": True, **shown}
    assert done(home, "index", "rebuild") == {"rebuilt": [], **shown}
    document = done(home, "index", "compact")
    assert (document["segments"], document["references"], document["in_no_segment"]) == (4, N, 0)
    name = next(iter(rows()))
    damage(home, name)
    said = vultus("index", "verify", "--json", home=home)
    assert (said.code, said.error) == (4, "index.damaged")
    assert "rebuild" in said.document["error"]["hint"]
    assert done(home, "index", "rebuild")["rebuilt"] == [name]
    said = vultus("index", "verify", home=home)
    assert said.code == 0
    assert "segments" in said.out
