"""Calls of scripts played apart: from any point of their journals on, as often as somebody likes."""

from collections.abc import Callable
from datetime import datetime, timedelta

from calls.script._calls import Calls
from calls.script._entries import Begun
from calls.script._play import Play
from calls.script.journals import MemoryJournal


class Apart:
    """Calls with a journal of their own, which can be put back to where it was.

    Args:
        bring: Makes a play from the entry that it begins with.
        now: The time.
    """

    def __init__(self, bring: Callable[[Begun, int], Play], now: Callable[[], datetime]) -> None:
        self._journal = MemoryJournal()
        self.calls = Calls(
            self._journal, None, bring, retention=timedelta(days=1), most_in_memory=100, now=now
        )

    def entries(self, call_id: str) -> tuple[bytes, ...]:
        """What the journal holds of a call."""
        return self._journal.entries(call_id)

    def put(self, call_id: str, entries: tuple[bytes, ...]) -> None:
        """Let the journal hold this of a call, and nothing of any other."""
        self.calls.drop_all()
        self._journal.put(call_id, entries)

    def play(self, call_id: str) -> Play | None:
        """The script of a call, which waits in memory; None if none has begun."""
        return self.calls.in_memory(call_id)
