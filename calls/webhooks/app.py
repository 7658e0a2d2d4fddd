"""The application: takes webhooks in, calls the handlers, sends their documents."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Annotated, Any, Protocol, TypedDict, TypeVar, runtime_checkable
from urllib.parse import quote, urlsplit

from msgspec import Meta

from bxml._kinds import Fault, shown
from bxml.document import Document
from bxml.types import AbsoluteUrl, Seconds
from calls._basic import admits, basic_token
from calls.errors import refuse
from calls.events import Event
from calls.models import Model
from calls.webhooks import _replies
from calls.webhooks._desk import Desk, Door, Receive, Scope, Send, send_reply
from calls.webhooks._handlers import HandlerFunction, events_of, handler_of
from calls.webhooks._sockets import SocketDoor, SocketHandler

try:
    from starlette.routing import BaseRoute, Match, NoMatchFound, Route, Router, WebSocketRoute
except ImportError as error:
    raise ImportError(
        'calls.webhooks needs Starlette: pip install "bxml-calls[web]"', name=error.name
    ) from error

H = TypeVar("H", bound=HandlerFunction)
S = TypeVar("S", bound=SocketHandler)


class Credentials(TypedDict, total=False):
    """What a verb sends along with its webhooks, for ``Gather(…, **app.auth)``."""

    username: str
    password: str


class FallbackCredentials(TypedDict, total=False):
    """What a verb sends along to its fallback URL, for ``Gather(…, **app.fallback_auth)``."""

    fallback_username: str
    fallback_password: str


class SocketCredentials(TypedDict, total=False):
    """What a websocket is opened with, for ``StartStream(…, **app.socket_auth)``."""

    destination_username: str
    destination_password: str


@runtime_checkable
class Joins(Protocol):
    """What joins an application by itself, to answer at a path."""

    def join(self, app: "VoiceApp", path: str) -> None:
        """Register with ``app.on(path)``, and with other paths below it if need be."""


class _Settings(Model, frozen=True):
    """What an application is told, checked like every request."""

    reply_seconds: Annotated[Seconds, Meta(ge=0.01, le=25)]
    largest_body: Annotated[int, Meta(ge=1024, le=1_048_576)]
    public_url: Annotated[AbsoluteUrl, Meta(max_length=1900)] | None = None

    @classmethod
    def element_name(cls) -> str:
        """The name of what it is that cannot be built."""
        return "VoiceApp"

    def across(self) -> Iterable[Fault]:
        """The URL is a place and nothing else."""
        url = self.public_url
        if url is not None and ("?" in url or "#" in url or "@" in urlsplit(url).netloc):
            yield Fault("argument", "must have no query, fragment or credentials", "public_url")


class VoiceApp:
    """An ASGI application that answers webhooks with documents.

    Handlers are plain or async functions from an event to a document, registered with ``on``. A
    plain one runs in a thread, since it may wait for a database; an async one runs in the event
    loop (asyncio) and must not block it. What a handler returns is checked (``bxml.check``), and a
    document with an error in it is never sent.

    A handler that fails, takes too long, or returns what cannot be sent is logged (logger
    ``calls``) and answered with 500 or 503, so that the platform turns to the fallback URL; or with
    ``on_failure``, so that the call goes on with that document. Nothing of the failure is in the
    reply. Which statuses the platform takes for failures is not documented in detail; that 4xx and
    5xx are among them is inferred.

    Args:
        handlers: What answers at some paths, as ``on`` would register it: functions, and what joins
            by itself, such as a script of ``calls.script``.
        public_url: Where the platform reaches this application: http or https, absolute, such as
            ``https://hooks.example.com/voice``. With it ``url_for`` gives absolute URLs, anywhere;
            without it, paths, and only while a request is being answered.
        credentials: User names and their passwords (HTTP basic, UTF-8), any of which opens. ``auth``
            has the first, for the verbs of the replies: the platform brings what they say.
            None lets everybody in.
        reply_seconds: How long an answer may take, 0.01 to 25. The platform waits 15
            unless ``callback_timeout`` says otherwise (documented), so keep below that.
        largest_body: Bytes of a webhook that are read: 1,024 to 1,048,576.
        on_failure: What is sent when a handler fails, instead of a status.
        now: The time, with its zone.

    Raises:
        InvalidRequest: An argument is wrong.
    """

    def __init__(
        self,
        handlers: "Mapping[str, Joins | HandlerFunction] | None" = None,
        /,
        *,
        public_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        reply_seconds: float = 10.0,
        largest_body: int = 65_536,
        on_failure: Document | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        settings = _Settings(reply_seconds, largest_body, public_url)
        self._public_url = settings.public_url and settings.public_url.rstrip("/")
        self._credentials = _checked(credentials)
        self._tokens = tuple(basic_token(*pair) for pair in self._credentials)
        self._desk = Desk(
            seconds=settings.reply_seconds,
            largest_body=settings.largest_body,
            on_failure=_checked_document(on_failure),
            now=now,
            public_url=self._public_url,
            asks_credentials=bool(self._tokens),
        )
        # Where it is mounted, while it answers a request. Another application is mounted elsewhere.
        self._root_path: ContextVar[str] = ContextVar("root_path")
        self._doors: dict[str, tuple[Door, Route]] = {}
        self._routes: dict[Any, Route | WebSocketRoute] = {}
        self._paths: dict[Any, str] = {}
        self._router = Router(redirect_slashes=False, default=_nothing_here)
        self._making_wsgi = Lock()
        for path, handler in ({} if handlers is None else handlers).items():
            if isinstance(handler, Joins):
                handler.join(self, path)
            else:
                self.on(path)(handler)

    @property
    def auth(self) -> Credentials:
        """What the verbs of a reply must bear so that their webhooks are let in; empty if nothing.

        ``Gather(gather_url=app.url_for(menu), **app.auth)``
        """
        if not self._credentials:
            return {}
        username, password = self._credentials[0]
        return {"username": username, "password": password}

    @property
    def fallback_auth(self) -> FallbackCredentials:
        """The same for a fallback URL that leads here."""
        if not self._credentials:
            return {}
        username, password = self._credentials[0]
        return {"fallback_username": username, "fallback_password": password}

    @property
    def socket_auth(self) -> SocketCredentials:
        """The same for the websocket of a ``StartStream`` or ``StartTranscription``."""
        if not self._credentials:
            return {}
        username, password = self._credentials[0]
        return {"destination_username": username, "destination_password": password}

    def on(
        self, path: str, *, method: str = "POST", on_failure: Document | None = None
    ) -> Callable[[H], H]:
        """Answer the events that come to a path with the function that follows.

        Its first parameter says by its annotation which events it takes: a class of
        ``calls.events``, several (``AnswerEvent | RedirectEvent``), or a base such as ``Event`` for
        all of its kind; of several handlers the most specific one is called. A second parameter,
        if there is one, gets the ``Delivery``, or what is behind the ``?``, if it is a ``Query``. The function itself stays as it is.

        Args:
            path: Where the events come to, below where the application is mounted. It may have
                parameters, as Starlette writes them: ``/menu/{team}``.
            method: ``POST``, which the platform takes by default, or ``GET``.
            on_failure: What is sent when this handler fails; None leaves it to the application.

        Raises:
            InvalidRequest: A function that takes no event; an event that has its handler there
                already; a function that is registered already; an unfit path.
        """
        if method not in ("GET", "POST"):
            refuse("method", f"must be GET or POST (got {shown(method)})")
        failing = _checked_document(on_failure)

        def register(function: H) -> H:
            handler = handler_of(function, failing)
            self._refuse_known(function, path)
            door, route = self._doors.get(path) or self._new_door(path)
            door.add(method, handler, events_of(handler))
            self._desk.notes |= handler.wants_delivery
            self._doors[path] = door, route
            self._routes[function] = route
            return function

        return register

    def socket(self, path: str) -> Callable[[S], S]:
        """Answer the websocket of a ``StartStream`` or ``StartTranscription`` with what follows.

        The function is async and takes a ``StreamSocket`` or a ``TranscriptionSocket`` of
        ``calls.sockets``; which, says its annotation. The socket is closed when it returns. The
        platform brings the verb's ``destination_username`` and ``destination_password``.

        Raises:
            InvalidRequest: A function that takes no socket; a path that is taken; an unfit path.
        """

        def register(function: S) -> S:
            self._refuse_known(function, path)
            route = _SocketRoute(_checked_path(path), SocketDoor(function, self._desk.seconds))
            self._router.routes.append(route)
            self._routes[function] = route
            return function

        return register

    def _new_door(self, path: str) -> tuple[Door, Route]:
        door = Door(self._desk, _checked_path(path))
        route = _Route(path, door)
        self._router.routes.append(route)
        return door, route

    def _refuse_known(self, function: Any, path: str) -> None:
        if function in self._routes:
            there = self._routes[function].path
            refuse(
                _name(function), f"answers {there} already, so its URL would not be one ({path})"
            )

    def url_for(self, handler: Callable[..., Any], /, **path_params: Any) -> str:
        """The URL of a handler, so that it is written in one place.

        With ``public_url`` it is absolute, and that of a socket is ``wss://`` (or ``ws://``).
        Without, it is a path from the root of the server, below where the application is mounted
        at the moment; the platform resolves it against the URL that it has called (documented).

        Raises:
            InvalidRequest: No handler of this application; parameters that are not those of its
                path; no ``public_url``, and no request is being answered; a socket, and no
                ``public_url``.
        """
        route = self._routes.get(handler)
        if route is None:
            refuse("handler", f"must be registered with this application (got {_name(handler)})")
        path = None if path_params else self._paths.get(handler)
        if path is None:
            path = _path_to(route, path_params)
            if not path_params:
                self._paths[handler] = path
        if self._public_url is not None:
            if isinstance(route, WebSocketRoute):
                return "ws" + self._public_url[len("http") :] + path
            return self._public_url + path
        if isinstance(route, WebSocketRoute):
            refuse(
                "public_url", f"is needed for the URL of {_name(handler)}: a socket's is absolute"
            )
        try:
            url = quote(self._root_path.get(), safe="/:@!$&'()*+,;=~") + path
        except LookupError:
            words = (
                f"is needed for the URL of {_name(handler)} outside of a request: "
                'VoiceApp(public_url="https://…")'
            )
            refuse("public_url", words)
        # Two slashes at the beginning would name a host.
        return "/" + url.lstrip("/")

    @property
    def public_url(self) -> str | None:
        """Where the platform reaches this application, if it was told."""
        return self._public_url

    def path_for(self, event: type[Event]) -> str | None:
        """The path whose handler takes an event most specifically; of several, the first.

        For those who send events, such as the simulator and the settings of an application. Paths
        with parameters are not considered; None if there is no other.
        """
        found = [
            (distance, path)
            for path, (door, _) in self._doors.items()
            if "{" not in path and (distance := door.distance("POST", event)) is not None
        ]
        return min(found, key=lambda each: each[0])[1] if found else None

    def handler_for(
        self, path: str, event: type[Event], *, method: str = "POST"
    ) -> Callable[..., Any] | None:
        """The function that answers an event at a path, such as ``/menu/sales``; None if none does.

        For those who show where an answer came from. The path is that below where the application
        is mounted.
        """
        scope = {"type": "http", "path": path, "root_path": "", "method": method}
        for door, route in self._doors.values():
            if route.matches(scope)[0] is Match.FULL:
                return door.function(method, event)
        return None

    @contextmanager
    def mounted_at(self, path: str = "") -> Iterator[None]:
        """Give the URLs that there are while a request is answered, for handlers that are tested.

            with app.mounted_at("/voice"):
                assert menu(event) == Response().redirect("/voice/chosen")

        It holds for the block, in this thread or task.
        """
        token = self._root_path.set(path.rstrip("/"))
        try:
            yield
        finally:
            self._root_path.reset(token)

    @property
    def wsgi(self) -> Callable[..., Iterable[bytes]]:
        """The same application for WSGI servers and frameworks (a2wsgi underneath)."""
        with self._making_wsgi:  # from Python 3.12 on, a cached_property may be made twice at once
            return self._wsgi

    @cached_property
    def _wsgi(self) -> Callable[..., Iterable[bytes]]:
        from calls.webhooks._wsgi import wsgi  # noqa: PLC0415  # only who needs it pays for it

        return wsgi(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection (ASGI 3)."""
        if scope["type"] == "lifespan":
            await self._router(scope, receive, send)
            return
        if self._tokens and not admits(scope["headers"], self._tokens):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await send_reply(_replies.UNAUTHORIZED, send)
            return
        with self.mounted_at(scope.get("root_path", "")):
            await self._router(scope, receive, send)

    def __repr__(self) -> str:
        where = "" if self._public_url is None else f"public_url={self._public_url!r}, "
        return f"VoiceApp({where}{len(self._routes)} handlers)"


