"""The sockets of the voice application: who is let in, what the handler gets, how it ends."""

import asyncio
import json
import logging
from base64 import b64encode
from typing import Any

import pytest

from calls.errors import InvalidRequest
from calls.sockets import StreamMedia, StreamSocket, TranscriptionSocket
from calls.webhooks import VoiceApp

METADATA = {
    "accountId": "9900000",
    "callId": "c-1",
    "streamId": "s-1",
    "streamName": "bot",
    "tracks": [{"name": "inbound", "mediaFormat": {"encoding": "PCMU", "sampleRate": 8000}}],
}
START = {"eventType": "start", "metadata": METADATA, "streamParams": {"account": "42"}}
MEDIA = {"eventType": "media", "track": "inbound", "payload": b64encode(b"\x7f" * 160).decode()}
STOP = {"eventType": "stop", "metadata": METADATA}


def connect(
    app: VoiceApp, path: str, messages: list[Any], headers: list[tuple[bytes, bytes]] | None = None
) -> list[Any]:
    """Hold a connection: what the application sends while the messages come, then the end."""
    sent: list[Any] = []
    coming = [
        {"type": "websocket.connect"},
        *(
            {
                "type": "websocket.receive",
                "text": each if isinstance(each, str) else json.dumps(each),
            }
            for each in messages
        ),
    ]
    scope = {"type": "websocket", "path": path, "root_path": "", "headers": headers or []}

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1006}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def echoing(**how: Any) -> tuple[VoiceApp, Any]:
    app = VoiceApp(**how)

    @app.socket("/media")
    async def echo(socket: StreamSocket) -> None:
        async for message in socket:
            if isinstance(message, StreamMedia):
                await socket.play(message.payload)

    return app, echo


def test_a_stream_is_heard_and_answered() -> None:
    app, _ = echoing()
    accepted, played, closed = connect(app, "/media", [START, MEDIA, STOP])
    assert accepted["type"] == "websocket.accept"
    assert json.loads(played["text"]) == {
        "eventType": "playAudio",
        "media": {"contentType": "audio/pcmu", "payload": MEDIA["payload"]},
    }
    assert (closed["type"], closed["code"]) == ("websocket.close", 1000)


def test_the_start_is_there_before_the_handler_runs() -> None:
    app = VoiceApp()
    got: list[Any] = []

    @app.socket("/media")
    async def look(socket: StreamSocket) -> None:
        got.append((socket.start.metadata.call_id, socket.start.stream_params))

    connect(app, "/media", [START])
    assert got == [("c-1", {"account": "42"})]


def test_a_transcription_is_read() -> None:
    app = VoiceApp()
    got: list[Any] = []

    @app.socket("/text")
    async def read(socket: TranscriptionSocket) -> None:
        got.extend([message async for message in socket])

    metadata = {
        "accountId": "9900000",
        "callId": "c-1",
        "realTimeTranscriptionId": "t-1",
        "transcriptionName": "live",
        "tracks": [{"name": "inbound"}],
    }
    start = {"eventType": "start", "metadata": metadata}
    said = {
        "eventType": "transcription",
        "track": "inbound",
        "startTime": "2026-03-04T10:15:26.100Z",
        "endTime": "2026-03-04T10:15:27.400Z",
        "isPartial": False,
        "language": "en-US",
        "transcript": "good morning.",
        "items": [],
    }
    connect(app, "/text", [start, said, {"eventType": "stop", "metadata": metadata}])
    assert [message.transcript for message in got] == ["good morning."]


@pytest.mark.parametrize("first", ["", "[]", "{", json.dumps(MEDIA), "\x00"])
def test_what_is_no_stream_is_closed(first: str, caplog: pytest.LogCaptureFixture) -> None:
    app, _ = echoing()
    assert connect(app, "/media", [first])[-1] == {"type": "websocket.close", "code": 1007}
    assert caplog.records


def test_who_says_nothing_is_not_waited_for() -> None:
    app, _ = echoing(reply_seconds=0.02)
    sent: list[Any] = []
    coming = [{"type": "websocket.connect"}]

    async def receive() -> Any:
        return coming.pop(0) if coming else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/media", "root_path": "", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert sent[-1] == {"type": "websocket.close", "code": 1008}


def test_a_handler_that_fails_closes_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = VoiceApp()

    @app.socket("/media")
    async def fails(socket: StreamSocket) -> None:
        raise RuntimeError

    assert connect(app, "/media", [START])[-1] == {"type": "websocket.close", "code": 1011}
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_when_the_platform_leaves_nothing_is_sent_any_more() -> None:
    app = VoiceApp()

    @app.socket("/media")
    async def late(socket: StreamSocket) -> None:
        async for _ in socket:
            pass
        await socket.clear()

    [accepted] = connect(app, "/media", [START, MEDIA])
    assert accepted["type"] == "websocket.accept"


def test_credentials_are_asked_before_the_connection_is_accepted() -> None:
    app, _ = echoing(credentials={"acme": "hunter2"})
    closed = {"type": "websocket.close", "code": 1008}
    assert connect(app, "/media", [START]) == [closed]
    right = (b"authorization", b"Basic " + b64encode(b"acme:hunter2"))
    assert connect(app, "/media", [START], [right])[0]["type"] == "websocket.accept"
    assert connect(app, "/nowhere", [START], [right]) == [closed]


def test_the_url_of_a_socket_is_that_of_a_websocket() -> None:
    app, echo = echoing(public_url="https://hooks.example.com/voice")
    assert app.url_for(echo) == "wss://hooks.example.com/voice/media"
    app, echo = echoing(public_url="http://localhost:8000")
    assert app.url_for(echo) == "ws://localhost:8000/media"
    app, echo = echoing()
    with pytest.raises(InvalidRequest, match="a socket's is absolute"):
        app.url_for(echo)


def test_a_function_that_takes_no_socket_is_refused() -> None:
    def plain(socket: StreamSocket) -> None: ...

    async def wrong(socket: int) -> None: ...

    async def two(socket: StreamSocket, more: int) -> None: ...

    for function in (plain, wrong, two):
        with pytest.raises(InvalidRequest, match=r"must (be an async function|have one parameter)"):
            VoiceApp().socket("/media")(function)  # type: ignore[type-var]
