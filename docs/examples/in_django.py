"""A voice line beside a Django site, in one file.

VOICE_PASSWORD=… uvicorn --app-dir docs/examples in_django:app
"""

import secrets

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from line import app as line
from starlette.applications import Starlette
from starlette.routing import Mount

# A project has these in its settings.py and urls.py.
settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(),
)


def home(request: HttpRequest) -> HttpResponse:
    """An ordinary page."""
    return HttpResponse(b"Acme & Sons", content_type="text/plain")


urlpatterns = [path("", home)]

# This stands in its asgi.py.
app = Starlette(routes=[Mount("/voice", app=line), Mount("/", app=get_asgi_application())])
