"""``calls hangup``: end calls."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from calls._sending import checked_id
from calls.commands._session import Json, Session, Verbose, Wait
from calls.commands._show import say
from calls.commands._trouble import Unusable
from calls.errors import CallsError, Forbidden, InvalidRequest, Unauthorized

EXAMPLES = (
    "Examples:\n\n"
    "calls hangup CALL_ID\n\n"
    "calls list --to +15550100001 --all --json | jq -r 'select(.state != \"disconnected\").callId'"
    " | calls hangup -"
)

HOPELESS = (Unauthorized, Forbidden, InvalidRequest)
"""What is wrong with one call is wrong with all of them."""

LONGEST_ID = 300


def hangup(
    *,
    call_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="CALL_ID", help="Ids of calls; - is standard input, with one a line."
        ),
    ],
    wait: Wait = 0.0,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """End calls: hang up, cancel while it rings, or take it off the queue.

    It is no failure if one has ended already.

    After a failure the next call is tried, unless the credentials are to blame.

    Exit status: 0 all are over, 1 one was refused or platform not reached, 2 unusable input.
    """
    with Session(as_json=as_json, verbose=verbose) as session:
        ids = list(dict.fromkeys(_ids(call_ids)))
        if not ids:
            say("standard input holds no call id")
            return
        session.untried = ids
        controller = session.connect()
        for number, call_id in enumerate(ids, 1):
            session.untried = ids[number:]
            session.begin(call_id, "the end of")
            try:
                controller.call(call_id).hang_up(wait_seconds=wait)
            except HOPELESS:
                raise
            except CallsError as error:
                session.fail(error)
            else:
                had_ended = session.watch.was_refused
                session.done("had ended already" if had_ended else "ended", hadEnded=had_ended)


def _ids(arguments: Sequence[str]) -> Iterator[str]:
    for argument in arguments:
        if argument == "-":
            yield from _from_stdin()
        else:
            yield checked_id("CALL_ID", argument)


def _from_stdin() -> Iterator[str]:
    if sys.stdin is None:
        raise Unusable("OSError", "there is no standard input")
    number = 0
    while line := sys.stdin.buffer.readline(LONGEST_ID):
        number += 1
        if words := line.decode("utf-8", "backslashreplace").strip():
            yield checked_id(f"line {number} of standard input", words)
