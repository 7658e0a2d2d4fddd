"""Calls that are brought together, or handed on."""

from itertools import pairwise
from typing import Any

import pytest
from fidelity import effects
from simulated import BOB, SALES, SUPPORT, THEM, US, Line, each

from bxml import (
    Bridge,
    Bxml,
    Conference,
    Connect,
    Endpoint,
    Forward,
    Hangup,
    PhoneNumber,
    Refer,
    Response,
    SipUri,
    StartRecording,
    Transfer,
)
from calls.simulator import Caller, PhoneCall
from calls.simulator.errands import Target, Targets

ANN = "sip:ann@pbx.example.com"
TALKS = Caller().waits(5).hangs_up()


def transferred(*legs: Any, **attributes: Any) -> Response:
    return Response([Transfer(legs, **attributes)]).speak_sentence("After.")


# Transfer


@effects("documented", "Transfer", "PhoneNumber", "SipUri")
def test_all_ring_at_once_and_the_first_to_answer_wins() -> None:
    """1 to 8 parties ring at once and the first to answer is bridged; the legs that lose end with hangup (live traffic)."""
    numbers = [f"+1555010001{number}" for number in range(7)]
    legs = [PhoneNumber(number, transfer_disconnect_url="/left") for number in numbers]
    line = Line(transferred(*legs, SipUri(BOB, transfer_disconnect_url="/left")))
    for index, number in enumerate(numbers):
        line.phone(number, Caller().answers(after=9 - index).waits(5).hangs_up())
    line.phone(BOB, Caller().answers(after=1).waits(5).hangs_up())
    call = line.run()
    assert call.heard == ["After."]
    rung = [entry.at for entry in line.simulator.timeline if entry.text.startswith("rings ")]
    assert rung == [0.0] * 8
    ended = line.all_told("transferDisconnect")
    assert [each["cause"] for each in ended] == ["hangup"] * 8
    assert [each["transferTo"] for each in ended if "answerTime" in each] == [BOB]


@effects("documented", "Transfer.transferCompleteUrl")
@pytest.mark.parametrize(
    ("party", "cause", "message"),
    [
        (TALKS, "hangup", None),
        (Caller().is_busy(), "busy", "Callee is busy"),
        (Caller().rejects(), "rejected", "Callee rejected the call"),
        (Caller().never_answers(), "timeout", "Call timed out"),
        (Caller().cannot_be_reached(), "timeout", "Call did not begin to ring in time"),
    ],
)
def test_the_outcome_of_a_transfer_is_told_and_says_what_is_next(
    party: Caller, cause: str, message: str | None
) -> None:
    """Sent when the called party hangs up or the transfer fails; the verbs after it are ignored. Without it they run."""
    line = Line(transferred(PhoneNumber(SALES), transfer_complete_url="/told"))
    line.pages["/told"] = Response().speak_sentence("Told.")
    assert line.phone(SALES, party).run().heard == ["Told."]
    told = line.told("transferComplete")
    assert (told["cause"], told.get("errorMessage"), told["transferTo"]) == (cause, message, SALES)
    assert Line(transferred(PhoneNumber(SALES))).phone(SALES, party).run().heard == ["After."]


@effects("documented", "Transfer")
def test_a_caller_who_hangs_up_while_it_rings_cancels_and_hears_of_no_outcome() -> None:
    """transferComplete comes only if the original call is still up; transferDisconnect comes always, with cancel."""
    leg = PhoneNumber(SALES, transfer_disconnect_url="/left")
    line = Line(transferred(leg, transfer_complete_url="/told")).phone(
        SALES, Caller().never_answers()
    )
    line.run(Caller().waits(3).hangs_up())
    assert line.events() == ["initiate", "transferDisconnect", "disconnect"]
    assert line.told("transferDisconnect")["cause"] == "cancel"


@effects("documented", "Transfer.callTimeout")
def test_the_parties_may_ring_so_long() -> None:
    """Seconds the callee may ring before the attempt is given up, 30 by default."""
    for attributes, seconds in each(({}, 30), ({"call_timeout": 7}, 7)):
        line = Line(transferred(PhoneNumber(SALES), transfer_complete_url="/told", **attributes))
        line.phone(SALES, Caller().answers(after=31)).run()
        assert line.at("transferComplete") == seconds


