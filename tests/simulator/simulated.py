"""A simulated line for tests: an application that answers by path, and what was sent to it."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from bxml import Document
from calls.models import CreateCall
from calls.simulator import (
    Answered,
    Application,
    Caller,
    Delivery,
    Phone,
    PhoneCall,
    Settings,
    Simulator,
    Target,
    Targets,
    Unanswered,
)
from calls.simulator.state import Call

APP = "https://app.example.com"
THEM, US = "+15550100001", "+15550100002"
SALES, SUPPORT, BOB = "+15550100003", "+15550100004", "sip:bob@pbx.example.com"

Page = Document | int | bytes | None | Callable[[dict[str, Any]], Document]


class Line:
    """A simulator whose application has a page for each path; ``/in`` is the first."""

    def __init__(
        self, first: Page = 204, pages: dict[str, Page] | None = None, **more: Any
    ) -> None:
        self.pages: dict[str, Page] = {"/in": first, "/gone": 204, **(pages or {})}
        self.sent: list[Delivery] = []
        self.simulator = Simulator(post=self._answer, settings=Settings(**more))
        self.application = Application(Targets(Target(f"{APP}/in")), Target(f"{APP}/gone"))

    def _answer(self, delivery: Delivery) -> Answered | Unanswered:
        self.sent.append(delivery)
        path = delivery.target.url.removeprefix(APP).partition("?")[0]
        page = self.pages.get(path, 204)
        if page is None:
            return Unanswered("connection refused")
        if isinstance(page, int):
            return Answered(page, b"")
        if not isinstance(page, Document | bytes):
            page = page(json.loads(delivery.body))
        return Answered(200, page if isinstance(page, bytes) else bytes(page))

    def phone(self, number: str, caller: Caller) -> "Line":
        """Say who answers a number."""
        self.simulator.phone(number, caller)
        return self

    def dials(self, caller: Caller | None = None, *, from_: str = THEM) -> PhoneCall:
        """Somebody calls."""
        call_id = self.simulator.dial(
            from_=from_, to=US, caller=caller, application=self.application
        )
        return PhoneCall(Phone(self.simulator), call_id)

    def calls(self, **more: Any) -> PhoneCall:
        """The application calls somebody."""
        fields = {"answer_url": f"{APP}/in", "disconnect_url": f"{APP}/gone", "to": THEM, **more}
        with self.simulator.held() as engine:
            call = engine.place(CreateCall(from_=US, application_id="app", **fields))
        return PhoneCall(Phone(self.simulator), call.id)

    def run(self, caller: Caller | None = None, **more: Any) -> PhoneCall:
        """Somebody calls, and everything happens."""
        call = self.dials(caller, **more)
        self.simulator.run()
        return call

    def events(self) -> list[str]:
        """The types of what was sent, in order."""
        return [delivery.event.event_type for delivery in self.sent]

    def told(self, event: str) -> dict[str, Any]:
        """The one webhook of a type, as it was sent."""
        [found] = self.all_told(event)
        return found

    def all_told(self, event: str) -> list[dict[str, Any]]:
        """The webhooks of a type, as they were sent."""
        found = [each for each in self.sent if each.event.event_type == event]
        return [json.loads(each.body) for each in found]

    def at(self, event: str) -> float:
        """When the first webhook of a type was answered, in seconds."""
        lines = [entry for entry in self.simulator.timeline if entry.kind == "webhook"]
        return next(entry.at for entry in lines if f" {event}:" in entry.text)

    def state(self, call: PhoneCall) -> Call:
        """What the platform keeps of a call."""
        with self.simulator.held() as engine:
            return engine.calls[call.call_id]


T = TypeVar("T")


def each(*cases: tuple[dict[str, Any], T]) -> tuple[tuple[dict[str, Any], T], ...]:
    """Attributes of a verb, and what is expected with them."""
    return cases
