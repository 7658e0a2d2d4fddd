"""Every fault with every operation: what is expected, and what comes of it when it is tried.

    python tests/faults/table.py
    python tests/faults/table.py --check docs/explanation/faults.md
    python tests/faults/table.py --write docs/explanation/faults.md

``ROWS`` says what is expected, and ``test_faults.py`` holds the controllers to it. The page does not
come from there: each of its cells is filled by running both controllers against a server that fails.
"""

import argparse
import asyncio
import difflib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
import server as s
from server import ACCOUNT, CALL, CALL_ID, CALLS, TOKEN, Clock, Fault, Server, refuses

from bxml import Bxml
from calls import (
    AsyncCallController,
    Attempt,
    BadRequest,
    CallConflict,
    CallController,
    CallEnded,
    CallNotFound,
    CallNotYetAnswered,
    CallsError,
    ConnectionFailed,
    Forbidden,
    MethodNotAllowed,
    OAuth2,
    PaymentRequired,
    RateLimited,
    ServerError,
    StatusError,
    Unauthorized,
    UnexpectedReply,
    UnsupportedMediaType,
)
from calls._exchange import AsyncWire, Wire
from calls.errors import Outcome

BEGIN = "<!-- table.py begins -->"
END = "<!-- table.py ends -->"
"""The tables of a page stand between these two lines."""


# Operations


@dataclass(frozen=True)
class Operation:
    """What is asked of a controller.

    Attributes:
        key: A short name.
        title: What the page calls it.
        kind: ``create``, ``reads``, ``changes`` or ``token``.
        attempt: What its attempts are called.
        target: Method and path of its request.
        act: Asks a controller for it.
    """

    key: str
    title: str
    kind: str
    attempt: str
    target: tuple[str, str]
    act: Callable[[Any], Any]

    @property
    def has_body(self) -> bool:
        return self.target[0] != "GET"


ORDER = {
    "to": "+15550100001",
    "from_": "+15550100002",
    "application_id": "app-1",
    "answer_url": "https://app.example.com/answer",
}
AGENT = "https://app.example.com/agent"
DOCUMENT = Bxml().speak_sentence("An agent is free.")

CREATE = Operation(
    "create",
    "`create_call`",
    "create",
    "create_call",
    ("POST", CALLS),
    lambda controller: controller.create_call(**ORDER),
)
GET = Operation(
    "get",
    "`get_call_state`",
    "reads",
    "get_call_state",
    ("GET", CALL),
    lambda controller: controller.get_call_state(CALL_ID),
)
LIST = Operation(
    "list",
    "`list_calls`",
    "reads",
    "list_calls",
    ("GET", CALLS),
    lambda controller: controller.list_calls(),
)
REDIRECT = Operation(
    "redirect",
    "`update_call` (URL)",
    "changes",
    "update_call",
    ("POST", CALL),
    lambda controller: controller.update_call(CALL_ID, redirect_url=AGENT),
)
COMPLETED = Operation(
    "completed",
    "`update_call` (completed)",
    "changes",
    "hang_up",
    ("POST", CALL),
    lambda controller: controller.update_call(CALL_ID, state="completed"),
)
PUSH = Operation(
    "push",
    "`update_call_bxml`",
    "changes",
    "update_call_bxml",
    ("PUT", f"{CALL}/bxml"),
    lambda controller: controller.update_call_bxml(CALL_ID, DOCUMENT),
)
HANG_UP = Operation(
    "hang_up",
    "`hang_up`",
    "changes",
    "hang_up",
    ("POST", CALL),
    lambda controller: controller.call(CALL_ID).hang_up(),
)
THE_TOKEN = Operation("token", "the token", "token", "token", ("POST", TOKEN), GET.act)

OPERATIONS = (CREATE, GET, LIST, REDIRECT, COMPLETED, PUSH, HANG_UP)
ALL = (*OPERATIONS, THE_TOKEN)


# What comes of a fault


