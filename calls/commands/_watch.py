"""What is going on between a command and the platform: for people who wait, and for Ctrl-C."""

from collections.abc import Callable
from time import sleep

from calls.errors import Attempt

CHANGES = frozenset({"update_call", "update_call_bxml", "hang_up"})
"""The operations that do something to a call. The others only read."""


class Watch:
    """Follows the attempts of a controller, as its ``on_attempt`` and its ``pause``.

    Attributes:
        last: The latest attempt to change the call.
    """

    def __init__(self, tell: Callable[[str], object] | None) -> None:
        self.last: Attempt | None = None
        self._tell = tell
        self._told = ""
        self._changes = False
        self._has_credentials = False
        self._under_way = False
        self._doubt = False

    @property
    def may_have_been_done(self) -> bool:
        """Whether the change may have been made, though no reply says so."""
        return self._doubt or self._under_way

    @property
    def was_done(self) -> bool:
        """Whether the platform said that the change is made."""
        return self.last is not None and self.last.outcome == "done"

    @property
    def was_refused(self) -> bool:
        """Whether the platform said no to the change, and it was surely not made."""
        return self.last is not None and self.last.outcome == "refused" and not self._doubt

    def has_credentials(self) -> None:
        """No token has to be fetched first: the next request is the one that counts."""
        self._has_credentials = True

    def begin(self) -> None:
        """A change is asked for now."""
        self.last = None
        self._told = ""
        self._changes = True
        self._doubt = False
        self._under_way = self._has_credentials

    def on_attempt(self, attempt: Attempt) -> None:
        """Take note of an attempt."""
        if attempt.operation == "token":
            self._has_credentials = attempt.outcome == "done"
            self._under_way = self._changes and self._has_credentials
        elif attempt.operation in CHANGES:
            self.last = attempt
            self._doubt = self._doubt or attempt.outcome == "unknown"
            # After this one a pause comes, or the end, or a look at the state; or it is sent again.
            self._under_way = attempt.wait_seconds == 0
        if attempt.wait_seconds is not None and self._tell is not None:
            self._tell(f"{attempt}")

    def pause(self, seconds: float) -> None:
        """Let some seconds pass, in which nothing is under way."""
        if self.last is not None and self.last.wait_seconds is None:
            self._tell_of_waiting(self.last)
        self._under_way = False
        sleep(seconds)
        self._under_way = self._changes and self._has_credentials

    def _tell_of_waiting(self, attempt: Attempt) -> None:
        """Once, and again when there is another reason: it is asked twice a second."""
        words = f"{attempt.call_id}: {attempt.status} {attempt.reason}, not ready yet; waiting"
        if words != self._told and self._tell is not None:
            self._told = words
            self._tell(words)
