"""Take the pictures of the main pages, desk and phone, dark and light: `make pictures`.

A home is made of the demo's portraits without three: one that is searched, one of somebody
who is then not enrolled at all, and a group photo. Needs Chromium:

    apt-get update && apt-get install -y chromium
"""

import argparse
import csv
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
DEMO = HERE.parents[1] / "demo"
VULTUS = [sys.executable, "-c", "from vultus.cli.main import main; raise SystemExit(main())"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREENS = {"desk": (1440, 900, 1), "phone": (390, 844, 2)}
SEARCH = re.compile(r"/searches/\d+$")


@dataclass(frozen=True)
class Probes:
    enrolled: Path
    stranger: Path
    group: Path
    left_out: set[str]  # paths below photos/, as in people.csv


def choose(demo: Path) -> Probes:
    """Who is searched: somebody with many portraits, somebody with few, and a group."""
    with (demo / "people.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    photos: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        photos[row["person"]].append(row["photo"])
    portraits = [row for row in rows if row["kind"] == "portrait"]
    n_portraits = Counter(row["person"] for row in portraits)
    many, few = n_portraits.most_common()[0][0], n_portraits.most_common()[-1][0]
    groups = {row["photo"] for row in rows if row["kind"] == "group"} - set(photos[few])
    enrolled = next(row["photo"] for row in portraits if row["person"] == many)
    stranger = next(row["photo"] for row in portraits if row["person"] == few)
    sizes = Counter(row["photo"] for row in rows)
    group = min(sorted(groups), key=lambda photo: abs(sizes[photo] - 4))
    copies = {row["photo"] for row in rows if row.get("duplicate_of") == enrolled}
    left_out = {enrolled, group, *copies, *photos[few]}
    photos_folder = demo / "photos"
    return Probes(
        photos_folder / enrolled, photos_folder / stranger, photos_folder / group, left_out
    )


def vultus(home: Path, *arguments: str) -> dict[str, Any]:
    run = subprocess.run(  # noqa: S603 - our own program
        [*VULTUS, "--home", str(home), "--json", *arguments], check=True, stdout=subprocess.PIPE
    )
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def make_home(folder: Path, demo: Path, probes: Probes) -> tuple[Path, str]:
    """The home and the password of its one account."""
    home, photos = folder / "home", folder / "photos"
    shutil.copytree(demo / "photos", photos)
    for path in probes.left_out:
        (photos / path).unlink(missing_ok=True)
    vultus(home, "init", "--key-file", str(folder / "key"))
    for place in sorted(path for path in photos.iterdir() if path.is_dir()):
        given = ["--kind", "folder", "--location", str(place)]
        given += ["--collection", "People who do not exist"]
        given += ["--legal-basis", "Rendered portraits; nobody is in them"]
        given += ["--page-url-prefix", f"https://{place.name}.example/"]
        vultus(home, "source", "add", place.name, *given)
    vultus(home, "ingest")
    return home, vultus(home, "account", "add", "Ilse Haddad", "--generate")["password"]


def serve(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [*VULTUS, "--home", str(home), "serve", "--port", str(port)]
    server = subprocess.Popen(program)  # noqa: S603 - our own program
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return server, f"http://127.0.0.1:{port}"
    raise SystemExit("the server did not begin to listen")


def shrink(folder: Path) -> None:
    """Pictures of 256 colours are a third as large, and look the same beside a text."""
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT)
        small.save(path, optimize=True)


def send(page: Page, case: str, photo: Path) -> None:
    page.goto(case)
    page.set_input_files("[name=photo]", str(photo))
    page.locator(".drop button.primary").click()
    page.wait_for_url(re.compile(r"/(probes|searches)/\d+$"))


def prepare(page: Page, password: str, probes: Probes) -> dict[str, str]:
    """Log in, open a case, search three times; the addresses of the pages to take."""
    page.goto("/log-in")
    page.fill("[name=name]", "Ilse Haddad")
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/cases")
    page.goto("/cases/new")
    page.fill("[name=reference]", "TR-2026-0418")
    page.fill("[name=purpose]", "Trace a missing adult, at the family’s request")
    page.fill("[name=legal_basis]", "GDPR art. 6(1)(d) and 9(2)(c), vital interests")
    page.click("main button.primary")
    page.wait_for_url(re.compile(r"/cases/\d+$"))
    page.click("main button.primary")
    case = page.url
    found = {"cases": "/cases", "case": case}
    send(page, case, probes.stranger)
    found["no-likely-match"] = page.url
    send(page, case, probes.group)
    found["choose"] = page.url
    send(page, case, probes.enrolled)
    found["results"] = page.url
    first = page.locator(".candidate").first
    found["closer"] = str(first.get_attribute("data-closer"))
    found["photo"] = str(first.get_attribute("data-whole"))
    return found


def take(address: str, password: str, probes: Probes, chromium: str, out: Path) -> None:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(base_url=address)
        pages = prepare(context.new_page(), password, probes)
        cookies = context.cookies()
        for screen, (width, height, scale) in SCREENS.items():
            for theme in ("dark", "light"):
                phone = screen == "phone"
                context = browser.new_context(
                    base_url=address,
                    viewport={"width": width, "height": height},
                    device_scale_factor=scale,
                    is_mobile=phone,
                    has_touch=phone,
                )
                themed = {"name": "vultus_theme", "value": theme, "url": address}
                page = context.new_page()
                context.add_cookies([themed])
                page.goto("/log-in")
                page.screenshot(path=out / f"log-in-{screen}-{theme}.png")
                context.add_cookies(cookies)  # type: ignore[arg-type]
                for name, path in pages.items():
                    page.goto(path)
                    page.wait_for_load_state("networkidle")
                    if name == "choose":
                        page.locator("[name=face]").nth(1).check()
                    # A phone's list is long: its first screens show how it looks.
                    page.screenshot(
                        path=out / f"{name}-{screen}-{theme}.png",
                        full_page=not phone,
                        clip={"x": 0, "y": 0, "width": width, "height": 2 * height}
                        if name == "results" and not phone
                        else None,
                    )
                context.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=DEMO, help="photos/ and people.csv lie here")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("needs Chromium: apt-get update && apt-get install -y chromium")
    probes = choose(options.demo)
    with tempfile.TemporaryDirectory(prefix="vultus-") as folder:
        home, password = make_home(Path(folder), options.demo, probes)
        server, address = serve(home)
        try:
            take(address, password, probes, chromium, options.out)
        finally:
            server.terminate()
            server.wait(30)
    shrink(options.out)


if __name__ == "__main__":
    main()
