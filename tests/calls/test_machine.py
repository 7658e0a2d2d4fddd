"""Whatever is asked for in whatever order, over whatever line: both controllers do the same.

A machine asks both for the same things, each of its own simulator. The two simulators are equal,
and so are the faults of the lines to them. What they answer, what the platform sees and when must
be equal; nothing that was reported as done may be lost, and nothing done twice that must not be.
"""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import httpx
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from bxml import Bxml, Response
from calls import (
    AsyncCallController,
    CallController,
    CallsError,
    PushReplaced,
)
from calls.simulator import Answered, Caller, Settings, Simulator
from calls.simulator.platform import TOKEN_PATH
from calls.turns import Turn

SECONDS = 30.0
"""How long one thread waits for another, before the test fails."""
HOLD = bytes(Response().speak_sentence("Please hold.").pause(duration=600))
URL = "https://app.example.com/next"

PHONES = {
    "+15550100001": Caller().answers(after=0),
    "+15550100002": Caller().answers(after=3),
    "+15550100003": Caller().is_busy(),
    "+15550100004": Caller().never_answers(),
    "+15550100005": Caller().answers(after=1).waits(20).hangs_up(),
}


class Interrupt(BaseException):
    """What Ctrl-C raises, in effect."""


# What happens on the line


BEFORE: dict[str, type[httpx.TransportError]] = {
    "refused": httpx.ConnectError,
    "no way there": httpx.ConnectTimeout,
    "no connection free": httpx.PoolTimeout,
}
"""Faults before anything was sent."""
ON_THE_WAY: dict[str, type[httpx.TransportError]] = {
    "breaks off": httpx.WriteError,
    "lost": httpx.ReadTimeout,
    "hung up on": httpx.RemoteProtocolError,
}
"""Faults of which nobody knows whether the request has arrived; of ``lost`` it has."""
REFUSED = ("401", "429", "429 at once", "429 in 3 s")
FAILED = ("500", "502", "503", "504", "500 though done", "a page", "nonsense though done")
DONE = ("lost", "500 though done", "nonsense though done")
"""Faults after which the platform has done what it was asked for."""
FAULTS = ["fine", *BEFORE, *ON_THE_WAY, *REFUSED, *FAILED, "interrupt"]

faults = st.lists(st.sampled_from(FAULTS), max_size=6)


