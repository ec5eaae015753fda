"""Killed at any moment: nothing is lost, nothing is done twice, and the log tells one story."""

import os
import random
import secrets
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from homes import (
    POSTGRES,
    REPOSITORY,
    SQLITE,
    add_folder,
    close_database,
    fill_folder,
    log_of,
    opened,
    probe_of,
    reopen,
    require_clean,
    story_of,
    visit,
    wall,
)

from vultus.actions.home import local_account

# The process kills itself at the n-th event; an event is a statement to the database, a commit,
# or that a file is flushed, named or removed: before it and after it. Small batches make many.
DRIVER = """
import os, signal, sys
from pathlib import Path
import homes
from vultus.actions.home import local_account, open_home

home = open_home(Path(sys.argv[1]), {"VULTUS_N_WORKERS": "1"})
from django.db import connection
from vultus.actions import erase, ingest, search, segment

ingest.BATCH_PHOTOS = 3
left = int(sys.argv[2])

def event():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def statement(execute, *arguments):
    event()
    result = execute(*arguments)
    event()
    return result

def watched(call):
    return lambda *arguments, **more: statement(lambda: call(*arguments, **more))

connection._commit = watched(connection._commit)
for name in ("fsync", "replace", "unlink"):
    setattr(os, name, watched(getattr(os, name)))
with connection.execute_wrapper(statement):
    verb, actor = sys.argv[3], local_account(home)
    if verb == "ingest":
        homes.visit(home)
    elif verb == "search":
        search.search_photos(home, actor, [Path(sys.argv[4])], case_id=1)
    elif verb == "compact":
        segment.compact(home)
    else:
        erase.erase(home, actor, **{sys.argv[4]: sys.argv[5]})
home.close()
print(-left)
"""
EVENTS_MAX = 10**6
MARK = "VULTUS-CRASH"  # not VULTUS_: that would be a setting


def run(home, n, *arguments):
    """Run the driver until event n; returns its exit status, once its readers are gone too."""
    close_database()
    mark = secrets.token_hex(8)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(home.path), str(n), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}", MARK: mark},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode in {0, -9}, done.stderr
    for _ in range(200):
        if not left_over(mark):
            return done
        time.sleep(0.05)
    raise AssertionError("a reading process outlived the process it read for")


def left_over(mark):
    """Processes that were started with this mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue  # it has just ended, or is somebody else's
    return found


def verified(home):
    """The log verifies, with what it says."""
    from vultus.records.log import check

    again = reopen(home)
    check(again.path / "log", again.log.verifier_key)
    again.log.check_payloads()
    return again


def faces_of(home):
    """digest of a photo -> its templates, in order."""
    from vultus.actions.enrol import digest_index
    from vultus.records.models import Photo, Reference

    found = {}
    for photo in Photo.objects.all():
        said = home.vault.unseal_json("photo", f"photo:{photo.pk}", bytes(photo.sealed))
        assert digest_index(home, said["sha256"]) == bytes(photo.digest_index)
        rows = Reference.objects.filter(photo=photo).order_by("id")
        found[said["sha256"]] = [
            home.vault.unseal("template", f"reference:{row.pk}", bytes(row.sealed_template))
            for row in rows
        ]
    return found


def one_story(home):
    """The log's story; a visit that was killed after its last commit ends once more."""
    story = story_of(home)
    end = ("ingest.finished", None)
    return [item for n, item in enumerate(story) if item != end or story[n - 1] != end]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "n_kills"),
    [(SQLITE, 14), pytest.param(POSTGRES, 6, marks=pytest.mark.postgres)],
)
def test_an_ingest_that_is_killed_again_and_again(request, tmp_path, templates, database, n_kills):
    photos = tmp_path / "photos"
    made = fill_folder(photos, 2, 4)
    (photos / "again.jpg").write_bytes(made[3].read_bytes())
    wall(photos / "wall.png")
    with opened(request, tmp_path / "whole", database, filled=False) as home:
        add_folder(home, photos)
        visit(home)
        story, faces = one_story(home), faces_of(home)
        assert len(faces) == 9
    rng = random.Random(secrets.randbits(32))
    killed = 0
    while killed < n_kills:
        folder = tmp_path / f"killed-{killed}"
        with opened(request, folder, database, filled=False) as home:
            add_folder(home, photos)
            status = -9
            while status == -9:
                n = rng.randint(1, 120) if killed < n_kills else 0
                status = run(home, n, "ingest").returncode
                killed += status == -9
                verified(home)
            finished = verified(home)
            assert one_story(finished) == story
            assert faces_of(finished) == faces
            require_clean(finished)


