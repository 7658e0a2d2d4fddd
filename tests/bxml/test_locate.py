"""Problems that ``check`` finds in a document, in the markup that it was parsed from."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bxml import Bxml, Document, Gather, ParseError, Redirect, check, parse
from bxml._declare import describe, vendor_name
from bxml._locate import in_markup, located_in
from bxml.document import VERBS
from bxml.errors import Problem
from bxml.rules import Where
from bxml.strategies import documents

PLACES: tuple[Where, ...] = ("reply", "push", "conference", "transfer_answer")


def told(source: str | bytes, where: Where = "reply") -> list[str]:
    """The problems of a document, without the infos."""
    problems = check(parse(source), where=where)
    return [str(each) for each in located_in(source, problems) if each.level != "info"]


@given(documents(), st.sampled_from(PLACES), st.booleans())
def test_every_problem_has_the_place_of_its_element_its_attribute_or_its_text(
    document: Document, where: Where, pretty: bool
) -> None:
    source = document.to_bxml(pretty=pretty)
    problems = check(document, where=where)
    located = located_in(source, problems)
    assert sorted(each.rule for each in located) == sorted(each.rule for each in problems)
    lines = source.split("\n")
    for each in located:
        assert each.line
        assert each.column
        at = lines[each.line - 1][each.column - 1 :]
        element = each.path.rpartition(" > ")[2]
        if each.attribute == "text":
            assert not at.startswith("<")
        elif each.attribute and at.startswith(each.attribute):
            assert at.startswith(f'{each.attribute}="')
        else:
            assert at.startswith((f"<{element}", "xml:lang="))


def test_an_attribute_is_pointed_at_where_it_is_written_and_else_its_element() -> None:
    source = '<Bxml>\n <Gather gatherMethod="GET"/>\n <Tag/><Redirect redirectUrl=" /a"/></Bxml>'
    assert told(source, "push") == [
        "2:2: Bxml[0] > Gather: gatherUrl is not given, so what is gathered is lost",
        "2:10: Bxml[0] > Gather: gatherMethod has no effect without gatherUrl",
        "3:18: Bxml[2] > Redirect: redirectUrl is relative, and a pushed document has no base"
        " (got '/a')",
    ]


def test_text_is_pointed_at_where_it_begins() -> None:
    source = "<Bxml><Gather gatherUrl='https://a.example'><PlayAudio>\n  a.wav</PlayAudio></Gather></Bxml>"
    assert told(source, "push") == [
        "2:3: Bxml[0] > Gather[0] > PlayAudio: text is relative, and a pushed document has no base"
        " (got 'a.wav')"
    ]


def test_comments_and_instructions_are_counted_in_no_path() -> None:
    source = "<Response><!-- <Gather/> --><?x <Ring/>?><Ring/><!-- --><Gather/></Response>"
    (problem,) = told(source)
    assert problem.startswith(f"1:{source.rindex('<Gather/>') + 1}: Response[1] > Gather: ")


def test_the_tag_in_spoken_text_that_is_meant_is_pointed_at() -> None:
    source = (
        "<Response><SpeakSentence>a <lang xml:lang='fr-FR'>b</lang><p><lang xml:lang='x'>c"
        "<lang xml:lang='y'>d</lang></lang></p><lang xml:lang='x'>e</lang></SpeakSentence>"
        "<SpeakSentence>f <lang xml:lang='x'>g</lang></SpeakSentence></Response>"
    )
    columns = [int(each.split(":")[1]) for each in told(source)]
    unknown = [found.start() + 1 for found in re.finditer("xml:lang='[xy]'", source)]
    assert columns == unknown


def test_an_unfit_attribute_of_a_namespace_is_pointed_at_too() -> None:
    source = "<Response><SpeakSentence>a <lang xml:lang=' '>b</lang></SpeakSentence></Response>"
    with pytest.raises(ParseError) as caught:
        parse(source)
    assert caught.value.problems[0].column == source.index("xml:lang") + 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "latin-1"])
def test_the_place_does_not_depend_on_the_encoding(encoding: str) -> None:
    source = (
        f'<?xml version="1.0" encoding="{encoding}"?>\r\n<Response><!-- é --><Gather/></Response>'
    )
    assert told(source.encode(encoding))[0].startswith("2:21: ")


# Spelling


def spelled(message: str, cls: Any = Gather, attribute: str | None = None) -> str:
    problem = Problem("blank", "error", "", message, attribute=attribute)
    return in_markup(problem, cls, "Response").message


def test_names_of_attributes_are_spelled_as_in_markup_wherever_they_stand() -> None:
    assert spelled("gather_method has no effect without gather_url") == (
        "gatherMethod has no effect without gatherUrl"
    )
    assert spelled("redirect_url should be https, since username and password go", Redirect) == (
        "redirectUrl should be https, since username and password go"
    )


@pytest.mark.parametrize(
    "message",
    [
        "tag is odd (got 'max_digits')",
        "tag is odd (got max_digits … (200 characters))",
        "tag is odd: 'max_digits' does not come apart",
        'tag is odd: "max_digits" does not come apart',
        "the vendor's my_max_digits and max_digits_too are none",
        "redirect_url is none of a Gather",
    ],
)
def test_values_and_other_words_are_left_as_they_are(message: str) -> None:
    assert spelled(message) == message


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_every_attribute_is_spelled_as_in_markup(verb: Any) -> None:
    for known in describe(verb).written:
        assert spelled(f"{known.name} is", verb, known.name) == f"{vendor_name(known.name)} is"


def test_a_document_without_verbs_has_its_place_too() -> None:
    (info,) = located_in("\n <Bxml/>", check(Bxml(), where="push"))
    assert (info.line, info.column, info.path) == (2, 2, "Bxml")
