"""Events of `Transfer`, `Refer` and `Bridge`: calls that are brought together, or handed on."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from bxml.types import Uncertain
from calls.events._base import (
    AccountId,
    ApplicationId,
    CallEvent,
    Cause,
    EndTime,
    ErrorId,
    ErrorMessage,
    LegEvent,
    TransferCallerId,
    TransferTo,
    about,
    known,
)

_of_the_sdk = Uncertain("in the SDK's model, not in the documentation")


class TransferAnswerEvent(LegEvent, frozen=True, kw_only=True):
    """A party that a `Transfer` rang has answered; ``call_id`` is that of its leg.

    The document runs for that party alone; then the two are connected.
    """

    where: ClassVar[Where | None] = "transfer_answer"


class TransferCompleteEvent(CallEvent, frozen=True, kw_only=True):
    """A `Transfer` is over and the original call is still up."""

    cause: Cause
    transfer_to: TransferTo | None = None
    transfer_caller_id: TransferCallerId | None = None
    error_message: ErrorMessage | None = None
    error_id: ErrorId | None = None


class TransferDisconnectEvent(LegEvent, frozen=True, kw_only=True):
    """A leg that a `Transfer` rang has ended, answered or not; ``call_id`` is that of the leg."""

    where: ClassVar[Where | None] = None

    account_id: Annotated[AccountId, _of_the_sdk] | None = None
    application_id: Annotated[ApplicationId, _of_the_sdk] | None = None
    cause: Cause
    end_time: EndTime | None = None
    error_message: ErrorMessage | None = None
    error_id: ErrorId | None = None


class ReferCompleteEvent(CallEvent, frozen=True, kw_only=True):
    """A `Refer` is over. After a success the call has left; only after a failure a document runs."""

    refer_call_status: Annotated[str, about("How it went."), known("success", "failure")]
    refer_sip_response_code: (
        Annotated[int, about("The SIP status of the REFER itself, if there was one.")] | None
    ) = None
    notify_sip_response_code: (
        Annotated[int, about("The last status that NOTIFY brought, if it did.")] | None
    ) = None

    @property
    def wants_document(self) -> bool:
        """Whether the platform executes the document in the reply."""
        return self.refer_call_status != "success"


class BridgeCompleteEvent(CallEvent, frozen=True, kw_only=True):
    """The target left the bridge, or bridging failed; the document runs on the bridging call."""

    cause: (
        Annotated[str, about("Only after a failure."), known("busy", "rejected", "unknown")] | None
    ) = None
    error_message: ErrorMessage | None = None
    error_id: ErrorId | None = None


class BridgeTargetCompleteEvent(CallEvent, frozen=True, kw_only=True):
    """The call that bridged has left; ``call_id`` is the target, on which the document runs."""
