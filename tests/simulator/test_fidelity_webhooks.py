"""Where the webhooks of a verb go, how, with what, and where if that fails."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fidelity import effects
from simulated import BOB, SALES, Line

from bxml import (
    Bridge,
    Conference,
    Gather,
    PhoneNumber,
    Record,
    Redirect,
    Refer,
    Response,
    SipUri,
    StartGather,
    StartRecording,
    StartStream,
    StartTranscription,
    Transfer,
)
from calls.simulator import Caller, Phone, Simulator
from calls.simulator.errands import Target

APP = "https://app.example.com"
NOBODY = "c-00000000-0000-0000-0000-000000000000"


class Case(NamedTuple):
    """How to bring a webhook about: the document with it, and who is on the telephone."""

    event: str
    stem: str
    document: Callable[[dict[str, Any]], Response]
    caller: Caller = Caller()
    party: Caller = Caller()
    from_: str = "+15550100001"


def of(*verbs: Any) -> Response:
    return Response(verbs)


PRESSES = Caller().presses("1").waits(9).hangs_up()
SPEAKS = Caller().says("one two three four five six").waits(9).hangs_up()

CASES = {
    "Gather": Case("gather", "gather", lambda a: of(Gather(max_digits=1, **a)), PRESSES),
    "Record": Case("recordComplete", "record_complete", lambda a: of(Record(max_duration=2, **a))),
    "Redirect": Case("redirect", "redirect", lambda a: of(Redirect(**a))),
    "Transfer": Case(
        "transferComplete",
        "transfer_complete",
        lambda a: of(Transfer([PhoneNumber(SALES)], **a)),
        party=Caller().rejects(),
    ),
    "PhoneNumber": Case(
        "transferAnswer",
        "transfer_answer",
        lambda a: of(Transfer([PhoneNumber(SALES, **a)])),
        party=Caller().waits(5).hangs_up(),
    ),
    "SipUri": Case(
        "transferAnswer",
        "transfer_answer",
        lambda a: of(Transfer([SipUri(BOB, **a)])),
        party=Caller().waits(5).hangs_up(),
    ),
    "Bridge": Case("bridgeComplete", "bridge_complete", lambda a: of(Bridge(NOBODY, **a))),
    "Conference": Case(
        "conferenceCreated",
        "conference_event",
        lambda a: of(Conference("room", **a)),
        Caller().waits(5).hangs_up(),
    ),
}
"""Webhooks that ask for a document: they have a fallback URL."""

TOLD = {
    "StartGather": Case(
        "dtmf", "dtmf", lambda a: of(StartGather(**a)).ring(duration=9), Caller().presses("1")
    ),
    "Record, when the file is there": Case(
        "recordingAvailable", "recording_available", lambda a: of(Record(max_duration=2, **a))
    ),
    "Record, when the transcript is": Case(
        "transcriptionAvailable",
        "transcription_available",
        lambda a: of(Record(max_duration=2, transcribe=True, **a)),
    ),
    "StartRecording, when the file is there": Case(
        "recordingAvailable",
        "recording_available",
        lambda a: of(StartRecording(**a)).ring(duration=2),
    ),
    "StartRecording, when the transcript is": Case(
        "transcriptionAvailable",
        "transcription_available",
        lambda a: of(StartRecording(transcribe=True, **a)).ring(duration=2),
    ),
    "PhoneNumber, when the leg ends": Case(
        "transferDisconnect",
        "transfer_disconnect",
        lambda a: of(Transfer([PhoneNumber(SALES, **a)])),
        party=Caller().rejects(),
    ),
    "SipUri, when the leg ends": Case(
        "transferDisconnect",
        "transfer_disconnect",
        lambda a: of(Transfer([SipUri(BOB, **a)])),
        party=Caller().rejects(),
    ),
    "StartStream": Case(
        "mediaStreamRejected",
        "stream_event",
        lambda a: of(StartStream("wss://nobody.example.com", **a)).ring(duration=2),
    ),
    "StartTranscription": Case(
        "realTimeTranscriptionAvailable",
        "transcription_event",
        lambda a: of(StartTranscription(**a)).ring(duration=2),
    ),
}
"""Webhooks that only tell: they have none."""

WITHOUT_CREDENTIALS = {
    "Refer": Case(
        "referComplete",
        "refer_complete",
        lambda a: of(Refer([SipUri(BOB)], **a)),
        party=Caller().is_busy(),
        from_="sip:ann@pbx.example.com",
    ),
}


def delivered(case: Case, attributes: dict[str, Any], **pages: Any) -> list[Target]:
    """Where the webhook of a case went, in order."""
    found = {f"/{name}": page for name, page in pages.items()}
    line = Line(case.document(attributes), found)
    line.phone(SALES, case.party).phone(BOB, case.party).run(case.caller, from_=case.from_)
    return [sent.target for sent in line.sent if sent.event.event_type == case.event]


ALL = {**CASES, **TOLD, **WITHOUT_CREDENTIALS}


@effects(
    "documented",
    *("Gather.gatherUrl", "Gather.gatherMethod", "Record.recordCompleteUrl"),
    *("Record.recordCompleteMethod", "Record.recordingAvailableUrl"),
    *("Record.recordingAvailableMethod", "Record.transcriptionAvailableUrl"),
    *("Record.transcriptionAvailableMethod", "StartRecording.recordingAvailableUrl"),
    *("StartRecording.recordingAvailableMethod", "StartRecording.transcriptionAvailableUrl"),
    *("StartRecording.transcriptionAvailableMethod", "Redirect.redirectUrl"),
    *("Redirect.redirectMethod", "Transfer.transferCompleteUrl"),
    *("Transfer.transferCompleteMethod", "PhoneNumber.transferAnswerUrl"),
    *("PhoneNumber.transferAnswerMethod", "PhoneNumber.transferDisconnectUrl"),
    *("PhoneNumber.transferDisconnectMethod", "SipUri.transferAnswerUrl"),
    *("SipUri.transferAnswerMethod", "SipUri.transferDisconnectUrl"),
    *("SipUri.transferDisconnectMethod", "Bridge.bridgeCompleteUrl"),
    *("Bridge.bridgeCompleteMethod", "Conference.conferenceEventUrl"),
    *("Conference.conferenceEventMethod", "StartGather.dtmfUrl", "StartGather.dtmfMethod"),
    *("StartStream.streamEventUrl", "StartStream.streamEventMethod"),
    *("StartTranscription.transcriptionEventUrl", "StartTranscription.transcriptionEventMethod"),
    *("Refer.referCompleteUrl", "Refer.referCompleteMethod"),
)
@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_an_event_goes_to_its_url_by_post_or_as_the_method_says(case: Case) -> None:
    """The event goes to the URL, which may be relative to the one that returned the document: by POST, or by GET."""
    url = {f"{case.stem}_url": "/told"}
    assert delivered(case, url)[0] == Target(f"{APP}/told", "POST")
    by_get = delivered(case, {**url, f"{case.stem}_method": "GET"})
    assert by_get[0] == Target(f"{APP}/told", "GET")


@effects(
    "documented",
    *("Gather.username", "Gather.password", "Record.username", "Record.password"),
    *("StartRecording.username", "StartRecording.password", "Redirect.username"),
    *("Redirect.password", "Transfer.username", "Transfer.password", "PhoneNumber.username"),
    *("PhoneNumber.password", "SipUri.username", "SipUri.password", "Bridge.username"),
    *("Bridge.password", "Conference.username", "Conference.password", "StartGather.username"),
    *("StartGather.password", "StartStream.username", "StartStream.password"),
    *("StartTranscription.username", "StartTranscription.password"),
)
@pytest.mark.parametrize("case", [*CASES.values(), *TOLD.values()], ids=[*CASES, *TOLD])
def test_an_event_bears_the_credentials_of_its_verb(case: Case) -> None:
    """User name and password are sent with the requests to the verb's URLs, as HTTP basic authentication."""
    login = {"username": "ann", "password": "hunter2"}
    sent = delivered(case, {f"{case.stem}_url": "/told", **login})
    assert sent[0] == Target(f"{APP}/told", "POST", "ann", "hunter2")


