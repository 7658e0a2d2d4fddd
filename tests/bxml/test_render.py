"""From verbs to markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

import bxml.strategies
from bxml import Bxml, Document, Gather, Pause, PhoneNumber, PlayAudio, Response, SpeakSentence
from bxml.render import decimal, render

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def test_a_document_has_a_declaration_and_the_vendors_names() -> None:
    document = (
        Response()
        .speak_sentence("Tom & Jerry <now>", voice="julie")
        .gather(gather_url="/menu?a=1&b=2", max_digits=1, first_digit_timeout=2.5)
        .transfer([PhoneNumber("+15551230001", tag='say "hi"')], privacy=True)
        .pause()
    )
    assert document.to_bxml() == (
        DECLARATION + "<Response>"
        '<SpeakSentence voice="julie">Tom &amp; Jerry &lt;now&gt;</SpeakSentence>'
        '<Gather gatherUrl="/menu?a=1&amp;b=2" maxDigits="1" firstDigitTimeout="2.5"/>'
        '<Transfer privacy="true">'
        '<PhoneNumber tag="say &quot;hi&quot;">+15551230001</PhoneNumber>'
        "</Transfer><Pause/></Response>"
    )
    assert str(document) == document.to_bxml()
    assert bytes(document) == document.to_bxml().encode()


def test_the_pretty_form_has_an_element_a_line() -> None:
    document = Bxml([Gather([SpeakSentence(" a \n b "), PlayAudio("/c.wav")], tag="<&>"), Pause()])
    assert document.to_bxml(pretty=True) == (
        DECLARATION + "\n<Bxml>\n"
        '  <Gather tag="&lt;&amp;&gt;">\n'
        "    <SpeakSentence> a \n b </SpeakSentence>\n"
        "    <PlayAudio>/c.wav</PlayAudio>\n"
        "  </Gather>\n"
        "  <Pause/>\n"
        "</Bxml>\n"
    )


def test_an_empty_attribute_is_written_and_an_absent_one_is_not() -> None:
    """tag="" clears the tag; no tag leaves it as it is."""
    assert render(Gather(tag="")) == '<Gather tag=""/>'
    assert render(Gather()) == "<Gather/>"


@pytest.mark.parametrize(
    ("value", "written"), [(1, "1"), (0.5, "0.5"), (1e-07, "0.0000001"), (86400.0, "86400.0")]
)
def test_numbers_are_written_without_exponents(value: float, written: str) -> None:
    assert decimal(value) == written


@given(bxml.strategies.documents())
def test_lxml_reads_back_exactly_the_strings_that_went_in(document: Document) -> None:
    root = etree.fromstring(bytes(document))
    assert root.tag == type(document).__name__
    for element, verb in zip(root, document, strict=True):
        assert element.tag == type(verb).__name__
        if isinstance(verb, SpeakSentence):
            assert element.text == verb.text
        if isinstance(verb, Gather):
            assert element.get("tag") == verb.tag
            assert element.get("hints") == verb.hints


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(["a", "<b/>"])
)
def test_no_text_becomes_markup(text: str, plain: str) -> None:
    """The elements and attributes are the same whatever the words are."""
    try:
        hostile = Response().speak_sentence(text).gather([SpeakSentence(text)], tag=text[:256])
    except bxml.InvalidVerb:
        return
    same = Response().speak_sentence(plain).gather([SpeakSentence(plain)], tag=plain)
    names = [
        [(e.tag, *e.keys()) for e in etree.fromstring(bytes(d)).iter()] for d in (hostile, same)
    ]
    assert names[0] == names[1]
