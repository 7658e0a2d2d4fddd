"""No secret is in anything that a failing program prints, whatever it was told to print.

Programs are run in processes of their own, against a server that refuses in many ways, with every
logger at DEBUG, Python's development mode, and tracebacks that show the locals of all frames. What
they print is searched for each secret, in each form that it may take on the way.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import indent
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

SECRETS = {
    "CLIENT_SECRET": "client/secret+7f3e&=",
    "TOKEN": "token.eyJ9c2f1-5b~x",
    "BASIC_PASSWORD": "basic:pass wörd?8a91",
    "HOOK_PASSWORD": "hook/pass%word#4c60",
    "FALLBACK_PASSWORD": "fallback+pass&word=99d2",
}
"""What must be printed nowhere. Each in its way looks otherwise when it is quoted."""
NAMES = {"CLIENT_ID": "client-id-3", "BASIC_USER": "basic-user-4"}
PRIVATE = {"NUMBER": "+15550107788", "DISPLAY_NAME": "Zaphod Beeblebrox"}
"""What the log of this package must not hold."""


def forms(secret: str) -> set[str]:
    """A secret as it is, quoted for URLs and for strings, and as base64 in any position."""
    raw = secret.encode()
    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    plain |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], repr(raw)[2:-1]}
    # What base64 makes of bytes depends on what stands before them; its edges on both neighbours.
    moved = {
        b64encode(b"\0" * shift + raw).decode()[-(-shift * 4 // 3) + 1 :].rstrip("=")[:-1]
        for shift in range(3)
    }
    url_safe = {each.replace("+", "-").replace("/", "_") for each in moved}
    return {each for each in plain | moved | url_safe if each}


def found_in(text: str, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """The secrets that a text holds, each with the lines that hold it."""
    found: dict[str, list[str]] = {}
    for name, secret in secrets.items():
        wanted = forms(secret)
        lines = [line.strip()[:300] for line in text.splitlines() if any(f in line for f in wanted)]
        if lines:
            found[name] = lines
    return found


def headers() -> dict[str, str]:
    """The credentials as they stand in headers."""
    client = f"{NAMES['CLIENT_ID']}:{SECRETS['CLIENT_SECRET']}"
    user = f"{NAMES['BASIC_USER']}:{SECRETS['BASIC_PASSWORD']}"
    return {
        "the header of OAuth2": b64encode(client.encode()).decode(),
        "the header of Basic": b64encode(user.encode()).decode(),
    }


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        lambda secret: json.dumps({"password": secret}),
        lambda secret: quote(secret, safe=""),
        lambda secret: b64encode(f"some-user:{secret}".encode()).decode(),
        lambda secret: b64encode(f"u:{secret}, and more".encode()).decode(),
        lambda secret: b64encode(f"xy:{secret}".encode()).decode(),
        lambda secret: b64encode(secret.encode()).decode(),
        lambda secret: repr({"Authorization": f"Bearer {secret}".encode()}),
    ],
)
def test_a_secret_is_found_in_whatever_form(name: str, show: Any) -> None:
    """Or else the other tests here would say nothing."""
    text = f"before {show(SECRETS[name])} after"
    assert name in found_in(text, SECRETS)
    assert found_in("nothing of it", SECRETS) == {}


# The server


class Refuser:
    """A server that refuses in the way that the first part of the path names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        """Request lines and harmless headers of every request."""
        self.closing = threading.Event()
        refuser = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                refuser.answer(self)

            do_GET = do_POST = do_PUT = handle_any  # noqa: N815  # names of the library

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        harmless = [
            f"{name}: {value}"
            for name, value in handler.headers.items()
            if name.lower() != "authorization"
        ]
        self.lines.append("\n".join([handler.requestline, *harmless]))
        _, way, *rest = handler.path.split("/")
        if rest == ["token"] and not way.startswith("token-"):
            told = {"access_token": SECRETS["TOKEN"], "expires_in": 3600, "token_type": "Bearer"}
            self._send(handler, 200, json.dumps(told))
            return
        match way.removeprefix("token-"):
            case "drop":
                handler.close_connection = True
            case "half":
                handler.send_response(200)
                handler.send_header("Content-Length", "100")
                handler.end_headers()
                handler.wfile.write(b'{"callId"')
                handler.close_connection = True
            case "nonsense":
                handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
                handler.close_connection = True
            case "hang":
                self.closing.wait()
            case "html":
                self._send(handler, 200, "<p>Log in</p>", "text/html")
            case "unreadable":
                body = {"callId": 5, "access_token": f"{SECRETS['TOKEN']} with a space"}
                self._send(handler, 200, json.dumps(body))
            case interrupt if interrupt.startswith("interrupt-"):
                os.kill(int(interrupt.removeprefix("interrupt-")), signal.SIGINT)
                self.closing.wait()
            case status:
                self._send(handler, int(status), json.dumps({"description": "No."}))

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler, status: int, body: str, kind: str = "application/json"
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body.encode())))
        handler.end_headers()
        handler.wfile.write(body.encode())