@effects("documented", "Transfer.callTimeout")
def test_an_attempt_that_does_not_begin_to_ring_is_given_up_after_30_seconds() -> None:
    """An attempt that has not begun to ring after 30 seconds is cancelled, whatever callTimeout says."""
    line = Line(transferred(PhoneNumber(SALES), transfer_complete_url="/told", call_timeout=90))
    line.phone(SALES, Caller().cannot_be_reached()).run()
    assert line.at("transferComplete") == 30


@effects("documented", "Transfer.transferCallerId")
def test_the_number_shown_is_the_callers_own_or_what_it_says() -> None:
    """Caller number shown to the new legs; absent, the remote party's number is passed on."""
    for attributes, shown in each(({}, THEM), ({"transfer_caller_id": US}, US)):
        leg = PhoneNumber(SALES, transfer_answer_url="/whisper")
        line = Line(transferred(leg, **attributes)).phone(SALES, TALKS)
        line.run()
        assert line.told("transferAnswer")["transferCallerId"] == shown
        assert f"rings {SALES} as {shown}" in line.simulator.transcript()


@effects("documented", "Transfer.privacy", "Transfer.transferCallerDisplayName")
def test_the_party_sees_the_name_and_no_number_if_it_is_private() -> None:
    """Display name for the new legs; with privacy the calling number is hidden."""
    line = Line(transferred(PhoneNumber(SALES), transfer_caller_display_name="Acme")).phone(
        SALES, TALKS
    )
    line.run()
    assert f"rings {SALES} as {THEM} (Acme)" in line.simulator.transcript()
    hidden = transferred(PhoneNumber(SALES), privacy=True, transfer_caller_display_name="Private")
    line = Line(hidden).phone(SALES, TALKS)
    line.run()
    assert f"rings {SALES} as {THEM} (Private), number hidden" in line.simulator.transcript()


@effects("documented", "PhoneNumber.transferAnswerUrl", "SipUri.transferAnswerUrl")
@pytest.mark.parametrize(
    "leg",
    [
        PhoneNumber(SALES, transfer_answer_url="/whisper"),
        SipUri(BOB, transfer_answer_url="/whisper"),
    ],
)
def test_the_party_alone_hears_the_document_and_then_they_are_connected(leg: Any) -> None:
    """The document runs for the called party only; afterwards the legs are bridged."""
    line = Line(transferred(leg), {"/whisper": Response().speak_sentence("A customer calls.")})
    call = line.dials()
    party = call.is_transferred_to(leg.text).answers().hears("A customer calls.").is_connected()
    call.says("Good morning.")
    party.hears("Good morning.").says("What can I do for you?")
    call.hears("What can I do for you?").never_heard("A customer calls.")
    told = line.told("transferAnswer")
    assert (told["callId"], told["parentCallId"]) == (party.call_id, call.call_id)
    assert (told["from"], told["to"], told["direction"]) == (THEM, US, "outbound")


@effects("documented", "PhoneNumber.transferAnswerUrl")
@pytest.mark.parametrize(
    "verb", [Bridge("c-1"), Conference("room"), Forward(SALES), Transfer([PhoneNumber(SALES)])]
)
def test_some_verbs_are_not_allowed_in_that_document(verb: Any) -> None:
    """The reply to transferAnswer may not contain Bridge, Conference, Forward or Transfer."""
    leg = PhoneNumber(SALES, transfer_answer_url="/whisper", transfer_disconnect_url="/left")
    line = Line(transferred(leg, transfer_complete_url="/told"), {"/whisper": Response([verb])})
    line.phone(SALES, TALKS).run()
    assert line.told("transferDisconnect")["cause"] == "invalid-bxml"
    assert line.told("transferComplete")["cause"] == "invalid-bxml"


