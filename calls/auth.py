"""The two kinds of credentials, and how a request comes by its ``Authorization``."""

from base64 import b64encode
from collections.abc import Callable
from typing import Annotated

import msgspec

from bxml.types import AbsoluteUrl, Form, NotBlank, Secret
from calls._exchange import Flow, Reply, Request
from calls.errors import UnexpectedReply, error_of
from calls.models import Model

TOKEN_URL = "https://api.bandwidth.com/api/v1/oauth2/token"  # noqa: S105  # where, not what
RENEW_BEFORE = 60.0
"""Seconds of life below which a token is not used any more, as in the vendor's own clients."""

UNAUTHORIZED = 401


class OAuth2(Model, frozen=True):
    """API credentials, the normal way: a client id and its secret.

    ``token_url`` is where they are exchanged for a token.
    """

    client_id: Annotated[str, NotBlank()]
    client_secret: Annotated[str, NotBlank(), Secret()]
    token_url: AbsoluteUrl = TOKEN_URL


class Basic(Model, frozen=True):
    """User name and password. The platform stops accepting them on 2 December 2026."""

    username: Annotated[str, NotBlank()]
    password: Annotated[str, NotBlank(), Secret()]


Auth = OAuth2 | Basic


class Tokens:
    """The token that a controller has at the moment, if it has one."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._value: str | None = None
        self._ends = 0.0

    def __repr__(self) -> str:
        return "Tokens(…)"

    def current(self) -> str | None:
        """The token, while it has more than a minute to live."""
        return self._value if self._now() < self._ends - RENEW_BEFORE else None

    def keep(self, value: str, seconds: float) -> None:
        """Take a new token that lives for ``seconds``."""
        self._value, self._ends = value, self._now() + seconds

    def drop(self, value: str) -> None:
        """Forget a token that was refused, unless another has taken its place."""
        if self._value == value:
            self._value = None
            self._ends = 0.0


class _Token(Model, frozen=True):
    access_token: Annotated[str, Form(r"[\x21-\x7e]+", "what a header can carry"), Secret()]
    expires_in: float = 0.0


def authorized(request: Request, auth: Auth, tokens: Tokens) -> Flow[Reply]:
    """Send a request with credentials.

    A token that is refused is dropped and fetched once more, and the request is sent once more:
    a 401 proves that nothing was done.
    """
    if isinstance(auth, Basic):
        return (yield _with(request, _basic(auth.username, auth.password)))
    token = tokens.current()
    fresh = token is None
    if token is None:
        token = yield from _fetch(auth, tokens)
    reply = yield _with(request, f"Bearer {token}")
    if reply.status != UNAUTHORIZED or fresh:
        return reply
    tokens.drop(token)
    del token, reply
    return (yield _with(request, f"Bearer {(yield from _fetch(auth, tokens))}"))


def _fetch(auth: OAuth2, tokens: Tokens) -> Flow[str]:
    request = Request(
        "POST",
        auth.token_url,
        {
            "Accept": "application/json",
            "Authorization": _basic(auth.client_id, auth.client_secret),
            "Content-Type": "application/x-www-form-urlencoded",
        },
        b"grant_type=client_credentials",
    )
    reply = yield request
    if reply.status != 200:
        raise error_of(
            reply.status, reply.headers, reply.content, method=request.method, path=request.path
        )
    try:
        token = msgspec.json.decode(reply.content, type=_Token)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        token = None
    if token is None:
        # The body may hold a token all the same: it is shown nowhere.
        status = reply.status
        del reply
        reason = "a body that holds no usable access_token"
        raise UnexpectedReply(request.method, request.path, status, reason)
    tokens.keep(token.access_token, token.expires_in)
    return token.access_token


def _with(request: Request, authorization: str) -> Request:
    return msgspec.structs.replace(
        request, headers={**request.headers, "Authorization": authorization}
    )


def _basic(name: str, secret: str) -> str:
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"
