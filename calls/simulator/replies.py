"""What a reply to a webhook is."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from bxml._parse import parse
from bxml.document import Bxml, Response
from bxml.errors import ParseError
from calls.simulator.errands import Answered, Delivery, Unanswered


@lru_cache(maxsize=256)
def document_in(content: bytes) -> Response | Bxml:
    """The document that a reply is. Many replies are the same, and documents are values."""
    return parse(content)


@lru_cache(maxsize=256)
def text_of(content: bytes) -> str:
    """A reply for the timeline, without the passwords in it."""
    text = content.decode(errors="replace")
    return _PASSWORDS.sub(r"\1*****\2", text) if "assword" in text else text


_PASSWORDS = re.compile(r"""([pP]assword\s*=\s*["'])[^"']*(["'])""")


def in_lines(error: ParseError) -> str:
    """The first thing that is wrong with a document, with its line."""
    problem = error.problems[0]
    where = "" if problem.line is None else f"line {problem.line}, column {problem.column}: "
    return where + str(problem).removeprefix(f"{problem.line}:{problem.column}: ")


def why(delivery: Delivery, outcome: Answered | Unanswered) -> str:
    """Why a webhook has failed."""
    name = delivery.event.event_type
    if isinstance(outcome, Answered):
        return f"the {name} webhook was answered with {outcome.status}"
    return f"the {name} webhook was not answered: {outcome.reason}"


def barred_in_conference(document: Iterable[Any]) -> str | None:
    """The first verb of a document that may not stand in that of a conference."""
    return next((type(verb).__name__ for verb in document if not verb.in_conference), None)
