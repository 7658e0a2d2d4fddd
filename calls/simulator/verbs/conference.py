"""``Conference``: members, their events, and the documents of the conference itself."""

from typing import Any

from bxml.document import Document
from bxml.errors import ParseError
from bxml.verbs import (
    Conference,
    PauseRecording,
    PlayAudio,
    ResumeRecording,
    SpeakSentence,
    StartRecording,
    StopRecording,
)
from calls.events import (
    ConferenceCompletedEvent,
    ConferenceCreatedEvent,
    ConferenceMemberExitEvent,
    ConferenceMemberJoinEvent,
    ConferenceRedirectEvent,
)
from calls.simulator.engine import Engine
from calls.simulator.errands import Answered, Delivery, Targets, Unanswered
from calls.simulator.replies import barred_in_conference, document_in, in_lines, why
from calls.simulator.state import Call, Conferring, Room, Sound
from calls.simulator.verbs.assumed import assumed
from calls.simulator.verbs.audio import unplayable, words_of
from calls.simulator.verbs.recording import (
    keep,
    pause_recording,
    resume_recording,
    start_recording,
    stop_recording,
)

MOST_MEMBERS = 20
"""Calls in a conference (documented)."""

LONGEST_SECONDS = 86_400.0
"""How long a conference lasts (documented)."""


def _joins(engine: Engine, call: Call, verb: Conference) -> None:
    engine.retag(call, verb.tag)
    name = verb.text.strip()
    room = engine.rooms.get(name)
    is_new = room is None
    if room is None:
        events = None
        if verb.conference_event_url is not None:
            events = engine.targets(call, verb, "conference_event")
            if events is None:
                return
        timeout = verb.callback_timeout
        room = Room(
            id=engine.new_id("conf-"),
            name=name,
            created=engine.now,
            verb=verb,
            events=events,
            tag=call.tag,
            timeout=call.callback_timeout if timeout is None else float(timeout),
            base_url=call.base_url,
        )
        engine.conferences[room.id] = engine.rooms[name] = room
        engine.note(room, "conference", f"{name} is created")
        engine.plan_anyway(room, LONGEST_SECONDS, _is_too_old)
    if len(room.members) >= MOST_MEMBERS:
        words = f"the conference {name} has {MOST_MEMBERS} members already"
        engine.hang_up(call, "application-error", words)
        return
    coaches = tuple(verb.call_ids_to_coach or ())
    if coaches and any(_place(engine, each).coaches for each in room.members):
        engine.note(call, "note", f"{name} has a coach already, so this one is an ordinary member")
        coaches = ()
    mute, hold = bool(assumed(verb, "mute")), bool(assumed(verb, "hold"))
    call.activity = Conferring(room.id, mute, hold, coaches)
    room.members.append(call.id)
    manner = [
        *(["muted"] if mute else []),
        *(["on hold"] if hold else []),
        *([f"coaching {', '.join(coaches)}"] if coaches else []),
    ]
    how = f" ({', '.join(manner)})" if manner else ""
    engine.note(call, "conference", f"joins {name}{how}")
    if room.events:
        if is_new:
            engine.send(room, ConferenceCreatedEvent(**_common(engine, room)), room.events)
        engine.send(room, _member_event(engine, room, call, ConferenceMemberJoinEvent), room.events)


def _place(engine: Engine, call_id: str) -> Any:
    return engine.calls[call_id].activity


def _common(engine: Engine, room: Room) -> dict[str, Any]:
    return {
        "event_time": engine.time(engine.now),
        "conference_id": room.id,
        "name": room.name,
        "tag": room.tag,
    }


def _member_event(engine: Engine, room: Room, call: Call, cls: Any) -> Any:
    member = {"call_id": call.id, "from_": call.from_, "to": call.to}
    return cls(**_common(engine, room), **member)


def _leaves(engine: Engine, call: Call, conferring: Conferring) -> None:
    room = engine.conferences.get(conferring.conference_id)
    if room is None:
        return
    room.members.remove(call.id)
    engine.note(call, "conference", f"leaves {room.name}")
    if room.events:
        engine.send(room, _member_event(engine, room, call, ConferenceMemberExitEvent), room.events)
    if not room.members:
        _completes(engine, room)


def _completes(engine: Engine, room: Room) -> None:
    _falls_silent(room)
    stop_recording(engine, room)
    engine.note(room, "conference", f"{room.name} is over")
    if room.events:
        event = ConferenceCompletedEvent(**_common(engine, room))
        engine.send(room, event, Targets(room.events.main))
    engine.room_is_over(room)


def _is_too_old(engine: Engine, room: Room, _: Any) -> None:
    end_conference(engine, room)


