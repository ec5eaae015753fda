"""Hostile and odd files given to `faces` and `ingest`: each is answered, and quickly."""

import json
import os
import subprocess
import sys

import pytest
from homes import REPOSITORY, add_folder, close_database, fill_folder, require_clean, spawn
from hostile import READ, make_hostile_files

from vultus.acquire.folder import path_text

SEED = 20_260
SECONDS_MAX = "5"  # of one photo; a slower one is killed and says photo.took_too_long
ENVIRON = {"VULTUS_PHOTO_SECONDS_MAX": SECONDS_MAX}
# A photo that crashed its reader is no answer of ours: decoders must not let it come to that.
NEVER = {"photo.took_too_long", "photo.crashed_decoder", "photo.reader_failed"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    made = make_hostile_files(tmp_path_factory.mktemp("hostile") / "files", SEED)
    assert len(made) >= 300
    return made


def expected_codes(file):
    """The codes that are right; a photo that can be read has no face."""
    return {"no_face" if code == READ else code for code in file.expected}


def answer_of(photo):
    return photo["error"]["code"] if "error" in photo else "no_face"


def test_faces_answers_for_every_file(files):
    paths = [os.fsencode(file.path) for file in files]
    done = subprocess.run(
        [sys.executable, "-m", "vultus", "faces", "--json", "--", *paths],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    photos = json.loads(done.stdout)["photos"]
    assert [photo["path"] for photo in photos] == [path_text(file.path) for file in files]
    wrong = [
        (file.path.name, answer_of(photo))
        for file, photo in zip(files, photos, strict=True)
        if answer_of(photo) not in expected_codes(file)
    ]
    assert not wrong
    assert not NEVER & {answer_of(photo) for photo in photos}
    for photo in photos:
        assert photo.get("error", {"hint": "none"})["hint"]


# What stands in a file's place is told apart before it is opened.
PLACES = {"place.not_a_file", "place.link_to_folder", "place.link_out_of_source"}


def test_ingest_counts_every_file_with_its_reason(home, files):
    folder = files[0].path.parent
    portraits = fill_folder(folder / "z", 1, 2)
    add_folder(home, folder)
    close_database()
    said = spawn("--home", home.path, "ingest", "--json", "--files", **ENVIRON)
    assert said.code == 0, said.err
    document = said.document
    reasons = {name: reason for reason, names in document["files"].items() for name in names}
    there = {path_text(file.path): file for file in files if os.path.lexists(file.path)}
    folders = {name for name, file in there.items() if file.path.is_dir()}
    assert len(reasons) >= 300
    assert set(reasons) == {name for name in there if name not in folders or is_link(there[name])}
    wrong = [
        (there[name].path.name, reason)
        for name, reason in reasons.items()
        if reason not in expected_codes(there[name]) | PLACES
    ]
    assert not wrong
    assert not NEVER & set(document["failed"])
    # The two good photos among them are enrolled.
    assert (document["new"], document["faces"]) == (len(portraits), len(portraits))
    counted = sum(document["failed"].values()) + sum(document["refused"].values())
    assert document["photos"] == counted + 2
    assert document["places"] == len(reasons) + 2
    again = spawn("--home", home.path, "ingest", "--json", **ENVIRON)
    assert again.code == 0
    same = {"photos", "faces", "refused", "failed", "places"}
    assert {key: again.document[key] for key in same} == {key: document[key] for key in same}
    require_clean(home)


def is_link(file):
    return file.path.is_symlink()


def test_a_hostile_file_is_no_probe(filled, files, vultus):
    """One of each family; the page is given the same ones."""
    families = {}
    for file in files:
        if READ not in file.expected and file.path.is_file():
            families.setdefault(file.path.name.split("-")[0], file)
    assert len(families) >= 4
    for file in families.values():
        said = vultus("search", "--case", 1, "--json", "--", file.path, home=filled)
        assert said.code == 2
        assert said.error in expected_codes(file)
