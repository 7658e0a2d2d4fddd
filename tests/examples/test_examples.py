"""The examples of the docs, each served by a server and called as the platform calls."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

from bxml import Gather, Response, SpeakSentence, StartStream, StopStream, parse

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
AUTH = ("bandwidth", "hunter2")
PATIENCE = 20.0
"""Seconds that a server may take to start or to end."""

CALL = {
    "eventTime": "2026-03-04T10:15:30.250Z",
    "accountId": "9900000",
    "applicationId": "0f0e0d0c-1111-4222-8333-444455556666",
    "from": "+15550100002",
    "to": "+15550100001",
    "direction": "outbound",
    "callId": "c-1",
    "callUrl": "https://voice.bandwidth.com/api/v2/accounts/9900000/calls/c-1",
    "startTime": "2026-03-04T10:15:20.000Z",
    "answerTime": "2026-03-04T10:15:30.000Z",
}
ANSWER = CALL | {"eventType": "answer"}
OVER = CALL | {
    "eventType": "disconnect",
    "cause": "hangup",
    "endTime": "2026-03-04T10:15:50.000Z",
}


def pressed(digits: str) -> dict[str, str]:
    return CALL | {"eventType": "gather", "digits": digits}


# Servers


class Served(NamedTuple):
    """An example that is being served."""

    origin: str
    prefix: str
    """What a proxy in front of it takes off the path."""
    log: Path

    def replies(self) -> None:
        """Wait for the first reply, whatever it says."""
        try:
            httpx.get(self.origin, trust_env=False, timeout=PATIENCE)
        except httpx.TransportError as error:
            pytest.fail(f"{error!r}, and the server said: {self.log.read_text('utf-8')}")

    def ask(
        self, url: str, event: object = None, *, method: str = "POST", **how: Any
    ) -> httpx.Response:
        """A request to a URL as the world sees it; a reply must give nothing away."""
        path = urlsplit(urljoin(self.origin, url)).path
        assert path.startswith(f"{self.prefix}/"), path
        if event is not None:
            how["content"] = event if isinstance(event, bytes) else json.dumps(event)
            how["headers"] = {"Content-Type": "application/json"}
        url = self.origin + path.removeprefix(self.prefix)
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            reply = client.request(method, url, **how)
        for secret in ("Traceback", 'File "', AUTH[1]):
            assert secret not in reply.text or reply.status_code == 200
        return reply


@contextmanager
def served(
    server: Callable[[str, int], list[str]], name: str, folder: Path, prefix: str = ""
) -> Iterator[Served]:
    """The example, from when its server replies; what it has printed is clean.

    The server gets a socket that listens already. A request may come before it is up, and waits.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        environment = os.environ | {
            "VOICE_PASSWORD": AUTH[1],
            "PUBLIC_URL": origin,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = server(name, listening.fileno())
        command += ["--root-path", prefix] if prefix else []
        log = folder / "log.txt"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # our own words
                [sys.executable, "-W", "default", *command],
                cwd=EXAMPLES,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[listening.fileno()],
            )
    # From here on the socket is the server's alone: if that ends, so do the connections.
    with process:
        try:
            example = Served(origin, prefix, log)
            example.replies()
            yield example
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
    printed = log.read_text("utf-8")
    assert not re.search("Traceback|Warning|Error", printed), printed


def uvicorn(name: str, listening: int) -> list[str]:
    return ["-m", "uvicorn", f"{name}:app", "--fd", str(listening), "--no-access-log"]


def waitress(name: str, listening: int) -> list[str]:
    # Its command takes no socket, so this does what it does otherwise.
    program = (
        f"import socket, waitress; from {name} import app; "
        f"waitress.serve(app, sockets=[socket.socket(fileno={listening})])"
    )
    return ["-c", program]


