"""A call that is one function, from the caller's end of the line."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bxml import PlayAudio, Response, SpeakSentence
from calls import CallController, InvalidRequest
from calls.events import CallEvent, RedirectEvent
from calls.script import (
    GaveUp,
    HungUp,
    Line,
    MemoryJournal,
    RunFailed,
    Script,
    ScriptError,
    Scripts,
    Transferred,
    script,
)
from calls.simulator import Chaos, Fault, Phone, PhoneCall, Simulator
from calls.webhooks import VoiceApp

SALES = "+19195550100"
SORRY = Response().speak_sentence("Sorry, something is wrong.")


def dial(phone: Phone, function: Any, **options: Any) -> PhoneCall:
    """Somebody calls an application that is this function."""
    made = function if isinstance(function, Script) else Script(function, SORRY)
    return phone.dials("+15550100", app=VoiceApp({"/answer": made}, **options))


# What it is for


def test_a_call_is_one_function(phone: Phone) -> None:
    looked_up: list[str] = []

    def lookup(order: str) -> str:
        looked_up.append(order)
        return "on its way"

    @script
    async def reception(line: Line) -> None:
        line.speak_sentence("Welcome to Acme.")
        choice = await line.menu("For sales, press 1. For support, press 2.", keys="12", tries=3)
        if choice == "1":
            outcome = await line.transfer(SALES)
            if not outcome.was_answered:
                line.speak_sentence("Nobody is free just now.")
        order = await line.ask("Enter your order number.", digits=6, check=str.isdigit)
        status = await line.run(lookup, order)
        line.speak_sentence(f"Your order is {status}.")

    call = dial(phone, reception)
    call.hears("Welcome to Acme").hears("For sales").presses("1")
    call.is_transferred_to(SALES).is_busy()
    call.hears("Nobody is free").hears("order number").presses("123456")
    call.hears("Your order is on its way").ended(cause="hangup")
    assert looked_up == ["123456"]


def test_what_was_said_is_one_document_to_the_next_await(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        line.speak_sentence("One.")
        line.then(SpeakSentence("Two.", voice="julie"), PlayAudio("https://x.example/a.wav"))
        line.tag("vip")
        await line.heard()
        line.speak_sentence(f"{line.event.event_type}, {line.event.tag}.")

    call = dial(phone, reception).ended(cause="hangup")
    assert call.heard == ["One.", "Two.", "[https://x.example/a.wav]", "redirect, vip."]


def test_scripts_call_others_and_go_on_with_what_they_return(phone: Phone) -> None:
    @script
    async def ask_age(line: Line, unit: str, *, least: int = 0) -> int:
        return max(int(await line.ask(f"How many {unit}?", digits=(1, 3))), least)

    async def reception(line: Line) -> None:
        line.speak_sentence(f"That is {await ask_age(line, 'years', least=18) + 1}.")

    dial(phone, reception).hears("How many years").presses("7#").hears("That is 19").ended()


def test_a_script_that_hands_over_does_not_come_back(phone: Phone) -> None:
    log: list[str] = []

    @script
    async def support(line: Line, name: str) -> None:
        await line.gather(max_digits=1)
        line.speak_sentence(f"Support for {name}.")

    async def reception(line: Line) -> None:
        line.speak_sentence("One moment.")
        try:
            await line.hand_over(support, "Ann")
        finally:
            log.append("finally")
        log.append("never")

    dial(phone, reception).hears("One moment").presses("1").hears("Support for Ann").ended()
    assert log == ["finally"]


def test_a_hang_up_ends_it_wherever_it_waits_and_finally_runs(phone: Phone) -> None:
    log: list[Any] = []

    async def reception(line: Line) -> None:
        try:
            await line.menu("Press 1.", keys="1")
        except Exception:  # noqa: BLE001
            log.append("no Exception")
        except HungUp as gone:
            log.append((gone.cause, gone.event.event_type))
            with pytest.raises(HungUp):
                await line.gather()
            raise
        finally:
            line.speak_sentence("Nobody hears it.")
            log.append(await line.run(str.upper, "tidied"))

    dial(phone, reception).hears("Press 1").hangs_up().ended()
    assert log == [("hangup", "disconnect"), "TIDIED"]


def test_an_outbound_call_begins_with_its_answer() -> None:
    async def reminder(line: Line) -> None:
        line.speak_sentence(f"{line.event.event_type} of {line.to}.")
        if await line.menu("Press 1.", keys="1") == "1":
            line.speak_sentence("Thank you.")

    app = VoiceApp({"/remind": Script(reminder)})
    with Simulator() as simulator:
        simulator.add(app)
        controller = CallController(
            simulator.account_id,
            auth=simulator.auth,
            base_url=simulator.base_url,
            transport=simulator.transport(),
        )
        phone = Phone(simulator)
        with controller:
            controller.create_call(
                to="+15550199001",
                from_="+15550100",
                application_id="app-1",
                answer_url="https://app.simulated/remind",
            )
            call = phone.rings("+15550199001").answers()
            call.hears("answer of +15550199001").hears("Press 1").presses("1")
            call.hears("Thank you").ended(cause="hangup")


# Questions


async def choosing(line: Line) -> None:
    key = await line.menu(
        ["Sales is 1.", "Please press 1 for sales."],
        keys="1*",
        nothing=["I heard nothing.", "Still nothing."],
        invalid="That is no choice.",
        too_often=["Too bad.", "Goodbye."],
    )
    line.speak_sentence(f"You chose {key}.")


def test_a_menu_says_more_after_nothing_and_after_what_does_not_fit(phone: Phone) -> None:
    call = dial(phone, choosing)
    call.hears("Sales is 1.").waits(6)
    call.hears("I heard nothing.").hears("Please press 1").presses("7")
    call.hears("That is no choice.").hears("Please press 1").presses("*")
    call.hears("You chose *.").ended(cause="hangup")


def test_who_goes_wrong_too_often_is_said_goodbye(phone: Phone, caplog: Any) -> None:
    call = dial(phone, choosing).stays_silent().ended(cause="hangup")
    assert call.heard == [
        "Sales is 1.",
        *("I heard nothing.", "Please press 1 for sales."),
        *("Still nothing.", "Please press 1 for sales."),
        *("Too bad.", "Goodbye."),
    ]
    assert not caplog.records, "a caller who goes wrong is no failure"


def test_giving_up_can_be_caught(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        try:
            await line.menu("Press 1.", keys="1", tries=1)
        except GaveUp as error:
            line.speak_sentence(f"{error.reason} {error.last}.")

    dial(phone, reception).hears("Press 1").presses("5").hears("invalid 5.").ended()
    dial(phone, reception).hears("Press 1").hears("nothing .").ended()


@pytest.mark.parametrize(
    ("digits", "pressed", "heard"),
    [(2, "12", "12."), ((1, 3), "1#", "1."), ((2, 3), "1#", "Wrong."), (2, "1#", "Wrong.")],
)
def test_so_many_digits_are_asked_for(phone: Phone, digits: Any, pressed: str, heard: str) -> None:
    async def reception(line: Line) -> None:
        found = await line.ask("Your number?", digits=digits, invalid="Wrong.")
        line.speak_sentence(f"{found}.")

    dial(phone, reception).hears("Your number").presses(pressed).hears(heard)


def test_an_async_check_is_run_once_for_each_answer(phone: Phone) -> None:
    checked: list[str] = []

    async def is_known(digits: str) -> bool:
        await asyncio.sleep(0)
        checked.append(digits)
        return digits == "22"

    async def reception(line: Line) -> None:
        await line.ask("Number?", digits=2, check=is_known, invalid="Unknown.")
        await line.heard()
        line.speak_sentence("Thank you.")

    call = dial(phone, reception).hears("Number").presses("11").hears("Unknown").presses("22")
    call.hears("Thank you").ended()
    assert checked == ["11", "22"]


# What comes of verbs


def test_each_verb_that_is_answered_has_its_outcome(phone: Phone) -> None:
    outcomes: list[Any] = []

    async def reception(line: Line) -> None:
        gathered = await line.gather(
            [SpeakSentence("Speak.")], input="dtmf_speech", terminating_digits="#"
        )
        outcomes.append((gathered.digits, gathered.terminating_digit, gathered.text))
        recorded = await line.record(max_duration=2)
        assert recorded.duration is not None
        outcomes.append((recorded.recording_id[:2], recorded.duration.total_seconds()))
        transferred = await line.transfer([SALES, "sip:ann@example.com"], call_timeout=5)
        outcomes.append((transferred.was_answered, transferred.cause))
        bridged = await line.bridge("c-00000000-0000-4000-8000-000000000000")
        outcomes.append(bridged.was_bridged)

    call = dial(phone, reception).hears("Speak").says("Hello there.")
    legs = [call.is_transferred_to(each) for each in (SALES, "sip:ann@example.com")]
    legs[0].is_busy()
    legs[1].answers().talks("3s").hangs_up()
    call.ended(cause="hangup")
    assert outcomes == [("", "", "Hello there."), ("r-", 2.0), (True, "hangup"), False]


def test_a_conference_that_is_ended_goes_on_with_the_script(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        outcome = await line.conference("room")
        line.speak_sentence(f"Back by {outcome.event.event_type}.")

    call = dial(phone, reception)
    phone.simulator.advance(5)
    with phone.simulator.held() as engine:
        [room] = engine.conferences.values()
        type(engine).end_conference(engine, room)
    call.hears("Back by redirect").ended()


def test_a_call_that_was_sent_elsewhere_may_come_back(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        back = line.return_url
        outcome = await line.redirect(f"/pay?back={back}", tag="paying")
        line.speak_sentence(f"{outcome.event.tag}: paid.")

    app = VoiceApp({"/answer": Script(reception)})

    @app.on("/pay")
    async def pay(event: RedirectEvent, delivery: Any) -> Response:
        return Response().speak_sentence("Pay, please.").redirect(delivery.query["back"])

    call = phone.dials("+15550100", app=app)
    call.hears("Pay, please").hears("paying: paid").ended(cause="hangup")


def test_what_speech_times_out_with_is_nothing(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        outcome = await line.gather([SpeakSentence("Speak.")], input="speech", speech_timeout=2)
        line.speak_sentence(f"{outcome.is_silent}, {outcome.text!r}.")

    dial(phone, reception).hears("Speak").hears("True, ''").ended()


# What is remembered


def test_what_is_run_is_read_back_as_its_annotation_says(phone: Phone) -> None:
    seen: list[Any] = []

    def due() -> datetime:
        return datetime(2026, 3, 4, tzinfo=UTC)

    async def pair() -> tuple[int, timedelta]:
        return 1, timedelta(seconds=2)

    async def reception(line: Line) -> None:
        seen.append(await line.run(due))
        seen.append(await line.run(pair))
        seen.append(await line.run(lambda: (1, 2)))  # without annotation: as JSON has it

    dial(phone, reception).ended()
    assert seen == [datetime(2026, 3, 4, tzinfo=UTC), (1, timedelta(seconds=2)), [1, 2]]


def test_what_is_run_and_raises_is_told_by_its_name_alone(phone: Phone) -> None:
    seen: list[Any] = []

    def lookup() -> None:
        raise LookupError("password=hunter2")

    def unfit() -> object:
        return object()

    async def reception(line: Line) -> None:
        for function in (lookup, unfit):
            try:
                await line.run(function)
            except RunFailed as error:
                seen.append((error.what.rpartition(".")[2], error.error, type(error.__cause__)))
        line.speak_sentence("Going on.")

    dial(phone, reception).hears("Going on").ended()
    assert seen == [("lookup", "LookupError", LookupError), ("unfit", "TypeError", TypeError)]


def test_time_and_chance_of_the_line_are_those_of_the_step() -> None:
    seen: list[Any] = []
    clock = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=each) for each in range(99))
    seeds: list[int] = []

    async def reception(line: Line) -> None:
        seen.append((line.now, line.random.random(), line.random.random()))
        await line.heard()
        seen.append((line.now, line.random.random()))
        await line.heard()

    def seed() -> int:
        seeds.append(7)
        return 7

    journal = MemoryJournal()
    for _ in range(2):
        scripts = Scripts(
            {"/answer": Script(reception)},
            journal=journal,
            most_in_memory=0,
            now=lambda: next(clock),
            new_seed=seed,
        )
        with Simulator(VoiceApp(scripts)) as simulator:
            simulator.dial(from_="+15550199001", to="+15550100")
            simulator.run()
    assert seeds == [7]
    assert len(seen) > 4
    assert len(set(seen)) == 2, "each time the same"


def test_time_passes_in_a_simulated_call_as_the_platform_says(phone: Phone) -> None:
    seen: list[datetime] = []

    async def reception(line: Line) -> None:
        seen.append(line.now)
        await line.gather(first_digit_timeout=60)
        seen.append(line.now)

    dial(phone, reception).ended()
    assert seen[1] - seen[0] == timedelta(seconds=60)


def test_a_time_at_the_end_of_times_does_no_harm() -> None:
    async def reception(line: Line) -> None:
        await line.run(lambda: 1)
        line.speak_sentence(f"{line.now.year}.")

    late = initiate("c-1") | {"eventTime": "9999-12-31T23:59:59.999Z"}
    reply = asyncio.run(post(VoiceApp({"/answer": Script(reception)}), "/answer", late))
    assert (reply[0], b"9999." in reply[1]) == (200, True)


def test_what_is_run_and_waits_for_what_was_cancelled_is_run_once(phone: Phone) -> None:
    ran: list[str] = []

    async def cancelled() -> None:
        ran.append("x")
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    async def reception(line: Line) -> None:
        await line.gather(max_digits=1)
        try:
            await line.run(cancelled)
        except RunFailed as error:
            line.speak_sentence(f"{error.error}.")

    dial(phone, reception).presses("1").hears("CancelledError.").ended()
    assert ran == ["x"]


# Deliveries


FOR_EVENTS_OF_ANY_KIND = ("repeated", "late", "reordered")
"""The others need a fallback URL, which an application's own first URL has not here."""


