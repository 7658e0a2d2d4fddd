"""Applications with something wrong in them, and with nothing: what exploring says of each."""

import logging
import re
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import flows
import pytest

from bxml import Gather, PhoneNumber, Response, SpeakSentence, Transfer
from calls.events import CallEvent, GatherEvent, InitiateEvent, TransferCompleteEvent
from calls.explore import RULES, Graph, Limits, WayLost, explore, html_of, svg_of, text_of
from calls.explore.formats import WRITERS
from calls.script import GaveUp, Line, MemoryJournal, Scripts, script
from calls.simulator import Phone, Simulator
from calls.webhooks import Delivery, VoiceApp

Build = Callable[[], VoiceApp]
Function = Callable[[Line], Coroutine[Any, Any, None]]

each_flow = pytest.mark.parametrize(
    ("build", "planted"),
    [pytest.param(build, planted, id=build.__name__) for build, planted in flows.FLOWS.items()],
)


@each_flow
def test_exactly_what_is_planted_is_found(
    build: Build, planted: list[tuple[str, str, str | None]]
) -> None:
    graph = explore(build(), initiate="/start")
    found = [(each.rule, ", ".join(each.way), each.choice or "") for each in graph.findings]
    assert found == [(rule, way, choice or "") for rule, way, choice in planted], text_of(graph)
    assert not graph.limits
    assert not graph.remarks


def test_every_rule_has_an_application_that_breaks_it() -> None:
    assert {rule for planted in flows.FLOWS.values() for rule, _, _ in planted} == RULES.keys()


@each_flow
def test_the_same_is_found_when_every_way_is_played_from_the_start(
    build: Build, planted: list[tuple[str, str, str | None]]
) -> None:
    forked = explore(build(), initiate="/start")
    played = explore(build(), initiate="/start", stateful=True)
    assert [(each.bxml, each.title) for each in played.nodes] == [
        (each.bxml, each.title) for each in forked.nodes
    ]
    assert played.edges == forked.edges
    assert [(each.rule, each.way) for each in played.findings] == [
        (each.rule, each.way) for each in forked.findings
    ]
    assert played.spent.webhooks >= forked.spent.webhooks


def test_a_finding_has_the_shortest_conversation_that_shows_it() -> None:
    [finding] = explore(flows.a_key_that_ends_in_silence(), initiate="/start").findings
    assert finding.conversation == (
        "+15550199001 calls +15550100002",
        f"hears “{flows.OFFERS}”",
        "presses 2",
        "the call ends without a word",
    )


def test_an_error_is_found_where_it_was_raised_and_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        [finding] = explore(flows.a_handler_that_raises(), initiate="/start").findings
    assert finding.code is not None
    assert finding.code.file.endswith("tests/explore/flows.py")
    assert finding.code.name == "a_handler_that_raises.<locals>.chosen"
    assert "LookupError: there is no seventh team" in finding.message
    assert not [each for each in caplog.records if each.name == "calls"]


def test_an_error_is_found_though_the_caller_hears_of_none() -> None:
    app = VoiceApp(on_failure=flows.bye())

    @app.on("/start")
    def start(event: InitiateEvent) -> Response:
        raise RuntimeError("out of order")

    [finding] = explore(app, initiate="/start").findings
    assert (finding.rule, finding.node) == ("error", None)


def test_every_outcome_of_a_transfer_is_tried() -> None:
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        numbers = [PhoneNumber("+19195550100"), PhoneNumber("+19195550101")]
        return Response([Transfer(numbers, transfer_complete_url="/done")])

    @app.on("/done")
    def done(event: TransferCompleteEvent) -> Response:
        return Response().speak_sentence(f"It ended with {event.cause}, of {event.transfer_to}.")

    graph = explore(app, initiate="/start")
    outcomes = {
        choice: graph.node(edge.target or 0).title
        for edge in graph.leaving(1)
        if edge.kind == "outcome"
        for choice in edge.choices
    }
    assert outcomes == {
        "+19195550100 answers, they hang up": "It ended with hangup, of +19195550100.",
        "+19195550101 answers, they hang up": "It ended with hangup, of +19195550101.",
        "all are busy": "It ended with busy, of +19195550101.",
        "nobody answers": "It ended with timeout, of +19195550101.",
    }


