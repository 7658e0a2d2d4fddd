"""HTTP basic authentication, as a server sees it."""

import hmac
from base64 import b64encode
from collections.abc import Iterable, Sequence


def basic_token(username: str, password: str) -> bytes:
    """What stands behind ``Basic`` in the header (RFC 7617, UTF-8)."""
    return b64encode(f"{username}:{password}".encode())


def admits(headers: Iterable[tuple[bytes, bytes]], tokens: Sequence[bytes]) -> bool:
    """Whether a request brings one of the credentials. What it brings is compared, never decoded.

    How long that takes depends on how many there are, not on which of them it was, nor on how much
    of it was right.
    """
    given = [value for name, value in headers if name.lower() == b"authorization"]
    scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
    token = token.strip(b" ")
    right = [hmac.compare_digest(token, expected) for expected in tokens]
    return any(right) and scheme.lower() == b"basic"
