"""The ``bxml`` command, as people and programs run it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from bxml import VERBS, Document, parse, schema
from bxml.__main__ import For, app
from bxml._declare import describe
from bxml.rules import RULES, Where
from bxml.strategies import documents, hostile_text

LARGEST = 65_536


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


def run(*arguments: str, stdin: bytes = b"") -> Done:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "bxml", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)  # noqa: S603  # our own words
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def bxml(*arguments: str, stdin: str | bytes = b"", terminal: bool = False) -> Done:
    """The command in this process, which is quicker."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    result = CliRunner().invoke(app, arguments, input=data, color=terminal)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout_bytes.decode(), result.stderr)


def block(source: str | bytes, *options: str) -> list[str]:
    """The lines that ``check`` prints about a document with one problem."""
    return bxml("check", *options, "-", stdin=source).out.splitlines()


def data(*arguments: str, stdin: str | bytes = b"") -> Any:
    return json.loads(bxml("check", "--format", "json", *arguments, stdin=stdin).out)


def rules(source: str, *options: str) -> list[str]:
    (result,) = data(*options, "-", stdin=source)
    return [problem["rule"] for problem in result["problems"]]


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.xml"
    path.write_text("<Response><SpeakSentence>Ça va €</SpeakSentence></Response>", "utf-8")
    return str(path)


@pytest.fixture
def doubtful(tmp_path: Path) -> str:
    path = tmp_path / "doubtful.xml"
    path.write_text("<Response><Gather/><Hangup/></Response>")
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.xml"
    path.write_text('<Response>\n  <Gater/>\n  <Pause duration="0"/>\n</Response>')
    return str(path)


# What check prints for people


def test_check_says_nothing_of_sound_documents(good: str) -> None:
    assert run("check", good) == (0, "", "")
    assert run("check", "-", "-", stdin=b"<Bxml/>") == (0, "", "")


def test_check_tells_every_problem_and_goes_on_to_the_next_file(good: str, bad: str) -> None:
    status, out, err = run("check", bad, "nowhere.xml", good)
    assert status == 2
    assert out.splitlines() == [
        f"{bad}:2:3: error: Response[0] > Gater: <Gater> is not a BXML verb;"
        " did you mean <Gather>? [element-unknown]",
        "    <Gater/>",
        "    ^",
        f"  {RULES['element-unknown'].advice}",
        f"{bad}:3:10: error: Response[1] > Pause: duration must be a number from 0.1 to 86400"
        " (got 0) [attribute-range]",
        '    <Pause duration="0"/>',
        "           ^",
        "  Write a number within the range.",
    ]
    assert err.splitlines() == [
        "nowhere.xml: No such file or directory",
        "2 errors in 2 files (1 note: --info shows it)",
    ]


def test_a_problem_of_a_sound_document_is_shown_where_it_is_in_the_vendors_spelling() -> None:
    source = '<Response>\n  <Gather gatherMethod="GET" tag="gather_url"/><Hangup/>\n</Response>'
    done = bxml("check", "-", stdin=source)
    assert done.status == 0
    assert done.out.splitlines()[4:] == [
        "<stdin>:2:11: warning: Response[0] > Gather: gatherMethod has no effect without gatherUrl"
        " [method-without-url]",
        '    <Gather gatherMethod="GET" tag="gather_url"/><Hangup/>',
        "            ^",
        "  Write the URL, or leave the method or the fallback out.",
    ]


def test_infos_are_shown_on_demand_and_counted_otherwise() -> None:
    source = "<Response><Gather/></Response>"
    silent = bxml("check", "-", stdin=source)
    assert "info:" not in silent.out
    assert silent.err == "1 warning in 1 file (1 note: --info shows it)\n"
    for option in ("--info", "-v"):
        shown = bxml("check", option, "-", stdin=source)
        assert "<stdin>:1:1: info: Response: after the last verb, Gather, " in shown.out
        assert shown.err == "1 warning, 1 note in 1 file\n"


def test_infos_that_are_not_shown_are_no_news() -> None:
    assert bxml("check", "-", stdin="<Bxml/>") == (0, "", "")
    assert bxml("check", "-v", "-", stdin="<Bxml/>").err == "1 note in 1 file\n"


