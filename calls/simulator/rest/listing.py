"""Lists of calls: filters, and pages that neither skip nor repeat a call."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from calls.simulator.rest.message import LONGEST_ECHO, encode, invalid
from calls.simulator.rest.views import shown_moment
from calls.simulator.settings import Settings
from calls.simulator.state import Call

LARGEST_PAGE = 10_000
_USUAL_PAGE = 1000


class Places:
    """The place of every call in the order of creation.

    A page begins after a place, not after so many calls: between two pages calls are created, end,
    match a filter no longer, and are forgotten.
    """

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._next = 0

    def after(self, place: int, calls: dict[str, Call]) -> Iterator[tuple[int, Call]]:
        """The calls that were created after a place, oldest first, with their own places."""
        self._number(calls)
        for call_id, call in calls.items():
            own = self._of[call_id]
            if own > place:
                yield own, call

    def _number(self, calls: dict[str, Call]) -> None:
        """Give the calls that are new their places."""
        fresh = []
        for call_id in reversed(calls):
            if call_id in self._of:
                break
            fresh.append(call_id)
        for call_id in reversed(fresh):
            self._of[call_id] = self._next
            self._next += 1
        if len(self._of) > 2 * len(calls) + LARGEST_PAGE:
            self._of = {call_id: self._of[call_id] for call_id in calls}


class Wanted(NamedTuple):
    """Which calls are asked for."""

    size: int
    after: int
    to: str | None
    from_: str | None
    cause: str | None
    earliest: datetime | None
    latest: datetime | None

    def admits(self, call: Call, settings: Settings) -> bool:
        """Whether a call is one of them. Both times are inclusive; a queued call has not started."""
        if (
            self.to not in (None, call.to)
            or self.from_ not in (None, call.from_)
            or self.cause not in (None, call.cause)
        ):
            return False
        if self.earliest is None and self.latest is None:
            return True
        if call.started is None:
            return False
        started = shown_moment(settings, call.started)
        return (self.earliest is None or self.earliest <= started) and (
            self.latest is None or started <= self.latest
        )


def wanted(query: Mapping[str, str]) -> Wanted:
    """What a query asks for.

    Raises:
        Refusal: Something in it is wrong.
    """
    return Wanted(
        size=_page_size(query.get("pageSize")),
        after=_place(query.get("pageToken")),
        to=query.get("to"),
        from_=query.get("from"),
        cause=query.get("disconnectCause"),
        earliest=_when(query, "minStartTime"),
        latest=_when(query, "maxStartTime"),
    )


def page_token(place: int) -> str:
    """What leads to the calls after a place."""
    return urlsafe_b64encode(encode({"after": place})).decode().rstrip("=")


def _page_size(text: str | None) -> int:
    if text is None:
        return _USUAL_PAGE
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LARGEST_PAGE:
        return int(text)
    span = f"[1, {LARGEST_PAGE}]"
    raise invalid(f"pageSize must be within the range {span}, but was {text[:LONGEST_ECHO]}")


def _place(token: str | None) -> int:
    if token is None:
        return -1
    place: Any = None
    try:
        content = msgspec.json.decode(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        place = content["after"]
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    if type(place) is not int or place < 0:
        raise invalid("Invalid pageToken")
    return place


def _when(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        when = datetime.fromisoformat(query[name])
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise invalid(f"Invalid {name}: must be an ISO 8601 time")
    return when
