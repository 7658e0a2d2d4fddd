"""The line has every verb, with the verb's own signature."""

import asyncio
import inspect
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from test_journals import CALL, event, post

import bxml
from bxml import Response
from bxml._declare import python_name
from bxml.verbs import Refer, Transfer
from calls import InvalidRequest
from calls.events import InitiateEvent
from calls.script import (
    HungUp,
    JournalConflict,
    Line,
    MemoryJournal,
    Script,
    Scripts,
)
from calls.script._methods import says
from calls.webhooks import VoiceApp

VERBS = [
    getattr(bxml, name)
    for name in bxml.__all__
    if name != python_name(name) and hasattr(Response, python_name(name))
]


def names_of(function: Any, *, without: int) -> list[str]:
    return list(inspect.signature(function).parameters)[without:]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_every_verb_is_on_the_line_with_its_own_signature(verb: Any) -> None:
    method = getattr(Line, python_name(verb.__name__))
    own = names_of(verb, without=0)
    # Whom a transfer or a refer rings comes first, and is not called children.
    first = 1 if verb in (Transfer, Refer) else 0
    assert names_of(method, without=1)[first:] == own[first:]
    assert str(verb.__doc__).strip().splitlines()[0] in str(method.__doc__)


def test_there_are_as_many_verbs_as_a_document_has() -> None:
    assert len(VERBS) == 26


def test_help_shows_the_parameters() -> None:
    assert "max_digits" in str(inspect.signature(Line.gather))
    assert "Ends the document" in (Line.gather.__doc__ or "")
    assert says(bxml.Pause).__name__ == "pause"


# Memory, and who writes to the journal


async def counting(line: Line) -> None:
    try:
        for number in range(3):
            line.speak_sentence(f"{number}.")
            await line.gather()
    finally:
        line.speak_sentence("Never said.")
        LOG.append(await line.run(str.upper, "tidied"))


LOG: list[Any] = []


def run(scripts: Scripts, *requests: tuple[str, dict[str, Any]]) -> list[tuple[int, str]]:
    async def all_of_them() -> list[tuple[int, str]]:
        app = VoiceApp(scripts)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        found = []
        async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
            for url, body in requests:
                reply = await client.post(url, json=body)
                found.append((reply.status_code, reply.text))
        return found

    return asyncio.run(all_of_them())


def test_a_script_that_leaves_memory_does_nothing_through_its_line() -> None:
    LOG.clear()
    journal = MemoryJournal()
    scripts = Scripts({"/answer": Script(counting)}, journal=journal, most_in_memory=1)
    gather = event("gather", digits="1")
    replies = run(
        scripts,
        ("/answer", event("initiate")),
        ("/answer", event("initiate", callId="c-2")),  # the first one leaves
        ("/answer?script_step=1.1", gather),  # and is run again
        ("/answer?script_step=1.1", gather | {"callId": "c-2"}),
        ("/answer?script_step=1.2", gather),
    )
    assert [status for status, _ in replies] == [200] * 5
    assert ">2.<" in replies[-1][1]
    asyncio.run(scripts.close())
    assert LOG == []


LEAVING = """
import asyncio, gc, httpx
from calls.script import Line, Scripts, script
from calls.webhooks import VoiceApp

@script
async def waiting(line: Line) -> None:
    try:
        await line.gather()
    finally:
        line.speak_sentence("Never said.")
        await line.run(print, "never done")

def begun():
    async def post():
        app = VoiceApp({"/answer": waiting})
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
            assert (await client.post("/answer", json=EVENT)).status_code == 200
        return app
    return asyncio.run(post())

begun()
gc.collect()
kept = begun()
"""


def test_scripts_that_wait_when_a_program_ends_or_forgets_them_leave_quietly() -> None:
    code = LEAVING.replace("EVENT", repr(event("initiate")))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_after_the_end_nothing_is_run_again_for_what_follows() -> None:
    begun: list[str] = []

    async def short(line: Line) -> None:
        begun.append(line.call_id)
        line.speak_sentence("Goodbye.")

    scripts = Scripts({"/answer": Script(short)})
    replies = run(
        scripts,
        ("/answer", event("initiate")),
        ("/answer", event("initiate")),
        ("/answer", event("disconnect", cause="hangup")),
        ("/answer", event("disconnect", cause="hangup")),
    )
    assert [status for status, _ in replies] == [200, 200, 204, 204]
    assert replies[0] == replies[1]
    assert begun == [CALL]


