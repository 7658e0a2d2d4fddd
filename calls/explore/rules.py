"""The rules that a call flow is held to."""

from collections.abc import Mapping

from msgspec import Struct

from calls.explore.graph import Level


class Rule(Struct, frozen=True):
    """One thing that is asked of a call flow.

    Attributes:
        id: Its name in reports.
        level: How bad it is if it is broken.
        summary: What is asked.
        advice: What to do.
    """

    id: str
    level: Level
    summary: str
    advice: str


ERROR = Rule(
    "error",
    "error",
    "Every webhook is answered, and with a status of success.",
    "Mend the handler or the script; with on_failure the call goes on all the same.",
)
INVALID_REPLY = Rule(
    "invalid-reply",
    "error",
    "Every reply is valid BXML that is not too large.",
    "Build documents with the verbs of bxml, which cannot be built wrong.",
)
DEAD_END = Rule(
    "dead-end",
    "error",
    "From every document a call comes to an end or to somebody, by other means than the caller's hanging up.",
    "Let a key, or silence after some tries, lead out.",
)
NO_PERSON_OR_GOODBYE = Rule(
    "no-person-or-goodbye",
    "error",
    "Every menu leads to somebody who takes the call, or to an end at which something is said.",
    "Transfer, or take a message; or say goodbye before the call ends.",
)
SILENT_END = Rule(
    "silent-end",
    "warning",
    "No call ends without a word after the caller has done something, or nothing.",
    "Say something before the call ends.",
)
KEY_GOES_NOWHERE = Rule(
    "key-goes-nowhere",
    "warning",
    "A key that is offered leads somewhere.",
    "Let it lead to something else than the same document or a silent end; or do not offer it.",
)
UNHANDLED_KEY = Rule(
    "unhandled-key",
    "warning",
    "A key that is offered does something else than keys that are not.",
    "Handle it, or do not offer it.",
)
NEVER_REACHED = Rule(
    "never-reached",
    "warning",
    "Every verb of a document is performed in some call.",
    "Take it out, or move it before the verb that goes on elsewhere.",
)
DOUBTFUL = Rule(
    "doubtful",
    "warning",
    "Nothing in a document is without effect, or a risk: bxml.check finds nothing.",
    "See the rule that is named.",
)
NO_FALLBACK = Rule(
    "no-fallback",
    "note",
    "Every verb that fetches a document says where to turn if that fails.",
    "Give the verb its fallback URL, on another machine.",
)

RULES: Mapping[str, Rule] = {
    rule.id: rule
    for rule in (
        ERROR,
        INVALID_REPLY,
        DEAD_END,
        NO_PERSON_OR_GOODBYE,
        SILENT_END,
        KEY_GOES_NOWHERE,
        UNHANDLED_KEY,
        NEVER_REACHED,
        DOUBTFUL,
        NO_FALLBACK,
    )
}
"""All of them, by their ids."""
