"""Hypothesis strategies for documents and verbs, written from the declarations.

Needs Hypothesis: ``pip install 'bxml-calls[test]'``.
"""

import string
from functools import cache
from typing import Any, TypeVar

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover
    raise ImportError("bxml.strategies needs Hypothesis: pip install hypothesis") from error

from bxml._compose import Container, Verb
from bxml._declare import Attribute, describe
from bxml._kinds import UNBOUNDED, Boolean, Choice, Kind, Number, Text
from bxml.document import VERBS, Bxml, Document, Response

V = TypeVar("V", bound=Verb)

# Everything that XML can carry; with the characters that markup is made of far more often than chance.
_ANY = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
)
_CHARACTERS = st.one_of(
    st.sampled_from("<>&\"'\t\n\r ]]>\x85\xa0\u2028\ufeff" + string.ascii_letters), _ANY
)


def documents() -> st.SearchStrategy[Document]:
    """Documents of either root, with any verbs."""
    return st.one_of(from_verb(Response), from_verb(Bxml))


def verbs() -> st.SearchStrategy[Verb]:
    """Verbs and nested tags of every class."""
    return st.one_of([from_verb(verb) for verb in VERBS if not issubclass(verb, Document)])


def from_verb(verb: type[V], **attributes: st.SearchStrategy[Any]) -> st.SearchStrategy[V]:
    """Objects of one class. ``attributes`` takes the place of what is drawn by itself.

    Examples:
        >>> from_verb(Gather, max_digits=st.just(1))
    """
    unknown = attributes.keys() - set(verb.__struct_fields__)
    if unknown:
        raise TypeError(f"{verb.__name__} has no attribute {', '.join(sorted(unknown))}")
    return _plain(verb) if not attributes else _from(verb, attributes)


@cache
def _plain(verb: type[V]) -> st.SearchStrategy[V]:
    # Hypothesis examines a strategy once: one that is made anew each time costs most of a test.
    return _from(verb, {})


def _from(verb: type[V], attributes: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[V]:
    return _fields(verb, attributes).map(lambda drawn: _built(verb, drawn, attributes))


def _fields(
    verb: type[Verb], given: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Everything but what rules between attributes would refuse."""
    drawn: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for known in describe(verb).attributes:
        values = given.get(known.name, _values(known))
        (drawn if known.required or known.name in given else optional)[known.name] = values
    if not issubclass(verb, Container):
        return st.fixed_dictionaries(drawn, optional=optional)
    if "children" in given:
        drawn["children"] = given["children"]
        return st.fixed_dictionaries(drawn, optional=optional)
    holds = [from_verb(held) for held in describe(verb).holds or () if issubclass(held, Verb)]
    children = st.lists(st.one_of(holds), min_size=verb.least, max_size=min(verb.most, 8))
    drawn["children"] = children
    return st.fixed_dictionaries(drawn, optional=optional).map(_within_the_room)


def _within_the_room(drawn: dict[str, Any]) -> dict[str, Any]:
    """Prompts times repeats are at most 20: keep as many prompts as the repeats allow."""
    repeats = drawn.get("repeat_count") or 1
    return {**drawn, "children": drawn["children"][: 20 // repeats]}


def _built(verb: type[V], drawn: dict[str, Any], given: dict[str, st.SearchStrategy[Any]]) -> V:
    if drawn.get("privacy") and "transfer_caller_display_name" in drawn:
        from bxml.verbs.transfer import PRIVATE_NAMES  # noqa: PLC0415  # a verb's own rule

        if "transfer_caller_display_name" not in given:
            # Any of the four, by a draw that was made already.
            chosen = len(drawn["transfer_caller_display_name"]) % len(PRIVATE_NAMES)
            drawn = {**drawn, "transfer_caller_display_name": PRIVATE_NAMES[chosen]}
    return verb(**drawn)


def _values(attribute: Attribute) -> st.SearchStrategy[Any]:
    return _of_kind(attribute.kind)


@cache
def _of_kind(kind: Kind) -> st.SearchStrategy[Any]:
    match kind:
        case Boolean():
            return st.booleans()
        case Choice(values):
            return st.sampled_from(values)
        case Number(whole=True, least=least, most=most):
            low = -UNBOUNDED if least is None else int(least)
            return st.integers(low, UNBOUNDED if most is None else int(most))
        case Number(least=least, most=most):
            whole = st.integers(-int(-(least or 0) // 1), int(most or 10**9))
            return st.one_of(whole, st.floats(least, most, allow_nan=False, allow_infinity=False))
        case Text(form=form) if form:
            matching = st.from_regex(form.pattern, fullmatch=True, alphabet=_ANY)
            return matching.filter(lambda value: kind.fault(value) is None)
        case Text(max_length=length, not_blank=not_blank):
            texts = st.text(_CHARACTERS, min_size=int(not_blank), max_size=min(length or 60, 60))
            longest = [st.just("x" * length)] if length else []
            return st.one_of(texts.filter(lambda value: kind.fault(value) is None), *longest)
    raise TypeError(f"no strategy for {kind!r}")
