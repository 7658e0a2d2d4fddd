"""HTTP/1.1 for asyncio: h11 over asyncio's own streams, behind httpx's transport interface.

The pool of httpx slows down as more tasks share it, and what counts here above all is to know
whether a request can have reached the other side; see the page on the design, with the figures.
"""

import asyncio
import select
import ssl
import time
from collections.abc import AsyncIterator
from typing import TypeAlias, cast

import h11
import httpx

PORTS = {"http": 80, "https": 443}

LARGEST_HEAD = 100 * 1024
"""Bytes of status line and headers that are read."""

CHUNK = 65_536

Origin: TypeAlias = tuple[str, str, int]


class Connections(httpx.AsyncBaseTransport):
    """A connection for each request under way. Idle ones are used again, the last one first.

    Steps, timeouts and errors are those of ``httpx.AsyncHTTPTransport``. A request is sent once:
    nothing is repeated here.

    Args:
        most: Connections at a time; further requests wait for one, as long as their timeout says.
        keepalive: Seconds after which an idle connection is not used any more.
    """

    def __init__(self, *, most: int = 100, keepalive: float = 5.0) -> None:
        self._free = asyncio.Semaphore(most)
        self._keepalive = keepalive
        self._tls: ssl.SSLContext | None = None
        self._idle: dict[Origin, list[_Connection]] = {}
        self._open = set[_Connection]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and read the head of its reply."""
        timeouts = request.extensions.get("timeout", {})
        where = _origin(request.url)
        await self._place(timeouts.get("pool"))
        connection = None
        try:
            connection = self._idle_one(where) or await self._new_one(
                where, timeouts.get("connect")
            )
            await connection.send(request, timeouts.get("write"))
            head = await connection.head(timeouts.get("read"))
        except BaseException:
            self.give_back(where, connection)
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(self, where, connection, timeouts.get("read")),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._idle.clear()
        await asyncio.sleep(0)  # the sockets close in the next round of the loop

    async def _place(self, timeout: float | None) -> None:  # noqa: ASYNC109  # httpx's steps
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise httpx.PoolTimeout("no connection came free in time") from error

    def _idle_one(self, where: Origin) -> "_Connection | None":
        idle = self._idle.get(where)
        while idle:
            connection = idle.pop()
            if connection.is_usable(self._keepalive):
                return connection
            self._drop(connection)
        return None

    async def _new_one(self, where: Origin, timeout: float | None) -> "_Connection":  # noqa: ASYNC109
        scheme, host, port = where
        if scheme == "https" and self._tls is None:
            self._tls = httpx.create_ssl_context()
        tls = self._tls if scheme == "https" else None
        try:
            async with asyncio.timeout(timeout):
                streams = await asyncio.open_connection(
                    host, port, ssl=tls, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no connection in time") from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        connection = _Connection(*streams)
        self._open.add(connection)
        return connection

    def give_back(self, where: Origin, connection: "_Connection | None") -> None:
        """Keep a connection for the next request, if its last one went well; drop it otherwise."""
        self._free.release()
        if connection is None:
            return
        if connection.rest():
            self._idle.setdefault(where, []).append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: "_Connection") -> None:
        connection.close()
        self._open.discard(connection)


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._since = 0.0

    async def send(self, request: httpx.Request, timeout: float | None) -> None:  # noqa: ASYNC109
        """Send a request, in one piece."""
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
        self._writer.write(b"".join(part or b"" for part in parts))
        if not self._writer.transport.get_write_buffer_size():
            return
        try:
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except TimeoutError as error:
            raise httpx.WriteTimeout("not sent in time") from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    async def head(self, timeout: float | None) -> h11.Response:  # noqa: ASYNC109
        """Status and headers of the reply."""
        while True:
            event = await self._event(timeout)
            if isinstance(event, h11.Response):
                return event
            # What comes before it is a 1xx, which asks nothing of us.

    async def part(self, timeout: float | None) -> bytes | None:  # noqa: ASYNC109
        """The next part of the body, or None at its end."""
        event = await self._event(timeout)
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _event(self, timeout: float | None) -> object:  # noqa: ASYNC109
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            try:
                async with asyncio.timeout(timeout):
                    data = await self._reader.read(CHUNK)
            except TimeoutError as error:
                raise httpx.ReadTimeout("no reply in time") from error
            except OSError as error:
                raise httpx.ReadError(str(error)) from error
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("the server closed without a reply")
            self._http.receive_data(data)

    def rest(self) -> bool:
        """Whether request and reply are over, and another may follow."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._since = time.monotonic()
        return True

    def is_usable(self, keepalive: float) -> bool:
        """Whether an idle connection is young, and the other side has not closed it."""
        return time.monotonic() - self._since < keepalive and not (
            self._reader.at_eof() or self._writer.is_closing() or self._is_readable()
        )

    def _is_readable(self) -> bool:
        # Between two requests only an end can be there to read, or what nobody asked for. The loop
        # may not have come round to it yet, so the socket itself is asked.
        descriptor = self._writer.get_extra_info("socket").fileno()
        if not hasattr(select, "poll"):
            return bool(select.select([descriptor], [], [], 0)[0])
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close without waiting for anything, such as the goodbye of TLS."""
        self._writer.transport.abort()


class _Body(httpx.AsyncByteStream):
    def __init__(
        self, pool: Connections, where: Origin, connection: _Connection, timeout: float | None
    ) -> None:
        self._pool = pool
        self._where = where
        self._connection: _Connection | None = connection
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection and (part := await self._connection.part(self._timeout)) is not None:
            yield part

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(self._where, connection)


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS or not url.host:
        raise httpx.UnsupportedProtocol("a URL of http or https with a host is needed")
    return url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme]
