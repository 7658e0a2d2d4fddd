"""Reading webhooks and answering them, side by side with the vendor's SDK and with bare Starlette.

    python tests/benchmarks/webhooks.py

Three tables. Reading: ``parse_event`` against the SDK's model of the same event. The whole path:
bytes in, event, handler, checked document, bytes out, against ``json.loads`` and an f-string, which
check nothing. Load: the application under uvicorn in a process of its own, against a bare Starlette
handler that answers the same bytes, driven over keep-alive connections. What is compared is run in
turn in every round; the ratios are medians over the rounds. Every reply is compared with what it
must be; nothing is asserted about time. It needs ``bandwidth-sdk`` (the ``test`` extra).
"""

import argparse
import asyncio
import json
import multiprocessing
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import bandwidth.models
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from bxml import Gather, Response
from calls.events import GatherEvent, parse_event
from calls.webhooks import VoiceApp
from calls.webhooks._replies import Sound, document_reply

EXAMPLES = json.loads((Path(__file__).parents[1] / "calls" / "events.json").read_bytes())
MODELS = {
    "gather": "GatherCallback",
    "initiate": "InitiateCallback",
    "answer": "AnswerCallback",
    "disconnect": "DisconnectCallback",
    "redirect": "RedirectCallback",
    "dtmf": "DtmfCallback",
    "recordComplete": "RecordingCompleteCallback",
    "recordingAvailable": "RecordingAvailableCallback",
    "transferAnswer": "TransferAnswerCallback",
    "transferComplete": "TransferCompleteCallback",
    "transferDisconnect": "TransferDisconnectCallback",
    "bridgeComplete": "BridgeCompleteCallback",
    "conferenceCreated": "ConferenceCreatedCallback",
    "machineDetectionComplete": "MachineDetectionCompleteCallback",
}
BODY = json.dumps(EXAMPLES["gather"]).encode()
CONNECTIONS = 32
WARM_UP = 200


def menu(event: GatherEvent) -> Response:
    """The menu of the README, with what was pressed in it."""
    choices = (
        Gather(gather_url="/chosen", max_digits=1, first_digit_timeout=8, repeat_count=3)
        .speak_sentence("For sales, press 1.", voice="julie")
        .speak_sentence("For support, press 2.", voice="julie")
        .speak_sentence("To hear this again, press star.", voice="julie")
        .play_audio("/audio/chime.wav")
    )
    return (
        Response()
        .speak_sentence(f"Welcome to Acme & Sons, {event.digits}.", voice="julie")
        .play_audio("/audio/jingle.wav")
        .pause(duration=0.5)
        .then(choices)
    )


async def menu_async(event: GatherEvent) -> Response:
    return menu(event)


_EVENT = parse_event(BODY)
assert isinstance(_EVENT, GatherEvent)
MENU = menu(_EVENT)
EXPECTED = bytes(MENU)
BEFORE, AFTER = EXPECTED.decode().split(EXAMPLES["gather"]["digits"])


SOUND: Sound = {}
"""What an application remembers."""


def whole_path(body: bytes) -> bytes:
    event = parse_event(body)
    assert isinstance(event, GatherEvent)
    return document_reply(event, menu(event), SOUND)[0].body


def never_said_before(body: bytes) -> bytes:
    SOUND.clear()
    return whole_path(body)


def constant_document(body: bytes) -> bytes:
    event = parse_event(body)
    return document_reply(event, MENU, SOUND)[0].body


def by_hand(body: bytes) -> bytes:
    event = json.loads(body)
    return f"{BEFORE}{event['digits']}{AFTER}".encode()


def microseconds(act: Callable[[], object], seconds: float = 0.05) -> float:
    """The time of one act, over as many as fit."""
    count = 1
    while True:
        started = time.perf_counter()
        for _ in range(count):
            act()
        spent = time.perf_counter() - started
        if spent >= seconds:
            return spent / count * 1e6
        count = max(count * 2, int(count * seconds / max(spent, 1e-9)))


