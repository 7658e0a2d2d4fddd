"""The rules that depend on the rest of a document, or on where it goes."""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, get_args

from bxml._compose import Container, Verb
from bxml._hints import Finding, Plan, hints, plan_of, quiet_of
from bxml._kinds import shown
from bxml.document import LARGEST, Document
from bxml.errors import Problem
from bxml.rules import RULES, Where
from bxml.verbs import (
    Forward,
    Hangup,
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

SURELY_SMALL_ENOUGH = 64_000
"""Bytes up to which a document is surely within the vendor's 64 KB."""

_PLACES = get_args(Where)

_ABSOLUTE = ("http://", "https://")

_IN_PLAIN_HTTP = re.compile(r"[hH][tT][tT][pP]://[^/?#@]*@").match
"""A URL that carries credentials itself, and is sent so that anyone on the way can read them."""

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
    if where not in _PLACES:
        raise ValueError(f"where must be one of {', '.join(_PLACES)} (got {shown(where)})")
    return _Walk(document, where).problems()


class _Class(NamedTuple):
    """What the walk must know of a class."""

    plan: Plan
    quiet: Callable[[Any], bool] | None
    urls: tuple[str, ...]
    step: Callable[["_Walk", Any], Iterable[Finding]] | None
    holds: bool
    may_end: bool


class _Classes(dict[type[Verb], tuple[Any, ...]]):
    """What is known of each class, read when it is first met; as tuples, which are quicker."""

    def __missing__(self, cls: type[Verb]) -> tuple[Any, ...]:
        plan = plan_of(cls)
        known = self[cls] = tuple(
            _Class(
                plan=plan,
                quiet=quiet_of(plan),
                urls=plan.urls,
                step=_STEPS.get(cls),
                holds=issubclass(cls, Container),
                may_end=bool(cls.ends),
            )
        )
        return known


_classes = _Classes()


class _Walk:
    """One walk along a document, with what is going on in the call at each point of it."""

    def __init__(self, document: Document, where: Where) -> None:
        self.document = document
        self.root = type(document).__name__
        self.where = where
        # A document for a conference is a reply, or, by its root, the body of a REST request.
        self.pushed = where == "push" or (where == "conference" and self.root == "Bxml")
        self.subset = where in ("conference", "transfer_answer")
        self.index = -1
        self.found: list[tuple[int, Problem]] = []
        self.relative = 0
        self.first_relative = ""
        self.gathering = False
        self.recording = False
        self.tracks: dict[str, _Tracks] = {}
        self.idle_streams: list[int] = []

    def problems(self) -> list[Problem]:
        """Everything that there is to say, in document order."""
        self._of_size()
        subset = self.subset
        ended_by = ""
        verb: Any
        for index, verb in enumerate(self.document):
            self.index = index
            plan, quiet, urls, step, holds, may_end = _classes[type(verb)]
            if subset or urls or (quiet and not quiet(verb)):
                self._of_verb(verb, plan, quiet)
            if holds:
                self._of_children(verb)
            # What is never run does nothing to the call.
            if ended_by:
                continue
            if step:
                for finding in step(self, verb):
                    self._tell(finding, verb)
            if self.idle_streams and _takes_time(verb):
                self.idle_streams.clear()
            if may_end and verb.ends_here():
                ended_by = type(verb).__name__
                self._of_rest(verb, ended_by)
        self._of_streams(ended_by)
        self._of_end(ended_by)
        if len(self.found) > 1:
            self.found.sort(key=itemgetter(0))
        return [problem for _, problem in self.found]

    def _of_children(self, verb: Any) -> None:
        for inner, child in enumerate(verb.children):
            plan, quiet, urls, _, _, _ = _classes[type(child)]
            if urls or (quiet and not quiet(child)):
                self._of_verb(child, plan, quiet, (verb, inner))

    def _of_verb(
        self, verb: Any, plan: Plan, quiet: Any, inside: tuple[Any, int] | None = None
    ) -> None:
        if self.subset and not inside:
            self._of_subset(verb)
        conference = self.where == "conference"
        if (quiet and not quiet(verb)) or (conference and plan.not_in_conference):
            for finding in hints(verb, plan, in_conference=conference):
                self._tell(finding, verb, inside)
        for name in plan.urls:
            url = getattr(verb, name)
            if url is None:
                continue
            if url[:8].lower().startswith(_ABSOLUTE):
                if "@" in url and _IN_PLAIN_HTTP(url):
                    words = "should be https, since a name and a password are in it"
                    self._tell(Finding("https-with-credentials-other", words, name), verb, inside)
                continue
            self.relative += 1
            self.first_relative = self.first_relative or url
            if self.pushed:
                words = f"is relative, and a pushed document has no base (got {shown(url)})"
                self._tell(Finding("doc-relative-url-rest", words, name), verb, inside)

    def _of_subset(self, verb: Any) -> None:
        """Whether the verb may stand in a document of this kind at all."""
        name = type(verb).__name__
        if self.where == "conference" and not verb.in_conference:
            words = f"{name} may not stand in a document for a conference"
            self._tell(Finding("conference-document-verbs", words), verb)
        elif self.where == "transfer_answer" and verb.in_transfer_answer is False:
            words = f"{name} may not stand in the reply to transferAnswer"
            self._tell(Finding("transfer-answer-verbs", words), verb)

    def _of_size(self) -> None:
        markup = self.document.compact()
        if len(markup) * 4 <= SURELY_SMALL_ENOUGH:
            return
        size = len(markup.encode())
        if size > LARGEST:
            words = f"a document may hold at most {LARGEST:,} bytes (got {size:,})"
            self._tell(Finding("doc-size", words))
        elif size > SURELY_SMALL_ENOUGH:
            words = f"the vendor's 64 KB may mean {SURELY_SMALL_ENOUGH:,} bytes (got {size:,})"
            self._tell(Finding("doc-size", words, level="warning"))

    def _of_rest(self, verb: Any, ended_by: str) -> None:
        """What stands after the verb that ends the document."""
        rest = len(self.document) - self.index - 1
        if not rest:
            return
        if isinstance(verb, Redirect):
            self._tell(Finding("redirect-last", "Redirect should be the last verb"), verb)
        noun = "this verb is" if rest == 1 else f"this verb and {rest - 1} more are"
        words = f"{noun} never run, since {ended_by} ends the document before"
        self.index += 1
        self._tell(Finding("doc-unreachable", words), self.document[self.index])
        self.index -= 1

    def _of_end(self, ended_by: str) -> None:
        self.index = len(self.document)
        if self.relative and not self.pushed:
            some = "is one URL" if self.relative == 1 else f"are {self.relative} URLs"
            words = f"there {some} relative to that of the request for this document"
            first = f"{shown(self.first_relative)}{' first' * (self.relative > 1)}"
            self._tell(Finding("doc-relative-url", f"{words} ({first})"))
        if ended_by or self.where not in ("reply", "push"):
            return
        if not len(self.document):
            words = "holds no verbs, so the call is hung up"
            if self.where == "push":
                words = "holds no verbs, and what that does in a push is not documented"
            self._tell(Finding("doc-empty", words))
            return
        verb = self.document[-1]
        name = type(verb).__name__
        words = f"after the last verb, {name}, the call is hung up"
        if isinstance(verb, StopStream) and verb.wait:
            words = "when the stream has stopped, the call is hung up"
        elif verb.background:
            words = f"{name} returns at once, and after it the call is hung up"
        self._tell(Finding("doc-implicit-hangup", words))

    def _of_streams(self, ended_by: str) -> None:
        """Streams that begin with nothing after them that takes time."""
        if self.where in ("reply", "push") and ended_by in ("", Hangup.__name__):
            for index in self.idle_streams:
                self.index = index
                words = "nothing after it takes time, so the stream ends at once, with the call"
                self._tell(Finding("stream-last-verb", words), self.document[index])

    def _tell(
        self, finding: Finding, verb: Any = None, inside: tuple[Any, int] | None = None
    ) -> None:
        rule, words, name, level, trail = finding
        path = self.root
        if verb is not None:
            path += f"[{self.index}] > "
            path += f"{type(inside[0]).__name__}[{inside[1]}] > " if inside else ""
            path += type(verb).__name__ + trail
        message = f"{name} {words}" if name else words
        level = level or RULES[rule].level
        problem = Problem(rule, level, path, message, attribute=name or None)
        self.found.append((self.index, problem))

    # What single verbs do to the call, and what they may not find going on in it.

    def start_gather(self, _: StartGather) -> Iterable[Finding]:
        self.gathering = True
        return ()

    def stop_gather(self, _: StopGather) -> Iterable[Finding]:
        self.gathering = False
        return ()

    def start_recording(self, _: StartRecording) -> Iterable[Finding]:
        if self.recording:
            yield Finding(
                "one-start-recording", "is ignored, since a recording is going on already"
            )
        self.recording = True

    def stop_recording(self, _: StopRecording) -> Iterable[Finding]:
        self.recording = False
        return ()

    def forward(self, _: Forward) -> Iterable[Finding]:
        if self.gathering:
            words = "cannot be used while StartGather reports digits"
            yield Finding("start-gather-not-with-forward", words)
        if self.where == "push":
            words = "takes a call that is not answered, and a document is pushed into one that is"
            yield Finding("forward-unanswered-inbound", words)
        elif self.where == "reply" and self._is_answered():
            words = "takes a call that is not answered, and a verb before it answers the call"
            yield Finding("forward-unanswered-inbound", words)

    def _tracks(self, noun: str) -> "_Tracks":
        return self.tracks.setdefault(noun, _Tracks(noun))

    def _is_answered(self) -> bool:
        """Whether a verb before this one answers the call."""
        return any(verb.answers_here() for verb in islice(self.document, self.index))

    def refer(self, _: Refer) -> Iterable[Finding]:
        if self.where == "transfer_answer":
            yield Finding("refer-inbound-sip", "takes inbound SIP calls, and this party was rung")
        elif self.where != "conference":
            # What call it is cannot be seen here.
            yield Finding("refer-inbound-sip", "takes inbound SIP calls only", level="info")

    def start_stream(self, verb: StartStream) -> Iterable[Finding]:
        self.idle_streams.append(self.index)
        return self._tracks("stream").start(verb.name, verb.tracks)

    def stop_stream(self, verb: StopStream) -> Iterable[Finding]:
        self._tracks("stream").stop(verb.name)
        return ()

    def start_transcription(self, verb: StartTranscription) -> Iterable[Finding]:
        return self._tracks("transcription").start(verb.name, verb.tracks)

    def stop_transcription(self, verb: StopTranscription) -> Iterable[Finding]:
        self._tracks("transcription").stop(verb.name)
        return ()


def _takes_time(verb: Any) -> bool:
    """Whether the call goes on for a while with this verb."""
    if isinstance(verb, StopStream):
        return bool(verb.wait)
    return not verb.background and not isinstance(verb, Hangup)


_STEPS: dict[type, Any] = {
    Forward: _Walk.forward,
    Refer: _Walk.refer,
    StartGather: _Walk.start_gather,
    StartRecording: _Walk.start_recording,
    StartStream: _Walk.start_stream,
    StartTranscription: _Walk.start_transcription,
    StopGather: _Walk.stop_gather,
    StopRecording: _Walk.stop_recording,
    StopStream: _Walk.stop_stream,
    StopTranscription: _Walk.stop_transcription,
}


class _Tracks:
    """What is being streamed, or transcribed, at a point of the document."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self.named: dict[str, int] = {}
        self.nameless = 0

    def start(self, name: str | None, tracks: str | None) -> Iterable[Finding]:
        """Begin one; what is wrong with that."""
        if name in self.named:
            words = f"is that of a {self.noun} that goes on already (got {shown(name)})"
            yield Finding(f"{self.noun}-unique-name", words, "name")
            return
        count = 2 if tracks == "both" else 1
        active = sum(self.named.values()) + self.nameless
        if active + count > MOST_TRACKS:
            words = f"makes {active + count} tracks at a time, and {MOST_TRACKS} are allowed"
            yield Finding(f"{self.noun}-track-limit", f"this {self.noun} {words}")
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
