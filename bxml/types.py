"""The types of attributes: what a value must look like, said once.

A type is an ordinary Python type with ``Annotated`` constraints. The constructor, the parser, the
documentation and the strategies read them here. Ranges and lengths use ``msgspec.Meta``; the other
marks are defined below.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct


class Form(Struct, frozen=True):
    """The form of a text: a regular expression that matches the whole of it, and its name in words."""

    pattern: str
    wanted: str


class NotBlank(Struct, frozen=True):
    """The text must hold more than white space."""


class NoControlCharacters(Struct, frozen=True):
    """The text must hold no control character, such as a line break."""


class Splits(Struct, frozen=True):
    """The text must come apart as a URL: a host in brackets, for instance, needs both of them."""


class MayBeRelative(Struct, frozen=True):
    """The URL may be relative to the one that returned the document."""


class Secret(Struct, frozen=True):
    """The value appears in no ``repr`` and in no error."""


class Trimmed(Struct, frozen=True):
    """White space around the value in markup is not part of it."""


class Assumes(Struct, frozen=True):
    """What the platform takes when the attribute is not written."""

    value: str | int | float | bool


class Delivers(Struct, frozen=True):
    """The webhook event that goes to this URL, and the others that may."""

    event: str
    others: tuple[str, ...] = ()


class Uncertain(Struct, frozen=True):
    """What no source settles. Enforced is only what all sources agree on, or what the note says."""

    note: str


class Breaks(Struct, frozen=True):
    """The id of the rule that a value of unfit form, length or range breaks."""

    rule: str


class OneOfKnown(Struct, frozen=True):
    """The values known today of a list that the vendor may extend. Others are a warning of ``check``."""

    values: frozenset[str]
    rule: str


class WarnsAbove(Struct, frozen=True):
    """More characters than this are a warning of ``check``: one source of several allows them."""

    length: int
    rule: str


class CountsWith(Struct, frozen=True):
    """The attribute has an effect only where another one is written with one of these values."""

    attribute: str
    values: tuple[str | bool, ...]
    """Empty: any value will do."""
    rule: str


class IgnoredWith(Struct, frozen=True):
    """The attribute has no effect where another one is written."""

    attribute: str
    rule: str


class IgnoredInConference(Struct, frozen=True):
    """The attribute has no effect in the document of a conference."""

    rule: str


# No colon may stand in the first segment of a relative URL: it would read as a scheme (RFC 3986, 4.2).
_ABSOLUTE = r"[hH][tT][tT][pP][sS]?://[^\s/?#]\S*"
_WEB_SOCKET = r"[wW][sS][sS]?://[^\s/?#]\S*"
_RELATIVE = r"[^\s:/?#]+(?:[/?#]\S*)?|[/?#]\S*"
_E164 = r"\+[1-9][0-9]{1,14}"
_UUI = r"[^\s,;]+;encoding=(?:base64|jwt|hex)"

Url = Annotated[
    str,
    Form(f"{_ABSOLUTE}|{_RELATIVE}", "an http or https URL, or one relative to it"),
    Splits(),
    Trimmed(),
    MayBeRelative(),
]
"""A URL that may be relative to the one that returned the document (documented)."""

AbsoluteUrl = Annotated[
    str, Form(_ABSOLUTE, "an absolute http or https URL"), Splits(), Meta(max_length=2048)
]
"""A URL of a REST request: http or https, absolute, at most 2048 characters (documented)."""

WebSocketUrl = Annotated[str, Form(_WEB_SOCKET, "an absolute ws or wss URL"), Splits(), Trimmed()]
"""The address of a websocket; never relative (documented)."""

Method = Annotated[Literal["GET", "POST"], Assumes("POST")]
"""The HTTP method of a webhook; the platform assumes POST (documented)."""

Tag = Annotated[
    str,
    Meta(
        max_length=256,
        description="Your text, for this webhook and all later ones; empty clears it.",
    ),
    Breaks("tag-length"),
]
"""Your text, sent with this and all later webhooks of the call; empty clears it (documented)."""

Username = Annotated[str, Meta(description="Basic-auth user that the platform sends.")]
Password = Annotated[
    str, Meta(description="Basic-auth password that the platform sends."), Secret()
]

E164 = Annotated[str, Form(_E164, "a phone number in E.164 form, such as +15551230001"), Trimmed()]

SipAddress = Annotated[
    str, Form(r"sips?:\S+", "a SIP URI, such as sip:user@host.example.com"), Trimmed()
]

Destination = Annotated[
    str,
    Form(
        rf"{_E164}|sips?:\S+",
        "a phone number in E.164 form, such as +15551230001, or a SIP URI, such as"
        " sip:user@host.example.com",
    ),
    Trimmed(),
]
"""Whom a call is forwarded to."""

CallId = Annotated[str, Form(r"\S+", "the id of a call, without white space in it"), Trimmed()]
EndpointId = Annotated[
    str, Form(r"\S+", "the id of an endpoint, without white space in it"), Trimmed()
]

PRIVATE_NAMES = ("Restricted", "Anonymous", "Private", "Unavailable")
"""The display names that ``privacy`` allows (documented); once, what a caller id might be too."""

CallerId = Annotated[
    str,
    Form(
        f"(?:{_E164}|{'|'.join(PRIVATE_NAMES)})?",
        "a phone number in E.164 form, such as +15551230001, or empty to pass the caller's on",
    ),
    Trimmed(),
]
"""The number shown to a rung party.

