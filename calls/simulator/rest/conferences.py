"""Changes to conferences."""

from calls.simulator.replies import barred_in_conference
from calls.simulator.rest.calls import there
from calls.simulator.rest.desk import Desk, document_in
from calls.simulator.rest.message import LONGEST_ECHO, Incoming, Outgoing, invalid, not_found
from calls.simulator.rest.orders import UpdateConference, change_of
from calls.simulator.state import Room
from calls.simulator.verbs.conference import (
    end_conference,
    push_conference,
    redirect_conference,
)


def update(desk: Desk, request: Incoming, conference_id: str) -> Outgoing:
    """``updateConference``."""
    strict = desk.engine.settings.strict_updates
    change = change_of(UpdateConference, request.body, strict=strict)
    conference = _running(desk, conference_id)
    if change.status == "completed":
        end_conference(desk.engine, conference)
    else:
        redirect_conference(desk.engine, conference, there(change))
    return Outgoing(204)


def replace(desk: Desk, request: Incoming, conference_id: str) -> Outgoing:
    """``updateConferenceBxml``: a document with anything else in it is refused as a whole."""
    document = document_in(request.body)
    if barred := barred_in_conference(document):
        raise invalid(f"Invalid BXML: <{barred}> is not allowed in a conference")
    push_conference(desk.engine, _running(desk, conference_id), document, None)
    return Outgoing(204)


def _running(desk: Desk, conference_id: str) -> Room:
    conference = desk.engine.conferences.get(conference_id)
    if conference is None or conference.is_over:  # 409 is not declared here
        raise not_found(f"Conference [{conference_id[:LONGEST_ECHO]}] not found")
    return conference
