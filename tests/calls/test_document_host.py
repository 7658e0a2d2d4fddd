"""Published documents over real HTTP, with stores in real files."""

import os
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from rich.pretty import pretty_repr
from starlette.applications import Starlette
from starlette.routing import Mount

from bxml import Bxml, Document, InvalidDocument, Response, parse
from bxml.strategies import documents
from calls import CallController, InvalidRequest
from calls.document_host import (
    LARGEST_REQUEST,
    DocumentHost,
    DocumentStore,
    Message,
    Published,
    Receive,
    Scope,
    Send,
    SQLiteDocuments,
)
from calls.errors import StoreFailed
from calls.simulator import Simulator
from calls.simulator.server import Server

URL = "https://hooks.example.com/documents"
FREE = Response().speak_sentence("An agent is free.")
EVENT = {"eventType": "redirect", "callId": "c-1"}
KEY = "k" * 43
USER, PASSWORD = "bandwidth", "hörse: battery"
TOKEN = b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Clock:
    """The time that a test says it is."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Kept:
    """A store in memory that knows what it was asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.asked: list[str] = []

    def put(self, key: str, body: bytes, expires_at: float) -> None:
        self.kept[key] = body

    def take(self, key: str, now: float) -> bytes | None:
        self.asked.append(key)
        return self.kept.pop(key, None)

    def discard(self, key: str) -> None:
        self.kept.pop(key, None)

    def discard_expired(self, now: float) -> None:
        """Nothing expires."""


