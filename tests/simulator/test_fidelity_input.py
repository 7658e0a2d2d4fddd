"""What a caller presses and says, and what is recorded of it."""

import io
import wave
from typing import Any

import pytest
from fidelity import effects
from simulated import APP, SALES, SUPPORT, Line

from bxml import Bxml, Gather, PlayAudio, Response, Ring, SpeakSentence, StartRecording, Transfer
from calls.simulator import Caller, Recording

PROMPTS = [SpeakSentence("one two three four five"), SpeakSentence("six seven")]  # 2 s, 0.8 s


def gathered(caller: Caller | None = None, **attributes: Any) -> tuple[dict[str, Any], float]:
    """The gather event, and how long after the answer it was sent."""
    prompts = attributes.pop("prompts", PROMPTS)
    line = Line(Response([Gather(prompts, gather_url="/told", **attributes)]))
    line.run(caller)
    return line.told("gather"), line.at("gather")


# Gather


@effects("documented", "Gather")
def test_prompts_play_in_order_and_stop_at_the_first_key() -> None:
    """Children play in document order; audio stops at the first digit."""
    gather = Gather(PROMPTS, gather_url="/told")
    line = Line(Response([gather]))
    assert line.run().heard == ["one two three four five", "six seven"]
    cut = Line(Response([gather])).run(Caller().waits(1).presses("1"))
    assert cut.heard == ["one two three four five"]
    assert [entry.at for entry in cut.timeline if entry.kind == "cut off"] == [1.0]


@effects("documented", "Gather.gatherUrl")
def test_with_a_url_nothing_after_it_runs_and_without_one_it_is_thrown_away() -> None:
    """With gatherUrl the document in the reply runs and the verbs after Gather are ignored; without it they go on."""
    after = Response([Gather(PROMPTS, gather_url="/told")]).speak_sentence("After.")
    line = Line(after, {"/told": Response().speak_sentence("Told.")})
    assert line.run().heard[-1] == "Told."
    without = Line(Response([Gather(PROMPTS)]).speak_sentence("After."))
    assert without.run(Caller().presses("1")).heard[-1] == "After."
    assert without.events() == ["initiate", "disconnect"]


@effects("documented", "Gather.maxDigits")
def test_the_last_of_the_digits_ends_it() -> None:
    """Most digits to collect, 50 by default; reaching it ends the gather."""
    event, at = gathered(Caller().presses("123"), max_digits=2)
    assert (event["digits"], event["terminatingDigit"], at) == ("12", "", 0.2)
    event, _ = gathered(Caller().presses("1" * 60))
    assert event["digits"] == "1" * 50


@effects("documented", "Gather.terminatingDigits")
def test_a_terminating_digit_ends_it_and_is_none_of_the_digits() -> None:
    """Any of these digits ends the gather; by default none does."""
    event, at = gathered(Caller().presses("1#2"), terminating_digits="*#")
    assert (event["digits"], event["terminatingDigit"], at) == ("1", "#", 0.2)
    event, at = gathered(Caller().presses("1#2"))
    assert (event["digits"], event["terminatingDigit"]) == ("1#2", "")
    assert at == pytest.approx(0.4 + 5)


@effects("documented", "Gather.interDigitTimeout")
def test_after_a_digit_the_next_one_is_waited_for_so_long() -> None:
    """Seconds allowed between two digits, 5 by default."""
    slowly = Caller().presses("1").waits(1.5).presses("2")
    assert gathered(slowly, inter_digit_timeout=1)[0]["digits"] == "1"
    event, at = gathered(slowly, inter_digit_timeout=2)
    assert event["digits"] == "12"
    assert at == pytest.approx(1.7 + 2)
    assert gathered(Caller().presses("1"))[1] == 5


@effects("documented", "Gather.firstDigitTimeout")
def test_after_the_prompts_the_first_digit_is_waited_for_so_long() -> None:
    """Seconds to wait for the first digit after the nested audio, 5 by default."""
    event, at = gathered(first_digit_timeout=3)
    assert event["digits"] == ""
    assert at == pytest.approx(2.8 + 3)
    assert gathered()[1] == pytest.approx(2.8 + 5)
    assert gathered(first_digit_timeout=0)[1] == pytest.approx(2.8)


