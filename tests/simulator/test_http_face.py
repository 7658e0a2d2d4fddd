"""The platform over real HTTP: what the socket brings, and ``calls simulate``, which serves it."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import httpx
import pytest

from bxml import Response
from calls.__main__ import app as app_of_commands
from calls.commands.simulate import caller_of
from calls.events import AnswerEvent, InitiateEvent
from calls.simulator import Answered, Simulator
from calls.simulator.caller import HangsUp, Hears, Presses, Says, Waits
from calls.simulator.platform import LARGEST_REQUEST, Incoming, Outgoing
from calls.simulator.server import LARGEST_HEAD, Server, platform_app
from calls.webhooks import VoiceApp

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


def asked(server: Server | str, request: bytes) -> bytes:
    """What comes back over a bare connection, to its end."""
    url = httpx.URL(server if isinstance(server, str) else server.url)
    with closing(socket.create_connection((url.host, url.port or 80), timeout=10)) as there:
        with suppress(OSError):  # the server may have said all and gone before the end of it
            there.sendall(request)
        received = b""
        with suppress(ConnectionResetError):
            while chunk := there.recv(65_536):
                received += chunk
    return received


@contextmanager
def echo() -> Iterator[tuple[Server, list[Incoming]]]:
    """A server that keeps what it is asked."""
    seen: list[Incoming] = []

    def handle(request: Incoming) -> Outgoing:
        seen.append(request)
        return Outgoing(200, b"here")

    with Server(platform_app(handle)) as server:
        yield server, seen


# The socket


def test_a_call_is_made_read_changed_and_listed(simulator: Simulator, client: httpx.Client) -> None:
    made = client.post("/calls", json=ORDER)
    call_id = made.json()["callId"]
    assert made.headers["location"] == f"{client.base_url}calls/{call_id}"
    simulator.advance(5)
    assert client.get(made.headers["location"]).json()["state"] == "answered"
    pushed = client.put(
        f"/calls/{call_id}/bxml", content=bytes(HOLD), headers={"Content-Type": "application/xml"}
    )
    assert (pushed.status_code, pushed.content) == (204, b"")
    assert "content-length" not in pushed.headers
    ended = client.post(f"/calls/{call_id}", json={"state": "completed"})
    assert (ended.status_code, ended.headers["content-length"]) == (200, "0")
    assert [each["callId"] for each in client.get("/calls").json()] == [call_id]


def test_the_next_page_is_where_the_link_leads(client: httpx.Client) -> None:
    made = [client.post("/calls", json=ORDER).json()["callId"] for _ in range(3)]
    first = client.get("/calls?pageSize=2")
    second = client.get(first.links["next"]["url"])
    pages = [[each["callId"] for each in page.json()] for page in (first, second)]
    assert pages == [made[:2], made[2:]]
    assert "link" not in second.headers


def test_head_has_the_headers_of_get_and_no_content(client: httpx.Client) -> None:
    got, head = client.get("/calls"), client.head("/calls")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_path_comes_as_it_was_sent_and_headers_that_come_twice_are_one() -> None:
    with echo() as (server, seen):
        asked(
            server,
            b"GET /a%2Fb%20c?to=%2B1&x HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n"
            b"Connection: close\r\n\r\n",
        )
    [request] = seen
    assert (request.path, request.query) == ("/a%2Fb%20c", "to=%2B1&x")
    assert request.headers["x-a"] == "1, 2"


def test_a_slash_in_an_id_does_not_lead_to_another_operation(client: httpx.Client) -> None:
    reply = client.get("/calls/c-1%2Frecordings")
    assert (reply.status_code, reply.json()["description"]) == (
        404,
        "Call [c-1/recordings] not found",
    )


def test_two_requests_on_the_way_at_once_are_answered_in_turn() -> None:
    with echo() as (server, seen):
        one = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
        two = b"GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        replies = asked(server, one + two)
    assert [each.path for each in seen] == ["/1", "/2"]
    assert replies.count(b"HTTP/1.1 200 OK") == 2


def test_a_body_in_chunks_arrives_whole() -> None:
    with echo() as (server, seen):
        with httpx.Client(trust_env=False) as http:
            http.post(server.url, content=iter([b"a" * 70_000, b"b" * 70_000]))
    assert seen[0].body == b"a" * 70_000 + b"b" * 70_000


@pytest.mark.parametrize("size", [LARGEST_REQUEST, LARGEST_REQUEST + 1, 20 * LARGEST_REQUEST])
def test_no_more_of_a_body_is_kept_than_any_request_may_have(size: int) -> None:
    with echo() as (server, seen):
        with httpx.Client(trust_env=False) as http:
            for _ in range(2):  # what was not read does not spoil the next request
                assert http.post(server.url, content=b"x" * size).status_code == 200
    for request in seen:
        kept = len(request.body)
        assert kept == size or LARGEST_REQUEST < kept < 2 * LARGEST_REQUEST


def test_a_body_that_is_too_large_has_its_statuses(client: httpx.Client) -> None:
    large = b"x" * (2 * LARGEST_REQUEST)
    for method, path, kind, status in (
        ("POST", "/calls", "application/json", 413),
        ("PUT", "/calls/c-1/bxml", "application/xml", 400),
    ):
        reply = client.request(method, path, content=large, headers={"Content-Type": kind})
        assert (reply.status_code, reply.json()["type"]) == (status, "validation")


def test_headers_that_are_too_large_do_not_reach_the_platform() -> None:
    with echo() as (server, seen):
        lines = b"".join(b"X-%d: %b\r\n" % (each, b"y" * 1000) for each in range(70))
        head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        reply = asked(server, head + lines + b"\r\n")
        assert reply.split()[1] in {b"400", b"431"}
    assert seen == []
    assert LARGEST_HEAD == 65_536


@pytest.mark.parametrize("sent", [b"?\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_answered_and_the_server_goes_on(sent: bytes) -> None:
    with echo() as (server, _):
        for _ in range(2):
            with closing(
                socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0))
            ) as it:
                it.sendall(sent)
                it.shutdown(socket.SHUT_WR)
                it.settimeout(10)
                with suppress(ConnectionResetError):
                    assert it.recv(100).startswith((b"HTTP/1.1 400", b""))
        with httpx.Client(trust_env=False) as http:
            assert http.get(server.url).text == "here"


def test_a_client_that_leaves_in_the_middle_of_its_body_asked_for_nothing() -> None:
    with echo() as (server, seen):
        there = socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0))
        there.sendall(b"POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        there.close()
        with httpx.Client(trust_env=False) as http:
            assert http.get(f"{server.url}/stayed").text == "here"
    assert [request.path for request in seen] == ["/stayed"]


def test_requests_from_many_threads_are_answered_one_by_one(
    simulator: Simulator, client: httpx.Client
) -> None:
    threads = [
        threading.Thread(target=lambda: [client.post("/calls", json=ORDER) for _ in range(5)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each["callId"] for each in client.get("/calls").json()}) == 40


def test_only_http_is_answered() -> None:
    app = platform_app(lambda _: Outgoing(200))
    with pytest.raises(NotImplementedError, match="websocket"):
        app({"type": "websocket"}, None, None).send(None)  # type: ignore[arg-type, attr-defined]


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


def test_a_port_that_is_taken_is_told_at_once_and_nothing_is_left_open() -> None:
    with echo() as (server, _):
        with pytest.raises(OSError, match="in use"):
            Server(platform_app(lambda _: Outgoing(200)), port=httpx.URL(server.url).port or 0)


# The command


class Running:
    """``calls simulate`` in a process of its own. Its lines are waited for, never its time."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "calls", "simulate", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.lines: list[str] = []
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def sees(self, words: str) -> str:
        """Wait for a line with these words in it."""
        while (line := self._coming.get(timeout=60)) is not None:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"no line has {words!r} in it: {self.lines}")

    def ends(self) -> tuple[int, str, str]:
        """Wait for the end: its status, and what was printed."""
        assert self.process.stderr
        trouble = self.process.stderr.read()
        status = self.process.wait(timeout=60)
        self._reader.join()
        while (line := self._coming.get()) is not None:
            self.lines.append(line)
        return status, "\n".join(self.lines), trouble

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)


