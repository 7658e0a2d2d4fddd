"""What the simulated platform performs, and the webhooks that it sends."""

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bxml.strategies
from bxml import Bxml, Document, Gather, PhoneNumber, Response, SipUri, Transfer, ssml
from bxml.document import CallVerb
from calls.events import GatherEvent, TransferCompleteEvent, parse_event
from calls.models import CreateCall
from calls.simulator import (
    Answered,
    Application,
    Caller,
    Delivery,
    Settings,
    Simulator,
    Target,
    Targets,
    Unanswered,
)
from calls.simulator.engine import Engine

APP = "https://app.example.com"
CALLEE, US, SALES, BOB = "+15550100001", "+15550100002", "+15550100003", "sip:bob@pbx.example.com"
Reply = Document | int | bytes | None


class Line:
    """A simulator with an application that answers by path, and one call on it."""

    def __init__(self, pages: dict[str, Reply], caller: Caller | None = None) -> None:
        self.pages = pages
        self.sent: list[Delivery] = []
        self.simulator = Simulator(post=self.answer)
        self.caller = caller or Caller()
        self.simulator.phone(CALLEE, self.caller)

    def answer(self, delivery: Delivery) -> Answered | Unanswered:
        self.sent.append(delivery)
        page = self.pages.get(delivery.target.url.removeprefix(APP), 404)
        if page is None:
            return Unanswered("ConnectError")
        if isinstance(page, int):
            return Answered(page, b"")
        return Answered(200, page if isinstance(page, bytes) else bytes(page))

    def call_out(self, **more: Any) -> str:
        fields = {"answer_url": f"{APP}/answer", "disconnect_url": f"{APP}/gone", **more}
        order = CreateCall(to=CALLEE, from_=US, application_id="app-1", **fields)
        return self.simulator._engine.place(order).id

    def call_in(self) -> str:
        application = Application(
            Targets(Target(f"{APP}/answer")), disconnect=Target(f"{APP}/gone")
        )
        return self.simulator.dial(from_=CALLEE, to=US, caller=self.caller, application=application)

    def events(self) -> list[str]:
        return [delivery.event.event_type for delivery in self.sent]

    def state(self, call_id: str) -> tuple[str, str | None]:
        call = self.simulator._engine.calls[call_id]
        return call.state, call.cause


def say(words: str) -> Response:
    return Response().speak_sentence(words)


def test_an_outbound_call_is_answered_performed_and_ends() -> None:
    line = Line({"/answer": say("Hello there."), "/gone": 204})
    call_id = line.call_out(tag="job-7")
    line.simulator.run()
    assert line.events() == ["answer", "disconnect"]
    assert line.simulator.heard(call_id) == ["Hello there."]
    assert line.state(call_id) == ("disconnected", "hangup")
    told = json.loads(line.sent[1].body)
    assert told == {
        "eventType": "disconnect",
        "eventTime": "2026-01-01T00:00:02.800Z",
        "accountId": "9900000",
        "applicationId": "app-1",
        "from": US,
        "to": CALLEE,
        "direction": "outbound",
        "callId": call_id,
        "callUrl": f"http://simulator/api/v2/accounts/9900000/calls/{call_id}",
        "enqueuedTime": "2026-01-01T00:00:00.000Z",
        "startTime": "2026-01-01T00:00:00.000Z",
        "answerTime": "2026-01-01T00:00:02.000Z",
        "endTime": "2026-01-01T00:00:02.800Z",
        "tag": "job-7",
        "cause": "hangup",
    }


def test_an_inbound_call_is_initiated_and_answered_by_its_first_verb() -> None:
    line = Line({"/answer": Response().redirect("/next"), "/next": say("Hi."), "/gone": 204})
    call_id = line.call_in()
    line.simulator.run()
    assert line.events() == ["initiate", "redirect", "disconnect"]
    initiate = json.loads(line.sent[0].body)
    assert "answerTime" not in initiate
    assert "enqueuedTime" not in initiate
    assert "answerTime" not in json.loads(line.sent[1].body), "Redirect does not answer"
    assert line.state(call_id) == ("disconnected", "hangup")


def test_hanging_up_on_an_unanswered_inbound_call_rejects_it() -> None:
    for document in (Response().hangup(), Response()):
        line = Line({"/answer": document, "/gone": 204})
        call_id = line.call_in()
        line.simulator.run()
        assert line.state(call_id) == ("disconnected", "rejected")


