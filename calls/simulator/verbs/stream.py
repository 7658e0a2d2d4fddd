"""What is sent on while a call goes on: its audio (``StartStream``), its words (``StartTranscription``)."""

from datetime import timedelta
from typing import Any

import msgspec

from bxml.verbs import StartStream, StartTranscription, StopStream, StopTranscription
from calls._wire import wire
from calls.events import (
    MediaStream,
    MediaStreamRejectedEvent,
    MediaStreamStartedEvent,
    MediaStreamStoppedEvent,
    RealTimeTranscription,
    RealTimeTranscriptionAvailableEvent,
    RealTimeTranscriptionRejectedEvent,
    RealTimeTranscriptionStartedEvent,
    RealTimeTranscriptionStoppedEvent,
)
from calls.simulator.engine import Engine
from calls.simulator.errands import Closing, Opening, Sending
from calls.simulator.sound import outgoing_seconds, pcmu
from calls.simulator.state import AwaitingStream, Call, Sound, Stream
from calls.simulator.targets import targets_of
from calls.simulator.verbs.assumed import assumed
from calls.sockets import (
    ClearMessage,
    InvalidMessage,
    MediaFormat,
    PlayAudioMessage,
    StreamMedia,
    StreamMetadata,
    StreamStart,
    StreamStop,
    StreamTrack,
    TranscriptionItem,
    TranscriptionMetadata,
    TranscriptionResult,
    TranscriptionStart,
    TranscriptionStop,
    TranscriptionTrack,
    parse_outgoing,
)

MOST_TRACKS = 4
"""Tracks that a call may stream at once, and transcribe at once (documented)."""

PCMU = MediaFormat(encoding="PCMU", sample_rate=8000)

_EVENTS: dict[type, tuple[str, str, Any, Any, Any]] = {
    StartStream: (
        "media_stream",
        "original_media_stream",
        MediaStreamStartedEvent,
        MediaStreamRejectedEvent,
        MediaStreamStoppedEvent,
    ),
    StartTranscription: (
        "real_time_transcription",
        "original_transcription",
        RealTimeTranscriptionStartedEvent,
        RealTimeTranscriptionRejectedEvent,
        RealTimeTranscriptionStoppedEvent,
    ),
}
"""For each verb the field that says which, that of the one with the same name, and its events."""


# Beginning


def _starts(engine: Engine, call: Call, verb: StartStream | StartTranscription) -> None:
    is_stream = isinstance(verb, StartStream)
    stem = "stream_event" if is_stream else "transcription_event"
    url = getattr(verb, f"{stem}_url")
    stream_id = engine.new_id("s-" if is_stream else "t-")
    tracks = assumed(verb, "tracks")
    stream = Stream(
        id=stream_id,
        name=verb.name or stream_id,
        verb=verb,
        tracks=("inbound", "outbound") if tracks == "both" else (tracks,),
        events=targets_of(verb, stem, call.base_url) if url else None,
        started=engine.now,
    )
    same = [each for each in call.streams.values() if type(each.verb) is type(verb)]
    namesake = next((each for each in same if each.name == stream.name), None)
    if namesake is not None:
        words = f"A {_kind(stream)} with the name {stream.name} already exists"
        _is_rejected(engine, call, stream, "duplicate", words, namesake)
    elif sum(len(each.tracks) for each in same) + len(stream.tracks) > MOST_TRACKS:
        words = f"More than {MOST_TRACKS} tracks on one call"
        _is_rejected(engine, call, stream, "track-limit", words)
    else:
        call.streams[stream.id] = stream
        engine.streams[stream.id] = call, stream
        engine.note(call, "stream", f"{_kind(stream)} {stream.name} begins")
        if verb.destination is not None:
            login = (
                (verb.destination_username, verb.destination_password)
                if isinstance(verb, StartStream)
                else (None, None)
            )
            engine.outgoing.append(Opening(stream.id, verb.destination, *login))


def _kind(stream: Stream) -> str:
    return "stream" if isinstance(stream.verb, StartStream) else "real-time transcription"


