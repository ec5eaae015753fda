"""evaluate: error rates on labelled photos, one folder a person."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from vultus.cli.opened import opened
from vultus.cli.output import Output, clean, facts, printable
from vultus.cli.report import Shown, interval, page, percent
from vultus.errors import InputError

if TYPE_CHECKING:
    from vultus.actions.evaluate import EvaluationAnswer
    from vultus.actions.home import Home


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser(
        "evaluate", parents=[everywhere], help="error rates on your own labelled photos"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="holds one folder a person")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the halves (0)")
    parser.add_argument(
        "--label-errors", type=Path, metavar="FILE", help="pairs A / B that are wrongly labelled"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="CSV: person,label; rates of each label"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page too")
    parser.add_argument(
        "--with-photos", action="store_true", help="the page shows the worst errors, with faces"
    )
    parser.add_argument(
        "--files", action="store_true", help="name the files that were refused or have failed"
    )
    parser.set_defaults(run=run_evaluate)


def run_evaluate(options: Namespace, output: Output) -> int:
    if options.with_photos and not options.report:
        raise InputError("usage", "--with-photos is for a report.", "Add --report FILE.html.")
    if options.report:
        require_writable(options.report)
    with opened(options) as (home, actor):
        from vultus.actions.evaluate import evaluate
        from vultus.actions.evaluation_document import evaluation_document

        with output.bar() as progress:
            answer = evaluate(
                home,
                actor,
                options.folder,
                seed=options.seed,
                label_errors=options.label_errors,
                labels=options.labels,
                progress=progress,
            )
        document = evaluation_document(answer, files=options.files)
        if options.report:
            errors = shown(home, options.folder, answer) if options.with_photos else None
            write_report(options.report, page(document, errors))
            output.message(f"Report written to {clean(str(options.report))}")
    output.result(document, *([] if output.as_json else told(document)))
    return 0


def require_writable(path: Path) -> None:
    """Say before the photos are read that the report cannot be written."""
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise cannot_write(path)


def write_report(path: Path, text: str) -> None:
    """For its owner alone: it may show faces."""
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path) from error


def cannot_write(path: Path) -> InputError:
    return InputError(
        "evaluate.report",
        f"The report cannot be written to {path}.",
        "Name a file in a folder that can be written to.",
    )


def shown(home: "Home", folder: Path, answer: "EvaluationAnswer") -> list[Shown]:
    """The worst errors with their faces."""
    from vultus.actions.evaluate import error_pictures

    pictures = error_pictures(home, folder, answer.measured.worst)
    found = []
    for pair in answer.measured.worst:
        a, b = ((clean(os.fsdecode(name)), pictures.get(name)) for name in pair.photos)
        found.append(Shown(pair.mated, pair.score, (a, b)))
    return found


def told(document: dict[str, Any]) -> list[Any]:
    """An evaluation for people: what was read, then three tables."""
    known = document["label_errors"]
    parts: list[Any] = [
        facts(
            [
                ("model", document["model"]),
                ("people", document["n_people"]),
                ("photos", document["n_photos"]),
                ("failure to acquire", percent(document["failure_to_acquire"])),
                ("label errors dropped", known and f"{known['photos_dropped']} photos"),
            ]
        )
    ]
    reasons = {**document["refused"], **document["failed"]}
    for reason, n in reasons.items():
        parts.append(Text(f"  {n} {reason}"))
        parts += [
            Text(f"    {printable(name)}") for name in document.get("files", {}).get(reason, [])
        ]
    if reasons and "files" not in document:
        parts.append(Text("  With --files they are named.", style="dim"))
    parts += [
        table(
            ("FMR at most", "threshold", "FNMR", "interval over people"),
            [
                (f"{r['fmr']:g}", f"{r['threshold']:.3f}", percent(r["fnmr"]), interval(r))
                for r in document["verification"]
            ],
        ),
        table(
            ("FPIR at most", "N", "R", "threshold", "FNIR", "interval over people"),
            [
                (f"{r['fpir']:g}", str(r["n"]), str(r["rank"]), f"{r['threshold']:.3f}",
                 percent(r["fnir"]), interval(r))
                for r in document["fnir"]
            ],
        ),
        table(
            ("strangers a search, predicted", "observed", "interval over people"),
            [
                (
                    f"{r['predicted']:g}",
                    f"{r['observed']:.3g}",
                    f"{r['low']:.2g} to {r['high']:.2g}",
                )
                for r in document["calibration"]
            ],
        ),
    ]  # fmt: skip
    return parts


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    made = Table(box=None, pad_edge=False, title="")
    for head in heads:
        made.add_column(head, justify="right")
    for row in rows:
        made.add_row(*row)
    return made
