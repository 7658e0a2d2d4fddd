"""What can go wrong between the controller and the platform.

CallsError                      base of all
    InvalidRequest              refused here, before anything was sent
    InvalidEvent                a webhook's body that is not an event
    ConnectionFailed            no reply; says whether the request can have arrived
    UnexpectedReply             a reply that makes no sense
    StatusError                 the platform refused; has the status and the vendor's description
        BadRequest              400
        Unauthorized            401
        PaymentRequired         402
        Forbidden               403
        CallNotFound            404
        MethodNotAllowed        405
        CallConflict            409
        UnsupportedMediaType    415
        RateLimited             429
        ServerError             500 and every other 5xx
"""

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec

from bxml.errors import Problem

LONGEST_WORDS = 500


class CallsError(Exception):
    """Base of every error that ``calls`` raises."""


class InvalidRequest(CallsError, ValueError):
    """A request that the platform would refuse. Nothing was sent."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "; ".join(map(str, self.problems))


class InvalidEvent(CallsError, ValueError):
    """The body of a webhook is not an event."""


class ConnectionFailed(CallsError):
    """The platform did not reply.

    ``may_have_arrived`` is False only where the request provably never reached it.
    """

    def __init__(self, method: str, path: str, reason: str, *, may_have_arrived: bool) -> None:
        super().__init__(method, path, reason)
        self.method = method
        self.path = path
        self.reason = reason
        self.may_have_arrived = may_have_arrived

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(ConnectionFailed, may_have_arrived=self.may_have_arrived), self.args

    def __str__(self) -> str:
        arrived = "it may have arrived" if self.may_have_arrived else "it was not sent"
        return f"{self.method} {self.path}: no reply ({self.reason}); {arrived}"


class UnexpectedReply(CallsError):
    """The platform replied with something that its documentation does not know."""

    def __init__(self, method: str, path: str, status: int, reason: str) -> None:
        super().__init__(method, path, status, reason)
        self.method = method
        self.path = path
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status} with {self.reason}"


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
    _by_position: ClassVar[tuple[str, ...]] = ("status", "description")

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

    def __reduce__(self) -> tuple[Any, ...]:
        named = {name: value for name, value in vars(self).items() if name not in self._by_position}
        return partial(type(self), **named), self.args

    def __str__(self) -> str:
        after = "" if self.retry_after is None else f" (try again after {self.retry_after:g} s)"
        return f"{self.method} {self.path}: {self.status} {self.description}{after}"


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


class UnsupportedMediaType(StatusError):
    """415."""

    code = 415


class RateLimited(StatusError):
    """429: too many calls; ``retry_after`` says how long to wait, where the platform does."""

    code = 429


class ServerError(StatusError):
    """500 and every other 5xx: the platform failed. Whether it acted is not known."""

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


def _clean(words: str | None) -> str | None:
    """Words of a stranger for a log: one line, no control characters, of bounded length."""
    if not words:
        return None
    line = "".join(character if character.isprintable() else " " for character in words)
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"
