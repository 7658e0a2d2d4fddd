"""What a test run has covered of a call flow: figures by hand, and the options of pytest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import flows
import pytest

from bxml import PhoneNumber, Record, Response, Transfer
from calls.events import CallEvent
from calls.explore import Graph, Report, Watcher, coverage_text, explore, html_of
from calls.explore.coverage import Part
from calls.script import Line, script
from calls.simulator import Phone, Simulator
from calls.webhooks import VoiceApp

pytest_plugins = ["pytester"]

Suite = Callable[[Phone], None]

OTHERS = "any of 3 4 5 6 7 8 9 0 * #"


@contextmanager
def watched() -> Iterator[Watcher]:
    watcher = Watcher()
    Simulator.observers.append(watcher)
    try:
        yield watcher
    finally:
        Simulator.observers.remove(watcher)


def measured(app: VoiceApp, graph: Graph, *suite: Suite) -> Report:
    with watched() as watcher:
        for number, test in enumerate(suite):
            with Simulator(seed=number) as simulator:
                test(Phone(simulator, app))
    return watcher.against(graph).report


def done(report: Report) -> dict[Part, list[str]]:
    """What was covered, part by part."""
    found: dict[Part, list[str]] = {}
    for item in report.items:
        if item.is_covered:
            found.setdefault(item.part, []).append(item.label)
    return found


def sales(phone: Phone) -> None:
    call = phone.dials("+15550100002", initiate="/start").hears("press 1").presses("1")
    call.hears("This is sales").ended()


def silent(phone: Phone) -> None:
    phone.dials("+15550100002", initiate="/start").hears("Goodbye").ended()


def nine(phone: Phone) -> None:
    phone.dials("+15550100002", initiate="/start").hears("press 1").presses("9").hears("Goodbye")


def leaves(phone: Phone) -> None:
    phone.dials("+15550100002", initiate="/start").hears("press 1").hangs_up()


def test_no_test_covers_nothing() -> None:
    app = flows.nothing_wrong()
    report = measured(app, explore(app, initiate="/start"))
    assert done(report) == {}
    assert (report.percent, report.calls) == (0.0, 0)


def test_each_test_covers_what_its_caller_did() -> None:
    app = flows.nothing_wrong()
    graph = explore(app, initiate="/start")
    report = measured(app, graph, sales, leaves)
    assert done(report) == {"menus": [flows.OFFERS], "keys": ["1"], "hang-ups": ["hangs up"]}
    # One menu, the keys 1 and 2, any other key, and silence.
    assert report.percent == pytest.approx(100 * 2 / 5)
    assert report.of("keys") == (1, 3)
    assert report.of("timeouts") == (0, 1)
    assert report.calls == 2
    assert report.strange == report.unclear == 0


def test_keys_that_nobody_offers_are_one_thing_to_be_tested() -> None:
    app = flows.nothing_wrong()
    report = measured(app, explore(app, initiate="/start"), silent, nine)
    assert done(report) == {"menus": [flows.OFFERS], "keys": [OTHERS], "timeouts": ["silence"]}


def test_a_suite_that_does_everything_covers_everything() -> None:
    app = flows.nothing_wrong()

    def support(phone: Phone) -> None:
        phone.dials("+15550100002", initiate="/start").hears("press 1").presses("2").ended()

    report = measured(app, explore(app, initiate="/start"), sales, support, silent, nine)
    assert report.percent == 100.0


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        ("answers", "+19195550100 answers, they hang up"),
        ("is_busy", "+19195550100 is busy"),
        ("rejects", "+19195550100 is busy"),
        ("never_answers", "+19195550100 never answers"),
    ],
)
def test_the_outcome_of_a_transfer_is_covered(outcome: str, label: str) -> None:
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        transfer = Transfer([PhoneNumber("+19195550100")], transfer_complete_url="/done")
        return Response([transfer])

    @app.on("/done")
    def after(event: CallEvent) -> Response:
        return flows.bye()

    def test(phone: Phone) -> None:
        call = phone.dials("+15550100002", initiate="/start")
        other = getattr(call.is_transferred_to("+19195550100"), outcome)()
        if outcome == "answers":
            other.talks("1m").hangs_up()
        call.hears("Goodbye").ended()

    report = measured(app, explore(app, initiate="/start"), test)
    assert done(report)["outcomes"] == [label]
    assert report.of("outcomes") == (1, 3)


@pytest.mark.parametrize(
    ("outcome", "label"),
    [
        ("answers", "+19195550100 answers, they hang up"),
        ("is_busy", "+19195550100 is busy"),
        ("never_answers", "+19195550100 never answers"),
    ],
)
def test_the_outcome_of_a_transfer_of_which_nobody_is_told_is_covered(
    outcome: str, label: str
) -> None:
    start = Response([Transfer([PhoneNumber("+19195550100")])]).speak_sentence("Goodbye.")
    app = flows.app_of(start=lambda _: start)

    def test(phone: Phone) -> None:
        call = phone.dials("+15550100002", initiate="/start")
        other = getattr(call.is_transferred_to("+19195550100"), outcome)()
        if outcome == "answers":
            other.talks("1m").hangs_up()
        call.ended(within="2m")

    report = measured(app, explore(app, initiate="/start"), test)
    assert done(report)["outcomes"] == [label]


def test_the_leg_that_answers_is_told_from_the_others() -> None:
    numbers = [PhoneNumber("+19195550100"), PhoneNumber("+19195550101")]
    start = Response([Transfer(numbers, transfer_complete_url="/again")])
    app = flows.app_of(start=lambda _: start)

    def test(phone: Phone) -> None:
        call = phone.dials("+15550100002", initiate="/start")
        call.is_transferred_to("+19195550101").answers().talks("1m").hangs_up()
        call.hears("Goodbye").ended()

    report = measured(app, explore(app, initiate="/start"), test)
    assert done(report)["outcomes"] == ["+19195550101 answers, they hang up"]


@pytest.mark.parametrize("speaks", [True, False])
def test_a_message_that_is_left_is_told_from_one_that_is_not(*, speaks: bool) -> None:
    app = VoiceApp()

    @app.on("/start")
    def start(event: CallEvent) -> Response:
        record = Record(record_complete_url="/done", silence_timeout=2)
        return Response().speak_sentence("Leave a message.").then(record)

    @app.on("/done")
    def after(event: CallEvent) -> Response:
        return flows.bye()

    def test(phone: Phone) -> None:
        call = phone.dials("+15550100002", initiate="/start").hears("message")
        if speaks:
            call.waits(0.5).says("It is me.")
        call.hears("Goodbye").ended()

    report = measured(app, explore(app, initiate="/start"), test)
    wanted: dict[Part, list[str]] = (
        {"outcomes": ["leaves a message"]} if speaks else {"timeouts": ["says nothing"]}
    )
    assert done(report) == wanted


def test_the_states_of_a_script_with_the_same_document_are_told_apart() -> None:
    @script
    async def reception(line: Line) -> None:
        await line.menu(flows.OFFERS, keys="12", tries=2, too_often="Goodbye.")
        line.speak_sentence("This is sales.")

    app = VoiceApp({"/start": reception})
    graph = explore(app)

    def second_try(phone: Phone) -> None:
        call = phone.dials("+15550100002").hears("press 1").presses("9").hears("press 1")
        call.presses("1").hears("This is sales").ended()

    report = measured(app, graph, second_try)
    keys = [(each.node, each.label) for each in report.items if each.is_covered]
    assert keys == [(1, flows.OFFERS), (1, OTHERS), (2, flows.OFFERS), (2, "1")]


def test_steps_that_exploring_has_not_met_are_counted() -> None:
    app = flows.nothing_wrong()
    graph = explore(app, initiate="/start")

    def elsewhere(phone: Phone) -> None:
        other = flows.app_of(start=lambda _: Response().speak_sentence("This is another line."))
        Phone(phone.simulator, other).dials("+15550100002", initiate="/start").ended()

    report = measured(app, graph, elsewhere)
    assert (report.strange, report.calls) == (1, 0)
    assert "steps of calls that are not in the graph: 1" in coverage_text(report, graph)


def test_the_report_says_what_is_missing_at_each_menu() -> None:
    app = flows.nothing_wrong()
    graph = explore(app, initiate="/start")
    assert coverage_text(measured(app, graph, sales), graph) == (
        f"document 1: {flows.OFFERS}\n"
        f"    timeouts: silence\n"
        f"    keys: 2, {OTHERS}\n"
        "menus 1/1, keys 1/3, timeouts 0/1, failures 0/1, hang-ups 0/4\n"
        "40.0 % of the call flow, by 1 call\n"
    )


def test_the_picture_has_the_figure_of_the_report() -> None:
    pytest.importorskip("pygraphviz", reason="pictures need Graphviz")
    app = flows.nothing_wrong()
    graph = explore(app, initiate="/start")
    with watched() as watcher:
        with Simulator() as simulator:
            sales(Phone(simulator, app))
    assert '"percent":"40.0"' in html_of(graph, covered=watcher.against(graph).covered)


# pytest

TESTS = """
import flows

