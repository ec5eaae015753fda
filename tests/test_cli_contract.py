"""The command line as other people's scripts run it: verbs, documents, exit codes, channels."""

import base64
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from homes import (
    N_PEOPLE,
    N_PHOTOS,
    add_folder,
    fill_folder,
    group_photo,
    portrait,
    probe_of,
    wall,
)
from homes import (
    people as all_people,
)

from vultus.cli.main import build_parser

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SHA256 = re.compile(r"[0-9a-f]{64}")
CASE = {
    "case": int, "reference": str, "purpose": str, "legal_basis": str, "state": str,
    "opened": INSTANT, "opened_by": str, "approved": (INSTANT, None), "approved_by": (str, None),
    "expires": (DAY, None), "searches": int,
}  # fmt: skip
SOURCE = {
    "source": str, "collection": str, "kind": str, "location": str, "legal_basis": str,
    "page_url_prefix": (str, None), "expires": (DAY, None), "expired": bool,
    "visited": (INSTANT, None), "allow_hosts": [str, ...], "licence": (str, None),
    "contact": (str, None), "revisit_days": (int, None), "photos_max": (int, None),
    "requests_max": (int, None), "bytes_max": (int, None),
}  # fmt: skip
INGEST = {
    "photos": int, "new": int, "unchanged": int, "faces": int, "removed": int,
    "refused": {str: int},
    "failed": {str: int}, "places": int, "requests": int, "unfinished": {str: str},
    "seconds": float,
}  # fmt: skip
FACE = {
    "n": int, "box": [float] * 4, "landmarks": [[float] * 2] * 5, "detection_score": float,
    "quality": float, "quality_components": {str: float}, "refused": (str, None),
}  # fmt: skip
TEMPLATE = {"template": str, "model": str}
FOUND = {
    "title": (str, None), "caption": (str, None), "credit": (str, None), "licence": (str, None),
    "date": (str, None), "date_precision": (str, None), "persons": [str, ...],
}  # fmt: skip
HELD = FOUND | {
    "sha256": (SHA256, None), "path_or_url": str, "page_url": (str, None), "enrolled": bool,
    "n_faces": int,
    "decision": {"rule": str, "signal": (str, None), "value": (str, None), "time": INSTANT},
    "caption_source": (str, None), "date_source": (str, None),
    "sightings": [{"url": str, "page_url": (str, None)}, ...],
}  # fmt: skip
PLACE = {"path_or_url": str, "page_url": (str, None), "source": str, "collection": str}
CANDIDATE = {
    "rank": int, "score": float, "expected_false_positives": float,
    "expected_false_positives_low": float, "expected_false_positives_high": float,
    "extrapolated": bool, "reference": int, "box": [float] * 4, "quality": float,
    "photo": FOUND | PLACE | {"sha256": SHA256, "places": [PLACE, ...]},
}  # fmt: skip
PROBE = {
    "photo": str, "probe": (int, None), "face": (FACE, None), "verdict": str,
    "candidates": [CANDIDATE, ...],
}  # fmt: skip
SEARCH = {
    "search": int, "case": int, "run": INSTANT,
    "gallery": {"references": int, "photos": int, "collections": [str, ...]},
    "model": str, "max_false_positives": float, "threshold": (float, None), "probes": list,
    "audit": {"index": int},
}  # fmt: skip


def require(shape, value, where="document"):
    """The value has exactly this shape: a type, a pattern, alternatives, a list or a mapping."""
    if isinstance(shape, tuple):
        if value is None and None in shape:
            return
        require(next(item for item in shape if item is not None), value, where)
    elif isinstance(shape, re.Pattern):
        assert isinstance(value, str), where
        assert shape.fullmatch(value), (where, value)
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        items = [shape[0]] * len(value) if shape[-1] is ... else shape
        assert len(items) == len(value), where
        for n, (item, inner) in enumerate(zip(items, value, strict=True)):
            require(item, inner, f"{where}[{n}]")
    elif isinstance(shape, dict):
        assert isinstance(value, dict), where
        keys = set(value) if str in shape else set(shape)
        assert set(value) == keys, (where, set(value) ^ keys)
        for key in keys:
            require(shape.get(key, shape.get(str)), value[key], f"{where}.{key}")
    else:
        assert type(value) is shape, (where, value)


