"""A call on this machine, from its beginning to its end: what ``calls demo`` shows."""

import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bxml import Bxml, Document, ParseError, parse
from calls.controller import CallController
from calls.errors import CallsError
from calls.models import LOOPBACK
from calls.simulator import Answered, Caller, Delivery, Poster, Simulator, Unanswered
from calls.simulator.server import Server
from calls.simulator.transcript import Line, transcript

CALLEE = "+15550100001"
ACME = "+15550100002"
APPLICATION = "0f0e0d0c-1111-4222-8333-444455556666"

UPDATE = (
    Bxml()
    .speak_sentence("An agent is free. I am connecting you now.", voice="julie")
    .pause(duration=60)
)
"""What is pushed into the waiting call, unless the reader has a document of their own."""

LONGEST_SECONDS = 5.0
"""Seconds of wall time after which no more webhooks are delivered."""

Show = Callable[["Line"], None]


def example(name: str) -> dict[str, Any]:
    """What a module of ``docs/examples`` defines, from the package or from the source tree."""
    here = Path(__file__).resolve().parent
    packed, source = here / "examples", here.parents[1] / "docs" / "examples"
    return runpy.run_path(str((packed if packed.is_dir() else source) / f"{name}.py"))


def run(show: Show, source: bytes | None = None, *, over_http: bool = True) -> ParseError | None:
    """Hold the call, and show every line of it as it comes.

    ``source`` takes the place of the document that is pushed. If it is not a document, nothing is
    pushed, the call goes on as it was, and the error is the result. The controller asks the platform
    over HTTP, or without a socket.
    """
    poster = Poster()
    simulator = Simulator(post=_on_this_machine(poster))
    caller = Caller().answers(after=2).hears("For sales, press 1").presses("1")
    simulator.phone(CALLEE, caller)
    try:
        with (
            simulator.serve() as platform,
            Server(example("acme")["app"]) as acme,
            CallController(
                simulator.account_id,
                auth=simulator.auth,
                base_url=simulator.base_url,
                # Straight there, whatever proxy the machine has.
                transport=httpx.HTTPTransport() if over_http else simulator.transport(),
            ) as controller,
        ):
            show(Line(None, "note", f"The platform is at {platform.url}, Acme at {acme.url}."))
            return _Demo(simulator, controller, acme.url, show).hold(source)
    finally:
        poster.close()


class _Demo:
    def __init__(
        self, simulator: Simulator, controller: CallController, acme: str, show: Show
    ) -> None:
        self.simulator = simulator
        self.controller = controller
        self.acme = acme
        self.show = show
        self.shown = 0

    def hold(self, source: bytes | None) -> ParseError | None:
        self._say("create_call: Acme calls a customer, who listens and presses 1.")
        call_id = self.controller.create_call(
            to=CALLEE,
            from_=ACME,
            application_id=APPLICATION,
            answer_url=f"{self.acme}/answer",
            disconnect_url=f"{self.acme}/disconnect",
            callback_timeout=1,
        ).call_id
        self._pass(30)
        self._say("update_call_bxml: in the middle of the long pause, its document is replaced.")
        wrong = self._push(call_id, source)
        self._pass(20 if source is None or wrong else 60, call_id)
        if self._is_live(call_id):
            self._say("update_call: the call is sent to another URL.")
            self._try(lambda: self.controller.call(call_id).redirect(f"{self.acme}/agent"))
            self._pass(8)
        if self._is_live(call_id):
            self._say("update_call: the call is ended.")
            self._try(self.controller.call(call_id).hang_up)
            self._pass(1)
        return wrong

    def _push(self, call_id: str, source: bytes | None) -> ParseError | None:
        document: Document = UPDATE
        if source is not None:
            try:
                document = parse(source)
            except ParseError as error:
                self._say("It is not a BXML document. Nothing was sent; the call is as it was.")
                return error
        self._try(lambda: self.controller.call(call_id).push(document))
        return None

    def _is_live(self, call_id: str) -> bool:
        state = self.controller.call(call_id).state()
        self._flush()
        if state.is_over:
            self._say(f"The call is over: {state.disconnect_cause}.")
        return not state.is_over

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except CallsError as error:
            self._say(f"{type(error).__name__}: {error}")

    def _pass(self, seconds: float, call_id: str | None = None) -> None:
        """Turn the clock, not further than the end of the call where that is all there is left."""
        end = self.simulator.now + seconds
        while self.simulator.now < end:
            self.simulator.advance(min(1.0, end - self.simulator.now))
            self._flush()
            last = self.simulator.timeline[-1]
            if call_id and last.call_id == call_id and last.text.startswith("ends: "):
                break

    def _say(self, words: str) -> None:
        self._flush()
        self.show(Line(None, "note", words))

    def _flush(self) -> None:
        entries = self.simulator.timeline
        for line in transcript(entries[self.shown :]):
            self.show(line)
        self.shown = len(entries)


def _on_this_machine(
    poster: Poster,
) -> Callable[[Delivery], Answered | Unanswered]:
    """Deliver webhooks to this machine only: the reader's document may name any URL there is."""
    deadline = time.monotonic() + LONGEST_SECONDS

    def post(delivery: Delivery) -> Answered | Unanswered:
        if urlsplit(delivery.target.url).hostname not in LOOPBACK:
            return Unanswered("the demo contacts this machine only")
        if time.monotonic() > deadline:
            return Unanswered("the demo has no more time")
        return poster(delivery)

    return post
