"""Open the home for one verb, as the operator's own local account.

Actions that touch records can be imported only once a home is opened (Django needs its
settings first), so verbs import them inside.
"""

import os
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from vultus.actions.home import Home, local_account, open_home
from vultus.errors import InputError

if TYPE_CHECKING:
    from vultus.records.account import Account


@contextmanager
def opened(options: Namespace) -> Iterator[tuple[Home, "Account"]]:
    """The home and the local account; reading processes are ended at the end."""
    home = open_home(options.home, os.environ)
    try:
        yield home, local_account(home)
    finally:
        home.close()


def text(value: str) -> str:
    """An argument that must be text: bytes that are no UTF-8 are a wrong call."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentTypeError("not UTF-8 text") from error
    return value


def day(value: str | None) -> date | None:
    """A date given on the command line. Raises InputError `usage.date`."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise InputError(
            "usage.date", f"{value} is not a date.", "Write year-month-day, such as 2027-06-30."
        ) from error
