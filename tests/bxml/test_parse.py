"""From markup to documents, and to problems with their places."""

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bxml
import bxml._diagnose
import bxml.strategies
from bxml import (
    Bxml,
    Document,
    Gather,
    Hangup,
    ParseError,
    Pause,
    PhoneNumber,
    PlayAudio,
    Redirect,
    Response,
    SpeakSentence,
    Transfer,
    parse,
)

BAD = """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Gater/>
  <Gather maxDigits="99" fooBar="1"
          gatherurl="/x">words<Hangup/>
    <SpeakSentence voice="julie"> </SpeakSentence>
  </Gather>
  <Redirect/><Transfer/>
  <Transfer privacy="true" transferCallerDisplayName="Joe">
    <PhoneNumber>123</PhoneNumber>
  </Transfer>
  <PhoneNumber>+15551230001</PhoneNumber>
  <Gather repeatCount="11"><PlayAudio>a</PlayAudio><PlayAudio>b</PlayAudio></Gather>
</Response>
"""


def problems(source: str | bytes) -> list[str]:
    with pytest.raises(ParseError) as caught:
        parse(source)
    return [str(problem) for problem in caught.value.problems]


@given(bxml.strategies.documents())
def test_parsing_a_rendered_document_gives_back_an_equal_one(document: Document) -> None:
    assert parse(document.to_bxml()) == document
    assert parse(bytes(document)) == document
    assert parse(document.to_bxml(pretty=True)) == document


def test_every_problem_is_told_with_its_line_and_column() -> None:
    told = problems(BAD)
    known = "gatherUrl, gatherMethod, gatherFallbackUrl, gatherFallbackMethod"
    assert told[2].startswith(
        f"4:26: Response[1] > Gather: fooBar is not an attribute; known are {known}"
    )
    del told[2]
    assert told == [
        "3:3: Response[0] > Gater: <Gater> is not a BXML verb; did you mean <Gather>?",
        "4:11: Response[1] > Gather: maxDigits must be a whole number from 1 to 50 (got 99)",
        "5:11: Response[1] > Gather: gatherurl is not an attribute; did you mean gatherUrl?",
        "5:26: Response[1] > Gather: may not hold text (got 'words')",
        "5:31: Response[1] > Gather[0] > Hangup:"
        " a Gather may hold SpeakSentence or PlayAudio (got <Hangup>)",
        "6:5: Response[1] > Gather[1] > SpeakSentence: text must not be blank (got ' ')",
        "8:3: Response[2] > Redirect:"
        " redirectUrl is required: an http or https URL, or one relative to it",
        "8:14: Response[3] > Transfer: must hold at least 1 PhoneNumber or SipUri (got 0)",
        "9:28: Response[4] > Transfer: transferCallerDisplayName must be Restricted, Anonymous,"
        " Private or Unavailable with privacy (got 'Joe')",
        "10:5: Response[4] > Transfer[0] > PhoneNumber: text must be a phone number in E.164 form,"
        " such as +15551230001 (got '123')",
        "12:3: Response[5] > PhoneNumber: a Response may hold verbs"
        " (got <PhoneNumber>, which may stand in Transfer)",
        "13:11: Response[6] > Gather: repeatCount times the number of nested verbs must be at"
        " most 20 (got 11 x 2)",
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "1:1: not well-formed: it does not begin with an element, such as <Response>"),
        ("<Response>", "not well-formed: "),
        ("<Response><a></Response>", "1:25: not well-formed: an end tag that does not close"),
        (
            "<Response>&nbsp;</Response>",
            "1:11: not well-formed: an entity that XML does not know; write & as &amp;",
        ),
        ("<Foo/>", "1:1: <Foo> is not the root of a document; it must be <Response> or <Bxml>"),
        ("<response/>", "1:1: <response> is not the root of a document;"),
        ('<Response xmlns="urn:x"/>', "1:1: <{urn:x}Response> is not the root"),
        ("<Response>Hello</Response>", "1:11: Response: may not hold text (got 'Hello')"),
        (
            "<Response><Pause/>Hello</Response>",
            "1:19: Response: may not hold text (got 'Hello' after <Pause>)",
        ),
        ('<Response tag="x"/>', "1:11: Response: tag is not an attribute; it has none"),
        (
            "<Response><SpeakSentence>a <emphases>b</emphases></SpeakSentence></Response>",
            "1:28: Response[0] > SpeakSentence[0] > emphases: <emphases> is not an SSML tag;"
            " did you mean <emphasis>?",
        ),
        (
            "<Response><emphasis>b</emphasis></Response>",
            "1:11: Response[0] > emphasis: <emphasis> is an SSML tag; it may stand in a"
            " SpeakSentence only",
        ),
        (
            '<Response><Gather maxDigits="1.5"/></Response>',
            "1:19: Response[0] > Gather: maxDigits must be a whole number from 1 to 50 (got 1.5)",
        ),
        (
            '<Response><Gather profanityFilter="yes"/></Response>',
            "1:19: Response[0] > Gather: profanityFilter must be true or false (got 'yes')",
        ),
        ("\ud800", "1:1: holds U+D800, which XML cannot carry"),
        (b"\xff\xfe\xfd", "not well-formed"),
        (b'<?xml version="1.0" encoding="ebcdic-martian"?><Response/>', "1:"),
        ("<!DOCTYPE Response><Response/>", "1:1: a document type (<!DOCTYPE …>) is not allowed"),
        (
            '<!DOCTYPE r [<!ENTITY a "b">]><Response><SpeakSentence>&a;</SpeakSentence></Response>',
            "1:1: a document type (<!DOCTYPE …>) is not allowed; BXML has none",
        ),
        (
            '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><Response/>',
            "1:1: a document type (<!DOCTYPE …>) is not allowed; BXML has none",
        ),
        (
            "<Response>" + " " * 65_536 + "</Response>",
            "1:1: a document may hold at most 65,536 bytes (got 65,557)",
        ),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(source: str | bytes, words: str) -> None:
    assert problems(source)[0].startswith(words) or words in problems(source)[0]


