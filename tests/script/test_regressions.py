"""Faults that were found by those who tried to break scripts, one test each."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct
from test_journals import CALL, LATER, event
from test_line import run

from bxml import Response
from calls import AsyncCallController, Basic, InvalidRequest
from calls.script import (
    HungUp,
    JournalFailed,
    Line,
    MemoryJournal,
    Script,
    ScriptError,
    Scripts,
    script,
)
from calls.script.journals.redis import RedisJournal
from calls.script.journals.sqlite import SQLiteJournal
from calls.webhooks import VoiceApp


def post(app: VoiceApp, url: str, body: dict[str, Any]) -> Any:
    """Post an event, from within an event loop."""

    async def send() -> tuple[int, str]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
            reply = await client.post(url, json=body)
        return reply.status_code, reply.text

    return send()


# Questions


def test_a_check_that_is_to_be_awaited_is_awaited() -> None:
    class Verifies:
        async def __call__(self, digits: str) -> bool:
            return digits == "4711"

    async def asks(line: Line) -> None:
        await line.ask("PIN?", digits=4, check=Verifies(), invalid="Wrong.")
        line.speak_sentence("Right.")

    scripts = Scripts({"/answer": Script(asks)})
    replies = run(
        scripts,
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="0000")),
        ("/answer?script_step=1.3", event("gather", digits="4711")),
    )
    assert "Wrong." in replies[1][1]
    assert "Right." in replies[2][1]


@pytest.mark.parametrize("came", [{"digits": "12"}, {"digits": "", "terminatingDigit": "#"}])
def test_what_is_no_key_is_none_of_a_menu(came: dict[str, str]) -> None:
    async def chooses(line: Line) -> None:
        await line.menu("Press.", keys="123", invalid="No.")

    scripts = Scripts({"/answer": Script(chooses)})
    replies = run(
        scripts,
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", **came)),
    )
    assert "No." in replies[1][1]


# Runs that take long


def test_a_hang_up_during_a_slow_run_is_not_lost() -> None:
    log: list[str] = []

    async def slow(line: Line) -> None:
        try:
            await line.run(asyncio.sleep, 0.15)
            await line.gather()
        except HungUp:
            log.append("hung up")
            raise
        finally:
            await line.run(log.append, "tidied")

    async def call() -> None:
        app = VoiceApp({"/answer": Script(slow)}, reply_seconds=0.03)
        assert (await post(app, "/answer", event("initiate")))[0] == 503
        await post(app, "/answer", event("disconnect", cause="hangup"))
        while log[-1:] != ["tidied"]:  # noqa: ASYNC110  # nobody tells when it is
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(call(), 10))
    assert log == ["hung up", "tidied"]


def test_a_slow_run_of_a_script_that_begins_anew_is_not_lost() -> None:
    ran: list[str] = []

    async def slow() -> None:
        ran.append("begun")
        await asyncio.sleep(0.1)
        ran.append("done")

    async def begins(line: Line) -> None:
        if line.event.event_type == "redirect":
            await line.run(slow)
            line.speak_sentence("Here.")
        await line.gather()

    async def call() -> str:
        app = VoiceApp({"/answer": Script(begins)}, reply_seconds=0.05)
        await post(app, "/answer", event("initiate"))
        assert (await post(app, "/answer", event("redirect")))[0] == 503
        while True:
            status, text = await post(app, "/answer", event("redirect"))
            if status == 200:
                return str(text)

    assert "Here." in asyncio.run(asyncio.wait_for(call(), 10))
    assert ran == ["begun", "done"]


def test_a_late_event_gets_its_own_answer_also_when_something_is_still_to_be_run() -> None:
    journal = MemoryJournal()
    dies = [True]

    def second() -> str:
        if dies:
            raise KeyboardInterrupt  # the process ends here
        return "two"

    async def two_runs(line: Line) -> None:
        await line.gather()
        line.speak_sentence(await line.run(str.upper, "one"))
        await line.gather()
        line.speak_sentence(await line.run(second))
        await line.gather()

    def scripts() -> Scripts:
        return Scripts({"/answer": Script(two_runs)}, journal=journal)

    first = run(
        scripts(),
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="1")),
    )
    entry = b'["came",3,"gather","2026-03-04T10:15:30.250Z",%s]'
    content = httpx.Request("POST", "https://x", json=event("gather", digits="2")).content
    asyncio.run(journal.append(CALL, 3, [entry % content], LATER))
    dies.clear()
    assert run(scripts(), ("/answer?script_step=1.1", event("gather", digits="1"))) == first[1:]


class Flaky(MemoryJournal):
    """A journal that cannot be written for a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = 0

    async def append(self, call_id: str, after: int, entries: Any, until: float) -> None:
        if self.fails:
            self.fails -= 1
            raise JournalFailed("for a moment")
        await super().append(call_id, after, entries, until)


