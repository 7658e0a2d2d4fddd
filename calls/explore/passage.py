"""One passage: a call plays a document until the next one is there, or the call is over.

Wherever a caller or the world can differ, a ``Chooser`` says how it goes on. What the passage starts
from is never changed, so that it can be the start of as many passages as there are choices.
"""

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct

from bxml import parse
from bxml.document import Bxml, Response
from bxml.errors import BxmlError, ParseError
from bxml.verbs import Connect, Transfer
from calls.events import CallEvent, Event
from calls.explore.choices import (
    ANSWERS,
    CALLER_LEAVES,
    CANNOT_BE_REACHED,
    CONFERENCE_ENDS,
    FAILS,
    HANGS_UP,
    IS_BUSY,
    IS_GONE,
    IS_REACHED,
    IS_THERE,
    NEVER_ANSWERS,
    SAYS_NOTHING,
    SPEAKS,
    STAYS,
    THEY_HANG_UP,
    WORKS,
    Choice,
    Chooser,
    label_of,
    of_leg,
    of_legs,
    options_at,
)
from calls.explore.graph import Kind
from calls.models import CreateCall
from calls.simulator import party
from calls.simulator.caller import Caller
from calls.simulator.engine import Engine
from calls.simulator.errands import (
    Answered,
    Application,
    Audio,
    Delivery,
    Errand,
    Measuring,
    Opening,
    Unanswered,
)
from calls.simulator.replies import in_lines, why
from calls.simulator.settings import Settings
from calls.simulator.state import (
    AwaitingStream,
    Bridging,
    Call,
    Conferring,
    Connected,
    Fetching,
    Gathering,
    Handing,
    RecordingCall,
    Transferring,
)

MOST_STEPS = 5_000
"""Happenings and webhooks in one passage."""

SETTINGS = Settings(calls_per_second=None, sessions=None)

CALLER, CALLED = "+15550199001", "+15550100002"

Deliver: TypeAlias = Callable[[Delivery], Awaitable[Answered | Unanswered]]


class Unknown(Struct, frozen=True):
    """What a script remembers, where that cannot be compared: known by the place where it was met."""

    place: Any


class State(Struct, frozen=True):
    """Where a passage starts: a call that has just been answered with a document.

    Attributes:
        content: The reply.
        document: The document in it.
        url: Where it came from.
        event: The type of the event that it answers.
        call: The call, as it was then. Nobody changes it. None before the first webhook.
        now: When that was.
        journal: What each journal of scripts holds of the call.
        memory: What tells it apart beside the document: see ``calls.explore.memory``.
        is_waiting: Whether its script waits for a message.
    """

    content: bytes
    document: Response | Bxml
    url: str
    event: type[Event] | None
    call: Call | None
    now: float = 0.0
    journal: tuple[tuple[bytes, ...], ...] = ()
    memory: Any = None
    is_waiting: bool = False


START = State(b"", Response(), "", None, None)
"""Before the first webhook: nobody has called yet."""


class Trouble(Struct, frozen=True):
    """Something that an application did not do as it should.

    Attributes:
        rule: ``error``, or ``invalid-reply``.
        message: What it was.
        error: What was raised, if that is known.
        event: The event that was not answered well.
        url: Where it went.
    """

    rule: str
    message: str
    error: BaseException | None
    event: Event
    url: str


class Passage(Struct):
    """What came of one.

    Attributes:
        choices: What was chosen, without what is no news.
        kind: What made the call go on.
        event: The type of the event that was answered with the next document, or was the last.
        reached: The state that the next document begins; None if the call is over.
        cause: Why it is over.
        performed: How many verbs of the document were begun.
        heard: Whether the caller heard anything.
        person: Whether somebody or something took the call: a person, a conference, a recording;
            or its script waits for somebody to send it a message.
        troubles: What the application did not do well.
        without_fallback: The events that asked for a document and had no second URL.
        webhooks: How many webhooks the application got.
        was_cut_short: Whether the passage was ended because it did not come to an end.
    """

    choices: list[Choice]
    kind: Kind = "goes on"
    event: str = ""
    reached: State | None = None
    cause: str | None = None
    performed: int = 0
    heard: bool = False
    person: bool = False
    troubles: list[Trouble] = []
    without_fallback: list[str] = []
    webhooks: int = 0
    was_cut_short: bool = False

    @property
    def label(self) -> str:
        """What was chosen, in words."""
        return label_of(self.choices)