SERVERS = {
    "in_starlette": (uvicorn, ""),
    "in_fastapi": (uvicorn, ""),
    "in_fastapi behind a prefix": (uvicorn, "/ivr"),
    "in_django": (uvicorn, ""),
    "in_flask": (waitress, ""),
    "in_wsgi": (waitress, ""),
}


@pytest.fixture(scope="module", params=SERVERS)
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Each of the frameworks, with the line below /voice."""
    server, prefix = SERVERS[request.param]
    name = request.param.partition(" ")[0]
    with served(server, name, tmp_path_factory.mktemp("served"), prefix) as example:
        yield example


# The line in the frameworks


def document(reply: httpx.Response) -> list[Any]:
    """The verbs of a reply."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    read = parse(reply.content)
    assert isinstance(read, Response)
    return list(read)


@pytest.mark.parametrize(
    ("digits", "words"),
    [("1", "You are first in line."), ("9", "Goodbye."), ("", "Goodbye.")],
)
def test_a_call_goes_from_the_menu_to_what_was_chosen(
    line: Served, digits: str, words: str
) -> None:
    answer_url = f"{line.prefix}/voice/answer"
    [menu] = document(line.ask(answer_url, ANSWER, auth=AUTH))
    assert isinstance(menu, Gather)
    assert menu.gather_url == f"{line.prefix}/voice/chosen"
    assert (menu.username, menu.password) == AUTH
    follow = urljoin(f"{line.origin}{answer_url}", menu.gather_url)
    said, _ = document(line.ask(follow, pressed(digits), auth=(menu.username, menu.password)))
    assert isinstance(said, SpeakSentence)
    assert said.text == words
    over = line.ask(f"{line.prefix}/voice/disconnect", OVER, auth=AUTH)
    assert (over.status_code, over.content) == (204, b"")


@pytest.mark.parametrize("auth", [None, ("bandwidth", "wrong"), ("", ""), ("nobody", AUTH[1])])
def test_nobody_comes_in_with_other_credentials(line: Served, auth: tuple[str, str] | None) -> None:
    for path in ("answer", "chosen", "disconnect", "nowhere"):
        reply = line.ask(f"{line.prefix}/voice/{path}", ANSWER, auth=auth)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(line: Served, method: str) -> None:
    reply = line.ask(f"{line.prefix}/voice/answer", method=method, auth=AUTH)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe\x00", 400),
        (b"<Response/>", 400),
        (b"[" * 10_000, 400),
        (b'{"eventType": 1}', 400),
        (b'{"eventType": "answer", "callId": 7}', 400),
        (json.dumps(pressed("1")).encode(), 404),
        (b"x" * 65_537, 413),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else str(value),
)
def test_garbage_is_refused(line: Served, body: bytes, status: int) -> None:
    assert line.ask(f"{line.prefix}/voice/answer", body, auth=AUTH).status_code == status


def test_what_is_nowhere_is_not_found(line: Served) -> None:
    for path in ("/voice/nowhere", "/voice/", "/voice/answer/", "/voice/%F0%9F%93%9E"):
        assert line.ask(f"{line.prefix}{path}", ANSWER, auth=AUTH).status_code == 404


def test_the_ordinary_page_is_as_it_was(line: Served) -> None:
    reply = line.ask(f"{line.prefix}/", method="GET")
    assert (reply.status_code, reply.text) == (200, "Acme & Sons")
    assert reply.headers["content-type"].startswith("text/plain")


def test_every_example_is_served() -> None:
    assert {path.stem for path in EXAMPLES.glob("in_*.py")} == {
        name.partition(" ")[0] for name in SERVERS
    }


