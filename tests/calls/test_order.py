"""Documents reach a call in the order in which they were asked for, whoever asks."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from bxml import Bxml
from calls import (
    AsyncCallController,
    BadRequest,
    Basic,
    CallController,
    CallEnded,
    CallNotYetAnswered,
    ConnectionFailed,
    OAuth2,
    PushReplaced,
    Retry,
)
from calls.turns import Turn, Turns

SECONDS = 10.0
"""How long a test waits for what must happen, before it fails."""
ONCE = Retry(attempts=1)
URL = "https://app.example.com/next"


class Gate:
    """A platform that lets nobody through until the test says so."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        """What came in, in order: the text of a document, the tag of a redirect, or ``end``."""
        self.most_at_once = 0
        self.answers: dict[str, Any] = {}
        """What is answered, where it is not success."""
        self.state = "answered"
        self._held: dict[str, threading.Event] = {}
        self._came: dict[str, threading.Event] = {}
        self._at_once = 0
        self._lock = threading.Lock()

    def hold(self, text: str) -> None:
        """Let the request with this text stand at the gate until it is let go."""
        self._held[text] = threading.Event()
        self._came[text] = threading.Event()

    def let_go(self, *texts: str) -> None:
        for text in texts:
            self._held[text].set()

    def wait_for(self, text: str) -> None:
        """Until the request stands at the gate."""
        assert self._came[text].wait(SECONDS), f"{text} has not come"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        if request.method == "GET":
            return httpx.Response(200, json={"callId": "c-1", "state": self.state})
        return self.change(request.method, request.read())

    def change(self, method: str, body: bytes) -> httpx.Response:
        text = body.partition(b"<SpeakSentence>")[2].partition(b"<")[0].decode()
        if method == "POST":
            text = json.loads(body).get("tag", "end")
        with self._lock:
            self.seen.append(text)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        if text in self._held:
            self._came[text].set()
            assert self._held[text].wait(SECONDS), f"{text} was never let go"
        with self._lock:
            self._at_once -= 1
        answer = self.answers.get(text, 200)
        if isinstance(answer, BaseException):
            raise answer
        return httpx.Response(answer)


def say(text: str) -> Bxml:
    return Bxml().speak_sentence(text)


Ask = Callable[[Any], Any]


class Crowd:
    """Many who use one controller at once. ``start`` returns when the asker has a place in a queue."""

    controller: Any

    def __init__(self, joined: threading.Semaphore) -> None:
        self._joined = joined

    def _go(self, ask: Ask) -> "Future[Any]":
        raise NotImplementedError

    def start(self, ask: Ask) -> "Future[Any]":
        future = self._go(ask)
        assert self._joined.acquire(timeout=SECONDS)
        return future

    def push(self, text: str, call_id: str = "c-1", **options: Any) -> "Future[Any]":
        return self.start(lambda control: control.call(call_id).push(say(text), **options))

    def redirect(self, tag: str) -> "Future[Any]":
        return self.start(lambda control: control.call("c-1").redirect(URL, tag=tag))

    def hang_up(self) -> "Future[Any]":
        """An end takes no place in a queue."""
        return self._go(lambda control: control.call("c-1").hang_up())

    def close(self) -> None:
        raise NotImplementedError


class Threads(Crowd):
    def __init__(self, platform: Any, joined: threading.Semaphore, **options: Any) -> None:
        super().__init__(joined)
        options = {"auth": Basic("u", "p"), "pause": lambda _: None, **options}
        transport = httpx.MockTransport(platform)
        self.controller = CallController("1", transport=transport, **options)
        self._pool = ThreadPoolExecutor(64)

    def _go(self, ask: Ask) -> "Future[Any]":
        return self._pool.submit(ask, self.controller)

    def close(self) -> None:
        self._pool.shutdown()
        self.controller.close()


async def no_pause(_: float) -> None:
    """No time passes."""


class Tasks(Crowd):
    def __init__(self, platform: Any, joined: threading.Semaphore, **options: Any) -> None:
        super().__init__(joined)
        options = {"auth": Basic("u", "p"), "pause": no_pause, **options}

        async def answer(request: httpx.Request) -> httpx.Response:
            reply: httpx.Response = await asyncio.to_thread(platform, request)
            return reply

        transport = httpx.MockTransport(answer)
        self.controller = AsyncCallController("1", transport=transport, **options)
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(64)
        self._loop.set_default_executor(self._pool)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def _go(self, ask: Ask) -> "Future[Any]":
        async def asking() -> Any:
            return await ask(self.controller)

        return asyncio.run_coroutine_threadsafe(asking(), self._loop)

    def close(self) -> None:
        self._go(lambda control: control.close()).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._pool.shutdown()
        self._loop.close()


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts those who have taken a place in the queue of a call."""
    counted = threading.Semaphore(0)
    join = Turns.join

    def joining(self: Turns, key: Any, *, replacing: bool = False) -> Turn:
        turn = join(self, key, replacing=replacing)
        if isinstance(key, tuple):
            counted.release()
        return turn

    monkeypatch.setattr(Turns, "join", joining)
    return counted