@effects("documented", "Gather.repeatCount")
def test_the_prompts_play_so_often_in_all_while_nothing_is_pressed() -> None:
    """How many times in all the nested audio is played; firstDigitTimeout separates the rounds."""
    assert gathered(repeat_count=3, first_digit_timeout=1)[1] == pytest.approx(3 * 3.8)
    event, at = gathered(
        Caller().waits(5).presses("7"), repeat_count=3, first_digit_timeout=1, max_digits=1
    )
    assert (event["digits"], at) == ("7", 5)


@effects("documented", "Gather.input")
@pytest.mark.parametrize(
    ("input_", "digits", "text"),
    [("dtmf", "7", None), ("speech", "", "yes please"), ("dtmf_speech", "7", None)],
)
def test_digits_or_speech_are_collected_as_it_says(
    input_: Any, digits: str, text: str | None
) -> None:
    """What to collect: dtmf by default, speech, or both; whichever comes first ends it."""
    caller = Caller().waits(1).presses("7").waits(1).says("yes please")
    event, _ = gathered(caller, input=input_, max_digits=1)
    assert (event["digits"], event.get("text")) == (digits, text)


@effects("inferred", "Gather.speechTimeout")
def test_speech_is_waited_for_so_long_after_the_prompts() -> None:
    """Seconds to wait for speech, 5 by default; then the text is a sentence of the vendor's."""
    event, at = gathered(input="speech", speech_timeout=2)
    assert at == pytest.approx(2.8 + 2)
    assert event["text"] == "Speech timeout elapsed before transcription"
    assert gathered(input="speech")[1] == pytest.approx(2.8 + 5)
    # With both, there is time for either.
    assert gathered(input="dtmf_speech", speech_timeout=2)[1] == pytest.approx(2.8 + 5)
    assert gathered(input="dtmf_speech", speech_timeout=9)[1] == pytest.approx(2.8 + 9)


def test_whoever_spoke_before_a_gather_began_is_let_finish() -> None:
    talker = Caller().waits(1).says(" ".join(["word"] * 40))  # sixteen seconds, from 1 to 17
    line = Line(Response([Ring(duration=2), Gather(gather_url="/told", input="speech")]))
    line.run(talker)
    assert (line.told("gather")["text"][:9], line.at("gather")) == ("word word", 17)
    prompted = Gather([SpeakSentence("one " * 50)], gather_url="/told", input="speech")
    cut = Line(Response([Ring(duration=2), prompted])).run(talker)
    assert [entry.at for entry in cut.timeline if entry.kind == "cut off"] == [17]


@effects("documented", "Gather.profanityFilter")
def test_profanity_is_filtered_out_of_the_transcript() -> None:
    """Profanity is filtered out of the transcript, unless the filter is off."""
    caller = Caller().says("damn that shell")
    assert gathered(caller, input="speech")[0]["text"] == "d*** that shell"
    assert gathered(caller, input="speech", profanity_filter=False)[0]["text"] == "damn that shell"


# StartGather, StopGather


@effects("documented", "StartGather", "StopGather")
def test_every_key_is_told_until_it_is_stopped_but_not_during_a_gather() -> None:
    """Reports each digit while other verbs run, until StopGather; paused during a Gather."""
    document = (
        Response()
        .start_gather("/key")
        .ring(duration=2)
        .then(Gather(max_digits=1, first_digit_timeout=9))
        .ring(duration=2)
        .stop_gather()
        .ring(duration=9)
    )
    line = Line(document)
    line.run(
        Caller()
        .waits(1)
        .presses("1")
        .waits(1)
        .presses("2")
        .waits(1)
        .presses("3")
        .waits(4)
        .presses("4")
    )
    assert [event["digit"] for event in line.all_told("dtmf")] == ["1", "3"]


@effects("documented", "StartGather")
def test_keys_are_told_during_a_transfer_as_well() -> None:
    """Works during Conference, Transfer, Bridge and other verbs."""
    line = Line(Response().start_gather("/key").then(Transfer().phone_number(SALES)))
    line.phone(SALES, Caller().waits(9).hangs_up()).run(Caller().waits(5).presses("7"))
    assert line.told("dtmf")["digit"] == "7"


# Record


def recorded(document: Response | Bxml, caller: Caller | None = None) -> tuple[Line, Recording]:
    line = Line(document)
    line.run(caller)
    [recording] = line.simulator.recordings()
    return line, recording


