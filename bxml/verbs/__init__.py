"""The verbs, one family a file."""

from bxml.verbs.audio import PlayAudio, SpeakSentence
from bxml.verbs.flow import Hangup, Pause, Redirect
from bxml.verbs.gather import Gather
from bxml.verbs.transfer import PhoneNumber, SipUri, Transfer

__all__ = [
    "Gather",
    "Hangup",
    "Pause",
    "PhoneNumber",
    "PlayAudio",
    "Redirect",
    "SipUri",
    "SpeakSentence",
    "Transfer",
]