@effects(
    "documented",
    *("Gather.gatherFallbackUrl", "Gather.gatherFallbackMethod", "Gather.fallbackUsername"),
    *("Gather.fallbackPassword", "Record.recordCompleteFallbackUrl"),
    *("Record.recordCompleteFallbackMethod", "Record.fallbackUsername"),
    *("Record.fallbackPassword", "Redirect.redirectFallbackUrl"),
    *("Redirect.redirectFallbackMethod", "Redirect.fallbackUsername"),
    *("Redirect.fallbackPassword", "Transfer.transferCompleteFallbackUrl"),
    *("Transfer.transferCompleteFallbackMethod", "Transfer.fallbackUsername"),
    *("Transfer.fallbackPassword", "PhoneNumber.transferAnswerFallbackUrl"),
    *("PhoneNumber.transferAnswerFallbackMethod", "PhoneNumber.fallbackUsername"),
    *("PhoneNumber.fallbackPassword", "SipUri.transferAnswerFallbackUrl"),
    *("SipUri.transferAnswerFallbackMethod", "SipUri.fallbackUsername"),
    *("SipUri.fallbackPassword", "Bridge.bridgeCompleteFallbackUrl"),
    *("Bridge.bridgeCompleteFallbackMethod", "Bridge.fallbackUsername"),
    *("Bridge.fallbackPassword", "Conference.conferenceEventFallbackUrl"),
    *("Conference.conferenceEventFallbackMethod", "Conference.fallbackUsername"),
    *("Conference.fallbackPassword",),
)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("failure", [None, 500, 404], ids=["no reply", "500", "404"])
def test_an_event_that_is_not_answered_goes_to_the_fallback_url(
    case: Case, failure: int | None
) -> None:
    """When the URL does not respond, the event goes to the fallback URL, with its own method and credentials."""
    attributes = {
        f"{case.stem}_url": "/told",
        f"{case.stem}_fallback_url": "/again",
        f"{case.stem}_fallback_method": "GET",
        "username": "ann",
        "password": "hunter2",
        "fallback_username": "bea",
        "fallback_password": "hunter3",
    }
    sent = delivered(case, attributes, told=failure, again=Response())
    assert sent[:2] == [
        Target(f"{APP}/told", "POST", "ann", "hunter2"),
        Target(f"{APP}/again", "GET", "bea", "hunter3"),
    ]


