"""BXML, the language of Bandwidth's voice platform: compose it, check it, parse it back.

from bxml import Gather, Response

Response().speak_sentence("Welcome to Acme.").redirect("/menu").to_bxml()
"""

from typing import TYPE_CHECKING

from bxml.document import VERBS, Bxml, Document, Response
from bxml.errors import BxmlError, InvalidDocument, InvalidVerb, ParseError, Problem
from bxml.verbs import (
    Gather,
    Hangup,
    Pause,
    PhoneNumber,
    PlayAudio,
    Redirect,
    SipUri,
    SpeakSentence,
    Transfer,
)

if TYPE_CHECKING:
    from bxml._parse import parse

__all__ = [
    "VERBS",
    "Bxml",
    "BxmlError",
    "Document",
    "Gather",
    "Hangup",
    "InvalidDocument",
    "InvalidVerb",
    "ParseError",
    "Pause",
    "PhoneNumber",
    "PlayAudio",
    "Problem",
    "Redirect",
    "Response",
    "SipUri",
    "SpeakSentence",
    "Transfer",
    "parse",
]


def __getattr__(name: str) -> object:
    # The parser stands on lxml; whoever only composes does not pay for loading it.
    if name == "parse":
        from bxml._parse import parse  # noqa: PLC0415

        return parse
    raise AttributeError(f"module 'bxml' has no attribute {name!r}")
