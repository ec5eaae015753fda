"""Evaluation: what is read, the protocol of docs/evaluate.md, and that nothing is kept."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from homes import fill_folder, log_of, portrait, small_face, wall
from scoring_people import MODEL, people

from vultus.actions.home import local_account
from vultus.errors import InputError, RefusedError
from vultus.scoring.rates import false_non_match_rate

pytestmark = pytest.mark.usefixtures("home")  # actions can be imported once one is open
N_PEOPLE, N_PHOTOS = 5, 3


def evaluate(home, folder, **options):
    from vultus.actions.evaluate import evaluate as run

    return run(home, local_account(home), folder, **options)


def refused(home, folder, **options):
    with pytest.raises(InputError) as caught:
        evaluate(home, folder, **options)
    return caught.value.code


# --- reading ------------------------------------------------------------------------------------


def untidy(folder):
    """Five people; a sixth in one photo; a seventh whose photos all fail; and what is passed by."""
    fill_folder(folder, N_PEOPLE, N_PHOTOS)
    fill_folder(folder, 1, 1, first=N_PEOPLE)
    person = min(folder.iterdir())
    (person / "more").mkdir()
    first = min(person.glob("*.jpg"))
    shutil.copy(first, person / "more" / "again.jpg")
    (person / "notes.txt").write_text("not a photo")
    (person / ".hidden.jpg").write_text("not looked at")
    (person / "broken.jpg").write_bytes(first.read_bytes()[:2000])
    (folder / "loose.jpg").write_bytes(first.read_bytes())
    nobody = folder / "zz"
    nobody.mkdir()
    wall(nobody / "wall.png")
    small_face(nobody / "small.png")
    (nobody / "text.jpg").write_text("no photo, but named like one")


def test_photos_are_counted_as_the_page_says(home, photos):
    untidy(photos)
    from vultus.records.models import Photo, Probe, Reference

    shown = []
    answer = evaluate(home, photos, progress=lambda *step: shown.append(step))
    found = answer.measured
    assert (found.n_people, found.n_photos) == (7, N_PEOPLE * N_PHOTOS + 1 + 1 + 3)
    assert answer.labelled.n_copies == 1
    refused, failed = answer.labelled.failures()
    assert refused == {"quality.too_small": 1}
    assert failed == {"photo.no_face": 1, "photo.not_a_photo": 1, "photo.truncated": 1}
    assert answer.labelled.files()["photo.no_face"] == ["zz/wall.png"]
    assert (found.n_failed, found.n_without_template) == (4, 1)
    assert shown[-1] == ("measuring", 4, 4)
    assert ("reading", 1, 22) in shown
    # in the log with its counts alone; nothing of the photos is held
    kind, said = log_of(home)[-1]
    assert kind == "evaluation.run"
    assert said == {
        "by": local_account(home).pk, "people": 7, "photos": 20, "failed": 4, "model": MODEL,
    }  # fmt: skip
    assert not Photo.objects.exists()
    assert not Reference.objects.exists()
    assert not Probe.objects.exists()


def test_the_same_photos_and_seed_give_the_same_rates(home, photos):
    fill_folder(photos, 4, 2)
    one, again, other = (evaluate(home, photos, seed=seed).measured for seed in (0, 0, 1))
    assert one == again
    assert one.verification[0].fnmr == other.verification[0].fnmr
    assert one.identification != other.identification


def test_what_cannot_be_measured_is_refused(home, photos):
    assert refused(home, photos / "none") == "evaluate.no_folder"
    assert refused(home, photos) == "evaluate.no_people"
    shutil.copy(portrait(), photos / "loose.jpg")
    assert refused(home, photos) == "evaluate.no_people"
    fill_folder(photos, 1, 2)
    assert refused(home, photos) == "evaluate.too_few"  # one person
    for folder in photos.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    for name in ("a", "b"):
        (photos / name).mkdir()
        wall(photos / name / "wall.png")
    assert refused(home, photos) == "evaluate.too_few"  # nobody has two photos
    (photos / "a" / "text.jpg").write_text("no photo")
    assert refused(home, photos) == "evaluate.no_faces"
    assert refused(home, photos, seed=-1) == "evaluate.seed"
    assert [kind for kind, _ in log_of(home)][-1] != "evaluation.run"


def test_only_the_operator_may(home, photos):
    from vultus.actions.account import add_account
    from vultus.actions.evaluate import evaluate as run
    from vultus.records.models import Account

    person = add_account(home, local_account(home), "Ilse Haddad", "a long password indeed")
    with pytest.raises(RefusedError) as caught:
        run(
            home, Account.objects.get(pk=getattr(person, "pk", getattr(person, "id", None))), photos
        )
    assert caught.value.code == "evaluate.not_operator"


# --- label errors and labels ----------------------------------------------------------------------


PROSE = """Notes. The same person under two names, seen above 0.64: Ada_Low_0001 / Eva_High_0002,
Jo-An Chi / Chi, Choi_Sung / Sung_Choi, Wang_Y / Y_Wang. Twins: Tamara / Tia Mowry. https://a/b"""