Gather = Callable[..., Crowd]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(params=[Threads, Tasks])
def gather(
    request: pytest.FixtureRequest, joined: threading.Semaphore, gate: Gate
) -> Iterator[Gather]:
    """Makes a crowd before the gate, of threads or of tasks."""
    crowds: list[Crowd] = []

    def make(**options: Any) -> Crowd:
        crowds.append(request.param(gate, joined, **options))
        return crowds[-1]

    yield make
    for crowd in crowds:
        crowd.close()


@pytest.fixture
def crowd(gather: Gather) -> Crowd:
    return gather()


def test_pushes_into_a_call_go_out_in_the_order_in_which_they_were_asked_for(
    crowd: Crowd, gate: Gate
) -> None:
    """Even where the first of them takes its time."""
    texts = [f"{number}" for number in range(40)]
    gate.hold("0")
    pushes = [crowd.push(text) for text in texts]
    gate.wait_for("0")
    assert gate.seen == ["0"]
    gate.let_go("0")
    for push in pushes:
        assert push.result(SECONDS) is None
    assert gate.seen == texts
    assert gate.most_at_once == 1


def test_everybody_keeps_the_order_of_his_own_pushes(gather: Gather, gate: Gate) -> None:
    """Of ten who push eight documents each, none is overtaken by himself."""
    crowd = gather(auth=OAuth2("id", "secret"))

    def ask_in_a_row(name: str) -> "Future[Any]":
        if isinstance(crowd, Threads):
            return crowd._pool.submit(blocking, name)
        assert isinstance(crowd, Tasks)
        return asyncio.run_coroutine_threadsafe(awaiting(name), crowd._loop)

    def blocking(name: str) -> None:
        for number in range(8):
            crowd.controller.call("c-1").push(say(f"{name}{number}"))

    async def awaiting(name: str) -> None:
        for number in range(8):
            await crowd.controller.call("c-1").push(say(f"{name}{number}"))

    names = "abcdefghij"
    for row in [ask_in_a_row(name) for name in names]:
        row.result(SECONDS)
    assert gate.most_at_once == 1
    for name in names:
        own = [text for text in gate.seen if text.startswith(name)]
        assert own == [f"{name}{number}" for number in range(8)]


