"""Random verbs and keys through the engine, by a seed: nothing may break, and every call must end.

    python tests/simulator/million.py --steps 1000000 --seed 1

A step is a verb that was performed or a key that was pressed. Sessions of some calls each run under
faults, with pushes, redirects and hang-ups through the REST API and telephones of every kind.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from bxml import (
    Bridge,
    Bxml,
    Conference,
    Connect,
    Document,
    Endpoint,
    Forward,
    Gather,
    Hangup,
    Pause,
    PauseRecording,
    PhoneNumber,
    PlayAudio,
    Record,
    Redirect,
    Refer,
    Response,
    ResumeRecording,
    Ring,
    SendDtmf,
    SipUri,
    SpeakSentence,
    StartGather,
    StartRecording,
    StartStream,
    StartTranscription,
    StopGather,
    StopRecording,
    StopStream,
    StopTranscription,
    Tag,
    Transfer,
)
from calls.models import CreateCall, MachineDetection
from calls.simulator import (
    Application,
    Caller,
    Chaos,
    Settings,
    Simulator,
    Target,
    Targets,
)
from calls.simulator.engine import Engine
from calls.simulator.state import Call

BASE = "https://app.example.com"
NUMBERS = tuple(f"+1555010000{number}" for number in range(8))
PARTIES = ("sip:bob@pbx.example.com", "e-1", *NUMBERS)
KEYS = "0123456789*#ABCD"
WORDS = ("yes", "no thanks", "call me back please", "damn", "sales", "")
NAMES = ("one", "two", None)


class Stranger:
    """Makes up documents, callers and replies."""

    def __init__(self, random: Random, calls: dict[str, Call]) -> None:
        self.random = random
        self.calls = calls
        self._makers: tuple[Callable[[], Any], ...] = (
            self.speech,
            self.audio,
            self.gather,
            self.gather,
            self.record,
            self.transfer,
            self.transfer,
            self.bridge,
            self.conference,
            self.conference,
            lambda: Forward(self.pick(PARTIES[2:]), call_timeout=self.seconds(1, 40)),
            lambda: Refer([SipUri(PARTIES[0])], refer_complete_url=self.maybe_url()),
            lambda: Connect([Endpoint("e-1")]),
            lambda: Redirect(self.url(), redirect_fallback_url=self.maybe_url()),
            lambda: Pause(duration=self.seconds(0.1, 90)),
            lambda: Ring(duration=self.seconds(0.1, 20), answer_call=self.pick((True, False))),
            lambda: SendDtmf(self.pick(("1w2", "W,,9#", "0123456789*#abcd"))),
            lambda: Tag(self.pick(("a", "", " b "))),
            lambda: StartGather(self.url()),
            StopGather,
            lambda: StartRecording(
                recording_available_url=self.maybe_url(), multi_channel=self.pick((True, None))
            ),
            PauseRecording,
            ResumeRecording,
            StopRecording,
            lambda: StartStream(
                "wss://app.example.com/media",
                name=self.pick(NAMES),
                mode=self.pick(("bidirectional", None)),
                tracks=self.pick(("inbound", "both")),
                stream_event_url=self.maybe_url(),
            ),
            lambda: StopStream(self.pick(("one", "two")), wait=self.pick((True, None))),
            lambda: StartTranscription(
                name=self.pick(NAMES),
                destination=self.pick(("wss://app.example.com/text", None)),
                transcription_event_url=self.maybe_url(),
            ),
            lambda: StopTranscription(name=self.pick(NAMES)),
            Hangup,
        )

    def pick(self, among: Any) -> Any:
        return self.random.choice(among)

    def seconds(self, least: float, most: float) -> float:
        return round(self.random.uniform(least, most), 2)

    def url(self) -> str:
        return str(self.pick(("/a", "b", "../c?d=e", f"{BASE}/f")))

    def maybe_url(self) -> str | None:
        return self.url() if self.random.random() < 0.6 else None

    def speech(self) -> SpeakSentence:
        return SpeakSentence(self.pick(("Hello.", "For sales, press 1. For support, press 2.")))

    def audio(self) -> PlayAudio:
        return PlayAudio(self.pick(("/a.wav", "b.mp3", "/nothing.ogg", f"{BASE}/c.wav")))

    def gather(self) -> Gather:
        prompts = [self.pick((self.speech, self.audio))() for _ in range(self.random.randrange(3))]
        return Gather(
            prompts,
            gather_url=self.maybe_url(),
            max_digits=self.pick((1, 3, None)),
            terminating_digits=self.pick(("#", "*0", None)),
            first_digit_timeout=self.pick((0, 2, None)),
            repeat_count=self.pick((1, 2)),
            input=self.pick((None, "dtmf", "speech", "dtmf_speech")),
            partial_result_callback=self.maybe_url(),
        )

    def record(self) -> Record:
        return Record(
            record_complete_url=self.maybe_url(),
            recording_available_url=self.maybe_url(),
            transcribe=self.pick((True, None)),
            transcription_available_url=self.maybe_url(),
            max_duration=self.random.randrange(1, 60),
            silence_timeout=self.pick((0, 1.5, None)),
            file_format=self.pick(("wav", "mp3")),
        )

    def transfer(self) -> Transfer:
        legs = [
            PhoneNumber(
                number,
                transfer_answer_url=self.maybe_url(),
                transfer_disconnect_url=self.maybe_url(),
                tag=self.pick(("leg", None)),
            )
            for number in self.random.sample(NUMBERS, self.random.randrange(1, 4))
        ]
        return Transfer(
            [*legs, SipUri(PARTIES[0])] if self.random.random() < 0.2 else legs,
            transfer_complete_url=self.maybe_url(),
            call_timeout=self.seconds(1, 40),
        )

    def bridge(self) -> Bridge:
        known = [call_id for call_id, call in self.calls.items() if not call.is_over]
        return Bridge(
            self.pick([*known, "c-00000000-0000-0000-0000-000000000000"]),
            bridge_complete_url=self.maybe_url(),
            bridge_target_complete_url=self.maybe_url(),
        )

    def conference(self) -> Conference:
        coached = [call_id for call_id, call in self.calls.items() if not call.is_over][:2]
        return Conference(
            self.pick(("room-1", "room-2")),
            mute=self.pick((True, None)),
            hold=self.pick((True, None, None)),
            call_ids_to_coach=self.pick((coached or None, None, None)),
            conference_event_url=self.maybe_url(),
        )

    def verb(self) -> Any:
        return self.pick(self._makers)()

    def document(self, root: Any = Response) -> Document:
        document: Document = root([self.verb() for _ in range(self.random.randrange(5))])
        return document

    def room_document(self) -> Document:
        makers = (self.speech, self.audio, StartRecording, StopRecording, PauseRecording)
        return Response([self.pick(makers)() for _ in range(self.random.randrange(3))])

    def caller(self) -> Caller:
        caller: Caller = self.pick(
            (
                Caller().answers(after=self.seconds(0, 5)),
                Caller().is_busy(),
                Caller().rejects(),
                Caller().never_answers(),
                Caller().cannot_be_reached(),
                Caller().is_a_machine("You have reached nobody. Speak after the tone."),
            )
        )
        for _ in range(self.random.randrange(6)):
            step = self.random.randrange(5)
            match step:
                case 0:
                    caller = caller.hears("press 1")
                case 1:
                    length = self.random.randrange(1, 6)
                    caller = caller.presses("".join(self.random.choices(KEYS, k=length)))
                case 2:
                    caller = caller.says(self.pick(WORDS))
                case 3:
                    caller = caller.waits(self.seconds(0, 30))
                case _ if self.random.random() < 0.3:
                    caller = caller.hangs_up()
                case _:
                    pass
        return caller

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """An application that answers anything with anything."""
        if scope["type"] == "websocket":
            await self.talk(receive, send)
        elif scope["type"] == "http":
            status, body = self.reply(json.loads((await receive())["body"]))
            headers = [(b"content-type", b"application/xml")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def talk(self, receive: Any, send: Any) -> None:
        await receive()
        if self.random.random() < 0.2:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            chance = self.random.random()
            if chance < 0.02:
                await send({"type": "websocket.close", "code": self.pick((1000, 1011))})
                return
            if chance < 0.2:
                messages = (
                    '{"eventType": "clear"}',
                    '{"eventType": "playAudio", "media": {"contentType": "audio/pcmu", "payload": "fn5+"}}',
                    "nothing",
                )
                await send({"type": "websocket.send", "text": self.pick(messages)})

    def reply(self, event: dict[str, Any]) -> tuple[int, bytes]:
        chance = self.random.random()
        if chance < 0.03:
            return self.pick((302, 404, 500)), b""
        if chance < 0.05:
            return 200, self.pick((b"", b"<Response>", b"<Response><Nothing/></Response>"))
        if chance < 0.07:
            return 204, b""
        if "conferenceId" in event:
            return 200, bytes(self.room_document())
        return 200, bytes(self.document())


def session(seed: int) -> tuple[bytes, Counter[str]]:
    """Some calls from beginning to end: the timeline, and how often what was done.

    Raises:
        AssertionError: Something does not hold.
    """
    random = Random(seed)
    done: Counter[str] = Counter()
    settings = Settings(most_documents_at_once=20, media_milliseconds=5000)
    simulator = Simulator(
        settings=settings,
        seed=seed,
        chaos=Chaos(seed, webhooks=0.05, requests=0.02, callers=0.03),
    )
    engine = simulator._engine
    stranger = Stranger(random, engine.calls)
    simulator.add(stranger.app, at=BASE)
    for party in PARTIES:
        simulator.phone(party, stranger.caller())
    application = Application(Targets(Target(f"{BASE}/in")), Target(f"{BASE}/gone"))
    last = 0.0
    for _ in range(random.randrange(3, 12)):
        begin(simulator, stranger, application)
        simulator.advance(random.choice((0.0, 0.5, 10.0, 120.0)))
        meddle(engine, stranger)
        assert simulator.now >= last, "time goes back"
        last = simulator.now
    for _ in range(50):
        # Two people who listen to each other do so until one of them leaves.
        live = [call for call in engine.calls.values() if not call.is_over]
        if not live:
            break
        simulator.advance(600)
        for call in live:
            engine.hang_up(call, "hangup")
    simulator.run()
    check(simulator)
    for entry in simulator.timeline:
        done[entry.kind] += 1
    done["verbs"] = performed[0]
    performed[0] = 0
    simulator.close()
    return simulator.timeline_json(), done


performed = [0]


def counted() -> None:
    """Count the verbs that are performed."""

    def counting(perform: Any) -> Any:
        def performs(*arguments: Any) -> None:
            performed[0] += 1
            perform(*arguments)

        return performs

    for verb, perform in list(Engine.performs.items()):
        Engine.performs[verb] = counting(perform)


def begin(simulator: Simulator, stranger: Stranger, application: Application) -> None:
    """A call comes in, or is placed."""
    random = stranger.random
    if random.random() < 0.5:
        from_ = stranger.pick(PARTIES[:1] + NUMBERS)
        caller = stranger.caller()
        simulator.dial(from_=from_, to=NUMBERS[0], caller=caller, application=application)
        return
    detection = None
    if random.random() < 0.3:
        mode = stranger.pick(("sync", "async"))
        detection = MachineDetection(mode=mode, callback_url=f"{BASE}/who")
    order = CreateCall(
        to=stranger.pick(NUMBERS),
        from_=NUMBERS[0],
        application_id="app",
        answer_url=f"{BASE}/answer",
        disconnect_url=f"{BASE}/gone",
        machine_detection=detection,
        priority=random.randrange(1, 6),
    )
    simulator._engine.place(order)


def meddle(engine: Engine, stranger: Stranger) -> None:
    """What the REST API does to calls that are up."""
    for call in list(engine.calls.values()):
        if call.is_over or (call.direction == "outbound" and call.state != "answered"):
            continue
        chance = stranger.random.random()
        if chance < 0.1:
            engine.push(call, stranger.document(Bxml))
        elif chance < 0.2:
            engine.redirect(
                call, Targets(Target(f"{BASE}/elsewhere")), stranger.pick(("t", "", None))
            )
        elif chance < 0.25:
            engine.hang_up(call, "hangup")
    for room in list(engine.rooms.values()):
        if stranger.random.random() < 0.1:
            engine.end_conference(room)


def check(simulator: Simulator) -> None:
    """What must hold when everybody has left."""
    engine = simulator._engine
    assert all(call.is_over for call in engine.calls.values()), "a call goes on"
    assert not engine.rooms, "a conference goes on"
    assert engine.limits.active == 0, f"{engine.limits.active} calls are counted as up"
    assert not engine.outgoing, "an errand is not run"
    assert engine.under_way == 0, f"{engine.under_way} webhooks are not accounted for"
    times = [entry.at for entry in simulator.timeline]
    assert times == sorted(times), "the timeline goes back"
    assert not times or times[0] >= 0
    assert all(recording.ended is not None for recording in engine.recordings.values())
    assert all(recording.seconds >= 0 for recording in engine.recordings.values())


def sessions(seed: int, steps: int) -> Iterator[Counter[str]]:
    """Sessions, until so many steps were taken; every hundredth twice, to compare the two."""
    total, number = 0, 0
    while total < steps:
        timeline, done = session(seed * 1_000_003 + number)
        if number % 100 == 0:
            again, _ = session(seed * 1_000_003 + number)
            assert again == timeline, "the same seed gives another timeline"
        number += 1
        total += done["verbs"] + done["presses"]
        yield done


def main() -> None:
    """Run, and tell how far it has come."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20_000, help="verbs and keys in all")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    counted()
    begun, total, number = time.monotonic(), Counter[str](), 0
    for number, done in enumerate(sessions(given.seed, given.steps), start=1):
        total += done
        if number % 200 == 0 and sys.stderr.isatty():
            steps = total["verbs"] + total["presses"]
            print(f"\r{steps:,} of {given.steps:,}", end="", file=sys.stderr)
    print(f"{number:,} sessions, {total['verbs']:,} verbs, {total['presses']:,} keys,", end=" ")
    print(f"{total['webhook']:,} webhooks, {total['fault']:,} faults,", end=" ")
    print(f"{time.monotonic() - begun:.0f} s: all of it held")


if __name__ == "__main__":
    main()
