"""The voice application, asked over HTTP as the platform asks."""

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from bxml import (
    Bxml,
    Document,
    Gather,
    Hangup,
    Pause,
    Redirect,
    Response,
    SpeakSentence,
    StartStream,
)
from calls.errors import InvalidRequest
from calls.events import (
    CallEvent,
    ConferenceCreatedEvent,
    DisconnectEvent,
    Event,
    GatherEvent,
    RedirectEvent,
    ReferCompleteEvent,
    TransferAnswerEvent,
    UnknownEvent,
    parse_event,
)
from calls.webhooks import Delivery, VoiceApp
from calls.webhooks._open import without_credentials
from calls.webhooks._replies import MOST_SOUND, Sound, document_reply
from calls.webhooks.delivery import MOST_EVENTS, Sequence

CALL = {
    "eventTime": "2026-03-04T10:15:30.250Z",
    "accountId": "9900000",
    "applicationId": "0f0e0d0c-1111-4222-8333-444455556666",
    "from": "+15550100001",
    "to": "+15550100002",
    "direction": "outbound",
    "callId": "c-1",
    "callUrl": "https://voice.bandwidth.com/api/v2/accounts/9900000/calls/c-1",
}
GATHER = CALL | {"eventType": "gather", "digits": "1"}
REDIRECT = CALL | {"eventType": "redirect"}
OVER = CALL | {"eventType": "disconnect", "cause": "hangup"}
CONFERENCE = {
    "eventType": "conferenceCreated",
    "eventTime": "2026-03-04T10:15:30.250Z",
    "conferenceId": "conf-1",
    "name": "room",
}
TRACES = ("Traceback", 'File "', "hunter2", ".py")


def ask(
    app: Any, path: str, event: object = None, *, method: str = "POST", **how: Any
) -> httpx.Response:
    """One request to an application, in a loop of its own."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="https://host") as client:
            if event is not None:
                how["content"] = event if isinstance(event, bytes) else json.dumps(event)
            return await client.request(method, path, **how)

    return asyncio.run(once())


def said(reply: httpx.Response) -> str:
    """The document of a reply."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    return reply.text.partition("?>")[2]


def test_a_handler_answers_the_event_with_its_document() -> None:
    app = VoiceApp()

    @app.on("/menu")
    def menu(event: GatherEvent) -> Response:
        return Response().speak_sentence(f"You pressed {event.digits}.")

    assert said(ask(app, "/menu", GATHER)) == (
        "<Response><SpeakSentence>You pressed 1.</SpeakSentence></Response>"
    )


def test_an_async_handler_answers_too_and_a_bxml_document_becomes_a_response() -> None:
    app = VoiceApp()

    @app.on("/menu")
    async def menu(event: GatherEvent) -> Document:
        await asyncio.sleep(0)
        return Bxml().speak_sentence("Hi.")

    assert said(ask(app, "/menu", GATHER)).startswith("<Response><SpeakSentence>")


def test_the_most_specific_handler_of_a_path_is_called() -> None:
    app = VoiceApp()

    @app.on("/all")
    def general(event: CallEvent) -> Response:
        return Response().speak_sentence(f"general {event.event_type}")

    @app.on("/all")
    def special(event: GatherEvent | TransferAnswerEvent) -> Response:
        return Response().speak_sentence(f"special {event.event_type}")

    assert "special gather" in said(ask(app, "/all", GATHER))
    assert "general redirect" in said(ask(app, "/all", REDIRECT))
    with pytest.raises(InvalidRequest, match=r"would answer what .*special does: GatherEvent"):

        @app.on("/all")
        def again(event: GatherEvent) -> None: ...


def test_an_event_of_tomorrow_reaches_a_handler_that_asks_for_it() -> None:
    app = VoiceApp()
    got: list[Event] = []

    @app.on("/all")
    def all_of_them(event: Event) -> None:
        got.append(event)

    assert ask(app, "/all", {"eventType": "teleport", "callId": "c-1"}).status_code == 204
    [event] = got
    assert isinstance(event, UnknownEvent)
    assert event.data["callId"] == "c-1"


