"""A document that waits under an address of its own until the platform fetches it.

    host = DocumentHost("https://hooks.example.com/documents")
    published = host.publish(Response().speak_sentence("An agent is free."))
    call.redirect(published.url)

The host is an ASGI application, to be mounted where its URL says. A store that its worker processes
share keeps the documents: one of them publishes, whichever is asked answers.
"""

import os
import re
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

import anyio.to_thread
from msgspec import Meta, Struct

from bxml._declare import NoRichRepr
from bxml._kinds import Fault, shown
from bxml.document import Document, Response
from bxml.types import AbsoluteUrl, NoControlCharacters, NotBlank, Seconds, Secret
from calls._basic import admits, basic_token
from calls.errors import StoreFailed, refuse
from calls.models import Model, Password, Username, needs_https

LARGEST_REQUEST = 1_048_576
"""Bytes of a request that are read. The webhooks of the platform have some thousand."""

BUSY_SECONDS = 5.0
"""How long one process waits for another's turn at the file; a webhook waits 15 s (documented)."""

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_APPLICATION_ID = 0x42584D4C  # "BXML"
_KEY = re.compile("[A-Za-z0-9_-]{32,128}")


def unguessable() -> str:
    """A new key, made of 256 bits of chance."""
    return secrets.token_urlsafe(32)


class Published(Struct, frozen=True):
    """Where a document waits to be fetched: what a redirect is given.

    Whoever knows the URL can fetch the document, so ``repr`` shows neither its key nor the password.
    """

    url: str
    username: str | None = None
    password: Annotated[str, Secret()] | None = None

    @property
    def key(self) -> str:
        """The last part of the URL, which cannot be guessed."""
        return self.url.rpartition("/")[2]

    def __repr__(self) -> str:
        url = self.url.removesuffix(self.key) + "…"
        credentials = "" if self.username is None else f", {self.username!r}, '…'"
        return f"Published({url!r}{credentials})"

    if not TYPE_CHECKING:
        __rich_repr__ = NoRichRepr()


@runtime_checkable
class DocumentStore(Protocol):
    """Keeps documents under keys, for every process that publishes or serves them.

    Its methods are called from threads, several at a time. Times are those of the host's ``now``.
    """

    def put(self, key: str, body: bytes, expires_at: float) -> None:
        """Keep ``body``. No key comes twice."""

    def take(self, key: str, now: float) -> bytes | None:
        """Hand out and forget what is kept under ``key``; None if there is nothing, or no longer.

        Of several who ask at the same time, in whatever process, at most one gets it.
        """

    def discard(self, key: str) -> None:
        """Forget what is kept under ``key``, if there is anything."""

    def discard_expired(self, now: float) -> None:
        """Forget everything whose ``expires_at`` has come."""


class SQLiteDocuments:
    """Documents in a file that the worker processes of one machine share.

    The file is made if it is not there, readable by its owner alone where the system knows modes;
    SQLite keeps two more beside it (``-wal``, ``-shm``). It needs a local file system.

    Every operation opens the file anew. That costs about a millisecond, against the request to the
    platform that follows, and leaves nothing to close and nothing that a fork could share.

    Raises:
        InvalidRequest: ``path`` is none, or ``:memory:``, which no two connections share.
        StoreFailed: The file cannot be made or opened, or it is not a store. The operations raise
            it too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if str(path) in ("", ":memory:"):
            refuse("path", f"must be the path of a file (got {shown(path)})")
        # A process may change its folder later, and the others must find the same file.
        self._path = Path(path).absolute()
        with self._open():
            pass

    def put(self, key: str, body: bytes, expires_at: float) -> None:
        """Keep ``body`` under a new key."""
        with self._open() as file:
            file.execute("INSERT INTO documents VALUES (?, ?, ?)", (key, body, expires_at))

    def take(self, key: str, now: float) -> bytes | None:
        """Hand out and forget a document; to one of those who ask."""
        with self._open() as file:
            # Reading waits for nobody, so that a stranger's guesses keep nobody waiting.
            found = file.execute(
                "SELECT body FROM documents WHERE key = ? AND expires_at > ?", (key, now)
            ).fetchall()
            # Several may have read it. It belongs to the one whose deletion found it there.
            if found and file.execute("DELETE FROM documents WHERE key = ?", (key,)).rowcount:
                body: bytes = found[0][0]
                return body
        return None

    def discard(self, key: str) -> None:
        """Forget a document."""
        with self._open() as file:
            file.execute("DELETE FROM documents WHERE key = ?", (key,))

    def discard_expired(self, now: float) -> None:
        """Forget the documents that nobody fetched in time."""
        with self._open() as file:
            file.execute("DELETE FROM documents WHERE expires_at <= ?", (now,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection on which every statement is a transaction of its own."""
        try:
            if self._path.is_dir():
                raise self._failed("is a folder, not a file")
            if not self._path.exists():
                self._make()
            uri = f"{self._path.as_uri()}?mode=rw"
            connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
            with closing(connection):
                if connection.execute("PRAGMA application_id").fetchall() != [(_APPLICATION_ID,)]:
                    raise self._failed("is not a store of documents; name another file")
                # What a power failure may undo is seconds old, and no call waits for it any more.
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        except sqlite3.Error as error:
            raise self._failed(str(error)) from error

    def _make(self) -> None:
        """Make the file under another name, and give it its own when it is complete.

        So nobody sees it half made or with another mode, and of several who make it one succeeds.
        (Switching a file to WAL fails at once where another does the same, whatever the timeout.)
        """
        handle, name = tempfile.mkstemp(prefix=f"{self._path.name}.", dir=self._path.parent)
        os.close(handle)
        try:
            with closing(sqlite3.connect(name, isolation_level=None)) as connection:
                connection.executescript(
                    f"""
                    PRAGMA journal_mode = WAL;
                    PRAGMA application_id = {_APPLICATION_ID};
                    CREATE TABLE documents (
                        key TEXT PRIMARY KEY, body BLOB NOT NULL, expires_at REAL NOT NULL
                    );
                    CREATE INDEX documents_by_end ON documents (expires_at);
                    """
                )
            with suppress(FileExistsError):
                os.link(name, self._path)
        finally:
            Path(name).unlink()

    def _failed(self, reason: str) -> StoreFailed:
        return StoreFailed(str(self._path), reason)

    def __repr__(self) -> str:
        return f"SQLiteDocuments({str(self._path)!r})"


