"""search: the candidate list of a probe photo."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from vultus.cli.opened import opened, text
from vultus.cli.output import Output, printable

if TYPE_CHECKING:
    from vultus.actions.answers import CandidateAnswer, ProbeResult, SearchAnswer


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("search", parents=[everywhere], help="find a person's photos")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument("--case", required=True, type=int, metavar="ID")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--face", type=int, metavar="N", help="this face, from 1, left to right")
    which.add_argument("--all-faces", action="store_true", help="every face of each photo")
    which.add_argument("--largest-face", action="store_true", help="the largest of each photo")
    parser.add_argument(
        "--same-person", action="store_true", help="all photos show one person: one probe"
    )
    parser.add_argument("--collection", type=text, metavar="C", help="search only this collection")
    parser.add_argument("--limit", type=int, metavar="K", help="candidates at most")
    parser.add_argument(
        "--max-false-positives", type=float, metavar="X", help="strangers expected a search"
    )
    parser.set_defaults(run=run_search)


def run_search(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.document import search_document
        from vultus.actions.index import compile_search
        from vultus.actions.search import Choice, search_photos

        with output.working("Preparing (the first search on a machine is compiled, some seconds)"):
            compile_search()
        choice: Choice = "only"
        if options.all_faces:
            choice = "all"
        elif options.largest_face:
            choice = "largest"
        with output.working("Searching"):
            answer = search_photos(
                home,
                actor,
                options.photos,
                case_id=options.case,
                face=options.face,
                choice=choice,
                same_person=options.same_person,
                collection=options.collection,
                limit=options.limit,
                max_false_positives=options.max_false_positives,
            )
    output.result(search_document(answer), *([] if output.as_json else told(answer)))
    return 0


def told(answer: "SearchAnswer") -> list[Any]:
    """A search for people: one block for each probe, then where it stands in the log."""
    parts: list[Any] = []
    for probe in answer.probes:
        parts.append(Text(f"\n{printable(probe.photo)}: {verdict_sentence(probe)}", style="bold"))
        if probe.candidates:
            parts.append(candidate_table(probe.candidates))
        if probe.verdict == "choose_face":
            parts.append(face_table(probe))
    gallery = answer.gallery
    parts.append(
        Text(
            f"\n{gallery.n_references:,} faces of {gallery.n_photos:,} photos searched in case "
            f"{answer.case.id}, at most {answer.max_false_positives:g} strangers expected a "
            f"search. Log entry {answer.entry_index}.",
            style="dim",
        )
    )
    return parts


def verdict_sentence(probe: "ProbeResult") -> str:
    n = len(probe.candidates)
    return {
        "candidates": f"{n} candidate{'s' if n != 1 else ''}",
        "no_likely_match": "no likely match",
        "choose_face": f"{len(probe.faces)} faces; choose one with --face N, or --all-faces",
        "no_face": "no face found",
        "refused": f"refused ({probe.reason})",
    }[probe.verdict]


def candidate_table(candidates: "tuple[CandidateAnswer, ...]") -> Table:
    from vultus.web.words import once_in

    table = Table(box=None, pad_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("score", justify="right")
    table.add_column("a stranger this alike")
    for column in ("photo", "caption", "date", "credit", "source"):
        table.add_column(column, overflow="fold")
    for c in candidates:
        photo, place = c.photo, c.photo.places[0]
        path = Path(place.path_or_url)  # or a URL, which is no absolute path
        link = place.page_url or (path.as_uri() if path.is_absolute() else place.path_or_url)
        more = f" (+{len(photo.places) - 1} places)" if len(photo.places) > 1 else ""
        table.add_row(
            str(c.rank),
            f"{c.score:.3f}",
            once_in(c.expected_false_positives),
            Text(printable(place.page_url or place.path_or_url) + more, style=f"link {link}"),
            Text(printable(photo.caption or "")),
            photo.date or "",
            Text(printable(photo.credit or "")),
            Text(printable(place.source)),
        )
    return table


def face_table(probe: "ProbeResult") -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("face", "box", "quality", ""):
        table.add_column(column)
    for face in probe.faces:
        x, y, width, height = face.box
        table.add_row(
            str(face.n), f"{x:.0f}, {y:.0f}, {width:.0f} x {height:.0f}", f"{face.quality:.2f}",
            f"refused: {face.refused}" if face.refused else "",
        )  # fmt: skip
    return table