class Door:
    """A host on a loopback port, and a client that stands before it."""

    def __init__(self, app: Any, stack: ExitStack) -> None:
        self.url = stack.enter_context(Server(app)).url
        self.client = stack.enter_context(httpx.Client(base_url=self.url, trust_env=False))

    def ask(self, method: str, published: Published, **more: Any) -> httpx.Response:
        return self.client.request(method, f"/documents/{published.key}", **more)

    def post(self, published: Published, **more: Any) -> httpx.Response:
        return self.ask("POST", published, **({"json": EVENT} | more))

    def raw(self, request: bytes, *, leaves: bool = False) -> bytes:
        """The reply to what no client would write."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request)
            if leaves:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "documents.sqlite3"


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Door]]:
    """Opens hosts; they are closed when the test is over."""
    with ExitStack() as stack:
        yield partial(Door, stack=stack)


Opened = Callable[[Any], Door]


def asgi(app: Any, scope: dict[str, Any], *messages: Message) -> list[Message]:
    """What an application sends to a server that says these things to it."""
    sent: list[Message] = []
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(app, scope, receive, send)
    return sent


# What is served


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("root", [Response, Bxml])
def test_a_document_is_served_once_as_the_reply_to_a_webhook(
    method: str, root: type[Document], store: Path, opened: Opened
) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(root(FREE))
    assert published.url.startswith(f"{URL}/")
    assert (published.username, published.password) == (None, None)
    door = opened(host)
    reply = door.ask(method, published, params=EVENT if method == "GET" else None)
    assert (reply.status_code, reply.content) == (200, bytes(FREE))
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-length"] == str(len(bytes(FREE)))
    assert door.ask(method, published).status_code == 404


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DocumentHost, Door]]:
    host = DocumentHost(URL, store=tmp_path_factory.mktemp("store") / "documents.sqlite3")
    with ExitStack() as stack:
        yield host, Door(host, stack)


@given(document=documents())
def test_any_document_is_fetched_equal_to_what_was_published(
    document: Document, lasting: tuple[DocumentHost, Door]
) -> None:
    host, door = lasting
    assert parse(door.post(host.publish(document)).content) == Response(document)


def test_unknown_fetched_withdrawn_and_expired_are_one_and_the_same_404(
    store: Path, opened: Opened
) -> None:
    clock = Clock()
    host = DocumentHost(URL, store=store, expires_seconds=60, now=clock)
    fetched, withdrawn, expired = (host.publish(FREE) for _ in range(3))
    door = opened(host)
    door.post(fetched)
    host.withdraw(withdrawn)
    clock.now += 60
    unknown = Published(f"{URL}/{KEY}")
    replies = [door.post(each) for each in (unknown, fetched, withdrawn, expired)]
    replies.append(door.client.get("/"))
    for reply in replies:
        reply.headers.pop("date")
        assert reply.headers["cache-control"] == "no-store"
    assert {(reply.status_code, reply.text, str(reply.headers)) for reply in replies} == {
        (
            404,
            "No document is waiting here: it was never published, or was fetched, or has expired.",
            str(replies[0].headers),
        )
    }


def test_a_document_waits_as_long_as_it_was_told_to(store: Path, opened: Opened) -> None:
    clock = Clock()
    host = DocumentHost(URL, store=store, expires_seconds=60, now=clock)
    published = host.publish(FREE)
    clock.now += 59.9
    host.publish(FREE)
    assert opened(host).post(published).status_code == 200


def test_a_document_waits_five_minutes_by_default(store: Path, opened: Opened) -> None:
    clock = Clock()
    host = DocumentHost(URL, store=store, now=clock)
    early, late = host.publish(FREE), host.publish(FREE)
    door = opened(host)
    clock.now += 299
    assert door.post(early).status_code == 200
    clock.now += 1
    assert door.post(late).status_code == 404


def test_every_document_has_a_key_of_its_own_with_256_bits(store: Path) -> None:
    host = DocumentHost(URL, store=store)
    keys = {host.publish(FREE).key for _ in range(20)}
    assert len(keys) == 20
    # Base64 without padding: 43 characters of 6 bits.
    assert {len(key) for key in keys} == {43}


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FETCH"])
def test_other_methods_are_refused_and_take_nothing(
    method: str, store: Path, opened: Opened
) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(FREE)
    door = opened(host)
    reply = door.ask(method, published)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")
    assert door.post(published).content == bytes(FREE)


def test_a_withdrawn_document_is_gone_and_a_fetched_one_may_be_withdrawn(
    store: Path, opened: Opened
) -> None:
    host = DocumentHost(URL, store=store)
    published, other = host.publish(FREE), host.publish(FREE)
    host.withdraw(published)
    host.withdraw(published)
    door = opened(host)
    assert door.post(published).status_code == 404
    assert door.post(other).status_code == 200
    host.withdraw(other)


def test_a_host_withdraws_what_another_process_published_but_not_what_another_host_did(
    store: Path, opened: Opened
) -> None:
    published = DocumentHost(URL, store=store).publish(FREE)
    with pytest.raises(InvalidRequest, match=r"^published must come from DocumentHost\(") as caught:
        DocumentHost("https://other.example.com", store=store).withdraw(published)
    assert published.key not in str(caught.value)
    same = DocumentHost(f"{URL}/", store=store)
    same.withdraw(published)
    assert opened(same).post(published).status_code == 404


# Credentials


def closed(store: Path) -> DocumentHost:
    return DocumentHost(URL, store=store, username=USER, password=PASSWORD)


def test_credentials_go_with_the_url_and_open_the_door(store: Path, opened: Opened) -> None:
    host = closed(store)
    published = host.publish(FREE)
    assert (published.username, published.password) == (USER, PASSWORD)
    door = opened(host)
    reply = door.post(published, headers={"Authorization": f"Basic {TOKEN}"})
    assert reply.content == bytes(FREE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Basic",
        b"Basic ",
        b"Basic  ",
        TOKEN.encode(),
        b"Bearer " + TOKEN.encode(),
        b"Basic " + TOKEN[:-1].encode(),
        b"Basic " + TOKEN.lower().encode(),
        b"Basic " + TOKEN.encode() + b"\x00",
        b"Basic " + TOKEN.encode() + b" x",
        b"Basic " + b64encode(f"{USER}:".encode()),
        b"Basic " + b64encode(USER.encode()),
        b"Basic " + b64encode(f"{USER}:{PASSWORD}".encode("latin-1")),
        b"Basic " + b64encode(b"\xff\xfe:\x00"),
        b"Basic ====",
        b"Basic \xff\xfe\xfd",
        b"Basic " + b"A" * 20_000,
        b"Digest username=\xe9",
        b"\t,;=",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_credentials_are_refused_and_take_nothing(
    header: bytes | None, method: str, store: Path
) -> None:
    """Straight from a server: some of these no server would let through."""
    host = closed(store)
    published = host.publish(FREE)
    scope = {"type": "http", "method": method, "path": f"/documents/{published.key}"}
    headers = [] if header is None else [(b"authorization", header)]
    start, body = asgi(host, {**scope, "headers": headers})
    assert start["status"] == 401
    shown = dict(start["headers"])
    assert shown[b"www-authenticate"] == b'Basic realm="BXML documents", charset="UTF-8"'
    assert PASSWORD.encode() not in body["body"]
    right = {**scope, "headers": [(b"host", b"x"), (b"authorization", f"Basic {TOKEN}".encode())]}
    start, body = asgi(host, right, {"type": "http.request"})
    assert (start["status"], body["body"]) == (200, bytes(FREE))


def test_two_authorizations_are_none(store: Path, opened: Opened) -> None:
    host = closed(store)
    published = host.publish(FREE)
    twice = [("Authorization", f"Basic {TOKEN}")] * 2
    assert opened(host).ask("GET", published, headers=twice).status_code == 401


def test_the_name_of_the_scheme_may_be_written_in_any_case(store: Path, opened: Opened) -> None:
    host = closed(store)
    reply = opened(host).post(host.publish(FREE), headers={"Authorization": f"bASIC   {TOKEN}"})
    assert reply.status_code == 200


def test_who_has_no_credentials_learns_nothing_about_keys(store: Path, opened: Opened) -> None:
    host = closed(store)
    door = opened(host)
    host.publish(FREE)
    paths = [f"/documents/{host.publish(FREE).key}", f"/documents/{KEY}", "/documents/x", "/"]
    assert {door.client.get(path).status_code for path in paths} == {401}


def test_no_repr_shows_a_key_or_a_password(store: Path) -> None:
    host = closed(store)
    published = host.publish(FREE)
    assert repr(host) == f"DocumentHost({URL!r}, store=SQLiteDocuments({str(store)!r}))"
    assert repr(published) == f"Published('{URL}/…', 'bandwidth', '…')"
    assert pretty_repr(published) == repr(published)
    assert str(published) == repr(published)
    assert repr(DocumentHost(URL, store=store).publish(FREE)) == f"Published('{URL}/…')"


# Hostile requests


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_huge_body_is_refused_and_takes_nothing(
    method: str, chunked: bool, store: Path, opened: Opened
) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(FREE)
    door = opened(host)
    huge = b"x" * (LARGEST_REQUEST + 1)
    reply = door.ask(method, published, content=iter([huge]) if chunked else huge)
    assert (reply.status_code, reply.text) == (413, "The request is too large.")
    assert door.post(published, json=None, content=huge[1:]).content == bytes(FREE)


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff" * 100, b"<!DOCTYPE a [<!ENTITY b 'c'>]>"])
def test_whatever_the_body_is_it_is_not_read(body: bytes, store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store)
    reply = opened(host).post(host.publish(FREE), json=None, content=body)
    assert reply.content == bytes(FREE)


def test_who_leaves_in_the_middle_takes_nothing(store: Path) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(FREE)
    scope = {"type": "http", "method": "POST", "path": f"/{published.key}", "headers": []}
    part = {"type": "http.request", "body": b"{", "more_body": True}
    for before in ([], [part], [part] * 5):
        assert asgi(host, scope, *before, {"type": "http.disconnect"}) == []
    start, _ = asgi(host, scope, part, {"type": "http.request", "body": b"}"})
    assert start["status"] == 200


def test_a_connection_that_breaks_in_the_middle_takes_nothing(store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(FREE)
    door = opened(host)
    path = f"/documents/{published.key}".encode()
    head = b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
    assert b"200" not in door.raw(head + b"x" * 10, leaves=True)
    assert door.post(published).content == bytes(FREE)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/documents",
        "/documents/",
        "/documents/..",
        "/documents/../..",
        f"/documents/{KEY}/",
        f"/documents/{KEY}/..",
        f"/documents/{KEY};a=b",
        f"/documents/{KEY}.xml",
        f"/documents/{KEY}\x00",
        f"/documents/{KEY}\n",
        f"/documents/\n{KEY}",
        f"/documents/{KEY} ",
        f"/documents/{'k' * 31}",
        f"/documents/{'k' * 129}",
        f"/documents/{'k' * 100_000}",
        f"/documents/{'k' * 42}%",
        f"/documents/{'k' * 42}é",
        f"/documents/{'k' * 42}\N{FULLWIDTH DIGIT ONE}",
        f"/documents/{'k' * 42}\ud800",
        f"/documents/{'k' * 42}\\",
        "/documents/' OR 1=1 --" + "k" * 20,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_ends_in_no_key_is_not_looked_up(path: str, method: str) -> None:
    kept = Kept()
    kept.put(KEY, b"<Response/>", 0)
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    start, _ = asgi(DocumentHost(URL, store=kept), scope)
    assert start["status"] == 404
    assert kept.asked == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/documents/{key}%2F", 404),
        ("/documents/{key}%00", 404),
        ("/documents/{key}%0a", 404),
        ("/documents/{key}/%2e%2e", 404),
        ("/documents/%FF%FE", 404),
        ("/documents/%", 404),
        ("/documents/%ZZ", 404),
        ("/documents?key={key}", 404),
        ("*", 404),
        ("/documents/{key}", 200),
        ("/documents/{key}?eventType=redirect&callId=c-1", 200),
        ("/documents/{escaped}", 200),
        ("/anywhere/../documents//{key}", 200),
    ],
)
def test_odd_targets_end_in_a_key_or_find_nothing(
    target: str, status: int, store: Path, opened: Opened
) -> None:
    """What stands before the key is for whoever mounts the host to look at."""
    host = DocumentHost(URL, store=store)
    key = host.publish(FREE).key
    escaped = "".join(f"%{ord(each):02x}" for each in key)
    line = f"GET {target.format(key=key, escaped=escaped)} HTTP/1.1\r\nHost: a\r\n"
    reply = opened(host).raw(f"{line}Connection: close\r\n\r\n".encode())
    assert reply.split(b" ", 2)[1] == str(status).encode()


# As an application


def test_a_mounted_host_serves_under_its_path_alone(store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store)
    deeper = Starlette(routes=[Mount("/documents", app=host)])
    door = opened(Starlette(routes=[Mount("/hooks", app=deeper)]))
    published = host.publish(FREE)
    assert door.post(published).status_code == 404
    reply = door.client.post(f"/hooks/documents/{published.key}", json=EVENT)
    assert reply.content == bytes(FREE)


@pytest.mark.parametrize(
    ("root", "path"), [("/hooks", "/hooks/documents/"), ("/hooks", "/"), ("", "/")]
)
def test_a_root_path_changes_nothing(root: str, path: str, store: Path) -> None:
    host = DocumentHost(URL, store=store)
    key = host.publish(FREE).key
    scope = {"type": "http", "method": "GET", "root_path": root, "path": path + key, "headers": []}
    start, _ = asgi(host, scope, {"type": "http.request"})
    assert start["status"] == 200


def test_a_host_starts_and_stops_with_its_server(store: Path) -> None:
    said = [{"type": f"lifespan.{what}"} for what in ("startup", "shutdown")]
    sent = asgi(DocumentHost(URL, store=store), {"type": "lifespan"}, *said)
    assert sent == [{"type": f"lifespan.{what}.complete"} for what in ("startup", "shutdown")]


def test_a_websocket_is_closed(store: Path) -> None:
    connect = {"type": "websocket.connect"}
    sent = asgi(DocumentHost(URL, store=store), {"type": "websocket"}, connect)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_connection_of_an_unknown_kind_is_refused(store: Path) -> None:
    with pytest.raises(NotImplementedError, match="a connection of type 'http9'"):
        asgi(DocumentHost(URL, store=store), {"type": "http9"})


class Stuck(Kept):
    """A store that waits to be let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()

    def take(self, key: str, now: float) -> bytes | None:
        self.reached.set()
        assert self.go.wait(10)
        return super().take(key, now)


