"""What a script costs, beside a plain handler that answers the same event with the same document.

    python tests/benchmarks/scripts.py --rounds 9

By turns, in one run: an event goes on with a script that waits in memory; with one that is run again
from a journal of twenty steps, in an SQLite file; and to a plain handler. And, in processes of their
own, how much memory calls take that wait.
"""

import argparse
import asyncio
import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bxml import Gather, Response
from calls.events import GatherEvent
from calls.script import Journal, Line, MemoryJournal, Scripts, script
from calls.script.journals.sqlite import SQLiteJournal
from calls.webhooks import VoiceApp

STEPS = 20
FIELDS = {
    "eventTime": "2026-03-04T10:15:30.250Z",
    "accountId": "9900000",
    "applicationId": "0f0e0d0c-1111-4222-8333-444455556666",
    "from": "+15550100001",
    "to": "+15550100002",
    "direction": "inbound",
    "callUrl": "https://voice.bandwidth.com/api/v2/accounts/9900000/calls/",
    "startTime": "2026-03-04T10:15:20.100Z",
    "answerTime": "2026-03-04T10:15:24.000Z",
}


@script
async def asking(line: Line) -> None:
    """A menu, again and again."""
    line.speak_sentence("Welcome to Acme.", voice="julie")
    while True:
        heard = await line.gather(max_digits=1, first_digit_timeout=8)
        line.speak_sentence(f"You pressed {heard.digits}.", voice="julie")


plain = VoiceApp()


@plain.on("/answer")
async def answer(event: GatherEvent) -> Response:
    """The same document."""
    url = plain.url_for(answer) + "?script_step=1.2"
    gather = Gather(gather_url=url, gather_fallback_url=url, max_digits=1, first_digit_timeout=8)
    words = f"You pressed {event.digits}."
    return Response().speak_sentence(words, voice="julie").then(gather)


def body(kind: str, number: int, **more: str) -> bytes:
    """An event of the how manieth call."""
    call_id = f"c-{number:08}-6e5cb874-7220-4c4b-bdd8-425aee38b2ea"
    fields = {"eventType": kind, **FIELDS, "callId": call_id, **more}
    return msgspec.json.encode(fields)


async def post(app: VoiceApp, query: bytes, content: bytes) -> bytes:
    """What an application answers, given to it directly."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/answer",
        "raw_path": b"/answer",
        "query_string": query,
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"host", b"app.example.com")],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] in (200, 204), sent
    found: bytes = sent[1]["body"]
    return found


def with_scripts(journal: Journal, *, most_in_memory: int = 1_000_000) -> VoiceApp:
    """An application with the script."""
    return VoiceApp(Scripts({"/answer": asking}, journal=journal, most_in_memory=most_in_memory))


async def begun(app: VoiceApp, calls: int, steps: int = 0) -> None:
    """Begin some calls, and go some steps with each."""
    for number in range(calls):
        await post(app, b"", body("initiate", number))
        for step in range(1, steps + 1):
            query = b"script_step=1.%d" % step
            await post(app, query, body("gather", number, digits=str(step % 10)))


async def timed(work: Callable[[], Coroutine[Any, Any, object]], times: int) -> float:
    """Microseconds of one of so many."""
    gc.collect()
    start = time.perf_counter()
    await work()
    return (time.perf_counter() - start) / times * 1e6


async def measured(rounds: int, calls: int, folder: Path) -> list[tuple[float, float, float]]:
    """For each round: the plain handler, the script in memory, the script from its journal."""
    found = []
    for each in range(rounds):
        in_memory = with_scripts(MemoryJournal())
        await begun(in_memory, calls)
        journal = SQLiteJournal(folder / f"journal-{each}")
        await begun(with_scripts(journal), calls, STEPS - 1)
        on_disk = with_scripts(journal, most_in_memory=0)
        gathers = [body("gather", number, digits=str(number % 10)) for number in range(calls)]

        async def give(app: VoiceApp, query: bytes, events: list[bytes] = gathers) -> None:
            for content in events:
                await post(app, query, content)

        row = (
            await timed(partial(give, plain, b"script_step=1.1"), calls),
            await timed(partial(give, in_memory, b"script_step=1.1"), calls),
            await timed(partial(give, on_disk, b"script_step=1.%d" % STEPS), calls),
        )
        found.append(row)
        await journal.close()
    return found


def waiting(calls: int) -> None:
    """Let calls wait at their third step, and print the kilobytes that each of them takes."""
    app = with_scripts(MemoryJournal())
    asyncio.run(begun(app, 100, 2))  # whatever is made once
    before = resident()
    asyncio.run(begun(app, calls, 2))
    print((resident() - before) / (calls - 100))


def resident() -> float:
    """Kilobytes of memory that this process has at the moment."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024


def memory(calls: int) -> float:
    """Kilobytes that a call takes, in a process in which so many of them wait."""
    command = [sys.executable, __file__, "--waiting", str(calls)]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)  # noqa: S603


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the comparison")
    parser.add_argument("--calls", type=int, default=500, help="calls in a round")
    parser.add_argument("--waiting", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.waiting is not None:
        waiting(options.waiting)
        return
    first = asyncio.run(post(plain, b"script_step=1.1", body("gather", 0, digits="7")))
    app = with_scripts(MemoryJournal())
    asyncio.run(begun(app, 1))
    second = asyncio.run(post(app, b"script_step=1.1", body("gather", 0, digits="7")))
    assert first == second, "they do not answer alike"
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measured(options.rounds, options.calls, Path(folder)))
    python = ".".join(map(str, sys.version_info[:3]))
    print(f"CPython {python}, {options.rounds} rounds; µs an event; medians\n")
    print(f"{'':46}{'µs':>8}{'ratio':>8}  (wanted)")
    names = (
        ("a plain handler", ""),
        ("a script that waits in memory", "at most 2"),
        (f"a script of {STEPS} steps, run again from SQLite", "at most 40"),
    )
    for index, (name, wanted) in enumerate(names):
        micros = statistics.median(row[index] for row in rows)
        ratio = statistics.median(row[index] / row[0] for row in rows)
        print(f"{name:46}{micros:8.1f}{ratio:8.2f}  {wanted}")
    print(f"\na call that waits at its third step: {memory(10_100):.1f} KB (at most 20)")


if __name__ == "__main__":
    main()
