"""BXML, the language of Bandwidth's voice platform: compose it, check it, parse it back.

from bxml import Gather, Response

Response().speak_sentence("Welcome to Acme.").redirect("/menu").to_bxml()
"""

from typing import TYPE_CHECKING

from bxml.document import VERBS, Bxml, Document, Response
from bxml.errors import BxmlError, InvalidDocument, InvalidVerb, ParseError, Problem
from bxml.rules import Where
from bxml.verbs import (
    Bridge,
    Conference,
    Connect,
    CustomParam,
    Endpoint,
    Forward,
    Gather,
    Hangup,
    Pause,
    PauseRecording,
    PhoneNumber,
    PlayAudio,
    Record,
    Redirect,
    Refer,
    ResumeRecording,
    Ring,
    SendDtmf,
    SipUri,
    SpeakSentence,
    StartGather,
    StartRecording,
    StartStream,
    StartTranscription,
    StopGather,
    StopRecording,
    StopStream,
    StopTranscription,
    StreamParam,
    Tag,
    Transfer,
)

if TYPE_CHECKING:
    from bxml import schema as schema  # reachable, and not for `import *`
    from bxml import ssml as ssml
    from bxml import strategies as strategies
    from bxml._check import check
    from bxml._parse import parse

__all__ = [
    "VERBS",
    "Bridge",
    "Bxml",
    "BxmlError",
    "Conference",
    "Connect",
    "CustomParam",
    "Document",
    "Endpoint",
    "Forward",
    "Gather",
    "Hangup",
    "InvalidDocument",
    "InvalidVerb",
    "ParseError",
    "Pause",
    "PauseRecording",
    "PhoneNumber",
    "PlayAudio",
    "Problem",
    "Record",
    "Redirect",
    "Refer",
    "Response",
    "ResumeRecording",
    "Ring",
    "SendDtmf",
    "SipUri",
    "SpeakSentence",
    "StartGather",
    "StartRecording",
    "StartStream",
    "StartTranscription",
    "StopGather",
    "StopRecording",
    "StopStream",
    "StopTranscription",
    "StreamParam",
    "Tag",
    "Transfer",
    "Where",
    "check",
    "parse",
    "schema",
    "ssml",
]


_MODULES = ("schema", "ssml", "strategies")
"""Modules that ``import bxml`` alone makes reachable."""


def __getattr__(name: str) -> object:
    # The parser stands on lxml; whoever only composes does not pay for loading it, nor for the rest.
    if name == "parse":
        from bxml._parse import parse  # noqa: PLC0415

        return parse
    if name == "check":
        from bxml._check import check  # noqa: PLC0415

        return check
    if name in _MODULES:
        from importlib import import_module  # noqa: PLC0415

        return import_module(f"bxml.{name}")
    raise AttributeError(f"module 'bxml' has no attribute {name!r}")
