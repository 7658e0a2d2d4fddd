"""The course of the call: going on elsewhere, waiting, ending."""

from typing import Annotated

from msgspec import Meta

from bxml._compose import Verb
from bxml.types import Assumes, Delivers, Method, Password, Seconds, Tag, Url, Username


class _RedirectTarget(Verb, frozen=True):
    """What ``Redirect`` cannot do without; declared apart, since only it is positional."""

    redirect_url: Annotated[
        Url,
        Delivers("redirect"),
        Meta(description="Asked for the document that replaces this one."),
    ]


class Redirect(_RedirectTarget, frozen=True, kw_only=True):
    """Fetches a new document from another URL and goes on with that.

    Nothing after it in the document is run.
    """

    redirect_method: Annotated[Method, Assumes("POST")] | None = None
    redirect_fallback_url: (
        Annotated[Url, Meta(description="Second try when redirect_url does not respond.")] | None
    ) = None
    redirect_fallback_method: Annotated[Method, Assumes("POST")] | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None


class Pause(Verb, frozen=True, kw_only=True):
    """Waits in silence."""

    duration: (
        Annotated[Seconds, Meta(ge=0.1, le=86400, description="Seconds of silence."), Assumes(1)]
        | None
    ) = None


class Hangup(Verb, frozen=True):
    """Hangs the call up, or rejects an inbound call that is not answered yet.

    Nothing after it in the document is run (inferred: it ends the call).
    """