@dataclass(frozen=True)
class Came:
    """What came of an operation, or is expected to.

    Attributes:
        tries: How often its request was tried.
        reached: How many of these requests reached the server, complete.
        raises: The class of the error; None: it succeeded.
        outcome: The ``outcome`` of the error, or ``done``.
        begun: How many requests broke off before the server had all of them.
        looks: How often the state of the call was asked for besides.
        beside: How many token requests there were; in the column of the token, requests to the API.
        waits: Seconds that it asked to wait for, one after the other, were chance to shorten none.
        told: How many attempts stand on the error.
    """

    tries: int
    raises: type[CallsError] | None
    outcome: Outcome
    reached: int
    begun: int = 0
    looks: int = 0
    beside: int = 1
    waits: tuple[float, ...] = ()
    told: int = 0


BACKOFF = (0.5, 1.0, 2.0)
POLLS = (0.5, 0.5, 0.5)


def once(raises: type[CallsError] | None, outcome: Outcome, **more: Any) -> Came:
    """One request, and no other."""
    told = 0 if raises is None else 1
    return Came(**{"tries": 1, "reached": 1, "told": told, **more}, raises=raises, outcome=outcome)


def four(raises: type[CallsError], outcome: Outcome, **more: Any) -> Came:
    """As many requests as the policy allows."""
    given = {"tries": 4, "reached": 4, "told": 4, "waits": BACKOFF, **more}
    return Came(**given, raises=raises, outcome=outcome)


DONE = once(None, "done")


@dataclass(frozen=True)
class Row:
    """One fault, and what is expected of it.

    Attributes:
        title: The fault, in words.
        known: By what the page says this reply is known.
        fault: How the server fails.
        expected: What comes of it, by an operation's key, its kind, or ``*``; None: it cannot occur.
        state: What the state of the call is, for who asks; ``""``: asking fails.
    """

    title: str
    known: str
    fault: Fault
    expected: Mapping[str, Came | None]
    state: str = "answered"

    def of(self, operation: Operation) -> Came | None:
        """What is expected when this befalls an operation."""
        for key in (operation.key, operation.kind, "*"):
            if key in self.expected:
                came = self.expected[key]
                if came is not None and operation is THE_TOKEN and came.raises is not None:
                    # Whatever became of the request for the token, what it was for was not sent.
                    return replace(came, beside=0, outcome="not_sent")
                return came
        return None


class Section(NamedTuple):
    """Faults of one sort."""

    title: str
    words: str
    rows: Sequence[Row]


DOCUMENTED = "documented"
VENDOR = "vendor's code"
INFERRED = "inferred"

NOT_SENT: Mapping[str, Came | None] = {
    "*": four(ConnectionFailed, "not_sent", reached=0),
}
LOST: Mapping[str, Came | None] = {
    "create": once(ConnectionFailed, "unknown"),
    "*": four(ConnectionFailed, "unknown"),
}
"""It may have arrived: what places a call is not repeated."""
NONSENSE: Mapping[str, Came | None] = {
    "create": once(UnexpectedReply, "unknown"),
    "*": four(UnexpectedReply, "unknown"),
}


def refused(error: type[StatusError]) -> Mapping[str, Came | None]:
    """The answer is no, and stays no."""
    return {"*": once(error, "refused")}


def limited(*waits: float, **more: Any) -> Mapping[str, Came | None]:
    """429: surely not done, whatever it was."""
    return {"*": four(RateLimited, "refused", waits=waits, **more)}


def failed(*waits: float) -> Mapping[str, Came | None]:
    """5xx: it may have been done."""
    return {
        "create": once(ServerError, "unknown"),
        "*": four(ServerError, "unknown", waits=waits),
    }


def looked(error: type[CallsError], ends: Came) -> Mapping[str, Came | None]:
    """A refusal of a change: its reason is looked for in the state of the call."""
    return {"changes": once(error, "refused", looks=1), "hang_up": ends}


