"""Every fault at every point, with every operation and both controllers, over real connections.

What is expected stands in ``table.py``; how the server fails, in ``server.py``.
"""

import random
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

# Its modules find one another, as they do when one of them is run.
sys.path.insert(0, str(Path(__file__).parent))

import server as s
from server import CALLS, TOKEN, Fault, Line, refuses, reply, says
from table import (
    ALL,
    BACKOFF,
    CREATE,
    DATE,
    FIVE_LATER,
    GET,
    HANG_UP,
    LIST,
    OPERATIONS,
    PUSH,
    REDIRECT,
    ROWS,
    THE_TOKEN,
    TWINS,
    Came,
    Operation,
    Row,
    Stage,
    Trial,
    attempt,
    awaiting,
    cells,
    four,
    once,
    run,
    tables,
    with_tables,
)

from calls import (
    Attempt,
    Basic,
    CallsError,
    ConnectionFailed,
    RateLimited,
    Repeat,
    Retry,
    StatusError,
    Unauthorized,
    UnexpectedReply,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "faults.md"


def title_of(row: Row) -> str:
    return row.title


def key_of(operation: Operation) -> str:
    return operation.key


SLOW_HEAD = "httpx bounds each read of a head, and not all of them together"

both = pytest.mark.parametrize("name", TWINS)
each_row = pytest.mark.parametrize("row", ROWS, ids=title_of)
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=key_of)
each_cell = pytest.mark.parametrize(
    ("row", "operation"),
    [pytest.param(*cell, id=f"{cell[0].title}-{cell[1].key}") for cell in cells()],
)

TRUST = ssl.create_default_context()
"""Shared by many transports, since reading the certificates takes longer than all the rest."""

BY_TITLE = {row.title: row for row in ROWS}
BY_KEY = {operation.key: operation for operation in ALL}


@cache
def _tried(title: str, key: str, name: str) -> Trial:
    return run(BY_TITLE[title], BY_KEY[key], TWINS[name])


def tried(row: Row, operation: Operation, name: str) -> Trial:
    """What came of a fault; it is tried once in a run of the tests."""
    return _tried(row.title, operation.key, name)


def all_of(row: Row) -> Iterator[tuple[Operation, Trial]]:
    """What came of a fault with each operation, in either controller."""
    for operation in ALL:
        if row.of(operation) is not None:
            for name in TWINS:
                yield operation, tried(row, operation, name)


def without_time(attempts: tuple[Attempt, ...] | list[Attempt]) -> list[tuple[Any, ...]]:
    return [(each.operation, each.number, each.outcome, each.reason) for each in attempts]


# The table


@both
@each_cell
def test_a_fault_costs_the_requests_and_raises_the_error_of_the_table(
    row: Row, operation: Operation, name: str
) -> None:
    assert tried(row, operation, name).came == row.of(operation)


@each_row
def test_both_controllers_send_and_tell_the_same(row: Row) -> None:
    trials = list(all_of(row))
    for (operation, first), (_, second) in zip(trials[::2], trials[1::2], strict=True):
        for end in ("api", "tokens"):
            one, other = getattr(first.stage, end), getattr(second.stage, end)
            assert [each[:2] for each in one.heard] == [each[:2] for each in other.heard]
        assert without_time(first.stage.told) == without_time(second.stage.told), operation.key
        assert first.result == second.result, operation.key


@each_row
def test_an_error_says_what_became_of_the_request_and_holds_every_try(row: Row) -> None:
    for operation, trial in all_of(row):
        error, came = trial.error, trial.came
        if error is None:
            assert came.outcome == "done"
            continue
        if isinstance(error, ConnectionFailed):
            assert error.may_have_arrived == (came.outcome == "unknown")
        own = [each for each in trial.stage.told if each.operation == operation.attempt]
        assert error.attempts[-1].wait_seconds is None
        if came.looks:
            # How long it waits before it asks anew was not known yet when the hook was told.
            assert without_time(error.attempts) == without_time(own)
            waits = [each.wait_seconds for each in error.attempts[:-1]]
            assert waits == list(came.waits), operation.key
        else:
            assert list(error.attempts) == own, operation.key
            assert [each.number for each in own] == list(range(1, came.tries + 1))
        if operation is not THE_TOKEN:
            assert {each.outcome for each in own} == {came.outcome}


