"""``calls state``: what the platform knows of a call."""

from collections.abc import Iterator

import msgspec

from calls.commands._session import CallId, Json, Session, Verbose
from calls.commands._show import json_line, moment, row, shown
from calls.models import CallState

EXAMPLES = "Examples:\n\ncalls state CALL_ID\n\ncalls state CALL_ID --json | jq -r .state"

WIDEST = 100


def state(*, call_id: CallId, as_json: Json = False, verbose: Verbose = False) -> None:
    """Say what the platform knows of a call.

    A new call may take minutes to become visible; an ended one is known for seven days.

    Exit status: 0, 1 refused or platform not reached, 2 unusable input.
    """
    with Session(as_json=as_json, verbose=verbose, call_id=call_id) as session:
        known = session.connect().call(call_id).state()
        if as_json:
            session.out.line(json_line(msgspec.to_builtins(known)))
            return
        for name, value in _facts(known):
            if value:
                session.out.line(row([(name, 11), (shown(value, WIDEST), 0)]))


def _facts(known: CallState) -> Iterator[tuple[str, object]]:
    """What there is to say, each under its name, in the order in which it is asked."""
    yield "call", known.call_id
    yield "state", known.state
    yield "cause", known.disconnect_cause
    yield "error", known.error_message
    yield "error id", known.error_id
    yield "direction", known.direction
    yield "from", known.from_
    yield "to", known.to
    yield "identity", known.identity
    for name, value in (known.stir_shaken or {}).items():
        yield "stir/shaken", f"{name}: {value}"
    yield "application", known.application_id
    yield "parent", known.parent_call_id
    yield "queued", moment(known.enqueued_time)
    yield "started", moment(known.start_time)
    yield "answered", moment(known.answer_time)
    yield "ended", moment(known.end_time)
    yield "changed", moment(known.last_update)
