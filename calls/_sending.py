"""One request of an operation, sent as often as its policy allows, with credentials."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from bxml.errors import Problem
from calls._exchange import Flow, Reply, Request, Timeouts, Wait
from calls.auth import Auth, Basic, OAuth2, Token, Tokens, basic, granted
from calls.errors import (
    Attempt,
    CallsError,
    ConnectionFailed,
    InvalidRequest,
    StatusError,
    Unauthorized,
    UnexpectedReply,
    error_of,
)
from calls.models import keeps_secrets
from calls.pacing import Pacing
from calls.retry import TOO_MANY, OperationName, Retry
from calls.turns import Turns

T = TypeVar("T")

logger = logging.getLogger("calls")

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
    try:
        scheme, host, _ = origin(base_url)
    except (AttributeError, TypeError, ValueError):
        scheme, host = "", None
    if scheme not in ("http", "https") or not host:
        refuse("base_url", f"must be an absolute http or https URL (got {base_url!r})")
    where = {"base_url": base_url}
    if isinstance(auth, OAuth2):
        where["token_url"] = auth.token_url
    for name, url in where.items():
        if not trusted and not keeps_secrets(url):
            words = "must be https, since credentials go there; hand in a transport to overrule it"
            refuse(name, f"{words} (got {url!r})")
    return base_url.rstrip("/")


def checked_id(name: str, value: str) -> str:
    """An id that may stand in a path: anything else could lead an authorized request elsewhere."""
    if not isinstance(value, str) or not SAFE_ID.fullmatch(value):  # type: ignore[redundant-expr]
        shown = repr(value)[:80]
        refuse(name, f"must be an id of letters, digits, - and _ (got {shown})")
    return value


def refuse(name: str, words: str) -> NoReturn:
    """Raise for an argument, before anything is sent."""
    raise InvalidRequest([Problem("argument", "error", "", f"{name} {words}", attribute=name)])


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
    retry = site.retry
    started = site.now()
    attempts: list[Attempt] = []
    renewed = False
    while True:
        token = None
        if operation != "token" and not isinstance(site.auth, Basic):
            try:
                token = yield from _token(site)
            except CallsError as failure:
                failure.attempts = (*attempts, *failure.attempts)
                raise
        if pause := site.pacing.reserve(operation, site.now()):
            # Waiting for a place in the rate is not a part of the time that an operation may take.
            yield Wait(pause)
            started += pause
        outgoing = request if isinstance(request, Request) else (yield from request())
        began = site.now()
        within = retry.budget_seconds - (began - started)
        try:
            reply: Reply = yield _dressed(site, outgoing, token, within)
            _look_at(outgoing, reply)
            result = read(outgoing, reply)
        except CallsError as failure:
            error = failure
        else:
            _tell(site, _attempt(operation, call_id, attempts, site.now() - began, reply=reply))
            return result
        now = site.now()
        stale = _is_refused(token, error) and not renewed
        if stale and token is not None:
            renewed = True
            site.tokens.drop(token)
        number = len(attempts) + 1 - renewed
        wait = 0.0 if stale else _wait(site, operation, error, number, now - started)
        attempt = _attempt(operation, call_id, attempts, now - began, error=error, wait=wait)
        attempts.append(attempt)
        _tell(site, attempt)
        if wait is None:
            raise _final(error, attempts)
        del error, token
        if wait:
            yield Wait(wait)


def _is_refused(token: Token | None, error: CallsError) -> bool:
    """Whether it was the token that the platform did not like."""
    return token is not None and isinstance(error, Unauthorized)


def _wait(
    site: Site, operation: OperationName, error: CallsError, number: int, elapsed: float
) -> float | None:
    """Seconds until the next attempt, if there is one."""
    status = retry_after = None
    if isinstance(error, StatusError):
        status, retry_after = error.status, error.retry_after
    wait = site.retry.wait_after(
        operation,
        error.outcome,
        status,
        retry_after=retry_after,
        number=number,
        elapsed=elapsed,
        chance=site.chance(),
    )
    if status == TOO_MANY and retry_after is not None:
        longest = site.retry.longest_retry_after_seconds
        site.pacing.hold(operation, site.now() + min(retry_after, longest))
    return wait


def _final(error: CallsError, attempts: list[Attempt]) -> CallsError:
    error.attempts = tuple(attempts)
    if isinstance(error, ConnectionFailed) and any(each.outcome == "unknown" for each in attempts):
        # The last attempt did not arrive; one before it may have.
        error.may_have_arrived, error.outcome = True, "unknown"
    return error


def _token(site: Site) -> Flow[Token]:
    """The token. Fetched once, however many wait for it; all of them get what came of that."""
    tokens = site.tokens
    token = tokens.current()
    if token is not None:
        return token
    before = tokens.outcomes
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
            tokens.keep(error)
            raise
        tokens.keep(token)
        return token
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
        within=max(within, 0.001),
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
        raise UnexpectedReply(request.method, request.path, reply.status, reason)


def _attempt(
    operation: str,
    call_id: str | None,
    before: list[Attempt],
    seconds: float,
    *,
    reply: Reply | None = None,
    error: CallsError | None = None,
    wait: float | None = None,
) -> Attempt:
    return Attempt(
        operation=operation,
        call_id=call_id,
        number=len(before) + 1,
        outcome="done" if error is None else error.outcome,
        status=getattr(error if reply is None else reply, "status", None),
        reason="" if error is None else type(error).__name__,
        seconds=seconds,
        wait_seconds=wait,
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