@contextmanager
def simulate(*arguments: str) -> Iterator[Running]:
    running = Running(*arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        for stream in (running.process.stdout, running.process.stderr):
            if stream:
                stream.close()


def exported(running: Running) -> dict[str, str]:
    """The variables that its first lines set."""
    running.sees("no_proxy=")
    words = " ".join(running.lines).split()
    return dict(word.split("=", 1) for word in words if word != "export")


def answer(event: InitiateEvent) -> Response:
    return Response().speak_sentence("For sales, press 1.").pause(duration=60)


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    application = VoiceApp()
    application.on("/answer")(answer)
    with Server(application) as server:
        yield f"{server.url}/answer"


def test_what_it_prints_first_leads_a_client_there() -> None:
    with simulate("--port", "0") as running:
        named = exported(running)
        assert [line.split("=")[0] for line in running.lines] == [
            "export BW_ACCOUNT_ID",
            "export BW_VOICE_URL",
            "export NO_PROXY",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "calls", "list", "--json"],
            env={**os.environ, **named},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "")
        running.sees("REST       POST /api/v1/oauth2/token: 200")
        running.sees("REST       GET /api/v2/accounts/9900000/calls: 200")
        running.interrupt()
        assert running.ends()[0] == 0


def test_calls_of_the_rest_api_are_shown_as_they_happen() -> None:
    with simulate("--port", "0") as running:
        named = exported(running)
        url = f"{named['BW_VOICE_URL']}/accounts/{named['BW_ACCOUNT_ID']}/calls"
        with httpx.Client(auth=("user", "password"), trust_env=False) as http:
            made = http.post(url, json=ORDER).json()
            running.sees("queued: +15550100002 calls +15550100001")
            assert http.post(made["callUrl"], json={"state": "completed"}).status_code == 200
            running.sees("ends: cancel")
        running.interrupt()
        status, _, trouble = running.ends()
        assert (status, trouble) == (0, "")


