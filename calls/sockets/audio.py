"""G.711 mu-law, 8 kHz, mono: the audio of a stream, and 16-bit samples from it and for it.

Up to Python 3.12 the standard library does the work; from 3.13 on it needs the extra ``audio``.
"""

import sys
import warnings
from collections.abc import Iterator

from bxml._kinds import shown
from calls.errors import refuse

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.13 takes it out, and knows no other
        import audioop
except ImportError as error:
    raise ImportError(
        'the standard library has no audioop from Python 3.13 on: pip install "bxml-calls[audio]"'
    ) from error

BYTES_PER_MILLISECOND = 8
SILENCE = b"\xff"


def pcmu_to_pcm(pcmu: bytes) -> bytes:
    """Mu-law as 16-bit signed little-endian samples, mono, 8 kHz: twice as many bytes."""
    return _little_endian(audioop.ulaw2lin(pcmu, 2))


def pcm_to_pcmu(pcm: bytes) -> bytes:
    """Samples, 16-bit signed little-endian, mono, 8 kHz, as mu-law: half as many bytes.

    Raises:
        InvalidRequest: Half a sample at the end.
    """
    if len(pcm) % 2:
        refuse("pcm", f"must be samples of two bytes each (got {len(pcm):,} bytes)")
    return audioop.lin2ulaw(_little_endian(pcm), 2)


def silence(milliseconds: int) -> bytes:
    """Silence in mu-law."""
    if type(milliseconds) is not int or milliseconds < 0:
        refuse("milliseconds", f"must be a whole number from 0 (got {shown(milliseconds)})")
    return SILENCE * (milliseconds * BYTES_PER_MILLISECOND)


def frames(pcmu: bytes, milliseconds: int = 20) -> Iterator[bytes]:
    """Mu-law in pieces of so many milliseconds each; the last one may be shorter."""
    if type(milliseconds) is not int or milliseconds < 1:
        refuse("milliseconds", f"must be a whole number from 1 (got {shown(milliseconds)})")
    size = milliseconds * BYTES_PER_MILLISECOND
    return (pcmu[start : start + size] for start in range(0, len(pcmu), size))


def _little_endian(samples: bytes) -> bytes:
    """Samples in the machine's order from little-endian ones, or the other way round."""
    return samples if sys.byteorder == "little" else audioop.byteswap(samples, 2)
