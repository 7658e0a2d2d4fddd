"""The call controller, blocking and async, over the same operations."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from inspect import signature
from typing import Any, Concatenate, ParamSpec, Self, TypedDict, TypeVar, Unpack, get_args

import httpx

from bxml.document import Document
from bxml.types import Method
from calls import operations
from calls._exchange import Flow, arun, run
from calls.auth import Auth, Tokens
from calls.models import CallState
from calls.operations import BASE_URL, Page, Site

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")

Operation = Callable[Concatenate[Site, P], Flow[T]]


def _blocking(operation: Operation[P, T]) -> Callable[Concatenate["CallController", P], T]:
    """The operation as a method that waits for its result."""

    def method(self: "CallController", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(operation(self._site, *args, **kwargs), self._client)

    return _named(method, operation)


def _awaiting(
    operation: Operation[P, T],
) -> Callable[Concatenate["AsyncCallController", P], Awaitable[T]]:
    """The operation as a coroutine method."""

    async def method(self: "AsyncCallController", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await arun(operation(self._site, *args, **kwargs), self._client)

    return _named(method, operation)


def _listing(
    operation: Operation[P, Page],
) -> Callable[Concatenate["CallController", P], Iterator[CallState]]:
    """The operation as a method that iterates over the calls of all pages."""

    def method(self: "CallController", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[CallState]:
        flow = operation(self._site, *args, **kwargs)
        return self._pages(flow)

    return _named(method, operation)


def _alisting(
    operation: Operation[P, Page],
) -> Callable[Concatenate["AsyncCallController", P], AsyncIterator[CallState]]:
    """The operation as a method that iterates over the calls of all pages, as a task."""

    def method(
        self: "AsyncCallController", /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[CallState]:
        flow = operation(self._site, *args, **kwargs)
        return self._pages(flow)

    return _named(method, operation)


def _named(method: S, operation: Callable[..., Any]) -> S:
    """Give a method the name, the words and the parameters of its operation."""
    result = signature(method).return_annotation  # type: ignore[arg-type]
    if result is T:
        result = get_args(signature(operation).return_annotation)[2]
    own = signature(method).parameters["self"]  # type: ignore[arg-type]
    made: Any = wraps(operation)(method)  # type: ignore[arg-type]
    del made.__wrapped__
    theirs = list(signature(operation).parameters.values())[1:]
    made.__signature__ = signature(operation).replace(
        parameters=[own, *theirs], return_annotation=result
    )
    return made  # type: ignore[no-any-return]


class CallController:
    """Creates, reads, lists, redirects and ends calls, and replaces what they are doing.

        with CallController("9900000", auth=OAuth2("id", "secret")) as controller:
            controller.update_call_bxml(call_id, Bxml().speak_sentence("An agent is ready."))

    Args:
        account_id: The account's id.
        auth: ``OAuth2`` credentials, or ``Basic`` ones until they end.
        base_url: Another host than the vendor's, for instance the simulator's.
        transport: Any httpx transport.
        timeout: Seconds for each step of a request: connecting, sending, each part of the reply.
        now: What the age of a token is measured by, in seconds.
    """

    def __init__(
        self,
        account_id: str,
        *,
        auth: Auth,
        base_url: str = BASE_URL,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 30.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = operations.site(account_id, base_url, auth, Tokens(now))
        self._client = httpx.Client(transport=transport, timeout=timeout)

    create_call = _blocking(operations.create_call)
    get_call_state = _blocking(operations.get_call_state)
    list_calls = _listing(operations.list_calls)
    update_call = _blocking(operations.update_call)
    update_call_bxml = _blocking(operations.update_call_bxml)

    def call(self, call_id: str) -> "LiveCall":
        """A handle on one call."""
        return LiveCall(self, call_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _pages(self, first: Flow[Page]) -> Iterator[CallState]:
        page = run(first, self._client)
        seen = set[str]()
        yield from page.calls
        while page.calls and page.next_url and page.next_url not in seen:
            seen.add(page.next_url)
            page = run(operations.next_page(self._site, page.next_url), self._client)
            yield from page.calls

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CallController({self._site.account_id!r}, base_url={self._site.base_url!r})"


class AsyncCallController:
    """The same as ``CallController``, for asyncio: await its methods, ``async for`` its lists."""

    def __init__(
        self,
        account_id: str,
        *,
        auth: Auth,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float = 30.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = operations.site(account_id, base_url, auth, Tokens(now))
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout)

    create_call = _awaiting(operations.create_call)
    get_call_state = _awaiting(operations.get_call_state)
    list_calls = _alisting(operations.list_calls)
    update_call = _awaiting(operations.update_call)
    update_call_bxml = _awaiting(operations.update_call_bxml)

    def call(self, call_id: str) -> "AsyncLiveCall":
        """A handle on one call."""
        return AsyncLiveCall(self, call_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _pages(self, first: Flow[Page]) -> AsyncIterator[CallState]:
        page = await arun(first, self._client)
        seen = set[str]()
        for call in page.calls:
            yield call
        while page.calls and page.next_url and page.next_url not in seen:
            seen.add(page.next_url)
            page = await arun(operations.next_page(self._site, page.next_url), self._client)
            for call in page.calls:
                yield call

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncCallController({self._site.account_id!r}, base_url={self._site.base_url!r})"


class RedirectOptions(TypedDict, total=False):
    """What may go with the URL that a live call is sent to, under the names of ``update_call``."""

    redirect_method: Method
    username: str
    password: str
    redirect_fallback_url: str
    redirect_fallback_method: Method
    fallback_username: str
    fallback_password: str
    tag: str


class LiveCall:
    """One call, by its id. Making one asks nothing of the platform."""

    def __init__(self, controller: CallController, call_id: str) -> None:
        self._controller = controller
        self.call_id = call_id

    def push(self, document: Document) -> None:
        """Replace what the call is doing with ``document``. See ``update_call_bxml``."""
        self._controller.update_call_bxml(self.call_id, document)

    def redirect(self, url: str, **options: Unpack[RedirectOptions]) -> None:
        """Send the call to ``url`` for its next document. See ``update_call``."""
        self._controller.update_call(self.call_id, redirect_url=url, **options)

    def hang_up(self) -> None:
        """End the call: hang up, cancel while it rings, or take it off the queue."""
        self._controller.update_call(self.call_id, state="completed")

    def state(self) -> CallState:
        """What the platform knows of the call now."""
        return self._controller.get_call_state(self.call_id)

    def __repr__(self) -> str:
        return f"LiveCall({self.call_id!r})"


class AsyncLiveCall:
    """One call, by its id, for asyncio."""

    def __init__(self, controller: AsyncCallController, call_id: str) -> None:
        self._controller = controller
        self.call_id = call_id

    async def push(self, document: Document) -> None:
        """Replace what the call is doing with ``document``. See ``update_call_bxml``."""
        await self._controller.update_call_bxml(self.call_id, document)

    async def redirect(self, url: str, **options: Unpack[RedirectOptions]) -> None:
        """Send the call to ``url`` for its next document. See ``update_call``."""
        await self._controller.update_call(self.call_id, redirect_url=url, **options)

    async def hang_up(self) -> None:
        """End the call: hang up, cancel while it rings, or take it off the queue."""
        await self._controller.update_call(self.call_id, state="completed")

    async def state(self) -> CallState:
        """What the platform knows of the call now."""
        return await self._controller.get_call_state(self.call_id)

    def __repr__(self) -> str:
        return f"AsyncLiveCall({self.call_id!r})"
