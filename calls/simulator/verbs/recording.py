"""``Record``, and ``StartRecording`` with what pauses, resumes and stops it."""

from datetime import timedelta
from typing import Any

from bxml.verbs import PauseRecording, Record, ResumeRecording, StartRecording, StopRecording
from calls.events import (
    ConferenceRecordingAvailableEvent,
    RecordCompleteEvent,
    RecordingAvailableEvent,
    Transcription,
    TranscriptionAvailableEvent,
)
from calls.simulator.engine import Engine
from calls.simulator.errands import Targets
from calls.simulator.state import Call, Recording, RecordingCall, Room, Said
from calls.simulator.targets import targets_of
from calls.simulator.verbs.assumed import assumed

SHORTEST_TRANSCRIBED, LONGEST_TRANSCRIBED = 0.5, 4 * 3600.0
"""Seconds between which a recording can be transcribed (documented)."""


def _new(
    engine: Engine, owner: Call | Room, verb: Record | StartRecording, channels: int
) -> Recording:
    recording_id = engine.new_id("r-")
    base = engine.calls_url
    if isinstance(owner, Room):
        base = base.removesuffix("calls") + "conferences"
    recording = Recording(
        id=recording_id,
        call_id=owner.id if isinstance(owner, Call) else "",
        conference_id=owner.id if isinstance(owner, Room) else None,
        channels=channels,
        file_format=assumed(verb, "file_format"),
        name=verb.recording_name,
        started=engine.now,
        media_url=f"{base}/{owner.id}/recordings/{recording_id}/media",
        since=engine.now,
        told=_told(engine, owner, verb, "recording_available"),
    )
    if isinstance(owner, Call) and assumed(verb, "transcribe"):
        recording.heard = _told(engine, owner, verb, "transcription_available")
    engine.recordings[recording_id] = recording
    return recording


def _told(engine: Engine, owner: Call | Room, verb: Any, stem: str) -> Targets | None:
    """Who is told of a recording. URLs are those of the document that began it."""
    url = getattr(verb, f"{stem}_url")
    told = targets_of(verb, stem, owner.base_url) if url else None
    if url and told is None:
        engine.note(owner, "note", f"the relative URL {url!r} of a pushed document leads nowhere")
    return told


def keep(recording: Recording | None, track: str, start: float, end: float, words: str) -> None:
    """Put what was heard into a recording, so far as it was recording then."""
    if recording is not None:
        recording.said.append(Said(track, start, end, words))


def _pause(engine: Engine, recording: Recording) -> None:
    if recording.since is not None:
        recording.spans.append((recording.since, engine.now))
        recording.since = None


def _end(engine: Engine, owner: Call | Room, recording: Recording) -> None:
    """End a recording. When its file is there, whoever wants to know is told, also after the call."""
    if isinstance(owner, Call) and owner.saying is not None:
        since, words = owner.saying
        keep(recording, "inbound", since, engine.now, words)
    _pause(engine, recording)
    recording.ended = engine.now
    engine.note(owner, "recording", f"ends: {recording.id}, {recording.seconds:g} s")
    after = engine.settings.recording_seconds
    engine.plan_anyway(None, after, _is_available, (owner, recording))
    if recording.heard:
        after += engine.settings.transcript_seconds
        engine.plan_anyway(None, after, _is_transcribed, (owner, recording))


def _facts(engine: Engine, recording: Recording) -> dict[str, Any]:
    return {
        "start_time": engine.time(recording.started),
        "end_time": engine.time(recording.ended),
        "recording_id": recording.id,
        "media_url": recording.media_url,
        "duration": timedelta(seconds=round(recording.seconds, 3)),
        "file_format": recording.file_format,
    }


def _is_available(engine: Engine, _: Any, made: tuple[Call | Room, Recording]) -> None:
    owner, recording = made
    recording.status, told = "complete", recording.told
    if told is None:
        return
    more: dict[str, Any] = {"channels": recording.channels, "status": recording.status}
    if isinstance(owner, Room):
        event = ConferenceRecordingAvailableEvent(
            event_time=engine.time(engine.now),
            conference_id=owner.id,
            name=owner.name,
            tag=owner.tag,
            account_id=engine.account_id,
            **_facts(engine, recording),
            **more,
        )
        engine.send(owner, event, told)
        return
    more["recording_name"] = recording.name
    facts = {**_facts(engine, recording), "answer_time": None}  # it has none (documented)
    engine.send(owner, engine.event(owner, RecordingAvailableEvent, **facts, **more), told)


def _is_transcribed(engine: Engine, _: Any, made: tuple[Call, Recording]) -> None:
    call, recording = made
    status, told = "available", recording.heard
    if told is None:
        return
    if recording.seconds <= SHORTEST_TRANSCRIBED:
        status = "file-size-too-small"
    elif recording.seconds >= LONGEST_TRANSCRIBED:
        status = "file-size-too-big"
    transcription = Transcription(
        id=engine.new_id("t-"),
        url=recording.media_url.removesuffix("media") + "transcription",
        status=status,
        completed_time=engine.time(engine.now),
    )
    facts = {**_facts(engine, recording), "answer_time": None}
    event = engine.event(call, TranscriptionAvailableEvent, **facts, transcription=transcription)
    engine.send(call, event, told)