def test_an_ingest_that_is_killed_from_outside(home, photos):
    """By somebody else, at a moment that no statement marks: while photos are read."""
    fill_folder(photos, 2, 3)
    add_folder(home, photos)
    close_database()
    mark = secrets.token_hex(8)
    for patience in (0.3, 1.5):
        process = subprocess.Popen(
            [sys.executable, "-m", "vultus", "--home", str(home.path), "ingest"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), MARK: mark},
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if patience > 1:
            process.stderr.readline()  # the visit has begun
        time.sleep(patience % 1)
        assert left_over(mark)
        process.kill()
        process.wait()
        for _ in range(200):
            if not left_over(mark):
                break
            time.sleep(0.05)
        assert not left_over(mark)
        verified(home)
    home = reopen(home)
    answer = visit(home)
    assert (answer.photos, answer.faces) == (6, 6)
    kinds = [kind for kind, _ in log_of(home)]
    assert kinds.count("photo.enrolled") == 6
    require_clean(home)


@pytest.mark.slow
def test_a_search_that_is_killed(filled):
    """It is in the log or was not run; what was begun is not shown as an answer."""
    from vultus.actions.view import list_searches
    from vultus.records.models import Probe, Search

    n_events = EVENTS_MAX + int(run(filled, EVENTS_MAX, "search", probe_of(0)).stdout)
    rng = random.Random(secrets.randbits(32))
    for _ in range(4):
        run(filled, rng.randint(1, n_events), "search", probe_of(0))
        filled = verified(filled)
        kinds = [kind for kind, _ in log_of(filled)]
        assert kinds.count("search.run") == Search.objects.count()
        assert kinds.count("probe.received") == Probe.objects.count()
        shown = list_searches(filled, local_account(filled), 1)
        assert len(shown) == Search.objects.filter(sealed_result__isnull=False).count()
    require_clean(filled)


@pytest.mark.parametrize("what", ["photo", "reference", "source"])
def test_an_erasure_that_is_killed_is_done_or_not_begun(request, tmp_path, what):
    rng = random.Random(secrets.randbits(32))
    with opened(request, tmp_path / "home", SQLITE, filled=True) as whole:
        from vultus.actions.photo import list_photos

        home = whole
        sha256 = next(list_photos(home, local_account(home))).photo.sha256
        value = {"photo": sha256, "reference": "1", "source": "portraits"}[what]
        done = False
        for n in [*sorted(rng.sample(range(1, 60), 3)), 0]:
            if run(home, n, "erase", what, value).returncode == 0:
                done = True
            home = verified(home)
            kinds = [kind for kind, _ in log_of(home)]
            erased = f"{what}.erased" in kinds
            assert held(home, what, value) != erased
            if erased:
                break
        assert erased or done
        require_clean(home)  # doctor writes the receipt that the crash prevented
        receipts = list((home.path / "receipts").iterdir())
        assert len(receipts) == 1
        from vultus.actions.audit import verify_receipt

        receipt = verify_receipt(receipts[0], home.log.verifier_key)
        assert receipt.leaf.kind.value == f"{what}.erased"


def held(home, what, value):
    from vultus.actions.enrol import digest_index
    from vultus.records.models import Photo, Reference, Source

    if what == "photo":
        return Photo.objects.filter(digest_index=digest_index(home, value)).exists()
    if what == "reference":
        return Reference.objects.filter(pk=int(value)).exists()
    return Source.objects.exists()


