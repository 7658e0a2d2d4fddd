"""The sound of what is said, as bytes: a tone where somebody speaks or plays, silence elsewhere.

Nothing here synthesizes speech. What is right is the length, the format and where it is silent.
"""

import io
import math
import re
import struct
import wave

from calls.simulator.state import Recording, Said
from calls.sockets import PlayAudioMessage

RATE = 8000
"""Samples a second, as on the telephone."""

_PERIOD = b"".join(
    struct.pack("<h", round(8000 * math.sin(2 * math.pi * index / 20))) for index in range(20)
)
"""One period of a tone of 400 Hz, 16-bit little-endian."""

_PCMU_PERIOD = bytes.fromhex("ffbbada6a1a0a1a6adbbff3b2d26212021262d3b")
"""The same in G.711 mu-law."""

_PCMU_SILENCE = b"\xff"

_MP3_FRAMES = {
    1: bytes.fromhex("ffe318c4") + bytes(68),
    2: bytes.fromhex("ffe31804") + bytes(68),
}
"""A frame of silence, by channels: MPEG-2.5 layer III, 8 kHz, 8 kbit/s, 576 samples."""

_MP3_FRAME_SECONDS = 576 / RATE

_LINEAR = re.compile(r"audio/pcm;rate=(8000|16000|24000);")


def pcmu(seconds: float, *, silent: bool) -> bytes:
    """G.711 mu-law, 8 kHz, mono."""
    size = round(seconds * RATE)
    pattern = _PCMU_SILENCE if silent else _PCMU_PERIOD
    return (pattern * (size // len(pattern) + 1))[:size]


def outgoing_seconds(message: PlayAudioMessage) -> float:
    """How long audio plays that an application sends. What is no audio that is known: not at all."""
    media = message.media
    size = len(media.payload)
    if media.content_type.lower() == "audio/pcmu":
        return size / RATE
    linear = _LINEAR.match(media.content_type.lower().replace(" ", ""))
    return size / 2 / int(linear[1]) if linear else 0.0


def media(recording: Recording) -> tuple[bytes, str]:
    """The file of a recording and its content type."""
    if recording.file_format == "mp3":
        frames = round(recording.seconds / _MP3_FRAME_SECONDS)
        return _MP3_FRAMES[recording.channels] * frames, "audio/mpeg"
    tracks = ("inbound", "outbound")
    sides = [[said for said in recording.said if said.track == track] for track in tracks]
    if recording.channels == 1:
        sides = [recording.said]
    return _wav([_side(recording, side) for side in sides]), "audio/vnd.wave"


def _side(recording: Recording, said: list[Said]) -> bytes:
    samples = bytearray(2 * round(recording.seconds * RATE))
    for each in said:
        for start, end in _within(recording, each):
            first, last = 2 * round(start * RATE), 2 * round(end * RATE)
            last = min(last, len(samples))
            size = max(last - first, 0)
            samples[first:last] = (_PERIOD * (size // len(_PERIOD) + 1))[:size]
    return bytes(samples)


def _within(recording: Recording, said: Said) -> list[tuple[float, float]]:
    """Where in the file something was said, in seconds: what was paused is not in it."""
    found, before = [], 0.0
    for start, end in recording.spans:
        first, last = max(said.start, start), min(said.end, end)
        if first < last:
            found.append((before + first - start, before + last - start))
        before += end - start
    return found


def _wav(sides: list[bytes]) -> bytes:
    samples = sides[0]
    if len(sides) == 2:
        both = bytearray(2 * len(samples))
        for channel, side in enumerate(sides):
            both[2 * channel :: 4] = side[0::2]
            both[2 * channel + 1 :: 4] = side[1::2]
        samples = bytes(both)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(len(sides))
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples)
    return file.getvalue()
