"""What events have in common, and the types of their fields."""

import copy
import json
from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Self, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from bxml._declare import vendor_name
from bxml.rules import Where
from bxml.types import OneOfKnown, Uncertain
from calls._wire import wire

Time = Annotated[datetime, Meta(tz=True)]
"""A moment, with its zone (ISO 8601, UTC). One that comes without a zone is taken for UTC."""


def known(*values: str) -> OneOfKnown:
    """The values of today; another one is an ordinary value."""
    return OneOfKnown(frozenset(values), "")


def about(words: str) -> Meta:
    """What a field is for."""
    return Meta(description=words)


def event_tag(name: str) -> str:
    """The vendor's name of an event, by that of its class."""
    return vendor_name(name[0].lower() + name[1:].removesuffix("Event"))


AccountId = Annotated[str, about("The account.")]
ApplicationId = Annotated[str, about("The voice application.")]
CallId = Annotated[str, about("The call, `c-…`.")]
CallUrl = Annotated[str, about("The call in the REST API.")]
Caller = Annotated[
    str,
    about("Who calls: a number in E.164. Older pages also have Private, Restricted, Anonymous."),
]
Callee = Annotated[str, about("Who is called: a number in E.164, or a SIP URI.")]
Direction = Annotated[str, about("Who placed the call."), known("inbound", "outbound")]
EventTime = Annotated[Time, about("About when the event was made.")]
EnqueuedTime = Annotated[Time, about("When the call was queued, where calls are.")]
StartTime = Annotated[Time, about("When the call started.")]
AnswerTime = Annotated[Time, about("When the call was answered.")]
EndTime = Annotated[Time, about("When it ended.")]
Tag = Annotated[str, about("The text that was last set as the tag; absent when cleared.")]
Privacy = Annotated[
    bool,
    about("Whether the caller asked for privacy."),
    Uncertain("on which events it comes is not certain"),
]
CallerDisplayName = Annotated[
    str,
    about("The caller's name, as the caller's side wrote it; may be empty."),
    Uncertain("on which events it comes is not certain"),
]
ParentCallId = Annotated[str, about("The call that executed the `Transfer` which rang this leg.")]
TransferCallerId = Annotated[str, about("The number that the leg was rung from.")]
TransferTo = Annotated[str, about("The number that the leg was rung at.")]
SipCallId = Annotated[str, about("The SIP Call-ID of the current dialog; may be missing early on.")]
Cause = Annotated[
    str,
    about("Why it ended."),
    known(
        "hangup",
        "busy",
        "timeout",
        "cancel",
        "rejected",
        "callback-error",
        "invalid-bxml",
        "application-error",
        "account-limit",
        "node-capacity-exceeded",
        "error",
        "unknown",
    ),
]
ErrorMessage = Annotated[str, about("What went wrong, in words, where something did.")]
ErrorId = Annotated[str, about("The vendor's id of the error.")]
Duration = Annotated[timedelta, about("How long it took (ISO 8601, such as `PT5.04S`).")]
Url = Annotated[str, about("Where it can be fetched, with the credentials of the account.")]


