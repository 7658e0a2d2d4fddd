"""What the engine keeps: calls, conferences, recordings, streams. Plain data, so that it can be copied."""

from collections import deque
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from bxml.document import CallVerb
from bxml.verbs import (
    Bridge,
    Conference,
    Gather,
    PhoneNumber,
    Record,
    SipUri,
    StartStream,
    StartTranscription,
    Transfer,
)
from calls.models import MachineDetection
from calls.simulator.caller import Caller
from calls.simulator.errands import Target, Targets
from calls.simulator.settings import Settings

# The timeline

Kind = Literal[
    "state",
    "hears",
    "cut off",
    "silence",
    "presses",
    "says",
    "webhook",
    "request",
    "recording",
    "stream",
    "conference",
    "fault",
    "note",
]


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One line of the timeline: what happened on a call, and when.

    ``call_id`` is that of the call, or of a conference; empty where it is neither's.
    """

    at: float
    call_id: str
    kind: Kind
    text: str
    url: str | None = None
    status: int | None = None
    body: str | None = None


# What is heard


class Sound(Struct, gc=False):
    """Something that a party was played or told: from ``at``, for ``seconds`` if nothing ends it."""

    words: str
    at: float
    seconds: float
    ended: float | None = None
    """When it was over. Before ``at + seconds``: it was cut off."""

    @property
    def is_whole(self) -> bool:
        """Whether it was heard to its end."""
        return self.ended is not None and self.ended >= self.at + self.seconds - 1e-6

    def at_word(self, end: int) -> float:
        """When the first ``end`` characters had been said. A file or a tone is known at once."""
        if self.words.startswith(("[", "(")):
            return self.at
        return self.at + self.seconds * min(end / max(len(self.words), 1), 1.0)


# What a call does


class Talking(Struct):
    """A ``SpeakSentence`` or ``PlayAudio`` of the document itself."""


class Pausing(Struct):
    """A ``Pause``."""

    since: float


class Ringing(Struct):
    """A ``Ring``."""


class SendingDtmf(Struct):
    """A ``SendDtmf``."""


class Gathering(Struct):
    """A ``Gather``: which prompt of which round plays, and what was pressed."""

    verb: Gather
    round: int = 1
    prompt: int = 0
    digits: str = ""


class Recording(Struct):
    """What a ``Record`` or ``StartRecording`` records: spans of time, and what was said in them."""

    id: str
    call_id: str
    conference_id: str | None
    channels: int
    file_format: str
    name: str | None
    started: float
    media_url: str
    since: float | None = None
    """When the span began that is being recorded; None while it is paused."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    said: list["Said"] = field(default_factory=list)
    ended: float | None = None
    status: str = "processing"
    told: Targets | None = None
    """Who is told when the file is there."""
    heard: Targets | None = None
    """Who is told when the transcript is there."""

    @property
    def seconds(self) -> float:
        """How long the file is: without what was not recorded."""
        return sum(end - start for start, end in self.spans)


class Said(Struct, frozen=True, gc=False):
    """Words of one side: ``inbound``, which the platform receives, or ``outbound``."""

    track: str
    start: float
    end: float
    words: str


class RecordingCall(Struct):
    """A ``Record``."""

    verb: Record
    recording: Recording
    quiet: int = 0
    """Counts the silences, so that the timeout of an earlier one is void."""


class Fetching(Struct):
    """Waiting for the reply to a webhook."""

    delivery: int


class Transferring(Struct):
    """A ``Transfer``: the legs that ring, or the one that is connected."""

    verb: Transfer
    legs: list[str]
    winner: str | None = None


class Handing(Struct):
    """A ``Forward`` or a ``Connect``: the leg that rings or is connected."""

    leg: str
    ends_with_it: bool


class Connected(Struct):
    """The leg of a rung party, connected to the call that rang it."""

    to: str


class Bridging(Struct):
    """A ``Bridge``: the call that runs it."""

    verb: Bridge
    target: str


class Bridged(Struct):
    """A ``Bridge``: the call that was taken into it."""

    by: str


class Conferring(Struct):
    """A ``Conference``."""

    conference_id: str
    mute: bool
    hold: bool
    coaches: tuple[str, ...] = ()


