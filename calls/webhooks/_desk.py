"""Where a webhook is answered: read, handed to its handler, and its document checked and sent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeAlias

from bxml._kinds import shown
from bxml.document import Document
from bxml.errors import BxmlError, Problem
from calls.errors import InvalidEvent, refuse
from calls.events import Event, parse_event, parse_event_query
from calls.webhooks import _replies
from calls.webhooks._handlers import Handler
from calls.webhooks._open import without_credentials
from calls.webhooks._replies import Reply, Sound, UnfitDocument, document_reply
from calls.webhooks.delivery import Delivery, Sequence

logger = logging.getLogger("calls")

MOST_THREADS = 40
"""Plain handlers that run at a time; the others wait for their turn, within their deadline."""

MOST_WARNINGS = 1_000
"""Warnings of documents that are remembered, so that each is logged once."""

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Table: TypeAlias = dict[type[Event], Handler]


class Desk:
    """What the paths of an application have in common."""

    notes = False
    """Whether a handler asks how events came, so that their sequence is kept."""

    def __init__(
        self,
        *,
        seconds: float,
        largest_body: int,
        on_failure: Document | None,
        now: Callable[[], datetime],
        public_url: str | None,
        asks_credentials: bool,
    ) -> None:
        self.largest_body = largest_body
        self.seconds = seconds
        self._on_failure = on_failure
        self._now = now
        self._public_url = public_url
        self._asks_credentials = asks_credentials
        self._sequence = Sequence()
        self._sound: Sound = {}
        self._warned: set[tuple[str, ...]] = set()

    async def reply(self, scope: Scope, receive: Receive, table: Table) -> Reply | None:
        """The reply to a request; None if nobody waits for it any more."""
        request = _Request(self, scope, receive, table)
        deadline = asyncio.timeout(self.seconds)
        try:
            async with deadline:
                return await request.reply()
        except TimeoutError:
            if not deadline.expired():
                raise
        if request.event is None:
            return _replies.TOO_SLOW
        words = f"did not answer within {self.seconds:g} s"
        return self.failed(request.event, request.handler, words, _replies.TOO_LATE)

    def delivery(self, event: Event, scope: Scope) -> Delivery | None:
        """How an event came; None if no handler asks."""
        if not self.notes:
            return None
        number, repeated, late = self._sequence.note(event)
        return Delivery(
            received_at=self._now(),
            number=number,
            repeated=repeated,
            late=late,
            path_params=scope.get("path_params", {}),
            query_string=scope["query_string"].decode("latin-1"),
        )

    async def ask(
        self, handler: Handler, event: Event, delivery: Delivery | None, scope: Scope
    ) -> object:
        """What the handler returns."""
        arguments: tuple[Any, ...] = (event,)
        if handler.wants_delivery:
            arguments = (event, delivery)
        elif handler.wants_query:
            arguments = (event, scope["query_string"].decode("latin-1"))
        answer: Any
        if handler.is_async:
            answer = handler.function(*arguments)
        else:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._threads, partial(copy_context().run, _run, handler.function, *arguments)
            )
        return await answer if isinstance(answer, Awaitable) else answer

    def document(self, event: Event, handler: Handler, answer: object) -> Reply:
        """The reply to what a handler has returned; what is doubtful in it is logged once."""
        reply, problems = document_reply(event, answer, self._sound)
        if self._asks_credentials and isinstance(answer, Document):
            problems = problems + without_credentials(answer, self._public_url)
        for problem in problems:
            if problem.level != "info":
                self._warn(handler, problem)
        return reply

    def failed(
        self,
        event: Event,
        handler: Handler | None,
        words: str,
        reply: Reply,
        error: BaseException | None = None,
    ) -> Reply:
        """A handler has failed: the document that was set aside for it, or the status."""
        name = handler.name if handler else "?"
        about = getattr(event, "call_id", None) or getattr(event, "conference_id", None)
        logger.error(
            "%s: %s of %s: %s", name, event.event_type, shown(about), words, exc_info=error
        )
        document = (handler and handler.on_failure) or self._on_failure
        if document is not None and event.wants_document:
            try:
                return document_reply(event, document, self._sound)[0]
            except (UnfitDocument, BxmlError) as unfit:
                logger.error("%s: on_failure cannot be sent either: %s", name, unfit)  # noqa: TRY400
        return reply

    def _warn(self, handler: Handler, problem: Problem) -> None:
        known = (handler.name, problem.rule, problem.path)
        if known not in self._warned:
            if len(self._warned) >= MOST_WARNINGS:
                self._warned.clear()
            self._warned.add(known)
            words = f"{problem}. {problem.advice}".rstrip()
            logger.warning("%s: %s", handler.name, words)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # Made when it is first needed, so that a server may fork its workers before.
        return ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="calls-webhook")


class _Request:
    """One request being answered, and what is known of it so far."""

    def __init__(self, desk: Desk, scope: Scope, receive: Receive, table: Table) -> None:
        self._desk = desk
        self._scope = scope
        self._receive = receive
        self._table = table
        self.event: Event | None = None
        self.handler: Handler | None = None

    async def reply(self) -> Reply | None:
        """The reply, as long as that may take."""
        desk = self._desk
        body = await _read(self._receive, desk.largest_body, "wsgi_environ" in self._scope)
        if body is None or isinstance(body, Reply):
            return body
        try:
            if self._scope["method"] == "GET":
                event = parse_event_query(self._scope["query_string"])
            else:
                event = parse_event(body)
        except InvalidEvent as error:
            return _replies.not_an_event(str(error))
        try:
            delivery = desk.delivery(event, self._scope)
        except RecursionError:  # looking at all of it goes deeper than reading what is known
            return _replies.not_an_event("not an event: it is nested too deeply")
        self.event = event
        self.handler = handler = self._table.get(type(event))
        if handler is None:
            return _replies.nobody_answers(event)
        try:
            answer = await desk.ask(handler, event, delivery, self._scope)
            return desk.document(event, handler, answer)
        except UnfitDocument as error:
            return desk.failed(event, handler, str(error), _replies.FAILED)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            # Whatever a handler may raise; what it calls may exit, or await what was cancelled.
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            return desk.failed(event, handler, "failed", _replies.FAILED, error)


class Door:
    """The handlers of one path: an ASGI application below the router."""

    def __init__(self, desk: Desk, path: str) -> None:
        self._desk = desk
        self._path = path
        self._tables: dict[str, Table] = {}
        self._distances: dict[tuple[str, type[Event]], int] = {}

    def add(self, method: str, handler: Handler, taken: Mapping[type[Event], int]) -> None:
        """Give events to a handler, unless a more specific one has them."""
        table = self._tables.get(method, {}).copy()
        distances = self._distances.copy()
        for event, distance in taken.items():
            there = distances.get((method, event))
            if there == distance:
                words = (
                    f"would answer what {table[event].name} does: {event.__name__} at {self._path}"
                )
                refuse(handler.name, words)
            if there is None or distance < there:
                table[event] = handler
                distances[method, event] = distance
        self._tables[method] = table
        self._distances = distances

    def distance(self, method: str, event: type[Event]) -> int | None:
        """How specific the handler of an event is, 0 the most; None if there is none."""
        return self._distances.get((method, event))

    def function(self, method: str, event: type[Event]) -> Callable[..., Any] | None:
        """The function that answers an event, if one does."""
        handler = self._tables.get(method, {}).get(event)
        return None if handler is None else handler.function

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        table = self._tables.get(scope["method"])
        if table is None:
            await send_reply(_replies.not_allowed(self._tables), send)
        elif reply := await self._desk.reply(scope, receive, table):
            await send_reply(reply, send)


def is_cancelled() -> bool:
    """Whether this task is to end, as at its deadline, and not only something it has waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a plain handler. ``StopIteration`` cannot leave a thread: a future does not take it."""
    try:
        return function(*arguments)
    except StopIteration as error:
        raise RuntimeError("the handler raised StopIteration") from error


async def send_reply(reply: Reply, send: Send) -> None:
    """Send it."""
    await send(
        {"type": "http.response.start", "status": reply.status, "headers": reply.all_headers()}
    )
    await send({"type": "http.response.body", "body": reply.body})


async def _read(receive: Receive, largest: int, from_wsgi: bool) -> bytes | Reply | None:
    """The body; None if the client has left, a refusal if it is too large or ends too early."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        if from_wsgi and not body:
            return _replies.TOO_SHORT
        chunks = bytearray(body)
        while len(chunks) <= largest and message.get("more_body"):
            message = await receive()
            if from_wsgi and not message.get("body"):  # which is how WSGI says that it has ended
                return _replies.TOO_SHORT
            chunks += message.get("body", b"")
        body = bytes(chunks)
    if message["type"] == "http.disconnect":
        return None
    return _replies.TOO_LARGE if len(body) > largest else body
