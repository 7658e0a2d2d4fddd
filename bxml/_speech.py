"""SSML: the tags that may stand in spoken text, and text that is mixed with them.

Which tag may stand in which is not documented, so that is free; and so is their number. Only the
depth has a bound, which is ours.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from bxml._declare import Checked
from bxml._kinds import Fault, Kind, Text, plain, shown, uncarried
from bxml.types import Assumes, Form, Name, OneOfKnown
from bxml.voices import SSML_LANGUAGES

DEEPEST = 20
"""Levels of tags in each other. No sentence needs more, and every reader of it must follow them."""


class Tag(Checked, frozen=True):
    """An SSML tag: an immutable value, as a verb is. Its builders are in ``bxml.ssml``."""

    @classmethod
    def element_name(cls) -> str:
        """SSML spells with hyphens: ``SayAs`` is ``say-as``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def admit(cls) -> None:
        """Objects are of the documented tags, and of no other class."""
        if cls not in TAGS:
            raise TypeError(f"{cls.__name__} is no SSML tag that the platform documents")

    @classmethod
    def spell(cls, name: str) -> str:
        """SSML spells with hyphens; ``lang`` alone has an attribute of XML itself."""
        return "xml:lang" if name == "xml_lang" else name.replace("_", "-")

    def __format__(self, spec: str) -> str:
        # In an f-string it would be spoken as the Python that it is written in.
        raise TypeError(
            "a tag is no text and has no place in an f-string;"
            f" write a list: ['Hello ', {self.shown_name()}(…)]"
        )

    @classmethod
    def shown_name(cls) -> str:
        """The builder's name: ``ssml.say_as``."""
        name = cls.element_name().replace("-", "_")
        return f"ssml.{'break_' if name == 'break' else name}"


Part: TypeAlias = str | Tag
"""Text, or a tag."""


class Spoken(Kind, frozen=True):
    """Text mixed with tags. Text alone is kept as a string, everything else as a tuple."""

    breaks: str | None = None
    """The rule that blank text breaks; None: it may be blank."""
    around: int = 0
    """Tags that it stands in already."""

    @property
    def loose(self) -> bool:
        return True

    def settle(self, value: Any) -> Any:
        if isinstance(value, str):
            return plain(value)
        if isinstance(value, Tag):
            return (value,)
        if isinstance(value, bytes | Checked) or not isinstance(value, Iterable):
            return value
        return joined(value)

    def fault(self, value: Any) -> Fault | None:
        for part in parts(value):
            if isinstance(part, str):
                if carried := uncarried(part):
                    return Fault("xml-character", f"{carried} (got {shown(part)})")
            elif not isinstance(part, Tag):
                words = "must be a str, or a list of str and tags of bxml.ssml"
                return Fault("attribute-type", f"{words} (got {shown(part)})")
        if self.breaks and not any(part.strip() for part in texts(value)):
            return Fault(self.breaks, f"must not be blank (got {shown(value)})")
        if _too_deep(value, self.around):
            return Fault("ssml-depth", f"must hold at most {DEEPEST} tags in each other")
        return None

    def shortcut(self, scope: dict[str, Any], name: str) -> str:
        text = Text(not_blank=bool(self.breaks)).shortcut(scope, name)
        scope["surely_sound"] = _surely_sound
        return f"({text} if type(v) is str else surely_sound(v, {self.around}))"

    @property
    def wanted(self) -> str:
        return "text, or a list of text and tags of bxml.ssml"


def joined(parts: Iterable[Any]) -> Any:
    """The one form of mixed text: no empty strings and no neighbouring ones."""
    settled: list[Any] = []
    for each in parts:
        part = plain(each)
        if isinstance(part, str) and settled and isinstance(settled[-1], str):
            settled[-1] += part
        elif part != "":
            settled.append(part)
    if not settled:
        return ""
    return settled[0] if len(settled) == 1 and isinstance(settled[0], str) else tuple(settled)


def parts(content: Any) -> tuple[Part, ...]:
    """Settled content as a tuple of text and tags."""
    if isinstance(content, tuple):
        return content
    return () if content == "" else (content,)


def texts(content: Any) -> Iterator[str]:
    """The texts of settled content, in the order in which they are read."""
    for part in parts(content):
        if isinstance(part, str):
            yield part
        else:
            yield from texts(getattr(part, "text", ""))


def words(content: Any) -> str:
    """What is spoken, as text: where a tag gives an alias, that."""
    return "".join(
        part
        if isinstance(part, str)
        else part.alias
        if isinstance(part, Sub)
        else words(getattr(part, "text", ""))
        for part in parts(content)
    )