@pytest.fixture(scope="module")
def refuser() -> Iterator[Refuser]:
    server = Refuser()
    yield server
    server.close()


# The programs

LOUD = """
import asyncio, faulthandler, logging, os, signal, sys, threading, traceback, warnings
import rich.traceback

ALL_LOCALS = dict(
    show_locals=True, locals_max_length=None, locals_max_string=None,
    locals_hide_dunder=False, locals_hide_sunder=False,
)
faulthandler.enable()
rich.traceback.install(width=300, max_frames=1000, extra_lines=0, **ALL_LOCALS)
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(name)s %(message)s %(args)r")
logging.getLogger().setLevel(logging.DEBUG)

import httpx
from calls import *
from calls.simulator import Target

def env(name):
    return os.environ[name]

def oauth2(way):
    return OAuth2(env("CLIENT_ID"), env("CLIENT_SECRET"), f"{env('URL')}/{way}/token")

def basic(way):
    return Basic(env("BASIC_USER"), env("BASIC_PASSWORD"))

def show():
    "All the ways of printing what has just been raised."
    error = sys.exc_info()[1]
    # What rich shows of each frame; all of it, with sources, takes half a second for an error.
    for stack in rich.traceback.Traceback.extract(*sys.exc_info(), **ALL_LOCALS).stacks:
        print("RICH", stack.exc_type, stack.exc_value)
        for frame in stack.frames:
            print("RICH", frame.name, *(f"{key}={value}" for key, value in (frame.locals or {}).items()))
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    print("".join(told.format()))
    logging.getLogger("program").exception("it failed: %r %s", error, error)
    print(repr(error), error, vars(error), error.args, getattr(error, "__notes__", None))
    faulthandler.dump_traceback()

HOOK = "https://app.example.com/hook"
ONCE = dict(retry=Retry(attempts=2, first_wait_seconds=0), timeout=0.3)

def attempted(attempt):
    print(repr(attempt), attempt)
"""

WAYS = """
WAYS = [
    "400", "401", "403", "404", "409", "418", "429", "500", "503", "302",
    "html", "unreadable", "drop", "half", "nonsense", "hang",
    "token-401", "token-500", "token-html", "token-unreadable", "token-drop", "token-nonsense",
]
"""

BLOCKING = """
def make(kind, way):
    return CallController(
        "1", auth=kind(way), base_url=f"{env('URL')}/{way}", on_attempt=attempted, **ONCE
    )

def state(controller):
    controller.get_call_state("c-1")

def push(controller):
    controller.call("c-1").push("<Bxml><Hangup/></Bxml>")

def attempt(kind, way, ask):
    with make(kind, way) as controller:
        try:
            ask(controller)
        except (Exception, KeyboardInterrupt):
            show()
        else:
            print("NOT", "REFUSED", kind, way)
"""

AWAITING = """
def make(kind, way):
    return AsyncCallController(
        "1", auth=kind(way), base_url=f"{env('URL')}/{way}", on_attempt=attempted, **ONCE
    )

async def state(controller):
    await controller.get_call_state("c-1")

async def push(controller):
    await controller.call("c-1").push("<Bxml><Hangup/></Bxml>")

async def attempting(kind, way, ask):
    async with make(kind, way) as controller:
        try:
            await ask(controller)
        except (Exception, asyncio.CancelledError):
            show()
            if asyncio.current_task().cancelling():
                raise
        else:
            print("NOT", "REFUSED", kind, way)

def attempt(kind, way, ask):
    try:
        asyncio.run(attempting(kind, way, ask), debug=True)
    except KeyboardInterrupt:
        show()
"""

