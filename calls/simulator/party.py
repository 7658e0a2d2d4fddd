"""What the people on the telephone do: step by step as their script says, or as somebody asks."""

from typing import TYPE_CHECKING, Any

from calls.simulator.caller import HangsUp, Hears, Presses, Says, Waits
from calls.simulator.state import Call

if TYPE_CHECKING:
    from calls.simulator.engine import Engine

FAILURES = {
    "is busy": ("busy", "Callee is busy", 486),
    "rejects": ("rejected", "Callee rejected the call", 603),
}
"""The cause, the vendor's words and the SIP status of a call that is not taken."""


def rings(engine: "Engine", call: Call) -> None:
    """Let a telephone ring: what its owner does then is planned."""
    match call.party.outcome:
        case "answers":
            engine.plan_anyway(call, call.party.rings_for, _picks_up)
        case "is busy" | "rejects":
            engine.plan_anyway(call, call.party.rings_for, _turns_down)
        case "cannot be reached":
            engine.plan_anyway(call, engine.settings.connect_seconds, _does_not_ring)
        case "never answers":
            pass


def _picks_up(engine: "Engine", call: Call, _: Any) -> None:
    if call.party.outcome == "answers":
        engine.is_answered(call)


def _turns_down(engine: "Engine", call: Call, _: Any) -> None:
    if call.state == "initiated" and call.party.outcome in FAILURES:
        engine.hang_up(call, *FAILURES[call.party.outcome])


def _does_not_ring(engine: "Engine", call: Call, _: Any) -> None:
    if call.state == "initiated" and call.party.outcome == "cannot be reached":
        engine.hang_up(call, "timeout", "Call did not begin to ring in time")


def is_given_up(engine: "Engine", call: Call, _: Any) -> None:
    """Its time to ring is over."""
    if call.state == "initiated":
        engine.hang_up(call, "timeout", "Call timed out")


def turn_down(engine: "Engine", call: Call) -> None:
    """Let the owner of a ringing telephone do at once what its outcome says."""
    _turns_down(engine, call, None)


# Pressing, speaking, leaving


def press(engine: "Engine", call: Call, digit: str) -> None:
    """Press a key."""
    engine.note(call, "presses", digit)
    activity = call.activity
    takes = engine.on_key.get(type(activity))
    if takes is not None and takes(engine, call, activity, digit):
        return
    reports = engine.on_key.get(type(None))
    if reports is not None:
        reports(engine, call, None, digit)


def begin_to_say(engine: "Engine", call: Call, words: str, seconds: float | None = None) -> float:
    """Begin to say something; how many seconds it takes."""
    engine.note(call, "says", words)
    call.saying = engine.now, words
    begins = engine.on_speech_begins.get(type(call.activity))
    if begins is not None:
        begins(engine, call, words)
    seconds = engine.spoken(words) if seconds is None else seconds
    engine.plan_anyway(call, seconds, _has_said, call.saying)
    return seconds


def _has_said(engine: "Engine", call: Call, saying: tuple[float, str]) -> None:
    since, words = saying
    if call.saying == saying:
        call.saying = None
    engine.sounded(call, "inbound", since, engine.now, words)
    hears = engine.on_speech.get(type(call.activity))
    if hears is not None:
        hears(engine, call, call.activity, words, since)


def hang_up(engine: "Engine", call: Call) -> None:
    """Leave the call. Before an inbound call is answered, that cancels it (inferred)."""
    engine.note(call, "state", f"{engine.who(call)} hangs up")
    engine.hang_up(call, "hangup" if call.state == "answered" else "cancel")


def leaves(engine: "Engine", call: Call) -> None:
    """The call is over. A script that is not at its end leaves a note."""
    if call.answered is not None and isinstance(step := _next_step(call), Hears):
        engine.note(call, "note", f"was still waiting to hear {step.words!r}")


# The script


def act_after(engine: "Engine", call: Call, seconds: float) -> None:
    """Let the party do its next step when some seconds have passed."""
    if call.step < len(call.party.steps):
        call.acting = True
        engine.plan_anyway(call, seconds, _acts)


def has_heard(engine: "Engine", call: Call) -> None:
    """Something was heard to its end."""
    if not call.acting and isinstance(step := _next_step(call), Hears):
        _listen(engine, call, step)


def _next_step(call: Call) -> Any:
    steps = call.party.steps
    return steps[call.step] if call.step < len(steps) else None


def _listen(engine: "Engine", call: Call, step: Hears) -> None:
    wanted = step.words.casefold()
    while call.listened < len(call.sounds) and call.sounds[call.listened].ended is not None:
        sound = call.sounds[call.listened]
        call.listened += 1
        if sound.is_whole and wanted in sound.words.casefold():
            call.step += 1
            act_after(engine, call, engine.settings.reaction_seconds)
            return


def _acts(engine: "Engine", call: Call, _: Any) -> None:
    call.acting = False
    step = _next_step(call)
    if isinstance(step, Hears):
        _listen(engine, call, step)
        return
    call.step += 1
    match step:
        case Waits(seconds):
            act_after(engine, call, seconds)
        case Presses(digits):
            pause = engine.settings.key_seconds
            for index, digit in enumerate(digits):
                engine.plan_anyway(call, index * pause, _presses, digit)
            act_after(engine, call, len(digits) * pause)
        case Says(words):
            act_after(engine, call, begin_to_say(engine, call, words))
        case HangsUp():
            hang_up(engine, call)
        case _:
            pass


def _presses(engine: "Engine", call: Call, digit: str) -> None:
    press(engine, call, digit)
