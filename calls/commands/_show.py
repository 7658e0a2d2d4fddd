"""What the commands print, for people and for programs.

What the platform says may be written by a stranger, a caller's name for instance: none of it reaches
a terminal as it stands, and none of it takes more room than it has.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import typer
from rich.cells import cell_len, set_cell_size

from bxml._kinds import safe, without_credentials
from bxml._report import reason

LONGEST_LINE = 700
"""Columns of what somebody else has to say."""


def shown(text: object, width: int) -> str:
    """Anybody's words on one line, in at most so many columns of a terminal."""
    words = without_credentials(str(text)[: 8 * width])
    line = safe(words[: width + 1])
    if len(words) <= width and cell_len(line) <= width:
        return line
    return f"{set_cell_size(line, width - 1).rstrip()}…"


def row(cells: Iterable[tuple[str, int]]) -> str:
    """Cells side by side, each filled up to the width of its column."""
    return "  ".join(text + " " * (width - cell_len(text)) for text, width in cells).rstrip()


def moment(at: datetime | None) -> str:
    """A time in UTC, to the second."""
    if at is None:
        return ""
    if at.tzinfo is not None:
        with suppress(OverflowError):  # the first and the last day that there are
            at = at.astimezone(UTC)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def json_line(data: Mapping[str, Any]) -> str:
    """An object on one line, in ASCII that can be seen."""
    return json.dumps(data).replace("\x7f", r"\u007f")


def say(words: str) -> None:
    """Tell people something beside the results, on standard error."""
    with suppress(OSError):  # then there is nobody to tell
        typer.echo(f"calls: {words}", err=True)


class Printer:
    """Standard output. That it cannot be written to any more is no reason to do less.

    Attributes:
        gone: Whether the reader has gone, as ``head`` does, or the disk is full.
        failed: Whether something was lost that was wanted.
    """

    def __init__(self) -> None:
        self.gone = False
        self.failed = False

    def line(self, text: str) -> None:
        """Print a line, at once."""
        if self.gone:
            return
        try:
            if sys.stdout is None:
                raise OSError(0, "there is none")  # noqa: TRY301  # as if a write had failed
            typer.echo(text)
        except OSError as error:
            self.gone = True
            self._forget()
            if not isinstance(error, BrokenPipeError):
                self.failed = True
                say(f"standard output: {reason(error)}; what is lost begins with: {text[:300]}")

    @staticmethod
    def _forget() -> None:
        """Let the interpreter write what it still holds to nowhere when it ends."""
        if sys.stdout is None:
            return
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
