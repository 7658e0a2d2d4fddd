"""Where a caller or the world can differ, and in what ways."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from msgspec import Struct

from bxml.verbs import Gather
from calls.explore.graph import Kind
from calls.simulator.verbs.assumed import assumed
from calls.simulator.verbs.audio import words_of

KEYS = "1234567890*#"
"""The keys of a telephone."""

LONGEST_ROW = 16
"""Keys that are pressed in a row to fill up a ``Gather``; one that takes more is not filled up."""

SOMETHING_ELSE = "something else"
"""What is said that nobody expects."""


class Choice(Struct, frozen=True):
    """One way to go on.

    Attributes:
        label: In words, as graphs show it; empty for the one that is no news.
        kind: What it is.
        value: What is pressed or said; which of several legs.
    """

    label: str
    kind: Kind = "goes on"
    value: str = ""


STAYS = Choice("")
HANGS_UP = Choice("hangs up", "hang-up")
WORKS = Choice("")
FAILS = Choice("the webhook fails", "failure")
SILENCE = Choice("silence", "silence")
SPEAKS = Choice("leaves a message", "outcome", "This is a message.")
SAYS_NOTHING = Choice("says nothing", "silence")
THEY_HANG_UP = Choice("they hang up", "outcome")
CALLER_LEAVES = Choice("the caller hangs up", "hang-up")
CONFERENCE_ENDS = Choice("the conference ends", "outcome")
IS_THERE = Choice("the other call is there", "outcome")
IS_GONE = Choice("the other call is gone", "outcome")

ANSWERS, IS_BUSY, NEVER_ANSWERS = "answers", "is busy", "never answers"
IS_REACHED, CANNOT_BE_REACHED = "is reached", "cannot be reached"


def label_of(choices: Iterable[Choice]) -> str:
    """Several choices in words, without what is no news."""
    return ", ".join(choice.label for choice in choices if choice.label)


def of_leg(number: str, outcome: str) -> Choice:
    """What becomes of somebody who is rung."""
    return Choice(f"{number} {outcome}", "outcome", outcome)


def of_legs(numbers: Sequence[str]) -> tuple[Choice, ...]:
    """What becomes of those who are rung at once: one of them answers, all are busy, or nobody comes."""
    if len(numbers) == 1:
        return tuple(of_leg(numbers[0], each) for each in (ANSWERS, IS_BUSY, NEVER_ANSWERS))
    return (
        *(Choice(f"{number} answers", "outcome", str(n)) for n, number in enumerate(numbers)),
        Choice("all are busy", "outcome", IS_BUSY),
        Choice("nobody answers", "outcome", NEVER_ANSWERS),
    )


Option = TypeVar("Option")


class Chooser(Generic[Option]):
    """Takes the options that it was told to, then the first ones, and remembers which there were.

    So the ways through something that asks it are all found by running that again and again, each
    time told to take the ``next_way``.

    Args:
        told: Which of the options to take, one after the other.
    """

    def __init__(self, told: Sequence[int] = ()) -> None:
        self._told = told
        self._taken: list[tuple[int, int]] = []
        self.chosen: list[Option] = []

    def choose(self, options: Sequence[Option]) -> Option:
        """One of the options."""
        at = len(self._taken)
        index = self._told[at] if at < len(self._told) else 0
        self._taken.append((index, len(options)))
        self.chosen.append(options[index])
        return options[index]

    def way(self) -> tuple[int, ...]:
        """Which options were taken."""
        return tuple(index for index, _ in self._taken)

    def next_way(self) -> tuple[int, ...] | None:
        """What to tell another one, so that it goes the next way; None after the last."""
        way = list(self._taken)
        while way:
            index, count = way.pop()
            if index + 1 < count:
                return (*(each for each, _ in way), index + 1)
        return None


# What callers do at a Gather


@lru_cache(maxsize=1024)
def options_at(
    verb: Gather, rows: tuple[str, ...] = (), says: tuple[str, ...] = ()
) -> tuple[Choice, ...]:
    """What a caller may do when the prompts of a ``Gather`` were heard: the first is silence."""
    found = {SILENCE: None}
    kind = assumed(verb, "input")
    if kind != "speech":
        most = int(assumed(verb, "max_digits"))
        single = [*KEYS, *assumed(verb, "terminating_digits").upper()]
        row = (KEYS * 2)[:most] if most <= LONGEST_ROW else ""
        for keys in (*single, row, *(row[:most] for row in rows)):
            if keys:
                found.setdefault(Choice(keys, "key", keys))
    if kind != "dtmf":
        for words in (*says, *words_offered(prompt_of(verb)), SOMETHING_ELSE):
            found.setdefault(Choice(f"“{words}”", "speech", words))
    return tuple(found)


def prompt_of(verb: Gather) -> str:
    """All that a ``Gather`` says."""
    return " ".join(words_of(each) for each in verb)


# What prompts offer

_NAMES = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "star": "*",
    "asterisk": "*",
    "pound": "#",
    "hash": "#",
}
_KEY = rf"(?:the\s+)?(?:key\s+)?(?:[0-9*#](?![0-9*#])|(?:{'|'.join(_NAMES)})\b)(?:\s+key\b)?"
_PRESS = re.compile(
    rf"\b(?:press|dial|push|hit)(?:ing)?\s+({_KEY}(?:\s*(?:,|\bor\b|\band\b|\bto\b|\bthrough\b|[-\u2013])"
    rf"(?:\s*\b(?:or|and)\b)?\s*{_KEY})*)",
    re.IGNORECASE,
)
_KEYING = frozenset({"press", "dial", "push", "hit"})
_ONE = re.compile(rf"[0-9*#]|{'|'.join(_NAMES)}", re.IGNORECASE)
_RANGE = re.compile(r"\bto\b|\bthrough\b|[-\u2013]", re.IGNORECASE)
_SAY = re.compile(
    r"""\bsay(?:ing)?\s+["“'\u2018]?([a-z]+(?:,?\s+(?:or\s+)?["“'\u2018]?[a-z]+)*)""", re.IGNORECASE
)
_CLAUSE = re.compile(r"[^.;!?]*[.;!?]?")
_AGAIN = re.compile(
    r"\b(?:again|repeat|back|previous|return|start over|once more|main menu|hear (?:this|these))\b",
    re.IGNORECASE,
)


