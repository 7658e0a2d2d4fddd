"""The REST face: the order of its checks, its words, and its clocks, over real HTTP."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bxml import Response
from calls.simulator import (
    Answered,
    Application,
    Caller,
    RealClock,
    Simulator,
    Target,
    Targets,
)

ORDER = {
    "to": "+15550100001",
    "from": "+15550100002",
    "applicationId": "app-1",
    "answerUrl": "https://app.example.com/answer",
}
HOLD = Response().pause(duration=600)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(post=lambda _: Answered(200, bytes(HOLD))) as platform, platform.serve():
        yield platform


@pytest.fixture
def client(simulator: Simulator) -> Iterator[httpx.Client]:
    url = f"{simulator.base_url}/accounts/{simulator.account_id}"
    with httpx.Client(base_url=url, auth=("user", "password"), trust_env=False) as http:
        yield http


def test_the_checks_come_in_the_order_of_the_reference(
    simulator: Simulator, client: httpx.Client
) -> None:
    """405, 401, 403, 415, 400, 404, 409."""
    foreign = str(client.base_url).replace(simulator.account_id, "1234567")
    call_id = client.post("/calls", json=ORDER).json()["callId"]
    xml = {"Content-Type": "application/xml"}
    none = httpx.Auth()
    statuses = [
        client.delete("/calls/nobody", auth=none).status_code,
        client.post("/calls/nobody", content=b"?", auth=none).status_code,
        client.post(f"{foreign}calls/nobody", content=b"?").status_code,
        client.post("/calls/nobody", content=b"?").status_code,
        client.post("/calls/nobody", json={}).status_code,
        client.put("/calls/nobody/bxml", content=b"<Bxml/>", headers=xml).status_code,
        client.put(f"/calls/{call_id}/bxml", content=b"<Bxml/>", headers=xml).status_code,
    ]
    assert statuses == [405, 401, 403, 415, 400, 404, 409]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to": None}, "Missing at least one required field."),
        ({"to": "911"}, "Invalid to: must be an E164 telephone number"),
        ({"answerUrl": "ftp://x"}, "Invalid answerUrl: only http and https are allowed"),
        (
            {"answerMethod": "PUT"},
            "Invalid answerUrl method. Supported methods: [POST, GET]",
        ),
        (
            {"callTimeout": 500},
            "callTimeout must be within the range [1, 300], but was 500",
        ),
        ({"tag": "x" * 4097}, "sendCallback tag must contain at most 4096 characters"),
        ({"machineDetection": {"detectionTimeout": 1e300}}, "detectionTimeout is out of range"),
        ({"answerUrl": "http://[bad/"}, "Invalid answerUrl: only http and https are allowed"),
    ],
)
def test_a_wrong_order_is_refused_in_the_vendors_words(
    client: httpx.Client, change: dict[str, Any], words: str
) -> None:
    reply = client.post("/calls", json=ORDER | change)
    assert (reply.status_code, reply.json()["type"]) == (400, "validation")
    assert words in reply.json()["description"]


def test_a_created_call_has_its_location_and_a_masked_password(client: httpx.Client) -> None:
    reply = client.post("/calls", json=ORDER | {"username": "u", "password": "secret"})
    told = reply.json()
    assert (reply.status_code, reply.headers["location"]) == (201, told["callUrl"])
    assert (told["password"], told["priority"], told["callTimeout"]) == ("*****", 5, 30.0)
    assert "secret" not in reply.text


def test_a_pushed_document_that_is_none_is_refused_and_changes_nothing(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = client.post("/calls", json=ORDER).json()["callId"]
    simulator.advance(5)
    before = client.get(f"/calls/{call_id}").json()
    for body in (b"invalidBXML", b"<Foo/>", b"<Bxml><Redirect redirectUrl='//[x'/></Bxml>"):
        headers = {"Content-Type": "application/xml"}
        reply = client.put(f"/calls/{call_id}/bxml", content=body, headers=headers)
        assert reply.status_code == 400
        assert reply.json()["description"].startswith("Invalid BXML: ")
    assert client.get(f"/calls/{call_id}").json() == before
    assert simulator._engine.calls[call_id].activity is not None


def test_state_null_is_refused_and_more_fields_with_completed_are_not(
    simulator: Simulator, client: httpx.Client
) -> None:
    """Both are what the vendor's live tests show."""
    call_id = client.post("/calls", json=ORDER).json()["callId"]
    simulator.advance(5)
    change = {"state": None, "redirectUrl": "https://app.example.com/x"}
    assert client.post(f"/calls/{call_id}", json=change).status_code == 400
    change["state"] = "completed"
    assert client.post(f"/calls/{call_id}", json=change).status_code == 200


def test_a_queued_call_can_be_taken_off_the_queue(
    simulator: Simulator, client: httpx.Client
) -> None:
    call_id = client.post("/calls", json=ORDER).json()["callId"]
    assert client.post(f"/calls/{call_id}", json={"state": "completed"}).status_code == 200
    simulator.run()
    state = client.get(f"/calls/{call_id}").json()
    assert (state["disconnectCause"], state["startTime"]) == ("cancel", None)


def test_the_port_is_free_when_the_platform_is_left() -> None:
    simulator = Simulator()
    with simulator.serve() as server:
        url = server.url
        assert httpx.get(url, trust_env=False).status_code == 404
        threads = threading.active_count()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)
    assert threading.active_count() < threads
    assert simulator.base_url == "http://simulator/api/v2"


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