@effects(
    "documented",
    *("Bridge.bridgeTargetCompleteUrl", "Bridge.bridgeTargetCompleteMethod"),
    *("Bridge.bridgeTargetCompleteFallbackUrl", "Bridge.bridgeTargetCompleteFallbackMethod"),
)
def test_the_target_of_a_bridge_goes_on_with_a_document_of_its_own() -> None:
    """When the call that bridged leaves, bridgeTargetComplete goes to this URL, and its document runs on the target."""
    line = Line(Response().pause(duration=1).ring(duration=600))
    target = line.dials(Caller())
    line.simulator.advance(10)
    bridge = Bridge(
        target.call_id,
        bridge_target_complete_url="/told",
        bridge_target_complete_method="GET",
        bridge_target_complete_fallback_url="/again",
        bridge_target_complete_fallback_method="POST",
        username="ann",
        password="hunter2",
        fallback_username="bea",
        fallback_password="hunter3",
    )
    line.pages.update({"/in": Response([bridge]), "/told": 500, "/again": _left})
    line.dials().is_bridged().hangs_up()
    target.hears("Left alone.").ended(cause="hangup")
    sent = [each for each in line.sent if each.event.event_type == "bridgeTargetComplete"]
    assert [each.target for each in sent] == [
        Target(f"{APP}/told", "GET", "ann", "hunter2"),
        Target(f"{APP}/again", "POST", "bea", "hunter3"),
    ]
    assert line.all_told("bridgeTargetComplete")[0]["callId"] == target.call_id
    assert "bridgeComplete" not in line.events()


