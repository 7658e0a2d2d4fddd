"""The types of attributes: what a value must look like, said once.

A type is an ordinary Python type with ``Annotated`` constraints. The constructor, the parser, the
documentation and the strategies read them here. Ranges and lengths use ``msgspec.Meta``; the other
marks are defined below.
"""

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


class Secret(Struct, frozen=True):
    """The value appears in no ``repr`` and in no error."""


class Trimmed(Struct, frozen=True):
    """White space around the value in markup is not part of it."""


class Assumes(Struct, frozen=True):
    """What the platform takes when the attribute is not written."""

    value: str | int | float | bool


class Delivers(Struct, frozen=True):
    """The webhook event that goes to this URL."""

    event: str


class Uncertain(Struct, frozen=True):
    """What no source settles. Nothing is enforced here that is uncertain."""

    note: str


# No colon may stand in the first segment of a relative URL: it would read as a scheme (RFC 3986, 4.2).
_ABSOLUTE = r"[hH][tT][tT][pP][sS]?://[^\s/?#]\S*"
_RELATIVE = r"[^\s:/?#]+(?:[/?#]\S*)?|[/?#]\S*"
_E164 = r"\+[1-9][0-9]{1,14}"
_UUI = r"[^\s,;]+;encoding=(?:base64|jwt|hex)"

Url = Annotated[
    str,
    Form(f"{_ABSOLUTE}|{_RELATIVE}", "an http or https URL, or one relative to it"),
    Splits(),
    Trimmed(),
]
"""A URL that may be relative to the one that returned the document (documented)."""

AbsoluteUrl = Annotated[
    str, Form(_ABSOLUTE, "an absolute http or https URL"), Splits(), Meta(max_length=2048)
]
"""A URL of a REST request: http or https, absolute, at most 2048 characters (documented)."""

Method = Literal["GET", "POST"]
"""The HTTP method of a webhook; the platform assumes POST (documented)."""

Tag = Annotated[str, Meta(max_length=256)]
"""Your text, sent with this and all later webhooks of the call; empty clears it (documented)."""

Username = Annotated[str, Meta(description="Basic-auth user that the platform sends.")]
Password = Annotated[
    str, Meta(description="Basic-auth password that the platform sends."), Secret()
]

E164 = Annotated[str, Form(_E164, "a phone number in E.164 form, such as +15551230001"), Trimmed()]

SipAddress = Annotated[
    str, Form(r"sips?:\S+", "a SIP URI, such as sip:user@host.example.com"), Trimmed()
]

CallerId = Annotated[
    str,
    Form(
        f"(?:{_E164}|Restricted|Anonymous|Private|Unavailable)?",
        "a phone number in E.164 form, such as +15551230001, or empty to pass the caller's on",
    ),
]
"""The number shown to a rung party.

E.164 by the newest documentation; the four words are the older form, which is let through.
"""

DisplayName = Annotated[str, Meta(max_length=256), NoControlCharacters()]

UserToUser = Annotated[
    str,
    Meta(max_length=350),
    Form(
        rf"{_UUI}(?:,\s?{_UUI})*",
        "User-To-User values, each ending in ;encoding=base64, ;encoding=jwt or ;encoding=hex",
    ),
    Uncertain("The limit is 256 in some sources and 350 in others; above 350 is refused."),
]

Digits = Annotated[str, Form("[0-9*#a-dA-D]*", "DTMF digits: 0 to 9, *, #, A to D")]

Seconds = float
"""A length of time in seconds; fractions are allowed."""

Sentence = Annotated[str, NotBlank()]
"""Text to be spoken. It is text: whatever looks like markup in it is escaped."""

OpenText = Annotated[str, NotBlank()]
"""A name from a list that the vendor may extend; unknown names are not refused."""

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
