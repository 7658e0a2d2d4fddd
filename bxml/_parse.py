"""From markup to documents: hardened against hostile input, and with a place for every problem.

lxml reads the markup and the constructors of the verbs check it. Only when something is wrong is
the source read a second time, for the line and the column of what is wrong.
"""

import codecs
import difflib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from lxml import etree
from msgspec.structs import replace

from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe
from bxml._places import Places
from bxml.document import LARGEST, VERBS, Bxml, Response
from bxml.errors import InvalidVerb, ParseError, Problem

DEEPEST = 8
"""Levels of misplaced verbs that are read all the same. Sound documents have three."""

ROOTS: Mapping[str, type[Response | Bxml]] = {"Response": Response, "Bxml": Bxml}


def parse(source: str | bytes) -> Response | Bxml:
    """Read a BXML document. ``parse(document.to_bxml()) == document`` for every document.

    Comments and processing instructions are skipped; white space between elements is too. Document
    types, entities and more than 65,536 bytes are refused.

    Raises:
        ParseError: The source is not a BXML document. ``problems`` holds every problem with its
            line and column; where the markup is not well-formed, the first one.
    """
    text = _text_of(source)
    root = _read(text)
    reading = _Reading()
    document = reading.root(root)
    if reading.found:
        raise ParseError(_located(reading.found, root, text))
    assert document is not None  # noqa: S101  # without a problem there is a document
    return document


class _Found(NamedTuple):
    """A problem, and what has to be looked up for its place."""

    problem: Problem
    element: Any
    attribute: str | None = None
    text: bool = False
    after: Any = None


class _Parsers(threading.local):
    """One lxml parser a thread: sharing one would make the threads wait for each other."""

    def __init__(self) -> None:
        self.parser = etree.XMLParser(
            encoding="utf-8",  # whatever the declaration says: the source was decoded already
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )


_parsers = _Parsers()

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")


def _text_of(source: str | bytes) -> str:
    """The characters of a source: by its byte-order mark, else by its declaration, else UTF-8."""
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    if not isinstance(source, bytes | bytearray | memoryview):
        raise TypeError(f"parse() takes str or bytes (got {type(source).__name__})")
    data = bytes(source)
    _bound(data)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if encoding is None:
        declared = _DECLARED.match(data)
        encoding = declared[1].decode() if declared else "utf-8"
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        words = f"cannot be read: the encoding {encoding!r} is not known"
    except UnicodeError as error:
        words = f"not well-formed: it is not {encoding} ({error.__class__.__name__})"
        if isinstance(error, UnicodeDecodeError):
            words = f"not well-formed: it is not {encoding} at byte {error.start}"
    raise ParseError([_problem("doc-wellformed", words, 1, 1)])


def _bound(data: bytes) -> None:
    if len(data) > LARGEST:
        words = f"a document may hold at most {LARGEST:,} bytes (got {len(data):,})"
        raise ParseError([_problem("doc-size", words, 1, 1)])