def test_order_holds_over_real_connections(joined: threading.Semaphore) -> None:
    gate = Gate()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            reply = gate.change("PUT", self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(reply.status_code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    texts = [f"{number}" for number in range(20)]
    gate.hold("0")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        base = f"http://127.0.0.1:{server.server_port}"
        with (
            CallController("1", auth=Basic("u", "p"), base_url=base) as controller,
            ThreadPoolExecutor(len(texts)) as pool,
        ):
            pushes = []
            for text in texts:
                pushes.append(pool.submit(controller.update_call_bxml, "c-1", say(text)))
                assert joined.acquire(timeout=SECONDS)
            gate.wait_for("0")
            gate.let_go("0")
            for push in pushes:
                push.result(SECONDS)
        server.shutdown()
        thread.join(SECONDS)
    assert gate.seen == texts
    assert gate.most_at_once == 1


def test_pushes_into_other_calls_are_not_held_up(crowd: Crowd, gate: Gate) -> None:
    gate.hold("slow")
    slow = crowd.push("slow", "c-1")
    gate.wait_for("slow")
    behind = crowd.push("behind", "c-1")
    crowd.push("another call", "c-2").result(SECONDS)
    assert gate.seen == ["slow", "another call"]
    assert not slow.done()
    gate.let_go("slow")
    behind.result(SECONDS)
    assert gate.seen == ["slow", "another call", "behind"]


def test_the_same_call_id_of_another_account_is_another_call(crowd: Crowd, gate: Gate) -> None:
    gate.hold("slow")
    crowd.push("slow")
    gate.wait_for("slow")
    other = crowd.start(lambda control: control.with_account("2").call("c-1").push(say("theirs")))
    other.result(SECONDS)
    gate.let_go("slow")


def test_redirects_stand_in_the_same_queue_as_pushes(crowd: Crowd, gate: Gate) -> None:
    gate.hold("push 1")
    started = [
        crowd.push("push 1"),
        crowd.redirect("redirect 1"),
        crowd.push("push 2"),
        crowd.start(lambda control: control.update_call("c-1", redirect_url=URL, tag="redirect 2")),
        crowd.start(lambda control: control.update_call_bxml("c-1", say("push 3"))),
    ]
    gate.wait_for("push 1")
    gate.let_go("push 1")
    for each in started:
        each.result(SECONDS)
    assert gate.seen == ["push 1", "redirect 1", "push 2", "redirect 2", "push 3"]
    assert gate.most_at_once == 1


def test_handles_options_and_raw_replies_share_one_queue(crowd: Crowd, gate: Gate) -> None:
    gate.hold("first")
    started = [
        crowd.push("first"),
        crowd.start(lambda control: control.with_options(timeout=5).call("c-1").push(say("2"))),
        crowd.start(lambda control: control.with_raw_response.update_call_bxml("c-1", say("3"))),
        crowd.start(lambda control: control.with_account("1").call("c-1").push(say("4"))),
    ]
    gate.wait_for("first")
    assert gate.seen == ["first"]
    gate.let_go("first")
    for each in started:
        each.result(SECONDS)
    assert gate.seen == ["first", "2", "3", "4"]


def test_a_hang_up_waits_for_nobody(crowd: Crowd, gate: Gate) -> None:
    gate.hold("slow")
    slow = crowd.push("slow")
    gate.wait_for("slow")
    behind = crowd.push("behind")
    crowd.hang_up().result(SECONDS)
    assert gate.seen == ["slow", "end"]
    gate.answers["behind"], gate.state = 409, "disconnected"
    gate.let_go("slow")
    slow.result(SECONDS)
    with pytest.raises(CallEnded):
        behind.result(SECONDS)


# One who takes the place of others


def test_a_push_takes_the_place_of_those_that_wait(crowd: Crowd, gate: Gate) -> None:
    """What is under way goes its way; what waits is never sent, and its owners hear of it."""
    gate.hold("under way")
    first = crowd.push("under way")
    gate.wait_for("under way")
    stale = [crowd.push("stale 1"), crowd.push("stale 2")]
    other = crowd.push("another call", "c-2")
    newest = crowd.push("newest", replace_waiting=True)
    for each in stale:
        with pytest.raises(PushReplaced, match="the push into c-1 was not sent") as caught:
            each.result(SECONDS)  # at once, though the gate is shut
        assert (caught.value.call_id, caught.value.outcome) == ("c-1", "not_sent")
        assert caught.value.attempts == ()
    behind = crowd.push("behind")
    assert gate.seen == ["under way", "another call"]
    gate.let_go("under way")
    for each in (first, other, newest, behind):
        assert each.result(SECONDS) is None
    assert gate.seen == ["under way", "another call", "newest", "behind"]


def test_of_many_that_take_the_place_of_others_the_last_is_sent(crowd: Crowd, gate: Gate) -> None:
    gate.hold("under way")
    crowd.push("under way")
    gate.wait_for("under way")
    pushes = [crowd.push(f"{number}", replace_waiting=True) for number in range(20)]
    gate.let_go("under way")
    for push in pushes[:-1]:
        with pytest.raises(PushReplaced):
            push.result(SECONDS)
    pushes[-1].result(SECONDS)
    assert gate.seen == ["under way", "19"]


def test_a_push_that_waits_for_the_answer_gives_way_too(gather: Gather, gate: Gate) -> None:
    """It has been refused, and would be sent again: but a newer one has come."""
    paused, go_on = threading.Event(), threading.Event()

    def pause(_: float) -> None:
        paused.set()
        assert go_on.wait(SECONDS)

    async def apause(seconds: float) -> None:
        await asyncio.to_thread(pause, seconds)

    gate.answers["old"], gate.state = 409, "initiated"
    crowd = gather()
    crowd.controller._wire._pause = pause if isinstance(crowd, Threads) else apause
    old = crowd.push("old", wait_seconds=60)
    assert paused.wait(SECONDS)
    new = crowd.push("new", replace_waiting=True)
    go_on.set()
    with pytest.raises(PushReplaced) as caught:
        old.result(SECONDS)
    new.result(SECONDS)
    assert gate.seen == ["old", "new"]
    assert [each.status for each in caught.value.attempts] == [409]


def test_nothing_waits_and_nothing_is_replaced(crowd: Crowd, gate: Gate) -> None:
    for text in "abc":
        crowd.push(text, replace_waiting=True).result(SECONDS)
    assert gate.seen == ["a", "b", "c"]


# Those who fail or leave let the next one go


@pytest.mark.parametrize("answer", [400, 409, 503, httpx.ReadTimeout("slow")])
def test_a_push_that_fails_lets_the_next_one_go(gather: Gather, gate: Gate, answer: Any) -> None:
    crowd = gather(retry=ONCE)
    gate.hold("bad")
    gate.answers["bad"] = answer
    gate.state = "initiated"
    bad = crowd.push("bad")
    gate.wait_for("bad")
    good = crowd.push("good")
    gate.let_go("bad")
    known = {400: BadRequest, 409: CallNotYetAnswered}
    with pytest.raises(
        known.get(answer, Exception) if isinstance(answer, int) else ConnectionFailed
    ):
        bad.result(SECONDS)
    good.result(SECONDS)
    assert gate.seen == ["bad", "good"]


class Interrupt(BaseException):
    """What Ctrl-C raises, but for the debugger's sake not that itself."""


def test_an_interrupt_while_it_waits_for_its_next_attempt_lets_the_next_one_go(
    gather: Gather, gate: Gate
) -> None:
    gate.hold("first")
    gate.answers["first"] = 503
    crowd = gather()

    def pause(_: float) -> None:
        raise Interrupt

    async def apause(_: float) -> None:
        raise asyncio.CancelledError

    crowd.controller._wire._pause = pause if isinstance(crowd, Threads) else apause
    first = crowd.push("first")
    gate.wait_for("first")
    second = crowd.push("second")
    gate.let_go("first")
    with pytest.raises((Interrupt, asyncio.CancelledError, CancelledError)):
        first.result(SECONDS)
    second.result(SECONDS)
    crowd.push("third").result(SECONDS)
    assert gate.seen == ["first", "second", "third"]


def test_an_interrupt_on_the_wire_lets_the_next_one_go(gate: Gate) -> None:
    gate.answers["first"] = KeyboardInterrupt()
    transport = httpx.MockTransport(gate)
    with CallController("1", auth=Basic("u", "p"), transport=transport) as controller:
        with pytest.raises(KeyboardInterrupt):
            controller.call("c-1").push(say("first"))
        pusher = threading.Thread(
            target=controller.call("c-1").push, args=[say("second")], daemon=True
        )
        pusher.start()
        pusher.join(SECONDS)
        assert not pusher.is_alive()
    assert gate.seen == ["first", "second"]


@pytest.fixture
def tasks(gate: Gate, joined: threading.Semaphore) -> Iterator[Tasks]:
    crowd = Tasks(gate, joined)
    yield crowd
    crowd.close()


def test_a_cancelled_task_gives_its_place_up(tasks: Tasks, gate: Gate) -> None:
    gate.hold("first")
    first = tasks.push("first")
    gate.wait_for("first")
    gone = [tasks.push("gone 1"), tasks.push("gone 2")]
    last = tasks.push("last")
    for each in gone:
        assert each.cancel()
    gate.let_go("first")
    first.result(SECONDS)
    last.result(SECONDS)
    assert gate.seen == ["first", "last"]


def test_a_task_that_is_cancelled_while_it_is_served_lets_the_next_one_go(
    tasks: Tasks, gate: Gate
) -> None:
    gate.hold("first")
    first = tasks.push("first")
    gate.wait_for("first")
    second = tasks.push("second")
    assert first.cancel()
    second.result(SECONDS)  # though the gate still holds the first
    gate.let_go("first")
    assert gate.seen == ["first", "second"]


def test_a_task_that_is_cancelled_at_the_moment_of_its_turn_hands_it_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has been told, it has not gone on yet, and it is cancelled: nobody may wait for ever."""
    seen: list[bytes] = []
    tasks: list[asyncio.Task[None]] = []
    leave = Turns.leave

    def leaving(self: Turns, turn: Turn) -> None:
        leave(self, turn)
        if len(seen) == 1:
            tasks[1].cancel()

    monkeypatch.setattr(Turns, "leave", leaving)

    async def platform(request: httpx.Request) -> httpx.Response:
        seen.append(await request.aread())
        return httpx.Response(204)

    async def run() -> None:
        transport = httpx.MockTransport(platform)
        controller = AsyncCallController("1", auth=Basic("u", "p"), transport=transport)

        async def push(body: bytes) -> None:
            await controller.call("c-1").push(body, unchecked=True)

        async with controller, asyncio.timeout(SECONDS):
            tasks.extend(asyncio.create_task(push(body)) for body in (b"1", b"2", b"3"))
            await tasks[0]
            await tasks[2]

    asyncio.run(run())
    assert tasks[1].cancelled()
    assert seen == [b"1", b"3"]


def test_a_queue_is_kept_only_while_somebody_is_in_it(crowd: Crowd, gate: Gate) -> None:
    """A controller lives for years, and sees millions of calls."""
    for number in range(50):
        crowd.push("x", f"c-{number}").result(SECONDS)
    assert crowd.controller._site.turns._queues == {}
    assert len(gate.seen) == 50
