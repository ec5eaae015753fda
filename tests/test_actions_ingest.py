"""Ingest: what a visit of a folder leaves, whatever lies in it and however often it runs."""

import fcntl
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homes import (
    BOTH,
    N_PEOPLE,
    N_PHOTOS,
    REPOSITORY,
    add_folder,
    fill_folder,
    log_of,
    portrait,
    probe_of,
    require_clean,
    small_face,
    story_of,
    visit,
    wall,
)

from vultus.actions.home import local_account
from vultus.errors import InputError, RefusedError, UnavailableError

both = pytest.mark.parametrize("home", BOTH, indirect=True)
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date()


def counts(answer):
    """(new, unchanged, refused, failed, removed), once the sums hold."""
    refused, failed = sum(answer.refused.values()), sum(answer.failed.values())
    assert answer.photos == answer.new + answer.unchanged + refused + failed
    return answer.new, answer.unchanged, refused, failed, answer.removed


def held(home):
    """path below its source -> (enrolled, number of faces) of every place."""
    from vultus.actions.photo import list_photos

    return {
        Path(place.path_or_url).name: (item.enrolled, item.n_faces)
        for item in list_photos(home, local_account(home))
        for place in item.photo.places
    }


def search(home, photo=None):
    from vultus.actions.search import search_photos

    return search_photos(home, local_account(home), [photo or probe_of(0)], case_id=1)


@both
def test_a_second_visit_changes_nothing(home, photos):
    fill_folder(photos, 2, 2)
    wall(photos / "wall.png")
    (photos / "text.jpg").write_text("no photo")
    add_folder(home, photos)
    first = visit(home)
    assert counts(first) == (4, 0, 0, 2, 0)
    assert first.faces == 4
    assert first.failed == {"no_face": 1, "photo.not_a_photo": 1}
    story, places = story_of(home), held(home)
    again = visit(home)
    assert counts(again) == (0, 4, 0, 2, 0)
    assert (again.faces, again.failed, again.places) == (4, first.failed, 6)
    assert held(home) == places
    # What was enrolled, refused or failed is told once; the end of each visit is told.
    assert story_of(home) == [*story, ("ingest.finished", None)]
    require_clean(home)


@both
def test_the_same_bytes_under_two_names_are_one_photo_with_two_places(home, photos):
    shutil.copy(portrait(), photos / "one.jpg")
    shutil.copy(portrait(), photos / "two.jpg")
    add_folder(home, photos)
    answer = visit(home)
    assert counts(answer) == (1, 0, 0, 0, 0)
    assert (answer.places, answer.faces) == (2, 1)
    assert held(home) == {"one.jpg": (True, 1), "two.jpg": (True, 1)}
    assert [kind for kind, _ in log_of(home)].count("photo.enrolled") == 1