REFUSED = """
for kind in (oauth2, basic):
    for way in WAYS:
        if kind is oauth2 or not way.startswith("token-"):
            attempt(kind, way, state)
    attempt(kind, "409", push)
    attempt(kind, "drop", push)
    attempt(kind, f"interrupt-{os.getpid()}", state)
    print("interrupted")
"""

UNCAUGHT_BLOCKING = """
def in_a_thread():
    make(oauth2, "400").get_call_state("c-1")

thread = threading.Thread(target=in_a_thread)
thread.start()
thread.join()
make(oauth2, "500").get_call_state("c-1")
"""

UNCAUGHT_AWAITING = """
async def main():
    controller = make(oauth2, "400")
    task = asyncio.create_task(state(controller))
    await asyncio.wait([task])
    del task
    await make(basic, "500").get_call_state("c-1")

asyncio.run(main(), debug=True)
"""

WITH_ARGUMENTS = """
def hook():
    return dict(
        username="hook-user", password=env("HOOK_PASSWORD"),
        fallback_username="fallback-user", fallback_password=env("FALLBACK_PASSWORD"),
    )

def order(to="+15550100001", url=HOOK):
    return dict(
        to=to, from_="+15550100002", application_id="app", answer_url=url,
        answer_fallback_url=HOOK,
    )
"""

ASKS_BLOCKING = """
ASKS = [
    lambda control: control.create_call(**order(), **hook()),
    lambda control: control.update_call("c-1", redirect_url=HOOK, **hook()),
    lambda control: control.call("c-1").redirect(HOOK, **hook()),
    lambda control: control.with_raw_response.create_call(**order(), **hook()),
    lambda control: control.with_raw_response.update_call("c-1", redirect_url=HOOK, **hook()),
]
WRONG = [
    lambda control: control.create_call(**order(to="911"), **hook()),
    lambda control: control.create_call(**order(url="http://app.example.com/"), **hook()),
    lambda control: control.create_call(**order(), **hook(), tagg="x"),
    lambda control: control.update_call("c-1", **hook()),
    lambda control: control.update_call("c/1", redirect_url=HOOK, **hook()),
    lambda control: control.call("c-1").redirect("nowhere", **hook()),
    lambda control: control.call("c-1").redirect(HOOK, wait_seconds=-1, **hook()),
    lambda control: control.call("c-1").push("<Bxml/>", **hook()),
]
"""

GIVEN = """
for way in ("400", "409", "500", "drop", "html", "token-401"):
    for ask in ASKS:
        attempt(oauth2, way, ask)
"""

WRONGLY_GIVEN = """
for ask in WRONG:
    attempt(oauth2, "400", ask)
"""

MISCONFIGURED = """
ENVIRONS = [
    {"BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": "CLIENT_SECRET"},
    {"BW_ACCOUNT_ID": "1", "BW_CLIENT_SECRET": "CLIENT_SECRET"},
    {"BW_USERNAME": "user", "BW_PASSWORD": "BASIC_PASSWORD"},
    {"BW_ACCOUNT_ID": "/", "BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": "CLIENT_SECRET"},
    {"BW_ACCOUNT_ID": "1", "BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": "CLIENT_SECRET",
     "BW_VOICE_URL": "http://voice.example"},
    {"BW_ACCOUNT_ID": "1", "BW_CLIENT_ID": "id", "BW_CLIENT_SECRET": "CLIENT_SECRET",
     "BW_TOKEN_URL": "nowhere"},
    {"BW_ACCOUNT_ID": "1", "BW_USERNAME": " ", "BW_PASSWORD": "BASIC_PASSWORD"},
]

def from_environ(number):
    CallController.from_env(
        {name: os.environ.get(value, value) for name, value in ENVIRONS[number].items()}
    )

MAKES = [
    lambda: OAuth2("", env("CLIENT_SECRET")),
    lambda: OAuth2("id", env("CLIENT_SECRET"), "nowhere"),
    lambda: OAuth2("id", secret=env("CLIENT_SECRET")),
    lambda: Basic("", env("BASIC_PASSWORD")),
    lambda: Basic("user", env("BASIC_PASSWORD"), "more"),
    lambda: CallController("../1", auth=basic("")),
    lambda: CallController("1", auth=oauth2(""), base_url="http://voice.example/"),
    lambda: CallController("1", auth=basic(""), timeout=-1),
    *(lambda number=number: from_environ(number) for number in range(len(ENVIRONS))),
]
for make in MAKES:
    try:
        make()
    except Exception:
        show()
    else:
        print("NOT", "REFUSED", make)
"""

