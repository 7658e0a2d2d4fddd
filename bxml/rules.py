"""The rules of the language: what each one says, where it comes from, and what to do about it.

A rule is declared here once. What finds that it is broken (a constructor, the parser, ``check``)
names it by its id.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["error", "warning", "info"]
"""error: the platform refuses, fails or ignores it. warning: no effect, or a risk. info: good to know."""

Where = Literal["reply", "push", "conference", "transfer_answer"]
"""What a document is for.

reply: the answer to a webhook of a call. push: the new document of a live call, through the REST
API. conference: a document for a conference. transfer_answer: the reply to ``transferAnswer``, for
the rung party alone.
"""

Source = Literal["documented", "inferred", "ours"]
"""By the vendor's word; by what follows from it; or a bound that this library sets."""


class Rule(NamedTuple):
    """A rule of the language."""

    id: str
    level: Level
    source: Source
    says: str
    advice: str


_ALL = (
    # Of the document
    Rule(
        "doc-size",
        "error",
        "documented",
        "A document holds at most 64 KB. Whether that is 64,000 or 65,536 bytes is not said: above"
        " the first is a warning, above the second an error.",
        "Split the document, and go on with the rest by Redirect.",
    ),
    Rule(
        "doc-wellformed",
        "error",
        "documented",
        "Markup that is not well-formed ends the call (disconnect cause invalid-bxml).",
        "Mend the markup at that place, or let this library write it.",
    ),
    Rule(
        "doc-dtd",
        "error",
        "ours",
        "A document has no document type and declares no entities.",
        "Leave <!DOCTYPE …> out.",
    ),
    Rule(
        "doc-xinclude",
        "error",
        "ours",
        "A document includes no other one.",
        "Write what is to be included in its place.",
    ),
    Rule(
        "doc-implicit-hangup",
        "info",
        "documented",
        "When the verbs have run out and none fetched another document, the call is hung up.",
        "If it is to go on, end with Redirect; if not, say so with Hangup.",
    ),
    Rule(
        "doc-empty",
        "info",
        "documented",
        "A reply without verbs hangs up, or rejects a call that is not answered. What an empty"
        " document does that is pushed is not documented.",
        "If that is meant, say so with Hangup.",
    ),
    Rule(
        "doc-relative-url",
        "info",
        "documented",
        "Relative URLs lead on from the URL of the request that returned the document.",
        "See that it is right from there.",
    ),
    Rule(
        "doc-relative-url-rest",
        "warning",
        "inferred",
        "For a document that is pushed no base of relative URLs is documented.",
        "Write the whole URL, with https:// and the host.",
    ),
    Rule(
        "doc-unreachable",
        "warning",
        "documented",
        "Nothing runs after Redirect, Hangup (inferred) or Forward (inferred), nor after Gather,"
        " Record, Transfer, Bridge or Refer with a URL that takes over when they complete.",
        "Move it before that verb, into the document that comes next, or take it out.",
    ),
    Rule(
        "conference-document-verbs",
        "error",
        "documented",
        "A document for a conference may hold PlayAudio, SpeakSentence, StartRecording,"
        " StopRecording, PauseRecording and ResumeRecording; with any other verb all of it is"
        " refused.",
        "Leave the verb out, or send it to a call instead of the conference.",
    ),
    Rule(
        "transfer-answer-verbs",
        "error",
        "documented",
        "The reply to transferAnswer may not hold Bridge, Conference, Forward or Transfer.",
        "Leave the verb out; the parties are connected when the document has ended.",
    ),
    # Of markup
    Rule(
        "root",
        "error",
        "documented",
        "The root of a document is <Response> or <Bxml>.",
        "Put the verbs into <Response> for a reply, into <Bxml> for a push.",
    ),
    Rule(
        "element-unknown",
        "error",
        "documented",
        "The language has no other elements than its verbs, nested tags and SSML tags.",
        "Mend the name: it counts capitals. If the vendor has a new verb, update this library.",
    ),
    Rule(
        "nesting",
        "error",
        "documented",
        "An element holds only those that the documentation puts into it.",
        "Move the inner element to where it may stand.",
    ),
    Rule(
        "text",
        "error",
        "documented",
        "Only elements whose content is text hold text.",
        "Put words to be spoken into SpeakSentence, and remarks into <!-- comments -->.",
    ),
    Rule(
        "xml-character",
        "error",
        "documented",
        "XML carries no control characters but tab and line ends, and no half of a pair (XML 1.0).",
        "Take the character out before the text comes here.",
    ),
    # Of attributes
    Rule(
        "attribute-unknown",
        "error",
        "documented",
        "An element has no other attributes than those documented.",
        "Mend the name, or leave the attribute out.",
    ),
    Rule(
        "attribute-required",
        "error",
        "documented",
        "Some attributes must be there.",
        "Write the attribute.",
    ),
    Rule(
        "attribute-positional",
        "error",
        "ours",
        "Only text, required attributes and children are given by position.",
        "Give everything else by keyword.",
    ),
    Rule(
        "attribute-type",
        "error",
        "documented",
        "A number is a number, true and false are the only booleans.",
        "Write a value of that type.",
    ),
    Rule(
        "attribute-value",
        "error",
        "documented",
        "Some attributes take one of a closed list of words.",
        "Write one of the words as they are listed; capitals count.",
    ),
    Rule(
        "attribute-range",
        "error",
        "documented",
        "Numbers have a least and a greatest value.",
        "Write a number within the range.",
    ),
    Rule(
        "attribute-format",
        "error",
        "documented",
        "URLs, numbers, digits and ids have a form of their own.",
        "Write the value in the form that the message names.",
    ),
    Rule(
        "length",
        "error",
        "documented",
        "Some texts have a greatest length, counted in characters (inferred: not in bytes).",
        "Shorten the text.",
    ),
    Rule(
        "blank",
        "error",
        "inferred",
        "A name that is blank names nothing.",
        "Write the name, or leave the attribute out.",
    ),
    # Of URLs and credentials
    Rule(
        "https-with-credentials",
        "error",
        "documented",
        "Record, StartRecording, StartStream and StartTranscription send credentials to https URLs"
        " only.",
        "Write the URL with https, or leave the credentials out.",
    ),
    Rule(
        "https-with-credentials-other",
        "warning",
        "inferred",
        "Of verbs other than Record, StartRecording, StartStream and StartTranscription, and of"
        " websockets, it is not written that URLs with credentials must be https or wss; but anyone"
        " on the way can read what is sent without.",
        "Write the URL with https or wss, or leave the credentials out.",
    ),
    Rule(
        "credentials-without-url",
        "warning",
        "inferred",
        "Credentials without a URL that they could be sent to have no effect.",
        "Write the URL, or leave the credentials out.",
    ),
    Rule(
        "method-without-url",
        "warning",
        "inferred",
        "A method or a fallback without the URL that it belongs to has no effect.",
        "Write the URL, or leave the method or the fallback out.",
    ),
    Rule(
        "tag-length",
        "error",
        "documented",
        "The tag attribute holds at most 256 characters.",
        "Shorten the tag; keep what is long in your own store, under a short key.",
    ),
    # Of single verbs
    Rule(
        "gather-repeat-product",
        "error",
        "documented",
        "repeatCount times the number of nested verbs is at most 20.",
        "Repeat less often, or join prompts into one.",
    ),
    Rule(
        "gather-children",
        "error",
        "documented",
        "A Gather holds up to 20 SpeakSentence and PlayAudio, and nothing else.",
        "Put other verbs before or after the Gather, and join prompts into one.",
    ),
    Rule(
        "gather-speech-only",
        "warning",
        "documented",
        "Attributes for speech count only where input is speech or dtmf_speech (by the SDK).",
        "Set input, or leave the attribute out.",
    ),
    Rule(
        "gather-no-url",
        "warning",
        "documented",
        "Without gatherUrl what was gathered is thrown away.",
        "Write gatherUrl.",
    ),
    Rule(
        "start-gather-not-with-forward",
        "error",
        "documented",
        "StartGather cannot be used with Forward.",
        "Stop it with StopGather before Forward, or use Transfer.",
    ),
    Rule(
        "one-start-recording",
        "warning",
        "documented",
        "A second StartRecording without a StopRecording between is ignored.",
        "Take it out, or write StopRecording before it.",
    ),
    Rule(
        "detect-language-needs-transcribe",
        "warning",
        "documented",
        "detectLanguage is ignored unless transcribe is true.",
        "Set transcribe, or leave detectLanguage out.",
    ),
    Rule(
        "transcription-url-needs-transcribe",
        "warning",
        "inferred",
        "transcriptionAvailableUrl gets no event unless transcribe is true.",
        "Set transcribe, or leave the URL out.",
    ),
    Rule(
        "conference-recording-ignored",
        "warning",
        "documented",
        "For a conference, transcribe, transcriptionAvailableUrl, tag and multiChannel of"
        " StartRecording are silently ignored.",
        "Leave the attribute out.",
    ),
    Rule(
        "record-silence-max",
        "error",
        "documented",
        "silenceTimeout is at most the greatest maxDuration, 10,800 seconds.",
        "Write a number from 0 to 10800; 0 turns it off.",
    ),
    Rule(
        "transfer-children",
        "error",
        "documented",
        "A Transfer holds one to eight PhoneNumber and SipUri.",
        "Add a party, or take parties out.",
    ),
    Rule(
        "privacy-display-name",
        "error",
        "documented",
        "With privacy the display name is Restricted, Anonymous, Private or Unavailable"
        " (for Forward by the SDK).",
        "Write one of the four words, or leave the name out.",
    ),
    Rule(
        "privacy-caller-id",
        "warning",
        "documented",
        "A caller id is a number even with privacy; the four words in its place are the older form.",
        "Write the number; set privacy, and the word as the display name.",
    ),
    Rule(
        "display-name-control-chars",
        "error",
        "documented",
        "A display name holds at most 256 characters and no control characters.",
        "Shorten the name, and take control characters out before it comes here.",
    ),
    Rule(
        "diversion-reason-needs-stack",
        "warning",
        "documented",
        "diversionReason counts only where diversionTreatment is stack.",
        "Set diversionTreatment to stack, or leave the reason out.",
    ),
    Rule(
        "diversion-inbound-only",
        "warning",
        "documented",
        "diversionTreatment is for inbound calls that are transferred, never for outbound ones.",
        "See that only inbound calls get this document.",
    ),
    Rule(
        "forward-unanswered-inbound",
        "error",
        "documented",
        "Forward takes an inbound call that is not answered yet. Which verbs answer it is inferred.",
        "Put Forward before every verb that is heard, or use Transfer.",
    ),
    Rule(
        "refer-one-sipuri",
        "error",
        "documented",
        "A Refer holds exactly one SipUri, without attributes.",
        "Leave one, with nothing but the address.",
    ),
    Rule(
        "refer-inbound-sip",
        "error",
        "documented",
        "Refer takes inbound SIP calls. What call a document is for cannot be seen in it, so that is"
        " told as info; only a party that was rung by Transfer is surely none.",
        "See that only inbound SIP calls get this document.",
    ),
    Rule(
        "redirect-last",
        "warning",
        "documented",
        "Redirect should be the last verb.",
        "Take out what follows it, or move it before.",
    ),
    Rule(
        "conference-name",
        "error",
        "documented",
        "The name of a conference is 1 to 100 letters, digits, '-', '_' and '.'.",
        "Make a name of those characters, for instance an id.",
    ),
    Rule(
        "stream-unique-name",
        "error",
        "documented",
        "The streams of a call have different names; else the second is rejected (duplicate).",
        "Give it another name, or stop the first one before.",
    ),
    Rule(
        "stream-track-limit",
        "error",
        "documented",
        "A call has at most 4 tracks streamed at a time, and both are two; else the stream is"
        " rejected (track-limit).",
        "Stop a stream before, or stream fewer tracks.",
    ),
    Rule(
        "stream-params",
        "error",
        "documented",
        "A StartStream holds at most 12 StreamParam, with names of at most 256 and values of at"
        " most 2,048 characters.",
        "Send less, for instance a key to what is long.",
    ),
    Rule(
        "stream-last-verb",
        "warning",
        "documented",
        "A stream that is started by the last verb ends at once, with the call.",
        "Give the call something to do: Pause, Gather, or StopStream with wait.",
    ),
    Rule(
        "stream-destination-credentials",
        "warning",
        "inferred",
        "destinationUsername and destinationPassword belong together.",
        "Write both or none.",
    ),
    Rule(
        "transcription-unique-name",
        "error",
        "documented",
        "The transcriptions of a call have different names; else the second is rejected.",
        "Give it another name, or stop the first one before.",
    ),
    Rule(
        "transcription-track-limit",
        "error",
        "documented",
        "A call has at most 4 tracks transcribed at a time, and both are two.",
        "Stop a transcription before, or transcribe fewer tracks.",
    ),
    Rule(
        "transcription-params",
        "error",
        "documented",
        "A StartTranscription holds at most 12 CustomParam, with names of at most 256 and values of"
        " at most 2,048 characters.",
        "Send less, for instance a key to what is long.",
    ),
    Rule(
        "stabilized-needs-destination",
        "warning",
        "documented",
        "stabilized counts only with destination.",
        "Write destination, or leave stabilized out.",
    ),
    Rule(
        "preferred-languages-no-detect",
        "error",
        "documented",
        "preferredLanguages needs detectLanguage to be false, and takes one dialect of a language.",
        "Leave detectLanguage out, and keep one locale of each language.",
    ),
    Rule(
        "uui-length",
        "warning",
        "documented",
        "User-To-User values hold at most 256 characters by one source, 350 by another.",
        "Shorten them.",
    ),
    # Of speech
    Rule(
        "voice-overrides",
        "warning",
        "documented",
        "gender and locale are ignored where voice is given.",
        "Leave them out, or leave voice out.",
    ),
    Rule(
        "voice-unknown",
        "warning",
        "inferred",
        "The voice is none of those known to this library. The vendor's list is open, and grows.",
        "Mend the name, unless the voice is a new one.",
    ),
    Rule(
        "locale-unknown",
        "warning",
        "inferred",
        "The locale is none of those known to this library. The vendor's list is open, and grows.",
        "Mend the name (en_US, not en-US), unless the locale is a new one.",
    ),
    Rule(
        "speak-not-blank",
        "error",
        "documented",
        "Text to be spoken is not blank.",
        "Write what is to be said, or use Pause for silence.",
    ),
    Rule(
        "ssml-say-as-date",
        "error",
        "documented",
        "say-as with interpret-as date needs format.",
        "Write format, such as mdy.",
    ),
    Rule(
        "ssml-language-unknown",
        "warning",
        "inferred",
        "The language is none of those that the documentation lists.",
        "Mend the name (fr-FR, with a hyphen), unless the language is a new one.",
    ),
    Rule(
        "ssml-depth",
        "error",
        "ours",
        "SSML tags stand in each other to a depth of 20.",
        "Take tags out: the sound of so many cannot be told apart.",
    ),
)

RULES: Mapping[str, Rule] = {rule.id: rule for rule in _ALL}
"""Every rule, by its id."""
