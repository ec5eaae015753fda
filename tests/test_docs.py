"""The README's commands and its Python run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import portraits
import pytest

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PHOTOS = REPOSITORY / "demo" / "photos"


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder that sees the demo's photos where the README does."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "photos").symlink_to(PHOTOS)
    program = tmp_path / "bin" / "vultus"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vultus "$@"\n')
    program.chmod(0o755)
    return tmp_path


def environment(place: Path) -> dict[str, str]:
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(REPOSITORY), "HOME": str(place)}


def test_the_command_line_by_example(place):
    (commands,) = blocks("sh")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=place, env=environment(place), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "rank" in run.stdout
    assert "verified" in run.stdout


def test_from_python(place):
    (code,) = blocks("python")
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place, env=environment(place), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "(0, " in run.stdout


def test_every_verb_is_in_the_readme():
    from vultus.cli.main import build_parser

    (action,) = [a for a in build_parser()._actions if a.dest == "verb"]
    for verb in action.choices:
        assert f"vultus {verb}" in README or f"make {verb}" in README, verb


def test_what_the_documents_name_is_there():
    for document in REPOSITORY.glob("*.md"):
        for name in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (REPOSITORY / name).exists(), f"{document.name}: {name}"


def test_the_architecture_names_files_that_exist():
    text = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for name in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", text):
        assert (REPOSITORY / "vultus" / name).exists(), name


def test_the_demo_has_its_photos():
    assert portraits.portrait_folder() == PHOTOS
