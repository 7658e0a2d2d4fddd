"""One request of an operation, sent as often as its policy allows, with credentials."""

import logging
import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from bxml._kinds import shown
from calls._exchange import Flow, Reply, Request, Timeouts, Wait
from calls.auth import Auth, Basic, OAuth2, Token, Tokens, basic, granted
from calls.errors import (
    Attempt,
    CallsError,
    ConnectionFailed,
    Outcome,
    StatusError,
    Unauthorized,
    UnexpectedReply,
    error_of,
    refuse,
)
from calls.models import keeps_secrets
from calls.pacing import Pacing
from calls.retry import TOO_MANY, OperationName, Retry
from calls.turns import Turns

T = TypeVar("T")

logger = logging.getLogger("calls")
# Without it, Python prints warnings of a program that has set up no logging.
logger.addHandler(logging.NullHandler())

LEAST_LEFT = 1.0
"""Seconds of a budget with which a request still begins: nobody would hear what became of it."""

SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""An id that may stand in a path, be it never so long."""


class Site(Struct, frozen=True):
    """Where a controller sends its requests, as whom, and by which rules."""

    account_id: str
    base_url: str
    auth: Auth
    tokens: Tokens
    turns: Turns
    pacing: Pacing
    retry: Retry
    timeouts: Timeouts
    on_attempt: Callable[[Attempt], object] | None
    user_agent: str
    now: Callable[[], float]
    chance: Callable[[], float]

    def url(self, *parts: str) -> str:
        """The URL of the calls of this account, or of something below them."""
        return "/".join([self.base_url, "accounts", self.account_id, "calls", *parts])


def checked_base(base_url: str, auth: Auth, *, trusted: bool) -> str:
    """A base URL that credentials may be sent to: https, loopback, or by a ``trusted`` transport."""
    if not isinstance(auth, OAuth2 | Basic):
        refuse("auth", f"must be OAuth2 or Basic (got {type(auth).__name__})")
    try:
        scheme, host, _ = origin(base_url)
    except (AttributeError, TypeError, ValueError):
        scheme, host = "", None
    if scheme not in ("http", "https") or not host:
        refuse("base_url", f"must be an absolute http or https URL (got {shown(base_url)})")
    where = {"base_url": base_url}
    if isinstance(auth, OAuth2):
        where["token_url"] = auth.token_url
    for name, url in where.items():
        if not trusted and not keeps_secrets(url):
            words = "must be https, since credentials go there; hand in a transport to overrule it"
            refuse(name, f"{words} (got {shown(url)})")
    return base_url.rstrip("/")


def checked_id(name: str, value: str) -> str:
    """An id that may stand in a path: anything else could lead an authorized request elsewhere."""
    if not isinstance(value, str) or not SAFE_ID.fullmatch(value):  # type: ignore[redundant-expr]
        refuse(name, f"must be an id of letters, digits, - and _ (got {shown(value)})")
    return value


def origin(url: str) -> tuple[str, str | None, int | None]:
    """What must be the same for credentials to go there too."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def sent(
    site: Site,
    operation: OperationName,
    call_id: str | None,
    request: Request | Callable[[], Flow[Request]],
    read: Callable[[Request, Reply], T],
) -> Flow[T]:
    """What ``read`` makes of the reply of success to a request.

    It is sent again as the policy allows; ``request`` may be a flow that makes a new one each time.
    Each attempt is told to the log and to the hook, and stands on the error that is raised in the
    end. A 401 proves that nothing was done: the token is dropped and fetched once more, and the
    request is sent once more.
    """
    tries = _Tries(site, operation, call_id)
    while True:
        token = yield from _token(site, operation, tries)
        if pause := site.pacing.reserve(operation, site.now()):
            # Waiting for a place in the rate is not a part of the time that an operation may take.
            yield Wait(pause)
            tries.started += pause
        outgoing = request if isinstance(request, Request) else (yield from request())
        began = site.now()
        within = tries.left(began)
        if within < min(LEAST_LEFT, site.retry.budget_seconds / 2):
            raise tries.too_late(outgoing)
        try:
            reply: Reply = yield _dressed(site, outgoing, token, within)
            _look_at(outgoing, reply)
            result = read(outgoing, reply)
        except (ConnectionFailed, StatusError, UnexpectedReply) as failure:
            error: CallsError = failure
        else:
            tries.succeeded(reply, began)
            return result
        wait = tries.failed(error, token, began)
        if wait is None:
            raise tries.final(error)
        if wait:
            yield Wait(wait)


