"""What a caller hears: spoken text, audio files, ringing, tones."""

from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import TextVerb, Verb
from bxml._speech import Part, Sentence, parts, words
from bxml.types import (
    Assumes,
    Gender,
    IgnoredWith,
    Milliseconds,
    Name,
    OneOfKnown,
    Password,
    Seconds,
    Tones,
    Url,
    Username,
)
from bxml.voices import LOCALES, VOICE_NAMES


class SpeakSentence(TextVerb[Sentence], frozen=True, kw_only=True):
    """Speaks text with text-to-speech.

    ``text`` is text, whatever it looks like: ``&`` and ``<`` are escaped. A list may mix text with
    the tags of ``bxml.ssml``. With no attributes the speaker is female, ``en_US``. Inside a
    ``Gather`` it is a prompt that stops at the first digit.
    """

    answers: ClassVar[bool | str] = True
    in_conference: ClassVar[bool] = True

    voice: (
        Annotated[
            Name,
            OneOfKnown(VOICE_NAMES, "voice-unknown"),
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
            IgnoredWith("voice", "voice-overrides"),
            Meta(description="Gender of the voice; the other one where the locale has none of it."),
        ]
        | None
    ) = None
    locale: (
        Annotated[
            Name,
            Assumes("en_US"),
            OneOfKnown(LOCALES, "locale-unknown"),
            IgnoredWith("voice", "voice-overrides"),
            Meta(description="Language and region, such as en_US or de."),
        ]
        | None
    ) = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The text and the tags, one after the other."""
        return parts(self.text)

    @property
    def words(self) -> str:
        """What is spoken, without the tags; where a tag gives an alias, that."""
        return words(self.text)


class PlayAudio(TextVerb[Url], frozen=True, kw_only=True):
    """Plays an audio file: ``text`` is the URL of a .wav or .mp3 file.

    Playing another format ends the call (documented).
    """

    answers: ClassVar[bool | str] = True
    in_conference: ClassVar[bool] = True

    username: Username | None = None
    password: Password | None = None


class Ring(Verb, frozen=True, kw_only=True):
    """Plays ringing."""

    answers: ClassVar[bool | str] = "answer_call"

    duration: (
        Annotated[Seconds, Meta(ge=0.1, le=86400, description="Seconds of ringing."), Assumes(5)]
        | None
    ) = None
    answer_call: (
        Annotated[bool, Assumes(True), Meta(description="Whether it answers an inbound call.")]
        | None
    ) = None


class SendDtmf(TextVerb[Tones], frozen=True, kw_only=True):
    """Plays DTMF tones: ``text`` is one to fifty digits and pauses.

    ``w`` and ``,`` pause for half a second, ``W`` for a second, instead of ``tone_interval``.
    """

    answers: ClassVar[bool | str] = True

    tone_duration: (
        Annotated[
            Milliseconds,
            Meta(ge=50, le=5000, description="Milliseconds that each tone lasts."),
            Assumes(200),
        ]
        | None
    ) = None
    tone_interval: (
        Annotated[
            Milliseconds,
            Meta(ge=50, le=5000, description="Milliseconds of silence after each tone."),
            Assumes(400),
        ]
        | None
    ) = None