def test_a_store_that_is_slow_keeps_nobody_else_waiting(opened: Opened) -> None:
    stuck = Stuck()
    host = DocumentHost(URL, store=stuck)
    published = host.publish(FREE)
    door = opened(host)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(door.post, published)
        assert stuck.reached.wait(10)
        assert door.client.get("/documents/x").status_code == 404
        stuck.go.set()
        assert slow.result(10).content == bytes(FREE)


def test_a_store_that_fails_takes_nothing_and_the_log_has_no_key(
    store: Path, tmp_path: Path, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    host = DocumentHost(URL, store=store)
    published = host.publish(FREE)
    door = opened(host)
    aside = tmp_path / "aside"
    store.rename(aside)
    store.mkdir()
    assert door.post(published).status_code == 500
    with pytest.raises(StoreFailed, match="is a folder, not a file"):
        host.publish(FREE)
    assert "StoreFailed" in caplog.text
    assert published.key not in caplog.text
    store.rmdir()
    aside.rename(store)
    assert door.post(published).content == bytes(FREE)


def test_a_redirected_call_hears_what_was_published(store: Path) -> None:
    hold = Response().speak_sentence("Please hold.").pause(duration=600)
    hosts: list[DocumentHost] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hosts[0](scope, receive, send)

    with Server(app) as server, Simulator() as simulator:
        hosts.append(DocumentHost(server.url, store=store, username=USER, password="p"))
        with CallController(
            simulator.account_id,
            auth=simulator.auth,
            base_url=simulator.base_url,
            transport=simulator.transport(),
        ) as controller:
            call = controller.create_call(
                to="+15550100001",
                from_="+15550100002",
                application_id="app-1",
                answer_url=hosts[0].publish(hold).url,
                username=USER,
                password="p",
            )
            simulator.advance(10)
            published = hosts[0].publish(Bxml().speak_sentence("An agent is free."))
            controller.update_call(
                call.call_id,
                redirect_url=published.url,
                username=published.username,
                password=published.password,
            )
            simulator.advance(5)
        assert simulator.heard(call.call_id) == ["Please hold.", "An agent is free."]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "/documents"}, "url must be an absolute http or https URL (got '/documents')"),
        ({"url": "ftp://a.example/"}, "url must be an absolute http or https URL"),
        ({"url": "https://"}, "url must be an absolute http or https URL"),
        ({"url": "https://[::1/"}, "url must be a URL that comes apart"),
        ({"url": None}, "url must be a string (got None)"),
        ({"url": f"https://a.example/{'d' * 1900}"}, "url must be at most 1900 characters"),
        ({"url": f"{URL}?a=b"}, "url must have no query and no fragment"),
        ({"url": f"{URL}#"}, "url must have no query and no fragment"),
        ({"url": "https://u:secret@a.example"}, "url must hold no credentials; give username and"),
        ({"username": "u"}, "password is required with username"),
        ({"password": "secret"}, "username is required with password"),
        ({"username": "", "password": "secret"}, "username must not be blank"),
        ({"username": "u", "password": ""}, "password must not be blank (got a secret, not shown)"),
        ({"username": "a:b", "password": "secret"}, "username must hold no colon, which ends it"),
        ({"username": "a\n", "password": "secret"}, "username must hold no control character"),
        ({"username": "u", "password": "secret\t"}, "password must hold no control character"),
        (
            {"username": "u" * 1025, "password": "secret"},
            "username must be at most 1024 characters",
        ),
        (
            {"url": "http://a.example", "username": "u", "password": "secret"},
            "url must be https, since username and password go there",
        ),
        ({"expires_seconds": 0}, "expires_seconds must be a number from 1 to 86400 (got 0)"),
        ({"expires_seconds": 86_401}, "expires_seconds must be a number from 1 to 86400"),
        ({"expires_seconds": float("nan")}, "expires_seconds must be a number from 1 to 86400"),
        ({"expires_seconds": True}, "expires_seconds must be a number from 1 to 86400 (got True)"),
        ({"store": 5}, "store must be a path or a DocumentStore (got 5)"),
        ({"store": ""}, "path must be the path of a file (got '')"),
        ({"store": ":memory:"}, "path must be the path of a file (got ':memory:')"),
    ],
)
def test_wrong_arguments_are_told_and_no_secret_is(
    arguments: dict[str, Any], words: str, store: Path
) -> None:
    given: dict[str, Any] = {"url": URL, "store": store} | arguments
    with pytest.raises(InvalidRequest) as caught:
        DocumentHost(**given)
    assert words in str(caught.value)
    assert "secret\t" not in f"{caught.value} {caught.value!r}"
    assert "u:secret" not in f"{caught.value} {caught.value!r}"
    assert not store.exists()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost/d", "http://[::1]:8000/d", "HTTPS://a.b"]
)
def test_credentials_may_go_to_https_and_to_this_machine(url: str, store: Path) -> None:
    host = DocumentHost(url, store=store, username="u", password="p")
    assert host.publish(FREE).url.startswith(f"{url}/")


