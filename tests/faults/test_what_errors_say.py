"""What an error says of a request that may or may not have been done, and what is made of that.

Here faults come one after the other, or where nobody looks: the token, the budget, a reply that
names a call.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

# Its modules find one another, as they do when one of them is run.
sys.path.insert(0, str(Path(__file__).parent))

import server as s
from server import CALL, TOKEN, Fault, Line, refuses, reply, says
from table import CREATE, DOCUMENT, GET, HANG_UP, PUSH, REDIRECT, TWINS, Operation, Stage, attempt

from calls import (
    Attempt,
    CallConflict,
    CallNotFound,
    CallsError,
    ConnectionFailed,
    OAuth2,
    Unauthorized,
)
from calls._exchange import Flow, Reply, Request, Wait
from calls._sending import Site
from calls.auth import Tokens
from calls.operations import get_call_state
from calls.pacing import Pacing
from calls.retry import Retry
from calls.turns import Turn, Turns

both = pytest.mark.parametrize("name", TWINS)
LOCATION = f"https://voice.example.com{CALL}"


# What may have been done


@both
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_of_the_platform_leaves_open_whether_it_acted(status: int, name: str) -> None:
    trial = attempt(Stage(CREATE, refuses(status)), CREATE, TWINS[name])
    assert trial.came.outcome == "unknown"


@both
def test_what_the_platform_may_have_done_before_it_went_away_may_have_arrived(name: str) -> None:
    stage = Stage(PUSH, refuses(504))
    stage.clock.on_wait = lambda: stage.api.go_away() if len(stage.clock.waits) == 1 else None
    error = attempt(stage, PUSH, TWINS[name]).error
    assert isinstance(error, ConnectionFailed)
    assert [each.status for each in error.attempts] == [504, None, None, None]
    assert error.may_have_arrived


class Shelf:
    """A host of documents that only remembers."""

    def __init__(self, stage: Stage, seconds: float = 0.0) -> None:
        self.withdrawn: list[Any] = []
        self._stage = stage
        self._seconds = seconds

    def publish(self, _: object) -> Any:
        self._stage.clock.turn(self._seconds)
        return Placed()

    def withdraw(self, published: Any) -> None:
        self.withdrawn.append(published)


class Placed:
    url = "https://hooks.example.com/documents/1"
    username = password = None


def pushing(shelf: Shelf) -> Operation:
    """A push by way of a host of documents."""

    def act(controller: Any) -> Any:
        return controller.call(s.CALL_ID).push(DOCUMENT, via=shelf)

    return Operation("via", "push", "changes", "update_call", ("POST", CALL), act)


@both
def test_a_document_stays_published_while_the_platform_may_come_for_it(name: str) -> None:
    stage = Stage(REDIRECT, refuses(504))
    shelf = Shelf(stage)
    attempt(stage, pushing(shelf), TWINS[name])
    assert shelf.withdrawn == []


@both
def test_a_request_that_was_lost_may_have_arrived_though_the_next_token_is_not_to_be_had(
    name: str,
) -> None:
    stage = Stage(REDIRECT, s.RESET)
    # Short of life: each attempt fetches another.
    short = json.dumps({"access_token": "a-token", "expires_in": 1}).encode()
    stage.tokens.fault = Fault(lambda line: line.send(reply(200, short)))
    stage.tokens.target = ("POST", TOKEN)
    stage.clock.on_wait = lambda: stage.tokens.go_away() if len(stage.clock.waits) == 1 else None
    error = attempt(stage, REDIRECT, TWINS[name]).error
    assert isinstance(error, ConnectionFailed)
    assert error.attempts[0].outcome == "unknown"
    assert error.may_have_arrived


# What surely was not done


@both
def test_a_create_call_that_got_no_token_cannot_have_arrived(name: str) -> None:
    error = attempt(Stage(CREATE, s.RESET, at_token=True), CREATE, TWINS[name]).error
    assert isinstance(error, ConnectionFailed)
    assert {each.operation for each in error.attempts} == {"token"}
    assert not error.may_have_arrived


@both
@pytest.mark.parametrize("status", [404, 409])
@pytest.mark.parametrize("operation", [CREATE, GET, PUSH, HANG_UP], ids=lambda each: each.key)
def test_a_token_endpoint_that_says_404_says_nothing_about_a_call(
    operation: Operation, status: int, name: str
) -> None:
    trial = attempt(Stage(operation, refuses(status), at_token=True), operation, TWINS[name])
    assert trial.error is not None
    assert not isinstance(trial.error, CallNotFound | CallConflict)


@both
def test_a_token_that_is_not_to_be_had_is_asked_for_once(name: str) -> None:
    trial = attempt(Stage(PUSH, refuses(404), at_token=True), PUSH, TWINS[name])
    assert trial.came.beside == 1


# The id of a call that may have been created


@both
@pytest.mark.parametrize(
    "data",
    [
        reply(201, b'{"callId": "c-', Content_Length="500", Location=LOCATION),
        reply(201, b"\x1f\x8b", Content_Encoding="gzip", Location=LOCATION),
        reply(201, b"<p>", Content_Type="text/html", Location=LOCATION),
    ],
    ids=["broken off", "compressed", "HTML"],
)
def test_a_201_that_names_its_call_gives_its_id_whatever_the_body_is(
    data: bytes, name: str
) -> None:
    error = attempt(Stage(CREATE, says(data)), CREATE, TWINS[name]).error
    assert getattr(error, "call_id", None) == s.CALL_ID


@both
def test_a_call_whose_reply_came_late_but_complete_is_known(name: str) -> None:
    def play(line: Line) -> None:
        line.server.clock.turn(90.5)
        line.send(line.server.answer(line.server.heard[-1], Location=LOCATION))

    trial = attempt(Stage(CREATE, Fault(play)), CREATE, TWINS[name])
    known = getattr(trial.error or trial.result, "call_id", None)
    assert known == s.CALL_ID


# The budget


@both
def test_no_request_begins_when_publishing_has_taken_the_budget(name: str) -> None:
    stage = Stage(REDIRECT)
    attempt(stage, pushing(Shelf(stage, seconds=100.0)), TWINS[name])
    assert [each.operation for each in stage.told] == ["token"]


@both
def test_no_call_is_created_when_the_token_has_taken_the_budget(name: str) -> None:
    def play(line: Line) -> None:
        line.server.clock.turn(90.0)
        line.send(line.server.answer(line.server.heard[-1]))

    stage = Stage(CREATE, Fault(play), at_token=True)
    attempt(stage, CREATE, TWINS[name])
    assert [each.operation for each in stage.told] == ["token"]


# What stands on an error


@both
def test_the_error_of_a_hang_up_holds_every_attempt(name: str) -> None:
    trial = attempt(Stage(HANG_UP, refuses(404)), HANG_UP, TWINS[name])
    assert trial.error is not None
    own = [each for each in trial.error.attempts if each.operation == "hang_up"]
    assert len(own) == trial.came.tries == 4


def test_an_error_of_the_token_holds_no_attempts_of_another_call() -> None:
    clock = [0.0]
    told: list[Attempt] = []
    site = Site(
        account_id=s.ACCOUNT,
        base_url="https://voice.example.com",
        auth=OAuth2("client-id", "client-secret", "https://voice.example.com/token"),
        tokens=Tokens(lambda: clock[0]),
        turns=Turns(threading.Event),
        pacing=Pacing(),
        retry=Retry(),
        timeouts={},
        on_attempt=told.append,
        user_agent="",
        now=lambda: clock[0],
        chance=lambda: 0.0,
    )
    first, second = get_call_state(site, "c-1"), get_call_state(site, "c-2")
    assert isinstance(next(first), Turn)
    assert isinstance(first.send(None), Request)
    short = Reply(200, {}, b'{"access_token": "a-token", "expires_in": 1}')
    assert isinstance(first.send(short), Request)
    assert isinstance(first.send(Reply(500, {}, b"")), Wait)
    assert isinstance(first.send(None), Turn)
    assert isinstance(first.send(None), Request)
    # The second comes while the first fetches a token, which is refused to both of them.
    waiting = next(second)
    assert isinstance(waiting, Turn)
    assert waiting.signal
    error = _end(first, Reply(401, {}, b""))
    assert [each.call_id for each in error.attempts] == ["c-1", None]
    error = _end(second, None)
    assert isinstance(error, Unauthorized)
    assert [each.call_id for each in error.attempts] == [None]


def _end(flow: Flow[Any], came: object) -> CallsError:
    """The error that a flow ends with."""
    with pytest.raises(CallsError) as caught:
        flow.send(came)
    return caught.value