@pytest.mark.parametrize("fault", [*FOR_EVENTS_OF_ANY_KIND, "refused", "500", "timeout"])
def test_whatever_happens_to_a_delivery_every_step_is_taken_once(fault: Any) -> None:
    ran: list[str] = []

    async def reception(line: Line) -> None:
        key = await line.menu("Press 1.", keys="1")
        line.speak_sentence(f"{key}: {await line.run(lambda: ran.append('x'))}")
        key = await line.menu("Press 2.", keys="2")
        line.speak_sentence(f"Thanks for {key}.")

    steps = [("Press 1", "1"), ("Press 2", "2"), ("Thanks for 2", "")]
    for at in range(3):
        ran.clear()
        with Simulator() as simulator:
            phone = Phone(simulator)
            call = dial(phone, reception)
            if at == 0 and fault in FOR_EVENTS_OF_ANY_KIND:
                simulator.inject(Fault(fault, event="initiate"))
            for number, (words, keys) in enumerate(steps, 1):
                call.hears(words)
                if number == at:
                    simulator.inject(Fault(fault))
                if keys:
                    call.presses(keys)
            call.ended(cause="hangup")
            faults = call.transcript.count("  fault  ")
        assert ran == ["x"]
        assert faults == (at > 0 or fault in FOR_EVENTS_OF_ANY_KIND)


