"""The websockets of StartStream and StartTranscription: messages, and sockets over a fake one."""

import asyncio
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import CallsError, InvalidRequest
from calls.sockets import (
    Audio,
    ClearMessage,
    InvalidMessage,
    Message,
    PlayAudioMessage,
    StreamMedia,
    StreamMetadata,
    StreamSocket,
    StreamStart,
    StreamStop,
    StreamTrack,
    TranscriptionItem,
    TranscriptionMetadata,
    TranscriptionResult,
    TranscriptionSocket,
    TranscriptionStart,
    TranscriptionStop,
    UnknownMessage,
    parse_outgoing,
    parse_stream_message,
    parse_transcription_message,
)

STREAM = {
    "accountId": "9900000",
    "callId": "c-0a1b2c3d-4e5f6071-8293-4a4b-8c5d-6e7f80910203",
    "streamId": "s-0a0b0c0d-11112222-3333-4444-8555-666677778888",
    "streamName": "bot",
    "tracks": [{"name": "inbound", "mediaFormat": {"encoding": "PCMU", "sampleRate": 8000}}],
}
START = {"eventType": "start", "metadata": STREAM, "streamParams": {"account": "42"}}
MEDIA = {
    "eventType": "media",
    "track": "inbound",
    "payload": "fn5+fn5+fn4=",
    "sequenceNumber": "1",
}
STOP = {"eventType": "stop", "metadata": STREAM}

WORDS = {
    "accountId": "9900000",
    "callId": "c-0a1b2c3d-4e5f6071-8293-4a4b-8c5d-6e7f80910203",
    "realTimeTranscriptionId": "t-0a0b0c0d-11112222-3333-4444-8555-666677778888",
    "transcriptionName": "live",
    "tracks": [{"name": "inbound"}, {"name": "outbound"}],
    "stabilized": True,
}
WORDS_START = {"eventType": "start", "metadata": WORDS, "customParams": {"account": "42"}}
ITEM = {
    "content": "good",
    "startTime": "2026-03-04T10:15:26.100Z",
    "endTime": "2026-03-04T10:15:26.500Z",
    "confidence": 0.97,
    "stable": True,
    "type": "PRONUNCIATION",
}
RESULT = {
    "eventType": "transcription",
    "track": "inbound",
    "startTime": "2026-03-04T10:15:26.100Z",
    "endTime": "2026-03-04T10:15:27.400Z",
    "isPartial": False,
    "language": "en-US",
    "transcript": "good.",
    "items": [ITEM, {**ITEM, "content": ".", "type": "PUNCTUATION"}],
}
WORDS_STOP = {"eventType": "stop", "metadata": WORDS}

LINEAR = "audio/pcm;rate=16000;channels=1;bit-depth=16;endian=little;encoding=signed"
PLAY = {
    "eventType": "playAudio",
    "media": {"contentType": "audio/pcmu", "payload": "fn5+fn5+fn4="},
}
PLAY_LINEAR = {
    "eventType": "playAudio",
    "media": {"contentType": LINEAR, "payload": "AAAAAAAAAAA="},
}
CLEAR = {"eventType": "clear"}

Parse = Callable[[str | bytes], Any]
PARSERS: list[Parse] = [parse_stream_message, parse_transcription_message, parse_outgoing]
EXAMPLES: list[tuple[Parse, dict[str, Any]]] = [
    (parse_stream_message, START),
    (parse_stream_message, MEDIA),
    (parse_stream_message, STOP),
    (parse_transcription_message, WORDS_START),
    (parse_transcription_message, RESULT),
    (parse_transcription_message, WORDS_STOP),
    (parse_outgoing, PLAY),
    (parse_outgoing, PLAY_LINEAR),
    (parse_outgoing, CLEAR),
]
REQUIRED = {
    "callId",
    "content",
    "contentType",
    "eventType",
    "isPartial",
    "media",
    "metadata",
    "payload",
    "realTimeTranscriptionId",
    "streamId",
    "track",
    "transcript",
}


# Messages


@pytest.mark.parametrize(("parse", "example"), EXAMPLES)
def test_a_documented_message_is_read_and_written_as_it_came(
    parse: Parse, example: dict[str, Any]
) -> None:
    message = parse(json.dumps(example))
    assert isinstance(message, Message)
    assert message.event_type == example["eventType"]
    assert json.loads(message.to_json()) == example
    assert parse(message.to_json()) == parse(message.to_json().encode()) == message


