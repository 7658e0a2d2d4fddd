"""One document into many calls: each ends up pushed, refused or gone, whatever happens."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import calls
from bxml import Bxml, InvalidDocument
from calls import (
    AsyncCallController,
    BroadcastResult,
    BroadcastStopped,
    CallController,
    InvalidRequest,
    OAuth2,
    Progress,
    Retry,
)
from calls._ledger import BATCH, Ledger

DOCUMENT = Bxml().speak_sentence("We close in ten minutes.")
TOKEN = {"access_token": "t", "expires_in": 3600}

Handler = Callable[[httpx.Request, str], httpx.Response]


class Platform:
    """Answers by call id, and remembers what it was asked. Any id that ends in ``-ended`` is over."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.pushed = Counter[str]()
        self.bodies: dict[str, bytes] = {}
        self.under_way = self.most_under_way = 0
        self._handler = handler

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json=TOKEN)
        call_id = request.url.path.split("/")[6]
        if request.method == "GET":
            if "unknown" in call_id:
                return httpx.Response(404)
            state = "disconnected" if "ended" in call_id else "initiated"
            return httpx.Response(200, json={"callId": call_id, "state": state})
        self.pushed[call_id] += 1
        self.bodies[call_id] = request.content
        if self._handler is not None:
            return self._handler(request, call_id)
        for word, status in [("ended", 409), ("unknown", 404), ("ringing", 409), ("odd", 400)]:
            if word in call_id:
                return httpx.Response(status, json={"description": "no"})
        return httpx.Response(204)


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Hands the requests of either controller to a platform, in turns as a network does."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._platform(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self._platform.under_way += 1
        self._platform.most_under_way = max(self._platform.under_way, self._platform.most_under_way)
        for _ in range(3):
            await asyncio.sleep(0)
        self._platform.under_way -= 1
        return self._platform(request)


def run(twin: str, platform: Platform, *args: Any, **options: Any) -> BroadcastResult:
    """A broadcast by the blocking or by the async controller."""
    retry = Retry(attempts=2, first_wait_seconds=0)
    made: dict[str, Any] = {
        "auth": OAuth2("id", "secret"),
        "transport": Transport(platform),
        "retry": retry,
    }
    made |= options.pop("controller", {})
    if twin == "blocking":
        with CallController("1", **made) as controller:
            return calls.broadcast(controller, *args, **options)

    async def main() -> BroadcastResult:
        async with AsyncCallController("1", **made) as controller:
            return await calls.broadcast(controller, *args, **options)

    return asyncio.run(main())


both = pytest.mark.parametrize("twin", ["blocking", "async"])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@both
def test_every_call_ends_up_pushed_refused_or_gone(twin: str, journal: Path) -> None:
    platform = Platform()
    ids = ["c-1", "c-ended", "c-unknown", "c-ringing", "c-odd", "c-2"]
    result = run(twin, platform, ids, DOCUMENT, journal=journal)
    progress = result.progress
    assert (progress.total, progress.pushed, progress.refused, progress.gone) == (6, 2, 2, 2)
    assert progress.pending == 0
    rows = list(result.rows())
    assert [(row.call_id, row.outcome) for row in rows] == [
        ("c-1", "pushed"),
        ("c-ended", "gone"),
        ("c-unknown", "gone"),
        ("c-ringing", "refused"),
        ("c-odd", "refused"),
        ("c-2", "pushed"),
    ]
    assert [row.call_id for row in result.rows("gone")] == ["c-ended", "c-unknown"]
    assert "the call is initiated, not answered yet" in (rows[3].detail or "")
    assert set(platform.pushed.values()) == {1}
    assert platform.bodies["c-1"] == bytes(DOCUMENT)


@both
def test_started_again_it_pushes_nothing_again(twin: str, journal: Path) -> None:
    run(twin, Platform(), ["c-1", "c-ended"], DOCUMENT, journal=journal)
    platform = Platform()
    result = run(twin, platform, ["c-1", "c-ended", "c-2"], DOCUMENT, journal=journal)
    assert platform.pushed == {"c-2": 1}
    assert (result.progress.pushed, result.progress.gone) == (2, 1)


