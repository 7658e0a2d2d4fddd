"""Servers in processes of their own, one of which answers each webhook, and any of which may be killed."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Self

import httpx

from calls.simulator import Answered, Delivery, Poster, Unanswered

SERVER = Path(__file__).with_name("ten_steps.py")


class Fleet:
    """Some servers. One that was killed is started again before the next webhook."""

    def __init__(self, size: int, journal: str, effects: Path, *, seed: int = 0) -> None:
        self._arguments = [sys.executable, str(SERVER), journal, str(effects)]
        self._servers = [self._start() for _ in range(size)]
        self._random = Random(seed)  # noqa: S311  # repeats on purpose
        self.starts = 0
        self.die_at: Mapping[int, str] = {}
        """What the header ``x-die`` says at the how manieth webhook."""
        self.webhooks: list[str] = []
        self._poster = Poster(_Towards(self))

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._arguments, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def new_call(self, die_at: Mapping[int, str] | None = None) -> None:
        self.die_at, self.webhooks = die_at or {}, []

    def post(self, delivery: Delivery) -> Answered | Unanswered:
        self.webhooks.append(delivery.event.event_type)
        return self._poster(delivery)

    def request(self, request: httpx.Request, inner: httpx.BaseTransport) -> httpx.Response:
        index = self._random.randrange(len(self._servers))
        server = self._servers[index]
        port = httpx.URL(self._url(server)).port
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        die = self.die_at.get(len(self.webhooks))
        if die:
            request.headers["x-die"] = die
        try:
            return inner.handle_request(request)
        except httpx.HTTPError:
            server.wait(timeout=20)
            self._close(server)
            self._servers[index] = self._start()
            self.starts += 1
            raise

    def _url(self, server: subprocess.Popen[str]) -> str:
        known: str | None = getattr(server, "url", None)
        if known is None:
            assert server.stdout is not None
            known = server.stdout.readline().strip()
            assert known, "the server did not start"
            server.url = known  # type: ignore[attr-defined]
        return known

    def _close(self, server: subprocess.Popen[str]) -> None:
        if server.stdout is not None:
            server.stdout.close()

    def close(self) -> None:
        self._poster.close()
        for server in self._servers:
            server.kill()
            server.wait()
            self._close(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Towards(httpx.BaseTransport):
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        # A new connection each time: a kept one would be to a process that may be dead.
        self._inner = httpx.HTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._fleet.request(request, self._inner)

    def close(self) -> None:
        with suppress(Exception):
            self._inner.close()
