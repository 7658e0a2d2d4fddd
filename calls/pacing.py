"""How many requests a second: a value that is asked, and never waits itself."""

import math
import threading

from calls.errors import refuse


class Pacing:
    """When the next request may go out.

    Requests keep a distance of ``1 / per_second`` seconds, whoever sends them; with None they keep
    none. After a 429 the operation that was refused stands still until the moment that it named.
    Safe in threads.

    Raises:
        InvalidRequest: The rate is not a number above 0.
    """

    def __init__(self, per_second: float | None = None) -> None:
        if per_second is not None and not 0 < per_second < math.inf:
            refuse("rate", f"must be a number above 0, of requests a second (got {per_second!r})")
        self._distance = 0.0 if per_second is None else 1.0 / per_second
        self._next = -math.inf
        self._held: dict[str, float] = {}
        self._lock = threading.Lock()

    def reserve(self, operation: str, now: float) -> float:
        """Seconds that a request must wait; the place is its own from now on."""
        if not self._distance and not self._held:
            return 0.0
        with self._lock:
            at = max(now, self._held.get(operation, now))
            if self._distance:
                at = max(at, self._next)
                self._next = at + self._distance
            if operation in self._held and self._held[operation] <= now:
                del self._held[operation]
        return at - now

    def hold(self, operation: str, until: float) -> None:
        """Let an operation stand still until a moment."""
        with self._lock:
            self._held[operation] = max(until, self._held.get(operation, until))
