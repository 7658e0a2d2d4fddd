"""From verbs to markup."""

import pytest

from bxml import Bxml, Gather, Pause, PhoneNumber, PlayAudio, Response, SpeakSentence
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