def test_only_a_document_of_bearable_size_is_published() -> None:
    kept = Kept()
    host = DocumentHost(URL, store=kept)
    with pytest.raises(InvalidRequest, match=r"document must be a Response or a Bxml \(got str\)"):
        host.publish("<Response/>")  # type: ignore[arg-type]
    with pytest.raises(InvalidDocument, match="a document may hold at most 65,536 bytes"):
        host.publish(Response().speak_sentence("x" * 65_536))
    assert not kept.kept


@pytest.mark.parametrize("key", ["", "1", "k" * 31, "k" * 129, "k" * 40 + "/", "k" * 40 + "\n"])
def test_a_key_that_could_be_guessed_or_not_be_found_is_refused(key: str) -> None:
    kept = Kept()
    host = DocumentHost(URL, store=kept, new_key=lambda: key)
    with pytest.raises(InvalidRequest, match="new_key must make keys of 32 to 128 letters"):
        host.publish(FREE)
    assert not kept.kept


def test_a_key_that_comes_twice_does_not_replace_a_document(store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store, new_key=lambda: KEY)
    published = host.publish(FREE)
    with pytest.raises(StoreFailed, match="UNIQUE") as caught:
        host.publish(Response().hangup())
    assert KEY not in str(caught.value)
    assert opened(host).post(published).content == bytes(FREE)


