"""The simulator: the engine, a clock, and everything outside that the engine sends its errands to."""

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import httpx
import msgspec

import calls.simulator.verbs  # noqa: F401  # teaches the engine its verbs
from calls._wire import wire
from calls.auth import Basic, OAuth2
from calls.simulator.caller import Caller
from calls.simulator.chaos import Chaos, Fault, Mischief, WebhookFault, spoilt
from calls.simulator.clock import Clock, VirtualClock
from calls.simulator.engine import Engine
from calls.simulator.errands import (
    Answered,
    Application,
    Closing,
    Delivery,
    Errand,
    Measuring,
    Opening,
    Sending,
    Unanswered,
)
from calls.simulator.loop import Loop, RunningLoop
from calls.simulator.outside import Outside, Post, now
from calls.simulator.platform import (
    BASE_PATH,
    TOKEN_PATH,
    Account,
    Incoming,
    Outgoing,
    Platform,
    request_of,
)
from calls.simulator.settings import Settings
from calls.simulator.sound import media
from calls.simulator.state import Entry, Recording
from calls.simulator.transcript import text_of

if TYPE_CHECKING:
    from calls.simulator.server import Server

_NOTHING = Answered(200, b"")

DELIVERIES_AT_ONCE = 32
"""Webhooks that are on their way at once, on a clock that runs."""


class Observer(Protocol):
    """Somebody who is told what goes on, and changes nothing."""

    def delivered(self, engine: Engine, delivery: Delivery, outcome: Answered | Unanswered) -> None:
        """A webhook was answered, or was not."""
        ...

    def closes(self, engine: Engine) -> None:
        """A simulator is closed: nothing more happens on its calls."""
        ...