def test_a_billion_laughs_are_refused_without_expanding_them() -> None:
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(20)
    )
    source = f"<!DOCTYPE r [{entities}]><Response><SpeakSentence>&l19;</SpeakSentence></Response>"
    assert "document type" in problems(source)[0] or "not well-formed" in problems(source)[0]


def test_depth_beyond_the_language_is_refused() -> None:
    deep = "<Response>" + "<Gather>" * 200 + "</Gather>" * 200 + "</Response>"
    assert "a Gather may hold SpeakSentence or PlayAudio (got <Gather>)" in problems(deep)[0]
    assert "not well-formed" in problems("<Response>" * 5000)[0]


def test_thousands_of_problems_are_told_and_none_is_lost() -> None:
    source = "<Response>" + "\n<Gater/>" * 5000 + "</Response>"
    told = problems(source)
    assert len(told) == 5000
    assert told[-1].startswith("5001:1: Response[4999] > Gater")


def test_the_place_of_a_problem_holds_in_any_encoding() -> None:
    text = '<Response><!-- é --><SpeakSentence>é</SpeakSentence><Pause duration="x"/></Response>'
    column = text.index("duration") + 1
    utf16 = ('<?xml version="1.0" encoding="utf-16"?>' + text).encode("utf-16")
    latin = b'<?xml version="1.0" encoding="iso-8859-1"?>\n' + text.encode("latin-1")
    assert problems(text)[0].startswith(f"1:{column}: ")
    assert problems(utf16)[0].startswith(f"1:{column + 39}: ")
    assert problems(latin)[0].startswith(f"2:{column}: ")


def test_real_documents_are_read_as_their_authors_meant_them() -> None:
    source = b"""\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>
<!-- the menu -->
<?php echo ?>
<Bxml>
  <Gather tag='' gatherUrl="/m?a=1&amp;b=2" maxDigits=" 1 " profanityFilter="false" >
    <SpeakSentence>Tom <!-- and -->&amp; <![CDATA[<Jerry>]]> </SpeakSentence>
    <PlayAudio>
      https://audio.example.com/beep.wav
    </PlayAudio>
  </Gather>
  <Transfer><PhoneNumber> +15551230001
  </PhoneNumber></Transfer>
  <Pause duration=".5"></Pause>
  <Redirect redirectUrl="/next"/><Hangup/>
</Bxml>
"""
    assert parse(source) == Bxml(
        [
            Gather(
                [
                    SpeakSentence("Tom & <Jerry> "),
                    PlayAudio("https://audio.example.com/beep.wav"),
                ],
                tag="",
                gather_url="/m?a=1&b=2",
                max_digits=1,
                profanity_filter=False,
            ),
            Transfer([PhoneNumber("+15551230001")]),
            Pause(duration=0.5),
            Redirect("/next"),
            Hangup(),
        ]
    )


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('<Response xml:lang="en"/>', "1:11: Response: xml:lang is not an attribute; it has none"),
        (
            '<Response><Pause xmlns:a="u" a:duration="1"/></Response>',
            "1:30: Response[0] > Pause: a:duration is not an attribute; did you mean duration?",
        ),
        ("<Response><\u0132x/></Response>", "1:11: Response[0] > \u0132x: <\u0132x> is not a BXML"),
        (
            '<Response><Pause \U00010000x="1"/></Response>',
            "1:18: Response[0] > Pause: \U00010000x is",
        ),
        (
            b'<?xml version="1.0" encoding="TCVN"?><Response/>',
            "1:1: cannot be read: the encoding 'TCVN' is not known",
        ),
        (
            '<Response><Pause duration="x"/></Response>'.encode("utf-16"),
            "1:18: Response[0] > Pause: duration must be a number from 0.1 to 86400 (got 'x')",
        ),
        (
            '<Response>\r<Pause\rduration="x"/></Response>',
            "3:1: Response[0] > Pause: duration must be",
        ),
        ("<Response>\n\n<Pause/> oops</Response>", "3:10: Response: may not hold text (got 'oops'"),
        (
            "<Response><!-- <Gater/> --><![CDATA[ ]]>\n<Gater/></Response>",
            "2:1: Response[0] > Gater",
        ),
        (
            "<Response><Transfer>"
            + "<PhoneNumber>+15551230001</PhoneNumber>" * 8
            + "<PhoneNumber>1</PhoneNumber></Transfer></Response>",
            "Response[0] > Transfer: may hold at most 8 PhoneNumber or SipUri (got 9)",
        ),
        (
            '<Response><Transfer callTimeout="0"/></Response>',
            "Response[0] > Transfer: must hold at least 1 PhoneNumber or SipUri (got 0)",
        ),
        (
            "<Response><SpeakSentence><Pause duration='0'/></SpeakSentence></Response>",
            "1:33: Response[0] > SpeakSentence[0] > Pause: duration must be a number from 0.1",
        ),
    ],
)
def test_a_problem_is_found_where_it_is(source: str | bytes, words: str) -> None:
    assert any(told.startswith(words) or words in told for told in problems(source)), problems(
        source
    )


