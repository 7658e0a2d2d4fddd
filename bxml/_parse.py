"""From markup to documents: hardened against hostile input, and with a place for every problem.

lxml reads the markup and the constructors of the verbs check it. Only when something is wrong is
the source read a second time, by expat, which knows the line and the column of every element.
"""

import difflib
import re
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple
from xml.parsers import expat

from lxml import etree
from msgspec.structs import replace

from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe
from bxml.document import LARGEST, VERBS, Bxml, Response
from bxml.errors import InvalidVerb, ParseError, Problem

ROOTS: Mapping[str, type[Response | Bxml]] = {"Response": Response, "Bxml": Bxml}


def parse(source: str | bytes) -> Response | Bxml:
    """Read a BXML document. ``parse(document.to_bxml()) == document`` for every document.

    Comments and processing instructions are skipped; white space between elements is too. Document
    types, entities and more than 65,536 bytes are refused.

    Raises:
        ParseError: The source is not a BXML document. ``problems`` holds every problem with its
            line and column; where the markup is not well-formed, the first one.
    """
    root = _read(source)
    reading = _Reading()
    document = reading.root(root)
    if reading.found:
        raise ParseError(_located(reading.found, root, source))
    assert document is not None  # noqa: S101  # without a problem there is a document
    return document


class _Found(NamedTuple):
    element: Any
    problem: Problem


class _Parsers(threading.local):
    """One lxml parser a thread: sharing one would make the threads wait for each other."""

    def __init__(self) -> None:
        options: dict[str, Any] = {
            "resolve_entities": False,
            "load_dtd": False,
            "no_network": True,
            "huge_tree": False,
            "remove_comments": True,
            "remove_pis": True,
        }
        self.of_bytes = etree.XMLParser(**options)
        # The declaration of a str may name an encoding that it is no longer in.
        self.of_text = etree.XMLParser(encoding="utf-8", **options)


_parsers = _Parsers()


def _read(source: str | bytes) -> Any:
    """The root element of well-formed, harmless markup of bearable size."""
    if isinstance(source, str):
        try:
            data = source.removeprefix("\ufeff").encode()
        except UnicodeEncodeError as error:
            line = source.count("\n", 0, error.start) + 1
            column = error.start - source.rfind("\n", 0, error.start)
            words = f"holds U+{ord(source[error.start]):04X}, which XML cannot carry"
            raise ParseError([_problem("xml-character", words, line, column)]) from None
        parser = _parsers.of_text
    elif isinstance(source, bytes | bytearray | memoryview):
        data, parser = bytes(source), _parsers.of_bytes
    else:
        raise TypeError(f"parse() takes str or bytes (got {type(source).__name__})")
    if len(data) > LARGEST:
        words = f"a document may hold at most {LARGEST:,} bytes (got {len(data):,})"
        raise ParseError([_problem("doc-size", words, 1, 1)])
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        words = re.sub(r", line \d+, column \d+.*", "", str(error.msg), flags=re.DOTALL)
        words = words if len(words) <= 200 else f"{words[:200]}…"
        raise ParseError(
            [_problem("doc-wellformed", f"not well-formed: {words}", line or 1, max(column, 1))]
        ) from None
    except (LookupError, ValueError) as error:
        raise ParseError([_problem("doc-wellformed", f"cannot be read: {error}", 1, 1)]) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        words = "a document type (<!DOCTYPE …>) is not allowed; BXML has none"
        raise ParseError([_problem("doc-dtd", words, 1, 1)])
    return root


