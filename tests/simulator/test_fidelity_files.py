"""The files of recordings: how long they are, and where in them somebody is heard."""

import io
import wave
from itertools import groupby
from typing import Any

import pytest
from fidelity import effects
from mutagen.mp3 import MP3
from simulated import SALES, Line

from bxml import PhoneNumber, Record, Response, SpeakSentence, StartRecording, Transfer
from calls.simulator import Caller

FIVE_WORDS = SpeakSentence("one two three four five")  # two seconds
TENTH = 800
"""Samples in a tenth of a second."""


def file_of(document: Response, caller: Caller, *others: Caller) -> bytes:
    """The file of the one recording of a call, and of those who were called from it."""
    line = Line(document)
    for other in others:
        line.phone(SALES, other)
    line.run(caller)
    [recording] = line.simulator.recordings()
    return line.simulator.recorded(recording)


def loud(content: bytes) -> list[list[tuple[float, float]]]:
    """For each channel of a WAV file from when to when it is not silent, in seconds."""
    with wave.open(io.BytesIO(content)) as file:
        channels, frames = file.getnchannels(), file.readframes(file.getnframes())
    found = []
    for channel in range(channels):
        side = memoryview(frames).cast("h")[channel::channels].tolist()
        heard = [any(side[at : at + TENTH]) for at in range(0, len(side), TENTH)]
        spans, at = [], 0
        for is_loud, blocks in groupby(heard):
            length = len(list(blocks))
            if is_loud:
                spans.append((at / 10, (at + length) / 10))
            at += length
        found.append(spans)
    return found


def seconds_of(content: bytes) -> float:
    with wave.open(io.BytesIO(content)) as file:
        frames: int = file.getnframes()
        rate: int = file.getframerate()
    return frames / rate


@effects("documented", "Record")
def test_only_the_caller_is_in_the_file_and_only_where_the_caller_speaks() -> None:
    """Records one party: what the platform receives."""
    document = Response([FIVE_WORDS, Record(max_duration=7), FIVE_WORDS])
    caller = Caller().waits(3).says("one two three four five").waits(2).says("six")
    content = file_of(document, caller)
    assert seconds_of(content) == pytest.approx(7)
    assert loud(content) == [[(1, 3), (5, 5.4)]]


@effects("inferred", "Record", "StartRecording")
@pytest.mark.parametrize(
    "document",
    [
        Response([Record(max_duration=4)]),
        Response([StartRecording()]).ring(duration=0.1).pause(duration=3.9).stop_recording(),
        Response([StartRecording()]).ring(duration=0.1).pause(duration=3.9).hangup(),
    ],
    ids=["Record", "StopRecording", "hanging up"],
)
def test_words_are_in_the_file_as_far_as_they_were_said_when_it_ended(document: Response) -> None:
    """Who speaks when a recording ends is in the file up to then."""
    content = file_of(document.ring(duration=1), Caller().waits(1).says("word " * 25))
    assert seconds_of(content) == pytest.approx(4)
    assert loud(content)[0][-1] == (1, 4)


@effects("documented", "StartRecording.multiChannel")
def test_a_channel_holds_what_its_side_says_and_nothing_else() -> None:
    """Channel 0 is the caller, channel 1 is what is played; one channel holds both."""
    verbs = Response([FIVE_WORDS]).pause(duration=4)
    caller = Caller().waits(3).says("one two three four five")
    both = Response([StartRecording(multi_channel=True)]) + verbs
    assert loud(file_of(both, caller)) == [[(3, 5)], [(0, 2)]]
    mixed = Response([StartRecording()]) + verbs
    assert loud(file_of(mixed, caller)) == [[(0, 2), (3, 5)]]


@effects("documented", "StartRecording.multiChannel")
def test_during_a_transfer_the_other_party_has_the_second_channel() -> None:
    """During a Transfer channel 0 is the A-leg and channel 1 the B-leg."""
    transfer = Transfer([PhoneNumber(SALES)])
    document = Response([StartRecording(multi_channel=True), transfer])
    content = file_of(
        document,
        Caller().waits(3).says("one two three four five"),
        Caller().answers(after=2).waits(4).says("six seven eight nine ten").hangs_up(),
    )
    assert loud(content) == [[(3, 5)], [(6, 8)]]


@effects("documented", "PauseRecording", "ResumeRecording")
def test_what_is_said_during_a_pause_is_not_in_the_file() -> None:
    """The paused time is neither in the file nor in its duration."""
    document = (
        Response()
        .start_recording()
        .then(FIVE_WORDS)
        .pause(duration=1)
        .pause_recording()
        .then(FIVE_WORDS, FIVE_WORDS)
        .resume_recording()
        .pause(duration=1)
        .then(FIVE_WORDS)
    )
    content = file_of(document, Caller())
    assert seconds_of(content) == pytest.approx(6)
    assert loud(content) == [[(0, 2), (4, 6)]]


@effects("documented", "StartRecording.fileFormat", "StartRecording.multiChannel")
@pytest.mark.parametrize(("both", "channels"), [(False, 1), (True, 2)])
def test_an_mp3_file_has_the_channels_and_the_length(both: bool, channels: int) -> None:
    """The file has the format, and the channels, that are asked for."""
    verb = StartRecording(file_format="mp3", multi_channel=both)
    info: Any = MP3(io.BytesIO(file_of(Response([verb]).ring(duration=9), Caller()))).info
    assert (info.channels, info.sample_rate) == (channels, 8000)
    assert info.length == pytest.approx(9, abs=0.04)


@effects("documented", "StartGather")
def test_the_key_that_ends_a_recording_is_told_as_well() -> None:
    """Reports every digit while other verbs run; only a Gather pauses it."""
    line = Line(Response().start_gather("/key").record(record_complete_url="/told"))
    line.run(Caller().waits(1).presses("1#"))
    assert [event["digit"] for event in line.all_told("dtmf")] == ["1", "#"]
    assert line.told("recordComplete")["duration"] == "PT1.2S"


@effects("documented", "Record.transcribe", "StartRecording.transcribe")
@pytest.mark.parametrize(
    ("seconds", "status"), [(14_399, "available"), (14_400, "file-size-too-big")]
)
def test_four_hours_are_too_long_for_a_transcript(seconds: int, status: str) -> None:
    """Works only for lengths above 500 ms and below 4 hours."""
    start = StartRecording(transcribe=True, transcription_available_url="/text")
    line = Line(Response([start]).ring(duration=seconds))
    line.run()
    assert line.told("transcriptionAvailable")["transcription"]["status"] == status


@effects("documented", "Record.recordCompleteUrl", "Record.recordingAvailableUrl")
def test_the_events_of_a_recording_tell_its_own_times() -> None:
    """startTime is when the recording started, not the call; recordingAvailable has no answerTime."""
    record = Record(max_duration=5, record_complete_url="/told", recording_available_url="/file")
    line = Line(Response([FIVE_WORDS, record]))
    line.run()
    complete, available = line.told("recordComplete"), line.told("recordingAvailable")
    for event in (complete, available):
        assert event["startTime"] == "2026-01-01T00:00:02.000Z"
        assert event["endTime"] == "2026-01-01T00:00:07.000Z"
        assert (event["duration"], event["channels"]) == ("PT5S", 1)
    assert complete["answerTime"] == "2026-01-01T00:00:00.000Z"
    assert "answerTime" not in available
    assert available["status"] == "complete"
    assert line.at("recordingAvailable") == pytest.approx(7 + 1)
