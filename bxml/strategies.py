"""Hypothesis strategies for documents, verbs and SSML, written from the declarations.

    @given(documents())
    def test_every_answer_can_be_logged(document): ...

Where something fails, Hypothesis shows the smallest document that makes it fail. ``st.from_type``
draws from here too: ``st.from_type(Gather)`` is ``from_verb(Gather)``.

Needs Hypothesis: ``pip install 'bxml-calls[test]'``.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from functools import cache, reduce
from typing import Any, TypeVar, cast

try:
    from hypothesis import assume
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError as error:  # pragma: no cover
    raise ImportError("bxml.strategies needs Hypothesis: pip install 'bxml-calls[test]'") from error

from bxml._compose import Container, Verb
from bxml._declare import Attribute, Checked, describe, python_name
from bxml._kinds import Kind, Text, first
from bxml._speech import DEEPEST, TAGS, Part, Spoken, Tag, joined, parts, texts
from bxml._values import HOSTILE, MARKUP, SELDOM, from_kind
from bxml.document import LARGEST, VERBS, Bxml, Document, Response
from bxml.errors import InvalidVerb, Problem
from bxml.render import render
from bxml.types import PRIVATE_NAMES, OneOfKnown

__all__ = ["documents", "from_verb", "hostile_text", "ssml_text", "tags", "verbs"]

C = TypeVar("C", bound=Checked)

_PLACES = st.integers(0, 19)


@cache
def documents() -> SearchStrategy[Document]:
    """Documents of either root, with any verbs, that are small enough to be sent."""
    return st.one_of(from_verb(Response), from_verb(Bxml))


@cache
def verbs() -> SearchStrategy[Verb]:
    """Verbs and nested tags of every class."""
    nested = [verb for verb in VERBS if not issubclass(verb, Document)]
    return st.one_of([from_verb(verb) for verb in sorted(nested, key=_needs)])


@cache
def tags() -> SearchStrategy[Tag]:
    """SSML tags of every class, with text and other tags in them."""
    return _tags(2)


@cache
def ssml_text() -> SearchStrategy[str | tuple[Part, ...]]:
    """What ``SpeakSentence`` may say: text, or text mixed with SSML tags. Never blank."""
    content = st.one_of(from_kind(Text(not_blank=True)), _mixed(3).map(_audible))
    return SELDOM.flatmap(lambda seldom: _deepest() if seldom else content)


@cache
def hostile_text() -> SearchStrategy[str]:
    """Text that tries to break out of markup, or into it.

    It may hold what XML cannot carry; then no verb can be built with it: ``InvalidVerb``.
    """
    hostile = st.sampled_from(HOSTILE)
    anything = st.text(st.characters(exclude_categories=()), max_size=8)
    around = st.tuples(anything, hostile, anything).map("".join)
    several = st.lists(hostile, min_size=2, max_size=6).map("".join)
    # One more than a bound: of a digit string, a tag, a parameter, a document.
    long = st.tuples(hostile, st.sampled_from([51, 257, 2049, LARGEST + 1]))
    repeated = long.map(lambda drawn: (drawn[0] * drawn[1])[: drawn[1]])
    return st.one_of(hostile, around, several, MARKUP, repeated)


def from_verb(verb: type[C], **attributes: object) -> SearchStrategy[C]:
    """Objects of one class, of a verb or of an SSML tag.

    Args:
        verb: The class.
        attributes: Values of its attributes and ``children``, or strategies for them; None leaves
            an attribute out. The others are drawn, and left out where they do not go with these.

    Raises:
        TypeError: The class has no such attribute.

    Examples:
        >>> from_verb(Gather, max_digits=1, gather_url=st.sampled_from(["/a", "/b"]))
    """
    known = verb.__struct_fields__
    for name in attributes:
        if name not in known:
            close = difflib.get_close_matches(python_name(name), known, 1, 0.6)
            listed = f"known are {', '.join(known)}" if known else "it has none"
            hint = f"did you mean {close[0]}?" if close else listed
            raise TypeError(f"{verb.__name__} has no attribute {name}; {hint}")
    if not attributes:
        plain: SearchStrategy[C] = _plain(cast("Any", verb))
        return plain
    given = {
        name: value if isinstance(value, SearchStrategy) else st.just(value)
        for name, value in attributes.items()
    }
    return _objects(verb, given)


@cache
def _plain(cls: Any) -> SearchStrategy[Any]:
    # Hypothesis examines a strategy once: one that is made anew each time costs most of a test.
    return _objects(cls, {})


def _needs(cls: type[Checked]) -> tuple[int, bool]:
    """Orders classes: the less an object cannot do without, the simpler it is."""
    required = sum(known.required for known in describe(cls).attributes)
    return required, issubclass(cls, Container)


def _attributes(
    cls: type[Checked], given: Mapping[str, SearchStrategy[Any]]
) -> SearchStrategy[dict[str, Any]]:
    """What is given, what is required, and some of the rest."""
    others = [known for known in describe(cls).attributes if known.name not in given]
    required = {known.name: _values(known) for known in others if known.required}
    optional = [
        st.tuples(st.just(known.name), _values(known)) for known in others if not known.required
    ]
    # A list of names and values: Hypothesis shrinks it by taking out single ones.
    some = st.lists(st.one_of(optional), max_size=len(optional))
    parts = st.tuples(st.fixed_dictionaries({**given, **required}), some)
    return parts.map(lambda drawn: {**drawn[0], **dict(drawn[1])})


def _objects(cls: Any, given: Mapping[str, SearchStrategy[Any]]) -> SearchStrategy[Any]:
    attributes = _attributes(cls, given)

    # Strategies that were arguments would be written out in its repr, and theirs in theirs.
    @st.composite
    def objects(draw: DrawFn) -> Any:
        values = draw(attributes)
        try:
            built = cls(**values)
        except InvalidVerb as error:
            built = cls(**_repaired(draw, cls, values, given.keys(), error.problems))
        if describe(cls).holds is None or "children" in given:
            return built
        room = built.room()
        children = draw(_children(cls))[:room]
        if cls.bounded and children and draw(SELDOM):
            # To the last place, with what is there. Each takes a draw, or Hypothesis would
            # take a full container for simpler than one with two different children.
            children += [
                children[draw(_PLACES) % len(children)] for _ in range(len(children), room)
            ]
        filled = built.then(*children)
        return _sendable(filled) if isinstance(filled, Document) else filled

    return objects()


def _repaired(
    draw: DrawFn,
    cls: type[Checked],
    values: dict[str, Any],
    given: Collection[str],
    problems: Iterable[Problem],
) -> dict[str, Any]:
    """The same values, with what rules between attributes ask for and without what they bar.

    What was given stays. Where that alone breaks a rule, the error is for whoever gave it.
    """
    known = {attribute.name: attribute for attribute in describe(cls).attributes}
    kept = {name: values[name] for name in values if name in given or known[name].required}
    for problem in problems:
        if (name := problem.attribute) and name not in given:
            if problem.rule == "privacy-display-name":  # chance alone would never meet it
                kept[name] = draw(st.sampled_from(PRIVATE_NAMES))
            elif name not in values:
                kept[name] = draw(_values(known[name]))
    for name, value in values.items():
        if name not in kept and _can_be_built(cls, {**kept, name: value}):
            kept[name] = value
    if kept.keys() > set(given) and all(_fits(known.get(name), values[name]) for name in given):
        assume(_can_be_built(cls, kept))  # what was given goes with other draws of the rest
    return kept


def _fits(attribute: Attribute | None, value: Any) -> bool:
    """Whether a value is sound, whatever the others are. Of children that is not known."""
    if attribute is None or (value is None and not attribute.required):
        return attribute is not None
    return attribute.kind.fault(attribute.kind.settle(value)) is None


def _can_be_built(cls: type[Checked], values: dict[str, Any]) -> bool:
    try:
        cls(**values)
    except InvalidVerb:
        return False
    return True


def _sendable(document: Document) -> Document:
    """As much of a document as may be sent, also in the pretty form, which is longer than this one."""
    while len(render(document).encode()) > LARGEST // 2:
        document = document[: len(document) // 2]
    return document


@cache
def _children(cls: Any) -> SearchStrategy[list[Verb]]:
    held: list[type[Any]] = sorted(describe(cls).holds or (), key=_needs)
    bare = [{known.name: None for known in describe(each).written if cls.bare} for each in held]
    child = st.one_of([from_verb(each, **absent) for each, absent in zip(held, bare, strict=True)])
    most = cls.most if cls.bounded else cls.least + 8
    return st.lists(child, min_size=cls.least, max_size=most)


@cache
def _tags(levels: int) -> SearchStrategy[Tag]:
    around = [tag for tag in sorted(TAGS, key=_needs) if describe(tag).content]
    others = [tag for tag in TAGS if tag not in around]
    return st.one_of(
        [from_verb(tag, text=_mixed(levels)) for tag in around] + [from_verb(tag) for tag in others]
    )


@cache
def _mixed(levels: int) -> SearchStrategy[Any]:
    """Text, and tags that hold such text in turn."""
    text = from_kind(Text())
    part = st.one_of(text, _tags(levels - 1)) if levels else text
    return st.lists(part, max_size=4).map(joined)


def _audible(content: Any) -> Any:
    heard = any(text.strip() for text in texts(content))
    return content if heard else joined([*parts(content), "a"])


@cache
def _deepest() -> SearchStrategy[Any]:
    """As many tags in each other as there may be."""
    wraps: list[Any] = [tag for tag in TAGS if describe(tag).content and _needs(tag) == (0, False)]
    around = st.lists(st.sampled_from(wraps), min_size=DEEPEST, max_size=DEEPEST)
    nothing: Any = "a"
    return around.map(lambda drawn: reduce(lambda inside, tag: (tag(inside),), drawn, nothing))


def _values(attribute: Attribute) -> SearchStrategy[Any]:
    kind = attribute.kind
    if isinstance(kind, Spoken):
        return ssml_text() if kind.breaks else _mixed(2)
    known = first(attribute.marks, OneOfKnown)
    return _known_or(known, kind) if known else from_kind(kind)


@cache
def _known_or(known: OneOfKnown, kind: Kind) -> SearchStrategy[Any]:
    return st.one_of(st.sampled_from(sorted(known.values)), from_kind(kind))
