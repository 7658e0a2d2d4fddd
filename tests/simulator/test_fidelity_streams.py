"""Streams and transcriptions, over websockets of an application in this process, and of a server."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from fidelity import effects
from simulated import each

from bxml import (
    Bxml,
    CustomParam,
    Response,
    SpeakSentence,
    StartStream,
    StartTranscription,
    StopStream,
    StopTranscription,
    StreamParam,
)
from calls.events import CallEvent, Event
from calls.simulator import Phone, PhoneCall, Settings, Simulator
from calls.simulator.server import Server
from calls.sockets import (
    StreamMedia,
    StreamSocket,
    TranscriptionResult,
    TranscriptionSocket,
)
from calls.webhooks import VoiceApp

AT = "https://app.example.com"
MEDIA, TEXT = "wss://app.example.com/media", "wss://app.example.com/text"
TELLS: dict[str, Any] = {"stream_event_url": "/told"}
TELLS_TEXT: dict[str, Any] = {"transcription_event_url": "/told"}


class Bot:
    """An application with a document, and sockets that do as they are told."""

    def __init__(
        self,
        document: Response,
        *,
        hears: Callable[[StreamSocket, StreamMedia], Any] | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.sockets: list[StreamSocket | TranscriptionSocket] = []
        self.messages: list[Any] = []
        self.app = VoiceApp(public_url=AT)
        self.authorization: list[str] = []

        self.document = document

        @self.app.on("/told")
        async def told(event: CallEvent) -> None:
            self.events.append(event)

        @self.app.socket("/media")
        async def media(socket: StreamSocket) -> None:
            self.sockets.append(socket)
            async for message in socket:
                self.messages.append(message)
                if hears and isinstance(message, StreamMedia) and await hears(socket, message):
                    return

        @self.app.socket("/text")
        async def text(socket: TranscriptionSocket) -> None:
            self.sockets.append(socket)
            async for message in socket:
                self.messages.append(message)

        self.simulator = Simulator(self._watched, at=AT, settings=Settings())
        self.phone = Phone(self.simulator)

    async def _watched(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            headers = dict(scope["headers"])
            self.authorization.append(headers.get(b"authorization", b"").decode())
        if scope.get("path") == "/in":  # as it is: the application would refuse some of them
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": bytes(self.document)})
        else:
            await self.app(scope, receive, send)

    def dials(self) -> PhoneCall:
        return self.phone.dials("+15550100", app=self._watched, at=AT, initiate="/in")

    def told(self) -> list[tuple[str, Any]]:
        """The events of streams, with their cause if they have one."""
        return [(event.event_type, getattr(event, "cause", None)) for event in self.events]

    def media(self, track: str | None = None) -> list[StreamMedia]:
        found = [each for each in self.messages if isinstance(each, StreamMedia)]
        return [each for each in found if track in (None, each.track)]


def stream(*params: StreamParam, **attributes: Any) -> StartStream:
    return StartStream(MEDIA, params, **attributes)


@effects(
    "documented",
    "StartStream",
    "StartStream.destination",
    "StreamParam",
    "StreamParam.name",
    "StreamParam.value",
)
def test_the_audio_of_a_call_goes_to_the_websocket_until_its_end() -> None:
    """Sends one start, any number of media and one stop; the parameters are copied into the start message."""
    bot = Bot(Response([stream(StreamParam("account", "42"), **TELLS)]).ring(duration=2))
    call = bot.dials().ended(cause="hangup")
    [socket] = bot.sockets
    assert isinstance(socket, StreamSocket)
    assert socket.start.stream_params == {"account": "42"}
    metadata = socket.start.metadata
    assert (metadata.call_id, metadata.account_id) == (call.call_id, "9900000")
    assert [
        (track.name, track.media_format and track.media_format.encoding)
        for track in metadata.tracks
    ] == [("inbound", "PCMU")]
    assert socket.stopped is not None
    assert [each.sequence_number for each in bot.media()] == list(range(1, len(bot.media()) + 1))
    assert len(bot.media()) == pytest.approx(100, abs=1), "20 ms each"
    assert {len(each.payload) for each in bot.media()} == {160}
    assert bot.told() == [("mediaStreamStarted", None), ("mediaStreamStopped", "closed")]


@effects("documented", "StartStream.tracks")
def test_either_side_or_both_may_be_streamed() -> None:
    """inbound, the default, is what the platform receives from this call; outbound is what it sends."""
    document = (
        Response([stream(tracks="both")])
        .speak_sentence("one two three four five")
        .pause(duration=3)
    )
    bot = Bot(document)
    bot.dials().hears("five").says("six seven eight nine ten").ended()
    silence = b"\xff" * 160
    spoken = [each.payload != silence for each in bot.media("outbound")]
    said = [each.payload != silence for each in bot.media("inbound")]
    assert sum(spoken) == pytest.approx(100, abs=2)
    assert sum(said) == pytest.approx(100, abs=2)
    assert not any(said[:90])
    assert spoken[0]
    assert {each.track for each in streamed("outbound").media()} == {"outbound"}
    assert {each.track for each in streamed(None).media()} == {"inbound"}


def streamed(tracks: Any) -> Bot:
    """A stream of a second."""
    bot = Bot(Response([stream(tracks=tracks)]).ring(duration=1))
    bot.dials().ended()
    return bot


@effects("documented", "StartStream.mode")
def test_a_bidirectional_stream_plays_into_the_call_and_can_be_cleared() -> None:
    """bidirectional: playAudio is queued and played to the call, clear throws away what is queued."""

    async def answers(socket: StreamSocket, media: StreamMedia) -> None:
        if media.sequence_number == 5:
            await socket.play(b"\x7f" * 8000)
            await socket.play(b"\x7f" * 16_000)
        elif media.sequence_number == 100:
            await socket.clear()

    document = (
        Response([stream(name="bot", mode="bidirectional")]).pause(duration=1).ring(duration=4)
    )
    bot = Bot(Response().ring(duration=1) + document, hears=answers)
    call = bot.dials().ended()
    played = [
        (sound.words, round(sound.at, 2), round(sound.ended or 0, 2)) for sound in call._call.sounds
    ]
    assert played[1:3] == [("[audio of bot, 1 s]", 1.1, 2.1), ("[ringing]", 2.0, 6.0)]
    assert ("[audio of bot, 2 s]", 2.1, 3.0) in played
    one_way = Bot(Response([stream()]).ring(duration=4), hears=answers)
    assert one_way.dials().ended().heard == ["[ringing]"]
    assert "nobody listens" in one_way.simulator.transcript()


@effects("documented", "StartStream.destinationUsername", "StartStream.destinationPassword")
def test_the_handshake_bears_the_credentials_of_the_destination() -> None:
    """User and password for the Authorization header of the websocket handshake."""
    bot = Bot(
        Response([stream(destination_username="ann", destination_password="hunter2")]).ring(
            duration=1
        )
    )
    bot.dials().ended()
    assert bot.authorization == ["Basic " + base64.b64encode(b"ann:hunter2").decode()]
    assert streamed(None).authorization == [""]


@effects("documented", "StartStream.name", "StopStream", "StopStream.name")
def test_a_stream_is_stopped_by_its_name_and_by_no_other() -> None:
    """Name for StopStream; by default the generated id. No effect when no stream of that name is active."""
    document = Response([stream(name="bot", **TELLS), StopStream("other")]).ring(duration=1)
    bot = Bot(document.then(StopStream("bot")).ring(duration=5))
    bot.dials().ended()
    assert len(bot.media()) == pytest.approx(50, abs=1)
    assert bot.sockets[0].start.metadata.stream_name == "bot"  # type: ignore[union-attr]  # a StreamSocket
    unnamed = streamed(None)
    metadata = unnamed.sockets[0].start.metadata
    assert metadata.stream_name == metadata.stream_id  # type: ignore[union-attr]  # a StreamSocket


@effects("inferred", "StopStream.wait")
def test_a_call_waits_until_the_far_end_closes_the_stream() -> None:
    """Holds execution at this verb until the stream has stopped, then goes on with the next verb."""

    async def leaves(socket: StreamSocket, media: StreamMedia) -> bool:
        return media.sequence_number == 150

    document = Response([stream(name="bot", **TELLS), StopStream("bot", wait=True)]).speak_sentence(
        "After."
    )
    bot = Bot(Response().ring(duration=1) + document, hears=leaves)
    call = bot.dials().hears("After.")
    begun = next(entry.at for entry in call.timeline if entry.text == "After.")
    assert begun == pytest.approx(1 + 3, abs=0.05)
    assert bot.told() == [("mediaStreamStarted", None), ("mediaStreamStopped", "closed")]


@effects("documented", "StartStream")
@pytest.mark.parametrize(
    ("verbs", "cause"),
    [
        ([stream(name="bot", **TELLS), stream(name="bot", **TELLS)], "duplicate"),
        ([stream(tracks="both", **TELLS) for _ in range(3)], "track-limit"),
        ([StartStream("wss://app.example.com/nowhere", **TELLS)], "connection-error"),
    ],
)
def test_a_stream_that_cannot_be_is_rejected(verbs: list[Any], cause: str) -> None:
    """Names are unique, at most 4 tracks at once (both counts as 2), and the destination must be reachable."""
    bot = Bot(Response(verbs).ring(duration=1))
    bot.dials().ended()
    assert ("mediaStreamRejected", cause) in bot.told()
    assert bot.told().count(("mediaStreamStarted", None)) == len(verbs) - 1


# Transcriptions


def transcribed(**attributes: Any) -> tuple[Bot, PhoneCall]:
    params = attributes.pop("params", ())
    start = StartTranscription(params, **{"destination": TEXT, **attributes})
    bot = Bot(Response([start, SpeakSentence("Who is calling?")]).pause(duration=4))
    call = bot.dials().hears("calling?").says("This is Ana").ended()
    return bot, call


def results(bot: Bot) -> list[tuple[str, str, bool]]:
    found = [each for each in bot.messages if isinstance(each, TranscriptionResult)]
    return [(each.track, each.transcript, each.is_partial) for each in found]


@effects(
    "documented",
    *("StartTranscription", "StartTranscription.destination"),
    *("CustomParam", "CustomParam.name", "CustomParam.value"),
)
def test_what_is_said_goes_to_the_websocket_word_by_word() -> None:
    """Sends start, with the parameters, transcription messages with items, and stop; then the whole can be fetched."""
    bot, _ = transcribed(params=[CustomParam("account", "42")], **TELLS_TEXT)
    [socket] = bot.sockets
    assert isinstance(socket, TranscriptionSocket)
    assert socket.start.custom_params == {"account": "42"}
    assert results(bot) == [("inbound", "This is Ana", False)]
    [result] = [each for each in bot.messages if isinstance(each, TranscriptionResult)]
    assert [item.content for item in result.items] == ["This", "is", "Ana"]
    assert result.start_time is not None
    assert result.end_time is not None
    assert (result.end_time - result.start_time).total_seconds() == pytest.approx(1.2, abs=0.002)
    assert socket.stopped is not None
    bot.simulator.run()
    assert bot.told() == [
        ("realTimeTranscriptionStarted", None),
        ("realTimeTranscriptionStopped", "closed"),
        ("realTimeTranscriptionAvailable", None),
    ]


@effects("documented", "StartTranscription.tracks")
def test_either_side_or_both_may_be_transcribed() -> None:
    """Which side(s) to transcribe: inbound by default."""
    both = [("outbound", "Who is calling?", False), ("inbound", "This is Ana", False)]
    assert results(transcribed(tracks="both")[0]) == both
    assert results(transcribed(tracks="outbound")[0]) == both[:1]


@effects("documented", "StartTranscription.stabilized")
def test_updates_that_are_not_stable_yet_come_only_if_they_are_wanted() -> None:
    """Send updates only once they are stable, which is the default."""
    found = results(transcribed(stabilized=False)[0])
    assert found == [("inbound", "This", True), ("inbound", "This is Ana", False)]


@effects("documented", "StartTranscription.preferredLanguages")
def test_the_language_is_the_first_that_is_preferred() -> None:
    """Locales to transcribe in, en-US by default."""
    for attributes, language in each(
        ({}, "en-US"),
        ({"preferred_languages": ["es-US", "en-US"]}, "es-US"),
    ):
        bot, _ = transcribed(**attributes)
        assert [each.language for each in bot.messages] == [language]


@effects("documented", "StartTranscription.name", "StopTranscription", "StopTranscription.name")
def test_a_transcription_is_stopped_by_its_name_or_all_are() -> None:
    """Name for StopTranscription; without a name all of the call's are stopped."""
    for stop, left in (
        (StopTranscription(name="one"), 1),
        (StopTranscription(name="none"), 2),
        (StopTranscription(), 0),
    ):
        names = [
            StartTranscription(name=name, destination=TEXT, **TELLS_TEXT) for name in ("one", "two")
        ]
        bot = Bot(Response([*names]).ring(duration=1).then(stop).pause(duration=9))
        call = bot.dials().waits(2)
        with bot.simulator.held() as engine:
            assert len(engine.calls[call.call_id].streams) == left
        call.hangs_up()


