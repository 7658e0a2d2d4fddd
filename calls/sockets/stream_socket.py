"""The websocket of a ``StartStream``, in the application."""

from calls.sockets._socket import Socket
from calls.sockets.stream import (
    ClearMessage,
    PlayAudioMessage,
    SampleRate,
    StreamMedia,
    StreamMessage,
    StreamStart,
    StreamStop,
    parse_stream_message,
)


class StreamSocket(Socket[StreamStart, StreamMedia, StreamStop]):
    """The audio of a call, to hear and, in a bidirectional stream, to speak.

    ``async for message in socket`` gives the media of all tracks in the order in which they come,
    and messages of types that are not known here. Keys are documented not to come: see
    ``StartGather``.

    Attributes:
        start: Which stream it is, and its parameters.
        stopped: The message ``stop``, once it has come.
    """

    _start_class = StreamStart
    _stop_class = StreamStop

    async def play(self, pcmu: bytes) -> None:
        """Play G.711 mu-law, 8 kHz, mono, after what is queued already.

        This returns when it is sent; nothing tells when it is heard. A stream that is not
        bidirectional plays nothing.
        """
        await self._connection.send_text(PlayAudioMessage.pcmu(pcmu).to_json())

    async def play_pcm(self, pcm: bytes, *, sample_rate: SampleRate) -> None:
        """Play 16-bit signed little-endian samples, mono, after what is queued already.

        Raises:
            InvalidRequest: A rate that the platform does not take; half a sample at the end.
        """
        message = PlayAudioMessage.pcm(pcm, sample_rate=sample_rate)
        await self._connection.send_text(message.to_json())

    async def clear(self) -> None:
        """Throw away the audio that is queued."""
        await self._connection.send_text(ClearMessage().to_json())

    @classmethod
    def _parse(cls, text: str) -> StreamMessage:
        return parse_stream_message(text)
