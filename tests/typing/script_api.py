"""Scripts as their authors see them. Read by mypy and pyright, never run.

Each ``type: ignore`` is a claim that both find the error in it.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from datetime import datetime
from typing import Any, NoReturn, assert_type

from bxml import Response
from bxml.verbs import PhoneNumber
from calls.events import CallEvent
from calls.script import (
    Bridged,
    Conferred,
    Gathered,
    Line,
    Recorded,
    Redirected,
    Referred,
    Script,
    Scripts,
    Transferred,
    script,
)
from calls.webhooks import VoiceApp


def lookup(order: str, *, deep: bool = False) -> int:
    return len(order) + deep


async def lookup_later(order: str) -> datetime:
    raise LookupError(order)


@script
async def ask_age(line: Line, unit: str) -> int:
    return int(await line.ask(f"How many {unit}?", digits=(1, 3)))


@script(on_failure=Response().speak_sentence("Sorry."))
async def reception(line: Line) -> None:
    line.speak_sentence("Welcome.", voice="julie")
    line.speak_sentence()  # type: ignore[call-arg]
    line.speak_sentence("Welcome.", voise="julie")  # type: ignore[call-arg]
    assert_type(line.pause(duration=2), None)
    assert_type(await line.menu("Press 1.", keys="1"), str)
    assert_type(await line.ask("How many?", check=str.isdigit), str)
    assert_type(await line.gather(max_digits=1), Gathered)
    await line.gather(max_digits="1")  # type: ignore[arg-type]
    assert_type(await line.record(), Recorded)
    assert_type(await line.transfer("+19195550100", call_timeout=20), Transferred)
    assert_type(await line.transfer([PhoneNumber("+19195550100"), "sip:a@b.c"]), Transferred)
    await line.transfer(5)  # type: ignore[arg-type]
    assert_type(await line.bridge("c-1"), Bridged)
    assert_type(await line.conference("room", mute=True), Conferred)
    assert_type(await line.refer("sip:a@b.c"), Referred)
    assert_type(await line.redirect("/elsewhere"), Redirected)
    assert_type(await line.heard(), Redirected)
    assert_type(await line.run(lookup, "1", deep=True), int)
    assert_type(await line.run(lookup_later, "1"), datetime)
    assert_type(await line.run_once(lookup_later, "1"), datetime)
    await line.run(lookup, 1)  # type: ignore[call-overload]
    assert_type(await line.message(), Any)
    assert_type(await line.message(str), str)
    assert_type(await line.message(str, seconds=5), str | None)
    assert_type(await ask_age(line, "years"), int)
    await ask_age(line)  # type: ignore[call-arg]
    assert_type(line.event, CallEvent)
    await line.hand_over(ask_age, 5)  # type: ignore[arg-type]
    over = line.hand_over(ask_age, "years")
    assert_type(await over, NoReturn)


assert_type(reception, Script[[], None])
scripts = Scripts({"/answer": reception})
app = VoiceApp(scripts)
app = VoiceApp({"/answer": reception})
