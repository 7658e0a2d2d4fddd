"""Requests and replies as values, and the words of refusals."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from msgspec.json import Encoder

JSON = "application/json"
XML = "application/xml"

LARGEST_REQUEST = 1_048_576
"""Bytes of a body. More are neither kept nor read."""

MOST_PARAMETERS = 100
LONGEST_ECHO = 100
"""Characters of a request that an error repeats."""

encode = Encoder().encode
_NOTHING: Mapping[str, str] = MappingProxyType({})
_AS_JSON: Mapping[str, str] = MappingProxyType({"content-type": "application/json;charset=UTF-8"})


class Incoming(NamedTuple):
    """A request as it came in. The path is as it was sent; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Outgoing(NamedTuple):
    """A reply to be sent. Header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = _NOTHING


class Refusal(Exception):
    """A reply that says no. Nothing has been changed by the request."""

    def __init__(
        self,
        status: int,
        kind: str,
        description: str,
        error_id: str | None = None,
        **headers: str,
    ) -> None:
        super().__init__(description)
        told = {"type": kind, "description": description, "id": error_id}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.reply = Outgoing(status, encode(told), {**_AS_JSON, **named})


def invalid(words: str) -> Refusal:
    """400: there is something wrong with the request."""
    return Refusal(400, "validation", words)


def not_found(words: str = "Not Found") -> Refusal:
    """404: there is no such call, or no such path."""
    return Refusal(404, "validation", words)


def in_json(told: object, status: int = 200, **headers: str) -> Outgoing:
    """A reply with something in it."""
    return Outgoing(status, encode(told), {**_AS_JSON, **headers} if headers else _AS_JSON)


def parameters(text: str) -> dict[str, str]:
    """The parameters of a query or a form; the last of those that are given twice.

    Raises:
        Refusal: They are too many.
    """
    if not text:
        return {}
    try:
        found = parse_qs(text, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise invalid("Bad Request") from None
    return {name: values[-1] for name, values in found.items()}


def request_of(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Incoming:
    """A request from the parts that HTTP libraries have."""
    parts = urlsplit(url)
    lower = {name.lower(): value for name, value in headers.items()}
    return Incoming(method, parts.path, parts.query, lower, body)
