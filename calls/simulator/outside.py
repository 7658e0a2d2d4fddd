"""What is outside of the platform: applications, their websockets, their audio files."""

import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from functools import cached_property, lru_cache
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpx
import msgspec

from calls.events import DisconnectEvent, InitiateEvent
from calls.simulator.audio_file import audio_in
from calls.simulator.errands import (
    Answered,
    Application,
    Audio,
    Delivery,
    Measuring,
    Opening,
    Target,
    Targets,
    Unanswered,
)
from calls.simulator.in_process import AsgiCaller, Headers, credentials, is_asgi
from calls.simulator.loop import Loop

HERE = "https://app.simulated"
"""Where an application of this process is, unless it says otherwise."""

LARGEST_REPLY = 65_536
"""Bytes in a document; one more is read, so that the parser can tell that it is too large."""

LARGEST_AUDIO = 16 * 1024 * 1024
"""Bytes of an audio file that are read to find out how long it is."""

T = TypeVar("T")

Post: TypeAlias = Callable[[Delivery], Answered | Unanswered]
Requester: TypeAlias = Callable[
    [str, str, Headers, bytes, float, int], Coroutine[Any, Any, Answered | Unanswered]
]


class Http:
    """Applications elsewhere, through httpx. It blocks: while it waits, nothing else is to be done."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._transport = transport

    @cached_property
    def _client(self) -> httpx.Client:
        # Of the machine's own proxies and passwords the platform knows nothing. It is made when it
        # is needed: reading the machine's certificates takes longer than many a test.
        return httpx.Client(transport=self._transport, trust_env=False)

    async def request(  # noqa: PLR0917  # what a request consists of
        self,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        seconds: float,
        largest: int,
    ) -> Answered | Unanswered:
        """Send one request. Every failure is an outcome; none is raised."""
        deadline = time.monotonic() + seconds
        try:
            with self._client.stream(
                method, url, content=body, headers=headers, timeout=seconds
            ) as reply:
                content = bytearray()
                if reply.headers.get("content-encoding", "identity") != "identity":
                    return Unanswered("the reply is compressed, which was not asked for")
                for chunk in reply.iter_bytes():
                    content += chunk
                    if len(content) > largest:
                        break
                    if time.monotonic() > deadline:
                        return Unanswered("the reply took too long", timed_out=True)
                return Answered(
                    reply.status_code, bytes(content[: largest + 1]), tuple(reply.headers.raw)
                )
        except httpx.TimeoutException as error:
            return Unanswered(type(error).__name__, timed_out=True)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Unanswered(type(error).__name__)

    def close(self) -> None:
        """Close the connections."""
        if "_client" in vars(self):
            self._client.close()


_PLAIN: Headers = (
    (b"accept-encoding", b"identity"),
    (b"user-agent", b"BandwidthAPI/2.0 (simulated)"),
)
_JSON: Headers = (*_PLAIN, (b"content-type", b"application/json"))


async def post(request: Requester, delivery: Delivery) -> Answered | Unanswered:
    """Deliver one webhook, as the platform does it."""
    there = delivery.target
    login = credentials(there.username, there.password)
    if there.method == "GET":
        fields = msgspec.json.decode(delivery.body)
        query = urlencode({name: _in_query(value) for name, value in fields.items()})
        url = there.url.partition("#")[0]
        url += ("&" if "?" in url else "?") + query
        seconds = delivery.timeout
        return await request("GET", url, _PLAIN + login, b"", seconds, LARGEST_REPLY)
    url, body = there.url.partition("#")[0], delivery.body
    return await request(there.method, url, _JSON + login, body, delivery.timeout, LARGEST_REPLY)


def _in_query(value: Any) -> str:
    """A property in a query. How objects are written there is not documented: as JSON, here."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run what does not really wait."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("this waits, and needs an event loop")


