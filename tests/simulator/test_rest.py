"""The REST face: its statuses, its words, the order of its checks, and its clocks."""

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bxml import Bxml, Pause, Response
from calls.simulator import (
    Answered,
    Application,
    Caller,
    RealClock,
    Settings,
    Simulator,
    Target,
    Targets,
)
from calls.simulator.platform import BASE_PATH, LARGEST_REQUEST, TOKEN_PATH, Incoming
from calls.simulator.state import Recording

APP = "2f1c0b9a-7d6e-4c5b-8a39-182736455463"
ORDER = {
    "to": "+15550100001",
    "from": "+15550100002",
    "applicationId": APP,
    "answerUrl": "https://app.example.com/answer",
}
HOLD = Response().pause(duration=600)
REDIRECT = {"redirectUrl": "https://app.example.com/next"}
XML = {"Content-Type": "application/xml"}
DAY = 86_400.0


def simulation(**options: Any) -> Simulator:
    return Simulator(post=lambda _: Answered(200, bytes(HOLD)), **options)


def connected(simulator: Simulator, *, auth: Any = ("user", "password")) -> httpx.Client:
    return httpx.Client(
        base_url=f"{simulator.base_url}/accounts/{simulator.account_id}",
        auth=auth,
        transport=simulator.transport(),
    )


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with simulation() as platform:
        yield platform


@pytest.fixture
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    with connected(simulator) as http:
        yield http


def placed(client: httpx.Client, **more: Any) -> str:
    """The id of a call that was asked for."""
    reply = client.post("/calls", json=ORDER | more)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["callId"])


def told(reply: httpx.Response) -> tuple[int, str, str, str | None]:
    """A refusal as a value."""
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    body = reply.json()
    assert list(body) == ["type", "description", "id"]
    return reply.status_code, body["type"], body["description"], body["id"]


# Who asks


def test_the_checks_come_in_the_order_of_the_reference(
    simulator: Simulator, client: httpx.Client
) -> None:
    """405, 401, 403, 415, 400, 404, 409."""
    foreign = str(client.base_url).replace(simulator.account_id, "1234567")
    call_id = placed(client)
    none = httpx.Auth()
    statuses = [
        client.delete("/calls/nobody", auth=none).status_code,
        client.post("/calls/nobody", content=b"?", auth=none).status_code,
        client.post(f"{foreign}calls/nobody", content=b"?").status_code,
        client.post("/calls/nobody", content=b"?").status_code,
        client.post("/calls/nobody", json={}).status_code,
        client.put("/calls/nobody/bxml", content=b"<Bxml/>", headers=XML).status_code,
        client.put(f"/calls/{call_id}/bxml", content=b"<Bxml/>", headers=XML).status_code,
    ]
    assert statuses == [405, 401, 403, 415, 400, 404, 409]


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "Unauthorized"),
        ("", "Unauthorized"),
        (basic("user:wrong"), "The credentials provided were invalid"),
        (basic("USER:password"), "The credentials provided were invalid"),
        ("Basic not base64", "Failed to decode basic authentication token"),
        ("Basic é", "Failed to decode basic authentication token"),
        (basic("user"), "Invalid basic authentication token"),
        ("Basic", "Invalid basic authentication token"),
        ("Bearer wrong", "The credentials provided were invalid"),
        ("Bearer", "The credentials provided were invalid"),
        ("Digest x", "The credentials provided were invalid"),
    ],
)
def test_credentials_that_are_none_are_refused_in_the_vendors_words(
    simulator: Simulator, header: str | None, words: str
) -> None:
    headers = {} if header is None else {"authorization": header}
    path = f"{BASE_PATH}/accounts/{simulator.account_id}/calls"
    reply = simulator.handle(Incoming("GET", path, "", headers, b""))
    body = json.loads(reply.body)
    assert (reply.status, body["type"], body["description"], body["id"]) == (
        401,
        "authentication-error",
        words,
        None,
    )


def token(simulator: Simulator, form: str = "grant_type=client_credentials", **more: Any) -> Any:
    how: dict[str, Any] = {"auth": ("client-id", "client-secret"), **more}
    with httpx.Client(transport=simulator.transport(), auth=how["auth"]) as http:
        url = f"http://simulator{TOKEN_PATH}"
        method = how.get("method", "POST")
        content_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return http.request(method, url, content=form.encode(), headers=content_type)


def test_a_token_opens_the_account_until_it_expires_on_the_clock_of_the_platform() -> None:
    with simulation(settings=Settings(token_seconds=100)) as simulator:
        granted = token(simulator).json()
        assert (granted["expires_in"], granted["token_type"]) == (100, "Bearer")
        bearer = {"Authorization": f"bearer {granted['access_token']}"}
        with connected(simulator, auth=None) as client:
            for seconds, status in ((0, 200), (99, 200), (1, 401)):
                simulator.advance(seconds)
                assert client.get("/calls", headers=bearer).status_code == status


def test_more_tokens_than_the_platform_keeps_end_the_oldest(simulator: Simulator) -> None:
    tokens = [token(simulator).json()["access_token"] for _ in range(1001)]
    with connected(simulator, auth=None) as client:
        statuses = [
            client.get("/calls", headers={"Authorization": f"Bearer {each}"}).status_code
            for each in (tokens[0], tokens[-1])
        ]
    assert statuses == [401, 200]


