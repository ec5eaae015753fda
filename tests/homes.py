"""Homes, photos and the command line, for the tests of the application below the page.

A home is made once a test process and copied for each test; it is real in every part. The
fixtures are known to all tests through conftest.py.
"""

import contextlib
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import portraits
import postgres
import pytest
from PIL import Image

from vultus.actions.home import Home, init_home, local_account, open_home
from vultus.faces.pool import ReaderPool

REPOSITORY = Path(__file__).resolve().parent.parent
SQLITE, POSTGRES = "sqlite", "postgres"
BOTH = [SQLITE, pytest.param(POSTGRES, marks=pytest.mark.postgres)]
# What `filled` holds: so many people in so many photos each; a further photo is the probe.
N_PEOPLE, N_PHOTOS = 12, 3
CASE_TEXTS = {"reference": "TR-1", "purpose": "A test", "legal_basis": "A law"}


@dataclass(frozen=True)
class Template:
    """A home that is copied: `folder` holds `home` and `key`."""

    folder: Path
    database: str = ""  # of PostgreSQL; empty: SQLite


@dataclass(frozen=True)
class Said:
    """What a run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The code of the error in its one shape."""
        assert set(self.document) == {"error"}
        error = self.document["error"]
        assert list(error) == ["code", "message", "hint"]
        assert re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)*", error["code"])
        assert error["message"].endswith((".", "!"))
        return str(error["code"])


# --- photos -----------------------------------------------------------------------------------


def people() -> dict[str, list[Path]]:
    """Every person's single portraits, in a stable order; skips where there are none."""
    by_person: dict[str, list[Path]] = {}
    for path in portraits.portrait_photos():
        by_person.setdefault(portraits.person_of(path), []).append(path)
    return {name: sorted(paths) for name, paths in sorted(by_person.items()) if len(paths) > 3}


def portrait(person: int = 0, photo: int = 0) -> Path:
    """One portrait of one person, both counted from 0."""
    return list(people().values())[person][photo]


def probe_of(person: int) -> Path:
    """A photo of somebody of the filled home (or of a stranger: N_PEOPLE and above) not in it."""
    return portrait(person, N_PHOTOS)


def fill_folder(folder: Path, n_people: int, n_photos: int, first: int = 0) -> list[Path]:
    """Copy portraits into `folder`, as PERSON/FILE; returns their paths there, in order."""
    made = []
    for name, paths in list(people().items())[first : first + n_people]:
        (folder / name).mkdir(parents=True, exist_ok=True)
        made += [Path(shutil.copy(path, folder / name / path.name)) for path in paths[:n_photos]]
    return sorted(made)


def group_photo(path: Path, persons: Sequence[int], widths: Sequence[int] = ()) -> Path:
    """Several people side by side in one photo, left to right."""
    widths = widths or [360] * len(persons)
    height = max(widths)
    group = Image.new("RGB", (sum(widths), height), (120, 120, 120))
    x = 0
    for person, width in zip(persons, widths, strict=True):
        with Image.open(probe_of(person)) as image:
            side = min(image.size)
            square = image.convert("RGB").crop((0, 0, side, side)).resize((width, width))
        group.paste(square, (x, 0))
        x += width
    group.save(path, quality=92)
    return path


def wall(path: Path) -> Path:
    """A photo without a face."""
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 20).convert("RGB").save(path)
    return path


def small_face(path: Path) -> Path:
    """A photo whose only face is too small to be enrolled or searched."""
    with Image.open(portrait()) as image:
        face = image.convert("RGB").resize((40, 40))
    photo = Image.new("RGB", (300, 300), (120, 120, 120))
    photo.paste(face, (50, 50))
    photo.save(path)
    return path


# --- homes ------------------------------------------------------------------------------------


def close_database() -> None:
    from django.db import connections

    connections.close_all()


def settle(home: Home, setting: str, value: str) -> None:
    """Write one setting (a TOML value) into a home's file."""
    path = home.path / "vultus.toml"
    lines = [x for x in path.read_text().splitlines() if not x.startswith(f"{setting} =")]
    path.write_text("\n".join([*lines, f"{setting} = {value}"]) + "\n")


def reopen(home: Home, **environ: str) -> Home:
    """The same home as another process would open it."""
    close_database()
    again = open_home(home.path, environ)
    again.readers = home.readers
    return again


@pytest.fixture(scope="session")
def readers() -> Iterator[ReaderPool]:
    """The reading process that all homes of this test process share."""
    with ReaderPool(n_workers=1) as pool:
        yield pool


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    with postgres.serving() as running:
        yield running


Templates = Callable[[str, bool], Template]