@effects("documented", "PhoneNumber.transferDisconnectUrl", "SipUri.transferDisconnectUrl")
def test_each_leg_that_ends_is_told_also_when_the_caller_hangs_up_first() -> None:
    """Goes there when this leg ends, however it ends; one per leg that has the URL."""
    legs = [
        PhoneNumber(SALES, transfer_disconnect_url="/a"),
        SipUri(BOB, transfer_disconnect_url="/b"),
        PhoneNumber(SUPPORT),
    ]
    line = (
        Line(transferred(*legs)).phone(SALES, Caller().is_busy()).phone(SUPPORT, Caller().rejects())
    )
    line.run(Caller().waits(9).hangs_up())
    ended = {each["transferTo"]: each["cause"] for each in line.all_told("transferDisconnect")}
    assert ended == {SALES: "busy", BOB: "hangup"}


@effects("documented", "Transfer")
def test_a_transfer_over_the_limit_fails_and_is_told() -> None:
    """A Transfer over the limit fails and is reported to its transferCompleteUrl."""
    line = Line(transferred(PhoneNumber(SALES), transfer_complete_url="/told"), sessions=1)
    line.run()
    assert line.told("transferComplete")["cause"] == "account-limit"


# Forward, Refer, Connect


@effects("documented", "Forward", "Forward.to")
def test_a_call_is_forwarded_for_good() -> None:
    """Forwards an unanswered inbound call to the destination; disconnect goes to the application's call status URL."""
    line = Line(Response().forward(SALES).speak_sentence("Never."))
    call = line.dials()
    party = call.is_transferred_to(SALES).answers()
    party.says("Sales here.")
    call.hears("Sales here.").hangs_up()
    party.ended(cause="hangup").never_heard("Never.")
    assert line.events() == ["initiate", "disconnect"]


@effects("documented", "Forward")
def test_only_an_inbound_call_that_is_not_answered_can_be_forwarded() -> None:
    """Only for an inbound call that has not been answered; what else happens is inferred: application-error."""
    assert Line(Response().ring(duration=1).forward(SALES)).run().cause == "application-error"
    line = Line(Response().forward(SALES))
    assert line.calls().ended().cause == "application-error"


@effects("documented", "Forward.from", "Forward.privacy", "Forward.callerDisplayName")
def test_a_forwarded_call_shows_the_called_number_or_what_it_says() -> None:
    """Caller number on the outgoing leg, by default the number that was called; a display name; privacy hides the number."""
    for attributes, shown in each(
        ({}, f"as {US}"),
        ({"from_": SUPPORT, "caller_display_name": "Acme"}, f"as {SUPPORT} (Acme)"),
        ({"privacy": True, "caller_display_name": "Private"}, f"as {US} (Private), number hidden"),
    ):
        line = Line(Response([Forward(SALES, **attributes)])).phone(SALES, TALKS)
        line.run()
        assert f"rings {SALES} {shown}" in line.simulator.transcript()


@effects("documented", "Forward.callTimeout")
def test_a_forwarded_call_may_ring_so_long() -> None:
    """Seconds the callee may ring, 30 by default."""
    for attributes, seconds in each(({}, 30), ({"call_timeout": 9}, 9)):
        line = Line(Response([Forward(SALES, **attributes)])).phone(SALES, Caller().never_answers())
        call = line.run()
        assert (call.cause, line.at("disconnect")) == ("timeout", seconds)


@effects("documented", "Refer", "Refer.referCompleteUrl")
def test_a_call_that_is_referred_has_left_and_the_url_is_told() -> None:
    """Success ends the call; the event is then informational and a document in the reply is ignored."""
    line = Line(
        Response([Refer([SipUri(BOB)], refer_complete_url="/told")]).speak_sentence("After.")
    )
    line.pages["/told"] = Response().speak_sentence("Told.")
    call = line.run(from_=ANN)
    assert (call.cause, call.heard) == ("hangup", [])
    told = line.told("referComplete")
    assert (told["referCallStatus"], told["notifySipResponseCode"]) == ("success", 200)
    assert Line(Response([Refer([SipUri(BOB)])])).run(from_=ANN).cause == "hangup"