class _Unbroken(BaseRoute):
    """A route that no path can break."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path is this one."""
        try:
            return super().matches(scope)
        except ValueError:  # a number of thousands of digits
            return Match.NONE, {}


class _Route(_Unbroken, Route):
    """One for webhooks."""


class _SocketRoute(_Unbroken, WebSocketRoute):
    """One for a socket."""


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """What the router calls when no path fits."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    else:
        await send_reply(_replies.NOT_FOUND, send)


def _path_to(route: Route | WebSocketRoute, path_params: dict[str, Any]) -> str:
    """The path of a route below where its application is mounted."""
    try:
        path = str(route.url_path_for(route.name, **path_params))
    except (NoMatchFound, AssertionError, TypeError, ValueError):
        refuse("path_params", f"must fit {route.path} (got {shown(path_params)})")
    if {".", ".."} & set(path.split("/")):  # whoever resolves them ends up elsewhere
        refuse("path_params", f"must be no . and no .. (got {shown(path_params)})")
    return quote(path, safe="/:@!$&'()*+,;=~")


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or shown(function))


def _checked(credentials: Any) -> tuple[tuple[str, str], ...]:
    """The pairs, held to what HTTP basic can carry. No message holds a password."""
    if credentials is None:
        return ()
    if not isinstance(credentials, Mapping) or not credentials:
        refuse("credentials", "must map user names to passwords, at least one; None lets all in")
    for username, password in credentials.items():
        if not (isinstance(username, str) and isinstance(password, str) and username and password):
            refuse("credentials", "must map user names to passwords, neither empty")
        if ":" in username:
            refuse("credentials", "must hold no colon in a user name, which ends it (RFC 7617)")
        if any(ord(each) < 32 or ord(each) == 127 for each in username + password):
            refuse("credentials", "must hold no control characters")
    return tuple(credentials.items())


def _checked_document(document: Any) -> Document | None:
    """What is set aside for failures can be sent at all."""
    if document is None:
        return None
    if not isinstance(document, Document):
        refuse("on_failure", f"must be a document (got {shown(document)})")
    bytes(document)  # raises if it is too large
    return document


def _checked_path(path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        refuse("path", f'must begin with one "/" (got {shown(path)})')
    return path
