"""What can go wrong between the controller and the platform.

CallsError                      base of all; has the attempts that were made
    InvalidRequest              refused here, before anything was sent
    InvalidEvent                a webhook's body that is not an event
    InvalidMessage              what came over a socket that is not a message (calls.sockets)
    StoreFailed                 the file of a document host cannot be used
    PushReplaced                a push that a newer one took the place of; it was not sent
    ConnectionFailed            no reply; says whether the request can have arrived
    UnexpectedReply             a reply that makes no sense
    BroadcastStopped            a broadcast that cannot go on for now (calls.broadcasting)
    StatusError                 the platform refused; has the status and the vendor's description
        BadRequest              400
        Unauthorized            401
        PaymentRequired         402
        Forbidden               403
        CallNotFound            404
            CallEnded           404 or 409, and the state of the call says that it is over
        MethodNotAllowed        405
        CallConflict            409
            CallEnded           (the same: it is a kind of both)
            CallNotYetAnswered  409 or 404, and the state says that nobody has answered yet
        UnsupportedMediaType    415
        RateLimited             429
        ServerError             500 and every other 5xx

DocumentWarning                 what ``bxml.check`` warns of, in a document on its way to a call
"""

import re
from collections.abc import Iterable, Mapping
from copyreg import __newobj__  # type: ignore[attr-defined]
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self, TypeAlias

import msgspec
from msgspec import Struct

from bxml.errors import Problem

if TYPE_CHECKING:
    from calls.models import CallState

LONGEST_WORDS = 500
"""Characters of a stranger's words that are told, so that nobody's megabyte is in a log."""

GAP = " … "

UNCERTAIN = frozenset({500, 502, 503, 504})
"""Statuses that leave open whether the platform acted: it, or something before it, failed."""

Outcome: TypeAlias = Literal["done", "refused", "unknown", "not_sent"]
"""What became of a request: the platform did it, or said no; nobody knows; it never got there."""


class Attempt(Struct, frozen=True, kw_only=True):
    """One request of an operation, and what became of it. Holds no number, name or secret.

    Attributes:
        operation: The operation's name, such as ``update_call_bxml``; ``token`` for credentials.
        call_id: The call that it was about, where it was about one.
        number: 1 for the first attempt, 2 for the next.
        outcome: ``done``, ``refused``, ``unknown`` (it may have arrived) or ``not_sent``.
        status: The HTTP status of the reply, where there was one.
        reason: Why it failed, in a few words; empty when it did not.
        seconds: How long it took.
        wait_seconds: Seconds until the next attempt; None if there is none.
    """

    operation: str
    call_id: str | None
    number: int
    outcome: Outcome
    status: int | None
    reason: str
    seconds: float
    wait_seconds: float | None = None

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.operation, self.call_id)))
        how = " ".join(filter(None, (str(self.status or ""), self.reason))) or self.outcome
        again = "" if self.wait_seconds is None else f", again in {self.wait_seconds:.2f} s"
        return f"{what}: {how} (attempt {self.number}, {self.seconds:.3f} s{again})"


class CallsError(Exception):
    """Base of every error that ``calls`` raises."""

    attempts: tuple[Attempt, ...] = ()
    """The requests that were made before this was raised, in order."""

    outcome: Outcome = "not_sent"
    """What became of the operation, all attempts together, as far as can be known."""

    def __reduce__(self) -> tuple[Any, ...]:
        # What is not in args is in the state: nothing is asked of __init__ again.
        return __newobj__, (type(self), *self.args), vars(self)

    def of_token(self) -> "CallsError":
        """The same error, of a request for a token: what it was for was not sent."""
        self.outcome = "not_sent"
        return self

    def _tries(self) -> str:
        """How often it was tried, if more than once, for the end of a message."""
        count = len(self.attempts)
        spent = sum(each.seconds + (each.wait_seconds or 0.0) for each in self.attempts)
        words = f"; {count} attempts in {spent:.1f} s" if count > 1 else ""
        if any(each.operation == "token" for each in self.attempts[-1:]):
            words += "; no token, so it was not sent"
        elif any(each.outcome == "unknown" for each in self.attempts[:-1]):
            words += "; an earlier one may have arrived"
        return words