def test_the_summary_counts_over_all_files_that_could_be_read(bad: str, doubtful: str) -> None:
    assert bxml("check", bad, doubtful, "nowhere.xml", bad).err.splitlines()[1:] == [
        "2 errors, 1 warning in 2 files"
    ]
    two_notes = "<Response><PlayAudio>a.wav</PlayAudio><Gather/></Response>"
    assert bxml("check", "-", stdin=two_notes).err == (
        "1 warning in 1 file (2 notes: --info shows them)\n"
    )


def test_the_caret_stands_under_the_column_after_tabs_and_wide_characters() -> None:
    source = '<Response>\n\n\t<Gather\ttag="日本語 e\u0301 🙂" maxDigits="99"/></Response>'
    place, line, caret, _ = block(source)
    column = source.split("\n\n")[1].index("maxDigits") + 1
    assert place.startswith(f"<stdin>:3:{column}: ")
    assert line == '    <Gather    tag="日本語 e\u0301 🙂" maxDigits="99"/></Response>'
    assert cell_len(caret) == cell_len(line[: line.index("maxDigits")]) + 1


def test_the_line_of_a_utf_16_file_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "wide.xml"
    source = '<?xml version="1.0" encoding="UTF-16"?>\r\n<Response>\r\n  <!-- é --><Ring a="€"/>'
    path.write_bytes(f"{source}</Response>".encode("utf-16"))
    place, line, caret, _ = block("", str(path))[:4]
    assert place.startswith(f"{path}:3:19: error: Response[0] > Ring: a is not an attribute;")
    assert (line, caret) == ('    <!-- é --><Ring a="€"/></Response>', "                    ^")


@pytest.mark.parametrize("before", [0, 5, 200, 5000])
@pytest.mark.parametrize("after", [0, 2, 3000])
def test_of_a_long_line_a_window_round_the_column_is_shown(before: int, after: int) -> None:
    source = f"<Response>{'<Ring/>' * before}<Gater/>{'<Hangup/>' * after}</Response>"
    _, line, caret, _ = block(source)[:4]
    assert line.removeprefix("    ").strip("…") in source
    assert len(line) <= 4 + 100 + 2
    assert line.startswith("    …") == (before > 5)
    assert line.endswith("…") == (after > 10)
    assert line[len(caret) - 1 :].startswith("<Gater/>")


def test_a_place_at_which_nothing_stands_is_shown_without_its_line() -> None:
    assert [line.partition(" error: ")[0] for line in block("<Response \n\n")] == [
        "<stdin>:3:1:",
        "  Mend the markup at that place, or let this library write it.",
    ]
    undecodable = b'<?xml version="1.0" encoding="UTF-8"?><Response>\xff</Response>'
    assert len(block(undecodable)) == 2


def test_nothing_of_a_document_is_obeyed_by_a_terminal() -> None:
    source = (
        '<Response><Gather tag="\x9b31m\x7f\x85\u202eabc\u2066\u200b" maxDigits="99"/></Response>'
    )
    # U+0085 ends a line for Python, and not for XML.
    line = r'    <Response><Gather tag="\x9b31m\x7f\x85\u202eabc\u2066\u200b" maxDigits="99"/></Response>'
    assert block(source)[1] == line
    broken = block("<Response>\x1b]0;title\x07</Response>")
    assert broken[1] == r"    <Response>\x1b]0;title\x07</Response>"


HOSTILE_BYTES = hostile_text().map(lambda text: text.encode("utf-8", "surrogatepass"))


@given(st.one_of(st.binary(max_size=300), HOSTILE_BYTES))
def test_of_whatever_bytes_only_printable_characters_are_printed(source: bytes) -> None:
    inside = b'<Response><Gather tag="' + source + b'" maxDigits="99"/></Response>'
    for each in (source, inside):
        done = bxml("check", "-v", "-", stdin=each)
        assert all(line.isprintable() for line in (done.out + done.err).split("\n"))


def test_a_name_of_a_file_is_shown_on_one_line_and_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\nb.xml"
    path.write_text("<Bxmll/>")
    told = bxml("check", str(path)).out.splitlines()
    assert told[0].startswith(rf"{tmp_path}/a\x1b[31m\nb.xml:1:1: error: ")
    gone = bxml("check", f"{tmp_path}/\x1b[31m").err
    assert gone == f"{tmp_path}/\\x1b[31m: No such file or directory\n"


