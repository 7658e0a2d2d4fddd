"""Calls that are placed: the queue, the limits of an account, and who answers."""

from typing import Any

import pytest
from simulated import SALES, THEM, Line, each

from bxml import Response
from calls.models import MachineDetection
from calls.simulator import Caller

APP = "https://app.example.com"


def test_calls_go_out_at_the_rate_of_the_account_and_the_most_urgent_first() -> None:
    """Calls are taken off the queue at the dequeue rate, best priority first (documented)."""
    line = Line(Response().ring(duration=60), calls_per_second=5)
    calls = [
        line.calls(to=f"+155501002{number:02}", priority=5 - number // 3) for number in range(15)
    ]
    line.simulator.advance(10)
    started = {call.call_id: line.state(call).started for call in calls}
    assert sorted(round(at or 0, 3) for at in started.values()) == [
        round(index / 5, 3) for index in range(15)
    ]
    order = sorted(range(15), key=lambda number: started[calls[number].call_id] or 0)
    assert order == [12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2]


def test_a_call_that_is_queued_can_be_taken_off_and_never_rings() -> None:
    """completed removes a queued call from the queue (documented); its cause is cancel (inferred)."""
    line = Line(Response().ring(duration=60), calls_per_second=1)
    _, second = (line.calls(), line.calls(to=SALES))
    with line.simulator.held() as engine:
        engine.hang_up(engine.calls[second.call_id], "cancel")
    line.simulator.advance(10)
    assert line.state(second).started is None
    assert f"rings {SALES}" not in line.simulator.transcript()
    assert line.told("disconnect")["cause"] == "cancel"


def test_an_inbound_call_over_a_limit_is_refused_without_a_webhook() -> None:
    """An inbound call over the limit is refused without any notification (documented)."""
    for settings, words in each(
        ({"calls_per_second": 2}, "more than 2 calls in a second"),
        ({"sessions": 2, "calls_per_second": None}, "more than 2 calls at once"),
    ):
        line = Line(Response().ring(duration=60), **settings)
        calls = [line.dials() for _ in range(3)]
        line.simulator.advance(1)
        assert [call.cause for call in calls] == [None, None, "account-limit"]
        assert line.events() == ["initiate", "initiate"]
        assert words in calls[2].transcript


def test_a_call_rings_as_long_as_its_timeout() -> None:
    """callTimeout: seconds to wait for an answer, 30 by default (documented)."""
    for order, seconds in each(({}, 30), ({"call_timeout": 4}, 4)):
        line = Line(Response()).phone(THEM, Caller().answers(after=31))
        call = line.calls(**order).ended(cause="timeout")
        assert line.state(call).ended == seconds


@pytest.mark.parametrize(
    ("party", "cause", "status"),
    [
        (Caller().is_busy(), "busy", 486),
        (Caller().rejects(), "rejected", 603),
        (Caller().never_answers(), "timeout", None),
    ],
)
def test_the_disconnect_of_a_call_that_was_not_taken_has_its_sip_status(
    party: Caller, cause: str, status: int | None
) -> None:
    """sipResponseCode: the status with which the outbound INVITE was rejected; only then (documented)."""
    line = Line(Response()).phone(THEM, party)
    line.calls().ended(cause=cause)
    line.simulator.run()
    assert line.told("disconnect").get("sipResponseCode") == status


def test_the_answer_goes_to_its_url_and_then_to_the_fallback() -> None:
    """answerUrl, answerFallbackUrl and their methods and credentials; callbackTimeout is that of every webhook (documented)."""
    line = Line(500, {"/again": Response()})
    line.calls(
        answer_method="GET",
        username="ann",
        password="hunter2",
        answer_fallback_url=f"{APP}/again",
        fallback_username="bea",
        fallback_password="hunter3",
        callback_timeout=4.5,
        tag="job-7",
    ).ended()
    line.simulator.run()
    first, second, last = (sent.target for sent in line.sent)
    assert (first.method, first.username, first.password) == ("GET", "ann", "hunter2")
    assert (second.url, second.method, second.username) == (f"{APP}/again", "POST", "bea")
    assert (last.url, last.username) == (f"{APP}/gone", "ann")
    assert {sent.timeout for sent in line.sent} == {4.5}
    assert line.told("disconnect")["tag"] == "job-7"


# Machine detection

HUMAN = Caller().greets("Hello?")  # 0.4 seconds
LONG = "word " * 20  # eight seconds
MACHINE = Caller().is_a_machine(LONG, beeps=False)
BEEPS = Caller().is_a_machine(LONG)


def detected(
    caller: Caller, *, tone: bool = False, **settings: Any
) -> tuple[str, float, list[str]]:
    """The result, after how many seconds it came, and what was sent."""
    line = Line(Response().pause(duration=60), tone_detection=tone).phone(THEM, caller)
    detection = MachineDetection(callback_url=f"{APP}/who", **settings)
    line.calls(machine_detection=detection)
    line.simulator.advance(40)
    sync = settings.get("mode") == "sync"
    event = line.told("answer" if sync else "machineDetectionComplete")
    result = event["machineDetectionResult"]
    at = line.at("answer" if sync else "machineDetectionComplete") - 2  # when it was answered
    assert float(result["duration"].removeprefix("PT").removesuffix("S")) == pytest.approx(at)
    return result["value"], round(at, 3), line.events()


def test_in_sync_mode_the_answer_waits_for_the_result_and_carries_it() -> None:
    """sync: the answer webhook is held back and carries the result; async: it comes later, by a webhook of its own (documented)."""
    assert detected(HUMAN, mode="sync") == ("human", 5.4, ["answer"])
    assert detected(HUMAN) == ("human", 5.4, ["answer", "machineDetectionComplete"])


@pytest.mark.parametrize(
    ("caller", "settings", "result"),
    [
        (HUMAN, {"speech_end_threshold": 2}, ("human", 2.4)),
        (Caller().greets(LONG), {"speech_threshold": 6}, ("answering-machine", 6)),
        (Caller().greets(LONG), {"speech_threshold": 9}, ("human", 13)),
        (Caller().greets(""), {}, ("silence", 10)),
        (Caller().greets(""), {"silence_timeout": 4}, ("silence", 4)),
        (Caller().greets(""), {"silence_timeout": 14, "detection_timeout": 12}, ("timeout", 12)),
        (MACHINE, {}, ("answering-machine", 10)),
        (MACHINE, {"machine_speech_end_threshold": 1}, ("answering-machine", 9)),
        (
            MACHINE,
            {"delay_result": True, "machine_speech_end_threshold": 3},
            ("answering-machine", 11),
        ),
        (
            MACHINE,
            {"delay_result": True, "machine_speech_end_threshold": 9},
            ("answering-machine", 15),
        ),
        (BEEPS, {"delay_result": True}, ("answering-machine", 9)),
    ],
)
def test_who_answers_is_found_out_by_the_thresholds(
    caller: Caller, settings: dict[str, Any], result: tuple[str, float]
) -> None:
    """Speech, its end, silence, the whole time, and a result that is held back (documented; the model of it is inferred)."""
    assert detected(caller, **settings)[:2] == result


def test_a_tone_is_a_result_of_its_own_where_the_account_has_it() -> None:
    """tone-detected only where the account has it; else a tone is reported as answering-machine (documented)."""
    assert detected(BEEPS, tone=True, delay_result=True)[:2] == ("tone-detected", 9)


def test_whoever_is_called_sees_the_name_and_no_number_if_it_is_private() -> None:
    """displayName is the caller name shown; privacy hides the calling number (documented)."""
    line = Line(Response().ring(duration=1))
    line.calls(privacy=True, display_name="Private").ended()
    assert f"rings {THEM} as +15550100002 (Private), number hidden" in line.simulator.transcript()
