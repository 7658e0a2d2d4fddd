"""What can be wrong with a message, and how it is said."""

from calls.errors import CallsError, one_line


class InvalidMessage(CallsError, ValueError):
    """What came over a websocket is not a message, or not one that may come there."""


def invalid(reason: str) -> InvalidMessage:
    """The error for a reason that may quote a stranger."""
    return InvalidMessage(one_line(reason))