# --- verbs --------------------------------------------------------------------------------------


def test_init(done, vultus, tmp_path):
    home = tmp_path / "home"
    document = done(home, "init", "--key-file", tmp_path / "keys" / "key")
    assert set(document) == {"home", "key_file", "public_key"}
    assert document["home"] == str(home)
    assert Path(document["key_file"]).stat().st_mode & 0o777 == 0o600
    assert (home / "log" / "public-key").read_text().strip() == document["public_key"]
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    said = vultus("init", "--json", home=home)
    assert (said.code, said.error) == (2, "home.exists")
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_init_puts_the_key_outside_the_home_and_overwrites_nothing(done, vultus, tmp_path):
    document = done(tmp_path / "a", "init")
    assert Path(document["key_file"]).parent == tmp_path / "config" / "vultus" / "keys"
    for inside in (tmp_path / "b" / "key", tmp_path / "c" / ".." / "b" / "log" / "key"):
        said = vultus("init", "--key-file", inside, "--json", home=tmp_path / "b")
        assert (said.code, said.error) == (2, "key.inside_home")
    (tmp_path / "link").symlink_to(tmp_path / "b")
    said = vultus("init", "--key-file", tmp_path / "link" / "k", "--json", home=tmp_path / "b")
    assert (said.code, said.error) == (2, "key.inside_home")
    said = vultus("init", "--key-file", document["key_file"], "--json", home=tmp_path / "b")
    assert (said.code, said.error) == (2, "key.exists")
    (tmp_path / "file").write_text("mine")
    said = vultus("init", "--json", home=tmp_path / "file")
    assert (said.code, said.error) == (2, "home.exists")
    url = "mysql://localhost/a"
    said = vultus("init", "--database-url", url, "--json", home=tmp_path / "b")
    assert (said.code, said.error) == (2, "settings.database_url")
    assert not (tmp_path / "b").exists()


@pytest.mark.postgres
def test_init_in_postgresql(done, vultus, server, tmp_path):
    server.create("contract")
    url = server.url("contract")
    done(tmp_path / "home", "init", "--key-file", tmp_path / "key", "--database-url", url)
    assert done(tmp_path / "home", "doctor")["clean"]
    said = vultus(
        "init", "--key-file", tmp_path / "k2", "--database-url", url, "--json", home=tmp_path / "b"
    )
    assert (said.code, said.error) == (2, "home.database_in_use")
    gone = url.replace("/contract", "/nothing")
    said = vultus(
        "init", "--key-file", tmp_path / "k2", "--database-url", gone, "--json", home=tmp_path / "b"
    )
    assert (said.code, said.error) == (5, "home.database_unreachable")
    assert server.password not in said.out + said.err


def test_source_add_and_list(home, done, vultus, photos):
    given = ["--kind", "folder", "--location", photos, "--collection", "C", "--legal-basis", "L"]
    further = ["--expires", "2999-12-31", "--page-url-prefix", "https://a.example/"]
    document = done(home, "source", "add", "A", *given, *further)
    require(SOURCE, document)
    assert document | {"visited": None} == {
        "source": "A", "collection": "C", "kind": "folder", "location": str(photos),
        "legal_basis": "L", "page_url_prefix": "https://a.example/", "expires": "2999-12-31",
        "expired": False, "visited": None, "allow_hosts": [], "licence": None, "contact": None,
        "revisit_days": None, "photos_max": None, "requests_max": None, "bytes_max": None,
    }  # fmt: skip
    assert done(home, "source", "list") == {"sources": [document]}
    for change, code in {
        ("--kind", "bucket"): "source.kind",
        ("--location", photos / "none"): "source.no_folder",
        ("--legal-basis", " "): "source.incomplete",
        ("--collection", ""): "source.incomplete",
        ("--expires", "2001-01-01"): "source.expires_in_the_past",
        ("--expires", "tomorrow"): "usage.date",
        ("--page-url-prefix", "ftp://a"): "source.page_url_prefix",
        ("--allow-host", "a:80"): "source.hosts_of_a_folder",
        ("--revisit-days", "3"): "source.terms",
        ("--photos-max", "3"): "source.terms",
        ("--licence", " "): "source.terms",
    }.items():
        said = vultus("source", "add", "B", *given, *change, "--json", home=home)
        assert (said.code, said.error) == (2, code)
    said = vultus("source", "add", "A", *given, "--json", home=home)
    assert (said.code, said.error) == (2, "source.exists")