class _Settings(Model, frozen=True):
    """What a host is told, checked like every request."""

    # A key must fit behind it: a redirect takes URLs of 2048 characters.
    url: Annotated[AbsoluteUrl, Meta(max_length=1900)]
    expires_seconds: Annotated[Seconds, Meta(ge=1, le=86_400)]
    username: Annotated[Username, NotBlank(), NoControlCharacters()] | None = None
    password: Annotated[Password, NotBlank(), NoControlCharacters()] | None = None

    @classmethod
    def element_name(cls) -> str:
        """The name of what it is that cannot be built."""
        return "DocumentHost"

    def across(self) -> Iterable[Fault]:
        """The URL is a place and nothing else; credentials are two, and go to https URLs only."""
        if self.url is not None and re.search("[?#]", self.url):  # type: ignore[redundant-expr]
            yield Fault("argument", "must have no query and no fragment", "url")
        if self.url is not None and "@" in urlsplit(self.url).netloc:  # type: ignore[redundant-expr]
            words = "must hold no credentials; give username and password"
            yield Fault("argument", words, "url")
        if (self.username is None) != (self.password is None):
            missing, given = ("username", "password")[:: 1 if self.username is None else -1]
            yield Fault("argument", f"is required with {given}", missing)
        if self.username and ":" in self.username:
            yield Fault("argument", "must hold no colon, which ends it (RFC 7617)", "username")
        yield from needs_https(self, "url", "username", "password")


class _Reply(Struct, frozen=True):
    """What a request is answered."""

    status: int
    body: bytes
    media_type: bytes = b"text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


_UNAUTHORIZED = _Reply(
    401,
    b"Credentials are needed.",
    headers=((b"www-authenticate", b'Basic realm="BXML documents", charset="UTF-8"'),),
)
# Which of the three it is would tell a stranger that there once was something.
_NOT_FOUND = _Reply(
    404, b"No document is waiting here: it was never published, or was fetched, or has expired."
)
_NOT_ALLOWED = _Reply(405, b"GET or POST fetches a document.", headers=((b"allow", b"GET, POST"),))
_TOO_LARGE = _Reply(413, b"The request is too large.")


