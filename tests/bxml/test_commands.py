"""The ``bxml`` command, as people run it."""

import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "bxml", *arguments], input=stdin, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.xml"
    path.write_text("<Response><SpeakSentence>Ça va €</SpeakSentence></Response>", "utf-8")
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.xml"
    path.write_text('<Response>\n  <Gater/>\n  <Pause duration="0"/>\n</Response>')
    return str(path)


def test_check_says_nothing_of_sound_documents(good: str) -> None:
    assert run("check", good) == (0, "", "")
    assert run("check", "-", "-", stdin=b"<Bxml/>") == (0, "", "")


def test_check_tells_every_problem_and_goes_on_to_the_next_file(good: str, bad: str) -> None:
    status, _, told = run("check", bad, "nowhere.xml", good)
    assert status == 2
    assert told.splitlines() == [
        f"{bad}:2:3: Response[0] > Gater: <Gater> is not a BXML verb; did you mean <Gather>?",
        f"{bad}:3:10: Response[1] > Pause: duration must be a number from 0.1 to 86400 (got 0)",
        "nowhere.xml: No such file or directory",
    ]
    assert run("check", bad)[0] == 1


def test_format_prints_utf_8_with_an_element_a_line(good: str, bad: str) -> None:
    assert run("format", good) == (
        0,
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n'
        "  <SpeakSentence>Ça va €</SpeakSentence>\n</Response>\n",
        "",
    )
    assert run("format", bad)[0] == 1


def test_format_writes_a_document_that_is_large_only_when_it_is_pretty() -> None:
    large = b"<Response>" + b"<Hangup/>" * 7000 + b"</Response>"
    status, printed, _ = run("format", "-", stdin=large)
    assert (status, printed.count("<Hangup/>")) == (0, 7000)
