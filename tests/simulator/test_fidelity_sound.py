"""What is heard, and the course of a call."""

import base64
import io
import wave
from typing import Any

import pytest
from fidelity import effects
from simulated import SALES, Line

from bxml import Bxml, Gather, PlayAudio, Response, Ring, SendDtmf, SpeakSentence, Transfer, ssml
from calls.simulator import Caller, Phone, Simulator


def ended_at(document: Response, **settings: Any) -> float:
    """How long after the answer a call is over that hears a document."""
    return Line(document, **settings).run().timeline[-2].at


# SpeakSentence, PlayAudio


@effects("inferred", "SpeakSentence")
def test_text_takes_as_long_as_its_words_and_tags_are_not_heard() -> None:
    """Speaks the text, which may be mixed with SSML; how long that takes is not documented."""
    spoken = Response([SpeakSentence(["one two ", ssml.emphasis("three"), " four five"])])
    assert Line(spoken).run().heard == ["one two three four five"]
    assert ended_at(spoken) == pytest.approx(2)
    assert ended_at(spoken, words_per_minute=75) == pytest.approx(4)


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(2 * round(seconds * 8000)))
    return file.getvalue()


MP3 = (bytes.fromhex("ffe318c4") + bytes(68)) * 100  # 7.2 seconds


class Files:
    """An application that plays one file, and serves it."""

    def __init__(self, verb: PlayAudio, files: dict[str, tuple[int, bytes]]) -> None:
        self.verb = verb
        self.files = files
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            status, body = 200, bytes(Response([self.verb]))
        else:
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.asked.append((scope["path"], headers))
            status, body = self.files.get(scope["path"], (404, b""))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})


def played(verb: PlayAudio, **files: tuple[int, bytes]) -> tuple[Files, float, str]:
    app = Files(verb, {f"/{name}": file for name, file in files.items()})
    with Simulator(app) as simulator:
        call = Phone(simulator).dials("+15550100", app=app).ended(cause="hangup")
        return app, call.timeline[-1].at, call.transcript


@effects("documented", "PlayAudio")
def test_a_file_of_the_application_lasts_as_long_as_it_is() -> None:
    """Plays an audio file, .wav or .mp3; a relative URL is resolved against the one that returned the document."""
    assert played(PlayAudio("/a.wav"), **{"a.wav": (200, wav(4.5))})[1] == pytest.approx(4.5)
    assert played(PlayAudio("b.mp3"), **{"b.mp3": (200, MP3)})[1] == pytest.approx(7.2)


@effects("inferred", "PlayAudio")
@pytest.mark.parametrize(
    ("file", "words"),
    [((404, b""), "it is answered with 404"), ((200, b"nothing"), "it cannot be read")],
)
def test_a_file_that_cannot_be_read_is_assumed_to_last_three_seconds(file: Any, words: str) -> None:
    """What the platform does then is not documented; the transcript says what is assumed."""
    _, at, transcript = played(PlayAudio("/a.wav"), **{"a.wav": file})
    assert at == pytest.approx(3)
    assert words in transcript
    assert "3 s are assumed" in transcript
    assert ended_at(Response().play_audio("/a.wav"), audio_seconds=8) == pytest.approx(8)


@effects("documented", "PlayAudio.username", "PlayAudio.password")
def test_credentials_go_to_the_audio_url() -> None:
    """User name and password are sent with requests to the audio URL, as HTTP basic authentication."""
    verb = PlayAudio("/a.wav", username="ann", password="hunter2")
    app, at, _ = played(verb, **{"a.wav": (200, wav(2))})
    [(path, headers)] = app.asked
    assert path == "/a.wav"
    assert at == pytest.approx(2)
    expected = base64.b64encode(b"ann:hunter2").decode()
    assert headers["authorization"] == f"Basic {expected}"


@effects("documented", "PlayAudio")
def test_a_format_that_is_not_supported_ends_the_call() -> None:
    """Playing an unsupported format (.ogg) ends the call with application-error."""
    call = Line(Response().play_audio("/music.ogg")).run()
    assert call.cause == "application-error"