@pytest.mark.parametrize(
    ("form", "options", "status", "error"),
    [
        ("grant_type=client_credentials", {"auth": ("client-id", "x")}, 401, "invalid_client"),
        ("grant_type=client_credentials", {"auth": None}, 401, "invalid_client"),
        ("grant_type=password", {}, 400, "unsupported_grant_type"),
        ("", {}, 400, "invalid_request"),
        ("&".join(["a=b"] * 1000), {}, 400, None),
    ],
)
def test_a_token_is_refused_as_oauth2_says(
    simulator: Simulator, form: str, options: Any, status: int, error: str | None
) -> None:
    reply = token(simulator, form, **options)
    assert (reply.status_code, reply.json().get("error")) == (status, error)


def test_a_secret_is_in_no_refusal_and_in_no_repr(simulator: Simulator) -> None:
    account = simulator._platform._access
    assert "client-secret" not in repr(vars(account))
    assert "password" not in token(simulator, auth=("client-id", "password")).text


@pytest.mark.parametrize("account", ["1234567", "does-not-exist", "not%20an%20account", "99%2F1"])
def test_a_foreign_account_is_forbidden_whatever_it_looks_like(
    client: httpx.Client, account: str
) -> None:
    reply = client.get(f"http://simulator{BASE_PATH}/accounts/{account}/calls/c-1")
    assert told(reply) == (403, "authorization-error", "Access is denied", None)


# What there is


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/calls", "GET, HEAD, POST"),
        ("PUT", "/calls/c-1", "GET, HEAD, POST"),
        ("GET", "/calls/c-1/bxml", "PUT"),
        ("HEAD", "/calls/c-1/bxml", "PUT"),
        ("PATCH", "/statistics", "GET, HEAD"),
        ("DELETE", "/calls/c-1/recordings/r-1/media", "GET, HEAD"),
        ("GET", "/conferences/conf-1/bxml", "PUT"),
        ("GET", f"http://simulator{TOKEN_PATH}", "POST"),
    ],
)
def test_another_method_is_told_which_there_are(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    reply = client.request(method, path, auth=httpx.Auth())
    assert (reply.status_code, reply.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert told(reply) == (405, "validation", "Method Not Allowed", None)


@pytest.mark.parametrize(
    "path", ["/call", "/calls/", "/calls//bxml", "/calls/c-1/bxml/x", "/calls/a/b/c/d/e/f/g/h", "/"]
)
def test_an_unknown_path_is_not_found(client: httpx.Client, path: str) -> None:
    assert told(client.get(path)) == (404, "validation", "Not Found", None)


def test_nothing_is_answered_outside_of_the_base_path(client: httpx.Client) -> None:
    for url in ("http://simulator/", "http://simulator/accounts/9900000/calls"):
        assert told(client.get(url)) == (404, "validation", "Not Found", None)


def test_head_is_get_without_its_content(simulator: Simulator, client: httpx.Client) -> None:
    call_id = placed(client)
    for path, status in ((f"/calls/{call_id}", 200), ("/calls", 200), ("/calls/nobody", 404)):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, got.status_code) == (status, status)
        assert (head.content, head.headers) == (b"", got.headers)
    assert simulator.timeline[-1].text.startswith("HEAD /api/v2/")


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        (None, "Content type 'text/plain;charset=UTF-8' not supported"),
        ("application/xml", "Content type 'application/xml' not supported"),
        ("text/json; charset=utf-8", "Content type 'text/json; charset=utf-8' not supported"),
        ("json", "Unsupported Media Type"),
        (f"application/{'x' * 1000}", "Unsupported Media Type"),
    ],
)
def test_a_body_of_another_type_is_refused(
    client: httpx.Client, content_type: str | None, words: str
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    reply = client.post("/calls", content=json.dumps(ORDER), headers=headers)
    assert told(reply) == (415, "validation", words, None)


def test_the_type_of_a_body_may_have_parameters_and_capitals(client: httpx.Client) -> None:
    headers = {"Content-Type": "Application/JSON ; charset=utf-8"}
    reply = client.post("/calls", content=json.dumps(ORDER), headers=headers)
    assert reply.status_code == 201


# createCall


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"to": None},
            "Missing at least one required field."
            " Required fields are [from, to, answerUrl, applicationId]",
        ),
        ({"to": "911"}, "Invalid to: must be an E164 telephone number"),
        ({"to": 911}, "Invalid to: must be an E164 telephone number"),
        ({"from": "sip:a@b.example"}, "Invalid from: must be an E164 telephone number"),
        ({"answerUrl": "ftp://x"}, "Invalid answerUrl: only http and https are allowed"),
        ({"answerUrl": "http://[bad/"}, "Invalid answerUrl: only http and https are allowed"),
        (
            {"disconnectMethod": "PUT"},
            "Invalid disconnectUrl method. Supported methods: [POST, GET]",
        ),
        (
            {"callTimeout": 500},
            "callTimeout must be within the range [1, 300], but was 500",
        ),
        ({"priority": 0}, "priority must be within the range [1, 5], but was 0"),
        ({"priority": True}, "priority must be a whole number from 1 to 5 (got True)"),
        (
            {"tag": "x" * 4097},
            "Could not create call: sendCallback tag must contain at most 4096 characters",
        ),
        ({"applicationId": " "}, "applicationId must not be blank (got ' ')"),
        (
            {"answerUrl": "http://a.example/", "username": "u"},
            "answerUrl must be https, since username and password go there",
        ),
        ({"displayName": "Acme", "privacy": True}, None),
        ({"machineDetection": None}, "machineDetection must not be null"),
        ({"machineDetection": "yes"}, "machineDetection must be an object"),
        ({"machineDetection": {"mode": None}}, "mode must not be null"),
        ({"machineDetection": {"mode": "x"}}, "mode must be sync or async (got 'x')"),
        ({"machineDetection": {"detectionTimeout": 1e300}}, "detectionTimeout is out of range"),
    ],
)
def test_a_wrong_order_is_refused_in_the_vendors_words(
    client: httpx.Client, change: dict[str, Any], words: str | None
) -> None:
    status, kind, description, error_id = told(client.post("/calls", json=ORDER | change))
    assert (status, kind, error_id) == (400, "validation", None)
    assert words in (None, description)
    assert client.get("/calls").json() == [], "nothing was created"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"\xff", b"1e400"]
)
def test_what_is_no_json_object_is_a_bad_request(client: httpx.Client, body: bytes) -> None:
    for path in ("/calls", "/calls/c-1", "/conferences/conf-1"):
        reply = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert told(reply) == (400, "validation", "Bad Request", None)


