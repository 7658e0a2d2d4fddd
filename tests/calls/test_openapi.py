"""What is sent, and what the simulator answers, by the vendor's OpenAPI document.

The document (calls-openapi.json) is not part of the project: where it does not lie beside it, these
tests are skipped.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.security.exceptions import SecurityProviderError
from openapi_core.security.factories import SecurityProviderFactory
from openapi_core.security.providers import BaseProvider, HttpProvider
from werkzeug.datastructures import Headers, ImmutableMultiDict

from bxml import Bxml, Response
from bxml._declare import describe
from bxml._values import from_kind
from bxml.strategies import documents
from calls import (
    Basic,
    CallController,
    CallsError,
    InvalidRequest,
    MachineDetection,
    OAuth2,
    Retry,
)
from calls.models import CreateCall, ListCalls, UpdateCall
from calls.simulator import Answered, Application, Caller, Simulator, Target, Targets
from calls.simulator.platform import TOKEN_PATH

DOCUMENT = Path(__file__).parents[3] / "shared" / "reference" / "calls-openapi.json"
ONCE = Retry(attempts=1)
quickly = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The checker takes as long for one request as the rest of a test for ten."""


# The document, and a checker that is as strict as it can be made


class Bearer(BaseProvider):
    """What openapi-core does not know: that OAuth2 is a Bearer token in the header."""

    def __call__(self, parameters: RequestParameters) -> str:
        scheme, _, token = parameters.header.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise SecurityProviderError("no Bearer token")
        return str(token)


class Providers(SecurityProviderFactory):
    PROVIDERS = {**SecurityProviderFactory.PROVIDERS, "http": HttpProvider, "oauth2": Bearer}  # noqa: RUF012


def is_uri(value: Any) -> bool:
    """Whether this has the parts of an absolute URI. Which characters it may hold is left open."""
    parts = urlsplit(value)
    return bool(parts.scheme and parts.netloc)


def is_moment(value: Any) -> bool:
    return datetime.fromisoformat(value).tzinfo is not None


class Asked:
    """A request, as openapi-core wants it."""

    def __init__(self, request: httpx.Request) -> None:
        self.method = request.method.lower()
        self.path = request.url.path
        self.host_url = f"{request.url.scheme}://{request.url.host}"
        self.content_type = request.headers.get("content-type", "")
        self.body = request.content or None
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True, strict_parsing=True)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(query), header=Headers(list(request.headers.items()))
        )


class Told:
    """A reply, as openapi-core wants it."""

    def __init__(self, reply: httpx.Response) -> None:
        self.status_code = reply.status_code
        self.content_type = reply.headers.get("content-type", "")
        self.headers = Headers(list(reply.headers.items()))
        self.data = reply.content


def strict(schema: Any) -> Any:
    """The same document, in which no object has properties that it does not name."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(each) for name, each in schema.items()}
    if closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


class Checker:
    """Holds requests and replies against the document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        config = Config(
            extra_format_validators={"uri": is_uri, "date-time": is_moment},
            # The schema of a BXML document is a string: it is that, and not parsed into a tree.
            extra_media_type_deserializers={"application/xml": lambda body, **_: body.decode()},
            security_provider_factory=Providers(),
        )
        self._openapi = OpenAPI.from_dict(strict(document), config=config)

    def request(self, request: httpx.Request) -> str:
        """Check a request; the id of its operation."""
        asked = Asked(request)
        self._openapi.validate_request(asked)
        template = (
            "/accounts/{accountId}/calls"
            + {4: "", 5: "/{callId}", 6: "/{callId}/bxml"}[
                len(asked.path.removeprefix("/api/v2").split("/"))
            ]
        )
        operation = self._document["paths"][template][asked.method]
        # openapi-core looks for the parameters that there are, and not for others.
        given = set(asked.parameters.query)
        assert given <= {each["name"] for each in map(self._resolved, operation["parameters"])}
        assert request.headers["accept"] == "application/json"
        return str(operation["operationId"])

    def reply(self, request: httpx.Request, reply: httpx.Response) -> None:
        """Check a reply."""
        self._openapi.validate_response(Asked(request), Told(reply))

    def _resolved(self, parameter: Mapping[str, Any]) -> Any:
        name = parameter["$ref"].removeprefix("#/components/parameters/")
        return self._document["components"]["parameters"][name]


