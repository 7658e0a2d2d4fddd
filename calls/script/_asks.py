"""What a script asks for when it waits, and the stage on which it stands."""

import sys
import types
from collections.abc import Callable, Coroutine, Generator
from datetime import datetime
from functools import cache
from random import Random
from typing import Any, TypeAlias

from msgspec import Struct

from bxml._compose import Verb
from bxml.document import CallVerb
from calls.events import CallEvent, Event
from calls.script.errors import ScriptError


class Wait(Struct, frozen=True, gc=False):
    """The document ends here, with a verb whose event goes on with the script.

    Attributes:
        asked: What the journal calls it.
        verb: What ends the document; the URLs are added to it. None for a ``Redirect``.
        stem: How the verb's URL begins: ``gather`` for ``gather_url``.
        event: The event that is waited for.
        read: From the event to what the script gets.
    """

    asked: str
    verb: CallVerb | None
    stem: str
    event: type[Event]
    read: Callable[[Any], Any]


class Listen(Struct, frozen=True, gc=False):
    """The document plays on until a message comes.

    Attributes:
        asked: What the journal calls it.
        seconds: How long that may take; None for however long.
        read: From the message, as JSON, to what the script gets.
    """

    asked: str
    seconds: float | None
    read: Callable[[bytes], Any]


class Run(Struct, frozen=True, gc=False):
    """Something is to be run, whose result the journal remembers.

    Attributes:
        asked: What the journal calls it.
        what: What is run, for people.
        act: Runs it; what can be awaited is.
        read: From the result, as JSON, to what the script gets.
        once: Whether it must not be run again when nobody knows whether it was.
    """

    asked: str
    what: str
    act: Callable[[], Any]
    is_async: bool
    read: Callable[[bytes], Any]
    once: bool = False


Ask: TypeAlias = Wait | Listen | Run


class HandOver(BaseException):  # not to be caught: it carries the script to its end
    """Another script takes the call over."""

    def __init__(self, begin: Callable[[Any], Coroutine[Any, Any, object]]) -> None:
        super().__init__()
        self.begin = begin


MOST_REFUSALS = 3
"""How often a script that has left memory may ask for something, and be told so."""


class Stage:
    """Where a script stands: what the line shows of the call, and what was said on it so far."""

    __slots__ = (
        "_random",
        "event",
        "is_dropped",
        "is_open",
        "now",
        "refusals",
        "said",
        "seed",
        "step",
        "url_of",
    )

    def __init__(self, event: CallEvent, now: datetime, seed: int) -> None:
        self.event = event
        self.now = now
        self.seed = seed
        self.said: list[CallVerb] = []
        self.step = 0
        self.is_open = False
        """Whether the script is running at this moment."""
        self.is_dropped = False
        """Whether the script has left memory, and is not to do anything any more."""
        self.refusals = 0
        """How often the script has asked for something since it was dropped."""
        self.url_of: Callable[[int], str] | None = None
        self._random: Random | None = None

    @property
    def random(self) -> Random:
        """Chance that is the same whenever the script is run again."""
        self.enter()
        if self._random is None:
            self._random = Random(self.seed)  # noqa: S311  # repeats on purpose
        return self._random

    def enter(self) -> None:
        """See that it is the script itself that uses the line.

        Raises:
            ScriptError: It is something else, such as a task that the script has started.
            GeneratorExit: The script has left memory, and its ``finally`` is run: it goes no further.
        """
        if self.is_open:
            return
        if self.is_dropped or sys.exc_info()[0] is GeneratorExit:
            raise GeneratorExit
        raise ScriptError(
            "the line was used outside of its script: only the script's own function may use it,"
            " and no task, thread or callback"
        )

    def say(self, *verbs: CallVerb) -> None:
        """Add to the document."""
        self.enter()
        self.said.extend(verbs)

    @types.coroutine
    def ask(self, ask: Ask) -> Generator[Ask, Any, Any]:
        """Wait for something."""
        if not self.is_open and self.is_dropped:
            self.refusals += 1
            if self.refusals > MOST_REFUSALS:
                # It catches everything and asks again: Python makes an end of that, if it waits.
                yield ask
        self.enter()
        return (yield ask)


@cache
def _own_urls(stem: str) -> tuple[str, str]:
    return f"{stem}_url", f"{stem}_fallback_url"


def refuse_own_urls(verb: Verb, stem: str) -> None:
    """The URLs with which a verb leads back to the script are not the author's."""
    for name in _own_urls(stem):
        if getattr(verb, name, None) is not None:
            raise ScriptError(
                f"{type(verb).__name__} leads back to the script by itself: leave {name} out"
            )
