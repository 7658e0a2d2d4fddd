"""What the strategies reach, what they shrink to, and how they are told."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from lxml import etree

from bxml import (
    VERBS,
    Document,
    Gather,
    InvalidVerb,
    PhoneNumber,
    Redirect,
    Response,
    SpeakSentence,
    StartTranscription,
    Transfer,
    ssml,
)
from bxml._compose import Container
from bxml._declare import Attribute, Checked, describe
from bxml._kinds import UNBOUNDED, Boolean, Choice, Listing, Number, Text
from bxml._speech import DEEPEST, TAGS, Spoken
from bxml.strategies import documents, from_verb, hostile_text, ssml_text, tags, verbs
from bxml.types import PRIVATE_NAMES

T = TypeVar("T")
Goals = dict[str, Callable[[Any], bool]]

each_class = pytest.mark.parametrize(
    "cls", [*VERBS, *TAGS], ids=[cls.element_name() for cls in (*VERBS, *TAGS)]
)


class _Reached(Exception):
    """Nothing is left to wait for."""


def unreached(strategy: SearchStrategy[Any], goals: Goals, examples: int = 5000) -> list[str]:
    """Which goals none of so many examples met. It stops when all are met, long before that.

    Hypothesis draws in clumps, and other ones on every version: so there must be room.
    """

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
    )
    @given(strategy)
    def meet(value: Any) -> None:
        for name in [name for name, met in goals.items() if met(value)]:
            del goals[name]
        if not goals:
            raise _Reached

    try:
        meet()
    except _Reached:
        return []
    return sorted(goals)


def smallest(strategy: SearchStrategy[T], condition: Callable[[T], bool] = lambda _: True) -> T:
    how = settings(max_examples=5000, database=None, phases=[Phase.generate, Phase.shrink])
    return find(strategy, condition, settings=how, random=Random(0))  # noqa: S311


def elements(value: Any) -> Iterator[Checked]:
    """A verb or tag and all that it holds."""
    yield value
    within = getattr(value, "text", ())
    for inner in (*getattr(value, "children", ()), *(within if isinstance(within, tuple) else ())):
        if isinstance(inner, Checked):
            yield from elements(inner)


def is_written(value: Any, known: Attribute) -> bool:
    # The text between tags is always a text; without any it is empty.
    nothing = "" if known.name == "text" else None
    return bool(getattr(value, known.name) != nothing)


def wanted_values(known: Attribute) -> list[object]:
    match known.kind:
        case Boolean():
            return [True, False]
        case Choice(values=words):
            return list(words)
        case Number(least=least, most=most):
            return [
                -UNBOUNDED if least is None else least,
                UNBOUNDED if most is None else most,
            ]
    return []


def wanted_lengths(known: Attribute) -> list[int]:
    match known.kind:
        case Text(max_length=int(most)):
            return [most]
        case Listing():
            return [1, 2]
    return []


def goals_of(known: Attribute) -> Goals:
    """What must be among the values of one attribute."""

    def equals(wanted: object) -> Callable[[Any], bool]:
        return lambda value: bool(getattr(value, known.name) == wanted)

    def has_length(wanted: int) -> Callable[[Any], bool]:
        return lambda value: len(getattr(value, known.name) or ()) == wanted

    def has_type(wanted: type) -> Callable[[Any], bool]:
        return lambda value: type(getattr(value, known.name)) is wanted

    goals: Goals = {"written": lambda value: is_written(value, known)}
    if not known.required:
        goals["absent"] = lambda value: not is_written(value, known)
    goals |= {f"is {wanted!r}": equals(wanted) for wanted in wanted_values(known)}
    goals |= {f"has length {length}": has_length(length) for length in wanted_lengths(known)}
    if isinstance(known.kind, Spoken):
        goals |= {f"is a {each.__name__}": has_type(each) for each in (str, tuple)}
    return {f"{known.name} {name}": met for name, met in goals.items()}


@each_class
def test_every_attribute_is_written_and_absent_and_reaches_its_bounds_and_words(
    cls: type[Checked],
) -> None:
    goals: Goals = {}
    for known in describe(cls).attributes:
        goals |= goals_of(known)
    empty: dict[str, Any] = {"children": ()} if issubclass(cls, Container) else {}
    assert unreached(from_verb(cls, **empty), goals) == []


@pytest.mark.parametrize("cls", [cls for cls in VERBS if issubclass(cls, Container)])
def test_containers_hold_as_few_and_as_many_as_they_may(cls: type[Container[Any]]) -> None:
    bounds = {cls.least, cls.most} if cls.bounded else {cls.least, cls.least + 5}

    def holds(count: int) -> Callable[[Any], bool]:
        return lambda value: len(value) == count

    assert unreached(from_verb(cls), {f"{count}": holds(count) for count in bounds}, 4000) == []


def test_documents_reach_every_verb_and_every_tag() -> None:
    def holds(cls: type[Checked]) -> Callable[[Any], bool]:
        return lambda document: any(type(each) is cls for each in elements(document))

    goals = {cls.__name__: holds(cls) for cls in (*VERBS, *TAGS)}
    assert unreached(documents(), goals, 4000) == []
    one = {cls.__name__: holds(cls) for cls in VERBS if not issubclass(cls, Document)}
    assert unreached(verbs(), one) == []
    assert unreached(tags(), {cls.__name__: holds(cls) for cls in TAGS}, 4000) == []


def test_what_a_rule_between_attributes_allows_is_reached() -> None:
    def is_named(name: str) -> Callable[[Any], bool]:
        return lambda value: bool(value.transfer_caller_display_name == name)

    names = {name: is_named(name) for name in PRIVATE_NAMES}
    assert unreached(from_verb(Transfer, privacy=True, children=()), names) == []
    date: Goals = {"date": lambda value: value.interpret_as == "date"}
    assert unreached(from_verb(ssml.say_as), date) == []
    repeated: Goals = {"full": lambda value: len(value) == 10}
    assert unreached(from_verb(Gather, repeat_count=2), repeated, 4000) == []


@given(documents())
def test_every_document_is_small_enough_to_be_sent(document: Document) -> None:
    assert document.to_bxml()
    assert document.to_bxml(pretty=True)


@each_class
def test_the_smallest_object_has_what_it_must_have(cls: type[Checked]) -> None:
    value = smallest(from_verb(cls))
    for known in describe(cls).attributes:
        # A date is the one thing that needs an attribute that is not always required.
        if not known.required and getattr(value, "interpret_as", "") != "date":
            assert not is_written(value, known), known.name
    if isinstance(value, Container):
        assert len(value) == value.least


def test_documents_shrink_to_what_matters() -> None:
    def gathers(document: Document) -> bool:
        return any(isinstance(each, Gather) for each in document)

    assert smallest(documents()) == Response()
    assert smallest(documents(), gathers) == Response([Gather()])
    digits = smallest(from_verb(Gather), lambda gather: (gather.max_digits or 0) > 3)
    assert digits == Gather(max_digits=4)
    assert smallest(from_verb(Gather), lambda gather: len(gather) > 0) == Gather(
        [SpeakSentence("a")]
    )


def test_from_verb_takes_values_and_strategies() -> None:
    @settings(max_examples=50)
    @given(from_verb(Gather, max_digits=1, tag=None, gather_url=st.sampled_from(["/a", "/b"])))
    def check(gather: Gather) -> None:
        assert gather.max_digits == 1
        assert gather.tag is None
        assert gather.gather_url in {"/a", "/b"}

    check()


def test_what_does_not_go_with_a_given_value_is_left_out() -> None:
    @settings(max_examples=50)
    @given(
        from_verb(StartTranscription, preferred_languages=["en-US"]),
        from_verb(Transfer, transfer_caller_display_name="Joe"),
        from_verb(Gather, children=[SpeakSentence("Press 1.")] * 3),
        from_verb(ssml.say_as, interpret_as="date"),
        from_verb(ssml.say_as, format=None),
    )
    def check(
        transcription: StartTranscription,
        transfer: Transfer,
        gather: Gather,
        date: ssml.say_as,
        other: ssml.say_as,
    ) -> None:
        assert transcription.preferred_languages == ("en-US",)
        assert not transcription.detect_language
        assert transfer.transfer_caller_display_name == "Joe"
        assert not transfer.privacy
        assert len(gather) == 3
        assert (gather.repeat_count or 1) <= 6
        assert date.format
        assert other.interpret_as != "date"

    check()


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (from_verb(Gather, max_digits=99), "max_digits must be a whole number from 1 to 50"),
        (from_verb(PhoneNumber, uui=st.just("bad")), "uui must be User-To-User values"),
        (from_verb(Redirect, redirect_url=None), "redirect_url must be a string"),
        (
            from_verb(Transfer, privacy=True, transfer_caller_display_name="Joe"),
            "transfer_caller_display_name must be Restricted",
        ),
    ],
)
def test_a_given_value_that_is_wrong_is_told(strategy: SearchStrategy[Any], words: str) -> None:
    with pytest.raises(InvalidVerb, match=words):
        smallest(strategy)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("max_digit", "Gather has no attribute max_digit; did you mean max_digits?"),
        ("gatherUrl", "Gather has no attribute gatherUrl; did you mean gather_url?"),
        ("colour", "Gather has no attribute colour; known are children, gather_url, gather_method"),
    ],
)
def test_an_attribute_that_is_not_known_is_a_type_error(name: str, words: str) -> None:
    unknown: dict[str, Any] = {name: 1}
    with pytest.raises(TypeError) as caught:
        from_verb(Gather, **unknown)
    assert str(caught.value).startswith(words)


@given(ssml_text())
def test_ssml_text_can_always_be_spoken(text: str | tuple[ssml.Part, ...]) -> None:
    assert SpeakSentence(text).text == text


def test_ssml_text_goes_as_deep_as_tags_may() -> None:
    def depth(content: Any) -> int:
        inner = [depth(getattr(part, "text", "")) for part in content if isinstance(part, ssml.Tag)]
        return 1 + max(inner) if inner else 0

    assert unreached(ssml_text(), {"deepest": lambda text: depth(text) == DEEPEST}, 400) == []


def test_hostile_text_holds_what_xml_can_carry_and_what_it_cannot() -> None:
    def accepted(text: str) -> bool:
        try:
            Response().tag(text).speak_sentence(f"a{text}").to_bxml()
        except ValueError:
            return False
        return True

    goals: Goals = {
        "accepted": lambda text: accepted(text) and "<" in text,
        "refused": lambda text: not accepted(text) and len(text) < 50,
        "too large": lambda text: not accepted(text) and len(text) > 65_536,
        "a mark at the start": lambda text: text.startswith("\ufeff"),
        "half a character": lambda text: "\ud800" in text,
    }
    assert unreached(hostile_text(), goals, 1000) == []


@given(hostile_text(), hostile_text())
def test_hostile_text_never_becomes_an_element(spoken: str, tag: str) -> None:
    try:
        markup = bytes(Response([Gather([SpeakSentence(f"a{spoken}")], tag=tag)]))
    except ValueError:
        return
    names = [str(element.tag) for element in etree.fromstring(markup).iter()]
    assert names == ["Response", "Gather", "SpeakSentence"]


def run(program: str) -> str:
    """What a new process writes, where every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own words


def test_hypothesis_knows_the_classes_and_loads_no_strategies_for_it() -> None:
    told = run("""
import sys
import hypothesis
from hypothesis import strategies as st
print("bxml.strategies" in sys.modules, "lxml" in sys.modules)
import bxml
from bxml import ssml
quick = hypothesis.settings(phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink])
for cls in (bxml.Gather, bxml.Response, bxml.Document, ssml.emphasis, bxml.Gather | bxml.Pause):
    print(repr(hypothesis.find(st.from_type(cls), lambda _: True, settings=quick)))
""")
    assert told.splitlines() == [
        "False False",
        "Gather()",
        "Response()",
        "Response()",
        "ssml.emphasis('')",
        "Pause()",
    ]


@each_class
def test_a_strategy_of_a_type_draws_objects_of_it(cls: type[Checked]) -> None:
    assert type(smallest(st.from_type(cls))) is cls


def test_what_is_missing_without_hypothesis_is_named() -> None:
    told = run("""
import sys
sys.modules["hypothesis"] = None
try:
    import bxml.strategies
except ImportError as error:
    print(error)
""")
    assert told == "bxml.strategies needs Hypothesis: pip install 'bxml-calls[test]'\n"