def test_many_deliveries_at_once_are_answered_alike_and_run_once() -> None:
    ran: list[str] = []

    async def slow() -> str:
        await asyncio.sleep(0.02)
        ran.append("x")
        return "done"

    async def reception(line: Line) -> None:
        line.speak_sentence(await line.run(slow))
        await line.gather()

    body = initiate("c-1")
    app = VoiceApp({"/answer": Script(reception)})

    async def all_at_once() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(post(app, "/answer", body) for _ in range(20)))

    replies = asyncio.run(all_at_once())
    assert {status for status, _ in replies} == {200}
    assert len(set(replies)) == 1
    assert ran == ["x"]


def test_what_runs_longer_than_an_answer_may_take_is_not_lost() -> None:
    """The platform gives up, asks the fallback URL, and gets what the first run came to."""
    ran: list[str] = []
    go_on = asyncio.Event()

    async def slow() -> str:
        ran.append("x")
        await go_on.wait()
        return "done"

    async def reception(line: Line) -> None:
        line.speak_sentence(await line.run(slow))

    async def twice() -> tuple[Any, Any]:
        app = VoiceApp({"/answer": Script(reception)}, reply_seconds=0.05)
        first = await post(app, "/answer", initiate("c-1"))
        second = asyncio.create_task(post(app, "/answer", initiate("c-1")))
        await asyncio.sleep(0)
        go_on.set()
        return first, await second

    first, second = asyncio.run(twice())
    assert first[0] == 503
    assert (second[0], b"done" in second[1], ran) == (200, True, ["x"])