class Callers(Struct, frozen=True):
    """Who calls, and what they do.

    Attributes:
        rows: Keys that are pressed in a row, besides single ones.
        says: What is said, besides what prompts ask for.
        from_, to: The numbers.
        is_outbound: Whether the application calls them, and not they it.
    """

    rows: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    from_: str = CALLER
    to: str = CALLED
    is_outbound: bool = False


class Player:
    """Plays passages.

    Args:
        application: Where the webhooks of a new call go.
        callers: Who calls.
        deliver: Sends a webhook to the application.
        complaints: Takes what the application has logged since it was last asked: each with what was
            raised, if something was.
    """

    def __init__(
        self,
        application: Application,
        callers: Callers,
        deliver: Deliver,
        complaints: Callable[[], list[tuple[str, BaseException | None]]],
    ) -> None:
        self.application = application
        self.callers = callers
        self.deliver = deliver
        self.complaints = complaints
        self._documents: dict[bytes, Response | Bxml] = {}

    def document_in(self, content: bytes) -> Response | Bxml:
        """The document that a reply is: the same one for the same reply.

        Raises:
            ParseError: It is none.
        """
        found = self._documents.get(content)
        if found is None:
            found = self._documents[content] = parse(content)
        return found

    async def play(
        self, start: State, chooser: Chooser[Choice], tried: set[str], seed: int = 0
    ) -> Passage:
        """Play a passage.

        Args:
            start: Where it starts.
            chooser: Says how it goes on.
            tried: The URLs whose webhooks have failed in a passage from here already.
            seed: Makes the ids of new calls.
        """
        return await _Playing(self, start, chooser, tried, seed).to_its_end()


