"""Pushing into calls, side by side with bare httpx and with the vendor's SDK.

    python tests/benchmarks/controller.py

One server in another process, on loopback, takes everything. What is measured in one round is
measured in turn, and the figures that count are the ratios: the median over the rounds of ours
divided by theirs in the same round. It asserts that the server saw every request, and nothing about
time. ``--ids 1000000`` measures how the memory of a broadcast grows with the number of calls; these
pushes go nowhere. It needs ``bandwidth-sdk`` (the ``test`` extra).
"""

import argparse
import asyncio
import multiprocessing
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import bandwidth
import httpx

from bxml import Bxml
from calls import AsyncCallController, CallController, OAuth2, broadcast

ACCOUNT = "9900000"
DOCUMENT = (
    Bxml().speak_sentence("We close in ten minutes. Thank you for calling Acme & Sons.").pause()
)
BODY = bytes(DOCUMENT)
TASKS = 50
TOKEN = b'{"access_token":"t0k3n","expires_in":3600,"token_type":"Bearer"}'
GRANTED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
REPLACED = b"HTTP/1.1 204 No Content\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n"
COUNTED = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


class Platform(asyncio.Protocol):
    """Reads every request to its end, and answers at once: as little work as there can be."""

    pushes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            _, _, after = head.partition(b"\r\ncontent-length:")
            length = int(after.partition(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answer(head[:3])

    def _answer(self, method: bytes) -> None:
        assert isinstance(self._transport, asyncio.WriteTransport)
        if method == b"put":
            Platform.pushes += 1
            self._transport.write(REPLACED)
        elif method == b"pos":
            self._transport.write(GRANTED % (len(TOKEN), TOKEN))
        else:
            count = b"%d" % Platform.pushes
            self._transport.write(COUNTED % (len(count), count))


def serve(port: "multiprocessing.Queue[int]") -> None:
    """The other process."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Platform, "127.0.0.1", 0, backlog=512)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def platform_process() -> Iterator[str]:
    """The URL of the server, as long as it runs."""
    context = multiprocessing.get_context("spawn")
    port: multiprocessing.Queue[int] = context.Queue()
    process = context.Process(target=serve, args=(port,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port.get()}"
    finally:
        process.terminate()
        process.join()


def call_ids(count: int, start: int = 0) -> Iterator[str]:
    return (f"c-{start + number:08x}-3c2b-4a19-8f70-61d2e3f4a5b6" for number in range(count))


def auth(url: str) -> OAuth2:
    return OAuth2("client-id", "client-secret", f"{url}/api/v1/oauth2/token")


def calls_url(url: str, call_id: str) -> str:
    return f"{url}/api/v2/accounts/{ACCOUNT}/calls/{call_id}/bxml"


HEADERS = {
    "Accept": "application/json",
    "Authorization": "Bearer t0k3n",
    "Content-Type": "application/xml",
}


def timed(count: int, work: Callable[[], object]) -> float:
    """Seconds for each of ``count``."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / count


# One after the other


def our_pushes(url: str, count: int) -> float:
    with CallController(ACCOUNT, auth=auth(url), base_url=f"{url}/api/v2") as controller:
        controller.update_call_bxml("c-warm", DOCUMENT)

        def work() -> None:
            for call_id in call_ids(count):
                controller.update_call_bxml(call_id, DOCUMENT)

        return timed(count, work)


def bare_puts(url: str, count: int) -> float:
    with httpx.Client() as client:
        client.put(calls_url(url, "c-warm"), content=BODY, headers=HEADERS)

        def work() -> None:
            for call_id in call_ids(count):
                client.put(calls_url(url, call_id), content=BODY, headers=HEADERS)

        return timed(count, work)


# Many at a time


def our_broadcast(url: str, count: int) -> float:
    """With an async controller, and the journal on disk."""

    async def main() -> float:
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder, "journal.sqlite3")
            async with AsyncCallController(
                ACCOUNT, auth=auth(url), base_url=f"{url}/api/v2"
            ) as controller:
                began = time.perf_counter()
                result = await broadcast(
                    controller, call_ids(count), DOCUMENT, journal=journal, concurrency=TASKS
                )
                seconds = time.perf_counter() - began
            assert result.progress.pushed == count
            return seconds / count

    return asyncio.run(main())


def our_blocking_broadcast(url: str, count: int) -> float:
    """With a blocking controller."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "journal.sqlite3")
        with CallController(ACCOUNT, auth=auth(url), base_url=f"{url}/api/v2") as controller:

            def work() -> None:
                broadcast(controller, call_ids(count), DOCUMENT, journal=journal, concurrency=TASKS)

            return timed(count, work)


def bare_tasks(url: str, count: int) -> float:
    """One ``httpx.AsyncClient`` that 50 tasks share."""

    async def main() -> float:
        rest = call_ids(count)
        async with httpx.AsyncClient() as client:

            async def worker() -> None:
                for call_id in rest:
                    reply = await client.put(calls_url(url, call_id), content=BODY, headers=HEADERS)
                    assert reply.status_code == 204

            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(TASKS):
                    group.create_task(worker())
            return (time.perf_counter() - began) / count

    return asyncio.run(main())


def sdk_threads(url: str, count: int) -> float:
    """The vendor's SDK in a pool of 50 threads."""
    configuration = bandwidth.Configuration(access_token="t0k3n")
    configuration.host = f"{url}/api/v2"
    configuration.ignore_operation_servers = True  # each operation has a host of its own
    with bandwidth.ApiClient(configuration) as client:
        api = bandwidth.CallsApi(client)
        text = BODY.decode()

        def push(call_id: str) -> None:
            api.update_call_bxml(ACCOUNT, call_id, text)

        with ThreadPoolExecutor(TASKS) as pool:
            began = time.perf_counter()
            for _ in pool.map(push, call_ids(count)):
                pass
            return (time.perf_counter() - began) / count


def pushes_seen(url: str) -> int:
    return int(httpx.get(url).text)


Measured = Callable[[str, int], float]

SINGLE: dict[str, Measured] = {"ours": our_pushes, "httpx.Client.put": bare_puts}
MANY: dict[str, Measured] = {
    "ours, async": our_broadcast,
    "ours, blocking": our_blocking_broadcast,
    f"httpx.AsyncClient, {TASKS} tasks": bare_tasks,
    f"bandwidth-sdk, {TASKS} threads": sdk_threads,
}


def compare(title: str, url: str, cases: dict[str, Measured], count: int, rounds: int) -> None:
    """Measure in turn, and print requests a second, and ours divided by theirs."""
    figures: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, measure in cases.items():
            before = pushes_seen(url)
            figures[name].append(1 / measure(url, count))
            seen = pushes_seen(url) - before
            assert count <= seen <= count + 1, f"{name}: {seen} requests for {count}"
    first, *_ = cases
    print(f"\n{title} ({count:,} requests a round, {rounds} rounds)")
    print(f"{'':36}{'a second':>10}{'ours / it':>12}")
    for name in cases:
        ratios = [mine / its for mine, its in zip(figures[first], figures[name], strict=True)]
        ratio = "" if name == first else f"{statistics.median(ratios):12.2f}"
        print(f"{name:36}{statistics.median(figures[name]):10,.0f}{ratio}")


class Nowhere(httpx.AsyncBaseTransport):
    """Takes every push without a network, so that a million take no hour."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        token = request.url.raw_path.endswith(b"/token")
        return httpx.Response(200, content=TOKEN) if token else httpx.Response(204)


def memory(ids: int) -> None:
    """How much memory a broadcast takes, as the number of calls grows."""

    async def push(count: int, start: int, journal: Path) -> None:
        async with AsyncCallController(
            ACCOUNT, auth=OAuth2("client-id", "client-secret"), transport=Nowhere()
        ) as controller:
            ids = call_ids(count, start)
            result = await broadcast(controller, ids, DOCUMENT, journal=journal)
        assert result.progress.pushed == count

    print("\nmemory of a broadcast")
    print(f"{'call ids':>12}{'largest size':>16}{'seconds':>10}")
    count, start = 1000, 0
    while count <= ids:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(push(count, start, Path(folder, "journal.sqlite3")))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{count:12,}{peak:13.1f} MB{time.perf_counter() - began:10.1f}")
        start += count
        count *= 10


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison")
    parser.add_argument("--pushes", type=int, default=5000, help="pushes of a broadcast")
    parser.add_argument("--ids", type=int, default=0, help="call ids for the figures on memory")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, httpx {httpx.__version__}, {sys.platform}")
    with platform_process() as url:
        compare("one push after the other", url, SINGLE, options.pushes // 5, options.rounds)
        compare("many at a time", url, MANY, options.pushes, options.rounds)
    if options.ids:
        memory(options.ids)


if __name__ == "__main__":
    main()