NULLABLE = [
    "answerMethod",
    "username",
    "password",
    "answerFallbackUrl",
    "answerFallbackMethod",
    "fallbackUsername",
    "fallbackPassword",
    "disconnectUrl",
    "disconnectMethod",
    "callTimeout",
    "callbackTimeout",
    "priority",
    "privacy",
    "displayName",
    "uui",
    "tag",
]


def test_null_is_accepted_like_absence_where_the_vendor_says_so(client: httpx.Client) -> None:
    order = ORDER | dict.fromkeys(NULLABLE) | {"machineDetection": {"callbackUrl": None}}
    with_nulls = client.post("/calls", json=order)
    without = client.post("/calls", json=ORDER)
    assert with_nulls.status_code == 201
    changing = ("callId", "callUrl")
    both = [{**each.json(), **dict.fromkeys(changing)} for each in (with_nulls, without)]
    assert both[0] == both[1]


def test_a_created_call_has_its_location_its_defaults_and_masked_passwords(
    client: httpx.Client,
) -> None:
    more = {"username": "u", "password": "secret-1", "fallbackPassword": "secret-2"}
    reply = client.post("/calls", json=ORDER | more | {"answerFallbackUrl": "https://b.example/"})
    body = reply.json()
    assert (reply.status_code, reply.headers["location"]) == (201, body["callUrl"])
    assert body["callUrl"] == f"{client.base_url}calls/{body['callId']}"
    assert body == {
        **ORDER,
        "accountId": "9900000",
        "callId": body["callId"],
        "callUrl": body["callUrl"],
        "enqueuedTime": "2026-01-01T00:00:00.000Z",
        "callTimeout": 30.0,
        "callbackTimeout": 15.0,
        "tag": None,
        "answerMethod": "POST",
        "answerFallbackMethod": "POST",
        "answerFallbackUrl": "https://b.example/",
        "disconnectMethod": "POST",
        "disconnectUrl": None,
        "username": "u",
        "password": "*****",
        "fallbackUsername": None,
        "fallbackPassword": "*****",
        "priority": 5,
    }
    assert "secret" not in reply.text


def test_an_unknown_application_is_400_if_the_known_ones_are_told() -> None:
    with simulation(settings=Settings(applications=frozenset({APP}))) as simulator:
        with connected(simulator) as client:
            placed(client)
            reply = client.post("/calls", json=ORDER | {"applicationId": "other"})
            words = "Could not create call: Application id other not found"
            assert told(reply) == (400, "validation", words, None)


@pytest.mark.parametrize(
    ("limits", "words", "seconds"),
    [
        (
            {"calls_per_second": 0.3, "sessions": None},
            "Account call creation rate limit exceeded",
            "4",
        ),
        (
            {"calls_per_second": 300.0, "sessions": 2},
            "Account concurrent call limit exceeded",
            "1",
        ),
    ],
)
def test_a_call_over_a_limit_is_refused_after_it_was_checked(
    limits: dict[str, Any], words: str, seconds: str
) -> None:
    with simulation(settings=Settings(**limits)) as simulator, connected(simulator) as client:
        replies = (client.post("/calls", json=ORDER) for _ in range(200))
        reply = next(each for each in replies if each.status_code != 201)
        assert told(reply) == (429, "error", words, "")
        assert reply.headers["retry-after"] == seconds
        assert client.post("/calls", json={}).status_code == 400
        assert client.get("/calls").status_code == 200, "reads have no limit"


# Calls as they are read


