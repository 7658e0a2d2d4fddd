"""The rules that depend on the rest of a document, or on where it goes."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from bxml._compose import Container
from bxml._hints import Plan, hints, plan_of
from bxml._kinds import Fault, shown
from bxml.document import LARGEST, Document
from bxml.errors import Problem
from bxml.rules import RULES, Level
from bxml.verbs import (
    Forward,
    Redirect,
    Refer,
    StartGather,
    StartRecording,
    StartStream,
    StartTranscription,
    StopGather,
    StopRecording,
    StopStream,
    StopTranscription,
)

Where = Literal["reply", "push", "conference", "transfer_answer"]
"""What a document is for.

reply: the answer to a webhook of a call. push: the new document of a live call, through the REST
API. conference: a document for a conference. transfer_answer: the reply to ``transferAnswer``, for
the rung party alone.
"""

SURELY_SMALL_ENOUGH = 64_000
"""Bytes up to which a document is surely within the vendor's 64 KB."""

_ABSOLUTE = ("http://", "https://")

MOST_TRACKS = 4
"""Tracks of a call that may be streamed, and transcribed, at a time (documented)."""


def check(document: Document, *, where: Where = "reply") -> list[Problem]:
    """What is wrong with, or doubtful in, a document, though every verb of it is sound.

    Args:
        document: What is to be checked.
        where: What it is for: ``"reply"`` (to a webhook), ``"push"`` (into a live call),
            ``"conference"`` (for a conference) or ``"transfer_answer"`` (the reply to that event).

    Returns:
        The problems in document order; ``level`` tells errors (the platform refuses, fails or
        ignores it), warnings (no effect, or a risk) and infos apart, ``advice`` says what to do.
        It never raises for a document that exists.
    """
    if not isinstance(document, Document):
        words = "parse() reads markup" if isinstance(document, str | bytes) else "it has verbs"
        raise TypeError(f"check() takes a document, and {words} (got {shown(document)})")
    if where not in get_args(Where):
        raise ValueError(f"where must be one of {', '.join(get_args(Where))} (got {shown(where)})")
    return list(_Checking(document, where).problems())


class _Finding(NamedTuple):
    """As a fault, and with the level where it is not that of the rule."""

    rule: str
    message: str
    name: str
    level: Level | None