@both
def test_an_id_that_comes_twice_is_pushed_once(twin: str, journal: Path) -> None:
    platform = Platform()
    result = run(twin, platform, ["c-1", "c-2", "c-1"], DOCUMENT, journal=journal)
    assert platform.pushed == {"c-1": 1, "c-2": 1}
    assert result.progress.total == 2


@both
def test_more_calls_than_a_batch_are_all_pushed(twin: str, journal: Path) -> None:
    platform = Platform()
    count = 2 * BATCH + 7
    ids = (f"c-{number}" for number in range(count))
    result = run(twin, platform, ids, DOCUMENT, journal=journal)
    assert result.progress.pushed == count == len(platform.pushed)
    assert len(list(result.rows())) == count


@both
def test_a_function_makes_a_document_for_each_call(twin: str, journal: Path) -> None:
    platform = Platform()

    def document(call_id: str) -> Any:
        return "<Bxml><Spek/></Bxml>" if call_id == "c-2" else Bxml().speak_sentence(call_id)

    result = run(twin, platform, ["c-1", "c-2", "c-3"], document, journal=journal)
    assert (result.progress.pushed, result.progress.refused) == (2, 1)
    [refused] = result.rows("refused")
    assert refused.call_id == "c-2"
    assert "<Spek> is not a BXML verb" in (refused.detail or "")
    assert platform.bodies["c-3"] == bytes(Bxml().speak_sentence("c-3"))
    assert "c-2" not in platform.bodies


@both
def test_a_function_that_fails_loses_nothing(twin: str, journal: Path) -> None:
    def document(call_id: str) -> Bxml:
        if call_id == "c-2":
            raise LookupError("nobody knows c-2")
        return DOCUMENT

    with pytest.raises(LookupError, match="nobody knows c-2"):
        run(twin, Platform(), ["c-1", "c-2", "c-3"], document, journal=journal, concurrency=1)
    platform = Platform()
    result = run(twin, platform, [], lambda _: DOCUMENT, journal=journal)
    assert (result.progress.pushed, dict(platform.pushed)) == (3, {"c-2": 1, "c-3": 1})


@both
def test_a_wrong_document_is_refused_before_anything_is_sent(twin: str, journal: Path) -> None:
    platform = Platform()
    wrong = (
        Bxml()
        .start_stream("wss://example.com/", name="a")
        .start_stream("wss://example.com/", name="a")
    )
    with pytest.raises(InvalidDocument):
        run(twin, platform, ["c-1"], wrong, journal=journal)
    assert not platform.pushed
    assert not journal.exists()


@both
def test_while_the_platform_is_down_it_stops_and_goes_on_later(twin: str, journal: Path) -> None:
    down = Platform(lambda _, call_id: httpx.Response(204 if call_id < "c-30" else 503))
    ids = [f"c-{number}" for number in range(10, 60)]
    with pytest.raises(BroadcastStopped) as caught:
        run(twin, down, ids, DOCUMENT, journal=journal, concurrency=4)
    assert caught.value.progress.pushed == 20
    assert caught.value.progress.pending == 30
    assert "30 of 50 calls are still to be pushed (20 pushed, 0 refused, 0 gone)" in str(
        caught.value
    )
    assert str(journal) in str(caught.value)
    assert isinstance(caught.value.__cause__, calls.ServerError)
    # It does not knock at a closed door for every call.
    assert sum(down.pushed.values()) < 20 + 2 * 2 * (3 * 4 + 4)
    up = Platform()
    result = run(twin, up, ids, DOCUMENT, journal=journal)
    assert result.progress.pushed == 50
    assert up.pushed == Counter(ids[20:])


@both
def test_a_call_that_fails_for_a_moment_is_pushed_after_the_others(
    twin: str, journal: Path
) -> None:
    seen = Counter[str]()

    def handler(_: httpx.Request, call_id: str) -> httpx.Response:
        seen[call_id] += 1
        return httpx.Response(503 if call_id == "c-2" and seen[call_id] < 4 else 204)

    result = run(twin, Platform(handler), ["c-1", "c-2", "c-3"], DOCUMENT, journal=journal)
    assert result.progress.pushed == 3


