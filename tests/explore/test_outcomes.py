"""What can come of each verb, as exploring tries it."""

from collections.abc import Callable

import pytest

from bxml import (
    Bridge,
    Conference,
    Connect,
    Endpoint,
    Forward,
    Gather,
    PhoneNumber,
    Record,
    Refer,
    Response,
    SipUri,
    StartGather,
    StartRecording,
    StartStream,
    StopStream,
    Transfer,
)
from calls.events import CallEvent, Event, GatherEvent
from calls.explore import Graph, explore
from calls.webhooks import VoiceApp

Answer = Response | Callable[[CallEvent], Response]
Ways = dict[str, str]

BYE = Response().speak_sentence("Goodbye.")


def app_of(**answers: Answer) -> tuple[VoiceApp, list[str]]:
    """An application, and the types of the events that it gets."""
    app, came = VoiceApp(), list[str]()

    def add(name: str, answer: Answer) -> None:
        @app.on(f"/{name}")
        def handler(event: Event) -> Response | None:
            came.append(event.event_type)
            if not (event.wants_document and isinstance(event, CallEvent)):
                return None
            return answer if isinstance(answer, Response) else answer(event)

    for name, answer in answers.items():
        add(name, answer)
    return app, came


def ways_of(graph: Graph, node: int = 1) -> Ways:
    """Each choice at a document, and what it leads to: the next one, or the cause of the end."""
    return {
        choice: str(edge.cause) if edge.target is None else graph.node(edge.target).title
        for edge in graph.leaving(node)
        for choice in edge.choices or ("",)
        if edge.kind != "failure"
    }


def explored(from_: str = "+15550199001", **answers: Answer) -> Ways:
    graph = explore(app_of(**answers)[0], initiate="/start", from_=from_)
    assert not graph.limits
    assert not graph.remarks
    assert {each.level for each in graph.findings} <= {"note"}
    return ways_of(graph)


NUMBER = "+19195550100"


def test_a_transfer_ends_by_either_side_or_does_not_come_about() -> None:
    transfer = Transfer([PhoneNumber(NUMBER)], transfer_complete_url="/done")
    ways = explored(start=Response([transfer]), done=BYE)
    assert ways == {
        f"{NUMBER} answers, they hang up": "Goodbye.",
        f"{NUMBER} answers, the caller hangs up": "hangup",
        f"{NUMBER} is busy": "Goodbye.",
        f"{NUMBER} never answers": "Goodbye.",
        "hangs up": "hangup",
    }


def test_the_document_of_a_leg_is_performed_on_the_way() -> None:
    leg = PhoneNumber(NUMBER, transfer_answer_url="/whisper")
    accept = Gather(gather_url="/accepted", max_digits=1).speak_sentence("Press 1 to accept.")

    def accepted(event: CallEvent) -> Response:
        is_accepted = isinstance(event, GatherEvent) and event.digits == "1"
        return Response() if is_accepted else Response().hangup()

    ways = explored(
        start=Response([Transfer([leg], transfer_complete_url="/done")]),
        whisper=Response([accept]),
        accepted=accepted,
        done=BYE,
    )
    assert ways[f"{NUMBER} answers, 1, they hang up"] == "Goodbye."
    assert ways[f"{NUMBER} answers, 2"] == "Goodbye."
    assert ways[f"{NUMBER} answers, silence"] == "Goodbye."


def test_a_call_is_forwarded_before_it_is_answered() -> None:
    assert explored(start=Response([Forward(NUMBER)])) == {
        f"{NUMBER} answers, they hang up": "hangup",
        f"{NUMBER} is busy": "busy",
        f"{NUMBER} never answers": "timeout",
        "hangs up": "cancel",
    }


def test_a_refer_succeeds_or_fails() -> None:
    refer = Refer([SipUri("sip:ana@example.com")], refer_complete_url="/done")
    ways = explored(start=Response([refer]), done=BYE, from_="sip:bo@example.com")
    assert ways == {
        "sip:ana@example.com answers": "hangup",
        "sip:ana@example.com is busy": "Goodbye.",
        "sip:ana@example.com never answers": "Goodbye.",
        "hangs up": "hangup",
    }


