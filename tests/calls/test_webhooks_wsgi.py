"""The WSGI face of the voice application, asked as a server asks."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from a2wsgi import ASGIMiddleware

from bxml import Response
from calls.events import GatherEvent
from calls.webhooks import VoiceApp

GATHER = {
    "eventType": "gather",
    "eventTime": "2026-03-04T10:15:30.250Z",
    "from": "+15550100001",
    "to": "+15550100002",
    "direction": "outbound",
    "callId": "c-1",
    "callUrl": "https://voice.bandwidth.com/api/v2/accounts/9900000/calls/c-1",
}

app = VoiceApp()


@app.on("/menu")
async def menu(event: GatherEvent) -> Response:
    return Response().redirect(app.url_for(menu))


def ask(body: bytes = b"", app: VoiceApp = app, /, **environ: str) -> tuple[int, bytes]:
    """The status and the body of a reply."""
    told: list[str] = []
    given: dict[str, Any] = {"REQUEST_METHOD": "POST", "PATH_INFO": "/menu"}
    given |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    given |= {"wsgi.input": io.BytesIO(body)} | environ
    setup_testing_defaults(given)

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told.append(status)
        return lambda _: None

    text = b"".join(app.wsgi(given, start_response))
    return int(told[0].split()[0]), text


def test_it_answers_below_where_it_is_mounted() -> None:
    status, body = ask(json.dumps(GATHER).encode(), SCRIPT_NAME="/voice")
    assert status == 200
    assert b'redirectUrl="/voice/menu"' in body


def test_a_path_that_repeats_the_mount_is_below_it_all_the_same() -> None:
    assert ask(json.dumps(GATHER).encode(), SCRIPT_NAME="/menu")[0] == 200


@pytest.mark.parametrize("body", [b"", b"{"])
def test_a_body_that_ends_too_early_is_refused_at_once(body: bytes) -> None:
    assert ask(body, CONTENT_LENGTH="70000") == (400, b"The body ended too early.")


def test_several_first_requests_at_once_start_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[object] = []

    class Counted(ASGIMiddleware):
        def __init__(self, app: Any) -> None:
            super().__init__(app)  # which starts a thread, so that others have their turn
            loops.append(self.loop)

    monkeypatch.setattr("calls.webhooks._wsgi.ASGIMiddleware", Counted)
    together = Barrier(8)

    def first(app: VoiceApp) -> int:
        together.wait()
        return ask(b"", app)[0]

    with ThreadPoolExecutor(8) as threads:
        for number in range(1, 6):
            assert list(threads.map(first, [VoiceApp()] * 8)) == [404] * 8
            assert len(loops) == number


@pytest.mark.parametrize("port", ["", "unix socket", "8000"])
def test_a_server_at_a_unix_socket_has_no_port(port: str) -> None:
    body = json.dumps(GATHER).encode()
    assert ask(body, SERVER_PORT=port, REMOTE_PORT=port, REMOTE_ADDR="x")[0] == 200


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 400),
        ({"REQUEST_METHOD": "GET"}, 405),
        ({"PATH_INFO": "/nowhere"}, 404),
        ({"PATH_INFO": "/\xff\xfe"}, 400),
        ({"SCRIPT_NAME": "/\xff"}, 400),
        ({"QUERY_STRING": "\xe4"}, 400),
        ({"CONTENT_LENGTH": "many"}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": ""}, 400),
    ],
)
def test_what_cannot_be_answered_is_refused(environ: dict[str, str], status: int) -> None:
    got, body = ask(b"", **environ)
    assert got == status
    assert b"Traceback" not in body
