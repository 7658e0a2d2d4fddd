"""Speech with tags: the builders, what they refuse, and markup of one's own."""

from typing import Any

import pytest
from hypothesis import given

import bxml
import bxml.strategies
from bxml import InvalidVerb, ParseError, Response, SpeakSentence, ssml
from bxml._speech import DEEPEST, TAGS
from bxml.render import render


def problems(markup: str) -> list[str]:
    with pytest.raises(ParseError) as caught:
        ssml.parse(markup)
    return [str(problem) for problem in caught.value.problems]


def test_there_is_a_builder_for_every_tag() -> None:
    builders = {name: getattr(ssml, name) for name in ssml.__all__}
    assert {each for each in builders.values() if each in TAGS} == set(TAGS)
    for tag in TAGS:
        name = tag.shown_name().removeprefix("ssml.")
        assert builders[name] is tag


def test_mixed_text_keeps_every_word_and_every_space() -> None:
    sentence = SpeakSentence(
        [" Your ", "", "code", ssml.break_(strength="weak"), " is  ", ssml.s(" <1> "), "\n&."]
    )
    assert render(sentence) == (
        '<SpeakSentence> Your code<break strength="weak"/> is  <s> &lt;1&gt; </s>\n&amp;.'
        "</SpeakSentence>"
    )
    assert bxml.parse(Response([sentence]).to_bxml()) == Response([sentence])
    assert sentence.words == " Your code is   <1> \n&."
    assert sentence.parts[0] == " Your code"


def test_equal_speech_is_equal_however_it_was_put_together() -> None:
    assert SpeakSentence(["a", "b"]) == SpeakSentence("ab")
    assert SpeakSentence(part for part in ("a", ssml.s("b"))) == SpeakSentence(("a", ssml.s(["b"])))
    assert SpeakSentence(ssml.s("b")) == SpeakSentence([ssml.s("b"), ""])
    assert hash(ssml.p(["a", ssml.s("b")])) == hash(ssml.p(("a", ssml.s("b"))))


def test_a_tag_that_looks_like_one_in_a_string_is_text() -> None:
    assert render(SpeakSentence(["<break/>", ssml.sub("<s>", alias='"x"')])) == (
        '<SpeakSentence>&lt;break/&gt;<sub alias="&quot;x&quot;">&lt;s&gt;</sub></SpeakSentence>'
    )


def test_a_repr_is_what_builds_it() -> None:
    tag = ssml.say_as("1", interpret_as="date", format="mdy")
    assert repr(tag) == "ssml.say_as('1', interpret_as='date', format='mdy')"
    assert repr(ssml.break_()) == "ssml.break_()"
    assert eval(repr(SpeakSentence(["a", tag])), dict(vars(bxml))) == SpeakSentence(["a", tag])  # noqa: S307


def test_a_tag_in_an_f_string_raises_and_says_what_to_write() -> None:
    """Its words would be Python, and the caller would hear them."""
    with pytest.raises(TypeError, match=r"write a list: \['Hello ', ssml\.break_\(…\)\]"):
        SpeakSentence(f"Hi {ssml.break_(time='2s')}")
    assert f"{ssml.break_()!r}" == "ssml.break_()"


ANY: Any = ssml


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ssml.say_as("x", interpret_as="date"), "say-as: format is required for a date"),
        (
            lambda: ANY.say_as("x", interpret_as="digits"),
            "say-as: interpret_as must be date, time, telephone, characters, cardinal or ordinal"
            " (got 'digits')",
        ),
        (lambda: ANY.say_as("x"), "say-as: interpret_as is required: date, time"),
        (lambda: ssml.break_(time="11s"), "break: time must be seconds or milliseconds"),
        (lambda: ANY.break_(tim="1s"), "break: tim is not an attribute; did you mean time?"),
        (lambda: ssml.prosody("x", rate="0%"), "prosody: rate must be x-slow, slow"),
        (lambda: ssml.lang("x", xml_lang=" "), "lang: xml_lang must not be blank"),
        (lambda: ssml.s("\x00"), "s: text holds U+0000 at index 0, which XML cannot carry"),
        (
            lambda: ANY.s([1]),
            "s: text must be a str, or a list of str and tags of bxml.ssml (got 1)",
        ),
        (
            lambda: ANY.s(b"x"),
            "s: text must be a str, or a list of str and tags of bxml.ssml (got b'x')",
        ),
        (lambda: SpeakSentence([ssml.break_()]), "SpeakSentence: text must not be blank"),
        (lambda: SpeakSentence([]), "SpeakSentence: text must not be blank (got '')"),
        (
            lambda: Response().speak_sentence(["x", bxml.Hangup()]),  # type: ignore[list-item]
            "Response[0] > SpeakSentence: text must be a str, or a list of str and tags of bxml.ssml"
            " (got Hangup())",
        ),
    ],
)
def test_what_the_platform_does_not_know_cannot_be_built(build: Any, words: str) -> None:
    with pytest.raises(InvalidVerb) as caught:
        build()
    assert words in str(caught.value)


def test_tags_in_tags_have_a_greatest_depth_everywhere() -> None:
    deep: ssml.Tag = ssml.s("x")
    for _ in range(DEEPEST - 1):
        deep = ssml.emphasis(deep)
    document = Response().speak_sentence(deep)
    assert bxml.parse(document.to_bxml()) == document
    with pytest.raises(InvalidVerb, match="must hold at most 20 tags in each other"):
        ssml.p(deep)
    assert problems("<s>" * 21 + "x" + "</s>" * 21)[0].endswith("at most 20 tags in each other")


@given(bxml.strategies.ssml_text())
def test_markup_of_ones_own_is_read_as_what_was_written(content: Any) -> None:
    sentence = SpeakSentence(content)
    markup = render(sentence).partition(">")[2].removesuffix("</SpeakSentence>")
    assert ssml.parse(markup) == sentence.parts


def test_markup_of_ones_own_is_read() -> None:
    assert ssml.parse("Press <emphasis level='strong'>1</emphasis> &amp; wait.<break/>") == (
        "Press ",
        ssml.emphasis("1", level="strong"),
        " & wait.",
        ssml.break_(),
    )
    assert ssml.parse("") == ()
    assert ssml.parse("Only text.") == ("Only text.",)
    with pytest.raises(TypeError, match=r"ssml\.parse\(\) takes str \(got bytes\)"):
        ssml.parse(b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        (
            "<emphases>x</emphases>",
            "1:1: ssml[0] > emphases: <emphases> is not an SSML tag; did you",
        ),
        ("x\n <s level='x'>y</s>", "2:5: ssml[0] > s: level is not an attribute; it has none"),
        ("<say-as>1</say-as>", "1:1: ssml[0] > say-as: interpret-as is required: date, time"),
        ("<Hangup/>", "1:1: ssml[0] > Hangup: SSML may hold text and SSML tags (got <Hangup>)"),
        ("a & b", "1:3: not well-formed: an & that begins no entity; write it as &amp;"),
        (
            "<emphasis>x",
            "1:12: not well-formed: an end tag that does not close what was opened last",
        ),
        (
            "</emphasis>",
            "1:12: not well-formed: an end tag that does not close what was opened last",
        ),
        (
            "</ssml><ssml>",
            "1:8: not well-formed: something stands after the end of the root element",
        ),
        ("<break>x</break>", "1:8: ssml[0] > break: may not hold text (got 'x')"),
    ],
)
def test_what_is_wrong_in_markup_of_ones_own_is_told_with_its_place(
    markup: str, words: str
) -> None:
    assert problems(markup)[0].startswith(words)