def test_an_endpoint_is_reached_or_not() -> None:
    start = Response().speak_sentence("One moment.").then(Connect([Endpoint("e-1")]))
    assert explored(start=start.speak_sentence("Goodbye.")) == {
        "e-1 is reached, they hang up": "hangup",
        "e-1 is reached, the caller hangs up": "hangup",
        "e-1 cannot be reached": "hangup",
        "hangs up": "hangup",
    }


def test_the_other_call_of_a_bridge_is_there_or_gone() -> None:
    bridge = Bridge("c-other", bridge_complete_url="/done", bridge_target_complete_url="/target")
    app, came = app_of(start=Response([bridge]), done=BYE, target=BYE)
    assert ways_of(explore(app, initiate="/start")) == {
        "the other call is there, they hang up": "Goodbye.",
        "the other call is there, the caller hangs up": "hangup",
        "the other call is gone": "Goodbye.",
        "hangs up": "hangup",
    }
    assert "bridgeTargetComplete" in came


def test_a_conference_ends_or_is_left() -> None:
    conference = Conference("room", conference_event_url="/events")
    app, came = app_of(start=Response([conference]).speak_sentence("Goodbye."), events=BYE)
    assert ways_of(explore(app, initiate="/start")) == {
        "the conference ends": "hangup",
        "the caller hangs up": "hangup",
        "hangs up": "hangup",
    }
    assert {"conferenceCreated", "conferenceMemberJoin", "conferenceCompleted"} <= set(came)


def test_a_message_is_left_or_nothing_is_said_and_its_file_is_told_of() -> None:
    record = Record(
        record_complete_url="/done",
        recording_available_url="/file",
        transcribe=True,
        transcription_available_url="/text",
        max_duration=5,
    )
    app, came = app_of(start=Response([record]), done=BYE, file=BYE, text=BYE)
    assert ways_of(explore(app, initiate="/start")) == {
        "leaves a message": "Goodbye.",
        "says nothing": "Goodbye.",
        "hangs up": "hangup",
    }
    assert {"recordComplete", "recordingAvailable", "transcriptionAvailable"} <= set(came)


def test_places_that_nobody_can_tell_apart_are_one() -> None:
    menu = Gather(gather_url="/next", max_digits=1).speak_sentence("Press 1.")

    def goes_on(event: CallEvent) -> Response:
        is_one = isinstance(event, GatherEvent) and event.digits == "1"
        return Response([StartRecording(), menu] if is_one else [menu])

    app, _ = app_of(start=Response([menu]), next=goes_on)
    graph = explore(app, initiate="/start")
    # Whether the call is recorded already makes no difference to what can happen on it.
    assert [node.title for node in graph.nodes] == ["Press 1.", "Press 1."]
    assert ["StartRecording" in node.bxml for node in graph.nodes] == [False, True]


def test_keys_beside_the_document_are_told_of() -> None:
    start = Response([StartGather(dtmf_url="/key")]).speak_sentence("Hello.")
    app, came = app_of(start=start, key=BYE)
    explore(app, initiate="/start")
    assert "dtmf" in came


@pytest.mark.parametrize("seconds", [3, 86_400])
def test_a_stream_with_nobody_at_its_other_end_ends(seconds: int) -> None:
    stream = StartStream(
        destination="wss://x.example/audio", name="audio", stream_event_url="/events"
    )
    verbs = Response([stream]).pause(duration=seconds).then(StopStream("audio", wait=True))
    app, came = app_of(start=verbs.speak_sentence("Goodbye."), events=BYE)
    graph = explore(app, initiate="/start")
    assert ways_of(graph) == {"": "hangup", "hangs up": "cancel"}  # nothing has answered the call
    assert not graph.limits
    assert not graph.of_rule("never-reached")
    assert {"mediaStreamStarted", "mediaStreamStopped"} <= set(came)
