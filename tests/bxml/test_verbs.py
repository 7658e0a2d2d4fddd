"""Verbs that cannot be built wrong, and what the errors say."""

import copy
import enum
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

import bxml.strategies
from bxml import (
    VERBS,
    Gather,
    Hangup,
    InvalidVerb,
    Pause,
    PhoneNumber,
    PlayAudio,
    Redirect,
    Response,
    SipUri,
    SpeakSentence,
    Transfer,
    ssml,
)
from bxml._compose import Verb
from bxml._declare import describe
from calls import Basic, OAuth2

Build = Callable[[], object]
ANYTHING: Any = Hangup


def refused(build: Build) -> list[str]:
    """The problems that a constructor raises, as it words them."""
    with pytest.raises(InvalidVerb) as caught:
        build()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: Gather(max_digits=99),
            "Gather: max_digits must be a whole number from 1 to 50 (got 99)",
        ),
        (
            lambda: Gather(max_digits=0),
            "Gather: max_digits must be a whole number from 1 to 50 (got 0)",
        ),
        (
            lambda: Gather(max_digits=True),
            "Gather: max_digits must be a whole number from 1 to 50 (got True)",
        ),
        (
            lambda: Gather(max_digits=1.0),  # type: ignore[arg-type]
            "Gather: max_digits must be a whole number from 1 to 50 (got 1.0)",
        ),
        (
            lambda: Gather(first_digit_timeout=float("nan")),
            "Gather: first_digit_timeout must be a number from 0 to 60 (got nan)",
        ),
        (
            lambda: Pause(duration=float("inf")),
            "Pause: duration must be a number from 0.1 to 86400 (got inf)",
        ),
        (
            lambda: Pause(duration=Decimal(1)),  # type: ignore[arg-type]
            "Pause: duration must be a number from 0.1 to 86400 (got Decimal('1'))",
        ),
        (
            lambda: Gather(gather_method="PUT"),  # type: ignore[arg-type]
            "Gather: gather_method must be GET or POST (got 'PUT')",
        ),
        (
            lambda: Gather(tag="x" * 257),
            "Gather: tag must be at most 256 characters (got 257)",
        ),
        (
            lambda: Gather(terminating_digits="#x"),
            "Gather: terminating_digits must be DTMF digits: 0 to 9, *, #, A to D (got '#x')",
        ),
        (
            lambda: Transfer(privacy="yes"),  # type: ignore[arg-type]
            "Transfer: privacy must be true or false (got 'yes')",
        ),
        (
            lambda: SpeakSentence("  \n"),
            r"SpeakSentence: text must not be blank (got '  \n')",
        ),
        (
            lambda: SpeakSentence("bell\x07"),
            r"SpeakSentence: text holds U+0007 at index 4, which XML cannot carry (got 'bell\x07')",
        ),
        (
            lambda: SpeakSentence("half \ud800"),
            r"SpeakSentence: text holds U+D800 at index 5, which XML cannot carry"
            r" (got 'half \ud800')",
        ),
        (
            lambda: PhoneNumber("5551230001"),
            "PhoneNumber: text must be a phone number in E.164 form, such as +15551230001"
            " (got '5551230001')",
        ),
        (
            lambda: PhoneNumber("+15551230001\n"),
            r"PhoneNumber: text must be a phone number in E.164 form, such as +15551230001"
            r" (got '+15551230001\n')",
        ),
        (
            lambda: SipUri("bob@pbx.example.com"),
            "SipUri: text must be a SIP URI, such as sip:user@host.example.com"
            " (got 'bob@pbx.example.com')",
        ),
        (
            lambda: Redirect("javascript:alert(1)"),
            "Redirect: redirect_url must be an http or https URL, or one relative to it"
            " (got 'javascript:alert(1)')",
        ),
        (
            lambda: PlayAudio("/a b.wav"),
            "PlayAudio: text must be an http or https URL, or one relative to it (got '/a b.wav')",
        ),
        (
            lambda: Transfer(transfer_caller_display_name="a\nb"),
            r"Transfer: transfer_caller_display_name must hold no control character"
            r" (got U+000A in 'a\nb')",
        ),
        (
            lambda: Transfer(privacy=True, transfer_caller_display_name="Joe"),
            "Transfer: transfer_caller_display_name must be Restricted, Anonymous, Private or"
            " Unavailable with privacy (got 'Joe')",
        ),
        (
            lambda: PhoneNumber("+15551230001", uui="abc"),
            "PhoneNumber: uui must be User-To-User values, each ending in ;encoding=base64,"
            " ;encoding=jwt or ;encoding=hex (got 'abc')",
        ),
        (
            Redirect,
            "Redirect: redirect_url is required: an http or https URL, or one relative to it",
        ),
        (
            lambda: Gather(gatherUrl="/x"),  # type: ignore[call-arg]
            "Gather: gatherUrl is not an attribute; did you mean gather_url?",
        ),
        (
            lambda: ANYTHING(cause="busy"),
            "Hangup: cause is not an attribute; it has none",
        ),
        (
            lambda: SpeakSentence("Hi", "julie"),  # type: ignore[call-arg]
            "SpeakSentence: takes 1 positional argument (got 2); put text and tags into one list;"
            " give everything optional by keyword, such as voice=…",
        ),
        (
            lambda: ANYTHING(1),
            "Hangup: takes 0 positional arguments (got 1)",
        ),
        (
            lambda: Pause(2),  # type: ignore[call-arg]
            "Pause: takes 0 positional arguments (got 1);"
            " give everything optional by keyword, such as duration=…",
        ),
        (
            lambda: Transfer("+15551230001"),  # type: ignore[arg-type]
            "Transfer: takes verbs, not text (got '+15551230001'); PhoneNumber holds text",
        ),
        (
            lambda: Response(Hangup()),  # type: ignore[arg-type]
            "Response: takes an iterable of verbs (got Hangup()); write [Hangup(…)]",
        ),
        (
            lambda: Gather([Hangup()]),  # type: ignore[list-item]
            "Gather[0]: a Gather may hold SpeakSentence or PlayAudio (got Hangup)",
        ),
        (
            lambda: Gather(["Press 1."]),  # type: ignore[list-item]
            "Gather[0]: a Gather may hold SpeakSentence or PlayAudio (got 'Press 1.')",
        ),
        (
            lambda: Gather("Press 1."),  # type: ignore[arg-type]
            "Gather: takes verbs, not text (got 'Press 1.'); SpeakSentence holds text",
        ),
        (
            lambda: Gather([SpeakSentence("1")] * 21),
            "Gather: may hold at most 20 SpeakSentence or PlayAudio (got 21)",
        ),
        (
            lambda: Gather([SpeakSentence("1")] * 5, repeat_count=5),
            "Gather: repeat_count times the number of nested verbs must be at most 20 (got 5 x 5)",
        ),
        (
            lambda: Transfer([PhoneNumber("+15551230001")] * 9),
            "Transfer: may hold at most 8 PhoneNumber or SipUri (got 9)",
        ),
        (
            lambda: Response([Transfer()]),
            "Response[0] > Transfer: must hold at least 1 PhoneNumber or SipUri (got 0)",
        ),
        (
            lambda: Response().pause().gather(max_digits=0),
            "Response[1] > Gather: max_digits must be a whole number from 1 to 50 (got 0)",
        ),
    ],
)
def test_what_the_platform_would_refuse_cannot_be_built(build: Build, words: str) -> None:
    """The error says where, which rule, what was wanted and what came."""
    assert words in refused(build)