class Referring(Struct):
    """A ``Refer`` whose outcome is not known yet."""


class AwaitingStream(Struct):
    """A ``StopStream`` that waits until the stream has stopped."""

    stream_id: str


class Measured(Struct):
    """Audio whose length is being found out; then ``resume`` goes on."""

    url: str
    resume: Any


Activity: TypeAlias = (
    Talking
    | Pausing
    | Ringing
    | SendingDtmf
    | Gathering
    | RecordingCall
    | Fetching
    | Transferring
    | Handing
    | Connected
    | Bridging
    | Bridged
    | Conferring
    | Referring
    | AwaitingStream
)


class Stream(Struct):
    """A ``StartStream``, or a ``StartTranscription`` with or without a websocket."""

    id: str
    name: str
    verb: StartStream | StartTranscription
    tracks: tuple[str, ...]
    events: Targets | None
    started: float
    is_open: bool = False
    is_over: bool = False
    sent: int = 0
    """Messages with audio so far, on all tracks."""
    playing: list[tuple[float, str]] = field(default_factory=list)
    """What the websocket has sent and is not played to its end: seconds, and what it is."""
    sound: Sound | None = None
    """The first of it, which is being played."""

    @property
    def has_socket(self) -> bool:
        """Whether it goes to a websocket."""
        return self.verb.destination is not None


class Leg(Struct, frozen=True):
    """How a leg is rung: by which call's verb, and as whom."""

    parent_id: str
    by: Literal["Transfer", "Forward", "Connect"]
    rings: str
    shown_as: str
    destination: PhoneNumber | SipUri | None = None
    disconnect: Targets | None = None
    disconnect_leads_nowhere: bool = False


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
    sip_status: int | None = None
    tag: str | None = None
    privacy: bool | None = None
    display_name: str | None = None
    answer: Targets | None = None
    disconnect: Target | None = None
    detection: MachineDetection | None = None
    call_timeout: float = 30.0
    callback_timeout: float = 15.0

    # What it performs. A happening that was planned under another ``turn`` is void.
    document: tuple[CallVerb, ...] = ()
    position: int = 0
    base_url: str | None = None
    activity: Activity | None = None
    turn: int = 0
    fetches: int = 0

    # What goes on beside it.
    digits_to: Targets | None = None
    recording: Recording | None = None
    streams: dict[str, Stream] = field(default_factory=dict)

    # What its party hears and does.
    sounds: list[Sound] = field(default_factory=list)
    sound: Sound | None = None
    """What is being played to it by the document."""
    step: int = 0
    acting: bool = False
    listened: int = 0
    saying: tuple[float, str] | None = None
    """What its party is saying, and since when."""

    # A leg that a verb of another call rings.
    leg: Leg | None = None
    joining: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.state == "disconnected"

    @property
    def is_idle(self) -> bool:
        """Whether it could perform the next verb."""
        return self.activity is None and self.state != "disconnected"

    @property
    def parent_id(self) -> str | None:
        """The call whose ``Transfer`` rang this one."""
        return self.leg.parent_id if self.leg and self.leg.by == "Transfer" else None


class Room(Struct):
    """A conference."""

    id: str
    name: str
    created: float
    verb: Conference
    events: Targets | None
    tag: str | None
    timeout: float
    base_url: str | None
    members: list[str] = field(default_factory=list)
    waiting: deque[tuple[Any, str | None]] = field(default_factory=deque)
    """Verbs of its documents that are to be performed yet, with the URL that supplied them."""
    playing: list[Sound] | None = None
    turn: int = 0
    recording: Recording | None = None
    is_over: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether it could perform the next verb."""
        return self.playing is None and not self.is_over


def moment(settings: Settings, at: float) -> datetime:
    """The time of day that the simulator's clock stands for."""
    return milliseconds_after(settings.started, round(at * 1000))


@lru_cache(maxsize=1024)
def milliseconds_after(started: datetime, milliseconds: int) -> datetime:
    """A moment. The events of a call name the same ones again and again."""
    return started + timedelta(milliseconds=milliseconds)
