"""The course of the call: going on elsewhere, waiting, marking, ending."""

from typing import Annotated, ClassVar

from msgspec import Meta

from bxml import types
from bxml._compose import Verb
from bxml.types import (
    Assumes,
    Delivers,
    Method,
    Password,
    Seconds,
    Trimmed,
    Uncertain,
    Url,
    Username,
)


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

    ends: ClassVar[bool | str] = True

    redirect_method: Method | None = None
    redirect_fallback_url: (
        Annotated[Url, Meta(description="Second try when redirect_url does not respond.")] | None
    ) = None
    redirect_fallback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: types.Tag | None = None


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

    ends: ClassVar[bool | str] = True


class _TagText(Verb, frozen=True):
    """The text of a ``Tag``: unlike that of other verbs, it may be left out."""

    text: Annotated[
        str,
        Trimmed(),
        Meta(description="The new tag, without white space around it; empty clears it."),
        Uncertain("The limit of 256 characters is documented for the attribute, not for this."),
    ] = ""


class Tag(_TagText, frozen=True):
    """Sets the call's tag, which goes with all later webhooks, without a webhook of its own."""

    background: ClassVar[bool] = True
