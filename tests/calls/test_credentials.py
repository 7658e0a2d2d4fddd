"""Tokens: fetched once for all who wait, renewed in time; Basic, and what the environment says."""

import asyncio
import inspect
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_all
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest

from calls import (
    AsyncCallController,
    Basic,
    CallController,
    CallsError,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    OAuth2,
    Retry,
    ServerError,
    StatusError,
    Unauthorized,
    UnexpectedReply,
)
from calls.auth import TOKEN_URL, Tokens
from calls.simulator import Simulator
from calls.turns import Turn, Turns

SECONDS = 10.0
"""How long a test waits for what must happen, before it fails."""
MANY = 50
OAUTH = OAuth2("id", "secret")
BASIC_WARNING = "the platform stops accepting Basic credentials on 2 December 2026"


class Platform:
    """A token endpoint and an API. Tokens are ``t1``, ``t2`` and so on."""

    def __init__(self) -> None:
        self.fetched: list[httpx.Request] = []
        self.asked: list[str] = []
        """The tokens that requests to the API came with."""
        self.expires_in: Any = 3600
        self.refuses: set[str] = set()
        """Tokens that get a 401."""
        self.answers: list[Any] = []
        """What the token endpoint answers before it gives tokens."""
        self.gate: threading.Event | None = None
        """What the token endpoint waits for."""
        self.at_gate = threading.Semaphore(0)
        self.meeting: threading.Barrier | None = None
        """Where requests to the API wait for each other."""
        self.given = 0
        self.clock: Clock | None = None
        self.token_takes = 0.0
        self.timeouts: Mapping[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return self._token(request)
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.timeouts = request.extensions["timeout"]
        with self._lock:
            self.asked.append(token)
        if self.meeting:
            self.meeting.wait(SECONDS)
        if token in self.refuses:
            return httpx.Response(401, json={"description": "The token is not valid"})
        return httpx.Response(200, json={"callId": "c-1", "state": "answered"})

    def _token(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.fetched.append(request)
            answer = self.answers.pop(0) if self.answers else None
        self.at_gate.release()
        if self.gate:
            assert self.gate.wait(SECONDS), "nobody opened the gate"
        if self.clock:
            self.clock.now += self.token_takes
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None:
            reply: httpx.Response = answer
            return reply
        with self._lock:
            self.given += 1
            told = {"access_token": f"t{self.given}", "expires_in": self.expires_in}
        return httpx.Response(200, json=told)


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def apause(self, seconds: float) -> None:
        self.pause(seconds)


Ask = Callable[[Any], Any]


def look(controller: Any) -> Any:
    return controller.get_call_state("c-1")


class Crowd:
    """Many who use one controller at once."""

    controller: Any

    def __init__(self, waiting: threading.Semaphore) -> None:
        self._waiting = waiting

    def start(self, ask: Ask = look) -> "Future[Any]":
        raise NotImplementedError

    def start_waiting(self) -> "Future[Any]":
        """Start one who needs a token; returns when he has a place in the queue for it."""
        future = self.start()
        assert self._waiting.acquire(timeout=SECONDS)
        return future

    def __call__(self, ask: Ask = look) -> Any:
        return self.start(ask).result(SECONDS)

    def close(self) -> None:
        raise NotImplementedError


class Threads(Crowd):
    def __init__(
        self, platform: Platform, waiting: threading.Semaphore, clock: Clock, **options: Any
    ) -> None:
        super().__init__(waiting)
        options = {"auth": OAUTH, "chance": lambda: 0.0, **options}
        transport = httpx.MockTransport(platform)
        self.controller = CallController(
            "1", transport=transport, now=clock, pause=clock.pause, **options
        )
        self._pool = ThreadPoolExecutor(MANY)

    def start(self, ask: Ask = look) -> "Future[Any]":
        return self._pool.submit(ask, self.controller)

    def close(self) -> None:
        self._pool.shutdown()
        self.controller.close()


class Tasks(Crowd):
    def __init__(
        self, platform: Platform, waiting: threading.Semaphore, clock: Clock, **options: Any
    ) -> None:
        super().__init__(waiting)
        options = {"auth": OAUTH, "chance": lambda: 0.0, **options}

        async def answer(request: httpx.Request) -> httpx.Response:
            return await asyncio.to_thread(platform, request)

        transport = httpx.MockTransport(answer)
        self.controller = AsyncCallController(
            "1", transport=transport, now=clock, pause=clock.apause, **options
        )
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(MANY + 1)
        self._loop.set_default_executor(self._pool)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def start(self, ask: Ask = look) -> "Future[Any]":
        async def asking() -> Any:
            return await ask(self.controller)

        return asyncio.run_coroutine_threadsafe(asking(), self._loop)

    def close(self) -> None:
        self(lambda control: control.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._pool.shutdown()
        self._loop.close()


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts those who have taken a place in the queue for the token."""
    counted = threading.Semaphore(0)
    join = Turns.join

    def joining(self: Turns, key: Any, *, replacing: bool = False) -> Turn:
        turn = join(self, key, replacing=replacing)
        if key is Tokens:
            counted.release()
        return turn

    monkeypatch.setattr(Turns, "join", joining)
    return counted


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Gather = Callable[..., Any]


@pytest.fixture(params=[Threads, Tasks])
def gather(
    request: pytest.FixtureRequest,
    platform: Platform,
    waiting: threading.Semaphore,
    clock: Clock,
) -> Iterator[Gather]:
    """Makes a crowd, of threads or of tasks, that uses one controller."""
    crowds: list[Crowd] = []

    def make(**options: Any) -> Crowd:
        crowds.append(request.param(platform, waiting, clock, **options))
        return crowds[-1]

    yield make
    for crowd in crowds:
        crowd.close()


@pytest.fixture
def crowd(gather: Gather) -> Crowd:
    made: Crowd = gather()
    return made


# One token for all


def test_however_many_wait_the_token_is_fetched_once(crowd: Crowd, platform: Platform) -> None:
    platform.gate = threading.Event()
    looks = [crowd.start_waiting() for _ in range(MANY)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    platform.gate.set()
    for each in looks:
        assert each.result(SECONDS).state == "answered"
    assert len(platform.fetched) == 1
    assert platform.asked == ["t1"] * MANY


def test_the_token_is_asked_for_as_the_vendor_says(crowd: Crowd, platform: Platform) -> None:
    crowd()
    [request] = platform.fetched
    assert (request.method, str(request.url)) == ("POST", TOKEN_URL)
    assert request.content == b"grant_type=client_credentials"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == f"Basic {b64encode(b'id:secret').decode()}"


def test_a_token_that_cannot_be_had_is_told_to_all_who_wait(
    crowd: Crowd, platform: Platform, clock: Clock
) -> None:
    """One sequence of requests for all of them, however many there are."""
    platform.gate = threading.Event()
    platform.answers = [httpx.Response(503) for _ in range(99)]
    looks = [crowd.start_waiting() for _ in range(MANY)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    platform.gate.set()
    errors = []
    for each in looks:
        with pytest.raises(ServerError) as caught:
            each.result(SECONDS)
        errors.append(caught.value)
    assert len(platform.fetched) == 4
    assert clock.pauses == [0.5, 1.0, 2.0]
    assert len({id(error) for error in errors}) == MANY, "a traceback each"
    for error in errors:
        assert [(each.operation, each.status) for each in error.attempts] == [("token", 503)] * 4
    platform.answers = []
    assert crowd().state == "answered"  # whoever comes later asks anew


@pytest.mark.parametrize(
    ("answer", "cls"),
    [
        (httpx.Response(401, json={"error": "invalid_client"}), Unauthorized),
        (httpx.Response(403), Forbidden),
        (httpx.Response(400), StatusError),
    ],
)
def test_credentials_that_are_refused_are_final(
    crowd: Crowd, platform: Platform, answer: Any, cls: type[CallsError]
) -> None:
    platform.gate = threading.Event()
    platform.answers = [answer]
    looks = [crowd.start_waiting() for _ in range(5)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    platform.gate.set()
    for each in looks:
        with pytest.raises(cls, match="POST /api/v1/oauth2/token: 40"):
            each.result(SECONDS)
    assert len(platform.fetched) == 1
    assert platform.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="hello"),
        httpx.Response(200, json={"access_token": "sp ace"}),
        httpx.Response(200, json={"token": "t9"}),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.Response(500),
        httpx.Response(429),
    ],
    ids=["text", "unusable", "missing", "slow", "unreachable", "500", "429"],
)
def test_the_token_is_asked_for_again_whatever_came_instead(
    crowd: Crowd, platform: Platform, answer: Any, clock: Clock
) -> None:
    """Even for a call: a request for a token places none."""
    platform.answers = [answer]
    assert crowd().state == "answered"
    assert (len(platform.fetched), platform.asked, clock.pauses) == (2, ["t1"], [0.5])


def test_a_leader_who_leaves_hands_over_to_the_next(
    platform: Platform, waiting: threading.Semaphore, clock: Clock
) -> None:
    crowd = Tasks(platform, waiting, clock)
    platform.gate = threading.Event()
    leader, *others = [crowd.start_waiting() for _ in range(5)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    assert leader.cancel()
    assert platform.at_gate.acquire(timeout=SECONDS), "nobody took over"
    assert len(platform.fetched) == 2
    assert others[1].cancel()  # one in the middle of the queue leaves, too
    platform.gate.set()
    for each in (others[0], others[2], others[3]):
        assert each.result(SECONDS).state == "answered"
    assert len(platform.fetched) == 2
    crowd.close()


def test_an_interrupt_of_the_leader_hands_over_to_the_next(
    platform: Platform, waiting: threading.Semaphore, clock: Clock
) -> None:
    """No error of the platform: nothing that the others should hear of."""
    crowd = Threads(platform, waiting, clock)
    platform.gate = threading.Event()
    platform.answers = [KeyboardInterrupt()]
    leader, *others = [crowd.start_waiting() for _ in range(5)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    platform.gate.set()
    with pytest.raises(KeyboardInterrupt):
        leader.result(SECONDS)
    for each in others:
        assert each.result(SECONDS).state == "answered"
    assert len(platform.fetched) == 2
    crowd.close()


# How long it is good for


@pytest.mark.parametrize("expires_in", [61, 3600, 86_400, 90.5])
def test_a_token_is_used_while_it_has_more_than_a_minute_to_live(
    crowd: Crowd, platform: Platform, clock: Clock, expires_in: float
) -> None:
    platform.expires_in = expires_in
    crowd()
    clock.now = expires_in - 60.001
    crowd()
    assert len(platform.fetched) == 1
    clock.now = expires_in - 60.0
    crowd()
    assert len(platform.fetched) == 2
    assert platform.asked == ["t1", "t1", "t2"]


@pytest.mark.parametrize("expires_in", [30, 1, 60, 0])
def test_a_token_that_is_short_of_life_is_for_those_who_waited_for_it(
    crowd: Crowd, platform: Platform, expires_in: int
) -> None:
    platform.gate = threading.Event()
    platform.expires_in = expires_in
    looks = [crowd.start_waiting() for _ in range(10)]
    assert platform.at_gate.acquire(timeout=SECONDS)
    platform.gate.set()
    wait_for_all(looks, SECONDS)
    assert (len(platform.fetched), platform.asked) == (1, ["t1"] * 10)
    crowd()
    crowd()
    assert (len(platform.fetched), platform.asked[-2:]) == (3, ["t2", "t3"])


def test_a_token_that_does_not_say_how_long_it_lives_is_used_once(
    gather: Gather, platform: Platform
) -> None:
    platform.answers = [httpx.Response(200, json={"access_token": "a"}) for _ in range(2)]
    crowd = gather()
    crowd()
    crowd()
    assert platform.asked == ["a", "a"]
    assert len(platform.fetched) == 2


def test_a_token_that_somebody_fetched_in_the_meantime_is_not_fetched_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One finds that there is none; before he stands in the queue, another has fetched it."""
    another: list[threading.Thread] = []
    current = Tokens.current

    def finding(self: Tokens) -> Any:
        found = current(self)
        if not another:
            another.append(threading.Thread(target=look, args=[controller]))
            another[0].start()
            another[0].join(SECONDS)
        return found

    monkeypatch.setattr(Tokens, "current", finding)
    transport = httpx.MockTransport(platform)
    with CallController("1", auth=OAUTH, transport=transport) as controller:
        look(controller)
    assert platform.asked == ["t1", "t1"]
    assert len(platform.fetched) == 1


# A token that the platform does not like


def test_a_refused_token_is_fetched_once_more_and_the_request_sent_once_more(
    crowd: Crowd, platform: Platform, clock: Clock
) -> None:
    crowd()
    platform.refuses = {"t1"}
    assert crowd().state == "answered"
    assert platform.asked == ["t1", "t1", "t2"]
    assert clock.pauses == []
    assert crowd().state == "answered"
    assert platform.asked[-1] == "t2"


def test_a_second_refusal_is_final(crowd: Crowd, platform: Platform) -> None:
    platform.refuses = {"t1", "t2"}
    with pytest.raises(Unauthorized, match="The token is not valid") as caught:
        crowd()
    assert platform.asked == ["t1", "t2"]
    assert len(platform.fetched) == 2
    assert [each.status for each in caught.value.attempts] == [401, 401]


def test_even_a_call_is_placed_after_a_refused_token(crowd: Crowd, platform: Platform) -> None:
    """A 401 proves that no phone rings."""
    platform.refuses = {"t1"}
    with pytest.raises(UnexpectedReply):  # this platform answers with a state
        crowd(
            lambda control: control.create_call(
                to="+15550100001",
                from_="+15550100002",
                application_id="app",
                answer_url="https://app.example.com/answer",
            )
        )
    assert platform.asked == ["t1", "t2"]


def test_a_refusal_does_not_count_as_one_of_the_attempts(
    gather: Gather, platform: Platform
) -> None:
    platform.refuses = {"t1"}
    crowd = gather(retry=Retry(attempts=1))
    assert crowd().state == "answered"


def test_many_refusals_of_one_token_fetch_one_other(crowd: Crowd, platform: Platform) -> None:
    crowd()
    platform.refuses = {"t1"}
    platform.asked.clear()
    platform.meeting = threading.Barrier(20)
    for each in [crowd.start() for _ in range(20)]:
        assert each.result(SECONDS).state == "answered"
    assert sorted(platform.asked) == ["t1"] * 20 + ["t2"] * 20
    assert len(platform.fetched) == 2


def test_a_late_refusal_of_an_old_token_does_not_cost_the_new_one(
    crowd: Crowd, platform: Platform
) -> None:
    crowd()
    platform.refuses = {"t1"}
    platform.meeting = threading.Barrier(2)
    late = crowd.start()
    other = crowd.start()
    other.result(SECONDS)
    late.result(SECONDS)
    platform.meeting = None
    crowd()
    assert (len(platform.fetched), platform.asked[-1]) == (2, "t2")


def test_a_refused_token_that_cannot_be_replaced_tells_both(
    crowd: Crowd, platform: Platform
) -> None:
    crowd()
    platform.refuses = {"t1"}
    platform.answers = [httpx.Response(400, json={"description": "No more."})]
    with pytest.raises(StatusError, match=r"/oauth2/token: 400 No more\.") as caught:
        crowd()
    told = [(each.operation, each.status) for each in caught.value.attempts]
    assert told == [("get_call_state", 401), ("token", 400)]


def test_those_who_waited_are_told_of_no_attempts_of_others(
    platform: Platform, waiting: threading.Semaphore, clock: Clock
) -> None:
    """One was refused before he asked for the token; another was not."""
    crowd = Tasks(platform, waiting, clock)
    crowd()
    assert waiting.acquire(timeout=SECONDS)
    platform.refuses = {"t1"}
    platform.gate = threading.Event()
    platform.answers = [httpx.Response(400)]
    leader = crowd.start_waiting()
    assert platform.at_gate.acquire(timeout=SECONDS)
    other = crowd.start_waiting()
    platform.gate.set()
    errors = []
    for each in (leader, other):
        with pytest.raises(StatusError) as caught:
            each.result(SECONDS)
        errors.append([(each.operation, each.status) for each in caught.value.attempts])
    crowd.close()
    assert errors == [[("get_call_state", 401), ("token", 400)], [("token", 400)]]


def test_basic_credentials_that_are_refused_are_final(gather: Gather, platform: Platform) -> None:
    auth = Basic("u", "p")
    platform.refuses = {f"Basic {b64encode(b'u:p').decode()}"}
    with pytest.raises(Unauthorized):
        gather(auth=auth)()
    assert len(platform.asked) == 1
    assert platform.fetched == []


def test_a_request_that_has_no_time_left_is_not_sent(
    gather: Gather, platform: Platform, clock: Clock
) -> None:
    """The token took nearly all of it: nobody would hear what became of the request."""
    platform.clock, platform.token_takes = clock, 89.9995
    crowd = gather(timeout=30.0)
    with suppress(ConnectionFailed):
        crowd()
    assert platform.asked == [] or min(platform.timeouts.values()) >= 1.0


# with_account and with_options


def test_other_accounts_and_options_share_the_token(crowd: Crowd, platform: Platform) -> None:
    crowd()
    crowd(lambda control: look(control.with_account("2")))
    crowd(lambda control: look(control.with_options(timeout=3, retry=Retry(attempts=2), rate=None)))
    crowd(lambda control: look(control.with_options(timeout=3).with_account("3")))
    crowd(lambda control: control.with_raw_response.get_call_state("c-1"))
    crowd(lambda control: control.call("c-1").state())
    assert (len(platform.fetched), platform.asked) == (1, ["t1"] * 6)


def test_other_accounts_and_options_wait_for_the_same_fetch(
    crowd: Crowd, platform: Platform, waiting: threading.Semaphore
) -> None:
    platform.gate = threading.Event()
    asks: list[Ask] = [
        look,
        lambda control: look(control.with_account("2")),
        lambda control: look(control.with_options(timeout=3)),
    ]
    looks = [crowd.start(ask) for ask in asks]
    for _ in looks:
        assert waiting.acquire(timeout=SECONDS)
    platform.gate.set()
    for each in looks:
        each.result(SECONDS)
    assert len(platform.fetched) == 1


# Basic


def makers() -> Iterator[tuple[Callable[[], object], int]]:
    """Ways to make a controller with Basic credentials, and the line on which each is."""
    here = inspect.currentframe()
    assert here
    yield (lambda: CallController("1", auth=Basic("u", "p"))), here.f_lineno
    yield (lambda: AsyncCallController("1", auth=Basic("u", "p"))), here.f_lineno
    environ = {"BW_ACCOUNT_ID": "1", "BW_USERNAME": "u", "BW_PASSWORD": "p"}
    yield (lambda: CallController.from_env(environ)), here.f_lineno
    yield (lambda: AsyncCallController.from_env(environ)), here.f_lineno


@pytest.mark.parametrize("number", range(4))
def test_basic_credentials_warn_whoever_makes_a_controller_with_them(number: int) -> None:
    """Where the warning points is where Python shows it, or does not."""
    make, line = list(makers())[number]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
    [told] = caught
    assert told.category is DeprecationWarning
    assert str(told.message).startswith(BASIC_WARNING)
    assert "OAuth2" in str(told.message)
    assert (told.filename, told.lineno) == (__file__, line)


def test_oauth2_credentials_warn_nobody(recwarn: pytest.WarningsRecorder) -> None:
    CallController("1", auth=OAUTH).with_account("2").with_options(timeout=1)
    assert list(recwarn) == []


def test_other_options_warn_nobody_again() -> None:
    with pytest.warns(DeprecationWarning, match=BASIC_WARNING):
        controller = CallController("1", auth=Basic("u", "p"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        controller.with_account("2").with_options(timeout=1).call("c-1")


# The environment

ID = {"BW_ACCOUNT_ID": "9"}
CLIENT = {"BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": "correct-horse"}
USER = {"BW_USERNAME": "user", "BW_PASSWORD": "battery-staple"}

both = pytest.mark.parametrize("cls", [CallController, AsyncCallController])
Cls = type[CallController] | type[AsyncCallController]


@both
@pytest.mark.parametrize(
    ("environ", "auth"),
    [
        (ID | CLIENT, OAuth2("id", "correct-horse")),
        (ID | USER, Basic("user", "battery-staple")),
        (ID | CLIENT | USER, OAuth2("id", "correct-horse")),
        (ID | USER | {"BW_CLIENT_ID": "", "BW_CLIENT_SECRET": ""}, Basic("user", "battery-staple")),
        (
            ID | CLIENT | {"BW_TOKEN_URL": "https://test.example/token"},
            OAuth2("id", "correct-horse", "https://test.example/token"),
        ),
        (ID | CLIENT | {"BW_TOKEN_URL": "", "BW_VOICE_URL": ""}, OAuth2("id", "correct-horse")),
    ],
)
def test_the_environment_says_who_asks(cls: Cls, environ: Mapping[str, str], auth: object) -> None:
    controller = cls.from_env(environ)
    assert type(controller) is cls
    assert controller._site.auth == auth
    assert (controller.account_id, controller._site.base_url) == (
        "9",
        "https://voice.bandwidth.com/api/v2",
    )


@both
@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, "lacks BW_ACCOUNT_ID and BW_CLIENT_ID and BW_CLIENT_SECRET"),
        (ID, "lacks BW_CLIENT_ID and BW_CLIENT_SECRET"),
        (CLIENT, "lacks BW_ACCOUNT_ID"),
        (USER, "lacks BW_ACCOUNT_ID"),
        (ID | {"BW_CLIENT_ID": "id"}, "lacks BW_CLIENT_SECRET"),
        (ID | {"BW_CLIENT_SECRET": "correct-horse"}, "lacks BW_CLIENT_ID"),
        (ID | {"BW_USERNAME": "user"}, "lacks BW_PASSWORD"),
        (ID | {"BW_PASSWORD": "battery-staple"}, "lacks BW_CLIENT_ID and BW_CLIENT_SECRET"),
        (ID | USER | {"BW_CLIENT_ID": "id"}, "lacks BW_CLIENT_SECRET"),
        (ID | {"BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": ""}, "lacks BW_CLIENT_SECRET"),
    ],
)
def test_what_the_environment_lacks_is_named(
    cls: Cls, environ: Mapping[str, str], missing: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        cls.from_env(environ)
    assert str(caught.value).endswith(f"environ {missing}")
    assert "correct-horse" not in str(caught.value)
    assert "battery-staple" not in str(caught.value)


@both
@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"BW_VOICE_URL": "http://voice.example/api/v2"}, "base_url must be https"),
        ({"BW_VOICE_URL": "voice.example"}, "base_url must be an absolute http or https URL"),
        ({"BW_TOKEN_URL": "http://token.example/"}, "token_url must be https"),
        ({"BW_TOKEN_URL": "token.example"}, "token_url must be an absolute http or https URL"),
        ({"BW_ACCOUNT_ID": "../9"}, "account_id must be an id of letters, digits, - and _"),
        ({"BW_CLIENT_SECRET": " "}, "client_secret must"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    cls: Cls, environ: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        cls.from_env(ID | CLIENT | environ)
    assert words in str(caught.value)
    assert "correct-horse" not in str(caught.value)


@both
def test_the_environment_of_the_process_is_the_one_by_default(
    cls: Cls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (ID | CLIENT | {"BW_VOICE_URL": "http://127.0.0.1:9/v2/"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BW_TOKEN_URL", raising=False)
    monkeypatch.delenv("BW_USERNAME", raising=False)
    controller = cls.from_env()
    assert controller._site.base_url == "http://127.0.0.1:9/v2"
    assert cls.from_env(base_url="https://x.example", timeout=3)._site.base_url == (
        "https://x.example"
    )


def test_the_environment_leads_to_a_simulator() -> None:
    with Simulator() as simulator, simulator.serve():
        environ = {
            "BW_ACCOUNT_ID": simulator.account_id,
            "BW_CLIENT_ID": simulator.auth.client_id,
            "BW_CLIENT_SECRET": simulator.auth.client_secret,
            "BW_TOKEN_URL": simulator.auth.token_url,
            "BW_VOICE_URL": simulator.base_url,
        }
        with CallController.from_env(environ) as controller:
            assert list(controller.list_calls()) == []


# Where credentials go


@both
@pytest.mark.parametrize(
    "host", ["voice.example", "10.0.0.1", "localhost.example", "127.0.0.1.nip.io"]
)
def test_credentials_are_not_sent_where_anybody_can_read_them(cls: Cls, host: str) -> None:
    token_url = f"http://{host}/token"
    for auth in (OAUTH, Basic("u", "p")):
        with pytest.raises(InvalidRequest, match="base_url must be https, since credentials go"):
            cls("1", auth=auth, base_url=f"http://{host}/api/v2")
    with pytest.raises(InvalidRequest, match="token_url must be https, since credentials go"):
        cls("1", auth=OAuth2("id", "secret", token_url))


@both
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:80"])
def test_this_machine_needs_no_https(cls: Cls, host: str) -> None:
    base_url = f"http://{host}/api/v2"
    cls("1", auth=OAuth2("id", "secret", f"http://{host}/token"), base_url=base_url)
    cls("1", auth=Basic("u", "p"), base_url=base_url)


@both
def test_a_transport_of_ones_own_needs_no_https(cls: Any) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    auth = OAuth2("id", "secret", "http://inside.example/token")
    cls("1", auth=auth, base_url="http://inside.example/api/v2", transport=transport)


@both
@pytest.mark.parametrize(
    "base_url",
    ["ftp://127.0.0.1/x", "//voice.example", "https://", "https:///x", "", None, 5, b"x"],
)
def test_a_base_url_is_an_absolute_one(cls: Cls, base_url: Any) -> None:
    with pytest.raises(InvalidRequest, match="base_url must be an absolute http or https URL"):
        cls("1", auth=OAUTH, base_url=base_url)


@both
@pytest.mark.parametrize("auth", [("user", "password"), None, "secret"])
def test_what_is_no_credentials_is_told_at_once(cls: Cls, auth: Any) -> None:
    with pytest.raises(InvalidRequest, match="auth must be OAuth2 or Basic"):
        cls("1", auth=auth)


@both
def test_a_failure_of_a_connection_to_the_token_endpoint_is_one(cls: Cls) -> None:
    """And nothing can have been done: the request itself was never sent."""
    auth = OAuth2("id", "secret", "http://127.0.0.1:9/token")
    made = cls("1", auth=auth, base_url="http://127.0.0.1:9/", retry=Retry(attempts=1))
    asked: Any = partial(look, made)

    async def awaited() -> None:
        await asked()

    ask = asked if cls is CallController else lambda: asyncio.run(awaited())
    with pytest.raises(ConnectionFailed, match=r"POST /token: no reply.*it was not sent"):
        ask()