@effects("documented", "Refer")
@pytest.mark.parametrize(
    ("party", "status", "seconds"),
    [
        (Caller().is_busy(), 486, 0),
        (Caller().rejects(after=4), 603, 4),
        (Caller().never_answers(), None, 30),
    ],
)
def test_a_call_that_could_not_be_referred_goes_on(
    party: Caller, status: int | None, seconds: float
) -> None:
    """Failure: the document in the reply runs; NOTIFY must come within 30 s. Without the URL the next verb runs."""
    line = Line(
        Response([Refer([SipUri(BOB)], refer_complete_url="/told")]).speak_sentence("After.")
    )
    line.pages["/told"] = Response().speak_sentence("Told.")
    call = line.phone(BOB, party).run(from_=ANN)
    told = line.told("referComplete")
    assert (told["referCallStatus"], told["referSipResponseCode"]) == ("failure", 202)
    assert (told.get("notifySipResponseCode"), line.at("referComplete")) == (status, seconds)
    assert call.heard == ["Told."]
    without = Line(Response([Refer([SipUri(BOB)])]).speak_sentence("After.")).phone(BOB, party)
    assert without.run(from_=ANN).heard == ["After."]


@effects("inferred", "Refer")
def test_a_call_of_a_telephone_cannot_be_referred() -> None:
    """Only on inbound SIP URI calls; on any other it fails here."""
    assert Line(Response([Refer([SipUri(BOB)])]).speak_sentence("After.")).run().heard == ["After."]


@effects("inferred", "Connect", "Endpoint")
def test_an_endpoint_is_joined_if_it_can_be_reached() -> None:
    """Connects the call to a BRTC endpoint, which must be connected; the call goes on with the next verb when it leaves."""
    document = Response([Connect([Endpoint("e-1")])]).speak_sentence("After.")
    line = Line(document).phone("e-1", Caller().says("Hello from the browser.").waits(5).hangs_up())
    assert line.run().heard == ["Hello from the browser.", "After."]
    assert Line(document).run().heard == ["After."]


# Bridge


def bridged(*, url: bool = True, **pages: Any) -> tuple[Line, PhoneCall, PhoneCall]:
    """A call that waits, and one that takes it into a bridge."""
    line = Line(
        Response().ring(duration=600).speak_sentence("Never."),
        {f"/{name}": page for name, page in pages.items()},
        calls_per_second=None,
    )
    target = line.dials().hears("[ringing]")
    attributes: dict[str, Any] = {"bridge_complete_url": "/told"} if url else {}
    line.pages["/in"] = Response([Bridge(target.call_id, **attributes)]).speak_sentence("After.")
    return line, line.dials(from_=SUPPORT).is_bridged(), target


@effects("documented", "Bridge", "Bridge.bridgeCompleteUrl")
def test_two_calls_are_bridged_and_the_one_that_stays_goes_on() -> None:
    """The target's own document is cancelled; when the target leaves, the document of bridgeCompleteUrl runs, or the next verb."""
    line, call, target = bridged(told=Response().speak_sentence("Told."))
    call.says("Hello there.")
    target.hears("Hello there.").never_heard("Never.").says("Hello yourself.")
    call.hears("Hello yourself.")
    target.hangs_up()
    call.hears("Told.").ended(cause="hangup")
    assert "cause" not in line.told("bridgeComplete")
    _, call, target = bridged(url=False)
    target.hangs_up()
    call.hears("After.")


@effects("documented", "Bridge")
def test_without_a_url_for_the_target_it_is_hung_up_when_the_other_leaves() -> None:
    """Without bridgeTargetCompleteUrl: the target call is hung up when this call leaves."""
    line, call, target = bridged()
    call.hangs_up()
    target.ended(cause="hangup")
    assert "bridgeComplete" not in line.events()


