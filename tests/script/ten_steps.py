"""A script of ten steps, and a server that runs it and can be killed at any webhook.

    python tests/script/ten_steps.py JOURNAL EFFECTS

JOURNAL is the path of an SQLite file, or the URL of a Redis. What the script does outside of itself is
a line in the file EFFECTS. It prints the port that it serves at. A request with the header ``x-die``
ends the process by SIGKILL: ``before`` it is answered, ``after`` it was answered and before anybody
hears of it, or ``inside`` the next function that the script runs.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from calls.script import Journal, Line, Scripts, script
from calls.script.journals.redis import RedisJournal
from calls.script.journals.sqlite import SQLiteJournal
from calls.simulator.server import Server
from calls.webhooks import VoiceApp

SALES = "+19195550100"


class Effects:
    """What a script does outside of itself: a line in a file for each time that it does it."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.dies = False

    def note(self, words: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{words}\n")
        if self.dies:
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def scripts_of(journal: Journal, effects: Effects, **options: Any) -> Scripts:
    async def is_order(digits: str) -> bool:
        effects.note(f"is_order {digits}")
        return digits.startswith("1")

    def lookup(order: str) -> dict[str, int]:
        effects.note(f"lookup {order}")
        return {"parcels": int(order[-1])}

    def charge(call_id: str) -> str:
        effects.note(f"charge {call_id}")
        return "charged"

    def tidy(call_id: str) -> None:
        effects.note(f"tidy {call_id}")

    @script
    async def ask_language(line: Line) -> str:
        key = await line.menu("For English, press 1.", keys="12")  # step 2
        return {"1": "English", "2": "Spanish"}[key]

    @script
    async def farewell(line: Line, words: str) -> None:
        try:
            line.speak_sentence(await line.run_once(charge, line.call_id))
            rating = await line.menu(["Rate us.", "Rate us, please."], keys="123", invalid="No.")
            line.speak_sentence(f"{words} You gave {rating}.")
            await line.heard()
            await line.gather(first_digit_timeout=60)
        finally:
            await line.run(tidy, line.call_id)

    @script
    async def reception(line: Line) -> None:
        line.speak_sentence("Welcome to Acme.")
        line.start_recording()
        choice = await line.menu("For orders, press 1.", keys="12")
        language = await ask_language(line)
        order = await line.ask("Enter your order number.", digits=3, check=is_order)
        found = await line.run(lookup, order)
        line.speak_sentence(f"{found['parcels']} parcels, {choice}, {language}.")
        await line.record(max_duration=4)
        outcome = await line.transfer(SALES, call_timeout=10)
        line.speak_sentence(f"The transfer ended with {outcome.cause}.")
        await line.heard()
        line.speak_sentence(f"Your number is {line.random.randrange(1000)}.")
        await line.gather(max_digits=1)
        await line.hand_over(farewell, "Goodbye.")

    return Scripts({"/answer": reception}, journal=journal, new_seed=lambda: 7, **options)


def journal_of(where: str) -> Journal:
    if where.startswith("unix:"):
        return RedisJournal(where, lease_seconds=0.5)
    return SQLiteJournal(where)


def mortal(app: Any, effects: Effects) -> Any:
    """The same application, which dies when it is told to."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        when = dict(scope.get("headers", ())).get(b"x-die", b"")
        if when == b"before":
            die()
        effects.dies = when == b"inside"
        sent: list[Any] = []

        async def keep(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, keep if when == b"after" else send)
        if when == b"after":
            die()

    return answer


def main(journal: str, effects: str) -> None:
    noted = Effects(effects)
    app = VoiceApp(scripts_of(journal_of(journal), noted))
    with Server(mortal(app, noted)) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    partial(main, *sys.argv[1:])()
