"""The pytest plugin: a simulated platform (``simulator``) and telephones on it (``phone``).

Installed with the package. A run that uses neither pays for the import of ``calls``, and nothing else.
"""

import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING
from zlib import crc32

import pytest

if TYPE_CHECKING:
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
