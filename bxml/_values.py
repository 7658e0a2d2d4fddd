"""Hypothesis strategies for single values: numbers, words of a list, text of any form.

What a value may be is read from its kind. Nothing here knows of verbs.
"""

import math
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from bxml._kinds import UNBOUNDED, Boolean, Choice, Kind, Listing, Number, Text

EXAMPLES = (
    *("/a", "1", "+15551230001", "sip:a@b", "ws://a", "a;encoding=hex", "1s", "1%", "+1dB"),
    *("", "#", "a,b", "https://a.example/b?c=d&e=%20#f", "sips:a@b;c=d", "10000ms", "x-low"),
)
"""Texts of every form that an attribute may have, simple ones first: shrunk verbs hold these."""

HOSTILE = (
    *("<", "&", '"', "'", "]]>", "<!--", "-->", "<Hangup/>", '"/><Transfer>', "</SpeakSentence>"),
    *("' onload='", "<![CDATA[<Hangup/>]]>", "<![CDATA[", "<?xml version='1.0'?>", "<?php ?>"),
    *("&amp;", "&lt;Hangup/&gt;", "&#0;", "&#xD;", "&#60;", "&b;", "<emphasis>", "<Response>"),
    *("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", "\\", "\\u003c", "' OR 1=1 --"),
    *("{{}}", "{0}", "${a}", "%s", "%n", "\t", "\n", "\r", "\r\n", "a\nb", " ", " a ", "\xa0"),
    *("\x7f", "\x85", "\u2028", "\u200b", "\u202e<a>", "\u05d0\u0627", "\ufeff", "e\u0301"),
    *("\U0001f600", "\U0010ffff", "\x00", "\x07", "\x1b[31m", "\x1f", "\ud800", "\udc00\ud800"),
    *("\ufffe", "\uffff"),
)
"""What has broken, or broken out of, somebody's markup, template or log."""

MARKUP = st.text("a<>&\"'/=!-[]#; ", max_size=12)
"""Text of the characters that markup is made of."""

_CARRIED = st.characters(
    min_codepoint=0x20,
    exclude_categories=["Cs"],
    exclude_characters="\ufffe\uffff",
    include_characters="\t\n\r",
)
_PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])
_VISIBLE = st.characters(exclude_categories=["C", "Z"])

SELDOM = st.integers(0, 9).map(lambda drawn: drawn == 9)
"""True once in ten."""


# Hypothesis examines a strategy once: one that is made anew each time costs most of a test.
@cache
def from_kind(kind: Kind) -> SearchStrategy[Any]:
    """Sound values of a kind; both ends of ranges and lengths are among them."""
    match kind:
        case Boolean():
            return st.booleans()
        case Choice(values=values):
            return st.sampled_from(values)
        case Number():
            return _numbers(kind)
        case Text(form=None):
            return _free(kind)
        case Text():
            return _formed(kind)
        case Listing(items=items):
            return st.lists(from_kind(items), min_size=1, max_size=4).map(tuple)
    raise TypeError(f"no strategy for {kind!r}")


def _numbers(kind: Number) -> SearchStrategy[float]:
    least = -UNBOUNDED if kind.least is None else kind.least
    most = UNBOUNDED if kind.most is None else kind.most
    whole = st.integers(math.ceil(least), math.floor(most))
    ends = st.sampled_from([least, most])
    return st.one_of(whole, ends) if kind.whole else st.one_of(whole, ends, st.floats(least, most))


def _free(kind: Text) -> SearchStrategy[str]:
    """Text of no form."""
    plain = st.text(_PRINTABLE if kind.no_control else _CARRIED, max_size=40)
    usual = st.one_of(plain, st.sampled_from(HOSTILE), MARKUP)
    # Few do not fit, and one that does is cheaper than another draw.
    return _lengthened(usual.map(lambda text: "a" if kind.fault(text) else text), kind)


def _formed(kind: Text) -> SearchStrategy[str]:
    """Text of a form: simple examples, the same with any tail, and now and then whatever matches."""

    def fits(text: str) -> bool:
        return kind.fault(text) is None

    pattern = kind.form.pattern if kind.form else ""
    matching = st.from_regex(pattern, fullmatch=True, alphabet=_CARRIED).filter(fits)
    if not (simple := list(filter(fits, EXAMPLES))):
        return _lengthened(matching, kind)
    tails = st.one_of(st.just(""), st.sampled_from(HOSTILE), st.text(_VISIBLE, max_size=20))
    both = st.tuples(st.sampled_from(simple), tails)
    usual = both.map(lambda drawn: whole if fits(whole := "".join(drawn)) else drawn[0])
    # To match a pattern takes a draw a character.
    return _lengthened(SELDOM.flatmap(lambda seldom: matching if seldom else usual), kind)


def _lengthened(usual: SearchStrategy[str], kind: Text) -> SearchStrategy[str]:
    """The same texts, and now and then one that is as long as may be."""
    if not (most := kind.max_length):
        return usual

    def longest(text: str) -> str:
        longer = (text[:1] or "x") * (most - len(text)) + text
        return text if kind.fault(longer) else longer

    # Drawn in this order, since Hypothesis takes what needs fewer draws for simpler.
    return st.tuples(usual, SELDOM).map(lambda drawn: longest(drawn[0]) if drawn[1] else drawn[0])
