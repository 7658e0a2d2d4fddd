"""The XML Schema against the declarations, the parser and the conformance corpus."""

import random
import re
import runpy
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree
from msgspec.structs import replace

import bxml.strategies
from bxml import VERBS, Document, ParseError, Problem, parse
from bxml._compose import Container
from bxml._declare import Checked, describe
from bxml._kinds import Boolean, Choice, Instance, Kind, Listing, Number, Text
from bxml._speech import TAGS, Spoken
from bxml.render import DECLARATION
from bxml.schema import _facets, _translated, xsd
from bxml.types import Form

CORPUS = runpy.run_path(str(Path(__file__).parents[1] / "conformance" / "corpus.py"))
EXAMPLES: list[Any] = [*CORPUS["of_elements"](), *CORPUS["of_rules"]()]

ELEMENTS: tuple[type[Checked], ...] = (*VERBS, *TAGS)
XS = "{http://www.w3.org/2001/XMLSchema}"

# What a document may break and be valid by the schema: the rule, and the attribute where the schema
# knows the same rule of others. The parser says which rules a document breaks.
BEYOND_A_GRAMMAR: dict[tuple[str, str | None], str] = {
    ("doc-size", None): "a grammar does not count bytes",
    ("doc-dtd", None): "a document type stands before the root, where a grammar begins",
    ("speak-not-blank", None): "text between tags has no type of its own in mixed content",
    ("ssml-depth", None): "a type that may stand in itself may do so at any depth",
    ("gather-repeat-product", None): "an attribute times the number of children",
    ("privacy-display-name", None): "the value of one attribute depends on another",
    ("https-with-credentials", None): "the value of one attribute depends on others",
    ("ssml-say-as-date", None): "an attribute is required for one value of another",
    ("preferred-languages-no-detect", None): "two attributes exclude each other; and a list of"
    " texts cannot ask that the beginnings of its items differ",
    ("attribute-required", "xml:lang"): "declaring it takes a schema of XML's own namespace",
    ("blank", "xml:lang"): "declaring it takes a schema of XML's own namespace",
}

DEEP = "<s>" * 21 + "x" + "</s>" * 21
OWN_EXAMPLES = [f"<Response><SpeakSentence>{DEEP}</SpeakSentence></Response>"]
"""Documents that break a rule of ours, which the corpus of the platform's rules does not have."""


def hardened() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(xsd().encode(), hardened()))


def is_valid(document: str) -> bool:
    """Whether a document is well-formed, and valid by the schema."""
    try:
        root = etree.fromstring(document.encode(), hardened())
    except etree.XMLSyntaxError:
        return False
    return schema().validate(root)


def problems(document: str) -> list[Problem]:
    """What the parser says is wrong with a document."""
    try:
        parse(document)
    except ParseError as error:
        return list(error.problems)
    return []


def beyond(problem: Problem) -> tuple[str, str | None] | None:
    """The row of the table above that a problem belongs to, if it does."""
    rows = ((problem.rule, None), (problem.rule, problem.attribute))
    return next((row for row in rows if row in BEYOND_A_GRAMMAR), None)


def test_it_is_one_file_that_needs_no_other_and_no_network() -> None:
    root = etree.fromstring(xsd().encode(), hardened())
    assert root.getroottree().docinfo.internalDTD is None
    assert not [*root.iter(f"{XS}import", f"{XS}include", f"{XS}redefine")]
    etree.XMLSchema(root)


