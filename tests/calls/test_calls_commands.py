"""The ``calls`` command, as people and programs run it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from bxml import Response
from bxml.strategies import hostile_text
from calls import CallController
from calls.__main__ import app
from calls.commands._show import json_line, moment, shown
from calls.commands.listing import time_of
from calls.errors import InvalidRequest
from calls.models import CallState
from calls.simulator import Answered, Caller, Simulator

TO, FROM = "+15550100001", "+15550100002"
HOLD = Response().speak_sentence("Please hold.").pause(duration=600)
COMMANDS = ("push", "broadcast", "redirect", "hangup", "state", "list", "demo")
SECRET = "hunter2"

Environment = Mapping[str, str]


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What programs read."""
        return [json.loads(line) for line in self.out.splitlines()]


def clean(environment: Environment) -> dict[str, str]:
    """The environment of this process without what leads to an account or to a proxy."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BW_") and not name.lower().endswith("_proxy")
    }
    return {**inherited, **environment}


class Terminal:
    """Runs commands, in this process or in one of their own, with an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def __call__(
        self, *arguments: str, stdin: str | bytes = b"", **environment: str | None
    ) -> Done:
        """The command in this process, which is quicker."""
        wanted: dict[str, str | None] = {**clean(self.environment), **environment}
        variables = {name: None for name in os.environ if name not in wanted} | wanted
        result = CliRunner().invoke(app, arguments, input=stdin, env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return Done(result.exit_code, result.stdout, result.stderr)

    def run(self, *arguments: str, **environment: str) -> Done:
        """The command in a process of its own."""
        done = subprocess.run(  # noqa: S603  # our own words
            [sys.executable, "-m", "calls", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
            env=clean({**self.environment, **environment}),
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(
        self, *arguments: str, stdout: Any = subprocess.PIPE, stderr: Any = subprocess.PIPE
    ) -> "subprocess.Popen[bytes]":
        """The command in a process that obeys Ctrl-C, even if this one was told not to."""
        script = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from calls.__main__ import main; main()"
        )
        command = [sys.executable, "-c", script, *arguments]
        environment = clean(self.environment)
        return subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr)  # noqa: S603  # our own words


@pytest.fixture
def offline() -> Terminal:
    """A terminal for what must be refused before anything is sent."""
    return Terminal(leading_to("http://127.0.0.1:9", "http://127.0.0.1:9/token"))


def leading_to(base_url: str, token_url: str) -> dict[str, str]:
    return {
        "BW_ACCOUNT_ID": "9900000",
        "BW_CLIENT_ID": "client-id",
        "BW_CLIENT_SECRET": "client-secret",
        "BW_VOICE_URL": base_url,
        "BW_TOKEN_URL": token_url,
    }


class Line(NamedTuple):
    """The simulator, and what a test does with it."""

    simulator: Simulator
    controller: CallController

    def queued(self, to: str = TO) -> str:
        """A call that has just been asked for."""
        created = self.controller.create_call(
            to=to, from_=FROM, application_id="app-1", answer_url="http://127.0.0.1:9/answer"
        )
        return created.call_id

    def answered(self) -> str:
        """A call that waits for something to be done to it."""
        call_id = self.queued()
        self.simulator.advance(10)
        return call_id

    def state(self, call_id: str) -> CallState:
        return self.controller.get_call_state(call_id)

    def requests(self, method: str) -> list[str]:
        entries = [each for each in self.simulator.timeline if each.kind == "request"]
        return [each.text for each in entries if each.text.startswith(method)]


@pytest.fixture
def line() -> Iterator[Line]:
    with Simulator(post=lambda _: Answered(200, bytes(HOLD))) as simulator, simulator.serve():
        with CallController(
            simulator.account_id,
            auth=simulator.auth,
            base_url=simulator.base_url,
            transport=simulator.transport(),
        ) as controller:
            yield Line(simulator, controller)


@pytest.fixture
def calls(line: Line) -> Terminal:
    return Terminal(leading_to(line.simulator.base_url, line.simulator.auth.token_url))


class Told(NamedTuple):
    """A reply of a platform that says what it is told to; without a status, it hangs up."""

    status: int | None
    body: object = None
    headers: Mapping[str, str] = {}


class Platform:
    """A platform that replies as it is told, one after the other; the last one for ever.

    A context manager. ``seen`` is what was asked, but for tokens.
    """

    def __init__(self, *replies: Told, first: Callable[[], object] = lambda: None) -> None:
        left = list(replies)
        seen: list[tuple[str, str, bytes]] = []
        self.seen = seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                told = Told(200, {"access_token": "token", "expires_in": 3600})
                if self.path != "/token":
                    seen.append((self.command, self.path, body))
                    first()
                    told = left.pop(0) if len(left) > 1 else left[0]
                if told.status is None:
                    return
                content = b"" if told.body is None else json.dumps(told.body).encode()
                self.send_response(told.status)
                for name, value in {"Content-Length": f"{len(content)}", **told.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST  # noqa: N815

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that has gone is none of its business."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.calls = Terminal(leading_to(url, f"{url}/token"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that commands have made, which take no time."""
    made: list[float] = []
    monkeypatch.setattr("calls.commands._watch.sleep", made.append)
    return made


def refused(done: Done, status: int = 1) -> str:
    """The one line in which a command says what went wrong."""
    assert (done.status, done.out) == (status, ""), done
    [line] = done.err.splitlines()
    assert line.startswith("calls: ")
    return line.removeprefix("calls: ")


# push


def test_push_replaces_what_a_call_is_doing(calls: Terminal, line: Line, tmp_path: Path) -> None:
    path = tmp_path / "agent.xml"
    path.write_text("<Bxml><SpeakSentence>An agent is free.</SpeakSentence></Bxml>")
    call_id = line.answered()
    assert calls.run("push", call_id, str(path)) == (0, f"{call_id}: pushed\n", "")
    line.simulator.advance(1)
    assert line.simulator.heard(call_id) == ["Please hold.", "An agent is free."]


def test_push_takes_a_document_from_standard_input(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    markup = b"<Response><SpeakSentence>Hi.</SpeakSentence></Response>"
    assert calls("push", call_id, "-", stdin=markup).status == 0
    line.simulator.advance(1)
    assert line.simulator.heard(call_id)[-1] == "Hi."


def test_a_text_is_said_as_it_is_whatever_it_looks_like(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    text = 'Tom & Jerry </SpeakSentence><Hangup/> <break time="1s"/> “ok”'
    assert calls.run("push", call_id, "--text", text, "--voice", "julie").status == 0
    line.simulator.advance(1)
    assert line.simulator.heard(call_id)[-1] == text
    [pushed] = [each.body for each in line.simulator.timeline if "/bxml: 204" in each.text]
    assert 'voice="julie"' in (pushed or "")


def test_push_tells_programs_of_all_there_is_to_say(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    done = calls("push", call_id, "--json", "--text", "Hi.", "--voice", "julia")
    [told] = done.objects
    assert (told.pop("callId"), told.pop("outcome")) == (call_id, "done")
    levels = {each["rule"]: each["level"] for each in told.pop("problems")}
    assert levels == {"voice-unknown": "warning", "doc-implicit-hangup": "info"}
    assert told == {}


def test_a_document_with_errors_is_shown_as_bxml_check_does_and_not_sent(
    calls: Terminal, line: Line, tmp_path: Path
) -> None:
    path = tmp_path / "bad.xml"
    path.write_text('<Bxml>\n  <Gater/>\n  <Pause duration="0"/>\n</Bxml>')
    done = calls("push", line.answered(), str(path))
    assert (done.status, done.out) == (2, "")
    lines = done.err.splitlines()
    assert lines[0].startswith(f"{path}:2:3: error: Bxml[0] > Gater: <Gater> is not a BXML verb;")
    assert lines[1:3] == ["    <Gater/>", "    ^"]
    assert lines[4].startswith(f"{path}:3:10: error: ")
    assert lines[-1] == f"calls: {path}: nothing was sent, since it has errors"
    assert line.requests("PUT") == []
    programs = calls("push", "c-1", str(path), "--json")
    [told] = programs.objects
    assert (told["outcome"], told["error"], told["callId"]) == ("not_sent", "ParseError", "c-1")
    assert [(each["line"], each["rule"]) for each in told["problems"]] == [
        (2, "element-unknown"),
        (3, "attribute-range"),
    ]


def test_what_is_wrong_between_verbs_is_an_error_too(offline: Terminal) -> None:
    markup = "<Bxml><StopStream/></Bxml>"
    done = offline("push", "c-1", "-", "--json", stdin=markup)
    assert done.status == 2
    assert done.objects[0]["error"] in {"InvalidDocument", "ParseError"}


DOUBTFUL = '<Bxml>\n <Redirect redirectUrl="/x"/>\n</Bxml>'


def test_a_document_with_warnings_is_sent_and_they_are_shown(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    done = calls("push", call_id, "-", stdin=DOUBTFUL)
    assert (done.status, done.out) == (0, f"{call_id}: pushed\n")
    assert done.err.splitlines()[0].startswith(
        "<stdin>:2:12: warning: Bxml[0] > Redirect: redirectUrl is relative"
    )
    assert "info:" not in done.err


def test_strict_sends_nothing_that_has_warnings(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    for arguments, stdin in (
        (["-"], DOUBTFUL),
        (["--text", "Hi.", "--voice", "julia"], ""),
    ):
        done = calls("push", call_id, *arguments, "--strict", stdin=stdin)
        assert (done.status, done.out) == (2, "")
        assert " warning: " in done.err
        assert done.err.endswith(
            "nothing was sent, since it has warnings, and --strict was given\n"
        )
    assert calls("push", call_id, "--text", "Hi.", "--strict").status == 0
    assert len(line.requests("PUT")) == 1


def test_unchecked_leaves_the_judgement_to_the_platform(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    done = calls("push", call_id, "-", "--unchecked", stdin="<Bxml><Gater/></Bxml>")
    assert "400 Invalid BXML: " in refused(done)
    assert len(line.requests("PUT")) == 1


@pytest.mark.parametrize("options", [[], ["--unchecked"]])
def test_the_beginning_of_a_file_that_is_too_large_is_not_sent(
    calls: Terminal, options: list[str], line: Line
) -> None:
    markup = f"<Bxml>{'<Pause/>' * 10_000}</Bxml>"
    done = calls("push", line.answered(), "-", *options, stdin=markup)
    assert done.status == 2
    assert "at most 65,536 bytes" in done.err
    assert line.requests("PUT") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "FILE is required, or --text in its place"),
        (["x.xml", "--text", "Hi."], "--text does not go with a FILE"),
        (["--text", "Hi.", "--unchecked"], "--unchecked goes with a FILE"),
        (["x.xml", "--voice", "julie"], "--voice goes with --text; "),
        (["x.xml", "--unchecked", "--strict"], "--strict does not go with --unchecked"),
        (["nowhere.xml"], "nowhere.xml: No such file or directory"),
        (["\x1b]0;x\x07"], r"\x1b]0;x\x07: No such file or directory"),
        (["."], ".: Is a directory"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    offline: Terminal, arguments: list[str], words: str
) -> None:
    assert refused(offline("push", "c-1", *arguments), 2).startswith(words)
    [told] = offline("push", "c-1", "--json", *arguments).objects
    assert (told["outcome"], told["attempts"]) == ("not_sent", [])


def test_a_text_that_cannot_be_said_is_refused(offline: Terminal) -> None:
    done = offline("push", "c-1", "--text", "a\x1bb")
    assert done.status == 2
    assert "U+001B" in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize("call_id", ["a/b", "../x", "", "c-1?x", "ç", "c-1\n", "\x1b[31m"])
@pytest.mark.parametrize(
    "arguments",
    [["push", "ID", "--text", "Hi."], ["redirect", "ID", "https://a.example.com"], ["state", "ID"]],
)
def test_what_is_no_id_of_a_call_is_refused(
    offline: Terminal, arguments: list[str], call_id: str
) -> None:
    done = offline(*[call_id if each == "ID" else each for each in arguments])
    words = f"CALL_ID must be an id of letters, digits, - and _ (got {call_id!r})"
    assert refused(done, 2) == words


def test_a_call_that_is_not_answered_is_told_with_what_to_do(calls: Terminal, line: Line) -> None:
    call_id = line.queued()
    told = refused(calls("push", call_id, "--text", "Hi."))
    assert told.startswith(f"PUT /api/v2/accounts/9900000/calls/{call_id}/bxml: 409 Call ")
    assert told.endswith(
        "; the call is queued, not answered yet. --wait SECONDS waits for the answer."
    )


def test_wait_waits_for_the_answer_and_says_so_once(
    calls: Terminal, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.commands._watch.sleep", line.simulator.advance)
    line.simulator.phone(TO, Caller().answers(after=5))
    call_id = line.queued()
    done = calls("push", call_id, "--text", "Hi.", "--wait", "60", "--verbose")
    assert (done.status, done.out) == (0, f"{call_id}: pushed\n")
    assert done.err == f"calls: {call_id}: 409 CallConflict, not ready yet; waiting\n"
    assert len(line.requests("PUT")) > 5


def test_a_call_that_has_ended_cannot_be_pushed_into(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    line.controller.call(call_id).hang_up()
    told = refused(calls("push", call_id, "--text", "Hi."))
    assert told.endswith("; the call has ended (hangup). It can be changed no more.")
    [data] = calls("push", call_id, "--text", "Hi.", "--json").objects
    assert (data["error"], data["status"], data["outcome"]) == ("CallEnded", 409, "refused")


# redirect


def test_redirect_sends_a_call_to_another_url(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    url = "http://127.0.0.1:9/agent"
    done = calls.run("redirect", call_id, url, "--tag", "vip", "--method", "get")
    assert done == (0, f"{call_id}: redirected\n", "")
    line.simulator.advance(1)
    [went] = [each for each in line.simulator.timeline if each.text == "GET redirect: 200"]
    assert went.url is not None
    assert went.url.startswith(url)


def test_redirect_sends_what_it_was_given() -> None:
    with Platform(Told(200)) as platform:
        done = platform.calls(
            "redirect",
            "c-1",
            "https://a.example.com/x",
            *("--username", "acme", "--fallback-url", "https://b.example.com/y"),
            *("--fallback-username", "backup", "--tag", "", "--json"),
            BW_REDIRECT_PASSWORD=SECRET,
            BW_REDIRECT_FALLBACK_PASSWORD="hunter3",
        )
        assert done.objects == [{"callId": "c-1", "outcome": "done"}]
        [(method, path, body)] = platform.seen
    assert (method, path) == ("POST", "/accounts/9900000/calls/c-1")
    assert json.loads(body) == {
        "redirectUrl": "https://a.example.com/x",
        "username": "acme",
        "password": SECRET,
        "redirectFallbackUrl": "https://b.example.com/y",
        "fallbackUsername": "backup",
        "fallbackPassword": "hunter3",
        "tag": "",
    }


def test_a_password_is_asked_for_where_somebody_can_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("calls.commands.redirect._can_be_asked", lambda: True)
    with Platform(Told(200)) as platform:
        arguments = ("redirect", "c-1", "https://a.example.com/x", "--username", "acme")
        done = platform.calls(*arguments, stdin=f"{SECRET}\n")
        assert (done.status, done.out.splitlines()[-1]) == (0, "c-1: redirected")
        assert SECRET not in done.err
        assert json.loads(platform.seen[0][2])["password"] == SECRET


REDIRECT = ("redirect", "c-1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ftp://a"], "URL must be an absolute http or https URL (got 'ftp://a')"),
        (["/x"], "URL must be an absolute http or https URL (got '/x')"),
        (["https://[x/"], "URL must be a URL that comes apart"),
        (["http://a.example.com", "--username", "u"], "URL must be https, since username and"),
        (["https://a.example.com", "--fallback-url", "x"], "--fallback-url must be an absolute"),
        (["https://a.example.com", "--tag", "x" * 5000], "--tag must be at most 4096 characters"),
        (["https://a.example.com", "--fallback-username", "u"], "--fallback-username goes with"),
        ([f"https://u:{SECRET}@a.example.com"], "URL holds credentials, which everybody can read"),
        (
            ["https://a.example.com", "--fallback-url", f"https://u:{SECRET}@b.example.com"],
            "--fallback-url holds credentials, which everybody can read: give --fallback-username,",
        ),
    ],
)
def test_a_redirect_that_the_platform_would_refuse_is_not_sent(
    offline: Terminal, arguments: list[str], words: str
) -> None:
    done = offline(*REDIRECT, *arguments, BW_REDIRECT_PASSWORD=SECRET)
    assert refused(done, 2).startswith(words)
    assert SECRET not in done.err


def test_where_nobody_can_be_asked_the_variable_is_named(offline: Terminal) -> None:
    done = offline.run(*REDIRECT, "https://a.example.com", "--username", "u")
    assert refused(done, 2) == (
        "the environment lacks BW_REDIRECT_PASSWORD, and there is no terminal to ask at"
    )


# hangup


def test_hangup_ends_calls_in_whatever_state_they_are(calls: Terminal, line: Line) -> None:
    first, second = line.answered(), line.queued()
    done = calls.run("hangup", first, second, first)
    assert done == (0, f"{first}: ended\n{second}: ended\n", "")
    assert line.state(first).is_over
    assert line.state(second).is_over


def test_hangup_goes_on_after_a_failure_and_tells_of_each(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    done = calls("hangup", "c-nope", call_id, "--json")
    assert done.status == 1
    assert done.err.startswith("calls: POST /api/v2/accounts/9900000/calls/c-nope: 404 Call ")
    missing, ended = done.objects
    assert (missing["callId"], missing["error"]) == ("c-nope", "CallNotFound")
    assert ended == {"callId": call_id, "outcome": "done", "hadEnded": False}


def test_a_call_that_had_ended_is_told_apart_and_is_no_failure(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    line.controller.call(call_id).hang_up()
    assert calls("hangup", call_id) == (0, f"{call_id}: had ended already\n", "")
    assert calls("hangup", call_id, "--json").objects[0]["hadEnded"] is True


def test_hangup_reads_ids_from_standard_input(calls: Terminal, line: Line) -> None:
    first, second = line.answered(), line.answered()
    done = calls("hangup", "-", stdin=f"{first}\r\n\n  {second}\n{first}")
    assert done == (0, f"{first}: ended\n{second}: ended\n", "")
    assert calls("hangup", "-") == (0, "", "calls: standard input holds no call id\n")


@pytest.mark.parametrize(
    ("stdin", "got"),
    [
        (b"c-1\nx y\n", "'x y'"),
        (b"c-1\n\x1b[31m\n", r"'\x1b[31m'"),
        (b"c-1\n\xff\n", r"'\\xff'"),
        (b"c-1\n" + b"x" * 100_000, "… (302 characters)"),
    ],
)
def test_nothing_is_ended_if_a_line_is_no_id(
    calls: Terminal, line: Line, stdin: bytes, got: str
) -> None:
    done = calls("hangup", "-", stdin=stdin)
    words = "line 2 of standard input must be an id of letters, digits, - and _"
    told = refused(done, 2)
    assert told.startswith(f"{words} (got ")
    assert told.endswith(f"{got})")
    assert line.requests("POST") == []


def test_after_wrong_credentials_no_other_call_is_tried(calls: Terminal, line: Line) -> None:
    done = calls("hangup", "c-1", "c-2", "c-3", "--json", BW_CLIENT_SECRET=SECRET)
    assert done.status == 1
    told, untried = done.err.splitlines()
    assert told.startswith("calls: POST /api/v1/oauth2/token: 401 Unauthorized")
    assert told.endswith(". Check BW_CLIENT_ID and BW_CLIENT_SECRET.")
    assert untried == "calls: not tried: c-2, c-3"
    first, *others = done.objects
    assert (first["callId"], first["error"], first["outcome"]) == (
        "c-1",
        "Unauthorized",
        "not_sent",
    )
    assert others == [{"callId": each, "outcome": "not_sent"} for each in ("c-2", "c-3")]
    assert len(line.requests("POST")) == 1


# state and list


def test_state_tells_what_is_known_of_a_call(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    done = calls.run("state", call_id)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"call         {call_id}",
        "state        answered",
        "direction    outbound",
        f"from         {FROM}",
        f"to           {TO}",
        "application  app-1",
        "queued       2026-01-01T00:00:00Z",
        "started      2026-01-01T00:00:00Z",
        "answered     2026-01-01T00:00:02Z",
        "changed      2026-01-01T00:00:02Z",
    ]


def test_state_tells_programs_by_the_vendors_names(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    [told] = calls("state", call_id, "--json").objects
    assert (told["callId"], told["from"], told["disconnectCause"]) == (call_id, FROM, None)
    assert told["answerTime"] == "2026-01-01T00:00:02Z"


def test_list_has_aligned_columns(calls: Terminal, line: Line) -> None:
    ids = [line.queued(f"+1555010000{number}") for number in range(3)]
    done = calls.run("list")
    assert (done.status, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert head.split() == ["CALL", "DIRECTION", "FROM", "TO", "STATE", "START", "CAUSE"]
    assert [row.split()[0] for row in rows] == ids
    assert {row.index("outbound") for row in rows} == {head.index("DIRECTION")}
    assert {row.index("queued") for row in rows} == {head.index("STATE")}


def test_list_prints_an_object_a_line_for_programs(calls: Terminal, line: Line) -> None:
    ids = [line.queued() for _ in range(3)]
    done = calls("list", "--json")
    assert [each["callId"] for each in done.objects] == ids
    assert done.objects[0].keys() >= {"to", "from", "direction", "state", "startTime"}


def test_list_stops_at_its_limit_and_says_that_there_is_more(calls: Terminal, line: Line) -> None:
    ids = [line.queued() for _ in range(52)]
    first = calls("list", "--json")
    assert [each["callId"] for each in first.objects] == ids[:50]
    assert first.err == "calls: these are the first 50: --limit N, or --all, shows more\n"
    for options in (["--all"], ["--limit", "0"], ["--limit", "52"]):
        done = calls("list", "--json", *options)
        assert (len(done.objects), done.err) == (52, "")


def test_list_asks_for_the_calls_that_are_wanted() -> None:
    with Platform(Told(200, [])) as platform:
        done = platform.calls(
            *("list", "--to", TO, "--from", FROM, "--cause", "busy", "--limit", "9"),
            *("--since", "2026-01-01T00:00+02:00", "--until", "2026-01-02T00:00Z"),
        )
        assert done == (0, "", "calls: there are no such calls\n")
        [(_, path, _)] = platform.seen
    assert path == (
        "/accounts/9900000/calls?to=%2B15550100001&from=%2B15550100002"
        "&minStartTime=2026-01-01T00%3A00%3A00%2B02%3A00"
        "&maxStartTime=2026-01-02T00%3A00%3A00Z&disconnectCause=busy&pageSize=10"
    )


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (
            "2026-01-01T09:00",
            "must have a time zone: 2026-01-01T09:00Z, or 2026-01-01T09:00+02:00"
            " (got '2026-01-01T09:00')",
        ),
        ("2026-01-01", "must have a time zone: 2026-01-01T00:00Z, or"),
        ("yesterday", "must be a time, such as 2026-01-31T09:00Z or 2h (got 'yesterday')"),
        ("999999d", "is before all times (got 999999d)"),
        ("\x1b[31m", r"must be a time, such as 2026-01-31T09:00Z or 2h (got '\x1b[31m')"),
    ],
)
def test_a_time_that_is_none_or_means_another_elsewhere_is_refused(
    offline: Terminal, time: str, words: str
) -> None:
    for option in ("--since", "--until"):
        assert refused(offline("list", option, time), 2).startswith(f"{option} {words}")


def test_a_time_may_be_told_by_how_long_ago_it_is() -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    assert time_of("--since", "90s", now) == now - timedelta(seconds=90)
    assert time_of("--since", "30m", now) == now - timedelta(minutes=30)
    assert time_of("--since", "2h", now) == now - timedelta(hours=2)
    assert time_of("--since", "7d", now) == now - timedelta(days=7)
    for wrong in ("2w", "-2h", "2h30m", "٢h", ""):
        with pytest.raises(InvalidRequest):
            time_of("--since", wrong, now)


def test_a_reader_that_has_read_enough_ends_the_listing_quietly() -> None:
    page = [{"callId": f"c-{number}"} for number in range(1000)]
    following = {"Link": '</accounts/9900000/calls?page=2>; rel="next"'}
    with Platform(Told(200, page, following), Told(500)) as platform:
        process = platform.calls.start("list", "--all")
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(4) == b"CALL"
        process.stdout.close()
        with process.stderr as errors:
            assert (errors.read(), process.wait(60)) == (b"", 0)
        assert len(platform.seen) == 1


def test_calls_are_ended_even_if_nobody_reads_of_it(calls: Terminal, line: Line) -> None:
    first, second = line.answered(), line.answered()
    process = calls.start("hangup", first, second)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    with process.stderr as errors:
        assert (errors.read(), process.wait(60)) == (b"", 0)
    assert line.state(second).is_over


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_told_with_what_was_lost(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    with Path("/dev/full").open("wb") as full:
        process = calls.start("hangup", call_id, stdout=full)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.decode() == (
        "calls: standard output: No space left on device;"
        f" what is lost begins with: {call_id}: ended\n"
    )


def test_without_any_output_a_command_still_does_its_work(calls: Terminal, line: Line) -> None:
    call_id = line.answered()
    script = f'exec "{sys.executable}" -m calls hangup {call_id} >&- 2>&- <&-'
    done = subprocess.run(  # noqa: S602  # our own words
        script, shell=True, check=False, env=clean(calls.environment), timeout=60
    )
    assert done.returncode == 2
    assert line.state(call_id).is_over


# Credentials


@pytest.mark.parametrize(
    ("variables", "lacks"),
    [
        ({}, "BW_ACCOUNT_ID and BW_CLIENT_ID and BW_CLIENT_SECRET"),
        ({"BW_ACCOUNT_ID": "1", "BW_CLIENT_ID": "x", "BW_CLIENT_SECRET": ""}, "BW_CLIENT_SECRET"),
        ({"BW_ACCOUNT_ID": "1", "BW_USERNAME": "x"}, "BW_PASSWORD"),
    ],
)
def test_missing_variables_are_named(variables: dict[str, str], lacks: str) -> None:
    terminal = Terminal(variables)
    for arguments in (["push", "c-1", "--text", "Hi."], ["hangup", "c-1"], ["state", "c-1"]):
        told = refused(terminal(*arguments), 2)
        assert told == (
            f"the environment lacks {lacks}. Needed are the account's id, BW_ACCOUNT_ID,"
            " and credentials, BW_CLIENT_ID and BW_CLIENT_SECRET."
        )
    [data] = terminal("list", "--json").objects
    assert (data["error"], data["outcome"], data["callId"]) == ("InvalidRequest", "not_sent", None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BW_ACCOUNT_ID", "../x", "BW_ACCOUNT_ID must be an id of letters"),
        ("BW_VOICE_URL", "nonsense", "BW_VOICE_URL must be an absolute http or https URL"),
        (
            "BW_VOICE_URL",
            f"http://u:{SECRET}@a.example.com",
            "BW_VOICE_URL must be https, since credentials go there (got 'http://…@a.example.com')",
        ),
        (
            "BW_TOKEN_URL",
            f"http://u:{SECRET}@a.example.com",
            "BW_TOKEN_URL must be https, since credentials go there (got 'http://…@a.example.com')",
        ),
        ("BW_TOKEN_URL", "\x1b[31m", "BW_TOKEN_URL holds U+001B at index 0"),
        ("BW_CLIENT_SECRET", " ", "BW_CLIENT_SECRET must not be blank"),
        ("BW_CLIENT_SECRET", "\udcffhunter2", "BW_CLIENT_SECRET holds U+DCFF at index 0"),
    ],
)
def test_variables_that_are_wrong_are_named_and_no_secret_is(
    offline: Terminal, name: str, value: str, words: str
) -> None:
    done = offline("list", **{name: value})
    assert refused(done, 2).startswith(words)
    assert SECRET not in done.err


def test_wrong_credentials_are_told_with_what_to_check(calls: Terminal) -> None:
    done = calls("state", "c-1", "--json", BW_CLIENT_SECRET=SECRET)
    assert done.status == 1
    assert done.err.startswith("calls: POST /api/v1/oauth2/token: 401 Unauthorized")
    assert done.err.endswith(". Check BW_CLIENT_ID and BW_CLIENT_SECRET.\n")
    assert SECRET not in done.out
    [told] = done.objects
    seconds = told["attempts"][0].pop("seconds")
    assert isinstance(seconds, float)
    assert told == {
        "callId": "c-1",
        "outcome": "not_sent",
        "error": "Unauthorized",
        "status": 401,
        "description": "Unauthorized",
        "advice": "Check BW_CLIENT_ID and BW_CLIENT_SECRET.",
        "errorId": None,
        "retryAfter": None,
        "attempts": [
            {
                "operation": "token",
                "callId": None,
                "number": 1,
                "outcome": "refused",
                "status": 401,
                "reason": "Unauthorized",
                "waitSeconds": None,
            }
        ],
    }


def test_another_account_is_told_with_what_to_check(calls: Terminal) -> None:
    told = refused(calls("list", BW_ACCOUNT_ID="1"))
    assert "403 Access is denied. " in told
    assert "check BW_ACCOUNT_ID" in told


BASIC = {"BW_CLIENT_ID": "", "BW_USERNAME": "user", "BW_PASSWORD": "password"}


@pytest.mark.parametrize("warnings", ["default", "error"])
def test_a_user_name_is_warned_of_in_one_line(calls: Terminal, line: Line, warnings: str) -> None:
    call_id = line.answered()
    done = calls.run("push", call_id, "--text", "Hi.", **BASIC, PYTHONWARNINGS=warnings)
    assert (done.status, done.out) == (0, f"{call_id}: pushed\n")
    assert done.err == (
        "calls: the platform accepts BW_USERNAME and BW_PASSWORD until 2 December 2026:"
        " set BW_CLIENT_ID and BW_CLIENT_SECRET\n"
    )


def test_a_wrong_password_is_told_with_what_to_check(calls: Terminal) -> None:
    done = calls("list", **{**BASIC, "BW_PASSWORD": SECRET})
    assert done.err.endswith("invalid. Check BW_USERNAME and BW_PASSWORD.\n")


def test_a_user_name_is_no_reason_to_doubt_what_was_not_sent(offline: Terminal) -> None:
    for arguments in (["hangup", "c-1", "--wait", "inf"], [*REDIRECT, "ftp://x"]):
        done = offline(*arguments, "--json", **BASIC)
        assert (done.status, done.objects[0]["outcome"]) == (2, "not_sent")


# A platform that is not at its best


def test_a_platform_that_is_not_there_is_told_with_what_to_check(naps: list[float]) -> None:
    terminal = Terminal(leading_to("http://127.0.0.1:9/v2", "http://127.0.0.1:9/token"))
    told = refused(terminal("push", "c-1", "--text", "Hi."))
    assert told.startswith("POST /token: no reply (")
    assert "; 4 attempts in " in told
    assert "not sent. Check the network, HTTPS_PROXY and BW_VOICE_URL." in told
    assert len(naps) == 3
    [data] = terminal("push", "c-1", "--text", "Hi.", "--json").objects
    assert (data["outcome"], data["status"], len(data["attempts"])) == ("not_sent", None, 4)


@pytest.mark.usefixtures("naps")
def test_a_token_that_does_not_come_leaves_no_doubt(line: Line) -> None:
    with Platform(Told(None)) as silent:
        token_url = silent.calls.environment["BW_VOICE_URL"] + "/elsewhere"
        terminal = Terminal(leading_to(line.simulator.base_url, token_url))
        done = terminal("push", "c-1", "--text", "Hi.", "--json")
    assert "POST /elsewhere: no reply" in done.err
    assert "not sent. " in done.err
    assert "may have" not in done.err
    assert done.objects[0]["outcome"] == "not_sent"


@pytest.mark.usefixtures("naps")
@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([Told(None)], "ConnectionFailed"),
        ([Told(500)], "ServerError"),
        ([Told(200, "<html>")], "UnexpectedReply"),
        ([Told(None), Told(404)], "CallNotFound"),
    ],
)
@pytest.mark.parametrize("command", ["push", "redirect", "hangup"])
def test_what_may_have_been_done_is_told_so(replies: list[Told], error: str, command: str) -> None:
    more = {"push": ["--text", "Hi."], "redirect": ["https://a.example.com"], "hangup": []}
    with Platform(*replies) as platform:
        done = platform.calls(command, "c-1", *more[command], "--json")
    assert done.status == 1
    assert re.search(r"may have (arrived|been done)", done.err)
    assert done.err.endswith(". Look at the call with “calls state” before you try again.\n")
    [told] = done.objects
    assert (told["error"], told["outcome"]) == (error, "unknown")


@pytest.mark.usefixtures("naps")
def test_what_only_reads_is_never_in_doubt() -> None:
    for reply in (Told(None), Told(503)):
        with Platform(reply) as platform:
            for arguments in (["list"], ["state", "c-1"]):
                told = refused(platform.calls(*arguments))
                assert "may have been done" not in told


def test_repeated_attempts_are_told_on_demand(naps: list[float]) -> None:
    busy = Told(429, None, {"Retry-After": "7"})
    with Platform(busy, busy, Told(204)) as platform:
        quiet = platform.calls("push", "c-1", "--text", "Hi.")
    assert quiet == (0, "c-1: pushed\n", "")
    with Platform(busy, busy, Told(204)) as platform:
        told = platform.calls("push", "c-1", "--text", "Hi.", "--verbose")
    assert (told.status, told.out) == (0, "c-1: pushed\n")
    first, second = told.err.splitlines()
    assert first.startswith("calls: update_call_bxml c-1: 429 RateLimited (attempt 1, ")
    assert first.endswith(" s, again in 7.00 s)")
    assert "(attempt 2, " in second
    assert all(6 < seconds <= 7 for seconds in naps if seconds > 1)


def test_a_terminal_is_told_of_repeated_attempts_anyway() -> None:
    with Platform(Told(429, None, {"Retry-After": "0"}), Told(204)) as platform:
        ours, theirs = pytest.importorskip("pty").openpty()
        process = platform.calls.start(
            "push", "c-1", "--text", "Hi.", stdout=subprocess.DEVNULL, stderr=theirs
        )
        os.close(theirs)
        assert process.wait(60) == 0
        told = os.read(ours, 10_000).decode()
        os.close(ours)
    assert "update_call_bxml c-1: 429 RateLimited (attempt 1, " in told


def test_an_error_in_the_middle_of_a_listing_comes_after_what_was_read(naps: list[float]) -> None:
    following = {"Link": '</accounts/9900000/calls?page=2>; rel="next"'}
    with Platform(Told(200, [{"callId": "c-1"}], following), Told(503)) as platform:
        done = platform.calls("list", "--json")
    assert done.status == 1
    call, error = done.objects
    assert call["callId"] == "c-1"
    assert (error["error"], error["status"], error["callId"]) == ("ServerError", 503, None)
    assert len(naps) == 3


def test_a_listing_that_goes_round_in_circles_ends_with_a_word() -> None:
    following = {"Link": '</accounts/9900000/calls?page=2>; rel="next"'}
    with Platform(Told(200, [{"callId": "c-1"}], following)) as platform:
        done = platform.calls("list", "--all")
    assert done.status == 0
    assert done.err == "calls: list_calls: a page names one that was read already; it ends here\n"


@pytest.mark.parametrize("proxy", ["proxy:8080", f"socks9://u:{SECRET}@proxy:1"])
def test_a_proxy_that_is_none_is_told_in_one_line(offline: Terminal, proxy: str) -> None:
    told = refused(offline("list", http_proxy=proxy), 2)
    assert told.endswith("Check HTTPS_PROXY and HTTP_PROXY.")
    assert SECRET not in told


# Hostile words

ESCAPES = "\x1b]0;title\x07\x9b31m\r\n\x7f\u202e\u2028\t" + "e\u0301" * 50 + "日本" * 500


def is_harmless(done: Done) -> bool:
    lines = (done.out + done.err).split("\n")
    return all(each.isprintable() and cell_len(each) < 1000 for each in lines)


_WORDS = (
    *("callId", "accountId", "applicationId", "parentCallId", "to", "from", "direction", "state"),
    *("identity", "disconnectCause", "errorMessage", "errorId"),
)
HOSTILE = {
    **dict.fromkeys(_WORDS, ESCAPES),
    "stirShaken": {ESCAPES: ESCAPES},
    "startTime": "0001-01-01T00:00:00+14:00",
}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_that_the_platform_says_is_obeyed_by_a_terminal(options: list[str]) -> None:
    with Platform(Told(200, HOSTILE), Told(200, [HOSTILE, HOSTILE])) as platform:
        state, listed = platform.calls("state", "c-1", *options), platform.calls("list", *options)
    assert (state.status, listed.status) == (0, 0)
    if options:
        assert state.objects[0]["to"] == ESCAPES
        assert all("\x20" <= each < "\x7f" or each == "\n" for each in state.out + listed.out)
    else:
        assert is_harmless(state)
        assert is_harmless(listed)
        assert r"\x1b]0;title\x07\x9b31m\r\n\x7f\u202e\u2028" in state.out
        assert max(map(cell_len, listed.out.splitlines())) <= 80 + 9 + 16 + 16 + 12 + 20 + 24 + 12


@pytest.mark.usefixtures("naps")
@pytest.mark.parametrize(
    "reply",
    [
        Told(400, {"type": ESCAPES, "description": ESCAPES, "id": ESCAPES}),
        Told(200, ESCAPES, {"Content-Type": "text/\x9b31m"}),
        Told(599, ESCAPES),
        Told(200, {"callId": 7, ESCAPES: 1}),
    ],
)
def test_nothing_of_an_error_is_obeyed_by_a_terminal(reply: Told) -> None:
    with Platform(reply) as platform:
        for arguments in (["state", "c-1"], ["push", "c-1", "--text", "Hi."], ["list"]):
            done = platform.calls(*arguments)
            assert done.status in {0, 1}
            assert is_harmless(done)
            assert len(done.err.splitlines()) <= 1


@given(st.one_of(hostile_text(), st.text()), st.integers(2, 60))
def test_anybodys_words_are_shown_on_one_line_of_bounded_width(words: str, width: int) -> None:
    line = shown(words, width)
    assert line.isprintable()
    assert cell_len(line) <= width
    assert len(line) <= 12 * width
    assert json_line({"words": words}).isprintable()


def test_short_words_are_shown_as_they_are() -> None:
    assert shown("Ça va 日本", 10) == "Ça va 日本"
    assert shown("Ça va 日本", 9) == "Ça va 日…"
    assert shown("https://u:hunter2@a.example.com", 60) == "https://…@a.example.com"


def test_times_are_told_in_utc_as_far_as_they_go() -> None:
    plus = datetime.fromisoformat("2026-01-01T02:00:00.5+02:00")
    assert moment(plus) == "2026-01-01T00:00:00Z"
    assert (
        moment(datetime.fromisoformat("0001-01-01T00:00:00+14:00")) == "0001-01-01T00:00:00+14:00"
    )
    assert moment(datetime.fromisoformat("2026-01-01T02:00:00")) == "2026-01-01T02:00:00"
    assert moment(None) == ""


def test_a_plain_terminal_is_no_obstacle() -> None:
    with Platform(Told(200, {"callId": "c-1", "to": "日本"})) as platform:
        done = platform.calls.run("state", "c-1", PYTHONIOENCODING="latin-1")
    assert done == (0, "call         c-1\nto           ??\n", "")


# Ctrl-C


def test_ctrl_c_in_a_request_says_that_it_may_have_been_done() -> None:
    started, over = threading.Event(), threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def interrupt() -> None:
        started.wait(60)
        processes[0].send_signal(signal.SIGINT)
        over.wait(60)

    with Platform(Told(204), first=interrupt) as platform:
        process = platform.calls.start(*("hangup", "c-1", "c-2", "--json"))
        processes.append(process)
        started.set()
        out, errors = process.communicate(timeout=60)
        over.set()
    assert process.returncode == 130
    assert errors == (b"calls: interrupted; the end of c-1 may have been done, 1 more not tried\n")
    assert [json.loads(each) for each in out.splitlines()] == [
        {"callId": "c-1", "outcome": "unknown", "error": "KeyboardInterrupt"},
        {"callId": "c-2", "outcome": "not_sent"},
    ]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Told(429, None, {"Retry-After": "7"}), "the push into c-1 was not done"),
        (Told(503, None, {"Retry-After": "7"}), "the push into c-1 may have been done"),
        (Told(None), "the push into c-1 may have been done"),
    ],
)
def test_ctrl_c_in_a_pause_says_what_the_attempts_before_may_have_done(
    reply: Told, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("calls.commands._watch.sleep", interrupt)
    with Platform(reply) as platform:
        done = platform.calls("push", "c-1", "--text", "Hi.")
    assert done == (130, "", f"calls: interrupted; {words}\n")


@pytest.mark.usefixtures("naps")
def test_ctrl_c_after_the_reply_says_that_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("calls.commands._session.Session.done", interrupt)
    with Platform(Told(None), Told(204)) as platform:
        done = platform.calls("push", "c-1", "--text", "Hi.")
    assert done == (130, "", "calls: interrupted; the push into c-1 was done\n")


def test_ctrl_c_before_anything_was_sent_says_so(
    offline: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("calls.commands.push.read", interrupt)
    done = offline("push", "c-1", "-")
    assert done == (130, "", "calls: interrupted; nothing was done\n")


def test_ctrl_c_at_the_question_for_a_password_says_that_nothing_was_done(
    offline: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.commands.redirect._can_be_asked", lambda: True)
    done = offline(*REDIRECT, "https://a.example.com", "--username", "u")
    assert done.status == 130
    assert done.err.endswith("calls: interrupted; nothing was done\n")


def test_ctrl_c_in_a_listing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("calls.commands._watch.sleep", interrupt)
    with Platform(Told(503)) as platform:
        assert platform.calls("list") == (130, "", "calls: interrupted\n")


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_exit_statuses(
    offline: Terminal, command: str
) -> None:
    helped = offline(command, "--help")
    assert helped.status == 0
    assert "Examples:" in helped.out
    assert helped.out.count(f"calls {command}") >= 2
    assert "Exit status: 0" in helped.out


def test_the_help_names_every_command_and_the_variables(offline: Terminal) -> None:
    helped = offline("--help").out
    assert all(f" {command} " in helped for command in COMMANDS)
    assert "BW_CLIENT_SECRET" in helped


def test_a_command_that_there_is_not_is_unusable_input(offline: Terminal) -> None:
    assert offline("pusch").status == 2
    assert offline("list", "--limit", "-1").status == 2
    assert offline("push").status == 2


# Broadcast


def test_broadcast_pushes_into_every_call_and_goes_on_from_its_journal(
    line: Line, calls: Terminal, tmp_path: Path
) -> None:
    ids = [line.answered() for _ in range(3)]
    ended = line.answered()
    line.controller.call(ended).hang_up()
    journal = str(tmp_path / "journal.sqlite3")
    command = ["broadcast", "-", "--text", "We close at <5>.", "--journal", journal]
    done = calls(*command, stdin="\n".join([*ids, ended, "c-unknown", ""]))
    assert (done.status, done.err) == (0, "")
    assert done.out == "3 pushed, 0 refused, 2 gone\n"
    line.simulator.advance(5)
    for call_id in ids:
        assert line.simulator.heard(call_id)[-1] == "We close at <5>."
    before = len(line.simulator.timeline)
    again = calls(*command, "--json", stdin="\n".join(ids))
    assert again.objects == [{"total": 5, "pushed": 3, "refused": 0, "gone": 2, "pending": 0}]
    assert not any("/bxml" in each.text for each in line.simulator.timeline[before:])


def test_broadcast_stops_where_nothing_gets_through(offline: Terminal, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("c-1\nc-2\n")
    offline.environment = {**offline.environment, "BW_USERNAME": "", "BW_PASSWORD": ""}
    done = offline(
        *("broadcast", str(tmp_path / "ids"), "--text", "Hi."),
        *("--journal", str(tmp_path / "journal")),
    )
    assert done.status == 1
    assert done.out == "0 pushed, 0 refused, 0 gone, 2 still to be pushed\n"
    assert "2 of 2 calls are still to be pushed" in done.err
    assert "Start the same command again" in done.err


@pytest.mark.parametrize(
    ("ids", "more", "words"),
    [
        ("c-1\n../x\n", ["--text", "Hi."], "an id in IDS must be an id of letters"),
        ("c-1\n", [], "FILE is required, or --text in its place"),
        ("c-1\n", ["-"], "standard input cannot be both"),
        ("c-1\n", ["--text", "Hi.", "--rate", "0"], "--rate must be a number above 0"),
        ("c-1\n", ["--text", " "], "nothing was sent, since it has errors"),
    ],
)
def test_broadcast_refuses_what_makes_no_sense(
    offline: Terminal, ids: str, more: list[str], words: str, tmp_path: Path
) -> None:
    done = offline("broadcast", "-", *more, "--journal", str(tmp_path / "j"), stdin=ids)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_broadcast_refuses_a_file_that_is_no_journal(offline: Terminal, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("call them all\n" * 100)
    told = refused(
        offline("broadcast", "-", "--text", "Hi.", "--journal", str(notes), stdin="c"), 2
    )
    assert "is no journal" in told
