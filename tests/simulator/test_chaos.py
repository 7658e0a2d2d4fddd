"""What goes wrong when it is wanted to, one fault at a time and by a seed."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bxml import Bxml, Gather, Response
from calls import CallController, RateLimited
from calls.errors import ServerError
from calls.events import CallEvent, DisconnectEvent, DtmfEvent, GatherEvent
from calls.retry import Retry
from calls.simulator import Caller, Chaos, Fault, Phone, Simulator
from calls.webhooks import VoiceApp


def voice_app(seen: list[CallEvent]) -> VoiceApp:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: CallEvent) -> Response:
        seen.append(event)
        menu = Gather(gather_url=app.url_for(chosen), gather_fallback_url="/again", max_digits=1)
        return (
            Response()
            .start_gather(app.url_for(key))
            .then(menu.speak_sentence("For sales, press 1. For support, press 2."))
        )

    @app.on("/chosen")
    async def chosen(event: GatherEvent) -> Response:
        seen.append(event)
        return Response().speak_sentence(f"You pressed {event.digits}.").pause(duration=20)

    @app.on("/again")
    async def again(event: GatherEvent) -> Response:
        seen.append(event)
        return Response().speak_sentence("By the fallback.").pause(duration=20)

    @app.on("/key")
    async def key(event: DtmfEvent) -> None:
        seen.append(event)

    @app.on("/over")
    async def over(event: DisconnectEvent) -> None:
        seen.append(event)

    return app


class Line:
    """A phone with an application that remembers what it was told."""

    def __init__(self, chaos: Chaos | None = None) -> None:
        self.seen: list[CallEvent] = []
        self.simulator = Simulator(voice_app(self.seen), chaos=chaos)
        self.phone = Phone(self.simulator)

    def types(self) -> list[str]:
        return [event.event_type for event in self.seen]


@pytest.mark.parametrize("kind", ["timeout", "refused", "500"])
def test_a_webhook_that_fails_is_tried_at_its_fallback_url(kind: Any) -> None:
    line = Line()
    line.simulator.inject(Fault(kind, event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1")
    call.hears("By the fallback.").hangs_up()
    reached = ["initiate", "gather", "gather", "disconnect"]
    assert line.types() == (reached if kind == "timeout" else [*reached[:2], reached[3]])


def test_a_timeout_takes_as_long_as_the_platform_waits() -> None:
    line = Line()
    line.simulator.inject(Fault("timeout", event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1")
    pressed = line.simulator.now
    call.hears("By the fallback.")
    begun = next(entry.at for entry in call.timeline if entry.text == "By the fallback.")
    assert begun == pytest.approx(pressed + 15, abs=0.002)


def test_whoever_hangs_up_while_a_webhook_is_late_is_not_kept() -> None:
    line = Line()
    line.simulator.inject(Fault("timeout", event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1")
    call.waits(5).hangs_up().ended(cause="hangup")
    line.simulator.run()
    assert line.types() == ["initiate", "gather", "disconnect"], "and no fallback for it"


@pytest.mark.parametrize(
    ("kind", "words"), [("malformed", "line 1"), ("oversized", "65,536 bytes")]
)
def test_a_reply_that_is_no_document_ends_the_call(kind: Any, words: str) -> None:
    line = Line()
    line.simulator.inject(Fault(kind, event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1").ended(cause="invalid-bxml")
    assert words in call.timeline[-2].text + call.timeline[-1].text, call.transcript


def test_a_repeated_webhook_comes_twice_and_counts_once() -> None:
    line = Line()
    line.simulator.inject(Fault("repeated", event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1").hears("You pressed 1.")
    call.hangs_up()
    assert line.types() == ["initiate", "gather", "gather", "disconnect"]
    assert call.heard.count("You pressed 1.") == 1


def test_a_late_webhook_comes_some_seconds_later() -> None:
    line = Line()
    line.simulator.inject(Fault("late", event="gather"))
    call = line.phone.dials("+15550100").hears("press 1").presses("1")
    assert line.types() == ["initiate"]
    call.hears("You pressed 1.")
    gathered = next(entry.at for entry in call.timeline if "gather: 200" in entry.text)
    pressed = next(entry.at for entry in call.timeline if entry.kind == "presses")
    assert gathered == pytest.approx(pressed + 7.5)


def test_reordered_webhooks_change_places() -> None:
    line = Line()
    call = line.phone.dials("+15550100").hears("press 1").presses("1").hears("You pressed 1.")
    line.simulator.inject(Fault("reordered", event="dtmf"))
    with line.simulator.held() as engine:
        from calls.simulator.party import press  # noqa: PLC0415  # two keys at the same moment

        press(engine, engine.calls[call.call_id], "4")
        press(engine, engine.calls[call.call_id], "5")
    line.simulator.advance(0)
    assert [event.digit for event in line.seen if isinstance(event, DtmfEvent)] == ["5", "4"]


def test_a_fault_is_for_the_webhooks_that_it_names_and_as_often_as_it_says() -> None:
    line = Line()
    line.simulator.inject(Fault("500", event="gather", url="/chosen", times=2))
    for heard in ("By the fallback.", "By the fallback.", "You pressed 1."):
        call = line.phone.dials("+15550100").hears("press 1").presses("1")
        call.hears(heard).hangs_up()


def controller(simulator: Simulator, **more: Any) -> CallController:
    return CallController(
        simulator.account_id,
        auth=simulator.auth,
        base_url=simulator.base_url,
        transport=simulator.transport(),
        pause=simulator.advance,
        now=lambda: simulator.now,
        **more,
    )


def test_429_goes_on_for_a_while_and_says_how_long() -> None:
    line = Line()
    with controller(line.simulator, retry=Retry(attempts=1)) as control:
        control.list_calls(limit=1)
        line.simulator.inject(Fault("429"))
        with pytest.raises(RateLimited) as caught:
            list(control.list_calls())
        assert caught.value.retry_after == 1.0
        line.simulator.advance(1)
        assert list(control.list_calls()) == []


def test_a_controller_that_waits_comes_through_a_storm() -> None:
    line = Line()
    line.simulator.phone("+15550100001", Caller())
    with controller(line.simulator) as control:
        line.simulator.inject(Fault("429", times=2))
        call = control.create_call(
            to="+15550100001",
            from_="+15550100002",
            application_id="a",
            answer_url="https://app.simulated/in",
        )
        line.simulator.advance(10)
        line.simulator.inject(Fault("token expired"))
        control.call(call.call_id).push(Bxml().speak_sentence("Still here."))
        line.simulator.advance(1)
    assert "Still here." in line.simulator.heard(call.call_id)


def test_a_restart_ends_all_calls_and_refuses_requests_for_a_while() -> None:
    line = Line()
    call = line.phone.dials("+15550100").hears("press 1")
    with controller(line.simulator, retry=Retry(attempts=1)) as control:
        list(control.list_calls())
        line.simulator.inject(Fault("restart"))
        with pytest.raises(ServerError):
            list(control.list_calls())
        call.ended(cause="error")
        line.simulator.advance(5)
        assert [each.disconnect_cause for each in control.list_calls()] == ["error"]


def session(seed: int) -> bytes:
    """Some calls under faults, from beginning to end."""
    line = Line(Chaos(seed, webhooks=0.3, requests=0.3, callers=0.3))
    client = httpx.Client(transport=line.simulator.transport())
    url = f"{line.simulator.base_url}/accounts/{line.simulator.account_id}/calls"
    for keys in ("1", "2", ""):
        caller = Caller().hears("press 1")
        caller = caller.presses(keys) if keys else caller.hangs_up()
        line.simulator.dial(from_="+15550199001", to="+15550100", caller=caller)
        line.simulator.advance(2)
        client.get(url, auth=("user", "password"))
    line.simulator.run()
    with line.simulator.held() as engine:
        assert engine.under_way == 0
        assert not engine.outgoing
        assert all(call.is_over for call in engine.calls.values())
    timeline = line.simulator.timeline_json()
    line.simulator.close()
    return timeline


@given(st.integers(0, 2**32))
def test_a_seed_replays_exactly_and_every_call_ends(seed: int) -> None:
    assert session(seed) == session(seed)


def test_seeds_differ_and_all_kinds_of_faults_come_about() -> None:
    timelines = [session(seed) for seed in range(60)]
    assert len(set(timelines)) > 50
    everything = b"".join(timelines).decode()
    for kind in (
        *("timeout", "refused", "500", "malformed", "oversized", "late", "repeated", "reordered"),
        *("answers 429", "answers 503", "all tokens are void", "the platform is restarted"),
        *("the caller hangs up", "a key is pressed"),
    ):
        assert kind in everything, kind
