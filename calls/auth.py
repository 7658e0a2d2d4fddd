"""The two kinds of credentials, and the token that one of them is exchanged for."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from copy import copy
from typing import Annotated, TypeAlias

import msgspec

from bxml.types import AbsoluteUrl, Form, NotBlank, Secret
from calls._exchange import Reply, Request
from calls._warn import warn
from calls.errors import CallsError, UnexpectedReply
from calls.models import Model

TOKEN_URL = "https://api.bandwidth.com/api/v1/oauth2/token"  # noqa: S105  # where, not what
RENEW_BEFORE = 60.0
"""Seconds of life at which a token is not used any more, as in the vendor's own clients."""

BASIC_ENDS = "2 December 2026"


class OAuth2(Model, frozen=True):
    """API credentials, the normal way: a client id and its secret.

    ``token_url`` is where they are exchanged for a token.
    """

    client_id: Annotated[str, NotBlank()]
    client_secret: Annotated[str, NotBlank(), Secret()]
    token_url: AbsoluteUrl = TOKEN_URL


class Basic(Model, frozen=True):
    """User name and password. Deprecated: the platform accepts them until 2 December 2026.

    A controller that is made with them warns of it (``DeprecationWarning``).
    """

    username: Annotated[str, NotBlank()]
    password: Annotated[str, NotBlank(), Secret()]


Auth: TypeAlias = OAuth2 | Basic


def warn_of_basic(auth: Auth) -> None:
    """Say when ``Basic`` ends, to whoever still uses it."""
    if isinstance(auth, Basic):
        words = f"the platform stops accepting Basic credentials on {BASIC_ENDS}: use OAuth2(…)"
        warn(words, DeprecationWarning)


class Token(Model, frozen=True):
    """What goes with each request. ``ends`` is when it must be renewed, by the controller's clock."""

    value: Annotated[str, Secret()]
    ends: float


class _Granted(Model, frozen=True):
    access_token: Annotated[str, Form(r"[\x21-\x7e]+", "what a header can carry"), Secret()]
    expires_in: float = 0.0


class Tokens:
    """The token that a controller has at the moment, if it has one.

    ``outcomes`` counts how often one was fetched or refused, so that those who waited for it know
    that ``latest`` is theirs as well.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.outcomes = 0
        self._latest: Token | CallsError | None = None

    def __repr__(self) -> str:
        return "Tokens(…)"

    def current(self) -> Token | None:
        """The token, while it has more than a minute to live."""
        latest = self._latest
        if isinstance(latest, Token) and self._now() < latest.ends:
            return latest
        return None

    def latest(self) -> Token | None:
        """What the last fetch has brought, however short its life; raises what it raised."""
        if isinstance(self._latest, CallsError):
            # Each caller gets an error of its own: its traceback grows as it is raised.
            raise copy(self._latest)
        return self._latest

    def keep(self, outcome: Token | CallsError) -> None:
        """Take what a fetch has brought."""
        self._latest = outcome
        self.outcomes += 1

    def drop(self, token: Token) -> None:
        """Forget a token that was refused, unless another has taken its place."""
        if self._latest is token:
            self._latest = None


def granted(request: Request, reply: Reply, now: float) -> Token:
    """The token in a reply of the token endpoint."""
    try:
        told = msgspec.json.decode(reply.content, type=_Granted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = None
    if told is None:
        # The body may hold a token all the same: it is shown nowhere.
        reason = "a body that holds no usable access_token"
        raise UnexpectedReply(request.method, request.path, reply.status, reason)
    return Token(told.access_token, now + told.expires_in - RENEW_BEFORE)


def basic(name: str, secret: str) -> Mapping[str, str]:
    """The header for a name and its secret."""
    return {"Authorization": f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"}