@both
@pytest.mark.parametrize("status", [401, 402, 403])
def test_credentials_that_are_refused_stop_it_at_once(
    twin: str, status: int, journal: Path
) -> None:
    platform = Platform(lambda *_: httpx.Response(status))
    with pytest.raises(BroadcastStopped, match=str(status)) as caught:
        run(
            twin, platform, map("c-{}".format, range(500)), DOCUMENT, journal=journal, concurrency=3
        )
    assert caught.value.progress.pending == 500
    assert sum(platform.pushed.values()) <= 2 * 3


@both
def test_the_rate_keeps_pushes_apart(twin: str, journal: Path) -> None:
    now = [0.0]
    lock = threading.Lock()

    def pause(seconds: float) -> None:
        with lock:
            now[0] += seconds

    async def apause(seconds: float) -> None:
        pause(seconds)

    clock: dict[str, Any] = {
        "now": lambda: now[0],
        "pause": pause if twin == "blocking" else apause,
    }
    ids = [f"c-{number}" for number in range(20)]
    run(
        twin,
        Platform(),
        ids,
        DOCUMENT,
        journal=journal,
        rate=4,
        concurrency=1,
        controller=clock,
    )
    # The token and 20 pushes: 20 gaps of a quarter of a second.
    assert now[0] == pytest.approx(20 / 4)


def test_no_more_are_under_way_than_were_asked_for(journal: Path) -> None:
    platform = Platform()
    run("async", platform, map("c-{}".format, range(300)), DOCUMENT, journal=journal, concurrency=7)
    assert platform.most_under_way == 7


def test_an_async_controller_takes_ids_that_come_as_they_come(journal: Path) -> None:
    async def ids() -> AsyncIterator[str]:
        for number in range(BATCH + 3):
            yield f"c-{number}"

    result = run("async", Platform(), ids(), DOCUMENT, journal=journal)
    assert result.progress.pushed == BATCH + 3


def test_a_blocking_broadcast_works_within_an_event_loop(journal: Path) -> None:
    async def main() -> BroadcastResult:
        return run("blocking", Platform(), ["c-1"], DOCUMENT, journal=journal)

    assert asyncio.run(main()).progress.pushed == 1


@both
def test_progress_is_told_to_a_program(twin: str, journal: Path) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.02
        return now[0]

    told: list[Progress] = []
    ids = [f"c-{number}" for number in range(100)]
    run(
        twin,
        Platform(),
        ids,
        DOCUMENT,
        journal=journal,
        progress=told.append,
        controller={"now": clock},
    )
    assert len(told) > 5
    assert [each.pending for each in told] == sorted((each.pending for each in told), reverse=True)
    assert (told[-1].total, told[-1].pushed, told[-1].pending) == (100, 100, 0)