class Poster:
    """Delivers webhooks over HTTP, one at a time."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self._http = Http(transport)

    def __call__(self, delivery: Delivery) -> Answered | Unanswered:
        """Deliver one webhook. Every failure is an outcome; none is raised."""
        return now(post(self._http.request, delivery))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class Outside:
    """The applications that there are, each at its origin.

    As long as none was named, everything is reached over HTTP. Afterwards nothing else is, unless
    it is not isolated: a test calls nobody that it does not know.

    Args:
        deliver: Delivers webhooks to where no application was named.
        loop: What kind of loop applications of this process run on.
        isolated: Whether nothing else is reached once an application was named.
    """

    def __init__(
        self, deliver: Post | None = None, *, loop: type[Loop] = Loop, isolated: bool = True
    ) -> None:
        self._deliver = deliver
        self._new_loop = loop
        self._isolated = isolated
        self._http = Http()
        self.loop: Loop | None = None
        self._asgi: dict[str, AsgiCaller] = {}
        self._wsgi: dict[str, Http] = {}
        self._named: set[str] = set()
        self._apps: dict[str, Any] = {}
        self._sockets: dict[str, Any] = {}

    # Applications

    def add(self, app: Any, at: str) -> None:
        """Put an application of this process at an origin; or, for a URL, let it be reached."""
        origin = origin_of(at)
        if self._apps.get(origin) is app and app is not None:
            return
        self._named.add(origin)
        self._apps[origin] = app
        if app is None:
            return
        if is_asgi(app):
            self.loop = self.loop or self._new_loop()
            self._asgi[origin] = AsgiCaller(app, urlsplit(at).path.rstrip("/"), self.loop)
        else:
            self._wsgi[origin] = Http(httpx.WSGITransport(app, raise_app_exceptions=False))

    def application(
        self, app: Any, *, at: str | None, initiate: str | None, disconnect: str | None
    ) -> Application:
        """Put an application at its origin: where the webhooks of its calls go.

        Raises:
            ValueError: No path is known that gets ``initiate``; a text that is no URL.
            TypeError: What is no application.
        """
        if isinstance(app, str):
            if not app.startswith(("http://", "https://")):
                raise ValueError(f"an application elsewhere is an http or https URL (got {app!r})")
            there, known = app, None
            self.add(None, there)
        elif not callable(app):
            raise TypeError(f"an application is an ASGI or WSGI one, or a URL (got {app!r})")
        else:
            there = at or getattr(app, "public_url", None) or HERE
            known = getattr(app, "path_for", None)
            self.add(app, there)
        if initiate is None and known is not None:
            initiate = known(InitiateEvent)
            if initiate is None:
                raise ValueError(
                    "the application has no handler that takes an InitiateEvent at a fixed path;"
                    ' say which path gets it: initiate="/…"'
                )
        if disconnect is None and known is not None:
            disconnect = known(DisconnectEvent)
        base = there if isinstance(app, str) else there.rstrip("/")
        first = base if isinstance(app, str) and initiate is None else _join(base, initiate or "/")
        # What an application asks for, its settings at the platform have.
        login = getattr(app, "auth", None) if known is not None else None
        return Application(
            Targets(_with(login, first)),
            _with(login, _join(base, disconnect)) if disconnect else None,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what may wait for an application of this process."""
        return now(work) if self.loop is None else self.loop.run(work)

    def knows(self, url: str) -> bool:
        """Whether an application was named there."""
        return origin_of(url) in self._named

    def _requester(self, url: str) -> Requester | None:
        origin = origin_of(url)
        if caller := self._asgi.get(origin):
            return caller.request
        if wsgi := self._wsgi.get(origin):
            return wsgi.request
        return self._http.request if self._is_open_to(origin) else None

    def _is_open_to(self, origin: str) -> bool:
        """Whether this may be reached over HTTP."""
        return origin in self._named or not (self._named and self._isolated)

    # Webhooks

    async def deliver(self, delivery: Delivery) -> Answered | Unanswered:
        """Deliver one webhook. Every failure is an outcome; none is raised."""
        url = delivery.target.url
        if self._deliver is not None and not self.knows(url):
            return self._deliver(delivery)
        request = self._requester(url)
        if request is None:
            return Unanswered(f"no application was given for {origin_of(url)}")
        return await post(request, delivery)

    # Audio files

    async def listen_to(self, errand: Measuring) -> Audio:
        """Fetch an audio file, and find out how long it is."""
        request = self._requester(errand.url) if self.knows(errand.url) else None
        if request is None:
            why = "it is not at the application's own address, so it is not fetched"
            return Audio(trouble=why, fresh_seconds=float("inf"))
        headers = _PLAIN + credentials(errand.username, errand.password)
        reply = await request("GET", errand.url, headers, b"", 5.0, LARGEST_AUDIO)
        if isinstance(reply, Unanswered):
            return Audio(trouble=f"it cannot be fetched ({reply.reason})")
        if reply.status != 200:
            return Audio(trouble=f"it is answered with {reply.status}")
        return audio_in(reply, errand.url)

    # Websockets

    async def open(self, errand: Opening, seconds: float) -> str | None:
        """Open a websocket; why it cannot be, if it cannot."""
        headers = credentials(errand.username, errand.password)
        origin = origin_of(errand.url)
        if origin in self._asgi:
            socket: Any = await self._asgi[origin].websocket(errand.url, headers)
            if socket.is_closed and socket.trouble:
                return str(socket.trouble)
        elif origin in self._wsgi:
            return "a WSGI application takes no websockets"
        elif not self._is_open_to(origin) or (self._deliver and origin not in self._named):
            return f"no application was given for {origin}"
        else:
            try:
                socket = _RealSocket(errand.url, headers, seconds)
            except _trouble() as error:
                return f"{type(error).__name__}: {error}"[:200]
        self._sockets[errand.socket_id] = socket
        return None

    async def say(self, socket_id: str, text: str) -> None:
        """Send a message over a websocket."""
        if socket := self._sockets.get(socket_id):
            await socket.send(text)

    async def hang_up(self, socket_id: str) -> None:
        """Close a websocket."""
        if socket := self._sockets.pop(socket_id, None):
            await socket.close()

    def heard(self) -> list[tuple[str, list[str], bool, str | None]]:
        """What came over the websockets: for each the messages, whether it is closed, and why."""
        found = []
        for socket_id, socket in list(self._sockets.items()):
            socket.poll()
            if socket.received or socket.is_closed:
                found.append((socket_id, socket.received, socket.is_closed, socket.trouble))
                socket.received = []
                if socket.is_closed:
                    del self._sockets[socket_id]
        return found

    @property
    def has_sockets(self) -> bool:
        """Whether a websocket is open."""
        return bool(self._sockets)

    def close(self) -> None:
        """Close everything."""
        if self.loop:
            self.loop.run(self._close())
            self.loop.close()
        else:
            now(self._close())
        for wsgi in self._wsgi.values():
            wsgi.close()
        self._http.close()
        if isinstance(self._deliver, Poster):
            self._deliver.close()

    async def _close(self) -> None:
        for socket_id in list(self._sockets):
            await self.hang_up(socket_id)
        for caller in self._asgi.values():
            await caller.close()


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """Scheme, host and port of a URL; a websocket's is that of its application."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme.lower(), parts.scheme.lower())
    default = 443 if scheme == "https" else 80
    with suppress(ValueError):
        return f"{scheme}://{parts.hostname or ''}:{parts.port or default}".removesuffix(
            f":{default}"
        )
    return f"{scheme}://"


def _trouble() -> tuple[type[Exception], ...]:
    from websockets.exceptions import WebSocketException  # noqa: PLC0415  # an extra

    return (OSError, TimeoutError, WebSocketException, ValueError)


class _RealSocket:
    """A websocket to a server. Needs the ``web`` extra."""

    def __init__(self, url: str, headers: Headers, seconds: float) -> None:
        from websockets.sync.client import connect  # noqa: PLC0415  # an extra

        self._open = ExitStack()
        opening = connect(
            url,
            additional_headers=[(name.decode(), value.decode()) for name, value in headers],
            open_timeout=seconds,
            max_size=1_048_576,
            proxy=None,
        )
        self._socket = self._open.enter_context(opening)
        self.is_closed = False
        self.trouble: str | None = None
        self.received: list[str] = []

    async def send(self, text: str) -> None:
        """Send a message, and wait until it has arrived."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415  # an extra

        try:
            self._socket.send(text)
            self._socket.ping().wait(1.0)
        except ConnectionClosed as error:
            self._is_lost(error)

    def poll(self) -> None:
        """Take what has come."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415  # an extra

        while not self.is_closed:
            try:
                message = self._socket.recv(timeout=0)
            except TimeoutError:
                return
            except ConnectionClosed as error:
                self._is_lost(error)
            else:
                text = message if isinstance(message, str) else message.decode(errors="replace")
                self.received.append(text)

    def _is_lost(self, error: Any) -> None:
        self.is_closed = True
        code = error.rcvd.code if error.rcvd else None
        if code not in (1000, 1001):
            self.trouble = "the connection was lost" if code is None else f"closed with {code}"

    async def close(self) -> None:
        """Leave."""
        self._open.close()
        self.is_closed = True


def _join(base: str, path: str) -> str:
    """A path below a URL, or a URL of its own."""
    return urljoin(base, path) if "://" in path else base.rstrip("/") + "/" + path.lstrip("/")


def _with(login: Any, url: str) -> Target:
    """A target, with the user name and the password that an application asks for."""
    known = login if isinstance(login, dict) else {}
    return Target(url, username=known.get("username"), password=known.get("password"))