@pytest.mark.parametrize(
    "attributes",
    [
        'password="hunter2"',
        "fallbackPassword = 'hunter2'",
        'password="hunter2\nhunter2"',
        "password=hunter2",
        'password="hunter2',
        'passwrd="hunter2"',
        'username="a password="hunter2"',
    ],
)
def test_a_password_is_covered_in_the_line_that_is_shown(attributes: str) -> None:
    for document in (f"<Redirect {attributes} x='1' />", f"<Redirect x='1' {attributes} />"):
        done = bxml("check", "-", stdin=f"<Response>{document}</Response>")
        assert done.status == 1
        assert "hunter2" not in done.out + done.err


def test_every_secret_of_the_language_has_a_name_that_is_covered() -> None:
    known = [each for verb in VERBS for each in describe(verb).written]
    secrets = {each.vendor_name for each in known if each.kind.secret}
    assert secrets
    assert all("pass" in name.lower() for name in secrets)


def test_colours_are_for_terminals_that_want_them(bad: str, monkeypatch: Any) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in bxml("check", bad).out
    coloured = bxml("check", bad, terminal=True).out
    assert "\x1b[31m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in bxml("check", bad, terminal=True).out


# What a document is for


def test_where_takes_what_the_function_takes() -> None:
    assert tuple(For) == get_args(Where)


@pytest.mark.parametrize(
    ("where", "root", "expected"),
    [
        ("reply", "Bxml", {"doc-relative-url", "doc-implicit-hangup"}),
        ("push", "Response", {"doc-relative-url-rest", "doc-implicit-hangup"}),
        ("conference", "Bxml", {"conference-document-verbs", "doc-relative-url-rest"}),
        ("conference", "Response", {"conference-document-verbs", "doc-relative-url"}),
        ("transfer_answer", "Response", {"transfer-answer-verbs", "doc-relative-url"}),
        (None, "Bxml", {"doc-relative-url-rest", "doc-implicit-hangup"}),
        (None, "Response", {"doc-relative-url", "doc-implicit-hangup"}),
    ],
)
def test_a_document_is_checked_for_its_place_which_the_root_tells_if_need_be(
    where: str | None, root: str, expected: set[str]
) -> None:
    source = f"<{root}><PlayAudio>a.wav</PlayAudio><Bridge>c-1</Bridge></{root}>"
    options = ["--where", where] if where else []
    assert set(rules(source, *options)) == expected


def test_a_place_that_there_is_not_is_unusable() -> None:
    done = bxml("check", "--where", "nowhere", "-", stdin="<Bxml/>")
    assert (done.status, done.out) == (2, "")
    assert "transfer_answer" in done.err


def test_the_size_that_is_told_is_that_of_the_file() -> None:
    def padded(size: int) -> str:
        return f"<Response>{'<Tag/>' * 6000}{' ' * (size - 36_021)}</Response>"

    assert len(padded(64_001)) == 64_001
    assert "doc-size" not in rules(padded(64_000))  # as we write it, it has more: <Tag></Tag>
    assert rules(padded(64_001))[0] == "doc-size"
    (result,) = data("-", stdin=padded(64_001))
    assert result["problems"][0]["level"] == "warning"
    assert "(got 64,001)" in result["problems"][0]["message"]
    too_large = block(padded(LARGEST + 1000))
    assert too_large[0] == (
        "<stdin>:1:1: error: a document may hold at most 65,536 bytes, and here are more [doc-size]"
    )


# What check tells programs


def test_json_holds_everything_there_is_to_say(bad: str) -> None:
    done = bxml("check", "--format", "json", bad, "nowhere.xml", "-", stdin="<Bxml/>")
    assert (done.status, done.err) == (2, "")
    first, second, third = json.loads(done.out)
    assert first["file"] == bad
    assert first["problems"][1] == {
        "rule": "attribute-range",
        "level": "error",
        "source": "documented",
        "path": "Response[1] > Pause",
        "message": "duration must be a number from 0.1 to 86400 (got 0)",
        "advice": "Write a number within the range.",
        "line": 3,
        "column": 10,
        "attribute": "duration",
    }
    assert second == {"file": "nowhere.xml", "error": "No such file or directory", "problems": []}
    assert third["file"] == "<stdin>"
    assert [problem["level"] for problem in third["problems"]] == ["info"]


