"""Everything that is wrong with a document in markup, and where it stands.

Reads on after a problem, so that all of them are found; and only once something is wrong is the
source scanned for lines and columns.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from msgspec.structs import replace

from bxml._compose import Container, Verb, stands_in
from bxml._declare import Attribute, Checked, describe
from bxml._kinds import XML_SPACE
from bxml._locate import XML_NAMESPACE, Found, in_markup, located
from bxml._speech import DEEPEST as DEEPEST_SPEECH
from bxml._speech import TAGS, Part, Spoken, Tag, joined
from bxml.document import VERBS, Bxml, Response
from bxml.errors import InvalidVerb, ParseError, Problem

DEEPEST = 8
"""Levels of misplaced verbs that are read all the same. Sound documents have three."""

ROOTS: Mapping[str, type[Response | Bxml]] = {"Response": Response, "Bxml": Bxml}

XINCLUDE = "{http://www.w3.org/2001/XInclude}"


def key(known: Attribute) -> str:
    """The name by which lxml knows an attribute."""
    return known.vendor_name.replace("xml:", XML_NAMESPACE)


def diagnosed(root: Any, text: str) -> Response | Bxml:
    """The document that ``root`` is; ``text`` is its source.

    Raises:
        ParseError: Something is wrong with it. All of that is told, with line and column.
    """
    reading = _Reading()
    document = reading.root(root)
    if reading.found or document is None:
        raise ParseError(located(reading.found, root, text))
    return document


def diagnosed_ssml(root: Any, text: str) -> Any:
    """The text and tags in ``root``; ``text`` is its source. Raises as ``diagnosed`` does."""
    reading = _Reading()
    mixed = reading.mixed(root, "SSML", "ssml")
    if reading.found:
        raise ParseError(located(reading.found, root, text))
    return mixed


class _Reading:
    """One pass over a document."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.tags_around = 0

    def root(self, element: Any) -> Response | Bxml | None:
        cls = ROOTS.get(element.tag)
        if cls is None:
            name = _name(element)
            words = f"<{name}> is not the root of a document; it must be <Response> or <Bxml>"
            if name.startswith("{"):
                words += ", without a namespace"
            self._wrong(Found(_problem("root", words), element))
            return None
        document: Response | Bxml | None = self._element(element, cls, cls.__name__)
        return document

    def _element(
        self, element: Any, cls: type[Any], path: str, *, parent: type[Any] | None = None
    ) -> Any:
        """The verb or tag that an element is; None, with its problems noted, where it is none."""
        described = describe(cls)
        values = self._values(element, cls, path, parent)
        before = len(self.found)
        sound: list[Any] = []
        if described.content and isinstance(described.content.kind, Spoken):
            values["text"] = self.mixed(element, f"a {cls.element_name()}", path)
            if len(self.found) > before:
                # A tag in it is wrong: of the text that is left, nothing can be said.
                self._built(element, cls, path, {**values, "text": "text"})
                return None
        else:
            if described.content:
                values["text"] = described.content.kind.read(element.text or "")
            elif element.text and element.text.strip(XML_SPACE):
                words = f"may not hold text (got {_start(element.text)})"
                self._wrong(Found(_problem("text", words, path=path), element, text=True))
            sound = self._children(element, cls, path)
        if described.holds:
            values["children"] = sound
        verb = self._built(element, cls, path, values)
        if verb is not None and described.holds and len(sound) < len(element):
            # Those that are wrong count all the same.
            crowded = verb.crowded(len(element)) if len(element) > verb.room() else []
            self._refused(element, cls, path, crowded)
        return verb

    def _values(
        self, element: Any, cls: type[Any], path: str, parent: type[Any] | None
    ) -> dict[str, Any]:
        """The attributes of an element, without those that it may not have."""
        bare = parent is not None and issubclass(parent, Container) and parent.bare
        here = {} if bare else _attributes(cls)
        values: dict[str, Any] = {}
        for name, value in element.items():
            known = here.get(name)
            if known is not None:
                values[known.name] = known.kind.read(value)
            elif bare and parent:
                own = cls.element_name()
                words = f"is not an attribute of a {own} in a {parent.__name__}; it has none there"
                self._wrong_attribute(element, name, parent.limit_rule, words, path)
            else:
                self._unknown_attribute(element, name, cls, path)
        return values

    def _built(self, element: Any, cls: type[Any], path: str, values: dict[str, Any]) -> Any:
        try:
            return cls(**values)
        except InvalidVerb as error:
            self._refused(element, cls, path, error.problems)
            return None

    def _refused(
        self, element: Any, cls: type[Any], path: str, problems: Iterable[Problem]
    ) -> None:
        spoken = describe(cls).content
        for problem in problems:
            # Text with elements in it was not read whole: they are what is wrong with it.
            whole = spoken is not None and isinstance(spoken.kind, Spoken)
            if problem.attribute == "text" and len(element) and not whole:
                continue
            told = in_markup(problem, cls, path)
            known = _attributes(cls).get(told.attribute or "")
            written = key(known) if known else told.attribute
            self._wrong(Found(told, element, attribute=written))

    def mixed(self, element: Any, parent: str, path: str) -> Any:
        """The text and the tags in an element, without those that are wrong."""
        mixed: list[Part] = [element.text or ""]
        self.tags_around += 1
        for index, child in enumerate(element):
            at = f"{path}[{index}] > {_name(child)}"
            tag = _TAGS.get(child.tag)
            if tag is None:
                self._no_tag(child, parent, at)
            elif self.tags_around > DEEPEST_SPEECH:
                words = f"must hold at most {DEEPEST_SPEECH} tags in each other"
                self._wrong(Found(_problem("ssml-depth", words, path=path), child))
            else:
                mixed.append(self._element(child, tag, at) or "")
            mixed.append(child.tail or "")
        self.tags_around -= 1
        return joined(mixed)

    def _children(self, element: Any, cls: type[Any], path: str) -> list[Any]:
        """The verbs in an element, without those that are wrong."""
        allowed = {held.__name__: held for held in describe(cls).holds or ()}
        sound = []
        for index, child in enumerate(element):
            at = f"{path}[{index}] > {_name(child)}"
            verb: Any = allowed.get(child.tag)
            if verb is None:
                self._misplaced(child, cls, at)
            else:
                inner = self._element(child, verb, at, parent=cls)
                if issubclass(verb, Container) and len(child) < verb.least:
                    self._refused(child, verb, at, verb().lacks())
                # One whose own children are wrong lacks them; that was told already.
                if inner is not None and not (isinstance(inner, Container) and inner.lacks()):
                    sound.append(inner)
            if child.tail and child.tail.strip(XML_SPACE) and not describe(cls).content:
                words = f"may not hold text (got {_start(child.tail)} after <{_name(child)}>)"
                problem = _problem("text", words, path=path)
                self._wrong(Found(problem, element, text=True, after=child))
        return sound

    def _misplaced(self, element: Any, parent: type[Any], path: str) -> None:
        name = _name(element)
        if element.tag not in _ELEMENTS:
            if element.tag in _TAGS:
                words = f"<{name}> is an SSML tag; it may stand in a SpeakSentence only"
                self._wrong(Found(_problem("nesting", words, path=path), element))
            else:
                self._unknown(element, "a BXML verb", tuple(_ELEMENTS), path)
            return
        rule = "nesting"
        if issubclass(parent, Container):
            rule = parent.limit_rule
            words = f"{parent.may_hold()} (got <{name}>{stands_in(_ELEMENTS[element.tag])})"
        else:
            words = f"a {parent.__name__} may hold no other verb (got <{name}>)"
        self._wrong(Found(_problem(rule, words, path=path), element))
        self._inside(element, path)

    def _inside(self, element: Any, path: str) -> None:
        # What is wrong inside it is wrong wherever it stands; but depth has its bounds.
        if path.count(" > ") < DEEPEST:
            self._element(element, _ELEMENTS[element.tag], path)

    def _no_tag(self, element: Any, parent: str, path: str) -> None:
        if element.tag not in _ELEMENTS:
            self._unknown(element, "an SSML tag", tuple(_TAGS), path)
            return
        words = f"{parent} may hold text and SSML tags (got <{_name(element)}>)"
        self._wrong(Found(_problem("nesting", words, path=path), element))
        self._inside(element, path)

    def _unknown(self, element: Any, noun: str, candidates: tuple[str, ...], path: str) -> None:
        name = _name(element)
        if str(element.tag).startswith(XINCLUDE):
            words = "XInclude is not allowed; BXML has none"
            self._wrong(Found(_problem("doc-xinclude", words, path=path), element))
            return
        close = _closest(name, candidates)
        hint = f"; did you mean <{close}>?" if close else ""
        words = f"<{name}> is not {noun}{hint}"
        self._wrong(Found(_problem("element-unknown", words, path=path), element))

    def _unknown_attribute(self, element: Any, name: str, cls: type[Any], path: str) -> None:
        known = tuple(each.vendor_name for each in describe(cls).written)
        close = _closest(name, known)
        listed = f"known are {', '.join(known)}" if known else "it has none"
        hint = f"did you mean {close}?" if close else listed
        words = f"is not an attribute; {hint}"
        self._wrong_attribute(element, name, "attribute-unknown", words, path)

    def _wrong_attribute(self, element: Any, name: str, rule: str, words: str, path: str) -> None:
        spelled = _shortened(_spelled(element, name))
        problem = replace(_problem(rule, f"{spelled} {words}", path=path), attribute=spelled)
        self._wrong(Found(problem, element, attribute=name))

    def _wrong(self, found: Found) -> None:
        self.found.append(found)


def _problem(rule: str, words: str, *, path: str = "") -> Problem:
    return Problem(rule, "error", path, words)


def _by_key(cls: type[Checked]) -> dict[str, Attribute]:
    return {key(known): known for known in describe(cls).written}


_attributes: Callable[[type[Checked]], dict[str, Attribute]] = cache(_by_key)

_ELEMENTS: Mapping[str, type[Verb]] = {verb.__name__: verb for verb in VERBS}
_TAGS: Mapping[str, type[Tag]] = {tag.element_name(): tag for tag in TAGS}


@lru_cache(maxsize=1024)  # the names are whatever a document holds
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
    prefix = "xml" if name.startswith(XML_NAMESPACE) else prefixes.get(space, "?")
    return f"{prefix}:{local}"


def _name(element: Any) -> str:
    return _shortened(str(element.tag))


def _start(text: str) -> str:
    return repr(_shortened(text.strip(XML_SPACE)))