@effects("documented", "Record")
def test_it_records_one_party_until_it_ends_and_the_url_says_what_runs_next() -> None:
    """Blocks until the recording ends; with recordCompleteUrl the reply runs, without it the next verb does."""
    line = Line(
        Response().record(max_duration=5, record_complete_url="/told").speak_sentence("After."),
        {"/told": Response().speak_sentence("Told.")},
    )
    call = line.run()
    assert call.heard == ["Told."]
    told = line.told("recordComplete")
    [recording] = line.simulator.recordings()
    assert (told["duration"], told["channels"], told["fileFormat"]) == ("PT5S", 1, "wav")
    assert told["recordingId"] == recording.id
    assert told["mediaUrl"].endswith(f"/calls/{call.call_id}/recordings/{recording.id}/media")
    without = Line(Response().record(max_duration=5).speak_sentence("After."))
    assert without.run().heard == ["After."]
    assert len(without.simulator.recordings()) == 1, "and the recording is kept"


@effects("documented", "Record")
def test_hanging_up_ends_a_recording_without_asking_what_is_next() -> None:
    """recordComplete is not sent if the recording ended because the call hung up; recordingAvailable is."""
    line = Line(Response().record(record_complete_url="/told", recording_available_url="/file"))
    line.run(Caller().waits(3).hangs_up())
    assert line.events() == ["initiate", "disconnect", "recordingAvailable"]
    assert line.told("recordingAvailable")["duration"] == "PT3S"


@effects("documented", "Record.maxDuration")
def test_the_longest_recording_ends_by_itself() -> None:
    """Longest recording in seconds, 60 by default."""
    assert recorded(Response().record(max_duration=7))[1].seconds == 7
    assert recorded(Response().record())[1].seconds == 60


@effects("documented", "Record.terminatingDigits")
def test_a_terminating_digit_ends_the_recording() -> None:
    """Any of these digits ends the recording, # by default; none if it is empty."""
    keys = Caller().waits(2).presses("1").waits(2).presses("#")
    assert recorded(Response().record(), keys)[1].seconds == pytest.approx(4.2)
    assert recorded(Response().record(terminating_digits="1"), keys)[1].seconds == 2
    assert recorded(Response().record(terminating_digits=""), keys)[1].seconds == 60


@effects("documented", "Record.silenceTimeout")
def test_silence_ends_the_recording() -> None:
    """Silence that ends the recording, in seconds; 0, the default, means never."""
    speech = Caller().waits(1).says("one two three four five")  # two seconds
    assert recorded(Response().record(silence_timeout=4), speech)[1].seconds == pytest.approx(7)
    assert recorded(Response().record(silence_timeout=0.5), speech)[1].seconds == pytest.approx(0.5)
    assert recorded(Response().record(silence_timeout=0), speech)[1].seconds == 60


