"""Nothing personal is readable in the files of a home, and what was erased is not there at all."""

import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from homes import (
    N_PHOTOS,
    REPOSITORY,
    add_folder,
    close_database,
    portrait,
    probe_of,
    reopen,
    settle,
    spawn,
    visit,
)
from hostile import XMP, iptc_segment
from PIL import Image

from vultus.actions.home import local_account
from vultus.index.rows import unit

# One text of each kind that a home is told; none is short enough to stand there by chance.
TEXTS = {
    "caption": "A caption of the Harbour Festival",
    "iptc caption": "An IPTC caption of the lantern parade",
    "credit": "Cornelia Photographer",
    "person": "Bartholomew Nobody",
    "title": "Lanterns over Zeedorp",
    "file name": "bartholomew-at-harbour",
    "folder": "pictures-of-harbour",
    "source": "Zeedorp Gazette",
    "collection": "Harbour collection",
    "source basis": "Licence of the gazette",
    "page": "https://gazette.example/pages/",
    "reference": "Case Quayside",
    "purpose": "Find the missing lantern bearer",
    "case basis": "Section forty-two",
    "account": "Wilhelmina Operator",
    "probe name": "probe-from-informant",
}


def captioned(path, photo, *, xmp=True):
    """A portrait with caption, credit, title and the person's name in its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(photo) as image:
        stream = io.BytesIO()
        packet = XMP % (
            f"<dc:description>{TEXTS['caption']}</dc:description>"
            f"<dc:title>{TEXTS['title']}</dc:title>"
            f"<dc:creator>{TEXTS['credit']}</dc:creator>"
            '<Iptc4xmpExt:PersonInImage xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02'
            f'-29/"><rdf:Bag><rdf:li>{TEXTS["person"]}</rdf:li></rdf:Bag>'
            "</Iptc4xmpExt:PersonInImage>"
        )
        image.convert("RGB").save(
            stream, "JPEG", quality=90, **({"xmp": packet.encode()} if xmp else {})
        )
    data = stream.getvalue()
    if not xmp:
        fields = {0x78: TEXTS["iptc caption"], 0x6E: TEXTS["credit"], 0x05: TEXTS["title"]}
        block = b"".join(
            bytes([0x1C, 2, number, 0, len(text)]) + text.encode()
            for number, text in fields.items()
        )
        segment = iptc_segment(block)
        length = (len(segment) + 2).to_bytes(2, "big")
        data = data[:2] + b"\xff\xed" + length + segment + data[2:]
    path.write_bytes(data)
    return path


def middle_of(data):
    """Forty bytes that are like no others: not a JPEG's first ones, nor a page's."""
    return data[len(data) // 2 - 20 : len(data) // 2 + 20]


@pytest.fixture
def told(home, tmp_path):
    """(home, bytes that nobody may read in its files by what they are): a whole story."""
    settle(home, "index_segment_references", "2")
    home = reopen(home)
    from vultus.actions.account import add_account
    from vultus.actions.case import approve_case, open_case
    from vultus.actions.search import search_photos
    from vultus.records.models import Crop, Probe, Reference, Segment

    folder = tmp_path / TEXTS["folder"]
    photos = [
        captioned(folder / f"{TEXTS['file name']}-{n}.jpg", portrait(0, n), xmp=n % 2 == 0)
        for n in range(N_PHOTOS)
    ]
    photos.append(folder / "refused.jpg")
    photos[-1].write_text("no photo")
    add_folder(
        home, folder, TEXTS["source"], collection=TEXTS["collection"],
        legal_basis=TEXTS["source basis"], page_url_prefix=TEXTS["page"],
    )  # fmt: skip
    visit(home)
    actor = local_account(home)
    add_account(home, actor, TEXTS["account"], "a sentence that nobody guesses")
    case = open_case(
        home, actor, reference=TEXTS["reference"], purpose=TEXTS["purpose"],
        legal_basis=TEXTS["case basis"],
    )  # fmt: skip
    approve_case(home, actor, case.id)
    probe = Path(shutil.copy(probe_of(0), tmp_path / f"{TEXTS['probe name']}.jpg"))
    answer = search_photos(home, actor, [probe], case_id=case.id, collection=TEXTS["collection"])
    found = answer.probes[0].candidates
    assert len(found) == N_PHOTOS
    assert {c.photo.caption for c in found} == {TEXTS["caption"], TEXTS["iptc caption"]}
    assert (TEXTS["person"],) in {c.photo.persons for c in found}

    secrets = {name: text.encode() for name, text in TEXTS.items()}
    for photo in (*photos, probe):
        digest = hashlib.sha256(photo.read_bytes())
        secrets[f"digest of {photo.name}"] = digest.digest()
        secrets[f"hex digest of {photo.name}"] = digest.hexdigest().encode()
    secrets["probe"] = middle_of(probe.read_bytes())
    secrets["any JPEG"] = b"\xff\xd8\xff"
    vault = home.vault
    for row in Reference.objects.all():
        template = vault.unseal("template", f"reference:{row.pk}", bytes(row.sealed_template))
        secrets[f"template {row.pk}"] = template[:16]
        vector = np.frombuffer(template, "<f4")[1:]
        secrets[f"row {row.pk}"] = unit(vector[None], "template").tobytes()[:16]
        crop = Crop.objects.get(reference=row)
        crop = vault.unseal("crop", f"crop:{row.pk}", bytes(crop.sealed))
        secrets[f"crop {row.pk}"] = middle_of(crop)
    row = Probe.objects.get()
    template = vault.unseal("probe-template", f"probe:{row.pk}", bytes(row.sealed_templates))
    secrets["probe template"] = template[:16]
    assert Segment.objects.count() == 1
    assert len(list((home.path / "index").iterdir())) == 1
    secrets["template as int8"] = (
        np.round(np.frombuffer(template, "<f4") * 127).astype("i1")[:16].tobytes()
    )
    return home, secrets


def stored(home):
    """file -> bytes of every file of the home, as a thief would take it while it runs."""
    return {path: path.read_bytes() for path in home.path.rglob("*") if path.is_file()}


def spellings(text):
    """How a text could stand in a file."""
    yield text
    yield text.hex().encode()
    if text.isascii():
        yield text.decode().encode("utf-16-le")
        yield text.lower()


def require_unreadable(home, secrets):
    files = stored(home)
    assert any(path.name == "vultus.db" for path in files)
    for path, data in files.items():
        for name, secret in secrets.items():
            for spelling in spellings(secret):
                assert spelling not in data, f"{name} stands in {path.name}"


def test_nothing_personal_is_readable_while_the_home_runs_and_after(told):
    home, secrets = told
    assert (home.path / "vultus.db-wal").stat().st_size > 0
    require_unreadable(home, secrets)
    close_database()
    require_unreadable(home, secrets)


def test_the_search_for_secrets_can_find_one(told):
    home, secrets = told
    (home.path / "leak").write_bytes(b"..." + TEXTS["person"].lower().encode())
    with pytest.raises(AssertionError, match="person stands in leak"):
        require_unreadable(home, secrets)


KILLED = """
import os, signal, sys
from pathlib import Path
import homes
from vultus.actions.home import open_home
home = open_home(Path(sys.argv[1]), {"VULTUS_N_WORKERS": "1"})
from vultus.actions import ingest
ingest.BATCH_PHOTOS = 1
def kill(name, done, total):
    if done > 1:
        os.kill(os.getpid(), signal.SIGKILL)
