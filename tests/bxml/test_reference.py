"""The declarations against the reference of the language."""

from typing import Any

import pytest

from bxml import VERBS
from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe, python_name, vendor_name
from bxml._kinds import Boolean, Choice, Number, Text

WORDS = {"string": Text, "url": Text, "dtmf-set": Text, "e164": Text, "uui": Text}

# Attributes whose values the vendor may extend: they are open, though the reference lists values.
OPEN = {("SpeakSentence", "voice"), ("SpeakSentence", "locale")}


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
    known = {each.__name__ for each in VERBS}
    wanted = {child["name"] for child in element["children"]} & known
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
        if " " not in hook["urlAttribute"]  # of another element, or of the REST API
    }
    assert wanted == {
        (known.vendor_name, known.delivers.event)
        for known in describe(verb).attributes
        if known.delivers
    }


def test_one_rule_spells_all_names() -> None:
    assert vendor_name("gather_url") == "gatherUrl"
    assert vendor_name("from_") == "from"
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
