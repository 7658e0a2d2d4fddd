"""The websockets of ``StartStream`` and ``StartTranscription``: their messages, and sockets of them.

    async def echo(socket: StreamSocket) -> None:
        async for message in socket:
            if isinstance(message, StreamMedia):
                await socket.play(message.payload)

``calls.webhooks`` serves such a function. ``calls.sockets.audio`` has what audio needs.
"""

from calls.sockets._errors import InvalidMessage
from calls.sockets.connection import Connection
from calls.sockets.message import Message, UnknownMessage
from calls.sockets.stream import (
    Audio,
    ClearMessage,
    MediaFormat,
    OutgoingMessage,
    PlayAudioMessage,
    SampleRate,
    StreamMedia,
    StreamMessage,
    StreamMetadata,
    StreamStart,
    StreamStop,
    StreamTrack,
    parse_outgoing,
    parse_stream_message,
)
from calls.sockets.stream_socket import StreamSocket
from calls.sockets.transcription import (
    TranscriptionItem,
    TranscriptionMessage,
    TranscriptionMetadata,
    TranscriptionResult,
    TranscriptionStart,
    TranscriptionStop,
    TranscriptionTrack,
    parse_transcription_message,
)
from calls.sockets.transcription_socket import TranscriptionSocket

__all__ = [
    "Audio",
    "ClearMessage",
    "Connection",
    "InvalidMessage",
    "MediaFormat",
    "Message",
    "OutgoingMessage",
    "PlayAudioMessage",
    "SampleRate",
    "StreamMedia",
    "StreamMessage",
    "StreamMetadata",
    "StreamSocket",
    "StreamStart",
    "StreamStop",
    "StreamTrack",
    "TranscriptionItem",
    "TranscriptionMessage",
    "TranscriptionMetadata",
    "TranscriptionResult",
    "TranscriptionSocket",
    "TranscriptionStart",
    "TranscriptionStop",
    "TranscriptionTrack",
    "UnknownMessage",
    "parse_outgoing",
    "parse_stream_message",
    "parse_transcription_message",
]
