"""Who comes when: a queue for each key, in the order in which they came."""

import threading
from collections.abc import Callable, Hashable
from typing import Any


class Turn:
    """A place in a queue.

    ``signal`` is what its owner waits on, if it must: a ``threading.Event`` or an ``anyio.Event``.
    None means that it is its turn already.
    """

    __slots__ = ("key", "replaced", "signal")

    def __init__(self, key: Hashable, signal: Any) -> None:
        self.key = key
        self.signal = signal
        self.replaced = False


class Turns:
    """Queues by key: the first in each has its turn, the others wait for theirs.

    Safe in threads. A queue exists only while somebody is in it.

    Args:
        signal: Makes what a place waits on.
    """

    def __init__(self, signal: Callable[[], Any]) -> None:
        self._signal = signal
        # Lists: most queues have one place, and a deque takes far longer to be made.
        self._queues: dict[Hashable, list[Turn]] = {}
        self._lock = threading.Lock()

    def join(self, key: Hashable, *, replacing: bool = False) -> Turn:
        """Take the last place of a queue.

        With ``replacing``, those who still wait there are told that they are replaced.
        """
        with self._lock:
            queue = self._queues.get(key)
            if queue is None:
                turn = Turn(key, None)
                self._queues[key] = [turn]
                return turn
            if replacing:
                for other in queue:
                    other.replaced = True
                for other in list(queue)[1:]:
                    # The first is under way, and sees it where it can still be stopped.
                    queue.remove(other)
                    other.signal.set()
            turn = Turn(key, self._signal())
            queue.append(turn)
            return turn

    def leave(self, turn: Turn) -> None:
        """Give up a place, whether or not its turn has come; the next one is told."""
        with self._lock:
            queue = self._queues.get(turn.key)
            if queue is None or turn not in queue:
                return
            was_first = queue[0] is turn
            queue.remove(turn)
            if not queue:
                del self._queues[turn.key]
            elif was_first:
                queue[0].signal.set()
