"""What prompts offer, and what callers may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bxml import Gather
from calls.explore.choices import (
    Chooser,
    keys_of_leaving,
    keys_of_return,
    keys_offered,
    options_at,
    words_offered,
)


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("For sales, press 1. For support, press 2.", "12"),
        ("Press 1 for sales, press 2 for support.", "12"),
        ("Press 1, 2 or 3.", "123"),
        ("Press one, two, or three.", "123"),
        ("Dial 1 to 4.", "1234"),
        ("press 2 through 5", "2345"),
        ("Press 1\N{EN DASH}3.", "123"),
        ("To go on, press the pound key; for help, hit star.", "#*"),
        ("Press 911 in an emergency.", ""),
        ("Please press any key.", ""),
        ("Enter your order number.", ""),
        ("The press has 3 questions.", ""),
        ("Press 0 to reach an operator, or stay on the line.", "0"),
        ("", ""),
    ],
)
def test_the_keys_that_a_prompt_offers_are_read_from_it(words: str, keys: str) -> None:
    assert "".join(keys_offered(words)) == keys


def test_a_key_may_be_said_to_lead_back_or_out() -> None:
    words = "For sales, press 1. To hear this again, press 9. To hang up, press star."
    assert keys_of_return(words) == {"9"}
    assert keys_of_leaving(words) == {"*"}
    words = "Press 1 to go back, press 2 to leave a message, press 3 to leave."
    assert keys_of_return(words) == {"1"}
    assert keys_of_leaving(words) == {"3"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("Say sales or support.", ("sales", "support")),
        ('Say "yes" to go on.', ("yes",)),
        ("Say yes or press 1.", ("yes",)),
        ("Press 1.", ()),
    ],
)
def test_the_words_that_a_prompt_asks_for_are_read_from_it(
    words: str, wanted: tuple[str, ...]
) -> None:
    assert words_offered(words) == wanted


@given(st.text(max_size=200))
def test_any_words_can_be_read(words: str) -> None:
    assert set(keys_offered(words)) <= set("0123456789*#")
    assert keys_of_return(words) | keys_of_leaving(words) <= set(keys_offered(words))
    words_offered(words)


def test_what_callers_do_at_a_gather_is_each_key_a_full_row_and_silence() -> None:
    options = [each.label for each in options_at(Gather(gather_url="/x", max_digits=3), ("42",))]
    assert options == ["silence", *"1234567890*#", "123", "42"]


def test_a_gather_that_takes_more_than_anybody_presses_is_not_filled_up() -> None:
    assert max(len(each.label) for each in options_at(Gather(gather_url="/x"))) == len("silence")


@given(st.lists(st.integers(1, 3), max_size=5))
def test_a_chooser_goes_every_way_once(counts: list[int]) -> None:
    seen = []
    told: tuple[int, ...] | None = ()
    while told is not None:
        chooser: Chooser[int] = Chooser(told)
        seen.append(tuple(chooser.choose(range(count)) for count in counts))
        told = chooser.next_way()
    every = 1
    for count in counts:
        every *= count
    assert len(seen) == len(set(seen)) == every
