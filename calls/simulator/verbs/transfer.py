"""``Transfer``: one to eight legs ring, and the first that answers is connected."""

from typing import Any

from bxml.verbs import PhoneNumber, SipUri, Transfer
from calls.events import TransferAnswerEvent, TransferCompleteEvent, TransferDisconnectEvent
from calls.simulator.caller import Caller
from calls.simulator.engine import Engine, callee
from calls.simulator.errands import Targets
from calls.simulator.state import Call, Connected, Leg, Transferring
from calls.simulator.targets import targets_of
from calls.simulator.verbs.assumed import assumed


def _transfers(engine: Engine, call: Call, verb: Transfer) -> None:
    engine.retag(call, verb.tag)
    if not engine.limits.has_room():
        _is_complete(
            engine,
            call,
            verb,
            transfer_caller_id=_shown_as(engine, call, verb),
            transfer_to=verb[0].text,
            cause="account-limit",
            error_message="Too many calls at once",
            error_id=engine.error_id(),
        )
        return
    legs = [_leg(engine, call, verb, each) for each in verb]
    call.activity = Transferring(verb, [leg.id for leg in legs])
    for leg in legs:
        engine.ring(leg)


def _leg(engine: Engine, call: Call, verb: Transfer, destination: PhoneNumber | SipUri) -> Call:
    told = None
    if destination.transfer_disconnect_url:
        told = targets_of(destination, "transfer_disconnect", call.base_url)
    leg = Call(
        id=engine.new_id("c-"),
        application_id=call.application_id,
        direction="outbound",
        from_=call.from_,
        to=call.to,
        party=engine.phones.get(destination.text, Caller()),
        tag=destination.tag or None,
        privacy=verb.privacy,
        display_name=verb.transfer_caller_display_name,
        call_timeout=float(assumed(verb, "call_timeout")),
        callback_timeout=call.callback_timeout,
        base_url=call.base_url,
        leg=Leg(
            parent_id=call.id,
            by="Transfer",
            rings=destination.text,
            shown_as=_shown_as(engine, call, verb),
            destination=destination,
            disconnect=told and Targets(told.main),
            disconnect_leads_nowhere=bool(destination.transfer_disconnect_url) and told is None,
        ),
    )
    engine.calls[leg.id] = leg
    return leg


def _shown_as(engine: Engine, call: Call, verb: Transfer) -> str:
    """The number shown; absent or blank, the remote party's is passed on (documented)."""
    return (verb.transfer_caller_id or "").strip() or engine.who(call)


def _leg_answers(engine: Engine, call: Call, leg: Call) -> None:
    transferring = call.activity
    if not isinstance(transferring, Transferring) or leg.leg is None:
        return
    transferring.winner = leg.id
    for other in [engine.calls[other] for other in transferring.legs if other != leg.id]:
        # Seen in live traffic: the legs that lose end with this cause.
        engine.hang_up(other, "hangup")
    leg.joining = True
    destination = leg.leg.destination
    if destination is None or destination.transfer_answer_url is None:
        _joins(engine, leg, None)
        return
    if there := engine.targets(leg, destination, "transfer_answer"):
        engine.fetch(leg, engine.event(leg, TransferAnswerEvent), there)


def _joins(engine: Engine, leg: Call, _: Any) -> None:
    """The leg has heard its own document, and is connected."""
    leg.joining = False
    leg.turn += 1
    leg.activity = Connected(leg.leg.parent_id if leg.leg else "")
    engine.note(leg, "state", f"{callee(leg)} is connected")


def _leg_is_over(engine: Engine, parent: Call | None, leg: Call) -> None:
    """A leg has ended: it is told, and with the last one the Transfer is over."""
    if leg.leg and leg.leg.disconnect:
        ended = engine.event(leg, TransferDisconnectEvent, **engine.ending(leg))
        engine.send(leg, ended, leg.leg.disconnect)
    elif leg.leg and leg.leg.disconnect_leads_nowhere:
        engine.note(leg, "note", "no transferDisconnect: its relative URL leads nowhere")
    _leg_has_left(engine, parent, leg)


def _leg_has_left(engine: Engine, parent: Call | None, leg: Call) -> None:
    """A leg has ended, or was taken elsewhere. With the last one the Transfer is over."""
    if parent is None or parent.is_over:
        return
    transferring = parent.activity
    if not isinstance(transferring, Transferring):
        return
    transferring.legs = [each for each in transferring.legs if each != leg.id]
    if transferring.winner not in (None, leg.id) or (transferring.legs and not transferring.winner):
        return
    _is_complete(
        engine,
        parent,
        transferring.verb,
        transfer_caller_id=leg.leg.shown_as if leg.leg else None,
        transfer_to=callee(leg),
        cause=leg.cause or "hangup",
        error_message=leg.error_message,
        error_id=leg.error_id,
    )
    if parent.activity is transferring:
        engine.carry_on(parent)


def _is_complete(engine: Engine, call: Call, verb: Transfer, **outcome: Any) -> None:
    """Tell the outcome, if somebody wants to know; else leave the call as it is."""
    if verb.transfer_complete_url is None:
        return
    if there := engine.targets(call, verb, "transfer_complete"):
        call.turn += 1
        engine.fetch(call, engine.event(call, TransferCompleteEvent, **outcome), there)


def _breaks(engine: Engine, _: Call, transferring: Transferring) -> None:
    for leg in [engine.calls[leg] for leg in transferring.legs]:
        engine.hang_up(leg, "hangup" if leg.state == "answered" else "cancel")


def _is_taken_elsewhere(engine: Engine, leg: Call, connected: Connected) -> None:
    _leg_has_left(engine, engine.calls.get(connected.to), leg)


def _talks_to_leg(
    engine: Engine, call: Call, transferring: Transferring, words: str, since: float
) -> None:
    other = engine.calls.get(transferring.winner or "")
    if other and other.activity == Connected(call.id):
        engine.told(other, words, since)


def _talks_to_parent(
    engine: Engine, _: Call, connected: Connected, words: str, since: float
) -> None:
    engine.told(engine.calls[connected.to], words, since)


Engine.performs[Transfer] = _transfers
Engine.breaks.update({Transferring: _breaks, Connected: _is_taken_elsewhere})
Engine.on_speech.update({Transferring: _talks_to_leg, Connected: _talks_to_parent})
Engine.leg_answers["Transfer"] = _leg_answers
Engine.leg_is_over["Transfer"] = _leg_is_over
Engine.leg_joins = _joins
