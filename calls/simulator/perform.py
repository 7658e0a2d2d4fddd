"""How each verb is performed, as happenings on the engine's clock."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bxml._declare import describe
from bxml.verbs import Gather, Hangup, Pause, PlayAudio, Redirect, SpeakSentence, Transfer
from calls.events import GatherEvent, RedirectEvent, TransferAnswerEvent, TransferCompleteEvent
from calls.simulator.engine import Engine, callee
from calls.simulator.state import Call, Connected, Gathering, Pausing, Talking, Transferring

SPEECH_TIMED_OUT = "Speech timeout elapsed before transcription"
"""What the ``text`` of a gather event holds then (the vendor's migration notes)."""


def assumed(verb: Any, name: str) -> Any:
    """The value of an attribute; where it is not written, what the platform assumes."""
    value = getattr(verb, name)
    if value is not None:
        return value
    known = next(each for each in describe(type(verb)).attributes if each.name == name)
    return known.assumes.value if known.assumes else None


# What is heard


def _plays(engine: Engine, call: Call, verb: SpeakSentence | PlayAudio) -> float | None:
    """Begin to play; how many seconds it takes. Ends the call and is None for what cannot be played."""
    if isinstance(verb, SpeakSentence):
        return engine.hears(call, verb.words)
    if engine.resolve(call, verb.text) is None:
        words = f"the document was pushed, so the relative URL {verb.text!r} leads nowhere"
        engine.hang_up(call, "application-error", words)
        return None
    suffix = PurePosixPath(urlsplit(verb.text).path).suffix.lower()
    if suffix not in ("", ".wav", ".mp3"):
        words = f"{verb.text} is neither .wav nor .mp3, and nothing else can be played"
        engine.hang_up(call, "application-error", words)
        return None
    engine.hears(call, f"[{verb.text}]")
    return engine.settings.audio_seconds


def _words(verb: SpeakSentence | PlayAudio) -> str:
    return verb.words if isinstance(verb, SpeakSentence) else f"[{verb.text}]"


def _plays_one(engine: Engine, call: Call, verb: SpeakSentence | PlayAudio) -> None:
    engine.answer(call)
    seconds = _plays(engine, call, verb)
    if seconds is not None:
        call.activity = Talking(_words(verb))
        engine.plan(call, seconds, "has played")


def _has_played(engine: Engine, call: Call, _: Any) -> None:
    if isinstance(call.activity, Talking):
        engine.has_heard(call, call.activity.words)
        engine.carry_on(call)


# Gather


def _gathers(engine: Engine, call: Call, verb: Gather) -> None:
    engine.answer(call)
    engine.retag(call, verb.tag)
    call.activity = Gathering(verb)
    _prompts(engine, call, call.activity)


def _prompts(engine: Engine, call: Call, gathering: Gathering) -> None:
    """Play the next prompt; after the last, wait for the first digit or for speech."""
    verb = gathering.verb
    if gathering.prompt < len(verb):
        seconds = _plays(engine, call, verb[gathering.prompt])
        if seconds is not None:
            engine.plan(call, seconds, "has prompted")
        return
    speech_only = assumed(verb, "input") == "speech"
    wait = assumed(verb, "speech_timeout" if speech_only else "first_digit_timeout")
    engine.plan(call, max(float(wait), 0.0), "nothing was pressed")


def _has_prompted(engine: Engine, call: Call, _: Any) -> None:
    gathering = call.activity
    if isinstance(gathering, Gathering):
        engine.has_heard(call, _words(gathering.verb[gathering.prompt]))
        gathering.prompt += 1
        _prompts(engine, call, gathering)


def _nothing_was_pressed(engine: Engine, call: Call, _: Any) -> None:
    gathering = call.activity
    if not isinstance(gathering, Gathering):
        return
    # Without prompts there is nothing that could be repeated.
    if len(gathering.verb) and gathering.round < assumed(gathering.verb, "repeat_count"):
        gathering.round += 1
        gathering.prompt = 0
        _prompts(engine, call, gathering)
        return
    by_speech = assumed(gathering.verb, "input") != "dtmf"
    _has_gathered(engine, call, gathering, text=SPEECH_TIMED_OUT if by_speech else None)


def _presses(engine: Engine, call: Call, digit: str) -> None:
    engine.note(call, "presses", digit)
    gathering = call.activity
    if not isinstance(gathering, Gathering) or assumed(gathering.verb, "input") == "speech":
        return
    if not gathering.digits and gathering.prompt < len(gathering.verb):
        engine.note(call, "cut off", _words(gathering.verb[gathering.prompt]))
    gathering.prompt = len(gathering.verb)
    call.turn += 1
    if digit.upper() in assumed(gathering.verb, "terminating_digits").upper():
        _has_gathered(engine, call, gathering, terminating_digit=digit)
        return
    gathering.digits += digit
    if len(gathering.digits) >= assumed(gathering.verb, "max_digits"):
        _has_gathered(engine, call, gathering)
        return
    engine.plan(call, assumed(gathering.verb, "inter_digit_timeout"), "no more was pressed")


def _no_more_was_pressed(engine: Engine, call: Call, _: Any) -> None:
    if isinstance(call.activity, Gathering):
        _has_gathered(engine, call, call.activity)


def _begins_to_say(_: Engine, call: Call, __: Any) -> None:
    # Whoever speaks is let finish: no timeout and no prompt cuts in.
    gathering = call.activity
    if isinstance(gathering, Gathering) and assumed(gathering.verb, "input") != "dtmf":
        call.turn += 1


def _has_said(engine: Engine, call: Call, words: str) -> None:
    engine.act_after(call, 0.0)
    match call.activity:
        case Gathering(verb=verb) as gathering if assumed(verb, "input") != "dtmf":
            _has_gathered(engine, call, gathering, text=words)
        case Transferring(winner=str(other)) if engine.calls[other].activity == Connected(call.id):
            _is_told(engine, engine.calls[other], words)
        case Connected(to):
            _is_told(engine, engine.calls[to], words)
        case _:
            pass


def _is_told(engine: Engine, call: Call, words: str) -> None:
    engine.note(call, "hears", words)
    engine.has_heard(call, words)


def _has_gathered(
    engine: Engine,
    call: Call,
    gathering: Gathering,
    *,
    terminating_digit: str = "",
    text: str | None = None,
) -> None:
    verb = gathering.verb
    if verb.gather_url is None:
        engine.carry_on(call)
        return
    there = engine.targets(call, verb, verb.gather_url, "gather")
    if there:
        call.turn += 1
        event = engine.event(
            call,
            GatherEvent,
            digits=gathering.digits,
            terminating_digit=terminating_digit,
            text=text,
        )
        engine.fetch(call, event, there)


# Transfer


def _transfers(engine: Engine, call: Call, verb: Transfer) -> None:
    engine.answer(call)
    engine.retag(call, verb.tag)
    timeout = float(assumed(verb, "call_timeout"))
    legs = [engine.new_leg(call, each, verb.transfer_caller_id, timeout) for each in verb]
    call.activity = Transferring(verb, [leg.id for leg in legs])
    for leg in legs:
        engine.ring(leg)


def _leg_answers(engine: Engine, call: Call, leg: Call) -> None:
    transferring = call.activity
    if not isinstance(transferring, Transferring) or leg.destination is None:
        return
    transferring.winner = leg.id
    for other in [engine.calls[other] for other in transferring.legs if other != leg.id]:
        # Seen in live traffic: the legs that lose end with this cause.
        engine.hang_up(other, "hangup")
    leg.joining = True
    url = leg.destination.transfer_answer_url
    if url is None:
        _is_connected(engine, leg, None)
        return
    there = engine.targets(call, leg.destination, url, "transfer_answer")
    if there:
        engine.fetch(leg, engine.event(leg, TransferAnswerEvent), there)


def _is_connected(engine: Engine, leg: Call, _: Any) -> None:
    leg.joining = False
    leg.turn += 1
    leg.activity = Connected(leg.parent_id or "")
    engine.note(leg, "state", f"{callee(leg)} is connected")


def _leg_is_over(engine: Engine, call: Call, leg: Call) -> None:
    """A leg has ended, or was taken elsewhere. With the last one the Transfer is over."""
    transferring = call.activity
    if call.is_over or not isinstance(transferring, Transferring):
        return
    transferring.legs = [each for each in transferring.legs if each != leg.id]
    if transferring.winner not in (None, leg.id) or (transferring.legs and not transferring.winner):
        return
    verb = transferring.verb
    if verb.transfer_complete_url is None:
        engine.carry_on(call)
        return
    there = engine.targets(call, verb, verb.transfer_complete_url, "transfer_complete")
    if there:
        call.turn += 1
        event = engine.event(
            call,
            TransferCompleteEvent,
            transfer_caller_id=leg.transfer_caller_id,
            transfer_to=callee(leg),
            cause=leg.cause or "hangup",
            error_message=leg.error_message,
            error_id=leg.error_id,
        )
        engine.fetch(call, event, there)


# The course of the call


def _redirects(engine: Engine, call: Call, verb: Redirect) -> None:
    engine.retag(call, verb.tag)
    there = engine.targets(call, verb, verb.redirect_url, "redirect")
    if there:
        engine.fetch(call, engine.event(call, RedirectEvent), there)


def _pauses(engine: Engine, call: Call, verb: Pause) -> None:
    engine.answer(call)
    seconds = float(assumed(verb, "duration"))
    engine.note(call, "silence", f"{seconds:g} s")
    call.activity = Pausing(engine.now)
    engine.plan(call, seconds, "has paused")


def _has_paused(engine: Engine, call: Call, _: Any) -> None:
    engine.carry_on(call)


def _hangs_up(engine: Engine, call: Call, _: Hangup) -> None:
    engine.hang_up(call, "hangup" if call.state == "answered" else "rejected")


Engine.performs.update(
    {
        Gather: _gathers,
        Hangup: _hangs_up,
        Pause: _pauses,
        PlayAudio: _plays_one,
        Redirect: _redirects,
        SpeakSentence: _plays_one,
        Transfer: _transfers,
    }
)
Engine.happens.update(
    {
        "begins to say": _begins_to_say,
        "has paused": _has_paused,
        "has played": _has_played,
        "has prompted": _has_prompted,
        "has said": _has_said,
        "is connected": _is_connected,
        "leg answers": _leg_answers,
        "leg is over": _leg_is_over,
        "no more was pressed": _no_more_was_pressed,
        "nothing was pressed": _nothing_was_pressed,
        "presses": _presses,
    }
)
