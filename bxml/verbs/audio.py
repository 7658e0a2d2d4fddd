"""What a caller hears: spoken text and audio files."""

from typing import Annotated

from msgspec import Meta

from bxml._compose import TextVerb
from bxml.types import Assumes, Gender, OpenText, Password, Sentence, Url, Username


class SpeakSentence(TextVerb[Sentence], frozen=True, kw_only=True):
    """Speaks text with text-to-speech.

    ``text`` is text, whatever it looks like: ``&`` and ``<`` are escaped. With no attributes the
    speaker is female, ``en_US``. Inside a ``Gather`` it is a prompt that stops at the first digit.
    """

    voice: (
        Annotated[
            OpenText,
            Meta(
                description="Name of the voice, such as julie; then gender and locale are ignored."
            ),
        ]
        | None
    ) = None
    gender: (
        Annotated[
            Gender,
            Assumes("female"),
            Meta(description="Gender of the voice; the other one where the locale has none of it."),
        ]
        | None
    ) = None
    locale: (
        Annotated[
            OpenText,
            Assumes("en_US"),
            Meta(description="Language and region, such as en_US or de."),
        ]
        | None
    ) = None


class PlayAudio(TextVerb[Url], frozen=True, kw_only=True):
    """Plays an audio file: ``text`` is the URL of a .wav or .mp3 file.

    Playing another format ends the call (documented).
    """

    username: Username | None = None
    password: Password | None = None