# --- durable writes ----------------------------------------------------------------------------


def fail(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_receipt_that_cannot_be_written_is_written_later(filled, monkeypatch, vultus, when):
    """The erasure stands; before: nothing was written; after: all but its name."""
    if when == "before":
        (filled.path / "receipts").rmdir()
        (filled.path / "receipts").write_text("in the way")
    else:
        monkeypatch.setattr(Path, "replace", fail)
    said = vultus("erase", "--reference", 1, "--json", home=filled)
    monkeypatch.undo()
    assert (said.code, said.error) == (5, "receipt.not_written")
    assert "doctor" in said.document["error"]["hint"]
    if when == "before":
        (filled.path / "receipts").unlink()
    from vultus.records.models import Reference

    assert not Reference.objects.filter(pk=1).exists()
    require_clean(filled)
    receipts = list((filled.path / "receipts").iterdir())
    assert [path.suffix for path in receipts] == [".json"]
    assert vultus("receipt", "verify", receipts[0], home=filled).code == 0
    before = receipts[0].read_bytes()
    require_clean(filled)
    assert receipts[0].read_bytes() == before


WRITES = {
    "the key file, before": (os, "open"),
    "the key file, after": (os, "link"),
    "a sync": (os, "fsync"),
    "the settings file's name": (Path, "replace"),
    "a folder": (Path, "mkdir"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_home_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch, vultus, name):
    home, key = tmp_path / "home", tmp_path / "key"
    where, what = WRITES[name]
    with monkeypatch.context() as broken:
        broken.setattr(where, what, fail)
        said = vultus("init", "--key-file", key, "--json", home=home)
    assert said.code == 5, said.out
    assert said.error in {"key.not_written", "home.not_written"}
    assert not home.exists() or not any(home.iterdir())
    assert not key.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".key")] == []
    assert vultus("init", "--key-file", key, home=home).code == 0
    assert vultus("doctor", home=home).code == 0


INIT = """
import os, signal, sys
from pathlib import Path
from vultus.actions import home

def event(frame, what, argument):
    global left
    if "/vultus/" in frame.f_code.co_filename:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return event

left = int(sys.argv[3])
sys.settrace(event)
home.init_home(Path(sys.argv[1]), {}, key_file=Path(sys.argv[2]))
sys.settrace(None)
print(-left)
"""


def test_an_init_that_is_killed_leaves_no_home(tmp_path, vultus):
    """Or a whole one: it opens, or it is said that there is none and what to do."""
    rng = random.Random(secrets.randbits(32))
    for n in range(4):
        home, key = tmp_path / f"home-{n}", tmp_path / f"key-{n}"
        command = [sys.executable, "-c", INIT, home, key, str(rng.randint(1, 1200))]
        environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        subprocess.run(command, env=environ, check=False, capture_output=True)
        said = vultus("case", "list", "--json", home=home)
        assert said.code in {0, 5}, said.out
        if said.code == 5:
            assert said.error == "home.missing"
            if home.exists() and any(home.iterdir()):
                said = vultus("init", "--key-file", key, "--json", home=home)
                assert (said.code, said.error) == (2, "home.exists")
                assert "vultus.toml" in said.document["error"]["hint"]


def test_a_reader_that_dies_costs_its_photo_only(home, photos):
    """One that the system ends for want of memory, say; the others are read on."""
    from vultus.actions.readers import pool

    fill_folder(photos, 1, 4)
    add_folder(home, photos)
    home.readers = None
    home.settings = replace(home.settings, n_workers=1)
    pool(home)
    killed = []

    def kill(name, done, total):
        if not killed:
            killed.append(name)
            home.readers._workers[0].process.kill()

    answer = visit(home, progress=kill)
    assert answer.photos == 4
    assert answer.new + sum(answer.failed.values()) == 4
    assert set(answer.failed) <= {"photo.crashed_decoder"}
    # What a dead process left unread was read all the same, or is when it is asked again.
    assert visit(home, revisit=True).faces == 4
    home.close()
