"""Refusals by evidence: what 404 and 409 mean is what the state of the call says."""

import asyncio
import copy
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from bxml import Bxml, Response
from calls import (
    AsyncCallController,
    Basic,
    CallConflict,
    CallController,
    CallEnded,
    CallNotFound,
    CallNotYetAnswered,
    CallsError,
    ConnectionFailed,
    InvalidRequest,
    PushReplaced,
    Retry,
    StatusError,
    UnexpectedReply,
)
from calls.simulator import Answered, Caller, Simulator

HELLO = Bxml().speak_sentence("Hello.")
URL = "https://app.example.com/next"


class Clock:
    """Time that passes only when somebody waits. What was waited is kept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self.now += seconds

    async def apause(self, seconds: float) -> None:
        self.pause(seconds)


class Blocking:
    """The blocking controller, and how a test calls it."""

    def __init__(self, transport: Any, clock: Any, account: str = "1", **options: Any) -> None:
        options = {"auth": Basic("u", "p"), "now": clock, "pause": clock.pause, **options}
        self._controller = CallController(
            account, transport=transport, chance=lambda: 0.0, **options
        )

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._controller, name)(*args, **kwargs)

    def live(self, call_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._controller.call(call_id), name)(*args, **kwargs)

    def close(self) -> None:
        self._controller.close()


class Async:
    """The async controller on a loop of its own, called in the same words."""

    def __init__(self, transport: Any, clock: Any, account: str = "1", **options: Any) -> None:
        options = {"auth": Basic("u", "p"), "now": clock, "pause": clock.apause, **options}
        self._controller = AsyncCallController(
            account, transport=transport, chance=lambda: 0.0, **options
        )
        self._runner = asyncio.Runner()

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self._runner.run(getattr(self._controller, name)(*args, **kwargs))

    def live(self, call_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        live = self._controller.call(call_id)
        return self._runner.run(getattr(live, name)(*args, **kwargs))

    def close(self) -> None:
        self._runner.run(self._controller.close())
        self._runner.close()


Connect = Callable[..., Blocking | Async]


@pytest.fixture(params=[Blocking, Async])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes a controller of either kind; all of them are closed in the end."""
    made: list[Blocking | Async] = []

    def make(transport: Any, clock: Any = None, **options: Any) -> Blocking | Async:
        if not isinstance(transport, httpx.BaseTransport):
            transport = httpx.MockTransport(transport)
        made.append(request.param(transport, clock or Clock(), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def refusal(status: int) -> httpx.Response:
    words = {"type": "validation", "description": "No.", "id": ""}
    return httpx.Response(status, json=words)


def state(named: str | None, **more: Any) -> httpx.Response:
    return httpx.Response(200, json={"callId": "c-1", "state": named, **more})


class Platform:
    """Answers changes and looks from two lists; the last answer of each is repeated."""

    def __init__(self, changes: list[Any], looks: list[Any]) -> None:
        self._changes = changes
        self._looks = looks
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self._looks if request.method == "GET" else self._changes
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A response is read once; the last one is given again and again.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def methods(self) -> str:
        """The first letters of the methods, in order: P for a change, G for a look."""
        return "".join(request.method[0] for request in self.requests)


CHANGES: dict[str, Callable[[Blocking | Async], Any]] = {
    "push": lambda control: control.live("c-1", "push", HELLO),
    "update_call_bxml": lambda control: control("update_call_bxml", "c-1", HELLO),
    "redirect": lambda control: control.live("c-1", "redirect", URL),
    "update_call": lambda control: control("update_call", "c-1", redirect_url=URL),
}
changes = pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
statuses = pytest.mark.parametrize("status", [404, 409])


@changes
@statuses
@pytest.mark.parametrize("named", ["queued", "initiated", "answered", "disconnected", "parked"])
def test_what_a_refusal_means_is_what_the_state_of_the_call_says(
    connect: Connect, change: Callable[[Any], Any], status: int, named: str
) -> None:
    platform = Platform([refusal(status)], [state(named, disconnectCause="hangup")])
    with pytest.raises(StatusError) as caught:
        change(connect(platform))
    error = caught.value
    plain = {404: CallNotFound, 409: CallConflict}[status]
    known = {
        "queued": CallNotYetAnswered,
        "initiated": CallNotYetAnswered,
        "disconnected": CallEnded,
    }
    assert type(error) is known.get(named, plain)
    assert (error.status, error.type, error.description) == (status, "validation", "No.")
    assert error.outcome == "refused"
    assert [each.status for each in error.attempts] == [status]
    assert error.state
    assert (error.state.call_id, error.state.state) == ("c-1", named)
    words: dict[type, str] = {
        CallEnded: "; the call has ended (hangup)",
        CallNotYetAnswered: f"; the call is {named}, not answered yet",
    }
    first = platform.requests[0]
    told = f"{first.method} {first.url.path}: {status} No."
    assert str(error) == told + words.get(type(error), "")
    assert platform.methods == "PG"
    assert error.__context__ is None


@changes
@statuses
@pytest.mark.parametrize(
    "look",
    [
        refusal(404),
        refusal(401),
        refusal(429),
        refusal(503),
        httpx.Response(200, html="<p>Log in"),
        httpx.Response(200, json={"state": 7}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["404", "401", "429", "503", "html", "nonsense", "unreachable", "slow"],
)
def test_a_refusal_stays_as_it_is_where_the_state_cannot_be_had(
    connect: Connect, change: Callable[[Any], Any], status: int, look: Any
) -> None:
    """And the look is taken once: it is no reason to keep anybody waiting."""
    platform = Platform([refusal(status)], [look])
    clock = Clock()
    with pytest.raises(StatusError) as caught:
        change(connect(platform, clock))
    assert type(caught.value) is {404: CallNotFound, 409: CallConflict}[status]
    assert caught.value.state is None
    assert platform.methods == "PG"
    assert clock.pauses == []


@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 415, 418])
def test_other_refusals_are_final_and_cause_no_look(connect: Connect, status: int) -> None:
    platform = Platform([refusal(status)], [state("answered")])
    for change in CHANGES.values():
        with pytest.raises(StatusError) as caught:
            change(connect(platform))
        assert caught.value.status == status
    assert platform.methods == "PPPP"


def test_the_classes_say_what_may_be_caught_as_what() -> None:
    assert issubclass(CallEnded, CallNotFound)
    assert issubclass(CallEnded, CallConflict)
    assert issubclass(CallNotYetAnswered, CallConflict)
    assert not issubclass(CallNotYetAnswered, CallNotFound)
    assert not issubclass(CallNotFound, CallConflict)
    assert all(
        issubclass(cls, StatusError)
        for cls in (CallEnded, CallNotYetAnswered, CallNotFound, CallConflict)
    )
    assert not issubclass(PushReplaced, StatusError)


def test_an_ended_call_without_a_cause_says_so(connect: Connect) -> None:
    platform = Platform([refusal(409)], [state("disconnected", disconnectCause=None)])
    with pytest.raises(CallEnded, match=r"the call has ended \(no cause given\)"):
        CHANGES["push"](connect(platform))


def test_the_cause_of_an_end_is_one_line_whatever_the_platform_writes(connect: Connect) -> None:
    platform = Platform([refusal(409)], [state("disconnected", disconnectCause="a\nb\x1b[31m")])
    with pytest.raises(CallEnded) as caught:
        CHANGES["push"](connect(platform))
    assert str(caught.value).isprintable()


# Waiting for a call that is not ready

WAITS: dict[str, Callable[..., Any]] = {
    "push": lambda control, seconds: control.live("c-1", "push", HELLO, wait_seconds=seconds),
    "redirect": lambda control, seconds: control.live("c-1", "redirect", URL, wait_seconds=seconds),
    "update_call_bxml": lambda control, seconds: control(
        "update_call_bxml", "c-1", HELLO, wait_seconds=seconds
    ),
}
waits = pytest.mark.parametrize("wait", WAITS.values(), ids=list(WAITS))


class SimulatedClock(Clock):
    """The simulator's clock: whoever waits lets its calls go on."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self._simulator = simulator

    def __call__(self) -> float:
        return self._simulator.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 6))
        self._simulator.advance(seconds)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    hold = Response().speak_sentence("Please hold.").pause(duration=600)
    with Simulator(post=lambda _: Answered(200, bytes(hold))) as platform:
        yield platform


Ring = Callable[[Caller], tuple[Any, str, SimulatedClock]]


@pytest.fixture
def ring(connect: Connect, simulator: Simulator) -> Ring:
    """Places a call to somebody: the controller, the call, and the clock of both."""

    def place(caller: Caller) -> tuple[Any, str, SimulatedClock]:
        clock = SimulatedClock(simulator)
        simulator.phone("+15550100001", caller)
        control = connect(
            simulator.transport(),
            clock,
            account=simulator.account_id,
            auth=simulator.auth,
            base_url=simulator.base_url,
        )
        created = control(
            "create_call",
            to="+15550100001",
            from_="+15550100002",
            application_id="app",
            answer_url="https://app.example.com/answer",
        )
        return control, created.call_id, clock

    return place


@pytest.mark.parametrize("rings_for", [0.25, 1.0, 7.9])
def test_a_push_waits_until_the_call_is_answered(
    ring: Ring, simulator: Simulator, rings_for: float
) -> None:
    control, call_id, clock = ring(Caller().answers(after=rings_for))
    control.live(call_id, "push", HELLO, wait_seconds=8)
    assert rings_for <= clock() <= rings_for + 0.5
    assert set(clock.pauses) == {0.5}
    simulator.advance(1)
    assert simulator.heard(call_id)[-1] == "Hello."


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.7])
def test_a_push_gives_up_when_its_wait_is_over(ring: Ring, seconds: float) -> None:
    """And says how far the call has come; not a moment later."""
    control, call_id, clock = ring(Caller().answers(after=20))
    with pytest.raises(CallNotYetAnswered) as caught:
        control.live(call_id, "push", HELLO, wait_seconds=seconds)
    assert caught.value.state.state == "initiated"
    assert clock() == pytest.approx(seconds)
    assert max(clock.pauses) <= 0.5
    control.live(call_id, "push", HELLO, wait_seconds=30)  # it lives, and may be tried again


def test_a_push_does_not_wait_for_a_call_that_ended_in_the_meantime(ring: Ring) -> None:
    control, call_id, clock = ring(Caller().is_busy())
    with pytest.raises(CallEnded, match=r"the call has ended \(busy\)") as caught:
        control.live(call_id, "push", HELLO, wait_seconds=60)
    assert caught.value.state.disconnect_cause == "busy"
    assert clock.pauses == [0.5]
    with pytest.raises(CallEnded):
        control.live(call_id, "redirect", URL, wait_seconds=60)
    assert clock.pauses == [0.5]


@waits
@statuses
def test_a_change_is_tried_until_it_is_accepted_or_its_wait_is_over(
    connect: Connect, wait: Callable[..., Any], status: int
) -> None:
    """A call that is too new to be seen (404) is waited for as one that rings (409)."""
    for looks in ([refusal(404)], [state("queued"), state("initiated")], [state("answered")]):
        platform = Platform([*[refusal(status)] * 3, httpx.Response(200)], [*looks])
        clock = Clock()
        wait(connect(platform, clock), 60)
        assert platform.methods == "PGPGPGP"
        assert clock.pauses == [0.5, 0.5, 0.5]
        platform = Platform([refusal(status)], [*looks])
        clock = Clock()
        with pytest.raises(StatusError) as caught:
            wait(connect(platform, clock), 1.2)
        assert caught.value.status == status
        assert clock.pauses == [0.5, 0.5, 0.2]
        assert platform.methods == "PG" * 4


@waits
def test_without_a_wait_nothing_is_waited_for(connect: Connect, wait: Callable[..., Any]) -> None:
    clock = Clock()
    with pytest.raises(CallNotYetAnswered):
        wait(connect(Platform([refusal(409)], [state("queued")]), clock), 0)
    assert clock.pauses == []


@waits
@pytest.mark.parametrize("status", [400, 403, 415])
def test_only_a_call_that_is_not_ready_is_waited_for(
    connect: Connect, wait: Callable[..., Any], status: int
) -> None:
    clock = Clock()
    with pytest.raises(StatusError) as caught:
        wait(connect(Platform([refusal(status)], [state("queued")]), clock), 60)
    assert caught.value.status == status
    assert clock.pauses == []


@waits
@pytest.mark.parametrize("seconds", [-1.0, -0.001, float("inf"), float("nan")])
def test_a_wait_is_a_number_of_seconds(
    connect: Connect, wait: Callable[..., Any], seconds: float
) -> None:
    platform = Platform([httpx.Response(200)], [state("answered")])
    with pytest.raises(InvalidRequest, match="wait_seconds must be a number of seconds"):
        wait(connect(platform), seconds)
    assert platform.requests == []


@waits
def test_time_never_passes_backwards_however_the_clock_runs(
    connect: Connect, wait: Callable[..., Any]
) -> None:
    """``time.sleep`` raises ``ValueError`` for less than nothing."""

    class Runs(Clock):
        def __call__(self) -> float:
            self.now += 0.1
            return self.now

    for tenths in range(30):
        clock = Runs()
        with pytest.raises(CallNotYetAnswered):
            wait(connect(Platform([refusal(409)], [state("queued")]), clock), tenths / 10 + 0.05)
        assert all(pause >= 0 for pause in clock.pauses)


@waits
def test_an_error_tells_of_every_request_of_a_wait(
    connect: Connect, wait: Callable[..., Any]
) -> None:
    told: list[Any] = []
    platform = Platform([refusal(503), refusal(409)], [state("queued")])
    with pytest.raises(CallNotYetAnswered) as caught:
        wait(connect(platform, on_attempt=told.append), 1.5)
    changes_told = tuple(each for each in told if each.operation != "get_call_state")
    assert [each.status for each in changes_told] == [503, 409, 409, 409]
    assert [each.status for each in caught.value.attempts] == [503, 409, 409, 409]
    assert [each.wait_seconds for each in caught.value.attempts] == [0.5, 0.5, 0.5, None]


def test_an_error_tells_of_every_request_of_a_hang_up(connect: Connect) -> None:
    told: list[Any] = []
    platform = Platform([refusal(409), refusal(503), refusal(409)], [state("answered")])
    with pytest.raises(CallConflict) as caught:
        connect(platform, on_attempt=told.append, retry=Retry(attempts=2)).live("c-1", "hang_up")
    changes_told = tuple(each for each in told if each.operation != "get_call_state")
    assert [each.status for each in changes_told] == [409, 503, 409]
    assert [each.status for each in caught.value.attempts] == [409, 503, 409]


# Hanging up


@statuses
def test_a_call_that_has_ended_is_hung_up_already(connect: Connect, status: int) -> None:
    platform = Platform([refusal(status)], [state("disconnected")])
    clock = Clock()
    assert connect(platform, clock).live("c-1", "hang_up") is None
    assert platform.methods == "PG"
    assert json.loads(platform.requests[0].content) == {"state": "completed"}
    assert clock.pauses == []


@statuses
def test_update_call_tells_that_the_call_had_ended(connect: Connect, status: int) -> None:
    """Whoever asks for ``completed`` by hand hears what the platform says."""
    platform = Platform([refusal(status)], [state("disconnected", disconnectCause="busy")])
    with pytest.raises(CallEnded) as caught:
        connect(platform)("update_call", "c-1", state="completed")
    assert caught.value.state.disconnect_cause == "busy"


@pytest.mark.parametrize("named", ["queued", "initiated", "answered", "parked"])
@statuses
def test_a_hang_up_is_repeated_while_the_call_lives(
    connect: Connect, status: int, named: str
) -> None:
    platform = Platform([refusal(status), refusal(status), httpx.Response(200)], [state(named)])
    clock = Clock()
    connect(platform, clock).live("c-1", "hang_up")
    assert platform.methods == "PGPGP"
    assert clock.pauses == [0.5, 0.5]


@pytest.mark.parametrize("named", ["queued", "answered"])
@statuses
def test_a_hang_up_that_is_refused_again_and_again_is_told(
    connect: Connect, status: int, named: str
) -> None:
    """The call may still be alive, and somebody must know."""
    platform = Platform([refusal(status)], [state(named)])
    with pytest.raises(StatusError) as caught:
        connect(platform, retry=Retry(attempts=3)).live("c-1", "hang_up")
    assert (caught.value.status, caught.value.state and caught.value.state.state) == (status, named)
    assert platform.methods == "PGPGPG"


def test_a_call_that_nobody_knows_is_not_hung_up(connect: Connect) -> None:
    """It may be too new to be seen: success would leave a phone ringing."""
    clock = Clock()
    platform = Platform([refusal(404)], [refusal(404)])
    with pytest.raises(CallNotFound) as caught:
        connect(platform, clock).live("c-1", "hang_up")
    assert type(caught.value) is CallNotFound
    assert platform.methods == "PG"
    assert clock.pauses == []


@pytest.mark.parametrize("look", [refusal(503), refusal(403), httpx.ReadTimeout("slow")])
def test_a_hang_up_that_nothing_confirms_is_repeated_and_told(connect: Connect, look: Any) -> None:
    """409 says that there is a call; what it does, nobody says."""
    platform = Platform([refusal(409)], [look])
    with pytest.raises(CallConflict) as caught:
        connect(platform, retry=Retry(attempts=2)).live("c-1", "hang_up")
    assert (type(caught.value), caught.value.state) == (CallConflict, None)
    assert platform.methods == "PGPG"


def test_a_hang_up_waits_for_a_call_that_is_not_visible_yet(connect: Connect) -> None:
    platform = Platform([*[refusal(404)] * 3, httpx.Response(200)], [refusal(404)])
    clock = Clock()
    connect(platform, clock).live("c-1", "hang_up", wait_seconds=5)
    assert platform.methods == "PGPGPGP"
    assert clock.pauses == [0.5, 0.5, 0.5]


def test_a_hang_up_gives_up_when_its_wait_is_over(connect: Connect) -> None:
    clock = Clock()
    with pytest.raises(CallNotFound):
        connect(Platform([refusal(404)], [refusal(404)]), clock).live(
            "c-1", "hang_up", wait_seconds=1
        )
    assert clock.pauses == [0.5, 0.5]


def test_a_hang_up_waits_no_longer_than_it_was_told(connect: Connect) -> None:
    clock = Clock()
    with pytest.raises(CallNotFound):
        connect(Platform([refusal(404)], [refusal(404)]), clock).live(
            "c-1", "hang_up", wait_seconds=0.7
        )
    assert clock.pauses == [0.5, 0.2]


@pytest.mark.parametrize("status", [400, 403])
def test_a_hang_up_that_is_refused_otherwise_is_final(connect: Connect, status: int) -> None:
    platform = Platform([refusal(status)], [state("disconnected")])
    with pytest.raises(StatusError) as caught:
        connect(platform).live("c-1", "hang_up", wait_seconds=60)
    assert caught.value.status == status
    assert platform.methods == "P"


def test_a_hang_up_whose_reply_was_lost_is_asked_for_again_until_the_end_is_confirmed(
    connect: Connect,
) -> None:
    lost = httpx.ReadTimeout("slow")
    platform = Platform([lost, httpx.Response(502), refusal(409)], [state("disconnected")])
    connect(platform).live("c-1", "hang_up")
    assert platform.methods == "PPPG"


@pytest.mark.parametrize("rings_for", [0.0, 30.0])
def test_a_hang_up_ends_whatever_the_call_is_doing_and_may_be_asked_for_twice(
    ring: Ring, simulator: Simulator, rings_for: float
) -> None:
    """Queued, ringing or answered; just ended or long ended."""
    for before in (0, 1, 70):
        control, call_id, _ = ring(Caller().answers(after=rings_for))
        simulator.advance(before)
        control.live(call_id, "hang_up")
        assert control.live(call_id, "state").is_over
        control.live(call_id, "hang_up")
        simulator.advance(61)  # from now on it is 404, and the state can still be read
        control.live(call_id, "hang_up")


# Documents that wait under a URL of their own


class Host:
    """Publishes documents, and keeps what was asked of it."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.withdrawn: list[str] = []

    def publish(self, document: Any, /) -> Any:
        assert isinstance(document, Bxml)
        self.published.append(f"https://host.example.com/{len(self.published)}")
        return Published(self.published[-1])

    def withdraw(self, published: Any, /) -> None:
        self.withdrawn.append(published.url)


class Published:
    def __init__(self, url: str) -> None:
        self.url = url
        self.username: str | None = "host"
        self.password: str | None = "a password of the host"


def test_a_document_is_taken_back_if_the_platform_never_heard_of_it(connect: Connect) -> None:
    for answer in (httpx.ConnectError("refused"), refusal(400), refusal(409)):
        host = Host()
        with pytest.raises(CallsError):
            connect(Platform([answer], [state("queued")])).live("c-1", "push", HELLO, via=host)
        assert host.withdrawn == host.published != []


@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), httpx.Response(200, html="Hello")])
def test_a_document_stays_where_the_platform_may_come_for_it(connect: Connect, answer: Any) -> None:
    host = Host()
    with pytest.raises(CallsError):
        connect(Platform([answer, refusal(400)], [])).live("c-1", "push", HELLO, via=host)
    assert len(host.published) == 2
    assert host.withdrawn == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_document_stays_where_a_failing_platform_may_come_for_it(
    connect: Connect, status: int
) -> None:
    """A gateway that gave up says nothing of what stands behind it: the call may be on its way."""
    host = Host()
    with pytest.raises(CallsError):
        connect(Platform([refusal(status)], [])).live("c-1", "push", HELLO, via=host)
    assert host.withdrawn == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_whether_a_failing_platform_has_acted_is_unknown(connect: Connect, status: int) -> None:
    with pytest.raises(StatusError) as caught:
        connect(Platform([refusal(status)], []))(
            "create_call",
            to="+15550100001",
            from_="+15550100002",
            application_id="app",
            answer_url=URL,
        )
    outcomes = [caught.value.outcome, *(each.outcome for each in caught.value.attempts)]
    assert outcomes == ["unknown", "unknown"]