def test_a_redirect_to_its_path_begins_a_call_anew(phone: Phone) -> None:
    log: list[str] = []

    async def reception(line: Line) -> None:
        try:
            line.speak_sentence(f"By {line.event.event_type}.")
            await line.gather(first_digit_timeout=60)
        except HungUp as gone:
            log.append(gone.cause)

    call = dial(phone, reception).hears("By initiate")
    with CallController(
        phone.simulator.account_id,
        auth=phone.simulator.auth,
        base_url=phone.simulator.base_url,
        transport=phone.simulator.transport(),
    ) as controller:
        for _ in range(2):
            controller.call(call.call_id).redirect("https://app.simulated/answer")
            call.hears("By redirect")
    call.hangs_up().ended()
    assert log == ["redirect", "redirect", "hangup"]


# What goes wrong


def test_who_waits_for_something_else_than_the_line_is_told_where(
    phone: Phone, caplog: Any
) -> None:
    async def reception(line: Line) -> None:
        await asyncio.sleep(1)

    call = dial(phone, reception).hears("Sorry, something is wrong").ended(cause="hangup")
    call.never_heard("Traceback")
    assert "wrap what it awaits in line.run" in caplog.text
    assert "await asyncio.sleep(1)" in caplog.text, "the author's own line"


def test_a_script_that_fails_says_what_its_author_has_set_aside(phone: Phone, caplog: Any) -> None:
    async def reception(line: Line) -> None:
        await line.menu("Press 1.", keys="1")
        raise LookupError("nothing there")

    call = dial(phone, reception).hears("Press 1").presses("1")
    call.hears("Sorry, something is wrong").ended(cause="hangup")
    failures = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(failures) == 1, "told once, and not again by the disconnect"


