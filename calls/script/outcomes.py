"""What comes of what a script waits for."""

from datetime import timedelta

from msgspec import Struct

from calls.events import (
    BridgeCompleteEvent,
    GatherEvent,
    RecordCompleteEvent,
    RedirectEvent,
    ReferCompleteEvent,
    TransferCompleteEvent,
)
from calls.events.input import SPEECH_TIMED_OUT


class Gathered(Struct, frozen=True, gc=False):
    """What a caller pressed or said.

    Attributes:
        digits: What was pressed, without the key that ended it; empty if nothing was.
        terminating_digit: The key that ended it; empty if none did.
        text: What was said; empty if nothing was.
        event: The event itself.
    """

    digits: str
    terminating_digit: str
    text: str
    event: GatherEvent

    @property
    def is_silent(self) -> bool:
        """Whether nothing was pressed or said."""
        return not (self.digits or self.terminating_digit or self.text)


class Recorded(Struct, frozen=True, gc=False):
    """A recording that a ``Record`` has made.

    Attributes:
        recording_id: Its id.
        media_url: Where its file is going to be, with the credentials of the account.
        duration: How long it is, if that was told.
        event: The event itself.
    """

    recording_id: str
    media_url: str | None
    duration: timedelta | None
    event: RecordCompleteEvent


class Transferred(Struct, frozen=True, gc=False):
    """How a ``Transfer`` went. The caller is still there.

    Attributes:
        cause: Why it ended: ``hangup``, ``busy``, ``timeout``, ``rejected``, …
        to: The party that was connected, or one that was rung; None if that was not told.
        error_message: What went wrong, in the vendor's words.
        event: The event itself.
    """

    cause: str
    to: str | None
    error_message: str | None
    event: TransferCompleteEvent

    @property
    def was_answered(self) -> bool:
        """Whether somebody was connected, and has hung up since (inferred from the cause)."""
        return self.cause == "hangup"


class Bridged(Struct, frozen=True, gc=False):
    """How a ``Bridge`` went. The other call has left, or never came.

    Attributes:
        cause: Why it failed; None if it did not.
        error_message: What went wrong, in the vendor's words.
        event: The event itself.
    """

    cause: str | None
    error_message: str | None
    event: BridgeCompleteEvent

    @property
    def was_bridged(self) -> bool:
        """Whether the two calls were connected."""
        return self.cause is None


class Conferred(Struct, frozen=True, gc=False):
    """A ``Conference`` has ended, and this call is still there.

    Attributes:
        event: The event that followed: the call asks where to go on.
    """

    event: RedirectEvent


class Referred(Struct, frozen=True, gc=False):
    """How a ``Refer`` went. After a success the call has left, and nothing that is said is heard.

    Attributes:
        status: ``success`` or ``failure``.
        sip_response_code: The SIP status of the REFER itself, if there was one.
        event: The event itself.
    """

    status: str
    sip_response_code: int | None
    event: ReferCompleteEvent

    @property
    def was_accepted(self) -> bool:
        """Whether the caller's endpoint has gone to the other address."""
        return self.status == "success"


class Redirected(Struct, frozen=True, gc=False):
    """The call has come back.

    Attributes:
        event: The event with which it did.
    """

    event: RedirectEvent


def gathered(event: GatherEvent) -> Gathered:
    """Of the event of a ``Gather``."""
    text = event.text or ""
    said = "" if text == SPEECH_TIMED_OUT else text
    return Gathered(event.digits or "", event.terminating_digit or "", said, event)


def recorded(event: RecordCompleteEvent) -> Recorded:
    """Of the event of a ``Record``."""
    return Recorded(event.recording_id, event.media_url, event.duration, event)


def transferred(event: TransferCompleteEvent) -> Transferred:
    """Of the event of a ``Transfer``."""
    return Transferred(event.cause, event.transfer_to, event.error_message, event)


def bridged(event: BridgeCompleteEvent) -> Bridged:
    """Of the event of a ``Bridge``."""
    return Bridged(event.cause, event.error_message, event)


def referred(event: ReferCompleteEvent) -> Referred:
    """Of the event of a ``Refer``."""
    return Referred(event.refer_call_status, event.refer_sip_response_code, event)
