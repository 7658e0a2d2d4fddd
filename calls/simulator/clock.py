"""Two clocks: one that is turned, one that runs."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the platform started, and a way to let some pass."""

    def now(self) -> float:
        """Seconds since the platform started."""
        ...

    def wait_until(self, moment: float, woken: threading.Condition) -> None:
        """Let time pass until ``moment``, or until ``woken`` is notified. It is held by the caller."""
        ...


class VirtualClock:
    """Stands still until it is turned: a minute of hold music takes no time."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the platform started."""
        return self._now

    def wait_until(self, moment: float, woken: threading.Condition) -> None:  # noqa: ARG002
        """Be at ``moment`` at once."""
        self._now = max(self._now, moment)


class RealClock:
    """Runs as the clock on the wall does, for people who listen."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def now(self) -> float:
        """Seconds since the platform started."""
        return time.monotonic() - self._start

    def wait_until(self, moment: float, woken: threading.Condition) -> None:
        """Wait, without holding ``woken``, until ``moment`` or until it is notified."""
        remaining = moment - self.now()
        if remaining > 0:
            woken.wait(remaining)