@each_row
def test_the_hook_is_told_of_every_attempt_and_of_those_of_the_token(row: Row) -> None:
    for operation, trial in all_of(row):
        told, came = trial.stage.told, trial.came
        tokens = [each for each in told if each.operation == "token"]
        assert told[0].operation == "token"
        if operation is THE_TOKEN:
            assert len(tokens) == came.tries
            assert len(told) == came.tries + came.beside
        else:
            assert [each.outcome for each in tokens] == ["done"] * came.beside
            assert len(told) == came.tries + came.looks + came.beside
        if operation is not HANG_UP:
            asked = [each.wait_seconds for each in told if each.wait_seconds]
            assert asked == list(came.waits), "a wait that was told of is one that was waited"


@each_row
def test_credentials_go_where_they_belong_and_into_no_words(row: Row) -> None:
    for operation, trial in all_of(row):
        stage = trial.stage
        assert stage.elsewhere.connections == 0
        assert {each.headers["authorization"][:6] for each in stage.tokens.whole} <= {"Basic "}
        assert {each.headers["authorization"] for each in stage.api.whole} <= {"Bearer a-token"}
        words = f"{trial.error} {trial.error!r} {stage.told}"
        assert "a-token" not in words, operation.key
        assert "client-secret" not in words, operation.key


@pytest.mark.parametrize("row", [row for row in ROWS if row.of(CREATE)], ids=title_of)
def test_create_call_goes_out_again_only_where_it_cannot_have_been_done(row: Row) -> None:
    for name in TWINS:
        trial = tried(row, CREATE, name)
        own = [each for each in trial.stage.told if each.operation == "create_call"]
        for each in own[:-1]:
            assert each.outcome == "not_sent" or each.status in {401, 429}


def test_the_page_is_what_comes_of_it() -> None:
    page = PAGE.read_text("utf-8")
    hint = "python tests/faults/table.py --write docs/explanation/faults.md writes the page anew"
    assert page == with_tables(page, tables(tried)), hint


# The token


WITHOUT_TOKEN = (
    "connection refused",
    "reset after the request",
    "no reply within the timeout",
    "HTML, as of a portal that wants a log-in",
    "401",
    "403",
    "429, `Retry-After: 7`",
    "500",
)


@both
@each_operation
@pytest.mark.parametrize("title", WITHOUT_TOKEN)
def test_without_a_token_nothing_is_sent_but_the_request_for_it(
    title: str, operation: Operation, name: str
) -> None:
    row = BY_TITLE[title]
    expected = row.of(THE_TOKEN)
    assert expected is not None
    stage = Stage(operation, row.fault, at_token=True)
    trial = attempt(stage, operation, TWINS[name])
    assert stage.api.connections == 0
    assert len(stage.tokens.whole) == expected.reached
    assert type(trial.error) is expected.raises
    assert trial.came.waits == expected.waits
    assert {each.operation for each in stage.told} == {"token"}


@both
@each_operation
def test_a_second_401_is_the_last(operation: Operation, name: str) -> None:
    trial = tried(BY_TITLE["401"], operation, name)
    told = [(each.operation, each.status) for each in trial.stage.told]
    mine = (operation.attempt, 401)
    assert told == [("token", 200), mine, ("token", 200), mine]


@both
@each_operation
def test_a_401_to_basic_credentials_is_the_last(operation: Operation, name: str) -> None:
    stage = Stage(operation, refuses(401))
    trial = attempt(stage, operation, TWINS[name], auth=Basic("user", "a secret"))
    assert trial.came == once(Unauthorized, "refused", beside=0)


# What goes away again


def recoveries() -> Iterator[Any]:
    """Each cell in which something is tried again, but for what no plain server can take back."""
    for row, operation in cells():
        expected = row.of(operation)
        if expected is not None and expected.tries > 1 and not row.fault.tls:
            yield pytest.param(row, operation, expected, id=f"{row.title}-{operation.key}")