PERSONAL = """
names = lambda: dict(to=env("NUMBER"), from_=env("NUMBER"))
SENT = [
    lambda control: control.create_call(
        **names(), application_id="app", answer_url=HOOK, display_name=env("DISPLAY_NAME"),
        tag=env("DISPLAY_NAME"), uui=env("NUMBER").strip("+") + ";encoding=hex",
    ),
    lambda control: list(control.list_calls(**names())),
    lambda control: control.with_raw_response.list_calls(**names()),
]
for way in ("400", "409", "429", "500", "drop", "html", "unreadable"):
    with CallController(
        "1", auth=basic(way), base_url=f"{env('URL')}/{way}", on_attempt=attempted, **ONCE
    ) as controller:
        for ask in SENT:
            try:
                ask(controller)
            except CallsError as error:
                print("ERROR", repr(error), error)
"""


class Run:
    """What a program has printed."""

    def __init__(self, done: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = done.returncode
        self.out = done.stdout.decode(errors="replace")
        self.error = done.stderr.decode(errors="replace")
        self.text = self.out + self.error


def run(tmp_path: Path, refuser: Refuser, *parts: str, command: tuple[str, ...] = ()) -> Run:
    """Run a program, told to print all it can: first what it defines, and last what it does."""
    *defines, does = parts
    # Not at the top of the program, where each traceback would show all that it defines.
    (tmp_path / "parts.py").write_text("".join(defines) + "def main():\n" + indent(does, "    "))
    program = tmp_path / "program.py"
    program.write_text("import parts\nparts.main()\n")
    environ = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "PYTHONPATH")
    }
    environ |= SECRETS | NAMES | PRIVATE
    environ |= {"URL": refuser.url, "PYTHONWARNINGS": "always", "PYTHONFAULTHANDLER": "1"}
    environ |= {"PYTHONASYNCIODEBUG": "1", "PYTHONIOENCODING": "utf-8"}
    environ |= {"COLUMNS": "300", "NO_COLOR": "1", "SSLKEYLOGFILE": ""}
    command = command or (sys.executable, "-X", "dev", str(program))
    done = subprocess.run(  # noqa: S603  # a program of this file
        command, env=environ, capture_output=True, timeout=120, check=False, cwd=tmp_path
    )
    printed = Run(done)
    assert "NOT REFUSED" not in printed.text
    return printed


KINDS = {"blocking": (BLOCKING, UNCAUGHT_BLOCKING), "async": (AWAITING, UNCAUGHT_AWAITING)}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_no_credentials_are_in_what_a_refused_program_prints(
    tmp_path: Path, refuser: Refuser, kind: str
) -> None:
    code, uncaught = KINDS[kind]
    printed = run(tmp_path, refuser, LOUD, WAYS, code, REFUSED + uncaught)
    assert found_in(printed.text, SECRETS | headers()) == {}
    # It has printed what it was told to print.
    assert printed.code == 1
    assert printed.text.count("interrupted") == 2
    for told in ("Unauthorized", "ConnectionFailed", "UnexpectedReply", "KeyboardInterrupt"):
        assert printed.text.count(told) > 5
    assert "locals" in printed.error  # what rich prints of what nobody has caught
    assert "RICH sent site=Site(" in printed.out
    if kind == "blocking":
        assert "httpcore.http11 receive_response_headers.started" in printed.out
    assert "calls get_call_state c-1: 401 Unauthorized (attempt 1" in printed.out
    assert "c-1/bxml" in printed.text


