"""Effects as values, and the two drivers that carry them out.

An operation is a generator: it yields effects (send this request, wait this long, wait for this
turn), is sent what came of them, and returns its result. It decides everything and touches nothing.
``run`` and ``arun`` carry one out; they, and the two wires below, are the only code of the
controllers that touches the network or lets time pass.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
import anyio.to_thread
import httpx
from msgspec import Struct

from bxml._declare import NoRichRepr
from bxml.errors import Problem
from calls._connections import Connections
from calls.errors import CallsError, ConnectionFailed, InvalidRequest, UnexpectedReply
from calls.turns import Turn

T = TypeVar("T")

LARGEST_REPLY = 33_554_432
"""Bytes of a reply that are read. A page of 10,000 calls, the largest there is, has some 8 MB."""

Timeouts: TypeAlias = Mapping[str, float | None]
"""Seconds for each step of a request: ``connect``, ``read``, ``write``, ``pool``."""


class Request(Struct, frozen=True):
    """One HTTP request. Headers may hold a secret, so the ``repr`` shows none.

    ``timeouts`` are for its steps, ``within`` is how many seconds it may take in all.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    timeouts: Timeouts = {}
    within: float = 90.0

    @property
    def path(self) -> str:
        """The path without its query: what may be shown to anybody."""
        return urlsplit(self.url).path

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Reply(Struct, frozen=True):
    """One HTTP reply, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.content)} bytes)"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Wait(Struct, frozen=True):
    """Let some seconds pass."""

    seconds: float


class Work(Struct, frozen=True):
    """Call a function that may block for a moment, such as one that writes a file."""

    function: Callable[[], Any]


Effect: TypeAlias = Request | Wait | Turn | Work

Flow: TypeAlias = Generator[Effect, Any, T]
"""What an operation is: yields effects, receives what came of them, returns a ``T``."""

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""What fails before the request is on its way. Whatever fails later, it may have arrived."""


def run(flow: Flow[T], wire: "Wire") -> T:
    """Carry a flow to its end, waiting for each effect."""
    try:
        effect = next(flow)
        while True:
            try:
                came = wire.perform(effect)
            except Exception as error:  # noqa: BLE001  # the flow decides
                effect = flow.throw(error)
            else:
                effect = flow.send(came)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        flow.close()


async def arun(flow: Flow[T], wire: "AsyncWire | Bridge") -> T:
    """Carry a flow to its end, as a task."""
    try:
        effect = next(flow)
        while True:
            try:
                came = await wire.perform(effect)
            except Exception as error:  # noqa: BLE001  # the flow decides
                effect = flow.throw(error)
            else:
                effect = flow.send(came)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        flow.close()


class RawResponse(Struct, Generic[T], frozen=True):
    """A result, and the reply that it was read from.

    Attributes:
        parsed: What the operation returns.
        status: The HTTP status of the reply.
        headers: Its headers; names in any case.
        content: Its body.
    """

    parsed: T
    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"RawResponse({self.parsed!r}, status={self.status})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


def raw(flow: Flow[T]) -> Flow[RawResponse[T]]:
    """The same flow, with its last reply beside its result."""
    reply: Reply | None = None
    try:
        effect = next(flow)
        while True:
            try:
                came = yield effect
            except Exception as error:  # noqa: BLE001  # the flow decides
                effect = flow.throw(error)
            else:
                reply = came if isinstance(came, Reply) else reply
                effect = flow.send(came)
    except StopIteration as done:
        if reply is None:
            raise RuntimeError("the operation has sent nothing") from None
        return RawResponse(done.value, reply.status, reply.headers, reply.content)
    finally:
        flow.close()


X = TypeVar("X")