def unseen(error: type[CallsError]) -> Mapping[str, Came | None]:
    """The same refusal of what changes nothing; and of a token, which says nothing about calls."""
    return {"token": once(StatusError, "refused"), "*": once(error, "refused")}


def polled(error: type[CallsError]) -> Came:
    """``hang_up`` does not let a live call be."""
    return four(error, "refused", looks=4, waits=POLLS)


DATE = "Tue, 01 Jan 2030 00:00:00 GMT"
FIVE_LATER = "Tue, 01 Jan 2030 00:00:05 GMT"

SECTIONS = (
    Section(
        "Nothing was sent",
        "Surely nothing arrived, so everything is tried again, `create_call` too.",
        (
            Row("connection refused", INFERRED, s.REFUSED, NOT_SENT),
            Row("the other end speaks no TLS", INFERRED, s.NO_TLS, NOT_SENT),
            Row("the TLS handshake never ends", INFERRED, s.MUTE_TLS, NOT_SENT),
        ),
    ),
    Section(
        "The connection breaks",
        "From here on the client cannot know whether the platform has acted. Where the table says"
        " 0, the server of this table knows that it had not read all of the request; the client"
        " does not.",
        (
            Row(
                "reset before anything is read",
                INFERRED,
                s.RESET_UNREAD,
                {
                    "create": once(ConnectionFailed, "unknown", reached=0),
                    "*": four(ConnectionFailed, "unknown", reached=0),
                },
            ),
            Row(
                "reset in the middle of the head",
                INFERRED,
                s.RESET_IN_THE_HEAD,
                {
                    "create": once(ConnectionFailed, "unknown", reached=0, begun=1),
                    "*": four(ConnectionFailed, "unknown", reached=0, begun=4),
                },
            ),
            Row(
                "reset after the head, before the body",
                INFERRED,
                s.RESET_BEFORE_THE_BODY,
                {
                    "create": once(ConnectionFailed, "unknown", reached=0, begun=1),
                    "reads": None,
                    "*": four(ConnectionFailed, "unknown", reached=0, begun=4),
                },
            ),
            Row("reset after the request", INFERRED, s.RESET, LOST),
            Row("closed after the request, without a reply", INFERRED, s.CLOSED, LOST),
            Row("no reply within the timeout", INFERRED, s.MUTE, LOST),
        ),
    ),
    Section(
        "The reply is broken",
        "Something came back, but not all of it, or not HTTP.",
        (
            Row("the first line breaks off", INFERRED, s.STATUS_BREAKS_OFF, LOST),
            Row("the head breaks off", INFERRED, s.HEAD_BREAKS_OFF, LOST),
            Row("no HTTP", INFERRED, s.NO_HTTP, LOST),
            Row("the body is shorter than `Content-Length`", INFERRED, s.BODY_BREAKS_OFF, LOST),
            Row("the chunks break off", INFERRED, s.CHUNKS_BREAK_OFF, LOST),
            Row("reset in the middle of the body", INFERRED, s.RESET_IN_THE_REPLY, LOST),
            Row(
                "the body drips in until the budget is spent",
                INFERRED,
                s.DRIPS,
                {"*": once(UnexpectedReply, "unknown")},
            ),
        ),
    ),
    Section(
        "The reply is not the platform's",
        "200, but with a body that the operation does not have. An update has no result, so that"
        " any JSON will do, or nothing at all.",
        (
            Row("JSON that breaks off", INFERRED, s.NO_JSON, NONSENSE),
            Row("JSON of another shape", INFERRED, s.WRONG_SHAPE, {**NONSENSE, "changes": DONE}),
            Row("no body", INFERRED, s.EMPTY, {**NONSENSE, "changes": DONE}),
            Row("HTML, as of a portal that wants a log-in", INFERRED, s.PORTAL, NONSENSE),
            Row("a compressed body", INFERRED, s.COMPRESSED, NONSENSE),
            Row("the right JSON, as `text/plain`", INFERRED, s.AS_TEXT, {"*": DONE}),
        ),
    ),
    Section(
        "The platform refuses",
        "`k + n looks`: after a 404 or 409 to a change the state of the call is asked for, once for"
        " each, to find out why. In this table it says that the call is answered and alive.",
        (
            Row("400", DOCUMENTED, refuses(400), refused(BadRequest)),
            Row(
                "401",
                DOCUMENTED,
                refuses(401),
                {
                    "token": once(Unauthorized, "refused"),
                    "*": once(Unauthorized, "refused", tries=2, reached=2, told=2, beside=2),
                },
            ),
            Row("402", VENDOR, refuses(402), refused(PaymentRequired)),
            Row("403", DOCUMENTED, refuses(403), refused(Forbidden)),
            Row(
                "404",
                DOCUMENTED,
                refuses(404),
                {**looked(CallNotFound, polled(CallNotFound)), **unseen(CallNotFound)},
            ),
            Row("405", DOCUMENTED, refuses(405), refused(MethodNotAllowed)),
            Row(
                "409",
                DOCUMENTED,
                refuses(409),
                {**looked(CallConflict, polled(CallConflict)), **unseen(CallConflict)},
            ),
            Row("415", DOCUMENTED, refuses(415), refused(UnsupportedMediaType)),
            Row("418", INFERRED, refuses(418), refused(StatusError)),
            Row("302 to another origin", INFERRED, s.leads_elsewhere(302), refused(StatusError)),
            Row("307 to another origin", INFERRED, s.leads_elsewhere(307), refused(StatusError)),
        ),
    ),
    Section(
        "The platform refuses for now",
        "429 is documented, and that it has a `Retry-After`; not what that looks like.",
        (
            Row("429 without `Retry-After`", DOCUMENTED, refuses(429), limited(*BACKOFF)),
            Row(
                "429, `Retry-After: 7`",
                INFERRED,
                refuses(429, Retry_After="7"),
                limited(7.0, 7.0, 7.0),
            ),
            Row(
                "429, `Retry-After` 5 s after `Date`",
                INFERRED,
                refuses(429, Retry_After=FIVE_LATER, Date=DATE),
                limited(5.0, 5.0, 5.0),
            ),
            Row(
                "429, `Retry-After: 0`",
                INFERRED,
                refuses(429, Retry_After="0"),
                limited(*BACKOFF),
            ),
            Row(
                "429, `Retry-After: 86400`",
                INFERRED,
                refuses(429, Retry_After="86400"),
                limited(60.0, tries=2, reached=2, told=2),
            ),
            Row(
                "429, `Retry-After: soon`",
                INFERRED,
                refuses(429, Retry_After="soon"),
                limited(*BACKOFF),
            ),
        ),
    ),
    Section(
        "The platform fails",
        "It may have acted before it failed. That 503 invites a repeat is documented; for"
        " `create_call` it is a switch, `Retry(create_call=Repeat(statuses={429, 503}))`.",
        (
            Row("500", DOCUMENTED, refuses(500), failed(*BACKOFF)),
            Row("501", INFERRED, refuses(501), refused(ServerError)),
            Row("502", VENDOR, refuses(502), failed(*BACKOFF)),
            Row("503", DOCUMENTED, refuses(503), failed(*BACKOFF)),
            Row(
                "503, `Retry-After: 7`",
                INFERRED,
                refuses(503, Retry_After="7"),
                failed(7.0, 7.0, 7.0),
            ),
            Row("504", INFERRED, refuses(504), failed(*BACKOFF)),
        ),
    ),
    Section(
        "404 or 409 to a change, by what the state of the call says",
        "Only a state that says so proves that a call is over. `hang_up` takes that for success, and"
        " goes on while the call is alive.",
        (
            Row(
                "404, and the call has ended",
                INFERRED,
                refuses(404),
                looked(CallEnded, once(None, "done", looks=1)),
                "disconnected",
            ),
            Row(
                "409, and the call has ended",
                DOCUMENTED,
                refuses(409),
                looked(CallEnded, once(None, "done", looks=1)),
                "disconnected",
            ),
            Row(
                "404, and the call is queued",
                INFERRED,
                refuses(404),
                looked(CallNotYetAnswered, polled(CallNotYetAnswered)),
                "queued",
            ),
            Row(
                "409, and the call rings",
                DOCUMENTED,
                refuses(409),
                looked(CallNotYetAnswered, polled(CallNotYetAnswered)),
                "initiated",
            ),
            Row(
                "404, and the state is not to be had",
                INFERRED,
                refuses(404),
                looked(CallNotFound, polled(CallNotFound)),
                "",
            ),
            Row(
                "409, and the state is not to be had",
                INFERRED,
                refuses(409),
                looked(CallConflict, polled(CallConflict)),
                "",
            ),
        ),
    ),
)

