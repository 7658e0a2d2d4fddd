"""The HTTP face: the platform on a loopback port, for any client there is.

Needs the ``web`` extra.
"""

import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

try:
    import uvicorn
except ImportError as error:
    raise ImportError(
        "an HTTP server needs the web extra: pip install 'bxml-calls[web]'"
    ) from error

from calls.simulator.platform import LARGEST_REQUEST, Incoming, Outgoing

LOOPBACK = "127.0.0.1"

LARGEST_HEAD = 65_536
"""Bytes of all headers and of the URL of a request."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_HEAD_TOO_LARGE = Outgoing(431, b"Request Header Fields Too Large", {"content-type": "text/plain"})


def platform_app(handle: Callable[[Incoming], Outgoing]) -> App:
    """An ASGI application that gives every request to ``handle``.

    It does so on the event loop: what ``handle`` does takes microseconds, and handing it to a thread
    takes more.
    """

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(f"a connection of type {scope['type']!r}")
        path, query = scope.get("raw_path") or scope["path"].encode(), scope["query_string"]
        headers = scope["headers"]
        size = len(path) + len(query) + sum(len(name) + len(value) for name, value in headers)
        if size > LARGEST_HEAD:
            await _send(_HEAD_TOO_LARGE, send)
            return
        body = await _body(receive)
        if body is not None:
            request = Incoming(
                scope["method"],
                path.decode("latin-1"),
                query.decode("latin-1"),
                _headers(headers),
                body,
            )
            await _send(handle(request), send)

    return app


def _headers(given: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as a mapping; those that come twice are one, as HTTP says (RFC 9110, 5.2)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in given:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _body(receive: Receive) -> bytes | None:
    """A body, as far as it is of use; None if the client has left."""
    message = await receive()
    if not message.get("more_body", False) and message["type"] == "http.request":
        whole: bytes = message.get("body", b"")
        return whole
    body = bytearray(message.get("body", b""))
    while message.get("more_body", False) and len(body) <= LARGEST_REQUEST:
        message = await receive()
        body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else bytes(body)


@lru_cache(maxsize=64)
def _spelled(name: str) -> bytes:
    """The name of a header as the reference spells it: clients may look for ``Location`` only."""
    return name.title().encode("latin-1")


async def _send(reply: Outgoing, send: Send) -> None:
    headers = [(_spelled(name), value.encode("latin-1")) for name, value in reply.headers.items()]
    # 204 has no content, and so no length (RFC 9110, 8.6).
    if reply.status != 204 and "content-length" not in reply.headers:
        headers.append((b"Content-Length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


class Server:
    """An ASGI application on a loopback port, in a thread of its own.

    The system picks the port, unless one is asked for. A context manager: when it is left, the
    thread has ended and the port is free.
    """

    def __init__(self, app: Any, *, port: int = 0, ws: Any = "none") -> None:
        self._socket = socket.socket()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((LOOPBACK, port))
        except OSError:
            self._socket.close()
            raise
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            http="h11",  # the same on every machine, also where httptools is installed
            ws=ws,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=f"server {self.url}", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def __enter__(self) -> Self:
        # Connections queue up on the bound socket from here on, also before the server accepts them.
        self._socket.listen(128)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
