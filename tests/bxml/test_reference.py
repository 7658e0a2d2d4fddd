"""The declarations against the reference of the language."""

from typing import Any

import pytest

from bxml import VERBS
from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe, python_name, vendor_name
from bxml._kinds import Boolean, Choice, Listing, Number, Text
from bxml._speech import TAGS, Spoken
from bxml.types import OneOfKnown
from bxml.voices import LOCALES, SSML_LANGUAGES, VOICES

# Attributes whose values the vendor may extend: they are open, though the reference lists values.
OPEN = {("SpeakSentence", "voice"), ("SpeakSentence", "locale")}


def test_every_element_of_the_reference_has_a_class(reference: Any) -> None:
    assert {verb.__name__ for verb in VERBS} == set(reference["verbs"])
    assert {tag.element_name() for tag in TAGS} == set(reference["ssml"]["tags"])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_class_has_exactly_the_attributes_of_its_element(
    verb: type[Verb], reference: Any
) -> None:
    element = reference["verbs"][verb.__name__]
    assert {known.vendor_name for known in describe(verb).written} == set(element["attributes"])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_an_attribute_has_the_type_bounds_and_default_of_the_reference(
    verb: type[Verb], reference: Any
) -> None:
    wanted = reference["verbs"][verb.__name__]["attributes"]
    for known in describe(verb).written:
        assert _facts(known) == _wanted(verb.__name__, known.vendor_name, wanted), known.name


def _facts(known: Attribute) -> dict[str, Any]:
    facts: dict[str, Any] = {"required": known.required, "type": type(known.kind).__name__}
    facts["default"] = known.assumes.value if known.assumes else None
    match known.kind:
        case Number(whole, least, most):
            facts |= {"whole": whole, "min": least, "max": most}
        case Choice(values):
            facts["values"] = set(values)
        case Text(max_length=length):
            facts["maxLength"] = length
        case _:
            pass
    return facts


def _wanted(element: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    fact = attributes[name]
    facts: dict[str, Any] = {"required": fact["required"], "default": fact["default"]}
    kind = fact["type"]
    if kind in ("integer", "decimal"):
        facts |= {"type": Number.__name__, "whole": kind == "integer"}
        facts |= {"min": fact.get("min"), "max": fact.get("max")}
    elif kind == "boolean":
        facts["type"] = Boolean.__name__
    elif kind == "csv":
        facts["type"] = Listing.__name__
    elif kind == "enum" and (element, name) not in OPEN:
        facts |= {"type": Choice.__name__, "values": set(fact["values"])}
    else:
        facts |= {"type": Text.__name__, "maxLength": fact.get("maxLength")}
        if kind == "uui":
            # The sources say 256 and 350; the reference's own decision is to refuse above 350.
            facts["maxLength"] = 350
    return facts


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_class_has_text_exactly_where_its_element_has(verb: type[Verb], reference: Any) -> None:
    assert bool(describe(verb).content) == bool(reference["verbs"][verb.__name__]["text"])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_container_holds_what_the_reference_says_and_as_many(
    verb: type[Verb], reference: Any
) -> None:
    element = reference["verbs"][verb.__name__]
    wanted = {child["name"] for child in element["children"]}
    assert {held.__name__ for held in describe(verb).holds or ()} == wanted
    total = element["childrenTotal"]
    if issubclass(verb, Container):
        assert verb.least == total["min"]
        assert (verb.most if verb.bounded else None) == total["max"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_the_webhooks_of_an_element_are_tied_to_their_attributes(
    verb: type[Verb], reference: Any
) -> None:
    wanted = {
        (hook["urlAttribute"], hook["event"])
        for hook in reference["verbs"][verb.__name__]["webhooks"]
        # of another element, or of the REST API; or an event whose name is not known
        if not set(" .") & set(hook["urlAttribute"]) and not hook["event"].startswith("(")
    }
    assert wanted == {
        (known.vendor_name, event)
        for known in describe(verb).attributes
        if known.delivers
        for event in (known.delivers.event, *known.delivers.others)
    }


def test_one_rule_spells_all_names() -> None:
    assert vendor_name("gather_url") == "gatherUrl"
    assert vendor_name("from_") == "from"
    assert python_name("from") == "from_"
    assert vendor_name("tag") == "tag"
    assert python_name("SpeakSentence") == "speak_sentence"
    assert python_name("gatherFallbackUrl") == "gather_fallback_url"
    for verb in VERBS:
        for known in describe(verb).written:
            assert python_name(known.vendor_name) == known.name


@pytest.mark.parametrize(
    "container", [verb for verb in VERBS if issubclass(verb, Container)], ids=lambda c: c.__name__
)
def test_a_container_has_one_method_for_each_verb_that_it_may_hold(
    container: type[Container[Any]],
) -> None:
    for verb in VERBS:
        name = python_name(verb.__name__)
        offered = callable(getattr(container, name, None))
        assert offered == (verb in (describe(container).holds or ())), name


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_verb_stands_in_the_documents_that_the_reference_says(
    verb: type[Verb], reference: Any
) -> None:
    element = reference["verbs"][verb.__name__]
    if "Response" not in element["parents"]:
        return
    replies = {True: True, False: False, "not listed": None}
    assert verb.in_conference == element["conferenceDocument"]
    assert verb.in_transfer_answer == replies[element["transferAnswerReply"]]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_verb_ends_the_document_where_the_reference_says(
    verb: type[Verb], reference: Any
) -> None:
    terminal = reference["verbs"][verb.__name__]["terminal"]
    if terminal is None:
        assert verb.ends is False
    elif isinstance(verb.ends, str):
        assert vendor_name(verb.ends) in str(terminal)
    else:
        assert "always" in str(terminal)


def test_an_attribute_that_no_source_settles_is_marked(reference: Any) -> None:
    """Nothing is enforced that is uncertain; the page of the docs is written from these marks."""
    for verb in VERBS:
        facts = reference["verbs"][verb.__name__]["attributes"]
        for known in describe(verb).written:
            if "uncertain" in facts[known.vendor_name]:
                assert known.uncertain, (verb.__name__, known.name)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.__name__)
def test_a_tag_has_the_attributes_of_the_reference(tag: Any, reference: Any) -> None:
    wanted = reference["ssml"]["tags"][tag.element_name()]
    described = describe(tag)
    assert {known.vendor_name for known in described.written} == set(wanted["attributes"])
    assert (described.content is None) == wanted["empty"]
    for known in described.written:
        fact = wanted["attributes"][known.vendor_name]
        assert known.required == fact["required"]
        if isinstance(known.kind, Choice):
            assert set(known.kind.values) == set(fact["values"])
    if described.content:
        assert isinstance(described.content.kind, Spoken)


def test_the_voices_and_the_languages_are_those_of_the_reference(reference: Any) -> None:
    wanted = [
        (each["voice"], each["locale"], each["gender"], each["type"] == "Enhanced")
        for each in reference["voices"]
    ]
    assert wanted == [tuple(voice) for voice in VOICES]
    assert set(reference["locales"]) == LOCALES
    lang = reference["ssml"]["tags"]["lang"]["attributes"]["xml:lang"]
    assert set(lang["values"]) == SSML_LANGUAGES


def test_open_lists_are_known_and_not_enforced() -> None:
    open_lists = {
        (verb.__name__, known.name)
        for verb in VERBS
        for known in describe(verb).written
        if any(isinstance(mark, OneOfKnown) for mark in known.marks)
    }
    assert open_lists == OPEN