def test_the_page_on_frameworks_quotes_the_examples() -> None:
    page = (EXAMPLES.parent / "howto" / "frameworks.md").read_text("utf-8")
    quoted = dict(re.findall(r"^```python (\w+\.py)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    examples = {"line.py", *(path.name for path in EXAMPLES.glob("in_*.py"))}
    assert examples <= quoted.keys()
    for name in examples:
        assert quoted[name] == (EXAMPLES / name).read_text("utf-8"), name


# Acme's line


def test_acme_leads_from_the_menu_to_a_queue_and_an_agent(tmp_path: Path) -> None:
    with served(uvicorn, "acme", tmp_path) as acme:
        answer_url = f"{acme.origin}/answer"
        *first, menu = document(acme.ask(answer_url, ANSWER))
        assert isinstance(menu, Gather)
        follow = urljoin(answer_url, menu.gather_url)
        for digits, words in [
            ("1", "You are first in line for sales. Please hold."),
            ("2", "You are first in line for support. Please hold."),
            ("", "Goodbye."),
        ]:
            said, *_ = document(acme.ask(follow, pressed(digits)))
            assert said.text == words
        assert document(acme.ask(follow, pressed("*"))) == [*first, menu]
        said, *_ = document(acme.ask("/agent", CALL | {"eventType": "redirect"}))
        assert said.text == "This is Ana. How can I help you?"
        assert acme.ask("/disconnect", OVER).status_code == 204
        assert acme.ask("/answer", b"{").status_code == 400


# The echo

METADATA = {
    "accountId": "9900000",
    "callId": "c-1",
    "streamId": "s-1",
    "streamName": "echo",
    "tracks": [{"name": "inbound", "mediaFormat": {"encoding": "PCMU", "sampleRate": 8000}}],
}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(uvicorn, "echo", tmp_path_factory.mktemp("served")) as example:
        yield example


def frame(number: int, payload: bytes, track: str = "inbound") -> str:
    return json.dumps(
        {
            "eventType": "media",
            "track": track,
            "payload": base64.b64encode(payload).decode(),
            "sequenceNumber": str(number),
        }
    )


def handshake(verb: StartStream) -> dict[str, str]:
    pair = f"{verb.destination_username}:{verb.destination_password}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def test_the_caller_hears_what_the_caller_says(echo: Served) -> None:
    _, stream, stop = document(echo.ask("/answer", ANSWER, auth=AUTH))
    assert isinstance(stream, StartStream)
    assert isinstance(stop, StopStream)
    assert (stream.mode, stop.name, stop.wait) == ("bidirectional", stream.name, True)
    assert stream.destination == f"{echo.origin.replace('http', 'ws')}/echo"
    frames = [bytes([number]) * 160 for number in range(5)]
    with connect(
        stream.destination, additional_headers=handshake(stream), proxy=None, open_timeout=PATIENCE
    ) as socket:
        socket.send(json.dumps({"eventType": "start", "metadata": METADATA}))
        socket.send(frame(1, b"\x7e" * 160, "outbound"))
        for number, sent in enumerate(frames, 2):
            socket.send(frame(number, sent))
            assert json.loads(socket.recv(PATIENCE)) == {
                "eventType": "playAudio",
                "media": {
                    "contentType": "audio/pcmu",
                    "payload": base64.b64encode(sent).decode(),
                },
            }
        socket.send(json.dumps({"eventType": "stop", "metadata": METADATA}))
        assert list(socket) == []
        assert socket.close_code == 1000
    assert echo.ask("/disconnect", OVER, auth=AUTH).status_code == 204


def test_the_echo_lets_nobody_else_in(echo: Served) -> None:
    url = f"{echo.origin.replace('http', 'ws')}/echo"
    with pytest.raises(InvalidStatus) as error:
        connect(url, proxy=None)
    assert error.value.response.status_code in {401, 403}


def test_what_is_no_message_ends_the_stream(echo: Served) -> None:
    [_, stream, _] = document(echo.ask("/answer", ANSWER, auth=AUTH))
    with connect(stream.destination, additional_headers=handshake(stream), proxy=None) as socket:
        socket.send("{}")
        with pytest.raises(ConnectionClosedError):
            socket.recv(PATIENCE)
        assert socket.close_code == 1007