def test_a_result_is_written_when_the_journal_is_there_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calls.script._runs.TRY_AGAIN_SECONDS", 0.001)
    journal = Flaky()
    ran: list[str] = []

    async def runs(line: Line) -> None:
        await line.gather()
        journal.fails = 3
        await line.run(ran.append, "x")
        line.speak_sentence("Done.")

    replies = run(
        Scripts({"/answer": Script(runs)}, journal=journal),
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="1")),
    )
    assert ("Done." in replies[1][1], ran) == (True, ["x"])


# Names and types


def named(words: str) -> Script[[], None]:
    @script
    async def of_a_factory(line: Line) -> None:
        line.speak_sentence(words)

    return of_a_factory


def test_two_scripts_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="two have that of"):
        Scripts({"/sales": named("Sales."), "/support": named("Support.")})
    one = named("Both.")
    assert len(Scripts({"/sales": one, "/support": one})) == 2


class First(Struct):
    x: int


class Second(Struct):
    y: int


def test_a_type_that_cannot_be_told_from_json_is_refused_before_anything_runs() -> None:
    ran: list[str] = []

    def either() -> First | Second:
        ran.append("x")
        return First(1)

    async def asks(line: Line) -> None:
        with pytest.raises(ScriptError, match="cannot be read as"):
            await line.run(either)
        line.speak_sentence("Refused.")

    replies = run(Scripts({"/answer": Script(asks)}), ("/answer", event("initiate")))
    assert ("Refused." in replies[0][1], ran) == (True, [])


def test_a_result_in_place_of_a_function_is_not_told() -> None:
    async def slips(line: Line) -> None:
        secret: Any = "4711"
        with pytest.raises(ScriptError) as caught:
            await line.run(secret)
        assert "4711" not in str(caught.value)
        plain: Any = str.upper
        with pytest.raises(ScriptError, match="takes a script"):
            await line.hand_over(plain)
        line.speak_sentence("Told.")

    assert "Told." in run(Scripts({"/answer": Script(slips)}), ("/answer", event("initiate")))[0][1]


# Leaving


STUBBORN = """
import asyncio, httpx, logging
logging.basicConfig(level=logging.ERROR)
from calls.script import Line, Scripts, script
from calls.webhooks import VoiceApp

@script
async def stubborn(line: Line) -> None:
    while True:
        try:
            await line.gather()
        except:
            pass

scripts = Scripts({"/answer": stubborn}, most_in_memory=0)

async def call():
    transport = httpx.ASGITransport(VoiceApp(scripts), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
        for event in (BEGINS, ENDS):
            print((await client.post("/answer", json=event)).status_code)

asyncio.run(call())
"""


def test_a_script_that_catches_everything_can_be_ended_and_dropped() -> None:
    """In a process of its own: Python complains of such a function, whoever drops it."""
    code = STUBBORN.replace("BEGINS", repr(event("initiate")))
    code = code.replace("ENDS", repr(event("disconnect", cause="hangup")))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["200", "500"]
    assert "goes on asking after the caller is gone" in done.stderr


# Messages


def test_what_a_call_runs_sends_it_no_message_and_waits_not_for_ever_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calls.script.scripts.MOST_SECONDS_FOR_ANOTHER", 0.05)
    holder: list[Scripts] = []

    async def tells(line: Line) -> None:
        other = "c-2" if line.call_id == CALL else CALL
        for call_id in (line.call_id, other):
            try:
                await line.run(holder[0].send, call_id, "x")
            except Exception as error:  # noqa: BLE001
                line.speak_sentence(f"{error} {error.__cause__}")

    controller = AsyncCallController(
        "9900000",
        auth=Basic("user", "password"),
        transport=httpx.MockTransport(lambda _: httpx.Response(204)),
    )
    scripts = Scripts({"/answer": Script(tells)}, controller=controller)
    holder.append(scripts)
    app = VoiceApp(scripts, public_url="https://x.example")

    async def both() -> tuple[Any, Any]:
        return await asyncio.gather(
            post(app, "/answer", event("initiate")),
            post(app, "/answer", event("initiate", callId="c-2")),
        )

    for status, text in asyncio.run(asyncio.wait_for(both(), 10)):
        assert status == 200
        assert "cannot be sent a message by what it runs itself" in text


