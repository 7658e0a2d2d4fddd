"""What a webhook is answered. Decides only; nothing here reads or sends."""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from bxml._check import check
from bxml._kinds import shown
from bxml.document import Document, Response
from bxml.errors import Problem
from bxml.rules import Where
from calls.events import Event

Header = tuple[bytes, bytes]


class Reply(Struct, frozen=True, gc=False):
    """A reply over HTTP."""

    status: int
    body: bytes = b""
    media_type: bytes = b"text/plain; charset=utf-8"
    headers: tuple[Header, ...] = ()

    def all_headers(self) -> list[Header]:
        """The headers, with those that follow from the body."""
        return [
            *((b"content-type", self.media_type) for _ in self.body[:1]),
            *((b"content-length", b"%d" % len(self.body)) for _ in range(self.status != 204)),
            (b"cache-control", b"no-store"),
            *self.headers,
        ]


class UnfitDocument(Exception):  # an error of the application's author
    """What a handler returned cannot be sent."""


NO_CONTENT = Reply(204)
UNAUTHORIZED = Reply(
    401,
    b"Credentials are needed.",
    headers=((b"www-authenticate", b'Basic realm="webhooks", charset="UTF-8"'),),
)
NOT_FOUND = Reply(404, b"Nothing answers here.")
TOO_SHORT = Reply(400, b"The body ended too early.")
TOO_SLOW = Reply(408, b"The request did not arrive in time.")
TOO_LARGE = Reply(413, b"The request is too large.")
FAILED = Reply(500, b"The application failed.")
TOO_LATE = Reply(503, b"The application did not answer in time.")


def not_allowed(methods: Iterable[str]) -> Reply:
    """The path is right and the method is not."""
    allowed = ", ".join(sorted(methods))
    return Reply(405, f"Use {allowed}.".encode(), headers=((b"allow", allowed.encode()),))


def not_an_event(reason: str) -> Reply:
    """The sender is told what is wrong with what it sent, and nothing else."""
    return Reply(400, reason.encode(errors="replace"))


def nobody_answers(event: Event) -> Reply:
    """No handler of the path takes the event. Where no document is wanted, that is as well."""
    if not event.wants_document:
        return NO_CONTENT
    return Reply(404, b"No handler answers this event here.")


MOST_SOUND, LARGEST_SOUND = 512, 8_192
"""Documents, and bytes of each, that are remembered as sound."""

Sound: TypeAlias = dict[tuple[Where, bytes], list[Problem]]
"""Documents without errors, and what else there is to say of them: most are said again and again."""


def document_reply(event: Event, answer: object, sound: Sound) -> tuple[Reply, list[Problem]]:
    """The reply that holds a handler's answer, and what is doubtful in it.

    What is found to be without errors is added to ``sound``, and not checked again.

    Raises:
        UnfitDocument: It is wrong: nothing that the platform should get.
        BxmlError: It cannot be serialized.
    """
    where = event.where
    if answer is None:
        if event.wants_document and where != "conference":
            raise UnfitDocument(f"a document must answer {event.event_type}, and None was returned")
        return NO_CONTENT, []
    if not isinstance(answer, Document):
        raise UnfitDocument(f"a handler returns a document or None (got {shown(answer)})")
    if where is None or not event.wants_document:
        words = f"the platform ignores a document in reply to {event.event_type}; it was not sent"
        return NO_CONTENT, [Problem("reply-ignored", "warning", "", words)]
    document = answer if isinstance(answer, Response) else Response(answer)
    body = bytes(document)
    reply = Reply(200, body, b"application/xml; charset=utf-8")
    known = sound.get((where, body))
    if known is not None:
        return reply, known
    problems = check(document, where=where)
    if wrong := [each for each in problems if each.level == "error"]:
        raise UnfitDocument("; ".join(f"{each}. {each.advice}" for each in wrong))
    if len(body) <= LARGEST_SOUND:
        if len(sound) >= MOST_SOUND:
            sound.clear()
        sound[where, body] = problems
    return reply, problems
