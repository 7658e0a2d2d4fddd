"""Acme's telephone line: a menu, a queue to wait in, an agent.

An ordinary Starlette application. Every route answers a webhook with a document; nothing in it
knows whether the platform or the simulator asks.

    uvicorn --app-dir docs/examples acme:app
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from bxml import Document, Gather, Response
from calls.events import GatherEvent, parse_event

LARGEST_EVENT = 65_536


def menu() -> Response:
    """What every caller hears first."""
    choices = (
        Gather(gather_url="/chosen", max_digits=1, first_digit_timeout=8, repeat_count=3)
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


def chosen(digits: str | None) -> Response:
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
            return menu()
        case _:
            return Response().speak_sentence("Goodbye.", voice="julie").hangup()


def agent() -> Response:
    """Where a waiting caller is sent when somebody is free."""
    return (
        Response()
        .speak_sentence("This is Ana. How can I help you?", voice="salli")
        .pause(duration=60)
    )


def _bxml(document: Document) -> HttpResponse:
    return HttpResponse(bytes(document), media_type="application/xml")


async def on_answer(_: Request) -> HttpResponse:
    """The call was answered."""
    return _bxml(menu())


async def on_chosen(request: Request) -> HttpResponse:
    """A key was pressed, or none in time."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_EVENT:
            return HttpResponse(status_code=413)
    event = parse_event(bytes(body))
    return _bxml(chosen(event.digits if isinstance(event, GatherEvent) else None))


async def on_agent(_: Request) -> HttpResponse:
    """The call was redirected here."""
    return _bxml(agent())


async def on_disconnect(_: Request) -> HttpResponse:
    """The call is over."""
    return HttpResponse(status_code=204)


app = Starlette(
    routes=[
        Route("/answer", on_answer, methods=["POST"]),
        Route("/chosen", on_chosen, methods=["POST"]),
        Route("/agent", on_agent, methods=["POST"]),
        Route("/disconnect", on_disconnect, methods=["POST"]),
    ]
)
