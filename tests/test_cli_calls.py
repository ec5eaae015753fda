"""The command line's calls and channels: options, homes, exit codes, text, damaged homes."""

import os

import pytest
from homes import CASE_TEXTS, add_folder, fill_folder, portrait, probe_of, spawn, wall
from test_cli_contract import INGEST, require


@pytest.mark.parametrize(
    "call",
    [
        (), ("nothing",), ("case",), ("case", "shut"), ("case", "approve"), ("search", "a.jpg"),
        ("case", "approve", "one"), ("ingest", "--limit", "few"), ("ingest", "--lim", "1"),
        ("erase",), ("source", "add", "A"), ("photos", "extra"), ("faces",), ("receipt",),
        ("ingest", "--source"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_an_error_like_every_other(vultus, call):
    for arguments in (("--json", *call), (*call, "--json")):
        said = vultus(*arguments)
        assert (said.code, said.error) == (2, "usage")
        assert "--help" in said.document["error"]["hint"]
    said = vultus(*call)
    assert (said.code, said.out) == (2, "")
    assert "[usage]" in said.err


def test_json_and_home_stand_before_or_after_the_verb_or_between(home, vultus, monkeypatch):
    expected = {"cases": []}
    path = str(home.path)
    for arguments in (
        ("--home", path, "--json", "case", "list"),
        ("--json", "case", "list", "--home", path),
        ("case", "--json", "--home", path, "list"),
        ("case", "list", "--home", path, "--json"),
        ("--home", "elsewhere", "case", "list", "--home", path, "--json"),
        ("case", "list", f"--home={path}", "--json"),
    ):
        assert vultus(*arguments).document == expected
    monkeypatch.setenv("VULTUS_HOME", path)
    assert vultus("case", "list", "--json").document == expected
    monkeypatch.setenv("VULTUS_HOME", "elsewhere")
    assert vultus("case", "list", "--json", "--home", path).document == expected
    assert vultus("case", "list", "--json").error == "home.missing"
    monkeypatch.delenv("VULTUS_HOME")
    monkeypatch.chdir(home.path.parent)
    assert vultus("case", "list", "--json").error == "home.missing"
    home.path.rename(home.path.parent / "vultus-home")
    try:
        assert vultus("case", "list", "--json").document == expected
    finally:
        (home.path.parent / "vultus-home").rename(home.path)


@pytest.mark.parametrize("verb", [("case", "list"), ("ingest",), ("audit", "verify"), ("doctor",)])
def test_where_no_home_can_be_it_is_said(vultus, tmp_path, verb):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "none", tmp_path / "file", tmp_path, tmp_path / ("n" * 300)):
        said = vultus(*verb, "--json", home=place)
        assert said.code == 5
        assert said.error in {"home.missing", "home.unreadable"}
        assert said.document["error"]["hint"]


def test_exit_codes_are_those_of_the_contract(home, vultus, photos):
    """0 done, 2 bad input, 3 refused by a rule, 4 does not verify, 5 try later."""
    texts = [f"--{key.replace('_', '-')}={text}" for key, text in CASE_TEXTS.items()]
    assert vultus("case", "open", *texts, home=home).code == 0
    said = vultus("search", portrait(), "--case", 1, "--json", home=home)
    assert (said.code, said.error) == (3, "case.not_approved")
    said = vultus("search", portrait(), "--case", 2, "--json", home=home)
    assert (said.code, said.error) == (2, "case.not_found")
    add_folder(home, photos)
    photos.rmdir()
    said = vultus("ingest", "--json", home=home)
    assert (said.code, said.error) == (5, "source.unreachable")
    (home.path / "log" / "checkpoint").write_text("changed")
    assert vultus("audit", "verify", home=home).code == 4
    said = vultus("doctor", "--json", home=home)
    assert (said.code, said.document["clean"]) == (4, False)


def test_a_database_that_is_damaged_or_gone_is_named(home, vultus):
    from homes import close_database

    close_database()
    database = home.path / "vultus.db"
    data = database.read_bytes()
    database.write_bytes(b"no database" * 1000)
    said = vultus("case", "list", "--json", home=home)
    assert (said.code, said.error) == (4, "home.database_damaged")
    close_database()
    database.unlink()
    said = vultus("case", "list", "--json", home=home)
    assert (said.code, said.error) == (5, "home.database_missing")
    assert not database.exists()
    database.write_bytes(data)
    assert vultus("case", "list", home=home).code == 0


def test_standard_output_is_one_document_and_the_rest_beside_it(home, photos):
    """As processes, since libraries may print what they like on a channel of their own."""
    fill_folder(photos, 1, 2)
    wall(photos / "wall.png")
    add_folder(home, photos)
    from homes import close_database

    close_database()
    said = spawn("ingest", "--json", VULTUS_HOME=str(home.path))
    assert said.code == 0
    require(INGEST, said.document)
    assert "a: 3 of 3" in said.err
    said = spawn("--home", home.path, "ingest")
    assert said.code == 0
    assert "unchanged" in said.out
    assert "no_face" in said.out
    assert "a: 3 of 3" not in said.out
    said = spawn("case", "approve", 7, "--json", VULTUS_HOME=str(home.path))
    assert (said.code, said.error, said.err) == (2, "case.not_found", "")


def test_text_that_is_no_text_is_bad_input(home, vultus, photos):
    """Bytes of the command line that are no UTF-8, where a name or a sentence is wanted."""
    odd = os.fsdecode(b"\xff\xfe")
    basis = ["--collection", "c", "--legal-basis", "l", "--kind", "folder"]
    for call in (
        ("case", "open", "--reference", odd, "--purpose", "p", "--legal-basis", "l"),
        ("source", "add", odd, "--location", photos, *basis),
        ("ingest", "--source", odd), ("photos", "--source", odd), ("erase", "--source", odd),
        ("erase", "--photo", odd), ("account", "add", odd, "--generate"),
        ("search", portrait(), "--case", "1", "--collection", odd),
    ):  # fmt: skip
        said = vultus(*call, "--json", home=home)
        assert (said.code, said.error) == (2, "usage"), said.out
        assert vultus(*call, home=home).code == 2
    # A path may be any bytes.
    folder = photos / odd
    folder.mkdir()
    odd_photo = folder / f"{odd}.jpg"
    odd_photo.write_bytes(portrait().read_bytes())
    said = vultus("source", "add", "a", "--location", folder, *basis, "--json", home=home)
    assert (said.code, said.error) == (2, "source.location")
    for options in ((), ("--json",)):
        for call in (("faces", odd_photo), ("compare", odd_photo, odd_photo)):
            said = vultus(*call, *options, home=home)
            assert said.code == 0
            said.out.encode("utf-8")
        said = vultus("faces", folder / "none", *options, home=home)
        assert said.code == 2
        (said.out + said.err).encode("utf-8")


def test_a_probe_may_have_any_name(filled, done, tmp_path):
    odd = tmp_path / os.fsdecode(b"new\nline-\xff.jpg")
    odd.write_bytes(probe_of(0).read_bytes())
    document = done(filled, "search", odd, "--case", 1)
    assert document["probes"][0]["photo"].endswith("new\nline-\\xff.jpg")
    assert document["probes"][0]["verdict"] == "candidates"