@effects("documented", "Bridge")
def test_a_call_leaves_a_bridge_by_being_redirected() -> None:
    """A call leaves by hanging up or by being redirected through REST; the other call gets its event."""
    line, call, target = bridged(
        told=Response().speak_sentence("Told."), else_=Response().speak_sentence("Elsewhere.")
    )
    with line.simulator.held() as engine:
        engine.redirect(
            engine.calls[target.call_id], Targets(Target("https://app.example.com/else_")), None
        )
    target.hears("Elsewhere.")
    call.hears("Told.")


@effects("documented", "Bridge")
def test_a_bridge_fails_with_a_call_that_cannot_be_its_target() -> None:
    """Fails when the target is not answered yet (outbound), executes Forward, is hung up, or is bridged already (seen)."""
    line, _, target = bridged(told=Response().hangup())
    line.run(from_=SALES)
    assert (line.told("bridgeComplete")["cause"], target.is_over) == ("busy", False)
    target.hangs_up()
    line.sent.clear()
    line.run(from_=SALES)
    assert line.told("bridgeComplete")["cause"] == "rejected"
    ringing = line.phone(SALES, Caller().never_answers()).calls(to=SALES)
    line.simulator.advance(1)
    line.pages["/in"] = Response([Bridge(ringing.call_id, bridge_complete_url="/told")])
    line.sent.clear()
    line.dials()
    line.simulator.advance(1)
    told = line.told("bridgeComplete")
    assert (told["cause"], told["errorMessage"]) == ("rejected", "Call is not answered yet")
    assert told["errorId"]


# Conference


def conference(*callers: tuple[str, dict[str, Any]], **pages: Any) -> tuple[Line, list[PhoneCall]]:
    """People who join a conference one after the other."""
    line = Line(pages={f"/{name}": page for name, page in pages.items()})
    calls = []
    for number, attributes in callers:
        line.pages["/in"] = Response([Conference("team", **attributes)]).speak_sentence("After.")
        calls.append(line.dials(from_=number).joins("team"))
    return line, calls


EVENTS = {"conference_event_url": "/told"}


@effects("documented", "Conference", "Conference.conferenceEventUrl", "Conference.tag")
def test_the_life_of_a_conference_is_told_with_the_tag_of_its_creator() -> None:
    """Events go to the URL of the call that created it, with that call's tag; those of later members are ignored."""
    line, (one, two) = conference(
        (THEM, {**EVENTS, "tag": "first"}),
        (SALES, {"conference_event_url": "/other", "tag": "second"}),
    )
    one.hangs_up()
    two.hangs_up()
    told = [each for each in line.sent if each.call_id.startswith("conf-")]
    assert [each.event.event_type for each in told] == [
        *("conferenceCreated", "conferenceMemberJoin", "conferenceMemberJoin"),
        *("conferenceMemberExit", "conferenceMemberExit", "conferenceCompleted"),
    ]
    assert {each.target.url for each in told} == {"https://app.example.com/told"}
    assert {event["tag"] for event in line.all_told("conferenceMemberJoin")} == {"first"}
    joined, left = line.all_told("conferenceMemberJoin"), line.all_told("conferenceMemberExit")
    assert [each["from"] for each in [*joined, *left]] == [THEM, SALES, THEM, SALES]
    assert line.all_told("disconnect")[1]["tag"] == "second", "the call's own tag is its own"


@effects("documented", "Conference.mute", "Conference.hold", "Conference.callIdsToCoach")
def test_who_hears_whom() -> None:
    """Muted: hears, is not heard. On hold: neither. A coach is heard by those who are coached only."""
    line, (one, muted, held) = conference(
        (THEM, {}), (SALES, {"mute": True}), (SUPPORT, {"hold": True})
    )
    line.pages["/in"] = Response([Conference("team", call_ids_to_coach=[one.call_id])])
    coach = line.dials(from_="+15550100009").joins("team")
    one.says("From one.")
    muted.says("From muted.")
    held.says("From held.")
    coach.says("From coach.")
    assert one.heard == ["From coach."]
    assert muted.heard == ["From one."]
    assert held.heard == []
    assert coach.heard == ["From one."]


