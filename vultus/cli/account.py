"""account add, account password: who may log in to the page."""

import getpass
import secrets
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from vultus.cli.opened import opened, text
from vultus.cli.output import Output, facts


def add_verbs(verbs: Any, everywhere: ArgumentParser) -> None:  # noqa: ANN401
    parser = verbs.add_parser("account", parents=[everywhere], help="who may log in to the page")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, says in (("add", "a new account"), ("password", "a new password")):
        verb = actions.add_parser(name, parents=[everywhere], help=says)
        verb.add_argument("name", type=text, metavar="NAME")
        verb.add_argument(
            "--generate", action="store_true", help="make a password and print it once"
        )
        verb.set_defaults(run=run_account, setting=name)


def run_account(options: Namespace, output: Output) -> int:
    with opened(options) as (home, actor):
        from vultus.actions.account import add_account, set_password

        password = secrets.token_urlsafe(15) if options.generate else asked()
        act = add_account if options.setting == "add" else set_password
        account = act(home, actor, options.name, password)
    shown = password if options.generate else None
    output.result(
        {"account": account.pk, "name": account.name, "password": shown},
        facts([("account", account.name), ("password", shown)]),
    )
    return 0


def asked() -> str:
    """A password from the terminal, or the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("Password (at least 12 characters): ")
    return sys.stdin.readline().rstrip("\n")