@both
@pytest.mark.parametrize(("row", "operation", "always"), list(recoveries()))
def test_what_goes_away_before_the_last_try_ends_well(
    row: Row, operation: Operation, always: Came, name: str
) -> None:
    failures = always.tries - 1
    stage = Stage(operation, row.fault, times=failures, state=row.state)
    trial = attempt(stage, operation, TWINS[name])
    assert trial.error is None
    came = trial.came
    assert (came.tries, came.outcome) == (always.tries, "done")
    assert came.reached == (failures if always.reached else 0) + 1
    assert came.looks == (failures if always.looks else 0)
    assert came.waits == always.waits
    assert came.beside == (1 if operation is THE_TOKEN else always.beside)


# Policies


@each_row
def test_a_policy_of_one_attempt_sends_one_request(row: Row) -> None:
    """A token that was refused is renewed all the same, since that is no repetition."""
    for name, twin in TWINS.items():
        for operation in ALL:
            expected = row.of(operation)
            if expected is not None:
                came = run(row, operation, twin, retry=Retry(attempts=1)).came
                renewed = row.title == "401" and operation is not THE_TOKEN
                assert came.tries == (2 if renewed else 1), f"{operation.key}, {name}"
                assert came.raises is expected.raises
                assert came.waits == ()


@both
@pytest.mark.parametrize("status", [429, 503])
def test_create_call_is_repeated_after_503_where_the_policy_says_so(status: int, name: str) -> None:
    retry = Retry(create_call=Repeat(statuses={429, 503}))
    stage = Stage(CREATE, refuses(status))
    assert attempt(stage, CREATE, TWINS[name], retry=retry).came.reached == 4
    stage = Stage(CREATE, refuses(status), times=2)
    trial = attempt(stage, CREATE, TWINS[name], retry=retry)
    assert (trial.came.reached, trial.result.call_id) == (3, s.CALL_ID)


@both
@pytest.mark.parametrize("status", [500, 502, 504])
def test_that_policy_repeats_create_call_after_nothing_else(status: int, name: str) -> None:
    retry = Retry(create_call=Repeat(statuses={429, 503}))
    stage = Stage(CREATE, refuses(status))
    assert attempt(stage, CREATE, TWINS[name], retry=retry).came.reached == 1
    for title in ("reset after the request", "JSON of another shape"):
        assert run(BY_TITLE[title], CREATE, TWINS[name], retry=retry).came.reached == 1


NEVER_TWICE = Retry(
    get_call_state=Repeat(),
    list_calls=Repeat(),
    update_call=Repeat(),
    update_call_bxml=Repeat(),
    hang_up=Repeat(),
)


@both
@each_operation
@pytest.mark.parametrize("title", ["reset after the request", "no reply within the timeout", "500"])
def test_what_the_policy_forbids_is_not_repeated(
    title: str, operation: Operation, name: str
) -> None:
    came = run(BY_TITLE[title], operation, TWINS[name], retry=NEVER_TWICE).came
    assert (came.reached, came.waits) == (1, ())
    refused = run(BY_TITLE["429, `Retry-After: 7`"], operation, TWINS[name]).came
    assert refused.reached == 4


# Waits


@both
@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_waits_double_up_to_the_longest_and_are_shortened_by_chance(
    chance: float, name: str
) -> None:
    retry = Retry(attempts=7, first_wait_seconds=1.0, longest_wait_seconds=4.0)
    stage = Stage(GET, refuses(503))
    came = attempt(stage, GET, TWINS[name], retry=retry, chance=lambda: chance).came
    assert came.reached == 7
    bounds = (1.0, 2.0, 4.0, 4.0, 4.0, 4.0)
    assert came.waits == pytest.approx([bound * (1.0 - chance) for bound in bounds])


@both
@each_operation
def test_a_wait_that_chance_has_shortened_stays_below_its_bound(
    operation: Operation, name: str
) -> None:
    chance = random.Random(operation.key).random  # noqa: S311  # not for a secret
    came = run(BY_TITLE["connection refused"], operation, TWINS[name], chance=chance).came
    assert len(came.waits) == 3
    assert all(0 <= wait <= most for wait, most in zip(came.waits, BACKOFF, strict=True))


