"""Events of what a caller presses and says."""

from typing import Annotated, ClassVar

from bxml.rules import Where
from bxml.types import Uncertain
from calls.events._base import LegEvent, about

SPEECH_TIMED_OUT = "Speech timeout elapsed before transcription"
"""What the ``text`` of a gather event holds when nobody spoke (the vendor's migration notes)."""


class GatherEvent(LegEvent, frozen=True, kw_only=True):
    """A `Gather` is over, also when nothing was pressed in time."""

    digits: Annotated[str, about("What was pressed; empty when the time ran out.")] | None = None
    terminating_digit: (
        Annotated[str, about("The key that ended it; empty when none did.")] | None
    ) = None
    text: (
        Annotated[
            str,
            about("What was said, with `input` speech or dtmf_speech."),
            Uncertain("known from the vendor's migration notes; not in the SDK's model"),
        ]
        | None
    ) = None


class PartialGatherEvent(LegEvent, frozen=True, kw_only=True, tag="partialgather"):
    """What was said so far, while the caller is still speaking; may come many times."""

    where: ClassVar[Where | None] = None

    text: (
        Annotated[
            str,
            about("The transcript so far."),
            Uncertain("the name of the field is taken over from the gather event"),
        ]
        | None
    ) = None


class DtmfEvent(LegEvent, frozen=True, kw_only=True):
    """One key was pressed after `StartGather`, and not during a `Gather`."""

    where: ClassVar[Where | None] = None

    digit: Annotated[str, about("The key.")]