def test_ingest_and_photos(home, done, vultus, photos):
    fill_folder(photos, 1, 2)
    (photos / "text.jpg").write_text("no photo")
    add_folder(home, photos, page_url_prefix="https://pages.example/")
    document = done(home, "ingest", "--source", "a", "--limit", 1, "--revisit")
    require(INGEST, document)
    assert document["photos"] == 1
    document = done(home, "ingest", "--files")
    require(INGEST | {"files": {str: [str, ...]}}, document)
    assert document["failed"] == {"photo.not_a_photo": 1}
    assert document["files"] == {"photo.not_a_photo": [str(photos / "text.jpg")]}
    listed = done(home, "photos")["photos"]
    require([HELD, ...], listed)
    assert len(listed) == len(done(home, "photos", "--source", "a")["photos"]) == 3
    first = listed[0]
    assert (first["enrolled"], first["n_faces"]) == (True, 1)
    assert first["decision"]["rule"] == "enrolled"
    assert first["page_url"] == "https://pages.example/" + str(
        Path(first["path_or_url"]).relative_to(photos)
    )
    assert listed[-1]["decision"]["rule"] == "photo.not_a_photo"
    for verb in ("ingest", "photos"):
        said = vultus(verb, "--source", "b", "--json", home=home)
        assert (said.code, said.error) == (2, "source.not_found")


def test_case_open_approve_and_list(home, done, vultus):
    texts = ["--reference", "R", "--purpose", "P", "--legal-basis", "B"]
    opened = done(home, "case", "open", *texts, "--expires", "2999-01-31")
    require(CASE, opened)
    assert (opened["case"], opened["state"], opened["expires"]) == (1, "opened", "2999-01-31")
    approved = done(home, "case", "approve", 1)
    require(CASE, approved)
    assert approved["state"] == "approved"
    second = done(home, "case", "open", *texts)
    assert done(home, "case", "list") == {"cases": [second, approved]}
    said = vultus("case", "approve", 9, "--json", home=home)
    assert (said.code, said.error) == (2, "case.not_found")


def test_search_and_its_verdicts(filled, done, tmp_path):
    group = group_photo(tmp_path / "group.jpg", [0, N_PEOPLE])
    empty = wall(tmp_path / "wall.png")
    text = tmp_path / "text.jpg"
    text.write_text("no photo")
    stranger = probe_of(N_PEOPLE + 1)
    given = [probe_of(0), stranger, group, empty, text]
    document = done(filled, "search", *given, "--case", 1)
    require(SEARCH, document)
    assert document["gallery"] == {
        "references": N_PEOPLE * N_PHOTOS, "photos": N_PEOPLE * N_PHOTOS, "collections": ["Nobody"],
    }  # fmt: skip
    mated, none, several, faceless, bad = document["probes"]
    assert [probe["photo"] for probe in document["probes"]] == [str(path) for path in given]
    require(PROBE, mated)
    assert mated["verdict"] == "candidates"
    assert [c["rank"] for c in mated["candidates"]] == [1, 2, 3]
    require(PROBE | {"best_expected_false_positives": float}, none)
    assert (none["verdict"], none["candidates"]) == ("no_likely_match", [])
    require(PROBE | {"faces": [FACE, ...]}, several)
    assert (several["verdict"], several["candidates"]) == ("choose_face", [])
    assert [face["n"] for face in several["faces"]] == [1, 2]
    require(PROBE, faceless)
    assert faceless["verdict"] == "no_face"
    require(PROBE | {"reason": str}, bad)
    assert (bad["verdict"], bad["reason"]) == ("refused", "photo.not_a_photo")
    entry = done(filled, "audit", "prove", document["audit"]["index"])
    assert entry["leaf"]["kind"] == "search.run"


