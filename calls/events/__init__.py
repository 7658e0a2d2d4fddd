"""Webhook events: what the platform tells the application, one class an event.

    event = parse_event(body)
    if isinstance(event, GatherEvent):
        print(event.digits)

An event is a value: frozen, with times that have their zone, and texts where the vendor may extend
a list (tomorrow's cause is an ordinary one). Only what identifies it and gives it its purpose is
required; everything else may be missing, and is None then. An event of a type that is not known is
an ``UnknownEvent``; a field that is not known is in ``extra``.
"""

from calls.events._base import (
    CallEvent,
    ConferenceEvent,
    Event,
    LegEvent,
    UnknownEvent,
)
from calls.events._parse import (
    EVENTS,
    parse_event,
    parse_event_query,
)
from calls.events.call import (
    AnswerEvent,
    DisconnectEvent,
    InitiateEvent,
    MachineDetectionCompleteEvent,
    MachineDetectionResult,
    RedirectEvent,
    StirShaken,
)
from calls.events.conference import (
    ConferenceCompletedEvent,
    ConferenceCreatedEvent,
    ConferenceMemberExitEvent,
    ConferenceMemberJoinEvent,
    ConferenceRecordingAvailableEvent,
    ConferenceRedirectEvent,
)
from calls.events.input import (
    DtmfEvent,
    GatherEvent,
    PartialGatherEvent,
)
from calls.events.recording import (
    RecordCompleteEvent,
    RecordingAvailableEvent,
    Transcription,
    TranscriptionAvailableEvent,
)
from calls.events.streams import (
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
from calls.events.transfer import (
    BridgeCompleteEvent,
    BridgeTargetCompleteEvent,
    ReferCompleteEvent,
    TransferAnswerEvent,
    TransferCompleteEvent,
    TransferDisconnectEvent,
)

__all__ = [
    "EVENTS",
    "AnswerEvent",
    "BridgeCompleteEvent",
    "BridgeTargetCompleteEvent",
    "CallEvent",
    "ConferenceCompletedEvent",
    "ConferenceCreatedEvent",
    "ConferenceEvent",
    "ConferenceMemberExitEvent",
    "ConferenceMemberJoinEvent",
    "ConferenceRecordingAvailableEvent",
    "ConferenceRedirectEvent",
    "DisconnectEvent",
    "DtmfEvent",
    "Event",
    "GatherEvent",
    "InitiateEvent",
    "LegEvent",
    "MachineDetectionCompleteEvent",
    "MachineDetectionResult",
    "MediaStream",
    "MediaStreamRejectedEvent",
    "MediaStreamStartedEvent",
    "MediaStreamStoppedEvent",
    "PartialGatherEvent",
    "RealTimeTranscription",
    "RealTimeTranscriptionAvailableEvent",
    "RealTimeTranscriptionRejectedEvent",
    "RealTimeTranscriptionStartedEvent",
    "RealTimeTranscriptionStoppedEvent",
    "RecordCompleteEvent",
    "RecordingAvailableEvent",
    "RedirectEvent",
    "ReferCompleteEvent",
    "StirShaken",
    "Transcription",
    "TranscriptionAvailableEvent",
    "TransferAnswerEvent",
    "TransferCompleteEvent",
    "TransferDisconnectEvent",
    "UnknownEvent",
    "parse_event",
    "parse_event_query",
]