@pytest.mark.parametrize(
    ("caller", "cause"),
    [
        (Caller().is_busy(), "busy"),
        (Caller().rejects(after=3), "rejected"),
        (Caller().never_answers(), "timeout"),
        (Caller().answers(after=31), "timeout"),
    ],
)
def test_a_call_that_is_not_answered_tells_why(caller: Caller, cause: str) -> None:
    line = Line({"/gone": 204}, caller)
    call_id = line.call_out()
    line.simulator.run()
    assert line.events() == ["disconnect"]
    assert line.state(call_id) == ("disconnected", cause)


MENU = Response().gather(
    [bxml.SpeakSentence("one two three four five"), bxml.SpeakSentence("six")],
    gather_url="/chosen",
    first_digit_timeout=4,
    inter_digit_timeout=2,
)


def gathered(gather: Gather, caller: Caller) -> tuple[GatherEvent, Line, str]:
    line = Line({"/answer": Response([gather]), "/chosen": Response(), "/gone": 204}, caller)
    call_id = line.call_out()
    line.simulator.run()
    event = line.sent[1].event
    assert isinstance(event, GatherEvent)
    return event, line, call_id


def _menu(**more: Any) -> Gather:
    return Gather(
        [bxml.SpeakSentence("one two three four five"), bxml.SpeakSentence("six")],
        gather_url="/chosen",
        first_digit_timeout=4,
        inter_digit_timeout=2,
        **more,
    )


@pytest.mark.parametrize(
    ("gather", "caller", "digits", "terminating", "at"),
    [
        # Answered at 2 s; the prompts last 2 s and 0.4 s; silence costs the first-digit timeout.
        (_menu(), Caller(), "", "", 8.4),
        (_menu(repeat_count=2), Caller(), "", "", 14.8),
        # The last of the digits ends it at once.
        (_menu(max_digits=2), Caller().waits(1).presses("42"), "42", "", 3.2),
        (_menu(max_digits=2), Caller().waits(1).presses("421"), "42", "", 3.2),
        # A terminating digit is not one of the digits.
        (_menu(terminating_digits="#*"), Caller().waits(1).presses("7#"), "7", "#", 3.2),
        (_menu(terminating_digits="#"), Caller().presses("#"), "", "#", 2.0),
        # After a digit the inter-digit timeout counts.
        (_menu(), Caller().waits(1).presses("7"), "7", "", 5.0),
        (_menu(), Caller().waits(1).presses("7").waits(1.5).presses("8"), "78", "", 6.7),
        # Without prompts there is nothing to repeat.
        (Gather(gather_url="/chosen", repeat_count=3), Caller(), "", "", 7.0),
    ],
)
def test_a_gather_ends_as_documented(
    gather: Gather, caller: Caller, digits: str, terminating: str, at: float
) -> None:
    event, line, _ = gathered(gather, caller)
    assert (event.digits, event.terminating_digit) == (digits, terminating)
    heard_at = next(e.at for e in line.simulator.timeline if e.text.startswith("POST gather"))
    assert heard_at == pytest.approx(at)


def test_the_first_digit_stops_the_prompts() -> None:
    _, line, call_id = gathered(_menu(max_digits=1), Caller().waits(1).presses("1"))
    assert line.simulator.heard(call_id) == ["one two three four five"]
    assert "cut off" in [entry.kind for entry in line.simulator.timeline]


def test_a_gather_without_url_goes_on_with_the_next_verb() -> None:
    document = Response([Gather(max_digits=1)]).speak_sentence("next")
    line = Line({"/answer": document, "/gone": 204}, Caller().waits(1).presses("1"))
    call_id = line.call_out()
    line.simulator.run()
    assert line.events() == ["answer", "disconnect"]
    assert line.simulator.heard(call_id) == ["next"]


def test_speech_is_gathered_where_it_is_asked_for() -> None:
    spoken = Gather(gather_url="/chosen", input="speech")
    event, *_ = gathered(spoken, Caller().waits(1).says("yes please"))
    assert (event.text, event.digits) == ("yes please", "")
    slowly = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    event, *_ = gathered(spoken, Caller().waits(1).says(slowly))
    assert event.text == slowly, "nobody is cut off in the middle of a word"
    event, *_ = gathered(spoken, Caller())
    assert event.text == "Speech timeout elapsed before transcription"


def transferring(
    transfer: Transfer, phones: dict[str, Caller], pages: dict[str, Reply] | None = None
) -> tuple[Line, str]:
    document = Response([transfer]).speak_sentence("after")
    line = Line({"/answer": document, "/gone": 204, **(pages or {})})
    for number, caller in phones.items():
        line.simulator.phone(number, caller)
    call_id = line.call_out()
    line.simulator.run()
    return line, call_id