_LEAVE = re.compile(
    r"\b(?:exit|quit|hang up|end (?:this|the) call|finish|goodbye|leave(?!\s+(?:a|an|us|your)\b))\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def keys_offered(words: str) -> tuple[str, ...]:
    """The keys that a prompt offers, in English: "press 1", "press 2 or 3", "press one to four"."""
    return tuple(dict.fromkeys(key for key, _ in _offers(words)))


@lru_cache(maxsize=4096)
def keys_of_return(words: str) -> frozenset[str]:
    """Those of them that are said to lead back, or to the same once more."""
    return frozenset(key for key, clause in _offers(words) if _AGAIN.search(clause))


@lru_cache(maxsize=4096)
def keys_of_leaving(words: str) -> frozenset[str]:
    """Those of them that are said to end the call."""
    return frozenset(key for key, clause in _offers(words) if _LEAVE.search(clause))


def _offers(words: str) -> Iterator[tuple[str, str]]:
    """Each key, with the clause that offers it: up to the next one that is offered."""
    for clause in map(str.strip, _CLAUSE.findall(words)):
        found = list(_PRESS.finditer(clause))
        # "Press 1 for sales, press 2 …", or "for sales press 1, for support press 2".
        comes_first = bool(found) and found[0].start() == 0
        begins = 0
        for number, each in enumerate(found):
            ends = found[number + 1].start() if number + 1 < len(found) else len(clause)
            part = clause[each.start() : ends] if comes_first else clause[begins : each.end()]
            begins = each.end()
            for key in _keys_in(each[1]):
                yield key, part


def _keys_in(words: str) -> Iterator[str]:
    found: list[str] = [_NAMES.get(each.lower()) or each for each in _ONE.findall(words)]
    if len(found) == 2 and _RANGE.search(words) and "".join(found).isdigit():
        first, last = sorted(map(int, found))
        yield from map(str, range(first, last + 1))
    else:
        yield from found


def words_offered(words: str) -> tuple[str, ...]:
    """The words that a prompt asks for: "say sales or support"."""
    found: dict[str, None] = {}
    for each in _SAY.findall(words):
        for word in re.split(r",|\s+or\s+", each):
            first = word.strip(" \"“'\u2018").split()
            if first and first[0].lower() not in _KEYING:
                found.setdefault(first[0].lower())
    return tuple(found)
