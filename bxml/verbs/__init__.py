"""The verbs, one family a file."""

from bxml.verbs.audio import PlayAudio, Ring, SendDtmf, SpeakSentence
from bxml.verbs.conference import Bridge, Conference
from bxml.verbs.connect import Connect, Endpoint
from bxml.verbs.flow import Hangup, Pause, Redirect, Tag
from bxml.verbs.gather import Gather, StartGather, StopGather
from bxml.verbs.media import (
    CustomParam,
    StartStream,
    StartTranscription,
    StopStream,
    StopTranscription,
    StreamParam,
)
from bxml.verbs.recording import (
    PauseRecording,
    Record,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from bxml.verbs.transfer import Forward, PhoneNumber, Refer, SipUri, Transfer

__all__ = [
    "Bridge",
    "Conference",
    "Connect",
    "CustomParam",
    "Endpoint",
    "Forward",
    "Gather",
    "Hangup",
    "Pause",
    "PauseRecording",
    "PhoneNumber",
    "PlayAudio",
    "Record",
    "Redirect",
    "Refer",
    "ResumeRecording",
    "Ring",
    "SendDtmf",
    "SipUri",
    "SpeakSentence",
    "StartGather",
    "StartRecording",
    "StartStream",
    "StartTranscription",
    "StopGather",
    "StopRecording",
    "StopStream",
    "StopTranscription",
    "StreamParam",
    "Tag",
    "Transfer",
]
