"""``calls broadcast``: push one document into many calls."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from bxml._kinds import safe
from bxml._report import reason
from calls.broadcasting import BroadcastStopped, Progress
from calls.broadcasting import broadcast as push_into_all
from calls.commands._session import Json, Session, Verbose
from calls.commands._trouble import Unusable
from calls.commands.push import show, to_push

EXAMPLES = (
    "Examples:\n\n"
    "calls broadcast ids.txt closing.xml --journal closing.sqlite3 --rate 20\n\n"
    "calls list --all --json | jq -r 'select(.state == \"answered\").callId'"
    " | calls broadcast - --text 'We close in ten minutes.' --journal closing.sqlite3"
)

LONGEST_ID = 300


def broadcast(
    *,
    ids: Annotated[
        str, typer.Argument(metavar="IDS", help="A file of call ids, one a line; - is stdin.")
    ],
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="The document, BXML.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Say this instead of a FILE. It is text, never markup.")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="Who says the text, such as julie.")] = None,
    journal: Annotated[
        Path, typer.Option(help="What became of each call. Made if there is none; goes on from it.")
    ],
    rate: Annotated[
        float | None, typer.Option(metavar="A_SECOND", help="Pushes a second, at most.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Under way at a time.")] = 50,
    strict: Annotated[
        bool, typer.Option("--strict", help="Send nothing if there are warnings.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Push one document into many calls, each of them once.

    What became of each call stands in the journal before anything else happens. Stopped or killed,
    the same command goes on where it was.

    Exit status: 0 every call is pushed, refused or gone; 1 some are still to be pushed, 2 unusable
    input: nothing was sent.
    """
    with Session(as_json=as_json, verbose=verbose) as session:
        if ids == "-" and file == "-":
            raise Unusable("OSError", "standard input cannot be both the ids and the document")
        document, result = to_push(file, text, voice)
        show(result, strict=strict)
        controller = session.connect()
        bar = not as_json and sys.stderr is not None and sys.stderr.isatty()
        try:
            told = push_into_all(
                controller,
                _ids(ids),
                document,
                journal=journal,
                rate=rate,
                concurrency=concurrency,
                progress=bar,
            )
        except BroadcastStopped as stopped:
            session.tell(_words(stopped.progress), **_facts(stopped.progress))
            raise
        session.tell(_words(told.progress), **_facts(told.progress))


def _words(progress: Progress) -> str:
    words = f"{progress.pushed} pushed, {progress.refused} refused, {progress.gone} gone"
    return f"{words}, {progress.pending} still to be pushed" if progress.pending else words


def _facts(progress: Progress) -> dict[str, int]:
    return {
        name: getattr(progress, name) for name in ("total", "pushed", "refused", "gone", "pending")
    }


def _ids(name: str) -> Iterator[str]:
    if name == "-":
        if sys.stdin is None:
            raise Unusable("OSError", "there is no standard input")
        yield from _lines(sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as file:
            yield from _lines(file)
    except OSError as error:
        raise Unusable(type(error).__name__, f"{safe(name)}: {reason(error)}") from None


def _lines(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(LONGEST_ID):
        if words := line.decode("utf-8", "backslashreplace").strip():
            yield words