app = flows.nothing_wrong()

def flow():
    from calls.explore import explore
    return explore(app, initiate="/start")

def test_sales(phone):
    call = phone.dials("+15550100002", app=app, initiate="/start").hears("press 1").presses("1")
    call.hears("This is sales").ended()
"""


@pytest.fixture
def tested(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an application and a test of it."""
    from pathlib import Path  # noqa: PLC0415  # only here

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pytester.makepyfile(test_line=TESTS)
    return pytester


def test_a_run_tells_what_it_has_covered(tested: pytest.Pytester) -> None:
    result = tested.runpytest_subprocess("--call-coverage", "test_line:flow")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*coverage of the call flow*",
            "*keys: 2, any of 3*",
            "40.0 % of the call flow, by 1 call",
        ]
    )
    assert result.ret == 0


@pytest.mark.parametrize(("bound", "status"), [("40", 0), ("41", 1)])
def test_a_run_fails_under_its_threshold(tested: pytest.Pytester, bound: str, status: int) -> None:
    result = tested.runpytest_subprocess(
        "--call-coverage=test_line:flow", f"--call-coverage-fail-under={bound}"
    )
    assert result.ret == status
    assert ("FAIL: less than 41 %" in result.stdout.str()) == bool(status)


def test_a_run_without_the_option_pays_nothing_for_it(tested: pytest.Pytester) -> None:
    tested.makepyfile(
        test_plain="import sys\n\ndef test_plain():\n    assert 'calls.explore' not in sys.modules\n"
    )
    tested.runpytest_subprocess("test_plain.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("options", [["-k", "nothing"], ["--collect-only"], ["no_such_file.py"]])
def test_a_run_without_tests_ends_as_it_would(tested: pytest.Pytester, options: list[str]) -> None:
    plain = tested.runpytest_subprocess(*options)
    measured = tested.runpytest_subprocess("--call-coverage=test_line:flow", *options)
    assert measured.ret == plain.ret
    assert "INTERNALERROR" not in measured.stdout.str()


def test_a_run_that_fails_fails_and_is_measured_all_the_same(tested: pytest.Pytester) -> None:
    tested.makepyfile(test_bad="def test_bad():\n    raise AssertionError\n")
    result = tested.runpytest_subprocess("--call-coverage=test_line:flow")
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["40.0 % of the call flow, by 1 call"])


def test_the_options_can_stand_in_the_settings(tested: pytest.Pytester) -> None:
    pytest.importorskip("pygraphviz", reason="pictures need Graphviz")
    tested.makeini(
        "[pytest]\ncall_coverage_app = test_line:flow\ncall_coverage_fail_under = 90\n"
        "call_coverage_html = flow.html\n"
    )
    result = tested.runpytest_subprocess()
    assert result.ret == 1
    assert (tested.path / "flow.html").read_text().startswith("<!")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--call-coverage-fail-under=3"], "what, says --call-coverage=APP"),
        (["--call-coverage=nowhere:app"], "there is no module nowhere"),
        (["--call-coverage=broken:app"], "SyntaxError"),
    ],
)
def test_options_that_make_no_sense_are_told(
    tested: pytest.Pytester, options: list[str], said: str
) -> None:
    tested.path.joinpath("broken.py").write_text("app = (")
    result = tested.runpytest_subprocess(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str()
