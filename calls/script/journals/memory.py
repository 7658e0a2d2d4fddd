"""A journal in this process's memory."""

from collections.abc import Sequence

from calls.script.errors import JournalConflict


class MemoryJournal:
    """A journal that ends with the process: for tests, and for calls that need not survive.

    One process only: other workers know nothing of what is in it.
    """

    def __init__(self) -> None:
        self._calls: dict[str, list[bytes]] = {}
        self._until: dict[str, float] = {}

    async def hold(self, call_id: str) -> None:
        """Nothing: within a process, the scripts see to it."""

    async def release(self, call_id: str) -> None:
        """Nothing."""

    async def read(self, call_id: str, after: int = 0) -> Sequence[bytes]:
        """The entries of a call, without the first ``after``."""
        held = self._calls.get(call_id)
        return held[after:] if held is not None and len(held) > after else ()

    async def append(
        self, call_id: str, after: int, entries: Sequence[bytes], until: float
    ) -> None:
        """Add entries to a call."""
        held = self._calls.setdefault(call_id, [])
        if len(held) != after:
            raise JournalConflict(f"the journal of {call_id} has {len(held)} entries, not {after}")
        held.extend(entries)
        self._until[call_id] = until

    def entries(self, call_id: str) -> tuple[bytes, ...]:
        """All entries of a call: for those who want to put them back later."""
        return tuple(self._calls.get(call_id, ()))

    def put(self, call_id: str, entries: Sequence[bytes]) -> None:
        """Hold these entries of a call, and nothing of any other."""
        self._calls = {call_id: list(entries)}
        self._until = {call_id: float("inf")}

    async def forget(self, now: float) -> int:
        """Remove the calls that were to be kept until ``now`` or less."""
        old = [call_id for call_id, until in self._until.items() if until <= now]
        for call_id in old:
            del self._calls[call_id], self._until[call_id]
        return len(old)

    async def close(self) -> None:
        """Nothing: what is in memory stays there."""
