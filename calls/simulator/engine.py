"""The engine: calls, the clock's heap of happenings, and the errands that they cause.

It decides and does no I/O. Whoever drives it lets happenings happen (``step``), runs the errands
that are in ``outgoing``, and brings back what came of them (``delivered``, ``opened``, …). What the
verbs do is in ``calls.simulator.verbs``, which enter themselves in the tables of the class.
"""

import heapq
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

from bxml.document import Document
from bxml.errors import ParseError
from calls.events import (
    AnswerEvent,
    CallEvent,
    DisconnectEvent,
    Event,
    InitiateEvent,
    RedirectEvent,
)
from calls.models import CreateCall
from calls.simulator import party
from calls.simulator.caller import Caller
from calls.simulator.errands import (
    Answered,
    Application,
    Audio,
    Delivery,
    Errand,
    Measuring,
    Targets,
    Unanswered,
)
from calls.simulator.limits import Limits
from calls.simulator.replies import document_in, in_lines, text_of, why
from calls.simulator.settings import Settings
from calls.simulator.state import (
    Call,
    Connected,
    Entry,
    Fetching,
    Kind,
    Recording,
    RecordingCall,
    Room,
    Sound,
    Stream,
    milliseconds_after,
)
from calls.simulator.targets import resolve, target, targets_of

E = TypeVar("E", bound=CallEvent)
Act = Callable[["Engine", Any, Any], None]
Resume = Callable[["Engine", Call, Any, float], None]


class Happening(NamedTuple):
    """Something that is due. Void once its owner is over or has turned to something else."""

    at: float
    order: int
    owner: Call | Room | None
    turn: int | None
    act: Act
    argument: Any = None


