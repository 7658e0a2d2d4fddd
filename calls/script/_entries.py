"""What a journal holds of a call, entry by entry: all that its script cannot work out for itself.

``at`` is the time at which an entry was written, by the application's own clock.
"""

from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """An entry; it is written as an array with its kind first."""


class Begun(Entry, frozen=True, tag="begun"):
    """A script began, with an event."""

    script: str
    seed: int
    at: datetime
    event: Raw


class Came(Entry, frozen=True, tag="came"):
    """The event came that a step was waiting for."""

    step: int
    asked: str
    at: datetime
    event: Raw


class Ran(Entry, frozen=True, tag="ran"):
    """Something was run, and returned this, or raised an error of that name."""

    step: int
    asked: str
    at: datetime
    result: Raw
    error: str | None = None


class Tried(Entry, frozen=True, tag="tried"):
    """Something is going to be run that must not be run twice."""

    step: int
    asked: str


class Sent(Entry, frozen=True, tag="sent"):
    """Somebody sent the script a message."""

    at: datetime
    message: Raw


class Over(Entry, frozen=True, tag="over"):
    """The caller is gone, or the call was sent elsewhere, as an event told."""

    at: datetime
    event: Raw


AnyEntry: TypeAlias = Begun | Came | Ran | Tried | Sent | Over

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyEntry).decode
