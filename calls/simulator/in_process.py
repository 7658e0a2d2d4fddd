"""An application in this process: called as a server would call it, without a socket.

It runs on an event loop of its own: see ``calls.simulator.loop``.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from calls._basic import basic_token
from calls.simulator.errands import Answered, Unanswered
from calls.simulator.loop import Loop

logger = logging.getLogger("calls")

Message: TypeAlias = MutableMapping[str, Any]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

IDLE_SECONDS = 5.0
"""Seconds of wall time that the handler of a websocket may take over one message."""


def is_asgi(app: Any) -> bool:
    """Whether an application is an ASGI one; else it is taken for a WSGI one."""
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(
        getattr(app, "__call__", None)  # noqa: B004  # whether it is async, not whether it is there
    )


TOO_LATE = Unanswered("the application took too long", timed_out=True)


class AsgiCaller:
    """Sends requests and websockets to an ASGI application, on the loop that runs."""

    def __init__(self, app: AsgiApp, root_path: str, loop: Loop) -> None:
        self._app = app
        self._root_path = root_path
        self._lifespan: _Lifespan | None = None
        self._is_starting = asyncio.Lock()
        self._watch = loop.watch
        self._tasks = loop.tasks

    async def request(  # noqa: PLR0917  # what a request consists of
        self, method: str, url: str, headers: Headers, body: bytes, seconds: float, largest: int
    ) -> Answered | Unanswered:
        """Send one request. Every failure is an outcome; none is raised.

        Of the reply no more is kept than ``largest`` bytes, and one.
        """
        if not self._watch.is_on:  # others may be under way beside it
            try:
                async with asyncio.timeout(seconds):
                    return await self._request(method, url, headers, body, seconds, largest)
            except TimeoutError:
                return TOO_LATE
        return await self._request(method, url, headers, body, seconds, largest)

    async def _request(  # noqa: PLR0917  # what a request consists of
        self, method: str, url: str, headers: Headers, body: bytes, seconds: float, largest: int
    ) -> Answered | Unanswered:
        if self._lifespan is None or not self._lifespan.has_started:
            await self._start_up()
        exchange = _Exchange(body, largest)
        scope = _scope("http", url, headers, self._root_path)
        scope["method"] = method
        self._watch.begin(seconds)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            if not self._watch.has_cancelled():
                raise
            return TOO_LATE
        except Exception:
            logger.exception("the application failed at %s %s", method, scope["path"])
            return Answered(500, b"") if exchange.status is None else exchange.answered()
        finally:
            self._watch.end()
        if exchange.status is None:
            return Unanswered("the application sent no reply")
        return exchange.answered()

    async def websocket(self, url: str, headers: Headers) -> "AsgiSocket":
        """Open a websocket."""
        if self._lifespan is None or not self._lifespan.has_started:
            await self._start_up()
        scope = _scope("websocket", url, headers, self._root_path)
        socket = AsgiSocket(self._app, scope, self._tasks)
        await socket.open()
        return socket

    async def _start_up(self) -> None:
        async with self._is_starting:
            if self._lifespan is None:
                self._lifespan = _Lifespan(self._app, self._tasks)
                await self._lifespan.start()

    async def close(self) -> None:
        """Shut the application down, as a server would."""
        if self._lifespan is not None:
            await self._lifespan.close()


class _Place(NamedTuple):
    scheme: str
    path: str
    raw_path: bytes
    query: bytes
    host: bytes
    server: tuple[str, int]


@lru_cache(maxsize=1024)
def _place(url: str) -> _Place:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    return _Place(
        parts.scheme,
        unquote(parts.path) or "/",
        (parts.path or "/").encode(),
        parts.query.encode(),
        parts.netloc.rpartition("@")[2].encode(),
        (parts.hostname or "", port),
    )


def _scope(kind: str, url: str, headers: Headers, root_path: str) -> dict[str, Any]:
    place = _place(url)
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": place.scheme,
        "path": place.path,
        "raw_path": place.raw_path,
        "query_string": place.query,
        "root_path": root_path,
        "headers": [(b"host", place.host), *headers],
        "client": ("127.0.0.1", 50_000),
        "server": place.server,
        "state": {},
        "subprotocols": [],
    }


class _Exchange:
    """One request and its reply, as an ASGI application sees them."""

    def __init__(self, body: bytes, largest: int) -> None:
        self._largest = largest
        self._body: bytes | None = body
        self._is_over: asyncio.Event | None = None
        self._content = bytearray()
        self.status: int | None = None
        self.headers: Iterable[tuple[bytes, bytes]] = ()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        self._is_over = self._is_over or asyncio.Event()
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message.get("headers", ())
        elif message["type"] == "http.response.body":
            if len(self._content) <= self._largest:
                self._content += message.get("body", b"")
            if not message.get("more_body", False):
                self._is_over = self._is_over or asyncio.Event()
                self._is_over.set()

    def answered(self) -> Answered:
        content = bytes(self._content[: self._largest + 1])
        return Answered(self.status or 500, content, tuple(self.headers))


class _Lifespan:
    """The application's start and end. One that knows of neither is left alone."""

    def __init__(self, app: AsgiApp, tasks: "set[asyncio.Task[None]]") -> None:
        self._app = app
        self._tasks = tasks
        self._inbox: deque[Message] = deque([{"type": "lifespan.startup"}])
        self._moved: asyncio.Event = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._trouble: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.has_started = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._live())
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)
        await self._is_idle.wait()
        if self._trouble is not None:
            raise RuntimeError(f"the application did not start: {self._trouble}")
        self.has_started = True

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001  # how an application says that it has none (ASGI)
            logger.debug("the application has no lifespan: %r", error)
        finally:
            self._is_idle.set()

    async def _receive(self) -> Message:
        while not self._inbox:
            self._is_idle.set()
            await self._moved.wait()
            self._moved.clear()
        return self._inbox.popleft()

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._trouble = message.get("message", "") or "lifespan.startup.failed"

    async def close(self) -> None:
        if self._task is None or self._task.done():
            return
        self._inbox.append({"type": "lifespan.shutdown"})
        self._is_idle.clear()
        self._moved.set()
        await self._is_idle.wait()


