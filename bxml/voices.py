"""The voices that speak, and the languages. Lists of today: the vendor's grow, and stay open.

The order is that in which the vendor's Java SDK picks a voice for a gender and a locale (documented
there; that the platform does the same is inferred). The tiers of voices whose name ends in ``_enh``,
and of those that came with them, are inferred from the name.
"""

from typing import Literal, NamedTuple


class Voice(NamedTuple):
    """A voice: its name, its locale, its gender, and whether it is neural and costs extra."""

    name: str
    locale: str
    gender: Literal["female", "male"]
    enhanced: bool = False


VOICES: tuple[Voice, ...] = (
    Voice("susan", "en_US", "female"),
    Voice("paul", "en_US", "male"),
    Voice("julie", "en_US", "female"),
    Voice("kate", "en_US", "female"),
    Voice("ruth", "en_US", "female", enhanced=True),
    Voice("bridget", "en_UK", "female"),
    Voice("katrin", "de", "female"),
    Voice("esperanza", "es", "female"),
    Voice("violeta", "es", "female"),
    Voice("rosa", "es_MX", "female"),
    Voice("lupe", "es_US", "female", enhanced=True),
    Voice("jolie", "fr", "female"),
    Voice("gabrielle", "fr_CA", "female", enhanced=True),
    Voice("paola", "it", "female"),
    Voice("nadiya", "ru", "female"),
    Voice("masako", "ja", "female"),
    Voice("zeina", "arb", "female"),
    Voice("zhiyu", "cmn-CN", "female"),
    Voice("dave", "en_US", "male"),
    Voice("stephen", "en_US", "male", enhanced=True),
    Voice("simon", "en_UK", "male"),
    Voice("stefan", "de", "male"),
    Voice("jorge", "es", "male"),
    Voice("pedro", "es_US", "male", enhanced=True),
    Voice("bernard", "fr", "male"),
    Voice("liam", "fr_CA", "male", enhanced=True),
    Voice("luca", "it", "male"),
    Voice("anatoli", "ru", "male"),
    Voice("kenji", "ja", "male"),
    Voice("salli", "en_US", "female"),
    Voice("salli_enh", "en_US", "female", enhanced=True),
    Voice("chantal", "fr_CA", "female"),
    Voice("miguel", "es_US", "male"),
    Voice("joey", "en_US", "male"),
    Voice("joey_enh", "en_US", "male", enhanced=True),
    Voice("penelope", "es_US", "female"),
    Voice("russell", "en_AU", "male"),
    Voice("emma", "en_GB", "female"),
    Voice("emma_enh", "en_GB", "female", enhanced=True),
    Voice("nicole", "en_AU", "female"),
    Voice("raveena", "en_IN", "female"),
    Voice("mads", "da_DK", "male"),
    Voice("justin", "en_US", "male"),
    Voice("ivy", "en_US", "female"),
    Voice("ivy_enh", "en_US", "female", enhanced=True),
    Voice("carmen", "ro_RO", "female"),
    Voice("naja", "da_DK", "female"),
    Voice("ruben", "nl_NL", "male"),
    Voice("geraint", "en_GB_WLS", "male"),
)
"""The voices known today. The first is the one that speaks where nothing is said."""

VOICE_NAMES = frozenset(voice.name for voice in VOICES)
LOCALES = frozenset(voice.locale for voice in VOICES)

SSML_LANGUAGES = frozenset(
    (
        "arb",
        "cmn-CN",
        "da-DK",
        "nl-NL",
        "en-AU",
        "en-GB",
        "en-IN",
        "en-US",
        "fr-FR",
        "fr-CA",
        "hi-IN",
        "de-DE",
        "is-IS",
        "it-IT",
        "ja-JP",
        "ko-KR",
        "nb-NO",
        "pl-PL",
        "pt-BR",
        "pt-PT",
        "ro-RO",
        "ru-RU",
        "es-ES",
        "es-MX",
        "es-US",
        "sv-SE",
        "tr-TR",
        "cy-GB",
    )
)
"""The languages that the documentation lists for ``<lang xml:lang=…>``."""