def test_search_has_its_options(filled, done, vultus, tmp_path):
    group = group_photo(tmp_path / "group.jpg", [0, 1], [200, 400])

    def people(*options):
        document = done(filled, "search", group, "--case", 1, *options)
        return [
            sorted({Path(c["photo"]["path_or_url"]).parent.name for c in p["candidates"]})
            for p in document["probes"]
        ]

    names = list(all_people())[:2]
    assert people("--face", 1) == [[names[0]]]
    assert people("--face", 2) == [[names[1]]]
    assert people("--all-faces") == [[names[0]], [names[1]]]
    assert people("--largest-face") == [[names[1]]]
    assert people("--largest-face", "--collection", "Nobody") == [[names[1]]]
    document = done(filled, "search", group, "--case", 1, "--largest-face", "--limit", 1)
    assert len(document["probes"][0]["candidates"]) == 1
    strict = done(filled, "search", probe_of(0), "--case", 1, "--max-false-positives", "1e-9")
    assert strict["max_false_positives"] == 1e-9
    assert len(strict["probes"][0]["candidates"]) < N_PHOTOS
    photos = [portrait(0, 0), portrait(0, 1), probe_of(0)]
    document = done(filled, "search", *photos, "--case", 1, "--same-person")
    (probe,) = document["probes"]
    require(PROBE | {"photos": [str, ...]}, probe)
    assert probe["photos"] == [str(path) for path in photos]
    for options, code in {
        ("--face", 3): "search.face",
        ("--face", 0): "search.face",
        ("--limit", 0): "search.limit",
        ("--max-false-positives", 0): "search.max_false_positives",
        ("--max-false-positives", "nan"): "search.max_false_positives",
        ("--collection", "other"): "collection.not_found",
        ("--same-person", "--all-faces"): "search.same_person",
        ("--face", 1, "--all-faces"): "usage",
    }.items():
        said = vultus("search", group, "--case", 1, *options, "--json", home=filled)
        assert (said.code, said.error) == (2, code)


def test_faces_and_compare(done, vultus, tmp_path):
    nowhere = tmp_path / "nowhere"
    document = done(nowhere, "faces", portrait(0), portrait(1))
    require({"photos": [{"path": str, "faces": [FACE, ...]}, ...]}, document)
    assert [photo["path"] for photo in document["photos"]] == [str(portrait(n)) for n in (0, 1)]
    document = done(nowhere, "faces", "--templates", portrait(0), tmp_path / "none.jpg")
    good, bad = document["photos"]
    require({"path": str, "faces": [FACE | TEMPLATE, ...]}, good)
    vector = np.frombuffer(base64.b64decode(good["faces"][0]["template"]), "<f4")
    assert vector.shape == (128,)
    assert abs(np.linalg.norm(vector) - 1) < 1e-5
    error = {"code": str, "message": str, "hint": str}
    require({"path": str, "faces": [FACE, ...], "error": error}, bad)
    assert bad["error"]["code"] == "photo.unreadable"
    document = done(nowhere, "compare", portrait(0), probe_of(0))
    require(
        {"score": float, "false_match_rate": float, "faces": [FACE] * 2, "n_faces": [int] * 2},
        document,
    )
    other = done(nowhere, "compare", portrait(0), portrait(1))
    assert other["score"] < document["score"]
    assert other["false_match_rate"] > document["false_match_rate"]
    said = vultus("faces", tmp_path / "none.jpg", "--json")
    assert (said.code, said.error) == (2, "photo.unreadable")
    said = vultus("compare", portrait(0), wall(tmp_path / "wall.png"), "--json")
    assert (said.code, said.error) == (2, "photo.no_face")
    assert not nowhere.exists()


def test_erase(filled, done, vultus):
    sha256 = done(filled, "photos")["photos"][0]["sha256"]
    for options, erased in (
        (("--photo", sha256), (1, 1, 1)),
        (("--reference", 2), (0, 1, 0)),
        (("--source", "portraits"), (35, 34, 35)),
    ):
        document = done(filled, "erase", *options)
        require({"erased": {"photos": int, "references": int, "places": int}, "receipt": str},
                document)  # fmt: skip
        assert tuple(document["erased"].values()) == erased
        checked = done(filled, "receipt", "verify", document["receipt"])
        require({"verified": bool, "index": int, "size": int, "kind": str, "time": INSTANT,
                 "what": dict}, checked)  # fmt: skip
    for options, code in {
        ("--photo", sha256): "photo.not_held",
        ("--photo", "no digest"): "photo.not_held",
        ("--reference", 1): "reference.not_held",
        ("--source", "portraits"): "source.not_found",
        (): "usage",
        ("--reference", 1, "--source", "a"): "usage",
    }.items():
        said = vultus("erase", *options, "--json", home=filled)
        assert (said.code, said.error) == (2, code)
    assert done(filled, "doctor")["clean"]
    assert done(filled, "photos")["photos"] == []
    assert done(filled, "source", "list") == {"sources": []}


