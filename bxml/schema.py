"""An XML Schema of the language, written from the declarations.

Every element has a complex type of its own name, and every kind of value a simple type. Only the two
roots are global elements, so nothing else passes for a document.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Literal, get_origin

from bxml import types
from bxml._compose import Container, Verb
from bxml._declare import Attribute, Checked, describe
from bxml._kinds import (
    UNBOUNDED,
    Boolean,
    Choice,
    Kind,
    Listing,
    Number,
    Text,
    kind_of,
    unwrap,
)
from bxml._speech import TAGS, Spoken
from bxml.document import VERBS, Bxml, Response
from bxml.render import DECLARATION, attribute, boolean, decimal, text

_NOTHING = "Nothing"
_TAGS = "SpeechTags"
_XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace"


@cache
def xsd() -> str:
    """The language as an XML Schema 1.0 document, for editors and for programs that are not Python.

    It is one file that needs no other and no network. A document names it, for an editor, with
    ``<?xml-model href="bxml.xsd"?>`` before its root; ``parse`` passes over that.

    Every document that ``parse`` takes is valid by it. The reverse does not hold, since a grammar
    describes each value and each element for itself. It cannot say:

    - that spoken text must not be blank, and how deep its tags may nest;
    - that ``xml:lang`` is required and must not be blank: that takes a second schema, of XML's own
      namespace, so any attribute of that namespace may stand in a ``lang``;
    - what one attribute asks of another (``privacy`` of a display name, a date of its ``format``),
      or of the children (``repeatCount`` of the number of prompts);
    - that a list names no language twice, and that a URL comes apart into host and path;
    - how large a document may be, and that it has no document type (``<!DOCTYPE …>``);
    - what ``check`` says of its course, and of its verbs' order and places.

    It also leaves defaults out, which would be values that the document does not hold. They are in
    the documentation of each attribute.
    """
    elements = (*VERBS, *TAGS)
    names = _names_of_kinds(elements)
    parts = [
        _documented("BXML, the language of Bandwidth's voice platform."),
        *(_xs("element", name=root.__name__, type=root.__name__) for root in (Response, Bxml)),
        *(_complex_type(cls, names) for cls in elements),
        _xs("group", _xs("choice", *map(_element, TAGS)), name=_TAGS),
        _nothing(),
        *sorted({_simple_type(kind, name) for kind, name in names.items() if _facets(kind)}),
    ]
    schema = _xs("schema", *parts, **{"xmlns:xs": "http://www.w3.org/2001/XMLSchema"})
    # The patterns hold kinds of white space that an editor would not show, or take for a new line.
    return f"{DECLARATION}\n{schema}\n".encode("ascii", "xmlcharrefreplace").decode()


def _complex_type(cls: type[Checked], names: dict[Kind, str]) -> str:
    """The attributes of an element and what may stand between its tags."""
    described = describe(cls)
    content = described.content
    attributes = [_attribute(cls, known, names) for known in described.written]
    documented = _documented(_first_sentence(cls))
    if issubclass(cls, Container):
        return _xs(
            "complexType", documented, _children(cls, names), *attributes, name=described.name
        )
    if content and isinstance(content.kind, Spoken):
        tags = _xs("group", ref=_TAGS, minOccurs="0", maxOccurs="unbounded")
        return _xs("complexType", documented, tags, *attributes, name=described.name, mixed="true")
    base = names[content.kind] if content else _NOTHING
    simple = _xs("simpleContent", _xs("extension", *attributes, base=base))
    return _xs("complexType", documented, simple, name=described.name)


def _children(cls: type[Container[Verb]], names: dict[Kind, str]) -> str:
    """Any of those that a container may hold, in any order, as many as it may hold."""
    held = [_element(each, names if cls.bare else None) for each in describe(cls).holds or ()]
    most = str(cls.most) if cls.bounded else "unbounded"
    return _xs("choice", *held, minOccurs=str(cls.least), maxOccurs=most)


def _element(cls: type[Checked], bare: dict[Kind, str] | None = None) -> str:
    """An element where it may stand; ``bare``, it has the type of its text and so no attributes."""
    described = describe(cls)
    content = described.content
    held = bare[content.kind] if bare and content else described.name
    return _xs("element", name=described.name, type=held)


def _attribute(cls: type[Checked], known: Attribute, names: dict[Kind, str]) -> str:
    documented = _documented(_words(cls, known))
    if known.vendor_name.startswith("xml:"):
        return _xs("anyAttribute", documented, namespace=_XML_NAMESPACE, processContents="lax")
    use = "required" if known.required else "optional"
    name = known.vendor_name
    return _xs("attribute", documented, name=name, type=names[known.kind], use=use)


def _names_of_kinds(elements: Iterable[type[Checked]]) -> dict[Kind, str]:
    """The simple type of every kind of value: as ``bxml.types`` calls it, or by what it takes."""
    aliases: dict[Kind, str] = {}
    for name, alias in vars(types).items():
        if get_origin(alias) in {Annotated, Literal}:
            base, marks, _ = unwrap(alias)
            # Tag is a verb as well, and all types of a schema share one space of names.
            aliases.setdefault(kind_of(base, marks), f"{name}Value")
    names: dict[Kind, str] = {}
    for cls in elements:
        described = describe(cls)
        for known in described.attributes:
            kind = known.kind
            if isinstance(kind, Spoken) or kind in names:
                continue
            if not _facets(kind):
                names[kind] = "xs:string"
            elif isinstance(kind, Number | Boolean):
                names[kind] = _camel(kind.wanted)
            else:
                names[kind] = aliases.get(kind) or f"{described.name}.{known.vendor_name}"
    return names


def _simple_type(kind: Kind, name: str) -> str:
    base = "xs:string"
    if isinstance(kind, Boolean):
        base = "xs:boolean"
    elif isinstance(kind, Number):
        base = "xs:integer" if kind.whole else "xs:decimal"
    facets = [_xs(facet, value=value) for facet, value in _facets(kind)]
    restriction = _xs("restriction", *facets, base=base)
    return _xs("simpleType", _documented(_must_be(kind)), restriction, name=name)


def _nothing() -> str:
    """The content of an element without any. An empty complex type would refuse white space."""
    restriction = _xs("restriction", _xs("length", value="0"), base="xs:token")
    return _xs("simpleType", _documented("Nothing but white space."), restriction, name=_NOTHING)


def _facets(kind: Kind) -> list[tuple[str, str]]:
    """What narrows the built-in type down to this kind of value; nothing, if any text will do."""
    match kind:
        case Boolean():
            return [("pattern", "true|false")]  # XML Schema would take 1 and 0 as well
        case Choice(values=values):
            return [("enumeration", value) for value in values]
        case Number(least=least, most=most):
            low = -UNBOUNDED if least is None else least
            high = UNBOUNDED if most is None else most
            return [("minInclusive", decimal(low)), ("maxInclusive", decimal(high))]
        case Listing(items=items):
            item = rf"\s*({_pattern(items)})\s*"
            return [("pattern", f"{item}(,{item})*")]
        case Text():
            facets = [("whiteSpace", "collapse")] if kind.trimmed else []
            if pattern := _pattern(kind):
                facets.append(("pattern", pattern))
            if kind.max_length is not None:
                facets.append(("maxLength", str(kind.max_length)))
            return facets
    raise TypeError(f"no simple type for {kind!r}")


# White space in Python's patterns is that of Unicode; in those of XML Schema, \s is XML's four alone.
_SPACE = "\\s\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NOT_BLANK = rf"[{_SPACE}]*[^{_SPACE}][\s\S]*"
# Control characters, and what separates lines and paragraphs.
_NO_CONTROL = r"[^\p{Cc}\p{Zl}\p{Zp}]*"

_TOKEN = re.compile(
    r"""
    \[ (?: [^\\\[\]] | \\s )+ \]      # a class of characters
    | \(\?: | \( (?!\?) | [)|]        # groups
    | \\ [sS.+*?()|\[\]{}\\]          # escapes
    | (?: [*+?] | \{[0-9,]+\} ) (?![?+])  # repetitions, neither lazy nor possessive
    | [^\\^$.\[\](){}|*+?]            # a character that stands for itself
    """,
    re.VERBOSE,
)


def _pattern(kind: Text) -> str:
    """The one pattern of a kind of text; empty, if it has none."""
    patterns = [_translated(kind.form.pattern)] if kind.form else []
    patterns += [_NOT_BLANK] if kind.not_blank else []
    patterns += [_NO_CONTROL] if kind.no_control else []
    if len(patterns) > 1:
        # Several patterns of one simple type are alternatives, not conditions.
        raise TypeError(f"no single pattern for {kind!r}")
    return "".join(patterns)


def _translated(pattern: str) -> str:
    """A pattern of Python's as XML Schema writes it, where each must match the whole of a value.

    Raises:
        TypeError: It has something that XML Schema does not know, or reads in another way.
    """
    if _TOKEN.sub("", pattern):
        raise TypeError(f"no pattern of XML Schema for {pattern!r}")
    return _TOKEN.sub(lambda found: _token(found[0]), pattern)


def _token(token: str) -> str:
    if token.startswith("["):
        return token.replace(r"\s", _SPACE)
    return {"(?:": "(", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]"}.get(token, token)


def _first_sentence(cls: type[Checked]) -> str:
    words = " ".join((cls.__doc__ or "").replace("``", "").split())
    return re.split(r"(?<=\.)\s", words, maxsplit=1)[0]


def _words(cls: type[Checked], known: Attribute) -> str:
    """What an attribute is for, in the spelling of markup, and what is assumed without it."""
    spelled = {each.name: each.vendor_name for each in describe(cls).written}
    described = known.description or _must_be(known.kind)
    words = re.sub(r"\w+", lambda found: spelled.get(found[0], found[0]), described)
    if known.assumes is None:
        return words
    value = known.assumes.value
    default = boolean(value) if isinstance(value, bool) else str(value)
    return f"{words} Default: {default or 'empty'}."


def _must_be(kind: Kind) -> str:
    return f"Must be {kind.wanted}."


def _camel(wanted: str) -> str:
    """``a whole number from 1 to 50`` is ``WholeNumberFrom1To50``."""
    return "".join(word[0].upper() + word[1:] for word in wanted.removeprefix("a ").split())


def _documented(words: str) -> str:
    return _xs("annotation", f"<xs:documentation>{text(words)}</xs:documentation>")


def _xs(element: str, /, *inside: str, **attributes: str) -> str:
    """An element of XML Schema, with what it holds on lines of their own."""
    start = f"xs:{element}" + "".join(
        f' {key}="{attribute(attributes[key])}"' for key in attributes
    )
    if not inside:
        return f"<{start}/>"
    held = "\n".join(inside).replace("\n", "\n  ")
    return f"<{start}>\n  {held}\n</xs:{element}>"
