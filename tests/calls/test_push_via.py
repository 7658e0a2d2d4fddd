"""A document pushed through a redirect: published, fetched, run."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bxml import Bxml, InvalidDocument, Response, parse
from calls import (
    AsyncCallController,
    Basic,
    CallController,
    CallEnded,
    ConnectionFailed,
    DocumentHost,
    InvalidRequest,
    OAuth2,
    Retry,
    StoreFailed,
)
from calls.simulator import Poster, Simulator
from calls.simulator.errands import Answered, Delivery, Unanswered
from calls.simulator.server import Server

TO, FROM = "+15550100001", "+15550100002"
HOLD = Response().speak_sentence("Please hold.").pause(duration=600)
FREE = Bxml().speak_sentence("An agent is free.").pause(duration=600)


class Application:
    """Answers the first webhook itself; what is redirected goes over HTTP."""

    def __init__(self) -> None:
        self.webhooks: list[dict[str, Any]] = []
        self._poster = Poster()

    def __call__(self, delivery: Delivery) -> Answered | Unanswered:
        event = json.loads(delivery.body)
        self.webhooks.append(event)
        if event["eventType"] == "redirect":
            return self._poster(delivery)
        return Answered(200, bytes(HOLD))

    def close(self) -> None:
        self._poster.close()


@pytest.fixture
def application() -> Iterator[Application]:
    made = Application()
    yield made
    made.close()


@pytest.fixture
def simulator(application: Application) -> Simulator:
    return Simulator(post=application)


def answered(simulator: Simulator, controller: CallController) -> str:
    created = controller.create_call(
        to=TO, from_=FROM, application_id="a", answer_url="http://127.0.0.1:9/answer"
    )
    simulator.advance(10)
    return created.call_id


def controller_of(simulator: Simulator, **options: Any) -> CallController:
    return CallController(
        simulator.account_id,
        auth=simulator.auth,
        base_url=simulator.base_url,
        transport=options.pop("transport", None) or simulator.transport(),
        **options,
    )


class Hosted:
    """A host under a URL that leads to it."""

    def __init__(self, tmp_path: Path, **options: Any) -> None:
        self._app: Any = None

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await self._app(scope, receive, send)

        self.server = Server(app)
        store = tmp_path / "documents.sqlite3"
        self.host = self._app = DocumentHost(f"{self.server.url}/docs", store=store, **options)


@pytest.mark.parametrize("credentials", [{}, {"username": "u", "password": "p"}])
def test_a_document_reaches_the_call_with_a_tag(
    simulator: Simulator,
    application: Application,
    credentials: dict[str, str],
    tmp_path: Path,
) -> None:
    hosted = Hosted(tmp_path, **credentials)
    with hosted.server, controller_of(simulator) as controller:
        call = controller.call(answered(simulator, controller))
        call.push(FREE, via=hosted.host, tag="agent-free")
        simulator.advance(5)
        assert simulator.heard(call.call_id) == ["Please hold.", "An agent is free."]
    assert application.webhooks[-1]["tag"] == "agent-free"


def test_the_async_twin_pushes_through_a_host_too(simulator: Simulator, tmp_path: Path) -> None:
    hosted = Hosted(tmp_path)
    with hosted.server, controller_of(simulator) as controller:
        call_id = answered(simulator, controller)

        async def main() -> None:
            async with AsyncCallController(
                simulator.account_id,
                auth=simulator.auth,
                base_url=simulator.base_url,
                transport=simulator.transport(),
            ) as twin:
                await twin.call(call_id).push(FREE, via=hosted.host)

        asyncio.run(main())
        simulator.advance(5)
        assert simulator.heard(call_id)[-1] == "An agent is free."


class Recorder:
    """A platform that answers a redirect as it is told to, and keeps the URLs that it was given."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self.urls: list[str] = []
        self.replies = list(replies)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"state": "disconnected"})
        self.urls.append(json.loads(request.content)["redirectUrl"])
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def push_to(recorder: Recorder, host: DocumentHost, document: Bxml = FREE, **options: Any) -> None:
    with CallController(
        "1",
        auth=Basic("u", "p"),
        transport=httpx.MockTransport(recorder),
        retry=Retry(first_wait_seconds=0),
    ) as controller:
        controller.call("c-1").push(document, via=host, **options)


def waiting(host: DocumentHost, url: str) -> bytes | None:
    async def fetch() -> httpx.Response:
        transport = httpx.ASGITransport(app=host)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.get(url)

    reply = asyncio.run(fetch())
    return reply.content if reply.status_code == 200 else None


@pytest.fixture
def host(tmp_path: Path) -> DocumentHost:
    return DocumentHost("https://hooks.example.com/documents", store=tmp_path / "d.sqlite3")


def test_each_attempt_has_a_url_of_its_own(host: DocumentHost) -> None:
    """The platform may have taken the first redirect, and come for it: then it is not there twice."""
    recorder = Recorder(httpx.ReadTimeout(""), httpx.Response(503), httpx.Response(200))
    push_to(recorder, host)
    assert len(set(recorder.urls)) == 3
    for url in recorder.urls:
        assert parse(waiting(host, url) or b"") == Response(FREE)
        assert waiting(host, url) is None


def test_a_refused_redirect_leaves_no_document_behind(host: DocumentHost) -> None:
    recorder = Recorder(httpx.Response(409))
    with pytest.raises(CallEnded):
        push_to(recorder, host)
    assert waiting(host, recorder.urls[0]) is None


def test_a_document_waits_when_nobody_knows_whether_the_redirect_arrived(
    host: DocumentHost,
) -> None:
    recorder = Recorder(*[httpx.ReadTimeout("")] * 4)
    with pytest.raises(ConnectionFailed):
        push_to(recorder, host)
    assert all(waiting(host, url) for url in recorder.urls)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"username": "u"}, "username is the host's own"),
        ({"tag": "x" * 5000}, "tag must be at most 4096 characters"),
        ({"redirect_fallback_url": "/x"}, "redirect_fallback_url must be an absolute http"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    host: DocumentHost, options: dict[str, Any], words: str
) -> None:
    recorder = Recorder()
    with pytest.raises(InvalidRequest, match=words):
        push_to(recorder, host, **options)
    assert recorder.urls == []


def test_options_of_a_redirect_need_a_host() -> None:
    with CallController("1", auth=OAuth2("i", "s")) as controller:
        with pytest.raises(InvalidRequest, match="tag goes with a redirect: it needs via"):
            controller.call("c-1").push(FREE, tag="x")


def test_a_wrong_document_is_not_published(host: DocumentHost) -> None:
    wrong = Bxml().start_stream("wss://e.com/", name="a").start_stream("wss://e.com/", name="a")
    recorder = Recorder()
    with pytest.raises(InvalidDocument):
        push_to(recorder, host, wrong)
    assert recorder.urls == []


def test_a_store_that_fails_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite3"
    host = DocumentHost("https://hooks.example.com/documents", store=path)
    path.write_bytes(b"not a database at all" * 100)
    recorder = Recorder()
    with pytest.raises(StoreFailed):
        push_to(recorder, host)
    assert recorder.urls == []
