"""The engine: calls, the clock's heap of happenings, and the webhooks that they cause.

It decides and does no I/O. Whoever drives it lets happenings happen (``step``), carries what is
in ``outgoing`` to the application, and brings the replies back (``delivered``).
"""

import heapq
from collections.abc import Callable
from random import Random
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from bxml._parse import parse
from bxml.document import Document
from bxml.errors import ParseError
from calls.events import (
    AnswerEvent,
    CallEvent,
    DisconnectEvent,
    InitiateEvent,
    RedirectEvent,
    TransferDisconnectEvent,
)
from calls.models import CreateCall
from calls.simulator.caller import Caller, HangsUp, Hears, Presses, Says, Waits
from calls.simulator.state import (
    Answered,
    Application,
    Call,
    Connected,
    Delivery,
    Entry,
    Fetching,
    Pausing,
    Settings,
    Talking,
    Target,
    Targets,
    Transferring,
    Unanswered,
    moment,
)

E = TypeVar("E", bound=CallEvent)

LONGEST_TIMELINE_BODY = 65_536


class Happening(NamedTuple):
    """Something that is due on a call. Void once the call is over or ``turn`` has passed."""

    at: float
    order: int
    call_id: str
    turn: int | None
    what: str
    argument: Any = None


class Engine:
    """All calls of one platform. One thread at a time may use it."""

    # What is done for each kind of happening; perform.py adds those of the verbs.
    happens: ClassVar[dict[str, Callable[["Engine", Call, Any], None]]] = {}
    performs: ClassVar[dict[type, Callable[["Engine", Call, Any], None]]] = {}

    def __init__(self, account_id: str, calls_url: str, settings: Settings, random: Random) -> None:
        self.account_id = account_id
        self.calls_url = calls_url
        self.settings = settings
        self.random = random
        self.now = 0.0
        self.calls: dict[str, Call] = {}
        self.phones: dict[str, Caller] = {}
        self.outgoing: list[Delivery] = []
        self.timeline: list[Entry] = []
        self._heap: list[Happening] = []
        self._order = 0
        self._deliveries = 0

    # Time

    def due(self) -> float | None:
        """When the next happening is due, if there is one."""
        while self._heap and self._is_void(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0].at if self._heap else None

    def step(self) -> None:
        """Let the next happening happen."""
        if self.due() is not None:
            happening = heapq.heappop(self._heap)
            self.now = max(self.now, happening.at)
            call = self.calls[happening.call_id]
            self.happens[happening.what](self, call, happening.argument)

    def _is_void(self, happening: Happening) -> bool:
        call = self.calls[happening.call_id]
        if call.is_over or happening.turn not in (None, call.turn):
            return True
        return happening.what in ("is answered", "fails") and call.state != "initiated"

    def plan(self, call: Call, seconds: float, what: str, argument: Any = None) -> None:
        """Let something happen later, unless the call has turned to something else by then."""
        if seconds > 0:
            call.fetches = 0
        self._plan(call, seconds, what, argument, call.turn)

    def plan_anyway(self, call: Call, seconds: float, what: str, argument: Any = None) -> None:
        """Let something happen later, whatever the call does then."""
        self._plan(call, seconds, what, argument, None)

    def _plan(self, call: Call, seconds: float, what: str, argument: Any, turn: int | None) -> None:
        self._order += 1
        due = Happening(self.now + seconds, self._order, call.id, turn, what, argument)
        heapq.heappush(self._heap, due)

    def note(self, call: Call, kind: Any, text: str, **more: Any) -> None:
        """Write a line of the timeline."""
        self.timeline.append(Entry(round(self.now, 3), call.id, kind, text, **more))

    # The life of a call

    def place(self, order: CreateCall) -> Call:
        """Accept an outbound call into the queue."""
        call = Call(
            id=self._call_id(),
            application_id=order.application_id,
            direction="outbound",
            from_=order.from_,
            to=order.to,
            party=self.phones.get(order.to, Caller()),
            state="queued",
            enqueued=self.now,
            changed=self.now,
            tag=order.tag or None,
            answer=targets(
                target(order.answer_url, order.answer_method, order.username, order.password),
                order.answer_fallback_url
                and target(
                    order.answer_fallback_url,
                    order.answer_fallback_method,
                    order.fallback_username,
                    order.fallback_password,
                ),
            ),
            disconnect=target(
                order.disconnect_url, order.disconnect_method, order.username, order.password
            )
            if order.disconnect_url
            else None,
            call_timeout=30.0 if order.call_timeout is None else order.call_timeout,
            callback_timeout=15.0 if order.callback_timeout is None else order.callback_timeout,
        )
        self.calls[call.id] = call
        self.note(call, "state", f"queued: {call.from_} calls {call.to}")
        self.plan_anyway(call, 0.0, "leaves the queue")
        return call

    def arrive(self, from_: str, to: str, caller: Caller, application: Application) -> Call:
        """Let an inbound call arrive."""
        call = Call(
            id=self._call_id(),
            application_id=application.application_id,
            direction="inbound",
            from_=from_,
            to=to,
            party=caller,
            started=self.now,
            changed=self.now,
            answer=application.initiate,
            disconnect=application.disconnect,
            callback_timeout=application.callback_timeout,
        )
        self.calls[call.id] = call
        self.note(call, "state", f"arrives: {from_} calls {to}")
        self.fetch(call, self.event(call, InitiateEvent), application.initiate)
        return call

    def ring(self, call: Call) -> None:
        """Ring the party of an outbound leg."""
        call.state, call.started, call.changed = "initiated", self.now, self.now
        self.note(call, "state", f"rings {callee(call)}")
        match call.party.outcome:
            case "answers":
                self.plan_anyway(call, call.party.rings_for, "is answered")
            case "is busy":
                self.plan_anyway(call, 0.0, "fails", ("busy", "Callee is busy"))
            case "rejects":
                why = ("rejected", "Callee rejected the call")
                self.plan_anyway(call, call.party.rings_for, "fails", why)
            case "never answers":
                pass
        self.plan_anyway(call, call.call_timeout, "fails", ("timeout", "Call timed out"))

    def answer(self, call: Call) -> None:
        """Connect the party of a leg that is not answered yet. Its script begins."""
        if call.state != "initiated":
            return
        call.state, call.answered, call.changed = "answered", self.now, self.now
        who = "the platform" if call.direction == "inbound" else self.who(call)
        self.note(call, "state", f"{who} answers")
        self.act_after(call, 0.0)

    def hang_up(self, call: Call, cause: str, message: str | None = None) -> None:
        """End a leg, for ``cause``. ``message`` makes it an error."""
        if call.is_over:
            return
        call.state, call.ended, call.changed, call.cause = "disconnected", self.now, self.now, cause
        if message:
            call.error_message, call.error_id = message, self._uuid()
        if isinstance(call.activity, Connected):
            call.activity = None  # the other side hears of it below, after this side's own webhook
        self.stop(call)
        self._leave_in_vain(call)
        self.note(call, "state", f"ends: {cause}{f' ({message})' if message else ''}")
        errors = {"error_message": call.error_message, "error_id": call.error_id}
        ended = {"end_time": moment(self.settings, self.now), "cause": cause, **errors}
        if call.parent_id is None:
            if call.disconnect:
                event: CallEvent = self.event(call, DisconnectEvent, **ended)
                self._send(call, event, Targets(call.disconnect))
            return
        parent = self.calls[call.parent_id]
        if call.destination and call.destination.transfer_disconnect_url:
            self._tell(call, self.event(call, TransferDisconnectEvent, **ended))
        self.happens["leg is over"](self, parent, call)

    def _tell(self, leg: Call, event: CallEvent) -> None:
        if leg.disconnect_url is None:
            self.note(leg, "note", "no transferDisconnect: its relative URL leads nowhere")
        elif leg.destination:
            method = leg.destination.transfer_disconnect_method
            login = leg.destination.username, leg.destination.password
            self._send(leg, event, Targets(target(leg.disconnect_url, method, *login)))

    def stop(self, call: Call) -> None:
        """Break off whatever a call is doing."""
        activity, call.activity = call.activity, None
        call.turn += 1
        match activity:
            case Talking(words):
                self.note(call, "cut off", words)
            case Pausing(since):
                self.note(call, "cut off", f"a pause after {self.now - since:g} s")
            case Transferring(legs=legs):
                for leg in [self.calls[leg] for leg in legs]:
                    self.hang_up(leg, "hangup" if leg.state == "answered" else "cancel")
            case Connected(to):
                self.happens["leg is over"](self, self.calls[to], call)
            case _:
                pass

    # Documents

    def push(self, call: Call, document: Document) -> None:
        """Break off what the call is doing and run another document."""
        self.stop(call)
        self.begin(call, document, None)

    def redirect(self, call: Call, there: Targets, tag: str | None) -> None:
        """Break off what the call is doing and fetch another document."""
        self.stop(call)
        self.retag(call, tag)
        self.fetch(call, self.event(call, RedirectEvent), there)

    def begin(self, call: Call, document: Document, base_url: str | None) -> None:
        """Run a document from its start."""
        barred = [verb for verb in document if verb.in_transfer_answer is False]
        if call.joining and barred:
            words = f"{type(barred[0]).__name__} is not allowed in the reply to transferAnswer"
            self.hang_up(call, "invalid-bxml", words)
            return
        call.document, call.position, call.base_url = tuple(document), 0, base_url
        self.carry_on(call)

    def carry_on(self, call: Call) -> None:
        """Perform verbs until one takes time, or the document ends."""
        call.activity = None
        call.turn += 1
        while not call.is_over and call.activity is None:
            if call.position < len(call.document):
                verb = call.document[call.position]
                call.position += 1
                perform = self.performs.get(type(verb))
                if perform is None:
                    words = f"this simulator does not perform <{type(verb).__name__}> yet"
                    self.hang_up(call, "error", words)
                    return
                perform(self, call, verb)
            elif call.joining:
                self.happens["is connected"](self, call, None)
            else:
                cause = "hangup" if call.state == "answered" else "rejected"
                self.hang_up(call, cause)

    def retag(self, call: Call, tag: str | None) -> None:
        """Replace the tag of a call, if there is another; an empty one clears it."""
        if tag is not None:
            call.tag = tag or None

    # Webhooks

    def event(self, call: Call, cls: type[E], **more: Any) -> E:
        """An event of a call, with the fields that all events have."""
        if call.parent_id and "parent_call_id" in cls.__struct_fields__:
            more = {
                "parent_call_id": call.parent_id,
                "transfer_caller_id": call.transfer_caller_id,
                "transfer_to": callee(call),
                **more,
            }
        return cls(
            event_time=moment(self.settings, self.now),
            account_id=self.account_id,
            application_id=call.application_id,
            from_=call.from_,
            to=call.to,
            direction=call.direction,
            call_id=call.id,
            call_url=f"{self.calls_url}/{call.id}",
            enqueued_time=self._time(call.enqueued),
            start_time=self._time(call.started),
            answer_time=self._time(call.answered),
            tag=call.tag,
            **more,
        )

    def targets(self, call: Call, verb: Any, url: str, stem: str) -> Targets | None:
        """Where a verb's webhook goes. Ends the call and is None for a URL that leads nowhere."""
        second = getattr(verb, f"{stem}_fallback_url", None)
        main, fallback = self.resolve(call, url), second and self.resolve(call, second)
        if main is None or (second and fallback is None):
            nowhere = url if main is None else second
            words = f"the document was pushed, so the relative URL {nowhere!r} leads nowhere"
            self.hang_up(call, "callback-error", words)
            return None
        return targets(
            target(main, getattr(verb, f"{stem}_method"), verb.username, verb.password),
            fallback
            and target(
                fallback,
                getattr(verb, f"{stem}_fallback_method"),
                verb.fallback_username,
                verb.fallback_password,
            ),
        )

    def resolve(self, call: Call, url: str) -> str | None:
        """An absolute URL; None for a relative one in a document that no URL supplied."""
        if urlsplit(url).scheme:
            return url
        return urljoin(call.base_url, url) if call.base_url else None

    def fetch(self, call: Call, event: CallEvent, there: Targets) -> None:
        """Ask the application for a document. The call waits for it."""
        call.fetches += 1
        if call.fetches > self.settings.most_documents_at_once:
            words = f"{call.fetches - 1} documents were fetched, and no verb in them took time"
            self.hang_up(call, "error", words)
            return
        call.activity = Fetching(self._send(call, event, there).id)

    def _send(self, call: Call, event: CallEvent, there: Targets, attempt: int = 1) -> Delivery:
        self._deliveries += 1
        sent = Delivery(
            id=self._deliveries,
            call_id=call.id,
            event=event,
            target=there.main,
            fallback=there.fallback,
            timeout=call.callback_timeout,
            attempt=attempt,
        )
        self.outgoing.append(sent)
        return sent

    def delivered(self, delivery: Delivery, outcome: Answered | Unanswered) -> None:
        """Take the reply to a webhook, or its absence, and go on with the call."""
        call = self.calls[delivery.call_id]
        self._note_delivery(call, delivery, outcome)
        if not delivery.event.wants_document:
            # Retried once to the same URL after a connection exception (documented).
            if isinstance(outcome, Unanswered) and delivery.attempt == 1:
                self._send(call, delivery.event, Targets(delivery.target), attempt=2)
            return
        if call.is_over or call.activity != Fetching(delivery.id):
            return
        match outcome:
            case Answered(status, content) if 200 <= status < 300:
                self._take(call, content, delivery.target.url)
            case _ if delivery.fallback:
                sent = self._send(call, delivery.event, Targets(delivery.fallback))
                call.activity = Fetching(sent.id)
            case Answered(status):
                words = f"the {delivery.event.event_type} webhook was answered with {status}"
                self.hang_up(call, "callback-error", words)
            case Unanswered(reason):
                words = f"the {delivery.event.event_type} webhook was not answered: {reason}"
                self.hang_up(call, "callback-error", words)

    def _take(self, call: Call, content: bytes, base_url: str) -> None:
        try:
            document = parse(content)
        except ParseError as error:
            self.hang_up(call, "invalid-bxml", str(error.problems[0]))
            return
        self.begin(call, document, base_url)

    def _note_delivery(
        self, call: Call, delivery: Delivery, outcome: Answered | Unanswered
    ) -> None:
        what = f"{delivery.target.method} {delivery.event.event_type}"
        if isinstance(outcome, Unanswered):
            text = f"{what}: no reply ({outcome.reason})"
            self.note(call, "webhook", text, url=delivery.target.url)
            return
        self.note(
            call,
            "webhook",
            f"{what}: {outcome.status}",
            url=delivery.target.url,
            status=outcome.status,
            body=outcome.content[:LONGEST_TIMELINE_BODY].decode(errors="replace"),
        )

    # The party on the telephone

    def hears(self, call: Call, words: str) -> float:
        """Begin to play something to a party; how many seconds it takes."""
        self.note(call, "hears", words)
        return self.spoken(words)

    def spoken(self, words: str) -> float:
        """Seconds that it takes to say something."""
        return max(len(words.split()) * 60 / self.settings.words_per_minute, 0.4)

    def has_heard(self, call: Call, words: str) -> None:
        """Something was played to its end."""
        call.heard.append(words)
        if not call.acting and isinstance(self._next_step(call), Hears):
            self._listen(call)

    def act_after(self, call: Call, seconds: float) -> None:
        """Let the party do its next step when some seconds have passed."""
        call.acting = True
        self.plan_anyway(call, seconds, "acts")

    def _next_step(self, call: Call) -> Any:
        steps = call.party.steps
        return steps[call.step] if call.step < len(steps) else None

    def _listen(self, call: Call) -> None:
        wanted = self._next_step(call).words.casefold()
        for index, words in enumerate(call.heard):
            if wanted in words.casefold():
                del call.heard[: index + 1]
                call.step += 1
                self.act_after(call, self.settings.reaction_seconds)
                return

    def act(self, call: Call) -> None:
        """Let the party do the next step of its script."""
        call.acting = False
        step = self._next_step(call)
        if isinstance(step, Hears):
            self._listen(call)
            return
        call.step += 1
        match step:
            case Waits(seconds):
                self.act_after(call, seconds)
            case Presses(digits):
                for index, digit in enumerate(digits):
                    after = index * self.settings.key_seconds
                    self.plan_anyway(call, after, "presses", digit)
                self.act_after(call, len(digits) * self.settings.key_seconds)
            case Says(words):
                self.note(call, "says", words)
                self.happens["begins to say"](self, call, words)
                call.acting = True
                self.plan_anyway(call, self.spoken(words), "has said", words)
            case HangsUp():
                self.note(call, "state", f"{self.who(call)} hangs up")
                self.hang_up(call, "hangup")
            case _:
                pass

    def _leave_in_vain(self, call: Call) -> None:
        if call.answered is not None and isinstance(step := self._next_step(call), Hears):
            self.note(call, "note", f"was still waiting to hear {step.words!r}")

    # Small parts

    def who(self, call: Call) -> str:
        """The party of a leg, as people would call it."""
        return call.from_ if call.direction == "inbound" else callee(call)

    def _time(self, at: float | None) -> Any:
        return None if at is None else moment(self.settings, at)

    def _uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def _call_id(self) -> str:
        return f"c-{self.random.getrandbits(32):08x}-{self._uuid()}"

    def new_leg(
        self, parent: Call, destination: Any, caller_id: str | None, timeout: float
    ) -> Call:
        """A leg that a Transfer is about to ring."""
        remote = self.who(parent)
        told = destination.transfer_disconnect_url
        leg = Call(
            id=self._call_id(),
            application_id=parent.application_id,
            direction="outbound",
            from_=parent.from_,
            to=parent.to,
            party=self.phones.get(destination.text, Caller()),
            tag=destination.tag or None,
            call_timeout=timeout,
            callback_timeout=parent.callback_timeout,
            base_url=parent.base_url,
            parent_id=parent.id,
            destination=destination,
            transfer_caller_id=caller_id or remote,
            disconnect_url=self.resolve(parent, told) if told else None,
        )
        self.calls[leg.id] = leg
        return leg