class _Playing:
    def __init__(
        self, player: Player, start: State, chooser: Chooser[Choice], tried: set[str], seed: int
    ) -> None:
        self._player = player
        self._chooser = chooser
        self._tried = tried
        self._found = Passage(chooser.chosen, person=start.is_waiting)
        # Other ids in each passage of a call, and the same ones whenever that is played again.
        random = Random(f"{seed} {start.now if start.call else None}")  # noqa: S311  # no secrets
        self._engine = engine = Engine("9900000", "http://simulator/calls", SETTINGS, random)
        engine.measures, engine.sends_media = True, False
        engine.now = start.now
        self._decided: list[Any] = []
        self._may_leave = True
        self._leaves = False
        self._failed: Event | None = None
        self._outcome = ""
        self._leg = 0
        self._document: tuple[Any, ...] = ()
        self._position = 0
        self._call = self._begin(start)

    def _begin(self, start: State) -> Call:
        engine = self._engine
        if start.call is None:
            self._may_leave = False
            call = self._ring()
            self._decide_for(call)
            return call
        call = _copy(start.call)
        engine.calls[call.id] = call
        engine.limits.active = 1
        for stream in call.streams.values():
            engine.streams[stream.id] = call, stream
        if call.recording is not None:
            engine.recordings[call.recording.id] = call.recording
        self._decide_for(call)
        document = start.document
        self._document = tuple(document)
        engine.begin(call, document, start.url)
        return call

    def _ring(self) -> Call:
        """A new call."""
        callers, application = self._player.callers, self._player.application
        if not callers.is_outbound:
            return self._engine.arrive(callers.from_, callers.to, Caller(), application)
        first = application.initiate.main
        disconnect = None if application.disconnect is None else application.disconnect.url
        order = CreateCall(
            application_id=application.application_id,
            from_=callers.from_,
            to=callers.to,
            answer_url=first.url,
            username=first.username,
            password=first.password,
            disconnect_url=disconnect,
            callback_timeout=max(application.callback_timeout, 1.0),
        )
        return self._engine.place(order)

    def _decide_for(self, call: Call) -> None:
        """From here on, what the world is like is decided when the call meets it."""
        self._call = call
        self._engine.phones = _Phones(self)
        known = _Known(self)
        known.update(self._engine.calls)
        self._engine.calls = known

    def choose(self, options: Sequence[Choice]) -> Choice:
        """What happens next."""
        chosen = self._chooser.choose(options)
        if chosen.label and self._found.kind != "failure":
            self._found.kind = chosen.kind
        return chosen

    @property
    def verb(self) -> Any:
        """The verb that the call performs."""
        call = self._call
        return call.document[call.position - 1] if 0 < call.position <= len(call.document) else None

    async def to_its_end(self) -> Passage:
        engine, found = self._engine, self._found
        for _ in range(MOST_STEPS):
            if engine.outgoing:
                if await self._carry(engine.outgoing.popleft()):
                    break
            elif self._call.is_over:
                if not engine.step():
                    break
            elif not self._decides() and not engine.step():
                self._waits_for_ever()
        else:
            found.was_cut_short = True
        call = self._call
        if found.reached is None:
            found.cause, found.event = call.cause, "disconnect"
        self._note_position()
        found.performed = self._position
        found.heard = bool(call.sounds)
        return found

    # Errands

    async def _carry(self, errand: Errand) -> bool:
        """Run an errand. Whether the next document is there."""
        self._note_position()
        match errand:
            case Delivery():
                return await self._deliver(errand)
            case Measuring():
                self._engine.measured(errand, Audio(fresh_seconds=float("inf")))
            case Opening(socket_id):
                self._engine.opened(socket_id)
            case _:
                pass  # messages for a websocket: nobody is there
        return False

    async def _deliver(self, delivery: Delivery) -> bool:
        engine, call, found = self._engine, self._call, self._found
        event = delivery.event
        owner = engine.calls.get(delivery.call_id)
        is_awaited = (
            event.wants_document
            and isinstance(owner, Call)
            and owner.activity == Fetching(delivery.id)
        )
        if is_awaited and delivery.fallback is not None and self._fails(delivery):
            self._failed = event
            engine.delivered(delivery, Unanswered("it was to fail"))
            return False
        is_second = self._failed is event
        # The URLs of the first webhook are settings, which nobody knows here.
        if is_awaited and delivery.fallback is None and not is_second and self._document:
            found.without_fallback.append(event.event_type)
        outcome = await self._player.deliver(delivery)
        found.webhooks += 1
        found.event = event.event_type if is_awaited or not found.event else found.event
        self._note_troubles(delivery, outcome)
        if is_awaited and owner is call and _is_well(outcome) and isinstance(event, CallEvent):
            document = self._document_in(delivery, outcome)
            if document is not None:
                found.reached = State(
                    outcome.content,
                    document,
                    delivery.target.url,
                    type(event),
                    _at_rest(call),
                    engine.now,
                )
                return True
        elif is_awaited and _is_well(outcome):
            self._document_in(delivery, outcome)
        self._failed = None if _is_well(outcome) else event
        engine.delivered(delivery, outcome)
        return False

    def _fails(self, delivery: Delivery) -> bool:
        url = delivery.target.url
        if url in self._tried or not self._document:
            return False
        if self.choose((WORKS, FAILS)) is WORKS:
            return False
        self._found.kind = "failure"
        self._tried.add(url)
        return True

    def _note_troubles(self, delivery: Delivery, outcome: Answered | Unanswered) -> None:
        event, url = delivery.event, delivery.target.url
        told = self._player.complaints()
        for message, error in told:
            is_unfit = isinstance(error, BxmlError) or (
                error is None and " did not answer within " not in message
            )
            rule = "invalid-reply" if is_unfit else "error"
            self._found.troubles.append(Trouble(rule, message, error, event, url))
        if not told and not _is_well(outcome):
            message = why(delivery, outcome)
            self._found.troubles.append(Trouble("error", message, None, event, url))

    def _document_in(self, delivery: Delivery, outcome: Answered) -> Response | Bxml | None:
        try:
            return self._player.document_in(outcome.content)
        except ParseError as error:
            message = f"the reply to {delivery.event.event_type} is no BXML: {in_lines(error)}"
            self._found.troubles.append(
                Trouble("invalid-reply", message, None, delivery.event, delivery.target.url)
            )
            return None

    def _note_position(self) -> None:
        call = self._call
        if call.document == self._document and call.position > self._position:
            self._position = call.position

    # What people do

    def _decides(self) -> bool:
        """Let somebody do something, if it is time to. Whether anybody did."""
        call, engine = self._call, self._engine
        self._note_position()
        activity = call.activity
        if activity is not None and type(activity) is not Fetching and self._is_leaving():
            self._leaves = False
            if call.digits_to is not None:
                party.press(engine, call, "1")
            party.hang_up(engine, call)
            return True
        for each in (call,) if len(engine.calls) == 1 else tuple(engine.calls.values()):
            decides = _DECIDES.get(type(each.activity))
            if decides is None or any(known is each.activity for known in self._decided):
                continue
            options = decides(self, each, each.activity)
            if options:
                self._decided.append(each.activity)
                self._act(each, self.choose(options))
                return True
        return False

    def _is_leaving(self) -> bool:
        """Whether the caller leaves at the first thing in the document that takes time."""
        if self._may_leave:
            self._may_leave = False
            self._leaves = self.choose((STAYS, HANGS_UP)) is HANGS_UP
        return self._leaves

    def at_gather(self, _: Call, gathering: Gathering) -> tuple[Choice, ...]:
        verb = gathering.verb
        if verb.gather_url is None or gathering.prompt < len(verb):
            return ()
        callers = self._player.callers
        return options_at(verb, callers.rows, callers.says)

    def at_transfer(self, call: Call, transferring: Transferring) -> tuple[Choice, ...]:
        leg = self._engine.calls.get(transferring.winner or "")
        if leg is None or leg.activity != Connected(call.id):
            return ()
        self._found.person = True
        return THEY_HANG_UP, CALLER_LEAVES

    def at_handing(self, call: Call, handing: Handing) -> tuple[Choice, ...]:
        leg = self._engine.calls.get(handing.leg)
        if call is not self._call or leg is None or leg.state != "answered":
            return ()
        self._found.person = True
        return (THEY_HANG_UP,) if handing.ends_with_it else (THEY_HANG_UP, CALLER_LEAVES)

    def at_bridge(self, _: Call, __: Bridging) -> tuple[Choice, ...]:
        self._found.person = True
        return THEY_HANG_UP, CALLER_LEAVES

    def at_conference(self, call: Call, _: Conferring) -> tuple[Choice, ...]:
        self._found.person = True
        return (CONFERENCE_ENDS, CALLER_LEAVES) if call is self._call else (CONFERENCE_ENDS,)

    def at_record(self, _: Call, __: RecordingCall) -> tuple[Choice, ...]:
        self._found.person = True
        return SPEAKS, SAYS_NOTHING

    def _act(self, call: Call, choice: Choice) -> None:
        engine, activity = self._engine, call.activity
        match activity:
            case Gathering():
                if choice.kind == "speech":
                    party.begin_to_say(engine, call, choice.value)
                for digit in choice.value if choice.kind == "key" else "":
                    if call.activity is activity:
                        party.press(engine, call, digit)
            case RecordingCall() if choice is SPEAKS:
                party.begin_to_say(engine, call, choice.value)
            case Conferring() if choice is CONFERENCE_ENDS:
                Engine.end_conference(engine, engine.conferences[activity.conference_id])
            case _ if choice is CALLER_LEAVES:
                party.hang_up(engine, call)
            case Transferring(winner=str(leg)) | Handing(leg=leg) | Bridging(target=leg):
                party.hang_up(engine, engine.calls[leg])
            case _:
                pass

    def _waits_for_ever(self) -> None:
        """Nothing is going to happen any more: what is still open ends, or else the caller leaves."""
        call, engine = self._call, self._engine
        open_streams = [each for each in call.streams.values() if not each.is_over]
        if isinstance(call.activity, AwaitingStream) and open_streams:
            for stream in open_streams:
                engine.closed(stream.id)
            return
        party.hang_up(engine, call)

    # Who is rung

    def rung(self, number: str) -> str:
        """What becomes of somebody whom the verb rings that is performed."""
        verb = self.verb
        if self._is_leaving():
            return IS_REACHED if isinstance(verb, Connect) else NEVER_ANSWERS
        if isinstance(verb, Transfer):
            legs = [each.text for each in verb]
            if not any(known is verb for known in self._decided):
                self._decided.append(verb)
                self._outcome = self.choose(of_legs(legs)).value
                self._leg = 0
            outcome, leg = self._outcome, self._leg
            self._leg += 1
            if outcome.isdigit():
                return ANSWERS if int(outcome) == leg else NEVER_ANSWERS
            return outcome
        if isinstance(verb, Connect):
            if not any(known is verb for known in self._decided):  # it is asked for twice
                self._decided.append(verb)
                outcomes = IS_REACHED, CANNOT_BE_REACHED
                self._outcome = self.choose([of_leg(number, each) for each in outcomes]).value
            return self._outcome
        chosen = self.choose(of_legs([number])).value
        self._found.person |= chosen == ANSWERS
        return chosen

    def bridged(self, call_id: str) -> Call | None:
        """The other call that is to be bridged, if it is still there."""
        if not self._is_leaving() and self.choose((IS_THERE, IS_GONE)) is IS_GONE:
            return None
        callers = self._player.callers
        other = Call(
            id=call_id,
            application_id=self._call.application_id,
            direction="inbound",
            from_=callers.from_,
            to=callers.to,
            party=Caller(),
            state="answered",
            started=self._engine.now,
            answered=self._engine.now,
        )
        self._engine.calls[call_id] = other
        self._engine.limits.active += 1
        return other


