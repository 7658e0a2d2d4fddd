"""From a source to the root of well-formed, harmless markup of bearable size.

lxml reads it, with entities, DTDs and the network off. What it is given is UTF-8 already.
"""

import codecs
import re
import threading
from typing import Any, NoReturn

from lxml import etree

from bxml._malformed import not_well_formed
from bxml.document import LARGEST
from bxml.errors import ParseError, Problem


def utf8_of(source: str | bytes) -> bytes:
    """A source in UTF-8, whatever encoding its byte-order mark or its declaration names.

    Raises:
        ParseError: It is too large, is not in the encoding that it names, or holds what no
            encoding can carry.
    """
    if isinstance(source, str):
        return _encoded(source.removeprefix("\ufeff"))
    if not isinstance(source, _BYTES):
        raise TypeError(f"parse() takes str or bytes (got {type(source).__name__})")
    data = bytes(source)
    if len(data) > LARGEST:
        _refuse_size(data)
    encoding = _encoding_of(data)
    try:
        if encoding.lower() == "utf-8":
            data.decode()
            return data.removeprefix(codecs.BOM_UTF8)
        if codecs.lookup(encoding).name not in _NO_ENCODINGS_OF_MARKUP:
            return _encoded(data.decode(encoding).removeprefix("\ufeff"))
        words = f"cannot be read: the encoding {encoding!r} is none of markup"
    except LookupError:
        words = f"cannot be read: the encoding {encoding!r} is not known"
    except UnicodeError as error:
        words = f"not well-formed: it is not {encoding} ({error.__class__.__name__})"
        if isinstance(error, UnicodeDecodeError):
            words = f"not well-formed: it is not {encoding} at byte {error.start}"
    raise ParseError([_problem("doc-wellformed", words)])


def root_of(data: bytes) -> Any:
    """The root element of markup in UTF-8.

    Raises:
        ParseError: It is too large, not well-formed, or has a document type.
    """
    if len(data) > LARGEST:
        _refuse_size(data)
    try:
        root = etree.fromstring(data, _parsers.parser)
    except etree.XMLSyntaxError as error:
        raise ParseError([not_well_formed(error, data.decode())]) from None
    if b"<!DOCTYPE" in data:  # or in a comment, or in CDATA
        docinfo: Any = root.getroottree().docinfo
        if docinfo.doctype or docinfo.internalDTD is not None:
            words = "a document type (<!DOCTYPE …>) is not allowed; BXML has none"
            raise ParseError([_problem("doc-dtd", words)])
    return root


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        column = error.start - text.rfind("\n", 0, error.start)
        words = f"holds U+{ord(text[error.start]):04X}, which XML cannot carry"
        raise ParseError([_problem("xml-character", words, line, column)]) from None


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

_BYTES = (bytes, bytearray, memoryview)

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_USUAL = b'<?xml version="1.0" encoding="UTF-8"?>'
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,40})["']""")

# Python knows them as text encodings. In these, characters of markup hide behind others, or the
# time to decode grows with the square of the length.
_NO_ENCODINGS_OF_MARKUP = frozenset(
    ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")
)


def _encoding_of(data: bytes) -> str:
    if data.startswith(_USUAL):
        return "utf-8"
    if data[:1] != b"<" or data[1:2] == b"\0":
        marked = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
        if marked:
            return marked
    declared = _DECLARED.match(data)
    return declared[1].decode() if declared else "utf-8"


def _refuse_size(data: bytes) -> NoReturn:
    words = f"a document may hold at most {LARGEST:,} bytes (got {len(data):,})"
    raise ParseError([_problem("doc-size", words)])


def _problem(rule: str, words: str, line: int = 1, column: int = 1) -> Problem:
    return Problem(rule, "error", "", words, line, column)