def test_audit_and_doctor(home, done):
    document = done(home, "audit", "verify")
    require({"verified": bool, "entries": int, "root": SHA256, "origin": str,
             "payloads_checked": bool}, document)  # fmt: skip
    assert (document["verified"], document["entries"]) == (True, 2)
    document = done(home, "audit", "prove", 1)
    assert (document["index"], document["size"]) == (1, 2)
    document = done(home, "doctor")
    require({"clean": bool, "checks": [{"name": str, "state": str, "detail": str}, ...]}, document)
    assert {check["state"] for check in document["checks"]} <= {"ok", "warning"}


def test_account_add_and_password(home, done, vultus, monkeypatch):
    document = done(home, "account", "add", "Ilse Haddad", "--generate")
    require({"account": int, "name": str, "password": str}, document)
    assert len(document["password"]) >= 12
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))  # noqa: PTH123, SIM115
    said = vultus("account", "password", "Ilse Haddad", "--json", home=home)
    assert (said.code, said.error) == (2, "account.password_too_short")
    document = done(home, "account", "password", "ilse haddad ", "--generate")
    require({"account": int, "name": str, "password": str}, document)
    said = vultus("account", "add", "ILSE HADDAD", "--generate", "--json", home=home)
    assert (said.code, said.error) == (2, "account.exists")


# --- for people ---------------------------------------------------------------------------------


def test_what_people_read(filled, vultus, photos, tmp_path):
    said = vultus("source", "list", home=filled)
    assert "portraits" in said.out
    assert "Nobody" in said.out
    assert "candidates" not in vultus("photos", home=filled).out
    said = vultus("case", "list", home=filled)
    assert "approved" in said.out
    assert "TR-1" in said.out
    said = vultus("case", "open", "--reference", "[red]R", "--purpose", "\x1b[31mP",
                  "--legal-basis", "B", home=filled)  # fmt: skip
    assert "[red]R" in said.out
    assert "\x1b" not in said.out
    assert "vultus case approve 2" in said.out
    said = vultus("case", "list", home=filled)
    assert "\x1b" not in said.out
    said = vultus("doctor", home=filled)
    assert "entries verify" in said.out
    assert "checking log" in said.err
    said = vultus("audit", "verify", home=filled)
    assert "verified entries" in said.out
    said = vultus("faces", wall(tmp_path / "wall.png"), home=filled)
    assert "no face found" in said.out
    said = vultus("case", "approve", 99, home=filled)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "There is no case 99. [case.not_found]", "List them: `vultus case list`.",
    ]  # fmt: skip


@pytest.mark.skipif(
    importlib.util.find_spec("vultus.web.words") is None, reason="needs the words of the page"
)
def test_a_candidate_list_for_people(filled, vultus, tmp_path):
    group = group_photo(tmp_path / "group.jpg", [0, N_PEOPLE])
    stranger = probe_of(N_PEOPLE + 1)
    said = vultus("search", probe_of(0), group, stranger, "--case", 1, home=filled)
    assert said.code == 0
    assert "3 candidates" in said.out
    assert "https://pages.example/" in said.out
    assert "2 faces; choose one with --face N" in said.out
    assert "no likely match" in said.out
    assert f"{N_PEOPLE * N_PHOTOS} faces of {N_PEOPLE * N_PHOTOS} photos searched" in said.out


def test_every_verb_has_help_and_the_verbs_are_those_of_the_contract(vultus, capsys):
    parser = build_parser()
    verbs = next(a.choices for a in parser._actions if a.dest == "verb")
    assert set(verbs) >= {
        "init", "source", "ingest", "photos", "case", "search", "faces", "compare", "erase",
        "evaluate", "audit", "receipt", "serve", "doctor", "demo", "account",
    }  # fmt: skip
    for name in verbs:
        with pytest.raises(SystemExit) as caught:
            vultus(name, "--help")
        assert caught.value.code == 0
    with pytest.raises(SystemExit):
        vultus("--version")
    assert json.dumps(sorted(verbs))
