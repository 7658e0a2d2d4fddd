"""A voice line in a FastAPI application.

VOICE_PASSWORD=… uvicorn --app-dir docs/examples in_fastapi:app
"""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from line import app as line

app = FastAPI()
app.mount("/voice", line)


@app.get("/", response_class=PlainTextResponse)
async def home() -> str:
    """An ordinary page."""
    return "Acme & Sons"
