"""What can be wrong with a message, and how it is said."""

from typing import NoReturn

from bxml.errors import Problem
from calls.errors import LONGEST_WORDS, CallsError, InvalidRequest


class InvalidMessage(CallsError, ValueError):
    """What came over a websocket is not a message, or not one that may come there."""


def invalid(reason: str) -> InvalidMessage:
    """The error for a reason that may quote a stranger: one line of bounded length."""
    line = "".join(character if character.isprintable() else " " for character in reason)
    return InvalidMessage(line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}…")


def refuse(name: str, words: str) -> NoReturn:
    """Raise for an argument, before anything is sent."""
    raise InvalidRequest([Problem("argument", "error", "", f"{name} {words}", attribute=name)])
