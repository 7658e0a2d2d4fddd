"""HTTP/1.1 for asyncio: h11 over asyncio's own transports, behind httpx's transport interface.

The pool of httpx slows down as more tasks share it, and what counts here above all is to know
whether a request can have reached the other side; see the page on the design, with the figures.
"""

import asyncio
import select
import socket
import ssl
import time
from math import inf
from typing import Any, Self, TypeAlias, cast

import h11
import httpx

PORTS = {"http": 80, "https": 443}

LARGEST_HEAD = 100 * 1024
"""Bytes of status line and headers that may come in before the head has to be complete."""

MOST_INTERIM = 100
"""Replies of 1xx that may come before the one that counts."""

CHUNK = 16_384
"""Bytes that are read before others get their turn: a server can make thousands of parts of them."""

UNREAD = 262_144
"""Bytes that may lie unread before no more is taken from the socket."""

HEAD_START = 0.25
"""Seconds after which the next address of a host is tried as well."""

Origin: TypeAlias = tuple[str, str, int]


class Connections(httpx.AsyncBaseTransport):
    """A connection for each request under way. Idle ones are used again, the last one first.

    Steps, timeouts and errors are those of ``httpx.AsyncHTTPTransport``, but the timeout for
    reading bounds all of the head, and each part of the body, be it that they drip in byte by byte.
    A request is sent once: nothing is repeated here.

    One event loop has them to itself, until they are closed.

    Args:
        most: Connections at a time; further requests wait for one, as long as their timeout says.
        keepalive: Seconds after which an idle connection is closed.
    """

    def __init__(self, *, most: int = 100, keepalive: float = 5.0) -> None:
        self._most = most
        self._keepalive = keepalive
        self._pool: _Pool | None = None
        self._tls: ssl.SSLContext | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and read the head of its reply."""
        timeouts = request.extensions.get("timeout", {})
        where = _origin(request.url)
        pool = self._here()
        await pool.place(timeouts.get("pool"))
        connection = None
        try:
            while connection := pool.idle_one(where):
                if await connection.is_usable(self._keepalive):
                    break
                pool.drop(connection)
            else:
                connection = pool.new_one(where)
                await connection.open(self._context(where), timeouts.get("connect"))
            await connection.send(request, timeouts.get("write"))
            head = await connection.head(timeouts.get("read"))
        except BaseException:
            pool.give_back(connection)
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(pool, connection, timeouts.get("read")),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Close all connections. What is under way fails; what comes later opens new ones."""
        if self._pool is not None:
            pool = self._here()
            self._pool = None
            pool.close()
            await asyncio.sleep(0)  # the sockets close in the next round of the loop

    def _here(self) -> "_Pool":
        loop = asyncio.get_running_loop()
        if self._pool is None:
            self._pool = _Pool(loop, self._most, self._keepalive)
        elif self._pool.loop is not loop:
            raise RuntimeError("connections belong to one event loop, until they are closed in it")
        return self._pool

    def _context(self, where: Origin) -> ssl.SSLContext | None:
        if where[0] == "http":
            return None
        if self._tls is None:
            try:
                context = httpx.create_ssl_context()
            except OSError as error:
                raise httpx.ConnectError(f"no certificates to trust: {error}") from error
            context.set_alpn_protocols(["http/1.1"])
            self._tls = context
        return self._tls


