"""Refusals of the platform, and replies of whoever stands in its place."""

import gzip
import json
import pickle
import traceback

import httpx
import pytest

import calls
from calls import Basic, CallController, CallsError, OAuth2, StatusError
from calls.errors import error_of, retry_after

DOCUMENTED = {
    400: calls.BadRequest,
    401: calls.Unauthorized,
    402: calls.PaymentRequired,
    403: calls.Forbidden,
    404: calls.CallNotFound,
    405: calls.MethodNotAllowed,
    409: calls.CallConflict,
    415: calls.UnsupportedMediaType,
    429: calls.RateLimited,
    500: calls.ServerError,
    503: calls.ServerError,
    418: StatusError,
    999: StatusError,
}


@pytest.mark.parametrize(("status", "cls"), DOCUMENTED.items())
def test_every_documented_status_has_its_class(status: int, cls: type[StatusError]) -> None:
    body = json.dumps({"type": "validation", "description": "No.", "id": "e-1"}).encode()
    error = error_of(status, {"retry-after": "2"}, body, method="PUT", path="/x")
    assert type(error) is cls
    assert str(error) == f"PUT /x: {status} No. (try again after 2 s)"
    assert (error.type, error.error_id, error.retry_after) == ("validation", "e-1", 2.0)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # written here
    assert (str(again), again.error_id) == (str(error), "e-1")


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[]", b'{"id": 3}', b"[" * 100_000])
def test_a_refusal_without_json_has_the_words_of_its_status(body: bytes) -> None:
    assert error_of(502, {}, body, method="GET", path="/x").description == "Bad Gateway"


def test_words_of_a_stranger_are_one_line_of_bounded_length() -> None:
    body = json.dumps({"description": "a\nb\x1b[31m" + "x" * 10_000 + " at $.tag"}).encode()
    told = str(error_of(400, {}, body, method="GET", path="/x"))
    assert told.isprintable()
    assert len(told) < 600
    assert " a b " in told
    assert told.endswith("x at $.tag")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "9" * 5000}, None),
        (
            {
                "retry-after": "Mon, 23 Nov 2026 10:00:05 GMT",
                "date": "Mon, 23 Nov 2026 10:00:00 GMT",
            },
            5.0,
        ),
        ({"retry-after": "1 Jan 2024 99999999999999999999:00:00 GMT", "date": "x"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


ONCE = calls.Retry(attempts=1)
SECRET = "correct-horse-battery"


def shown(error: BaseException) -> str:
    """All that a failing run may print: chain, locals and all."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format())


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(401, json={"description": "no"}),
        httpx.Response(500, text="oops"),
    ],
)
@pytest.mark.parametrize("basic", [True, False])
def test_no_secret_is_in_what_a_failing_run_prints(
    reply: httpx.Response | Exception, basic: bool
) -> None:
    def platform(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": SECRET, "expires_in": 3600})
        if isinstance(reply, Exception):
            raise reply
        return reply

    auth = Basic("user", SECRET) if basic else OAuth2("id", SECRET)
    transport = httpx.MockTransport(platform)
    with (
        CallController("1", auth=auth, transport=transport, retry=ONCE) as controller,
        pytest.raises(CallsError) as caught,
    ):
        controller.get_call_state("c-1")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in f"{caught.value!r} {caught.value}"
    if isinstance(caught.value, calls.ConnectionFailed):
        frames = shown(caught.value)
        assert "Authorization" not in frames


def test_a_compressed_reply_is_not_inflated() -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 10_000_000))
    headers = {"Content-Encoding": "gzip, gzip"}

    def platform(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(200, stream=httpx.ByteStream(bomb), headers=headers)

    transport = httpx.MockTransport(platform)
    with (
        CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller,
        pytest.raises(calls.UnexpectedReply, match="a compressed body, which was not asked for"),
    ):
        controller.get_call_state("c-1")


@pytest.mark.parametrize(
    "token", [{"access_token": "a b"}, {"access_token": ""}, {"access_token": 5}, {}, []]
)
def test_a_token_that_no_header_can_carry_is_not_used(token: object) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=token))
    with (
        CallController(
            "1", auth=OAuth2("id", "secret"), transport=transport, retry=ONCE
        ) as controller,
        pytest.raises(calls.UnexpectedReply, match="no usable access_token"),
    ):
        controller.get_call_state("c-1")


@pytest.mark.parametrize("link", ["<http://[::1>", "<http://\u2100/>".encode().decode("latin-1")])
def test_a_next_page_that_is_no_url_is_told_as_such(link: str) -> None:
    headers = [(b"Link", f'{link}; rel="next"'.encode("latin-1"))]
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, json=[{"callId": "c"}], headers=headers)
    )
    with (
        CallController("1", auth=Basic("u", "p"), transport=transport, retry=ONCE) as controller,
        pytest.raises(calls.UnexpectedReply),
    ):
        list(controller.list_calls())
