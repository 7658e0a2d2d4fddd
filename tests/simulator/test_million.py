"""Random verbs and keys through the engine. ``million.py`` does the same with a million of them."""

import million
import pytest


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_nothing_breaks_and_every_call_ends(seed: int) -> None:
    steps = 0
    for number in range(150):
        timeline, done = million.session(seed * 1_000_003 + number)
        assert timeline
        steps += done["webhook"] + done["presses"]
    assert steps > 2000


def test_the_same_seed_gives_the_same_timeline_byte_for_byte() -> None:
    for seed in range(20):
        assert million.session(seed)[0] == million.session(seed)[0]
    assert len({million.session(seed)[0] for seed in range(20)}) == 20
