"""A server on this machine that fails as it is told to, and counts what reached it.

It is made of bare sockets, since no HTTP library breaks off in the middle of a line. Each connection
has a thread of its own. A ``Fault`` says how it fails; what does not fail is answered as the platform
and its token endpoint answer.
"""

import atexit
import gzip
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

ACCOUNT = "9900000"
CALL_ID = "c-15ac29a2-1331029c-2cb0-4a07-b215-b22865662d85"
CALLS = f"/api/v2/accounts/{ACCOUNT}/calls"
CALL = f"{CALLS}/{CALL_ID}"
TOKEN = "/api/v1/oauth2/token"

PATIENCE = 10.0
"""Seconds after which the server gives up a client that says nothing. None of ours does."""

MOST = 50
"""Requests that are answered in a trial. Whoever sends more would never stop."""

CREATED = {
    "callId": CALL_ID,
    "accountId": ACCOUNT,
    "applicationId": "app-1",
    "to": "+15550100001",
    "from": "+15550100002",
    "callUrl": f"https://voice.example.com{CALL}",
    "answerUrl": "https://app.example.com/answer",
}


class Heard(NamedTuple):
    """A request, or as much of one as was read before the connection broke.

    It is ``whole`` when its head and its body arrived: then it has *reached* the server.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    whole: bool


class Clock:
    """Time that passes when somebody waits, or when the server says so."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []
        self.on_wait: Callable[[], object] = lambda: None

    def now(self) -> float:
        return self.seconds

    def turn(self, seconds: float) -> None:
        self.seconds += seconds

    def pause(self, seconds: float) -> None:
        """What a controller is given to wait with."""
        self.waits.append(seconds)
        self.turn(seconds)
        self.on_wait()

    async def apause(self, seconds: float) -> None:
        self.pause(seconds)


