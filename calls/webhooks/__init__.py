"""The application that answers webhooks: events in, documents out. Needs the extra ``web``.

    from bxml import Gather, Response
    from calls.events import AnswerEvent, GatherEvent
    from calls.webhooks import VoiceApp

    app = VoiceApp()

    @app.on("/answer")
    def answer(event: AnswerEvent) -> Response:
        choices = Gather(gather_url=app.url_for(chosen), max_digits=1)
        return Response().then(choices.speak_sentence("For sales, press 1."))

    @app.on("/chosen")
    def chosen(event: GatherEvent) -> Response:
        return Response().speak_sentence(f"You pressed {event.digits}.")

It is an ASGI application: ``uvicorn module:app``, or mount it in another one. ``app.wsgi`` is the
same application for WSGI servers.
"""

from calls.webhooks.app import Credentials, VoiceApp
from calls.webhooks.delivery import Delivery, Query

__all__ = ["Credentials", "Delivery", "Query", "VoiceApp"]
