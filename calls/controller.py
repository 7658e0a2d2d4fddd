"""The call controller, blocking and async, over the same operations."""

import math
import os
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import cache, wraps
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from typing import (
    Any,
    Concatenate,
    NamedTuple,
    ParamSpec,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
)

import anyio
import httpx
from msgspec.structs import replace

from calls import operations
from calls._exchange import AsyncWire, Flow, RawResponse, Timeouts, Wire, arun, raw, run
from calls._sending import Site, checked_base, checked_id
from calls.auth import Auth, Basic, OAuth2, Tokens, warn_of_basic
from calls.errors import Attempt, refuse
from calls.models import CallState
from calls.operations import BASE_URL, Listing, Page, built
from calls.pacing import Pacing
from calls.retry import Retry
from calls.turns import Turns

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")

Operation = Callable[Concatenate[Site, P], Flow[T]]
CallOperation = Callable[Concatenate[Site, str, P], Flow[T]]


def _blocking(operation: Operation[P, T]) -> Callable[Concatenate["CallController", P], T]:
    """The operation as a method that waits for its result."""

    def method(self: "CallController", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            flow = operation(self._site, *args, **kwargs)
        finally:
            # The frame of a method is in every traceback, and there may be passwords among these.
            del args, kwargs
        return run(flow, self._wire)

    return _named(method, operation)


def _awaiting(
    operation: Operation[P, T],
) -> Callable[Concatenate["AsyncCallController", P], Coroutine[Any, Any, T]]:
    """The operation as a method to be awaited. Its arguments are checked when it is called."""

    def method(
        self: "AsyncCallController", /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        try:
            flow = operation(self._site, *args, **kwargs)
        finally:
            del args, kwargs
        return arun(flow, self._wire)

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


def _of_call(operation: CallOperation[P, T]) -> Callable[Concatenate["LiveCall", P], T]:
    """The operation as a method of one call that waits for its result."""

    def method(self: "LiveCall", /, *args: P.args, **kwargs: P.kwargs) -> T:
        controller = self._controller
        try:
            flow = operation(controller._site, self.call_id, *args, **kwargs)  # noqa: SLF001
        finally:
            del args, kwargs
        return run(flow, controller._wire)  # noqa: SLF001  # its own

    return _named(method, operation, skip=2)


def _aof_call(
    operation: CallOperation[P, T],
) -> Callable[Concatenate["AsyncLiveCall", P], Coroutine[Any, Any, T]]:
    """The operation as a method of one call, to be awaited."""

    def method(
        self: "AsyncLiveCall", /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        controller = self._controller
        try:
            flow = operation(controller._site, self.call_id, *args, **kwargs)  # noqa: SLF001
        finally:
            del args, kwargs
        return arun(flow, controller._wire)  # noqa: SLF001  # its own

    return _named(method, operation, skip=2)


def _raw(operation: Operation[P, T]) -> Callable[Concatenate["RawCalls", P], RawResponse[T]]:
    """The operation as a method that returns the reply as well."""

    def method(self: "RawCalls", /, *args: P.args, **kwargs: P.kwargs) -> RawResponse[T]:
        try:
            flow = operation(self._site, *args, **kwargs)
        finally:
            del args, kwargs
        return run(raw(flow), self._wire)

    return _named(method, operation)


def _araw(
    operation: Operation[P, T],
) -> Callable[Concatenate["AsyncRawCalls", P], Coroutine[Any, Any, RawResponse[T]]]:
    """The operation as a method, to be awaited, that returns the reply as well."""

    def method(
        self: "AsyncRawCalls", /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, RawResponse[T]]:
        try:
            flow = operation(self._site, *args, **kwargs)
        finally:
            del args, kwargs
        return arun(raw(flow), self._wire)

    return _named(method, operation)


def _named(method: S, operation: Callable[..., Any], *, skip: int = 1) -> S:
    """Give a method the name, the words and the parameters of its operation."""
    annotation = signature(method).return_annotation  # type: ignore[arg-type]
    theirs = get_args(signature(operation).return_annotation)[2]
    if annotation is T:
        annotation = theirs
    elif T in getattr(annotation, "__parameters__", ()):
        annotation = annotation[theirs]
    own = signature(method).parameters["self"]  # type: ignore[arg-type]
    made: Any = wraps(operation)(method)  # type: ignore[arg-type]
    del made.__wrapped__
    parameters = list(signature(operation).parameters.values())[skip:]
    made.__signature__ = signature(operation).replace(
        parameters=[own, *parameters], return_annotation=annotation
    )
    return made  # type: ignore[no-any-return]


_VARIABLES = {
    "BW_ACCOUNT_ID": "account_id",
    "BW_CLIENT_ID": "client_id",
    "BW_CLIENT_SECRET": "client_secret",
    "BW_USERNAME": "username",
    "BW_PASSWORD": "password",
    "BW_VOICE_URL": "base_url",
    "BW_TOKEN_URL": "token_url",
}
"""The variables that ``from_env`` reads, and what they are to a controller and its credentials."""


class Options(TypedDict, total=False):
    """What a controller may be told to do otherwise. See ``CallController``."""

    timeout: float | httpx.Timeout | None
    retry: Retry
    rate: float | None
    on_attempt: Callable[[Attempt], object] | None


class _Controller:
    """What both controllers have: where requests go and by which rules, and the options."""

    _site: Site

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **options: Any) -> Self:
        """A controller with the account and the credentials of the environment.

        ``BW_ACCOUNT_ID``, and ``BW_CLIENT_ID`` with ``BW_CLIENT_SECRET``, as the vendor's own
        command has them; or ``BW_USERNAME`` with ``BW_PASSWORD`` as long as they work.
        ``BW_VOICE_URL`` and ``BW_TOKEN_URL`` lead elsewhere, for instance to a simulator.

        Args:
            environ: Other variables than those of the process.
            options: The arguments of the controller, but for the account and the credentials.

        Raises:
            InvalidRequest: A variable is missing, or one is wrong.
        """
        try:
            given = _given(environ)
        finally:
            # What the environment holds is nobody's business, in a traceback least of all.
            del environ
        if given.base_url:
            options.setdefault("base_url", given.base_url)
        make: Any = cls
        made: Self = make(given.account_id, auth=given.auth, **options)
        return made

    def with_options(self, **options: Unpack[Options]) -> Self:
        """The same controller with other options: same connections, same token, same queues.

            controller.with_options(timeout=2.0).get_call_state(call_id)

        Closing either closes the connections of both.
        """
        return self._like(**_changes(options))

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self._site.account_id

    def with_account(self, account_id: str) -> Self:
        """The same controller for another account that the credentials are good for."""
        return self._like(account_id=checked_id("account_id", account_id))

    def _like(self, **changes: Any) -> Self:
        other = object.__new__(type(self))
        vars(other).update(vars(self), _site=replace(self._site, **changes))
        return other

    def __repr__(self) -> str:
        site = vars(self).get("_site")
        if site is None:  # it could not be made, and somebody prints why
            return f"{type(self).__name__}(…)"
        return f"{type(self).__name__}({site.account_id!r}, base_url={site.base_url!r})"


class CallController(_Controller):
    """Creates, reads, lists, redirects and ends calls, and replaces what they are doing.

        with CallController("9900000", auth=OAuth2("id", "secret")) as controller:
            controller.update_call_bxml(call_id, Bxml().speak_sentence("An agent is ready."))

    Safe in threads. Share one: it holds the connections, the token, and the order of the pushes
    into each call.

    Args:
        account_id: The account's id.
        auth: ``OAuth2`` credentials, or ``Basic`` ones until they end.
        base_url: Another host than the vendor's, for instance the simulator's. Plain http only on
            this machine, or with a transport of your own.
        transport: Any httpx transport. By default one of httpx, by the proxies of the environment.
        timeout: Seconds for each step of a request (connecting, sending, each part of the reply),
            or an ``httpx.Timeout``.
        retry: What is sent again, how often and how soon.
        rate: Requests a second, at most. None sends them as they come.
        on_attempt: Told of every attempt, after it. What it raises is logged and goes no further. It
            must not push by itself: the call that it is told of has its turn still.
        now: The clock, in seconds; by default a monotonic one.
        pause: Lets some seconds pass.
        chance: From 0 up to 1; what waits are shortened by.

    Raises:
        InvalidRequest: An argument is wrong.
    """

    def __init__(
        self,
        account_id: str,
        *,
        auth: Auth,
        base_url: str = BASE_URL,
        transport: httpx.BaseTransport | None = None,
        timeout: float | httpx.Timeout | None = 30.0,
        retry: Retry = Retry(),  # noqa: B008  # a frozen value
        rate: float | None = None,
        on_attempt: Callable[[Attempt], object] | None = None,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        warn_of_basic(auth)
        self._site = Site(
            account_id=checked_id("account_id", account_id),
            base_url=checked_base(base_url, auth, trusted=transport is not None),
            auth=auth,
            tokens=Tokens(now),
            turns=Turns(threading.Event),
            user_agent=_user_agent(),
            now=now,
            chance=chance,
            **_changes(
                {"timeout": timeout, "retry": retry, "rate": rate, "on_attempt": on_attempt}
            ),
        )
        self._wire = Wire(transport, now, pause)

    create_call = _blocking(operations.create_call)
    get_call_state = _blocking(operations.get_call_state)
    list_calls = _listing(operations.list_calls)
    update_call = _blocking(operations.update_call)
    update_call_bxml = _blocking(operations.update_call_bxml)

    def call(self, call_id: str) -> "LiveCall":
        """A handle on one call. Making one asks nothing of the platform."""
        return LiveCall(self, call_id)

    @property
    def with_raw_response(self) -> "RawCalls":
        """The operations, each returning its reply beside its result."""
        return RawCalls(self._site, self._wire)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _pages(self, first: Flow[Page]) -> Iterator[CallState]:
        listing = Listing()
        page = run(first, self._wire)
        while True:
            yield from listing.take(page)
            if listing.next_url is None:
                return
            page = run(operations.next_page(self._site, listing.next_url), self._wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncCallController(_Controller):
    """The same as ``CallController``, for asyncio: await its methods, ``async for`` its lists.

    One event loop has it to itself. ``pause`` is awaited.
    """

    def __init__(
        self,
        account_id: str,
        *,
        auth: Auth,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: float | httpx.Timeout | None = 30.0,
        retry: Retry = Retry(),  # noqa: B008  # a frozen value
        rate: float | None = None,
        on_attempt: Callable[[Attempt], object] | None = None,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[object]] = anyio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        warn_of_basic(auth)
        self._site = Site(
            account_id=checked_id("account_id", account_id),
            base_url=checked_base(base_url, auth, trusted=transport is not None),
            auth=auth,
            tokens=Tokens(now),
            turns=Turns(anyio.Event),
            user_agent=_user_agent(),
            now=now,
            chance=chance,
            **_changes(
                {"timeout": timeout, "retry": retry, "rate": rate, "on_attempt": on_attempt}
            ),
        )
        self._wire = AsyncWire(transport, now, pause)

    create_call = _awaiting(operations.create_call)
    get_call_state = _awaiting(operations.get_call_state)
    list_calls = _alisting(operations.list_calls)
    update_call = _awaiting(operations.update_call)
    update_call_bxml = _awaiting(operations.update_call_bxml)

    def call(self, call_id: str) -> "AsyncLiveCall":
        """A handle on one call. Making one asks nothing of the platform."""
        return AsyncLiveCall(self, call_id)

    @property
    def with_raw_response(self) -> "AsyncRawCalls":
        """The operations, each returning its reply beside its result."""
        return AsyncRawCalls(self._site, self._wire)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _pages(self, first: Flow[Page]) -> AsyncIterator[CallState]:
        listing = Listing()
        page = await arun(first, self._wire)
        while True:
            for call in listing.take(page):
                yield call
            if listing.next_url is None:
                return
            page = await arun(operations.next_page(self._site, listing.next_url), self._wire)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class LiveCall:
    """One call, by its id.

    Raises:
        InvalidRequest: This cannot be the id of a call.
    """

    def __init__(self, controller: CallController, call_id: str) -> None:
        self._controller = controller
        self.call_id = checked_id("call_id", call_id)

    push = _of_call(operations.push)
    redirect = _of_call(operations.redirect)
    hang_up = _of_call(operations.hang_up)
    state = _of_call(operations.get_call_state)

    def __repr__(self) -> str:
        return f"LiveCall({self.call_id!r})"


class AsyncLiveCall:
    """One call, by its id, for asyncio.

    Raises:
        InvalidRequest: This cannot be the id of a call.
    """

    def __init__(self, controller: AsyncCallController, call_id: str) -> None:
        self._controller = controller
        self.call_id = checked_id("call_id", call_id)

    push = _aof_call(operations.push)
    redirect = _aof_call(operations.redirect)
    hang_up = _aof_call(operations.hang_up)
    state = _aof_call(operations.get_call_state)

    def __repr__(self) -> str:
        return f"AsyncLiveCall({self.call_id!r})"


class RawCalls:
    """The operations of a ``CallController``, each returning its reply beside its result.

    ``list_calls`` returns one page.
    """

    def __init__(self, site: Site, wire: Wire) -> None:
        self._site = site
        self._wire = wire

    create_call = _raw(operations.create_call)
    get_call_state = _raw(operations.get_call_state)
    list_calls = _raw(operations.list_calls)
    update_call = _raw(operations.update_call)
    update_call_bxml = _raw(operations.update_call_bxml)


class AsyncRawCalls:
    """The operations of an ``AsyncCallController``, each returning its reply beside its result."""

    def __init__(self, site: Site, wire: AsyncWire) -> None:
        self._site = site
        self._wire = wire

    create_call = _araw(operations.create_call)
    get_call_state = _araw(operations.get_call_state)
    list_calls = _araw(operations.list_calls)
    update_call = _araw(operations.update_call)
    update_call_bxml = _araw(operations.update_call_bxml)


def _changes(options: Mapping[str, Any]) -> dict[str, Any]:
    """What options are called on a ``Site``, each of them checked."""
    changes: dict[str, Any] = {}
    for name, value in options.items():
        if name == "timeout":
            changes["timeouts"] = _timeouts(value)
        elif name == "rate":
            changes["pacing"] = Pacing(value)
        elif name == "retry":
            if not isinstance(value, Retry):
                refuse("retry", f"must be a Retry (got {type(value).__name__})")
            changes["retry"] = value
        elif name == "on_attempt":
            changes["on_attempt"] = value
        else:
            raise TypeError(f"there is no option {name!r}")
    return changes


def _timeouts(timeout: float | httpx.Timeout | None) -> Timeouts:
    steps: Timeouts = httpx.Timeout(timeout).as_dict()
    if not all(seconds is None or 0 < seconds < math.inf for seconds in steps.values()):
        refuse("timeout", f"must be a number of seconds above 0 (got {timeout!r})")
    return steps


class _Given(NamedTuple):
    """What the environment says of a controller."""

    account_id: str
    auth: Auth
    base_url: str | None


def _given(environ: Mapping[str, str]) -> _Given:
    values = {name: environ[name] for name in _VARIABLES if environ.get(name)}
    del environ
    if "BW_CLIENT_ID" in values or "BW_USERNAME" not in values:
        needed = ("BW_ACCOUNT_ID", "BW_CLIENT_ID", "BW_CLIENT_SECRET")
        kind: Callable[..., Auth] = OAuth2
    else:
        needed, kind = ("BW_ACCOUNT_ID", "BW_USERNAME", "BW_PASSWORD"), Basic
    if missing := [name for name in needed if name not in values]:
        values.clear()
        refuse("environ", f"lacks {' and '.join(missing)}")
    account_id, base_url = values["BW_ACCOUNT_ID"], values.get("BW_VOICE_URL")
    fields = {_VARIABLES[name]: values[name] for name in needed[1:]}
    if kind is OAuth2 and "BW_TOKEN_URL" in values:
        fields["token_url"] = values["BW_TOKEN_URL"]
    values.clear()
    return _Given(account_id, built(kind, fields), base_url)


@cache
def _user_agent() -> str:
    """Who asks, for the platform's logs."""
    try:
        ours = version("bxml-calls")
    except PackageNotFoundError:
        ours = "unknown"
    python = ".".join(map(str, sys.version_info[:2]))
    return f"bxml-calls/{ours} python/{python} httpx/{httpx.__version__}"
