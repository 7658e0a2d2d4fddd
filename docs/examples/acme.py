"""Acme's telephone line: a menu, a queue to wait in, an agent.

Functions that make documents, and handlers that answer webhooks with them. Nothing here knows
whether the platform or the simulator asks.

    uvicorn --app-dir docs/examples acme:app
"""

from bxml import Gather, Response
from calls.events import CallEvent, DisconnectEvent, GatherEvent
from calls.webhooks import VoiceApp

app = VoiceApp()


def menu(chosen_url: str = "/chosen") -> Response:
    """What every caller hears first."""
    choices = (
        Gather(gather_url=chosen_url, max_digits=1, first_digit_timeout=8, repeat_count=3)
        .speak_sentence("For sales, press 1.", voice="julie")
        .speak_sentence("For support, press 2.", voice="julie")
        .speak_sentence("To hear this again, press star.", voice="julie")
        .play_audio("/audio/chime.wav")
    )
    return (
        Response()
        .speak_sentence("Welcome to Acme & Sons.", voice="julie")
        .play_audio("/audio/jingle.wav")
        .pause(duration=0.5)
        .then(choices)
    )


def chosen(digits: str | None, chosen_url: str = "/chosen") -> Response:
    """What follows the key that was pressed."""
    match digits:
        case "1" | "2":
            team = "sales" if digits == "1" else "support"
            return (
                Response()
                .speak_sentence(f"You are first in line for {team}. Please hold.", voice="julie")
                .pause(duration=120)
                .speak_sentence("Nobody is free just now. Goodbye.", voice="julie")
            )
        case "*":
            return menu(chosen_url)
        case _:
            return Response().speak_sentence("Goodbye.", voice="julie").hangup()


def agent() -> Response:
    """Where a waiting caller is sent when somebody is free."""
    return (
        Response()
        .speak_sentence("This is Ana. How can I help you?", voice="salli")
        .pause(duration=60)
    )


@app.on("/answer")
def on_answer(event: CallEvent) -> Response:
    """The call was answered."""
    return menu(app.url_for(on_chosen))


@app.on("/chosen")
def on_chosen(event: CallEvent) -> Response:
    """A key was pressed, or none in time."""
    digits = event.digits if isinstance(event, GatherEvent) else None
    return chosen(digits, app.url_for(on_chosen))


@app.on("/agent")
def on_agent(event: CallEvent) -> Response:
    """The call was redirected here."""
    return agent()


@app.on("/disconnect")
def on_disconnect(event: DisconnectEvent) -> None:
    """The call is over."""