# Journals


def test_threads_that_first_use_a_file_at_once_open_it_once(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "journal")

    def use(number: int) -> None:
        async def work() -> None:
            await journal.hold(f"c-{number}")
            await journal.append(f"c-{number}", 0, [b"x"], LATER)
            await journal.release(f"c-{number}")

        asyncio.run(work())

    threads = [threading.Thread(target=use, args=(each,)) for each in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    async def all_free() -> None:
        other = SQLiteJournal(tmp_path / "journal")
        for number in range(16):
            await asyncio.wait_for(other.hold(f"c-{number}"), 5)
            assert list(await other.read(f"c-{number}")) == [b"x"]
        await other.close()
        await journal.close()

    asyncio.run(all_free())


OPENER = """
import asyncio, sys
from calls.script.journals.sqlite import SQLiteJournal
sys.stdin.readline()
for number in range(15):
    asyncio.run(SQLiteJournal(f"{sys.argv[1]}-{number}").append(sys.argv[2], 0, [b"x"], 4e9))
"""


def test_processes_that_first_use_a_file_at_once_all_find_a_journal(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENER, str(tmp_path / "journal")]
    openers = [
        subprocess.Popen(  # noqa: S603
            [*command, f"c-{each}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for each in range(4)
    ]
    for each in openers:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in openers:
        _, errors = each.communicate(timeout=60)
        assert (each.returncode, errors) == (0, "")


def test_a_child_that_was_forked_keeps_none_of_its_parents_calls(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    ready, done = multiprocessing.get_context("fork").Pipe()

    def parent() -> None:
        journal = SQLiteJournal(path)
        asyncio.run(journal.hold(CALL))
        child = os.fork()
        if child == 0:
            os.setsid()
            threading.Event().wait(5)
            os._exit(0)
        done.send(child)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=parent)
    process.start()
    child = ready.recv()
    process.join(10)

    async def take() -> None:
        journal = SQLiteJournal(path)
        await asyncio.wait_for(journal.hold(CALL), 3)
        await journal.close()

    try:
        asyncio.run(take())
    finally:
        os.kill(child, 9)


def test_a_journal_that_has_expired_is_not_gone_on_with(tmp_path: Path) -> None:
    async def work() -> None:
        journal = SQLiteJournal(tmp_path / "journal")
        await journal.append(CALL, 0, [b"one"], 5.0)
        await journal.forget(6.0)
        with pytest.raises(ScriptError):
            await journal.append(CALL, 1, [b"two"], LATER)
        assert list(await journal.read(CALL)) == []
        await journal.close()

    asyncio.run(work())


def test_connections_of_loops_that_are_closed_are_forgotten(redis_url: str) -> None:
    journal = RedisJournal(redis_url)
    for _ in range(5):
        asyncio.run(_used(journal))
    assert len(journal._clients) == 1


async def _used(journal: RedisJournal) -> None:
    await journal.read(CALL)
    await journal._client().aclose()


def test_a_hold_is_renewed_though_the_server_was_away_for_a_moment(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.asyncio.lock import Lock  # noqa: PLC0415
    from redis.exceptions import ConnectionError as Away  # noqa: PLC0415

    reacquire, away = Lock.reacquire, [1]

    async def sometimes(self: Lock) -> bool:
        if away:
            away.pop()
            raise Away("for a moment")
        return bool(await reacquire(self))

    monkeypatch.setattr(Lock, "reacquire", sometimes)

    async def work() -> None:
        first, second = (
            RedisJournal(redis_url, prefix=f"{tmp_path.name}:", lease_seconds=0.3) for _ in range(2)
        )
        await first.hold(CALL)
        waiting = asyncio.ensure_future(second.hold(CALL))
        done, _ = await asyncio.wait([waiting], timeout=0.9)
        assert not done
        await first.release(CALL)
        await asyncio.wait_for(waiting, 5)
        await second.release(CALL)
        await first.close()
        await second.close()

    asyncio.run(work())
    assert not away


def test_a_failure_while_the_call_begins_anew_is_logged(caplog: Any) -> None:
    async def fails_at_its_end(line: Line) -> None:
        try:
            await line.gather()
        finally:
            if line.event.event_type == "redirect":
                raise LookupError("not tidied")

    app_of = Scripts({"/answer": Script(fails_at_its_end, Response())})
    replies = run(app_of, ("/answer", event("initiate")), ("/answer", event("redirect")))
    assert [status for status, _ in replies] == [200, 200]
    assert "not tidied" in caplog.text
    asyncio.run(app_of.close())