class _Routes(Generic[X]):
    """Which transport leads to a host: the one given, or one of ours, by proxy where one is set.

    The proxies are those of the environment (``HTTPS_PROXY``, ``NO_PROXY``, …).
    """

    def __init__(self, given: X | None, make: Callable[[str | None], X]) -> None:
        self.given = given
        self._make = make
        self._known: dict[tuple[str, bytes], X] = {}
        self._by_proxy: dict[str | None, X] = {}
        self._lock = threading.Lock()

    def to(self, url: httpx.URL) -> X:
        """The transport for a URL."""
        if self.given is not None:
            return self.given
        key = url.scheme, url.netloc
        known = self._known.get(key)
        if known is None:
            there = url.netloc.decode()
            proxy = None if proxy_bypass(there) else getproxies().get(url.scheme)
            with self._lock:
                if proxy not in self._by_proxy:
                    self._by_proxy[proxy] = self._by(url.scheme, proxy)
            known = self._known[key] = self._by_proxy[proxy]
        return known

    def _by(self, scheme: str, proxy: str | None) -> X:
        try:
            return self._make(proxy)
        except (ImportError, ValueError) as error:
            # Its words may quote the proxy's URL, and that may hold a password.
            reason = type(error).__name__
        words = f"{scheme.upper()}_PROXY of the environment cannot be used as a proxy ({reason})"
        raise InvalidRequest([Problem("argument", "error", "", words, attribute="proxy")])

    @property
    def all(self) -> list[X]:
        """Every transport there is by now."""
        return [self.given] if self.given is not None else list(self._by_proxy.values())


LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100)


class Wire:
    """How the flows of a blocking controller reach the world.

    Args:
        transport: Any httpx transport; by default one of httpx.
        now: The clock, in seconds.
        pause: Lets some seconds pass.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None,
        now: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._routes = _Routes(
            transport, lambda proxy: httpx.HTTPTransport(proxy=proxy, limits=LIMITS)
        )
        self._now = now
        self._pause = pause

    def perform(self, effect: Effect) -> Any:
        """Carry out one effect."""
        if isinstance(effect, Request):
            return self._deliver(effect)
        if isinstance(effect, Turn):
            return effect.signal and effect.signal.wait()
        if isinstance(effect, Wait):
            return self._pause(effect.seconds)
        return effect.function()

    def _deliver(self, request: Request) -> Reply:
        ends = self._now() + request.within
        response: httpx.Response | None = None
        try:
            outgoing = _http(request)
            response = self._routes.to(outgoing.url).handle_request(outgoing)
            try:
                body = _Body(request, response)
                for chunk in cast(httpx.SyncByteStream, response.stream):
                    body.add(chunk, late=self._now() > ends)
                return body.reply()
            finally:
                response.close()
        except CallsError:
            raise
        except BaseException as error:  # noqa: BLE001  # raised below, without its frames
            failure = _failure(request, error, response)
        # Not from within: the frames of the cause hold the headers of the request, secrets and all.
        raise failure

    def as_async(self) -> "AsyncWire | None":
        """The same for tasks, if there is no transport that only blocks."""
        return None if self._routes.given else AsyncWire(None, self._now, anyio.sleep)

    def close(self) -> None:
        """Close the connections."""
        for transport in self._routes.all:
            transport.close()


class AsyncWire:
    """How the flows of an async controller reach the world. See ``Wire``."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None,
        now: Callable[[], float],
        pause: Callable[[float], Any],
    ) -> None:
        self._routes = _Routes(
            transport,
            lambda proxy: httpx.AsyncHTTPTransport(proxy=proxy) if proxy else Connections(),
        )
        self._now = now
        self._pause = pause

    async def perform(self, effect: Effect) -> Any:
        """Carry out one effect."""
        if isinstance(effect, Request):
            return await self._deliver(effect)
        if isinstance(effect, Turn):
            return effect.signal and await effect.signal.wait()
        if isinstance(effect, Wait):
            return await self._pause(effect.seconds)
        return await anyio.to_thread.run_sync(effect.function)

    async def _deliver(self, request: Request) -> Reply:
        ends = self._now() + request.within
        response: httpx.Response | None = None
        try:
            outgoing = _http(request)
            response = await self._routes.to(outgoing.url).handle_async_request(outgoing)
            try:
                body = _Body(request, response)
                async for chunk in cast(httpx.AsyncByteStream, response.stream):
                    body.add(chunk, late=self._now() > ends)
                return body.reply()
            finally:
                await response.aclose()
        except CallsError:
            raise
        except BaseException as error:  # noqa: BLE001  # raised below, without its frames
            failure = _failure(request, error, response)
        raise failure

    async def close(self) -> None:
        """Close the connections."""
        for transport in self._routes.all:
            await transport.aclose()


