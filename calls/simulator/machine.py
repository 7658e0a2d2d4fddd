"""Random callers on your application: a Hypothesis state machine to be subclassed.

    class AcmeCallers(Callers):
        app = acme.app

    TestAcme = AcmeCallers.TestCase

People call, press keys, speak, wait and hang up as they please; telephones that are rung are answered,
busy, refused or left to ring. A call that ends with a cause of trouble, an application that fails, and
a webhook that is never answered are found, and shrunk to the shortest conversation that shows it.
"""

from itertools import count
from typing import Any, ClassVar

try:
    from hypothesis import note
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
except ImportError as error:
    raise ImportError("calls.simulator.machine needs Hypothesis: pip install hypothesis") from error

from calls.simulator.chaos import Chaos
from calls.simulator.phone import Phone, PhoneCall
from calls.simulator.settings import Settings
from calls.simulator.simulator import Simulator

TROUBLE = frozenset({"invalid-bxml", "callback-error", "application-error", "error"})
"""Causes with which no call should end."""

KEYS = st.text("0123456789*#", min_size=1, max_size=4)
SECONDS = st.sampled_from((0.5, 2.0, 6.0, 20.0, 90.0))
_seeds = count()

OUTCOMES = st.sampled_from(("answers", "is_busy", "rejects", "never_answers"))


class Callers(RuleBasedStateMachine):
    """Random callers. A subclass says whom they call, and may say more of how.

    Attributes:
        app: The application: an ASGI or WSGI one, or a URL. A function is wrapped: ``staticmethod(f)``.
        number: The number that is called.
        words: What callers say.
        keys: A strategy of what they press in one go.
        most_calls: How many calls there may be in one example.
        allowed_causes: Causes of trouble that are none here.
        settings, chaos: Those of the simulator.
        options: What ``Phone.dials`` is told besides: ``at``, ``initiate``, ``disconnect``, ``from_``.
    """

    app: ClassVar[Any] = None
    number: ClassVar[str] = "+15550100"
    words: ClassVar[tuple[str, ...]] = ("yes", "no", "an agent, please")
    keys: ClassVar[st.SearchStrategy[str]] = KEYS
    most_calls: ClassVar[int] = 3
    allowed_causes: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[Settings] = Settings(calls_per_second=None, sessions=None)
    chaos: ClassVar[Chaos | None] = None
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        # No two runs have calls with the same ids: the application may remember calls.
        self.simulator = Simulator(settings=self.settings, chaos=self.chaos, seed=next(_seeds))
        self.phone = Phone(self.simulator)
        self.calls: list[PhoneCall] = []
        self._latest = 0.0

    def check(self, call: PhoneCall) -> None:
        """What must hold for a call after every step. Does nothing here; for subclasses."""

    # What callers do

    @precondition(lambda self: len(self.calls) < self.most_calls)
    @rule()
    def somebody_calls(self) -> None:
        """A call comes in."""
        app = type(self).app
        if app is None:
            raise TypeError(f"{type(self).__name__} must say which application is called: app = …")
        self.calls.append(self.phone.dials(self.number, app=app, **self.options))
        self.simulator.advance(0)

    @precondition(lambda self: self._talking())
    @rule(data=st.data())
    def somebody_presses(self, data: st.DataObject) -> None:
        """Keys are pressed."""
        call = data.draw(st.sampled_from(self._talking()), label="who")
        for digit in data.draw(self.keys, label="keys"):
            if not call.is_over:
                call.presses(digit)

    @precondition(lambda self: self._talking())
    @rule(data=st.data())
    def somebody_speaks(self, data: st.DataObject) -> None:
        """Something is said."""
        call = data.draw(st.sampled_from(self._talking()), label="who")
        call.says(data.draw(st.sampled_from(self.words), label="words"))

    @precondition(lambda self: self._talking())
    @rule(data=st.data())
    def somebody_hangs_up(self, data: st.DataObject) -> None:
        """A caller leaves."""
        data.draw(st.sampled_from(self._talking()), label="who").hangs_up()

    @precondition(lambda self: self._ringing())
    @rule(data=st.data(), outcome=OUTCOMES)
    def a_telephone_rings(self, data: st.DataObject, outcome: str) -> None:
        """Somebody decides what becomes of it."""
        call = data.draw(st.sampled_from(self._ringing()), label="who")
        getattr(call, outcome)()
        self.calls.append(call)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        """Nobody does anything."""
        self.simulator.advance(seconds)

    # What must hold

    @invariant()
    def no_call_ends_in_trouble(self) -> None:
        """No call ends for a reason that is the application's fault."""
        with self.simulator.held() as engine:
            ended = [call for call in engine.calls.values() if call.cause in TROUBLE]
        for call in ended:
            if call.cause not in self.allowed_causes:
                PhoneCall(self.phone, call.id).fail(f"ended with {call.cause!r}")

    @invariant()
    def time_does_not_go_back(self) -> None:
        """The clock only goes forward."""
        _hold(self.simulator.now >= self._latest, "time has gone back")
        self._latest = self.simulator.now

    @invariant()
    def every_call_is_as_it_should_be(self) -> None:
        """What the subclass asks of every call."""
        for call in self.calls:
            self.check(call)

    def teardown(self) -> None:
        """Everybody leaves; then every call is over, and every webhook was answered."""
        try:
            for call in self._talking():
                if not call.is_over:
                    call.hangs_up()
            self.simulator.run()
            with self.simulator.held() as engine:
                going_on = [call.id for call in engine.calls.values() if not call.is_over]
                waiting = engine.under_way
            note(self.simulator.transcript())
            self.no_call_ends_in_trouble()
            _hold(not going_on, f"calls go on after everybody has left: {', '.join(going_on)}")
            _hold(not waiting, f"{waiting} webhooks were never answered")
        finally:
            self.simulator.close()

    # Small parts

    def _talking(self) -> list[PhoneCall]:
        return [call for call in self.calls if call.state == "answered"]

    def _ringing(self) -> list[PhoneCall]:
        known = {call.call_id for call in self.calls}
        with self.simulator.held() as engine:
            found = [
                call.id
                for call in engine.calls.values()
                if call.direction == "outbound" and call.state == "initiated"
            ]
        return [PhoneCall(self.phone, call_id) for call_id in found if call_id not in known]


def _hold(condition: bool, words: str) -> None:
    if not condition:
        raise AssertionError(words)