class Engine:
    """All calls of one platform. One thread at a time may use it."""

    # What the verbs enter here: how each is performed, what ends with an activity that is broken
    # off, what an activity makes of keys and speech, what ends with a call, and who listens in.
    performs: ClassVar[dict[type, Act]] = {}
    breaks: ClassVar[dict[type, Act]] = {}
    on_key: ClassVar[dict[type, Callable[["Engine", Call, Any, str], bool]]] = {}
    on_speech_begins: ClassVar[dict[type, Act]] = {}
    on_speech: ClassVar[dict[type, Callable[["Engine", Call, Any, str, float], None]]] = {}
    on_end: ClassVar[list[Callable[["Engine", Call], None]]] = []
    listeners: ClassVar[list[Callable[["Engine", Call, str, float, float, str], None]]] = []
    leg_answers: ClassVar[dict[str, Callable[["Engine", Call, Call], None]]] = {}
    leg_is_over: ClassVar[dict[str, Callable[["Engine", Call | None, Call], None]]] = {}
    leg_joins: ClassVar[Act]
    push_conference: ClassVar[Callable[["Engine", Room, Document, str | None], None]]
    redirect_conference: ClassVar[Callable[["Engine", Room, Targets], None]]
    end_conference: ClassVar[Callable[["Engine", Room], None]]
    room_reply: ClassVar[Callable[["Engine", Room, Delivery, Answered | Unanswered], None]]
    stream_opened: ClassVar[Callable[["Engine", Stream, Call, str | None], None]]
    stream_received: ClassVar[Callable[["Engine", Stream, Call, str], None]]
    stream_closed: ClassVar[Callable[["Engine", Stream, Call, str | None], None]]
    detects: ClassVar[Callable[["Engine", Call], bool]]

    def __init__(self, account_id: str, calls_url: str, settings: Settings, random: Random) -> None:
        self.account_id = account_id
        self.calls_url = calls_url
        self.settings = settings
        self.random = random
        self.now = 0.0
        self.calls: dict[str, Call] = {}
        self.conferences: dict[str, Room] = {}
        self.rooms: dict[str, Room] = {}
        """The conferences that are going on, by name."""
        self.recordings: dict[str, Recording] = {}
        self.streams: dict[str, tuple[Call, Stream]] = {}
        self.phones: dict[str, Caller] = {}
        self.outgoing: deque[Errand] = deque()
        self.timeline: list[Entry] = []
        self.audio: dict[Measuring, tuple[Audio, float]] = {}
        """What is known of audio files, and until when."""
        self.measures = False
        """Whether somebody finds out how long audio files are."""
        self.sends_media = True
        """Whether the audio of streams is sent to their websockets."""
        self.mischief: Callable[[Engine, Call, Sound], None] | None = None
        self.limits = Limits(settings)
        self.under_way = 0
        """Deliveries whose outcome is not known yet."""
        self._started = settings.started
        self._heap: list[Happening] = []
        self._order = 0
        self._deliveries = 0
        self._queue_moves = False
        self._ended: deque[tuple[float, str]] = deque()
        self._measured: dict[Measuring, list[tuple[Call, int, Resume, Any]]] = {}

    # Time

    def due(self) -> float | None:
        """When the next happening is due, if there is one."""
        heap = self._heap
        while heap:
            owner, turn = heap[0].owner, heap[0].turn
            if owner is None or not (owner.is_over or turn not in (None, owner.turn)):
                return heap[0].at
            heapq.heappop(heap)
        return None

    def step(self, until: float = float("inf")) -> bool:
        """Let the next happening happen, if it is due by then. Whether there was one."""
        due = self.due()
        if due is None or due > until:
            return False
        happening = heapq.heappop(self._heap)
        self.now = max(self.now, due)
        happening.act(self, happening.owner, happening.argument)
        return True

    def plan(self, call: Call, seconds: float, act: Act, argument: Any = None) -> None:
        """Let something happen later, unless the call has turned to something else by then."""
        if seconds > 0:
            call.fetches = 0
        self._order = order = self._order + 1
        at = self.now + seconds if seconds > 0 else self.now
        heapq.heappush(self._heap, Happening(at, order, call, call.turn, act, argument))

    def plan_anyway(
        self, owner: Call | Room | None, seconds: float, act: Act, argument: Any = None
    ) -> None:
        """Let something happen later, whatever its owner does then, if it is not over.

        What has no owner happens in any case.
        """
        self._order = order = self._order + 1
        at = self.now + seconds if seconds > 0 else self.now
        heapq.heappush(self._heap, Happening(at, order, owner, None, act, argument))

    def plan_in_room(self, room: Room, seconds: float, act: Act, argument: Any = None) -> None:
        """The same as ``plan`` for a conference."""
        self._order = order = self._order + 1
        happening = Happening(self.now + seconds, order, room, room.turn, act, argument)
        heapq.heappush(self._heap, happening)

    def note(self, owner: Call | Room | None, kind: Kind, text: str, **more: Any) -> None:
        """Write a line of the timeline."""
        owner_id = "" if owner is None else owner.id
        self.timeline.append(Entry(round(self.now, 3), owner_id, kind, text, **more))

    # The life of a call

    def place(self, order: CreateCall) -> Call:
        """Accept an outbound call into the queue."""
        first = target(order.answer_url, order.answer_method, order.username, order.password)
        second = order.answer_fallback_url and target(
            order.answer_fallback_url,
            order.answer_fallback_method,
            order.fallback_username,
            order.fallback_password,
        )
        call = Call(
            id=self.new_id("c-"),
            application_id=order.application_id,
            direction="outbound",
            from_=order.from_,
            to=order.to,
            party=self.phones.get(order.to, Caller()),
            state="queued",
            enqueued=self.now,
            changed=self.now,
            tag=order.tag or None,
            privacy=order.privacy,
            display_name=order.display_name,
            answer=Targets(first, second or None),
            disconnect=target(
                order.disconnect_url, order.disconnect_method, order.username, order.password
            )
            if order.disconnect_url
            else None,
            detection=order.machine_detection,
            call_timeout=30.0 if order.call_timeout is None else order.call_timeout,
            callback_timeout=15.0 if order.callback_timeout is None else order.callback_timeout,
        )
        self.calls[call.id] = call
        self.note(call, "state", f"queued: {call.from_} calls {call.to}")
        self.limits.enqueue(call, order.priority or 5)
        self._let_the_queue_move()
        return call

    def _let_the_queue_move(self) -> None:
        if not self._queue_moves:
            self._queue_moves = True
            self.plan_anyway(None, self.limits.next_out - self.now, _queue_moves)

    def queue_moves(self) -> None:
        """Let the calls out of the queue whose turn it is: the most urgent, then the oldest."""
        self._queue_moves = False
        while (call := self.limits.dequeue(self.now)) is not None:
            self.ring(call)
        if self.limits.has_queue:
            self._let_the_queue_move()

    def arrive(self, from_: str, to: str, caller: Caller, application: Application) -> Call:
        """Let an inbound call arrive."""
        call = Call(
            id=self.new_id("c-"),
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
        refusal = self.limits.refusal(self.now)
        self.limits.begin(self.now)
        if refusal:
            # It is refused without any notification (documented).
            call.disconnect = None
            self.hang_up(call, "account-limit", refusal)
            return call
        self.fetch(call, self.event(call, InitiateEvent), application.initiate)
        return call

    def ring(self, call: Call) -> None:
        """Ring the party of an outbound leg."""
        call.state, call.started, call.changed = "initiated", self.now, self.now
        self.limits.begin(self.now)
        shown_as = call.leg.shown_as if call.leg else call.from_
        name = f" ({call.display_name})" if call.display_name else ""
        hidden = ", number hidden" if call.privacy else ""
        self.note(call, "state", f"rings {callee(call)} as {shown_as}{name}{hidden}")
        party.rings(self, call)
        self.plan_anyway(call, call.call_timeout, party.is_given_up)

    def answer(self, call: Call) -> None:
        """Connect the party of a leg that is not answered yet. Its script begins."""
        if call.state != "initiated":
            return
        call.state, call.answered, call.changed = "answered", self.now, self.now
        who = "the platform" if call.direction == "inbound" else self.who(call)
        self.note(call, "state", f"{who} answers")
        party.act_after(self, call, 0.0)

    def is_answered(self, call: Call) -> None:
        """The party of an outbound leg has picked up."""
        if call.state != "initiated" or call.direction == "inbound":
            return
        self.answer(call)
        if call.leg:
            self.leg_answers[call.leg.by](self, self.calls[call.leg.parent_id], call)
        elif call.answer and not (call.detection and Engine.detects(self, call)):
            self.fetch(call, self.event(call, AnswerEvent), call.answer)

    def hang_up(
        self, call: Call, cause: str, message: str | None = None, sip_status: int | None = None
    ) -> None:
        """End a leg, for ``cause``. ``message`` makes it an error."""
        if call.is_over:
            return
        if call.state != "queued":
            self.limits.active -= 1
        call.state, call.ended, call.changed, call.cause = "disconnected", self.now, self.now, cause
        call.sip_status = sip_status
        if message:
            call.error_message, call.error_id = message, self._uuid()
        if isinstance(call.activity, Connected):
            call.activity = None  # the other side hears of it below, after this side's own webhook
        self.stop(call)
        for ends in self.on_end:
            ends(self, call)
        party.leaves(self, call)
        self.note(call, "state", f"ends: {cause}{f' ({message})' if message else ''}")
        self._ended.append((self.now, call.id))
        if call.leg:
            self.leg_is_over[call.leg.by](self, self.calls.get(call.leg.parent_id), call)
        elif call.disconnect:
            event = self.event(
                call, DisconnectEvent, **self.ending(call), sip_response_code=sip_status
            )
            self.send(call, event, Targets(call.disconnect))

    def ending(self, call: Call) -> dict[str, Any]:
        """How a call ended, as its events say."""
        return {
            "end_time": self.time(call.ended),
            "cause": call.cause,
            "error_message": call.error_message,
            "error_id": call.error_id,
        }

    def forget(self) -> None:
        """Forget the calls and conferences that ended too long ago."""
        earliest = self.now - self.settings.retention_seconds
        while self._ended and self._ended[0][0] < earliest:
            ended = self._ended.popleft()[1]
            self.conferences.pop(ended, None)
            call = self.calls.pop(ended, None)
            for stream in call.streams.values() if call else ():
                self.streams.pop(stream.id, None)

    def room_is_over(self, room: Room) -> None:
        """The last member of a conference has left."""
        room.is_over = True
        self.rooms.pop(room.name, None)
        self._ended.append((self.now, room.id))

    def stop(self, call: Call) -> None:
        """Break off whatever a call is doing."""
        activity, call.activity = call.activity, None
        call.turn += 1
        self.cut_off(call)
        if activity is not None and (breaks := self.breaks.get(type(activity))):
            breaks(self, call, activity)

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
        if call.joining:
            barred = [verb for verb in document if verb.in_transfer_answer is False]
            if barred:
                words = f"{type(barred[0]).__name__} is not allowed in the reply to transferAnswer"
                self.hang_up(call, "invalid-bxml", words)
                return
        call.document, call.position, call.base_url = tuple(document), 0, base_url
        self.carry_on(call)

    def carry_on(self, call: Call) -> None:
        """Perform verbs until one takes time, or the document ends."""
        call.activity = None
        call.turn += 1
        while call.is_idle:
            if call.position < len(call.document):
                verb = call.document[call.position]
                call.position += 1
                if call.state == "initiated" and verb.answers_here():
                    self.answer(call)
                self.performs[type(verb)](self, call, verb)
            elif call.joining:
                Engine.leg_joins(self, call, None)
            else:
                cause = "hangup" if call.state == "answered" else "rejected"
                self.hang_up(call, cause)

    def carry_on_if_idle(self, call: Call) -> None:
        """Perform what comes next, if nothing was begun meanwhile."""
        if call.is_idle:
            self.carry_on(call)

    def retag(self, call: Call, tag: str | None) -> None:
        """Replace the tag of a call, if there is another; an empty one clears it."""
        if tag is not None:
            call.tag = tag or None

    # Webhooks

    def event(self, call: Call, cls: type[E], **more: Any) -> E:
        """An event of a call, with the fields that all events have."""
        fields = {
            "event_time": self.time(self.now),
            "account_id": self.account_id,
            "application_id": call.application_id,
            "from_": call.from_,
            "to": call.to,
            "direction": call.direction,
            "call_id": call.id,
            "call_url": f"{self.calls_url}/{call.id}",
            "enqueued_time": self.time(call.enqueued),
            "start_time": self.time(call.started),
            "answer_time": self.time(call.answered),
            "tag": call.tag,
            "privacy": call.privacy,
            "caller_display_name": call.display_name,
        }
        if call.parent_id is not None and "parent_call_id" in cls.__struct_fields__:
            fields.update(self.leg_fields(call))
        fields.update(more)
        return cls(**fields)

    def leg_fields(self, leg: Call) -> dict[str, Any]:
        """The fields that say which leg of a transfer it is."""
        return {
            "parent_call_id": leg.parent_id,
            "transfer_caller_id": leg.leg.shown_as if leg.leg else None,
            "transfer_to": callee(leg),
        }

    def targets(self, call: Call, verb: Any, stem: str) -> Targets | None:
        """Where a verb's webhook goes; None for a URL that leads nowhere, which ends the call."""
        url, second = getattr(verb, f"{stem}_url"), getattr(verb, f"{stem}_fallback_url", None)
        found = targets_of(verb, stem, call.base_url)
        if found is None:
            nowhere = second if resolve(call.base_url, url) else url
            words = f"the document was pushed, so the relative URL {nowhere!r} leads nowhere"
            self.hang_up(call, "callback-error", words)
        return found

    def fetch(self, call: Call, event: CallEvent, there: Targets) -> None:
        """Ask the application for a document. The call waits for it."""
        call.fetches += 1
        if call.fetches > self.settings.most_documents_at_once:
            words = f"{call.fetches - 1} documents were fetched, and no verb in them took time"
            self.hang_up(call, "error", words)
            return
        call.activity = Fetching(self.send(call, event, there).id)

    def send(
        self, owner: Call | Room, event: Event, there: Targets, *, attempt: int = 1
    ) -> Delivery:
        """Send a webhook."""
        self._deliveries += 1
        timeout = owner.callback_timeout if isinstance(owner, Call) else owner.timeout
        sent = Delivery(
            id=self._deliveries,
            call_id=owner.id,
            event=event,
            target=there.main,
            fallback=there.fallback,
            timeout=timeout,
            attempt=attempt,
        )
        self.outgoing.append(sent)
        self.under_way += 1
        return sent

    def delivered(
        self, delivery: Delivery, outcome: Answered | Unanswered, *, after: float = 0.0
    ) -> None:
        """Take the reply to a webhook, or its absence, and go on; ``after`` seconds if it was late."""
        if after > 0:
            self.plan_anyway(None, after, _is_delivered, (delivery, outcome))
            return
        self.under_way -= 1
        owner = self.calls.get(delivery.call_id) or self.conferences.get(delivery.call_id)
        self._note_delivery(delivery, outcome)
        failed = not (isinstance(outcome, Answered) and 200 <= outcome.status < 300)
        if owner is None:
            return
        waits = isinstance(owner, Call) and owner.activity == Fetching(delivery.id)
        if delivery.event.wants_document and isinstance(owner, Call) and not waits:
            return  # the call is over, or was sent elsewhere, while the application answered
        if failed and delivery.fallback:
            sent = self.send(owner, delivery.event, Targets(delivery.fallback))
            if waits and isinstance(owner, Call):
                owner.activity = Fetching(sent.id)
        elif not delivery.event.wants_document:
            # Retried once to the same URL after a connection exception (documented).
            if isinstance(outcome, Unanswered) and delivery.attempt == 1:
                self.send(owner, delivery.event, Targets(delivery.target), attempt=2)
        elif isinstance(owner, Room):
            Engine.room_reply(self, owner, delivery, outcome)
        elif isinstance(outcome, Answered) and not failed:
            self._take(owner, outcome.content, delivery.target.url)
        else:
            self.hang_up(owner, "callback-error", why(delivery, outcome))

    def _take(self, call: Call, content: bytes, base_url: str) -> None:
        try:
            document = document_in(content)
        except ParseError as error:
            self.hang_up(call, "invalid-bxml", in_lines(error))
            return
        self.begin(call, document, base_url)

    def _note_delivery(self, delivery: Delivery, outcome: Answered | Unanswered) -> None:
        what = f"{delivery.target.method} {delivery.event.event_type}"
        at, there = round(self.now, 3), delivery.target.url
        if isinstance(outcome, Unanswered):
            text = f"{what}: no reply ({outcome.reason})"
            self.timeline.append(Entry(at, delivery.call_id, "webhook", text, url=there))
            return
        body = text_of(outcome.content[: self.settings.longest_body])
        text = f"{what}: {outcome.status}"
        line = Entry(at, delivery.call_id, "webhook", text, there, outcome.status, body)
        self.timeline.append(line)

    # What is heard

    def play(self, call: Call, words: str, seconds: float) -> None:
        """Begin to play something to a party."""
        self.note(call, "hears", words)
        call.sound = Sound(words, self.now, seconds)
        call.sounds.append(call.sound)
        if self.mischief:
            self.mischief(self, call, call.sound)

    def has_played(self, call: Call) -> None:
        """What is being played has come to its end."""
        sound, call.sound = call.sound, None
        if sound:
            sound.ended = self.now
            self.sounded(call, "outbound", sound.at, self.now, sound.words)
            party.has_heard(self, call)

    def cut_off(self, call: Call) -> None:
        """End what is being played before its time."""
        sound, call.sound = call.sound, None
        if sound:
            sound.ended = self.now
            self.note(call, "cut off", sound.words)
            self.sounded(call, "outbound", sound.at, self.now, sound.words)

    def told(self, call: Call, words: str, since: float) -> None:
        """A party has heard something that another party has said."""
        self.note(call, "hears", words)
        sound = Sound(words, since, self.now - since, self.now)
        call.sounds.append(sound)
        self.sounded(call, "outbound", since, self.now, words)
        party.has_heard(self, call)

    def sounded(self, call: Call, track: str, start: float, end: float, words: str) -> None:
        """Something was heard on a call, for recordings and transcriptions."""
        if call.recording is None and not call.streams and type(call.activity) is not RecordingCall:
            return
        for listens in self.listeners:
            listens(self, call, track, start, end, words)

    def spoken(self, words: str) -> float:
        """Seconds that it takes to say something."""
        return max(len(words.split()) * 60 / self.settings.words_per_minute, 0.4)

    def measure(self, call: Call, errand: Measuring, resume: Resume, argument: Any) -> None:
        """Find out how long an audio file is, then go on, unless the call has turned by then."""
        recording = self.recordings.get(errand.url.removesuffix("/media").rpartition("/")[2])
        if recording is not None and recording.media_url == errand.url:
            resume(self, call, argument, recording.seconds)
            return
        known, until = self.audio.get(errand, (Audio(), -1.0))
        if until <= self.now and self.measures:
            waiting = self._measured.setdefault(errand, [])
            waiting.append((call, call.turn, resume, argument))
            if len(waiting) == 1:
                self.outgoing.append(errand)
            return
        self._play_measured(call, known, resume, argument)

    def measured(self, errand: Measuring, found: Audio) -> None:
        """Take what was found out of an audio file."""
        self.audio[errand] = found, self.now + found.fresh_seconds
        for call, turn, resume, argument in self._measured.pop(errand, []):
            if call.is_over or call.turn != turn:
                continue
            assumed = self.settings.audio_seconds
            if found.trouble is not None and found.is_playable:
                words = f"{errand.url}: {found.trouble}; {assumed:g} s are assumed"
                self.note(call, "note", words)
            if found.is_playable:
                self._play_measured(call, found, resume, argument)
            else:
                self.hang_up(call, "application-error", f"{errand.url}: {found.trouble}")

    def _play_measured(self, call: Call, found: Audio, resume: Resume, argument: Any) -> None:
        assumed = self.settings.audio_seconds
        resume(self, call, argument, assumed if found.seconds is None else found.seconds)

    # Websockets

    def opened(self, socket_id: str, trouble: str | None = None) -> None:
        """A websocket is open; or it is not, because of ``trouble``."""
        if socket_id in self.streams:
            call, stream = self.streams[socket_id]
            Engine.stream_opened(self, stream, call, trouble)

    def received(self, socket_id: str, text: str) -> None:
        """A message has come in over a websocket."""
        if socket_id in self.streams:
            call, stream = self.streams[socket_id]
            Engine.stream_received(self, stream, call, text)

    def closed(self, socket_id: str, trouble: str | None = None) -> None:
        """The application has closed a websocket; or it was lost, because of ``trouble``."""
        if socket_id in self.streams:
            call, stream = self.streams[socket_id]
            Engine.stream_closed(self, stream, call, trouble)

    # Small parts

    def who(self, call: Call) -> str:
        """The party of a leg, as people would call it."""
        return call.from_ if call.direction == "inbound" else callee(call)

    def time(self, at: float | None) -> Any:
        """A time of day, where there is one."""
        return None if at is None else milliseconds_after(self._started, round(at * 1000))

    def _uuid(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def new_id(self, prefix: str) -> str:
        """An id in the vendor's form."""
        return f"{prefix}{self.random.getrandbits(32):08x}-{self._uuid()}"

    def error_id(self) -> str:
        """The vendor's reference of an error."""
        return self._uuid()

    def restart(self) -> None:
        """Let the platform lose all its calls, as a restart would."""
        for call in [call for call in self.calls.values() if not call.is_over]:
            self.hang_up(call, "error", "the platform was restarted")


def callee(call: Call) -> str:
    """Whom a leg rings."""
    return call.leg.rings if call.leg else call.to


def _queue_moves(engine: Engine, _: Any, __: Any) -> None:
    engine.queue_moves()


def _is_delivered(engine: Engine, _: Any, sent: tuple[Delivery, Answered | Unanswered]) -> None:
    engine.delivered(*sent)
