"""Requests and replies as values, and the two drivers that carry them.

An operation is a generator: it yields requests, is sent the replies, and returns its result. It
decides everything and touches nothing. ``run`` and ``arun`` are the only code of the controllers
that touches the network; they differ in two words.
"""

from collections.abc import Generator, Mapping
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from calls.errors import ConnectionFailed, UnexpectedReply

T = TypeVar("T")

LARGEST_REPLY = 33_554_432
"""Bytes of a reply that are read. A page of 10,000 calls, the largest there is, has some 8 MB."""


class Request(Struct, frozen=True):
    """One HTTP request. Headers may hold a secret, so the ``repr`` shows none."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""

    @property
    def path(self) -> str:
        """The path without its query: what may be shown to anybody."""
        return urlsplit(self.url).path

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


class Reply(Struct, frozen=True):
    """One HTTP reply, read to its end."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.content)} bytes)"


Flow: TypeAlias = Generator[Request, Reply, T]
"""What an operation is: yields requests, receives replies, returns a ``T``."""

# Before the request is on its way. Whatever happens later, it may have arrived.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def run(flow: Flow[T], client: httpx.Client) -> T:
    """Carry a flow to its end, waiting for each reply."""
    try:
        request = next(flow)
        while True:
            request = flow.send(_deliver(request, client))
    except StopIteration as done:
        result: T = done.value
        return result


async def arun(flow: Flow[T], client: httpx.AsyncClient) -> T:
    """Carry a flow to its end, as a task."""
    try:
        request = next(flow)
        while True:
            request = flow.send(await _adeliver(request, client))
    except StopIteration as done:
        result: T = done.value
        return result


def _deliver(request: Request, client: httpx.Client) -> Reply:
    try:
        with client.stream(
            request.method, request.url, headers=request.headers, content=request.content
        ) as response:
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                _bound(request, response, body)
            return Reply(response.status_code, response.headers, bytes(body))
    except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
        raise _failure(request, error) from error


async def _adeliver(request: Request, client: httpx.AsyncClient) -> Reply:
    try:
        async with client.stream(
            request.method, request.url, headers=request.headers, content=request.content
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                _bound(request, response, body)
            return Reply(response.status_code, response.headers, bytes(body))
    except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
        raise _failure(request, error) from error


def _bound(request: Request, response: httpx.Response, body: bytearray) -> None:
    if len(body) > LARGEST_REPLY:
        reason = f"a body of more than {LARGEST_REPLY:,} bytes"
        raise UnexpectedReply(request.method, request.path, response.status_code, reason)


def _failure(request: Request, error: Exception) -> ConnectionFailed:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    sent = not isinstance(error, (*_NOT_SENT, httpx.InvalidURL))
    return ConnectionFailed(request.method, request.path, reason, may_have_arrived=sent)
