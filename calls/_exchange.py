"""Requests and replies as values, and the two drivers that carry them.

An operation is a generator: it yields requests, is sent the replies, and returns its result. It
decides everything and touches nothing. ``run`` and ``arun`` are the only code of the controllers
that touches the network; they differ in two words.
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from bxml._declare import NoRichRepr
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


Flow: TypeAlias = Generator[Request, Reply, T]
"""What an operation is: yields requests, receives replies, returns a ``T``."""

# Before the request is on its way. Whatever happens later, it may have arrived.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_FAILURES = (httpx.TransportError, httpx.InvalidURL)


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
            request.method, request.url, headers=_headers(request), content=request.content
        ) as response:
            body = _Body(request, response)
            for chunk in response.iter_bytes():
                body.add(chunk)
            return body.reply()
    except _FAILURES as error:
        failure = _failure(request, error)
    # Not from within: the frames of the cause hold the headers of the request, secrets and all.
    raise failure


async def _adeliver(request: Request, client: httpx.AsyncClient) -> Reply:
    try:
        async with client.stream(
            request.method, request.url, headers=_headers(request), content=request.content
        ) as response:
            body = _Body(request, response)
            async for chunk in response.aiter_bytes():
                body.add(chunk)
            return body.reply()
    except _FAILURES as error:
        failure = _failure(request, error)
    raise failure


def _headers(request: Request) -> dict[str, str]:
    # Compressed, a reply of a few hundred bytes may be gigabytes: it is not asked for.
    return {"Accept-Encoding": "identity", **request.headers}


class _Body:
    """The body of a reply as it comes in, of bounded size."""

    def __init__(self, request: Request, response: httpx.Response) -> None:
        self._request = request
        self._response = response
        self._bytes = bytearray()
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise self._unexpected("a compressed body, which was not asked for")

    def add(self, chunk: bytes) -> None:
        self._bytes += chunk
        if len(self._bytes) > LARGEST_REPLY:
            raise self._unexpected(f"a body of more than {LARGEST_REPLY:,} bytes")

    def reply(self) -> Reply:
        return Reply(self._response.status_code, self._response.headers, bytes(self._bytes))

    def _unexpected(self, reason: str) -> UnexpectedReply:
        status = self._response.status_code
        return UnexpectedReply(self._request.method, self._request.path, status, reason)


def _failure(request: Request, error: Exception) -> ConnectionFailed:
    # The text of a LocalProtocolError quotes the header that is wrong.
    quotable = str(error) and not isinstance(error, httpx.LocalProtocolError)
    reason = f"{type(error).__name__}: {error}" if quotable else type(error).__name__
    sent = not isinstance(error, _NOT_SENT)
    return ConnectionFailed(request.method, request.path, reason, may_have_arrived=sent)