_OUTCOMES: Mapping[str, Caller | None] = {
    ANSWERS: Caller(),
    IS_BUSY: Caller().is_busy(),
    NEVER_ANSWERS: Caller().never_answers(),
    IS_REACHED: Caller(),
    CANNOT_BE_REACHED: None,
}


class _Phones(dict[str, Caller]):
    """The telephones of the world: what becomes of one is decided when it is rung."""

    def __init__(self, playing: _Playing) -> None:
        super().__init__()
        self._playing = playing

    def get(self, number: str, _: Any = None, /) -> Any:
        """Who is at a telephone that is rung."""
        return _OUTCOMES[self._playing.rung(number)]


class _Known(dict[str, Call]):
    """The calls of the platform: whether one that is to be bridged is there, is decided when asked."""

    def __init__(self, playing: _Playing) -> None:
        super().__init__()
        self._playing = playing

    def get(self, call_id: str, default: Any = None) -> Any:
        """A call."""
        found = super().get(call_id)
        if found is None:
            verb = self._playing.verb
            if type(verb).__name__ == "Bridge" and verb.text.strip() == call_id:
                found = self._playing.bridged(call_id)
        return default if found is None else found


_DECIDES: Mapping[type, Callable[[_Playing, Call, Any], tuple[Choice, ...]]] = {
    Gathering: _Playing.at_gather,
    Transferring: _Playing.at_transfer,
    Handing: _Playing.at_handing,
    Bridging: _Playing.at_bridge,
    Conferring: _Playing.at_conference,
    RecordingCall: _Playing.at_record,
}


def _is_well(outcome: Answered | Unanswered) -> TypeGuard[Answered]:
    return isinstance(outcome, Answered) and 200 <= outcome.status < 300


def _copy(call: Call) -> Call:
    """A call that may be changed without changing the other one."""
    new = copy.copy(call)
    new.sounds = []
    new.streams = {name: copy.copy(stream) for name, stream in call.streams.items()}
    for stream in new.streams.values():
        stream.playing = list(stream.playing)
    if call.recording is not None:
        new.recording = recording = copy.copy(call.recording)
        recording.spans, recording.said = list(recording.spans), list(recording.said)
    return new


def _at_rest(call: Call) -> Call:
    """A call between two documents: without what the first one left."""
    call.activity, call.document, call.position = None, (), 0
    call.sounds, call.sound, call.listened, call.fetches = [], None, 0, 0
    return call
