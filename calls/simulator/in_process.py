"""An application in this process: called as a server would call it, without a socket.

An ASGI application runs on an event loop of its own, in the thread that turns the clock. Where
another loop runs in that thread already, as in an async test, it runs in a helper thread meanwhile.
"""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

from calls._basic import basic_token
from calls.simulator.state import Answered, Unanswered

logger = logging.getLogger("calls")

T = TypeVar("T")
Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

IDLE_SECONDS = 5.0
"""Seconds of wall time that the handler of a websocket may take over one message."""


def is_asgi(app: Any) -> bool:
    """Whether an application is an ASGI one; else it is taken for a WSGI one."""
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(
        getattr(app, "__call__", None)  # noqa: B004  # whether it is async, not whether it is there
    )


class Loop:
    """An event loop that is run when there is something to do, and stands still otherwise."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._helper: ThreadPoolExecutor | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end."""
        if asyncio._get_running_loop() is None:  # noqa: SLF001  # the public one raises, which costs
            return self._loop.run_until_complete(work)
        if self._helper is None:
            self._helper = ThreadPoolExecutor(1, thread_name_prefix="simulated application")
        return self._helper.submit(self._loop.run_until_complete, work).result()

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Let something go on whenever the loop runs."""
        return self._loop.create_task(work)

    def close(self) -> None:
        """End what goes on, and the loop."""
        if self._loop.is_closed():
            return
        self.run(self._end())
        self._loop.close()
        if self._helper:
            self._helper.shutdown()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


class AsgiCaller:
    """Sends requests and websockets to an ASGI application."""

    def __init__(self, app: AsgiApp, loop: Loop, root_path: str) -> None:
        self._app = app
        self._loop = loop
        self._root_path = root_path
        self._lifespan: _Lifespan | None = None

    def request(
        self, method: str, url: str, headers: dict[str, str], body: bytes, *, seconds: float
    ) -> Answered | Unanswered:
        """Send one request. Every failure is an outcome; none is raised."""
        self._start_up()
        return self._loop.run(self._exchange(method, url, headers, body, seconds))

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes, seconds: float
    ) -> Answered | Unanswered:
        exchange = _Exchange(body)
        scope = _scope("http", url, headers, self._root_path)
        scope["method"] = method
        try:
            async with asyncio.timeout(seconds):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            return Unanswered("the application took too long", timed_out=True)
        except Exception:
            logger.exception("the application failed at %s %s", method, scope["path"])
            return Answered(500, b"") if exchange.status is None else exchange.answered()
        if exchange.status is None:
            return Unanswered("the application sent no reply")
        return exchange.answered()

    def websocket(self, url: str, headers: dict[str, str]) -> "AsgiSocket":
        """Open a websocket."""
        self._start_up()
        return AsgiSocket(self._app, self._loop, _scope("websocket", url, headers, self._root_path))

    def _start_up(self) -> None:
        if self._lifespan is None:
            self._lifespan = _Lifespan(self._app, self._loop)

    def close(self) -> None:
        """Shut the application down, as a server would."""
        if self._lifespan is not None:
            self._lifespan.close()


def _scope(kind: str, url: str, headers: dict[str, str], root_path: str) -> dict[str, Any]:
    parts = urlsplit(url)
    secure = parts.scheme in ("https", "wss")
    host = parts.hostname or ""
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": (parts.path or "/").encode(),
        "query_string": parts.query.encode(),
        "root_path": root_path,
        "headers": [
            (b"host", parts.netloc.rpartition("@")[2].encode()),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": ("127.0.0.1", 50_000),
        "server": (host, parts.port or (443 if secure else 80)),
        "state": {},
        "subprotocols": [],
    }


class _Exchange:
    """One request and its reply, as an ASGI application sees them."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._is_over: asyncio.Event | None = None
        self._content = bytearray()
        self.status: int | None = None

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
        elif message["type"] == "http.response.body":
            self._content += message.get("body", b"")
            if not message.get("more_body", False):
                self._is_over = self._is_over or asyncio.Event()
                self._is_over.set()

    def answered(self) -> Answered:
        return Answered(self.status or 500, bytes(self._content))


class _Lifespan:
    """The application's start and end. One that knows of neither is left alone."""

    def __init__(self, app: AsgiApp, loop: Loop) -> None:
        self._loop = loop
        self._inbox: deque[Message] = deque([{"type": "lifespan.startup"}])
        self._moved: asyncio.Event = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._trouble: str | None = None
        self._task = loop.start(self._live(app))
        loop.run(self._settle())
        if self._trouble is not None:
            raise RuntimeError(f"the application did not start: {self._trouble}")

    async def _live(self, app: AsgiApp) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001  # how an application says that it has none (ASGI)
            logger.debug("the application has no lifespan: %r", error)
        finally:
            self._is_idle.set()

    async def _settle(self) -> None:
        await self._is_idle.wait()

    async def _receive(self) -> Message:
        while not self._inbox:
            self._is_idle.set()
            await self._moved.wait()
            self._moved.clear()
        return self._inbox.popleft()

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._trouble = message.get("message", "") or "lifespan.startup.failed"

    def close(self) -> None:
        if self._task.done():
            return
        self._inbox.append({"type": "lifespan.shutdown"})
        self._is_idle.clear()
        self._moved.set()
        self._loop.run(self._settle())


class AsgiSocket:
    """A websocket to an ASGI application in this process.

    After each message the loop runs until the application waits for the next one: what it sends
    meanwhile is there then, and the same every time.
    """

    def __init__(self, app: AsgiApp, loop: Loop, scope: dict[str, Any]) -> None:
        self._loop = loop
        self._inbox: deque[Message] = deque([{"type": "websocket.connect"}])
        self._moved = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_accepted = False
        self.is_closed = False
        self.trouble: str | None = None
        self.received: list[str] = []
        self._task = loop.start(self._live(app, scope))
        loop.run(self._settle())
        if not self._is_accepted:
            if self.trouble is None:
                self.trouble = "the application did not accept the websocket"
            self.is_closed = True

    async def _live(self, app: AsgiApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            logger.exception("the application failed at the websocket %s", scope["path"])
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

    def send(self, text: str) -> None:
        """Send a message, and let the application make of it what it will."""
        if not self.is_closed:
            self._put({"type": "websocket.receive", "text": text})

    def poll(self) -> None:
        """Let the application go on where it does not wait for a message."""
        if not self._task.done():
            self._loop.run(asyncio.sleep(0))

    def close(self) -> None:
        """Leave."""
        if not self._task.done():
            self._put({"type": "websocket.disconnect", "code": 1000, "reason": ""})
        self.is_closed = True

    def _put(self, message: Message) -> None:
        self._inbox.append(message)
        self._is_idle.clear()
        self._moved.set()
        self._loop.run(self._settle())


def credentials(username: str | None, password: str | None) -> dict[str, str]:
    """The header that a webhook or a websocket bears."""
    if not username and not password:
        return {}
    return {"authorization": "Basic " + basic_token(username or "", password or "").decode()}