def test_json_is_ascii_whatever_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\x1b.xml")
    path.write_text("<Bxml><é\u202a/></Bxml>", "utf-8")
    printed = bxml("check", "--format", "json", str(path)).out
    assert printed.isascii()
    assert json.loads(printed)[0]["file"] == str(path)


# Exit statuses


@pytest.mark.parametrize(
    ("options", "files", "status"),
    [
        ([], ["good"], 0),
        ([], ["doubtful"], 0),
        (["--strict"], ["good"], 0),
        (["--strict"], ["doubtful"], 1),
        ([], ["bad"], 1),
        ([], ["good", "bad", "doubtful"], 1),
        ([], ["bad", "nowhere.xml"], 2),
        ([], ["nowhere.xml", "good"], 2),
        (["--nonsense"], ["good"], 2),
        (["--format", "yaml"], ["good"], 2),
        ([], [], 2),
    ],
)
@pytest.mark.parametrize("form", [[], ["--format", "json"]])
def test_the_exit_status_tells_the_worst_that_was_met(
    options: list[str],
    files: list[str],
    status: int,
    form: list[str],
    request: pytest.FixtureRequest,
) -> None:
    paths = [name if "." in name else request.getfixturevalue(name) for name in files]
    assert bxml("check", *form, *options, *paths).status == status


