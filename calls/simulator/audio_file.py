"""How long an audio file plays, and how long it may be kept."""

import io
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from calls.simulator.errands import Answered, Audio

_FORMATS = {
    b"audio/wav": ".wav",
    b"audio/x-wav": ".wav",
    b"audio/mpeg": ".mp3",
    b"audio/mpeg3": ".mp3",
    b"audio/mp3": ".mp3",
}
"""What the content types say that the platform knows (documented)."""


def audio_in(reply: Answered, url: str) -> Audio:
    """What an audio file is: by its content type, else by its extension; without either a .wav."""
    headers = {name.lower(): value for name, value in reply.headers}
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    fresh = _fresh_seconds(headers)
    suffix = _FORMATS.get(kind) or PurePosixPath(urlsplit(url).path).suffix.lower() or ".wav"
    if suffix not in (".wav", ".mp3"):
        why = f"it is neither .wav nor .mp3, by its type ({kind.decode('latin-1')}) or its name"
        return Audio(trouble=why, is_playable=False, fresh_seconds=fresh)
    found = _seconds_of(reply.content, f"file{suffix}")
    if isinstance(found, str):
        return Audio(trouble=found, fresh_seconds=fresh)
    return Audio(seconds=found, fresh_seconds=fresh)


def _fresh_seconds(headers: Mapping[bytes, bytes]) -> float:
    """How long a reply may be kept: as long as max-age says, else until Expires, else not at all."""
    said = re.search(rb"max-age=(\d{1,10})", headers.get(b"cache-control", b"").lower())
    if b"no-store" in headers.get(b"cache-control", b"").lower():
        return 0.0
    if said:
        return float(said[1])
    try:
        expires = parsedate_to_datetime(headers[b"expires"].decode("latin-1"))
        made = parsedate_to_datetime(headers[b"date"].decode("latin-1"))
        return max((expires - made).total_seconds(), 0.0)
    except (KeyError, ValueError, TypeError):
        return 0.0


def _seconds_of(content: bytes, name: str) -> float | str:
    """How long an audio file plays; or why that cannot be found out."""
    try:
        import mutagen  # noqa: PLC0415  # an extra
    except ImportError:
        return 'its length needs the audio extra: pip install "bxml-calls[audio]"'
    try:
        source = io.BytesIO(content)
        source.name = name  # an MP3 file has no beginning that is its own
        file: Any = mutagen.File(source)
    except Exception as error:  # noqa: BLE001  # whatever a hostile file does to its reader
        return f"it cannot be read ({type(error).__name__})"
    seconds = getattr(getattr(file, "info", None), "length", None)
    return "it is no audio file that is known" if seconds is None else float(seconds)
