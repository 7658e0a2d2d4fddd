"""The websocket of a ``StartTranscription``, in the application."""

from calls.sockets._socket import Socket
from calls.sockets.transcription import (
    TranscriptionMessage,
    TranscriptionResult,
    TranscriptionStart,
    TranscriptionStop,
    parse_transcription_message,
)


class TranscriptionSocket(Socket[TranscriptionStart, TranscriptionResult, TranscriptionStop]):
    """What is said in a call, to read as it is said.

    ``async for message in socket`` gives the results of all tracks in the order in which they come,
    and messages of types that are not known here.

    Attributes:
        start: Which transcription it is, and its parameters.
        stopped: The message ``stop``, once it has come.
    """

    _start_class = TranscriptionStart
    _stop_class = TranscriptionStop

    @classmethod
    def _parse(cls, text: str) -> TranscriptionMessage:
        return parse_transcription_message(text)