def test_a_caller_dials_in_and_the_command_ends_with_the_call(app: str) -> None:
    script = "hears For sales, press 1, waits 20, hangs up"
    with simulate("--port=0", "--clock=virtual", "--app", app, "--caller", script) as running:
        status, shown, trouble = running.ends()
    assert (status, trouble) == (0, "")
    wanted = [
        r"call +arrives: \+15550100001 calls \+15550100002",
        r"webhook +POST initiate: 200  http://127\.0\.0\.1:\d+/answer",
        r"hears +“For sales, press 1\.”",
        r"call +\+15550100001 hangs up",
        r"call +ends: hangup",
    ]
    assert re.search(".*?".join(wanted), shown, re.DOTALL), shown


def test_calls_that_are_placed_lead_elsewhere_than_to_the_app_too(app: str) -> None:
    elsewhere = VoiceApp()

    @elsewhere.on("/other")
    def other(event: AnswerEvent) -> Response:
        return Response().speak_sentence("From elsewhere.")

    with Server(elsewhere) as server, simulate("--port=0", "--app", app) as running:
        url = f"{exported(running)['BW_VOICE_URL']}/accounts/9900000/calls"
        order = {**ORDER, "answerUrl": f"{server.url}/other"}
        httpx.post(url, json=order, auth=("user", "password"), trust_env=False).raise_for_status()
        running.sees("From elsewhere.")


def test_programs_get_an_object_a_line(app: str) -> None:
    callers = ["--caller", "hangs up", "--caller", "says hello, hangs up"]
    options = ["--port=0", "--clock=virtual", "--json", "--app", app]
    with simulate(*options, *callers, "--to", "+15550100009") as running:
        status, shown, _ = running.ends()
    first, *entries = map(json.loads, shown.splitlines())
    assert (status, first["kind"]) == (0, "serving")
    assert first["environment"]["BW_CLIENT_SECRET"] == "client-secret"
    arrived = [each["text"] for each in entries if each["text"].startswith("arrives")]
    assert arrived == [
        "arrives: +15550100001 calls +15550100009",
        "arrives: +15550100002 calls +15550100009",
    ]
    assert all({"at", "call_id", "kind", "text"} <= set(each) for each in entries)
    assert [each["text"] for each in entries].count("ends: hangup") == 2


