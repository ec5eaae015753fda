"""init, doctor, serve, demo: the home as a whole."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vultus.actions.home import init_home
from vultus.cli.opened import opened
from vultus.cli.output import Output, facts

MARKS = {"ok": "●", "warning": "◐", "failed": "×"}


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    init = verbs.add_parser("init", parents=[everywhere], help="create the home")
    init.add_argument("--key-file", type=Path, metavar="PATH", help="where the key file goes")
    init.add_argument("--database-url", default="", metavar="URL", help="PostgreSQL; else SQLite")
    init.set_defaults(run=run_init)
    doctor = verbs.add_parser("doctor", parents=[everywhere], help="re-check all that is held")
    doctor.set_defaults(run=run_doctor)
    serve = verbs.add_parser("serve", parents=[everywhere], help="serve the page")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on")
    serve.set_defaults(run=run_serve)
    demo = verbs.add_parser("demo", parents=[everywhere], help="try it on people who do not exist")
    demo.add_argument("--photos", type=Path, metavar="DIR", help="the demo portraits")
    demo.add_argument("--once", action="store_true", help="end after the search; do not serve")
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on")
    demo.add_argument("--port", type=int, default=8000, help="port to listen on")
    demo.set_defaults(run=run_demo)


def run_init(options: Namespace, output: Output) -> int:
    with output.working("Creating the home"):
        made = init_home(
            options.home, os.environ, key_file=options.key_file, database_url=options.database_url
        )
    document = {
        "home": str(made.home),
        "key_file": str(made.key_file),
        "public_key": made.verifier_key,
    }
    output.result(
        document,
        facts(
            [("home", made.home), ("key file", made.key_file), ("public key", made.verifier_key)]
        ),
        Text(
            "Keep a copy of the key file apart from the home: without it nothing can be read again."
        ),
    )
    return 0


def run_doctor(options: Namespace, output: Output) -> int:
    with opened(options) as (home, _):
        from vultus.actions.doctor import doctor

        checks = doctor(home, progress=lambda name: output.message(f"checking {name}"))
    failed = any(check.state == "failed" for check in checks)
    table = Table(box=None, show_header=False)
    for check in checks:
        table.add_row(MARKS[check.state], check.name, Text(check.detail))
    output.result(
        {
            "clean": not failed,
            "checks": [{"name": c.name, "state": c.state, "detail": c.detail} for c in checks],
        },
        table,
    )
    return 4 if failed else 0


def run_serve(options: Namespace, output: Output) -> int:
    from vultus.web.server import serve

    serve(options.home, options.host, options.port, say=output.message)
    return 0


def run_demo(options: Namespace, output: Output) -> int:
    from vultus.cli.demo import demo

    return demo(options, output)