def test_it_is_the_same_text_in_every_process_and_loads_no_parser() -> None:
    program = (
        "import sys; from bxml.schema import xsd; sys.stdout.write(xsd());"
        " assert 'lxml' not in sys.modules"
    )
    for seed in ("1", "2"):
        written = subprocess.run(  # noqa: S603  # our own interpreter and words
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert written.stdout.decode("ascii") == xsd()
    assert xsd().startswith(f"{DECLARATION}\n<xs:schema ")


def test_only_the_two_roots_are_documents() -> None:
    assert is_valid("<Response/>")
    assert is_valid("<Bxml/>")
    for cls in set(ELEMENTS) - {bxml.Response, bxml.Bxml}:
        root = etree.Element(describe(cls).name)
        assert not schema().validate(root)
        assert "No matching global declaration" in str(schema().error_log)


@given(bxml.strategies.documents())
def test_every_document_that_can_be_built_is_valid(document: Document) -> None:
    compact = document.to_bxml()
    if etree.LIBXML_VERSION < (2, 14):
        # It takes no more than 24 digits; XML Schema asks for 18.
        assume(not re.search(r'"[0-9.]{25,}"', compact))
    assert is_valid(compact)
    assert is_valid(document.to_bxml(pretty=True))


def test_every_accepted_example_is_valid() -> None:
    refused = [each.name for each in EXAMPLES if each.accepted and not is_valid(each.document)]
    assert refused == []


def test_every_refused_example_is_invalid_unless_a_grammar_cannot_say_why() -> None:
    refused = [each for each in EXAMPLES if not each.accepted and each.found != "check"]
    wrong = []
    for each in refused:
        found = problems(each.document)
        excused = bool(found) and all(map(beyond, found))
        if is_valid(each.document) != excused:
            wrong.append((each.name, [str(problem) for problem in found]))
    assert wrong == []


def test_what_only_check_finds_is_valid() -> None:
    """It is about the course of a call, or what has no effect; ``parse`` takes it as well."""
    found = [each for each in EXAMPLES if not each.accepted and each.found == "check"]
    assert [each.name for each in found if not is_valid(each.document)] == []


def test_each_row_of_what_a_grammar_cannot_say_has_a_document_that_shows_it() -> None:
    documents = [each.document for each in EXAMPLES if not each.accepted] + OWN_EXAMPLES
    shown = {
        beyond(problem)
        for document in documents
        if is_valid(document)
        for problem in problems(document)
    }
    assert shown == set(BEYOND_A_GRAMMAR)


def test_a_url_that_does_not_come_apart_is_valid_by_its_pattern() -> None:
    document = '<Response><Redirect redirectUrl="https://[::1/"/></Response>'
    assert "comes apart" in str(problems(document)[0])
    assert is_valid(document)


@given(bxml.strategies.documents(), st.integers(0, 2**32))
def test_schema_and_parser_agree_about_damaged_documents(document: Document, seed: int) -> None:
    markup = damaged(document.to_bxml(), random.Random(seed))  # noqa: S311
    found = [each for each in problems(markup) if "comes apart" not in each.message]
    # Of a document that is too large the parser says nothing else.
    assume("doc-size" not in {each.rule for each in found})
    assert is_valid(markup) == all(map(beyond, found)), [str(each) for each in found]


def damaged(markup: str, chance: random.Random) -> str:
    """Well-formed markup with text, elements and attributes where they may not belong."""
    root = etree.fromstring(markup.encode(), hardened())
    for _ in range(chance.randint(1, 3)):
        elements = [*root.iter()]
        one, other = chance.choice(elements), chance.choice(elements)
        parent = one.getparent()
        match chance.choice(["text", "insert", "remove", "lose", "gain", "change"]):
            case "text":
                one.text = f"{one.text or ''}{chance.choice([' ', 'x', 'é', '+15551230001'])}"
            case "insert":
                one.insert(chance.randint(0, len(one)), deepcopy(other))
            case "remove" if parent is not None:
                parent.remove(one)
            case "lose" if one.attrib:
                del one.attrib[chance.choice(list(one.attrib))]
            case "gain" if other.attrib:
                one.attrib.update(other.attrib)
            case "change" if one.attrib and other.attrib:
                value = chance.choice([*other.attrib.values(), "", " 1 ", "true", "GET"])
                one.attrib[chance.choice(list(one.attrib))] = value
    return etree.tostring(root, encoding="unicode")


def types_of_values() -> dict[str, Kind]:
    """The simple type of each kind of value, by where the schema names it."""
    root = etree.fromstring(xsd().encode(), hardened())
    found: dict[str, Kind] = {}
    for cls in ELEMENTS:
        described = describe(cls)
        (element,) = root.iterfind(f"{XS}complexType[@name='{described.name}']")
        for known in described.written:
            for declared in element.iterfind(f".//{XS}attribute[@name='{known.vendor_name}']"):
                found[str(declared.attrib["type"])] = known.kind
        for extension in element.iterfind(f".//{XS}extension"):
            if described.content:
                found[str(extension.attrib["base"])] = described.content.kind
    return found


VALUES = types_of_values()
RESTRICTED = sorted(set(VALUES) - {"xs:string"})


@cache
def schema_of_values() -> etree.XMLSchema:
    """The schema, with an element of each simple type."""
    root = etree.fromstring(xsd().encode(), hardened())
    for name in RESTRICTED:
        etree.SubElement(root, f"{XS}element", name=name, type=name)
    return etree.XMLSchema(root)


def takes(name: str, value: str) -> bool:
    element = etree.Element(name)
    element.text = value
    return schema_of_values().validate(element)


def fits(kind: Kind, value: str) -> bool:
    if isinstance(kind, Text) and kind.splits:
        kind = replace(kind, splits=False)
    return kind.fault(kind.settle(kind.read(value))) is None


_XML = st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")
_MARKS = "\t\n\r \x7f\x85\xa0\u180e\u200b\u2028\u2029\u3000\ufeff,;:/?#[]%+-.*e_0aé🙂"


def values(kind: Kind) -> st.SearchStrategy[str]:
    """Values that fit a kind, or nearly do."""
    match kind:
        case Boolean():
            near = st.sampled_from(["true", "false", "1", "0", "True", "FALSE", ""])
        case Choice(values=words):
            near = st.sampled_from([*words, *(word.upper() for word in words)])
        case Number(least=least, most=most):
            bounds = [int(bound) for bound in (least, most) if bound is not None]
            close = [str(bound + step) for bound in [*bounds, 10**15] for step in (-1, 0, 1)]
            digits = st.from_regex(r"[+-]?[0-9]{0,16}\.?[0-9]{0,3}", fullmatch=True)
            near = st.one_of(st.sampled_from(close), digits)
        case Listing(items=items):
            near = st.lists(values(items), max_size=3).map(",".join)
        case Text(form=form) if form:
            near = st.from_regex(form.pattern, fullmatch=True, alphabet=_XML)
        case Text(max_length=length):
            longest = [character * (length or 60) for character in "xé🙂"]
            near = st.one_of(st.text(_XML, max_size=3), st.sampled_from(longest))
        case _:
            raise TypeError(kind)
    marks = st.sampled_from(["", "", *_MARKS])
    return st.builds(_marked, near, marks, st.integers(0, 30)).filter(_can_stand_in_xml)


def _marked(value: str, mark: str, at: int) -> str:
    at %= len(value) + 1
    return value[:at] + mark + value[at:]


def _can_stand_in_xml(value: str) -> bool:
    return not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value)


