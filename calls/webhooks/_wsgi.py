"""The application for WSGI servers."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any

try:
    from a2wsgi import ASGIMiddleware
except ImportError as error:
    raise ImportError(
        'VoiceApp.wsgi needs a2wsgi: pip install "bxml-calls[web]"', name=error.name
    ) from error


def wsgi(app: Any) -> Callable[..., Iterable[bytes]]:
    """An ASGI application as a WSGI one.

    Its event loop runs in a thread that is started by the first request, so that a server may fork
    its workers before. What cannot be a request over HTTP is refused here: below it would fail.
    """
    inner: list[ASGIMiddleware] = []
    first = Lock()

    def face(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_sound(environ):
            status = HTTPStatus.BAD_REQUEST
            words = b"The request cannot be read."
            headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(words)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [words]
        with first:  # of several first requests one starts the loop
            if not inner:
                inner.append(ASGIMiddleware(app))
        # A server at a Unix socket has no port to tell.
        ports = {
            name: environ[name] if str(environ[name]).isdecimal() else "0"
            for name in ("SERVER_PORT", "REMOTE_PORT")
            if name in environ
        }
        return inner[0]({"SERVER_NAME": "", "SERVER_PORT": "0"} | environ | ports, start_response)  # type: ignore[arg-type]

    return face


def _is_sound(environ: dict[str, Any]) -> bool:
    try:
        for name in ("SCRIPT_NAME", "PATH_INFO"):
            environ.get(name, "").encode("latin-1").decode()
        environ.get("QUERY_STRING", "").encode("ascii")
        return int(environ.get("CONTENT_LENGTH") or 0) >= 0
    except ValueError:
        return False
