"""Every attribute of the language has a test, or a reason why it has no effect."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bxml import VERBS
from bxml._declare import describe

WRITER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "write.py"

ATTRIBUTES = {
    f"{cls.__name__}.{each.vendor_name}"
    for cls in VERBS
    for each in describe(cls).attributes
    if each.name != "text"  # shown as the verb itself
}
ITSELF = {cls.__name__ for cls in VERBS}


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_fidelity", WRITER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shown(writer: ModuleType) -> list[Any]:
    return list(writer.shown())


@pytest.fixture(scope="module")
def without(writer: ModuleType) -> set[str]:
    return set(writer.BY_HAND["without_effect"])


def test_every_attribute_is_shown_by_a_test_or_has_no_effect(
    shown: list[Any], without: set[str]
) -> None:
    assert (ATTRIBUTES | ITSELF) - {each.name for each in shown} - without == set()


def test_what_has_no_effect_is_shown_by_no_test(shown: list[Any], without: set[str]) -> None:
    assert without & {each.name for each in shown} == set()


def test_every_name_in_the_table_is_one_of_the_language(
    shown: list[Any], without: set[str]
) -> None:
    assert {each.name for each in shown} | without <= ATTRIBUTES | ITSELF


def test_every_test_in_the_table_says_whose_word_it_is_and_what_it_is(shown: list[Any]) -> None:
    assert {each.label for each in shown} == {"documented", "inferred"}
    assert [each.test for each in shown if not each.statement] == []
