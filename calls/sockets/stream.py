"""The messages of ``StartStream``: the call's audio, and audio for the call.

The platform sends one ``start``, any number of ``media`` and one ``stop``. Where the verb says
``mode="bidirectional"``, the application may send ``playAudio`` and ``clear``. Keys that are pressed
are documented not to come over the websocket: ``StartGather`` has them sent to a webhook.
"""

from typing import Literal, Self, TypeAlias, get_args

from msgspec import Struct, field

from bxml._declare import vendor_name
from bxml._kinds import shown
from calls.errors import refuse
from calls.sockets._read import Reader
from calls.sockets.message import Message, UnknownMessage

PCMU = "audio/pcmu"
"""The content type of G.711 mu-law, 8 kHz, mono."""

PCM = "audio/pcm;rate={};channels=1;bit-depth=16;endian=little;encoding=signed"
"""The content type of linear PCM, but for its rate."""

SampleRate: TypeAlias = Literal[8000, 16000, 24000]
"""Samples a second of linear PCM that the platform plays."""


class MediaFormat(Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """How the audio of a track is encoded.

    Attributes:
        encoding: ``PCMU`` so far: G.711 mu-law.
        sample_rate: Samples a second, 8000 so far.
    """

    encoding: str | None = None
    sample_rate: int | None = None


class StreamTrack(Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """One direction of the call's audio.

    Attributes:
        name: ``inbound`` or ``outbound``; the ``track`` of its media.
        media_format: How its audio is encoded.
    """

    name: str
    media_format: MediaFormat | None = None


class StreamMetadata(Struct, frozen=True, kw_only=True, rename=vendor_name, omit_defaults=True):
    """Which stream it is.

    Attributes:
        call_id: The call.
        stream_id: The stream, ``s-…``.
        account_id: The account of the call.
        stream_name: The verb's ``name``, or the one that was made.
        tracks: What is sent.
    """

    call_id: str
    stream_id: str
    account_id: str | None = None
    stream_name: str | None = None
    tracks: tuple[StreamTrack, ...] = ()


class StreamStart(Message, frozen=True, kw_only=True, tag="start"):
    """The first message.

    Attributes:
        metadata: Which stream it is.
        stream_params: What the verb's ``StreamParam`` tags say, by name; empty if it has none.
    """

    metadata: StreamMetadata
    stream_params: dict[str, str] = field(default_factory=dict)


class StreamMedia(Message, frozen=True, kw_only=True, tag="media"):
    """Audio of the call, 20 ms of it in what was seen.

    Attributes:
        track: The track that it belongs to, ``inbound`` or ``outbound``.
        payload: The audio itself, in the track's format.
        sequence_number_as_sent: The number as it came, text by the documentation.
    """

    track: str
    payload: bytes
    sequence_number_as_sent: str | int | None = field(default=None, name="sequenceNumber")

    @property
    def sequence_number(self) -> int | None:
        """Counts from 1; None where there is none, or none that is a number."""
        sent = str(self.sequence_number_as_sent)
        return int(sent) if sent.isascii() and sent.isdecimal() and len(sent) <= 20 else None


class StreamStop(Message, frozen=True, kw_only=True, tag="stop"):
    """The last message.

    Attributes:
        metadata: Which stream it was.
    """

    metadata: StreamMetadata


class Audio(Struct, frozen=True, kw_only=True, rename=vendor_name):
    """Audio to play.

    Attributes:
        content_type: What the payload is: ``audio/pcmu``, or ``audio/pcm`` with its parameters.
        payload: The audio itself.
    """

    content_type: str
    payload: bytes


class PlayAudioMessage(Message, frozen=True, kw_only=True, tag="playAudio"):
    """Play audio to the call, after what is queued already.

    No limit of its size is documented, and no message says that it was played.

    Attributes:
        media: The audio. ``pcmu`` and ``pcm`` build it with the right content type.
    """

    media: Audio

    @classmethod
    def pcmu(cls, payload: bytes) -> Self:
        """Play G.711 mu-law, 8 kHz, mono, which is what comes as well."""
        return cls(media=Audio(content_type=PCMU, payload=_bytes(payload)))

    @classmethod
    def pcm(cls, payload: bytes, *, sample_rate: SampleRate) -> Self:
        """Play linear PCM: 16-bit signed little-endian samples, mono.

        Raises:
            InvalidRequest: A rate that the platform does not take; half a sample at the end.
        """
        if type(sample_rate) is not int or sample_rate not in get_args(SampleRate):
            refuse("sample_rate", f"must be 8000, 16000 or 24000 (got {shown(sample_rate)})")
        if len(_bytes(payload)) % 2:
            refuse("payload", f"must be samples of two bytes each (got {len(payload):,} bytes)")
        return cls(media=Audio(content_type=PCM.format(sample_rate), payload=payload))


class ClearMessage(Message, frozen=True, kw_only=True, tag="clear"):
    """Throw away the audio that is queued, when the caller interrupts for example."""


StreamMessage: TypeAlias = StreamStart | StreamMedia | StreamStop | UnknownMessage
OutgoingMessage: TypeAlias = PlayAudioMessage | ClearMessage | UnknownMessage

_incoming: Reader[StreamStart | StreamMedia | StreamStop] = Reader(
    "of a stream", StreamStart, StreamMedia, StreamStop
)
_outgoing: Reader[PlayAudioMessage | ClearMessage] = Reader(
    "to a stream", PlayAudioMessage, ClearMessage
)


def parse_stream_message(text: str | bytes) -> StreamMessage:
    """Read what the platform sends over the websocket of a ``StartStream``.

    Raises:
        InvalidMessage: It is not a JSON object with an ``eventType``, it is larger than 1 MiB, or a
            field of a known message is missing or of the wrong type.
    """
    return _incoming.read(text)


def parse_outgoing(text: str | bytes) -> OutgoingMessage:
    """Read what an application sends to the platform over the websocket of a ``StartStream``.

    Raises:
        InvalidMessage: As for ``parse_stream_message``.
    """
    return _outgoing.read(text)


def _bytes(payload: bytes) -> bytes:
    if not isinstance(payload, bytes):
        refuse("payload", f"must be bytes (got {shown(payload)})")
    return payload
