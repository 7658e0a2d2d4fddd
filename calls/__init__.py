"""Control live calls on Bandwidth's voice platform: place, read, redirect, end them, push BXML.

    from bxml import Bxml
    from calls import CallController, OAuth2

    with CallController("9900000", auth=OAuth2("client-id", "client-secret")) as controller:
        controller.call(call_id).push(Bxml().speak_sentence("An agent is ready."))

``calls.events`` reads webhooks; ``calls.simulator`` is the platform on this machine.
"""

from calls.auth import Basic, OAuth2
from calls.controller import AsyncCallController, AsyncLiveCall, CallController, LiveCall
from calls.errors import (
    BadRequest,
    CallConflict,
    CallNotFound,
    CallsError,
    ConnectionFailed,
    Forbidden,
    InvalidEvent,
    InvalidRequest,
    MethodNotAllowed,
    PaymentRequired,
    RateLimited,
    ServerError,
    StatusError,
    Unauthorized,
    UnexpectedReply,
    UnsupportedMediaType,
)
from calls.models import CallState, CreateCallResponse, MachineDetection

__all__ = [
    "AsyncCallController",
    "AsyncLiveCall",
    "BadRequest",
    "Basic",
    "CallConflict",
    "CallController",
    "CallNotFound",
    "CallState",
    "CallsError",
    "ConnectionFailed",
    "CreateCallResponse",
    "Forbidden",
    "InvalidEvent",
    "InvalidRequest",
    "LiveCall",
    "MachineDetection",
    "MethodNotAllowed",
    "OAuth2",
    "PaymentRequired",
    "RateLimited",
    "ServerError",
    "StatusError",
    "Unauthorized",
    "UnexpectedReply",
    "UnsupportedMediaType",
]
