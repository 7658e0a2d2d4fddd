"""What goes wrong, when somebody wants it to: by a seed, or one fault at a time."""

from random import Random
from typing import Literal, get_args

from msgspec import Struct

from calls.simulator.engine import Engine
from calls.simulator.errands import Answered, Delivery, Unanswered
from calls.simulator.party import hang_up, press
from calls.simulator.state import Call, Sound

WebhookFault = Literal[
    "timeout", "refused", "500", "malformed", "oversized", "late", "repeated", "reordered"
]
"""``timeout``: the application gets it and its reply is lost. ``malformed``, ``oversized``: its reply
arrives, and is none. ``late``, ``repeated``, ``reordered``: how it comes to the application."""

RequestFault = Literal["429", "503", "token expired", "restart"]
"""``429`` goes on for some seconds. ``restart``: all calls end, all tokens are void, and nothing is
answered for some seconds."""

CallerFault = Literal["hangs up", "presses"]
"""In the middle of what is being played."""

PADDING = b"<!--" + b" " * 70_000 + b"-->"


class Fault(Struct, frozen=True):
    """One fault that is wanted: at the next webhook or request that it fits.

        simulator.inject(Fault("timeout", event="gather"))

    Attributes:
        kind: What goes wrong.
        event: Only webhooks of this type, such as ``gather``.
        url: Only webhooks or requests whose URL has this in it.
        times: How often.

    Raises:
        ValueError: There is no such kind.
    """

    kind: WebhookFault | RequestFault
    event: str | None = None
    url: str | None = None
    times: int = 1

    def __post_init__(self) -> None:
        kinds = (*get_args(WebhookFault), *get_args(RequestFault))
        if self.kind not in kinds:
            raise ValueError(f"a fault is one of {', '.join(kinds)} (got {self.kind!r})")

    def fits_webhook(self, delivery: Delivery) -> bool:
        """Whether it is meant for a webhook."""
        return (
            self.kind in get_args(WebhookFault)
            and self.event in (None, delivery.event.event_type)
            and (self.url is None or self.url in delivery.target.url)
        )

    def fits_request(self, path: str) -> bool:
        """Whether it is meant for a request to the REST API."""
        is_one = self.kind in get_args(RequestFault) and self.event is None
        return is_one and (self.url is None or self.url in path)


class Chaos(Struct, frozen=True):
    """How much goes wrong. The same seed, over the same calls, does the same again.

    Attributes:
        seed: What everything follows from.
        webhooks: How many of the webhooks have a fault, from 0 to 1.
        requests: How many of the REST requests do.
        callers: How many of the prompts a caller hangs up in, or presses a key in.
        storm_seconds: How long 429 and a restart go on, at most.
    """

    seed: int = 0
    webhooks: float = 0.05
    requests: float = 0.05
    callers: float = 0.02
    storm_seconds: float = 5.0


class Mischief:
    """Draws faults: those that are wanted first, then those of the seed."""

    def __init__(self, chaos: Chaos | None) -> None:
        self.chaos = chaos
        self._random = Random(chaos.seed) if chaos else None  # noqa: S311  # repeats on purpose
        self._wanted: list[Fault] = []
        self._spared: set[int] = set()

    def inject(self, fault: Fault) -> None:
        """Want a fault."""
        self._wanted.extend([fault] * fault.times)

    @property
    def wanted(self) -> list[Fault]:
        """The faults that were wanted and have not come about yet."""
        return list(self._wanted)

    def at_webhook(self, delivery: Delivery) -> WebhookFault | None:
        """What goes wrong with a webhook, if something does."""
        if (self._random is None and not self._wanted) or delivery.id in self._spared:
            return None  # or it is late already
        for fault in self._wanted:
            if fault.fits_webhook(delivery):
                self._wanted.remove(fault)
                return fault.kind  # type: ignore[return-value]  # fits_webhook has seen to it
        if self._random is None or self.chaos is None:
            return None
        if self._random.random() >= self.chaos.webhooks:
            return None
        return self._random.choice(get_args(WebhookFault))

    def at_request(self, path: str) -> RequestFault | None:
        """What goes wrong with a request, if something does."""
        for fault in self._wanted:
            if fault.fits_request(path):
                self._wanted.remove(fault)
                return fault.kind  # type: ignore[return-value]  # fits_request has seen to it
        if self._random is None or self.chaos is None:
            return None
        if self._random.random() >= self.chaos.requests:
            return None
        return self._random.choice(get_args(RequestFault))

    def spare(self, delivery: Delivery) -> None:
        """Let nothing more go wrong with a webhook."""
        self._spared.add(delivery.id)

    def seconds(self, most: float) -> float:
        """Some seconds, at most so many; half of them where there is no seed."""
        return round(most * (self._random.random() if self._random else 0.5), 3)

    def at_sound(self, engine: Engine, call: Call, sound: Sound) -> None:
        """Perhaps let the caller hang up, or press a key, in the middle of what is played."""
        if self._random is None or self.chaos is None:
            return
        if self._random.random() >= self.chaos.callers:
            return
        after = self.seconds(sound.seconds)
        kind = self._random.choice(get_args(CallerFault))
        digit = self._random.choice("0123456789*#")
        engine.plan_anyway(call, after, _goes_wrong, (kind, digit))


def _goes_wrong(engine: Engine, call: Call, what: tuple[CallerFault, str]) -> None:
    kind, digit = what
    engine.note(call, "fault", "the caller hangs up" if kind == "hangs up" else "a key is pressed")
    if kind == "hangs up":
        hang_up(engine, call)
    else:
        press(engine, call, digit)


def spoilt(fault: WebhookFault, outcome: Answered | Unanswered) -> Answered | Unanswered:
    """What comes back of a webhook instead of its reply."""
    match fault:
        case "timeout":
            return Unanswered("the reply was lost (a fault)", timed_out=True)
        case "refused":
            return Unanswered("connection refused (a fault)")
        case "500":
            return Answered(500, b"")
        case "malformed" if isinstance(outcome, Answered):
            content = outcome.content or b"<Response>"
            return Answered(outcome.status, content[: len(content) // 2] + b"<")
        case "oversized" if isinstance(outcome, Answered):
            return Answered(outcome.status, outcome.content + PADDING)
        case _:
            return outcome
