"""A script being performed for one call: fed with entries of its journal, new ones and old ones alike.

It decides and does no I/O. The same entries always bring it to the same place, so that whatever
has left memory is there again when its journal was fed to it.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from bxml._kinds import shown
from bxml.document import CallVerb
from calls.events import CallEvent, parse_event
from calls.script._asks import Ask, HandOver, Listen, Run, Stage, Wait
from calls.script._entries import AnyEntry, Begun, Came, Over, Ran, Sent, Tried
from calls.script.errors import (
    GaveUp,
    HungUp,
    ReplayError,
    RunFailed,
    RunInterrupted,
    ScriptError,
)
from calls.script.line import Line
from calls.script.script import Script

MOST_HANG_UPS = 100
"""How often a script may ask for something after the caller is gone, and be told so."""

NOTHING = "nothing: it has ended"

INTERRUPTED = "interrupted"
"""In place of the name of an error: the process ended while it ran."""


Known: TypeAlias = CallEvent | BaseException | None
"""What need not be read from an entry, since it has just happened."""


class Play:
    """A script, and where it stands.

    Attributes:
        script: The script that the call began with.
        begun: The entry that it began with.
        ask: What it waits for; None once it is over.
        step: The number of that step.
        answered: The number of the last step at which it waited and got an answer; 0 for its beginning.
        verbs: What was said before it, or before the end: with ``ask``, the document.
        since: When it began to wait, by the platform's clock.
        hung_up: How it was told that the caller is gone, if it was.
        failure: What it raised, if it did; then it is over.
        number: The how manieth script of its call it is, from 1.
        was_tried: Whether the journal says that what it asks to run was begun before.
    """

    __slots__ = (
        "_coroutine",
        "_inbox",
        "_noted",
        "_times_told",
        "answered",
        "ask",
        "begun",
        "failure",
        "hung_up",
        "line",
        "number",
        "script",
        "since",
        "stage",
        "verbs",
        "was_tried",
    )

    def __init__(
        self,
        script: Script[[], Any],
        begun: Begun,
        number: int = 1,
        url_of: Callable[[int, int], str] | None = None,
    ) -> None:
        self.script = script
        self.begun = begun
        self.number = number
        event = _event_of_a_call(bytes(begun.event))
        self.stage = Stage(event, event.event_time, begun.seed)
        self._noted = begun.at
        if url_of is not None:
            self.stage.url_of = partial(url_of, number)
        self.line = Line(self.stage)
        self.ask: Ask | None = None
        self.verbs: tuple[CallVerb, ...] = ()
        self.since = event.event_time
        self.hung_up: HungUp | None = None
        self.failure: BaseException | None = None
        self.was_tried = False
        self.answered = 0
        self._inbox: list[bytes] = []
        self._times_told = 0
        self._coroutine: Any = None  # made when it begins: one that never does is complained of

    @property
    def step(self) -> int:
        """The number of the step that it waits at."""
        return self.stage.step

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.ask is None

    @property
    def is_quiet(self) -> bool:
        """Whether it waits for somebody who is still there, and asks for nothing to be run."""
        return self.hung_up is None and not isinstance(self.ask, Run)

    def begin(self) -> None:
        """Run it to where it first waits."""
        self._coroutine = self.script.function(self.line)
        self._go(partial(self._coroutine.send, None))

    def has_passed(self, step: int) -> bool:
        """Whether it is over, or waits for somebody at a later step."""
        return self.is_over or (self.step > step and not isinstance(self.ask, Run))

    def take(self, entry: AnyEntry, known: Known = None) -> None:
        """Go on with an entry of the journal. What the script raises is its ``failure``.

        Args:
            entry: The entry.
            known: The event of the entry, which need not be read then; or what was raised by what
                was run.

        Raises:
            ReplayError: The script asks for something else than the entry holds.
        """
        match entry:
            case Came():
                self._came(entry, known)
            case Ran():
                self._ran(entry, known)
            case Sent():
                self._sent(entry)
            case Over():
                self._over(entry)
            case Tried():
                self._expect(entry)
                self.was_tried = True
            case Begun():
                raise ScriptError("a script cannot begin in the middle of itself")

    def _came(self, entry: Came, known: Known) -> None:
        ask = self._expect(entry)
        event = known if isinstance(known, CallEvent) else _event_of_a_call(bytes(entry.event))
        self._happened(event, entry.at)
        if isinstance(ask, Listen):
            self._go(partial(self._coroutine.send, None))  # nobody sent anything in time
        elif isinstance(ask, Wait):
            if not isinstance(event, ask.event):
                raise ReplayError(self.step, event.event_type, ask.asked)
            self._go(partial(self._coroutine.send, ask.read(event)))

    def _ran(self, entry: Ran, known: Known) -> None:
        ask = self._expect(entry)
        if not isinstance(ask, Run):
            raise ReplayError(self.step, entry.asked, ask.asked)
        self._passed(entry.at)
        failure: Exception
        if entry.error == INTERRUPTED:
            failure = RunInterrupted(ask.what)
        elif entry.error is not None:
            failure = RunFailed(ask.what, entry.error)
            failure.__cause__ = known if isinstance(known, BaseException) else None
        else:
            try:
                result = ask.read(bytes(entry.result))
            except ScriptError as error:
                failure = error
            else:
                self._go(partial(self._coroutine.send, result))
                return
        self._go(partial(self._coroutine.throw, failure))

    def _sent(self, entry: Sent) -> None:
        self._inbox.append(bytes(entry.message))
        if isinstance(self.ask, Listen):
            self._passed(entry.at)
            self._go(partial(self._hears, self.ask))

    def _hears(self, ask: Listen) -> Any:
        """Hand the script the oldest message."""
        message = self._inbox.pop(0)
        try:
            heard = ask.read(message)
        except ScriptError as error:
            return self._coroutine.throw(error)
        return self._coroutine.send(heard)

    def _over(self, entry: Over) -> None:
        if self.ask is None:
            return
        self._happened(_event_of_a_call(bytes(entry.event)), entry.at)
        self.hung_up = HungUp(self.stage.event)
        if not isinstance(self.ask, Run):
            self._go(partial(self._coroutine.throw, self.hung_up))

    def _happened(self, event: CallEvent, at: datetime) -> None:
        """An event tells the time, by the platform's clock."""
        self.stage.event, self.stage.now = event, event.event_time
        self._noted = at

    def _passed(self, at: datetime) -> None:
        """Until the next event does, the application's own clock tells how much time has passed."""
        if at > self._noted:
            with suppress(OverflowError):  # who says that it is the year 9999
                self.stage.now += at - self._noted
            self._noted = at

    def _expect(self, entry: Came | Ran | Tried) -> Ask:
        ask = self.ask
        if ask is None:
            raise ReplayError(entry.step, entry.asked, NOTHING)
        if (entry.step, entry.asked) != (self.step, ask.asked):
            recorded = entry.asked if entry.step == self.step else f"{entry.asked} ({entry.step})"
            raise ReplayError(self.step, recorded, ask.asked)
        return ask

    def _go(self, act: Callable[[], Any]) -> None:
        """Run the script until it waits for something, or ends."""
        stage = self.stage
        if not isinstance(self.ask, Run):
            stage.said = []  # what was said before has been sent
            self.answered = stage.step
        self.ask, self.was_tried = None, False
        stage.is_open = True
        try:
            self.ask = self._until_it_waits(act)
        except GaveUp:
            pass
        except HungUp as error:
            if self.hung_up is None:
                self.failure = ScriptError(f"the script raised {error!r} itself")
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a script may raise
            self.failure = error
        finally:
            stage.is_open = False
            self.verbs = tuple(stage.said)
            self.since = stage.now

    def _until_it_waits(self, act: Callable[[], Any]) -> Ask | None:
        """What it waits for; None at its end."""
        while True:
            try:
                ask = act()
            except StopIteration:
                return None
            except HandOver as over:
                self._coroutine = over.begin(self.line)
                act = partial(self._coroutine.send, None)
                continue
            self.stage.step += 1
            if type(ask) is Wait and self.hung_up is None:
                return ask
            answer = self._at_once(ask)
            if answer is None:
                wait: Ask = ask
                return wait
            act = answer

    def _at_once(self, ask: object) -> Callable[[], Any] | None:
        """What the script gets without waiting, if there is something."""
        if not isinstance(ask, (Wait, Listen, Run)):
            return partial(self._coroutine.throw, _foreign(ask))
        if self.hung_up is not None and not isinstance(ask, Run):
            self._times_told += 1
            if self._times_told > MOST_HANG_UPS:
                raise ScriptError("the script goes on asking after the caller is gone")
            return partial(self._coroutine.throw, self.hung_up)
        if isinstance(ask, Listen) and self._inbox:
            return partial(self._hears, ask)
        return None

    def drop(self) -> None:
        """Let the script leave memory, as if it were still waiting: nothing through the line happens."""
        self.stage.is_dropped = True
        self.ask = None
        with suppress(BaseException):
            if self._coroutine is not None:
                self._coroutine.close()


def _event_of_a_call(body: bytes) -> CallEvent:
    event = parse_event(body)
    if not isinstance(event, CallEvent):
        raise ScriptError(f"the journal holds an event of no call: {event.event_type}")
    return event


def _foreign(ask: object) -> ScriptError:
    return ScriptError(
        f"a script waits for nothing but its line: wrap what it awaits in line.run (got {shown(ask)})"
    )