def _surely_sound(content: Any, around: int) -> bool:
    """Whether content is settled mixed text without a fault. May be false where it is."""
    if type(content) is not tuple:
        return False
    worded = tagged = nested = after_text = False
    for part in content:
        if type(part) is str:
            if after_text or not part or not part.isprintable():
                return False
            worded = worded or not part.isspace()
            after_text = True
        elif isinstance(part, Tag):
            tagged, after_text = True, False
            nested = nested or type(getattr(part, "text", "")) is tuple
        else:
            return False
    return worded and tagged and not (nested and _too_deep(content, around))


def _too_deep(content: Any, depth: int) -> bool:
    if depth > DEEPEST:
        return True
    return any(
        _too_deep(getattr(part, "text", ""), depth + 1)
        for part in parts(content)
        if isinstance(part, Tag)
    )


Content: TypeAlias = Annotated[Part | Iterable[Part], Spoken(around=1)]
"""What a tag encloses: text, a tag, or several of both."""

Sentence: TypeAlias = Annotated[Part | Iterable[Part], Spoken("speak-not-blank")]
"""Text to be spoken, plain or mixed with tags. A ``str`` is text: what looks like markup is escaped."""


class Break(Tag, frozen=True, kw_only=True):
    """A pause, by strength or by time."""

    strength: (
        Annotated[
            Literal["none", "x-weak", "weak", "medium", "strong", "x-strong"], Assumes("medium")
        ]
        | None
    ) = None
    time: (
        Annotated[
            str,
            Form(
                r"0*(?:[0-9](?:\.[0-9]+)?|10(?:\.0+)?)s|0*(?:[0-9]{1,4}(?:\.[0-9]+)?|10000(?:\.0+)?)ms",
                "seconds or milliseconds, such as 1s or 250ms, and at most 10s",
            ),
            Meta(description="Length of the pause, such as 1s or 250ms."),
        ]
        | None
    ) = None


class _Around(Tag, frozen=True):
    """A tag that encloses text and other tags."""

    text: Content = ""


class Emphasis(_Around, frozen=True, kw_only=True):
    """Stress."""

    level: Literal["strong", "moderate", "reduced"] | None = None


class Lang(_Around, frozen=True, kw_only=True):
    """Speaks the contents in another language; the voice keeps its accent."""

    xml_lang: Annotated[
        Name,
        OneOfKnown(SSML_LANGUAGES, "ssml-language-unknown"),
        Meta(description="Language, such as fr-FR."),
    ]


class P(_Around, frozen=True, kw_only=True):
    """A paragraph: adds a pause."""


class Phoneme(_Around, frozen=True, kw_only=True):
    """Pronounces the contents as IPA symbols say. No other alphabet is documented."""

    ph: Annotated[Name, Meta(description="Pronunciation in IPA symbols.")]


_PERCENT = r"[0-9]+(?:\.[0-9]+)?%"
# In one way only for each text: a pattern with a choice takes time that grows with its square.
_POSITIVE = r"(?:0*[1-9][0-9]*(?:\.[0-9]+)?|0+\.0*[1-9][0-9]*)%"


class Prosody(_Around, frozen=True, kw_only=True):
    """Pitch, rate and volume of the contents."""

    pitch: (
        Annotated[
            str,
            Form(
                rf"x-low|low|medium|high|x-high|default|[+-]?{_PERCENT}",
                "x-low, low, medium, high, x-high, default or a percentage, such as -15%",
            ),
        ]
        | None
    ) = None
    rate: (
        Annotated[
            str,
            Form(
                rf"x-slow|slow|medium|fast|x-fast|{_POSITIVE}",
                "x-slow, slow, medium, fast, x-fast or a positive percentage, such as 90%",
            ),
        ]
        | None
    ) = None
    volume: (
        Annotated[
            str,
            Form(
                r"silent|x-soft|soft|medium|loud|x-loud|default|[+-][0-9]+(?:\.[0-9]+)?dB",
                "silent, x-soft, soft, medium, loud, x-loud, default or decibels, such as -6dB",
            ),
        ]
        | None
    ) = None


class S(_Around, frozen=True, kw_only=True):
    """A sentence or line: adds a pause."""


class SayAs(_Around, frozen=True, kw_only=True):
    """Says how the contents are to be read: as a date, digit by digit, as a number."""

    interpret_as: Literal["date", "time", "telephone", "characters", "cardinal", "ordinal"]
    format: (
        Annotated[
            Literal["mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y"],
            Meta(description="Order of the parts of a date; required for one."),
        ]
        | None
    ) = None

    def across(self) -> Iterable[Fault]:
        """A date needs ``format`` (documented)."""
        if self.interpret_as != "date" or self.format is not None:
            return ()
        return (Fault("ssml-say-as-date", "is required for a date", "format"),)


class Sub(_Around, frozen=True, kw_only=True):
    """Speaks ``alias`` instead of the contents."""

    alias: Annotated[Name, Meta(description="What is spoken.")]


TAGS: tuple[type[Tag], ...] = (Break, Emphasis, Lang, P, Phoneme, Prosody, S, SayAs, Sub)
"""Every SSML tag that the platform documents."""
