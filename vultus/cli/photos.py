"""photos: what is held, what was refused and what has failed."""

from argparse import ArgumentParser, Namespace
from typing import Any

from rich.table import Table
from rich.text import Text

from vultus.cli.opened import opened, text
from vultus.cli.output import Output, printable


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("photos", parents=[everywhere], help="what is held and refused")
    parser.add_argument("--source", type=text, metavar="NAME", help="only of this source")
    parser.set_defaults(run=run_photos)


def run_photos(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.document import held_document
        from vultus.actions.photo import list_photos

        held = list(list_photos(home, actor, source_name=options.source))
    table = Table(box=None)
    for column in ("photo", "faces", "decision", "date", "caption"):
        table.add_column(column)
    for item in held:
        photo = item.photo
        table.add_row(
            Text(printable(photo.places[0].path_or_url)),
            str(item.n_faces),
            item.reason or item.decision,
            photo.date or "",
            Text(printable(photo.caption or "")),
        )
    output.result({"photos": [held_document(item) for item in held]}, table)
    return 0