@pytest.fixture(scope="module")
def checker(reference: Any) -> Checker:  # skips where there is none
    if not DOCUMENT.exists():
        pytest.skip("the reference of the REST API (calls-openapi.json) is not beside the project")
    return Checker(json.loads(DOCUMENT.read_text()))


# What may be asked for

FILTERS = {"to": "to", "from_": "from", "disconnect_cause": "disconnectCause"}
TIMES = {"min_start_time": "minStartTime", "max_start_time": "maxStartTime"}


def attributes(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Values for the required fields of a request, and for some of the others."""
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for known in describe(cls).attributes:
        if known.name == "machine_detection":
            strategy: Any = st.deferred(lambda: requests(MachineDetection)).map(
                lambda fields: MachineDetection(**fields)
            )
        elif known.name.endswith("_start_time"):
            zones = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=-30))])
            strategy = st.datetimes(timezones=zones)
        else:
            strategy = from_kind(known.kind)
            if cls is ListCalls and known.name in FILTERS:
                strategy = strategy.filter(bool)  # see below
        (required if known.required else optional)[known.name] = strategy
    return st.fixed_dictionaries(required, optional=optional)


@cache
def requests(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields of requests that are valid; what does not go together is left out."""

    def sound(fields: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                cls(**fields)
            except InvalidRequest as error:
                for problem in error.problems:
                    assert problem.attribute
                    if problem.attribute in fields and problem.rule != "https-with-credentials":
                        del fields[problem.attribute]
                    elif problem.attribute in fields:
                        fields[problem.attribute] = "https://a.example/b"
                    else:
                        fields[problem.attribute] = "https://a.example/c"
            else:
                return fields

    return attributes(cls).map(sound)


class Recorder(httpx.BaseTransport):
    """Keeps what goes by."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []
        self.replies: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        reply = self._answer(request)
        reply.read()
        if request.url.path != TOKEN_PATH:  # of another document
            self.requests.append(request)
            self.replies.append(reply)
        return reply


def anything(request: httpx.Request) -> httpx.Response:
    if request.url.path == TOKEN_PATH:
        return httpx.Response(200, json={"access_token": "t.t.t", "expires_in": 3600})
    return httpx.Response(400, json={"type": "validation"})


AUTHS: list[OAuth2 | Basic] = [OAuth2("id", "secret"), Basic("user", "päss:word")]
auths = pytest.mark.parametrize("auth", AUTHS, ids=["oauth2", "basic"])


def sent(auth: Any, ask: Callable[[CallController], Any], account: str = "9900000") -> Any:
    """The request that is sent for something."""
    recorder = Recorder(anything)
    with CallController(account, auth=auth, transport=recorder, retry=ONCE) as controller:
        with suppress(CallsError):
            ask(controller)
    [request] = recorder.requests
    return request


IDS = st.from_regex("[A-Za-z0-9_-]{1,60}", fullmatch=True)


@quickly
@given(st.sampled_from(AUTHS), requests(CreateCall), IDS)
def test_every_call_is_ordered_as_documented(
    checker: Checker, auth: Any, fields: dict[str, Any], account: str
) -> None:
    request = sent(auth, lambda control: control.create_call(**fields), account)
    assert checker.request(request) == "createCall"
    assert request.url.path == f"/api/v2/accounts/{account}/calls"
    body = json.loads(request.content)
    assert len(body) == len(fields), "what is not given is not sent, and nothing is null"
    assert None not in body.values()


@quickly
@given(st.sampled_from(AUTHS), requests(UpdateCall), IDS)
def test_every_change_is_sent_as_documented(
    checker: Checker, auth: Any, fields: dict[str, Any], call_id: str
) -> None:
    if fields.get("state") == "completed":
        fields = {"state": "completed"}
    request = sent(auth, lambda control: control.update_call(call_id, **fields))
    assert checker.request(request) == "updateCall"
    assert request.url.path.endswith(f"/calls/{call_id}")
    body = json.loads(request.content)
    assert len(body) == len(fields)
    assert None not in body.values()
    if "redirect_url" in fields:
        fields.pop("state", None)
        redirected = {name: value for name, value in fields.items() if name != "redirect_url"}
        other = sent(
            auth,
            lambda control: control.call(call_id).redirect(fields["redirect_url"], **redirected),
        )
        assert checker.request(other) == "updateCall"
        body.pop("state", None)
        assert json.loads(other.content) == body


@quickly
@given(st.sampled_from(AUTHS), requests(ListCalls))
def test_every_list_is_asked_for_as_documented(
    checker: Checker, auth: Any, fields: dict[str, Any]
) -> None:
    request = sent(auth, lambda control: next(control.list_calls(**fields)))
    assert checker.request(request) == "listCalls"
    query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
    for name, documented in FILTERS.items():
        assert query.get(documented) == fields.get(name)
    for name, documented in TIMES.items():
        if name in fields:
            assert datetime.fromisoformat(query[documented]) == fields[name]


@pytest.mark.parametrize("name", FILTERS)
def test_an_empty_filter_is_not_sent(checker: Checker, name: str) -> None:
    """Whoever asks for the calls to a number that he has not got means something else than all."""
    recorder = Recorder(anything)
    fields: dict[str, Any] = {name: ""}
    with CallController("1", auth=AUTHS[0], transport=recorder, retry=ONCE) as controller:
        with suppress(CallsError):
            next(controller.list_calls(**fields))
    for request in recorder.requests:
        checker.request(request)


@quickly
@given(st.sampled_from(AUTHS), documents(), IDS, st.booleans())
def test_every_document_is_pushed_as_documented(
    checker: Checker, auth: Any, document: Response | Bxml, call_id: str, markup: bool
) -> None:
    pushed: Any = document.to_bxml() if markup else document
    request = sent(auth, lambda control: control.call(call_id).push(pushed, unchecked=True))
    assert checker.request(request) == "updateCallBxml"
    assert request.headers["content-type"] == "application/xml"
    assert request.url.path.endswith(f"/calls/{call_id}/bxml")


@quickly
@given(st.sampled_from(AUTHS), IDS)
def test_every_state_is_asked_for_as_documented(checker: Checker, auth: Any, call_id: str) -> None:
    request = sent(auth, lambda control: control.get_call_state(call_id))
    assert checker.request(request) == "getCallState"
    assert "content-type" not in request.headers
    assert request.content == b""


@auths
def test_an_end_is_asked_for_as_documented(checker: Checker, auth: Any) -> None:
    request = sent(auth, lambda control: control.call("c-1").hang_up())
    assert checker.request(request) == "updateCall"
    assert request.content == b'{"state":"completed"}'


def altered(**changes: Any) -> httpx.Request:
    """A request to place a call, with something wrong in it."""
    order = {
        "to": "+1555",
        "from": "+1555",
        "applicationId": "a",
        "answerUrl": "https://a.example/",
    }
    fields = {**order, **changes.pop("fields", {})}
    content = json.dumps({name: value for name, value in fields.items() if value is not None})
    parts: dict[str, Any] = {
        "method": "POST",
        "url": "https://voice.bandwidth.com/api/v2/accounts/1/calls",
        "headers": {},
        "content": content,
        **changes,
    }
    headers = {
        "authorization": "Bearer t",
        "accept": "application/json",
        "content-type": "application/json",
        **parts.pop("headers"),
    }
    headers = {name: value for name, value in headers.items() if value}
    return httpx.Request(parts.pop("method"), parts.pop("url"), headers=headers, **parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": {"from": None}},
        {"fields": {"from_": "+1"}},
        {"fields": {"answerUrl": "/answer"}},
        {"fields": {"answerMethod": "PUT"}},
        {"fields": {"callTimeout": 301}},
        {"fields": {"callTimeout": "30"}},
        {"fields": {"machineDetection": {"detection_timeout": 5}}},
        {"fields": {"machineDetection": {"mode": "maybe"}}},
        {"fields": {"tag": "x" * 4097}},
        {"headers": {"authorization": ""}},
        {"headers": {"authorization": "Digest x"}},
        {"headers": {"accept": "*/*"}},
        {"headers": {"content-type": "application/xml"}},
        {"headers": {"content-type": ""}},
        {"content": ""},
        {"content": "{"},
        {"method": "PUT"},
        {"url": "https://voice.bandwidth.com/api/v2/accounts/1/call"},
        {"url": "https://voice.bandwidth.com/api/v2/accounts/1/calls?to=1"},
        {"url": "https://voice.bandwidth.com/accounts/1/calls"},
        {"url": "https://elsewhere.example/api/v2/accounts/1/calls"},
        {
            "method": "GET",
            "content": "",
            "url": "https://voice.bandwidth.com/api/v2/accounts/1/calls?pageSize=0",
        },
        {
            "method": "GET",
            "content": "",
            "url": "https://voice.bandwidth.com/api/v2/accounts/1/calls?page_size=5",
        },
    ],
)
def test_the_checker_finds_what_is_wrong(checker: Checker, changes: dict[str, Any]) -> None:
    """Or else the other tests here would say nothing."""
    assert checker.request(altered()) == "createCall"
    with pytest.raises((OpenAPIError, AssertionError)):
        checker.request(altered(**changes))


# What the simulator answers


@pytest.fixture
def simulated() -> Any:
    hold = Response().pause(duration=600)
    with Simulator(post=lambda _: Answered(200, bytes(hold))) as simulator:
        yield simulator


def recorded(simulator: Simulator) -> Recorder:
    return Recorder(simulator.transport().handle_request)


@settings(quickly, max_examples=20)
@given(requests(CreateCall), requests(UpdateCall))
def test_the_replies_of_the_simulator_are_as_documented(
    checker: Checker, fields: dict[str, Any], change: dict[str, Any]
) -> None:
    hold = Response().pause(duration=600)
    with Simulator(post=lambda _: Answered(200, bytes(hold))) as simulator:
        simulator.phone(fields["to"], Caller().answers(after=3))
        recorder = recorded(simulator)
        auth = OAuth2(simulator.auth.client_id, simulator.auth.client_secret)
        account = simulator.account_id
        with CallController(account, auth=auth, transport=recorder, retry=ONCE) as controller:
            call = controller.call(controller.create_call(**fields).call_id)
            asks: list[Callable[[], Any]] = [
                call.state,
                lambda: list(controller.list_calls(page_size=1)),
                lambda: call.push(Bxml().pause(duration=5)),
                lambda: controller.update_call(call.call_id, **change),
                lambda: controller.create_call(**fields),
            ]
            for seconds in (0, 1, 5, 30, 60):
                simulator.advance(seconds)
                for ask in asks:
                    with suppress(CallsError):
                        ask()
    for request, reply in zip(recorder.requests, recorder.replies, strict=True):
        checker.reply(request, reply)


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        (201, {}),
        (400, {"fields": {"from": None}}),
        (400, {"fields": {"to": "911"}}),
        (400, {"fields": {"callTimeout": 301}}),
        (400, {"content": "{"}),
        (401, {"headers": {"authorization": "Bearer wrong"}}),
        (401, {"headers": {"authorization": ""}}),
        (403, {"url": "https://voice.bandwidth.com/api/v2/accounts/other/calls"}),
        (415, {"headers": {"content-type": "application/xml"}}),
        (415, {"headers": {"content-type": ""}}),
        (404, {"method": "GET", "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls/c-0"}),
        (
            404,
            {
                "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls/c-0",
                "content": '{"state":"completed"}',
            },
        ),
        (
            404,
            {
                "method": "PUT",
                "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls/c-0/bxml",
                "content": "<Bxml/>",
                "headers": {"content-type": "application/xml"},
            },
        ),
        (
            400,
            {
                "method": "PUT",
                "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls/c-0/bxml",
                "content": "<Bxml",
                "headers": {"content-type": "application/xml"},
            },
        ),
        (
            400,
            {
                "method": "GET",
                "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls?pageSize=0",
            },
        ),
        (200, {"method": "GET", "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls"}),
    ],
)
def test_refusals_of_the_simulator_are_as_documented(
    checker: Checker, simulated: Simulator, status: int, changes: dict[str, Any]
) -> None:
    account = simulated.account_id
    parts: dict[str, Any] = {
        "url": "https://voice.bandwidth.com/api/v2/accounts/A/calls",
        **changes,
    }
    parts["url"] = parts["url"].replace("/A/", f"/{account}/")
    recorder = recorded(simulated)
    with httpx.Client(transport=recorder) as client:
        request = altered(**parts)
        if "authorization" not in changes.get("headers", {}):
            basic = httpx.BasicAuth(simulated.basic.username, simulated.basic.password)
            reply = client.send(request, auth=basic)
        else:
            reply = client.send(request)
    assert reply.status_code == status
    checker.reply(request, reply)


def test_every_id_of_the_simulator_looks_like_one(simulated: Simulator) -> None:
    there = Application(initiate=Targets(Target("https://app.example.com/in")))
    call_id = simulated.dial(
        from_="+15550100001", to="+15550100002", caller=Caller(), application=there
    )
    first, _, rest = call_id.removeprefix("c-").partition("-")
    assert (len(call_id), len(first)) == (47, 8)
    uuid.UUID(rest)
