"""Journals: in memory, in a file, in Redis. What one holds, and whom it lets have a call."""

import asyncio
import multiprocessing
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from bxml import Response
from calls import InvalidRequest
from calls.script import (
    Journal,
    JournalConflict,
    JournalFailed,
    Line,
    MemoryJournal,
    ReplayError,
    Script,
    Scripts,
)
from calls.script.journals.redis import RedisJournal
from calls.script.journals.sqlite import SQLiteJournal
from calls.webhooks import VoiceApp

CALL = "c-0a1b2c3d"
LATER = 4_000_000_000.0


@pytest.fixture(params=["memory", "sqlite", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Journal]:
    """Opens one journal, as often as one likes."""
    if request.param == "memory":
        kept = MemoryJournal()
        return lambda: kept
    if request.param == "sqlite":
        return lambda: SQLiteJournal(tmp_path / "journal")
    url = request.getfixturevalue("redis_url")
    prefix = f"{tmp_path.name}:"
    return lambda: RedisJournal(url, prefix=prefix, lease_seconds=0.3)


def test_what_is_written_is_read_in_order_by_whoever_opens_it(
    opened: Callable[[], Journal],
) -> None:
    async def work() -> None:
        journal = opened()
        await journal.append(CALL, 0, [b"one", b"\0two"], LATER)
        await journal.append(CALL, 2, [b"three"], LATER)
        await journal.append("c-other", 0, [b"other"], LATER)
        await journal.close()
        again = opened()
        assert list(await again.read(CALL)) == [b"one", b"\0two", b"three"]
        assert list(await again.read(CALL, 2)) == [b"three"]
        assert list(await again.read("c-unknown")) == []
        await again.close()

    asyncio.run(work())


def test_who_knows_of_fewer_entries_than_there_are_writes_nothing(
    opened: Callable[[], Journal],
) -> None:
    async def work() -> None:
        journal, other = opened(), opened()
        await journal.append(CALL, 0, [b"one"], LATER)
        with pytest.raises(JournalConflict):
            await other.append(CALL, 0, [b"two", b"three"], LATER)
        assert list(await journal.read(CALL)) == [b"one"]
        await journal.close()
        await other.close()

    asyncio.run(work())


def test_calls_are_removed_when_they_need_not_be_kept_any_more(
    opened: Callable[[], Journal],
) -> None:
    async def work() -> None:
        journal = opened()
        now = datetime.now(UTC).timestamp()
        await journal.append(CALL, 0, [b"old"], now + 0.05)
        await journal.append("c-kept", 0, [b"old"], now + 0.05)
        await journal.append("c-kept", 1, [b"new"], LATER)
        while await journal.read(CALL):  # Redis removes them by its own clock
            await journal.forget(datetime.now(UTC).timestamp())
            await asyncio.sleep(0.01)
        assert list(await journal.read("c-kept")) == [b"old", b"new"]
        await journal.close()

    asyncio.run(work())


@pytest.mark.parametrize("opened", ["sqlite", "redis"], indirect=True)
def test_a_call_is_had_by_one_at_a_time(opened: Callable[[], Journal]) -> None:
    inside = 0

    async def work() -> None:
        journals = [opened() for _ in range(5)]

        async def take_it(journal: Journal) -> None:
            nonlocal inside
            for _ in range(10):
                await journal.hold(CALL)
                inside += 1
                assert inside == 1
                await asyncio.sleep(0.001)
                inside -= 1
                await journal.release(CALL)

        await asyncio.gather(*map(take_it, journals))
        # Another call is free meanwhile.
        await journals[0].hold(CALL)
        await asyncio.wait_for(journals[1].hold("c-other"), 5)
        for journal in journals:
            await journal.close()

    asyncio.run(work())


def test_who_takes_longer_than_a_lease_keeps_the_call(redis_url: str, tmp_path: Path) -> None:
    async def work() -> None:
        first, second = (
            RedisJournal(redis_url, prefix=f"{tmp_path.name}:", lease_seconds=0.2) for _ in range(2)
        )
        await first.hold(CALL)
        waiting = asyncio.ensure_future(second.hold(CALL))
        done, _ = await asyncio.wait([waiting], timeout=0.7)
        assert not done, "it was renewed"
        await first.release(CALL)
        await asyncio.wait_for(waiting, 5)
        await second.release(CALL)
        await first.close()
        await second.close()

    asyncio.run(work())


HOLDER = """
import asyncio, sys
from calls.script.journals.sqlite import SQLiteJournal
async def main():
    await SQLiteJournal(sys.argv[1]).hold("c-0a1b2c3d")
    print("held", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_a_process_that_is_killed_leaves_its_calls_to_others_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    holder = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    async def take_over() -> None:
        journal = SQLiteJournal(path)
        waiting = asyncio.ensure_future(journal.hold(CALL))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        holder.kill()
        holder.wait()
        await asyncio.wait_for(waiting, 5)
        await journal.close()

    asyncio.run(take_over())
    holder.stdout.close()


def test_a_journal_goes_into_no_process_that_is_forked(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "journal")
    asyncio.run(journal.append(CALL, 0, [b"parent"], LATER))

    def child() -> None:
        asyncio.run(journal.append(CALL, 1, [b"child"], LATER))
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(20)
    assert process.exitcode == 0
    assert list(asyncio.run(journal.read(CALL))) == [b"parent", b"child"]
    asyncio.run(journal.close())


def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    text, database = tmp_path / "text", tmp_path / "database"
    text.write_text("not a database at all " * 100)
    with sqlite3.connect(database) as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()
    for path, words in ((text, "not a database"), (database, "no journal of scripts")):
        before = path.read_bytes()
        with pytest.raises(JournalFailed, match=words):
            asyncio.run(SQLiteJournal(path).read(CALL))
        assert path.read_bytes() == before
    with pytest.raises(JournalFailed, match="cannot be used"):
        asyncio.run(SQLiteJournal(tmp_path / "no" / "such" / "folder").read(CALL))


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = SQLiteJournal(path)
    asyncio.run(journal.append(CALL, 0, [b"x"], LATER))
    asyncio.run(journal.close())
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(JournalFailed, match="version 99"):
        asyncio.run(SQLiteJournal(path).read(CALL))


def test_a_redis_that_is_not_there_is_told_without_its_password() -> None:
    journal = RedisJournal("redis://:hunter2@127.0.0.1:1/0")

    async def read() -> None:
        with pytest.raises(JournalFailed) as caught:
            await journal.read(CALL)
        assert "hunter2" not in str(caught.value)
        with pytest.raises(JournalFailed):
            await journal.hold(CALL)
        await journal.close()

    asyncio.run(read())
    assert "hunter2" not in repr(journal)


# What the entries are


async def counting(line: Line) -> None:
    key = await line.menu("Press.", keys="1234567890")
    line.speak_sentence(f"{key} at {line.now:%H}.")
    await line.gather()


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": "2026-03-04T10:15:30.250Z",
        "accountId": "9900000",
        "applicationId": "app-1",
        "from": "+15550199001",
        "to": "+15550100",
        "direction": "inbound",
        "callId": CALL,
        "callUrl": f"https://voice.example.com/calls/{CALL}",
        **more,
    }


def post(scripts: Scripts, url: str, body: dict[str, Any], **options: Any) -> tuple[int, str]:
    async def send() -> tuple[int, str]:
        transport = httpx.ASGITransport(VoiceApp(scripts, **options), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
            reply = await client.post(url, json=body)
        await scripts.close()
        return reply.status_code, reply.text

    return asyncio.run(send())


def test_journals_are_kept_as_long_as_the_author_says() -> None:
    journal = MemoryJournal()
    time = datetime(2026, 3, 4, tzinfo=UTC)

    def scripts() -> Scripts:
        return Scripts(
            {"/answer": Script(counting)},
            journal=journal,
            retention=timedelta(hours=2),
            now=lambda: time,
        )

    assert post(scripts(), "/answer", event("initiate"))[0] == 200
    time += timedelta(hours=1, minutes=59)
    assert post(scripts(), "/answer", event("initiate", callId="c-2"))[0] == 200
    assert len(asyncio.run(journal.read(CALL))) == 1
    time += timedelta(minutes=2)
    assert post(scripts(), "/answer", event("initiate", callId="c-3"))[0] == 200
    assert len(asyncio.run(journal.read(CALL))) == 0
    assert len(asyncio.run(journal.read("c-2"))) == 1


def test_what_callers_press_is_encrypted_by_a_key_that_can_be_changed() -> None:
    journal = MemoryJournal()
    old, new = Fernet.generate_key(), Fernet.generate_key()

    def scripts(key: Any) -> Scripts:
        return Scripts({"/answer": Script(counting)}, journal=journal, key=key)

    post(scripts(old), "/answer", event("initiate"))
    gather = event("gather", digits="7")
    first = post(scripts([new, old]), "/answer?script_step=1.1", gather)
    assert "7 at" in first[1]
    held = b"".join(asyncio.run(journal.read(CALL)))
    assert b"digits" not in held
    assert b"5550199001" not in held
    # Without the old one, and without any, it is told, and nothing of what is in it.
    for key in (new, None):
        assert post(scripts(key), "/answer?script_step=1.2", gather)[0] == 500


def test_an_entry_counts_only_where_it_was_written(caplog: Any) -> None:
    journal = MemoryJournal()
    key = Fernet.generate_key().decode()

    def scripts() -> Scripts:
        return Scripts({"/answer": Script(counting)}, journal=journal, key=key)

    post(scripts(), "/answer", event("initiate"))
    stolen = list(asyncio.run(journal.read(CALL)))
    asyncio.run(journal.append("c-other", 0, stolen, LATER))
    status, _ = post(
        scripts(), "/answer?script_step=1.1", event("gather", callId="c-other", digits="7")
    )
    assert (status, "belongs elsewhere" in caplog.text) == (500, True)


@pytest.mark.parametrize("key", ["hunter2", b"", [], ["x" * 44]])
def test_a_key_that_is_none_is_refused_and_not_told(key: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Scripts({}, key=key)
    assert "hunter2" not in str(caught.value)


def test_a_journal_holds_no_credentials() -> None:
    journal = MemoryJournal()
    post(
        Scripts({"/answer": Script(counting)}, journal=journal),
        "/answer",
        event("initiate"),
        public_url="https://x.example",
    )
    app = VoiceApp(
        Scripts({"/answer": Script(counting)}, journal=journal),
        credentials={"platform": "hunter2"},
        public_url="https://x.example",
    )

    async def gather() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, auth=("platform", "hunter2")) as client:
            url = "https://x.example/answer?script_step=1.1"
            return await client.post(url, json=event("gather", digits="7"))

    assert "hunter2" in asyncio.run(gather()).text, "the verb that leads back has them"
    assert b"hunter2" not in b"".join(asyncio.run(journal.read(CALL)))


# Replays


def told(first: Any, second: Any, caplog: Any, **gather: Any) -> tuple[tuple[int, str], str]:
    """What a call hears that begins with one script, and goes on with another of the same name."""
    journal = MemoryJournal()
    second.__qualname__ = first.__qualname__
    sorry = Response().speak_sentence("Sorry.")
    for url, body in (
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="7")),
    ):
        post(Scripts({"/answer": Script(first)}, journal=journal), url, body)
    before = list(asyncio.run(journal.read(CALL)))
    reply = post(
        Scripts({"/answer": Script(second, sorry)}, journal=journal),
        "/answer?script_step=1.3",
        event("gather", digits="8", **gather),
    )
    assert list(asyncio.run(journal.read(CALL))) == before, "it is left for the former code"
    return reply, caplog.text


async def straight(line: Line) -> None:
    await line.gather()
    await line.run(str.upper, "x")
    await line.gather()


async def asks_for_another(line: Line) -> None:
    await line.record()
    await line.run(str.upper, "x")
    await line.gather()


async def runs_another(line: Line) -> None:
    await line.gather()
    await line.run(str.lower, "x")
    await line.gather()


async def has_one_more(line: Line) -> None:
    await line.gather()
    await line.heard()
    await line.run(str.upper, "x")
    await line.gather()


async def ends_early(line: Line) -> None:
    await line.gather()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (asks_for_another, "step 1: the journal holds gather, and the script asks for record"),
        (
            runs_another,
            "step 2: the journal holds run builtins.str.upper, and the script asks for run",
        ),
        (
            has_one_more,
            "step 2: the journal holds run builtins.str.upper, and the script asks for heard",
        ),
        (ends_early, "and the script asks for nothing: it has ended"),
    ],
)
def test_a_script_that_was_changed_stops_and_says_where(
    changed: Any, words: str, caplog: Any
) -> None:
    reply, logged = told(straight, changed, caplog)
    assert reply == (200, str(Response().speak_sentence("Sorry.")))
    assert words in logged


def test_a_script_that_is_gone_is_told(caplog: Any) -> None:
    journal = MemoryJournal()
    post(Scripts({"/answer": Script(straight)}, journal=journal), "/answer", event("initiate"))
    scripts = Scripts({"/answer": Script(counting)}, journal=journal)
    assert post(scripts, "/answer?script_step=1.1", event("gather"))[0] == 500
    assert "straight" in caplog.text
    assert "counting" in caplog.text


def test_a_call_of_which_nothing_is_known_is_told_what_to_do(caplog: Any) -> None:
    scripts = Scripts({"/answer": Script(straight)})
    assert post(scripts, "/answer?script_step=1.1", event("gather"))[0] == 500
    assert "only a journal in a file or in Redis knows its calls" in caplog.text


@pytest.mark.parametrize("step", ["x", "1", "1.", "1.99", "9.1", "-1.1", "1." + "9" * 99])
def test_a_step_that_cannot_be_is_no_step(step: str) -> None:
    journal = MemoryJournal()
    post(Scripts({"/answer": Script(straight)}, journal=journal), "/answer", event("initiate"))
    scripts = Scripts({"/answer": Script(straight)}, journal=journal)
    assert post(scripts, f"/answer?script_step={step}", event("gather", digits="1"))[0] == 500
    assert len(asyncio.run(journal.read(CALL))) == 1


def test_an_event_that_nobody_waits_for_is_answered_with_the_same_once_more(caplog: Any) -> None:
    scripts = Scripts({"/answer": Script(straight)}, journal=(journal := MemoryJournal()))
    first = post(scripts, "/answer", event("initiate"))
    again = Scripts({"/answer": Script(straight)}, journal=journal)
    assert post(again, "/answer?script_step=1.1", event("redirect")) == first
    assert "waits for gather and was told of redirect" in caplog.text
    dtmf = Scripts({"/answer": Script(straight)}, journal=journal)
    assert post(dtmf, "/answer?script_step=1.1", event("dtmf", digit="1")) == (204, "")


def test_errors_can_be_pickled() -> None:
    import pickle  # noqa: PLC0415

    error = ReplayError(3, "gather", "record")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.step, copy.recorded, copy.asked) == (str(error), 3, "gather", "record")
