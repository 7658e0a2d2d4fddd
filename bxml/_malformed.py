"""Why markup is not well-formed, in words of our own.

In libxml2's words a name or an excerpt may be part of a value that was not quoted as it should be: of
a password. So none of them is repeated, but the names of elements that the language knows.
"""

import re
from typing import Any, NamedTuple

from lxml import etree

from bxml._speech import TAGS
from bxml.document import VERBS
from bxml.errors import Problem

_AMPERSAND = "an & that begins no entity; write it as &amp;"
_CODES: Any = etree.ErrorTypes
_REFERENCE = "a character reference (&#…;) that names no character of XML"


class _Reason(NamedTuple):
    words: str
    at: str = ""
    """The character that is wrong, where libxml2 tells the place behind it."""


_REASONS = {
    _CODES.ERR_ATTRIBUTE_NOT_FINISHED: _Reason("a value whose closing quotation mark is missing"),
    _CODES.ERR_ATTRIBUTE_NOT_STARTED: _Reason("a value without quotation marks around it"),
    _CODES.ERR_ATTRIBUTE_REDEFINED: _Reason("an attribute that is written twice"),
    _CODES.ERR_ATTRIBUTE_WITHOUT_VALUE: _Reason("an attribute without a value"),
    _CODES.ERR_CDATA_NOT_FINISHED: _Reason("a <![CDATA[ that is not closed by ]]>"),
    _CODES.ERR_COMMENT_NOT_FINISHED: _Reason("a comment that is not closed by -->"),
    _CODES.ERR_DOCUMENT_EMPTY: _Reason("it does not begin with an element, such as <Response>"),
    _CODES.ERR_DOCUMENT_END: _Reason("something stands after the end of the root element"),
    _CODES.ERR_ENTITYREF_SEMICOL_MISSING: _Reason(_AMPERSAND, at="&"),
    _CODES.ERR_GT_REQUIRED: _Reason("a tag that is not closed by >"),
    _CODES.ERR_HYPHEN_IN_COMMENT: _Reason("a -- inside a comment, where XML allows none"),
    _CODES.ERR_INVALID_CHAR: _Reason("a character that XML cannot carry"),
    _CODES.ERR_INVALID_CHARREF: _Reason(_REFERENCE, at="&"),
    _CODES.ERR_INVALID_DEC_CHARREF: _Reason(_REFERENCE, at="&"),
    _CODES.ERR_INVALID_HEX_CHARREF: _Reason(_REFERENCE, at="&"),
    _CODES.ERR_LT_IN_ATTRIBUTE: _Reason("a < in a value; write it as &lt;", at="<"),
    _CODES.ERR_MISPLACED_CDATA_END: _Reason("]]> in text; write it as ]]&gt;"),
    _CODES.ERR_NAME_REQUIRED: _Reason("a < that begins no element; write it as &lt;", at="&<"),
    _CODES.ERR_RESERVED_XML_NAME: _Reason("an XML declaration that is not at the very beginning"),
    _CODES.ERR_RESOURCE_LIMIT: _Reason("elements in each other deeper than in any document"),
    _CODES.ERR_SPACE_REQUIRED: _Reason("white space is missing here"),
    _CODES.ERR_TAG_NAME_MISMATCH: _Reason("an end tag that does not close what was opened last"),
    _CODES.ERR_TAG_NOT_FINISHED: _Reason("an element that is not closed"),
    _CODES.ERR_UNDECLARED_ENTITY: _Reason(
        "an entity that XML does not know; write & as &amp;", at="&"
    ),
    _CODES.NS_ERR_UNDEFINED_NAMESPACE: _Reason("a prefix (before a colon) that is not declared"),
}

_NAMES = {value: name for name, value in vars(_CODES).items() if isinstance(value, int)}
_KNOWN = {each.element_name() for each in (*VERBS, *TAGS)}


def not_well_formed(error: Any, text: str) -> Problem:
    """The problem that lxml has with a source, where it is and what to do about it."""
    line, column = max(error.position[0], 1), max(error.position[1], 1)
    code = error.code
    name = _NAMES.get(code, "").removeprefix("ERR_").lower().replace("_", " ")
    reason = _REASONS.get(code, _Reason(f"it breaks a rule of XML ({name or code})"))
    words = reason.words
    if reason.at:
        lines = text.splitlines()[line - 1 : line]
        before = lines[0][:column] if lines else ""
        wrong = max(before.rfind(character) for character in reason.at)
        if wrong >= 0:
            column = wrong + 1
            words = _AMPERSAND if before[wrong] == "&" and "<" in reason.at else words
    elif code == _CODES.ERR_TAG_NAME_MISMATCH:
        words = _mismatch(str(error.msg)) or words
    elif code == _CODES.ERR_TAG_NOT_FINISHED:
        words = _not_closed(str(error.msg)) or words
    return Problem("doc-wellformed", "error", "", f"not well-formed: {words}", line, column)


def _mismatch(message: str) -> str | None:
    told = re.search(r"mismatch: (\S+) line (\d+) and ([^\s,]+)", message)
    if not told or not _KNOWN.issuperset((told[1], told[3])):
        return None
    return f"</{told[3]}> does not close <{told[1]}>, which was opened last, on line {told[2]}"


def _not_closed(message: str) -> str | None:
    told = re.search(r"in tag (\S+) line (\d+)", message)
    return f"<{told[1]}> of line {told[2]} is not closed" if told and told[1] in _KNOWN else None