@both
@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Tue, 01 Jan 2030 00:00:05 GMT", "Date": DATE}, 5.0),
        ({"Retry-After": "Tue, 01 Jan 2030 01:00:00 GMT", "Date": DATE}, 10.0),
        ({"Retry-After": "11"}, 10.0),
        ({"Retry-After": "999999999"}, 10.0),
    ],
)
def test_retry_after_is_kept_to_up_to_the_longest(
    headers: dict[str, str], asked: float, name: str
) -> None:
    named = {key.replace("-", "_"): value for key, value in headers.items()}
    stage = Stage(CREATE, refuses(429, **named))
    retry = Retry(longest_retry_after_seconds=10.0)
    came = attempt(stage, CREATE, TWINS[name], retry=retry, chance=lambda: 0.9).came
    assert came == four(RateLimited, "refused", waits=(asked,) * 3)


@both
@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": FIVE_LATER},
        {"Retry_After": "-5"},
        {"Retry_After": "1e3"},
        {"Retry_After": "9" * 10},
        {"Retry_After": "NaN"},
        {"Retry_After": "Thu, 99 Foo 2030"},
        {"Retry_After": "5, 7"},
    ],
)
def test_a_retry_after_that_says_nothing_is_no_reason_to_hurry(
    headers: dict[str, str], name: str
) -> None:
    """A date counts from the ``Date`` of the reply, so without one it says nothing."""
    stage = Stage(GET, refuses(429, **headers))
    assert attempt(stage, GET, TWINS[name]).came.waits == BACKOFF


@both
@each_operation
def test_the_budget_bounds_all_waits_together(operation: Operation, name: str) -> None:
    stage = Stage(operation, refuses(429, Retry_After="7"))
    retry = Retry(attempts=100, budget_seconds=20.0)
    came = attempt(stage, operation, TWINS[name], retry=retry).came
    assert (came.reached, came.waits) == (3, (7.0, 7.0))
    stage = Stage(operation, s.REFUSED)
    came = attempt(stage, operation, TWINS[name], retry=retry).came
    assert came.waits == (0.5, 1.0, 2.0, 4.0, 8.0)


@both
def test_the_budget_ends_a_request_too(name: str) -> None:
    """The timeout alone would let it go on for half a minute."""
    stage = Stage(CREATE, Fault(Line.wait_for_close))
    options = {"auth": Basic("user", "a secret"), "timeout": 30.0}
    retry = Retry(budget_seconds=0.4)
    trial = attempt(stage, CREATE, TWINS[name], retry=retry, **options)
    assert trial.came == once(ConnectionFailed, "unknown", beside=0)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("CallController", marks=pytest.mark.xfail(strict=True, reason=SLOW_HEAD)),
        "AsyncCallController",
    ],
)
def test_the_budget_ends_a_reply_whose_head_drips_in(name: str) -> None:
    def play(line: Line) -> None:
        line.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n")
        for _ in range(20):
            if line.is_closed_within(0.05) or not line.send(b"Slow: very\r\n"):
                return
        line.send(b"\r\n")

    stage = Stage(REDIRECT, Fault(play))
    retry = Retry(budget_seconds=0.4)
    trial = attempt(stage, REDIRECT, TWINS[name], retry=retry, auth=Basic("user", "a secret"))
    assert trial.came == once(ConnectionFailed, "unknown", beside=0)


# Connections that are kept open


KEPT = ("reset before anything is read", "reset after the request", "the head breaks off", "500")


@both
@each_operation
@pytest.mark.parametrize("title", KEPT)
def test_a_connection_that_was_sound_before_may_fail_in_the_same_way(
    title: str, operation: Operation, name: str
) -> None:
    row = BY_TITLE[title]
    # What fails before it is read may be any request; the first one is for the token.
    after = 0 if row.fault.whole else 1
    stage = Stage(operation, row.fault, keep_alive=True, after=after, times=1)
    trial = _on_one_server(stage, operation, name)
    expected = row.of(operation)
    assert expected is not None
    if expected.tries == 1:
        assert (trial.came.raises, trial.came.tries) == (expected.raises, 1)
        assert stage.api.connections == 1
    else:
        assert (trial.came.raises, trial.came.tries) == (None, 2)
        assert stage.api.connections == 2


