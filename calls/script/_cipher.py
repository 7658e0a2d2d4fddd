"""Entries of a journal, encrypted with a key. Needs the extra ``encrypt``."""

from collections.abc import Sequence

from calls.errors import refuse
from calls.script.errors import JournalFailed


class Encrypted:
    """Entries encrypted by Fernet keys (AES-128 and HMAC-SHA256), each bound to its place.

    Args:
        keys: Keys by ``cryptography.fernet.Fernet.generate_key()``. The first one encrypts; all of
            them decrypt, so that keys can be changed while calls go on.
    """

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        try:
            from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415
        except ImportError as error:
            raise ImportError(
                'a key needs cryptography: pip install "bxml-calls[encrypt]"', name=error.name
            ) from error
        try:
            self._fernet = MultiFernet([Fernet(each) for each in keys])
        except (TypeError, ValueError):
            # The message says nothing of what was given: it may be most of a key.
            refuse("key", "must be 32 bytes in URL-safe base64, as Fernet.generate_key() makes")
        self._unreadable = InvalidToken

    def close(self, call_id: str, number: int, entry: bytes) -> bytes:
        """Encrypt an entry together with its place, so that it counts nowhere else."""
        return self._fernet.encrypt(_place(call_id, number) + entry)

    def open(self, call_id: str, number: int, held: bytes) -> bytes:
        """Decrypt an entry.

        Raises:
            JournalFailed: It is encrypted by another key, or belongs elsewhere, or was changed.
        """
        try:
            opened = self._fernet.decrypt(held)
        except self._unreadable:
            raise JournalFailed(
                f"entry {number} of {call_id} is not encrypted by this key"
            ) from None
        place = _place(call_id, number)
        if not opened.startswith(place):
            raise JournalFailed(f"entry {number} of {call_id} belongs elsewhere")
        return opened[len(place) :]


def _place(call_id: str, number: int) -> bytes:
    return f"{number} {call_id}\n".encode()