def test_the_same_bytes_in_two_sources_are_one_photo_with_two_places(home, tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        shutil.copy(portrait(), tmp_path / name / f"{name}.jpg")
        add_folder(home, tmp_path / name, name, collection=name)
    answer = visit(home)
    assert counts(answer) == (1, 0, 0, 0, 0)
    assert (answer.places, answer.faces) == (2, 1)
    assert set(held(home)) == {"a.jpg", "b.jpg"}
    # Each source says for itself what it holds.
    told = [said for kind, said in log_of(home) if kind == "ingest.finished"]
    assert [(t["source"], t["new"], t["unchanged"], t["faces"]) for t in told] == [
        (1, 1, 0, 1),
        (2, 0, 1, 1),
    ]
    # When one of the two places vanishes, the photo stays.
    (tmp_path / "a" / "a.jpg").unlink()
    wall(tmp_path / "a" / "wall.png")
    assert counts(visit(home)) == (0, 1, 0, 1, 0)
    assert set(held(home)) == {"b.jpg", "wall.png"}


@both
def test_a_vanished_photo_is_let_go_and_its_twin_stays(home, photos):
    shutil.copy(portrait(), photos / "one.jpg")
    shutil.copy(portrait(), photos / "twin.jpg")
    shutil.copy(portrait(1), photos / "other.jpg")
    add_folder(home, photos)
    visit(home)
    (photos / "one.jpg").unlink()
    assert counts(visit(home)) == (0, 2, 0, 0, 0)
    assert set(held(home)) == {"twin.jpg", "other.jpg"}
    (photos / "twin.jpg").unlink()
    answer = visit(home)
    assert counts(answer) == (0, 1, 0, 0, 1)
    assert answer.faces == 1
    assert set(held(home)) == {"other.jpg"}
    assert [kind for kind, _ in log_of(home)].count("photo.vanished") == 1
    require_clean(home)


def test_a_renamed_photo_is_the_same_photo(home, photos):
    shutil.copy(portrait(), photos / "before.jpg")
    add_folder(home, photos)
    visit(home)
    (photos / "before.jpg").rename(photos / "after.jpg")
    assert counts(visit(home)) == (0, 1, 0, 0, 0)
    assert set(held(home)) == {"after.jpg"}
    assert [kind for kind, _ in log_of(home)].count("photo.enrolled") == 1


@both
def test_a_changed_file_lets_go_of_the_old_photo(home, photos):
    shutil.copy(portrait(0), photos / "a.jpg")
    shutil.copy(portrait(1), photos / "b.jpg")
    add_folder(home, photos)
    visit(home)
    shutil.copy(portrait(2), photos / "a.jpg")
    answer = visit(home)
    assert counts(answer) == (1, 1, 0, 0, 0)
    assert answer.faces == 2
    assert [kind for kind, _ in log_of(home)][-3:] == [
        "photo.enrolled", "photo.changed", "ingest.finished",
    ]  # fmt: skip
    # Enrolled, then no photo any more, then another one.
    (photos / "a.jpg").write_text("no photo")
    assert counts(visit(home)) == (0, 1, 0, 1, 0)
    shutil.copy(portrait(2), photos / "a.jpg")
    assert counts(visit(home)) == (1, 1, 0, 0, 0)
    require_clean(home)


def test_two_files_that_change_places_are_the_same_two_photos(home, photos):
    shutil.copy(portrait(0), photos / "a.jpg")
    shutil.copy(portrait(1), photos / "b.jpg")
    add_folder(home, photos)
    visit(home)
    (photos / "a.jpg").rename(photos / "c")
    (photos / "b.jpg").rename(photos / "a.jpg")
    (photos / "c").rename(photos / "b.jpg")
    assert counts(visit(home)) == (0, 2, 0, 0, 0)
    require_clean(home)


def test_a_file_whose_times_alone_changed_is_the_same_photo(home, photos):
    shutil.copy(portrait(), photos / "a.jpg")
    add_folder(home, photos)
    visit(home)
    os.utime(photos / "a.jpg", ns=(1, 1))
    assert counts(visit(home)) == (0, 1, 0, 0, 0)
    assert [kind for kind, _ in log_of(home)].count("photo.enrolled") == 1


AS_OWNER_ONLY = """
import os, sys
from pathlib import Path
import homes
from vultus.actions.home import open_home
home = open_home(Path(sys.argv[1]), {"VULTUS_N_WORKERS": "1"})
answer = homes.visit(home)
home.close()
print(answer.photos, answer.removed, answer.places)
"""


def visit_without_privilege(home):
    """A visit by a process that may not read what its permissions forbid, as root may."""
    command = [sys.executable, "-c", AS_OWNER_ONLY, str(home.path)]
    if os.geteuid() == 0:
        drop = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", *command]
    paths = f"{REPOSITORY}:{REPOSITORY / 'tests'}"
    environ = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_folder_that_cannot_be_listed_hides_nothing(home, photos):
    (photos / "closed" / "deep").mkdir(parents=True)
    (photos / "closedness").mkdir()  # its name only begins alike
    wall(photos / "closed" / "deep" / "a.png")
    wall(photos / "closedness" / "b.png")
    (photos / "open.png").write_bytes(b"no photo")
    add_folder(home, photos)
    assert visit(home).places == 3
    (photos / "closedness" / "b.png").unlink()
    (photos / "closed").chmod(0)
    try:
        assert visit_without_privilege(home) == "2 0 1"  # the twin is held at its other place
    finally:
        (photos / "closed").chmod(0o700)
    assert set(held(home)) == {"a.png", "open.png"}
    assert counts(visit(home)) == (0, 0, 0, 2, 0)


@both
def test_a_suddenly_empty_folder_removes_nothing(home, photos):
    shutil.copy(portrait(), photos / "a.jpg")
    add_folder(home, photos)
    visit(home)
    (photos / "a.jpg").rename(photos.parent / "a.jpg")
    with pytest.raises(UnavailableError) as caught:
        visit(home)
    assert caught.value.code == "source.empty"
    photos.rmdir()
    with pytest.raises(UnavailableError) as caught:
        visit(home)
    assert caught.value.code == "source.unreachable"
    assert held(home) == {"a.jpg": (True, 1)}


def test_an_empty_folder_of_which_nothing_is_known_is_no_fault(home, photos):
    add_folder(home, photos)
    assert counts(visit(home)) == (0, 0, 0, 0, 0)


def test_a_limit_is_kept_and_the_next_visit_goes_on(home, photos):
    fill_folder(photos, 1, 4)
    wall(photos / "wall.png")
    add_folder(home, photos)
    assert counts(visit(home, limit=0)) == (0, 0, 0, 0, 0)
    assert counts(visit(home, limit=2)) == (2, 0, 0, 0, 0)
    first = sorted(held(home))
    assert counts(visit(home, limit=1)) == (1, 2, 0, 0, 0)
    assert set(first) < set(held(home))
    # A visit that was cut short looks for nothing that has vanished.
    min(photos.glob("*/*.jpg")).unlink()
    shutil.copy(portrait(1), photos / "z.jpg")
    assert counts(visit(home, limit=1)) == (1, 3, 0, 0, 0)
    assert counts(visit(home)) == (1, 3, 0, 1, 1)
    with pytest.raises(InputError) as caught:
        visit(home, limit=-1)
    assert caught.value.code == "ingest.limit"


def test_a_limit_spans_the_sources_in_their_order(home, tmp_path):
    for n, name in enumerate("ab"):
        fill_folder(tmp_path / name, 1, 2, first=n)
        add_folder(home, tmp_path / name, name)
    assert visit(home, limit=3).places == 4
    from vultus.records.models import Photo

    assert list(Photo.objects.values_list("sightings__source_id", flat=True)) == [1, 1, 2]


def test_a_revisit_reads_every_photo_again_and_changes_nothing(home, photos, monkeypatch):
    from vultus.actions import ingest as module

    fill_folder(photos, 1, 3)
    wall(photos / "wall.png")
    add_folder(home, photos)
    visit(home)
    n_read = []
    real = module.read_many
    monkeypatch.setattr(
        module, "read_many", lambda home, items: real(home, (n_read.append(1) or x for x in items))
    )
    assert counts(visit(home)) == (0, 3, 0, 1, 0)
    assert len(n_read) == 0
    assert counts(visit(home, revisit=True)) == (0, 3, 0, 1, 0)
    assert len(n_read) == 4
    assert [kind for kind, _ in log_of(home)].count("photo.enrolled") == 3
    require_clean(home)


@pytest.mark.parametrize("filled", BOTH, indirect=True)
def test_an_expired_source_is_hidden_at_once_until_it_is_registered_anew(filled):
    from vultus.records.models import Source

    assert search(filled).probes[0].verdict == "candidates"
    before = search(filled).id
    Source.objects.update(expires=YESTERDAY)
    answer = search(filled)
    assert (answer.gallery.n_references, answer.gallery.n_photos) == (0, 0)
    assert answer.probes[0].verdict == "no_likely_match"

    from vultus.actions.view import view_search

    seen = view_search(filled, local_account(filled), before).probes[0]
    assert seen.candidates == ()
    assert seen.n_gone == N_PHOTOS
    for source_name in (None, "portraits"):
        with pytest.raises(RefusedError) as caught:
            visit(filled, source_name=source_name)
        assert caught.value.code == "source.expired"

    # Registered anew, with the new entitlement: nothing need be read again.
    folder = filled.path.parent.parent
    from vultus.actions.source import list_sources

    location = Path(list_sources(filled, local_account(filled))[0].location)
    assert folder != location
    tomorrow = YESTERDAY + timedelta(days=2)
    add_folder(
        filled, location, "portraits", collection="Nobody", legal_basis="Renewed", expires=tomorrow
    )
    answer = visit(filled)
    assert counts(answer) == (0, N_PEOPLE * N_PHOTOS, 0, 0, 0)
    found = search(filled).probes[0]
    assert len(found.candidates) == N_PHOTOS
    assert found.candidates[0].photo.places[0].legal_basis == "Renewed"
    assert log_of(filled)[-4][1]["legal_basis"] == "Renewed"
    require_clean(filled)


def test_a_source_that_has_not_expired_cannot_be_registered_twice(home, photos, tmp_path):
    add_folder(home, photos)
    with pytest.raises(InputError) as caught:
        add_folder(home, photos)
    assert caught.value.code == "source.exists"
    from vultus.records.models import Source

    Source.objects.update(expires=YESTERDAY)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError) as caught:  # another folder is another source
        add_folder(home, other)
    assert caught.value.code == "source.exists"


