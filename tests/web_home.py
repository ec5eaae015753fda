"""A home of people who do not exist, and a server on it, for the tests of the pages.

The home is made once for all test processes, by the actions, in a process of its own: Django
is set up for one home a process. The pages are asked over loopback, as a browser does.
"""

import fcntl
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest
from homes import people
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "a sentence that nobody guesses"
N_PEOPLE, N_PHOTOS = 20, 3  # enrolled; the fourth photo of each is a probe
PHOTO_BYTES_MAX = 3_000_000


def build(home: Path) -> None:
    """Make the home: two accounts, one source, its photos taken in; probes lie beside it."""
    from vultus.actions.home import init_home, local_account, open_home

    everybody = list(people().items())
    gallery, probes = home.parent / "gallery", home.parent / "probes"
    probes.mkdir(parents=True)
    for name, photos in everybody[:N_PEOPLE]:
        (gallery / name).mkdir(parents=True)
        for photo in photos[:N_PHOTOS]:
            shutil.copyfile(photo, gallery / name / photo.name)
    shutil.copyfile(everybody[0][1][N_PHOTOS], probes / "enrolled.jpg")
    shutil.copyfile(everybody[N_PEOPLE + 5][1][0], probes / "stranger.jpg")
    shown = (*everybody[1:3], everybody[-1])
    write_photos(probes, [photos[N_PHOTOS] for _, photos in shown])
    init_home(home, os.environ, key_file=home.parent / "key")
    opened = open_home(home, os.environ)

    from vultus.actions.account import add_account
    from vultus.actions.ingest import ingest
    from vultus.actions.source import add_source

    actor = local_account(opened)
    for name in ("Ilse Haddad", "Marit Vermeulen"):
        add_account(opened, actor, name, PASSWORD)
    add_source(
        opened,
        actor,
        name="Portraits",
        kind="folder",
        location=str(gallery),
        collection="People who do not exist",
        legal_basis="Rendered portraits; nobody is in them",
        page_url_prefix="https://portraits.example/",
    )
    ingest(opened, actor)
    opened.close()


def write_photos(folder: Path, faces: list[Path]) -> None:
    """A group of three, two faces too small to search, a photo without a face, and no photo."""
    tiles = [Image.open(path).convert("RGB").resize((360, 360)) for path in faces]
    group = Image.new("RGB", (360 * len(tiles), 360))
    for i, tile in enumerate(tiles):
        group.paste(tile, (360 * i, 0))
    group.save(folder / "group.jpg", quality=92)
    crowd = Image.new("RGB", (300, 200), (150, 150, 150))
    for place in ((40, 40), (160, 80)):
        crowd.paste(tiles[0].resize((30, 30)), place)
    crowd.save(folder / "crowd.png")
    Image.new("RGB", (600, 400), (90, 100, 90)).save(folder / "wall.jpg")
    (folder / "letter.jpg").write_text("This is no photo.")
    (folder / "large.jpg").write_bytes(b"\xff\xd8" + bytes(PHOTO_BYTES_MAX + 200_000))


@dataclass
class Site:
    """A running server: where it listens, and the folder of its home."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def probe(self, name: str) -> Path:
        return self.folder / "probes" / name

    def visitor(self, name: str | None = None) -> "Visitor":
        """A reader without a browser, logged in when a name is given."""
        visitor = Visitor(self.port)
        if name:
            answer = visitor.post("/log-in", name=name, password=PASSWORD)
            assert (answer.status, answer.location) == (302, "/cases")
        return visitor


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Visitor:
    """Asks pages one at a time and keeps cookies; a form's token is taken from log-in's page."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items()), **(headers or {})}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        set_cookies = response.headers.get_all("Set-Cookie") or []
        for line in set_cookies:
            for key, morsel in SimpleCookie(line).items():
                self.cookies[key] = morsel.value
        found = {key.lower(): value for key, value in response.headers.items()}
        return Answer(response.status, found, set_cookies, data)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, *, token: bool = True, **fields: str | list[str]) -> Answer:
        body = urlencode(fields, doseq=True).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, body, headers | (self.token() if token else {}))

    def upload(self, path: str, *photos: Path) -> Answer:
        """A photo, or several, as a browser sends the form of a case."""
        edge = b"----------an edge of a form"
        body = b""
        for photo in photos:
            body += b"--" + edge + b'\r\nContent-Disposition: form-data; name="photo"; filename="'
            body += photo.name.encode() + b'"\r\nContent-Type: image/jpeg\r\n\r\n'
            body += photo.read_bytes() + b"\r\n"
        body += b"--" + edge + b"--\r\n"
        kind = {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}
        return self.ask("POST", path, body, kind | self.token())

    def token(self) -> dict[str, str]:
        page = self.ask("GET", "/cases")
        if page.status != 200:
            page = self.ask("GET", "/log-in")
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found
        return {"X-CSRFToken": found[1]}

    def open_case(self, *, approve: bool = True) -> str:
        """The path of a new case."""
        answer = self.post("/cases/new", reference="TR-1", purpose="A test", legal_basis="A law")
        assert answer.status == 302, answer.text
        if approve:
            assert self.post(f"{answer.location}/approve").status == 302
        return answer.location


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(folder: Path) -> Site:
    port = free_port()
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "VULTUS_N_WORKERS": "1",
        "VULTUS_PHOTO_BYTES_MAX": str(PHOTO_BYTES_MAX),
    }
    program = (
        "import sys; from pathlib import Path; from vultus.web.server import serve;"
        "serve(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder / "home"), str(port)], env=environ
    )
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the server ended before it listened"
            time.sleep(0.2)
        else:
            return Site(port, folder, process)
    raise AssertionError("the server did not begin to listen")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The server of this test process, on the one home of all test processes."""
    people()  # skips where there are none
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "web"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            program = [sys.executable, __file__, str(folder / "home")]
            subprocess.run(program, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
            (folder / "built").touch()
    running = start(folder)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0


if __name__ == "__main__":
    build(Path(sys.argv[1]))