def side_by_side(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> None:
    """One row: the medians of both, and of the ratio in each round."""
    pairs = [(microseconds(ours), microseconds(theirs)) for _ in range(rounds)]
    a, b = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(y / x for x, y in pairs)
    print(f"{a:>10.2f} {b:>10.2f} {ratio:>12.2f} {1 / ratio:>12.2f}")


def reading(rounds: int) -> None:
    print(
        f"\n{'parse_event, µs':<28} {'ours':>10} {'SDK':>10} {'SDK / ours':>12} {'ours / SDK':>12}"
    )
    for name, model in MODELS.items():
        read = getattr(bandwidth.models, model).from_json
        body = json.dumps(EXAMPLES[name])
        data = body.encode()
        assert read(body).event_type == parse_event(data).event_type == name
        print(f"{name:<28}", end=" ")
        side_by_side(partial(parse_event, data), partial(read, body), rounds)


def the_path(rounds: int) -> None:
    assert whole_path(BODY) == constant_document(BODY) == by_hand(BODY) == EXPECTED
    print(
        f"\n{'whole path, µs':<28} {'ours':>10} {'by hand':>10} {'hand / ours':>12} {'ours / hand':>12}"
    )
    for name, path in (
        ("composed, said before", whole_path),
        ("composed, never said before", never_said_before),
        ("a constant, said before", constant_document),
    ):
        print(f"{name:<28}", end=" ")
        side_by_side(partial(path, BODY), partial(by_hand, BODY), rounds)


def application(kind: str) -> Any:
    """What is served: ours with a plain or an async handler, or bare Starlette."""
    if kind.startswith("bare"):

        async def fixed(request: Request) -> HttpResponse:
            await request.body()
            return HttpResponse(EXPECTED, media_type="application/xml")

        def fixed_in_a_thread(request: Request) -> HttpResponse:
            return HttpResponse(EXPECTED, media_type="application/xml")

        handler = fixed if kind == "bare async" else fixed_in_a_thread
        return Starlette(routes=[Route("/menu", handler, methods=["POST"])])
    app = VoiceApp()
    if kind == "async":
        app.on("/menu")(menu_async)
    else:
        app.on("/menu")(menu)
    return app


def serve(kind: str, http: str, port: "multiprocessing.Queue[int]") -> None:
    """The other process."""
    how: Any = {"http": http, "log_level": "warning", "access_log": False, "ws": "none"}
    server = uvicorn.Server(uvicorn.Config(application(kind), port=0, **how))

    async def main() -> None:
        running = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        port.put(server.servers[0].sockets[0].getsockname()[1])
        await running

    asyncio.run(main())


@contextmanager
def served(kind: str, http: str) -> Iterator[int]:
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=serve, args=(kind, http, port), daemon=True)
    process.start()
    try:
        yield port.get(timeout=60)
    finally:
        process.terminate()
        process.join()


class Caller(asyncio.Protocol):
    """Sends the event again as soon as the reply is there, and looks at every reply."""

    REQUEST = (
        b"POST /menu HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
    )

    def __init__(self) -> None:
        self.count = 0
        self.ends = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self.REQUEST)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + len(EXPECTED):
            return
        assert self._buffer.startswith(b"HTTP/1.1 200 OK"), self._buffer
        assert self._buffer[end + 4 :] == EXPECTED, self._buffer
        self._buffer = b""
        self.count += 1
        if self.ends:
            self._transport.close()
        else:
            self._transport.write(self.REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)
        assert self.ends, exc


async def drive(port: int, seconds: float) -> float:
    """Requests a second."""
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(Caller, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)
    ]
    while sum(each.count for each in callers) < WARM_UP:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    before, started = sum(each.count for each in callers), time.perf_counter()
    await asyncio.sleep(seconds)
    count, spent = sum(each.count for each in callers) - before, time.perf_counter() - started
    for each in callers:
        each.ends = True
    await asyncio.gather(*(each.done for each in callers))
    return count / spent


def load(rounds: int, seconds: float, http: str) -> None:
    kinds = ["async", "bare async", "plain", "bare plain"]
    with ExitStack() as stack:
        ports = [stack.enter_context(served(kind, http)) for kind in kinds]
        found = [[asyncio.run(drive(port, seconds)) for port in ports] for _ in range(rounds)]
    columns = f"{'ours':>10} {'bare':>10} {'ours / bare':>12} {'/ bare async':>12}"
    print(f"\n{f'uvicorn, {http}, requests/s':<28} {columns}")
    for ours, name in ((0, "async handler"), (2, "plain handler, in a thread")):
        a, b = (statistics.median(row[place] for row in found) for place in (ours, ours + 1))
        ratio = statistics.median(row[ours] / row[ours + 1] for row in found)
        to_async = statistics.median(row[ours] / row[1] for row in found)
        print(f"{name:<28} {a:>10,.0f} {b:>10,.0f} {ratio:>12.2f} {to_async:>12.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load, a server and a round")
    parser.add_argument("--http", default="h11", choices=["h11", "httptools"])
    asked = parser.parse_args()
    print(f"CPython {platform.python_version()}, {asked.rounds} rounds; medians")
    reading(asked.rounds)
    the_path(asked.rounds)
    load(asked.rounds, asked.seconds, asked.http)


if __name__ == "__main__":
    main()
