"""The voice platform on this machine: no account, no tunnel, no telephone.

    simulator = Simulator()
    simulator.phone("+15551230001", Caller().hears("press 1").presses("1"))
    with simulator.serve():
        controller = CallController(
            simulator.account_id, auth=simulator.auth, base_url=simulator.base_url
        )
        controller.create_call(to="+15551230001", …)
        simulator.advance(30)

One engine performs the documents that an application returns, on a clock that stands still until
it is turned (``VirtualClock``) or that runs (``RealClock``). Where the vendor is silent,
``Settings`` says what is assumed.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Self

import httpx

from calls.auth import Basic, OAuth2
from calls.simulator import perform as _perform  # noqa: F401  # teaches the engine its verbs
from calls.simulator.caller import Caller
from calls.simulator.clock import Clock, RealClock, VirtualClock
from calls.simulator.engine import Engine
from calls.simulator.platform import (
    BASE_PATH,
    TOKEN_PATH,
    Account,
    Incoming,
    Outgoing,
    Platform,
    request_of,
)
from calls.simulator.post import Poster
from calls.simulator.state import (
    Answered,
    Application,
    Delivery,
    Entry,
    Settings,
    Target,
    Targets,
    Unanswered,
)

if TYPE_CHECKING:
    from calls.simulator.server import Server

__all__ = [
    "Answered",
    "Application",
    "Caller",
    "Delivery",
    "Entry",
    "RealClock",
    "Settings",
    "Simulator",
    "Target",
    "Targets",
    "Unanswered",
    "VirtualClock",
]


class Simulator:
    """The platform: calls, callers, REST requests and webhooks.

    Args:
        clock: Stands still until turned, by default; ``RealClock()`` for people who listen.
        settings: What the vendor leaves open.
        seed: Ids and tokens follow from it: the same seed gives the same ids.
        post: How webhooks are delivered; over HTTP by default.
        account_id, auth, basic: What the REST API accepts.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        settings: Settings | None = None,
        seed: int = 0,
        post: Callable[[Delivery], Answered | Unanswered] | None = None,
        account_id: str = "9900000",
        auth: OAuth2 | None = None,
        basic: Basic | None = None,
    ) -> None:
        self.account_id = account_id
        self.auth = auth or OAuth2("client-id", "client-secret", "http://simulator" + TOKEN_PATH)
        self.basic = basic or Basic("user", "password")
        self.base_url = "http://simulator" + BASE_PATH
        self._clock = clock or VirtualClock()
        self._post = post or Poster()
        self._woken = threading.Condition()
        random = Random(seed)  # noqa: S311  # ids that repeat are the point
        calls_url = f"{self.base_url}/accounts/{account_id}/calls"
        self._engine = Engine(account_id, calls_url, settings or Settings(), random)
        account = Account(
            account_id,
            self.auth.client_id,
            self.auth.client_secret,
            self.basic.username,
            self.basic.password,
        )
        self._platform = Platform(self._engine, account)

    # Who is on the telephone

    def phone(self, number: str, caller: Caller) -> None:
        """Say who answers a number. Any other is answered after two seconds by a silent listener."""
        with self._woken:
            self._engine.phones[number] = caller

    def dial(self, *, from_: str, to: str, caller: Caller, application: Application) -> str:
        """Let somebody call the platform. The id of the call."""
        with self._woken:
            call = self._engine.arrive(from_, to, caller, application)
            self._woken.notify_all()
            return call.id

    # Time

    @property
    def now(self) -> float:
        """Seconds since the simulator started."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Let some seconds pass: everything due by then happens, every webhook is delivered."""
        self.run(until=self._clock.now() + seconds)

    def run(self, *, until: float = float("inf")) -> None:
        """Let time pass until a moment, or, without one, until nothing more is going to happen."""
        while True:
            if self._deliver_one():
                if not isinstance(self._clock, VirtualClock) and self._clock.now() >= until:
                    return
                continue
            with self._woken:
                self._engine.now = max(self._engine.now, self._clock.now())
                due = self._engine.due()
                if self._engine.outgoing:
                    continue
                if due is None or due > until:
                    if self._clock.now() >= until or until == float("inf"):
                        return
                    self._clock.wait_until(until, self._woken)
                elif due > self._clock.now():
                    # Woken early by a request: then something else may be due before.
                    self._clock.wait_until(due, self._woken)
                else:
                    self._engine.step()

    def _deliver_one(self) -> bool:
        """Deliver the webhook that has waited longest, if one waits."""
        with self._woken:
            if not self._engine.outgoing:
                return False
            delivery = self._engine.outgoing.pop(0)
        # Not holding the engine: the application may well use the REST API while it answers.
        outcome = self._post(delivery)
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            self._engine.delivered(delivery, outcome)
        return True

    # What happened

    @property
    def timeline(self) -> list[Entry]:
        """Everything that has happened so far, in order."""
        with self._woken:
            return list(self._engine.timeline)

    def heard(self, call_id: str) -> list[str]:
        """What the party of a call was played, in order; audio files in square brackets."""
        return [
            entry.text
            for entry in self.timeline
            if entry.call_id == call_id and entry.kind == "hears"
        ]

    # The REST API

    def handle(self, request: Incoming) -> Outgoing:
        """Answer a REST request, from any thread."""
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            reply = self._platform.handle(request)
            self._woken.notify_all()
            return reply

    def transport(self) -> "Transport":
        """The REST API as an httpx transport, sync and async, without a socket."""
        return Transport(self)

    @contextmanager
    def serve(self) -> Iterator["Server"]:
        """The REST API on a loopback port that the system picks.

        While it is served, ``base_url`` and ``auth.token_url`` lead there. Needs the ``web`` extra.
        """
        from calls.simulator.server import Server, platform_app  # noqa: PLC0415  # an extra

        before = self.base_url, self.auth, self._engine.calls_url
        with Server(platform_app(self.handle)) as server:
            self.base_url = server.url + BASE_PATH
            self.auth = OAuth2(
                self.auth.client_id, self.auth.client_secret, server.url + TOKEN_PATH
            )
            self._engine.calls_url = f"{self.base_url}/accounts/{self.account_id}/calls"
            try:
                yield server
            finally:
                self.base_url, self.auth, self._engine.calls_url = before

    def close(self) -> None:
        """Close the connections to applications."""
        if isinstance(self._post, Poster):
            self._post.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands the requests of an httpx client to a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of a blocking client."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an async client."""
        return self._answer(request, await request.aread())

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        incoming = request_of(request.method, str(request.url), request.headers, body)
        reply = self._simulator.handle(incoming)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)
