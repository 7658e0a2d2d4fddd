"""HTTP/1.1 over real sockets: what servers do, sound, broken and hostile, and what comes of it."""

import asyncio
import gc
import re
import select
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import wraps
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, ParamSpec, TypeVar

import httpx
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from calls._connections import (
    CHUNK,
    LARGEST_HEAD,
    MOST_INTERIM,
    Connections,
    _connected,
    _Connection,
)
from calls._exchange import _NOT_SENT

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a test has hung. None comes near."""

SOON = 0.2
"""A timeout that is to run out."""

LARGE = bytes(16_000_000)
"""More than all the buffers between two sockets hold."""

TRUST = ssl.create_default_context()
"""For the transports of httpx: reading the certificates takes longer than all the rest."""

HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"Content-Length: 2\r\n\r\nok"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FORGED = HEAD + b"Content-Length: 6\r\n\r\nforged"


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in an event loop, and leave nothing to the collector of garbage."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(PATIENCE):
                await test(*args, **kwargs)

        asyncio.run(bounded())
        gc.collect()  # what was not closed warns now, and pytest takes a warning for an error

    return run


class Line:
    """One connection, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_open = True
        self.heads: list[bytes] = []
        self.bytes = 0

    async def head(self) -> bytes:
        """The next request, without its body."""
        self.heads.append(await self._reader.readuntil(b"\r\n\r\n"))
        return self.heads[-1]

    async def request(self) -> bytes:
        """The path of the next request, when all of it is there."""
        head = await self.head()
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await self.exactly(int(length[1]) if length else 0)
        return head.split()[1]

    async def exactly(self, length: int) -> None:
        """Read so many bytes."""
        await self._reader.readexactly(length)

    async def some(self) -> bytes:
        """Whatever comes next."""
        data = await self._reader.read(65_536)
        self.bytes += len(data)
        return data

    async def closed(self) -> None:
        """Wait until the client has closed."""
        while await self.some():
            pass

    def put(self, *parts: bytes) -> None:
        """Send something, here and now as far as the socket takes it."""
        for part in parts:
            self._writer.write(part)

    async def send(self, *parts: bytes) -> None:
        """Send something in pieces, each on its own."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await rounds(2)

    async def drip(self, data: bytes) -> None:
        """Send something byte by byte, again and again."""
        while True:
            await self.send(*(data[index : index + 1] for index in range(len(data))))

    def shut(self) -> None:
        """Say, here and now, that nothing more will come."""
        self._writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break off."""
        linger = struct.pack("ii", 1, 0)
        own = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    def close(self) -> None:
        """Close, without the goodbye of TLS."""
        if self._writer.get_extra_info("ssl_object") is None:
            self._writer.close()
        else:
            self._writer.transport.abort()


Play = Callable[[Line], Awaitable[object]]


class Server:
    """Plays the same on every connection."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None, host: str) -> None:
        self._play = play
        self._tls = tls
        self._host = host
        self._tasks = set[asyncio.Task[None]]()
        self.lines: list[Line] = []
        self.url = ""
        self.port = 0

    @property
    def accepted(self) -> int:
        """Connections there have been."""
        return len(self.lines)

    @property
    def open(self) -> int:
        """Connections there are."""
        return sum(line.is_open for line in self.lines)

    @property
    def heads(self) -> list[bytes]:
        """What was asked for."""
        return [head for line in self.lines for head in line.heads]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that connections which come, ask or go bring about."""
        while not is_so():
            await rounds(1)

    async def empty(self) -> None:
        """Wait until all connections are closed."""
        await self.until(lambda: not self.open)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Line(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, line: Line) -> None:
        self.lines.append(line)
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                await self._play(line)
        finally:
            line.close()
            line.is_open = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self._begin, self._host, 0, ssl=self._tls)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.port = server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://{host}:{self.port}/"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await rounds(3)


def serving(
    play: Play, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AbstractAsyncContextManager[Server]:
    """A server, as long as it runs."""
    return Server(play, tls, host).running()


@asynccontextmanager
async def connecting(*, keepalive: float = PATIENCE, **options: Any) -> AsyncIterator[Connections]:
    """Connections, closed in the end."""
    connections = Connections(keepalive=keepalive, **options)
    try:
        yield connections
    finally:
        await connections.aclose()


def kept(connections: Connections) -> list[_Connection]:
    """The connections that there are, from within."""
    assert connections._pool is not None
    return list(connections._pool._open)


def busy_until_something_arrives(connections: Connections) -> None:
    """Keep the loop busy until there is something to read that it has not seen."""
    (connection,) = kept(connections)
    assert connection._transport is not None
    own = connection._transport.get_extra_info("socket")
    assert select.select([own], [], [], PATIENCE)[0]


async def rounds(times: int) -> None:
    """Let the loop come round."""
    for _ in range(times):
        await asyncio.sleep(0)


async def ask(
    transport: httpx.AsyncBaseTransport,
    url: str,
    *,
    method: str = "GET",
    content: bytes | AsyncIterator[bytes] = b"",
    headers: dict[str, str] | None = None,
    **timeouts: float,
) -> tuple[int, bytes]:
    """Status and body of the reply."""
    steps = dict.fromkeys(("connect", "read", "write", "pool"), PATIENCE)
    extensions = {"timeout": {**steps, **timeouts}}
    request = httpx.Request(method, url, content=content, headers=headers, extensions=extensions)
    response = await transport.handle_async_request(request)
    body = bytearray()
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for part in response.stream:
            body += part
    finally:
        await response.aclose()
    return response.status_code, bytes(body)


async def answers(line: Line) -> None:
    """Tell everybody what they asked for, and never break off."""
    while True:
        path = await line.request()
        line.put(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(path), path))


def says(*parts: bytes, then: Callable[[Line], object] | None = None) -> Play:
    """Answer every request with the same, in pieces; once, if something happens then."""

    async def play(line: Line) -> None:
        while True:
            await line.request()
            await line.send(*parts)
            if then is not None:
                then(line)
                return

    return play


# Connections