@effects("documented", "StartTranscription")
def test_a_transcription_without_a_websocket_can_be_fetched_at_the_end() -> None:
    """With transcriptionEventUrl: Available at the end, destination or not; duplicates are rejected."""
    twice = [
        StartTranscription(name="one", **TELLS_TEXT),
        StartTranscription(name="one", **TELLS_TEXT),
    ]
    bot = Bot(Response(twice).ring(duration=1))
    bot.dials().ended()
    bot.simulator.run()
    assert bot.told() == [
        ("realTimeTranscriptionRejected", "duplicate"),
        ("realTimeTranscriptionAvailable", None),
    ]


def test_over_a_real_websocket_it_is_the_same() -> None:
    seen: list[Any] = []
    app = VoiceApp()

    @app.socket("/media")
    async def media(socket: StreamSocket) -> None:
        seen.append(socket.start)
        async for message in socket:
            seen.append(message)
            if isinstance(message, StreamMedia) and message.sequence_number == 10:
                await socket.play(message.payload)
            if isinstance(message, StreamMedia) and message.sequence_number == 50:
                return

    with Server(app, ws="websockets-sansio") as server:
        destination = server.url.replace("http://", "ws://") + "/media"
        start = StartStream(destination, name="bot", mode="bidirectional")
        simulator = Simulator(server.url)

        async def document(scope: Any, receive: Any, send: Any) -> None:
            body = bytes(
                Response(
                    [SpeakSentence("Hi."), start, StopStream("bot", wait=True)]
                ).speak_sentence("After.")
            )
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        with simulator:
            call = Phone(simulator).dials("+15550100", app=document, initiate="/in")
            call.hears("After.").ended(cause="hangup")
    assert seen[0].metadata.stream_name == "bot"
    assert "[audio of bot, 0.02 s]" in call.heard


def test_a_stream_that_is_pushed_away_ends_when_the_call_does() -> None:
    bot = Bot(Response([stream(**TELLS)]).ring(duration=60))
    call = bot.dials().hears("[ringing]").waits(1)
    with bot.simulator.held() as engine:
        engine.push(engine.calls[call.call_id], Bxml().speak_sentence("Goodbye."))
    call.hears("Goodbye.").ended()
    assert bot.told()[-1] == ("mediaStreamStopped", "closed")