# Ring, SendDtmf, Pause


@effects("documented", "Ring", "Ring.duration")
def test_it_rings_for_some_seconds() -> None:
    """Seconds of ringing, 5 by default."""
    assert ended_at(Response().ring(duration=12)) == 12
    assert ended_at(Response().ring()) == 5
    assert Line(Response().ring()).run().heard == ["[ringing]"]


@effects("documented", "Ring.answerCall")
def test_ringing_answers_an_inbound_call_unless_it_is_not_to() -> None:
    """Whether Ring answers an unanswered inbound call; it does by default."""
    quiet = Line(Response([Ring(duration=2, answer_call=False)]).speak_sentence("Hello."))
    assert quiet.state(quiet.run()).answered == 2
    line = Line(Response([Ring(duration=2)]))
    assert line.state(line.run()).answered == 0
    assert Line(Response([Ring(duration=2, answer_call=False)])).run().cause == "rejected"


@effects("documented", "SendDtmf.toneDuration", "SendDtmf.toneInterval")
def test_tones_and_the_silence_after_them_take_their_time() -> None:
    """Length of each tone, 200 ms by default, and of the silence after it, 400 ms; a pause takes the place of the silence."""
    line = Line(Response().ring(duration=1).send_dtmf("12"))
    assert line.run().timeline[-2].at == pytest.approx(1 + 2 * 0.6)
    slow = SendDtmf("12", tone_duration=1000, tone_interval=500)
    assert ended_at(Response().ring(duration=1).then(slow)) == pytest.approx(1 + 3)
    # In 1w2 with an interval of 300 the 2 comes 500 ms after the 1.
    paused = SendDtmf("1w2", tone_duration=100, tone_interval=300)
    assert ended_at(Response().ring(duration=1).then(paused)) == pytest.approx(
        1 + 0.1 + 0.5 + 0.1 + 0.3
    )


@effects("documented", "SendDtmf")
def test_tones_are_heard_and_w_pauses() -> None:
    """Plays tones; w and , pause for half a second, W for a second."""
    call = Line(Response().send_dtmf("W,w9#")).run()
    assert call.heard == ["[tones W,w9#]"]
    assert call.timeline[-2].at == pytest.approx(1 + 0.5 + 0.5 + 2 * 0.6)


@effects("documented", "Pause", "Pause.duration")
def test_it_is_silent_for_some_seconds() -> None:
    """Seconds of silence, 1 by default."""
    assert ended_at(Response().ring(duration=1).pause(duration=3)) == 4
    assert ended_at(Response().ring(duration=1).pause()) == 2


# The course of a call


@effects("documented", "Response")
@effects("inferred", "Bxml")
@pytest.mark.parametrize("root", [Response, Bxml])
def test_verbs_run_in_order_and_then_the_call_is_hung_up(root: Any) -> None:
    """Verbs run in document order; when they run out, an implicit Hangup follows."""
    call = Line(root().speak_sentence("One.").speak_sentence("Two.")).run()
    assert (call.heard, call.cause) == (["One.", "Two."], "hangup")
    assert Line(root()).run().cause == "rejected", "an empty one rejects an inbound call"


@effects("documented", "Hangup")
def test_a_call_is_hung_up_or_rejected_if_it_was_not_answered() -> None:
    """Hangs the call up, or rejects an inbound call that is not answered yet; disconnect follows."""
    answered = Line(Response().ring(duration=1).hangup().speak_sentence("Never."))
    call = answered.run()
    assert (call.cause, call.heard) == ("hangup", ["[ringing]"])
    assert answered.told("disconnect")["cause"] == "hangup"
    assert Line(Response().hangup()).run().cause == "rejected"


