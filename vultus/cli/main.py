"""`vultus`: the parser, and the one place where errors become exit codes.

Results go to standard output (one JSON document with --json), progress and messages to
standard error.
"""

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from vultus import __version__
from vultus.cli import (
    account,
    audit,
    case,
    erase,
    evaluate,
    home,
    index,
    ingest,
    photos,
    read,
    search,
    source,
)
from vultus.cli.output import Output
from vultus.errors import (
    InputError,
    IntegrityError,
    RefusedError,
    UnavailableError,
    VultusError,
)

EXIT_CODES: dict[type[VultusError], int] = {
    InputError: 2,
    RefusedError: 3,
    IntegrityError: 4,
    UnavailableError: 5,
}
DEFAULT_HOME = "./vultus-home"


class Parser(argparse.ArgumentParser):
    """Reports a wrong call like every other error; options have one spelling."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InputError("usage", f"{message}.", f"See `{self.prog} --help`.")


def build_parser() -> Parser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--home", type=Path, metavar="DIR", help="the home to work with")
    everywhere.add_argument("--json", action="store_true", help="one JSON document as the result")
    parser = Parser(
        prog="vultus",
        description="Accountable face search.",
        parents=[everywhere],
        epilog="The home is also taken from VULTUS_HOME; the default is ./vultus-home. "
        "Exit codes: 0 done, 2 bad input, 3 refused by a rule, 4 stored data does not verify, "
        "5 try later.",
    )
    parser.add_argument("--version", action="version", version=f"vultus {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for module in (
        home, source, ingest, photos, case, search, read, evaluate, erase, index, account, audit,
    ):  # fmt: skip
        module.add_verbs(verbs, everywhere)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    output = Output(as_json="--json" in given)
    try:
        options = build_parser().parse_args(given)
        options.json = getattr(options, "json", False)
        options.home = home_folder(options)
        output = Output(as_json=options.json)
        code: int = options.run(options, output)
    except VultusError as error:
        output.error(error)
        return exit_code(error)
    except KeyboardInterrupt:
        output.message("Stopped. What was done is kept; run the same command to go on.")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing more to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - the edge: nothing leaves without a plain message
        told = told_of(error)
        output.error(told)
        return 5 if isinstance(told, UnavailableError) else 1
    return code


def home_folder(options: argparse.Namespace) -> Path:
    return Path(getattr(options, "home", None) or os.environ.get("VULTUS_HOME") or DEFAULT_HOME)


def exit_code(error: VultusError) -> int:
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def told_of(error: Exception) -> VultusError:
    """What is said of an error that no verb foresaw."""
    from django.db import OperationalError

    if isinstance(error, OperationalError):
        return UnavailableError(
            "home.database_failed",
            "The database is busy, full or out of reach. What was not finished is undone.",
            "Make room or wait, then try again; `vultus doctor` looks closer.",
        )
    return unexpected(error)


def unexpected(error: Exception) -> VultusError:
    """A defect of ours: where, but no values, since those may be personal."""
    places = [
        f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
    ]
    return VultusError(
        "internal",
        f"An unexpected {type(error).__name__} at {' < '.join(places[:-4:-1])}.",
        "This is a defect of Vultus: please report these lines.",
    )


def entry_point() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
