"""The limits of an account, and the queue of its outbound calls."""

import heapq
from collections import deque
from typing import Literal

from calls.simulator.settings import Settings
from calls.simulator.state import Call

QUEUE_SECONDS = 300
"""So many seconds' worth of calls may wait in the queue (documented)."""


class Limits:
    """How many calls there are, how many may begin, and which is next."""

    def __init__(self, settings: Settings) -> None:
        self._rate = settings.calls_per_second
        self._sessions = settings.sessions
        self._queue: list[tuple[int, int, Call]] = []
        self._order = 0
        self._starts: deque[float] = deque()
        self.active = 0
        """Calls that are up."""
        self.next_out = 0.0
        """When the next call may leave the queue."""

    # The queue

    def enqueue(self, call: Call, priority: int) -> None:
        """Let a call wait: behind those that are as urgent, before those that are less."""
        heapq.heappush(self._queue, (priority, self._order, call))
        self._order += 1

    def dequeue(self, now: float) -> Call | None:
        """The call whose turn it is, if it is anyone's now."""
        while self._queue and self.next_out <= now + 1e-9:
            call = heapq.heappop(self._queue)[2]
            if call.state == "queued":  # another was taken off the queue
                if self._rate is not None:
                    self.next_out = now + 1 / self._rate
                return call
        return None

    @property
    def has_queue(self) -> bool:
        """Whether anything is in the queue."""
        return bool(self._queue)

    def queue_size(self) -> int:
        """How many calls wait in the queue."""
        return sum(call.state == "queued" for _, _, call in self._queue)

    def queue_limit(self) -> int:
        """How many may."""
        return 2**31 - 1 if self._rate is None else max(int(self._rate * QUEUE_SECONDS), 1)

    # One more call

    def broken_by_one_more(self) -> Literal["rate", "sessions"] | None:
        """Which limit a call breaks that is to be queued."""
        if self._rate is None and self._sessions is None:
            return None
        waiting = self.queue_size()
        if waiting >= self.queue_limit():
            return "rate"
        if self._sessions is not None and self.active + waiting >= self._sessions:
            return "sessions"
        return None

    def refusal(self, now: float) -> str | None:
        """Why an inbound call is refused, if it is."""
        if self._rate is not None and self._in_a_second(now) >= self._rate:
            return f"more than {self._rate:g} calls in a second (Settings.calls_per_second)"
        if not self.has_room():
            return f"more than {self._sessions} calls at once (Settings.sessions)"
        return None

    def has_room(self) -> bool:
        """Whether one more leg is within the limit of calls at once."""
        return self._sessions is None or self.active < self._sessions

    def begin(self, now: float) -> None:
        """A call begins."""
        self.active += 1
        if self._rate is not None:
            self._in_a_second(now)
            self._starts.append(now)

    def _in_a_second(self, now: float) -> int:
        while self._starts and self._starts[0] <= now - 1:
            self._starts.popleft()
        return len(self._starts)