def test_a_webhook_that_fails_goes_to_the_fallback_url() -> None:
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        gather = Gather(gather_url="/main", gather_fallback_url="/second", max_digits=1)
        return Response([gather])

    @app.on("/main")
    def main(event: CallEvent) -> Response:
        return Response().speak_sentence("This is the first machine.")

    @app.on("/second")
    def second(event: CallEvent) -> Response:
        return Response().speak_sentence("This is the second machine.")

    graph = explore(app, initiate="/start")
    [failure] = [edge for edge in graph.edges if edge.kind == "failure"]
    assert failure.choices == ("silence, the webhook fails",)
    assert graph.node(failure.target or 0).title == "This is the second machine."


def test_an_application_that_keeps_calls_in_mind_is_played_from_the_start() -> None:
    tries: dict[str, int] = {}
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        tries[event.call_id] = tries.get(event.call_id, 0) + 1
        if tries[event.call_id] > 3:
            return Response().speak_sentence("Goodbye.")
        words = f"Try {tries[event.call_id]}."
        return Response([Gather(gather_url="/start", max_digits=1).speak_sentence(words)])

    graph = explore(app)
    assert [node.title for node in graph.nodes] == ["Try 1.", "Try 2.", "Try 3.", "Goodbye."]
    assert any("keeps in mind" in remark for remark in graph.remarks)
    assert [node.title for node in explore(app, stateful=True).nodes] == [
        node.title for node in graph.nodes
    ]


@pytest.mark.parametrize("tries", [2, 4])
def test_what_an_application_keeps_to_itself_is_found_though_its_documents_do_not_show_it(
    tries: int,
) -> None:
    wrong: dict[str, int] = {}
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        wrong[event.call_id] = wrong.get(event.call_id, 0) + 1
        if wrong[event.call_id] > tries:
            return Response().speak_sentence("Goodbye.")
        return Response([Gather(gather_url="/start", max_digits=1).speak_sentence("Your code?")])

    graph = explore(app, stateful=True)
    assert [node.title for node in graph.nodes] == [*["Your code?"] * tries, "Goodbye."]
    seldom = explore(app, stateful=True, limits=Limits(repeats=1))
    assert [node.title for node in seldom.nodes] == ["Your code?"]


def test_an_application_that_answers_by_chance_is_told_of() -> None:
    numbers = iter(range(10_000))
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        words = f"Number {next(numbers) % 7}."
        return Response([Gather(gather_url="/start", max_digits=1).speak_sentence(words)])

    graph = explore(app)
    assert any("something else than the call" in remark for remark in graph.remarks)
    assert len(explore(app, varies=r"Number \d").nodes) == 1


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(documents=3), "documents"),
        (Limits(depth=2), "depth"),
        (Limits(calls=20), "calls"),
        (Limits(choices=4, depth=5), "choices"),
    ],
)
def test_a_limit_that_is_met_is_told_of(limits: Limits, told: str) -> None:
    app = VoiceApp()

    @app.on("/count/{number:int}")
    def more(event: CallEvent) -> Response:
        return Response()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        number = int(event.tag or 0) + 1
        return Response(
            [
                Gather(gather_url="/start", max_digits=1, tag=str(number)).speak_sentence(
                    f"Number {number}."
                )
            ]
        )

    graph = explore(app, limits=limits)
    assert told in [limit.split(":")[0] for limit in graph.limits]
    assert not all(node.is_explored for node in graph.nodes)
    assert f"not all of it, a limit was met: {told}" in text_of(graph)


def test_the_limit_of_time_is_by_the_clock_that_is_handed_in() -> None:
    seconds = iter(range(1_000_000))
    graph = explore(
        flows.nothing_wrong(),
        initiate="/start",
        limits=Limits(seconds=10),
        now=lambda: float(next(seconds)),
    )
    assert graph.limits == ("seconds: 10 have passed",)


@pytest.mark.parametrize("name", ["documents", "depth", "calls", "choices", "seconds"])
def test_a_limit_is_more_than_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


def test_an_application_whose_calls_end_by_chance_is_explored_all_the_same() -> None:
    numbers = iter(range(100_000))
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        if next(numbers) % 5 == 4:
            return Response().hangup()
        return Response([Gather(gather_url="/start", max_digits=1).speak_sentence("Press a key.")])

    graph = explore(app, stateful=True, limits=Limits(calls=2_000))
    assert any("something else than the call" in remark for remark in graph.remarks)


def test_the_way_to_a_finding_is_told_by_what_is_heard_on_it() -> None:
    app = VoiceApp()

    @app.on("/start/{number:int}")
    def start(event: CallEvent, delivery: Delivery) -> Response:
        number = delivery.path_params["number"]
        if number == 3:
            raise LookupError
        words = ["One.", "Two.", "One."][number]
        gather = Gather(gather_url=f"/start/{number + 1}", max_digits=1)
        return Response([gather.speak_sentence(words)])

    [finding] = explore(app, initiate="/start/0").of_rule("error")
    assert [line for line in finding.conversation if line.startswith("hears")] == [
        "hears “One.”",
        "hears “Two.”",
        "hears “One.”",
    ]


