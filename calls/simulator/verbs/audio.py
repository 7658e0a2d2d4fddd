"""What is heard: speech, files, ringing and tones."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bxml.verbs import PlayAudio, Ring, SendDtmf, SpeakSentence
from calls.simulator.engine import Engine, Resume
from calls.simulator.errands import Measuring
from calls.simulator.state import Call, Ringing, SendingDtmf, Talking
from calls.simulator.targets import resolve
from calls.simulator.verbs.assumed import assumed

PAUSES = {"w": 0.5, ",": 0.5, "W": 1.0}
"""Seconds that a character of ``SendDtmf`` pauses (documented)."""

UNPLAYABLE = frozenset({".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac", ".wma", ".aiff", ".amr"})
"""Extensions of audio that is surely not supported. Of any other a content type may know better."""


def words_of(verb: SpeakSentence | PlayAudio) -> str:
    """What is heard, in words; an audio file in square brackets."""
    return verb.words if isinstance(verb, SpeakSentence) else f"[{verb.text}]"


def unplayable(text: str, base_url: str | None) -> str | None:
    """Why an audio file cannot be played, if it cannot."""
    if resolve(base_url, text) is None:
        return f"the document was pushed, so the relative URL {text!r} leads nowhere"
    if PurePosixPath(urlsplit(text).path).suffix.lower() in UNPLAYABLE:
        return f"{text} is neither .wav nor .mp3, and nothing else can be played"
    return None


def measuring(verb: PlayAudio, base_url: str | None) -> Measuring:
    """The errand that finds out how long a file is."""
    return Measuring(resolve(base_url, verb.text) or "", verb.username, verb.password)


def play_one(
    engine: Engine, call: Call, verb: SpeakSentence | PlayAudio, then: Resume, argument: Any
) -> None:
    """Play one thing as soon as its length is known. What cannot be played ends the call."""
    if isinstance(verb, SpeakSentence):
        then(engine, call, argument, engine.spoken(verb.words))
    elif trouble := unplayable(verb.text, call.base_url):
        engine.hang_up(call, "application-error", trouble)
    else:
        engine.measure(call, measuring(verb, call.base_url), then, argument)


def _plays(engine: Engine, call: Call, verb: SpeakSentence | PlayAudio) -> None:
    call.activity = Talking()
    play_one(engine, call, verb, _begins, verb)


def _begins(engine: Engine, call: Call, verb: SpeakSentence | PlayAudio, seconds: float) -> None:
    engine.play(call, words_of(verb), seconds)
    engine.plan(call, seconds, _has_played)


def _has_played(engine: Engine, call: Call, _: Any) -> None:
    engine.has_played(call)
    if call.sound is None and not call.is_over:
        engine.carry_on(call)


def _rings(engine: Engine, call: Call, verb: Ring) -> None:
    call.activity = Ringing()
    _begins_to_ring(engine, call, float(assumed(verb, "duration")))


def _begins_to_ring(engine: Engine, call: Call, seconds: float) -> None:
    engine.play(call, "[ringing]", seconds)
    engine.plan(call, seconds, _has_played)


def _sends_dtmf(engine: Engine, call: Call, verb: SendDtmf) -> None:
    call.activity = SendingDtmf()
    seconds = tones_seconds(
        verb.text, assumed(verb, "tone_duration") / 1000, assumed(verb, "tone_interval") / 1000
    )
    engine.play(call, f"[tones {verb.text}]", seconds)
    engine.plan(call, seconds, _has_played)


def tones_seconds(text: str, duration: float, interval: float) -> float:
    """How long tones take. A pause takes the place of the interval before it (documented)."""
    seconds = 0.0
    for digit, after in zip(text, f"{text[1:]} ", strict=True):
        if digit in PAUSES:
            seconds += PAUSES[digit]
        else:
            seconds += duration + (0.0 if after in PAUSES else interval)
    return seconds


Engine.performs.update(
    {PlayAudio: _plays, Ring: _rings, SendDtmf: _sends_dtmf, SpeakSentence: _plays}
)