homes.visit(home, progress=kill)
"""


def test_nothing_personal_is_readable_after_a_kill(told, tmp_path):
    home, secrets = told
    for n in range(3):
        captioned(tmp_path / TEXTS["folder"] / f"more-{n}.jpg", portrait(1, n))
    close_database()
    paths = f"{REPOSITORY}:{REPOSITORY / 'tests'}"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home.path)],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == -9
    require_unreadable(home, secrets)


def test_only_the_owner_may_read_the_home(told):
    home, _ = told
    assert home.path.stat().st_mode & 0o077 == 0
    assert (home.path.parent / "key").stat().st_mode & 0o777 == 0o600
    assert not (home.path.parent / "key").is_relative_to(home.path)


# --- without the key, or with another one -------------------------------------------------------

VERBS = [
    ("doctor",), ("photos",), ("ingest",), ("case", "list"), ("source", "list"),
    ("search", "x.jpg", "--case", "1"), ("erase", "--reference", "1"),
    ("account", "add", "A", "--generate"),
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_without_the_right_key_nothing_opens(home, vultus, verb, tmp_path):
    before = stored(home)
    key = home.path.parent / "key"
    key.rename(tmp_path / "away")
    said = vultus(*verb, "--json", home=home)
    assert (said.code, said.error) == (5, "key.missing")
    assert "key" in said.document["error"]["hint"]

    from vultus.vault.key import MasterKey

    MasterKey.generate().create_file(key)
    said = vultus(*verb, "--json", home=home)
    assert (said.code, said.error) == (4, "home.wrong_key")
    assert said.document["error"]["hint"]

    key.write_text("vultus-key-1\nnot a key\n")
    said = vultus(*verb, "--json", home=home)
    assert (said.code, said.error) == (4, "key.malformed")

    key.unlink()
    shutil.copy2(tmp_path / "away", key)
    for mode in (0o640, 0o604, 0o700):
        key.chmod(mode)
        said = vultus(*verb, "--json", home=home)
        assert (said.code, said.error) == (3, "key.too_open")
        assert "chmod 600" in said.document["error"]["hint"]
    assert stored(home) == before


def test_the_key_of_another_home_does_not_open_this_one(home, vultus, tmp_path):
    made = vultus("init", "--key-file", tmp_path / "other-key", home=tmp_path / "other")
    assert made.code == 0
    (home.path.parent / "key").unlink()
    shutil.copy2(tmp_path / "other-key", home.path.parent / "key")
    said = vultus("photos", "--json", home=home)
    assert (said.code, said.error) == (4, "home.wrong_key")


def test_the_right_key_may_lie_elsewhere(home, tmp_path):
    (home.path.parent / "key").rename(tmp_path / "elsewhere")
    reopen(home, VULTUS_KEY_FILE=str(tmp_path / "elsewhere"))
    said = spawn(
        "case", "list", "--json", VULTUS_HOME=str(home.path),
        VULTUS_KEY_FILE=str(tmp_path / "elsewhere"),
    )  # fmt: skip
    assert said.document == {"cases": []}


# --- erased -------------------------------------------------------------------------------------


def sealed_in(home):
    """Every sealed value in the database as it is on the disk now."""
    close_database()
    with sqlite3.connect(home.path / "vultus.db") as database:
        columns = database.execute(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
            "WHERE m.type = 'table' AND c.name LIKE 'sealed%'"
        ).fetchall()
        assert len(columns) >= 15
        return {
            bytes(row[0])
            for table, column in columns
            for row in database.execute(f'SELECT "{column}" FROM "{table}"')
            if row[0] is not None
        }


def unsealed(home):
    """Everything that the key opens, in the database and the index's files, as one text."""
    from vultus.actions.doctor import sealed_values
    from vultus.actions.segment import open_segments

    segments, problems = open_segments(home, {})
    assert not problems
    assert {path.stem for path in (home.path / "index").iterdir()} == set(segments)
    rows = [bytes(s.rows_at(np.arange(s.n))[0]) for s in segments.values()]
    return b"\n".join([*(home.vault.unseal(*value) for value in sealed_values()), *rows])