# Stores


def test_a_store_of_ones_own_is_any_object_with_its_four_methods(opened: Opened) -> None:
    kept: DocumentStore = Kept()
    host = DocumentHost(URL, store=kept)
    assert opened(host).post(host.publish(FREE)).content == bytes(FREE)


def rows(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        count: int = connection.execute("SELECT count(*) FROM documents").fetchone()[0]
        return count


def test_publishing_sweeps_out_what_nobody_fetched(store: Path) -> None:
    clock = Clock()
    host = DocumentHost(URL, store=store, expires_seconds=60, now=clock)
    for _ in range(5):
        host.publish(FREE)
        clock.now += 10
    assert rows(store) == 5
    clock.now += 30
    host.publish(FREE)
    assert rows(store) == 3


def test_fetched_and_withdrawn_documents_leave_nothing_behind(store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store)
    opened(host).post(host.publish(FREE))
    host.withdraw(host.publish(FREE))
    assert rows(store) == 0


@pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
def test_the_files_of_a_store_are_for_their_owner_alone(store: Path) -> None:
    before = os.umask(0)
    try:
        DocumentHost(URL, store=store).publish(FREE)
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("SELECT * FROM documents").fetchall()
            files = sorted(store.parent.iterdir())
            modes = {stat.S_IMODE(file.stat().st_mode) for file in files}
    finally:
        os.umask(before)
    names = [file.name.removeprefix(store.name) for file in files]
    assert (names, modes) == (["", "-shm", "-wal"], {0o600})


def test_a_store_keeps_the_mode_that_its_file_was_given(store: Path) -> None:
    SQLiteDocuments(store)
    store.chmod(0o660)
    DocumentHost(URL, store=store).publish(FREE)
    assert stat.S_IMODE(store.stat().st_mode) == 0o660


def a_folder(path: Path) -> None:
    path.mkdir()


def a_text(path: Path) -> None:
    path.write_text("Not a database, but of some length all the same." * 100)


def an_empty_file(path: Path) -> None:
    path.touch()


def a_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE documents (key, body, expires_at)")


def a_stump(path: Path) -> None:
    SQLiteDocuments(path)
    path.write_bytes(path.read_bytes()[:50])


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere" / "x")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (a_folder, "is a folder, not a file"),
        (a_text, "file is not a database"),
        (an_empty_file, "is not a store of documents; name another file"),
        (a_database, "is not a store of documents; name another file"),
        (a_stump, "is not a store of documents; name another file"),
        (a_link_to_nowhere, "unable to open database file"),
    ],
)
def test_what_is_no_store_is_told_and_left_as_it_is(
    make: Callable[[Path], None], reason: str, store: Path
) -> None:
    make(store)
    before = store.read_bytes() if store.is_file() else None
    with pytest.raises(StoreFailed) as caught:
        DocumentHost(URL, store=store)
    assert str(caught.value) == f"{store}: {reason}"
    assert (caught.value.path, caught.value.reason) == (str(store), reason)
    assert (store.read_bytes() if store.is_file() else None) == before
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_a_store_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "documents.sqlite3"
    with pytest.raises(StoreFailed) as caught:
        SQLiteDocuments(path)
    assert str(caught.value) == f"{path}: No such file or directory"


