"""What a simulated call costs, beside what the application alone takes for the same webhooks.

    python tests/benchmarks/simulator.py --rounds 9

A call is: it comes in, hears a menu, presses a key, is transferred, the other party hangs up: four
webhooks (initiate, gather, transferComplete, disconnect), one application in this process. In the
same run, by turns, the same four webhooks are given to the application directly.
"""

import argparse
import asyncio
import gc
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bxml import Gather, Response, Transfer
from calls.events import CallEvent, DisconnectEvent, GatherEvent
from calls.simulator import Caller, Settings, Simulator
from calls.webhooks import VoiceApp

app = VoiceApp()
US, SALES = "+15550100002", "+15550100003"


@app.on("/incoming")
async def incoming(event: CallEvent) -> Response:
    """The menu, made anew for each caller, so that no reply is like another."""
    choices = Gather(gather_url="/chosen", max_digits=1, first_digit_timeout=8, repeat_count=2)
    return (
        Response()
        .speak_sentence(f"Welcome, {event.from_}.", voice="julie")
        .then(
            choices.speak_sentence("For sales, press 1.", voice="julie").speak_sentence(
                "For support, press 2.", voice="julie"
            )
        )
    )


@app.on("/chosen")
async def chosen(event: GatherEvent) -> Response:
    """The transfer."""
    transfer = Transfer(transfer_caller_id=US, transfer_complete_url="/done", call_timeout=20)
    return Response().speak_sentence("One moment.").then(transfer.phone_number(SALES))


@app.on("/done")
async def done(event: CallEvent) -> Response:
    """The end."""
    return Response().speak_sentence("Goodbye.").hangup()


@app.on("/over")
async def over(event: DisconnectEvent) -> None:
    """Nothing is left to do."""


CUSTOMER = Caller().hears("press 1").presses("1")
SELLER = Caller().answers(after=2).waits(60).hangs_up()
NO_LIMITS = Settings(calls_per_second=None, sessions=None)


def simulated(calls: int, at_once: int) -> Callable[[], float]:
    """Seconds that some calls take, so many of them at once."""

    def run() -> float:
        with Simulator(app, settings=NO_LIMITS) as simulator:
            simulator.phone(SALES, SELLER)
            begun = time.perf_counter()
            for first in range(0, calls, at_once):
                for number in range(first, min(first + at_once, calls)):
                    simulator.dial(from_=f"+1555{number:07}", to=US, caller=CUSTOMER)
                simulator.run()
            seconds = time.perf_counter() - begun
            ended = [entry.text for entry in simulator.timeline if entry.text == "ends: hangup"]
            assert len(ended) == 2 * calls, "both legs of every call must end well"
        return seconds

    return run


def bodies() -> list[tuple[str, bytes]]:
    """The four webhooks of a call, as the simulator sends them."""
    found: list[tuple[str, bytes]] = []
    with Simulator(app, settings=NO_LIMITS) as simulator:
        deliver = simulator._outside.deliver

        async def listening(delivery: Any) -> Any:
            found.append((delivery.target.url, delivery.body))
            return await deliver(delivery)

        simulator._outside.deliver = listening  # type: ignore[method-assign]  # to see what is sent
        simulator.phone(SALES, SELLER)
        simulator.dial(from_="+15550000000", to=US, caller=CUSTOMER)
        simulator.run()
    assert len(found) == 4, found
    return found


def directly(calls: int) -> Callable[[], float]:
    """Seconds that the application takes for the webhooks alone, in one event loop."""
    sent = bodies()
    headers = [(b"content-type", b"application/json"), (b"host", b"app.simulated")]

    async def answer(path: str, body: bytes) -> None:
        replies: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            replies.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
        }
        await app(scope, receive, send)
        assert replies[0]["status"] in (200, 204), replies

    async def all_of_them() -> float:
        requests = [
            [
                (
                    url.removeprefix("https://app.simulated"),
                    body.replace(b"+15550000000", f"+1555{number:07}".encode()),
                )
                for url, body in sent
            ]
            for number in range(calls)
        ]
        begun = time.perf_counter()
        for four in requests:
            for path, body in four:
                await answer(path, body)
        return time.perf_counter() - begun

    return lambda: asyncio.run(all_of_them())


def ratio(rounds: int, calls: int) -> None:
    """All of them by turns, in one run."""
    runs = {
        "its four webhooks, given to the application": directly(calls),
        "a call, a hundred at once": simulated(calls, 100),
        "a call, one after the other": simulated(calls, 1),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            gc.collect()
            seconds = run() / calls
            if number:  # the first round warms up
                taken[name].append(seconds)
    direct, *_ = taken.values()
    print(f"{'':<46}{'µs':>6}{'a second':>11}{'ratio':>8}  (wanted: at most 3)")
    for name, seconds_each in taken.items():
        found = statistics.median(a / b for a, b in zip(seconds_each, direct, strict=True))
        median = statistics.median(seconds_each)
        print(f"{name:<46}{median * 1e6:6.0f}{1 / median:11,.0f}{found:8.2f}")


def growth(most: int) -> None:
    """Time per call, and memory, from a hundred calls to many, each in a process of its own.

    All of them stay in the timeline and in the REST API, as within seven days.
    """
    print(f"\n{'calls':>9}{'µs a call':>12}{'peak MB':>10}  (a hundred at once)")
    calls = 100
    while calls <= most:
        print(f"{calls:>9,}{_alone(f'--one {calls}')}")
        calls *= 10


def _alone(arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # this very file
        [sys.executable, __file__, *arguments.split()], capture_output=True, text=True, check=True
    )
    return done.stdout.rstrip("\n")


def one(calls: int) -> None:
    """Some calls one after the other: time a call, and the peak of memory."""
    simulated(100, 100)()
    seconds = simulated(calls, 100)()
    print(f"{seconds / calls * 1e6:12.0f}{_peak():10.0f}")


def held(calls: int) -> None:
    """Calls that are all up at once, in the middle of the menu's transfer."""
    before = _peak()
    with Simulator(app, settings=NO_LIMITS) as simulator:
        simulator.phone(SALES, SELLER)
        for number in range(calls):
            simulator.dial(from_=f"+1555{number:07}", to=US, caller=CUSTOMER)
        simulator.advance(30)
        live = sum(not call.is_over for call in simulator._engine.calls.values())
        assert live == 2 * calls, "every call and its other leg must be up"
        print(
            f"{calls:,} calls held at once, each with its other leg: peak {_peak():.0f} MB", end=""
        )
        print(f" ({before:.0f} MB before; wanted: at most 300)")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the comparison")
    parser.add_argument("--calls", type=int, default=500, help="calls in a round")
    parser.add_argument("--most", type=int, default=10_000, help="calls of the longest run")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--held", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one)
    elif given.held:
        held(given.held)
    else:
        ratio(given.rounds, given.calls)
        growth(given.most)
        print(_alone("--held 10000"))


if __name__ == "__main__":
    main()
