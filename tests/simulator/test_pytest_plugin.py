"""The fixtures come with the package, cost nothing unless they are used, and tell what happened."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

APP = """
from bxml import Response
from calls.events import InitiateEvent
from calls.webhooks import VoiceApp

app = VoiceApp()

@app.on("/in")
async def incoming(event: InitiateEvent) -> Response:
    return Response().speak_sentence("Welcome.")
"""


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    pytester.makepyfile(acme=APP, test_acme=f"from acme import app\n{test}")
    # As users run it: with the installed plugin, and every warning an error.
    # The summary is left out: it repeats messages, and how much of them depends on the terminal and on CI.
    return pytester.runpytest_subprocess("-W", "error", "-p", "no:cacheprovider", "-rN")


def test_the_fixtures_are_there_without_an_import(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_call(phone, simulator):
    assert phone.simulator is simulator
    phone.dials("+15550100", app=app).hears("Welcome.").ended(cause="hangup")
""",
    )
    result.assert_outcomes(passed=1)


def test_a_failed_test_shows_what_happened_on_the_telephone(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_call(phone):
    call = phone.dials("+15550100", app=app).ended()
    assert call.heard == []
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*what happened on the telephone*", "*hears*Welcome.*"])


def test_an_expectation_that_fails_shows_the_call_once(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_call(phone):
    phone.dials("+15550100", app=app).hears("Goodbye.")
""",
    )
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("“Welcome.”") == 1
    result.stdout.no_fnmatch_line("*what happened on the telephone*")


def test_a_fixture_of_the_same_name_is_left_alone(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
import pytest

@pytest.fixture
def simulator():
    return "mine"

def test_mine(simulator):
    assert simulator == "yours"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_run_that_uses_no_fixture_loads_no_simulator() -> None:
    """What a pytest run pays for the plugin is the import of ``calls`` itself."""
    code = """
import sys, threading, calls.pytest_plugin
unwanted = ("calls.simulator", "calls.webhooks", "calls.events", "starlette", "hypothesis", "mutagen")
found = [name for name in unwanted if name in sys.modules]
sys.exit(f"imported: {found}" if found or threading.active_count() > 1 else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # the code above