def test_all_problems_of_a_verb_are_told_at_once() -> None:
    problems = refused(lambda: Gather(max_digits=0, tag="x" * 300, gather_url=""))
    assert [problem.split()[1] for problem in problems] == ["gather_url", "tag", "max_digits"]


def test_a_problem_is_data_too() -> None:
    with pytest.raises(InvalidVerb) as caught:
        Response().gather(max_digits=51)
    [problem] = caught.value.problems
    assert (problem.rule, problem.level) == ("attribute-range", "error")
    assert (problem.path, problem.attribute) == ("Response[0] > Gather", "max_digits")
    assert (problem.line, problem.column) == (None, None)


def test_a_password_is_in_no_repr_and_in_no_error() -> None:
    secret = "correct horse battery staple"
    verb = Gather(gather_url="/menu", username="acme", password=secret)
    assert repr(verb) == "Gather(gather_url='/menu', username='acme', password='…')"
    assert secret not in repr(Response([verb]))
    told = refused(lambda: Gather(password=f"{secret}\x00"))
    assert told == [
        f"Gather: password holds U+0000 at index {len(secret)}, which XML cannot carry"
        " (got a secret, not shown)"
    ]


def test_a_password_in_a_url_is_shown_to_nobody() -> None:
    verb = Redirect("https://u:hunter2@app.example.com/next")
    assert repr(verb) == "Redirect('https://…@app.example.com/next')"
    assert refused(lambda: Redirect("http://u:hunter2@h:x/")) == [
        "Redirect: redirect_url must be a URL that comes apart: Port could not be cast to integer"
        " value as 'x' (got 'http://…@h:x/')"
    ]
    pushed = bxml.check(Response([PlayAudio("//u:hunter2@h/x")]), where="push")
    assert "hunter2" not in str(pushed)


class Digits(enum.IntEnum):
    ONE = 1


def test_numbers_of_any_class_are_taken_as_plain_ones() -> None:
    verb = Gather(max_digits=Digits.ONE, inter_digit_timeout=type("F", (float,), {})(2.5))
    assert type(verb.max_digits) is int
    assert type(verb.inter_digit_timeout) is float
    assert verb == Gather(max_digits=1, inter_digit_timeout=2.5)