@pytest.mark.parametrize(
    "name", ["a b.sqlite3", "50%41?mode=ro#x", "é\N{SNOWMAN}", "file:x", "x;y"]
)
def test_a_store_may_have_any_name(name: str, tmp_path: Path) -> None:
    store = SQLiteDocuments(tmp_path / name)
    store.put(KEY, b"x", 2.0)
    assert (tmp_path / name).is_file()
    assert SQLiteDocuments(str(tmp_path / name)).take(KEY, 1.0) == b"x"


def test_a_store_stays_where_it_is_when_the_process_changes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    host = DocumentHost(URL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    host.publish(FREE)
    assert rows(tmp_path / "bxml-documents.sqlite3") == 1


def test_a_store_whose_file_was_deleted_begins_anew(store: Path, opened: Opened) -> None:
    host = DocumentHost(URL, store=store)
    lost = host.publish(FREE)
    store.unlink()
    door = opened(host)
    assert door.post(lost).status_code == 404
    assert door.post(host.publish(FREE)).status_code == 200


def at_once(count: int, what: Callable[[int], Any]) -> list[Any]:
    """The results of as many threads, let loose in the same moment."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait(10)
        return what(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_several_threads_may_make_the_same_store(store: Path) -> None:
    stores = at_once(8, lambda _: SQLiteDocuments(store))
    for number, each in enumerate(stores):
        each.put(f"{number:032}", b"x", 2.0)
    assert rows(store) == 8
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_several_threads_may_publish_and_take_through_one_store(store: Path) -> None:
    host = DocumentHost(URL, store=store)
    documents = SQLiteDocuments(store)

    def work(_: int) -> list[bytes | None]:
        keys = [host.publish(FREE).key for _ in range(10)]
        return [documents.take(key, 0.0) for key in keys]

    assert at_once(8, work) == [[bytes(FREE)] * 10] * 8
    assert rows(store) == 0


def test_of_several_takers_one_gets_the_document(store: Path) -> None:
    documents = SQLiteDocuments(store)
    for number in range(10):
        key = f"{number:032}"
        documents.put(key, b"x", 2.0)
        taken = at_once(8, lambda _, key=key: SQLiteDocuments(store).take(key, 1.0))  # type: ignore[misc]
        assert Counter(taken) == {b"x": 1, None: 7}


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process, which lives until its standard input is closed."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(  # noqa: S603  # our own words
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


SERVE = """
import sys
from calls.document_host import DocumentHost
from calls.simulator.server import Server

with Server(DocumentHost(sys.argv[1], store=sys.argv[2])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def test_two_worker_processes_serve_each_document_exactly_once(store: Path) -> None:
    """One process publishes; clients of two others race for every document."""
    with python(SERVE, URL, store) as one, python(SERVE, URL, store) as two:
        assert one.stdout
        assert two.stdout
        workers = [one.stdout.readline().strip(), two.stdout.readline().strip()]
        host = DocumentHost(URL, store=store)
        with ExitStack() as stack:
            clients = [
                stack.enter_context(httpx.Client(base_url=url, trust_env=False))
                for url in workers * 3
            ]
            for number in range(30):
                document = Response().speak_sentence(f"You are number {number}.")
                path = f"/documents/{host.publish(document).key}"
                replies = at_once(
                    len(clients),
                    lambda each, path=path: clients[each].post(path, json=EVENT),  # type: ignore[misc]
                )
                assert sorted(reply.status_code for reply in replies) == [200] + [404] * 5
                [served] = [reply.content for reply in replies if reply.status_code == 200]
                assert served == bytes(document)
    assert (one.returncode, two.returncode) == (0, 0)
    assert rows(store) == 0


DIE = """
import os, sys
from calls.document_host import SQLiteDocuments

store = SQLiteDocuments(sys.argv[1])
store.put("k" * 43, b"whole", 2.0)
with store._open() as file:
    file.execute("INSERT INTO documents VALUES ('j' || hex(randomblob(20)), 'kept', 2.0)")
    file.execute("BEGIN IMMEDIATE")
    file.execute("DELETE FROM documents")
    os._exit(9)
"""


def test_a_process_that_dies_in_the_middle_leaves_a_store_that_works(store: Path) -> None:
    with python(DIE, store) as process:
        assert process.wait(30) == 9
    assert store.with_name(f"{store.name}-wal").exists()
    documents = SQLiteDocuments(store)
    assert documents.take(KEY, 1.0) == b"whole"
    assert rows(store) == 1


def test_a_writer_is_waited_for(store: Path) -> None:
    documents = SQLiteDocuments(store)
    with (
        closing(sqlite3.connect(store, isolation_level=None, check_same_thread=False)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        putting = pool.submit(documents.put, KEY, b"x", 2.0)
        # Readers pass by a writer.
        assert documents.take("j" * 43, 1.0) is None
        assert not putting.done()
        other.execute("COMMIT")
        putting.result(10)
    assert documents.take(KEY, 1.0) == b"x"