@effects("documented", "Conference.callbackTimeout")
def test_webhooks_of_a_conference_have_a_timeout_of_their_own() -> None:
    """Seconds to wait for a reply to conference webhooks; by default as long as for the call that creates it."""
    line, _ = conference((THEM, {**EVENTS, "callback_timeout": 4}))
    assert {sent.timeout for sent in line.sent if sent.call_id.startswith("conf-")} == {4}
    line, _ = conference((THEM, EVENTS))
    assert {sent.timeout for sent in line.sent if sent.call_id.startswith("conf-")} == {15}


@effects("documented", "Conference")
def test_documents_of_a_conference_run_one_after_the_other_and_all_hear_them() -> None:
    """Replies to conference events run in the conference, queued without overlap; on hold one hears nothing."""
    line, (one, held) = conference((THEM, EVENTS), (SALES, {"hold": True}), told=_greeting)
    line.simulator.advance(30)
    assert one.heard == ["created", "join", "join"]
    assert held.heard == []
    times = [(sound.at, sound.ended) for sound in line.state(one).sounds]
    assert all(ended is not None and ended <= at for (_, ended), (at, _) in pairwise(times))


def _greeting(event: dict[str, Any]) -> Response:
    return Response().speak_sentence(
        str(event["eventType"]).removeprefix("conference").removeprefix("Member").lower()
    )


@effects("documented", "Conference")
@pytest.mark.parametrize("verb", [Hangup(), Conference("other"), Transfer([PhoneNumber(SALES)])])
def test_a_document_with_another_verb_is_rejected_whole(verb: Any) -> None:
    """Only six verbs are allowed in a conference; a document with any other is rejected as a whole."""
    line, (one,) = conference((THEM, EVENTS), told=Response().speak_sentence("Hi.").then(verb))
    line.simulator.advance(5)
    assert one.heard == []
    assert f"{type(verb).__name__} is not allowed in a conference" in line.simulator.transcript()
    one.hangs_up().ended(cause="hangup")


@effects("documented", "StartRecording")
def test_a_conference_is_recorded_and_told_to_its_own_url() -> None:
    """In a conference all members are recorded; conferenceRecordingAvailable tells of the file."""
    recording = StartRecording(recording_available_url="/file")
    line, (one, two) = conference((THEM, EVENTS), (SALES, {}), told=Response([recording]))
    one.says("Good morning.")
    line.simulator.advance(10)
    one.hangs_up()
    two.hangs_up()
    line.simulator.run()
    told = line.told("conferenceRecordingAvailable")
    [made] = line.simulator.recordings()
    assert (told["channels"], told["status"], told["name"]) == (1, "complete", "team")
    assert made.seconds > 10
    assert [said.words for said in made.said] == ["Good morning."]


@effects("documented", "Conference")
def test_a_conference_that_is_ended_lets_its_members_go_on() -> None:
    """If the conference is ended through REST, members go on with the verb after Conference."""
    line, (one, two) = conference((THEM, {}), (SALES, {}))
    with line.simulator.held() as engine:
        engine.end_conference(engine.rooms["team"])
    one.hears("After.").ended(cause="hangup")
    two.hears("After.").ended(cause="hangup")


@effects("documented", "Conference")
def test_a_conference_holds_twenty_calls_and_a_day() -> None:
    """At most 20 calls in a conference; a conference lasts at most 24 hours."""
    line = Line(Response().conference("team").speak_sentence("After."), calls_per_second=None)
    calls = [line.dials(from_=f"+155501001{number:02}") for number in range(21)]
    line.simulator.advance(1)
    assert [call.cause for call in calls] == [None] * 20 + ["application-error"]
    line.simulator.advance(86_400)
    assert calls[0].heard == ["After."]


@effects("documented", "Conference")
def test_a_push_takes_a_member_out_of_the_conference() -> None:
    """The verb blocks while the call is a member."""
    line, (one, two) = conference((THEM, EVENTS), (SALES, {}))
    with line.simulator.held() as engine:
        engine.push(engine.calls[one.call_id], Bxml().speak_sentence("Out."))
    one.hears("Out.").ended(cause="hangup")
    assert line.told("conferenceMemberExit")["callId"] == one.call_id
    assert not two.is_over
