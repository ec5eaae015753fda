"""case open, case approve, case list."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from vultus.cli.opened import day, opened, text
from vultus.cli.output import Output, facts, printable

if TYPE_CHECKING:
    from vultus.actions.answers import CaseAnswer


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("case", parents=[everywhere], help="why a search may exist")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    opening = actions.add_parser("open", parents=[everywhere], help="open a case")
    opening.add_argument("--reference", type=text, required=True, metavar="R")
    opening.add_argument("--purpose", type=text, required=True, metavar="P")
    opening.add_argument("--legal-basis", type=text, required=True, metavar="B")
    opening.add_argument("--expires", metavar="DATE", help="last day on which it may search")
    opening.set_defaults(run=run_open)
    approve = actions.add_parser("approve", parents=[everywhere], help="approve a case")
    approve.add_argument("id", type=int, metavar="ID")
    approve.set_defaults(run=run_approve)
    listing = actions.add_parser("list", parents=[everywhere], help="all cases")
    listing.set_defaults(run=run_list)


def run_open(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.case import open_case

        case = open_case(
            home,
            actor,
            reference=options.reference,
            purpose=options.purpose,
            legal_basis=options.legal_basis,
            expires=day(options.expires),
        )
    show(case, output, f"It may search once it is approved: `vultus case approve {case.id}`.")
    return 0


def run_approve(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.case import approve_case

        case = approve_case(home, actor, options.id)
    show(case, output, f"Search with `vultus search PHOTO --case {case.id}`.")
    return 0


def show(case: "CaseAnswer", output: Output, advice: str) -> None:
    from vultus.actions.document import case_document

    rows = [
        ("case", case.id),
        ("reference", case.reference),
        ("purpose", case.purpose),
        ("legal basis", case.legal_basis),
        ("state", case.state),
        ("expires", case.expires),
    ]
    output.result(case_document(case), facts(rows), Text(advice, style="dim"))


def run_list(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.case import list_cases
        from vultus.actions.document import case_document

        cases = list_cases(home, actor)
    table = Table(box=None)
    for column in ("case", "state", "reference", "purpose", "expires", "searches"):
        table.add_column(column)
    for c in cases:
        table.add_row(
            str(c.id),
            c.state,
            Text(printable(c.reference)),
            Text(printable(c.purpose)),
            str(c.expires or ""),
            str(c.n_searches),
        )
    output.result(
        {"cases": [case_document(case) for case in cases]},
        table if cases else Text("No case yet: `vultus case open`."),
    )
    return 0