def test_exploring_can_begin_further_on() -> None:
    graph = explore(flows.nothing_wrong(), initiate="/start", after=("2",))
    assert [node.title for node in graph.nodes] == ["This is support."]


def test_a_way_that_is_lost_is_told_of_with_those_that_there_are() -> None:
    with pytest.raises(WayLost, match=r"nothing goes on by '99': .* is silence, .* 1, 2, 3, "):
        explore(flows.nothing_wrong(), initiate="/start", after=("99",))


def test_what_a_caller_says_is_tried() -> None:
    @script
    async def asks(line: Line) -> None:
        heard = await line.gather([SpeakSentence("Say yes or no.")], input="speech")
        line.speak_sentence(f"You said {heard.text}." if heard.text else "Goodbye.")

    graph = explore(VoiceApp({"/start": asks}), says=["maybe"])
    assert not graph.remarks
    assert {node.title for node in graph.nodes[1:]} == {
        "You said maybe.",
        "You said yes.",
        "You said no.",
        "You said something else.",
        "Goodbye.",
    }


@pytest.mark.parametrize("stateful", [None, True])
def test_a_script_that_waits_for_a_message_gets_none(*, stateful: bool | None) -> None:
    @script
    async def waits(line: Line) -> None:
        line.speak_sentence("Please hold.")
        message = await line.message(str, seconds=3600)
        line.speak_sentence("Nobody is free." if message is None else message)

    graph = explore(VoiceApp({"/start": waits}), stateful=stateful)
    assert [node.title for node in graph.nodes] == ["Please hold.", "Nobody is free."]
    assert not graph.findings
    assert not graph.remarks


def test_a_script_that_waits_for_a_message_for_ever_is_no_dead_end() -> None:
    @script
    async def waits(line: Line) -> None:
        line.speak_sentence("Please hold.")
        line.speak_sentence(await line.message(str))

    assert not explore(VoiceApp({"/start": waits})).findings


def states_of(function: Function) -> list[str]:
    graph = explore(VoiceApp({"/start": script(function)}))
    assert not graph.remarks
    assert not graph.limits
    return [node.title for node in graph.nodes]


async def pressed(line: Line, words: str) -> str:
    gather = await line.gather([SpeakSentence(words)], max_digits=1, first_digit_timeout=1)
    return gather.digits or ""


def test_what_a_script_remembers_makes_places_of_one_document_differ() -> None:
    async def collects(line: Line) -> None:
        seen: set[str] = set()
        while len(seen) < 2:
            key = await pressed(line, "Press 1 and 2.")
            if key in ("1", "2"):
                seen.add(key)
        line.speak_sentence("Thank you.")

    # Nothing, 1, or 2 was pressed so far.
    assert states_of(collects) == [*["Press 1 and 2."] * 3, "Thank you."]


def test_what_a_script_overwrites_makes_no_difference() -> None:
    async def asks(line: Line) -> None:
        key = ""
        while key != "1":
            key = await pressed(line, "Press 1.")
        line.speak_sentence("Thank you.")

    assert states_of(asks) == ["Press 1.", "Thank you."]


def test_an_error_that_a_script_has_met_is_not_told_apart_by_its_words() -> None:
    async def tries(line: Line) -> None:
        try:
            await line.menu("For sales, press 1.", keys="1", tries=1)
        except GaveUp:
            await line.transfer("+19195550100")
        line.speak_sentence("Goodbye.")

    assert states_of(tries) == ["For sales, press 1.", "Transfer +19195550100", "Goodbye."]


def test_what_a_script_holds_is_compared_by_its_value() -> None:
    @dataclass
    class Order:
        items: list[str] = field(default_factory=list)

    async def orders(line: Line) -> None:
        order, last = Order(), deque[bool](maxlen=1)
        found = re.match("a", "a")
        for number in count():
            key = await pressed(line, "Press a key.")
            last.append(key == "1")
            order.items += ["tea"] if key == "1" else []
            if number == 1:
                break
        line.speak_sentence(f"Items {order.items} {last[0]} {found and found[0]}")

    assert states_of(orders) == [
        *["Press a key."] * 3,
        "Items [] False a",
        "Items ['tea'] True a",
        "Items ['tea'] False a",
        "Items ['tea', 'tea'] True a",
    ]


