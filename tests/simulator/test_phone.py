"""A test reads like a telephone conversation, and what does not come about is told in full."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from bxml import Conference, Gather, Redirect, Response, Transfer
from calls import CallController
from calls.events import (
    AnswerEvent,
    CallEvent,
    ConferenceEvent,
    DisconnectEvent,
    GatherEvent,
    InitiateEvent,
    TransferCompleteEvent,
)
from calls.simulator import Caller, Phone, PhoneCall, RealClock, Simulator, Unheard
from calls.simulator.phone import seconds_in
from calls.simulator.server import Server
from calls.webhooks import VoiceApp

SALES, SUPPORT, CUSTOMER = "+19195550100", "+19195550101", "+19195550102"


def acme(**options: Any) -> VoiceApp:
    app = VoiceApp(**options)

    @app.on("/in")
    async def incoming(event: InitiateEvent | AnswerEvent) -> Response:
        menu = Gather(gather_url=app.url_for(chosen), max_digits=1, repeat_count=2)
        words = "For sales, press 1. For support, press 2."
        return Response().speak_sentence("Welcome to Acme.").then(menu.speak_sentence(words))

    @app.on("/chosen")
    async def chosen(event: GatherEvent) -> Response:
        match event.digits:
            case "1" | "2":
                number = SALES if event.digits == "1" else SUPPORT
                transfer = Transfer(transfer_complete_url=app.url_for(done), call_timeout=20)
                return Response().then(transfer.phone_number(number))
            case "3":
                return Response().then(Conference("team")).speak_sentence("All have left.")
            case "4":
                ask = Gather(gather_url=app.url_for(said), input="speech")
                return Response().then(ask.speak_sentence("Who is calling?"))
            case "5":
                return Response().ring(duration=3).send_dtmf("12#").play_audio("/music.wav")
            case _:
                return Response().speak_sentence("Goodbye.").hangup()

    @app.on("/said")
    async def said(event: GatherEvent) -> Response:
        return Response().speak_sentence(f"Hello, {event.text}.")

    @app.on("/done")
    async def done(event: TransferCompleteEvent) -> Response:
        return Response().speak_sentence(f"It was {event.cause}.")

    @app.on("/over")
    async def over(event: DisconnectEvent) -> None:
        return None

    return app


def test_a_call_is_transferred_talks_and_ends(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme())
    call.hears("For sales, press 1")
    call.presses("1")
    leg = call.is_transferred_to(SALES).answers().talks("2m").hangs_up()
    call.ended(cause="hangup")
    call.never_heard("error")
    assert call.heard[-2:] == ["(talks for 120 s)", "It was hangup."]
    assert (leg.cause, leg.is_over, leg.tag) == ("hangup", True, None)


def test_an_application_gets_the_credentials_that_it_asks_for(phone: Phone) -> None:
    app = VoiceApp(credentials={"platform": "secret"})

    @app.on("/in")
    async def incoming(event: InitiateEvent) -> Response:
        return Response().speak_sentence("Welcome to Acme.")

    phone.dials("+15550100", app=app).hears("Welcome to Acme.").ended(cause="hangup")


def test_it_is_heard_up_to_the_words_and_a_key_cuts_off_the_rest(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme()).hears("for  SALES, press 1.")
    begun = next(entry.at for entry in call.timeline if entry.text.startswith("For sales"))
    # 19 of 41 characters of eight words, which take 3.2 seconds.
    assert phone.simulator.now == pytest.approx(begun + 3.2 * 19 / 41, abs=0.001)
    call.presses("9").hears("Goodbye.").never_heard("For support")
    assert "cut off" in [entry.kind for entry in call.timeline]


def test_several_things_may_be_expected_of_one_prompt_and_of_its_repetition(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme())
    call.hears("For sales").hears("For support").hears("For sales").hears("For support")
    call.hears("Goodbye").ended()
    with pytest.raises(Unheard, match="did not hear 'For sales' before the call ended"):
        call.hears("For sales")


@pytest.mark.parametrize(
    ("decides", "cause"),
    [
        (PhoneCall.is_busy, "busy"),
        (PhoneCall.rejects, "rejected"),
        (PhoneCall.never_answers, "timeout"),
    ],
)
def test_whoever_is_rung_may_not_take_the_call(
    phone: Phone, decides: Callable[[PhoneCall], PhoneCall], cause: str
) -> None:
    call = phone.dials("+15550100", app=acme()).hears("press 2").presses("2")
    decides(call.is_transferred_to(SUPPORT)).ended(cause=cause)
    call.hears(f"It was {cause}.").ended(cause="hangup")


def test_somebody_speaks_waits_and_is_silent(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme()).hears("press 2").presses("4")
    call.hears("Who is calling?").waits(1).says("Ana").hears("Hello, Ana.").ended(cause="hangup")
    silent = phone.dials("+15550100", app=acme()).hears("press 2").presses("4")
    silent.hears("Who is calling?").hears_nothing(within="4s").stays_silent()
    silent.hears("Speech timeout elapsed")
    waited = phone.simulator.now
    silent.stays_silent("3s")
    assert phone.simulator.now == waited + 3


def test_ringing_tones_and_files_are_heard_by_their_names(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme()).hears("press 2").presses("5")
    call.hears("[ringing]").hears("[tones 12#]").hears("[/music.wav]").ended()


def test_people_meet_in_a_conference(phone: Phone) -> None:
    app = acme()
    one, two = (phone.dials("+15550100", app=app).hears("press 1") for _ in range(2))
    for call in (one, two):
        call.hears("press", within="1m").presses("3").joins("team")
    one.says("Good morning.")
    two.hears("Good morning.").hangs_up()
    one.hangs_up().ended(cause="hangup")


def test_a_call_that_the_program_places_rings(phone: Phone) -> None:
    app = acme(public_url="https://acme.example/voice")
    simulator = phone.simulator
    simulator.add(app)
    with CallController(
        simulator.account_id,
        auth=simulator.auth,
        base_url=simulator.base_url,
        transport=simulator.transport(),
    ) as controller:
        controller.create_call(
            to=CUSTOMER,
            from_="+15550100002",
            application_id="acme",
            answer_url="https://acme.example/voice/in",
        )
    customer = phone.rings(CUSTOMER).answers()
    customer.hears("Welcome to Acme.").hangs_up().ended(cause="hangup")


# What does not come about


def refused(act: Callable[[], Any]) -> str:
    with pytest.raises(Unheard) as caught:
        act()
    return str(caught.value)


def test_words_that_do_not_come_are_told_with_those_that_came(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme())
    told = refused(lambda: call.hears("For salads", within="3s"))
    assert told.startswith("+15550199001 did not hear 'For salads' within 3 s\n")
    assert "last heard: 'Welcome to Acme.'; 'For sales, press 1. For support, press 2.'" in told
    assert "“Welcome to Acme.”" in told
    assert "POST initiate: 200  https://app.simulated/in" in told
    assert "<SpeakSentence>Welcome to Acme.</SpeakSentence>" in told


def test_every_other_expectation_tells_what_came_instead(phone: Phone) -> None:
    app = acme()

    def menu() -> PhoneCall:
        return phone.dials("+15550100", app=app).hears("press 2")

    def over() -> PhoneCall:
        return menu().hangs_up()

    told = {
        "5 s of silence were expected, and this was heard": lambda: phone.dials(
            "+15550100", app=app
        ).hears_nothing(),
        "'press 1' was not to be heard, and was": lambda: menu().never_heard("press 1"),
        "ended with 'hangup', not with 'busy'": lambda: over().ended(cause="busy"),
        "was not over within 1 s": lambda: menu().ended(within=1),
        "cannot hang up: the call is over (hangup)": lambda: over().hangs_up(),
        "cannot press 1: the call is over (hangup)": lambda: over().presses("1"),
        "cannot speak: the call is over (hangup)": lambda: over().says("Hello?"),
        f"{SALES} did not ring within 120 s; rung were {SUPPORT}": lambda: (
            menu().presses("2").is_transferred_to(SALES)
        ),
        "the telephone does not ring (the call is answered)": lambda: menu().answers(),
        "was not in the conference team before the call ended": lambda: menu().joins("team"),
        "was not bridged within 1 s": lambda: menu().is_bridged(within=1),
        "was not connected within 1 s": lambda: menu().is_connected(within=1),
    }
    for words, act in told.items():
        assert words in refused(act), words
    assert "nobody was rung" in refused(lambda: Phone(Simulator()).rings(SALES, within=1))


# Times


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("2m", 120),
        ("90s", 90),
        ("1.5h", 5400),
        ("500ms", 0.5),
        (" 3 s ", 3),
        ("7", 7),
        (0, 0),
        (1.5, 1.5),
    ],
)
def test_a_time_has_a_unit_or_is_seconds(time: Any, seconds: float) -> None:
    assert seconds_in(time) == seconds


@pytest.mark.parametrize(
    "time", ["", "soon", "-1s", "1d", -1, float("inf"), float("nan"), None, True]
)
def test_what_is_no_time_is_refused(time: Any) -> None:
    with pytest.raises(ValueError, match="a time is a number of seconds"):
        seconds_in(time)


def test_a_telephone_has_sixteen_keys(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme()).hears("press 1")
    for wrong in ("", "E", "1 2", "\uff11"):
        with pytest.raises(ValueError, match="the keys 0 to 9"):
            call.presses(wrong)


# To look at


def test_a_call_can_be_looked_at_as_data_as_text_and_as_json(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme()).hears("press 1").presses("9").ended()
    assert [entry.kind for entry in call.timeline].count("webhook") == 3
    assert call.transcript.splitlines()[0] == (
        "    0.000 s  call        arrives: +15550199001 calls +15550100"
    )
    lines = phone.simulator.timeline_json().splitlines()
    assert json.loads(lines[0])["text"] == "arrives: +15550199001 calls +15550100"
    again = Phone(Simulator()).dials("+15550100", app=acme())
    assert again.hears("press 1").presses("9").ended().transcript == call.transcript


# Applications of every kind


def plain_asgi() -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        event = json.loads((await receive())["body"])
        document = Response().speak_sentence(f"Plain {event['eventType']}.")
        headers = [(b"content-type", b"application/xml")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(document)})

    return app


def plain_wsgi() -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        event = json.loads(environ["wsgi.input"].read())
        start_response("200 OK", [("content-type", "application/xml")])
        return [bytes(Response().speak_sentence(f"Plain {event['eventType']}."))]

    return app


@pytest.mark.parametrize("make", [plain_asgi, plain_wsgi])
def test_any_asgi_or_wsgi_application_is_called(phone: Phone, make: Callable[[], Any]) -> None:
    call = phone.dials("+15550100", app=make(), initiate="/voice")
    call.hears("Plain initiate.").ended(cause="hangup")
    assert "https://app.simulated/voice" in call.transcript


def test_the_wsgi_face_of_an_application_is_called(phone: Phone) -> None:
    call = phone.dials("+15550100", app=acme().wsgi, initiate="/in")
    call.hears("Welcome to Acme.").hangs_up()


def test_an_application_elsewhere_is_called_by_its_url(phone: Phone) -> None:
    with Server(acme()) as server:
        call = phone.dials("+15550100", app=f"{server.url}/in")
        call.hears("press 1").presses("9").hears("Goodbye.").ended(cause="hangup")


def test_nobody_is_called_whom_the_test_has_not_named(phone: Phone) -> None:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: InitiateEvent) -> Response:
        return Response().then(Redirect("https://elsewhere.example/next"))

    call = phone.dials("+15550100", app=app).ended(cause="callback-error")
    assert "no application was given for https://elsewhere.example" in call.transcript


def test_an_application_that_fails_is_logged_and_seen_as_500(
    phone: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            raise LookupError("nothing is there")

    call = phone.dials("+15550100", app=app, initiate="/in").ended(cause="callback-error")
    assert "answered with 500" in call.transcript
    assert "nothing is there" in caplog.text


def test_an_application_that_takes_too_long_costs_the_time_that_the_platform_waits() -> None:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: InitiateEvent) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    simulator = Simulator()
    application = simulator.add(app)
    quick = replace(application, callback_timeout=0.05)
    call_id = simulator.dial(from_=CUSTOMER, to="+15550100", application=quick)
    simulator.run()
    [call] = simulator._engine.calls.values()
    assert (call.id, call.cause) == (call_id, "callback-error")
    assert call.ended == pytest.approx(0.05)
    simulator.close()


def test_the_lifespan_of_an_application_is_begun_and_ended() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        seen.append("begins")
        yield
        seen.append("ends")

    app = Starlette(lifespan=lifespan)
    app.mount("/voice", acme())
    with Simulator() as simulator:
        call = Phone(simulator).dials("+15550100", app=app, initiate="/voice/in")
        call.hears("press 1").presses("9").hears("Goodbye.")
        assert seen == ["begins"]
    assert seen == ["begins", "ends"]


def test_an_application_without_a_place_for_the_call_says_what_to_do(phone: Phone) -> None:
    with pytest.raises(ValueError, match='initiate="/…"'):
        phone.dials("+15550100", app=VoiceApp())
    with pytest.raises(ValueError, match="no application takes the call"):
        phone.dials("+15550100")


def test_in_an_async_test_the_application_runs_beside_its_loop() -> None:
    async def conversation() -> None:
        with Simulator() as simulator:
            call = Phone(simulator).dials("+15550100", app=acme())
            call.hears("press 1").presses("1")
            call.is_transferred_to(SALES).answers().talks("1m").hangs_up()
            call.ended(cause="hangup")
            await asyncio.sleep(0)

    asyncio.run(conversation())


# Conferences of an application


@pytest.fixture
def meeting() -> VoiceApp:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: CallEvent) -> Response:
        return Response().then(Conference("team", conference_event_url=app.url_for(happens)))

    @app.on("/happens")
    async def happens(event: ConferenceEvent) -> Response:
        return Response().speak_sentence(re.sub("([A-Z])", r" \1", event.event_type))

    return app


def test_the_documents_of_a_conference_are_heard_by_its_members(
    phone: Phone, meeting: VoiceApp
) -> None:
    one = phone.dials("+15550100", app=meeting).joins("team").hears("conference Created")
    two = phone.dials("+15550100", app=meeting, from_=CUSTOMER).joins("team")
    two.hears("conference Member Join").hangs_up()
    one.hears("conference Member Join").hears("conference Member Exit").hangs_up()


def test_scripted_and_played_people_may_meet(phone: Phone) -> None:
    phone.simulator.phone(SALES, Caller().answers(after=1).says("This is Bo.").waits(5).hangs_up())
    call = phone.dials("+15550100", app=acme()).hears("press 1").presses("1")
    call.hears("This is Bo.").hears("It was hangup.").ended(cause="hangup")


def test_what_is_no_application_is_refused() -> None:
    with pytest.raises(ValueError, match="is an http or https URL"):
        Simulator("acme.example")
    with pytest.raises(TypeError, match="is an ASGI or WSGI one, or a URL"):
        Simulator(7)


def test_on_a_clock_that_runs_several_calls_are_answered_at_once() -> None:
    app = VoiceApp()
    arrived: list[str] = []
    all_there = asyncio.Event()

    @app.on("/in")
    async def incoming(event: InitiateEvent) -> Response:
        arrived.append(event.call_id)
        if len(arrived) == 3:
            all_there.set()
        await all_there.wait()  # nobody is answered before all have come
        return Response().ring(duration=0.1)

    with Simulator(app, clock=RealClock()) as simulator:
        calls = [Phone(simulator, app).dials("+15550100") for _ in range(3)]
        for call in calls:
            call.hears("[ringing]", within="5s").ended(cause="hangup", within="5s")


def test_an_application_of_this_process_may_take_too_long_on_a_clock_that_runs() -> None:
    app = VoiceApp()

    @app.on("/in")
    async def incoming(event: InitiateEvent) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    with Simulator(clock=RealClock()) as simulator:
        quick = replace(simulator.add(app), callback_timeout=0.05)
        simulator.dial(from_=CUSTOMER, to="+15550100", application=quick)
        simulator.run()
        [call] = simulator._engine.calls.values()
        assert call.cause == "callback-error"