def _left(_: dict[str, Any]) -> Response:
    return Response().speak_sentence("Left alone.")


@effects("inferred", "Gather.partialResultCallback", "Gather.partialResultCallbackMethod")
def test_what_was_said_so_far_is_told_while_it_is_said() -> None:
    """While the caller is still speaking, partialgather events go to this URL; the whole still comes in gather."""
    gather = Gather(
        gather_url="/told",
        input="speech",
        partial_result_callback="/part",
        partial_result_callback_method="GET",
        username="ann",
        password="hunter2",
    )
    line = Line(of(gather))
    line.run(SPEAKS)  # six words take 2.4 seconds
    parts = [each for each in line.sent if each.event.event_type == "partialgather"]
    assert [each["text"] for each in line.all_told("partialgather")] == [
        "one two",
        "one two three four five",
    ]
    assert {each.target for each in parts} == {Target(f"{APP}/part", "GET", "ann", "hunter2")}
    assert line.told("gather")["text"] == "one two three four five six"


@effects(
    "documented",
    *("Gather.tag", "Record.tag", "Redirect.tag", "Transfer.tag", "Bridge.tag", "Refer.tag"),
    *("StartGather.tag", "StartRecording.tag"),
)
@pytest.mark.parametrize(
    "name",
    [
        "Gather",
        "Record",
        "Redirect",
        "Transfer",
        "Bridge",
        "Refer",
        "StartGather",
        "StartRecording, when the file is there",
    ],
)
def test_a_tag_goes_with_this_webhook_and_all_later_ones(name: str) -> None:
    """The tag is sent with this webhook and all later ones of the call until another replaces it; an empty one clears it."""
    case = ALL[name]
    for tag, expected in (("mine", "mine"), ("", None), (None, "first")):
        attributes = {f"{case.stem}_url": "/told", **({} if tag is None else {"tag": tag})}
        document = Response().tag("first") + case.document(attributes)
        line = Line(document, {"/told": Response()})
        line.phone(SALES, case.party).phone(BOB, case.party).run(case.caller, from_=case.from_)
        assert line.all_told(case.event)[0].get("tag") == expected
        assert line.told("disconnect").get("tag") == expected


@effects("documented", "PhoneNumber.tag", "SipUri.tag")
@pytest.mark.parametrize("name", ["PhoneNumber", "SipUri"])
def test_the_tag_of_a_leg_goes_with_its_own_webhooks_only(name: str) -> None:
    """The tag is sent with the webhooks of this leg, and not with those of the call that rings it."""
    case = CASES[name]
    document = Response().tag("first") + case.document(
        {"transfer_answer_url": "/told", "tag": "leg"}
    )
    line = Line(document, {"/told": Response()})
    line.phone(SALES, case.party).phone(BOB, case.party).run()
    assert line.told("transferAnswer")["tag"] == "leg"
    assert line.told("disconnect")["tag"] == "first"


@effects("documented", "Redirect.username", "Redirect.password", "Redirect.fallbackPassword")
def test_credentials_are_in_the_header_of_the_request() -> None:
    """They are sent as HTTP basic authentication; without them no such header is."""
    seen: list[tuple[str, str]] = []
    redirect = Redirect(
        "/told",
        username="ann",
        password="hunter2",
        redirect_fallback_url="/again",
        fallback_username="bea",
        fallback_password="hunter3",
    )
    statuses = {"/told": 500}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path, headers = scope["path"], dict(scope["headers"])
        seen.append((path, headers.get(b"authorization", b"").decode()))
        body = bytes(Response([redirect] if path == "/" else []))
        start = {"type": "http.response.start", "status": statuses.get(path, 200), "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    with Simulator(app) as simulator:
        Phone(simulator).dials("+15550100", app=app).ended()
    assert seen == [
        ("/", ""),
        ("/told", "Basic YW5uOmh1bnRlcjI="),
        ("/again", "Basic YmVhOmh1bnRlcjM="),
    ]
