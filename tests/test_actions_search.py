"""Search: which faces, which gallery, which candidates, and what is said when there are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from homes import (
    BOTH,
    CASE_TEXTS,
    N_PEOPLE,
    N_PHOTOS,
    add_folder,
    fill_folder,
    group_photo,
    people,
    portrait,
    probe_of,
    reopen,
    require_clean,
    small_face,
    visit,
    wall,
)

from vultus.actions.home import local_account
from vultus.errors import InputError, RefusedError

both = pytest.mark.parametrize("filled", BOTH, indirect=True)


def search(home, *photos, case_id=1, **options):
    from vultus.actions.search import search_photos

    return search_photos(home, local_account(home), list(photos), case_id=case_id, **options)


def found(probe):
    """The people among the candidates, by their folders, best first."""
    return [Path(c.photo.places[0].path_or_url).parent.name for c in probe.candidates]


def person(n):
    return list(people())[n]


def refused(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    assert caught.value.hint
    return caught.value.code


@both
def test_a_person_is_found_in_every_photo_and_a_stranger_in_none(filled):
    photos = [probe_of(n) for n in (0, 3, N_PEOPLE, N_PEOPLE + 2)]
    answer = search(filled, *photos)
    assert [probe.photo for probe in answer.probes] == [str(path) for path in photos]
    for n, probe in zip((0, 3), answer.probes[:2], strict=True):
        assert (probe.verdict, found(probe)) == ("candidates", [person(n)] * N_PHOTOS)
        assert probe.best_expected < 0.01
    for probe in answer.probes[2:]:
        assert (probe.verdict, probe.candidates) == ("no_likely_match", ())
        assert probe.best_expected > filled.settings.max_false_positives
    assert (answer.gallery.n_references, answer.gallery.n_photos) == (36, 36)


@both
def test_candidates_are_ranked_and_say_what_their_score_means(filled):
    answer = search(filled, probe_of(0))
    (probe,) = answer.probes
    candidates = probe.candidates
    assert [c.rank for c in candidates] == list(range(1, len(candidates) + 1))
    assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
    expected = [c.expected_false_positives for c in candidates]
    assert expected == sorted(expected)
    assert all(c.low <= c.expected_false_positives <= c.high for c in candidates)
    assert all(c.score >= answer.threshold for c in candidates)
    assert all(c.expected_false_positives <= answer.max_false_positives for c in candidates)
    assert candidates[0].photo.places[0].page_url.startswith("https://pages.example/")
    assert probe.face.n == 1
    assert probe.faces == (probe.face,)


@both
def test_the_same_search_gives_the_same_answer(filled):
    def numbers(answer):
        return [
            (p.verdict, [(c.reference, c.score, c.expected_false_positives) for c in p.candidates])
            for p in answer.probes
        ]

    photos = [probe_of(0), probe_of(N_PEOPLE)]
    first = search(filled, *photos)
    second = search(reopen(filled), *photos)  # loaded and calibrated anew in another process
    assert numbers(first) == numbers(second)
    assert (first.threshold, first.model) == (second.threshold, second.model)
    assert (second.id, second.entry_index) == (first.id + 1, first.entry_index + 3)
    from vultus.actions.view import view_search

    assert view_search(filled, local_account(filled), first.id).probes == first.probes


def test_the_scores_are_the_cosines_of_the_templates(filled):
    from vultus.actions.probe import open_probe
    from vultus.records.models import Reference

    answer = search(filled, probe_of(0), max_false_positives=20.0, limit=1000)
    template = open_probe(filled, answer.probes[0].probe_id).templates[0]
    cosines = {}
    for row in Reference.objects.all():
        sealed = bytes(row.sealed_template)
        stored = filled.vault.unseal("template", f"reference:{row.pk}", sealed)
        cosines[row.pk] = float(template @ np.frombuffer(stored, "<f4")[1:])  # after quality
    wanted = {pk for pk, score in cosines.items() if score >= answer.threshold - 1e-6}
    assert {c.reference for c in answer.probes[0].candidates} == wanted
    for candidate in answer.probes[0].candidates:
        assert candidate.score == pytest.approx(cosines[candidate.reference], abs=1e-6)


def test_the_threshold_follows_the_number_of_strangers_that_is_allowed(filled):
    last = None
    for allowed in (1e-6, 0.001, 0.01, 0.1, 1.0, 20.0):
        answer = search(filled, probe_of(0), max_false_positives=allowed, limit=1000)
        assert answer.max_false_positives == allowed
        if last is not None:
            assert answer.threshold < last.threshold
            kept = {c.reference for c in last.probes[0].candidates}
            assert kept <= {c.reference for c in answer.probes[0].candidates}
        last = answer
    assert len(last.probes[0].candidates) > N_PHOTOS
    filled.settings = replace(filled.settings, max_false_positives=1e-9, candidates_max=2)
    answer = search(filled, probe_of(0))
    assert answer.max_false_positives == 1e-9
    assert len(answer.probes[0].candidates) < N_PHOTOS


def test_the_limit_cuts_the_list_and_nothing_else(filled):
    whole = search(filled, probe_of(0), max_false_positives=20.0, limit=1000).probes[0].candidates
    assert len(whole) > 5
    for limit in (1, 2, 5):
        cut = search(filled, probe_of(0), max_false_positives=20.0, limit=limit).probes[0]
        assert cut.candidates == whole[:limit]
    filled.settings = replace(filled.settings, candidates_max=4)
    assert len(search(filled, probe_of(0), max_false_positives=20.0).probes[0].candidates) == 4


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_bounds_is_refused(filled, limit):
    assert refused(search, filled, probe_of(0), limit=limit) == "search.limit"


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e7])
def test_a_number_of_strangers_out_of_bounds_is_refused(filled, value):
    code = refused(search, filled, probe_of(0), max_false_positives=value)
    assert code == "search.max_false_positives"


# --- which face ---------------------------------------------------------------------------------


def test_among_several_faces_none_is_chosen_silently(filled, tmp_path):
    group = group_photo(tmp_path / "group.jpg", [0, N_PEOPLE, 1], [300, 420, 240])
    (probe,) = search(filled, group).probes
    assert (probe.verdict, probe.candidates, probe.face) == ("choose_face", (), None)
    assert [face.n for face in probe.faces] == [1, 2, 3]
    lefts = [face.box[0] for face in probe.faces]
    assert lefts == sorted(lefts)
    for n, expected in ((1, [person(0)]), (2, []), (3, [person(1)])):
        (probe,) = search(filled, group, face=n).probes
        assert probe.face.n == n
        assert sorted(set(found(probe))) == expected
    (probe,) = search(filled, group, choice="largest").probes
    assert (probe.face.n, probe.verdict) == (2, "no_likely_match")
    probes = search(filled, group, probe_of(1), choice="all").probes
    assert [probe.face.n for probe in probes] == [1, 2, 3, 1]
    assert [sorted(set(found(probe))) for probe in probes] == [
        [person(0)], [], [person(1)], [person(1)],
    ]  # fmt: skip
    assert refused(search, filled, group, face=4) == "search.face"
    assert refused(search, filled, group, face=0) == "search.face"


def test_a_probe_that_was_received_is_searched_face_by_face(filled, tmp_path):
    from vultus.actions.probe import receive_probe
    from vultus.actions.search import search_probe

    actor = local_account(filled)
    group = group_photo(tmp_path / "group.jpg", [0, 1])
    probe = receive_probe(filled, actor, 1, group.read_bytes(), "group.jpg")
    assert len(probe.faces) == 2
    answer = search_probe(filled, actor, probe.id, [2, 1])
    assert [found(p)[0] for p in answer.probes] == [person(1), person(0)]
    assert search_probe(filled, actor, probe.id, []).probes[0].verdict == "choose_face"
    assert refused(search_probe, filled, actor, probe.id, [3]) == "search.face"
    assert refused(search_probe, filled, actor, 99, [1]) == "probe.not_found"
    assert refused(search_probe, filled, actor, probe.id, [1] * 401) == "search.too_many_faces"


def test_photos_of_one_person_are_one_probe(filled, tmp_path):
    photos = [portrait(0, 3), portrait(0, 4), wall(tmp_path / "wall.png")]
    (probe,) = search(filled, *photos, same_person=True).probes
    assert (probe.verdict, found(probe)) == ("candidates", [person(0)] * N_PHOTOS)
    assert probe.same_person == tuple(str(path) for path in photos[:2])
    alone = [search(filled, path).probes[0].candidates for path in photos[:2]]
    scores = {c.reference: c.score for c in probe.candidates}
    for reference, score in scores.items():
        each = [next(c.score for c in cs if c.reference == reference) for cs in alone]
        assert score > min(each)
    group = group_photo(tmp_path / "group.jpg", [0, 1])
    assert refused(search, filled, photos[0], group, same_person=True) == "search.choose_face"
    code = refused(search, filled, group, same_person=True, choice="all")
    assert code == "search.same_person"
    (tmp_path / "text.jpg").write_text("no photo")
    code = refused(search, filled, photos[0], tmp_path / "text.jpg", same_person=True)
    assert code == "photo.not_a_photo"
    (probe,) = search(filled, photos[2], photos[2], same_person=True).probes
    assert probe.verdict == "no_face"


def test_photos_that_cannot_be_searched_are_answered_in_their_place(filled, tmp_path):
    (tmp_path / "text.jpg").write_text("no photo")
    photos = [tmp_path / "text.jpg", wall(tmp_path / "wall.png"), probe_of(0), tmp_path / "none"]
    answer = search(filled, *photos)
    assert [(p.verdict, p.reason) for p in answer.probes] == [
        ("refused", "photo.not_a_photo"), ("no_face", None), ("candidates", None),
        ("refused", "photo.unreadable"),
    ]  # fmt: skip
    assert refused(search, filled, photos[0]) == "photo.not_a_photo"
    assert refused(search, filled, photos[0], photos[3]) == "photo.not_a_photo"
    (alone,) = search(filled, photos[1]).probes
    assert alone.verdict == "no_face"


def test_a_face_of_too_little_quality_is_refused_with_the_reason(filled, tmp_path):
    (probe,) = search(filled, small_face(tmp_path / "small.png")).probes
    assert (probe.verdict, probe.reason) == ("refused", "quality.too_small")
    assert probe.face.refused == "too_small"
    assert (probe.candidates, probe.best_expected) == ((), None)


# --- which gallery ------------------------------------------------------------------------------


@both
def test_a_collection_narrows_the_gallery(filled, photos):
    fill_folder(photos, 1, 5, first=0)
    add_folder(filled, photos, "more", collection="Other")
    visit(filled)
    everywhere = search(filled, probe_of(1))
    assert everywhere.gallery.collections == ("Nobody", "Other")
    assert everywhere.gallery.n_references == N_PEOPLE * N_PHOTOS + 2  # three lie in both
    narrow = search(filled, portrait(0, 5), collection="Other")
    assert narrow.gallery.collections == ("Other",)
    assert (narrow.gallery.n_references, narrow.gallery.n_photos) == (5, 5)
    (other,) = search(filled, probe_of(1), collection="Other").probes
    assert other.verdict == "no_likely_match"
    assert refused(search, filled, probe_of(1), collection="none") == "collection.not_found"


@both
def test_what_was_erased_since_is_no_longer_shown(filled):
    from vultus.actions.erase import erase
    from vultus.actions.view import list_searches, view_search

    actor = local_account(filled)
    answer = search(filled, probe_of(0))
    gone = answer.probes[0].candidates[1]
    erase(filled, actor, reference=gone.reference)
    seen = view_search(filled, actor, answer.id).probes[0]
    assert [c.reference for c in seen.candidates] == [
        c.reference for c in answer.probes[0].candidates if c.reference != gone.reference
    ]
    assert [c.rank for c in seen.candidates] == [1, 2]
    assert seen.n_gone == 1
    again = search(filled, probe_of(0))  # the index in memory has forgotten it too
    assert len(again.probes[0].candidates) == N_PHOTOS - 1
    assert again.gallery.n_references == answer.gallery.n_references - 1
    (summary, _) = list_searches(filled, actor, 1)
    assert (summary.id, summary.n_candidates) == (again.id, N_PHOTOS - 1)
    assert (summary.names, summary.verdicts) == ((str(probe_of(0)),), ("candidates",))


@both
def test_what_another_process_enrols_or_erases_is_seen_at_once(filled, photos):
    before = search(filled, probe_of(N_PEOPLE))
    assert before.probes[0].verdict == "no_likely_match"
    other = replace(filled, index=None)
    fill_folder(photos, 1, 3, first=N_PEOPLE)
    add_folder(other, photos)
    visit(other)
    after = search(filled, probe_of(N_PEOPLE))
    assert found(after.probes[0]) == [person(N_PEOPLE)] * 3
    from vultus.actions.erase import erase

    erase(other, local_account(other), source="a")
    assert search(filled, probe_of(N_PEOPLE)).probes[0].verdict == "no_likely_match"
    require_clean(filled)


@pytest.mark.parametrize("n_photos", [0, 1, 2])
def test_a_gallery_of_few_references_can_be_searched(home, photos, n_photos):
    from vultus.actions.case import approve_case, open_case

    actor = local_account(home)
    if n_photos:
        fill_folder(photos, 1, n_photos)
        add_folder(home, photos)
        visit(home)
    approve_case(home, actor, open_case(home, actor, **CASE_TEXTS).id)
    answer = search(home, portrait(0, 3), portrait(1, 3))
    assert answer.gallery.n_references == n_photos
    for probe in answer.probes:
        assert probe.verdict == ("candidates" if probe.candidates else "no_likely_match")
        assert (probe.best_expected is None) == (n_photos == 0)
    assert (answer.threshold is None) == (n_photos == 0)


# --- pictures and probes afterwards -------------------------------------------------------------


def test_pictures_are_shown_only_of_what_a_search_found(filled):
    from vultus.actions.picture import candidate_face, candidate_photo, probe_face, probe_photo

    actor = local_account(filled)
    answer = search(filled, probe_of(0))
    (probe,) = answer.probes
    reference = probe.candidates[0].reference
    for picture in (
        probe_photo(filled, actor, probe.probe_id),
        probe_face(filled, actor, probe.probe_id, 1, size="pair"),
        candidate_face(filled, actor, answer.id, reference, size="large"),
        candidate_photo(filled, actor, answer.id, reference),
    ):
        assert picture.data.startswith(b"\xff\xd8\xff")
        assert picture.content_type == "image/jpeg"
    foreign = next(n for n in range(1, 37) if n not in {c.reference for c in probe.candidates})
    for number, other in ((answer.id, foreign), (99, reference), (answer.id, 999)):
        for call in (lambda *a: candidate_face(*a, size="pair"), candidate_photo):
            assert refused(call, filled, actor, number, other) == "candidate.not_found"
    assert refused(probe_face, filled, actor, probe.probe_id, 2, size="pair") == "face.not_found"
    assert refused(probe_photo, filled, actor, 99) == "probe.not_found"


def test_a_probe_is_erased_after_its_retention_and_its_search_stays(filled):
    from datetime import UTC, datetime, timedelta

    from vultus.actions.picture import probe_photo
    from vultus.actions.search import search_probe
    from vultus.actions.view import view_search
    from vultus.records.models import Probe

    actor = local_account(filled)
    answer = search(filled, probe_of(0))
    number = answer.probes[0].probe_id
    days = filled.settings.probe_retention_days
    Probe.objects.update(received=datetime.now(UTC) - timedelta(days=days - 1))
    search(filled, probe_of(1))
    assert probe_photo(filled, actor, number)
    Probe.objects.update(received=datetime.now(UTC) - timedelta(days=days, minutes=1))
    search(filled, probe_of(1))
    assert refused(probe_photo, filled, actor, number) == "probe.erased"
    assert refused(search_probe, filled, actor, number, [1]) == "probe.erased"
    seen = view_search(filled, actor, answer.id).probes[0]
    assert (seen.face, seen.faces) == (None, ())
    assert [c.score for c in seen.candidates] == [c.score for c in answer.probes[0].candidates]
    require_clean(filled)


def test_there_is_no_search_but_those_that_were_run(filled):
    from vultus.actions.view import view_search

    assert refused(view_search, filled, local_account(filled), 1) == "search.not_found"
    with pytest.raises(RefusedError):
        from vultus.actions.case import open_case

        number = open_case(filled, local_account(filled), **CASE_TEXTS).id
        search(filled, probe_of(0), case_id=number)