class DocumentWarning(UserWarning):
    """A document on its way to a call has something doubtful in it. See ``bxml.check``.

    ``warnings.filterwarnings("error", category=DocumentWarning)`` makes it an error, raised before
    anything is sent.
    """


class InvalidRequest(CallsError, ValueError):
    """A request that the platform would refuse. Nothing was sent."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(map(str, self.problems))


class InvalidEvent(CallsError, ValueError):
    """The body of a webhook is not an event."""

    path: str | None = None
    """The field that is wrong or missing, such as ``$.digits``, where it is one."""


class PushReplaced(CallsError):
    """A newer push took the place of this one, which was still waiting. It was not sent."""

    def __init__(self, call_id: str) -> None:
        super().__init__(call_id)
        self.call_id = call_id

    def __str__(self) -> str:
        return f"the push into {self.call_id} was not sent: a newer one has taken its place"


class StoreFailed(CallsError):
    """The store of a document host cannot be used: its file, or what lies in its place.

    Attributes:
        path: The file.
        reason: What is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class _NoGoodReply(CallsError):
    """What the two that follow have in common."""

    call_id: str | None = None
    """The call that was created all the same, where the reply names it."""

    location: str | None = None
    """The ``Location`` of the reply, as far as there was one."""


class ConnectionFailed(_NoGoodReply):
    """The platform did not reply.

    ``may_have_arrived`` is False only where the request provably never reached it.
    """

    def __init__(
        self,
        method: str,
        path: str,
        reason: str,
        *,
        may_have_arrived: bool,
        location: str | None = None,
    ) -> None:
        super().__init__(method, path, reason)
        self.method = method
        self.path = path
        self.reason = _clean(reason) or "nothing"
        self.location = location
        self.outcome = "unknown" if may_have_arrived else "not_sent"

    @property
    def may_have_arrived(self) -> bool:
        """Whether the request, or one before it that was the same, may have reached the platform."""
        return self.outcome == "unknown"

    def __str__(self) -> str:
        arrived = "it may have arrived" if self.may_have_arrived else "it was not sent"
        words = f"{self.method} {self.path}: no reply ({self.reason})"
        if any(each.operation != "token" for each in self.attempts) or not self.attempts:
            words += f"; {arrived}"
        return f"{words}{_named(self.call_id)}{self._tries()}"


class UnexpectedReply(_NoGoodReply):
    """The platform replied with something that its documentation does not know.

    Whether it did what was asked is not known. Where a call may have been created all the same and
    the reply names it, ``call_id`` is that call's.
    """

    outcome = "unknown"

    def __init__(
        self, method: str, path: str, status: int, reason: str, location: str | None = None
    ) -> None:
        super().__init__(method, path, status, reason)
        self.method = method
        self.path = path
        self.status = status
        self.reason = _clean(reason) or "nothing"
        self.location = location

    def __str__(self) -> str:
        words = f"{self.method} {self.path}: {self.status} with {self.reason}"
        return f"{words}{_named(self.call_id)}{self._tries()}"


def _named(call_id: str | None) -> str:
    return f"; it names the call {call_id}" if call_id else ""


class StatusError(CallsError):
    """The platform refused the request.

    Attributes:
        status: The HTTP status.
        type: The vendor's kind of error, such as ``validation``.
        description: The vendor's words.
        error_id: The vendor's reference, where there is one.
        retry_after: Seconds after which to try again, where the platform says so.
        method: The request's method.
        path: The request's path, without query.
    """

    code: ClassVar[int | None] = None

    def __init__(
        self,
        status: int,
        description: str,
        *,
        method: str,
        path: str,
        type: str | None = None,  # noqa: A002  # the vendor's word
        error_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, description)
        self.status = status
        self.description = description
        self.method = method
        self.path = path
        self.type = type
        self.error_id = error_id
        self.retry_after = retry_after
        self.outcome = "unknown" if status in UNCERTAIN else "refused"
        self._state: CallState | None = None

    @property
    def state(self) -> "CallState | None":
        """The state of the call, where it was asked for after the refusal, and came."""
        return self._state

    @classmethod
    def than(cls, error: "StatusError", state: "CallState | None") -> Self:
        """The same refusal as one of this class, with the state that was found afterwards."""
        finer = cls.__new__(cls, *error.args)
        vars(finer).update(vars(error), _state=state)
        return finer

    def of_token(self) -> CallsError:
        """The same, of a request for a token: not found or not, that is no call."""
        error = StatusError.than(self, None) if self.status in (404, 409) else self
        error.outcome = "not_sent"
        return error

    def __str__(self) -> str:
        after = "" if self.retry_after is None else f" (try again after {self.retry_after:g} s)"
        return f"{self.method} {self.path}: {self.status} {self.description}{after}{self._tries()}"