def _part(engine: Engine, stream: Stream, *, is_over: bool = False) -> Any:
    told: dict[str, Any] = {
        "id": stream.id,
        "name": stream.name,
        "destination": stream.verb.destination,
        "start_time": engine.time(stream.started),
        "tracks": stream.tracks,
    }
    if is_over:
        told["duration"] = timedelta(seconds=round(engine.now - stream.started, 3))
    if isinstance(stream.verb, StartStream):
        return MediaStream(**told, type="WebSocket")
    stabilized = assumed(stream.verb, "stabilized") if stream.has_socket else None
    return RealTimeTranscription(**told, stabilized=stabilized)


def _tell(engine: Engine, call: Call, stream: Stream, cls: Any, **more: Any) -> None:
    if stream.events:
        engine.send(call, engine.event(call, cls, **more), stream.events)


def _is_rejected(  # noqa: PLR0917  # what the event says, in its order
    engine: Engine,
    call: Call,
    stream: Stream,
    cause: str,
    words: str,
    namesake: Stream | None = None,
) -> None:
    engine.note(call, "stream", f"{_kind(stream)} {stream.name} is rejected: {cause} ({words})")
    which, original, _, rejected, _ = _EVENTS[type(stream.verb)]
    more = {which: _part(engine, stream)}
    if namesake:
        more[original] = _part(engine, namesake)
    _tell(engine, call, stream, rejected, cause=cause, error_message=words, **more)


def _is_opened(engine: Engine, stream: Stream, call: Call, trouble: str | None) -> None:
    if stream.is_over:
        if trouble is None:
            engine.outgoing.append(Closing(stream.id))
        return
    if trouble is not None:
        _forget(engine, call, stream)
        _is_rejected(engine, call, stream, "connection-error", trouble)
        _let_go_on(engine, call, stream)
        return
    stream.is_open = True
    which, _, started, _, _ = _EVENTS[type(stream.verb)]
    _say(engine, stream, _first(engine, call, stream))
    _tell(engine, call, stream, started, **{which: _part(engine, stream)})
    if isinstance(stream.verb, StartStream) and engine.sends_media:
        engine.plan_anyway(call, _frame_seconds(engine), _sends_media, stream)


def _say(engine: Engine, stream: Stream, message: Any) -> None:
    engine.outgoing.append(Sending(stream.id, wire(message).decode()))


def _first(engine: Engine, call: Call, stream: Stream) -> Any:
    params = {each.name: each.value for each in stream.verb}
    if isinstance(stream.verb, StartStream):
        return StreamStart(metadata=_metadata(engine, call, stream), stream_params=params)
    return TranscriptionStart(metadata=_metadata(engine, call, stream), custom_params=params)


def _metadata(engine: Engine, call: Call, stream: Stream) -> Any:
    if isinstance(stream.verb, StartStream):
        return StreamMetadata(
            call_id=call.id,
            stream_id=stream.id,
            account_id=engine.account_id,
            stream_name=stream.name,
            tracks=tuple(StreamTrack(name=each, media_format=PCMU) for each in stream.tracks),
        )
    return TranscriptionMetadata(
        call_id=call.id,
        real_time_transcription_id=stream.id,
        account_id=engine.account_id,
        transcription_name=stream.name,
        tracks=tuple(TranscriptionTrack(name=each) for each in stream.tracks),
        stabilized_as_sent=assumed(stream.verb, "stabilized"),
    )


# The audio


def _frame_seconds(engine: Engine) -> float:
    return engine.settings.media_milliseconds / 1000


def _sends_media(engine: Engine, call: Call, stream: Stream) -> None:
    if stream.is_over:
        return
    seconds = _frame_seconds(engine)
    for track in stream.tracks:
        stream.sent += 1
        sounding = call.saying if track == "inbound" else call.sound or stream.playing
        payload = pcmu(seconds, silent=not sounding)
        number = str(stream.sent)
        media = StreamMedia(track=track, payload=payload, sequence_number_as_sent=number)
        engine.outgoing.append(Sending(stream.id, msgspec.json.encode(media).decode()))
    engine.plan_anyway(call, seconds, _sends_media, stream)


