"""ingest: visit the sources."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from rich.text import Text

from vultus.cli.opened import opened, text
from vultus.cli.output import Output, facts, printable

if TYPE_CHECKING:
    from vultus.actions.answers import IngestAnswer


UNFINISHED = {
    "visit.budget": "a budget of the source is spent; it goes on when it is next due.",
    "visit.limit": "as many photos were read as were asked for; run it again to go on.",
    "source.expired": "its entitlement has expired meanwhile.",
    "visit.host_waits": "a host asks to be left alone for now; run it again later to go on.",
}


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("ingest", parents=[everywhere], help="visit the sources")
    parser.add_argument("--source", type=text, metavar="NAME", help="only this one")
    parser.add_argument("--limit", type=int, metavar="N", help="read at most N photos")
    parser.add_argument("--revisit", action="store_true", help="visit now though it is not due")
    parser.add_argument(
        "--files", action="store_true", help="name the files that were refused or have failed"
    )
    parser.set_defaults(run=run_ingest)


def run_ingest(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor), output.bar() as progress:
        from vultus.actions.document import ingest_document
        from vultus.actions.ingest import ingest

        answer = ingest(
            home,
            actor,
            source_name=options.source,
            limit=options.limit,
            revisit=options.revisit,
            progress=progress,
            note=output.message,
        )
    output.result(ingest_document(answer, files=options.files), told(answer, files=options.files))
    return 0


def told(answer: "IngestAnswer", *, files: bool) -> Text:
    """The counts for people, and the reasons of what is not searchable."""
    text = facts(
        [
            ("photos", answer.photos),
            ("new", answer.new),
            ("unchanged", answer.unchanged),
            ("faces", answer.faces),
            ("removed", answer.removed),
            ("requests", answer.requests or None),
            ("seconds", answer.seconds),
        ]
    )
    for name, reasons in (("refused", answer.refused), ("failed", answer.failed)):
        for reason, n in sorted(reasons.items()):
            text.append(f"\n{name:<11}", style="dim")
            text.append(f"{n} {reason}")
            for file in answer.files.get(reason, []) if files else []:
                text.append(f"\n             {printable(file)}")
    for name, reason in sorted(answer.unfinished.items()):
        text.append(f"\n{printable(name)} is not finished: {UNFINISHED.get(reason, reason)}")
    if (answer.refused or answer.failed) and not files:
        text.append("\nWith --files they are named.", style="dim")
    return text
