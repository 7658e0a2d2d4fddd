"""The call's audio on a websocket, and its words: streams and transcriptions."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Container, Filled, Verb, appends
from bxml._credentials import unencrypted
from bxml._kinds import Fault, shown
from bxml.types import (
    Assumes,
    Breaks,
    CountsWith,
    Delivers,
    Form,
    Locales,
    Method,
    Name,
    Password,
    StreamMode,
    Tracks,
    Uncertain,
    Url,
    Username,
    WebSocketUrl,
)

_Tracks = Annotated[
    Tracks,
    Assumes("inbound"),
    Meta(description="inbound: what the platform receives; outbound: what it sends."),
]


class StreamParam(Verb, frozen=True):
    """A name and a value that go into the stream's first message."""

    name: Annotated[
        Name, Meta(max_length=256, description="Name of the parameter."), Breaks("stream-params")
    ]
    value: Annotated[
        str, Meta(max_length=2048, description="Value of the parameter."), Breaks("stream-params")
    ]


class _StreamTarget(Container[StreamParam], frozen=True):
    """What ``StartStream`` takes by position, in this order."""

    destination: Annotated[WebSocketUrl, Meta(description="The websocket, ws:// or wss://.")]
    children: Iterable[StreamParam] = ()


class StartStream(_StreamTarget, frozen=True, kw_only=True):
    """Sends the call's audio to a websocket in the background; both ways, if ``bidirectional``.

    It lasts until ``StopStream`` or the end of the call. As the last verb it is followed by the
    hangup that ends every document, so give the call something to do.
    """

    https_only: ClassVar[bool] = True
    background: ClassVar[bool] = True
    in_transfer_answer: ClassVar[bool | None] = None

    most: ClassVar[int] = 12
    limit_rule: ClassVar[str] = "stream-params"

    name: (
        Annotated[
            Name,
            Meta(description="Name for StopStream, unique on the call; absent: one is made."),
            Uncertain("Length and characters are not documented."),
        ]
        | None
    ) = None
    mode: (
        Annotated[
            StreamMode,
            Assumes("unidirectional"),
            Meta(description="bidirectional: the socket may also play into the call."),
        ]
        | None
    ) = None
    tracks: _Tracks | None = None
    destination_username: (
        Annotated[Username, Meta(description="User for the websocket's handshake.")] | None
    ) = None
    destination_password: (
        Annotated[Password, Meta(description="Password for the websocket's handshake.")] | None
    ) = None
    stream_event_url: (
        Annotated[
            Url,
            Delivers("mediaStreamStarted", ("mediaStreamRejected", "mediaStreamStopped")),
            Meta(description="Told what becomes of the stream."),
        ]
        | None
    ) = None
    stream_event_method: Method | None = None
    username: Username | None = None
    password: Password | None = None

    stream_param = appends(StreamParam)

    def across(self) -> Iterable[Fault]:
        """Credentials of webhooks go to https URLs only (documented)."""
        return unencrypted(self)

    def doubts(self) -> Iterable[Fault]:
        """A user without a password, or the other way round."""
        given = (self.destination_username is not None, self.destination_password is not None)
        if given[0] != given[1]:
            names = ("destination_username", "destination_password")
            has, lacks = names if given[0] else reversed(names)
            yield Fault("stream-destination-credentials", f"is given without {lacks}", has)


class _StreamName(Verb, frozen=True):
    """What ``StopStream`` cannot do without; declared apart, since only it is positional."""

    name: Annotated[Name, Meta(description="Name given to StartStream, or the one that was made.")]


class StopStream(_StreamName, frozen=True, kw_only=True):
    """Stops a stream by its name.

    With ``wait`` it holds the call until the stream has stopped. By the vendor's samples that is
    how to stay on a bidirectional stream until the far end closes it (inferred).
    """

    background: ClassVar[bool] = True
    in_transfer_answer: ClassVar[bool | None] = None

    wait: (
        Annotated[
            bool,
            Assumes(False),
            Meta(description="Go on only when the stream has stopped."),
            Uncertain("What it does when the far end does not close is not documented."),
        ]
        | None
    ) = None


class CustomParam(Verb, frozen=True):
    """A name and a value that go into the first message of a transcription's socket."""

    name: Annotated[
        Name,
        Meta(max_length=256, description="Name of the parameter."),
        Breaks("transcription-params"),
    ]
    value: Annotated[
        str,
        Meta(max_length=2048, description="Value of the parameter."),
        Breaks("transcription-params"),
    ]


class StartTranscription(Filled[CustomParam], frozen=True, kw_only=True):
    """Transcribes the call while it lasts, in the background, until ``StopTranscription``."""

    https_only: ClassVar[bool] = True
    background: ClassVar[bool] = True
    in_transfer_answer: ClassVar[bool | None] = None

    most: ClassVar[int] = 12
    limit_rule: ClassVar[str] = "transcription-params"

    name: (
        Annotated[
            str,
            Meta(
                max_length=255,
                description="Name for StopTranscription, unique on the call; absent: one is made.",
            ),
            Form("[A-Za-z0-9_-]+", "letters, digits, '_' and '-'"),
        ]
        | None
    ) = None
    tracks: _Tracks | None = None
    transcription_event_url: (
        Annotated[
            Url,
            Delivers(
                "realTimeTranscriptionStarted",
                (
                    "realTimeTranscriptionRejected",
                    "realTimeTranscriptionStopped",
                    "realTimeTranscriptionAvailable",
                ),
            ),
            Meta(description="Told what becomes of the transcription."),
        ]
        | None
    ) = None
    transcription_event_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    destination: (
        Annotated[
            WebSocketUrl, Meta(description="The websocket that gets the words as they are spoken.")
        ]
        | None
    ) = None
    stabilized: (
        Annotated[
            bool,
            Assumes(True),
            CountsWith("destination", (), "stabilized-needs-destination"),
            Meta(description="Send words to the websocket only once they are stable."),
        ]
        | None
    ) = None
    detect_language: (
        Annotated[
            bool,
            Assumes(False),
            Meta(description="Find out the language instead of taking English."),
        ]
        | None
    ) = None
    preferred_languages: (
        Annotated[
            Locales,
            Assumes("en-US"),
            Meta(description="Locales to transcribe in, one dialect of each language."),
        ]
        | None
    ) = None

    custom_param = appends(CustomParam)

    def across(self) -> Iterable[Fault]:
        """Credentials go to https URLs only, ``preferred_languages`` excludes detection (documented)."""
        yield from unencrypted(self)
        wanted = self.preferred_languages
        if wanted is None:
            return
        rule = "preferred-languages-no-detect"
        if self.detect_language:
            yield Fault(
                rule, "must not be given while the language is detected", "preferred_languages"
            )
        languages: set[str] = set()
        for locale in wanted:
            language = locale.partition("-")[0].lower()
            if language in languages:
                words = f"must have one dialect of each language (got {shown(tuple(wanted))})"
                yield Fault(rule, words, "preferred_languages")
                return
            languages.add(language)


class StopTranscription(Verb, frozen=True, kw_only=True):
    """Stops one transcription of the call, or all of them."""

    background: ClassVar[bool] = True
    in_transfer_answer: ClassVar[bool | None] = None

    name: (
        Annotated[
            Name,
            Meta(description="Name given to StartTranscription; absent: all are stopped."),
        ]
        | None
    ) = None
