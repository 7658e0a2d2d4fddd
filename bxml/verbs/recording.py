"""Recording a party or a whole call."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Verb
from bxml._credentials import unencrypted
from bxml._kinds import Fault
from bxml.types import (
    Assumes,
    Breaks,
    CountsWith,
    Delivers,
    Digits,
    FileFormat,
    IgnoredInConference,
    Method,
    Password,
    Seconds,
    Tag,
    Uncertain,
    Url,
    Username,
)

Transcribe = Annotated[
    bool,
    Assumes(False),
    Meta(description="Transcribe the recording, if longer than 500 ms and shorter than 4 hours."),
]
DetectLanguage = Annotated[
    bool,
    Assumes(False),
    CountsWith("transcribe", (True,), "detect-language-needs-transcribe"),
    Meta(description="Find out the language (English, French, Spanish) instead of taking English."),
]
TranscriptionAvailableUrl = Annotated[
    Url,
    Delivers("transcriptionAvailable"),
    CountsWith("transcribe", (True,), "transcription-url-needs-transcribe"),
    Meta(description="Told when the transcript is ready."),
]
Format = Annotated[FileFormat, Assumes("wav"), Meta(description="Format of the file.")]
NotInConference = IgnoredInConference("conference-recording-ignored")
RecordingName = Annotated[
    str,
    Meta(description="Name of the recording."),
    Uncertain("Length and characters are not documented, nor which events carry it."),
]


class Record(Verb, frozen=True, kw_only=True):
    """Records the caller until a digit, silence or the longest duration ends it.

    With ``record_complete_url`` the outcome goes there, the document in the reply runs next, and
    nothing after this verb is run. Without it the next verb runs; the recording is kept all the
    same.
    """

    https_only: ClassVar[bool] = True
    ends: ClassVar[bool | str] = "record_complete_url"
    answers: ClassVar[bool | str] = True

    record_complete_url: (
        Annotated[
            Url,
            Delivers("recordComplete"),
            Meta(
                description="Asked when the recording ends, unless by hangup; its document runs next."
            ),
        ]
        | None
    ) = None
    record_complete_method: Method | None = None
    record_complete_fallback_url: (
        Annotated[Url, Meta(description="Second try when record_complete_url does not respond.")]
        | None
    ) = None
    record_complete_fallback_method: Method | None = None
    recording_available_url: (
        Annotated[
            Url,
            Delivers("recordingAvailable"),
            Meta(description="Told when the file can be downloaded."),
        ]
        | None
    ) = None
    recording_available_method: Method | None = None
    transcribe: Transcribe | None = None
    detect_language: DetectLanguage | None = None
    transcription_available_url: TranscriptionAvailableUrl | None = None
    transcription_available_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    terminating_digits: (
        Annotated[
            Digits,
            Assumes("#"),
            Meta(description="Any of these ends the recording; empty: none does."),
        ]
        | None
    ) = None
    max_duration: (
        Annotated[
            int,
            Meta(le=10800, description="Seconds of the longest recording."),
            Assumes(60),
            Uncertain("The minimum is not documented."),
        ]
        | None
    ) = None
    silence_timeout: (
        Annotated[
            Seconds,
            Meta(ge=0, le=10800, description="Seconds of silence that end it; 0: none do."),
            Assumes(0),
            Breaks("record-silence-max"),
        ]
        | None
    ) = None
    file_format: Format | None = None
    recording_name: RecordingName | None = None

    def across(self) -> Iterable[Fault]:
        """Credentials go to https URLs only (documented)."""
        return unencrypted(self)


class StartRecording(Verb, frozen=True, kw_only=True):
    """Records the call or the conference in the background, until ``StopRecording`` or its end.

    Only one may be active: a second one is ignored.
    """

    https_only: ClassVar[bool] = True
    background: ClassVar[bool] = True
    in_conference: ClassVar[bool] = True

    recording_available_url: (
        Annotated[
            Url,
            Delivers("recordingAvailable", ("conferenceRecordingAvailable",)),
            Meta(description="Told when the file can be downloaded."),
        ]
        | None
    ) = None
    recording_available_method: Method | None = None
    transcribe: Annotated[Transcribe, NotInConference] | None = None
    detect_language: DetectLanguage | None = None
    transcription_available_url: Annotated[TranscriptionAvailableUrl, NotInConference] | None = None
    transcription_available_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    tag: Annotated[Tag, NotInConference] | None = None
    file_format: Format | None = None
    multi_channel: (
        Annotated[
            bool,
            Assumes(False),
            NotInConference,
            Meta(description="Two channels, one for each side of the call."),
        ]
        | None
    ) = None
    recording_name: RecordingName | None = None

    def across(self) -> Iterable[Fault]:
        """Credentials go to https URLs only (documented)."""
        return unencrypted(self)


class PauseRecording(Verb, frozen=True):
    """Pauses the recording that ``StartRecording`` began."""

    background: ClassVar[bool] = True
    in_conference: ClassVar[bool] = True


class ResumeRecording(Verb, frozen=True):
    """Goes on with a paused recording."""

    background: ClassVar[bool] = True
    in_conference: ClassVar[bool] = True


class StopRecording(Verb, frozen=True):
    """Ends the recording that ``StartRecording`` began, paused or not."""

    background: ClassVar[bool] = True
    in_conference: ClassVar[bool] = True