def test_the_steps_of_a_generator_are_told_apart() -> None:
    async def walks(line: Line) -> None:
        def numbers() -> Iterator[int]:
            yield from range(3)

        for number in numbers():
            if await pressed(line, "Press 1.") == "1":
                line.speak_sentence(f"At {number}.")
                return
        line.speak_sentence("Goodbye.")

    assert states_of(walks) == [
        "Press 1.",
        "Press 1.",
        "At 0.",
        "Press 1.",
        "At 1.",
        "Goodbye.",
        "At 2.",
    ]


def test_chance_is_the_same_in_all_calls() -> None:
    async def guesses(line: Line) -> None:
        number = line.random.randint(0, 9)
        right = await pressed(line, "Guess.") == str(number)
        line.speak_sentence("Right." if right else "Wrong.")

    assert sorted(states_of(guesses)) == ["Guess.", "Right.", "Wrong."]


def test_what_cannot_be_compared_is_told_of_and_nothing_is_missed() -> None:
    @script
    async def asks(line: Line) -> None:
        connection = object()
        for _ in range(2):
            await pressed(line, "Press a key.")
        line.speak_sentence(f"Goodbye, {type(connection).__name__}.")

    graph = explore(VoiceApp({"/start": asks}))
    [remark] = graph.remarks
    assert "cannot be compared (builtins.object)" in remark
    assert graph.nodes[-1].title == "Goodbye, object."


def test_the_journal_of_scripts_is_left_as_it_was() -> None:
    @script
    async def asks(line: Line) -> None:
        await pressed(line, "Press a key.")

    journal = MemoryJournal()
    app = VoiceApp(Scripts({"/start": asks}, journal=journal))
    with Simulator() as simulator:
        call = Phone(simulator, app).dials("+15550100002").hears("Press a key")
        before = journal.entries(call.call_id)
        assert before
        assert len(explore(app).nodes) == 2
        assert journal.entries(call.call_id) == before
        call.presses("1").ended(cause="hangup")


def test_a_key_that_ends_a_number_is_no_key_of_a_menu() -> None:
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        if isinstance(event, GatherEvent) and event.digits:
            return Response().speak_sentence("Thank you.")
        gather = Gather(gather_url="/start", gather_fallback_url="/start", terminating_digits="#")
        return Response([gather.speak_sentence("Enter your number, then press pound.")])

    graph = explore(app)
    assert graph.node(1).promises == ()
    assert not graph.findings


def test_several_threads_explore_one_after_the_other() -> None:
    @script
    async def asks(line: Line) -> None:
        await line.menu("Press 1.", keys="1", tries=3, too_often="Goodbye.")
        line.speak_sentence("Thank you.")

    app = VoiceApp({"/start": asks})
    logger = logging.getLogger("calls")
    before = list(logger.handlers), logger.propagate
    with ThreadPoolExecutor(4) as pool:
        graphs = list(pool.map(lambda _: explore(app), range(4)))
    assert len({graph.edges for graph in graphs}) == 1
    assert (logger.handlers, logger.propagate) == before


@pytest.mark.anyio
async def test_exploring_works_where_a_loop_runs_already() -> None:
    assert len(explore(flows.nothing_wrong(), initiate="/start").nodes) == 4


def test_an_outbound_call_begins_with_answer() -> None:
    app = VoiceApp()

    @app.on("/answer")
    def answered(event: CallEvent) -> Response:
        return Response().speak_sentence(f"This is {event.event_type} of {event.direction}.")

    graph = explore(app, outbound=True)
    assert [node.title for node in graph.nodes] == ["This is answer of outbound."]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())
def test_no_password_is_in_any_form_of_a_graph(write: Callable[[Graph], str]) -> None:
    app = VoiceApp(credentials={"platform": "correct-horse"})

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        gather = Gather(gather_url="https://ana:battery@app.simulated/start", **app.auth)
        return Response([gather.play_audio("https://ana:staple@example.com/hello.wav")])

    if write in (svg_of, html_of):
        pytest.importorskip("pygraphviz", reason="pictures need Graphviz")
    graph = explore(app)
    assert len(graph.nodes) == 1, "the application lets in whoever brings its own credentials"
    shown = write(graph)
    assert not [each for each in ("correct-horse", "battery", "staple") if each in shown]


def test_the_page_on_exploring_lists_every_rule_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "explore.md").read_text("utf-8")
    table = page.partition("| rule | level |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [f"| `{rule.id}` | {rule.level} | {rule.summary} |" for rule in RULES.values()]