def test_events_that_take_no_document_get_204_with_and_without_a_handler() -> None:
    app = VoiceApp()
    seen: list[str] = []

    @app.on("/over")
    def over(event: DisconnectEvent) -> None:
        seen.append(event.cause)

    @app.on("/menu")
    def menu(event: GatherEvent) -> Response:
        return Response()

    reply = ask(app, "/over", OVER)
    assert (reply.status_code, reply.content, seen) == (204, b"", ["hangup"])
    assert ask(app, "/menu", OVER).status_code == 204
    assert ask(app, "/over", GATHER).status_code == 404


def test_a_get_delivery_is_read_from_the_query() -> None:
    app = VoiceApp()

    @app.on("/menu", method="GET")
    def menu(event: GatherEvent, delivery: Delivery) -> Response:
        return Response().speak_sentence(f"{event.from_} {event.digits} {delivery.query['team']}")

    reply = ask(app, "/menu", method="GET", params=GATHER | {"team": "a"})
    assert "+15550100001 1 a" in said(reply)


def test_path_parameters_come_with_the_delivery() -> None:
    app = VoiceApp(public_url="https://hooks.example.com/voice/")

    @app.on("/menu/{team}")
    def menu(event: GatherEvent, delivery: Delivery) -> Response:
        return Response().speak_sentence(delivery.path_params["team"])

    assert ">sales<" in said(ask(app, "/menu/sales", GATHER))
    assert app.url_for(menu, team="a b") == "https://hooks.example.com/voice/menu/a%20b"
    for wrong in ({}, {"team": "a/b"}, {"team": ""}, {"team": "a", "more": 1}):
        with pytest.raises(InvalidRequest, match="path_params must fit /menu/"):
            app.url_for(menu, **wrong)
    for wrong in ({"team": ".."}, {"team": "."}):
        with pytest.raises(InvalidRequest, match=r"must be no \. and no \.\."):
            app.url_for(menu, **wrong)


class TestUrls:
    """``url_for`` is right wherever the application is."""

    @staticmethod
    def app(**how: Any) -> tuple[VoiceApp, Callable[[GatherEvent], Response]]:
        app = VoiceApp(**how)

        @app.on("/menu")
        def menu(event: GatherEvent) -> Response:
            return Response().redirect(app.url_for(menu))

        return app, menu

    def test_at_the_root(self) -> None:
        app, _ = self.app()
        assert 'redirectUrl="/menu"' in said(ask(app, "/menu", GATHER))

    def test_mounted_twice_over(self) -> None:
        app, _ = self.app()
        outer = Starlette(routes=[Mount("/a", Starlette(routes=[Mount("/b c", app)]))])
        assert 'redirectUrl="/a/b%20c/menu"' in said(ask(outer, "/a/b c/menu", GATHER))

    @pytest.mark.parametrize("path", ["/ivr/menu", "/menu"])
    def test_behind_a_proxy_with_a_root_path(self, path: str) -> None:
        app, _ = self.app()

        async def behind(scope: Any, receive: Any, send: Any) -> None:
            await app(scope | {"root_path": "/ivr"}, receive, send)

        assert 'redirectUrl="/ivr/menu"' in said(ask(behind, path, GATHER))

    def test_with_a_public_url(self) -> None:
        app, menu = self.app(public_url="https://hooks.example.com/v/")
        assert app.url_for(menu) == "https://hooks.example.com/v/menu"
        assert 'redirectUrl="https://hooks.example.com/v/menu"' in said(ask(app, "/menu", GATHER))

    def test_of_an_application_that_is_mounted_elsewhere_it_is_not_guessed(self) -> None:
        other, menu = self.app()
        app = VoiceApp()

        @app.on("/menu")
        def leads_there(event: GatherEvent) -> Response:
            return Response().redirect(other.url_for(menu))

        outer = Starlette(routes=[Mount("/a", app), Mount("/b", other)])
        assert ask(outer, "/a/menu", GATHER).status_code == 500

    def test_never_names_another_host(self) -> None:
        app, _ = self.app()

        async def behind(scope: Any, receive: Any, send: Any) -> None:
            await app(scope | {"root_path": "//evil.example"}, receive, send)

        assert 'redirectUrl="/evil.example/menu"' in said(ask(behind, "/menu", GATHER))

    def test_outside_of_a_request_it_says_what_is_missing(self) -> None:
        app, menu = self.app()
        with pytest.raises(
            InvalidRequest, match=r"public_url is needed for the URL of .*menu outs"
        ):
            app.url_for(menu)

    def test_a_handler_may_be_tested_as_if_mounted(self) -> None:
        app, menu = self.app()
        event = parse_event(json.dumps(GATHER))
        assert isinstance(event, GatherEvent)
        with app.mounted_at("/voice/"):
            assert menu(event) == Response().redirect("/voice/menu")
        with app.mounted_at():
            assert app.url_for(menu) == "/menu"

    def test_of_a_stranger_there_is_none(self) -> None:
        app, _ = self.app()
        with pytest.raises(InvalidRequest, match="must be registered with this application"):
            app.url_for(print)


