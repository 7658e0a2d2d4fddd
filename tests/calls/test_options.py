"""What a controller can be told: how long, how often, how fast; and what it tells, to whom."""

import asyncio
import linecache
import logging
import re
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from typing import Any, cast

import httpx
import pytest

import bxml
from bxml import Bxml, Response
from bxml.errors import BxmlError
from calls import (
    AsyncCallController,
    Attempt,
    Basic,
    CallConflict,
    CallController,
    CallsError,
    DocumentWarning,
    InvalidRequest,
    OAuth2,
    RateLimited,
    Repeat,
    Retry,
    ServerError,
    StatusError,
)
from calls._exchange import LARGEST_REPLY

SECONDS = 10.0
"""How long a test waits for what must happen, before it fails."""
HELLO = Bxml().speak_sentence("Hello.")
URL = "https://app.example.com/next"
ORDER = {
    "to": "+15550100001",
    "from_": "+15550100002",
    "application_id": "app",
    "answer_url": "https://app.example.com/answer",
}


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
    """A blocking controller, and how a test calls it."""

    def __init__(self, platform: Any, clock: Clock, **options: Any) -> None:
        options = {"auth": Basic("u", "p"), "chance": lambda: 0.0, **options}
        transport = httpx.MockTransport(platform)
        self.controller = CallController(
            "1", transport=transport, now=clock, pause=clock.pause, **options
        )

    def __call__(self, ask: Callable[[Any], Any]) -> Any:
        return ask(self.controller)

    def close(self) -> None:
        self.controller.close()


class Async:
    """An async controller on a loop of its own, called in the same words."""

    def __init__(self, platform: Any, clock: Clock, **options: Any) -> None:
        options = {"auth": Basic("u", "p"), "chance": lambda: 0.0, **options}
        transport = httpx.MockTransport(platform)
        self.controller = AsyncCallController(
            "1", transport=transport, now=clock, pause=clock.apause, **options
        )
        self._runner = asyncio.Runner()

    def __call__(self, ask: Callable[[Any], Any]) -> Any:
        async def asking() -> Any:
            return await ask(self.controller)

        return self._runner.run(asking())

    def close(self) -> None:
        self._runner.run(self.controller.close())
        self._runner.close()


Connect = Callable[..., Any]


@pytest.fixture(params=[Blocking, Async])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes a controller of either kind; all of them are closed in the end."""
    made: list[Any] = []

    def make(platform: Any, clock: Clock | None = None, **options: Any) -> Any:
        made.append(request.param(platform, clock or Clock(), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Platform:
    """Answers from a list; the last answer is repeated."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers) or [200]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, int):
            told = {"callId": "c-1", "state": "answered", "description": "No."}
            answer = httpx.Response(answer, json=told)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def look(controller: Any) -> Any:
    return controller.get_call_state("c-1")


def push(controller: Any) -> Any:
    return controller.call("c-1").push(HELLO)


def slow_down(seconds: float | str) -> httpx.Response:
    return httpx.Response(429, json={"description": "Slow."}, headers={"Retry-After": f"{seconds}"})


# Timeouts


@pytest.mark.parametrize(
    ("timeout", "steps"),
    [
        (2.5, {"connect": 2.5, "read": 2.5, "write": 2.5, "pool": 2.5}),
        (None, {"connect": 90.0, "read": 90.0, "write": 90.0, "pool": 90.0}),
        (
            httpx.Timeout(5.0, connect=1.0, pool=None),
            {"connect": 1.0, "read": 5.0, "write": 5.0, "pool": 90.0},
        ),
        (1000, {"connect": 90.0, "read": 90.0, "write": 90.0, "pool": 90.0}),
    ],
)
def test_each_step_of_a_request_has_its_time_and_no_more_than_is_left(
    connect: Connect, timeout: Any, steps: dict[str, float]
) -> None:
    platform = Platform()
    connect(platform, timeout=timeout)(look)
    assert platform.requests[0].extensions["timeout"] == steps


def test_by_default_a_step_may_take_half_a_minute(connect: Connect) -> None:
    platform = Platform()
    connect(platform)(look)
    assert set(platform.requests[0].extensions["timeout"].values()) == {30.0}