def erased_photo(home):
    from vultus.actions.photo import list_photos

    actor = local_account(home)
    return next(
        item.photo for item in list_photos(home, actor) if TEXTS["person"] in item.photo.persons
    )


def require_gone(home, before, gone):
    """Nothing of `gone` is left, though the key is known; nor the sealed bytes that held it."""
    opened = unsealed(home)
    for name, secret in gone.items():
        assert secret not in opened, f"{name} can still be opened"
    after = sealed_in(reopen(home))
    lost = before - after
    assert lost
    for path, data in stored(home).items():
        for sealed in lost:
            assert middle_of(sealed) not in data, f"erased sealed bytes stand in {path.name}"


def test_nothing_of_an_erased_photo_is_left(told, tmp_path):
    """Not even what the log said of it, nor of the times that it had come and gone."""
    from vultus.actions.erase import erase
    from vultus.actions.view import list_searches, view_search
    from vultus.records.models import Reference

    home, secrets = told
    photo = erased_photo(home)
    place = Path(photo.places[0].path_or_url)
    place.rename(tmp_path / "away.jpg")
    visit(home)
    (tmp_path / "away.jpg").rename(place)
    visit(home)
    actor = local_account(home)
    reference = Reference.objects.order_by("-id").first().pk
    gone = {
        "digest": photo.sha256.encode(),
        "file name": place.name.encode(),
        "place": place.name.encode().hex().encode(),
        "template": secrets[f"template {reference - N_PHOTOS}"],
        "row": secrets[f"row {reference - N_PHOTOS}"],
        "crop": secrets[f"crop {reference - N_PHOTOS}"],
    }
    opened = unsealed(home)
    assert gone["digest"] in opened
    assert gone["place"] in opened
    before = sealed_in(home)
    erase(reopen(home), actor, photo=photo.sha256)
    require_gone(home, before, gone)
    search = list_searches(home, actor, 1)[0]
    probe = view_search(home, actor, search.id).probes[0]
    assert (len(probe.candidates), probe.n_gone) == (N_PHOTOS - 1, 1)