class Simulator:
    """The platform: calls, callers, REST requests and webhooks.

    Args:
        app: The voice application: an ASGI or WSGI application of this process, or the URL to which
            the webhook of an inbound call goes. Without one, webhooks go where documents and
            requests say, over HTTP.
        at: Where an application of this process is taken to be: the scheme and host of its URLs.
            A ``VoiceApp`` with a ``public_url`` is there.
        clock: Stands still until turned, by default; ``RealClock()`` for people who listen.
        settings: What the vendor leaves open, and the limits of the account.
        seed: Ids and tokens follow from it: the same seed gives the same ids.
        chaos: What goes wrong, by a seed of its own.
        post: How webhooks are delivered to where no ``app`` is; over HTTP by default.
        isolated: Whether, once an application was named, nothing else is reached over HTTP, so
            that a test calls nobody by mistake.
        account_id, auth, basic: What the REST API accepts.
    """

    def __init__(
        self,
        app: Any = None,
        *,
        at: str | None = None,
        clock: Clock | None = None,
        settings: Settings | None = None,
        seed: int = 0,
        chaos: Chaos | None = None,
        post: Post | None = None,
        isolated: bool = True,
        account_id: str = "9900000",
        auth: OAuth2 | None = None,
        basic: Basic | None = None,
    ) -> None:
        self.account_id = account_id
        self.auth = auth or OAuth2("client-id", "client-secret", "http://simulator" + TOKEN_PATH)
        self.basic = basic or Basic("user", "password")
        self.base_url = "http://simulator" + BASE_PATH
        self._clock = clock or VirtualClock()
        self._is_virtual = isinstance(self._clock, VirtualClock)
        self._woken = threading.Condition()
        self._pool = None if self._is_virtual else ThreadPoolExecutor(DELIVERIES_AT_ONCE)
        loop = Loop if self._is_virtual else RunningLoop
        self._outside = Outside(post, loop=loop, isolated=isolated)
        random = Random(seed)  # noqa: S311  # ids that repeat are the point
        calls_url = f"{self.base_url}/accounts/{account_id}/calls"
        self._engine = Engine(account_id, calls_url, settings or Settings(), random)
        self._mischief = Mischief(chaos)
        if chaos:
            self._engine.mischief = self._mischief.at_sound
        self._refuses: tuple[str, float] = ("", 0.0)
        account = Account(
            account_id,
            self.auth.client_id,
            self.auth.client_secret,
            self.basic.username,
            self.basic.password,
        )
        self._platform = Platform(self._engine, account)
        self._application: Application | None = None
        if app is not None:
            self._application = self.add(app, at=at)

    observers: ClassVar[list["Observer"]] = []
    """Who is told of the webhooks of all simulators, such as those who measure what tests do."""

    @contextmanager
    def held(self) -> Iterator[Engine]:
        """The engine itself, which no other thread touches meanwhile: for what is built on it."""
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            yield self._engine
            self._woken.notify_all()

    # Applications

    def add(
        self,
        app: Any,
        *,
        at: str | None = None,
        initiate: str | None = None,
        disconnect: str | None = None,
    ) -> Application:
        """Let an application take part: an ASGI or WSGI one, or a URL.

        Args:
            app: The application, or the URL to which ``initiate`` goes.
            at: Where an application of this process is taken to be.
            initiate: The path that gets ``initiate``. That of a ``VoiceApp`` is found by its
                handlers; of any other it is ``/``.
            disconnect: The path that gets ``disconnect``. Found likewise; none for any other.

        Raises:
            ValueError: A ``VoiceApp`` whose handlers take no ``initiate``, and no path is given; a
                text that is no URL.
            TypeError: What is no application.
        """
        self._engine.measures = True
        return self._outside.application(app, at=at, initiate=initiate, disconnect=disconnect)

    # Who is on the telephone

    def phone(self, number: str, caller: Caller) -> None:
        """Say who answers a number. Any other is answered after two seconds by a silent listener."""
        with self._woken:
            self._engine.phones[number] = caller

    def dial(
        self,
        *,
        from_: str,
        to: str,
        caller: Caller | None = None,
        application: Application | None = None,
    ) -> str:
        """Let somebody call the platform. The id of the call.

        Raises:
            ValueError: There is no application that the call could go to.
        """
        application = application or self._application
        if application is None:
            raise ValueError("no application takes the call: Simulator(app) or application=…")
        with self._woken:
            call = self._engine.arrive(from_, to, caller or Caller(), application)
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
        self._drive(until, None)

    def run_until(self, done: Callable[[], bool], *, within: float) -> bool:
        """Let time pass until ``done()``, for at most some seconds. Whether it was."""
        self._drive(self._clock.now() + within, done)
        return done()

    def _drive(self, until: float, done: Callable[[], bool] | None) -> None:
        """Let happen what is to happen by then, until ``done()``."""
        while not (self._engine.outgoing or self._outside.has_sockets):
            if (done is not None and done()) or not self._turn(until, one=done is not None):
                return
        if self._is_virtual:  # an application of this process is called from within
            self._outside.run(self._steps(until, done))
        else:
            now(self._steps(until, done))

    async def _steps(self, until: float, done: Callable[[], bool] | None) -> None:
        engine, outside = self._engine, self._outside
        while done is None or not done():
            if outside.has_sockets:
                self._listen()
            if engine.outgoing:
                await self._run_errand()
                if not self._is_virtual and self._clock.now() >= until:
                    return
            elif not self._turn(until, one=done is not None):
                return

    def _turn(self, until: float, *, one: bool) -> bool:
        """Let what is due by then happen, until there is an errand; one thing only, if that is asked.

        False when nothing was due, and time is up.
        """
        engine, clock = self._engine, self._clock
        with self._woken:
            at_first = clock.now()
            engine.now = max(engine.now, at_first)
            due = engine.due()
            at = until if due is None else min(due, until)
            if at == float("inf"):
                if self._pool is None or not engine.under_way:
                    return False
                self._woken.wait()  # webhooks are on their way: their replies may bring more
                return True
            if at > at_first:
                clock.wait_until(at, self._woken)
            reached = min(clock.now(), until)
            if due is None or due > reached:
                return clock.now() < until
            while engine.step(reached) and not one and not engine.outgoing:
                pass
            return True

    # Errands

    async def _run_errand(self) -> None:
        """Run the errand that has waited longest."""
        with self._woken:
            if not self._engine.outgoing:
                return
            errand = self._engine.outgoing.popleft()
        if isinstance(errand, Delivery):
            if self._pool is None:
                await self._deliver(errand)
            else:
                self._pool.submit(lambda: self._outside.run(self._deliver(errand)))
        elif self._pool is None:
            await self._carry(errand)
        else:
            self._outside.run(self._carry(errand))

    async def _carry(self, errand: Errand) -> None:
        match errand:
            case Sending(socket_id, text):
                await self._outside.say(socket_id, text)
                self._listen()
            case Opening(socket_id):
                trouble = await self._outside.open(errand, 5.0)
                self._tell(partial(self._engine.opened, socket_id, trouble))
                self._listen()
            case Closing(socket_id):
                await self._outside.hang_up(socket_id)
            case Measuring():
                found = await self._outside.listen_to(errand)
                self._tell(partial(self._engine.measured, errand, found))
            case _:
                pass  # a webhook: see above

    def _tell(self, tell: Callable[[], None]) -> None:
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            tell()
            if not self._is_virtual:
                self._woken.notify_all()

    def _listen(self) -> None:
        """Take what applications have sent over their websockets."""
        for socket_id, texts, is_closed, trouble in self._outside.heard():
            for text in texts:
                self._tell(partial(self._engine.received, socket_id, text))
            if is_closed:
                self._tell(partial(self._engine.closed, socket_id, trouble))

    async def _deliver(self, delivery: Delivery) -> None:
        # Not holding the engine: the application may well use the REST API while it answers.
        fault = self._mischief.at_webhook(delivery)
        if fault is not None:
            await self._deliver_badly(delivery, fault)
            return
        outcome = await self._outside.deliver(delivery)
        late = self._is_virtual and isinstance(outcome, Unanswered) and outcome.timed_out
        after = delivery.timeout if late else 0.0
        self._is_delivered(delivery, outcome, after)

    def _is_delivered(
        self, delivery: Delivery, outcome: Answered | Unanswered, after: float = 0.0
    ) -> None:
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            for observer in self.observers:
                observer.delivered(self._engine, delivery, outcome)
            self._engine.delivered(delivery, outcome, after=after)
            if not self._is_virtual:
                self._woken.notify_all()

    async def _deliver_badly(self, delivery: Delivery, fault: WebhookFault) -> None:
        engine, name = self._engine, delivery.event.event_type
        owner = engine.calls.get(delivery.call_id) or engine.conferences.get(delivery.call_id)
        self._tell(partial(engine.note, owner, "fault", f"{name}: {fault}"))
        match fault:
            case "late" | "reordered":
                self._mischief.spare(delivery)
                behind = fault == "reordered" and any(
                    isinstance(each, Delivery) for each in engine.outgoing
                )
                after = 0.0 if behind else self._mischief.seconds(delivery.timeout)
                self._tell(partial(engine.plan_anyway, None, after, _sends_again, delivery))
            case "repeated":
                await self._outside.deliver(delivery)
                self._mischief.spare(delivery)
                await self._deliver(delivery)
            case "refused" | "500":
                self._is_delivered(delivery, spoilt(fault, _NOTHING))
            case _:
                outcome = spoilt(fault, await self._outside.deliver(delivery))
                after = delivery.timeout if getattr(outcome, "timed_out", False) else 0.0
                self._is_delivered(delivery, outcome, after)

    # What goes wrong

    def inject(self, fault: Fault) -> None:
        """Let something go wrong at the next webhook or request that it fits."""
        with self._woken:
            self._mischief.inject(fault)

    def restart(self) -> None:
        """Restart the platform: all calls end with ``error``, and all tokens are void."""
        with self._woken:
            self._engine.note(None, "fault", "the platform is restarted")
            self._engine.restart()
            self._platform.expire_tokens()
            self._woken.notify_all()

    # What happened

    @property
    def timeline(self) -> list[Entry]:
        """Everything that has happened so far, in order."""
        with self._woken:
            return list(self._engine.timeline)

    def timeline_json(self) -> bytes:
        """The timeline as JSON lines: the same bytes for the same seed."""
        encode = msgspec.json.encode
        return b"".join(encode(entry) + b"\n" for entry in self.timeline)

    def transcript(self, call_id: str | None = None) -> str:
        """The timeline as text, of all calls or of one."""
        return text_of(
            entry for entry in self.timeline if call_id is None or entry.call_id == call_id
        )

    def heard(self, call_id: str) -> list[str]:
        """What the party of a call was played, in order; audio files in square brackets."""
        with self._woken:
            call = self._engine.calls.get(call_id)
            return [sound.words for sound in call.sounds] if call else []

    def recordings(self, call_id: str | None = None) -> list[Recording]:
        """The recordings, of all calls or of one."""
        with self._woken:
            found = list(self._engine.recordings.values())
        return [each for each in found if call_id is None or each.call_id == call_id]

    def recorded(self, recording: Recording) -> bytes:
        """The file of a recording."""
        return media(recording)[0]

    # The REST API

    def handle(self, request: Incoming) -> Outgoing:
        """Answer a REST request, from any thread."""
        with self._woken:
            self._engine.now = max(self._engine.now, self._clock.now())
            fault = self._mischief.at_request(request.path)
            if fault is not None:
                self._request_goes_wrong(fault)
            kind, until = self._refuses
            if kind and self._engine.now < until:
                self._engine.note(None, "request", f"{request.method} {request.path}: {kind}")
                return _refused(kind, until - self._engine.now)
            reply = self._platform.handle(request)
            self._woken.notify_all()
            return reply

    def _request_goes_wrong(self, fault: str) -> None:
        chaos = self._mischief.chaos
        seconds = self._mischief.seconds(chaos.storm_seconds if chaos else 2.0)
        if fault == "restart":
            self.restart()
        elif fault == "token expired":
            self._engine.note(None, "fault", "all tokens are void")
            self._platform.expire_tokens()
            return
        else:
            self._engine.note(None, "fault", f"the REST API answers {fault} for {seconds:g} s")
        self._refuses = ("429" if fault == "429" else "503", self._engine.now + seconds)

    def transport(self) -> "Transport":
        """The REST API as an httpx transport, sync and async, without a socket."""
        return Transport(self)

    @contextmanager
    def serve(self, *, port: int = 0) -> Iterator["Server"]:
        """The REST API on a loopback port; one that the system picks, if it is 0.

        While it is served, ``base_url`` and ``auth.token_url`` lead there. Needs the ``web`` extra.
        """
        from calls.simulator.server import Server, platform_app  # noqa: PLC0415  # an extra

        before = self.base_url, self.auth, self._engine.calls_url
        with Server(platform_app(self.handle), port=port) as server:
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
        """Close the connections to applications, and shut those of this process down."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        with self._woken:
            for observer in self.observers:
                observer.closes(self._engine)
        self._outside.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_REFUSALS = {
    "429": ("error", "Account call creation rate limit exceeded"),
    "503": ("system-overloaded", "Handling too many requests"),
}


def _refused(status: str, seconds: float) -> Outgoing:
    kind, words = _REFUSALS[status]
    headers = {"content-type": "application/json;charset=UTF-8"}
    if status == "429":
        headers["retry-after"] = str(math.ceil(seconds))
    return Outgoing(int(status), wire({"type": kind, "description": words, "id": ""}), headers)


def _sends_again(engine: Engine, _: Any, delivery: Delivery) -> None:
    engine.outgoing.append(delivery)


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
