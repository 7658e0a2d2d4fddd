"""The REST face of the platform: requests in, replies out, over the engine. No sockets here."""

from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from calls.simulator.engine import Engine
from calls.simulator.rest import calls, conferences, recordings
from calls.simulator.rest.access import Access, Account
from calls.simulator.rest.desk import Desk
from calls.simulator.rest.message import (
    JSON,
    LARGEST_REQUEST,
    LONGEST_ECHO,
    XML,
    Incoming,
    Outgoing,
    Refusal,
    not_found,
    request_of,
)
from calls.simulator.state import Entry

__all__ = [
    "BASE_PATH",
    "LARGEST_REQUEST",
    "TOKEN_PATH",
    "Account",
    "Incoming",
    "Outgoing",
    "Platform",
    "request_of",
]

TOKEN_PATH = "/api/v1/oauth2/token"  # noqa: S105  # where, not what
BASE_PATH = "/api/v2"

_LONGEST_SHOWN_PATH = 500
_WITHOUT_TYPE = "text/plain;charset=UTF-8"
"""What the platform takes a body for that does not say what it is."""


class _Operation(NamedTuple):
    answer: Callable[..., Outgoing]
    takes: str | None = None


_Operations = Mapping[str, _Operation]

_AT: Mapping[tuple[str, ...], _Operations] = {
    ("calls",): {
        "GET": _Operation(calls.listed),
        "POST": _Operation(calls.create, JSON),
    },
    ("calls", "*"): {
        "GET": _Operation(calls.state),
        "POST": _Operation(calls.update, JSON),
    },
    ("calls", "*", "bxml"): {"PUT": _Operation(calls.replace, XML)},
    ("calls", "*", "recordings"): {"GET": _Operation(recordings.of_a_call)},
    ("calls", "*", "recordings", "*"): {"GET": _Operation(recordings.one_of_a_call)},
    ("calls", "*", "recordings", "*", "media"): {"GET": _Operation(recordings.media_of_a_call)},
    ("conferences", "*"): {"POST": _Operation(conferences.update, JSON)},
    ("conferences", "*", "bxml"): {"PUT": _Operation(conferences.replace, XML)},
    ("conferences", "*", "recordings", "*"): {"GET": _Operation(recordings.one_of_a_conference)},
    ("conferences", "*", "recordings", "*", "media"): {
        "GET": _Operation(recordings.media_of_a_conference)
    },
    ("statistics",): {"GET": _Operation(recordings.statistics)},
}
"""What is answered where, below the account. Nouns and ids take turns."""

_START = [*BASE_PATH.split("/"), "accounts"]
_LONGEST_ROUTE = max(map(len, _AT))


class Platform:
    """Answers REST requests, in the order of checks of the reference."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self._access = Access(engine, account)
        self._desk = Desk(engine, account.account_id)

    def handle(self, request: Incoming) -> Outgoing:
        """The reply to a request; the timeline gets a line for it."""
        before = len(self._engine.timeline)
        self._engine.forget()
        asks_for_head = request.method == "HEAD"
        try:
            reply = self._reply(request._replace(method="GET") if asks_for_head else request)
        except Refusal as refusal:
            reply = refusal.reply
        # It stands before what the request caused, as it happened.
        self._engine.timeline.insert(before, self._line(request, reply.status))
        if asks_for_head:
            length = str(len(reply.body))
            return Outgoing(reply.status, b"", {**reply.headers, "content-length": length})
        return reply

    def expire_tokens(self) -> None:
        """Make every token void that was given out."""
        self._access.expire_tokens()

    def _line(self, request: Incoming, status: int) -> Entry:
        path = request.path[:_LONGEST_SHOWN_PATH]
        _, _, below = path.partition("/calls/")
        return Entry(
            at=round(self._engine.now, 3),
            call_id=below.partition("/")[0],
            kind="request",
            text=f"{request.method[:LONGEST_ECHO]} {path}: {status}",
            status=status,
            body=request.body.decode(errors="replace") if status == 204 else None,
        )

    def _reply(self, request: Incoming) -> Outgoing:
        if request.path == TOKEN_PATH:
            if request.method != "POST":
                raise _not_allowed(["POST"])
            return self._access.token(request)
        account_id, operations, ids = _found(request.path)
        operation = operations.get(request.method)
        if operation is None:
            raise _not_allowed(operations)
        self._access.check(request, account_id)
        if operation.takes is not None:
            _check_body(request, operation.takes)
        return operation.answer(self._desk, request, *ids)


def _found(path: str) -> tuple[str, _Operations, list[str]]:
    """The account that a path names, what can be done there, and the ids in it."""
    parts = path.split("/", len(_START) + _LONGEST_ROUTE + 1)
    start, below = parts[: len(_START)], parts[len(_START) + 1 :]
    names = tuple("*" if at % 2 else part for at, part in enumerate(below))
    operations = _AT.get(names)
    if start != _START or operations is None or "" in parts[1:]:
        raise not_found()
    ids = [unquote(part) if "%" in part else part for part in below[1::2]]
    return unquote(parts[len(_START)]), operations, ids


def _not_allowed(methods: Mapping[str, object] | list[str]) -> Refusal:
    allowed = [*methods, "HEAD"] if "GET" in methods else [*methods]
    return Refusal(405, "validation", "Method Not Allowed", allow=", ".join(sorted(allowed)))


def _check_body(request: Incoming, wanted: str) -> None:
    given = request.headers.get("content-type", _WITHOUT_TYPE)
    media_type = given.partition(";")[0].strip().lower()
    if media_type != wanted:
        is_one = "/" in media_type and len(given) <= LONGEST_ECHO
        words = f"Content type '{given}' not supported" if is_one else "Unsupported Media Type"
        raise Refusal(415, "validation", words)
    # A document that is too large is an invalid one, which its reader says.
    if wanted == JSON and len(request.body) > LARGEST_REQUEST:
        raise Refusal(413, "validation", "Content Too Large")
