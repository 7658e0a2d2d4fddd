"""A small voice line, for the examples that mount it in a web framework.

What opens it is the password in the environment: VOICE_PASSWORD.
"""

import os

from bxml import Gather, Response
from calls.events import AnswerEvent, DisconnectEvent, GatherEvent, InitiateEvent
from calls.webhooks import VoiceApp

app = VoiceApp(credentials={"bandwidth": os.environ["VOICE_PASSWORD"]})


@app.on("/answer")
def answer(event: AnswerEvent | InitiateEvent) -> Response:
    """The call begins with a menu."""
    menu = Gather(gather_url=app.url_for(chosen), max_digits=1, **app.auth)
    return Response().then(menu.speak_sentence("For sales, press 1."))


@app.on("/chosen")
def chosen(event: GatherEvent) -> Response:
    """A key was pressed, or none in time."""
    words = "You are first in line." if event.digits == "1" else "Goodbye."
    return Response().speak_sentence(words).hangup()


@app.on("/disconnect")
def over(event: DisconnectEvent) -> None:
    """The call is over."""