# Replies of create_call


ORDER = {
    "to": "+15550100001",
    "from_": "+15550100002",
    "application_id": "app",
    "answer_url": "https://app.example.com/answer",
}


def test_an_accepted_call_whose_reply_makes_no_sense_is_known_by_its_location(
    connect: Connect,
) -> None:
    there = {"Location": "https://voice.bandwidth.com/api/v2/accounts/1/calls/c-77?x=1"}
    platform = Platform([httpx.Response(201, json={"callId": 7}, headers=there)], [])
    with pytest.raises(UnexpectedReply, match=r"; it names the call c-77$") as caught:
        connect(platform)("create_call", **ORDER)
    assert (caught.value.call_id, caught.value.outcome) == ("c-77", "unknown")
    assert platform.methods == "P"


@pytest.mark.parametrize("location", ["", "/", "c-1/", "https://x/calls/c-%2e", "/calls/d-1"])
def test_a_location_that_names_no_call_is_none(connect: Connect, location: str) -> None:
    platform = Platform([httpx.Response(201, json={}, headers={"Location": location})], [])
    with pytest.raises(UnexpectedReply) as caught:
        connect(platform)("create_call", **ORDER)
    assert caught.value.call_id is None


def test_an_accepted_call_whose_reply_lacks_something_is_known_by_the_id_in_it(
    connect: Connect,
) -> None:
    """A call whose id is lost could not even be hung up."""
    platform = Platform([httpx.Response(201, json={"callId": "c-77", "to": None})], [])
    with pytest.raises(UnexpectedReply) as caught:
        connect(platform)("create_call", **ORDER)
    assert caught.value.call_id == "c-77"


