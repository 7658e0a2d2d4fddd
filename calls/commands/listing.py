"""``calls list``: the calls of the account."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from bxml._kinds import shown as quoted
from calls.commands._session import Json, Session, Verbose
from calls.commands._show import json_line, moment, row, say, shown
from calls.errors import refuse
from calls.models import CallState

EXAMPLES = (
    "Examples:\n\n"
    "calls list --since 2h\n\n"
    "calls list --to +15550100001 --since 2026-01-01T00:00Z --all\n\n"
    "calls list --cause busy --all --json | jq -r .callId"
)

WIDTHS = (47, 9, 16, 16, 12, 20, 24)
NAMES = ("CALL", "DIRECTION", "FROM", "TO", "STATE", "START", "CAUSE")

LONGEST_ID = 80
"""An id is worth nothing if it is cut, so it may stand out of its column."""

_AGO = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_TIME = "ISO 8601 with a time zone, or how long ago: 30m, 2h, 1d."


def list_calls(
    *,
    to: Annotated[str | None, typer.Option(metavar="NUMBER", help="Only calls to it.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="NUMBER", help="Only calls from it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Only what started then or later: {_TIME}")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what started then or before.")
    ] = None,
    cause: Annotated[
        str | None, typer.Option(help="Only calls that ended so: hangup, busy, timeout, …")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many, at most; 0 is all.")] = 50,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """List the calls of the account, the oldest first.

    Calls that have ended are listed for seven days.

    Long addresses are cut, but not with --json.

    Exit status: 0, 1 refused or platform not reached, 2 unusable input.
    """
    with Session(as_json=as_json, verbose=verbose) as session:
        now = datetime.now(UTC)
        wanted = None if all_ or not limit else limit
        calls = session.connect().list_calls(
            to=to,
            from_=from_,
            min_start_time=None if since is None else time_of("--since", since, now),
            max_start_time=None if until is None else time_of("--until", until, now),
            disconnect_cause=cause,
            limit=None if wanted is None else wanted + 1,  # one more tells whether there are more
        )
        count = 0
        for call in calls:
            if count == wanted:
                say(f"these are the first {count}: --limit N, or --all, shows more")
                break
            if not count and not as_json:
                session.out.line(row(zip(NAMES, WIDTHS, strict=True)))
            count += 1
            session.out.line(json_line(msgspec.to_builtins(call)) if as_json else _row(call))
            if session.out.gone:
                break
        if not count:
            say("there are no such calls")


def _row(call: CallState) -> str:
    values = (
        call.call_id,
        call.direction,
        call.from_,
        call.to,
        call.state,
        moment(call.start_time),
        call.disconnect_cause,
    )
    call_id, *others = zip(values, WIDTHS, strict=True)
    cells = [(shown(value or "-", width), width) for value, width in others]
    return row([(shown(call_id[0] or "-", LONGEST_ID), call_id[1]), *cells])


def time_of(name: str, words: str, now: datetime) -> datetime:
    """The time that somebody has typed.

    Raises:
        InvalidRequest: It is none, or it has no zone and so means another one on every machine.
    """
    if ago := _AGO.fullmatch(words):
        try:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            refuse(name, f"is before all times (got {words})")
    try:
        time = datetime.fromisoformat(words)
    except ValueError:
        refuse(name, f"must be a time, such as 2026-01-31T09:00Z or 2h (got {quoted(words)})")
    if time.tzinfo is None:
        iso = time.isoformat(timespec="minutes")
        refuse(name, f"must have a time zone: {iso}Z, or {iso}+02:00 (got {quoted(words)})")
    return time
