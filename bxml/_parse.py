"""From markup to documents.

The quick reading takes a document for sound and stops at the first thing that is not. Only then is
it read again, in full, for everything that is wrong with it.
"""

from collections.abc import Callable
from typing import Any

from bxml._declare import Checked, describe
from bxml._diagnose import diagnosed, diagnosed_ssml, key
from bxml._kinds import XML_SPACE, Boolean, Number
from bxml._markup import root_of, utf8_of
from bxml._speech import TAGS, Part, Spoken, joined, parts
from bxml.document import VERBS, Bxml, Response
from bxml.errors import InvalidVerb, ParseError


def parse(source: str | bytes) -> Response | Bxml:
    """Read a BXML document. ``parse(document.to_bxml()) == document`` for every document.

    Comments and processing instructions are skipped; white space between elements is too. Document
    types, entities, XInclude and more than 65,536 bytes are refused.

    Raises:
        ParseError: The source is not a BXML document. ``problems`` holds every problem with its
            line and column; where the markup is not well-formed, the first one.
    """
    data = utf8_of(source)
    root = root_of(data)
    try:
        document: Any = _verbs[root.tag](root)
    except (InvalidVerb, LookupError, TypeError, RecursionError):
        document = None
    # A verb that is no document is sound, and no root.
    return document if isinstance(document, _ROOTS) else diagnosed(root, data.decode())


def parse_ssml(markup: str) -> tuple[Part, ...]:
    """See ``bxml.ssml.parse``, which is this one's public name."""
    if not isinstance(markup, str):
        raise TypeError(f"ssml.parse() takes str (got {type(markup).__name__})")
    text = f"<ssml>{markup}</ssml>"
    try:
        root = root_of(utf8_of(text))
        try:
            return parts(joined(_mixed(root)))
        except (InvalidVerb, LookupError, TypeError, RecursionError):
            return parts(diagnosed_ssml(root, text))
    except ParseError as error:
        raise ParseError(_without_wrapping(error, markup)) from None


def _without_wrapping(error: ParseError, markup: str) -> list[Any]:
    from msgspec.structs import replace  # noqa: PLC0415  # only for those who made a mistake

    lines = markup.split("\n")
    told = []
    for each in error.problems:
        line = min(each.line or 1, len(lines))
        column = (each.column or 1) - (len("<ssml>") if line == 1 else 0)
        # Where the markup has come to its end, the place is behind it, and not in the wrapping.
        column = min(max(column, 1), len(lines[line - 1]) + 1)
        told.append(replace(each, line=line, column=column))
    return told


_ROOTS = (Response, Bxml)

Reader = Callable[[Any], Any]
"""The verb or tag that an element is. Raises something or other if it is none."""


class _Readers(dict[str, Reader]):
    """A reader for each of some elements, by name, made when it is first asked for."""

    def __init__(self, *classes: type[Checked]) -> None:
        super().__init__()
        self.elements = {each.element_name(): each for each in classes}

    def __missing__(self, name: str) -> Reader:
        reader = self[name] = _reader(self.elements[name])
        return reader


_verbs = _Readers(*VERBS)
_tags = _Readers(*TAGS)


def _reader(cls: type[Checked]) -> Reader:
    """One function for each shape of element, with what it needs of the class at hand.

    The constructors see whether each child may stand where it does.
    """
    described = describe(cls)
    names = {key(known): known.name for known in described.written}
    # White space around other values is rare enough to be left to the full reading.
    reads: Reads = {
        known.name: known.kind.read
        for known in described.written
        if isinstance(known.kind, Number | Boolean)
    }
    content = described.content
    if content is None:
        return _reader_of_verbs(cls.build, names, reads)
    if isinstance(content.kind, Spoken):
        return _reader_of_speech(cls.build, names)
    return _reader_of_text(cls.build, names, reads)


Reads = dict[str, Callable[[str], Any]]


def _reader_of_speech(build: Callable[..., Any], names: dict[str, str]) -> Reader:
    def read(element: Any) -> Any:
        values = {"text": _mixed(element) if len(element) else element.text or ""}
        for name, value in element.items():
            values[names[name]] = value
        return build(**values)

    return read


def _reader_of_text(build: Callable[..., Any], names: dict[str, str], reads: Reads) -> Reader:
    def read(element: Any) -> Any:
        if len(element):
            raise LookupError
        values = {"text": (element.text or "").strip(XML_SPACE)}
        for name, value in element.items():
            field = names[name]
            values[field] = reads[field](value) if field in reads else value
        return build(**values)

    return read


def _reader_of_verbs(build: Callable[..., Any], names: dict[str, str], reads: Reads) -> Reader:
    verbs = _verbs

    def read(element: Any) -> Any:
        values = {}
        for name, value in element.items():
            field = names[name]
            values[field] = reads[field](value) if field in reads else value
        if (text := element.text) and text.strip(XML_SPACE):
            raise LookupError
        if len(element):
            children = []
            for child in element[:]:
                children.append(verbs[child.tag](child))
                if (text := child.tail) and text.strip(XML_SPACE):
                    raise LookupError
            values["children"] = tuple(children)
        return build(**values)

    return read


def _mixed(element: Any) -> list[Part]:
    """The text and the tags in an element."""
    mixed: list[Part] = [element.text or ""]
    for child in element:
        mixed.append(_tags[child.tag](child))
        mixed.append(child.tail or "")
    return mixed
