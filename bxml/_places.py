"""Where the elements, attributes and texts of well-formed markup stand: line and column.

lxml keeps the line of an element and nothing else. This scanner relies on what lxml has proved:
the markup is well-formed and has no document type.
"""

import re
from bisect import bisect_right
from typing import NamedTuple

from bxml._kinds import XML_SPACE

_TOKEN = re.compile(
    r"""<!--.*?-->|<\?.*?\?>|(?P<cdata><!\[CDATA\[.*?\]\]>)"""
    r"""|</(?P<end>[^>]*)>|<(?P<start>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s=/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")

Place = tuple[int, int]


class _Start(NamedTuple):
    offset: int
    tag: str


class Places:
    """The places in one document. Elements are known by their number, in document order from 0."""

    def __init__(self, source: str) -> None:
        # What a parser reads as the end of a line (XML 1.0, 2.11).
        text = source.replace("\r\n", "\n").replace("\r", "\n")
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._starts: list[_Start] = []
        # The first text that is not blank, by its element and the child before it.
        self._texts: dict[tuple[int, int | None], int] = {}
        self._attributes: dict[int, list[int]] = {}
        self._scan(text)

    def _scan(self, text: str) -> None:
        open_elements: list[int] = []
        before: int | None = None
        at = 0
        for token in _TOKEN.finditer(text):
            if open_elements:
                where = open_elements[-1], before
                gap = text[at : token.start()]
                if gap.strip(XML_SPACE) and where not in self._texts:
                    self._texts[where] = at + len(gap) - len(gap.lstrip(XML_SPACE))
                if token["cdata"] and where not in self._texts:
                    self._texts[where] = token.start()
            at = token.end()
            if token["end"] is not None and open_elements:
                before = open_elements.pop()
            elif token["start"] is not None:
                number = len(self._starts)
                self._starts.append(_Start(token.start(), token["start"]))
                if token["start"].endswith("/"):
                    before = number
                else:
                    open_elements.append(number)
                    before = None

    def of_element(self, number: int) -> Place:
        """Where the start tag of an element begins."""
        return self._place(self._starts[number].offset)

    def of_attribute(self, number: int, index: int) -> Place:
        """Where the name of an attribute begins; namespace declarations do not count."""
        if number not in self._attributes:
            start = self._starts[number]
            self._attributes[number] = [
                start.offset + 1 + match.start()
                for match in _ATTRIBUTE.finditer(start.tag)
                if match[1] != "xmlns" and not match[1].startswith("xmlns:")
            ]
        offsets = self._attributes[number]
        return self._place(offsets[index]) if index < len(offsets) else self.of_element(number)

    def of_text(self, number: int, after: int | None) -> Place:
        """Where the text of an element begins: before its first child, or after another one."""
        offset = self._texts.get((number, after))
        return self.of_element(number) if offset is None else self._place(offset)

    def _place(self, offset: int) -> Place:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1
