"""Every example of the corpus, against the parser, the constructors and ``check``."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

import bxml
from bxml import VERBS
from bxml._declare import describe
from bxml._speech import TAGS
from bxml.rules import RULES

_spec = importlib.util.spec_from_file_location("corpus", Path(__file__).with_name("corpus.py"))
assert _spec
assert _spec.loader
corpus: Any = importlib.util.module_from_spec(_spec)
sys.modules["corpus"] = corpus
_spec.loader.exec_module(corpus)

ELEMENTS = corpus.of_elements()
OF_RULES = corpus.of_rules()


def rules_broken(document: str) -> list[str]:
    """The ids of the rules that the parser finds broken."""
    try:
        bxml.parse(document)
    except bxml.ParseError as error:
        assert all(problem.line and problem.column for problem in error.problems)
        assert all(problem.rule in RULES for problem in error.problems), error
        return [problem.rule for problem in error.problems]
    return []


@pytest.mark.parametrize("about", sorted({each.about for each in ELEMENTS}))
def test_an_attribute_takes_and_refuses_what_the_corpus_says(about: str) -> None:
    wrong = [
        each.name
        for each in ELEMENTS
        if each.about == about and each.accepted == bool(rules_broken(each.document))
    ]
    assert not wrong


@pytest.mark.parametrize("about", sorted({each.about for each in ELEMENTS}))
def test_what_is_accepted_is_written_back_as_an_equal_document(about: str) -> None:
    for each in ELEMENTS:
        if each.about == about and each.accepted:
            document = bxml.parse(each.document)
            assert bxml.parse(document.to_bxml()) == document, each.name
            assert bxml.parse(document.to_bxml(pretty=True)) == document, each.name


@pytest.mark.parametrize("rule", sorted({each.rule for each in OF_RULES}))
def test_a_rule_is_reported_exactly_where_the_corpus_says(rule: str) -> None:
    for each in OF_RULES:
        if each.rule != rule:
            continue
        broken = rules_broken(each.document)
        if each.found == "parse":
            # What breaks this rule may break others too; what keeps it is sound.
            assert (rule in broken) if not each.accepted else not broken, each.name
            continue
        assert not broken, each.name
        problems = bxml.check(bxml.parse(each.document), where=each.where)
        levels = {problem.level for problem in problems if problem.rule == rule}
        assert levels == (set() if each.accepted else {each.level}), (each.where, each.name)


def test_a_rule_says_what_the_corpus_says_of_it() -> None:
    for each in OF_RULES:
        assert RULES[each.rule].source == each.source, each.rule


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_an_accepted_and_a_refused_example(rule: str) -> None:
    if rule in PROVED_BY_ELEMENTS:
        assert any(rule in rules_broken(each.document) for each in ELEMENTS if not each.accepted)
        return
    if rule in OF_CALLS_IN_PYTHON:
        return
    kept = {each.accepted for each in OF_RULES if each.rule == rule}
    assert kept == {True, False}


# Rules about single values: the examples of the attributes break them.
PROVED_BY_ELEMENTS = frozenset(
    (
        "attribute-format",
        "attribute-range",
        "attribute-required",
        "attribute-type",
        "attribute-unknown",
        "attribute-value",
        "blank",
        "element-unknown",
        "length",
        "nesting",
        "text",
    )
)

# Only calls in Python can break them: markup with such characters is not well-formed.
OF_CALLS_IN_PYTHON = frozenset(("attribute-positional", "xml-character"))


@pytest.mark.parametrize("verb", [*VERBS, *TAGS], ids=lambda each: each.__name__)
def test_every_attribute_has_examples(verb: Any) -> None:
    of_tags = verb in TAGS
    for known in describe(verb).attributes:
        about = known.vendor_name
        if of_tags and known.name == "text":
            continue  # mixed with others; the corpus has it under "nesting" and "text"
        name = f"SSML.{verb.element_name()}@{about}" if of_tags else f"{verb.__name__}.{about}"
        examples = [each for each in ELEMENTS if each.about == name]
        assert any(each.accepted for each in examples), name


def test_a_rule_of_the_reference_has_its_examples(reference: Any) -> None:
    for rule in reference["rules"]:
        known = RULES[rule["id"]]
        assert known.level == rule["level"]
        assert (known.source == "inferred") == (rule["source"] == "inferred"), rule["id"]
        assert rule["id"] in {each.rule for each in OF_RULES}
