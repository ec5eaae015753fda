"""demo: a home with people who do not exist, one search, and the page."""

import csv
import os
import secrets
from argparse import Namespace
from pathlib import Path

from rich.text import Text

from vultus.actions.home import Home, init_home
from vultus.cli.opened import opened
from vultus.cli.output import Output
from vultus.errors import InputError
from vultus.ids import CaseId

# Beside the package in a checkout: the portraits are not part of an installed package.
PHOTOS = Path(__file__).resolve().parents[2] / "demo" / "photos"
KEY_FILE = "demo.key"
ACCOUNT = "demo"
REFERENCE = "DEMO-1"


def demo(options: Namespace, output: Output) -> int:
    """Create the home if need be, ingest, search, print; then serve unless told `--once`."""
    photos = options.photos or PHOTOS
    if not photos.is_dir():
        raise InputError(
            "demo.no_photos",
            f"There are no demo portraits at {photos}.",
            "Name them: --photos DIR.",
        )
    if not (options.home / "vultus.toml").exists():
        output.message(f"Creating a home at {options.home}")
        # The demo's key lies beside its home, so that both can be thrown away together.
        options.home.parent.mkdir(parents=True, exist_ok=True)
        init_home(options.home, os.environ, key_file=options.home.absolute().parent / KEY_FILE)
    password = secrets.token_urlsafe(9)
    with opened(options) as (home, _):
        case_id = prepare(home, photos, password, output)
        search_one(home, photos, case_id, output)
    if options.once:
        return 0
    from vultus.web.server import serve

    output.out.print(Text(f"\nLog in as {ACCOUNT} with the password {password}", style="bold"))
    serve(options.home, options.host, options.port, say=output.message)
    return 0


def prepare(home: Home, photos: Path, password: str, output: Output) -> CaseId:
    """Sources, photos, an account for the page and an approved case; returns the case."""
    from vultus.actions.account import add_account, set_password
    from vultus.actions.case import approve_case, list_cases, open_case
    from vultus.actions.home import local_account
    from vultus.actions.ingest import ingest
    from vultus.actions.source import add_source, list_sources

    actor = local_account(home)
    known = {source.name for source in list_sources(home, actor)}
    for folder in sorted(path for path in photos.iterdir() if path.is_dir()):
        if folder.name not in known:
            add_source(
                home,
                actor,
                name=folder.name,
                kind="folder",
                location=str(folder),
                collection="People who do not exist",
                legal_basis="Rendered portraits; nobody is in them",
                page_url_prefix=f"https://{folder.name}.example/",
            )
    with output.bar() as progress:
        answer = ingest(home, actor, progress=progress)
    output.message(
        f"{answer.photos} photos ({answer.new} new), {answer.faces} faces, "
        f"{sum(answer.refused.values())} refused, {sum(answer.failed.values())} failed"
    )
    try:
        set_password(home, actor, ACCOUNT, password)
    except InputError:
        add_account(home, actor, ACCOUNT, password)
    for case in list_cases(home, actor):
        if case.reference == REFERENCE and case.state == "approved":
            return case.id
    case = open_case(
        home, actor, reference=REFERENCE, purpose="Trying Vultus", legal_basis="Nobody is searched"
    )
    return approve_case(home, actor, case.id).id


def search_one(home: Home, photos: Path, case_id: CaseId, output: Output) -> None:
    """Search one portrait and print its candidates as a table with links."""
    from vultus.actions.document import search_document
    from vultus.actions.home import local_account
    from vultus.actions.search import search_photos
    from vultus.cli.search import told

    with output.working("Searching"):
        answer = search_photos(
            home, local_account(home), [probe_of(photos)], case_id=case_id, choice="largest"
        )
    output.result(search_document(answer), *([] if output.as_json else told(answer)))


def probe_of(photos: Path) -> Path:
    """A portrait to search: the first of the truth file's list, else the first photo."""
    truth = photos.parent / "people.csv"
    if truth.is_file():
        with truth.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("kind") == "portrait":
                    return photos / row["photo"]
    return next(path for path in sorted(photos.rglob("*")) if path.suffix.lower() == ".jpg")
