"""Events of what is sent on while a call goes on: its audio, and its transcript."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from bxml.types import Uncertain
from calls.events._base import CallEvent, Duration, ErrorMessage, Part, Time, Url, about, known

Tracks = Annotated[tuple[str, ...], about("`inbound`, `outbound` or both.")]
Started = Annotated[Time, about("When it was started.")]
WhyRejected = Annotated[
    str,
    about("Why it could not be started."),
    known("connection-error", "duplicate", "error", "track-limit"),
]
WhyStopped = Annotated[
    str,
    about("Why it ended; `closed`: on purpose, or with the call."),
    known("closed", "connection-error", "error"),
]


class MediaStream(Part, frozen=True, kw_only=True):
    """A stream of a call's audio."""

    id: Annotated[str, about("The stream, `s-…`.")]
    name: Annotated[str, about("The name that the verb gives it, or the id.")] | None = None
    destination: Annotated[str, about("The websocket that it goes to.")] | None = None
    start_time: Started | None = None
    tracks: Tracks | None = None
    type: Annotated[str, about("`WebSocket`, the only type."), known("WebSocket")] | None = None
    duration: Duration | None = None


class RealTimeTranscription(Part, frozen=True, kw_only=True):
    """A transcription of a call that goes on."""

    id: Annotated[str, about("The transcription, `t-…`.")]
    name: Annotated[str, about("The name that the verb gives it, or the id.")] | None = None
    start_time: Started | None = None
    tracks: Tracks | None = None
    destination: Annotated[str, about("The websocket that it goes to, if any.")] | None = None
    stabilized: (
        Annotated[
            bool,
            about("Whether only what is stable is sent."),
            Uncertain("text in the examples; both are read"),
        ]
        | None
    ) = None
    duration: Duration | None = None
    status: (
        Annotated[str, about("Whether the text is there."), known("available", "failed")] | None
    ) = None
    url: Url | None = None
    completed_time: Annotated[Time, about("When it was finished.")] | None = None


class _MediaStreamEvent(CallEvent, frozen=True, kw_only=True):
    where: ClassVar[Where | None] = None

    media_stream: Annotated[MediaStream, about("The stream.")]


class MediaStreamStartedEvent(_MediaStreamEvent, frozen=True, kw_only=True):
    """A `StartStream` took effect."""


class MediaStreamRejectedEvent(_MediaStreamEvent, frozen=True, kw_only=True):
    """A `StartStream` could not be started."""

    cause: WhyRejected
    error_message: ErrorMessage | None = None
    original_media_stream: (
        Annotated[MediaStream, about("The stream that has the name already.")] | None
    ) = None


class MediaStreamStoppedEvent(_MediaStreamEvent, frozen=True, kw_only=True):
    """A stream ended."""

    cause: WhyStopped
    error_message: ErrorMessage | None = None


class _TranscriptionEvent(CallEvent, frozen=True, kw_only=True):
    where: ClassVar[Where | None] = None

    real_time_transcription: Annotated[
        RealTimeTranscription,
        about("The transcription."),
        Uncertain("under the key `transcription` in some examples; both are read"),
    ]


class RealTimeTranscriptionStartedEvent(_TranscriptionEvent, frozen=True, kw_only=True):
    """A `StartTranscription` with a destination took effect."""


class RealTimeTranscriptionRejectedEvent(_TranscriptionEvent, frozen=True, kw_only=True):
    """A `StartTranscription` could not be started."""

    cause: WhyRejected
    error_message: ErrorMessage | None = None
    original_transcription: (
        Annotated[RealTimeTranscription, about("The one that has the name already.")] | None
    ) = None


class RealTimeTranscriptionStoppedEvent(_TranscriptionEvent, frozen=True, kw_only=True):
    """A transcription that was sent while the call went on has ended."""

    cause: WhyStopped
    error_message: ErrorMessage | None = None


class RealTimeTranscriptionAvailableEvent(_TranscriptionEvent, frozen=True, kw_only=True):
    """The whole transcript can be fetched."""
