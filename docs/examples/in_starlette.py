"""A voice line in a Starlette application.

VOICE_PASSWORD=… uvicorn --app-dir docs/examples in_starlette:app
"""

from line import app as line
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route


async def home(request: Request) -> PlainTextResponse:
    """An ordinary page."""
    return PlainTextResponse("Acme & Sons")


app = Starlette(routes=[Route("/", home), Mount("/voice", app=line)])
