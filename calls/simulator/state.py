"""What the engine keeps of a call. Plain data throughout, so that all of it can be copied."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from bxml._declare import NoRichRepr
from bxml.document import CallVerb
from bxml.verbs import Gather, PhoneNumber, SipUri, Transfer
from calls.events import CallEvent
from calls.simulator.caller import Caller


class Settings(Struct, frozen=True):
    """What the vendor leaves open, and how the simulator decides it."""

    started: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """The moment at which the simulator's clock shows 0."""
    words_per_minute: float = 150.0
    """How fast text is spoken."""
    audio_seconds: float = 3.0
    """How long an audio file plays. Its real length is not looked up."""
    reaction_seconds: float = 0.5
    """How long a caller takes to do what comes after something that was heard."""
    key_seconds: float = 0.2
    """The time between two keys that a caller presses one after the other."""
    conflict_seconds: float = 60.0
    """How long after the end of a call the REST API answers 409; from then on 404."""
    token_seconds: float = 3600.0
    """The lifetime of an OAuth2 token."""
    most_documents_at_once: int = 100
    """Documents that a call may fetch without a verb that takes time, before it is ended as a loop."""


class Target(Struct, frozen=True):
    """Where a webhook goes, and how."""

    url: str
    method: str = "POST"
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Target({self.method} {self.url})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


class Targets(Struct, frozen=True):
    """Where a webhook goes first, and where if that fails."""

    main: Target
    fallback: Target | None = None


class Application(Struct, frozen=True):
    """A voice application: where the webhooks of inbound calls go."""

    initiate: Targets
    disconnect: Target | None = None
    application_id: str = "0f0e0d0c-1111-4222-8333-444455556666"
    callback_timeout: float = 15.0


class Delivery(Struct, frozen=True):
    """A webhook that is to be sent."""

    id: int
    call_id: str
    event: CallEvent
    target: Target
    fallback: Target | None
    timeout: float
    attempt: int = 1

    @property
    def body(self) -> bytes:
        """The event as the platform writes it."""
        return self.event.to_json()


class Answered(Struct, frozen=True):
    """What an application replied."""

    status: int
    content: bytes


class Unanswered(Struct, frozen=True):
    """Why there was no reply."""

    reason: str


class Entry(Struct, frozen=True, omit_defaults=True):
    """One line of the timeline: what happened on a call, and when."""

    at: float
    call_id: str
    kind: Literal[
        "state", "hears", "cut off", "silence", "presses", "says", "webhook", "request", "note"
    ]
    text: str
    url: str | None = None
    status: int | None = None
    body: str | None = None


class Talking(Struct):
    """A ``SpeakSentence`` or ``PlayAudio`` of the document itself."""

    words: str


class Pausing(Struct):
    """A ``Pause``."""

    since: float


class Gathering(Struct):
    """A ``Gather``: which prompt of which round plays, and what was pressed."""

    verb: Gather
    round: int = 1
    prompt: int = 0
    digits: str = ""


class Fetching(Struct):
    """Waiting for the reply to a webhook."""

    delivery: int


class Transferring(Struct):
    """A ``Transfer``: the legs that ring, or the one that is connected."""

    verb: Transfer
    legs: list[str]
    winner: str | None = None


class Connected(Struct):
    """The leg of a rung party, connected to the call that rang it."""

    to: str


Activity = Talking | Pausing | Gathering | Fetching | Transferring | Connected


class Call(Struct):
    """One leg between the platform and a party."""

    id: str
    application_id: str
    direction: Literal["inbound", "outbound"]
    from_: str
    to: str
    party: Caller
    state: Literal["queued", "initiated", "answered", "disconnected"] = "initiated"
    enqueued: float | None = None
    started: float | None = None
    answered: float | None = None
    ended: float | None = None
    changed: float = 0.0
    cause: str | None = None
    error_message: str | None = None
    error_id: str | None = None
    tag: str | None = None
    answer: Targets | None = None
    disconnect: Target | None = None
    call_timeout: float = 30.0
    callback_timeout: float = 15.0

    # What it performs. A happening that was planned under another ``turn`` is void.
    document: tuple[CallVerb, ...] = ()
    position: int = 0
    base_url: str | None = None
    activity: Activity | None = None
    turn: int = 0
    fetches: int = 0

    # What its party does.
    step: int = 0
    acting: bool = False
    heard: list[str] = []

    # A leg that a Transfer rings.
    parent_id: str | None = None
    destination: PhoneNumber | SipUri | None = None
    transfer_caller_id: str | None = None
    disconnect_url: str | None = None
    joining: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.state == "disconnected"


def moment(settings: Settings, at: float) -> datetime:
    """The time of day that the simulator's clock stands for."""
    return settings.started + timedelta(milliseconds=round(at * 1000))
