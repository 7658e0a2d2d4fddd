"""The HTTP face: the platform on a loopback port, for any client there is.

Needs the ``web`` extra.
"""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, Response
except ImportError as error:
    raise ImportError(
        "an HTTP server needs the web extra: pip install 'bxml-calls[web]'"
    ) from error

from calls.simulator.platform import LARGEST_REQUEST, Incoming, Outgoing, request_of

LOOPBACK = "127.0.0.1"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def platform_app(handle: Callable[[Incoming], Outgoing]) -> Starlette:
    """An ASGI application that gives every request to ``handle``."""

    async def endpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_REQUEST:
                    return PlainTextResponse("Content Too Large", 413)
        except ClientDisconnect:
            return PlainTextResponse("Client Closed Request", 499)
        incoming = request_of(request.method, str(request.url), request.headers, bytes(body))
        reply = await run_in_threadpool(handle, incoming)
        return Response(reply.body, reply.status, dict(reply.headers))

    app = Starlette()
    app.add_route("/{path:path}", endpoint, METHODS)
    return app


class Server:
    """An ASGI application on a loopback port that the system picks, in a thread of its own.

    A context manager: when it is left, the thread has ended and the port is free.
    """

    def __init__(self, app: Any, *, port: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, port))
        self.url = f"http://{LOOPBACK}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            http="h11",  # the same on every machine, also where httptools is installed
            ws="none",
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