@both
def test_an_erased_photo_stays_out(home, photos):
    from vultus.actions.erase import erase
    from vultus.actions.photo import list_photos

    shutil.copy(portrait(0), photos / "a.jpg")
    shutil.copy(portrait(1), photos / "b.jpg")
    add_folder(home, photos)
    visit(home)
    actor = local_account(home)
    erase(home, actor, photo=next(list_photos(home, actor)).photo.sha256)
    for again in range(3):
        shutil.copy(portrait(0), photos / f"again-{again}.jpg")
        answer = visit(home, revisit=again == 2)
        assert counts(answer) == (0, 1, again + 2, 0, 0)
        assert answer.refused == {"photo.erased": again + 2}
        assert str(photos / "a.jpg") in answer.files["photo.erased"]
    assert set(held(home)) == {"b.jpg"}
    require_clean(home)


@both
def test_an_erased_face_stays_out_though_its_photo_comes_back(home, photos, tmp_path):
    from homes import group_photo

    from vultus.actions.erase import erase
    from vultus.records.models import Reference

    group_photo(photos / "group.jpg", [0, 1, 2])
    wall(photos / "wall.png")
    add_folder(home, photos)
    assert visit(home).faces == 3
    erase(home, local_account(home), reference=Reference.objects.order_by("id")[1].pk)
    assert visit(home).faces == 2
    assert visit(home, revisit=True).faces == 2
    (photos / "group.jpg").rename(tmp_path / "group.jpg")
    assert counts(visit(home))[-1] == 1
    (tmp_path / "group.jpg").rename(photos / "group.jpg")
    answer = visit(home)
    assert (answer.new, answer.faces) == (1, 2)
    require_clean(home)