def _receives(engine: Engine, stream: Stream, call: Call, text: str) -> None:
    if stream.is_over:
        return
    if not isinstance(stream.verb, StartStream) or stream.verb.mode != "bidirectional":
        engine.note(call, "stream", f"{stream.name} has sent something, and nobody listens")
        return
    try:
        message = parse_outgoing(text)
        seconds = outgoing_seconds(message) if isinstance(message, PlayAudioMessage) else 0.0
    except InvalidMessage as error:
        engine.note(call, "stream", f"{stream.name} has sent what cannot be read: {error}")
        return
    match message:
        case PlayAudioMessage():
            stream.playing.append((seconds, f"[audio of {stream.name}, {seconds:g} s]"))
            if len(stream.playing) == 1:
                _plays_next(engine, call, stream)
        case ClearMessage():
            _falls_silent(engine, call, stream)
        case _:
            engine.note(call, "stream", f"{stream.name} has sent what is not known")


def _plays_next(engine: Engine, call: Call, stream: Stream) -> None:
    seconds, words = stream.playing[0]
    engine.note(call, "hears", words)
    stream.sound = Sound(words, engine.now, seconds)
    call.sounds.append(stream.sound)
    engine.plan_anyway(call, seconds, _has_played, (stream, stream.sound))


def _falls_silent(engine: Engine, call: Call, stream: Stream) -> None:
    """Throw away what is queued, and cut off what is being played of it."""
    sound, stream.sound = stream.sound, None
    stream.playing.clear()
    if sound is not None:
        sound.ended = engine.now
        engine.note(call, "cut off", sound.words)
        engine.sounded(call, "outbound", sound.at, engine.now, sound.words)


def _has_played(engine: Engine, call: Call, played: tuple[Stream, Sound]) -> None:
    stream, sound = played
    if stream.sound is not sound:
        return
    sound.ended, stream.sound = engine.now, None
    stream.playing.pop(0)
    engine.sounded(call, "outbound", sound.at, engine.now, sound.words)
    if stream.playing:
        _plays_next(engine, call, stream)


# The words


def _listens(  # noqa: PLR0917  # what every listener is told
    engine: Engine, call: Call, track: str, start: float, end: float, words: str
) -> None:
    for stream in call.streams.values():
        if isinstance(stream.verb, StartTranscription) and track in stream.tracks:
            stream.sent += 1
            if stream.is_open:
                _transcribes(engine, stream, track, start, end, words)


