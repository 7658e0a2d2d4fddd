"""From what a webhook brings to an event."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, reduce
from operator import or_
from typing import Any, get_origin
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from calls.errors import InvalidEvent, one_line
from calls.events._base import Event, Part, UnknownEvent, bare_types, decoded, layout, part_of
from calls.events.call import (
    AnswerEvent,
    DisconnectEvent,
    InitiateEvent,
    MachineDetectionCompleteEvent,
    RedirectEvent,
)
from calls.events.conference import (
    ConferenceCompletedEvent,
    ConferenceCreatedEvent,
    ConferenceMemberExitEvent,
    ConferenceMemberJoinEvent,
    ConferenceRecordingAvailableEvent,
    ConferenceRedirectEvent,
)
from calls.events.input import DtmfEvent, GatherEvent, PartialGatherEvent
from calls.events.recording import (
    RecordCompleteEvent,
    RecordingAvailableEvent,
    TranscriptionAvailableEvent,
)
from calls.events.streams import (
    MediaStreamRejectedEvent,
    MediaStreamStartedEvent,
    MediaStreamStoppedEvent,
    RealTimeTranscription,
    RealTimeTranscriptionAvailableEvent,
    RealTimeTranscriptionRejectedEvent,
    RealTimeTranscriptionStartedEvent,
    RealTimeTranscriptionStoppedEvent,
)
from calls.events.transfer import (
    BridgeCompleteEvent,
    BridgeTargetCompleteEvent,
    ReferCompleteEvent,
    TransferAnswerEvent,
    TransferCompleteEvent,
    TransferDisconnectEvent,
)

LARGEST = 1_048_576
"""Bytes that are read. The documented events have a few hundred."""

MOST_PARAMETERS = 256
"""Parameters of a query that are read. The documented events have some twenty."""

LONGEST_REASON = 200
"""Characters of a reason that are told: it goes back to whoever sent the event."""

EVENTS: tuple[type[Event], ...] = (
    InitiateEvent,
    AnswerEvent,
    DisconnectEvent,
    RedirectEvent,
    MachineDetectionCompleteEvent,
    GatherEvent,
    PartialGatherEvent,
    DtmfEvent,
    RecordCompleteEvent,
    RecordingAvailableEvent,
    TranscriptionAvailableEvent,
    TransferAnswerEvent,
    TransferCompleteEvent,
    TransferDisconnectEvent,
    ReferCompleteEvent,
    BridgeCompleteEvent,
    BridgeTargetCompleteEvent,
    ConferenceCreatedEvent,
    ConferenceMemberJoinEvent,
    ConferenceMemberExitEvent,
    ConferenceCompletedEvent,
    ConferenceRedirectEvent,
    ConferenceRecordingAvailableEvent,
    MediaStreamStartedEvent,
    MediaStreamRejectedEvent,
    MediaStreamStoppedEvent,
    RealTimeTranscriptionStartedEvent,
    RealTimeTranscriptionRejectedEvent,
    RealTimeTranscriptionStoppedEvent,
    RealTimeTranscriptionAvailableEvent,
)
"""Every class of event that is known."""

_CLASSES = {str(each.__struct_config__.tag): each for each in EVENTS}

OTHER_NAMES = {"recordingComplete": "recordComplete"}
"""Names under which one source knows an event, and those of all others."""

_KNOWN: Any = reduce(or_, EVENTS)
_known: Callable[[bytes], Event] = msgspec.json.Decoder(_KNOWN).decode
_any = msgspec.json.Decoder()

# ValueError: bytes that are not UTF-8, and numbers of thousands of digits.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?").fullmatch
_PATH = re.compile(r" - at `(\$[^`]{0,100})`$")
_FIELD = re.compile(r"`(\w{1,60})`")
_PLUS_LOST = re.compile(r" \d{2,15}").fullmatch
_NUMBERS = ("from", "to", "transferCallerId", "transferTo")


def parse_event(body: bytes | str) -> Event:
    """Read the body of a webhook.

    Times without a zone are taken for UTC, and where two sources of the vendor disagree on a name
    or a type, both are read (see ``docs/reference/events.md``).

    Returns:
        An event of one of the classes of ``EVENTS``, or an ``UnknownEvent``.

    Raises:
        InvalidEvent: It is not a JSON object with an ``eventType``, or larger than a mebibyte, or a
            field that is required is missing, or one has the wrong type; ``path`` says which.
        TypeError: ``body`` is neither bytes nor text.
    """
    try:
        if isinstance(body, bytes):
            data = body
        elif isinstance(body, str):
            data = body.encode()
        else:
            raise TypeError(f"a body is bytes or text (got {type(body).__name__})")
        if len(data) > LARGEST:
            raise InvalidEvent(f"an event may hold at most {LARGEST:,} bytes (got {len(data):,})")
        event = _known(data)
        if not data.isascii():
            data.decode()  # what is not known was passed over, and may be no text
    except _UNREADABLE as error:
        if isinstance(error, InvalidEvent):
            raise
        return _read_with_care(body, str(error))
    vars(event)["body"] = data  # as with_body does, quicker
    return event


def _read_with_care(body: bytes | str, reason: str) -> Event:
    """Read what is not as all sources say it is."""
    try:
        data = body.encode() if isinstance(body, str) else body
        fields = decoded(data)
    except _UNREADABLE:
        raise _invalid(reason) from None
    if not isinstance(fields, dict):
        raise _invalid(f"Expected `object`, got `{_json_name(fields)}`")
    name = fields.get("eventType", fields.get("event"))
    if not isinstance(name, str):
        raise _invalid("Object missing required field `eventType`")
    cls = _CLASSES.get(OTHER_NAMES.get(name, name))
    if cls is None:
        return _unknown(name, fields)
    try:
        # Not as ``decoded`` has it: a number out of range is no text where a field wants one.
        mended = _mended(_any.decode(data), cls)
    except _UNREADABLE:
        raise _invalid(reason) from None
    try:
        return msgspec.convert(mended, cls).with_body(mended)
    except _UNREADABLE as error:
        raise _invalid(str(error)) from None


def parse_event_query(query: bytes | str) -> Event:
    """Read the query of a webhook that is delivered with GET: its fields as parameters.

    How the platform writes an object there (``mediaStream``, ``diversion``) is not documented. Read
    are a JSON object, ``mediaStream={"id":…}``, and names with dots, ``mediaStream.id=…``. What can
    be read as neither is left in ``extra``, as are parameters of your own; where the object is
    required, it is an error, so take POST for those events. A ``+`` that the sender forgot to
    quote in a telephone number is put back (inferred).

    Raises:
        InvalidEvent: As for ``parse_event``; or there are more than 256 parameters, or a field of
            the event is there twice.
        TypeError: ``query`` is neither bytes nor text.
    """
    if not isinstance(query, bytes | str):
        raise TypeError(f"a query is bytes or text (got {type(query).__name__})")
    if len(query) > LARGEST:
        raise InvalidEvent(f"an event may hold at most {LARGEST:,} bytes (got {len(query):,})")
    text = query.decode("latin-1") if isinstance(query, bytes) else _without_surrogates(query)
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="replace"
        )
    except ValueError:
        raise InvalidEvent(f"a query may have at most {MOST_PARAMETERS} parameters") from None
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    [name, *more] = given.get("eventType") or given.get("event") or [""]
    if more or not name:
        raise _invalid("Object missing required field `eventType`, given once")
    cls = _CLASSES.get(OTHER_NAMES.get(name, name))
    if cls is None:
        return _unknown(name, {key: _one(values) for key, values in given.items()})
    came, beside = _of_query(given, cls)
    mended = _mended(came, cls)
    try:
        event = msgspec.convert(mended, cls, strict=False)
    except _UNREADABLE as error:
        raise _invalid(str(error)) from None
    event.with_body(mended)
    vars(event)["extra"] = event.extra | beside
    return event


def _of_query(given: dict[str, list[str]], cls: type[Event]) -> tuple[dict[str, Any], Any]:
    """The fields of an event, and what else a query holds."""
    fields = layout(cls)
    objects = {each.encode_name for each in msgspec.structs.fields(cls) if _is_object(each.type)}
    objects |= {"transcription"} if "realTimeTranscription" in fields else set()
    came: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    for name, values in given.items():
        first, dot, second = name.partition(".")
        if name not in fields and name not in objects and name != "eventType":
            if dot and first in objects:
                if first in given:
                    raise _invalid(
                        f"Field `{first}` is there as a whole and in parts - at `$.{first}`"
                    )
                came.setdefault(first, {})
                came[first][second] = _tracks(values) if second == "tracks" else _one(values)
            else:
                beside[name] = _one(values)
        elif len(values) > 1:
            raise _invalid(f"Field `{name}` is there {len(values)} times - at `$.{name}`")
        elif name in objects:
            read = _object(values[0])
            if read is None:
                beside[name] = values[0]
            else:
                came[name] = read
        elif name in _NUMBERS and _PLUS_LOST(values[0]):
            came[name] = "+" + values[0][1:]
        else:
            came[name] = values[0]
    return came, beside


def _is_object(annotation: Any) -> bool:
    holds_texts = any(get_origin(each) is dict for each in bare_types(annotation))
    return holds_texts or part_of(annotation) is not None


def _object(text: str) -> dict[str, Any] | None:
    try:
        read = _any.decode(text.encode(errors="replace"))
    except _UNREADABLE:
        return None
    return read if isinstance(read, dict) else None


def _without_surrogates(text: str) -> str:
    """A text that can be written; what cannot be is a question mark."""
    return text.encode(errors="replace").decode()


def _one(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _tracks(values: list[str]) -> list[str]:
    return [track for value in values for track in value.split(",")]


def _unknown(name: str, fields: dict[str, Any]) -> UnknownEvent:
    time: datetime | None = None
    try:
        time = msgspec.convert(fields.get("eventTime"), datetime)
    except _UNREADABLE:
        time = None
    if time is not None and time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return UnknownEvent(event_time=time, event_type=name, data=fields)


def _mended(fields: dict[str, Any], cls: type[Event]) -> dict[str, Any]:
    """An event as most sources write it, where one of them writes it otherwise."""
    known = layout(cls)
    mended = fields | {"eventType": str(cls.__struct_config__.tag)}
    there = known.get("realTimeTranscription") is RealTimeTranscription
    if there and mended.get("realTimeTranscription") is None and "transcription" in mended:
        mended["realTimeTranscription"] = mended.pop("transcription")
    _mend(mended, cls)
    return mended


def _mend(fields: dict[str, Any], cls: type[Struct]) -> None:
    for name in _times(cls):
        value = fields.get(name)
        if isinstance(value, str) and _WITHOUT_ZONE(value):
            fields[name] = value + "Z"
    if cls is RealTimeTranscription and fields.get("stabilized") in ("true", "false"):
        fields["stabilized"] = fields["stabilized"] == "true"
    for name, part in layout(cls).items():
        value = fields.get(name)
        if part is not None and isinstance(value, dict):
            fields[name] = value = dict(value)
            _mend(value, part)


@cache
def _times(cls: type[Event] | type[Part]) -> tuple[str, ...]:
    """The fields that hold a moment."""
    return tuple(
        each.encode_name
        for each in msgspec.structs.fields(cls)
        if datetime in bare_types(each.type)
    )


def _json_name(value: Any) -> str:
    names = {list: "array", str: "str", bool: "bool", int: "int", float: "float"}
    return names.get(type(value), "null")


def _invalid(reason: str) -> InvalidEvent:
    """An error that says where, however long a stranger makes it."""
    told = one_line(reason, LONGEST_REASON)
    error = InvalidEvent(f"not an event: {told}")
    place = _PATH.search(told)
    error.path = place[1] if place else None
    if "missing required field" in told and (missing := _FIELD.search(told)):
        error.path = f"{error.path or '$'}.{missing[1]}"
    return error