def test_what_is_not_searchable_is_counted_by_reason_with_its_names(home, photos, tmp_path):
    shutil.copy(portrait(), photos / "good.jpg")
    whole = portrait(1).read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("no photo")
    wall(photos / "wall.png")
    small_face(photos / "small.png")
    os.mkfifo(photos / "pipe.jpg")
    (tmp_path / "outside").mkdir()
    shutil.copy(portrait(2), tmp_path / "outside" / "a.jpg")
    (photos / "out.jpg").symlink_to(tmp_path / "outside" / "a.jpg")
    (photos / "out").symlink_to(tmp_path / "outside")
    (photos / "inside.jpg").symlink_to("good.jpg")
    (photos / "folder").mkdir()
    (photos / "to-folder").symlink_to("folder")
    (photos / "loop").symlink_to("loop")
    (photos / "folder" / "up").symlink_to("..")
    (photos / "dangling").symlink_to("nowhere")
    add_folder(home, photos)
    answer = visit(home)
    names = {
        reason: sorted(Path(name).relative_to(photos).as_posix() for name in files)
        for reason, files in answer.files.items()
    }
    assert names == {
        "no_face": ["wall.png"],
        "photo.empty": ["empty.jpg"],
        "photo.not_a_photo": ["text.jpg"],
        "photo.truncated": ["cut.jpg"],
        "photo.unreadable": ["dangling", "loop"],
        "place.link_out_of_source": ["out", "out.jpg"],
        "place.link_to_folder": ["folder/up", "to-folder"],
        "place.not_a_file": ["pipe.jpg"],
        "quality.too_small": ["small.png"],
    }
    assert answer.refused == {"place.link_out_of_source": 2, "quality.too_small": 1}
    assert answer.failed == {
        reason: len(files) for reason, files in names.items() if reason not in answer.refused
    }
    assert counts(answer) == (1, 0, 3, 9, 0)
    assert answer.places == 14
    assert counts(visit(home)) == (0, 1, 3, 9, 0)
    # What can be read at last is read at last.
    shutil.copy(portrait(3), photos / "nowhere")
    assert counts(visit(home))[:2] == (1, 1)
    require_clean(home)