@in_a_loop
async def test_requests_one_after_the_other_share_a_connection() -> None:
    async with serving(answers) as server, connecting() as connections:
        for number in range(20):
            path = b"/%d" % number
            assert await ask(connections, server.url + str(number)) == (200, path)
        assert server.accepted == 1


@in_a_loop
async def test_requests_at_the_same_time_have_a_connection_each() -> None:
    async with serving(answers) as server, connecting() as connections:
        for _ in range(3):
            await asyncio.gather(*(ask(connections, server.url) for _ in range(10)))
        assert server.accepted == 10


@in_a_loop
async def test_the_connection_that_was_used_last_is_used_first() -> None:
    """The others come of age, and are closed."""
    async with serving(answers) as server, connecting() as connections:
        await asyncio.gather(*(ask(connections, server.url) for _ in range(5)))
        for _ in range(20):
            await ask(connections, server.url)
        assert sorted(len(line.heads) for line in server.lines) == [1, 1, 1, 1, 21]


@in_a_loop
async def test_everybody_gets_the_reply_to_their_own_request() -> None:
    async with serving(answers) as server, connecting() as connections:

        async def asking(who: int) -> None:
            for number in range(40):
                path = f"{who}/{number}"
                body = b"x" * (number * number)
                reply = await ask(connections, server.url + path, method="PUT", content=body)
                assert reply == (200, f"/{path}".encode())

        await asyncio.gather(*(asking(who) for who in range(50)))
        assert server.accepted == 50


def moods(reply: bytes, chance: Random) -> tuple[list[bytes], Callable[[Line], None] | None]:
    """What a server may make of a reply, and how it ends."""
    cut = chance.randrange(len(reply))
    sound: list[Any] = [([reply], None)] * 4
    return chance.choice(  # type: ignore[no-any-return]
        [
            *sound,
            ([reply[index : index + 9] for index in range(0, len(reply), 9)], None),
            ([b"HTTP/1.1 100 Continue\r\n\r\n", reply], None),
            ([reply + FORGED], None),
            ([reply, b"stray"], None),  # a whole one that comes after a request would be its reply
            ([reply], Line.close),
            ([reply[:cut]], Line.close),
            ([reply[:cut]], Line.reset),
        ]
    )


@in_a_loop
async def test_nobody_gets_the_reply_to_another_whatever_the_server_does() -> None:
    chance = Random(5)  # noqa: S311
    outcomes = set[object]()

    async def play(line: Line) -> None:
        end = None
        while end is None:
            path = await line.request()
            parts, end = moods(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(path), path), chance)
            await line.send(*parts)
        end(line)

    async def asking(url: str, connections: Connections, who: int) -> None:
        for number in range(40):
            path = f"{who}/{number}"
            asked = asyncio.create_task(ask(connections, url + path))
            if number % 10 == 9:
                await rounds(chance.randrange(20))
                asked.cancel()
            (came,) = await asyncio.gather(asked, return_exceptions=True)
            if isinstance(came, BaseException):
                outcomes.add(type(came))
            else:
                assert came == (200, f"/{path}".encode())

    async with serving(play) as server:
        async with connecting(most=30) as connections, asyncio.TaskGroup() as group:
            for who in range(50):
                group.create_task(asking(server.url, connections, who))
        await server.empty()
    assert outcomes == {httpx.RemoteProtocolError, httpx.ReadError, asyncio.CancelledError}


