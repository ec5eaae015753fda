"""erase: gone, with a receipt."""

from argparse import ArgumentParser, Namespace
from typing import Any

from vultus.cli.opened import opened, text
from vultus.cli.output import Output, facts


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("erase", parents=[everywhere], help="erase, with a receipt")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--photo", type=text, metavar="SHA256")
    what.add_argument("--reference", type=int, metavar="ID")
    what.add_argument("--source", type=text, metavar="NAME")
    parser.set_defaults(run=run_erase)


def run_erase(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.erase import erase

        answer = erase(
            home, actor, photo=options.photo, reference=options.reference, source=options.source
        )
    counts = {
        "photos": answer.photos,
        "references": answer.references,
        "places": answer.places,
    }
    output.result(
        {"erased": counts, "receipt": str(answer.receipt)},
        facts([*counts.items(), ("receipt", answer.receipt)]),
    )
    return 0
