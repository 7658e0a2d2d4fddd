"""What a caller presses and says."""

from collections.abc import Iterable
from typing import Annotated, ClassVar

from msgspec import Meta

from bxml._compose import Filled, Verb, appends
from bxml._kinds import Fault
from bxml.errors import Problem
from bxml.types import (
    Assumes,
    CountsWith,
    Delivers,
    Digits,
    GatherInput,
    Method,
    Password,
    Seconds,
    Tag,
    Uncertain,
    Url,
    Username,
)
from bxml.verbs.audio import PlayAudio, SpeakSentence

BySpeech = CountsWith("input", ("speech", "dtmf_speech"), "gather-speech-only")


class Gather(Filled[SpeakSentence | PlayAudio], frozen=True, kw_only=True):
    """Collects digits that the caller presses, and speech, while the nested prompts play.

    With ``gather_url`` the result goes there, the document in the reply runs next, and nothing
    after this verb is run. Without it the result is thrown away and the next verb runs.
    """

    ends: ClassVar[bool | str] = "gather_url"
    answers: ClassVar[bool | str] = True

    most: ClassVar[int] = 20
    limit_rule: ClassVar[str] = "gather-children"

    gather_url: (
        Annotated[
            Url,
            Delivers("gather"),
            Meta(description="Where the result goes; the document in the reply runs next."),
        ]
        | None
    ) = None
    gather_method: Method | None = None
    gather_fallback_url: (
        Annotated[Url, Meta(description="Second try when gather_url does not respond.")] | None
    ) = None
    gather_fallback_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    fallback_username: Username | None = None
    fallback_password: Password | None = None
    tag: Tag | None = None
    terminating_digits: (
        Annotated[
            Digits, Assumes(""), Meta(description="Any of these ends the gather; empty: none does.")
        ]
        | None
    ) = None
    max_digits: (
        Annotated[
            int,
            Meta(ge=1, le=50, description="Most digits to collect; reaching it ends the gather."),
            Assumes(50),
        ]
        | None
    ) = None
    inter_digit_timeout: (
        Annotated[
            Seconds,
            Meta(ge=1, le=60, description="Seconds allowed between two digits."),
            Assumes(5),
        ]
        | None
    ) = None
    first_digit_timeout: (
        Annotated[
            Seconds,
            Meta(ge=0, le=60, description="Seconds for the first digit, after the prompts."),
            Assumes(5),
        ]
        | None
    ) = None
    repeat_count: (
        Annotated[
            int,
            Meta(ge=1, le=20, description="How often the prompts play while nothing is pressed."),
            Assumes(1),
            Uncertain("1 to 20 follows from the rule on the product with the nested verbs."),
        ]
        | None
    ) = None
    input: Annotated[GatherInput, Assumes("dtmf"), Meta(description="What to collect.")] | None = (
        None
    )
    hints: (
        Annotated[
            str,
            BySpeech,
            Meta(description="Words that help the recogniser."),
            Uncertain("Separator and length are not documented."),
        ]
        | None
    ) = None
    language: (
        Annotated[
            str,
            BySpeech,
            Meta(description="Language of the speech, such as en-US."),
            Uncertain("Values and default are not documented."),
        ]
        | None
    ) = None
    partial_result_callback: (
        Annotated[
            Url,
            Delivers("partialgather"),
            BySpeech,
            Meta(description="Where results go while the caller still speaks."),
        ]
        | None
    ) = None
    partial_result_callback_method: Annotated[Method, BySpeech] | None = None
    profanity_filter: (
        Annotated[
            bool,
            Assumes(True),
            BySpeech,
            Meta(description="Keep profanity out of the transcript."),
        ]
        | None
    ) = None
    speech_model: (
        Annotated[
            str,
            BySpeech,
            Meta(description="Recognition model."),
            Uncertain("Values are not documented."),
        ]
        | None
    ) = None
    speech_timeout: (
        Annotated[
            int,
            BySpeech,
            Meta(description="Seconds to wait for speech."),
            Assumes(5),
            Uncertain("The range is not documented."),
        ]
        | None
    ) = None

    speak_sentence = appends(SpeakSentence)
    play_audio = appends(PlayAudio)

    def doubts(self) -> Iterable[Fault]:
        """Without ``gather_url`` nobody learns what was gathered (documented)."""
        if self.gather_url is None:
            yield Fault("gather-no-url", "is not given, so what is gathered is lost", "gather_url")

    def room(self) -> int:
        """Prompts times repeats are at most 20 (documented)."""
        return self.most // (self.repeat_count or 1)

    def crowded(self, count: int) -> list[Problem]:
        """What is wrong with holding ``count`` prompts: too many, or too many times the repeats."""
        if count <= self.room() or count > self.most:
            return super().crowded(count)
        words = (
            f"repeat_count times the number of nested verbs must be at most {self.most}"
            f" (got {self.repeat_count} x {count})"
        )
        here = type(self).__name__
        return [Problem("gather-repeat-product", "error", here, words, attribute="repeat_count")]


class _DtmfTarget(Verb, frozen=True):
    """What ``StartGather`` cannot do without; declared apart, since only it is positional."""

    dtmf_url: Annotated[
        Url, Delivers("dtmf"), Meta(description="Told of every digit, one event a digit.")
    ]


class StartGather(_DtmfTarget, frozen=True, kw_only=True):
    """Reports every digit that the caller presses, in the background, until ``StopGather``.

    Not to be used with ``Forward``; it waits while a ``Gather`` runs.
    """

    background: ClassVar[bool] = True

    dtmf_method: Method | None = None
    username: Username | None = None
    password: Password | None = None
    tag: Tag | None = None


class StopGather(Verb, frozen=True):
    """Stops the reports of digits that ``StartGather`` began."""

    background: ClassVar[bool] = True