def test_a_call_is_shown_with_every_property_of_the_reference(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    simulator.advance(10)
    assert client.post(f"/calls/{call_id}", json={"state": "completed"}).status_code == 200
    assert client.get(f"/calls/{call_id}").json() == {
        "callId": call_id,
        "applicationId": APP,
        "accountId": "9900000",
        "parentCallId": None,
        "to": ORDER["to"],
        "from": ORDER["from"],
        "direction": "outbound",
        "state": "disconnected",
        "identity": None,
        "stirShaken": None,
        "enqueuedTime": "2026-01-01T00:00:00.000Z",
        "startTime": "2026-01-01T00:00:00.000Z",
        "answerTime": "2026-01-01T00:00:02.000Z",
        "endTime": "2026-01-01T00:00:10.000Z",
        "disconnectCause": "hangup",
        "errorMessage": None,
        "errorId": None,
        "lastUpdate": "2026-01-01T00:00:10.000Z",
    }


@pytest.mark.parametrize("call_id", ["does-not-exist", "not%20a%20call%20id", "Call-Id", "%2e%2e"])
def test_an_id_that_does_not_exist_is_404_whatever_its_shape(
    client: httpx.Client, call_id: str
) -> None:
    words = f"Call [{httpx.URL('http://x/' + call_id).path[1:]}] not found"
    replies = [
        client.get(f"/calls/{call_id}"),
        client.post(f"/calls/{call_id}", json={"state": "completed"}),
        client.put(f"/calls/{call_id}/bxml", content=b"<Bxml/>", headers=XML),
    ]
    assert [told(each) for each in replies] == [(404, "validation", words, None)] * 3


def test_a_call_is_forgotten_a_week_after_its_end(
    simulator: Simulator, client: httpx.Client
) -> None:
    ended, live = placed(client), placed(client)
    simulator.advance(10)
    client.post(f"/calls/{ended}", json={"state": "completed"})
    for_weeks = Bxml([Pause(duration=86_400)] * 14)
    client.put(f"/calls/{live}/bxml", content=bytes(for_weeks), headers=XML)
    simulator.advance(7 * DAY)
    assert client.get(f"/calls/{ended}").status_code == 200
    assert [each["callId"] for each in client.get("/calls").json()] == [ended, live]
    simulator.advance(1)
    assert client.get(f"/calls/{ended}").status_code == 404
    assert client.post(f"/calls/{ended}", json={"state": "completed"}).status_code == 404
    assert [each["callId"] for each in client.get("/calls").json()] == [live]


# listCalls


def ids(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [each["callId"] for each in reply.json()]


def pages(client: httpx.Client, query: str, between: Callable[[], object]) -> list[list[str]]:
    """All pages of a list; something happens between two of them."""
    found, url = [], f"/calls?{query}"
    while True:
        reply = client.get(url)
        found.append(ids(reply))
        if "link" not in reply.headers:
            return found
        url = reply.links["next"]["url"]
        assert url.startswith(f"{client.base_url}calls?"), "it is absolute, and leads here"
        between()


def test_pages_are_in_order_of_creation_and_only_the_last_has_no_next(
    client: httpx.Client,
) -> None:
    made = [placed(client) for _ in range(6)]
    for size, sizes in ((1, [1] * 6), (4, [4, 2]), (3, [3, 3]), (6, [6]), (7, [6])):
        found = pages(client, f"pageSize={size}", lambda: None)
        assert [call_id for page in found for call_id in page] == made
        assert list(map(len, found)) == sizes


def test_a_list_that_grows_ends_and_is_forgotten_repeats_and_skips_no_call(
    simulator: Simulator, client: httpx.Client
) -> None:
    """Between two pages a call is made, and those that were listed are forgotten."""
    made = [placed(client) for _ in range(4)]
    listed: list[str] = []

    def between() -> None:
        known = ids(client.get("/calls"))
        if len(made) < 6:
            made.append(placed(client))
        client.post(f"/calls/{known[0]}", json={"state": "completed"})
        simulator.advance(7 * DAY + 1)

    for page in pages(client, "pageSize=2", between):
        listed += page
    live = set(ids(client.get("/calls")))
    assert len(listed) == len(set(listed))
    assert listed == [each for each in made if each in listed], "in order"
    assert live <= set(listed), "no call is missing that was there all the time"


def test_a_call_that_matches_no_longer_moves_no_other_one(
    simulator: Simulator, client: httpx.Client
) -> None:
    made = [placed(client) for _ in range(4)]
    simulator.advance(5)
    for call_id in made[:3]:
        client.post(f"/calls/{call_id}", json={"state": "completed"})
    first = client.get("/calls?disconnectCause=hangup&pageSize=1")
    assert ids(first) == made[:1]
    client.post(f"/calls/{made[3]}", json={"state": "completed"})
    second = client.get(first.links["next"]["url"])
    assert ids(second) == made[1:2]
    assert "disconnectCause=hangup" in second.links["next"]["url"]
    assert ids(client.get(second.links["next"]["url"])) == made[2:3]


def test_filters_are_exact_and_times_inclusive(simulator: Simulator, client: httpx.Client) -> None:
    first = placed(client)
    simulator.advance(60.0)
    second = placed(client, to="+15550100003")
    simulator.advance(0.0)
    third = placed(client)
    started = [client.get(f"/calls/{each}").json()["startTime"] for each in (first, second)]

    def matching(**query: str) -> list[str]:
        return ids(client.get("/calls", params=query))

    assert matching() == [first, second, third]
    assert matching(to="+15550100003") == [second]
    assert matching(to="+1555010000") == []
    assert matching(**{"from": ORDER["from"]}) == [first, second, third]
    assert matching(minStartTime=started[1]) == [second], "the third has not started"
    assert matching(maxStartTime=started[0]) == [first]
    assert matching(minStartTime=started[0], maxStartTime=started[1]) == [first, second]
    late = datetime.fromisoformat(started[1]) + timedelta(milliseconds=1)
    assert matching(minStartTime=late.isoformat()) == []
    assert matching(disconnectCause="hangup", to="+15550100003") == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("pageSize=0", "pageSize must be within the range [1, 10000], but was 0"),
        ("pageSize=10001", "pageSize must be within the range [1, 10000], but was 10001"),
        ("pageSize=²", "pageSize must be within the range [1, 10000], but was ²"),
        ("pageSize=-1", "pageSize must be within the range [1, 10000], but was -1"),
        ("pageSize=" + "9" * 5000, None),
        ("minStartTime=yesterday", "Invalid minStartTime: must be an ISO 8601 time"),
        ("maxStartTime=2026-01-01T00:00:00", "Invalid maxStartTime: must be an ISO 8601 time"),
        ("pageToken=x", "Invalid pageToken"),
        ("pageToken=eyJhZnRlciI6LTF9", "Invalid pageToken"),
        ("pageToken=eyJhZnRlciI6IjEifQ", "Invalid pageToken"),
        ("pageToken=" + "W1tb" * 5000, "Invalid pageToken"),
        ("&".join(["a=b"] * 1000), "Bad Request"),
    ],
)
def test_a_list_that_is_asked_for_wrongly_is_refused(
    client: httpx.Client, query: str, words: str | None
) -> None:
    status, kind, description, _ = told(client.get(f"/calls?{query}"))
    assert (status, kind) == (400, "validation")
    assert words in (None, description)
    assert len(description) < 300


