"""What exploring prints and writes: text, JSON, SARIF, tests; and the command that does it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import flows
import msgspec
import pytest

from bxml import Response
from calls.commands.explore import FailOn, FormatName
from calls.explore import Graph, explore, json_of, load, sarif_of, save_tests, text_of
from calls.explore.formats import WRITERS
from calls.explore.graph import LEVELS
from calls.explore.rules import RULES

HERE = Path(__file__).parent

BROKEN = '''
from bxml import Gather, Response
from calls.events import CallEvent, GatherEvent
from calls.webhooks import VoiceApp

app = VoiceApp()


@app.on("/start")
def start(event: CallEvent) -> Response:
    """The menu."""
    gather = Gather(gather_url="/chosen", gather_fallback_url="/chosen", max_digits=1)
    return Response([gather.speak_sentence("For sales, press 1. For support, press 2.")])


@app.on("/chosen")
def chosen(event: CallEvent) -> Response:
    """What follows."""
    digits = event.digits if isinstance(event, GatherEvent) else ""
    if digits == "1":
        return Response().speak_sentence("This is sales.")
    if digits == "2":
        return {support}
    return Response().speak_sentence("Goodbye.")
'''
ENDS, SPEAKS = "Response()", 'Response().speak_sentence("This is support.")'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an application in which a key ends in silence."""
    (tmp_path / "acme.py").write_text(BROKEN.format(support=ENDS))
    (tmp_path / "failing.py").write_text("import os\nos.environ.clear()\nos.environ['PASSWORD']\n")
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # this project's own command
        [sys.executable, "-m", "calls", "explore", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # pytest itself
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


# The command


def test_the_command_prints_findings_with_their_conversation_and_place(folder: Path) -> None:
    done = command(folder, "acme:app", "--fail-on", "warning", "--initiate", "/start")
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.startswith(
        "warning key-goes-nowhere: key 2 is offered, and then the call ends without a word\n"
        "  at acme.py:9 (start)\n"
    )
    assert "    presses 2\n" in done.stdout
    assert "4 documents" in done.stdout


@pytest.mark.parametrize(
    ("fail_on", "status"), [("error", 0), ("warning", 1), ("note", 1), ("never", 0)]
)
def test_the_exit_status_is_by_the_worst_finding(folder: Path, fail_on: str, status: int) -> None:
    assert command(folder, "acme:app", "--fail-on", fail_on).returncode == status


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme"], "an application is named like acme:app"),
        (["nowhere:app"], "there is no module nowhere here"),
        (["acme:nothing"], "acme has no nothing"),
        (["acme:BROKEN"], "acme has no BROKEN"),
        (["failing:app"], "failing cannot be imported: KeyError: 'PASSWORD'"),
        (["acme:app", "--output", "no/such/folder/file"], "No such file or directory"),
        (["acme:app", "--varies", "("], "missing )"),
    ],
)
def test_input_that_is_unusable_is_told_in_one_line(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = command(folder, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_takes_a_graph_that_a_module_has_made(folder: Path) -> None:
    (folder / "flow.py").write_text(
        "from acme import app\nfrom calls.explore import explore\n"
        "graph = explore(app, after=('2',))\n"
    )
    assert "1 document," in command(folder, "flow:graph").stdout


def test_the_command_has_help_with_examples(folder: Path) -> None:
    done = command(folder, "--help")
    assert done.returncode == 0
    assert "calls explore acme:app" in done.stdout


def test_a_form_goes_to_a_file_and_what_matters_is_still_told(folder: Path) -> None:
    done = command(folder, "acme:app", "--format", "json", "-o", "flow.json", "--max-calls", "5")
    assert (done.returncode, done.stdout) == (0, "")
    assert "not all of it, a limit was met: calls" in done.stderr
    graph = msgspec.json.decode((folder / "flow.json").read_bytes(), type=Graph)
    assert graph.limits


def test_the_command_offers_every_form_and_every_level() -> None:
    assert {each.value for each in FormatName} == WRITERS.keys()
    assert {each.value for each in FailOn} == {*LEVELS, "never"}


@pytest.mark.parametrize("name", WRITERS)
def test_every_form_can_be_had_from_the_command(folder: Path, name: str) -> None:
    if name in ("svg", "html"):
        pytest.importorskip("pygraphviz")
    done = command(folder, "acme:app", "--format", name)
    assert done.returncode == 0, done.stderr
    assert "sales" in done.stdout or name == "sarif"


# The forms


def test_json_holds_the_whole_graph() -> None:
    graph = explore(flows.a_key_that_leads_back(), initiate="/start")
    assert msgspec.json.decode(json_of(graph), type=Graph) == graph


def test_sarif_says_where_and_how_bad() -> None:
    graph = explore(flows.a_handler_that_raises(), initiate="/start")
    log: dict[str, Any] = json.loads(sarif_of(graph))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    [result] = run["results"]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == "error"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("tests/explore/flows.py")
    assert place["region"]["startLine"] > 1
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [each["location"]["message"]["text"] for each in steps] == list(
        graph.findings[0].conversation
    )


def test_what_cannot_be_printed_is_shown_and_not_obeyed() -> None:
    app = flows.app_of(
        start=lambda _: Response(
            [flows.menu("Press 1 \N{RIGHT-TO-LEFT OVERRIDE}for sales.", "/start")]
        )
    )
    text = text_of(explore(app, initiate="/start"))
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    assert r"\u202e" in text


# Tests of findings


def test_a_saved_test_fails_before_the_fix_and_passes_after_it(folder: Path) -> None:
    done = command(folder, "acme:app", "--initiate", "/start", "--save-tests", "found")
    assert "1 test written to found" in done.stderr
    [file] = (folder / "found").iterdir()
    assert file.name == "test_key_goes_nowhere_2.py"
    before = pytest_in(folder, "found")
    assert before.returncode == 1, before.stdout
    assert "key 2 is offered" in before.stdout
    (folder / "acme.py").write_text(BROKEN.format(support=SPEAKS))
    after = pytest_in(folder, "found")
    assert after.returncode == 0, after.stdout


def test_the_saved_test_of_every_finding_fails_as_long_as_it_is_there(tmp_path: Path) -> None:
    count = 0
    for build in flows.FLOWS:
        name = build.__name__
        (tmp_path / f"{name}.py").write_text(
            f"import sys\nsys.path.insert(0, {str(HERE)!r})\nimport flows\napp = flows.{name}()\n"
        )
        graph = explore(build(), initiate="/start")
        options = {"initiate": "/start"}
        files = save_tests(graph, tmp_path / "found" / name, app=f"{name}:app", options=options)
        assert len(files) == len(graph.findings)
        count += len(files)
    done = pytest_in(tmp_path, "--import-mode=importlib", "found")
    assert f"{count} failed in" in done.stdout, done.stdout
    assert "WayLost" not in done.stdout
    assert done.stdout.count("AssertionError: ") >= count


def test_credentials_are_written_into_no_file(tmp_path: Path) -> None:
    graph = explore(flows.a_key_that_leads_back(), initiate="/start")
    with pytest.raises(ValueError, match="credentials are not written"):
        save_tests(graph, tmp_path, app="acme:app", options={"credentials": ("a", "secret")})
    assert not list(tmp_path.iterdir())


def test_a_hostile_prompt_stays_a_comment_in_a_saved_test(tmp_path: Path) -> None:
    words = 'Press 1.\u2028raise SystemExit\n"""\nraise SystemExit'
    app = flows.app_of(start=lambda _: Response([flows.menu(words, "/start")]))
    graph = explore(app, initiate="/start")
    assert graph.findings
    for file in save_tests(graph, tmp_path, app='x"""\n:app'):
        compile(file.read_text(), file.name, "exec")
        assert "\nraise" not in file.read_text()


def test_a_name_is_loaded_from_the_working_directory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "acme.py").rename(folder / "acme_of_this_test.py")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert type(load("acme_of_this_test:app")).__name__ == "VoiceApp"
    del sys.modules["acme_of_this_test"]


def test_a_module_that_lacks_something_is_not_said_to_be_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lacking.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ValueError, match=r"lacking cannot be imported: .*surely_not_installed"):
        load("lacking:app")
