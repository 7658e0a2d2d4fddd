"""What every message of a websocket is: an object that says its type."""

from typing import Any

import msgspec
from msgspec import Struct

from bxml._declare import vendor_name

_encode = msgspec.json.Encoder().encode


class Message(
    Struct,
    frozen=True,
    kw_only=True,
    rename=vendor_name,
    omit_defaults=True,
    tag_field="eventType",
):
    """Base of the messages that are known. Their order is the only thing that connects them."""

    @property
    def event_type(self) -> str:
        """The vendor's name of the message, such as ``playAudio``."""
        return str(self.__struct_config__.tag)

    def to_json(self) -> str:
        """The text that goes over the websocket."""
        return _encode(self).decode()


class UnknownMessage(Struct, frozen=True, kw_only=True):
    """A message of a type that is not known here.

    Attributes:
        event_type: Its type, as it came.
        data: All that came.
    """

    event_type: str
    data: dict[str, Any]
