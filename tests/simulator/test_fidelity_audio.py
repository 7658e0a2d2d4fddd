"""Audio files of an application: how they are told apart, and how often they are fetched."""

import io
import wave
from typing import Any

import pytest
from fidelity import effects

from bxml import PlayAudio, Response
from calls.simulator import Phone, Simulator

MP3 = (bytes.fromhex("ffe318c4") + bytes(68)) * 100  # 7.2 seconds


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(round(2 * 8000 * seconds)))
    return file.getvalue()


class Studio:
    """An application with one document, and one file at every other path."""

    def __init__(self, document: Response, content: bytes, **headers: str) -> None:
        self.document = document
        self.content = content
        self.headers = headers
        self.fetched: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers, body = {"content-type": "application/xml"}, bytes(self.document)
        if scope["method"] == "GET":
            headers, body = self.headers, self.content
            sent = dict(scope["headers"])
            self.fetched.append(sent.get(b"authorization", b"").decode())
        pairs = [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": body})

    def plays(self) -> tuple[str | None, float]:
        """Why a call that hears the document ends, and when."""
        with Simulator(self) as simulator:
            call = Phone(simulator).dials("+15550100", app=self).ended()
            return call.cause, call.timeline[-1].at


@effects("documented", "PlayAudio")
@pytest.mark.parametrize(
    ("path", "content", "content_type", "seconds"),
    [
        ("/prompt.php", wav(4), "audio/x-wav", 4),
        ("/prompt.php", MP3, "audio/mpeg", 7.2),
        ("/prompt.wav", MP3, "audio/mp3", 7.2),
        ("/prompt.mp3", MP3, "application/octet-stream", 7.2),
        ("/prompt", wav(4), "", 4),
    ],
)
def test_the_content_type_says_the_format_then_the_extension(
    path: str, content: bytes, content_type: str, seconds: float
) -> None:
    """The format is that of the Content-Type; with another or none the extension decides, else it is .wav."""
    headers = {"content_type": content_type} if content_type else {}
    studio = Studio(Response([PlayAudio(path)]), content, **headers)
    cause, at = studio.plays()
    assert cause == "hangup"
    assert at == pytest.approx(seconds, abs=0.01)


@effects("documented", "PlayAudio")
@pytest.mark.parametrize(
    ("headers", "times"),
    [({}, 2), ({"cache_control": "max-age=60"}, 1), ({"cache_control": "max-age=1"}, 2)],
)
def test_a_file_is_fetched_again_unless_its_reply_may_be_kept(
    headers: dict[str, str], times: int
) -> None:
    """Cached up to the max-age of Cache-Control, else not at all."""
    document = Response([PlayAudio("/a.wav")]).pause(duration=2).play_audio("/a.wav")
    studio = Studio(document, wav(3), content_type="audio/wav", **headers)
    cause, at = studio.plays()
    assert cause == "hangup"
    assert at == pytest.approx(8)
    assert len(studio.fetched) == times


@effects("documented", "PlayAudio.username", "PlayAudio.password")
def test_each_verb_sends_its_own_credentials() -> None:
    """User name and password go with the requests to the audio URL of this verb."""
    verbs = [
        PlayAudio("/a.wav", username="ann", password="hunter2"),
        PlayAudio("/a.wav"),
        PlayAudio("/a.wav", username="bea", password="hunter3"),
    ]
    studio = Studio(Response(verbs), wav(3), content_type="audio/wav")
    studio.plays()
    assert studio.fetched == ["Basic YW5uOmh1bnRlcjI=", "", "Basic YmVhOmh1bnRlcjM="]