class _Reading:
    """One pass over a document. Goes on after a problem, so that all of them are found."""

    def __init__(self) -> None:
        self.found: list[_Found] = []

    def root(self, element: Any) -> Response | Bxml | None:
        cls = ROOTS.get(element.tag)
        if cls is None:
            words = (
                f"<{_name(element)}> is not the root of a document; it must be <Response> or <Bxml>"
            )
            self._wrong(element, "root", "", words)
            return None
        document: Response | Bxml | None = self._verb(element, cls, cls.__name__)
        return document

    def _verb(self, element: Any, cls: type[Any], path: str) -> Any:
        """The verb that an element is; None, with its problems noted, where it is none."""
        here = _attributes(cls)
        values: dict[str, Any] = {}
        for name, value in element.items():
            known = here.get(name)
            if known is None:
                self._unknown_attribute(element, name, cls, path)
            else:
                values[known.name] = known.kind.read(value)
        described = describe(cls)
        if described.content:
            values["text"] = described.content.kind.read(element.text or "")
        elif element.text and not element.text.isspace():
            self._wrong(element, "text", path, f"may not hold text (got {_start(element.text)})")
        children = self._children(element, cls, path)
        if described.holds:
            values["children"] = children
        try:
            return cls(**values)
        except InvalidVerb as error:
            self.found += [_Found(element, _in_markup(each, cls, path)) for each in error.problems]
            return None

    def _children(self, element: Any, cls: type[Any], path: str) -> list[Any]:
        """The verbs in an element, without those that are wrong."""
        allowed = {held.__name__: held for held in describe(cls).holds or ()}
        sound = []
        for index, child in enumerate(element):
            at = f"{path}[{index}] > {_name(child)}"
            verb = allowed.get(child.tag)
            if verb is None:
                self._misplaced(child, cls, at)
            elif (inner := self._verb(child, verb, at)) is not None:
                lacks = inner.lacks() if isinstance(inner, Container) else []
                if not lacks:
                    sound.append(inner)
                elif not len(child):
                    self.found += [_Found(child, _in_markup(each, verb, at)) for each in lacks]
            if child.tail and not child.tail.isspace() and not describe(cls).content:
                words = f"may not hold text (got {_start(child.tail)} after <{_name(child)}>)"
                self._wrong(element, "text", path, words)
        return sound

    def _misplaced(self, element: Any, parent: type[Any], path: str) -> None:
        name = _name(element)
        if name in _ELEMENTS:
            if issubclass(parent, Container):
                words = f"{parent.may_hold()} (got <{name}>)"
            else:
                words = f"a {parent.__name__} may hold no other verb (got <{name}>)"
            self._wrong(element, "nesting", path, words)
            return
        close = _closest(name, tuple(_ELEMENTS))
        hint = f"; did you mean <{close}>?" if close else ""
        self._wrong(element, "element-unknown", path, f"<{name}> is not a BXML verb{hint}")

    def _unknown_attribute(self, element: Any, name: str, cls: type[Any], path: str) -> None:
        known = tuple(_attributes(cls))
        close = _closest(name, known)
        listed = f"known are {', '.join(known)}" if known else "it has none"
        hint = f"did you mean {close}?" if close else listed
        name = _shortened(name)
        problem = _problem("attribute-unknown", f"{name} is not an attribute; {hint}")
        self.found.append(_Found(element, replace(problem, path=path, attribute=name)))

    def _wrong(self, element: Any, rule: str, path: str, words: str) -> None:
        self.found.append(_Found(element, replace(_problem(rule, words), path=path)))


def _problem(rule: str, words: str, line: int | None = None, column: int | None = None) -> Problem:
    return Problem(rule, "error", "", words, line, column)


def _by_vendor_name(cls: type[Verb]) -> dict[str, Attribute]:
    return {known.vendor_name: known for known in describe(cls).written}


_attributes: Callable[[type[Verb]], dict[str, Attribute]] = cache(_by_vendor_name)

_ELEMENTS: Mapping[str, type[Verb]] = {verb.__name__: verb for verb in VERBS}


def _closest(name: str, known: tuple[str, ...]) -> str | None:
    if len(name) > 40:
        return None
    lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lower, 1, 0.7)
    return lower[close[0]] if close else None


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"


def _name(element: Any) -> str:
    return _shortened(str(element.tag))


def _start(text: str) -> str:
    return repr(_shortened(text.strip()))


def _in_markup(problem: Problem, cls: type[Any], path: str) -> Problem:
    """A constructor's problem in the vendor's spelling, since the reader looks at markup."""
    if problem.attribute is None:
        return replace(problem, path=path)
    described = describe(cls)
    spelled = {known.name: known.vendor_name for known in described.written}
    vendor = spelled.get(problem.attribute, problem.attribute)
    message = vendor + problem.message.removeprefix(problem.attribute)
    return replace(problem, path=path, message=message, attribute=vendor)


def _located(found: list[_Found], root: Any, source: str | bytes) -> list[Problem]:
    """The problems with line and column, in document order."""
    if isinstance(source, str):
        text = source.removeprefix("\ufeff")
    else:
        encoding = root.getroottree().docinfo.encoding or "utf-8"
        text = bytes(source).decode(encoding, "replace").removeprefix("\ufeff")
    data = text.encode()
    starts: list[tuple[int, int, int]] = []
    reader = expat.ParserCreate("utf-8")

    def start(_name: str, _attributes: dict[str, str]) -> None:
        starts.append(
            (reader.CurrentLineNumber, reader.CurrentColumnNumber + 1, reader.CurrentByteIndex)
        )

    reader.StartElementHandler = start
    reader.Parse(data, True)
    order = {element: index for index, element in enumerate(root.iter())}
    located = []
    for element, problem in found:
        line, column, offset = starts[order[element]]
        if problem.attribute and problem.attribute in element.attrib:
            line, column = _of_attribute(data, offset, problem.attribute)
        located.append(replace(problem, line=line, column=column))
    return sorted(located, key=lambda problem: (problem.line or 0, problem.column or 0))


_ATTRIBUTE = re.compile(rb"""\s([^\s=<>"'/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


def _of_attribute(data: bytes, offset: int, name: str) -> tuple[int, int]:
    """Line and column of an attribute's name in the start tag at ``offset``."""
    for match in _ATTRIBUTE.finditer(data, offset):
        if match[1].decode() == name:
            before = data[: match.start(1)]
            return before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
    raise AssertionError(f"no attribute {name} at offset {offset}")