class Bridge:
    """How flows of a blocking controller run as tasks, many at a time.

    Requests go out as those of an async controller do, unless the blocking one has a transport of
    its own. What blocks is left to threads.

    Args:
        wire: That of the controller.
        most: Effects that may block at a time.
    """

    def __init__(self, wire: Wire, most: int) -> None:
        self._wire = wire
        self._fast = wire.as_async()
        self._threads = anyio.CapacityLimiter(most)

    async def perform(self, effect: Effect) -> Any:
        """Carry out one effect."""
        if isinstance(effect, Turn) and effect.signal is None:
            return None
        if isinstance(effect, Request) and self._fast is not None:
            return await self._fast.perform(effect)
        return await anyio.to_thread.run_sync(self._wire.perform, effect, limiter=self._threads)

    async def close(self) -> None:
        """Close its own connections."""
        if self._fast is not None:
            await self._fast.close()


def _http(request: Request) -> httpx.Request:
    """The request as httpx knows it."""
    within = request.within
    steps = {
        step: within if seconds is None else min(seconds, within)
        for step, seconds in request.timeouts.items()
    }
    # Compressed, a reply of a few hundred bytes may be gigabytes: it is not asked for.
    headers = {"Accept-Encoding": "identity", **request.headers}
    return httpx.Request(
        request.method,
        request.url,
        headers=headers,
        content=request.content,
        extensions={"timeout": steps},
    )


class _Body:
    """The body of a reply as it comes in, of bounded size."""

    def __init__(self, request: Request, response: httpx.Response) -> None:
        self._request = request
        self._response = response
        self._bytes = bytearray()
        self._late = False
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            self._refuse("a compressed body, which was not asked for")

    def add(self, chunk: bytes, *, late: bool) -> None:
        self._bytes += chunk
        # What came late may have been the last part.
        self._late, was_late = late, self._late
        if was_late:
            self._refuse(f"a body that was not complete after {self._request.within:.1f} s")
        if len(self._bytes) > LARGEST_REPLY:
            self._refuse(f"a body of more than {LARGEST_REPLY:,} bytes")

    def reply(self) -> Reply:
        return Reply(self._response.status_code, self._response.headers, bytes(self._bytes))

    def _refuse(self, reason: str) -> NoReturn:
        response = self._response
        raise UnexpectedReply(
            self._request.method,
            self._request.path,
            response.status_code,
            reason,
            response.headers.get("location"),
        )


def _failure(
    request: Request, error: BaseException, response: httpx.Response | None
) -> BaseException:
    """What to raise for an error of the transport: its frames and its cause hold headers."""
    if not isinstance(error, httpx.TransportError | httpx.InvalidURL | OSError):
        # An interrupt, a cancellation or a fault of a program: it goes on, without its frames.
        if isinstance(error, Exception) and error.__traceback__ is not None:
            *_, (frame, line) = walk_tb(error.__traceback__)
            error.add_note(f"raised in {frame.f_code.co_filename}, line {line}")
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)
    # The text of a LocalProtocolError quotes the header that is wrong.
    quotable = str(error) and not isinstance(error, httpx.LocalProtocolError)
    reason = f"{type(error).__name__}: {error}" if quotable else type(error).__name__
    sent = not isinstance(error, _NOT_SENT)
    location = None if response is None else response.headers.get("location")
    return ConnectionFailed(
        request.method, request.path, reason, may_have_arrived=sent, location=location
    )