def test_a_call_that_ends_with_an_error_makes_the_status_one(app: str) -> None:
    nowhere = app.replace("/answer", "/nowhere")
    options = ["--port=0", "--clock=virtual", "--caller=waits 5"]
    with simulate(*options, "--app", nowhere) as running:
        status, shown, _ = running.ends()
    assert status == 1
    assert "ends: callback-error" in shown


def test_with_keep_it_goes_on_after_the_calls(app: str) -> None:
    options = ["--port=0", "--clock=virtual", "--keep", "--caller=hangs up", "--app", app]
    with simulate(*options) as running:
        named = exported(running)
        running.sees("ends: hangup")
        url = f"{named['BW_VOICE_URL']}/accounts/{named['BW_ACCOUNT_ID']}/calls"
        with httpx.Client(auth=("user", "password"), trust_env=False) as http:
            assert len(http.get(url).json()) == 1
        running.interrupt()
        assert running.ends()[0] == 0


def test_an_interrupted_call_is_status_130(app: str) -> None:
    with simulate("--port=0", "--caller=waits 600", "--app", app) as running:
        running.sees("hears")
        running.interrupt()
        assert running.ends()[0] == 130


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with echo() as (server, _):
        port = str(httpx.URL(server.url).port)
        with simulate("--port", port) as running:
            status, shown, trouble = running.ends()
    assert (status, shown) == (2, "")
    assert trouble == f"calls: --port {port} is taken. Give another, or 0 to get a free one\n"


STEPS = "--caller has steps that are hears WORDS, presses KEYS, says WORDS, waits SECONDS, hangs up"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sings", f"{STEPS} (got 'sings')"),
        ("", f"{STEPS} (got '')"),
        ("waits", "--caller has a step that needs SECONDS: waits (got 'waits')"),
        (
            "hangs up now",
            "--caller has a step that has nothing after it: hangs up (got 'hangs up now')",
        ),
        (
            "presses X",
            "--caller has a wrong step: 'presses X':"
            " a telephone has the keys 0 to 9, *, # and A to D (got 'X')",
        ),
        (
            "waits a bit",
            "--caller has a wrong step: 'waits a bit': could not convert string to float: 'a bit'",
        ),
    ],
)
def test_a_script_that_is_none_is_told(
    script: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commanded("--app", "http://127.0.0.1/", "--caller", script) == 2
    assert capsys.readouterr().err == f"calls: {words}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--caller", "hangs up"],
            "--caller goes with --app URL, which is asked what its call is to do",
        ),
        (["--app", "/x"], "--app must be an absolute http or https URL (got '/x')"),
        (["--app", "http://[x"], "--app must be an absolute http or https URL (got 'http://[x')"),
    ],
)
def test_arguments_that_do_not_fit_are_told(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commanded(*arguments) == 2
    assert capsys.readouterr().err == f"calls: {words}\n"


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert commanded("--help") == 0
    assert "calls simulate --app http://127.0.0.1:8000/answer" in capsys.readouterr().out


def commanded(*arguments: str) -> int:
    """The status of the command, in this process: it ends before it serves."""
    with pytest.raises(SystemExit) as ended:
        app_of_commands(["simulate", *arguments], prog_name="calls")
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("script", "steps"),
    [
        ("hears press 1, presses 1", (Hears("press 1"), Presses("1"))),
        (
            "hears Hello, Ann, says yes, I am,hangs up",
            (Hears("Hello, Ann"), Says("yes, I am"), HangsUp()),
        ),
        (" waits 2.5 , presses 12#*A ", (Waits(2.5), Presses("12#*A"))),
        ("says hangs upwards", (Says("hangs upwards"),)),
    ],
)
def test_a_comma_ends_a_step_only_before_another(script: str, steps: tuple[Any, ...]) -> None:
    assert caller_of(script).steps == steps
