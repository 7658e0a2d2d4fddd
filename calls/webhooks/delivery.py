"""How an event came: when, as which of its call, and whether it came before."""

from collections import OrderedDict
from datetime import datetime
from hashlib import blake2b
from typing import Any, NewType
from urllib.parse import parse_qsl

from msgspec import Struct, field

from calls.events import Event

MOST_CALLS = 10_000
"""Calls whose events are remembered; of more, those that have been silent longest are forgotten."""

MOST_EVENTS = 64
"""Events of a call that are known again when they come once more."""


Query = NewType("Query", str)
"""What stands behind the ``?`` of the URL: the second argument of a handler that needs no more."""


class Delivery(Struct, frozen=True, kw_only=True):
    """How an event came to the application: the second argument of a handler that asks for it.

    ``number``, ``repeated`` and ``late`` are what this process has seen; several workers do not
    tell each other. They are hints: the vendor promises no order between different URLs, retries an
    asynchronous event once (documented), and sends to a fallback URL what the main one failed to
    answer, so a repeated event may still need its document.

    Attributes:
        received_at: When it came, by the application's clock.
        number: 1 for the first event of its call or conference that came here, 2 for the next; one
            that is repeated has the number that it had.
        repeated: Whether the same event (type, call, time and all the rest) came here before.
        late: Whether an event of the same call with a later ``event_time`` came here before.
        path_params: The parameters of the path, such as ``team`` of ``/menu/{team}``.
        query_string: What stands behind the ``?`` of the URL.
    """

    received_at: datetime
    number: int = 1
    repeated: bool = False
    late: bool = False
    path_params: dict[str, Any] = field(default_factory=dict)
    query_string: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of one that is there twice, the last value."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))


class _Seen(Struct):
    """What is remembered of a call."""

    numbers: OrderedDict[bytes, int]
    """The number of each event, by its digest."""
    count: int = 0
    latest: datetime | None = None


class Sequence:
    """The events of each call, in the order in which they came. Bounded, and for one thread."""

    def __init__(self, most_calls: int = MOST_CALLS) -> None:
        self._most_calls = most_calls
        self._calls: OrderedDict[bytes, _Seen] = OrderedDict()

    def note(self, event: Event) -> tuple[int, bool, bool]:
        """Remember an event: its number in its call, whether it is repeated, whether it is late."""
        about = getattr(event, "call_id", None) or getattr(event, "conference_id", None)
        if about is None:
            return 1, False, False
        key = blake2b(about.encode(errors="replace"), digest_size=16).digest()
        seen = self._calls.get(key)
        if seen is None:
            seen = self._calls[key] = _Seen(OrderedDict())
            if len(self._calls) > self._most_calls:
                self._calls.popitem(last=False)
        self._calls.move_to_end(key)
        digest = blake2b(event.to_json(), digest_size=16).digest()
        repeated = digest in seen.numbers
        if not repeated:
            seen.count += 1
            seen.numbers[digest] = seen.count
            if len(seen.numbers) > MOST_EVENTS:
                seen.numbers.popitem(last=False)
        time, latest = event.event_time, seen.latest
        late = time is not None and latest is not None and time < latest
        if time is not None and not late:
            seen.latest = time
        return seen.numbers[digest], repeated, late