def test_a_transfer_rings_all_and_connects_the_first_that_answers() -> None:
    transfer = Transfer(transfer_complete_url="/done", tag="t").then(
        PhoneNumber(
            SALES, transfer_answer_url="/whisper", transfer_disconnect_url="/left", tag="sales"
        ),
        SipUri(BOB, transfer_disconnect_url="/left"),
    )
    line, call_id = transferring(
        transfer,
        {SALES: Caller().answers(after=3).waits(10).hangs_up(), BOB: Caller().answers(after=5)},
        {"/whisper": say("A customer."), "/left": 204, "/done": say("Goodbye.")},
    )
    assert line.events() == [
        "answer",
        "transferDisconnect",
        "transferAnswer",
        "transferDisconnect",
        "transferComplete",
        "disconnect",
    ]
    lost, answered, left, done = (json.loads(sent.body) for sent in line.sent[1:5])
    assert (lost["transferTo"], lost["cause"], "answerTime" in lost) == (BOB, "hangup", False)
    assert (answered["transferTo"], answered["parentCallId"]) == (SALES, call_id)
    assert (answered["transferCallerId"], answered["tag"]) == (CALLEE, "sales")
    assert (answered["from"], answered["to"], answered["direction"]) == (US, CALLEE, "outbound")
    assert line.simulator.heard(answered["callId"]) == ["A customer."]
    assert (left["cause"], left["callId"]) == ("hangup", answered["callId"])
    assert (done["callId"], done["cause"], done["transferTo"]) == (call_id, "hangup", SALES)
    assert (done["tag"], "parentCallId" in done) == ("t", False)
    assert line.simulator.heard(call_id) == ["Goodbye."]


@pytest.mark.parametrize(
    ("caller", "cause"),
    [
        (Caller().is_busy(), "busy"),
        (Caller().rejects(), "rejected"),
        (Caller().never_answers(), "timeout"),
    ],
)
def test_a_transfer_that_nobody_takes_is_complete_with_the_cause(
    caller: Caller, cause: str
) -> None:
    transfer = Transfer([PhoneNumber(SALES)], transfer_complete_url="/done", call_timeout=10)
    line, call_id = transferring(transfer, {SALES: caller}, {"/done": say("Sorry.")})
    event = line.sent[1].event
    assert isinstance(event, TransferCompleteEvent)
    assert (event.cause, bool(event.error_message)) == (cause, True)
    assert line.simulator.heard(call_id) == ["Sorry."]


def test_a_transfer_without_url_goes_on_with_the_next_verb() -> None:
    line, call_id = transferring(
        Transfer([PhoneNumber(SALES)]), {SALES: Caller().waits(5).hangs_up()}
    )
    assert line.events() == ["answer", "disconnect"]
    assert line.simulator.heard(call_id) == ["after"]


def test_a_caller_who_hangs_up_takes_the_other_party_along() -> None:
    transfer = Transfer([PhoneNumber(SALES, transfer_disconnect_url="/left")])
    line = Line(
        {"/answer": Response([transfer]), "/gone": 204, "/left": 204}, Caller().waits(9).hangs_up()
    )
    line.call_out()
    line.simulator.run()
    assert line.events() == ["answer", "transferDisconnect", "disconnect"]
    assert all(call.is_over for call in line.simulator._engine.calls.values())


def test_a_tag_stays_until_another_and_an_empty_one_clears_it() -> None:
    pages: dict[str, Reply] = {
        "/answer": Response().redirect("/b", tag="one"),
        "/b": Response().redirect("/c"),
        "/c": Response().redirect("/d", tag=""),
        "/d": Response(),
        "/gone": 204,
    }
    line = Line(pages)
    line.call_out(tag="zero")
    line.simulator.run()
    assert [json.loads(delivery.body).get("tag") for delivery in line.sent] == [
        "zero",
        "one",
        "one",
        None,
        None,
    ]


def test_every_verb_of_a_document_is_performed() -> None:
    assert set(Engine.performs) == set(get_args(CallVerb))