def test_a_time_at_the_end_of_time_is_compared_all_the_same(client: httpx.Client) -> None:
    query = {
        "minStartTime": "0001-01-01T00:00:00+14:00",
        "maxStartTime": "9999-12-31T23:59:59-14:00",
    }
    assert ids(client.get("/calls", params=query)) == []


# updateCall and updateCallBxml


CHANGES: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "redirect": lambda client, call_id: client.post(f"/calls/{call_id}", json=REDIRECT),
    "end": lambda client, call_id: client.post(f"/calls/{call_id}", json={"state": "completed"}),
    "document": lambda client, call_id: client.put(
        f"/calls/{call_id}/bxml", content=bytes(HOLD), headers=XML
    ),
}


@pytest.mark.parametrize(
    ("seconds", "state", "statuses"),
    [
        (0, "queued", {"redirect": 409, "document": 409, "end": 200}),
        (1, "initiated", {"redirect": 409, "document": 409, "end": 200}),
        (5, "answered", {"redirect": 200, "document": 204, "end": 200}),
    ],
)
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_legal_depends_on_the_state_of_the_call(  # noqa: PLR0917
    simulator: Simulator,
    client: httpx.Client,
    seconds: float,
    state: str,
    statuses: dict[str, int],
    change: str,
) -> None:
    call_id = placed(client)
    if seconds:
        simulator.advance(seconds)
    assert client.get(f"/calls/{call_id}").json()["state"] == state
    reply = CHANGES[change](client, call_id)
    assert reply.status_code == statuses[change]
    if reply.status_code == 409:
        words = f"Call [{call_id}] cannot be modified in its current state"
        assert told(reply) == (409, "validation", words, "")
    else:
        assert (reply.content, reply.headers.get("content-type")) == (b"", None)


@pytest.mark.parametrize("change", CHANGES)
def test_an_ended_call_is_a_conflict_for_a_while_and_then_not_found(change: str) -> None:
    with simulation(settings=Settings(conflict_seconds=30)) as simulator:
        with connected(simulator) as client:
            call_id = placed(client)
            simulator.advance(5)
            CHANGES["end"](client, call_id)
            for seconds, status in ((0, 409), (29, 409), (1, 404)):
                simulator.advance(seconds)
                assert CHANGES[change](client, call_id).status_code == status
            assert client.get(f"/calls/{call_id}").status_code == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "redirectUrl is required when state is active"),
        ({"state": "active"}, "redirectUrl is required when state is active"),
        ({"state": None, **REDIRECT}, "state must not be null"),
        ({"state": "answered", **REDIRECT}, "state must be active or completed (got 'answered')"),
        ({"redirectUrl": "/next"}, "Invalid redirectUrl: only http and https are allowed"),
        ({**REDIRECT, "tag": "x" * 4097}, "tag must be at most 4096 characters (got 4097)"),
        (
            {**REDIRECT, "redirectMethod": "put"},
            "Invalid redirectUrl method. Supported methods: [POST, GET]",
        ),
        (
            {"redirectUrl": "http://a.example/", "password": "secret"},
            "redirectUrl must be https, since username and password go there",
        ),
        (
            {"state": "completed", "redirectMethod": "put"},
            "Invalid redirectUrl method. Supported methods: [POST, GET]",
        ),
        ({"state": "completed", "password": ["secret"]}, None),
    ],
)
def test_a_wrong_change_is_refused_in_any_state_of_the_call(
    simulator: Simulator, client: httpx.Client, change: dict[str, Any], words: str | None
) -> None:
    call_id = placed(client)
    for seconds in (0, 1, 5):
        simulator.advance(seconds)
        status, kind, description, error_id = told(client.post(f"/calls/{call_id}", json=change))
        assert (status, kind, error_id) == (400, "validation", None)
        assert words in (None, description)
        assert "secret" not in description.replace("a secret, not shown", "")