ODD_NAMES = [
    b"new\nline.jpg", b"quo'te\"s.jpg", b"latin-\xe9-\xff.jpg", "emoji-\U0001f600.jpg".encode(),
    b"n" * 255, b"--json", b"%2e%2e", b"\\xff.jpg", b" ", b"<b>&amp;.jpg", b"tab\t\x1b[31m.jpg",
    "\u202egpj.jpg".encode(), b"back\\slash",
]  # fmt: skip


def test_odd_names_are_kept_as_they_are(home, photos, vultus):
    image = wall(photos.parent / "wall.png").read_bytes()
    for n, name in enumerate(ODD_NAMES):
        (photos / os.fsdecode(name)).write_bytes(image + bytes([n]))
    deep = photos
    for _ in range(30):  # longer than a path may be at once
        deep = deep / ("d" * 100)
    deep.mkdir(parents=True)
    (deep / "deep.png").write_bytes(image)
    add_folder(home, photos, page_url_prefix="https://pages.example/a/")
    answer = visit(home)
    assert counts(answer) == (0, 0, 0, len(ODD_NAMES) + 1, 0)
    assert counts(visit(home)) == (0, 0, 0, len(ODD_NAMES) + 1, 0)
    from vultus.actions.enrol import open_place
    from vultus.records.models import Sighting

    names = {open_place(home, s.pk, bytes(s.sealed)) for s in Sighting.objects.all()}
    assert set(ODD_NAMES) < names
    from vultus.actions.photo import list_photos

    pages = {p.photo.places[0].page_url for p in list_photos(home, local_account(home))}
    assert "https://pages.example/a/latin-%E9-%FF.jpg" in pages
    assert "https://pages.example/a/%252e%252e" in pages
    for options in (["--json"], []):
        said = vultus("ingest", "--files", *options, home=home)
        assert said.code == 0
        assert "\x1b" not in said.out
    assert len(vultus("photos", "--json", home=home).document["photos"]) == len(ODD_NAMES) + 1
    assert vultus("photos", home=home).code == 0


def test_only_one_ingest_of_a_home_runs(home, photos, vultus):
    wall(photos / "wall.png")
    add_folder(home, photos)
    with (home.path / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = vultus("ingest", "--json", home=home)
        assert (said.code, said.error) == (5, "ingest.running")
        assert held(home) == {}
    assert counts(visit(home)) == (0, 0, 0, 1, 0)


def test_there_must_be_a_source_to_visit(home):
    with pytest.raises(InputError) as caught:
        visit(home)
    assert caught.value.code == "source.none"
    with pytest.raises(InputError) as caught:
        visit(home, source_name="b")
    assert caught.value.code == "source.not_found"


def test_progress_counts_up_to_all_places(home, photos):
    fill_folder(photos, 1, 3)
    add_folder(home, photos)
    seen = []
    visit(home, progress=lambda *step: seen.append(step))
    assert seen[0] == ("a", 0, 3)
    assert seen[-1] == ("a", 3, 3)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