@both
@each_operation
def test_a_connection_that_the_server_has_closed_is_not_used(
    operation: Operation, name: str
) -> None:
    """It says that it keeps the connection, and does not."""

    def play(line: Line) -> None:
        line.send(line.server.answer(line.server.heard[-1], Connection="keep-alive"))

    stage = Stage(operation, Fault(play), target=THE_TOKEN.target)

    def told(each: Attempt) -> None:
        stage.told.append(each)
        stage.api.hear_out()

    trial = _on_one_server(stage, operation, name, on_attempt=told)
    assert trial.error is None
    assert trial.came.tries == 1
    assert stage.api.connections == 2


def _on_one_server(stage: Stage, operation: Operation, name: str, **options: Any) -> Trial:
    """Ask for something where the token comes from the same server, over the same connection."""
    auth = stage.options()["auth"]
    auth = type(auth)(auth.client_id, auth.client_secret, f"{stage.api.origin}{TOKEN}")
    return attempt(stage, operation, TWINS[name], auth=auth, **options)


# Elsewhere


@both
@pytest.mark.parametrize("operation", ALL, ids=key_of)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_nowhere(status: int, operation: Operation, name: str) -> None:
    stage = Stage(operation, s.leads_elsewhere(status))
    stage.elsewhere.listen()
    trial = attempt(stage, operation, TWINS[name])
    assert type(trial.error) is StatusError
    assert trial.error.status == status
    assert trial.came.reached == 1
    assert stage.elsewhere.connections == 0


@both
def test_a_next_page_elsewhere_is_not_asked_for(name: str) -> None:
    def play(line: Line) -> None:
        link = f'<{line.server.elsewhere}{CALLS}?pageToken=2>; rel="next"'
        line.send(line.server.answer(line.server.heard[-1], Link=link))

    stage = Stage(LIST, Fault(play))
    trial = attempt(stage, LIST, TWINS[name])
    assert type(trial.error) is UnexpectedReply
    assert stage.elsewhere.connections == 0


# The controllers' own transports


@both
@pytest.mark.parametrize("title", ["connection refused", "reset after the request", "500"])
def test_the_transport_that_a_controller_makes_itself_repeats_nothing_of_its_own(
    title: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    row = BY_TITLE[title]
    for operation in (CREATE, PUSH):
        trial = run(row, operation, TWINS[name], transport=None)
        assert trial.came == row.of(operation)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.fault.hurried], ids=title_of)
def test_with_a_transport_of_httpx_tasks_fare_no_otherwise(row: Row) -> None:
    """It is what leads to a proxy, and its errors tell of the same."""
    for operation in (CREATE, PUSH):
        if row.of(operation) is not None:
            transport = httpx.AsyncHTTPTransport(verify=TRUST)
            trial = run(row, operation, awaiting, transport=transport)
            assert trial.came == row.of(operation), operation.key


@both
def test_the_timeout_of_a_controller_is_that_of_its_requests(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    stage = Stage(CREATE, Fault(Line.wait_for_close))
    timeout = httpx.Timeout(10.0, read=0.05)
    options = {"auth": Basic("user", "a secret"), "timeout": timeout, "transport": None}
    trial = attempt(stage, CREATE, TWINS[name], **options)
    assert trial.came == once(ConnectionFailed, "unknown", beside=0)


# Whatever else comes back


def spoilt(seed: int) -> bytes:
    """A sound reply in which a few bytes are others, missing or too many."""
    chance = random.Random(seed)  # noqa: S311  # not for a secret
    data = bytearray(reply(200, b'[{"callId": "c-1", "state": "answered"}]', Link="<x>"))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        change = chance.choice(["other", "missing", "too many", "cut"])
        if change == "cut" and chance.random() < 0.2:
            del data[at + 1 :]
        elif change == "missing" and len(data) > 1:
            del data[at]
        elif change == "too many":
            data.insert(at, chance.randrange(256))
        else:
            data[at] = chance.randrange(256)
    return bytes(data)


@both
@pytest.mark.parametrize("operation", [CREATE, LIST, REDIRECT], ids=key_of)
def test_whatever_comes_back_is_a_result_or_an_error_of_ours(
    operation: Operation, name: str
) -> None:
    for seed in range(60):
        stage = Stage(operation, says(spoilt(seed)))
        trial = attempt(stage, operation, TWINS[name])
        assert isinstance(trial.error, CallsError | None), seed
        if operation is CREATE:
            assert trial.came.reached == 1, seed
