"""``calls demo``, as a newcomer runs it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from calls.simulator.demo import run
from calls.simulator.transcript import Line


def demo(
    *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  # this project's own command
        [sys.executable, "-m", "calls", "demo", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_the_demo_pushes_into_a_long_pause_redirects_and_hangs_up() -> None:
    start = time.monotonic()
    done = demo()
    shown = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert time.monotonic() - start < 30, "the promise is ten seconds on an ordinary machine"
    wanted = [
        r"REST     POST /api/v2/accounts/9900000/calls: 201",
        r"webhook  POST answer: 200  http://127\.0\.0\.1:\d+/answer",
        r"hears    “Welcome to Acme & Sons\.”",
        r"presses  1",
        r"webhook  POST gather: 200  http://127\.0\.0\.1:\d+/chosen",
        r"silence, 120 s",
        r"REST     PUT /api/v2/accounts/9900000/calls/c-[0-9a-f-]+/bxml: 204",
        r"cut off: a pause after",
        r"hears    “An agent is free\. I am connecting you now\.”",
        r"REST     POST /api/v2/accounts/9900000/calls/c-[0-9a-f-]+: 200",
        r"webhook  POST redirect: 200  http://127\.0\.0\.1:\d+/agent",
        r"hears    “This is Ana\. How can I help you\?”",
        r"REST     POST /api/v2/accounts/9900000/calls/c-[0-9a-f-]+: 200",
        r"call     ends: hangup",
        r"webhook  POST disconnect: 204",
    ]
    assert re.search(".*?".join(wanted), shown, re.DOTALL), shown


def test_a_document_of_the_readers_is_pushed_instead(tmp_path: Path) -> None:
    mine = tmp_path / "mine.xml"
    mine.write_text("<Response><SpeakSentence>Mine.</SpeakSentence><Pause/></Response>")
    done = demo("--bxml", str(mine))
    assert done.returncode == 0
    assert "“Mine.”" in done.stdout.decode()
    assert "An agent is free" not in done.stdout.decode()
    assert "The call is over: hangup." in done.stdout.decode()


def test_a_bad_document_is_told_in_full_and_the_call_is_left_as_it_was(tmp_path: Path) -> None:
    bad = tmp_path / "bad.xml"
    bad.write_text('<Bxml>\n <Gater/>\n <Pause duration="0"/>\n</Bxml>')
    done = demo("--bxml", str(bad))
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        f"{bad}:2:2: Bxml[0] > Gater: <Gater> is not a BXML verb; did you mean <Gather>?",
        f"{bad}:3:9: Bxml[1] > Pause: duration must be a number from 0.1 to 86400 (got 0)",
    ]
    shown = done.stdout.decode()
    assert "PUT" not in shown
    # It was still in its long pause when it was redirected.
    assert "cut off: a pause after 36.8 s" in shown


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        (b"<Bxml/>", "The call is over: hangup."),
        (b'<Bxml><Redirect redirectUrl="/x"/></Bxml>', "The call is over: callback-error."),
        (
            b'<Bxml><Redirect redirectUrl="https://example.com/x"/></Bxml>',
            "the demo contacts this machine only",
        ),
        (b'<Bxml><Pause duration="86400"/></Bxml>', "cut off: a pause after 60 s"),
    ],
)
def test_any_document_is_pushed_and_told_how_it_went(document: bytes, shown: str) -> None:
    done = demo("--bxml", "-", stdin=document)
    assert done.returncode == 0
    assert shown in done.stdout.decode()


def test_a_file_that_is_not_there_is_status_2() -> None:
    done = demo("--bxml", "nowhere.xml")
    assert (done.returncode, done.stderr) == (2, b"nowhere.xml: No such file or directory\n")


def test_neither_a_proxy_nor_a_plain_terminal_is_in_the_way() -> None:
    proxy = "http://127.0.0.1:9"
    done = demo(HTTP_PROXY=proxy, http_proxy=proxy, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_has_examples() -> None:
    command = [sys.executable, "-m", "calls", "demo", "--help"]
    done = subprocess.run(command, capture_output=True, check=True)  # noqa: S603
    assert b"calls demo --bxml my-document.xml" in done.stdout


def test_the_demo_is_the_same_over_both_faces_of_the_platform() -> None:
    told = []
    for over_http in (True, False):
        lines: list[Line] = []
        assert run(lines.append, over_http=over_http) is None
        told.append([re.sub(r"127\.0\.0\.1:\d+", "here", f"{line}") for line in lines])
    assert told[0] == told[1]
    assert len(told[0]) > 20