def test_the_line_is_for_its_script_alone() -> None:
    kept: list[Line] = []

    async def reception(line: Line) -> None:
        kept.append(line)

    asyncio.run(post(VoiceApp({"/answer": Script(reception)}), "/answer", initiate("c-1")))
    with pytest.raises(ScriptError, match="outside of its script"):
        kept[0].speak_sentence("Hello.")
    assert kept[0].call_id == "c-1"


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda line: line.gather(gather_url="/mine"), "leave gather_url out"),
        (lambda line: line.menu("Press.", keys="12x"), "keys are some of"),
        (lambda line: line.menu("Press.", keys=""), "keys are some of"),
        (lambda line: line.menu("Press.", keys="1", tries=0), "at least one try"),
        (lambda line: line.ask("Number?", digits=(3, 2)), r"\(least, most\)"),
        (lambda line: line.ask("Number?", digits=0), r"\(least, most\)"),
        (lambda line: line.message(seconds=0), "more than 0"),
        (lambda line: line.run("lookup"), "takes a function"),
        (lambda line: line.gather(max_digits=99), "max_digits"),
        (lambda line: line.transfer("911"), "PhoneNumber"),
    ],
)
def test_what_cannot_be_asked_is_refused_where_it_is_asked(
    phone: Phone, caplog: Any, act: Any, words: str
) -> None:
    async def reception(line: Line) -> None:
        with pytest.raises(Exception, match=words):
            await act(line)
        line.speak_sentence("Refused.")

    dial(phone, reception).hears("Refused").ended()


