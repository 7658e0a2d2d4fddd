"""Reading webhooks and answering them, side by side with the vendor's SDK and with bare Starlette.

    python tests/benchmarks/webhooks.py

Three tables. Reading: ``parse_event`` against the SDK's model of the same event. The whole path:
bytes in, event, handler, checked document, bytes out, against ``json.loads`` and an f-string, which
check nothing. Load: the application under uvicorn in a process of its own, against a bare Starlette
handler that answers the same bytes, driven over keep-alive connections. What is compared is run in
turn in every round; the ratios are medians over the rounds. Every reply is compared with what it
must be, and a wrong one ends the run; nothing is asserted about time. Load is measured with each of
uvicorn's HTTP parsers that is installed. It needs ``bandwidth-sdk`` (the ``test`` extra).
"""

import argparse
import asyncio
import importlib.util
import json
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import bandwidth.models
from load import CONNECTIONS, asks, drive, served
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
    "bridgeTargetComplete": "BridgeTargetCompleteCallback",
    "referComplete": "ReferCompleteCallback",
    "machineDetectionComplete": "MachineDetectionCompleteCallback",
    "transcriptionAvailable": "TranscriptionAvailableCallback",
    "conferenceCreated": "ConferenceCreatedCallback",
    "conferenceMemberJoin": "ConferenceMemberJoinCallback",
    "conferenceMemberExit": "ConferenceMemberExitCallback",
    "conferenceCompleted": "ConferenceCompletedCallback",
    "conferenceRedirect": "ConferenceRedirectCallback",
    "conferenceRecordingAvailable": "ConferenceRecordingAvailableCallback",
}
BODY = json.dumps(EXAMPLES["gather"]).encode()


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


def side_by_side(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """The medians of both, and of theirs divided by ours in the same round."""
    pairs = []
    for turn in range(rounds):
        if turn % 2:  # neither is always the first
            its = microseconds(theirs)
            pairs.append((microseconds(ours), its))
        else:
            mine = microseconds(ours)
            pairs.append((mine, microseconds(theirs)))
    a, b = (statistics.median(each) for each in zip(*pairs, strict=True))
    return a, b, statistics.median(its / mine for mine, its in pairs)


def reading(rounds: int) -> None:
    print(f"\n{'parse_event, µs':<36} {'ours':>10} {'SDK':>10} {'SDK / ours':>12}")
    for name, model in MODELS.items():
        read = getattr(bandwidth.models, model).from_json
        body = json.dumps(EXAMPLES[name])
        data = body.encode()
        assert read(body).event_type == parse_event(data).event_type == name
        a, b, ratio = side_by_side(partial(parse_event, data), partial(read, body), rounds)
        print(f"{name:<36} {a:>10.2f} {b:>10.2f} {ratio:>12.2f}   to reach: ≥ 10")


def the_path(rounds: int) -> None:
    assert whole_path(BODY) == constant_document(BODY) == by_hand(BODY) == EXPECTED
    print(f"\n{'whole path, µs':<36} {'ours':>10} {'by hand':>10} {'ours / hand':>12}")
    for name, path in (
        ("composed, said before", whole_path),
        ("composed, never said before", never_said_before),
        ("a constant, said before", constant_document),
    ):
        a, b, ratio = side_by_side(partial(path, BODY), partial(by_hand, BODY), rounds)
        print(f"{name:<36} {a:>10.2f} {b:>10.2f} {1 / ratio:>12.2f}   to reach: ≤ 8")


OURS = ["VoiceApp, async def", "VoiceApp, plain def"]
"""A plain handler runs in a thread, there and here."""

BARE = ["Starlette, async def", "Starlette, async, reads body", "Starlette, plain def"]


def application(kind: str) -> Any:
    """What is served."""
    if kind in BARE:

        async def fixed(request: Request) -> HttpResponse:
            return HttpResponse(content=EXPECTED, media_type="application/xml")

        async def fixed_after_reading(request: Request) -> HttpResponse:
            await request.body()
            return HttpResponse(content=EXPECTED, media_type="application/xml")

        def fixed_in_a_thread(request: Request) -> HttpResponse:
            return HttpResponse(content=EXPECTED, media_type="application/xml")

        handler: Any = [fixed, fixed_after_reading, fixed_in_a_thread][BARE.index(kind)]
        return Starlette(routes=[Route("/menu", handler, methods=["POST"])])
    app = VoiceApp()
    if kind == "VoiceApp, async def":
        app.on("/menu")(menu_async)
    else:
        app.on("/menu")(menu)
    return app


ERRAND = asks("POST /menu", 200, EXPECTED, body=BODY, headers={"Content-Type": "application/json"})


def load(rounds: int, seconds: float, http: str) -> None:
    kinds = [*OURS, *BARE]
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    with ExitStack() as stack:
        ports = {kind: stack.enter_context(served(application, kind, http)) for kind in kinds}
        for turn in range(rounds):
            for kind in kinds[turn % len(kinds) :] + kinds[: turn % len(kinds)]:
                found[kind].append(asyncio.run(drive(ports[kind], ERRAND, seconds)))
    print(f"\n{f'uvicorn, {http}, {CONNECTIONS} connections':<36} {'a second':>10}", end="")
    print(f" {'async / it':>10} {'plain / it':>12}")
    for kind in kinds:
        print(f"{kind:<36} {statistics.median(found[kind]):>10,.0f}", end="")
        if kind in BARE:
            pairs = [zip(found[each], found[kind], strict=True) for each in OURS]
            to_async, to_plain = (statistics.median(a / b for a, b in each) for each in pairs)
            print(f" {to_async:>10.2f} {to_plain:>12.2f}   to reach: ≥ 0.6", end="")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each comparison")
    parser.add_argument("--seconds", type=float, default=2.0, help="of load, a server and a round")
    asked = parser.parse_args()
    print(f"CPython {platform.python_version()}, {asked.rounds} rounds; medians")
    reading(asked.rounds)
    the_path(asked.rounds)
    for http in ("h11", "httptools"):
        if importlib.util.find_spec(http):
            load(asked.rounds, asked.seconds, http)
        else:
            print(f"\nuvicorn, {http}: not installed")


if __name__ == "__main__":
    main()