def test_a_stream_starts() -> None:
    start = parse_stream_message(json.dumps(START))
    assert isinstance(start, StreamStart)
    assert start.metadata.account_id == "9900000"
    assert start.metadata.call_id == STREAM["callId"]
    assert start.metadata.stream_id == STREAM["streamId"]
    assert start.metadata.stream_name == "bot"
    (track,) = start.metadata.tracks
    assert track.name == "inbound"
    assert track.media_format is not None
    assert (track.media_format.encoding, track.media_format.sample_rate) == ("PCMU", 8000)
    assert start.stream_params == {"account": "42"}


def test_media_have_their_audio_as_bytes() -> None:
    media = parse_stream_message(json.dumps(MEDIA))
    assert isinstance(media, StreamMedia)
    assert (media.track, media.payload, media.sequence_number) == ("inbound", b"~" * 8, 1)


@pytest.mark.parametrize(
    ("sent", "number"),
    [("7", 7), (7, 7), ("", None), ("x", None), ("-1", None), ("²", None), ("1" * 5000, None)],
)
def test_a_number_that_is_none_does_not_cost_the_audio(sent: object, number: int | None) -> None:
    media = parse_stream_message(json.dumps({**MEDIA, "sequenceNumber": sent}))
    assert isinstance(media, StreamMedia)
    assert (media.sequence_number, media.sequence_number_as_sent) == (number, sent)


def test_what_was_said_is_read() -> None:
    result = parse_transcription_message(json.dumps(RESULT))
    assert isinstance(result, TranscriptionResult)
    assert (result.track, result.transcript, result.language) == ("inbound", "good.", "en-US")
    assert result.is_partial is False
    assert result.start_time == datetime(2026, 3, 4, 10, 15, 26, 100_000, UTC)
    assert result.end_time == datetime(2026, 3, 4, 10, 15, 27, 400_000, UTC)
    good, mark = result.items
    assert (good.content, good.confidence, good.stable, good.type) == (
        "good",
        0.97,
        True,
        "PRONUNCIATION",
    )
    assert good.end_time == datetime(2026, 3, 4, 10, 15, 26, 500_000, UTC)
    assert (mark.content, mark.type) == (".", "PUNCTUATION")


def test_a_time_that_is_none_is_kept_as_it_came() -> None:
    documented = "2023-03-31T20:05.101Z"
    text = json.dumps({**RESULT, "startTime": documented, "items": [{**ITEM, "endTime": ""}]})
    result = parse_transcription_message(text)
    assert isinstance(result, TranscriptionResult)
    assert (result.start_time, result.start_time_as_sent) == (None, documented)
    assert (result.items[0].end_time, result.items[0].end_time_as_sent) == (None, "")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-03-04T10:15:26.1", datetime(2026, 3, 4, 10, 15, 26, 100_000, UTC)),
        (
            "2026-03-04T10:15:26+01:00",
            datetime(2026, 3, 4, 10, 15, 26, tzinfo=timezone(timedelta(hours=1))),
        ),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("1", None),
    ],
)
def test_a_time_has_a_zone_or_is_none(text: str, time: datetime | None) -> None:
    assert TranscriptionItem(content="a", start_time_as_sent=text).start_time == time


@pytest.mark.parametrize(
    ("sent", "meaning"),
    [(True, True), ("true", True), (False, False), ("False", False), ("", None), (None, None)],
)
def test_stabilized_may_be_in_words(sent: object, meaning: bool | None) -> None:
    text = json.dumps({**WORDS_START, "metadata": {**WORDS, "stabilized": sent}})
    start = parse_transcription_message(text)
    assert isinstance(start, TranscriptionStart)
    assert start.metadata.stabilized is meaning


@pytest.mark.parametrize("parse", PARSERS)
def test_a_message_of_tomorrow_comes_with_all_its_data(parse: Parse) -> None:
    data = {"eventType": "dtmf", "digit": "1", "more": [None]}
    assert parse(json.dumps(data)) == UnknownMessage(event_type="dtmf", data=data)


@pytest.mark.parametrize(("parse", "example"), EXAMPLES)
def test_fields_of_tomorrow_are_ordinary(parse: Parse, example: dict[str, Any]) -> None:
    assert parse(json.dumps({**example, "tomorrow": {"a": [1]}})) == parse(json.dumps(example))


