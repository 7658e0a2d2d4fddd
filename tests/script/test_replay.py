"""Any script that is run again, at any moment and as often as one likes, is where it was."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import bxml
from bxml import Bridge, Conference, Gather, Record, Redirect, Refer, Response, Transfer
from calls import AsyncCallController, Basic
from calls.script import HungUp, Line, MemoryJournal, RunFailed, Script, Scripts
from calls.webhooks import VoiceApp

CALL = "c-0a1b2c3d-4e5f6071-8293-4a4b-8c5d-6e7f80910203"
FIELDS = {
    "accountId": "9900000",
    "applicationId": "app-1",
    "from": "+15550100001",
    "to": "+15550100002",
    "direction": "inbound",
    "callId": CALL,
    "callUrl": f"https://voice.example.com/calls/{CALL}",
}
PUBLIC = "https://app.example.com"

# Programs: what a script does, as data

WORDS = st.sampled_from(("one", "two", "three"))
LEAVES = st.one_of(
    st.tuples(st.just("say"), WORDS),
    st.tuples(st.just("pause"), st.integers(1, 3)),
    st.tuples(st.just("menu"), st.sampled_from(("12", "1", "*#")), st.integers(1, 3)),
    st.tuples(st.just("ask"), st.integers(1, 3)),
    st.tuples(st.just("run"), st.one_of(st.integers(), WORDS, st.none(), st.lists(WORDS))),
    st.tuples(st.just("run async"), st.integers()),
    st.tuples(st.just("run once"), st.integers()),
    st.just(("fail",)),
    st.just(("random",)),
    st.just(("now",)),
    st.just(("gather",)),
    st.just(("record",)),
    st.just(("transfer",)),
    st.just(("bridge",)),
    st.just(("refer",)),
    st.just(("conference",)),
    st.just(("heard",)),
    st.just(("message",)),
    st.tuples(st.just("message for"), st.integers(1, 60)),
)
PROGRAMS: Any = st.recursive(
    st.lists(LEAVES, max_size=6),
    lambda inner: st.lists(
        st.one_of(
            LEAVES,
            st.tuples(st.just("call"), inner),
            st.tuples(st.just("hand over"), inner),
            st.tuples(st.just("finally"), inner, inner),
            st.tuples(st.just("shrug off"), inner),
            st.just(("raise",)),
        ),
        max_size=6,
    ),
    max_leaves=12,
)


class Broken(Exception):
    """What a program raises."""


async def perform(  # noqa: C901, PLR0912, PLR0915  # a branch a step
    line: Line, program: list[Any], effects: list[Any]
) -> None:
    """A script that does what a program says."""

    def work(value: Any) -> Any:
        effects.append(value)
        return value

    async def work_later(value: int) -> int:
        effects.append(value)
        return value + 1

    def fail() -> None:
        effects.append("failed")
        raise LookupError

    for step in program:
        match step:
            case ("say", words):
                line.speak_sentence(words)
            case ("pause", seconds):
                line.pause(duration=seconds)
            case ("menu", keys, tries):
                prompts = ["Press.", "Do press."]
                pressed = await line.menu(prompts, keys=keys, tries=tries, invalid="No.")
                line.speak_sentence(f"pressed {pressed}")
            case ("ask", digits):
                asked = line.ask("How many?", digits=digits, check=lambda each: each != "0")
                line.speak_sentence(f"asked {await asked}")
            case ("run", value):
                line.speak_sentence(f"ran {await line.run(work, value)}")
            case ("run async", value):
                line.speak_sentence(f"ran {await line.run(work_later, value)}")
            case ("run once", value):
                line.speak_sentence(f"ran {await line.run_once(work, value)}")
            case ("fail",):
                try:
                    await line.run(fail)
                except RunFailed as error:
                    line.speak_sentence(f"caught {error.error}")
            case ("random",):
                line.speak_sentence(f"drew {line.random.random()}")
            case ("now",):
                line.speak_sentence(f"it is {line.now}")
            case ("gather",):
                heard = await line.gather(max_digits=2, input="dtmf_speech")
                line.speak_sentence(f"heard {heard.digits or heard.text or 'nothing'}")
            case ("record",):
                line.speak_sentence(f"recorded {(await line.record()).recording_id}")
            case ("transfer",):
                line.speak_sentence(f"ended: {(await line.transfer('+15550100003')).cause}")
            case ("bridge",):
                line.speak_sentence(f"bridged: {(await line.bridge(CALL)).was_bridged}")
            case ("refer",):
                line.speak_sentence(f"referred: {(await line.refer('sip:a@example.com')).status}")
            case ("conference",):
                await line.conference("room")
            case ("heard",):
                await line.heard()
            case ("message",):
                line.speak_sentence(f"told {await line.message()}")
            case ("message for", seconds):
                line.speak_sentence(f"told {await line.message(seconds=seconds)}")
            case ("call", inner):
                await perform(line, inner, effects)
            case ("hand over", inner):
                await line.hand_over(perform, inner, effects)
            case ("finally", inner, after):
                try:
                    await perform(line, inner, effects)
                finally:
                    await perform(line, after, effects)
            case ("shrug off", inner):
                try:
                    await perform(line, inner, effects)
                except (Broken, HungUp) as error:
                    await line.run(work, f"shrugged {type(error).__name__}")
            case ("raise",):
                raise Broken
            case _:
                raise AssertionError(step)


# An application that is asked by HTTP, and one whose memory is lost now and then


class Answers:
    """The application with a program, over a journal; what it answers and does."""

    def __init__(self, program: list[Any], clock: Callable[[], datetime]) -> None:
        self.journal = MemoryJournal()
        self.effects: list[Any] = []
        self.pushed: list[bytes] = []
        self._program = program
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        async def of_the_program(line: Line) -> None:
            await perform(line, self._program, self.effects)

        controller = AsyncCallController(
            "9900000", auth=Basic("user", "password"), transport=httpx.MockTransport(self._push)
        )
        self.scripts = Scripts(
            {"/answer": Script(of_the_program, Response().speak_sentence("Sorry."))},
            journal=self.journal,
            controller=controller,
            now=self._clock,
            new_seed=lambda: 3,
        )
        self.app = VoiceApp(self.scripts, public_url=PUBLIC)

    def _push(self, request: httpx.Request) -> httpx.Response:
        self.pushed.append(request.content)
        return httpx.Response(204)

    async def post(self, url: str, event: dict[str, Any]) -> tuple[int, bytes]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
            reply = await client.post(url, content=msgspec.json.encode(event))
        return reply.status_code, reply.content

    async def send(self, message: Any) -> Any:
        try:
            return await self.scripts.send(CALL, message)
        except Exception as error:  # noqa: BLE001
            return type(error)


def last_of(body: bytes) -> Any:
    """The verb that leads back to the script, if the document has one."""
    document = bxml.parse(body)
    return document[-1] if len(document) else None


def event_for(verb: Any, data: st.DataObject) -> tuple[str, dict[str, Any]] | None:
    """The URL of a verb, and an event that may come of it."""
    match verb:
        case Gather():
            outcomes = st.sampled_from(
                [
                    {"digits": ""},
                    {"digits": "", "terminatingDigit": "#"},
                    {"digits": "0"},
                    {"digits": "1"},
                    {"digits": "12"},
                    {"digits": "", "text": "help"},
                ]
            )
            return verb.gather_url or "", {"eventType": "gather", **data.draw(outcomes)}
        case Record():
            return verb.record_complete_url or "", {
                "eventType": "recordComplete",
                "recordingId": "r-1",
                "mediaUrl": "https://voice.example.com/r-1/media",
                "duration": "PT3S",
                "fileFormat": "wav",
                "startTime": "2026-03-04T10:15:20.100Z",
                "endTime": "2026-03-04T10:15:23.100Z",
            }
        case Transfer():
            cause = data.draw(st.sampled_from(("hangup", "busy", "timeout")))
            return verb.transfer_complete_url or "", {
                "eventType": "transferComplete",
                "cause": cause,
                "transferTo": "+15550100003",
                "transferCallerId": "+15550100001",
            }
        case Bridge():
            more = data.draw(st.sampled_from(({}, {"cause": "busy"})))
            return verb.bridge_complete_url or "", {"eventType": "bridgeComplete", **more}
        case Refer():
            return verb.refer_complete_url or "", {
                "eventType": "referComplete",
                "referCallStatus": "failure",
            }
        case Redirect():
            return verb.redirect_url, {"eventType": "redirect"}
        case Conference():
            raise AssertionError("a redirect follows")
    return None


class Replayed(RuleBasedStateMachine):
    """The same events go to a script that stays, and to one whose process keeps ending."""

    def __init__(self) -> None:
        super().__init__()
        self.time = datetime(2026, 3, 4, 10, tzinfo=UTC)
        self.verb: Any = None
        self.given: list[tuple[str, dict[str, Any], tuple[int, bytes]]] = []
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def both(self, act: Callable[[Answers], Any]) -> Any:
        first = self.loop.run_until_complete(act(self.straight))
        second = self.loop.run_until_complete(act(self.replayed))
        assert first == second
        assert self.straight.effects == self.replayed.effects, "done once, and in the same order"
        assert self.straight.pushed == self.replayed.pushed
        return first

    def tell(self, url: str, event: dict[str, Any], *, again: bool = False) -> None:
        self.time += timedelta(seconds=7)
        full = {**FIELDS, "eventTime": self.time.isoformat().replace("+00:00", "Z"), **event}
        reply = self.both(lambda app: app.post(url, full))
        note(f"{event} -> {reply}")
        assert reply[0] in (200, 204), reply
        waits_on = again and reply[1] and last_of(reply[1]) == self.verb
        if not waits_on:
            self.given.append((url, full, reply))
        if reply[0] == 200:
            self.verb = last_of(reply[1])

    @initialize(program=PROGRAMS)
    def somebody_calls(self, program: list[Any]) -> None:
        note(f"program: {program}")
        self.straight = Answers(program, lambda: self.time)
        self.replayed = Answers(program, lambda: self.time)
        self.tell("/answer", {"eventType": "initiate"})

    @rule(data=st.data())
    @precondition(lambda self: self.verb is not None)
    def something_comes_of_it(self, data: st.DataObject) -> None:
        told = event_for(self.verb, data)
        if told is None or "script_step" not in told[0]:
            self.verb = None
            return
        self.tell(*told, again=isinstance(self.verb, Redirect))

    @rule()
    def the_process_ends(self) -> None:
        self.replayed.restart()

    @rule(data=st.data())
    @precondition(lambda self: self.given)
    def an_event_comes_once_more(self, data: st.DataObject) -> None:
        url, event, reply = data.draw(st.sampled_from(self.given))
        assert self.both(lambda app: app.post(url, event)) == reply

    @rule(message=st.one_of(st.integers(), WORDS))
    def somebody_sends_a_message(self, message: Any) -> None:
        before = len(self.straight.pushed)
        outcome = self.both(lambda app: app.send(message))
        note(f"sent {message!r}: {outcome}")
        if len(self.straight.pushed) > before:
            self.verb = last_of(self.straight.pushed[-1])

    @rule()
    def the_caller_hangs_up(self) -> None:
        self.tell("/answer", {"eventType": "disconnect", "cause": "hangup"})
        self.verb = None


TestReplayed = Replayed.TestCase
TestReplayed.settings = settings(
    stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow], deadline=None
)
