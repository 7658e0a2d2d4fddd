"""The messages of ``StartTranscription``: what is said in the call, as it is said.

The platform sends one ``start``, any number of ``transcription`` and one ``stop``; the application
sends nothing. Fields whose documented form is uncertain are kept as they came, under a name that
ends in ``_as_sent``; the property without it is their meaning.
"""

from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct, field

from bxml._declare import vendor_name
from calls.sockets._read import Reader
from calls.sockets.message import Message, UnknownMessage


class TranscriptionTrack(Struct, frozen=True, kw_only=True, rename=vendor_name):
    """One side of the call.

    Attributes:
        name: ``inbound`` or ``outbound``; the ``track`` of its results.
    """

    name: str


class TranscriptionMetadata(
    Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True
):
    """Which transcription it is.

    Attributes:
        call_id: The call.
        real_time_transcription_id: The transcription, ``t-…``.
        account_id: The account of the call.
        transcription_name: The verb's ``name``, or the one that was made.
        tracks: What is transcribed.
        stabilized_as_sent: A boolean, or one in words; some examples lack it.
    """

    call_id: str
    real_time_transcription_id: str
    account_id: str | None = None
    transcription_name: str | None = None
    tracks: tuple[TranscriptionTrack, ...] = ()
    stabilized_as_sent: bool | str | None = field(default=None, name="stabilized")

    @property
    def stabilized(self) -> bool | None:
        """Whether only stable words are sent; None if it does not say."""
        return {"true": True, "false": False}.get(str(self.stabilized_as_sent).lower())


class TranscriptionStart(Message, frozen=True, kw_only=True, tag="start"):
    """The first message.

    Attributes:
        metadata: Which transcription it is.
        custom_params: What the verb's ``CustomParam`` tags say, by name; empty if it has none.
    """

    metadata: TranscriptionMetadata
    custom_params: dict[str, str] = field(default_factory=dict)


class _Timed(Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """Something that was said from one time to another.

    The documentation's own example, ``2023-03-31T20:05.101Z``, is no time by ISO 8601: such a one
    is None, and the text is in ``…_as_sent``.
    """

    start_time_as_sent: str | None = field(default=None, name="startTime")
    end_time_as_sent: str | None = field(default=None, name="endTime")

    @property
    def start_time(self) -> datetime | None:
        """When it began; None if that cannot be read."""
        return _time(self.start_time_as_sent)

    @property
    def end_time(self) -> datetime | None:
        """When it ended; None if that cannot be read."""
        return _time(self.end_time_as_sent)


class TranscriptionItem(_Timed, frozen=True, kw_only=True):
    """A word or a punctuation mark.

    Attributes:
        content: The word or the mark.
        start_time_as_sent: When it began, as it came.
        end_time_as_sent: When it ended, as it came.
        confidence: How sure the recognition is, from 0 to 1.
        stable: Whether it will stay as it is in the results that follow.
        type: ``PRONUNCIATION`` or ``PUNCTUATION`` so far.
    """

    content: str
    confidence: float | None = None
    stable: bool | None = None
    type: str | None = None


class TranscriptionResult(_Timed, Message, frozen=True, kw_only=True, tag="transcription"):
    """What was said, perhaps not all of it yet.

    Attributes:
        track: Who said it: ``inbound`` or ``outbound``.
        transcript: The text.
        is_partial: Whether a later result will say the same again, and more.
        start_time_as_sent: When it began, as it came.
        end_time_as_sent: When it ended, as it came.
        language: Its language, such as ``en-US``.
        items: The text word by word.
    """

    track: str
    transcript: str
    is_partial: bool
    language: str | None = None
    items: tuple[TranscriptionItem, ...] = ()


class TranscriptionStop(Message, frozen=True, kw_only=True, tag="stop"):
    """The last message.

    Attributes:
        metadata: Which transcription it was.
    """

    metadata: TranscriptionMetadata


TranscriptionMessage: TypeAlias = (
    TranscriptionStart | TranscriptionResult | TranscriptionStop | UnknownMessage
)

_reader: Reader[TranscriptionStart | TranscriptionResult | TranscriptionStop] = Reader(
    "of a transcription", TranscriptionStart, TranscriptionResult, TranscriptionStop
)


def parse_transcription_message(text: str | bytes) -> TranscriptionMessage:
    """Read what the platform sends over the websocket of a ``StartTranscription``.

    Raises:
        InvalidMessage: It is not a JSON object with an ``eventType``, it is larger than 1 MiB, or a
            field of a known message is missing or of the wrong type.
    """
    return _reader.read(text)


def _time(text: str | None) -> datetime | None:
    """The time that a text says; without a zone it is UTC, as all times of the platform are."""
    try:
        time = msgspec.convert(text, datetime)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):  # the latter at either end of the calendar
        return None
