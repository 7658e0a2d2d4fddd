"""Connecting a call to a WebRTC endpoint. Beta: the account needs access to it (documented)."""

from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Filled, TextVerb, appends
from bxml.types import EndpointId, Uncertain, Url


class Endpoint(TextVerb[EndpointId], frozen=True):
    """The endpoint that ``Connect`` joins to the call: ``text`` is its id."""


class Connect(Filled[Endpoint], frozen=True, kw_only=True):
    """Connects the call to an endpoint, whose device must be connected and sending audio."""

    answers: ClassVar[bool | str] = True
    in_transfer_answer: ClassVar[bool | None] = None

    least: ClassVar[int] = 1

    event_callback_url: (
        Annotated[
            Url,
            Meta(description="Told what becomes of the connection."),
            Uncertain("The events and what may be replied to them are not documented."),
        ]
        | None
    ) = None
    event_fallback_url: (
        Annotated[
            Url,
            Meta(description="Second try when event_callback_url does not respond."),
            Uncertain("Some of the SDKs have it; the documentation does not."),
        ]
        | None
    ) = None

    endpoint = appends(Endpoint)
