"""The public API as its users see it. Read by mypy and pyright, never run.

Each ``type: ignore`` is a claim that both find the error in it.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from typing import assert_type

from bxml import Bxml, Gather, PhoneNumber, Redirect, Response, SpeakSentence, Transfer, parse
from calls import AsyncCallController, CallController, CallState, CreateCallResponse, LiveCall

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
    controller.update_call_bxml("c-1", "<Bxml/>")  # type: ignore[arg-type]


async def acontrol(controller: AsyncCallController) -> None:
    assert_type(await controller.get_call_state("c-1"), CallState)
    async for call in controller.list_calls():
        assert_type(call, CallState)
    await controller.call("c-1").push(Bxml())