class Part(Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """An object within an event."""


class Event(
    Struct,
    frozen=True,
    kw_only=True,
    rename=vendor_name,
    omit_defaults=True,
    dict=True,  # holds the body that it came in, which is no part of its value
    tag_field="eventType",
    tag=event_tag,
):
    """What every event has.

    Only what identifies an event and gives it its purpose is required. Everything else may be
    missing or null, also where the documentation says that it always comes, and is None then: a
    missing time must not end a call. A value of the wrong type is an error.
    """

    where: ClassVar[Where | None] = "reply"
    """What the document in the reply is for, as ``bxml.check`` asks; None if it is ignored."""

    event_time: EventTime | None

    @property
    def event_type(self) -> str:
        """The vendor's name of the event, such as ``transferAnswer``."""
        return str(self.__struct_config__.tag)

    @property
    def wants_document(self) -> bool:
        """Whether the platform executes the document in the reply."""
        return self.where is not None

    @property
    def extra(self) -> dict[str, Any]:
        """What came and is not known here, by the vendor's names; empty if there is nothing.

        What an object holds beside what is known stands in a dict of its own:
        ``{"mediaStream": {"tomorrow": 1}}``.
        """
        kept = vars(self)
        if "extra" not in kept:
            body = kept.get("body", {})
            came = decoded(body) if isinstance(body, bytes) else body
            kept["extra"] = _beside(came, type(self))
        found: dict[str, Any] = kept["extra"]
        return found

    def to_json(self) -> bytes:
        """The event as the platform writes it, with what is not known here.

        What a query had in place of an object, and could not be read as one, is left out.
        """
        try:
            own = wire(self)
        except OverflowError:  # a time that would lie before the year 1 in UTC
            own = msgspec.json.encode(self)
        if not self.extra:
            return own
        return msgspec.json.encode(_merged(msgspec.json.decode(own), self.extra, type(self)))

    def is_stale(self, older_than_seconds: float, *, now: datetime | None = None) -> bool:
        """Whether the event was made longer ago than that. One that bears no time is not.

        ``event_time`` is approximate (documented), and the clocks of two machines differ: leave
        room for some seconds.

        Args:
            older_than_seconds: The age from which it counts as stale.
            now: The time, with its zone; the machine's own by default.

        Raises:
            ValueError: ``now`` has no zone.
        """
        now = datetime.now(UTC) if now is None else now
        if now.tzinfo is None:
            raise ValueError("now must have a time zone, such as datetime.now(UTC)")
        if self.event_time is None:
            return False
        return (now - self.event_time).total_seconds() > older_than_seconds

    def as_it_came(self) -> bytes:
        """The JSON that it came in; the same as ``to_json`` if it came in none."""
        body = vars(self).get("body")
        return body if isinstance(body, bytes) else self.to_json()

    def with_body(self, body: bytes | dict[str, Any]) -> Self:
        """The event itself, which from now on knows what it came in."""
        vars(self)["body"] = body
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # The rest as JSON, since it may be nested more deeply than can be pickled.
        return _restored, (type(self), msgspec.json.encode(self), msgspec.json.encode(self.extra))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class CallEvent(Event, frozen=True, kw_only=True):
    """An event of a call.

    ``from_`` and ``to`` are those of the original call, also on the legs that a transfer rings.
    """

    event_time: EventTime
    from_: Caller
    to: Callee
    direction: Direction
    call_id: CallId
    call_url: CallUrl
    account_id: AccountId | None = None
    application_id: ApplicationId | None = None
    enqueued_time: EnqueuedTime | None = None
    start_time: StartTime | None = None
    answer_time: AnswerTime | None = None
    tag: Tag | None = None
    privacy: Privacy | None = None
    caller_display_name: CallerDisplayName | None = None


class LegEvent(CallEvent, frozen=True, kw_only=True):
    """An event that may concern a leg which a transfer rang; then the three fields say which."""

    parent_call_id: ParentCallId | None = None
    transfer_caller_id: TransferCallerId | None = None
    transfer_to: TransferTo | None = None


class ConferenceEvent(Event, frozen=True, kw_only=True):
    """An event of a conference. An empty reply is as good as a document (documented)."""

    where: ClassVar[Where | None] = "conference"

    event_time: EventTime
    conference_id: Annotated[str, about("The conference, `conf-…`.")]
    name: Annotated[str, about("The name that the `Conference` verb gives it.")]
    tag: Annotated[str, about("The tag of the call that created it.")] | None = None


class UnknownEvent(Event, frozen=True, kw_only=True):
    """An event of a type that is not known here. Nothing is asked of its reply."""

    where: ClassVar[Where | None] = None

    event_time: EventTime | None = None
    event_type: str = msgspec.field(name="type")  # pyright: ignore[reportIncompatibleMethodOverride]
    """The vendor's name of the event."""
    data: dict[str, Any]
    """All that came."""

    @property
    def call_id(self) -> str | None:
        """The call, if it names one."""
        found = self.data.get("callId")
        return found if isinstance(found, str) else None

    @property
    def extra(self) -> dict[str, Any]:
        """All that came."""
        return self.data

    def to_json(self) -> bytes:
        """The event as it came."""
        return msgspec.json.encode(self.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.event_time, self.event_type, msgspec.json.encode(self.data))


E = TypeVar("E", bound=Event)


def _restored(cls: type[E], own: bytes, extra: bytes) -> E:
    event = msgspec.json.decode(own, type=cls)
    vars(event)["extra"] = msgspec.json.decode(extra)
    return event


def _rebuilt(time: datetime | None, name: str, data: bytes) -> UnknownEvent:
    return UnknownEvent(event_time=time, event_type=name, data=msgspec.json.decode(data))


def decoded(body: bytes) -> Any:
    """What JSON says. A number that is too large for one stays the text that it is."""
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError:  # no type is asked for, so it is a number out of range
        lax = json.loads(body, parse_int=_number, parse_float=_number, parse_constant=_no_number)
        # Once more, since the module takes lone surrogates, which cannot be written.
        return msgspec.json.decode(msgspec.json.encode(lax))


def _number(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.ValidationError:
        return text


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def bare_types(annotation: Any) -> tuple[Any, ...]:
    """The types of an annotation, without their marks and without None."""
    if hasattr(annotation, "__metadata__"):
        return bare_types(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return tuple(bare for each in get_args(annotation) for bare in bare_types(each))
    return () if annotation is NoneType else (annotation,)


def part_of(annotation: Any) -> type[Part] | None:
    """The class of the object that a field holds, if it holds one."""
    for each in bare_types(annotation):
        if isinstance(each, type) and issubclass(each, Part):
            return each
    return None


_layouts: dict[type[Struct], dict[str, type[Part] | None]] = {}


def layout(cls: type[Struct]) -> dict[str, type[Part] | None]:
    """The fields that are known of a class, by the vendor's names, and the objects among them."""
    found = _layouts.get(cls)
    if found is None:
        fields = msgspec.structs.fields(cls)
        found = _layouts[cls] = {each.encode_name: part_of(each.type) for each in fields}
    return found


def _beside(came: dict[str, Any], cls: type[Struct]) -> dict[str, Any]:
    """What of an object is not known."""
    known_fields = layout(cls)
    beside = {}
    for name, value in came.items():
        if name not in known_fields:
            if name != "eventType" or not issubclass(cls, Event):
                beside[name] = value
        elif (
            (inner := known_fields[name])
            and isinstance(value, dict)
            and (within := _beside(value, inner))
        ):
            beside[name] = within
    return beside


def _merged(own: dict[str, Any], beside: dict[str, Any], cls: type[Struct]) -> dict[str, Any]:
    known_fields = layout(cls)
    merged = copy.copy(own)
    for name, value in beside.items():
        inner = known_fields.get(name)
        if inner is not None and isinstance(value, dict):
            merged[name] = _merged(own.get(name, {}), value, inner)
        elif name not in known_fields:  # or it is what a query had in place of an object
            merged[name] = value
    return merged
