"""Webhook events: what the platform tells the application, one class an event.

So far the events that the verbs of the first family and the REST operations cause; every other
type arrives as ``UnknownEvent``.
"""

from datetime import datetime
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from bxml._declare import vendor_name
from calls.errors import InvalidEvent

LARGEST = 1_048_576
"""Bytes of a body that ``parse_event`` reads. The documented events have a few hundred."""


class Event(
    Struct,
    frozen=True,
    kw_only=True,
    rename=vendor_name,
    omit_defaults=True,
    tag_field="eventType",
    tag=lambda name: vendor_name(name[0].lower() + name[1:].removesuffix("Event")),
):
    """What every event of a call has.

    ``from_`` and ``to`` are those of the original call, also on the legs that a transfer rings.
    ``tag`` is the text that was last set on the call.
    """

    wants_document: ClassVar[bool] = True
    """Whether the document in the reply is run."""

    event_time: datetime
    from_: str
    to: str
    direction: str
    call_id: str
    call_url: str
    account_id: str | None = None
    application_id: str | None = None
    enqueued_time: datetime | None = None
    start_time: datetime | None = None
    answer_time: datetime | None = None
    tag: str | None = None
    privacy: bool | None = None
    caller_display_name: str | None = None

    @property
    def event_type(self) -> str:
        """The vendor's name of the event, such as ``transferAnswer``."""
        return str(self.__struct_config__.tag)


class InitiateEvent(Event, frozen=True, kw_only=True):
    """An inbound call arrives; it is not answered yet."""

    uui: str | None = None
    diversion: dict[str, str] | None = None
    stir_shaken: dict[str, str | None] | None = None
    sip_call_id: str | None = None
    sip_headers: dict[str, str] | None = None


class AnswerEvent(Event, frozen=True, kw_only=True):
    """An outbound call was answered."""

    machine_detection_result: dict[str, str] | None = None
    sip_call_id: str | None = None


class DisconnectEvent(Event, frozen=True, kw_only=True):
    """A call has ended, for whatever reason. ``cause`` is an open list."""

    wants_document: ClassVar[bool] = False

    end_time: datetime
    cause: str
    error_message: str | None = None
    error_id: str | None = None
    sip_call_id: str | None = None
    sip_response_code: int | None = None


class _LegEvent(Event, frozen=True, kw_only=True):
    """An event that may concern a leg which a transfer rang."""

    parent_call_id: str | None = None
    transfer_caller_id: str | None = None
    transfer_to: str | None = None


class RedirectEvent(_LegEvent, frozen=True, kw_only=True):
    """A ``Redirect`` ran, or the call was redirected through the REST API."""


class GatherEvent(_LegEvent, frozen=True, kw_only=True):
    """A ``Gather`` is over. ``digits`` is empty when nothing was pressed in time."""

    digits: str | None = None
    terminating_digit: str | None = None
    text: str | None = None


class TransferAnswerEvent(_LegEvent, frozen=True, kw_only=True):
    """A party that a ``Transfer`` rang has answered; ``call_id`` is that of its leg."""


class TransferCompleteEvent(_LegEvent, frozen=True, kw_only=True):
    """A ``Transfer`` is over and the original call is still up."""

    cause: str
    error_message: str | None = None
    error_id: str | None = None


class TransferDisconnectEvent(_LegEvent, frozen=True, kw_only=True):
    """A leg that a ``Transfer`` rang has ended, answered or not."""

    wants_document: ClassVar[bool] = False

    end_time: datetime
    cause: str
    error_message: str | None = None
    error_id: str | None = None


class UnknownEvent(Struct, frozen=True, kw_only=True):
    """An event of a type that is not known here; ``data`` is all that came."""

    event_type: str
    data: dict[str, Any]


KnownEvent = (
    InitiateEvent
    | AnswerEvent
    | DisconnectEvent
    | RedirectEvent
    | GatherEvent
    | TransferAnswerEvent
    | TransferCompleteEvent
    | TransferDisconnectEvent
)

EVENTS: tuple[type[Event], ...] = (
    InitiateEvent,
    AnswerEvent,
    DisconnectEvent,
    RedirectEvent,
    GatherEvent,
    TransferAnswerEvent,
    TransferCompleteEvent,
    TransferDisconnectEvent,
)
"""Every class of event that is known."""

_NAMES = frozenset(str(event.__struct_config__.tag) for event in EVENTS)
_known: msgspec.json.Decoder[KnownEvent] = msgspec.json.Decoder(KnownEvent)
_any = msgspec.json.Decoder(dict[str, Any])


def parse_event(body: bytes | str) -> KnownEvent | UnknownEvent:
    """Read the body of a webhook.

    Raises:
        InvalidEvent: It is not a JSON object with an ``eventType``, or a field of a known event is
            missing or of the wrong type.
    """
    data = body.encode(errors="replace") if isinstance(body, str) else body
    if len(data) > LARGEST:
        raise InvalidEvent(f"an event may hold at most {LARGEST:,} bytes (got {len(data):,})")
    try:
        return _known.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)
    try:
        fields = _any.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidEvent(f"not an event: {reason}") from None
    name = fields.get("eventType")
    if isinstance(name, str) and name not in _NAMES:
        return UnknownEvent(event_type=name, data=fields)
    raise InvalidEvent(f"not an event: {reason}")