class DocumentHost:
    """An ASGI application that hands out each published document once, as the reply to a webhook.

        host = DocumentHost("https://hooks.example.com/documents")
        app = Starlette(routes=[Mount("/documents", app=host)])

    The first GET or POST with the right credentials takes the document, whichever process it comes
    to. Whoever comes later gets a 404, the same as for a key that never was or has expired. When a
    document was taken and the reply is lost on its way, it is gone: only a fallback URL of the
    redirect helps the call then.

    Args:
        url: The public address at which the application is mounted: http or https, absolute, at
            most 1900 characters. The last part of a path is the key; what stands before it is left
            to whoever mounts the application.
        store: The path of a file for ``SQLiteDocuments``, or any ``DocumentStore``.
        expires_seconds: How long a document waits to be fetched: 1 to 86,400 seconds.
        username, password: What a fetch must present (HTTP basic, UTF-8). Both or neither, and with
            them the URL must be https, unless it is one of this machine.
        now: Seconds, by a clock that all processes share.
        new_key: Makes keys of 32 to 128 letters, digits, - and _, none twice. Whoever can guess a
            key can fetch the document; the default has 256 bits of chance.

    Raises:
        InvalidRequest: An argument is wrong.
        StoreFailed: The file of the store cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        store: DocumentStore | str | os.PathLike[str] = "bxml-documents.sqlite3",
        expires_seconds: float = 300.0,
        username: str | None = None,
        password: str | None = None,
        now: Callable[[], float] = time.time,
        new_key: Callable[[], str] = unguessable,
    ) -> None:
        settings = _Settings(url, expires_seconds, username, password)
        self._url = settings.url.rstrip("/")
        self._settings = settings
        self._now = now
        self._new_key = new_key
        if isinstance(store, str | os.PathLike):
            store = SQLiteDocuments(store)
        if not isinstance(store, DocumentStore):
            refuse("store", f"must be a path or a DocumentStore (got {shown(store)})")
        self._store = store

    def publish(self, document: Document) -> Published:
        """Keep a document until it is fetched or expires, and say where.

        Either root will do; ``<Response>`` is what is served. Relative URLs in it are relative to
        the URL of this host. It may be called from any thread, and waits for the disk.

        Raises:
            BxmlError: The document cannot be serialized, for instance because it is too large.
            InvalidRequest: It is no document, or ``new_key`` made an unfit key.
            StoreFailed: The store cannot keep it.
        """
        if not isinstance(document, Document):
            refuse("document", f"must be a Response or a Bxml (got {type(document).__name__})")
        body = bytes(document if isinstance(document, Response) else Response(document))
        key = self._new_key()
        if not _KEY.fullmatch(key):
            refuse("new_key", "must make keys of 32 to 128 letters, digits, - and _")
        now = self._now()
        self._store.discard_expired(now)
        self._store.put(key, body, now + self._settings.expires_seconds)
        return Published(f"{self._url}/{key}", self._settings.username, self._settings.password)

    def withdraw(self, published: Published) -> None:
        """Forget a document, so that nobody can fetch it any more. One that is gone stays gone.

        Raises:
            InvalidRequest: It was published by a host with another URL.
            StoreFailed: The store cannot be used.
        """
        if published.url != f"{self._url}/{published.key}":
            refuse("published", f"must come from {self!r} (got {published!r})")
        self._store.discard(published.key)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection (ASGI 3)."""
        match scope["type"]:
            case "http":
                if reply := await self._reply(scope, receive):
                    await _answer(reply, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            case "lifespan":
                await _live(receive, send)
            case other:
                raise NotImplementedError(f"a connection of type {other!r}")

    async def _reply(self, scope: Scope, receive: Receive) -> _Reply | None:
        """The reply to a request; None if nobody waits for it any more."""
        if scope["method"] not in ("GET", "POST"):
            return _NOT_ALLOWED
        if not self._admits(scope["headers"]):
            return _UNAUTHORIZED
        key = scope["path"].rpartition("/")[2]
        if not _KEY.fullmatch(key):
            return _NOT_FOUND
        # To the end, before the document is taken: who leaves in the middle has not got it.
        size = await _read_away(receive)
        if size is None:
            return None
        if size > LARGEST_REQUEST:
            return _TOO_LARGE
        body = await anyio.to_thread.run_sync(self._store.take, key, self._now())
        return _NOT_FOUND if body is None else _Reply(200, body, b"application/xml; charset=utf-8")

    def _admits(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        username, password = self._settings.username, self._settings.password
        if username is None or password is None:
            return True
        return admits(headers, (basic_token(username, password),))

    def __repr__(self) -> str:
        return f"DocumentHost({self._url!r}, store={self._store!r})"


async def _read_away(receive: Receive) -> int | None:
    """Read a body and drop it: its length as far as it was read, or None if the client has left."""
    size = 0
    more = True
    while more and size <= LARGEST_REQUEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    return size


async def _answer(reply: _Reply, send: Send) -> None:
    headers = [
        (b"content-type", reply.media_type),
        (b"content-length", str(len(reply.body)).encode()),
        (b"cache-control", b"no-store"),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _live(receive: Receive, send: Send) -> None:
    """There is nothing to start and nothing to stop."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
