"""The five operations through both controllers, against both faces of the simulator: HTTP and transport."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bxml import Bxml, Response
from calls import (
    AsyncCallController,
    BadRequest,
    Basic,
    CallConflict,
    CallController,
    CallNotFound,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    MachineDetection,
    OAuth2,
    Retry,
    Unauthorized,
    UnexpectedReply,
)
from calls.simulator import Answered, Caller, Delivery, Simulator

ONCE = Retry(attempts=1)
TO, FROM = "+15550100001", "+15550100002"
HOLD = Response().speak_sentence("Please hold.").pause(duration=600)


def holding(_: Delivery) -> Answered:
    """An application that lets every caller wait."""
    return Answered(200, bytes(HOLD))


@pytest.fixture(params=["served", "in process"])
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with Simulator(post=holding) as platform:
        with platform.serve() if request.param == "served" else nullcontext():
            yield platform


def reaching(simulator: Simulator, **options: Any) -> dict[str, Any]:
    """What brings a controller to the simulator: over HTTP where it is served, else its transport."""
    here = {"auth": simulator.auth, "base_url": simulator.base_url}
    if not simulator.base_url.startswith("http://127.0.0.1:"):
        here["transport"] = simulator.transport()
    return {**(here if "base_url" not in options else {}), **options}


class Blocking:
    """The blocking controller, and how a test calls it."""

    def __init__(self, simulator: Simulator, **options: Any) -> None:
        account = options.pop("account_id", simulator.account_id)
        self._make: Callable[[], CallController] = lambda: CallController(
            account, **reaching(simulator, **options)
        )

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        with self._make() as controller:
            result = getattr(controller, name)(*args, **kwargs)
            return list(result) if name == "list_calls" else result

    def live(self, call_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        with self._make() as controller:
            return getattr(controller.call(call_id), name)(*args, **kwargs)


class Async:
    """The async controller, called in the same words."""

    def __init__(self, simulator: Simulator, **options: Any) -> None:
        account = options.pop("account_id", simulator.account_id)
        self._make: Callable[[], AsyncCallController] = lambda: AsyncCallController(
            account, **reaching(simulator, **options)
        )

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            async with self._make() as controller:
                result = getattr(controller, name)(*args, **kwargs)
                if name == "list_calls":
                    return [call async for call in result]
                return await result

        return asyncio.run(run())

    def live(self, call_id: str, name: str, *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            async with self._make() as controller:
                return await getattr(controller.call(call_id), name)(*args, **kwargs)

        return asyncio.run(run())


Twin = type[Blocking] | type[Async]
both = pytest.mark.parametrize("twin", [Blocking, Async])


def order(**more: Any) -> dict[str, Any]:
    return {
        "to": TO,
        "from_": FROM,
        "application_id": "app-1",
        "answer_url": "http://127.0.0.1:9/answer",
        **more,
    }


def answered(simulator: Simulator, control: Any) -> str:
    """A call that was answered and waits."""
    call_id: str = control("create_call", **order()).call_id
    simulator.advance(10)
    return call_id


@both
def test_create_call_returns_what_the_platform_accepted(twin: Twin, simulator: Simulator) -> None:
    created = twin(simulator)("create_call", **order(tag="job-1", call_timeout=20, priority=2))
    assert (created.to, created.from_, created.application_id) == (TO, FROM, "app-1")
    assert (created.tag, created.call_timeout, created.priority) == ("job-1", 20.0, 2)
    assert (created.callback_timeout, created.answer_method) == (15.0, "POST")
    assert created.call_url.endswith(f"/accounts/{simulator.account_id}/calls/{created.call_id}")
    assert created.enqueued_time == datetime(2026, 1, 1, tzinfo=UTC)


@both
def test_get_call_state_follows_the_call(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    simulator.phone(TO, Caller().answers(after=3).hears("hold").hangs_up())
    call_id = control("create_call", **order()).call_id
    states = [control("get_call_state", call_id)]
    for seconds in (1, 2, 30):
        simulator.advance(seconds)
        states.append(control("get_call_state", call_id))
    assert [state.state for state in states] == ["queued", "initiated", "answered", "disconnected"]
    assert (states[0].start_time, states[0].is_over) == (None, False)
    assert states[2].answer_time == datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC)
    assert (states[3].disconnect_cause, states[3].is_over) == ("hangup", True)


@both
def test_update_call_bxml_replaces_what_the_call_is_doing(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    call_id = answered(simulator, control)
    assert control("update_call_bxml", call_id, Bxml().speak_sentence("An agent is free.")) is None
    simulator.advance(1)
    assert simulator.heard(call_id) == ["Please hold.", "An agent is free."]


@both
def test_a_response_is_pushed_under_the_other_root(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    call_id = answered(simulator, control)
    control("update_call_bxml", call_id, Response().speak_sentence("Hi."))
    [pushed] = [entry.body for entry in simulator.timeline if "/bxml: 204" in entry.text]
    assert pushed
    assert "<Bxml><SpeakSentence>Hi.</SpeakSentence></Bxml>" in pushed


@both
def test_update_call_sends_the_call_to_another_url(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    call_id = answered(simulator, control)
    control("update_call", call_id, redirect_url="http://127.0.0.1:9/next", tag="step-2")
    simulator.advance(1)
    [line] = [entry for entry in simulator.timeline if entry.text == "POST redirect: 200"]
    assert (line.call_id, line.url) == (call_id, "http://127.0.0.1:9/next")


@both
def test_update_call_ends_the_call(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    call_id = answered(simulator, control)
    control("update_call", call_id, state="completed")
    assert control("get_call_state", call_id).disconnect_cause == "hangup"


@both
def test_a_live_call_pushes_redirects_tells_and_hangs_up(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    call_id = answered(simulator, control)
    control.live(call_id, "push", Bxml().pause(duration=60))
    control.live(call_id, "redirect", "http://127.0.0.1:9/x", redirect_method="GET", tag="t")
    simulator.advance(1)
    assert control.live(call_id, "state").state == "answered"
    control.live(call_id, "hang_up")
    assert control.live(call_id, "state").state == "disconnected"
    requests = [entry.text.split()[0] for entry in simulator.timeline if entry.kind == "request"]
    assert requests.count("PUT") == 1
    assert "GET redirect: 200" in [entry.text for entry in simulator.timeline]


@both
def test_list_calls_iterates_over_all_pages_in_order(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    ids = [control("create_call", **order()).call_id for _ in range(5)]
    ids.append(control("create_call", **order(to="+15550109999")).call_id)
    assert [call.call_id for call in control("list_calls", page_size=2)] == ids
    assert [call.call_id for call in control("list_calls", to=TO, page_size=2)] == ids[:-1]
    assert control("list_calls", from_="+15550108888") == []
    simulator.advance(60)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert len(control("list_calls", min_start_time=now)) == 6
    assert control("list_calls", min_start_time=now + timedelta(hours=1)) == []
    assert len(control("list_calls", max_start_time=now, disconnect_cause="hangup")) == 0
    pages = [entry for entry in simulator.timeline if entry.text.startswith("GET")]
    assert len(pages) == 3 + 3 + 1 + 1 + 1 + 1


@both
def test_a_call_that_cannot_be_changed_raises_conflict_and_stays_as_it_is(
    twin: Twin, simulator: Simulator
) -> None:
    """Queued, ringing, and just ended; long ended is not found."""
    control = twin(simulator)
    simulator.phone(TO, Caller().answers(after=5))
    call_id = control("create_call", **order()).call_id
    for state in ("queued", "initiated", "disconnected"):
        if state == "initiated":
            simulator.advance(1)
        if state == "disconnected":
            simulator.advance(30)
            control("update_call", call_id, state="completed")
        before = control("get_call_state", call_id)
        assert before.state == state
        with pytest.raises(CallConflict, match="cannot be modified in its current state") as caught:
            control("update_call_bxml", call_id, Bxml().hangup())
        with pytest.raises(CallConflict):
            control("update_call", call_id, redirect_url="http://127.0.0.1:9/x")
        assert (caught.value.status, caught.value.type) == (409, "validation")
        assert caught.value.method == "PUT"
        assert caught.value.path.endswith(f"/calls/{call_id}/bxml")
        assert control("get_call_state", call_id) == before
    simulator.advance(60)
    with pytest.raises(CallNotFound):
        control("update_call_bxml", call_id, Bxml().hangup())


@both
def test_a_call_that_does_not_exist_is_not_found(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator)
    for name, args in [
        ("get_call_state", ()),
        ("update_call_bxml", (Bxml(),)),
    ]:
        with pytest.raises(CallNotFound, match=r"Call \[does-not-exist\] not found"):
            control(name, "does-not-exist", *args)
    with pytest.raises(CallNotFound):
        control("update_call", "does-not-exist", state="completed")


@both
def test_wrong_credentials_and_foreign_accounts_have_their_errors(
    twin: Twin, simulator: Simulator
) -> None:
    secret = "a wrong secret"
    token_url = simulator.auth.token_url
    for auth in (OAuth2("client-id", secret, token_url), Basic("user", secret)):
        with pytest.raises(Unauthorized) as caught:
            twin(simulator, auth=auth)("get_call_state", "c-1")
        assert secret not in f"{caught.value!r} {caught.value}"
    with pytest.raises(Forbidden, match="Access is denied"):
        twin(simulator, account_id="1234567")("get_call_state", "c-1")


@both
def test_basic_credentials_work_until_they_end(twin: Twin, simulator: Simulator) -> None:
    control = twin(simulator, auth=simulator.basic)
    assert control("list_calls") == []


@both
def test_a_token_is_fetched_once_and_renewed_in_its_last_minute(
    twin: Twin, simulator: Simulator
) -> None:
    now = [0.0]
    tokens = []

    def count() -> int:
        return sum("oauth2/token" in entry.text for entry in simulator.timeline)

    if twin is Blocking:
        with CallController(
            simulator.account_id,
            now=lambda: now[0],
            **reaching(simulator),
        ) as controller:
            for now[0] in (0.0, 10.0, 3539.0, 3541.0, 3542.0):
                list(controller.list_calls())
                tokens.append(count())
    else:

        async def run() -> None:
            async with AsyncCallController(
                simulator.account_id,
                now=lambda: now[0],
                **reaching(simulator),
            ) as controller:
                for now[0] in (0.0, 10.0, 3539.0, 3541.0, 3542.0):
                    assert [call async for call in controller.list_calls()] == []
                    tokens.append(count())

        asyncio.run(run())
    assert tokens == [1, 1, 1, 2, 2]


def test_a_token_that_is_refused_is_fetched_once_more(simulator: Simulator) -> None:
    """The platform's clock has run on; ours has not noticed."""
    with CallController(simulator.account_id, now=lambda: 0.0, **reaching(simulator)) as controller:
        list(controller.list_calls())
        simulator.advance(4000)
        list(controller.list_calls())
    requests = [entry.text.split(": ")[1] for entry in simulator.timeline]
    assert requests == ["200", "200", "401", "200", "200"]