class AsgiSocket:
    """A websocket to an ASGI application in this process.

    After each message the loop runs until the application waits for the next one: what it sends
    meanwhile is there then, and the same every time.
    """

    def __init__(
        self, app: AsgiApp, scope: dict[str, Any], tasks: "set[asyncio.Task[None]]"
    ) -> None:
        self._app = app
        self._tasks = tasks
        self._scope = scope
        self._inbox: deque[Message] = deque([{"type": "websocket.connect"}])
        self._moved = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_accepted = False
        self._task: asyncio.Task[None] | None = None
        self.is_closed = False
        self.trouble: str | None = None
        self.received: list[str] = []

    async def open(self) -> None:
        """Ask the application to accept it."""
        self._task = asyncio.create_task(self._live())
        self._tasks.add(self._task)
        self._task.add_done_callback(self._tasks.discard)
        await self._settle()
        if not self._is_accepted:
            if self.trouble is None:
                self.trouble = "the application did not accept the websocket"
            self.is_closed = True

    async def _live(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:
            logger.exception("the application failed at the websocket %s", self._scope["path"])
            self.trouble = type(error).__name__
        finally:
            self.is_closed = True
            self._is_idle.set()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._is_idle.wait()
        except TimeoutError:
            logger.warning("the handler of a websocket took more than %g s", IDLE_SECONDS)

    async def _receive(self) -> Message:
        while not self._inbox:
            self._is_idle.set()
            await self._moved.wait()
            self._moved.clear()
        return self._inbox.popleft()

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._is_accepted = True
            case "websocket.send":
                text = message.get("text")
                data = bytes(message.get("bytes") or b"")
                self.received.append(data.decode(errors="replace") if text is None else text)
            case "websocket.close":
                self.is_closed = True
                if message.get("code", 1000) not in (1000, 1001):
                    self.trouble = f"the application closed the websocket with {message['code']}"
            case _:
                pass

    async def send(self, text: str) -> None:
        """Send a message, and let the application make of it what it will."""
        if not self.is_closed:
            await self._put({"type": "websocket.receive", "text": text})

    def poll(self) -> None:
        """Nothing is to be fetched: what the application sends is here at once."""

    async def close(self) -> None:
        """Leave."""
        if self._task is not None and not self._task.done():
            await self._put({"type": "websocket.disconnect", "code": 1000, "reason": ""})
        self.is_closed = True

    async def _put(self, message: Message) -> None:
        self._inbox.append(message)
        self._is_idle.clear()
        self._moved.set()
        await self._settle()


def credentials(username: str | None, password: str | None) -> Headers:
    """The header that a webhook or a websocket bears."""
    if not username and not password:
        return ()
    return ((b"authorization", b"Basic " + basic_token(username or "", password or "")),)