class _Tries:
    """The attempts of one operation: counted, told, and judged."""

    def __init__(self, site: Site, operation: OperationName, call_id: str | None) -> None:
        self.started = site.now()
        self._site = site
        self._operation: OperationName = operation
        self._call_id = call_id
        self._attempts: list[Attempt] = []
        self._renewed = False
        self._last: CallsError | None = None

    def left(self, now: float) -> float:
        """Seconds of the budget that are left."""
        return self._site.retry.budget_seconds - (now - self.started)

    def succeeded(self, reply: Reply, began: float) -> None:
        """An attempt went well."""
        seconds = self._site.now() - began
        _tell(self._site, self._attempt("done", reply.status, "", seconds, None))

    def failed(self, error: CallsError, token: Token | None, began: float) -> float | None:
        """An attempt failed: the seconds until the next one, or None if it was the last."""
        now = self._site.now()
        status = error.status if isinstance(error, StatusError | UnexpectedReply) else None
        wait: float | None
        if token is not None and isinstance(error, Unauthorized) and not self._renewed:
            self._renewed, wait = True, 0.0
            self._site.tokens.drop(token)
        else:
            wait = self._wait(error, status, now - self.started)
        reason = type(error).__name__
        attempt = self._attempt(error.outcome, status, reason, now - began, wait)
        self._attempts.append(attempt)
        self._last = error
        _tell(self._site, attempt)
        return wait

    def _wait(self, error: CallsError, status: int | None, elapsed: float) -> float | None:
        site = self._site
        retry_after = error.retry_after if isinstance(error, StatusError) else None
        if status == TOO_MANY and retry_after is not None:
            longest = site.retry.longest_retry_after_seconds
            site.pacing.hold(self._operation, site.now() + min(retry_after, longest))
        return site.retry.wait_after(
            self._operation,
            error.outcome,
            status,
            retry_after=retry_after,
            # The one with a stale token does not count.
            number=len(self._attempts) + 1 - self._renewed,
            elapsed=elapsed,
            chance=site.chance(),
        )

    def _attempt(
        self,
        outcome: Outcome,
        status: int | None,
        reason: str,
        seconds: float,
        wait_seconds: float | None,
    ) -> Attempt:
        return Attempt(
            operation=self._operation,
            call_id=self._call_id,
            number=len(self._attempts) + 1,
            outcome=outcome,
            status=status,
            reason=reason,
            seconds=seconds,
            wait_seconds=wait_seconds,
        )

    def final(self, error: CallsError, *others: Attempt) -> CallsError:
        """The error to raise: it has the attempts, and says what became of them all."""
        error.attempts = (*self._attempts, *others)
        if any(each.outcome == "unknown" for each in self._attempts):
            # Be the last one refused or not sent: one before it may have been done.
            error.outcome = "unknown"
        return error

    def without_token(self, error: CallsError) -> CallsError:
        """The error to raise when there is no token."""
        if self._last is not None and any(each.outcome == "unknown" for each in self._attempts):
            # What is known least about is what the caller must know.
            return self.final(self._last, *error.attempts)
        # The same error may be raised by others: this one is to have its own attempts.
        error = copy(error)
        error.attempts = (*self._attempts, *error.attempts)
        return error

    def too_late(self, request: Request) -> CallsError:
        """The error to raise when the budget is spent before a request could go out."""
        if self._last is not None:
            return self.final(self._last)
        reason = f"the budget of {self._site.retry.budget_seconds:g} s was spent before it"
        return ConnectionFailed(request.method, request.path, reason, may_have_arrived=False)


def _token(site: Site, operation: OperationName, tries: _Tries) -> Flow[Token | None]:
    """The token for an operation, if it needs one."""
    if operation == "token" or isinstance(site.auth, Basic):
        return None
    before = site.tokens.outcomes
    token = site.tokens.current()
    if token is not None:
        return token
    try:
        return (yield from _shared(site, before))
    except CallsError as failure:
        error = tries.without_token(failure)
    raise error


def _shared(site: Site, before: int) -> Flow[Token]:
    """A new token. Fetched once, however many wait for it; all of them get what came of that.

    ``before`` is how often one had been fetched when this was found to be necessary.
    """
    tokens = site.tokens
    turn = site.turns.join(Tokens)
    try:
        yield turn
        if tokens.outcomes != before:
            # Somebody else has fetched one in the meantime. It may be short of life, or refused.
            token = tokens.latest()
            if token is not None:
                return token
        try:
            token = yield from _fetched(site)
        except CallsError as error:
            # Whatever the token endpoint says, it says nothing about a call.
            failure = error.of_token()
        else:
            tokens.keep(token)
            return token
        tokens.keep(failure)
        raise copy(failure)
    finally:
        site.turns.leave(turn)


def _fetched(site: Site) -> Flow[Token]:
    auth = site.auth
    if isinstance(auth, Basic):
        raise TypeError("Basic credentials are exchanged for nothing")
    form = {
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    request = Request("POST", auth.token_url, form, b"grant_type=client_credentials")

    def read(request: Request, reply: Reply) -> Token:
        return granted(request, reply, site.now())

    return (yield from sent(site, "token", None, request, read))


def _dressed(site: Site, request: Request, token: Token | None, within: float) -> Request:
    """The request as it goes out, with credentials."""
    headers: Mapping[str, str]
    if token is not None:
        headers = {"Authorization": f"Bearer {token.value}"}
    elif isinstance(site.auth, Basic):
        headers = basic(site.auth.username, site.auth.password)
    else:
        headers = basic(site.auth.client_id, site.auth.client_secret)
    return replace(
        request,
        headers={**request.headers, **headers, "User-Agent": site.user_agent},
        timeouts=site.timeouts,
        within=within,
    )


def _look_at(request: Request, reply: Reply) -> None:
    """Raise for a reply that is not one of success, or that the platform has not written."""
    if not 200 <= reply.status < 300:
        raise error_of(
            reply.status, reply.headers, reply.content, method=request.method, path=request.path
        )
    if reply.content.strip() and not reply.content.lstrip().startswith((b"{", b"[")):
        # A portal that wants a log-in, a proxy that says hello: the platform has seen nothing.
        kind = reply.headers.get("content-type", "no content type")[:80]
        reason = f"a body that is not JSON ({kind})"
        raise UnexpectedReply(
            request.method, request.path, reply.status, reason, reply.headers.get("location")
        )


def _tell(site: Site, attempt: Attempt) -> None:
    """Tell the log and the hook of an attempt. Neither can undo what was sent."""
    level = logging.DEBUG
    if attempt.outcome != "done":
        level = logging.INFO if attempt.wait_seconds is not None else logging.WARNING
    if logger.isEnabledFor(level):
        facts = {name: getattr(attempt, name) for name in attempt.__struct_fields__}
        logger.log(level, "%s", attempt, extra=facts)
    if site.on_attempt is not None:
        try:
            site.on_attempt(attempt)
        except Exception:
            logger.exception("on_attempt raised; the request itself went its way")