@pytest.mark.parametrize("name", RESTRICTED)
@given(data=st.data())
def test_a_simple_type_takes_what_its_kind_takes(name: str, data: st.DataObject) -> None:
    value = data.draw(values(VALUES[name]))
    assert takes(name, value) == fits(VALUES[name], value)


@pytest.mark.parametrize("name", ["CallIdValue", "CallIdsValue", "DisplayNameValue", "NameValue"])
def test_white_space_and_control_characters_are_those_of_the_parser(name: str) -> None:
    characters = [chr(n) for n in range(9, 0x10000) if not chr(n).isalnum()]
    for character in filter(_can_stand_in_xml, characters):
        assert takes(name, character) == fits(VALUES[name], character), ascii(character)


@pytest.mark.parametrize("cls", ELEMENTS, ids=lambda cls: cls.__name__)
def test_an_element_has_a_type_of_its_name_that_says_what_everything_is_for(
    cls: type[Checked],
) -> None:
    described = describe(cls)
    root = etree.fromstring(xsd().encode(), hardened())
    (element,) = root.iterfind(f"{XS}complexType[@name='{described.name}']")
    (words,) = element.iterfind(f"{XS}annotation/{XS}documentation")
    assert words.text
    assert (cls.__doc__ or "").replace("``", "").replace("\n    ", " ").startswith(words.text)
    for known in described.written:
        if known.vendor_name == "xml:lang":
            (declared,) = element.iterfind(f".//{XS}anyAttribute")
        else:
            (declared,) = element.iterfind(f".//{XS}attribute[@name='{known.vendor_name}']")
            assert declared.attrib["use"] == ("required" if known.required else "optional")
            # A validator would add them to the document.
            assert not {"default", "fixed"} & set(declared.attrib)
        told = declared.findtext(f"{XS}annotation/{XS}documentation") or ""
        assert told.endswith(".")
        assert ("Default: " in told) == (known.assumes is not None)


def test_documentation_spells_as_markup_does() -> None:
    assert "Second try when bridgeCompleteUrl does not respond." in xsd()
    assert "reaching it ends the gather. Default: 50." in xsd()
    assert "Any of these ends the gather; empty: none does. Default: empty." in xsd()
    assert "Whether it answers an inbound call. Default: true." in xsd()
    known = {each.name for cls in ELEMENTS for each in describe(cls).written}
    told = re.findall(r"<xs:documentation>(.*)</xs:documentation>", xsd())
    spelled_as_python = {name for name in known if "_" in name and name.strip("_") != name}
    assert not [words for words in told if spelled_as_python & set(re.findall(r"\w+", words))]


def test_every_type_has_one_definition_and_is_used() -> None:
    root = etree.fromstring(xsd().encode(), hardened())
    defined = [each.attrib["name"] for each in root.iterchildren(f"{XS}simpleType")]
    used = {each.attrib.get("type") or each.attrib.get("base") for each in root.iter()}
    assert len(defined) == len(set(defined))
    assert set(defined) <= used


def test_a_container_holds_at_least_and_at_most_what_its_class_says() -> None:
    root = etree.fromstring(xsd().encode(), hardened())
    for cls in VERBS:
        if issubclass(cls, Container):
            (choice,) = root.iterfind(f"{XS}complexType[@name='{cls.__name__}']/{XS}choice")
            most = str(cls.most) if cls.bounded else "unbounded"
            assert choice.attrib == {"minOccurs": str(cls.least), "maxOccurs": most}


@pytest.mark.parametrize(
    "pattern",
    [r"\d+", "a.b", "^a", "a$", "a*?", "a++", "(?=a)", "(?P<x>a)", r"[\w]", "[[]", r"\ba"],
)
def test_a_pattern_that_would_mean_something_else_is_refused(pattern: str) -> None:
    with pytest.raises(TypeError, match="no pattern of XML Schema for"):
        _translated(pattern)


def test_a_kind_without_a_simple_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no simple type for Instance"):
        _facets(Instance(int))
    with pytest.raises(TypeError, match="no simple type for Spoken"):
        _facets(Spoken())
    with pytest.raises(TypeError, match="no single pattern for Text"):
        _facets(Text(form=Form("[0-9]+", "digits"), not_blank=True))
