"""The server: what it says when it starts, what it refuses, and how a mistake looks."""
# ruff: noqa: F811 - a fixture that is imported is named again by every test

import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from web_home import ROOT, Site, site, start  # noqa: F401 - a fixture

from vultus.errors import UnavailableError
from vultus.web.csp import HEADERS
from vultus.web.server import announce, is_loopback, require_free


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("vultus.example", False),
    ],
)
def test_an_address_that_others_reach_is_announced_loudly(host: str, loopback: bool) -> None:
    said: list[str] = []
    announce(host, 8000, said.append)
    assert is_loopback(host) is loopback
    assert "http://" in said[0]
    assert ":8000" in said[0]
    assert ("TLS" in "".join(said)) is not loopback


def test_an_address_in_use_is_refused() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(UnavailableError) as caught:
            require_free("127.0.0.1", other.getsockname()[1])
    assert caught.value.code == "serve.address_in_use"
    with pytest.raises(UnavailableError):
        require_free("no.such.host.invalid", 8000)


def test_a_home_that_is_missing_is_said_before_anything_listens(tmp_path: Path) -> None:
    program = (
        "import sys; from vultus.cli.main import main;"
        "raise SystemExit(main(['--home', sys.argv[1], 'serve', '--port', '0']))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "none")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 5
    assert "There is no home" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_mistake_of_ours_shows_only_a_number(
    site: Site, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A table that is gone stands for any mistake: no page expects it."""
    shutil.copytree(site.folder / "home", tmp_path / "home")
    broken = start(tmp_path)
    try:
        visitor = broken.visitor("Ilse Haddad")
        visitor.open_case()
        with sqlite3.connect(tmp_path / "home" / "vultus.db") as database:
            database.execute("PRAGMA foreign_keys=OFF")
            database.execute("DROP TABLE records_search")
        answer = visitor.get("/cases")
    finally:
        broken.process.terminate()
        assert broken.process.wait(30) == 0
    assert answer.status == 500
    found = re.search(r">([0-9a-f]{8})<", answer.text)
    assert found
    for words in ("records_search", "Traceback", "sqlite", "vultus/"):
        assert words not in re.sub(r'(href|src|action)="[^"]*"', "", answer.text)
    for header, value in HEADERS.items():
        assert answer.headers[header.lower()] == value
    log = capfd.readouterr().err
    assert f"mistake {found[1]}" in log
    assert "OperationalError" in log
    assert "no such table" not in log  # a message can hold values; only places are noted
