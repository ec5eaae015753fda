"""faces, compare: reading photos without a home; nothing is searched and nothing is kept."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vultus.cli.output import Output, facts, printable


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    faces = verbs.add_parser("faces", parents=[everywhere], help="the faces in photos")
    faces.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    faces.add_argument("--templates", action="store_true", help="with templates, base64 float32")
    faces.set_defaults(run=run_faces)
    compare = verbs.add_parser("compare", parents=[everywhere], help="two photos, one score")
    compare.add_argument("a", type=Path, metavar="A")
    compare.add_argument("b", type=Path, metavar="B")
    compare.set_defaults(run=run_compare)


def run_faces(options: Namespace, output: Output) -> int:
    from vultus.actions.document import faces_document
    from vultus.actions.read import read_faces

    with output.working("Reading"):
        answers = read_faces(options.photos)
    if len(answers) == 1 and answers[0].error is not None:
        raise answers[0].error
    table = Table(box=None)
    for column in ("photo", "face", "box", "score", "quality", ""):
        table.add_column(column)
    for answer in answers:
        name = Text(printable(answer.path))
        if answer.error is not None:
            table.add_row(name, "", "", "", "", f"{answer.error.message} [{answer.error.code}]")
        elif not answer.faces:
            table.add_row(name, "", "", "", "", "no face found")
        for face in answer.faces:
            box = ", ".join(f"{v:.0f}" for v in face.box)
            table.add_row(
                name, str(face.n), box, f"{face.detection_score:.2f}", f"{face.quality:.2f}",
                f"refused: {face.refused}" if face.refused else "",
            )  # fmt: skip
    documents = [faces_document(answer, templates=options.templates) for answer in answers]
    output.result({"photos": documents}, table)
    return 0


def run_compare(options: Namespace, output: Output) -> int:
    from vultus.actions.document import compare_document
    from vultus.actions.read import compare

    with output.working("Comparing"):
        answer = compare(options.a, options.b)
    rows = [
        ("score", f"{answer.score:.3f}"),
        ("false match rate", f"{answer.false_match_rate:.1e}"),
    ]
    if max(answer.n_faces) > 1:
        rows.append(("note", "the largest face of each photo was compared"))
    output.result(compare_document(answer), facts([*rows]))
    return 0