def test_what_is_no_script_is_refused() -> None:
    def plain(line: Line) -> None: ...
    async def without() -> None: ...
    async def needs(line: Line, more: str) -> None: ...

    unfit: Any
    for unfit in (plain, without, 5):
        with pytest.raises(InvalidRequest):
            script(unfit)
    with pytest.raises(InvalidRequest, match="more"):
        VoiceApp({"/answer": script(needs)})
    text: Any = "Sorry."
    with pytest.raises(InvalidRequest, match="on_failure"):
        script(on_failure=text)(needs)
    with pytest.raises(InvalidRequest, match="scripts are functions"):
        Scripts({"/answer": needs})  # type: ignore[dict-item]


def test_an_application_takes_scripts_and_plain_handlers_together(phone: Phone) -> None:
    async def handler(event: CallEvent) -> Response:
        return Response().speak_sentence("Plain.")

    async def reception(line: Line) -> None:
        line.speak_sentence("Script.")

    app = VoiceApp({"/answer": Script(reception), "/plain": handler})
    phone.dials("+15550100", app=app, initiate="/plain").hears("Plain").ended()
    phone.dials("+15550100", app=app).hears("Script").ended()


def test_with_credentials_the_way_back_has_them(phone: Phone) -> None:
    async def reception(line: Line) -> None:
        await line.menu("Press 1.", keys="1")
        line.speak_sentence("One.")
        await line.heard()
        line.speak_sentence("Two.")

    app = VoiceApp(
        {"/answer": Script(reception)},
        credentials={"bandwidth": "hunter2"},
        public_url="https://app.example.com",
    )
    application = phone.simulator.add(app)
    from calls.simulator import Application, Target, Targets  # noqa: PLC0415

    first = Target(application.initiate.main.url, "POST", "bandwidth", "hunter2")
    call_id = phone.simulator.dial(
        from_="+15550199001", to="+15550100", application=Application(Targets(first), first)
    )
    call = PhoneCall(phone, call_id)
    call.hears("Press 1").presses("1").hears("One").hears("Two").ended(cause="hangup")
    assert "hunter2" not in call.transcript


def test_chaos_never_makes_a_script_go_wrong() -> None:
    ran: list[str] = []

    async def reception(line: Line) -> None:
        for number in range(4):
            key = await line.menu(f"Menu {number}.", keys="0123456789*#")
            await line.run(ran.append, f"{line.call_id} {number} {key}")
        line.speak_sentence("Done.")

    for seed in range(20):
        with Simulator(chaos=Chaos(seed=seed), seed=seed) as simulator:
            phone = Phone(simulator)
            call = dial(phone, reception)
            while not call.is_over:
                call.presses("5")
                simulator.advance(20)
    assert len(ran) == len(set(ran)), "each step once"
    assert len(ran) > 20


def initiate(call_id: str) -> dict[str, Any]:
    return {
        "eventType": "initiate",
        "eventTime": "2026-03-04T10:15:30.250Z",
        "accountId": "9900000",
        "applicationId": "app-1",
        "from": "+15550199001",
        "to": "+15550100",
        "direction": "inbound",
        "callId": call_id,
        "callUrl": f"https://voice.example.com/calls/{call_id}",
    }


async def post(app: Any, url: str, event: dict[str, Any]) -> tuple[int, bytes]:
    import httpx  # noqa: PLC0415

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example.com") as http:
        reply = await http.post(url, json=event)
    return reply.status_code, reply.content


def test_outcomes_are_exported() -> None:
    assert Transferred.__module__ == "calls.script.outcomes"
