"""The course of the call: going on elsewhere, waiting, marking, ending."""

from typing import Any

from bxml.verbs import Hangup, Pause, Redirect, Tag
from calls.events import RedirectEvent
from calls.simulator.engine import Engine
from calls.simulator.state import Call, Pausing
from calls.simulator.verbs.assumed import assumed


def _redirects(engine: Engine, call: Call, verb: Redirect) -> None:
    engine.retag(call, verb.tag)
    if there := engine.targets(call, verb, "redirect"):
        engine.fetch(call, engine.event(call, RedirectEvent), there)


def _pauses(engine: Engine, call: Call, verb: Pause) -> None:
    seconds = float(assumed(verb, "duration"))
    engine.note(call, "silence", f"{seconds:g} s")
    call.activity = Pausing(engine.now)
    engine.plan(call, seconds, _has_paused)


def _has_paused(engine: Engine, call: Call, _: Any) -> None:
    engine.carry_on(call)


def _is_cut_short(engine: Engine, call: Call, pausing: Pausing) -> None:
    engine.note(call, "cut off", f"a pause after {engine.now - pausing.since:g} s")


def _hangs_up(engine: Engine, call: Call, _: Hangup) -> None:
    engine.hang_up(call, "hangup" if call.state == "answered" else "rejected")


def _tags(_: Engine, call: Call, verb: Tag) -> None:
    call.tag = verb.text.strip() or None


Engine.performs.update({Hangup: _hangs_up, Pause: _pauses, Redirect: _redirects, Tag: _tags})
Engine.breaks[Pausing] = _is_cut_short
