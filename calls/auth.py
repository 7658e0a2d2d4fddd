"""The two kinds of credentials, and how a request comes by its ``Authorization``."""

from base64 import b64encode
from collections.abc import Callable

import msgspec
from msgspec import Struct

from calls._exchange import Flow, Reply, Request
from calls.errors import UnexpectedReply, error_of

TOKEN_URL = "https://api.bandwidth.com/api/v1/oauth2/token"  # noqa: S105  # where, not what
RENEW_BEFORE = 60.0
"""Seconds of life below which a token is not used any more, as in the vendor's own clients."""

UNAUTHORIZED = 401


class OAuth2(Struct, frozen=True):
    """API credentials, the normal way: a client id and its secret.

    ``token_url`` is where they are exchanged for a token.
    """

    client_id: str
    client_secret: str
    token_url: str = TOKEN_URL

    def __repr__(self) -> str:
        return f"OAuth2({self.client_id!r}, '…', token_url={self.token_url!r})"


class Basic(Struct, frozen=True):
    """User name and password. The platform stops accepting them on 2 December 2026."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Basic({self.username!r}, '…')"


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


class _Token(Struct):
    access_token: str
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
    token = yield from _fetch(auth, tokens)
    return (yield _with(request, f"Bearer {token}"))


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
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The body may hold a token all the same: it is not shown.
        reason = "a body that holds no access_token"
        raise UnexpectedReply(request.method, request.path, reply.status, reason) from None
    if not token.access_token.isascii() or not token.access_token.isprintable():
        reason = "an access_token that no header can carry"
        raise UnexpectedReply(request.method, request.path, reply.status, reason)
    tokens.keep(token.access_token, token.expires_in)
    return token.access_token


def _with(request: Request, authorization: str) -> Request:
    return msgspec.structs.replace(
        request, headers={**request.headers, "Authorization": authorization}
    )


def _basic(name: str, secret: str) -> str:
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"
