"""Who may use the REST API: tokens of a client, and Basic credentials of a user."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import NamedTuple

from calls._basic import basic_token
from calls.simulator.engine import Engine
from calls.simulator.rest.message import (
    Incoming,
    Outgoing,
    Refusal,
    encode,
    in_json,
    parameters,
)

MOST_TOKENS = 1000
"""Tokens that are valid at once. One more, and the oldest is not."""

_MISSING = "Unauthorized"
_WRONG = "The credentials provided were invalid"
_UNREADABLE = "Failed to decode basic authentication token"
_INCOMPLETE = "Invalid basic authentication token"


class Account(NamedTuple):
    """What the platform accepts as credentials."""

    account_id: str
    client_id: str
    client_secret: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Account({self.account_id!r})"


class Access:
    """Gives tokens, and asks for them."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self._account_id = account.account_id
        self._client = basic_token(account.client_id, account.client_secret)
        self._user = basic_token(account.username, account.password)
        self._tokens: dict[str, float] = {}

    def token(self, request: Incoming) -> Outgoing:
        """The reply of the token endpoint; errors are those of OAuth2 (RFC 6749, 5.2)."""
        scheme, given = _credentials(request.headers)
        if scheme != "basic" or not _equal(given, self._client):
            asks = {"www-authenticate": 'Basic realm="token"'}
            return in_json({"error": "invalid_client"}, 401, **asks)
        form = parameters(request.body.decode(errors="replace"))
        if "grant_type" not in form:
            return in_json({"error": "invalid_request"}, 400)
        if form["grant_type"] != "client_credentials":
            return in_json({"error": "unsupported_grant_type"}, 400)
        seconds = self._engine.settings.token_seconds
        told = {
            "access_token": self._new_token(seconds),
            "expires_in": round(seconds),
            "token_type": "Bearer",
        }
        return in_json(told, 200, **{"cache-control": "no-store"})

    def check(self, request: Incoming, account_id: str) -> None:
        """Let a request pass, or raise: 401 before 403, and both before any look at the rest."""
        scheme, given = _credentials(request.headers)
        if scheme == "bearer":
            known = self._tokens.get(given, -1.0) > self._engine.now
        else:
            known = scheme == "basic" and _equal(given, self._user)
        if not known:
            raise Refusal(401, "authentication-error", _why_not(scheme, given))
        if account_id != self._account_id:
            raise Refusal(403, "authorization-error", "Access is denied")

    def expire_tokens(self) -> None:
        """Make every token void that was given out."""
        self._tokens.clear()

    def _new_token(self, seconds: float) -> str:
        """A JWT, whose content says whose it is, as that of the vendor does (code)."""
        if len(self._tokens) >= MOST_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        content = {"accounts": [self._account_id], "roles": ["voice"], "express": False}
        parts = ({"alg": "HS256", "typ": "JWT"}, content)
        head = ".".join(urlsafe_b64encode(encode(part)).decode().rstrip("=") for part in parts)
        token = f"{head}.{self._engine.random.getrandbits(256):064x}"
        self._tokens[token] = self._engine.now + seconds
        return token


def _credentials(headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return scheme.lower(), given.strip(" ")


def _equal(given: str, expected: bytes) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected)


def _why_not(scheme: str, given: str) -> str:
    """The vendor's words for credentials that are none."""
    if not scheme:
        return _MISSING
    if scheme != "basic":
        return _WRONG
    try:
        decoded = b64decode(given, validate=True)
    except ValueError:
        return _UNREADABLE
    return _WRONG if b":" in decoded else _INCOMPLETE
