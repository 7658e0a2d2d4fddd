"""From markup to documents.

The quick reading takes a document for sound and stops at the first thing that is not. Only then is
it read again, in full, for everything that is wrong with it.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from bxml._declare import Checked, describe
from bxml._diagnose import ROOTS, diagnosed, diagnosed_ssml, key
from bxml._kinds import XML_SPACE
from bxml._markup import root_of, text_of
from bxml._speech import DEEPEST, TAGS, Part, Spoken, joined, parts
from bxml.document import Bxml, Response
from bxml.errors import InvalidVerb, ParseError


def parse(source: str | bytes) -> Response | Bxml:
    """Read a BXML document. ``parse(document.to_bxml()) == document`` for every document.

    Comments and processing instructions are skipped; white space between elements is too. Document
    types, entities, XInclude and more than 65,536 bytes are refused.

    Raises:
        ParseError: The source is not a BXML document. ``problems`` holds every problem with its
            line and column; where the markup is not well-formed, the first one.
    """
    text = text_of(source)
    root = root_of(text)
    document: Response | Bxml
    try:
        document = _read(root, _reader(ROOTS[root.tag]))
    except (InvalidVerb, LookupError, TypeError):
        document = diagnosed(root, text)
    return document


def parse_ssml(markup: str) -> tuple[Part, ...]:
    """See ``bxml.ssml.parse``, which is this one's public name."""
    if not isinstance(markup, str):
        raise TypeError(f"ssml.parse() takes str (got {type(markup).__name__})")
    text = f"<ssml>{markup}</ssml>"
    try:
        root = root_of(text)
        try:
            return parts(joined(_mixed(root)))
        except (InvalidVerb, LookupError, TypeError):
            return parts(diagnosed_ssml(root, text))
    except ParseError as error:
        raise ParseError(_without_wrapping(error)) from None


def _without_wrapping(error: ParseError) -> list[Any]:
    from msgspec.structs import replace  # noqa: PLC0415  # only for those who made a mistake

    shift = len("<ssml>")
    return [
        replace(each, column=max((each.column or 1) - shift, 1)) if each.line == 1 else each
        for each in error.problems
    ]


class _Reader(NamedTuple):
    """What the quick reading must know of a class."""

    build: Callable[..., Any]
    attributes: dict[str, tuple[str, Callable[[str], Any] | None]]
    """By their names in markup: the field, and what reads it, if it is not the text itself."""
    content: Callable[[str], Any] | None
    mixed: bool
    holds: dict[str, type[Checked]] | None


def _describe_reader(cls: type[Checked]) -> _Reader:
    described = describe(cls)
    content = described.content
    return _Reader(
        build=cls.build,
        attributes={
            key(known): (known.name, None if known.kind.verbatim else known.kind.read)
            for known in described.written
        },
        content=content.kind.read if content else None,
        mixed=content is not None and isinstance(content.kind, Spoken),
        holds=None
        if described.holds is None
        else {held.element_name(): held for held in described.holds},
    )


_reader: Callable[[type[Checked]], _Reader] = cache(_describe_reader)

_TAGS = {tag.element_name(): tag for tag in TAGS}


def _read(element: Any, reader: _Reader, depth: int = 0) -> Any:
    """The verb or tag that an element is. Raises something or other if it is none."""
    build, attributes, content, mixed, holds = reader
    values: dict[str, Any] = {}
    for name, value in element.items():
        field, read = attributes[name]
        values[field] = value if read is None else read(value)
    if mixed:
        values["text"] = _mixed(element, depth) if len(element) else element.text or ""
        return build(**values)
    if content is not None:
        if len(element):
            raise LookupError
        values["text"] = content(element.text or "")
        return build(**values)
    if (text := element.text) and text.strip(XML_SPACE):
        raise LookupError
    children = []
    for child in element:
        if holds is None:
            raise LookupError
        children.append(_read(child, _reader(holds[child.tag])))
        if (tail := child.tail) and tail.strip(XML_SPACE):
            raise LookupError
    if children:
        values["children"] = tuple(children)
    return build(**values)


def _mixed(element: Any, depth: int = 0) -> list[Part]:
    """The text and the tags in an element."""
    if depth >= DEEPEST:
        raise LookupError
    mixed: list[Part] = [element.text or ""]
    for child in element:
        mixed.append(_read(child, _reader(_TAGS[child.tag]), depth + 1))
        mixed.append(child.tail or "")
    return mixed
