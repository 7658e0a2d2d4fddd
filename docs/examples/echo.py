"""A line that sends back what the caller says, over the websocket of a bidirectional stream.

PUBLIC_URL=https://… VOICE_PASSWORD=… uvicorn --app-dir docs/examples echo:app
"""

import os

from bxml import Response, StartStream
from calls.events import AnswerEvent, DisconnectEvent, InitiateEvent
from calls.sockets import StreamMedia, StreamSocket
from calls.webhooks import VoiceApp

app = VoiceApp(
    public_url=os.environ["PUBLIC_URL"],
    credentials={"bandwidth": os.environ["VOICE_PASSWORD"]},
)


@app.on("/answer")
def answer(event: AnswerEvent | InitiateEvent) -> Response:
    """The call begins with a stream, and lasts as long as it does."""
    stream = StartStream(
        destination=app.url_for(echo),
        name="echo",
        mode="bidirectional",
        **app.socket_auth,
    )
    return Response().speak_sentence("Say something.").then(stream).stop_stream("echo", wait=True)


@app.on("/disconnect")
def over(event: DisconnectEvent) -> None:
    """The call is over."""


@app.socket("/echo")
async def echo(socket: StreamSocket) -> None:
    """Each frame of the caller's goes back as it came."""
    async for message in socket:
        if isinstance(message, StreamMedia) and message.track == "inbound":
            await socket.play(message.payload)
