"""Reading a message that a stranger may have written."""

from typing import Any, Generic, TypeVar

import msgspec

from calls.sockets._errors import invalid
from calls.sockets.message import Message, UnknownMessage

LARGEST = 1_048_576
"""Bytes of a message that are read. One of the platform's holds 20 ms of audio: 300 bytes."""

M = TypeVar("M", bound=Message)

# ValueError: bytes that are not UTF-8, and numbers of thousands of digits.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

_any = msgspec.json.Decoder(dict[str, Any])


class Reader(Generic[M]):
    """Reads the messages of one direction of one kind of websocket."""

    def __init__(self, where: str, *classes: type[M]) -> None:
        self._where = where
        self._classes: Any = classes[0]
        for each in classes[1:]:
            self._classes |= each
        self._names = frozenset(str(each.__struct_config__.tag) for each in classes)
        self._known: msgspec.json.Decoder[M] = msgspec.json.Decoder(self._classes)

    def read(self, text: str | bytes) -> M | UnknownMessage:
        """The message; ``null`` is read as if the field were absent.

        Raises:
            InvalidMessage: Whatever is wrong with it.
        """
        data = self._bytes_of(text)
        try:
            return self._known.decode(data)
        except _UNREADABLE as error:
            reason = str(error)
        try:
            fields = _any.decode(data)
            name = fields.get("eventType")
            if isinstance(name, str) and name not in self._names:
                return UnknownMessage(event_type=name, data=fields)
            message: M = msgspec.convert(_without_nulls(fields), self._classes)
        except _UNREADABLE as error:
            # The first reading knows best what is no JSON; the second, what is wrong without nulls.
            words = str(error) if isinstance(error, msgspec.ValidationError) else reason
            raise self._invalid(words) from None
        return message

    def _bytes_of(self, text: str | bytes) -> bytes:
        if not isinstance(text, str | bytes):
            raise self._invalid(f"Expected text, got {type(text).__name__}")
        size = len(text)
        if size <= LARGEST:
            data = text.encode(errors="replace") if isinstance(text, str) else text
            size = len(data)
            if size <= LARGEST:
                return data
        raise self._invalid(f"It may hold at most {LARGEST:,} bytes (got {size:,})")

    def _invalid(self, reason: str) -> Exception:
        return invalid(f"not a message {self._where}: {reason}")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value