def test_no_secret_is_in_a_url_or_in_a_header_but_the_one_for_it(
    tmp_path: Path, refuser: Refuser
) -> None:
    run(tmp_path, refuser, LOUD, BLOCKING, WITH_ARGUMENTS, ASKS_BLOCKING, GIVEN)
    seen = "\n".join(refuser.lines)
    assert "POST /400/accounts/1/calls/c-1 HTTP/1.1" in seen
    assert "User-Agent: bxml-calls/" in seen or "user-agent: bxml-calls/" in seen.lower()
    assert found_in(seen, SECRETS | NAMES | headers()) == {}


PASSWORDS = {name: SECRETS[name] for name in ("HOOK_PASSWORD", "FALLBACK_PASSWORD")}


@pytest.mark.parametrize("wrong", [False, True], ids=["refused", "wrong"])
def test_passwords_among_the_arguments_are_in_no_message_and_no_log(
    tmp_path: Path, refuser: Refuser, wrong: bool
) -> None:
    quiet = LOUD.replace("locals=True", "locals=False")
    asks = (WITH_ARGUMENTS, ASKS_BLOCKING, WRONGLY_GIVEN if wrong else GIVEN)
    printed = run(tmp_path, refuser, quiet, BLOCKING, *asks)
    assert printed.code == 0
    assert found_in(printed.text, SECRETS | headers()) == {}


@kinds
@pytest.mark.parametrize("wrong", [False, True], ids=["refused", "wrong"])
def test_passwords_among_the_arguments_are_in_no_locals(
    tmp_path: Path, refuser: Refuser, wrong: bool, kind: str
) -> None:
    asks = (WITH_ARGUMENTS, ASKS_BLOCKING, WRONGLY_GIVEN if wrong else GIVEN)
    printed = run(tmp_path, refuser, LOUD, KINDS[kind][0], *asks)
    assert printed.code == 0
    assert found_in(printed.text, SECRETS | headers()) == {}


@pytest.mark.parametrize("shown", [False, True], ids=["as it is", "with locals"])
def test_no_secret_is_in_what_a_misconfigured_program_prints(
    tmp_path: Path, refuser: Refuser, shown: bool
) -> None:
    """A variable is missing, or a URL is wrong: the first thing that goes wrong for anybody."""
    loud = LOUD if shown else LOUD.replace("locals=True", "locals=False")
    printed = run(tmp_path, refuser, loud, MISCONFIGURED)
    assert printed.code == 0
    assert printed.out.count("program it failed: InvalidRequest(") == 15
    assert found_in(printed.text, SECRETS) == {}


def test_no_number_and_no_name_is_in_the_log_or_in_an_error(
    tmp_path: Path, refuser: Refuser
) -> None:
    printed = run(tmp_path, refuser, LOUD, PERSONAL)
    assert printed.code == 0
    assert found_in(printed.text, PRIVATE) == {}
    assert "calls create_call: 400 BadRequest" in printed.out
    assert "httpcore" in printed.out
    assert printed.text.count("ERROR ") >= 20


SHOWN_BY_PYTEST = """
import pytest

@pytest.mark.parametrize("kind", [oauth2, basic])
@pytest.mark.parametrize("way", ["401", "409", "500", "302", "html", "half", "drop", "hang"])
def test_it(kind, way):
    with make(kind, way) as controller:
        controller.call("c-1").push("<Bxml><Hangup/></Bxml>")

@pytest.mark.parametrize("way", ["token-401", "token-unreadable", "token-drop"])
def test_the_token(way):
    with make(oauth2, way) as controller:
        state(controller)
"""


def test_no_credentials_are_in_what_pytest_shows(tmp_path: Path, refuser: Refuser) -> None:
    options = ("--showlocals", "-vv", "--tb=long", "--log-level=DEBUG", "-p", "no:cacheprovider")
    command = (sys.executable, "-X", "dev", "-m", "pytest", *options, "parts.py")
    shown = run(tmp_path, refuser, LOUD, BLOCKING, SHOWN_BY_PYTEST, "pass", command=command)
    assert " 19 failed" in shown.text, shown.text[-1000:]
    assert found_in(shown.text, SECRETS | headers()) == {}
