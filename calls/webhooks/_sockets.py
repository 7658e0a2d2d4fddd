"""The websockets of StartStream and StartTranscription, from the server's side."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from bxml._kinds import shown
from calls.errors import refuse
from calls.sockets import InvalidMessage, StreamSocket, TranscriptionSocket

logger = logging.getLogger("calls")

SocketHandler: TypeAlias = Callable[[Any], Awaitable[None]]

NORMAL, INVALID, SILENT, FAILED = 1000, 1007, 1008, 1011
"""Close codes (RFC 6455): all is said; what came is no message, or nothing; a handler failed."""


class SocketDoor:
    """The handler of one path: an ASGI application below the router."""

    def __init__(self, function: SocketHandler, seconds: float) -> None:
        self._function = function
        self._seconds = seconds
        self._name = getattr(function, "__qualname__", type(function).__name__)
        self._socket = _kind(function, self._name)

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        """Hold the connection for as long as the handler runs."""
        await receive()
        await send({"type": "websocket.accept"})
        connection = _Connection(receive, send)
        await connection.close(await self._held(connection))

    async def _held(self, connection: "_Connection") -> int:
        """Run the handler: the code with which the connection is closed."""
        start = asyncio.timeout(self._seconds)
        try:
            async with start:
                socket = await self._socket.open(connection)
            await self._function(socket)
        except InvalidMessage as error:
            logger.error("%s: %s", self._name, error)  # noqa: TRY400  # the words say it all
            return INVALID
        except (Exception, SystemExit) as error:
            if isinstance(error, TimeoutError) and start.expired():
                return SILENT
            logger.exception("%s: failed", self._name)
            return FAILED
        return NORMAL


class _Connection:
    """A websocket by the three things that are done with it."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._receive = receive
        self._send = send
        self._is_open = True

    async def receive_text(self) -> str | None:
        """The next message; None if the other side has left."""
        if not self._is_open:
            return None
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_open = False
            return None
        text = message.get("text")
        if text is None:
            return bytes(message.get("bytes") or b"").decode(errors="replace")
        return str(text)

    async def send_text(self, text: str) -> None:
        """Send a message, unless the other side has left."""
        if not self._is_open:
            return
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError:  # how a server says that the client has gone (ASGI 2.4)
            self._is_open = False

    async def close(self, code: int = NORMAL) -> None:
        """Close it, if it is open."""
        if self._is_open:
            self._is_open = False
            try:
                await self._send({"type": "websocket.close", "code": code})
            except (OSError, RuntimeError):
                return  # the other side was quicker


def _kind(function: Any, name: str) -> type[StreamSocket | TranscriptionSocket]:
    """Which socket a handler takes."""
    if not inspect.iscoroutinefunction(function):
        refuse(name, f"must be an async function that takes a socket (got {shown(function)})")
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError as error:
        refuse(name, f"has an annotation that cannot be read where it is defined: {error}")
    kind = parameters[0].annotation if len(parameters) == 1 else None
    if kind is not StreamSocket and kind is not TranscriptionSocket:
        refuse(name, "must have one parameter, annotated StreamSocket or TranscriptionSocket")
    return kind
