"""Calls that are handed on: ``Forward``, ``Connect`` and ``Refer``."""

from typing import Any

from bxml.verbs import Connect, Forward, Refer
from calls.events import ReferCompleteEvent
from calls.simulator.caller import Caller
from calls.simulator.engine import Engine, callee
from calls.simulator.state import Call, Handing, Leg, Referring
from calls.simulator.verbs.assumed import assumed

ENDPOINT_SECONDS = 86_400.0
"""How long an endpoint lives (documented)."""

NOTIFIED = {"is busy": 486, "rejects": 603}
"""The SIP status that comes for a REFER to somebody who does not take the call."""


# Forward


def _forwards(engine: Engine, call: Call, verb: Forward) -> None:
    if call.direction != "inbound" or call.state != "initiated":
        words = "Forward is only for an inbound call that is not answered yet"
        engine.hang_up(call, "application-error", words)
        return
    call.digits_to = None  # cannot be used with it (documented)
    # Absent: the number that was called (documented).
    shown_as = verb.from_ or call.to
    leg = _new_leg(engine, call, "Forward", verb.to, shown_as)
    leg.call_timeout = float(assumed(verb, "call_timeout"))
    leg.privacy, leg.display_name = verb.privacy, verb.caller_display_name
    call.activity = Handing(leg.id, ends_with_it=True)
    engine.ring(leg)  # over the limit too (documented)


def _new_leg(engine: Engine, call: Call, by: Any, rings: str, shown_as: str) -> Call:
    leg = Call(
        id=engine.new_id("c-"),
        application_id=call.application_id,
        direction="outbound",
        from_=call.from_,
        to=call.to,
        party=engine.phones.get(rings, Caller()),
        callback_timeout=call.callback_timeout,
        leg=Leg(parent_id=call.id, by=by, rings=rings, shown_as=shown_as),
    )
    engine.calls[leg.id] = leg
    return leg


def _forwarded_to_answers(engine: Engine, call: Call, leg: Call) -> None:
    leg.activity = Handing(call.id, ends_with_it=True)
    engine.note(leg, "state", f"{callee(leg)} is connected")
    engine.answer(call)


def _forwarded_to_is_over(engine: Engine, call: Call | None, leg: Call) -> None:
    """When either leg hangs up, the other ends too, with the same cause (inferred)."""
    if call and isinstance(call.activity, Handing) and call.activity.leg == leg.id:
        call.activity = None
        engine.hang_up(call, leg.cause or "hangup", leg.error_message, leg.sip_status)


def _ends_the_other(engine: Engine, call: Call, handing: Handing) -> None:
    other = engine.calls.get(handing.leg)
    if call.leg is not None and not handing.ends_with_it:
        _endpoint_is_over(engine, other, call)
        return
    if other is None or other.is_over:
        return
    if isinstance(other.activity, Handing):
        other.activity = None
    engine.hang_up(other, "hangup" if other.state == "answered" else "cancel")


def _talks_on(engine: Engine, _: Call, handing: Handing, words: str, since: float) -> None:
    other = engine.calls.get(handing.leg)
    if other and other.state == "answered":
        engine.told(other, words, since)


# Connect


def _connects(engine: Engine, call: Call, verb: Connect) -> None:
    """Join the first endpoint that can be reached. No event is sent: what it holds is not known."""
    rings = verb[0].text.strip()
    party = engine.phones.get(rings)
    if party is None or party.outcome != "answers":
        # It must be connected and sending audio (documented); what follows is inferred.
        engine.note(call, "note", f"the endpoint {rings} cannot be reached")
        return
    leg = _new_leg(engine, call, "Connect", rings, engine.who(call))
    leg.party = party.answers(after=0.0)
    call.activity = Handing(leg.id, ends_with_it=False)
    engine.plan(call, ENDPOINT_SECONDS, _expires, leg.id)
    engine.ring(leg)


def _endpoint_answers(engine: Engine, call: Call, leg: Call) -> None:
    leg.activity = Handing(call.id, ends_with_it=False)
    engine.note(leg, "state", f"{callee(leg)} is connected")


def _endpoint_is_over(engine: Engine, call: Call | None, leg: Call) -> None:
    """The phone call stays up and goes on with the next verb."""
    handing = call.activity if call else None
    if call and isinstance(handing, Handing) and handing.leg == leg.id:
        call.activity = None
        engine.carry_on(call)


def _expires(engine: Engine, _: Call, leg_id: str) -> None:
    if leg := engine.calls.get(leg_id):
        engine.hang_up(leg, "hangup")


# Refer


def _refers(engine: Engine, call: Call, verb: Refer) -> None:
    engine.retag(call, verb.tag)
    there = verb[0].text
    call.activity = Referring()
    if call.direction != "inbound" or not call.from_.startswith(("sip:", "sips:")):
        engine.note(call, "note", "Refer is only for inbound calls of a SIP URI")
        _fails(engine, call, (verb, None, None))
        return
    party = engine.phones.get(there, Caller())
    engine.note(call, "state", f"is referred to {there}")
    if party.outcome == "answers":
        engine.plan(call, party.rings_for, _succeeds, verb)
    elif party.outcome in NOTIFIED:
        engine.plan(call, party.rings_for, _fails, (verb, 202, NOTIFIED[party.outcome]))
    else:
        engine.plan(call, engine.settings.refer_seconds, _fails, (verb, 202, None))


def _succeeds(engine: Engine, call: Call, verb: Refer) -> None:
    """The call is over here, and whoever wants to know is told (documented)."""
    there = engine.targets(call, verb, "refer_complete") if verb.refer_complete_url else None
    if not call.is_over:
        engine.hang_up(call, "hangup")
    if there:
        status = {"refer_sip_response_code": 202, "notify_sip_response_code": 200}
        event = engine.event(call, ReferCompleteEvent, refer_call_status="success", **status)
        engine.send(call, event, there)


def _fails(engine: Engine, call: Call, outcome: tuple[Refer, int | None, int | None]) -> None:
    verb, refer_status, notify_status = outcome
    if verb.refer_complete_url is None:
        engine.carry_on(call)
        return
    if there := engine.targets(call, verb, "refer_complete"):
        event = engine.event(
            call,
            ReferCompleteEvent,
            refer_call_status="failure",
            refer_sip_response_code=refer_status,
            notify_sip_response_code=notify_status,
        )
        engine.fetch(call, event, there)


Engine.performs.update({Connect: _connects, Forward: _forwards, Refer: _refers})
Engine.breaks[Handing] = _ends_the_other
Engine.on_speech[Handing] = _talks_on
Engine.leg_answers.update({"Connect": _endpoint_answers, "Forward": _forwarded_to_answers})
Engine.leg_is_over.update({"Connect": _endpoint_is_over, "Forward": _forwarded_to_is_over})
