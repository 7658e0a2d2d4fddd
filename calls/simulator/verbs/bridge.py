"""``Bridge``: another call that exists is taken onto this one."""

from typing import Any

from bxml.verbs import Bridge
from calls.events import BridgeCompleteEvent, BridgeTargetCompleteEvent
from calls.simulator.engine import Engine
from calls.simulator.state import Bridged, Bridging, Call, Connected, Handing, Transferring
from calls.simulator.targets import targets_of


def _bridges(engine: Engine, call: Call, verb: Bridge) -> None:
    engine.retag(call, verb.tag)
    other = engine.calls.get(verb.text.strip())
    trouble = _trouble(call, other)
    if trouble or other is None:
        cause, words = trouble or ("unknown", "")
        engine.note(call, "note", f"cannot be bridged with {verb.text.strip()}: {words}")
        _is_complete(engine, call, verb, cause=cause, error_message=words)
        return
    # The target's own document is cancelled (documented).
    engine.stop(other)
    engine.answer(other)
    other.document, other.position = (), 0
    if call.is_over:  # by what the target was doing: it may have been a leg of this very call
        engine.hang_up(other, "hangup")
        return
    call.activity = Bridging(verb, other.id)
    other.activity = Bridged(call.id)
    engine.note(call, "state", f"is bridged with {other.id}")


def _trouble(call: Call, other: Call | None) -> tuple[str, str] | None:
    """Why a call cannot be the target: the documented reasons, and that it does not exist."""
    if other is None or other is call:
        return "unknown", "There is no such call" if other is None else "It is the call itself"
    if other.is_over:
        return "rejected", "Call is already hung up"
    if other.direction == "outbound" and other.state != "answered":
        return "rejected", "Call is not answered yet"
    if isinstance(other.activity, Handing):
        return "rejected", "Call is executing Forward"
    if isinstance(other.activity, Bridging | Bridged):
        return "busy", "Call is already bridged with another call"
    if isinstance(other.activity, Transferring | Connected) and (
        call.leg is not None and call.leg.parent_id == other.id
    ):
        return "rejected", "Call is the one that rang this leg"
    return None


def _is_complete(engine: Engine, call: Call, verb: Bridge, **outcome: Any) -> None:
    """Tell the outcome, if somebody wants to know; else leave the call as it is."""
    if verb.bridge_complete_url is None:
        return
    if there := engine.targets(call, verb, "bridge_complete"):
        if outcome:
            outcome["error_id"] = engine.error_id()
        engine.fetch(call, engine.event(call, BridgeCompleteEvent, **outcome), there)


def _bridging_call_leaves(engine: Engine, call: Call, bridging: Bridging) -> None:
    """The target goes on with what the URL says; without one it is hung up (documented)."""
    other, verb = engine.calls.get(bridging.target), bridging.verb
    if other is None or other.is_over:
        return
    other.activity = None
    there = None
    if verb.bridge_target_complete_url is not None:
        there = targets_of(verb, "bridge_target_complete", call.base_url)
        if there is None:
            words = "the document was pushed, so a relative bridgeTargetCompleteUrl leads nowhere"
            engine.hang_up(other, "callback-error", words)
            return
    if there is None:
        engine.hang_up(other, "hangup")
        return
    other.turn += 1
    engine.fetch(other, engine.event(other, BridgeTargetCompleteEvent), there)


def _target_leaves(engine: Engine, _: Call, bridged: Bridged) -> None:
    call = engine.calls.get(bridged.by)
    if call is None or call.is_over or not isinstance(call.activity, Bridging):
        return
    bridging, call.activity = call.activity, None
    call.turn += 1
    engine.note(call, "state", "is bridged no more")
    _is_complete(engine, call, bridging.verb)
    engine.carry_on_if_idle(call)


def _talks_to_target(engine: Engine, _: Call, bridging: Bridging, words: str, since: float) -> None:
    engine.told(engine.calls[bridging.target], words, since)


def _talks_to_bridging(engine: Engine, _: Call, bridged: Bridged, words: str, since: float) -> None:
    engine.told(engine.calls[bridged.by], words, since)


Engine.performs[Bridge] = _bridges
Engine.breaks.update({Bridging: _bridging_call_leaves, Bridged: _target_leaves})
Engine.on_speech.update({Bridging: _talks_to_target, Bridged: _talks_to_bridging})