def target(url: str, method: str | None, username: str | None, password: str | None) -> Target:
    """A target with the method that the platform assumes."""
    return Target(url, method or "POST", username, password)


def targets(main: Target, fallback: Target | Literal[""] | None) -> Targets:
    """A main target, and a fallback where there is one."""
    return Targets(main, fallback or None)


def callee(call: Call) -> str:
    """Whom a leg rings."""
    return call.destination.text if call.destination else call.to


def _leaves_the_queue(engine: Engine, call: Call, _: Any) -> None:
    engine.ring(call)


def _is_answered(engine: Engine, call: Call, _: Any) -> None:
    if call.state != "initiated":
        return
    engine.answer(call)
    if call.parent_id:
        engine.happens["leg answers"](engine, engine.calls[call.parent_id], call)
    elif call.answer:
        engine.fetch(call, engine.event(call, AnswerEvent), call.answer)


def _fails(engine: Engine, call: Call, why: tuple[str, str]) -> None:
    if call.state == "initiated":
        engine.hang_up(call, *why)


def _acts(engine: Engine, call: Call, _: Any) -> None:
    engine.act(call)


Engine.happens.update(
    {
        "leaves the queue": _leaves_the_queue,
        "is answered": _is_answered,
        "fails": _fails,
        "acts": _acts,
    }
)
