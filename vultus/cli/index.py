"""index verify, index compact, index rebuild: the files that hold templates for the search."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from vultus.cli.opened import opened
from vultus.cli.output import Output, facts

if TYPE_CHECKING:
    from vultus.actions.segment import IndexAnswer


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    index = verbs.add_parser("index", parents=[everywhere], help="the files that are searched")
    actions = index.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", parents=[everywhere], help="re-derive all of them")
    verify.set_defaults(run=run_verify)
    compact = actions.add_parser(
        "compact", parents=[everywhere], help="write what is in no file, or in small ones, together"
    )
    compact.set_defaults(run=run_compact)
    rebuild = actions.add_parser(
        "rebuild", parents=[everywhere], help="write anew what does not verify"
    )
    rebuild.set_defaults(run=run_rebuild)


def run_verify(options: Namespace, output: Output) -> int:
    with opened(options) as (home, _), output.working("Verifying the index"):
        from vultus.actions.segment import verify

        answer = verify(home)
    show(answer, output, {"verified": True})
    return 0


def run_compact(options: Namespace, output: Output) -> int:
    with opened(options) as (home, _), output.working("Writing the index"):
        from vultus.actions.segment import compact

        answer = compact(home)
    show(answer, output, {})
    return 0


def run_rebuild(options: Namespace, output: Output) -> int:
    with opened(options) as (home, _), output.working("Verifying and writing the index"):
        from vultus.actions.segment import rebuild

        answer = rebuild(home)
    show(answer, output, {"rebuilt": list(answer.damaged)})
    return 0


def show(answer: "IndexAnswer", output: Output, more: dict[str, Any]) -> None:
    document = {
        **more,
        "segments": answer.n_segments,
        "references": answer.n_references,
        "in_no_segment": answer.n_loose,
        "bytes": answer.n_bytes,
    }
    output.result(document, facts([(k.replace("_", " "), v) for k, v in document.items()]))