def test_null_in_a_change_is_accepted_like_absence(
    simulator: Simulator, client: httpx.Client
) -> None:
    names = ["redirectMethod", "username", "password", "redirectFallbackUrl", "tag"]
    names += ["redirectFallbackMethod", "fallbackUsername", "fallbackPassword"]
    call_id = placed(client, tag="first")
    simulator.advance(5)
    reply = client.post(f"/calls/{call_id}", json=REDIRECT | dict.fromkeys(names))
    assert reply.status_code == 200
    assert simulator._engine.calls[call_id].tag == "first"


@pytest.mark.parametrize("more", [REDIRECT, {"redirectMethod": "POST"}, {"tag": "t"}])
def test_more_along_with_completed_is_tolerated_unless_the_platform_is_strict(
    more: dict[str, str],
) -> None:
    """The vendor's live tests send it and get 200; its documentation says that it is not allowed."""
    for strict, status in ((False, 200), (True, 400)):
        with simulation(settings=Settings(strict_updates=strict)) as simulator:
            with connected(simulator) as client:
                call_id = placed(client)
                simulator.advance(5)
                reply = client.post(f"/calls/{call_id}", json={"state": "completed", **more})
                assert reply.status_code == status
                if strict:
                    words = f"{next(iter(more))} is not allowed when state is completed"
                    assert told(reply) == (400, "validation", words, None)
                    assert CHANGES["end"](client, call_id).status_code == 200


def test_a_redirect_takes_its_fallback_and_its_credentials_along() -> None:
    seen: list[Any] = []

    def post(delivery: Any) -> Answered:
        seen.append(delivery)
        redirect = delivery.event.event_type == "redirect"
        failed = redirect and delivery.target.url == REDIRECT["redirectUrl"]
        return Answered(500 if failed else 200, bytes(HOLD))

    with Simulator(post=post) as simulator, connected(simulator) as client:
        call_id = placed(client)
        simulator.advance(5)
        change = {
            **REDIRECT,
            "redirectMethod": "GET",
            "username": "u",
            "password": "p",
            "redirectFallbackUrl": "https://b.example/",
            "fallbackUsername": "f",
            "fallbackPassword": "q",
        }
        assert client.post(f"/calls/{call_id}", json=change).status_code == 200
        simulator.advance(1)
        assert client.get(f"/calls/{call_id}").json()["state"] == "answered"
    assert [each.target for each in seen[1:]] == [
        Target(REDIRECT["redirectUrl"], "GET", "u", "p"),
        Target("https://b.example/", "POST", "f", "q"),
    ]


