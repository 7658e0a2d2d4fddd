"""What the vendor leaves open, and how the simulator decides it."""

from datetime import UTC, datetime

from msgspec import Struct

DAY = 86_400.0


class Settings(Struct, frozen=True, kw_only=True):
    """What the vendor leaves open, and how the simulator decides it; and the limits of an account."""

    started: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """The moment at which the simulator's clock shows 0."""

    # What is heard.
    words_per_minute: float = 150.0
    """How fast text is spoken, by the platform and by people."""
    audio_seconds: float = 3.0
    """How long an audio file plays whose real length cannot be found out."""
    reaction_seconds: float = 0.5
    """How long a caller takes to do what comes after something that was heard."""
    key_seconds: float = 0.2
    """The time between two keys that a caller presses one after the other."""
    partial_seconds: float = 1.0
    """How often a ``Gather`` reports what was said so far."""
    profanities: frozenset[str] = frozenset({"damn", "hell"})
    """Words, in lower case, that ``profanityFilter`` replaces by asterisks."""
    media_milliseconds: int = 20
    """How much audio a message of a stream carries. 20 was seen in live traffic."""

    # What takes time without being heard.
    recording_seconds: float = 1.0
    """How long after its end a recording can be fetched."""
    transcript_seconds: float = 2.0
    """How long after that its transcript is ready; and that of a call, after its end."""
    connect_seconds: float = 30.0
    """How long it takes until an attempt that does not begin to ring is given up (documented)."""
    refer_seconds: float = 30.0
    """How long after the REFER its outcome must be known (documented)."""
    tone_detection: bool = False
    """Whether the account has ``tone-detected`` as a result of machine detection."""

    # The REST API.
    conflict_seconds: float = 60.0
    """How long after the end of a call the REST API answers 409; from then on 404."""
    token_seconds: float = 3600.0
    """The lifetime of an OAuth2 token."""
    retention_seconds: float = 7 * DAY
    """How long after its end a call can be read (documented)."""
    strict_updates: bool = False
    """Whether ``completed`` is refused along with fields of a redirect, as documented; the vendor's
    live tests send them and get 200."""
    applications: frozenset[str] | None = None
    """The ids of the applications that ``createCall`` may name; None: any."""

    # The limits of the account. None: there is none.
    calls_per_second: float | None = 5.0
    """Calls that leave the queue, and calls that come in, in a second."""
    sessions: int | None = 100
    """Calls at once. One more is refused."""

    # What keeps a simulation within bounds.
    most_documents_at_once: int = 100
    """Documents that a call may fetch without a verb that takes time, before it is ended as a loop."""
    longest_body: int = 65_536
    """Characters of a document that a line of the timeline holds."""
