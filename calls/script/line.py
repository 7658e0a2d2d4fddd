"""The line on which a script speaks, asks and waits."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from random import Random
from typing import (
    Any,
    Concatenate,
    Literal,
    NoReturn,
    ParamSpec,
    TypeAlias,
    TypeVar,
    overload,
)

from bxml.document import CallVerb
from bxml.verbs import (
    Bridge,
    Conference,
    Connect,
    Forward,
    Gather,
    Hangup,
    Pause,
    PauseRecording,
    PlayAudio,
    Record,
    Redirect,
    Refer,
    ResumeRecording,
    Ring,
    SendDtmf,
    SpeakSentence,
    StartGather,
    StartRecording,
    StartStream,
    StartTranscription,
    StopGather,
    StopRecording,
    StopStream,
    StopTranscription,
    Tag,
    Transfer,
)
from calls.events import (
    BridgeCompleteEvent,
    CallEvent,
    GatherEvent,
    RecordCompleteEvent,
    RedirectEvent,
)
from calls.script._asks import HandOver, Listen, Wait
from calls.script._functions import reads, run_of
from calls.script._methods import OnStage, asks, confers, redirects, refers, rings, says
from calls.script.errors import GaveUp, ScriptError
from calls.script.outcomes import (
    Gathered,
    Redirected,
    bridged,
    gathered,
    recorded,
)

P = ParamSpec("P")
T = TypeVar("T")

Prompt: TypeAlias = str | SpeakSentence | PlayAudio
"""Something that is said: text, or a verb."""

Prompts: TypeAlias = Prompt | Sequence[Prompt]
"""One thing for every try; or one for the first, one for the second, and the last for all others."""


class Line(OnStage):
    """One call, as its script sees it: verbs to say, questions to ask, and what is known of it.

    Verbs that need no answer gather in a document. Each ``await`` ends it and sends it, and the
    script goes on with what comes of it, however much later, in whatever process. So the script
    must do the same each time it is run on the same answers: what is not the same each time comes
    through ``now``, ``random`` and ``run``, and nothing but the line is awaited.
    """

    __slots__ = ()

    # The call

    @property
    def event(self) -> CallEvent:
        """The event that came last."""
        return self._stage.event

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self._stage.event.call_id

    @property
    def from_(self) -> str:
        """Who calls."""
        return self._stage.event.from_

    @property
    def to(self) -> str:
        """Who is called."""
        return self._stage.event.to

    @property
    def now(self) -> datetime:
        """The time of the last answer, with its zone: the same whenever the script is run again.

        It is the ``event_time`` of the event, by the platform's clock, so that it passes in a
        simulated call as well; after ``run`` or ``message``, and the time that they took.
        """
        return self._stage.now

    @property
    def random(self) -> Random:
        """Chance whose draws are the same whenever the script is run again. Not for secrets."""
        return self._stage.random

    @property
    def return_url(self) -> str:
        """Where the next ``await`` comes back to, for others that end with a redirect to it.

        Raises:
            ScriptError: Nobody can tell: no event is being answered, and the application has no
                ``public_url``.
        """
        self._stage.enter()
        if self._stage.url_of is None:
            raise ScriptError("line.return_url is known only where the script answers at a path")
        return self._stage.url_of(self._stage.step + 1)

    # Verbs that need no answer

    connect = says(Connect)
    forward = says(Forward)
    hangup = says(Hangup)
    pause = says(Pause)
    pause_recording = says(PauseRecording)
    play_audio = says(PlayAudio)
    resume_recording = says(ResumeRecording)
    ring = says(Ring)
    send_dtmf = says(SendDtmf)
    speak_sentence = says(SpeakSentence)
    start_gather = says(StartGather)
    start_recording = says(StartRecording)
    start_stream = says(StartStream)
    start_transcription = says(StartTranscription)
    stop_gather = says(StopGather)
    stop_recording = says(StopRecording)
    stop_stream = says(StopStream)
    stop_transcription = says(StopTranscription)
    tag = says(Tag)

    def then(self, *verbs: CallVerb) -> None:
        """Say verbs that are made already."""
        self._stage.say(*verbs)

    # Verbs that are answered

    gather = asks(Gather, GatherEvent, gathered, "gather")
    record = asks(Record, RecordCompleteEvent, recorded, "record_complete")
    bridge = asks(Bridge, BridgeCompleteEvent, bridged, "bridge_complete")
    transfer = rings(Transfer)
    refer = refers(Refer)
    conference = confers(Conference)
    redirect = redirects(Redirect)

    async def heard(self) -> Redirected:
        """Wait until everything that was said has been heard, and go on."""
        wait = Wait("heard", None, "redirect", RedirectEvent, Redirected)
        outcome: Redirected = await self._stage.ask(wait)
        return outcome

    # Questions

    async def menu(
        self,
        prompt: Prompts,
        *,
        keys: str,
        tries: int = 3,
        nothing: Prompts = (),
        invalid: Prompts = (),
        too_often: Prompts = (),
        first_digit_timeout: float = 5,
    ) -> str:
        """Let the caller press one of some keys. The key.

        Args:
            prompt: What is said. A list has one prompt for each try; the last one is for all others.
            keys: The keys that count, such as ``"12*"``.
            tries: How often the prompt is said at most.
            nothing: What is said before the prompt after nothing was pressed; likewise a list.
            invalid: What is said before the prompt after another key was pressed; likewise.
            too_often: What is said at the end of the last try; all of it.
            first_digit_timeout: Seconds to wait for a key after the prompt, 0 to 60.

        Raises:
            GaveUp: No key that counts was pressed. Not caught, it ends the call.
        """
        if not _is_a(str, keys) or not keys or set(keys) - set("0123456789*#"):
            raise ScriptError(f"keys are some of 0123456789*# (got {keys!r})")

        def listens(prompts: Sequence[SpeakSentence | PlayAudio]) -> Gather:
            return Gather(prompts, max_digits=1, first_digit_timeout=first_digit_timeout)

        async def fits(pressed: str) -> bool:
            return len(pressed) == 1 and pressed in keys

        return await self._until(listens, fits, prompt, tries, nothing, invalid, too_often)

    async def ask(
        self,
        prompt: Prompts,
        *,
        digits: int | tuple[int, int] = (1, 50),
        check: Callable[[str], bool | Awaitable[bool]] | None = None,
        tries: int = 3,
        ends_with: str = "#",
        nothing: Prompts = (),
        invalid: Prompts = (),
        too_often: Prompts = (),
        first_digit_timeout: float = 5,
        inter_digit_timeout: float = 5,
    ) -> str:
        """Let the caller press some digits. The digits.

        Args:
            prompt: What is said. A list has one prompt for each try; the last one is for all others.
            digits: How many: exactly so many, or at least and at most.
            check: Whether the digits will do. One that is to be awaited is run by ``run``, so that its
                answer is remembered; a plain one must always say the same of the same digits.
            tries: How often the prompt is said at most.
            ends_with: Keys that end the digits and are none of them.
            nothing: What is said before the prompt after nothing was pressed; likewise a list.
            invalid: What is said before the prompt after digits that will not do; likewise.
            too_often: What is said at the end of the last try; all of it.
            first_digit_timeout: Seconds to wait for a digit after the prompt, 0 to 60.
            inter_digit_timeout: Seconds to wait for each further digit, 1 to 60.

        Raises:
            GaveUp: No digits that will do were pressed. Not caught, it ends the call.
        """
        least, most = _bounds(digits)
        if not 1 <= least <= most:
            raise ScriptError(f"digits are so many, or (least, most), from 1 (got {digits!r})")

        def listens(prompts: Sequence[SpeakSentence | PlayAudio]) -> Gather:
            return Gather(
                prompts,
                max_digits=most,
                terminating_digits=ends_with,
                first_digit_timeout=first_digit_timeout,
                inter_digit_timeout=inter_digit_timeout,
            )

        async def fits(pressed: str) -> bool:
            if not least <= len(pressed) <= most:
                return False
            if check is None:
                return True
            found = None if inspect.iscoroutinefunction(check) else check(pressed)
            if found is None or inspect.isawaitable(found):
                if inspect.iscoroutine(found):
                    found.close()  # it was only made, to see what it is
                return await self.run(check, pressed) is True
            return bool(found)

        return await self._until(listens, fits, prompt, tries, nothing, invalid, too_often)

    async def _until(  # noqa: PLR0917  # what menu and ask have in common
        self,
        listens: Callable[[Sequence[SpeakSentence | PlayAudio]], Gather],
        fits: Callable[[str], Coroutine[Any, Any, bool]],
        prompt: Prompts,
        tries: int,
        nothing: Prompts,
        invalid: Prompts,
        too_often: Prompts,
    ) -> str:
        """Ask until the answer fits, or the caller has gone wrong too often."""
        if not _is_a(int, tries) or tries < 1:
            raise ScriptError(f"there is at least one try (got {tries!r})")
        apology: Prompts = ()
        reason: Literal["nothing", "invalid"] = "nothing"
        last = ""
        for each in range(tries):
            wrong = [] if each == 0 else _at(apology, each - 1)
            gather = listens([*wrong, *_at(prompt, each)])
            wait = Wait("gather", gather, "gather", GatherEvent, gathered)
            outcome: Gathered = await self._stage.ask(wait)
            last = outcome.digits or outcome.terminating_digit
            if outcome.is_silent:
                reason, apology = "nothing", nothing
            elif await fits(outcome.digits):
                return outcome.digits
            else:
                reason, apology = "invalid", invalid
        for words in (too_often,) if isinstance(too_often, Prompt) else too_often:
            self._stage.say(_verb(words))
        raise GaveUp(reason, last)

    # What is remembered

    @overload
    async def run(
        self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def run(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Run a function, plain or async, and remember what it returns: it is not run again.

        It is where everything happens that reaches out of the script: look-ups, orders, mails. The
        result is kept as JSON and read back as the type that the function's annotation says, now as
        later; without one, as JSON has it. A plain function runs in a thread.

        If the process ends while it runs, it is run again when the call goes on: at least once. For
        what must not happen twice see ``run_once``.

        Raises:
            RunFailed: It raised. That is remembered as well.
        """
        return await self._stage.ask(run_of(function, args, kwargs, once=False))

    @overload
    async def run_once(
        self, function: Callable[P, Coroutine[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def run_once(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    async def run_once(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """The same, at most once: what a process that ended may have done is not done again.

        Raises:
            RunInterrupted: The process ended while it ran: it may have acted, or not.
            RunFailed: It raised.
        """
        return await self._stage.ask(run_of(function, args, kwargs, once=True))

    @overload
    async def message(self, *, seconds: float | None = None) -> Any: ...
    @overload
    async def message(self, wanted: type[T], *, seconds: float) -> T | None: ...
    @overload
    async def message(self, wanted: type[T], *, seconds: None = None) -> T: ...
    async def message(self, wanted: Any = Any, *, seconds: float | None = None) -> Any:
        """Wait for what ``Scripts.send`` sends this call, while what was said so far is played.

        It is played again and again; silence, if there is nothing. A message that came before is
        taken at once; of several, the oldest.

        Args:
            wanted: The type that the message is read as; by default it is what JSON has.
            seconds: How long to wait; it ends with what is being played then. By default for ever.

        Returns:
            The message; None if there was none in time.

        Raises:
            ScriptError: The message cannot be read as that type.
        """
        if seconds is not None and not (_is_a((int, float), seconds) and seconds > 0):
            raise ScriptError(f"seconds are more than 0 (got {seconds!r})")
        return await self._stage.ask(Listen("message", seconds, reads(wanted, "the message")))

    async def hand_over(
        self,
        other: Callable[Concatenate["Line", P], Coroutine[Any, Any, object]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> NoReturn:
        """Let another script take the call over. This one ends here; its ``finally`` runs."""
        self._stage.enter()
        if not inspect.iscoroutinefunction(getattr(other, "function", other)):
            raise ScriptError(
                f"line.hand_over takes a script and its arguments (got a {type(other).__name__})"
            )
        raise HandOver(lambda line: other(line, *args, **kwargs))

    def __repr__(self) -> str:
        return f"<line of {self.call_id}, step {self._stage.step}>"


# Small parts


def _is_a(kind: type | tuple[type, ...], given: object) -> bool:
    """Whether somebody who is not held to types has given what is asked for."""
    return isinstance(given, kind)


def _bounds(digits: Any) -> tuple[int, int]:
    """How many digits at least and at most; (0, 0) for what says nothing of the kind."""
    match digits:
        case bool():
            return 0, 0
        case int():
            return digits, digits
        case (int(least), int(most)):
            return least, most
        case _:
            return 0, 0


def _verb(prompt: Prompt) -> SpeakSentence | PlayAudio:
    return SpeakSentence(prompt) if isinstance(prompt, str) else prompt


def _at(prompts: Prompts, index: int) -> list[SpeakSentence | PlayAudio]:
    """What is said at a try; the last of a list is for all others."""
    if isinstance(prompts, Prompt):
        return [_verb(prompts)]
    return [_verb(prompts[min(index, len(prompts) - 1)])] if prompts else []