def test_a_pushed_document_that_is_none_is_refused_and_changes_nothing(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    simulator.advance(5)
    before = client.get(f"/calls/{call_id}").json()
    large = Bxml().speak_sentence("x" * 65_536).to_bxml
    with pytest.raises(ValueError, match="65,536"):
        large()
    for body in (
        b"",
        b"invalidBXML",
        b"<Foo/>",
        b"<Bxml><Redirect redirectUrl='//[x'/></Bxml>",
        b"<Bxml>" + b" " * 65_536 + b"</Bxml>",
        b"<Bxml>" + b" " * (LARGEST_REQUEST + 1) + b"</Bxml>",
    ):
        reply = client.put(f"/calls/{call_id}/bxml", content=body, headers=XML)
        status, kind, description, error_id = told(reply)
        assert (status, kind, error_id) == (400, "validation", None)
        assert description.startswith("Invalid BXML: ")
    assert client.get(f"/calls/{call_id}").json() == before
    assert simulator._engine.calls[call_id].activity is not None


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_a_document_has_64_kilobytes_at_most(
    simulator: Simulator, client: httpx.Client, size: int
) -> None:
    call_id = placed(client)
    simulator.advance(5)
    body = b"<Bxml><Pause/>".ljust(size - len(b"</Bxml>")) + b"</Bxml>"
    assert len(body) == size
    reply = client.put(f"/calls/{call_id}/bxml", content=body, headers=XML)
    assert reply.status_code == (204 if size == 65_536 else 400)


def test_json_that_is_larger_than_any_request_is_not_read(client: httpx.Client) -> None:
    body = json.dumps(ORDER).encode().ljust(LARGEST_REQUEST + 1)
    headers = {"Content-Type": "application/json"}
    for auth, status in ((None, 401), (("user", "password"), 413)):
        reply = client.post("/calls", content=body, headers=headers, auth=auth or httpx.Auth())
        assert reply.status_code == status
    assert client.post("/calls", content=body[:-1], headers=headers).status_code == 201


def test_both_roots_are_accepted_and_an_empty_one_ends_the_call(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    simulator.advance(5)
    for root in (b"<Response><Pause/></Response>", b"<Bxml/>"):
        reply = client.put(f"/calls/{call_id}/bxml", content=root, headers=XML)
        assert (reply.status_code, reply.content) == (204, b"")
        assert "content-length" not in reply.headers
    assert client.get(f"/calls/{call_id}").json()["disconnectCause"] == "hangup"


def test_a_queued_call_can_be_taken_off_the_queue(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    assert client.post(f"/calls/{call_id}", json={"state": "completed"}).status_code == 200
    simulator.run()
    state = client.get(f"/calls/{call_id}").json()
    assert (state["disconnectCause"], state["startTime"]) == ("cancel", None)


def test_an_inbound_call_that_is_not_answered_can_be_changed_and_rejected(
    simulator: Simulator, client: httpx.Client
) -> None:
    there = Application(Targets(Target("https://app.example.com/in")))
    how: dict[str, Any] = {"from_": "+15550100001", "to": "+15550100002", "application": there}
    call_id = simulator.dial(caller=Caller(), **how)
    assert CHANGES["redirect"](client, call_id).status_code == 200
    assert CHANGES["document"](client, call_id).status_code == 204
    call_id = simulator.dial(caller=Caller(), **how)
    assert CHANGES["end"](client, call_id).status_code == 200
    state = client.get(f"/calls/{call_id}").json()
    assert (state["disconnectCause"], state["enqueuedTime"]) == ("rejected", None)


# Recordings, and the queue


def recorded(simulator: Simulator, call_id: str, **more: Any) -> Recording:
    """A recording, put where the engine keeps them."""
    facts: dict[str, Any] = {
        "id": "r-1",
        "call_id": call_id,
        "conference_id": None,
        "channels": 1,
        "file_format": "wav",
        "name": "greeting",
        "started": 3.0,
        "ended": 5.5,
        "spans": [(3.0, 4.0), (4.25, 5.5)],
        "media_url": f"{simulator.base_url}/media",
        "status": "complete",
        **more,
    }
    recording = Recording(**facts)
    simulator._engine.recordings[recording.id] = recording
    return recording


def test_recordings_of_a_call_are_listed_read_and_downloaded(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    recording = recorded(simulator, call_id)
    [listed] = client.get(f"/calls/{call_id}/recordings").json()
    assert client.get(f"/calls/{call_id}/recordings/r-1").json() == listed
    assert listed == {
        "accountId": "9900000",
        "applicationId": APP,
        "callId": call_id,
        "recordingId": "r-1",
        "recordingName": "greeting",
        "to": ORDER["to"],
        "from": ORDER["from"],
        "direction": "outbound",
        "duration": "PT2.25S",
        "channels": 1,
        "startTime": "2026-01-01T00:00:03.000Z",
        "endTime": "2026-01-01T00:00:05.500Z",
        "fileFormat": "wav",
        "status": "complete",
        "mediaUrl": recording.media_url,
        "transcription": None,
    }
    media = client.get(f"/calls/{call_id}/recordings/r-1/media")
    assert (media.status_code, media.headers["content-type"]) == (200, "audio/vnd.wave")
    assert media.content.startswith(b"RIFF")


def test_a_recording_in_mp3_is_told_to_be_one(simulator: Simulator, client: httpx.Client) -> None:
    recorded(simulator, "c-1", file_format="mp3")
    media = client.get("/calls/c-1/recordings/r-1/media")
    assert media.headers["content-type"] == "audio/mpeg"


def test_what_is_not_there_is_an_empty_list_or_not_found(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = placed(client)
    assert client.get("/calls/nobody/recordings").json() == []
    assert client.get(f"/calls/{call_id}/recordings").json() == []
    recorded(simulator, call_id)
    recorded(simulator, "", id="r-2", conference_id="conf-1")
    for path in (
        f"/calls/{call_id}/recordings/r-0",
        f"/calls/{call_id}/recordings/r-0/media",
        "/calls/c-other/recordings/r-1",
        f"/calls/{call_id}/recordings/r-2",
        "/calls//recordings/r-2",
        "/conferences/conf-1/recordings/r-1",
        "/conferences/conf-2/recordings/r-2",
    ):
        status, kind, _, _ = told(client.get(path))
        assert (status, kind) == (404, "validation"), path


def test_a_recording_that_runs_has_neither_an_end_nor_a_file(
    simulator: Simulator, client: httpx.Client
) -> None:
    recorded(simulator, "c-1", ended=None, status="processing", name=None, spans=[])
    read = client.get("/calls/c-1/recordings/r-1").json()
    assert (read["mediaUrl"], read["duration"]) == (None, "PT0S")
    assert not {"endTime", "recordingName", "to"} & set(read), "none of these may be null"
    assert client.get("/calls/c-1/recordings/r-1/media").status_code == 404


def test_the_recording_of_a_conference_is_read_under_the_conference(
    simulator: Simulator, client: httpx.Client
) -> None:
    recorded(simulator, "", conference_id="conf-1")
    read = client.get("/conferences/conf-1/recordings/r-1").json()
    assert (read["conferenceId"], read["recordingId"]) == ("conf-1", "r-1")
    assert not {"callId", "transcription", "applicationId"} & set(read)
    media = client.get("/conferences/conf-1/recordings/r-1/media")
    assert media.headers["content-type"] == "audio/vnd.wave"


def test_statistics_tell_how_full_the_queue_is() -> None:
    with simulation(settings=Settings(calls_per_second=5)) as simulator:
        with connected(simulator) as client:
            for size in (0, 1, 2):
                told_so = client.get("/statistics").json()
                assert told_so == {"currentCallQueueSize": size, "maxCallQueueSize": 1500}
                placed(client)


# Conferences


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "redirectUrl is required when status is active"),
        ({"state": "completed"}, "redirectUrl is required when status is active"),
        ({"status": None, **REDIRECT}, "status must not be null"),
        ({"status": "over"}, "status must be active or completed (got 'over')"),
        ({"redirectUrl": 5}, "redirectUrl must be a string (got 5)"),
    ],
)
def test_a_wrong_change_of_a_conference_is_refused(
    client: httpx.Client, change: dict[str, Any], words: str
) -> None:
    reply = client.post("/conferences/conf-1", json=change)
    assert told(reply) == (400, "validation", words, None)


def test_a_conference_that_is_not_there_is_not_found(client: httpx.Client) -> None:
    replies = [
        client.post("/conferences/conf-1", json={"status": "completed"}),
        client.put("/conferences/conf-1/bxml", content=b"<Bxml/>", headers=XML),
    ]
    words = "Conference [conf-1] not found"
    assert [told(each) for each in replies] == [(404, "validation", words, None)] * 2


@pytest.mark.parametrize("verb", ["Pause", "Hangup", "Ring"])
def test_a_document_for_a_conference_is_refused_as_a_whole(client: httpx.Client, verb: str) -> None:
    body = f"<Bxml><SpeakSentence>Hi.</SpeakSentence><{verb}/></Bxml>"
    reply = client.put("/conferences/conf-1/bxml", content=body, headers=XML)
    words = f"Invalid BXML: <{verb}> is not allowed in a conference"
    assert told(reply) == (400, "validation", words, None)


# Whatever comes


METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "", "G\n", "POST" * 1000]
ROUTES = [
    "calls",
    "calls/{}",
    "calls/{}/bxml",
    "calls/{}/recordings",
    "calls/{}/recordings/{}",
    "calls/{}/recordings/{}/media",
    "conferences/{}",
    "conferences/{}/bxml",
    "conferences/{}/recordings/{}/media",
    "statistics",
]
names = st.one_of(st.text(max_size=20), st.sampled_from(["c-1", "%", "%ff", "%00", "..", "", "{}"]))
paths = st.one_of(
    st.text(max_size=60),
    st.tuples(st.sampled_from(["9900000", "1", "%39900000"]), st.sampled_from(ROUTES), names).map(
        lambda parts: f"{BASE_PATH}/accounts/{parts[0]}/{parts[1].replace('{}', parts[2])}"
    ),
    st.just(TOKEN_PATH),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
properties = st.sampled_from([*ORDER, *NULLABLE, "state", "status", *REDIRECT, "machineDetection"])
bodies = st.one_of(
    st.binary(max_size=100),
    st.dictionaries(properties, values).map(lambda some: json.dumps(ORDER | some).encode()),
    st.dictionaries(properties, values).map(lambda some: json.dumps(some).encode()),
    st.text(max_size=40).map(lambda text: f"<Bxml>{text}</Bxml>".encode(errors="replace")),
    st.just(b"grant_type=client_credentials"),
    st.integers(1, 5000).map(lambda digits: b'{"priority":%s}' % (b"1" * digits)),
)
queries = st.one_of(
    st.text(max_size=40),
    st.tuples(
        st.sampled_from(["pageSize", "pageToken", "minStartTime", "maxStartTime", "to", "from"]),
        st.text(max_size=20),
    ).map("=".join),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "authorization": st.one_of(
            st.just(basic("user:password")),
            st.just(basic("client-id:client-secret")),
            st.text(max_size=30),
            st.text(max_size=30).map("Basic {}".format),
        ),
        "content-type": st.one_of(
            st.sampled_from(["application/json", "application/xml"]), st.text(max_size=30)
        ),
    },
)


@settings(max_examples=500)
@given(st.sampled_from(METHODS), paths, queries, headers, bodies)
def test_no_request_breaks_the_platform(
    method: str, path: str, query: str, given_headers: dict[str, str], body: bytes
) -> None:
    with simulation() as simulator:
        reply = simulator.handle(Incoming(method, path, query, given_headers, body))
        assert 200 <= reply.status < 500
        assert all(f"{name}{value}".isascii() for name, value in reply.headers.items())
        assert len(reply.body) < 10_000
        assert simulator.timeline[0].status == reply.status


# The real clock


def test_on_the_real_clock_a_request_wakes_the_platform() -> None:
    """A push in the middle of a long wait is heard at once, not when the wait is over."""
    heard = threading.Event()

    def post(delivery: Any) -> Answered:
        if delivery.event.event_type == "redirect":
            heard.set()
        return Answered(200, bytes(HOLD))

    simulator = Simulator(clock=RealClock(), post=post)
    application = Application(Targets(Target("https://app.example.com/answer")))
    call_id = simulator.dial(
        from_="+15550100001", to="+15550100002", caller=Caller(), application=application
    )
    runner = threading.Thread(target=lambda: simulator.run(until=3.0), daemon=True)
    runner.start()
    auth = httpx.BasicAuth("user", "password")
    url = f"{simulator.base_url}/accounts/{simulator.account_id}/calls/{call_id}"
    with httpx.Client(transport=simulator.transport(), auth=auth) as client:
        change = {"redirectUrl": "https://app.example.com/next"}
        assert client.post(url, json=change).status_code == 200
    assert heard.wait(2.5)
    runner.join()
