"""Problems as the reader of markup needs them: with line and column, and in the vendor's spelling.

Reading markup finds problems of elements; ``check`` finds problems of verbs, which know of no markup
and are found in it again by their paths.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from msgspec.structs import replace

from bxml._declare import Checked, describe
from bxml._markup import root_of, utf8_of
from bxml._places import Places
from bxml._speech import TAGS
from bxml.document import VERBS
from bxml.errors import Problem

XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"

_CLASSES: Mapping[str, type[Checked]] = {each.element_name(): each for each in (*VERBS, *TAGS)}

# A word, unless it stands in quotation marks or in a value, which is always last: "(got …)".
_WORD = re.compile(r"""\(got .*|(?<!\w)'[^']*'|(?<!\w)"[^"]*"|\w+""", re.DOTALL)
_INDEX = re.compile(r"\[(\d+)\] > ")


class Found(NamedTuple):
    """A problem, and what has to be looked up for its place."""

    problem: Problem
    element: Any
    attribute: str | None = None
    """As lxml or as the vendor spells it."""
    text: bool = False
    after: Any = None


def located(found: Iterable[Found], root: Any, text: str) -> list[Problem]:
    """The problems with line and column, in document order; ``text`` is the source of ``root``."""
    places = Places(text)
    order = {element: number for number, element in enumerate(root.iter())}
    # By element, since one tag may hold thousands of attributes.
    indexes: dict[int, dict[str, int]] = {}
    placed = []
    for each in found:
        number = order[each.element]
        if each.text:
            place = places.of_text(number, None if each.after is None else order[each.after])
        else:
            if number not in indexes:
                indexes[number] = {name: at for at, name in enumerate(each.element.attrib)}
            index = indexes[number].get(_key(each.attribute or ""))
            of_attribute = places.of_attribute
            place = places.of_element(number) if index is None else of_attribute(number, index)
        placed.append(replace(each.problem, line=place[0], column=place[1]))
    return sorted(placed, key=lambda problem: (problem.line or 0, problem.column or 0))


def located_in(source: str | bytes, problems: Iterable[Problem]) -> list[Problem]:
    """The problems that ``check`` has with a document, as they stand in what it was parsed from."""
    data = utf8_of(source)
    root = root_of(data)
    found = []
    for problem in problems:
        element = root
        for index in _INDEX.findall(problem.path):
            element = element[int(index)]
        told = in_markup(problem, _CLASSES[element.tag], problem.path)
        is_text = told.attribute == "text"
        found.append(Found(told, element, attribute=told.attribute, text=is_text))
    return located(found, root, data.decode())


def in_markup(problem: Problem, cls: type[Checked], path: str) -> Problem:
    """A problem of an object of ``cls`` in the vendor's spelling, since the reader looks at markup."""
    vendors = _vendors_spelling(cls)
    message = _WORD.sub(lambda word: vendors.get(word[0], word[0]), problem.message)
    name = problem.attribute
    attribute = None if name is None else vendors.get(name, name)
    return replace(problem, path=path, message=message, attribute=attribute)


@cache
def _vendors_spelling(cls: type[Checked]) -> Mapping[str, str]:
    return {known.name: known.vendor_name for known in describe(cls).written}


def _key(name: str) -> str:
    """The name by which lxml knows an attribute."""
    return name.replace("xml:", XML_NAMESPACE)
