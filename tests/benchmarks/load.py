"""A server in a process of its own, and a client that keeps it busy and looks at every reply."""

import asyncio
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn

CONNECTIONS = 32
WARM_UP = 200


class Errand(NamedTuple):
    """A request, and what the reply to it must be."""

    request: bytes
    status: int
    reply: "re.Pattern[bytes]"
    length: int
    """Bytes of the content of the reply."""


def asks(
    line: str, status: int, reply: "bytes | re.Pattern[bytes]", length: int = 0, **parts: Any
) -> Errand:
    """An errand; ``reply`` is its content, or a pattern that content of ``length`` bytes matches."""
    body = parts.pop("body", b"")
    headers = {"Host": "127.0.0.1", **parts.pop("headers", {}), "Content-Length": len(body)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"{line} HTTP/1.1\r\n{head}\r\n".encode() + body
    if isinstance(reply, bytes):
        return Errand(request, status, re.compile(re.escape(reply)), len(reply))
    return Errand(request, status, reply, length)


def _serve(make: Callable[[str], Any], kind: str, http: str, port: Any) -> None:
    """The other process."""
    how: Any = {"http": http, "log_level": "warning", "access_log": False, "ws": "none"}
    server = uvicorn.Server(uvicorn.Config(make(kind), port=0, lifespan="off", **how))

    async def main() -> None:
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        port.put(server.servers[0].sockets[0].getsockname()[1])
        await running

    asyncio.run(main())


@contextmanager
def served(make: Callable[[str], Any], kind: str, http: str) -> Iterator[int]:
    """The port on which an application is served, with one of uvicorn's parsers of HTTP."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=_serve, args=(make, kind, http, port), daemon=True)
    process.start()
    try:
        yield port.get(timeout=60)
    finally:
        process.terminate()
        process.join()


class Client(asyncio.Protocol):
    """Sends the request again as soon as the reply is there, and looks at every reply.

    What is wrong is raised by ``done``: an event loop only logs what a protocol raises.
    """

    def __init__(self, errand: Errand) -> None:
        self.count = 0
        self.ends = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._errand = errand
        self._start = b"HTTP/1.1 %d " % errand.status
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._errand.request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or (len(body) < self._errand.length and head.startswith(self._start)):
            return
        if not head.startswith(self._start) or not self._errand.reply.fullmatch(body):
            self._fail(f"a wrong reply: {self._buffer!r}")
            return
        self._buffer = b""
        self.count += 1
        if self.ends:
            self._transport.close()
        else:
            self._transport.write(self._errand.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ends:
            self._fail(f"the connection was lost: {exc}")
        elif not self.done.done():
            self.done.set_result(None)

    def _fail(self, words: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(words))
        self._transport.abort()


async def drive(port: int, errand: Errand, seconds: float) -> float:
    """Requests a second.

    Raises:
        AssertionError: A reply was wrong, or a connection was lost.
        TimeoutError: Replies did not come.
    """
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(errand), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    everything = asyncio.gather(*(each.done for each in clients))

    def replies() -> int:
        if everything.done():
            everything.result()
        return sum(each.count for each in clients)

    async with asyncio.timeout(30 + seconds):
        while replies() < WARM_UP:  # noqa: ASYNC110  # replies come too often to wait for one
            await asyncio.sleep(0.01)
        before, started = replies(), time.perf_counter()
        await asyncio.wait([everything], timeout=seconds)
        count, spent = replies() - before, time.perf_counter() - started
        for each in clients:
            each.ends = True
        await everything
    return count / spent
