"""SSML, one builder a tag: how spoken text sounds.

    SpeakSentence(["Your code is ", ssml.say_as("1234", interpret_as="characters"), "."])

A ``str`` is always text. Markup of your own becomes tags by ``parse`` and by nothing else.
"""

from bxml._speech import (
    Break,
    Emphasis,
    Lang,
    P,
    Part,
    Phoneme,
    Prosody,
    S,
    SayAs,
    Sub,
    Tag,
)

__all__ = [
    "Part",
    "Tag",
    "break_",
    "emphasis",
    "lang",
    "p",
    "parse",
    "phoneme",
    "prosody",
    "s",
    "say_as",
    "sub",
]

break_ = Break
emphasis = Emphasis
lang = Lang
p = P
phoneme = Phoneme
prosody = Prosody
s = S
say_as = SayAs
sub = Sub


def parse(markup: str) -> tuple[Part, ...]:
    """Read text with SSML tags in it, such as ``"Press <emphasis>one</emphasis>."``.

    For markup that you wrote yourself: never for text that came from elsewhere. It is held to the
    tags and attributes that the platform documents, and to the bounds that documents have.

    Returns:
        The text and the tags, for use in ``SpeakSentence`` or in another tag.

    Raises:
        ParseError: It is not well-formed, or holds what the platform does not know; with the line
            and column of every problem.
    """
    from bxml._parse import parse_ssml  # noqa: PLC0415  # lxml, only for those who read markup

    return parse_ssml(markup)
