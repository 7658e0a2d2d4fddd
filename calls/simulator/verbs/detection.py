"""Machine detection: whether a person or a machine has answered an outbound call."""

from datetime import timedelta
from typing import Any, NamedTuple

from calls.events import AnswerEvent, MachineDetectionCompleteEvent, MachineDetectionResult
from calls.models import MachineDetection
from calls.simulator.engine import Engine
from calls.simulator.errands import Targets
from calls.simulator.state import Call
from calls.simulator.targets import target
from calls.simulator.verbs.assumed import assumed

TONE_SECONDS = 1.0
"""How long after its greeting a machine's tone is heard."""


LONGEST_SECONDS = 86_400.0


class Finding(NamedTuple):
    """What was found, and how long that took."""

    value: str
    seconds: float


def _setting(detection: MachineDetection, name: str) -> float:
    value = assumed(detection, name)
    # No range is documented; nobody listens for longer than a call lasts.
    return 0.0 if value is None else min(max(float(value), 0.0), LONGEST_SECONDS)


def find(engine: Engine, call: Call, detection: MachineDetection) -> Finding:
    """Who answers, by the thresholds (documented); the whole of it within the timeout."""
    party = call.party
    spoken = engine.spoken(party.greeting) if party.greeting else 0.0
    threshold = _setting(detection, "speech_threshold")
    silence = _setting(detection, "speech_end_threshold")
    of_machines = detection.machine_speech_end_threshold
    machine_silence = (
        silence if of_machines is None else _setting(detection, "machine_speech_end_threshold")
    )
    if not spoken:
        found = Finding("silence", _setting(detection, "silence_timeout"))
    elif party.machine:
        tone = spoken + TONE_SECONDS if party.beeps else float("inf")
        ends = min(tone, spoken + machine_silence)
        heard_tone = ends == tone and engine.settings.tone_detection
        if detection.delay_result or ends <= threshold:
            found = Finding("tone-detected" if heard_tone else "answering-machine", ends)
        else:
            found = Finding("answering-machine", threshold)
    elif spoken >= threshold:
        # Speech this long is taken for a machine's, whoever speaks (documented).
        late = detection.delay_result
        found = Finding("answering-machine", spoken + machine_silence if late else threshold)
    else:
        found = Finding("human", spoken + silence)
    most = _setting(detection, "detection_timeout")
    if found.seconds <= most:
        return found
    # Held back only until the whole time is over; what is known by then is told (documented).
    known = found.value == "answering-machine" and detection.delay_result and threshold <= most
    return Finding("answering-machine" if known else "timeout", most)


def _detects(engine: Engine, call: Call) -> bool:
    """Begin to detect. Whether the answer webhook waits for the result."""
    detection = call.detection
    if detection is None:
        return False
    found = find(engine, call, detection)
    engine.note(call, "note", f"machine detection: {found.value} after {found.seconds:g} s")
    result = MachineDetectionResult(value=found.value, duration=timedelta(seconds=found.seconds))
    if detection.mode == "sync":
        engine.plan(call, found.seconds, _answers, result)
        return True
    if detection.callback_url:
        engine.plan_anyway(call, found.seconds, _completes, result)
    return False


def _answers(engine: Engine, call: Call, result: MachineDetectionResult) -> None:
    if call.answer:
        event = engine.event(call, AnswerEvent, machine_detection_result=result)
        engine.fetch(call, event, call.answer)


def _completes(engine: Engine, call: Call, result: MachineDetectionResult) -> None:
    event = engine.event(call, MachineDetectionCompleteEvent, machine_detection_result=result)
    engine.send(call, event, _callbacks(call.detection))


def _callbacks(detection: Any) -> Targets:
    first = target(
        detection.callback_url, detection.callback_method, detection.username, detection.password
    )
    second = detection.fallback_url and target(
        detection.fallback_url,
        detection.fallback_method,
        detection.fallback_username,
        detection.fallback_password,
    )
    return Targets(first, second or None)


Engine.detects = _detects
