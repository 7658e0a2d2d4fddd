"""Control live calls on Bandwidth's voice platform: place, read, redirect, end them, push BXML.

    from bxml import Bxml
    from calls import CallController, OAuth2

    with CallController("9900000", auth=OAuth2("client-id", "client-secret")) as controller:
        controller.call(call_id).push(Bxml().speak_sentence("An agent is ready."))

``calls.webhooks`` answers webhooks, whose events are in ``calls.events``; ``calls.sockets`` hears and
speaks through websockets; ``calls.simulator`` is the platform on this machine.
"""

from calls._exchange import RawResponse
from calls.auth import Basic, OAuth2
from calls.broadcasting import BroadcastResult, BroadcastStopped, Progress, broadcast
from calls.controller import AsyncCallController, AsyncLiveCall, CallController, LiveCall
from calls.document_host import DocumentHost, DocumentStore, Published, SQLiteDocuments
from calls.errors import (
    Attempt,
    BadRequest,
    CallConflict,
    CallEnded,
    CallNotFound,
    CallNotYetAnswered,
    CallsError,
    ConnectionFailed,
    DocumentWarning,
    Forbidden,
    InvalidEvent,
    InvalidRequest,
    MethodNotAllowed,
    PaymentRequired,
    PushReplaced,
    RateLimited,
    ServerError,
    StatusError,
    StoreFailed,
    Unauthorized,
    UnexpectedReply,
    UnsupportedMediaType,
)
from calls.models import CallState, CreateCallResponse, MachineDetection
from calls.retry import Repeat, Retry

__all__ = [
    "AsyncCallController",
    "AsyncLiveCall",
    "Attempt",
    "BadRequest",
    "Basic",
    "BroadcastResult",
    "BroadcastStopped",
    "CallConflict",
    "CallController",
    "CallEnded",
    "CallNotFound",
    "CallNotYetAnswered",
    "CallState",
    "CallsError",
    "ConnectionFailed",
    "CreateCallResponse",
    "DocumentHost",
    "DocumentStore",
    "DocumentWarning",
    "Forbidden",
    "InvalidEvent",
    "InvalidRequest",
    "LiveCall",
    "MachineDetection",
    "MethodNotAllowed",
    "OAuth2",
    "PaymentRequired",
    "Progress",
    "Published",
    "PushReplaced",
    "RateLimited",
    "RawResponse",
    "Repeat",
    "Retry",
    "SQLiteDocuments",
    "ServerError",
    "StatusError",
    "StoreFailed",
    "Unauthorized",
    "UnexpectedReply",
    "UnsupportedMediaType",
    "broadcast",
]