def test_label_errors_are_read_out_of_prose(tmp_path):
    from vultus.actions.labelled import read_label_errors

    (tmp_path / "notes.md").write_text(PROSE)
    assert read_label_errors(tmp_path / "notes.md") == [
        ("Ada_Low_0001", "Eva_High_0002"), ("Chi", "Chi"), ("Choi_Sung", "Sung_Choi"),
        ("Wang_Y", "Y_Wang"), ("Tamara", "Tia"),
    ]  # fmt: skip
    for text in ("nothing", ""):
        (tmp_path / "notes.md").write_text(text)
        with pytest.raises(InputError, match="holds no pair"):
            read_label_errors(tmp_path / "notes.md")
    (tmp_path / "notes.md").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "notes.md", tmp_path / "none"):
        with pytest.raises(InputError, match="cannot be read"):
            read_label_errors(path)


def test_of_two_people_the_second_goes_and_of_photos_each():
    from vultus.actions.labelled import Labelled, LabelledPhoto

    names = [b"A/A_1.jpg", b"A/A_2.jpg", b"B/B_1.jpg", b"C/C_1.jpg", b"C/C_2.png"]
    every = Labelled([LabelledPhoto(n[:1], n, None, "photo.no_face") for n in names])

    def left(*pairs):
        return [photo.name for photo in every.without(list(pairs)).photos]

    assert left(("A", "B")) == [n for n in names if not n.startswith(b"B")]
    assert left(("B", "A")) == [n for n in names if not n.startswith(b"A")]
    assert left(("A", "Z"), ("Tamara", "Tia")) == names  # who is not here is in no conflict
    assert left(("A_2", "C_2")) == [names[0], names[2], names[3]]
    assert left(("C_1", "Z_9")) == [
        n for n in names if n != b"C/C_1.jpg"
    ]  # swapped, with whom ever


def test_rates_with_and_without_label_errors(home, photos, tmp_path):
    fill_folder(photos, 3, 2)
    names = sorted(folder.name for folder in photos.iterdir())
    shutil.copytree(photos / names[0], photos / "zz")  # one person under two names
    (tmp_path / "errors.txt").write_text(f"{names[0]} / zz")
    answer = evaluate(home, photos, label_errors=tmp_path / "errors.txt")
    assert answer.n_dropped == 2
    assert (answer.measured.n_people, answer.kept.n_people) == (3, 4)
    best = [found.verification[-1].threshold for found in (answer.measured, answer.kept)]
    assert best[1] > 0.99 > best[0]  # the same photos, as of two people
    plain = evaluate(home, photos)
    assert (plain.kept, plain.n_dropped) == (None, None)
    assert plain.measured == answer.kept
    # nobody changes sides for another being dropped, so both can be compared
    from vultus.actions.measure import arrays_of, halves

    half = halves(plain.labelled, 0)
    both = arrays_of(plain.labelled, half), arrays_of(answer.labelled, half)
    assert both[0].half[[0, 1, 2]].tolist() == both[1].half.tolist()