def reply(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A reply as it goes over the wire. In the names of headers, ``_`` stands for ``-``."""
    fields = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {fields[name]}" for name in fields)]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """One connection, seen from the server."""

    def __init__(self, server: "Server", connection: socket.socket) -> None:
        self.server = server
        self._connection = connection
        self._unread = b""

    def read_request(self) -> Heard | None:
        """The next request, complete; None if the client has closed or broken off."""
        heard = self.read_head()
        if heard is None:
            return None
        length = int(heard.headers.get("content-length", "0"))
        while len(self._unread) < length:
            if not self._more():
                self.record_part()
                return None
        self._unread = self._unread[length:]
        return self._record(heard._replace(whole=True))

    def read_head(self) -> Heard | None:
        """The head of the next request. It is not recorded yet."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                if self._unread:
                    self.record_part()
                return None
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Heard(method, path, headers, whole=False)

    def read_bytes(self, count: int) -> None:
        """Some bytes of a request."""
        while len(self._unread) < count and self._more(count - len(self._unread)):
            pass

    def record_part(self) -> None:
        """Take down that a request was begun."""
        self._record(Heard("", "", {}, whole=False))

    def wait_for_bytes(self) -> None:
        """Wait until the client has sent something, and read nothing of it."""
        select.select([self._connection], [], [], PATIENCE)

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the client goes away in that time."""
        return bool(select.select([self._connection], [], [], seconds)[0])

    def wait_for_close(self) -> None:
        """Say nothing until the client goes away."""
        while self._more():
            self._unread = b""

    def send(self, data: bytes) -> bool:
        """Send something; False if the client has seen enough and is gone."""
        try:
            self._connection.sendall(data)
        except OSError:
            return False
        return True

    def reset(self) -> None:
        """Break the connection, so that the client is told of it (RST)."""
        linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self) -> None:
        self._connection.close()

    def _more(self, count: int = 65_536) -> bool:
        try:
            came = self._connection.recv(count)
        except OSError:
            return False
        self._unread += came
        return bool(came)

    def _record(self, heard: Heard) -> Heard:
        self.server.heard.append(heard)
        return heard


@dataclass(frozen=True)
class Fault:
    """A way to fail.

    Attributes:
        play: What the server does with a connection, or with a request on it.
        whole: It does so once the request has arrived. Otherwise ``play`` reads for itself.
        listens: Somebody listens at the port.
        tls: The client is told to speak TLS there.
        hurried: The client waits a short time only.
    """

    play: Callable[[Line], object] = field(repr=False)
    whole: bool = True
    listens: bool = True
    tls: bool = False
    hurried: bool = False


class _Ports:
    """Ports that are used again: a new one for each trial would use up all that a machine has."""

    def __init__(self) -> None:
        self._closed: list[socket.socket] = []
        self._open: list[socket.socket] = []
        atexit.register(self.close)

    def take(self, *, listening: bool) -> socket.socket:
        """A port of this machine, at which somebody listens or nobody does."""
        ports = self._open if listening else self._closed
        if ports:
            return ports.pop()
        made = socket.socket()
        # Bound, a port is nobody else's; until somebody listens, connections are refused.
        made.bind(("127.0.0.1", 0))
        if listening:
            made.listen()
        return made

    def give_back(self, port: socket.socket, *, listening: bool) -> None:
        (self._open if listening else self._closed).append(port)

    def close(self) -> None:
        for port in (*self._open, *self._closed):
            port.close()


_ports = _Ports()


class Server:
    """A port on this machine, and who answers there.

    Args:
        clock: What a slow reply turns.
        listens: Somebody listens at the port, unless the fault is that nobody does.
        fault: How requests fail.
        target: Method and path of the requests that fail; the others are answered.
        after: How many are answered before the first one fails.
        times: How many fail, before the rest are answered; None: all.
        state: The state of the call, for who asks; ``""``: that question fails with a 500.
        elsewhere: Another origin, which redirects lead to.
        keep_alive: Keep connections open after an answer.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        listens: bool = True,
        fault: Fault | None = None,
        target: tuple[str, str] = ("", ""),
        after: int = 0,
        times: int | None = None,
        state: str = "answered",
        elsewhere: str = "",
        keep_alive: bool = False,
    ) -> None:
        self.clock = clock
        self.heard: list[Heard] = []
        self.connections = 0
        self.elsewhere = elsewhere
        self.keep_alive = keep_alive
        self.fault = fault
        self.after = after
        self.times = times
        self.target = target
        self._state = state
        self._threads: list[threading.Thread] = []
        self._accepting: threading.Thread | None = None
        self._last: object = None
        self._lock = threading.Lock()
        self._listens = listens and (fault is None or fault.listens)
        self._port: socket.socket | None = _ports.take(listening=self._listens)
        self.port: int = self._port.getsockname()[1]

    @property
    def origin(self) -> str:
        scheme = "https" if self.fault is not None and self.fault.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"

    @property
    def whole(self) -> list[Heard]:
        """The requests that have reached the server."""
        return [heard for heard in self.heard if heard.whole]

    def listen(self) -> None:
        """Take connections from now on."""
        if self._accepting is None and self._port is not None:
            self._port.listen()
            self._listens = True
            self._accepting = threading.Thread(target=self._accept, args=(self._port,), daemon=True)
            self._accepting.start()

    def go_away(self) -> None:
        """Hear out everybody who has come; from then on connections are refused."""
        port = self._stop()
        if port is not None:
            port.close()

    def hear_out(self) -> None:
        """Wait until every connection is closed, by its client or by the server."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        if self._listens:
            self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        port = self._stop()
        if port is not None:
            _ports.give_back(port, listening=self._listens)

    def _stop(self) -> socket.socket | None:
        if self._accepting is not None:
            # Connections are accepted in the order in which they came: this one is the last.
            with socket.socket() as last:
                with self._lock:
                    last.connect(("127.0.0.1", self.port))
                    self._last = last.getsockname()
                self._accepting.join(PATIENCE)
            self._accepting = None
        self.hear_out()
        port, self._port = self._port, None
        return port

    def _accept(self, port: socket.socket) -> None:
        while True:
            connection, peer = port.accept()
            with self._lock:
                ends = peer == self._last
            if ends:
                connection.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            line = Line(self, connection)
            while self._answer(line) and self.keep_alive:
                pass

    def _answer(self, line: Line) -> bool:
        """Answer one request, or fail; whether the connection can go on."""
        if len(self.heard) >= MOST:
            return False
        fault = self.fault
        if fault is not None and not fault.whole and self._fails():
            fault.play(line)
            return False
        request = line.read_request()
        if request is None:
            return False
        aimed = (request.method, request.path.partition("?")[0]) == self.target
        if fault is not None and fault.whole and aimed and self._fails():
            fault.play(line)
            return False
        line.send(self.answer(request))
        return True

    def _fails(self) -> bool:
        if self.after:
            self.after -= 1
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0

    def answer(self, request: Heard, **headers: str) -> bytes:
        """What the platform answers, if nothing is wrong."""
        if self.keep_alive:
            headers = {"Connection": "keep-alive", **headers}
        status, body = self._sound(request.method, request.path.partition("?")[0])
        return reply(status, b"" if body is None else json.dumps(body).encode(), **headers)

    def _sound(self, method: str, path: str) -> tuple[int, object]:
        state = {"callId": CALL_ID, "state": self._state}
        if path == TOKEN:
            return 200, {"access_token": "a-token", "expires_in": 3600, "token_type": "Bearer"}
        if path == CALLS:
            return (201, CREATED) if method == "POST" else (200, [state])
        if method == "GET":
            return (200, state) if self._state else (500, None)
        return (200, None) if method == "POST" else (204, None)


# How to fail before there is a reply


def _reset_unread(line: Line) -> None:
    # Not at once: the connection would break while it is being made, which is another fault.
    line.wait_for_bytes()
    line.reset()


def _reset_in_the_head(line: Line) -> None:
    line.read_bytes(12)
    line.record_part()
    line.reset()


def _reset_before_the_body(line: Line) -> None:
    line.read_head()
    line.record_part()
    line.reset()


def _answers_without_tls(line: Line) -> None:
    line.wait_for_bytes()
    line.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    line.wait_for_close()


REFUSED = Fault(lambda _: None, whole=False, listens=False)
NO_TLS = Fault(_answers_without_tls, whole=False, tls=True)
MUTE_TLS = Fault(Line.wait_for_close, whole=False, tls=True, hurried=True)
RESET_UNREAD = Fault(_reset_unread, whole=False)
RESET_IN_THE_HEAD = Fault(_reset_in_the_head, whole=False)
RESET_BEFORE_THE_BODY = Fault(_reset_before_the_body, whole=False)
RESET = Fault(Line.reset)
CLOSED = Fault(Line.close)
MUTE = Fault(Line.wait_for_close, hurried=True)


# How to fail in a reply


def says(data: bytes) -> Fault:
    """The server sends this and closes."""
    return Fault(lambda line: line.send(data))


def refuses(status: int, **headers: str) -> Fault:
    """The platform says no, as it does."""
    told = {"type": "error", "description": "no", "id": ""}
    return says(reply(status, json.dumps(told).encode(), **headers))


def _resets_in_the_reply(line: Line) -> None:
    line.send(reply(200, b'{"callId": ', Content_Length="100"))
    line.reset()


def _drips(line: Line) -> None:
    line.send(reply(200, b'{"callId": ', Content_Length="1000000000"))
    line.server.clock.turn(3600.0)
    while line.send(b" " * 1000):
        pass


def leads_elsewhere(status: int) -> Fault:
    """The server names another origin to go to, which takes everything."""

    def play(line: Line) -> None:
        line.send(reply(status, Location=f"{line.server.elsewhere}{CALLS}"))

    return Fault(play)


def _as_text(line: Line) -> None:
    line.send(line.server.answer(line.server.heard[-1], Content_Type="text/plain"))


RESET_IN_THE_REPLY = Fault(_resets_in_the_reply)
DRIPS = Fault(_drips)
AS_TEXT = Fault(_as_text)
STATUS_BREAKS_OFF = says(b"HTTP/1.1 20")
HEAD_BREAKS_OFF = says(b"HTTP/1.1 200 OK\r\nContent-Type: applica")
NO_HTTP = says(b"SSH-2.0-OpenSSH_9.6\r\n")
BODY_BREAKS_OFF = says(reply(200, b'{"callId": ', Content_Length="100"))
CHUNKS_BREAK_OFF = says(
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" + b'{"callId": '
)
NO_JSON = says(reply(200, b'{"callId": "c-'))
WRONG_SHAPE = says(reply(200, b'{"callId": 7}'))
PORTAL = says(reply(200, b"<!DOCTYPE html><p>Log in", Content_Type="text/html"))
COMPRESSED = says(reply(200, gzip.compress(b"{}"), Content_Encoding="gzip"))
EMPTY = says(reply(200))
