"""What may be repeated, and when: values that answer questions, and never wait themselves."""

import math
from collections.abc import Set as AbstractSet
from typing import Literal, TypeAlias

from msgspec import Struct

from calls.errors import Outcome, refuse

OperationName: TypeAlias = Literal[
    "create_call",
    "get_call_state",
    "list_calls",
    "update_call",
    "update_call_bxml",
    "hang_up",
    "token",
]
"""The five operations; ``hang_up`` is the ``update_call`` that ends a call."""

TOO_MANY = 429


class Repeat(Struct, frozen=True, kw_only=True):
    """After which failures one operation may be sent again.

    Attributes:
        not_sent: After a failure in which it provably never reached the platform.
        unknown: After one in which it may have been done: a lost connection, a reply that came too
            late or makes no sense, or 500, 502, 503 or 504.
        statuses: After a reply with one of these.
    """

    not_sent: bool = True
    unknown: bool = False
    statuses: AbstractSet[int] = frozenset({TOO_MANY})

    def allows(self, outcome: Outcome, status: int | None) -> bool:
        """Whether it may be sent again after this."""
        if status in self.statuses:
            return True
        return (outcome == "unknown" and self.unknown) or (outcome == "not_sent" and self.not_sent)


NEVER_TWICE = Repeat()
"""For what must not be done twice: sent again only where it cannot have been done."""

ANY_TIME = Repeat(unknown=True)
"""For what can be done twice without harm: it only reads, or it is the last word on its call."""


class Retry(Struct, frozen=True, kw_only=True):
    """How often, how soon and after what a controller sends a request again.

    What the platform says in ``Retry-After`` is kept to, up to ``longest_retry_after_seconds``.
    Where it says nothing, the waits double from ``first_wait_seconds`` up to
    ``longest_wait_seconds``, each shortened by chance to between nothing and itself, so that many
    callers do not come back at one moment. When ``budget_seconds`` have passed since the first
    attempt, none begins and none goes on.

    What each operation may be repeated after follows from what it does. There is no idempotency
    key (documented), so ``create_call`` is sent again only where no phone can be ringing: it never
    reached the platform, or was refused with 429. A document, a redirect or a hang-up is the last
    word on its call, so it may be sent again; ``hang_up`` is the policy of ``update_call`` with
    ``state="completed"``, ``update_call`` that of redirects. ``Retry(create_call=Repeat(statuses={429, 503}))``
    follows the vendor's guide, which says to try again after 503.

    Raises:
        InvalidRequest: A value is out of its range.
    """

    attempts: int = 4
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 8.0
    longest_retry_after_seconds: float = 60.0
    budget_seconds: float = 90.0
    create_call: Repeat = NEVER_TWICE
    get_call_state: Repeat = ANY_TIME
    list_calls: Repeat = ANY_TIME
    update_call: Repeat = ANY_TIME
    update_call_bxml: Repeat = ANY_TIME
    hang_up: Repeat = ANY_TIME
    token: Repeat = ANY_TIME

    def __post_init__(self) -> None:
        """Check the ranges."""
        least = {"attempts": 1, "budget_seconds": 0.001}
        for name in self.__struct_fields__[:5]:
            value = getattr(self, name)
            if not (least.get(name, 0) <= value < math.inf):
                words = f"must be at least {least.get(name, 0):g} and finite (got {value!r})"
                refuse(name, words)

    def wait_after(
        self,
        operation: OperationName,
        outcome: Outcome,
        status: int | None,
        *,
        retry_after: float | None,
        number: int,
        elapsed: float,
        chance: float,
    ) -> float | None:
        """Seconds until the next attempt, or None if this one was the last.

        Args:
            operation: What was tried.
            outcome: How it failed.
            status: The status of the reply, if there was one.
            retry_after: Seconds that the platform asked for.
            number: 1 after the first attempt.
            elapsed: Seconds since the first attempt began.
            chance: From 0 up to 1; what the wait is shortened by.
        """
        repeat: Repeat = getattr(self, operation)
        if number >= self.attempts or not repeat.allows(outcome, status):
            return None
        # At once would be at once for all who were refused.
        if retry_after:
            wait = min(retry_after, self.longest_retry_after_seconds)
        else:
            wait = self.backoff(number, chance)
        return wait if elapsed + wait < self.budget_seconds else None

    def backoff(self, number: int, chance: float) -> float:
        """Seconds to wait after attempt ``number`` when the platform does not say how long."""
        # Beyond 2**64 times the first wait, whatever it is, the longest has been reached.
        doubled = self.first_wait_seconds * 2.0 ** min(number - 1, 64)
        return min(doubled, self.longest_wait_seconds) * (1.0 - chance)


ONCE = Retry(attempts=1)
"""No repetition at all."""