def test_labels_are_a_table(tmp_path):
    from vultus.actions.labelled import read_labels

    (tmp_path / "l.csv").write_text("person,label,note\nA,one,x\nB,two,\nC,,\n")
    assert read_labels(tmp_path / "l.csv") == {"A": "one", "B": "two"}
    (tmp_path / "l.csv").write_text("name,label\nA,one\n")
    with pytest.raises(InputError, match="no columns"):
        read_labels(tmp_path / "l.csv")


# --- the protocol ---------------------------------------------------------------------------------


def data_of(n_several=30, n_single=21, n_photos=4, failed=(), seed=1):
    """Templates of people who do not exist, as `arrays_of` would give them."""
    from vultus.actions.measure import Data, halves

    vectors, owner = people(n_several, n_photos, seed=seed)
    more, single = people(n_single, 1, seed=seed + 1)
    vectors = np.concatenate([vectors, more])
    person = np.concatenate([owner, single + n_several])
    names = tuple(b"p%03d/%d.jpg" % (p, n) for n, p in enumerate(person))
    able = ~np.isin(np.arange(len(person)), failed)
    data = Data(
        people=tuple(b"p%03d" % n for n in range(n_several + n_single)),
        names=names,
        person=person,
        row=np.where(able, np.cumsum(able) - 1, -1),
        vectors=vectors[able],
        quality=np.random.default_rng(seed).random(int(able.sum())),
        owner=person[able],
        half=np.empty(0),
        model=MODEL,
    )
    return replace(data, half=np.array([halves(labelled(data), 0)[name] for name in data.people]))


def labelled(data):
    from vultus.actions.labelled import Labelled, LabelledPhoto

    photos = zip(data.names, data.person, strict=True)
    return Labelled([LabelledPhoto(data.people[p], name, None, None) for name, p in photos])


def measured(data, seed=0, labels=None, n_replicates=50):
    from vultus.actions.measure import measure

    return measure(data, seed, labels or {}, lambda *_: None, n_replicates=n_replicates)


@pytest.mark.parametrize("counts", [(30, 21), (31, 21), (2, 0), (7, 0), (1, 4)])
def test_halves_are_of_different_people_and_of_one_size(counts):
    from vultus.actions.measure import first_photos, halves

    data = data_of(*counts)
    half, reference = data.half, first_photos(data, 0)
    assert abs(int((half == 0).sum()) - int((half == 1).sum())) <= 1
    several = data.n_photos > 1
    assert abs(int((half[several] == 0).sum()) - int((half[several] == 1).sum())) <= 1
    assert np.bincount(data.person[reference]).tolist() == [1] * len(data.people)
    dealt = [tuple(sorted(halves(labelled(data), seed).items())) for seed in range(9)]
    assert len(set(dealt)) > 1
    # which photo is the reference does not hang on how photos are listed
    shuffled = replace(data, names=data.names[::-1], person=data.person[::-1])
    assert (first_photos(shuffled, 0)[::-1] == reference).all()