class _Pool:
    """The connections of one event loop, from their first use until they are closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int, keepalive: float) -> None:
        self.loop = loop
        self._most = most
        self._keepalive = keepalive
        self._places = asyncio.Semaphore(most)
        self._open = set[_Connection]()
        self._idle: list[_Connection] = []  # what has been idle for longest comes first
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def place(self, timeout: float | None) -> None:  # noqa: ASYNC109  # httpx's steps
        """Wait for a place among those that may have a connection."""
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("no connection came free in time") from error

    def idle_one(self, where: Origin) -> "_Connection | None":
        """An idle connection to there, which nobody else can get now."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index].where == where:
                return self._idle.pop(index)
        return None

    def new_one(self, where: Origin) -> "_Connection":
        """A connection that is still to be opened. An idle one may have to make room for it."""
        if self._is_closed:
            raise httpx.ConnectError("closed before the request was sent")
        if len(self._open) >= self._most and self._idle:
            self.drop(self._idle[0])
        connection = _Connection(self, where)
        self._open.add(connection)
        return connection

    def give_back(self, connection: "_Connection | None") -> None:
        """Keep a connection for the next request, if its last one went well; drop it otherwise."""
        self._places.release()
        if connection is None:
            return
        if not connection.rest():
            self.drop(connection)
            return
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(self._keepalive, self._sweep)

    def drop(self, connection: "_Connection") -> None:
        """Close a connection."""
        connection.close()
        self.forget(connection)

    def forget(self, connection: "_Connection") -> None:
        """Offer a connection to nobody any more."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Close all connections."""
        self._is_closed = True
        for connection in list(self._open):
            self.drop(connection)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _sweep(self) -> None:
        # Once for as long as any connection is idle, not once for each.
        self._sweeper = None
        while self._idle:
            left = self._keepalive - self._idle[0].idle_seconds
            if left > 0:
                self._sweeper = self.loop.call_later(left, self._sweep)
                break
            self.drop(self._idle[0])


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time: what comes in, and what h11 makes of it."""

    def __init__(self, pool: _Pool, where: Origin) -> None:
        self.where = where
        self._pool = pool
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._opening: asyncio.Timeout | None = None
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._is_over = False
        self._error: Exception | None = None
        self._is_full = False
        self._is_idle = False
        self._idle_since = 0.0
        self._news: asyncio.Future[bool] | None = None

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            # Nobody has asked for anything. The next request must not take it for its reply.
            self._pool.drop(self)
            return
        self._unread += data
        if len(self._unread) > UNREAD and self._transport is not None:
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        self._is_over = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = True
        self._error = self._error or exc
        self._tell()
        self._pool.forget(self)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._tell()

    def _tell(self, *, is_late: bool = False) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(is_late)

    async def _wait(self, deadline: float) -> None:
        """Wait until the loop tells anything, or raise ``TimeoutError``."""
        loop = self._pool.loop
        if loop.time() >= deadline:
            raise TimeoutError
        self._news = loop.create_future()
        alarm = loop.call_at(deadline, self._ring)
        try:
            is_late = await self._news
        finally:
            alarm.cancel()
            self._news = None
        if is_late:
            raise TimeoutError

    def _ring(self) -> None:
        self._tell(is_late=True)

    def _deadline(self, timeout: float | None) -> float:
        return self._pool.loop.time() + (inf if timeout is None else timeout)

    # A request and its reply

    async def open(self, tls: ssl.SSLContext | None, timeout: float | None) -> None:  # noqa: ASYNC109
        """Connect. Nothing of a request is sent yet."""
        _, host, port = self.where
        try:
            async with asyncio.timeout(timeout) as self._opening:
                await self._pool.loop.create_connection(
                    lambda: self,
                    sock=await _socket_to(host, port),
                    ssl=tls,
                    server_hostname=host if tls else None,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except Exception as error:  # whatever it is, nothing was sent
            raise httpx.ConnectError(str(error)) from error
        finally:
            self._opening = None

    async def send(self, request: httpx.Request, timeout: float | None) -> None:  # noqa: ASYNC109
        """Send a request, in one piece. If it breaks off, the reply may say why."""
        http = self._http
        stream = cast(httpx.AsyncByteStream, request.stream)
        try:
            head = h11.Request(
                method=request.method, target=request.url.raw_path, headers=request.headers.raw
            )
            parts = [http.send(head)]
            parts += [http.send(h11.Data(data=chunk)) async for chunk in stream]
            parts += [http.send(h11.EndOfMessage())]
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        if self._transport is None or self._is_over:
            raise httpx.ConnectError("closed before the request was sent")
        self._is_idle = False
        self._transport.write(b"".join(part or b"" for part in parts))
        deadline = self._deadline(timeout)
        while self._is_full and not self._unread and not self._is_over:
            try:
                await self._wait(deadline)
            except TimeoutError as error:
                raise httpx.WriteTimeout("not sent in time") from error

    async def head(self, timeout: float | None) -> h11.Response:  # noqa: ASYNC109
        """Status and headers of the reply."""
        deadline = self._deadline(timeout)
        for _ in range(MOST_INTERIM):
            event = await self._event(deadline)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                break
            # A 1xx asks nothing of us.
        raise httpx.RemoteProtocolError("replies of 1xx, and none that counts")

    async def part(self, timeout: float | None) -> bytes | None:  # noqa: ASYNC109
        """The next part of the body, or None at its end."""
        if self._http.their_state is not h11.SEND_BODY:
            return None
        event = await self._event(self._deadline(timeout))
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _event(self, deadline: float) -> object:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                # The rest of its text quotes the reply, of which nobody knows what it holds.
                raise httpx.RemoteProtocolError(str(error).partition(": ")[0]) from error
            if event is not h11.NEED_DATA:
                return event
            data = await self._read(deadline)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("the server closed without a reply")
            self._http.receive_data(data)

    async def _read(self, deadline: float) -> bytes:
        """What has come in, as soon as anything has. What came before an error counts as well."""
        if self._unread:
            await asyncio.sleep(0)
        while not self._unread and not self._is_over:
            try:
                await self._wait(deadline)
            except TimeoutError as error:
                raise httpx.ReadTimeout("no reply in time") from error
        if not self._unread and self._error is not None:
            raise httpx.ReadError(str(self._error)) from self._error
        data = bytes(self._unread[:CHUNK])
        del self._unread[:CHUNK]
        if len(self._unread) <= UNREAD and self._transport is not None:
            self._transport.resume_reading()
        return data

    # Between two requests

    def rest(self) -> bool:
        """Whether request and reply are over, nothing else has come in, and another may follow."""
        http = self._http
        if (
            http.our_state is not h11.DONE
            or http.their_state is not h11.DONE
            or http.trailing_data[0]
            or self._unread
            or self._is_over
            or self._transport is None
            or self._transport.get_write_buffer_size()
        ):
            return False
        http.start_next_cycle()
        self._is_idle = True
        self._idle_since = time.monotonic()
        return True

    @property
    def idle_seconds(self) -> float:
        """How long an idle connection has been so."""
        return time.monotonic() - self._idle_since

    async def is_usable(self, keepalive: float) -> bool:
        """Whether an idle connection is young, and the other side has not said anything since."""
        for _ in range(3):
            if self._transport is None or self._is_over or not _is_readable(self._transport):
                return not self._is_over and self.idle_seconds < keepalive
            # An end, something that nobody asked for, or a ticket of TLS: the loop finds out.
            await asyncio.sleep(0)
        return False

    def close(self) -> None:
        """Close without waiting for anything, such as the goodbye of TLS."""
        self._is_over = True
        self._error = self._error or ConnectionAbortedError("closed on this side")
        if self._opening is not None and not self._opening.expired():
            self._opening.reschedule(0.0)
        if self._transport is not None:
            self._transport.abort()
        self._tell()


class _Body(httpx.AsyncByteStream):
    def __init__(self, pool: _Pool, connection: _Connection, timeout: float | None) -> None:
        self._pool = pool
        self._connection: _Connection | None = connection
        self._timeout = timeout

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await self._connection.part(self._timeout) if self._connection else None
        if part is None:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)


def _is_readable(transport: asyncio.Transport) -> bool:
    """Whether there is something to read, be it that the loop has not come round to it yet."""
    descriptor = transport.get_extra_info("socket").fileno()
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


async def _socket_to(host: str, port: int) -> socket.socket:
    """A socket that is connected to the address of a host which answers first.

    The ``happy_eyeballs_delay`` of asyncio does the same, but loses a socket if it is cancelled.
    """
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trying: list[asyncio.Task[socket.socket]] = []
    error: BaseException = OSError("no address")
    try:
        while infos or trying:
            if infos:
                family, kind, protocol, _, address = infos.pop(0)
                trying.append(loop.create_task(_connected(family, kind, protocol, address)))
            await asyncio.wait(
                trying,
                timeout=HEAD_START if infos else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for each in [each for each in trying if each.done()]:
                failed = each.exception()
                if failed is None:
                    trying.remove(each)
                    return each.result()
                trying.remove(each)
                error = failed
        raise error
    finally:
        for each in trying:
            each.cancel()
            each.add_done_callback(_let_go)


async def _connected(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    own = socket.socket(family, kind, protocol)
    try:
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, address)
    except BaseException:
        own.close()
        raise
    return own


def _let_go(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS or not url.host:
        raise httpx.UnsupportedProtocol("a URL of http or https with a host is needed")
    return url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme]