def test_nothing_of_an_erased_source_is_left(told):
    from vultus.actions.erase import erase

    home, secrets = told
    before = sealed_in(home)
    gone = {
        name: secrets[name]
        for name in ("caption", "iptc caption", "credit", "person", "title", "row 1", "crop 2")
    }
    gone["place"] = TEXTS["file name"].encode().hex().encode()
    assert all(secret in unsealed(home) for secret in gone.values())
    answer = erase(reopen(home), local_account(home), source=TEXTS["source"])
    assert (answer.photos, answer.references, answer.places) == (N_PHOTOS + 1, N_PHOTOS, 4)
    require_gone(home, before, gone)


def test_nothing_of_an_erased_face_is_left(told):
    from vultus.actions.erase import erase

    home, secrets = told
    before = sealed_in(home)
    gone = {name: secrets[name] for name in ("template 1", "row 1", "crop 1")}
    assert all(secret in unsealed(home) for secret in gone.values())
    erase(reopen(home), local_account(home), reference=1)
    require_gone(home, before, gone)


def test_nothing_of_a_probe_is_left_after_its_retention(told):
    from datetime import UTC, datetime, timedelta

    from vultus.records.models import Probe

    home, secrets = told
    before = sealed_in(home)
    home = reopen(home)
    visit(home)
    assert secrets["probe template"] in unsealed(home)
    long_ago = datetime.now(UTC) - timedelta(days=home.settings.probe_retention_days, minutes=1)
    Probe.objects.update(received=long_ago)
    visit(home)
    require_gone(home, before, {name: secrets[name] for name in ("probe template", "probe")})


def test_nothing_is_left_of_many_either(filled):
    """Pages that were split and merged keep no copies of what lay on them."""
    from vultus.actions.erase import erase

    before = sealed_in(filled)
    home = reopen(filled)
    erase(home, local_account(home), source="portraits")
    lost = before - sealed_in(home)
    assert len(lost) > 200
    data = (home.path / "vultus.db").read_bytes()
    assert not [sealed for sealed in lost if middle_of(sealed) in data]
    assert not [sealed for sealed in lost if sealed[:24] in data or sealed[-24:] in data]
