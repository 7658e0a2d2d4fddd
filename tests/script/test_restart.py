"""Servers are killed in the middle of calls, and the callers notice nothing."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fleet import Fleet
from ten_steps import SALES, Effects, scripts_of

from calls.script import MemoryJournal
from calls.simulator import Application, Caller, Simulator, Target, Targets
from calls.webhooks import VoiceApp

URL = "https://app.simulated/answer"
APPLICATION = Application(Targets(Target(URL), Target(URL)), Target(URL))

CALLER = (
    Caller()
    .hears("For orders, press 1")
    .presses("1")
    .hears("For English")
    .presses("1")
    .hears("order number")
    .presses("204")  # is_order says no
    .hears("order number")
    .presses("123")
    .hears("parcels")
    .says("one two three")
    .hears("The transfer ended with busy")
    .hears("Your number is")
    .presses("5")
    .hears("Rate us")
    .presses("9")  # no key that counts
    .hears("No.")
    .presses("3")
    .hears("You gave 3")
    .waits(5)
    .hangs_up()
)
WEBHOOKS = [
    "initiate",
    "gather",  # 1
    "gather",  # 1, in a script of its own
    "gather",  # 204
    "gather",  # 123
    "recordComplete",
    "transferComplete",
    "redirect",  # all was heard
    "gather",  # 5
    "gather",  # 9
    "gather",  # 3
    "redirect",
    "disconnect",
]


def call(post: Any, seed: int = 0) -> tuple[list[str], str | None, str]:
    """What a caller hears in a call, how it ends, and its id."""
    with Simulator(post=post, seed=seed) as simulator:
        simulator.phone(SALES, Caller().is_busy())
        call_id = simulator.dial(
            from_="+15550199001", to="+15550100", caller=CALLER, application=APPLICATION
        )
        simulator.run()
        with simulator.held() as engine:
            return simulator.heard(call_id), engine.calls[call_id].cause, call_id


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """What the caller hears of one process that stays, and what the script does meanwhile."""
    effects = Effects(str(tmp_path_factory.mktemp("straight") / "effects"))
    app = VoiceApp(scripts_of(MemoryJournal(), effects))
    with Simulator(app) as simulator:
        simulator.phone(SALES, Caller().is_busy())
        call_id = simulator.dial(from_="+15550199001", to="+15550100", caller=CALLER)
        simulator.run()
        heard = simulator.heard(call_id)
    assert heard[-1] == "Goodbye. You gave 3."
    return heard, effects_of(effects.path, call_id)


def effects_of(path: Path, call_id: str) -> list[str]:
    return [line.replace(call_id, "ID") for line in path.read_text().splitlines()]


@pytest.fixture(params=["sqlite", "redis"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        return url
    return str(tmp_path / "journal.sqlite3")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_is_killed_at_every_webhook_and_the_caller_notices_nothing(
    journal: str, when: str, tmp_path: Path, expected: tuple[list[str], list[str]]
) -> None:
    effects = tmp_path / "effects"
    with Fleet(1, journal, effects) as fleet:
        fleet.new_call()
        heard, cause, call_id = call(fleet.post)
        assert (heard, cause) == (expected[0], "hangup")
        assert fleet.webhooks == WEBHOOKS
        for index in range(1, len(WEBHOOKS) + 1):
            effects.write_text("")
            fleet.new_call({index: when})
            heard, cause, call_id = call(fleet.post, seed=index + (100 if when == "after" else 0))
            assert (heard, cause) == (expected[0], "hangup"), WEBHOOKS[index - 1]
            assert fleet.starts == index, "it was not killed"
            # What was run was recorded, so nothing was done twice.
            assert effects_of(effects, call_id) == expected[1], WEBHOOKS[index - 1]


def test_three_workers_share_the_webhooks_at_random_and_one_dies_at_each(
    journal: str, tmp_path: Path, expected: tuple[list[str], list[str]]
) -> None:
    effects = tmp_path / "effects"
    with Fleet(3, journal, effects, seed=5) as fleet:
        for round_ in range(4):
            effects.write_text("")
            fleet.new_call({round_ * 3 + 1: "before", round_ * 3 + 3: "after"})
            heard, cause, call_id = call(fleet.post, seed=200 + round_)
            assert (heard, cause) == (expected[0], "hangup")
            assert effects_of(effects, call_id) == expected[1]
        assert fleet.starts == 8


def test_what_was_running_when_the_server_died_is_run_again_or_not_at_all(
    journal: str, tmp_path: Path, expected: tuple[list[str], list[str]]
) -> None:
    effects = tmp_path / "effects"
    effects.touch()
    with Fleet(1, journal, effects) as fleet:
        # Inside of is_order, at the fourth webhook: line.run.
        fleet.new_call({4: "inside"})
        heard, cause, call_id = call(fleet.post, seed=300)
        assert (heard, cause) == (expected[0], "hangup")
        twice = Counter(effects_of(effects, call_id)) - Counter(expected[1])
        assert twice == {"is_order 204": 1}
        # Inside of charge, at the ninth: line.run_once, which nobody repeats; the script does not
        # catch RunInterrupted, so it fails there.
        effects.write_text("")
        fleet.new_call({9: "inside"})
        heard, cause, call_id = call(fleet.post, seed=301)
        assert cause == "callback-error"
        assert effects_of(effects, call_id).count("charge ID") == 1
        assert effects_of(effects, call_id)[-1] == "tidy ID", "and finally is run"