def _transcribes(  # noqa: PLR0917  # what a result says
    engine: Engine, stream: Stream, track: str, start: float, end: float, words: str
) -> None:
    said = words.split()
    if not said:
        return
    if not assumed(stream.verb, "stabilized"):
        half = said[: max(len(said) // 2, 1)]
        until = start + (end - start) * len(half) / len(said)
        _say(engine, stream, _result(engine, stream, track, start, until, half, is_partial=True))
    _say(engine, stream, _result(engine, stream, track, start, end, said, is_partial=False))


def _result(  # noqa: PLR0917  # what a result says
    engine: Engine,
    stream: Stream,
    track: str,
    start: float,
    end: float,
    said: list[str],
    *,
    is_partial: bool,
) -> TranscriptionResult:
    each = (end - start) / len(said)
    items = tuple(
        TranscriptionItem(
            content=word,
            start_time_as_sent=_stamp(engine, start + index * each),
            end_time_as_sent=_stamp(engine, start + (index + 1) * each),
            confidence=1.0,
            stable=not is_partial,
            type="PRONUNCIATION",
        )
        for index, word in enumerate(said)
    )
    languages = getattr(stream.verb, "preferred_languages", None) or ("en-US",)
    return TranscriptionResult(
        track=track,
        transcript=" ".join(said),
        is_partial=is_partial,
        start_time_as_sent=_stamp(engine, start),
        end_time_as_sent=_stamp(engine, end),
        language=next(iter(languages)),
        items=items,
    )


def _stamp(engine: Engine, at: float) -> str:
    return str(engine.time(at).isoformat(timespec="milliseconds").replace("+00:00", "Z"))


# The end


def _stop(
    engine: Engine, call: Call, stream: Stream, cause: str = "closed", words: str | None = None
) -> None:
    """End a stream: the application is told over the socket and by a webhook."""
    _forget(engine, call, stream)
    if stream.is_open and cause == "closed":
        cls: Any = StreamStop if isinstance(stream.verb, StartStream) else TranscriptionStop
        _say(engine, stream, cls(metadata=_metadata(engine, call, stream)))
    if stream.has_socket and cause == "closed":
        engine.outgoing.append(Closing(stream.id))
    _is_stopped(engine, call, stream, cause, words)


def _is_stopped(engine: Engine, call: Call, stream: Stream, cause: str, words: str | None) -> None:
    engine.note(call, "stream", f"{_kind(stream)} {stream.name} ends: {cause}")
    which, _, _, _, stopped = _EVENTS[type(stream.verb)]
    if stream.is_open:
        part = _part(engine, stream, is_over=True)
        _tell(engine, call, stream, stopped, cause=cause, error_message=words, **{which: part})
    if isinstance(stream.verb, StartTranscription):
        after = engine.settings.transcript_seconds
        engine.plan_anyway(None, after, _is_available, (call, stream))
    _let_go_on(engine, call, stream)


def _forget(engine: Engine, call: Call, stream: Stream) -> None:
    _falls_silent(engine, call, stream)
    stream.is_over = True
    call.streams.pop(stream.id, None)
    engine.streams.pop(stream.id, None)


def _let_go_on(engine: Engine, call: Call, stream: Stream) -> None:
    if call.activity == AwaitingStream(stream.id) and not call.is_over:
        engine.carry_on(call)


def _is_available(engine: Engine, _: Any, made: tuple[Call, Stream]) -> None:
    call, stream = made
    told = _part(engine, stream)
    part = RealTimeTranscription(
        id=told.id,
        name=told.name,
        destination=told.destination,
        start_time=told.start_time,
        tracks=told.tracks,
        stabilized=told.stabilized,
        status="available",
        url=f"{engine.calls_url}/{call.id}/transcriptions/{stream.id}",
        completed_time=engine.time(engine.now),
    )
    cls = RealTimeTranscriptionAvailableEvent
    _tell(engine, call, stream, cls, real_time_transcription=part)


def _is_closed(engine: Engine, stream: Stream, call: Call, trouble: str | None) -> None:
    """The application has closed the socket, or lost it."""
    if stream.is_over:
        return
    _forget(engine, call, stream)
    cause = "closed" if trouble is None else "connection-error"
    _is_stopped(engine, call, stream, cause, trouble)


def _find(call: Call, verb: Any, started_by: type) -> list[Stream]:
    return [
        each
        for each in call.streams.values()
        if isinstance(each.verb, started_by) and verb.name in (None, each.name, each.id)
    ]


def _stops_stream(engine: Engine, call: Call, verb: StopStream) -> None:
    for stream in _find(call, verb, StartStream):
        if assumed(verb, "wait"):
            call.activity = AwaitingStream(stream.id)
            engine.note(call, "silence", f"until the stream {stream.name} ends")
        else:
            _stop(engine, call, stream)


def _stops_transcription(engine: Engine, call: Call, verb: StopTranscription) -> None:
    for stream in _find(call, verb, StartTranscription):
        _stop(engine, call, stream)


def _ends_with_the_call(engine: Engine, call: Call) -> None:
    for stream in list(call.streams.values()):
        _stop(engine, call, stream)


Engine.performs.update(
    {
        StartStream: _starts,
        StartTranscription: _starts,
        StopStream: _stops_stream,
        StopTranscription: _stops_transcription,
    }
)
Engine.on_end.append(_ends_with_the_call)
Engine.listeners.append(_listens)
Engine.stream_opened = _is_opened
Engine.stream_received = _receives
Engine.stream_closed = _is_closed
