"""The two roots of a document, and everything that may stand in them."""

from typing import Any, Self, TypeAlias, overload

from bxml._compose import Filled, Verb, appends, close_the_language, explain_absent_methods
from bxml.errors import InvalidDocument, Problem
from bxml.render import DECLARATION, render, render_pretty
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

CallVerb: TypeAlias = (
    Bridge
    | Conference
    | Connect
    | Forward
    | Gather
    | Hangup
    | Pause
    | PauseRecording
    | PlayAudio
    | Record
    | Redirect
    | Refer
    | ResumeRecording
    | Ring
    | SendDtmf
    | SpeakSentence
    | StartGather
    | StartRecording
    | StartStream
    | StartTranscription
    | StopGather
    | StopRecording
    | StopStream
    | StopTranscription
    | Tag
    | Transfer
)
"""Every verb that may stand in a call's document."""

LARGEST = 65_536
"""Bytes in a document. The vendor says 64 KB, without saying which; the larger is enforced."""

SURELY_SMALL = LARGEST // 4
"""Characters up to which no counting is needed: none takes more than four bytes."""


class Document(Filled[CallVerb], frozen=True, gc=True, dict=True):
    """What ``Response`` and ``Bxml`` have in common."""

    bridge = appends(Bridge)
    conference = appends(Conference)
    connect = appends(Connect)
    forward = appends(Forward)
    gather = appends(Gather)
    hangup = appends(Hangup)
    pause = appends(Pause)
    pause_recording = appends(PauseRecording)
    play_audio = appends(PlayAudio)
    record = appends(Record)
    redirect = appends(Redirect)
    refer = appends(Refer)
    resume_recording = appends(ResumeRecording)
    ring = appends(Ring)
    send_dtmf = appends(SendDtmf)
    speak_sentence = appends(SpeakSentence)
    start_gather = appends(StartGather)
    start_recording = appends(StartRecording)
    start_stream = appends(StartStream)
    start_transcription = appends(StartTranscription)
    stop_gather = appends(StopGather)
    stop_recording = appends(StopRecording)
    stop_stream = appends(StopStream)
    stop_transcription = appends(StopTranscription)
    tag = appends(Tag)
    transfer = appends(Transfer)

    def to_bxml(self, *, pretty: bool = False) -> str:
        """The document as markup, with an XML declaration that says UTF-8.

        The compact form is computed once; ``pretty`` puts each element on a line of its own.

        Raises:
            InvalidDocument: It would be larger than 65,536 bytes.
        """
        if pretty:
            markup = f"{DECLARATION}\n{render_pretty(self)}\n"
            _bound(markup, self)
            return markup
        compact = self.compact()
        if len(compact) > SURELY_SMALL:
            _bound(compact, self)
        return compact

    def compact(self) -> str:
        """The compact form, computed once and of whatever size: for ``check``, not to be sent."""
        cache: Any = self.__dict__
        compact: str | None = cache.get("bxml")
        if compact is None:
            compact = cache["bxml"] = DECLARATION + render(self)
        return compact

    def __str__(self) -> str:
        return self.to_bxml()

    def __bytes__(self) -> bytes:
        return self.to_bxml().encode()

    def __add__(self, other: "Document") -> Self:
        """The verbs of both, one after the other, under this one's root."""
        if not isinstance(other, Document):
            return NotImplemented
        return self.then(*other)

    @overload
    def __getitem__(self, index: int) -> CallVerb: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Any:
        held = tuple(self.children)[index]
        return type(self)(held) if isinstance(held, tuple) else held


class Response(Document, frozen=True, gc=True, dict=True):
    """The document that answers a webhook. Empty, it hangs up (documented)."""


class Bxml(Document, frozen=True, gc=True, dict=True):
    """The document that is pushed into a live call through the REST API."""


VERBS: tuple[type[Verb], ...] = (
    Bridge,
    Bxml,
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
    Response,
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
"""Every element of the language, roots and nested tags included."""

explain_absent_methods(set(VERBS) - {Bxml, Response})
close_the_language(VERBS)


def _bound(markup: str, document: Document) -> None:
    if (size := len(markup.encode())) > LARGEST:
        words = f"a document may hold at most {LARGEST:,} bytes (got {size:,})"
        raise InvalidDocument([Problem("doc-size", "error", type(document).__name__, words)])
