"""Events of recordings and their transcripts. ``start_time`` is that of the recording."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from bxml.types import Uncertain
from calls.events._base import Duration, EndTime, LegEvent, Part, Time, Url, about, known

RecordingId = Annotated[str, about("The recording, `r-…`.")]
Channels = Annotated[int, about("1 or 2.")]
FileFormat = Annotated[str, about("The format of the file."), known("wav", "mp3")]
RecordingStatus = Annotated[
    str,
    about("`partial`: it can be fetched, with parts missing."),
    known("complete", "partial", "error", "processing", "deleted"),
]


class Transcription(Part, frozen=True, kw_only=True):
    """The transcript of a recording."""

    id: Annotated[str, about("The transcript, `t-…`.")]
    url: Url | None = None
    status: (
        Annotated[
            str,
            about("Whether it is there."),
            known(
                "available",
                "none",
                "processing",
                "error",
                "timeout",
                "file-size-too-big",
                "file-size-too-small",
            ),
        ]
        | None
    ) = None
    completed_time: Annotated[Time, about("When it was finished.")] | None = None


class _RecordingEvent(LegEvent, frozen=True, kw_only=True):
    recording_id: RecordingId
    media_url: Url | None = None
    end_time: EndTime | None = None
    duration: Duration | None = None
    file_format: FileFormat | None = None


class RecordCompleteEvent(_RecordingEvent, frozen=True, kw_only=True):
    """A `Record` is over and the call is still up. The file is not ready yet."""

    channels: Channels | None = None


class RecordingAvailableEvent(_RecordingEvent, frozen=True, kw_only=True):
    """A recording by `Record` or `StartRecording` can be fetched."""

    where: ClassVar[Where | None] = None

    status: RecordingStatus
    channels: Channels | None = None
    recording_name: (
        Annotated[
            str,
            about("The name that the verb gives it."),
            Uncertain("promised by the SDK's comment, absent from its model"),
        ]
        | None
    ) = None


class TranscriptionAvailableEvent(_RecordingEvent, frozen=True, kw_only=True):
    """The transcript of a recording is ready."""

    where: ClassVar[Where | None] = None

    transcription: Annotated[Transcription, about("The transcript.")]
