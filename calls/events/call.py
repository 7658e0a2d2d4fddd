"""Events of a call as a whole: it comes, is answered, sent elsewhere, ends."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from calls.events._base import (
    CallEvent,
    Cause,
    Duration,
    EndTime,
    ErrorId,
    ErrorMessage,
    LegEvent,
    Part,
    SipCallId,
    about,
    known,
)

SipStatus = Annotated[int, about("The SIP status with which the outbound call was rejected.")]


class StirShaken(Part, frozen=True, kw_only=True):
    """What is known of whether the caller's number is the caller's."""

    verstat: (
        Annotated[
            str,
            about("The result; compare loosely, older pages spell it otherwise."),
            known("TN-Validation-Passed", "TN-Validation-Failed"),
        ]
        | None
    ) = None
    attestation_indicator: (
        Annotated[str, about("A full, B partial, C gateway."), known("A", "B", "C")] | None
    ) = None
    originating_id: Annotated[str, about("Where the call entered the network.")] | None = None


class MachineDetectionResult(Part, frozen=True, kw_only=True):
    """Who answered: a person or a machine."""

    value: Annotated[
        str,
        about("What was found."),
        known("human", "answering-machine", "tone-detected", "silence", "timeout", "error"),
    ]
    duration: Duration | None = None


class InitiateEvent(CallEvent, frozen=True, kw_only=True):
    """An inbound call arrives at a number of the account; it is not answered yet."""

    uui: Annotated[str, about("User-To-User headers, each with its encoding.")] | None = None
    diversion: (
        Annotated[
            dict[str, str],
            about("The latest Diversion header: `origTo`, and what else it says."),
        ]
        | None
    ) = None
    stir_shaken: Annotated[StirShaken, about("What STIR/SHAKEN says of the caller.")] | None = None
    sip_call_id: SipCallId | None = None
    sip_headers: (
        Annotated[
            dict[str, str], about("The X- headers of a call to a SIP URI, names in lower case.")
        ]
        | None
    ) = None


class AnswerEvent(CallEvent, frozen=True, kw_only=True):
    """An outbound call was answered; with machine detection in sync mode, the result is there."""

    machine_detection_result: (
        Annotated[MachineDetectionResult, about("Only with detection in sync mode.")] | None
    ) = None
    sip_call_id: SipCallId | None = None


class DisconnectEvent(CallEvent, frozen=True, kw_only=True):
    """A call has ended, for whatever reason."""

    where: ClassVar[Where | None] = None

    cause: Cause
    end_time: EndTime | None = None
    error_message: ErrorMessage | None = None
    error_id: ErrorId | None = None
    sip_call_id: SipCallId | None = None
    sip_response_code: SipStatus | None = None


class RedirectEvent(LegEvent, frozen=True, kw_only=True):
    """A `Redirect` ran, or the call was redirected through the REST API."""


class MachineDetectionCompleteEvent(CallEvent, frozen=True, kw_only=True):
    """Machine detection in async mode has a result."""

    where: ClassVar[Where | None] = None

    machine_detection_result: Annotated[MachineDetectionResult, about("The result.")]