def test_rich_shows_the_masked_repr_too() -> None:
    secret = "hunter2"
    for value in (PlayAudio("/a", password=secret), OAuth2("id", secret), Basic("u", secret)):
        assert secret not in pretty_repr(value)
        assert secret not in pretty_repr([value])


@pytest.mark.parametrize(
    "build",
    [
        lambda: Pause(duration=10**5000),
        lambda: Gather(speech_timeout=10**5000),
        lambda: Gather(speech_timeout=10**16),
        lambda: Redirect("//[x"),
        lambda: Redirect("http://[bad/"),
        lambda: Redirect("http://host:99999/"),
    ],
)
def test_values_that_cannot_even_be_shown_or_split_are_refused(build: Build) -> None:
    assert refused(build)


@pytest.mark.parametrize("value", [0.1, 86400, 1, 2.5])
def test_the_bounds_of_a_range_belong_to_it(value: float) -> None:
    assert Pause(duration=value).duration == value


def test_text_of_any_str_class_is_taken_as_plain_text() -> None:
    class Shouting(str):
        __slots__ = ()

        def replace(self, *_: Any) -> "Shouting":
            return Shouting("<Hangup/>")

        def __str__(self) -> str:
            return "<Hangup/>"

    class Voice(enum.StrEnum):
        JULIE = "julie"

    verb = SpeakSentence(Shouting("a & b"), voice=Voice.JULIE)
    assert type(verb.text) is str
    assert type(verb.voice) is str
    assert verb == SpeakSentence("a & b", voice="julie")


@given(bxml.strategies.verbs())
def test_a_verb_is_a_value(verb: Verb) -> None:
    for other in (pickle.loads(pickle.dumps(verb)), copy.copy(verb), copy.deepcopy(verb)):  # noqa: S301  # written here
        assert other == verb
        assert hash(other) == hash(verb)
        assert type(other) is type(verb)


@given(bxml.strategies.verbs())
def test_the_repr_of_a_verb_without_secrets_builds_it_again(verb: Verb) -> None:
    attributes = describe(type(verb)).attributes
    if "…" not in repr(verb) and "password" not in repr(verb):
        names: dict[str, Any] = {"ssml": ssml} | {cls.__name__: cls for cls in VERBS}
        assert eval(repr(verb), names) == verb  # noqa: S307  # it is our own
    assert all(known.name in type(verb).__struct_fields__ for known in attributes)


def test_a_verb_cannot_be_changed() -> None:
    verb = SpeakSentence("Hi")
    with pytest.raises(AttributeError):
        verb.text = "Bye"  # type: ignore[misc]
    with pytest.raises(InvalidVerb):
        msgspec.structs.replace(Gather(), max_digits=77)


def test_an_element_has_no_subclasses() -> None:
    """It would be written under a name that the platform does not know."""
    with pytest.raises(TypeError, match="Response is an element of the language"):
        type("Mine", (Response,), {})


@pytest.mark.parametrize(
    "build",
    [
        lambda: bxml.Document([Hangup()]),
        Verb,
        ssml.Tag,
        type("Hangup", (ssml.Tag,), {}),
        lambda: type("Mine", (ssml.emphasis,), {})("x"),
    ],
)
def test_only_elements_of_the_language_can_be_built(build: Build) -> None:
    """What is drawn as markup bears the name of its class."""
    for _ in range(2):
        with pytest.raises(TypeError, match="is no"):
            build()


def test_verbs_of_different_classes_differ() -> None:
    one: list[Verb] = [PlayAudio("/a"), Response()]
    other: list[Verb] = [SpeakSentence("/a"), bxml.Bxml()]
    assert one[0] != other[0]
    assert one[1] != other[1]


HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text().map(lambda text: text + "\x00"),
    st.binary(),
    st.sampled_from(["GET", "+15551230001", "/menu", "https://x.example", "1", " ", "", "é" * 400]),
)


@given(st.data())
def test_the_quick_check_passes_nothing_that_the_full_one_refuses(data: st.DataObject) -> None:
    """A shortcut may say no to sound values; it never says yes to others."""
    verb = data.draw(st.sampled_from(VERBS))
    for known in describe(verb).attributes:
        value = data.draw(HOSTILE)
        scope: dict[str, Any] = {"v": value}
        if eval(known.kind.shortcut(scope, known.name), scope):  # noqa: S307  # it is our own
            assert known.kind.fault(value) is None, (known, value)


@given(st.data())
def test_a_constructor_builds_a_sound_verb_or_raises_invalid_verb(data: st.DataObject) -> None:
    verb = data.draw(st.sampled_from(VERBS))
    names = [known.name for known in describe(verb).attributes]
    given_ = {name: data.draw(HOSTILE, label=name) for name in names}
    try:
        built = verb(**given_)
    except InvalidVerb as error:
        assert error.problems
        assert "\x00" not in str(error)
        return
    for known in describe(verb).attributes:
        value = getattr(built, known.name)
        assert value is None or known.kind.fault(value) is None
