"""The HTTP face of the simulator, side by side with bare Starlette under the same server.

    python tests/benchmarks/http_face.py

Each is served by uvicorn in a process of its own, with the same settings, and driven by the same
client over keep-alive connections, in turn in every round. The simulator reads a call, which checks
the credentials and writes the state; and it creates calls, which it also checks, queues and answers.
Starlette does neither: it answers fixed JSON of the same length, after reading the body where there
is one. Every reply is looked at, and a wrong one ends the run; nothing is asserted about time.
"""

import argparse
import asyncio
import importlib.util
import json
import platform
import re
import statistics
from base64 import b64encode
from contextlib import ExitStack
from typing import Any

from load import CONNECTIONS, Errand, asks, drive, served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from calls.simulator import Settings, Simulator
from calls.simulator.platform import BASE_PATH, Incoming, Outgoing
from calls.simulator.server import platform_app

ORDER = json.dumps(
    {
        "to": "+15550100001",
        "from": "+15550100002",
        "applicationId": "2f1c0b9a-7d6e-4c5b-8a39-182736455463",
        "answerUrl": "https://hooks.example.com/answer",
        "username": "hook-user",
        "password": "hook-secret",
        "disconnectUrl": "https://hooks.example.com/disconnect",
        "callTimeout": 25,
        "priority": 2,
        "tag": "job-8841",
    }
).encode()
OURS, BARE = "the simulator", "bare Starlette"


def simulated() -> tuple[Simulator, Outgoing, Outgoing]:
    """A simulator with a call in it, what it told of that, and its state. Every time the same."""
    simulator = Simulator(settings=Settings(calls_per_second=None, sessions=None))
    created = simulator.handle(Incoming("POST", path_of(), "", headers(), ORDER))
    state = simulator.handle(Incoming("GET", path_of(created), "", headers(), b""))
    return simulator, created, state


def path_of(created: Outgoing | None = None) -> str:
    calls = f"{BASE_PATH}/accounts/9900000/calls"
    return calls if created is None else f"{calls}/{json.loads(created.body)['callId']}"


def headers() -> dict[str, str]:
    token = b64encode(b"user:password").decode()
    return {"authorization": f"Basic {token}", "content-type": "application/json"}


def errands() -> dict[str, Errand]:
    _, created, state = simulated()
    call_id = json.loads(created.body)["callId"]
    like = re.escape(created.body).replace(re.escape(call_id.encode()), rb"c-[0-9a-f-]{45}")
    pattern, length = re.compile(like), len(created.body)
    more: Any = {"headers": headers()}
    return {
        "getCallState": asks(f"GET {path_of(created)}", 200, state.body, **more),
        "createCall": asks(f"POST {path_of()}", 201, pattern, length, body=ORDER, **more),
    }


def application(kind: str) -> Any:
    """What is served."""
    simulator, created, state = simulated()
    if kind == OURS:
        return platform_app(simulator.handle)

    async def reads(request: Request) -> Response:
        return Response(state.body, media_type="application/json")

    async def creates(request: Request) -> Response:
        await request.body()
        return Response(created.body, 201, media_type="application/json")

    calls = f"{BASE_PATH}/accounts/{{account_id}}/calls"
    return Starlette(
        routes=[
            Route(f"{calls}/{{call_id}}", reads, methods=["GET"]),
            Route(calls, creates, methods=["POST"]),
        ]
    )


def load(rounds: int, seconds: float, http: str) -> None:
    todo = errands()
    found: dict[tuple[str, str], list[float]] = {
        (kind, name): [] for name in todo for kind in (OURS, BARE)
    }
    with ExitStack() as stack:
        ports = {
            kind: stack.enter_context(served(application, kind, http)) for kind in (OURS, BARE)
        }
        for turn in range(rounds):
            for kind, name in list(found)[:: -1 if turn % 2 else 1]:
                a_second = asyncio.run(drive(ports[kind], todo[name], seconds))
                found[kind, name].append(a_second)
    print(f"\n{f'uvicorn, {http}, {CONNECTIONS} connections':<36}", end="")
    print(f" {OURS:>15} {BARE:>15} {'ours / it':>10}")
    for name in todo:
        ours, bare = found[OURS, name], found[BARE, name]
        ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
        print(
            f"{name:<36} {statistics.median(ours):>15,.0f} {statistics.median(bare):>15,.0f}",
            end="",
        )
        print(f" {ratio:>10.2f}   to reach: ≥ 0.5")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each comparison")
    parser.add_argument("--seconds", type=float, default=2.0, help="of load, each and a round")
    asked = parser.parse_args()
    print(f"CPython {platform.python_version()}, {asked.rounds} rounds; requests a second; medians")
    for http in ("h11", "httptools"):
        if importlib.util.find_spec(http):
            load(asked.rounds, asked.seconds, http)
        else:
            print(f"\nuvicorn, {http}: not installed")


if __name__ == "__main__":
    main()
