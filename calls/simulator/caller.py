"""The people on the telephone: scripted, as data.

    Caller().hears("For sales, press 1").presses("1").waits(20).hangs_up()

A caller does one step after the other. One whose script is at its end stays on the line and
listens until the platform hangs up.
"""

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace


class Hears(Struct, frozen=True):
    """Waits until something with these words in it has been heard to its end."""

    words: str


class Presses(Struct, frozen=True):
    """Presses keys, one after the other."""

    digits: str


class Says(Struct, frozen=True):
    """Says something."""

    words: str


class Waits(Struct, frozen=True):
    """Does nothing for some seconds."""

    seconds: float


class HangsUp(Struct, frozen=True):
    """Leaves the call."""


Step: TypeAlias = Hears | Presses | Says | Waits | HangsUp
Outcome = Literal["answers", "is busy", "rejects", "never answers", "cannot be reached"]


class Caller(Struct, frozen=True):
    """Somebody with a telephone, who calls or is called. Every method returns a new one."""

    steps: tuple[Step, ...] = ()
    outcome: Outcome = "answers"
    rings_for: float = 2.0
    greeting: str = "Hello?"
    """What is said at once when the telephone is picked up. Only machine detection listens."""
    machine: bool = False
    """Whether it is an answering machine."""
    beeps: bool = False
    """Whether the machine ends with a tone."""

    def answers(self, *, after: float = 2.0) -> "Caller":
        """Answers when it has rung for some seconds."""
        return replace(self, outcome="answers", rings_for=_seconds(after))

    def is_busy(self) -> "Caller":
        """Is talking to somebody else."""
        return replace(self, outcome="is busy", rings_for=0.0)

    def rejects(self, *, after: float = 2.0) -> "Caller":
        """Refuses the call when it has rung for some seconds."""
        return replace(self, outcome="rejects", rings_for=_seconds(after))

    def never_answers(self) -> "Caller":
        """Lets it ring."""
        return replace(self, outcome="never answers")

    def cannot_be_reached(self) -> "Caller":
        """Has no telephone that rings."""
        return replace(self, outcome="cannot be reached")

    def greets(self, words: str) -> "Caller":
        """Says something at once when it answers; nothing, if it is empty."""
        return replace(self, greeting=words)

    def is_a_machine(self, greeting: str, *, beeps: bool = True) -> "Caller":
        """Is an answering machine with this greeting, and perhaps a tone after it."""
        return replace(self, greeting=greeting, machine=True, beeps=beeps)

    def hears(self, words: str) -> "Caller":
        """Listens until something with ``words`` in it has been heard to its end; case is ignored."""
        return self._then(Hears(words))

    def presses(self, digits: str) -> "Caller":
        """Presses keys: 0 to 9, *, #, A to D."""
        if not digits or not set(digits.upper()) <= set("0123456789*#ABCD"):
            raise ValueError(f"a telephone has the keys 0 to 9, *, # and A to D (got {digits!r})")
        return self._then(Presses(digits))

    def says(self, words: str) -> "Caller":
        """Says something, to a ``Gather`` that listens or to the other party."""
        return self._then(Says(words))

    def waits(self, seconds: float) -> "Caller":
        """Does nothing for some seconds."""
        return self._then(Waits(_seconds(seconds)))

    def hangs_up(self) -> "Caller":
        """Leaves the call."""
        return self._then(HangsUp())

    def _then(self, step: Step) -> "Caller":
        return replace(self, steps=(*self.steps, step))


def _seconds(value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"a caller waits a number of seconds, not below 0 (got {value!r})")
    return value
