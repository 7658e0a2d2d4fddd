"""From documents to the Python that builds them."""

from collections.abc import Iterator
from functools import cache
from inspect import Parameter, signature
from typing import Any, NamedTuple

from bxml._declare import Checked
from bxml._speech import Tag
from bxml.document import Document

WIDTH = 100
"""Columns of a line of code, where what stands in it can be broken."""

INDENT = "    "


def code(document: Document) -> str:
    """Python source that builds an equal document and calls it ``document``.

    Every value is written as it is: passwords too, which ``repr`` does not show.
    """
    names = _imported(document)
    imports = f"from bxml import {', '.join(names)}"
    if len(imports) > WIDTH:
        imports = "\n".join(["from bxml import (", *(f"{INDENT}{name}," for name in names), ")"])
    return f"{imports}\n\ndocument = {_laid_out(_expression(document), '', len('document = '))}\n"


class _Group(NamedTuple):
    """A call or a list: what stands between brackets, each with what stands before it."""

    opening: str
    items: list[tuple[str, "_Group | str"]]
    closing: str
    flat: str
    """All of it on one line."""


def _group(opening: str, items: list[tuple[str, _Group | str]], closing: str) -> _Group:
    inner = ", ".join(label + _flat(item) for label, item in items)
    return _Group(opening, items, closing, f"{opening}{inner}{closing}")


def _flat(expression: _Group | str) -> str:
    return expression if isinstance(expression, str) else expression.flat


@cache
def _parameters(cls: type[Checked]) -> tuple[Parameter, ...]:
    return tuple(signature(cls).parameters.values())


def _expression(value: Any) -> _Group | str:
    if isinstance(value, tuple):
        # A list of what is inside, and no chain of calls: Python reads lists of any length, and
        # gives up on an expression of some thousand calls.
        return _group("[", [("", _expression(each)) for each in value], "]")
    if not isinstance(value, Checked):
        return repr(value)
    items = []
    by_position = True
    for parameter in _parameters(type(value)):
        given = getattr(value, parameter.name)
        by_position &= parameter.kind is not Parameter.KEYWORD_ONLY
        if given == parameter.default:
            by_position = False
            continue
        items.append(("" if by_position else f"{parameter.name}=", _expression(given)))
    return _group(f"{value.shown_name()}(", items, ")")


def _laid_out(expression: _Group | str, indent: str, used: int) -> str:
    """The code on as many lines as it takes; ``used`` columns of the first one are taken."""
    flat = _flat(expression)
    # A comma follows, but for the last bracket.
    if isinstance(expression, str) or not expression.items or used + len(flat) < WIDTH:
        return flat
    opening, items, closing, _ = expression
    label, only = items[0]
    if len(items) == 1 and not label and isinstance(only, _Group) and only.opening == "[":
        return f"{opening}{_laid_out(only, indent, WIDTH)}{closing}"
    deeper = indent + INDENT
    lines = [
        f"{deeper}{label}{_laid_out(item, deeper, len(deeper) + len(label))},\n"
        for label, item in items
    ]
    return f"{opening}\n{''.join(lines)}{indent}{closing}"


def _imported(document: Document) -> list[str]:
    """What the code imports from ``bxml``, in the order of isort."""
    classes = set(_classes(document))
    verbs = sorted(cls.__name__ for cls in classes if not issubclass(cls, Tag))
    return [*verbs, "ssml"] if any(issubclass(cls, Tag) for cls in classes) else verbs


def _classes(value: Any) -> Iterator[type[Checked]]:
    """The classes of an object and of all that it holds."""
    if isinstance(value, Checked):
        yield type(value)
        for parameter in _parameters(type(value)):
            yield from _classes(getattr(value, parameter.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _classes(each)
