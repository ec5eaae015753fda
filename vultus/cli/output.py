"""What the command line prints: one JSON document, or text for people; progress beside it."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from vultus.errors import VultusError

WIDTH_OF_FILES = 160


class Output:
    """Standard output for the result, standard error for everything else."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A table in a file or a pipe has no terminal's width to keep to.
        self.out = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)
        self.side = Console(stderr=True)

    def result(self, document: Any, *human: RenderableType) -> None:  # noqa: ANN401
        """The result: the document with --json, else what is for people."""
        if self.as_json:
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            sys.stdout.flush()
            return
        for item in human:
            self.out.print(item)

    def message(self, text: str) -> None:
        """One line of progress or advice, on standard error."""
        self.side.print(Text(text), style="dim")

    def error(self, error: VultusError) -> None:
        """An error in the one shape that every verb has."""
        message, hint = clean(error.message), clean(error.hint)
        if self.as_json:
            shape = {"code": error.code, "message": message, "hint": hint}
            sys.stdout.write(json.dumps({"error": shape}, indent=2) + "\n")
            sys.stdout.flush()
            return
        self.side.print(Text(f"{printable(message)} [{error.code}]"), style="bold")
        if hint:
            self.side.print(Text(printable(hint)))

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """A spinner for work of unknown length; a plain line where there is no terminal."""
        if not self.side.is_terminal:
            self.message(text)
            yield
            return
        with self.side.status(text):
            yield

    @contextmanager
    def bar(self) -> Iterator[Callable[[str, int, int], None]]:
        """A progress bar for each name; without a terminal, a line at every tenth."""
        if not self.side.is_terminal:
            yield self.lines()
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.side) as progress:
            tasks: dict[str, Any] = {}

            def show(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = progress.add_task(escape(name), total=total)
                progress.update(tasks[name], completed=done, total=total)

            yield show

    def lines(self) -> Callable[[str, int, int], None]:
        shown: dict[str, int] = {}

        def show(name: str, done: int, total: int) -> None:
            tenth = 10 * done // total if total else 10
            if shown.get(name) != tenth:
                shown[name] = tenth
                self.message(f"{name}: {done} of {total}")

        return show


def facts(rows: list[tuple[str, object]]) -> Text:
    """Names and values in two columns; empty values are left out."""
    kept = [(name, str(value)) for name, value in rows if value not in (None, "", [], ())]
    width = max((len(name) for name, _ in kept), default=0)
    text = Text()
    for n, (name, value) in enumerate(kept):
        text.append("\n" if n else "")
        text.append(name.ljust(width + 2), style="dim")
        text.append(printable(value))
    return text


def clean(text: str) -> str:
    """The text without what is no character: bytes of a file name that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def printable(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