class TestCredentials:
    """Basic credentials, whoever asks for what."""

    app = VoiceApp(credentials={"acme": "hunter2", "old": "pässword"})

    @staticmethod
    @app.on("/menu")
    def menu(event: GatherEvent) -> Response:
        return Response().hangup()

    @pytest.mark.parametrize("auth", [("acme", "hunter2"), ("old", "pässword".encode())])
    def test_any_pair_opens(self, auth: tuple[str, str]) -> None:
        given = httpx.BasicAuth(*auth)
        assert ask(self.app, "/menu", GATHER, auth=given).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": ""},
            {"authorization": "Basic"},
            {"authorization": "Basic YWNtZTpodW50ZXIz"},
            {"authorization": "Bearer YWNtZTpodW50ZXIy"},
            {"authorization": "Basic \xff\xfe"},
        ],
    )
    @pytest.mark.parametrize("path", ["/menu", "/nowhere"])
    def test_others_learn_nothing(self, path: str, headers: dict[str, str]) -> None:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        reply = ask(self.app, path, GATHER, headers=raw)
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"].startswith("Basic realm=")
        assert "hunter2" not in reply.text + repr(self.app)

    def test_the_verbs_get_the_first(self) -> None:
        assert self.app.auth == {"username": "acme", "password": "hunter2"}
        assert self.app.fallback_auth == {
            "fallback_username": "acme",
            "fallback_password": "hunter2",
        }
        assert self.app.socket_auth == {
            "destination_username": "acme",
            "destination_password": "hunter2",
        }
        nothing = VoiceApp()
        assert (nothing.auth, nothing.fallback_auth, nothing.socket_auth) == ({}, {}, {})

    @pytest.mark.parametrize(
        ("url", "warns"),
        [
            ("https://h.example/voice/x", True),
            ("https://h.example/voicemail", False),
            ("https://other.example/x", False),
            ("/x", True),
            ("wss://h.example/voice/media", True),
            ("wss://other.example/voice/media", False),
        ],
    )
    def test_only_urls_that_lead_here_are_looked_at(self, url: str, warns: bool) -> None:
        document = Response([StartStream(url) if url.startswith("wss") else Redirect(url)])
        assert bool(without_credentials(document, "https://h.example/voice")) is warns

    def test_a_verb_that_forgets_them_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        app = VoiceApp(credentials={"acme": "hunter2"})

        @app.on("/menu")
        def menu(event: GatherEvent) -> Response:
            if event.digits == "1":
                return Response([Pause(), Gather(gather_url=app.url_for(menu))])
            return Response([Redirect(app.url_for(menu), **app.auth)])

        for digits in ("1", "1", "2"):
            said(ask(app, "/menu", GATHER | {"digits": digits}, auth=("acme", "hunter2")))
        [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
        assert "Response[1] > Gather: gather_url leads here without cred" in record.getMessage()
        assert "hunter2" not in caplog.text


class TestFailures:
    """What becomes of a call when its application does not do well."""

    @staticmethod
    def app(handler: Callable[[], Any], **how: Any) -> VoiceApp:
        app = VoiceApp(**how)

        @app.on("/menu")
        def menu(event: GatherEvent | DisconnectEvent | ConferenceCreatedEvent) -> Any:
            return handler()

        return app

    @staticmethod
    def fails() -> None:
        password = "hunter2"
        raise RuntimeError(password)

    @pytest.mark.parametrize(
        "handler",
        [
            fails,
            lambda: None,
            lambda: "<Response/>",
            lambda: Response([Hangup(), Hangup(), Gather(gather_url="")]),
            lambda: Response().redirect("/x").transfer(),
        ],
    )
    def test_it_is_500_and_nothing_of_it_is_in_the_reply(
        self, handler: Callable[[], Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        reply = ask(self.app(handler), "/menu", GATHER)
        assert (reply.status_code, reply.text) == (500, "The application failed.")
        assert any(record.levelno == logging.ERROR for record in caplog.records)

    def test_a_document_that_was_set_aside_takes_its_place(self) -> None:
        sorry = Response().speak_sentence("Sorry.")
        app = self.app(self.fails, on_failure=sorry)
        assert "Sorry." in said(ask(app, "/menu", GATHER))
        assert ask(app, "/menu", OVER).status_code == 500

        @app.on("/other", on_failure=Response().speak_sentence("Later."))
        def other(event: GatherEvent) -> Response:
            raise RuntimeError

        assert "Later." in said(ask(app, "/other", GATHER))

    def test_one_that_does_not_fit_the_event_is_not_sent_either(self) -> None:
        aside = Response().gather(gather_url="/x")
        assert ask(self.app(self.fails, on_failure=aside), "/menu", CONFERENCE).status_code == 500

    def test_an_invalid_document_is_never_sent(self, caplog: pytest.LogCaptureFixture) -> None:
        app = VoiceApp()

        @app.on("/b-leg")
        def answered(event: TransferAnswerEvent) -> Response:
            return Response().conference("room")

        event = CALL | {"eventType": "transferAnswer", "parentCallId": "c-0"}
        event |= {"transferCallerId": "+15550100001", "transferTo": "+15550100004"}
        assert ask(app, "/b-leg", event).status_code == 500
        assert "Conference" in caplog.text

    def test_a_conference_may_be_answered_with_nothing(self) -> None:
        assert ask(self.app(lambda: None), "/menu", CONFERENCE).status_code == 204

    def test_a_refer_that_succeeded_needs_no_document(self) -> None:
        app = VoiceApp()

        @app.on("/referred")
        def referred(event: ReferCompleteEvent) -> Response | None:
            return None

        event = CALL | {"eventType": "referComplete", "referCallStatus": "success"}
        assert ask(app, "/referred", event).status_code == 204
        assert ask(app, "/referred", event | {"referCallStatus": "failure"}).status_code == 500

    def test_a_document_that_nobody_wants_is_dropped_and_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        reply = ask(self.app(lambda: Response().hangup()), "/menu", OVER)
        assert (reply.status_code, reply.content) == (204, b"")
        assert "the platform ignores a document in reply to disconnect" in caplog.text

    @pytest.mark.parametrize("kind", ["plain", "async"])
    def test_who_takes_too_long_is_given_up(self, kind: str) -> None:
        app = VoiceApp(reply_seconds=0.05)
        free = threading.Event()

        @app.on("/plain")
        def plain(event: GatherEvent) -> Response:
            free.wait(30)
            return Response()

        @app.on("/async")
        async def slow(event: GatherEvent) -> Response:
            await asyncio.Event().wait()
            return Response()

        try:
            reply = ask(app, f"/{kind}", GATHER)
        finally:
            free.set()
        assert (reply.status_code, reply.text) == (
            503,
            "The application did not answer in time.",
        )

    @pytest.mark.parametrize("raised", [SystemExit, asyncio.CancelledError])
    @pytest.mark.parametrize("kind", ["plain", "async"])
    def test_what_would_end_the_server_is_a_failure_too(
        self, kind: str, raised: type[BaseException]
    ) -> None:
        app = VoiceApp()

        @app.on("/plain")
        def plain(event: GatherEvent) -> Response:
            raise raised

        @app.on("/async")
        async def not_plain(event: GatherEvent) -> Response:
            raise raised

        assert ask(app, f"/{kind}", GATHER).status_code == 500

    def test_a_search_that_finds_nothing_is_a_failure_at_once(self) -> None:
        app = VoiceApp()

        @app.on("/menu")
        def menu(event: GatherEvent) -> Response:
            return next(iter(()))

        assert ask(app, "/menu", GATHER).status_code == 500

    def test_a_timeout_of_the_handler_itself_is_a_failure_like_any_other(self) -> None:
        app = VoiceApp()

        @app.on("/menu")
        async def menu(event: GatherEvent) -> Response:
            raise TimeoutError

        assert ask(app, "/menu", GATHER).status_code == 500


class TestRequests:
    """Requests that the platform would not make."""

    app = VoiceApp(largest_body=2_048, reply_seconds=0.2)

    @staticmethod
    @app.on("/menu")
    def menu(event: Event) -> Response:
        return Response().hangup()

    @pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", "OPTIONS"])
    def test_another_method_is_405(self, method: str) -> None:
        reply = ask(self.app, "/menu", method=method)
        assert (reply.status_code, reply.headers["allow"]) == (405, "POST")

    @pytest.mark.parametrize("path", ["/", "/menu/", "/Menu", "//menu", "/menu/x"])
    def test_another_path_is_404(self, path: str) -> None:
        assert ask(self.app, path, GATHER).status_code == 404

    def test_a_number_of_thousands_of_digits_is_404(self) -> None:
        app = VoiceApp()

        @app.on("/queue/{number:int}")
        def queue(event: GatherEvent) -> Response:
            return Response().hangup()

        assert ask(app, "/queue/7", GATHER).status_code == 200
        assert ask(app, "/queue/" + "9" * 5_000, GATHER).status_code == 404

    def test_a_body_that_is_too_large_is_413(self) -> None:
        assert ask(self.app, "/menu", b" " * 2_049).status_code == 413

    def test_what_is_no_event_is_400_and_says_where(self) -> None:
        reply = ask(self.app, "/menu", GATHER | {"digits": 5})
        assert reply.status_code == 400
        assert "$.digits" in reply.text

    @given(st.binary(max_size=3_000))
    def test_any_bytes_get_a_status_below_500(self, body: bytes) -> None:
        reply = ask(self.app, "/menu", body)
        assert reply.status_code < 500
        assert not any(trace in reply.text for trace in TRACES)

    def test_a_body_of_any_depth_gets_a_status_below_500(self) -> None:
        app = VoiceApp()

        @app.on("/menu")
        async def menu(event: GatherEvent, delivery: Delivery) -> Response:
            return Response().hangup()

        text = json.dumps(GATHER)[:-1]
        seen = set()
        for depth in (10, *range(700, 1_100, 3), 10_000):
            body = f'{text}, "deep": {"[" * depth}{"]" * depth}}}'
            sent: list[Any] = []
            message = {"type": "http.request", "body": body.encode()}
            asyncio.run(_drive(app, _scope("/menu"), [message], sent))
            seen.add(sent[0]["status"])
        assert seen == {200, 400}

    @given(st.text(max_size=100), st.text(max_size=300), st.sampled_from(["GET", "POST", "PATCH"]))
    def test_any_target_gets_a_status_below_500(self, path: str, query: str, method: str) -> None:
        app = VoiceApp()
        app.on("/menu", method="GET")(lambda_handler)
        app.on("/x{rest:path}")(another_handler)
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "root_path": "",
            "query_string": query.encode(errors="replace"),
            "headers": [],
        }
        asyncio.run(_drive(app, scope, [{"type": "http.request", "body": b"{}"}], sent))
        assert sent[0]["status"] < 500

    def test_a_body_that_does_not_end_is_given_up(self) -> None:
        sent: list[Any] = []
        begun = [{"type": "http.request", "body": b"{", "more_body": True}]
        asyncio.run(_drive(self.app, _scope("/menu"), begun, sent))
        assert sent[0]["status"] == 408

    def test_a_body_in_pieces_is_put_together(self) -> None:
        sent: list[Any] = []
        text = json.dumps(GATHER).encode()
        pieces = [
            {"type": "http.request", "body": text[i : i + 50], "more_body": i + 50 < len(text)}
            for i in range(0, len(text), 50)
        ]
        asyncio.run(_drive(self.app, _scope("/menu"), pieces, sent))
        assert sent[0]["status"] == 200

    def test_who_leaves_in_the_middle_gets_no_reply(self) -> None:
        sent: list[Any] = []
        pieces = [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
        asyncio.run(_drive(self.app, _scope("/menu"), pieces, sent))
        assert sent == []


def lambda_handler(event: Event) -> Response:
    return Response().hangup()


def another_handler(event: Event) -> Response:
    return Response().hangup()


def _scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }


async def _drive(app: VoiceApp, scope: Any, messages: list[Any], sent: list[Any]) -> None:
    """One connection, message by message; after the last nothing comes any more."""
    coming = iter(messages)

    async def receive() -> Any:
        for message in coming:
            return message
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)


def test_late_and_repeated_deliveries_are_recognised() -> None:
    now = datetime(2026, 3, 4, 10, 15, 40, tzinfo=UTC)
    app = VoiceApp(now=lambda: now)
    seen: list[tuple[int, bool, bool]] = []

    @app.on("/menu")
    def menu(event: Event, delivery: Delivery) -> Response:
        seen.append((delivery.number, delivery.repeated, delivery.late))
        assert delivery.received_at == now
        assert event.is_stale(5, now=now) == (event.event_time == first)
        return Response().hangup()

    first = datetime(2026, 3, 4, 10, 15, 30, 250_000, UTC)
    later = GATHER | {"eventTime": (first + timedelta(seconds=9)).isoformat()}
    for event in (GATHER, GATHER, later, REDIRECT, GATHER | {"callId": "c-2"}, later):
        ask(app, "/menu", event)
    assert seen == [
        (1, False, False),
        (1, True, False),
        (2, False, False),
        (3, False, True),
        (1, False, False),
        (2, True, False),
    ]


def no_annotation(event): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201  # what is tested


def no_event(event: int) -> None: ...


def no_parameter() -> None: ...


def three(event: GatherEvent, delivery: Delivery, more: int) -> None: ...


def by_name(event: GatherEvent, *, more: int) -> None: ...


def nowhere(event: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  # what is tested


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (no_annotation, "must say which events it takes: .*'event'.*no annotation"),
        (no_event, "must say which events it takes"),
        (no_parameter, "must take an event"),
        (three, "must take an event, or an event and a Delivery"),
        (by_name, "must not require 'more' by name"),
        (nowhere, "an annotation that cannot be read"),
        (7, "must be a function"),
    ],
)
def test_a_function_that_takes_no_event_is_refused_when_it_is_registered(
    handler: Any, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        VoiceApp().on("/menu")(handler)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"public_url": "/voice"}, "public_url"),
        ({"public_url": "https://x.example/?a"}, "public_url"),
        ({"public_url": "https://a:b@x.example"}, "public_url"),
        ({"reply_seconds": 0}, "reply_seconds"),
        ({"reply_seconds": 26}, "reply_seconds"),
        ({"largest_body": 10}, "largest_body"),
        ({"credentials": {}}, "credentials must map"),
        ({"credentials": {"a": ""}}, "credentials must map"),
        ({"credentials": {"a:b": "c"}}, "colon"),
        ({"credentials": {"a": "b\n"}}, "control"),
        ({"on_failure": "sorry"}, "on_failure must be a document"),
    ],
)
def test_an_application_cannot_be_built_wrong(how: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        VoiceApp(**how)


def test_a_function_answers_at_one_path_only() -> None:
    app = VoiceApp()
    app.on("/a")(lambda_handler)
    with pytest.raises(InvalidRequest, match="answers /a already"):
        app.on("/b")(lambda_handler)
    for path in ("b", "//b", ""):
        with pytest.raises(InvalidRequest, match="path must begin"):
            app.on(path)(another_handler)


def test_a_plain_handler_runs_in_a_thread_and_an_async_one_does_not() -> None:
    app = VoiceApp()
    where: dict[str, str] = {}

    @app.on("/plain")
    def plain(event: GatherEvent) -> Response:
        where["plain"] = threading.current_thread().name
        return Response()

    @app.on("/async")
    async def not_plain(event: GatherEvent) -> Response:
        where["async"] = threading.current_thread().name
        return Response()

    ask(app, "/plain", GATHER)
    ask(app, "/async", GATHER)
    assert where["plain"].startswith("calls-webhook")
    assert where["async"] == threading.current_thread().name


def test_an_object_with_an_async_call_is_a_handler() -> None:
    class Menu:
        async def __call__(self, event: GatherEvent) -> Response:
            return Response().hangup()

    class Later:
        def __call__(self, event: GatherEvent) -> Awaitable[Response]:
            async def answer() -> Response:
                return Response().hangup()

            return answer()

    app = VoiceApp()
    app.on("/menu")(Menu())
    app.on("/later")(Later())
    assert "<Hangup/>" in said(ask(app, "/menu", GATHER))
    assert "<Hangup/>" in said(ask(app, "/later", GATHER))


def test_a_redirect_event_is_answered() -> None:
    app = VoiceApp()

    @app.on("/agent")
    def agent(event: RedirectEvent) -> Response:
        return Response().speak_sentence("This is Ana.")

    assert "Ana" in said(ask(app, "/agent", REDIRECT))


def test_what_is_remembered_of_calls_is_bounded() -> None:
    sequence = Sequence(most_calls=2)

    def note(call_id: str, second: int) -> tuple[int, bool, bool]:
        time = f"2026-03-04T10:{second // 60:02}:{second % 60:02}Z"
        return sequence.note(
            parse_event(json.dumps(GATHER | {"callId": call_id, "eventTime": time}))
        )

    assert [note("a", 1), note("b", 1), note("a", 2)] == [
        (1, False, False),
        (1, False, False),
        (2, False, False),
    ]
    assert note("c", 1) == (1, False, False)  # b has been silent longest
    assert note("a", 2) == (2, True, False)
    assert note("b", 1) == (1, False, False)
    for second in range(MOST_EVENTS):
        assert note("d", second)[:2] == (second + 1, False)
    assert note("d", 0)[1]
    assert note("d", MOST_EVENTS)[0] == MOST_EVENTS + 1
    assert not note("d", 0)[1]


def test_an_event_of_no_call_is_the_first_of_its_own() -> None:
    sequence = Sequence()
    for _ in range(2):
        assert sequence.note(parse_event('{"eventType": "x"}')) == (1, False, False)


def test_documents_that_are_remembered_are_bounded_and_still_told_of() -> None:
    event = parse_event(json.dumps(GATHER))
    sound: Sound = {}
    document = Response().speak_sentence("Hi.").redirect("/next")
    first = document_reply(event, document, sound)
    assert first == document_reply(event, document, sound)
    assert len(sound) == 1
    for number in range(MOST_SOUND + 5):
        document_reply(event, Response().speak_sentence(f"{number}"), sound)
        assert len(sound) <= MOST_SOUND
    large = Response([SpeakSentence("x" * 400)] * 30)
    sound.clear()
    document_reply(event, large, sound)
    assert sound == {}