def test_a_value_that_is_not_quoted_right_is_not_repeated() -> None:
    """It may be a password."""
    for source in ('<Response password="se&cret;x"/>', '<Response password="a" cret2>x</Response>'):
        assert "cret" not in " ".join(problems(source))


def test_thousands_of_attributes_take_no_longer_than_they_must() -> None:
    """Each place is looked up once: ten thousand problems in one tag once took ten seconds."""
    names = [
        f"{a}{b}{c}"
        for a in "abcdefghijklmnopqrstu"
        for b in "abcdefghijklmnopqrstu"
        for c in "abcdefghijklmnopqrst"
    ]
    source = (
        "<Response><Hangup " + " ".join(f'{name}=""' for name in names[:8800]) + "/></Response>"
    )
    told = problems(source)
    assert len(told) == 8800
    assert told[-1].startswith(f"1:{source.rindex(names[8799]) + 1}: ")


def test_a_declaration_in_a_str_does_not_say_how_to_read_it() -> None:
    assert parse('<?xml version="1.0" encoding="utf-16"?><Response/>') == Response()
    assert parse("\ufeff<Response/>") == Response()


def test_only_text_and_bytes_can_be_parsed() -> None:
    assert parse(bytearray(b"<Response/>")) == Response()  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"parse\(\) takes str or bytes \(got NoneType\)"):
        parse(None)  # type: ignore[arg-type]