class BadRequest(StatusError):
    """400: the platform found the request invalid."""

    code = 400


class Unauthorized(StatusError):
    """401: the credentials are missing or wrong."""

    code = 401


class PaymentRequired(StatusError):
    """402: an account on credit is out of it (known from the vendor's own tool)."""

    code = 402


class Forbidden(StatusError):
    """403: the credentials are sound, but not for this account or not for voice."""

    code = 403


class CallNotFound(StatusError):
    """404: no such call; or one that is too new to be seen, or that ended long ago."""

    code = 404


class MethodNotAllowed(StatusError):
    """405."""

    code = 405


class CallConflict(StatusError):
    """409: the call cannot be changed now. It is not answered yet, or it has just ended."""

    code = 409


class CallEnded(CallNotFound, CallConflict):
    """The call is over; ``state`` says since when and why.

    A kind of ``CallConflict`` and of ``CallNotFound``, since the platform answers 409 for some time
    after the end and 404 later.
    """

    @property
    def state(self) -> "CallState":
        """The state of the call, asked for after the refusal."""
        state: CallState = vars(self)["_state"]
        return state

    def __str__(self) -> str:
        cause = _clean(self.state.disconnect_cause) or "no cause given"
        return f"{super().__str__()}; the call has ended ({cause})"


class CallNotYetAnswered(CallConflict):
    """Nobody has answered the call yet; ``state`` says how far it has come.

    ``wait_seconds`` waits for that. Not a kind of ``CallNotFound``, whatever the status was: this
    call is alive.
    """

    @property
    def state(self) -> "CallState":
        """The state of the call, asked for after the refusal."""
        state: CallState = vars(self)["_state"]
        return state

    def __str__(self) -> str:
        return f"{super().__str__()}; the call is {self.state.state}, not answered yet"


class UnsupportedMediaType(StatusError):
    """415."""

    code = 415


class RateLimited(StatusError):
    """429: too many calls; ``retry_after`` says how long to wait, where the platform does."""

    code = 429


class ServerError(StatusError):
    """500 and every other 5xx: the platform failed.

    Whether it acted is not known after 500, 502, 503 and 504: ``outcome`` is ``unknown``.
    """

    code = 500


_BY_STATUS: Mapping[int, type[StatusError]] = {
    cls.code: cls for cls in StatusError.__subclasses__() if cls.code is not None
}


class _VoiceApiError(msgspec.Struct, rename="camel"):
    type: str | None = None
    description: str | None = None
    id: str | None = None


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, method: str, path: str
) -> StatusError:
    """The exception for a refusal. Reads the body leniently: a proxy may have written it."""
    try:
        told = msgspec.json.decode(body, type=_VoiceApiError)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = _VoiceApiError()
    cls = _BY_STATUS.get(status, ServerError if 500 <= status < 600 else StatusError)
    return cls(
        status,
        _clean(told.description) or _phrase(status),
        method=method,
        path=path,
        type=_clean(told.type),
        error_id=_clean(told.id),
        retry_after=retry_after(headers),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the ``Retry-After`` header: a number of them, or a date."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        # The reply's own date is what the other one is relative to, whatever our clock says.
        until = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError, OverflowError):
        return None
    return max(until.total_seconds(), 0.0)


def refuse(name: str, words: str) -> NoReturn:
    """Raise ``InvalidRequest`` for an argument, before anything is sent."""
    raise InvalidRequest([Problem("argument", "error", "", f"{name} {words}", attribute=name)])


def one_line(words: str, longest: int = LONGEST_WORDS) -> str:
    """Words of a stranger for a log: one line, no control characters, of bounded length.

    Of what is longer the middle is left out, since the end of a reason says where it was.
    """
    if len(words) > longest:
        half = (longest - len(GAP)) // 2
        words = words[:half] + GAP + words[-half:]
    return "".join(each if each.isprintable() else " " for each in words)


def _clean(words: str | None) -> str | None:
    return one_line(words) if words else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"