def test_the_words_of_ssml_are_heard() -> None:
    spoken: list[ssml.Part] = [
        "Your ",
        ssml.sub("ETA", alias="arrival"),
        " is ",
        ssml.emphasis("now"),
    ]
    line = Line({"/answer": Response().speak_sentence(spoken)})
    call = line.call_out()
    line.simulator.run()
    assert line.simulator.heard(call) == ["Your arrival is now"]


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        (500, "callback-error"),
        (404, "callback-error"),
        (302, "callback-error"),
        (None, "callback-error"),
        (b"<Response><Gater/></Response>", "invalid-bxml"),
        (b"", "invalid-bxml"),
        (b" " * 65_537, "invalid-bxml"),
        (Response().play_audio("/music.ogg"), "application-error"),
        (Response().redirect("/answer"), "error"),
    ],
)
def test_a_reply_that_is_none_ends_the_call_with_its_cause(page: Reply, cause: str) -> None:
    line = Line({"/answer": page, "/gone": 204})
    call_id = line.call_out()
    line.simulator.run()
    assert line.state(call_id) == ("disconnected", cause)
    assert line.simulator._engine.calls[call_id].error_message


def test_the_fallback_url_is_tried_with_its_method_and_credentials() -> None:
    line = Line({"/answer": 500, "/second": say("Hi."), "/gone": None})
    call_id = line.call_out(
        answer_fallback_url=f"{APP}/second",
        answer_fallback_method="GET",
        fallback_username="u",
        fallback_password="p",
    )
    line.simulator.run()
    second = line.sent[1].target
    assert (second.method, second.username, second.password) == ("GET", "u", "p")
    assert line.simulator.heard(call_id) == ["Hi."]
    assert line.events() == ["answer", "answer", "disconnect", "disconnect"], "one more try"


def test_relative_urls_lead_on_from_the_url_that_supplied_the_document() -> None:
    line = Line({"/answer": Response().redirect("deep/a"), "/deep/a": Response().redirect("b")})
    line.call_out()
    line.simulator.run()
    assert [sent.target.url for sent in line.sent][:3] == [
        f"{APP}/answer",
        f"{APP}/deep/a",
        f"{APP}/deep/b",
    ]


def test_a_relative_url_in_a_pushed_document_leads_nowhere() -> None:
    line = Line({"/answer": Response().pause(duration=60), "/gone": 204})
    call_id = line.call_out()
    line.simulator.advance(5)
    call = line.simulator._engine.calls[call_id]
    line.simulator._engine.push(call, Bxml().redirect("/next"))
    assert line.state(call_id) == ("disconnected", "callback-error")


def test_a_caller_who_waits_for_words_that_never_come_leaves_a_note() -> None:
    line = Line({"/answer": say("Hello."), "/gone": 204}, Caller().hears("goodbye"))
    line.call_out()
    line.simulator.run()
    assert "was still waiting to hear 'goodbye'" in [e.text for e in line.simulator.timeline]


def test_the_same_seed_gives_the_same_timeline() -> None:
    timelines = []
    for _ in range(2):
        line = Line({"/answer": MENU, "/chosen": say("Bye."), "/gone": 204}, Caller().presses("1"))
        line.call_out()
        line.simulator.run()
        timelines.append(line.simulator.timeline)
    assert timelines[0] == timelines[1]


STEPS: list[Callable[[Caller], Caller]] = [
    lambda caller: caller.waits(3),
    lambda caller: caller.presses("1#"),
    lambda caller: caller.says("yes"),
    lambda caller: caller.hears("x"),
    lambda caller: caller.hangs_up(),
]


@given(
    st.lists(bxml.strategies.documents(), min_size=1, max_size=4),
    st.lists(st.sampled_from(STEPS), max_size=5),
    st.booleans(),
)
def test_whatever_is_performed_the_call_ends_once_and_every_event_can_be_read(
    documents: list[Document], steps: list[Callable[[Caller], Caller]], inbound: bool
) -> None:
    caller = Caller()
    for step in steps:
        caller = step(caller)
    replies = iter(documents)
    sent: list[Delivery] = []

    def post(delivery: Delivery) -> Answered:
        sent.append(delivery)
        return Answered(200, bytes(next(replies, Response())))

    simulator = Simulator(post=post, settings=Settings(most_documents_at_once=20))
    simulator.phone(CALLEE, caller)
    line = Line({}, caller)
    line.simulator = simulator
    call_id = line.call_in() if inbound else line.call_out()
    simulator.run()
    if not line.simulator._engine.calls[call_id].is_over:
        # Two people who listen to each other: nothing more happens until one of them leaves.
        assert "is connected" in " ".join(entry.text for entry in simulator.timeline)
        simulator._engine.hang_up(simulator._engine.calls[call_id], "hangup")
        simulator.run()
    assert line.state(call_id)[0] == "disconnected"
    assert all(call.is_over for call in simulator._engine.calls.values())
    assert [delivery.event.event_type for delivery in sent].count("disconnect") == 1
    assert all(parse_event(delivery.body) == delivery.event for delivery in sent)
    times = [entry.at for entry in simulator.timeline]
    assert times == sorted(times)