@pytest.fixture(scope="session")
def templates(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, readers: ReaderPool
) -> Templates:
    """(database, filled) -> the home to copy, made when it is first asked for."""
    made: dict[tuple[str, bool], Template] = {}

    def template(database: str, filled: bool) -> Template:
        if (database, filled) not in made:
            folder = tmp_path_factory.mktemp(f"{database}-{'filled' if filled else 'empty'}")
            if filled:
                made[database, filled] = fill(copy_of(template(database, False), folder, request))
            else:
                made[database, filled] = make(folder, database)
        return made[database, filled]

    def make(folder: Path, database: str) -> Template:
        name, url = "", ""
        if database == POSTGRES:
            running = request.getfixturevalue("server")
            name = f"empty_{secrets.token_hex(4)}"
            running.create(name)
            url = running.url(name)
        init_home(folder / "home", {}, key_file=folder / "key", database_url=url)
        close_database()
        return Template(folder, name)

    def fill(copy: Template) -> Template:
        from vultus.actions.case import approve_case, open_case

        home = open_home(copy.folder / "home", {})
        home.readers = readers
        from vultus.actions.ingest import ingest
        from vultus.actions.source import add_source

        photos = copy.folder / "photos"
        fill_folder(photos, N_PEOPLE, N_PHOTOS)
        actor = local_account(home)
        add_source(
            home, actor, name="portraits", kind="folder", location=str(photos),
            collection="Nobody", legal_basis="Rendered",
            page_url_prefix="https://pages.example/",
        )  # fmt: skip
        ingest(home, actor)
        approve_case(home, actor, open_case(home, actor, **CASE_TEXTS).id)
        close_database()
        return copy

    return template


def copy_of(template: Template, to: Path, request: pytest.FixtureRequest) -> Template:
    """A home with its key in the folder `to`, and a database of its own."""
    shutil.copytree(template.folder / "home", to / "home")
    shutil.copy2(template.folder / "key", to / "key")
    lines = [f'home_id = "{home_id(to / "home")}"', f"key_file = {json.dumps(str(to / 'key'))}"]
    database = ""
    if template.database:
        running = request.getfixturevalue("server")
        database = f"copy_{secrets.token_hex(4)}"
        close_database()
        running.create(database, template=template.database)
        lines.append(f'database_url = "{running.url(database)}"')
    (to / "home" / "vultus.toml").write_text("\n".join(lines) + "\n")
    return Template(to, database)


def home_id(path: Path) -> str:
    found = re.search(r'home_id = "(\w+)"', (path / "vultus.toml").read_text())
    assert found
    return found[1]


@contextlib.contextmanager
def opened(
    request: pytest.FixtureRequest, folder: Path, database: str, *, filled: bool
) -> Iterator[Home]:
    """A copy of a home, opened, with the shared reading process; nothing runs on after it."""
    make: Templates = request.getfixturevalue("templates")
    shared: ReaderPool = request.getfixturevalue("readers")
    folder.mkdir(parents=True, exist_ok=True)
    copy = copy_of(make(database, filled), folder, request)
    close_database()
    home = open_home(copy.folder / "home", {})
    home.readers = shared
    yield home
    if home.readers is not shared:
        home.close()
    close_database()
    if copy.database:
        request.getfixturevalue("server").drop(copy.database)


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """An empty home in `tmp_path / "made"`, its key beside it. Parametrise it with BOTH."""
    database = getattr(request, "param", SQLITE)
    with opened(request, tmp_path / "made", database, filled=False) as home:
        yield home


@pytest.fixture
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A home with N_PEOPLE people in N_PHOTOS photos each, and case 1 approved."""
    database = getattr(request, "param", SQLITE)
    with opened(request, tmp_path / "made", database, filled=True) as home:
        yield home


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder for a source."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def add_folder(home: Home, folder: Path, name: str = "a", **more: Any) -> None:
    """Register a folder as a source."""
    from vultus.actions.source import add_source

    given = {"collection": "c", "legal_basis": "A licence", **more}
    add_source(home, local_account(home), name=name, kind="folder", location=str(folder), **given)


def visit(home: Home, **options: Any) -> Any:
    """Ingest, as the local account."""
    from vultus.actions.ingest import ingest

    return ingest(home, local_account(home), **options)


def log_of(home: Home) -> list[tuple[str, dict[str, Any] | None]]:
    """(kind, what it says) of every entry of the log, in order."""
    from vultus.records.models import Entry

    rows = Entry.objects.order_by("index").values_list("index", "kind")
    return [(kind, home.log.payload(index)) for index, kind in rows]


def story_of(home: Home) -> list[tuple[str, str | None]]:
    """(kind, digest of the photo) of every entry: what must not depend on batches."""
    return [(kind, (said or {}).get("sha256")) for kind, said in log_of(home)]


def require_clean(home: Home) -> None:
    """`doctor` finds nothing wrong."""
    from vultus.actions.doctor import doctor

    failed = [check for check in doctor(home) if check.state == "failed"]
    assert not failed


# --- the command line -------------------------------------------------------------------------


@pytest.fixture
def vultus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Said]:
    """Run the command line in this process: `vultus("source", "list", home=PATH)`."""
    monkeypatch.setenv("VULTUS_N_WORKERS", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("VULTUS_HOME", raising=False)

    def run(*arguments: object, home: Path | Home | None = None) -> Said:
        from vultus.cli.main import main

        given = [str(argument) for argument in arguments]
        if home is not None:
            given = ["--home", str(home.path if isinstance(home, Home) else home), *given]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(given)
        return Said(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def done(vultus: Callable[..., Said]) -> Callable[..., Any]:
    """Run a verb that must succeed in the given home and return its document."""

    def run(home: Path | Home, *arguments: object) -> Any:
        said = vultus(*arguments, "--json", home=home)
        assert said.code == 0, said.out + said.err
        assert said.out.count("\n}") == 1  # one document
        return said.document

    return run


def spawn(*arguments: object, **environ: str) -> Said:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "vultus", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "VULTUS_N_WORKERS": "1", **environ},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