ROWS = tuple(row for section in SECTIONS for row in section.rows)


def cells() -> Iterator[tuple[Row, Operation]]:
    """Every fault with every operation that it can befall."""
    for row in ROWS:
        for operation in ALL:
            if row.of(operation) is not None:
                yield row, operation


# Trying it


PATIENT = {"connect": 10.0, "read": 10.0, "write": 10.0, "pool": 10.0}
HURRIED = 0.02
"""Seconds for the step that the server will not let end in any time."""


@cache
def _own() -> httpx.BaseTransport:
    """The transport that a ``CallController`` makes for itself, where there is no proxy.

    It reads the certificates, which takes longer than everything else, so all of them share one.
    """
    transport: httpx.BaseTransport = Wire(None, float, float)._routes._make(None)
    return transport


class Hasty(httpx.BaseTransport):
    """The transport of a ``CallController``, with shorter timeouts for one port."""

    def __init__(self, port: int | None) -> None:
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _hurry(request, self._port)
        return _own().handle_request(request)

    def close(self) -> None:
        _own().close()


class AsyncHasty(httpx.AsyncBaseTransport):
    """The transport of an ``AsyncCallController``, with shorter timeouts for one port."""

    def __init__(self, port: int | None) -> None:
        self._port = port
        self._own: httpx.AsyncBaseTransport = AsyncWire(None, float, float)._routes._make(None)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _hurry(request, self._port)
        return await self._own.handle_async_request(request)

    async def aclose(self) -> None:
        await self._own.aclose()


