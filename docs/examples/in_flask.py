"""A voice line beside a Flask application.

cd docs/examples && VOICE_PASSWORD=… waitress-serve in_flask:app
"""

from flask import Flask, Response
from line import app as line
from werkzeug.middleware.dispatcher import DispatcherMiddleware

site = Flask(__name__)


@site.get("/")
def home() -> Response:
    """An ordinary page."""
    return Response("Acme & Sons", mimetype="text/plain")


app = DispatcherMiddleware(site, {"/voice": line.wsgi})