E.164 by the newest documentation; the four words are the older form, which is let through.
"""

ForwardedFrom = Annotated[
    str,
    Form(
        f"{_E164}|{'|'.join(PRIVATE_NAMES)}",
        "a phone number in E.164 form, such as +15551230001",
    ),
    Trimmed(),
]
"""As ``CallerId``; but leaving it out is the only way to leave it to the platform."""

DisplayName = Annotated[
    str, Meta(max_length=256), NoControlCharacters(), Breaks("display-name-control-chars")
]

UserToUser = Annotated[
    str,
    Meta(max_length=350, description="What the SIP header User-To-User is to hold."),
    Form(
        rf"{_UUI}(?:,\s?{_UUI})*",
        "User-To-User values, each ending in ;encoding=base64, ;encoding=jwt or ;encoding=hex",
    ),
    WarnsAbove(256, "uui-length"),
    Uncertain("The limit is 256 in some sources and 350 in others; above 350 is refused."),
]

Digits = Annotated[str, Form("[0-9*#a-dA-D]*", "DTMF digits: 0 to 9, *, #, A to D")]

Tones = Annotated[
    str,
    Meta(max_length=50),
    Form("[0-9*#a-dA-DwW,]+", "DTMF digits (0 to 9, *, #, A to D) and the pauses 'w', 'W' and ','"),
    Trimmed(),
]

ConferenceName = Annotated[
    str,
    Meta(max_length=100),
    Form("[A-Za-z0-9._-]+", "letters, digits, '-', '_' and '.'"),
    Trimmed(),
    Breaks("conference-name"),
]

CallIds = Annotated[Iterable[str], Form(r"[^\s,]+", "ids of calls, without white space in them")]
"""Ids of calls, as an iterable or as one string with commas; a tuple once the verb is built."""

Locales = Annotated[Iterable[str], Form(r"[^\s,]+", "locales, such as en-US")]
"""Locales, as an iterable or as one string with commas; a tuple once the verb is built."""

Seconds = float
"""A length of time in seconds; fractions are allowed."""

Milliseconds = float
"""A length of time in milliseconds; fractions are allowed."""

Name = Annotated[str, NotBlank()]
"""A name of your own choice."""

DiversionTreatment = Literal["none", "propagate", "stack"]
DiversionReason = Literal[
    "unknown",
    "user-busy",
    "no-answer",
    "unavailable",
    "unconditional",
    "time-of-day",
    "do-not-disturb",
    "deflection",
    "follow-me",
    "out-of-service",
    "away",
]
GatherInput = Literal["dtmf", "speech", "dtmf_speech"]
Gender = Literal["female", "male"]
FileFormat = Literal["mp3", "wav"]
Tracks = Literal["inbound", "outbound", "both"]
StreamMode = Literal["unidirectional", "bidirectional"]