def places(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """The paths to every field of an example; parameters are not ours."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        if isinstance(key, str):
            yield (*path, key)
        if isinstance(each, dict | list) and key not in ("streamParams", "customParams"):
            yield from places(each, *path, key)


FIELDS = [
    pytest.param(parse, example, path, id=f"{example['eventType']}-{'.'.join(map(str, path))}")
    for parse, example in EXAMPLES
    for path in places(example)
]


def changed(example: dict[str, Any], path: tuple[Any, ...], *value: object) -> str:
    """The example with another value at a path, or with none."""
    copy = json.loads(json.dumps(example))
    place = copy
    for key in path[:-1]:
        place = place[key]
    if value:
        place[path[-1]] = value[0]
    else:
        del place[path[-1]]
    return json.dumps(copy)


def is_required(path: tuple[Any, ...]) -> bool:
    return path[-1] in REQUIRED or (path[-1] == "name" and "tracks" in path)


@pytest.mark.parametrize(("parse", "example", "path"), FIELDS)
def test_a_field_that_is_absent_or_null(
    parse: Parse, example: dict[str, Any], path: tuple[Any, ...]
) -> None:
    for text in (changed(example, path), changed(example, path, None)):
        if is_required(path):
            with pytest.raises(InvalidMessage, match=f"missing required field `{path[-1]}`"):
                parse(text)
        else:
            assert isinstance(parse(text), Message)
            assert parse(text) == parse(changed(example, path))


@pytest.mark.parametrize(("parse", "example", "path"), FIELDS)
def test_a_field_of_the_wrong_type_is_named(
    parse: Parse, example: dict[str, Any], path: tuple[Any, ...]
) -> None:
    dotted = "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    for wrong in ([1, [2]], 1.5, {"a": 1}, "é", True):
        try:
            message = parse(changed(example, path, wrong))
        except InvalidMessage as error:
            assert dotted in str(error)
            assert len(str(error)) < 600
        else:
            # What is of the right type after all, or names a type of tomorrow.
            assert isinstance(message, Message | UnknownMessage)
            assert not isinstance(wrong, list)
            assert not isinstance(wrong, dict) or path[-1] == "mediaFormat"


@pytest.mark.parametrize("payload", ["f", "fn5", "fn5+\n", "fn5-", "=", "é"])
def test_a_payload_that_is_not_base64(payload: str) -> None:
    with pytest.raises(InvalidMessage, match=r"base64 encoded string - at `\$\.payload`"):
        parse_stream_message(json.dumps({**MEDIA, "payload": payload}))


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        b"",
        b"\xff\xfe",
        b'{"eventType": "\xff"}',
        "\ud800",
        "null",
        "[]",
        "{}",
        '{"eventType": 1}',
        '{"eventType": null}',
        '{"eventType": "x", "n": ' + "[" * 200_000,
        '{"eventType": "x", "n": ' + '{"n":' * 200_000,
        '{"eventType": "x", "n": 1e999}',
        '{"eventType": "start", "metadata": ' + "[" * 900 + "]" * 900,
    ],
)
def test_what_is_no_message(parse: Parse, text: str | bytes) -> None:
    with pytest.raises(InvalidMessage) as caught:
        parse(text)
    assert isinstance(caught.value, CallsError)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 600
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  # written here


@pytest.mark.parametrize("parse", PARSERS)
def test_a_number_of_thousands_of_digits(parse: Parse) -> None:
    text = '{"eventType": "x", "n": ' + "1" * 10_000 + "}"
    try:
        assert isinstance(parse(text), UnknownMessage)
    except InvalidMessage as error:
        assert len(str(error)) < 600


@pytest.mark.parametrize("parse", PARSERS)
def test_what_is_no_text(parse: Any) -> None:
    with pytest.raises(InvalidMessage, match="Expected text, got NoneType"):
        parse(None)


@pytest.mark.parametrize("parse", PARSERS)
def test_a_message_has_a_largest_size(parse: Parse) -> None:
    head = '{"eventType": "x", "n": "'
    fits = head + "a" * (1_048_576 - len(head) - 2) + '"}'
    assert isinstance(parse(fits), UnknownMessage)
    assert isinstance(parse(fits.encode()), UnknownMessage)
    for text in (fits + " ", (fits + " ").encode(), fits[:-3] + 'é"}', "é" * 1_048_577):
        with pytest.raises(InvalidMessage, match="at most 1,048,576 bytes"):
            parse(text)


def test_an_error_is_one_line_of_bounded_length() -> None:
    text = json.dumps({**START, "streamParams": {"a\n" * 1000: 1}})
    with pytest.raises(InvalidMessage) as caught:
        parse_stream_message(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@given(st.text() | st.binary(), st.sampled_from(PARSERS))
def test_any_text_is_a_message_or_is_invalid(text: str | bytes, parse: Parse) -> None:
    try:
        parse(text)
    except InvalidMessage as error:
        assert len(str(error)) < 600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=5,
)


@given(st.sampled_from(FIELDS), JSON)
def test_any_value_of_any_field_is_read_or_invalid(parameters: Any, value: object) -> None:
    parse, example, path = parameters.values
    try:
        parse(changed(example, path, value))
    except InvalidMessage as error:
        assert len(str(error)) < 600


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
MAYBE = st.none() | TEXT
PARAMETERS = st.dictionaries(TEXT, TEXT, max_size=3)
STREAMS = st.builds(
    StreamMetadata,
    call_id=TEXT,
    stream_id=TEXT,
    account_id=MAYBE,
    stream_name=MAYBE,
    tracks=st.lists(st.builds(StreamTrack, name=TEXT), max_size=2).map(tuple),
)
TRANSCRIPTIONS = st.builds(
    TranscriptionMetadata,
    call_id=TEXT,
    real_time_transcription_id=TEXT,
    stabilized_as_sent=st.none() | st.booleans() | TEXT,
)
ITEMS = st.builds(TranscriptionItem, content=TEXT, confidence=st.none() | st.floats(0, 1))


@given(
    st.builds(StreamStart, metadata=STREAMS, stream_params=PARAMETERS)
    | st.builds(StreamMedia, track=TEXT, payload=st.binary(), sequence_number_as_sent=MAYBE)
    | st.builds(StreamStop, metadata=STREAMS)
)
def test_every_message_of_a_stream_survives(message: Message) -> None:
    assert parse_stream_message(message.to_json()) == message


@given(
    st.builds(TranscriptionStart, metadata=TRANSCRIPTIONS, custom_params=PARAMETERS)
    | st.builds(
        TranscriptionResult,
        track=TEXT,
        transcript=TEXT,
        is_partial=st.booleans(),
        start_time_as_sent=MAYBE,
        items=st.lists(ITEMS, max_size=3).map(tuple),
    )
    | st.builds(TranscriptionStop, metadata=TRANSCRIPTIONS)
)
def test_every_message_of_a_transcription_survives(message: Message) -> None:
    assert parse_transcription_message(message.to_json()) == message


@given(
    st.builds(PlayAudioMessage.pcmu, st.binary())
    | st.builds(
        lambda samples, rate: PlayAudioMessage.pcm(samples * 2, sample_rate=rate),
        st.binary(),
        st.sampled_from([8000, 16000, 24000]),
    )
    | st.just(ClearMessage())
)
def test_every_message_to_a_stream_survives(message: Message) -> None:
    assert parse_outgoing(message.to_json()) == message


def test_audio_has_the_vendors_content_type() -> None:
    assert json.loads(PlayAudioMessage.pcmu(b"~" * 8).to_json()) == PLAY
    assert json.loads(PlayAudioMessage.pcm(bytes(8), sample_rate=16000).to_json()) == PLAY_LINEAR
    linear = PlayAudioMessage.pcm(b"", sample_rate=8000).media
    assert linear == Audio(content_type=LINEAR.replace("16000", "8000"), payload=b"")
    assert ClearMessage().to_json() == '{"eventType":"clear"}'


@pytest.mark.parametrize("rate", [0, 11025, 48000, True, 8000.0, "8000", None, []])
def test_a_rate_that_the_platform_does_not_take_is_refused(rate: Any) -> None:
    with pytest.raises(InvalidRequest, match="sample_rate must be 8000, 16000 or 24000"):
        PlayAudioMessage.pcm(b"", sample_rate=rate)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"two bytes each \(got 3 bytes\)"):
        PlayAudioMessage.pcm(b"abc", sample_rate=8000)


@pytest.mark.parametrize("payload", ["fn5+", None, bytearray(2), [1]])
def test_audio_is_bytes(payload: Any) -> None:
    with pytest.raises(InvalidRequest, match="payload must be bytes"):
        PlayAudioMessage.pcmu(payload)
    with pytest.raises(InvalidRequest, match="payload must be bytes"):
        PlayAudioMessage.pcm(payload, sample_rate=8000)


def test_messages_ask_for_no_audio_and_no_server() -> None:
    script = (
        "import calls.sockets, sys; "
        "print({'audioop', 'calls.sockets.audio', 'starlette'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)  # noqa: S603  # our own words
    assert run.stdout.strip() == b"set()"


# Sockets


class Peer:
    """A connection whose other side says what is given, and closes; it keeps what it hears."""

    def __init__(self, *messages: object) -> None:
        self.says: asyncio.Queue[str | None] = asyncio.Queue()
        for each in messages:
            self.says.put_nowait(each if isinstance(each, str) else json.dumps(each))
        self.says.put_nowait(None)
        self.heard: list[Any] = []
        self.is_closed = False

    async def receive_text(self) -> str | None:
        return await self.says.get()

    async def send_text(self, text: str) -> None:
        self.heard.append(json.loads(text))

    async def close(self) -> None:
        self.is_closed = True


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def test_a_stream_is_heard_until_it_stops() -> None:
    async def test() -> None:
        tomorrow = {"eventType": "mark", "name": "a"}
        peer = Peer(START, MEDIA, tomorrow, {**MEDIA, "sequenceNumber": "2"}, STOP, MEDIA)
        socket = await StreamSocket.open(peer)
        assert socket.start.stream_params == {"account": "42"}
        assert socket.stopped is None
        media, unknown, last = [message async for message in socket]
        assert isinstance(media, StreamMedia)
        assert unknown == UnknownMessage(event_type="mark", data=tomorrow)
        assert isinstance(last, StreamMedia)
        assert (media.sequence_number, last.sequence_number) == (1, 2)
        assert socket.stopped == StreamStop(metadata=socket.start.metadata)
        assert [message async for message in socket] == []
        assert peer.says.qsize() == 2  # what comes after the stop is nobody's

    run(test)


def test_a_peer_that_closes_ends_the_stream() -> None:
    async def test() -> None:
        socket = await StreamSocket.open(Peer(START, MEDIA))
        assert len([message async for message in socket]) == 1
        assert socket.stopped is None
        assert [message async for message in socket] == []  # it does not wait for more

    run(test)


def test_a_loop_that_was_left_goes_on() -> None:
    async def test() -> None:
        socket = await StreamSocket.open(Peer(START, MEDIA, {**MEDIA, "track": "outbound"}, STOP))
        async for _ in socket:
            break
        (rest,) = [message async for message in socket]
        assert isinstance(rest, StreamMedia)
        assert rest.track == "outbound"

    run(test)


def test_a_stream_is_spoken_into() -> None:
    async def test() -> None:
        peer = Peer(START)
        socket = await StreamSocket.open(peer)
        await socket.play(b"~" * 8)
        await socket.play_pcm(bytes(8), sample_rate=16000)
        await socket.clear()
        assert peer.heard == [PLAY, PLAY_LINEAR, CLEAR]
        with pytest.raises(InvalidRequest):
            await socket.play_pcm(b"a", sample_rate=8000)
        assert len(peer.heard) == 3

    run(test)


def test_a_socket_that_was_closed_reads_nothing_more() -> None:
    async def test() -> None:
        peer = Peer(START, MEDIA)
        socket = await StreamSocket.open(peer)
        await socket.close()
        assert peer.is_closed
        assert [message async for message in socket] == []

    run(test)


def test_a_transcription_is_read_until_it_stops() -> None:
    async def test() -> None:
        socket = await TranscriptionSocket.open(Peer(WORDS_START, RESULT, WORDS_STOP))
        assert socket.start.custom_params == {"account": "42"}
        (result,) = [message async for message in socket]
        assert isinstance(result, TranscriptionResult)
        assert result.transcript == "good."
        assert socket.stopped == TranscriptionStop(metadata=socket.start.metadata)

    run(test)


@pytest.mark.parametrize("kind", [StreamSocket, TranscriptionSocket])
@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "closed before the message start"),
        ([{"eventType": "hello"}], r"the first message must be start \(got hello\)"),
        ([{"eventType": "h\n" * 1000}], "the first message must be start"),
        (["no JSON"], "not a message of a"),
    ],
)
def test_a_first_message_that_is_no_start(kind: Any, messages: list[object], words: str) -> None:
    async def test() -> None:
        with pytest.raises(InvalidMessage, match=words) as caught:
            await kind.open(Peer(*messages))
        assert len(str(caught.value)) < 600

    run(test)


NO_STARTS: list[tuple[Any, object]] = [
    *((StreamSocket, each) for each in (MEDIA, STOP, WORDS_START)),
    *((TranscriptionSocket, each) for each in (RESULT, WORDS_STOP, START)),
]


@pytest.mark.parametrize(("kind", "message"), NO_STARTS)
def test_another_message_of_the_kind_or_the_start_of_the_other(kind: Any, message: object) -> None:
    async def test() -> None:
        with pytest.raises(InvalidMessage):
            await kind.open(Peer(message))

    run(test)


@pytest.mark.parametrize(
    ("message", "words"), [("no JSON", "not a message"), (START, "start came a second time")]
)
def test_what_is_wrong_in_the_middle_is_raised(message: object, words: str) -> None:
    async def test() -> None:
        socket = await StreamSocket.open(Peer(START, MEDIA, message, MEDIA, STOP))
        assert isinstance(await anext(socket), StreamMedia)
        with pytest.raises(InvalidMessage, match=words):
            await anext(socket)

    run(test)
