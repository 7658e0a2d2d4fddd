"""A telephone in a test: what the person on it does, and expects to hear.

    call = phone.dials("+15550100", app=app)
    call.hears("For sales, press 1")
    call.presses("1")
    call.is_transferred_to("+19195550100").answers().talks("2m").hangs_up()
    call.ended(cause="hangup")

Every step turns the simulator's clock as far as it needs, which takes no time. What does not come
about raises ``Unheard``, an ``AssertionError`` that shows all that happened on the call.
"""

import re
from typing import Any, NoReturn, Self, TypeAlias

from msgspec.structs import replace

from calls.simulator import party
from calls.simulator.engine import Engine, callee
from calls.simulator.errands import Application
from calls.simulator.simulator import Simulator
from calls.simulator.state import Bridged, Bridging, Conferring, Entry, Handing, Sound
from calls.simulator.transcript import text_of

Time: TypeAlias = float | str
"""Seconds, or a number with its unit: ``"90s"``, ``"2m"``, ``"1.5h"``, ``"500ms"``."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|)")

SOMEBODY = "+15550199001"
"""Who calls, where a test does not say."""


def seconds_in(time: Time) -> float:
    """A time in seconds.

    Raises:
        ValueError: It is none, or below 0.
    """
    found = _TIME.fullmatch(time.strip()) if isinstance(time, str) else None
    if found:
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(time, int | float) and not isinstance(time, bool) and 0 <= time < float("inf"):
        return float(time)
    raise ValueError(f'a time is a number of seconds, or "90s", "2m", "1.5h" (got {time!r})')


class Unheard(AssertionError):
    """Something that was expected on a call has not come about. The text has the whole call."""


class Phone:
    """Telephones on a simulator: those that call the application, and those that it calls.

    Args:
        simulator: The platform.
        app: The application that is called where ``dials`` names none.
    """

    def __init__(self, simulator: Simulator, app: Any = None) -> None:
        self.simulator = simulator
        self._app = app
        self._known: list[tuple[Any, tuple[Any, ...], Application]] = []
        self._claimed: set[str] = set()

    def dials(
        self,
        to: str,
        *,
        app: Any = None,
        from_: str = SOMEBODY,
        at: str | None = None,
        initiate: str | None = None,
        disconnect: str | None = None,
    ) -> "PhoneCall":
        """Call a number of the application.

        Args:
            to: The number.
            app: An ASGI or WSGI application of this process, or the URL of one.
            from_: Who calls: a number, or a SIP URI.
            at: Where an application of this process is taken to be, such as
                ``https://app.example.com``.
            initiate: The path that gets ``initiate``; found by itself for a ``VoiceApp``, else ``/``.
            disconnect: The path that gets ``disconnect``; found by itself for a ``VoiceApp``.
        """
        app = self._app if app is None else app
        application = None
        if app is not None:
            application = self._application(app, (at, initiate, disconnect))
        call_id = self.simulator.dial(from_=from_, to=to, application=application)
        self._claimed.add(call_id)
        return PhoneCall(self, call_id)

    def _application(self, app: Any, where: tuple[Any, ...]) -> Application:
        for known, at, application in self._known:
            if known is app and at == where:
                return application
        at, initiate, disconnect = where
        application = self.simulator.add(app, at=at, initiate=initiate, disconnect=disconnect)
        self._known.append((app, where, application))
        return application

    def rings(self, number: str, *, within: Time = "2m") -> "PhoneCall":
        """Wait until somebody calls this number: ``createCall``, or a leg of a transfer."""
        return self.wait_for_leg(number, None, within)

    def wait_for_leg(self, number: str, parent: "PhoneCall | None", within: Time) -> "PhoneCall":
        """Wait until a leg to a number rings, that of one call or of any."""
        __tracebackhide__ = True
        with self.simulator.held() as engine:
            calls = engine.calls

        def ringing() -> str | None:
            for call in reversed(calls.values()):
                if call.direction != "outbound" or call.state == "queued":
                    continue
                if parent is not None and (not call.leg or call.leg.parent_id != parent.call_id):
                    continue
                if callee(call) == number and call.id not in self._claimed:
                    return call.id
            return None

        def done() -> bool:
            return ringing() is not None or (parent is not None and parent.is_over)

        self.simulator.run_until(done, within=seconds_in(within))
        found = ringing()
        if found is None:
            others = sorted({callee(call) for call in calls.values() if call.leg})
            rung = f"rung were {', '.join(others)}" if others else "nobody was rung"
            words = f"{number} did not ring within {seconds_in(within):g} s; {rung}"
            if parent is None:
                raise Unheard(f"{words}\n\n{self.simulator.transcript()}")
            parent.fail(words)
        self._claimed.add(found)
        return PhoneCall(self, found)


class PhoneCall:
    """One person on one call. Every method returns the call, so that they can be strung together."""

    def __init__(self, phone: Phone, call_id: str) -> None:
        self._phone = phone
        self._simulator = phone.simulator
        self.call_id = call_id
        with self._simulator.held() as engine:
            self._call = engine.calls[call_id]
        # How far it has been listened to: which sound, and how much of its words.
        self._next = 0
        self._within = 0

    # What is heard

    def hears(self, words: str, *, within: Time = "2m") -> Self:
        """Listen until these words have been said; case and spaces do not matter.

        It is then the moment after the last of them: what is pressed next cuts off the rest. What
        was heard since the last expectation counts. An audio file is heard as ``[its URL]``, ringing
        as ``[ringing]``, tones as ``[tones 123#]``, each as soon as it begins.
        """
        __tracebackhide__ = True
        deadline = self._simulator.now + seconds_in(within)
        while True:
            sounds = self._call.sounds
            while self._next < len(sounds):
                if self._is_heard(sounds[self._next], words, deadline):
                    return self
                if sounds[self._next].ended is None:
                    break
                self._next, self._within = self._next + 1, 0
            known = len(sounds)
            left = deadline - self._simulator.now

            def news(known: int = known) -> bool:
                last = self._call.sounds[known - 1] if known else None
                return (
                    len(self._call.sounds) > known
                    or (last is not None and last.ended is not None and self._next < known)
                    or self.is_over
                )

            if left < 0 or not self._simulator.run_until(news, within=left):
                self.fail(f"did not hear {words!r} within {seconds_in(within):g} s")
            if self.is_over and self._next >= len(self._call.sounds):
                self.fail(f"did not hear {words!r} before the call ended ({self._call.cause})")

    def _is_heard(self, sound: Sound, words: str, deadline: float) -> bool:
        """Whether a sound has the words, and they are heard. Waits until they were said, if so."""
        end = _end_of(words, sound.words, self._within)
        if end is None:
            return False
        at = sound.at_word(end)
        if sound.ended is None and at > self._simulator.now:
            left = min(at, deadline) - self._simulator.now
            self._simulator.run_until(lambda: sound.ended is not None, within=left)
        until = self._simulator.now if sound.ended is None else sound.ended
        if until < at - 1e-6:
            return False
        self._within = end
        return True

    def hears_nothing(self, *, within: Time = "5s") -> Self:
        """Listen for some time in which nothing new begins."""
        __tracebackhide__ = True
        self._settle()
        known = len(self._call.sounds)
        before = f"{seconds_in(within):g} s of silence were expected"
        if self._simulator.run_until(
            lambda: len(self._call.sounds) > known, within=seconds_in(within)
        ):
            self.fail(f"{before}, and this was heard: {self._call.sounds[known].words!r}")
        return self

    def never_heard(self, words: str) -> Self:
        """Make sure that these words were not said so far."""
        __tracebackhide__ = True
        for sound in self._call.sounds:
            end = _end_of(words, sound.words, 0)
            until = self._simulator.now if sound.ended is None else sound.ended
            if end is not None and sound.at_word(end) <= until + 1e-6:
                self.fail(f"{words!r} was not to be heard, and was: {sound.words!r}")
        return self

    # What is done

    def presses(self, digits: str) -> Self:
        """Press keys: 0 to 9, *, #, A to D."""
        __tracebackhide__ = True
        if not digits or not set(digits.upper()) <= set("0123456789*#ABCD"):
            raise ValueError(f"a telephone has the keys 0 to 9, *, # and A to D (got {digits!r})")
        for index, digit in enumerate(digits):
            if index:
                with self._simulator.held() as engine:
                    pause = engine.settings.key_seconds
                self._simulator.advance(pause)
            self._on_the_line(f"press {digit}")
            with self._simulator.held() as engine:
                party.press(engine, self._call, digit)
        self._settle()
        return self

    def says(self, words: str) -> Self:
        """Say something, which takes its time: to a ``Gather`` that listens, or to the other party."""
        __tracebackhide__ = True
        return self._speaks(words, None)

    def talks(self, time: Time) -> Self:
        """Talk to the other party for some time."""
        __tracebackhide__ = True
        seconds = seconds_in(time)
        return self._speaks(f"(talks for {seconds:g} s)", seconds)

    def _speaks(self, words: str, seconds: float | None) -> Self:
        __tracebackhide__ = True
        self._on_the_line("speak")
        with self._simulator.held() as engine:
            taken = party.begin_to_say(engine, self._call, words, seconds)
        self._simulator.advance(taken)
        return self

    def waits(self, time: Time) -> Self:
        """Do nothing for some time."""
        self._simulator.advance(seconds_in(time))
        return self

    def stays_silent(self, time: Time | None = None) -> Self:
        """Do nothing for some time; without one, until something new is heard or the call ends."""
        __tracebackhide__ = True
        if time is not None:
            return self.waits(time)
        self._settle()
        known = len(self._call.sounds)
        self._simulator.run_until(
            lambda: self.is_over or len(self._call.sounds) > known, within=86_400.0
        )
        return self

    def hangs_up(self) -> Self:
        """Leave the call."""
        __tracebackhide__ = True
        if self.is_over:
            self.fail(f"cannot hang up: the call is over ({self._call.cause})")
        with self._simulator.held() as engine:
            party.hang_up(engine, self._call)
        self._settle()
        return self

    # A telephone that rings

    def answers(self) -> Self:
        """Pick up."""
        __tracebackhide__ = True
        return self._decides("answers", Engine.is_answered)

    def is_busy(self) -> Self:
        """Be on the telephone with somebody else."""
        __tracebackhide__ = True
        return self._decides("is busy", party.turn_down)

    def rejects(self) -> Self:
        """Refuse the call."""
        __tracebackhide__ = True
        return self._decides("rejects", party.turn_down)

    def never_answers(self) -> Self:
        """Let it ring."""
        __tracebackhide__ = True
        return self._decides("never answers", lambda _, __: None)

    def _decides(self, outcome: Any, act: Any) -> Self:
        __tracebackhide__ = True
        if self._call.state != "initiated" or self._call.direction != "outbound":
            self.fail(f"the telephone does not ring (the call is {self._call.state})")
        with self._simulator.held() as engine:
            self._call.party = replace(self._call.party, outcome=outcome)
            act(engine, self._call)
        self._settle()
        return self

    # What becomes of the call

    def is_transferred_to(self, number: str, *, within: Time = "2m") -> "PhoneCall":
        """Wait until a ``Transfer``, ``Forward`` or ``Connect`` rings somebody: that one's call."""
        __tracebackhide__ = True
        return self._phone.wait_for_leg(number, self, within)

    def joins(self, conference: str, *, within: Time = "2m") -> Self:
        """Wait until it is a member of a conference."""
        __tracebackhide__ = True

        def is_member() -> bool:
            place = self._call.activity
            with self._simulator.held() as engine:
                room = engine.conferences.get(getattr(place, "conference_id", ""))
            return isinstance(place, Conferring) and room is not None and room.name == conference

        return self._becomes(is_member, f"was not in the conference {conference}", within)

    def is_bridged(self, *, within: Time = "2m") -> Self:
        """Wait until it is connected to another call by a ``Bridge``."""
        __tracebackhide__ = True
        return self._becomes(
            lambda: isinstance(self._call.activity, Bridging | Bridged), "was not bridged", within
        )

    def is_connected(self, *, within: Time = "2m") -> Self:
        """Wait until a leg that was rung has heard its own document and talks to the other party."""
        __tracebackhide__ = True
        return self._becomes(
            lambda: (
                type(self._call.activity).__name__ == "Connected"
                or (isinstance(self._call.activity, Handing) and self._call.state == "answered")
            ),
            "was not connected",
            within,
        )

    def ended(self, *, cause: str | None = None, within: Time = "24h") -> Self:
        """Wait until the call is over; see why it ended, if a cause is given."""
        __tracebackhide__ = True
        self._becomes(lambda: self.is_over, "was not over", within)
        if cause is not None and self._call.cause != cause:
            why = f" ({self._call.error_message})" if self._call.error_message else ""
            self.fail(f"ended with {self._call.cause!r}{why}, not with {cause!r}")
        return self

    def _becomes(self, done: Any, words: str, within: Time) -> Self:
        __tracebackhide__ = True
        self._settle()
        if not self._simulator.run_until(lambda: done() or self.is_over, within=seconds_in(within)):
            self.fail(f"{words} within {seconds_in(within):g} s")
        if not done():
            self.fail(f"{words} before the call ended ({self._call.cause})")
        self._settle()
        return self

    # To look at

    @property
    def state(self) -> str:
        """``queued``, ``initiated``, ``answered`` or ``disconnected``."""
        return self._call.state

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self._call.is_over

    @property
    def cause(self) -> str | None:
        """Why it ended."""
        return self._call.cause

    @property
    def tag(self) -> str | None:
        """The call's tag."""
        return self._call.tag

    @property
    def heard(self) -> list[str]:
        """Everything that was heard so far, or has begun to be."""
        return [sound.words for sound in self._call.sounds]

    @property
    def timeline(self) -> list[Entry]:
        """Everything that happened on the call, as data."""
        return [entry for entry in self._simulator.timeline if entry.call_id == self.call_id]

    @property
    def transcript(self) -> str:
        """Everything that happened on the call, as text that can be compared."""
        return text_of(self.timeline)

    def fail(self, words: str) -> NoReturn:
        """Raise ``Unheard``, with what was heard instead and the whole call."""
        __tracebackhide__ = True
        recent = self.heard[-3:]
        instead = "; ".join(repr(each) for each in recent) if recent else "nothing"
        who = callee(self._call) if self._call.direction == "outbound" else self._call.from_
        transcript = "\n".join(f"  {line}" for line in self.transcript.splitlines())
        raise Unheard(f"{who} {words}\nlast heard: {instead}\nthe call so far:\n{transcript}")

    def __repr__(self) -> str:
        return f"<PhoneCall {self.call_id} {self._call.state}>"

    # Small parts

    def _settle(self) -> None:
        """Let happen what happens at this very moment: webhooks go out, and their replies come."""
        self._simulator.run(until=self._simulator.now)

    def _on_the_line(self, what: str) -> None:
        """Wait until the call is answered, if it is not yet."""
        __tracebackhide__ = True
        self._settle()
        self._simulator.run_until(
            lambda: self._call.state in ("answered", "disconnected"), within=60.0
        )
        if self._call.state != "answered":
            over = f"the call is over ({self._call.cause})"
            self.fail(f"cannot {what}: {over if self.is_over else 'nobody has answered'}")


def _end_of(wanted: str, words: str, start: int) -> int | None:
    """Where wanted words end in what was said, from a place on; None if they are not in it."""
    pattern = r"\s+".join(re.escape(word) for word in wanted.split())
    found = re.compile(pattern, re.IGNORECASE).search(words, start) if pattern else None
    return found.end() if found else None
