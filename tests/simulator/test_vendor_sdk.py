"""The vendor's own SDK against the simulator: it does what it does to the platform, and sees no difference.

The tests are the vendor's own in what they ask for and what they expect; see
``bandwidth.exceptions`` for which exception is raised when.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from bandwidth.exceptions import (
    ApiException,
    BadRequestException,
    ConflictException,
    ForbiddenException,
    NotFoundException,
    ServiceException,
    UnauthorizedException,
)
from bandwidth.models.bxml import Bxml, Pause, SpeakSentence

from bxml import Response
from calls.simulator import Answered, Fault, Settings, Simulator

# Its types are not those of what it takes and gives: all fields of its models are optional there.
bandwidth: Any = import_module("bandwidth")
models: Any = import_module("bandwidth.models")

ACCOUNT = "9900000"
HOLD = Response().speak_sentence("Please hold.").pause(duration=600)
AUTHS: dict[str, dict[str, str]] = {
    "oauth2": {"client_id": "client-id", "client_secret": "client-secret"},
    "basic": {"username": "user", "password": "password"},
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(post=lambda _: Answered(200, bytes(HOLD))) as platform, platform.serve():
        yield platform


Connect = Callable[..., Any]


@pytest.fixture
def connect(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Makes an API object, with OAuth2 unless there are other credentials."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    clients: list[Any] = []

    def connect(**credentials: str) -> Any:
        configuration = bandwidth.Configuration(
            host=simulator.base_url,
            access_token_url=simulator.auth.token_url,
            ignore_operation_servers=True,  # each operation has a host of its own
            retries=0,
            **(credentials or AUTHS["oauth2"]),
        )
        clients.append(bandwidth.ApiClient(configuration))
        return bandwidth.CallsApi(clients[-1])

    yield connect
    for client in clients:
        client.rest_client.pool_manager.clear()


@pytest.fixture
def api(connect: Connect) -> Any:
    return connect()


def order(**more: Any) -> Any:
    return models.CreateCall(
        to="+15550100001",
        var_from="+15550100002",
        application_id="04e88489-df02-4e34-a0ee-27a91849555f",
        answer_url="https://app.example.com/answer",
        **more,
    )


def answered(simulator: Simulator, api: Any) -> str:
    call_id = str(api.create_call(ACCOUNT, order()).call_id)
    simulator.advance(5)
    return call_id


@pytest.mark.parametrize("auth", AUTHS)
def test_a_call_is_made_read_listed_changed_and_ended(
    simulator: Simulator, connect: Connect, auth: str
) -> None:
    api = connect(**AUTHS[auth])
    made = api.create_call_with_http_info(
        ACCOUNT, order(tag="job-1", disconnect_url="https://b.example/")
    )
    assert made.status_code == 201
    call = made.data
    assert made.headers is not None
    assert (
        made.headers["Location"]
        == call.call_url
        == f"{simulator.base_url}/accounts/{ACCOUNT}/calls/{call.call_id}"
    )
    assert (len(call.call_id), call.tag, call.priority) == (47, "job-1", 5)
    assert (call.call_timeout, call.callback_timeout) == (30.0, 15.0)
    assert call.answer_fallback_method == models.CallbackMethodEnum.POST
    assert call.enqueued_time == datetime(2026, 1, 1, tzinfo=UTC)
    simulator.advance(5)

    state = api.get_call_state_with_http_info(ACCOUNT, call.call_id)
    assert (state.status_code, state.data.call_id, state.data.state) == (
        200,
        call.call_id,
        "answered",
    )
    assert state.data.direction == models.CallDirectionEnum.OUTBOUND
    assert state.data.answer_time == datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)

    document = Bxml([SpeakSentence("An agent is free."), Pause(60)]).to_bxml()
    pushed = api.update_call_bxml_with_http_info(ACCOUNT, call.call_id, document)
    assert pushed.status_code == 204
    simulator.advance(5)
    assert simulator.heard(call.call_id) == ["Please hold.", "An agent is free."]

    redirect = models.UpdateCall(
        state=models.CallStateEnum.ACTIVE, redirect_url="https://app.example.com/next", tag="job-2"
    )
    assert api.update_call_with_http_info(ACCOUNT, call.call_id, redirect).status_code == 200
    simulator.advance(1)
    assert "POST redirect: 200" in [entry.text for entry in simulator.timeline]

    # The SDK sends redirectMethod and redirectFallbackMethod along, which must not be in the way.
    end = models.UpdateCall(state=models.CallStateEnum.COMPLETED)
    assert api.update_call_with_http_info(ACCOUNT, call.call_id, end).status_code == 200
    [listed] = api.list_calls(ACCOUNT, to="+15550100001", disconnect_cause="hangup")
    assert (listed.call_id, listed.state) == (call.call_id, "disconnected")


def test_pages_are_followed_by_the_link(api: Any) -> None:
    made = [api.create_call(ACCOUNT, order()).call_id for _ in range(3)]
    first = api.list_calls_with_http_info(ACCOUNT, page_size=2)
    assert [call.call_id for call in first.data] == made[:2]
    assert first.headers is not None
    token = first.headers["Link"].partition("pageToken=")[2].partition(">")[0]
    second = api.list_calls_with_http_info(ACCOUNT, page_size=2, page_token=token)
    assert [call.call_id for call in second.data] == made[2:]
    assert "Link" not in (second.headers or {})


def test_filters_and_times_are_sent_as_the_platform_reads_them(
    simulator: Simulator, api: Any
) -> None:
    call_id = answered(simulator, api)
    zero = "2026-01-01T00:00:00Z"
    for matching, filters in (
        (1, {"var_from": "+15550100002", "min_start_time": zero, "max_start_time": zero}),
        (0, {"var_from": "+15550100001"}),
        (0, {"min_start_time": "2026-01-01T00:00:01Z"}),
        (0, {"disconnect_cause": "busy"}),
    ):
        found = [call.call_id for call in api.list_calls(ACCOUNT, **filters)]
        assert found == [call_id] * matching


def refused(error: type[ApiException], status: int, ask: Callable[[], object]) -> Any:
    """What is raised, which must be of this very class."""
    with pytest.raises(ApiException) as caught:
        ask()
    assert (type(caught.value), caught.value.status) == (error, status)
    return caught.value


def test_an_invalid_request_is_a_bad_request(simulator: Simulator, api: Any) -> None:
    call_id = answered(simulator, api)
    wrong = order()
    wrong.to = "invalid"
    error = refused(BadRequestException, 400, lambda: api.create_call(ACCOUNT, wrong))
    assert error.data.type == "validation"
    assert error.data.description == "Invalid to: must be an E164 telephone number"
    change = models.UpdateCall(state=models.CallStateEnum.ACTIVE)
    refused(BadRequestException, 400, lambda: api.update_call(ACCOUNT, call_id, change))
    refused(BadRequestException, 400, lambda: api.update_call_bxml(ACCOUNT, call_id, "invalidBXML"))
    refused(BadRequestException, 400, lambda: api.list_calls(ACCOUNT, page_token="x"))


def each_of_the_five(api: Any, account: str = ACCOUNT) -> list[Callable[[], object]]:
    call_id, change = "not a call id", models.UpdateCall(state=models.CallStateEnum.COMPLETED)
    return [
        lambda: api.create_call(account, order()),
        lambda: api.get_call_state(account, call_id),
        lambda: api.list_calls(account),
        lambda: api.update_call(account, call_id, change),
        lambda: api.update_call_bxml(account, call_id, "<Bxml/>"),
    ]


@pytest.mark.parametrize(
    "credentials", [{"username": "user", "password": "wrong"}, {"access_token": "wrong"}]
)
def test_wrong_credentials_are_unauthorized_everywhere(
    connect: Connect, credentials: dict[str, str]
) -> None:
    for ask in each_of_the_five(connect(**credentials)):
        error = refused(UnauthorizedException, 401, ask)
        assert error.data.type == "authentication-error"


def test_a_token_that_has_ended_is_unauthorized(simulator: Simulator, api: Any) -> None:
    answered(simulator, api)
    simulator.advance(3600)
    refused(UnauthorizedException, 401, lambda: api.list_calls(ACCOUNT))


@pytest.mark.parametrize("account", ["1234567", "not an account"])
def test_a_foreign_account_is_forbidden_everywhere(api: Any, account: str) -> None:
    for ask in each_of_the_five(api, account):
        error = refused(ForbiddenException, 403, ask)
        assert (error.data.type, error.data.description) == (
            "authorization-error",
            "Access is denied",
        )


def test_a_call_that_does_not_exist_is_not_found(api: Any) -> None:
    _, state, _, update, replace = each_of_the_five(api)
    for ask in (state, update, replace):
        error = refused(NotFoundException, 404, ask)
        assert error.data.description == "Call [not a call id] not found"


def test_a_call_in_another_state_is_a_conflict(simulator: Simulator, api: Any) -> None:
    call_id = str(api.create_call(ACCOUNT, order()).call_id)
    redirect = models.UpdateCall(redirect_url="https://app.example.com/next")
    end = models.UpdateCall(state=models.CallStateEnum.COMPLETED)
    refused(ConflictException, 409, lambda: api.update_call(ACCOUNT, call_id, redirect))
    refused(ConflictException, 409, lambda: api.update_call_bxml(ACCOUNT, call_id, "<Bxml/>"))
    api.update_call(ACCOUNT, call_id, end)
    error = refused(ConflictException, 409, lambda: api.update_call(ACCOUNT, call_id, end))
    assert error.data.id == ""
    simulator.advance(60)
    refused(NotFoundException, 404, lambda: api.update_call(ACCOUNT, call_id, end))


def test_an_overloaded_platform_is_a_service_exception(simulator: Simulator, api: Any) -> None:
    simulator.inject(Fault("503", url="/calls"))
    refused(ServiceException, 503, lambda: api.list_calls(ACCOUNT))


def test_what_has_no_class_of_its_own_is_a_plain_api_exception(
    simulator: Simulator, api: Any
) -> None:
    call_id = answered(simulator, api)
    json: dict[str, Any] = {"_content_type": "application/json"}
    error = refused(
        ApiException, 415, lambda: api.update_call_bxml(ACCOUNT, call_id, "<Bxml/>", **json)
    )
    assert error.data.description == "Content type 'application/json' not supported"
    # No method of the SDK is one that the platform has not got, so it is asked below them.
    client = api.api_client
    url = f"{simulator.base_url}/accounts/{ACCOUNT}/calls"

    def delete() -> object:
        reply = client.call_api("DELETE", url)
        reply.read()
        return client.response_deserialize(reply, {"405": "VoiceApiError"})

    error = refused(ApiException, 405, delete)
    assert error.data.description == "Method Not Allowed"


def test_too_many_calls_are_a_plain_api_exception_that_says_when_to_try_again() -> None:
    settings = Settings(sessions=1)
    with Simulator(post=lambda _: Answered(200, bytes(HOLD)), settings=settings) as simulator:
        with simulator.serve():
            configuration = bandwidth.Configuration(
                host=simulator.base_url,
                ignore_operation_servers=True,
                retries=0,
                **AUTHS["basic"],
            )
            with bandwidth.ApiClient(configuration) as client:
                api = bandwidth.CallsApi(client)
                api.create_call(ACCOUNT, order())
                error = refused(ApiException, 429, lambda: api.create_call(ACCOUNT, order()))
                client.rest_client.pool_manager.clear()
    assert error.data.description == "Account concurrent call limit exceeded"
    assert error.headers["Retry-After"] == "1"