def test_searches_are_those_of_the_page():
    """Against loops: every search of both rounds, as the page has it."""
    from vultus.actions.measure import first_photos, search_both_halves

    failed = [0, 5, 33, 60, 121, 122]
    data = data_of(failed=failed)
    half, reference = data.half, first_photos(data, 0)
    found, _, n_not_enrolled = search_both_halves(data, 0, np.random.default_rng(0))
    mated, best = [], []
    for side in (0, 1):
        gallery = [
            n for n in range(len(data.names)) if reference[n] and half[data.person[n]] == side
        ]
        for n, person in enumerate(data.person):
            scores = {
                data.person[g]: data.vectors[data.row[g]] @ data.vectors[data.row[n]]
                for g in gallery
                if data.row[g] >= 0 and data.row[n] >= 0
            }
            if half[person] != side:
                best.append((person, max(scores.values(), default=-np.inf)))
            elif n not in gallery:
                score = scores.get(person, -np.inf)
                rank = 1 + sum(s >= score for p, s in scores.items() if p != person)
                mated.append((person, score, rank if np.isfinite(score) else None))
    assert found.n_references == 26
    assert found.mated_people.tolist() == [person for person, _, _ in mated]
    assert found.mate_scores == pytest.approx([score for _, score, _ in mated], abs=1e-6)
    for (_, _, rank), given in zip(mated, found.mate_ranks, strict=True):
        assert rank is None or rank == given
    assert found.non_mated_people.tolist() == [person for person, _ in best]
    assert found.best_scores == pytest.approx([score for _, score in best], abs=1e-6)
    assert n_not_enrolled == sum(bool(reference[n]) for n in failed)
    assert n_not_enrolled > 0


def test_failures_count_as_misses():
    from vultus.actions.measure import first_photos

    whole = data_of()
    reference = int(np.flatnonzero(first_photos(whole, 0))[0])
    before, after = measured(whole), measured(data_of(failed=[reference]))
    # a reference that was not enrolled: all three searches for that person miss
    for one, other in zip(before.investigation, after.investigation, strict=True):
        assert other.fnir == pytest.approx(one.fnir + 3 / 90)
    assert after.n_not_enrolled == 1
    assert after.n_mated == before.n_mated == 180
    assert after.verification[0].fnmr >= before.verification[0].fnmr + 3 / 180 - 1e-9


def test_fnmr_is_that_of_all_pairs():
    data = data_of(10, 5)
    found = measured(data)
    scores = data.vectors @ data.vectors.T
    upper = np.triu(np.ones_like(scores, bool), 1)
    alike = data.owner[:, None] == data.owner[None]
    for row in found.verification:
        accepted = scores[upper & ~alike] >= np.float32(row.threshold)
        assert accepted.mean() <= row.fmr
        assert accepted.sum() == row.n_accepted
        assert row.fnmr == false_non_match_rate(scores[upper & alike], np.float32(row.threshold))
    assert found.det[0][1] == 1.0  # every non-mated score is kept of so few
    assert len(found.det) <= 200
    assert all(a[0] < b[0] and a[1] >= b[1] and a[2] <= b[2]
               for a, b in zip(found.det, found.det[1:], strict=False))  # fmt: skip


def test_strangers_are_predicted_from_the_gallery_alone():
    found = measured(data_of(200, 400, n_photos=2, seed=3))
    assert [row.predicted for row in found.calibration] == [10, 1, 0.1, 0.01, 0.003]
    for row in found.calibration[:3]:
        assert row.predicted / 1.6 <= row.observed <= row.predicted * 1.6
        assert row.interval.low <= row.observed <= row.interval.high
        assert row.claimed.low <= row.predicted <= row.claimed.high
        assert row.n == 300


def test_levels_that_a_small_gallery_cannot_hold_are_left_out():
    assert [row.predicted for row in measured(data_of(6, 2)).calibration] == [1, 0.1, 0.01, 0.003]


def test_the_worst_errors_are_errors():
    data = data_of(40, 0, n_photos=5, seed=5)
    found = measured(data)
    assert found.worst
    person = dict(zip(data.names, data.person.tolist(), strict=True))
    for pair in found.worst:
        assert pair.mated == (pair.score < found.at.threshold)
        assert (person[pair.photos[0]] == person[pair.photos[1]]) == pair.mated


def test_groups_are_those_of_the_labels():
    data = data_of(30, 6)
    labels = {f"p{n:03d}": "even" if n % 2 == 0 else "odd" for n in range(20)}
    found = measured(data, labels=labels)
    assert [(row.label, row.n_people, row.too_small) for row in found.groups] == [
        ("even", 10, True), ("odd", 10, True),
    ]  # fmt: skip
    assert measured(data).groups == []