# Record


def _records(engine: Engine, call: Call, verb: Record) -> None:
    engine.retag(call, verb.tag)
    recording = _new(engine, call, verb, channels=1)
    engine.note(call, "recording", f"Record begins: {recording.id}")
    call.activity = RecordingCall(verb, recording)
    engine.plan(call, float(assumed(verb, "max_duration")), _is_long_enough)
    if call.saying is None:
        _waits_for_speech(engine, call, call.activity)


def _waits_for_speech(engine: Engine, call: Call, activity: RecordingCall) -> None:
    silence = float(assumed(activity.verb, "silence_timeout"))
    if silence > 0:
        engine.plan(call, silence, _is_silent, activity.quiet)


def _is_silent(engine: Engine, call: Call, quiet: int) -> None:
    activity = call.activity
    if isinstance(activity, RecordingCall) and activity.quiet == quiet:
        _is_long_enough(engine, call, None)


def _somebody_speaks(_: Engine, call: Call, __: str) -> None:
    if isinstance(call.activity, RecordingCall):
        call.activity.quiet += 1


def _has_spoken(engine: Engine, call: Call, activity: RecordingCall, _: str, __: float) -> None:
    _waits_for_speech(engine, call, activity)


def _takes_key(engine: Engine, call: Call, activity: RecordingCall, digit: str) -> bool:
    Engine.on_key[type(None)](engine, call, None, digit)  # StartGather is paused by Gather only
    if digit.upper() in assumed(activity.verb, "terminating_digits").upper():
        _is_long_enough(engine, call, None)
    return True


def _is_long_enough(engine: Engine, call: Call, _: Any) -> None:
    """The recording is over and the call is not: its URL is asked what to do next."""
    activity = call.activity
    if not isinstance(activity, RecordingCall):
        return
    verb, recording = activity.verb, activity.recording
    call.activity = None
    call.turn += 1
    _end(engine, call, recording)
    if verb.record_complete_url is None:
        engine.carry_on(call)
        return
    if there := engine.targets(call, verb, "record_complete"):
        facts = {**_facts(engine, recording), "channels": recording.channels}
        engine.fetch(call, engine.event(call, RecordCompleteEvent, **facts), there)


def _is_broken_off(engine: Engine, call: Call, activity: RecordingCall) -> None:
    """Recorded so far is kept. recordComplete is not sent if the call hung up (documented)."""
    _end(engine, call, activity.recording)


# StartRecording


def start_recording(
    engine: Engine, owner: Call | Room, verb: StartRecording, base_url: str | None
) -> None:
    """Begin to record in the background. Only one may be active; a second one is ignored."""
    if owner.recording is not None:
        engine.note(owner, "note", "is recorded already, so StartRecording is ignored")
        return
    both = isinstance(owner, Call) and bool(assumed(verb, "multi_channel"))
    if isinstance(owner, Room):
        owner.base_url = base_url
    owner.recording = _new(engine, owner, verb, channels=2 if both else 1)
    engine.note(owner, "recording", f"StartRecording begins: {owner.recording.id}")


def pause_recording(engine: Engine, owner: Call | Room) -> None:
    """Pause what is being recorded. No effect when nothing is (documented)."""
    if owner.recording is not None and owner.recording.since is not None:
        _pause(engine, owner.recording)
        engine.note(owner, "recording", f"is paused: {owner.recording.id}")


def resume_recording(engine: Engine, owner: Call | Room) -> None:
    """Go on recording. No effect when nothing is paused (documented)."""
    if owner.recording is not None and owner.recording.since is None:
        owner.recording.since = engine.now
        engine.note(owner, "recording", f"is resumed: {owner.recording.id}")


def stop_recording(engine: Engine, owner: Call | Room) -> None:
    """End what is being recorded, paused or not."""
    recording, owner.recording = owner.recording, None
    if recording is not None:
        _end(engine, owner, recording)


def _starts(engine: Engine, call: Call, verb: StartRecording) -> None:
    if call.recording is None:
        engine.retag(call, verb.tag)
    start_recording(engine, call, verb, call.base_url)


def _listens(_: Engine, call: Call, track: str, start: float, end: float, words: str) -> None:
    if call.recording is not None:
        keep(call.recording, track, start, end, words)
    # Record takes one party only: what the platform receives (documented).
    if isinstance(call.activity, RecordingCall) and track == "inbound":
        keep(call.activity.recording, track, start, end, words)


Engine.performs.update(
    {
        PauseRecording: lambda engine, call, _: pause_recording(engine, call),
        Record: _records,
        ResumeRecording: lambda engine, call, _: resume_recording(engine, call),
        StartRecording: _starts,
        StopRecording: lambda engine, call, _: stop_recording(engine, call),
    }
)
Engine.breaks[RecordingCall] = _is_broken_off
Engine.on_key[RecordingCall] = _takes_key
Engine.on_speech_begins[RecordingCall] = _somebody_speaks
Engine.on_speech[RecordingCall] = _has_spoken
Engine.on_end.append(stop_recording)
Engine.listeners.append(_listens)