def test_threads_may_parse_at_the_same_time() -> None:
    source = Response([SpeakSentence(str(n)) for n in range(300)]).to_bxml()
    results: list[Document] = []
    threads = [threading.Thread(target=lambda: results.append(parse(source))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [parse(source)] * 8


@given(st.binary(max_size=300))
def test_any_bytes_give_a_document_or_a_parse_error(data: bytes) -> None:
    for source in (data, b"<Response>" + data + b"</Response>"):
        try:
            parse(source)
        except ParseError as error:
            assert all(problem.line and problem.column for problem in error.problems)


@given(bxml.strategies.documents(), st.integers(0, 2**32))
def test_a_damaged_document_gives_a_document_or_a_parse_error(
    document: Document, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311
    data = bytearray(bytes(document))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        data[at : at + chance.randint(0, 3)] = chance.choice(
            [b"", b"<", b">", b'"', b"&", b"&#0;", b"</", b"/>", b"\xff", b"x", b"<!--", b" "]
        )
    try:
        parsed = parse(bytes(data))
    except ParseError as error:
        assert all(problem.line and problem.column for problem in error.problems)
    else:
        assert parse(parsed.to_bxml()) == parsed


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "<Response><SpeakSentence>Acme & Sons",
            "1:31: not well-formed: an & that begins no entity",
        ),
        ("<Response>\n<Tag>a&b</Tag>", "2:7: not well-formed: an & that begins no entity"),
        ("<Response><Tag>a < b</Tag>", "1:18: not well-formed: a < that begins no element"),
        ("<Response><Tag>a<b</Tag>", "1:19: not well-formed: a < that begins no element"),
        (
            '<Response><Gather tag="a<b"/>',
            "1:25: not well-formed: a < in a value; write it as &lt;",
        ),
        ("Hello", "1:1: not well-formed: it does not begin with an element, such as <Response>"),
        ('{"a": 1}', "1:1: not well-formed: it does not begin with an element, such as <Response>"),
        ("<Response><Tag>a ]]> b</Tag>", "not well-formed: ]]> in text; write it as ]]&gt;"),
        ('<Response a="1"b="2"/>', "not well-formed: white space is missing here"),
        ("<Response>\x01</Response>", "not well-formed: a character that XML cannot carry"),
        ("<Response><!-- a -- b --></Response>", "not well-formed: a -- inside a comment"),
        ("<Response><!-- a", "not well-formed: a comment that is not closed by -->"),
        ("<Response><![CDATA[a", "not well-formed: a <![CDATA[ that is not closed by ]]>"),
        (
            "<Response>\n<Gather></Response>",
            "not well-formed: </Response> does not close <Gather>, which was opened last, on line 2",
        ),
        ("<Response><Gather>", "not well-formed: <Gather> of line 1 is not closed"),
        ("<Response><a:b/></Response>", "not well-formed: a prefix (before a colon) that is not"),
        ("<Response a=1/>", "not well-formed: a value without quotation marks around it"),
        ("<Response a/>", "not well-formed: an attribute without a value"),
        ('<Response a="1" a="2"/>', "not well-formed: an attribute that is written twice"),
        ('<Response a="1', "not well-formed: a value whose closing quotation mark is missing"),
        ("<Response/><Bxml/>", "not well-formed: something stands after the end of the root"),
        (" <?xml version='1.0'?><Response/>", "not well-formed: an XML declaration that is not"),
        ("<Response>&#0;</Response>", "not well-formed: a character that XML cannot carry"),
        ("<Response>&#xZ;</Response>", "1:11: not well-formed: a character reference (&#…;)"),
        ("<Response" * 300, "not well-formed: "),
        ("<a>" * 300, "not well-formed: elements in each other deeper than in any document"),
        (
            '<?xml version="9"?><Response/>',
            "not well-formed: it breaks a rule of XML (version missing)",
        ),
    ],
)
def test_what_is_not_well_formed_is_told_with_what_to_write_instead(
    source: str, words: str
) -> None:
    [told] = problems(source)
    assert words in told


@pytest.mark.parametrize(
    "source",
    [
        '<Response><!-- <Redirect redirectUrl="/x" password="hunter2"/> -- old --></Response>',
        "<Response><![CDATA[hunter2</Response>",
        "<Response><hunter2></Response>",
        "<Response><a:hunter2/></Response>",
        "<Response><Tag>&hunter2;</Tag></Response>",
    ],
)
def test_no_word_of_what_is_not_well_formed_is_repeated(source: str) -> None:
    """It may be part of a password, or break the line of a log."""
    [told] = problems(source)
    assert "hunter2" not in told
    assert "\n" not in told


def test_a_long_number_of_a_rate_takes_no_longer_than_others() -> None:
    """A pattern with a choice once took minutes for a document of this size."""
    for rate in ("1" * 60_000, "1" * 30_000 + "." + "0" * 30_000, "0." + "1" * 60_000):
        source = f'<Response><SpeakSentence><prosody rate="{rate}">a</prosody></SpeakSentence></Response>'
        assert "rate must be" in problems(source)[0]
        assert parse(source.replace(rate, f"{rate}%"))


def test_what_hostile_documents_name_is_not_kept() -> None:
    for turn in range(3):
        names = "".join(f"<x{turn}y{number}/>" for number in range(1000))
        assert len(problems(f"<Response>{names}</Response>")) == 1000
    assert bxml._diagnose._closest.cache_info().currsize <= 1024


def test_an_error_of_thousands_of_problems_can_be_read() -> None:
    with pytest.raises(ParseError) as caught:
        parse("<Response>" + "<Gater/>" * 5000 + "</Response>")
    told = str(caught.value).splitlines()
    assert told[0] == "5,000 problems:"
    assert told[-1] == "  … and 4,980 more"
    assert len(told) == 22
    assert len(caught.value.problems) == 5000


def test_a_number_that_only_rounding_brings_into_bounds_is_refused() -> None:
    for number in ("86400.000000000001", "0.0999999999999999999999"):
        assert (
            "duration must be" in problems(f'<Response><Pause duration="{number}"/></Response>')[0]
        )
    assert parse('<Response><Pause duration="5.00000000000000000000"/></Response>') == Response(
        [Pause(duration=5.0)]
    )


def test_the_quick_reading_gives_way_where_the_stack_is_short() -> None:
    """Tags in each other go deeper than it can follow under a deep stack; the answer is the same."""
    source = "<Response><SpeakSentence>" + "<s>" * 240 + "x" + "</s>" * 240
    told = problems(source + "</SpeakSentence></Response>")
    assert told[0].endswith("must hold at most 20 tags in each other")