class _Checking:
    """One walk along a document, with what is going on in the call at each point of it."""

    def __init__(self, document: Document, where: Where) -> None:
        self.document = document
        self.root = type(document).__name__
        self.where = where
        self.relative = 0
        self.answered = where != "reply"
        self.gathering = False
        self.recording = False
        self.streams = _Tracks("stream", "StartStream")
        self.transcriptions = _Tracks("transcription", "StartTranscription")

    def problems(self) -> Iterator[Problem]:
        where = self.where
        yield from self._of_size()
        ended_by = ""
        last = len(self.document) - 1
        for index, verb in enumerate(self.document):
            cls = type(verb)
            if where == "conference" and not cls.in_conference:
                words = f"{cls.__name__} may not stand in a document for a conference"
                yield self._told(index, verb, "conference-document-verbs", words)
            elif where == "transfer_answer" and cls.in_transfer_answer is False:
                words = f"{cls.__name__} may not stand in the reply to transferAnswer"
                yield self._told(index, verb, "transfer-answer-verbs", words)
            plan = plan_of(cls)
            if plan:
                yield from self._of_verb(index, verb, plan)
            if isinstance(verb, Container):
                yield from self._of_children(index, verb)
            if ended_by:
                continue
            if step := _STEPS.get(cls):
                for fault in step(self, verb):
                    yield self._told(index, verb, *fault)
            self.answered = self.answered or verb.answers_here()
            if verb.ends_here():
                ended_by = cls.__name__
                if index < last:
                    if cls is Redirect:
                        words = "Redirect should be the last verb"
                        yield self._told(index, verb, "redirect-last", words)
                    yield self._unreachable(index + 1, ended_by)
        yield from self._of_end(ended_by)

    def _of_size(self) -> Iterator[Problem]:
        markup = self.document.compact()
        if len(markup) * 4 <= SURELY_SMALL_ENOUGH:
            return
        size = len(markup.encode())
        if size > LARGEST:
            words = f"a document may hold at most {LARGEST:,} bytes (got {size:,})"
            yield Problem("doc-size", "error", self.root, words)
        elif size > SURELY_SMALL_ENOUGH:
            words = f"the vendor's 64 KB may mean {SURELY_SMALL_ENOUGH:,} bytes (got {size:,})"
            yield Problem("doc-size", "warning", self.root, words)

    def _of_children(self, index: int, verb: Container[Any]) -> Iterator[Problem]:
        for inner, child in enumerate(verb):
            plan = plan_of(type(child))
            if plan:
                yield from self._of_verb(index, child, plan, (verb, inner))

    def _of_verb(
        self, index: int, verb: Any, plan: Plan, inside: tuple[Any, int] | None = None
    ) -> Iterator[Problem]:
        for fault in hints(verb, plan, in_conference=self.where == "conference"):
            yield self._told(index, verb, *fault, inside=inside)
        for name in plan.urls:
            url = getattr(verb, name)
            if url is None or url[:8].lower().startswith(_ABSOLUTE):
                continue
            self.relative += 1
            if self.where == "push":
                words = f"is relative, and a pushed document has no base (got {shown(url)})"
                yield self._told(index, verb, "doc-relative-url-rest", words, name, inside=inside)

    def _of_end(self, ended_by: str) -> Iterator[Problem]:
        if self.relative and self.where != "push":
            noun = "URL is" if self.relative == 1 else "URLs are"
            words = f"{self.relative} {noun} relative to that of the request for this document"
            yield self._of_document("doc-relative-url", words)
        if ended_by or self.where not in ("reply", "push"):
            return
        if not len(self.document):
            yield self._of_document("doc-empty", "holds no verbs, so the call is hung up")
            return
        verb = self.document[-1]
        name = type(verb).__name__
        words = f"after the last verb, {name}, the call is hung up"
        if type(verb).background:
            words = f"{name} returns at once, and after it the call is hung up"
        if isinstance(verb, StopStream) and verb.wait:
            words = "when the stream has stopped, the call is hung up"
        last = len(self.document) - 1
        if isinstance(verb, StartStream):
            ends = "is the last verb, so the stream ends at once, with the call"
            yield self._told(last, verb, "stream-last-verb", f"{name} {ends}")
        yield self._of_document("doc-implicit-hangup", words)

    def _unreachable(self, index: int, ended_by: str) -> Problem:
        rest = len(self.document) - index
        noun = "this verb is" if rest == 1 else f"this verb and {rest - 1} more are"
        words = f"{noun} never run, since {ended_by} ends the document before"
        return self._told(index, self.document[index], "doc-unreachable", words)

    def _told(
        self,
        index: int,
        verb: Any,
        rule: str,
        words: str,
        name: str = "",
        level: Level | None = None,
        *,
        inside: tuple[Any, int] | None = None,
    ) -> Problem:
        path = f"{self.root}[{index}] > "
        if inside:
            path += f"{type(inside[0]).__name__}[{inside[1]}] > "
        message = f"{name} {words}" if name else words
        path += type(verb).__name__
        return Problem(rule, level or RULES[rule].level, path, message, attribute=name or None)

    def _of_document(self, rule: str, words: str) -> Problem:
        return Problem(rule, RULES[rule].level, self.root, words)

    # What single verbs do to the call, and what they may not find going on in it.

    def start_gather(self, _: StartGather) -> Iterator[Fault]:
        self.gathering = True
        return iter(())

    def stop_gather(self, _: StopGather) -> Iterator[Fault]:
        self.gathering = False
        return iter(())

    def start_recording(self, _: StartRecording) -> Iterator[Fault]:
        if self.recording:
            yield Fault("one-start-recording", "is ignored, since a recording is going on already")
        self.recording = True

    def stop_recording(self, _: StopRecording) -> Iterator[Fault]:
        self.recording = False
        return iter(())

    def forward(self, _: Forward) -> Iterator[Fault]:
        if self.gathering:
            words = "cannot be used while StartGather reports digits"
            yield Fault("start-gather-not-with-forward", words)
        if self.where == "push":
            words = "takes a call that is not answered, and a document is pushed into one that is"
            yield Fault("forward-unanswered-inbound", words)
        elif self.answered and self.where == "reply":
            words = "takes a call that is not answered, and a verb before it answers the call"
            yield Fault("forward-unanswered-inbound", words)

    def refer(self, _: Refer) -> Iterator[_Finding | Fault]:
        if self.where == "transfer_answer":
            yield Fault("refer-inbound-sip", "takes inbound SIP calls, and this party was rung")
        elif self.where != "conference":
            # What call it is cannot be seen here.
            yield _Finding("refer-inbound-sip", "takes inbound SIP calls only", "", "info")

    def start_stream(self, verb: StartStream) -> Iterator[Fault]:
        return self.streams.start(verb.name, verb.tracks)

    def stop_stream(self, verb: StopStream) -> Iterator[Fault]:
        self.streams.stop(verb.name)
        return iter(())

    def start_transcription(self, verb: StartTranscription) -> Iterator[Fault]:
        return self.transcriptions.start(verb.name, verb.tracks)

    def stop_transcription(self, verb: StopTranscription) -> Iterator[Fault]:
        self.transcriptions.stop(verb.name)
        return iter(())


_STEPS: dict[type, Any] = {
    Forward: _Checking.forward,
    Refer: _Checking.refer,
    StartGather: _Checking.start_gather,
    StartRecording: _Checking.start_recording,
    StartStream: _Checking.start_stream,
    StartTranscription: _Checking.start_transcription,
    StopGather: _Checking.stop_gather,
    StopRecording: _Checking.stop_recording,
    StopStream: _Checking.stop_stream,
    StopTranscription: _Checking.stop_transcription,
}


class _Tracks:
    """What is being streamed, or transcribed, at a point of the document."""

    def __init__(self, noun: str, verb: str) -> None:
        self.noun = noun
        self.verb = verb
        self.named: dict[str, int] = {}
        self.nameless = 0

    def start(self, name: str | None, tracks: str | None) -> Iterator[Fault]:
        """Begin one; what is wrong with that."""
        if name in self.named:
            words = f"of a {self.noun} that goes on already (got {shown(name)})"
            yield Fault(f"{self.noun}-unique-name", f"is the name {words}", "name")
            return
        count = 2 if tracks == "both" else 1
        active = sum(self.named.values()) + self.nameless
        if active + count > MOST_TRACKS:
            words = f"would make {active + count} tracks at a time, and {MOST_TRACKS} are allowed"
            yield Fault(f"{self.noun}-track-limit", f"{self.verb} {words}")
            return
        if name is None:
            self.nameless += count
        else:
            self.named[name] = count

    def stop(self, name: str | None) -> None:
        """End one; without a name, all."""
        if name is None:
            self.named.clear()
            self.nameless = 0
        else:
            self.named.pop(name, None)