@pytest.mark.parametrize("command", ["check", "format", "code"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.xml", "No such file or directory"),
        (".", "Is a directory"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_cannot_be_read_is_said_on_standard_error(
    command: str, name: str, reason: str
) -> None:
    assert bxml(command, name) == (2, "", f"{name}: {reason}\n")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_may_not_be_read_is_said_on_standard_error(good: str) -> None:
    Path(good).chmod(0)
    assert bxml("check", good) == (2, "", f"{good}: Permission denied\n")


HOSTILE: Sequence[bytes] = (
    b"",
    b"\0" * 100,
    bytes(range(256)) * 20,
    b"<Response>" * 6000,
    b"<Response>" + b"<Gater/>" * 8000 + b"</Response>",
    b"<Response><Hangup " + b" ".join(b"a%d=''" % n for n in range(6000)) + b"/></Response>",
    b"<Response>" + b"pass='" * 10_000,
    b"<Response>" + b"pass" * 16_000,
    b"<Response><SpeakSentence>a" + b"<p>" * 200 + b"</p>" * 200 + b"</SpeakSentence></Response>",
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Response>&b;</Response>',
    b"x" * 10_000_000,
)


@pytest.mark.parametrize("command", ["check", "format", "code"])
@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_input_has_problems_and_no_traceback(command: str, source: bytes) -> None:
    done = bxml(command, "-", stdin=source)
    assert done.status == 1
    assert " error: " in (done.out if command == "check" else done.err)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are other ones there")
@pytest.mark.parametrize("command", ["check", "format", "code", "schema"])
def test_a_reader_that_goes_away_is_no_reason_for_a_traceback(command: str) -> None:
    arguments = [] if command == "schema" else ["-"]
    with subprocess.Popen(  # noqa: S603  # our own words
        [sys.executable, "-m", "bxml", command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(b"<Response>" + b"<Gather/>" * 6000 + b"</Response>")
        process.stdin.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("arguments", [["check", "-"], ["format", "-"], ["schema"]])
def test_output_that_cannot_be_written_is_said(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603  # our own words
            [sys.executable, "-m", "bxml", *arguments],
            input=b"<Response><Gather/></Response>",
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, b"bxml: No space left on device\n")


# format


def test_format_prints_utf_8_with_an_element_a_line(good: str, bad: str) -> None:
    assert run("format", good) == (
        0,
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n'
        "  <SpeakSentence>Ça va €</SpeakSentence>\n</Response>\n",
        "",
    )
    refused = bxml("format", bad)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err.startswith(f"{bad}:2:3: error: ")


def test_format_prints_one_line_when_asked_to(good: str) -> None:
    assert bxml("format", "--compact", good).out == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        "<Response><SpeakSentence>Ça va €</SpeakSentence></Response>\n"
    )


def test_format_writes_a_document_that_is_large_only_when_it_is_pretty() -> None:
    large = b"<Response>" + b"<Hangup/>" * 7000 + b"</Response>"
    status, printed, _ = bxml("format", "-", stdin=large)
    assert (status, printed.count("<Hangup/>")) == (0, 7000)


@pytest.mark.parametrize("options", [[], ["--compact"]])
@given(document=documents())
def test_format_prints_the_same_document_and_nothing_that_a_terminal_obeys(
    options: list[str], document: Document
) -> None:
    printed = bxml("format", *options, "-", stdin=bytes(document)).out
    assert parse(printed) == document
    assert not set(printed) & {chr(code) for code in (*range(0x7F, 0xA0), 0x202E, 0x2028)}


def test_format_rewrites_a_file_in_place_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "menu.xml"
    path.write_text("<Response><!-- gone --><Hangup/></Response>")
    path.chmod(0o640)
    link = tmp_path / "link.xml"
    link.symlink_to(path)
    assert bxml("format", "-w", str(link)) == (0, "", "")
    assert path.read_text() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response>\n  <Hangup/>\n</Response>\n'
    )
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_format_leaves_a_file_alone_that_is_as_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "menu.xml"
    path.write_text(bxml("format", "-", stdin="<Response/>").out)
    before = path.stat()
    assert bxml("format", "--write", str(path)) == (0, "", "")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_format_leaves_a_file_with_errors_as_it_is(bad: str) -> None:
    before = Path(bad).read_bytes()
    assert bxml("format", "-w", bad).status == 1
    assert Path(bad).read_bytes() == before


def test_format_makes_no_file_too_large_to_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    path.write_text(f"<Response>{'<Hangup/>' * 7000}</Response>")
    before = path.read_bytes()
    done = bxml("format", "-w", str(path))
    assert done.status == 1
    assert done.err == f"{path}: would hold 84,062 bytes, and may hold 65,536; try --compact\n"
    assert path.read_bytes() == before
    assert bxml("format", "-w", "--compact", str(path)).status == 0
    assert path.read_bytes().endswith(before + b"\n")


def test_standard_input_cannot_be_rewritten() -> None:
    done = bxml("format", "-w", "-", stdin="<Bxml/>")
    assert (done.status, done.out) == (2, "")


def test_a_file_that_fails_to_be_rewritten_is_as_it_was(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "menu.xml"
    path.write_text("<Bxml/>")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copymode", full)
    assert bxml("format", "-w", str(path)) == (2, "", f"{path}: No space left on device\n")
    assert path.read_text() == "<Bxml/>"
    assert list(tmp_path.iterdir()) == [path]


# code, schema, help


def test_code_prints_python_that_builds_the_document(good: str, bad: str) -> None:
    assert run("code", good) == (
        0,
        "from bxml import Response, SpeakSentence\n\n"
        "document = Response([SpeakSentence('Ça va €')])\n",
        "",
    )
    refused = bxml("code", bad)
    assert (refused.status, refused.out) == (1, "")
    assert "bad.xml:2:3: error: " in refused.err


def test_schema_prints_the_language() -> None:
    assert bxml("schema") == (0, schema.xsd(), "")


def test_the_version_is_told() -> None:
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("bxml ")


@pytest.mark.parametrize("command", ["check", "format", "code", "schema"])
def test_the_help_of_a_command_has_examples(command: str) -> None:
    helped = bxml(command, "--help")
    assert helped.status == 0
    assert "Example" in helped.out
    assert helped.out.count(f"bxml {command}") >= 2


def test_the_help_says_what_is_lost_and_what_is_shown() -> None:
    assert "COMMENTS ARE LOST" in bxml("format", "--help").out
    assert "Passwords are in it" in bxml("code", "--help").out


def test_a_password_in_a_url_is_covered_in_the_line_that_is_shown() -> None:
    url = "https://u:hunter2@a.example.com/x"
    source = f'<Response><Redirect redirectUrl="{url}" bogus="1"/></Response>'
    status, out, told = run("check", "-", stdin=source.encode())
    assert status == 1
    assert "hunter2" not in out + told
    assert "https://*********@a.example.com/x" in out