def end_conference(engine: Engine, room: Room) -> None:
    """End a conference: its members go on with the verb after theirs (documented)."""
    for call in [engine.calls[member] for member in room.members]:
        conferring, call.activity = call.activity, None
        if isinstance(conferring, Conferring):
            _leaves(engine, call, conferring)
        engine.carry_on(call)


# Who hears whom


def _talks(engine: Engine, call: Call, conferring: Conferring, words: str, since: float) -> None:
    room = engine.conferences.get(conferring.conference_id)
    if room is None or conferring.mute or conferring.hold:
        return
    for other in [engine.calls[member] for member in room.members if member != call.id]:
        place = other.activity
        if not isinstance(place, Conferring) or place.hold:
            continue
        # A coach is heard by those who are coached, and by nobody else (documented).
        if not conferring.coaches or other.id in conferring.coaches:
            engine.told(other, words, since)
    keep(room.recording, "inbound", since, engine.now, words)


# Its documents


def push_conference(
    engine: Engine, room: Room, document: Document, base_url: str | None = None
) -> None:
    """Queue a document; documents run in order of arrival, without overlap (documented)."""
    room.waiting.extend((verb, base_url) for verb in document)
    if room.playing is None:
        _performs_next(engine, room, None)


def redirect_conference(engine: Engine, room: Room, there: Targets) -> None:
    """Ask a URL for a document of the conference."""
    engine.send(room, ConferenceRedirectEvent(**_common(engine, room)), there)


def _takes_reply(
    engine: Engine, room: Room, delivery: Delivery, outcome: Answered | Unanswered
) -> None:
    if not isinstance(outcome, Answered) or not 200 <= outcome.status < 300:
        # What the platform does then is not documented; the conference goes on here.
        engine.note(room, "note", why(delivery, outcome))
        return
    if room.is_over or not outcome.content.strip():
        return
    try:
        document = document_in(outcome.content)
    except ParseError as error:
        engine.note(room, "note", f"the document is rejected: {in_lines(error)}")
        return
    if barred := barred_in_conference(document):
        words = f"the document is rejected: {barred} is not allowed in a conference"
        engine.note(room, "note", words)
        return
    push_conference(engine, room, document, delivery.target.url)


def _performs_next(engine: Engine, room: Room, _: Any) -> None:
    """Perform what waits, until something takes time. A verb that fails is skipped (documented)."""
    room.playing = None
    while room.waiting and room.is_idle:
        verb, base_url = room.waiting.popleft()
        if isinstance(verb, SpeakSentence | PlayAudio):
            _plays(engine, room, verb, base_url)
        else:
            _background[type(verb)](engine, room, verb, base_url)


def _plays(
    engine: Engine, room: Room, verb: SpeakSentence | PlayAudio, base_url: str | None
) -> None:
    if isinstance(verb, PlayAudio) and (trouble := unplayable(verb.text, base_url)):
        engine.note(room, "note", f"is skipped: {trouble}")
        return
    words = words_of(verb)
    is_speech = isinstance(verb, SpeakSentence)
    seconds = engine.spoken(words) if is_speech else engine.settings.audio_seconds
    room.playing = []
    engine.note(room, "hears", words)
    for call in [engine.calls[member] for member in room.members]:
        if isinstance(call.activity, Conferring) and not call.activity.hold:
            engine.play(call, words, seconds)
            if call.sound:
                room.playing.append(call.sound)
    engine.plan_in_room(room, seconds, _has_played, (words, engine.now))


def _has_played(engine: Engine, room: Room, played: tuple[str, float]) -> None:
    words, since = played
    playing: list[Sound] = room.playing or []
    for call in [engine.calls[member] for member in room.members]:
        if call.sound is not None and any(call.sound is each for each in playing):
            engine.has_played(call)
    keep(room.recording, "inbound", since, engine.now, words)
    _performs_next(engine, room, None)


def _falls_silent(room: Room) -> None:
    room.turn += 1
    room.playing = None
    room.waiting.clear()


_background: dict[type, Any] = {
    StartRecording: start_recording,
    StopRecording: lambda engine, room, _, __: stop_recording(engine, room),
    PauseRecording: lambda engine, room, _, __: pause_recording(engine, room),
    ResumeRecording: lambda engine, room, _, __: resume_recording(engine, room),
}

Engine.performs[Conference] = _joins
Engine.breaks[Conferring] = _leaves
Engine.on_speech[Conferring] = _talks
Engine.room_reply = _takes_reply
Engine.push_conference = push_conference
Engine.redirect_conference = redirect_conference
Engine.end_conference = end_conference