def _hurry(request: httpx.Request, port: int | None) -> None:
    if request.url.port == port:
        # With TLS, connecting ends with the handshake.
        step = "connect" if request.url.scheme == "https" else "read"
        request.extensions["timeout"] = {**PATIENT, step: HURRIED}


class Stage:
    """The servers of one trial: the platform, its token endpoint, and an origin that is neither.

    Args:
        operation: What will be asked.
        fault: What befalls it.
        at_token: It is not the platform that fails, but its token endpoint.
        options: For the server that fails.
    """

    def __init__(
        self,
        operation: Operation = GET,
        fault: Fault | None = None,
        *,
        at_token: bool = False,
        **options: Any,
    ) -> None:
        self.clock = Clock()
        self.told: list[Attempt] = []
        self.elsewhere = Server(self.clock, listens=False)
        at_token = at_token or operation is THE_TOKEN
        failing: dict[str, Any] = {
            "fault": fault,
            "target": THE_TOKEN.target if at_token else operation.target,
            "elsewhere": self.elsewhere.origin,
            **options,
        }
        self.tokens = Server(self.clock, **(failing if at_token else {}))
        self.api = Server(self.clock, **({} if at_token else failing))
        self.failing = self.tokens if at_token else self.api
        if fault is not None and not fault.listens and self.failing.times is not None:
            # The port opens while the client waits.
            self.clock.on_wait = self._open_in_time
        self._open = ExitStack()

    def _open_in_time(self) -> None:
        if len(self.clock.waits) == self.failing.times:
            self.failing.fault = None
            self.failing.listen()

    def __enter__(self) -> Self:
        for server in (self.elsewhere, self.tokens, self.api):
            self._open.enter_context(server)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def options(self, **more: Any) -> dict[str, Any]:
        """What both controllers are made with."""
        auth = OAuth2("client-id", "client-secret", f"{self.tokens.origin}{TOKEN}")
        return {
            "auth": auth,
            "base_url": f"{self.api.origin}/api/v2",
            "on_attempt": self.told.append,
            "now": self.clock.now,
            "chance": lambda: 0.0,
            **more,
        }

    @property
    def hurried_port(self) -> int | None:
        """The port that nobody waits long for."""
        fault = self.failing.fault
        return self.failing.port if fault is not None and fault.hurried else None


