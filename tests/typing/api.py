"""The public API as its users see it. Read by mypy and pyright, never run.

Each ``type: ignore`` is a claim that both find the error in it.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime
from typing import assert_type

from bxml import (
    Bxml,
    Conference,
    Forward,
    Gather,
    PhoneNumber,
    Problem,
    Redirect,
    Refer,
    Response,
    SendDtmf,
    SpeakSentence,
    StartStream,
    StreamParam,
    Tag,
    Transfer,
    check,
    parse,
    ssml,
)
from calls import (
    AsyncCallController,
    BroadcastResult,
    CallController,
    CallState,
    CreateCallResponse,
    DocumentHost,
    LiveCall,
    RawResponse,
    Retry,
    broadcast,
)
from calls.events import Event, GatherEvent, parse_event
from calls.sockets import StreamMedia, StreamSocket, UnknownMessage
from calls.webhooks import VoiceApp

gather = Gather(gather_url="/menu", max_digits=1).speak_sentence("Press 1.", voice="julie")
assert_type(gather, Gather)
response = Response([SpeakSentence("Hi"), gather]).then(Redirect("/next")).pause(duration=2)
assert_type(response, Response)
assert_type(response + Bxml(), Response)
assert_type(response[1:], Response)
assert_type(Bxml(response).hangup(), Bxml)
assert_type(Response(SpeakSentence(text) for text in "ab"), Response)
assert_type(Transfer().phone_number("+15551230001").sip_uri("sip:a@b.example"), Transfer)
assert_type(parse("<Bxml/>"), Response | Bxml)
assert_type(response.to_bxml(pretty=True), str)

assert_type(check(response), list[Problem])
assert_type(check(response, where="transfer_answer"), list[Problem])
speech: list[ssml.Part] = ["Your code is ", ssml.say_as("12", interpret_as="characters"), "."]
assert_type(SpeakSentence(speech), SpeakSentence)
assert_type(SpeakSentence(["Hello ", ssml.emphasis("there"), ssml.break_()]).words, str)
assert_type(SpeakSentence(ssml.lang([ssml.s("Oui."), " Non."], xml_lang="fr-FR")), SpeakSentence)
assert_type(ssml.parse("<s>One.</s>"), tuple[ssml.Part, ...])
assert_type(Response().speak_sentence([ssml.prosody("slow", rate="50%")]), Response)
assert_type(StartStream("wss://a.example/", [StreamParam("a", "b")], name="x"), StartStream)
assert_type(StartStream("wss://a.example/").stream_param("a", "b"), StartStream)
assert_type(Refer(tag="x").sip_uri("sip:a@b.example"), Refer)
assert_type(Response().forward("+15551230001", from_="+15551230002").tag("x"), Response)
assert_type(Conference("room", call_ids_to_coach=["c-1", "c-2"], mute=True), Conference)
assert_type(Conference("room", call_ids_to_coach="c-1,c-2"), Conference)
assert_type(Tag(), Tag)
assert_type(SendDtmf("1w2", tone_duration=150), SendDtmf)

check(response, where="call")  # type: ignore[arg-type]
check("<Response/>")  # type: ignore[arg-type]
ssml.say_as("1", interpret_as="digits")  # type: ignore[arg-type]
ssml.sub("Dr.")  # type: ignore[call-arg]
ssml.break_("weak")  # type: ignore[call-arg]
SpeakSentence(["Hello ", Redirect("/x")])  # type: ignore[list-item]
Forward(from_="+15551230002")  # type: ignore[call-arg]
StartStream([StreamParam("a", "b")])  # type: ignore[arg-type]
StartStream("wss://a.example/").custom_param("a", "b")  # type: ignore[attr-defined]
gather.redirect("/x")  # type: ignore[attr-defined]
gather.then(Redirect("/x"))  # type: ignore[arg-type]
Gather([PhoneNumber("+15551230001")])  # type: ignore[list-item]
Gather([], "/menu")  # type: ignore[call-arg]
SpeakSentence("Hi", "julie")  # type: ignore[call-arg]
Gather(max_digit=1)  # type: ignore[call-arg]
Gather(gather_method="PUT")  # type: ignore[arg-type]
response.speak_sentence("Hi", voce="julie")  # type: ignore[call-arg]
response.add_verb(gather)  # type: ignore[attr-defined]


def control(controller: CallController) -> None:
    created = controller.create_call(
        to="+15550100001", from_="+15550100002", application_id="a", answer_url="https://x.example/"
    )
    assert_type(created, CreateCallResponse)
    assert_type(controller.get_call_state("c-1"), CallState)
    assert_type(controller.call("c-1"), LiveCall)
    for call in controller.list_calls(page_size=10):
        assert_type(call, CallState)
    controller.update_call("c-1", redirect_url="https://x.example/", tag="t")
    controller.update_call_bxml("c-1", response)
    controller.create_call(to="+15550100001")  # type: ignore[call-arg]
    controller.update_call("c-1", state="done")  # type: ignore[arg-type]
    controller.update_call_bxml("c-1", "<Bxml/>", wait_seconds=3)
    controller.update_call_bxml("c-1", 5)  # type: ignore[arg-type]
    controller.call("c-1").push(response, via=DocumentHost("https://x.example/"), tag="t")
    controller.call("c-1").push(response, tga="t")  # type: ignore[call-arg]
    controller.call("c-1").redirect("https://x.example/", redirect_method="PUT")  # type: ignore[arg-type]
    assert_type(controller.with_options(timeout=3, retry=Retry(attempts=2)), CallController)
    controller.with_options(timout=3)  # type: ignore[call-arg]
    assert_type(controller.with_raw_response.get_call_state("c-1"), RawResponse[CallState])
    assert_type(broadcast(controller, ["c-1"], response, journal="j"), BroadcastResult)
    assert_type(CallController.from_env(), CallController)


async def acontrol(controller: AsyncCallController) -> None:
    assert_type(await controller.get_call_state("c-1"), CallState)
    async for call in controller.list_calls():
        assert_type(call, CallState)
    await controller.call("c-1").push(Bxml())
    assert_type(await controller.with_raw_response.get_call_state("c-1"), RawResponse[CallState])
    assert_type(await broadcast(controller, ["c-1"], Bxml(), journal="j"), BroadcastResult)
    assert_type(AsyncCallController.from_env(), AsyncCallController)


def webhooks(body: bytes) -> None:
    event = parse_event(body)
    assert_type(event, Event)
    assert_type(event.event_time, datetime | None)
    if isinstance(event, GatherEvent):
        assert_type(event.digits, str | None)
        assert_type(event.event_time, datetime)
    app = VoiceApp()

    @app.on("/menu")
    def menu(event: GatherEvent) -> Response:
        return Response().then(Gather(gather_url=app.url_for(menu), **app.auth))

    assert isinstance(event, GatherEvent)
    assert_type(menu(event), Response)

    @app.on("/over")  # type: ignore[type-var]
    def wrong(event: GatherEvent) -> str:
        return "<Response/>"

    @app.socket("/media")
    async def media(socket: StreamSocket) -> None:
        async for message in socket:
            assert_type(message, StreamMedia | UnknownMessage)
            if isinstance(message, StreamMedia):
                await socket.play(message.payload)
