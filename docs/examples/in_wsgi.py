"""A voice line beside a plain WSGI application, for any WSGI server.

cd docs/examples && VOICE_PASSWORD=… waitress-serve in_wsgi:app
"""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import shift_path_info

from line import app as line


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The line below /voice, and an ordinary page elsewhere."""
    if environ["PATH_INFO"].startswith("/voice/"):
        shift_path_info(environ)  # from PATH_INFO to SCRIPT_NAME
        return line.wsgi(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Acme & Sons"]