def test_an_event_of_a_call_without_a_script_is_nobodys() -> None:
    scripts = Scripts({"/answer": Script(counting)})
    replies = run(
        scripts,
        ("/answer", event("disconnect", cause="hangup")),
        ("/answer", event("dtmf", digit="1")),
    )
    assert [status for status, _ in replies] == [204, 204]


class Overtaken(MemoryJournal):
    """A journal into which somebody else writes first, now and then: a lease that ran out."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    async def append(self, call_id: str, after: int, entries: Any, until: float) -> None:
        if after and self.times:
            self.times -= 1
            # Another worker answers the same event.
            await super().append(call_id, after, entries, until)
        await super().append(call_id, after, entries, until)


def test_who_was_overtaken_gives_the_answer_that_the_other_gave() -> None:
    journal = Overtaken(1)
    replies = run(
        Scripts({"/answer": Script(counting)}, journal=journal),
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="1")),
        ("/answer?script_step=1.2", event("gather", digits="1")),
    )
    assert [status for status, _ in replies] == [200, 200, 200]
    assert ">2.<" in replies[-1][1]
    assert len(asyncio.run(journal.read(CALL))) == 3


class Full(MemoryJournal):
    """A journal that somebody else always writes into."""

    async def append(self, call_id: str, after: int, entries: Any, until: float) -> None:
        if after:
            raise JournalConflict("full")
        await super().append(call_id, after, entries, until)


def test_who_is_overtaken_again_and_again_gives_up(caplog: Any) -> None:
    replies = run(
        Scripts({"/answer": Script(counting)}, journal=Full()),
        ("/answer", event("initiate")),
        ("/answer?script_step=1.1", event("gather", digits="1")),
    )
    assert replies[-1][0] == 500
    assert "keep writing" in caplog.text


def test_scripts_answer_in_one_application_and_are_a_mapping() -> None:
    scripts = Scripts({"/answer": Script(counting)})
    assert (list(scripts), len(scripts)) == (["/answer"], 1)
    first = VoiceApp(scripts)
    with pytest.raises(InvalidRequest, match="another application"):
        VoiceApp(scripts)
    assert first.path_for(InitiateEvent) == "/answer"


@pytest.mark.parametrize(
    "options",
    [
        {"retention": timedelta(0)},
        {"retention": 60},
        {"most_in_memory": -1},
        {"most_in_memory": True},
    ],
)
def test_options_that_cannot_be_are_refused(options: Any) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(options))):
        Scripts({}, **options)


def test_several_workers_with_a_journal_in_memory_are_warned(
    caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing  # noqa: PLC0415

    monkeypatch.setattr(multiprocessing, "parent_process", object)
    run(
        Scripts({"/answer": Script(counting)}),
        ("/answer", event("initiate")),
        ("/answer", event("initiate")),
    )
    assert caplog.text.count("looks like one of several workers") == 1


def test_a_script_that_goes_on_asking_after_a_hang_up_is_stopped(caplog: Any) -> None:
    async def stubborn(line: Line) -> None:
        while True:
            try:
                await line.gather()
            except HungUp:
                continue

    replies = run(
        Scripts({"/answer": Script(stubborn)}),
        ("/answer", event("initiate")),
        ("/answer", event("disconnect", cause="hangup")),
    )
    assert replies[-1][0] == 500
    assert "goes on asking after the caller is gone" in caplog.text


def test_entries_have_the_time_that_was_handed_in() -> None:
    journal = MemoryJournal()
    past = datetime(2001, 1, 1, tzinfo=UTC)
    scripts = Scripts({"/answer": Script(counting)}, journal=journal, now=lambda: past)
    assert post(scripts, "/answer", event("initiate"))[0] == 200
    assert b"2001-01-01T00:00:00Z" in next(iter(asyncio.run(journal.read(CALL))))
