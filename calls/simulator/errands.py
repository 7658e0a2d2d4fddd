"""What the engine wants done outside, and what comes of it."""

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from bxml._declare import NoRichRepr
from calls.events import Event


class Target(Struct, frozen=True, gc=False):
    """Where a webhook goes, and how."""

    url: str
    method: str = "POST"
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Target({self.method} {self.url})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Targets(Struct, frozen=True, gc=False):
    """Where a webhook goes first, and where if that fails."""

    main: Target
    fallback: Target | None = None


class Application(Struct, frozen=True):
    """A voice application: where the webhooks of inbound calls go."""

    initiate: Targets
    disconnect: Target | None = None
    application_id: str = "0f0e0d0c-1111-4222-8333-444455556666"
    callback_timeout: float = 15.0


class Delivery(Struct, frozen=True, gc=False):
    """A webhook that is to be sent. ``call_id`` is that of the call, or of the conference."""

    id: int
    call_id: str
    event: Event
    target: Target
    fallback: Target | None
    timeout: float
    attempt: int = 1

    @property
    def body(self) -> bytes:
        """The event as the platform writes it."""
        return self.event.to_json()


class Answered(Struct, frozen=True, gc=False):
    """What an application replied."""

    status: int
    content: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Only read where an audio file is fetched."""


class Unanswered(Struct, frozen=True, gc=False):
    """Why there was no reply. ``timed_out``: it took longer than the platform waits."""

    reason: str
    timed_out: bool = False


class Opening(Struct, frozen=True):
    """A websocket that is to be opened."""

    socket_id: str
    url: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Opening({self.socket_id!r}, {self.url!r})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Sending(Struct, frozen=True):
    """A message for a websocket."""

    socket_id: str
    text: str


class Closing(Struct, frozen=True):
    """A websocket that is to be closed."""

    socket_id: str


class Measuring(Struct, frozen=True):
    """An audio file whose length is to be found out."""

    url: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Measuring({self.url!r})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Audio(Struct, frozen=True):
    """What was found out of an audio file."""

    seconds: float | None = None
    """How long it plays, if that is known."""
    trouble: str | None = None
    """Why it is not."""
    is_playable: bool = True
    fresh_seconds: float = 0.0
    """How long it need not be fetched again (RFC 7234)."""


Errand: TypeAlias = Delivery | Opening | Sending | Closing | Measuring
"""Something that the engine wants done outside."""
