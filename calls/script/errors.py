"""What ends a script, or a step of it.

ScriptError                 the script asked for what cannot be
    ReplayError             the journal holds something else than the script asks for
    JournalConflict         somebody else has written to the journal meanwhile
    JournalFailed           the journal cannot be read or written
RunFailed                   what ``line.run`` ran has raised
RunInterrupted              the process ended while ``line.run_once`` ran
GaveUp                      the caller went wrong too often; not caught, it ends the call

HungUp (no ``Exception``)   the caller is gone
"""

from typing import Literal

from calls.events import CallEvent


class ScriptError(Exception):
    """A script, or whoever sends it something, asked for what cannot be."""


class ReplayError(ScriptError):
    """A script that is run again asks for something else than its journal holds.

    The code was changed while the call was going on, or it depends on something that is not the
    same each time and does not come through the line. The journal stays as it is, so that the
    former code can go on with it.

    Attributes:
        step: The number of the step, 1 for the first.
        recorded: What the journal holds there, such as ``gather`` or ``run shop.orders.lookup``.
        asked: What the script asks for there.
    """

    def __init__(self, step: int, recorded: str, asked: str) -> None:
        super().__init__(
            f"step {step}: the journal holds {recorded}, and the script asks for {asked}. Was the"
            " script changed during the call, or does it use time, chance or data that does not come"
            " through line.now, line.random or line.run?"
        )
        self.step = step
        self.recorded = recorded
        self.asked = asked

    def __reduce__(self) -> tuple[type["ReplayError"], tuple[int, str, str]]:
        return ReplayError, (self.step, self.recorded, self.asked)


class JournalConflict(ScriptError):
    """Somebody else has written to the journal of the call meanwhile. Nothing was written."""


class JournalFailed(ScriptError):
    """The journal cannot be read or written."""


class RunFailed(Exception):
    """What ``line.run`` ran has raised, now or when the script first came by.

    The journal holds the name of the error and nothing else of it: messages may hold secrets. The
    first time, ``__cause__`` is the error itself.

    Attributes:
        what: What was run, such as ``shop.orders.lookup``.
        error: The name of the error, such as ``LookupError``.
    """

    def __init__(self, what: str, error: str) -> None:
        super().__init__(f"{what} raised {error}")
        self.what = what
        self.error = error

    def __reduce__(self) -> tuple[type["RunFailed"], tuple[str, str]]:
        return RunFailed, (self.what, self.error)


class RunInterrupted(RunFailed):
    """The process ended while ``line.run_once`` ran: what it ran may have acted, or not."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "nothing, and did not return: the process ended meanwhile")

    def __reduce__(self) -> tuple[type["RunInterrupted"], tuple[str]]:  # type: ignore[override]
        return RunInterrupted, (self.what,)


class GaveUp(Exception):
    """A caller pressed nothing, or nothing that fits, as often as was allowed.

    A script that does not catch it ends well: what was said until then is heard, and the call is
    hung up.

    Attributes:
        reason: What went wrong the last time.
        last: What came the last time; empty for nothing.
    """

    def __init__(self, reason: Literal["nothing", "invalid"], last: str = "") -> None:
        super().__init__(reason if not last else f"{reason}: {last!r}")
        self.reason: Literal["nothing", "invalid"] = reason
        self.last = last


class HungUp(BaseException):
    """The caller is gone, or the call was sent elsewhere. Raised wherever a script waits.

    It is no ``Exception``, so that ``except Exception`` does not hold it up; ``finally`` runs.
    After it nothing can be said or asked any more, and ``line.run`` still works.

    Attributes:
        event: What told of it: ``disconnect``, or the event that begins the script anew.
    """

    def __init__(self, event: CallEvent) -> None:
        super().__init__(self.cause_of(event))
        self.event = event

    @staticmethod
    def cause_of(event: CallEvent) -> str:
        """Why a call ended, in the vendor's words; or what it was sent elsewhere by."""
        return str(getattr(event, "cause", event.event_type))

    @property
    def cause(self) -> str:
        """Why: ``hangup``, ``busy``, …; ``redirect`` for a call that was sent elsewhere."""
        return self.cause_of(self.event)