def test_progress_is_shown_to_people(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("blocking", Platform(), ["c-1", "c-ended"], DOCUMENT, journal=journal, progress=True)
    shown = capsys.readouterr()
    assert "2 of 2 calls" in shown.err
    assert "1 pushed, 0 refused, 1 gone" in shown.err
    assert shown.out == ""


@both
@pytest.mark.parametrize(
    ("ids", "options", "words"),
    [
        (["c-1"], {"concurrency": 0}, "concurrency must be a whole number from 1 to 1000"),
        (["c-1"], {"concurrency": 1.5}, "concurrency must be a whole number"),
        (["c-1"], {"rate": 0}, "rate must be a number above 0"),
        (["c-1", "../x"], {}, "call_ids must be an id of letters, digits, - and _"),
        ("c-1", {}, "call_ids must be an iterable of ids; this is one id"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    twin: str, ids: Any, options: Any, words: str, journal: Path
) -> None:
    platform = Platform()
    with pytest.raises(InvalidRequest, match=words):
        run(twin, platform, ids, DOCUMENT, journal=journal, **options)
    assert not platform.pushed


# The journal


def test_the_journal_of_another_document_is_refused(journal: Path) -> None:
    run("blocking", Platform(), ["c-1"], DOCUMENT, journal=journal)
    platform = Platform()
    with pytest.raises(InvalidRequest, match="is the journal of another broadcast"):
        run("blocking", platform, ["c-2"], Bxml().hangup(), journal=journal)
    assert not platform.pushed


def test_a_journal_serves_one_broadcast_at_a_time(journal: Path) -> None:
    with Ledger(journal, "x"), pytest.raises(InvalidRequest, match="is in use by another"):
        Ledger(journal, "x")
    Ledger(journal, "x").close()


def test_what_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("call them all\n" * 100)
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()
    for path in (text, other, tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(InvalidRequest, match="no journal"):
            Ledger(path, "x")
    assert text.read_text() == "call them all\n" * 100
    with pytest.raises(InvalidRequest, match="is not there"):
        Ledger(tmp_path / "absent", None)
    assert not (tmp_path / "absent").exists()


def test_a_batch_is_all_that_is_read_at_a_time(journal: Path) -> None:
    with Ledger(journal, "x") as ledger:
        ledger.add(f"c-{number}" for number in range(3 * BATCH))
        assert len(ledger.pending()) == BATCH
        assert ledger.counts() == {None: 3 * BATCH}


# Killed at any moment


class Server(ThreadingHTTPServer):
    """A platform over HTTP that remembers whom it pushed to, and kills its client at a push."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.lock = threading.Lock()
        self.pushes: list[tuple[str, str]] = []
        self.kill_at: int | None = None
        self.client: subprocess.Popen[bytes] | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is nothing to print."""


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, json.dumps(TOKEN).encode())

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            _, run, *_, call_id, _ = self.path.split("/")
            self.server.pushes.append((run, call_id))
            if len(self.server.pushes) == self.server.kill_at and self.server.client:
                self.server.client.send_signal(signal.SIGKILL)
        self._answer(204, b"")

    def _answer(self, status: int, body: bytes) -> None:
        head = f"HTTP/1.1 {status} OK\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:
            self.wfile.write(f"{head}\r\n".encode() + body)
        except OSError:
            self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as it:
        thread = threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield it
        it.shutdown()
        thread.join()


PROGRAM = """
import asyncio, sys
from bxml import Bxml
from calls import AsyncCallController, CallController, OAuth2, broadcast

url, journal, twin = sys.argv[1:]
ids = (f"c-{number}" for number in range(400))
document = Bxml().speak_sentence("We close in ten minutes.")
auth = OAuth2("id", "secret", url + "/token")
if twin == "blocking":
    with CallController("1", auth=auth, base_url=url + "/api/v2") as controller:
        broadcast(controller, ids, document, journal=journal, concurrency=8)
else:
    async def main():
        async with AsyncCallController("1", auth=auth, base_url=url + "/api/v2") as controller:
            await broadcast(controller, ids, document, journal=journal, concurrency=8)
    asyncio.run(main())
"""


@both
def test_killed_at_any_moment_and_started_again_nothing_is_lost_or_pushed_twice(
    twin: str, server: Server, journal: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    settled = set[str]()
    in_doubt = pending = 0
    for run, kill_after in enumerate((1, 60, 1, 110, 100, None)):
        server.kill_at = None if kill_after is None else len(server.pushes) + kill_after
        command = [sys.executable, str(program), f"{url}/{run}", str(journal), twin]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:  # noqa: S603  # our own words
            server.client = process
            _, errors = process.communicate(timeout=60)
        assert process.returncode == (0 if kill_after is None else -signal.SIGKILL), errors.decode()
        # What was sent before the end may be read after it: each run has a path of its own.
        pushed_now = [call_id for its, call_id in server.pushes if its == str(run)]
        assert not settled & set(pushed_now), "a push that the journal has was sent again"
        assert len(pushed_now) == len(set(pushed_now))
        with Ledger(journal, None) as ledger:
            settled = {row.call_id for row in ledger.rows("pushed")}
            in_doubt += len(set(pushed_now) - settled)
            pending = len(list(ledger.rows())) - len(settled)
        assert len(set(pushed_now) - settled) <= 8, "more in doubt than were under way"
    assert in_doubt > 0
    assert pending == 0
    assert settled == {f"c-{number}" for number in range(400)}
    assert len(server.pushes) <= 400 + 5 * 8


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_an_interrupt_ends_it_in_good_order(server: Server, journal: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    command = [sys.executable, str(program), f"{url}/0", str(journal), "blocking"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:  # noqa: S603  # our own words
        while len(server.pushes) < 50 and process.poll() is None:
            threading.Event().wait(0.002)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    with Ledger(journal, None) as ledger:
        settled = {row.call_id for row in ledger.rows("pushed")}
    assert settled == {call_id for _, call_id in server.pushes}, (
        "what was under way was finished and written down"
    )