Twin = Callable[[Stage, Operation, dict[str, Any]], Any]
"""Asks one of the two controllers for something."""


def blocking(stage: Stage, operation: Operation, options: dict[str, Any]) -> Any:
    """Ask a ``CallController``."""
    made = {"transport": Hasty(stage.hurried_port), "pause": stage.clock.pause}
    with CallController(ACCOUNT, **stage.options(**{**made, **options})) as controller:
        result = operation.act(controller)
        return list(result) if isinstance(result, Iterator) else result


def awaiting(stage: Stage, operation: Operation, options: dict[str, Any]) -> Any:
    """Ask an ``AsyncCallController``."""
    made = {"transport": AsyncHasty(stage.hurried_port), "pause": stage.clock.apause}

    async def ask() -> Any:
        async with AsyncCallController(
            ACCOUNT, **stage.options(**{**made, **options})
        ) as controller:
            result = operation.act(controller)
            if hasattr(result, "__aiter__"):
                return [each async for each in result]
            return await result

    return asyncio.run(ask())


TWINS: Mapping[str, Twin] = {"CallController": blocking, "AsyncCallController": awaiting}


@dataclass(frozen=True)
class Trial:
    """An operation that was tried, and all that was seen of it.

    Attributes:
        came: What came of it.
        error: What it raised, if it did.
        result: What it returned.
        stage: The servers, closed.
    """

    came: Came
    error: CallsError | None
    result: Any
    stage: Stage


def attempt(stage: Stage, operation: Operation, twin: Twin, **options: Any) -> Trial:
    """Ask for an operation while the servers fail as they do."""
    result, error = None, None
    with stage:
        try:
            result = twin(stage, operation, options)
        except CallsError as raised:
            error = raised
    # The servers have heard everybody out by now.
    server, other = stage.api, stage.tokens
    if operation is THE_TOKEN:
        server, other = other, server
    whole = [(heard.method, heard.path.partition("?")[0]) for heard in server.whole]
    reached = whole.count(operation.target)
    came = Came(
        tries=sum(each.operation == operation.attempt for each in stage.told),
        reached=reached,
        raises=None if error is None else type(error),
        outcome="done" if error is None else error.outcome,
        begun=len(server.heard) - len(whole),
        looks=len(whole) - reached,
        beside=len(other.heard),
        waits=tuple(stage.clock.waits),
        told=0 if error is None else len(error.attempts),
    )
    return Trial(came, error, result, stage)


def run(row: Row, operation: Operation, twin: Twin, **options: Any) -> Trial:
    """Ask for an operation that a fault befalls, with the policy that a controller has."""
    stage = Stage(operation, row.fault, state=row.state)
    return attempt(stage, operation, twin, **options)


# The page


Runner = Callable[[Row, Operation, str], Trial]
"""Tries a fault with an operation and a controller, of which it is told the name."""


def run_named(row: Row, operation: Operation, name: str) -> Trial:
    """Try it now."""
    return run(row, operation, TWINS[name])