@both
@pytest.mark.parametrize(
    ("name", "args", "kwargs", "words"),
    [
        ("create_call", (), order(to="911"), "to must be a phone number in E.164 form"),
        ("create_call", (), order(from_="Restricted"), "from_ must be a phone number"),
        ("create_call", (), order(answer_url="/answer"), "answer_url must be an absolute http"),
        ("create_call", (), order(answer_url="ftp://x/"), "answer_url must be an absolute http"),
        ("create_call", (), order(call_timeout=301), "call_timeout must be a number from 1 to 300"),
        ("create_call", (), order(callback_timeout=0), "callback_timeout must be a number from 1"),
        ("create_call", (), order(priority=6), "priority must be a whole number from 1 to 5"),
        ("create_call", (), order(tag="x" * 4097), "tag must be at most 4096 characters"),
        ("create_call", (), order(privacy=True, display_name="Joe"), "display_name must be one of"),
        (
            "create_call",
            (),
            order(answer_url="http://example.com/", password="s3cret"),
            "answer_url must be https, since username and password go there",
        ),
        ("create_call", (), {"to": TO}, "from_ is required"),
        ("create_call", (), order(answerUrl="x"), "answerUrl is not an attribute; did you mean"),
        ("update_call", ("c-1",), {}, "redirect_url is required, unless state is 'completed'"),
        (
            "update_call",
            ("c-1",),
            {"state": "completed", "tag": "x"},
            "tag is not allowed with state='completed'",
        ),
        ("update_call", ("c-1",), {"state": "done"}, "state must be active or completed"),
        ("list_calls", (), {"page_size": 0}, "page_size must be a whole number from 1 to 10000"),
        (
            "list_calls",
            (),
            {"min_start_time": datetime(2026, 1, 1)},  # noqa: DTZ001
            "min_start_time must have a time zone",
        ),
        ("get_call_state", ("../../x",), {}, "call_id must be an id of letters, digits, - and _"),
        ("update_call_bxml", ("c/1", Bxml()), {}, "call_id must be an id of letters"),
        ("update_call_bxml", ("c-1", 5), {}, "document must be a Response, a Bxml or markup"),
    ],
)
def test_what_the_platform_would_refuse_is_not_sent(  # noqa: PLR0917
    twin: Twin, simulator: Simulator, name: str, args: Any, kwargs: Any, words: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        twin(simulator)(name, *args, **kwargs)
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert simulator.timeline == []


def test_machine_detection_goes_with_the_order() -> None:
    sent: list[bytes] = []

    def platform(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return httpx.Response(400, json={"type": "validation", "description": "no", "id": None})

    transport = httpx.MockTransport(platform)
    detection = MachineDetection(mode="sync", detection_timeout=15, delay_result=False)
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        with pytest.raises(BadRequest, match="POST /api/v2/accounts/1/calls: 400 no"):
            controller.create_call(**order(machine_detection=detection, privacy=False, tag=""))
    assert sent == [
        b'{"to":"+15550100001","from":"+15550100002","applicationId":"app-1",'
        b'"answerUrl":"http://127.0.0.1:9/answer","machineDetection":{"mode":"sync",'
        b'"detectionTimeout":15,"delayResult":false},"privacy":false,"tag":""}'
    ]


@both
def test_a_platform_that_is_not_there_is_a_connection_that_failed_before_sending(
    twin: Twin, simulator: Simulator
) -> None:
    control = twin(
        simulator, auth=Basic("user", "a secret"), base_url="http://127.0.0.1:9/api/v2", retry=ONCE
    )
    with pytest.raises(ConnectionFailed) as caught:
        control("create_call", **order())
    assert caught.value.may_have_arrived is False
    assert str(caught.value).startswith("POST /api/v2/accounts/9900000/calls: no reply (Connect")
    assert str(caught.value).endswith("it was not sent")
    assert "a secret" not in repr(caught.value)


def test_a_reply_that_is_lost_may_mean_that_the_request_arrived() -> None:
    def platform(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("")

    transport = httpx.MockTransport(platform)
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        with pytest.raises(ConnectionFailed, match=r"ReadTimeout\); it may have arrived") as caught:
            controller.create_call(**order())
    assert caught.value.may_have_arrived


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            httpx.Response(200, html="<p>Log in"),
            "a body that is not JSON (text/html; charset=utf-8)",
        ),
        (httpx.Response(200, json={"state": 7}), "a body that cannot be read"),
        (httpx.Response(200, content=b"[" * 100_000), "a body that cannot be read"),
        (httpx.Response(200, content=b"\xff\xfe"), "a body that is not JSON (no content type)"),
        (httpx.Response(200, content=b" " * 33_554_433), "a body of more than 33,554,432 bytes"),
    ],
)
def test_a_reply_that_makes_no_sense_is_told_as_such(reply: httpx.Response, words: str) -> None:
    transport = httpx.MockTransport(lambda _: reply)
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        with pytest.raises(
            UnexpectedReply, match=r"GET /api/v2/accounts/1/calls/c-1: 200"
        ) as caught:
            controller.get_call_state("c-1")
    assert words in caught.value.reason


