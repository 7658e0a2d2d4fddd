"""The pytest plugin: a simulated platform (``simulator``), telephones on it (``phone``), call coverage.

Installed with the package. A run that uses neither pays for the import of ``calls``, and nothing else.
"""

import inspect
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from calls.explore import Graph, Watcher
    from calls.simulator import Phone, Simulator

LONGEST_SECTION = 20_000
"""Characters of a transcript that a report shows: its last ones."""


@pytest.fixture
def simulator(request: pytest.FixtureRequest) -> Iterator["Simulator"]:
    """A simulated platform on a virtual clock, closed when the test is over.

    Its seed is the name of the test, so that calls of two tests never have the same id: an
    application that both of them use may remember calls.
    """
    from calls.simulator import Simulator  # noqa: PLC0415  # only who needs it pays for it

    with Simulator(seed=crc32(request.node.nodeid.encode())) as platform:
        yield platform


@pytest.fixture
def phone(simulator: "Simulator") -> "Phone":
    """Telephones on the simulated platform: ``phone.dials("+15550100", app=app)``."""
    from calls.simulator import Phone  # noqa: PLC0415  # only who needs it pays for it

    return Phone(simulator)


def _unheard() -> tuple[type[BaseException], ...]:
    """The error that has the transcript in it, if it was ever imported."""
    module = sys.modules.get("calls.simulator.phone")
    return () if module is None else (module.Unheard,)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what happened on the telephone, where a test with a simulator has failed."""
    report = yield
    platform = getattr(item, "funcargs", {}).get("simulator")
    shown = getattr(platform, "transcript", None)  # a fixture of the same name may be anything
    told_already = call.excinfo is not None and call.excinfo.errisinstance(_unheard())
    if call.when == "call" and report.failed and callable(shown) and not told_already:
        told = str(shown())
        if told:
            report.sections.append(("what happened on the telephone", told[-LONGEST_SECTION:]))
    return report


# Coverage of the call flow


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that measure what of a call flow the tests go through."""
    group = parser.getgroup("calls", "coverage of call flows")
    group.addoption(
        "--call-coverage",
        metavar="APP",
        help="measure what the tests cover of the call flow of APP: module:attribute (an application, a"
        " graph, or a function that returns one), or a URL",
    )
    group.addoption(
        "--call-coverage-html", metavar="FILE", help="draw it, with what was covered in colour"
    )
    group.addoption(
        "--call-coverage-fail-under",
        metavar="PERCENT",
        type=float,
        help="fail if less than this was covered",
    )
    for name, words in (
        ("html", "Where --call-coverage draws the call flow."),
        ("fail_under", "The percentage under which --call-coverage fails."),
        ("app", "The application of --call-coverage."),
    ):
        parser.addini(f"call_coverage_{name}", words, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Measure, if that is asked for."""
    app = _option(config, "app")
    if app:
        config.pluginmanager.register(_CallCoverage(config, str(app)), "call-coverage")
    elif any(config.getoption(f"--call-coverage-{each}") for each in ("html", "fail-under")):
        raise pytest.UsageError("--call-coverage-… says how; what, says --call-coverage=APP")


def _option(config: pytest.Config, name: str) -> object:
    option = "--call-coverage" if name == "app" else f"--call-coverage-{name.replace('_', '-')}"
    given = config.getoption(option)
    return config.getini(f"call_coverage_{name}") if given is None else given


class _CallCoverage:
    """Watches the calls of all tests, and explores the application when they are over."""

    def __init__(self, config: pytest.Config, app: str) -> None:
        self._config = config
        self._app = app
        self._told = ""
        self._watcher: Watcher | None = None

    def pytest_sessionstart(self) -> None:
        """Begin to watch."""
        from calls.explore import Watcher  # noqa: PLC0415  # only who needs it pays for it
        from calls.simulator import Simulator  # noqa: PLC0415  # the same

        self._watcher = Watcher()
        Simulator.observers.append(self._watcher)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Explore, and compare."""
        from calls.explore import coverage_text, html_of  # noqa: PLC0415  # see above
        from calls.simulator import Simulator  # noqa: PLC0415  # see above

        watcher = self._watcher
        if watcher is None:
            return
        Simulator.observers.remove(watcher)
        if session.config.getoption("collectonly"):
            return
        graph = self._graph()
        walk = watcher.against(graph)
        self._told = coverage_text(walk.report, graph)
        file = _option(self._config, "html")
        if file:
            Path(str(file)).write_text(html_of(graph, covered=walk.covered), encoding="utf-8")
            self._told += f"drawn in {file}\n"
        bound = _option(self._config, "fail_under")
        if bound is not None and walk.report.percent < float(str(bound)):
            self._told += f"FAIL: less than {float(str(bound)):g} % of the call flow is covered\n"
            if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _graph(self) -> "Graph":
        from calls.explore import Graph, explore, load  # noqa: PLC0415  # see above
        from calls.webhooks import VoiceApp  # noqa: PLC0415  # see above

        try:
            found = load(self._app)
            if callable(found) and not isinstance(found, VoiceApp) and _takes_nothing(found):
                found = found()
            return found if isinstance(found, Graph) else explore(found)
        except Exception as error:
            words = f"--call-coverage={self._app}: {type(error).__name__}: {error}"
            raise pytest.UsageError(words) from error

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was covered."""
        if self._told:
            terminalreporter.section("coverage of the call flow")
            terminalreporter.write(self._told)


def _takes_nothing(function: Callable[..., object]) -> bool:
    return inspect.isfunction(function) and not inspect.signature(function).parameters