@effects("documented", "Record.fileFormat", "StartRecording.fileFormat")
@pytest.mark.parametrize("verb", ["record", "start_recording"])
def test_the_file_has_the_format_and_the_length(verb: str) -> None:
    """File format: wav by default, or mp3."""
    document = getattr(Response(), verb)
    line, recording = recorded(
        document().ring(duration=6) if verb != "record" else document(max_duration=6)
    )
    with wave.open(io.BytesIO(line.simulator.recorded(recording))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
        assert file.getnframes() == 6 * 8000
    more = {"max_duration": 6} if verb == "record" else {}
    as_mp3 = getattr(Response(), verb)(file_format="mp3", recording_available_url="/file", **more)
    line, recording = recorded(as_mp3.ring(duration=6))
    from mutagen.mp3 import MP3  # noqa: PLC0415  # of the audio extra

    length = MP3(io.BytesIO(line.simulator.recorded(recording))).info.length
    assert length == pytest.approx(recording.seconds, abs=0.08)
    assert line.told("recordingAvailable")["fileFormat"] == "mp3"


@effects("inferred", "Record.recordingName", "StartRecording.recordingName")
@pytest.mark.parametrize("verb", ["record", "start_recording"])
def test_the_name_of_a_recording_is_told_when_the_file_is_there(verb: str) -> None:
    """Name for the recording, which recordingAvailable returns by the SDK's comment."""
    attributes = {"recording_name": "greeting", "recording_available_url": "/file"}
    line, recording = recorded(getattr(Response(), verb)(**attributes).ring(duration=2))
    assert recording.name == "greeting"
    assert line.told("recordingAvailable")["recordingName"] == "greeting"


@effects("documented", "Record.transcribe", "StartRecording.transcribe")
@pytest.mark.parametrize("verb", ["record", "start_recording"])
@pytest.mark.parametrize(("seconds", "status"), [(0.5, "file-size-too-small"), (2, "available")])
def test_a_recording_is_transcribed_if_it_is_long_enough(
    verb: str, seconds: float, status: str
) -> None:
    """Transcribes the recording; works for lengths above 500 ms and below 4 hours."""
    told = {"recording_available_url": "/file", "transcription_available_url": "/text"}
    document = getattr(Response(), verb)(transcribe=True, **told).ring(duration=seconds)
    line = Line(document)
    line.run(Caller().waits(seconds).presses("#"))
    event = line.told("transcriptionAvailable")
    assert event["transcription"]["status"] == status
    assert event["transcription"]["url"].endswith("/transcription")
    assert line.at("transcriptionAvailable") > line.at("recordingAvailable")
    without = Line(getattr(Response(), verb)(recording_available_url="/file").ring(duration=2))
    without.run()
    assert "transcriptionAvailable" not in without.events()


# StartRecording and what pauses, resumes and stops it


@effects("documented", "StartRecording")
def test_a_call_is_recorded_in_the_background_until_its_end_and_only_once() -> None:
    """Runs until the call ends; a second StartRecording is ignored."""
    again = StartRecording(recording_available_url="/second", tag="second")
    document = Response().start_recording(recording_available_url="/file").ring(duration=3)
    line, recording = recorded(document.then(again).ring(duration=4))
    assert recording.seconds == 7
    assert [sent.target.url for sent in line.sent if "Available" in sent.event.event_type] == [
        f"{APP}/file"
    ]
    assert "tag" not in line.told("disconnect"), "what is ignored sets no tag"


@effects("documented", "PauseRecording", "ResumeRecording", "StopRecording")
def test_what_is_paused_is_neither_in_the_file_nor_in_its_duration() -> None:
    """The paused time is not in the file; StopRecording ends it, paused or not; none has an effect without a recording."""
    document = (
        Response()
        .pause_recording()
        .resume_recording()
        .stop_recording()
        .start_recording(recording_available_url="/file")
        .ring(duration=2)
        .pause_recording()
        .ring(duration=3)
        .resume_recording()
        .ring(duration=1)
        .stop_recording()
        .ring(duration=9)
    )
    line, recording = recorded(document)
    assert recording.spans == [(0, 2), (5, 6)]
    assert line.told("recordingAvailable")["duration"] == "PT3S"
    assert line.at("recordingAvailable") == pytest.approx(7)
    assert len(line.simulator.recorded(recording)) == 44 + 3 * 16_000


@effects("documented", "StartRecording.multiChannel")
def test_each_side_may_have_a_channel_of_its_own() -> None:
    """Two channels: 0 is the caller, 1 what is played to the caller; during a Transfer, 1 is the other party."""
    speech = SpeakSentence("one two three four five")  # two seconds
    document = Response().start_recording(multi_channel=True).then(speech).ring(duration=4)
    line, recording = recorded(document, Caller().waits(3).says("six seven eight nine ten"))
    samples = line.simulator.recorded(recording)[44:]

    def sounds(channel: int, at: float) -> bool:
        first = int(at * 8000) * 4 + 2 * channel
        return any(samples[first : first + 400 : 4])

    assert recording.channels == 2
    assert [sounds(0, at) for at in (1, 2.5, 4, 5.5)] == [False, False, True, False]
    assert [sounds(1, at) for at in (1, 4)] == [True, True], "speech, then ringing"
    mono = recorded(Response().start_recording().then(speech))
    assert mono[1].channels == 1
    assert any(mono[0].simulator.recorded(mono[1])[44:])


@effects("documented", "StartRecording")
def test_both_sides_of_a_transfer_are_recorded() -> None:
    """On a call both sides are recorded."""
    document = Response().start_recording(multi_channel=True).then(Transfer().phone_number(SUPPORT))
    line = Line(document).phone(SUPPORT, Caller().says("Support here.").waits(5).hangs_up())
    line.run(Caller().waits(4).says("Good morning."))
    [recording] = line.simulator.recordings()
    assert [(said.track, said.words) for said in recording.said] == [
        ("outbound", "Support here."),
        ("inbound", "Good morning."),
    ]


@effects("documented", "PlayAudio")
def test_a_recording_can_be_played_and_lasts_as_long_as_it_is() -> None:
    """The mediaUrl of recordingAvailable can be played."""
    line = Line(Response().record(max_duration=12, record_complete_url="/told"))
    line.pages["/told"] = lambda event: Response().then(PlayAudio(event["mediaUrl"]))
    call = line.run()
    assert call.timeline[-1].at == pytest.approx(24)