def tables(runner: Runner = run_named) -> str:
    """All tables in Markdown, from trying every cell with both controllers."""
    parts: list[str] = []
    for section in SECTIONS:
        tried = {
            (row.title, operation.key): _agreed(row, operation, runner)
            for row in section.rows
            for operation in ALL
            if row.of(operation) is not None
        }
        columns = [each for each in ALL if any(key == each.key for _, key in tried)]
        parts += [f"### {section.title}", section.words]
        parts.append(_counts(section.rows, columns, tried))
        parts.append(_errors(section.rows, columns, tried))
    return "\n\n".join(parts)


def _agreed(row: Row, operation: Operation, runner: Runner) -> Came:
    """What came of a fault, with either controller."""
    came = {name: runner(row, operation, name).came for name in TWINS}
    first, second = came.values()
    assert first == second, f"{row.title}, {operation.key}: the controllers differ: {came}"
    return first


Tried = Mapping[tuple[str, str], Came]


def _counts(rows: Sequence[Row], columns: Sequence[Operation], tried: Tried) -> str:
    """How many requests reached the server."""
    lines = [["requests that reach the server", "known", *(each.title for each in columns)]]
    lines.append(["---"] * len(lines[0]))
    for row in rows:
        found = (tried.get((row.title, each.key)) for each in columns)
        counts = ("n/a" if came is None else _count(came) for came in found)
        lines.append([row.title, row.known, *counts])
    return "\n".join(map(_line, lines))


def _count(came: Came) -> str:
    words = str(came.reached) if came.reached == came.tries else f"{came.reached} of {came.tries}"
    if came.looks:
        words += f" + {came.looks} look{'s' if came.looks > 1 else ''}"
    return words


def _errors(rows: Sequence[Row], columns: Sequence[Operation], tried: Tried) -> str:
    """What is raised, and how long it waits before: once for all faults that end alike."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        met = [each for each in columns if (row.title, each.key) in tried]
        groups: dict[tuple[str, ...], list[str]] = {}
        for each in met:
            end: tuple[str, ...] = _end(tried[row.title, each.key])
            if each is THE_TOKEN:
                # Its outcome stands above all tables, and is no reason for a line of its own.
                alike = [other for other in groups if (other[0], other[2]) == (end[0], end[2])]
                end = alike[0] if alike else end
            groups.setdefault(end, []).append(each.title)
        for how, titles in groups.items():
            whom = _listed(titles, [each.title for each in met])
            lines.setdefault((whom, *how), []).append(row.title)
    made = [["after", "with", "raises", "`outcome`", "waits before, in s"], ["---"] * 5]
    for line, faults in lines.items():
        after = "each of these" if len(faults) == len(rows) > 1 else "; ".join(faults)
        made.append([after, *line])
    return "\n".join(map(_line, made))


def _listed(titles: Sequence[str], met: Sequence[str]) -> str:
    """The operations, or all but a few."""
    rest = [each for each in met if each not in titles]
    if not rest:
        return "all"
    return _and(titles) if len(titles) <= len(rest) else f"all but {_and(rest)}"


def _and(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def _end(came: Came) -> tuple[str, str, str]:
    raises = "nothing" if came.raises is None else f"`{came.raises.__name__}`"
    return raises, f"`{came.outcome}`", ", ".join(f"{each:g}" for each in came.waits) or "none"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def with_tables(page: str, made: str) -> str:
    """A page with the tables between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the page has no place for the tables: the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def main() -> None:
    """Print the tables, or compare a page with them, or write them into a page."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    choice = arguments.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="PAGE", help="fail unless PAGE holds them")
    choice.add_argument("--write", type=Path, metavar="PAGE", help="write them into PAGE")
    given = arguments.parse_args()
    logging.getLogger("calls").setLevel(logging.CRITICAL)
    made = tables()
    path: Path | None = given.check or given.write
    if path is None:
        print(made)  # noqa: T201  # the tables are what is asked for
        return
    old = path.read_text(encoding="utf-8")
    new = with_tables(old, made)
    if given.write:
        path.write_text(new, encoding="utf-8")
    elif old != new:
        titles = (str(path), "as it comes out now")
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), *titles, lineterm="")
        print("\n".join(lines))  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    main()