def _read(text: str) -> Any:
    """The root element of well-formed, harmless markup of bearable size."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        column = error.start - text.rfind("\n", 0, error.start)
        words = f"holds U+{ord(text[error.start]):04X}, which XML cannot carry"
        raise ParseError([_problem("xml-character", words, line, column)]) from None
    _bound(data)
    try:
        root = etree.fromstring(data, _parsers.parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        words = f"not well-formed: {_reason(error)}"
        raise ParseError([_problem("doc-wellformed", words, line or 1, max(column, 1))]) from None
    docinfo: Any = root.getroottree().docinfo
    if docinfo.doctype or docinfo.internalDTD is not None:
        words = "a document type (<!DOCTYPE …>) is not allowed; BXML has none"
        raise ParseError([_problem("doc-dtd", words, 1, 1)])
    return root


# In libxml2's words a name may be part of a value that was not quoted as it should be: of a password.
_REASONS = {
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "an entity that XML does not know; write & as &amp;",
    etree.ErrorTypes.ERR_ENTITYREF_SEMICOL_MISSING: "an & that begins no entity; write it as &amp;",
    etree.ErrorTypes.ERR_ATTRIBUTE_WITHOUT_VALUE: "an attribute without a value",
    etree.ErrorTypes.ERR_ATTRIBUTE_REDEFINED: "an attribute that is written twice",
}


def _reason(error: Any) -> str:
    if error.code in _REASONS:
        return _REASONS[error.code]
    words = re.sub(r", line \d+, column \d+.*", "", str(error.msg), flags=re.DOTALL)
    words = re.sub(r"'[^']*'", "'…'", words).strip()
    return _shortened(words, 200)


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
            self._wrong(_Found(_problem("root", words), element))
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
            words = f"may not hold text (got {_start(element.text)})"
            self._wrong(_Found(_problem("text", words, path=path), element, text=True))
        sound = self._children(element, cls, path)
        if described.holds:
            values["children"] = sound
        try:
            verb = cls(**values)
        except InvalidVerb as error:
            self._refused(element, cls, path, error.problems)
            return None
        if described.holds and len(sound) < len(element):
            # Those that are wrong count all the same.
            crowded = verb.crowded(len(element)) if len(element) > verb.room() else []
            self._refused(element, cls, path, crowded)
        return verb

    def _refused(
        self, element: Any, cls: type[Any], path: str, problems: Iterable[Problem]
    ) -> None:
        for problem in problems:
            # Text with elements in it was not read whole: they are what is wrong with it.
            if not (problem.attribute == "text" and len(element)):
                told = _in_markup(problem, cls, path)
                self._wrong(_Found(told, element, attribute=told.attribute))

    def _children(self, element: Any, cls: type[Any], path: str) -> list[Any]:
        """The verbs in an element, without those that are wrong."""
        allowed = {held.__name__: held for held in describe(cls).holds or ()}
        sound = []
        for index, child in enumerate(element):
            at = f"{path}[{index}] > {_name(child)}"
            verb = allowed.get(child.tag)
            if verb is None:
                self._misplaced(child, cls, at)
            else:
                inner = self._verb(child, verb, at)
                if issubclass(verb, Container) and len(child) < verb.least:
                    self._refused(child, verb, at, verb().lacks())
                # One whose own children are wrong lacks them; that was told already.
                if inner is not None and not (isinstance(inner, Container) and inner.lacks()):
                    sound.append(inner)
            if child.tail and not child.tail.isspace() and not describe(cls).content:
                words = f"may not hold text (got {_start(child.tail)} after <{_name(child)}>)"
                problem = _problem("text", words, path=path)
                self._wrong(_Found(problem, element, text=True, after=child))
        return sound

    def _misplaced(self, element: Any, parent: type[Any], path: str) -> None:
        name = _name(element)
        known = _ELEMENTS.get(element.tag)
        if known is None:
            close = _closest(name, tuple(_ELEMENTS))
            hint = f"; did you mean <{close}>?" if close else ""
            words = f"<{name}> is not a BXML verb{hint}"
            self._wrong(_Found(_problem("element-unknown", words, path=path), element))
            return
        if issubclass(parent, Container):
            words = f"{parent.may_hold()} (got <{name}>)"
        else:
            words = f"a {parent.__name__} may hold no other verb (got <{name}>)"
        self._wrong(_Found(_problem("nesting", words, path=path), element))
        # What is wrong inside it is wrong wherever it stands; but depth has its bounds.
        if path.count(" > ") < DEEPEST:
            self._verb(element, known, path)

    def _unknown_attribute(self, element: Any, name: str, cls: type[Any], path: str) -> None:
        known = tuple(_attributes(cls))
        close = _closest(name, known)
        listed = f"known are {', '.join(known)}" if known else "it has none"
        hint = f"did you mean {close}?" if close else listed
        spelled = _shortened(_spelled(element, name))
        problem = _problem("attribute-unknown", f"{spelled} is not an attribute; {hint}", path=path)
        self._wrong(_Found(replace(problem, attribute=spelled), element, attribute=name))

    def _wrong(self, found: _Found) -> None:
        self.found.append(found)


def _problem(
    rule: str, words: str, line: int | None = None, column: int | None = None, *, path: str = ""
) -> Problem:
    return Problem(rule, "error", path, words, line, column)


def _by_vendor_name(cls: type[Verb]) -> dict[str, Attribute]:
    return {known.vendor_name: known for known in describe(cls).written}


_attributes: Callable[[type[Verb]], dict[str, Attribute]] = cache(_by_vendor_name)

_ELEMENTS: Mapping[str, type[Verb]] = {verb.__name__: verb for verb in VERBS}


@cache
def _closest(name: str, known: tuple[str, ...]) -> str | None:
    if len(name) > 40:
        return None
    lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lower, 1, 0.7)
    return lower[close[0]] if close else None


def _shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _spelled(element: Any, name: str) -> str:
    """An attribute's name as the source has it, with its prefix."""
    space, _, local = name.removeprefix("{").rpartition("}")
    if not space:
        return name
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix}
    prefix = "xml" if space.endswith("/XML/1998/namespace") else prefixes.get(space, "?")
    return f"{prefix}:{local}"


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


def _located(found: list[_Found], root: Any, text: str) -> list[Problem]:
    """The problems with line and column, in document order."""
    places = Places(text)
    order = {element: number for number, element in enumerate(root.iter())}
    # By element, since one tag may hold thousands of attributes.
    indexes: dict[int, dict[str, int]] = {}
    located = []
    for each in found:
        number = order[each.element]
        if each.text:
            place = places.of_text(number, None if each.after is None else order[each.after])
        else:
            if number not in indexes:
                indexes[number] = {name: at for at, name in enumerate(each.element.attrib)}
            index = indexes[number].get(each.attribute or "")
            of_attribute = places.of_attribute
            place = places.of_element(number) if index is None else of_attribute(number, index)
        located.append(replace(each.problem, line=place[0], column=place[1]))
    return sorted(located, key=lambda problem: (problem.line or 0, problem.column or 0))
