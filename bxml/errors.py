"""What can be wrong with a verb or a document, as values and as exceptions.

BxmlError                   base of all; carries ``problems``
    InvalidVerb             a verb that cannot be built
    InvalidDocument         a document that cannot be serialized
    ParseError              markup that is not a BXML document
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from bxml.rules import RULES, Level, Source

MOST_SHOWN = 20
"""Problems that the text of an error names. All of them are in ``problems``."""


class Problem(Struct, frozen=True):
    """One thing that is wrong, where it is, and what was wanted.

    ``rule`` is the id of the rule that was broken; ``path`` leads to the place through the verbs
    (``Response[2] > Gather``). ``line`` and ``column`` count from 1 and are present where the
    problem was found in markup. ``attribute`` is the attribute that is wrong, if it is one, as the
    message spells it.
    """

    rule: str
    level: Level
    path: str
    message: str
    line: int | None = None
    column: int | None = None
    attribute: str | None = None

    @property
    def advice(self) -> str:
        """What to do about it. Empty where the rule is none of this language's."""
        rule = RULES.get(self.rule)
        return rule.advice if rule else ""

    @property
    def source(self) -> Source:
        """Whether the rule is the vendor's word, follows from it, or is a bound of this library."""
        rule = RULES.get(self.rule)
        return rule.source if rule else "ours"

    def __str__(self) -> str:
        place = "" if self.line is None else f"{self.line}:{self.column}: "
        path = f"{self.path}: " if self.path else ""
        return f"{place}{path}{self.message}"

    def under(self, path: str) -> "Problem":
        """The same problem, seen from the container that ``path`` names."""
        return replace(self, path=f"{path} > {self.path}" if self.path else path)


class BxmlError(ValueError):
    """Base of every error that ``bxml`` raises.

    ``problems`` holds every problem that was found, in document order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        listed = "".join(f"\n  {problem}" for problem in self.problems[:MOST_SHOWN])
        more = len(self.problems) - MOST_SHOWN
        listed += f"\n  … and {more:,} more" if more > 0 else ""
        return f"{len(self.problems):,} problems:{listed}"


class InvalidVerb(BxmlError):
    """A verb was asked for that the platform would refuse. Raised when it is built."""


class InvalidDocument(BxmlError):
    """A document cannot be serialized as it stands, for instance because it is too large."""


class ParseError(BxmlError):
    """Markup is not a BXML document. Nothing of it was kept."""
