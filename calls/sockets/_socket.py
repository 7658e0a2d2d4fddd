"""A websocket of the platform as what comes over it, from the first message to the last."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Self, TypeVar

from calls.sockets._errors import invalid
from calls.sockets.connection import Connection
from calls.sockets.message import Message, UnknownMessage

Start = TypeVar("Start", bound=Message)
Content = TypeVar("Content", bound=Message)
Stop = TypeVar("Stop", bound=Message)


class Socket(ABC, Generic[Start, Content, Stop]):
    """What the two kinds of sockets have in common.

    Attributes:
        start: The first message.
        stopped: The last message, once it has come. It stays None if the peer closes without one.
    """

    _start_class: ClassVar[type[Any]]
    _stop_class: ClassVar[type[Any]]

    def __init__(self, connection: Connection, start: Start) -> None:
        self._connection = connection
        self._is_over = False
        self.start: Start = start
        self.stopped: Stop | None = None

    @classmethod
    async def open(cls, connection: Connection) -> Self:
        """Wait for the first message.

        Raises:
            InvalidMessage: It is another than ``start``, or the peer closed without one.
        """
        text = await connection.receive_text()
        if text is None:
            raise invalid("closed before the message start")
        first = cls._parse(text)
        if not isinstance(first, cls._start_class):
            raise invalid(f"the first message must be start (got {first.event_type})")
        return cls(connection, first)

    def __aiter__(self) -> Self:
        """What comes, until ``stop`` or until the peer closes; each message once."""
        return self

    async def __anext__(self) -> Content | UnknownMessage:
        """The next message.

        Raises:
            InvalidMessage: What came is no message, or a second ``start``.
        """
        text = None if self._is_over else await self._connection.receive_text()
        if text is None:
            self._is_over = True
            raise StopAsyncIteration
        message = self._parse(text)
        if isinstance(message, self._stop_class):
            self.stopped = message
            self._is_over = True
            raise StopAsyncIteration
        if isinstance(message, self._start_class):
            raise invalid("the message start came a second time")
        content: Content | UnknownMessage = message
        return content

    async def close(self) -> None:
        """Close the websocket: the platform ends what it sent. Nothing more is read."""
        self._is_over = True
        await self._connection.close()

    @classmethod
    @abstractmethod
    def _parse(cls, text: str) -> Any: ...