@pytest.mark.parametrize(
    "reply",
    [
        HEAD + b"Content-Length: 2\r\nConnection: close\r\n\r\nok",
        HEAD + b"Content-Length: 2\r\nconnection: x, CLOSE\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    ],
)
@in_a_loop
async def test_a_connection_that_is_to_be_closed_is_closed(reply: bytes) -> None:
    async with serving(says(reply)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            await server.empty()
            assert server.accepted == number + 1


@in_a_loop
async def test_a_reply_that_is_not_read_to_its_end_costs_the_connection() -> None:
    async with serving(says(HEAD + b"Content-Length: 5\r\n\r\nok")) as server:
        async with connecting() as connections:
            request = httpx.Request("GET", server.url)
            response = await connections.handle_async_request(request)
            await response.aclose()
            await server.empty()


# What comes before anybody asked


@in_a_loop
async def test_what_follows_a_reply_is_not_taken_for_the_next_reply() -> None:
    async with serving(says(OK + FORGED)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            assert server.accepted == number + 1


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
@in_a_loop
async def test_the_body_of_a_reply_that_has_none_is_not_taken_for_the_next_reply(
    status: bytes,
) -> None:
    reply = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(FORGED), FORGED)
    async with serving(says(reply)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (int(status[:3]), b"")
            assert server.accepted == number + 1


@in_a_loop
async def test_what_comes_while_nobody_asks_is_not_taken_for_the_next_reply() -> None:
    async with serving(says(OK)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            server.lines[-1].put(FORGED)
            await server.empty()
            assert server.accepted == number + 1


@in_a_loop
async def test_nor_is_what_comes_while_the_loop_is_busy_with_something_else() -> None:
    async with serving(says(OK)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            server.lines[-1].put(FORGED)
            busy_until_something_arrives(connections)
            assert server.accepted == number + 1


@pytest.mark.parametrize("end", [Line.shut, Line.reset])
@in_a_loop
async def test_a_connection_that_ends_while_nobody_asks_is_closed_at_once(
    end: Callable[[Line], None],
) -> None:
    """No socket is left behind, though there may never be another request."""
    async with serving(answers) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            end(server.lines[-1])
            await server.empty()
            while kept(connections):
                await rounds(1)
            assert server.accepted == number + 1


@in_a_loop
async def test_a_connection_that_ends_while_the_loop_is_busy_is_not_used() -> None:
    async with serving(answers) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            server.lines[-1].shut()
            busy_until_something_arrives(connections)
            assert server.accepted == number + 1


@in_a_loop
async def test_a_connection_that_the_loop_does_not_come_round_to_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calls._connections._is_readable", lambda _: True)
    async with serving(answers) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            assert server.accepted == number + 1


@in_a_loop
async def test_a_machine_without_poll_sees_as_well_whether_a_connection_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(select, "poll", raising=False)
    async with serving(answers) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            assert await ask(connections, server.url) == (200, b"/")
            server.lines[-1].shut()
            busy_until_something_arrives(connections)
            assert server.accepted == number + 1


@in_a_loop
async def test_an_idle_connection_is_closed_after_a_while() -> None:
    async with serving(answers) as server, connecting(keepalive=SOON) as connections:
        await asyncio.gather(*(ask(connections, server.url) for _ in range(5)))
        await server.empty()
        assert await ask(connections, server.url) == (200, b"/")
        await server.empty()


@in_a_loop
async def test_an_idle_connection_that_is_too_old_is_not_used() -> None:
    """Nor if the loop has not come round to closing it."""
    async with serving(answers) as server, connecting(keepalive=0.0) as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            assert server.accepted == number + 1


# How many there are


@in_a_loop
async def test_there_are_never_more_connections_than_allowed() -> None:
    most = 0

    async def play(line: Line) -> None:
        nonlocal most
        while True:
            path = await line.request()
            most = max(most, server.open)
            line.put(HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(path), path))

    async with serving(play) as server, connecting(most=7) as connections:
        await asyncio.gather(*(ask(connections, server.url) for _ in range(100)))
        assert (server.accepted, most) == (7, 7)


@in_a_loop
async def test_idle_connections_to_other_places_make_room() -> None:
    async with serving(answers) as one, serving(answers) as two, serving(answers) as three:
        async with connecting(most=2) as connections:
            for server in (one, two, three):
                assert await ask(connections, server.url) == (200, b"/")
            await one.empty()
            assert (two.open, three.open) == (1, 1)
            assert await ask(connections, two.url) == (200, b"/")
            assert two.accepted == 1


@in_a_loop
async def test_who_waits_longest_for_a_connection_gets_the_next() -> None:
    async with serving(answers) as server, connecting(most=1) as connections:
        await asyncio.gather(*(ask(connections, f"{server.url}{n}") for n in range(50)))
        paths = [head.split()[1] for head in server.heads]
        assert paths == [b"/%d" % number for number in range(50)]


@in_a_loop
async def test_who_waits_too_long_for_a_connection_has_sent_nothing() -> None:
    waiting = asyncio.Event()

    async def play(line: Line) -> None:
        while True:
            await line.request()
            await waiting.wait()
            line.put(OK)

    async with serving(play) as server, connecting(most=1) as connections:
        first = asyncio.create_task(ask(connections, server.url))
        await rounds(1)
        late = [ask(connections, server.url, pool=SOON) for _ in range(3)]
        for error in await asyncio.gather(*late, return_exceptions=True):
            assert type(error) is httpx.PoolTimeout
        last = asyncio.create_task(ask(connections, server.url))
        await rounds(1)
        waiting.set()
        assert await first == await last == (200, b"ok")
        assert len(server.heads) == 2


# Replies


SOUND: dict[str, tuple[list[bytes], bytes]] = {
    "byte by byte": ([OK[index : index + 1] for index in range(len(OK))], b"ok"),
    "no reason": ([b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"], b"ok"),
    "line feeds alone": ([b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"], b"ok"),
    "a folded header": ([HEAD + b"A: b\r\n c\r\nContent-Length: 2\r\n\r\nok"], b"ok"),
    "a length twice": ([HEAD + b"Content-Length: 2\r\n" * 2 + b"\r\nok"], b"ok"),
    "an empty body": ([HEAD + b"Content-Length: 0\r\n\r\n"], b""),
    "1xx before it": ([b"HTTP/1.1 100\r\n\r\n", b"HTTP/1.1 103\r\nA: b\r\n\r\n" + OK], b"ok"),
    "chunks": ([CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"], b"ok"),
    "chunks with extensions": ([CHUNKED + b'001;a="b"\r\no\r\n1 \r\nk\r\n0;c\r\n\r\n'], b"ok"),
    "chunks with trailers": ([CHUNKED + b"2\r\nok\r\n0\r\nContent-Length: 9\r\n\r\n"], b"ok"),
    "chunks in pieces": ([CHUNKED, b"2\r", b"\no", b"k\r", b"\n0\r", b"\n\r", b"\n"], b"ok"),
    "a large body": ([HEAD + b"Content-Length: %d\r\n\r\n" % len(LARGE), LARGE], LARGE),
}

UNTIL_THE_END: dict[str, list[bytes]] = {
    "no length": [HEAD + b"\r\no", b"k"],
    "HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\nok"],
    "HTTP/1.0 with a length": [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
}


@pytest.mark.parametrize(("parts", "body"), SOUND.values(), ids=SOUND)
@in_a_loop
async def test_a_sound_reply_is_read_to_its_end(parts: list[bytes], body: bytes) -> None:
    async with serving(says(*parts)) as server, connecting() as connections:
        for _ in range(3):
            assert await ask(connections, server.url) == (200, body)
        assert server.accepted == 1


@pytest.mark.parametrize("parts", UNTIL_THE_END.values(), ids=UNTIL_THE_END)
@in_a_loop
async def test_a_reply_may_last_until_the_connection_is_closed(parts: list[bytes]) -> None:
    async with serving(says(*parts, then=Line.close)) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            assert server.accepted == number + 1


@in_a_loop
async def test_without_timeouts_a_reply_is_waited_for_as_long_as_it_takes() -> None:
    async with serving(says(OK)) as server, connecting() as connections:
        for _ in range(2):
            response = await connections.handle_async_request(httpx.Request("GET", server.url))
            assert await response.aread() == b"ok"
        assert server.accepted == 1


@in_a_loop
async def test_what_was_read_or_closed_has_nothing_more_to_read() -> None:
    async with serving(answers) as server, connecting() as connections:
        response = await connections.handle_async_request(httpx.Request("GET", server.url))
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        assert [part async for part in stream] == [b"/"]
        assert [part async for part in stream] == []
        for _ in range(2):
            await stream.aclose()
            assert [part async for part in stream] == []
        assert await ask(connections, server.url) == (200, b"/")
        assert server.accepted == 1


@in_a_loop
async def test_a_reply_to_head_has_no_body() -> None:
    async with serving(says(HEAD + b"Content-Length: 2\r\n\r\n")) as server:
        async with connecting() as connections:
            for _ in range(3):
                assert await ask(connections, server.url, method="HEAD") == (200, b"")
        assert server.accepted == 1


@in_a_loop
async def test_headers_arrive_as_they_were_sent() -> None:
    head = b"HTTP/1.1 429 Slow down\r\nRetry-After:  7 \r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n"
    async with serving(says(head)) as server, connecting() as connections:
        response = await connections.handle_async_request(httpx.Request("GET", server.url))
        await response.aclose()
        assert response.headers.raw == [
            (b"Retry-After", b"7"),
            (b"X-A", b"1"),
            (b"x-a", b"2"),
            (b"Content-Length", b"0"),
        ]
        assert response.reason_phrase == "Slow down"
        assert response.http_version == "HTTP/1.1"


GARBLED: dict[str, bytes] = {
    "nothing": b"",
    "half a head": HEAD + b"Conte",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nok",
    "half of the chunks": CHUNKED + b"2\r\nok\r\n",
    "half a chunk": CHUNKED + b"5\r\nok",
    "half of the trailers": CHUNKED + b"0\r\nA: b\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "an alert of TLS": b"\x15\x03\x01\x00\x02\x02\x28",
    "an empty line first": b"\r\n" + OK,
    "a status below 100": b"HTTP/1.1 099 A\r\n\r\n",
    "a header without a colon": HEAD + b"Nothing\r\n\r\n",
    "a header with a space": HEAD + b"Content-Length : 2\r\n\r\nok",
    "a header with a NUL": HEAD + b"A: b\0c\r\n\r\n",
    "a header with half a line break": HEAD + b"A: b\rC: d\r\n\r\n",
    "a fold with nothing before it": HEAD + b" b\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    "two lengths in one": HEAD + b"Content-Length: 2, 3\r\n\r\nok",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\nok",
    "a length of 21 digits": HEAD + b"Content-Length: %b\r\n\r\nok" % (b"9" * 21),
    "a length that no memory holds": HEAD + b"Content-Length: %b\r\n\r\nok" % (b"9" * 20),
    "a coding that is not known": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\nok",
    "a chunk without a size": CHUNKED + b"x\r\nok\r\n0\r\n\r\n",
    "a chunk of negative size": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "a chunk of 21 digits": CHUNKED + b"F" * 21 + b"\r\nok",
    "a chunk that no memory holds": CHUNKED + b"F" * 20 + b"\r\nok",
    "a chunk that is longer than it says": CHUNKED + b"1\r\nok\r\n0\r\n\r\n",
    "a chunk with something else at its end": CHUNKED + b"2\r\nokXX0\r\n\r\n",  # from h11 0.16 on
    "a trailer without a colon": CHUNKED + b"0\r\nNothing\r\n\r\n",
    "another protocol from here on": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n" + OK,
    "a head without end": HEAD + b"A: b\r\n" * LARGEST_HEAD,
    "a header without end": HEAD + b"A: " + b"b" * 8 * LARGEST_HEAD,
    "the size of a chunk without end": CHUNKED + b"1;" + b"a" * 8 * LARGEST_HEAD,
    "trailers without end": CHUNKED + b"0\r\n" + b"A: b\r\n" * LARGEST_HEAD,
}

BROKEN_OFF: dict[str, bytes] = {
    "nothing": b"",
    "half a head": HEAD + b"Conte",
    "half a body": HEAD + b"Content-Length: 5\r\n\r\nok",
    "a body without a length": HEAD + b"\r\nok",
}


async def fails(play: Play, expected: type[httpx.TransportError]) -> None:
    """A request fails with us as it does with httpx, and costs nothing but its connection."""
    assert not issubclass(expected, _NOT_SENT)
    async with serving(play) as server, serving(answers) as sound:
        async with connecting(most=1) as connections, httpx.AsyncHTTPTransport(TRUST) as theirs:
            for transport in (connections, theirs, connections):
                with pytest.raises(httpx.TransportError) as caught:
                    await ask(transport, server.url)
                assert type(caught.value) is expected
            await server.empty()
            assert await ask(connections, sound.url) == (200, b"/")


@pytest.mark.parametrize("said", GARBLED.values(), ids=GARBLED)
@in_a_loop
async def test_a_reply_that_is_not_http_comes_from_a_server_that_may_have_acted(
    said: bytes,
) -> None:
    await fails(says(said, then=Line.close), httpx.RemoteProtocolError)


@pytest.mark.parametrize("said", BROKEN_OFF.values(), ids=BROKEN_OFF)
@in_a_loop
async def test_a_reply_that_breaks_off_comes_from_a_server_that_may_have_acted(
    said: bytes,
) -> None:
    await fails(says(said, then=Line.reset), httpx.ReadError)


@pytest.mark.parametrize("line", [b"Bearer s3cr3t is what you said", b"HTTP/1.1 200 OK\r\ns3cr3t"])
@in_a_loop
async def test_an_error_does_not_repeat_what_the_server_says(line: bytes) -> None:
    """It may be what the client has said, secrets and all, and as long as it likes."""
    async with serving(says(line + b"\r\n\r\n")) as server, connecting() as connections:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await ask(connections, server.url)
        assert "s3cr3t" not in str(caught.value)
        assert str(caught.value)


PARTS = [
    *(HEAD, CHUNKED, OK, FORGED, b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.0 200 OK\r\n"),
    *(b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 101 A\r\n\r\n", b"Content-Length: 2\r\n"),
    *(b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"A: b\r\n", b" c\r\n", b"\r\n", b"\n", b"\r", b"0\r\n", b"2\r\nok\r\n", b"2;a\r\n", b"ok"),
]


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(PARTS) | st.binary(max_size=3), max_size=8))
def test_whatever_a_server_says_comes_out_as_httpx_has_it(parts: list[bytes]) -> None:
    async def outcome(transport: httpx.AsyncBaseTransport, url: str) -> object:
        try:
            return await ask(transport, url)
        except httpx.TransportError as error:
            return type(error)

    async def compare() -> None:
        async with serving(says(*parts, then=Line.close)) as server:
            async with connecting() as connections, httpx.AsyncHTTPTransport(TRUST) as theirs:
                ours = await outcome(connections, server.url)
                assert ours == await outcome(theirs, server.url)

    asyncio.run(compare())


@in_a_loop
async def test_what_arrives_before_a_connection_breaks_off_counts() -> None:
    async with serving(says(HEAD + b"Content-Length: 2\r\n\r\n", b"ok")) as server:
        async with connecting() as connections:
            response = await connections.handle_async_request(httpx.Request("GET", server.url))
            (connection,) = kept(connections)
            while not connection._unread:
                await rounds(1)
            server.lines[0].reset()
            while kept(connections):
                await rounds(1)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            assert [part async for part in response.stream] == [b"ok"]
            await response.aclose()


# Servers that take their time


DRIPPING: dict[str, Play] = {}


def dripping(name: str, before: bytes, data: bytes) -> None:
    async def play(line: Line) -> None:
        await line.request()
        line.put(before)
        await line.drip(data)

    DRIPPING[name] = play


dripping("a head", HEAD, b"A")
dripping("headers", HEAD, b"A: b\r\n")
dripping("replies of 1xx", b"", b"HTTP/1.1 102 Processing\r\n" + b"A: %b\r\n\r\n" % (b"b" * 999))
dripping("the size of a chunk", CHUNKED + b"1;", b"a")
dripping("trailers", CHUNKED + b"0\r\n", b"A: b\r\n")


@pytest.mark.parametrize("play", DRIPPING.values(), ids=DRIPPING)
@in_a_loop
async def test_a_reply_that_comes_byte_by_byte_has_no_longer_than_one_at_once(play: Play) -> None:
    async with serving(play) as server, connecting() as connections:
        with pytest.raises(httpx.ReadTimeout):
            await ask(connections, server.url, read=SOON)
        await server.empty()


@in_a_loop
async def test_a_reply_that_does_not_come_is_waited_for_no_longer_than_allowed() -> None:
    async def play(line: Line) -> None:
        await line.request()
        await line.closed()

    async with serving(play) as server, connecting() as connections:
        with pytest.raises(httpx.ReadTimeout):
            await ask(connections, server.url, read=SOON)
        await server.empty()


@in_a_loop
async def test_replies_of_1xx_are_not_read_for_ever() -> None:
    many = b"HTTP/1.1 102 Processing\r\n\r\n" * MOST_INTERIM
    async with serving(says(many)) as server, connecting() as connections:
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(connections, server.url)


@pytest.mark.parametrize("method", ["GET", "CONNECT"])
@in_a_loop
async def test_a_switch_to_another_protocol_is_not_made_even_if_asked_for(method: str) -> None:
    """What follows is not HTTP, and the connection is not used again."""
    reply = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n"
    async with serving(says(reply)) as server, connecting() as connections:
        headers = {"Upgrade": "a", "Connection": "Upgrade"}
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(connections, server.url, method=method, headers=headers)
        await server.empty()


@in_a_loop
async def test_no_more_is_read_than_somebody_asks_for() -> None:
    sent = 0

    async def play(line: Line) -> None:
        nonlocal sent
        await line.request()
        line.put(HEAD + b"Content-Length: 64000000\r\n\r\n")
        for _ in range(64):
            await line.send(bytes(1_000_000))
            sent += 1
        await line.closed()

    async with serving(play) as server, connecting() as connections:
        response = await connections.handle_async_request(httpx.Request("GET", server.url))
        await rounds(3000)
        assert sent < 32
        assert isinstance(response.stream, httpx.AsyncByteStream)
        assert sum([len(part) async for part in response.stream]) == 64_000_000
        await response.aclose()


@in_a_loop
async def test_a_reply_of_many_small_parts_leaves_others_their_turn() -> None:
    part = b"1\r\na\r\n"
    body = CHUNKED + part * 50_000 + b"0\r\n\r\n"
    async with serving(says(body)) as server, connecting() as connections:
        in_a_row = most = total = 0

        async def reading() -> None:
            nonlocal in_a_row, most, total
            response = await connections.handle_async_request(httpx.Request("GET", server.url))
            async for _ in response.aiter_raw():
                total += 1
                in_a_row += 1
                most = max(most, in_a_row)
            await response.aclose()

        task = asyncio.create_task(reading())
        while not task.done():
            in_a_row = 0
            await rounds(1)
        await task
        assert total == 50_000
        assert most <= CHUNK // len(part) + 1


# Servers that do not hear a request out


@in_a_loop
async def test_a_reply_before_the_request_was_read_is_the_reply() -> None:
    """The rest of the request is not sent, and no other one on this connection."""

    async def play(line: Line) -> None:
        await line.head()
        line.put(b"HTTP/1.1 413 Too large\r\nContent-Length: 2\r\n\r\nno")
        await asyncio.Event().wait()

    async with serving(play) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url, content=LARGE) == (413, b"no")
            assert not kept(connections)
            assert server.accepted == number + 1


@in_a_loop
async def test_a_1xx_before_the_request_was_read_does_not_end_it() -> None:
    async def play(line: Line) -> None:
        while True:
            await line.head()
            line.put(b"HTTP/1.1 100 Continue\r\n\r\n")
            await line.exactly(len(LARGE))
            line.put(OK)

    async with serving(play) as server, connecting() as connections:
        for _ in range(3):
            assert await ask(connections, server.url, content=LARGE) == (200, b"ok")
        assert server.accepted == 1


@in_a_loop
async def test_a_request_that_is_not_read_is_sent_no_longer_than_allowed() -> None:
    async def play(line: Line) -> None:
        await line.head()
        await asyncio.Event().wait()

    async with serving(play) as server, connecting() as connections:
        with pytest.raises(httpx.WriteTimeout):
            await ask(connections, server.url, content=LARGE, write=SOON)


@pytest.mark.parametrize("end", [Line.close, Line.reset])
@in_a_loop
async def test_a_request_that_breaks_off_may_have_arrived(end: Callable[[Line], None]) -> None:
    async def play(line: Line) -> None:
        await line.head()
        end(line)

    async with serving(play) as server, connecting() as connections:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(connections, server.url, content=LARGE)


# Requests that are not sent


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


WRONG: dict[str, dict[str, Any]] = {
    "a header of two lines": {"headers": {"X-A": "b\r\nX-C: d"}},
    "a header with a NUL": {"headers": {"X-A": "b\0"}},
    "a header whose name has two lines": {"headers": {"X-A\r\nX-C": "d"}},
    "a coding that nobody knows": {"headers": {"Transfer-Encoding": "gzip"}},
    "too short a body": {"headers": {"Content-Length": "3"}, "content": in_parts(b"ok")},
    "too long a body": {"headers": {"Content-Length": "1"}, "content": in_parts(b"ok")},
    "a method of two lines": {"method": "GET / HTTP/1.1\r\nX-A: b\r\n\r\nGET"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@in_a_loop
async def test_a_request_that_is_not_http_is_not_sent(wrong: dict[str, Any]) -> None:
    async with serving(answers) as server, connecting() as connections:
        assert await ask(connections, server.url) == (200, b"/")
        with pytest.raises(httpx.LocalProtocolError):
            await ask(connections, server.url, **wrong)
        await server.empty()
        assert len(server.heads) == 1
        assert await ask(connections, server.url) == (200, b"/")


@in_a_loop
async def test_a_body_that_cannot_be_read_is_not_sent_in_part() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"half of it"
        raise LookupError

    async with serving(answers) as server, connecting() as connections:
        with pytest.raises(LookupError):
            await ask(connections, server.url, method="PUT", content=body())
        await server.empty()
        assert not server.heads


@in_a_loop
async def test_a_body_that_comes_in_parts_is_sent_whole() -> None:
    async with serving(says(OK)) as server, connecting() as connections:
        headers = {"Content-Length": "4"}
        for _ in range(3):
            body = in_parts(b"b", b"", b"ody")
            assert await ask(connections, server.url, headers=headers, content=body) == (200, b"ok")
        assert server.accepted == 1


@in_a_loop
async def test_a_connection_that_is_gone_before_the_request_is_sent_has_carried_none() -> None:
    """The body takes its time, and the server does not wait for it."""
    async with serving(answers) as server, connecting() as connections:

        async def body() -> AsyncIterator[bytes]:
            await server.until(lambda: bool(server.open))
            server.lines[-1].reset()
            while kept(connections):
                await rounds(1)
            yield b"too late"

        with pytest.raises(httpx.ConnectError):
            await ask(connections, server.url, method="PUT", content=body())
        assert not server.heads


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "ws://127.0.0.1/", "/path", "//127.0.0.1/", "http:///path"]
)
@in_a_loop
async def test_a_url_that_is_not_for_http_leads_nowhere(url: str) -> None:
    async with connecting() as connections:
        with pytest.raises(httpx.UnsupportedProtocol):
            await ask(connections, url)


# Where it leads


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of the names that are known. Names that are asked for get an empty list."""
    known: dict[str, list[str]] = {}

    def look_up(host: str, port: int, *_: object, **__: object) -> list[tuple[Any, ...]]:
        if not known.setdefault(host, []):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*stream, (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port: int = own.getsockname()[1]
        return port


@in_a_loop
async def test_where_nobody_listens_nothing_is_sent() -> None:
    async with connecting(most=1) as connections:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError, match="Connect"):
                await ask(connections, f"http://127.0.0.1:{free_port()}/")
        assert not kept(connections)


@in_a_loop
async def test_the_addresses_of_a_host_are_tried_until_one_answers(
    names: dict[str, list[str]],
) -> None:
    names["example.com"] = ["127.0.0.2", "127.0.0.3", "127.0.0.1"]
    async with serving(answers) as server, connecting() as connections:
        url = f"http://example.com:{server.port}/"
        assert await ask(connections, url) == (200, b"/")
        assert await ask(connections, url) == (200, b"/")
        assert server.accepted == 1


@in_a_loop
async def test_an_address_that_says_nothing_keeps_nobody_from_the_next(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["example.com"] = ["127.0.0.2", "127.0.0.1"]

    async def connected(*to: Any) -> socket.socket:
        if to[-1][0] == "127.0.0.2":
            await asyncio.Event().wait()
        return await _connected(*to)

    monkeypatch.setattr("calls._connections._connected", connected)
    monkeypatch.setattr("calls._connections.HEAD_START", 0.01)
    async with serving(answers) as server, connecting() as connections:
        assert await ask(connections, f"http://example.com:{server.port}/") == (200, b"/")


@in_a_loop
async def test_a_slow_address_is_waited_for_if_no_other_answers(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["example.com"] = ["127.0.0.1", "127.0.0.2"]
    has_failed = asyncio.Event()

    async def connected(*to: Any) -> socket.socket:
        if to[-1][0] == "127.0.0.1":
            await has_failed.wait()
            await rounds(10)
        else:
            has_failed.set()
        return await _connected(*to)

    monkeypatch.setattr("calls._connections._connected", connected)
    monkeypatch.setattr("calls._connections.HEAD_START", 0.01)
    async with serving(answers) as server, connecting() as connections:
        assert await ask(connections, f"http://example.com:{server.port}/") == (200, b"/")


@in_a_loop
async def test_of_two_addresses_that_answer_at_the_same_time_one_is_let_go(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["example.com"] = ["127.0.0.1", "127.0.0.1"]
    answered = 0

    async def connected(*to: Any) -> socket.socket:
        nonlocal answered
        own = await _connected(*to)
        answered += 1
        while answered < 2:
            await rounds(1)
        return own

    monkeypatch.setattr("calls._connections._connected", connected)
    monkeypatch.setattr("calls._connections.HEAD_START", 0.01)
    async with serving(answers) as server, connecting() as connections:
        assert await ask(connections, f"http://example.com:{server.port}/") == (200, b"/")
        await server.until(lambda: (server.accepted, server.open) == (2, 1))


@in_a_loop
async def test_a_host_none_of_whose_addresses_answers_is_not_reached(
    names: dict[str, list[str]],
) -> None:
    names["example.com"] = ["127.0.0.2", "127.0.0.1"]
    async with connecting() as connections:
        with pytest.raises(httpx.ConnectError):
            await ask(connections, f"http://example.com:{free_port()}/")


@pytest.mark.parametrize(
    "host", ["nowhere.example", "a" * 64 + ".example", "a..example", "[fe80::1%25x]"]
)
@pytest.mark.usefixtures("names")
@in_a_loop
async def test_a_host_that_nobody_knows_is_not_reached(host: str) -> None:
    async with connecting() as connections:
        with pytest.raises(httpx.ConnectError):
            await ask(connections, f"http://{host}/")


@in_a_loop
async def test_a_name_that_is_not_ascii_is_asked_for_as_the_net_knows_it(
    names: dict[str, list[str]],
) -> None:
    names["xn--bcher-kva.example"] = ["127.0.0.1"]
    async with serving(answers) as server, connecting() as connections:
        url = f"http://b\u00fccher.example:{server.port}/stra\u00dfe?\u00e4=\u00f6 b#\u00fc"
        assert await ask(connections, url) == (200, b"/stra%C3%9Fe?%C3%A4=%C3%B6%20b")
        assert b"Host: xn--bcher-kva.example:%d\r\n" % server.port in server.heads[0]


@in_a_loop
async def test_what_stands_before_the_host_is_sent_to_nobody() -> None:
    async with serving(answers) as server, connecting() as connections:
        url = server.url.replace("//", "//user:s3cr3t@")
        assert await ask(connections, url) == (200, b"/")
        assert server.heads == [b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.port]
        with pytest.raises(httpx.ConnectError) as caught:
            await ask(connections, f"http://user:s3cr3t@127.0.0.1:{free_port()}/")
        assert "s3cr3t" not in str(caught.value)


@in_a_loop
async def test_ipv6_is_spoken() -> None:
    try:
        async with serving(answers, host="::1") as server, connecting() as connections:
            assert await ask(connections, server.url) == (200, b"/")
            assert await ask(connections, server.url) == (200, b"/")
            assert server.accepted == 1
    except OSError:
        pytest.skip("there is no IPv6 on this machine")


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on this machine is known by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts the authority."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_https_is_spoken_with_those_whom_the_machine_trusts(tls: ssl.SSLContext) -> None:
    async with serving(answers, tls) as server, connecting() as connections:

        async def asking(who: int) -> None:
            for number in range(20):
                path = f"{who}/{number}"
                reply = await ask(connections, server.url + path, method="PUT", content=b"x" * 5000)
                assert reply == (200, f"/{path}".encode())

        await asyncio.gather(*(asking(who) for who in range(10)))
        assert server.accepted == 10


@in_a_loop
async def test_https_is_not_spoken_with_strangers(tls: ssl.SSLContext) -> None:
    async with serving(answers, tls) as server, connecting() as connections:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError, match="verify failed"):
                await ask(connections, server.url)
        await server.until(lambda: not server.open)
        assert not server.heads


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_https_is_not_spoken_with_somebody_else(
    tls: ssl.SSLContext, names: dict[str, list[str]]
) -> None:
    names["example.com"] = ["127.0.0.1"]
    async with serving(answers, tls) as server, connecting() as connections:
        with pytest.raises(httpx.ConnectError, match=r"example\.com"):
            await ask(connections, f"https://example.com:{server.port}/")
        assert not server.heads


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_https_is_not_spoken_with_those_who_do_not_speak_it() -> None:
    async def play(line: Line) -> None:
        await line.some()
        line.put(OK)
        await line.closed()

    async with serving(play) as server, connecting() as connections:
        with pytest.raises(httpx.ConnectError):
            await ask(connections, server.url.replace("http:", "https:"))
        await server.empty()


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_a_greeting_that_does_not_come_is_waited_for_no_longer_than_allowed() -> None:
    async with serving(Line.closed) as server, connecting() as connections:
        with pytest.raises(httpx.ConnectTimeout):
            await ask(connections, server.url.replace("http:", "https:"), connect=SOON)
        await server.empty()


@in_a_loop
async def test_who_speaks_http_where_https_is_spoken_gets_an_error(tls: ssl.SSLContext) -> None:
    async with serving(answers, tls) as server, connecting() as connections:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(connections, server.url.replace("https:", "http:"))


@pytest.mark.parametrize("content", [None, "this is no certificate"])
@in_a_loop
async def test_without_certificates_to_trust_nothing_is_sent(
    content: str | None, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "authority.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with serving(answers, tls) as server, connecting(most=1) as connections:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError, match="no certificates to trust"):
                await ask(connections, server.url)
        assert server.accepted == 0


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@in_a_loop
async def test_a_server_that_wants_a_certificate_of_ours_gets_no_request(
    version: ssl.TLSVersion, authority: trustme.CA
) -> None:
    """With TLS 1.3 the client hears of it when it has sent its request, and cannot be sure."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = context.minimum_version = version
    async with serving(answers, context) as server, connecting() as connections:
        for _ in range(2):
            with pytest.raises(httpx.TransportError) as caught:
                await ask(connections, server.url)
            sure = version is ssl.TLSVersion.TLSv1_2
            assert isinstance(caught.value, httpx.ConnectError) is sure
            assert isinstance(caught.value, _NOT_SENT) is sure
        assert not kept(connections)
        assert not server.heads


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_a_body_that_breaks_off_without_a_goodbye_is_no_reply(tls: ssl.SSLContext) -> None:
    play = says(HEAD + b"Content-Length: 5\r\n\r\nok", then=Line.close)
    async with serving(play, tls) as server, connecting() as connections:
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(connections, server.url)


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_a_connection_with_tls_that_ends_while_nobody_asks_is_not_used(
    tls: ssl.SSLContext,
) -> None:
    async with serving(answers, tls) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            server.lines[-1].shut()
            busy_until_something_arrives(connections)
            assert server.accepted == number + 1
        server.lines[-1].close()
        await server.empty()
        while kept(connections):
            await rounds(1)


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_what_comes_with_tls_while_nobody_asks_is_not_taken_for_the_next_reply(
    tls: ssl.SSLContext,
) -> None:
    async with serving(says(OK), tls) as server, connecting() as connections:
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"ok")
            server.lines[-1].put(FORGED)
            busy_until_something_arrives(connections)
            assert server.accepted == number + 1


class ByHand:
    """TLS of a server whose records are sent when a test says so."""

    def __init__(self, line: Line, context: ssl.SSLContext) -> None:
        self._line = line
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._own = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def step(self, work: Callable[[], T]) -> T:
        """Do something that may have to wait for the client."""
        while True:
            try:
                return work()
            except ssl.SSLWantReadError:
                self._line.put(self._outgoing.read())
                self._incoming.write(await self._line.some())

    async def greet(self) -> None:
        await self.step(self._own.do_handshake)

    async def hear(self) -> bytes:
        return await self.step(lambda: self._own.read(65_536))

    def records(self, data: bytes) -> bytes:
        """What there is to be sent, and some data."""
        self._own.write(data)
        return self._outgoing.read()


@pytest.mark.usefixtures("trusted")
@in_a_loop
async def test_what_tls_says_to_itself_costs_no_connection(tls: ssl.SSLContext) -> None:
    """A ticket may come at any time. Here the head of a record stands for one."""
    early = b""

    async def play(line: Line) -> None:
        nonlocal early
        hand = ByHand(line, tls)
        await hand.greet()
        late = b""
        while await hand.hear():
            line.put(late or hand.records(OK))
            record = hand.records(OK)
            early, late = record[:3], record[3:]

    async with serving(play) as server, connecting() as connections:
        for _ in range(4):
            assert await ask(connections, server.url.replace("http:", "https:")) == (200, b"ok")
            server.lines[0].put(early)
            busy_until_something_arrives(connections)
        assert server.accepted == 1


# Cancelled, closed, in another loop


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("reply", [OK, OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)])
@pytest.mark.parametrize("secure", [False, True])
@in_a_loop
async def test_a_request_may_be_cancelled_at_any_moment(
    secure: bool, reply: bytes, tls: ssl.SSLContext
) -> None:
    """It leaves nothing behind, and the next one gets its own reply."""
    async with serving(says(reply), tls if secure else None) as server:
        async with connecting(most=1) as connections:
            for moment in count():
                asking = asyncio.create_task(ask(connections, server.url + "cancelled"))
                await rounds(moment)
                asking.cancel()
                (came,) = await asyncio.gather(asking, return_exceptions=True)
                assert await ask(connections, server.url) == (200, b"ok")
                if not isinstance(came, asyncio.CancelledError):
                    assert came == (200, b"ok")
                    break
        await server.empty()


@in_a_loop
async def test_who_gives_up_waiting_for_a_connection_takes_none_along() -> None:
    go_on = asyncio.Event()

    async def play(line: Line) -> None:
        while True:
            await line.request()
            await go_on.wait()
            line.put(OK)

    async with serving(play) as server, connecting(most=1) as connections:
        for moment in range(10):
            go_on.clear()
            first = asyncio.create_task(ask(connections, server.url))
            second = asyncio.create_task(ask(connections, server.url))
            third = asyncio.create_task(ask(connections, server.url))
            await rounds(1)
            go_on.set()
            await rounds(moment)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            assert await first == await third == (200, b"ok")


@in_a_loop
async def test_closing_ends_what_is_under_way() -> None:
    """What has been sent may have arrived, and what has not been sent will not be."""

    async def play(line: Line) -> None:
        await line.some()
        await line.closed()

    async with serving(play) as server:
        connections = Connections(most=3)
        sent = asyncio.create_task(ask(connections, server.url))
        greeting = asyncio.create_task(ask(connections, server.url.replace("http:", "https:")))
        await server.until(lambda: sum(line.bytes > 0 for line in server.lines) == 2)
        opening = asyncio.create_task(ask(connections, server.url))
        waiting = asyncio.create_task(ask(connections, server.url))
        await rounds(1)
        await connections.aclose()
        came = await asyncio.gather(sent, greeting, opening, waiting, return_exceptions=True)
        assert type(came[0]) is httpx.ReadError
        assert all(isinstance(each, _NOT_SENT) for each in came[1:])
        await server.empty()


@in_a_loop
async def test_closing_makes_no_reply_of_half_a_body() -> None:
    async with serving(says(HEAD + b"\r\nok")) as server:
        connections = Connections()
        response = await connections.handle_async_request(httpx.Request("GET", server.url))
        await connections.aclose()
        assert isinstance(response.stream, httpx.AsyncByteStream)
        with pytest.raises(httpx.ReadError):
            async for _ in response.stream:
                pass
        await response.aclose()
        await server.empty()


@in_a_loop
async def test_after_closing_connections_are_opened_anew() -> None:
    async with serving(answers) as server:
        connections = Connections()
        await connections.aclose()
        for number in range(3):
            assert await ask(connections, server.url) == (200, b"/")
            await connections.aclose()
            await server.empty()
            assert server.accepted == number + 1
        await connections.aclose()


def test_connections_belong_to_one_event_loop_until_they_are_closed() -> None:
    connections = Connections()

    async def use() -> None:
        async with asyncio.timeout(PATIENCE), serving(answers) as server:
            assert await ask(connections, server.url) == (200, b"/")

    async def use_elsewhere() -> None:
        async with asyncio.timeout(PATIENCE), serving(answers) as server:
            with pytest.raises(RuntimeError, match="one event loop"):
                await ask(connections, server.url)
            with pytest.raises(RuntimeError, match="one event loop"):
                await connections.aclose()
            assert server.accepted == 0

    with asyncio.Runner() as one, asyncio.Runner() as another:
        one.run(use())
        another.run(use_elsewhere())
        one.run(use())
        one.run(connections.aclose())
        another.run(use())
        another.run(connections.aclose())
    gc.collect()
