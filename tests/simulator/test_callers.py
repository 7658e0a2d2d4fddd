"""Random callers leave a sound application alone, and find what is wrong with another."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from bxml import Gather, Response, Transfer
from calls.events import CallEvent, DisconnectEvent, GatherEvent, TransferCompleteEvent
from calls.simulator import PhoneCall, Unheard
from calls.simulator.machine import Callers
from calls.webhooks import VoiceApp

SHORT = settings(
    max_examples=60,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def acme(*, with_a_fault: bool) -> VoiceApp:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: CallEvent) -> Response:
        menu = Gather(gather_url=app.url_for(chosen), max_digits=1, repeat_count=2)
        return Response().then(menu.speak_sentence("For sales, press 1. For more, press 2."))

    @app.on("/chosen")
    async def chosen(event: GatherEvent) -> Response:
        match event.digits:
            case "1":
                transfer = Transfer(transfer_complete_url=app.url_for(done), call_timeout=20)
                return Response().then(transfer.phone_number("+15550100003"))
            case "2":
                more = Gather(gather_url=app.url_for(second), max_digits=1)
                return Response().then(more.speak_sentence("For nothing, press 9."))
            case _:
                return Response().redirect(app.url_for(incoming))

    @app.on("/second")
    async def second(event: GatherEvent) -> Response:
        if with_a_fault and event.digits == "9":
            raise LookupError("nothing is there")
        return Response().speak_sentence("Goodbye.")

    @app.on("/done")
    async def done(event: TransferCompleteEvent) -> Response:
        return Response().speak_sentence(f"It was {event.cause}. Goodbye.")

    @app.on("/over")
    async def over(event: DisconnectEvent) -> None:
        return None

    return app


def test_a_sound_application_passes() -> None:
    class AcmeCallers(Callers):
        app = acme(with_a_fault=False)

    run_state_machine_as_test(AcmeCallers, settings=SHORT)


def test_a_fault_behind_two_keys_is_found_and_told_with_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class AcmeCallers(Callers):
        app = acme(with_a_fault=True)
        keys = st.sampled_from("29")

    with pytest.raises(Unheard) as caught:
        run_state_machine_as_test(AcmeCallers, settings=settings(SHORT, max_examples=500))
    told = str(caught.value)
    assert "ended with 'callback-error'" in told
    assert [line.split()[-1] for line in told.splitlines() if " presses " in line] == ["2", "9"]
    assert "nothing is there" in caplog.text


def test_a_cause_may_be_allowed() -> None:
    class AcmeCallers(Callers):
        app = acme(with_a_fault=True)
        allowed_causes = frozenset({"callback-error"})

    run_state_machine_as_test(AcmeCallers, settings=SHORT)


def test_what_a_subclass_asks_of_a_call_is_held_against_every_call() -> None:
    class AcmeCallers(Callers):
        app = acme(with_a_fault=False)

        def check(self, call: PhoneCall) -> None:
            call.never_heard("press 1")

    with pytest.raises(Unheard, match="was not to be heard, and was"):
        run_state_machine_as_test(AcmeCallers, settings=SHORT)


def test_a_machine_without_an_application_says_so() -> None:
    class Nobody(Callers):
        pass

    with pytest.raises(TypeError, match="Nobody must say which application is called"):
        run_state_machine_as_test(Nobody, settings=SHORT)