def test_unknown_properties_and_values_of_a_state_are_ordinary() -> None:
    told = {"callId": "c-1", "state": "parked", "disconnectCause": "meteor", "mood": {"a": [1]}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=told))
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        assert controller.get_call_state("c-1").state == "parked"
        listed = httpx.MockTransport(lambda _: httpx.Response(200, json=[told]))
    with CallController("1", auth=Basic("u", "p"), transport=listed, retry=ONCE) as controller:
        assert controller.get_call_state("c-1").disconnect_cause == "meteor"


def test_credentials_do_not_follow_a_next_page_to_another_host() -> None:
    seen: list[str] = []

    def platform(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        link = '<https://evil.example/api?pageToken=1>; rel="next"'
        return httpx.Response(200, json=[{"callId": "c-1"}], headers={"Link": link})

    transport = httpx.MockTransport(platform)
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        with pytest.raises(UnexpectedReply, match="the credentials do not go there"):
            list(controller.list_calls())
    assert seen == ["voice.bandwidth.com"]


def test_a_loop_of_pages_ends() -> None:
    def platform(_: httpx.Request) -> httpx.Response:
        link = '</api/v2/accounts/1/calls?pageToken=1>; rel="next"'
        return httpx.Response(200, json=[{"callId": "c-1"}], headers={"Link": link})

    transport = httpx.MockTransport(platform)
    with CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller:
        assert len(list(controller.list_calls())) == 2


def test_an_operation_shows_its_fields_and_its_words() -> None:
    shown = str(inspect.signature(CallController.create_call))
    assert shown.startswith("(self: ")
    assert "*, to: str, from_: str, application_id: str, answer_url: str" in shown
    assert shown.endswith("-> calls.models.CreateCallResponse")
    assert "Two requests are two calls" in (AsyncCallController.create_call.__doc__ or "")


def test_no_secret_is_in_any_repr() -> None:
    secret = "correct-horse"
    auth = OAuth2("id", secret)
    shown = [
        repr(auth),
        repr(Basic("u", secret)),
        repr(CallController("1", auth=auth)),
        repr(vars(CallController("1", auth=auth))),
    ]
    assert secret not in " ".join(shown)


@pytest.mark.parametrize("base_url", ["", "voice.bandwidth.com", "file:///etc/passwd"])
def test_a_base_url_must_be_one(base_url: str) -> None:
    with pytest.raises(InvalidRequest, match="base_url must be an absolute http or https URL"):
        CallController("1", auth=Basic("u", "p"), base_url=base_url)