@pytest.mark.parametrize(
    "answer", [httpx.ReadTimeout("slow"), refusal(500), refusal(503), httpx.Response(201, text="?")]
)
def test_a_call_that_may_have_been_placed_is_not_placed_again(
    connect: Connect, answer: Any
) -> None:
    platform = Platform([answer], [])
    with pytest.raises(CallsError):
        connect(platform)("create_call", **ORDER)
    assert platform.methods == "P"


# Errors travel


def errors(connect: Connect) -> Iterator[CallsError]:
    """One of each that a change can raise, after two attempts where there are any."""
    looks = [state("disconnected", disconnectCause="hangup", endTime="2026-01-01T00:00:00.000Z")]
    for answer in (refusal(409), refusal(400), refusal(429), httpx.ReadTimeout("slow")):
        with pytest.raises(CallsError) as caught:
            connect(Platform([refusal(503), answer], looks), retry=Retry(attempts=2)).live(
                "c-1", "push", HELLO
            )
        yield caught.value
    with pytest.raises(CallNotYetAnswered) as ringing:
        connect(Platform([refusal(503), refusal(404)], [state("initiated")])).live(
            "c-1", "push", HELLO
        )
    yield ringing.value
    with pytest.raises(InvalidRequest) as invalid:
        connect(Platform([], [])).live("c-1", "push", HELLO, wait_seconds=-1)
    yield invalid.value
    there = {"Location": "/c-5"}
    with pytest.raises(UnexpectedReply) as unread:
        connect(Platform([httpx.Response(201, json=5, headers=there)], []))("create_call", **ORDER)
    yield unread.value
    yield PushReplaced("c-1")
    yield ConnectionFailed("GET", "/x", "ReadTimeout", may_have_arrived=True)


@pytest.mark.parametrize(
    "travel",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda each, to=to: pickle.loads(pickle.dumps(each, to))  # noqa: S301  # written here
            for to in range(2, pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_an_error_that_was_copied_or_pickled_tells_the_same(
    connect: Connect, travel: Callable[[Any], Any]
) -> None:
    seen = set()
    for error in errors(connect):
        again = travel(error)
        assert type(again) is type(error)
        assert (str(again), repr(again)) == (str(error), repr(error))
        assert again.attempts == error.attempts
        assert again.outcome == error.outcome
        assert vars(again) == vars(error)
        if isinstance(error, StatusError):
            assert len(error.attempts) == 2
        seen.add(type(error))
    assert {CallEnded, CallNotYetAnswered, ConnectionFailed, UnexpectedReply} <= seen
