"""Applications of every kind are explored: over HTTP, as ASGI and as WSGI, and ones that misbehave."""

import asyncio
from collections.abc import Callable
from typing import Any

import flask
import flows
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from bxml import Gather, Response
from calls.events import CallEvent
from calls.explore import Graph, explore
from calls.simulator.server import Server
from calls.webhooks import VoiceApp

MENU = Response([Gather(gather_url="/", max_digits=1).speak_sentence("For sales, press 1.")])
SALES = Response().speak_sentence("This is sales.")


def titles(graph: Graph) -> list[str]:
    assert not graph.limits
    return [node.title for node in graph.nodes]


def replies(answer: Callable[[str], Response]) -> tuple[Any, Any]:
    """The same application in Starlette and in Flask: from the digits to a document."""

    async def asgi(request: Request) -> PlainTextResponse:
        event = await request.json()
        return PlainTextResponse(answer(event.get("digits", "")).to_bxml())

    wsgi = flask.Flask(__name__)

    @wsgi.post("/")
    def start() -> str:
        return answer(flask.request.get_json().get("digits", "")).to_bxml()

    return Starlette(routes=[Route("/", asgi, methods=["POST"])]), wsgi


@pytest.mark.parametrize("number", [0, 1], ids=["asgi", "wsgi"])
def test_an_application_of_a_framework_is_explored(number: int) -> None:
    app = replies(lambda digits: SALES if digits == "1" else MENU)[number]
    graph = explore(app)
    assert titles(graph) == ["For sales, press 1.", "This is sales."]
    assert not graph.remarks


def test_an_application_that_is_mounted_gets_the_credentials_that_it_is_given() -> None:
    inner = VoiceApp(credentials={"platform": "correct-horse"})

    @inner.on("/start")
    def start(event: CallEvent) -> Response:
        gather = Gather(gather_url=inner.url_for(start), max_digits=1, **inner.auth)
        return SALES if getattr(event, "digits", "") else Response([gather])

    app = Starlette(routes=[Mount("/voice", inner)])
    refused = explore(app, initiate="/voice/start")
    assert "answered with 401" in refused.findings[0].message
    graph = explore(app, initiate="/voice/start", credentials=("platform", "correct-horse"))
    assert titles(graph) == ["Gather", "This is sales."]
    assert "correct-horse" not in repr(graph)


def test_an_application_that_runs_elsewhere_is_explored_over_http() -> None:
    with Server(flows.nothing_wrong(), port=0) as server:
        graph = explore(server.url + "/start")
    assert titles(graph) == titles(explore(flows.nothing_wrong(), initiate="/start"))
    assert not graph.findings
    assert not graph.remarks


def test_a_server_that_is_not_there_is_an_error() -> None:
    with Server(flows.nothing_wrong(), port=0) as server:
        url = server.url
    graph = explore(url + "/start")
    assert graph.nodes == ()
    [finding] = graph.findings
    assert (finding.rule, finding.node) == ("error", None)
    assert "the initiate webhook was not answered" in finding.message


@pytest.mark.parametrize(
    ("status", "content", "rule", "said"),
    [
        (500, "", "error", "answered with 500"),
        (302, "", "error", "answered with 302"),
        (204, "", "invalid-reply", "no BXML"),
        (200, "<html>", "invalid-reply", "no BXML"),
        (200, "<Response><Speak/></Response>", "invalid-reply", "<Speak> is not a BXML verb"),
        (200, " " * 1_000_000, "invalid-reply", "at most 65,536 bytes"),
    ],
)
def test_a_reply_that_is_none_is_found_at_its_key(
    status: int, content: str, rule: str, said: str
) -> None:
    async def reply(request: Request) -> PlainTextResponse:
        event = await request.json()
        if event.get("digits") == "1":
            return PlainTextResponse(content, status_code=status)
        return PlainTextResponse((MENU if not event.get("digits") else SALES).to_bxml())

    graph = explore(Starlette(routes=[Route("/", reply, methods=["POST"])]))
    [finding] = graph.of_rule(rule)
    assert (finding.node, finding.choice) == (1, "1")
    assert said in finding.message


def test_an_application_that_never_answers_is_given_up() -> None:
    async def hangs(request: Request) -> PlainTextResponse:
        await asyncio.Event().wait()
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", hangs, methods=["POST"])])
    graph = explore(app, callback_timeout=0.2)
    [finding] = graph.findings
    assert "took too long" in finding.message


@pytest.mark.parametrize("app", ["ftp://x", "acme:app", "", None, 5])
def test_what_is_no_application_is_refused(app: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="application"):
        explore(app)