@effects("documented", "Redirect")
def test_the_document_of_another_url_takes_the_place_of_this_one() -> None:
    """Fetches new BXML and continues with it; nothing after it is ever executed."""
    line = Line(Response().redirect("deep/next").speak_sentence("Never."))
    line.pages["/deep/next"] = Response().redirect("further")
    line.pages["/deep/further"] = Response().speak_sentence("Here.")
    assert line.run().heard == ["Here."]
    assert line.events() == ["initiate", "redirect", "redirect", "disconnect"]
    assert "answerTime" not in line.all_told("redirect")[0], "it does not answer"


@effects("documented", "Tag")
def test_a_tag_is_trimmed_and_stays_until_the_next() -> None:
    """Sets the call's tag without a webhook; white space around it is trimmed, a blank one clears it."""
    line = Line(
        Response().tag(" step 1 ").redirect("/next"), {"/next": Response().tag(" ").hangup()}
    )
    line.run()
    assert line.told("redirect")["tag"] == "step 1"
    assert "tag" not in line.told("disconnect")


@effects("inferred", "Redirect", "PlayAudio", "StartGather")
def test_a_relative_url_of_a_pushed_document_leads_nowhere() -> None:
    """No base is documented for documents that are pushed: there is none here."""
    for document, cause in (
        (Bxml().redirect("/next"), "callback-error"),
        (Bxml().play_audio("/a.wav"), "application-error"),
        (Bxml([Gather(gather_url="/next", max_digits=1, first_digit_timeout=0)]), "callback-error"),
        (Bxml().start_gather("/key").ring(duration=1), "hangup"),
    ):
        line = Line(Response().ring(duration=600))
        call = line.dials().hears("[ringing]")
        with line.simulator.held() as engine:
            engine.push(engine.calls[call.call_id], document)
        assert call.ended().cause == cause


@effects("documented", "Response")
def test_a_document_that_is_none_ends_the_call_and_the_line_is_told() -> None:
    """Malformed or invalid BXML makes the call fail with invalid-bxml."""
    line = Line(
        b"<Response>\n  <SpeakSentence>Hi.</SpeakSentence>\n  <Gather maxDigits='99'/>\n</Response>"
    )
    call = line.run()
    assert call.cause == "invalid-bxml"
    [told] = [entry.text for entry in call.timeline if entry.text.startswith("ends:")]
    assert "line 3, column" in told
    assert "Gather" in told
    assert line.told("disconnect")["errorMessage"] in told


@effects("documented", "Transfer")
def test_a_push_breaks_off_what_is_running() -> None:
    """New BXML through REST ends the verb that is running and skips the rest."""
    line = Line(Response().then(Transfer().phone_number(SALES)).speak_sentence("Never."))
    call = line.dials()
    leg = call.is_transferred_to(SALES).answers()
    with line.simulator.held() as engine:
        engine.push(engine.calls[call.call_id], Bxml().speak_sentence("Instead."))
    call.hears("Instead.").ended(cause="hangup").never_heard("Never.")
    leg.ended(cause="hangup")


@effects("documented", "Response")
def test_a_webhook_by_get_carries_its_fields_in_the_query() -> None:
    """The same properties as query parameters, which are text then."""
    seen: list[Any] = []
    with Simulator() as simulator:
        phone = Phone(simulator)

        async def by_get(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http" and scope["method"] == "GET":
                seen.append(scope["query_string"].decode())
            body = b"<Response/>"
            if scope["path"] == "/in":
                body = bytes(
                    Response([Gather(gather_url="/got", gather_method="GET", max_digits=1)])
                )
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": body})

        phone.dials("+15550100", app=by_get, initiate="/in").presses("7").ended()
    [query] = seen
    assert "digits=7" in query
    assert "from=%2B15550199001" in query


def test_whoever_calls_and_hangs_up_before_the_answer_cancels() -> None:
    line = Line(Response([Ring(duration=30, answer_call=False)]))
    call = line.dials()
    line.simulator.advance(3)
    call.hangs_up().ended(cause="cancel")
    assert line.dials(Caller()).ended().cause == "rejected"