def test_later_attempts_have_what_is_left_of_the_budget(connect: Connect) -> None:
    platform = Platform(503)
    with pytest.raises(ServerError):
        connect(platform, retry=Retry(budget_seconds=3.0))(look)
    read = [request.extensions["timeout"]["read"] for request in platform.requests]
    assert read == [3.0, 2.5, 1.5]


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), httpx.Timeout(5, read=0)])
def test_a_timeout_is_a_number_of_seconds(connect: Connect, timeout: Any) -> None:
    with pytest.raises(InvalidRequest, match="timeout must be a number of seconds above 0"):
        connect(Platform(), timeout=timeout)
    with pytest.raises(InvalidRequest):
        connect(Platform()).controller.with_options(timeout=timeout)


def test_a_reply_that_comes_too_late_is_not_waited_for(connect: Connect) -> None:
    """Each part of it comes in time, and all of it does not."""
    clock = Clock()

    class Drips(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(1000):
                clock.now += 20.0
                yield b" "

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self:
                yield part

    def platform(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Drips())

    with pytest.raises(CallsError, match=r"a body that was not complete after 90\.0 s"):
        connect(platform, clock, retry=Retry(attempts=1))(look)
    assert clock.now <= 120.0


def test_a_reply_without_an_end_is_not_read_to_it(connect: Connect) -> None:
    class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
        read = 0

        def __iter__(self) -> Iterator[bytes]:
            while True:
                Endless.read += 1_000_000
                yield b" " * 1_000_000

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self:
                yield part

    def platform(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless())

    with pytest.raises(CallsError, match=r"a body of more than 33,554,432 bytes"):
        connect(platform, retry=Retry(attempts=1))(look)
    assert Endless.read <= LARGEST_REPLY + 1_000_000


# Retries


def test_waits_double_up_to_the_longest(connect: Connect) -> None:
    clock = Clock()
    retry = Retry(attempts=8, first_wait_seconds=1, longest_wait_seconds=5)
    with pytest.raises(ServerError):
        connect(Platform(503), clock, retry=retry)(look)
    assert clock.pauses == [1, 2, 4, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("chance", "pauses"), [(0.5, [0.25, 0.5, 1.0]), (0.999, [0.0005, 0.001, 0.002])]
)
def test_waits_are_shortened_by_chance(
    connect: Connect, chance: float, pauses: list[float]
) -> None:
    clock = Clock()
    with pytest.raises(ServerError):
        connect(Platform(503), clock, chance=lambda: chance)(look)
    assert clock.pauses == pauses


@pytest.mark.parametrize(
    ("said", "waited"), [("7", 7.0), ("0", 0.5), ("0.25", 0.25), ("3600", 60.0), ("soon", 0.5)]
)
def test_what_the_platform_says_is_waited(
    connect: Connect, said: str, waited: float | None
) -> None:
    clock = Clock()
    connect(Platform(slow_down(said), 200), clock)(look)
    assert clock.pauses == ([] if waited is None else [waited])


def test_the_budget_ends_what_attempts_do_not(connect: Connect) -> None:
    clock = Clock()
    retry = Retry(attempts=1000, first_wait_seconds=3, longest_wait_seconds=3, budget_seconds=10)
    platform = Platform(503)
    with pytest.raises(ServerError, match=r"; 4 attempts in 9\.0 s") as caught:
        connect(platform, clock, retry=retry)(look)
    assert clock.pauses == [3, 3, 3]
    assert len(caught.value.attempts) == len(platform.requests) == 4


def test_an_operation_is_repeated_after_what_its_policy_says(connect: Connect) -> None:
    retry = Retry(
        create_call=Repeat(statuses=frozenset({429, 503})),
        get_call_state=Repeat(),
        update_call_bxml=Repeat(not_sent=False, statuses=frozenset()),
    )
    platform = Platform(503)
    control = connect(platform, retry=retry)
    sent = []
    for ask in (
        lambda c: c.create_call(**ORDER),
        look,
        push,
        lambda c: c.call("c-1").redirect(URL),
    ):
        platform.requests.clear()
        with pytest.raises(ServerError):
            control(ask)
        sent.append(len(platform.requests))
    assert sent[1:3] == [1, 1]
    assert sent[3] == 4


def test_what_is_not_in_time_or_order_is_refused() -> None:
    for wrong in (
        {"attempts": 0},
        {"first_wait_seconds": -1},
        {"longest_wait_seconds": float("inf")},
        {"longest_retry_after_seconds": float("nan")},
        {"budget_seconds": 0},
    ):
        [name] = wrong
        with pytest.raises(InvalidRequest, match=f"{name} must be at least"):
            cast(Any, Retry)(**wrong)
    with pytest.raises(InvalidRequest, match=r"retry must be a Retry \(got int\)"):
        CallController("1", auth=OAuth2("a", "b"), retry=3)  # type: ignore[arg-type]


# Rate


def test_requests_keep_their_distance(connect: Connect) -> None:
    clock = Clock()
    control = connect(Platform(), clock, rate=4)
    for _ in range(5):
        control(look)
    assert clock.pauses == [0.25, 0.25, 0.25, 0.25]
    clock.now += 10
    control(look)
    control(push)
    assert clock.pauses[4:] == [0.25]


def test_attempts_and_tokens_and_pages_keep_their_distance_too(connect: Connect) -> None:
    clock = Clock()
    auth = OAuth2("id", "secret")
    control = connect(Platform(503, 200), clock, rate=2, auth=auth, chance=lambda: 0.9)
    control(look)
    # The token; half a second; the look; a tenth of its wait, and what is left of the distance.
    assert clock.pauses == [0.5, 0.05, 0.45]
    assert clock.now == pytest.approx(1.0)


def test_many_who_ask_at_once_come_one_after_the_other() -> None:
    """The place in the rate is taken before it is waited for."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(round(seconds, 6))

    transport = httpx.MockTransport(Platform())

    async def run() -> None:
        async with AsyncCallController(
            "1",
            auth=Basic("u", "p"),
            transport=transport,
            rate=10,
            now=lambda: 0.0,
            pause=pause,
        ) as controller:
            await asyncio.gather(*(look(controller) for _ in range(20)))

    asyncio.run(run())
    assert sorted(pauses) == [round(number / 10, 6) for number in range(1, 20)]


def test_threads_keep_their_distance_as_well() -> None:
    pauses: list[float] = []
    transport = httpx.MockTransport(Platform())
    with (
        CallController(
            "1",
            auth=Basic("u", "p"),
            transport=transport,
            rate=10,
            now=lambda: 0.0,
            pause=lambda seconds: pauses.append(round(seconds, 6)),
        ) as controller,
        ThreadPoolExecutor(20) as pool,
    ):
        list(pool.map(look, [controller] * 20))
    assert sorted(pauses) == [round(number / 10, 6) for number in range(1, 20)]


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_is_a_number_above_0(connect: Connect, rate: float) -> None:
    with pytest.raises(InvalidRequest, match="rate must be a number above 0"):
        connect(Platform(), rate=rate)


def test_the_time_in_the_queue_for_the_rate_is_not_on_the_budget(connect: Connect) -> None:
    clock = Clock()
    control = connect(Platform(), clock, rate=0.005)
    control(look)
    assert control(look).state == "answered"
    assert clock.pauses == [200.0]


def test_a_429_lets_its_operation_stand_still_and_no_other(connect: Connect) -> None:
    clock = Clock()
    control = connect(Platform(slow_down(30), 200), clock, retry=Retry(attempts=1))
    with pytest.raises(RateLimited) as caught:
        control(lambda c: c.create_call(**ORDER))
    assert caught.value.retry_after == 30.0
    control(look)
    control(push)
    assert clock.pauses == []
    with pytest.raises(CallsError):  # this platform answers with a state
        control(lambda c: c.create_call(**ORDER))
    assert clock.pauses == [30.0]
    with pytest.raises(CallsError):
        control(lambda c: c.create_call(**ORDER))
    assert clock.pauses == [30.0]


def test_a_429_without_a_time_holds_nobody(connect: Connect) -> None:
    clock = Clock()
    control = connect(Platform(429, 200), clock, retry=Retry(attempts=1))
    with pytest.raises(RateLimited):
        control(look)
    control(look)
    assert clock.pauses == []


def test_a_429_holds_all_handles_on_the_same_controller(connect: Connect) -> None:
    clock = Clock()
    control = connect(Platform(slow_down(5), 200), clock, retry=Retry(attempts=1))
    with pytest.raises(RateLimited):
        control(look)
    control(lambda c: c.with_options(timeout=1).call("c-1").state())
    assert clock.pauses == [5.0]


# The hook


def test_every_attempt_is_told(connect: Connect) -> None:
    told: list[Attempt] = []
    clock = Clock()
    answers = [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), slow_down(2), 200]
    connect(Platform(*answers), clock, on_attempt=told.append)(push)
    assert [
        (each.number, each.outcome, each.status, each.reason, each.wait_seconds) for each in told
    ] == [
        (1, "not_sent", None, "ConnectionFailed", 0.5),
        (2, "unknown", None, "ConnectionFailed", 1.0),
        (3, "refused", 429, "RateLimited", 2.0),
        (4, "done", 200, "", None),
    ]
    assert {(each.operation, each.call_id) for each in told} == {("update_call_bxml", "c-1")}


def test_tokens_and_looks_are_told_under_their_own_names(connect: Connect) -> None:
    told: list[Attempt] = []
    auth = OAuth2("id", "secret")
    with pytest.raises(CallConflict):
        connect(Platform(409, 200), auth=auth, on_attempt=told.append)(push)
    assert [(each.operation, each.call_id, each.outcome) for each in told] == [
        ("token", None, "done"),
        ("update_call_bxml", "c-1", "refused"),
        ("get_call_state", "c-1", "done"),
    ]


def test_the_seconds_of_an_attempt_are_those_that_it_took(connect: Connect) -> None:
    told: list[Attempt] = []
    clock = Clock()

    def platform(_: httpx.Request) -> httpx.Response:
        clock.now += 1.5
        return httpx.Response(200, json={})

    connect(platform, clock, on_attempt=told.append, rate=1)(look)
    assert told[0].seconds == 1.5


@pytest.mark.parametrize("answers", [(200,), (503, 200), (400,)])
def test_a_hook_that_raises_changes_nothing(
    connect: Connect, answers: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    def hook(_: Attempt) -> None:
        raise ValueError("the hook is broken")

    platform = Platform(*answers)
    control = connect(platform, on_attempt=hook)
    if answers == (400,):
        with pytest.raises(StatusError):
            control(push)
    else:
        assert control(push) is None
    assert len(platform.requests) == len(answers)
    broken = [record for record in caplog.records if "on_attempt raised" in record.message]
    assert len(broken) == len(answers)
    assert broken[0].exc_info


def test_a_hook_that_interrupts_is_heard(connect: Connect) -> None:
    """Ctrl-C is for the program, wherever it is."""

    class Interrupt(BaseException):
        pass

    def hook(_: Attempt) -> None:
        raise Interrupt

    platform = Platform()
    control = connect(platform, on_attempt=hook)
    with pytest.raises(Interrupt):
        control(push)
    with pytest.raises(Interrupt):
        control(push)  # nobody is left in the queue of the call
    assert len(platform.requests) == 2


# The log


def test_the_log_has_the_facts_of_each_attempt(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "calls")
    with pytest.raises(ServerError):
        connect(Platform(503), retry=Retry(attempts=2))(push)
    connect(Platform())(look)
    records = [record for record in caplog.records if record.name == "calls"]
    assert [record.levelname for record in records] == ["INFO", "WARNING", "DEBUG"]
    assert [record.getMessage() for record in records] == [
        "update_call_bxml c-1: 503 ServerError (attempt 1, 0.000 s, again in 0.50 s)",
        "update_call_bxml c-1: 503 ServerError (attempt 2, 0.000 s)",
        "get_call_state c-1: 200 (attempt 1, 0.000 s)",
    ]
    facts = vars(records[1])
    for name in Attempt.__struct_fields__:
        assert name in facts
    assert (facts["operation"], facts["call_id"], facts["number"]) == ("update_call_bxml", "c-1", 2)
    assert (facts["status"], facts["reason"], facts["wait_seconds"]) == (503, "ServerError", None)


def test_a_log_that_nobody_reads_costs_no_words(connect: Connect) -> None:
    logger = logging.getLogger("calls")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with pytest.raises(ServerError):
            connect(Platform(503))(push)
    finally:
        logger.setLevel(before)


def test_a_program_without_a_log_is_not_written_on() -> None:
    """Python prints what no handler takes; a library puts a NullHandler there (logging HOWTO)."""
    handlers = logging.getLogger("calls").handlers
    assert any(isinstance(handler, logging.NullHandler) for handler in handlers)


# with_options and with_raw_response


def test_other_options_are_those_of_another_controller(connect: Connect) -> None:
    told: list[Attempt] = []
    platform, clock = Platform(503), Clock()
    control = connect(platform, clock)
    other = control.controller.with_options(
        timeout=1.0, retry=Retry(attempts=2), on_attempt=told.append
    )
    with pytest.raises(ServerError):
        control(lambda _: look(other))
    assert (len(platform.requests), len(told)) == (2, 2)
    assert platform.requests[0].extensions["timeout"]["read"] == 1.0
    platform.requests.clear()
    with pytest.raises(ServerError):
        control(look)
    assert (len(platform.requests), len(told)) == (4, 2)
    assert platform.requests[0].extensions["timeout"]["read"] == 30.0


def test_options_that_are_not_given_stay_as_they_are(connect: Connect) -> None:
    platform = Platform(503)
    control = connect(platform, timeout=7, retry=Retry(attempts=3))
    with pytest.raises(ServerError):
        control(lambda c: look(c.with_options(rate=5).with_options().with_account("2")))
    assert len(platform.requests) == 3
    assert platform.requests[0].extensions["timeout"]["read"] == 7.0
    assert platform.requests[0].url.path == "/api/v2/accounts/2/calls/c-1"


def test_an_option_that_there_is_not_is_an_error(connect: Connect) -> None:
    with pytest.raises(TypeError, match="there is no option 'retries'"):
        connect(Platform()).controller.with_options(retries=3)


@pytest.mark.parametrize("account", ["", "../1", "1/2", "a b", None, 9900000])
def test_an_account_is_an_id(connect: Connect, account: Any) -> None:
    with pytest.raises(InvalidRequest, match="account_id must be an id of letters"):
        connect(Platform()).controller.with_account(account)


def test_a_raw_response_has_the_reply_beside_the_result(connect: Connect) -> None:
    reply = httpx.Response(
        200, json={"callId": "c-1", "mood": "good"}, headers={"X-Request-Id": "r-7"}
    )
    raw = connect(Platform(503, reply))(lambda c: c.with_raw_response.get_call_state("c-1"))
    assert (raw.parsed.call_id, raw.status) == ("c-1", 200)
    assert (raw.headers["x-request-id"], raw.headers["X-REQUEST-ID"]) == ("r-7", "r-7")
    assert b'"mood"' in raw.content
    assert "mood" not in repr(raw)


def test_a_raw_response_of_a_push_is_that_of_the_push(connect: Connect) -> None:
    platform = Platform(httpx.Response(204, headers={"X-Request-Id": "r-8"}))
    raw = connect(platform)(lambda c: c.with_raw_response.update_call_bxml("c-1", HELLO))
    assert (raw.parsed, raw.status, raw.content) == (None, 204, b"")
    assert raw.headers["x-request-id"] == "r-8"


def test_a_refusal_raises_from_a_raw_response_too(connect: Connect) -> None:
    with pytest.raises(CallConflict):
        connect(Platform(409, 200))(lambda c: c.with_raw_response.update_call_bxml("c-1", HELLO))


def test_requests_say_who_asks(connect: Connect) -> None:
    platform = Platform()
    control = connect(platform, auth=OAuth2("id", "secret"))
    control(look)
    [agent] = {request.headers["user-agent"] for request in platform.requests}
    assert re.fullmatch(r"bxml-calls/[\w.+-]+ python/3\.\d+ httpx/[\d.]+\S*", agent)
    assert f"bxml-calls/{version('bxml-calls')} " in agent
    assert f"httpx/{httpx.__version__}" in agent


# Documents on their way

DOUBTFUL = Bxml().pause(duration=1).redirect(URL).speak_sentence("Nobody hears this.")
WRONG = Bxml().forward(to="+15550100001")


def refused(**options: Any) -> list[Callable[[Any, Any], Any]]:
    """The ways to push a document."""
    return [
        lambda c, document: c.call("c-1").push(document, **options),
        lambda c, document: c.update_call_bxml("c-1", document, **options),
        lambda c, document: c.with_raw_response.update_call_bxml("c-1", document, **options),
    ]


WHERE = (
    'lambda c, document: c.call("c-1").push(document, **options),',
    'lambda c, document: c.update_call_bxml("c-1", document, **options),',
    'lambda c, document: c.with_raw_response.update_call_bxml("c-1", document, **options),',
    "return await ask(self.controller)",
)
"""The lines above that push: of a coroutine the one that awaits it."""


def test_the_documents_of_these_tests_are_what_they_are_called() -> None:
    levels = [
        {each.level for each in bxml.check(document, where="push")}
        for document in (HELLO, DOUBTFUL, WRONG)
    ]
    assert levels[0] <= {"info"}
    assert "warning" in levels[1]
    assert "error" not in levels[1]
    assert "error" in levels[2]


@pytest.mark.parametrize("way", range(3))
def test_a_doubtful_document_is_sent_and_its_author_warned(connect: Connect, way: int) -> None:
    """Where the program pushes it, whatever it pushes it by."""
    platform = Platform()
    control = connect(platform)
    ask = refused()[way]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        control(lambda c: ask(c, DOUBTFUL))
    assert len(platform.requests) == 1
    assert {each.category for each in caught} == {DocumentWarning}
    assert [str(each.message) for each in caught] == [
        f"{problem}" for problem in bxml.check(DOUBTFUL, where="push") if problem.level == "warning"
    ]
    [(filename, line)] = {(each.filename, each.lineno) for each in caught}
    assert filename == __file__
    assert linecache.getline(filename, line).strip() in WHERE


def test_the_author_of_a_task_is_warned_where_he_made_it() -> None:
    """All such warnings at one place of asyncio are one: Python shows only the first."""
    transport = httpx.MockTransport(Platform())

    async def run() -> None:
        controller = AsyncCallController("1", auth=Basic("u", "p"), transport=transport)
        await asyncio.gather(controller.call("c-1").push(DOUBTFUL))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DocumentWarning)
        asyncio.run(run())
    assert {each.filename for each in caught if each.category is DocumentWarning} == {__file__}


@pytest.mark.parametrize("way", range(3))
def test_a_warning_that_is_an_error_stops_the_document(connect: Connect, way: int) -> None:
    platform = Platform()
    control = connect(platform)
    ask = refused()[way]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=DocumentWarning)
        with pytest.raises(DocumentWarning):
            control(lambda c: ask(c, DOUBTFUL))
    assert platform.requests == []
    control(lambda c: ask(c, HELLO))  # nobody is left in the queue of the call
    assert len(platform.requests) == 1


def test_an_infos_worth_is_no_warning(connect: Connect) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DocumentWarning)
        connect(Platform())(push)  # it ends with what the platform does at its end: an info


@pytest.mark.parametrize("way", range(3))
def test_a_wrong_document_is_not_sent(connect: Connect, way: int) -> None:
    platform = Platform()
    control = connect(platform)
    ask = refused()[way]
    for document in (WRONG, WRONG.to_bxml(), bytes(WRONG)):
        with pytest.raises(bxml.InvalidDocument) as caught:
            control(lambda c, document=document: ask(c, document))
        assert [problem.level for problem in caught.value.problems] == ["error"]
        assert isinstance(caught.value, BxmlError)
    assert platform.requests == []


@pytest.mark.parametrize(
    "markup", ["", "hello", "<Bxml>", "<Bxml><Gater/></Bxml>", b"\xff", "<Other/>", b""]
)
def test_markup_that_is_no_document_is_not_sent(connect: Connect, markup: str | bytes) -> None:
    platform = Platform()
    with pytest.raises(bxml.ParseError):
        connect(platform)(lambda c: c.call("c-1").push(markup))
    assert platform.requests == []


def test_markup_is_sent_as_the_document_that_it_is(connect: Connect) -> None:
    platform = Platform()
    control = connect(platform)
    for document in (
        "<Response><Pause  duration = '5' /></Response>",
        b"<Bxml><Pause duration='5'></Pause></Bxml>",
        Response().pause(duration=5),
        Bxml().pause(duration=5),
    ):
        control(lambda c, document=document: c.call("c-1").push(document))
    assert {bxml.parse(request.content) for request in platform.requests} == {
        Bxml().pause(duration=5)
    }
    assert {request.content for request in platform.requests} == {bytes(Bxml().pause(duration=5))}


@pytest.mark.parametrize("way", range(3))
@pytest.mark.parametrize(
    ("markup", "body"),
    [
        ("<Tomorrow><Hologram/></Tomorrow>", b"<Tomorrow><Hologram/></Tomorrow>"),
        (b"\xff\x00", b"\xff\x00"),
        ("<Bxml>ü</Bxml>", "<Bxml>ü</Bxml>".encode()),
        (bytes(WRONG), bytes(WRONG)),
        (WRONG, bytes(WRONG)),
        ("", b""),
    ],
)
def test_what_is_unchecked_is_sent_as_it_is(
    connect: Connect, way: int, markup: Any, body: bytes
) -> None:
    platform = Platform()
    control = connect(platform)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        control(lambda c: refused(unchecked=True)[way](c, markup))
    assert platform.requests[0].content == body
    assert platform.requests[0].headers["content-type"] == "application/xml"


def test_a_document_that_is_none_is_told_as_such(connect: Connect) -> None:
    platform = Platform()
    for wrong in (5, None, ["<Bxml/>"], bxml.Pause(duration=1)):
        with pytest.raises(InvalidRequest, match="document must be a Response, a Bxml or markup"):
            connect(platform)(lambda c, wrong=wrong: c.call("c-1").push(wrong))
    assert platform.requests == []


def test_options_of_a_redirect_need_one(connect: Connect) -> None:
    platform = Platform()
    with pytest.raises(InvalidRequest, match="tag goes with a redirect: it needs via"):
        connect(platform)(lambda c: c.call("c-1").push(HELLO, tag="x"))
    assert platform.requests == []


# Connections


def test_threads_that_start_at_once_share_their_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What only one of them knows, nobody closes."""
    made: list[httpx.BaseTransport] = []
    meeting = threading.Barrier(2)

    class Counted(httpx.MockTransport):
        def __init__(self, **_: Any) -> None:
            super().__init__(Platform())
            with suppress(threading.BrokenBarrierError):
                meeting.wait(0.2)  # for another who makes one
            made.append(self)

    monkeypatch.setattr(httpx, "HTTPTransport", Counted)
    with CallController("1", auth=Basic("u", "p")) as controller, ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(look, controller) for _ in range(2)]:
            assert each.result(SECONDS).state == "answered"
    assert len(made) == 1


@pytest.mark.parametrize("cls", [CallController, AsyncCallController])
def test_a_controller_that_could_not_be_made_has_a_repr(cls: Any) -> None:
    """Those who print the locals of a traceback ask for it."""
    with pytest.raises(InvalidRequest) as caught:
        cls("../1", auth=OAuth2("id", "secret"))
    [made] = {
        id(each.frame.f_locals["self"]): each.frame.f_locals["self"]
        for each in caught.traceback
        if isinstance(each.frame.f_locals.get("self"), cls)
    }.values()
    assert repr(made).startswith(cls.__name__)
