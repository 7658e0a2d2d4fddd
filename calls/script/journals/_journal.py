"""What a journal can do."""

from collections.abc import Sequence
from typing import Protocol


class Journal(Protocol):
    """Keeps, for each call, the entries from which its script is brought back.

    An entry is some bytes; what they mean is not the journal's business. Of one call's entries
    none is ever changed.
    """

    async def hold(self, call_id: str) -> None:
        """Wait until nobody else has the call, and have it alone until ``release``.

        Whoever ends without releasing it does not keep it. Within one process the callers see to
        it themselves that nobody asks for a call that is had already.
        """

    async def release(self, call_id: str) -> None:
        """Let others have the call."""

    async def read(self, call_id: str, after: int = 0) -> Sequence[bytes]:
        """The entries of a call, without the first ``after``."""
        ...

    async def append(
        self, call_id: str, after: int, entries: Sequence[bytes], until: float
    ) -> None:
        """Add entries to a call, whose number is ``after`` so far. All of them, or none.

        Args:
            call_id: The call.
            after: How many entries there are, as far as the caller knows.
            entries: What is added.
            until: Until when, in seconds since 1970, all entries of the call are kept at least.

        Raises:
            JournalConflict: There are more than ``after``.
            JournalFailed: It cannot be written.
        """

    async def forget(self, now: float) -> int:
        """Remove the calls that were to be kept until ``now`` or less. How many."""
        ...

    async def close(self) -> None:
        """Close whatever is open. It is opened again when it is used again."""