class Seen(NamedTuple):
    """A request, what befell it, and how the platform answered it, if it got there."""

    method: str
    path: str
    body: bytes
    fault: str
    status: int | None

    @property
    def places_a_call(self) -> bool:
        return self.method == "POST" and self.path.endswith("/calls")

    @property
    def was_done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Gate:
    """Where one request waits until all others have been asked for."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.is_open = threading.Event()

    def pass_through(self) -> None:
        self.came.set()
        assert self.is_open.wait(SECONDS)


class Line(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The way to a simulator, with faults that are told beforehand."""

    def __init__(self, simulator: Simulator) -> None:
        self._platform = simulator.transport()
        self.faults: deque[str] = deque()
        self.seen: list[Seen] = []
        self.gate: Gate | None = None
        """What the next request waits at."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.pass_through()
        return self._carry(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        gate, self.gate = self.gate, None
        if gate is not None:
            await asyncio.to_thread(gate.pass_through)
        return self._carry(request)

    def _carry(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.popleft() if self.faults else "fine"
        reply = None
        if fault == "fine" or fault in DONE:
            reply = self._platform.handle_request(request)
        status = None if reply is None else reply.status_code
        body = request.content
        self.seen.append(Seen(request.method, request.url.path, body, fault, status))
        if fault == "interrupt":
            raise Interrupt
        if error := BEFORE.get(fault) or ON_THE_WAY.get(fault):
            raise error(fault)
        if fault == "a page":
            return httpx.Response(200, html="<p>Log in</p>")
        if reply is not None and (fault == "fine" or (reply.is_error and "nonsense" in fault)):
            return reply
        if fault == "nonsense though done":
            return httpx.Response(201, json={"callId": 7, "access_token": 7})
        number, _, more = fault.partition(" ")
        after = {"at once": "0", "in 3 s": "3"}.get(more)
        headers = {"Retry-After": after} if after else {}
        return httpx.Response(int(number), json={"description": "No."}, headers=headers)


# The two sides


def what_came_of(error: CallsError | Interrupt) -> tuple[Any, ...]:
    """All that an error tells."""
    if isinstance(error, Interrupt):
        return ("interrupted",)
    state = getattr(error, "state", None)
    return type(error).__name__, str(error), error.outcome, error.attempts, state


def told(ask: Callable[[], Any]) -> tuple[Any, ...]:
    """What came of something: ``done`` and the result, or all that the error tells."""
    try:
        return "done", ask()
    except (CallsError, Interrupt) as error:
        return what_came_of(error)


def is_certain(came: tuple[Any, ...]) -> bool:
    """Whether the error says that nothing was done."""
    if came == ("interrupted",):
        return False
    _, _, outcome, attempts, _ = came
    return outcome != "unknown" and all(each.outcome != "unknown" for each in attempts)


class Side:
    """A controller with a simulator of its own, and what both of them did."""

    def __init__(self, *, basic: bool) -> None:
        settings = Settings(token_seconds=200.0)
        self.simulator = Simulator(post=lambda _: Answered(200, HOLD), settings=settings)
        for number, caller in PHONES.items():
            self.simulator.phone(number, caller)
        self.line = Line(self.simulator)
        self.joined = threading.Semaphore(0)
        simulator = self.simulator
        self.controller: Any = self._make(
            simulator.account_id,
            auth=simulator.basic if basic else simulator.auth,
            base_url=simulator.base_url,
            transport=self.line,
            now=lambda: simulator.now,
            chance=lambda: 0.25,
        )
        # Who has a place in the queue of a call is counted, so that many can come in order.
        turns = self.controller._site.turns
        join = turns.join

        def joining(key: Any, *, replacing: bool = False) -> Turn:
            turn: Turn = join(key, replacing=replacing)
            if isinstance(key, tuple):
                self.joined.release()
            return turn

        turns.join = joining

    def _make(self, account: str, **options: Any) -> Any:
        raise NotImplementedError

    def ask(self, ask: Callable[[Any], Any]) -> Any:
        """Carry out what is asked for."""
        raise NotImplementedError

    def ask_all(self, asks: list[Callable[[Any], Any]]) -> list[Any]:
        """Carry out all of it at once; each has its place before the next one comes."""
        raise NotImplementedError

    def listed(self, **fields: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class Blocking(Side):
    def _make(self, account: str, **options: Any) -> CallController:
        return CallController(account, pause=self.simulator.advance, **options)

    def ask(self, ask: Callable[[Any], Any]) -> Any:
        self.joined = threading.Semaphore(0)
        return ask(self.controller)

    def ask_all(self, asks: list[Callable[[Any], Any]]) -> list[Any]:
        gate = self.line.gate = Gate()
        with ThreadPoolExecutor(len(asks)) as pool:
            futures = []
            for ask in asks:
                futures.append(pool.submit(told, partial(ask, self.controller)))
                assert self.joined.acquire(timeout=SECONDS)
                assert gate.came.wait(SECONDS)
            gate.is_open.set()
            return [future.result(SECONDS) for future in futures]

    def listed(self, **fields: Any) -> Any:
        return list(self.controller.list_calls(**fields))

    def close(self) -> None:
        self.controller.close()


class Awaiting(Side):
    def __init__(self, *, basic: bool) -> None:
        self._runner = asyncio.Runner()
        super().__init__(basic=basic)

    def _make(self, account: str, **options: Any) -> AsyncCallController:
        async def pause(seconds: float) -> None:
            self.simulator.advance(seconds)

        return AsyncCallController(account, pause=pause, **options)

    def ask(self, ask: Callable[[Any], Any]) -> Any:
        async def asking() -> Any:
            return await ask(self.controller)

        self.joined = threading.Semaphore(0)
        return self._runner.run(asking())

    def ask_all(self, asks: list[Callable[[Any], Any]]) -> list[Any]:
        gate = self.line.gate = Gate()

        async def one(ask: Callable[[Any], Any]) -> Any:
            try:
                return "done", await ask(self.controller)
            except (CallsError, Interrupt) as error:
                return what_came_of(error)

        async def asking() -> list[Any]:
            tasks = [asyncio.create_task(one(ask)) for ask in asks]
            await asyncio.sleep(0)  # each of them runs until it waits: it has its place then
            for _ in asks:
                assert self.joined.acquire(blocking=False)
            gate.is_open.set()
            return await asyncio.gather(*tasks)

        return self._runner.run(asking())

    def listed(self, **fields: Any) -> Any:
        async def listing() -> Any:
            return [call async for call in self.controller.list_calls(**fields)]

        return self._runner.run(listing())

    def close(self) -> None:
        self._runner.run(self.controller.close())
        self._runner.close()


NOBODY_KNOWS = {*ON_THE_WAY, *FAILED, "interrupt"}
"""Faults after which a call is not placed again: a phone may ring already."""


class Machine(RuleBasedStateMachine):
    """Asks both sides for the same."""

    ids = Bundle("ids")

    @initialize(basic=st.booleans())
    def connect(self, basic: bool) -> None:
        self.sides = [Blocking(basic=basic), Awaiting(basic=basic)]
        self.simulators = [side.simulator for side in self.sides]
        self.asked = 0
        self.ended: set[str] = set()

    def teardown(self) -> None:
        for side in getattr(self, "sides", []):
            side.close()
            side.simulator.close()

    def both(self, faults: Iterable[str], ask: Callable[[Side], Any]) -> tuple[Any, list[Seen]]:
        """What came of something on both sides, and what was sent for it: the same."""
        came, sent = [], []
        for side in self.sides:
            before = len(side.line.seen)
            side.line.faults = deque(faults)
            came.append(ask(side))
            side.line.faults.clear()
            sent.append(side.line.seen[before:])
        assert came[0] == came[1]
        assert sent[0] == sent[1]
        return came[0], sent[0]

    def one(self, faults: Iterable[str], ask: Callable[[Any], Any]) -> tuple[Any, list[Seen]]:
        return self.both(faults, lambda side: told(lambda: side.ask(ask)))

    def number(self) -> str:
        """One for each change that is asked for: the order in which they are."""
        self.asked += 1
        return f"{self.asked}"

    # What can be asked for

    @rule(target=ids, to=st.sampled_from(sorted(PHONES)), faults=faults)
    def create_call(self, to: str, faults: list[str]) -> Any:
        before = set(self.calls)
        came, sent = self.one(
            faults,
            lambda control: control.create_call(
                to=to, from_="+15550109999", application_id="app", answer_url=URL
            ),
        )
        new = [call_id for call_id in self.calls if call_id not in before]
        placed = [each for each in sent if each.places_a_call]
        assert len(new) <= 1, "one order is one call"
        assert len(new) == sum(each.was_done for each in placed)
        assert not any(each.fault in NOBODY_KNOWS for each in placed[:-1]), "it may ring already"
        if came[0] == "done":
            assert [came[1].call_id] == new
        elif is_certain(came):
            assert new == []
        return multiple(*new)

    @rule(call_id=ids, faults=faults)
    def get_call_state(self, call_id: str, faults: list[str]) -> None:
        came, _ = self.one(faults, lambda control: control.get_call_state(call_id))
        if came[0] == "done":
            assert came[1].state == self.calls[call_id].state

    @rule(
        page_size=st.none() | st.integers(1, 4), limit=st.none() | st.integers(1, 6), faults=faults
    )
    def list_calls(self, page_size: int | None, limit: int | None, faults: list[str]) -> None:
        came, _ = self.both(
            faults, lambda side: told(lambda: side.listed(page_size=page_size, limit=limit))
        )
        if came[0] == "done":
            assert [call.call_id for call in came[1]] == list(self.calls)[:limit]

    @rule(
        call_id=ids,
        wait=st.sampled_from([0, 0.7, 4]),
        by=st.sampled_from(["push", "update_call_bxml", "raw"]),
        faults=faults,
    )
    def push(self, call_id: str, wait: float, by: str, faults: list[str]) -> None:
        number = self.number()
        document = Bxml().speak_sentence(number).pause(duration=600)
        asks: dict[str, Callable[[Any], Any]] = {
            "push": lambda c: c.call(call_id).push(document, wait_seconds=wait),
            "update_call_bxml": lambda c: c.update_call_bxml(call_id, document, wait_seconds=wait),
            "raw": lambda c: c.with_raw_response.update_call_bxml(
                call_id, document, wait_seconds=wait
            ),
        }
        self.changed(self.one(faults, asks[by]), call_id, number)

    @rule(call_id=ids, wait=st.sampled_from([0, 0.7, 4]), faults=faults)
    def redirect(self, call_id: str, wait: float, faults: list[str]) -> None:
        number = self.number()
        asked = self.one(
            faults, lambda c: c.call(call_id).redirect(URL, tag=number, wait_seconds=wait)
        )
        self.changed(asked, call_id, number)

    def changed(self, asked: tuple[Any, list[Seen]], call_id: str, number: str) -> None:
        """What was reported as done was done; what surely was not, was not."""
        came, sent = asked
        done = [each for each in sent if each.was_done and number_of(each) == number]
        assert all(call_id in each.path for each in done)
        if came[0] == "done":
            assert done, "it was reported as done"
        elif is_certain(came):
            assert not done, "it was reported as not done"

    @rule(call_id=ids, wait=st.sampled_from([0, 1]), faults=faults)
    def hang_up(self, call_id: str, wait: float, faults: list[str]) -> None:
        came, _ = self.one(faults, lambda c: c.call(call_id).hang_up(wait_seconds=wait))
        if came[0] == "done":
            assert self.calls[call_id].is_over

    @rule(call_id=ids, faults=faults)
    def end(self, call_id: str, faults: list[str]) -> None:
        came, sent = self.one(faults, lambda c: c.update_call(call_id, state="completed"))
        if came[0] == "done":
            assert any(each.was_done and each.method == "POST" for each in sent)
            assert self.calls[call_id].is_over

    @rule(faults=faults)
    def push_into_nowhere(self, faults: list[str]) -> None:
        number = self.number()
        asked = self.one(faults, lambda c: c.call("c-0").push(Bxml().speak_sentence(number)))
        assert asked[0][0] != "done"
        self.changed(asked, "c-0", number)

    @rule(
        call_id=ids,
        changes=st.lists(st.sampled_from(["push", "newest", "redirect"]), min_size=2, max_size=5),
        faults=faults,
    )
    def many_at_once(self, call_id: str, changes: list[str], faults: list[str]) -> None:
        """All of them have been asked for, in this order, before the first has gone out."""
        numbers = [self.number() for _ in changes]
        asks = [
            asking(call_id, change, number) for change, number in zip(changes, numbers, strict=True)
        ]
        came, sent = self.both(faults, lambda side: side.ask_all(asks))
        newest = max((at for at, change in enumerate(changes) if change == "newest"), default=0)
        for at, (each, number) in enumerate(zip(came, numbers, strict=True)):
            self.changed((each, sent), call_id, number)
            replaced = 0 < at < newest
            assert (each[0] == PushReplaced.__name__) == replaced
            if replaced:
                assert all(number_of(one) != number for one in sent), "it was not sent"

    @rule(seconds=st.sampled_from([0.5, 2, 5, 30, 70, 150]))
    def advance(self, seconds: float) -> None:
        for simulator in self.simulators:
            simulator.advance(seconds)

    # What always holds

    @property
    def calls(self) -> dict[str, Any]:
        """The calls that there are, in the order in which they were placed."""
        one, other = (simulator._engine.calls for simulator in self.simulators)
        assert list(one) == list(other)
        return one

    @invariant()
    def both_platforms_have_seen_the_same(self) -> None:
        one, other = (simulator.timeline for simulator in self.simulators)
        assert one == other
        assert self.simulators[0].now == self.simulators[1].now

    @invariant()
    def there_are_as_many_calls_as_were_placed(self) -> None:
        for side in self.sides:
            placed = sum(each.places_a_call and each.was_done for each in side.line.seen)
            assert len(self.calls) == placed

    @invariant()
    def what_reaches_a_call_comes_in_the_order_in_which_it_was_asked_for(self) -> None:
        for side in self.sides:
            numbers: dict[str, list[int]] = {}
            for each in side.line.seen:
                if each.was_done and (number := number_of(each)):
                    numbers.setdefault(each.path.split("/")[6], []).append(int(number))
            assert all(of_call == sorted(of_call) for of_call in numbers.values())

    @invariant()
    def nobody_is_left_in_a_queue(self) -> None:
        for side in self.sides:
            assert side.controller._site.turns._queues == {}


def asking(call_id: str, change: str, number: str) -> Callable[[Any], Any]:
    """What asks a controller for a change."""
    if change == "redirect":
        return lambda c: c.call(call_id).redirect(URL, tag=number)
    document = Bxml().speak_sentence(number).pause(duration=600)
    return lambda c: c.call(call_id).push(document, replace_waiting=change == "newest")


def number_of(seen: Seen) -> str | None:
    """The number of a change."""
    if seen.method == "PUT":
        return seen.body.partition(b"<SpeakSentence>")[2].partition(b"<")[0].decode()
    if seen.method == "POST" and not seen.places_a_call and seen.path != TOKEN_PATH:
        number: str | None = json.loads(seen.body).get("tag")
        return number
    return None


TestBothControllers = Machine.TestCase
TestBothControllers.settings = settings(
    # A run of the machine is as much as thirty other tests.
    max_examples=min(settings().max_examples // 2, 150),
    stateful_step_count=30,
    deadline=None,
)
