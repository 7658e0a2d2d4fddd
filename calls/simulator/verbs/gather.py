"""What a caller presses and says: ``Gather``, and ``StartGather`` beside everything else."""

import re
from typing import Any

from bxml.verbs import Gather, PlayAudio, SpeakSentence, StartGather, StopGather
from calls.events import DtmfEvent, GatherEvent, PartialGatherEvent
from calls.events.input import SPEECH_TIMED_OUT
from calls.simulator.engine import Engine
from calls.simulator.errands import Targets
from calls.simulator.state import Call, Gathering
from calls.simulator.targets import resolve, target, targets_of
from calls.simulator.verbs.assumed import assumed
from calls.simulator.verbs.audio import play_one, words_of


def _gathers(engine: Engine, call: Call, verb: Gather) -> None:
    engine.retag(call, verb.tag)
    call.activity = Gathering(verb)
    _prompts(engine, call, call.activity)


def _prompts(engine: Engine, call: Call, gathering: Gathering) -> None:
    """Play the next prompt; after the last, wait for the first digit or for speech."""
    verb = gathering.verb
    if gathering.prompt < len(verb):
        prompt = verb[gathering.prompt]
        play_one(engine, call, prompt, _prompt_begins, prompt)
        return
    if call.saying is not None and assumed(verb, "input") != "dtmf":
        return  # whoever speaks is let finish
    wait = {
        "dtmf": verb_wait(verb, "first_digit_timeout"),
        "speech": verb_wait(verb, "speech_timeout"),
        "dtmf_speech": max(
            verb_wait(verb, "first_digit_timeout"), verb_wait(verb, "speech_timeout")
        ),
    }[assumed(verb, "input")]
    engine.plan(call, wait, _nothing_came)


def verb_wait(verb: Gather, name: str) -> float:
    """A timeout in seconds."""
    return max(float(assumed(verb, name)), 0.0)


def _prompt_begins(
    engine: Engine, call: Call, prompt: SpeakSentence | PlayAudio, seconds: float
) -> None:
    engine.play(call, words_of(prompt), seconds)
    engine.plan(call, seconds, _has_prompted)


def _has_prompted(engine: Engine, call: Call, _: Any) -> None:
    engine.has_played(call)
    gathering = call.activity
    if isinstance(gathering, Gathering):
        gathering.prompt += 1
        _prompts(engine, call, gathering)


def _nothing_came(engine: Engine, call: Call, _: Any) -> None:
    gathering = call.activity
    if not isinstance(gathering, Gathering):
        return
    # Without prompts there is nothing that could be repeated.
    if len(gathering.verb) and gathering.round < assumed(gathering.verb, "repeat_count"):
        gathering.round += 1
        gathering.prompt = 0
        _prompts(engine, call, gathering)
        return
    _has_gathered(engine, call, gathering, text=SPEECH_TIMED_OUT)


def _takes_key(engine: Engine, call: Call, gathering: Gathering, digit: str) -> bool:
    verb = gathering.verb
    if assumed(verb, "input") == "speech":
        return True  # StartGather is paused meanwhile all the same (documented)
    gathering.prompt = len(verb)
    call.turn += 1
    engine.cut_off(call)
    if digit.upper() in assumed(verb, "terminating_digits").upper():
        _has_gathered(engine, call, gathering, terminating_digit=digit)
        return True
    gathering.digits += digit
    if len(gathering.digits) >= assumed(verb, "max_digits"):
        _has_gathered(engine, call, gathering)
        return True
    engine.plan(call, float(assumed(verb, "inter_digit_timeout")), _no_more_came)
    return True


def _no_more_came(engine: Engine, call: Call, _: Any) -> None:
    if isinstance(call.activity, Gathering):
        _has_gathered(engine, call, call.activity)


# Speech


def _somebody_speaks(engine: Engine, call: Call, words: str) -> None:
    """Whoever speaks is let finish: no timeout and no prompt cuts in (inferred)."""
    gathering = call.activity
    if not isinstance(gathering, Gathering) or assumed(gathering.verb, "input") == "dtmf":
        return
    gathering.prompt = len(gathering.verb)
    call.turn += 1
    engine.cut_off(call)
    url = gathering.verb.partial_result_callback
    there = url and resolve(call.base_url, url)
    if there:
        method = gathering.verb.partial_result_callback_method
        to = Targets(target(there, method, gathering.verb.username, gathering.verb.password))
        seconds, every = engine.spoken(words), engine.settings.partial_seconds
        for index in range(1, int(seconds / every + 0.999)):
            said = words.split()[: max(int(len(words.split()) * index * every / seconds), 1)]
            text = _filtered(engine, gathering.verb, " ".join(said))
            engine.plan(call, index * every, _reports_in_part, (to, text))


def _reports_in_part(engine: Engine, call: Call, part: tuple[Targets, str]) -> None:
    engine.send(call, engine.event(call, PartialGatherEvent, text=part[1]), part[0])


def _hears_speech(engine: Engine, call: Call, gathering: Gathering, words: str, _: float) -> None:
    if assumed(gathering.verb, "input") != "dtmf":
        engine.cut_off(call)  # whoever spoke before the Gather began has not stopped its prompts
        _has_gathered(engine, call, gathering, text=_filtered(engine, gathering.verb, words))


def _filtered(engine: Engine, verb: Gather, words: str) -> str:
    """The transcript, without profanity unless it is asked for."""
    if not assumed(verb, "profanity_filter"):
        return words

    def masked(found: re.Match[str]) -> str:
        word = found[0]
        rude = word.lower() in engine.settings.profanities
        return word[0] + "*" * (len(word) - 1) if rude else word

    return re.sub(r"\w+", masked, words)


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
    there = engine.targets(call, verb, "gather")
    if there:
        call.turn += 1
        event = engine.event(
            call,
            GatherEvent,
            digits=gathering.digits,
            terminating_digit=terminating_digit,
            text=None if assumed(verb, "input") == "dtmf" else text,
        )
        engine.fetch(call, event, there)


# StartGather


def _starts(engine: Engine, call: Call, verb: StartGather) -> None:
    engine.retag(call, verb.tag)
    there = targets_of(verb, "dtmf", call.base_url)
    if there is None:
        words = f"the document was pushed, so the relative URL {verb.dtmf_url!r} leads nowhere"
        engine.note(call, "note", words)
    call.digits_to = there


def _stops(_: Engine, call: Call, __: StopGather) -> None:
    call.digits_to = None


def _reports(engine: Engine, call: Call, _: Any, digit: str) -> bool:
    if call.digits_to:
        engine.send(call, engine.event(call, DtmfEvent, digit=digit), call.digits_to)
    return True


Engine.performs.update({Gather: _gathers, StartGather: _starts, StopGather: _stops})
Engine.on_key.update({Gathering: _takes_key, type(None): _reports})
Engine.on_speech_begins[Gathering] = _somebody_speaks
Engine.on_speech[Gathering] = _hears_speech
